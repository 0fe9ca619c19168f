//! Normalisations and the softmax family.

use super::{Export, Op, one};
use crate::call::{Call, axis_of, size_of};
use crate::export::{Extent, RuleUse, ValueRef, Writer, binary, inputs, reshape, row};
use crate::{Error, Result};
use gradus_base::expr::{Op as Line, Sym};
use gradus_base::{Expr, Real};
use gradus_graph::{Kind, Node};
use gradus_io::onnx::Attribute;
use gradus_tensor::{DType, LocalResponse, Tensor};

pub(super) const EXPORTS: &[(&str, Export)] = &[
    ("local_response_norm", write_local_response),
    ("log_softmax", |w, call| write_softmax(w, call, "LogSoftmax")),
    ("normalize", write_normalize),
    ("softmax", |w, call| write_softmax(w, call, "Softmax")),
];

pub(super) const OPS: &[(&str, Op)] = &[
    ("BatchNormalization", batch_norm),
    ("GroupNormalization", group_norm),
    ("Hardmax", |c| along_axis(c, hardmax)),
    ("InstanceNormalization", |c| {
        let eps = c.float("epsilon", 1e-5)?;
        one(c.input(0)?.instance_norm(c.input(1)?, c.input(2)?, eps))
    }),
    ("LRN", |c| {
        let size = size_of(c.int("size", 0)?)?;
        let (alpha, beta) = (c.float("alpha", 1e-4)?, c.float("beta", 0.75)?);
        let rule = LocalResponse::of_mean(size, alpha, beta, c.float("bias", 1.0)?);
        one(local_response_norm(c.input(0)?, rule))
    }),
    ("LayerNormalization", layer_norm),
    ("LogSoftmax", |c| along_axis(c, Tensor::log_softmax)),
    ("LpNormalization", |c| {
        let dtype = c.input(0)?.dtype();
        let x = &c.input(0)?.cast(dtype.compute());
        let axis = axis_of(c.int("axis", -1)?, x.rank())? as isize;
        let norm = match c.int("p", 2)? {
            1 => x.norm_l1(axis),
            2 => x.norm_l2(axis),
            p => return Err(Error::new(format!("p {p}; known are 1 and 2"))),
        };
        let norm = norm.unsqueeze(axis);
        // Where all are 0, so is the result.
        let safe = norm.eq(0.0).select_where(&norm.ones_like(), &norm);
        one((x / safe).cast(dtype))
    }),
    ("MeanVarianceNormalization", |c| {
        let dtype = c.input(0)?.dtype();
        let x = &c.input(0)?.cast(dtype.compute());
        let axes = c.ints("axes")?.unwrap_or_else(|| vec![0, 2, 3]);
        let axes: Vec<isize> = axes.iter().map(|&a| a as isize).collect();
        let centred = x - x.mean(axes.clone()).keep(x, axes.clone());
        let variance = centred.square().mean(axes.clone()).keep(x, axes);
        one((centred / (variance.sqrt() + 1e-9)).cast(dtype))
    }),
    ("RMSNormalization", |c| {
        let dtype = c.input(0)?.dtype();
        let x = &c.input(0)?.cast(dtype.compute());
        let first = axis_of(c.int("axis", -1)?, x.rank())?;
        let axes: Vec<isize> = (first as isize..x.rank() as isize).collect();
        let mean = x.square().mean(axes.clone()).keep(x, axes);
        one((x * (mean + c.float("epsilon", 1e-5)?).rsqrt()).cast(dtype) * c.input(1)?)
    }),
    ("Softmax", |c| along_axis(c, Tensor::softmax)),
];

/// The even sizes' odd neighbour lies after here, before in PyTorch and so in Gradus: seen from the last channel, both
/// are the same.
fn local_response_norm(x: &Tensor, rule: LocalResponse) -> Tensor {
    if rule.size % 2 == 1 {
        return x.local_response_norm(rule);
    }
    x.flip(1).local_response_norm(rule).flip(1)
}

