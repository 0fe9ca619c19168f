//! Transfer learning: a slim ResNet-20 learns five classes with all their labels, then five others with 20 labels each, from
//! scratch and with what it knows. On the embedded digits in seconds; on Fashion-MNIST, the mean of three draws of labels:
//!
//!     cargo run --release --example 19_transfer -- fashion-mnist

use gradus::data::{Dataset, OpenOptions, open};
use gradus::io::{Checkpoint, NamedArray};
use gradus::models::{Design, Shortcut, cifar_resnet};
use gradus::nn::{Init, Parameter, Sequential, parameters};
use gradus::prelude::*;
use gradus::train::callbacks::{Callback, GradualUnfreezing};
use gradus::train::schedule::Schedule;
use gradus::train::{Arrays, Group, Source, set_weights, weights};
use std::sync::Arc;

/// Labels of each new class.
const LABELS: usize = 20;
/// The network from its input to its classifier, and at which share of the rate each part learns where rates differ.
const PARTS: [(&[&str], f64); 5] = [
    (&["conv1", "bn1"], 0.0625),
    (&["layer1"], 0.125),
    (&["layer2"], 0.25),
    (&["layer3"], 0.5),
    (&["fc"], 1.0),
];
const EPOCHS: u64 = 40;

type Known<'a> = (&'a Sequential, f64); // and its width
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The images of some classes, at most so many of each from the given place on, normalised, and their labels from 0.
fn part(data: &dyn Dataset, classes: &[i64], skip: usize, most: usize) -> (Tensor, Tensor) {
    let (mut pixels, mut labels) = (vec![], vec![]);
    let mut image = vec![0.0; 28 * 28];
    for (new, &class) in classes.iter().enumerate() {
        let of_class = (0..data.len()).filter(|&i| data.label(i) == class);
        for i in of_class.skip(skip).take(most) {
            data.read(i, &mut image).expect("it is in memory");
            pixels.extend(image.iter().map(|p| (p - 0.2) / 0.33));
            labels.push(new as i64);
        }
    }
    let n = labels.len();
    (Tensor::from_slice(&pixels, [n, 1, 28, 28]), Tensor::from_slice(&labels, [n]))
}

fn network(width: f64, seed: u64) -> Sequential {
    let design = Design::new([1, 28, 28], 5).width(width);
    cifar_resnet(20, Shortcut::Identity, &design, &Init::new(seed))
}

const WAYS: [&str; 4] = ["from scratch", "frozen features", "fine-tuning", "gradual unfreezing"];

/// The parameters of a part of the network.
fn of(model: &Sequential, part: &[&str]) -> Vec<Parameter> {
    let within = |path: &str| part.iter().any(|layer| path.split('.').next() == Some(layer));
    parameters(model).into_iter().filter(|(path, _)| within(path)).map(|(_, p)| p).collect()
}

/// Trains on a few labels and gives the accuracy on the test images.
fn learn(way: &str, by: Known<'_>, draw: u64, few: &Arrays, test: &Arrays) -> Outcome<f64> {
    let (known, model) = (by.0, network(by.1, 100 + draw));
    let mut recipe = Recipe { metrics: vec![metrics::accuracy()], ..Recipe::default() };
    if way != WAYS[0] {
        // Everything but the classifier, which is for other classes.
        let is_new = |array: &NamedArray| array.name.starts_with("fc.");
        let taken = weights(known).into_iter().filter(|a| !is_new(a));
        let all = taken.chain(weights(&model).into_iter().filter(is_new));
        set_weights(&model, &Checkpoint::new(all.collect()))?;
    }
    let trunk: Vec<_> = PARTS[..4].iter().rev().map(|(part, _)| of(&model, part)).collect();
    if way == WAYS[1] {
        trunk.iter().flatten().for_each(|p| p.freeze(true));
    }
    if way == WAYS[3] {
        let rate = |p: &&str, x| Group { path: (*p).into(), rate_scale: x, weight_decay: None };
        let groups = PARTS.iter().flat_map(|(part, x)| part.iter().map(|path| rate(path, *x)));
        recipe.groups = groups.collect();
    }
    // A classifier alone bears, and needs, larger steps.
    let rate = if way == WAYS[1] { 0.03 } else { 0.003 };
    let mut learner = Learner::with(model.into(), Box::new(Adam::new(rate)), recipe, draw);
    let mut callbacks: Vec<Box<dyn Callback>> = vec![];
    if way == WAYS[3] {
        let unfreezing = GradualUnfreezing::new(trunk, EPOCHS / 8);
        unfreezing.take_up(0, &mut learner);
        callbacks.push(Box::new(unfreezing));
    }
    let schedule = Schedule::one_cycle(EPOCHS * few.batches() as u64);
    let mut fit = Fit { epochs: EPOCHS, schedule, callbacks, ..Fit::default() };
    fit.run(&mut learner, few, None, &mut Progress::default())?;
    Ok(evaluate(&mut learner, test)?.metrics[0])
}

fn main() -> Outcome<()> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "mnist-5k".into());
    let (draws, width) = if name == "mnist-5k" { (1, 0.25) } else { (3, 0.5) };
    let (old, new) = ([0, 1, 2, 3, 4], [5, 6, 7, 8, 9]);
    let data = open(&name, &OpenOptions::from_environment())?;
    let (x, t) = part(&*data.train, &old, 0, usize::MAX);
    let known = Arc::new(network(width, 0));
    let mut learner = Learner::new(known.clone(), Adam::new(0.002));
    learner.fit(&Arrays::new(&x, &t, 64)?.shuffle(0), 5)?;
    let (x, t) = part(&*data.test, &new, 0, usize::MAX);
    let test = Arrays::new(&x, &t, 250)?;
    let mut means = vec![];
    for way in WAYS {
        let mut sum = 0.0;
        for draw in 0..draws {
            let (x, t) = part(&*data.train, &new, draw * LABELS, LABELS);
            let few = Arrays::new(&x, &t, 20)?.shuffle(draw as u64);
            sum += learn(way, (&known, width), draw as u64, &few, &test)?;
        }
        means.push(sum / draws as f64);
        println!("{:.4}  {way}", means[means.len() - 1]);
    }
    assert!(means[2] >= means[0] + 0.05 && means[3] >= means[0] + 0.05, "{means:?}");
    Ok(())
}
