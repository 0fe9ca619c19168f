//! `gradus classify`: what texts are taken for, and which of their words speak for that.

use crate::bars::{bar, counted, figure, shortened};
use crate::computing::Computing;
use crate::csv_file::CsvFile;
use crate::error::{CliError, Result};
use crate::sequences::{GenomeRun, TextRun, genome_model, text_model};
use gradus::io::{atomic_write, visible};
use gradus::sequences::language::cells::escaped;
use gradus::sequences::text::{Classified, as_html, on_terminal};
use gradus::text::{LineEnds, read_text};
use serde_json::{Value, json};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// Say what texts or sequences of nucleotides are taken for by a trained network, such as sentiment or splice
///
/// On a terminal each word is coloured by what it speaks for the class (blue) or against it (red): the gradient of the class's score by the word's
/// vector, times the vector; or, by --explain integrated-gradients, the mean gradient on the way from no vectors to the words' own, so that the words'
/// shares add up to what the score gains.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  gradus classify runs/sentiment-1 \"a film that is worth every minute\"
  gradus classify runs/sentiment-1 --lines reviews.txt --out classes.csv
  gradus classify runs/sentiment-1 \"not bad at all\" --html words.html --json
  gradus classify runs/splice-1 GGTGTTGCTCTTAGGATGTATCCCCTCAAA")]
