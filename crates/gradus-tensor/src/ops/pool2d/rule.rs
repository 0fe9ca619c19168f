//! The pooling ops of a tensor: shape rules, gradients, memory orders.

use super::kernel::OnCpu;
use super::{Pool2d, Windows, expansion, reference};
use crate::Tensor;
use crate::ops::kernel::expect_pixels;
use gradus_base::{DType, Error, Result, Shape};
use gradus_graph::{Backward, Device, Meta, Node, Plain, Rule, Setting, Strategy, call, call_one};
use gradus_reference::Array;
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
    /// Pixels put before and after, for rows and for columns. A maximum ignores them, a mean counts
    /// them as zeros.
    pub padding: [[usize; 2]; 2],
    /// Pixels from one element of the window to the next; it must be 1 for a mean.
    pub dilation: [usize; 2],
    /// Whether a last window may reach past the padding, as in Caffe.
    pub ceil: bool,
    /// Whether the divisor of a mean counts the padding.
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
    /// The largest value in each window.
    ///
    /// **Shape** `[N, C, H, W] -> [N, C, P, Q]` with
    /// P = ⌊(H + padding − dilation·(kernel − 1) − 1)/stride⌋ + 1, the padding of both sides
    /// counted; ⌈ ⌉ with `ceil`. NaN counts as largest; of equal values the first takes the
    /// gradient.
    ///
    /// # Panics
    /// If there are not four axes, the elements are not floats, a window is larger than the padded
    /// image, a size of the window, the stride or the dilation is 0, or there are more than 2³¹
    /// pixels along an axis.
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

    /// [`Tensor::max_pool2d`] and the place h·W + w of each maximum.
    ///
    /// **Shape** `[N, C, H, W] -> [N, C, P, Q], i32 [N, C, P, Q]`, P and Q as in
    /// [`Tensor::max_pool2d`].
    ///
    /// # Panics
    /// As [`Tensor::max_pool2d`].
    ///
    /// ```
    /// use gradus_tensor::{Pool, Tensor};
    /// let x = Tensor::from([1.0f32, 2.0, 4.0, 3.0]).reshape([1, 1, 2, 2]);
    /// let (y, places) = x.max_pool2d_with_indices(Pool::new(2));
    /// assert_eq!((y.item(), places.item()), (4.0, 2.0));
    /// ```
    #[track_caller]
    pub fn max_pool2d_with_indices(&self, pool: Pool) -> (Tensor, Tensor) {
        if let Err(e) = check("max_pool2d", self, Some(&pool)) {
            let refused = Tensor::refuse(e);
            return (refused.clone(), refused);
        }
        maxima(self, [pool.windows(0), pool.windows(1)])
    }

    /// Undoes [`Tensor::max_pool2d_with_indices`] as far as it can: puts each value at its place in
    /// a plane of `size`, and zeros elsewhere. Values that meet in one place are summed.
    ///
    /// **Shape** `[N, C, P, Q]`, `indices i32 [N, C, P, Q]` → `[N, C, size..]`. An index outside
    /// the plane is an error of the run.
    ///
    /// # Panics
    /// If there are not four axes, the elements are not floats, or the indices are not i32 or have
    /// another shape.
    ///
    /// ```
    /// use gradus_tensor::{Pool, Tensor};
    /// let x = Tensor::from([1.0f32, 2.0, 4.0, 3.0]).reshape([1, 1, 2, 2]);
    /// let (y, places) = x.max_pool2d_with_indices(Pool::new(2));
    /// assert_eq!(y.max_unpool2d(&places, [2, 2]).to_vec::<f32>(), [0.0, 0.0, 4.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn max_unpool2d(&self, indices: &Tensor, size: [usize; 2]) -> Tensor {
        if let Err(e) = check("max_unpool2d", self, None) {
            return Tensor::refuse(e);
        }
        let x = self.wide();
        if indices.shape() != x.shape() || indices.dtype() != DType::I32 {
            let what = format!(
                "values {}, indices {} {}; expected i32 of the same shape",
                x.shape(),
                indices.dtype(),
                indices.shape()
            );
            return Tensor::refuse(Error::shape("max_unpool2d", what));
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
    /// **Shape** `[N, C, H, W] -> [N, C, P, Q]`, P and Q as in [`Tensor::max_pool2d`]. The divisor
    /// counts the zeros of the padding unless the options say otherwise, and never the pixels that
    /// `ceil` adds.
    ///
    /// # Panics
    /// As [`Tensor::max_pool2d`], and if there is a dilation.
    ///
    /// ```
    /// use gradus_tensor::{Pool, Tensor};
    /// let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0]).reshape([1, 1, 2, 2]);
    /// assert_eq!(x.mean_pool2d(Pool::new(2)).item(), 2.5);
    /// ```
    #[track_caller]
    pub fn mean_pool2d(&self, pool: Pool) -> Tensor {
        if let Err(e) = check("mean_pool2d", self, Some(&pool)) {
            return Tensor::refuse(e);
        }
        if pool.dilation != [1, 1] {
            let what = format!("dilation {:?}; a mean has none", pool.dilation);
            return Tensor::refuse(Error::value("mean_pool2d", what));
        }
        means(self, [pool.windows(0), pool.windows(1)], pool.count_include_pad)
    }

    /// The largest value in each of `size` windows that are as equal as can be: window u reaches
    /// from ⌊u·H/P⌋ to ⌈(u + 1)·H/P⌉.
    ///
    /// **Shape** `[N, C, H, W] -> [N, C, P, Q]` with `size` = `[P, Q]`.
    ///
    /// # Panics
    /// If there are not four axes, the elements are not floats, or a size is 0.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0]).reshape([1, 1, 1, 3]);
    /// assert_eq!(x.adaptive_max_pool2d([1, 2]).to_vec::<f32>(), [2.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn adaptive_max_pool2d(&self, size: [usize; 2]) -> Tensor {
        match check_adaptive("adaptive_max_pool2d", self, size) {
            Ok(windows) => maxima(self, windows).0,
            Err(e) => Tensor::refuse(e),
        }
    }

    /// The mean of each of `size` windows that are as equal as can be, those of
    /// [`Tensor::adaptive_max_pool2d`].
    ///
    /// **Shape** `[N, C, H, W] -> [N, C, P, Q]` with `size` = `[P, Q]`.
    ///
    /// # Panics
    /// As [`Tensor::adaptive_max_pool2d`].
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0]).reshape([1, 1, 1, 3]);
    /// assert_eq!(x.adaptive_mean_pool2d([1, 2]).to_vec::<f32>(), [1.5, 2.5]);
    /// ```
    #[track_caller]
    pub fn adaptive_mean_pool2d(&self, size: [usize; 2]) -> Tensor {
        match check_adaptive("adaptive_mean_pool2d", self, size) {
            Ok(windows) => means(self, windows, true),
            Err(e) => Tensor::refuse(e),
        }
    }

    /// [`Tensor::max_pool2d`] along the last of three axes. Of each pair in the options the second
    /// counts.
    ///
    /// **Shape** `[N, C, L] -> [N, C, M]`, M computed from L as P is from H in
    /// [`Tensor::max_pool2d`].
    ///
    /// # Panics
    /// If there are not three axes; else as [`Tensor::max_pool2d`].
    ///
    /// ```
    /// use gradus_tensor::{Pool, Tensor};
    /// let x = Tensor::from([[[1.0f32, 5.0, 2.0, 3.0]]]);
    /// assert_eq!(x.max_pool1d(Pool::new(2)).to_vec::<f32>(), [5.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn max_pool1d(&self, pool: Pool) -> Tensor {
        self.unsqueeze(2).max_pool2d(flat(pool)).squeeze(2)
    }

    /// [`Tensor::mean_pool2d`] along the last of three axes. Of each pair in the options the second
    /// counts.
    ///
    /// **Shape** `[N, C, L] -> [N, C, M]`, M computed from L as P is from H in
    /// [`Tensor::max_pool2d`].
    ///
    /// # Panics
    /// If there are not three axes; else as [`Tensor::mean_pool2d`].
    ///
    /// ```
    /// use gradus_tensor::{Pool, Tensor};
    /// let x = Tensor::from([[[1.0f32, 5.0, 2.0, 4.0]]]);
    /// assert_eq!(x.mean_pool1d(Pool::new(2)).to_vec::<f32>(), [3.0, 3.0]);
    /// ```
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
    let [largest, indices] = call(Arc::new(rule), vec![x.wide().0]);
    (Tensor(largest).cast(x.dtype()), Tensor(indices))
}

