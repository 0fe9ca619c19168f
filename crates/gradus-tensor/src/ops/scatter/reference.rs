//! Scattering on the reference device.

use super::Scatter;
use gradus_reference::{Array, Values};

/// x joined with src at ids, in order. Integers wrap.
pub(super) fn scatter(how: Scatter, x: &Array, ids: &Array, src: &Array) -> Result<Array, String> {
    let n = x.shape.len();
    let ids = ids.integers();
    if let Some(at) = ids.iter().position(|&id| id as u64 >= n as u64) {
        return Err(format!("index {} at position {at} is outside {n}", ids[at]));
    }
    Ok(match (&x.values, &src.values) {
        (Values::Real(x_values), Values::Real(src)) => {
            let mut y = x_values.clone();
            for (&id, &v) in ids.iter().zip(src) {
                let y = &mut y[id as usize];
                *y = real(how, *y, v);
            }
            Array::new(x.shape, y)
        }
        _ => {
            let mut y = x.integers().to_vec();
            for (&id, &v) in ids.iter().zip(src.integers()) {
                let y = &mut y[id as usize];
                *y = integer(how, *y, v);
            }
            Array::integers_of(x.shape, y)
        }
    })
}

fn real(how: Scatter, a: f64, b: f64) -> f64 {
    match how {
        Scatter::Replace => b,
        Scatter::Mul => a * b,
        Scatter::Max if a.is_nan() || a >= b => a,
        Scatter::Min if a.is_nan() || a <= b => a,
        _ => b,
    }
}

fn integer(how: Scatter, a: i64, b: i64) -> i64 {
    match how {
        Scatter::Mul => a.wrapping_mul(b),
        Scatter::Max => a.max(b),
        Scatter::Min => a.min(b),
        _ => b,
    }
}
