//! Attention by a small network in place of products: y = softmax(Σ_h w·tanh(q + k) + mask)·v, composed of simpler ops.
//! q [.., L, H]   k [.., S, H]   v [.., S, E]   w [H]   y [.., L, E]   Bahdanau, Cho & Bengio 2014, arXiv:1409.0473, A.1.2

use super::{Attention, check, expansion, over, prepared};
use crate::Tensor;
use gradus_base::Error;

const OP: &str = "additive_attention";

impl Tensor {
    /// Means of the rows of `v`, weighed by how well this query goes with each key, as a hidden layer of H units tells it: its weights for
    /// queries and keys are in `q` and `k` already, `w` are those of its output. A query that may read nothing gets zeros. A scale is 1 unless
    /// one is given.
    ///
    /// **Shape** `q [.., L, H]`, `k [.., S, H]`, `v [.., S, E]`, `w [H]` → `[.., L, E]`, with masks and lengths as in
    /// [`Tensor::scaled_dot_product_attention`]. Composed: where gradients are asked for, all hidden units `[.., L, S, H]` are held.
    ///
    /// # Panics
    /// If the shapes do not go together, elements are no floats, a mask is neither of floats nor of booleans, or lengths are not i64.
    ///
    /// ```
    /// use gradus_tensor::{Attention, Tensor};
    /// let (q, k) = (Tensor::from([[0.0f32]]), Tensor::from([[1.0f32], [1.0]]));
    /// let (v, w) = (Tensor::from([[2.0f32], [4.0]]), Tensor::from([5.0f32]));
    /// assert_eq!(q.additive_attention(&k, &v, &w, &Attention::new()).to_vec::<f32>(), [3.0]);
    /// ```
    #[track_caller]
    #[doc(alias("AdditiveAttention", "Bahdanau"))]
    pub fn additive_attention(
        &self,
        k: &Tensor,
        v: &Tensor,
        w: &Tensor,
        how: &Attention,
    ) -> Tensor {
        let lead = match check(OP, self, k, Some(v), how) {
            Ok(lead) => lead,
            Err(e) => return Tensor::refuse(e),
        };
        if w.shape()[..] != [self.size(-1)] {
            let what = format!("w is {}; expected [{}], as q and k", w.shape(), self.size(-1));
            return Tensor::refuse(Error::shape(OP, what));
        }
        let how = Attention { scale: how.scale.or(Some(1.0)), ..how.clone() };
        let (rule, inputs) = prepared(self, k, &how, &lead);
        let parts = rule.parts(&inputs[..2], &inputs[2..]);
        let hidden = (parts.q.unsqueeze(-2) + parts.k.unsqueeze(-3)).tanh(); // [.., L, S, H]
        let w = w.cast(hidden.dtype()) * rule.scale;
        let scores = (hidden * w).sum(-1); // [.., L, S]
        let bias = expansion::bias(&rule, &parts, scores.shape());
        let weights = expansion::shares(&scores, bias.as_ref());
        weights.matmul(&over(&v.cast(weights.dtype()), &lead)).cast(self.dtype())
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::check;
    use crate::{Attention, DType, Tensor, try_build};
    use gradus_testkit::{Array, Species};

    #[test]
    fn additive_attention() {
        let case = check("additive_attention", |x| {
            let how = Attention::new().lengths(&x[4]);
            x[0].additive_attention(&x[1], &x[2], &x[3], &how)
        });
        let case = case.input([2, 3, 4], -1.0..1.0).input([2, 5, 4], -1.0..1.0);
        let case = case.input([2, 5, 2], -1.0..1.0).input([4], -1.0..1.0);
        let case = case.typed([2], DType::I64, 1..6).species(Species::Kernel).empty_axis(None);
        let case = case.oracle_of(|x| {
            Array::from_fn([2, 3, 2], |at| {
                let (n, i) = (at[0], at[1]);
                let unit = |j: usize, h: usize| {
                    (x[0].at(&[n, i, h]) + x[1].at(&[n, j, h])).tanh() * x[3].values[h]
                };
                let score = |j: usize| (0..4).map(|h| unit(j, h)).sum::<f64>().exp();
                let keys = 0..x[4].values[n] as usize;
                let sum: f64 = keys.clone().map(score).sum();
                keys.map(|j| score(j) / sum * x[2].at(&[n, j, at[2]])).sum()
            })
        });
        case.run();
    }

    #[test]
    fn bad_weights_are_named() {
        let (q, w) = (Tensor::ones([3, 4]), Tensor::ones([3]));
        let e = try_build(|| q.additive_attention(&q, &q, &w, &Attention::new())).unwrap_err();
        let want = "additive_attention: w is [3]; expected [4], as q and k";
        assert!(e.to_string().starts_with(want), "{e}");
    }
}
