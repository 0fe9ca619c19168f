//! What recurrent layers were made for, in small: to remember. And states that are carried from batch to batch.

use gradus_nn::layers::{InitialState, dense, gru, lstm};
use gradus_nn::losses::mean_squared;
use gradus_nn::{Context, Init, Layer, Sequential};
use gradus_tensor::{DType, Tensor};
use gradus_train::optim::{Adam, Clip, Sgd};
use gradus_train::{Arrays, Learner, Recipe};
use std::sync::Arc;

/// Two of 20 numbers of [0, 1) are marked, one in each half; what is their sum? Hochreiter & Schmidhuber 1997 §5.4
fn adding(count: usize, seed: u64) -> (Tensor, Tensor) {
    let numbers = Tensor::rand([count, 20], seed);
    let place = |seed| (Tensor::rand([count], seed) * 10).floor().cast(DType::I64);
    let marks = place(seed + 1).one_hot(20) + (place(seed + 2) + 10).one_hot(20);
    let sums = (&numbers * &marks).sum(1).unsqueeze(1); // [N, 1]
    (Tensor::stack(&[&numbers, &marks], 2), sums)
}

fn recipe() -> Recipe {
    Recipe { loss: mean_squared.into(), clip: Some(Clip::Norm(1.0)), ..Recipe::default() }
}

/// Who says 1 every time is wrong by 1/6.
#[test]
fn numbers_are_remembered_and_added() {
    let (x, t) = adding(3000, 1);
    let model =
        Sequential::new([20, 2], &Init::new(0)).add(gru(16).return_sequences(false)).add(dense(1));
    let mut learner = Learner::with(model.into(), Box::new(Adam::new(0.01)), recipe(), 0);
    learner.fit(&Arrays::new(&x, &t, 50).unwrap().shuffle(0), 8).unwrap();
    let (x, t) = adding(500, 11);
    let error = learner.evaluate_batch(&x, &t).unwrap().loss;
    assert!(error < 0.01, "{error}");
}

/// One after the other, batches of pieces go on where those before ended: while learning, when evaluated and when predicted.
#[test]
fn a_carried_state_goes_from_batch_to_batch() {
    let build = |initial| {
        let memory = lstm(4).initial_state(initial).build(2, &Init::new(0));
        let memory = Arc::new(memory);
        let model = Sequential::new([3, 2], &Init::new(0)).add_layer("memory", memory.clone());
        (Learner::with(model.into(), Box::new(Sgd::new(0.1)), recipe(), 0), memory)
    };
    let (mut learner, memory) = build(InitialState::Carried(2));
    let whole = lstm(4).build(2, &Init::new(0));
    let x = Tensor::randn([2, 9, 2], 1);
    let all = whole.forward(&x, &Context::eval());
    let piece = |of: &Tensor, i: usize| of.slice(1, 3 * i..3 * i + 3);
    let zeros = Tensor::zeros([2, 3, 4]);
    // What a batch's loss is against zeros tells where it began.
    let expected = |i: usize| piece(&all, i).square().mean(..).item();
    let near = |found: f64, i: usize| assert!((found - expected(i)).abs() < 1e-6, "{found} {i}");
    near(learner.train_batch(&piece(&x, 0), &zeros, 0.0).unwrap().loss, 0);
    near(learner.evaluate_batch(&piece(&x, 1), &zeros).unwrap().loss, 1);
    let y = learner.predict_batch(&piece(&x, 2)).unwrap();
    assert!((y - piece(&all, 2)).abs().max(..).item() < 1e-6);
    memory.reset_state().unwrap();
    near(learner.train_batch(&piece(&x, 0), &zeros, 0.0).unwrap().loss, 0);
    let error = learner.evaluate_batch(&Tensor::zeros([3, 3, 2]), &Tensor::zeros([3, 3, 4]));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("the state of 2 samples is carried on, the batch has 3"), "{error}");
}
