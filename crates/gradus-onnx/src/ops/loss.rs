//! Losses of classes: targets are places along the second axis.

use super::{Op, one};
use crate::call::Call;
use crate::{Error, Result};
use gradus_tensor::{DType, Tensor};

pub(super) const OPS: &[(&str, Op)] = &[
    ("NegativeLogLikelihoodLoss", |c| one(likelihood(c, c.input(0)?)?)),
    ("SoftmaxCrossEntropyLoss", |c| {
        let x = c.input(0)?;
        let log = x.cast(x.dtype().compute()).log_softmax(1).cast(x.dtype());
        Ok(vec![likelihood(c, &log)?, log])
    }),
];

/// −x at each target, weighed by its class; a target that is ignored weighs nothing. A mean is over the weights.
fn likelihood(c: &Call<'_>, x: &Tensor) -> Result<Tensor> {
    let target = c.input(1)?.cast(DType::I64);
    let (shape, classes) = (x.shape(), target.shape());
    let bare: Vec<usize> =
        shape.iter().enumerate().filter(|(a, _)| *a != 1).map(|(_, &n)| n).collect();
    if shape.rank() < 2 || *classes != bare[..] {
        return Err(Error::new(format!("scores {shape}, targets {classes}")));
    }
    let dtype = x.dtype();
    let x = &x.cast(dtype.compute());
    let counted = match c.int_or_none("ignore_index")? {
        Some(ignored) => target.ne(&Tensor::scalar(ignored)),
        None => Tensor::full_of(classes, 1.0, DType::Bool),
    };
    let places = counted.select_where(&target, &target.zeros_like());
    let picked = -x.gather(1, &places.unsqueeze(1)).squeeze(1);
    let weights = match c.optional(2) {
        Some(w) => {
            let flat = w.cast(x.dtype()).index_select(0, &places.reshape([places.len()]));
            flat.reshape(classes)
        }
        None => picked.ones_like(),
    };
    let none = picked.zeros_like();
    let weights = counted.select_where(&weights, &none);
    let losses = counted.select_where(&(picked * &weights), &none);
    let loss = match &*c.text("reduction", "mean")? {
        "none" => losses,
        "sum" => losses.sum(..),
        "mean" => losses.sum(..) / weights.sum(..),
        other => {
            let what = format!("reduction `{other}`; known are none, sum and mean");
            return Err(Error::new(what));
        }
    };
    Ok(loss.cast(dtype))
}
