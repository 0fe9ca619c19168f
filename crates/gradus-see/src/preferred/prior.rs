//! What keeps a picture like a picture while it is climbed: the priors of Yosinski et al. 2015, arXiv:1506.06579 §3.

use gradus_tensor::Tensor;

/// Four regularisations of each step. All are of what a pixel differs from the mean by.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Prior {
    /// The share of itself that a pixel loses in each step.
    pub decay: f64,
    /// The standard deviation of the Gaussian that blurs, in pixels; 0 for none.
    pub blur: f64,
    /// The picture is blurred once in so many steps.
    pub every: usize,
    /// This percentage of the pixels, those of least norm over the colours, becomes the mean.
    pub small_norms: f64,
    /// The same of those that contribute least: pixel times gradient, added up over the colours.
    pub small_contributions: f64,
}

/// The four settings that the paper shows, by name.
pub const PRIORS: &[(&str, Prior)] = &[
    (
        "yosinski-1",
        Prior { decay: 0.0, blur: 0.5, every: 4, small_norms: 50.0, small_contributions: 0.0 },
    ),
    (
        "yosinski-2",
        Prior { decay: 0.3, blur: 0.0, every: 0, small_norms: 20.0, small_contributions: 0.0 },
    ),
    (
        "yosinski-3",
        Prior { decay: 1e-4, blur: 1.0, every: 4, small_norms: 0.0, small_contributions: 0.0 },
    ),
    (
        "yosinski-4",
        Prior { decay: 0.0, blur: 0.5, every: 4, small_norms: 0.0, small_contributions: 90.0 },
    ),
];

impl Prior {
    /// Whether the picture is blurred in this step, counted from 0.
    pub(super) fn blurs_at(&self, step: usize) -> bool {
        self.blur > 0.0 && self.every > 0 && (step + 1).is_multiple_of(self.every)
    }

    /// What becomes of a picture that has just been climbed, `[B, C, H, W]` around 0. `slope` is its gradient, `blurred` 1 in steps that
    /// blur and else 0.
    pub(super) fn applied(&self, x: &Tensor, slope: &Tensor, blurred: &Tensor) -> Tensor {
        let mut x = x.clone();
        if self.decay > 0.0 {
            x = &x * (1.0 - self.decay);
        }
        if self.blur > 0.0 && self.every > 0 {
            x = x.lerp(&blur(&x, self.blur), blurred);
        }
        let (norms, contributions) = (x.square().sum(1), (&x * slope).sum(1).abs());
        for (what, percent) in
            [(norms, self.small_norms), (contributions, self.small_contributions)]
        {
            if percent > 0.0 {
                x *= above(&what, percent).unsqueeze(1);
            }
        }
        x
    }
}

/// 1 where a value `[B, H, W]` is among the largest of its picture, 0 for so many per cent, the smallest.
fn above(values: &Tensor, percent: f64) -> Tensor {
    let [b, h, w] = [0, 1, 2].map(|axis| values.size(axis));
    let flat = values.reshape([b, h * w]);
    let cut = ((percent / 100.0) * (h * w) as f64).round() as usize;
    if cut == 0 {
        return values.ones_like();
    }
    let least = flat.sort(1, false).select(1, cut.min(h * w) - 1).reshape([b, 1, 1]);
    values.gt(&least).cast(values.dtype())
}

/// A picture `[B, C, H, W]` blurred by a Gaussian of this deviation; beside it lies nothing, and what is there counts the more.
fn blur(x: &Tensor, deviation: f64) -> Tensor {
    let axis =
        |size: usize| Tensor::from_slice(&band(size, deviation), [size, size]).cast(x.dtype());
    axis(x.size(2)).matmul(x).matmul(&axis(x.size(3)).t())
}

/// Rows of weights by distance, each with sum 1.
fn band(size: usize, deviation: f64) -> Vec<f64> {
    let weight = |i: usize, j: usize| (-((i as f64 - j as f64) / deviation).powi(2) / 2.0).exp();
    let row = |i: usize| {
        let sum: f64 = (0..size).map(|j| weight(i, j)).sum();
        (0..size).map(move |j| weight(i, j) / sum)
    };
    (0..size).flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(prior: Prior, x: &[f64], slope: &[f64], blurred: f64) -> Vec<f64> {
        let shape = [1, 1, 2, x.len() / 2];
        let [x, slope] = [x, slope].map(|values| Tensor::from_slice(values, shape));
        prior.applied(&x, &slope, &Tensor::from(blurred)).to_vec::<f64>()
    }

    #[test]
    fn priors_by_hand() {
        let (x, slope) = ([4.0, -3.0, 1.0, -2.0], [0.5, 2.0, 1.0, -0.5]);
        let decay = Prior { decay: 0.25, ..Prior::default() };
        assert_eq!(applied(decay, &x, &slope, 0.0), [3.0, -2.25, 0.75, -1.5]);
        // Half of four pixels: the norms are 4, 3, 1 and 2.
        let norms = Prior { small_norms: 50.0, ..Prior::default() };
        assert_eq!(applied(norms, &x, &slope, 0.0), [4.0, -3.0, 0.0, 0.0]);
        // The contributions are 2, 6, 1 and 1.
        let contributions = Prior { small_contributions: 75.0, ..Prior::default() };
        assert_eq!(applied(contributions, &x, &slope, 0.0), [0.0, -3.0, 0.0, 0.0]);
        assert_eq!(
            applied(Prior { small_norms: 100.0, ..Prior::default() }, &x, &slope, 0.0),
            [0.0; 4]
        );
        assert_eq!(applied(Prior::default(), &x, &slope, 0.0), x);
    }

    /// Two pixels on each axis, one deviation apart: weights 1 and e^−½.
    #[test]
    fn blurs_by_hand() {
        let soft = Prior { blur: 1.0, every: 4, ..Prior::default() };
        let found = applied(soft, &[1.0, 0.0, 0.0, 0.0], &[0.0; 4], 1.0);
        let own = 1.0 / (1.0 + (-0.5f64).exp());
        let other = 1.0 - own;
        let expected = [own * own, own * other, other * own, other * other];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        assert_eq!(applied(soft, &[1.0, 0.0, 0.0, 0.0], &[0.0; 4], 0.0), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!([2, 3, 4, 7].map(|step| soft.blurs_at(step)), [false, true, false, true]);
    }
}
