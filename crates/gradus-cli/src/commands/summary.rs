//! `gradus summary`: what a network consists of, and what a training step of it does.

use crate::aim::{Aim, CLASSES};
use crate::bars::{bytes, grouped};
use crate::commands::run::describe;
use crate::error::{CliError, Result};
use crate::model_file::{self, SavedModel};
use crate::network::{self, Network};
use crate::recipe_file;
use crate::settings::Settings;
use crate::suggest::unknown_model;
use gradus::data::SETS;
use gradus::io::atomic_write;
use gradus::models::caffe::CaffeNet;
use gradus::models::{RECIPES, ZOO, find, recipe};
use gradus::nn::{Init, Layer, Sequential, Spec, Summary, parameters};
use gradus::train::optim::{Optimizer, Sgd};
use gradus::train::{Learner, Recipe};
use gradus::{Shape, Tensor};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Show a network's layers: shapes, parameters, multiply-adds, memory, receptive field
#[derive(clap::Args)]
#[command(after_help = "Examples:
  gradus summary mlp
  gradus summary vgg16 --input 3x32x32 --classes 10 --width 0.125
  gradus summary vgg-tiny
  gradus summary mlp --hidden 256,64
  gradus summary runs/mlp-1 --plan
  gradus summary lenet --graph lenet.svg")]
pub struct Args {
    /// A model's or a recipe's name, a recipe's file, a run directory or a model's file; of an ONNX model what it takes and gives
    #[arg(value_name = "MODEL|RECIPE|RUN|FILE")]
    model: String,
    /// Input of a zoo network: channels, height, width [default: as published]
    #[arg(long, value_name = "CxHxW", value_parser = shape)]
    // By its full path, or clap would take it for an option that may come several times.
    input: Option<std::vec::Vec<usize>>,
    /// Classes of a zoo network [default: as published]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    classes: Option<u32>,
    /// What the channels of a zoo network's hidden layers are multiplied with [default: 1]
    #[arg(long, value_name = "X")]
    width: Option<f64>,
    /// The units of the hidden layers of mlp, such as 256,64 [default: 128]
    #[arg(long, value_name = "UNITS", value_delimiter = ',')]
    hidden: Vec<usize>,
    /// Also print the plan of a training step: its kernels, operations, bytes and memory
    #[arg(long)]
    plan: bool,
    /// Draw what the loss of a training step is made of, or a network of sequences over its steps: an SVG picture, or DOT for Graphviz
    #[arg(long, value_name = "FILE.svg|.dot")]
    graph: Option<PathBuf>,
    /// What to draw: the loss, or the whole step with its gradients and the updates of plain gradient descent
    #[arg(long, value_name = "PART", default_value = "loss", requires = "graph",
          value_parser = ["loss", "step"])]
    graph_of: String,
    /// Samples in a batch of that step
    #[arg(long, value_name = "N", default_value_t = 64,
          value_parser = clap::value_parser!(u32).range(1..=65_536))]
    batch: u32,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// Summarises.
