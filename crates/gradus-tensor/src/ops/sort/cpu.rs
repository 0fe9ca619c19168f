//! The CPU kernel: each row becomes (key, place) pairs of integers, which sort the same way wherever they run.
#![allow(unsafe_code)]

use crate::ops::kernel::{chunks, grain, input, output};
use gradus_base::DType;
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_cpu::with_scratch;
use gradus_graph::Spec;

/// Elements a tile sorts.
const TILE: usize = 1 << 12;

struct Argsort {
    dtype: DType,
    descending: bool,
    keep: usize,
    rows: usize,
    n: usize,
    touches: Touches,
}

pub(super) fn kernel(descending: bool, keep: usize, spec: &Spec) -> Box<dyn Kernel> {
    let x = &spec.inputs[0];
    let n = x.view.shape[x.view.shape.rank() - 1];
    let rows = x.view.shape[..x.view.shape.rank() - 1].iter().product();
    Box::new(Argsort { dtype: x.dtype, descending, keep, rows, n, touches: spec.touches() })
}

// SAFETY: x is dense, rows·n elements, y rows·keep of i64.
unsafe impl Kernel for Argsort {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.dtype {
                DType::F64 => {
                    self.sort(args, |x: f64| float_key(x.to_bits(), x.is_nan(), x == 0.0))
                }
                DType::F32 => self.sort(args, |x: f32| {
                    let x = f64::from(x);
                    float_key(x.to_bits(), x.is_nan(), x == 0.0)
                }),
                DType::I64 => self.sort(args, |x: i64| x as u64 ^ SIGN),
                dtype => unreachable!("{dtype} is cast"),
            }
        }
    }
}

const SIGN: u64 = 1 << 63;

/// Bits that order as the numbers do: NaN is the largest, both zeros are equal.
fn float_key(bits: u64, nan: bool, zero: bool) -> u64 {
    match (nan, zero) {
        (true, _) => u64::MAX,
        (_, true) => SIGN,
        _ if bits & SIGN != 0 => !bits,
        _ => bits | SIGN,
    }
}

impl Argsort {
    /// # Safety
    /// As `launch`; x holds `T`.
    unsafe fn sort<T: Copy + Sync>(&self, args: &Args<'_>, key: impl Fn(T) -> u64 + Sync) {
        let (n, keep) = (self.n, self.keep);
        // SAFETY: the caller's promise.
        let (x, y) = unsafe {
            (input::<T>(args, 0, self.rows * n), output::<i64>(args, 0, self.rows * keep))
        };
        let flip = if self.descending { u64::MAX } else { 0 };
        let rows = grain(TILE, n);
        chunks(y, rows * keep, |tile, y| {
            with_scratch(n * size_of::<[u64; 2]>(), |scratch| {
                // SAFETY: n pairs are lent, aligned; any bits are numbers.
                let pairs: &mut [[u64; 2]] =
                    unsafe { std::slice::from_raw_parts_mut(scratch.cast(), n) };
                for (row, y) in (tile * rows..).zip(y.chunks_exact_mut(keep)) {
                    let x = &x[row * n..][..n];
                    for ((i, pair), &x) in (0..).zip(&mut *pairs).zip(x) {
                        *pair = [key(x) ^ flip, i];
                    }
                    if keep < n {
                        pairs.select_nth_unstable(keep);
                    }
                    // Places differ, so this is stable; and it allocates nothing.
                    pairs[..keep].sort_unstable();
                    y.iter_mut().zip(&*pairs).for_each(|(y, pair)| *y = pair[1] as i64);
                }
            });
        });
    }
}
