//! Gradients of a class's score with respect to pixels, by the derivative or by rules of their own.

use crate::{Subject, Traced};
use gradus_base::{Error, Result};
use gradus_tensor::{Compiled, Crossing, Key, Step, Tensor, compile, gradients_by};

/// Numbers that go through a network at once, at most, as pixels: so few that what its layers give stays small.
const MOST_PIXELS: usize = 1 << 20;
/// Pictures at once, at most.
const MOST_PICTURES: usize = 64;

/// How a gradient crosses an activation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rule {
    /// By the derivative.
    Derivative,
    /// A ReLU passes on what is positive and met a positive value.
    Guided,
    /// A ReLU passes on what is positive.
    Deconvnet,
    /// An activation passes on f(x) / x: with that, gradient × input is the relevance of the ε-rule (Ancona et al. 2017, arXiv:1711.06104 §3.1).
    Relevance {
        /// What keeps x from 0.
        epsilon: f64,
    },
}

/// Activations through the origin, whose f(x) / x stays finite.
const THROUGH_ORIGIN: &[&str] = &[
    "clipped_relu",
    "elu",
    "gelu",
    "gelu_tanh",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "lecun_tanh",
    "mish",
    "relu",
    "relu6",
    "selu",
    "silu",
    "softsign",
    "tanh",
];
/// Activations that are not, so that no share of what they give is due to what they took.
const OFF_ORIGIN: &[&str] = &["exp", "hard_sigmoid", "log_sigmoid", "sigmoid", "softplus"];

impl Rule {
    /// What is passed on at a crossing, unless it is the derivative.
    pub(crate) fn at(self, at: &Crossing<'_>) -> Option<Tensor> {
        let relu = matches!(at.op, "relu" | "relu6" | "clipped_relu");
        match self {
            Rule::Derivative => None,
            Rule::Guided => relu.then(|| at.dy.relu() * at.x.gt(0.0).cast(at.x.dtype())),
            Rule::Deconvnet => relu.then(|| at.dy.relu()),
            Rule::Relevance { epsilon } if THROUGH_ORIGIN.contains(&at.op) => {
                let side = at.x.ge(0.0).cast(at.x.dtype()) * 2.0 - 1.0;
                Some(at.dy * (at.y / (at.x + side * epsilon)))
            }
            Rule::Relevance { .. } if OFF_ORIGIN.contains(&at.op) => {
                let what = "relevances cannot cross it: it is not 0 at 0; expected activations such as relu, tanh or gelu";
                Some(Tensor::refuse(Error::value(at.op, what)))
            }
            Rule::Relevance { .. } => None,
        }
    }
}

/// The gradients of chosen classes' scores with respect to pixels, planned once.
pub(crate) struct Slopes {
    subject: Subject,
    compiled: Compiled<Traced>,
    classes: Option<usize>,
}

/// What [`Slopes`] give: of each picture the score of its class, and the gradient of that.
pub(crate) struct Slope {
    pub(crate) scores: Vec<f64>,
    /// `[B, C, H, W]`
    pub(crate) slope: Tensor,
}

impl Slopes {
    pub(crate) fn new(subject: &Subject, rule: Rule) -> Slopes {
        let of = subject.clone();
        let trace: Traced = Box::new(move |args: &[Tensor]| {
            let chosen = of.scores(&args[0]).gather(1, &args[1].unsqueeze(1)); // [B, 1]
            let slope = gradients_by(&chosen.sum(..), &args[..1], |at| rule.at(at));
            let slope = match slope.map(|mut slopes| slopes.remove(0)) {
                Ok(Some(slope)) => slope,
                Ok(None) => args[0].zeros_like(),
                Err(e) => Tensor::refuse(e),
            };
            Step::new().read(&chosen).read(&slope)
        });
        Slopes { subject: subject.clone(), compiled: compile(trace), classes: None }
    }

    /// Of each picture, for its class.
    ///
    /// **Shape** `x [B, C, H, W]`, B classes.
    pub(crate) fn of(&mut self, x: &Tensor, classes: &[usize]) -> Result<Slope> {
        let count = match self.classes {
            Some(count) => count,
            None => self.subject.classes_of(x)?,
        };
        self.classes = Some(count);
        crate::subject::check_classes(x, classes, count)?;
        let mut found = in_pieces(&mut self.compiled, x, Some(classes))?;
        let slope = found.remove(1);
        let scores = found.remove(0).try_to_vec::<f64>()?;
        Ok(Slope { scores, slope })
    }
}

