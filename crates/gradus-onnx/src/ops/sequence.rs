//! Sequences of tensors and optional values.

use super::ValueOp;
use crate::call::{Call, axis_of, size_of};
use crate::scope::Value;
use crate::{Error, Result};
use gradus_tensor::{DType, Tensor, try_build};

pub(super) const OPS: &[(&str, ValueOp)] = &[
    ("ConcatFromSequence", concat),
    ("Identity", |c| Ok(vec![c.value(0)?.clone()])),
    ("Optional", |c| Ok(vec![c.inputs.first().cloned().flatten().unwrap_or(Value::Nothing)])),
    ("OptionalGetElement", |c| match c.value(0)? {
        Value::Nothing => Err(Error::new("the optional value is empty")),
        value => Ok(vec![value.clone()]),
    }),
    ("OptionalHasElement", |c| {
        let there = !matches!(c.inputs.first(), None | Some(None | Some(Value::Nothing)));
        own(Tensor::full_of((), f64::from(u8::from(there)), DType::Bool))
    }),
    ("SequenceAt", |c| {
        let all = sequence(c, 0)?;
        let at = place(c, 1, all.len())?;
        match all.get(at) {
            Some(value) => Ok(vec![value.clone()]),
            None => Err(Error::new(format!("element {at} of a sequence of {}", all.len()))),
        }
    }),
    ("SequenceConstruct", |c| {
        let all = (0..c.inputs.len()).map(|i| c.value(i).cloned()).collect::<Result<_>>()?;
        Ok(vec![Value::Sequence(all)])
    }),
    ("SequenceEmpty", |_| Ok(vec![Value::Sequence(vec![])])),
    ("SequenceErase", |c| {
        let mut all = sequence(c, 0)?.to_vec();
        let last = all.len().checked_sub(1);
        let last = last.ok_or_else(|| Error::new("nothing is in the sequence"))?;
        let at = if c.optional(1).is_some() { place(c, 1, all.len())? } else { last };
        if at > last {
            return Err(Error::new(format!("element {at} of a sequence of {}", all.len())));
        }
        all.remove(at);
        Ok(vec![Value::Sequence(all)])
    }),
    ("SequenceInsert", |c| {
        let mut all = sequence(c, 0)?.to_vec();
        let at = if c.optional(2).is_some() { place(c, 2, all.len())? } else { all.len() };
        all.insert(at, c.value(1)?.clone());
        Ok(vec![Value::Sequence(all)])
    }),
    ("SequenceLength", |c| own(Tensor::scalar(sequence(c, 0)?.len() as i64))),
    ("SequenceMap", map),
    ("SplitToSequence", split),
];

fn own(tensor: Tensor) -> Result<Vec<Value>> {
    Ok(vec![Value::new(tensor, None)])
}

fn sequence<'a>(c: &'a Call<'_>, i: usize) -> Result<&'a [Value]> {
    match c.value(i)? {
        Value::Sequence(all) => Ok(all),
        _ => Err(Error::new(format!("input {i} is no sequence"))),
    }
}

/// A place counted from 0, at most `len`; negative ones count from the end.
fn place(c: &Call<'_>, i: usize, len: usize) -> Result<usize> {
    let at = c.number(i)?;
    let counted = if at < 0 { at.saturating_add(len as i64) } else { at };
    let found = usize::try_from(counted).ok().filter(|&n| n <= len);
    found.ok_or_else(|| Error::new(format!("element {at} of a sequence of {len}")))
}

fn concat(c: &Call<'_>) -> Result<Vec<Value>> {
    let all = sequence(c, 0)?;
    let tensors = all.iter().map(Value::tensor).collect::<Result<Vec<_>>>()?;
    let first = tensors.first().ok_or_else(|| Error::new("nothing is in the sequence"))?;
    let new = c.int("new_axis", 0)? == 1;
    let axis = axis_of(c.int("axis", 0)?, first.rank() + usize::from(new))? as isize;
    let element = if let Value::Tensor(_, element) = all[0] { Some(element) } else { None };
    let joined = try_build(|| match new {
        true => Tensor::stack(&tensors, axis),
        false => Tensor::concat(&tensors, axis),
    })?;
    Ok(vec![Value::new(joined, element)])
}

/// Parts of given sizes, or of one element each, whose axis then may go.
fn split(c: &Call<'_>) -> Result<Vec<Value>> {
    let x = c.input(0)?;
    let axis = axis_of(c.int("axis", 0)?, x.rank())?;
    let size = x.shape()[axis];
    let given = c.numbers(1)?;
    let sizes: Vec<usize> = match &given {
        None => vec![1; size],
        Some(sizes) if c.input(1)?.rank() > 0 => {
            sizes.iter().map(|&n| size_of(n)).collect::<Result<_>>()?
        }
        Some(each) => {
            let each = size_of(each.first().copied().unwrap_or(0))?.max(1);
            (0..size.div_ceil(each)).map(|i| each.min(size - i * each)).collect()
        }
    };
    let parts = try_build(|| x.split(&sizes, axis as isize))?;
    let bare = given.is_none() && c.int("keepdims", 1)? == 0;
    let part = |t: Tensor| if bare { t.squeeze(axis as isize) } else { t };
    let element = c.element_of(0);
    Ok(vec![Value::Sequence(parts.into_iter().map(|t| Value::new(part(t), element)).collect())])
}

/// The body's outputs for each element of the first sequence; other sequences go along, tensors are the same for each.
fn map(c: &Call<'_>) -> Result<Vec<Value>> {
    let (body, first) = (c.graph("body")?, sequence(c, 0)?);
    let mut made: Vec<Vec<Value>> = vec![vec![]; body.outputs.len()];
    for i in 0..first.len() {
        let given = |k: usize| match c.value(k)? {
            Value::Sequence(all) => all.get(i).cloned().ok_or_else(|| {
                Error::new(format!("input {k} has {} elements, the first {}", all.len(), i + 1))
            }),
            value => Ok(value.clone()),
        };
        let inputs = (0..c.inputs.len()).map(given).collect::<Result<_>>()?;
        let outputs = c.within(body, inputs)?;
        made.iter_mut().zip(outputs).for_each(|(all, value)| all.push(value));
    }
    Ok(made.into_iter().map(Value::Sequence).collect())
}
