//! Every layer's output at full size: against torchvision where it has the network, else against the papers' tables.

use gradus_models::find;
use gradus_nn::{Init, Row};
use serde_json::Value;

/// A layer's name and the shape it gives.
type Site<'a> = (&'a str, Vec<usize>);

/// The layers that change something, in the order they run.
fn layers(network: &str) -> Vec<(&'static str, Vec<usize>)> {
    let entry = find(network).unwrap_or_else(|| panic!("{network} is in the zoo"));
    let summary = (entry.build)(&entry.design(), &Init::blank()).summary();
    let kind = |row: &Row| {
        let kinds = [
            ("Conv2d", "conv"),
            ("BatchNorm", "norm"),
            ("MaxPool2d", "pool"),
            ("Dense", "dense"),
            ("GlobalMeanPool2d", "mean"),
        ];
        let found = kinds.iter().find(|(layer, _)| row.layer.starts_with(layer));
        found.map(|(_, kind)| *kind)
    };
    summary.rows.iter().filter_map(|row| Some((kind(row)?, row.output.to_vec()))).collect()
}

#[test]
fn every_layer_has_torchvisions_shape() {
    let file = include_str!("../fixtures/shapes.json");
    let all: serde_json::Map<String, Value> = serde_json::from_str(file).unwrap();
    assert!(all.len() >= 17);
    for (network, expected) in all {
        let expected: Vec<(String, Vec<usize>)> = serde_json::from_value(expected).unwrap();
        let found = layers(&network);
        let found: Vec<_> = found.iter().filter(|(kind, _)| *kind != "mean").collect();
        assert_eq!(found.len(), expected.len(), "{network}");
        for (i, (ours, theirs)) in found.iter().zip(&expected).enumerate() {
            assert_eq!((ours.0, &ours.1), (&*theirs.0, &theirs.1), "{network}, layer {i}");
        }
    }
}

/// The published stride of a bottleneck moves the halving from its 3×3 to its first 1×1; nothing else changes.
#[test]
fn version_1_halves_one_layer_earlier() {
    for network in ["resnet50", "resnet101", "resnet152"] {
        let (ours, v1) = (layers(network), layers(&format!("{network}_v1")));
        let differ: Vec<_> = ours.iter().zip(&v1).filter(|(a, b)| a != b).collect();
        let halved = |(a, b): &(&Site<'_>, &Site<'_>)| a.1[1] == 2 * b.1[1];
        assert_eq!(differ.len(), 3 * 2); // three stages, a convolution and its normalisation
        assert!(differ.iter().all(halved));
    }
}

/// The convolutions, pools, means and dense layers alone.
fn outline(network: &str) -> Vec<Vec<usize>> {
    layers(network)
        .into_iter()
        .filter(|(kind, _)| *kind != "norm")
        .map(|(_, shape)| shape)
        .collect()
}

#[test]
fn alexnet_is_figure_2() {
    let maps = |c, n| vec![c, n, n];
    let expected = vec![
        maps(96, 55),
        maps(96, 27),
        maps(256, 27),
        maps(256, 13),
        maps(384, 13),
        maps(384, 13),
        maps(256, 13),
        maps(256, 6),
        vec![4096],
        vec![4096],
        vec![1000],
    ];
    assert_eq!(outline("alexnet"), expected);
    // §3.5: 650 thousand neurons, as the layers add up.
    let neurons: usize =
        [0, 2, 4, 5, 6, 8, 9, 10].map(|i| expected[i].iter().product::<usize>()).iter().sum();
    assert_eq!(neurons, 659_272);
}

/// Table 1's output sizes: a module's four paths add up to its channels.
#[test]
fn googlenet_is_table_1() {
    let entry = find("googlenet").unwrap();
    let summary = (entry.build)(&entry.design(), &Init::blank()).summary();
    let modules: Vec<Vec<usize>> = summary
        .rows
        .iter()
        .filter(|row| row.layer.starts_with("Concat") || row.layer.starts_with("MaxPool2d(3×3/2)"))
        .map(|row| row.output.to_vec())
        .collect();
    let expected = [
        [64, 56, 56],
        [192, 28, 28],
        [256, 28, 28],
        [480, 28, 28],
        [480, 14, 14],
        [512, 14, 14],
        [512, 14, 14],
        [512, 14, 14],
        [528, 14, 14],
        [832, 14, 14],
        [832, 7, 7],
        [832, 7, 7],
        [1024, 7, 7],
    ];
    assert_eq!(modules, expected);
}

/// Table 6: 2n + 1 layers of 16 maps at 32×32, 2n of 32 at 16×16, 2n of 64 at 8×8.
#[test]
fn cifar_nets_are_table_6() {
    for (depth, n) in [(20, 3), (32, 5), (44, 7), (56, 9), (110, 18), (1202, 200)] {
        for network in [format!("plain{depth}"), format!("resnet{depth}")] {
            if find(&network).is_none() {
                continue; // a plain network of 1,202 layers learns nothing
            }
            let maps = |c: usize, size: usize, times: usize| vec![vec![c, size, size]; times];
            let mut expected = maps(16, 32, 2 * n + 1);
            expected.extend(maps(32, 16, 2 * n));
            expected.extend(maps(64, 8, 2 * n));
            expected.extend([vec![64], vec![10]]);
            assert_eq!(outline(&network), expected, "{network}");
        }
    }
}

#[test]
fn all_convolutional_nets_are_tables_1_and_2() {
    let maps = |c: usize, size: usize| vec![c, size, size];
    let tail = [maps(192, 6), maps(192, 6), maps(10, 6), vec![10]];
    let with = |head: Vec<Vec<usize>>| [head, tail.to_vec()].concat();
    let (a, b) = (maps(96, 32), maps(192, 16));
    let (half, quarter) = (maps(96, 16), maps(192, 8));
    let one = vec![a.clone(), half.clone(), b.clone(), quarter.clone()];
    assert_eq!(outline("all_cnn_a"), with(one));
    let two = vec![a.clone(), a.clone(), half.clone(), b.clone(), b.clone(), quarter.clone()];
    assert_eq!(outline("all_cnn_b"), with(two.clone()));
    assert_eq!(outline("all_cnn_c"), with(two));
    let pooled = vec![a.clone(), a.clone(), a, half, b.clone(), b.clone(), b, quarter];
    assert_eq!(outline("conv_pool_cnn_c"), with(pooled));
}

/// What a unit sees: AlexNet's and VGG-16's last pools, by the formula r += (k − 1)·j, j *= s.
#[test]
fn receptive_fields_are_as_computed_by_hand() {
    let sees = |network: &str, path: &str| {
        let entry = find(network).unwrap();
        let summary = (entry.build)(&entry.design(), &Init::blank()).summary();
        let row = summary.rows.iter().find(|row| row.path == path).unwrap();
        row.receptive_field().unwrap()[0]
    };
    assert_eq!(sees("alexnet", "pool3"), 195);
    assert_eq!(sees("vgg16", "pool5"), 212);
    assert_eq!(sees("resnet18", "layer4.1"), 435);
    assert_eq!(sees("resnet50", "layer4.2"), 427);
    assert_eq!(sees("resnet50_v1", "layer4.2"), 483); // Araujo, Norris & Sim 2019, table 1
}
