//! Classifiers of texts and signals from the command line: trained, killed, tested, asked, refused.

use super::{ok, ran};
use std::fs;
use std::path::Path;
use tempfile::{TempDir, tempdir};

/// Reviews of which a word tells what they are, and signals that rise or fall.
fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    let words = ["plot", "cast", "music", "end", "light", "scene", "story"];
    let review = |n: usize| {
        let (praise, label) = [("lovely", "good"), ("dreadful", "bad")][n % 2];
        format!("\"a {praise} {}, and the {} too\",{label}\n", words[n % 7], words[n / 7 % 7])
    };
    let reviews: String = (0..400).map(review).collect();
    fs::write(folder.path().join("reviews.csv"), format!("review,label\n{reviews}")).unwrap();
    let signal = |n: usize| -> String {
        let (sign, label) = [(1.0, "up"), (-1.0, "down")][n % 2];
        let step = |t: usize| {
            let height = sign * t as f64 / 9.0 + (n * 7 % 13) as f64 / 40.0;
            format!("s{n},{height:.3},{label}\n")
        };
        (0..8 + n % 5).map(step).collect()
    };
    let signals: String = (0..120).map(signal).collect();
    fs::write(folder.path().join("signals.csv"), format!("id,height,label\n{signals}")).unwrap();
    folder
}

const SENTIMENT: [&str; 11] = [
    "train",
    "sentiment",
    "--data",
    "reviews.csv",
    "--hidden",
    "8",
    "--embedding",
    "8",
    "--lr",
    "0.01",
    "--json",
];

#[test]
fn texts_are_told_apart_and_words_coloured() {
    let folder = folder();
    let f = folder.path();
    let found = ok(f, &[&SENTIMENT[..], &["--out", "r"]].concat()).json();
    assert_eq!(found["test_accuracy"], 1.0, "{found}");
    let baselines = ["baseline_logistic_regression", "baseline_majority"];
    assert!(baselines.iter().all(|name| found[name].is_number()), "{found}");
    assert_eq!(ok(f, &["eval", "r", "--json"]).json()["test_accuracy"], 1.0);
    let ask = ["classify", "r", "a lovely scene", "a dreadful cast", "--json", "--html", "w.html"];
    let texts = ok(f, &ask).json()["texts"].clone();
    let class = |at: usize| texts[at]["class"].as_str().map(str::to_owned);
    assert_eq!((class(0), class(1)), (Some("good".into()), Some("bad".into())));
    let strongest = |text: &serde_json::Value| -> String {
        let words = text["words"].as_array().unwrap().iter();
        let value = |pair: &serde_json::Value| pair[1].as_f64().unwrap();
        let best = words.max_by(|a, b| value(a).total_cmp(&value(b)));
        best.unwrap()[0].as_str().unwrap().to_owned()
    };
    let words = (strongest(&texts[0]), strongest(&texts[1]));
    assert_eq!(words, ("lovely".into(), "dreadful".into()));
    assert!(fs::read_to_string(f.join("w.html")).unwrap().contains("<span style=\"background:#"));
    fs::write(f.join("new.txt"), "lovely music\n\nthe dreadful end\n").unwrap();
    let by = ["classify", "r", "a lovely scene", "--explain", "integrated-gradients", "--json"];
    let text = &ok(f, &by).json()["texts"][0];
    assert!(
        text["completeness"].as_f64().unwrap() < 0.01 && text["words"][1][0] == "lovely",
        "{text}"
    );
    ok(f, &["classify", "r", "--lines", "new.txt", "--out", "new.csv"]);
    let table = fs::read_to_string(f.join("new.csv")).unwrap();
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!((rows.len(), rows[0]), (3, "text,class,bad,good"));
    let begins = ["lovely music,good,", "the dreadful end,bad,"];
    assert!(rows[1].starts_with(begins[0]) && rows[2].starts_with(begins[1]), "{table}");
    // What it knows nothing of is said.
    let unknown = ok(f, &["classify", "r", "привет мир"]).out;
    assert!(unknown.contains("remark: none of its 2 words"), "{unknown}");
    ran(f, &["classify", "r", " "]).fails(2, &["text 1: "]);
    ran(f, &["sample", "r"]).fails(2, &["found a model of sentiment, expected a language model"]);
}

