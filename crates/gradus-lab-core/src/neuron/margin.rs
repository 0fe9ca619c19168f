//! The point of a hull that is nearest to the origin.   Wolfe 1976, "Finding the nearest point in a polytope"
//!
//! Of inputs whose sign is turned where the answer is 0, it is the normal of the plane through the origin that keeps the largest
//! distance γ from all of them, and γ is its length.

/// A point of space.
pub(super) type Vector = [f64; 3];

fn dot(a: &Vector, b: &Vector) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The sum of points, each as often as its share says.
fn mixed(points: &[Vector], chosen: &[usize], shares: &[f64]) -> Vector {
    let mut sum = [0.0; 3];
    for (&at, share) in chosen.iter().zip(shares) {
        sum.iter_mut().zip(points[at]).for_each(|(to, x)| *to += share * x);
    }
    sum
}

/// The nearest point to the origin; zero if the hull holds it, or there are no points.
pub(super) fn nearest(points: &[Vector]) -> Vector {
    let length = |p: &Vector| dot(p, p);
    let Some(first) =
        (0..points.len()).min_by(|&a, &b| length(&points[a]).total_cmp(&length(&points[b])))
    else {
        return [0.0; 3];
    };
    let scale = points.iter().map(length).fold(0.0, f64::max);
    let (mut chosen, mut shares, mut x) = (vec![first], vec![1.0], points[first]);
    // Each round shortens x, and there are finitely many faces: the bound is for rounding's sake.
    for _ in 0..1000 {
        let lowest =
            (0..points.len()).min_by(|&a, &b| dot(&x, &points[a]).total_cmp(&dot(&x, &points[b])));
        let Some(lowest) = lowest else { break };
        let is_nearest = dot(&x, &points[lowest]) >= length(&x) - 1e-13 * scale;
        if is_nearest || chosen.contains(&lowest) {
            break;
        }
        chosen.push(lowest);
        shares.push(0.0);
        while !step_to_flat(points, &mut chosen, &mut shares) {}
        x = mixed(points, &chosen, &shares);
    }
    if length(&x) <= 1e-24 * scale { [0.0; 3] } else { x }
}

/// Goes towards the nearest point of the flat through the chosen points, until one of them has no share left and is dropped; gives whether it
/// was reached.
fn step_to_flat(points: &[Vector], chosen: &mut Vec<usize>, shares: &mut Vec<f64>) -> bool {
    let Some(wanted) = of_flat(points, chosen) else {
        // The newest point lies in the flat of the others: the one with the least share makes room.
        let least = (0..shares.len() - 1).min_by(|&a, &b| shares[a].total_cmp(&shares[b]));
        if let Some(least) = least {
            let given = shares.remove(least);
            chosen.remove(least);
            if let Some(newest) = shares.last_mut() {
                *newest += given;
            }
        }
        return chosen.len() == 1;
    };
    const LEAST: f64 = 1e-14;
    if wanted.iter().all(|&share| share > LEAST) {
        *shares = wanted;
        return true;
    }
    let ways = shares.iter().zip(&wanted).filter(|(_, wanted)| **wanted <= LEAST);
    let way = ways.map(|(now, wanted)| now / (now - wanted)).fold(1.0, f64::min).max(0.0);
    shares.iter_mut().zip(&wanted).for_each(|(now, wanted)| *now += way * (wanted - *now));
    let dropped = (0..shares.len())
        .filter(|&i| wanted[i] <= LEAST)
        .min_by(|&a, &b| shares[a].total_cmp(&shares[b]));
    if let Some(dropped) = dropped {
        shares.remove(dropped);
        chosen.remove(dropped);
    }
    let sum: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    false
}

/// Shares, which add up to 1, of the point nearest to the origin in the flat through these; none if they are not independent.
fn of_flat(points: &[Vector], chosen: &[usize]) -> Option<Vec<f64>> {
    // ∇½|Σsᵢpᵢ|² = μ for each share, with Σsᵢ = 1: rows of the products, bordered by ones.
    let n = chosen.len();
    let mut rows = vec![vec![0.0; n + 2]; n + 1];
    let scale =
        chosen.iter().map(|&i| dot(&points[i], &points[i])).fold(f64::MIN_POSITIVE, f64::max);
    for i in 0..n {
        for j in 0..n {
            rows[i][j] = dot(&points[chosen[i]], &points[chosen[j]]) / scale;
        }
        (rows[i][n], rows[n][i]) = (1.0, 1.0);
    }
    rows[n][n + 1] = 1.0;
    for column in 0..=n {
        let pivot = (column..=n)
            .max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))
            .filter(|&row| rows[row][column].abs() > 1e-13)?;
        rows.swap(column, pivot);
        let lead = rows[column].clone();
        for row in 0..=n {
            if row != column {
                let times = rows[row][column] / lead[column];
                rows[row].iter_mut().zip(&lead).for_each(|(to, from)| *to -= times * from);
            }
        }
    }
    Some((0..n).map(|i| rows[i][n + 1] / rows[i][i]).collect())
}
