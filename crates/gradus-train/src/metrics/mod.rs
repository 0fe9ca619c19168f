//! Metrics: numbers people understand. Most are one per sample, averaged; some are of a whole set, which no mean over batches gives.

mod whole;

pub use whole::{auc, macro_f1, r2};

use gradus_base::Error;
use gradus_nn::losses::Target;
use gradus_tensor::{DType, Place, Tensor, try_build};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

type Function = dyn Fn(&Tensor, &Tensor) -> Tensor + Send + Sync;
type Finish = dyn Fn(&[f64], usize) -> f64 + Send + Sync;

/// A number from what the model gives and the target. It may hold what it needs. Shapes that do not belong together are refused, as the
/// losses refuse them, and never broadcast.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::Metric;
/// let within = Metric::mean("within", true, |x, t| (x - t).abs().lt(0.1).cast(x.dtype()));
/// assert_eq!(within.name, "within");
/// ```
#[derive(Clone)]
pub struct Metric {
    /// The name in logs: `accuracy`.
    pub name: Cow<'static, str>,
    /// Whether larger is better.
    pub maximize: bool,
    function: Arc<Function>,
    pub(crate) finish: Option<Arc<Finish>>,
}

impl Metric {
    /// The mean of a number per sample, `[B]`, or per place of a sample, `[B, ..]`. One number for a whole batch is taken for the mean of
    /// its samples; where places are padding or labels do not count it is refused, since they would have a part in it.
    pub fn mean(
        name: impl Into<Cow<'static, str>>,
        maximize: bool,
        of: impl Fn(&Tensor, &Tensor) -> Tensor + Send + Sync + 'static,
    ) -> Metric {
        let function = Arc::new(of);
        Metric { name: name.into(), maximize, function, finish: None }
    }

    /// A number of a whole set: `rows` takes some numbers `[R, K]` from each batch, `finish` makes one number of all rows, one after
    /// the other, and of K. It is given by evaluations, not by training steps.
    pub fn whole(
        name: impl Into<Cow<'static, str>>,
        maximize: bool,
        rows: impl Fn(&Tensor, &Tensor) -> Tensor + Send + Sync + 'static,
        finish: impl Fn(&[f64], usize) -> f64 + Send + Sync + 'static,
    ) -> Metric {
        let (function, finish) = (Arc::new(rows), Some(Arc::new(finish) as Arc<Finish>));
        Metric { name: name.into(), maximize, function, finish }
    }

    /// The number of each sample, `[B]`; of a metric of a whole set the rows it takes.
    ///
    /// # Panics
    /// If the metric cannot be of such shapes.
    #[track_caller]
    pub fn of(&self, x: &Tensor, t: &Tensor) -> Tensor {
        match try_build(|| (self.function)(x, t)) {
            Ok(each) => each,
            Err(error) => Tensor::refuse(error.moved(file!(), Place::here())),
        }
    }

    /// The same metric of what the model gives and the target, both changed in one way before, such as brought back to their units.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics;
    /// let in_cents = metrics::mean_absolute_error().of_changed(|euros| euros * 100.0);
    /// assert_eq!(in_cents.over(&Tensor::from([[1.5f32]]), &Tensor::from([[1.25f32]])), 25.0);
    /// ```
    #[must_use]
    pub fn of_changed(self, change: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static) -> Metric {
        let of = self.function.clone();
        let function = Arc::new(move |x: &Tensor, t: &Tensor| of(&change(x), &change(t)));
        Metric { function, ..self }
    }

    /// The number of a whole set, of which the model gave `x [B, ..]` for the targets `t`: the mean over samples, or what a metric of
    /// a whole set makes of its rows.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics;
    /// let (x, t) = (Tensor::from([[1f32], [2.], [4.]]), Tensor::from([[1f32], [2.], [3.]]));
    /// assert_eq!(metrics::r2().over(&x, &t), 0.5);
    /// assert_eq!(metrics::mean_absolute_error().over(&x, &(&x + 2.0)), 2.0);
    /// ```
    ///
    /// # Panics
    /// If the metric cannot be of such shapes.
    #[track_caller]
    pub fn over(&self, x: &Tensor, t: &Tensor) -> f64 {
        let mut all = self.begin();
        all.add(x, t);
        all.value()
    }

    /// The metric of a set whose batches come one after the other. Of each only what the metric takes from it is kept, not its scores,
    /// which of many classes would fill the memory.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics;
    /// let (x, t) = (Tensor::randn([4, 3], 1), Tensor::from([0i64, 1, 2, 0]));
    /// let f1 = metrics::macro_f1();
    /// let mut all = f1.begin();
    /// all.add(&x.slice(0, ..3), &t.slice(0, ..3));
    /// all.add(&x.slice(0, 3..), &t.slice(0, 3..));
    /// assert_eq!(all.value(), f1.over(&x, &t));
    /// ```
    pub fn begin(&self) -> OfSet<'_> {
        OfSet { metric: self, rows: vec![], columns: 1 }
    }

    /// One of [`METRICS`].
    pub fn named(name: &str) -> Option<Metric> {
        METRICS.iter().find(|known| known.name == name).map(|known| (known.metric)())
    }
}

/// A metric of batches that came so far: see [`Metric::begin`].
pub struct OfSet<'a> {
    metric: &'a Metric,
    rows: Vec<f64>,
    columns: usize,
}

impl OfSet<'_> {
    /// Takes a batch: what the model gives, and the targets.
    ///
    /// # Panics
    /// If the metric cannot be of such shapes.
    #[track_caller]
    pub fn add(&mut self, x: &Tensor, t: &Tensor) {
        let numbers = self.metric.of(x, t).cast(DType::F64);
        self.columns = if numbers.rank() == 0 { 1 } else { numbers.size(-1) };
        self.rows.extend(numbers.to_vec::<f64>());
    }

    /// The metric of all of them; NaN of none.
    pub fn value(&self) -> f64 {
        match &self.metric.finish {
            None => self.rows.iter().sum::<f64>() / self.rows.len() as f64,
            Some(finish) => finish(&self.rows, self.columns),
        }
    }
}

