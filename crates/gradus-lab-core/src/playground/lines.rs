//! Lines on which units' sums are zero, found on a grid by marching squares: for networks that are not piecewise linear.

use super::maps::coordinate;
use super::network::{Network, features_at};
use super::regions::Line;

/// Nodes of the grid across.
const SIDE: usize = 81;

/// The lines of all hidden units, and of a single output.
pub(super) fn on_a_grid(network: &Network, used: &[usize]) -> Vec<Line> {
    let place = |at: usize| (coordinate(at % SIDE, SIDE), -coordinate(at / SIDE, SIDE));
    let values: Vec<_> = (0..SIDE * SIDE).map(place).map(|(x, y)| features_at(x, y)).collect();
    let mut columns: Vec<f64> = vec![];
    for &feature in used {
        columns.extend(values.iter().map(|values| values[feature]));
    }
    let mut lines = vec![];
    let last = network.layers.len() - 1;
    network.forward_all_with(&mut columns, SIDE * SIDE, |layer, sums| {
        let units = sums.chunks_exact(SIDE * SIDE);
        if layer == last && units.len() > 1 {
            return;
        }
        for (unit, sums) in units.enumerate() {
            march(sums, |from, to| {
                lines.push(Line { from, to, layer: layer as u8, unit: unit as u8 });
            });
        }
    });
    lines
}

/// The segments where values on the grid cross zero.
fn march(values: &[f64], mut segment: impl FnMut([f64; 2], [f64; 2])) {
    let place = |row: usize, column: usize| [coordinate(column, SIDE), -coordinate(row, SIDE)];
    for row in 0..SIDE - 1 {
        for column in 0..SIDE - 1 {
            // Round the cell.
            let corners =
                [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)];
            let value = |i: usize| values[corners[i % 4].0 * SIDE + corners[i % 4].1];
            let crossings = (0..4).filter(|&i| (value(i) > 0.0) != (value(i + 1) > 0.0)).map(|i| {
                let part = value(i) / (value(i) - value(i + 1));
                let (a, b) = (corners[i], corners[(i + 1) % 4]);
                let (a, b) = (place(a.0, a.1), place(b.0, b.1));
                [0, 1].map(|k| a[k] + part * (b[k] - a[k]))
            });
            let mut found = [[0.0; 2]; 4];
            let mut count = 0;
            for crossing in crossings {
                found[count] = crossing;
                count += 1;
            }
            match count {
                2 => segment(found[0], found[1]),
                4 => {
                    // A saddle: corners of the sign of the middle belong together, the two others are cut off.
                    let middle = (0..4).map(value).sum::<f64>() > 0.0;
                    let [one, other] = match middle == (value(0) > 0.0) {
                        true => [[0, 1], [2, 3]],
                        false => [[3, 0], [1, 2]],
                    };
                    segment(found[one[0]], found[one[1]]);
                    segment(found[other[0]], found[other[1]]);
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Corners with these signs, clockwise from above left, in the cell at the origin; elsewhere −1.
    fn segments(signs: [f64; 4]) -> Vec<[[f64; 2]; 2]> {
        let mut values = vec![-1.0; SIDE * SIDE];
        let middle = SIDE / 2;
        for (at, sign) in [(0, 0), (0, 1), (1, 1), (1, 0)].into_iter().zip(signs) {
            values[(middle + at.0) * SIDE + middle + at.1] = sign;
        }
        let mut found = vec![];
        march(&values, |from, to| found.push([from, to]));
        found
    }

    #[test]
    fn a_corner_is_surrounded() {
        // Four cells meet at the one corner that is above zero: a square around it.
        let found = segments([1.0, -1.0, -1.0, -1.0]);
        assert_eq!(found.len(), 4);
        let half = 0.5 * 12.0 / 80.0;
        for [from, to] in found {
            for [x, y] in [from, to] {
                assert!((x.abs() + y.abs() - half).abs() < 1e-12, "{x} {y}");
            }
        }
    }

    #[test]
    fn saddles_are_two_lines_that_do_not_cross() {
        for (signs, sum) in [([1.0, -1.0, 1.0, -1.0], 0), ([3.0, -1.0, 3.0, -1.0], 1)] {
            let found = segments(signs);
            // The saddle's own cell has two of the lines; every end but those of the border of the drawn part is met by another line.
            let ends: Vec<[f64; 2]> = found.iter().flatten().copied().collect();
            for end in &ends {
                let near = |other: &&[f64; 2]| {
                    (end[0] - other[0]).abs() < 1e-9 && (end[1] - other[1]).abs() < 1e-9
                };
                assert_eq!(ends.iter().filter(near).count(), 2, "{signs:?} {sum}");
            }
        }
    }
}
