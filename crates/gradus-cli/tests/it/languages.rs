//! Language models of the user's own texts: trained, killed, tested, let write.

use super::{ok, ran};
use gradus::io::Checkpoint;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::{TempDir, tempdir};

/// A text whose next character is nearly always told by those before it.
fn text() -> String {
    (0..400).map(|n| format!("(line {}) the cat sat on the mat.\n", n % 10)).collect()
}

fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("book.txt"), text()).unwrap();
    folder
}

/// What trains in a second.
fn small<'a>(model: &'a str, run: &'a str) -> Vec<&'a str> {
    let size = ["--hidden", "24", "--epochs", "3", "--batch", "8", "--steps", "16"];
    [&["train", model, "--data", "book.txt", "--out", run][..], &size[..]].concat()
}

#[test]
fn a_text_is_learned_and_gone_on_with() {
    let folder = folder();
    let f = folder.path();
    let ran = ok(f, &[&small("char-lstm", "r")[..], &["--json", "--lr", "0.03"]].concat());
    let found = ran.json();
    let nats = |name: &str| found[name].as_f64().unwrap_or_else(|| panic!("no {name}: {found}"));
    assert!(nats("val_nats") < 1.2 && nats("val_nats") < nats("guessing_loss"), "{}", ran.out);
    assert!((nats("val_bits") - nats("val_nats") / std::f64::consts::LN_2).abs() < 1e-9);
    assert_eq!(found["ngrams"].as_array().map(Vec::len), Some(6));
    let page = fs::read_to_string(f.join("r/cells.html")).unwrap();
    assert!(page.contains("<span style=\"background:#"), "{page}");
    assert!(ran.out.contains("next           gradus sample r --prime"), "{}", ran.out);
    // It is tested again to the same figure.
    let again = ok(f, &["eval", "r", "--json"]).json();
    assert_eq!(again["val_nats"], found["val_nats"]);
    // It writes, the same for the same seed, and goes on from what it is given.
    let sample = |seed: &str| {
        ok(f, &["sample", "r", "--prime", "(line", "--length", "40", "--seed", seed]).out
    };
    assert_eq!(sample("1"), sample("1"));
    assert_ne!(sample("1"), sample("2"));
    assert!(sample("1").starts_with("(line"), "{}", sample("1"));
    let told = ok(f, &["sample", "r", "--length", "5", "--json", "--out", "w.txt"]).json();
    assert_eq!(told["symbols"], 5);
    assert_eq!(told["text"].as_str(), Some(&*fs::read_to_string(f.join("w.txt")).unwrap()));
    // A text of one's own is coloured.
    let ran = ok(f, &["sample", "r", "--cells", "c.html", "--text", "book.txt"]);
    assert!(ran.out.contains("nats a symbol") && f.join("c.html").exists(), "{}", ran.out);
}

#[test]
fn each_network_learns() {
    let folder = folder();
    let f = folder.path();
    for (model, more) in [
        ("char-gru", &["--hidden", "24,24", "--embedding", "8"][..]),
        ("char-rnn", &["--tokens", "bytes", "--dropout", "0.1"]),
        ("char-window", &["--context", "5"]),
        ("char-transformer", &["--hidden", "16,16", "--context", "16", "--heads", "2"]),
        ("char-lstm", &["--tokens", "words", "--vocabulary", "50", "--batch", "4"]),
        ("char-lstm", &["--tokens", "byte-pairs", "--vocabulary", "280", "--batch", "2"]),
    ] {
        let run = format!("{model}-{}", more.join("-"));
        let size =
            ["--epochs", "2", "--batch", "8", "--steps", "16", "--hidden", "24", "--lr", "0.01"];
        let size = size.chunks(2).filter(|pair| !more.contains(&pair[0])).flatten().copied();
        let train = ["train", model, "--data", "book.txt", "--out", &run, "--json"];
        let args: Vec<&str> = train.into_iter().chain(size).chain(more.iter().copied()).collect();
        let found = ok(f, &args).json();
        let (nats, guess) = (found["val_nats"].as_f64(), found["guessing_loss"].as_f64());
        assert!(nats < guess, "{run}: {found}");
        let written = ok(f, &["sample", &run, "--length", "12"]).out;
        assert!(!written.is_empty(), "{run}");
        let again = ok(f, &["eval", &run, "--json"]).json();
        assert_eq!(again["val_nats"], found["val_nats"], "{run}");
    }
}

