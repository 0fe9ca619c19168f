//! t-SNE of many rows: near neighbours draw each other, and what is far away pushes as one.   van der Maaten 2014, JMLR 15:3221

use super::tsne::gaussian;

/// A cell of the plane pushes as one where its width is so small a share of its distance.
pub(super) const THETA: f64 = 0.5;
/// A row has so many times as many neighbours as the perplexity says; all others are none.
const REACH: f64 = 3.0;
/// Points that are looked at one by one, and how often a cell is parted at most: points may lie in one place.
const FEW: usize = 8;
const DEEPEST: usize = 48;

/// How probable pairs of rows are as neighbours, those of a row one after the other.
pub(super) struct Near {
    /// Where each row's begin, and where the last one's end.
    starts: Vec<usize>,
    pairs: Vec<(usize, f64)>,
}

impl Near {
    pub(super) fn of(rows: &[Vec<f64>], perplexity: f64) -> Near {
        Near::reaching(rows, perplexity, (REACH * perplexity).ceil() as usize)
    }

    /// With so many neighbours of each.
    fn reaching(rows: &[Vec<f64>], perplexity: f64, reach: usize) -> Near {
        let n = rows.len();
        let reach = reach.min(n - 1);
        let mut all: Vec<(usize, usize, f64)> = Vec::with_capacity(2 * n * reach);
        for i in 0..n {
            let far = |j: usize| {
                rows[i].iter().zip(&rows[j]).map(|(a, b)| (a - b) * (a - b)).sum::<f64>()
            };
            let others = (0..n).filter(|&j| j != i);
            let mut others: Vec<(f64, usize)> = others.map(|j| (far(j), j)).collect();
            others
                .select_nth_unstable_by(reach - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            others.truncate(reach);
            others.sort_by_key(|&(_, j)| j);
            let distances: Vec<f64> = others.iter().map(|&(distance, _)| distance).collect();
            for (p, (_, j)) in gaussian(&distances, perplexity).into_iter().zip(others) {
                let half = p / (2.0 * n as f64);
                all.extend([(i, j, half), (j, i, half)]);
            }
        }
        // Both may be each other's: the two halves lie side by side then, and are added up.
        all.sort_by_key(|&(i, j, _)| (i, j));
        let (mut starts, mut pairs) = (vec![0; n + 1], Vec::<(usize, f64)>::new());
        let mut last = None;
        for (i, j, p) in all {
            match pairs.last_mut() {
                Some((_, sum)) if last == Some((i, j)) => *sum += p,
                _ => pairs.push((j, p)),
            }
            last = Some((i, j));
            starts[i + 1] = pairs.len();
        }
        Near { starts, pairs }
    }

    fn row(&self, i: usize) -> &[(usize, f64)] {
        &self.pairs[self.starts[i]..self.starts[i + 1]]
    }

    /// The gradient of the divergence, with neighbours `drawn` together so many times as much.
    pub(super) fn slopes(&self, x: &[f64], y: &[f64], drawn: f64, theta: f64) -> Vec<[f64; 2]> {
        let tree = Tree::new(x, y);
        let pushes: Vec<Push> = (0..x.len()).map(|i| tree.push([x[i], y[i]], i, theta)).collect();
        let all: f64 = pushes.iter().map(|push| push.close).sum();
        let slope = |(i, push): (usize, &Push)| {
            let mut toward = [0.0; 2];
            for &(j, p) in self.row(i) {
                let d = [x[i] - x[j], y[i] - y[j]];
                let share = p / (1.0 + d[0] * d[0] + d[1] * d[1]);
                toward = [toward[0] + share * d[0], toward[1] + share * d[1]];
            }
            [0, 1].map(|a| 4.0 * (drawn * toward[a] - push.away[a] / all))
        };
        pushes.iter().enumerate().map(slope).collect()
    }

    /// The divergence of the points' neighbours from these.
    pub(super) fn divergence(&self, x: &[f64], y: &[f64]) -> f64 {
        let tree = Tree::new(x, y);
        let close = |i: usize| tree.push([x[i], y[i]], i, THETA).close;
        let all: f64 = (0..x.len()).map(close).sum();
        let of = |i: usize| {
            self.row(i).iter().filter(|(_, p)| *p > 0.0).map(move |&(j, p)| {
                let far = (x[i] - x[j]).powi(2) + (y[i] - y[j]).powi(2);
                p * (p * all * (1.0 + far)).ln()
            })
        };
        (0..x.len()).flat_map(of).sum()
    }
}

/// What pushes a point away: Σ d / (1 + d²)², and Σ 1 / (1 + d²) of all others.
#[derive(Default)]
struct Push {
    away: [f64; 2],
    close: f64,
}

impl Push {
    /// Of so many points that lie so far away.
    fn add(&mut self, d: [f64; 2], count: f64) {
        let close = 1.0 / (1.0 + d[0] * d[0] + d[1] * d[1]);
        self.close += count * close;
        self.away = [0, 1].map(|a| self.away[a] + count * close * close * d[a]);
    }
}

/// The plane in cells, each parted into four until it holds few points.
struct Tree {
    cells: Vec<Cell>,
    /// Points, those of a cell side by side, each with its number.
    points: Vec<([f64; 2], usize)>,
}

struct Cell {
    width: f64,
    middle: [f64; 2],
    from: usize,
    to: usize,
    /// The first of its parts; none of a cell with few points.
    parts: Vec<usize>,
}

impl Tree {
    fn new(x: &[f64], y: &[f64]) -> Tree {
        let points = x.iter().zip(y).enumerate().map(|(i, (&x, &y))| ([x, y], i));
        let mut tree = Tree { cells: vec![], points: points.collect() };
        let range = |axis: usize| {
            let all = tree.points.iter().map(|(point, _)| point[axis]);
            (all.clone().fold(f64::INFINITY, f64::min), all.fold(f64::NEG_INFINITY, f64::max))
        };
        let [(left, right), (low, high)] = [range(0), range(1)];
        let width = (right - left).max(high - low);
        let n = tree.points.len();
        tree.part((0, n), [left, low], width, 0);
        tree
    }

