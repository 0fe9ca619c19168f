//! `Loss`: a loss as a value, with a name.

use super::{CrossEntropy, binary_cross_entropy, cross_entropy, hinge, regression};
use gradus_tensor::{Place, Tensor, try_build};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

type Function = dyn Fn(&Tensor, &Tensor) -> Tensor + Send + Sync;

/// A loss: it gives one number per sample, from the output of the model and the target. It may hold
/// what it needs, such as class weights or a network.
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
#[derive(Clone, Copy)]
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

/// The kind of targets that a loss or a metric takes.
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
    /// The only numbers that targets may be; empty if they may be any.
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
    /// Whether a metric that takes these targets suits a loss that takes `loss`; the side 1 of two
    /// sides counts as a yes.
    pub fn suits(self, loss: Target) -> bool {
        self == loss || (self, loss) == (Target::YesNo, Target::Sides)
    }
}

/// A loss with a name: a row of its family's list.
pub(super) const fn named(
    name: &'static str,
    target: Target,
    of: fn(&Tensor, &Tensor) -> Tensor,
    about: &'static str,
) -> NamedLoss {
    NamedLoss { name, target, of, about }
}

/// The losses that have a name on the command line and in recipes: those of each family, each
/// listed in its family's file.
pub const LOSSES: &[NamedLoss] = &joined::<COUNT>();

const FAMILIES: &[&[NamedLoss]] =
    &[cross_entropy::NAMED, regression::NAMED, binary_cross_entropy::NAMED, hinge::NAMED];

const COUNT: usize = {
    let (mut count, mut family) = (0, 0);
    while family < FAMILIES.len() {
        count += FAMILIES[family].len();
        family += 1;
    }
    count
};

const fn joined<const N: usize>() -> [NamedLoss; N] {
    let mut all = [FAMILIES[0][0]; N];
    let (mut family, mut at, mut next) = (0, 0, 0);
    while next < N {
        if at == FAMILIES[family].len() {
            (family, at) = (family + 1, 0);
        } else {
            all[next] = FAMILIES[family][at];
            (at, next) = (at + 1, next + 1);
        }
    }
    all
}

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
    /// The options, if this is cross-entropy with options: training then takes the mean over what
    /// counts.
    pub fn cross_entropy(&self) -> Option<&CrossEntropy> {
        self.cross_entropy.as_ref()
    }
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// One number per sample, `[B]`, from the output of the model `x` and the target `t`.
    ///
    /// # Panics
    /// If the loss does not take these shapes.
    #[track_caller]
    pub fn of(&self, x: &Tensor, t: &Tensor) -> Tensor {
        match try_build(|| (self.function)(x, t)) {
            Ok(each) => each,
            Err(error) => Tensor::refuse(error.moved(file!(), Place::here())),
        }
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
