//! How an English word is said: an encoder of gated units reads its letters, a decoder says its phonemes, both with weights that PyTorch trained.
//!
//! The weights are those of g2p-en 2.1.0 (Park and Kim), `g2p_en/checkpoint20.npz` in its wheel:
//!
//!     cargo run --release --example 42_pronounce -- checkpoint20.npz neural attention
//!
//! Without a file it is a small network of drawn weights under the same names, which says nothing of sense. In both cases what the decoder knows after each
//! phoneme is computed a second time, number by number as PyTorch's GRU is defined.

use std::path::Path;

use gradus::io::{NamedArray, weights};
use gradus::models::import::{Origin, import_recurrent};
use gradus::prelude::*;
use gradus::train::set_weights;

/// `<pad>`, `<unk>` and `</s>`, then a to z.
const LETTERS: usize = 29;
const UNKNOWN: i64 = 1;
const WORD_ENDS: i64 = 2;
const A: i64 = 3;

/// What a word is said with; the digit is the stress of a vowel.
const PHONEMES: &str = "<pad> <unk> <s> </s> AA0 AA1 AA2 AE0 AE1 AE2 AH0 AH1 AH2 AO0 AO1 AO2 AW0 AW1 AW2 \
     AY0 AY1 AY2 B CH D DH EH0 EH1 EH2 ER0 ER1 ER2 EY0 EY1 EY2 F G HH IH0 IH1 IH2 IY0 IY1 IY2 JH K L M N NG OW0 OW1 \
     OW2 OY0 OY1 OY2 P R S SH T TH UH0 UH1 UH2 UW UW0 UW1 UW2 V W Y Z ZH";
const BEGIN: usize = 2;
const END: usize = 3;
/// No word has more phonemes.
const LONGEST: usize = 20;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The arrays of a file.
struct File(Vec<NamedArray>);

impl File {
    fn array(&self, name: &str) -> Outcome<&NamedArray> {
        let found = self.0.iter().find(|array| array.name == name);
        found.ok_or_else(|| {
            format!("no array is called {name}: the file is none of g2p-en's").into()
        })
    }
    fn numbers(&self, name: &str) -> Outcome<Vec<f32>> {
        let wide = self.array(name)?.cast(DType::F32)?;
        wide.to_f32().ok_or_else(|| format!("{name} is not of numbers").into())
    }
    fn tensor(&self, name: &str) -> Outcome<Tensor> {
        Ok(Tensor::from_slice(&self.numbers(name)?, self.array(name)?.shape.as_slice()))
    }

    /// A GRU whose weights are called as nobody else's, and lie as PyTorch's: the update gate weighs the old state, the reset gate works behind the product.
    fn gru(&self, of: &str) -> Outcome<Recurrent> {
        let parts = [
            ("w_ih", "weight_ih"),
            ("w_hh", "weight_hh"),
            ("b_ih", "bias_ih"),
            ("b_hh", "bias_hh"),
        ];
        let mut theirs = vec![];
        for (own, pytorch) in parts {
            let array = self.array(&format!("{of}_{own}"))?.clone();
            theirs.push(NamedArray { name: pytorch.into(), ..array });
        }
        let inputs = theirs[0].shape.last().copied().unwrap_or_default();
        let units = theirs[1].shape.last().copied().unwrap_or_default();
        let layer = gru(units).build(inputs, &Init::blank());
        let ours = import_recurrent(&layer, Origin::PyTorch, &theirs)?;
        set_weights(&layer, &gradus::io::Checkpoint::new(ours))?;
        Ok(layer)
    }

    /// A step of that GRU once more, as PyTorch defines it: r = σ(…), z = σ(…), n = tanh(Wx + b + r·(Uh + c)), h′ = (1 − z)·n + z·h.
    fn step(&self, of: &str, x: &[f64], h: &[f64]) -> Outcome<Vec<f64>> {
        let numbers = |part: &str| -> Outcome<Vec<f64>> {
            let numbers = self.numbers(&format!("{of}_{part}"))?;
            Ok(numbers.into_iter().map(f64::from).collect())
        };
        let sums = |weights: &str, biases: &str, v: &[f64]| -> Outcome<Vec<f64>> {
            let (w, b) = (numbers(weights)?, numbers(biases)?);
            let row = |row: &[f64]| row.iter().zip(v).map(|(w, v)| w * v).sum::<f64>();
            Ok(w.chunks(v.len()).zip(b).map(|(w, b)| row(w) + b).collect())
        };
        let (ih, hh) = (sums("w_ih", "b_ih", x)?, sums("w_hh", "b_hh", h)?);
        let sigmoid = |sum: f64| 1.0 / (1.0 + (-sum).exp());
        let units = h.len();
        let unit = |u: usize| {
            let r = sigmoid(ih[u] + hh[u]);
            let z = sigmoid(ih[units + u] + hh[units + u]);
            let n = (ih[2 * units + u] + r * hh[2 * units + u]).tanh();
            (1.0 - z) * n + z * h[u]
        };
        Ok((0..units).map(unit).collect())
    }
}