    /// A cell of some of the points, from a corner on; gives its number.
    fn part(
        &mut self,
        (from, to): (usize, usize),
        corner: [f64; 2],
        width: f64,
        depth: usize,
    ) -> usize {
        let sum =
            |axis: usize| self.points[from..to].iter().map(|(point, _)| point[axis]).sum::<f64>();
        let middle = [0, 1].map(|axis| sum(axis) / (to - from) as f64);
        let number = self.cells.len();
        self.cells.push(Cell { width, middle, from, to, parts: vec![] });
        if to - from <= FEW || depth == DEEPEST {
            return number;
        }
        let half = width / 2.0;
        let quarter = |point: [f64; 2]| {
            let side = |axis: usize| usize::from(point[axis] >= corner[axis] + half);
            side(0) + 2 * side(1)
        };
        self.points[from..to].sort_by_key(|(point, _)| quarter(*point));
        let (mut parts, mut at) = (vec![], from);
        for q in 0..4 {
            let end = at
                + self.points[at..to].iter().take_while(|(point, _)| quarter(*point) == q).count();
            if end > at {
                let corner = [corner[0] + half * (q % 2) as f64, corner[1] + half * (q / 2) as f64];
                parts.push(self.part((at, end), corner, half, depth + 1));
            }
            at = end;
        }
        self.cells[number].parts = parts;
        number
    }

    /// What pushes a point, which is no pair with itself.
    fn push(&self, at: [f64; 2], own: usize, theta: f64) -> Push {
        let mut push = Push::default();
        let mut left = vec![0];
        while let Some(cell) = left.pop().map(|number| &self.cells[number]) {
            let d = [at[0] - cell.middle[0], at[1] - cell.middle[1]];
            if cell.width * cell.width < theta * theta * (d[0] * d[0] + d[1] * d[1]) {
                push.add(d, (cell.to - cell.from) as f64);
            } else if cell.parts.is_empty() {
                for (point, _) in self.points[cell.from..cell.to].iter().filter(|(_, i)| *i != own)
                {
                    push.add([at[0] - point[0], at[1] - point[1]], 1.0);
                }
            } else {
                left.extend(&cell.parts);
            }
        }
        push
    }
}

#[cfg(test)]
mod tests {
    use super::super::tsne::{neighbours, slopes};
    use super::*;
    use gradus_base::philox::Rng;

    /// Rows in groups, and points anywhere, two of them in one place.
    fn rows_and_points(n: usize) -> (Vec<Vec<f64>>, [Vec<f64>; 2]) {
        let mut rng = Rng::new(5, 0, 0);
        let row = |at: usize, rng: &mut Rng| {
            (0..6).map(|c| 4.0 * f64::from(u8::from(c == at % 6)) + rng.normal()).collect()
        };
        let rows = (0..n).map(|at| row(at, &mut rng)).collect();
        let [mut x, y] =
            [(); 2].map(|()| (0..n).map(|_| 10.0 * rng.normal()).collect::<Vec<f64>>());
        let mut y = y;
        (x[1], y[1]) = (x[0], y[0]);
        (rows, [x, y])
    }

    /// By how much slopes differ, as a share of how long they are.
    fn off(found: &[[f64; 2]], exact: &[[f64; 2]]) -> f64 {
        let size = |all: &mut dyn Iterator<Item = f64>| all.map(|x| x * x).sum::<f64>().sqrt();
        let differ = found.iter().flatten().zip(exact.iter().flatten()).map(|(a, b)| a - b);
        size(&mut differ.into_iter()) / size(&mut exact.iter().flatten().copied())
    }

    #[test]
    fn the_gradient_is_that_of_all_pairs() {
        let (rows, [x, y]) = rows_and_points(500);
        let exact = slopes(&neighbours(&rows, 20.0), &x, &y, 1.0);
        let all = Near::reaching(&rows, 20.0, 499);
        assert!(off(&all.slopes(&x, &y, 1.0, 0.0), &exact) < 1e-12, "no cell is taken for one");
        let near = off(&all.slopes(&x, &y, 1.0, THETA), &exact);
        assert!(near > 0.0 && near < 0.02, "cells that are far away: {near}");
        let few = off(&Near::of(&rows, 20.0).slopes(&x, &y, 1.0, THETA), &exact);
        assert!(few < 0.1, "neighbours that are near: {few}");
    }

    #[test]
    fn halves_of_pairs_are_added_up() {
        let (rows, _) = rows_and_points(60);
        let near = Near::reaching(&rows, 5.0, 59);
        let exact = neighbours(&rows, 5.0);
        for i in 0..60 {
            assert_eq!(near.row(i).len(), 59);
            for &(j, p) in near.row(i) {
                assert!((p - exact[i * 60 + j]).abs() < 1e-15);
            }
        }
        let sum: f64 = Near::of(&rows, 5.0).pairs.iter().map(|(_, p)| p).sum();
        assert!((sum - 1.0).abs() < 1e-12);
    }

    #[test]
    fn points_in_one_place_end() {
        let (x, y) = (vec![1.0; 40], vec![2.0; 40]);
        let push = Tree::new(&x, &y).push([1.0, 2.0], 7, THETA);
        assert_eq!((push.close, push.away), (39.0, [0.0; 2]));
    }
}