pub fn run(args: &Args) -> Result<()> {
    if model_file::is_onnx(Path::new(&args.model)) {
        return of_onnx(args);
    }
    let named = Path::new(&args.model);
    let is_file = named.is_dir() || named.extension().is_some_and(|e| e == "safetensors");
    // A network of the zoo is shown as it is published, whatever the user has of it.
    if is_file || (find(&args.model).is_none() && model_file::kept(&args.model).is_some()) {
        let path = model_file::locate(named)?;
        if let Some(saved) = model_file::of_sequences(&path)? {
            return of_sequences(args, &saved);
        }
    }
    let Opened { name, model, summary, aim } = open(args)?;
    let spec = model.input_spec();
    let model: Arc<dyn Layer> = Arc::new(model);
    if let Some(path) = &args.graph {
        let [x, t] = example(spec, args.batch as usize, &aim);
        let picture = learner(Box::new(Sgd::new(0.1)), model.clone(), &aim);
        draw(path, picture, [&x, &t], &args.graph_of)?;
    }
    let mut out = std::io::stdout().lock();
    write!(out, "{summary}")?;
    let mut record = args.json.then(|| record(&name, &summary));
    if args.plan {
        let batch = args.batch as usize;
        let usual = Settings::of_model(&name).map_err(|e| CliError::Work(e.to_string()))?;
        let mut learner = learner(usual.optimizer(), model, &aim);
        let [x, t] = example(spec, batch, &aim);
        let plan = learner.prepare(&x, &t)?;
        writeln!(out, "\na training step on {batch} samples")?;
        write!(out, "{plan}")?;
        let memory = bytes(plan.arena_bytes() as u64);
        writeln!(out, "peak memory between forward and backward pass: {memory}")?;
        if let Some(record) = &mut record {
            record["plan"] = json!({
                "batch": batch, "steps": plan.steps().len(), "flops": plan.flops(),
                "bytes": plan.bytes(), "arena_bytes": plan.arena_bytes(),
            });
        }
    }
    if let Some(path) = &args.graph {
        writeln!(out, "\ngraph          {}", path.display())?;
        if let Some(record) = &mut record {
            record["graph"] = json!(path);
        }
    }
    if let Some(record) = record {
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// What another program's network is, as far as its file tells without being run.
fn of_onnx(args: &Args) -> Result<()> {
    let is_shaped = args.input.is_some() || args.classes.is_some() || args.width.is_some();
    if is_shaped || !args.hidden.is_empty() || args.plan || args.graph.is_some() {
        let what = "an ONNX model is as it is, and has no training step";
        return Err(CliError::Usage(format!("{}: {what}: give no options but --json", args.model)));
    }
    describe(&gradus::onnx::Network::read(Path::new(&args.model))?, args.json)
}

/// What a network of sequences consists of: it takes no samples of one shape, so that its parameters are told.
fn of_sequences(args: &Args, saved: &SavedModel) -> Result<()> {
    let is_shaped = args.input.is_some() || args.classes.is_some() || args.width.is_some();
    if is_shaped || !args.hidden.is_empty() || args.plan {
        let what = "a network of sequences is as it was trained";
        let what = format!("{}: {what}: give no options but --graph and --json", args.model);
        return Err(CliError::Usage(what));
    }
    let Some(sequences) = &saved.description.sequences else { return Ok(()) };
    let network = sequences.model.build(&Init::blank())?;
    if let Some(path) = &args.graph {
        if path.extension().and_then(|ending| ending.to_str()) != Some("svg") {
            let found = path.display();
            return Err(CliError::Usage(format!(
                "--graph: found {found}, expected a file that ends in .svg: a network of sequences is drawn over its steps"
            )));
        }
        let svg = sequences.model.unrolled().to_svg();
        atomic_write(path, |w| w.write_all(svg.as_bytes()))?;
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", network.describe())?;
    writeln!(out, "{:<40} {:>16} {:>14}", "parameter", "shape", "numbers")?;
    let (mut count, mut rows) = (0, vec![]);
    for (path, parameter) in parameters(&*network) {
        let shape = parameter.variable().shape();
        count += shape.len();
        let (numbers, told) = (grouped(shape.len() as u64), shape.to_string());
        writeln!(out, "{path:<40} {told:>16} {numbers:>14}")?;
        rows.push(json!({ "path": path, "shape": shape.to_vec() }));
    }
    writeln!(out, "{} parameters", grouped(count as u64))?;
    if let Some(path) = &args.graph {
        writeln!(out, "\ngraph          {}", path.display())?;
    }
    if args.json {
        let name = &saved.description.architecture;
        writeln!(out, "{}", json!({ "model": name, "params": count, "parameters": rows }))?;
    }
    Ok(())
}

/// `3x32x32`.
fn shape(text: &str) -> Result<Vec<usize>, String> {
    let sizes: Option<Vec<usize>> = text.split('x').map(|n| n.parse().ok()).collect();
    match sizes {
        Some(sizes) if !sizes.contains(&0) && sizes.len() <= 3 => Ok(sizes),
        _ => Err("expected sizes such as 3x32x32: channels, height, width".to_owned()),
    }
}

/// A network to summarise.
struct Opened {
    name: String,
    model: Sequential,
    summary: Summary,
    /// What it learns.
    aim: Aim,
}

/// A network of Caffe.
fn defined(name: &str, text: &str, args: &Args) -> Result<Opened> {
    if args.classes.is_some() || args.width.is_some() || !args.hidden.is_empty() {
        let what = format!("{name}: --classes, --width and --hidden are for networks of the zoo");
        return Err(CliError::Usage(what));
    }
    let init = Init::blank();
    let net = CaffeNet::parse(text, args.input.as_ref().map(Shape::from), &init)
        .map_err(|error| error.in_file(Path::new(name)))?;
    net.left_out().iter().for_each(|layer| say!("left out: {layer}"));
    let (name, summary) = (net.name().to_owned(), net.summary());
    Ok(Opened { name, summary, model: net.into_model(&init), aim: CLASSES.clone() })
}

/// A network of the zoo, or that of a run.
fn open(args: &Args) -> Result<Opened> {
    let name = &*args.model;
    let opened = |(name, model): (String, Sequential), aim: &Aim| Opened {
        summary: model.summary(),
        name,
        model,
        aim: aim.clone(),
    };
    if let Some(text) = network::definition(name)? {
        return defined(name, &text, args);
    }
    let settings = match recipe(name) {
        Some(text) => Some(recipe_file::parse(name, text)?),
        None if name.ends_with(".toml") => Some(recipe_file::read(Path::new(name))?),
        None => None,
    };
    if let Some(entry) = find(settings.as_ref().map_or(name, |settings| &settings.model)) {
        let name = entry.name;
        let mut design = entry.design();
        if let Some(settings) = &settings {
            design = settings.network.design(&design.input, design.classes);
            if let Some(set) = SETS.iter().find(|set| set.name == settings.data) {
                design.input = set.shape.map_or(design.input, Shape::from);
                design.classes = set.classes.len();
            }
        }
        design.input = args.input.as_ref().map_or(design.input, Shape::from);
        design.classes = args.classes.map_or(design.classes, |n| n as usize);
        if let Some(width) = args.width {
            let network = Network { width, ..Network::default() };
            network.check(name).map_err(|what| CliError::Usage(format!("--{what}")))?;
            design.width = width;
        }
        if !args.hidden.is_empty() {
            let network = Network { hidden: args.hidden.clone(), ..Network::default() };
            network.check(name).map_err(|what| CliError::Usage(format!("--{what}")))?;
            design = design.hidden(args.hidden.clone());
        }
        let model = network::build(name, &design, &Init::blank())?;
        return Ok(opened((name.into(), model), &CLASSES));
    }
    let is_shaped = args.input.is_some() || args.classes.is_some() || args.width.is_some();
    if is_shaped || !args.hidden.is_empty() {
        let what =
            format!("{name}: --input, --classes, --width and --hidden are for networks of the zoo");
        return Err(CliError::Usage(what));
    }
    // What is written as a path is none of a network's names; the user's models have names of their own.
    if Path::new(name).exists() || name.contains('/') || model_file::kept(name).is_some() {
        let loaded = model_file::load(Path::new(name))?;
        let about = loaded.description;
        return Ok(opened((about.architecture.clone(), loaded.model), about.aim()));
    }
    let recipes = RECIPES.iter().map(|(name, _)| *name);
    let names: Vec<&str> = ZOO.iter().map(|e| e.name).chain(recipes).collect();
    Err(unknown_model(name, &names))
}

/// The model with an optimiser and the loss that it learns by.
fn learner(optimizer: Box<dyn Optimizer>, model: Arc<dyn Layer>, aim: &Aim) -> Learner {
    let recipe = Recipe { loss: aim.loss(), ..Recipe::default() };
    Learner::with(model, optimizer, recipe, 0)
}

/// Draws a training step; the file's ending says in which format.
fn draw(path: &Path, mut learner: Learner, [x, t]: [&Tensor; 2], part: &str) -> Result<()> {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    if !["svg", "dot"].contains(&ending) {
        let found = path.display();
        return Err(CliError::Usage(format!(
            "--graph: found {found}, expected a file that ends in .svg or .dot"
        )));
    }
    let picture = learner.draw(x, t, part == "step");
    let text = if ending == "svg" { picture.to_svg() } else { picture.to_dot() };
    Ok(atomic_write(path, |w| w.write_all(text.as_bytes()))?)
}

/// A batch of the right shapes and types; planning looks at nothing else.
fn example(input: Spec, batch: usize, aim: &Aim) -> [Tensor; 2] {
    let t = match aim.targets.len() {
        0 => Tensor::from_slice(&vec![0i64; batch], [batch]),
        k => Tensor::from_slice(&vec![0f32; batch * k], [batch, k]),
    };
    [input.zeros(batch), t]
}

fn record(name: &str, summary: &Summary) -> Value {
    let layers: Vec<Value> = summary
        .rows
        .iter()
        .map(|r| {
            json!({
                "path": r.path, "layer": r.layer, "output": r.output.to_vec(),
                "params": r.parameters, "macs": r.macs, "receptive_field": r.receptive_field(),
            })
        })
        .collect();
    json!({
        "model": name, "input": summary.input.to_vec(), "layers": layers,
        "params": summary.parameters, "frozen": summary.frozen, "macs": summary.macs(),
        "parameter_bytes": summary.parameter_bytes, "activation_bytes": summary.activation_bytes,
    })
}
