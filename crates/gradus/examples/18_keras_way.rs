//! What users of Keras and PyTorch look for, in one program: `Sequential`, `summary`, `fit` with callbacks, `evaluate`, `predict`,
//! `train_on_batch`; freezing, parameter groups, averages of weights; hooks by layer path; weights to a file and back in one call.

use gradus::data::{Normalization, mnist_5k_split};
use gradus::gradients;
use gradus::nn::losses::cross_entropy;
use gradus::prelude::*;
use gradus::train::callbacks::{EarlyStopping, Flow, Lambda, TerminateOnNan};
use gradus::train::optim::{Clip, Ema};
use gradus::train::{Group, Source, load_weights, save_weights};
use std::cell::RefCell;
use std::error::Error;
use std::sync::Arc;

fn model(seed: u64) -> Sequential {
    Sequential::new([1, 28, 28], &Init::new(seed))
        .add(conv2d(6, 5)) // conv1 [6, 24, 24]
        .add(relu())
        .add(max_pool2d(4)) // pool1 [6, 6, 6]
        .add(flatten())
        .add(dropout(0.1))
        .add(dense(10)) // dense1
}

fn loaders() -> Result<(Loader, Loader), Box<dyn Error>> {
    let (train, test) = mnist_5k_split()?;
    let normalization = Some(Normalization::of(&train)?);
    let options = LoaderOptions { batch_size: 50, normalization, ..LoaderOptions::default() };
    let shuffled = LoaderOptions { shuffle: true, ..options.clone() };
    Ok((Loader::new(train.into(), shuffled)?, Loader::new(test.into(), options)?))
}

/// The outputs of all layers for `x`, by path, and the loss's gradient at each of them.
fn inside(model: &Sequential, x: &Tensor, t: &Tensor) -> Vec<(String, Tensor, Tensor)> {
    let seen = RefCell::new(vec![]);
    let look = Context::eval().with_hook(|path, y| {
        seen.borrow_mut().push((path.to_owned(), y.clone()));
        None // Some(tensor) would put it in place of the output
    });
    let loss = cross_entropy(&model.forward(x, &look), t).mean(..);
    drop(look);
    let seen = seen.into_inner();
    let outputs: Vec<Tensor> = seen.iter().map(|(_, y)| y.clone()).collect();
    let slopes = gradients(&loss, &outputs).expect("a differentiable model");
    let both = seen.into_iter().zip(slopes);
    both.map(|((path, y), dy)| (path, y, dy.expect("on the way to the loss"))).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let (train, test) = loaders()?;
    let net = Arc::new(model(0));
    println!("{}", net.summary());

    // compile: loss, metrics, optimiser, and what concerns single layers.
    let recipe = Recipe {
        loss: cross_entropy.into(),
        metrics: vec![metrics::accuracy(), metrics::top_k::<3>()],
        clip: Some(Clip::Norm(5.0)),
        ema: Some(Ema::new(0.95)),
        // Biases never decay; the last layer learns at half the rate.
        groups: vec![Group { path: "dense1".into(), rate_scale: 0.5, weight_decay: None }],
        ..Recipe::default()
    };
    let adam = AdamW::new(5e-3).weight_decay(0.01);
    let mut learner = Learner::with(net.clone(), Box::new(adam), recipe, 0);

    // fit, with callbacks; a closure is one too.
    let callbacks: Vec<Box<dyn callbacks::Callback>> = vec![
        Box::new(TerminateOnNan),
        Box::new(EarlyStopping::new("val_loss", 2)),
        Box::new(Lambda::new(|moment| {
            let log = moment.epoch().expect("called after an epoch");
            let held_out = log.get("val_loss").unwrap_or(f64::NAN);
            println!("epoch {}: loss {:.3}, val_loss {held_out:.3}", log.epoch, log.loss);
            let done = log.get("val_accuracy").is_some_and(|accuracy| accuracy > 0.99);
            Ok(if done { Flow::Stop("good enough".into()) } else { Flow::Continue })
        })),
    ];
    let mut fit = Fit { epochs: 3, callbacks, ..Fit::default() };
    fit.run(&mut learner, &train, Some(&test), &mut Progress::default())?;

    // evaluate, with the weights and with their averages.
    let last = evaluate(&mut learner, &test)?.metrics;
    let averaged = learner.with_averages(|learner| evaluate(learner, &test))??.metrics;
    println!("accuracy {:.3}, of the averaged weights {:.3}", last[0], averaged[0]);
    assert!(last[0] > 0.9 && averaged[0] > 0.9 && last[1] > last[0]);

    // predict, and train_on_batch.
    let batch = Source::from(&test, 0, 0).next().expect("a batch")?;
    let (x, t) = batch.xt()?;
    assert_eq!(learner.predict_batch(x)?.shape(), Shape::from([50, 10]));
    assert!(learner.train_batch(x, t, 1e-3)?.loss.is_finite());

    // Hooks: activations and their gradients by layer path.
    for (path, y, dy) in inside(&net, x, t) {
        let (mean, slope) = (y.mean(..).item(), dy.norm_l2(..).item());
        println!("{path:<9} {:<16} mean {mean:>6.3}, |gradient| {slope:.4}", y.shape().to_string());
    }

    // save and load.
    let file = std::env::temp_dir().join(format!("gradus-18-{}.safetensors", std::process::id()));
    save_weights(&file, &*net)?;
    let copy = Arc::new(model(1));
    load_weights(&file, &*copy)?;
    std::fs::remove_file(&file)?;
    let same = |a: &Tensor, b: &Tensor| a.to_vec::<f32>() == b.to_vec::<f32>();
    assert!(same(&net.forward(x, &Context::eval()), &copy.forward(x, &Context::eval())));

    // Freezing: conv1 stays, the rest learns. A learner made after freezing knows.
    let kernels = || copy.layer("conv1").map(|layer| parameters(layer)[0].1.tensor());
    let before = kernels().expect("a layer of that name");
    parameters(&*copy)
        .iter()
        .filter(|(path, _)| path.starts_with("conv1"))
        .for_each(|(_, p)| p.freeze(true));
    let mut tuned = Learner::new(copy.clone(), Sgd::new(0.1));
    tuned.train_batch(x, t, 0.1)?;
    assert!(same(&before, &kernels().expect("as before")));
    assert!(!same(&net.forward(x, &Context::eval()), &copy.forward(x, &Context::eval())));
    Ok(())
}
