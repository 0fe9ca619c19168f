//! Every operation of an expression at the edges of its types: NaN, ±∞, ±0, the largest and smallest normal and subnormal
//! numbers, the neighbours of ±1 and the ends of the functions' own reductions, on every path, against the standard library
//! in f64. Nothing flushes subnormal numbers: underflow is gradual, and that is tested too.

use gradus_base::expr::Sym;
use gradus_base::{DType, Expr, Real, Shape, View};
use gradus_cpu::{Isa, Pointwise};

type One = fn(Sym) -> Sym;
type Two = fn(Sym, Sym) -> Sym;

/// The functions of one number, and by how many units in the last place they may err in f32. In f64 they are the library's.
const ONE: [(&str, One, f64); 17] = [
    ("neg", |x| -x, 0.0),
    ("abs", |x| x.abs(), 0.0),
    ("sqrt", |x| x.sqrt(), 0.5),
    ("exp", |x| x.exp(), 1.5),
    ("exp_m1", |x| x.exp_m1(), 2.0),
    ("ln", |x| x.ln(), 1.5),
    ("ln_1p", |x| x.ln_1p(), 2.0),
    ("sin", |x| x.sin(), 1.5),
    ("cos", |x| x.cos(), 1.5),
    ("atan", |x| x.atan(), 3.0),
    ("tanh", |x| x.tanh(), 3.0),
    ("logistic", |x| x.logistic(), 2.5),
    ("erf", |x| x.erf(), 4.0),
    ("floor", |x| x.floor(), 0.0),
    ("ceil", |x| x.ceil(), 0.0),
    ("round", |x| x.round(), 0.0),
    ("recip", |x| x.recip(), 0.5),
];

/// The functions of two numbers.
const TWO: [(&str, Two, f64); 12] = [
    ("add", |a, b| a + b, 0.5),
    ("sub", |a, b| a - b, 0.5),
    ("mul", |a, b| a * b, 0.5),
    ("div", |a, b| a / b, 0.5),
    ("min", |a, b| a.min(b), 0.0),
    ("max", |a, b| a.max(b), 0.0),
    ("pow", |a, b| a.pow(b), 1.5),
    ("remainder", |a, b| a.remainder(b), 0.5),
    ("lt", |a, b| Sym::from_mask(a.lt(b)), 0.0),
    ("le", |a, b| Sym::from_mask(a.le(b)), 0.0),
    ("eq", |a, b| Sym::from_mask(a.eq(b)), 0.0),
    ("select", |a, b| Sym::select(a.lt(b), a, b), 0.0),
];

/// Where f32 or its functions end, begin or change their form: the exponentials under- and overflow, remainders of ln 2 and
/// π/2 turn, erf, tanh and arctan go from one polynomial to the next.
const ENDS: [f32; 34] = [
    f32::MAX,
    f32::MIN_POSITIVE,
    1e-45,
    1.0,
    0.346_573_6,
    std::f32::consts::LN_2,
    std::f32::consts::FRAC_1_SQRT_2,
    std::f32::consts::SQRT_2,
    0.414_213_57,
    2.414_213_7,
    std::f32::consts::FRAC_PI_4,
    std::f32::consts::FRAC_PI_2,
    std::f32::consts::PI,
    0.84,
    4.0,
    9.1,
    16.0,
    18.0,
    24.0,
    87.0,
    87.336_55,
    88.0,
    88.722_84,
    89.0,
    103.278_93,
    103.972_084,
    104.0,
    150.0,
    0.5,
    1.5,
    8_388_608.0,
    16_777_216.0,
    1e6,
    1e30,
];

/// [`ENDS`] with both neighbours, the largest subnormal number among them, ∞, 0 and NaN; all with both signs.
fn singles() -> Vec<f32> {
    let near = |x: f32| [x.next_down(), x, x.next_up()];
    let positive = ENDS.into_iter().flat_map(near).chain([0.0, f32::INFINITY, f32::NAN]);
    positive.flat_map(|x| [x, -x]).collect()
}

/// The same for f64.
fn doubles() -> Vec<f64> {
    let ends = [f64::MAX, f64::MIN_POSITIVE, 5e-324, 708.396, 709.782_712_893_384, 710.0, 745.134];
    let near = |x: f64| [x.next_down(), x, x.next_up()];
    let positive = ends.into_iter().chain(ENDS.map(f64::from)).flat_map(near);
    positive.chain([0.0, f64::INFINITY, f64::NAN]).flat_map(|x| [x, -x]).collect()
}

/// `expr` of every row of inputs.
fn map<T: Copy + Default>(isa: Isa, dtype: DType, expr: &Expr, inputs: &[&[T]]) -> Vec<T> {
    let shape = Shape::from([inputs[0].len()]);
    let v = (dtype, View::dense(shape));
    let mut y = vec![T::default(); inputs[0].len()];
    let p = Pointwise::with_isa(isa, expr, dtype, shape, &vec![v; inputs.len()], &[v]);
    let from: Vec<*const u8> = inputs.iter().map(|x| x.as_ptr().cast()).collect();
    // SAFETY: the slices hold the views.
    unsafe { p.apply(&from, &[y.as_mut_ptr().cast()]) };
    y
}

