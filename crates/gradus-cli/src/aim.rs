//! What is learned: classes or numbers, by which loss, measured how. What is shown of numbers is in the units of the data; what
//! a network learns of them has mean 0 and deviation 1.

use crate::error::{CliError, Result};
use crate::suggest::unknown;
use gradus::Tensor;
use gradus::data::{Dataset, Normalization};
use gradus::nn::losses::{LOSSES, Loss, NamedLoss, Target};
use gradus::train::metrics::{METRICS, Metric, NamedMetric};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// What a model learns, as it is kept beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aim {
    /// One of [`LOSSES`].
    pub loss: String,
    /// Some of [`METRICS`].
    pub metrics: Vec<String>,
    /// The names of the numbers that it learns; none of a classifier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Their means and deviations in the training data; none where they are learned as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mean: Vec<f64>,
    /// See `mean`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deviation: Vec<f32>,
}

/// A classifier's aim, unless something else is said.
pub static CLASSES: LazyLock<Aim> = LazyLock::new(|| Aim {
    loss: "cross_entropy".into(),
    metrics: default_metrics(Target::Label),
    targets: vec![],
    mean: vec![],
    deviation: vec![],
});

/// What is measured of targets where nothing is said.
pub fn default_metrics(target: Target) -> Vec<String> {
    let names: &[&str] = match target {
        Target::Label => &["accuracy"],
        Target::Numbers => &["r2", "mean_absolute_error"],
        Target::YesNo | Target::Sides => &["binary_accuracy", "auc"],
    };
    names.iter().map(|&name| name.to_owned()).collect()
}

/// A loss by its name.
pub fn named_loss(name: &str) -> Result<&'static NamedLoss> {
    let known = LOSSES.iter().find(|known| known.name == name);
    let names = || LOSSES.iter().map(|known| known.name).collect::<Vec<_>>();
    known.ok_or_else(|| unknown("loss", name, &names()))
}

/// A metric by its name.
fn named_metric(name: &str) -> Result<&'static NamedMetric> {
    let known = METRICS.iter().find(|known| known.name == name);
    let names = || METRICS.iter().map(|known| known.name).collect::<Vec<_>>();
    known.ok_or_else(|| unknown("metric", name, &names()))
}

/// What targets are called.
fn noun(target: Target) -> &'static str {
    match target {
        Target::Label => "classes",
        Target::Numbers => "numbers",
        Target::YesNo => "yes and no",
        Target::Sides => "two sides",
    }
}

