//! Batch normalisation on the reference device, channel by channel.

use gradus_base::Shape;
use gradus_reference::Array;

/// Where the elements of channel `c` of [N, C, ..] lie.
fn channel(shape: Shape, c: usize) -> impl Iterator<Item = usize> + Clone {
    let pixels: usize = shape[2..].iter().product();
    (0..shape[0]).flat_map(move |n| (0..pixels).map(move |i| (n * shape[1] + c) * pixels + i))
}

/// x [N, C, ..] → mean and variance [C].
pub(super) fn statistics(x: &Array) -> Vec<Array> {
    let (channels, v) = (x.shape[1], x.reals());
    let count = (x.len() / channels.max(1)) as f64;
    let (mut means, mut variances) = (vec![], vec![]);
    for c in 0..channels {
        let all = channel(x.shape, c);
        let mean = all.clone().map(|i| v[i]).sum::<f64>() / count;
        means.push(mean);
        variances.push(all.map(|i| (v[i] - mean) * (v[i] - mean)).sum::<f64>() / count);
    }
    vec![Array::new([channels], means), Array::new([channels], variances)]
}

/// x, w, b, mean, var → y = (x − mean)/√(var + ε)·w + b
pub(super) fn forward(eps: f64, inputs: &[Array]) -> Array {
    let [w, b, mean, variance] = [1, 2, 3, 4].map(|i| inputs[i].reals());
    let x = &inputs[0];
    let mut y = x.reals().to_vec();
    for c in 0..x.shape[1] {
        let scale = w[c] / (variance[c] + eps).sqrt();
        channel(x.shape, c).for_each(|i| y[i] = (y[i] - mean[c]) * scale + b[c]);
    }
    Array::new(x.shape, y)
}

/// x, w, b, mean, var, dy → dx, dw, db. With x̂ = (x − mean)/√(var + ε) and M the elements of a
/// channel: db = Σ dy, dw = Σ dy·x̂, dx = w/√(var + ε)·(dy − db/M − x̂·dw/M). If a ReLU followed,
/// dy counts where x̂·w + b is positive.
pub(super) fn backward(eps: f64, relu: bool, inputs: &[Array]) -> Vec<Array> {
    let [x, w, b, mean, variance, dy] = [0, 1, 2, 3, 4, 5].map(|i| inputs[i].reals());
    let (shape, channels) = (inputs[0].shape, w.len());
    let count = (x.len() / channels.max(1)) as f64;
    let mut dx = vec![0.0; x.len()];
    let (mut dw, mut db) = (vec![0.0; channels], vec![0.0; channels]);
    for c in 0..channels {
        let scale = 1.0 / (variance[c] + eps).sqrt();
        let unit = |i: usize| (x[i] - mean[c]) * scale;
        let dy = |i: usize| if relu && unit(i) * w[c] + b[c] <= 0.0 { 0.0 } else { dy[i] };
        let all = channel(shape, c);
        db[c] = all.clone().map(dy).sum();
        dw[c] = all.clone().map(|i| dy(i) * unit(i)).sum();
        for i in all {
            dx[i] = w[c] * scale * (dy(i) - (db[c] + unit(i) * dw[c]) / count);
        }
    }
    vec![Array::new(shape, dx), Array::new([channels], dw), Array::new([channels], db)]
}
