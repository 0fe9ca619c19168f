//! `gradus train`: trains a network, keeps everything about it in a run directory, and goes on with what was interrupted.

mod find_lr;
mod options;
mod resume;
mod watch;

use crate::augmentation::{self, AUGMENTATIONS, EVALUATIONS};
use crate::bars::{counted, grouped};
use crate::divergence;
use crate::error::{CliError, Result, shell_word};
use crate::experiment::{Begin, Experiment};
use crate::model_file;
use crate::network::is_definition;
use crate::outcome::Outcome;
use crate::recipe_file;
use crate::remedies;
use crate::run_dir::RunDir;
use crate::settings::{OPTIMIZERS, SCHEDULES, Settings, default_optimizer};
use crate::suggest::unknown;
use crate::transfer::Pretrained;
use gradus::io::log::read_json_lines;
use gradus::models::{RECIPES, ZOO, find, recipe};
use gradus::nn::parameters;
use gradus::train::{EpochLog, Fit, INTERRUPTED, Progress, set_weights};
use resume::{Restored, Resumed, resume};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Train a network of the zoo, or a recipe
///
/// A run directory keeps the settings, the log, checkpoints and the trained model. Ctrl-C (or SIGTERM) finishes the step
/// at hand, saves, says how to go on, and exits with code 130; a second Ctrl-C ends at once. A resumed run ends with the
/// same bits as one that was never stopped. TensorBoard opens the directory: tensorboard --logdir runs.
///
/// Data of your own are a CSV file with a row of numbers and a label for each sample (the label is the column called label, class or
/// target, or else the last one; see --label; --target names columns of numbers to be learned instead), or a folder of pictures with a folder for each class, directly or in train and test
/// (or val). Where there is no test part about a fifth is held out for it, chosen by what each sample holds: the same samples
/// whatever else is in the file, in whatever order; see --split.
///
/// A recipe is a TOML file with any of the entries of a run's config.toml, and a config.toml is a recipe.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  gradus train mlp
  gradus train mlp --data fashion-mnist --epochs 10 --json
  gradus train vgg-tiny --epochs 3
  gradus train my-recipe.toml
  gradus train lenet --validation 0.1 --early-stopping 3
  gradus train lenet --find-lr
  gradus train squeezenet --from squeezenet --data my-photos --freeze backbone
  gradus train mlp --data flowers.csv --label species
  gradus train mlp --data houses.csv --target price
  gradus train mlp --data weather.csv --target rain,storm --loss bce
  gradus train resnet18-imagenet --data imagenet-folder
  gradus train --resume runs/mlp-1")]
