//! `gradus train`: trains a network, keeps everything about it in a run directory, and goes on with what was interrupted.

mod advice;
mod find_lr;
mod of_sequences;
mod options;
mod recover;
mod resume;
mod watch;

use crate::bars::{counted, grouped, shortened};
use crate::commands::join;
use crate::computing::Computing;
use crate::curves;
use crate::datasets;
use crate::description::Description;
use crate::divergence;
use crate::error::{CliError, Result, shell_word};
use crate::experiment::{Begin, Experiment, Trainee};
use crate::guess::Guess;
use crate::model_file;
use crate::notes::{self, Note};
use crate::options::{Stated, ids_of};
use crate::outcome::Outcome;
use crate::remedies::{TESTED, WITHDRAWN};
use crate::robust::{self, Robust};
use crate::run_dir::{self, RunDir};
use crate::sequences::SequenceExperiment;
use crate::settings::{Settings, find_system};
use crate::signals::Signals;
use crate::unreadable;
use advice::{Advice, Ended};
use gradus::data::Loader;
use gradus::io::atomic_write;
use gradus::io::log::{JsonLog, read_json_lines};
use gradus::nn::{Layer, parameters};
use gradus::see::attack::Adversarial;
use gradus::train::{EpochLog, Fit, INTERRUPTED, Progress, Source, set_weights};
use options::{Shorthands, settings};
use recover::Restored;
use resume::{Further, Resumed, resume};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use watch::Watched;

/// Train a network of the zoo, or a recipe
///
/// A run directory keeps the settings, the log, checkpoints and the trained model. TensorBoard opens the directory: tensorboard
/// --logdir runs.
///
/// Ctrl-C (SIGINT), SIGTERM and, when the terminal goes, SIGHUP finish the step at hand, save, say how to go on, and exit with code 130; a
/// second signal ends at once. While data are loaded, before the first step, and while the trained model is tested, when all is saved, the
/// first one ends at once. A signal that the program was started to ignore stays ignored: SIGHUP under nohup, SIGINT of a script's
/// background jobs. That nobody reads what is said any more, or the disk behind it is full, does not end a training.
///
/// A resumed run ends with the same bits, log and plots as one that was never stopped, unless it goes on with other --epochs or
/// another --lr: its steps so far were taken by the schedule it began with, and a schedule that ends with the last epoch (one-cycle,
/// cosine, linear) is entered where the new one stands at this step. With a constant, step, milestones or exponential schedule a longer
/// run has the bits of one that was as long from the beginning. Both are written into its config.toml and log.
///
/// Data of your own are a CSV file with a row for each sample, or a folder of pictures with a folder for each class, directly or in
/// train and test (or val). A file's label is the column called label, class or target, or else the last one; see --label; --target
/// names columns of numbers to be learned instead. A column of texts becomes a feature of 0 and 1 for each of its values; see
/// --drop, and --missing and --missing-values for values that are not there. `gradus data show` says how a file or folder is read, and
/// what helps where training refuses it. Where there is no test part about a fifth is held out for it, chosen by what each sample holds: the same samples
/// whatever else is in the file, in whatever order; see --split.
///
/// Networks of sequences (see `gradus models`) learn a text (char-lstm and those beside it), a list of names, or problems that are made on the
/// way (adding, copy). What they are made of is said by --cell, --hidden 256,256 (two layers), --embedding, --steps, --dropout and the others below.
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
  gradus train mlp --data houses.csv --target price --drop street --missing mean
  gradus train mlp --data weather.csv --target rain,storm --loss bce
  gradus train resnet18-imagenet --data imagenet-folder
  gradus train mlp --data flowers.csv --hidden 256,64
  gradus train char-lstm --data book.txt
  gradus train adding --cell gru
  gradus train --resume runs/mlp-1
  gradus train --resume runs/mlp-1 --epochs 30 --lr 0.001")]
