//! Influence: which samples that were learned from speak for what a network says, and which against it (TracIn).

use crate::{Subject, activations};
use gradus_base::{Error, Result};
use gradus_tensor::Tensor;

/// Samples with their labels.
#[derive(Clone, Copy, Debug)]
pub struct Labelled<'a> {
    /// Pictures, `[B, C, H, W]`.
    pub x: &'a Tensor,
    /// The class of each.
    pub labels: &'a [usize],
}

/// A network as it was at some time in its training, and the learning rate then.
#[derive(Clone)]
pub struct Then {
    /// The network with its weights of then.
    pub subject: Subject,
    /// The learning rate.
    pub rate: f64,
}

/// How much each training sample lowered the cross-entropy of each test sample, by the gradients of the last layer: Σ over times η (p − t)·(p′ − t′)
/// (h·h′ + 1), where h is what the last layer, a dense one, is given. Rows are test samples, columns training samples; who is above 0 helped.
///
/// **Shape** `n` training and `m` test pictures → m rows of n numbers.
///
/// # Errors
/// When there is no time, the layer before the last does not exist, or labels are not as many as pictures or beyond the last class.
///
/// **Paper** Pruthi et al. 2020, arXiv:2002.08484 §3.3 and §3.6 (TracInCP, last layer).
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*};
/// use gradus_see::{Labelled, Subject, Then, influence};
/// use gradus_tensor::Tensor;
/// let model = Sequential::new([1, 2, 2], &Init::new(0)).add(flatten()).add(dense(3));
/// let then = Then { subject: Subject::new(model.into()), rate: 0.1 };
/// let x = Tensor::rand([4, 1, 2, 2], 0);
/// let all = Labelled { x: &x, labels: &[0, 1, 2, 0] };
/// let found = influence(&[then], "flatten1", all, all)?;
/// assert!((0..4).all(|i| found[i][i] > 0.0)); // each helped itself
/// assert!(found[0][1] < 0.0); // and one of another class hindered
/// # Ok::<(), gradus_see::Error>(())
/// ```
pub fn influence(
    times: &[Then],
    before_last: &str,
    train: Labelled<'_>,
    test: Labelled<'_>,
) -> Result<Vec<Vec<f64>>> {
    if times.is_empty() {
        return Err(Error::value(
            "influence",
            "found no times of the training, expected at least one",
        ));
    }
    let mut found = vec![vec![0.0; train.labels.len()]; test.labels.len()];
    for Then { subject, rate } in times {
        let [train, test] = [train, test].map(|samples| errors(subject, before_last, samples));
        let (train, test) = (train?, test?);
        for (row, (h, e)) in found.iter_mut().zip(&test) {
            for (sum, (other_h, other_e)) in row.iter_mut().zip(&train) {
                *sum += rate * dot(e, other_e) * (dot(h, other_h) + 1.0);
            }
        }
    }
    Ok(found)
}

/// What the last layer is given of each sample, and what the loss's gradient is at the scores: p − t.
fn errors(
    subject: &Subject,
    layer: &str,
    samples: Labelled<'_>,
) -> Result<Vec<(Vec<f64>, Vec<f64>)>> {
    subject.check_classes(samples.x, samples.labels)?;
    let layers = subject.layers_of(samples.x)?;
    let last = layers.last().map_or("", |layer| layer.path.as_str()).to_owned();
    let given = activations(subject, samples.x, layer)?;
    let scores = activations(subject, samples.x, &last)?;
    let one = |((h, scores), &label): ((Vec<f64>, Vec<f64>), &usize)| {
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|s| (s - most).exp()).sum();
        let error =
            |(k, s): (usize, &f64)| (s - most).exp() / sum - f64::from(u8::from(k == label));
        (h, scores.iter().enumerate().map(error).collect())
    };
    Ok(given.into_iter().zip(scores).zip(samples.labels).map(one).collect())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_nn::losses::cross_entropy;
    use gradus_nn::{Init, Sequential, layers::*, parameters};
    use gradus_tensor::grad;

    /// The products of the gradients themselves, of a network whose every weight is in its last layer.
    #[test]
    fn influence_is_the_product_of_gradients() {
        let model = Sequential::new([1, 3, 3], &Init::new(4)).add(flatten()).add(dense(4));
        let weights: Vec<_> =
            parameters(&model).into_iter().map(|(_, p)| p.variable().tensor()).collect();
        let subject = Subject::new(model.into());
        let (x, labels) = (Tensor::rand([5, 1, 3, 3], 2), [0usize, 3, 1, 2, 3]);
        let gradient = |i: usize| {
            let scores = subject.scores(&x.slice(0, i..i + 1));
            let loss = cross_entropy(&scores, &Tensor::from([labels[i] as i64])).sum(..);
            let [w, b] = grad(&loss, [&weights[0], &weights[1]]);
            [w.to_vec::<f64>(), b.to_vec::<f64>()].concat()
        };
        let then = |rate| Then { subject: subject.clone(), rate };
        let all = Labelled { x: &x, labels: &labels };
        let found = influence(&[then(0.1), then(0.3)], "flatten1", all, all).unwrap();
        for (i, row) in found.iter().enumerate() {
            for (j, value) in row.iter().enumerate() {
                let product = 0.4 * dot(&gradient(i), &gradient(j));
                assert!((value - product).abs() < 1e-5, "{i} {j}: {value}, {product}");
            }
        }
        assert!(influence(&[], "flatten1", all, all).is_err());
        let few = Labelled { x: &x, labels: &labels[..4] };
        assert!(influence(&[then(0.1)], "flatten1", few, all).is_err());
    }
}
