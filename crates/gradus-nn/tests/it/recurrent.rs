//! What recurrent layers promise beside their formulas: steps, states, masks, norms, what is refused.

use gradus_nn::layers::*;
use gradus_nn::{Context, Init, Layer, Sequential, named_states, parameters};
use gradus_tensor::{
    DType, GruReset, GruUpdate, RnnActivation, Tensor, grad, gradients, try_build, update,
};
use std::cell::RefCell;

fn wide(shape: impl Into<gradus_tensor::Shape>, seed: u64) -> Tensor {
    Tensor::randn(shape, seed).cast(DType::F64)
}

fn built<C: Copy + Into<RecurrentCell>>(config: RecurrentConfig<C>) -> Recurrent {
    config.build(3, &Init::new(1).of(DType::F64))
}

fn training(step: i64) -> Context<'static> {
    Context::train(&Tensor::from([7i64, step]))
}

#[track_caller]
fn near(a: &Tensor, b: &Tensor, tolerance: f64) {
    assert_eq!(a.shape(), b.shape());
    if a.is_empty() {
        return; // behind the end of the longest
    }
    let off = (a - b).abs().max(..).item();
    assert!(off <= tolerance, "off by {off}");
}

/// The variable of a parameter or a buffer.
fn variable(layer: &Recurrent, name: &str) -> gradus_tensor::Variable {
    let found = named_states(layer).into_iter().find(|(known, _)| known == name);
    match found.unwrap_or_else(|| panic!("no {name}")).1 {
        gradus_nn::State::Parameter(parameter) => parameter.variable().clone(),
        gradus_nn::State::Buffer(buffer) => buffer.clone(),
        gradus_nn::State::Child(_) => unreachable!("children are walked into"),
    }
}

/// A sequence at once, in two pieces, and step by step.
#[test]
fn rolled_is_unrolled() {
    fn check<C: Copy + Into<RecurrentCell>>(config: RecurrentConfig<C>) {
        let layer = built(config);
        let (x, cx) = (wide([2, 6, 3], 2), Context::eval());
        let (all, end) = layer.forward_from(&x, &layer.initial_state(2), &cx);
        near(&all, &layer.forward(&x, &cx), 0.0);
        let (mut state, mut ys) = (layer.initial_state(2), vec![]);
        for t in 0..6 {
            let (y, next) = layer.step(&x.select(1, t), &state);
            ys.push(y);
            state = next;
        }
        near(&Tensor::stack(&ys.iter().collect::<Vec<_>>(), 1), &all, 1e-12);
        for ((name, found), (expected, value)) in state.iter().zip(&end) {
            assert_eq!(name, expected);
            near(found, value, 1e-12);
        }
        let (_, half) = layer.forward_from(&x.slice(1, ..4), &layer.initial_state(2), &cx);
        near(&layer.forward_from(&x.slice(1, 4..), &half, &cx).0, &all.slice(1, 4..), 1e-12);
    }
    check(rnn(4).layers(2));
    check(gru(4).reset(GruReset::Before).initial_state(InitialState::Learned));
    check(gru(4).update(GruUpdate::Chung).layers(3));
    check(lstm(4).projection(2).peepholes().layers(2));
    check(lstm(4).layer_norm());
    check(lstm(4).batch_norm());
}

/// Padding changes nothing, whatever lies there: each sample is what it is alone. Behind its end y is 0.
#[test]
fn each_sample_is_as_if_alone() {
    fn check<C: Copy + Into<RecurrentCell>>(config: RecurrentConfig<C>) {
        let (all, last) = (built(config), built(config.return_sequences(false)));
        let x = wide([3, 5, 3], 2);
        let lengths = [2usize, 5, 0];
        let cx = Context::eval();
        cx.set_lengths(&x, &Tensor::from(lengths.map(|length| length as i64)));
        let (y, end) = (all.forward(&x, &cx), last.forward(&x, &cx));
        assert!(cx.lengths(&y).is_some() && cx.lengths(&end).is_none());
        for (n, length) in lengths.into_iter().enumerate() {
            let (y, end) = (y.slice(0, n..=n), end.slice(0, n..=n));
            near(&y.slice(1, length..), &y.slice(1, length..).zeros_like(), 0.0);
            if length > 0 {
                let alone = x.slice(0, n..=n).slice(1, ..length);
                near(&y.slice(1, ..length), &all.forward(&alone, &Context::eval()), 1e-12);
                near(&end, &last.forward(&alone, &Context::eval()), 1e-12);
            } else {
                near(&end, &end.zeros_like(), 0.0);
            }
        }
    }
    check(rnn(4).bidirectional(Merge::Sum).layers(2));
    check(lstm(4).bidirectional(Merge::Concat).layers(2));
    check(gru(4));
    check(lstm(4).layer_norm().bidirectional(Merge::Sum));
}

