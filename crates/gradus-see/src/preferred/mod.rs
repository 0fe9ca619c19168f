//! Pictures that a network prefers: made from noise by climbing what they are to make large.

mod objective;
mod prior;
mod spectrum;
mod transforms;

use crate::{Subject, Traced};
use gradus_base::philox::Rng;
use gradus_base::{Error, Result};
use gradus_tensor::{DType, Step, Tensor, Variable, compile, gradients};
pub use objective::Objective;
pub use prior::{PRIORS, Prior};
pub use spectrum::{Spectrum, correlated};
use std::sync::Arc;
pub use transforms::Transforms;

/// What is climbed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Parameters {
    /// The pixels. A step goes along the gradient, as long for every picture; a [`Prior`] follows.
    #[default]
    Pixels,
    /// Amounts of waves, and colours that occur on their own ([`Spectrum`], [`correlated`]), by Adam.
    Waves,
}

/// How preferred pictures are made.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*};
/// use gradus_see::{Ascent, Objective, Subject};
/// let model = Sequential::new([1, 8, 8], &Init::new(0)).add(conv2d(4, 3)).add(relu()).add(flatten()).add(dense(3));
/// let subject = Subject::new(model.into());
/// let found = Ascent { steps: 20, ..Ascent::default() }.run(&subject, &[1, 8, 8], &Objective::Class(vec![2]))?;
/// assert_eq!(*found.pictures.shape(), [1, 1, 8, 8]);
/// assert!(found.values[0] > found.history[0]);
/// # Ok::<(), gradus_see::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ascent {
    /// So many steps.
    pub steps: usize,
    /// How far a step goes: the root mean square of a pixel's change, or Adam's rate.
    pub rate: f64,
    /// What is climbed.
    pub parameters: Parameters,
    /// What keeps pixels like a picture; nothing of waves.
    pub prior: Prior,
    /// How pictures are moved before the network sees them.
    pub transforms: Transforms,
    /// The weight of the mean square of neighbours' differences, which is to stay small.
    pub total_variation: f64,
    /// A layer and the weight of how alike pictures look there (the cosine of their Gram matrices), which is to stay small.
    pub diversity: Option<(String, f64)>,
    /// The deviation of the noise that pictures begin with, around the mean that the subject was given.
    pub noise: f64,
    /// What noise and moves are drawn by.
    pub seed: u64,
}

impl Default for Ascent {
    fn default() -> Ascent {
        Ascent {
            steps: 200,
            rate: 0.05,
            parameters: Parameters::default(),
            prior: Prior::default(),
            transforms: Transforms::default(),
            total_variation: 0.0,
            diversity: None,
            noise: 0.04,
            seed: 0,
        }
    }
}

/// Pictures that were made.
#[derive(Clone, Debug)]
pub struct Preferred {
    /// `[B, C, H, W]`, from 0 to 1.
    pub pictures: Tensor,
    /// What each comes to in the end.
    pub values: Vec<f64>,
    /// The mean of that before each step, of pictures as they were moved.
    pub history: Vec<f64>,
}

/// Adam's means of gradients and of their squares.   Kingma & Ba 2014, arXiv:1412.6980
const BETAS: [f64; 2] = [0.9, 0.999];

impl Ascent {
    /// Makes pictures of this shape (without the batch). Each step is one compiled step.
    ///
    /// # Errors
    /// When the objective's layer, unit or place does not exist, the network cannot take such pictures, or waves are to have a prior.
    pub fn run(
        &self,
        subject: &Subject,
        picture: &[usize; 3],
        objective: &Objective,
    ) -> Result<Preferred> {
        let layers = subject.layers(picture)?;
        objective.check(&layers)?;
        if self.parameters == Parameters::Waves && self.prior != Prior::default() {
            let what = "found a prior of pixels and waves as parameters, expected one of both";
            return Err(Error::value("prior", what));
        }
        if let Some((layer, _)) = &self.diversity
            && !layers.iter().any(|known| known.path == *layer)
        {
            return Err(crate::subject::unknown_among(layer, &layers));
        }
        let count = objective.pictures();
        let dtype = subject.dtype();
        let theta = Variable::new("picture", &self.start(subject, picture, count).cast(dtype));
        let moments = [(); 2].map(|()| Variable::new("moment", &theta.tensor().zeros_like()));
        let shared = Arc::new((self.clone(), subject.clone(), objective.clone()));
        let (own, variables) = (shared.clone(), (theta.clone(), moments));
        let mut step = compile(Box::new(move |args: &[Tensor]| {
            let (ascent, subject, objective) = &*own;
            ascent
                .step(subject, objective, &variables, args)
                .unwrap_or_else(|e| Step::new().read(&Tensor::refuse(e)))
        }) as Traced);
        let mut rng = Rng::new(self.seed, u32::MAX, 0);
        let mut history = Vec::with_capacity(self.steps);
        for n in 0..self.steps {
            let flag = |on: bool| Tensor::from(f64::from(u8::from(on))).cast(dtype);
            let maps = self.transforms.drawn(count, [picture[1], picture[2]], &mut rng).cast(dtype);
            let rate = self.rate * (1.0 - BETAS[1].powi(n as i32 + 1)).sqrt()
                / (1.0 - BETAS[0].powi(n as i32 + 1));
            let rate = Tensor::from(rate).cast(dtype);
            let read = step.run(&[&flag(self.prior.blurs_at(n)), &maps, &rate])?;
            history.push(read.tensor(0).cast(DType::F64).mean(..).item());
        }
        let pictures = self.picture(&theta.tensor());
        let values = objective.values(subject, &pictures)?.cast(DType::F64).to_vec::<f64>();
        Ok(Preferred { pictures, values, history })
    }

