//! A small network of textgenrnn says and writes what NumPy makes of the same files.

use std::path::{Path, PathBuf};

use gradus_io::{NamedArray, keras};
use gradus_nn::{Init, Layer, parameters};
use gradus_sequences::Model;
use gradus_sequences::language::{Architecture, LanguageModel, Reader, Textgenrnn};
use gradus_tensor::Tensor;
use gradus_text::{Sampler, Special, Tokenizer};
use serde_json::Value;

/// What the network of the fixtures sees.
const WINDOW: usize = 6;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(fixture(name)).unwrap()
}

fn tokenizer() -> Tokenizer {
    let vocabulary = text("textgenrnn_vocab.json");
    Tokenizer::of_word_index(&vocabulary, "vocab.json", Textgenrnn::BEGIN).unwrap()
}

fn file() -> keras::Model {
    keras::read(&fixture("textgenrnn.hdf5")).unwrap()
}

/// Both forms in which Keras keeps an LSTM.
fn both() -> [Textgenrnn; 2] {
    ["textgenrnn.hdf5", "textgenrnn_plain.hdf5"].map(|name| {
        let file = keras::read(&fixture(name)).unwrap();
        Textgenrnn::import(file, &tokenizer(), WINDOW).unwrap()
    })
}

/// The ids of a text after the sign that it begins with.
fn ids(text: &str) -> Vec<i64> {
    let own = tokenizer();
    [vec![own.vocabulary().special(Special::Bos).unwrap()], own.encode(text).unwrap()].concat()
}

