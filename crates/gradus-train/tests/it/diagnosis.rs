//! Planted faults are named; healthy runs are not remarked on.

use crate::fit::loaders;
use gradus_data::{Loader, LoaderOptions, Normalization, Subset};
use gradus_nn::layers::{
    Activation, batch_norm, conv2d, dense, flatten, max_pool2d, relu, sigmoid, tanh,
};
use gradus_nn::{Init, Sequential, parameters};
use gradus_train::callbacks::{Flow, Lambda};
use gradus_train::diagnosis::{Ailment, Diagnose};
use gradus_train::optim::{Adam, Optimizer, Sgd};
use gradus_train::schedule::Schedule;
use gradus_train::{Fit, Learner, Progress, Recipe, Source};
use std::sync::Arc;

/// What is said of a run.
fn remarks(
    model: Sequential,
    optimizer: impl Optimizer + 'static,
    epochs: u64,
    batches: usize,
    data: (&Loader, &Loader),
) -> Vec<Ailment> {
    let mut said = vec![];
    let mut learner = Learner::with(Arc::new(model), Box::new(optimizer), Recipe::default(), 9);
    let mut fit = Fit { epochs, limit_batches: Some(batches), ..Fit::default() };
    fit.callbacks.push(Box::new(Diagnose::new(|remark| {
        eprintln!("{remark}");
        // Numbers are as one types them, 9.1 and not 9.1e0.
        assert!(!remark.to_string().contains("e0"), "{remark}");
        said.push(remark.ailment);
    })));
    fit.run(&mut learner, data.0, Some(data.1), &mut Progress::default()).unwrap();
    drop(fit);
    said
}

fn mlp(depth: usize, width: usize, activation: fn() -> Activation) -> Sequential {
    let mut model = Sequential::new([1, 28, 28], &Init::new(1)).add(flatten());
    for _ in 0..depth {
        model = model.add(dense(width)).add(activation());
    }
    model.add(dense(10))
}

/// Every weight multiplied with `factor`.
fn scaled(model: Sequential, factor: f64) -> Sequential {
    for (_, p) in parameters(&model).iter().filter(|(_, p)| p.decays()) {
        p.variable().set(&(p.variable().value() * factor)).unwrap();
    }
    model
}

#[test]
fn healthy_runs_are_not_remarked_on() {
    let (train, test) = loaders();
    let data = (&train, &test);
    assert_eq!(remarks(mlp(2, 64, relu), Adam::new(1e-3), 3, 40, data), []);
    assert_eq!(remarks(mlp(2, 64, tanh), Sgd::new(0.02).momentum(0.9), 3, 40, data), []);
    let net = Sequential::new([1, 28, 28], &Init::new(1))
        .add(conv2d(6, 5))
        .add(batch_norm())
        .add(relu())
        .add(max_pool2d(2))
        .add(flatten())
        .add(dense(10));
    assert_eq!(remarks(net, Sgd::new(0.05).momentum(0.9), 2, 20, data), []);
}

/// The first batch of a trained model may have a loss far below the others', and at a schedule's end no step moves anything:
/// neither is the rate's fault.
#[test]
fn going_on_with_a_trained_model_is_not_remarked_on() {
    let (train, test) = loaders();
    let model = Arc::new(mlp(2, 64, relu));
    let mut learner = Learner::with(model.clone(), Box::new(Adam::new(3e-3)), Recipe::default(), 9);
    let mut fit = Fit { epochs: 6, ..Fit::default() };
    fit.run(&mut learner, &train, None, &mut Progress::default()).unwrap();
    for (seed, rate) in [(0, 1e-4), (1, 1e-5), (2, 1e-4), (3, 1e-5), (4, 3e-4), (5, 1e-4)] {
        let mut said = vec![];
        let adam = Box::new(Adam::new(rate));
        let mut learner = Learner::with(model.clone(), adam, Recipe::default(), seed);
        let steps = train.batches() as u64;
        let mut fit = Fit { epochs: 1, schedule: Schedule::one_cycle(steps), ..Fit::default() };
        fit.callbacks.push(Box::new(Diagnose::new(|remark| said.push(remark.to_string()))));
        fit.run(&mut learner, &train, Some(&test), &mut Progress::default()).unwrap();
        drop(fit);
        assert!(said.is_empty(), "{said:?}");
    }
}

#[test]
fn dead_units_are_found() {
    let (train, test) = loaders();
    let model = mlp(1, 50, relu);
    let (_, bias) = &parameters(&model)[1];
    bias.variable().set(&bias.variable().value().full_like(-100.0)).unwrap();
    let said = remarks(model, Sgd::new(0.01), 1, 16, (&train, &test));
    assert_eq!(said, [Ailment::DeadUnits]);
}

