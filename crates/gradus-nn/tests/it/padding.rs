//! What each layer says it makes of padding, for each rank it takes, against what it does: padding in one place is changed, and it is
//! looked whether anything else moves.

use crate::layers::every_layer;
use gradus_nn::functional::built;
use gradus_nn::layers::*;
use gradus_nn::{Config, Context, Init, Layer, Padding, Spec};
use gradus_tensor::{DType, LocalResponse, PadMode, Pool, Shape, Tensor};
use std::sync::Arc;

/// The layer says `expected` of batches of samples `[T, ..]`, and so it is.
#[track_caller]
fn check(config: impl Config + 'static, sample: &[usize], expected: Padding) {
    let sample = Shape::new(sample);
    let layer = built(config, sample, &Init::new(1).of(DType::F64));
    let x = Tensor::rand(sample.inserted(0, 2), 2).cast(DType::F64);
    let other = &x * last_place(&x, 3.0);
    compare(&layer, &x, &other, expected);
}

/// The same of two batches that differ in the last place of the first sample, which is padding; of the second it is not.
#[track_caller]
fn compare(layer: &Arc<dyn Layer>, x: &Tensor, other: &Tensor, expected: Padding) {
    let what = format!("{} of {}", layer.describe(), x.shape());
    assert_eq!(layer.padding(&x.shape()), expected, "{what}");
    let [y, other] = [x, other].map(|x| {
        let cx = Context::train(&Tensor::from([7i64, 0]));
        layer.forward(x, &cx)
    });
    let is_apart = y.rank() >= 2 && y.size(1) == x.size(1) && {
        let there = |y: &Tensor| (y * last_place(y, 0.0)).to_vec::<f64>();
        there(&y) == there(&other)
    };
    assert_eq!(is_apart, expected == Padding::Apart, "{what} gives {}", y.shape());
    assert_ne!(y.to_vec::<f64>(), other.to_vec::<f64>(), "{what}: what is changed shows nowhere");
}

/// `value` at the last place of the first of two samples `[2, T, ..]`, 1 elsewhere.
fn last_place(x: &Tensor, value: f64) -> Tensor {
    let places = x.size(1);
    let mut mask = vec![1.0; 2 * places];
    mask[places - 1] = value;
    let ones = std::iter::repeat_n(1, x.rank() - 2);
    let shape: Vec<usize> = [2, places].into_iter().chain(ones).collect();
    Tensor::from_slice(&mask, &shape[..])
}

use Padding::{Apart, Known, Mixes};

#[test]
fn layers_with_weights() {
    check(dense(4), &[4], Mixes);
    check(dense(3), &[4, 3], Apart);
    check(dense(4), &[4, 2, 3], Apart);
    check(conv2d(3, 3).pad(1), &[3, 5, 5], Mixes);
    check(conv_transpose2d(3, 1), &[3, 4, 4], Mixes);
    check(table_conv2d(&[&[0, 2], &[1], &[0]], 1), &[3, 5, 5], Mixes);
    check(radial_basis(&Tensor::eye(3)), &[3], Mixes);
    for shape in [&[3][..], &[3, 2], &[3, 2, 2]] {
        check(prelu(), shape, Apart);
    }
}

/// What runs one way sees nothing of the last place before it is there.
#[test]
fn layers_over_steps() {
    check(rnn(3).bidirectional(Merge::Concat), &[4, 3], Known);
    check(lstm(3).bidirectional(Merge::Sum), &[4, 3], Known);
    check(gru(3).return_sequences(false), &[4, 3], Known);
    check(lookahead(1), &[4, 3], Known);
}

#[test]
fn ids_are_looked_up_one_by_one() {
    let layer = built(embedding(4, 2), Spec::new([3], DType::I64), &Init::new(1).of(DType::F64));
    let (x, other) =
        (Tensor::from([[1i64, 2, 0], [3, 1, 2]]), Tensor::from([[1i64, 2, 3], [3, 1, 2]]));
    compare(&layer, &x, &other, Apart);
    let [x, other] = [x, other].map(|x| Tensor::concat(&[&x.unsqueeze(2), &x.unsqueeze(2)], 2));
    compare(&layer, &x, &other, Apart); // [2, 3, 2]
}

