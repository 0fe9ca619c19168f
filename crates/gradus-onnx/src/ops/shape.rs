//! Shapes and constants: what changes no element.

use super::{Op, one};
use crate::arrays::listed;
use crate::call::{Call, axis_of, size_of};
use crate::{Error, Result};
use gradus_tensor::{DType, Shape, Tensor};

pub(super) const OPS: &[(&str, Op)] = &[
    ("Constant", constant),
    ("ConstantOfShape", constant_of_shape),
    ("Expand", expand),
    ("EyeLike", eye_like),
    ("Flatten", flatten),
    ("Range", range),
    ("Reshape", reshape),
    ("Shape", shape),
    ("Size", |c| one(Tensor::scalar(c.input(0)?.len() as i64))),
    ("Squeeze", squeeze),
    ("Transpose", transpose),
    ("Unsqueeze", unsqueeze),
];

fn constant(c: &Call<'_>) -> Result<Vec<Tensor>> {
    if let Some(t) = c.tensor("value")? {
        return one(t);
    }
    if let Some(v) = c.floats("value_floats")? {
        return one(Tensor::from_slice(&v, [v.len()]));
    }
    if let Some(v) = c.ints("value_ints")? {
        return one(Tensor::from_slice(&v, [v.len()]));
    }
    let has = |name: &str| c.node.attributes.iter().any(|a| a.name == name);
    if has("value_float") {
        return one(Tensor::scalar(c.float("value_float", 0.0)? as f32));
    }
    if has("value_int") {
        return one(Tensor::scalar(c.int("value_int", 0)?));
    }
    Err(Error::new("has no value of a kind that is read (a tensor, numbers)"))
}

fn sizes(numbers: &[i64]) -> Result<Shape> {
    let sizes: Result<Vec<usize>> = numbers.iter().map(|&n| size_of(n)).collect();
    Ok(Shape::try_new(&sizes?)?)
}

fn constant_of_shape(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let shape = sizes(&c.numbers(0)?.unwrap_or_default())?;
    c.fits(&shape)?;
    match c.tensor("value")? {
        Some(value) => one(value.reshape(()).broadcast_to(shape)),
        None => one(Tensor::zeros(shape)),
    }
}

fn expand(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let wanted = sizes(&c.numbers(1)?.unwrap_or_default())?;
    let Some(shape) = Shape::broadcast(&x.shape(), &wanted) else {
        return Err(Error::new(format!("{} does not broadcast to {wanted}", x.shape())));
    };
    one(x.broadcast_to(shape))
}

fn eye_like(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    if x.rank() != 2 {
        return Err(Error::new(format!("input {}; expected a matrix", x.shape())));
    }
    let dtype = match c.int("dtype", 0)? {
        0 => x.dtype(),
        number => crate::arrays::dtype_numbered(number)?,
    };
    let (rows, columns, k) = (x.shape()[0], x.shape()[1], c.int("k", 0)?);
    let place = |n: usize| listed(&[n], |i| i as i64);
    let diagonal =
        (place(rows)? + Tensor::scalar(k)).unsqueeze(1).eq(&place(columns)?.unsqueeze(0));
    one(diagonal.cast(dtype))
}

fn flatten(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let axis = c.int("axis", 1)?;
    let axis = if axis == x.rank() as i64 { x.rank() } else { axis_of(axis, x.rank().max(1))? };
    let rows: usize = x.shape()[..axis].iter().product();
    let columns: usize = x.shape()[axis..].iter().product();
    one(x.reshape([rows, columns]))
}

fn range(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let dtype = c.input(0)?.dtype();
    if !dtype.is_float() {
        return whole_range(c);
    }
    let number = |i: usize| c.input(i).map(Tensor::item);
    let (start, end, step) = (number(0)?, number(1)?, number(2)?);
    if step == 0.0 {
        return Err(Error::new("a step of 0"));
    }
    let len = ((end - start) / step).ceil().max(0.0) as usize;
    c.fits(&[len])?;
    let value = |i: usize| start + i as f64 * step;
    one(match dtype {
        DType::F64 => listed(&[len], value)?,
        // Rounded once, as a cast does.
        _ => listed(&[len], |i| value(i) as f32)?.cast(dtype),
    })
}

