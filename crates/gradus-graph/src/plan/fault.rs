//! Planted faults, for tests of what is to find them: a plan that computes something else than it
//! says, as a mistake in a kernel or in the planner would make it.

use super::lowered::{BufferView, Home, Label, Lowered, LoweredPlan, Work};
use crate::build::{self, data};
use crate::check::Twin;
use crate::device::Device;
use crate::rule::{Meta, Rule};
use gradus_base::exec::Kernel;
use gradus_base::{Buffer, DType, Expr, Real, View};
use gradus_reference::{Array, ArrayKernel, Values};
use std::cell::RefCell;
use std::sync::Arc;

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An op reads its first input with a stride of 0: the first row again and again.
    WrongStride,
    /// An op does not write the last element.
    MissedTail,
    /// An op takes the last two axes of its first input for one another.
    SwappedAxes,
    /// An op takes its second and third input for one another.
    SwappedInputs,
    /// What was packed is not packed anew when the variable has changed.
    StalePack,
    /// A part of what is packed is lost.
    LostPack,
    /// What rides on an op is left out.
    Epilogue,
    /// A loop's first result is a thousandth too large.
    Formula,
    /// A loop's second result is not what it becomes but what it was.
    State,
}

thread_local! {
    static PLANTED: RefCell<Option<(Fault, &'static str)>> = const { RefCell::new(None) };
}

/// Plants a mistake in the first step of that name of every plan that this thread makes inside `f`.
pub fn planted<R>(fault: Fault, at: &'static str, f: impl FnOnce() -> R) -> R {
    PLANTED.replace(Some((fault, at)));
    let result = f();
    PLANTED.replace(None);
    result
}

/// What is planted in a plan: kernels in place of others, by step.
pub(super) struct Planted {
    kernels: Vec<(usize, Box<dyn Kernel>)>,
    /// Whether what is kept is never computed anew.
    stale: bool,
}

impl Planted {
    /// Changes the steps; what they say of themselves stays.
    pub(super) fn into(plan: &mut LoweredPlan, twins: &mut Vec<Twin>) -> Planted {
        let mut planted = Planted { kernels: vec![], stale: false };
        let Some((fault, at)) = PLANTED.with_borrow(|p| *p).filter(|_| !crate::check::is_inside())
        else {
            return planted;
        };
        let fits = |s: &Lowered| s.label.name.starts_with(at) && suits(fault, s, plan);
        let Some(t) = plan.steps.iter().position(fits) else { return planted };
        match fault {
            Fault::StalePack => planted.stale = true,
            Fault::LostPack => {
                lose(plan, t);
                if !twins.is_empty() {
                    twins.insert(t + 1, Twin::of(&plan.steps[t + 1]));
                }
            }
            Fault::Epilogue | Fault::Formula | Fault::State => rewrite(&mut plan.steps[t], fault),
            _ => planted.kernels.push((t, wrong(&plan.steps[t], fault))),
        }
        planted
    }

    /// The kernels with those that err among them, and whether what is kept is never computed anew.
    pub(super) fn in_place_of(
        self,
        mut kernels: Vec<Box<dyn Kernel>>,
    ) -> (Vec<Box<dyn Kernel>>, bool) {
        for (t, kernel) in self.kernels {
            kernels[t] = kernel;
        }
        (kernels, self.stale)
    }
}

fn suits(fault: Fault, step: &Lowered, plan: &LoweredPlan) -> bool {
    let writes_variable =
        || step.outputs.iter().any(|o| matches!(plan.bufs[o.buf].home, Home::Variable(_)));
    match (fault, &step.work) {
        (Fault::LostPack | Fault::StalePack, work) => matches!(work, Work::Pack(_)),
        (Fault::Epilogue, Work::Call { spec, .. }) => spec.epilogue.is_some(),
        (Fault::Formula, Work::Loop { .. }) => writes_variable(),
        (Fault::State, Work::Loop { .. }) => writes_variable() && step.outputs.len() > 1,
        (Fault::Epilogue | Fault::Formula | Fault::State, _) => false,
        (_, Work::Call { spec, .. }) => spec.epilogue.is_none(),
        (Fault::MissedTail, Work::Loop { .. }) => true,
        _ => false,
    }
}

/// A loop that writes zeros over the first half of what step `t` packs, right behind it.
fn lose(plan: &mut LoweredPlan, t: usize) {
    let packed = plan.steps[t].outputs[0];
    let half = packed.view.slice(0, 0, 1, packed.view.shape[0] / 2);
    let zero = Expr::trace(0, |_| vec![Real::constant(0.0)]);
    let work = Work::Loop { expr: Arc::new(zero), compute: DType::I64 };
    let node = plan.steps[t].label.node.clone();
    let label = Label { name: "lose".to_owned(), node, flops: 0 };
    let mut step = Lowered::new(work, vec![], vec![BufferView { view: half, ..packed }], label);
    step.once = plan.steps[t].once;
    plan.prologue += usize::from(t < plan.prologue);
    plan.steps.insert(t + 1, step);
}

/// Another expression in place of a loop's or an epilogue's.
fn rewrite(step: &mut Lowered, fault: Fault) {
    match (&mut step.work, fault) {
        (Work::Call { spec, .. }, _) => {
            if let Some(e) = &mut spec.epilogue {
                e.expr = Arc::new(Expr::trace(e.expr.inputs(), |x| vec![x[0]]));
            }
        }
        (Work::Loop { expr, .. }, _) => {
            let was = step.inputs.iter().position(|i| Some(i) == step.outputs.get(1)).unwrap_or(0);
            *expr = Arc::new(Expr::trace(expr.inputs(), |x| {
                let mut y = expr.replay(x);
                match fault {
                    Fault::Formula => y[0] = y[0] * Real::constant(1.001),
                    _ => y[1] = x[was],
                }
                y
            }));
        }
        _ => {}
    }
}

type Compute = dyn Fn(&[Array]) -> Vec<Array> + Send + Sync;

/// A kernel that makes the mistake.
fn wrong(step: &Lowered, fault: Fault) -> Box<dyn Kernel> {
    let typed = |of: &[BufferView]| of.iter().map(BufferView::typed).collect::<Vec<_>>();
    let (inputs, outputs) = (typed(&step.inputs), typed(&step.outputs));
    let dtypes: Vec<DType> = inputs.iter().map(|(d, _)| *d).collect();
    let compute: Box<Compute> = match &step.work {
        Work::Call { rule, .. } => {
            let rule = rule.clone();
            Box::new(move |x: &[Array]| on_reference(&rule, x, &dtypes))
        }
        Work::Loop { expr, compute } => {
            let (expr, compute, shape) = (expr.clone(), *compute, outputs[0].1.shape);
            Box::new(move |x: &[Array]| gradus_reference::pointwise(&expr, compute, x, shape))
        }
        _ => unreachable!("suits says so"),
    };
    let function = move |x: &[Array]| {
        let mut x = x.to_vec();
        match fault {
            Fault::WrongStride => repeat_first_row(&mut x[0]),
            Fault::SwappedAxes => swap_last_axes(&mut x[0]),
            Fault::SwappedInputs => x.swap(1, 2),
            _ => {}
        }
        let mut y = compute(&x);
        if let (Fault::MissedTail, Values::Real(v)) = (fault, &mut y[0].values)
            && let Some(last) = v.last_mut()
        {
            *last = 0.0;
        }
        Ok(y)
    };
    Box::new(ArrayKernel::new(inputs, outputs, function))
}

fn on_reference(rule: &Arc<dyn Rule>, x: &[Array], dtypes: &[DType]) -> Vec<Array> {
    let node = |(array, dtype): (&Array, &DType)| {
        let mut buffer = Buffer::zeroed(array.len() * dtype.size());
        array.scatter(*dtype, &View::dense(array.shape), buffer.as_mut_bytes(), 0);
        data(Meta::new(array.shape, *dtype), Arc::new(buffer))
    };
    let inputs = x.iter().zip(dtypes).map(node).collect();
    let y = build::call_all(rule.clone(), inputs).expect("it was built before");
    let values = Device::Reference.scope(|| crate::check::unchecked(|| crate::run::read(&y, &[])));
    let values = values.expect("the reference device computes it");
    let array = |(n, b): (&crate::node::Node, &Arc<Buffer>)| {
        Array::gather(n.dtype(), &View::dense(n.shape()), b.as_bytes(), 0)
    };
    y.iter().zip(&values).map(array).collect()
}

fn repeat_first_row(x: &mut Array) {
    let row = x.len() / x.shape[0].max(1);
    if let Values::Real(v) = &mut x.values {
        let first = v[..row].to_vec();
        v.chunks_exact_mut(row).for_each(|r| r.copy_from_slice(&first));
    }
}

fn swap_last_axes(x: &mut Array) {
    let rank = x.shape.rank();
    let (h, w) = (x.shape[rank - 2], x.shape[rank - 1]);
    assert_eq!(h, w, "swapped axes of one size");
    if let Values::Real(v) = &mut x.values {
        for plane in v.chunks_exact_mut(h * w) {
            for i in 0..h {
                for j in 0..i {
                    plane.swap(i * w + j, j * w + i);
                }
            }
        }
    }
}
