//! What cannot be exported says why, and where it was made.

use gradus_nn::{Init, Sequential, layers::*};
use gradus_onnx::{Export, Network, export};
use gradus_tensor::{Conv, LocalResponse, Tensor};

fn refused(sample: &[usize], f: impl Fn(&Tensor) -> Tensor) -> String {
    let model = Export::new().input("input", sample).function(|x| vec![f(&x[0])]);
    model.unwrap_err().to_string()
}

fn has(message: &str, parts: &[&str]) {
    assert!(parts.iter().all(|part| message.contains(part)), "{message}");
}

#[test]
fn ops_without_a_counterpart_are_named_with_their_line() {
    let message = refused(&[4], |x| x.scatter_add(1, &x.argsort(1, false), 4));
    has(&message, &["scatter_add (made at", "export_errors.rs", "has no counterpart"]);
    let message = refused(&[4, 4, 4], |x| x.adaptive_mean_pool2d([3, 3]));
    has(&message, &["mean_pool2d", "4 pixels, 3 windows", "windows of several sizes"]);
    let message = refused(&[6, 4, 4], |x| {
        x.local_response_norm(LocalResponse { size: 4, ..LocalResponse::ALEXNET })
    });
    has(&message, &["local_response_norm", "4 channels"]);
    let message = refused(&[2, 4, 4], |x| x.max_pool2d_with_indices(gradus_tensor::Pool::new(2)).1);
    has(&message, &["max_pool2d", "output 1 has no counterpart"]);
}

#[test]
fn the_layer_is_named() {
    let net = Sequential::new([1, 5, 5], &Init::new(0))
        .add(conv2d(2, 3))
        .add(local_response_norm(LocalResponse { size: 2, ..LocalResponse::ALEXNET }));
    has(&export(&net, [1, 5, 5]).unwrap_err().to_string(), &["in layer lrn1 (LocalResponseNorm)"]);
    // Mistakes in shapes are those of the network.
    let message = export(&net, [3, 5, 5]).unwrap_err().to_string();
    has(&message, &["cannot be built for a batch of 2", "conv2d: the channels do not fit"]);
}

#[test]
fn a_fixed_batch_must_be_asked_for() {
    let four = |x: &Tensor| x.reshape([4, 6]).softmax(1);
    let message = refused(&[6], four);
    has(
        &message,
        &[
            "does not take batches of any size",
            "cannot be built for a batch of 2",
            "must then be given",
        ],
    );
    let message = refused(&[6], |x| x.slice(0, 1..));
    has(&message, &["is [1, 6] for a batch of 2, [2, 6] for 3"]);
    let message = refused(&[6], |x| x / x.shape()[0] as f64);
    has(&message, &["is made in another way for another batch size"]);
    let model = Export::new().input("input", [6]).batch(4).function(|x| vec![four(&x[0])]).unwrap();
    let network = Network::new(model).unwrap();
    assert!(network.run(&[("input", Tensor::ones([4, 6]))]).is_ok());
    let error = network.run(&[("input", Tensor::ones([3, 6]))]).unwrap_err().to_string();
    assert_eq!(error, "input `input` is [3, 6], expected [4, 6]");
    // A batch of 0 or the wrong one is a mistake of the network's.
    let wrong = Export::new().input("input", [6]).batch(3).function(|x| vec![four(&x[0])]);
    has(&wrong.unwrap_err().to_string(), &["reshape: [3, 6] has 18 elements"]);
}

#[test]
fn a_network_without_inputs_is_none() {
    let error = Export::new().function(|_| vec![]).unwrap_err().to_string();
    assert_eq!(error, "the network has no input");
}

/// What a gradient alone has is not written, like any kernel that says nothing about its settings.
#[test]
fn gradients_are_no_networks() {
    let w = Tensor::ones([2, 1, 3, 3]);
    let message = refused(&[1, 5, 5], |x| {
        let y = x.conv2d(&w, Conv::new()).square().sum(..);
        gradus_tensor::grad(&y, [&w])[0].clone()
    });
    has(&message, &["conv2d_weight_gradient", "has no counterpart"]);
}
