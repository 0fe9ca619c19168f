//! What does not follow from the cases: steps one by one, lengths, refusals, the size of plans, threads, and what is kept.

use super::{GruOptions, GruReset, LstmOptions, RnnActivation, RnnOptions};
use crate::{DType, Key, Meta, Step, Tensor, Variable, compile, grad, gradients, try_build};

fn random(seed: u64, shape: &[usize]) -> Tensor {
    let x = Key::new(seed).normal_of(shape, DType::F32) * 0.5;
    Tensor::from_slice(&x.to_vec::<f32>(), shape)
}

/// zx, wh, h0, c0 of an LSTM.
fn inputs([t, n, h]: [usize; 3]) -> [Tensor; 4] {
    [(1, vec![t, n, 4 * h]), (2, vec![h, 4 * h]), (3, vec![n, h]), (4, vec![n, h])]
        .map(|(seed, shape)| random(seed, &shape))
}

#[test]
fn steps_one_by_one_are_the_sequence() {
    let [zx, wh, h0, c0] = inputs([5, 3, 40]);
    let whole = zx.lstm(&wh, &h0, &c0, None, &LstmOptions::default());
    let (h, c) = (Variable::new("h", &h0), Variable::new("c", &c0));
    let mut step = compile(|x: &[Tensor]| {
        let out = x[0].lstm(&wh, &h.tensor(), &c.tensor(), None, &LstmOptions::default());
        Step::new().read(&out.y).update(&h, &out.h).update(&c, &out.c)
    })
    .checked(true);
    let want = whole.y.to_vec::<f32>();
    for t in 0..5 {
        let y = step.run(&[&zx.slice(0, t..t + 1)]).unwrap().tensor(0).to_vec::<f32>();
        assert_eq!(y, want[t * 120..(t + 1) * 120], "step {t}");
    }
    assert_eq!(c.tensor().to_vec::<f32>(), whole.c.to_vec::<f32>());
}

/// A sample's numbers do not depend on how long the others are, nor on where it stands among them.
#[test]
fn lengths_cut_a_batch_into_sequences() {
    let [zx, wh, h0, c0] = inputs([6, 5, 33]);
    let lengths = [4usize, 6, 0, 1, 6];
    let given = Tensor::from(lengths.map(|l| l as i64));
    for reverse in [false, true] {
        let options = LstmOptions { reverse, ..LstmOptions::default() };
        let all = zx.lstm(&wh, &h0, &c0, Some(&given), &options);
        for (n, &length) in lengths.iter().enumerate() {
            let one = |t: &Tensor| t.slice(0, n..n + 1);
            let own = zx.slice(1, n..n + 1).slice(0, ..length);
            let alone = own.lstm(&wh, &one(&h0), &one(&c0), None, &options);
            let y = all.y.select(1, n).to_vec::<f32>();
            let (there, behind) = y.split_at(length * 33);
            assert_eq!(there, alone.y.to_vec::<f32>(), "sample {n}, reverse {reverse}");
            assert!(behind.iter().all(|y| *y == 0.0));
            assert_eq!(one(&all.h).to_vec::<f32>(), alone.h.to_vec::<f32>());
            assert_eq!(one(&all.c).to_vec::<f32>(), alone.c.to_vec::<f32>());
        }
    }
}

#[test]
fn nothing_behind_a_length_has_a_gradient() {
    let [zx, wh, h0, c0] = inputs([4, 3, 5]);
    let lengths = Tensor::from([2i64, 0, 4]);
    let out = zx.lstm(&wh, &h0, &c0, Some(&lengths), &LstmOptions::default());
    let loss = out.y.square().sum(..) + out.h.sum(..) + out.c.sin().sum(..);
    let [dzx, dh0, dc0] = grad(&loss, [&zx, &h0, &c0]);
    let row = |t: usize, n: usize| dzx.select(0, t).select(0, n).to_vec::<f32>();
    assert!(row(1, 0).iter().all(|d| *d != 0.0) && row(2, 0).iter().all(|d| *d == 0.0));
    assert!(row(0, 1).iter().all(|d| *d == 0.0));
    // A sample without steps hands on what reaches its states.
    assert_eq!(dh0.select(0, 1).to_vec::<f32>(), [1.0; 5]);
    let want = c0.select(0, 1).cos().to_vec::<f32>();
    assert_eq!(dc0.select(0, 1).to_vec::<f32>(), want);
}

