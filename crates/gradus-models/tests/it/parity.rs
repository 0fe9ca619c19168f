//! What the zoo's networks give and how they learn, against PyTorch. `fixtures/make_zoo.py` says how weights are made.

use gradus_models::{Design, Layout, Library, Name, find, names};
use gradus_nn::losses::cross_entropy;
use gradus_nn::{Context, Init, Layer, Sequential, State, named_states, parameters};
use gradus_tensor::{DType, Shape, Tensor, Variable, gradients, read};
use gradus_testkit::formula;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// A network's results.
#[derive(Deserialize)]
pub(crate) struct Expected {
    names: String,
    input: Vec<usize>,
    logits: Vec<f64>,
    loss: f64,
    /// (norm, projection) by their name.
    gradients: HashMap<String, (f64, f64)>,
}

/// All of the fixture.
pub(crate) fn fixture() -> BTreeMap<String, Expected> {
    serde_json::from_str(include_str!("../fixtures/zoo.json")).unwrap()
}

/// FNV-1a.
fn salt(name: &str) -> u32 {
    name.bytes().fold(0x811C_9DC5, |salt, b| (salt ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

/// A parameter's value by its name; `shape` as theirs.
fn start(name: &str, shape: Shape) -> Tensor {
    let fan_in: usize = shape.iter().skip(1).product();
    let spread = (6.0 / fan_in as f64).sqrt();
    let value = |v: f64| match shape.rank() {
        1 if name.ends_with("running_var") => 1.0 + v / 2.0,
        1 if name.ends_with("weight") => 1.0 + v / 8.0,
        1 => v / 8.0,
        _ => v * spread,
    };
    let rounded = |v| f64::from(value(v) as f32);
    let values: Vec<f64> = formula(shape.len(), salt(name)).map(rounded).collect();
    Tensor::from_slice(&values, shape)
}

/// A model with the fixture's weights, and its names.
fn model(network: &str, expected: &Expected, dtype: DType) -> (Sequential, Vec<Name>) {
    let entry = find(network).unwrap_or_else(|| panic!("{network} is in the zoo"));
    let design = Design::new(&expected.input, 10).dropout(false);
    let model = (entry.build)(&design, &Init::blank().of(dtype));
    let names = match &*expected.names {
        "torchvision" => torchvision(network, &model),
        _ => own(&model),
    };
    let states: HashMap<String, Variable> = named_states(&model)
        .into_iter()
        .map(|(path, state)| match state {
            State::Parameter(p) => (path, p.variable().clone()),
            State::Buffer(v) => (path, v.clone()),
            State::Child(_) => unreachable!("children are walked"),
        })
        .collect();
    assert_eq!(states.len(), names.len());
    for name in &names {
        let variable = &states[&name.ours];
        let shape = variable.shape();
        let value = match name.layout {
            Layout::Transposed => start(&name.theirs, Shape::from([shape[1], shape[0]])).t(),
            _ => start(&name.theirs, shape),
        };
        variable.set(&value.cast(dtype)).unwrap();
    }
    (model, names)
}

/// torchvision's names; of the versions that others have, torchvision's twin tells them.
fn torchvision(network: &str, model: &Sequential) -> Vec<Name> {
    let twin = network.trim_end_matches("_v1").trim_end_matches("_keras");
    names(twin, Library::Torchvision, model).unwrap_or_else(|| panic!("{twin} is torchvision's"))
}

fn own(model: &Sequential) -> Vec<Name> {
    let name = |(path, state): (String, State)| {
        let dense = matches!(state, State::Parameter(p) if p.variable().shape().rank() == 2);
        let layout = if dense { Layout::Transposed } else { Layout::Same };
        Name { ours: path.clone(), theirs: path, layout }
    };
    named_states(model).into_iter().map(name).collect()
}

fn picture(expected: &Expected, dtype: DType) -> Tensor {
    let shape = Shape::from(&expected.input).inserted(0, 2);
    let values: Vec<f64> = formula(shape.len(), 1001).collect();
    Tensor::from_slice(&values, shape).cast(dtype)
}

/// fp32 predictions: max|a − b| / max|b| < 1e-4.
pub(crate) fn check_predictions(network: &str, expected: &Expected) {
    let (model, _) = model(network, expected, DType::F32);
    let y = model.forward(&picture(expected, DType::F32), &Context::eval()).to_vec::<f32>();
    let top = expected.logits.iter().fold(0.0, |top: f64, v| top.max(v.abs()));
    let errors = y.iter().zip(&expected.logits).map(|(a, b)| (f64::from(*a) - b).abs());
    let worst = errors.fold(0.0, f64::max);
    assert!(worst < 1e-4 * top, "{network}: off by {worst:e} of {top}");
}

/// Gradients of training in f64: each parameter's norm and a projection, to 1e-8 of the norm.
pub(crate) fn check_gradients(network: &str, expected: &Expected) {
    let (model, names) = model(network, expected, DType::F64);
    let cx = Context::train(&Tensor::from([0i64, 0]));
    let y = model.forward(&picture(expected, DType::F64), &cx);
    let loss_of = |y: &Tensor| cross_entropy(y, &Tensor::from([3i64, 7])).mean(..);
    let loss = loss_of(&y);
    let heads = cx.take_auxiliary();
    let objective = heads.iter().fold(loss.clone(), |sum, (y, weight)| sum + loss_of(y) * *weight);
    let parameters = parameters(&model);
    assert_eq!(parameters.len(), expected.gradients.len(), "{network}");
    let ws: Vec<Tensor> = parameters.iter().map(|(_, p)| p.tensor()).collect();
    let grads = gradients(&objective, &ws).unwrap();
    let grads: Vec<Tensor> =
        grads.into_iter().map(|g| g.expect("every parameter has a gradient")).collect();
    read(grads.iter().chain([&loss]));
    let off = (loss.item() / expected.loss - 1.0).abs();
    assert!(off < 1e-9, "{network}: the loss is off by {off:e}");
    // A shift that the next normalisation takes away has no gradient but rounding, of all that flows through: PyTorch's is
    // below 1e-16 of the largest, ours must be rounding as well. The smallest of the others is 2e-6 of the largest.
    let largest = expected.gradients.values().map(|(norm, _)| *norm).fold(0.0, f64::max);
    let rounding = 1e-14 * largest;
    for ((path, _), g) in parameters.iter().zip(&grads) {
        let name = names.iter().find(|n| n.ours == *path).expect("every parameter is named");
        let (norm, projection) = expected.gradients[&name.theirs];
        let g = if name.layout == Layout::Transposed { g.t() } else { g.clone() };
        let (found_norm, found) = project(&g.to_vec::<f64>(), salt(&name.theirs).wrapping_add(1));
        if norm < rounding {
            assert!(found_norm < rounding, "{network}, {path}: {found_norm:e} of {largest:e}");
            continue;
        }
        let off = (found_norm - norm).abs().max((found - projection).abs()) / norm;
        assert!(off < 1e-8, "{network}, {path}: off by {off:e} of {norm:e}");
    }
}

fn project(g: &[f64], salt: u32) -> (f64, f64) {
    let norm = g.iter().map(|v| v * v).sum::<f64>().sqrt();
    (norm, g.iter().zip(formula(g.len(), salt)).map(|(g, r)| g * r).sum())
}
