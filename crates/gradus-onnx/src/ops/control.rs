//! Branches and loops. Which branch and how many rounds is asked for while the graph is built, so conditions and counts must be
//! known then: where a model runs on arrays everything is.

use super::ValueOp;
use crate::call::{Call, axis_of, size_of};
use crate::scope::Value;
use crate::{Error, Result};
use gradus_io::onnx::{Graph, Size, ValueInfo};
use gradus_tensor::{DType, Tensor, try_build};

pub(super) const OPS: &[(&str, ValueOp)] = &[("If", branch), ("Loop", rounds), ("Scan", scan)];

/// Rounds of a loop whose end is a condition alone.
const MOST_ROUNDS: i64 = 1 << 20;
/// From this many rounds on, what is carried from one to the next is computed at once: the graph does not grow with the rounds.
const LAZY_ROUNDS: i64 = 32;

/// Whether a condition holds.
fn holds(value: &Value) -> Result<bool> {
    let condition = value.tensor()?;
    if condition.len() != 1 {
        let what = format!("its condition is {}; expected one element", condition.shape());
        return Err(Error::new(what));
    }
    let known = condition.try_to_vec::<bool>();
    known.map(|c| c[0]).map_err(|e| {
        Error::new(format!("its condition must be known when the graph is built: {e}"))
    })
}

fn branch(c: &Call<'_>) -> Result<Vec<Value>> {
    let name = if holds(c.value(0)?)? { "then_branch" } else { "else_branch" };
    c.within(c.graph(name)?, vec![])
}

/// Tensors in a row of a new axis.
fn stacked(parts: &[Value], axis: usize, like: &ValueInfo) -> Result<Value> {
    let Some(Value::Tensor(_, element)) = parts.first() else {
        return Ok(Value::new(none_of(like), Some(like.element)));
    };
    let tensors = parts.iter().map(Value::tensor).collect::<Result<Vec<_>>>()?;
    let rank = tensors[0].rank();
    axis_of(axis as i64, rank + 1)?;
    let row = try_build(|| Tensor::stack(&tensors, axis as isize))?;
    Ok(Value::new(row, Some(*element)))
}

/// What a loop of no rounds gives: nothing, of the shape that the file states.
fn none_of(like: &ValueInfo) -> Tensor {
    let dtype = crate::arrays::held_in(like.element).unwrap_or(DType::F32);
    let mut sizes = vec![0];
    for size in like.shape.iter().flatten() {
        sizes.push(match size {
            Size::Is(n) => usize::try_from(*n).unwrap_or(0),
            Size::Open(_) => 0,
        });
    }
    sizes.truncate(gradus_base::MAX_RANK);
    Tensor::full_of(gradus_base::Shape::new(&sizes), 0.0, dtype)
}

/// Computes what is carried, so that the next round starts from numbers; what cannot be computed yet stays as it is.
fn settle(values: &[Value]) {
    for value in values {
        if let Value::Tensor(tensor, _) = value {
            let _ = tensor.try_read();
        }
    }
}

fn rounds(c: &Call<'_>) -> Result<Vec<Value>> {
    let body = c.graph("body")?;
    let most = match c.optional(0) {
        Some(_) => c.number(0).map_err(|e| {
            Error::new(format!("its rounds must be known when the graph is built: {}", e.what))
        })?,
        None => i64::MAX,
    };
    let mut going = match c.inputs.get(1) {
        Some(Some(condition)) => holds(condition)?,
        _ => true,
    };
    let mut carried: Vec<Value> = c.inputs.iter().skip(2).flatten().cloned().collect();
    let count = carried.len();
    let Some(stacks) = body.outputs.len().checked_sub(1 + count) else {
        let what = format!("its body gives {} values, {count} are carried", body.outputs.len());
        return Err(Error::new(what));
    };
    let mut rows: Vec<Vec<Value>> = vec![vec![]; stacks];
    let mut round = 0;
    while going && round < most {
        if round >= MOST_ROUNDS {
            return Err(Error::new(format!("runs for more than {MOST_ROUNDS} rounds")));
        }
        let mut inputs = vec![
            Value::new(Tensor::scalar(round), None),
            Value::new(Tensor::full_of((), 1.0, DType::Bool), None),
        ];
        inputs.extend(carried);
        let mut made = c.within(body, inputs)?.into_iter();
        let condition = made.next().ok_or_else(|| Error::new("its body gives no condition"))?;
        going = holds(&condition)?;
        carried = made.by_ref().take(count).collect();
        rows.iter_mut().zip(made).for_each(|(row, value)| row.push(value));
        round += 1;
        if round > LAZY_ROUNDS {
            settle(&carried);
        }
        let row = rows.first().and_then(|row| row.last()).map(Value::tensor).transpose()?;
        c.fits(&[round as usize, row.map_or(1, |t| t.len().max(1))])?;
    }
    let infos = body.outputs.iter().skip(1 + count);
    for (row, info) in rows.iter().zip(infos) {
        carried.push(stacked(row, 0, info)?);
    }
    Ok(carried)
}

