//! The cross entropy and its gradient on the reference device.

use gradus_reference::Array;

/// x [N, C], labels [N] → loss, top = the largest score, rest = ln Σ e^(x − top), each [N].
pub(super) fn forward(x: &Array, labels: &Array) -> Result<Vec<Array>, String> {
    let [n, classes] = [x.shape[0], x.shape[1]];
    let mut outputs = [(); 3].map(|()| Vec::with_capacity(n));
    for (i, &label) in labels.integers().iter().enumerate() {
        let Some(label) = usize::try_from(label).ok().filter(|&l| l < classes) else {
            return Err(format!("label {label} at sample {i} is outside 0..{classes}"));
        };
        let row = &x.reals()[i * classes..][..classes];
        let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let rest = row.iter().map(|x| (x - top).exp()).sum::<f64>().ln();
        let each = [rest - (row[label] - top), top, rest];
        outputs.iter_mut().zip(each).for_each(|(output, y)| output.push(y));
    }
    Ok(outputs.map(|y| Array::new([n], y)).into())
}

/// x [N, C], labels, top, rest and dy [N] → dx = (e^(x − top − rest) − [label])·dy.
pub(super) fn backward(x: &[Array]) -> Array {
    let [scores, labels, top, rest, dy] = x else { unreachable!("five inputs") };
    let classes = scores.shape[1];
    let mut dx = scores.reals().to_vec();
    for (i, row) in dx.chunks_exact_mut(classes.max(1)).enumerate() {
        let (top, rest, dy) = (top.reals()[i], rest.reals()[i], dy.reals()[i]);
        row.iter_mut().for_each(|x| *x = (*x - top - rest).exp() * dy);
        // The forward pass checked the label.
        row[labels.integers()[i] as usize] -= dy;
    }
    Array::new(scores.shape, dx)
}
