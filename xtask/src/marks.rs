//! Marks: what takes too long for `cargo test`, measured three times (seeds 0, 1, 2) and written down with the machine and the commit,
//! under docs/marks/.

use crate::{Outcome, cargo, output, succeed};
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// How often each is run: seeds 0, 1, ….
const RUNS: usize = 3;
/// Where marks are written.
const FOLDER: &str = "docs/marks";

/// Something to be measured.
struct Mark {
    name: &'static str,
    about: &'static str,
    program: Program,
    /// Entries of the JSON object in the last line it prints, and what is asked of each.
    figures: &'static [(&'static str, &'static str)],
}

/// What is run. Its last line is a JSON object.
enum Program {
    /// `gradus` with these words, `--json` and a seed; `{data}` in them is the folder `$GRADUS_DATA`, or else the one it is called in.
    Command(&'static str),
    /// A training by such words, whose run is attacked afterwards: the accuracy that an attack leaves is a figure by its name.
    Attacked(&'static str, &'static [(&'static str, &'static str)]),
    /// An example of the crate `gradus`.
    Example(&'static str),
}

const TRAINED: &[(&str, &str)] = &[("test_accuracy", ""), ("test_loss", ""), ("seconds", "")];

const MARKS: &[Mark] = &[
    Mark {
        name: "lenet",
        about: "LeNet-5 on the 5,000 embedded digits",
        program: Program::Command("train lenet"),
        figures: &[("test_accuracy", "≥ .97 each, median ≥ .975"), ("seconds", "≤ 10")],
    },
    Mark {
        name: "lenet-fashion",
        about: "LeNet-5 on Fashion-MNIST, ten epochs",
        program: Program::Command("train lenet --data fashion-mnist --epochs 10"),
        figures: TRAINED,
    },
    Mark {
        name: "fooled",
        about: "LeNet-5 on Fashion-MNIST, ten epochs, then attacked at ε .1 on the first 2,000 test pictures",
        program: Program::Attacked(
            "train lenet-fashion",
            &[("fgsm", "--with fgsm"), ("pgd", "--with pgd --steps 20")],
        ),
        figures: &[
            ("test_accuracy", "about .91"),
            ("fgsm", "about .14"),
            ("pgd", "≤ .02"),
            ("seconds", ""),
        ],
    },
    Mark {
        name: "adversarial",
        about: "The same, learned from pictures that PGD makes in 5 steps at ε .1",
        program: Program::Attacked(
            "train lenet-fashion-adversarial",
            &[
                ("fgsm", "--with fgsm"),
                ("pgd", "--with pgd --steps 20"),
                (
                    "pgd_100_steps_5_restarts",
                    "--with pgd --steps 100 --step-size 0.01 --restarts 5",
                ),
                ("square", "--with square --steps 1000"),
            ],
        ),
        figures: &[
            ("test_accuracy", "≥ .78"),
            ("robust_accuracy", ""),
            ("fgsm", ""),
            ("pgd", "≥ .55"),
            ("pgd_100_steps_5_restarts", "no less by much"),
            ("square", "no less by much"),
            ("seconds", ""),
        ],
    },
    Mark {
        name: "mlp-fashion",
        about: "The perceptron with a hidden layer on Fashion-MNIST, ten epochs",
        program: Program::Command("train mlp --data fashion-mnist --epochs 10"),
        figures: TRAINED,
    },
    Mark {
        name: "char-lstm",
        about: "An LSTM on the first nine tenths of tinyshakespeare.txt, the last tenth scored once",
        program: Program::Command("train char-lstm --data {data}/tinyshakespeare.txt"),
        figures: &[
            ("val_nats", "≤ 1.55, stretch 1.48"),
            ("best_ngram_nats", ""),
            ("seconds", "≤ 600"),
        ],
    },
    Mark {
        name: "adding-lstm",
        about: "An LSTM adds two of a hundred numbers",
        program: Program::Command("train adding --cell lstm"),
        figures: &[("mse", "≤ .01"), ("guessing", ""), ("seconds", "≤ 600")],
    },
    Mark {
        name: "adding-gru",
        about: "A GRU adds two of a hundred numbers",
        program: Program::Command("train adding --cell gru"),
        figures: &[("mse", "≤ .01"), ("guessing", ""), ("seconds", "≤ 600")],
    },
    Mark {
        name: "adding-rnn",
        about: "tanh units do not add two of a hundred numbers",
        program: Program::Command("train adding --cell rnn"),
        figures: &[("mse", "> .10"), ("guessing", ""), ("seconds", "≤ 600")],
    },
    Mark {
        name: "adding-rnn-20",
        about: "tanh units add two of twenty numbers",
        program: Program::Command("train adding --cell rnn --length 20"),
        figures: &[("mse", "≤ .01"), ("guessing", ""), ("seconds", "≤ 600")],
    },
    Mark {
        name: "copy",
        about: "Ten symbols repeated after fifty steps",
        program: Program::Command("train copy"),
        figures: &[("cross_entropy", "≤ .02"), ("guessing", ""), ("seconds", "≤ 600")],
    },
    Mark {
        name: "splice",
        about: "Convolutions on mlbench's DNA, as DNA.fa",
        program: Program::Command("train splice --data {data}/DNA.fa"),
        figures: &[("test_accuracy", "≥ .94"), ("baseline_majority", ""), ("seconds", "")],
    },
    Mark {
        name: "sequence-labels",
        about: "A recurrent net from both ends on JapaneseVowels_TRAIN.ts, tested on JapaneseVowels_TEST.ts",
        program: Program::Command("train sequence-labels --data {data}/JapaneseVowels_TRAIN.ts"),
        figures: &[("test_accuracy", "≥ .97"), ("seconds", "")],
    },
    Mark {
        name: "sentiment-rotten-tomatoes",
        about: "Gated units from both ends on rotten_tomatoes.csv",
        program: Program::Command("train sentiment --data {data}/rotten_tomatoes.csv"),
        figures: &[
            ("test_accuracy", "≥ .75"),
            ("baseline_logistic_regression", ""),
            ("seconds", "≤ 600"),
        ],
    },
    Mark {
        name: "sentiment-imdb",
        about: "Gated units from both ends on imdb.csv, 25,000 reviews",
        program: Program::Command("train sentiment --data {data}/imdb.csv"),
        figures: &[
            ("test_accuracy", "≥ .87"),
            ("baseline_logistic_regression", ""),
            ("seconds", "≤ 600"),
        ],
    },
    Mark {
        name: "gan",
        about: "A step of a task with two updaters, over its two halves compiled and replayed by hand: time",
        program: Program::Example("marks_gan"),
        figures: &[("numbers_ratio", "≤ 1.05"), ("pictures_ratio", "≤ 1.05")],
    },
    Mark {
        name: "lengths",
        about: "Training on 496 lengths, 5 to 500, over training on one (time per true token) and on the longest (peak of memory)",
        program: Program::Example("marks_lengths"),
        figures: &[
            ("tagger_first_epoch", "≤ 1.3"),
            ("tagger_second_epoch", "≤ 1.3"),
            ("tagger_peak", "≤ 1.2"),
            ("tagger_peak_mib", ""),
            ("tagger16_first_epoch", "≤ 1.3"),
            ("tagger16_second_epoch", "≤ 1.3"),
            ("tagger16_peak", "≤ 1.2"),
            ("tagger16_peak_mib", ""),
            ("cell_first_epoch", ""),
            ("cell_second_epoch", "≤ 1.3"),
            ("cell_peak", "≤ 1.2"),
            ("cell_peak_mib", ""),
        ],
    },
];

/// Runs `cargo xtask marks [NAME...]`: without a name it lists them.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    if arguments.is_empty() {
        MARKS.iter().for_each(|mark| println!("{:<16} {}", mark.name, mark.about));
        return Ok(());
    }
    let known = |name: &String| {
        let names = || MARKS.iter().map(|mark| mark.name).collect::<Vec<_>>().join(", ");
        let found = MARKS.iter().find(|mark| mark.name == name);
        found.ok_or_else(|| format!("no mark is called {name}; there are {}", names()))
    };
    let marks: Vec<&Mark> = arguments.iter().map(known).collect::<Result<_, _>>()?;
    let mut build = cargo(root);
    build.args(["build", "--quiet", "--release", "--package", "gradus-cli"]);
    succeed(&mut build)?;
    marks.into_iter().try_for_each(|mark| measure(root, mark))
}

