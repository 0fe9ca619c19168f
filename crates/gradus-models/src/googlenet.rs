//! GoogLeNet, Inception v1.   Szegedy et al. 2014, arXiv:1409.4842

use crate::Design;
use gradus_nn::layers::*;
use gradus_nn::{Init, Initializer, Sequential};
use gradus_tensor::{LocalResponse, Pool};

/// Table 1: #1×1, #3×3 reduce, #3×3, #5×5 reduce, #5×5, pool proj.
const TABLE: [(&str, [usize; 6]); 9] = [
    ("inception3a", [64, 96, 128, 16, 32, 32]),
    ("inception3b", [128, 128, 192, 32, 96, 64]),
    ("inception4a", [192, 96, 208, 16, 48, 64]),
    ("inception4b", [160, 112, 224, 24, 64, 64]),
    ("inception4c", [128, 128, 256, 24, 64, 64]),
    ("inception4d", [112, 144, 288, 32, 64, 64]),
    ("inception4e", [256, 160, 320, 32, 128, 128]),
    ("inception5a", [256, 160, 320, 32, 128, 128]),
    ("inception5b", [384, 192, 384, 48, 128, 128]),
];

/// What differs between the published network and the one torchvision has weights for.
#[derive(Clone, Copy, PartialEq)]
enum Version {
    /// 5×5 branches, biases, response normalisation.
    Published,
    /// 3×3 in place of 5×5, batch normalisation instead of biases and of response normalisation.
    Normalized,
}
use Version::{Normalized, Published};

/// The published network without its auxiliary heads: 6,998,552 parameters.
pub fn googlenet(d: &Design, init: &Init) -> Sequential {
    full(Published, false, d, init)
}
/// With the two auxiliary heads that help it train: 13,378,280 parameters.
pub fn googlenet_aux(d: &Design, init: &Init) -> Sequential {
    full(Published, true, d, init)
}
/// With batch normalisation and 3×3 in place of 5×5, torchvision's `googlenet`: 6,624,904 parameters.
pub fn googlenet_bn(d: &Design, init: &Init) -> Sequential {
    full(Normalized, false, d, init)
}
/// torchvision's `googlenet` with its auxiliary heads: 13,004,888 parameters.
pub fn googlenet_bn_aux(d: &Design, init: &Init) -> Sequential {
    full(Normalized, true, d, init)
}

/// GoogLeNet with batch normalisation for pictures of 28×28: its first layer is a 3×3 that keeps the size, and the first
/// pool is left out. Everything else is published.
pub fn inception_mini(d: &Design, init: &Init) -> Sequential {
    let conv1 = Normalized.conv(d.channels(64), 3);
    let net = Normalized.add(Sequential::new(d.input, init), "conv1", conv1); // [64, 28, 28]
    after_conv1(net, Normalized, false, d)
}

fn full(version: Version, aux: bool, d: &Design, init: &Init) -> Sequential {
    let conv1 = version.conv(d.channels(64), 7).stride(2);
    let net = version.add(Sequential::new(d.input, init), "conv1", conv1); // [64, 112, 112]
    let net = version.response(net.add(pool(3))); // [64, 56, 56]
    after_conv1(net, version, aux, d)
}

fn after_conv1(net: Sequential, version: Version, aux: bool, d: &Design) -> Sequential {
    let net = version.add(net, "conv2", version.conv(d.channels(64), 1));
    let net = version.add(net, "conv3", version.conv(d.channels(192), 3)); // [192, 56, 56]
    let net = version.response(net).add(pool(3)); // [192, 28, 28]
    let drop = if version == Published { 0.4 } else { 0.2 };
    inceptions(net, version, aux, d)
        .add(global_mean_pool2d())
        .add(dropout(d.drop(drop)))
        .add_named("fc", dense(d.classes))
}

/// Of stride 2, rounding up.
fn pool(size: usize) -> Pooling {
    max_pool2d_with(Pool::new(size).stride(2).ceil())
}

