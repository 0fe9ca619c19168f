//! Matrix products.

use super::{Op, one};
use crate::Result;
use crate::call::Call;

pub(super) const OPS: &[(&str, Op)] =
    &[("Gemm", gemm), ("MatMul", |c| one(c.input(0)?.matmul(c.input(1)?)))];

/// α·A·B + β·C, A and B perhaps transposed.
fn gemm(c: &Call<'_>) -> Result<Vec<gradus_tensor::Tensor>> {
    let turned = |i: usize, flag: &str| -> Result<_> {
        let x = c.input(i)?;
        Ok(if c.int(flag, 0)? == 0 { x.clone() } else { x.t() })
    };
    let product = turned(0, "transA")?.matmul(&turned(1, "transB")?);
    let (alpha, beta) = (c.float("alpha", 1.0)?, c.float("beta", 1.0)?);
    let product = if alpha == 1.0 { product } else { product * alpha };
    one(match c.optional(2) {
        None => product,
        Some(bias) if beta == 1.0 => product + bias,
        Some(bias) => product + bias * beta,
    })
}
