//! textgenrnn: the next character from a window of the last 40.   ids `[N, C]`   scores `[N, V]`
//!
//! Vectors of the characters go through LSTMs one above the other; what all of them and the vectors say lies side by side at each place, and an attention
//! weighs the places: a softmax over them of one product each. The weighted mean is what scores are made of. A window that is not full has zeros before
//! its first character.   Woolf 2018, textgenrnn; the attention is that of Felbo et al. 2017, arXiv:1708.00524

mod import;

use gradus_nn::layers::{Dense, Embedding, Recurrent, dense, embedding, lstm};
use gradus_nn::{Context, Init, Layer, Module, State, Visitor};
use gradus_tensor::Tensor;

use super::{LanguageModel, LanguageNetwork, Memory, ReaderState};

pub use import::Textgenrnn;

/// The network.
pub(super) struct TextgenrnnNetwork {
    embedding: Embedding,
    layers: Vec<Recurrent>,
    attention: Dense,
    out: Dense,
    window: usize,
}

impl TextgenrnnNetwork {
    #[track_caller]
    pub(super) fn new(model: &LanguageModel, symbols: usize, init: &Init) -> TextgenrnnNetwork {
        let (width, units) = (model.embedding, model.hidden);
        let inputs = |layer| if layer == 0 { width } else { units };
        let beside = width + model.layers * units;
        TextgenrnnNetwork {
            embedding: embedding(symbols, width).build(init),
            layers: (0..model.layers).map(|l| lstm(units).build(inputs(l), init)).collect(),
            attention: dense(1).bias(false).build(beside, init),
            out: dense(symbols).build(beside, init),
            window: model.context,
        }
    }

    /// What is made of whole windows `[N, C]`, `[N, P]`.
    #[track_caller]
    fn mean(&self, windows: &Tensor, cx: &Context<'_>) -> Tensor {
        let mut said = vec![cx.run("embedding", &self.embedding, windows)]; // [N, C, E]
        for (number, layer) in (1..).zip(&self.layers) {
            said.push(cx.run(&format!("rnn_{number}"), layer, &said[said.len() - 1])); // [N, C, H]
        }
        let beside = Tensor::concat(&said.iter().collect::<Vec<_>>(), 2); // [N, C, P]
        let weights = cx.run("attention", &self.attention, &beside).softmax(1); // [N, C, 1]
        (beside * weights).sum(1) // [N, P]
    }

    /// The window that ends at each place of ids `[B, T]`, `[B·T, C]`.
    fn windows(&self, ids: &Tensor) -> Tensor {
        let (rows, steps) = (ids.size(0), ids.size(1));
        let none = Tensor::full_of([rows, self.window - 1], 0.0, ids.dtype());
        let filled = Tensor::concat(&[&none, ids], 1); // [B, C − 1 + T]
        let at = |place| filled.slice(1, place..place + steps); // [B, T]
        let places: Vec<Tensor> = (0..self.window).map(at).collect();
        let windows = Tensor::stack(&places.iter().collect::<Vec<_>>(), 2); // [B, T, C]
        windows.reshape([rows * steps, self.window])
    }
}

impl Module for TextgenrnnNetwork {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("embedding", State::Child(&self.embedding));
        for (number, layer) in (1..).zip(&self.layers) {
            visitor(&format!("rnn_{number}"), State::Child(layer));
        }
        visitor("attention", State::Child(&self.attention));
        visitor("out", State::Child(&self.out));
    }
}

impl Layer for TextgenrnnNetwork {
    #[track_caller]
    fn forward(&self, ids: &Tensor, cx: &Context<'_>) -> Tensor {
        let mean = self.mean(&self.windows(ids), cx);
        let scores = cx.run("out", &self.out, &mean); // [B·T, V]
        scores.reshape([ids.size(0), ids.size(1), scores.size(1)])
    }
    fn describe(&self) -> String {
        format!("Language(textgenrnn, {} symbols in sight)", self.window)
    }
}

impl LanguageNetwork for TextgenrnnNetwork {
    fn memory(&self) -> Memory {
        Memory::Window { symbols: self.window }
    }
    fn begin(&self) -> ReaderState {
        vec![]
    }
    fn read(&self, ids: &Tensor, _: &[Tensor]) -> (Tensor, Tensor, ReaderState) {
        let cx = Context::eval();
        let mean = self.mean(ids, &cx).unsqueeze(1); // [N, 1, P]
        (self.out.forward(&mean, &cx), mean, vec![])
    }
}
