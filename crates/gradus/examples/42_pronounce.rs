//! How an English word is said: an encoder of gated units reads its letters, a decoder says its phonemes, both with weights that PyTorch trained.
//!
//! The weights are those of g2p-en 2.1.0 (Park and Kim), `g2p_en/checkpoint20.npz` in its wheel:
//!
//!     cargo run --release --example 42_pronounce -- checkpoint20.npz neural attention
//!
//! Without a file it is a small network of drawn weights, which says nothing of sense. In both cases what the decoder knows after each phoneme is computed a
//! second time, number by number as PyTorch's GRU is defined.

use std::collections::HashMap;
use std::path::Path;

use gradus::io::{Checkpoint, NamedArray, weights};
use gradus::models::import::{Origin, import_recurrent};
use gradus::prelude::*;
use gradus::train::set_weights;

/// Of letters: `<pad>`, `<unk>` and `</s>`, then a to z.
const UNKNOWN: i64 = 1;
const WORD_ENDS: i64 = 2;
const A: i64 = 3;

/// What a word is said with; the digit is the stress of a vowel.
const PHONEMES: &str = "<pad> <unk> <s> </s> AA0 AA1 AA2 AE0 AE1 AE2 AH0 AH1 AH2 AO0 AO1 AO2 AW0 AW1 AW2 AY0 AY1 AY2 B CH D DH EH0 EH1 EH2 ER0 ER1 ER2 \
     EY0 EY1 EY2 F G HH IH0 IH1 IH2 IY0 IY1 IY2 JH K L M N NG OW0 OW1 OW2 OY0 OY1 OY2 P R S SH T TH UH0 UH1 UH2 UW UW0 UW1 UW2 V W Y Z ZH";
const BEGIN: i64 = 2;
const END: i64 = 3;
/// No word has more phonemes.
const LONGEST: usize = 20;

/// The arrays of a file, and the shapes of those that are drawn: 16 numbers for a letter, 24 units.
const ARRAYS: [(&str, &[usize]); 12] = [
    ("enc_emb", &[29, 16]),
    ("enc_w_ih", &[72, 16]),
    ("enc_w_hh", &[72, 24]),
    ("enc_b_ih", &[72]),
    ("enc_b_hh", &[72]),
    ("dec_emb", &[74, 16]),
    ("dec_w_ih", &[72, 16]),
    ("dec_w_hh", &[72, 24]),
    ("dec_b_ih", &[72]),
    ("dec_b_hh", &[72]),
    ("fc_w", &[74, 24]),
    ("fc_b", &[74]),
];

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
type File = HashMap<String, Tensor>;

fn read(path: &Path) -> Outcome<File> {
    let mut file = File::new();
    for array in weights::read(path)?.1 {
        let values = array.to_f32().ok_or_else(|| format!("{} is not f32", array.name))?;
        file.insert(array.name, Tensor::from_slice(&values, &array.shape[..]));
    }
    let fits = |name: &str, shape: &[usize]| {
        let is_gate = name.contains("_w_") || name.contains("_b_"); // of any number of units
        let x = file.get(name).filter(|x| x.rank() == shape.len());
        x.is_some_and(|x| is_gate || x.size(0) == shape[0])
    };
    match ARRAYS.iter().find(|(name, shape)| !fits(name, shape)) {
        Some((name, _)) => Err(format!("{}: no such {name} as g2p-en has", path.display()).into()),
        None => Ok(file),
    }
}

/// A GRU whose weights are called as nobody else's, and lie as PyTorch's: the update gate weighs the old state, the reset gate works behind the product.
fn gated(file: &File, of: &str) -> Outcome<Recurrent> {
    let theirs = ["w_ih", "w_hh", "b_ih", "b_hh"].map(|part| {
        let x = &file[&format!("{of}_{part}")];
        let pytorch = part.replace("w_", "weight_").replace("b_", "bias_");
        NamedArray::from_f32(pytorch, x.shape().to_vec(), &x.to_vec::<f32>())
    });
    let theirs = theirs.into_iter().collect::<Result<Vec<_>, _>>()?;
    let layer = gru(theirs[1].shape[1]).build(theirs[0].shape[1], &Init::blank());
    let ours = import_recurrent(&layer, Origin::PyTorch, &theirs)?;
    set_weights(&layer, &Checkpoint::new(ours))?;
    Ok(layer)
}

