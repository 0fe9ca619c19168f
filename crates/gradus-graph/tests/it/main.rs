//! The graph engine, seen from outside: plans, gradients, variables, programs.

mod devices;
mod effects;
mod mistakes;

use gradus_base::expr::Sym;
use gradus_base::{Buffer, ReduceOp};
use gradus_base::{DType, Expr, Real, Shape};
use gradus_graph::*;
use std::sync::Arc;

fn vector(values: &[f64]) -> Node {
    tensor(values, &[values.len()])
}

fn tensor(values: &[f64], shape: &[usize]) -> Node {
    data(Meta::new(shape, DType::F64), Arc::new(Buffer::from_slice(values)))
}

fn map(x: &Node, f: impl FnOnce(Sym) -> Sym) -> Node {
    pointwise(formula(Expr::trace(1, |x| vec![f(x[0])])), vec![x.clone()], x.dtype())
}

fn zip(x: &Node, y: &Node, f: impl FnOnce(Sym, Sym) -> Sym) -> Node {
    let e = Expr::trace(2, |x| vec![f(x[0], x[1])]);
    pointwise(formula(e), vec![x.clone(), y.clone()], x.dtype())
}

fn formula(expr: Expr) -> Pointwise {
    Pointwise { name: "formula".into(), expr: Arc::new(expr), vjp: None, constant: None }
}

fn values(n: &Node) -> Vec<f64> {
    read(std::slice::from_ref(n), &[]).unwrap()[0].as_slice::<f64>().to_vec()
}

fn sum(x: &Node) -> Node {
    x.reduce(ReduceOp::Sum, &(0..x.shape().rank()).collect::<Vec<_>>())
}

#[test]
fn a_chain_runs_as_one_step() {
    let x = input(0, Meta::new([3], DType::F64));
    let y = map(&map(&x, |x| x * x), |x| x + Sym::constant(1.0));
    let p = Program::new(&[x.meta()], &[y], &[]).unwrap();
    assert_eq!(p.plan().steps().len(), 1, "{}", p.plan());
}

#[test]
fn constants_are_written_into_the_loops_that_read_them() {
    let x = input(0, Meta::new([3], DType::F64));
    let two = constant(2.0, x.meta());
    let y = zip(&x, &two, |x, c| x * c);
    let total = sum(&map(&y, |y| y.sin()));
    let other = zip(&y, &constant(2.0, Meta::new((), DType::F64)).expand(x.shape()), |y, c| y / c);
    let p = Program::new(&[x.meta()], &[total, other], &[]).unwrap();
    let names: Vec<&str> = p.plan().steps().iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["formula", "sum", "formula"], "{}", p.plan());
    assert_eq!(p.plan().bytes(), 8 * (2 * 3 + 3 + 1 + 2 * 3), "{}", p.plan());
}

#[test]
fn a_value_read_twice_in_one_loop_is_an_extra_output() {
    // m' = m·0.9 + g; w' = w − m': one loop writes both.
    let (m, w) = (variable("m", &[1.0, 2.0]), variable("w", &[3.0, 4.0]));
    let g = vector(&[0.5, 0.5]);
    let m2 = zip(&m.node(), &g, |m, g| m * Sym::constant(0.9) + g);
    let w2 = zip(&w.node(), &m2, |w, m| w - m);
    let mut p = Program::new(&[], &[], &[(m.clone(), m2), (w.clone(), w2)]).unwrap();
    assert_eq!(p.plan().steps().len(), 1, "{}", p.plan());
    p.run(&[]).unwrap();
    assert_eq!(m.snapshot().as_slice::<f64>(), [1.4, 2.3]);
    assert_eq!(w.snapshot().as_slice::<f64>(), [1.6, 1.7000000000000002]);
}

fn variable(name: &str, v: &[f64]) -> Variable {
    Variable::new(name, Meta::new([v.len()], DType::F64), Arc::new(Buffer::from_slice(v)))
}

#[test]
fn views_and_broadcasts_read_the_right_elements() {
    let x = tensor(&[1., 2., 3., 4., 5., 6.], &[2, 3]);
    let t = x.permute(&[1, 0]);
    assert_eq!(values(&t), [1., 4., 2., 5., 3., 6.]);
    assert_eq!(values(&t.reshape(Shape::from([2, 3]))), [1., 4., 2., 5., 3., 6.]);
    assert_eq!(values(&x.slice(1, 2, -2, 2)), [3., 1., 6., 4.]);
    let row = vector(&[10., 20., 30.]).expand(Shape::from([2, 3]));
    assert_eq!(values(&zip(&x, &row, |a, b| a + b)), [11., 22., 33., 14., 25., 36.]);
    let joined = concat(&[x.clone(), t.reshape(Shape::from([2, 3])).slice(1, 0, 1, 1)], 1);
    assert_eq!(values(&joined), [1., 2., 3., 1., 4., 5., 6., 5.]);
    assert_eq!(values(&vector(&[1., 2.]).embed(0, 4, 3, -2)), [0., 2., 0., 1.]);
}

