//! One op over all steps against ordinary ops step by step, for everything that can be asked for.

use super::cell::Cell;
use super::direction::Ran;
use super::{Merge, RecurrentConfig, gru, lstm, rnn, unrolled};
use crate::{Context, Init, parameters};
use gradus_tensor::{DType, GruReset, GruUpdate, LstmGates, RnnActivation, Tensor, grad};

/// Values and all gradients of both ways agree, with and without lengths, from the first step and from the last.
#[track_caller]
fn same_unrolled<C: Copy + Into<Cell>>(config: RecurrentConfig<C>) {
    let layer = config.bidirectional(Merge::Concat).build(3, &Init::new(1).of(DType::F64));
    for (i, (_, parameter)) in parameters(&layer).iter().enumerate() {
        let variable = parameter.variable();
        let drawn = Tensor::randn(variable.shape(), 20 + i as u64).cast(DType::F64) * 0.6;
        variable.set(&drawn).unwrap();
    }
    let x = Tensor::randn([4, 5, 3], 2).cast(DType::F64);
    let lengths = Tensor::from([5i64, 0, 3, 1]);
    for direction in &layer.directions {
        for lengths in [None, Some(&lengths)] {
            let zx = direction.project(&x, None, &Context::eval()).transpose(0, 1);
            let start: Vec<Tensor> = (direction.starts.iter().zip(7..))
                .map(|((_, size, _), seed)| Tensor::randn([4, *size], seed).cast(DType::F64))
                .collect();
            let losses = |ran: &Ran| {
                let weigh =
                    |t: &Tensor, seed| (t * Tensor::randn(t.shape(), seed).cast(t.dtype())).sum(..);
                let ends = ran.end.iter().zip(12..).map(|(end, seed)| weigh(end, seed));
                ends.fold(weigh(&ran.y, 11), |sum, end| sum + end)
            };
            let fused = direction.run(&layer.cell, &zx, &start, lengths, None);
            let plain = unrolled::run(direction, &layer.cell, &zx, &start, lengths, None);
            let pairs = [&fused, &plain].map(|ran| {
                let loss = losses(ran);
                let own = parameters(&layer).into_iter();
                let own = own.filter(|(name, _)| name.ends_with(&direction.suffix));
                let inputs = own.map(|(_, p)| p.tensor()).chain(start.clone()).chain([x.clone()]);
                let slopes = inputs.map(|input| grad(&loss, [&input])[0].clone());
                let values = [&ran.y].into_iter().chain(&ran.end).cloned();
                values.chain(slopes).collect::<Vec<_>>()
            });
            let what = format!("{} of {:?}", direction.suffix, layer.cell);
            assert_eq!(pairs[0].len(), pairs[1].len());
            for (a, b) in pairs[0].iter().zip(&pairs[1]) {
                assert_eq!(a.shape(), b.shape(), "{what}");
                let off = (a - b).abs().max(..).item();
                assert!(off < 1e-8, "{off} in {what}");
            }
        }
    }
}

#[test]
fn rnns() {
    let all = [RnnActivation::Tanh, RnnActivation::Relu, RnnActivation::ClippedRelu(0.8)];
    all.into_iter().for_each(|activation| same_unrolled(rnn(4).activation(activation)));
}

#[test]
fn grus() {
    for reset in [GruReset::After, GruReset::Before] {
        for update in [GruUpdate::Cho, GruUpdate::Chung] {
            same_unrolled(gru(4).reset(reset).update(update));
        }
    }
}

#[test]
fn lstms() {
    use LstmGates::{All, Coupled, NoForget, NoInput, NoOutput};
    for gates in [All, Coupled, NoForget, NoInput, NoOutput] {
        same_unrolled(lstm(4).gates(gates));
        same_unrolled(lstm(4).gates(gates).peepholes().projection(2));
    }
    same_unrolled(lstm(4).linear_input());
    same_unrolled(lstm(4).linear_output().peepholes());
}
