//! What an attack came to at each distance.

use super::options::{Epsilon, Strength};
use super::sheet::Sheet;
use crate::bars::{bar, counted, figure, four_places, grouped, shortened};
use crate::curves;
use crate::description::Description;
use crate::error::Result;
use crate::scores::{largest, probabilities};
use gradus::Tensor;
use gradus::see::attack::{Fooled, Goal, Victim};
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::path::Path;

/// How many cells a bar has at most.
const BAR: usize = 24;

/// What an attack came to, distance by distance.
pub struct Curve<'a> {
    strength: &'a Strength,
    classes: Vec<String>,
    noun: &'static str,
    target: Option<usize>,
    /// Pictures so far.
    pub seen: usize,
    /// Of them the model was right about so many before anything was done, and the other model.
    right: usize,
    right_of_other: Option<usize>,
    points: Vec<Point>,
    /// The least change of each picture that was fooled, where that is looked for.
    least: Vec<f64>,
}

/// What came out at a distance.
struct Point {
    /// None where the least change is looked for.
    epsilon: Option<Epsilon>,
    /// Of so many the model is still right.
    right: usize,
    /// So many are where they were wanted.
    fooled: usize,
    /// Of so many the other model is still right.
    right_of_other: Option<usize>,
    /// Of those that were changed and are fooled: how many, Σ of how sure the model is, of the largest changes and of the distances.
    changed: usize,
    confidence: f64,
    linf: f64,
    l2: f64,
    queries: u64,
    gradients: u64,
    /// Of a sequence of attacks which felled how many.
    felled: Vec<(&'static str, usize)>,
}

impl Point {
    fn of(epsilon: Option<&Epsilon>) -> Point {
        Point {
            epsilon: epsilon.cloned(),
            right: 0,
            fooled: 0,
            right_of_other: None,
            changed: 0,
            confidence: 0.0,
            linf: 0.0,
            l2: 0.0,
            queries: 0,
            gradients: 0,
            felled: vec![],
        }
    }

    /// Adds what was made of a batch. One that went farther than its distance is as it was.
    fn add(
        &mut self,
        made: &Fooled,
        labels: &[i64],
        before: &[usize],
        goal: &Goal,
        limit: Option<f64>,
    ) {
        for (i, &label) in labels.iter().enumerate() {
            let within = limit.is_none_or(|limit| made.l2[i] <= limit);
            let class = if within { made.class(i) } else { before[i] };
            let fooled = goal.is_reached(i, class);
            self.right += usize::from(class as i64 == label);
            self.fooled += usize::from(fooled);
            if fooled && made.linf[i] > 0.0 {
                self.changed += 1;
                self.confidence += made.confidence(i);
                self.linf += made.linf[i];
                self.l2 += made.l2[i];
            }
        }
        self.queries += made.queries;
        self.gradients += made.gradients;
        for (name, felled) in &made.felled {
            match self.felled.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum += felled,
                None => self.felled.push((name, *felled)),
            }
        }
    }

    /// `apgd-ce 310, apgd-t 4, square 0`
    fn told_felled(&self) -> String {
        let one = |(name, felled): &(&str, usize)| format!("{name} {}", grouped(*felled as u64));
        self.felled.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn mean(&self, sum: f64) -> Option<f64> {
        (self.changed > 0).then(|| sum / self.changed as f64)
    }
}

impl<'a> Curve<'a> {
    /// Nothing yet.
    pub fn new(
        strength: &'a Strength,
        description: &Description,
        target: Option<usize>,
    ) -> Curve<'a> {
        let least = strength.kind.is_of_least_change().then(|| Point::of(None));
        let points = least.into_iter().chain(strength.epsilons.iter().map(|e| Point::of(Some(e))));
        Curve {
            points: points.collect(),
            strength,
            classes: description.classes.clone(),
            noun: description.noun(),
            target,
            seen: 0,
            right: 0,
            right_of_other: None,
            least: vec![],
        }
    }

