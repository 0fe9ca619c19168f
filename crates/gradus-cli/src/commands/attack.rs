//! `gradus attack`: how well a trained model stands pictures that are made to fool it.

mod curve;
mod options;
mod pictures;
mod sheet;

use crate::augmentation::Evaluation;
use crate::chosen::{self, Chosen};
use crate::commands::join;
use crate::computing::Computing;
use crate::datasets::{self, Pictures};
use crate::description::Description;
use crate::error::{CliError, Result, shell_word};
use crate::experiment::in_order;
use crate::model_file;
use crate::robust::victim;
use crate::signals::Signals;
use crate::stderr::Bar;
use crate::trained::Trained;
use crate::unreadable;
use curve::Curve;
use gradus::Tensor;
use gradus::data::{Dataset, Loader, Normalization, is_picture};
use gradus::io::atomic_write;
use gradus::nn::Layer;
use gradus::see::attack::{Goal, Victim};
use gradus::train::Source;
use options::{KINDS, Kind, Strength};
use serde_json::json;
use sheet::Sheet;
use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Fool a trained model: pictures changed by next to nothing that it takes for something else
///
/// Attacks: fgsm is one step along the signs of the loss's gradient, pgd many, each followed by the way back to where no pixel has changed by more than ε; pgd-l2
/// bounds √Σ of the squared changes instead. apgd-ce and apgd-t (Auto-PGD of the cross-entropy, and of the ratio of logits towards nine classes) choose their
/// steps themselves; auto is both and then square, each on what the one before left: a picture that stands it stands much. square tries random squares and asks for scores only, so that a gradient that is masked cannot stop it. deepfool,
/// cw (Carlini & Wagner) and boundary look for the least change in L2, boundary by nothing but the class that is seen.
///
/// Pixels go from 0 to 1, so 8/255 is eight steps of 256. The test part of the data is attacked, as gradus eval finds it; a picture that is taken for something
/// else as it is counts as fooled and is left alone. Of the attacks that look for the least change a picture stands ε if that change is larger.
///
/// Of pictures in files what the model sees is attacked, and what comes out is written beside them as PNG files, which are read again: rounding to 8 bits may
/// undo what was done.
///
/// Ctrl-C (SIGINT), SIGTERM and SIGHUP end it at once with code 130; it says which files are kept, and each of them is whole.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  gradus attack runs/lenet-1 --with pgd --epsilon 2/255,8/255,0.1
  gradus attack runs/lenet-1 --with fgsm --epsilon 0.1 --out sheet.png
  gradus attack runs/lenet-1 --with pgd --epsilon 0.1 --against runs/lenet-2
  gradus attack runs/lenet-1 --with auto --epsilon 2/255,4/255,8/255 --plot curve.svg
  gradus attack runs/lenet-1 --with deepfool --epsilon 0.5,1 --limit 200
  gradus attack runs/lenet-1 photo.png --with pgd --target bag")]
