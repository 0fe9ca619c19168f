//! Trains a system in a run directory, tests it, and says what can be done with it.

use super::watch;
use super::{Context, Restored, Resumed, all_done, remarks, tell, totals};
use crate::bars::{counted, grouped};
use crate::commands::join;
use crate::curves;
use crate::error::{CliError, Result, shell_word};
use crate::experiment::Trainee;
use crate::model_file;
use crate::remedies::TESTED;
use crate::run_dir::RunDir;
use crate::sequences::SequenceExperiment;
use crate::settings::Settings;
use gradus::io::atomic_write;
use gradus::io::log::JsonLog;
use gradus::sequences::{Model, Report};
use gradus::train::{Fit, INTERRUPTED, Progress};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// Trains to the last epoch, or until interrupted; then tests.
pub fn train(context: &Context<'_>, resumed: Resumed<SequenceExperiment>) -> Result<()> {
    let Resumed { run, settings, mut experiment, restored } = resumed;
    announce(&run, &settings, &mut experiment, &restored.0);
    for remark in experiment.system.remarks() {
        say!("remark: {}: {remark}", settings.data);
    }
    let progress = match &restored.0.stopped {
        Some(why) if why != INTERRUPTED => restored.0,
        _ => fit(context, &run, &settings, &mut experiment, restored)?,
    };
    if progress.stopped.as_deref() == Some(INTERRUPTED) {
        return Err(CliError::Interrupted(run.path().to_owned()));
    }
    context.signals.test(run.path().to_owned())?;
    conclude(context, &run, &settings, &mut experiment, &progress)
}

/// Says on stderr what is about to happen.
fn announce(run: &RunDir, s: &Settings, e: &mut SequenceExperiment, progress: &Progress) {
    let steps = e.steps_per_epoch(s);
    say!(
        "{} ({} parameters) on {}, {} of {}, {} at {} ({}), seed {}",
        s.model,
        grouped(e.parameters as u64),
        e.system.about(),
        counted(s.epochs, "epoch"),
        counted(steps, "step"),
        s.optimizer.name,
        s.optimizer.learning_rate,
        s.schedule.name,
        s.seed
    );
    all_done(run, s, progress, e.task().steps());
}

fn fit(
    context: &Context<'_>,
    run: &RunDir,
    settings: &Settings,
    e: &mut SequenceExperiment,
    (mut progress, states): Restored,
) -> Result<Progress> {
    let batches = e.batches_per_epoch(settings);
    let done = progress.epoch * batches + progress.batch as u64;
    let watched = watch::Watched {
        description: e.description(),
        record: json!(e.record(settings)),
        noun: e.system.noun(),
        guessing: e.system.guessing(),
        is_hopeless_above: true,
        unfreezing: None,
        is_validated: false,
        batches,
    };
    let mut callbacks = watch::callbacks(run, settings, &watched, done, context.csv)?;
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
        interrupt: context.signals.train(),
    };
    let parts = e.system.parts();
    let ended = fit.run(parts.task, parts.train, parts.validation, &mut progress);
    drop(fit); // and with it the log
    ended.map_err(|error| crate::divergence::ended(run, settings, &progress.history, error))?;
    Ok(progress)
}

/// Tests the model that was kept, once, and says how it did and what to do with it.
fn conclude(
    context: &Context<'_>,
    run: &RunDir,
    settings: &Settings,
    e: &mut SequenceExperiment,
    progress: &Progress,
) -> Result<()> {
    let chosen = model_file::read(&run.best())?;
    e.take_up(&chosen.file)?;
    let report = e.system.test(Some(run.path()))?;
    let (epoch, step) = (chosen.description.epoch, e.task().steps());
    let mut noted = json!({ "kind": TESTED, "epoch": epoch, "step": step });
    join(&mut noted, Value::Object(report.numbers.clone()));
    JsonLog::append(&run.log())?.write(&noted)?;
    let curves = run.path().join("curves.svg");
    let drawn = curves::of_history(&progress.history);
    atomic_write(&curves, |w| w.write_all(drawn.as_bytes()))?;
    let remarks = remarks(run)?;
    let mut out = std::io::stdout().lock();
    write!(out, "{}", report.table)?;
    writeln!(out, "{}   (the model of epoch {epoch})", report.headline)?;
    if let Some(why) = &progress.stopped {
        writeln!(out, "ended early    {why}")?;
    }
    tell(&mut out, &remarks, None)?;
    if let Some(remark) = &report.remark {
        writeln!(out, "remark         {remark}")?;
    }
    writeln!(out, "run            {}", run.path().display())?;
    writeln!(out, "model          {}", run.best().display())?;
    writeln!(out, "curves         {}", curves.display())?;
    for (what, path) in &report.files {
        writeln!(out, "{what:<14} {}", path.display())?;
    }
    writeln!(out, "next           {}", next(&e.system.model(), run.path()))?;
    let mut record = json!({});
    context.computing.conclude(&mut record);
    if context.json {
        join(&mut record, about(run, settings, e, progress, epoch, &remarks, &report));
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// What is told to programs.
fn about(
    run: &RunDir,
    settings: &Settings,
    e: &mut SequenceExperiment,
    progress: &Progress,
    epoch: u64,
    remarks: &[Value],
    report: &Report,
) -> Value {
    let (seconds, samples) = totals(&progress.history);
    let mut all = remarks.to_vec();
    all.extend(report.remark.iter().map(|text| json!({ "about": "result", "text": text })));
    let files: Value =
        report.files.iter().map(|(name, path)| (name.to_string(), json!(path))).collect();
    let mut record = json!({
        "model": settings.model, "recipe": settings.recipe, "data": settings.data, "epochs": progress.history.len(),
        "epoch": epoch, "steps": e.task().steps(), "params": e.parameters, "seconds": seconds,
        "samples_per_second": samples / seconds.max(1e-9), "run": run.path(), "batch": settings.batch,
        "seed": settings.seed, "threads": gradus_cpu::threads(), "device": settings.device, "stopped": progress.stopped,
        "guessing_loss": e.system.guessing(), "remarks": all, "data_remarks": e.system.remarks(), "files": files,
    });
    join(&mut record, Value::Object(report.numbers.clone()));
    record
}

/// What to do with a trained system.
fn next(model: &Model, run: &Path) -> String {
    let path = shell_word(run);
    match model {
        Model::Sentiment(_) => {
            format!("gradus classify {path} \"…\"   (or: gradus eval {path})")
        }
        Model::SequenceLabels(_) => format!("gradus eval {path}   (or: gradus summary {path})"),
        Model::Genome(_) => format!("gradus classify {path} ACGT…   (or: gradus eval {path})"),
        Model::Memory(_) => format!("gradus eval {path}   (or: gradus summary {path})"),
        Model::Language(_) => {
            format!("gradus sample {path} --prime \"…\"   (or: gradus eval {path})")
        }
    }
}
