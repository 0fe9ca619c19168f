//! Attention in several heads.   x [B, T, F]   W [F, F]   y [B, T, F]
//!
//! Each head has F/heads of the features of queries, keys and values.   Vaswani et al. 2017, arXiv:1706.03762 §3.2.2

use crate::layers::{Dense, Dropout, dense, dropout};
use crate::refused::refused;
use crate::{Config, Context, Init, Layer, Module, Padding, Spec, State, Takes, Visitor};
use gradus_base::{Error, Result, Shape};
use gradus_tensor::{Attention, DType, Tensor};
use std::sync::Arc;

/// Describes attention of each place to all, in so many heads, with projections of queries, keys, values and of what comes out:
/// `[B, T, F]` → `[B, T, F]`. Places behind a sequence's length are not read.   Vaswani et al. 2017, arXiv:1706.03762 §3.2.2
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*, parameters};
/// let model = Sequential::new([5, 8], &Init::new(0)).add(multi_head_attention(2).causal());
/// let names: Vec<String> = parameters(&model).into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names[..2], ["attention1.q_proj.weight", "attention1.q_proj.bias"]);
/// assert_eq!(model.summary().parameters, 4 * (8 * 8 + 8));
/// ```
#[doc(alias("MultiheadAttention", "MultiHeadAttention", "self_attention"))]
pub fn multi_head_attention(heads: usize) -> MultiHeadAttentionConfig {
    MultiHeadAttentionConfig { heads, bias: true, causal: false, dropout: 0.0 }
}

/// The description of a [`MultiHeadAttention`].
#[derive(Clone, Copy, Debug)]
pub struct MultiHeadAttentionConfig {
    heads: usize,
    bias: bool,
    causal: bool,
    dropout: f64,
}

impl MultiHeadAttentionConfig {
    /// With or without biases of the four projections.
    #[must_use]
    pub fn bias(self, bias: bool) -> Self {
        MultiHeadAttentionConfig { bias, ..self }
    }
    /// Each place reads those up to its own only.
    #[must_use]
    pub fn causal(self) -> Self {
        MultiHeadAttentionConfig { causal: true, ..self }
    }
    /// While training, weights are dropped with this probability; 0 by default. All weights of a batch are then in memory.
    #[must_use]
    pub fn dropout(self, p: f64) -> Self {
        MultiHeadAttentionConfig { dropout: p, ..self }
    }
    /// Builds the layer for so many features.
    ///
    /// # Panics
    /// If they do not divide into the heads.
    #[track_caller]
    pub fn build(&self, features: usize, init: &Init) -> MultiHeadAttention {
        if let Err(e) = self.check(features) {
            gradus_tensor::report(e);
        }
        let projection = || dense(features).bias(self.bias).build(features, init);
        let [q_proj, k_proj, v_proj, out_proj] = [(); 4].map(|()| projection());
        MultiHeadAttention {
            q_proj,
            k_proj,
            v_proj,
            out_proj,
            heads: self.heads,
            causal: self.causal,
            dropout: dropout(self.dropout),
        }
    }

    fn check(&self, features: usize) -> Result<()> {
        if self.heads == 0 || features == 0 || !features.is_multiple_of(self.heads) {
            let what = format!(
                "{features} features in {} heads; expected a multiple of the heads",
                self.heads
            );
            return Err(Error::shape(NAME, what));
        }
        Ok(())
    }
}

const NAME: &str = "multi_head_attention";

impl Config for MultiHeadAttentionConfig {
    fn name(&self) -> &'static str {
        "attention"
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        match features(NAME, input.shape)
            .and_then(|features| self.check(features).map(|()| features))
        {
            Ok(features) => Arc::new(MultiHeadAttentionConfig::build(&self, features, init)),
            Err(e) => refused(e),
        }
    }
}

/// The features of sequences [T, F].
pub(super) fn features(op: &str, input: Shape) -> Result<usize> {
    match input[..] {
        [_, features] => Ok(features),
        _ => Err(Error::shape(op, format!("the input is {input}, expected [places, features]"))),
    }
}