impl fmt::Debug for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metric({})", self.name)
    }
}

/// A metric that has a name on the command line and in recipes.
pub struct NamedMetric {
    /// The name.
    pub name: &'static str,
    /// What the targets are.
    pub target: Target,
    /// The metric.
    pub metric: fn() -> Metric,
    /// What it is.
    pub about: &'static str,
}

const fn named(
    name: &'static str,
    target: Target,
    metric: fn() -> Metric,
    about: &'static str,
) -> NamedMetric {
    NamedMetric { name, target, metric, about }
}

/// The metrics that have a name on the command line and in recipes.
pub const METRICS: &[NamedMetric] = &[
    named(
        "accuracy",
        Target::Label,
        accuracy,
        "the part of samples whose largest score is at the label",
    ),
    named(
        "top5_accuracy",
        Target::Label,
        top_k::<5>,
        "the part whose label is among the five largest scores",
    ),
    named("macro_f1", Target::Label, macro_f1, "the mean F1 of all classes"),
    named(
        "binary_accuracy",
        Target::YesNo,
        binary_accuracy,
        "the part of yes and no that is right",
    ),
    named("auc", Target::YesNo, auc, "the area under the ROC curve, the mean over labels"),
    named("mean_absolute_error", Target::Numbers, mean_absolute_error, "the mean of |x − t|"),
    named("r2", Target::Numbers, r2, "the part of the targets' variance that is explained"),
];

/// The part of samples whose largest logit, the first of equals, is at the label: `x [B, C]`, `t [B]`. Logits with a NaN are no
/// hit.
#[doc(alias = "SparseCategoricalAccuracy")]
pub fn accuracy() -> Metric {
    Metric::mean("accuracy", true, hits)
}

/// The scores `x [B, C, ..]`, which must go with labels `t [B, ..]`, i64.
#[track_caller]
fn expect_labels(metric: &str, x: &Tensor, t: &Tensor) -> Tensor {
    let fits = x.rank() >= 2 && t.dtype() == DType::I64 && x.shape().without(1) == t.shape();
    if !fits {
        let (of, labels) = (x.shape(), t.shape());
        let what = format!(
            "the model gives {} {of}, the labels are {} {labels}; expected [B, classes, ..] and i64 [B, ..]",
            x.dtype(),
            t.dtype()
        );
        return Tensor::refuse(Error::shape(metric, what));
    }
    x.clone()
}

#[track_caller]
fn hits(x: &Tensor, t: &Tensor) -> Tensor {
    let x = &expect_labels("accuracy", x, t);
    let numbers = x.max(1).is_nan().logical_not(); // [B]
    x.argmax(1).eq(t).logical_and(&numbers).cast(x.dtype())
}

/// The part of samples whose label is among the `K` largest logits, of equals the first: `x [B, C]`, `t [B]`. NaN is larger than
/// any number, and no hit itself.
#[doc(alias = "SparseTopKCategoricalAccuracy")]
pub fn top_k<const K: usize>() -> Metric {
    let name = match K {
        1 => "top1_accuracy",
        2 => "top2_accuracy",
        3 => "top3_accuracy",
        5 => "top5_accuracy",
        10 => "top10_accuracy",
        _ => "top_k_accuracy",
    };
    Metric::mean(name, true, among_top::<K>)
}

#[track_caller]
fn among_top<const K: usize>(x: &Tensor, t: &Tensor) -> Tensor {
    let x = &expect_labels("top_k", x, t);
    let label = t.unsqueeze(1); // [B, 1]
    let own = x.gather(1, &label); // [B, 1]
    let classes: Vec<i64> = (0..x.size(1) as i64).collect();
    let mut along = vec![1; x.rank()];
    along[1] = classes.len();
    let later = label.lt(&Tensor::from_slice(&classes, along.as_slice())); // [B, C, ..]
    let behind = x.lt(&own).logical_or(&x.eq(&own).logical_and(&later));
    // The label's own is not behind itself.
    let up_to_own = behind.logical_not().cast(DType::I64).sum(1); // [B]
    up_to_own.le(K as f64).cast(x.dtype())
}

/// Mean of |x − t| over everything but the batch, of one shape.
pub fn mean_absolute_error() -> Metric {
    Metric::mean("mean_absolute_error", false, absolute)
}

#[track_caller]
fn absolute(x: &Tensor, t: &Tensor) -> Tensor {
    let x = &same_shape("mean_absolute_error", x, t);
    let rest: Vec<isize> = (1..x.rank() as isize).collect();
    (x - t).abs().mean(rest)
}

/// The part of numbers `[B, ..]` that are on their target's side: logits above 0 for a yes (1), others for a no (0).
pub fn binary_accuracy() -> Metric {
    Metric::mean("binary_accuracy", true, |x, t| {
        let x = &same_shape("binary_accuracy", x, t);
        let right = x.gt(0.0).eq(&t.gt(0.5)).cast(x.dtype());
        let rest: Vec<isize> = (1..x.rank() as isize).collect();
        right.mean(rest)
    })
}

/// What the model gives, `x`, whose shape must be that of the target.
#[track_caller]
fn same_shape(metric: &str, x: &Tensor, t: &Tensor) -> Tensor {
    if x.shape() != t.shape() {
        let what = format!("the model gives {}, the target is {}", x.shape(), t.shape());
        return Tensor::refuse(Error::shape(metric, what));
    }
    x.clone()
}
