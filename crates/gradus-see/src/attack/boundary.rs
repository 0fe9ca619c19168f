//! The boundary attack: a walk along the boundary, towards the picture, that asks for nothing but the class.

use super::outcome::{Begun, largest};
use super::pgd::{at_least_one, positive};
use super::pixels::{Pixels, l2};
use super::{Attack, Fooled, Goal, Victim};
use gradus_base::philox::Rng;
use gradus_base::{Error, Result};
use gradus_tensor::Tensor;

/// Begins at noise that is taken for something else, mixed with the picture as far as it goes, and walks: a random step on the sphere around the picture, then
/// one towards it, kept if the class is still wrong. How long both are follows from how often they are.
///
/// **Paper** Brendel, Rauber, Bethge 2017, arXiv:1712.04248.
#[derive(Clone, Debug, PartialEq)]
pub struct Boundary {
    /// How many steps.
    pub steps: usize,
    /// The first step on the sphere, as a share of the distance.
    pub around: f64,
    /// The first step towards the picture, as a share of the distance.
    pub towards: f64,
}

impl Default for Boundary {
    /// 5,000 steps, the first ones of a hundredth.
    fn default() -> Boundary {
        Boundary { steps: 5_000, around: 0.01, towards: 0.01 }
    }
}

/// So often noise is drawn for a picture until some is taken for something else, and so finely it is mixed with it.
const DRAWS: usize = 50;
const MIXTURES: usize = 50;
/// By this factor steps become longer or shorter.
const ADAPTATION: f64 = 1.5;
/// Every so many steps it is looked at how the step on the sphere alone fares.
const LOOK: usize = 10;

/// How often a step was kept of late.
#[derive(Clone, Default)]
struct Share {
    seen: usize,
    kept: usize,
}

impl Share {
    /// Adds one; after `enough` gives the share that was kept, and begins anew.
    fn add(&mut self, kept: bool, enough: usize) -> Option<f64> {
        self.seen += 1;
        self.kept += usize::from(kept);
        let share = self.kept as f64 / self.seen as f64;
        (self.seen == enough).then(|| {
            *self = Share::default();
            share
        })
    }
}

/// A picture's walk.
#[derive(Clone)]
struct Walk {
    around: f64,
    towards: f64,
    of_sphere: Share,
    of_step: Share,
}

impl Walk {
    /// Makes steps longer where most are kept, shorter where few are.
    fn adapt(&mut self, sphere: bool, step: bool) {
        if let Some(share) = self.of_sphere.add(sphere, 20) {
            let factor = if share > 0.5 {
                ADAPTATION
            } else if share < 0.2 {
                1.0 / ADAPTATION
            } else {
                1.0
            };
            (self.around, self.towards) = (self.around * factor, self.towards * factor);
        }
        if let Some(share) = self.of_step.add(step, 10) {
            let factor = if share > 0.25 {
                ADAPTATION
            } else if share < 0.1 {
                1.0 / ADAPTATION
            } else {
                1.0
            };
            self.towards *= factor;
        }
    }

    /// Where it might go: on the sphere, and from there towards the picture.
    fn proposed(&self, picture: &[f64], now: &[f64], rng: &mut Rng) -> (Vec<f64>, Vec<f64>) {
        let distance = l2(picture, now).max(1e-30);
        let home: Vec<f64> = picture.iter().zip(now).map(|(x, y)| (x - y) / distance).collect();
        let mut way: Vec<f64> = home.iter().map(|_| rng.normal()).collect();
        let along: f64 = way.iter().zip(&home).map(|(w, h)| w * h).sum();
        way.iter_mut().zip(&home).for_each(|(w, h)| *w -= along * h);
        let norm = way.iter().map(|w| w * w).sum::<f64>().sqrt().max(1e-30);
        let length = self.around * distance / norm;
        let shrink = (self.around.powi(2) + 1.0).sqrt();
        let sphere = picture.iter().zip(&home).zip(&way);
        let sphere: Vec<f64> = sphere
            .map(|((x, h), w)| (x + (w * length - h * distance) / shrink).clamp(0.0, 1.0))
            .collect();
        let left = l2(picture, &sphere).max(1e-30);
        let share = ((self.towards * distance + left - distance).max(0.0) / left).min(1.0);
        let step = sphere.iter().zip(picture).map(|(y, x)| (y + share * (x - y)).clamp(0.0, 1.0));
        (step.collect(), sphere)
    }
}