pub struct Args {
    /// A model's or a recipe's name (see `gradus models`), a recipe's file (TOML) or a network of Caffe (a .prototxt)
    #[arg(value_name = "RECIPE|MODEL", required_unless_present = "resume")]
    model: Option<String>,
    /// Go on with an interrupted run, by its own settings
    #[arg(long, value_name = "DIR", conflicts_with_all = [
        "model", "data", "label", "target", "split", "epochs", "batch", "lr", "optimizer", "schedule", "seed", "device", "out",
        "validation_split", "limit_batches", "overfit_one_batch", "checkpoint_every", "augment", "evaluate",
        "width", "shortcut_padding", "from", "Options", "find_lr"])]
    resume: Option<PathBuf>,
    /// Begin with the weights of a trained model: a run, a model's file, or the name of a network that was imported. For other
    /// classes its classifier is made anew
    #[arg(long, value_name = "RUN|MODEL_FILE|NAME")]
    from: Option<String>,
    /// A data set's name (see `gradus data list`), a folder or a CSV file [default: mnist-5k]
    #[arg(long, value_name = "NAME|DIR|CSV")]
    data: Option<String>,
    /// The column of a CSV file that holds the label: its name, or its number from 1 [default: the one called label, class or
    /// target, or else the last]
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// Columns of a CSV file whose numbers are to be learned instead of a label: names, or numbers from 1, with commas between them.
    /// With --loss bce each is a yes (1) or no (0) of its own
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    target: Option<Vec<String>>,
    /// Which samples are held out to test, of data without a test part: hash (a fifth, by what a sample holds: another file's order or
    /// more rows move none), position (a fifth of each class, by place), time (the last fifth; time:COLUMN goes by a column),
    /// group:COLUMN (rows of one value stay together) or file:PATH (another CSV file, or a list of pictures) [default: hash]
    #[arg(long, value_name = "RULE")]
    split: Option<String>,
    /// Passes over the training data
    #[arg(long, value_name = "N")]
    epochs: Option<u64>,
    /// Samples in a batch
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// The learning rate
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    lr: Option<f64>,
    #[arg(long, value_name = "NAME", help = format!("The optimiser: {}", OPTIMIZERS.join(", ")))]
    optimizer: Option<String>,
    #[arg(long, value_name = "NAME", help = format!("The learning rate's schedule: {}", SCHEDULES.join(", ")))]
    schedule: Option<String>,
    /// The seed of weights, order and dropout: same seed, same bits
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[arg(long, value_name = "NAMES", help = format!(
        "Changes of training images: none, or some of {}, such as \"resize(256),crop(224),flip\" [default: affine for digits]",
        AUGMENTATIONS.join(", ")))]
    augment: Option<String>,
    #[arg(long, value_name = "NAMES", help = format!(
        "How images are shown to be tested: as they are, or some of {} [default: brought to the size of the training images]",
        EVALUATIONS.join(", ")))]
    evaluate: Option<String>,
    /// What the channels of the network's hidden layers are multiplied with [default: 1]
    #[arg(long, value_name = "X")]
    width: Option<f64>,
    /// Where shortcuts of CIFAR ResNets (option A) put their zeros: behind the channels, or half of them before, as public
    /// PyTorch networks do [default: behind]
    #[arg(long, value_name = "PLACE", value_parser = ["behind", "both-sides"])]
    shortcut_padding: Option<String>,
    /// Where to compute (see `gradus devices`)
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Threads to compute with; the result is the same for any number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// The run directory [default: runs/MODEL-N]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Hold out this share of the training data and keep the epoch that is best on it
    #[arg(long, visible_alias = "validation", value_name = "SHARE", num_args = 0..=1,
          default_missing_value = "0.1")]
    validation_split: Option<f64>,
    /// Only so many batches of each epoch: a quick trial run
    #[arg(long, value_name = "N")]
    limit_batches: Option<usize>,
    /// Train on one batch again and again: a network that cannot learn it has a mistake
    #[arg(long, visible_alias = "overfit-batch")]
    overfit_one_batch: bool,
    /// Try rates from far too low to far too high, suggest one, and train nothing
    #[arg(long, conflicts_with_all = ["out", "csv", "limit_batches", "epochs", "lr", "schedule"])]
    find_lr: bool,
    /// Also write the epochs as CSV to this file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Seconds between checkpoints within an epoch
    #[arg(long, value_name = "SECS")]
    checkpoint_every: Option<u64>,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    options: options::Options,
}