pub struct Args {
    /// A model's or a recipe's name (see `gradus models`), a recipe's file (TOML) or a network of Caffe (a .prototxt)
    #[arg(value_name = "RECIPE|MODEL", required_unless_present = "resume")]
    model: Option<String>,
    /// Go on with a run, by its own settings; --epochs trains it to another epoch, --lr at another rate from here on
    #[arg(long, value_name = "DIR", conflicts_with_all = of_a_new_run())]
    resume: Option<PathBuf>,
    #[command(flatten)]
    stated: Stated<Settings>,
    #[command(flatten)]
    shorthands: Shorthands,
    #[command(flatten)]
    computing: Computing,
    /// The run directory [default: runs/MODEL-N]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Try rates from far too low to far too high, suggest one, and train nothing
    #[arg(long, conflicts_with_all = ["out", "csv", "limit_batches", "epochs", "lr", "schedule"])]
    find_lr: bool,
    /// Also write the epochs as CSV to this file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// The options of a run that begins.
fn of_a_new_run() -> Vec<clap::Id> {
    let others = ["out", "find_lr"].map(clap::Id::from);
    let mut all = [ids_of::<Settings>(), ids_of::<Shorthands>(), others.to_vec()].concat();
    // What a run may go on with: see [`Further`].
    all.retain(|id| id != "epochs" && id != "lr");
    all
}

impl Args {
    /// The recipe's or model's settings, with what the options say put over them.
    fn settings(&self) -> Result<Settings> {
        let name = self.model.as_deref().expect("required without --resume");
        settings(name, &self.stated, &self.shorthands)
    }

    /// What a run that goes on is to do otherwise.
    fn further(&self) -> Further {
        Further { epochs: self.stated.get("epochs").copied(), rate: self.stated.get("lr").copied() }
    }
}

/// Trains.
pub fn run(args: &Args) -> Result<()> {
    if let (Some(run), Some(model)) = (&args.resume, &args.model) {
        let run = shell_word(run);
        return Err(CliError::Usage(format!(
            "--resume goes on with a run by its own settings; leave {model} out: gradus train --resume {run}"
        )));
    }
    let model = match &args.resume {
        Some(run) => run_dir::read_settings(run)?.model,
        None => args.settings()?.model,
    };
    if find_system(&model).is_some() {
        return sequences(args);
    }
    if args.find_lr {
        let settings = args.settings()?;
        args.computing.begin(&settings.device)?;
        let mut experiment = Experiment::new(&settings, &Begin::Anew)?;
        let settings = experiment.settings.clone();
        let e = &mut experiment;
        let hardened = hardened(&settings, &e.description, e.learner.model(), &e.train);
        let train = hardened.as_ref().map_or(&e.train as &dyn Source, |hardened| hardened);
        return find_lr::run(&settings, &mut e.learner, train, args.json);
    }
    let signals = Signals::listen(args.json)?;
    let Resumed { run, settings, mut experiment, restored } = match &args.resume {
        Some(path) => resume(path, &args.computing, &args.further(), Experiment::new)?,
        None => begin(args)?,
    };
    let steps = experiment.steps_per_epoch(&settings);
    if let Some(unfreezing) = &experiment.unfreezing {
        unfreezing.take_up(restored.0.epoch, &mut experiment.learner);
    }
    announce(&run, &settings, &experiment, &restored.0, steps);
    let notes = notes::of(&settings, &experiment);
    notes.iter().for_each(|note| say!("remark: {}", note.text));
    let progress = match &restored.0.stopped {
        // It ended for a reason of its own: there is nothing to go on with.
        Some(why) if why != INTERRUPTED => restored.0,
        _ => fit(args, &run, &settings, &mut experiment, restored, signals.train())?,
    };
    if progress.stopped.as_deref() == Some(INTERRUPTED) {
        return Err(CliError::Interrupted(run.path().to_owned()));
    }
    signals.test(run.path().to_owned())?;
    conclude(args, &run, &settings, &mut experiment, &progress, &notes)
}

/// What of a command line a training goes by, beside its settings.
struct Context<'a> {
    /// What ends it.
    pub signals: Signals,
    /// How it is computed.
    pub computing: &'a Computing,
    /// A file for the epochs.
    pub csv: Option<&'a Path>,
    /// Whether a JSON object is printed.
    pub json: bool,
}

