//! `gradus import`: weights that another program trained, as a model of the zoo.

mod candidates;
mod check;
mod keras;
mod preparation;
mod report;
mod textgenrnn;
mod told;

use crate::bars::grouped;
use crate::description::Description;
use crate::error::{CliError, Result};
use crate::model_file;
use crate::network::{self, Network};
use crate::suggest::{unknown, unknown_model};
use candidates::Candidates;
use gradus::Shape;
use gradus::io::caffe::read_caffemodel;
use gradus::io::printable;
use gradus::io::weights::{self, Format};
use gradus::models::caffe::CaffeNet;
use gradus::models::import::{Imported, Origin, Weights};
use gradus::models::{ZOO, find};
use gradus::nn::{Init, Module};
use keras::Source;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Whose conventions a file may follow.
const ORIGINS: &[&str] = &["pytorch", "keras", "caffe", "gradus"];

/// Make a model of weights that another program trained
///
/// Reads safetensors, PyTorch's .pth, ONNX, .npz, Keras's .keras and .h5, Caffe's .caffemodel and pickles of NumPy arrays; nothing in a file is run. Layers are
/// matched by the names that torchvision, timm and Keras give them, by how a .keras file connects them, or by their order; kernels are turned as needed, and every
/// shape is checked. Without --out the model is kept among the user's models, where other commands find it by its name.
///
/// What shapes do not tell (the order of equal layers, how a square matrix lies, where shortcuts of CIFAR ResNets put their
/// zeros, how pictures are prepared) is said to be not proven. A check proves it: of the conventions that fit, each is tried,
/// and the one that gives what the original gave, or that is right most often, is taken.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gradus import vgg16-397923af.pth --model vgg16\n  gradus predict vgg16 photo.jpg\n  gradus import weights.h5 --model mobilenet_v2 --preprocessing tf --classes breeds.txt --out dogs.safetensors\n  gradus import resnet20.th --model resnet20 --check-data cifar10\n  gradus import net.pth --model resnet20 --check-input x.npy --check-output y.npy\n  gradus import textgenrnn_weights.hdf5 --model textgenrnn --vocabulary textgenrnn_vocab.json"
)]
pub struct Args {
    /// The file of weights
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The network's name in the zoo, textgenrnn, or the .prototxt that a .caffemodel belongs to
    #[arg(long, value_name = "NAME")]
    model: String,
    /// A file for the model, or a folder [default: among the user's models]
    #[arg(long, value_name = "FILE|DIR")]
    out: Option<PathBuf>,
    /// What the model is called among the user's models [default: as the network]
    #[arg(long, value_name = "NAME", conflicts_with = "out")]
    name: Option<String>,
    /// The characters of textgenrnn, each with its number: the JSON file that lies beside its weights
    #[arg(long, value_name = "FILE.json")]
    vocabulary: Option<PathBuf>,
    /// How many classes, or a file with their names: a line each, or JSON [default: as the network is published]
    #[arg(long, value_name = "N|FILE")]
    classes: Option<String>,
    /// The size of a sample, as 3x227x227; of textgenrnn the characters that it sees [default: as the network is published]
    #[arg(long, value_name = "CxHxW")]
    input: Option<String>,
    #[arg(long, value_name = "NAME", help = format!("Whose conventions the file follows: {} [default: told from the format, or from what fits]", ORIGINS.join(", ")))]
    origin: Option<String>,
    #[arg(long, value_name = "NAME", help = format!("How pictures are prepared: {} [default: torch for PyTorch's colour networks, none for grey ones]", preparation::names().join(", ")))]
    preprocessing: Option<String>,
    /// What the channels of every hidden layer are multiplied with, as in Keras's MobileNetV2 of alpha 0.35 [default: 1]
    #[arg(long, value_name = "X")]
    width: Option<f64>,
    /// What the file's batch norms add to the variance, if it is Keras's and does not tell [default: 0.001]
    #[arg(long, value_name = "X")]
    epsilon: Option<f64>,
    #[arg(long, value_name = "NAME", help = format!("How convolutions with strides are padded, in networks for CIFAR: {} [default: both-sides, for Keras's files as the file tells, or same]", keras::PADDINGS.join(", ")))]
    padding: Option<String>,
    /// Where shortcuts of CIFAR ResNets (option A) put their zeros: behind the channels, or half of them before, as public
    /// PyTorch networks do [default: what a check tells, or behind]
    #[arg(long, value_name = "PLACE", value_parser = ["behind", "both-sides"])]
    shortcut_padding: Option<String>,
    /// Layers that the file lacks keep fresh weights, to be trained
    #[arg(long)]
    partial: bool,
    /// What the original was given, prepared as it wants it: a batch, or one sample. What it gave is --check-output
    #[arg(long, value_name = "X.npy", requires = "check_output")]
    check_input: Option<PathBuf>,
    /// What the original gave for --check-input, before or after a softmax; the model must give the same
    #[arg(long, value_name = "Y.npy", requires = "check_input")]
    check_output: Option<PathBuf>,
    /// The largest difference from --check-output, as a share of its largest number
    #[arg(long, value_name = "X", default_value_t = 1e-3, requires = "check_input")]
    check_tolerance: f64,
    /// Labelled samples that the model is tested on, as by eval: a data set's name, a folder or a CSV file. They also name the
    /// classes, if --classes does not
    #[arg(long, value_name = "NAME|DIR|CSV")]
    check_data: Option<String>,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Whether something is to prove the import.
    fn checks(&self) -> bool {
        self.check_input.is_some() || self.check_data.is_some()
    }
}

