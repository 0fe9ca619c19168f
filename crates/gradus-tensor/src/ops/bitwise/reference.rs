//! Bits on the reference device.

use super::Bits;
use gradus_reference::Array;

/// Element by element. Numbers are held in 64 bits there, whatever their type: what does not fit that type is cut off when the
/// result is stored in it.
pub(super) fn bitwise(bits: Bits, a: &Array, b: &Array) -> Array {
    let pairs = a.integers().iter().zip(b.integers());
    Array::integers_of(a.shape, pairs.map(|(&a, &b)| bits.of(a, b, 64)).collect())
}