/// Runs a mark and writes it down.
fn measure(root: &Path, mark: &Mark) -> Outcome {
    let mut runs = vec![];
    for seed in 0..RUNS {
        let line = last_line(&output(&mut mark.command(root, seed)?)?);
        let mut record: Value = serde_json::from_str(&line).map_err(|e| format!("{line}: {e}"))?;
        for (name, words) in mark.attacks() {
            record[*name] = attacked(root, &record, words, seed)?;
        }
        println!("{} {seed}: {}", mark.name, mark.told(&record));
        runs.push(record);
    }
    let page = mark.page(&runs, &machine(), &commit(root)?);
    let folder = root.join(FOLDER);
    let path = folder.join(format!("{}.md", mark.name));
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    std::fs::write(&path, page).map_err(|e| format!("{}: {e}", path.display()))
}

/// What all attacks have in common.
const ATTACKED: &str = "--epsilon 0.1 --limit 2000";

/// The accuracy that is left to a run under an attack.
fn attacked(root: &Path, run: &Value, words: &str, seed: usize) -> Result<Value, String> {
    let mut command = Command::new(root.join("target/release/gradus"));
    command.args(["attack", run["run"].as_str().unwrap_or_default()]);
    command.args(words.split(' ')).args(ATTACKED.split(' '));
    command.args(["--json", "--seed", &seed.to_string()]);
    let line = last_line(&output(&mut command)?);
    let record: Value = serde_json::from_str(&line).map_err(|e| format!("{line}: {e}"))?;
    Ok(record["accuracies"][0]["accuracy"].clone())
}

