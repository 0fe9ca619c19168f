//! Groups of channels to mean 0 and variance 1, each sample by itself: y = (x − mean)/√(var + ε),
//! var the mean of squares over a group's channels and all pixels.   [N, C, L] -> [N, C, L]
//!
//! dx = (dy − mean(dy) − y·mean(dy·y))/√(var + ε), one kernel that computes the statistics again.

mod columns;
mod cpu;

use super::inverse_deviation;
use crate::Tensor;
use crate::ops::reference::differentiate;
use gradus_base::exec::Kernel;
use gradus_base::{Error, Result};
use gradus_graph::{
    Backward, Device, Layouts, Meta, Node, Order, Rule, Setting, Spec, Strategy, call_one, fail,
};
use std::panic::Location;

/// x → y, or x, dy → dx.
#[derive(Clone, Copy, Debug)]
struct Normalize {
    eps: f64,
    groups: usize,
    back: bool,
}

impl Rule for Normalize {
    fn name(&self) -> &'static str {
        if self.back { "normalize_grad" } else { "normalize" }
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }

    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        if !self.back {
            let rule = Normalize { back: true, ..*self };
            return Ok(vec![Some(call_one(rule, &[&backward.inputs[0], backward.dy()]))]);
        }
        differentiate(backward, |inputs| {
            let shape = inputs[0].shape();
            let rows = shape[0] * self.groups;
            let [x, dy] = [0, 1].map(|i| inputs[i].reshape([rows, shape.len() / rows.max(1)]));
            let mean = |t: &Tensor| t.mean(1).unsqueeze(1);
            let centred = &x - mean(&x);
            let scale = inverse_deviation(&mean(&centred.square()), self.eps);
            let y = &centred * &scale;
            let along = mean(&(&dy * &y));
            vec![((&dy - mean(&dy) - y * along) * scale).reshape(shape)]
        })
    }

    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        let groups = Setting::Sizes(vec![self.groups]);
        Some(vec![("eps", Setting::Number(self.eps)), ("groups", groups)])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => Some(Box::new(OnCpu(self))),
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        inputs[0].shape.len() as u64 * if self.back { 12 } else { 6 }
    }
}

/// How the CPU does it.
struct OnCpu<'a>(&'a Normalize);

impl Strategy for OnCpu<'_> {
    /// Row-major, or with the channels innermost.
    fn layout_choices(&self, inputs: &[Meta], outputs: &[Meta]) -> Vec<Layouts> {
        let choice = |axes: [usize; 3]| Layouts {
            inputs: vec![Order::Axes(axes.to_vec()); inputs.len()],
            outputs: vec![axes.to_vec(); outputs.len()],
        };
        vec![choice([0, 1, 2]), choice([0, 2, 1])]
    }

    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel> {
        let view = &spec.inputs[0].view;
        match Order::Dense.accepts(view) {
            true => cpu::kernel(self.0.eps, self.0.groups, self.0.back, spec),
            false => columns::kernel(self.0.eps, self.0.groups, self.0.back, spec),
        }
    }
}

impl Tensor {
    /// The channels of `[N, C, ..]` cut into so many groups, each brought to mean 0 and variance 1 in every sample.
    #[track_caller]
    pub(super) fn normalize_groups(&self, groups: usize, eps: f64) -> Tensor {
        if !self.dtype().is_float() {
            let what = format!("the elements must be floats, found {}", self.dtype());
            fail(Error::dtype("normalize", what), Location::caller());
        }
        let shape = self.shape();
        let x = self.wide().reshape([shape[0], shape[1], shape[2..].iter().product()]);
        let y = Tensor(call_one(Normalize { eps, groups, back: false }, &[&x.0]));
        y.reshape(shape).cast(self.dtype())
    }
}
