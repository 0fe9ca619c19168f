//! Every product against three nested loops in f64.

use super::*;
use crate::{RowLoop, set_threads};
use gradus_base::{DType, Expr, Real};
use std::sync::atomic::{AtomicU32, Ordering};

/// Numbers in [-1, 1], different for each seed.
fn random(len: usize, seed: u32) -> Vec<f64> {
    let mut state = seed.wrapping_mul(2654435761).wrapping_add(12345);
    let next = || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        f64::from(state >> 8) / f64::from(1 << 23) - 1.0
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// How a test matrix lies in its buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lie {
    Rows,
    Columns,
    /// Rows apart, columns backwards.
    Backwards,
    /// Columns three apart, rows upwards.
    Spread,
}
const LIES: [Lie; 4] = [Lie::Rows, Lie::Columns, Lie::Backwards, Lie::Spread];

/// Length, offset of (0, 0), strides.
fn lay(lie: Lie, rows: usize, cols: usize) -> (usize, usize, isize, isize) {
    let (r, c) = (rows as isize, cols as isize);
    match lie {
        Lie::Rows => (rows * cols, 0, c, 1),
        Lie::Columns => (rows * cols, 0, 1, r),
        Lie::Backwards => (rows * (cols + 3), cols.saturating_sub(1), c + 3, -1),
        Lie::Spread => (rows * cols * 3, rows.saturating_sub(1) * cols * 3, -3 * c, 3),
    }
}

/// A matrix with its memory.
struct Held<T> {
    data: Vec<T>,
    offset: usize,
    row_stride: isize,
    col_stride: isize,
}

impl<T: Element> Held<T> {
    fn new(lie: Lie, rows: usize, cols: usize, seed: u32) -> Held<T> {
        let (len, offset, row_stride, col_stride) = lay(lie, rows, cols);
        let data = random(len, seed).into_iter().map(T::from_f64).collect();
        Held { data, offset, row_stride, col_stride }
    }
    fn mat(&self) -> Mat<T> {
        let ptr = self.data.as_ptr().wrapping_add(self.offset);
        Mat { ptr, row_stride: self.row_stride, col_stride: self.col_stride }
    }
    fn mat_mut(&mut self) -> MatMut<T> {
        let ptr = self.data.as_mut_ptr().wrapping_add(self.offset);
        MatMut { ptr, row_stride: self.row_stride, col_stride: self.col_stride }
    }
    fn get(&self, i: usize, j: usize) -> f64 {
        let at = self.offset as isize + i as isize * self.row_stride + j as isize * self.col_stride;
        self.data[at as usize].to_f64()
    }
}

/// The product by the kernels of every instruction set.
fn check<S: Scalar>(m: usize, n: usize, k: usize, lies: [Lie; 3], accumulate: bool, packed: bool) {
    let (a, b) = (Held::<S>::new(lies[0], m, k, 1), Held::<S>::new(lies[1], k, n, 2));
    let rows: Vec<Vec<f64>> = (0..m).map(|i| (0..k).map(|p| a.get(i, p)).collect()).collect();
    let columns: Vec<Vec<f64>> = (0..n).map(|j| (0..k).map(|p| b.get(p, j)).collect()).collect();
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let sums: Vec<f64> = rows.iter().flat_map(|x| columns.iter().map(|y| dot(x, y))).collect();
    for &isa in Isa::all() {
        let what =
            format!("{} {m}×{k}×{n} {lies:?} accumulate {accumulate} packed {packed}", isa.name());
        let c = Held::<S>::new(lies[2], m, n, 3);
        check_with(S::kernels(isa), [m, n, k], [&a, &b], c, &sums, accumulate, packed, &what);
    }
}

