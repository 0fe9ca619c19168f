//! Transformers: attention and a network for each place, each with what it was given added and normalised.   x [B, T, F]   y as x
//! Vaswani et al. 2017, arXiv:1706.03762 §3.1; the norm before instead of behind: Xiong et al. 2020, arXiv:2002.04745

use super::attention::features;
use crate::layers::{
    Activation, Dense, Dropout, MultiHeadAttention, MultiHeadAttentionConfig, Norm, dense, dropout,
    layer_norm, multi_head_attention, relu,
};
use crate::refused::refused;
use crate::{Config, Context, Init, Layer, Module, Padding, Spec, State, Takes, Visitor};
use gradus_base::Shape;
use gradus_tensor::{Attention, Tensor};
use std::sync::Arc;

/// Describes a layer of an encoder: attention in so many heads, and a network of `hidden` units for each place:
/// `[B, T, F]` → `[B, T, F]`. As in the paper, and in PyTorch, dropout is 0.1, the function ReLU, and norms come behind the sums.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*};
/// let model = Sequential::new([5, 8], &Init::new(0))
///     .add(sinusoidal_positions())
///     .add(transformer_encoder_layer(2, 16).activation(gelu()).norm_first())
///     .add(layer_norm());
/// assert_eq!(model.output_spec().shape.to_string(), "[5, 8]");
/// ```
#[doc(alias("TransformerEncoderLayer", "transformer"))]
pub fn transformer_encoder_layer(heads: usize, hidden: usize) -> TransformerConfig {
    let activation = relu();
    let (causal, norm_first) = (false, false);
    TransformerConfig { heads, hidden, dropout: 0.1, activation, eps: 1e-5, norm_first, causal }
}

/// Describes so many layers of an encoder, one after the other: `[B, T, F]` → `[B, T, F]`. Where norms come first, one more ends them.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*, parameters};
/// let layer = transformer_encoder_layer(2, 16).norm_first();
/// let model = Sequential::new([5, 8], &Init::new(0)).add(transformer_encoder(3, layer));
/// let names: Vec<String> = parameters(&model).into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names[0], "encoder1.layers.0.self_attn.q_proj.weight");
/// assert_eq!(names[names.len() - 1], "encoder1.norm.bias");
/// ```
#[doc(alias = "TransformerEncoder")]
pub fn transformer_encoder(count: usize, layer: TransformerConfig) -> TransformerEncoderConfig {
    TransformerEncoderConfig { count, layer }
}

/// The description of a layer of a transformer: as a [`Config`] that of an encoder; [`TransformerConfig::decoder`] builds one that reads
/// another sequence, too.
#[derive(Clone, Copy, Debug)]
pub struct TransformerConfig {
    heads: usize,
    hidden: usize,
    dropout: f64,
    activation: Activation,
    eps: f64,
    norm_first: bool,
    causal: bool,
}

impl TransformerConfig {
    /// While training, weights of attention, hidden units and what is added are dropped with this probability.
    #[must_use]
    pub fn dropout(self, p: f64) -> Self {
        TransformerConfig { dropout: p, ..self }
    }
    /// The function of the hidden units.
    #[must_use]
    pub fn activation(self, activation: Activation) -> Self {
        TransformerConfig { activation, ..self }
    }
    /// ε of the norms.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        TransformerConfig { eps, ..self }
    }
    /// Norms come before attention and network, not behind the sums.
    #[must_use]
    pub fn norm_first(self) -> Self {
        TransformerConfig { norm_first: true, ..self }
    }
    /// Each place reads those up to its own only, as where the next one is to be told. A decoder's always do.
    #[must_use]
    pub fn causal(self) -> Self {
        TransformerConfig { causal: true, ..self }
    }

    /// Builds the layer of an encoder for so many features.
    ///
    /// # Panics
    /// If they do not divide into the heads.
    #[track_caller]
    pub fn encoder(&self, features: usize, init: &Init) -> TransformerEncoderLayer {
        let attention = self.attention();
        let attention = if self.causal { attention.causal() } else { attention };
        TransformerEncoderLayer {
            self_attn: attention.build(features, init),
            network: self.network(features, init),
            norm1: self.norm(features, init),
            norm2: self.norm(features, init),
            each: self.each(),
        }
    }

    /// Builds so many layers of a decoder for so many features.
    ///
    /// ```
    /// use gradus_nn::{Context, Init, layers::*};
    /// use gradus_tensor::Tensor;
    /// let decoder = transformer_encoder_layer(2, 16).decoder(3, 8, &Init::new(0));
    /// let (x, memory) = (Tensor::ones([2, 5, 8]), Tensor::ones([2, 7, 8]));
    /// assert_eq!(decoder.decode(&x, &memory, &Context::eval()).shape(), x.shape());
    /// ```
    ///
    /// # Panics
    /// If the features do not divide into the heads.
    #[track_caller]
    #[doc(alias("TransformerDecoder", "TransformerDecoderLayer"))]
    pub fn decoder(&self, count: usize, features: usize, init: &Init) -> TransformerDecoder {
        let one = |_| TransformerDecoderLayer {
            self_attn: self.attention().causal().build(features, init),
            multihead_attn: self.attention().build(features, init),
            network: self.network(features, init),
            norm1: self.norm(features, init),
            norm2: self.norm(features, init),
            norm3: self.norm(features, init),
            each: self.each(),
        };
        let layers = (0..count).map(one).collect();
        TransformerDecoder { layers, norm: self.norm_first.then(|| self.norm(features, init)) }
    }

    fn attention(&self) -> MultiHeadAttentionConfig {
        multi_head_attention(self.heads).dropout(self.dropout)
    }

    #[track_caller]
    fn network(&self, features: usize, init: &Init) -> Network {
        Network {
            linear1: dense(self.hidden).build(features, init),
            activation: self.activation,
            dropout: dropout(self.dropout),
            linear2: dense(features).build(self.hidden, init),
        }
    }

    fn norm(&self, features: usize, init: &Init) -> Norm {
        layer_norm().eps(self.eps).build(features, init)
    }

    #[track_caller]
    fn each(&self) -> Each {
        Each { norm_first: self.norm_first, dropout: dropout(self.dropout) }
    }
}