#[test]
fn norms() {
    for shape in [&[3][..], &[3, 2], &[3, 2, 2]] {
        check(batch_norm(), shape, Mixes);
    }
    check(layer_norm(), &[3], Mixes);
    check(layer_norm(), &[3, 4], Apart);
    check(layer_norm(), &[3, 2, 4], Apart);
    check(group_norm(2), &[4, 3], Mixes);
    check(group_norm(2), &[4, 3, 3], Mixes);
    check(instance_norm(), &[3, 4], Apart);
    check(instance_norm(), &[3, 4, 4], Apart);
    check(local_response_norm(LocalResponse::ALEXNET), &[6, 2, 2], Mixes);
}

#[test]
fn attention_and_positions() {
    check(multi_head_attention(2), &[3, 4], Known);
    let layer = transformer_encoder_layer(2, 6);
    check(layer, &[3, 4], Known);
    check(transformer_encoder(2, layer), &[3, 4], Known);
    check(sinusoidal_positions(), &[3, 4], Apart);
    check(position_embedding(3), &[3, 4], Apart);
}

/// Of frames `[T, H, W]` each is a place.
#[test]
fn pools_and_sizes_of_frames() {
    let frames = [3, 4, 4];
    check(max_pool2d(2), &frames, Apart);
    check(mean_pool2d(2), &frames, Apart);
    check(max_pool2d_with(Pool::new(3)), &frames, Apart);
    check(mean_pool2d_with(Pool::new(3)), &frames, Apart);
    check(adaptive_mean_pool2d(2, 3), &frames, Apart);
    check(adaptive_max_pool2d(2, 3), &frames, Apart);
    check(global_mean_pool2d(), &frames, Apart);
    check(global_max_pool2d(), &frames, Apart);
    check(trainable_mean_pool2d(2), &frames, Apart);
    check(upsample_nearest(2), &frames, Apart);
    check(upsample_bilinear(2), &frames, Apart);
    check(pad2d(1, PadMode::Reflect), &frames, Apart);
}

#[test]
fn what_rearranges() {
    check(flatten(), &[3], Apart);
    check(flatten(), &[3, 1], Apart);
    check(flatten(), &[3, 2], Mixes);
    check(flatten(), &[3, 2, 2], Mixes);
    check(reshape([2, 6]), &[12], Mixes);
    check(reshape([3, 4]), &[3, 2, 2], Apart);
    check(reshape([4, 3]), &[3, 2, 2], Mixes);
    check(maxout(2), &[6], Mixes);
    check(maxout(2), &[6, 3, 4], Mixes);
}

#[test]
fn functions_of_one_element() {
    for shape in [&[3][..], &[3, 2], &[3, 2, 2]] {
        check(cast(DType::F64), shape, Apart);
        check(dropout(0.2), shape, Apart);
        check(spatial_dropout(0.2), shape, Apart);
        check(gaussian_noise(0.1), shape, Apart);
        let over_places = if shape.len() == 1 { Mixes } else { Apart };
        check(softmax(), shape, over_places);
        check(log_softmax(), shape, over_places);
        let functions = [
            elu(),
            gelu(),
            gelu_tanh(),
            hard_sigmoid(),
            hard_swish(),
            hard_tanh(),
            leaky_relu(),
            lecun_tanh(),
            log_sigmoid(),
            mish(),
            relu(),
            relu6(),
            selu(),
            sigmoid(),
            silu(),
            softplus(),
            softsign(),
            tanh(),
        ];
        functions.into_iter().for_each(|function| check(function, shape, Apart));
    }
}

/// Containers leave it to the layers in them.
#[test]
fn containers() {
    check_container(sequential(|p| p.add(dense(4))));
    check_container(residual(|p| p.add(dense(4))));
    check_container(concat().path(|p| p.add(dense(4))));
    check_container(auxiliary(0.3, |p| p.add(dense(4))));
}

#[track_caller]
fn check_container(config: impl Config + 'static) {
    let layer = built(config, [3, 4], &Init::new(0));
    assert_eq!(layer.padding(&[2, 3, 4].into()), Known, "{}", layer.describe());
}

#[test]
fn every_layer_is_in_the_table() {
    let table = include_str!("padding.rs");
    for (file, name) in every_layer() {
        assert!(table.contains(&format!("{name}(")), "{file}: the padding of {name}");
    }
}