#[test]
fn vanishing_gradients_are_found() {
    let (train, test) = loaders();
    let said = remarks(mlp(10, 30, sigmoid), Sgd::new(0.1), 1, 16, (&train, &test));
    assert_eq!(said, [Ailment::Vanishing]);
}

#[test]
fn exploding_gradients_are_found() {
    let (train, test) = loaders();
    let model = scaled(mlp(10, 30, relu), 4.0);
    let said = remarks(model, Sgd::new(1e-12), 1, 16, (&train, &test));
    assert!(said.contains(&Ailment::Exploding), "{said:?}");
}

#[test]
fn saturation_is_found() {
    let (train, test) = loaders();
    let said = remarks(scaled(mlp(1, 30, tanh), 50.0), Sgd::new(0.01), 1, 16, (&train, &test));
    assert!(said.contains(&Ailment::Saturated), "{said:?}");
}

#[test]
fn a_rate_too_high_is_found() {
    let (train, test) = loaders();
    let said = remarks(mlp(2, 64, relu), Sgd::new(10.0), 1, 30, (&train, &test));
    assert!(said.contains(&Ailment::RateTooHigh), "{said:?}");
}

#[test]
fn a_rate_too_low_is_found() {
    let (train, test) = loaders();
    let said = remarks(mlp(2, 64, relu), Sgd::new(1e-6), 2, 40, (&train, &test));
    assert_eq!(said, [Ailment::RateTooLow]);
}

/// Sixty digits to learn by heart.
fn few(train: &Loader) -> Loader {
    let spread = train.dataset().len() / 60;
    let few = (0..60).map(|i| i * spread).collect();
    let few = Subset::new(train.dataset().clone(), few).unwrap();
    let options = LoaderOptions {
        batch_size: 20,
        shuffle: true,
        normalization: Some(Normalization::new(&[0.1307], &[0.3081]).unwrap()),
        ..LoaderOptions::default()
    };
    Loader::new(Arc::new(few), options).unwrap()
}

#[test]
fn overfitting_is_found() {
    let (train, test) = loaders();
    let said = remarks(mlp(2, 128, relu), Adam::new(2e-3), 25, 3, (&few(&train), &test));
    assert_eq!(said, [Ailment::Overfitting]);
}

/// What is said, and what of it is withdrawn, of a run whose weights are set to those of its fifth epoch after another, or not.
fn withdrawn(set_after: Option<u64>, stop_after: Option<u64>) -> (Vec<Ailment>, Vec<Ailment>) {
    let (train, test) = loaders();
    let few = few(&train);
    let model = Arc::new(mlp(2, 128, relu));
    let weights: Vec<_> =
        parameters(&*model).into_iter().map(|(_, p)| p.variable().clone()).collect();
    let (mut said, mut gone, mut kept) = (vec![], vec![], vec![]);
    let mut learner = Learner::with(model, Box::new(Adam::new(2e-3)), Recipe::default(), 9);
    let interrupt = Arc::<std::sync::atomic::AtomicBool>::default();
    let limit_batches = Some(3);
    let mut fit = Fit { epochs: 27, limit_batches, interrupt: interrupt.clone(), ..Fit::default() };
    fit.callbacks.push(Box::new(Diagnose::new(|remark| said.push(remark.ailment)).withdraw(
        |remark| {
            assert!(remark.text.starts_with("the loss on validation data is "), "{remark}");
            gone.push(remark.ailment);
        },
    )));
    fit.callbacks.push(Box::new(Lambda::new(|moment| {
        let epoch = moment.progress.epoch;
        if epoch == 5 {
            kept = weights.iter().map(|v| v.value()).collect();
        }
        if set_after == Some(epoch) {
            weights.iter().zip(&kept).for_each(|(v, value)| v.set(value).unwrap());
        }
        if stop_after == Some(epoch) {
            interrupt.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        Ok(Flow::Continue)
    })));
    fit.run(&mut learner, &few, Some(&test), &mut Progress::default()).unwrap();
    drop(fit);
    (said, gone)
}

#[test]
fn what_no_longer_holds_is_withdrawn_at_the_end() {
    assert_eq!(withdrawn(None, None), (vec![Ailment::Overfitting], vec![]));
    assert_eq!(withdrawn(Some(25), None), (vec![Ailment::Overfitting], vec![Ailment::Overfitting]));
    // A run that is stopped may go on.
    assert_eq!(withdrawn(Some(24), Some(26)), (vec![Ailment::Overfitting], vec![]));
}
