//! Whether a line can tell two classes apart, in whole numbers, so exactly; if not, points that contradict each other.
//!
//! With a bias: two sets are told apart where their hulls have no point in common (Minkowski). Hulls that meet have a corner of one in a
//! triangle of the other, or two sides that cross: at most four points (Kirchberger 1903). Without one: an answer of 0 wants w·x < 0, the
//! other w·x ≥ 0, and no w does it where the inputs, those of 0 turned round, have a sum of 0 with shares that are not negative
//! (Motzkin 1936); at most three are needed.

use super::margin::nearest;
use super::messages::Apart;
use super::points::{PARTS, Point, decimal};
use gradus_base::words::figure;

/// Points that contradict each other: whose sum with these shares is the same for both classes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clash {
    /// Which points, and their shares.
    pub(super) points: Vec<(usize, i64)>,
    /// Why, in words.
    pub(super) why: String,
}

type Place = [i64; 2];

fn place(p: Point) -> Place {
    [p.x.into(), p.y.into()]
}

/// Twice the area of a triangle, positive if it turns left.
fn area(a: Place, b: Place, c: Place) -> i64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// The corners of a set's hull, in order; collinear ones are left out.   Andrew 1979
fn hull(points: &[Point], mut indices: Vec<usize>) -> Vec<usize> {
    let at = |i: usize| place(points[i]);
    indices.sort_by_key(|&i| at(i));
    indices.dedup_by_key(|i| at(*i));
    if indices.len() < 3 {
        return indices;
    }
    let half = |order: &mut dyn Iterator<Item = usize>| {
        let mut half: Vec<usize> = vec![];
        for i in order {
            while let [.., a, b] = half[..]
                && area(at(a), at(b), at(i)) <= 0
            {
                half.pop();
            }
            half.push(i);
        }
        half.pop();
        half
    };
    let mut all = half(&mut indices.iter().copied());
    all.extend(half(&mut indices.iter().rev().copied()));
    all
}

/// How points of the other class make up this place: with shares of at least 0, and the place's own.
fn made_of(points: &[Point], at: usize, hull: &[usize]) -> Option<(Vec<(usize, i64)>, i64)> {
    let of = |i: usize| place(points[i]);
    let p = of(at);
    match *hull {
        [a] => (of(a) == p).then(|| (vec![(a, 1)], 1)),
        [a, b] => {
            let along = |x: Place| (x[0] - of(a)[0]) + (x[1] - of(a)[1]) * 100_000;
            let (whole, part) = (along(of(b)), along(p));
            let is_between = area(of(a), of(b), p) == 0 && part * whole >= 0;
            let (whole, part) = (whole.abs(), part.abs());
            (is_between && part <= whole).then(|| (vec![(a, whole - part), (b, part)], whole))
        }
        [a, ..] => hull[1..].windows(2).find_map(|side| {
            let [b, c] = [side[0], side[1]];
            let shares = [
                (a, area(p, of(b), of(c))),
                (b, area(of(a), p, of(c))),
                (c, area(of(a), of(b), p)),
            ];
            let is_within = shares.iter().all(|share| share.1 >= 0);
            is_within.then(|| (shares.to_vec(), area(of(a), of(b), of(c))))
        }),
        [] => None,
    }
}

