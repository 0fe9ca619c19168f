//! Recipes: settings of training runs that are known to work, as TOML texts. `gradus train NAME` reads them.

macro_rules! recipes {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../recipes/", $name, ".toml")))),*]
    };
}

/// (name, TOML text) of every recipe.
pub const RECIPES: &[(&str, &str)] = recipes![
    "alexnet-imagenet",
    "alexnet-mini",
    "all-cnn-a-cifar10",
    "all-cnn-b-cifar10",
    "all-cnn-c-cifar10",
    "all-cnn-c-cifar10-short",
    "all-cnn-c-quarter",
    "char-lstm-2x128",
    "char-lstm-3x512",
    "char-transformer-6x384",
    "conv-pool-cnn-c-quarter",
    "degradation-plain20",
    "degradation-plain56",
    "degradation-resnet20",
    "degradation-resnet56",
    "googlenet-imagenet",
    "inception-mini",
    "lenet-fashion",
    "lenet-fashion-adversarial",
    "mobilenet-v2-cifar10",
    "mobilenet-v2-imagenet",
    "mobilenet-v2-tiny",
    "resnet101-imagenet",
    "resnet110-cifar10",
    "resnet1202-cifar10",
    "resnet152-imagenet",
    "resnet18-imagenet",
    "resnet20-cifar10",
    "resnet20-cifar10-short",
    "resnet20-slim",
    "resnet32-cifar10",
    "resnet34-imagenet",
    "resnet44-cifar10",
    "resnet50-imagenet",
    "resnet56-cifar10",
    "resnet56-cifar10-short",
    "squeezenet-imagenet",
    "squeezenet-tiny",
    "vgg-tiny",
    "vgg-tiny-10x",
    "vgg-tiny-10x-bn",
    "vgg11-imagenet",
    "vgg13-bn-cifar10",
    "vgg13-imagenet",
    "vgg16-imagenet",
    "vgg19-imagenet",
];

/// The text of a recipe.
pub fn recipe(name: &str) -> Option<&'static str> {
    RECIPES.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/recipes");
        let files = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
            .collect();
        names.sort_unstable();
        assert_eq!(names, RECIPES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }
}
