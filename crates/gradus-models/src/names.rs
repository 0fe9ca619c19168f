//! What other libraries call the parameters of the zoo's networks, and how they lay them out.
//!
//! ```
//! use gradus_models::{Library, find, names};
//! use gradus_nn::Init;
//! let entry = find("resnet50").unwrap();
//! let model = (entry.build)(&entry.design(), &Init::blank());
//! let all = names("resnet50", Library::Torchvision, &model).unwrap();
//! let name = all.iter().find(|n| n.theirs == "layer1.0.downsample.1.running_var").unwrap();
//! assert_eq!(name.ours, "layer1.0.projection.bn.running_var");
//! ```

use gradus_nn::{Sequential, State, named_states};

/// A library whose weights people hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// torchvision's models: `layer1.0.conv1.weight`.
    Torchvision,
    /// timm's models.
    Timm,
    /// Keras' applications: `conv2_block1_1_conv/kernel`.
    Keras,
}

/// How a weight lies in a library, compared with ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// As ours.
    Same,
    /// A dense layer's `[out, in]`; ours is `[in, out]`.
    Transposed,
    /// A dense layer as a convolution over its whole input, `[out, C, H, W]`; ours is `[C·H·W, out]`.
    Convolution,
    /// A convolution's `[H, W, in, out]`; ours is `[out, in, H, W]`.
    ChannelsLast,
    /// A depthwise convolution's `[H, W, C, 1]`; ours is `[C, 1, H, W]`.
    Depthwise,
    /// A dense layer's `[H·W·C, out]` after channels-last pictures of C channels; ours is `[C·H·W, out]`.
    DenseOfChannelsLast(usize),
    /// A convolution's bias before a normalisation, where we have none: to be subtracted from our running mean.
    BiasBeforeNorm,
}

/// A parameter or a running statistic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Its path in our model.
    pub ours: String,
    /// Its name there.
    pub theirs: String,
    /// How it lies there.
    pub layout: Layout,
}

/// Every parameter and running statistic of a zoo network with its name in a library; `None` if that library has no such
/// network.
pub fn names(network: &str, library: Library, model: &Sequential) -> Option<Vec<Name>> {
    use Library::*;
    type Rule = fn(&Sequential, &str) -> Option<String>;
    let rule: Rule = match (network, library) {
        ("alexnet_owt" | "squeezenet", Torchvision) => position,
        (vgg, Torchvision) if vgg.starts_with("vgg") => position,
        (vgg, Timm) if vgg.starts_with("vgg") => vgg_of_timm,
        ("vgg16" | "vgg19", Keras) => vgg_of_keras,
        ("googlenet_bn" | "googlenet_bn_aux", Torchvision) => googlenet,
        ("resnet18" | "resnet34" | "resnet50" | "resnet101" | "resnet152", Torchvision | Timm) => {
            resnet
        }
        ("resnet50_v1" | "resnet101_v1" | "resnet152_v1", Keras) => resnet_of_keras,
        ("mobilenet_v2", Torchvision) => mobilenet,
        ("mobilenet_v2", Timm) => mobilenet_of_timm,
        ("mobilenet_v2_keras", Keras) => mobilenet_of_keras,
        ("squeezenet_keras", Keras) => squeezenet_of_keras,
        _ => return None,
    };
    let mut all = vec![];
    for (ours, state) in named_states(model) {
        let shape = match state {
            State::Parameter(p) => p.variable().shape(),
            State::Buffer(v) => v.shape(),
            State::Child(_) => unreachable!("children are walked"),
        };
        let (layer, leaf) = ours.rsplit_once('.').expect("a layer and its parameter");
        let theirs = rule(model, layer)?;
        let biased = library == Keras && network.starts_with("resnet") && leaf == "running_mean";
        if biased {
            let theirs = format!("{}/bias", theirs.replace("_bn", "_conv"));
            all.push(Name { ours: ours.clone(), theirs, layout: Layout::BiasBeforeNorm });
        }
        let (theirs, layout) = match library {
            Keras => keras_leaf(model, &theirs, leaf, &shape),
            _ => (format!("{theirs}.{leaf}"), torch_layout(&theirs, &shape)),
        };
        all.push(Name { ours, theirs, layout });
    }
    Some(all)
}