fn check_with<T: Scalar>(
    kernels: &'static kernel::Kernels<T>,
    [m, n, k]: [usize; 3],
    [a, b]: [&Held<T>; 2],
    mut c: Held<T>,
    sums: &[f64],
    accumulate: bool,
    packed: bool,
    what: &str,
) {
    let before = c.data.clone();
    let old = Held { data: before, ..c };
    let mut panels = vec![T::default(); n.next_multiple_of(kernels.nr) * k];
    // SAFETY: the buffers hold the shapes.
    unsafe {
        let right = if packed {
            pack_b_as(kernels, k, n, b.mat(), panels.as_mut_ptr());
            Right::Packed(panels.as_ptr())
        } else {
            Right::Strided(b.mat())
        };
        let (a, c) = (a.mat(), c.mat_mut());
        multiply(&Product { m, n, k, a, b: right, c, accumulate, epilogue: None }, kernels);
    }
    let epsilon = if T::DTYPE.size() == 4 { 1e-6 } else { 1e-15 };
    let mut touched = vec![false; c.data.len()];
    for i in 0..m {
        for j in 0..n {
            let want = sums[i * n + j] + if accumulate { old.get(i, j) } else { 0.0 };
            let bound = epsilon * (k as f64 + 2.0);
            let found = c.get(i, j);
            assert!(
                (found - want).abs() <= bound,
                "{what}: c[{i}, {j}] is {found}, expected {want}"
            );
            let at = c.offset as isize + i as isize * c.row_stride + j as isize * c.col_stride;
            touched[at as usize] = true;
        }
    }
    for (at, touched) in touched.into_iter().enumerate() {
        assert!(touched || c.data[at] == old.data[at], "{what}: an element outside C changed");
    }
}

#[test]
fn small_shapes_in_every_layout() {
    let sizes = [0, 1, 2, 3, 5, 7, 8, 9, 13, 16, 17, 33];
    for m in sizes {
        for n in sizes {
            for k in [0, 1, 2, 7, 8, 17, 40] {
                let pick = |x: usize| LIES[x % 4];
                for x in 0..4 {
                    let lies = [pick(m + x), pick(n + k + x * 3), pick(x / 2 + m + n)];
                    check::<f32>(m, n, k, lies, (m + n) % 2 == 0, false);
                    check::<f64>(m, n, k, lies, (m + k) % 2 == 0, x % 2 == 0);
                }
            }
        }
    }
}

#[test]
fn larger_shapes_in_every_layout() {
    for (m, n, k) in [
        (130, 129, 131),
        (70, 200, 400),
        (250, 65, 800),
        (1, 3000, 100),
        (3000, 1, 100),
        (45, 70, 1024),
        (128, 9, 2048),
    ] {
        for x in 0..4 {
            for y in 0..4 {
                let lies = [LIES[x], LIES[y], LIES[(x + y) % 2 * (x + 1) % 4]];
                check::<f32>(m, n, k, lies, x == y, false);
                check::<f32>(m, n, k, lies, x == y, true);
                check::<f64>(m, n, k, lies, x != y, x == 1);
            }
        }
    }
}

/// The rungs of the ladder in README.md, each compared with the one below.
mod ladder {
    use super::*;

    fn naive(m: usize, n: usize, k: usize, a: &[f32], b: &[f32]) -> Vec<f64> {
        let mut c = vec![0.0; m * n];
        for i in 0..m {
            for j in 0..n {
                for p in 0..k {
                    c[i * n + j] += f64::from(a[i * k + p]) * f64::from(b[p * n + j]);
                }
            }
        }
        c
    }

    /// Blocks of 32³: each number fetched is used 32 times before it leaves the cache.
    fn blocked(m: usize, n: usize, k: usize, a: &[f32], b: &[f32]) -> Vec<f32> {
        const SIZE: usize = 32;
        let mut c = vec![0.0; m * n];
        for i0 in (0..m).step_by(SIZE) {
            for p0 in (0..k).step_by(SIZE) {
                for j0 in (0..n).step_by(SIZE) {
                    for i in i0..(i0 + SIZE).min(m) {
                        for p in p0..(p0 + SIZE).min(k) {
                            for j in j0..(j0 + SIZE).min(n) {
                                c[i * n + j] += a[i * k + p] * b[p * n + j];
                            }
                        }
                    }
                }
            }
        }
        c
    }