fn batch_norm(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let training = c.int("training_mode", 0)? == 1 || (c.opset < 14 && c.node.outputs.len() > 1);
    let x = c.input(0)?;
    let [w, b, mean, variance] = [1, 2, 3, 4].map(|i| c.input(i));
    if training {
        return as_in_training(c, x, [w?, b?, mean?, variance?]);
    }
    one(x.batch_norm_with(mean?, variance?, w?, b?, c.float("epsilon", 1e-5)?))
}

/// By the batch's own mean and variance; the running ones go on towards them.
fn as_in_training(
    c: &Call<'_>,
    x: &Tensor,
    [w, b, mean, variance]: [&Tensor; 4],
) -> Result<Vec<Tensor>> {
    let axes: Vec<isize> = (0..x.rank() as isize).filter(|&a| a != 1).collect();
    let wide = x.cast(x.dtype().compute());
    let (own_mean, own_variance) = (wide.mean(axes.clone()), wide.var(axes, 0.0));
    let y = x.batch_norm_with(&own_mean, &own_variance, w, b, c.float("epsilon", 1e-5)?);
    let momentum = c.float("momentum", 0.9)?;
    let moved = |old: &Tensor, new: &Tensor| {
        let next = old.cast(new.dtype()) * momentum + new * (1.0 - momentum);
        next.cast(old.dtype())
    };
    let (next_mean, next_variance) = (moved(mean, &own_mean), moved(variance, &own_variance));
    let mut all = vec![y, next_mean, next_variance];
    if c.opset < 14 {
        // The batch's own beside them, as those sets had it.
        all.extend([own_mean.cast(mean.dtype()), own_variance.cast(variance.dtype())]);
    }
    Ok(all)
}

/// Before operator set 21 there is one scale per group, since then one per channel.
fn group_norm(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let groups = size_of(c.int("num_groups", 0)?)?;
    let channels = x.shape().get(1).copied().unwrap_or(0);
    let spread = |t: &Tensor| {
        if t.len() == channels || groups == 0 {
            return t.clone();
        }
        t.reshape([groups, 1]).broadcast_to([groups, channels / groups]).reshape([channels])
    };
    let eps = c.float("epsilon", 1e-5)?;
    one(x.group_norm(groups, &spread(c.input(1)?), &spread(c.input(2)?), eps))
}

/// Scale and bias may be smaller than what is normalised over. Mean and inverse deviation are of the type that is computed in.
fn layer_norm(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let first = axis_of(c.int("axis", -1)?, x.rank())?;
    let eps = c.float("epsilon", 1e-5)?;
    let one = Tensor::full_of(&x.shape()[first..], 1.0, x.dtype());
    let y = x.layer_norm(&one, &one.zeros_like(), eps) * c.input(1)?;
    let y = c.optional(2).map_or_else(|| y.clone(), |b| &y + b);
    let x = x.cast(x.dtype().compute());
    let axes: Vec<isize> = (first as isize..x.rank() as isize).collect();
    let mean = x.mean(axes.clone()).keep(&x, axes.clone());
    let inverse = (x.var(axes.clone(), 0.0).keep(&x, axes) + eps).rsqrt();
    Ok(vec![y, mean, inverse])
}

/// Before operator set 13 everything from the axis on is one row; since then the axis alone.
fn along_axis(c: &Call<'_>, f: fn(&Tensor, isize) -> Tensor) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    if c.opset >= 13 {
        let axis = axis_of(c.int("axis", -1)?, x.rank())?;
        return one(f(x, axis as isize));
    }
    let axis = axis_of(c.int("axis", 1)?, x.rank())?;
    let rows: usize = x.shape()[..axis].iter().product();
    let columns: usize = x.shape()[axis..].iter().product();
    one(f(&x.reshape([rows, columns]), 1).reshape(x.shape()))
}

/// 1 at the first largest, 0 elsewhere.
fn hardmax(x: &Tensor, axis: isize) -> Tensor {
    let at = axis_of(axis as i64, x.rank()).unwrap_or(0);
    let mut sizes = vec![1; x.rank()];
    sizes[at] = x.shape()[at];
    let places: Vec<i64> = (0..sizes[at] as i64).collect();
    let best = x.argmax(axis).unsqueeze(at as isize).cast(DType::I64);
    best.eq(&Tensor::from_slice(&places, sizes)).cast(x.dtype())
}

