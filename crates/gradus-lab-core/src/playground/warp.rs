//! The plane as a layer sees it: where a grid and the samples lie among the outputs of its units. Of more than two units it is the
//! plane of the two directions in which the samples differ most (principal axes, by Jacobi's rotations).

use super::maps::coordinate;
use super::messages::Warp;
use super::network::{Network, features_at};

/// Nodes of the grid across.
const SIDE: usize = 25;

/// As a column sees it; `None` if there is no such column.
pub(super) fn of(
    network: &Network,
    used: &[usize],
    features: &[[f64; 7]],
    column: u8,
) -> Option<Warp> {
    let layer = usize::from(column).checked_sub(1)?;
    let units = network.layers.get(layer)?.units;
    let place = |at: usize| (coordinate(at % SIDE, SIDE), -coordinate(at / SIDE, SIDE));
    let grid = (0..SIDE * SIDE).map(place).map(|(x, y)| features_at(x, y));
    let places: Vec<[f64; 7]> = grid.chain(features.iter().copied()).collect();
    let count = places.len();
    let mut columns: Vec<f64> = vec![];
    for &feature in used {
        columns.extend(places.iter().map(|values| values[feature]));
    }
    network.forward_all(&mut columns, count);
    let before: usize = network.layers[..layer].iter().map(|layer| layer.units).sum();
    let outputs = &columns[(used.len() + before) * count..][..units * count];
    let of = |unit: usize, at: usize| outputs[unit * count + at];
    let (axes, shown) = match units {
        1 => ([vec![1.0], vec![0.0]], 1.0),
        2 => ([vec![1.0, 0.0], vec![0.0, 1.0]], 1.0),
        _ => {
            // Without samples the grid is as good.
            let from = if features.is_empty() { 0 } else { SIDE * SIDE };
            principal(units, (from..count).map(|at| (0..units).map(|unit| of(unit, at)).collect()))
        }
    };
    let position = |at: usize| {
        axes.each_ref().map(|axis| {
            let parts = axis.iter().enumerate().map(|(unit, a)| a * of(unit, at));
            parts.sum::<f64>() as f32
        })
    };
    let nodes = (0..SIDE * SIDE).flat_map(position).collect();
    let points = (SIDE * SIDE..count).flat_map(position).collect();
    Some(Warp { column, side: SIDE as u32, nodes, points, shown })
}

/// The two directions in which rows differ most, and what part of their variance they hold.
fn principal(size: usize, rows: impl Iterator<Item = Vec<f64>>) -> ([Vec<f64>; 2], f64) {
    let rows: Vec<Vec<f64>> = rows.collect();
    let count = rows.len() as f64;
    let mean: Vec<f64> =
        (0..size).map(|i| rows.iter().map(|row| row[i]).sum::<f64>() / count).collect();
    let covariance = |i: usize, j: usize| {
        rows.iter().map(|row| (row[i] - mean[i]) * (row[j] - mean[j])).sum::<f64>() / count
    };
    let matrix = (0..size).map(|i| (0..size).map(|j| covariance(i, j)).collect()).collect();
    let (values, vectors) = eigen(matrix);
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    let total: f64 = values.iter().sum();
    let shown = if total > 0.0 { (values[order[0]] + values[order[1]]) / total } else { 1.0 };
    let axis = |k: usize| {
        let axis: Vec<f64> = vectors.iter().map(|row| row[order[k]]).collect();
        // An axis has no sign of its own: the largest part is positive, so that it does not jump.
        let largest =
            axis.iter().fold(0.0, |most, a| if a.abs() > f64::abs(most) { *a } else { most });
        let sign = if largest < 0.0 { -1.0 } else { 1.0 };
        axis.into_iter().map(|a| a * sign).collect()
    };
    ([axis(0), axis(1)], shown)
}

/// Eigenvalues and eigenvectors, as columns, of a symmetric matrix.
fn eigen(mut a: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let size = a.len();
    let mut vectors: Vec<Vec<f64>> =
        (0..size).map(|i| (0..size).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    for _ in 0..30 {
        for p in 0..size {
            for q in p + 1..size {
                if a[p][q].abs() < 1e-300 {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for row in a.iter_mut().chain(&mut vectors) {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                for k in 0..size {
                    (a[p][k], a[q][k]) = (c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]);
                }
            }
        }
    }
    ((0..size).map(|i| a[i][i]).collect(), vectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvectors_of_a_known_matrix() {
        // Of [[2, 1], [1, 2]] they are (1, 1) with 3 and (1, −1) with 1; the third is apart.
        let matrix = vec![vec![2.0, 1.0, 0.0], vec![1.0, 2.0, 0.0], vec![0.0, 0.0, 0.5]];
        let (mut values, vectors) = eigen(matrix.clone());
        for k in 0..3 {
            for i in 0..3 {
                let product: f64 = (0..3).map(|j| matrix[i][j] * vectors[j][k]).sum();
                assert!((product - values[k] * vectors[i][k]).abs() < 1e-12);
            }
        }
        values.sort_by(f64::total_cmp);
        assert!(values.iter().zip([0.5, 1.0, 3.0]).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn rows_along_a_line_have_one_axis() {
        let rows = (0..50).map(|i| vec![f64::from(i), 2.0 * f64::from(i), 1.0]);
        let ([first, _], shown) = principal(3, rows);
        assert!((shown - 1.0).abs() < 1e-12);
        assert!(
            (first[1] / first[0] - 2.0).abs() < 1e-9 && first[1] > 0.0 && first[2].abs() < 1e-9
        );
    }
}