    /// Attacks a batch at every distance. What came of the last is shown on the sheet.
    pub fn add(
        &mut self,
        victim: &mut Victim,
        mut other: Option<&mut Victim>,
        x: &Tensor,
        labels: &[i64],
        goal: &Goal,
        mut sheet: Option<&mut Sheet>,
    ) -> Result<()> {
        let before = Seen::of(&victim.scores(x)?);
        self.right += before.right(labels);
        if let Some(other) = &mut other {
            let right = Seen::of(&other.scores(x)?).right(labels);
            self.right_of_other = Some(self.right_of_other.unwrap_or(0) + right);
        }
        let once = self.strength.kind.is_of_least_change();
        let mut made = None;
        let last = self.points.len() - 1;
        for (at, point) in self.points.iter_mut().enumerate() {
            let epsilon = point.epsilon.as_ref().map(|epsilon| epsilon.value);
            if made.is_none() || !once {
                made = Some(self.strength.attack(epsilon.unwrap_or(1.0)).run(victim, x, goal)?);
            }
            let made = made.as_mut().expect("attacked above");
            point.add(made, labels, &before.classes, goal, epsilon.filter(|_| once));
            // What is asked once is counted once.
            (made.queries, made.gradients) =
                if once { (0, 0) } else { (made.queries, made.gradients) };
            if at == 0 && once {
                let changed = (0..labels.len()).filter(|&i| made.fooled[i] && made.linf[i] > 0.0);
                self.least.extend(changed.map(|i| made.l2[i]));
            }
            if let (Some(other), false) = (&mut other, once && at > 0) {
                let right = Seen::of(&other.scores(&made.pictures)?).right(labels);
                point.right_of_other = Some(point.right_of_other.unwrap_or(0) + right);
            }
            if let (Some(sheet), true) = (&mut sheet, at == if once { 0 } else { last }) {
                sheet.add(x, labels, &before, made);
            }
        }
        self.seen += labels.len();
        Ok(())
    }

    fn share(&self, n: usize) -> f64 {
        n as f64 / self.seen as f64
    }

    fn median(&self) -> Option<f64> {
        let mut sorted = self.least.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }

    /// The accuracy over the distance, as SVG. Of an attack that looks for the least change every distance is known.
    pub fn drawn(&self, attack: &str, data: &str, model: &Path, against: Option<&Path>) -> String {
        let known = |of: fn(&Point) -> Option<usize>, clean: usize| {
            let points = self
                .points
                .iter()
                .filter_map(|point| Some((point.epsilon.as_ref()?.value, self.share(of(point)?))));
            let mut points: Vec<(f64, f64)> = points.collect();
            points.push((0.0, self.share(clean)));
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            points
        };
        let of_all = self.strength.kind.is_of_least_change() && self.target.is_none();
        let own = if of_all { self.survival() } else { known(|p| Some(p.right), self.right) };
        let mut models = vec![(model.display().to_string(), own)];
        if let (Some(path), Some(clean), false) = (against, self.right_of_other, of_all) {
            models.push((path.display().to_string(), known(|p| p.right_of_other, clean)));
        }
        let axis = if self.strength.kind.is_linf() { "ε" } else { "ε (L2)" };
        let title = format!(
            "accuracy under {attack} on {} of {data}",
            counted(self.seen as u64, self.noun)
        );
        curves::of_distances(&title, axis, models)
    }

    /// What is left at the least change of each picture: a step down at each.
    fn survival(&self) -> Vec<(f64, f64)> {
        let mut sorted = self.least.clone();
        sorted.sort_by(f64::total_cmp);
        let steps = sorted.iter().enumerate().flat_map(|(gone, &far)| {
            [gone, gone + 1].map(|gone| (far, self.share(self.right.saturating_sub(gone))))
        });
        std::iter::once((0.0, self.share(self.right))).chain(steps).collect()
    }

