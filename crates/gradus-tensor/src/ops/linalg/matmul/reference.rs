//! The matrix product on the reference device.

use gradus_base::Shape;
use gradus_reference::Array;

/// y[b, i, :] = Σₖ a[b, i, k]·b[b, k, :], in f64.
pub(super) fn matmul(a: &Array, b: &Array) -> Array {
    let axis = a.shape.rank() - 2;
    let [m, k, n] = [a.shape[axis], a.shape[axis + 1], b.shape[axis + 1]];
    let shape = a.shape.with(axis + 1, n);
    let batch = Shape::new(&shape[..axis]).len();
    let (a, b) = (a.reals(), b.reals());
    let mut y = vec![0.0; shape.len()];
    for at in 0..batch {
        for i in 0..m {
            let row = &mut y[(at * m + i) * n..][..n];
            for j in 0..k {
                let factor = a[(at * m + i) * k + j];
                let other = &b[(at * k + j) * n..][..n];
                row.iter_mut().zip(other).for_each(|(y, b)| *y += factor * b);
            }
        }
    }
    Array::new(shape, y)
}
