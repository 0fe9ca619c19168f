//! The points: the original's six data sets, draw by draw, their kin for more classes, and the user's own.

use super::messages::Point;
use super::random::Random;
use super::settings::{DataSet, Problem, RegDataSet, Settings};
use crate::exact::{cos, sin};
use std::f64::consts::PI;

/// Half the side of the square that is drawn.
pub(super) const EDGE: f64 = 6.0;
/// How many points a data set has.
const OF_CLASSES: usize = 500;
const OF_NUMBERS: usize = 1200;
/// How many a thumbnail has.
const THUMBNAIL: usize = 200;
/// The most of the user's own.
pub(super) const MOST_OWN: usize = 5000;
/// How far out the data sets of classes reach.
const RADIUS: f64 = 5.0;

/// A sample: where it lies, and −1 or 1, a class from 0, or a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) label: f64,
}

/// The samples, those to learn from first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Samples {
    pub(super) all: Vec<Sample>,
    /// How many are learned from.
    pub(super) train: usize,
}

/// The data set that the settings ask for, and the stream of random numbers behind it, from which the first weights come.
pub(super) fn generate(settings: &Settings, own: &[Point]) -> (Samples, Random) {
    let mut random = Random::new(&settings.seed);
    if settings.is_own() {
        let (test, train): (Vec<&Point>, Vec<&Point>) = own.iter().partition(|point| point.is_test);
        let sample = |point: &&Point| Sample { x: point.x, y: point.y, label: point.label };
        let all = train.iter().chain(&test).map(sample).collect();
        return (Samples { all, train: train.len() }, random);
    }
    let noise = settings.noise / 100.0;
    let mut all = match settings.problem {
        Problem::Classification => {
            of_classes(settings.dataset, settings.classes, OF_CLASSES, noise, &mut random)
        }
        Problem::Regression => of_numbers(settings.reg_dataset, OF_NUMBERS, noise, &mut random),
    };
    random.shuffle(&mut all);
    let train = (all.len() as f64 * settings.perc_train_data / 100.0) as usize;
    (Samples { all, train }, random)
}

/// Small data sets without noise, by name.
pub(super) fn thumbnails(settings: &Settings) -> Vec<(&'static str, Vec<Sample>)> {
    let mut random = Random::new("thumbnails");
    match settings.problem {
        Problem::Classification => {
            let sets = DataSet::ALL.iter().filter(|set| **set != DataSet::Own);
            let draw = |&set: &DataSet| {
                (set.name(), of_classes(set, settings.classes, THUMBNAIL, 0.0, &mut random))
            };
            sets.map(draw).collect()
        }
        Problem::Regression => {
            let sets = RegDataSet::ALL.iter().filter(|set| **set != RegDataSet::Own);
            sets.map(|&set| (set.name(), of_numbers(set, THUMBNAIL, 0.0, &mut random))).collect()
        }
    }
}

fn of_classes(set: DataSet, classes: u8, n: usize, noise: f64, random: &mut Random) -> Vec<Sample> {
    let classes = usize::from(classes);
    match set {
        DataSet::Circle => rings(n, classes, noise, random),
        DataSet::Xor => sectors(n, classes, noise, random),
        DataSet::Gauss => clouds(n, classes, noise, random),
        DataSet::Spiral => spirals(n, classes, noise, random),
        DataSet::Own => vec![],
    }
}

fn of_numbers(set: RegDataSet, n: usize, noise: f64, random: &mut Random) -> Vec<Sample> {
    let label = match set {
        RegDataSet::Plane => plane,
        RegDataSet::Gauss => hills,
        RegDataSet::Own => return vec![],
    };
    let draw = |_| {
        let [x, y] = [(); 2].map(|()| random.between(-EDGE, EDGE));
        let [dx, dy] = [(); 2].map(|()| random.between(-EDGE, EDGE) * noise);
        Sample { x, y, label: label(x + dx, y + dy) }
    };
    (0..n).map(draw).collect()
}

/// How classes are said: two as 1 and −1 in the original's order, more as they are counted.
fn said(class: usize, classes: usize) -> f64 {
    match (classes, class) {
        (2, 0) => 1.0,
        (2, _) => -1.0,
        _ => class as f64,
    }
}

fn between(a: f64, b: f64, part: f64) -> f64 {
    a * (1.0 - part) + b * part
}

