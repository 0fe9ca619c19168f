//! Every product against three nested loops in f64.

use super::*;
use crate::set_threads;
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

fn check<T: Element>(m: usize, n: usize, k: usize, lies: [Lie; 3], accumulate: bool, packed: bool) {
    let a = Held::<T>::new(lies[0], m, k, 1);
    let b = Held::<T>::new(lies[1], k, n, 2);
    let mut c = Held::<T>::new(lies[2], m, n, 3);
    let before = c.data.clone();
    let old = Held { data: before, ..c };
    let mut panels = vec![T::default(); PackedB::<T>::len(k, n)];
    // SAFETY: the buffers hold the shapes.
    unsafe {
        if packed {
            pack_b(k, n, b.mat(), panels.as_mut_ptr());
            gemm_packed(m, n, k, a.mat(), panels.as_ptr(), c.mat_mut(), accumulate, None);
        } else {
            gemm(m, n, k, a.mat(), b.mat(), c.mat_mut(), accumulate, None);
        }
    }
    let epsilon = if T::DTYPE.size() == 4 { 1e-6 } else { 1e-15 };
    let mut touched = vec![false; c.data.len()];
    for i in 0..m {
        for j in 0..n {
            let sum: f64 = (0..k).map(|p| a.get(i, p) * b.get(p, j)).sum();
            let want = sum + if accumulate { old.get(i, j) } else { 0.0 };
            let bound = epsilon * (k as f64 + 2.0);
            let found = c.get(i, j);
            assert!(
                (found - want).abs() <= bound,
                "{m}×{k}×{n} {lies:?} accumulate {accumulate} packed {packed}: c[{i}, {j}] is {found}, expected {want}"
            );
            let at = c.offset as isize + i as isize * c.row_stride + j as isize * c.col_stride;
            touched[at as usize] = true;
        }
    }
    for (at, touched) in touched.into_iter().enumerate() {
        assert!(touched || c.data[at] == old.data[at], "an element outside C changed");
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
    for (m, n, k) in
        [(130, 129, 131), (70, 200, 400), (250, 65, 800), (1, 3000, 100), (3000, 1, 100)]
    {
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
