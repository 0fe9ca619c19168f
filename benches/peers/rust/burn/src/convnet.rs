//! The networks of `harness::nets` out of Burn's own layers.

use std::slice::Iter;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{AdaptiveAvgPool2dConfig, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear};
use burn::tensor::activation::{relu, relu6};
use burn::tensor::ops::PadMode;
use burn::tensor::{Device, Tensor, s};
use harness::Net;
use harness::nets::{self, Builder, Conv, Layer, Pool};

/// The layers of a network, in the order of their use.
#[derive(Module, Debug)]
pub struct Convnet {
    convolutions: Vec<Conv2d>,
    norms: Vec<BatchNorm>,
    linears: Vec<Linear>,
    #[module(skip)]
    net: nets::Convnet,
}

impl Convnet {
    pub fn new(net: nets::Convnet, device: &Device) -> Self {
        let (mut convolutions, mut norms, mut linears) = (Vec::new(), Vec::new(), Vec::new());
        for layer in net.layers() {
            let (of, l) = (Net::Convnet(net), convolutions.len() + linears.len());
            match layer {
                Layer::Conv(_, conv) => {
                    convolutions.push(crate::convolution(of, l, config(&layer, conv), device));
                }
                Layer::Norm { channels, epsilon } => {
                    norms.push(BatchNormConfig::new(channels).with_epsilon(epsilon).init(device));
                }
                Layer::Dense([units, inputs]) => {
                    linears.push(crate::linear(of, l, [inputs, units], device));
                }
            }
        }
        Self { convolutions, norms, linears, net }
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let (convolutions, norms) = (self.convolutions.iter(), self.norms.iter());
        self.net.run(&mut Pass { convolutions, norms, linears: self.linears.iter() }, x)
    }
}

fn config(layer: &Layer, conv: Conv) -> Conv2dConfig {
    let Conv { channels, kernel, stride, pad, groups, bias } = conv;
    let inputs = layer.weight().map_or(0, |shape| shape[1]) * groups;
    Conv2dConfig::new([inputs, channels], [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(crate::padding(pad))
        .with_groups(groups)
        .with_bias(bias)
}

/// A forward pass: the layers that have not been used yet.
struct Pass<'a> {
    convolutions: Iter<'a, Conv2d>,
    norms: Iter<'a, BatchNorm>,
    linears: Iter<'a, Linear>,
}

impl Builder for Pass<'_> {
    type Maps = Tensor<4>;
    type Rows = Tensor<2>;

    fn conv(&mut self, x: Tensor<4>, _: Conv) -> Tensor<4> {
        self.convolutions.next().expect("a convolution").forward(x)
    }

    fn norm(&mut self, x: Tensor<4>, _: f64) -> Tensor<4> {
        self.norms.next().expect("a normalisation").forward(x)
    }

    fn dense(&mut self, x: Tensor<2>, _: usize) -> Tensor<2> {
        self.linears.next().expect("a linear layer").forward(x)
    }

    fn relu(x: Tensor<4>) -> Tensor<4> {
        relu(x)
    }

    fn relu_rows(x: Tensor<2>) -> Tensor<2> {
        relu(x)
    }

    fn relu6(x: Tensor<4>) -> Tensor<4> {
        relu6(x)
    }

    fn max_pool(x: Tensor<4>, pool: Pool) -> Tensor<4> {
        MaxPool2dConfig::new([pool.kernel, pool.kernel])
            .with_strides([pool.stride, pool.stride])
            .with_padding(crate::padding(pool.pad))
            .with_ceil_mode(pool.ceil)
            .init()
            .forward(x)
    }

    fn pad_channels(x: Tensor<4>, channels: usize, stride: usize) -> Tensor<4> {
        let more = channels - x.dims()[1];
        let x = x.slice(s![.., .., ..;stride, ..;stride]);
        x.pad([(0, more), (0, 0), (0, 0)], PadMode::Constant(0.0))
    }

    fn add(x: Tensor<4>, y: Tensor<4>) -> Tensor<4> {
        x + y
    }

    fn concat(xs: Vec<Tensor<4>>) -> Tensor<4> {
        Tensor::cat(xs, 1)
    }

    fn flatten(x: Tensor<4>) -> Tensor<2> {
        x.flatten(1, 3)
    }

    fn mean(x: Tensor<4>) -> Tensor<2> {
        AdaptiveAvgPool2dConfig::new([1, 1]).init().forward(x).flatten(1, 3)
    }
}
