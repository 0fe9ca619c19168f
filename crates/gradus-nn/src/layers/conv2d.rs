//! Convolution layers.   x [B, C, H, W]   w [O, C/groups, R, S]   b [O]   y [B, O, P, Q]

use crate::refused::refused;
use crate::{
    Config, Context, Init, Initializer, Layer, Module, Parameter, Spec, State, Takes, Visitor,
};
use gradus_base::{Error, Result, Shape};
use gradus_tensor::{Conv, PadMode, Padding, Tensor, report};
use std::sync::Arc;

/// Describes a convolution of `filters` square kernels of `kernel` pixels:
/// `[B, C, H, W]` → `[B, filters, P, Q]`, where P is H − kernel + 1 without padding and stride, and
/// Q likewise.
///
/// ```
/// use gradus_nn::{Init, layers::conv2d, parameters};
/// let layer = conv2d(6, 5).build(1, &Init::new(0));
/// let count: usize = parameters(&layer).iter().map(|(_, p)| p.variable().shape().len()).sum();
/// assert_eq!(count, 6 * 25 + 6);
/// ```
pub fn conv2d(filters: usize, kernel: usize) -> Conv2dConfig {
    Conv2dConfig {
        filters,
        kernel: [kernel; 2],
        conv: Conv::new(),
        bias: true,
        init: Initializer::GlorotUniform,
        bias_init: 0.0,
        transposed: false,
    }
}

/// Describes a transposed convolution of `filters` square kernels of `kernel` pixels:
/// `[B, C, H, W]` → `[B, filters, P, Q]`, where P is (H − 1)·stride + kernel without padding, and Q
/// likewise.
#[doc(alias("ConvTranspose2d", "Conv2DTranspose"))]
pub fn conv_transpose2d(filters: usize, kernel: usize) -> Conv2dConfig {
    Conv2dConfig { transposed: true, ..conv2d(filters, kernel) }
}

/// The description of a [`Conv2d`] layer.
#[derive(Clone, Debug)]
pub struct Conv2dConfig {
    filters: usize,
    kernel: [usize; 2],
    conv: Conv,
    bias: bool,
    init: Initializer,
    bias_init: f64,
    transposed: bool,
}

impl Conv2dConfig {
    /// Height and width of the kernel.
    #[must_use]
    pub fn kernel(mut self, height: usize, width: usize) -> Self {
        self.kernel = [height, width];
        self
    }
    /// Pixels from one output to the next.
    #[must_use]
    pub fn stride(mut self, stride: usize) -> Self {
        self.conv.stride = [stride; 2];
        self
    }
    /// Puts the same number of pixels around all four sides.
    #[must_use]
    pub fn pad(self, pixels: usize) -> Self {
        self.padding(Padding::all(pixels))
    }
    /// How much is put around the input; nothing by default.
    #[must_use]
    pub fn padding(mut self, padding: Padding) -> Self {
        self.conv.padding = padding;
        self
    }
    /// What is put around the input; zeros by default.
    #[must_use]
    pub fn pad_mode(mut self, mode: PadMode) -> Self {
        self.conv.pad_mode = mode;
        self
    }
    /// Pixels from one kernel tap to the next.
    #[must_use]
    pub fn dilation(mut self, dilation: usize) -> Self {
        self.conv.dilation = [dilation; 2];
        self
    }
    /// The number of groups that the channels are divided into.
    #[must_use]
    pub fn groups(mut self, groups: usize) -> Self {
        self.conv.groups = groups;
        self
    }
    /// Pixels added at the end of a transposed convolution's output.
    #[must_use]
    pub fn output_padding(mut self, pixels: usize) -> Self {
        self.conv.output_padding = [pixels; 2];
        self
    }
    /// With or without a bias.
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }
    /// The initialiser of the weights; Glorot uniform by default.
    #[must_use]
    pub fn init(mut self, init: Initializer) -> Self {
        self.init = init;
        self
    }
    /// The number that the biases start at; 0 by default.
    #[must_use]
    pub fn bias_init(mut self, value: f64) -> Self {
        self.bias_init = value;
        self
    }
    /// Builds the layer for inputs of `channels` channels.
    ///
    /// # Panics
    /// If the groups do not divide both the channels and the filters.
    #[track_caller]
    pub fn build(&self, channels: usize, init: &Init) -> Conv2d {
        let groups = self.conv.groups.max(1);
        if let Err(e) = self.check(channels) {
            report(e);
            let plain = Conv { groups: 1, ..self.conv };
            return Conv2dConfig { filters: 1, conv: plain, ..self.clone() }.build(1, init);
        }
        let [r, s] = self.kernel;
        let (ins, outs) = (channels / groups * r * s, self.filters / groups * r * s);
        let shape = match self.transposed {
            false => [self.filters, channels / groups, r, s],
            true => [channels, self.filters / groups, r, s],
        };
        let weight = init.tensor(self.init, Shape::from(shape), ins, outs);
        let bias = self.bias.then(|| Tensor::full_of([self.filters], self.bias_init, init.dtype()));
        Conv2d {
            weight: Parameter::weight(&weight),
            bias: bias.map(|b| Parameter::bias(&b)),
            conv: self.conv,
            transposed: self.transposed,
        }
    }

    fn check(&self, channels: usize) -> Result<()> {
        if self.filters == 0 {
            return Err(Error::value("conv2d", "0 filters, expected at least 1"));
        }
        let groups = self.conv.groups.max(1);
        if !channels.is_multiple_of(groups) || !self.filters.is_multiple_of(groups) {
            let what = format!(
                "{channels} channels and {} filters do not divide into {groups} groups",
                self.filters
            );
            return Err(Error::value("conv2d", what));
        }
        Ok(())
    }
}