/// Attention in several heads. As a [`Layer`] every place attends to those of its own sequence; [`MultiHeadAttention::attend`] reads
/// another.
#[derive(Clone, Debug)]
pub struct MultiHeadAttention {
    /// The projection of queries.
    pub q_proj: Dense,
    /// The projection of keys.
    pub k_proj: Dense,
    /// The projection of values.
    pub v_proj: Dense,
    /// The projection of what the heads give.
    pub out_proj: Dense,
    heads: usize,
    causal: bool,
    dropout: Dropout,
}

/// The keys and values of places that were seen, for [`MultiHeadAttention::step`]: room for a fixed number of them, so that a compiled
/// step is planned once.
#[derive(Clone, Debug)]
pub struct Cache {
    /// `[B, heads, places, F/heads]`
    pub keys: Tensor,
    /// `[B, heads, places, F/heads]`
    pub values: Tensor,
    /// How many places each sequence has seen, i64 `[B]`.
    pub lengths: Tensor,
}

impl MultiHeadAttention {
    /// What the queries of `x` find in `memory`, whose lengths ([`Context::set_lengths`]) say how far it is read: `x [B, T, F]`,
    /// `memory [B, S, F]` → `[B, T, F]`. A mask or a scale of `how` comes on top of what the layer was described with.
    ///
    /// ```
    /// use gradus_nn::{Context, Init, layers::multi_head_attention};
    /// use gradus_tensor::{Attention, Tensor};
    /// let layer = multi_head_attention(2).build(4, &Init::new(0));
    /// let (x, memory) = (Tensor::ones([1, 3, 4]), Tensor::ones([1, 7, 4]));
    /// let y = layer.attend(&x, &memory, &Attention::new(), &Context::eval());
    /// assert_eq!(y.shape().to_string(), "[1, 3, 4]");
    /// ```
    ///
    /// # Panics
    /// If the shapes do not go together.
    #[track_caller]
    pub fn attend(&self, x: &Tensor, memory: &Tensor, how: &Attention, cx: &Context) -> Tensor {
        for t in [x, memory] {
            if let Err(e) = self.fits(t) {
                return Tensor::refuse(e);
            }
        }
        let q = self.cut(&cx.run("q_proj", &self.q_proj, x));
        let k = self.cut(&cx.run("k_proj", &self.k_proj, memory));
        let v = self.cut(&cx.run("v_proj", &self.v_proj, memory));
        let lengths = cx.lengths(memory).map(|lengths| lengths.unsqueeze(1)); // [B, 1]
        let how = Attention { causal: how.causal || self.causal, lengths, ..how.clone() };
        let y = match cx.is_training() && self.dropout.is_on() {
            true => {
                let weights = cx.run("dropout", &self.dropout, &q.attention_weights(&k, &how));
                weights.matmul(&v)
            }
            false => q.scaled_dot_product_attention(&k, &v, &how),
        };
        let y = cx.run("out_proj", &self.out_proj, &self.joined(&y));
        cx.lengths(x).inspect(|lengths| cx.set_lengths(&y, lengths));
        y
    }

    /// Room for the keys and values of so many places of each of `batch` sequences, of which none was seen.
    #[track_caller]
    pub fn cache(&self, batch: usize, places: usize) -> Cache {
        let weight = self.q_proj.weight.variable();
        let shape = [batch, self.heads, places, weight.shape()[1] / self.heads];
        let none = Tensor::full_of(shape, 0.0, weight.dtype());
        Cache {
            keys: none.clone(),
            values: none,
            lengths: Tensor::full_of([batch], 0.0, DType::I64),
        }
    }

