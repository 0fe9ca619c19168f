//! Pointwise loops and reductions against `Expr::eval` in f64.

use crate::random::{Data, Random};
use gradus_base::ReduceOp;
use gradus_base::expr::Sym;
use gradus_base::{DType, Expr, Real, Shape, View};
use gradus_cpu::{Isa, Pointwise, Reduce, RowLoop, set_threads};

/// Runs a loop with buffers for its outputs filled with 77.
fn pointwise(
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
    unsafe { p.apply(&ins, &outs) };
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
            let out = pointwise(isa, &expr, compute, shape, &inputs, &outputs);
            for (o, data) in out.iter().enumerate() {
                let mut expected = Data::new(data.dtype, outputs[o].2, || 77.0);
                for i in 0..shape.len() {
                    let x: Vec<f64> = inputs.iter().map(|(d, v)| d.get(v.index(i))).collect();
                    expected.set(outputs[o].1.index(i), expr.eval(&x)[o]);
                }
                for i in 0..outputs[o].2 {
                    let (a, b) = (data.get(i), expected.get(i));
                    let close = (a - b).abs()
                        <= tolerance(data.dtype).max(tolerance(compute)) * (1.0 + b.abs());
                    assert!(
                        close,
                        "seed {seed} {} {shape} output {o} at {i}: {a}, not {b}\n{expr}",
                        isa.name()
                    );
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
        let op =
            r.pick(&[ReduceOp::Sum, ReduceOp::Sum, ReduceOp::Min, ReduceOp::Max, ReduceOp::Prod]);
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
            let p =
                Reduce::with_isa(isa, &expr, compute, op, shape, &reduced, &ins, (compute, view));
            let ins: Vec<_> = inputs.iter().map(|(d, _)| d.bytes.as_ptr()).collect();
            // SAFETY: the buffers hold the views.
            unsafe { p.apply(&ins, out.bytes.as_mut_ptr()) };
            for (i, &b) in expected.iter().enumerate() {
                let a = out.get(i);
                let close = a == b
                    || a.is_nan() && b.is_nan()
                    || (a - b).abs() <= 10.0 * tolerance(compute) * (1.0 + b.abs());
                assert!(
                    close,
                    "seed {seed} {} {op:?} {shape} {reduced:?} at {i}: {a}, not {b}\n{expr}",
                    isa.name()
                );
            }
        }
    }
}

/// `expr` of one input for all of `x`, in f32.
fn map(isa: Isa, expr: &Expr, x: &[f32]) -> Vec<f32> {
    let shape = Shape::from([x.len()]);
    let v = (DType::F32, View::dense(shape));
    let mut y = vec![0f32; x.len()];
    let p = Pointwise::with_isa(isa, expr, DType::F32, shape, &[v], &[v]);
    // SAFETY: the slices hold the views.
    unsafe { p.apply(&[x.as_ptr().cast()], &[y.as_mut_ptr().cast()]) };
    y
}

/// The distance in units of the last place of the f32 nearest to `exact`.
fn ulps(y: f32, exact: f64) -> f64 {
    let rounded = exact as f32;
    if y == rounded || y.is_nan() && exact.is_nan() {
        return 0.0;
    }
    if !y.is_finite() || !rounded.is_finite() {
        return f64::INFINITY;
    }
    let unit =
        f64::from(rounded.abs().max(f32::MIN_POSITIVE)).log2().floor().exp2() / (1u32 << 23) as f64;
    (f64::from(y) - exact).abs() / unit
}