/// Where the pieces of a batch begin that go through a network at once, and how long they are.
pub(crate) fn pieces(x: &Tensor) -> impl Iterator<Item = (usize, usize)> + use<> {
    let (count, size) = (x.size(0), piece(x, x.size(0)));
    (0..count).step_by(size).map(move |at| (at, size))
}

/// How many of `count` pictures like these go through a network at once.
pub(crate) fn piece(x: &Tensor, count: usize) -> usize {
    let each = x.len() / x.size(0).max(1);
    let most = (MOST_PIXELS / each.max(1)).clamp(1, MOST_PICTURES);
    count.div_ceil(count.div_ceil(most).max(1)).max(1)
}

/// What a step reads of a batch, piece by piece: pictures, and the class of each where the step takes classes. Each value has the batch's axis first. All
/// pieces are of one size, for one plan: behind the last picture it is repeated.
pub(crate) fn in_pieces<F: FnMut(&[Tensor]) -> Step>(
    step: &mut Compiled<F>,
    x: &Tensor,
    classes: Option<&[usize]>,
) -> Result<Vec<Tensor>> {
    let mut all: Vec<Vec<Tensor>> = vec![];
    for (at, size) in pieces(x) {
        let kept = size.min(x.size(0) - at);
        let part = repeated(&x.slice(0, at..at + kept), size);
        let ids = classes.map(|classes| {
            let id = |i: usize| classes[i.min(classes.len() - 1)] as i64;
            Tensor::from_slice(&(at..at + size).map(id).collect::<Vec<_>>(), [size])
        });
        let args: Vec<&Tensor> = [&part].into_iter().chain(&ids).collect();
        let found = step.run(&args)?;
        all.resize_with(found.len(), Vec::new);
        for (i, values) in all.iter_mut().enumerate() {
            values.push(found.tensor(i).slice(0, ..kept));
        }
    }
    let joined = |values: Vec<Tensor>| match &values[..] {
        [value] => value.clone(),
        values => Tensor::concat(&values.iter().collect::<Vec<_>>(), 0),
    };
    let all: Vec<Tensor> = all.into_iter().map(joined).collect();
    for value in &all {
        value.try_read()?;
    }
    Ok(all)
}

/// `size` pictures: these, and the last of them again and again.
fn repeated(part: &Tensor, size: usize) -> Tensor {
    let kept = part.size(0);
    if kept == size {
        return part.clone();
    }
    let last = part.slice(0, kept - 1..);
    let mut rows = vec![part];
    rows.resize(1 + size - kept, &last);
    Tensor::concat(&rows, 0)
}

/// How strongly each pixel moves the score: |∂s/∂x|.
///
/// **Shape** `x [B, C, H, W]`, a class for each picture → `[B, C, H, W]`.
///
/// # Errors
/// When a class does not exist, or an op of the network has no gradient.
///
/// **Paper** Simonyan et al. 2013, arXiv:1312.6034 §3.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*};
/// use gradus_see::{Subject, attribution::saliency};
/// use gradus_tensor::Tensor;
/// let model = Sequential::new([1, 2, 2], &Init::new(0)).add(flatten()).add(dense(3));
/// let subject = Subject::new(model.into());
/// let map = saliency(&subject, &Tensor::ones([1, 1, 2, 2]), &[2])?;
/// assert!(map.to_vec::<f32>().iter().all(|&x| x > 0.0));
/// assert!(saliency(&subject, &Tensor::ones([1, 1, 2, 2]), &[3]).is_err());
/// # Ok::<(), gradus_see::Error>(())
/// ```
pub fn saliency(subject: &Subject, x: &Tensor, classes: &[usize]) -> Result<Tensor> {
    Ok(Slopes::new(subject, Rule::Derivative).of(x, classes)?.slope.abs())
}

/// The gradient times the picture: x · ∂s/∂x. Of a network that is linear up to its ReLUs and has no biases, it adds up to the score.
///
/// **Shape** `x [B, C, H, W]`, a class for each picture → `[B, C, H, W]`.
///
/// # Errors
/// As [`saliency`].
///
/// **Paper** Shrikumar et al. 2016, arXiv:1605.01713.
pub fn gradient_x_input(subject: &Subject, x: &Tensor, classes: &[usize]) -> Result<Tensor> {
    Ok(Slopes::new(subject, Rule::Derivative).of(x, classes)?.slope * x)
}

