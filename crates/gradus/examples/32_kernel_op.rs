//! An op of your own with a kernel of its own, from outside of the library: the recurrence h[t] = a[t]·h[t − 1] + x[t].
//!
//! What it means is a `Rule`: shapes, gradient, and the same in simpler ops (`expand`), which devices without a kernel compute and
//! kernels are checked by. How a device does it is a `Strategy`: here safe Rust over slices. A kernel that errs is named.

use gradus::Device;
use gradus::op::{Backward, Dense, Meta, Node, Rule, Spec, Strategy, call_one};
use gradus::prelude::*;

/// a, x → h, each `[N, T]`, from the first step or from the last.
#[derive(Clone, Copy, Debug)]
struct Recurrence {
    backwards: bool,
    /// A mistake in the kernel: it leaves out the last step.
    wrong: bool,
}

impl Rule for Recurrence {
    fn name(&self) -> &'static str {
        "recurrence"
    }
    fn infer(&self, inputs: &[Meta]) -> gradus::Result<Vec<Meta>> {
        Ok(vec![inputs[1]])
    }
    /// g[t] = dh[t] + a[t + 1]·g[t + 1], a recurrence again; dx = g, da[t] = g[t]·h[t − 1].
    fn grad(&self, b: &Backward<'_>) -> gradus::Result<Vec<Option<Node>>> {
        let [a, h, dh] =
            [&b.inputs[0], &b.outputs[0], b.dy()].map(|n| Tensor::from_node(n.clone()));
        let back = Recurrence { backwards: !self.backwards, ..*self };
        let next = self.shifted(&a, false);
        let g = Tensor::from_node(call_one(back, &[next.node(), dh.node()]));
        let da = &g * self.shifted(&h, true);
        Ok(vec![Some(da.node().clone()), Some(g.node().clone())])
    }
    /// Step by step, in ops that there are.
    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let [a, x] = [0, 1].map(|i| Tensor::from_node(inputs[i].clone()));
        let steps = x.shape()[1];
        let mut h: Vec<Tensor> = vec![];
        for i in 0..steps {
            let t = if self.backwards { steps - 1 - i } else { i };
            let [a, x] = [&a, &x].map(|s| s.slice(1, t..t + 1));
            h.push(h.last().map_or(x.clone(), |before| a * before + x));
        }
        if self.backwards {
            h.reverse();
        }
        Some(vec![Tensor::concat(&h.iter().collect::<Vec<_>>(), 1).node().clone()])
    }
    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        (device == Device::Cpu).then(|| Dense::of(|spec: &Spec| self.kernel(spec)))
    }
    fn flops(&self, inputs: &[Meta], _: &[Meta]) -> u64 {
        2 * inputs[1].shape.len() as u64
    }
}

impl Recurrence {
    fn kernel(&self, spec: &Spec) -> Box<dyn gradus::op::Kernel> {
        let (steps, rule) = (spec.outputs[0].view.shape[1], *self);
        spec.slices::<f32>(move |inputs, outputs| {
            let rows = inputs[0].chunks(steps).zip(inputs[1].chunks(steps));
            for ((a, x), h) in rows.zip(outputs[0].chunks_mut(steps)) {
                let mut state = 0.0;
                for i in 0..steps - usize::from(rule.wrong) {
                    let t = if rule.backwards { steps - 1 - i } else { i };
                    state = a[t] * state + x[t];
                    h[t] = state;
                }
            }
            Ok(())
        })
    }
    /// The values one step earlier, or later, as the recurrence goes; 0 where there is none.
    fn shifted(&self, x: &Tensor, earlier: bool) -> Tensor {
        let steps = x.shape()[1];
        match earlier != self.backwards {
            true => x.pad(1, 1, 0).slice(1, ..steps),
            false => x.pad(1, 0, 1).slice(1, 1..),
        }
    }
}

fn recurrence(a: &Tensor, x: &Tensor, wrong: bool) -> Tensor {
    let rule = Recurrence { backwards: false, wrong };
    Tensor::from_node(call_one(rule, &[a.node(), x.node()]))
}

fn main() {
    let (a, x) = (Tensor::rand([4, 50], 1), Tensor::randn([4, 50], 2));
    let graph = || {
        let h = recurrence(&a, &x, false);
        let [da, dx] = grad(&h.square().sum(..), [&a, &x]);
        let [second] = grad(&da.square().sum(..), [&x]);
        [h, da, dx, second].map(|t| t.to_vec::<f32>())
    };
    let (kernel, expanded) = (graph(), Device::Reference.scope(graph));
    for (ours, other) in kernel.iter().flatten().zip(expanded.iter().flatten()) {
        assert!((ours - other).abs() <= 1e-4 * (1.0 + other.abs()), "{ours} and {other}");
    }
    println!("the kernel and its expansion agree: value, both gradients, a second derivative");

    let checked = |wrong: bool| {
        let step = compile(|args: &[Tensor]| {
            gradus::Step::new().read(&recurrence(&args[0], &args[1], wrong))
        });
        step.checked(true).run(&[&a, &x]).map(|_| ())
    };
    assert!(checked(false).is_ok());
    let named = checked(true).unwrap_err().to_string();
    assert!(named.starts_with("recurrence: differs from the reference device"), "{named}");
    println!("\na deliberate mistake, a kernel that errs, and what is said of it:\n{named}");
}