#[test]
fn functions_are_exact_to_a_few_units() {
    type F = fn(Sym) -> Sym;
    let functions: [(&str, F, f64); 13] = [
        ("exp", |x| x.exp(), 1.5),
        ("exp_m1", |x| x.exp_m1(), 2.0),
        ("ln", |x| x.ln(), 1.5),
        ("ln_1p", |x| x.ln_1p(), 2.0),
        ("tanh", |x| x.tanh(), 3.0),
        ("erf", |x| x.erf(), 4.0),
        ("sin", |x| x.sin(), 1.5),
        ("cos", |x| x.cos(), 1.5),
        ("atan", |x| x.atan(), 3.0),
        ("pow 0.75", |x| x.pow(Sym::constant(0.75)), 1.5),
        ("pow -3", |x| x.pow(Sym::constant(-3.0)), 1.5),
        ("2 to", |x| Sym::constant(2.0).pow(x), 1.5),
        ("0.9 to", |x| Sym::constant(0.9).pow(x), 1.5),
    ];
    let mut x: Vec<f32> = (0..=255u32)
        .flat_map(|e| {
            (0..1500u32).map(move |i| f32::from_bits(e << 23 | i.wrapping_mul(2_654_435_761) >> 9))
        })
        .flat_map(|x| [x, -x])
        .collect();
    x.extend((0..40_000).map(|i| (i as f32 - 20_000.0) * 0.0051));
    x.extend([0.0, -0.0, 1.0, -1.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1e-45, -1e-45]);
    for (name, f, most) in functions {
        let expr = Expr::trace(1, |x| vec![f(x[0])]);
        for &isa in Isa::all() {
            let y = map(isa, &expr, &x);
            let mut worst = (0.0, 0.0, 0.0);
            for (&x, &y) in x.iter().zip(&y) {
                // The constants of a formula are f32 in an f32 loop.
                let exact = match name {
                    "0.9 to" => f64::from(0.9f32).powf(x.into()),
                    _ => expr.eval(&[x.into()])[0],
                };
                let error = ulps(y, exact);
                if error > worst.0 {
                    worst = (error, x, y);
                }
            }
            println!("{name} {}: {worst:?}", isa.name());
            assert!(worst.0 <= most, "{name} {}: {worst:?}", isa.name());
        }
    }
}

#[test]
fn zeros_keep_their_sign() {
    for f in [Sym::sin, Sym::tanh, Sym::atan, Sym::erf, Sym::exp_m1, Sym::ln_1p] {
        let expr = Expr::trace(1, |x| vec![f(x[0])]);
        for &isa in Isa::all() {
            let y = map(isa, &expr, &[0.0, -0.0]);
            assert_eq!(y.iter().map(|y| y.to_bits()).collect::<Vec<_>>(), [0, 1 << 31], "{expr}");
        }
    }
}

#[test]
fn powers_follow_ieee_754() {
    let values = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 1e30, -1e30];
    let specials = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    let all: Vec<f32> = values.into_iter().chain(specials).collect();
    for &y in &all {
        let expr = Expr::trace(2, |x| vec![x[0].pow(x[1])]);
        let shape = Shape::from([all.len()]);
        let v = View::dense(shape);
        let b = View { strides: [0; gradus_base::MAX_RANK], ..v };
        for &isa in Isa::all() {
            let mut out = vec![0f32; all.len()];
            let f = DType::F32;
            let p = Pointwise::with_isa(isa, &expr, f, shape, &[(f, v), (f, b)], &[(f, v)]);
            let ins = [all.as_ptr().cast(), (&raw const y).cast()];
            // SAFETY: the slices hold the views.
            unsafe { p.apply(&ins, &[out.as_mut_ptr().cast()]) };
            for (&x, &z) in all.iter().zip(&out) {
                let exact = f64::from(x).powf(y.into());
                assert!(ulps(z, exact) < 1.5, "{x}^{y} = {z}, not {exact}");
            }
        }
    }
}

#[test]
fn integers_wrap_saturate_and_divide_by_zero() {
    let i = |x: i64| x.to_ne_bytes();
    let run = |f: fn(Sym, Sym) -> Sym, a: i64, b: i64| {
        let expr = Expr::trace(2, |x| vec![f(x[0], x[1])]);
        let v = (DType::I64, View::dense(Shape::from([1])));
        let p = Pointwise::new(&expr, DType::I64, Shape::from([1]), &[v, v], &[v]);
        let mut y = i(0);
        // SAFETY: one element each.
        unsafe { p.apply(&[i(a).as_ptr(), i(b).as_ptr()], &[y.as_mut_ptr()]) };
        i64::from_ne_bytes(y)
    };
    assert_eq!(run(|a, b| a / b, 7, 0), 0);
    assert_eq!(run(|a, b| a / b, -7, 2), -3);
    assert_eq!(run(|a, b| a / b, i64::MIN, -1), i64::MIN);
    assert_eq!(run(|a, b| a.remainder(b), -7, 3), 2);
    assert_eq!(run(|a, b| a.remainder(b), 7, 0), 0);
    assert_eq!(run(|a, b| a.pow(b), -3, 3), -27);
    assert_eq!(run(|a, b| a.pow(b), 0, -1), 0);
    assert_eq!(run(|a, b| a + b, i64::MAX, 1), i64::MIN);
    assert_eq!(run(|a, b| a.max(b), (1 << 60) + 1, 1 << 60), (1 << 60) + 1);
}