/// Imports.
pub fn run(args: &Args) -> Result<()> {
    if !(args.check_tolerance > 0.0 && args.check_tolerance.is_finite()) {
        let what = format!("--check-tolerance {}: expected more than 0", args.check_tolerance);
        return Err(CliError::Usage(what));
    }
    if args.model == textgenrnn::NAME {
        return textgenrnn::run(args);
    }
    if args.vocabulary.is_some() {
        let what =
            format!("--vocabulary is of {}; {} has no such option", textgenrnn::NAME, args.model);
        return Err(CliError::Usage(what));
    }
    let (title, format, candidates) = match network::definition(&args.model)? {
        Some(text) => defined(args, text)?,
        None => of_zoo(args)?,
    };
    conclude(args, &title, format, candidates)
}

/// A network of the zoo with its weights.
fn of_zoo(args: &Args) -> Result<(String, &'static str, Candidates)> {
    let zoo: Vec<&str> = ZOO.iter().map(|e| e.name).chain([textgenrnn::NAME]).collect();
    if find(&args.model).is_none() {
        return Err(unknown_model(&args.model, &zoo));
    }
    let (format, source) = keras::read(args)?;
    let (weights, own) = match source {
        Source::Arrays(arrays) if format == Format::Gradus => {
            (arrays.into(), told::of_checkpoint(args)?)
        }
        Source::Arrays(arrays) => (arrays.into(), None),
        Source::Onnx(model) => {
            let own = told::of_properties(args, &model.properties)?;
            let (arrays, inputs_first) = weights::of_onnx(*model);
            (Weights { arrays, inputs_first }, own)
        }
        Source::Keras(file) => {
            let (name, candidates) = keras::of_zoo(args, file)?;
            return Ok((name, format.name(), candidates));
        }
    };
    let asked = args.origin.as_deref();
    let asked =
        asked.map(|name| Origin::named(name).ok_or_else(|| unknown("origin", name, ORIGINS)));
    let origins = match asked.transpose()? {
        Some(origin) => vec![origin],
        None => origins(format, || candidates::are_ours(&args.model, &weights.arrays)),
    };
    own.iter().for_each(|own| say!("{}", printable(&told::line(own)))); // names are the file's
    let candidates = Candidates::of_zoo(args, &origins, own, weights)?;
    Ok((candidates.all[0].description.architecture.clone(), format.name(), candidates))
}

