//! The formulas that plans recognise and do in one piece. A change after which a step no longer meets them would be slower and say
//! nothing: it fails here.

use gradus_nn::layers::{batch_norm, conv2d, dense, flatten, relu};
use gradus_nn::{Init, Sequential};
use gradus_tensor::{Step, Tensor, compile, grad};
use gradus_train::Learner;
use gradus_train::optim::{Adam, Optimizer, RmsProp};
use std::collections::BTreeSet;

/// The idioms in the training step of a small network.
fn of_training(optimizer: impl Optimizer + 'static) -> BTreeSet<&'static str> {
    let net = Sequential::new([3, 8, 8], &Init::new(0))
        .add(conv2d(4, 3).pad(1))
        .add(batch_norm())
        .add(relu())
        .add(flatten())
        .add(dense(8))
        .add(relu())
        .add(dense(4));
    let mut learner = Learner::new(net.into(), optimizer);
    let labels: Vec<i64> = (0..6).map(|i| i % 4).collect();
    let t = Tensor::from_slice(&labels, [6]);
    let plan = learner.prepare(&Tensor::randn([6, 3, 8, 8], 1), &t).unwrap();
    plan.steps().iter().flat_map(|s| s.idioms.iter().copied()).collect()
}

/// The idioms of what some tensors of one shape become.
fn of(f: impl Fn(&[Tensor]) -> Tensor, inputs: usize) -> Vec<&'static str> {
    let metas = vec![Tensor::zeros([32, 48]).node().meta(); inputs];
    let mut step = compile(|x: &[Tensor]| Step::new().read(&f(x)));
    let plan = step.plan(&metas).unwrap();
    plan.steps().iter().flat_map(|s| s.idioms.iter().copied()).collect()
}

#[test]
fn optimisers_steps() {
    let adam = of_training(Adam::new(1e-3));
    for idiom in ["Adam's step", "running mean", "running mean of squares"] {
        assert!(adam.contains(idiom), "{idiom} is not in {adam:?}");
    }
    let rmsprop = of_training(RmsProp::new(1e-3));
    for idiom in ["quotient by a root", "running mean of squares"] {
        assert!(rmsprop.contains(idiom), "{idiom} is not in {rmsprop:?}");
    }
}

#[test]
fn activations_on_norms_and_products() {
    let step = of_training(Adam::new(1e-3));
    // A ReLU rides on the batch norm, forward and backward, and on the dense layer with its bias.
    for idiom in ["ReLU", "ReLU's gradient", "bias and ReLU"] {
        assert!(step.contains(idiom), "{idiom} is not in {step:?}");
    }
}

#[test]
fn loops() {
    let relu_of_sum = |x: &[Tensor]| (&x[0] + &x[1]).relu();
    assert_eq!(of(relu_of_sum, 2), ["bias and ReLU"]);
    let of_three = |x: &[Tensor]| (&x[0] + &x[1] + &x[2]).relu();
    assert_eq!(of(of_three, 3), ["bias, shortcut and ReLU"]);
    let clipped = |x: &[Tensor]| (&x[0] + &x[1]).clamp(0.0, 6.0);
    assert_eq!(of(clipped, 2), ["bias and clipped ReLU"]);
    let gate = |x: &[Tensor]| {
        let [dx] = grad(&(x[0].relu() * &x[1]).sum(..), [&x[0]]);
        dx
    };
    assert_eq!(of(gate, 2), ["ReLU's gradient"]);
    let gate_of_sum = |x: &[Tensor]| {
        let y = x[0].relu();
        let [dx] = grad(&(&y * &x[1] + &y * &x[2]).sum(..), [&x[0]]);
        dx
    };
    assert_eq!(of(gate_of_sum, 3), ["ReLU's gradient of a sum"]);
    assert!(of(|x: &[Tensor]| x[0].tanh(), 1).is_empty());
}