    /// Noise around the mean, each picture's its own; of waves around nothing.
    fn start(&self, subject: &Subject, picture: &[usize; 3], count: usize) -> Tensor {
        let [channels, height, width] = *picture;
        let area = height * width;
        let mut values = Vec::with_capacity(count * channels * area);
        for b in 0..count {
            let mut rng = Rng::new(self.seed, b as u32, 0);
            for at in 0..channels * area {
                let middle = subject.middle(at / area);
                values.push(match self.parameters {
                    Parameters::Pixels => (middle + self.noise * rng.normal()).clamp(0.0, 1.0),
                    Parameters::Waves => self.noise * rng.normal(),
                });
            }
        }
        Tensor::from_slice(&values, [count, channels, height, width])
    }

    /// The pictures of what is climbed.
    fn picture(&self, theta: &Tensor) -> Tensor {
        match self.parameters {
            Parameters::Pixels => theta.clone(),
            Parameters::Waves => {
                let spectrum = Spectrum { height: theta.size(2), width: theta.size(3) };
                correlated(&spectrum.pixels(theta)).sigmoid()
            }
        }
    }

    /// One step, of arguments: 1 to blur, maps to move by, Adam's rate.
    fn step(
        &self,
        subject: &Subject,
        objective: &Objective,
        (theta, moments): &(Variable, [Variable; 2]),
        args: &[Tensor],
    ) -> Result<Step> {
        let (own, [blurred, maps, rate]) = (theta.tensor(), [&args[0], &args[1], &args[2]]);
        let x = self.picture(&own);
        let seen = if self.transforms.is_none() { x.clone() } else { transforms::moved(&x, maps) };
        let values = objective.values(subject, &seen)?;
        let mut climbed = values.sum(..);
        if self.total_variation > 0.0 {
            climbed -= variation(&x) * self.total_variation;
        }
        if let Some((layer, weight)) = self.diversity.as_ref().filter(|_| x.size(0) > 1) {
            let y = subject.watched(&seen, &[layer])?.layers.remove(0);
            climbed -= likeness(&y) * *weight;
        }
        let slope = gradients(&climbed, std::slice::from_ref(&own))?.remove(0);
        let slope = slope.unwrap_or_else(|| own.zeros_like());
        let step = Step::new().read(&values);
        Ok(match self.parameters {
            Parameters::Pixels => {
                let length = slope.square().mean([1, 2, 3]).sqrt().reshape([own.size(0), 1, 1, 1]);
                // A picture that nothing moves stays where it is.
                let moved = &own + &slope / (length + 1e-12) * self.rate;
                let middle = subject.middles(&own);
                let next = self.prior.applied(&(moved - &middle), &slope, blurred) + middle;
                step.update(theta, &next.clamp(0.0, 1.0))
            }
            Parameters::Waves => {
                let [first, second] = moments;
                let mean = first.tensor() * BETAS[0] + &slope * (1.0 - BETAS[0]);
                let square = second.tensor() * BETAS[1] + slope.square() * (1.0 - BETAS[1]);
                let next = own + rate * &mean / (square.sqrt() + 1e-8);
                step.update(theta, &next).update(first, &mean).update(second, &square)
            }
        })
    }
}

/// The sum over pictures of the mean square of neighbours' differences.
fn variation(x: &Tensor) -> Tensor {
    let [h, w] = [x.size(2), x.size(3)];
    let [mut down, mut right] = [(); 2].map(|()| x.zeros_like().sum(..));
    if h > 1 {
        down = (x.slice(2, 1..h) - x.slice(2, 0..h - 1)).square().mean([1, 2, 3]).sum(..);
    }
    if w > 1 {
        right = (x.slice(3, 1..w) - x.slice(3, 0..w - 1)).square().mean([1, 2, 3]).sum(..);
    }
    down + right
}

/// How alike pictures look to a layer `[B, C, ..]`: for each the mean cosine of its Gram matrix and the others', added up.
fn likeness(y: &Tensor) -> Tensor {
    let [b, c] = [y.size(0), y.size(1)];
    let maps = y.reshape([b, c, y.len() / (b * c)]);
    let gram = maps.matmul(&maps.transpose(1, 2)).reshape([b, c * c]);
    let length = gram.square().sum(1).sqrt().unsqueeze(1) + 1e-12;
    let unit = gram / length;
    let cosines = unit.matmul(&unit.t()).sum(..) - b as f64;
    cosines / (b - 1) as f64
}

#[cfg(test)]
mod tests;
