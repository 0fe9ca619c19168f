//! Matrix products.

use super::{Export, Op, one};
use crate::call::Call;
use crate::export::{ValueRef, Writer, behind, binary, row, rule_use};
use crate::{Error, Result};
use gradus_base::expr::Op as Line;
use gradus_graph::{Node, ViewOp};
use gradus_io::onnx::Attribute;
use gradus_tensor::{DType, Shape, Tensor};

pub(super) const OPS: &[(&str, Op)] = &[
    ("Det", det),
    ("Einsum", |c| one(Tensor::einsum(&c.text("equation", "")?, &c.all()?))),
    ("Gemm", gemm),
    ("MatMul", |c| one(c.input(0)?.matmul(c.input(1)?))),
];

pub(super) const EXPORTS: &[(&str, Export)] = &[("matmul", |w, call| {
    let [a, b] = [w.value(&call.input(0))?, w.value(&call.input(1))?];
    Ok(w.add("MatMul", &[a, b], vec![]))
})];

/// Determinants of the matrices in the last two axes, by elimination of the columns one after the other; the matrices must be known
/// while the graph is built.
fn det(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let n = x.shape().last().copied().unwrap_or(0);
    if x.rank() < 2 || x.size(-2) != n {
        return Err(Error::new(format!("input {}; expected square matrices", x.shape())));
    }
    let values = x.cast(DType::F64).try_to_vec::<f64>()?;
    let count: usize = x.shape()[..x.rank() - 2].iter().product();
    let dets: Vec<f64> =
        (0..count).map(|i| determinant(&values[i * n * n..][..n * n], n)).collect();
    one(Tensor::from_slice(&dets, Shape::new(&x.shape()[..x.rank() - 2])).cast(x.dtype()))
}

fn determinant(matrix: &[f64], n: usize) -> f64 {
    let mut m = matrix.to_vec();
    let mut product = 1.0;
    for k in 0..n {
        let pivot = (k..n).max_by(|&a, &b| m[a * n + k].abs().total_cmp(&m[b * n + k].abs()));
        let pivot = pivot.unwrap_or(k);
        if m[pivot * n + k] == 0.0 {
            return 0.0;
        }
        if pivot != k {
            (0..n).for_each(|j| m.swap(pivot * n + j, k * n + j));
            product = -product;
        }
        product *= m[k * n + k];
        for i in k + 1..n {
            let factor = m[i * n + k] / m[k * n + k];
            (k..n).for_each(|j| m[i * n + j] -= factor * m[k * n + j]);
        }
    }
    product
}

/// α·A·B + β·C, A and B perhaps transposed.
fn gemm(c: &Call<'_>) -> Result<Vec<Tensor>> {
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

/// A product of matrices plus a number per column. A matrix that is turned before is named as it was.
pub(super) fn write_gemm(w: &mut Writer<'_>, node: &Node) -> Result<Option<ValueRef>> {
    let Some([y, bias]) = binary(node, Line::Add) else { return Ok(None) };
    if y.name() != "matmul" || y.shape().rank() != 2 || !w.trace.read_once(&y) {
        return Ok(None);
    }
    let Some(call) = rule_use(&y) else { return Ok(None) };
    let Some(bias) = row(w.trace, &bias, y.shape(), 1) else { return Ok(None) };
    let b = call.input(1);
    let turned = behind(&b, |view| matches!(view, ViewOp::Permute(_)));
    let turns = turned.id() != b.id() && turned.shape() != b.shape();
    let b = if turns { turned } else { b };
    let inputs = [w.value(&call.input(0))?, w.value(&b)?, w.value(&bias)?];
    let attributes = if turns { vec![Attribute::int("transB", 1)] } else { vec![] };
    Ok(Some(w.add("Gemm", &inputs, attributes)))
}