/// Trains a network of sequences.
fn sequences(args: &Args) -> Result<()> {
    if args.find_lr {
        let settings = args.settings()?;
        args.computing.begin(&settings.device)?;
        let mut e = SequenceExperiment::new(&settings, &Begin::Anew)?;
        let parts = e.system.parts();
        return find_lr::run(&settings, parts.task, parts.train, args.json);
    }
    let (csv, json) = (args.csv.as_deref(), args.json);
    let context =
        Context { signals: Signals::listen(json)?, computing: &args.computing, csv, json };
    let resumed = match &args.resume {
        Some(path) => resume(path, &args.computing, &args.further(), SequenceExperiment::new)?,
        None => {
            let settings = args.settings()?;
            args.computing.begin(&settings.device)?;
            let experiment = SequenceExperiment::new(&settings, &Begin::Anew)?;
            let run = RunDir::create(args.out.as_deref(), &experiment.record(&settings))?;
            Resumed { run, settings, experiment, restored: Restored::default() }
        }
    };
    of_sequences::train(&context, resumed)
}

/// Begins a run. One whose data cannot be read leaves no directory behind.
fn begin(args: &Args) -> Result<Resumed<Experiment>> {
    let settings = args.settings()?;
    args.computing.begin(&settings.device)?;
    let experiment = Experiment::new(&settings, &Begin::Anew)?;
    let mut settings = experiment.settings.clone();
    // The run goes on by the rule it began with, whatever later versions do where none is stated.
    settings.split = experiment.split().map(str::to_owned);
    let run = RunDir::create(args.out.as_deref(), &experiment.record(&settings))?;
    Ok(Resumed { run, settings, experiment, restored: Restored::default() })
}

/// Says on stderr what is about to happen.
fn announce(run: &RunDir, s: &Settings, e: &Experiment, progress: &Progress, steps: u64) {
    say!(
        "{} ({} parameters) on {}: {}, {} of {}, {} at {} ({}), seed {}",
        s.model,
        grouped(e.parameters as u64),
        datasets::called(&e.data),
        counted(e.train.dataset().len() as u64, e.description.noun()),
        counted(s.epochs, "epoch"),
        counted(steps, "step"),
        s.optimizer.name,
        s.optimizer.learning_rate,
        s.schedule.name,
        s.seed
    );
    if e.description.is_of_rows() {
        let (columns, inputs) = (e.description.source_columns(), e.description.input[0]);
        let mut features = counted(columns as u64, "column");
        if columns != inputs {
            features += &format!(", {inputs} features");
        }
        let aim = e.description.aim();
        let what = match (&aim.targets[..], &e.description.label) {
            ([], Some(column)) => format!("the label is in column {column}"),
            ([], None) => "the label is in the last column".into(),
            ([target], _) => format!("the target is column {target}, the loss {}", aim.loss),
            (all, _) => format!("the targets are {}, the loss {}", all.join(", "), aim.loss),
        };
        let names = e.description.source_names().join(", ");
        let names = if names.is_empty() { names } else { format!(": {}", shortened(&names, 200)) };
        say!("{what}; it learns from {features}{names}");
    }
    if let Some(from) = &s.from {
        let new = match &e.fresh[..] {
            [] if e.description.aim().is_of_classes() => "its classifier, too".to_owned(),
            [] => "its last layer, too".to_owned(),
            paths => format!("new are {}", paths.join(", ")),
        };
        let frozen = parameters(&**e.learner.model()).into_iter().filter(|(_, p)| p.is_frozen());
        let frozen: usize = frozen.map(|(_, p)| p.variable().shape().len()).sum();
        say!("begins with {from} ({new}); {} parameters frozen", grouped(frozen as u64));
    }
    for path in e.learner.unreached() {
        say!("warning: the loss does not depend on the parameter {path}: it gets no gradient");
    }
    all_done(run, s, progress, e.learner.step());
}

