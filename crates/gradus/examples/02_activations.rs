//! Activation functions, their slopes, and how a ReLU unit dies.
//!
//! A unit is dead when it gives 0 for every training sample: then no gradient reaches its weights, and it stays dead. Too high a
//! learning rate kills; a leak keeps alive.

mod plot;

use gradus::data::{Dataset, labels_of, mnist_5k_split};
use gradus::nn::Initializer::HeNormal;
use gradus::prelude::*;
use gradus::{Step, gradients};
use plot::{Panel, save};

type Function = fn(&Tensor) -> Tensor;

const FUNCTIONS: [(&str, Function); 8] = [
    ("logistic", Tensor::sigmoid),
    ("tanh", Tensor::tanh),
    ("LeCun tanh", Tensor::lecun_tanh),
    ("ReLU", Tensor::relu),
    ("leaky ReLU", leaky),
    ("ELU", |x| x.elu(1.0)),
    ("softplus", |x| x.softplus(1.0)),
    ("GELU", Tensor::gelu),
];

fn leaky(x: &Tensor) -> Tensor {
    x.leaky_relu(0.1)
}

/// The slope of f at every element of x.
fn slope(f: Function, x: &Tensor) -> Vec<f64> {
    let [dx] = grad(&f(x).sum(..), [x]);
    dx.to_vec()
}

/// f(x) and f'(x) in a table, each slope compared with a central difference.
fn table() {
    let x = Tensor::from([-2.0f64, -1.0, -0.5, 0.5, 1.0, 2.0]);
    println!("{:<11} {:>8.1?}", "x", x.to_vec::<f64>());
    let h = 1e-5;
    for (name, f) in FUNCTIONS {
        let slopes = slope(f, &x);
        println!("{name:<11} {:>8.4?}\n{:>11} {slopes:>8.4?}", f(&x).to_vec::<f64>(), "slope");
        let numeric = ((f(&(&x + h)) - f(&(&x - h))) / (2.0 * h)).to_vec::<f64>();
        assert!(slopes.iter().zip(&numeric).all(|(a, b)| (a - b).abs() < 1e-7), "{name}");
    }
    let zero = Tensor::from([0.0f64]);
    assert_eq!(slope(Tensor::sigmoid, &zero), [0.25]);
    assert_eq!(slope(Tensor::tanh, &zero), [1.0]);
    assert_eq!(slope(Tensor::relu, &zero), [0.0]);
    // The perceptron's step is flat: asking for its gradient is a mistake, not a silent 0.
    let why = gradients(&zero.step().sum(..), std::slice::from_ref(&zero)).unwrap_err();
    println!(
        "\na deliberate mistake, the gradient of the perceptron's step, and what is said of it:\n{why}\n"
    );
    // Ten logistic layers at best: each is centred again, so that every one works at its steepest point.
    let deepest = (0..10).fold(zero.clone(), |x, _| x.sigmoid() - 0.5);
    let [best] = grad(&deepest.sum(..), [&zero]);
    println!("ten logistic layers pass at most {:.2e} of a gradient", best.item());
    assert!((best.item() / 0.25f64.powi(10) - 1.0).abs() < 1e-9);
}

/// f and f' from −4 to 4, beside each other.
fn curves() {
    let x = Tensor::linspace(-4.0, 4.0, 321);
    let along: Vec<f64> = x.to_vec();
    let of = |y: Vec<f64>| along.iter().zip(y).map(|(&x, y)| [x, y]).collect::<Vec<_>>();
    let empty = |title: &str, y, name| Panel::new(title, [-4.0, 4.0], y).labels("x", name);
    let mut panels = [
        empty("activation functions", [-2.0, 4.0], "f(x)"),
        empty("their slopes", [-0.25, 1.25], "f′(x)"),
    ];
    for (kind, (name, f)) in FUNCTIONS.into_iter().enumerate() {
        let both = [f(&x).to_vec(), slope(f, &x)].map(of);
        let mut both = both.into_iter();
        panels = panels.map(|panel| panel.curve(name, kind, &both.next().expect("two")));
    }
    save("activations", &panels);
}

/// Images `[N, 784]` and labels `[N]`.
fn tensors(set: &dyn Dataset) -> (Tensor, Tensor) {
    let mut pixels = vec![0.0; set.len() * 784];
    for (i, image) in pixels.chunks_mut(784).enumerate() {
        set.read(i, image).expect("an embedded image");
    }
    let labels = Tensor::from_slice(&labels_of(set), [set.len()]);
    (Tensor::from_slice(&pixels, [set.len(), 784]), labels)
}

/// Trains 784-100-100-10 for two epochs; gives the part of its 200 hidden units that are dead on all of `x`.
fn dead_part(f: Function, rate: f64, x: &Tensor, t: &Tensor) -> f64 {
    let hidden = || dense(100).init(HeNormal);
    let model = Sequential::new([784], &Init::new(1))
        .add(hidden())
        .add_named("act1", Activation::new("act", f))
        .add(hidden())
        .add_named("act2", Activation::new("act", f))
        .add(dense(10));
    let weights: Vec<_> = parameters(&model).iter().map(|(_, p)| p.variable().clone()).collect();
    let mut train = compile(|arguments: &[Tensor]| {
        let y = model.forward(&arguments[0], &Context::eval());
        let loss = losses::cross_entropy(&y, &arguments[1]).mean(..);
        let values: Vec<Tensor> = weights.iter().map(Variable::tensor).collect();
        let slopes = gradients(&loss, &values).expect("a differentiable model");
        let next = values.iter().zip(slopes).map(|(w, dw)| w - dw.expect("a gradient") * rate);
        Step::new().read(&loss).updates(weights.iter().cloned().zip(next))
    });
    // The digits come sorted: one random order for both epochs.
    let order = Tensor::permutation(x.size(0), 5);
    let (mixed, labels) = (x.index_select(0, &order), t.index_select(0, &order));
    for _ in 0..2 {
        for start in (0..x.size(0)).step_by(50) {
            let batch = [&mixed, &labels].map(|a| a.slice(0, start..start + 50));
            train.run(&[&batch[0], &batch[1]]).expect("a step");
        }
    }
    let dead = std::cell::Cell::new(0.0);
    let look = Context::eval().with_hook(|path, y| {
        if path.starts_with("act") {
            dead.set(dead.get() + y.abs().max(0).eq(0.0).cast(DType::F32).sum(..).item());
        }
        None
    });
    model.forward(x, &look);
    dead.get() / 200.0
}

fn main() {
    table();
    curves();
    let (x, t) = tensors(&mnist_5k_split().expect("embedded digits").0);
    let relu: Function = Tensor::relu;
    let cases = [("ReLU", relu, 0.1), ("ReLU", relu, 1.5), ("leaky ReLU", leaky, 1.5)];
    let dead = cases.map(|(name, f, rate)| {
        let part = dead_part(f, rate, &x, &t);
        println!("{name} at rate {rate}: {:.1} % of the hidden units are dead", 100.0 * part);
        part
    });
    assert!(dead[0] < 0.1 && dead[1] >= 0.2 && dead[2] < 0.01);
}
