//! The cast of whole numbers on the reference device.

use gradus_reference::Array;

/// Every number in i64, or which one is not whole.
pub(super) fn cast_whole(x: &Array) -> Result<Array, String> {
    let whole = |(at, &x): (usize, &f64)| {
        // Both ends are exact in f64; the upper one is the first that i64 does not hold.
        if x.trunc() == x && x >= i64::MIN as f64 && x < -(i64::MIN as f64) {
            return Ok(x as i64);
        }
        // A number that came as f32 is shown as f32 shows it.
        let narrow = x as f32;
        let shown = if f64::from(narrow) == x { narrow.to_string() } else { x.to_string() };
        Err(format!("the number at position {at} is {shown}, expected a whole one that i64 holds"))
    };
    let values: Result<Vec<i64>, String> = x.reals().iter().enumerate().map(whole).collect();
    Ok(Array::integers_of(x.shape, values?))
}
