//! The convolutional networks of the benchmarks, once for every Rust peer; `python/nets.py` is the same in Python.
//!
//! Each is a function of a builder, which knows how a library convolves, and of its input. Weights are taken in the order
//! of the calls. `Convnet::layers` lists what a network asks for, from which everybody makes the same weights.

/// A square convolution, without groups and with a bias unless said otherwise.
#[derive(Clone, Copy)]
pub struct Conv {
    pub channels: usize,
    pub kernel: usize,
    pub stride: usize,
    pub pad: usize,
    pub groups: usize,
    pub bias: bool,
}

const fn conv(channels: usize, kernel: usize, stride: usize, pad: usize) -> Conv {
    Conv { channels, kernel, stride, pad, groups: 1, bias: true }
}

/// A max-pool; padding is below every value.
#[derive(Clone, Copy)]
pub struct Pool {
    pub kernel: usize,
    pub stride: usize,
    pub pad: usize,
    /// Whether a window may reach beyond the input.
    pub ceil: bool,
}

const fn pool(kernel: usize, stride: usize, pad: usize) -> Pool {
    Pool { kernel, stride, pad, ceil: false }
}

const fn pool_ceil(kernel: usize, stride: usize) -> Pool {
    Pool { kernel, stride, pad: 0, ceil: true }
}

/// What a library does for the networks. Layers with weights are methods, called in order; the rest needs no state.
pub trait Builder {
    /// `[batch, channels, height, width]`
    type Maps: Clone;
    /// `[batch, features]`
    type Rows;

    fn conv(&mut self, x: Self::Maps, conv: Conv) -> Self::Maps;
    fn norm(&mut self, x: Self::Maps, epsilon: f64) -> Self::Maps;
    fn dense(&mut self, x: Self::Rows, units: usize) -> Self::Rows;
    fn relu(x: Self::Maps) -> Self::Maps;
    fn relu_rows(x: Self::Rows) -> Self::Rows;
    fn relu6(x: Self::Maps) -> Self::Maps;
    fn max_pool(x: Self::Maps, pool: Pool) -> Self::Maps;
    /// Every `stride`th pixel, and zeros as further channels.
    fn pad_channels(x: Self::Maps, channels: usize, stride: usize) -> Self::Maps;
    fn add(x: Self::Maps, y: Self::Maps) -> Self::Maps;
    fn concat(xs: Vec<Self::Maps>) -> Self::Maps;
    fn flatten(x: Self::Maps) -> Self::Rows;
    /// Over height and width.
    fn mean(x: Self::Maps) -> Self::Rows;

    /// A convolution without a bias, and its normalisation.
    fn conv_norm(&mut self, x: Self::Maps, conv: Conv) -> Self::Maps {
        let x = self.conv(x, Conv { bias: false, ..conv });
        self.norm(x, 1e-5)
    }
}

/// A network of `python/nets.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convnet {
    Alexnet,
    Vgg16,
    Googlenet,
    Resnet18,
    Resnet50,
    Resnet20,
    Squeezenet,
    MobilenetV2,
}

impl Convnet {
    /// Runs a network on a builder.
    pub fn run<B: Builder>(self, b: &mut B, x: B::Maps) -> B::Rows {
        match self {
            Convnet::Alexnet => alexnet(b, x),
            Convnet::Vgg16 => vgg16(b, x),
            Convnet::Googlenet => googlenet(b, x),
            Convnet::Resnet18 => resnet(b, x, basic, [2, 2, 2, 2], [64, 128, 256, 512]),
            Convnet::Resnet50 => resnet(b, x, bottleneck, [3, 4, 6, 3], [256, 512, 1024, 2048]),
            Convnet::Resnet20 => resnet20(b, x),
            Convnet::Squeezenet => squeezenet(b, x),
            Convnet::MobilenetV2 => mobilenet_v2(b, x),
        }
    }

