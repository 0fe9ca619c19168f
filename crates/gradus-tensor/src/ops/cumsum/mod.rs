//! cumsum(x): y[j] = x[0] + … + x[j] along an axis.   [A, N, B] -> [A, N, B]
//!
//! Its gradient is the same sum from the other end. cumprod is composed of products.

#[cfg(test)]
pub(crate) mod cases;
mod cpu;
mod reference;
#[cfg(test)]
mod tests;

use crate::Tensor;
use crate::ops::kernel::tensors;
use gradus_base::Result;
use gradus_graph::{Backward, Dense, Device, Meta, Node, Plain, Rule, Setting, Strategy, call_one};
use gradus_reference::Array;

#[derive(Clone, Copy, Debug)]
struct CumSum {
    axis: usize,
    /// From the last element to the first.
    backwards: bool,
}

impl Rule for CumSum {
    fn name(&self) -> &'static str {
        "cumsum"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }

    /// dx[i] = Σ dy[j] over j ≥ i
    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let rule = CumSum { backwards: !self.backwards, ..*self };
        Ok(vec![backward.wanted[0].then(|| call_one(rule, &[backward.dy()]))])
    }

    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        let axis = Setting::Sizes(vec![self.axis]);
        Some(vec![("axis", axis), ("backwards", Setting::Flag(self.backwards))])
    }

    /// Sums of 1, 2, 4, … neighbours from those of half as many, in the widest type.
    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let [x] = tensors(inputs);
        let (axis, size) = (self.axis as isize, x.shape()[self.axis]);
        let turned = |y: Tensor| if self.backwards { y.flip(axis) } else { y };
        let mut y = turned(x.widest());
        let mut reach = 1;
        while reach < size {
            let head = y.slice(axis, ..reach);
            let tail = y.slice(axis, reach..) + y.slice(axis, ..size - reach);
            y = Tensor::concat(&[&head, &tail], axis);
            reach *= 2;
        }
        Some(vec![turned(y).cast(x.dtype()).0])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => Some(Dense::of(|spec| cpu::kernel(self.axis, self.backwards, spec))),
            Device::Reference => {
                let CumSum { axis, backwards } = *self;
                let sum = move |x: &Array| reference::cumsum(axis, backwards, x);
                Some(Plain::of(move |x: &[Array]| Ok(vec![sum(&x[0])])))
            }
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        inputs[0].shape.len() as u64
    }
}

impl Tensor {
    /// The running sum along `axis`. Integers and booleans are summed in i64, floats in f64, so
    /// that long sums do not drift: a million times 0.1 in f32 ends with 100000.
    ///
    /// **Shape** `[.., N, ..] -> [.., N, ..]`.
    ///
    /// # Panics
    /// If the axis is not there.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0, 3.0]).cumsum(0).to_vec::<f32>(), [1.0, 3.0, 6.0]);
    /// ```
    #[track_caller]
    pub fn cumsum(&self, axis: isize) -> Tensor {
        let Some(axis) = self.axis("cumsum", axis) else { return Tensor::poisoned() };
        let rule = CumSum { axis, backwards: false };
        let sum = Tensor(call_one(rule, &[&self.wide().0]));
        if self.dtype().is_float() { sum.cast(self.dtype()) } else { sum }
    }

    /// The running product along `axis`, in the types of [`Tensor::cumsum`], so that f32 may pass
    /// beyond its range and come back.
    ///
    /// **Shape** `[.., N, ..] -> [.., N, ..]`. The gradient is right where elements are 0, too.
    ///
    /// # Panics
    /// If the axis is not there.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0, 3.0]).cumprod(0).to_vec::<f32>(), [1.0, 2.0, 6.0]);
    /// ```
    #[track_caller]
    pub fn cumprod(&self, axis: isize) -> Tensor {
        let Some(a) = self.axis("cumprod", axis) else { return Tensor::poisoned() };
        let (axis, size) = (a as isize, self.shape()[a]);
        // Every product of 1, 2, 4, … neighbours from those of half as many.
        let mut y = self.widest();
        let mut reach = 1;
        while reach < size {
            let head = y.slice(axis, ..reach);
            let tail = y.slice(axis, reach..) * y.slice(axis, ..size - reach);
            y = Tensor::concat(&[&head, &tail], axis);
            reach *= 2;
        }
        if self.dtype().is_float() { y.cast(self.dtype()) } else { y }
    }
}
