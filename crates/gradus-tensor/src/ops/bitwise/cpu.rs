//! The CPU kernel: element by element.
#![allow(unsafe_code)]

use super::Bits;
use crate::ops::kernel::{chunks, input, output};
use gradus_base::DType;
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_graph::Spec;

/// Elements a tile writes.
const TILE: usize = 1 << 14;

struct Bitwise {
    bits: Bits,
    dtype: DType,
    len: usize,
    touches: Touches,
}

pub(super) fn kernel(bits: Bits, spec: &Spec) -> Box<dyn Kernel> {
    let y = &spec.outputs[0];
    Box::new(Bitwise { bits, dtype: y.dtype, len: y.view.shape.len(), touches: spec.touches() })
}

// SAFETY: both inputs and the output are dense, of `len` elements of one type.
unsafe impl Kernel for Bitwise {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: see above. Booleans are bytes of 0 and 1, which and, or and xor keep.
        unsafe {
            match self.dtype {
                DType::Bool | DType::U8 => self.run::<u8>(args, i64::from, |x| x as u8),
                DType::I32 => self.run::<i32>(args, i64::from, |x| x as i32),
                DType::I64 => self.run::<i64>(args, |x| x, |x| x),
                dtype => unreachable!("{dtype} has no bits of a number"),
            }
        }
    }
}

impl Bitwise {
    unsafe fn run<T: Copy + Send + Sync>(
        &self,
        args: &Args<'_>,
        wide: impl Fn(T) -> i64 + Sync,
        narrow: impl Fn(i64) -> T + Sync,
    ) {
        // SAFETY: as `launch`.
        let (a, b, y) = unsafe {
            (
                input::<T>(args, 0, self.len),
                input::<T>(args, 1, self.len),
                output::<T>(args, 0, self.len),
            )
        };
        let (bits, width) = (self.bits, 8 * size_of::<T>() as u32);
        chunks(y, TILE, |tile, y| {
            let at = tile * TILE;
            for ((y, &a), &b) in y.iter_mut().zip(&a[at..]).zip(&b[at..]) {
                *y = narrow(bits.of(wide(a), wide(b), width));
            }
        });
    }
}