/// A small network of drawn weights.
fn drawn() -> Outcome<File> {
    let (width, units, phonemes) = (16, 24, PHONEMES.split_whitespace().count());
    let mut shapes = vec![
        ("enc_emb".to_owned(), vec![LETTERS, width]),
        ("dec_emb".to_owned(), vec![phonemes, width]),
    ];
    for of in ["enc", "dec"] {
        for (part, shape) in [("w_ih", vec![3 * units, width]), ("w_hh", vec![3 * units, units])] {
            shapes.push((format!("{of}_{part}"), shape));
        }
        shapes.extend(["b_ih", "b_hh"].map(|part| (format!("{of}_{part}"), vec![3 * units])));
    }
    shapes
        .extend([("fc_w".to_owned(), vec![phonemes, units]), ("fc_b".to_owned(), vec![phonemes])]);
    let draw = |(seed, (name, shape)): (u64, (String, Vec<usize>))| {
        let values = (Tensor::randn(shape.as_slice(), seed) * 0.5).to_vec::<f32>();
        NamedArray::from_f32(name, shape, &values)
    };
    Ok(File((1..).zip(shapes).map(draw).collect::<Result<_, _>>()?))
}

/// The phonemes of a word, by their numbers, and how far both ways of computing are apart.
fn say(file: &File, word: &str) -> Outcome<(Vec<usize>, f64)> {
    let (encoder, decoder) = (file.gru("enc")?, file.gru("dec")?);
    let (letters, phonemes) = (file.tensor("enc_emb")?, file.tensor("dec_emb")?);
    let (scores, bias) = (file.tensor("fc_w")?.t(), file.tensor("fc_b")?);
    let (found, expected) =
        ((letters.size(0), phonemes.size(0)), (LETTERS, PHONEMES.split_whitespace().count()));
    if found != expected {
        return Err(format!(
            "letters and phonemes: found {found:?} of them, expected {expected:?}"
        )
        .into());
    }
    let id = |letter: char| match letter.to_ascii_lowercase() {
        letter @ 'a'..='z' => A + i64::from(letter as u32 - 'a' as u32),
        _ => UNKNOWN,
    };
    let ids: Vec<i64> = word.chars().map(id).chain([WORD_ENDS]).collect();
    let read = letters.embedding(&Tensor::from_slice(&ids, [1, ids.len()])); // [1, T, E]
    let nothing = encoder.initial_state(1);
    // What the encoder knows at the end is what the decoder begins with: both call it h_l0.
    let (_, mut state) = encoder.forward_from(&read, &nothing, &Context::eval());
    let wide = |x: &Tensor| -> Vec<f64> { x.to_vec::<f32>().into_iter().map(f64::from).collect() };
    let mut again = vec![0.0; state[0].1.len()];
    for t in 0..ids.len() {
        again = file.step("enc", &wide(&read.select(1, t)), &again)?;
    }
    let (mut said, mut apart) = (vec![BEGIN], 0f64);
    while said.len() <= LONGEST {
        let heard = phonemes.embedding(&Tensor::from([said[said.len() - 1] as i64])); // [1, E]
        let (known, next) = decoder.step(&heard, &state);
        again = file.step("dec", &wide(&heard), &again)?;
        let off = wide(&known).iter().zip(&again).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        apart = apart.max(off);
        let best = (known.matmul(&scores) + &bias).argmax(1).to_vec::<i64>()[0] as usize;
        if best == END {
            break;
        }
        said.push(best);
        // Read at each step, the state is numbers and not all steps before it.
        let read = |h: Tensor| Tensor::from_slice(&h.to_vec::<f32>(), h.shape());
        state = next.into_iter().map(|(name, h)| (name, read(h))).collect();
    }
    Ok((said[1..].to_vec(), apart))
}

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (file, words) = match &args[..] {
        [] => (drawn()?, vec!["neural".to_owned(), "networks".to_owned()]),
        [file, words @ ..] => (File(weights::read(Path::new(file))?.1), words.to_vec()),
    };
    let names: Vec<&str> = PHONEMES.split_whitespace().collect();
    for word in words {
        let (said, apart) = say(&file, &word)?;
        let told: Vec<&str> = said.iter().map(|&phoneme| names[phoneme]).collect();
        println!("{word:<16} {}", told.join(" "));
        assert!(apart < 1e-5, "{word}: the decoder's state is off by {apart}");
    }
    Ok(())
}
