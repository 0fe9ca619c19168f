//! The list of the zoo's networks.

use crate::*;
use Shortcut::{Identity, Plain, Projection};
use gradus_nn::{Init, Sequential};

/// A network by name.
pub struct Entry {
    /// The name users write.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// The input it is made for, without the batch axis.
    pub input: &'static [usize],
    /// The classes it is made for.
    pub classes: usize,
    /// Builds it.
    pub build: fn(&Design, &Init) -> Sequential,
}

impl Entry {
    /// The published input and classes.
    pub fn design(&self) -> Design {
        Design::new(self.input, self.classes)
    }

    /// Whether it can be built at other widths than the published one.
    pub fn has_widths(&self) -> bool {
        !FIXED.contains(&self.name)
    }

    /// Whether its hidden layers can be chosen: [`Design::hidden`].
    pub fn has_hidden(&self) -> bool {
        self.name == "mlp"
    }

    /// Whether its convolutions with strides can be padded in two ways: [`Design::same_padding`].
    pub fn has_same_padding(&self) -> bool {
        let number = self.name.strip_prefix("plain").or(self.name.strip_prefix("resnet"));
        let number = number.map(|number| number.strip_suffix("_b").unwrap_or(number));
        let depth = number.and_then(|number| number.parse::<usize>().ok());
        self.input == [3, 32, 32] && depth.is_some()
    }

    /// Whether it has shortcuts of option A, whose zeros may lie in two ways: see [`ShortcutPadding`].
    pub fn has_shortcut_padding(&self) -> bool {
        OPTION_A.contains(&self.name)
    }
}

const fn entry(
    name: &'static str,
    about: &'static str,
    source: &'static str,
    input: &'static [usize],
    classes: usize,
    build: fn(&Design, &Init) -> Sequential,
) -> Entry {
    Entry { name, about, source, input, classes, build }
}

/// The networks whose hidden layers, if they have some, are as published whatever the width.
const FIXED: &[&str] = &["convnetjs", "lenet", "lenet_original", "linear", "mlp"];

/// The networks whose shortcuts pad channels with zeros.
const OPTION_A: &[&str] =
    &["resnet20", "resnet32", "resnet44", "resnet56", "resnet110", "resnet1202"];