#[test]
fn gradients_of_views_and_reductions() {
    let x = tensor(&[1., 2., 3., 4., 5., 6.], &[2, 3]);
    let y = sum(&map(&x.permute(&[1, 0]).slice(0, 0, 2, 2), |x| x * x));
    let dx = &grad(&y, std::slice::from_ref(&x))[0];
    assert_eq!(values(dx), [2., 0., 6., 8., 0., 12.]);
    // The maximum's gradient is shared by ties.
    let m = vector(&[3., 1., 3.]);
    let dm = &grad(&m.reduce(ReduceOp::Max, &[0]), std::slice::from_ref(&m))[0];
    assert_eq!(values(dm), [0.5, 0., 0.5]);
}

/// x → eˣ and x, whose gradient reads its first output.
#[derive(Debug)]
struct ExpAndSelf;

impl Rule for ExpAndSelf {
    fn name(&self) -> &'static str {
        "exp_and_self"
    }
    fn infer(&self, inputs: &[Meta]) -> gradus_base::Result<Vec<Meta>> {
        Ok(vec![inputs[0]; 2])
    }
    fn grad(&self, b: &Backward<'_>) -> gradus_base::Result<Vec<Option<Node>>> {
        let through_exp = b.dys[0].as_ref().map(|dy| zip(dy, &b.outputs[0], |dy, y| dy * y));
        Ok(vec![match (through_exp, &b.dys[1]) {
            (Some(a), Some(b)) => Some(zip(&a, b, |a, b| a + b)),
            (a, b) => a.or(b.clone()),
        }])
    }
    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        (device == Device::Cpu).then(|| Dense::of(exp_and_self))
    }
    fn flops(&self, _: &[Meta], _: &[Meta]) -> u64 {
        0
    }
}

fn exp_and_self(spec: &Spec) -> Box<dyn gradus_base::exec::Kernel> {
    let expr = Expr::trace(1, |x| vec![x[0].exp(), x[0]]);
    let slots = |slots: &[Slot]| slots.iter().map(|s| (s.dtype, s.view)).collect::<Vec<_>>();
    let shape = spec.inputs[0].view.shape;
    let (inputs, outputs) = (slots(&spec.inputs), slots(&spec.outputs));
    Box::new(gradus_cpu::Pointwise::new(&expr, DType::F64, shape, &inputs, &outputs))
}

#[test]
fn gradients_of_a_part_add_up() {
    let x = vector(&[0.5, -1.0]);
    let [y, _] = call(Arc::new(ExpAndSelf), vec![x.clone()]);
    let first = grad(&sum(&y), std::slice::from_ref(&x)).remove(0); // eˣ, another node of the same part
    let loss = zip(&sum(&y), &sum(&first), |a, b| a + b);
    let second = grad(&loss, std::slice::from_ref(&x)).remove(0);
    let want = [2.0 * 0.5f64.exp(), 2.0 * (-1.0f64).exp()];
    let near = values(&second).iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(near, "{:?} for {want:?}", values(&second));
}

#[test]
fn pieces_lie_inside_what_holds_them() {
    for (size, start, step) in [(4, 3, 1), (4, 0, 3), (4, 0, -1), (1, 0, 1), (4, 0, isize::MAX)] {
        let e = try_build(|| vector(&[1., 2., 3.]).embed(0, size, start, step)).unwrap_err();
        assert!(e.to_string().starts_with("embed: [3] from"), "{e}");
    }
}

#[test]
fn gradients_of_gradients() {
    let x = vector(&[0.5, -1.5]);
    let y = sum(&map(&x, |x| x * x * x));
    let dx = grad(&y, std::slice::from_ref(&x)).remove(0);
    let ddx = grad(&sum(&dx), std::slice::from_ref(&x)).remove(0);
    assert_eq!(values(&dx), [0.75, 6.75]);
    assert_eq!(values(&ddx), [3.0, -9.0]);
    let dddx = grad(&sum(&ddx), std::slice::from_ref(&x)).remove(0);
    assert_eq!(values(&dddx), [6.0, 6.0]);
}

#[test]
fn a_node_keeps_the_variable_it_saw() {
    let w = variable("w", &[1.0, 2.0]);
    let before = map(&w.node(), |w| w * Sym::constant(10.0));
    let next = map(&w.node(), |w| w + Sym::constant(1.0));
    read(&[], &[(w.clone(), next)]).unwrap();
    assert_eq!(values(&before), [10.0, 20.0]);
    assert_eq!(values(&w.node()), [2.0, 3.0]);
}

#[test]
fn a_cached_plan_holds_no_variable() {
    let buffer = Arc::new(Buffer::from_slice(&[1.0f64, 2.0]));
    let held = Arc::downgrade(&buffer);
    {
        let w = Variable::new("w", Meta::new([2], DType::F64), buffer);
        assert_eq!(values(&map(&w.node(), |w| w.exp() - Sym::constant(1.0)))[0], 1f64.exp() - 1.0);
    }
    assert!(held.upgrade().is_none());
}

