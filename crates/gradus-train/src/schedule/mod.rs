//! Learning-rate schedules: the rate as a function of the step, counted from 0. The rate is an argument of a compiled
//! step, so a schedule never plans anew.

use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

/// The learning rate over the steps.
///
/// ```
/// use gradus_train::schedule::Schedule;
/// let s = Schedule::cosine(100).warm_up(10);
/// assert!((s.rate(0.1, 0) - 0.01).abs() < 1e-12 && s.rate(0.1, 110) == 0.0);
/// ```
#[derive(Clone, Debug, PartialEq, Default)]
#[doc(alias("StepLR", "ExponentialDecay"))]
pub enum Schedule {
    /// The base rate throughout.
    #[default]
    Constant,
    /// Times `gamma` every `every` steps.
    Step {
        /// Steps between two drops.
        every: u64,
        /// The factor.
        gamma: f64,
    },
    /// Times `gamma` at each of these steps.
    MultiStep {
        /// The steps, ascending.
        milestones: Vec<u64>,
        /// The factor.
        gamma: f64,
    },
    /// Times `gamma` every step.
    Exponential {
        /// The factor.
        gamma: f64,
    },
    /// Down to `floor` along half a cosine over `steps`, then staying there.   Loshchilov & Hutter 2016, arXiv:1608.03983 eq. 5
    Cosine {
        /// Steps to the floor.
        steps: u64,
        /// The last rate.
        floor: f64,
    },
    /// Cosines that begin anew, each `growth` times as long.   Loshchilov & Hutter 2016
    CosineRestarts {
        /// Steps of the first.
        first: u64,
        /// How much longer each next one is.
        growth: u64,
        /// The last rate of each.
        floor: f64,
    },
    /// (1 − t/steps)^power, then 0. Power 1 is linear.
    Polynomial {
        /// Steps to 0.
        steps: u64,
        /// The exponent.
        power: f64,
    },
    /// Up from base/div to base, down to base/(div·final_div).   Smith & Topin 2017, arXiv:1708.07120
    OneCycle {
        /// All steps.
        steps: u64,
        /// The part of them that rises.
        rise: f64,
        /// base / first rate.
        div: f64,
        /// First rate / last rate.
        final_div: f64,
        /// Along straight lines instead of cosines.
        linear: bool,
        /// Falls symmetrically to the first rate before going to the last.
        three_phase: bool,
        /// Lowest and highest momentum, if it cycles, too: it falls while the rate rises, and rises while it falls.
        momentum: Option<(f64, f64)>,
    },
    /// A function of your own.
    Custom(Custom),
    /// From `start`·rate up to the rate over `steps`, then the other schedule, whose steps begin after that.
    WarmUp {
        /// Steps to the full rate.
        steps: u64,
        /// The first factor.
        start: f64,
        /// What follows.
        then: Box<Schedule>,
    },
}

/// A schedule of your own: the rate for a base rate and a step, counted from 0.
#[derive(Clone)]
pub struct Custom(Arc<dyn Fn(f64, u64) -> f64 + Send + Sync>);

/// One is only equal to itself.
impl PartialEq for Custom {
    fn eq(&self, other: &Custom) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Custom")
    }
}

