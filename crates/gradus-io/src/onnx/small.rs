//! Element types of 8, 4 and 2 bits that Gradus has no type for: integers are held in i32, floats in f32, which holds every one of
//! their values.   <https://onnx.ai/onnx/technical/float8.html>, <https://onnx.ai/onnx/technical/int4.html>

use crate::{DType, Error, Result};

/// A float of few bits: sign, exponent, mantissa.
#[derive(Clone, Copy)]
struct Form {
    mantissa: u32,
    exponent: u32,
    bias: i32,
    kind: Kind,
}

/// What codes stand for besides numbers.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// All ones, with either sign, are no number; there is no infinity.
    Fn,
    /// The sign of zero alone is no number; there is neither infinity nor −0.
    Fnuz,
    /// As in IEEE 754: the largest exponent is of infinities and of what is no number.
    Ieee,
    /// Numbers only.
    Finite,
}

fn form(element: i64) -> Option<Form> {
    let form = |exponent, mantissa, bias, kind| Some(Form { mantissa, exponent, bias, kind });
    match element {
        17 => form(4, 3, 7, Kind::Fn),
        18 => form(4, 3, 8, Kind::Fnuz),
        19 => form(5, 2, 15, Kind::Ieee),
        20 => form(5, 2, 16, Kind::Fnuz),
        23 => form(2, 1, 1, Kind::Finite),
        _ => None,
    }
}

/// The number of powers of two without sign or mantissa: 2^(code − 127).
const POWERS: i64 = 24;

/// Whether an element type's number stands for floats of 8 or 4 bits, which are held in f32.
///
/// ```
/// assert!(gradus_io::onnx::is_small_float(17) && !gradus_io::onnx::is_small_float(10));
/// ```
pub fn is_small_float(element: i64) -> bool {
    element == POWERS || form(element).is_some()
}

/// The least and the largest number of an integer type that is held in a wider one.
///
/// ```
/// assert_eq!(gradus_io::onnx::small_range(3), Some((-128, 127)));
/// assert_eq!(gradus_io::onnx::small_range(7), None);
/// ```
pub fn small_range(element: i64) -> Option<(i64, i64)> {
    match element {
        3 => Some((-128, 127)),
        4 => Some((0, 65535)),
        5 => Some((-32768, 32767)),
        12 => Some((0, u32::MAX.into())),
        21 => Some((0, 15)),
        22 => Some((-8, 7)),
        25 => Some((0, 3)),
        26 => Some((-2, 1)),
        _ => None,
    }
}

/// Bits of an element.
pub(super) fn bits(element: i64) -> Option<u64> {
    match element {
        17..=20 | POWERS => Some(8),
        21..=23 => Some(4),
        25 | 26 => Some(2),
        _ => None,
    }
}

/// Elements out of their packed form, the first in the lowest bits; `None` if the type is none of these.
pub(super) fn unpacked(
    element: i64,
    raw: &[u8],
    shape: &[usize],
) -> Option<Result<(DType, Vec<u8>)>> {
    let bits = bits(element)?;
    let len = shape.iter().try_fold(1usize, |all, &n| all.checked_mul(n));
    let wanted = len.and_then(|len| len.checked_mul(bits as usize)).map(|n| n.div_ceil(8));
    if wanted != Some(raw.len()) {
        let name = super::element_name(element);
        let what = format!("{name} {shape:?} does not take {} bytes, which were found", raw.len());
        return Some(Err(Error::format(what)));
    }
    let (each, mask) = (8 / bits as usize, u8::MAX >> (8 - bits));
    let codes = (0..len.unwrap_or(0)).map(|i| raw[i / each] >> (i % each * bits as usize) & mask);
    Some(Ok(match form(element) {
        Some(form) => (DType::F32, codes.flat_map(|code| form.value(code).to_le_bytes()).collect()),
        None if element == POWERS => {
            (DType::F32, codes.flat_map(|code| power(code).to_le_bytes()).collect())
        }
        None => {
            let signed = matches!(element, 22 | 26);
            let value = |code: u8| match signed && code >> (bits - 1) == 1 {
                true => i32::from(code) - (1 << bits),
                false => i32::from(code),
            };
            (DType::I32, codes.flat_map(|code| value(code).to_le_bytes()).collect())
        }
    }))
}

impl Form {
    /// Codes without their sign.
    fn codes(self) -> u8 {
        1 << (self.exponent + self.mantissa)
    }

    fn value(self, code: u8) -> f32 {
        let size = code & (self.codes() - 1);
        let negative = code & self.codes() != 0;
        let top = self.codes() - 1;
        let special = match self.kind {
            Kind::Fn => (size == top).then_some(f32::NAN),
            Kind::Fnuz => (negative && size == 0).then_some(f32::NAN),
            Kind::Ieee if size >> self.mantissa == (1 << self.exponent) - 1 => {
                let whole = size & ((1 << self.mantissa) - 1) == 0;
                Some(if whole { f32::INFINITY } else { f32::NAN })
            }
            _ => None,
        };
        let value = special.unwrap_or_else(|| self.number(size));
        if negative { -value } else { value }
    }

    /// A number by its code without sign.
    fn number(self, size: u8) -> f32 {
        let (exponent, part) =
            (i32::from(size >> self.mantissa), size & ((1 << self.mantissa) - 1));
        let unit = 2f32.powi(1 - self.bias - self.mantissa as i32);
        match exponent {
            0 => f32::from(part) * unit,
            _ => {
                (f32::from(part) + 2f32.powi(self.mantissa as i32)) * unit * 2f32.powi(exponent - 1)
            }
        }
    }

