//! Whole nets on the reference device: five steps there lose what they lose on the processor.

use gradus_nn::layers::{
    batch_norm, conv2d, dense, dropout, flatten, global_mean_pool2d, max_pool2d, relu, residual,
};
use gradus_nn::{Init, Initializer, Sequential};
use gradus_tensor::{DType, Device, Tensor};
use gradus_train::Learner;
use gradus_train::optim::{Adam, Optimizer, Sgd};

/// The losses of five steps on a batch of random images in three classes, and the sums of the
/// parameters' squares after them.
fn trained(
    device: Device,
    size: [usize; 3],
    net: fn(Sequential) -> Sequential,
    optimizer: impl Optimizer + 'static,
    rate: f64,
) -> (Vec<f64>, Vec<f64>) {
    let x = Tensor::rand([vec![6], size.to_vec()].concat(), 3);
    let t = Tensor::from([0i64, 1, 2, 0, 1, 2]);
    device.scope(|| {
        let model = net(Sequential::new(size, &Init::new(7)));
        let mut learner = Learner::new(model.into(), optimizer);
        let loss = |_| learner.train_batch(&x, &t, rate).unwrap().loss;
        let losses = (0..5).map(loss).collect();
        let square =
            |v: &gradus_tensor::Variable| v.value().cast(DType::F64).square().sum(..).item();
        (losses, learner.state().iter().map(|(_, v)| square(v)).collect())
    })
}

#[track_caller]
fn agree<O: Optimizer + 'static>(
    size: [usize; 3],
    net: fn(Sequential) -> Sequential,
    optimizer: fn() -> O,
    rate: f64,
) {
    let run = |device| trained(device, size, net, optimizer(), rate);
    let ((losses, state), (plain, plain_state)) = (run(Device::Cpu), run(Device::Reference));
    assert!(losses[4] < 0.9 * losses[0], "it learns: {losses:?}");
    let near = |a: &[f64], b: &[f64]| {
        a.len() == b.len()
            && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-4 * b.abs().max(1e-2))
    };
    assert!(near(&losses, &plain), "{losses:?}\n{plain:?}");
    assert!(near(&state, &plain_state), "{state:?}\n{plain_state:?}");
}

#[test]
fn lenet_loses_the_same() {
    let net = |net: Sequential| {
        let he = Initializer::HeNormal;
        net.add(conv2d(6, 5).pad(2).init(he))
            .add(relu())
            .add(max_pool2d(2))
            .add(conv2d(16, 5).init(he))
            .add(relu())
            .add(max_pool2d(2))
            .add(flatten())
            .add(dense(120).init(he))
            .add(relu())
            .add(dense(84).init(he))
            .add(relu())
            .add(dense(3))
    };
    agree([1, 28, 28], net, || Sgd::new(0.05), 0.05);
}

#[test]
fn a_residual_net_with_batch_norm_and_dropout_loses_the_same() {
    // A bias before a batch norm has no gradient but rounding errors, which Adam makes whole steps
    // of.
    let net = |net: Sequential| {
        let block = |path: Sequential| {
            path.add(conv2d(8, 3).pad(1).bias(false))
                .add(batch_norm())
                .add(relu())
                .add(conv2d(8, 3).pad(1).bias(false))
                .add(batch_norm())
        };
        net.add(conv2d(8, 3).pad(1).bias(false))
            .add(batch_norm())
            .add(relu())
            .add(residual(block).activation(relu()))
            .add(global_mean_pool2d())
            .add(dropout(0.3))
            .add(dense(3))
    };
    agree([2, 9, 8], net, || Adam::new(0.02), 0.02);
}
