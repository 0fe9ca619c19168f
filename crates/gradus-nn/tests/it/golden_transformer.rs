//! Attention in heads and layers of transformers against PyTorch's values and gradients, of inputs and weights.

use crate::golden_losses::{compare, input, ints};
use gradus_nn::layers::*;
use gradus_nn::{Context, Init, Layer, Module, Parameter, State, named_states};
use gradus_tensor::{Attention, DType, Tensor, grad};
use gradus_testkit::{GoldenCase, read_golden};

/// PyTorch's name of a weight, which rows of it are ours, for projections that it keeps in one, and whether ours lies transposed.
fn theirs(name: &str) -> (String, Option<usize>, bool) {
    let (of, kind) = name.rsplit_once('.').expect("weight or bias");
    let transposed = kind == "weight" && !of.contains("norm");
    let (layer, last) = of.rsplit_once('.').map_or(("", of), |(layer, last)| (layer, last));
    let dot = if layer.is_empty() { "" } else { "." };
    match ["q_proj", "k_proj", "v_proj"].iter().position(|own| *own == last) {
        Some(i) => (format!("{layer}{dot}in_proj_{kind}"), Some(i), transposed),
        None => (name.to_owned(), None, transposed),
    }
}

/// What PyTorch has, as ours lies.
fn ours(x: &Tensor, part: Option<usize>, transposed: bool) -> Tensor {
    let x = match part {
        Some(i) => {
            let size = x.size(0) / 3;
            x.slice(0, i * size..(i + 1) * size)
        }
        None => x.clone(),
    };
    if transposed { x.t() } else { x }
}

/// Gives a module PyTorch's weights.
fn take(module: &dyn Module, case: &GoldenCase) -> Vec<(String, Parameter)> {
    let mut all = vec![];
    for (name, state) in named_states(module) {
        let State::Parameter(parameter) = state else { unreachable!("{name} is a parameter") };
        let (known, part, transposed) = theirs(&name);
        parameter.variable().set(&ours(&input(case, &known), part, transposed)).unwrap();
        all.push((name, parameter.clone()));
    }
    all
}

/// Compares y, and the gradients of Σ y·c.
fn check(case: &GoldenCase, y: &Tensor, sequences: &[(&str, &Tensor)], ws: &[(String, Parameter)]) {
    compare(case, "y", y);
    let loss = (y * input(case, "c")).sum(..);
    for (name, x) in sequences {
        let [dx] = grad(&loss, [*x]);
        compare(case, &format!("d{name}"), &dx);
    }
    // Ours, put together as theirs lie.
    let mut parts: Vec<(String, Vec<Tensor>)> = vec![];
    for (name, parameter) in ws {
        let (known, _, transposed) = theirs(name);
        let [dw] = grad(&loss, [&parameter.tensor()]);
        let dw = if transposed { dw.t() } else { dw };
        match parts.iter_mut().find(|(name, _)| *name == known) {
            Some((_, all)) => all.push(dw),
            None => parts.push((known, vec![dw])),
        }
    }
    for (name, all) in &parts {
        let dw = Tensor::concat(&all.iter().collect::<Vec<_>>(), 0);
        compare(case, &format!("d{name}"), &dw);
    }
}

#[test]
fn layers_agree_with_pytorch() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/transformer.safetensors");
    let cases = read_golden(file);
    assert_eq!(cases.len(), 13);
    let init = || Init::new(0).of(DType::F64);
    for case in &cases {
        let cx = Context::eval();
        let x = input(case, "x");
        let features = x.size(2);
        let memory = case.has_input("memory").then(|| input(case, "memory"));
        if case.has_input("lengths") {
            cx.set_lengths(memory.as_ref().unwrap_or(&x), &ints(case, "lengths"));
        }
        let layer = || {
            let layer = transformer_encoder_layer(2, 5);
            let layer = if case.flag("norm_first") { layer.norm_first() } else { layer };
            layer.activation(if case.text("activation") == "gelu" { gelu() } else { relu() })
        };
        let (y, ws) = match case.op() {
            "multi_head_attention" => {
                let config = multi_head_attention(2);
                let config = if case.flag("causal") { config.causal() } else { config };
                let own = config.build(features, &init());
                let ws = take(&own, case);
                (own.forward(&x, &cx), ws)
            }
            "cross_attention" => {
                let own = multi_head_attention(2).build(features, &init());
                let (ws, memory) = (take(&own, case), memory.as_ref().unwrap());
                (own.attend(&x, memory, &Attention::new(), &cx), ws)
            }
            "encoder_layer" => {
                let own = layer().encoder(features, &init());
                let ws = take(&own, case);
                (own.forward(&x, &cx), ws)
            }
            "decoder_layer" => {
                let own = layer().decoder(1, features, &init());
                let ws = take(&own.layers[0], case);
                (own.layers[0].decode(&x, memory.as_ref().unwrap(), &cx), ws)
            }
            op => panic!("no case for {op}"),
        };
        let sequences = [Some(("x", &x)), memory.as_ref().map(|memory| ("memory", memory))];
        check(case, &y, &sequences.into_iter().flatten().collect::<Vec<_>>(), &ws);
    }
}