#[test]
fn variables_can_swap() {
    let (a, b) = (variable("a", &[1.0]), variable("b", &[2.0]));
    read(&[], &[(a.clone(), b.node()), (b.clone(), a.node())]).unwrap();
    assert_eq!(a.snapshot().as_slice::<f64>(), [2.0]);
    assert_eq!(b.snapshot().as_slice::<f64>(), [1.0]);
}

#[test]
fn two_new_values_of_one_variable_are_refused() {
    let w = variable("w", &[1.0]);
    let next = |by| map(&w.node(), |w| w + Sym::constant(by));
    let both = [(w.clone(), next(1.0)), (w.clone(), next(2.0))];
    let says = |e: gradus_base::Error| {
        let e = e.to_string();
        assert!(e.contains("w gets two new values in one step"), "{e}");
    };
    says(Program::new(&[], &[], &both).err().unwrap());
    says(read(&[], &both).unwrap_err());
    assert_eq!(w.snapshot().as_slice::<f64>(), [1.0]);
}

#[test]
fn an_update_sees_the_values_before_all_updates() {
    let (a, b) = (variable("a", &[1.0, 2.0]), variable("b", &[3.0, 4.0]));
    let next = map(&b.node(), |b| b + Sym::constant(1.0));
    let mut p = Program::new(&[], &[], &[(b.clone(), next), (a.clone(), b.node())]).unwrap();
    for (was, is) in [([3.0, 4.0], [4.0, 5.0]), ([4.0, 5.0], [5.0, 6.0])] {
        p.run(&[]).unwrap();
        assert_eq!((a.snapshot().as_slice::<f64>(), b.snapshot().as_slice()), (&was[..], &is[..]));
    }
}

#[test]
fn a_wanted_value_is_the_one_before_the_update() {
    let w = variable("w", &[1.0, 2.0]);
    let node = w.node();
    let next = map(&node, |w| w + Sym::constant(1.0));
    let mut p = Program::new(&[], std::slice::from_ref(&node), &[(w.clone(), next)]).unwrap();
    assert_eq!(p.run(&[]).unwrap().buffer(0).as_slice::<f64>(), [1.0, 2.0]);
    assert_eq!(p.run(&[]).unwrap().buffer(0).as_slice::<f64>(), [2.0, 3.0]);
}

#[test]
fn detached_parts_have_no_gradient() {
    let x = vector(&[2.0]);
    let y = zip(&x, &x.detach(), |a, b| a * b).reshape(Shape::SCALAR);
    assert_eq!(values(&grad(&y, std::slice::from_ref(&x))[0]), [2.0]);
    let none = gradients(
        &x.detach().reshape(Shape::SCALAR),
        &constant(1.0, Meta::new((), DType::F64)),
        &[x],
    );
    assert!(none.unwrap()[0].is_none());
}

#[test]
fn a_hundred_thousand_nodes_are_just_long() {
    let x = vector(&[0.0]);
    let mut y = x.clone();
    for _ in 0..100_000 {
        y = map(&y, |y| y + Sym::constant(1.0));
    }
    assert_eq!(values(&y), [100_000.0]);
    let d = grad(&y.reshape(Shape::SCALAR), std::slice::from_ref(&x));
    assert_eq!(values(&d[0]), [1.0]);
}

#[test]
fn mistakes_name_the_shapes_and_the_line() {
    let e = try_build(|| scope("fc1 (Dense)", || vector(&[1.0]).reshape(Shape::from([2]))))
        .unwrap_err();
    let text = e.to_string();
    assert!(text.starts_with("reshape: [1] has 1 elements, [2] has 2"), "{text}");
    assert!(text.contains("main.rs:") && text.ends_with("in layer fc1 (Dense)"), "{text}");
}

#[test]
fn a_running_sum_that_nobody_reads_stays_small() {
    let one = vector(&[1.0]);
    let mut sum = vector(&[0.0]);
    let mut longest = 0;
    for i in 0..250_000 {
        sum = zip(&sum, &one, |a, b| a + b).detach();
        if i % 1000 == 0 {
            let mut n = sum.clone();
            let mut len = 0;
            while let (None, Some(next)) = (n.value(), n.inputs().first().cloned()) {
                (n, len) = (next, len + 1);
            }
            longest = longest.max(len);
        }
    }
    assert!(longest < 110_000, "{longest} nodes in a row");
    assert_eq!(values(&sum), [250_000.0]);
}

#[test]
fn a_run_writes_to_a_copy_of_memory_that_is_only_lent() {
    let lent: Arc<[u8]> = Arc::from(1.5f64.to_ne_bytes());
    let buffer = Buffer::from_owner(lent.clone());
    assert!(buffer.is_adopted());
    let v = Variable::new("v", Meta::new([1], DType::F64), Arc::new(buffer));
    read(&[], &[(v.clone(), map(&v.node(), |x| x + x))]).unwrap();
    assert_eq!((values(&v.node()), &*lent), (vec![3.0], &1.5f64.to_ne_bytes()[..]));
}