#[test]
#[cfg(unix)]
fn a_killed_run_goes_on_to_the_same_bits() {
    let folder = folder();
    let f = folder.path();
    let args = |run| {
        let size = ["--hidden", "24", "--epochs", "8", "--batch", "8", "--steps", "16"];
        let train = ["train", "char-lstm", "--data", "book.txt", "--checkpoint-every", "0"];
        [&train[..], &["--out", run], &size].concat()
    };
    super::resume::is_whole_when_killed(f, args);
    // Another text under the same name is refused.
    fs::write(f.join("book.txt"), text().replace("cat", "dog")).unwrap();
    ran(f, &["train", "--resume", "killed", "--epochs", "9"])
        .fails(1, &["text:", "not what the run began with", "put the data back"]);
}

#[test]
fn what_cannot_be_is_said_in_a_line() {
    let folder = folder();
    let f = folder.path();
    let train = |more: &[&str]| ran(f, &[&["train", "char-lstm"], more].concat());
    train(&[]).fails(2, &["char-lstm learns from data of your own", "--data FILE"]);
    train(&["--data", "none.txt"]).fails(1, &["none.txt"]);
    fs::write(f.join("empty.txt"), "").unwrap();
    train(&["--data", "empty.txt"]).fails(1, &["empty.txt: found an empty file, expected text"]);
    fs::write(f.join("nul.txt"), b"ab\0cd").unwrap();
    train(&["--data", "nul.txt"]).fails(1, &["nul.txt"]);
    fs::write(f.join("short.txt"), "to be or not to be, that is the question").unwrap();
    train(&["--data", "short.txt"])
        .fails(1, &["short.txt", "more than 4096", "64 streams of 64 characters"]);
    fs::create_dir(f.join("folder")).unwrap();
    train(&["--data", "folder"]).fails(1, &["folder: found a folder, expected a text"]);
    let book = |more: &[&str]| train(&[&["--data", "book.txt"], more].concat());
    book(&["--hidden", "24,32"])
        .fails(2, &["hidden: found 24,32, expected as many units in each layer"]);
    book(&["--heads", "2"]).fails(2, &["heads: found 2 with char-lstm", "tokens, vocabulary"]);
    book(&["--tokens", "letters"])
        .fails(2, &["tokens: found \"letters\"", "characters, bytes, words"]);
    book(&["--vocabulary", "100"]).fails(2, &["vocabulary: found 100 with characters"]);
    book(&["--dropout", "1"]).fails(2, &["dropout: found 1, expected 0 to below 1"]);
    book(&["--width", "2"]).fails(2, &["--width is of networks for pictures"]);
    book(&["--validation", "0.1"]).fails(2, &["--validation is of networks for pictures"]);
    ran(f, &["train", "mlp", "--steps", "5"])
        .fails(2, &["steps: found 5 with mlp, which has no such settings"]);
    ran(f, &["train", "char-lst"]).fails(2, &["unknown model \"char-lst\"", "char-lstm"]);
    assert!(
        fs::read_dir(f.join("runs")).map_or(true, |mut all| all.next().is_none()),
        "a run was left behind"
    );
    // A trained one where another kind is expected, and the other way round.
    ok(f, &small("char-lstm", "r"));
    ran(f, &["predict", "r", "x.png"])
        .fails(2, &["found a network of sequences (char-lstm)", "gradus sample r"]);
    ran(f, &["export", "r", "--out", "m.npz"]).fails(2, &["found a network of sequences"]);
    ok(f, &["train", "linear", "--fast-dev-run", "--out", "p"]);
    ran(f, &["sample", "p"]).fails(2, &["p: found a model of linear, expected a language model"]);
    let sample = |more: &[&str]| ran(f, &[&["sample", "r"], more].concat());
    sample(&["--prime", "Ж"]).fails(2, &["--prime", "Ж", "was trained on a text without it"]);
    sample(&["--temperature", "nan"]).fails(1, &["temperature"]);
    sample(&["--top-p", "2"]).fails(1, &["top-p: found 2"]);
    sample(&["--cells", "c.html"]).fails(2, &["--text"]);
}

