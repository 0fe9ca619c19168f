//! `gradus import`: weights that another program trained, as a model of the zoo.

mod keras;

use crate::bars::grouped;
use crate::error::{CliError, Result};
use crate::model_file::{self, Description, Network};
use crate::suggest::unknown;
use gradus::Shape;
use gradus::io::caffe::read_caffemodel;
use gradus::io::weights::Format;
use gradus::models::caffe::CaffeNet;
use gradus::models::import::{Origin, flattened, import, swap_input_channels};
use gradus::models::{ZOO, find};
use gradus::nn::{Init, Sequential, named_states};
use gradus::train::set_weights;
use keras::Source;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Whose conventions a file may follow.
const ORIGINS: &[&str] = &["pytorch", "keras", "caffe", "gradus"];

/// How pictures may be prepared, by Keras's names for it: means and deviations of pixels in 0..=1, and whether blue comes first.
const PREPARATIONS: &[(&str, Preparation)] = &[
    ("torch", ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225], false)),
    ("tf", ([0.5; 3], [0.5; 3], false)),
    ("caffe", ([123.68 / 255.0, 116.779 / 255.0, 103.939 / 255.0], [1.0 / 255.0; 3], true)),
    ("none", ([0.0; 3], [1.0; 3], false)),
];

type Preparation = ([f32; 3], [f32; 3], bool);