/// Both ends at once: the other way is the way of what is turned round.
#[test]
fn the_other_direction_sees_the_sequence_turned_round() {
    let layer = built(gru(4).bidirectional(Merge::Concat));
    let one = built(gru(4));
    for name in ["weight_ih", "weight_hh", "bias", "bias_hn"] {
        let from = variable(&layer, &format!("{name}_l0_reverse"));
        variable(&one, &format!("{name}_l0")).set(&from.value()).unwrap();
    }
    let (x, cx) = (wide([2, 5, 3], 3), Context::eval());
    let both = layer.forward(&x, &cx);
    near(&both.slice(2, 4..), &one.forward(&x.flip(1), &cx).flip(1), 1e-12);
}

/// With what is kept the same at all steps a unit lives or dies with its sequence; other draws a step would leave hardly any.
#[test]
fn recurrent_dropout_draws_once_for_all_steps() {
    let (units, steps) = (200, 6);
    let config = rnn(units).activation(RnnActivation::Relu).recurrent_dropout(0.5);
    let layer = config.build(1, &Init::new(0).of(DType::F64));
    let eye = Tensor::eye(units).cast(DType::F64);
    variable(&layer, "weight_hh_l0").set(&eye).unwrap();
    let (x, state) = (
        Tensor::zeros([2, steps, 1]).cast(DType::F64),
        vec![("h_l0".to_owned(), Tensor::ones([2, units]).cast(DType::F64))],
    );
    let run = |cx: &Context| layer.forward_from(&x, &state, cx).0.select(1, steps - 1);
    near(&run(&Context::eval()), &state[0].1, 0.0);
    let (first, second) = (run(&training(0)).to_vec::<f64>(), run(&training(1)).to_vec::<f64>());
    let alive = first.iter().filter(|&&h| h != 0.0);
    assert!(alive.clone().all(|&h| h == 64.0), "2 for each of six steps");
    assert!((150..250).contains(&alive.count()), "half of 400");
    assert!(first[..units] != first[units..], "another draw for each sequence");
    assert_ne!(first, second);
}

/// What a GRU takes over from the state as it is, is not dropped: only what is multiplied is.
#[test]
fn recurrent_dropout_leaves_what_a_gru_hands_on() {
    for (update, bias) in [(GruUpdate::Cho, 1e3), (GruUpdate::Chung, -1e3)] {
        let layer = built(gru(5).update(update).recurrent_dropout(0.5));
        let bias = Tensor::concat(
            &[&Tensor::zeros([5]), &Tensor::full([5], bias), &Tensor::zeros([5])],
            0,
        );
        variable(&layer, "bias_l0").set(&bias.cast(DType::F64)).unwrap();
        let state = vec![("h_l0".to_owned(), wide([2, 5], 1))];
        let (_, end) = layer.forward_from(&wide([2, 4, 3], 2), &state, &training(0));
        near(&end[0].1, &state[0].1, 0.0);
    }
}

/// Of what lies behind the ends nothing enters the statistics; those are of all real steps of all samples.
#[test]
fn batch_norm_counts_real_steps_only() {
    let layer = built(lstm(4).batch_norm());
    let x = wide([2, 3, 3], 2);
    let there = Tensor::from([[1.0f64, 1.0, 1.0], [1.0, 0.0, 0.0]]).unsqueeze(2);
    let run = |x: &Tensor| {
        let cx = training(0);
        cx.set_lengths(x, &Tensor::from([3i64, 1]));
        let y = layer.forward(x, &cx);
        (y, cx.take_updates())
    };
    let (y, updates) = run(&x);
    let (same, _) = run(&(&x * &there + (1.0 - &there) * 1e3));
    near(&y, &same, 1e-12);
    // The mean and the unbiased variance of four steps.
    let rows = Tensor::concat(&[&x.select(0, 0), &x.select(0, 1).slice(0, ..1)], 0); // [4, 3]
    let zx = rows.matmul(&variable(&layer, "weight_ih_l0").tensor());
    let mean = zx.mean(0);
    let var = (&zx - &mean).square().sum(0) / 3.0;
    let moved = |name: &str| {
        let variable = variable(&layer, &format!("norm_l0.{name}"));
        updates.iter().find(|(known, _)| *known == variable).expect(name).1.clone()
    };
    near(&moved("running_mean"), &(mean * 0.1), 1e-12);
    near(&moved("running_var"), &(var * 0.1 + 0.9), 1e-12);
    // Nothing padded and lengths that say so are the same.
    let cx = training(0);
    cx.set_lengths(&x, &Tensor::from([3i64, 3]));
    near(&layer.forward(&x, &cx), &layer.forward(&x, &training(0)), 1e-10);
}

