//! The `gradus` command: trains, evaluates and explains networks.
//!
//! Results go to stdout, progress and remarks to stderr. The exit code is 0 for success, 1 for a failure in the work
//! (a panic too), 2 for bad usage, and 130 when a signal ended it. Each command is one file of `commands/`: its options,
//! its help, what it does.

// Nothing but the command and its reader of recipes is for the outside: `pub` here means "for the other files".
#![allow(unreachable_pub)]

#[macro_use]
mod stderr;

mod aim;
mod augmentation;
mod bars;
mod bench;
mod callbacks;
mod chosen;
mod columns;
mod commands;
mod computing;
mod contact_sheet;
mod csv_file;
mod curves;
mod datasets;
mod description;
mod divergence;
mod entries;
mod epsilon;
mod error;
mod experiment;
mod guess;
mod inputs;
mod layers;
mod leaks;
mod learned;
mod misfit;
mod model_file;
mod network;
mod notes;
mod number_scores;
mod options;
mod outcome;
mod paper;
mod picture_sizes;
mod recipe_file;
mod record;
mod remedies;
mod report;
mod robust;
mod room;
mod run_dir;
mod scatter;
mod scores;
mod sequences;
mod settings;
mod signals;
mod suggest;
mod table_form;
mod trained;
mod transfer;
mod unreadable;

use clap::{Parser, Subcommand};
#[cfg(feature = "lab")]
use commands::lab;
use commands::{
    attack, classify, compare, data, devices, eval, export, import, kernel, models, predict,
    run as run_model, sample, see, summary, train,
};
use error::{CliError, panic_message};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

/// Gradus: a deep learning toolbox.
#[derive(Parser)]
#[command(
    name = "gradus",
    version,
    after_help = "Example:\n  gradus train mlp\n  gradus predict runs/mlp-1 digit.png"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Train(Box<train::Args>),
    Eval(eval::Args),
    Compare(compare::Args),
    Predict(predict::Args),
    Sample(sample::Args),
    Classify(classify::Args),
    Summary(summary::Args),
    See(Box<see::Args>),
    Models(models::Args),
    #[command(subcommand)]
    Data(data::Args),
    Devices(devices::Args),
    Export(export::Args),
    Import(Box<import::Args>),
    Run(run_model::Args),
    Kernel(kernel::Args),
    Attack(attack::Args),
    #[cfg(feature = "lab")]
    Lab(lab::Args),
    Bench(commands::bench::Args),
}

fn run(command: Command) -> Result<(), CliError> {
    // Before any work: a path that this machine lacks.
    gradus_cpu::Isa::forced().map_err(|error| CliError::Usage(error.to_string()))?;
    match command {
        Command::Train(args) => train::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Sample(args) => sample::run(&args),
        Command::Classify(args) => classify::run(&args),
        Command::Summary(args) => summary::run(&args),
        Command::See(args) => see::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Data(args) => data::run(&args),
        Command::Devices(args) => devices::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Run(args) => run_model::run(&args),
        Command::Kernel(args) => kernel::run(&args),
        Command::Attack(args) => attack::run(&args),
        #[cfg(feature = "lab")]
        Command::Lab(args) => lab::run(&args),
        Command::Bench(args) => commands::bench::run(&args),
    }
}

/// What the program does, from its arguments to its exit code.
pub fn main() -> ExitCode {
    // A panic's message is all a user needs; it is printed below, once, unless a panic ends the program.
    if cfg!(panic = "unwind") {
        panic::set_hook(Box::new(|_| {}));
    }
    let json = std::env::args_os().any(|argument| argument == "--json");
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
            let words: Vec<String> = words.collect();
            let bad = options::bad_number(&error);
            match bad.or_else(|| options::unknown_option(&error, &words)) {
                Some(what) => return ExitCode::from(CliError::Usage(what).tell(json)),
                None => error.exit(),
            }
        }
    };
    let error = match panic::catch_unwind(AssertUnwindSafe(|| run(cli.command))) {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => error,
        Err(payload) => CliError::Work(panic_message(&*payload)),
    };
    ExitCode::from(error.tell(json))
}

/// What a recipe's text comes to: the whole `config.toml` of the run it describes, or why it is refused. `name` is the recipe's
/// in messages.
///
/// ```
/// let config = gradus_cli::whole_recipe("small.toml", "model = \"lenet\"\nepochs = 3\n")?;
/// assert!(config.contains("epochs = 3") && config.contains("batch = 32"));
/// assert!(gradus_cli::whole_recipe("small.toml", "model = \"lenett\"").unwrap_err().contains("lenet"));
/// # Ok::<(), String>(())
/// ```
pub fn whole_recipe(name: &str, text: &str) -> Result<String, String> {
    let settings = recipe_file::parse(name, text).map_err(|error| error.to_string())?;
    Ok(settings.to_toml())
}