#[track_caller]
fn means(x: &Tensor, windows: [Windows; 2], count_include_pad: bool) -> Tensor {
    let plane = [x.shape()[2], x.shape()[3]];
    let rule = Pooling { work: Work::Mean, plane, windows, count_include_pad };
    Tensor(call_one(rule, &[&x.wide().0])).cast(x.dtype())
}

fn check_adaptive(op: &str, x: &Tensor, size: [usize; 2]) -> Result<[Windows; 2]> {
    check(op, x, None)?;
    if size.contains(&0) {
        return Err(Error::value(op, format!("output size {size:?}; at least 1 each")));
    }
    Ok(size.map(|output| Windows::Adaptive { output }))
}

fn check(op: &str, x: &Tensor, pool: Option<&Pool>) -> Result<()> {
    Tensor::sound([x])?;
    if x.rank() != 4 || !x.dtype().is_float() {
        let what =
            format!("the input is {} {}, expected floats [N, C, H, W]", x.dtype(), x.shape());
        return Err(Error::shape(op, what));
    }
    if let Some(p) = pool {
        let options = [p.kernel, p.stride, p.dilation, p.padding[0], p.padding[1]];
        expect_pixels(op, &[&x.shape()[2..], options.as_flattened()])?;
        if p.kernel.iter().chain(&p.stride).chain(&p.dilation).any(|&n| n == 0) {
            let what = format!(
                "window {:?}, stride {:?} and dilation {:?} must be at least 1",
                p.kernel, p.stride, p.dilation
            );
            return Err(Error::value(op, what));
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
                return Err(Error::shape(op, what));
            }
        }
    }
    Ok(())
}
