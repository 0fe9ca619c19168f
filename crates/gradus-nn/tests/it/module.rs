//! The state tree: names, sharing, derive.

use gradus_macros::Module;
use gradus_nn::layers::{Dense, dense, relu};
use gradus_nn::{Context, Init, Layer, Parameter, Sequential, named_states, parameters};
use gradus_tensor::{Tensor, Variable};
use std::sync::Arc;

#[derive(Module)]
#[module(crate = gradus_nn)]
struct Net {
    first: Dense,
    rest: Vec<Dense>,
    scale: Parameter,
    #[module(buffer)]
    seen: Variable,
    #[module(skip)]
    _note: &'static str,
}

fn net() -> Net {
    let init = Init::new(0);
    Net {
        first: dense(3).build(2, &init),
        rest: vec![dense(3).build(3, &init), dense(1).bias(false).build(3, &init)],
        scale: Parameter::bias(&Tensor::ones([1])),
        seen: Variable::new("seen", &Tensor::zeros([1])),
        _note: "not state",
    }
}

#[test]
fn derive_names_every_entry() {
    let net = net();
    let names: Vec<String> = named_states(&net).into_iter().map(|(n, _)| n).collect();
    let want = [
        "first.weight",
        "first.bias",
        "rest.0.weight",
        "rest.0.bias",
        "rest.1.weight",
        "scale",
        "seen",
    ];
    assert_eq!(names, want);
    assert_eq!(parameters(&net).len(), 6);
}

#[test]
fn a_shared_layer_counts_once() {
    let init = Init::new(0);
    let shared: Arc<dyn Layer> = Arc::new(dense(4).build(4, &init));
    let model = Sequential::new([4], &init)
        .add_layer("once", shared.clone())
        .add(relu())
        .add_layer("twice", shared);
    let names: Vec<String> = parameters(&model).into_iter().map(|(n, _)| n).collect();
    assert_eq!(names, ["once.weight", "once.bias"]);
}

#[test]
fn hooks_see_and_change_activations() {
    let model = Sequential::new([2], &Init::new(0)).add(dense(3)).add(relu());
    let seen = std::cell::RefCell::new(vec![]);
    let cx = Context::eval().with_hook(|path, y| {
        seen.borrow_mut().push(format!("{path} {}", y.shape()));
        (path == "dense1").then(|| y.full_like(-1.0))
    });
    let y = model.forward(&Tensor::ones([1, 2]), &cx);
    assert_eq!(y.to_vec::<f32>(), [0.0; 3]);
    assert_eq!(*seen.borrow(), ["dense1 [1, 3]", "relu1 [1, 3]"]);
}

#[test]
fn a_shape_mistake_names_the_layer() {
    let model = Sequential::new([4], &Init::new(0)).add_named("fc1", dense(3));
    let e = gradus_tensor::try_build(|| model.forward(&Tensor::ones([2, 5]), &Context::eval()));
    let text = e.err().unwrap().to_string();
    assert!(text.contains("a [2, 5]   b [4, 3]"), "{text}");
    assert!(text.ends_with("in layer fc1 (Dense(3))"), "{text}");
}