    /// The library's loops and packing around kernels of the given kind.
    fn packed(
        [m, n, k]: [usize; 3],
        a: &[f32],
        b: &[f32],
        kernels: &'static kernel::Kernels<f32>,
    ) -> Vec<f32> {
        let mut c = vec![0.0; m * n];
        let rows = |ptr, width: usize| Mat { ptr, row_stride: width as isize, col_stride: 1 };
        let product = Product {
            m,
            n,
            k,
            a: rows(a.as_ptr(), k),
            b: Right::Strided(rows(b.as_ptr(), n)),
            c: MatMut { ptr: c.as_mut_ptr(), row_stride: n as isize, col_stride: 1 },
            accumulate: false,
            epilogue: None,
        };
        // SAFETY: the slices hold the shapes.
        unsafe { multiply(&product, kernels) };
        c
    }

    #[test]
    fn every_rung_agrees_with_the_naive_loops() {
        for [m, n, k] in [[1, 1, 1], [50, 70, 90], [97, 130, 600], [1, 200, 77], [65, 1, 300]] {
            let narrow = |x: Vec<f64>| x.into_iter().map(|x| x as f32).collect::<Vec<_>>();
            let (a, b) = (narrow(random(m * k, 1)), narrow(random(k * n, 2)));
            let want = naive(m, n, k, &a, &b);
            // Packed in portable lanes, then in those of each instruction set.
            let mut rungs = vec![("blocked", blocked(m, n, k, &a, &b))];
            for &isa in Isa::all() {
                rungs.push((isa.name(), packed([m, n, k], &a, &b, f32::kernels(isa))));
            }
            for (rung, found) in rungs {
                for (x, y) in found.iter().zip(&want) {
                    assert!((f64::from(*x) - y).abs() < 1e-6 * k as f64, "{rung} {m}×{k}×{n}");
                }
            }
        }
    }
}

#[test]
fn same_bits_for_any_number_of_threads() {
    for (m, n, k) in [(64, 64, 64), (100, 300, 700), (1, 5000, 64), (5000, 1, 64), (700, 10, 128)] {
        for lies in [[Lie::Rows, Lie::Rows], [Lie::Columns, Lie::Rows], [Lie::Rows, Lie::Columns]] {
            let a = Held::<f32>::new(lies[0], m, k, 1);
            let b = Held::<f32>::new(lies[1], k, n, 2);
            let results = [1, 2, 3, 8].map(|threads| {
                set_threads(threads);
                let mut c = Held::<f32>::new(Lie::Rows, m, n, 3);
                // SAFETY: the buffers hold the shapes.
                unsafe { gemm(m, n, k, a.mat(), b.mat(), c.mat_mut(), false, None) };
                c.data.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
            });
            assert!(results.iter().all(|r| *r == results[0]), "{m}×{k}×{n} {lies:?}");
        }
    }
}

struct Count {
    n: usize,
    counts: Vec<AtomicU32>,
}

impl Epilogue<f32> for Count {
    unsafe fn apply(&self, row: usize, col: usize, ptr: *mut f32, len: usize) {
        for j in 0..len {
            self.counts[row * self.n + col + j].fetch_add(1, Ordering::Relaxed);
            // SAFETY: the contract.
            unsafe { *ptr.add(j) += 100.0 }
        }
    }
}