/// The integers from the first on in steps of the third, before the second.
fn whole_range(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let number = |i: usize| c.number(i).map(i128::from);
    let (start, end, step) = (number(0)?, number(1)?, number(2)?);
    if step == 0 {
        return Err(Error::new("a step of 0"));
    }
    let up = (end - start) * step.signum();
    let len = usize::try_from((up.max(0) + step.abs() - 1) / step.abs());
    let len = len.map_err(|_| Error::new(format!("{up} numbers")))?;
    c.fits(&[len])?;
    // Between start and end, so of their type.
    let value = |i: usize| (start + i as i128 * step) as i64;
    one(match c.input(0)?.dtype() {
        DType::I64 => listed(&[len], value)?,
        dtype => listed(&[len], |i| value(i) as i32)?.cast(dtype),
    })
}

/// −1 stands for what is left, 0 for the input's own size.
fn reshape(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let wanted = c.numbers(1)?.unwrap_or_default();
    let keep_zeros = c.int("allowzero", 0)? == 1;
    let mut found = Vec::with_capacity(wanted.len());
    for (i, &n) in wanted.iter().enumerate() {
        found.push(match n {
            -1 => 1,
            0 if !keep_zeros => {
                *x.shape().get(i).ok_or_else(|| Error::new(format!("axis {i} of {}", x.shape())))?
            }
            n => size_of(n)?,
        });
    }
    if let Some(open) = wanted.iter().position(|&n| n == -1) {
        let others: usize = found.iter().product();
        if let Some(size) = x.len().checked_div(others) {
            found[open] = size;
        }
    }
    let shape = Shape::try_new(&found)?;
    if shape.len() != x.len() {
        return Err(Error::new(format!("{} cannot become {wanted:?}", x.shape())));
    }
    one(x.reshape(shape))
}

fn shape(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let sizes: Vec<i64> = c.input(0)?.shape().iter().map(|&n| n as i64).collect();
    let rank = sizes.len() as i64;
    let place = |n: i64| (if n < 0 { n + rank } else { n }).clamp(0, rank) as usize;
    let (start, end) = (place(c.int("start", 0)?), place(c.int("end", rank)?));
    let some = &sizes[start..end.max(start)];
    one(Tensor::from_slice(some, [some.len()]))
}

fn squeeze(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let mut gone = vec![];
    match c.numbers_or(1, 13, "axes")? {
        Some(axes) => {
            for a in axes {
                gone.push(axis_of(a, x.rank())?);
            }
        }
        None => gone.extend((0..x.rank()).filter(|&a| x.shape()[a] == 1)),
    }
    if let Some(&a) = gone.iter().find(|&&a| x.shape()[a] != 1) {
        return Err(Error::new(format!("axis {a} of {} has not size 1", x.shape())));
    }
    let kept: Vec<usize> =
        (0..x.rank()).filter(|a| !gone.contains(a)).map(|a| x.shape()[a]).collect();
    one(x.reshape(Shape::new(&kept)))
}

fn transpose(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let order = match c.ints("perm")? {
        Some(order) => order,
        None => (0..x.rank() as i64).rev().collect(),
    };
    one(permuted(x, &order)?)
}

/// The axes in another order.
fn permuted(x: &Tensor, order: &[i64]) -> Result<Tensor> {
    let order: Result<Vec<usize>> = order.iter().map(|&a| axis_of(a, x.rank())).collect();
    let order = order?;
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..x.rank()) {
        return Err(Error::new(format!("order {order:?} of the axes of {}", x.shape())));
    }
    Ok(x.permute(order.iter().map(|&a| a as isize).collect::<Vec<_>>()))
}

fn unsqueeze(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let axes = c.numbers_or(1, 13, "axes")?.ok_or_else(|| Error::new("axes are missing"))?;
    let rank = x.rank() + axes.len();
    let new: Result<Vec<usize>> = axes.iter().map(|&a| axis_of(a, rank)).collect();
    let new = new?;
    let mut old = x.shape().iter().copied().collect::<Vec<_>>().into_iter();
    let sizes: Vec<usize> =
        (0..rank).map(|a| if new.contains(&a) { 1 } else { old.next().unwrap_or(1) }).collect();
    let shape = Shape::try_new(&sizes)?;
    if shape.len() != x.len() || old.next().is_some() {
        return Err(Error::new(format!("axes {axes:?} name one twice")));
    }
    one(x.reshape(shape))
}
