//! scaled_dot_product_attention, composed of products and a softmax.   q [.., L, D], k [.., S, D], v [.., S, E] -> [.., L, E]
//!
//! softmax(q·kᵀ·scale + mask)·v   Vaswani et al. 2017, arXiv:1706.03762, eq. 1

use crate::{DType, Tensor};
use gradus_base::{Error, Result};

impl Tensor {
    /// Means of the rows of `v`, weighed by how well this query goes with each key. Where `mask` is false nothing is read; a mask of
    /// floats is added to the products. With `causal`, query i reads the keys up to the i-th. A query that may read nothing gets zeros.
    ///
    /// **Shape** `q [.., L, D]`, `k [.., S, D]`, `v [.., S, E]`, mask broadcasting to `[.., L, S]` → `[.., L, E]`. The scale is 1/√D
    /// unless one is given. Weights are made in the type that is computed in.
    ///
    /// # Panics
    /// If the shapes do not go together, elements are no floats, or the mask is neither of floats nor of booleans.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let q = Tensor::from([[0.0f32, 0.0]]);
    /// let (k, v) = (Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]), Tensor::from([[2.0f32], [4.0]]));
    /// let y = q.scaled_dot_product_attention(&k, &v, None, false, None);
    /// assert_eq!(y.to_vec::<f32>(), [3.0]); // all keys are alike to a query of zeros
    /// ```
    #[track_caller]
    pub fn scaled_dot_product_attention(
        &self,
        k: &Tensor,
        v: &Tensor,
        mask: Option<&Tensor>,
        causal: bool,
        scale: Option<f64>,
    ) -> Tensor {
        if let Err(e) = check(self, k, v, mask) {
            return Tensor::refuse(e);
        }
        let wide = self.dtype().compute();
        let scale = scale.unwrap_or_else(|| 1.0 / (self.size(-1) as f64).sqrt());
        let scores = (self.cast(wide) * scale).matmul(&k.cast(wide).transpose(-1, -2));
        let shape = scores.shape();
        let bias = mask.map(|mask| match mask.dtype() {
            DType::Bool => allowed(mask, wide),
            _ => mask.cast(wide),
        });
        let causal = causal.then(|| allowed(&lower(self.size(-2), k.size(-2)), wide));
        let bias = match (bias, causal) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        let weights = match bias {
            None => scores.softmax(-1),
            Some(bias) => masked_softmax(&scores, &bias.broadcast_to(shape)),
        };
        weights.matmul(&v.cast(wide)).cast(self.dtype())
    }
}

/// 0 where a mask is true, −∞ where it is not.
fn allowed(mask: &Tensor, dtype: DType) -> Tensor {
    let zero = Tensor::full_of(mask.shape(), 0.0, dtype);
    mask.select_where(&zero, &zero.full_like(f64::NEG_INFINITY))
}

/// [L, S], true where the column is at most the row.
fn lower(rows: usize, columns: usize) -> Tensor {
    let row = |n: usize| Tensor::from_slice(&(0..n as i64).collect::<Vec<_>>(), [n]);
    row(columns).unsqueeze(0).le(&row(rows).unsqueeze(1))
}

/// softmax(scores + bias) along the last axis; where all of the bias is −∞ zeros, and their gradients too.
pub(crate) fn masked_softmax(scores: &Tensor, bias: &Tensor) -> Tensor {
    let open = bias.gt(f64::NEG_INFINITY);
    let none = open.any(-1).logical_not().unsqueeze(-1).broadcast_to(scores.shape());
    let biased = none.select_where(&scores.zeros_like(), &(scores + bias));
    none.select_where(&scores.zeros_like(), &biased.softmax(-1))
}

fn check(q: &Tensor, k: &Tensor, v: &Tensor, mask: Option<&Tensor>) -> Result<()> {
    const OP: &str = "scaled_dot_product_attention";
    Tensor::sound([q, k, v])?;
    let (a, b, c) = (q.shape(), k.shape(), v.shape());
    let ranks = a.rank() >= 2 && b.rank() >= 2 && c.rank() >= 2;
    if !ranks || q.size(-1) != k.size(-1) || k.size(-2) != v.size(-2) {
        return Err(Error::shape(OP, format!("q {a}, k {b}, v {c}")));
    }
    if let Some(t) = [q, k, v].into_iter().find(|t| !t.dtype().is_float()) {
        return Err(Error::dtype(OP, format!("elements are {}; expected floats", t.dtype())));
    }
    match mask {
        Some(mask) if !mask.dtype().is_float() && mask.dtype() != DType::Bool => {
            let what = format!("the mask is {}; expected booleans or floats", mask.dtype());
            Err(Error::dtype(OP, what))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check;
    use crate::{grad, try_build};
    use gradus_testkit::{Array, Species};

    #[test]
    fn scaled_dot_product_attention() {
        let case = check("scaled_dot_product_attention", |x| {
            x[0].scaled_dot_product_attention(&x[1], &x[2], None, true, None)
        });
        let case = case.input([2, 3, 4], -1.0..1.0).input([2, 5, 4], -1.0..1.0);
        let case = case.input([2, 5, 2], -1.0..1.0).species(Species::Reduction).empty_axis(None);
        let case = case.oracle_of(|x| {
            Array::from_fn([2, 3, 2], |at| {
                let (n, i) = (at[0], at[1]);
                let score = |j: usize| {
                    let dot =
                        (0..4).map(|d| x[0].at(&[n, i, d]) * x[1].at(&[n, j, d])).sum::<f64>();
                    (dot / 2.0).exp()
                };
                let sum: f64 = (0..=i).map(score).sum();
                (0..=i).map(|j| score(j) / sum * x[2].at(&[n, j, at[2]])).sum()
            })
        });
        case.run();
    }

    #[test]
    fn queries_that_may_read_nothing_get_zeros_and_no_gradient() {
        let q = Tensor::from([[1.0f64, -2.0], [0.5, 1.0]]);
        let mask = Tensor::from([[false, false], [true, false]]);
        let v = Tensor::from([[3.0f64], [5.0]]);
        let y = q.scaled_dot_product_attention(&q, &v, Some(&mask), false, None);
        assert_eq!(y.to_vec::<f64>(), [0.0, 3.0]);
        let [dq] = grad(&y.sum(..), [&q]);
        assert!(dq.to_vec::<f64>().iter().all(|x| x.is_finite()));
        let e = try_build(|| q.scaled_dot_product_attention(&v, &v, None, false, None));
        let e = e.unwrap_err().to_string();
        assert!(e.starts_with("scaled_dot_product_attention: q [2, 2], k [2, 1], v [2, 1]"), "{e}");
    }
}