#[test]
fn conversions_truncate_and_saturate() {
    let x = [1.9f32, -1.9, 300.0, -300.0, 1e20, f32::NAN, 0.0, 0.5, f32::INFINITY];
    let cases: [(DType, [f64; 9]); 4] = [
        (DType::U8, [1., 0., 255., 0., 255., 0., 0., 0., 255.]),
        (DType::I32, [1., -1., 300., -300., i32::MAX as f64, 0., 0., 0., i32::MAX as f64]),
        (DType::I64, [1., -1., 300., -300., i64::MAX as f64, 0., 0., 0., i64::MAX as f64]),
        (DType::Bool, [1., 1., 1., 1., 1., 1., 0., 1., 1.]),
    ];
    let shape = Shape::from([9]);
    let mut at = x.iter();
    let data = Data::new(DType::F32, 9, || f64::from(*at.next().unwrap()));
    for (dtype, expected) in cases {
        let v = View::dense(shape);
        let input = [(data.clone(), v)];
        for &isa in Isa::all() {
            let y = pointwise(isa, &Expr::identity(), DType::F32, shape, &input, &[(dtype, v, 9)]);
            let y: Vec<f64> = (0..9).map(|i| y[0].get(i)).collect();
            assert_eq!(y, expected, "{dtype}");
        }
    }
}

#[test]
fn outputs_may_lie_where_inputs_do() {
    // A swap, and an update whose new value is read after it is written.
    for n in [1, 5, 8, 100, 256, 1000] {
        let expr = Expr::trace(2, |x| vec![x[1] + x[0], x[0] * x[1]]);
        let v = (DType::F32, View::dense(Shape::from([n])));
        let p = Pointwise::new(&expr, DType::F32, Shape::from([n]), &[v, v], &[v, v]);
        let q = Pointwise::new(
            &Expr::trace(2, |x| vec![x[1], x[0]]),
            DType::F32,
            Shape::from([n]),
            &[v, v],
            &[v, v],
        );
        let mut a: Vec<f32> = (0..n).map(|i| i as f32).collect();
        let mut b = vec![3f32; n];
        let (pa, pb) = (a.as_mut_ptr().cast::<u8>(), b.as_mut_ptr().cast::<u8>());
        // SAFETY: the vectors hold the views; outputs have the places of inputs with the same view.
        unsafe {
            p.apply(&[pa, pb], &[pa, pb]);
            q.apply(&[pa, pb], &[pa, pb]);
        }
        for i in 0..n {
            assert_eq!((a[i], b[i]), (3.0 * i as f32, i as f32 + 3.0), "{n} {i}");
        }
    }
}

#[test]
fn threads_do_not_change_bits() {
    let shape = Shape::from([130, 70, 33]);
    let n = shape.len();
    let x: Vec<f32> = (0..n).map(|i| (i as f32 * 0.37).sin()).collect();
    let expr = Expr::trace(2, |x| vec![x[0].exp() * x[1] + x[0]]);
    let v = (DType::F32, View::dense(shape));
    let turned = (DType::F32, View::ordered(shape, &[2, 0, 1]));
    let mut results: Vec<Vec<u32>> = vec![];
    for threads in [1, 2, 3, 8] {
        set_threads(threads);
        let mut bits = vec![];
        let mut y = vec![0f32; n];
        let ins = [x.as_ptr().cast(), x.as_ptr().cast()];
        let p = Pointwise::new(&expr, DType::F32, shape, &[v, turned], &[v]);
        // SAFETY: the vectors hold the views.
        unsafe { p.apply(&ins, &[y.as_mut_ptr().cast()]) };
        bits.extend(y.iter().map(|y| y.to_bits()));
        for reduced in [[true; 3], [true, false, false], [false, false, true], [true, false, true]]
        {
            let mut out = View::dense(shape);
            let mut stride = 1;
            for a in (0..3).rev() {
                out.strides[a] = if reduced[a] { 0 } else { stride };
                stride *= if reduced[a] { 1 } else { shape[a] as isize };
            }
            let r = Reduce::new(
                &expr,
                DType::F32,
                ReduceOp::Sum,
                shape,
                &reduced,
                &[v, turned],
                (DType::F32, out),
            );
            // SAFETY: as above.
            unsafe { r.apply(&ins, y.as_mut_ptr().cast()) };
            bits.extend(y[..stride as usize].iter().map(|y| y.to_bits()));
        }
        results.push(bits);
    }
    set_threads(2);
    assert!(results.windows(2).all(|w| w[0] == w[1]));
}