    /// As cases call it.
    pub fn name(self) -> &'static str {
        match self {
            Convnet::Alexnet => "alexnet",
            Convnet::Vgg16 => "vgg16",
            Convnet::Googlenet => "googlenet",
            Convnet::Resnet18 => "resnet18",
            Convnet::Resnet50 => "resnet50",
            Convnet::Resnet20 => "resnet20",
            Convnet::Squeezenet => "squeezenet",
            Convnet::MobilenetV2 => "mobilenetv2",
        }
    }

    /// Shape of one input.
    pub fn input(self) -> [usize; 3] {
        if self == Convnet::Resnet20 { [3, 32, 32] } else { [3, 224, 224] }
    }

    /// The layers with parameters, in order.
    pub fn layers(self) -> Vec<Layer> {
        let mut layers = Layers(Vec::new());
        self.run(&mut layers, self.input());
        layers.0
    }
}

/// In one piece, Krizhevsky 2014.
fn alexnet<B: Builder>(b: &mut B, mut x: B::Maps) -> B::Rows {
    let convs = [
        conv(64, 11, 4, 2),
        conv(192, 5, 1, 2),
        conv(384, 3, 1, 1),
        conv(256, 3, 1, 1),
        conv(256, 3, 1, 1),
    ];
    for (i, conv) in convs.into_iter().enumerate() {
        x = B::relu(b.conv(x, conv));
        x = if [0, 1, 4].contains(&i) { B::max_pool(x, pool(3, 2, 0)) } else { x };
    }
    classifier(b, x)
}

fn vgg16<B: Builder>(b: &mut B, mut x: B::Maps) -> B::Rows {
    for (channels, layers) in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)] {
        for _ in 0..layers {
            x = B::relu(b.conv(x, conv(channels, 3, 1, 1)));
        }
        x = B::max_pool(x, pool(2, 2, 0));
    }
    classifier(b, x)
}

fn classifier<B: Builder>(b: &mut B, x: B::Maps) -> B::Rows {
    let x = B::relu_rows(b.dense(B::flatten(x), 4096));
    let x = B::relu_rows(b.dense(x, 4096));
    b.dense(x, 1000)
}

/// With batch normalisation and 3x3 in place of 5x5, without auxiliary heads.
fn googlenet<B: Builder>(b: &mut B, x: B::Maps) -> B::Rows {
    let x = B::max_pool(unit(b, x, 64, 7, 2), pool_ceil(3, 2));
    let x = unit(b, x, 64, 1, 1);
    let x = B::max_pool(unit(b, x, 192, 3, 1), pool_ceil(3, 2));
    let x = inception(b, x, [64, 96, 128, 16, 32, 32]);
    let x = B::max_pool(inception(b, x, [128, 128, 192, 32, 96, 64]), pool_ceil(3, 2));
    let x = inception(b, x, [192, 96, 208, 16, 48, 64]);
    let x = inception(b, x, [160, 112, 224, 24, 64, 64]);
    let x = inception(b, x, [128, 128, 256, 24, 64, 64]);
    let x = inception(b, x, [112, 144, 288, 32, 64, 64]);
    let x = B::max_pool(inception(b, x, [256, 160, 320, 32, 128, 128]), pool_ceil(2, 2));
    let x = inception(b, x, [256, 160, 320, 32, 128, 128]);
    let x = inception(b, x, [384, 192, 384, 48, 128, 128]);
    b.dense(B::mean(x), 1000)
}

/// GoogLeNet's convolution.
fn unit<B: Builder>(
    b: &mut B,
    x: B::Maps,
    channels: usize,
    kernel: usize,
    stride: usize,
) -> B::Maps {
    let x = b.conv(x, Conv { bias: false, ..conv(channels, kernel, stride, kernel / 2) });
    B::relu(b.norm(x, 1e-3))
}

