//! Files of Keras: how their layers found their places is said, and what was folded.

use super::candidates::Candidates;
use super::{Args, describe};
use crate::description::Description;
use crate::error::Result;
use crate::network::build;
use gradus::io::keras::{Model, parse_within};
use gradus::io::onnx;
use gradus::io::weights::{self, Format};
use gradus::io::{Budget, NamedArray, printable};
use gradus::models::import::{FromKeras, Imported, Matched, import_keras};
use gradus::models::{Entry, find};
use gradus::nn::{Init, Parameter, parameters};

/// What a file holds.
pub(super) enum Source {
    /// Arrays by their names.
    Arrays(Vec<NamedArray>),
    /// An ONNX model.
    Onnx(Box<onnx::Model>),
    /// A model of Keras's, or the weights of one.
    Keras(Model),
}

/// Reads the file.
pub(super) fn read(args: &Args) -> Result<(Format, Source)> {
    let bytes = gradus::io::read_file(&args.file)?;
    let in_file = |error: gradus::io::Error| error.in_file(&args.file);
    let format = Format::of(&bytes).map_err(in_file)?;
    if format == Format::Onnx {
        // Its weights may lie in files beside it.
        drop(bytes);
        return Ok((format, Source::Onnx(Box::new(onnx::read_model(&args.file)?))));
    }
    let budget = budget(&args.model);
    let is_keras = matches!(format, Format::Hdf5 | Format::Keras);
    let source = match is_keras && args.origin.as_deref().is_none_or(|origin| origin == "keras") {
        true => Source::Keras(parse_within(&bytes, &budget).map_err(in_file)?),
        false => {
            let (format, arrays) = weights::parse_within(&bytes, &budget).map_err(in_file)?;
            return Ok((format, Source::Arrays(arrays)));
        }
    };
    Ok((format, source))
}

/// What a file may unpack to: what the network of that name can take, as it is published.
fn budget(model: &str) -> Budget {
    let model = find(model).and_then(|entry| build(model, &entry.design(), &Init::blank()).ok());
    let bytes = |p: &Parameter| p.variable().shape().len() * p.variable().dtype().size();
    let bytes = model.map_or(0, |model| parameters(&model).iter().map(|(_, p)| bytes(p)).sum());
    Budget::of_network(bytes)
}

/// A network of the zoo with the weights of a file of Keras's.
pub(super) fn of_zoo(args: &Args, file: Model) -> Result<(String, Candidates)> {
    // Keras pads otherwise than everybody else, which makes another network of the same weights.
    let own = format!("{}_keras", args.model);
    let name = if find(&own).is_some() { own } else { args.model.clone() };
    let entry = find(&name).expect("it was looked for");
    let mut description = describe(args, &name, (entry.input, entry.classes))?;
    let imported = import(args, &mut description, file)?;
    Ok((name, Candidates::new(args, description, vec![imported])?))
}

/// How convolutions with strides may be padded.
pub(super) const PADDINGS: &[&str] = &["both-sides", "same"];

/// The weights of a file as the described network needs them, with remarks. Where it can be padded in two ways and nobody said how,
/// it is as the file tells, and as Keras does by itself if the file does not tell.
fn import(args: &Args, description: &mut Description, file: Model) -> Result<Imported> {
    let unlisted = file.unlisted.clone();
    let take = |description: &Description, file: Model| -> Result<FromKeras> {
        let model = description.build(&Init::blank())?;
        let found = import_keras(&model, file, args.epsilon, args.partial);
        Ok(found.map_err(|error| error.in_file(&args.file))?)
    };
    let entry = find(&description.architecture);
    let open = args.padding.is_none() && entry.is_some_and(Entry::has_same_padding);
    if !open {
        let found = take(description, file)?;
        remark(&found, &unlisted, None);
        return Ok(found.weights);
    }
    let mut padding = None;
    let found = match take(description, file.clone()) {
        Ok(found) if !found.untold.is_empty() => {
            padding = Some(
                "the file does not say how convolutions with strides are padded: as Keras's \"same\" is taken (--padding both-sides states another)",
            );
            description.network.same_padding = true;
            take(description, file)?
        }
        Err(error) => {
            description.network.same_padding = true;
            padding = Some("convolutions with strides are padded as Keras's \"same\"");
            take(description, file).map_err(|_| error)?
        }
        Ok(first) => first,
    };
    remark(&found, &unlisted, padding);
    Ok(found.weights)
}

fn remark(found: &FromKeras, unlisted: &[String], padding: Option<&str>) {
    for remark in remarks(found, unlisted).iter().map(String::as_str).chain(padding) {
        say!("{}", printable(remark)); // names are the file's
    }
}

fn remarks(found: &FromKeras, unlisted: &[String]) -> Vec<String> {
    let mut remarks = vec![];
    if !unlisted.is_empty() {
        let (count, names) = (unlisted.len(), shortened(unlisted));
        remarks.push(format!("of no listed layer, not read ({count}): {names}"));
    }
    match found.matched {
        Matched::Names => {}
        Matched::Order => remarks.push(
            "the layers' names are not known: they were matched by the order that the file tells".into(),
        ),
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