#[test]
fn long_sums_are_accurate() {
    let n = 3_000_001;
    let x: Vec<f32> = (0..n).map(|i| 0.1 + (i % 7) as f32 * 0.013).collect();
    let exact: f64 = x.iter().map(|&x| f64::from(x)).sum();
    let shape = Shape::from([n]);
    let v = (DType::F32, View::dense(shape));
    let out = (DType::F32, View { strides: [0; gradus_base::MAX_RANK], ..v.1 });
    let r = Reduce::new(&Expr::identity(), DType::F32, ReduceOp::Sum, shape, &[true], &[v], out);
    let mut y = 0f32;
    // SAFETY: the vector holds the view.
    unsafe { r.apply(&[x.as_ptr().cast()], (&raw mut y).cast()) };
    assert!((f64::from(y) / exact - 1.0).abs() < 3e-7, "{y}, not {exact}");
}

#[test]
fn extremes_propagate_nan_and_empty_reductions_give_the_identity() {
    let shape = Shape::from([2, 40]);
    let mut x = vec![1f32; 80];
    x[57] = f32::NAN;
    let v = (DType::F32, View::dense(shape));
    let mut out = v;
    out.1.strides[..2].copy_from_slice(&[1, 0]);
    for op in [ReduceOp::Min, ReduceOp::Max] {
        let r = Reduce::new(&Expr::identity(), DType::F32, op, shape, &[false, true], &[v], out);
        let mut y = [0f32; 2];
        // SAFETY: the arrays hold the views.
        unsafe { r.apply(&[x.as_ptr().cast()], y.as_mut_ptr().cast()) };
        assert!(y[0] == 1.0 && y[1].is_nan(), "{y:?}");
    }
    let shape = Shape::from([2, 0]);
    for (op, identity) in
        [(ReduceOp::Prod, 1), (ReduceOp::Min, i64::MAX), (ReduceOp::Max, i64::MIN)]
    {
        let mut out = (DType::I64, View::dense(shape));
        out.1.strides[..2].copy_from_slice(&[1, 0]);
        let v = (DType::I64, View::dense(shape));
        let r = Reduce::new(&Expr::identity(), DType::I64, op, shape, &[false, true], &[v], out);
        let mut y = [5i64; 2];
        // SAFETY: the array holds the view.
        unsafe { r.apply(&[x.as_ptr().cast()], y.as_mut_ptr().cast()) };
        assert_eq!(y, [identity; 2], "{op:?}");
    }
}

#[test]
fn row_loops_agree_with_eval() {
    let mut r = Random::new(7);
    // relu(x + bias) · row + half, with a half matrix.
    let expr =
        Expr::trace(4, |x| vec![(x[0] + x[1]).max(Sym::constant(0.0)) * x[2].exp() + x[3] * x[0]]);
    let (rows, cols) = (3, 700);
    let bias = Data::new(DType::F32, cols, || r.real(-1.0, 1.0));
    let mut r = Random::new(8);
    let row = Data::new(DType::F32, rows, || r.real(-1.0, 1.0));
    let mut r = Random::new(9);
    let half = Data::new(DType::F16, rows * cols, || r.real(-1.0, 1.0));
    let inputs = [(DType::F32, 0, 0), (DType::F32, 0, 1), (DType::F32, 1, 0), (DType::F16, 1, 3)];
    let p = RowLoop::new(&expr, DType::F32, &inputs);
    let pointers = [std::ptr::null(), bias.bytes.as_ptr(), row.bytes.as_ptr(), half.bytes.as_ptr()];
    for (i, col, len) in [(0, 0, 700), (1, 3, 16), (2, 690, 5), (1, 100, 600), (2, 0, 1)] {
        let x: Vec<f32> = (0..len).map(|j| (j as f32 * 0.7).cos()).collect();
        let mut y = x.clone();
        // SAFETY: the buffers hold the matrices and the stretch.
        unsafe { p.apply(&pointers, i, col, y.as_mut_ptr().cast(), len) };
        for j in 0..len {
            let at = [x[j].into(), bias.get(col + j), row.get(i), half.get(i + (col + j) * 3)];
            let exact = expr.eval(&at)[0];
            assert!((f64::from(y[j]) - exact).abs() < 1e-5, "{i} {col} {j}: {} not {exact}", y[j]);
        }
    }
}

