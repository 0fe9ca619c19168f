//! Files of Keras: networks give what they gave there, whatever the format and whatever Keras called their layers.

use flate2::read::GzDecoder;
use gradus_io::keras::{self, Model, Order};
use gradus_io::numpy::{Limits, read_npz};
use gradus_io::{NamedArray, Result};
use gradus_models::import::{FromKeras, Matched, import_keras};
use gradus_models::{Design, Shortcut, cifar_resnet};
use gradus_nn::layers::*;
use gradus_nn::{Context, Init, Layer, Sequential, State, named_states};
use gradus_tensor::{Padding, Tensor};
use std::io::Read;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keras").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    let packed = std::fs::read(fixture(&format!("{name}.gz"))).unwrap();
    let mut bytes = vec![];
    GzDecoder::new(&*packed).read_to_end(&mut bytes).unwrap();
    bytes
}

fn file(name: &str) -> Model {
    keras::parse(&bytes(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// More than ten layers of a kind, so that their names sort otherwise.
fn chain() -> Sequential {
    let mut net = Sequential::new([3, 8, 10], &Init::new(0));
    for i in 0..11 {
        let (kernel, stride) = (if i % 3 == 0 { 3 } else { 1 }, if i == 4 { 2 } else { 1 });
        let conv = conv2d(2 + i % 2, kernel).padding(Padding::Same).stride(stride);
        net = net.add(conv).add(tanh());
        if i == 0 || i == 7 {
            net = net.add(batch_norm());
        }
    }
    let depthwise = conv2d(4, 3).padding(Padding::Same).stride(2).groups(2).bias(false);
    net.add(depthwise).add(batch_norm()).add(flatten()).add(dense(3))
}

/// Convolutions without biases, and a block whose last kernel has the shape of its shortcut's.
fn branches(padding: Padding) -> Sequential {
    let conv = |channels, kernel| conv2d(channels, kernel).bias(false);
    let block = residual(move |p| {
        let p = p.add(conv(4, 1)).add(batch_norm()).add(relu());
        p.add(conv(6, 1)).add(batch_norm())
    });
    let block = block.projection(move |p| p.add(conv(6, 1)).add(batch_norm())).activation(relu());
    Sequential::new([3, 8, 8], &Init::new(0))
        .add(conv(4, 3).padding(Padding::Same))
        .add(batch_norm())
        .add(relu())
        .add(conv(4, 3).stride(2).padding(padding))
        .add(batch_norm())
        .add(relu())
        .add(block)
        .add(global_mean_pool2d())
        .add(dense(3))
}

/// Zeros below and right of the input.
const BEHIND: Padding = Padding::Explicit([[0, 1], [0, 1]]);

fn set(model: &Sequential, arrays: &[NamedArray]) {
    let mut count = 0;
    for (path, state) in named_states(model) {
        let variable = match state {
            State::Parameter(p) => p.variable().clone(),
            State::Buffer(v) => v.clone(),
            State::Child(_) => continue,
        };
        let array = arrays.iter().find(|a| a.name == path).unwrap();
        let value = Tensor::from_slice(&array.to_f32().unwrap(), array.shape.as_slice());
        variable.set(&value).unwrap();
        count += 1;
    }
    assert_eq!(count, arrays.len());
}

/// The largest difference from Keras's outputs, as a share of the largest of those.
fn difference(model: &Sequential, arrays: &[NamedArray], golden: &str) -> f32 {
    set(model, arrays);
    let golden = read_npz(&fixture(golden), Limits::default()).unwrap();
    let [x, y] = ["x", "y"].map(|name| golden.iter().find(|a| a.name == name).unwrap());
    let x = Tensor::from_slice(&x.to_f32().unwrap(), x.shape.as_slice());
    let found = model.forward(&x, &Context::eval());
    assert_eq!(*found.shape(), *y.shape);
    let y = y.to_f32().unwrap();
    let largest = y.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    let pairs = found.to_vec::<f32>().into_iter().zip(y);
    pairs.map(|(a, b)| (a - b).abs() / largest).fold(0.0, f32::max)
}

fn imported(model: &Sequential, name: &str) -> Result<FromKeras> {
    import_keras(model, file(name), None, false)
}

#[test]
fn layers_with_automatic_names_are_in_the_models_order() {
    let formats = [
        ("chain.h5", Order::Model, Matched::Connections, None),
        ("chain.keras", Order::Model, Matched::Connections, None),
        ("chain.old.h5", Order::Model, Matched::Order, Some(1e-3)),
        ("chain.weights.h5", Order::Kind, Matched::Kinds, Some(1e-3)),
    ];
    let mut all: Vec<Vec<NamedArray>> = vec![];
    for (name, order, matched, assumed) in formats {
        let model = chain();
        assert_eq!(file(name).order, order, "{name}");
        let found = imported(&model, name).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((found.matched, found.assumed), (matched, assumed), "{name}");
        assert_eq!(found.epsilon, Some(1e-3), "the network's is 1e-5");
        assert!(found.weights.left_out.is_empty() && found.folded.is_empty());
        let difference = difference(&model, &found.weights.arrays, "chain.npz");
        assert!(difference < 2e-6, "{name}: {difference}");
        all.push(found.weights.arrays);
    }
    assert!(all.iter().all(|arrays| *arrays == all[0]));
}

/// Without ε of its own the network would give something else, by more than rounding.
#[test]
fn another_epsilon_matters() {
    let model = chain();
    let found = import_keras(&model, file("chain.old.h5"), Some(1e-5), false).unwrap();
    assert_eq!((found.epsilon, found.assumed), (None, None));
    assert!(difference(&model, &found.weights.arrays, "chain.npz") > 1e-3);
}

#[test]
fn connections_tell_a_shortcut_from_its_block() {
    for name in ["branches.keras", "branches.h5"] {
        let model = branches(BEHIND);
        let found = imported(&model, name).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(found.matched, Matched::Connections);
        assert_eq!(found.folded.len(), 4, "{:?}", found.folded);
        let difference = difference(&model, &found.weights.arrays, "branches.npz");
        assert!(difference < 2e-6, "{name}: {difference}");
    }
}

#[test]
fn what_a_file_does_not_tell_is_refused() {
    // Two kernels of one shape, side by side, and weights alone.
    let error = imported(&branches(BEHIND), "branches.weights.h5").unwrap_err().to_string();
    assert!(error.contains("the weights are not this network's"), "{error}");
    let mut alone = file("branches.keras");
    alone.connected = false;
    let error = import_keras(&branches(BEHIND), alone, None, false).unwrap_err().to_string();
    assert!(
        error.contains("can be residual1.block.conv2 or residual1.projection.conv1"),
        "{error}"
    );
    // The same shapes, but zeros on all sides.
    let error = imported(&branches(Padding::Half), "branches.keras").unwrap_err().to_string();
    let expected = "the file's network has the same shapes but is another one\n  conv2: the file's \
        `conv2d` puts [[0, 1], [0, 1]] zeros (before and after, along height and width) around its \
        input, the network [[1, 1], [1, 1]]";
    assert_eq!(error, expected);
}

/// A layer is found by its own name, or by its group where Keras made up the name.
#[test]
fn layers_are_known_by_their_groups_too() {
    let build =
        |name: &str| Sequential::new([2], &Init::new(0)).add_named(name, dense(1).bias(false));
    let kernel = NamedArray::from_f32("0", [2, 1], &[3.0, 4.0]).unwrap();
    let group = Some("encoder.first".to_owned());
    let layer =
        keras::Layer { name: "dense_7".into(), group, parts: vec![kernel], ..Default::default() };
    let file = Model { layers: vec![layer], ..Model::default() };
    for (name, known) in [("first", true), ("dense_7", true), ("second", false)] {
        let found = import_keras(&build(name), file.clone(), None, false);
        assert_eq!(found.is_ok(), known, "{name}");
    }
}

/// A network for CIFAR padded as Keras pads: with that setting it is Keras's, without it another.
#[test]
fn strides_are_padded_as_the_design_says() {
    let build = |same: bool| {
        let design = Design::new([3, 8, 8], 3).width(0.125).same_padding(same);
        cifar_resnet(8, Shortcut::Plain, &design, &Init::new(0))
    };
    let model = build(true);
    let found = imported(&model, "plain8.keras").unwrap();
    let difference = difference(&model, &found.weights.arrays, "plain8.npz");
    assert!(difference < 4e-6 && found.untold.is_empty(), "{difference}");
    let error = imported(&build(false), "plain8.keras").unwrap_err().to_string();
    assert!(
        error.contains("layer2.0.conv1: the file's `conv2d_3` puts [[0, 1], [0, 1]]"),
        "{error}"
    );
    // Weights alone do not tell.
    let mut alone = file("plain8.keras");
    alone.connected = false;
    alone.layers.iter_mut().for_each(|layer| layer.settings = keras::Settings::default());
    let found = import_keras(&build(false), alone, None, false).unwrap();
    assert_eq!(found.untold, ["layer2.0.conv1", "layer3.0.conv1"]);
}

/// Keras's name of a layer of ResNet-50.
fn keras_name(ours: &str) -> String {
    let parts: Vec<&str> = ours.split('.').collect();
    match parts[..] {
        ["conv1"] => "conv1_conv".into(),
        ["bn1"] => "conv1_bn".into(),
        [stage, block, "projection", kind] => keras_block(stage, block, 0, kind),
        [stage, block, "block", layer] => {
            let (kind, place) = layer.split_at(layer.len() - 1);
            keras_block(stage, block, place.parse().unwrap(), kind)
        }
        _ => "predictions".into(),
    }
}

fn keras_block(stage: &str, block: &str, place: usize, kind: &str) -> String {
    let stage: usize = stage["layer".len()..].parse().unwrap();
    format!("conv{}_block{}_{place}_{kind}", stage + 1, block.parse::<usize>().unwrap() + 1)
}

/// Keras's ResNet-50 at a sixteenth of its width, every convolution with biases.
fn keras_resnet(model: &Sequential) -> Model {
    let mut layers: Vec<keras::Layer> = vec![];
    for (number, (path, state)) in named_states(model).into_iter().enumerate() {
        let variable = match state {
            State::Parameter(p) => p.variable().clone(),
            State::Buffer(v) => v.clone(),
            State::Child(_) => continue,
        };
        let (layer, part) = path.rsplit_once('.').unwrap();
        let mut shape = variable.shape().to_vec();
        if let [o, i, h, w] = shape[..] {
            shape = vec![h, w, i, o];
        }
        let len: usize = shape.iter().product();
        let numbered = |name: &str, shape: &[usize], len: usize| {
            let values: Vec<f32> = (0..len).map(|i| 1.0 + (number + i) as f32 / 64.0).collect();
            NamedArray::from_f32(name, shape, &values).unwrap()
        };
        let part = match (part, shape.len()) {
            ("weight", 1) => "gamma",
            ("weight", _) => "kernel",
            ("bias", 1) if layer.contains("bn") => "beta",
            ("running_mean", _) => "moving_mean",
            ("running_var", _) => "moving_variance",
            (part, _) => part,
        };
        let name = keras_name(layer);
        if layers.last().is_none_or(|last| last.name != name) {
            layers.push(keras::Layer { name, ..Default::default() });
        }
        let parts = &mut layers.last_mut().unwrap().parts;
        parts.push(numbered(part, &shape, len));
        if shape.len() == 4 {
            parts.push(numbered("bias", &shape[3..], shape[3]));
        }
    }
    Model { layers, order: Order::Model, ..Model::default() }
}

#[test]
fn keras_resnet_is_the_published_one_and_its_biases_fold() {
    let build = |name: &str| {
        let entry = gradus_models::find(name).unwrap();
        let design = Design::new([3, 64, 64], 5).width(1.0 / 16.0);
        (entry.build)(&design, &Init::new(0))
    };
    let model = build("resnet50_v1");
    let file = keras_resnet(&model);
    let found = import_keras(&model, file.clone(), None, false).unwrap();
    assert_eq!((found.matched, found.folded.len()), (Matched::Names, 53));
    assert_eq!((found.epsilon, found.assumed), (Some(1.001e-5), None));
    assert!(found.untold.is_empty(), "{:?}", found.untold);
    let name = |name: &str| file.layers.iter().find(|layer| layer.name == name).unwrap();
    let (conv, norm) = (name("conv3_block1_0_conv"), name("conv3_block1_0_bn"));
    let values = |array: &NamedArray| array.to_f32().unwrap();
    let ours = |path: &str| values(found.weights.arrays.iter().find(|a| a.name == path).unwrap());
    let means = values(&norm.parts[2]).into_iter().zip(values(&conv.parts[1]));
    let means: Vec<f32> = means.map(|(mean, bias)| mean - bias).collect();
    assert_eq!(ours("layer2.0.projection.bn.running_mean"), means);
    let variances = values(&norm.parts[3]).into_iter();
    let variances: Vec<f32> = variances.map(|v| (f64::from(v) + 1.001e-5 - 1e-5) as f32).collect();
    assert_eq!(ours("layer2.0.projection.bn.running_var"), variances);
    // With its strides on the 3×3 it is another network of the same shapes.
    let error = import_keras(&build("resnet50"), file, None, false).unwrap_err().to_string();
    let expected = "layer2.0.block.conv1: the file's `conv3_block1_1_conv` has strides [2, 2], \
        the network's [1, 1] (and 5 more); Keras's ResNets have their strides on the first 1×1: \
        --model resnet50_v1";
    assert!(error.contains(expected), "{error}");
}
