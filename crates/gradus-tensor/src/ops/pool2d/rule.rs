//! The pooling ops of a tensor: shape rules, gradients, memory orders.

use super::kernel::OnCpu;
use super::{Pool2d, Windows, expansion, reference};
use crate::Tensor;
use crate::ops::kernel::expect_pixels;
use gradus_base::{DType, Error, Result, Shape};
use gradus_graph::{
    Backward, Device, Meta, Node, Plain, Rule, Setting, Strategy, call, call_one, fail,
};
use gradus_reference::Array;
use std::panic::Location;
use std::sync::Arc;

/// Window, stride, padding and rounding of a pooling.
///
/// ```
/// use gradus_tensor::Pool;
/// let p = Pool::new(3).stride(2); // overlapping, as in AlexNet
/// assert_eq!((p.kernel, p.stride), ([3, 3], [2, 2]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pool {
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Pixels from one window to the next.
    pub stride: [usize; 2],
    /// Pixels before and after, for rows and for columns; a maximum ignores them, a mean counts them as zeros.
    pub padding: [[usize; 2]; 2],
    /// Pixels from one element of the window to the next; means have 1.
    pub dilation: [usize; 2],
    /// Whether a last window may reach past the padding, as in Caffe.
    pub ceil: bool,
    /// Whether a mean's divisor counts the padding.
    pub count_include_pad: bool,
}

impl Pool {
    /// Square windows of `size`, side by side.
    pub fn new(size: usize) -> Pool {
        Pool {
            kernel: [size; 2],
            stride: [size; 2],
            padding: [[0; 2]; 2],
            dilation: [1; 2],
            ceil: false,
            count_include_pad: true,
        }
    }
    /// The stride, both ways.
    #[must_use]
    pub fn stride(mut self, stride: usize) -> Pool {
        self.stride = [stride; 2];
        self
    }
    /// The same padding on all four sides.
    #[must_use]
    pub fn padding(mut self, pixels: usize) -> Pool {
        self.padding = [[pixels; 2]; 2];
        self
    }
    /// Lets a last window reach past the padding.
    #[must_use]
    pub fn ceil(mut self) -> Pool {
        self.ceil = true;
        self
    }

    fn windows(&self, a: usize) -> Windows {
        Windows::Sliding {
            kernel: self.kernel[a],
            stride: self.stride[a],
            padding: self.padding[a],
            dilation: self.dilation[a],
            ceil: self.ceil,
        }
    }
}

/// What a pooling step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// x → y and the places of the maxima.
    Max,
    /// x, places → y.
    Pick,
    /// dy, places → dx, where the places are what `Max` gave for these windows.
    MaxGradient,
    /// dy, any places → dx.
    Scatter,
    /// x → y.
    Mean,
    /// dy → dx.
    MeanGradient,
}

/// A pooling of planes of a given size.
#[derive(Clone, Debug)]
pub(super) struct Pooling {
    pub(super) work: Work,
    plane: [usize; 2],
    windows: [Windows; 2],
    count_include_pad: bool,
}

impl Pooling {
    pub(super) fn geometry(&self, input: Shape) -> Pool2d {
        Pool2d {
            batch: input[0],
            channels: input[1],
            height: self.plane[0],
            width: self.plane[1],
            windows: self.windows,
            count_include_pad: self.count_include_pad,
        }
    }
    fn call(&self, work: Work, inputs: &[&Node]) -> Node {
        call_one(Pooling { work, ..self.clone() }, inputs)
    }
}

