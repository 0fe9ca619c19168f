//! The gradients of the forward rule: one backward pass over the steps, and ordinary products and sums over all of them.

use super::expansion::{part, previous_cells, previous_states};
use super::net::{Backward, Cell, Forward, Given, Net};
use super::rule::{Recurrent, RecurrentGrad, Unrolled, called};
use crate::Tensor;
use gradus_base::Result;
use gradus_graph::{Node, Rule};
use std::sync::Arc;

/// For each input of the forward rule.
pub(super) fn of(net: Net, b: &gradus_graph::Backward<'_>) -> Result<Vec<Option<Node>>> {
    let states = if net.is_lstm() { 3 } else { 2 };
    if b.dys[states..].iter().any(Option::is_some) {
        // Of gates and cells there is no pass of its own.
        return Unrolled(Recurrent(net)).grad(b);
    }
    let given = Given {
        y: b.dys[0].is_some(),
        h: b.dys[1].is_some(),
        c: net.is_lstm() && b.dys[2].is_some(),
    };
    let back = read(net, b);
    let inputs = back.each().map(|t| t.0.clone()).collect();
    let slopes = called(Arc::new(RecurrentGrad { net, given }), inputs, net.slopes());
    let mut slopes = slopes.into_iter().map(Tensor);
    let mut next = || slopes.next().expect("the rule's outputs");
    let (dzx, dh0) = (next(), next());
    let dc0 = net.is_lstm().then(&mut next);
    let inner = net.has_inner().then(&mut next);
    let wanted = Forward::of(&net, b.wanted.iter().copied());
    let slope =
        |wanted: Option<bool>, of: &dyn Fn() -> Tensor| wanted.map(|wanted| wanted.then(|| of().0));
    let inner = || inner.as_ref().expect("of what is within a step");
    let gradients = Forward {
        wh: wanted.wh.then(|| weights(&net, &back, &dzx, inner).0),
        bias: slope(wanted.bias, &|| inner().sum([0, 1])),
        lengths: wanted.lengths.map(|_| None),
        peepholes: slope(wanted.peepholes, &|| peepholes(&net, &back, &dzx)),
        projection: slope(wanted.projection, &|| projection(&net, &back, inner())),
        zx: Some(dzx.0),
        h0: Some(dh0.0),
        c0: dc0.map(|dc0| Some(dc0.0)),
    };
    Ok(gradients.into_inputs().collect())
}

/// What the backward pass reads.
fn read(net: Net, b: &gradus_graph::Backward<'_>) -> Backward<Tensor> {
    let tensor = |node: &Node| Tensor::from_node(node.clone());
    let x = Forward::of(&net, b.inputs.iter().map(tensor));
    let mut outputs = b.outputs.iter().map(tensor);
    let mut next = || outputs.next().expect("the rule's outputs");
    let (y, _h) = (next(), next());
    let _c = net.is_lstm().then(&mut next);
    let gates = net.has_gates().then(&mut next);
    let kept = net.has_kept().then(&mut next);
    let dy = |i: usize| b.dys[i].as_ref().map(tensor);
    Backward {
        wh: x.wh,
        h0: x.h0,
        c0: x.c0,
        lengths: x.lengths,
        peepholes: x.peepholes,
        projection: x.projection,
        y,
        gates,
        kept,
        dy: dy(0),
        dh: dy(1),
        dc: if net.is_lstm() { dy(2) } else { None },
    }
}

/// `[T, N, K]` as `[T·N, K]`.
fn rows(x: &Tensor) -> Tensor {
    let shape = x.shape();
    x.reshape([shape[0] * shape[1], shape[2]])
}

/// dwh = Σ hᵀ·dz over all steps, h being the state before each.
fn weights<'a>(
    net: &Net,
    x: &Backward<Tensor>,
    dzx: &Tensor,
    inner: impl Fn() -> &'a Tensor,
) -> Tensor {
    let before = previous_states(net, x);
    let (h, dz) = (rows(&before).t(), rows(dzx));
    let hidden = x.h0.shape()[1];
    let two = |last: Tensor| Tensor::concat(&[&h.matmul(&dz.slice(1, ..2 * hidden)), &last], 1);
    if net.resets_after() {
        return two(h.matmul(&rows(inner())));
    }
    if net.resets_before() {
        let r = part(x.gates.as_ref().expect("of a GRU"), 0, hidden);
        let reset = rows(&(r * &before)).t();
        return two(reset.matmul(&dz.slice(1, 2 * hidden..)));
    }
    h.matmul(&dz)
}

/// For each gate Σ dz·c over all steps and samples, c being the cell that it reads.
fn peepholes(net: &Net, x: &Backward<Tensor>, dzx: &Tensor) -> Tensor {
    let Cell::Lstm(cell) = net.cell else { unreachable!("only an LSTM has peepholes") };
    let old = previous_cells(net, x).expect("the cells");
    let new = x.kept.as_ref().expect("the cells");
    let hidden = new.shape()[2];
    let rows: Vec<Tensor> = cell
        .places()
        .peepholes()
        .map(|(k, after)| (part(dzx, k, hidden) * if after { new } else { &old }).sum([0, 1]))
        .collect();
    Tensor::stack(&rows.iter().collect::<Vec<_>>(), 0)
}

/// Σ mᵀ·dh over all steps, m being what was projected.
fn projection(net: &Net, x: &Backward<Tensor>, dh: &Tensor) -> Tensor {
    let Cell::Lstm(cell) = net.cell else { unreachable!("only an LSTM projects") };
    let c = x.kept.as_ref().expect("the cells");
    let hidden = c.shape()[2];
    let out = if cell.linear_output { c.clone() } else { c.tanh() };
    let m = match cell.places().output {
        Some(k) => part(x.gates.as_ref().expect("the gates"), k, hidden) * out,
        None => out,
    };
    rows(&m).t().matmul(&rows(dh))
}