fn distance(x: f64, y: f64) -> f64 {
    (x * x + y * y).sqrt()
}

/// A disk in a ring; or as many rings as there are classes.
fn rings(n: usize, classes: usize, noise: f64, random: &mut Random) -> Vec<Sample> {
    let of = |class: usize| match (classes, class) {
        (2, 0) => (0.0, RADIUS * 0.5),
        (2, _) => (RADIUS * 0.7, RADIUS),
        _ => {
            let width = RADIUS / classes as f64;
            (width * class as f64, width * (class as f64 + 0.7))
        }
    };
    let class_at = |r: f64| match classes {
        2 => usize::from(r >= RADIUS * 0.5),
        _ => ((r / RADIUS * classes as f64) as usize).min(classes - 1),
    };
    let mut all = vec![];
    for class in 0..classes {
        let (inner, outer) = of(class);
        for _ in 0..n / classes {
            let r = random.between(inner, outer);
            let angle = random.between(0.0, 2.0 * PI);
            let (x, y) = (r * sin(angle), r * cos(angle));
            let [dx, dy] = [(); 2].map(|()| random.between(-RADIUS, RADIUS) * noise);
            let label = said(class_at(distance(x + dx, y + dy)), classes);
            all.push(Sample { x, y, label });
        }
    }
    all
}

/// Exclusive or: the four quadrants by turns; or twice as many sectors as there are classes.
fn sectors(n: usize, classes: usize, noise: f64, random: &mut Random) -> Vec<Sample> {
    let class_at = |x: f64, y: f64| match classes {
        2 => usize::from(x * y < 0.0),
        _ => {
            let count = 2 * classes;
            // The lines between sectors: a point is behind as many as it is left of.
            let angle = |k: usize| PI * k as f64 / classes as f64;
            let above = (1..classes).filter(|&k| y * cos(angle(k)) - x * sin(angle(k)) >= 0.0);
            let half = above.count();
            let sector = if y >= 0.0 { half } else { count - 1 - half };
            sector % classes
        }
    };
    let mut all = vec![];
    for _ in 0..n {
        let [x, y] = [(); 2].map(|()| {
            let at = random.between(-RADIUS, RADIUS);
            if at > 0.0 { at + 0.3 } else { at - 0.3 }
        });
        let [dx, dy] = [(); 2].map(|()| random.between(-RADIUS, RADIUS) * noise);
        all.push(Sample { x, y, label: said(class_at(x + dx, y + dy), classes) });
    }
    all
}

/// Normally distributed clouds, around as many centres as there are classes.
fn clouds(n: usize, classes: usize, noise: f64, random: &mut Random) -> Vec<Sample> {
    let variance = between(0.5, 4.0, noise / 0.5);
    let mut all = vec![];
    for class in 0..classes {
        let (cx, cy) = match (classes, class) {
            (2, 0) => (2.0, 2.0),
            (2, _) => (-2.0, -2.0),
            _ => {
                let angle = 2.0 * PI * class as f64 / classes as f64;
                (3.0 * sin(angle), 3.0 * cos(angle))
            }
        };
        for _ in 0..n / classes {
            let (x, y) = (random.normal(cx, variance), random.normal(cy, variance));
            all.push(Sample { x, y, label: said(class, classes) });
        }
    }
    all
}

/// Spirals into each other.
fn spirals(n: usize, classes: usize, noise: f64, random: &mut Random) -> Vec<Sample> {
    let count = n as f64 / classes as f64;
    let mut all = vec![];
    for class in 0..classes {
        let turned = 2.0 * PI * class as f64 / classes as f64;
        for i in 0..n / classes {
            let i = i as f64;
            let r = i / count * RADIUS;
            let t = 1.75 * i / count * 2.0 * PI + turned;
            let x = r * sin(t) + random.between(-1.0, 1.0) * noise;
            let y = r * cos(t) + random.between(-1.0, 1.0) * noise;
            all.push(Sample { x, y, label: said(class, classes) });
        }
    }
    all
}

/// An inclined plane: −1 where x + y = −10, 1 where it is 10.
fn plane(x: f64, y: f64) -> f64 {
    between(-1.0, 1.0, (x + y + 10.0) / 20.0)
}