/// By the paper's formulas (20) to (22), written out.
#[test]
fn layer_norm_is_the_papers() {
    let layer = built(lstm(4).layer_norm());
    for (i, (_, parameter)) in parameters(&layer).iter().enumerate() {
        let variable = parameter.variable();
        variable.set(&wide(variable.shape(), 30 + i as u64)).unwrap();
    }
    let of = |name: &str| variable(&layer, &format!("{name}_l0")).tensor();
    let norm = |x: &Tensor| {
        let centred = x - x.mean(1).unsqueeze(1);
        &centred / (centred.square().mean(1).unsqueeze(1) + 1e-5).sqrt()
    };
    let x = wide([2, 3, 3], 2);
    let zero = Tensor::zeros([2, 4]).cast(DType::F64);
    let (mut h, mut c, mut ys) = (zero.clone(), zero, vec![]);
    for t in 0..3 {
        let z = norm(&h.matmul(&of("weight_hh"))) * of("norm_hh")
            + norm(&x.select(1, t).matmul(&of("weight_ih"))) * of("norm_ih")
            + of("bias");
        let [i, f, g, o] = [0, 1, 2, 3].map(|k| z.slice(1, 4 * k..4 * k + 4));
        c = f.sigmoid() * c + i.sigmoid() * g.tanh();
        h = o.sigmoid() * (norm(&c) * of("norm_c") + of("norm_c_bias")).tanh();
        ys.push(h.clone());
    }
    let expected = Tensor::stack(&ys.iter().collect::<Vec<_>>(), 1);
    let found = layer.forward(&x, &Context::eval());
    near(&found, &expected, 1e-10);
    for (name, p) in parameters(&layer) {
        let [a, b] =
            [&found, &expected].map(|y| grad(&y.square().sum(..), [&p.tensor()])[0].clone());
        assert!(b.abs().max(..).item() > 1e-6, "{name}");
        near(&a, &b, 1e-8);
    }
}

/// Pieces of a batch's sequences, one batch after the other, are the sequences; no gradient goes from piece to piece.
#[test]
fn a_carried_state_goes_on_where_the_batch_before_ended() {
    let whole = built(lstm(4).layers(2));
    let layer = built(lstm(4).layers(2).initial_state(InitialState::Carried(2)));
    let x = wide([2, 6, 3], 2);
    let all = whole.forward(&x, &Context::eval());
    for _ in 0..2 {
        for piece in 0..3 {
            let cx = training(0);
            let y = layer.forward(&x.slice(1, 2 * piece..2 * piece + 2), &cx);
            near(&y, &all.slice(1, 2 * piece..2 * piece + 2), 1e-12);
            let updates = cx.take_updates();
            assert_eq!(updates.len(), 4, "h and c of two layers");
            update(&[], &updates).unwrap();
        }
        layer.reset_state().unwrap();
    }
    // Two calls in one pass: the second begins where the first ended, and its gradient stops there.
    let cx = training(0);
    let [first, second] = [x.slice(1, ..2), x.slice(1, 2..4)];
    layer.forward(&first, &cx);
    let y = layer.forward(&second, &cx);
    near(&y, &all.slice(1, 2..4), 1e-12);
    let found = gradients(&y.sum(..), &[first, second]).unwrap();
    assert!(found[0].is_none() && found[1].is_some());
}

/// The first line of the error.
#[track_caller]
fn refusal<R>(f: impl FnOnce() -> R) -> String {
    try_build(f).err().expect("refused").to_string().lines().next().unwrap().to_owned()
}

#[test]
fn a_carried_state_is_of_one_size_of_batches() {
    let memory = || rnn(4).initial_state(InitialState::Carried(3));
    // A model is built on batches of another size, which carry nothing.
    let model = Sequential::new([5, 3], &Init::new(0)).add(memory()).add(dense(2));
    let cx = Context::eval();
    assert_eq!(model.forward(&Tensor::ones([3, 5, 3]), &cx).shape().to_string(), "[3, 5, 2]");
    let error = refusal(|| model.forward(&Tensor::ones([2, 5, 3]), &Context::eval()));
    let what = "the state of 3 samples is carried on, the batch has 2; all batches must have 3";
    assert_eq!(error, format!("rnn: {what}"));
}