impl Rule for Pooling {
    fn name(&self) -> &'static str {
        match self.work {
            Work::Max => "max_pool2d",
            Work::Pick => "max_pool2d_pick",
            Work::MaxGradient => "max_pool2d_gradient",
            Work::Scatter => "max_unpool2d",
            Work::Mean => "mean_pool2d",
            Work::MeanGradient => "mean_pool2d_gradient",
        }
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let g = self.geometry(inputs[0].shape);
        let dtype = inputs[0].dtype;
        let [rows, columns] = match self.work {
            Work::Max | Work::Pick | Work::Mean => g.output(),
            Work::Scatter | Work::MaxGradient | Work::MeanGradient => self.plane,
        };
        let out = Meta::new(Shape::try_new(&[g.batch, g.channels, rows, columns])?, dtype);
        Ok(match self.work {
            Work::Max => vec![out, Meta::new(out.shape, DType::I32)],
            _ => vec![out],
        })
    }

    /// Picking and scattering are each other's adjoints, so are a mean and its gradient.
    fn grad(&self, b: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let one = |d: Node| Ok(vec![Some(d)]);
        match self.work {
            Work::Max => match &b.dys[0] {
                Some(dy) => one(self.call(Work::MaxGradient, &[dy, &b.outputs[1]])),
                None => Ok(vec![None]),
            },
            Work::Pick => Ok(vec![Some(self.call(Work::Scatter, &[b.dy(), &b.inputs[1]])), None]),
            Work::Scatter | Work::MaxGradient => {
                Ok(vec![Some(self.call(Work::Pick, &[b.dy(), &b.inputs[1]])), None])
            }
            Work::Mean => one(self.call(Work::MeanGradient, &[b.dy()])),
            Work::MeanGradient => one(self.call(Work::Mean, &[b.dy()])),
        }
    }

    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        expansion::expand(self.work, &self.geometry(inputs[0].shape()), inputs)
    }

    /// Per axis, kernel, stride, padding before and after, and dilation; or how many windows, as equal as can be.
    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        let axis = |w: &Windows| match *w {
            Windows::Adaptive { output } => vec![output],
            Windows::Sliding { kernel, stride, padding: [before, after], dilation, .. } => {
                vec![kernel, stride, before, after, dilation]
            }
        };
        let [rows, columns] = &self.windows;
        Some(vec![
            ("rows", Setting::Sizes(axis(rows))),
            ("columns", Setting::Sizes(axis(columns))),
            ("count_include_pad", Setting::Flag(self.count_include_pad)),
        ])
    }

    /// Neither images nor channels meet.
    fn slices(&self, axis: usize) -> Option<Vec<Option<usize>>> {
        let inputs = match self.work {
            Work::Max | Work::Mean | Work::MeanGradient => 1,
            Work::Pick | Work::MaxGradient | Work::Scatter => 2,
        };
        (axis < 2).then(|| vec![Some(axis); inputs])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => Some(Box::new(OnCpu(self))),
            Device::Reference => {
                let rule = self.clone();
                Some(Plain::of(move |x: &[Array]| {
                    reference::pooling(rule.work, &rule.geometry(x[0].shape), x)
                }))
            }
            _ => None,
        }
    }

    fn flops(&self, _: &[Meta], outputs: &[Meta]) -> u64 {
        let window = self.windows.map(|w| match w {
            Windows::Sliding { kernel, .. } => kernel,
            Windows::Adaptive { .. } => 1,
        });
        (outputs[0].shape.len() * window[0] * window[1]) as u64
    }
}

impl Tensor {
    /// The largest value of each window.
    ///
    /// **Shape** `[N, C, H, W]` → `[N, C, P, Q]`, P = ⌊(H + padding − dilation·(kernel − 1) − 1)/stride⌋ + 1 (⌈ ⌉ with `ceil`).
    /// NaN counts as largest; of equals the first takes the gradient.
    ///
    /// # Panics
    /// If the input has not four axes, is no float, or a window does not fit.
    ///
    /// ```
    /// use gradus_tensor::{Pool, Tensor};
    /// let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0]).reshape([1, 1, 2, 2]);
    /// assert_eq!(x.max_pool2d(Pool::new(2)).item(), 4.0);
    /// ```
    #[track_caller]
    pub fn max_pool2d(&self, pool: Pool) -> Tensor {
        self.max_pool2d_with_indices(pool).0
    }

    /// [`Tensor::max_pool2d`] with the place h·W + w of each maximum, i32.
    ///
    /// # Panics
    /// As [`Tensor::max_pool2d`].
    #[track_caller]
    pub fn max_pool2d_with_indices(&self, pool: Pool) -> (Tensor, Tensor) {
        check("max_pool2d", self, Some(&pool));
        maxima(self, [pool.windows(0), pool.windows(1)])
    }

    /// What [`Tensor::max_pool2d_with_indices`] undoes as far as it can: each value at its place in planes of `size`, zeros
    /// elsewhere.
    ///
    /// # Panics
    /// If the shapes differ or the indices are not i32.
    #[track_caller]
    pub fn max_unpool2d(&self, indices: &Tensor, size: [usize; 2]) -> Tensor {
        check("max_unpool2d", self, None);
        let x = self.wide();
        if indices.shape() != x.shape() || indices.dtype() != DType::I32 {
            let what = format!(
                "values {}, indices {} {}; expected i32 of the same shape",
                x.shape(),
                indices.dtype(),
                indices.shape()
            );
            fail(Error::shape("max_unpool2d", what), Location::caller());
        }
        let windows = [
            Windows::Adaptive { output: x.shape()[2] },
            Windows::Adaptive { output: x.shape()[3] },
        ];
        let rule = Pooling { work: Work::Scatter, plane: size, windows, count_include_pad: true };
        Tensor(call_one(rule, &[&x.0, &indices.0])).cast(self.dtype())
    }

