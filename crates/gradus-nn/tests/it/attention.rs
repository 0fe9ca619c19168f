//! Attention in heads: generation place by place, padding, dropout, tied tables, and what is refused.

use gradus_nn::functional::built;
use gradus_nn::layers::*;
use gradus_nn::{Context, Init, Layer, Sequential, Spec, named_states, parameters};
use gradus_tensor::{Attention, DType, Key, Tensor, compile, grad, try_build};

fn wide() -> Init {
    Init::new(1).of(DType::F64)
}

fn near(a: &Tensor, b: &Tensor, most: f64) {
    let far = (a - b).abs().max(..).item();
    assert!(far <= most, "{far}\n{a}\n{b}");
}

/// Places told one after the other give what the whole gives at once, and of many steps one plan is made.
#[test]
fn steps_with_a_cache_give_what_the_whole_gives() {
    let layer = multi_head_attention(2).causal().build(6, &wide());
    let x = Key::new(3).normal_of([2, 5, 6], DType::F64);
    let cx = Context::eval();
    let whole = layer.forward(&x, &cx);
    let mut step = compile(|args: &[Tensor]| {
        let cache =
            Cache { keys: args[1].clone(), values: args[2].clone(), lengths: args[3].clone() };
        let (y, cache) = layer.step(&args[0], &cache, &Context::eval());
        let step = gradus_tensor::Step::new().read(&y).read(&cache.keys);
        step.read(&cache.values).read(&cache.lengths)
    });
    let mut cache = layer.cache(2, 8);
    for i in 0..5 {
        let place = x.slice(1, i..i + 1);
        let found = step.run(&[&place, &cache.keys, &cache.values, &cache.lengths]).unwrap();
        let [y, keys, values, lengths] = [0, 1, 2, 3].map(|i| found.tensor(i));
        near(&y, &whole.slice(1, i..i + 1), 1e-12);
        cache = Cache { keys, values, lengths };
    }
    assert_eq!(cache.lengths.to_vec::<i64>(), [5, 5]);
}

#[test]
fn a_step_beyond_the_room_is_an_error() {
    let layer = multi_head_attention(2).build(4, &Init::new(0));
    let (x, cx) = (Tensor::ones([1, 1, 4]), Context::eval());
    let (_, cache) = layer.step(&x, &layer.cache(1, 1), &cx);
    let (y, _) = layer.step(&x, &cache, &cx);
    let e = y.try_to_vec::<f32>().unwrap_err().to_string();
    assert!(e.contains("length 2 at [0, 0] is outside 0..=1"), "{e}");
    let e = try_build(|| layer.step(&Tensor::ones([1, 2, 4]), &cache, &cx).0).unwrap_err();
    let want = "multi_head_attention: a step takes [B, 1, features] and a cache of B sequences; found [1, 2, 4]";
    assert!(e.to_string().starts_with(want), "{e}");
}

/// What lies behind a sequence's length changes nothing before it, in layers, stacks and decoders, forward or backward, whatever it is.
#[test]
fn padding_is_not_read() {
    let layer = transformer_encoder_layer(2, 8).norm_first().activation(gelu());
    let encoder = built(transformer_encoder(2, layer), [5, 4], &wide());
    let decoder = layer.decoder(2, 4, &wide());
    let lengths = Tensor::from([3i64, 5]);
    let x = Key::new(4).normal_of([2, 5, 4], DType::F64);
    let there = Tensor::arange(5).lt(&lengths.unsqueeze(1)).unsqueeze(2); // [2, 5, 1]
    let there = there.broadcast_to(x.shape());
    let of = |x: &Tensor| {
        let cx = Context::eval();
        cx.set_lengths(x, &lengths);
        let memory = encoder.forward(x, &cx);
        assert!(cx.lengths(&memory).is_some(), "what comes out is as long");
        let y = decoder.decode(&Tensor::from([0.5f64; 24]).reshape([2, 3, 4]), &memory, &cx);
        let mine = there.select_where(&memory, 0.0);
        let [dx] = grad(&(mine.square().sum(..) + y.square().sum(..)), [x]);
        (mine.to_vec::<f64>(), y.to_vec::<f64>(), there.select_where(&dx, 0.0).to_vec::<f64>())
    };
    let other = there.select_where(&x, 1e3);
    assert_eq!(of(&x), of(&other));
    let cx = Context::eval();
    let without = there.select_where(&encoder.forward(&other, &cx), 0.0).to_vec::<f64>();
    assert!(of(&x).0 != without, "padding without lengths is read");
}