impl Config for TransformerConfig {
    fn name(&self) -> &'static str {
        "encoder_layer"
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        match features("transformer_encoder_layer", input.shape) {
            Ok(features) => Arc::new(self.encoder(features, init)),
            Err(e) => refused(e),
        }
    }
}

/// The description of a [`TransformerEncoder`].
#[derive(Clone, Copy, Debug)]
pub struct TransformerEncoderConfig {
    count: usize,
    layer: TransformerConfig,
}

impl Config for TransformerEncoderConfig {
    fn name(&self) -> &'static str {
        "encoder"
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        let features = match features("transformer_encoder", input.shape) {
            Ok(features) => features,
            Err(e) => return refused(e),
        };
        let layers = (0..self.count).map(|_| self.layer.encoder(features, init)).collect();
        let norm = self.layer.norm_first.then(|| self.layer.norm(features, init));
        Arc::new(TransformerEncoder { layers, norm })
    }
}

/// dense · function · dropout · dense, for each place.
#[derive(Clone, Debug)]
struct Network {
    linear1: Dense,
    activation: Activation,
    dropout: Dropout,
    linear2: Dense,
}

impl Network {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        let hidden = cx.run("linear1", &self.linear1, x);
        let hidden = cx.run("activation", &self.activation, &hidden);
        let hidden = cx.run("dropout", &self.dropout, &hidden);
        cx.run("linear2", &self.linear2, &hidden)
    }

    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("linear1", State::Child(&self.linear1));
        visitor("linear2", State::Child(&self.linear2));
    }

    fn macs(&self, input: &Shape) -> u64 {
        2 * (input.len() * self.linear1.weight.variable().shape()[1]) as u64
    }
}

/// What every part of a layer goes through.
#[derive(Clone, Copy, Debug)]
struct Each {
    norm_first: bool,
    dropout: Dropout,
}

impl Each {
    /// norm(x + dropout(part(x))), or x + dropout(part(norm(x))), with the lengths of x.
    #[track_caller]
    fn add(
        &self,
        x: &Tensor,
        (name, norm): (&str, &Norm),
        cx: &Context,
        part: impl FnOnce(&Tensor) -> Tensor,
    ) -> Tensor {
        let known = |y: Tensor| {
            cx.lengths(x).inspect(|lengths| cx.set_lengths(&y, lengths));
            y
        };
        let dropped = |y: &Tensor| cx.run("dropout", &self.dropout, y);
        if self.norm_first {
            return known(x + dropped(&part(&cx.run(name, norm, x))));
        }
        cx.run(name, norm, &known(x + dropped(&part(x))))
    }
}

/// A layer of an encoder.
#[derive(Clone, Debug)]
pub struct TransformerEncoderLayer {
    /// The attention.
    pub self_attn: MultiHeadAttention,
    network: Network,
    norm1: Norm,
    norm2: Norm,
    each: Each,
}

impl Module for TransformerEncoderLayer {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("self_attn", State::Child(&self.self_attn));
        self.network.visit(visitor);
        visitor("norm1", State::Child(&self.norm1));
        visitor("norm2", State::Child(&self.norm2));
    }
}