fn torch_layout(layer: &str, shape: &[usize]) -> Layout {
    match shape.len() {
        2 if layer.starts_with("pre_logits") => Layout::Convolution,
        2 => Layout::Transposed,
        _ => Layout::Same,
    }
}

fn keras_leaf(model: &Sequential, layer: &str, leaf: &str, shape: &[usize]) -> (String, Layout) {
    let norm = layer.contains("bn") || layer.ends_with("BN");
    let (name, layout) = match (leaf, shape.len()) {
        ("weight", 4) if layer.ends_with("depthwise") => ("depthwise_kernel", Layout::Depthwise),
        ("weight", 4) => ("kernel", Layout::ChannelsLast),
        ("weight", 2) if layer == "fc1" => ("kernel", Layout::DenseOfChannelsLast(channels(model))),
        ("weight", _) if !norm => ("kernel", Layout::Same),
        ("weight", _) => ("gamma", Layout::Same),
        ("bias", _) if norm => ("beta", Layout::Same),
        ("running_mean", _) => ("moving_mean", Layout::Same),
        ("running_var", _) => ("moving_variance", Layout::Same),
        (leaf, _) => (leaf, Layout::Same),
    };
    (format!("{layer}/{name}"), layout)
}

/// Of the last convolution.
fn channels(model: &Sequential) -> usize {
    let last = named_states(model).into_iter().rev().find_map(|(_, state)| match state {
        State::Parameter(p) if p.variable().shape().rank() == 4 => Some(p.variable().shape()[0]),
        _ => None,
    });
    last.expect("a convolutional network")
}

/// torchvision numbers the layers of AlexNet, VGG and SqueezeNet: `features.0`, `classifier.6`.
fn position(model: &Sequential, layer: &str) -> Option<String> {
    let (top, rest) = layer.split_once('.').map_or((layer, ""), |(top, rest)| (top, rest));
    let place = |name: &str| model.layers().iter().position(|(n, _)| n == name);
    let (at, flatten) = (place(top)?, place("flatten1"));
    // SqueezeNet has none; its classifier begins with dropout.
    let end = flatten.or(place("dropout1"))?;
    if at < end {
        let rest = match rest.strip_prefix("expand.") {
            Some(path) => format!(".expand{}", path.trim_end_matches(".conv")),
            None if rest.is_empty() => String::new(),
            None => format!(".{rest}"),
        };
        return Some(format!("features.{at}{rest}"));
    }
    Some(format!("classifier.{}", at - end - usize::from(flatten.is_some())))
}

fn vgg_of_timm(model: &Sequential, layer: &str) -> Option<String> {
    Some(match layer {
        "fc6" => "pre_logits.fc1".into(),
        "fc7" => "pre_logits.fc2".into(),
        "fc8" => "head.fc".into(),
        layer => position(model, layer)?,
    })
}

fn vgg_of_keras(_: &Sequential, layer: &str) -> Option<String> {
    Some(match layer {
        "fc6" => "fc1".into(),
        "fc7" => "fc2".into(),
        "fc8" => "predictions".into(),
        conv => {
            let (stage, number) = conv.strip_prefix("conv")?.split_once('_')?;
            format!("block{stage}_conv{number}")
        }
    })
}

fn resnet(_: &Sequential, layer: &str) -> Option<String> {
    let layer = layer.replace(".block.", ".");
    Some(
        layer
            .replace(".projection.conv", ".downsample.0")
            .replace(".projection.bn", ".downsample.1"),
    )
}

fn resnet_of_keras(_: &Sequential, layer: &str) -> Option<String> {
    Some(match layer {
        "conv1" => "conv1_conv".into(),
        "bn1" => "conv1_bn".into(),
        "fc" => "predictions".into(),
        layer => {
            let parts: Vec<&str> = layer.split('.').collect();
            let [stage, block, path, last] = parts[..] else { return None };
            let stage: usize = stage.strip_prefix("layer")?.parse().ok()?;
            let block: usize = block.parse().ok()?;
            let kind = if last.starts_with("bn") { "bn" } else { "conv" };
            let number = if path == "projection" { "0" } else { &last[last.len() - 1..] };
            format!("conv{}_block{}_{number}_{kind}", stage + 1, block + 1)
        }
    })
}

