//! A trained network at work: what a text is taken for, and which of its words speak for that.

use std::cell::RefCell;
use std::fmt::Write;
use std::sync::Arc;

use gradus_data::{DataError, count};
use gradus_nn::{Context, Layer};
use gradus_tensor::{Compiled, Step, Tensor, compile, gradients};
use gradus_text::Splitter;

use super::grams::LONGEST;
use super::records::{Encoder, plain};
use super::{SentimentModel, SentimentNetwork};
use crate::Result;
use crate::language::cells::coloured_around;

/// What a text is taken for.
#[derive(Clone, Debug, PartialEq)]
pub struct Classified {
    /// The class of the largest probability.
    pub class: String,
    /// The probability of each class, in the order of [`SentimentModel::classes`].
    pub probabilities: Vec<f64>,
    /// How many words and signs the text has.
    pub words: usize,
    /// How many of them the network does not know.
    pub unknown: usize,
    /// What is strange about it: that hardly a word is known, or that not all of it was read.
    pub remark: Option<String>,
}

type Trace = Box<dyn FnMut(&[Tensor]) -> Step + Send>;

/// A network with its trained weights that says what texts are.
pub struct Classifier {
    classes: Vec<String>,
    encoder: Encoder,
    /// Rows `[1, T, 1 + N]` and their length `[1]` → probabilities `[1, C]`.
    classify: Compiled<Trace>,
    /// The same, a share `[1]` of each vector and a class `[1]` → the class's score with vectors that long, `[1]`, and by its gradient there what each word
    /// and each group speaks for it, `[1, T, 1 + N]`.
    explain: Compiled<Trace>,
}

/// Texts are padded to multiples of this: a program is planned for each length.
const MULTIPLE: usize = 16;

impl Classifier {
    /// Of a network with its trained weights, as its description builds it.
    ///
    /// # Errors
    /// When the description has no tokeniser.
    pub fn new(model: &SentimentModel, network: Arc<SentimentNetwork>) -> Result<Classifier> {
        let other = network.clone();
        Ok(Classifier {
            classes: model.classes.clone(),
            encoder: model.encoder()?,
            classify: compile(Box::new(move |args: &[Tensor]| {
                let cx = Context::eval();
                cx.set_lengths(&args[0], &args[1]);
                Step::new().read(&network.forward(&args[0], &cx).softmax(1))
            })),
            explain: compile(Box::new(move |args: &[Tensor]| {
                let [score, spoken] = speaks_for(&other, args);
                Step::new().read(&score).read(&spoken)
            })),
        })
    }

    /// What a text is taken for.
    ///
    /// ```
    /// use gradus_nn::Init;
    /// use gradus_sequences::text::{Architecture, Classifier, SentimentModel, TextColumns, Texts};
    /// let file: String = (0..40).map(|n| format!("it was {} number {n},{}\n", ["good", "bad"][n % 2], n % 2)).collect();
    /// let texts = Texts::parse_csv(format!("text,label\n{file}").as_bytes(), "t.csv", &TextColumns::default())?;
    /// let model = SentimentModel::new(Architecture::Mean, &texts)?;
    /// let mut classifier = Classifier::new(&model, model.network(&Init::new(0))?)?;
    /// let said = classifier.classify("It was a good one.")?;
    /// assert_eq!((said.words, said.unknown), (6, 3)); // "a", "one" and the full stop
    /// assert!((said.probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-6);
    /// assert!(classifier.classify(" ").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the text has no word, or computing meets a bad value.
    pub fn classify(&mut self, text: &str) -> Result<Classified> {
        let ids = self.ids(text)?;
        let (x, length) = self.rows(&ids);
        let probabilities = self.classify.run(&[&x, &length])?.tensor(0).to_vec::<f32>();
        let best = largest(&probabilities);
        let unknown = ids.iter().filter(|&&id| i64::from(id) == self.encoder.unknown).count();
        Ok(Classified {
            class: self.classes[best].clone(),
            probabilities: probabilities.into_iter().map(f64::from).collect(),
            words: ids.len(),
            unknown,
            remark: self.remark(ids.len(), unknown),
        })
    }

    fn remark(&self, words: usize, unknown: usize) -> Option<String> {
        let read = self.encoder.length(words);
        if unknown == words {
            return Some(format!(
                "none of its {} is known: the class is no more than a guess",
                count(words, "word")
            ));
        }
        if 2 * unknown > words {
            return Some(format!("{unknown} of its {words} words are not known"));
        }
        (read < words)
            .then(|| format!("{read} of its {words} words are read, half of them from its end"))
    }