fn inception<B: Builder>(b: &mut B, x: B::Maps, channels: [usize; 6]) -> B::Maps {
    let [one, reduce3, three, reduce5, five, project] = channels;
    let first = unit(b, x.clone(), one, 1, 1);
    let second = unit(b, x.clone(), reduce3, 1, 1);
    let second = unit(b, second, three, 3, 1);
    let third = unit(b, x.clone(), reduce5, 1, 1);
    let third = unit(b, third, five, 3, 1);
    let fourth = unit(b, B::max_pool(x, pool(3, 1, 1)), project, 1, 1);
    B::concat(vec![first, second, third, fourth])
}

/// The inner path of a residual block, of so many channels and with a stride.
type Block<B> = fn(&mut B, <B as Builder>::Maps, usize, usize) -> <B as Builder>::Maps;

fn basic<B: Builder>(b: &mut B, x: B::Maps, channels: usize, stride: usize) -> B::Maps {
    let y = B::relu(b.conv_norm(x, conv(channels, 3, stride, 1)));
    b.conv_norm(y, conv(channels, 3, 1, 1))
}

fn bottleneck<B: Builder>(b: &mut B, x: B::Maps, channels: usize, stride: usize) -> B::Maps {
    let y = B::relu(b.conv_norm(x, conv(channels / 4, 1, 1, 0)));
    let y = B::relu(b.conv_norm(y, conv(channels / 4, 3, stride, 1)));
    b.conv_norm(y, conv(channels, 1, 1, 0))
}

fn resnet<B: Builder>(
    b: &mut B,
    x: B::Maps,
    block: Block<B>,
    blocks: [usize; 4],
    widths: [usize; 4],
) -> B::Rows {
    let x = B::relu(b.conv_norm(x, conv(64, 7, 2, 3)));
    let (mut x, mut inputs) = (B::max_pool(x, pool(3, 2, 1)), 64);
    for (stage, (count, channels)) in blocks.into_iter().zip(widths).enumerate() {
        for i in 0..count {
            let stride = if stage > 0 && i == 0 { 2 } else { 1 };
            let y = block(b, x.clone(), channels, stride);
            if inputs != channels || stride != 1 {
                x = b.conv_norm(x, conv(channels, 1, stride, 0));
            }
            x = B::relu(B::add(y, x));
            inputs = channels;
        }
    }
    b.dense(B::mean(x), 1000)
}

/// CIFAR-10, shortcuts of option A.
fn resnet20<B: Builder>(b: &mut B, x: B::Maps) -> B::Rows {
    let mut x = B::relu(b.conv_norm(x, conv(16, 3, 1, 1)));
    for (stage, channels) in [16, 32, 64].into_iter().enumerate() {
        for i in 0..3 {
            let stride = if stage > 0 && i == 0 { 2 } else { 1 };
            let y = basic(b, x.clone(), channels, stride);
            x = if stride == 1 { x } else { B::pad_channels(x, channels, stride) };
            x = B::relu(B::add(y, x));
        }
    }
    b.dense(B::mean(x), 10)
}

fn squeezenet<B: Builder>(b: &mut B, x: B::Maps) -> B::Rows {
    let mut x = B::max_pool(B::relu(b.conv(x, conv(64, 3, 2, 0))), pool_ceil(3, 2));
    for (i, channels) in [16, 16, 32, 32, 48, 48, 64, 64].into_iter().enumerate() {
        x = B::relu(b.conv(x, conv(channels, 1, 1, 0)));
        let one = B::relu(b.conv(x.clone(), conv(4 * channels, 1, 1, 0)));
        let three = B::relu(b.conv(x, conv(4 * channels, 3, 1, 1)));
        x = B::concat(vec![one, three]);
        x = if i == 1 || i == 3 { B::max_pool(x, pool_ceil(3, 2)) } else { x };
    }
    B::mean(B::relu(b.conv(x, conv(1000, 1, 1, 0))))
}

