//! Devices: the same graph on both, what a device cannot do, kernels that were made for other shapes, checked runs.
#![allow(unsafe_code)]

use crate::{map, sum, tensor, values, variable, vector, zip};
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_base::expr::Sym;
use gradus_base::{DType, Expr, Real, ReduceOp, Result, Shape};
use gradus_graph::*;

/// y = x·factor by a kernel of the CPU; by its expansion where there is none. `wrong` says how the kernel errs.
#[derive(Debug)]
struct Scale {
    factor: f64,
    expands: bool,
    wrong: Wrong,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    No,
    /// Made for one element more.
    Longer,
    /// Leaves out the last element.
    Tail,
    /// Multiplies by a millionth more: less than rounding of f32 explains, more than that of f64.
    Digit,
}

impl Rule for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }
    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }
    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let factor = self.factor;
        self.expands.then(|| vec![map(&inputs[0], |x| x * Sym::constant(factor))])
    }
    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        (device == Device::Cpu).then(|| Dense::of(|spec| self.kernel(spec)))
    }
    fn flops(&self, inputs: &[Meta], _: &[Meta]) -> u64 {
        inputs[0].shape.len() as u64
    }
}

impl Scale {
    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel> {
        let len = spec.inputs[0].view.shape.len();
        let off = if self.wrong == Wrong::Digit { 1.0 + 1e-6 } else { 1.0 };
        let factor = self.factor * off;
        let expr = Expr::trace(1, |x| vec![x[0] * Sym::constant(factor)]);
        let made_for = match self.wrong {
            Wrong::Longer => len + 1,
            Wrong::Tail => len - 1,
            _ => len,
        };
        let slot = [(DType::F64, gradus_base::View::dense(Shape::from([made_for])))];
        Box::new(gradus_cpu::Pointwise::new(&expr, DType::F64, [made_for].into(), &slot, &slot))
    }
}

fn scale(x: &Node, expands: bool, wrong: Wrong) -> Node {
    call_one(Scale { factor: 3.0, expands, wrong }, &[x])
}

#[test]
fn both_devices_compute_views_loops_and_reductions() {
    let w = variable("w", &[1.0, -2.0, 3.0]);
    let graph = || {
        let x = tensor(&[1., 2., 3., 4., 5., 6.], &[2, 3]);
        let row = w.node().expand(Shape::from([2, 3]));
        let y = zip(&x, &row, |x, w| (x * w).exp());
        let joined = concat(&[y.permute(&[1, 0]), x.permute(&[1, 0]).slice(0, 2, -1, 3)], 1);
        [joined.reduce(ReduceOp::Max, &[0]), sum(&joined), joined]
    };
    let read_all = || graph().iter().map(values).collect::<Vec<_>>();
    let (cpu, plain) = (Device::Cpu.scope(read_all), Device::Reference.scope(read_all));
    for (a, b) in cpu.iter().flatten().zip(plain.iter().flatten()) {
        assert!((a - b).abs() <= 1e-12 * b.abs(), "{cpu:?} {plain:?}");
    }
}

#[test]
fn an_update_is_the_same_on_both() {
    let run = || {
        let (w, m) = (variable("w", &[1.0, 2.0]), variable("m", &[0.5, 0.25]));
        let next_m = zip(&m.node(), &w.node(), |m, w| m * Sym::constant(0.5) + w);
        let next_w = zip(&w.node(), &next_m, |w, m| w - m * Sym::constant(0.125));
        let updates = [(w.clone(), next_w), (m.clone(), next_m)];
        let mut p = Program::new(&[], &[], &updates).unwrap();
        p.run(&[]).unwrap();
        p.run(&[]).unwrap();
        [w, m].map(|v| v.snapshot().as_slice::<f64>().to_vec())
    };
    assert_eq!(Device::Cpu.scope(run), Device::Reference.scope(run));
}

