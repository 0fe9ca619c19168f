//! Recurrent networks, values and gradients, against PyTorch's in f64 (`fixtures/make_recurrent.py`): one way and both, of one length
//! and ragged.

use gradus_tensor::{GruOptions, LstmOptions, RnnActivation, RnnOptions, Shape, Tensor, gradients};
use gradus_testkit::formula;

/// A shape and its elements.
type Numbers = (Vec<usize>, Vec<f64>);

const HIDDEN: usize = 3;
const LENGTHS: [i64; 3] = [2, 4, 1];

fn numbers(text: &str) -> Numbers {
    let (sizes, values) = text.split_once(':').expect("a shape");
    let sizes = sizes.split(',').map(|n| n.trim().parse().expect("a size"));
    let values = values.split_whitespace().map(|x| x.parse().expect("a number"));
    (sizes.collect(), values.collect())
}

fn near(what: &str, found: &Tensor, (shape, want): &Numbers) {
    assert_eq!(found.shape()[..], shape[..], "{what}");
    let largest = want.iter().fold(1.0f64, |m, x| m.max(x.abs()));
    for (i, (a, b)) in found.to_vec::<f64>().iter().zip(want).enumerate() {
        assert!((a - b).abs() < 1e-8 * largest, "{what}: element {i} is {a}, expected {b}");
    }
}

#[test]
fn values_and_gradients_are_those_of_pytorch() {
    let mut cases = 0;
    for line in include_str!("fixtures/recurrent.txt").lines() {
        let mut parts = line.split(" ; ");
        let name = parts.next().expect("a name");
        let wanted: Vec<Numbers> = parts.map(numbers).collect();
        let (values, slopes) = wanted.split_at(if name.starts_with("lstm") { 3 } else { 2 });
        let inputs: Vec<Tensor> = (0..)
            .zip(slopes)
            .map(|(salt, (shape, values))| {
                let elements: Vec<f64> = formula(values.len(), salt).collect();
                Tensor::from_slice(&elements, Shape::new(shape))
            })
            .collect();
        let outputs = computed(name, &inputs);
        for (i, (y, want)) in outputs.iter().zip(values).enumerate() {
            near(&format!("{name}, output {i}"), y, want);
        }
        let squares = outputs.iter().map(|y| y.square().sum(..));
        let loss = squares.reduce(|a, b| a + b).expect("outputs");
        let found = gradients(&loss, &inputs).expect("gradients");
        for (i, (dx, want)) in found.iter().zip(slopes).enumerate() {
            let dx = dx.as_ref().expect("each input counts");
            near(&format!("{name}, gradient {i}"), dx, want);
        }
        cases += 1;
    }
    assert_eq!(cases, 14);
}

/// y, h and c of all directions.
fn computed(name: &str, inputs: &[Tensor]) -> Vec<Tensor> {
    let lengths = name.ends_with("ragged").then(|| Tensor::from(LENGTHS));
    let directions = if name.contains("both") { 2 } else { 1 };
    let lstm = name.starts_with("lstm");
    let (given, weights) = inputs.split_at(if lstm { 3 } else { 2 });
    let each = weights.len() / directions;
    let mut all: Vec<Vec<Tensor>> = vec![];
    for (direction, weights) in weights.chunks(each).enumerate() {
        let states: Vec<Tensor> = given[1..].iter().map(|s| s.select(0, direction)).collect();
        let [wx, wh, bx, bh] = [0, 1, 2, 3].map(|i| &weights[i]);
        let (product, wh) = (given[0].matmul(&wx.t()), wh.t());
        let (reverse, lengths) = (direction == 1, lengths.as_ref());
        if lstm {
            let projection = weights.get(4).map(Tensor::t);
            let projection = projection.as_ref();
            let options = LstmOptions { projection, reverse, ..LstmOptions::default() };
            let zx = product + bx + bh;
            let out = zx.lstm(&wh, &states[0], &states[1], lengths, &options);
            all.push(vec![out.y, out.h, out.c]);
        } else if name.starts_with("gru") {
            // The candidate's recurrent bias is what the reset gate weighs.
            let (outside, bias) = (bh.slice(0, ..2 * HIDDEN), bh.slice(0, 2 * HIDDEN..));
            let outside = outside.pad(0, 0, HIDDEN);
            let options = GruOptions { bias: Some(&bias), reverse, ..GruOptions::default() };
            let out = (product + bx + outside).gru(&wh, &states[0], lengths, &options);
            all.push(vec![out.y, out.h]);
        } else {
            let relu = name.contains("relu");
            let activation = if relu { RnnActivation::Relu } else { RnnActivation::Tanh };
            let options = RnnOptions { activation, reverse };
            let out = (product + bx + bh).rnn(&wh, &states[0], lengths, &options);
            all.push(vec![out.y, out.h]);
        }
    }
    (0..all[0].len())
        .map(|i| {
            let parts: Vec<&Tensor> = all.iter().map(|outputs| &outputs[i]).collect();
            if i == 0 { Tensor::concat(&parts, 2) } else { Tensor::stack(&parts, 0) }
        })
        .collect()
}
