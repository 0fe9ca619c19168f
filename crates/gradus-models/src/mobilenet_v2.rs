//! MobileNetV2.   Sandler, Howard, Zhu, Zhmoginov & Chen 2018, arXiv:1801.04381 table 2

use crate::Design;
use gradus_nn::layers::*;
use gradus_nn::{Init, Initializer, Sequential};
use gradus_tensor::Padding;

/// Expansion t, channels c, repetitions n, stride s of the first.
const TABLE: [(usize, usize, usize, usize); 7] = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];

/// 3,504,872 parameters, as torchvision has it.
pub fn mobilenet_v2(d: &Design, init: &Init) -> Sequential {
    build(Version { padding: Padding::Half, eps: 1e-5, whole: false }, d, init)
}

/// The same as Keras has it: layers with stride padded below and right, ε = 0.001.
pub fn mobilenet_v2_keras(d: &Design, init: &Init) -> Sequential {
    build(Version { padding: Padding::Same, eps: 1e-3, whole: false }, d, init)
}

/// The same for small pictures, as it is trained on CIFAR: neither its first convolution nor its second stage halves them, so that 32×32 pixels become 4×4
/// and not one. As many parameters: 2,236,682 for ten classes.
pub fn mobilenet_v2_cifar(d: &Design, init: &Init) -> Sequential {
    build(Version { padding: Padding::Half, eps: 1e-5, whole: true }, d, init)
}

#[derive(Clone, Copy)]
struct Version {
    padding: Padding,
    eps: f64,
    /// Whether pictures stay whole until the third stage.
    whole: bool,
}

fn build(v: Version, d: &Design, init: &Init) -> Sequential {
    let net = Sequential::new(d.input, init);
    let mut net = v.add(net, "conv1", v.conv(channels(32, d), 3).stride(v.early())).add(relu6());
    let mut number = 0;
    for (stage, (t, c, n, s)) in TABLE.into_iter().enumerate() {
        let s = if stage == 1 { v.early() } else { s };
        for i in 0..n {
            number += 1;
            let [inputs, out] = [net.output_shape()[0], channels(c, d)];
            let stride = if i == 0 { s } else { 1 };
            let block = move |p| bottleneck(p, v, t * inputs, t > 1, out, stride);
            let name = format!("block{number}");
            net = match stride == 1 && inputs == out {
                true => net.add_named(&name, residual(block)),
                false => net.add_named(&name, sequential(block)),
            };
        }
    }
    // A narrower network keeps its 1,280 features.
    let last = if d.width > 1.0 { channels(1280, d) } else { 1280 };
    v.add(net, "conv2", v.conv(last, 1)) // [1280, 7, 7]
        .add(relu6())
        .add(global_mean_pool2d())
        .add(dropout(d.drop(0.2)))
        .add_named("fc", dense(d.classes).init(Initializer::Normal(0.01)))
}

/// Table 1: 1×1 to t times the channels, depthwise 3×3, 1×1 without an activation.
fn bottleneck(
    path: Sequential,
    v: Version,
    hidden: usize,
    expands: bool,
    out: usize,
    stride: usize,
) -> Sequential {
    let path = match expands {
        true => v.add(path, "expand", v.conv(hidden, 1)).add(relu6()),
        false => path,
    };
    let depthwise = v.conv(hidden, 3).stride(stride).groups(hidden);
    let path = v.add(path, "depthwise", depthwise).add(relu6());
    v.add(path, "project", v.conv(out, 1))
}

impl Version {
    /// The stride of the first convolution and of the second stage.
    fn early(self) -> usize {
        if self.whole { 1 } else { 2 }
    }
    fn conv(self, channels: usize, kernel: usize) -> Conv2dConfig {
        conv2d(channels, kernel).padding(self.padding).bias(false).init(Initializer::HeNormal)
    }
    fn add(self, net: Sequential, name: &str, conv: Conv2dConfig) -> Sequential {
        net.add_named(name, conv).add_named(&format!("{name}_bn"), batch_norm().eps(self.eps))
    }
}

/// Multiples of 8, at most a tenth less than asked for.
fn channels(published: usize, d: &Design) -> usize {
    let wanted = published as f64 * d.width;
    let near = ((wanted / 8.0 + 0.5) as usize * 8).max(8);
    if (near as f64) < 0.9 * wanted { near + 8 } else { near }
}