/// The nine modules, with a pool after 3b and after 4e and heads on 4a and 4d.
fn inceptions(mut net: Sequential, version: Version, aux: bool, d: &Design) -> Sequential {
    for (name, row) in TABLE {
        let row = row.map(|n| d.channels(n));
        net = net.add_named(name, module(version, row));
        if aux && (name == "inception4a" || name == "inception4d") {
            let (d, number) = (d.clone(), if name == "inception4a" { 1 } else { 2 });
            let head = auxiliary(0.3, move |p| head(p, version, &d));
            net = net.add_named(&format!("aux{number}"), head);
        }
        if name == "inception3b" {
            net = net.add(pool(3)); // [480, 14, 14]
        }
        if name == "inception4e" {
            net = net.add(pool(if version == Published { 3 } else { 2 })); // [832, 7, 7]
        }
    }
    net
}

/// Figure 2(b).
fn module(version: Version, row: [usize; 6]) -> ConcatConfig {
    let [one, reduce3, three, reduce5, five, project] = row;
    let large = if version == Published { 5 } else { 3 };
    let v = version;
    concat()
        .path(move |p| v.add(p, "conv", v.conv(one, 1)))
        .path(move |p| {
            let p = v.add(p, "reduce", v.conv(reduce3, 1));
            v.add(p, "conv", v.conv(three, 3))
        })
        .path(move |p| {
            let p = v.add(p, "reduce", v.conv(reduce5, 1));
            v.add(p, "conv", v.conv(five, large))
        })
        .path(move |p| {
            let p = p.add(max_pool2d_with(Pool::new(3).stride(1).padding(1)));
            v.add(p, "project", v.conv(project, 1))
        })
}

/// §5: 5×5 mean pool of stride 3 (torchvision: to 4×4), 128 1×1, 1024 units, 70 % dropout.
fn head(path: Sequential, version: Version, d: &Design) -> Sequential {
    let path = match version {
        Published => path.add(mean_pool2d_with(Pool::new(5).stride(3))),
        Normalized => path.add(adaptive_mean_pool2d(4, 4)),
    }; // [512, 4, 4]
    version
        .add(path, "conv", version.conv(d.channels(128), 1))
        .add(flatten())
        .add_named("fc1", dense(d.channels(1024)))
        .add(relu())
        .add(dropout(d.drop(0.7)))
        .add_named("fc2", dense(d.classes))
}

impl Version {
    fn conv(self, channels: usize, kernel: usize) -> Conv2dConfig {
        let conv = conv2d(channels, kernel).pad(kernel / 2);
        match self {
            Published => conv.init(Initializer::GlorotUniform).bias_init(0.2),
            Normalized => conv.init(Initializer::HeNormal).bias(false),
        }
    }

    /// As Caffe's model has it.
    fn response(self, net: Sequential) -> Sequential {
        match self {
            Published => net.add(local_response_norm(LocalResponse::of_mean(5, 1e-4, 0.75, 1.0))),
            Normalized => net,
        }
    }

    /// A convolution, its normalisation if there is one, ReLU.
    fn add(self, net: Sequential, name: &str, conv: Conv2dConfig) -> Sequential {
        let net = net.add_named(name, conv);
        match self {
            Published => net.add(relu()),
            Normalized => net.add_named(&format!("{name}_bn"), batch_norm().eps(1e-3)).add(relu()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_nn::{Context, Layer};
    use gradus_tensor::Tensor;

    /// §5: the heads' losses count 0.3 times, while training alone.
    #[test]
    fn two_heads_are_asked_while_training() {
        let design = Design { width: 0.125, ..Design::new([3, 224, 224], 7) };
        let x = Tensor::ones([2, 3, 224, 224]);
        for build in [googlenet_aux, googlenet_bn_aux] {
            let model = build(&design, &Init::blank());
            let cx = Context::train(&Tensor::from([0i64, 0]));
            model.forward(&x, &cx);
            let heads: Vec<_> = cx
                .take_auxiliary()
                .iter()
                .map(|(y, weight)| (y.shape().to_vec(), *weight))
                .collect();
            assert_eq!(heads, [(vec![2, 7], 0.3), (vec![2, 7], 0.3)]);
            let cx = Context::eval();
            model.forward(&x, &cx);
            assert!(cx.take_auxiliary().is_empty());
        }
    }
}
