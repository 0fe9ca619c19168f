//! Principal components: the directions along which rows differ most.

use super::check;
use gradus_base::Result;
use gradus_base::philox::Rng;

/// Directions, and what rows are along them.
#[derive(Clone, Debug)]
pub struct Components {
    /// Of each row where it lies along each direction, the mean of all rows being 0.
    pub points: Vec<Vec<f64>>,
    /// The directions, of length 1; the largest number of each is positive.
    pub directions: Vec<Vec<f64>>,
    /// Which share of the variance lies along each.
    pub explained: Vec<f64>,
}

/// Directions beside those that are wanted, so that iteration ends soon.
const MORE: usize = 10;
/// Iterations end when no share of the variance changes by more, and at the latest after so many.
const SETTLED: f64 = 1e-13;
const ITERATIONS: usize = 1000;

/// The first `count` principal components of rows, or as many as there are.
///
/// ```
/// use gradus_see::projection::principal_components;
/// let rows = vec![vec![3.0, 4.0], vec![-3.0, -4.0], vec![0.0, 0.0]];
/// let found = principal_components(&rows, 1)?;
/// assert!((found.directions[0][0] - 0.6).abs() < 1e-12 && (found.explained[0] - 1.0).abs() < 1e-12);
/// assert!((found.points[1][0] + 5.0).abs() < 1e-12);
/// # Ok::<(), gradus_see::Error>(())
/// ```
///
/// # Errors
/// When there are fewer than two rows, they differ in length, or a number is not finite.
pub fn principal_components(rows: &[Vec<f64>], count: usize) -> Result<Components> {
    check(rows, 2)?;
    let (n, width) = (rows.len(), rows[0].len());
    let mean: Vec<f64> =
        (0..width).map(|c| rows.iter().map(|row| row[c]).sum::<f64>() / n as f64).collect();
    let centred: Vec<Vec<f64>> =
        rows.iter().map(|row| row.iter().zip(&mean).map(|(x, m)| x - m).collect()).collect();
    let total: f64 = centred.iter().flatten().map(|x| x * x).sum();
    let count = count.min(width).min(n);
    let m = (count + MORE).min(width).min(n);
    let mut rng = Rng::new(0, 0, 0);
    let mut basis: Vec<Vec<f64>> =
        (0..m).map(|_| (0..width).map(|_| rng.normal()).collect()).collect();
    orthonormal(&mut basis);
    let mut shares = vec![0.0; count];
    for _ in 0..ITERATIONS {
        // X·qᵀ for each direction, then Xᵀ·X·qᵀ.
        let along: Vec<Vec<f64>> =
            basis.iter().map(|q| centred.iter().map(|row| dot(row, q)).collect()).collect();
        let small: Vec<Vec<f64>> =
            along.iter().map(|a| along.iter().map(|b| dot(a, b)).collect()).collect();
        let (values, vectors) = eigen(small);
        let now: Vec<f64> = values[..count]
            .iter()
            .map(|v| if total > 0.0 { v.max(0.0) / total } else { 0.0 })
            .collect();
        basis = vectors.iter().map(|v| mixed(v, &basis)).collect();
        let moved = now.iter().zip(&shares).any(|(a, b)| (a - b).abs() > SETTLED);
        shares = now;
        if !moved || m == width {
            break;
        }
        let along: Vec<Vec<f64>> = vectors.iter().map(|v| mixed(v, &along)).collect();
        basis = along.iter().map(|along| mixed(along, &centred)).collect();
        orthonormal(&mut basis);
    }
    basis.truncate(count);
    for direction in &mut basis {
        let largest =
            direction.iter().fold(0.0, |most: f64, &x| if x.abs() > most.abs() { x } else { most });
        direction.iter_mut().for_each(|x| *x *= largest.signum());
    }
    let point = |row: &Vec<f64>| basis.iter().map(|q| dot(row, q)).collect();
    Ok(Components {
        points: centred.iter().map(point).collect(),
        directions: basis,
        explained: shares,
    })
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A sum of rows, each by its weight.
fn mixed(weights: &[f64], rows: &[Vec<f64>]) -> Vec<f64> {
    let mut sum = vec![0.0; rows[0].len()];
    for (weight, row) in weights.iter().zip(rows) {
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += weight * x);
    }
    sum
}

/// Makes rows orthogonal and of length 1 (Gram–Schmidt, twice). One that depends on those before it becomes 0.
fn orthonormal(rows: &mut [Vec<f64>]) {
    for at in 0..rows.len() {
        let (before, rest) = rows.split_at_mut(at);
        let row = &mut rest[0];
        let length = dot(row, row).sqrt();
        for _ in 0..2 {
            for other in before.iter() {
                let share = dot(row, other);
                row.iter_mut().zip(other).for_each(|(x, o)| *x -= share * o);
            }
        }
        let left = dot(row, row).sqrt();
        let scale = if left > 1e-12 * length { 1.0 / left } else { 0.0 };
        row.iter_mut().for_each(|x| *x *= scale);
    }
}

