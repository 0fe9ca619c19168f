//! `PlanStep`: a step of a plan, for people.

use super::lowered::{BufferView, Lowered, Work};
use crate::device::Device;
use gradus_base::exec::{Args, Kernel};
use gradus_base::{Place, Shape};
use std::sync::Arc;

/// One step of a plan, for people.
#[derive(Clone, Debug)]
pub struct PlanStep {
    /// The op's name; that of a fused step is the name of its last op.
    pub name: String,
    /// The kernel's algorithm, where there are several.
    pub algorithm: String,
    /// The formulas that the kernel does in one piece, by name: an optimiser's step, a bias and ReLU.
    pub idioms: Vec<&'static str>,
    /// The layer.
    pub scope: Option<Arc<str>>,
    /// The line of the user's program.
    pub at: Place,
    /// The first output's shape.
    pub shape: Shape,
    /// Floating-point operations.
    pub flops: u64,
    /// Bytes read and written.
    pub bytes: u64,
    /// Whether it runs once only, and again when a variable that it depends on has changed.
    pub once: bool,
    /// The steps that its kernel runs, if the op holds a subgraph, each told as of one time.
    pub body: Vec<PlanStep>,
    /// How many times it runs them.
    pub times: usize,
    /// The first output's element type is a float, and this many elements lie densely.
    pub(crate) dense_floats: Vec<(usize, gradus_base::DType)>,
}

impl PlanStep {
    pub(crate) fn new(step: &Lowered, kernel: &dyn Kernel, device: Device) -> PlanStep {
        let bytes = |v: &BufferView| {
            let repeats: usize = (0..v.view.shape.rank())
                .filter(|&a| v.view.strides[a] == 0)
                .map(|a| v.view.shape[a].max(1))
                .product();
            (v.view.shape.len() / repeats * v.dtype.size()) as u64
        };
        // Of a packing its form is told, and the shape of what is packed; of outputs the first that is not left out.
        let written =
            || step.outputs.iter().find(|o| !o.view.shape.is_empty()).unwrap_or(&step.outputs[0]);
        let (algorithm, shape) = match &step.work {
            Work::Pack(packing) => (packing.form.clone(), step.inputs[0].view.shape),
            _ => (kernel.algorithm().to_owned(), written().view.shape),
        };
        let body = match &step.work {
            Work::Call { rule, spec } => rule.strategy(device).and_then(|s| s.body(spec)),
            _ => None,
        };
        let (body, times) =
            body.map_or((vec![], 1), |(plan, times)| (plan.steps().to_vec(), times));
        let dense = |o: &BufferView| match o.view.memory_order() {
            Some(_) => (o.view.shape.len(), o.dtype),
            None => (0, o.dtype),
        };
        let node = &step.label.node;
        PlanStep {
            name: step.label.name.clone(),
            algorithm,
            idioms: kernel.idioms().to_vec(),
            scope: node.scope().cloned(),
            at: node.place().clone(),
            shape,
            flops: step.label.flops,
            bytes: step.inputs.iter().chain(&step.outputs).map(bytes).sum(),
            once: step.once,
            body,
            times,
            dense_floats: step.outputs.iter().map(dense).collect(),
        }
    }
}

impl PlanStep {
    /// The op's name, and in brackets its algorithm, the idioms it took, and whether it runs once.
    pub fn title(&self) -> String {
        let once = if self.once { "once" } else { "" };
        let times = match self.body.is_empty() {
            true => String::new(),
            false => format!("{} times", self.times),
        };
        let notes: Vec<&str> = std::iter::once(&*self.algorithm)
            .chain(self.idioms.iter().copied())
            .chain([&*times, once])
            .filter(|note| !note.is_empty())
            .collect();
        match notes.is_empty() {
            true => self.name.clone(),
            false => format!("{} ({})", self.name, notes.join(", ")),
        }
    }

    /// The layer's path without the layers' types: `layer1.0.conv1` of
    /// `layer1 (Sequential(2))/0 (Residual)/conv1 (Conv2d)`; empty outside of layers.
    pub fn layer(&self) -> String {
        let (mut path, mut depth) = (String::new(), 0usize);
        for c in self.scope.as_deref().unwrap_or_default().chars() {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ if depth > 0 || c == ' ' => {}
                '/' => path.push('.'),
                c => path.push(c),
            }
        }
        path
    }
}

impl PlanStep {
    /// Whether all float outputs of the step's last run are finite. Outputs with gaps are not looked at.
    pub(crate) fn is_finite(&self, args: &Args<'_>) -> bool {
        self.dense_floats.iter().enumerate().all(|(i, &(len, dtype))| args.is_finite(i, dtype, len))
    }

    /// Whether one of its outputs is, as [`PlanStep::is_finite`].
    pub(crate) fn output_is_finite(&self, i: usize, args: &Args<'_>) -> bool {
        self.dense_floats.get(i).is_none_or(|&(len, dtype)| args.is_finite(i, dtype, len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_told_by_their_paths() {
        let mut step = PlanStep {
            name: "conv2d".into(),
            algorithm: String::new(),
            idioms: vec![],
            scope: Some("layer1 (Sequential(2))/0 (Residual)/pool (MaxPool2d(3×3/2))".into()),
            at: Place::here(),
            shape: Shape::new(&[1]),
            flops: 0,
            bytes: 0,
            once: false,
            body: vec![],
            times: 1,
            dense_floats: vec![],
        };
        assert_eq!((step.layer(), step.title()), ("layer1.0.pool".into(), "conv2d".into()));
        step.once = true;
        assert_eq!(step.title(), "conv2d (once)");
        (step.algorithm, step.scope) = ("Winograd".into(), None);
        assert_eq!((step.layer(), step.title()), (String::new(), "conv2d (Winograd, once)".into()));
    }
}