/// Points that no line tells apart.
fn with_bias(points: &[Point]) -> Option<Clash> {
    let of = |one: bool| (0..points.len()).filter(|&i| points[i].one == one).collect::<Vec<_>>();
    let hulls = [hull(points, of(false)), hull(points, of(true))];
    for (own, other) in [(&hulls[0], &hulls[1]), (&hulls[1], &hulls[0])] {
        for &at in own {
            if let Some((mut shares, whole)) = made_of(points, at, other) {
                shares.retain(|share| share.1 > 0);
                let names: Vec<_> = shares.iter().map(|&(i, _)| points[i].place()).collect();
                let here = points[at].place();
                let why = match &names[..] {
                    [_] => format!("{here} is to give 0 and 1"),
                    [a, b] => {
                        format!("{here} lies between {a} and {b}, which are of the other class")
                    }
                    _ => format!(
                        "{here} lies in the triangle {}, whose corners are of the other class",
                        names.join(", ")
                    ),
                };
                shares.push((at, whole));
                return Some(Clash { points: shares, why });
            }
        }
    }
    let sides = |hull: &[usize]| -> Vec<[usize; 2]> {
        let closing = (hull.len() > 2).then(|| [hull[hull.len() - 1], hull[0]]);
        hull.windows(2).map(|pair| [pair[0], pair[1]]).chain(closing).collect()
    };
    let at = |i: usize| place(points[i]);
    for [a, b] in sides(&hulls[0]) {
        for [c, d] in sides(&hulls[1]) {
            let (of_c, of_d) = (area(at(a), at(b), at(c)), area(at(a), at(b), at(d)));
            let (of_a, of_b) = (area(at(c), at(d), at(a)), area(at(c), at(d), at(b)));
            if of_c.signum() * of_d.signum() < 0 && of_a.signum() * of_b.signum() < 0 {
                // The crossing is a mean of a and b, and of c and d; both means have the same weight |of_c| + |of_d| = |of_a| + |of_b|.
                let points_of = [(a, of_b), (b, of_a), (c, of_d), (d, of_c)];
                let [a, b, c, d] = [a, b, c, d].map(|i| points[i].place());
                let why = format!(
                    "the way from {a} to {b} crosses that from {c} to {d}, and both are of one class each"
                );
                return Some(Clash { points: points_of.map(|(i, s)| (i, s.abs())).to_vec(), why });
            }
        }
    }
    None
}

/// Points that no line through the origin tells apart.
fn without_bias(points: &[Point]) -> Option<Clash> {
    if let Some(at) = points.iter().position(|p| !p.one && place(*p) == [0, 0]) {
        let why = "w·x is 0 at (0, 0) whatever the weights are, and the step of 0 is 1: without a constant input it cannot be 0"
            .to_owned();
        return Some(Clash { points: vec![(at, 1)], why });
    }
    // Those of 0 turned round: all are wanted on one side.
    let turned = |i: usize| place(points[i]).map(|x| if points[i].one { x } else { -x });
    let cross = |a: Place, b: Place| a[0] * b[1] - a[1] * b[0];
    let told = |shares: Vec<(usize, i64)>| Clash {
        points: shares,
        why: "every line through the origin has one of these on the wrong side".to_owned(),
    };
    let is_strict = |indices: &[usize]| indices.iter().any(|&i| !points[i].one);
    let there: Vec<usize> = (0..points.len()).filter(|&i| turned(i) != [0, 0]).collect();
    for (n, &i) in there.iter().enumerate() {
        for (m, &j) in there.iter().enumerate().skip(n + 1) {
            let (a, b) = (turned(i), turned(j));
            if cross(a, b) == 0 && a[0] * b[0] + a[1] * b[1] < 0 && is_strict(&[i, j]) {
                let size = |p: Place| p[0].abs() + p[1].abs();
                return Some(told(vec![(i, size(b)), (j, size(a))]));
            }
            for &k in &there[m + 1..] {
                let c = turned(k);
                let shares = [cross(b, c), cross(c, a), cross(a, b)];
                let is_around = shares.iter().all(|&s| s > 0) || shares.iter().all(|&s| s < 0);
                if is_around && is_strict(&[i, j, k]) {
                    return Some(told([i, j, k].into_iter().zip(shares.map(i64::abs)).collect()));
                }
            }
        }
    }
    None
}

/// What contradicts a line, if anything does.
pub(super) fn clash(points: &[Point], bias: bool) -> Option<Clash> {
    let mut found = if bias { with_bias(points) } else { without_bias(points) }?;
    let common = found.points.iter().fold(0, |a, &(_, b)| divisor(a, b)).max(1);
    found.points.iter_mut().for_each(|point| point.1 /= common);
    found.points.sort_by_key(|&(i, _)| (!points[i].one, i));
    Some(found)
}

fn divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

