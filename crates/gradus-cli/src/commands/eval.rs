//! `gradus eval`: tests a trained model.

mod of_sequences;
mod worst;

use crate::augmentation::{self, Evaluation, Shown, kinds};
use crate::bars::{counted, grouped};
use crate::chosen::{self, Chosen, Tested};
use crate::columns;
use crate::commands::join;
use crate::computing::Computing;
use crate::datasets::{self, Pictures};
use crate::error::{CliError, Result};
use crate::experiment::in_order;
use crate::model_file;
use crate::outcome::Outcome;
use crate::table_form::{Cells, HeaderIs};
use crate::trained::Trained;
use crate::unreadable;
use gradus::nn::losses::Target;
use gradus::train::Learner;
use gradus::train::optim::Sgd;
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

impl Args {
    /// The first option given that a network of sequences has no use for: it would be passed over in silence.
    fn of_pictures_and_tables(&self) -> Option<&'static str> {
        let given = [
            ("--data", self.data.is_some()),
            ("--evaluate", self.evaluate.is_some()),
            ("--label", self.label.is_some()),
            ("--header", self.header.is_some()),
            ("--skip-unreadable", self.skip_unreadable),
            ("--plot", self.plot.is_some()),
            ("--worst", self.worst.is_some()),
        ];
        given.iter().find(|(_, is_given)| *is_given).map(|(option, _)| *option)
    }
}

/// Tests.
pub fn run(args: &Args) -> Result<()> {
    args.computing.begin(&args.device)?;
    let path = model_file::locate(&args.model)?;
    if let Some(saved) = model_file::of_sequences(&path)? {
        if let Some(option) = args.of_pictures_and_tables() {
            return Err(CliError::Usage(format!(
                "{option}: a network of sequences is tested on what was held out of its own data; leave it out"
            )));
        }
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
    let data = chosen::data_of(&args.model, description, args.data.as_deref())?;
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
    let Chosen { part, test, name: data, changed, remarks, unreadable, .. } =
        chosen::choose(&trained, data, args.data.is_none(), pictures, &csv)?;
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