/// Make a model of weights that another program trained
///
/// Reads safetensors, PyTorch's .pth, .npz, Keras's .keras and .h5, Caffe's .caffemodel and pickles of NumPy arrays; nothing in a file is run. Layers are
/// matched by the names that torchvision, timm and Keras give them, by how a .keras file connects them, or by their order; kernels are turned as needed, and every
/// shape is checked. Without --out the model is kept among the user's models, where other commands find it by its name.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gradus import vgg16-397923af.pth --model vgg16\n  gradus predict vgg16 photo.jpg\n  gradus import weights.h5 --model mobilenet_v2 --preprocessing tf --classes breeds.txt --out dogs.safetensors"
)]
pub struct Args {
    /// The file of weights
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The network's name in the zoo, or the .prototxt that a .caffemodel belongs to
    #[arg(long, value_name = "NAME")]
    model: String,
    /// A file for the model, or a folder [default: among the user's models]
    #[arg(long, value_name = "FILE|DIR")]
    out: Option<PathBuf>,
    /// How many classes, or a file with their names: a line each, or JSON [default: as the network is published]
    #[arg(long, value_name = "N|FILE")]
    classes: Option<String>,
    /// The size of a sample, as 3x227x227 [default: as the network is published]
    #[arg(long, value_name = "CxHxW")]
    input: Option<String>,
    #[arg(long, value_name = "NAME", help = format!("Whose conventions the file follows: {} [default: told from the format]", ORIGINS.join(", ")))]
    origin: Option<String>,
    #[arg(long, value_name = "NAME", help = format!("How pictures are prepared: {} [default: torch for PyTorch's colour networks, none for grey ones]", names().join(", ")))]
    preprocessing: Option<String>,
    /// What the channels of every hidden layer are multiplied with, as in Keras's MobileNetV2 of alpha 0.35 [default: 1]
    #[arg(long, value_name = "X")]
    width: Option<f64>,
    /// What the file's batch norms add to the variance, if it is Keras's and does not tell [default: 0.001]
    #[arg(long, value_name = "X")]
    epsilon: Option<f64>,
    #[arg(long, value_name = "NAME", help = format!("How convolutions with strides are padded, in networks for CIFAR: {} [default: both-sides, for Keras's files as the file tells, or same]", keras::PADDINGS.join(", ")))]
    padding: Option<String>,
    /// Layers that the file lacks keep fresh weights, to be trained
    #[arg(long)]
    partial: bool,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// Imports.
pub fn run(args: &Args) -> Result<()> {
    if let Some(text) = model_file::definition(&args.model)? {
        return defined(args, text);
    }
    let zoo: Vec<&str> = ZOO.iter().map(|e| e.name).collect();
    if find(&args.model).is_none() {
        return Err(unknown("model", &args.model, &zoo));
    }
    let (format, source) = keras::read(args)?;
    let mut origin = origin(args.origin.as_deref(), format)?;
    // A safetensors file may be a model of our own, whose dense layers are not turned.
    if args.origin.is_none() && gradus::io::Checkpoint::load(&args.file).is_ok() {
        origin = Origin::Gradus;
    }
    // Keras pads otherwise than everybody else, which makes another network of the same weights.
    let own = format!("{}_keras", args.model);
    let name =
        if origin == Origin::Keras && find(&own).is_some() { own } else { args.model.clone() };
    let entry = find(&name).expect("it was looked for");
    let mut description = describe(args, &name, (entry.input, entry.classes), origin)?;
    let imported = match source {
        Source::Keras(file) => keras::import(args, &mut description, file)?,
        Source::Arrays(arrays) => {
            let model = description.build(&Init::blank())?;
            let found = import(&model, &flattened(&model), origin, arrays, args.partial);
            found.map_err(|error| error.in_file(&args.file))?
        }
    };
    // Drawing weights that are overwritten would take longer than reading them.
    let init = if args.partial { Init::new(0) } else { Init::blank() };
    let model = description.build(&init)?;
    let mut arrays = imported.arrays;
    if preparation(args, description.input[0], origin)?.2 {
        swap_first_layer(&model, &mut arrays)?;
    }
    let path = target(args)?;
    if imported.missing.is_empty() {
        set_weights(&model, &gradus::io::Checkpoint::new(arrays))?;
    } else {
        let mut all = gradus::train::weights(&model);
        for array in arrays {
            let place =
                all.iter_mut().find(|a| a.name == array.name).expect("it was imported for it");
            *place = array;
        }
        set_weights(&model, &gradus::io::Checkpoint::new(all))?;
    }
    model_file::save(&path, &description, &model)?;
    warn_of_broken_weights(&model);
    for (what, names) in [("left out", &imported.left_out), ("fresh", &imported.missing)] {
        if !names.is_empty() {
            eprintln!("{what} ({}): {}", names.len(), names.join(", "));
        }
    }
    if imported.by_order {
        eprintln!("the layers' names are not known: they were matched by their order and shapes");
    }
    let count: usize =
        gradus::nn::parameters(&model).iter().map(|(_, p)| p.variable().shape().len()).sum();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{name}: {} parameters from {}", grouped(count as u64), format.name())?;
    writeln!(out, "model  {}", path.display())?;
    if args.json {
        writeln!(
            out,
            "{}",
            json!({
                "model": name, "format": format.name(), "params": count, "file": path,
                "left_out": imported.left_out, "missing": imported.missing, "by_order": imported.by_order,
            })
        )?;
    }
    Ok(())
}

/// A network of Caffe with its weights.
fn defined(args: &Args, text: String) -> Result<()> {
    let input = args.input.as_deref().map(sizes).transpose()?;
    let net = CaffeNet::parse(&text, input.as_deref().map(Shape::from), &Init::blank())
        .map_err(|error| error.in_file(Path::new(&args.model)))?;
    let in_file = |error: gradus::io::Error| error.in_file(&args.file);
    let (mut arrays, left_out) = net.weights_of(read_caffemodel(&args.file)?).map_err(in_file)?;
    let description = Description {
        definition: Some(text),
        ..describe(
            args,
            &args.model,
            (&net.input_shape(), net.output_shape().len()),
            Origin::Caffe,
        )?
    };
    let model = description.build(&Init::blank())?;
    if preparation(args, description.input[0], Origin::Caffe)?.2 {
        swap_first_layer(&model, &mut arrays)?;
    }
    set_weights(&model, &gradus::io::Checkpoint::new(arrays))?;
    let path = target(args)?;
    model_file::save(&path, &description, &model)?;
    warn_of_broken_weights(&model);
    if !left_out.is_empty() {
        eprintln!("left out ({}): {}", left_out.len(), left_out.join(", "));
    }
    let count: usize =
        gradus::nn::parameters(&model).iter().map(|(_, p)| p.variable().shape().len()).sum();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}: {} parameters from Caffe", net.name(), grouped(count as u64))?;
    writeln!(out, "model  {}", path.display())?;
    if args.json {
        let record = json!({
            "model": net.name(), "format": "Caffe", "params": count, "file": path,
            "left_out": left_out,
        });
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// Says which weights are no numbers: every prediction would be none either.
fn warn_of_broken_weights(model: &Sequential) {
    for (path, parameter) in gradus::nn::parameters(model) {
        let finite = parameter.variable().value().is_finite().to_vec::<bool>();
        let broken = finite.iter().filter(|finite| !**finite).count();
        if broken > 0 {
            eprintln!(
                "warning: {broken} of the {} numbers of {path} are NaN or infinite",
                finite.len()
            );
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

fn names() -> Vec<&'static str> {
    PREPARATIONS.iter().map(|(name, _)| *name).collect()
}

fn origin(asked: Option<&str>, format: Format) -> Result<Origin> {
    if let Some(name) = asked {
        return Origin::named(name).ok_or_else(|| unknown("origin", name, ORIGINS));
    }
    Ok(match format {
        Format::PyTorch | Format::Safetensors => Origin::PyTorch,
        Format::Hdf5 | Format::Keras | Format::Pickle => Origin::Keras,
        Format::Npz => Origin::Gradus,
    })
}

fn describe(
    args: &Args,
    name: &str,
    (published, classes): (&[usize], usize),
    origin: Origin,
) -> Result<Description> {
    let input = match args.input.as_deref().map(sizes).transpose()? {
        None => published.to_vec(),
        Some(sizes) if sizes.len() == published.len() => sizes,
        Some(sizes) => {
            let what = format!("--input {sizes:?}, the network takes sizes such as {published:?}");
            return Err(CliError::Usage(what));
        }
    };
    let classes = match &args.classes {
        None => numbered(classes),
        Some(text) => match text.parse::<usize>() {
            Ok(0) => return Err(CliError::Usage("--classes 0: expected at least one".into())),
            Ok(count) => numbered(count),
            Err(_) => class_names(Path::new(text))?,
        },
    };
    let channels = input[0];
    let (mean, std, _) = preparation(args, channels, origin)?;
    let each = |values: [f32; 3]| values.iter().cycle().take(channels).copied().collect();
    Ok(Description {
        architecture: name.into(),
        definition: None,
        network: network(args, name)?,
        input,
        classes,
        columns: vec![],
        label: None,
        mean: each(mean),
        std: each(std),
        evaluate: vec![],
        data: args.file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        epoch: 0,
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

fn preparation(args: &Args, channels: usize, origin: Origin) -> Result<Preparation> {
    let asked = match (&args.preprocessing, channels, origin) {
        (Some(name), _, _) => name.as_str(),
        (None, 3, Origin::PyTorch) => "torch",
        (None, 3, Origin::Caffe) => "caffe",
        (None, 3, Origin::Keras) => {
            let what = "Keras's networks differ in how pictures are prepared";
            let remedy = "tf for MobileNet and Inception, caffe for VGG, ResNet and SqueezeNet";
            return Err(CliError::Usage(format!("{what}: add --preprocessing ({remedy})")));
        }
        _ => "none",
    };
    let found = PREPARATIONS.iter().find(|(name, _)| *name == asked);
    let (_, preparation) = found.ok_or_else(|| unknown("preprocessing", asked, &names()))?;
    if channels != 3 && asked != "none" {
        let what =
            format!("--preprocessing {asked} is for colour; the network takes {channels} channels");
        return Err(CliError::Usage(what));
    }
    Ok(*preparation)
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|i| i.to_string()).collect()
}

/// Names from a file: a line each, a JSON list, or a JSON object by number.
fn class_names(path: &Path) -> Result<Vec<String>> {
    let bad = |what: String| CliError::Work(format!("{}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(CliError::system(path, "read"))?;
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

/// A network for BGR pictures becomes one for RGB.
fn swap_first_layer(
    model: &gradus::nn::Sequential,
    arrays: &mut [gradus::io::NamedArray],
) -> Result<()> {
    let states = named_states(model);
    let first = states.first().and_then(|(path, _)| path.strip_suffix(".weight"));
    match first.is_some_and(|layer| swap_input_channels(arrays, layer)) {
        true => Ok(()),
        false => Err(CliError::Work(
            "blue comes first in this preprocessing, but the network does not start with a convolution \
             over three channels"
                .into(),
        )),
    }
}

/// Where the model goes.
fn target(args: &Args) -> Result<PathBuf> {
    let stem = Path::new(&args.model).file_stem().unwrap_or_default().to_string_lossy();
    let file = format!("{stem}.safetensors");
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
