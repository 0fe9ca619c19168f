//! What layers say they take against what they do take, and the remedies that refusals name.

use gradus_nn::functional::built;
use gradus_nn::layers::*;
use gradus_nn::{Config, Context, Init, Layer, Sequential, Spec};
use gradus_tensor::{DType, LocalResponse, PadMode, Shape, Tensor, try_build};

const ALL: [DType; 8] = [
    DType::F64,
    DType::F32,
    DType::F16,
    DType::BF16,
    DType::I64,
    DType::I32,
    DType::U8,
    DType::Bool,
];

/// Run under a name a layer refuses, by that name, the types that it cannot work on, and no others.
#[track_caller]
fn check<C: Config + 'static>(config: impl Fn() -> C, sample: &[usize]) {
    let sample = Shape::new(sample);
    for own in [DType::F64, DType::F32, DType::F16, DType::BF16] {
        let layer = built(config(), Spec::new(sample, own), &Init::new(0).of(own));
        for dtype in ALL {
            let x = Spec::new(sample, dtype).zeros(2);
            let cx = || Context::train(&Tensor::from([7i64, 0]));
            let works = try_build(|| layer.forward(&x, &cx())).is_ok();
            let named = try_build(|| cx().run("named", &*layer, &x)).map_err(|e| e.to_string());
            let what = format!("{} of {own} on {dtype}: {named:?}", layer.describe());
            match named {
                Ok(_) => assert!(works, "{what}"),
                Err(e) => assert!(!works && e.starts_with("named: input "), "{what}"),
            }
        }
    }
}

#[test]
fn layers_take_what_they_say() {
    check(|| dense(3), &[4]);
    check(|| conv2d(2, 3), &[3, 5, 5]);
    check(|| conv_transpose2d(2, 3), &[3, 5, 5]);
    let table: [&[usize]; 2] = [&[0, 2], &[1]];
    check(|| table_conv2d(&table, 3), &[3, 5, 5]);
    check(batch_norm, &[3, 4, 4]);
    check(layer_norm, &[6]);
    check(|| group_norm(2), &[4, 3, 3]);
    check(instance_norm, &[3, 4, 4]);
    check(|| local_response_norm(LocalResponse::ALEXNET), &[4, 3, 3]);
    check(prelu, &[3]);
    check(|| trainable_mean_pool2d(2), &[3, 4, 4]);
    check(|| rnn(2), &[4, 3]);
    check(|| lstm(2).layer_norm(), &[4, 3]);
    check(|| gru(2), &[4, 3]);
    check(|| lookahead(1), &[4, 3]);
    check(|| max_pool2d(2), &[3, 4, 4]);
    check(|| mean_pool2d(2), &[3, 4, 4]);
    check(|| adaptive_max_pool2d(2, 2), &[3, 4, 4]);
    check(|| adaptive_mean_pool2d(2, 2), &[3, 4, 4]);
    check(global_max_pool2d, &[3, 4, 4]);
    check(global_mean_pool2d, &[3, 4, 4]);
    check(|| upsample_nearest(2), &[3, 4, 4]);
    check(|| pad2d(1, PadMode::Zero), &[3, 4, 4]);
    check(|| dropout(0.5), &[4]);
    check(|| spatial_dropout(0.5), &[4, 2, 2]);
    check(|| gaussian_noise(0.1), &[4]);
    check(|| maxout(2), &[4]);
    check(flatten, &[4, 2]);
    check(|| reshape([2, 4]), &[4, 2]);
    check(|| embedding(5, 2), &[4]);
    check(|| multi_head_attention(2), &[3, 4]);
    check(|| transformer_encoder(1, transformer_encoder_layer(2, 6)), &[3, 4]);
    check(sinusoidal_positions, &[3, 4]);
    check(|| position_embedding(3), &[3, 4]);
    ALL.iter().for_each(|&dtype| check(|| cast(dtype), &[4]));
}

#[test]
fn functions_take_what_they_say() {
    let all = [
        relu(),
        gelu(),
        tanh(),
        sigmoid(),
        silu(),
        lecun_tanh(),
        leaky_relu(),
        elu(),
        softplus(),
        softmax(),
        selu(),
        mish(),
        hard_sigmoid(),
        hard_swish(),
        hard_tanh(),
        softsign(),
        relu6(),
        log_sigmoid(),
        gelu_tanh(),
        log_softmax(),
    ];
    all.iter().for_each(|&function| check(|| function, &[4]));
}

/// A model cannot be fed by hand where it is trained by a loader: the cast that a refusal names is a layer.
#[test]
fn the_remedy_is_a_layer() {
    for dtype in ALL.into_iter().filter(|&dtype| dtype != DType::F32) {
        let model = || Sequential::new(Spec::new([4], dtype), &Init::new(0));
        let error = try_build(|| model().add(dense(2))).err().unwrap().to_string();
        assert!(error.starts_with(&format!("dense1: input {dtype} [4], expected f")), "{error}");
        assert!(error.contains("cast") && error.contains("before it"), "{error}");
        let model = model().add(cast(DType::F32)).add(dense(2));
        let x = Tensor::from([[1i64, 0, 1, 1]]).cast(dtype);
        let by_hand = model.layer("dense1").unwrap().forward(&x.cast(DType::F32), &Context::eval());
        let y = model.forward(&x, &Context::eval());
        assert_eq!(y.to_vec::<f32>(), by_hand.to_vec::<f32>());
        let text = model.summary().to_string();
        assert!(text.contains("cast1") && text.contains("Cast(f32)"), "{text}");
    }
}

/// Numbers of rows that are no whole numbers are refused when they come, as those of rows that are not there.
#[test]
fn a_fraction_names_no_row() {
    let model = Sequential::new([3], &Init::new(0)).add(embedding(5, 2));
    let read = |ids: [f32; 3]| {
        let y = model.forward(&Tensor::from([ids]), &Context::eval());
        y.try_read().map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(read([4.0, 0.0, -0.0]), Ok(()));
    for (ids, told) in [
        ([0.0, 0.9, 1.0], "the number at position 1 is 0.9, expected a whole one"),
        ([-0.5, 0.0, 1.0], "the number at position 0 is -0.5, expected a whole one"),
        ([0.0, 0.0, f32::NAN], "the number at position 2 is NaN, expected a whole one"),
        ([0.0, 5.0, 1.0], "index 5 at position 1 is outside axis 0"),
    ] {
        let error = read(ids).unwrap_err();
        assert!(error.contains(told) && error.contains("embedding1"), "{error}");
    }
}

#[test]
fn layers_of_nothing_are_refused() {
    fn refused(config: impl Config + 'static, input: impl Into<Shape>) -> String {
        let model = Sequential::new(Spec::new(input, DType::F32), &Init::new(0));
        let error = try_build(|| model.add(config)).err().unwrap().to_string();
        error.lines().next().unwrap().to_owned()
    }
    let expected = "expected at least 1";
    let wrong = |config: EmbeddingConfig| refused(config, [3]);
    assert_eq!(wrong(embedding(0, 16)), format!("embedding: 0 vectors, {expected}"));
    assert_eq!(wrong(embedding(21, 0)), format!("embedding: 0 numbers a vector, {expected}"));
    let wrong = |config: Conv2dConfig| refused(config, [3, 5, 5]);
    assert_eq!(wrong(conv2d(0, 3)), format!("conv2d: 0 filters, {expected}"));
    assert!(wrong(conv2d(3, 0)).contains("the kernel [0, 0] must be at least 1"));
    assert_eq!(refused(dense(0), [3]), format!("dense: 0 units, {expected}"));
}
