//! Metrics of a whole set: ranks, variances, counts of classes.

use super::Metric;
use crate::Confusion;
use gradus_tensor::{DType, Tensor};

/// 1 − Σ(t − x)²/Σ(t − mean t)², the part of the targets' variance that the model explains: `x` and `t` of one shape, `[B]` or
/// `[B, K]`; of several targets the mean, as in scikit-learn. Targets that are all equal give 1 where each is met, else 0.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::dense, losses::mean_squared};
/// use gradus_tensor::Tensor;
/// use gradus_train::{Arrays, Learner, Recipe, metrics, optim::Sgd};
/// let recipe = Recipe { loss: mean_squared.into(), metrics: vec![metrics::r2()], ..Recipe::default() };
/// let model = Sequential::new([1], &Init::new(0)).add(dense(1));
/// let mut learner = Learner::with(model.into(), Box::new(Sgd::new(0.1)), recipe, 0);
/// let x = Tensor::randn([40, 1], 1);
/// let data = Arrays::new(&x, &(&x * 3.0 + 2.0), 7)?;
/// learner.fit(&data, 60)?;
/// assert!(learner.evaluate(&data)?.metrics[0] > 0.99);
/// # Ok::<(), gradus_train::TrainError>(())
/// ```
#[doc(alias = "R2Score")]
pub fn r2() -> Metric {
    Metric::whole(
        "r2",
        true,
        |x, t| side_by_side("r2", x, t),
        |rows, columns| {
            mean_over_targets(rows, columns, |pairs| {
                let n = pairs.len() as f64;
                let mean = pairs.iter().map(|(_, t)| t).sum::<f64>() / n;
                let missed: f64 = pairs.iter().map(|(x, t)| (t - x).powi(2)).sum();
                let spread: f64 = pairs.iter().map(|(_, t)| (t - mean).powi(2)).sum();
                match (missed == 0.0, spread == 0.0) {
                    (true, true) => Some(1.0),
                    (false, true) => Some(0.0),
                    _ => Some(1.0 - missed / spread),
                }
            })
        },
    )
}

/// The area under the ROC curve: how often a yes scores above a no, ties counting half. Scores `x` and targets `t` (1 or 0) are of one
/// shape, `[B]` or `[B, K]`; of several labels it is the mean over those that have both, NaN if none has.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::auc;
/// assert_eq!(auc().name, "auc");
/// ```
pub fn auc() -> Metric {
    Metric::whole(
        "auc",
        true,
        |x, t| side_by_side("auc", x, t),
        |rows, columns| {
            mean_over_targets(rows, columns, |pairs| {
                if pairs.iter().any(|(x, _)| x.is_nan()) {
                    return Some(f64::NAN);
                }
                let mut sorted = pairs.to_vec();
                sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
                let yes = sorted.iter().filter(|(_, t)| *t > 0.5).count() as f64;
                let no = sorted.len() as f64 - yes;
                // The ranks of the yes, equals sharing their mean rank.
                let (mut ranks, mut at) = (0.0, 0);
                while at < sorted.len() {
                    let ties = sorted[at..].iter().take_while(|(x, _)| *x == sorted[at].0).count();
                    let rank = at as f64 + (ties as f64 + 1.0) / 2.0;
                    let of_ties = sorted[at..at + ties].iter().filter(|(_, t)| *t > 0.5).count();
                    ranks += rank * of_ties as f64;
                    at += ties;
                }
                (yes > 0.0 && no > 0.0).then(|| (ranks - yes * (yes + 1.0) / 2.0) / (yes * no))
            })
        },
    )
}

/// The mean F1 of all classes, of scores `x [B, C, ..]` and labels `t [B, ..]`; a class that is neither there nor guessed counts as 0.
pub fn macro_f1() -> Metric {
    let rows = |x: &Tensor, t: &Tensor| {
        super::expect_labels("macro_f1", x, t);
        // Each place of `t [B, ..]` is a row.
        let column = |t: &Tensor| t.cast(DType::F64).reshape([t.len(), 1]);
        let classes = Tensor::full_of([t.len(), 1], x.size(1) as f64, DType::F64);
        Tensor::concat(&[&column(t), &column(&x.argmax(1)), &classes], 1)
    };
    Metric::whole("macro_f1", true, rows, |rows, _| {
        let classes = rows.get(2).map_or(0, |&c| c as usize);
        let mut confusion = Confusion::new(classes);
        for row in rows.chunks_exact(3) {
            // A label that is no class was refused by the loss.
            let _ = confusion.add(row[0] as i64, row[1] as i64);
        }
        confusion.macro_f1()
    })
}

