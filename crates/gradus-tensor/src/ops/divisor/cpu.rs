//! The CPU kernel: a copy, if there is no 0.
#![allow(unsafe_code)]

use crate::ops::kernel::{input, output};
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_graph::Spec;

struct Divisor {
    len: usize,
    touches: Touches,
}

pub(super) fn kernel(spec: &Spec) -> Box<dyn Kernel> {
    Box::new(Divisor { len: spec.inputs[0].view.shape.len(), touches: spec.touches() })
}

// SAFETY: x and y are dense, of `len` i64.
unsafe impl Kernel for Divisor {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: see above.
        let (x, y) = unsafe { (input::<i64>(args, 0, self.len), output::<i64>(args, 0, self.len)) };
        match x.iter().position(|&x| x == 0) {
            Some(at) => args.fail(|| format!("the divisor at position {at} is 0")),
            None => y.copy_from_slice(x),
        }
    }
}
