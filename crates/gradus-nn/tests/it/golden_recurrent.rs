//! Recurrent layers against PyTorch's and Keras's values and gradients.

use crate::golden_losses::{compare, input, ints};
use gradus_nn::layers::*;
use gradus_nn::{Context, Init, parameters};
use gradus_tensor::{DType, GruReset, RnnActivation, Tensor, grad};
use gradus_testkit::{GoldenCase, read_golden};

const UNITS: usize = 6;

fn cases(by: &str) -> Vec<GoldenCase> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/recurrent.safetensors");
    read_golden(file).into_iter().filter(|case| case.op().starts_with(by)).collect()
}

/// What all kinds have in common.
fn built<C: Copy + Into<RecurrentCell>>(
    config: RecurrentConfig<C>,
    case: &GoldenCase,
    layers: usize,
) -> Recurrent {
    let config = config.layers(layers);
    let config =
        if case.flag("bidirectional") { config.bidirectional(Merge::Concat) } else { config };
    config.build(input(case, "x").size(2), &Init::new(0).of(DType::F64))
}

fn suffixes(layers: usize, bidirectional: bool) -> Vec<String> {
    let ways = if bidirectional { &["", "_reverse"][..] } else { &[""] };
    (0..layers).flat_map(|l| ways.iter().map(move |way| format!("l{l}{way}"))).collect()
}

fn parameter(layer: &Recurrent, name: &str) -> Tensor {
    let found = parameters(layer).into_iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no {name}")).1.tensor()
}

fn set(layer: &Recurrent, name: &str, value: &Tensor) {
    let (_, found) = parameters(layer).into_iter().find(|(known, _)| known == name).expect(name);
    found.variable().set(value).unwrap();
}

/// A GRU's biases in PyTorch: what is added to the sums, and what the reset gate weighs.
fn split(both: [&Tensor; 2]) -> (Tensor, Tensor) {
    let [ih, hh] = both;
    let none = hh.slice(0, 2 * UNITS..).zeros_like();
    let sums = ih + Tensor::concat(&[&hh.slice(0, ..2 * UNITS), &none], 0);
    (sums, hh.slice(0, 2 * UNITS..))
}

fn take_torch(layer: &Recurrent, case: &GoldenCase, suffix: &str) {
    let of = |name: &str| input(case, &format!("{name}_{suffix}"));
    let to = |name: &str, value: &Tensor| set(layer, &format!("{name}_{suffix}"), value);
    to("weight_ih", &of("weight_ih").t());
    to("weight_hh", &of("weight_hh").t());
    let (ih, hh) = (of("bias_ih"), of("bias_hh"));
    if case.op().ends_with("gru") {
        let (sums, own) = split([&ih, &hh]);
        to("bias", &sums);
        to("bias_hn", &own);
    } else {
        to("bias", &(ih + hh));
    }
    if case.size("projection") > 0 {
        to("weight_hr", &of("weight_hr").t());
    }
}

#[test]
fn layers_are_pytorchs() {
    let cases = cases("torch");
    assert_eq!(cases.len(), 15);
    for case in &cases {
        let layers = case.size("layers");
        let layer = match case.op() {
            "torch_lstm" if case.size("projection") > 0 => {
                built(lstm(UNITS).projection(case.size("projection")), case, layers)
            }
            "torch_lstm" => built(lstm(UNITS), case, layers),
            "torch_gru" => built(gru(UNITS), case, layers),
            _ if case.flag("relu") => {
                built(rnn(UNITS).activation(RnnActivation::Relu), case, layers)
            }
            _ => built(rnn(UNITS), case, layers),
        };
        let suffixes = suffixes(layers, case.flag("bidirectional"));
        suffixes.iter().for_each(|suffix| take_torch(&layer, case, suffix));
        let (x, cx) = (input(case, "x"), Context::eval());
        if case.has_input("lengths") {
            cx.set_lengths(&x, &ints(case, "lengths"));
        }
        let starts: Vec<(&str, Tensor)> = ["h", "c"]
            .into_iter()
            .filter(|name| case.has_input(&format!("{name}0")))
            .map(|name| (name, input(case, &format!("{name}0"))))
            .collect();
        let mut state = vec![];
        for (row, suffix) in suffixes.iter().enumerate() {
            for (name, start) in &starts {
                state.push((format!("{name}_{suffix}"), start.select(0, row)));
            }
        }
        let (y, end) = layer.forward_from(&x, &state, &cx);
        compare(case, "y", &y);
        for (name, _) in &starts {
            let ours = end.iter().filter(|(known, _)| known.starts_with(name));
            let ours: Vec<&Tensor> = ours.map(|(_, tensor)| tensor).collect();
            compare(case, name, &Tensor::stack(&ours, 0));
        }
        let loss = (y * input(case, "c")).sum(..);
        compare(case, "dx", &grad(&loss, [&x])[0]);
        for (name, start) in &starts {
            compare(case, &format!("d{name}0"), &grad(&loss, [start])[0]);
        }
        for suffix in &suffixes {
            compare_torch_slopes(&layer, case, &loss, suffix);
        }
    }
}