#[test]
fn the_epilogue_sees_each_finished_element_once() {
    for (m, n, k) in
        [(1, 1, 0), (10, 8, 8), (1, 300, 9), (300, 1, 9), (130, 210, 1100), (64, 70, 500)]
    {
        for lie in [Lie::Rows, Lie::Columns] {
            let a = Held::<f32>::new(lie, m, k, 1);
            let b = Held::<f32>::new(lie, k, n, 2);
            let plain = |epilogue: Option<&dyn Epilogue<f32>>| {
                let mut c = Held::<f32>::new(Lie::Rows, m, n, 3);
                // SAFETY: the buffers hold the shapes.
                unsafe { gemm(m, n, k, a.mat(), b.mat(), c.mat_mut(), true, epilogue) };
                c.data
            };
            let count = Count {
                n,
                counts: std::iter::repeat_with(AtomicU32::default).take(m * n).collect(),
            };
            let (with, without) = (plain(Some(&count)), plain(None));
            assert!(count.counts.iter().all(|c| c.load(Ordering::Relaxed) == 1), "{m}×{k}×{n}");
            assert!(with.iter().zip(&without).all(|(x, y)| *x == y + 100.0), "{m}×{k}×{n}");
        }
    }
}

/// An epilogue that does not tell what it is.
struct Untold<'a>(&'a dyn Epilogue<f32>);

impl Epilogue<f32> for Untold<'_> {
    unsafe fn apply(&self, row: usize, col: usize, ptr: *mut f32, len: usize) {
        // SAFETY: passed on.
        unsafe { self.0.apply(row, col, ptr, len) }
    }
}

/// The bits of a product with bounds that tiles know of, then of one with the same epilogue after the tiles.
fn bounded(kernels: &'static kernel::Kernels<f32>, [m, n, k]: [usize; 3], expr: &Expr) {
    let (mut a, mut b) =
        (Held::<f32>::new(Lie::Rows, m, k, 1), Held::<f32>::new(Lie::Rows, k, n, 2));
    // The first row is −0 where b's last row is negative, the last NaN and infinite.
    a.data[..k].fill(0.0);
    (a.data[k - 1], a.data[m * k - 1], a.data[(m - 1) * k]) = (1e-30, f32::NAN, f32::INFINITY);
    b.data[(k - 1) * n..].iter_mut().for_each(|x| *x *= 1e-30);
    let mut bias: Vec<f32> = random(n, 3).into_iter().map(|x| x as f32).collect();
    bias.iter_mut().step_by(3).for_each(|x| *x = -0.0);
    let p = RowLoop::new(expr, DType::F32, &[(DType::F32, n as isize, 1), (DType::F32, 0, 1)]);
    let inputs = [std::ptr::null(), bias.as_ptr().cast()];
    // SAFETY: the bias lives as long as the epilogue.
    let row = unsafe { p.bind_inputs(&inputs) };
    assert!(Epilogue::<f32>::clip(&row).is_some());
    for accumulate in [false, true] {
        let [told, untold] = [&row as &dyn Epilogue<f32>, &Untold(&row)].map(|epilogue| {
            let mut c = Held::<f32>::new(Lie::Rows, m, n, 4);
            c.data[0] = -0.0;
            let (a, right, c_mat) = (a.mat(), Right::Strided(b.mat()), c.mat_mut());
            let epilogue = Some(epilogue);
            // SAFETY: the buffers hold the shapes.
            unsafe {
                multiply(&Product { m, n, k, a, b: right, c: c_mat, accumulate, epilogue }, kernels)
            };
            c.data.iter().map(|x| if x.is_nan() { 1 } else { x.to_bits() }).collect::<Vec<_>>()
        });
        assert_eq!(told, untold, "{m}×{k}×{n} accumulate {accumulate} {expr:?}");
    }
}

