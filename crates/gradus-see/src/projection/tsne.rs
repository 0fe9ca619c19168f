//! t-SNE: points in a plane whose neighbours are the neighbours of the rows.   van der Maaten & Hinton 2008, JMLR 9:2579

use super::barnes_hut::{Near, THETA};
use super::check;
use gradus_base::philox::Rng;
use gradus_base::{Error, Result};

/// How rows become points. Up to 4,000 rows all pairs are looked at in each step; of more rows near neighbours draw each other, three times as many as the
/// perplexity says, and groups of points that are far away push as one (Barnes and Hut, θ = 0.5).
///
/// ```
/// use gradus_see::projection::TSne;
/// let rows: Vec<Vec<f64>> = (0..20).map(|i| vec![f64::from(i % 2) * 9.0, f64::from(i) / 20.0]).collect();
/// let found = TSne { perplexity: 5.0, ..TSne::default() }.embed(&rows)?;
/// assert!(found.points.len() == 20 && found.divergence < 1.0);
/// # Ok::<(), gradus_see::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TSne {
    /// About how many neighbours a row has.
    pub perplexity: f64,
    /// So many steps.
    pub steps: usize,
    /// What the points begin with.
    pub seed: u64,
}

impl Default for TSne {
    fn default() -> TSne {
        TSne { perplexity: 30.0, steps: 1000, seed: 0 }
    }
}

/// Points in a plane.
#[derive(Clone, Debug)]
pub struct Embedding {
    /// Of each row where it lies.
    pub points: Vec<[f64; 2]>,
    /// How much the points' neighbours differ from the rows': the Kullback–Leibler divergence of the one from the other, in nats.
    pub divergence: f64,
}

/// In the first quarter of the steps, at most so many, neighbours are drawn together by this factor.
const EARLY: usize = 250;
const EXAGGERATION: f64 = 12.0;
/// Of more rows not all pairs are looked at.
const MOST_PAIRED: usize = 4_000;
/// Pairs that are added up side by side.
const LANES: usize = 4;

impl TSne {
    /// Puts rows into a plane; the same seed gives the same points.
    ///
    /// # Errors
    /// When rows differ in length or a number is not finite, or the perplexity is not between 1 and a third of the rows.
    pub fn embed(&self, rows: &[Vec<f64>]) -> Result<Embedding> {
        check(rows, 4)?;
        let n = rows.len();
        if !(1.0..=(n - 1) as f64 / 3.0).contains(&self.perplexity) {
            let what = format!(
                "found {}, expected 1 to {:.1}, a third of the other rows",
                self.perplexity,
                (n - 1) as f64 / 3.0
            );
            return Err(Error::value("perplexity", what));
        }
        Ok(self.descend(&Pairs::of(rows, self.perplexity, n > MOST_PAIRED), n))
    }

    /// Goes down from points near 0.
    fn descend(&self, pairs: &Pairs, n: usize) -> Embedding {
        let mut rng = Rng::new(self.seed, 0, 0);
        let [mut x, mut y] =
            [(); 2].map(|()| (0..n).map(|_| 1e-4 * rng.normal()).collect::<Vec<f64>>());
        let mut speed = vec![[0.0; 2]; n];
        let mut gains = vec![[1.0f64; 2]; n];
        let early = EARLY.min(self.steps / 4);
        let rate = (n as f64 / EXAGGERATION).max(50.0);
        for step in 0..self.steps {
            let drawn = if step < early { EXAGGERATION } else { 1.0 };
            let momentum = if step < early { 0.5 } else { 0.8 };
            let slopes = pairs.slopes(&x, &y, drawn);
            for i in 0..n {
                for axis in 0..2 {
                    // A gain grows as long as the way is kept.
                    let turns = (slopes[i][axis] > 0.0) == (speed[i][axis] > 0.0);
                    let gain = &mut gains[i][axis];
                    *gain = if turns { (*gain * 0.8).max(0.01) } else { *gain + 0.2 };
                    speed[i][axis] = momentum * speed[i][axis] - rate * *gain * slopes[i][axis];
                }
                x[i] += speed[i][0];
                y[i] += speed[i][1];
            }
            for places in [&mut x, &mut y] {
                let mean = places.iter().sum::<f64>() / n as f64;
                places.iter_mut().for_each(|place| *place -= mean);
            }
        }
        let divergence = pairs.divergence(&x, &y);
        Embedding { points: x.into_iter().zip(y).map(|(x, y)| [x, y]).collect(), divergence }
    }
}