#[test]
fn random_states_are_drawn_while_training_only() {
    let layer = built(rnn(4).initial_state(InitialState::Random(0.5)));
    let zero = built(rnn(4));
    let x = wide([2, 3, 3], 2);
    near(&layer.forward(&x, &Context::eval()), &zero.forward(&x, &Context::eval()), 0.0);
    let [a, b] = [0, 1].map(|step| layer.forward(&x, &training(step)).to_vec::<f64>());
    assert_ne!(a, b);
    assert!(a[..4] != a[12..16], "another for each sequence");
}

/// Three steps of an oscillation are more than one unit can begin from rest; from a state of its own it can.
#[test]
fn a_learned_state_fits_short_sequences_better() {
    let fit = |initial| {
        let layer = rnn(1).initial_state(initial).build(1, &Init::new(0).of(DType::F64));
        variable(&layer, "weight_hh_l0").set(&Tensor::from([[-1.0f64]])).unwrap();
        let x = Tensor::zeros([1, 3, 1]).cast(DType::F64);
        let t = Tensor::from([[[0.8f64], [-0.8], [0.8]]]);
        let loss = || (layer.forward(&x, &Context::eval()) - &t).square().mean(..);
        for _ in 0..600 {
            let own: Vec<_> = parameters(&layer).into_iter().map(|(_, p)| p).collect();
            let tensors: Vec<Tensor> = own.iter().map(|p| p.tensor()).collect();
            let slopes = gradients(&loss(), &tensors).unwrap();
            let step = |((p, w), g): ((&gradus_nn::Parameter, &Tensor), Option<Tensor>)| {
                g.map(|g| (p.variable().clone(), w - g * 0.5))
            };
            let steps: Vec<_> = own.iter().zip(&tensors).zip(slopes).filter_map(step).collect();
            update(&[], &steps).unwrap();
        }
        loss().item()
    };
    let (zero, learned) = (fit(InitialState::Zero), fit(InitialState::Learned));
    assert!(learned < 1e-4 && zero > 10.0 * learned, "{learned} learned, {zero} from zeros");
}

/// Dropout between layers is of what one gives to the next; the last one's output is whole.
#[test]
fn dropout_lies_between_layers() {
    let layer = built(rnn(8).layers(2).dropout(0.5));
    let x = wide([2, 3, 3], 2);
    let [a, b] = [0, 1].map(|step| layer.forward(&x, &training(step)).to_vec::<f64>());
    assert!(a != b && a.iter().all(|&y| y != 0.0));
    let plain = built(rnn(8).layers(2));
    near(&layer.forward(&x, &Context::eval()), &plain.forward(&x, &Context::eval()), 0.0);
}

#[test]
fn gates_and_cells_can_be_watched() {
    let model = Sequential::new([5, 3], &Init::new(0)).add(lstm(4).layers(2)).add(gru(2));
    let seen = RefCell::new(vec![]);
    let cx = Context::eval().with_hook(|path, y| {
        seen.borrow_mut().push((path.to_owned(), y.clone()));
        None
    });
    model.forward(&Tensor::ones([2, 5, 3]), &cx);
    drop(cx);
    let seen = seen.into_inner();
    let names: Vec<String> = seen.iter().map(|(path, y)| format!("{path} {}", y.shape())).collect();
    let of_lstm =
        |l: usize| [format!("lstm1.gates_l{l} [2, 5, 16]"), format!("lstm1.cells_l{l} [2, 5, 4]")];
    let rest = ["lstm1 [2, 5, 4]", "gru1.gates_l0 [2, 5, 6]", "gru1 [2, 5, 2]"].map(String::from);
    assert_eq!(names, [&of_lstm(0)[..], &of_lstm(1), &rest].concat());
    // A forget gate that begins at 1 lets more through than one that begins at 0.
    let forget = |bias: f64| {
        let layer = lstm(4).forget_bias(bias).build(3, &Init::new(0));
        let seen = RefCell::new(0.0);
        let cx = Context::eval().with_hook(|path, y| {
            if path == "memory.gates_l0" {
                *seen.borrow_mut() = y.slice(2, 4..8).mean(..).item();
            }
            None
        });
        cx.run("memory", &layer, &Tensor::zeros([1, 1, 3]));
        drop(cx);
        seen.into_inner()
    };
    assert!((forget(0.0) - 0.5).abs() < 1e-6 && (forget(1.0) - 0.731_06).abs() < 1e-4);
}

