//! Generated points in the plane: the six sets of TensorFlow Playground, CS231n's three-armed spiral, two moons.
//! Each is a pure function of (number of points, noise, seed).

use std::f64::consts::{PI, TAU};

use crate::dataset::Dataset;
use crate::error::Result;
use crate::random::{Purpose, Rng, rng};

/// Names of the generated sets, as [`generate`] knows them.
pub const NAMES: [&str; 8] =
    ["circle", "xor", "gauss", "spiral", "plane", "multi-gauss", "spiral3", "moons"];

/// Points with a target each.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    /// The coordinates.
    pub points: Vec<[f32; 2]>,
    /// -1 or 1 for two classes, 0, 1, 2 for three, any number for regression.
    pub targets: Vec<f32>,
    /// One label per point: for two classes 1 where the target is positive; for regression its sign likewise.
    labels: Vec<i64>,
    classes: Vec<String>,
}

impl Points {
    /// Two classes (or a regression), by targets that are negative or positive.
    fn signed(samples: impl Iterator<Item = ([f64; 2], f64)>) -> Points {
        let (points, targets): (Vec<_>, Vec<_>) =
            samples.map(|([x, y], target)| ([x as f32, y as f32], target as f32)).unzip();
        let labels = targets.iter().map(|&t| (t > 0.0) as i64).collect();
        Points { points, targets, labels, classes: vec!["-1".into(), "1".into()] }
    }
}

impl Dataset for Points {
    fn len(&self) -> usize {
        self.points.len()
    }
    fn shape(&self) -> &[usize] {
        &[2]
    }
    fn classes(&self) -> &[String] {
        &self.classes
    }
    fn label(&self, index: usize) -> i64 {
        self.labels[index]
    }
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        out.copy_from_slice(&self.points[index]);
        Ok(())
    }
}

/// The set of this name, or `None`. `n` counts all points, `noise` is as for the set's own function.
pub fn generate(name: &str, n: usize, noise: f64, seed: u64) -> Option<Points> {
    Some(match name {
        "circle" => circle(n, noise, seed),
        "xor" => xor(n, noise, seed),
        "gauss" => gauss(n, noise, seed),
        "spiral" => spiral(n, noise, seed),
        "plane" => plane(n, noise, seed),
        "multi-gauss" => multi_gauss(n, noise, seed),
        "spiral3" => spiral3(n / 3, noise, seed),
        "moons" => moons(n, noise, seed),
        _ => return None,
    })
}

/// A disc of radius 2.5 (target 1) inside a ring of radii 3.5 to 5 (target -1). Noise in `0..=0.5` moves the place at
/// which the target is read off, not the point.
pub fn circle(n: usize, noise: f64, seed: u64) -> Points {
    const RADIUS: f64 = 5.0;
    let mut rng = stream(seed, 0);
    Points::signed((0..n).map(move |i| {
        let (low, high) = if i < n / 2 { (0.0, 0.5 * RADIUS) } else { (0.7 * RADIUS, RADIUS) };
        let (r, angle) = (rng.uniform(low, high), rng.uniform(0.0, TAU));
        let (x, y) = (r * libm::sin(angle), r * libm::cos(angle));
        let (nx, ny) = (jitter(&mut rng, RADIUS * noise), jitter(&mut rng, RADIUS * noise));
        let inside = libm::hypot(x + nx, y + ny) < 0.5 * RADIUS;
        ([x, y], if inside { 1.0 } else { -1.0 })
    }))
}

/// Points of the square of half-side 5, kept 0.3 off both axes; target 1 where `x·y ≥ 0`. Noise as for [`circle`].
pub fn xor(n: usize, noise: f64, seed: u64) -> Points {
    let mut rng = stream(seed, 1);
    Points::signed((0..n).map(move |_| {
        let mut coordinate = || {
            let x = rng.uniform(-5.0, 5.0);
            x + if x > 0.0 { 0.3 } else { -0.3 }
        };
        let (x, y) = (coordinate(), coordinate());
        let (nx, ny) = (jitter(&mut rng, 5.0 * noise), jitter(&mut rng, 5.0 * noise));
        ([x, y], if (x + nx) * (y + ny) >= 0.0 { 1.0 } else { -1.0 })
    }))
}

/// Two round clouds about (2, 2) (target 1) and (-2, -2) (target -1); their variance grows from 0.5 to 4 as noise
/// goes from 0 to 0.5.
pub fn gauss(n: usize, noise: f64, seed: u64) -> Points {
    let mut rng = stream(seed, 2);
    let deviation = libm::sqrt(0.5 + 7.0 * noise);
    Points::signed((0..n).map(move |i| {
        let sign = if i < n / 2 { 1.0 } else { -1.0 };
        let mut near = |centre: f64| centre + deviation * rng.normal();
        ([near(2.0 * sign), near(2.0 * sign)], sign)
    }))
}

