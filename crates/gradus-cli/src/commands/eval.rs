//! `gradus eval`: tests a trained model.

mod of_sequences;
mod worst;

use crate::augmentation::{self, Evaluation, Shown, kinds};
use crate::bars::{counted, grouped};
use crate::columns;
use crate::commands::join;
use crate::computing::Computing;
use crate::datasets::{self, Opened, Pictures};
use crate::error::{CliError, Result};
use crate::experiment::in_order;
use crate::learned::{Change, Learned};
use crate::model_file;
use crate::outcome::Outcome;
use crate::table_form::{Cells, HeaderIs};
use crate::trained::Trained;
use crate::unreadable;
use gradus::data::{CsvOptions, Dataset, Split, Splits, Unreadable, has_test_part};
use gradus::nn::losses::Target;
use gradus::train::Learner;
use gradus::train::optim::Sgd;
use serde::Serialize;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use worst::{Samples, Worst};

/// Test a trained model
///
/// Data with a test part (a named set, a folder with train and test or val) are tested on it. A CSV file or a folder of classes is
/// tested as a whole; but if the model was trained on it, only on the part that training held out. Classes are compared by their
/// names, columns too. Of a classifier the table of who is taken for whom is followed by each class's precision, recall and F1; the macro mean
/// counts each class alike, the weighted one each by its samples. A class that none was taken for has precision 0.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gradus eval runs/mlp-1\n  gradus eval runs/mlp-1 --data mnist\n  gradus eval runs/mlp-2 --data new-flowers.csv\n  gradus eval runs/mlp-1 --worst 16\n  gradus eval runs/mlp-2 --worst 20 --out worst.csv\n  gradus eval runs/resnet18-imagenet-1 --evaluate 'resize(256),ten-crop(224)'"
)]
pub struct Args {
    /// A run directory or a model's file
    #[arg(value_name = "RUN|MODEL_FILE")]
    model: PathBuf,
    /// A data set's name, a folder or a CSV file [default: what it was trained on]
    #[arg(long, value_name = "NAME|DIR|CSV")]
    data: Option<String>,
    #[arg(long, value_name = "NAMES", help = format!(
        "How images are shown: some of {}, such as \"resize(256),ten-crop(224)\" [default: as when it was trained]",
        kinds::<Shown>().join(", ")))]
    evaluate: Option<String>,
    /// The column of a CSV file that holds the label: its name, or its number from 1 [default: as in training]
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// Whether the first line of a CSV file is a header [default: as in training]
    #[arg(long, value_name = "YES|NO")]
    header: Option<HeaderIs>,
    /// Leave out pictures of a folder that cannot be read, and rows of a CSV file with another number of fields than most; those that
    /// training left out of its own data always are
    #[arg(long)]
    skip_unreadable: bool,
    /// Draw what a model of numbers predicts against what is true into this PNG
    #[arg(long, value_name = "FILE.png")]
    plot: Option<PathBuf>,
    /// Also list the N samples with the greatest loss: which they are, what is true, what is predicted
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    worst: Option<u32>,
    /// Where that list is kept: a .csv, or of pictures a .png that shows them [default: of pictures worst.png in the run directory]
    #[arg(long, value_name = "FILE.png|.csv", requires = "worst")]
    out: Option<PathBuf>,
    /// Where to compute (see `gradus devices`)
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: String,
    #[command(flatten)]
    computing: Computing,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// Tests.
