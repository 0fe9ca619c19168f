//! Steps along the gradient of the loss, within a distance: one (FGSM) or many (PGD).

use super::outcome::Begun;
use super::pixels::Pixels;
use super::{Attack, Fooled, Goal, Victim};
use gradus_base::philox::Rng;
use gradus_base::{Error, Result};
use gradus_tensor::Tensor;

/// How far one picture is from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Norm {
    /// The largest change of a pixel.
    #[default]
    Linf,
    /// √Σ of the squared changes.
    L2,
}

/// Where an attack begins.
#[derive(Clone, Debug, Default)]
pub enum Start {
    /// At the picture.
    Picture,
    /// Anywhere within ε, drawn uniformly.
    #[default]
    Random,
    /// At these pictures, `[B, C, H, W]`.
    At(Tensor),
}

/// The fast gradient sign method: one step of ε along the signs of the loss's gradient.
///
/// **Paper** Goodfellow, Shlens, Szegedy 2014, arXiv:1412.6572.
#[derive(Clone, Debug, PartialEq)]
pub struct Fgsm {
    /// How far each pixel goes, of 0 to 1.
    pub epsilon: f64,
}

impl Attack for Fgsm {
    fn name(&self) -> &'static str {
        "fgsm"
    }
    fn run(&self, victim: &mut Victim, x: &Tensor, goal: &Goal) -> Result<Fooled> {
        let once = Pgd {
            steps: 1,
            step_size: Some(self.epsilon),
            start: Start::Picture,
            ..Pgd::within(self.epsilon)
        };
        once.run(victim, x, goal)
    }
}

/// Projected gradient descent: steps along the gradient of the loss (its signs in L∞), each followed by the way back to where the distance is at most ε. Of
/// several restarts each picture keeps its worst.
///
/// **Paper** Madry et al. 2017, arXiv:1706.06083.
#[derive(Clone, Debug)]
pub struct Pgd {
    /// What distance is bounded.
    pub norm: Norm,
    /// The bound.
    pub epsilon: f64,
    /// How many steps.
    pub steps: usize,
    /// How long each is; if not stated, 2.5 ε / steps, by which the whole way can be gone and some of it back.
    pub step_size: Option<f64>,
    /// Where they begin.
    pub start: Start,
    /// How often it begins: at least once.
    pub restarts: usize,
}

impl Pgd {
    /// 20 steps in L∞ from a random start.
    pub fn within(epsilon: f64) -> Pgd {
        Pgd {
            norm: Norm::Linf,
            epsilon,
            steps: 20,
            step_size: None,
            start: Start::Random,
            restarts: 1,
        }
    }

    /// How long a step is.
    pub fn step(&self) -> f64 {
        self.step_size.unwrap_or(2.5 * self.epsilon / self.steps.max(1) as f64)
    }

    fn check(&self) -> Result<()> {
        positive("epsilon", self.epsilon)?;
        positive("step size", self.step())?;
        at_least_one("steps", self.steps)?;
        at_least_one("restarts", self.restarts)
    }

    /// What becomes of pictures, also of those that are taken for something else as they are; nobody looks at what came of it. So pictures are made to train on.
    ///
    /// **Shape** `[B, C, H, W]` → the same.
    ///
    /// # Errors
    /// As [`Attack::run`].
    pub fn push(&self, victim: &mut Victim, x: &Tensor, goal: &Goal) -> Result<Tensor> {
        self.check()?;
        victim.begin();
        let pixels = Pixels::of(x)?;
        let start = self.begin(&pixels, x, &mut victim.draws(0))?;
        let end = self.climb(victim, x, goal, &pixels, &start)?;
        Ok(end.tensor(x))
    }