impl Mark {
    fn command(&self, root: &Path, seed: usize) -> Result<Command, String> {
        match self.program {
            Program::Command(words) | Program::Attacked(words, _) => {
                let mut command = Command::new(root.join("target/release/gradus"));
                let data = std::env::var("GRADUS_DATA").unwrap_or_else(|_| ".".to_owned());
                let words = words.replace("{data}", &data);
                let out = std::env::temp_dir().join(format!("gradus-mark-{}", std::process::id()));
                command.args(words.split(' ')).args(["--json", "--seed", &seed.to_string()]);
                command.arg("--out").arg(out.join(format!("{}-{seed}", self.name)));
                Ok(command)
            }
            Program::Example(name) => {
                let mut build = cargo(root);
                build.args(["build", "--quiet", "--release", "--package", "gradus", "--example"]);
                succeed(build.arg(name))?;
                Ok(Command::new(root.join("target/release/examples").join(name)))
            }
        }
    }

    /// By what the run is attacked.
    fn attacks(&self) -> &'static [(&'static str, &'static str)] {
        match self.program {
            Program::Attacked(_, attacks) => attacks,
            _ => &[],
        }
    }

    fn words(&self) -> String {
        match self.program {
            Program::Command(words) | Program::Attacked(words, _) => {
                format!("gradus {words} --json --seed 0|1|2")
            }
            Program::Example(name) => format!("cargo run --release --example {name}"),
        }
    }

    fn told(&self, record: &Value) -> String {
        let one =
            |(key, _): &(&str, &str)| record[*key].as_f64().map(|value| format!("{key} {value}"));
        self.figures.iter().filter_map(one).collect::<Vec<_>>().join("  ")
    }

    /// What is written down.
    fn page(&self, runs: &[Value], machine: &str, commit: &str) -> String {
        let mut page = format!("# {}\n\n{}.\n\n", self.name, self.about);
        let _ = writeln!(page, "`{}`, on {machine}, at commit {commit}.\n", self.words());
        page.push_str("| | run 0 | run 1 | run 2 | median | asked |\n|---|---|---|---|---|---|\n");
        for (key, asked) in self.figures {
            let values: Option<Vec<f64>> = runs.iter().map(|run| run[*key].as_f64()).collect();
            // A network that learns numbers has no accuracy.
            let Some(values) = values else { continue };
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let cells: Vec<String> = values.iter().map(f64::to_string).collect();
            let median = sorted[sorted.len() / 2];
            let _ = writeln!(page, "| {key} | {} | {median} | {asked} |", cells.join(" | "));
        }
        if !self.attacks().is_empty() {
            page.push_str("\nAccuracies under attack:\n\n");
        }
        for (name, words) in self.attacks() {
            let _ = writeln!(page, "- {name}: `gradus attack RUN {words} {ATTACKED}`");
        }
        page
    }
}

fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().to_owned()
}

/// The processor, how many of them, and the vectors it has.
fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let entry = |key: &str| {
        let line = text.lines().find(|line| line.starts_with(key))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let name = entry("model name").unwrap_or_else(|| std::env::consts::ARCH.into());
    let flags = entry("flags").unwrap_or_default();
    let vectors = ["avx512f", "avx2"].into_iter().find(|v| flags.split(' ').any(|f| f == *v));
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{name}, {count} threads, {}", vectors.unwrap_or("no vectors known to this program"))
}

fn commit(root: &Path) -> Result<String, String> {
    let git = |arguments: &[&str]| output(Command::new("git").current_dir(root).args(arguments));
    let changed = !git(&["status", "--porcelain", "--untracked-files=no"])?.trim().is_empty();
    let commit = git(&["rev-parse", "--short", "HEAD"])?;
    Ok(format!("{}{}", commit.trim(), if changed { " with changes" } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_tells_runs_and_their_median() {
        let mark = &MARKS[0];
        let runs = [
            json!({"test_accuracy": 0.97, "seconds": 2.0}),
            json!({"test_accuracy": 0.99, "seconds": 3.0}),
            json!({"test_accuracy": 0.98, "seconds": 1.0}),
        ];
        let page = mark.page(&runs, "a machine", "abc");
        assert!(page.contains("| test_accuracy | 0.97 | 0.99 | 0.98 | 0.98 | ≥ .97"), "{page}");
        assert!(page.contains("on a machine, at commit abc"), "{page}");
    }

    #[test]
    fn a_page_says_by_what_a_run_was_attacked() {
        let mark = MARKS.iter().find(|mark| mark.name == "fooled").unwrap();
        let runs: Vec<Value> = (0..3).map(|i| json!({"pgd": f64::from(i)})).collect();
        let page = mark.page(&runs, "a machine", "abc");
        assert!(page.contains("| pgd | 0 | 1 | 2 | 1 | ≤ .02 |"), "{page}");
        assert!(
            page.contains(
                "- pgd: `gradus attack RUN --with pgd --steps 20 --epsilon 0.1 --limit 2000`"
            ),
            "{page}"
        );
        for mark in MARKS {
            let is_figure = |name: &str| mark.figures.iter().any(|(figure, _)| *figure == name);
            assert!(mark.attacks().iter().all(|(name, _)| is_figure(name)), "{}", mark.name);
        }
    }

    #[test]
    fn names_are_told_apart() {
        for (at, mark) in MARKS.iter().enumerate() {
            assert!(!mark.figures.is_empty());
            assert!(MARKS[..at].iter().all(|other| other.name != mark.name), "{}", mark.name);
        }
    }
}