/// Every network, each family together.
#[rustfmt::skip] // a table: a network, a line
pub const ZOO: &[Entry] = &[
    entry("alexnet", "eight layers in two groups, response normalisation, overlapping pools", "Krizhevsky et al. 2012", &[3, 227, 227], 1000, alexnet),
    entry("alexnet_mini", "AlexNet with a 5×5 first layer for small pictures", "Krizhevsky et al. 2012", &[1, 28, 28], 10, alexnet_mini),
    entry("alexnet_owt", "AlexNet in one piece, as torchvision has it", "Krizhevsky 2014", &[3, 224, 224], 1000, alexnet_owt),
    entry("all_cnn_a", "All-CNN-A: convolutions alone", "Springenberg et al. 2014", &[3, 32, 32], 10, all_cnn_a),
    entry("all_cnn_b", "All-CNN-B: convolutions alone", "Springenberg et al. 2014", &[3, 32, 32], 10, all_cnn_b),
    entry("all_cnn_c", "All-CNN-C: convolutions alone", "Springenberg et al. 2014", &[3, 32, 32], 10, all_cnn_c),
    entry("conv_pool_cnn_c", "All-CNN-C's twin with max-pools", "Springenberg et al. 2014", &[3, 32, 32], 10, conv_pool_cnn_c),
    entry("convnetjs", "two convolutions of 8 and 16 maps", "Karpathy 2014", &[1, 24, 24], 10, convnetjs),
    entry("googlenet", "nine Inception modules", "Szegedy et al. 2014", &[3, 224, 224], 1000, googlenet),
    entry("googlenet_aux", "nine Inception modules and two heads to train with", "Szegedy et al. 2014", &[3, 224, 224], 1000, googlenet_aux),
    entry("googlenet_bn", "with batch norm and 3×3 for 5×5, as torchvision has it", "Szegedy et al. 2014", &[3, 224, 224], 1000, googlenet_bn),
    entry("googlenet_bn_aux", "the same with two heads to train with", "Szegedy et al. 2014", &[3, 224, 224], 1000, googlenet_bn_aux),
    entry("inception_mini", "GoogLeNet with a 3×3 first layer for small pictures", "Szegedy et al. 2014", &[1, 28, 28], 10, inception_mini),
    entry("lenet", "LeNet-5 with ReLU and max-pooling", "LeCun et al. 1998", &[1, 28, 28], 10, lenet),
    entry("lenet_original", "LeNet-5 as published, tanh and distances to bitmaps", "LeCun et al. 1998", &[1, 32, 32], 10, lenet_original),
    entry("linear", "one dense layer: softmax regression", "-", &[1, 28, 28], 10, linear),
    entry("mlp", "784-128-10 with ReLU", "TensorFlow's first tutorial", &[1, 28, 28], 10, mlp),
    entry("mobilenet_v2", "inverted residuals, depthwise 3×3", "Sandler et al. 2018", &[3, 224, 224], 1000, mobilenet_v2),
    entry("mobilenet_v2_cifar", "inverted residuals for small pictures", "Sandler et al. 2018", &[3, 32, 32], 10, mobilenet_v2_cifar),
    entry("mobilenet_v2_keras", "the same, padded as Keras does", "Sandler et al. 2018", &[3, 224, 224], 1000, mobilenet_v2_keras),
    entry("plain20", "20 layers without shortcuts", "He et al. 2015", &[3, 32, 32], 10, |d, i| cifar_resnet(20, Plain, d, i)),
    entry("plain32", "32 layers without shortcuts", "He et al. 2015", &[3, 32, 32], 10, |d, i| cifar_resnet(32, Plain, d, i)),
    entry("plain44", "44 layers without shortcuts", "He et al. 2015", &[3, 32, 32], 10, |d, i| cifar_resnet(44, Plain, d, i)),
    entry("plain56", "56 layers without shortcuts", "He et al. 2015", &[3, 32, 32], 10, |d, i| cifar_resnet(56, Plain, d, i)),
    entry("plain110", "110 layers without shortcuts", "He et al. 2015", &[3, 32, 32], 10, |d, i| cifar_resnet(110, Plain, d, i)),
    entry("resnet18", "18 layers", "He et al. 2015", &[3, 224, 224], 1000, resnet18),
    entry("resnet34", "34 layers", "He et al. 2015", &[3, 224, 224], 1000, resnet34),
    entry("resnet50", "50 layers, stride on the 3×3", "He et al. 2015", &[3, 224, 224], 1000, resnet50),
    entry("resnet50_v1", "50 layers as published, stride on the 1×1", "He et al. 2015", &[3, 224, 224], 1000, resnet50_v1),
    entry("resnet101", "101 layers, stride on the 3×3", "He et al. 2015", &[3, 224, 224], 1000, resnet101),
    entry("resnet101_v1", "101 layers as published, stride on the 1×1", "He et al. 2015", &[3, 224, 224], 1000, resnet101_v1),
    entry("resnet152", "152 layers, stride on the 3×3", "He et al. 2015", &[3, 224, 224], 1000, resnet152),
    entry("resnet152_v1", "152 layers as published, stride on the 1×1", "He et al. 2015", &[3, 224, 224], 1000, resnet152_v1),
    entry("resnet20", "20 layers for CIFAR, shortcuts of option A", "He et al. 2015", &[3, 32, 32], 10, |d, i| cifar_resnet(20, Identity, d, i)),
    entry("resnet20_b", "20 layers for CIFAR, shortcuts of option B", "He et al. 2015", &[3, 32, 32], 10, |d, i| cifar_resnet(20, Projection, d, i)),
    entry("resnet32", "32 layers for CIFAR, shortcuts of option A", "He et al. 2015", &[3, 32, 32], 10, |d, i| cifar_resnet(32, Identity, d, i)),
    entry("resnet32_b", "32 layers for CIFAR, shortcuts of option B", "He et al. 2015", &[3, 32, 32], 10, |d, i| cifar_resnet(32, Projection, d, i)),
    entry("resnet44", "44 layers for CIFAR, shortcuts of option A", "He et al. 2015", &[3, 32, 32], 10, |d, i| cifar_resnet(44, Identity, d, i)),
    entry("resnet44_b", "44 layers for CIFAR, shortcuts of option B", "He et al. 2015", &[3, 32, 32], 10, |d, i| cifar_resnet(44, Projection, d, i)),
    entry("resnet56", "56 layers for CIFAR, shortcuts of option A", "He et al. 2015", &[3, 32, 32], 10, |d, i| cifar_resnet(56, Identity, d, i)),
    entry("resnet56_b", "56 layers for CIFAR, shortcuts of option B", "He et al. 2015", &[3, 32, 32], 10, |d, i| cifar_resnet(56, Projection, d, i)),
    entry("resnet110", "110 layers for CIFAR, shortcuts of option A", "He et al. 2015", &[3, 32, 32], 10, |d, i| cifar_resnet(110, Identity, d, i)),
    entry("resnet110_b", "110 layers for CIFAR, shortcuts of option B", "He et al. 2015", &[3, 32, 32], 10, |d, i| cifar_resnet(110, Projection, d, i)),
    entry("resnet1202", "1202 layers for CIFAR, shortcuts of option A", "He et al. 2015", &[3, 32, 32], 10, |d, i| cifar_resnet(1202, Identity, d, i)),
    entry("resnet1202_b", "1202 layers for CIFAR, shortcuts of option B", "He et al. 2015", &[3, 32, 32], 10, |d, i| cifar_resnet(1202, Projection, d, i)),
    entry("squeezenet", "SqueezeNet 1.1: fire modules, no dense layer", "Iandola et al. 2016", &[3, 224, 224], 1000, squeezenet),
    entry("squeezenet_keras", "the same, padded as its Keras port", "Iandola et al. 2016", &[3, 227, 227], 1000, squeezenet_keras),
    entry("vgg11", "configuration A: 11 layers of 3×3", "Simonyan & Zisserman 2014", &[3, 224, 224], 1000, vgg11),
    entry("vgg11_bn", "configuration A with batch norm", "Simonyan & Zisserman 2014", &[3, 224, 224], 1000, vgg11_bn),
    entry("vgg13", "configuration B: 13 layers of 3×3", "Simonyan & Zisserman 2014", &[3, 224, 224], 1000, vgg13),
    entry("vgg13_bn", "configuration B with batch norm", "Simonyan & Zisserman 2014", &[3, 224, 224], 1000, vgg13_bn),
    entry("vgg13_bn_cifar", "configuration B with batch norm for small pictures", "Simonyan & Zisserman 2014", &[3, 32, 32], 10, vgg13_bn_cifar),
    entry("vgg16", "configuration D: 16 layers of 3×3", "Simonyan & Zisserman 2014", &[3, 224, 224], 1000, vgg16),
    entry("vgg16_bn", "configuration D with batch norm", "Simonyan & Zisserman 2014", &[3, 224, 224], 1000, vgg16_bn),
    entry("vgg19", "configuration E: 19 layers of 3×3", "Simonyan & Zisserman 2014", &[3, 224, 224], 1000, vgg19),
    entry("vgg19_bn", "configuration E with batch norm", "Simonyan & Zisserman 2014", &[3, 224, 224], 1000, vgg19_bn),
];

/// The network of a name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ZOO.iter().find(|e| e.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn option_a_is_where_channels_are_padded() {
        // Of those with very many layers the names of the others say enough.
        for entry in ZOO.iter().filter(|e| !e.name.contains("1202") && !e.name.contains("110")) {
            let model = (entry.build)(&entry.design(), &Init::blank());
            let pads = model.summary().to_string().contains("PadChannels");
            assert_eq!(pads, entry.has_shortcut_padding(), "{}", entry.name);
        }
    }
}