    /// What each word that is read speaks for the class that the text is taken for: the gradient of the class's score by the word's vector, times the vector; and
    /// what the groups that the word belongs to speak, each shared by its words. Those above 0 speak for the class, those below 0 against it.
    ///
    /// # Errors
    /// As [`Classifier::classify`].
    pub fn explain(&mut self, text: &str) -> Result<Vec<(String, f32)>> {
        let ids = self.ids(text)?;
        let class = self.classify_ids(&ids)?;
        let (_, spoken) = self.spoken(&ids, class, 1.0)?;
        Ok(self.by_words(text, &spoken))
    }

    /// What each word that is read speaks for the class, by integrated gradients: the mean gradient on the way from vectors of zeros to the words' own, in so
    /// many steps, times the vectors. Together they come to what the score gains on that way; the second number is by what share of it they miss that.
    ///
    /// ```
    /// # use gradus_nn::Init;
    /// # use gradus_sequences::text::{Architecture, Classifier, SentimentModel, TextColumns, Texts};
    /// # let file: String = (0..40).map(|n| format!("it was {} number {n},{}\n", ["good", "bad"][n % 2], n % 2)).collect();
    /// # let texts = Texts::parse_csv(format!("text,label\n{file}").as_bytes(), "t.csv", &TextColumns::default())?;
    /// # let model = SentimentModel::new(Architecture::Mean, &texts)?;
    /// let mut classifier = Classifier::new(&model, model.network(&Init::new(0))?)?;
    /// let (words, completeness) = classifier.integrated("It was a good one.", 50)?;
    /// assert!(words.len() == 6 && completeness < 0.01);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Classifier::classify`], and when no steps are asked for.
    ///
    /// **Paper** Sundararajan et al. 2017, arXiv:1703.01365, §6.3 on texts.
    pub fn integrated(&mut self, text: &str, steps: usize) -> Result<(Vec<(String, f32)>, f64)> {
        if steps == 0 {
            return Err(DataError::invalid("steps", "0", "one at least").into());
        }
        let ids = self.ids(text)?;
        let class = self.classify_ids(&ids)?;
        let (from, _) = self.spoken(&ids, class, 0.0)?;
        let (to, mut mean) = self.spoken(&ids, class, 1.0)?;
        mean.fill(0.0);
        for step in 0..steps {
            let share = (step as f64 + 0.5) / steps as f64;
            let (_, spoken) = self.spoken(&ids, class, share)?;
            mean.iter_mut().zip(spoken).for_each(|(mean, spoken)| *mean += spoken / steps as f32);
        }
        let sum: f64 = mean.iter().map(|&x| f64::from(x)).sum();
        let missed = match sum - (to - from) {
            0.0 => 0.0,
            missed => missed.abs() / (to - from).abs(),
        };
        Ok((self.by_words(text, &mean), missed))
    }

    /// The class of the largest score.
    fn classify_ids(&mut self, ids: &[u32]) -> Result<usize> {
        let (x, length) = self.rows(ids);
        let probabilities = self.classify.run(&[&x, &length])?.tensor(0).to_vec::<f32>();
        Ok(largest(&probabilities))
    }

    /// The score of a class with that share of each vector, and what each word and group speaks by its gradient there.
    fn spoken(&mut self, ids: &[u32], class: usize, share: f64) -> Result<(f64, Vec<f32>)> {
        let (x, length) = self.rows(ids);
        let (share, class) = (Tensor::from([share as f32]), Tensor::from([class as i64]));
        let found = self.explain.run(&[&x, &length, &share, &class])?;
        Ok((found.item(0), found.tensor(1).to_vec::<f32>()))
    }

    /// Words with what they speak, groups shared by their words.
    fn by_words(&self, text: &str, spoken: &[f32]) -> Vec<(String, f32)> {
        let text = plain(text);
        let words: Vec<&str> = Splitter::Words.pieces(&text).collect();
        let read: Vec<&&str> = self.encoder.read(&words).collect();
        let width = self.encoder.width();
        let mut values = vec![0.0; read.len()];
        for (at, row) in spoken.chunks_exact(width).take(read.len()).enumerate() {
            values[at] += row[0];
            for (before, group) in row[1..].iter().enumerate().filter(|&(before, _)| before <= at) {
                let share = group / (before + 1) as f32;
                values[at - before..=at].iter_mut().for_each(|value| *value += share);
            }
        }
        read.into_iter().map(|word| (*word).to_owned()).zip(values).collect()
    }

    fn ids(&self, text: &str) -> Result<Vec<u32>> {
        let ids = self.encoder.ids(text)?;
        match ids.is_empty() {
            true => Err(DataError::invalid("text", "no word", "one at least").into()),
            false => Ok(ids),
        }
    }

    /// Rows `[1, T, 1 + N]`, padded, and how many are there, `[1]`.
    fn rows(&self, ids: &[u32]) -> (Tensor, Tensor) {
        let (mut rows, width) = (self.encoder.rows(ids), self.encoder.width());
        let length = rows.len() / width;
        let padded = length.next_multiple_of(MULTIPLE);
        rows.resize(padded * width, 0);
        (Tensor::from_slice(&rows, [1, padded, width]), Tensor::from_slice(&[length as i64], [1]))
    }
}

