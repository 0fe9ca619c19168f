//! Means of values, weighed by how well a query goes with each key: y = softmax(scale·q·kᵀ + mask)·v.
//! q [.., L, D]   k [.., S, D]   v [.., S, E]   y [.., L, E]   Vaswani et al. 2017, arXiv:1706.03762, eq. 1
//!
//! The scores [.., L, S] are never held: the kernels make them in blocks, with a running maximum and sum of each row (Milakov &
//! Gimelshein 2018, arXiv:1805.02867), and keep the logarithm of the sum; the backward pass makes them again in blocks (Dao et al. 2022,
//! arXiv:2205.14135). `rule.rs` has the op and its gradient, `expansion.rs` the same in simpler ops, which holds all scores.

mod additive;
#[cfg(test)]
pub(crate) mod cases;
mod cpu;
mod expansion;
mod reference;
mod rule;
#[cfg(test)]
mod tests;

use crate::{DType, Tensor};
use gradus_base::{Error, Result, Shape};
use gradus_graph::call;
use rule::Attend;
use std::sync::Arc;

const OP: &str = "scaled_dot_product_attention";

/// What queries may read, and how their products with keys are scaled.
///
/// ```
/// use gradus_tensor::Attention;
/// let how = Attention::new().causal().scale(0.5);
/// assert!(how.causal && how.mask.is_none());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Attention {
    /// Booleans, false where nothing is read, or floats, which are added to the products; they broadcast to `[.., L, S]`.
    pub mask: Option<Tensor>,
    /// How many keys are there, i64, broadcasting to the leading axes: those behind are not read, whatever they hold.
    pub lengths: Option<Tensor>,
    /// Whether query i reads the keys up to the i-th only.
    pub causal: bool,
    /// What products of queries and keys are multiplied with; 1/√D if nothing is said.
    pub scale: Option<f64>,
}

impl Attention {
    /// Every query reads all keys, at a scale of 1/√D.
    pub fn new() -> Attention {
        Attention::default()
    }
    /// Where to read (booleans), or what to add to the products (floats).
    #[must_use]
    pub fn mask(self, mask: &Tensor) -> Attention {
        Attention { mask: Some(mask.clone()), ..self }
    }
    /// How many keys are there.
    #[must_use]
    pub fn lengths(self, lengths: &Tensor) -> Attention {
        Attention { lengths: Some(lengths.clone()), ..self }
    }
    /// Query i reads the keys up to the i-th only.
    #[must_use]
    pub fn causal(self) -> Attention {
        Attention { causal: true, ..self }
    }
    /// What products of queries and keys are multiplied with.
    #[must_use]
    pub fn scale(self, scale: f64) -> Attention {
        Attention { scale: Some(scale), ..self }
    }
}

impl Tensor {
    /// Means of the rows of `v`, weighed by how well this query goes with each key. Where a mask of booleans is false nothing is read; a
    /// mask of floats is added to the products. A query that may read nothing gets zeros, and has gradients of zeros.
    ///
    /// **Shape** `q [.., L, D]`, `k [.., S, D]`, `v [.., S, E]` → `[.., L, E]`; the leading axes broadcast, a mask to `[.., L, S]`, lengths to
    /// the leading axes. Weights are made in the type that is computed in. A length outside `0..=S` is an error of the run. No more than a
    /// block of the weights is in memory at a time; [`Tensor::attention_weights`] gives them all.
    ///
    /// # Panics
    /// If the shapes do not go together, elements are no floats, a mask is neither of floats nor of booleans, or lengths are not i64.
    ///
    /// ```
    /// use gradus_tensor::{Attention, Tensor};
    /// let q = Tensor::from([[0.0f32, 0.0], [0.0, 0.0]]);
    /// let (k, v) = (Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]), Tensor::from([[2.0f32], [4.0]]));
    /// let y = q.scaled_dot_product_attention(&k, &v, &Attention::new());
    /// assert_eq!(y.to_vec::<f32>(), [3.0, 3.0]); // all keys are alike to a query of zeros
    /// let y = q.scaled_dot_product_attention(&k, &v, &Attention::new().causal());
    /// assert_eq!(y.to_vec::<f32>(), [2.0, 3.0]);
    /// ```
    #[track_caller]
    #[doc(alias("dot_product_attention", "flash_attention"))]
    pub fn scaled_dot_product_attention(&self, k: &Tensor, v: &Tensor, how: &Attention) -> Tensor {
        let lead = match check(OP, self, k, Some(v), how) {
            Ok(lead) => lead,
            Err(e) => return Tensor::refuse(e),
        };
        let (rule, mut inputs) = prepared(self, k, how, &lead);
        inputs.insert(2, over(&v.cast(inputs[0].dtype()), &lead));
        let inputs = inputs.into_iter().map(|x| x.0).collect();
        let [y, _] = call(Arc::new(rule), inputs);
        Tensor(y).cast(self.dtype())
    }

