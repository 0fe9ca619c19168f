//! The convolution ops of a tensor: shape rules, gradients, memory orders.

use super::strategy::OnCpu;
use super::{Conv, Conv2d, Padding, Pass, reference};
use crate::ops::kernel::{anything, expect_pixels, tensors};
use crate::{PadMode, Tensor};
use gradus_base::{DType, Error, Result, Shape};
use gradus_graph::{
    Backward, Device, Meta, Node, Plain, Rule, Setting, Strategy, call_one, gradients,
};
use gradus_reference::Array;

/// One of the three passes of a convolution.
#[derive(Clone, Debug)]
pub(super) struct Convolution {
    pub(super) pass: Pass,
    /// Height and width of x, which the other operands don't always tell.
    image: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [[usize; 2]; 2],
    dilation: [usize; 2],
    groups: usize,
    /// C of x, for the weight gradient of empty tensors.
    in_channels: usize,
    out_channels: usize,
}

impl Convolution {
    pub(super) fn geometry(&self, images: usize) -> Conv2d {
        Conv2d {
            batch: images,
            in_channels: self.in_channels,
            height: self.image[0],
            width: self.image[1],
            out_channels: self.out_channels,
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding.map(|side| side.map(|pixels| pixels as isize)),
            dilation: self.dilation,
            groups: self.groups,
        }
    }

    fn call(&self, pass: Pass, a: &Node, b: &Node) -> Node {
        call_one(Convolution { pass, ..self.clone() }, &[a, b])
    }
}

impl Rule for Convolution {
    fn name(&self) -> &'static str {
        match self.pass {
            Pass::Forward => "conv2d",
            Pass::DataGradient => "conv2d_data_gradient",
            Pass::WeightGradient => "conv2d_weight_gradient",
        }
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let g = self.geometry(inputs[0].shape[0]);
        let ([p, q], [r, s]) = (g.output(), self.kernel);
        let sizes = match self.pass {
            Pass::Forward => [g.batch, g.out_channels, p, q],
            Pass::DataGradient => [g.batch, g.in_channels, g.height, g.width],
            Pass::WeightGradient => [g.out_channels, g.in_channels / g.groups, r, s],
        };
        Ok(vec![Meta::new(Shape::try_new(&sizes)?, inputs[0].dtype)])
    }

    /// The passes are bilinear, so each one's gradients are the other two.
    fn grad(&self, b: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let (first, second, d) = (&b.inputs[0], &b.inputs[1], b.dy());
        let when = |i: usize, f: &dyn Fn() -> Node| b.wanted[i].then(f);
        Ok(match self.pass {
            // x, w
            Pass::Forward => vec![
                when(0, &|| self.call(Pass::DataGradient, d, second)),
                when(1, &|| self.call(Pass::WeightGradient, first, d)),
            ],
            // dy, w
            Pass::DataGradient => vec![
                when(0, &|| self.call(Pass::Forward, d, second)),
                when(1, &|| self.call(Pass::WeightGradient, d, first)),
            ],
            // x, dy
            Pass::WeightGradient => vec![
                when(0, &|| self.call(Pass::DataGradient, second, d)),
                when(1, &|| self.call(Pass::Forward, first, d)),
            ],
        })
    }

    /// A sum over the kernel's taps of matrix products; the passes are bilinear, so the others are
    /// its gradients.
    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let [a, b] = tensors(inputs);
        let g = self.geometry(a.shape()[0]);
        let gradient = |x: &Tensor, w: &Tensor, of: &Tensor, dy: &Tensor| {
            let found = gradients(&taps(&g, x, w).0, &dy.0, std::slice::from_ref(&of.0)).ok()?;
            found.into_iter().next()?
        };
        let y = match self.pass {
            Pass::Forward => taps(&g, &a, &b).0,
            Pass::DataGradient => {
                let x = anything(g.x_shape(), &a);
                gradient(&x, &b, &x, &a)?
            }
            Pass::WeightGradient => {
                let w = anything(g.w_shape(), &a);
                gradient(&a, &w, &w, &b)?
            }
        };
        Some(vec![y])
    }

    /// `padding` is before and after the rows, before and after the columns.
    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        let pairs = |p: [[usize; 2]; 2]| Setting::Sizes(p.concat());
        let two = |p: [usize; 2]| Setting::Sizes(p.to_vec());
        Some(vec![
            ("image", two(self.image)),
            ("kernel", two(self.kernel)),
            ("stride", two(self.stride)),
            ("padding", pairs(self.padding)),
            ("dilation", two(self.dilation)),
            ("groups", Setting::Sizes(vec![self.groups])),
        ])
    }

    fn scaling(&self, axis: usize) -> Option<(usize, usize)> {
        match self.pass {
            Pass::Forward if axis == 1 => Some((1, 0)),
            Pass::DataGradient if axis == 1 && self.groups == 1 => Some((1, 1)),
            _ => None,
        }
    }

    /// Images do not meet; weights are their sum.
    fn slices(&self, axis: usize) -> Option<Vec<Option<usize>>> {
        (axis == 0 && self.pass != Pass::WeightGradient).then(|| vec![Some(0), None])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => Some(Box::new(OnCpu(self))),
            Device::Reference => {
                let rule = self.clone();
                Some(Plain::of(move |x: &[Array]| {
                    let geometry = rule.geometry(x[0].shape[0]);
                    Ok(vec![reference::convolution(&geometry, rule.pass, &x[0], &x[1])])
                }))
            }
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _: &[Meta]) -> u64 {
        2 * self.geometry(inputs[0].shape[0]).macs()
    }
}

