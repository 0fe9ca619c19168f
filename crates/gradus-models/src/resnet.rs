//! Residual networks for ImageNet.   He, Zhang, Ren & Sun 2015, arXiv:1512.03385 table 1

use crate::Design;
use gradus_nn::layers::*;
use gradus_nn::{Init, Initializer, Sequential};
use gradus_tensor::Pool;

/// Figure 5: two 3×3, or 1×1, 3×3 and a 1×1 of four times the channels.
#[derive(Clone, Copy, PartialEq)]
enum Block {
    Basic,
    /// Where a stage's first block has its stride.
    Bottleneck(Stride),
}
use Block::{Basic, Bottleneck};

#[derive(Clone, Copy, PartialEq)]
enum Stride {
    /// On the first 1×1, as published ("v1").
    First,
    /// On the 3×3, as everywhere today ("v1.5").
    Middle,
}
use Stride::{First, Middle};

/// 18 layers: 11,689,512 parameters.
pub fn resnet18(d: &Design, init: &Init) -> Sequential {
    resnet(Basic, [2, 2, 2, 2], d, init)
}
/// 34 layers: 21,797,672 parameters.
pub fn resnet34(d: &Design, init: &Init) -> Sequential {
    resnet(Basic, [3, 4, 6, 3], d, init)
}
/// 50 layers, stride on the 3×3: 25,557,032 parameters.
pub fn resnet50(d: &Design, init: &Init) -> Sequential {
    resnet(Bottleneck(Middle), [3, 4, 6, 3], d, init)
}
/// 101 layers, stride on the 3×3: 44,549,160 parameters.
pub fn resnet101(d: &Design, init: &Init) -> Sequential {
    resnet(Bottleneck(Middle), [3, 4, 23, 3], d, init)
}
/// 152 layers, stride on the 3×3: 60,192,808 parameters.
pub fn resnet152(d: &Design, init: &Init) -> Sequential {
    resnet(Bottleneck(Middle), [3, 8, 36, 3], d, init)
}
/// 50 layers as published: stride on the 1×1.
pub fn resnet50_v1(d: &Design, init: &Init) -> Sequential {
    resnet(Bottleneck(First), [3, 4, 6, 3], d, init)
}
/// 101 layers as published: stride on the 1×1.
pub fn resnet101_v1(d: &Design, init: &Init) -> Sequential {
    resnet(Bottleneck(First), [3, 4, 23, 3], d, init)
}
/// 152 layers as published: stride on the 1×1.
pub fn resnet152_v1(d: &Design, init: &Init) -> Sequential {
    resnet(Bottleneck(First), [3, 8, 36, 3], d, init)
}

fn resnet(block: Block, blocks: [usize; 4], d: &Design, init: &Init) -> Sequential {
    let mut net = Sequential::new(d.input, init)
        .add_named("conv1", conv(d.channels(64), 7, 2)) // [64, 112, 112]
        .add_named("bn1", batch_norm())
        .add(relu())
        .add(max_pool2d_with(Pool::new(3).stride(2).padding(1))); // [64, 56, 56]
    for (stage, (blocks, channels)) in blocks.into_iter().zip([64, 128, 256, 512]).enumerate() {
        let stride = if stage == 0 { 1 } else { 2 };
        let name = format!("layer{}", stage + 1);
        let channels = d.channels(channels);
        net = net.add_named(&name, sequential(move |p| layer(p, block, blocks, channels, stride)));
    }
    net.add(global_mean_pool2d()).add_named("fc", dense(d.classes))
}

/// Blocks of one size; the first one takes the stride.
fn layer(
    mut path: Sequential,
    block: Block,
    blocks: usize,
    channels: usize,
    stride: usize,
) -> Sequential {
    for i in 0..blocks {
        let stride = if i == 0 { stride } else { 1 };
        let out = if block == Basic { channels } else { 4 * channels };
        let mut residue = residual(move |p| match block {
            Basic => basic(p, channels, stride),
            Bottleneck(first) => bottleneck(p, channels, stride, first),
        })
        .activation(relu());
        if stride != 1 || path.output_shape()[0] != out {
            residue = residue.projection(move |p| {
                p.add_named("conv", conv(out, 1, stride)).add_named("bn", batch_norm())
            });
        }
        path = path.add_named(&i.to_string(), residue);
    }
    path
}

fn basic(path: Sequential, channels: usize, stride: usize) -> Sequential {
    path.add_named("conv1", conv(channels, 3, stride))
        .add_named("bn1", batch_norm())
        .add(relu())
        .add_named("conv2", conv(channels, 3, 1))
        .add_named("bn2", batch_norm())
}

fn bottleneck(path: Sequential, channels: usize, stride: usize, on: Stride) -> Sequential {
    let (first, middle) = if on == First { (stride, 1) } else { (1, stride) };
    path.add_named("conv1", conv(channels, 1, first))
        .add_named("bn1", batch_norm())
        .add(relu())
        .add_named("conv2", conv(channels, 3, middle))
        .add_named("bn2", batch_norm())
        .add(relu())
        .add_named("conv3", conv(4 * channels, 1, 1))
        .add_named("bn3", batch_norm())
}

/// Without bias: the normalisation after it has one.
fn conv(channels: usize, kernel: usize, stride: usize) -> Conv2dConfig {
    let conv = conv2d(channels, kernel).stride(stride).pad(kernel / 2);
    conv.bias(false).init(Initializer::HeNormal)
}