/// What a point wants of the weights: `w₁ + w₂ + b < 0`.
fn demand(point: Point, bias: bool) -> String {
    let [x, y, one] = point.input(bias);
    format!("{} {}", sum([x, y, one]), if point.one { "≥ 0" } else { "< 0" })
}

/// A sum of weights, each so many hundredths: `w₁ − 0.5 w₂ + b`.
fn sum(times: [i64; 3]) -> String {
    let mut text = String::new();
    for (times, name) in times.into_iter().zip(["w₁", "w₂", "b"]) {
        let size = times.abs();
        let sign = match (text.is_empty(), times < 0) {
            _ if times == 0 => continue,
            (true, false) => "",
            (true, true) => "−",
            (false, false) => " + ",
            (false, true) => " − ",
        };
        text += sign;
        if size != 100 {
            text += &format!("{} ", decimal(size));
        }
        text += name;
    }
    if text.is_empty() { "0".into() } else { text }
}

/// What the contradiction comes to.
fn conclusion(points: &[Point], clash: &Clash, bias: bool) -> String {
    let mut both = [0i64; 3];
    for &(i, times) in clash.points.iter().filter(|(i, _)| !points[*i].one) {
        let input = points[i].input(bias);
        both.iter_mut().zip(input).for_each(|(to, x)| *to += times * x);
    }
    let are_single = clash.points.iter().all(|&(_, times)| times == 1);
    let each = if are_single { "" } else { ", each as often as told" };
    let is_mixed = clash.points.iter().any(|&(i, _)| points[i].one);
    let small = both.iter().all(|x| x.abs() < 100_000);
    match (is_mixed, small) {
        (true, true) => format!(
            "Added up{each}, those ≥ 0 give {0} ≥ 0, and those < 0 give {0} < 0. Both cannot be.",
            sum(both)
        ),
        (true, false) => format!(
            "Added up{each}, those ≥ 0 and those < 0 have the same left side. Both cannot be."
        ),
        (false, _) => format!("Added up{each}, they say 0 < 0. That cannot be."),
    }
}

/// Whether and why.
pub(super) fn judge(points: &[Point], bias: bool) -> Apart {
    let real = |p: Point| p.input(bias).map(|x| x as f64 / PARTS);
    let radius = points.iter().map(|&p| length(real(p))).fold(0.0, f64::max);
    if let Some(clash) = clash(points, bias) {
        let demands = clash.points.iter().map(|&(i, _)| {
            let p = points[i];
            format!("{} → {}: {}", p.place(), u8::from(p.one), demand(p, bias))
        });
        let line = if bias { "No line" } else { "No line through the origin" };
        let why = format!("{line} can do it: {}. {}", clash.why, conclusion(points, &clash, bias));
        return Apart {
            can: false,
            radius,
            margin: 0.0,
            bound: None,
            widest: vec![0.0; 3],
            demands: demands.collect(),
            against: clash.points.iter().map(|p| p.0 as u32).collect(),
            times: clash.points.iter().map(|p| p.1 as f64).collect(),
            why,
        };
    }
    let turned: Vec<_> =
        points.iter().map(|&p| real(p).map(|x| if p.one { x } else { -x })).collect();
    let normal = nearest(&turned);
    let margin = length(normal);
    let bound = (margin > 0.0).then(|| (radius / margin).powi(2));
    let why = match bound {
        _ if points.is_empty() => "There are no points.".to_owned(),
        Some(bound) => format!(
            "A line can do it, and then the perceptron finds one: from zero weights it makes at most (R/γ)² = ({}/{})² = {} \
             mistakes, whatever the order and the rate (Novikoff 1962).",
            figure(radius, 4),
            figure(margin, 4),
            figure(bound, 4)
        ),
        None => "A line can do it, but only with points on the line itself: there is no margin, and no bound.".to_owned(),
    };
    let widest = normal.map(|x| if margin > 0.0 { x / margin } else { 0.0 }).to_vec();
    let (against, times, demands) = (vec![], vec![], vec![]);
    Apart { can: true, radius, margin, bound, widest, against, times, demands, why }
}

fn length(v: [f64; 3]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}