fn compare_torch_slopes(layer: &Recurrent, case: &GoldenCase, loss: &Tensor, suffix: &str) {
    let slope = |name: &str| {
        let parameter = parameter(layer, &format!("{name}_{suffix}"));
        grad(loss, [&parameter])[0].clone()
    };
    let same = |name: &str, found: &Tensor| compare(case, &format!("d{name}_{suffix}"), found);
    same("weight_ih", &slope("weight_ih").t());
    same("weight_hh", &slope("weight_hh").t());
    let bias = slope("bias");
    same("bias_ih", &bias);
    match case.op().ends_with("gru") {
        true => {
            let of_gates = bias.slice(0, ..2 * UNITS);
            same("bias_hh", &Tensor::concat(&[&of_gates, &slope("bias_hn")], 0));
        }
        false => same("bias_hh", &bias),
    }
    if case.size("projection") > 0 {
        same("weight_hr", &slope("weight_hr").t());
    }
}

/// Keras's parts z, r, h as r, z, n, or back.
fn swapped(x: &Tensor) -> Tensor {
    let parts = x.split(&[UNITS; 3], -1);
    Tensor::concat(&[&parts[1], &parts[0], &parts[2]], -1)
}

#[test]
fn layers_are_keras() {
    let cases = cases("keras");
    assert_eq!(cases.len(), 7);
    for case in &cases {
        let is_gru = case.op() == "keras_gru";
        let after = is_gru && case.flag("reset_after");
        let layer = match case.op() {
            "keras_lstm" => built(lstm(UNITS), case, 1),
            "keras_gru" if after => built(gru(UNITS), case, 1),
            "keras_gru" => built(gru(UNITS).reset(GruReset::Before), case, 1),
            _ => built(rnn(UNITS), case, 1),
        };
        let turned = |x: Tensor| if is_gru { swapped(&x) } else { x };
        let suffixes = suffixes(1, case.flag("bidirectional"));
        let theirs = ["", "backward_"];
        for (suffix, prefix) in suffixes.iter().zip(theirs) {
            let of = |name: &str| turned(input(case, &format!("{prefix}{name}")));
            let to = |name: &str, value: &Tensor| set(&layer, &format!("{name}_{suffix}"), value);
            to("weight_ih", &of("kernel"));
            to("weight_hh", &of("recurrent_kernel"));
            let bias = of("bias");
            if after {
                let (sums, own) = split([&bias.select(0, 0), &bias.select(0, 1)]);
                to("bias", &sums);
                to("bias_hn", &own);
            } else {
                to("bias", &bias);
            }
        }
        let (x, cx) = (input(case, "x"), Context::eval());
        let y = gradus_nn::Layer::forward(&layer, &x, &cx);
        compare(case, "y", &y);
        let loss = (y * input(case, "c")).sum(..);
        compare(case, "dx", &grad(&loss, [&x])[0]);
        for (suffix, prefix) in suffixes.iter().zip(theirs) {
            let slope = |name: &str| {
                grad(&loss, [&parameter(&layer, &format!("{name}_{suffix}"))])[0].clone()
            };
            let same = |name: &str, found: &Tensor| {
                compare(case, &format!("d{prefix}{name}"), found);
            };
            same("kernel", &turned(slope("weight_ih")));
            same("recurrent_kernel", &turned(slope("weight_hh")));
            if after {
                let sums = slope("bias");
                let own = Tensor::concat(&[&sums.slice(0, ..2 * UNITS), &slope("bias_hn")], 0);
                same("bias", &turned(Tensor::stack(&[&sums, &own], 0)));
            } else {
                same("bias", &turned(slope("bias")));
            }
        }
    }
}