/// Six hills and hollows, that of the largest height counts.
fn hills(x: f64, y: f64) -> f64 {
    const CENTRES: [[f64; 3]; 6] = [
        [-4.0, 2.5, 1.0],
        [0.0, 2.5, -1.0],
        [4.0, 2.5, 1.0],
        [-4.0, -2.5, -1.0],
        [0.0, -2.5, 1.0],
        [4.0, -2.5, -1.0],
    ];
    let heights = CENTRES.iter().map(|[cx, cy, sign]| {
        let part = (distance(x - cx, y - cy) / 2.0).clamp(0.0, 1.0);
        sign * between(1.0, 0.0, part)
    });
    heights.fold(0.0, |most, height| if height.abs() > f64::abs(most) { height } else { most })
}

/// Gives own points labels that the settings can have: −1 or 1, a class from 0, a number.
pub(super) fn relabel(own: &mut [Point], settings: &Settings) {
    if settings.problem == Problem::Regression {
        return;
    }
    for point in own {
        point.label = match settings.classes {
            2 if point.label > 0.0 => 1.0,
            2 => -1.0,
            classes => point.label.round().clamp(0.0, f64::from(classes - 1)),
        };
    }
}

/// Chooses anew which of the own points are learned from.
pub(super) fn split(own: &mut [Point], settings: &Settings) {
    let mut order: Vec<usize> = (0..own.len()).collect();
    Random::new(&settings.seed).shuffle(&mut order);
    let train = (own.len() as f64 * settings.perc_train_data / 100.0) as usize;
    for (rank, index) in order.into_iter().enumerate() {
        own[index].is_test = rank >= train;
    }
}

/// The order in which samples are learned from: as they lie, since data sets are mixed; own points are mixed here.
pub(super) fn order(settings: &Settings, train: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..train as u32).collect();
    if settings.is_own() {
        Random::new(&settings.seed).shuffle(&mut order);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_set_has_its_classes_within_the_square() {
        for &dataset in &DataSet::ALL[..4] {
            for classes in 2..=5 {
                let settings = Settings { dataset, classes, ..Settings::default() };
                let (samples, _) = generate(&settings, &[]);
                assert!((498..=500).contains(&samples.all.len()), "{dataset:?} {classes}");
                assert_eq!(samples.train, samples.all.len() / 2);
                let mut labels: Vec<_> = samples.all.iter().map(|sample| sample.label).collect();
                labels.sort_by(f64::total_cmp);
                let counts = labels.chunk_by(|a, b| a == b).map(<[f64]>::len);
                let counts: Vec<_> = counts.collect();
                assert_eq!(counts.len(), usize::from(classes), "{dataset:?}");
                assert!(counts.iter().all(|count| *count >= 60), "{dataset:?} {counts:?}");
                assert!(samples.all.iter().all(|s| s.x.abs() <= EDGE && s.y.abs() <= EDGE));
            }
        }
    }

    #[test]
    fn sectors_go_round() {
        let mut random = Random::new("1");
        for sample in sectors(400, 3, 0.0, &mut random) {
            let turn = sample.y.atan2(sample.x).rem_euclid(2.0 * PI) / (PI / 3.0);
            assert_eq!(sample.label, f64::from(turn as u8 % 3), "{sample:?}");
        }
    }

    #[test]
    fn own_points_are_split_and_relabelled() {
        let point = |label: f64| Point { x: 0.0, y: 0.0, label, is_test: false };
        let mut own: Vec<_> = [0.0, 1.0, 2.0, 7.0].map(point).into();
        let mut settings = Settings { classes: 3, dataset: DataSet::Own, ..Settings::default() };
        relabel(&mut own, &settings);
        assert_eq!(own.iter().map(|point| point.label).collect::<Vec<_>>(), [0.0, 1.0, 2.0, 2.0]);
        settings.classes = 2;
        relabel(&mut own, &settings);
        assert_eq!(own.iter().map(|point| point.label).collect::<Vec<_>>(), [-1.0, 1.0, 1.0, 1.0]);
        split(&mut own, &settings);
        assert_eq!(own.iter().filter(|point| point.is_test).count(), 2);
        let (samples, _) = generate(&settings, &own);
        assert_eq!((samples.train, samples.all.len()), (2, 4));
        let mut order = order(&settings, 100);
        assert!(!order.is_sorted());
        order.sort_unstable();
        assert!(order.into_iter().eq(0..100));
    }
}