/// Says on stderr how far a run is that goes on.
fn all_done(run: &RunDir, s: &Settings, progress: &Progress, step: u64) {
    if step > 0 {
        let (epoch, path) = (progress.epoch + 1, run.path().display());
        match epoch > s.epochs {
            true => say!("{path} is finished, after step {step}"),
            false => say!("going on with {path} after step {step}, in epoch {epoch}"),
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
    let mut callbacks =
        watch::callbacks(run, settings, &Watched::of(e, settings)?, done, args.csv.as_deref())?;
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
    let validation = e.validation.as_ref().map(|v| v as &dyn Source);
    let hardened = hardened(settings, &e.description, e.learner.model(), &e.train);
    let train = hardened.as_ref().map_or(&e.train as &dyn Source, |hardened| hardened);
    let ended = fit.run(&mut e.learner, train, validation, &mut progress);
    drop(fit); // and with it the log
    ended.map_err(|error| {
        let ended = divergence::ended(run, settings, &progress.history, error);
        unreadable::gathered(&e.data, &e.parts(), ended)
    })?;
    Ok(progress)
}

/// What is trained on where pictures are to be attacked before.
fn hardened<'a>(
    settings: &Settings,
    description: &Description,
    model: &Arc<dyn Layer>,
    data: &'a Loader,
) -> Option<Adversarial<'a>> {
    let attack = settings.training.attack()?;
    Some(Adversarial::new(data, attack, robust::victim(model, description, settings.seed)))
}