/// The distance of `y` from `exact`, in units in the last place of the f32 next to it; ∞ where one is NaN and the other is
/// not, where one is infinite beyond rounding, and where a zero has the other sign.
fn units(y: f32, exact: f64) -> f64 {
    let nearest = exact as f32;
    if y.is_nan() || nearest.is_nan() {
        return if y.is_nan() && nearest.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if y == 0.0 && nearest == 0.0 && y.is_sign_negative() != exact.is_sign_negative() {
        return f64::INFINITY;
    }
    if y.is_infinite() || nearest.is_infinite() {
        return if y == nearest { 0.0 } else { f64::INFINITY };
    }
    let unit = f64::from(nearest.abs().max(f32::MIN_POSITIVE)).log2().floor() - 23.0;
    (f64::from(y) - exact).abs() / unit.exp2()
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

#[test]
fn functions_of_one_number_hold_at_the_edges() {
    let (single, double) = (singles(), doubles());
    let mut wrong = vec![];
    for (name, f, most) in ONE {
        let expr = Expr::trace(1, |x| vec![f(x[0])]);
        for &isa in Isa::all() {
            let y = map(isa, DType::F32, &expr, &[&single]);
            for (&x, &y) in single.iter().zip(&y) {
                let mut exact = expr.eval(&[x.into()])[0];
                // Where e⁻ˣ is ∞ in f32, from −88.73 on, the quotient is 0, though some subnormal numbers would be nearer.
                if name == "logistic" && x <= -88.722_84 {
                    exact = 0.0;
                }
                let error = units(y, exact);
                if error > most || x.is_nan() && !y.is_nan() {
                    wrong.push(format!("{name}({x:e}) {}: {y:e}, not {exact:e}", isa.name()));
                }
            }
            let y = map(isa, DType::F64, &expr, &[&double]);
            for (&x, &y) in double.iter().zip(&y) {
                let exact = expr.eval(&[x])[0];
                // Of f64 this one is the crate's own, which stays within a unit of the library's; all others are the library's.
                let near = name == "exp" && (y - exact).abs() <= exact.next_up() - exact;
                if !same(y, exact) && !near {
                    wrong.push(format!("{name}({x:e}) {}: {y:e}, not {exact:e}", isa.name()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn functions_of_two_numbers_hold_at_the_edges() {
    let (single, double) = (singles(), doubles());
    let mut wrong = vec![];
    for (name, f, most) in TWO {
        let expr = Expr::trace(2, |x| vec![f(x[0], x[1])]);
        for &isa in Isa::all() {
            for &b in &single {
                let second = vec![b; single.len()];
                let y = map(isa, DType::F32, &expr, &[&single, &second]);
                for (&a, &y) in single.iter().zip(&y) {
                    let exact = expr.eval(&[a.into(), b.into()])[0];
                    let error = units(y, exact);
                    if error > most {
                        let at = isa.name();
                        wrong.push(format!("{name}({a:e}, {b:e}) {at}: {y:e}, not {exact:e}"));
                    }
                }
            }
            for &b in &double {
                let second = vec![b; double.len()];
                let y = map(isa, DType::F64, &expr, &[&double, &second]);
                for (&a, &y) in double.iter().zip(&y) {
                    let exact = expr.eval(&[a, b])[0];
                    if !same(y, exact) {
                        let at = isa.name();
                        wrong.push(format!("{name}({a:e}, {b:e}) {at}: {y:e}, not {exact:e}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What the loops above take as given: the f64 oracle, at its own edges.
#[test]
fn the_oracle_holds_at_the_edges() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let table: [(One, [f64; 5]); 14] = [
        // of NaN, −∞, −0, 0, ∞
        (|x| x.exp(), [nan, 0.0, 1.0, 1.0, inf]),
        (|x| x.exp_m1(), [nan, -1.0, -0.0, 0.0, inf]),
        (|x| x.ln(), [nan, nan, -inf, -inf, inf]),
        (|x| x.ln_1p(), [nan, nan, -0.0, 0.0, inf]),
        (|x| x.sqrt(), [nan, nan, -0.0, 0.0, inf]),
        (|x| x.sin(), [nan, nan, -0.0, 0.0, nan]),
        (|x| x.cos(), [nan, nan, 1.0, 1.0, nan]),
        (|x| x.tanh(), [nan, -1.0, -0.0, 0.0, 1.0]),
        (|x| x.logistic(), [nan, 0.0, 0.5, 0.5, 1.0]),
        (|x| x.erf(), [nan, -1.0, -0.0, 0.0, 1.0]),
        (|x| x.recip(), [nan, -0.0, -inf, inf, 0.0]),
        (|x| x.round(), [nan, -inf, -0.0, 0.0, inf]),
        (|x| x.max(Sym::constant(0.0)), [nan, 0.0, 0.0, 0.0, inf]),
        (|x| x.min(Sym::constant(0.0)), [nan, -inf, 0.0, 0.0, 0.0]),
    ];
    for (f, want) in table {
        let expr = Expr::trace(1, |x| vec![f(x[0])]);
        for (x, want) in [nan, -inf, -0.0, 0.0, inf].into_iter().zip(want) {
            let y = expr.eval(&[x])[0];
            assert!(same(y, want), "{expr} of {x} is {y}, not {want}");
        }
    }
}