impl Args {
    /// The recipe's or model's settings, with what the options say put over them.
    fn settings(&self) -> Result<Settings> {
        let name = self.model.as_deref().expect("required without --resume");
        let definition = is_definition(name);
        let mut s = match recipe(name) {
            Some(text) => recipe_file::parse(name, text)?,
            None if name.ends_with(".toml") || (Path::new(name).is_file() && !definition) => {
                recipe_file::read(Path::new(name))?
            }
            None if find(name).is_none() && !definition => return Err(unknown_name(name)),
            None => Settings::of_model(name)?,
        };
        if let Some(data) = &self.data {
            s.suit(data);
        }
        if let Some(name) = &self.optimizer {
            s.optimizer = default_optimizer(name);
        }
        fn put<T: Clone>(into: &mut T, from: &Option<T>) {
            if let Some(value) = from {
                into.clone_from(value);
            }
        }
        if let Some(names) = &self.augment {
            s.augment = augmentation::list(names);
            if s.augment == ["none"] {
                s.augment.clear();
            }
            s.evaluate.clear();
        }
        if let Some(names) = &self.evaluate {
            s.evaluate = augmentation::list(names);
        }
        if let Some(columns) = &self.target {
            s.target = columns.iter().map(|column| column.trim().to_owned()).collect();
            s.label = None;
        }
        s.label = self.label.clone().or(s.label);
        s.split = self.split.clone().or(s.split);
        s.from = self.from.clone().or(s.from);
        put(&mut s.network.width, &self.width);
        put(&mut s.network.shortcut_padding, &self.shortcut_padding);
        put(&mut s.epochs, &self.epochs);
        put(&mut s.batch, &self.batch);
        put(&mut s.seed, &self.seed);
        put(&mut s.device, &self.device);
        put(&mut s.optimizer.learning_rate, &self.lr);
        put(&mut s.schedule.name, &self.schedule);
        put(&mut s.validation_split, &self.validation_split);
        put(&mut s.checkpoint_every, &self.checkpoint_every);
        s.limit_batches = self.limit_batches.or(s.limit_batches);
        s.overfit_one_batch |= self.overfit_one_batch;
        self.options.check(&s.schedule.name)?;
        self.options.apply(&mut s);
        if s.overfit_one_batch {
            // The batch must stay what it is, and nothing is held out of it.
            s.augment.clear();
            (s.validation_split, s.training.early_stopping) = (0.0, None);
        }
        s.check()?;
        if let Some(from) = s.from.clone() {
            Pretrained::read(Path::new(&from))?.suit(&mut s)?;
            // The weights are those of one network.
            if let Some(padding) =
                self.shortcut_padding.as_ref().filter(|p| **p != s.network.shortcut_padding)
            {
                let own = &s.network.shortcut_padding;
                let what = format!(
                    "--shortcut-padding {padding}: the network of {from} has its zeros {own}"
                );
                return Err(CliError::Usage(what));
            }
        }
        Ok(s)
    }
}

/// Neither a recipe nor a model.
fn unknown_name(name: &str) -> CliError {
    let models = ZOO.iter().map(|e| e.name);
    let names: Vec<&str> = models.chain(RECIPES.iter().map(|(name, _)| *name)).collect();
    unknown("model", name, &names)
}

/// Trains.
pub fn run(args: &Args) -> Result<()> {
    if let Some(n) = args.threads {
        gradus_cpu::set_threads(n.into());
    }
    if args.find_lr {
        let settings = args.settings()?;
        let mut experiment = Experiment::new(&settings, &Begin::Anew)?;
        return find_lr::run(&settings, &mut experiment, args.json);
    }
    let interrupt = listen()?;
    let Resumed { run, settings, mut experiment, restored } = match &args.resume {
        Some(path) => resume(path)?,
        None => begin(args)?,
    };
    let steps = experiment.steps_per_epoch(&settings);
    if let Some(unfreezing) = &experiment.unfreezing {
        unfreezing.take_up(restored.0.epoch, &mut experiment.learner);
    }
    announce(&run, &settings, &experiment, &restored.0, steps);
    let progress = match &restored.0.stopped {
        // It ended for a reason of its own: there is nothing to go on with.
        Some(why) if why != INTERRUPTED => restored.0,
        _ => fit(args, &run, &settings, &mut experiment, restored, interrupt)?,
    };
    if progress.stopped.as_deref() == Some(INTERRUPTED) {
        return Err(CliError::Interrupted(run.path().to_owned()));
    }
    conclude(args, &run, &settings, &mut experiment, &progress)
}

