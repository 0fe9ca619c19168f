//! Printing tensors so that people can read them.

use crate::{DType, Tensor};
use std::fmt;

/// An axis longer than twice this shows its first and last elements only, once a tensor exceeds [`WHOLE`].
const EDGE: usize = 3;
/// Up to so many elements, all are shown.
const WHOLE: usize = 200;
/// So many columns a line has; more elements of an axis go to the next one.
const LINE: usize = 88;

impl fmt::Display for Tensor {
    /// The values, nested by axis, then type and shape. Floats have four decimals, or as many as asked for.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[0.5f32, -1.25], [3.0, 1e-6]]);
    /// assert_eq!(x.to_string(), "[[  0.5000,  -1.2500],\n [  3.0000, 1.000e-6]]  f32 [2, 2]");
    /// assert_eq!(format!("{:.1}", x.select(0, 0)), "[ 0.5, -1.2]  f32 [2]");
    /// assert_eq!(format!("{:?}", x.exp()), "Tensor(exp f32 [2, 2])"); // {:?} computes nothing
    /// ```
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(4);
        let text = match self.dtype() {
            DType::Bool => self.try_to_vec::<bool>().map(|all| texts(all, |b| b.to_string())),
            dtype if dtype.is_float() => {
                self.try_to_vec::<f64>().map(|all| texts(all, |x| float_text(x, decimals)))
            }
            _ => self.try_to_vec::<i64>().map(|all| texts(all, |n| n.to_string())),
        };
        let text: Vec<String> = match text {
            Ok(text) => text,
            Err(e) => {
                return write!(f, "Tensor({} {}, unreadable: {e})", self.dtype(), self.shape());
            }
        };
        let whole = text.len() <= WHOLE;
        let width = text.iter().map(String::len).max().unwrap_or(0);
        nested(f, &self.shape(), &Elements { text: &text, width, whole }, 0)?;
        if self.rank() > 0 {
            write!(f, "  {} {}", self.dtype(), self.shape())?;
        }
        Ok(())
    }
}

fn texts<T>(all: Vec<T>, text: impl Fn(T) -> String) -> Vec<String> {
    all.into_iter().map(text).collect()
}

fn float_text(v: f64, decimals: usize) -> String {
    let size = v.abs();
    match v {
        _ if v == 0.0 || (1e-3..1e5).contains(&size) => format!("{v:.decimals$}"),
        _ if v.is_finite() => format!("{v:.0$e}", decimals.saturating_sub(1)),
        _ => format!("{v}"),
    }
}

/// Elements in words, and how they are laid out.
#[derive(Clone, Copy)]
struct Elements<'a> {
    text: &'a [String],
    width: usize,
    whole: bool,
}

fn nested(
    f: &mut fmt::Formatter<'_>,
    sizes: &[usize],
    elements: &Elements<'_>,
    depth: usize,
) -> fmt::Result {
    let Some((&size, rest)) = sizes.split_first() else {
        return write!(f, "{}", elements.text[0]);
    };
    let part: usize = rest.iter().product();
    let in_line = (LINE.saturating_sub(depth + 1) / (elements.width + 2)).max(1);
    let (mut shown, mut begun) = (0, false);
    f.write_str("[")?;
    for i in 0..size {
        let hidden = !elements.whole && size > 2 * EDGE && (EDGE..size - EDGE).contains(&i);
        if hidden && i > EDGE {
            continue;
        }
        let new_line = !rest.is_empty() || shown % in_line == 0;
        match (begun, new_line) {
            (false, _) => {}
            (true, true) => write!(f, ",\n{:1$}", "", depth + 1)?,
            (true, false) => f.write_str(", ")?,
        }
        (shown, begun) = (shown + 1, true);
        match (hidden, rest.is_empty()) {
            (true, _) => f.write_str("…")?,
            (false, true) => write!(f, "{:>1$}", elements.text[i], elements.width)?,
            (false, false) => {
                let text = &elements.text[i * part..];
                nested(f, rest, &Elements { text, ..*elements }, depth + 1)?;
            }
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
    assert_eq!(Tensor::from([true, false]).to_string(), "[ true, false]  bool [2]");
}

#[test]
fn long_axes_are_broken_and_longer_ones_cut() {
    let lines = |n: usize| Tensor::arange(n).to_string();
    assert_eq!(lines(12), "[ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11]  i64 [12]");
    let broken = lines(30);
    assert!(broken.contains("20,\n 21, 22"), "{broken}");
    assert!(broken.lines().all(|line| line.len() <= LINE + 10), "{broken}");
    assert_eq!(lines(201), "[  0,   1,   2, …, 198, 199, 200]  i64 [201]");
    let cut = Tensor::zeros([100, 3]).to_string();
    assert_eq!(cut.lines().count(), 7, "{cut}");
    assert_eq!(Tensor::zeros([2, 0]).to_string(), "[[],\n []]  f32 [2, 0]");
    assert_eq!(Tensor::scalar(0.5f32).to_string(), "0.5000");
    assert_eq!(Tensor::from([f32::NAN, 1e30]).to_string(), "[     NaN, 1.000e30]  f32 [2]");
}
