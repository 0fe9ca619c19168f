//! Printing tensors so that people can read them.

use crate::Tensor;
use std::fmt;

/// An axis longer than twice this shows its first and last elements only, once a tensor exceeds [`WHOLE`].
const EDGE: usize = 3;
/// Up to so many elements, all are shown.
const WHOLE: usize = 200;

impl fmt::Display for Tensor {
    /// The values, nested by axis, then type and shape.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.dtype().is_float() {
            true => self.try_to_vec().map(|all| all.into_iter().map(float_text).collect()),
            false => self.try_to_vec().map(|all| all.iter().map(i64::to_string).collect()),
        };
        let text: Vec<String> = match text {
            Ok(text) => text,
            Err(e) => {
                return write!(f, "Tensor({} {}, unreadable: {e})", self.dtype(), self.shape());
            }
        };
        let width = text.iter().map(String::len).max().unwrap_or(0);
        nested(f, &self.shape(), &text, width, 0, text.len() <= WHOLE)?;
        if self.rank() > 0 {
            write!(f, "  {} {}", self.dtype(), self.shape())?;
        }
        Ok(())
    }
}

fn float_text(v: f64) -> String {
    let size = v.abs();
    match v {
        _ if v == 0.0 || (1e-3..1e5).contains(&size) => format!("{v:.4}"),
        _ if v.is_finite() => format!("{v:.3e}"),
        _ => format!("{v}"),
    }
}

fn nested(
    f: &mut fmt::Formatter<'_>,
    sizes: &[usize],
    text: &[String],
    width: usize,
    depth: usize,
    whole: bool,
) -> fmt::Result {
    let Some((&size, rest)) = sizes.split_first() else {
        return write!(f, "{}", text[0]);
    };
    let part: usize = rest.iter().product();
    f.write_str("[")?;
    for i in 0..size {
        let hidden = !whole && size > 2 * EDGE && (EDGE..size - EDGE).contains(&i);
        if hidden && i > EDGE {
            continue;
        }
        if i > 0 {
            f.write_str(if rest.is_empty() { ", " } else { ",\n" })?;
            if !rest.is_empty() {
                write!(f, "{:1$}", "", depth + 1)?;
            }
        }
        if hidden {
            f.write_str("…")?;
            continue;
        }
        match rest.is_empty() {
            true => write!(f, "{:>width$}", text[i])?,
            false => nested(f, rest, &text[i * part..], width, depth + 1, whole)?,
        }
    }
    f.write_str("]")
}

impl fmt::Debug for Tensor {
    /// What it is, without computing it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({} {} {})", self.0.name(), self.dtype(), self.shape())
    }
}

#[test]
fn integers_are_printed_whole() {
    let far = Tensor::from([(1i64 << 53) + 1, -1]);
    assert_eq!(far.to_string(), "[9007199254740993,               -1]  i64 [2]");
    assert_eq!(Tensor::from([true, false]).to_string(), "[1, 0]  bool [2]");
}