    /// The code, without sign, of the largest number.
    fn largest(self) -> u8 {
        match self.kind {
            Kind::Fn => self.codes() - 2,
            Kind::Fnuz | Kind::Finite => self.codes() - 1,
            Kind::Ieee => (((1 << self.exponent) - 1) << self.mantissa) - 1,
        }
    }

    /// The nearest number, of two the one with the even code. Beyond the largest it is that one if it `saturates`, else infinity or,
    /// without one, no number.
    fn rounded(self, x: f32, saturates: bool) -> f32 {
        if x.is_nan() {
            // A type of numbers alone has −0 for it, as the tests of ONNX do.
            return if self.kind == Kind::Finite { -0.0 } else { x };
        }
        let (size, last) = (x.abs(), self.largest());
        let most = self.number(last);
        // What lies a half step or more beyond the largest would have the next code.
        let step = most - self.number(last - 1);
        let beyond = size > most + step / 2.0
            || size == most + step / 2.0 && last % 2 == 1
            || size.is_infinite();
        let value = if beyond {
            match self.kind {
                _ if saturates => most,
                Kind::Ieee => f32::INFINITY,
                Kind::Finite => most,
                _ => return f32::NAN,
            }
        } else {
            self.nearest(size)
        };
        let zero = value == 0.0 && self.kind == Kind::Fnuz;
        if x.is_sign_negative() && !zero { -value } else { value }
    }

    fn nearest(self, size: f32) -> f32 {
        let (mut low, mut high) = (0, self.largest());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.number(middle) <= size { low = middle } else { high = middle }
        }
        let (below, above) = (self.number(low), self.number(high));
        let (down, up) = (size - below, above - size);
        if down < up || down == up && low % 2 == 0 { below } else { above }
    }
}

fn power(code: u8) -> f32 {
    if code == u8::MAX { f32::NAN } else { 2f64.powi(i32::from(code) - 127) as f32 }
}

/// A number as an element of a small float's type holds it; numbers beyond its largest become that one if it `saturates`. Powers of
/// two (float8e8m0) are rounded `up`, `down` or to the `nearest`.
///
/// ```
/// use gradus_io::onnx::rounded;
/// assert_eq!(rounded(17, 1000.0, true, "up"), Some(448.0));
/// assert_eq!(rounded(17, 1.06, true, "up"), Some(1.0));
/// assert_eq!(rounded(24, 3.0, true, "up"), Some(4.0));
/// assert_eq!(rounded(1, 3.0, true, "up"), None); // f32 is no small type
/// ```
pub fn rounded(element: i64, x: f32, saturates: bool, mode: &str) -> Option<f32> {
    if element == POWERS {
        return Some(rounded_power(x, saturates, mode));
    }
    form(element).map(|form| form.rounded(x, saturates))
}

fn rounded_power(x: f32, saturates: bool, mode: &str) -> f32 {
    let size = f64::from(x.abs());
    let (least, most) = (2f64.powi(-127), 2f64.powi(127));
    if x.is_nan() || (x.is_infinite() || size > most) && !saturates {
        return f32::NAN;
    }
    let size = size.clamp(least, most);
    let mut low = 2f64.powi(size.log2().floor() as i32);
    // A logarithm may be off by a rounding.
    if low > size {
        low /= 2.0;
    } else if low * 2.0 <= size {
        low *= 2.0;
    }
    let up = match mode {
        "down" => false,
        "nearest" => size >= low * 1.5,
        _ => size > low,
    };
    (if up { low * 2.0 } else { low }).min(most) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every code's number is itself when it is rounded, in order of the codes.
    #[test]
    fn codes_are_their_own_nearest() {
        for element in [17, 18, 19, 20, 23] {
            let form = form(element).unwrap();
            for code in 0..=form.largest() {
                let x = form.number(code);
                assert_eq!(rounded(element, x, true, "up"), Some(x), "{element} {code}");
                assert_eq!(form.value(code), x);
                assert!(code == 0 || form.number(code - 1) < x);
            }
        }
        let largest = [(17, 448.0), (18, 240.0), (19, 57344.0), (20, 57344.0), (23, 6.0)];
        for (element, most) in largest {
            assert_eq!(rounded(element, f32::INFINITY, true, "up"), Some(most), "{element}");
        }
        assert_eq!(rounded(19, 1e6, false, "up"), Some(f32::INFINITY));
        assert!(rounded(17, 1e6, false, "up").unwrap().is_nan());
    }

    #[test]
    fn packed_elements() {
        let ints = |element, raw: &[u8], len| {
            let (dtype, data) = unpacked(element, raw, &[len]).unwrap().unwrap();
            assert_eq!(dtype, DType::I32);
            data.as_chunks::<4>().0.iter().map(|&b| i32::from_le_bytes(b)).collect::<Vec<_>>()
        };
        assert_eq!(ints(22, &[0x8f, 0x07], 3), [-1, -8, 7]);
        assert_eq!(ints(21, &[0x8f], 2), [15, 8]);
        assert_eq!(ints(26, &[0b00_01_10_11], 4), [-1, -2, 1, 0]);
        let short = unpacked(22, &[0], &[3]).unwrap().unwrap_err().what;
        assert_eq!(short, "int4 [3] does not take 1 bytes, which were found");
    }
}
