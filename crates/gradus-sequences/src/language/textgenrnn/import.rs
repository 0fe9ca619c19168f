//! Files of textgenrnn: weights as Keras keeps them, characters as its `Tokenizer` numbers them.

use std::sync::Arc;

use gradus_io::{Checkpoint, DType, Error, Kind, NamedArray, Result, keras};
use gradus_models::import::{Origin, import_recurrent};
use gradus_nn::Init;
use gradus_nn::layers::lstm;
use gradus_text::Tokenizer;
use gradus_train::set_weights;

use crate::language::{Architecture, LanguageModel, LanguageNetwork, Tokens};

/// A network of textgenrnn with its trained weights.
pub struct Textgenrnn {
    /// What it is.
    pub model: LanguageModel,
    /// The network.
    pub network: Arc<dyn LanguageNetwork>,
    /// Layers of the file that it has no place for.
    pub left_out: Vec<String>,
}

impl Textgenrnn {
    /// Its name, as commands and files have it.
    pub const NAME: &str = "textgenrnn";
    /// The token that texts begin with, and end with.
    pub const BEGIN: &str = "<s>";
    /// How many characters are seen at once where nobody said otherwise while training, by its setting `max_length`.
    pub const WINDOW: usize = 40;

    /// The network whose weights textgenrnn kept in `file`, `…_weights.hdf5`, for the characters of `tokenizer`
    /// ([`Tokenizer::of_word_index`] of `…_vocab.json`), which sees so many of them at once: neither file says that. How many layers of how many units there
    /// are the weights tell; they may be those of Keras's LSTMs for cuDNN or of its others.
    ///
    /// # Errors
    /// When an array is missing or of another shape, by its name; when layers read from both ends.
    pub fn import(file: keras::Model, tokenizer: &Tokenizer, window: usize) -> Result<Textgenrnn> {
        let file = File(file.layers);
        let symbols = tokenizer.vocabulary().len();
        let &[_, width] = file.matrix("embedding", "embeddings", "[symbols, numbers]")?;
        let mut arrays = vec![file.array("embedding", "embeddings", &[symbols, width])?];
        let &[units, _] = file.matrix("rnn_1", "recurrent_kernel", "[units, 4·units]")?;
        let mut layers = 0;
        while layers == 0 || file.has(&format!("rnn_{}", layers + 1)) {
            layers += 1;
            let inputs = if layers == 1 { width } else { units };
            arrays.extend(file.lstm(&format!("rnn_{layers}"), inputs, units)?);
        }
        let beside = width + layers * units;
        arrays.push(file.array("attention", "attention_W", &[beside, 1])?);
        arrays.push(file.array("output", "kernel", &[beside, symbols])?);
        arrays.push(file.array("output", "bias", &[symbols])?);
        let model = LanguageModel {
            architecture: Architecture::Textgenrnn,
            hidden: units,
            layers,
            embedding: width,
            heads: 1,
            dropout: 0.0,
            context: window,
            streams: 0,
            lines: false,
            tokens: Tokens::Characters,
            tokenizer: serde_json::from_str(&tokenizer.to_json()).unwrap_or_default(),
        };
        let network = model.network(&Init::blank()).map_err(|e| mismatch(e.to_string()))?;
        set_weights(&*network, &Checkpoint::new(arrays)).map_err(|e| mismatch(e.to_string()))?;
        let own = |name: &str| {
            let number = name.strip_prefix("rnn_").and_then(|number| number.parse().ok());
            ["embedding", "attention", "output"].contains(&name)
                || number.is_some_and(|n: usize| (1..=layers).contains(&n))
        };
        let names = file.0.into_iter().map(|layer| layer.name);
        Ok(Textgenrnn { model, network, left_out: names.filter(|name| !own(name)).collect() })
    }
}

fn mismatch(what: String) -> Error {
    Error::new(Kind::Mismatch, what)
}

/// The layers of a file.
struct File(Vec<keras::Layer>);

impl File {
    fn has(&self, layer: &str) -> bool {
        self.0.iter().any(|own| own.name == layer)
    }

    /// An array as it lies in the file; `shape` is the one that it should have, in words.
    fn find(&self, layer: &str, part: &str, shape: &str) -> Result<&NamedArray> {
        let mut parts = self.0.iter().filter(|own| own.name == layer).flat_map(|own| &own.parts);
        let found = parts.find(|array| array.name == part);
        found.ok_or_else(|| {
            // Both directions of a layer are layers within it.
            let within = format!("{layer}.");
            mismatch(match self.0.iter().any(|own| own.name.starts_with(&within)) {
                true => format!("the layer `{layer}` is several in the file, expected an LSTM that reads from the first character to the last"),
                false => format!("`{layer}/{part}` is not in the file, expected {shape}"),
            })
        })
    }

    /// The shape of a matrix.
    fn matrix(&self, layer: &str, part: &str, shape: &str) -> Result<&[usize; 2]> {
        let found = &self.find(layer, part, shape)?.shape;
        <&[usize; 2]>::try_from(&found[..]).map_err(|_| {
            mismatch(format!("`{layer}/{part}` is {found:?} in the file, expected {shape}"))
        })
    }

    /// An array under the name that the network has for it.
    fn array(&self, layer: &str, part: &str, shape: &[usize]) -> Result<NamedArray> {
        let found = self.find(layer, part, &format!("{shape:?}"))?;
        if found.shape != shape {
            let mut what =
                format!("`{layer}/{part}` is {:?} in the file, expected {shape:?}", found.shape);
            if part == "embeddings" {
                let characters = shape[0].saturating_sub(1);
                what += &format!(
                    ", a row for each of the vocabulary's {characters} tokens and one for none"
                );
            }
            return Err(mismatch(what));
        }
        let name = match (layer, part) {
            ("output", "bias") => "out.bias",
            ("output", _) => "out.weight",
            ("attention", _) => "attention.weight",
            _ => "embedding.weight",
        };
        Ok(NamedArray { name: name.into(), ..found.cast(DType::F32)? })
    }

    /// The arrays of an LSTM under the names that the network has for them.
    fn lstm(&self, name: &str, inputs: usize, units: usize) -> Result<Vec<NamedArray>> {
        let width = units.saturating_mul(4);
        // Before anything is made of so many units: a file may say anything.
        for (part, expected) in [("recurrent_kernel", [units, width]), ("kernel", [inputs, width])]
        {
            let found = self.matrix(name, part, &format!("{expected:?}"))?;
            if *found != expected {
                let what =
                    format!("`{name}/{part}` is {found:?} in the file, expected {expected:?}");
                return Err(mismatch(what));
            }
        }
        let bias = &self.find(name, "bias", &format!("[{width}]"))?.shape;
        if bias[..] != [width] && bias[..] != [2 * width] {
            let what = format!(
                "`{name}/bias` is {bias:?} in the file, expected [{width}], or [{}] of an LSTM for cuDNN",
                2 * width
            );
            return Err(mismatch(what));
        }
        let parts = self.0.iter().filter(|own| own.name == name).flat_map(|own| own.parts.clone());
        let layer = lstm(units).build(inputs, &Init::blank());
        let ours = import_recurrent(&layer, Origin::Keras, &parts.collect::<Vec<_>>())?;
        let named =
            |array: NamedArray| NamedArray { name: format!("{name}.{}", array.name), ..array };
        Ok(ours.into_iter().map(named).collect())
    }
}
