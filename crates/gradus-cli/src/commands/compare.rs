//! `gradus compare`: runs beside each other: what differs in their settings, what they came to, their curves.

use crate::bars::{duration, figure, shortened};
use crate::curves;
use crate::error::{CliError, Result};
use crate::learned::Learned;
use crate::model_file;
use crate::network::Network;
use crate::record::flat;
use crate::remedies::{CHANGED, RATE, TESTED};
use crate::run_dir;
use crate::settings::Settings;
use clap::Args as _;
use gradus::io::log::read_json_lines;
use gradus::io::{atomic_write, printable};
use gradus::train::EpochLog;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Compare runs: settings that differ, rates and schedules, final numbers, best epochs, times; curves as a picture
///
/// Numbers of training and validation are those of the last epoch; those of the test are of the model that was kept, of the best epoch. A run
/// that has not ended has none of the test. Losses of different kinds do not compare. The peak rate is what the schedule makes others of: a
/// run that went on at another one has both.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gradus compare runs/mlp-1 runs/mlp-2\n  gradus compare runs/* --out curves.svg"
)]
pub struct Args {
    /// Run directories
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// Draw the curves of all into this SVG picture
    #[arg(long, value_name = "FILE.svg")]
    out: Option<PathBuf>,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// A run.
struct Run {
    path: PathBuf,
    settings: BTreeMap<String, Value>,
    /// The loss it learns by.
    loss: String,
    history: Vec<EpochLog>,
    /// What its test gave, by name.
    tested: Map<String, Value>,
    /// The epoch of the model that is kept.
    best: Option<u64>,
    /// What it learned from and was tested on.
    learned: Option<Learned>,
    /// The rates that its schedule made others of, one after the other.
    rates: Vec<f64>,
}

/// Compares.
pub fn run(args: &Args) -> Result<()> {
    if let Some(path) = args.out.as_ref().filter(|path| path.extension().is_none_or(|e| e != "svg"))
    {
        let what = format!("--out: found {}, expected a file that ends in .svg", path.display());
        return Err(CliError::Usage(what));
    }
    let runs = args.runs.iter().map(|path| Run::read(path)).collect::<Result<Vec<_>>>()?;
    if let Some(path) = &args.out {
        let curves = runs.iter().map(|run| curves::Run {
            name: run.name(),
            loss: run.loss.clone(),
            history: &run.history,
        });
        let text = curves::draw(&curves.collect::<Vec<_>>());
        atomic_write(path, |w| w.write_all(text.as_bytes()))?;
    }
    let differing = differing(&runs);
    let same_test = same_test(&runs);
    if same_test == Some(false) {
        say!(
            "remark: the runs were tested on different samples: their test numbers do not compare"
        );
    }
    let mut out = std::io::stdout().lock();
    write!(out, "{}", table(&runs, &differing))?;
    if let Some(path) = &args.out {
        writeln!(out, "\ncurves         {}", path.display())?;
    }
    if args.json {
        let all: Vec<Value> = runs.iter().map(|run| run.record(&differing)).collect();
        writeln!(
            out,
            "{}",
            json!({
                "runs": all, "differing": differing, "same_test": same_test, "curves": args.out
            })
        )?;
    }
    Ok(())
}

/// Whether those that were tested were so on the same samples, as far as their models tell.
fn same_test(runs: &[Run]) -> Option<bool> {
    let tested = runs.iter().filter(|run| !run.tested.is_empty());
    let mut learned = tested.filter_map(|run| run.learned.as_ref());
    let part = |l: &Learned| (l.unordered.clone(), l.split.clone(), l.test.clone(), l.held.clone());
    let first = part(learned.next()?);
    Some(learned.all(|other| part(other) == first))
}

impl Run {
    fn read(path: &Path) -> Result<Run> {
        let own = run_dir::read_settings(path)?;
        let mut settings = flat(&own);
        // A network that is as published is not written down.
        if let Ok(Value::Object(published)) = serde_json::to_value(Network::default()) {
            for (key, value) in published {
                settings.entry(format!("network.{key}")).or_insert(value);
            }
        }
        let log = run_dir::log(path);
        let records = if log.exists() { read_json_lines(&log)?.records } else { vec![] };
        let mut history = vec![];
        let (mut tested, mut rates) = (Map::new(), vec![]);
        for record in records {
            match record["kind"].as_str() {
                Some("epoch") => history.push(serde_json::from_value(record).map_err(|e| {
                    let what = printable(&e.to_string());
                    CliError::Work(format!(
                        "{}: an epoch that cannot be read: {what}",
                        log.display()
                    ))
                })?),
                Some(TESTED) => {
                    tested = record.as_object().cloned().unwrap_or_default();
                    tested.retain(|name, value| name.starts_with("test_") && value.is_number());
                }
                Some(CHANGED) => rates.extend(record["settings"][RATE]["before"].as_f64()),
                _ => {}
            }
        }
        let best = run_dir::best(path);
        let best = best.exists().then(|| model_file::read(&best)).transpose()?;
        let (best, learned) = match best {
            Some(model) => (Some(model.description.epoch), model.description.learned),
            None => (None, None),
        };
        rates.push(own.optimizer.learning_rate);
        let (path, loss) = (path.to_owned(), own.aim()?.loss);
        Ok(Run { path, settings, loss, history, tested, best, learned, rates })
    }

    /// Its folder's name.
    fn name(&self) -> String {
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned());
        name.unwrap_or_else(|| self.path.display().to_string())
    }