impl Boundary {
    fn check(&self, goal: &Goal) -> Result<()> {
        at_least_one("steps", self.steps)?;
        positive("around", self.around)?;
        positive("towards", self.towards)?;
        match goal {
            Goal::Away(_) => Ok(()),
            Goal::Towards(_) => {
                let what = "found a class to go to, expected one to leave: the noise that it begins with is taken for whatever it is";
                Err(Error::value("boundary", what))
            }
        }
    }

    /// Pictures mixed with noise that are taken for something else. Of those of which no noise is, nothing is left.
    fn begin(
        victim: &mut Victim,
        begun: &Begun<'_>,
        left: &mut Vec<usize>,
        rng: &mut Rng,
    ) -> Result<Pixels> {
        let mut noise = begun.pixels.clone();
        let mut open = left.clone();
        for _ in 0..DRAWS {
            if open.is_empty() {
                break;
            }
            for &i in &open {
                noise.row_mut(i).iter_mut().for_each(|x| *x = begun.pixels.rounded(rng.unit()));
            }
            let reached = reached(victim, begun, &noise, &open)?;
            open = open
                .into_iter()
                .zip(reached)
                .filter(|(_, reached)| !reached)
                .map(|(i, _)| i)
                .collect();
        }
        left.retain(|i| !open.contains(i));
        // As little of it as suffices.
        let mut mixed = noise.clone();
        let mut open = left.clone();
        for part in 1..MIXTURES {
            if open.is_empty() {
                break;
            }
            let share = part as f64 / MIXTURES as f64;
            for &i in &open {
                let both = begun.pixels.row(i).iter().zip(noise.row(i));
                let both: Vec<f64> =
                    both.map(|(x, noise)| begun.pixels.rounded(x + share * (noise - x))).collect();
                mixed.row_mut(i).copy_from_slice(&both);
            }
            let reached = reached(victim, begun, &mixed, &open)?;
            open = open
                .into_iter()
                .zip(reached)
                .filter(|(_, reached)| !reached)
                .map(|(i, _)| i)
                .collect();
        }
        open.iter().for_each(|&i| mixed.row_mut(i).copy_from_slice(noise.row(i)));
        Ok(mixed)
    }
}

/// Which of some pictures reach the goal.
fn reached(
    victim: &mut Victim,
    begun: &Begun<'_>,
    pixels: &Pixels,
    which: &[usize],
) -> Result<Vec<bool>> {
    let scores = victim.rows_of(pixels, which, begun.x)?;
    Ok(which
        .iter()
        .zip(&scores)
        .map(|(&i, scores)| begun.goal.is_reached(i, largest(scores)))
        .collect())
}

impl Attack for Boundary {
    fn name(&self) -> &'static str {
        "boundary"
    }
    fn run(&self, victim: &mut Victim, x: &Tensor, goal: &Goal) -> Result<Fooled> {
        self.check(goal)?;
        let begun = Begun::new(victim, x, goal)?;
        let mut rng = victim.draws(2);
        let mut left: Vec<usize> = (0..begun.pixels.len()).filter(|&i| !begun.reached[i]).collect();
        let mut now = Boundary::begin(victim, &begun, &mut left, &mut rng)?;
        (0..now.len())
            .filter(|i| !left.contains(i))
            .for_each(|i| now.row_mut(i).copy_from_slice(begun.pixels.row(i)));
        let walk = Walk {
            around: self.around,
            towards: self.towards,
            of_sphere: Share::default(),
            of_step: Share::default(),
        };
        let mut walks = vec![walk; now.len()];
        let mut sphere = now.clone();
        for step in 1..=self.steps {
            left.retain(|&i| walks[i].towards > 1e-7);
            if left.is_empty() {
                break;
            }
            let mut tried = now.clone();
            for &i in &left {
                let (there, on) = walks[i].proposed(begun.pixels.row(i), now.row(i), &mut rng);
                let rounded = |all: Vec<f64>| {
                    all.into_iter().map(|x| begun.pixels.rounded(x)).collect::<Vec<_>>()
                };
                tried.row_mut(i).copy_from_slice(&rounded(there));
                sphere.row_mut(i).copy_from_slice(&rounded(on));
            }
            let kept = reached(victim, &begun, &tried, &left)?;
            if step % LOOK == 0 {
                let on_sphere = reached(victim, &begun, &sphere, &left)?;
                for ((&i, kept), sphere) in left.iter().zip(&kept).zip(on_sphere) {
                    walks[i].adapt(sphere, *kept);
                }
            }
            for (&i, _) in left.iter().zip(kept).filter(|(_, kept)| *kept) {
                let picture = begun.pixels.row(i);
                if l2(tried.row(i), picture) < l2(now.row(i), picture) {
                    now.row_mut(i).copy_from_slice(tried.row(i));
                }
            }
        }
        begun.end(victim, now)
    }
}