/// Guided backpropagation: a ReLU passes back what is positive, where what it met was positive, too. It shows what the picture holds more than what the
/// network makes of it: see [`sanity`](super::sanity).
///
/// **Shape** `x [B, C, H, W]`, a class for each picture → `[B, C, H, W]`.
///
/// # Errors
/// As [`saliency`].
///
/// **Paper** Springenberg et al. 2014, arXiv:1412.6806 §3.4.
pub fn guided_backprop(subject: &Subject, x: &Tensor, classes: &[usize]) -> Result<Tensor> {
    Ok(Slopes::new(subject, Rule::Guided).of(x, classes)?.slope)
}

/// A deconvolutional net: a ReLU passes back what is positive, whatever it met; a max-pool to where its largest value was.
///
/// **Shape** `x [B, C, H, W]`, a class for each picture → `[B, C, H, W]`.
///
/// # Errors
/// As [`saliency`].
///
/// **Paper** Zeiler & Fergus 2013, arXiv:1311.2901 §2.1.
pub fn deconvnet(subject: &Subject, x: &Tensor, classes: &[usize]) -> Result<Tensor> {
    Ok(Slopes::new(subject, Rule::Deconvnet).of(x, classes)?.slope)
}

/// Layer-wise relevance propagation by the ε-rule: what a unit was given is handed to its inputs by their shares of its sum, R_i = Σ_j x_i w_ij / (z_j + ε·sign z_j) · R_j.
/// Biases keep their share, so that with them the map adds up to less than the score. A max-pool hands all to its largest value. Activations must be 0 at 0.
///
/// **Shape** `x [B, C, H, W]`, a class for each picture → `[B, C, H, W]`.
///
/// # Errors
/// As [`saliency`], and when an activation is not 0 at 0 (a sigmoid).
///
/// **Paper** Bach et al. 2015, doi:10.1371/journal.pone.0130140, equation 58.
pub fn layer_relevance(
    subject: &Subject,
    x: &Tensor,
    classes: &[usize],
    epsilon: f64,
) -> Result<Tensor> {
    Ok(Slopes::new(subject, Rule::Relevance { epsilon }).of(x, classes)?.slope * x)
}

/// The mean gradient of noisy copies of a picture.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*};
/// use gradus_see::{Subject, attribution::SmoothGrad};
/// use gradus_tensor::Tensor;
/// let model = Sequential::new([1, 2, 2], &Init::new(0)).add(flatten()).add(dense(4)).add(tanh()).add(dense(3));
/// let map = SmoothGrad::default().of(&Subject::new(model.into()), &Tensor::ones([1, 1, 2, 2]), &[2])?;
/// assert_eq!(*map.shape(), [1, 1, 2, 2]);
/// # Ok::<(), gradus_see::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmoothGrad {
    /// Copies of each picture.
    pub samples: usize,
    /// The deviation of the noise, in pixels' units: 0.15 of their range in the paper.
    pub deviation: f64,
    /// The seed of the noise.
    pub seed: u64,
}

impl Default for SmoothGrad {
    fn default() -> SmoothGrad {
        SmoothGrad { samples: 50, deviation: 0.15, seed: 0 }
    }
}

impl SmoothGrad {
    /// Of each picture, for its class.
    ///
    /// **Shape** `x [B, C, H, W]`, a class for each picture → `[B, C, H, W]`.
    ///
    /// # Errors
    /// As [`saliency`], and when no samples are asked for.
    ///
    /// **Paper** Smilkov et al. 2017, arXiv:1706.03825 §3.
    pub fn of(&self, subject: &Subject, x: &Tensor, classes: &[usize]) -> Result<Tensor> {
        let key = Key::new(self.seed);
        let noise = |k: usize| {
            let one = key.stream(k as u64).normal_of(x.shape(), x.dtype());
            Ok(one * self.deviation)
        };
        self.with_noise(subject, x, classes, noise)
    }

    /// The same with noise of one's own: `noise(k)` is added to the pictures' copy `k`.
    ///
    /// **Shape** `x`, and what `noise` gives, `[B, C, H, W]`.
    ///
    /// # Errors
    /// As [`SmoothGrad::of`], and what `noise` reports.
    pub fn with_noise(
        &self,
        subject: &Subject,
        x: &Tensor,
        classes: &[usize],
        noise: impl Fn(usize) -> Result<Tensor>,
    ) -> Result<Tensor> {
        if self.samples == 0 {
            let what = "found 0 samples, expected at least 1";
            return Err(Error::value("smooth_grad", what));
        }
        let mut slopes = Slopes::new(subject, Rule::Derivative);
        let mut sum = x.zeros_like();
        for k in 0..self.samples {
            let slope = slopes.of(&(x + &noise(k)?), classes)?.slope;
            sum += slope;
            sum.try_read()?;
        }
        Ok(sum / self.samples as f64)
    }
}
