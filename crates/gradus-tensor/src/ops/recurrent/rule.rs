//! The rules of the forward and the backward pass, and the unrolled net, whose gradients are everyone's.

use super::net::{Backward, Cell, Forward, Given, Net};
use super::{cpu, expansion, gradient, reference};
use crate::Tensor;
use gradus_base::Result;
use gradus_graph::{Device, Meta, Node, Plain, Rule, Strategy, call};
use gradus_reference::Array;
use std::sync::Arc;

/// The inputs of [`Forward`] → y, h, the cell of an LSTM, the gates and what is kept beside, as far as the net has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recurrent(pub Net);

/// The inputs of [`Backward`] → dzx, dh0, dc0 of an LSTM, and the inner gradient, as far as the net has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecurrentGrad {
    pub net: Net,
    pub given: Given,
}

/// As [`Recurrent`], without a kernel: its gradient is that of its expansion, by any of its outputs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unrolled(pub Recurrent);

impl Rule for Recurrent {
    fn name(&self) -> &'static str {
        match self.0.cell {
            Cell::Rnn(_) => "rnn",
            Cell::Lstm(_) => "lstm",
            Cell::Gru(_) => "gru",
        }
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let net = self.0;
        let x = Forward::of(&net, inputs.iter());
        let (zx, h0) = (x.zx.shape, x.h0.shape);
        let meta = |shape: &[usize]| Meta::new(shape, x.zx.dtype);
        let hidden = zx[2] / net.parts();
        let y = meta(&[zx[0], zx[1], h0[1]]);
        let c = x.c0.map(|c0| meta(&c0.shape));
        let gates = net.has_gates().then(|| meta(&zx));
        let kept = net.has_kept().then(|| meta(&[zx[0], zx[1], hidden]));
        Ok([y, meta(&h0)].into_iter().chain(c).chain(gates).chain(kept).collect())
    }

    fn grad(&self, backward: &gradus_graph::Backward<'_>) -> Result<Vec<Option<Node>>> {
        gradient::of(self.0, backward)
    }

    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let x = Forward::of(&self.0, inputs.iter().cloned().map(Tensor::from_node));
        Some(expansion::forward(&self.0, &x).into_iter().map(|t| t.0).collect())
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        let net = self.0;
        match device {
            Device::Cpu => Some(Box::new(cpu::ForwardOnCpu(net))),
            Device::Reference => Some(Plain::of(move |x: &[Array]| reference::forward(&net, x))),
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        flops(inputs[0].shape.len(), inputs[2].shape[1])
    }
}

impl Rule for RecurrentGrad {
    fn name(&self) -> &'static str {
        match self.net.cell {
            Cell::Rnn(_) => "rnn_grad",
            Cell::Lstm(_) => "lstm_grad",
            Cell::Gru(_) => "gru_grad",
        }
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let x = Backward::of(&self.net, self.given, inputs.iter());
        let (y, width) = (x.y.shape, x.wh.shape[1]);
        let dzx = Meta::new([y[0], y[1], width], x.y.dtype);
        let inner = self.net.has_inner().then_some(*x.y);
        Ok([dzx, *x.h0].into_iter().chain(x.c0.copied()).chain(inner).collect())
    }

    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let inputs = inputs.iter().cloned().map(Tensor::from_node);
        let x = Backward::of(&self.net, self.given, inputs);
        Some(expansion::backward(&self.net, &x).into_iter().map(|t| t.0).collect())
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        let RecurrentGrad { net, given } = *self;
        match device {
            Device::Cpu => Some(Box::new(cpu::BackwardOnCpu(net, given))),
            Device::Reference => {
                Some(Plain::of(move |x: &[Array]| Ok(reference::backward(&net, given, x))))
            }
            _ => None,
        }
    }

    fn flops(&self, _inputs: &[Meta], outputs: &[Meta]) -> u64 {
        flops(outputs[0].shape.len(), outputs[1].shape[1])
    }
}

/// Of so many sums of products with so many states. What follows a sum, mostly an exponential, counts as twelve.
fn flops(sums: usize, states: usize) -> u64 {
    (2 * states as u64 + 12) * sums as u64
}

impl Rule for Unrolled {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        self.0.infer(inputs)
    }

    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        self.0.expand(inputs)
    }

    fn strategy(&self, _device: Device) -> Option<Box<dyn Strategy + '_>> {
        None
    }

    fn flops(&self, inputs: &[Meta], outputs: &[Meta]) -> u64 {
        self.0.flops(inputs, outputs)
    }
}

/// All outputs of a call.
#[track_caller]
pub(super) fn called(rule: Arc<dyn Rule>, inputs: Vec<Node>, outputs: usize) -> Vec<Node> {
    match outputs {
        2 => call::<2>(rule, inputs).into(),
        3 => call::<3>(rule, inputs).into(),
        4 => call::<4>(rule, inputs).into(),
        _ => call::<5>(rule, inputs).into(),
    }
}
