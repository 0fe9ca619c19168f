//! What attention means, and its gradient. Inputs are q, k, v, then the mask and the lengths, if there are any.

use super::{cpu, expansion, reference};
use crate::Tensor;
use gradus_base::{DType, Result};
use gradus_graph::{Backward, Device, Meta, Node, Plain, Rule, Setting, Strategy, call};
use gradus_reference::Array;
use std::sync::Arc;

/// q, k, v, [mask], [lengths] → y, and the logarithm of each row's sum of exponentials, ∞ where nothing is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attend {
    pub(super) causal: bool,
    pub(super) scale: f64,
    /// Whether there is a mask.
    pub(super) mask: bool,
    /// Whether there are lengths.
    pub(super) lengths: bool,
}

/// The inputs of [`Attend`], its y and logarithms, and dy → dq, dk, dv
#[derive(Clone, Copy, Debug)]
struct AttendGrad(Attend);

/// What weights are made of.
pub(super) struct Parts<'a, T> {
    pub(super) q: &'a T,
    pub(super) k: &'a T,
    pub(super) mask: Option<&'a T>,
    pub(super) lengths: Option<&'a T>,
}

impl Attend {
    /// Of q and k, and of what comes behind v.
    pub(super) fn parts<'a, T>(&self, both: &'a [T], rest: &'a [T]) -> Parts<'a, T> {
        let mask = self.mask.then(|| &rest[0]);
        let lengths = self.lengths.then(|| &rest[usize::from(self.mask)]);
        Parts { q: &both[0], k: &both[1], mask, lengths }
    }

    /// How many inputs there are.
    pub(super) fn inputs(&self) -> usize {
        3 + usize::from(self.mask) + usize::from(self.lengths)
    }

    /// Of so many products with each score, exponentials counted as ten operations.
    fn work(&self, inputs: &[Meta], products: [u64; 2]) -> u64 {
        let last = |i: usize, back: usize| inputs[i].shape[inputs[i].shape.rank() - back] as u64;
        let scores = inputs[0].shape.len() as u64 / last(0, 1).max(1) * last(1, 2);
        scores * (2 * (products[0] * last(0, 1) + products[1] * last(2, 1)) + 12)
    }
}

impl Rule for Attend {
    fn name(&self) -> &'static str {
        "scaled_dot_product_attention"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let (q, v) = (inputs[0].shape, inputs[2].shape);
        let rank = q.rank();
        let y = q.try_with(rank - 1, v[rank - 1])?;
        Ok(vec![Meta::new(y, inputs[0].dtype), Meta::new(q.without(rank - 1), inputs[0].dtype)])
    }

    /// What floats of a mask are told is the gradient of the scores, which only the composition has.
    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        // The logarithms never leave this file, except to the rule below.
        let dy = backward.dys[0].as_ref().expect("only the means are ever read");
        let outputs = backward.outputs.iter().cloned();
        let inputs: Vec<Node> =
            backward.inputs.iter().cloned().chain(outputs).chain([dy.clone()]).collect();
        let mut found = vec![None; backward.inputs.len()];
        if self.mask && backward.wanted[3] && backward.inputs[3].dtype() != DType::Bool {
            let inputs: Vec<Tensor> = inputs.iter().cloned().map(Tensor::from_node).collect();
            found[3] = Some(expansion::slopes(self, &inputs).scores.0);
        }
        if backward.wanted[..3].contains(&true) {
            let all: [Node; 3] = call(Arc::new(AttendGrad(*self)), inputs);
            for (i, dx) in all.into_iter().enumerate().filter(|&(i, _)| backward.wanted[i]) {
                found[i] = Some(dx);
            }
        }
        Ok(found)
    }

    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let inputs: Vec<Tensor> = inputs.iter().cloned().map(Tensor::from_node).collect();
        let [y, logarithms] = expansion::forward(self, &inputs);
        Some(vec![y.0, logarithms.0])
    }

    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        let flag = |name, on| (name, Setting::Flag(on));
        Some(vec![
            flag("causal", self.causal),
            ("scale", Setting::Number(self.scale)),
            flag("mask", self.mask),
            flag("lengths", self.lengths),
        ])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        let op = *self;
        match device {
            Device::Cpu => Some(Box::new(cpu::OnCpu { op, back: false })),
            Device::Reference => Some(Plain::of(move |x: &[Array]| reference::forward(&op, x))),
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        self.work(inputs, [1, 1])
    }
}

impl Rule for AttendGrad {
    fn name(&self) -> &'static str {
        "scaled_dot_product_attention_grad"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(inputs[..3].to_vec())
    }

    /// y and its logarithms are functions of the other inputs, so the composition, which does not read them, has their share.
    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let inputs: Vec<Tensor> = inputs.iter().cloned().map(Tensor::from_node).collect();
        let slopes = expansion::slopes(&self.0, &inputs);
        Some(slopes.inputs.map(|dx| dx.0).into())
    }

    fn settings(&self) -> Option<Vec<(&str, Setting)>> {
        self.0.settings()
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        let op = self.0;
        match device {
            Device::Cpu => Some(Box::new(cpu::OnCpu { op, back: true })),
            Device::Reference => {
                Some(Plain::of(move |x: &[Array]| Ok(reference::backward(&op, x))))
            }
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        self.0.work(inputs, [3, 2])
    }
}