/// `mse, mae or bce`: the losses, or metrics, that fit.
fn listed(names: impl Iterator<Item = &'static str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

impl Aim {
    /// Of settings: columns of numbers if there are such, a loss and metrics if they are stated.
    ///
    /// # Errors
    /// When the loss does not suit the targets, or a metric not the loss.
    pub fn new(targets: &[String], loss: Option<&str>, metrics: &[String]) -> Result<Aim> {
        let usage = |what: String| Err(CliError::Usage(what));
        let of_classes = |target: Target| target == Target::Label;
        let numbers = !targets.is_empty();
        let loss = named_loss(loss.unwrap_or(if numbers { "mse" } else { "cross_entropy" }))?;
        if of_classes(loss.target) == numbers {
            let fit = LOSSES.iter().filter(|known| of_classes(known.target) != numbers);
            let (found, fit) = (loss.name, listed(fit.map(|known| known.name)));
            return usage(match numbers {
                true => format!(
                    "loss: found {found}, which is of classes, for the target {}, expected {fit}",
                    targets.join(", ")
                ),
                false => format!(
                    "loss: found {found}, which is of {}, for data with classes, expected {fit}; --target names columns of numbers",
                    noun(loss.target)
                ),
            });
        }
        for (i, name) in metrics.iter().enumerate() {
            let metric = named_metric(name)?;
            if !metric.target.suits(loss.target) {
                let fit = METRICS.iter().filter(|known| known.target.suits(loss.target));
                let fit = listed(fit.map(|known| known.name));
                return usage(format!(
                    "metrics: found {name}, which is of {}, for the loss {}, expected {fit}",
                    noun(metric.target),
                    loss.name
                ));
            }
            if metrics[..i].contains(name) {
                return usage(format!("metrics: found {name} twice, expected each once"));
            }
        }
        let stated = !metrics.is_empty();
        let metrics = if stated { metrics.to_vec() } else { default_metrics(loss.target) };
        let targets = targets.to_vec();
        Ok(Aim { loss: loss.name.into(), metrics, targets, mean: vec![], deviation: vec![] })
    }

    /// The same for the targets of data, by their names there, with what numbers are normalised by; `of` is the aim of a trained
    /// model to go on with, whose normalisation stays.
    pub fn measured(mut self, data: &dyn Dataset, of: Option<&Aim>) -> Aim {
        self.targets = data.targets().names().to_vec();
        if self.target() != Target::Numbers {
            return self;
        }
        match of.filter(|of| of.targets == self.targets && of.target() == Target::Numbers) {
            Some(of) => (self.mean, self.deviation) = (of.mean.clone(), of.deviation.clone()),
            None => {
                let scale = Normalization::of_targets(data);
                (self.mean, self.deviation) = (scale.offset().to_vec(), scale.std().to_vec());
            }
        }
        self
    }

    /// Refuses what does not fit together: a file may say anything.
    pub fn verify(&self) -> Result<()> {
        Aim::new(&self.targets, Some(&self.loss), &self.metrics)?;
        let scaled = if self.target() == Target::Numbers { self.targets.len() } else { 0 };
        if (self.mean.len(), self.deviation.len()) != (scaled, scaled) {
            let what = format!(
                "targets: found {} means and {} deviations, expected {scaled}",
                self.mean.len(),
                self.deviation.len()
            );
            return Err(CliError::Work(what));
        }
        self.scale().map(drop)
    }

    /// Whether it is a classifier's.
    pub fn is_of_classes(&self) -> bool {
        self.targets.is_empty()
    }
    /// Whether nothing but what a classifier does anyway is said.
    pub fn is_default(&self) -> bool {
        *self == *CLASSES
    }
    /// What the targets are.
    pub fn target(&self) -> Target {
        named_loss(&self.loss).map_or(Target::Label, |loss| loss.target)
    }
    /// The loss.
    pub fn loss(&self) -> Loss {
        Loss::named(&self.loss).expect("losses were checked")
    }

    /// What the numbers are normalised by, if they are.
    pub fn scale(&self) -> Result<Option<Normalization>> {
        if self.mean.is_empty() {
            return Ok(None);
        }
        let centred = Normalization::new(&vec![0.0; self.mean.len()], &self.deviation)?;
        Ok(Some(centred.with_offset(&self.mean)?))
    }

    /// Numbers `[B, K]` as the network has them, in the units of the data and in f64.
    pub fn restored(&self, x: &Tensor) -> Tensor {
        let x = x.cast(gradus::DType::F64);
        if self.mean.is_empty() {
            return x;
        }
        let (deviation, mean) = self.rows();
        x * deviation + mean
    }

    /// Deviations and means, `[1, K]` each, in f64.
    pub fn rows(&self) -> (Tensor, Tensor) {
        let deviation: Vec<f64> = self.deviation.iter().map(|&d| d.into()).collect();
        let row = |numbers: &[f64]| Tensor::from_slice(numbers, [1, numbers.len()]);
        (row(&deviation), row(&self.mean))
    }

    /// The metrics, of numbers in the units of the data.
    pub fn metrics(&self) -> Vec<Metric> {
        let named = |name: &String| Metric::named(name).expect("metrics were checked");
        self.metrics.iter().map(named).collect()
    }

    /// The metrics, of numbers as the network has them: what they give is in the units of the data.
    pub fn learner_metrics(&self) -> Vec<Metric> {
        let restoring = |metric: Metric| match self.mean.is_empty() {
            true => metric,
            false => {
                let aim = self.clone();
                metric.of_changed(move |t| aim.restored(t))
            }
        };
        self.metrics().into_iter().map(restoring).collect()
    }
}

/// Some names: a list, or one text with commas, as on the command line.
pub fn names<'d, D: serde::Deserializer<'d>>(d: D) -> std::result::Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a name in quotes, or a list of names")]
    enum Names {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Names::deserialize(d)? {
        Names::List(list) => list,
        Names::Text(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aim(targets: &str, loss: Option<&str>, metrics: &str) -> Result<Aim> {
        let list = |text: &str| -> Vec<String> {
            text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
        };
        Aim::new(&list(targets), loss, &list(metrics))
    }

    #[test]
    fn what_is_not_said_follows_from_the_targets() {
        assert!(aim("", None, "").unwrap().is_default());
        let found = |targets, loss| {
            let aim = aim(targets, loss, "").unwrap();
            format!("{} {}", aim.loss, aim.metrics.join(" "))
        };
        assert_eq!(found("price", None), "mse r2 mean_absolute_error");
        assert_eq!(found("rain,wind", Some("bce")), "bce binary_accuracy auc");
        assert_eq!(found("side", Some("hinge")), "hinge binary_accuracy auc");
        assert_eq!(found("", Some("multi_class_hinge")), "multi_class_hinge accuracy");
    }

    #[test]
    fn what_does_not_go_together() {
        let refused = |targets, loss, metrics| aim(targets, loss, metrics).unwrap_err().to_string();
        assert_eq!(
            refused("price", Some("cross_entropy"), ""),
            "loss: found cross_entropy, which is of classes, for the target price, expected mse, mae, huber, smooth_l1, bce or hinge"
        );
        assert_eq!(
            refused("", Some("mse"), ""),
            "loss: found mse, which is of numbers, for data with classes, expected cross_entropy or multi_class_hinge; --target names columns of numbers"
        );
        assert_eq!(
            refused("price", None, "r2,accuracy"),
            "metrics: found accuracy, which is of classes, for the loss mse, expected mean_absolute_error or r2"
        );
        assert!(refused("a", Some("bce"), "r2").contains("expected binary_accuracy or auc"));
        assert!(refused("a", None, "r2,r2").contains("found r2 twice"));
        assert!(refused("a", Some("mce"), "").contains("unknown loss \"mce\""));
        assert!(refused("a", None, "rr2").contains("unknown metric \"rr2\""));
    }

    #[test]
    fn metrics_are_in_the_units_of_the_data() {
        let mut aim = aim("price,age", None, "").unwrap();
        (aim.mean, aim.deviation) = (vec![1e9, 50.0], vec![1000.0, 10.0]);
        aim.verify().unwrap();
        let (x, t) = (Tensor::from([[0.5f32, 1.0], [-1.0, 0.0]]), Tensor::zeros([2, 2]));
        let restored = aim.restored(&x).to_vec::<f64>();
        assert_eq!(restored, [1e9 + 500.0, 60.0, 1e9 - 1000.0, 50.0]);
        let value = |at: usize| aim.learner_metrics()[at].over(&x, &t);
        assert_eq!(aim.learner_metrics()[1].name, "mean_absolute_error");
        assert_eq!(value(1), (500.0 + 10.0 + 1000.0) / 4.0);
        aim.mean.pop();
        assert!(aim.verify().unwrap_err().to_string().contains("found 1 means and 2 deviations"));
    }
}
