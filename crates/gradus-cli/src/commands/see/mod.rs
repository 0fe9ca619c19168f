//! `gradus see`: what a trained network sees. Each kind of picture is a file of this folder and a row of [`KINDS`].

mod activations;
mod backwards;
mod concepts;
mod influences;
mod kernels;
mod look;
mod page;
mod preferred;
mod projection;
mod shown;
mod top_patches;
mod units;
mod why;

use crate::bars::counted;
use crate::error::{CliError, Result};
use crate::run_dir;
use crate::signals::Signals;
use crate::suggest::unknown;
use gradus::io::atomic_write;
use look::Look;
use serde_json::{Value, json};
use shown::{Seen, sheets};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A kind of picture.
struct Kind {
    name: &'static str,
    /// What one sees, in a line of the help.
    about: &'static str,
    needs: Needs,
    see: fn(&Look<'_>) -> Result<Seen>,
}

/// What a kind looks at beside the network.
#[derive(Clone, Copy, PartialEq)]
enum Needs {
    /// Nothing that is not opened by the kind itself.
    Nothing,
    /// Pictures: those that are given, or else some of the model's own test data.
    Pictures,
}

/// All kinds, in the order of the help.
const KINDS: &[Kind] = &[
    Kind {
        name: "activations",
        about: "what each layer makes of a picture: every map as a tile",
        needs: Needs::Pictures,
        see: activations::see,
    },
    Kind {
        name: "kernels",
        about: "the filters of convolutions; those over pixels in colour",
        needs: Needs::Nothing,
        see: kernels::see,
    },
    Kind {
        name: "saliency",
        about: "which pixels move the score of a class most",
        needs: Needs::Pictures,
        see: why::saliency,
    },
    Kind {
        name: "gradient-x-input",
        about: "the score's gradient times the pixels",
        needs: Needs::Pictures,
        see: why::gradient_x_input,
    },
    Kind {
        name: "smooth-grad",
        about: "the mean gradient of noisy copies",
        needs: Needs::Pictures,
        see: why::smooth_grad,
    },
    Kind {
        name: "integrated-gradients",
        about: "shares of the score that add up, from a baseline on; how nearly is told",
        needs: Needs::Pictures,
        see: why::integrated_gradients,
    },
    Kind {
        name: "gradient-shap",
        about: "the same from random places, an estimate of SHAP's values",
        needs: Needs::Pictures,
        see: why::gradient_shap,
    },
    Kind {
        name: "relevance",
        about: "layer-wise relevance propagation (LRP, ε-rule)",
        needs: Needs::Pictures,
        see: why::relevance,
    },
    Kind {
        name: "grad-cam",
        about: "where the maps of a layer speak for a class [default: the last with maps]",
        needs: Needs::Pictures,
        see: why::grad_cam,
    },
    Kind {
        name: "occlusion",
        about: "what the score loses where a patch covers the picture",
        needs: Needs::Pictures,
        see: why::occlusion,
    },
    Kind {
        name: "lime",
        about: "a linear model of which segments are there",
        needs: Needs::Pictures,
        see: why::lime,
    },
    Kind {
        name: "kernel-shap",
        about: "Shapley values of segments",
        needs: Needs::Pictures,
        see: why::kernel_shap,
    },
    Kind {
        name: "conductance",
        about: "how much the units of a layer speak for a class; how nearly they add up is told",
        needs: Needs::Pictures,
        see: units::conductance,
    },
    Kind {
        name: "unit-gradient",
        about: "which pixels move the units of a layer",
        needs: Needs::Pictures,
        see: units::gradient,
    },
    Kind {
        name: "influences",
        about: "which samples of the training helped it to say so, and which hindered (TracIn)",
        needs: Needs::Pictures,
        see: influences::see,
    },
    Kind {
        name: "concepts",
        about: "whether what you name, by --concept, moves a class (TCAV), with p-values",
        needs: Needs::Nothing,
        see: concepts::see,
    },
    Kind {
        name: "top-patches",
        about: "the nine patches of a data set that excite each unit most",
        needs: Needs::Nothing,
        see: top_patches::see,
    },
    Kind {
        name: "deconvnet",
        about: "what in them, or in pictures, a unit saw: by a deconvolutional net with switches",
        needs: Needs::Nothing,
        see: backwards::deconvnet,
    },
    Kind {
        name: "guided-backprop",
        about: "the same by guided backpropagation",
        needs: Needs::Nothing,
        see: backwards::guided_backprop,
    },
    Kind {
        name: "preferred",
        about: "pictures made from noise that excite a class, a unit or a direction most",
        needs: Needs::Nothing,
        see: preferred::see,
    },
    Kind {
        name: "pca",
        about: "what a layer gives for samples, as points along its principal components",
        needs: Needs::Nothing,
        see: projection::pca,
    },
    Kind {
        name: "t-sne",
        about: "the same, neighbours beside each other",
        needs: Needs::Nothing,
        see: projection::tsne,
    },
];

/// See what a network sees: its maps, its filters, what it looks for, what it looks at
///
/// Pictures are shown to the network as gradus predict shows them. Without pictures, kinds that need some take the first test pictures
/// of the data that the model was trained on (or of --data), one of each class.
///
/// What was seen is one page for a browser, see.html, which needs nothing else; PNG sheets of the same pictures; and its numbers in
/// see.json. They lie in see-KIND in the run's folder, or in the present folder where the model lies in no run.
///
/// Ctrl-C (SIGINT), SIGTERM and SIGHUP end it at once with code 130; either all of these files were written or none.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  gradus see runs/lenet-1 --what activations
  gradus see runs/lenet-1 boot.png --what activations --layer conv1,conv2
  gradus see runs/lenet-1 --what kernels
  gradus see runs/lenet-1 boot.png --what integrated-gradients,grad-cam --class Sneaker --sanity
  gradus see runs/lenet-1 --what top-patches --data fashion-mnist --part train
  gradus see runs/lenet-1 boot.png --what deconvnet,guided-backprop
  gradus see runs/lenet-1 boot.png --what influences
  gradus see runs/lenet-1 boot.png --what conductance --layer conv2
  gradus see runs/resnet20-1 --what concepts --concept brick.png,grass.png,water --class ship
  gradus see runs/lenet-1 --what preferred --copies 20 --judge runs/lenet-2
  gradus see runs/resnet20-1 --what preferred --layer block3 --parameters waves --jitter 2 --steps 300
  gradus see runs/lenet-1 --what pca,t-sne --layer relu4")]
pub struct Args {
    /// A run directory, a model's file, or the name of a network that was imported
    #[arg(value_name = "RUN|MODEL_FILE|NAME")]
    model: PathBuf,
    /// Pictures (PNG, JPEG, GIF, BMP, TIFF, WebP), or folders of such
    #[arg(value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
    // The table tells what there is.
    #[arg(long, value_name = "KINDS", value_delimiter = ',', required = true, help = about(), hide_possible_values = true)]
    what: Vec<String>,
    /// The layers to look at, by their paths as in gradus summary [default: as the kind has it]
    #[arg(long, value_name = "PATHS", value_delimiter = ',')]
    layer: Vec<String>,
    /// The units to look at: channels of a layer's maps, or its numbers, from 0 [default: all, as far as there is room]
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    unit: Vec<usize>,
    /// The class to ask about: its name, or its number from 0 [default: the one that is predicted]
    #[arg(long, value_name = "NAME|N")]
    class: Option<String>,
    /// A data set's name or a folder, for pictures of its test part [default: what the model was trained on]
    #[arg(long, value_name = "NAME|DIR")]
    data: Option<String>,
    /// The part of that data set to look at
    #[arg(long, value_name = "PART", default_value = "test", value_parser = ["test", "train"])]
    part: String,
    /// The folder for what was seen; what lies there already under the same names is replaced
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Steps of ascent to preferred pictures [default: 200], of t-sne [default: 1,000], of integrated gradients [default: 50, doubled until maps add up to within 1 %, at most 3,200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    steps: Option<u32>,
    #[command(flatten)]
    why: why::Choices,
    #[command(flatten)]
    concepts: concepts::Choices,
    #[command(flatten)]
    projection: projection::Neighbours,
    /// What random numbers begin with, where some are drawn
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    preferred: preferred::Options,
}

/// The kinds, for the help.
fn about() -> String {
    let wide = KINDS.iter().map(|kind| kind.name.len()).max().unwrap_or(0);
    let row = |kind: &Kind| format!("\n  {:<wide$}  {}", kind.name, kind.about);
    let rows: String = KINDS.iter().map(row).collect();
    format!("What to see; several with commas between them:{rows}")
}

/// Looks.
pub fn run(args: &Args) -> Result<()> {
    let kinds = args.what.iter().map(|name| kind(name)).collect::<Result<Vec<_>>>()?;
    let out = folder(args)?;
    let signals = Signals::of_files(args.json)?;
    let look = Look::open(args, kinds.iter().any(|kind| kind.needs == Needs::Pictures))?;
    let mut seen = vec![];
    for kind in &kinds {
        seen.push((kind.name, (kind.see)(&look)?));
    }
    // All is made before anything is written.
    let mut files: Vec<(String, Vec<u8>)> = vec![];
    for (name, seen) in &seen {
        files.extend(sheets(name, seen)?);
    }
    let command = command();
    files.push(("see.html".into(), page::html(&look.title(), &command, &seen)?.into_bytes()));
    let mut record = look.record();
    record.insert("command".into(), command.into());
    record.insert("out".into(), json!(out));
    let written = |name: &str| out.join(name);
    let mut names: Vec<PathBuf> = files.iter().map(|(name, _)| written(name)).collect();
    names.push(written("see.json"));
    record.insert("files".into(), json!(names));
    for (name, seen) in &seen {
        record.insert((*name).into(), seen.record.clone());
    }
    let record = Value::Object(record);
    files.push(("see.json".into(), format!("{record}\n").into_bytes()));
    signals.write(&[written("see.html")], || write(&out, &files))?;
    let mut stdout = std::io::stdout().lock();
    for line in seen.iter().flat_map(|(_, seen)| &seen.said) {
        writeln!(stdout, "{line}")?;
    }
    writeln!(stdout, "seen           {}", written("see.html").display())?;
    let others = counted(files.len() as u64 - 1, "file");
    writeln!(stdout, "               and {others} beside it")?;
    if args.json {
        writeln!(stdout, "{record}")?;
    }
    Ok(())
}

/// A kind by its name.
fn kind(name: &str) -> Result<&'static Kind> {
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let found = KINDS.iter().find(|kind| kind.name == name);
    found.ok_or_else(|| unknown("kind of --what", name, &names))
}

/// Where what is seen is kept: a folder that is there or can be made.
///
/// # Errors
/// When a file has its name.
fn folder(args: &Args) -> Result<PathBuf> {
    let name = format!("see-{}", args.what.join("-"));
    let is_run = run_dir::config(&args.model).is_file();
    let out = match &args.out {
        Some(out) => out.clone(),
        None if is_run => args.model.join(name),
        None => PathBuf::from(name),
    };
    match out.exists() && !out.is_dir() {
        true => Err(CliError::Usage(format!(
            "--out: found {}, a file, expected a folder",
            out.display()
        ))),
        false => Ok(out),
    }
}

/// Writes the files, each whole.
fn write(out: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
    std::fs::create_dir_all(out).map_err(CliError::system(out, "make the folder"))?;
    for (name, bytes) in files {
        atomic_write(&out.join(name), |w| w.write_all(bytes))?;
    }
    Ok(())
}

/// The command as it was given.
fn command() -> String {
    let words = std::env::args_os().skip(1);
    let words: Vec<String> = words.map(|word| crate::error::shell_word(Path::new(&word))).collect();
    format!("gradus {}", words.join(" "))
}
