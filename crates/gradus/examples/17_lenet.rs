//! LeNet-5 twice: as published in 1998, 60,000 parameters counted layer by layer, and as it is built today, 61,706, trained for
//! two epochs on real digits.   LeCun, Bottou, Bengio & Haffner 1998 §II.B

use gradus::data::{Normalization, mnist_5k_split};
use gradus::models::{Design, lenet, lenet_original};
use gradus::nn::Summary;
use gradus::prelude::*;
use gradus::train::schedule::Schedule;
use std::error::Error;
use std::sync::Arc;

/// Trained parameters of each layer that has some.
fn counts(summary: &Summary) -> Vec<(&str, usize)> {
    let rows = summary.rows.iter().filter(|row| row.parameters > 0);
    rows.map(|row| (row.path.as_str(), row.parameters)).collect()
}

fn original() {
    let model = lenet_original(&Design::new([1, 32, 32], 10), &Init::new(0));
    let summary = model.summary();
    println!("as published\n{summary}");
    // C1 and C5: 25 weights for each map seen, and a bias. S2 and S4: a factor and a bias for each map. C3 by its table: 60 links
    // of 25 weights and 16 biases.
    let expected = [
        ("c1", 6 * 26),
        ("s2", 6 * 2),
        ("c3", 60 * 25 + 16),
        ("s4", 16 * 2),
        ("c5", 120 * (16 * 25 + 1)),
        ("f6", 84 * 121),
    ];
    assert_eq!(counts(&summary), expected);
    assert_eq!(summary.parameters, 60_000);
    // The paper counts a connection for each weight or bias used; a pool's output has four pixels and a bias, the output layer 84
    // fixed weights for each digit.
    let connections =
        [6 * 26 * 784, 6 * 5 * 196, 1516 * 100, 16 * 5 * 25, 120 * 401, 84 * 121, 84 * 10];
    assert_eq!(connections.iter().sum::<usize>(), 340_908);
    // The output is minus the distance to each digit's bitmap; it has no weights to train.
    let scores = model.forward(&Tensor::zeros([1, 1, 32, 32]), &Context::eval());
    assert_eq!(scores.shape(), Shape::from([1, 10]));
}

fn modern() -> Result<f64, Box<dyn Error>> {
    let (train, test) = mnist_5k_split()?;
    let options = LoaderOptions {
        batch_size: 32,
        normalization: Some(Normalization::of(&train)?),
        ..LoaderOptions::default()
    };
    let shuffled = LoaderOptions { shuffle: true, ..options.clone() };
    let (train, test) = (Loader::new(train.into(), shuffled)?, Loader::new(test.into(), options)?);

    let model = Arc::new(lenet(&Design::new([1, 28, 28], 10), &Init::new(0)));
    let summary = model.summary();
    println!("as it is built today\n{summary}");
    let expected = [
        ("conv1", 6 * 26),
        ("conv2", 16 * (6 * 25 + 1)),
        ("dense1", 120 * 401),
        ("dense2", 84 * 121),
        ("dense3", 10 * 85),
    ];
    assert_eq!(counts(&summary), expected);
    assert_eq!(summary.parameters, 61_706);

    let recipe = Recipe { metrics: vec![metrics::accuracy()], ..Recipe::default() };
    let mut learner = Learner::with(model, Box::new(Adam::new(5e-3)), recipe, 0);
    let mut fit = Fit { epochs: 2, schedule: Schedule::one_cycle(250), ..Fit::default() };
    let mut progress = Progress::default();
    fit.run(&mut learner, &train, None, &mut progress)?;
    for epoch in &progress.history {
        println!("epoch {}: loss {:.3}", epoch.epoch, epoch.loss);
    }
    Ok(evaluate(&mut learner, &test)?.metrics[0])
}

fn main() -> Result<(), Box<dyn Error>> {
    original();
    let accuracy = modern()?;
    println!("test accuracy {accuracy:.3}");
    assert!(accuracy >= 0.93, "{accuracy}");
    Ok(())
}