impl Config for Conv2dConfig {
    fn name(&self) -> &'static str {
        if self.transposed { "conv_transpose" } else { "conv" }
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        let input = input.shape;
        if input.rank() != 3 {
            let what = format!("the input is {input}, expected [channels, height, width]");
            return refused(Error::shape("conv2d", what));
        }
        Arc::new(Conv2dConfig::build(&self, input[0], init))
    }
}

/// A convolution layer, or a transposed one.
#[derive(Clone, Debug)]
pub struct Conv2d {
    /// w, `[O, C/groups, R, S]`; transposed `[C, O/groups, R, S]`.
    pub weight: Parameter,
    /// b, `[O]`.
    pub bias: Option<Parameter>,
    conv: Conv,
    transposed: bool,
}

impl Conv2d {
    /// O, the number of filters.
    pub fn filters(&self) -> usize {
        let shape = self.weight.variable().shape();
        if self.transposed { shape[1] * self.conv.groups } else { shape[0] }
    }
}

impl Module for Conv2d {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("weight", State::Parameter(&self.weight));
        if let Some(bias) = &self.bias {
            visitor("bias", State::Parameter(bias));
        }
    }
}

impl Layer for Conv2d {
    #[track_caller]
    fn forward(&self, x: &Tensor, _cx: &Context) -> Tensor {
        let y = match self.transposed {
            false => x.conv2d(&self.weight.tensor(), self.conv),
            true => x.conv_transpose2d(&self.weight.tensor(), self.conv),
        }; // [B, O, P, Q]
        match &self.bias {
            Some(bias) => y + bias.tensor().reshape([1, self.filters(), 1, 1]),
            None => y,
        }
    }
    fn takes(&self) -> Takes {
        Takes::FloatsOf(self.weight.variable().dtype())
    }
    fn describe(&self) -> String {
        let shape = self.weight.variable().shape();
        let name = if self.transposed { "ConvTranspose2d" } else { "Conv2d" };
        let stride = match self.conv.stride {
            [1, 1] => String::new(),
            [h, _] => format!("/{h}"),
        };
        format!("{name}({}@{}×{}{stride})", self.filters(), shape[2], shape[3])
    }
    fn macs(&self, input: &Shape, output: &Shape) -> u64 {
        let weights = self.weight.variable().shape();
        let pixels = |s: &Shape| s[1..].iter().product::<usize>();
        let places = if self.transposed { pixels(input) } else { pixels(output) };
        (weights.len() * places) as u64
    }
    fn window(&self) -> Option<[(usize, usize, usize); 2]> {
        let shape = self.weight.variable().shape();
        let axis = |a: usize| (shape[2 + a], self.conv.stride[a], self.conv.dilation[a]);
        (!self.transposed).then(|| [axis(0), axis(1)])
    }
    fn window_padding(&self, input: &Shape) -> Option<[[usize; 2]; 2]> {
        let &[_, h, w] = &input[..] else { return None };
        let kernel = self.weight.variable().shape();
        let (conv, kernel) = (self.conv, [kernel[2], kernel[3]]);
        let padding = || conv.padding.resolve([h, w], kernel, conv.stride, conv.dilation);
        (!self.transposed).then(padding)
    }
}