/// y as a sum over the taps: of each, the pixels that it sees, times its matrix.
fn taps(g: &Conv2d, x: &Tensor, w: &Tensor) -> Tensor {
    let [p, q] = g.output();
    let [inner, outer] = [g.in_channels / g.groups, g.out_channels / g.groups];
    let pads = g.padding.map(|side| side.map(|pixels| pixels as usize));
    let x = x.pad(2, pads[0][0], pads[0][1]).pad(3, pads[1][0], pads[1][1]);
    let tap = |i: usize, j: usize| {
        let seen = x.slice_step(2, i * g.dilation[0], g.stride[0] as isize, p);
        let seen = seen.slice_step(3, j * g.dilation[1], g.stride[1] as isize, q);
        let seen = seen.reshape([g.batch, g.groups, inner, p * q]);
        let matrix = w.select(3, j).select(2, i).reshape([g.groups, outer, inner]);
        matrix.matmul(&seen) // [N, G, O/G, P·Q]
    };
    let all = (0..g.kernel[0]).flat_map(|i| (0..g.kernel[1]).map(move |j| (i, j)));
    let sum = all.map(|(i, j)| tap(i, j)).reduce(|sum, y| sum + y);
    sum.expect("a kernel has a tap").reshape(g.y_shape())
}

impl Tensor {
    /// The convolution (cross-correlation) of images with kernels.
    ///
    /// y\[n, o, p, q\] = Σ w\[o, c, r, s\]·x\[n, c, p·stride + r·dilation − padding, …\],
    /// summed over c, r, s
    ///
    /// **Shape** `x [N, C, H, W]`, `w [O, C/groups, R, S]` → `[N, O, P, Q]` with
    /// P = ⌊(H + padding − dilation·(R − 1) − 1)/stride⌋ + 1, the padding of both sides counted.
    ///
    /// # Panics
    /// If x or w has not four axes, their types differ or are not floats, the channels do not fit
    /// the groups, the kernel is larger than the padded image, a size of the kernel, the stride,
    /// the dilation or the groups is 0, or there are more than 2³¹ pixels along an axis; also where
    /// [`Tensor::pad_with`] refuses the padding.
    ///
    /// ```
    /// use gradus_tensor::{Tensor, ops::conv2d::{Conv, Padding}};
    /// let x = Tensor::ones([1, 1, 7, 7]);
    /// let w = Tensor::ones([1, 1, 3, 3]);
    /// assert_eq!(x.conv2d(&w, Conv::new()).shape().to_string(), "[1, 1, 5, 5]");
    /// let same = x.conv2d(&w, Conv::new().padding(Padding::Same));
    /// assert_eq!(same.slice(2, ..1).to_vec::<f32>(), [4.0, 6.0, 6.0, 6.0, 6.0, 6.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn conv2d(&self, w: &Tensor, conv: Conv) -> Tensor {
        if let Err(e) = check("conv2d", self, w, &conv) {
            return Tensor::refuse(e);
        }
        if matches!(self.dtype(), DType::F16 | DType::BF16) {
            return self.cast(DType::F32).conv2d(&w.cast(DType::F32), conv).cast(self.dtype());
        }
        let (x, k) = (self.shape(), w.shape());
        if k[1] * conv.groups != x[1] || !k[0].is_multiple_of(conv.groups) {
            let what = format!(
                "the channels do not fit\n  x {x}   w {k}   groups {}      x's channels ({}) must be w's second size ({}) times \
                 the groups, and w's first ({}) a multiple of them",
                conv.groups, x[1], k[1], k[0]
            );
            return Tensor::refuse(Error::shape("conv2d", what));
        }
        let (image, kernel) = ([x[2], x[3]], [k[2], k[3]]);
        let padding = conv.padding.resolve(image, kernel, conv.stride, conv.dilation);
        if conv.pad_mode != PadMode::Zero && padding != [[0; 2]; 2] {
            let [[top, bottom], [left, right]] = padding;
            let wide = self.pad_with(2, top, bottom, conv.pad_mode);
            let wide = wide.pad_with(3, left, right, conv.pad_mode);
            return wide
                .conv2d(w, Conv { padding: Padding::Valid, pad_mode: PadMode::Zero, ..conv });
        }
        for a in 0..2 {
            let reach = conv.dilation[a] * (kernel[a].max(1) - 1) + 1;
            let padded = image[a] + padding[a][0] + padding[a][1];
            if padded < reach {
                let what = format!(
                    "the kernel does not fit the image\n  x {x}   w {k}      {padded} pixels with padding, the kernel reaches over {reach}"
                );
                return Tensor::refuse(Error::shape("conv2d", what));
            }
        }
        let rule = Convolution {
            pass: Pass::Forward,
            image,
            kernel,
            stride: conv.stride,
            padding,
            dilation: conv.dilation,
            groups: conv.groups,
            in_channels: x[1],
            out_channels: k[0],
        };
        Tensor(call_one(rule, &[&self.0, &w.0]))
    }

    /// The transposed convolution: from the shape that [`Tensor::conv2d`] with the same options
    /// gives back to that of its input.
    ///
    /// **Shape** `x [N, C, H, W]`, `w [C, O/groups, R, S]` → `[N, O, P, Q]` with
    /// P = (H − 1)·stride − padding + dilation·(R − 1) + output_padding + 1, the padding of both
    /// sides counted.
    ///
    /// # Panics
    /// If x or w has not four axes, their types differ or are not floats, the channels do not fit
    /// the groups, the padding is [`Padding::Same`], not of zeros, or leaves nothing of the result,
    /// a size of the kernel, the stride, the dilation or the groups is 0, there are more than 2³¹
    /// pixels along an axis, or the output padding is neither below the stride nor below the
    /// dilation.
    ///
    /// ```
    /// use gradus_tensor::{Tensor, ops::conv2d::Conv};
    /// let x = Tensor::from([1.0f32, 2.0]).reshape([1, 1, 1, 2]);
    /// let y = x.conv_transpose2d(&Tensor::ones([1, 1, 1, 2]), Conv::new().stride(2));
    /// assert_eq!(y.shape().to_string(), "[1, 1, 1, 4]");
    /// assert_eq!(y.to_vec::<f32>(), [1.0, 1.0, 2.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn conv_transpose2d(&self, w: &Tensor, conv: Conv) -> Tensor {
        if let Err(e) = check("conv_transpose2d", self, w, &conv) {
            return Tensor::refuse(e);
        }
        if matches!(self.dtype(), DType::F16 | DType::BF16) {
            let wide = self.cast(DType::F32).conv_transpose2d(&w.cast(DType::F32), conv);
            return wide.cast(self.dtype());
        }
        let (x, k) = (self.shape(), w.shape());
        if conv.pad_mode != PadMode::Zero {
            let what = format!("padding by {:?}; what it crops has no values", conv.pad_mode);
            return Tensor::refuse(Error::value("conv_transpose2d", what));
        }
        if k[0] != x[1] || !x[1].is_multiple_of(conv.groups) {
            let what = format!(
                "the channels do not fit\n  x {x}   w {k}   groups {}      x's channels ({}) must be w's first size ({}), a multiple of the groups",
                conv.groups, x[1], k[0]
            );
            return Tensor::refuse(Error::shape("conv_transpose2d", what));
        }
        if conv.padding == Padding::Same {
            let what = "same padding does not tell the output's size; give it explicitly";
            return Tensor::refuse(Error::value("conv_transpose2d", what));
        }
        let kernel = [k[2], k[3]];
        let padding = conv.padding.resolve([0; 2], kernel, conv.stride, conv.dilation);
        let size = |a: usize| -> Result<usize> {
            let full = (x[2 + a].max(1) - 1) * conv.stride[a]
                + conv.dilation[a] * (kernel[a].max(1) - 1)
                + 1;
            let full = full + conv.output_padding[a];
            full.checked_sub(padding[a][0] + padding[a][1]).filter(|&s| s > 0).ok_or_else(|| {
                let what =
                    format!("the padding leaves nothing\n  x {x}   w {k}   padding {padding:?}");
                Error::shape("conv_transpose2d", what)
            })
        };
        let image = match [size(0), size(1)] {
            [Ok(height), Ok(width)] => [height, width],
            [Err(e), _] | [_, Err(e)] => return Tensor::refuse(e),
        };
        let rule = Convolution {
            pass: Pass::DataGradient,
            image,
            kernel,
            stride: conv.stride,
            padding,
            dilation: conv.dilation,
            groups: conv.groups,
            in_channels: k[1] * conv.groups,
            out_channels: x[1],
        };
        let g = rule.geometry(x[0]);
        if (0..2).any(|a| conv.output_padding[a] >= conv.stride[a].max(conv.dilation[a])) {
            let what = format!(
                "the output padding {:?} must be below the stride {:?} or the dilation {:?}",
                conv.output_padding, conv.stride, conv.dilation
            );
            return Tensor::refuse(Error::value("conv_transpose2d", what));
        }
        // Padding beyond the stride leaves room for further, empty, input pixels.
        let full = g.output();
        let x = self.pad(2, 0, full[0] - x[2]).pad(3, 0, full[1] - x[3]);
        Tensor(call_one(rule, &[&x.0, &w.0]))
    }

    /// The convolution (cross-correlation) along one axis. Of each pair in the options the second
    /// counts.
    ///
    /// **Shape** `x [N, C, L]`, `w [O, C/groups, K]` → `[N, O, M]` with
    /// M = ⌊(L + padding − dilation·(K − 1) − 1)/stride⌋ + 1.
    ///
    /// # Panics
    /// If x or w has not three axes; else as [`Tensor::conv2d`].
    ///
    /// ```
    /// use gradus_tensor::{Tensor, ops::conv2d::Conv};
    /// let x = Tensor::from([[[1.0f32, 2.0, 4.0, 8.0]]]);
    /// let w = Tensor::from([[[-1.0f32, 1.0]]]);
    /// assert_eq!(x.conv1d(&w, Conv::new()).to_vec::<f32>(), [1.0, 2.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn conv1d(&self, w: &Tensor, conv: Conv) -> Tensor {
        if self.rank() != 3 || w.rank() != 3 {
            let what = format!("x {} and w {} must have three axes", self.shape(), w.shape());
            return Tensor::refuse(Error::shape("conv1d", what));
        }
        let flat = Conv { stride: [1, conv.stride[1]], dilation: [1, conv.dilation[1]], ..conv };
        let flat = match flat.padding {
            Padding::Explicit(p) => Conv { padding: Padding::Explicit([[0; 2], p[1]]), ..flat },
            _ => flat,
        };
        self.unsqueeze(2).conv2d(&w.unsqueeze(2), flat).squeeze(2)
    }

    /// The transposed convolution along one axis. Of each pair in the options the second counts.
    ///
    /// **Shape** `x [N, C, L]`, `w [C, O/groups, K]` → `[N, O, M]` with
    /// M = (L − 1)·stride − padding + dilation·(K − 1) + output_padding + 1.
    ///
    /// # Panics
    /// If x or w has not three axes; else as [`Tensor::conv_transpose2d`].
    ///
    /// ```
    /// use gradus_tensor::{Tensor, ops::conv2d::Conv};
    /// let x = Tensor::from([[[1.0f32, 2.0]]]);
    /// let y = x.conv_transpose1d(&Tensor::from([[[1.0f32, 10.0]]]), Conv::new());
    /// assert_eq!(y.to_vec::<f32>(), [1.0, 12.0, 20.0]);
    /// ```
    #[track_caller]
    pub fn conv_transpose1d(&self, w: &Tensor, conv: Conv) -> Tensor {
        if self.rank() != 3 || w.rank() != 3 {
            let what = format!("x {} and w {} must have three axes", self.shape(), w.shape());
            return Tensor::refuse(Error::shape("conv_transpose1d", what));
        }
        let mut flat =
            Conv { stride: [1, conv.stride[1]], dilation: [1, conv.dilation[1]], ..conv };
        flat.output_padding[0] = 0;
        if let Padding::Explicit(p) = flat.padding {
            flat.padding = Padding::Explicit([[0; 2], p[1]]);
        }
        self.unsqueeze(2).conv_transpose2d(&w.unsqueeze(2), flat).squeeze(2)
    }
}

