//! The operators, by family. Each family lists its own; [`operators`] lists all.

mod attention;
mod casts;
mod control;
mod convolution;
mod indexing;
mod linear;
mod loss;
mod moving;
mod normal;
mod pointwise;
mod pool;
mod quantize;
mod recurrent;
mod reduce;
mod resize;
mod sequence;
mod shape;
mod signal;
mod spatial;

pub(crate) use reduce::write as write_reduce;

use crate::Result;
use crate::call::Call;
use crate::export::{RuleUse, ValueRef, Writer};
use crate::scope::Value;
use gradus_graph::Node;
use gradus_tensor::Tensor;

/// Builds an operator's outputs.
pub(crate) type Op = fn(&Call<'_>) -> Result<Vec<Tensor>>;

const FAMILIES: [&[(&str, Op)]; 17] = [
    pointwise::OPS,
    shape::OPS,
    moving::OPS,
    reduce::OPS,
    linear::OPS,
    convolution::OPS,
    pool::OPS,
    normal::OPS,
    resize::OPS,
    attention::OPS,
    casts::OPS,
    indexing::OPS,
    loss::OPS,
    quantize::OPS,
    recurrent::OPS,
    signal::OPS,
    spatial::OPS,
];

/// Builds an operator's outputs where inputs or outputs are no tensors, or graphs belong to it.
pub(crate) type ValueOp = fn(&Call<'_>) -> Result<Vec<Value>>;

const VALUE_FAMILIES: [&[(&str, ValueOp)]; 2] = [control::OPS, sequence::OPS];

/// An operator that is known.
#[derive(Clone, Copy)]
pub(crate) enum Known {
    /// Of tensors alone.
    Tensors(Op),
    /// Of anything.
    Values(ValueOp),
}

pub(crate) fn lookup(op: &str) -> Option<Known> {
    let tensors = FAMILIES.iter().flat_map(|f| f.iter()).find(|(name, _)| *name == op);
    let values = || VALUE_FAMILIES.iter().flat_map(|f| f.iter()).find(|(name, _)| *name == op);
    match tensors {
        Some((_, op)) => Some(Known::Tensors(*op)),
        None => values().map(|(_, op)| Known::Values(*op)),
    }
}

/// Writes a use of a rule as operators; gives the value of its (first) output.
pub(crate) type Export = fn(&mut Writer<'_>, &RuleUse<'_>) -> Result<ValueRef>;

const EXPORTS: [&[(&str, Export)]; 7] = [
    attention::EXPORTS,
    moving::EXPORTS,
    convolution::EXPORTS,
    linear::EXPORTS,
    pool::EXPORTS,
    normal::EXPORTS,
    pointwise::EXPORTS,
];

/// How a rule is written.
pub(crate) fn export(rule: &str) -> Option<Export> {
    EXPORTS.iter().flat_map(|f| f.iter()).find(|(name, _)| *name == rule).map(|(_, e)| *e)
}

/// Writes a pointwise node and some that it is made of as one operator, if they amount to it.
pub(crate) type Pattern = fn(&mut Writer<'_>, &Node) -> Result<Option<ValueRef>>;

/// Several nodes that are one operator.
pub(crate) fn patterns() -> [Pattern; 4] {
    [normal::write_batch_norm, convolution::write_biased, linear::write_gemm, reduce::write_mean]
}

/// The names of all operators that are known, in order.
///
/// ```
/// assert!(gradus_onnx::operators().contains(&"Conv"));
/// ```
pub fn operators() -> Vec<&'static str> {
    let tensors = FAMILIES.iter().flat_map(|f| f.iter()).map(|(name, _)| *name);
    let values = VALUE_FAMILIES.iter().flat_map(|f| f.iter()).map(|(name, _)| *name);
    let mut names: Vec<_> = tensors.chain(values).collect();
    names.sort_unstable();
    names
}

/// One output.
fn one(y: Tensor) -> Result<Vec<Tensor>> {
    Ok(vec![y])
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operator_is_listed_once() {
        let names = super::operators();
        assert!(names.windows(2).all(|w| w[0] < w[1]), "{names:?}");
    }
}