/// A step of that GRU once more, as PyTorch defines it: r = σ(…), z = σ(…), n = tanh(Wx + b + r·(Uh + c)), h′ = (1 − z)·n + z·h.
fn step(file: &File, of: &str, x: &[f32], h: &[f32]) -> Vec<f32> {
    let numbers = |part: &str| file[&format!("{of}_{part}")].to_vec::<f32>();
    let sums = |weights: &str, biases: &str, v: &[f32]| -> Vec<f32> {
        let row = |row: &[f32]| row.iter().zip(v).map(|(w, v)| w * v).sum::<f32>();
        numbers(weights).chunks(v.len()).zip(numbers(biases)).map(|(w, b)| row(w) + b).collect()
    };
    let (ih, hh) = (sums("w_ih", "b_ih", x), sums("w_hh", "b_hh", h));
    let (sigmoid, units) = (|sum: f32| 1.0 / (1.0 + (-sum).exp()), h.len());
    let unit = |u: usize| {
        let (r, z) = (sigmoid(ih[u] + hh[u]), sigmoid(ih[units + u] + hh[units + u]));
        let n = (ih[2 * units + u] + r * hh[2 * units + u]).tanh();
        (1.0 - z) * n + z * h[u]
    };
    (0..units).map(unit).collect()
}

/// The phonemes of a word, by their numbers.
fn say(file: &File, word: &str) -> Outcome<Vec<i64>> {
    let (encoder, decoder) = (gated(file, "enc")?, gated(file, "dec")?);
    let id = |letter: char| match letter.to_ascii_lowercase() {
        letter @ 'a'..='z' => A + i64::from(letter as u32 - 'a' as u32),
        _ => UNKNOWN,
    };
    let ids: Vec<i64> = word.chars().map(id).chain([WORD_ENDS]).collect();
    let read = file["enc_emb"].embedding(&Tensor::from_slice(&ids, [1, ids.len()])); // [1, T, E]
    // What the encoder knows at the end is what the decoder begins with: both call it h_l0.
    let (_, mut state) = encoder.forward_from(&read, &encoder.initial_state(1), &Context::eval());
    let letter = |t| read.select(1, t).to_vec::<f32>();
    let nothing = vec![0.0; state[0].1.len()];
    let mut again = (0..ids.len()).fold(nothing, |h, t| step(file, "enc", &letter(t), &h));
    let (mut said, mut last) = (vec![], BEGIN);
    while said.len() < LONGEST {
        let heard = file["dec_emb"].embedding(&Tensor::from([last])); // [1, E]
        let (known, next) = decoder.step(&heard, &state);
        again = step(file, "dec", &heard.to_vec::<f32>(), &again);
        let off = (&known - Tensor::from_slice(&again, [1, again.len()])).abs().max(..).item();
        assert!(off < 1e-5, "{word}: the decoder's state is off by {off}");
        last = (known.matmul(&file["fc_w"].t()) + &file["fc_b"]).argmax(1).to_vec::<i64>()[0];
        if last == END {
            break;
        }
        said.push(last);
        // Read at each step, the state is numbers and not all steps before it.
        let numbers = |h: Tensor| Tensor::from_slice(&h.to_vec::<f32>(), h.shape());
        state = next.into_iter().map(|(name, h)| (name, numbers(h))).collect();
    }
    Ok(said)
}

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let drawn = ARRAYS.map(|(name, shape)| (name.to_owned(), Tensor::randn(shape, 1) * 0.5));
    let (file, words) = match &args[..] {
        [] => (drawn.into(), vec!["neural".to_owned()]),
        [path, words @ ..] => (read(Path::new(path))?, words.to_vec()),
    };
    let names: Vec<&str> = PHONEMES.split_whitespace().collect();
    for word in words {
        let said = say(&file, &word)?.into_iter().map(|n| names[n as usize]);
        println!("{word:<16} {}", said.collect::<Vec<_>>().join(" "));
    }
    Ok(())
}
