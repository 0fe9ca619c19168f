//! Residual and plain networks for CIFAR-10.   He, Zhang, Ren & Sun 2015, arXiv:1512.03385 §4.2

use crate::Design;
use gradus_base::Shape;
use gradus_nn::layers::*;
use gradus_nn::{Config, Context, Init, Initializer, Layer, Module, Sequential, Visitor};
use gradus_tensor::{Padding, Tensor};
use std::sync::Arc;

/// How x reaches the sum where the block halves the picture and doubles the channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shortcut {
    /// There is none anywhere: a plain network.
    Plain,
    /// Option A: every second pixel, the new channels zero. No parameters.
    Identity,
    /// Option B: a 1×1 convolution with batch normalisation.
    Projection,
}

/// 6n + 2 layers: a 3×3, then n blocks each of 16 channels at full size, 32 at half, 64 at a quarter.
///
/// # Panics
/// If `depth` is not 6n + 2.
pub fn cifar_resnet(depth: usize, shortcut: Shortcut, d: &Design, init: &Init) -> Sequential {
    assert!(depth >= 8 && depth % 6 == 2, "{depth} layers; expected 6n + 2: 20, 32, 44, 56, 110");
    let mut net = Sequential::new(d.input, init)
        .add_named("conv1", conv(d.channels(16), 3, 1)) // [16, 32, 32]
        .add_named("bn1", batch_norm())
        .add(relu());
    for (stage, channels) in [16, 32, 64].into_iter().enumerate() {
        let (blocks, channels) = ((depth - 2) / 6, d.channels(channels));
        let stride = if stage == 0 { 1 } else { 2 };
        let name = format!("layer{}", stage + 1);
        let padding = if d.same_padding { Padding::Same } else { Padding::Half };
        let layer = sequential(move |p| layer(p, shortcut, blocks, channels, stride, padding));
        net = net.add_named(&name, layer);
    }
    net.add(global_mean_pool2d()).add_named("fc", dense(d.classes).init(Initializer::HeNormal))
}

fn layer(
    mut path: Sequential,
    shortcut: Shortcut,
    blocks: usize,
    channels: usize,
    stride: usize,
    padding: Padding,
) -> Sequential {
    for i in 0..blocks {
        let stride = if i == 0 { stride } else { 1 };
        let same = stride == 1 && path.output_shape()[0] == channels;
        let block = move |p| two(p, channels, stride, padding);
        let name = i.to_string();
        path = match shortcut {
            Shortcut::Plain => path.add_named(&name, sequential(move |p| block(p).add(relu()))),
            _ if same => path.add_named(&name, residual(block).activation(relu())),
            Shortcut::Identity => {
                let skip =
                    move |p: Sequential| p.add_named("pad", PadChannels { channels, stride });
                path.add_named(&name, residual(block).projection(skip).activation(relu()))
            }
            Shortcut::Projection => {
                let skip = move |p: Sequential| {
                    p.add_named("conv", conv(channels, 1, stride)).add_named("bn", batch_norm())
                };
                path.add_named(&name, residual(block).projection(skip).activation(relu()))
            }
        };
    }
    path
}

fn two(path: Sequential, channels: usize, stride: usize, padding: Padding) -> Sequential {
    path.add_named("conv1", conv(channels, 3, stride).padding(padding))
        .add_named("bn1", batch_norm())
        .add(relu())
        .add_named("conv2", conv(channels, 3, 1))
        .add_named("bn2", batch_norm())
}

fn conv(channels: usize, kernel: usize, stride: usize) -> Conv2dConfig {
    let conv = conv2d(channels, kernel).stride(stride).pad(kernel / 2);
    conv.bias(false).init(Initializer::HeNormal)
}

/// Option A: every `stride`-th pixel, and channels of zeros up to so many.
#[derive(Clone, Copy, Debug)]
struct PadChannels {
    channels: usize,
    stride: usize,
}

impl Module for PadChannels {
    fn visit<'a>(&'a self, _: &mut Visitor<'a, '_>) {}
}
impl Layer for PadChannels {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        let stride = self.stride;
        let every = |x: &Tensor, axis: isize| {
            let len = x.shape()[axis as usize].div_ceil(stride);
            x.slice_step(axis, 0, stride as isize, len)
        };
        every(&every(x, 2), 3).pad(1, 0, self.channels - x.shape()[1]) // [B, channels, H/s, W/s]
    }
    fn describe(&self) -> String {
        format!("PadChannels({}/{})", self.channels, self.stride)
    }
    fn window(&self) -> Option<[(usize, usize, usize); 2]> {
        Some([(1, self.stride, 1); 2])
    }
}
impl Config for PadChannels {
    fn name(&self) -> &'static str {
        "pad_channels"
    }
    fn build(self: Box<Self>, _: Shape, _: &Init) -> Arc<dyn Layer> {
        Arc::new(*self)
    }
}