#[test]
fn what_a_layer_is_can_be_read() {
    let model = Sequential::new([7, 3], &Init::new(0))
        .add(gru(6).layers(2).bidirectional(Merge::Concat))
        .add(lstm(5).projection(2).return_sequences(false));
    let rows = model.summary().rows;
    assert_eq!([&rows[0].layer, &rows[1].layer], ["GRU(2×6, bidirectional)", "LSTM(5)"]);
    assert_eq!([rows[0].output, rows[1].output], [[7, 12].into(), [2].into()]);
    assert_eq!(rows[0].macs, 7 * 2 * 18 * ((3 + 6) + (12 + 6)));
    assert_eq!(rows[1].macs, 7 * (20 * (12 + 2) + 5 * 2));
}

#[test]
fn what_cannot_be_is_refused_in_a_line() {
    let model = |sample: &[usize]| Sequential::new(sample, &Init::new(0));
    let steps = &[5, 3][..];
    let same = |error: String, expected: &str| assert_eq!(error, expected);
    same(refusal(|| model(steps).add(lstm(0))), "lstm: 0 units, expected at least 1");
    same(refusal(|| model(steps).add(gru(2).layers(0))), "gru: 0 layers, expected at least 1");
    same(refusal(|| model(&[5]).add(rnn(2))), "rnn: the input is [5], expected [steps, features]");
    same(
        refusal(|| model(&[5]).add(lookahead(2))),
        "lookahead: the input is [5], expected [steps, features]",
    );
    same(
        refusal(|| model(steps).add(rnn(2).recurrent_dropout(1.0))),
        "rnn: recurrent_dropout 1; expected 0 ≤ p < 1",
    );
    same(
        refusal(|| model(steps).add(rnn(2).dropout(0.5))),
        "rnn: dropout works between layers, and there is one; a dropout layer behind it does the same",
    );
    same(
        refusal(|| model(steps).add(lstm(2).layer_norm().batch_norm())),
        "lstm: batch_norm and layer_norm would both normalise the input's share",
    );
    let both = gru(2).bidirectional(Merge::Sum);
    same(
        refusal(|| model(steps).add(both.initial_state(InitialState::Carried(4)))),
        "gru: a state is carried on from one end, and the layer is bidirectional: what comes next is not known yet",
    );
    let layer = built(both);
    same(
        refusal(|| layer.step(&wide([2, 3], 1), &layer.initial_state(2))),
        "gru: a bidirectional layer has no single steps: it sees what comes",
    );
    let layer = built(lstm(2));
    same(
        refusal(|| layer.forward(&wide([2, 5, 4], 1), &Context::eval())),
        "lstm: x is [2, 5, 4], expected [B, T, 3]",
    );
    same(
        refusal(|| layer.step(&wide([2, 3], 1), &layer.initial_state(4))),
        "lstm: the state has h_l0 [4, 2], expected h_l0 [2, 2]",
    );
    same(
        refusal(|| layer.step(&wide([2, 3], 1), &layer.initial_state(2)[..1].to_vec())),
        "lstm: the state has no c_l0, expected c_l0 [2, 2]",
    );
    same(refusal(|| lstm(0).build(3, &Init::new(0))), "lstm: 0 units, expected at least 1");
}

/// Behind a sequence's end a look ahead sees zeros, whatever lies there.
#[test]
fn a_look_ahead_ends_with_the_sequence() {
    let model = Sequential::new([4, 3], &Init::new(0)).add(lookahead(2));
    let x = Tensor::randn([2, 4, 3], 1);
    let cx = Context::eval();
    cx.set_lengths(&x, &Tensor::from([4i64, 2]));
    let y = model.forward(&x, &cx);
    assert!(cx.lengths(&y).is_some());
    let alone = |x: Tensor| model.forward(&x, &Context::eval());
    near(&y.slice(0, ..1), &alone(x.slice(0, ..1)), 1e-6);
    let second = y.slice(0, 1..);
    near(&second.slice(1, ..2), &alone(x.slice(0, 1..).slice(1, ..2)), 1e-6);
    near(&second.slice(1, 2..), &second.slice(1, 2..).zeros_like(), 0.0);
}