pub struct Args {
    /// A run of a network of texts, or its file
    #[arg(value_name = "RUN|MODEL_FILE")]
    model: PathBuf,
    /// The texts, each in quotes
    #[arg(value_name = "TEXT", required_unless_present = "lines")]
    texts: Vec<String>,
    /// A file with a text in each line; - reads stdin
    #[arg(long, value_name = "FILE", conflicts_with = "texts")]
    lines: Option<PathBuf>,
    /// Write each text, its class and the probabilities into this file
    #[arg(long, value_name = "FILE.csv")]
    out: Option<PathBuf>,
    /// Write the texts with their words coloured into this page
    #[arg(long, value_name = "FILE.html")]
    html: Option<PathBuf>,
    /// How words are explained
    #[arg(long, value_name = "METHOD", default_value = "gradient", value_parser = ["gradient", "integrated-gradients"])]
    explain: String,
    #[command(flatten)]
    computing: Computing,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// A text that was looked at.
struct Seen {
    text: String,
    class: String,
    probabilities: Vec<f64>,
    /// Its words and what each speaks for the class; none of nucleotides.
    words: Vec<(String, f32)>,
    /// By what share the words' shares miss the gain of the score, where they should add up to it.
    completeness: Option<f64>,
    unknown: usize,
    remark: Option<String>,
}

/// Steps of integrated gradients.
const STEPS: usize = 100;

/// What looks at texts.
enum Looking {
    Words(Box<TextRun>),
    Letters(Box<GenomeRun>),
}

impl Looking {
    /// The network of a run.
    fn of(args: &Args) -> Result<Looking> {
        if let Some(run) = text_model(&args.model)? {
            return Ok(Looking::Words(Box::new(run)));
        }
        genome_model(&args.model)?.map(|run| Looking::Letters(Box::new(run))).ok_or_else(|| {
            CliError::Usage(format!(
                "{}: found a model of something else, expected one of texts or nucleotides: sentiment or splice",
                args.model.display()
            ))
        })
    }
    fn about(&self) -> (String, Vec<String>) {
        match self {
            Looking::Words(run) => (run.name.clone(), run.classes.clone()),
            Looking::Letters(run) => (run.name.clone(), run.classes.clone()),
        }
    }
    fn look(&mut self, text: &str, integrated: bool) -> gradus::train::Result<Seen> {
        match self {
            Looking::Words(run) => {
                let Classified { class, probabilities, unknown, remark, .. } =
                    run.classifier.classify(text)?;
                let (words, completeness) = match integrated {
                    true => {
                        let (words, missed) = run.classifier.integrated(text, STEPS)?;
                        (words, Some(missed))
                    }
                    false => (run.classifier.explain(text)?, None),
                };
                let text = text.to_owned();
                Ok(Seen { text, class, probabilities, words, completeness, unknown, remark })
            }
            Looking::Letters(run) => {
                let probabilities = run.reader.classify(text)?;
                let best = (0..probabilities.len())
                    .rev()
                    .max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
                let class = run.classes[best.unwrap_or(0)].clone();
                Ok(Seen {
                    text: text.to_owned(),
                    class,
                    probabilities,
                    words: vec![],
                    completeness: None,
                    unknown: 0,
                    remark: None,
                })
            }
        }
    }
}

/// Classifies.
pub fn run(args: &Args) -> Result<()> {
    args.computing.begin("cpu")?;
    let mut looking = Looking::of(args)?;
    let (name, classes) = looking.about();
    let mut seen = vec![];
    for (at, text) in texts(args)?.iter().enumerate() {
        let found = looking.look(text, args.explain == "integrated-gradients");
        seen.push(found.map_err(|e| CliError::Usage(format!("text {}: {e}", at + 1)))?);
    }
    if args.html.is_some() && seen.iter().any(|seen| seen.words.is_empty()) {
        return Err(CliError::Usage("--html: nucleotides have no words to be coloured".into()));
    }
    if let Some(path) = &args.out {
        let bytes = table(&classes, &seen);
        atomic_write(path, |w| w.write_all(&bytes))?;
    }
    if let Some(path) = &args.html {
        let page = page(&name, &seen);
        atomic_write(path, |w| w.write_all(page.as_bytes()))?;
    }
    let mut out = std::io::stdout().lock();
    if args.out.is_none() {
        let is_coloured = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        seen.iter().try_for_each(|seen| show(&mut out, seen, &classes, is_coloured))?;
    }
    for (what, path) in [("table", &args.out), ("page", &args.html)] {
        if let Some(path) = path {
            writeln!(
                out,
                "{what:<14} {}   ({})",
                path.display(),
                counted(seen.len() as u64, "text")
            )?;
        }
    }
    if args.json {
        let all: Vec<Value> = seen.iter().map(|seen| record(seen, &classes)).collect();
        writeln!(out, "{}", json!({ "model": name, "classes": classes, "texts": all }))?;
    }
    Ok(())
}

/// The texts that are named.
fn texts(args: &Args) -> Result<Vec<String>> {
    let Some(path) = &args.lines else { return Ok(args.texts.clone()) };
    let read = read_text(path, LineEnds::Newline)?;
    let lines = read.text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<String> = lines.map(str::to_owned).collect();
    match lines.is_empty() {
        true => Err(CliError::Work(format!(
            "{}: found blank lines only, expected a text in each",
            path.display()
        ))),
        false => Ok(lines),
    }
}

/// Letters of a class's name.
const WIDEST: usize = 16;
/// Letters of a full bar.
const BAR: usize = 30;
/// So many classes are shown.
const SHOWN: usize = 5;

/// Shows a text with its classes, the most probable first.
fn show(out: &mut impl Write, seen: &Seen, classes: &[String], is_coloured: bool) -> Result<()> {
    let text = if is_coloured && !seen.words.is_empty() {
        on_terminal(&seen.words)
    } else {
        visible(&seen.text).to_string()
    };
    writeln!(out, "{text}")?;
    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by(|&a, &b| seen.probabilities[b].total_cmp(&seen.probabilities[a]));
    for at in order.into_iter().take(SHOWN) {
        let (class, p) = (shortened(&classes[at], WIDEST), seen.probabilities[at]);
        writeln!(out, "  {class:<WIDEST$} {:>6.1} %  {}", 100.0 * p, bar(p, BAR))?;
    }
    if let Some(missed) = seen.completeness {
        writeln!(
            out,
            "  words add up to within {} % of the score's gain",
            figure(100.0 * missed, 2)
        )?;
    }
    if let Some(remark) = &seen.remark {
        writeln!(out, "  remark: {remark}")?;
    }
    Ok(())
}

/// A row for each text.
fn table(classes: &[String], seen: &[Seen]) -> Vec<u8> {
    let mut header = vec!["text".to_owned(), "class".to_owned()];
    header.extend(classes.iter().cloned());
    let mut file = CsvFile::new(&header);
    for Seen { text, class, probabilities, .. } in seen {
        let mut row = vec![text.clone(), class.clone()];
        row.extend(probabilities.iter().map(f64::to_string));
        file.row(&row);
    }
    file.into_bytes()
}

fn page(name: &str, seen: &[Seen]) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{name}</title><style>body{{font:16px/1.6 Georgia,serif;max-width:50em;margin:2em auto;padding:0 1em}}</style></head>\n<body><p>Blue words speak for the class that a text is taken for, red ones against it.</p>\n"
    );
    for Seen { class, probabilities, words, .. } in seen {
        let sure = probabilities.iter().copied().fold(0.0, f64::max);
        page += &format!("<h2>{} ({:.1} %)</h2>\n{}", escaped(class), 100.0 * sure, as_html(words));
    }
    page + "</body></html>\n"
}

fn record(seen: &Seen, classes: &[String]) -> Value {
    let Seen { text, class, words, completeness, unknown, remark, .. } = seen;
    let probabilities: serde_json::Map<String, Value> = classes
        .iter()
        .zip(&seen.probabilities)
        .map(|(class, p)| (class.clone(), json!(p)))
        .collect();
    json!({
        "text": text, "class": class, "probabilities": probabilities, "words": words, "completeness": completeness, "unknown": unknown, "remark": remark,
    })
}