pub fn run(args: &Args) -> Result<()> {
    args.computing.begin(&args.device)?;
    let path = model_file::locate(&args.model)?;
    if let Some(saved) = model_file::of_sequences(&path)? {
        return of_sequences::evaluate(
            &saved,
            model_file::record_of(&args.model)?,
            &args.model,
            args.json,
        );
    }
    let loaded = model_file::load(&args.model)?;
    loaded.remark(&args.model);
    let description = &loaded.description;
    let data = match &args.data {
        Some(data) => data,
        // What an imported model was trained on is not known.
        None if description.epoch == 0 => {
            let what = format!("{}: it was imported, not trained here", args.model.display());
            return Err(CliError::Usage(format!("{what}: name the data to test it on by --data")));
        }
        None if description.data == datasets::STDIN => {
            let what = format!(
                "{}: it was trained on what came in on stdin, which is not kept",
                args.model.display()
            );
            return Err(CliError::Usage(format!(
                "{what}: give it again (--data - < FILE.csv) or name other data by --data"
            )));
        }
        None => &description.data,
    };
    let evaluation = match &args.evaluate {
        Some(text) => Evaluation::of(&augmentation::list(text)?)?,
        None => description.evaluation()?,
    };
    columns::of_pictures(args.skip_unreadable, data)?;
    let mut pictures = Pictures::of_input(&description.input).squares(None, evaluation.loaded());
    pictures.skip.look = args.skip_unreadable;
    let aim = description.aim();
    if args.plot.is_some() && aim.target() != Target::Numbers {
        let what = "--plot is of models of numbers, whose predictions it draws against the truth";
        return Err(CliError::Usage(what.into()));
    }
    let numbers = !aim.is_of_classes();
    if let (Some(label), true) = (&args.label, numbers) {
        let targets = aim.targets.join(", ");
        let what = format!("label: found {label:?}, but the model learned numbers: {targets}");
        return Err(CliError::Usage(what));
    }
    let label = match &args.label {
        Some(column) => columns::label(Some(column), data)?,
        None => description.label_column()?,
    };
    let record = model_file::record_of(&args.model)?;
    let trained = Trained::new(description, record.as_ref());
    let mut csv = description.csv(label);
    columns::of_a_table(&Cells { header: args.header, ..Cells::default() }, data)?;
    csv.header = HeaderIs::stated(args.header).or(csv.header);
    let Chosen { part, test, name: data, changed, remarks, unreadable } =
        match args.data.is_none() || trained.is_of(data) {
            true => held_out(&trained, trained.reopen(data, pictures, &csv)?)?,
            false => other(&trained, data, pictures, &csv)?,
        };
    if test.is_empty() {
        return Err(CliError::Work(format!("{data}: found no samples to test on")));
    }
    if let Some(out) = &args.out {
        worst::check(out, description)?;
    }
    datasets::remark(&data, &remarks);
    let data = datasets::called(&data).to_owned();
    let test = description.table.filled(datasets::labelled_as(description, &data, test)?)?;
    let shown = test.clone();
    let test = in_order(test, &description.normalization()?, &evaluation, aim)?;
    description.check(&data, &test)?;
    // Nothing is trained: the learner is asked for predictions only.
    let mut learner = Learner::new(Arc::new(loaded.model), Sgd::new(0.0));
    let start = Instant::now();
    let tested = Outcome::measure(&mut learner, &test, evaluation.views(), description)
        .map_err(|met| unreadable::gathered(&data, &[&*shown], met))?;
    let seconds = start.elapsed().as_secs_f64();
    let speed = tested.samples() as f64 / seconds;
    // Files first: stdout may be closed.
    let plotted = args.plot.as_ref().map(|path| tested.plot(path)).transpose()?.flatten();
    let worst = args.worst.map(|n| {
        let samples = Samples::new(&*shown, &data, &csv, &description.table);
        Worst::of(&tested, &samples, n as usize)
    });
    let sheet = match &worst {
        Some(worst) => worst.keep(args.out.as_deref(), &args.model, &*shown)?,
        None => None,
    };
    let mut out = std::io::stdout().lock();
    write!(out, "{}{}", tested.table(), tested.report())?;
    writeln!(
        out,
        "{}   ({}{} {} {data}, {} {}s/s)",
        tested.headline(),
        if part == Tested::Whole && tested.samples() > 1 { "all " } else { "" },
        counted(tested.samples(), description.noun()),
        if part == Tested::HeldOut { "held out of" } else { "of" },
        grouped(speed as u64),
        description.noun()
    )?;
    tested.warn(description.noun());
    if let Some(plotted) = plotted {
        writeln!(out, "plot           {plotted}")?;
    }
    if let Some(worst) = &worst {
        write!(out, "{}", worst.table())?;
    }
    if let Some(sheet) = &sheet {
        writeln!(out, "worst          {}", sheet.display())?;
    }
    let mut record = json!({});
    args.computing.conclude(&mut record);
    if args.json {
        let about = json!({
            "model": description.architecture, "file": loaded.path, "data": data, "part": part,
            "changed": changed, "unfinished": loaded.unfinished, "data_remarks": remarks, "unreadable": unreadable::record(&unreadable), "samples": tested.samples(), "views": evaluation.views(), "seconds": seconds, "samples_per_second": speed,
        });
        join(&mut record, about);
        tested.record(&mut record);
        tested.record_report(&mut record);
        if let Some(worst) = &worst {
            record["worst"] = worst.record();
            record["worst_file"] = json!(sheet);
        }
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// Which part of data is tested.
#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Tested {
    /// The test part that they have.
    Test,
    /// What training held out of them.
    HeldOut,
    /// All of them: they have no parts, and the model has not seen them.
    Whole,
}

/// What is to be tested.
struct Chosen {
    part: Tested,
    test: Arc<dyn Dataset>,
    /// What the data are called where they were found.
    name: String,
    /// How they have changed since the model learned from them, if they have.
    changed: Option<String>,
    /// What is worth knowing of how they were read.
    remarks: Vec<String>,
    /// Pictures that are left out because they cannot be read.
    unreadable: Vec<Unreadable>,
}

impl Chosen {
    /// Of samples of data as they were opened.
    fn new(part: Tested, test: Arc<dyn Dataset>, name: String, splits: &Splits) -> Chosen {
        let (mut remarks, unreadable) = (splits.remarks.clone(), splits.unreadable.clone());
        remarks.extend(unreadable::remark(&unreadable));
        Chosen { part, test, name, changed: None, remarks, unreadable }
    }
}

/// The test part of the data that the model was trained on.
///
/// # Errors
/// When what was trained on can no longer be told from what was held out.
fn held_out(trained: &Trained<'_>, opened: Opened) -> Result<Chosen> {
    let Opened { name, splits, fingerprint } = opened;
    let noun = trained.description.noun();
    let change = match (&trained.description.learned, &splits.rule) {
        (None, None) => Change::None,
        (None, Some(_)) => {
            say!(
                "remark: an older version trained the model, which did not keep what it learned from: if {name} has changed since, {noun}s that were trained on may be among those held out"
            );
            Change::None
        }
        (Some(learned), rule) => {
            let change = learned.change(&splits, &fingerprint);
            if change != Change::None {
                remark_on_change(learned, rule.as_ref(), &name, &splits, &change.text(noun), noun)?;
            }
            change
        }
    };
    let changed = (change != Change::None).then(|| change.text(noun));
    // How data are read that are as they were has been said by the training.
    let is_known = trained.description.learned.is_some() && changed.is_none();
    let part = if splits.rule.is_none() { Tested::Test } else { Tested::HeldOut };
    let mut chosen = Chosen { changed, ..Chosen::new(part, splits.test.clone(), name, &splits) };
    if is_known {
        let unreadable = unreadable::remark(&chosen.unreadable);
        chosen.remarks = splits.others.iter().cloned().chain(unreadable).collect();
    }
    Ok(chosen)
}

/// Says that data have changed, or refuses them where that may have moved what was trained on into the test part.
fn remark_on_change(
    learned: &Learned,
    rule: Option<&Split>,
    name: &str,
    splits: &Splits,
    text: &str,
    noun: &str,
) -> Result<()> {
    let changed = format!("{name} has changed since training: {text}");
    match rule {
        None | Some(Split::File(_)) => say!("remark: {changed}"),
        Some(rule) if rule.is_by_content() => {
            learned.require_known(name, splits, noun)?;
            say!("remark: {changed}; the held-out {noun}s are chosen by content, none moved");
        }
        Some(rule) => {
            return Err(CliError::Work(format!(
                "{changed}; its held-out {noun}s were chosen by {rule}, so which of them were trained on is not known; put the data back, or name others by --data"
            )));
        }
    }
    Ok(())
}

/// The part to test of data that the model was not trained on, or was under another name.
fn other(
    trained: &Trained<'_>,
    name: &str,
    pictures: Pictures,
    csv: &CsvOptions,
) -> Result<Chosen> {
    if has_test_part(name) {
        let splits = datasets::open(name, pictures, csv, None)?;
        return Ok(Chosen::new(Tested::Test, splits.test.clone(), name.into(), &splits));
    }
    let opened = Opened::new(name, pictures.clone(), csv, Some(&Split::Position))?;
    if let Some(learned) = &trained.description.learned {
        let change = learned.change(&opened.splits, &opened.fingerprint);
        if matches!(change, Change::None | Change::Order) {
            let (given, known) =
                (datasets::called(name), datasets::called(&trained.description.data));
            say!("remark: {given} holds the same as {known}");
            return held_out(trained, trained.open(name, pictures, csv)?);
        }
    }
    let splits = opened.splits;
    let test = splits.whole.clone().unwrap_or(splits.test.clone());
    Ok(Chosen::new(Tested::Whole, test, name.into(), &splits))
}
