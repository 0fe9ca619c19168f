//! The operators, by family. Each family lists its own; [`operators`] lists all.

mod convolution;
mod linear;
mod moving;
mod normal;
mod pointwise;
mod pool;
mod reduce;
mod resize;
mod shape;

use crate::Result;
use crate::call::Call;
use gradus_tensor::Tensor;

/// Builds an operator's outputs.
pub(crate) type Op = fn(&Call<'_>) -> Result<Vec<Tensor>>;

const FAMILIES: [&[(&str, Op)]; 9] = [
    pointwise::OPS,
    shape::OPS,
    moving::OPS,
    reduce::OPS,
    linear::OPS,
    convolution::OPS,
    pool::OPS,
    normal::OPS,
    resize::OPS,
];

pub(crate) fn lookup(op: &str) -> Option<Op> {
    FAMILIES.iter().flat_map(|f| f.iter()).find(|(name, _)| *name == op).map(|(_, op)| *op)
}

/// The names of all operators that are known, in order.
///
/// ```
/// assert!(gradus_onnx::operators().contains(&"Conv"));
/// ```
pub fn operators() -> Vec<&'static str> {
    let mut names: Vec<_> = FAMILIES.iter().flat_map(|f| f.iter()).map(|(name, _)| *name).collect();
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