#[test]
fn a_device_without_a_way_expands_or_says_so() {
    let x = vector(&[1.0, 2.0]);
    let expanded = Device::Reference.scope(|| values(&scale(&x, true, Wrong::No)));
    assert_eq!(expanded, [3.0, 6.0]);
    let none = Device::Reference.scope(|| read(&[scale(&x, false, Wrong::No)], &[]));
    let e = none.unwrap_err().to_string();
    assert!(e.starts_with("scale: the device reference has no way to compute it"), "{e}");
    assert!(e.contains("devices.rs"), "{e}");
}

#[test]
fn the_gradient_of_an_expansion_is_the_ops() {
    let x = vector(&[1.0, 2.0]);
    let d = grad(&sum(&scale(&x, true, Wrong::No)), std::slice::from_ref(&x));
    assert_eq!(values(&d[0]), [3.0, 3.0]);
    let y = sum(&scale(&x, false, Wrong::No));
    let one = constant(1.0, y.meta());
    let e = gradients(&y, &one, &[x]).unwrap_err().to_string();
    assert!(e.starts_with("scale: has no gradient"), "{e}");
}

#[test]
fn a_kernel_made_for_more_is_refused() {
    let e = read(&[scale(&vector(&[1.0, 2.0]), true, Wrong::Longer)], &[]).unwrap_err();
    assert!(e.to_string().starts_with("scale: its kernel for cpu touches"), "{e}");
}

fn checked_run(wrong: Wrong) -> Result<Vec<f64>> {
    let x = vector(&[1.0, 2.0, 4.0]);
    let y = map(&scale(&map(&x, |x| x.exp()), true, wrong), |y| y + Sym::constant(1.0));
    let options = Options { check: true, ..Options::default() };
    let mut p = Program::with(&[], &[y], &[], options)?;
    Ok(p.run(&[])?.buffer(0).as_slice::<f64>().to_vec())
}

#[test]
fn a_checked_run_names_the_op_that_errs() {
    let want: Vec<f64> = [1.0f64, 2.0, 4.0].iter().map(|x| x.exp() * 3.0 + 1.0).collect();
    for (a, b) in checked_run(Wrong::No).unwrap().iter().zip(&want) {
        assert!((a - b).abs() < 1e-12);
    }
    for wrong in [Wrong::Tail, Wrong::Digit] {
        let e = checked_run(wrong).unwrap_err().to_string();
        assert!(e.starts_with("scale: differs from the reference device: output, f64 [3]"), "{e}");
        assert!(e.contains("devices.rs"), "{e}");
    }
}

/// Writes 7 everywhere, without a word about what that means.
struct Sevens(Touches, usize);
// SAFETY: the output is dense, of as many f64.
unsafe impl Kernel for Sevens {
    unsafe fn launch(&self, args: &Args<'_>) {
        for i in 0..self.1 {
            // SAFETY: the caller's promise.
            unsafe { *args.output::<f64>(0).add(i) = 7.0 }
        }
    }
    fn touches(&self) -> &Touches {
        &self.0
    }
}

#[derive(Debug)]
struct Opaque;
impl Rule for Opaque {
    fn name(&self) -> &'static str {
        "opaque"
    }
    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }
    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        (device == Device::Cpu).then(|| {
            Dense::of(|spec: &Spec| {
                Box::new(Sevens(spec.touches(), spec.outputs[0].view.shape.len()))
                    as Box<dyn Kernel>
            })
        })
    }
    fn flops(&self, _: &[Meta], _: &[Meta]) -> u64 {
        0
    }
}

#[test]
fn what_cannot_be_checked_is_counted_not_passed_over() {
    let y = call_one(Opaque, &[&vector(&[1.0])]);
    let mut p =
        Program::with(&[], &[y], &[], Options { check: true, ..Options::default() }).unwrap();
    assert_eq!(p.run(&[]).unwrap().buffer(0).as_slice::<f64>(), [7.0]);
    let (times, why) = checked().not["opaque"];
    assert!(times >= 1 && why.contains("no way"), "{times} {why}");
}
