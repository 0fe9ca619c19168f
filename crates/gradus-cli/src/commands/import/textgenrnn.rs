//! `gradus import --model textgenrnn`: a network that writes, with the characters it was trained on.

use super::{Args, sizes, target, warn_of_broken_weights};
use crate::bars::grouped;
use crate::description::Description;
use crate::error::{CliError, Result, shell_word};
use crate::model_file;
use gradus::io::{keras, printable, read_text};
use gradus::nn::parameters;
use gradus::sequences::Model;
use gradus::sequences::language::Textgenrnn;
use gradus::text::Tokenizer;
use serde_json::json;
use std::io::Write;
use std::path::Path;

/// Its name.
pub(super) const NAME: &str = Textgenrnn::NAME;

/// Makes a model of its weights and its vocabulary.
pub(super) fn run(args: &Args) -> Result<()> {
    refuse_of_others(args)?;
    let Some(vocabulary) = &args.vocabulary else {
        let what = "the weights do not say what characters they are of: add --vocabulary FILE, the …_vocab.json beside them";
        return Err(CliError::Usage(format!("--model {NAME}: {what}")));
    };
    let window = match args.input.as_deref().map(sizes).transpose()?.as_deref() {
        None => Textgenrnn::WINDOW,
        Some(&[window]) => window,
        Some(other) => {
            let what =
                format!("--input {other:?}, {NAME} takes one number: the characters that it sees");
            return Err(CliError::Usage(what));
        }
    };
    let characters = read_text(vocabulary)?;
    let name = vocabulary.display().to_string();
    let tokenizer = Tokenizer::of_word_index(&characters, &name, Textgenrnn::BEGIN)?;
    let own = Textgenrnn::import(keras::read(&args.file)?, &tokenizer, window)
        .map_err(|error| error.in_file(&args.file))?;
    let data = args.file.file_name().unwrap_or_default().to_string_lossy();
    let symbols = tokenizer.vocabulary().len();
    let description = Description::of_sequences(NAME, &data, Model::Language(own.model), vec![]);
    let path = target(args)?;
    model_file::save(&path, &description, &*own.network)?;
    warn_of_broken_weights(&*own.network);
    if !own.left_out.is_empty() {
        let names = printable(&own.left_out.join(", ")); // names are the file's
        say!("left out ({}): {names}", own.left_out.len());
    }
    if args.input.is_none() {
        say!(
            "remark: neither file says how many characters the network sees: {window} were taken, which textgenrnn's max_length is by itself (--input states another)"
        );
    }
    let count: usize =
        parameters(&*own.network).iter().map(|(_, p)| p.variable().shape().len()).sum();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{NAME}: {} parameters from Keras, {symbols} symbols", grouped(count as u64))?;
    writeln!(out, "model  {}", path.display())?;
    writeln!(out, "next   gradus sample {} --prime \"…\" --temperature 0.5", called(args, &path))?;
    if args.json {
        let record = json!({
            "model": NAME, "format": "Keras", "params": count, "file": path,
            "left_out": own.left_out, "symbols": symbols, "window": window,
        });
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// What other commands find it by.
fn called(args: &Args, path: &Path) -> String {
    match (&args.out, &args.name) {
        (Some(_), _) => shell_word(path),
        (None, Some(name)) => shell_word(Path::new(name)),
        (None, None) => NAME.into(),
    }
}

/// Refuses what would change nothing here.
fn refuse_of_others(args: &Args) -> Result<()> {
    let of_others = [
        ("classes", args.classes.is_some()),
        ("origin", args.origin.is_some()),
        ("preprocessing", args.preprocessing.is_some()),
        ("width", args.width.is_some()),
        ("epsilon", args.epsilon.is_some()),
        ("padding", args.padding.is_some()),
        ("shortcut-padding", args.shortcut_padding.is_some()),
        ("partial", args.partial),
        ("check-input", args.check_input.is_some()),
        ("check-data", args.check_data.is_some()),
    ];
    match of_others.iter().find(|(_, stated)| *stated) {
        Some((option, _)) => Err(CliError::Usage(format!(
            "--{option} is of networks for pictures and tables; {NAME} has no such option"
        ))),
        None => Ok(()),
    }
}