/// Begins a run. One whose data cannot be read leaves no directory behind.
fn begin(args: &Args) -> Result<Resumed> {
    let mut settings = args.settings()?;
    let experiment = Experiment::new(&settings, &Begin::Anew)?;
    // The run goes on by the rule it began with, whatever later versions do where none is stated.
    settings.split = experiment.split().map(str::to_owned);
    let run = RunDir::create(args.out.as_deref(), &experiment.record(&settings))?;
    Ok(Resumed { run, settings, experiment, restored: Restored::default() })
}

/// A flag that the first Ctrl-C sets; the second ends the program.
fn listen() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let shared = flag.clone();
    let handler = move || {
        if shared.swap(true, Ordering::Relaxed) {
            eprintln!("ended without saving; the last checkpoint stays");
            std::process::exit(130);
        }
        eprintln!("interrupted: finishing the step at hand, then saving (again to end at once)");
    };
    ctrlc::set_handler(handler)
        .map_err(|e| CliError::Work(format!("cannot listen to Ctrl-C: {e}")))?;
    Ok(flag)
}

/// Says on stderr what is about to happen.
fn announce(run: &RunDir, s: &Settings, e: &Experiment, progress: &Progress, steps: u64) {
    eprintln!(
        "{} ({} parameters) on {}: {}, {} of {}, {} at {} ({}), seed {}",
        s.model,
        grouped(e.parameters as u64),
        e.data,
        counted(e.train.dataset().len() as u64, e.description.noun()),
        counted(s.epochs, "epoch"),
        counted(steps, "step"),
        s.optimizer.name,
        s.optimizer.learning_rate,
        s.schedule.name,
        s.seed
    );
    if e.description.is_of_rows() {
        let features = counted(e.description.input[0] as u64, "column");
        let aim = e.description.aim();
        let what = match (&aim.targets[..], &e.description.label) {
            ([], Some(column)) => format!("the label is in column {column}"),
            ([], None) => "the label is in the last column".into(),
            ([target], _) => format!("the target is column {target}, the loss {}", aim.loss),
            (all, _) => format!("the targets are {}, the loss {}", all.join(", "), aim.loss),
        };
        eprintln!("{what}; it learns from {features}");
    }
    if let Some(from) = &s.from {
        let new = match &e.fresh[..] {
            [] => "its classifier, too".to_owned(),
            paths => format!("new are {}", paths.join(", ")),
        };
        let frozen = parameters(&**e.learner.model()).into_iter().filter(|(_, p)| p.is_frozen());
        let frozen: usize = frozen.map(|(_, p)| p.variable().shape().len()).sum();
        eprintln!("begins with {from} ({new}); {} parameters frozen", grouped(frozen as u64));
    }
    for path in e.learner.unreached() {
        eprintln!("warning: the loss does not depend on the parameter {path}: it gets no gradient");
    }
    if e.learner.step() > 0 {
        let (epoch, step) = (progress.epoch + 1, e.learner.step());
        let path = run.path().display();
        match epoch > s.epochs {
            true => eprintln!("{path} is finished, after step {step}"),
            false => eprintln!("going on with {path} after step {step}, in epoch {epoch}"),
        }
    }
}

/// Trains to the last epoch, or until interrupted.
fn fit(
    args: &Args,
    run: &RunDir,
    settings: &Settings,
    e: &mut Experiment,
    (mut progress, states): Restored,
    interrupt: Arc<AtomicBool>,
) -> Result<Progress> {
    let batches = e.batches_per_epoch(settings);
    let done = progress.epoch * batches + progress.batch as u64;
    let mut callbacks = watch::callbacks(run, settings, e, done, args.csv.as_deref())?;
    for callback in &mut callbacks {
        if let Some(state) = states.get(callback.name()) {
            callback.restore(state);
        }
    }
    let mut fit = Fit {
        epochs: settings.epochs,
        schedule: settings.schedule(batches),
        callbacks,
        limit_batches: settings.limit_batches,
        interrupt,
    };
    let validation = e.validation.as_ref().map(|v| v as &dyn gradus::train::Source);
    let ended = fit.run(&mut e.learner, &e.train, validation, &mut progress);
    drop(fit); // and with it the log
    ended.map_err(|error| divergence::ended(run, settings, &progress.history, error))?;
    Ok(progress)
}