impl Schedule {
    /// A function of your own, from the base rate and the step, counted from 0, to the rate.
    ///
    /// ```
    /// use gradus_train::schedule::Schedule;
    /// let zigzag = Schedule::custom(|base, step| base * if step % 2 == 0 { 1.0 } else { 0.5 });
    /// assert_eq!((zigzag.rate(0.2, 4), zigzag.rate(0.2, 5)), (0.2, 0.1));
    /// ```
    #[doc(alias("LambdaLR", "LearningRateScheduler"))]
    pub fn custom(rate: impl Fn(f64, u64) -> f64 + Send + Sync + 'static) -> Schedule {
        Schedule::Custom(Custom(Arc::new(rate)))
    }
    /// A one-cycle schedule over `steps` with 30 % rise, div 25 and final_div 10⁴.
    #[doc(alias = "OneCycleLR")]
    pub fn one_cycle(steps: u64) -> Schedule {
        Schedule::OneCycle {
            steps,
            rise: 0.3,
            div: 25.0,
            final_div: 1e4,
            linear: false,
            three_phase: false,
            momentum: None,
        }
    }
    /// The same one-cycle schedule, whose momentum cycles between `low`, where the rate is highest, and `high`: sgd's μ, Adam's
    /// β₁. PyTorch's are 0.85 and 0.95. Other schedules stay as they are.
    ///
    /// ```
    /// use gradus_train::schedule::Schedule;
    /// let s = Schedule::one_cycle(10).cycle_momentum(0.85, 0.95);
    /// assert_eq!((s.momentum(0), s.momentum(2), s.momentum(9)), (Some(0.95), Some(0.85), Some(0.95)));
    /// ```
    #[must_use]
    pub fn cycle_momentum(self, low: f64, high: f64) -> Schedule {
        match self {
            Schedule::OneCycle { steps, rise, div, final_div, linear, three_phase, .. } => {
                let momentum = Some((low, high));
                Schedule::OneCycle { steps, rise, div, final_div, linear, three_phase, momentum }
            }
            Schedule::WarmUp { steps, start, then } => {
                let then = Box::new(then.cycle_momentum(low, high));
                Schedule::WarmUp { steps, start, then }
            }
            other => other,
        }
    }
    /// A cosine down to 0 over `steps`.
    #[doc(alias("CosineAnnealingLR", "CosineDecay"))]
    pub fn cosine(steps: u64) -> Schedule {
        Schedule::Cosine { steps, floor: 0.0 }
    }
    /// This schedule after `steps` of linear warm-up from a tenth of the rate.
    #[must_use]
    pub fn warm_up(self, steps: u64) -> Schedule {
        Schedule::WarmUp { steps, start: 0.1, then: Box::new(self) }
    }

    /// The rate of step `t`, counted from 0, for the given base rate.
    pub fn rate(&self, base: f64, t: u64) -> f64 {
        match self {
            Schedule::Constant => base,
            Schedule::Custom(Custom(rate)) => rate(base, t),
            Schedule::Step { every, gamma } => base * gamma.powi((t / every.max(&1)) as i32),
            Schedule::MultiStep { milestones, gamma } => {
                base * gamma.powi(milestones.iter().filter(|&&m| m <= t).count() as i32)
            }
            Schedule::Exponential { gamma } => base * gamma.powf(t as f64),
            Schedule::Cosine { steps, floor } => cosine(base, *floor, part(t, *steps)),
            Schedule::CosineRestarts { first, growth, floor } => {
                let (mut t, mut len) = (t, (*first).max(1));
                while t >= len {
                    t -= len;
                    len *= (*growth).max(1);
                }
                cosine(base, *floor, t as f64 / len as f64)
            }
            Schedule::Polynomial { steps, power } => base * (1.0 - part(t, *steps)).powf(*power),
            Schedule::OneCycle { .. } => self.one_cycle_rate(base, t),
            Schedule::WarmUp { steps, then, .. } if t >= *steps => then.rate(base, t - steps),
            Schedule::WarmUp { steps, start, then } => {
                then.rate(base, 0) * (start + (1.0 - start) * part(t, *steps))
            }
        }
    }

    /// The momentum of step `t`, counted from 0, if it cycles; during a warm-up it is that of the first step after.
    pub fn momentum(&self, t: u64) -> Option<f64> {
        match self {
            Schedule::OneCycle { momentum, .. } => {
                let (low, high) = (*momentum)?;
                Some(self.along_cycle([high, low, high], t))
            }
            Schedule::WarmUp { steps, then, .. } => then.momentum(t.saturating_sub(*steps)),
            _ => None,
        }
    }

    fn one_cycle_rate(&self, base: f64, t: u64) -> f64 {
        let Schedule::OneCycle { div, final_div, .. } = self else { return base };
        self.along_cycle([base / div, base, base / div / final_div], t)
    }