fn said() -> Value {
    serde_json::from_str(&text("textgenrnn.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|p| p.as_f64().unwrap() as f32).collect()
}

#[test]
fn it_says_what_numpy_says() {
    for own in both() {
        assert_eq!((own.model.layers, own.model.hidden, own.model.embedding), (2, 4, 5));
        assert!(own.left_out.is_empty(), "{:?}", own.left_out);
        for case in said()["said"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let (own_ids, want) = (ids(text), numbers(&case["probabilities"]));
            let seen = &own_ids[own_ids.len().saturating_sub(WINDOW)..];
            let filled = [&vec![0; WINDOW - seen.len()][..], seen].concat();
            let (scores, ..) = own.network.read(&Tensor::from_slice(&filled, [1, WINDOW]), &[]);
            // From a text at once: what is said after its last character is the same.
            let row = Tensor::from_slice(&own_ids, [1, own_ids.len()]);
            let all = own.network.forward(&row, &gradus_nn::Context::eval());
            for scores in [scores.select(1, 0), all.select(1, own_ids.len() - 1)] {
                let found = scores.softmax(1).to_vec::<f32>();
                let off = found.iter().zip(&want).map(|(p, want)| (p - want).abs());
                assert!(off.fold(0.0, f32::max) < 1e-6, "after {text:?}: {found:?}, {want:?}");
            }
        }
    }
}

#[test]
fn it_writes_to_the_end_of_a_text() {
    let (said, own) = (said(), tokenizer());
    let end = own.vocabulary().special(Special::Bos);
    for network in both() {
        let mut reader = Reader::new(network.network);
        let mut sampler = Sampler::new(0).temperature(0.0);
        let written = reader.write(&ids("ab"), 50, &mut sampler, |id| Some(id) != end).unwrap();
        assert_eq!(own.decode(&written[1..]).unwrap(), said["written"]);
    }
}

/// A text costs what is said of each of its symbols, whatever group of windows it is in.
#[test]
fn a_text_costs_what_is_said_of_it() {
    let [own, _] = both();
    let text = ids(&"abc. bad é ".repeat(3));
    let mut reader = Reader::new(own.network.clone());
    let costs = reader.costs(&text, true).unwrap();
    assert_eq!(costs.nats.len(), text.len() - 1);
    assert_eq!(costs.units.len(), (text.len() - 1) * (5 + 2 * 4));
    let row = Tensor::from_slice(&text, [1, text.len()]);
    let scores = own.network.forward(&row, &gradus_nn::Context::eval()).log_softmax(2);
    for (at, &nats) in costs.nats.iter().enumerate() {
        let want = -scores.select(1, at).select(1, text[at + 1] as usize).item() as f32;
        assert!((nats - want).abs() < 1e-5, "symbol {at}: {nats}, {want}");
    }
}

/// What is kept of it makes the same network again, and draws it.
#[test]
fn it_is_described() {
    let [own, _] = both();
    assert_eq!(own.model.architecture, Architecture::Textgenrnn);
    let kept = serde_json::to_string(&Model::Language(own.model)).unwrap();
    let model: Model = serde_json::from_str(&kept).unwrap();
    let again = model.build(&Init::blank()).unwrap();
    assert_eq!(again.describe(), "Language(textgenrnn, 6 symbols in sight)");
    let names = |model: &dyn Layer| -> Vec<String> {
        parameters(model)
            .into_iter()
            .map(|(name, p)| format!("{name} {}", p.variable().shape()))
            .collect()
    };
    assert_eq!(names(&*again), names(&*own.network));
    assert!(model.unrolled().to_svg().contains(">weighted mean</text>"));
}

/// The first array that does not fit is named, with both shapes.
#[test]
fn what_does_not_fit_is_told() {
    let refused = |file: keras::Model| {
        Textgenrnn::import(file, &tokenizer(), WINDOW).err().expect("it does not fit").to_string()
    };
    let changed = |layer: &str, part: &str, shape: &[usize]| {
        let mut file = file();
        let parts = file.layers.iter_mut().filter(|own| own.name == layer);
        for array in parts.flat_map(|own| &mut own.parts).filter(|own| own.name == part) {
            let len = shape.iter().product();
            *array = NamedArray::from_f32(part, shape, &vec![0.5; len]).unwrap();
        }
        refused(file)
    };
    for (layer, part, shape, expected) in [
        (
            "embedding",
            "embeddings",
            &[300, 5][..],
            "[13, 5], a row for each of the vocabulary's 12 tokens and one for none",
        ),
        ("embedding", "embeddings", &[65], "[symbols, numbers]"),
        ("rnn_1", "kernel", &[6, 16], "[5, 16]"),
        ("rnn_1", "recurrent_kernel", &[16, 4], "[16, 64]"),
        ("rnn_2", "kernel", &[5, 16], "[4, 16]"),
        ("rnn_2", "bias", &[20], "[16], or [32] of an LSTM for cuDNN"),
        ("attention", "attention_W", &[13], "[13, 1]"),
        ("output", "kernel", &[13, 12], "[13, 13]"),
        ("output", "bias", &[12], "[13]"),
    ] {
        let said = changed(layer, part, shape);
        assert_eq!(said, format!("`{layer}/{part}` is {shape:?} in the file, expected {expected}"));
    }
    let mut file = file();
    file.layers.retain(|layer| layer.name != "attention");
    assert_eq!(
        refused(file.clone()),
        "`attention/attention_W` is not in the file, expected [13, 1]"
    );
    file.layers
        .iter_mut()
        .for_each(|layer| layer.name = layer.name.replace("rnn_1", "rnn_1.forward_rnn_1"));
    assert_eq!(
        refused(file),
        "the layer `rnn_1` is several in the file, expected an LSTM that reads from the first character to the last"
    );
    let characters = Tokenizer::characters(["abc"], &Default::default()).unwrap();
    let tokenizer = serde_json::from_str(&characters.to_json()).unwrap();
    let [own, _] = both();
    let unfilled = LanguageModel { tokenizer, ..own.model };
    let error = unfilled.network(&Init::blank()).err().unwrap().to_string();
    assert!(error.contains("found symbol 0 that is one of the text, expected <pad>"), "{error}");
    let other = refused(keras::Model::default());
    assert_eq!(other, "`embedding/embeddings` is not in the file, expected [symbols, numbers]");
}