/// Whose conventions a file of a format may follow, likeliest first. `ours` says whether its names are all ours, as in what
/// `export` writes.
fn origins(format: Format, ours: impl Fn() -> bool) -> Vec<Origin> {
    match format {
        Format::Gradus => vec![Origin::Gradus],
        Format::PyTorch | Format::Onnx => vec![Origin::PyTorch],
        Format::Hdf5 | Format::Keras => vec![Origin::Keras],
        Format::Pickle => vec![Origin::Keras, Origin::PyTorch, Origin::Gradus],
        Format::Npz if ours() => vec![Origin::Gradus, Origin::PyTorch, Origin::Keras],
        Format::Npz | Format::Safetensors => vec![Origin::PyTorch, Origin::Gradus, Origin::Keras],
    }
}

/// A network of Caffe with its weights.
fn defined(args: &Args, text: String) -> Result<(String, &'static str, Candidates)> {
    if args.shortcut_padding.is_some() {
        let what = format!("--shortcut-padding: {} says itself what its layers are", args.model);
        return Err(CliError::Usage(what));
    }
    let input = args.input.as_deref().map(sizes).transpose()?;
    let net = CaffeNet::parse(&text, input.as_deref().map(Shape::from), &Init::blank())
        .map_err(|error| error.in_file(Path::new(&args.model)))?;
    let in_file = |error: gradus::io::Error| error.in_file(&args.file);
    let (arrays, left_out) = net.weights_of(read_caffemodel(&args.file)?).map_err(in_file)?;
    let published = (&net.input_shape()[..], net.output_shape().len());
    let description =
        Description { definition: Some(text), ..describe(args, &args.model, published)? };
    let imported = Imported { origin: Origin::Caffe, arrays, left_out, ..Imported::default() };
    let candidates = Candidates::new(args, description, vec![imported])?;
    Ok((net.name().to_owned(), "Caffe", candidates))
}

