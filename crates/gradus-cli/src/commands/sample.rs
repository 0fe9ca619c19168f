//! `gradus sample`: lets a language model write.

use crate::computing::Computing;
use crate::error::{CliError, Result};
use crate::sequences::{LanguageRun, language_model};
use gradus::io::atomic_write;
use gradus::sequences::language::{Memory, Reader, cells};
use gradus::text::{LineEnds, Sampler, Special, Tokenizer, read_text};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Let a trained language model write
///
/// It goes on from the prime, symbol by symbol, each drawn by its probability. Below temperature 1 likely symbols become more likely, with
/// 0 the most likely one is always taken. The same seed writes the same text.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  gradus sample runs/char-lstm-1
  gradus sample runs/char-lstm-1 --prime \"ROMEO:\" --temperature 0.5 --length 1000
  gradus sample runs/char-lstm-1 --prime \"First Citizen\" --top-p 0.9 --seed 3 --out written.txt
  gradus sample textgenrnn --prime \"My girlfriend is\" --temperature 0.5
  gradus sample runs/char-lstm-1 --cells cells.html --text book.txt")]
pub struct Args {
    /// A run of a language model, such as char-lstm, its file, or the name of an imported one
    #[arg(value_name = "RUN|MODEL_FILE|NAME")]
    model: PathBuf,
    /// What it goes on from [default: a line break, or what a text began with]
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    prime: Option<String>,
    /// How many symbols it writes, unless the text ends before; of a model of lines, such as names, how many lines
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    length: u32,
    /// What scores are divided by before a symbol is drawn
    #[arg(long, value_name = "X", default_value_t = 0.8)]
    temperature: f64,
    /// Draw from the N most likely symbols only
    #[arg(long, value_name = "N")]
    top_k: Option<usize>,
    /// Draw from the most likely symbols only that together have this probability
    #[arg(long, value_name = "P")]
    top_p: Option<f64>,
    /// Make symbols that were written before less likely: above 1
    #[arg(long, value_name = "X")]
    repetition_penalty: Option<f64>,
    /// The seed of what is drawn: same seed, same text
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Also keep the text in this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write nothing, but colour a text by what single units keep in mind, into this page
    #[arg(long, value_name = "FILE.html", requires = "text")]
    cells: Option<PathBuf>,
    /// The text that is coloured
    #[arg(long, value_name = "FILE", requires = "cells")]
    text: Option<PathBuf>,
    #[command(flatten)]
    computing: Computing,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// Writes.
pub fn run(args: &Args) -> Result<()> {
    args.computing.begin("cpu")?;
    let model = language_model(&args.model)?;
    if let (Some(page), Some(text)) = (&args.cells, &args.text) {
        return colour(args, model, page, text);
    }
    let prime = prime(args, &model)?;
    let mut reader = Reader::new(model.network.clone());
    let mut sampler = args.sampler();
    let start = Instant::now();
    let written = match model.description.lines {
        true => lines(args, &model, &mut reader, &mut sampler, &prime)?,
        false => text(args, &model, &mut reader, &mut sampler, &prime)?,
    };
    let seconds = start.elapsed().as_secs_f64();
    if let Some(path) = &args.out {
        atomic_write(path, |w| w.write_all(written.text.as_bytes()))?;
        say!("kept in {}", path.display());
    }
    if args.json {
        let record = json!({
            "model": model.name, "text": written.text, "symbols": written.symbols, "seed": args.seed,
            "temperature": args.temperature, "seconds": seconds, "symbols_per_second": written.symbols as f64 / seconds.max(1e-9),
        });
        writeln!(std::io::stdout(), "{record}")?;
    }
    Ok(())
}

impl Args {
    fn sampler(&self) -> Sampler {
        let mut sampler = Sampler::new(self.seed).temperature(self.temperature);
        if let Some(top_k) = self.top_k {
            sampler = sampler.top_k(top_k);
        }
        if let Some(top_p) = self.top_p {
            sampler = sampler.top_p(top_p);
        }
        match self.repetition_penalty {
            Some(penalty) => sampler.repetition_penalty(penalty),
            None => sampler,
        }
    }
}

/// The ids that it goes on from.
fn prime(args: &Args, model: &LanguageRun) -> Result<Vec<i64>> {
    let vocabulary = model.tokenizer.vocabulary();
    let begin: Vec<i64> = vocabulary.special(Special::Bos).into_iter().collect();
    let Some(text) = args.prime.as_deref().filter(|text| !text.is_empty()) else {
        // Of a text a line break says least; whatever comes first in the vocabulary has to do where there is none.
        let usual = begin.first().copied().or_else(|| vocabulary.id("\n")).unwrap_or(0);
        return Ok(vec![usual]);
    };
    let ids = model.tokenizer.encode(text).map_err(|e| {
        CliError::Usage(format!(
            "--prime: {e}; {} was trained on a text without it",
            args.model.display()
        ))
    })?;
    if let Memory::Last { symbols, .. } | Memory::Window { symbols } = model.network.memory()
        && ids.len() > symbols
    {
        say!(
            "remark: the prime has {} symbols, of which the network sees the last {symbols}",
            ids.len()
        );
    }
    Ok([begin, ids].concat())
}

/// What was written.
struct Written {
    text: String,
    symbols: usize,
}

/// One text, shown as it is written.
fn text(
    args: &Args,
    model: &LanguageRun,
    reader: &mut Reader,
    sampler: &mut Sampler,
    prime: &[i64],
) -> Result<Written> {
    let mut told =
        Told { tokenizer: &model.tokenizer, pending: vec![], text: String::new(), ended: None };
    // Where texts begin with a sign, the next one begins where this one ends.
    let begin = model.tokenizer.vocabulary().special(Special::Bos);
    let is_text = |id: i64| Some(id) != begin;
    if args.prime.is_some() {
        prime.iter().filter(|&&id| is_text(id)).for_each(|&id| _ = told.add(id));
    }
    let goes_on = |id| is_text(id) && told.add(id);
    let ids = reader.write(prime, args.length as usize, sampler, goes_on)?;
    told.finish()?;
    Ok(Written { symbols: ids.len() - prime.len(), text: told.text })
}

/// Text that is shown as its symbols come. Several bytes or pieces may make one character.
struct Told<'a> {
    tokenizer: &'a Tokenizer,
    pending: Vec<i64>,
    text: String,
    ended: Option<std::io::Error>,
}

