//! Clipping gradients.   Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063 alg. 1

use gradus_tensor::Tensor;

/// A bound on gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias("clip_grad_norm_", "clipnorm", "global_clipnorm"))]
pub enum Clip {
    /// Every element within ±bound.
    Value(f64),
    /// All gradients together scaled so that their joint Euclidean norm is at most this.
    Norm(f64),
}

impl Clip {
    /// The clipped gradients.
    pub fn apply(self, gradients: &[Tensor]) -> Vec<Tensor> {
        match self {
            Clip::Value(bound) => gradients.iter().map(|g| g.clamp(-bound, bound)).collect(),
            Clip::Norm(bound) => {
                let Some(norm) = global_norm(gradients) else { return vec![] };
                let scale = (bound / (norm + 1e-6)).minimum(1.0);
                gradients.iter().map(|g| g * scale.cast(g.dtype())).collect()
            }
        }
    }
}

/// √Σ‖g‖² over all gradients; `None` of none.
pub(super) fn global_norm(gradients: &[Tensor]) -> Option<Tensor> {
    let dtype = gradients.first()?.dtype();
    let squares = gradients.iter().map(|g| g.square().sum(..).cast(dtype));
    squares.reduce(|a, b| a + b).map(|s| s.sqrt())
}
