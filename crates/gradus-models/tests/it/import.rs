//! Weights of other programs: a network gives what it gave there, and what does not fit is listed.

use gradus_io::numpy::{Limits, parse_npz};
use gradus_io::{NamedArray, pytorch};
use gradus_models::import::{Origin, flattened, import};
use gradus_nn::layers::*;
use gradus_nn::{Context, Init, Layer, Sequential, State, named_states};
use gradus_tensor::Tensor;

const PTH: &[u8] = include_bytes!("../fixtures/convnetjs.pth");

fn net() -> Sequential {
    Sequential::new([1, 24, 24], &Init::new(0))
        .add(conv2d(8, 5).pad(2))
        .add(relu())
        .add(max_pool2d(2))
        .add(conv2d(16, 5).pad(2))
        .add(relu())
        .add(max_pool2d(3))
        .add(flatten())
        .add(dense(10))
}

fn set(model: &Sequential, arrays: &[NamedArray]) {
    for (path, state) in named_states(model) {
        let State::Parameter(parameter) = state else { continue };
        let array = arrays.iter().find(|a| a.name == path).unwrap();
        let value = Tensor::from_slice(&array.to_f32().unwrap(), array.shape.as_slice());
        parameter.variable().set(&value).unwrap();
    }
}

#[test]
fn a_network_of_pytorch_gives_what_it_gave_there() {
    let model = net();
    let weights = pytorch::parse(PTH).unwrap();
    let imported = import(&model, &flattened(&model), Origin::PyTorch, weights, false).unwrap();
    assert!(imported.by_order && imported.left_out.is_empty());
    set(&model, &imported.arrays);
    let golden = parse_npz(include_bytes!("../fixtures/convnetjs.npz"), Limits::default()).unwrap();
    let [x, y] = ["x", "y"].map(|name| golden.iter().find(|a| a.name == name).unwrap());
    let x = Tensor::from_slice(&x.to_f32().unwrap(), x.shape.as_slice());
    let found = model.forward(&x, &Context::eval()).to_vec::<f32>();
    let expected = y.to_f32().unwrap();
    let largest = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    for (a, b) in found.iter().zip(&expected) {
        assert!((a - b).abs() < 1e-5 * largest, "{a} {b}");
    }
}

#[test]
fn every_difference_is_listed() {
    let model = net();
    let file = |change: &dyn Fn(&mut Vec<NamedArray>)| {
        let mut arrays = pytorch::parse(PTH).unwrap();
        change(&mut arrays);
        let imported = import(&model, &flattened(&model), Origin::PyTorch, arrays, false);
        imported.map(|i| i.arrays.len()).map_err(|e| e.to_string())
    };
    // The names are those of positions: what fits by its order is not blamed.
    assert_eq!(
        file(&|arrays| arrays.truncate(4)).unwrap_err(),
        "the weights are not this network's\n  missing in the file (1):\n    \
         dense1: weight [256, 10], bias [10]"
    );
    assert_eq!(
        file(&|arrays| drop(arrays.drain(2..4))).unwrap_err(),
        "the weights are not this network's\n  missing in the file (1):\n    \
         conv2: weight [16, 8, 5, 5], bias [16]"
    );
    assert_eq!(
        file(&|arrays| {
            let more = ["9.weight", "9.bias"].map(|name| (name, arrays[0].clone()));
            arrays.extend(more.map(|(name, a)| NamedArray { name: name.into(), ..a }));
        })
        .unwrap_err(),
        "the weights are not this network's\n  without a place in the network (1):\n    \
         9: weight [8, 1, 5, 5], bias [8, 1, 5, 5]"
    );
    assert_eq!(
        file(&|arrays| {
            arrays[4].shape = vec![16, 160];
        })
        .unwrap_err(),
        "the weights are not this network's\n  different (1):\n    dense1.weight: the file's \
         `7.weight` is [16, 160], turned [160, 16], the network's [256, 10]"
    );
    assert_eq!(
        file(&|arrays| drop(arrays.remove(5))).unwrap_err(),
        "the weights are not this network's\n  missing in the file (1):\n    \
         dense1.bias [10] (the file's `7` has only weight)"
    );
    let rename = |arrays: &mut Vec<NamedArray>, from: &str, to: &str| {
        arrays.iter_mut().find(|a| a.name == from).unwrap().name = to.into();
    };
    assert_eq!(
        file(&|arrays| rename(arrays, "3.weight", "3.wieght")).unwrap_err(),
        "the weights are not this network's\n  missing in the file (1):\n    \
         conv2.weight [16, 8, 5, 5] (closest in the file: `3.wieght`)\n  \
         without a place in the network (1):\n    3.wieght [16, 8, 5, 5]"
    );
    assert_eq!(
        file(&|arrays| rename(arrays, "3.weight", "conv_2.weight")).unwrap_err(),
        "the weights are not this network's\n  missing in the file (1):\n    \
         conv2.bias [16] (closest in the file: `3.bias`)\n  \
         without a place in the network (1):\n    3: bias [16]"
    );
    // Arrays that belong to no layer are told by their own names.
    let loose = |arrays: &mut Vec<NamedArray>| {
        arrays.push(NamedArray::from_f32("W", [1, 2], &[1.0, 2.0]).unwrap());
    };
    let told = file(&loose).unwrap_err();
    assert!(told.ends_with("in the network (1):\n    W [1, 2]"), "{told}");
    // Of very many there are ten lines.
    let many = |arrays: &mut Vec<NamedArray>| {
        let all = arrays.clone();
        arrays.clear();
        for i in 0..30 {
            let name = |a: &NamedArray| format!("block{i}.{}", a.name);
            arrays.extend(all.iter().map(|a| NamedArray {
                name: name(a),
                shape: vec![7],
                ..a.clone()
            }));
        }
    };
    let long = file(&many).unwrap_err();
    assert!(long.lines().count() == 10, "{long}");
    assert!(long.contains("without a place in the network (90, the first 4):"), "{long}");
    // Names of our own need no order, and a file may lack what is to be trained.
    let arrays = |names: &[&str]| {
        let all = pytorch::parse(PTH).unwrap();
        let named = names.iter().zip(all);
        named.map(|(name, a)| NamedArray { name: (*name).into(), ..a }).collect::<Vec<_>>()
    };
    let trunk = arrays(&["conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias"]);
    let imported = import(&model, &flattened(&model), Origin::PyTorch, trunk, true).unwrap();
    assert_eq!((imported.arrays.len(), &*imported.missing), (4, &["dense1".to_owned()][..]));
    assert!(!imported.by_order);
}
