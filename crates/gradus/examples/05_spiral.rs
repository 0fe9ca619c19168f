//! CS231n's spiral: three arms that no straight lines can part, and that one hidden layer can.

mod plot;

use gradus::data::{labels_of, toy};
use gradus::prelude::*;
use gradus::{Step, gradients};
use plot::{Panel, save};

const POINTS: usize = 300;

/// Trains on all points at once with weight decay; gives the accuracy on them.
fn train(model: &Sequential, x: &Tensor, t: &Tensor, steps: usize) -> f64 {
    const RATE: f64 = 1.0;
    const DECAY: f64 = 1e-3;
    let weights: Vec<Variable> =
        parameters(model).iter().map(|(_, p)| p.variable().clone()).collect();
    let mut step = compile(|arguments: &[Tensor]| {
        let y = model.forward(&arguments[0], &Context::eval());
        let loss = losses::cross_entropy(&y, &arguments[1]).mean(..);
        let values: Vec<Tensor> = weights.iter().map(Variable::tensor).collect();
        let slopes = gradients(&loss, &values).expect("a differentiable model");
        let next = values.iter().zip(slopes).map(|(w, dw)| {
            let decay = if w.rank() == 2 { DECAY } else { 0.0 }; // not on biases
            w - (dw.expect("a gradient") + w * decay) * RATE
        });
        Step::new().read(&loss).updates(weights.iter().cloned().zip(next))
    });
    for i in 0..steps {
        let loss = step.run(&[x, t]).expect("a step").item(0);
        if i % (steps / 5) == 0 {
            println!("  step {i:>5}: loss {loss:.3}");
        }
    }
    let y = model.forward(x, &Context::eval());
    y.argmax(1).eq(t).cast(DType::F32).mean(..).item()
}

fn main() {
    let spiral = toy::spiral3(POINTS / 3, 0.2, 0);
    let x = Tensor::from_slice(spiral.points.as_flattened(), [POINTS, 2]);
    let t = Tensor::from_slice(&labels_of(&spiral), [POINTS]);

    println!("linear softmax");
    let linear = Sequential::new([2], &Init::new(0)).add(dense(3));
    let straight = train(&linear, &x, &t, 500);
    println!("  accuracy {straight:.3}");

    println!("100 hidden units");
    let mlp = Sequential::new([2], &Init::new(0)).add(dense(100)).add(relu()).add(dense(3));
    let bent = train(&mlp, &x, &t, 5_000);
    println!("  accuracy {bent:.3}");

    assert!(straight <= 0.56, "linear: {straight}");
    assert!(bent >= 0.97, "one hidden layer: {bent}");

    let arm = |arm: usize| -> Vec<[f64; 2]> {
        let points = spiral.points.chunks(POINTS / 3).nth(arm).expect("three arms");
        points.iter().map(|point| point.map(f64::from)).collect()
    };
    let panel = |title: &str, model: &Sequential| {
        let panel = Panel::new(title, [-1.2, 1.2], [-1.2, 1.2]).regions_of(model);
        (0..3).fold(panel, |panel, i| panel.points(&format!("class {i}"), i, &arm(i)))
    };
    let titles = [("no hidden layer", straight), ("100 hidden units (ReLU)", bent)]
        .map(|(title, right)| format!("{title}: {:.0} % right", 100.0 * right));
    save("spiral", &[panel(&titles[0], &linear), panel(&titles[1], &mlp)]);
}
