//! What other programs call the layers of the zoo's networks.

use std::borrow::Cow;

/// The names that a file's layer may have in the zoo, its own first.
///
/// ```
/// use gradus_models::import::names::candidates;
/// assert!(candidates("layer1.0.downsample.0").any(|name| name == "layer1.0.projection.conv"));
/// assert!(candidates("block_3_expand_BN").any(|name| name == "block4.block.expand_bn"));
/// assert!(candidates("conv3_block1_0_bn").any(|name| name == "layer2.0.projection.bn"));
/// assert!(candidates("block2_conv1").any(|name| name == "conv2_1"));
/// ```
pub fn candidates(name: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let last = name.rsplit('.').next().unwrap_or(name);
    let known = residual(name)
        .into_iter()
        .chain(keras_resnet(last))
        .chain(squeezenet(name))
        .chain(googlenet(name))
        .chain(vgg(name))
        .chain(mobilenet(last).into_iter().flatten());
    [Cow::Borrowed(name)]
        .into_iter()
        .chain(known.map(Cow::Owned))
        // Keras repeats a layer's name as a group, and puts those of a model inside another below it.
        .chain([Cow::Borrowed(last)])
}

/// Whether a layer belongs to a head that only training uses.
pub fn is_auxiliary(name: &str) -> bool {
    name.split('.').next().is_some_and(|first| {
        first.strip_prefix("aux").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()))
    })
}

/// torchvision's and timm's residual blocks: `layer1.0.conv1`, `layer1.0.downsample.0`.
fn residual(name: &str) -> Option<String> {
    let rest = name.strip_prefix("layer")?;
    let (stage, rest) = rest.split_once('.')?;
    let (block, layer) = rest.split_once('.')?;
    Some(match layer {
        "downsample.0" => format!("layer{stage}.{block}.projection.conv"),
        "downsample.1" => format!("layer{stage}.{block}.projection.bn"),
        layer => format!("layer{stage}.{block}.block.{layer}"),
    })
}

/// Keras's ResNet-50, -101 and -152: `conv1_bn`, `conv2_block1_0_conv` (a projection), `conv5_block3_3_bn`.
fn keras_resnet(last: &str) -> Option<String> {
    match last {
        "conv1_conv" => return Some("conv1".into()),
        "conv1_bn" => return Some("bn1".into()),
        _ => {}
    }
    let KerasBlock { stage, block, place, kind } = KerasBlock::of(last)?;
    Some(match place {
        0 => format!("layer{stage}.{block}.projection.{kind}"),
        place => format!("layer{stage}.{block}.block.{kind}{place}"),
    })
}

/// A layer of a block of Keras's ResNets, counted as in the zoo.
#[derive(Clone, Copy)]
pub(super) struct KerasBlock<'n> {
    /// From 1.
    pub(super) stage: usize,
    /// From 0.
    pub(super) block: usize,
    /// From 1; 0 is the projection.
    pub(super) place: usize,
    /// `conv` or `bn`.
    pub(super) kind: &'n str,
}

impl KerasBlock<'_> {
    /// The block of `conv3_block1_2_bn`.
    pub(super) fn of(last: &str) -> Option<KerasBlock<'_>> {
        let (stage, rest) = last.strip_prefix("conv")?.split_once("_block")?;
        let [block, place, kind] = rest.split('_').collect::<Vec<_>>().try_into().ok()?;
        let stage = stage.parse::<usize>().ok()?.checked_sub(1)?;
        let block = block.parse::<usize>().ok()?.checked_sub(1)?;
        let place = place.parse().ok().filter(|place| *place <= 3)?;
        ["conv", "bn"].contains(&kind).then_some(KerasBlock { stage, block, place, kind })
    }
}

/// torchvision's GoogLeNet: `conv1.bn`, `inception3a.branch2.0.conv`, `aux1.conv.bn`, `aux1.fc1`.
fn googlenet(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('.').collect();
    let layer = |place: String, kind: &str| match kind {
        "conv" => Some(place),
        "bn" => Some(place + "_bn"),
        _ => None,
    };
    match parts[..] {
        [stem, kind] if stem.starts_with("conv") => layer(stem.into(), kind),
        [head, "conv", kind] if is_auxiliary(head) => layer(format!("{head}.head.conv"), kind),
        [head, fc] if is_auxiliary(head) => Some(format!("{head}.head.{fc}")),
        [module, branch, ref rest @ .., kind] if module.starts_with("inception") => {
            let path = branch.strip_prefix("branch")?;
            let place = match (path, rest) {
                ("1", []) => "conv",
                ("4", ["1"]) => "project",
                (_, ["0"]) => "reduce",
                (_, ["1"]) => "conv",
                _ => return None,
            };
            layer(format!("{module}.path{path}.{place}"), kind)
        }
        _ => None,
    }
}

/// The original's and Keras's fire modules: `fire2/squeeze1x1`, `fire2/expand3x3`.
fn squeezenet(name: &str) -> Option<String> {
    let (fire, layer) = name.split_once('.')?;
    fire.strip_prefix("fire")?;
    Some(match layer {
        "squeeze1x1" => format!("{fire}.squeeze"),
        "expand1x1" | "expand3x3" => format!("{fire}.expand.{}.conv", &layer["expand".len()..]),
        _ => return None,
    })
}

/// Keras's VGG: `block1_conv1`, `fc1`, `predictions`; and as a stack of unnamed layers, `block1/layers/conv2d_1`.
fn vgg(name: &str) -> Option<String> {
    let last = name.rsplit('.').next()?;
    match last {
        "fc1" => return Some("fc6".into()),
        "fc2" => return Some("fc7".into()),
        "predictions" => return Some("fc8".into()),
        _ => {}
    }
    if let Some((stage, layer)) =
        name.strip_prefix("block").and_then(|n| n.split_once(".layers.conv2d"))
    {
        let number: usize = match layer {
            "" => 0,
            layer => layer.strip_prefix('_')?.parse().ok()?,
        };
        return Some(format!("conv{stage}_{}", number + 1));
    }
    let (stage, layer) = last.strip_prefix("block")?.split_once("_conv")?;
    Some(format!("conv{stage}_{layer}"))
}

/// Keras's MobileNetV2: `Conv1`, `expanded_conv_project`, `block_1_expand_BN`, `Conv_1_bn`; a head called dense or predictions.
fn mobilenet(last: &str) -> Option<Vec<String>> {
    let single = |name: &str| Some(vec![name.to_owned()]);
    match last {
        "Conv1" => return single("conv1"),
        "bn_Conv1" => return single("conv1_bn"),
        "Conv_1" => return single("conv2"),
        "Conv_1_bn" => return single("conv2_bn"),
        "Logits" | "predictions" | "dense" => return single("fc"),
        _ => {}
    }
    let (number, layer) = match last.strip_prefix("expanded_conv_") {
        Some(layer) => (1, layer),
        None => {
            let (number, layer) = last.strip_prefix("block_")?.split_once('_')?;
            (number.parse::<usize>().ok()?.checked_add(1)?, layer)
        }
    };
    let layer = match layer.strip_suffix("_BN") {
        Some(conv) => format!("{conv}_bn"),
        None => layer.to_owned(),
    };
    // Blocks that add their input have their layers one level deeper.
    Some(vec![format!("block{number}.{layer}"), format!("block{number}.block.{layer}")])
}
