//! A thousand layers: with residual connections they learn, without they do not.
//!
//! A layer adds a little to what it gets, h ← h + tanh(h·W + b)/√L, so that a gradient passes the sum untouched. Without the sum it passes a
//! thousand slopes and vanishes.   He et al. 2015, arXiv:1512.03385

use gradus::data::{labels_of, toy};
use gradus::prelude::*;
use gradus::{Step, gradients};

const LAYERS: usize = 1000;
const WIDTH: usize = 8;
const POINTS: usize = 120;
const RATE: f64 = 0.05;
const MOMENTUM: f64 = 0.9;

/// A network of a thousand layers between two dense ones; every layer's state is in `layers`.
struct Deep {
    first: Dense,
    layers: Vec<Dense>,
    last: Dense,
    residual: bool,
}

impl Deep {
    fn new(residual: bool) -> Deep {
        let init = Init::new(1);
        Deep {
            first: dense(WIDTH).build(2, &init),
            layers: (0..LAYERS).map(|_| dense(WIDTH).build(WIDTH, &init)).collect(),
            last: dense(2).build(WIDTH, &init),
            residual,
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let cx = Context::eval();
        let mut h = self.first.forward(x, &cx); // [N, 8]
        for layer in &self.layers {
            let update = layer.forward(&h, &cx).tanh();
            h = if self.residual { h + update * (1.0 / (LAYERS as f64).sqrt()) } else { update };
        }
        self.last.forward(&h, &cx) // [N, 2]
    }

    fn variables(&self) -> Vec<Variable> {
        let all = [&self.first].into_iter().chain(&self.layers).chain([&self.last]);
        all.flat_map(|layer| parameters(layer)).map(|(_, p)| p.variable().clone()).collect()
    }
}

/// Trains by descent with momentum on all points at once; gives the last loss and the accuracy.
fn train(model: &Deep, x: &Tensor, t: &Tensor, steps: usize) -> (f64, f64) {
    let variables = model.variables();
    let still = |v: &Variable| Variable::new("velocity", &Tensor::zeros(v.shape()));
    let velocities: Vec<Variable> = variables.iter().map(still).collect();
    let mut step = compile(|arguments: &[Tensor]| {
        let loss = losses::cross_entropy(&model.forward(&arguments[0]), &arguments[1]).mean(..);
        let values: Vec<Tensor> = variables.iter().map(Variable::tensor).collect();
        let slopes = gradients(&loss, &values).expect("a differentiable model");
        let mut step = Step::new().read(&loss);
        for (((w, v), value), dw) in variables.iter().zip(&velocities).zip(&values).zip(slopes) {
            let velocity = v.tensor() * MOMENTUM + dw.expect("a gradient");
            step = step.update(w, &(value - &velocity * RATE)).update(v, &velocity);
        }
        step
    });
    let mut loss = f64::NAN;
    for i in 0..steps {
        loss = step.run(&[x, t]).expect("a step").item(0);
        if i % 20 == 0 {
            println!("  step {i:>3}: loss {loss:.4}");
        }
    }
    (loss, model.forward(x).argmax(1).eq(t).cast(DType::F32).mean(..).item())
}

fn main() {
    let moons = toy::moons(POINTS, 0.05, 0);
    let x = Tensor::from_slice(moons.points.as_flattened(), [POINTS, 2]);
    let t = Tensor::from_slice(&labels_of(&moons), [POINTS]);
    for residual in [true, false] {
        let model = Deep::new(residual);
        println!("{LAYERS} {} layers", if residual { "residual" } else { "plain" });
        let (loss, accuracy) = train(&model, &x, &t, 81);
        println!("  accuracy {accuracy:.3}");
        if residual {
            assert!(loss < 0.1 && accuracy >= 0.98, "loss {loss}, accuracy {accuracy}");
        } else {
            // ln 2, the loss of knowing nothing: no gradient has come through.
            assert!((loss - 2f64.ln()).abs() < 0.01, "the plain network learned: loss {loss}");
        }
    }
}