    /// One place more of each sequence, for generation: what it finds in those that were seen and in itself, and the cache with it.
    /// `x [B, 1, F]` → `[B, 1, F]`. Place after place it gives what a causal layer gives for the whole. A step beyond the room of the
    /// cache is an error of the run.
    ///
    /// ```
    /// use gradus_nn::{Context, Init, layers::multi_head_attention};
    /// use gradus_tensor::Tensor;
    /// let layer = multi_head_attention(2).build(4, &Init::new(0));
    /// let cx = Context::eval();
    /// let (y, cache) = layer.step(&Tensor::ones([1, 1, 4]), &layer.cache(1, 10), &cx);
    /// let (again, cache) = layer.step(&Tensor::ones([1, 1, 4]), &cache, &cx);
    /// assert_eq!(cache.lengths.to_vec::<i64>(), [2]);
    /// assert_eq!(y.to_vec::<f32>(), again.to_vec::<f32>()); // the mean of two equal values
    /// ```
    ///
    /// # Panics
    /// If the shapes do not go together.
    #[track_caller]
    pub fn step(&self, x: &Tensor, cache: &Cache, cx: &Context) -> (Tensor, Cache) {
        if let Err(e) = self.fits(x).and_then(|()| self.fits_cache(x, cache)) {
            return (Tensor::refuse(e), cache.clone());
        }
        let q = self.cut(&cx.run("q_proj", &self.q_proj, x)); // [B, H, 1, F/H]
        let k = self.cut(&cx.run("k_proj", &self.k_proj, x));
        let v = self.cut(&cx.run("v_proj", &self.v_proj, x));
        let places = cache.keys.size(2);
        let numbers: Vec<i64> = (0..places as i64).collect();
        let here = Tensor::from_slice(&numbers, [1, places]).eq(&cache.lengths.unsqueeze(1));
        let here = here.unsqueeze(1).unsqueeze(-1).broadcast_to(cache.keys.shape()); // [B, H, S, F/H]
        let with =
            |new: &Tensor, old: &Tensor| here.select_where(&new.broadcast_to(old.shape()), old);
        let cache = Cache {
            keys: with(&k, &cache.keys),
            values: with(&v, &cache.values),
            lengths: &cache.lengths + 1,
        };
        let how = Attention::new().lengths(&cache.lengths.unsqueeze(1));
        let y = q.scaled_dot_product_attention(&cache.keys, &cache.values, &how);
        (cx.run("out_proj", &self.out_proj, &self.joined(&y)), cache)
    }

    /// [B, T, F] as [B, heads, T, F/heads].
    fn cut(&self, x: &Tensor) -> Tensor {
        let s = x.shape();
        x.reshape([s[0], s[1], self.heads, s[2] / self.heads]).permute([0, 2, 1, 3])
    }

    /// [B, heads, T, F/heads] as [B, T, F].
    fn joined(&self, y: &Tensor) -> Tensor {
        let s = y.shape();
        y.permute([0, 2, 1, 3]).reshape([s[0], s[2], s[1] * s[3]])
    }

    fn fits(&self, x: &Tensor) -> Result<()> {
        let own = self.q_proj.weight.variable().shape()[0];
        if let Some(mistake) = x.mistake() {
            return Err(mistake.clone());
        }
        if x.rank() != 3 || x.size(2) != own {
            let what = format!("the input is {}, expected [B, places, {own}]", x.shape());
            return Err(Error::shape(NAME, what));
        }
        Ok(())
    }

    fn fits_cache(&self, x: &Tensor, cache: &Cache) -> Result<()> {
        let batch = x.size(0);
        if x.size(1) != 1 || cache.keys.size(0) != batch || cache.lengths.shape()[..] != [batch] {
            let what = format!(
                "a step takes [B, 1, features] and a cache of B sequences; found {} and a cache of {}",
                x.shape(),
                cache.keys.size(0)
            );
            return Err(Error::shape(NAME, what));
        }
        Ok(())
    }
}

impl Module for MultiHeadAttention {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("q_proj", State::Child(&self.q_proj));
        visitor("k_proj", State::Child(&self.k_proj));
        visitor("v_proj", State::Child(&self.v_proj));
        visitor("out_proj", State::Child(&self.out_proj));
    }
}

impl Layer for MultiHeadAttention {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        self.attend(x, x, &Attention::new(), cx)
    }
    fn takes(&self) -> Takes {
        self.q_proj.takes()
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Known
    }
    fn describe(&self) -> String {
        format!("MultiHeadAttention({})", self.heads)
    }
    /// Four projections, and two products with each of T² weights.
    fn macs(&self, input: &Shape, _: &Shape) -> u64 {
        match input[..] {
            [places, features] => (places * features * (4 * features + 2 * places)) as u64,
            _ => 0,
        }
    }
}