/// Where the largest is, the first of equals.
fn largest(values: &[f32]) -> usize {
    let at = (0..values.len()).rev().max_by(|&a, &b| values[a].total_cmp(&values[b]));
    at.unwrap_or(0)
}

/// A class's score `[1]` with a share of each vector, and the gradient there times the whole vectors, for each word and each group: `[1, T, 1 + N]`.
/// Arguments as those of `Classifier::explain`.
fn speaks_for(network: &SentimentNetwork, args: &[Tensor]) -> [Tensor; 2] {
    let [x, lengths, share, class] = args else { unreachable!("four arguments") };
    let seen = RefCell::new((None, None));
    let look = Context::eval().with_hook(|path, y| {
        let mut seen = seen.borrow_mut();
        let slot = match path {
            "embedding" => &mut seen.0,
            "grams" => &mut seen.1,
            _ => return None,
        };
        let part = y * share;
        *slot = Some((y.clone(), part.clone()));
        Some(part)
    });
    look.set_lengths(x, lengths);
    let score = network.forward(x, &look).gather(1, &class.unsqueeze(1)).sum(..);
    drop(look);
    let (words, groups) = seen.into_inner();
    let (batch, places, width) = (x.size(0), x.size(1), x.size(2));
    let spoken = |input: Option<(Tensor, Tensor)>, columns: usize| {
        let none = Tensor::zeros([batch, places, columns]);
        let Some((whole, part)) = input else { return none };
        match gradients(&score, std::slice::from_ref(&part)) {
            Ok(slopes) => match slopes.into_iter().next().flatten() {
                Some(slope) => (slope * &whole).sum(-1).reshape([batch, places, columns]),
                None => none,
            },
            Err(error) => Tensor::refuse(error),
        }
    };
    let words = spoken(words, 1);
    if width == 1 {
        return [score, words];
    }
    let all = Tensor::concat(&[&words, &spoken(groups, LONGEST)], 2);
    [score, all]
}

/// Words with what they speak, on colours of a terminal: blue for the class, red against it.
///
/// ```
/// use gradus_sequences::text::on_terminal;
/// let words = [("a".to_owned(), 0.0), ("joy".to_owned(), 1.0), (".".to_owned(), -0.5)];
/// assert_eq!(on_terminal(&words), "a \x1b[48;5;75;30mjoy\x1b[0m\x1b[48;5;217;30m.\x1b[0m");
/// ```
pub fn on_terminal(words: &[(String, f32)]) -> String {
    // From red over nothing to blue.
    const SHADES: [u8; 7] = [203, 210, 217, 0, 153, 117, 75];
    let most = strongest(words);
    let mut text = String::new();
    for (word, value) in spaced(words) {
        let blanks = word.len() - word.trim_start().len();
        let shade = SHADES[(3.0 + 3.0 * value / most).round().clamp(0.0, 6.0) as usize];
        let bare: String = word.trim_start().chars().filter(|c| !c.is_control()).collect();
        text.push_str(&word[..blanks]);
        match shade {
            0 => text.push_str(&bare),
            _ => drop(write!(text, "\x1b[48;5;{shade};30m{bare}\x1b[0m")),
        }
    }
    text
}

/// The same as a paragraph of HTML: the deeper the blue, the more a word speaks for the class; the deeper the red, against it.
///
/// ```
/// use gradus_sequences::text::as_html;
/// let words = [("a".to_owned(), 0.0), ("<joy>".to_owned(), 1.0)];
/// let page = as_html(&words);
/// assert!(page.starts_with("<p>") && page.contains("background:#55aaff") && page.contains(" &lt;joy&gt;"), "{page}");
/// ```
pub fn as_html(words: &[(String, f32)]) -> String {
    let (texts, values): (Vec<String>, Vec<f32>) = spaced(words).unzip();
    let mut page = "<p>".to_owned();
    coloured_around(&mut page, &texts, &values, 0.0, strongest(words));
    page + "</p>\n"
}

/// The largest value in either direction.
fn strongest(words: &[(String, f32)]) -> f32 {
    words.iter().map(|(_, value)| value.abs()).fold(1e-9, f32::max)
}

/// Each word with the blank before it, which signs that close have none of.
fn spaced(words: &[(String, f32)]) -> impl Iterator<Item = (String, f32)> {
    words.iter().enumerate().map(|(at, (word, value))| {
        let closes = word.starts_with(['.', ',', ';', ':', '!', '?', ')', ']', '…']);
        let blank = if at == 0 || closes { "" } else { " " };
        (format!("{blank}{word}"), *value)
    })
}
