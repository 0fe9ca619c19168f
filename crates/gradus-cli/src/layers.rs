//! The layers of a network by their paths: which belong together, how fast they learn, and from when on.
//! Yosinski et al. 2014, arXiv:1411.1792; Howard & Ruder 2018, arXiv:1801.06146

use gradus::nn::{Module, parameters};
use gradus::train::Group;
use gradus::train::callbacks::GradualUnfreezing;

/// What `--freeze` calls all layers but the classifier.
pub const BACKBONE: &str = "backbone";

/// `conv1` of `conv1.weight`.
pub fn layer_of(parameter: &str) -> &str {
    parameter.rsplit_once('.').map_or(parameter, |(layer, _)| layer)
}

/// Whether a parameter is the one of that path, or in the layer of that path.
pub fn is_below(parameter: &str, path: &str) -> bool {
    parameter.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The outermost parts of a network that have weights, from its input to its head, each with the norms that follow it:
/// `conv1` and `bn1`, `layer1`, …, `fc`.
fn blocks(model: &dyn Module) -> Vec<Vec<String>> {
    let mut all: Vec<(String, bool)> = vec![];
    for (path, p) in parameters(model) {
        let block = path.split('.').next().unwrap_or_default();
        let weighs = p.variable().shape().rank() > 1;
        match all.iter_mut().find(|(known, _)| known == block) {
            Some((_, has)) => *has |= weighs,
            None => all.push((block.to_owned(), weighs)),
        }
    }
    let mut blocks: Vec<Vec<String>> = vec![];
    for (name, weighs) in all {
        match blocks.last_mut() {
            Some(block) if !weighs => block.push(name),
            _ => blocks.push(vec![name]),
        }
    }
    blocks
}

/// Discriminative learning rates: each block learns at `decay` times the rate of the block after it.
pub fn decaying_rates(model: &dyn Module, decay: f64) -> Vec<Group> {
    let blocks = blocks(model);
    let last = blocks.len().saturating_sub(1);
    let groups = blocks.into_iter().enumerate().flat_map(|(i, block)| {
        let rate_scale = decay.powi((last - i) as i32);
        block.into_iter().map(move |path| Group { path, rate_scale, weight_decay: None })
    });
    groups.collect()
}

/// Gradual unfreezing: the last block learns from the beginning, the one before it after `every` epochs, and so on. What is
/// frozen already stays so.
pub fn unfreezing(model: &dyn Module, every: u64) -> GradualUnfreezing {
    let all = parameters(model);
    let of = |block: &Vec<String>| {
        let within = |path: &str| block.iter().any(|name| path.split('.').next() == Some(name));
        let learning = all.iter().filter(|(path, p)| within(path) && !p.is_frozen());
        learning.map(|(_, p)| p.clone()).collect()
    };
    GradualUnfreezing::new(blocks(model).iter().rev().skip(1).map(of).collect(), every)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus::models::{Design, resnet18};
    use gradus::nn::{Init, Sequential};

    fn network() -> Sequential {
        resnet18(&Design::new([3, 64, 64], 4).width(0.0625), &Init::new(0))
    }

    #[test]
    fn norms_belong_to_the_layer_before_them() {
        let found = blocks(&network());
        assert_eq!(found[0], ["conv1", "bn1"]);
        assert_eq!((found.len(), &found[5]), (6, &vec!["fc".to_owned()]));
    }

    #[test]
    fn rates_fall_towards_the_input() {
        let groups = decaying_rates(&network(), 0.5);
        let rate = |path: &str| groups.iter().find(|g| g.path == path).unwrap().rate_scale;
        assert_eq!((rate("fc"), rate("layer4"), rate("bn1")), (1.0, 0.5, 0.5f64.powi(5)));
    }

    #[test]
    fn paths_are_whole_names() {
        assert!(is_below("conv1.weight", "conv1") && is_below("conv1.weight", "conv1.weight"));
        assert!(!is_below("conv10.weight", "conv1"));
        assert_eq!(layer_of("block.conv1.weight"), "block.conv1");
    }
}