/// Dropout of weights is drawn anew for each key, and is none where nothing is trained.
#[test]
fn weights_are_dropped_while_training() {
    let layer = multi_head_attention(2).dropout(0.5).build(4, &wide());
    let x = Key::new(5).normal_of([2, 6, 4], DType::F64);
    let of =
        |seed: i64| layer.forward(&x, &Context::train(&Tensor::from([seed, 0]))).to_vec::<f64>();
    assert!(of(1) == of(1) && of(1) != of(2));
    let plain = multi_head_attention(2).build(4, &wide());
    let eval = |layer: &MultiHeadAttention| layer.forward(&x, &Context::eval()).to_vec::<f64>();
    assert_eq!(eval(&layer), eval(&plain));
}

#[test]
fn sinusoidal_waves_are_those_of_the_paper() {
    let x = Tensor::full_of([1, 3, 4], 0.0, DType::F64);
    let y = sinusoidal_positions().forward(&x, &Context::eval());
    let (a, b) = (2.0f64, 2.0f64 / 100.0);
    let want = [a.sin(), a.cos(), b.sin(), b.cos()];
    near(&y.select(1, 2), &Tensor::from([want]), 1e-15);
}

/// A table that scores words with its own vectors is one parameter, under one name, and learns from both uses.
#[test]
fn a_tied_table_is_one_weight() {
    let table = embedding(5, 3).build(&wide());
    let ids = Tensor::from([[1i64, 4, 1]]);
    let h = table.forward(&ids, &Context::eval());
    let loss = table.scores(&h).softmax_cross_entropy(&ids).sum(..);
    assert_eq!(named_states(&table).len(), 1);
    let (_, weight) = parameters(&table).remove(0);
    let [dw] = grad(&loss, [&weight.tensor()]);
    // By a table that is read and another that scores, both with the same numbers.
    let numbers = weight.tensor().to_vec::<f64>();
    let [read, scoring] = [(); 2].map(|()| Tensor::from_slice(&numbers, [5, 3]));
    let loss = read.embedding(&ids).matmul(&scoring.t()).softmax_cross_entropy(&ids).sum(..);
    let [a, b] = grad(&loss, [&read, &scoring]);
    near(&dw, &(a + b), 1e-12);
}

#[test]
fn bad_shapes_are_named() {
    let says = |build: &dyn Fn() -> Tensor, want: &str| {
        let e = try_build(build).unwrap_err().to_string();
        assert!(e.contains(want), "{e}");
    };
    let model = |config: MultiHeadAttentionConfig, shape: &[usize]| {
        let init = Init::new(0);
        let model = Sequential::new(Spec::new(shape, DType::F32), &init).add(config);
        model.forward(&Spec::new(shape, DType::F32).zeros(1), &Context::eval())
    };
    says(
        &|| model(multi_head_attention(3), &[5, 4]),
        "multi_head_attention: 4 features in 3 heads; expected a multiple of the heads",
    );
    says(
        &|| model(multi_head_attention(2), &[4]),
        "multi_head_attention: the input is [4], expected [places, features]",
    );
    let layer = multi_head_attention(2).build(4, &Init::new(0));
    let (x, cx) = (Tensor::ones([1, 3, 4]), Context::eval());
    says(
        &|| layer.attend(&x, &Tensor::ones([1, 3, 6]), &Attention::new(), &cx),
        "multi_head_attention: the input is [1, 3, 6], expected [B, places, 4]",
    );
    let positions = built(position_embedding(3), [3, 4], &Init::new(0));
    says(
        &|| positions.forward(&Tensor::ones([1, 5, 4]), &cx),
        "position_embedding: the input [1, 5, 4] has more than 3 places",
    );
}