/// Tests the chosen model, once, and says how it did and what to do with it.
fn conclude(
    args: &Args,
    run: &RunDir,
    settings: &Settings,
    e: &mut Experiment,
    progress: &Progress,
    notes: &[Note],
) -> Result<()> {
    let chosen = model_file::read(&run.best())?;
    set_weights(&**e.learner.model(), &chosen.file)?;
    let views = e.description.evaluation()?.views();
    let tested = Outcome::measure(&mut e.learner, &e.test, views, &e.description)
        .map_err(|met| unreadable::gathered(&e.data, &e.parts(), met))?;
    let attack = settings.training.attack();
    let attacked = attack.map(|attack| {
        let victim = robust::victim(e.learner.model(), &e.description, settings.seed);
        Robust::measure(attack, victim, &e.test)
    });
    let attacked = attacked.transpose()?;
    let epoch = chosen.description.epoch;
    // Files first: stdout may be closed.
    let plot = run.path().join("predicted.png");
    let plotted = tested.plot(&plot)?;
    let remarks = remarks(run)?;
    let mut noted = json!({ "kind": TESTED, "epoch": epoch, "step": e.learner.step() });
    tested.record(&mut noted);
    attacked.iter().for_each(|attacked| attacked.record(&mut noted));
    JsonLog::append(&run.log())?.write(&noted)?;
    let curves = run.path().join("curves.svg");
    let drawn = curves::of_history(&progress.history);
    atomic_write(&curves, |w| w.write_all(drawn.as_bytes()))?;
    let (history, description) = (&progress.history[..], &e.description);
    let guess = Guess::of(e, settings)?;
    let guessing = guess.loss;
    let ended = Ended { run, settings, description, history, remarks: &remarks, guess };
    let advice = ended.advice(&tested);
    let mut out = std::io::stdout().lock();
    write!(out, "{}", tested.table())?;
    writeln!(
        out,
        "{}   ({} {} {}, the model of epoch {epoch})",
        tested.headline(),
        counted(tested.samples(), e.description.noun()),
        if e.held_out { "held out of" } else { "of" },
        datasets::called(&e.data)
    )?;
    if let (Some(attacked), Some(name)) = (&attacked, &settings.training.adversarial) {
        writeln!(out, "{}", attacked.line(name))?;
    }
    tested.warn(e.description.noun());
    if let Some(why) = &progress.stopped {
        writeln!(out, "ended early    {why}")?;
    }
    tell(&mut out, &remarks, advice.as_ref())?;
    writeln!(out, "run            {}", run.path().display())?;
    writeln!(out, "model          {}", run.best().display())?;
    writeln!(out, "curves         {}", curves.display())?;
    if let Some(plotted) = &plotted {
        writeln!(out, "plot           {plotted}")?;
    }
    // What is of no use is not to be used next.
    if !advice.as_ref().is_some_and(|advice| advice.is_useless) {
        let path = shell_word(run.path());
        let input = if e.description.is_of_rows() { "FILE.csv" } else { "IMAGE.png" };
        writeln!(out, "next           gradus predict {path} {input}   (or: gradus eval {path})")?;
    }
    let mut record = json!({});
    args.computing.conclude(&mut record);
    if args.json {
        let (seconds, samples) = totals(&progress.history);
        let about = json!({
            "model": settings.model, "recipe": settings.recipe, "data": settings.data, "epochs": progress.history.len(),
            "epoch": epoch, "steps": e.learner.step(), "params": e.parameters, "seconds": seconds,
            "samples_per_second": samples / seconds.max(1e-9), "run": run.path(),
            "batch": settings.batch, "seed": settings.seed, "threads": gradus_cpu::threads(),
            "device": settings.device, "stopped": progress.stopped, "unreached": e.learner.unreached(),
            "guessing_loss": guessing, "remarks": all_remarks(remarks, notes, e, advice.as_ref()),
            "data_remarks": e.remarks, "features": e.description.source_names(), "left_out": e.left_out, "unreadable": unreadable::record(&e.unreadable),
        });
        join(&mut record, about);
        tested.record(&mut record);
        attacked.iter().for_each(|attacked| attacked.record(&mut record));
        if plotted.is_some() {
            record["plot"] = json!(plot);
        }
        if let Some(advice) = advice {
            record["remark"] = json!(advice.remark);
            record["remedy"] = json!(advice.remedy);
        }
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// Says what was remarked on a run, what ails its model, and what may help.
fn tell(out: &mut impl Write, remarks: &[Value], advice: Option<&Advice>) -> Result<()> {
    for remark in remarks {
        writeln!(out, "diagnosis      {}", remark["text"].as_str().unwrap_or_default())?;
    }
    if let Some(Advice { remark, remedy, .. }) = advice {
        writeln!(out, "remark         {remark}")?;
        writeln!(out, "remedy         {remedy}")?;
    }
    Ok(())
}

/// All that was remarked, of whatever kind.
fn all_remarks(
    mut remarks: Vec<Value>,
    notes: &[Note],
    e: &Experiment,
    advice: Option<&Advice>,
) -> Vec<Value> {
    remarks.extend(notes.iter().map(|note| json!(note)));
    remarks.extend(notes::unlearned(&e.description).map(|note| json!(note)));
    remarks.extend(advice.map(|a| json!({ "about": "result", "text": a.remark })));
    remarks
}

/// What was remarked on the run and holds at its end, from its log.
fn remarks(run: &RunDir) -> Result<Vec<Value>> {
    let mut records = read_json_lines(&run.log())?.records;
    let gone = records.iter().filter(|record| record["kind"] == WITHDRAWN);
    let gone: Vec<Value> = gone.map(|record| record["ailment"].clone()).collect();
    records.retain(|record| record["kind"] == "remark" && !gone.contains(&record["ailment"]));
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