    /// What it came to, by name.
    fn numbers(&self) -> BTreeMap<String, f64> {
        let mut all = BTreeMap::new();
        if let Some(log) = self.history.last() {
            all.insert("loss".to_owned(), log.loss);
            all.extend(log.metrics.clone());
            all.extend(log.val_loss.map(|loss| ("val_loss".to_owned(), loss)));
            all.extend(log.val_metrics.iter().map(|(name, x)| (format!("val_{name}"), *x)));
        }
        let tested = self.tested.iter();
        all.extend(tested.filter_map(|(name, x)| Some((name.clone(), x.as_f64()?))));
        all
    }

    fn seconds(&self) -> f64 {
        self.history.iter().map(|log| log.seconds).sum()
    }

    /// For `--json`.
    fn record(&self, differing: &[String]) -> Value {
        let own =
            |name: &String| (name.clone(), self.settings.get(name).cloned().unwrap_or_default());
        json!({
            "run": self.path, "settings": differing.iter().map(own).collect::<Map<_, _>>(),
            "numbers": self.numbers(), "epochs": self.history.len(), "best_epoch": self.best,
            "peak_rates": self.rates, "schedule": self.settings.get(SCHEDULE),
            "steps": self.history.last().map(|log| log.step), "seconds": self.seconds(),
        })
    }
}

/// The settings that are not the same in all runs.
fn differing(runs: &[Run]) -> Vec<String> {
    let keys: BTreeSet<&String> = runs.iter().flat_map(|run| run.settings.keys()).collect();
    let differs =
        |key: &&String| runs.iter().any(|run| run.settings.get(*key) != runs[0].settings.get(*key));
    keys.into_iter().filter(differs).cloned().collect()
}

/// The settings that have rows of their own.
const SCHEDULE: &str = "schedule.name";
const EPOCHS: &str = "epochs";

/// What the command line calls an entry of the settings; one that no option changes is called as in `config.toml`.
fn option_of(key: &str) -> String {
    let options = Settings::augment_args_for_update(clap::Command::new("settings"));
    let id = key.rsplit('.').next().unwrap_or(key);
    let option = options.get_arguments().find(|option| option.get_id() == id);
    let name = option.and_then(|option| {
        let aliases = option.get_visible_aliases().unwrap_or_default();
        aliases.first().copied().or_else(|| option.get_long())
    });
    // What --no-… takes away is told by the entry, whose value is the other way round.
    let name = name.filter(|name| !name.starts_with("no-"));
    name.map_or_else(|| key.to_owned(), |name| format!("--{name}"))
}

/// Runs as columns.
fn table(runs: &[Run], differing: &[String]) -> String {
    let mut rows: Vec<(String, Vec<String>)> = vec![];
    let mut row = |name: &str, cell: &dyn Fn(&Run) -> String| {
        rows.push((name.to_owned(), runs.iter().map(cell).collect()));
    };
    let setting = |run: &Run, key: &str| match run.settings.get(key) {
        None | Some(Value::Null) => "-".into(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    row("run", &|run| run.path.display().to_string());
    for key in differing.iter().filter(|key| ![RATE, SCHEDULE, EPOCHS].contains(&&***key)) {
        row(&option_of(key), &|run| setting(run, key));
    }
    row("peak rate", &|run| {
        run.rates.iter().map(|&rate| figure(rate, 4)).collect::<Vec<_>>().join(", then ")
    });
    row("schedule", &|run| setting(run, SCHEDULE));
    row("", &|_| String::new());
    let names: BTreeSet<String> = runs.iter().flat_map(|run| run.numbers().into_keys()).collect();
    let mut names: Vec<(usize, String, String)> = names.into_iter().map(called).collect();
    names.sort();
    for (_, title, name) in &names {
        row(title, &|run| run.numbers().get(name).map_or("-".into(), |&x| figure(x, 5)));
    }
    row("epochs", &|run| match (run.history.len().to_string(), setting(run, EPOCHS)) {
        (done, all) if done == all => done,
        (done, all) => format!("{done} of {all}"),
    });
    row("best epoch", &|run| run.best.map_or("-".into(), |epoch| epoch.to_string()));
    row("time", &|run| duration(run.seconds()));
    let cell = |text: &str| shortened(text, WIDEST);
    let widest = |texts: &mut dyn Iterator<Item = &String>| {
        texts.map(|text| cell(text).chars().count()).max().unwrap_or(0)
    };
    let left = widest(&mut rows.iter().map(|(name, _)| name));
    let widths: Vec<usize> =
        (0..runs.len()).map(|at| widest(&mut rows.iter().map(|(_, cells)| &cells[at]))).collect();
    let line = |(name, cells): &(String, Vec<String>)| {
        let cells =
            cells.iter().zip(&widths).map(|(text, &width)| format!("  {:>width$}", cell(text)));
        format!("{:<left$}{}", cell(name), cells.collect::<String>()).trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// A number's place among the others, what it is called in the table, and its name: training's come first, the test's last.
fn called(name: String) -> (usize, String, String) {
    let parts = [("val_", 1, "validation"), ("test_", 2, "test"), ("", 0, "training")];
    let found = parts.iter().find_map(|(prefix, at, part)| {
        name.strip_prefix(prefix).map(|rest| (*at, format!("{part} {}", rest.replace('_', " "))))
    });
    let (at, title) = found.expect("any name begins with nothing");
    (at, title, name)
}

/// A column is no wider.
const WIDEST: usize = 36;
