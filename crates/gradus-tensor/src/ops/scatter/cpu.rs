//! The CPU kernel: x is copied, then the elements go to their places one after the other.
#![allow(unsafe_code)]

use super::Scatter;
use crate::ops::kernel::{input, output};
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_base::{DType, Element};
use gradus_graph::Spec;

struct ScatterReduce {
    how: Scatter,
    dtype: DType,
    n: usize,
    m: usize,
    touches: Touches,
}

pub(super) fn kernel(how: Scatter, spec: &Spec) -> Box<dyn Kernel> {
    let (y, ids) = (&spec.outputs[0], &spec.inputs[1]);
    let (n, m) = (y.view.shape.len(), ids.view.shape.len());
    Box::new(ScatterReduce { how, dtype: y.dtype, n, m, touches: spec.touches() })
}

// SAFETY: x and y are dense, of `n` elements, ids and src of `m`; x, src and y are of one type.
unsafe impl Kernel for ScatterReduce {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: see above. Bytes of booleans are moved, multiplied and compared as numbers of 0 and 1, and stay so.
        unsafe {
            match self.dtype {
                DType::F64 => self.run::<f64>(args),
                DType::F32 => self.run::<f32>(args),
                DType::F16 => self.run::<gradus_base::f16>(args),
                DType::BF16 => self.run::<gradus_base::bf16>(args),
                DType::I32 => self.run::<i32>(args),
                DType::I64 => self.run::<i64>(args),
                DType::U8 | DType::Bool => self.run::<u8>(args),
            }
        }
    }
}

impl ScatterReduce {
    unsafe fn run<T: Join>(&self, args: &Args<'_>) {
        // SAFETY: as `launch`.
        let (x, ids, src, y) = unsafe {
            (
                input::<T>(args, 0, self.n),
                input::<i64>(args, 1, self.m),
                input::<T>(args, 2, self.m),
                output::<T>(args, 0, self.n),
            )
        };
        if let Some(at) = ids.iter().position(|&id| id as u64 >= self.n as u64) {
            let n = self.n;
            return args.fail(|| format!("index {} at position {at} is outside {n}", ids[at]));
        }
        y.copy_from_slice(x);
        let join = T::join(self.how);
        for (&id, &v) in ids.iter().zip(src) {
            let y = &mut y[id as usize];
            *y = join(*y, v);
        }
    }
}

/// What can be joined. A NaN stays, whichever is asked for.
trait Join: Element + PartialOrd {
    fn product(a: Self, b: Self) -> Self;

    fn join(how: Scatter) -> fn(Self, Self) -> Self {
        // A number that is not equal to itself is NaN.
        #[allow(clippy::eq_op)]
        fn nan<T: PartialEq>(x: &T) -> bool {
            x != x
        }
        match how {
            Scatter::Replace => |_, b| b,
            Scatter::Mul => Self::product,
            Scatter::Max => |a, b| if nan(&a) || a >= b { a } else { b },
            Scatter::Min => |a, b| if nan(&a) || a <= b { a } else { b },
            Scatter::Add => unreachable!("sums are another op"),
        }
    }
}

macro_rules! join {
    ($($t:ty, $product:expr;)*) => {$(
        impl Join for $t {
            fn product(a: $t, b: $t) -> $t {
                $product(a, b)
            }
        }
    )*};
}
join!(
    f32, std::ops::Mul::mul; f64, std::ops::Mul::mul;
    gradus_base::f16, std::ops::Mul::mul; gradus_base::bf16, std::ops::Mul::mul;
    i32, i32::wrapping_mul; i64, i64::wrapping_mul; u8, u8::wrapping_mul;
);