/// How probable pairs of rows are as neighbours.
enum Pairs {
    /// Of all pairs.
    All(Vec<f64>),
    /// Of those that are near each other.
    Near(Near),
}

impl Pairs {
    fn of(rows: &[Vec<f64>], perplexity: f64, many: bool) -> Pairs {
        match many {
            true => Pairs::Near(Near::of(rows, perplexity)),
            false => Pairs::All(neighbours(rows, perplexity)),
        }
    }
    fn slopes(&self, x: &[f64], y: &[f64], drawn: f64) -> Vec<[f64; 2]> {
        match self {
            Pairs::All(p) => slopes(p, x, y, drawn),
            Pairs::Near(near) => near.slopes(x, y, drawn, THETA),
        }
    }
    fn divergence(&self, x: &[f64], y: &[f64]) -> f64 {
        match self {
            Pairs::All(p) => divergence(p, x, y),
            Pairs::Near(near) => near.divergence(x, y),
        }
    }
}

/// How probable each pair of rows is as neighbours: what each thinks of the other, together.
pub(super) fn neighbours(rows: &[Vec<f64>], perplexity: f64) -> Vec<f64> {
    let (n, conditional) = (rows.len(), conditional(rows, perplexity));
    let pair = |at: usize| {
        let (i, j) = (at / n, at % n);
        (conditional[i * n + j] + conditional[j * n + i]) / (2.0 * n as f64)
    };
    (0..n * n).map(pair).collect()
}

/// Of each row how probable every other is as its neighbour: a Gaussian whose entropy is the perplexity's.
fn conditional(rows: &[Vec<f64>], perplexity: f64) -> Vec<f64> {
    let n = rows.len();
    let mut conditional = Vec::with_capacity(n * n);
    for i in 0..n {
        let distance =
            |j: usize| rows[i].iter().zip(&rows[j]).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
        let others: Vec<f64> = (0..n).filter(|&j| j != i).map(distance).collect();
        let mut row = gaussian(&others, perplexity);
        row.insert(i, 0.0);
        conditional.extend(row);
    }
    conditional
}

/// How probable others at such squared distances are as neighbours.
pub(super) fn gaussian(distances: &[f64], perplexity: f64) -> Vec<f64> {
    let nearest = distances.iter().copied().fold(f64::INFINITY, f64::min);
    let (mut low, mut high, mut beta) = (0.0, f64::INFINITY, 1.0);
    let mut row = vec![0.0; distances.len()];
    for _ in 0..100 {
        let mut sum = 0.0;
        for (p, distance) in row.iter_mut().zip(distances) {
            *p = (-(distance - nearest) * beta).exp();
            sum += *p;
        }
        row.iter_mut().for_each(|p| *p /= sum);
        let entropy: f64 = -row.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>();
        let more = entropy - perplexity.ln();
        if more.abs() < 1e-10 {
            break;
        }
        if more > 0.0 {
            low = beta
        } else {
            high = beta
        }
        beta = if high.is_finite() { (low + high) / 2.0 } else { 2.0 * beta };
    }
    row
}

/// The gradient of the divergence, with neighbours `drawn` together so many times as much.
pub(super) fn slopes(p: &[f64], x: &[f64], y: &[f64], drawn: f64) -> Vec<[f64; 2]> {
    let n = x.len();
    let mut all = 0.0;
    let mut forces = Vec::with_capacity(n);
    for i in 0..n {
        // Toward, away and closeness; lanes, so that pairs are added up side by side.
        let mut sums = [[0.0f64; LANES]; 5];
        let row = &p[i * n..(i + 1) * n];
        let mut add = |lane: usize, j: usize| {
            let (dx, dy) = (x[i] - x[j], y[i] - y[j]);
            let close = 1.0 / (1.0 + dx * dx + dy * dy);
            let (toward, away) = (row[j] * close, close * close);
            for (sum, value) in
                sums.iter_mut().zip([toward * dx, toward * dy, away * dx, away * dy, close])
            {
                sum[lane] += value;
            }
        };
        let whole = n / LANES * LANES;
        for first in (0..whole).step_by(LANES) {
            (0..LANES).for_each(|lane| add(lane, first + lane));
        }
        (whole..n).for_each(|j| add(0, j));
        let [tx, ty, ax, ay, close] = sums.map(|lanes| lanes.iter().sum::<f64>());
        // Itself is no pair.
        all += close - 1.0;
        forces.push([[tx, ty], [ax, ay]]);
    }
    let slope =
        |[toward, away]: [[f64; 2]; 2]| [0, 1].map(|a| 4.0 * (drawn * toward[a] - away[a] / all));
    forces.into_iter().map(slope).collect()
}

