//! Files of Keras: how their layers found their places is said, and what was folded.

use super::Args;
use crate::error::{CliError, Result};
use gradus::io::NamedArray;
use gradus::io::keras::{Model, parse};
use gradus::io::weights::{self, Format};
use gradus::models::import::{FromKeras, Imported, Matched, import_keras};
use gradus::nn::Sequential;

/// What a file holds.
pub(super) enum Source {
    /// Arrays by their names.
    Arrays(Vec<NamedArray>),
    /// A model of Keras's, or the weights of one.
    Keras(Model),
}

/// Reads the file.
pub(super) fn read(args: &Args) -> Result<(Format, Source)> {
    let bytes = std::fs::read(&args.file).map_err(CliError::system(&args.file, "read"))?;
    let in_file = |error: gradus::io::Error| error.in_file(&args.file);
    let format = Format::of(&bytes).map_err(in_file)?;
    let is_keras = matches!(format, Format::Hdf5 | Format::Keras);
    let source = match is_keras && args.origin.as_deref().is_none_or(|origin| origin == "keras") {
        true => Source::Keras(parse(&bytes).map_err(in_file)?),
        false => Source::Arrays(weights::parse(&bytes).map_err(in_file)?.1),
    };
    Ok((format, source))
}

/// The weights of a file as the network needs them, with remarks.
pub(super) fn import(args: &Args, model: &Sequential, file: Model) -> Result<Imported> {
    let unlisted = file.unlisted.clone();
    let found = import_keras(model, file, args.epsilon, args.partial)
        .map_err(|error| error.in_file(&args.file))?;
    for remark in remarks(&found, &unlisted) {
        eprintln!("{remark}");
    }
    Ok(found.weights)
}

fn remarks(found: &FromKeras, unlisted: &[String]) -> Vec<String> {
    let mut remarks = vec![];
    if !unlisted.is_empty() {
        let (count, names) = (unlisted.len(), shortened(unlisted));
        remarks.push(format!("of no listed layer, not read ({count}): {names}"));
    }
    match found.matched {
        Matched::Names | Matched::Order => {}
        Matched::Connections => remarks.push(
            "the layers' names are not known: they were matched by how the file says they are connected".into(),
        ),
        Matched::Kinds => remarks.push(
            "the file tells the order of each kind of layers: no other match of all of them fits".into(),
        ),
    }
    if !found.folded.is_empty() {
        remarks.push(format!(
            "biases before batch norms, folded into the running means behind them ({}): predictions are the same up to rounding, training begins without them: {}",
            found.folded.len(),
            shortened(&found.folded)
        ));
    }
    if let Some(epsilon) = found.assumed {
        remarks.push(format!(
            "the file does not say what its batch norms add to the variance: Keras's {epsilon} is taken (--epsilon states another)"
        ));
    }
    if let Some(epsilon) = found.epsilon {
        remarks.push(format!(
            "batch norms of the file have ε = {epsilon}, the network's have another: the difference is added to running variances, so that predictions are the same"
        ));
    }
    if !found.untold.is_empty() {
        remarks.push(format!(
            "warning: the file does not say how convolutions with strides are padded ({}): Keras's \"same\" puts an odd zero below and right, this network as many on each side",
            shortened(&found.untold)
        ));
    }
    remarks
}

/// At most five names.
fn shortened(names: &[String]) -> String {
    let first = names[..names.len().min(5)].join(", ");
    if names.len() > 5 { format!("{first}, …") } else { first }
}