impl Told<'_> {
    /// One more symbol; false where nobody reads any more.
    fn add(&mut self, id: i64) -> bool {
        self.pending.push(id);
        // Words have blanks between them that only their neighbours tell.
        let is_words = self.tokenizer.kind() == "words";
        let keep = usize::from(is_words && self.pending.len() > 1);
        let decode = |ids: &[i64]| {
            self.tokenizer.decode_bytes(ids).ok().and_then(|bytes| String::from_utf8(bytes).ok())
        };
        let shown = match is_words {
            false => decode(&self.pending),
            true => {
                let (before, all) = (decode(&self.pending[..keep]), decode(&self.pending));
                before
                    .zip(all)
                    .and_then(|(before, all)| Some(all.strip_prefix(&before)?.to_owned()))
            }
        };
        if let Some(shown) = shown {
            self.text += &shown;
            self.pending = if is_words { vec![id] } else { vec![] };
            let mut out = std::io::stdout().lock();
            if let Err(error) = out.write_all(shown.as_bytes()).and_then(|()| out.flush()) {
                self.ended = Some(error);
            }
        }
        self.ended.is_none()
    }
    fn finish(&mut self) -> Result<()> {
        if let Some(error) = self.ended.take() {
            return Err(error.into());
        }
        if !self.text.ends_with('\n') {
            writeln!(std::io::stdout())?;
        }
        Ok(())
    }
}

/// Lines, each begun anew.
fn lines(
    args: &Args,
    model: &LanguageRun,
    reader: &mut Reader,
    sampler: &mut Sampler,
    prime: &[i64],
) -> Result<Written> {
    /// No line is longer.
    const LONGEST: usize = 1_000;
    let signs = [Special::Bos, Special::Eos, Special::Pad];
    let signs = signs.map(|sign| model.tokenizer.vocabulary().special(sign));
    let (signs, end): (Vec<i64>, Option<i64>) = (signs.into_iter().flatten().collect(), signs[1]);
    let mut written = Written { text: String::new(), symbols: 0 };
    let mut out = std::io::stdout().lock();
    for _ in 0..args.length {
        let ids = reader.write(prime, LONGEST, sampler, |id| Some(id) != end)?;
        let told: Vec<i64> = ids.iter().copied().filter(|id| !signs.contains(id)).collect();
        let line = model.tokenizer.decode(&told)? + "\n";
        out.write_all(line.as_bytes())?;
        written.symbols += ids.len() - prime.len();
        written.text += &line;
    }
    Ok(written)
}

/// So many symbols of a text are coloured.
const COLOURED: usize = 20_000;

/// Colours a text by what single units keep in mind.
fn colour(args: &Args, model: LanguageRun, page: &Path, text: &Path) -> Result<()> {
    let read = read_text(text, LineEnds::Keep)?;
    let mut ids = model.tokenizer.encode(&read.text)?;
    if ids.len() > COLOURED {
        say!(
            "remark: {} has {} symbols; the first {COLOURED} are coloured",
            text.display(),
            ids.len()
        );
        ids.truncate(COLOURED);
    }
    let mut reader = Reader::new(model.network.clone());
    let seen = reader.costs(&ids, true)?;
    let texts: Vec<String> = ids
        .iter()
        .take(seen.nats.len())
        .map(|&id| model.tokenizer.decode(&[id]))
        .collect::<Result<_, _>>()?;
    let found = cells::find(&texts, &seen.units);
    let title = format!("What the units of {} keep in mind of {}", model.name, text.display());
    let html = cells::page(&title, &texts, &seen.units, &found);
    atomic_write(page, |w| w.write_all(html.as_bytes()))?;
    let mut out = std::io::stdout().lock();
    for cell in &found {
        writeln!(
            out,
            "unit {:<5} {} (correlation {:+.2})",
            cell.unit, cell.follows, cell.correlation
        )?;
    }
    let nats = seen.likelihood().nats_per_symbol();
    writeln!(out, "{nats:.4} nats a symbol")?;
    writeln!(out, "page           {}", page.display())?;
    if args.json {
        let record: Value = json!({ "model": model.name, "nats": nats, "symbols": seen.nats.len(), "cells": found, "page": page });
        writeln!(out, "{record}")?;
    }
    Ok(())
}
