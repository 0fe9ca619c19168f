//! Groups of channels to mean 0 and variance 1, each sample by itself: y = (x − mean)/√(var + ε),
//! var the mean of squares over a group's channels and all pixels.   [N, C, L] -> [N, C, L]
//!
//! dx = (dy − mean(dy) − y·mean(dy·y))/√(var + ε), one kernel that computes the statistics again.

mod columns;
mod cpu;
mod reference;

use super::inverse_deviation;
use crate::Tensor;
use crate::ops::kernel::tensors;
use gradus_base::exec::Kernel;
use gradus_base::{Error, Result, Shape};
use gradus_graph::{
    Backward, Device, Layouts, Meta, Node, Order, Plain, Rule, Setting, Spec, Strategy, call_one,
};
use gradus_reference::Array;

/// Channels cut into so many groups.
#[derive(Clone, Copy, Debug)]
struct Groups {
    eps: f64,
    count: usize,
}

/// x → y
#[derive(Debug)]
struct Normalize(Groups);

/// x, dy → dx
#[derive(Debug)]
struct NormalizeGrad(Groups);

impl Groups {
    /// The elements of a group.
    fn len_in(&self, shape: Shape) -> usize {
        shape.len() / (shape[0] * self.count).max(1)
    }

    /// `[N, C, L]` with every group in a row of its own.
    fn rows(&self, x: &Tensor) -> Tensor {
        x.reshape([x.shape()[0] * self.count, self.len_in(x.shape())])
    }

    /// The rows brought to mean 0 and variance 1, and what they were multiplied by.
    fn normal(&self, x: &Tensor) -> (Tensor, Tensor) {
        let centred = x - x.mean(1).unsqueeze(1);
        let scale = inverse_deviation(&centred.square().mean(1).unsqueeze(1), self.eps);
        (&centred * &scale, scale)
    }

    fn settings(&self) -> Vec<(&'static str, Setting)> {
        let groups = Setting::Sizes(vec![self.count]);
        vec![("eps", Setting::Number(self.eps)), ("groups", groups)]
    }
}

impl Rule for Normalize {
    fn name(&self) -> &'static str {
        "normalize"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }

    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let inputs = [&backward.inputs[0], backward.dy()];
        Ok(vec![Some(call_one(NormalizeGrad(self.0), &inputs))])
    }

    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let [x] = tensors(inputs);
        let (y, _) = self.0.normal(&self.0.rows(&x));
        Some(vec![y.reshape(x.shape()).0])
    }

    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        Some(self.0.settings())
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        let groups = self.0;
        match device {
            Device::Cpu => Some(Box::new(OnCpu { groups, back: false })),
            Device::Reference => {
                Some(Plain::of(move |x: &[Array]| Ok(vec![reference::forward(groups, &x[0])])))
            }
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        6 * inputs[0].shape.len() as u64
    }
}

impl Rule for NormalizeGrad {
    fn name(&self) -> &'static str {
        "normalize_grad"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }

    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let shape = inputs[0].shape();
        let [x, dy] = tensors(inputs).map(|t| self.0.rows(&t));
        let mean = |t: &Tensor| t.mean(1).unsqueeze(1);
        let (y, scale) = self.0.normal(&x);
        let along = mean(&(&dy * &y));
        Some(vec![((&dy - mean(&dy) - y * along) * scale).reshape(shape).0])
    }

    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        Some(self.0.settings())
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        let groups = self.0;
        match device {
            Device::Cpu => Some(Box::new(OnCpu { groups, back: true })),
            Device::Reference => {
                let dx = move |x: &[Array]| reference::backward(groups, &x[0], &x[1]);
                Some(Plain::of(move |x: &[Array]| Ok(vec![dx(x)])))
            }
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        12 * inputs[0].shape.len() as u64
    }
}

/// How the CPU does both.
struct OnCpu {
    groups: Groups,
    back: bool,
}

impl Strategy for OnCpu {
    /// Row-major, or with the channels innermost.
    fn layout_choices(&self, inputs: &[Meta], outputs: &[Meta]) -> Vec<Layouts> {
        let choice = |axes: [usize; 3]| Layouts {
            inputs: vec![Order::Axes(axes.to_vec()); inputs.len()],
            outputs: vec![axes.to_vec(); outputs.len()],
        };
        vec![choice([0, 1, 2]), choice([0, 2, 1])]
    }

    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel> {
        let (view, Groups { eps, count }) = (&spec.inputs[0].view, self.groups);
        match Order::Dense.accepts(view) {
            true => cpu::kernel(eps, count, self.back, spec),
            false => columns::kernel(eps, count, self.back, spec),
        }
    }
}

impl Tensor {
    /// The channels of `[N, C, ..]` cut into so many groups, each brought to mean 0 and variance 1 in every sample.
    #[track_caller]
    pub(super) fn normalize_groups(&self, groups: usize, eps: f64) -> Tensor {
        if !self.dtype().is_float() {
            let what = format!("the elements must be floats, found {}", self.dtype());
            return Tensor::refuse(Error::dtype("normalize", what));
        }
        let shape = self.shape();
        let x = self.wide().reshape([shape[0], shape[1], shape[2..].iter().product()]);
        let y = Tensor(call_one(Normalize(Groups { eps, count: groups }), &[&x.0]));
        y.reshape(shape).cast(self.dtype())
    }
}