fn check(op: &str, x: &Tensor, w: &Tensor, conv: &Conv) -> Result<()> {
    Tensor::sound([x, w])?;
    if x.rank() != 4 || w.rank() != 4 {
        let what = format!(
            "x {} and w {} must have four axes, [N, C, H, W] and [O, C, R, S]",
            x.shape(),
            w.shape()
        );
        return Err(Error::shape(op, what));
    }
    if x.dtype() != w.dtype() || !x.dtype().is_float() {
        let what = format!("x is {}, w is {}; both must be one float type", x.dtype(), w.dtype());
        return Err(Error::dtype(op, what));
    }
    let pads = match conv.padding {
        Padding::Explicit(pads) => pads,
        _ => [[0; 2]; 2],
    };
    let options = [conv.stride, conv.dilation, conv.output_padding, pads[0], pads[1]];
    expect_pixels(op, &[&x.shape()[2..], &w.shape()[2..], options.as_flattened()])?;
    let positive = conv.groups > 0 && conv.stride.iter().chain(&conv.dilation).all(|&n| n > 0);
    if !positive || w.shape()[2..].contains(&0) {
        let what = format!(
            "stride {:?}, dilation {:?}, groups {} and the kernel {} must be at least 1",
            conv.stride,
            conv.dilation,
            conv.groups,
            Shape::new(&w.shape()[2..])
        );
        return Err(Error::value(op, what));
    }
    Ok(())
}