fn googlenet(_: &Sequential, layer: &str) -> Option<String> {
    // One layer of ours is torchvision's .conv, its normalisation its .bn.
    let (layer, kind) = match layer.strip_suffix("_bn") {
        Some(layer) => (layer, "bn"),
        None => (layer, "conv"),
    };
    let parts: Vec<&str> = layer.split('.').collect();
    Some(match parts[..] {
        ["fc"] => "fc".into(),
        [stem] => format!("{stem}.{kind}"),
        [aux, "head", "conv"] => format!("{aux}.conv.{kind}"),
        [aux, "head", fc] => format!("{aux}.{fc}"),
        [module, path, last] => {
            let branch = path.replace("path", "branch");
            let number = match (path, last) {
                ("path1", _) => "",
                (_, "reduce") => ".0",
                _ => ".1",
            };
            format!("{module}.{branch}{number}.{kind}")
        }
        _ => return None,
    })
}

/// (number from 1, layer) of `block3.block.expand`; the last is what the block calls it.
fn of_block(layer: &str) -> Option<(usize, &str)> {
    let (block, rest) = layer.strip_prefix("block")?.split_once('.')?;
    Some((block.parse().ok()?, rest.strip_prefix("block.").unwrap_or(rest)))
}

fn mobilenet(_: &Sequential, layer: &str) -> Option<String> {
    let outside = match layer {
        "conv1" => "features.0.0",
        "conv1_bn" => "features.0.1",
        "conv2" => "features.18.0",
        "conv2_bn" => "features.18.1",
        "fc" => "classifier.1",
        _ => "",
    };
    if !outside.is_empty() {
        return Some(outside.into());
    }
    let (number, layer) = of_block(layer)?;
    let before = if number == 1 { 0 } else { 1 }; // the first does not expand
    let place = match layer {
        "expand" => "0.0".to_owned(),
        "expand_bn" => "0.1".to_owned(),
        "depthwise" => format!("{before}.0"),
        "depthwise_bn" => format!("{before}.1"),
        "project" => (before + 1).to_string(),
        "project_bn" => (before + 2).to_string(),
        _ => return None,
    };
    Some(format!("features.{number}.conv.{place}"))
}

fn mobilenet_of_timm(_: &Sequential, layer: &str) -> Option<String> {
    let outside = match layer {
        "conv1" => "conv_stem",
        "conv1_bn" => "bn1",
        "conv2" => "conv_head",
        "conv2_bn" => "bn2",
        "fc" => "classifier",
        _ => "",
    };
    if !outside.is_empty() {
        return Some(outside.into());
    }
    let (number, layer) = of_block(layer)?;
    let (mut stage, mut rest) = (0, number - 1);
    for blocks in [1, 2, 3, 4, 3, 3, 1] {
        if rest < blocks {
            break;
        }
        (stage, rest) = (stage + 1, rest - blocks);
    }
    let last = match (number, layer) {
        (1, "depthwise") => "conv_dw",
        (1, "depthwise_bn") => "bn1",
        (1, "project") => "conv_pw",
        (1, "project_bn") => "bn2",
        (_, "expand") => "conv_pw",
        (_, "expand_bn") => "bn1",
        (_, "depthwise") => "conv_dw",
        (_, "depthwise_bn") => "bn2",
        (_, "project") => "conv_pwl",
        (_, "project_bn") => "bn3",
        _ => return None,
    };
    Some(format!("blocks.{stage}.{rest}.{last}"))
}

fn mobilenet_of_keras(_: &Sequential, layer: &str) -> Option<String> {
    let outside = match layer {
        "conv1" => "Conv1",
        "conv1_bn" => "bn_Conv1",
        "conv2" => "Conv_1",
        "conv2_bn" => "Conv_1_bn",
        "fc" => "predictions",
        _ => "",
    };
    if !outside.is_empty() {
        return Some(outside.into());
    }
    let (number, layer) = of_block(layer)?;
    let block = match number {
        1 => "expanded_conv".to_owned(),
        number => format!("block_{}", number - 1),
    };
    Some(format!("{block}_{}", layer.replace("_bn", "_BN")))
}

fn squeezenet_of_keras(_: &Sequential, layer: &str) -> Option<String> {
    let Some((fire, rest)) = layer.split_once('.') else { return Some(layer.into()) };
    Some(match rest.strip_prefix("expand.") {
        Some(path) => format!("{fire}/expand{}", path.trim_end_matches(".conv")),
        None => format!("{fire}/squeeze1x1"),
    })
}