    /// Where pictures begin.
    pub(super) fn begin(&self, from: &Pixels, x: &Tensor, rng: &mut Rng) -> Result<Pixels> {
        let mut pixels = from.clone();
        match (&self.start, self.norm) {
            (Start::Picture, _) => {}
            (Start::At(start), _) => {
                if start.shape() != x.shape() {
                    let what =
                        format!("found {}, expected {} as the pictures", start.shape(), x.shape());
                    return Err(Error::shape("start", what));
                }
                pixels = Pixels::of(&start.cast(x.dtype()))?;
            }
            (Start::Random, Norm::Linf) => {
                let (low, high) = from.range(self.epsilon);
                for (i, x) in pixels.all.iter_mut().enumerate() {
                    let drawn = rng.uniform(*x - self.epsilon, *x + self.epsilon);
                    *x = from.rounded(drawn).clamp(low.all[i], high.all[i]);
                }
            }
            (Start::Random, Norm::L2) => {
                for i in 0..pixels.len() {
                    let way: Vec<f64> = (0..pixels.each).map(|_| rng.normal()).collect();
                    let norm = way.iter().map(|w| w * w).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
                    let radius = self.epsilon * rng.unit().powf(1.0 / pixels.each as f64);
                    for (x, way) in pixels.row_mut(i).iter_mut().zip(way) {
                        *x = from.rounded((*x + radius * way / norm).clamp(0.0, 1.0));
                    }
                }
            }
        }
        Ok(pixels)
    }

    /// All steps from there, `from` being the pictures `x`.
    fn climb(
        &self,
        victim: &mut Victim,
        x: &Tensor,
        goal: &Goal,
        from: &Pixels,
        start: &Pixels,
    ) -> Result<Pixels> {
        let number = |value: f64| Tensor::from(value).cast(x.dtype());
        let step = number(goal.sign() * self.step());
        let (epsilon, classes) = (number(self.epsilon), goal.tensor());
        let range = (self.norm == Norm::Linf).then(|| {
            let (low, high) = from.range(self.epsilon);
            [low.tensor(x), high.tensor(x)]
        });
        let mut now = start.tensor(x);
        for _ in 0..self.steps {
            victim.count(x);
            let out = match &range {
                Some([low, high]) => victim.climb_linf.run(&[&now, low, high, &classes, &step])?,
                None => victim.climb_l2.run(&[&now, x, &classes, &step, &epsilon])?,
            };
            now = out.tensor(0);
        }
        let mut pixels = Pixels::of(&now)?;
        if range.is_none() {
            pixels.hold(from, self.epsilon);
        }
        Ok(pixels)
    }
}

impl Attack for Pgd {
    fn name(&self) -> &'static str {
        if self.norm == Norm::Linf { "pgd" } else { "pgd-l2" }
    }
    fn run(&self, victim: &mut Victim, x: &Tensor, goal: &Goal) -> Result<Fooled> {
        self.check()?;
        let begun = Begun::new(victim, x, goal)?;
        let mut worst = begun.pixels.clone();
        let mut margins = vec![f64::INFINITY; worst.len()];
        let mut rng = victim.draws(0);
        for _ in 0..self.restarts {
            if begun.is_done() {
                break;
            }
            let start = self.begin(&begun.pixels, x, &mut rng)?;
            let end = self.climb(victim, x, goal, &begun.pixels, &start)?;
            if self.restarts == 1 {
                worst = end;
                break;
            }
            let scores = victim.rows(&end.tensor(x))?;
            for (i, scores) in scores.iter().enumerate() {
                let margin = goal.margin(i, scores);
                if margin < margins[i] {
                    margins[i] = margin;
                    worst.row_mut(i).copy_from_slice(end.row(i));
                }
            }
        }
        begun.end(victim, worst)
    }
}

/// Refuses what is no positive number.
pub(super) fn positive(what: &str, found: f64) -> Result<()> {
    match found > 0.0 && found.is_finite() {
        true => Ok(()),
        false => Err(Error::value(what, format!("found {found}, expected a number above 0"))),
    }
}

/// Refuses 0.
pub(super) fn at_least_one(what: &str, found: usize) -> Result<()> {
    match found {
        0 => Err(Error::value(what, "found 0, expected at least 1")),
        _ => Ok(()),
    }
}
