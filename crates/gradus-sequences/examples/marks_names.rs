//! What networks foresee of names, measured: a list of names, one a line; lstm, gru, rnn, transformer or window; a seed; passes over the list; units.
//! The last line is what was measured, as JSON.
//!
//!     cargo run --release -p gradus-sequences --example marks_names -- names.txt lstm 0 10 128

use std::path::Path;

use gradus_sequences::language::{Architecture, LanguageModel, NameList, Names};
use gradus_sequences::{Result, System};
use gradus_train::{Fit, Progress};

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word = |at: usize, usual: &'static str| words.get(at).map_or(usual, String::as_str);
    let number = |at: usize, usual| word(at, usual).parse::<u64>().expect("a number");
    let architecture = match word(1, "lstm") {
        "lstm" => Architecture::Lstm,
        "gru" => Architecture::Gru,
        "rnn" => Architecture::Rnn,
        "transformer" => Architecture::Transformer,
        "window" => Architecture::Window,
        other => panic!("{other}: expected lstm, gru, rnn, transformer or window"),
    };
    let list = NameList::read(Path::new(word(0, "names.txt")))?;
    let usual = list.model(architecture);
    let hidden = if words.len() > 4 { number(4, "128") as usize } else { usual.hidden };
    let model = LanguageModel { hidden, ..usual };
    let mut system = Names::new(list, model, NameList::training(number(2, "0")))?;
    println!("{}; who knows frequencies: {:.4}", system.about(), system.guessing());
    system.remarks().iter().for_each(|remark| println!("{remark}"));
    let mut progress = Progress::default();
    let mut report = system.test(None)?;
    for epochs in 1..=number(3, "10") {
        let parts = system.parts();
        Fit { epochs, ..Fit::default() }.run(parts.task, parts.train, None, &mut progress)?;
        report = system.test(None)?;
        let last = progress.history.last().expect("an epoch ended");
        println!("{last}  {:.0} s  {}", last.seconds, report.headline);
    }
    println!("{}{}", report.table, report.remark.unwrap_or_default());
    println!("{}", serde_json::Value::from(report.numbers));
    Ok(())
}