    /// The weights that [`Tensor::scaled_dot_product_attention`] takes means by: softmax(scale·q·kᵀ + mask), each row of sum 1, or zeros
    /// where a query may read nothing. Composed of simpler ops, and held in memory as a whole.
    ///
    /// **Shape** `q [.., L, D]`, `k [.., S, D]` → `[.., L, S]`, as there.
    ///
    /// # Panics
    /// As there.
    ///
    /// ```
    /// use gradus_tensor::{Attention, Tensor};
    /// let (q, k) = (Tensor::from([[0.0f32]]), Tensor::from([[1.0f32], [3.0]]));
    /// assert_eq!(q.attention_weights(&k, &Attention::new()).to_vec::<f32>(), [0.5, 0.5]);
    /// ```
    #[track_caller]
    pub fn attention_weights(&self, k: &Tensor, how: &Attention) -> Tensor {
        let lead = match check(OP, self, k, None, how) {
            Ok(lead) => lead,
            Err(e) => return Tensor::refuse(e),
        };
        let (rule, inputs) = prepared(self, k, how, &lead);
        let parts = rule.parts(&inputs[..2], &inputs[2..]);
        expansion::weights(&rule, &parts).cast(self.dtype())
    }
}

/// The rule, and q, k, the mask and the lengths as it takes them: of one type that is computed in, over the same leading axes.
fn prepared(q: &Tensor, k: &Tensor, how: &Attention, lead: &Shape) -> (Attend, Vec<Tensor>) {
    let wide = q.dtype().compute();
    let scale = how.scale.unwrap_or_else(|| 1.0 / (q.size(-1) as f64).sqrt());
    let mask = how.mask.as_ref().map(|mask| {
        let mask = if mask.dtype() == DType::Bool { mask.clone() } else { mask.cast(wide) };
        mask.broadcast_to(Shape::new(&[lead, &[q.size(-2), k.size(-2)][..]].concat()))
    });
    let lengths = how.lengths.as_ref().map(|lengths| lengths.broadcast_to(*lead));
    let rule =
        Attend { causal: how.causal, scale, mask: mask.is_some(), lengths: lengths.is_some() };
    let both = [q, k].map(|x| over(&x.cast(wide), lead));
    (rule, both.into_iter().chain(mask).chain(lengths).collect())
}

/// Matrices over leading axes.
fn over(x: &Tensor, lead: &Shape) -> Tensor {
    let matrix = &x.shape()[x.rank() - 2..];
    x.broadcast_to(Shape::new(&[lead, matrix].concat()))
}

/// The leading axes that all share.
fn check(op: &str, q: &Tensor, k: &Tensor, v: Option<&Tensor>, how: &Attention) -> Result<Shape> {
    let v = v.unwrap_or(k);
    let [mask, lengths] = [&how.mask, &how.lengths].map(|t| t.as_ref().unwrap_or(q));
    Tensor::sound([q, k, v, mask, lengths])?;
    let (a, b, c) = (q.shape(), k.shape(), v.shape());
    let shapes = || format!("q {a}, k {b}, v {c}");
    let ranks = a.rank() >= 2 && b.rank() >= 2 && c.rank() >= 2;
    if !ranks || q.size(-1) != k.size(-1) || k.size(-2) != v.size(-2) {
        let what = shapes() + "; expected [.., L, D], [.., S, D], [.., S, E]";
        return Err(Error::shape(op, what));
    }
    if let Some(t) = [q, k, v].into_iter().find(|t| !t.dtype().is_float()) {
        return Err(Error::dtype(op, format!("elements are {}; expected floats", t.dtype())));
    }
    let outer = |t: &Tensor| Shape::new(&t.shape()[..t.rank() - 2]);
    let both = Shape::broadcast(&outer(q), &outer(k));
    let Some(lead) = both.and_then(|both| Shape::broadcast(&both, &outer(v))) else {
        return Err(Error::shape(op, shapes() + ": the leading axes do not broadcast"));
    };
    if let Some(mask) = &how.mask {
        if !mask.dtype().is_float() && mask.dtype() != DType::Bool {
            let what = format!("the mask is {}; expected booleans or floats", mask.dtype());
            return Err(Error::dtype(op, what));
        }
        let scores = Shape::new(&[&lead, &[q.size(-2), k.size(-2)][..]].concat());
        if Shape::broadcast(&mask.shape(), &scores) != Some(scores) {
            let what = format!("the mask {} does not broadcast to {scores}", mask.shape());
            return Err(Error::shape(op, what));
        }
    }
    let fits = |lengths: &Tensor| {
        lengths.dtype() == DType::I64 && Shape::broadcast(&lengths.shape(), &lead) == Some(lead)
    };
    if let Some(lengths) = how.lengths.as_ref().filter(|lengths| !fits(lengths)) {
        let found = format!("{} {}", lengths.dtype(), lengths.shape());
        let what = format!("lengths are {found}; expected i64, broadcasting to {lead}");
        return Err(Error::shape(op, what));
    }
    Ok(lead)
}

/// What is wrong with a length, the one of that number among leading axes.
fn outside(len: i64, mut at: usize, lead: &Shape, keys: usize) -> String {
    let mut place = vec![0; lead.rank()];
    for (axis, size) in lead.iter().enumerate().rev() {
        (place[axis], at) = (at % size, at / size);
    }
    format!("length {len} at {} is outside 0..={keys}", Shape::new(&place))
}
