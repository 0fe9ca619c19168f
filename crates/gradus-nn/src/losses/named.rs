//! `Loss`: a loss as a value, with a name.

use super::{
    CrossEntropy, binary_cross_entropy_with_logits, cross_entropy, hinge, huber, mean_absolute,
    mean_squared, multi_class_hinge, smooth_l1,
};
use gradus_base::Error;
use gradus_tensor::{Tensor, fail, try_build};
use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

type Function = dyn Fn(&Tensor, &Tensor) -> Tensor + Send + Sync;

/// A loss: from what the model gives and the target, one number per sample. It may hold what it needs: class weights, a network.
///
/// ```
/// use gradus_nn::losses::{Loss, mean_squared};
/// use gradus_tensor::Tensor;
/// let twice = Loss::new("twice", |x, t| mean_squared(x, t) * 2.0);
/// let (x, t) = (Tensor::from([[1.0f32], [3.0]]), Tensor::from([[0.0f32], [3.0]]));
/// assert_eq!(twice.of(&x, &t).to_vec::<f32>(), [2.0, 0.0]);
/// let plain: Loss = mean_squared.into();
/// assert_eq!((plain.name(), Loss::named("mse").unwrap().name()), ("mean_squared", "mse"));
/// ```
#[derive(Clone)]
pub struct Loss {
    name: Cow<'static, str>,
    function: Arc<Function>,
    cross_entropy: Option<CrossEntropy>,
}

/// A loss that has a name on the command line and in recipes.
pub struct NamedLoss {
    /// The name.
    pub name: &'static str,
    /// What the targets are.
    pub target: Target,
    /// The loss.
    pub of: fn(&Tensor, &Tensor) -> Tensor,
    /// What the model's outputs and the targets are.
    pub about: &'static str,
}

/// What the targets are that a loss, or a metric, takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The number of each sample's class, `[B]`.
    Label,
    /// Numbers on any scale, `[B, K]`.
    Numbers,
    /// Yes or no, 1 or 0, `[B, K]`; the model gives logits.
    YesNo,
    /// One of two sides, 1 or −1, `[B, K]`; the model gives scores.
    Sides,
}

impl Target {
    /// The only numbers that targets may be; empty: any.
    ///
    /// ```
    /// use gradus_nn::losses::Target;
    /// assert_eq!((Target::YesNo.values(), Target::Numbers.values()), (&[1.0, 0.0][..], &[][..]));
    /// ```
    pub fn values(self) -> &'static [f64] {
        match self {
            Target::Label | Target::Numbers => &[],
            Target::YesNo => &[1.0, 0.0],
            Target::Sides => &[1.0, -1.0],
        }
    }
    /// Whether a metric that takes these suits a loss that takes `loss`: of two sides one is a yes.
    pub fn suits(self, loss: Target) -> bool {
        self == loss || (self, loss) == (Target::YesNo, Target::Sides)
    }
}

const fn named(
    name: &'static str,
    target: Target,
    of: fn(&Tensor, &Tensor) -> Tensor,
    about: &'static str,
) -> NamedLoss {
    NamedLoss { name, target, of, about }
}

/// The losses that have a name on the command line and in recipes.
pub const LOSSES: &[NamedLoss] = &[
    named("cross_entropy", Target::Label, cross_entropy, "scores of classes and a label"),
    named("mse", Target::Numbers, mean_squared, "numbers; the mean of (x − t)²"),
    named("mae", Target::Numbers, mean_absolute, "numbers; the mean of |x − t|"),
    named(
        "huber",
        Target::Numbers,
        |x, t| huber(x, t, 1.0),
        "numbers; (x − t)²/2 up to 1 apart, then straight",
    ),
    named("smooth_l1", Target::Numbers, |x, t| smooth_l1(x, t, 1.0), "numbers; as huber"),
    named(
        "bce",
        Target::YesNo,
        binary_cross_entropy_with_logits,
        "logits, each a yes or no of its own",
    ),
    named("hinge", Target::Sides, hinge, "one score and −1 or 1"),
    named("multi_class_hinge", Target::Label, multi_class_hinge, "scores of classes and a label"),
];

impl Loss {
    /// A loss of your own.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        function: impl Fn(&Tensor, &Tensor) -> Tensor + Send + Sync + 'static,
    ) -> Loss {
        Loss { name: name.into(), function: Arc::new(function), cross_entropy: None }
    }
    /// One of [`LOSSES`].
    pub fn named(name: &str) -> Option<Loss> {
        let known = LOSSES.iter().find(|known| known.name == name)?;
        Some(Loss::new(known.name, known.of))
    }
    /// The options, of cross-entropy with such: training then takes the mean over what counts.
    pub fn cross_entropy(&self) -> Option<&CrossEntropy> {
        self.cross_entropy.as_ref()
    }
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// One number per sample, `[B]`, of what the model gives `x` and the target `t`.
    ///
    /// # Panics
    /// If the loss cannot be of such shapes.
    #[track_caller]
    pub fn of(&self, x: &Tensor, t: &Tensor) -> Tensor {
        let here = Location::caller();
        let told = |error: Error| fail(error.moved(file!(), here), here);
        try_build(|| (self.function)(x, t)).unwrap_or_else(told)
    }
}

/// A function is a loss, called as it is.
impl<F: Fn(&Tensor, &Tensor) -> Tensor + Send + Sync + 'static> From<F> for Loss {
    fn from(function: F) -> Loss {
        let path = std::any::type_name::<F>();
        let name = path.rsplit("::").next().filter(|name| !name.starts_with('{'));
        Loss::new(name.unwrap_or("loss"), function)
    }
}

/// Cross-entropy with options.
impl From<CrossEntropy> for Loss {
    fn from(loss: CrossEntropy) -> Loss {
        let each = loss.clone();
        let plain = Loss::new("cross_entropy", move |x, t| each.per_sample(x, t));
        Loss { cross_entropy: Some(loss), ..plain }
    }
}

impl fmt::Debug for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loss({})", self.name)
    }
}
