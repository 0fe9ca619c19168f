//! Every network predicts what PyTorch's does; the small ones also learn as it does. The others' gradients are compared by
//! `cargo run --release -p gradus-models --example full_size`: f64 is slow.

use crate::parity::{check_gradients, check_predictions, fixture};

#[test]
fn predictions_are_pytorchs() {
    for (network, expected) in fixture() {
        check_predictions(&network, &expected);
    }
}

#[test]
fn gradients_are_pytorchs() {
    let all = fixture();
    for network in ["alexnet", "all_cnn_a", "plain20", "resnet20", "resnet20_b", "squeezenet"] {
        check_gradients(network, &all[network]);
    }
}