pub struct Args {
    /// A run directory, a model's file, or the name of a network that was imported
    #[arg(value_name = "RUN|MODEL_FILE|NAME")]
    model: PathBuf,
    /// Pictures in files, or a data set's name or a folder [default: what it was trained on]
    #[arg(value_name = "DATA|PICTURE")]
    inputs: Vec<PathBuf>,
    /// The same as DATA
    #[arg(long, value_name = "NAME|DIR", conflicts_with = "inputs")]
    data: Option<String>,
    #[arg(long = "with", value_name = "ATTACK", default_value = "pgd", help = format!("How: {}", KINDS.join(", ")))]
    with: String,
    /// How far a picture may go, or several distances, with commas between them: 8/255,0.1 [default: 8/255, of pgd-l2 0.5]
    #[arg(long, value_name = "E", value_delimiter = ',', allow_hyphen_values = true)]
    epsilon: Vec<String>,
    /// So many steps [default: 20 of pgd, 100 of apgd-ce, apgd-t and auto, 1000 of square and cw, 50 of deepfool, 5000 of boundary]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    steps: Option<u32>,
    /// How long a step of pgd is [default: 2.5 ε / steps], or the rate of cw [default: 0.01]
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    step_size: Option<String>,
    /// pgd begins so often, each time elsewhere; each picture keeps its worst
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    restarts: u32,
    /// What pictures are to be taken for, a class's name; those of this class are left out
    #[arg(long, value_name = "CLASS")]
    target: Option<String>,
    /// So many images of the data, the first ones
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// The seed of what is drawn: same seed, same pictures
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Another model of the same classes, which is shown the same pictures
    #[arg(long, value_name = "RUN|MODEL_FILE|NAME")]
    against: Option<PathBuf>,
    /// Draw pictures as they were, what was done to them, and what they became, into this PNG; of a picture in a file, where it is written
    #[arg(long, value_name = "FILE.png")]
    out: Option<PathBuf>,
    /// Draw the accuracy over ε, and that of --against, as a curve into this SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Where to compute (see `gradus devices`)
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: String,
    #[command(flatten)]
    computing: Computing,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// A model that is attacked, or shown what fools another.
struct Attacked {
    description: Description,
    victim: Victim,
    path: PathBuf,
}

impl Attacked {
    /// Of pictures and classes.
    fn load(model: &Path, seed: u64) -> Result<Attacked> {
        let loaded = model_file::load(model)?;
        loaded.remark(model);
        let description = loaded.description;
        let found = match (&description.input[..], description.aim().is_of_classes()) {
            ([_, _, _], true) => None,
            ([_, _, _], false) => Some("numbers"),
            _ => Some("rows of a table"),
        };
        if let Some(found) = found {
            let what = format!(
                "found a model of {found}, expected one that tells classes of pictures apart"
            );
            return Err(CliError::Usage(format!("{}: {what}", model.display())));
        }
        let model: Arc<dyn Layer> = Arc::new(loaded.model);
        let victim = victim(&model, &description, seed);
        Ok(Attacked { description, victim, path: loaded.path })
    }
}

/// Attacks.
pub fn run(args: &Args) -> Result<()> {
    args.computing.begin(&args.device)?;
    let kind = Kind::named(&args.with)?;
    let strength = Strength::of(args, kind)?;
    ends_in("out", args.out.as_deref(), "png")?;
    ends_in("plot", args.plot.as_deref(), "svg")?;
    let signals = Signals::of_files(args.json)?;
    let mut attacked = Attacked::load(&args.model, args.seed)?;
    let target =
        args.target.as_deref().map(|name| class_of(name, &attacked.description)).transpose()?;
    if target.is_some() && !kind.takes_a_target() {
        let what = format!(
            "--target: {} goes to whichever class is nearest; fgsm, pgd, pgd-l2, apgd-ce, square, auto and cw take one",
            args.with
        );
        return Err(CliError::Usage(what));
    }
    if let Some(files) = files(&args.inputs)? {
        return pictures::run(args, &strength, &mut attacked, target, &files, &signals);
    }
    data(args, &strength, attacked, target, &signals)
}

/// Refuses a file of another kind than what is written to it.
fn ends_in(option: &str, path: Option<&Path>, ending: &str) -> Result<()> {
    let is_one =
        |path: &&Path| path.extension().is_some_and(|end| end.eq_ignore_ascii_case(ending));
    match path.filter(|path| !is_one(path)) {
        None => Ok(()),
        Some(path) => Err(CliError::Usage(format!(
            "--{option}: found {}, expected a file that ends in .{ending}",
            path.display()
        ))),
    }
}

/// The number of a class by its name, or by itself.
fn class_of(name: &str, description: &Description) -> Result<usize> {
    let classes = &description.classes;
    let by_name = classes.iter().position(|class| class == name);
    let by_name =
        by_name.or_else(|| classes.iter().position(|class| class.eq_ignore_ascii_case(name)));
    let number = || name.parse::<usize>().ok();
    match by_name.or_else(|| number().filter(|&k| k < classes.len())) {
        Some(class) => Ok(class),
        None if number().is_some() => {
            let last = classes.len() - 1;
            Err(CliError::Usage(format!(
                "--target: found {name}, expected a class: 0 to {last}, or its name"
            )))
        }
        None => {
            let known: Vec<&str> = classes.iter().map(String::as_str).take(20).collect();
            Err(crate::suggest::unknown("class", name, &known))
        }
    }
}

/// The inputs, if they are pictures in files.
fn files(inputs: &[PathBuf]) -> Result<Option<Vec<PathBuf>>> {
    let mut of_pictures = vec![];
    for path in inputs {
        // What is called a picture is read as one: that says what it is instead.
        if path.is_file() && (is_called_picture(path) || is_picture(path)?) {
            of_pictures.push(path.clone());
        }
    }
    match (of_pictures.len(), inputs) {
        (0, [] | [_]) => Ok(None),
        (n, inputs) if n == inputs.len() => Ok(Some(of_pictures)),
        (_, inputs) => {
            let other =
                inputs.iter().find(|path| !of_pictures.contains(path)).expect("there is one");
            let found = if other.exists() { "no picture" } else { "no such file" };
            Err(CliError::Usage(format!(
                "{}: found {found}, expected pictures only, or data alone",
                other.display()
            )))
        }
    }
}

/// Whether a file's name ends as those of pictures do.
fn is_called_picture(path: &Path) -> bool {
    let ending = path.extension().map(|end| end.to_string_lossy().to_lowercase());
    let pictures = ["png", "jpg", "jpeg", "gif", "bmp", "tif", "tiff", "webp"];
    ending.is_some_and(|ending| pictures.contains(&&*ending))
}

/// Batches of the pixels of a test part, as the model is shown them.
fn opened(args: &Args, description: &Description) -> Result<(Chosen, Loader)> {
    let given = args.inputs.first().map(|input| input.to_string_lossy());
    let given = args.data.as_deref().map(Cow::Borrowed).or(given);
    let data = chosen::data_of(&args.model, description, given.as_deref())?;
    let evaluation = shown_once(description)?;
    let pictures = Pictures::of_input(&description.input).squares(None, evaluation.loaded());
    let record = model_file::record_of(&args.model)?;
    let trained = Trained::new(description, record.as_ref());
    let csv = description.csv(description.label_column()?);
    let chosen = chosen::choose(&trained, data, given.is_none(), pictures, &csv)?;
    datasets::remark(&chosen.name, &chosen.remarks);
    let name = datasets::called(&chosen.name).to_owned();
    let test = datasets::labelled_as(description, &name, chosen.test.clone())?;
    let loader = in_order(test, &plain(description)?, &evaluation, description.aim())?;
    description.check(&name, &loader)?;
    Ok((chosen, loader))
}

/// How images are shown to it: one view of each.
fn shown_once(description: &Description) -> Result<Evaluation> {
    Ok(description.evaluation()?.single())
}

/// Pixels as they are.
fn plain(description: &Description) -> Result<Normalization> {
    let channels = description.mean.len();
    Ok(Normalization::new(&vec![0.0; channels], &vec![1.0; channels])?)
}

/// Attacks the test part of data.
fn data(
    args: &Args,
    strength: &Strength,
    mut attacked: Attacked,
    target: Option<usize>,
    signals: &Signals,
) -> Result<()> {
    let mut other =
        args.against.as_deref().map(|model| Attacked::load(model, args.seed)).transpose()?;
    if let Some(other) = &other {
        same_pictures(&attacked.description, &other.description, &other.path)?;
    }
    let (chosen, loader) = opened(args, &attacked.description)?;
    let name = datasets::called(&chosen.name).to_owned();
    let mut curve = Curve::new(strength, &attacked.description, target);
    let mut sheet = args.out.is_some().then(|| Sheet::new(&attacked.description));
    let start = Instant::now();
    let bar = Bar::new((args.limit as usize).min(loader.dataset().len()) as u64);
    for batch in Source::from(&loader, 0, 0) {
        let batch =
            batch.map_err(|met| unreadable::gathered(&name, &[&**loader.dataset()], met.into()))?;
        let (x, labels) = batch.xt()?;
        let Some((x, labels)) =
            taken(x, &labels.to_vec::<i64>(), args.limit as usize - curve.seen, target)
        else {
            continue;
        };
        let goal = match target {
            None => Goal::Away(labels.clone()),
            Some(target) => Goal::Towards(vec![target as i64; labels.len()]),
        };
        curve.add(
            &mut attacked.victim,
            other.as_mut().map(|other| &mut other.victim),
            &x,
            &labels,
            &goal,
            sheet.as_mut(),
        )?;
        bar.at(curve.seen as u64);
        if curve.seen >= args.limit as usize {
            break;
        }
    }
    bar.end();
    if curve.seen == 0 {
        return Err(CliError::Work(format!(
            "{name}: found no samples to attack but those of the target's class"
        )));
    }
    let seconds = start.elapsed().as_secs_f64();
    // Files first: stdout may be closed.
    let against = args.against.as_deref();
    let svg = || curve.drawn(&args.with, &name, &args.model, against).into_bytes();
    let png = sheet.map(Sheet::draw).transpose()?;
    let plot = args.plot.as_ref().map(|plot| (plot, svg()));
    for (path, bytes) in args.out.as_ref().zip(png).into_iter().chain(plot) {
        signals.write(std::slice::from_ref(path), || {
            Ok(atomic_write(path, |w| w.write_all(&bytes))?)
        })?;
    }
    let mut out = std::io::stdout().lock();
    write!(out, "{}", curve.told(&args.with, &name, against))?;
    for (what, path) in [("sheet", &args.out), ("curve", &args.plot)] {
        if let Some(path) = path {
            writeln!(out, "{what:<14} {}", path.display())?;
        }
    }
    if args.out.is_none() {
        let word = shell_word(&args.model);
        writeln!(
            out,
            "next           gradus attack {word} --with {} --out sheet.png   (draws some of them)",
            args.with
        )?;
    }
    let mut record = json!({});
    args.computing.conclude(&mut record);
    if args.json {
        let about = json!({
            "model": attacked.description.architecture, "file": attacked.path, "data": name, "part": chosen.part, "attack": args.with,
            "target": target.map(|k| &attacked.description.classes[k]), "seed": args.seed, "against": args.against, "sheet": args.out, "curve": args.plot, "seconds": seconds,
        });
        join(&mut record, about);
        join(&mut record, curve.record());
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// Pictures and labels of a batch: so many at most, none of the target's class. Pixels that an enlargement brought beyond 0 and 1 are brought back.
fn taken(
    x: &Tensor,
    labels: &[i64],
    room: usize,
    target: Option<usize>,
) -> Option<(Tensor, Vec<i64>)> {
    let wanted = (0..labels.len()).filter(|&i| target != Some(labels[i] as usize));
    let wanted: Vec<i64> = wanted.take(room).map(|i| i as i64).collect();
    let labels: Vec<i64> = wanted.iter().map(|&i| labels[i as usize]).collect();
    let chosen = Tensor::from_slice(&wanted, [wanted.len()]);
    (!wanted.is_empty()).then(|| (x.clamp(0.0, 1.0).index_select(0, &chosen), labels))
}

/// Refuses a model that is not of the same pictures and classes.
fn same_pictures(own: &Description, other: &Description, path: &Path) -> Result<()> {
    if (&own.input, &own.classes) == (&other.input, &other.classes) {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "--against: {} takes {:?} of {} classes ({}), expected {:?} of the same {} classes ({})",
        path.display(),
        other.input,
        other.classes.len(),
        crate::bars::shortened(&other.classes.join(", "), 60),
        own.input,
        own.classes.len(),
        crate::bars::shortened(&own.classes.join(", "), 60),
    )))
}