#[test]
fn no_steps_hand_the_state_on() {
    let [_, wh, h0, c0] = inputs([1, 2, 3]);
    let zx = Tensor::zeros([0, 2, 12]);
    let out = zx.lstm(&wh, &h0, &c0, None, &LstmOptions::default());
    assert_eq!(out.y.shape()[..], [0, 2, 3]);
    assert_eq!(out.h.to_vec::<f32>(), h0.to_vec::<f32>());
    let loss = out.h.sum(..) + (&out.c * 2.0).sum(..);
    let [dwh, dh0, dc0] = grad(&loss, [&wh, &h0, &c0]);
    assert_eq!(dwh.to_vec::<f32>(), [0.0; 36]);
    assert_eq!((dh0.to_vec::<f32>(), dc0.to_vec::<f32>()), (vec![1.0; 6], vec![2.0; 6]));
}

/// The calls of a plan for the loss and all gradients, by name.
fn steps(t: usize, recompute: bool) -> Vec<String> {
    let [_, wh, h0, c0] = inputs([t, 2, 16]);
    let step = compile(move |x: &[Tensor]| {
        let out = x[0].lstm(&wh, &h0, &c0, None, &LstmOptions::default());
        let loss = out.y.square().sum(..);
        let found = gradients(&loss, &[x[0].clone(), wh.clone(), h0.clone(), c0.clone()]).unwrap();
        found.iter().flatten().fold(Step::new().read(&loss), |step, dx| step.read(dx))
    });
    let mut step = step.recompute(recompute);
    let plan = step.plan(&[Meta::new([t, 2, 64], DType::F32)]).unwrap();
    plan.steps().iter().map(|s| format!("{} {}", s.name, s.algorithm)).collect()
}

#[test]
fn a_plan_is_as_long_as_ever_however_long_the_sequence() {
    let short = steps(2, false);
    assert_eq!(short, steps(90, false));
    assert!(short.contains(&"lstm keeping gates".to_owned()), "{short:?}");
    assert_eq!(short.iter().filter(|s| s.starts_with("lstm_grad")).count(), 1, "{short:?}");
    assert!(short.len() < 12, "{short:?}");
}

