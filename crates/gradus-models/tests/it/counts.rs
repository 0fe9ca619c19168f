//! Parameters and multiply-adds of every network, against the papers and torchvision.

use gradus_models::{Design, ZOO, find};
use gradus_nn::{Init, Layer, Summary, parameters};

/// (name, parameters): papers for the first of a family, torchvision where it has the network, else by hand.
const PARAMETERS: &[(&str, usize)] = &[
    ("alexnet", 60_965_224),
    ("alexnet_owt", 61_100_840),
    ("all_cnn_a", 1_254_250),
    ("all_cnn_b", 1_300_618),
    ("all_cnn_c", 1_369_738),
    ("conv_pool_cnn_c", 1_369_738),
    ("convnetjs", 5_994),
    ("googlenet", 6_998_552),
    ("googlenet_aux", 13_378_280),
    ("googlenet_bn", 6_624_904),
    ("googlenet_bn_aux", 13_004_888),
    ("lenet", 61_706),
    ("lenet_original", 60_000),
    ("linear", 7_850),
    ("mlp", 101_770),
    ("mobilenet_v2", 3_504_872),
    ("mobilenet_v2_cifar", 2_236_682),
    ("mobilenet_v2_keras", 3_504_872),
    ("plain20", 269_722),
    ("plain32", 464_154),
    ("plain44", 658_586),
    ("plain56", 853_018),
    ("plain110", 1_727_962),
    ("resnet18", 11_689_512),
    ("resnet34", 21_797_672),
    ("resnet50", 25_557_032),
    ("resnet50_v1", 25_557_032),
    ("resnet101", 44_549_160),
    ("resnet101_v1", 44_549_160),
    ("resnet152", 60_192_808),
    ("resnet152_v1", 60_192_808),
    ("resnet20", 269_722),
    ("resnet32", 464_154),
    ("resnet44", 658_586),
    ("resnet56", 853_018),
    ("resnet110", 1_727_962),
    ("resnet1202", 19_421_274),
    ("resnet20_b", 272_474),
    ("resnet32_b", 466_906),
    ("resnet44_b", 661_338),
    ("resnet56_b", 855_770),
    ("resnet110_b", 1_730_714),
    ("resnet1202_b", 19_424_026),
    ("squeezenet", 1_235_496),
    ("squeezenet_keras", 1_235_496),
    ("vgg11", 132_863_336),
    ("vgg11_bn", 132_868_840),
    ("vgg13", 133_047_848),
    ("vgg13_bn", 133_053_736),
    ("vgg13_bn_cifar", 9_416_010),
    ("vgg16", 138_357_544),
    ("vgg16_bn", 138_365_992),
    ("vgg19", 143_667_240),
    ("vgg19_bn", 143_678_248),
];

/// (name, billions of multiply-adds) as torchvision states them.
const BILLIONS: &[(&str, f64)] = &[
    ("alexnet_owt", 0.714),
    ("googlenet_bn", 1.498),
    ("mobilenet_v2", 0.301),
    ("resnet18", 1.814),
    ("resnet34", 3.664),
    ("resnet50", 4.089),
    ("resnet101", 7.801),
    ("resnet152", 11.514),
    ("squeezenet", 0.349),
    ("vgg11", 7.609),
    ("vgg13", 11.308),
    ("vgg16", 15.470),
    ("vgg19", 19.632),
];

fn summary(name: &str) -> Summary {
    let entry = find(name).unwrap_or_else(|| panic!("{name} is in the zoo"));
    (entry.build)(&entry.design(), &Init::blank()).summary()
}

#[test]
fn parameters_are_as_published() {
    for &(name, count) in PARAMETERS {
        assert_eq!(summary(name).parameters, count, "{name}");
    }
    let unpublished = ["alexnet_mini", "inception_mini"];
    let listed = |name| PARAMETERS.iter().any(|(n, _)| *n == name) || unpublished.contains(&name);
    assert!(ZOO.iter().all(|entry| listed(entry.name)), "a network without a count");
}

#[test]
fn multiply_adds_are_torchvisions() {
    for &(name, billions) in BILLIONS {
        let found = summary(name).macs() as f64 / 1e9;
        assert!((found / billions - 1.0).abs() < 2e-3, "{name}: {found} against {billions}");
    }
}

#[test]
fn every_row_counts_once() {
    for entry in ZOO {
        let model = (entry.build)(&entry.design(), &Init::blank());
        let rows: usize = model.summary().rows.iter().map(|r| r.parameters).sum();
        let all: usize = parameters(&model).iter().map(|(_, p)| p.variable().shape().len()).sum();
        assert_eq!(rows, all, "{}: {}", entry.name, model.describe());
    }
}

#[test]
fn names_are_in_order_and_unique() {
    let names: Vec<&str> = ZOO.iter().map(|e| e.name).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), names.len());
}

/// Channels, classes, inputs of another size: each family at a thirty-second of its width, for three classes.
#[test]
fn options_change_the_size() {
    for entry in ZOO.iter().filter(|e| e.input.len() == 3 && e.name != "lenet_original") {
        let design = Design { classes: 3, ..entry.design() };
        let small = (entry.build)(&design.clone().width(1.0 / 16.0), &Init::blank()).summary();
        assert_eq!(*small.rows.last().unwrap().output, [3], "{}", entry.name);
        let full = (entry.build)(&design, &Init::blank()).summary();
        assert_eq!(small.parameters < full.parameters / 8, entry.has_widths(), "{}", entry.name);
    }
}

/// MobileNetV2 at the widths (alpha) that Keras has weights for, and the trainable parameters it counts.
#[test]
fn mobilenets_of_other_widths_are_keras() {
    let counts = [
        (0.35, 1_677_128),
        (0.5, 1_968_680),
        (0.75, 2_636_424),
        (1.0, 3_504_872),
        (1.3, 5_386_792),
        (1.4, 6_108_776),
    ];
    let entry = find("mobilenet_v2_keras").unwrap();
    for (width, count) in counts {
        let model = (entry.build)(&entry.design().width(width), &Init::blank());
        assert_eq!(model.summary().parameters, count, "{width}");
    }
}
