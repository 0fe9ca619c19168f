//! Padding an axis with something else than zeros: compositions of views, so gradients add up where
//! elements repeat.

use crate::Tensor;
use crate::ops::Operand;
use gradus_base::Error;

/// What lies beyond the ends of an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PadMode {
    /// Zeros.
    Zero,
    /// A number.
    Constant(f64),
    /// The elements mirrored at the first and the last one, which are not repeated: `c b | a b c |
    /// b a`.
    Reflect,
    /// The first and the last element repeated: `a a | a b c | c c`.
    Replicate,
    /// The axis gone round: `b c | a b c | a b`.
    Circular,
}

impl Tensor {
    /// Puts elements before and after an axis: zeros, a number, or its own elements in some order.
    ///
    /// **Shape** `[.., N, ..] -> [.., before + N + after, ..]`.
    ///
    /// # Panics
    /// If the axis is not there or would be longer than a tensor can be, more than N − 1 elements
    /// are to be mirrored or more than N to go round, an empty axis is to be repeated, or the
    /// element type does not hold the number.
    ///
    /// ```
    /// use gradus_tensor::{PadMode, Tensor};
    /// let x = Tensor::from([1.0f32, 2.0, 3.0]);
    /// let y = x.pad_with(0, 2, 1, PadMode::Reflect);
    /// assert_eq!(y.to_vec::<f32>(), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]);
    /// let y = x.pad_with(0, 1, 1, PadMode::Circular);
    /// assert_eq!(y.to_vec::<f32>(), [3.0, 1.0, 2.0, 3.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn pad_with(&self, axis: isize, before: usize, after: usize, padding: PadMode) -> Tensor {
        let Some(a) = self.axis("pad", axis) else { return Tensor::poisoned() };
        let (axis, size) = (a as isize, self.shape()[a]);
        let most = match padding {
            PadMode::Zero => return self.pad(axis, before, after),
            PadMode::Constant(_) => usize::MAX,
            PadMode::Reflect => size.saturating_sub(1),
            PadMode::Replicate => {
                if size > 0 {
                    usize::MAX
                } else {
                    0
                }
            }
            PadMode::Circular => size,
        };
        if before.max(after) > most {
            let what = format!(
                "{before} before and {after} after axis {axis} of {}: {padding:?} goes {most} far",
                self.shape()
            );
            return Tensor::refuse(Error::shape("pad", what));
        }
        if let Err(e) = self.padded("pad", a, before, after) {
            return Tensor::refuse(e);
        }
        let repeat = |at: usize, times: usize| {
            let shape = self.shape().with(a, times);
            self.slice(axis, at..at + 1).broadcast_to(shape)
        };
        if let PadMode::Constant(value) = padding {
            // Refused by this op's name where the elements do not hold it.
            Operand::Number(value).beside("pad", self);
        }
        let constant = |value, len| Tensor::full_of(self.shape().with(a, len), value, self.dtype());
        let ends = match padding {
            PadMode::Reflect => [
                self.slice(axis, 1..=before).flip(axis),
                self.slice(axis, size - 1 - after..size - 1).flip(axis),
            ],
            PadMode::Replicate => [repeat(0, before), repeat(size - 1, after)],
            PadMode::Circular => [self.slice(axis, size - before..), self.slice(axis, ..after)],
            PadMode::Constant(value) => [constant(value, before), constant(value, after)],
            PadMode::Zero => unreachable!("returned above"),
        };
        let parts = [&ends[0], self, &ends[1]];
        let parts: Vec<&Tensor> = parts.into_iter().filter(|t| t.shape()[a] > 0).collect();
        if parts.is_empty() { self.clone() } else { Tensor::concat(&parts, axis) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check;
    use crate::try_build;
    use gradus_testkit::Array;

    /// Where each padding of a b c d, three before and two after, comes from; the constant from nowhere.
    #[test]
    fn pad_with() {
        let from: [(PadMode, [usize; 9]); 4] = [
            (PadMode::Constant(2.0), [9, 9, 9, 0, 1, 2, 3, 9, 9]),
            (PadMode::Reflect, [3, 2, 1, 0, 1, 2, 3, 2, 1]),
            (PadMode::Replicate, [0, 0, 0, 0, 1, 2, 3, 3, 3]),
            (PadMode::Circular, [1, 2, 3, 0, 1, 2, 3, 0, 1]),
        ];
        for (mode, from) in from {
            let case =
                check("pad_with", move |x| x[0].pad_with(1, 3, 2, mode)).input([2, 4], -1.0..1.0);
            let case = case.oracle_of(move |x| {
                let of = |at: &[usize], k: usize| if k == 9 { 2.0 } else { x[0].at(&[at[0], k]) };
                Array::from_fn(x[0].shape.with(1, 9), |at| of(at, from[at[1]]))
            });
            case.run();
        }
    }

    #[test]
    fn each_kind_of_padding() {
        let x = Tensor::from([[1.0f64, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let row = |p, before, after| {
            x.pad_with(1, before, after, p).to_vec::<f64>()[..3 + before + after].to_vec()
        };
        assert_eq!(row(PadMode::Zero, 1, 1), [0.0, 1.0, 2.0, 3.0, 0.0]);
        assert_eq!(row(PadMode::Constant(-1.0), 2, 0), [-1.0, -1.0, 1.0, 2.0, 3.0]);
        assert_eq!(row(PadMode::Reflect, 2, 2), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0]);
        assert_eq!(row(PadMode::Replicate, 1, 3), [1.0, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0]);
        assert_eq!(row(PadMode::Circular, 3, 1), [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0]);
        assert_eq!(row(PadMode::Reflect, 0, 0), [1.0, 2.0, 3.0]);
        let down = x.pad_with(0, 1, 1, PadMode::Reflect);
        assert_eq!(down.select(0, 0).to_vec::<f64>(), [4.0, 5.0, 6.0]);
    }

    #[test]
    fn the_number_around_integers_is_one() {
        let x = Tensor::from([1u8, 2]);
        let padded = |value| try_build(|| x.pad_with(0, 1, 0, PadMode::Constant(value)));
        assert_eq!(padded(9.0).unwrap().to_vec::<u8>(), [9, 1, 2]);
        let e = padded(0.5).unwrap_err().to_string();
        assert!(e.starts_with("pad: 0.5 is no u8, which holds whole numbers from 0 to 255"), "{e}");
    }

    #[test]
    fn says_how_far_it_goes() {
        let e = try_build(|| Tensor::zeros([2, 3]).pad_with(1, 3, 0, PadMode::Reflect));
        let e = e.unwrap_err().to_string();
        assert!(
            e.starts_with("pad: 3 before and 0 after axis 1 of [2, 3]: Reflect goes 2 far"),
            "{e}"
        );
        assert!(try_build(|| Tensor::zeros([0]).pad_with(0, 1, 0, PadMode::Replicate)).is_err());
    }
}