    /// For people.
    pub fn told(&self, attack: &str, data: &str, against: Option<&Path>) -> String {
        let mut text = format!("{attack} on {} of {data}", counted(self.seen as u64, self.noun));
        if let Some(target) = self.target {
            let _ = write!(text, ", to be taken for {}", shortened(&self.classes[target], 40));
        }
        let distance = if self.strength.kind.is_linf() { "ε" } else { "ε (L2)" };
        let other = if against.is_some() { "    other" } else { "" };
        let _ = writeln!(
            text,
            "\n{distance:>10}  accuracy  {:BAR$}{other}   fooled  sure of it  changed by       L2",
            ""
        );
        let line =
            |text: &mut String, name: &str, right: usize, other: Option<usize>, rest: &str| {
                let other = other.map(|n| format!("{:>9}", four_places(self.share(n))));
                let other = other.unwrap_or_else(|| {
                    if against.is_some() { " ".repeat(9) } else { String::new() }
                });
                let accuracy = self.share(right);
                let drawn = bar(accuracy, BAR);
                let whole =
                    format!("{name:>10}  {:>8}  {drawn:BAR$}{other}{rest}", four_places(accuracy));
                let _ = writeln!(text, "{}", whole.trim_end());
            };
        line(&mut text, "unchanged", self.right, self.right_of_other, "");
        for point in &self.points {
            let name = point.epsilon.as_ref().map_or("any", |epsilon| &epsilon.text);
            let of = |sum: f64, places: usize| {
                point.mean(sum).map_or("-".into(), |x| format!("{x:.places$}"))
            };
            let rest = format!(
                "{:>9}{:>12}{:>12}{:>9}",
                four_places(self.share(point.fooled)),
                of(point.confidence, 3),
                of(point.linf, 4),
                of(point.l2, 3)
            );
            line(&mut text, name, point.right, point.right_of_other, &rest);
        }
        if let Some(median) = self.median() {
            let _ = writeln!(text, "the least change: median L2 {}", figure(median, 4));
        }
        for point in self.points.iter().filter(|point| !point.felled.is_empty()) {
            let at = point.epsilon.as_ref().map_or("", |epsilon| &epsilon.text);
            let _ = writeln!(text, "felled         at ε {at}: {}", point.told_felled());
        }
        let asked = |of: fn(&Point) -> u64| grouped(self.points.iter().map(of).sum::<u64>());
        let _ = writeln!(
            text,
            "asked          {} gradients, {} scores of pictures",
            asked(|p| p.gradients),
            asked(|p| p.queries)
        );
        text
    }

    /// For `--json`.
    pub fn record(&self) -> Value {
        let point = |point: &Point| {
            json!({
                "epsilon": point.epsilon.as_ref().map(|e| e.value), "accuracy": self.share(point.right), "fooled": self.share(point.fooled),
                "against_accuracy": point.right_of_other.map(|n| self.share(n)), "confidence": point.mean(point.confidence),
                "linf": point.mean(point.linf), "l2": point.mean(point.l2), "queries": point.queries, "gradients": point.gradients,
                "felled": (!point.felled.is_empty()).then(|| point.felled.iter().map(|(name, n)| ((*name).into(), json!(n))).collect::<Map<_, _>>()),
            })
        };
        json!({
            "samples": self.seen, "clean_accuracy": self.share(self.right),
            "against_clean_accuracy": self.right_of_other.map(|n| self.share(n)), "median_l2": self.median(),
            "accuracies": self.points.iter().map(point).collect::<Vec<_>>(),
        })
    }
}

/// What a model sees in pictures.
pub struct Seen {
    /// The class that each is taken for.
    pub classes: Vec<usize>,
    /// How probable that is.
    pub probabilities: Vec<f64>,
}

impl Seen {
    /// By scores `[B, K]`.
    pub fn of(scores: &Tensor) -> Seen {
        let all = scores.to_vec::<f32>();
        let rows = all.chunks_exact(scores.size(1)).map(probabilities);
        let seen = rows.map(|p| (largest(&p), p[largest(&p)]));
        let (classes, probabilities) = seen.unzip();
        Seen { classes, probabilities }
    }
    /// Of how many it is right.
    fn right(&self, labels: &[i64]) -> usize {
        self.classes.iter().zip(labels).filter(|(class, label)| **class as i64 == **label).count()
    }
}
