//! Pointwise loops and reductions against `Expr::eval` in f64.

use crate::random::{Data, Random};
use gradus_base::expr::Sym;
use gradus_base::{DType, Expr, Real, Shape, View};
use gradus_cpu::{Isa, Pointwise, Reduce, ReduceOp, set_threads};

/// Runs a loop with buffers for its outputs filled with 77.
fn run(
    isa: Isa,
    expr: &Expr,
    compute: DType,
    shape: Shape,
    inputs: &[(Data, View)],
    outputs: &[(DType, View, usize)],
) -> Vec<Data> {
    let mut out: Vec<Data> = outputs.iter().map(|o| Data::new(o.0, o.2, || 77.0)).collect();
    let ins: Vec<_> = inputs.iter().map(|(d, v)| (d.dtype, *v)).collect();
    let outs: Vec<_> = outputs.iter().map(|o| (o.0, o.1)).collect();
    let p = Pointwise::with_isa(isa, expr, compute, shape, &ins, &outs);
    let ins: Vec<_> = inputs.iter().map(|(d, _)| d.bytes.as_ptr()).collect();
    let outs: Vec<_> = out.iter_mut().map(|d| d.bytes.as_mut_ptr()).collect();
    // SAFETY: the buffers hold the views.
    unsafe { p.run(&ins, &outs) };
    out
}

/// How exact a stored value is.
fn tolerance(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => 1e-12,
        DType::F16 => 2e-3,
        DType::BF16 => 1.6e-2,
        _ => 2e-5,
    }
}

#[test]
fn random_loops_agree_with_eval() {
    for seed in 0..600 {
        let mut r = Random::new(seed);
        let (n, m) = (1 + r.below(4), 1 + r.below(3));
        let expr = r.expr(n, m);
        let shape = r.shape();
        let compute = r.pick(&[DType::F32, DType::F32, DType::F64]);
        let types = [compute, compute, DType::F16, DType::BF16, DType::Bool, DType::U8, DType::I32];
        let inputs: Vec<(Data, View)> = (0..n)
            .map(|_| {
                let (view, len) = r.view(shape, true);
                (Data::new(r.pick(&types), len, || r.real(-2.0, 2.0)), view)
            })
            .collect();
        let outputs: Vec<(DType, View, usize)> = (0..m)
            .map(|_| {
                let (view, len) = r.view(shape, false);
                (r.pick(&types[..4]), view, len)
            })
            .collect();
        for &isa in Isa::all() {
            let out = run(isa, &expr, compute, shape, &inputs, &outputs);
            for (o, data) in out.iter().enumerate() {
                let mut expected = Data::new(data.dtype, outputs[o].2, || 77.0);
                for i in 0..shape.len() {
                    let x: Vec<f64> = inputs.iter().map(|(d, v)| d.get(v.index(i))).collect();
                    expected.set(outputs[o].1.index(i), expr.eval(&x)[o]);
                }
                for i in 0..outputs[o].2 {
                    let (a, b) = (data.get(i), expected.get(i));
                    let close = (a - b).abs() <= tolerance(data.dtype).max(tolerance(compute)) * (1.0 + b.abs());
                    assert!(close, "seed {seed} {} {shape} output {o} at {i}: {a}, not {b}\n{expr}", isa.name());
                }
            }
        }
    }
}

#[test]
fn random_reductions_agree_with_eval() {
    for seed in 0..600 {
        let mut r = Random::new(seed);
        let n = 1 + r.below(2);
        let expr = if r.below(3) == 0 { Expr::trace(n, |x| vec![x[0]]) } else { r.expr(n, 1) };
        let shape = r.shape();
        let compute = r.pick(&[DType::F32, DType::F32, DType::F64]);
        let types = [compute, compute, compute, DType::F16];
        let reduced: Vec<bool> = (0..shape.rank()).map(|_| r.below(2) == 0).collect();
        let inputs: Vec<(Data, View)> = (0..n)
            .map(|_| {
                let (view, len) = r.view(shape, true);
                (Data::new(r.pick(&types), len, || r.real(-1.0, 1.0)), view)
            })
            .collect();
        let kept: Vec<usize> =
            (0..shape.rank()).map(|a| if reduced[a] { 1 } else { shape[a] }).collect();
        let (mut view, len) = r.view(Shape::new(&kept), false);
        view.shape = shape;
        (0..shape.rank()).filter(|&a| reduced[a]).for_each(|a| view.strides[a] = 0);
        let op = r.pick(&[ReduceOp::Sum, ReduceOp::Sum, ReduceOp::Min, ReduceOp::Max, ReduceOp::Prod]);
        let mut expected = vec![f64::NAN; len];
        let identity = match op {
            ReduceOp::Sum => 0.0,
            ReduceOp::Prod => 1.0,
            ReduceOp::Min => f64::INFINITY,
            ReduceOp::Max => f64::NEG_INFINITY,
        };
        let kept_view = View { shape: Shape::new(&kept), ..view };
        (0..kept_view.shape.len()).for_each(|i| expected[kept_view.index(i)] = identity);
        for i in 0..shape.len() {
            let x: Vec<f64> = inputs.iter().map(|(d, v)| d.get(v.index(i))).collect();
            let (e, y) = (&mut expected[view.index(i)], expr.eval(&x)[0]);
            *e = match op {
                ReduceOp::Sum => *e + y,
                ReduceOp::Prod => *e * y,
                ReduceOp::Min => e.min(y),
                ReduceOp::Max => e.max(y),
            };
        }
        for &isa in Isa::all() {
            let mut out = Data::new(compute, len, || f64::NAN);
            let ins: Vec<_> = inputs.iter().map(|(d, v)| (d.dtype, *v)).collect();
            let p = Reduce::with_isa(isa, &expr, compute, op, shape, &reduced, &ins, (compute, view));
            let ins: Vec<_> = inputs.iter().map(|(d, _)| d.bytes.as_ptr()).collect();
            // SAFETY: the buffers hold the views.
            unsafe { p.run(&ins, out.bytes.as_mut_ptr()) };
            for (i, &b) in expected.iter().enumerate() {
                let a = out.get(i);
                let close = a == b
                    || a.is_nan() && b.is_nan()
                    || (a - b).abs() <= 10.0 * tolerance(compute) * (1.0 + b.abs());
                assert!(close, "seed {seed} {} {op:?} {shape} {reduced:?} at {i}: {a}, not {b}\n{expr}", isa.name());
            }
        }
    }
}
