//! Divisors on the reference device.

use gradus_reference::Array;

/// The integers as they are, or which one is 0.
pub(super) fn divisor(x: &Array) -> Result<Array, String> {
    match x.integers().iter().position(|&x| x == 0) {
        Some(at) => Err(format!("the divisor at position {at} is 0")),
        None => Ok(x.clone()),
    }
}
