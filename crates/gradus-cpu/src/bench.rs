//! What benchmarks need of the machine: its measured peak, and matrix products without a graph around them.

use crate::gemm::gemm_by;
use crate::lanes::{Choice, InstructionSet, Lanes};
use crate::{Isa, Mat, MatMut, PackedB, form, gemm, gemm_packed, pack_b, parallel};
use gradus_base::Buffer;
use std::hint::black_box;
use std::time::{Duration, Instant};

const CHAIN_STEPS: usize = 4000;
/// Independent chains, enough to hide a multiply-add's latency with two units.
const CHAINS: usize = 10;

/// GFLOP/s of f32 multiply-adds from registers on `threads` threads: the most any kernel could reach. The best of many
/// readings, since whatever else the machine does only lowers them. More than [`crate::threads`] are not used.
pub fn fma_peak(threads: usize) -> f64 {
    let (start, mut best) = (Instant::now(), 0f64);
    while start.elapsed() < Duration::from_millis(60) {
        let before = Instant::now();
        let flops = multiply_add(threads);
        best = best.max(flops / before.elapsed().as_secs_f64());
    }
    best / 1e9
}

/// The work that [`fma_peak`] measures, once: independent chains of multiply-adds on every thread. Its operations.
pub fn multiply_add(threads: usize) -> f64 {
    let (lanes, chains) = Isa::current().choose_widest(Peak);
    // SAFETY: the path in use has its vectors.
    parallel(threads, &|_| unsafe { chains(&CHAIN_STEPS) });
    (2 * CHAIN_STEPS * CHAINS * lanes * threads) as f64
}

/// The lanes of the widest vectors, and [`chains`] of them.
struct Peak;

impl Choice for Peak {
    type Output = (usize, unsafe fn(&usize));
    fn of<P: InstructionSet>(self) -> Self::Output {
        (<P::WideF32 as Lanes>::LEN, P::call::<Chains>)
    }
}

form! { Chains(usize), P => chains::<P::WideF32> }

/// The work that [`fma_peak`] measures: independent chains of multiply-adds.
#[inline(always)]
unsafe fn chains<V: Lanes<Scalar = f32>>(steps: &usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut x = [V::splat(1.0); CHAINS];
        let (a, b) = (V::splat(black_box(0.999)), V::splat(black_box(0.001)));
        for _ in 0..*steps {
            for i in 0..CHAINS {
                x[i] = x[i].mul_add(a, b);
            }
        }
        black_box(x);
    }
}

/// C = A·B of row-major f32 matrices, to be repeated.
pub struct Product {
    sizes: [usize; 3],
    a: Buffer,
    b: Buffer,
    packed: Option<Buffer>,
    c: Buffer,
}

impl Product {
    /// The product of A `[m, k]` and B `[k, n]`, given by their elements; with `packed`, B is packed beforehand.
    ///
    /// # Panics
    /// If A or B has another number of elements.
    pub fn new([m, k, n]: [usize; 3], a: &[f32], b: &[f32], packed: bool) -> Product {
        assert_eq!((a.len(), b.len()), (m * k, k * n), "elements of A [{m}, {k}] and B [{k}, {n}]");
        let (a, b) = (Buffer::from_slice(a), Buffer::from_slice(b));
        let packed = packed.then(|| {
            let mut to = Buffer::zeroed(PackedB::<f32>::len(k, n) * size_of::<f32>());
            // SAFETY: both buffers hold the shape, and they are distinct.
            unsafe { pack_b(k, n, matrix(&b, n), to.as_mut_ptr().cast::<f32>()) };
            to
        });
        let c = Buffer::zeroed(m * n * size_of::<f32>());
        Product { sizes: [m, k, n], a, b, packed, c }
    }

    /// Computes C.
    pub fn compute(&mut self) {
        let [m, k, n] = self.sizes;
        let ptr = self.c.as_mut_ptr().cast::<f32>();
        let (a, c) = (matrix(&self.a, k), MatMut { ptr, row_stride: n as isize, col_stride: 1 });
        // SAFETY: the buffers hold the shapes and are distinct; `packed` is what `pack_b` wrote for [k, n].
        unsafe {
            match &self.packed {
                Some(b) => gemm_packed(m, n, k, a, b.as_ptr().cast::<f32>(), c, false, None),
                None => gemm(m, n, k, a, matrix(&self.b, n), c, false, None),
            }
        }
    }

    /// Computes C from B as it lies, by the kernels of an instruction set.
    pub fn compute_by(&mut self, isa: Isa) {
        let [m, k, n] = self.sizes;
        let ptr = self.c.as_mut_ptr().cast::<f32>();
        let c = MatMut { ptr, row_stride: n as isize, col_stride: 1 };
        // SAFETY: the buffers hold the shapes and are distinct.
        unsafe { gemm_by(isa, [m, n, k], matrix(&self.a, k), matrix(&self.b, n), c) }
    }

    /// C `[m, n]`, as the last run left it.
    pub fn result(&self) -> &[f32] {
        let [m, _, n] = self.sizes;
        &self.c.as_slice::<f32>()[..m * n]
    }
}

/// A row-major matrix.
fn matrix(elements: &Buffer, columns: usize) -> Mat<f32> {
    Mat { ptr: elements.as_ptr().cast::<f32>(), row_stride: columns as isize, col_stride: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_packed_or_not() {
        for packed in [false, true] {
            let mut product =
                Product::new([2, 2, 3], &[1., 2., 3., 4.], &[1., 0., 2., 0., 1., 3.], packed);
            product.compute();
            assert_eq!(product.result(), [1., 2., 8., 3., 4., 18.]);
            for &isa in Isa::all() {
                product.compute_by(isa);
                assert_eq!(product.result(), [1., 2., 8., 3., 4., 18.], "{}", isa.name());
            }
        }
    }

    #[test]
    fn a_peak_is_a_speed() {
        assert!(fma_peak(1) > 0.0);
    }
}
