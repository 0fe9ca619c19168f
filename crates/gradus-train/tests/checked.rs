//! Checked runs of a small network: one that errs nowhere is not accused, and each of ten kinds of mistakes is named at its op.

use gradus_graph::faults::{Fault, planted};
use gradus_nn::layers::{batch_norm, conv2d, dense, flatten, max_pool2d, relu};
use gradus_nn::{Init, Sequential};
use gradus_tensor::{Step, Tensor, Variable, check_everything, checked, compile};
use gradus_train::Learner;
use gradus_train::optim::{Adam, Sgd};

fn net() -> Sequential {
    Sequential::new([3, 8, 8], &Init::new(0))
        .add(conv2d(8, 3).pad(1).bias(false))
        .add(batch_norm())
        .add(relu())
        .add(conv2d(8, 3).pad(1).bias(false))
        .add(batch_norm())
        .add(relu())
        .add(max_pool2d(2))
        .add(flatten())
        .add(dense(16))
        .add(relu())
        .add(dense(10))
}

fn batch() -> (Tensor, Tensor) {
    let x = Tensor::randn([24, 3, 8, 8], 1);
    let labels: Vec<i64> = (0..24).map(|i| i * 7 % 10).collect();
    (Tensor::from_slice(&x.to_vec::<f32>(), [24, 3, 8, 8]), Tensor::from_slice(&labels, [24]))
}

/// Three steps of training with a mistake planted at an op; what the first of them that fails says.
fn train_with(fault: Option<(Fault, &'static str)>, learner: &mut Learner) -> Result<(), String> {
    let (x, t) = batch();
    let mut train = || {
        (0..3).try_for_each(|_| {
            learner.train_batch(&x, &t, 0.01).map(|_| ()).map_err(|e| e.to_string())
        })
    };
    match fault {
        Some((fault, at)) => planted(fault, at, train),
        None => train(),
    }
}

fn adam() -> Learner {
    Learner::new(net().into(), Adam::new(0.01))
}

/// What is said of a mistake in training.
fn in_training(fault: Fault, at: &'static str) -> String {
    let said = train_with(Some((fault, at)), &mut adam());
    said.expect_err(&format!("{fault:?} at {at} was not found"))
}

fn named(said: &str, op: &str, layer: &str) {
    assert!(said.starts_with(op) && said.contains("differs from the reference device"), "{said}");
    assert!(said.contains(layer), "{said}");
}

#[test]
fn nothing_is_named_where_nothing_errs() {
    check_everything(true);
    let before = checked().compared;
    train_with(None, &mut adam()).unwrap();
    let mut momentum = Learner::new(net().into(), Sgd::new(0.01).momentum(0.9));
    train_with(None, &mut momentum).unwrap();
    assert!(checked().compared > before + 100, "{:?}", checked());
}

#[test]
fn one_a_wrong_stride() {
    check_everything(true);
    named(&in_training(Fault::WrongStride, "matmul"), "matmul", "Dense");
}

#[test]
fn two_a_missed_tail() {
    check_everything(true);
    named(&in_training(Fault::MissedTail, "max_pool2d"), "max_pool2d", "MaxPool2d");
}

#[test]
fn three_a_swapped_axis() {
    check_everything(true);
    let said = in_training(Fault::SwappedAxes, "conv2d");
    named(&said, "conv2d:", "Conv2d");
    assert!(said.contains("f32 [24, 3, 8, 8] and f32 [8, 3, 3, 3]"), "{said}");
}

#[test]
fn four_a_stale_pack() {
    check_everything(true);
    let w = Variable::new("w", &Tensor::randn([32, 24], 2));
    let x = Tensor::randn([16, 32], 3);
    let mut step = compile(|x: &[Tensor]| Step::new().read(&x[0].matmul(&w.tensor())));
    let (first, second) = planted(Fault::StalePack, "pack", || {
        let first = step.run(&[&x]).map(|_| ()).map_err(|e| e.to_string());
        w.set(&Tensor::randn([32, 24], 4)).unwrap();
        (first, step.run(&[&x]).map(|_| ()).map_err(|e| e.to_string()))
    });
    assert_eq!(first, Ok(()));
    named(&second.unwrap_err(), "matmul", "f32 [16, 32] and f32 [32, 24]");
}

#[test]
fn five_an_epilogue() {
    check_everything(true);
    named(&in_training(Fault::Epilogue, "matmul + relu"), "matmul + relu", "Dense");
}

#[test]
fn six_packed_weights() {
    check_everything(true);
    let (x, _) = batch();
    let mut learner = adam();
    let said = planted(Fault::LostPack, "pack", || {
        learner.predict_batch(&x).map(|_| ()).map_err(|e| e.to_string())
    });
    named(&said.unwrap_err(), "matmul + relu", "Dense");
}

#[test]
fn seven_a_data_gradient() {
    check_everything(true);
    let said = in_training(Fault::SwappedAxes, "conv2d_data_gradient");
    named(&said, "conv2d_data_gradient", "Conv2d");
}

#[test]
fn eight_a_norms_backward() {
    check_everything(true);
    let said = in_training(Fault::SwappedInputs, "batch_norm_grad");
    named(&said, "batch_norm_grad", "BatchNorm");
}

#[test]
fn nine_an_optimisers_update() {
    check_everything(true);
    let mut sgd = Learner::new(net().into(), Sgd::new(0.01));
    let said = train_with(Some((Fault::Formula, "sub")), &mut sgd).unwrap_err();
    named(&said, "sub", "output");
}

#[test]
fn ten_a_carried_state() {
    check_everything(true);
    let said = in_training(Fault::State, "");
    assert!(said.contains("differs from the reference device: output 1,"), "{said}");
}
