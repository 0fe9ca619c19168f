//! A layer of your own: `#[derive(Module)]` finds its state, `forward` is all there is to write.
//!
//! The layer is a highway, y = g·h + (1 − g)·x, whose gate g learns how much of the input to carry.   Srivastava et al. 2015, arXiv:1505.00387

use gradus::data::{labels_of, toy};
use gradus::nn::Parameter;
use gradus::prelude::*;
use gradus::{Step, gradients};

/// Its parameters are those of its fields, under the fields' names.
#[derive(Module)]
struct Highway {
    transform: Dense,
    gate: Dense,
    /// Multiplies the output; a parameter of the layer itself.
    scale: Parameter,
    #[module(skip)]
    size: usize,
}

impl Highway {
    fn new(size: usize, init: &Init) -> Highway {
        Highway {
            transform: dense(size).build(size, init),
            gate: dense(size).bias_init(-1.0).build(size, init), // at first, carry
            scale: Parameter::bias(&Tensor::ones([size])),
            size,
        }
    }
}

impl Layer for Highway {
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        let h = self.transform.forward(x, cx).tanh(); // [B, size]
        let g = self.gate.forward(x, cx).sigmoid(); // [B, size]
        (&g * h + (1.0 - &g) * x) * self.scale.tensor()
    }
    fn describe(&self) -> String {
        format!("Highway({})", self.size)
    }
}

/// Structs of layers are modules in turn.
#[derive(Module)]
struct Classifier {
    embed: Dense,
    highways: Vec<Highway>,
    head: Dense,
}

impl Classifier {
    fn forward(&self, x: &Tensor) -> Tensor {
        let cx = Context::eval();
        let start = self.embed.forward(x, &cx); // [B, 16]
        let through = self.highways.iter().enumerate();
        let h = through.fold(start, |h, (i, layer)| cx.run(&format!("highways.{i}"), layer, &h));
        self.head.forward(&h, &cx) // [B, 2]
    }
}

fn main() {
    let init = Init::new(0);
    let model = Classifier {
        embed: dense(16).build(2, &init),
        highways: (0..3).map(|_| Highway::new(16, &init)).collect(),
        head: dense(2).build(16, &init),
    };
    let all = parameters(&model);
    for (name, p) in &all {
        println!("{name:<28} {}", p.variable().shape());
    }
    assert_eq!(all.len(), 2 + 3 * 5 + 2);
    assert_eq!(all[2].0, "highways.0.transform.weight");
    let count: usize = all.iter().map(|(_, p)| p.variable().shape().len()).sum();
    assert_eq!(count, (2 * 16 + 16) + 3 * (2 * (16 * 16 + 16) + 16) + (16 * 2 + 2));

    let moons = toy::moons(200, 0.1, 1);
    let x = Tensor::from_slice(moons.points.as_flattened(), [200, 2]);
    let t = Tensor::from_slice(&labels_of(&moons), [200]);
    let variables: Vec<Variable> = all.iter().map(|(_, p)| p.variable().clone()).collect();
    let mut step = compile(|arguments: &[Tensor]| {
        let loss = losses::cross_entropy(&model.forward(&arguments[0]), &arguments[1]).mean(..);
        let values: Vec<Tensor> = variables.iter().map(Variable::tensor).collect();
        let slopes = gradients(&loss, &values).expect("a differentiable model");
        // The derived state tree reaches every parameter: none is without a gradient.
        let next = values.iter().zip(slopes).map(|(w, dw)| w - dw.expect("a gradient") * 0.5);
        Step::new().read(&loss).updates(variables.iter().cloned().zip(next))
    });
    for _ in 0..400 {
        step.run(&[&x, &t]).expect("a step");
    }
    let accuracy = model.forward(&x).argmax(1).eq(&t).cast(DType::F32).mean(..).item();
    println!("accuracy on two moons: {accuracy:.3}");
    assert!(accuracy >= 0.98);
}