impl Layer for TransformerEncoderLayer {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        let x = self
            .each
            .add(x, ("norm1", &self.norm1), cx, |x| cx.run("self_attn", &self.self_attn, x));
        self.each.add(&x, ("norm2", &self.norm2), cx, |x| self.network.forward(x, cx))
    }
    fn takes(&self) -> Takes {
        self.self_attn.takes()
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Known
    }
    fn describe(&self) -> String {
        "TransformerEncoderLayer".into()
    }
    fn macs(&self, input: &Shape, output: &Shape) -> u64 {
        self.self_attn.macs(input, output) + self.network.macs(input)
    }
}

/// Layers of an encoder, one after the other.
#[derive(Clone, Debug)]
pub struct TransformerEncoder {
    /// The layers.
    pub layers: Vec<TransformerEncoderLayer>,
    norm: Option<Norm>,
}

impl Module for TransformerEncoder {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("layers", State::Child(&self.layers));
        if let Some(norm) = &self.norm {
            visitor("norm", State::Child(norm));
        }
    }
}

impl Layer for TransformerEncoder {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        let layers = self.layers.iter().enumerate();
        let y = layers.fold(x.clone(), |x, (i, layer)| cx.run(&format!("layers.{i}"), layer, &x));
        match &self.norm {
            Some(norm) => cx.run("norm", norm, &y),
            None => y,
        }
    }
    fn takes(&self) -> Takes {
        self.layers.first().map_or(Takes::Any, Layer::takes)
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Known
    }
    fn describe(&self) -> String {
        format!("TransformerEncoder({})", self.layers.len())
    }
    fn macs(&self, input: &Shape, output: &Shape) -> u64 {
        self.layers.iter().map(|layer| layer.macs(input, output)).sum()
    }
}

/// A layer of a decoder: attention to what came before, attention to another sequence, and a network for each place.
#[derive(Clone, Debug)]
pub struct TransformerDecoderLayer {
    /// Attention to the places up to each one's own.
    pub self_attn: MultiHeadAttention,
    /// Attention to the other sequence.
    pub multihead_attn: MultiHeadAttention,
    network: Network,
    norm1: Norm,
    norm2: Norm,
    norm3: Norm,
    each: Each,
}

impl Module for TransformerDecoderLayer {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("self_attn", State::Child(&self.self_attn));
        visitor("multihead_attn", State::Child(&self.multihead_attn));
        self.network.visit(visitor);
        visitor("norm1", State::Child(&self.norm1));
        visitor("norm2", State::Child(&self.norm2));
        visitor("norm3", State::Child(&self.norm3));
    }
}

impl TransformerDecoderLayer {
    /// `x [B, T, F]`, `memory [B, S, F]` → `[B, T, F]`. What lengths of either say is not there is not read.
    ///
    /// # Panics
    /// If the shapes do not go together.
    #[track_caller]
    pub fn decode(&self, x: &Tensor, memory: &Tensor, cx: &Context) -> Tensor {
        let x = self
            .each
            .add(x, ("norm1", &self.norm1), cx, |x| cx.run("self_attn", &self.self_attn, x));
        let x = self.each.add(&x, ("norm2", &self.norm2), cx, |x| {
            let _leave = cx.enter("multihead_attn");
            self.multihead_attn.attend(x, memory, &Attention::new(), cx)
        });
        self.each.add(&x, ("norm3", &self.norm3), cx, |x| self.network.forward(x, cx))
    }
}

/// Layers of a decoder, one after the other, which all read one other sequence.
#[derive(Clone, Debug)]
pub struct TransformerDecoder {
    /// The layers.
    pub layers: Vec<TransformerDecoderLayer>,
    norm: Option<Norm>,
}

impl Module for TransformerDecoder {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("layers", State::Child(&self.layers));
        if let Some(norm) = &self.norm {
            visitor("norm", State::Child(norm));
        }
    }
}

impl TransformerDecoder {
    /// `x [B, T, F]`, `memory [B, S, F]` → `[B, T, F]`, as each of the layers.
    ///
    /// # Panics
    /// If the shapes do not go together.
    #[track_caller]
    pub fn decode(&self, x: &Tensor, memory: &Tensor, cx: &Context) -> Tensor {
        let y = self.layers.iter().enumerate().fold(x.clone(), |x, (i, layer)| {
            let _leave = cx.enter(&format!("layers.{i}"));
            layer.decode(&x, memory, cx)
        });
        match &self.norm {
            Some(norm) => cx.run("norm", norm, &y),
            None => y,
        }
    }
}