/// Eigenvalues of a symmetric matrix, the largest first, and its eigenvectors as rows (Jacobi's rotations).
fn eigen(mut a: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = a.len();
    let mut v: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| if i == j { 1.0 } else { 0.0 }).collect()).collect();
    for _ in 0..100 {
        let off: f64 =
            (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i][j] * a[i][j]).sum();
        let diagonal: f64 = (0..n).map(|i| a[i][i] * a[i][i]).sum();
        if off <= 1e-30 * diagonal {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q] == 0.0 {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let cos = 1.0 / (t * t + 1.0).sqrt();
                let sin = t * cos;
                for k in 0..n {
                    let (x, y) = (a[k][p], a[k][q]);
                    (a[k][p], a[k][q]) = (cos * x - sin * y, sin * x + cos * y);
                }
                for k in 0..n {
                    let (x, y) = (a[p][k], a[q][k]);
                    (a[p][k], a[q][k]) = (cos * x - sin * y, sin * x + cos * y);
                    let (x, y) = (v[p][k], v[q][k]);
                    (v[p][k], v[q][k]) = (cos * x - sin * y, sin * x + cos * y);
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[j][j].total_cmp(&a[i][i]));
    (order.iter().map(|&i| a[i][i]).collect(), order.iter().map(|&i| v[i].clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points (±2, 0) and (0, ±1), turned by the 3-4-5 triangle and moved: variances 8 and 2 of 10.
    #[test]
    fn components_by_hand() {
        let turned = |x: f64, y: f64| vec![10.0 + 0.6 * x - 0.8 * y, -5.0 + 0.8 * x + 0.6 * y];
        let rows = vec![turned(2.0, 0.0), turned(-2.0, 0.0), turned(0.0, 1.0), turned(0.0, -1.0)];
        let found = principal_components(&rows, 5).unwrap();
        let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(near(&found.explained, &[0.8, 0.2]), "{found:?}");
        assert!(near(&found.directions[0], &[0.6, 0.8]), "{found:?}");
        assert!(near(&found.directions[1], &[0.8, -0.6]), "{found:?}");
        assert!(
            near(&found.points[0], &[2.0, 0.0]) && near(&found.points[3], &[0.0, 1.0]),
            "{found:?}"
        );
    }

    /// More columns than rows, and than directions that are iterated: variances fall by halves.
    #[test]
    fn wide_rows_have_the_variances_that_they_were_given() {
        let (n, width) = (60, 80);
        let mut rng = Rng::new(3, 0, 0);
        let mut frame: Vec<Vec<f64>> =
            (0..20).map(|_| (0..width).map(|_| rng.normal()).collect()).collect();
        orthonormal(&mut frame);
        let mut along: Vec<Vec<f64>> =
            (0..20).map(|_| (0..n).map(|_| rng.normal()).collect()).collect();
        for row in &mut along {
            let mean = row.iter().sum::<f64>() / n as f64;
            row.iter_mut().for_each(|x| *x -= mean);
        }
        orthonormal(&mut along);
        let size = |k: usize| 0.5f64.powi(k as i32);
        let rows: Vec<Vec<f64>> = (0..n)
            .map(|i| mixed(&(0..20).map(|k| size(k) * along[k][i]).collect::<Vec<_>>(), &frame))
            .collect();
        let found = principal_components(&rows, 4).unwrap();
        let total: f64 = (0..20).map(|k| size(k).powi(2)).sum();
        for k in 0..4 {
            assert!(
                (found.explained[k] - size(k).powi(2) / total).abs() < 1e-10,
                "{:?}",
                found.explained
            );
            assert!((dot(&found.directions[k], &frame[k]).abs() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn rows_that_say_nothing_are_refused_or_lie_in_one_place() {
        let same = principal_components(&[vec![1.0, 2.0], vec![1.0, 2.0]], 2).unwrap();
        assert_eq!((same.explained, same.points[0].clone()), (vec![0.0; 2], vec![0.0; 2]));
        let refused = |rows: &[Vec<f64>]| principal_components(rows, 1).unwrap_err().to_string();
        assert!(refused(&[vec![1.0]]).contains("found 1 rows, expected 2 at least"));
        assert!(refused(&[vec![1.0], vec![1.0, 2.0]]).contains("row 1 has 2 numbers, the first 1"));
        assert!(refused(&[vec![1.0], vec![f64::NAN]]).contains("row 1 holds NaN"));
    }
}