#[test]
fn a_prime_may_be_longer_than_what_a_transformer_sees() {
    let folder = folder();
    let f: &Path = folder.path();
    let size = [
        "--hidden",
        "16",
        "--context",
        "16",
        "--heads",
        "2",
        "--epochs",
        "1",
        "--batch",
        "8",
        "--steps",
        "16",
    ];
    ok(
        f,
        &[&["train", "char-transformer", "--data", "book.txt", "--out", "t"][..], &size].concat(),
    );
    let ran = ok(f, &["sample", "t", "--prime", "(line 4) the cat sat on", "--length", "3"]);
    assert!(
        ran.err.contains("the prime has 23 symbols, of which the network sees the last 16"),
        "{}",
        ran.err
    );
    assert!(ran.out.starts_with("(line 4) the cat sat on"), "{}", ran.out);
}

#[test]
fn a_text_and_a_trained_network_are_looked_at() {
    let folder = folder();
    let f = folder.path();
    let shown = ok(f, &["data", "show", "book.txt", "--json"]);
    let told =
        ["a text of ", " that differ, ", "next           gradus train char-lstm --data book.txt"];
    assert!(told.iter().all(|part| shown.out.contains(part)), "{}", shown.out);
    assert_eq!(shown.json()["characters"], text().len());
    // A table is one, whatever its file is called.
    fs::write(f.join("table.txt"), "a\tb\tlabel\n1\t2\tx\n3\t4\ty\n").unwrap();
    assert!(ok(f, &["data", "show", "table.txt"]).out.contains("features a, b"));
    ok(f, &small("char-gru", "r"));
    let summary = ok(f, &["summary", "r", "--json"]);
    assert!(
        summary.out.contains("cell.weight_hh_l0") && summary.out.contains("[24, 72]"),
        "{}",
        summary.out
    );
    let trained = ok(f, &["train", "--resume", "r", "--json"]).json();
    assert_eq!(summary.json()["params"], trained["params"]);
    ran(f, &["summary", "r", "--plan"]).fails(2, &["give no options but --graph and --json"]);
    ok(f, &["summary", "r", "--graph", "r.svg"]);
    let drawn = fs::read_to_string(f.join("r.svg")).unwrap();
    assert_eq!(drawn.matches(">GRU 24</text>").count(), 4, "a cell at each step: {drawn}");
    ran(f, &["summary", "r", "--graph", "r.dot"]).fails(2, &["r.dot", "ends in .svg"]);
    assert!(ok(f, &["models"]).out.contains("char-lstm"));
}

/// A file may say anything of its network.
#[test]
fn descriptions_of_no_network_are_refused() {
    let folder = folder();
    let f = folder.path();
    ok(f, &small("char-lstm", "r"));
    let refused = |change: &dyn Fn(&mut Value), part: &str| {
        let mut file = Checkpoint::load(&f.join("r/best.safetensors")).unwrap();
        let mut description: Value = file.get("model").unwrap();
        change(&mut description["sequences"]["model"]);
        file.set("model", &description).unwrap();
        file.save(&f.join("other.safetensors")).unwrap();
        ran(f, &["sample", "other.safetensors"]).fails(1, &[part]);
    };
    refused(
        &|m| m["hidden"] = json!(1u64 << 40),
        "hidden: found 1099511627776, expected 1 to 16384",
    );
    refused(&|m| m["layers"] = json!(0), "layers: found 0");
    refused(&|m| m["dropout"] = json!(1.5), "dropout: found 1.5");
    refused(&|m| m["architecture"] = json!("lstn"), "state `model` is not what was expected");
    refused(&|m| m["tokenizer"] = json!(null), "tokenizer");
    refused(&|m| m["hidden"] = json!(25), "other.safetensors");
    refused(&|m| m["system"] = json!("speech"), "state `model` is not what was expected");
    ran(f, &["eval", "r/best.safetensors"]).fails(2, &["name the run's folder"]);
}
