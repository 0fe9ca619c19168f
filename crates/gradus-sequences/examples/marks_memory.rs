//! What networks remember over many steps, measured: `adding` or `copy`, a cell, a length, a seed, epochs of 500 batches; then options by name.
//! The last line is what was measured, as JSON.
//!
//!     cargo run --release -p gradus-sequences --example marks_memory -- adding lstm 100 0 20

use std::path::PathBuf;
use std::time::Instant;

use gradus_sequences::memory::{Cell, LongMemory, MemoryModel, Problem};
use gradus_sequences::{Result, System};
use gradus_train::optim::{Adam, RmsProp};
use gradus_train::{Fit, Progress};

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word = |at: usize, usual: &'static str| words.get(at).map_or(usual, String::as_str);
    let option = |name: &str| {
        words.iter().find_map(|w| w.strip_prefix(name)?.strip_prefix('=')?.parse::<f64>().ok())
    };
    let number =
        |at: usize, usual: &'static str| word(at, usual).parse::<usize>().expect("a number");
    let problem = if word(0, "adding") == "copy" { Problem::Copy } else { Problem::Adding };
    let cell = Cell::ALL
        .into_iter()
        .find(|cell| cell.name() == word(1, "lstm"))
        .expect("rnn, lstm or gru");
    let usual = MemoryModel::new(problem, cell);
    let model = MemoryModel {
        length: number(2, "100"),
        hidden: option("hidden").map_or(usual.hidden, |n| n as usize),
        chrono: option("chrono").map_or(usual.chrono, |n| n > 0.0),
        ..usual
    };
    let mut training = model.training(number(3, "0") as u64);
    if let Some(rate) = option("adam") {
        training.optimizer = Box::new(Adam::new(rate));
    }
    if let Some(rate) = option("rmsprop") {
        training.optimizer = Box::new(RmsProp::new(rate));
    }
    training.batch = option("batch").map_or(training.batch, |n| n as usize);
    let mut system = LongMemory::new(model, training)?;
    println!("{}", system.about());
    let begin = Instant::now();
    let mut progress = Progress::default();
    for epochs in 1..=number(4, "10") as u64 {
        let parts = system.parts();
        Fit { epochs, ..Fit::default() }.run(parts.task, parts.train, None, &mut progress)?;
        let last = progress.history.last().expect("an epoch ended");
        println!("{last}  {:.0} s", begin.elapsed().as_secs_f64());
    }
    let folder = words.iter().find_map(|w| w.strip_prefix("folder=")).map(PathBuf::from);
    let report = system.test(folder.as_deref())?;
    println!("{}{}\n{}", report.table, report.headline, report.remark.unwrap_or_default());
    println!("{}", serde_json::Value::from(report.numbers));
    Ok(())
}