fn divergence(p: &[f64], x: &[f64], y: &[f64]) -> f64 {
    let n = x.len();
    let close = |at: usize| {
        let (dx, dy) = (x[at / n] - x[at % n], y[at / n] - y[at % n]);
        1.0 / (1.0 + dx * dx + dy * dy)
    };
    let pairs = || (0..n * n).filter(|at| at / n != at % n);
    let all: f64 = pairs().map(close).sum();
    pairs().filter(|&at| p[at] > 0.0).map(|at| p[at] * (p[at] * all / close(at)).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clusters(each: usize) -> Vec<Vec<f64>> {
        let mut rng = Rng::new(1, 0, 0);
        let row = |at: usize, rng: &mut Rng| {
            (0..10).map(|c| 20.0 * f64::from(u8::from(c == at / each)) + rng.normal()).collect()
        };
        (0..3 * each).map(|at| row(at, &mut rng)).collect()
    }

    #[test]
    fn three_clusters_lie_apart() {
        let rows = clusters(20);
        let how = TSne { perplexity: 10.0, steps: 500, seed: 4 };
        let found = how.embed(&rows).unwrap();
        let distance = |a: usize, b: usize| {
            let [p, q] = [found.points[a], found.points[b]];
            (p[0] - q[0]).hypot(p[1] - q[1])
        };
        for a in 0..60 {
            let others =
                |same: bool| (0..60).filter(move |b| *b != a && (b / 20 == a / 20) == same);
            let farthest = others(true).map(|b| distance(a, b)).fold(0.0, f64::max);
            let nearest = others(false).map(|b| distance(a, b)).fold(f64::INFINITY, f64::min);
            assert!(farthest < nearest, "{a}: {farthest} {nearest}");
        }
        assert!(found.divergence < 0.5, "{}", found.divergence);
        assert_eq!(how.embed(&rows).unwrap().points, found.points);
        assert_ne!(TSne { seed: 5, ..how }.embed(&rows).unwrap().points, found.points);
    }

    #[test]
    fn many_rows_go_where_all_pairs_would_lead_them() {
        let rows = clusters(40);
        let how = TSne { perplexity: 10.0, steps: 300, seed: 4 };
        let [few, many] = [false, true].map(|many| how.descend(&Pairs::of(&rows, 10.0, many), 120));
        let differ = (few.divergence - many.divergence).abs();
        assert!(differ < 0.1 * few.divergence, "{} {}", few.divergence, many.divergence);
    }

    #[test]
    fn rows_have_as_many_neighbours_as_the_perplexity_says() {
        let rows = clusters(5);
        for row in conditional(&rows, 3.0).chunks(15) {
            let entropy: f64 = -row.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>();
            assert!((entropy - 3f64.ln()).abs() < 1e-9, "{row:?}");
        }
        let p = neighbours(&rows, 3.0);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12 && p[1] == p[15]);
    }

    #[test]
    fn the_gradient_is_the_differences_of_the_divergence() {
        let p = neighbours(&clusters(3), 2.0);
        let mut rng = Rng::new(9, 0, 0);
        let [x, y] = [(); 2].map(|()| (0..9).map(|_| rng.normal()).collect::<Vec<f64>>());
        let found = slopes(&p, &x, &y, 1.0);
        for i in 0..9 {
            let moved = |by: f64| {
                let mut x = x.clone();
                x[i] += by;
                divergence(&p, &x, &y)
            };
            let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((found[i][0] - expected).abs() < 1e-8, "{i}: {} {expected}", found[i][0]);
            assert!(expected.abs() > 1e-6);
        }
    }

    #[test]
    fn too_many_neighbours_are_refused() {
        let refused = TSne::default().embed(&clusters(5)).unwrap_err().to_string();
        assert!(
            refused.contains("found 30, expected 1 to 4.7, a third of the other rows"),
            "{refused}"
        );
    }
}
