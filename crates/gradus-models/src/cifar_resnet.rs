//! Residual and plain networks for CIFAR-10.   He, Zhang, Ren & Sun 2015, arXiv:1512.03385 §4.2

use crate::{Design, ShortcutPadding};
use gradus_nn::layers::*;
use gradus_nn::{Config, Context, Init, Initializer, Layer, Module, Sequential, Spec, Visitor};
use gradus_tensor::{Padding, Tensor};
use std::sync::Arc;

/// How x reaches the sum where the block halves the picture and doubles the channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shortcut {
    /// There is none anywhere: a plain network.
    Plain,
    /// Option A: every second pixel, the new channels zero, where [`Design::shortcut_padding`] says. No parameters.
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
        let pad = PadChannels { channels, stride, padding: d.shortcut_padding };
        let layer = sequential(move |p| layer(p, shortcut, blocks, pad, padding));
        net = net.add_named(&name, layer);
    }
    net.add(global_mean_pool2d()).add_named("fc", dense(d.classes).init(Initializer::HeNormal))
}

fn layer(
    mut path: Sequential,
    shortcut: Shortcut,
    blocks: usize,
    pad: PadChannels,
    padding: Padding,
) -> Sequential {
    let PadChannels { channels, stride, .. } = pad;
    for i in 0..blocks {
        let stride = if i == 0 { stride } else { 1 };
        let same = stride == 1 && path.output_shape()[0] == channels;
        let block = move |p| two(p, channels, stride, padding);
        let name = i.to_string();
        path = match shortcut {
            Shortcut::Plain => path.add_named(&name, sequential(move |p| block(p).add(relu()))),
            _ if same => path.add_named(&name, residual(block).activation(relu())),
            Shortcut::Identity => {
                let skip = move |p: Sequential| p.add_named("pad", PadChannels { stride, ..pad });
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
    padding: ShortcutPadding,
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
        let more = self.channels - x.shape()[1];
        let before = match self.padding {
            ShortcutPadding::Behind => 0,
            ShortcutPadding::BothSides => more / 2,
        };
        every(&every(x, 2), 3).pad(1, before, more - before) // [B, channels, H/s, W/s]
    }
    fn describe(&self) -> String {
        let padding = match self.padding {
            ShortcutPadding::Behind => "",
            ShortcutPadding::BothSides => ", both sides",
        };
        format!("PadChannels({}/{}{padding})", self.channels, self.stride)
    }
    fn window(&self) -> Option<[(usize, usize, usize); 2]> {
        Some([(1, self.stride, 1); 2])
    }
}
impl Config for PadChannels {
    fn name(&self) -> &'static str {
        "pad_channels"
    }
    fn build(self: Box<Self>, _: Spec, _: &Init) -> Arc<dyn Layer> {
        Arc::new(*self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition, element by element: [1, 2, 4, 4] becomes [1, 5, 2, 2], of whose three zero channels one is before.
    #[test]
    fn zeros_lie_where_the_design_says() {
        let x: Vec<f32> = (1..=32).map(|i| i as f32).collect();
        let x = Tensor::from_slice(&x, [1, 2, 4, 4]);
        let kept = [[1.0, 3.0, 9.0, 11.0], [17.0, 19.0, 25.0, 27.0]].concat();
        for (padding, before) in [(ShortcutPadding::Behind, 0), (ShortcutPadding::BothSides, 1)] {
            let pad = PadChannels { channels: 5, stride: 2, padding };
            let y = pad.forward(&x, &Context::eval());
            let mut expected = vec![0.0f32; 20];
            expected[4 * before..][..8].copy_from_slice(&kept);
            assert_eq!((&*y.shape(), y.to_vec::<f32>()), (&[1, 5, 2, 2][..], expected));
        }
    }

    /// The same weights are two networks, and without option A they are one.
    #[test]
    fn the_padding_is_the_networks() {
        let x: Vec<f32> = (0..3 * 32 * 32).map(|i| (i as f32 * 0.1).sin()).collect();
        let x = Tensor::from_slice(&x, [1, 3, 32, 32]);
        let same = |shortcut: Shortcut| {
            let [a, b] = ShortcutPadding::ALL.map(|padding| {
                let design = Design::new([3, 32, 32], 10).width(0.25).shortcut_padding(padding);
                let model = cifar_resnet(8, shortcut, &design, &Init::new(1));
                gradus_nn::Layer::forward(&model, &x, &Context::eval()).to_vec::<f32>()
            });
            a == b
        };
        assert!(!same(Shortcut::Identity));
        assert!(same(Shortcut::Projection) && same(Shortcut::Plain));
    }
}