fn mobilenet_v2<B: Builder>(b: &mut B, x: B::Maps) -> B::Rows {
    let (mut x, mut inputs) = (B::relu6(b.conv_norm(x, conv(32, 3, 2, 1))), 32);
    // Expansion, channels, blocks, stride of the first.
    let stages = [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ];
    for (expansion, channels, count, stride) in stages {
        for i in 0..count {
            let (shortcut, inner) =
                (if i > 0 { Some(x.clone()) } else { None }, expansion * inputs);
            if expansion > 1 {
                x = B::relu6(b.conv_norm(x, conv(inner, 1, 1, 0)));
            }
            let depthwise = conv(inner, 3, if i == 0 { stride } else { 1 }, 1);
            x = B::relu6(b.conv_norm(x, Conv { groups: inner, ..depthwise }));
            x = b.conv_norm(x, conv(channels, 1, 1, 0));
            x = if let Some(shortcut) = shortcut { B::add(x, shortcut) } else { x };
            inputs = channels;
        }
    }
    let x = B::relu6(b.conv_norm(x, conv(1280, 1, 1, 0)));
    b.dense(B::mean(x), 1000)
}

/// A layer with parameters; only `Conv` and `Dense` have weights by formula.
#[derive(Clone, Copy)]
pub enum Layer {
    /// Weight `[out, in / groups, kernel, kernel]`.
    Conv([usize; 4], Conv),
    Norm {
        channels: usize,
        epsilon: f64,
    },
    /// Weight `[out, in]`.
    Dense([usize; 2]),
}

impl Layer {
    /// Shape of the weight by formula.
    pub fn weight(&self) -> Option<Vec<usize>> {
        match self {
            Layer::Conv(shape, _) => Some(shape.to_vec()),
            Layer::Norm { .. } => None,
            Layer::Dense(shape) => Some(shape.to_vec()),
        }
    }
}

/// A builder that computes nothing: it notes each layer, on inputs that are [channels, height, width].
struct Layers(Vec<Layer>);

impl Builder for Layers {
    type Maps = [usize; 3];
    type Rows = usize;

    fn conv(&mut self, [inputs, h, w]: Self::Maps, conv: Conv) -> Self::Maps {
        let Conv { channels, kernel, stride, pad, groups, .. } = conv;
        self.0.push(Layer::Conv([channels, inputs / groups, kernel, kernel], conv));
        let size = |n| (n + 2 * pad - kernel) / stride + 1;
        [channels, size(h), size(w)]
    }

    fn norm(&mut self, x: Self::Maps, epsilon: f64) -> Self::Maps {
        self.0.push(Layer::Norm { channels: x[0], epsilon });
        x
    }

    fn dense(&mut self, inputs: usize, units: usize) -> usize {
        self.0.push(Layer::Dense([units, inputs]));
        units
    }

    fn relu(x: Self::Maps) -> Self::Maps {
        x
    }

    fn relu_rows(x: usize) -> usize {
        x
    }

    fn relu6(x: Self::Maps) -> Self::Maps {
        x
    }

    fn max_pool([channels, h, w]: Self::Maps, pool: Pool) -> Self::Maps {
        [channels, pooled(h, pool), pooled(w, pool)]
    }

    fn pad_channels([_, h, w]: Self::Maps, channels: usize, stride: usize) -> Self::Maps {
        [channels, h.div_ceil(stride), w.div_ceil(stride)]
    }

    fn add(x: Self::Maps, y: Self::Maps) -> Self::Maps {
        assert_eq!(x, y, "a residual block's shapes");
        x
    }

    fn concat(xs: Vec<Self::Maps>) -> Self::Maps {
        let [_, h, w] = xs[0];
        [xs.iter().map(|x| x[0]).sum(), h, w]
    }

    fn flatten(x: Self::Maps) -> usize {
        x.iter().product()
    }

    fn mean([channels, ..]: Self::Maps) -> usize {
        channels
    }
}

/// Outputs of a pool along an axis; a window that would start after the input is none.
fn pooled(size: usize, pool: Pool) -> usize {
    let Pool { kernel, stride, pad, ceil } = pool;
    let span = size + 2 * pad - kernel;
    let out = if ceil { span.div_ceil(stride) } else { span / stride } + 1;
    if ceil && (out - 1) * stride >= size + pad { out - 1 } else { out }
}
