//! Expressions, line by line over stretches of elements.

use crate::array::{Array, Values};
use gradus_base::expr::{Op, apply};
use gradus_base::{DType, Expr};

/// Elements that go through all lines together.
const STRETCH: usize = 1024;

/// The expression of arrays of one shape, or of no array at `len` elements: its outputs, computed in `compute`, which is f32, f64 or
/// i64. In f32 every line is rounded to f32.
///
/// ```
/// use gradus_base::{DType, Expr, Real};
/// use gradus_reference::{Array, pointwise};
/// let e = Expr::trace(2, |x| vec![x[0] * x[1], x[0].sqrt()]);
/// let out = pointwise(&e, DType::F64, &[Array::new([2], vec![4.0, 9.0]), Array::new([2], vec![2.0, -1.0])], [2].into());
/// assert_eq!((out[0].reals(), out[1].reals()), (&[8.0, -9.0][..], &[2.0, 3.0][..]));
/// ```
pub fn pointwise(
    expr: &Expr,
    compute: DType,
    inputs: &[Array],
    shape: gradus_base::Shape,
) -> Vec<Array> {
    if compute.is_float() {
        let round = |x: f64| if compute == DType::F64 { x } else { f64::from(x as f32) };
        let of = |input: &Array| match &input.values {
            Values::Real(v) => v.clone(),
            Values::Integer(v) => v.iter().map(|&x| round(x as f64)).collect(),
        };
        let inputs: Vec<Vec<f64>> = inputs.iter().map(of).collect();
        let outputs = run(expr, &inputs, shape.len(), |op, a| round(apply(op, a)));
        outputs.into_iter().map(|v| Array::new(shape, v)).collect()
    } else {
        let of = |input: &Array| match &input.values {
            Values::Integer(v) => v.clone(),
            Values::Real(v) => v.iter().map(|&x| x as i64).collect(),
        };
        let inputs: Vec<Vec<i64>> = inputs.iter().map(of).collect();
        let outputs = run(expr, &inputs, shape.len(), integer);
        outputs.into_iter().map(|v| Array::integers_of(shape, v)).collect()
    }
}

fn run<T: Copy + Default>(
    expr: &Expr,
    inputs: &[Vec<T>],
    len: usize,
    apply: impl Fn(Op, &[T]) -> T,
) -> Vec<Vec<T>> {
    let mut outputs = vec![Vec::with_capacity(len); expr.outputs().len()];
    let mut lines: Vec<Vec<T>> = vec![vec![T::default(); STRETCH]; expr.lines().len()];
    for first in (0..len).step_by(STRETCH) {
        let n = STRETCH.min(len - first);
        for (i, line) in expr.lines().iter().enumerate() {
            let (before, now) = lines.split_at_mut(i);
            let to = &mut now[0][..n];
            let arg = |k: usize| &before[line.args[k] as usize][..n];
            match (line.op, line.op.arity()) {
                (Op::Input(x), _) => to.copy_from_slice(&inputs[x as usize][first..first + n]),
                (op, 0) => to.fill(apply(op, &[])),
                (op, 1) => to.iter_mut().zip(arg(0)).for_each(|(y, &a)| *y = apply(op, &[a])),
                (op, 2) => {
                    let args = arg(0).iter().zip(arg(1));
                    to.iter_mut().zip(args).for_each(|(y, (&a, &b))| *y = apply(op, &[a, b]));
                }
                (op, _) => {
                    let args = arg(0).iter().zip(arg(1)).zip(arg(2));
                    to.iter_mut()
                        .zip(args)
                        .for_each(|(y, ((&a, &b), &c))| *y = apply(op, &[a, b, c]));
                }
            }
        }
        for (output, &line) in outputs.iter_mut().zip(expr.outputs()) {
            output.extend_from_slice(&lines[line as usize][..n]);
        }
    }
    outputs
}

/// One operation on integers: they wrap, and what is divided by 0 is 0.
fn integer(op: Op, a: &[i64]) -> i64 {
    let mask = |b: bool| i64::from(b);
    match op {
        Op::Const(bits) => f64::from_bits(bits) as i64,
        Op::Neg => a[0].wrapping_neg(),
        Op::Abs => a[0].wrapping_abs(),
        Op::Add => a[0].wrapping_add(a[1]),
        Op::Sub => a[0].wrapping_sub(a[1]),
        Op::Mul => a[0].wrapping_mul(a[1]),
        Op::Quo | Op::Div if a[1] == 0 => 0,
        Op::Quo | Op::Div => a[0].wrapping_div(a[1]),
        Op::Rem if a[1] == 0 => 0,
        Op::Rem => {
            let r = a[0].wrapping_rem(a[1]);
            if r != 0 && (r < 0) != (a[1] < 0) { r + a[1] } else { r }
        }
        Op::Min => a[0].min(a[1]),
        Op::Max => a[0].max(a[1]),
        Op::Floor | Op::Ceil | Op::Round => a[0],
        Op::Lt => mask(a[0] < a[1]),
        Op::Le => mask(a[0] <= a[1]),
        Op::Eq => mask(a[0] == a[1]),
        Op::And => mask(a[0] != 0 && a[1] != 0),
        Op::Or => mask(a[0] != 0 || a[1] != 0),
        Op::Not => mask(a[0] == 0),
        Op::Select => a[if a[0] != 0 { 1 } else { 2 }],
        op => {
            let real: Vec<f64> = a.iter().map(|&x| x as f64).collect();
            apply(op, &real) as i64
        }
    }
}