/// Along the last axis.
fn write_softmax(w: &mut Writer<'_>, call: &RuleUse<'_>, op: &'static str) -> Result<ValueRef> {
    let x = w.value(&call.input(0))?;
    Ok(w.add(op, &[x], vec![Attribute::int("axis", -1)]))
}

/// ONNX divides its α by the size.
fn write_local_response(w: &mut Writer<'_>, call: &RuleUse<'_>) -> Result<ValueRef> {
    let size = call.size("size")?;
    if size.is_multiple_of(2) {
        let what =
            format!("a neighbourhood of {size} channels; ONNX has the channel in the middle");
        return Err(Error::new(what));
    }
    let x = w.value(&call.input(0))?;
    let attributes = vec![
        Attribute::int("size", size as i64),
        Attribute::float("alpha", call.number("scale")? * size as f64),
        Attribute::float("beta", call.number("beta")?),
        Attribute::float("bias", call.number("k")?),
    ];
    Ok(w.add("LRN", &[x], attributes))
}

/// Groups of channels are the channels of an instance norm.
fn write_normalize(w: &mut Writer<'_>, call: &RuleUse<'_>) -> Result<ValueRef> {
    let (x, groups) = (call.input(0), call.size("groups")?);
    let sizes = w.sizes(&x)?;
    let (channels, pixels) = (x.shape()[1], x.shape()[2]);
    let (one, zero) = (w.numbers(1.0, groups, x.dtype()), w.numbers(0.0, groups, x.dtype()));
    let eps = Attribute::float("epsilon", call.number("eps")?);
    let value = w.value(&x)?;
    if channels == groups {
        return Ok(w.add("InstanceNormalization", &[value, one, zero], vec![eps]));
    }
    let len = Extent::Fixed(channels / groups.max(1) * pixels);
    let cut = [sizes[0], Extent::Fixed(groups), len];
    let cut_value = reshape(w, value, &sizes, &cut);
    let normal = w.add("InstanceNormalization", &[cut_value, one, zero], vec![eps]);
    Ok(reshape(w, normal, &cut, &sizes))
}

/// (x − mean)·(w/√(var + ε)) + b, as a trained batch norm has it.
pub(super) fn write_batch_norm(w: &mut Writer<'_>, node: &Node) -> Result<Option<ValueRef>> {
    let Some((x, [scale, b, mean, var], eps)) = batch_norm_of(w, node) else { return Ok(None) };
    let inputs = [&x, &scale, &b, &mean, &var].map(|n| w.value(n));
    let inputs = inputs.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(Some(w.add("BatchNormalization", &inputs, vec![Attribute::float("epsilon", eps)])))
}

/// x, [w, b, mean, var] and ε.
fn batch_norm_of(writer: &Writer<'_>, node: &Node) -> Option<(Node, [Node; 4], f64)> {
    let [scaled, b] = binary(node, Line::Add)?;
    let [centred, scale] = binary(&scaled, Line::Mul)?;
    let [x, mean] = binary(&centred, Line::Sub)?;
    if node.shape().rank() < 2 {
        return None;
    }
    let per_channel = |n: &Node| row(writer.trace, n, node.shape(), 1);
    let [w, deviation] = binary(&per_channel(&scale)?, Line::Mul)?;
    let Kind::Pointwise(p) = deviation.kind() else { return None };
    let mut constants = p.expr.lines().iter().filter_map(|line| line.op.constant());
    let eps = constants.find(|&eps| {
        let inverse = |x: Sym| (x + Real::constant(eps)).sqrt().recip();
        *p.expr == Expr::trace(1, |x| vec![inverse(x[0])])
    })?;
    let var = inputs(&deviation).pop()?;
    Some((x, [w, per_channel(&b)?, per_channel(&mean)?, var], eps))
}