    /// A number that begins at the first, is the second at the cycle's top and the third at its end.
    fn along_cycle(&self, [first, top, last]: [f64; 3], t: u64) -> f64 {
        let Schedule::OneCycle { steps, rise, linear, three_phase, .. } = self else {
            unreachable!("called for one cycle only")
        };
        let end = *steps as f64 - 1.0;
        let peak = rise * *steps as f64 - 1.0;
        let phases = if *three_phase {
            let back = 2.0 * rise * *steps as f64 - 2.0;
            vec![(peak, first, top), (back, top, first), (end, first, last)]
        } else {
            vec![(peak, first, top), (end, top, last)]
        };
        let t = (t as f64).min(end);
        let mut begin = 0.0;
        for &(stop, from, to) in &phases {
            if t <= stop || stop >= end {
                // A phase of one step is at its end.
                let p = if stop > begin { (t - begin) / (stop - begin) } else { 1.0 };
                return if *linear { from + (to - from) * p } else { cosine(from, to, p) };
            }
            begin = stop;
        }
        last
    }
}

/// t/steps, at most 1.
fn part(t: u64, steps: u64) -> f64 {
    (t as f64 / steps.max(1) as f64).min(1.0)
}

/// From `from` to `to` along half a cosine.
fn cosine(from: f64, to: f64, p: f64) -> f64 {
    to + (from - to) * (1.0 + (PI * p).cos()) / 2.0
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Schedule::Constant => "constant",
            Schedule::Custom(_) => "custom",
            Schedule::Step { .. } => "step",
            Schedule::MultiStep { .. } => "multi_step",
            Schedule::Exponential { .. } => "exponential",
            Schedule::Cosine { .. } => "cosine",
            Schedule::CosineRestarts { .. } => "cosine_restarts",
            Schedule::Polynomial { .. } => "polynomial",
            Schedule::OneCycle { .. } => "one_cycle",
            Schedule::WarmUp { .. } => "warm_up",
        })
    }
}

/// Lowers the rate when a watched number stops improving.
#[derive(Clone, Debug)]
pub struct Plateau {
    /// What the rate is multiplied with.
    pub factor: f64,
    /// How many observations without improvement are let pass.
    pub patience: u64,
    /// Improvement counts from this part of the best on, or from this much on if `absolute`.
    pub threshold: f64,
    /// Whether the threshold is a difference instead of a part.
    pub absolute: bool,
    /// Observations after a drop during which none are counted.
    pub cooldown: u64,
    /// The rate never goes below.
    pub floor: f64,
    /// Larger is better: an accuracy.
    pub maximize: bool,
    best: Option<f64>,
    bad: u64,
    resting: u64,
}

impl Plateau {
    /// A tenth after 10 observations without an improvement of one part in 10⁴, smaller being better.
    pub fn new() -> Plateau {
        Plateau {
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            absolute: false,
            cooldown: 0,
            floor: 0.0,
            maximize: false,
            best: None,
            bad: 0,
            resting: 0,
        }
    }

    /// What it remembers: the best value, observations without improvement, observations still to rest.
    pub fn memory(&self) -> (Option<f64>, u64, u64) {
        (self.best, self.bad, self.resting)
    }
    /// Takes up what [`Plateau::memory`] gave.
    pub fn set_memory(&mut self, memory: (Option<f64>, u64, u64)) {
        (self.best, self.bad, self.resting) = memory;
    }

    /// The rate after seeing `value`; one that is not finite is no improvement.
    pub fn observe(&mut self, value: f64, rate: f64) -> f64 {
        let improved = |best: f64| {
            let margin = if self.absolute { self.threshold } else { best * self.threshold };
            if self.maximize { value > best + margin } else { value < best - margin }
        };
        // A NaN that was the best could never be beaten.
        let better = value.is_finite() && self.best.is_none_or(improved);
        if better {
            self.best = Some(value);
            self.bad = 0;
        } else {
            self.bad += 1;
        }
        if self.resting > 0 {
            self.resting -= 1;
            self.bad = 0;
        }
        if self.bad <= self.patience {
            return rate;
        }
        self.resting = self.cooldown;
        self.bad = 0;
        // A drop smaller than 1e-8 is not worth making.
        let next = (rate * self.factor).max(self.floor);
        if rate - next > 1e-8 { next } else { rate }
    }
}

impl Default for Plateau {
    fn default() -> Plateau {
        Plateau::new()
    }
}