#[test]
fn bounds_in_a_tile_give_the_bits_of_the_epilogue() {
    let infinite = f64::INFINITY;
    for [low, high] in
        [[-infinite, infinite], [0.0, infinite], [0.0, 6.0], [-0.25, 0.5], [-infinite, 0.25]]
    {
        let expr = Expr::trace(2, |x| {
            let sum = x[0] + x[1];
            let above = if low > -infinite { sum.max(Real::constant(low)) } else { sum };
            vec![if high < infinite { above.min(Real::constant(high)) } else { above }]
        });
        for &isa in Isa::all() {
            for size in [[30, 40, 16], [100, 33, 600], [70, 96, 24], [5, 7, 3], [2, 1, 40]] {
                bounded(f32::kernels(isa), size, &expr);
            }
        }
    }
}

#[test]
fn only_bounds_of_a_sum_with_a_repeated_row_go_into_tiles() {
    let told = |expr: &Expr, rows: isize, cols: isize| {
        let inputs = [(DType::F32, 8, 1), (DType::F32, rows, cols)];
        let bias = [0.0f32; 8];
        let inputs_at = [std::ptr::null(), bias.as_ptr().cast()];
        let p = RowLoop::new(expr, DType::F32, &inputs);
        // SAFETY: nothing is applied.
        Epilogue::<f32>::clip(&unsafe { p.bind_inputs(&inputs_at) }).is_some()
    };
    let sum = Expr::trace(2, |x| vec![x[1] + x[0]]);
    assert!(told(&sum, 0, 1));
    assert!(!told(&sum, 8, 1) && !told(&sum, 0, 0) && !told(&sum, 1, 0));
    let zero = |x: f64| Expr::trace(2, move |v| vec![(v[0] + v[1]).min(Real::constant(x))]);
    assert!(told(&zero(-1.0), 0, 1) && !told(&zero(0.0), 0, 1));
    let others = [
        Expr::trace(2, |x| vec![x[0] * x[1]]),
        Expr::trace(2, |x| vec![x[0] + x[0] * x[1]]),
        Expr::trace(2, |x| vec![(x[0] + x[1]).tanh()]),
        Expr::trace(2, |x| vec![(x[0] + x[1]).max(Real::constant(-0.0))]),
    ];
    assert!(others.iter().all(|expr| !told(expr, 0, 1)));
}

#[test]
fn nan_and_infinity_propagate() {
    for n in [1, 2, 9, 40] {
        let (a, mut b) = (vec![0.0f32; 30 * 7], vec![1.0f32; 7 * n]);
        b[3 * n] = f32::INFINITY;
        let mut c = vec![1.0f32; 30 * n];
        let mat = |v: &[f32], width: usize| Mat {
            ptr: v.as_ptr(),
            row_stride: width as isize,
            col_stride: 1,
        };
        let out = MatMut { ptr: c.as_mut_ptr(), row_stride: n as isize, col_stride: 1 };
        // SAFETY: the vectors hold the shapes.
        unsafe { gemm(30, n, 7, mat(&a, 7), mat(&b, n), out, false, None) };
        for (i, x) in c.iter().enumerate() {
            assert_eq!(x.is_nan(), i % n == 0, "0·∞ is NaN, and only there");
        }
    }
}

#[test]
#[should_panic(expected = "found a column stride of 3")]
fn an_epilogue_needs_contiguous_columns() {
    let (a, mut c) = (Held::<f32>::new(Lie::Rows, 4, 4, 1), Held::new(Lie::Spread, 4, 4, 2));
    let count = Count { n: 4, counts: Vec::new() };
    // SAFETY: the buffers hold the shapes.
    unsafe { gemm(4, 4, 4, a.mat(), a.mat(), c.mat_mut(), false, Some(&count)) }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
    #[test]
    fn any_shape_and_layout(
        m in 0usize..130, n in 0usize..130, k in 0usize..130,
        x in 0usize..4, y in 0usize..4, z in 0usize..4,
        accumulate: bool, packed: bool,
    ) {
        check::<f32>(m, n, k, [LIES[x], LIES[y], LIES[z]], accumulate, packed);
        check::<f64>(m, n, k, [LIES[x], LIES[y], LIES[z]], accumulate, packed);
    }
}