/// Tests the chosen model, once, and says how it did and what to do with it.
fn conclude(
    args: &Args,
    run: &RunDir,
    settings: &Settings,
    e: &mut Experiment,
    progress: &Progress,
) -> Result<()> {
    let chosen = model_file::read(&run.best())?;
    set_weights(&**e.learner.model(), &chosen.file)?;
    let views = e.description.evaluation()?.views();
    let tested = Outcome::measure(&mut e.learner, &e.test, views, &e.description)?;
    let epoch = chosen.description.epoch;
    let mut out = std::io::stdout().lock();
    write!(out, "{}", tested.table())?;
    writeln!(
        out,
        "{}   ({} {} {}, the model of epoch {epoch})",
        tested.headline(),
        counted(tested.samples(), e.description.noun()),
        if e.held_out { "held out of" } else { "of" },
        e.data
    )?;
    tested.warn(e.description.noun());
    if let Some(why) = &progress.stopped {
        writeln!(out, "ended early    {why}")?;
    }
    let remarks = remarks(run)?;
    for remark in &remarks {
        writeln!(out, "diagnosis      {}", remark["text"].as_str().unwrap_or_default())?;
    }
    let guessing = e.description.guessing();
    // A loss that is no number is no better either.
    let learned = tested.loss() < guessing;
    if !learned && remarks.iter().any(blames_the_rate) {
        let anew = remedies::anew(run.path(), settings);
        writeln!(out, "remedy         {anew}   (a lower rate: guessing has loss {guessing:.4})")?;
    }
    writeln!(out, "run            {}", run.path().display())?;
    writeln!(out, "model          {}", run.best().display())?;
    let plot = run.path().join("predicted.png");
    let plotted = tested.plot(&plot)?;
    if plotted {
        writeln!(out, "plot           {}", plot.display())?;
    }
    let path = shell_word(run.path());
    let input = if e.description.is_of_rows() { "FILE.csv" } else { "IMAGE.png" };
    writeln!(out, "next           gradus predict {path} {input}   (or: gradus eval {path})")?;
    if args.json {
        let (seconds, samples) = totals(&progress.history);
        let mut record = json!({
            "model": settings.model, "recipe": settings.recipe, "data": settings.data, "epochs": progress.history.len(),
            "epoch": epoch, "steps": e.learner.step(), "params": e.parameters, "seconds": seconds,
            "samples_per_second": samples / seconds.max(1e-9), "run": run.path(),
            "batch": settings.batch, "seed": settings.seed, "threads": gradus_cpu::threads(),
            "stopped": progress.stopped, "unreached": e.learner.unreached(), "remarks": remarks,
        });
        tested.record(&mut record);
        if plotted {
            record["plot"] = json!(plot);
        }
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// Whether a lower rate may help against what was remarked.
fn blames_the_rate(remark: &Value) -> bool {
    ["rate-too-high", "dead-units", "exploding"].iter().any(|ailment| remark["ailment"] == *ailment)
}

/// What was remarked on the run, from its log.
fn remarks(run: &RunDir) -> Result<Vec<Value>> {
    let mut records = read_json_lines(&run.log())?.records;
    records.retain(|record| record["kind"] == "remark");
    for record in &mut records {
        record.as_object_mut().map(|fields| fields.remove("kind"));
    }
    Ok(records)
}

/// Seconds of training and samples trained on.
fn totals(history: &[EpochLog]) -> (f64, f64) {
    let seconds = history.iter().map(|e| e.seconds).sum();
    (seconds, history.iter().map(|e| e.samples_per_second * e.seconds).sum())
}
