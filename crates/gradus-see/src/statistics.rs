//! How probable a difference of two means is by chance.

/// The two-sided p of Welch's t-test: how probable means so far apart are if both samples are of one mean. 1 where neither sample varies and their
/// means are the same, 0 where they differ.
///
/// **Source** Welch 1947, doi:10.1093/biomet/34.1-2.28.
pub(crate) fn welch(a: &[f64], b: &[f64]) -> f64 {
    let ((mean_a, of_a), (mean_b, of_b)) = (moments(a), moments(b));
    let variance = of_a + of_b;
    if variance == 0.0 {
        return if mean_a == mean_b { 1.0 } else { 0.0 };
    }
    let t = (mean_a - mean_b) / variance.sqrt();
    let free = |v: f64, n: usize| v * v / (n as f64 - 1.0).max(1.0);
    let degrees = variance * variance / (free(of_a, a.len()) + free(of_b, b.len()));
    two_sided(t, degrees)
}

/// The mean, and the variance of the mean.
fn moments(x: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let squares: f64 = x.iter().map(|x| (x - mean).powi(2)).sum();
    (mean, squares / (n - 1.0).max(1.0) / n)
}

/// The chance that Student's t of so many degrees of freedom is as far from 0: I(ν / (ν + t²); ν/2, 1/2).
fn two_sided(t: f64, degrees: f64) -> f64 {
    incomplete_beta(degrees / (degrees + t * t), degrees / 2.0, 0.5)
}

/// The regularised incomplete beta function, by its continued fraction.
///
/// **Source** Press et al., Numerical Recipes, §6.4.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    let front = a * x.ln() + b * (1.0 - x).ln() - ln_beta(a, b);
    match x < (a + 1.0) / (a + b + 2.0) {
        true => front.exp() * fraction(x, a, b) / a,
        false => 1.0 - front.exp() * fraction(1.0 - x, b, a) / b,
    }
}

fn fraction(x: f64, a: f64, b: f64) -> f64 {
    let tiny = |x: f64| if x.abs() < 1e-300 { 1e-300 } else { x };
    let mut c = 1.0;
    let mut d = 1.0 / tiny(1.0 - (a + b) * x / (a + 1.0));
    let mut h = d;
    for m in 1..500 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = h;
        for term in [even, odd] {
            d = 1.0 / tiny(1.0 + term * d);
            c = tiny(1.0 + term / c);
            h *= d * c;
        }
        if (h - before).abs() < 1e-15 * h.abs() {
            break;
        }
    }
    h
}

fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// ln Γ(x) for x > 0, by Stirling's series from 12 on.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut below) = (x, 0.0);
    while x < 12.0 {
        below += x.ln();
        x += 1.0;
    }
    let i = 1.0 / (x * x);
    let series = (1.0 / 12.0 - i * (1.0 / 360.0 - i * (1.0 / 1260.0 - i / 1680.0))) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - below
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables of Student's t: two-sided 5 % and 1 %; and closed forms for one and two degrees of freedom.
    #[test]
    fn chances_are_those_of_tables() {
        for (t, degrees, p) in
            [(12.706, 1.0, 0.05), (2.228, 10.0, 0.05), (2.845, 20.0, 0.01), (1.960, 1e7, 0.05)]
        {
            assert!(
                (two_sided(t, degrees) - p).abs() < 2e-4,
                "{t} {degrees}: {}",
                two_sided(t, degrees)
            );
        }
        let cauchy = 1.0 - 2.0 / std::f64::consts::PI * 3.0f64.atan();
        assert!((two_sided(3.0, 1.0) - cauchy).abs() < 1e-12);
        assert!((two_sided(3.0, 2.0) - (1.0 - 3.0 / 11f64.sqrt())).abs() < 1e-12);
    }

    #[test]
    fn means_that_are_apart_are_told_from_those_that_are_not() {
        let (a, b) = ([0.9, 0.95, 1.0, 0.92], [0.4, 0.6, 0.5, 0.45]);
        assert!(welch(&a, &b) < 1e-3);
        assert!(welch(&b, &[0.55, 0.45, 0.4, 0.52]) > 0.5);
        assert_eq!((welch(&[1.0, 1.0], &[1.0, 1.0]), welch(&[1.0, 1.0], &[0.0, 0.0])), (1.0, 0.0));
    }
}