/// What the model gives beside the targets: `[B, 2K]`.
fn side_by_side(metric: &'static str, x: &Tensor, t: &Tensor) -> Tensor {
    super::same_shape(metric, x, t);
    let flat = |t: &Tensor| t.cast(DType::F64).reshape([t.size(0), t.len() / t.size(0)]);
    Tensor::concat(&[&flat(x), &flat(t)], 1)
}

/// The mean of a number of each target that has one, from rows of K outputs and K targets; NaN if none has.
fn mean_over_targets(
    rows: &[f64],
    columns: usize,
    of: impl Fn(&[(f64, f64)]) -> Option<f64>,
) -> f64 {
    let k = columns / 2;
    let pairs = |target: usize| -> Vec<(f64, f64)> {
        rows.chunks_exact(columns.max(1)).map(|row| (row[target], row[k + target])).collect()
    };
    let all: Vec<f64> = (0..k).filter_map(|target| of(&pairs(target))).collect();
    all.iter().sum::<f64>() / all.len() as f64
}

#[cfg(test)]
mod tests {
    use super::{auc, macro_f1, r2};
    use gradus_tensor::Tensor;

    /// Scores of pictures: each pixel counts, and the scores' own classes are all right.
    #[test]
    fn every_place_counts() {
        let x = Tensor::randn([2, 3, 4, 5], 1);
        let rows = |t: &Tensor| macro_f1().of(&x, t).to_vec::<f64>();
        let finish = |rows: &[f64]| (macro_f1().finish.as_ref().unwrap())(rows, 3);
        assert_eq!(finish(&rows(&x.argmax(1))), 1.0);
        assert!(finish(&rows(&(&x * -1.0).argmax(1))) < 0.1);
        let top = crate::metrics::top_k::<2>();
        let second = (&x - x.max(1).unsqueeze(1)).eq(0.0);
        let second = second.select_where(&x.full_like(-9.0), &x).argmax(1); // the second largest
        assert!(top.of(&x, &second).to_vec::<f32>().iter().all(|&hit| hit == 1.0));
        assert!(top.of(&x, &(&x * -1.0).argmax(1)).to_vec::<f32>().iter().all(|&hit| hit == 0.0));
    }

    /// scikit-learn's figures: `roc_auc_score([0, 0, 1, 1], [.1, .4, .35, .8])` is .75; `r2_score` of two outputs .937 and .908.
    #[test]
    fn figures_of_scikit_learn() {
        let finish = |m: &super::Metric, rows: &[f64], k| (m.finish.as_ref().unwrap())(rows, k);
        let rows = [0.1, 0.0, 0.4, 0.0, 0.35, 1.0, 0.8, 1.0];
        assert!((finish(&auc(), &rows, 2) - 0.75).abs() < 1e-15);
        let ties = [0.5, 0.0, 0.5, 1.0, 0.5, 1.0];
        assert_eq!(finish(&auc(), &ties, 2), 0.5);
        assert!(finish(&auc(), &[0.5, 1.0], 2).is_nan(), "there is no no");
        let two = [0.0, 2.0, 0.5, 1.0, -1.0, 2.0, -1.0, 1.0, 8.0, -5.0, 7.0, -6.0];
        assert!((finish(&r2(), &two, 4) - 0.936_8).abs() < 1e-3, "{}", finish(&r2(), &two, 4));
        assert_eq!(finish(&r2(), &[3.0, 3.0, 3.0, 3.0], 2), 1.0);
        assert_eq!(finish(&r2(), &[3.0, 3.0, 2.0, 3.0], 2), 0.0);
    }
}