    /// The mean of each window.
    ///
    /// **Shape** as [`Tensor::max_pool2d`]. The divisor counts the padding's zeros unless told otherwise, and never pixels that
    /// `ceil` alone adds.
    ///
    /// # Panics
    /// As [`Tensor::max_pool2d`], and if there is a dilation.
    #[track_caller]
    pub fn mean_pool2d(&self, pool: Pool) -> Tensor {
        check("mean_pool2d", self, Some(&pool));
        if pool.dilation != [1, 1] {
            let what = format!("dilation {:?}; a mean has none", pool.dilation);
            fail(Error::value("mean_pool2d", what), Location::caller());
        }
        means(self, [pool.windows(0), pool.windows(1)], pool.count_include_pad)
    }

    /// The largest value of each of `size` windows as equal as can be: window u sees ⌊u·H/P⌋ .. ⌈(u + 1)·H/P⌉.
    ///
    /// # Panics
    /// If the input has not four axes, is no float, or a size is 0.
    #[track_caller]
    pub fn adaptive_max_pool2d(&self, size: [usize; 2]) -> Tensor {
        check("adaptive_max_pool2d", self, None);
        maxima(self, adaptive("adaptive_max_pool2d", size)).0
    }

    /// The mean of each of `size` windows as equal as can be.
    ///
    /// # Panics
    /// As [`Tensor::adaptive_max_pool2d`].
    #[track_caller]
    pub fn adaptive_mean_pool2d(&self, size: [usize; 2]) -> Tensor {
        check("adaptive_mean_pool2d", self, None);
        means(self, adaptive("adaptive_mean_pool2d", size), true)
    }

    /// [`Tensor::max_pool2d`] along the last of three axes; of the options' pairs the second counts.
    ///
    /// # Panics
    /// As [`Tensor::max_pool2d`].
    #[track_caller]
    pub fn max_pool1d(&self, pool: Pool) -> Tensor {
        self.unsqueeze(2).max_pool2d(flat(pool)).squeeze(2)
    }

    /// [`Tensor::mean_pool2d`] along the last of three axes; of the options' pairs the second counts.
    ///
    /// # Panics
    /// As [`Tensor::mean_pool2d`].
    #[track_caller]
    pub fn mean_pool1d(&self, pool: Pool) -> Tensor {
        self.unsqueeze(2).mean_pool2d(flat(pool)).squeeze(2)
    }
}

/// A pooling of rows that are one pixel high.
fn flat(pool: Pool) -> Pool {
    Pool {
        kernel: [1, pool.kernel[1]],
        stride: [1, pool.stride[1]],
        padding: [[0; 2], pool.padding[1]],
        dilation: [1, pool.dilation[1]],
        ..pool
    }
}

#[track_caller]
fn maxima(x: &Tensor, windows: [Windows; 2]) -> (Tensor, Tensor) {
    let rule = Pooling {
        work: Work::Max,
        plane: [x.shape()[2], x.shape()[3]],
        windows,
        count_include_pad: true,
    };
    let mut outputs = call(Arc::new(rule), vec![x.wide().0]);
    let indices = outputs.remove(1);
    (Tensor(outputs.remove(0)).cast(x.dtype()), Tensor(indices))
}

#[track_caller]
fn means(x: &Tensor, windows: [Windows; 2], count_include_pad: bool) -> Tensor {
    let plane = [x.shape()[2], x.shape()[3]];
    let rule = Pooling { work: Work::Mean, plane, windows, count_include_pad };
    Tensor(call_one(rule, &[&x.wide().0])).cast(x.dtype())
}

#[track_caller]
fn adaptive(op: &str, size: [usize; 2]) -> [Windows; 2] {
    if size.contains(&0) {
        fail(
            Error::value(op, format!("output size {size:?}; at least 1 each")),
            Location::caller(),
        );
    }
    size.map(|output| Windows::Adaptive { output })
}

#[track_caller]
fn check(op: &str, x: &Tensor, pool: Option<&Pool>) {
    let at = Location::caller();
    if x.rank() != 4 || !x.dtype().is_float() {
        let what =
            format!("the input is {} {}, expected floats [N, C, H, W]", x.dtype(), x.shape());
        fail(Error::shape(op, what), at);
    }
    if let Some(p) = pool {
        let options = [p.kernel, p.stride, p.dilation, p.padding[0], p.padding[1]];
        expect_pixels(op, &[&x.shape()[2..], options.as_flattened()]);
        if p.kernel.iter().chain(&p.stride).chain(&p.dilation).any(|&n| n == 0) {
            let what = format!(
                "window {:?}, stride {:?} and dilation {:?} must be at least 1",
                p.kernel, p.stride, p.dilation
            );
            fail(Error::value(op, what), at);
        }
        for a in 0..2 {
            let reach = p.dilation[a] * (p.kernel[a] - 1) + 1;
            let padded = x.shape()[2 + a] + p.padding[a][0] + p.padding[a][1];
            if padded < reach {
                let what = format!(
                    "the window does not fit\n  x {}   window {:?}      {padded} pixels with padding, the window reaches over {reach}",
                    x.shape(),
                    p.kernel
                );
                fail(Error::shape(op, what), at);
            }
        }
    }
}