#[test]
fn what_is_computed_again_is_the_same() {
    let run = |recompute: bool| {
        let [zx, wh, h0, c0] = inputs([7, 3, 20]);
        let mut step = compile(move |x: &[Tensor]| {
            let squashed = x[0].tanh();
            let out = squashed.lstm(&wh, &h0, &c0, None, &LstmOptions::default());
            let again = (&out.y * 2.0).sin().rnn(
                &wh.slice(1, ..20),
                &h0,
                None,
                &RnnOptions { activation: RnnActivation::Tanh, reverse: true },
            );
            let loss = again.y.square().sum(..);
            let [dzx, dwh] = grad(&loss, [&x[0], &wh]);
            Step::new().read(&loss).read(&dzx).read(&dwh)
        })
        .recompute(recompute);
        let out = step.run(&[&zx]).unwrap();
        [0, 1, 2].map(|i| out.tensor(i).to_vec::<f32>())
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let sizes @ [t, n, h] = [4, 50, 70];
    let [zx, wh, h0, c0] = inputs(sizes);
    let lengths: Tensor = (0..n as i64).map(|n| n % (t as i64 + 1)).collect();
    let run = |threads| {
        gradus_cpu::set_threads(threads);
        // Nodes of its own, so that nothing is taken from the run before.
        let zx = &zx * 1.0;
        let out = zx.lstm(&wh, &h0, &c0, Some(&lengths), &LstmOptions::default());
        let options = GruOptions { reset: GruReset::Before, ..GruOptions::default() };
        let (cut, weights) = (zx.slice(2, ..3 * h), wh.slice(1, ..3 * h));
        let gru = cut.gru(&weights, &h0, None, &options);
        let loss = out.y.square().sum(..) + gru.y.sin().sum(..);
        let [dzx, dwh] = grad(&loss, [&zx, &wh]);
        [out.y, out.c, gru.y, dzx, dwh].map(|t| t.to_vec::<f32>())
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
}

/// Weights that stay are packed once, before the first run.
#[test]
fn packed_weights_give_the_same_bits() {
    let [zx, wh, h0, c0] = inputs([3, 4, 50]);
    let want = zx.lstm(&wh, &h0, &c0, None, &LstmOptions::default()).y.to_vec::<f32>();
    let kept = Variable::new("wh", &wh);
    let mut step = compile(|x: &[Tensor]| {
        let out = x[0].lstm(&kept.tensor(), &h0, &c0, None, &LstmOptions::default());
        Step::new().read(&out.y)
    })
    .checked(true);
    let plan = step.plan(&[Meta::new([3, 4, 200], DType::F32)]).unwrap();
    assert!(plan.steps().iter().any(|s| s.name == "pack"), "{plan}");
    // Nobody reads the gates.
    assert!(plan.steps().iter().any(|s| s.name == "lstm" && s.algorithm.is_empty()), "{plan}");
    assert_eq!(step.run(&[&zx]).unwrap().tensor(0).to_vec::<f32>(), want);
}

#[test]
fn half_types_are_computed_in_f32() {
    let wide = inputs([3, 2, 8]).map(|t| t.cast(DType::BF16).cast(DType::F32));
    let [zx, wh, h0, c0] = wide.each_ref().map(|t| t.cast(DType::BF16));
    let half = zx.lstm(&wh, &h0, &c0, None, &LstmOptions::default());
    let [zx, wh, h0, c0] = &wide;
    let whole = zx.lstm(wh, h0, c0, None, &LstmOptions::default());
    let want = whole.y.cast(DType::BF16).to_vec::<f32>();
    assert_eq!((half.y.dtype(), half.y.to_vec::<f32>()), (DType::BF16, want));
}

#[test]
fn a_nan_stays_in_its_sample() {
    let [zx, wh, h0, c0] = inputs([3, 2, 9]);
    let zx = zx.to_vec::<f32>();
    let bad: Vec<f32> =
        zx.iter().enumerate().map(|(i, &z)| if i == 0 { f32::NAN } else { z }).collect();
    let y = |zx: &[f32]| {
        let zx = Tensor::from_slice(zx, [3, 2, 36]);
        zx.lstm(&wh, &h0, &c0, None, &LstmOptions::default()).y
    };
    let (good, bad) = (y(&zx), y(&bad));
    assert_eq!(bad.select(1, 1).to_vec::<f32>(), good.select(1, 1).to_vec::<f32>());
    assert!(bad.select(1, 0).select(0, 2).to_vec::<f32>().iter().all(|y| y.is_nan()));
}

#[test]
fn refusals_name_what_was_found() {
    let [zx, wh, h0, c0] = inputs([2, 3, 4]);
    let says = |f: &dyn Fn() -> Tensor, want: &str| {
        let e = try_build(f).unwrap_err().to_string();
        assert!(e.starts_with(want), "{e}");
    };
    let options = LstmOptions::default();
    let lstm = |zx: &Tensor, lengths: Option<&Tensor>| zx.lstm(&wh, &h0, &c0, lengths, &options).y;
    says(&|| lstm(&zx.cast(DType::F64), None), "lstm: zx is f64, wh f32; they must be one type");
    says(&|| lstm(&zx.cast(DType::I64), None), "lstm: zx must be of floats, found i64");
    says(&|| lstm(&zx, Some(&Tensor::ones([3]))), "lstm: lengths must be i64, found f32");
    let lengths = Tensor::from([1i64, 2]);
    says(&|| lstm(&zx, Some(&lengths)), "lstm: lengths must be [3] for zx [2, 3, 16], found [2]");
    let bias = Tensor::zeros([4]);
    let before = GruOptions { reset: GruReset::Before, bias: Some(&bias), ..GruOptions::default() };
    let gru = || zx.slice(2, ..12).gru(&wh.slice(1, ..12), &h0, None, &before).y;
    says(&gru, "gru: with the reset gate before the product all biases are part of zx");
    let clipped = RnnOptions { activation: RnnActivation::ClippedRelu(-1.0), reverse: false };
    let rnn = || zx.slice(2, ..4).rnn(&wh.slice(1, ..4), &h0, None, &clipped).y;
    says(&rnn, "rnn: the bound of a clipped ReLU must be positive, found -1");
    for (lengths, bad) in
        [([1i64, -1, 2], "length -1 at sample 1"), ([1, 2, 3], "length 3 at sample 2")]
    {
        let y = lstm(&zx, Some(&Tensor::from(lengths)));
        let e = y.try_to_vec::<f32>().unwrap_err().to_string();
        assert!(e.starts_with(&format!("lstm: {bad} is outside 0..=2")), "{e}");
    }
}