/// Checks, keeps the best, says what it is and what was not proven.
fn conclude(args: &Args, title: &str, format: &str, mut candidates: Candidates) -> Result<()> {
    let checked = check::run(args, &mut candidates)?;
    let unproven = report::unproven(args, &candidates, &checked);
    let model = candidates.take(checked.best)?;
    let candidate = &candidates.all[checked.best];
    let imported = candidates.imported(candidate);
    let path = target(args)?;
    model_file::save(&path, &candidate.description, &model)?;
    warn_of_broken_weights(&model);
    report::left_out(imported);
    report::say(&unproven, args);
    let count: usize =
        gradus::nn::parameters(&model).iter().map(|(_, p)| p.variable().shape().len()).sum();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{title}: {} parameters from {format}", grouped(count as u64))?;
    for line in &checked.lines {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "model  {}", path.display())?;
    if args.json {
        let mut record = json!({
            "model": title, "format": format, "params": count, "file": path,
            "left_out": imported.left_out, "missing": imported.missing, "by_order": imported.by_order,
            "unproven": unproven, "told_by_file": candidate.preparation.is_none(),
        });
        if let Value::Object(record) = &mut record {
            record.extend(checked.record);
        }
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// Says which weights are no numbers: every prediction would be none either.
fn warn_of_broken_weights(model: &dyn Module) {
    for (path, parameter) in gradus::nn::parameters(model) {
        let finite = parameter.variable().value().is_finite().to_vec::<bool>();
        let broken = finite.iter().filter(|finite| !**finite).count();
        if broken > 0 {
            say!("warning: {broken} of the {} numbers of {path} are NaN or infinite", finite.len());
        }
    }
}

/// `3x224x224`
fn sizes(text: &str) -> Result<Vec<usize>> {
    let sizes: Option<Vec<usize>> = text.split('x').map(|n| n.parse().ok()).collect();
    sizes
        .filter(|s| s.len() <= 4 && !s.contains(&0))
        .ok_or_else(|| CliError::Usage(format!("--input {text:?}: expected sizes like 3x224x224")))
}

/// What the network is and how it is fed, but for how pictures are prepared.
fn describe(
    args: &Args,
    name: &str,
    (published, classes): (&[usize], usize),
) -> Result<Description> {
    let input = match args.input.as_deref().map(sizes).transpose()? {
        None => published.to_vec(),
        Some(sizes) if sizes.len() == published.len() => sizes,
        Some(sizes) => {
            let what = format!("--input {sizes:?}, the network takes sizes such as {published:?}");
            return Err(CliError::Usage(what));
        }
    };
    let channels = input[0];
    Ok(Description {
        architecture: name.into(),
        definition: None,
        network: network(args, name)?,
        input,
        classes: classes_of(args)?.unwrap_or_else(|| numbered(classes)),
        columns: vec![],
        label: None,
        left_out: vec![],
        table: Default::default(),
        offset: vec![],
        mean: vec![0.0; channels],
        std: vec![1.0; channels],
        evaluate: vec![],
        data: args.file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        learned: None,
        epoch: 0,
        sequences: None,
    })
}

/// How the network differs from the published one.
fn network(args: &Args, name: &str) -> Result<Network> {
    let same_padding = match args.padding.as_deref() {
        None => false,
        Some(padding) if keras::PADDINGS.contains(&padding) => padding == "same",
        Some(other) => return Err(unknown("padding", other, keras::PADDINGS)),
    };
    let width = args.width.unwrap_or(1.0);
    let network = Network { width, same_padding, ..Network::default() };
    if args.width.is_some() || same_padding {
        network.check(name).map_err(|what| CliError::Usage(format!("--{what}")))?;
    }
    if args.epsilon.is_some_and(|epsilon| !(0.0..1.0).contains(&epsilon)) {
        return Err(CliError::Usage("--epsilon: expected at least 0 and less than 1".into()));
    }
    Ok(network)
}

/// The classes that are asked for.
fn classes_of(args: &Args) -> Result<Option<Vec<String>>> {
    let Some(text) = &args.classes else { return Ok(None) };
    Ok(Some(match text.parse::<usize>() {
        Ok(0) => return Err(CliError::Usage("--classes 0: expected at least one".into())),
        Ok(count) => numbered(count),
        Err(_) => class_names(Path::new(text))?,
    }))
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|i| i.to_string()).collect()
}

/// Names from a file: a line each, a JSON list, or a JSON object by number.
fn class_names(path: &Path) -> Result<Vec<String>> {
    let bad = |what: String| CliError::Work(format!("{}: {what}", path.display()));
    let text = gradus::io::read_text(path)?;
    let name = |value: &Value| match value {
        Value::String(name) => Ok(name.clone()),
        // ["n01440764", "tench"]: the last is for people.
        Value::Array(names) if names.last().is_some_and(Value::is_string) => {
            Ok(names[names.len() - 1].as_str().unwrap_or_default().to_owned())
        }
        other => Err(bad(format!("{other} is no class's name"))),
    };
    let names = match text.trim_start().chars().next() {
        Some('[') => {
            let list: Vec<Value> = serde_json::from_str(&text).map_err(|e| bad(e.to_string()))?;
            list.iter().map(name).collect::<Result<Vec<_>>>()?
        }
        Some('{') => {
            let map: serde_json::Map<String, Value> =
                serde_json::from_str(&text).map_err(|e| bad(e.to_string()))?;
            let by_number = (0..map.len()).map(|i| {
                let value = map.get(&i.to_string());
                name(value.ok_or_else(|| bad(format!("there is no class {i} of {}", map.len())))?)
            });
            by_number.collect::<Result<Vec<_>>>()?
        }
        _ => text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect(),
    };
    match names.is_empty() {
        true => Err(bad("no class's name is in it".into())),
        false => Ok(names),
    }
}

/// Where the model goes.
fn target(args: &Args) -> Result<PathBuf> {
    let stem = Path::new(&args.model).file_stem().unwrap_or_default().to_string_lossy();
    if let Some(name) = args.name.as_deref().filter(|name| !model_file::is_name(name)) {
        let what = "expected a name, which is no path: letters, digits, - and _";
        return Err(CliError::Usage(format!("--name {name:?}: {what}")));
    }
    let name = args.name.as_deref().unwrap_or(&stem);
    let file = format!("{name}.safetensors");
    let path = match &args.out {
        Some(path) if path.extension().is_some_and(|e| e == "safetensors") => path.clone(),
        Some(folder) => folder.join(file),
        None => model_file::kept_models()?.join(file),
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(CliError::system(folder, "create the folder"))?;
    }
    Ok(path)
}