/// How a scan walks along one of its sequences.
struct Walk {
    axis: i64,
    backwards: bool,
}

fn walks(c: &Call<'_>, kind: &str, count: usize) -> Result<Vec<Walk>> {
    let list = |name: String| -> Result<Vec<i64>> {
        let found = c.ints(&name)?.unwrap_or_else(|| vec![0; count]);
        match found.len() == count {
            true => Ok(found),
            false => Err(Error::new(format!("{name} {found:?} for {count} sequences"))),
        }
    };
    let axes = list(format!("scan_{kind}_axes"))?;
    let directions = list(format!("scan_{kind}_directions"))?;
    Ok(axes.into_iter().zip(directions).map(|(axis, d)| Walk { axis, backwards: d == 1 }).collect())
}

fn scan(c: &Call<'_>) -> Result<Vec<Value>> {
    if c.opset < 9 {
        return Err(Error::new("of operator set 8 is not there; known are those from 9 on"));
    }
    let body: &Graph = c.graph("body")?;
    let count = size_of(c.int("num_scan_inputs", 0)?)?;
    let states = c.inputs.len().checked_sub(count).filter(|&n| n <= body.outputs.len());
    let Some(states) = states else {
        return Err(Error::new(format!("{count} sequences among {} inputs", c.inputs.len())));
    };
    let walks_in = walks(c, "input", count)?;
    let walks_out = walks(c, "output", body.outputs.len() - states)?;
    let mut sequences = vec![];
    for (i, walk) in walks_in.iter().enumerate() {
        let x = c.input(states + i)?;
        let axis = axis_of(walk.axis, x.rank())? as isize;
        let element = c.element_of(states + i);
        sequences.push((if walk.backwards { x.flip(axis) } else { x.clone() }, axis, element));
    }
    let steps = sequences.first().map_or(0, |(x, axis, _)| x.size(*axis));
    if let Some((x, ..)) = sequences.iter().find(|(x, axis, _)| x.size(*axis) != steps) {
        return Err(Error::new(format!("a sequence {} beside one of {steps} steps", x.shape())));
    }
    let mut carried: Vec<Value> =
        (0..states).map(|i| c.value(i).cloned()).collect::<Result<_>>()?;
    let mut rows: Vec<Vec<Value>> = vec![vec![]; walks_out.len()];
    for step in 0..steps {
        let slice = |(x, axis, element): &(Tensor, isize, Option<i64>)| {
            Value::new(x.select(*axis, step), *element)
        };
        carried.extend(sequences.iter().map(slice));
        let mut made = c.within(body, carried)?.into_iter();
        carried = made.by_ref().take(states).collect();
        rows.iter_mut().zip(made).for_each(|(row, value)| row.push(value));
        if step as i64 > LAZY_ROUNDS {
            settle(&carried);
        }
    }
    for ((row, walk), info) in rows.iter_mut().zip(&walks_out).zip(&body.outputs[states..]) {
        if walk.backwards {
            row.reverse();
        }
        let rank = row.first().map(Value::tensor).transpose()?.map_or(1, |t| t.rank() + 1);
        carried.push(stacked(row, axis_of(walk.axis, rank)?, info)?);
    }
    Ok(carried)
}