/// Two arms of 1¾ turns, targets 1 and -1; each coordinate moves by up to `noise`.
pub fn spiral(n: usize, noise: f64, seed: u64) -> Points {
    let mut rng = stream(seed, 3);
    let half = n / 2;
    Points::signed((0..n).map(move |i| {
        let (i, count, sign, start) =
            if i < half { (i, half, 1.0, 0.0) } else { (i - half, n - half, -1.0, PI) };
        let part = i as f64 / count as f64;
        let (r, angle) = (5.0 * part, 1.75 * TAU * part + start);
        let x = r * libm::sin(angle) + jitter(&mut rng, noise);
        ([x, r * libm::cos(angle) + jitter(&mut rng, noise)], sign)
    }))
}

/// Regression: `(x + y) / 10` on the square of half-side 6. Noise as for [`circle`].
pub fn plane(n: usize, noise: f64, seed: u64) -> Points {
    let mut rng = stream(seed, 4);
    Points::signed((0..n).map(move |_| {
        let (x, y) = (jitter(&mut rng, 6.0), jitter(&mut rng, 6.0));
        let (nx, ny) = (jitter(&mut rng, 6.0 * noise), jitter(&mut rng, 6.0 * noise));
        ([x, y], (x + nx + y + ny) / 10.0)
    }))
}

/// Regression: six bumps of alternating sign at (-4, 0, 4) × (2.5, -2.5), each falling linearly to 0 at distance 2;
/// the tallest wins. Noise as for [`circle`].
pub fn multi_gauss(n: usize, noise: f64, seed: u64) -> Points {
    const BUMPS: [[f64; 3]; 6] = [
        [-4.0, 2.5, 1.0],
        [0.0, 2.5, -1.0],
        [4.0, 2.5, 1.0],
        [-4.0, -2.5, -1.0],
        [0.0, -2.5, 1.0],
        [4.0, -2.5, -1.0],
    ];
    let mut rng = stream(seed, 5);
    Points::signed((0..n).map(move |_| {
        let (x, y) = (jitter(&mut rng, 6.0), jitter(&mut rng, 6.0));
        let (nx, ny) = (jitter(&mut rng, 6.0 * noise), jitter(&mut rng, 6.0 * noise));
        let height = |[bx, by, sign]: [f64; 3]| {
            sign * (1.0 - libm::hypot(x + nx - bx, y + ny - by) / 2.0).max(0.0)
        };
        let taller = |a: f64, b: f64| if b.abs() > a.abs() { b } else { a };
        ([x, y], BUMPS.into_iter().map(height).fold(0.0, taller))
    }))
}

/// CS231n's three arms of `per_class` points: radius 0 to 1 over 4 radians, angles moved by a normal number times
/// `noise` (0.2 in the course). Targets and labels 0, 1, 2, arm after arm.
pub fn spiral3(per_class: usize, noise: f64, seed: u64) -> Points {
    let mut rng = stream(seed, 6);
    let last = per_class.saturating_sub(1).max(1) as f64;
    let mut points = Vec::with_capacity(3 * per_class);
    for i in 0..3 * per_class {
        let (arm, part) = (i / per_class, (i % per_class) as f64 / last);
        let angle = 4.0 * (arm as f64 + part) + noise * rng.normal();
        points.push([(part * libm::sin(angle)) as f32, (part * libm::cos(angle)) as f32]);
    }
    let labels: Vec<i64> = (0..3 * per_class).map(|i| (i / per_class) as i64).collect();
    let targets = labels.iter().map(|&l| l as f32).collect();
    Points { points, targets, labels, classes: (0..3).map(|c| c.to_string()).collect() }
}

/// Two interleaved half circles, targets -1 (upper) and 1 (lower); normal noise of deviation `noise`.
pub fn moons(n: usize, noise: f64, seed: u64) -> Points {
    let mut rng = stream(seed, 7);
    let half = n / 2;
    Points::signed((0..n).map(move |i| {
        let (i, count, sign) = if i < half { (i, half, -1.0) } else { (i - half, n - half, 1.0) };
        let angle = PI * i as f64 / count.saturating_sub(1).max(1) as f64;
        let (cos, sin) = (libm::cos(angle), libm::sin(angle));
        let [x, y] = if sign < 0.0 { [cos, sin] } else { [1.0 - cos, 0.5 - sin] };
        ([x + noise * rng.normal(), y + noise * rng.normal()], sign)
    }))
}

fn stream(seed: u64, set: u64) -> Rng {
    rng(seed, Purpose::Toy, 0, set)
}

/// Uniform in `-amount..amount`.
fn jitter(rng: &mut Rng, amount: f64) -> f64 {
    rng.uniform(-amount, amount)
}