#[test]
fn rows_together_agree_with_rows_one_by_one() {
    let expr = Expr::trace(5, |x| {
        vec![(x[0] + x[1]).max(Sym::constant(0.0)) * x[2].exp() + x[3] * x[0] - x[4]]
    });
    let (rows, cols) = (40, 130);
    let mut r = Random::new(7);
    let [bias, row, half, dense] = [
        (DType::F32, cols),
        (DType::F32, rows),
        (DType::F16, 3 * rows * cols),
        (DType::F32, rows * cols),
    ]
    .map(|(dtype, len)| Data::new(dtype, len, || r.real(-1.0, 1.0)));
    let pointers = [&bias, &row, &half, &dense].map(|d| d.bytes.as_ptr());
    let pointers = [&[std::ptr::null()], &pointers[..]].concat();
    // Input 2 repeats everywhere, or changes from row to row.
    for row_step in [0, 1] {
        let inputs = [
            (DType::F32, 0, 0),
            (DType::F32, 0, 1),
            (DType::F32, row_step, 0),
            (DType::F16, 1, 3),
            (DType::F32, cols as isize, 1),
        ];
        let p = RowLoop::new(&expr, DType::F32, &inputs);
        for (first, col, count, len, gap) in [
            (0, 0, 40, 1, 0),
            (0, 0, 40, 6, 0),
            (3, 5, 37, 8, 0),
            (3, 5, 30, 8, 2),
            (0, 1, 40, 10, 3),
            (1, 2, 7, 64, 0),
            (0, 0, 5, 130, 0),
            (0, 3, 40, 100, 0),
            (0, 2, 9, 128, 0),
            (2, 0, 3, 130, 1),
        ] {
            let stride = len + gap;
            let x: Vec<f32> = (0..count * stride).map(|j| (j as f32 * 0.7).cos()).collect();
            let mut y = x.clone();
            // SAFETY: the buffers hold the matrices and the stretches.
            unsafe {
                let at = y.as_mut_ptr().cast();
                p.apply_rows(&pointers, [first, col], at, 4 * stride as isize, [count, len]);
            }
            for (j, (&x, &y)) in x.iter().zip(&y).enumerate() {
                let (i, j) = (first + j / stride, col + j % stride);
                let exact = if j - col < len {
                    let others = [bias.get(j), row.get(i * row_step as usize)];
                    let matrices = [half.get(i + j * 3), dense.get(i * cols + j)];
                    expr.eval(&[&[x.into()], &others[..], &matrices[..]].concat())[0]
                } else {
                    x.into()
                };
                assert!((f64::from(y) - exact).abs() < 1e-5, "{len} {i} {j}: {y} not {exact}");
            }
        }
    }
}

#[test]
fn formulas_with_kernels_of_their_own_agree_with_eval() {
    let c = Sym::constant;
    // Inputs w, g, m, v and a rate; v is positive.
    let adam = Expr::trace(5, |x| {
        let (w, g, m, v, rate) = (x[0], x[1], x[2], x[3], x[4]);
        let m = m * c(0.9) + g * c(0.1);
        let v = v * c(0.999) + g * g * c(0.001);
        vec![w - rate * c(2.0) * (m / (v.sqrt() * c(3.0) + c(1e-3))), m, v]
    });
    let others = Expr::trace(5, |x| {
        let (w, g, m, v) = (x[0], x[1], x[2], x[3]);
        vec![
            g / (v.sqrt() + c(1e-3)),
            Sym::select(w.le(c(0.25)), c(0.5), m),
            c(3.0) / ((-w).exp() + c(1.5)),
        ]
    });
    let activations = Expr::trace(5, |x| {
        let (w, g, m, v) = (x[0], x[1], x[2], x[3]);
        vec![(w + g).max(c(0.25)), (v + (m + w)).max(c(0.0)), (g + m).max(c(-0.5)).min(c(0.75))]
    });
    let n = 700;
    let (shape, mut r) = (Shape::from([n]), Random::new(5));
    let dense = View::dense(shape);
    let one = View { strides: [0; gradus_base::MAX_RANK], ..dense };
    for compute in [DType::F32, DType::F64] {
        let mut data = |low| (Data::new(compute, n, || r.real(low, 1.0)), dense);
        let mut inputs = vec![data(-1.0), data(-1.0), data(-1.0), data(0.01)];
        inputs.push((Data::new(compute, 1, || 0.05), one));
        for expr in [&adam, &others, &activations] {
            for &isa in Isa::all() {
                let out = pointwise(isa, expr, compute, shape, &inputs, &[(compute, dense, n); 3]);
                for i in 0..n {
                    let x: Vec<f64> = inputs.iter().map(|(d, v)| d.get(v.index(i))).collect();
                    for (o, exact) in expr.eval(&x).into_iter().enumerate() {
                        let (found, bound) = (out[o].get(i), tolerance(compute));
                        let close = (found - exact).abs() <= bound * (1.0 + exact.abs());
                        assert!(close, "{} {o} at {i}: {found}, not {exact}", isa.name());
                    }
                }
            }
        }
    }
}
