//! The CPU kernel: a cast, if every number is whole.
#![allow(unsafe_code)]

use crate::ops::kernel::{input, output};
use gradus_base::DType;
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_graph::Spec;

struct CastWhole {
    dtype: DType,
    len: usize,
    touches: Touches,
}

pub(super) fn kernel(spec: &Spec) -> Box<dyn Kernel> {
    let x = &spec.inputs[0];
    Box::new(CastWhole { dtype: x.dtype, len: x.view.shape.len(), touches: spec.touches() })
}

// SAFETY: x and y are dense, of `len` elements; x is of `dtype`, y i64.
unsafe impl Kernel for CastWhole {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.dtype {
                DType::F64 => self.cast::<f64>(args),
                DType::F32 => self.cast::<f32>(args),
                dtype => unreachable!("{dtype} is cast before"),
            }
        }
    }
}

impl CastWhole {
    unsafe fn cast<T: Copy + Into<f64> + std::fmt::Display>(&self, args: &Args<'_>) {
        // SAFETY: as `launch`.
        let (x, y) = unsafe { (input::<T>(args, 0, self.len), output::<i64>(args, 0, self.len)) };
        for (at, (&own, y)) in x.iter().zip(y).enumerate() {
            let x: f64 = own.into();
            // Both ends are exact in f64; the upper one is the first that i64 does not hold.
            if !(x.trunc() == x && x >= i64::MIN as f64 && x < -(i64::MIN as f64)) {
                return args.fail(|| {
                    format!(
                        "the number at position {at} is {own}, expected a whole one that i64 holds"
                    )
                });
            }
            *y = x as i64;
        }
    }
}