#[test]
fn signals_are_told_apart_as_wholes_and_step_by_step() {
    let folder = folder();
    let f: &Path = folder.path();
    let train = ["train", "sequence-labels", "--hidden", "8", "--epochs", "8", "--json", "--data"];
    let found = ok(f, &[&train[..], &["signals.csv", "--out", "s"]].concat()).json();
    assert!(found["test_accuracy"].as_f64() > Some(0.9), "{found}");
    assert_eq!(ok(f, &["eval", "s", "--json"]).json()["test_accuracy"], found["test_accuracy"]);
    let step = |t: usize| {
        let (x, is_low) = ((t % 10) as f64 / 10.0 + (t / 10) as f64 / 1000.0, t % 10 < 5);
        format!("{},{x:.3},{}\n", t / 10, if is_low { "low" } else { "high" })
    };
    let steps: String = (0..600).map(step).collect();
    fs::write(f.join("steps.csv"), format!("series,x,label\n{steps}")).unwrap();
    let found = ok(f, &[&train[..], &["steps.csv", "--out", "t"]].concat()).json();
    assert!(found["test_accuracy"].as_f64() > Some(0.9), "{found}");
}

#[test]
#[cfg(unix)]
fn killed_classifiers_go_on_to_the_same_bits() {
    let folder = folder();
    let f = folder.path();
    for (system, data) in [("sentiment", "reviews.csv"), ("sequence-labels", "signals.csv")] {
        let args = |run: &'static str| {
            let train =
                ["train", system, "--data", data, "--hidden", "8", "--epochs", "5", "--batch", "8"];
            [&train[..], &["--checkpoint-every", "0", "--out", run]].concat()
        };
        super::resume::is_whole_when_killed(f, args);
        for run in ["whole", "killed"] {
            fs::remove_dir_all(f.join(run)).unwrap();
        }
    }
}

#[test]
fn what_cannot_be_told_apart_is_said() {
    let folder = folder();
    let f = folder.path();
    let sentiment = |more: &[&str]| ran(f, &[&["train", "sentiment"], more].concat());
    sentiment(&[])
        .fails(2, &["sentiment learns from data of your own", "a CSV file of texts and labels"]);
    sentiment(&["--data", "none.csv"]).fails(1, &["none.csv"]);
    let reviews = |more: &[&str]| sentiment(&[&["--data", "reviews.csv"], more].concat());
    reviews(&["--cell", "rnn"]).fails(2, &["cell: found \"rnn\", expected one of gru, lstm"]);
    reviews(&["--text", "reviews"]).fails(1, &["reviews"]);
    reviews(&["--hidden", "8,8"]).fails(2, &["hidden: found 2 layers, expected one"]);
    reviews(&["--split", "time"]).fails(2, &["--split is of networks for pictures and tables"]);
    fs::write(f.join("one.csv"), "review,label\nlovely,good\nnice,good\n").unwrap();
    sentiment(&["--data", "one.csv"]).fails(1, &["\"good\" only", "two classes"]);
    let labels = |more: &[&str]| ran(f, &[&["train", "sequence-labels"], more].concat());
    labels(&["--data", "signals.csv", "--cell", "rnn"]).fails(2, &["expected gru or lstm"]);
    labels(&["--data", "signals.csv", "--sequence-id", "name"]).fails(1, &["name"]);
    fs::write(f.join("bad.ts"), "@data\n1,2,x:a\n").unwrap();
    labels(&["--data", "bad.ts"]).fails(1, &["bad.ts, line "]);
    assert!(!f.join("runs").exists(), "a run was left behind");
}
