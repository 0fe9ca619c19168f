//! A run knows what it learned from: what happens to its test, its predictions and its going on when that has changed.

use super::{Ran, ok, ran};
use gradus::io::Checkpoint;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::tempdir;

/// Rows of noise, labelled by a toss: nothing can be learned but the rows themselves.
fn tosses(n: usize) -> Vec<String> {
    let mut state = 7u64;
    let mut draw = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1u32 << 31)
    };
    let row = |_| {
        let numbers: Vec<String> = (0..12).map(|_| format!("{:.5}", draw())).collect();
        format!("{},{}", numbers.join(","), if draw() < 0.5 { "head" } else { "tail" })
    };
    (0..n).map(row).collect()
}

fn write(path: &Path, rows: &[String]) {
    let names: Vec<String> = (0..12).map(|i| format!("x{i}")).collect();
    fs::write(path, format!("{},label\n{}\n", names.join(","), rows.join("\n"))).unwrap();
}

const QUIET: [&str; 4] = ["--threads", "1", "--no-tensorboard", "--no-diagnosis"];

#[track_caller]
fn train(folder: &Path, options: &str) -> Ran {
    let options: Vec<&str> = options.split_whitespace().collect();
    ok(folder, &[&["train", "mlp", "--json"], &options[..], &QUIET].concat())
}

/// The network learns its rows by heart; that may never show in a test.
#[test]
fn changed_data_do_not_flatter_a_test() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let (file, rows) = (f.join("toss.csv"), tosses(200));
    write(&file, &rows);
    let first = train(f, "--data toss.csv --epochs 150 --batch 16 --lr 0.01 --out run");
    assert!(first.err.contains("accuracy 1.0000"), "it knows its rows: {}", first.err);
    let first = first.json();
    let eval = || ok(f, &["eval", "run", "--json"]);
    let number = |record: &Value, name: &str| record[name].as_f64().unwrap();
    let guessed = |accuracy: f64| (0.3..0.7).contains(&accuracy);
    assert!(guessed(number(&first, "test_accuracy")), "{first}");
    let held = eval().json()["samples"].as_u64().unwrap();
    assert!((25..55).contains(&held), "about a fifth: {held}");

    let mut sorted = rows.clone();
    sorted.sort_by_key(|row| row.contains("tail"));
    let doubled = [&rows[..], &rows[..]].concat();
    let none_moved = "; the held-out rows are chosen by content, none moved";
    for (rows, factor, text) in
        [(&sorted, 1, "the rows are in another order"), (&doubled, 2, "200 rows more")]
    {
        write(&file, rows);
        let tested = eval();
        let remark = format!("remark: toss.csv has changed since training: {text}{none_moved}");
        assert!(tested.err.contains(&remark), "{}", tested.err);
        let tested = tested.json();
        assert_eq!(
            (&tested["samples"], &tested["changed"]),
            (&(factor * held).into(), &text.into())
        );
        assert_eq!(tested["test_accuracy"], first["test_accuracy"]);
        assert!((number(&tested, "test_loss") - number(&first, "test_loss")).abs() < 1e-9);
    }
    write(&file, &tosses(260));
    let tested = eval();
    assert!(tested.err.contains("60 rows more"), "{}", tested.err);
    assert!(guessed(number(&tested.json(), "test_accuracy")), "{}", tested.out);
    let predicted = ok(f, &["predict", "run", "toss.csv"]);
    assert!(predicted.err.contains("toss.csv has changed since training: 60 rows more"));
    assert!(predicted.err.contains("of the 260 rows of toss.csv; gradus eval run tests it on"));
    write(&file, &rows[..150]);
    assert!(eval().err.contains("toss.csv has changed since training: 50 rows fewer; "));

    // The same rows with fewer digits: nobody can tell which of them were trained on.
    let rounded = |row: &String| -> String {
        let number = |field: &str| field.parse::<f64>().map(|x| format!("{x:.3}"));
        let fields = row.split(',').map(|field| number(field).unwrap_or(field.into()));
        fields.collect::<Vec<_>>().join(",")
    };
    write(&file, &rows.iter().map(rounded).collect::<Vec<_>>());
    ran(f, &["eval", "run"]).fails(
        1,
        &[
            "toss.csv: it holds other rows than when the model was trained: of ",
            "0 are there, so rows",
        ],
    );
    let thinned: Vec<String> = rows.iter().step_by(5).cloned().collect();
    write(&file, &thinned);
    assert!(eval().err.contains("160 rows fewer; the held-out rows are"));

    // A copy under another name was trained on as well.
    write(&f.join("copy.csv"), &sorted);
    write(&file, &rows);
    let copy = ok(f, &["eval", "run", "--data", "copy.csv", "--json"]);
    assert!(copy.err.contains("remark: copy.csv holds the same as toss.csv"), "{}", copy.err);
    assert_eq!(copy.json()["samples"], held);
    write(&f.join("copy.csv"), &tosses(260)[200..]);
    let new = ok(f, &["eval", "run", "--data", "copy.csv", "--json"]).json();
    assert_eq!((&new["samples"], &new["part"]), (&60.into(), &"whole".into()));

    // By place nobody can tell which rows were trained on.
    for rule in ["position", "time"] {
        train(f, &format!("--data toss.csv --epochs 1 --split {rule} --out {rule}"));
        let tested = ok(f, &["eval", rule, "--json"]);
        assert_eq!((&tested.json()["samples"], &*tested.err), (&40.into(), ""));
        write(&file, &sorted);
        let what = format!("rows were chosen by {rule}, so which of them were trained on is not");
        ran(f, &["eval", rule]).fails(1, &["another order; its held-out ", &what, "--data"]);
        write(&file, &rows);
    }
}

fn best(folder: &Path, run: &str) -> Vec<u8> {
    fs::read(folder.join(run).join("best.safetensors")).unwrap()
}

/// Copies a run.
fn copy(folder: &Path, from: &str, to: &str) {
    fs::create_dir_all(folder.join(to).join("checkpoints")).unwrap();
    for below in ["", "checkpoints"] {
        for entry in fs::read_dir(folder.join(from).join(below)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, folder.join(to).join(below).join(path.file_name().unwrap()))
                    .unwrap();
            }
        }
    }
}

fn edit(path: PathBuf, from: &str, to: &str) {
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from:?} in {text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

/// Two epochs of a run that is to have three, beside one that has them.
fn begin(folder: &Path, options: &str) {
    let fixed = "--data t.csv --schedule constant --batch 16";
    train(folder, &format!("{fixed} --epochs 3 --out straight {options}"));
    train(folder, &format!("{fixed} --epochs 2 --out two {options}"));
    edit(folder.join("two/config.toml"), "epochs = 2\n", "epochs = 3\n");
}

#[test]
fn a_run_goes_on_only_with_what_it_began_with() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let (file, rows) = (f.join("t.csv"), tosses(100));
    write(&file, &rows);
    begin(f, "--validation 0.2");
    let resume = |run: &str| {
        copy(f, "two", run);
        ran(f, &["train", "--resume", run])
    };
    // More epochs, another number of threads, other notes.
    copy(f, "two", "a");
    edit(f.join("a/config.toml"), "tensorboard = false", "tensorboard = true");
    ok(f, &["train", "--resume", "a", "--threads", "2"]);
    assert_eq!(best(f, "a"), best(f, "straight"));

    // Killed before anything of it was kept.
    copy(f, "two", "a0");
    fs::remove_dir_all(f.join("a0/checkpoints")).unwrap();
    fs::remove_file(f.join("a0/best.safetensors")).unwrap();
    ok(f, &["train", "--resume", "a0"]);
    assert_eq!(best(f, "a0"), best(f, "straight"));

    for (from, to, said) in [
        ("seed = 0", "seed = 7", "seed: 7 in config.toml, 0 in the checkpoint"),
        ("batch = 16", "batch = 8", "batch: 8 in config.toml, 16 in the checkpoint"),
        (
            "name = \"adam\"",
            "name = \"adamw\"",
            "optimizer.name: \"adamw\" in config.toml, \"adam\" in",
        ),
        ("learning_rate = 0.003", "learning_rate = 0.1", "optimizer.learning_rate: 0.1 in"),
        ("validation_split = 0.2", "validation_split = 0.3", "validation_split: 0.3 in config"),
        ("split = \"hash\"", "split = \"time\"", "split: \"time\" in config.toml, \"hash\" in the"),
        (
            "model = \"mlp\"",
            "model = \"linear\"",
            "model: \"linear\" in config.toml, \"mlp\" in the",
        ),
        (
            "accumulate = 1",
            "clip_norm = 1.0",
            "training.clip_norm: 1.0 in config.toml, not stated in",
        ),
    ] {
        copy(f, "two", "b");
        edit(f.join("b/config.toml"), from, to);
        let refused = ran(f, &["train", "--resume", "b"]);
        refused.fails(1, &["b: not what the run began with: ", said, "gradus train b/config.toml"]);
    }
    // What is suggested works.
    ok(f, &["train", "b/config.toml", "--out", "anew"]);

    let changed = |rows: &[String], said: &str| {
        write(&file, rows);
        resume("b").fails(1, &["b: not what the run began with: ", said]);
    };
    let mut sorted = rows.clone();
    sorted.sort();
    let other = |row: &String| match row.contains("head") {
        true => row.replace("head", "tail"),
        false => row.replace("tail", "head"),
    };
    let turned = [&[other(&rows[0])], &rows[1..]].concat();
    changed(&[&rows[..], &rows[..]].concat(), "rows: 200 in t.csv, 100 in the checkpoint");
    changed(&turned, "rows: as many in t.csv as in the checkpoint, but others");
    changed(&sorted, "rows: those of the checkpoint, in another order in t.csv");
    let named: Vec<String> = rows.iter().map(|row| row.replace("head", "heads")).collect();
    changed(&named, "classes: heads, tail in t.csv, head, tail in the checkpoint");
    write(&file, &rows);
    edit(file.clone(), "x3,", "y3,");
    resume("b").fails(1, &["t.csv: found the columns x0, x1, x2, y3", "feature column \"x3\""]);

    // Columns are known by their names, wherever they stand and whatever else there is.
    let moved: Vec<String> = rows
        .iter()
        .map(|row| {
            let mut fields: Vec<&str> = row.split(',').collect();
            fields.rotate_left(5);
            fields.join(",") + ",text"
        })
        .collect();
    let mut names: Vec<String> = (0..12).map(|i| format!("x{i}")).chain(["label".into()]).collect();
    names.rotate_left(5);
    fs::write(&file, format!("{},note\n{}\n", names.join(","), moved.join("\n"))).unwrap();
    let resumed = resume("c");
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    assert_eq!(best(f, "c"), best(f, "straight"));
    assert_eq!(
        ok(f, &["eval", "c", "--json"]).err,
        "remark: t.csv: 1 column that the model was not trained with is passed over: \"note\"\n"
    );
}

#[test]
fn a_run_goes_on_from_anywhere_without_what_it_began_with() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write(&f.join("t.csv"), &tosses(100));
    train(f, "--data t.csv --epochs 1 --out base");
    // Its classes have another order than those of the file.
    let path = f.join("base/best.safetensors");
    let mut file = Checkpoint::load(&path).unwrap();
    let mut model: Value = file.get("model").unwrap();
    assert_eq!(model["classes"], json!(["head", "tail"]));
    model["classes"] = json!(["tail", "head"]);
    file.set("model", &model).unwrap();
    file.save(&path).unwrap();
    begin(f, "--from base");
    copy(f, "two", "e");
    fs::remove_dir_all(f.join("e/checkpoints")).unwrap();
    fs::remove_file(f.join("e/best.safetensors")).unwrap();
    ok(f, &["train", "--resume", "e"]);
    assert_eq!(best(f, "e"), best(f, "straight"));
    fs::remove_dir_all(f.join("base")).unwrap();
    let elsewhere = f.join("some/where");
    fs::create_dir_all(&elsewhere).unwrap();
    // Another file of that name is not what it learned from.
    write(&elsewhere.join("t.csv"), &tosses(80));
    copy(f, "two", "a");
    let resumed = ok(&elsewhere, &["train", "--resume", "../../a"]);
    assert!(resumed.err.contains("begins with base (its classifier, too)"), "{}", resumed.err);
    assert_eq!(best(f, "a"), best(f, "straight"));
    let here = ok(f, &["eval", "a", "--json"]).json();
    let there = ok(&elsewhere, &["eval", "../../a", "--json"]).json();
    assert_eq!(here["test_loss"], there["test_loss"]);
    assert_eq!(
        ok(&elsewhere, &["eval", "../../a", "--data", "t.csv", "--json"]).json()["samples"],
        80
    );

    // A model of that name that is another one is not looked at, either.
    train(f, "--data t.csv --epochs 2 --seed 3 --out base");
    copy(f, "two", "b");
    let resumed = ok(f, &["train", "--resume", "b"]);
    assert!(resumed.err.contains("remark: base is another model than when the run began; it goes"));
    assert_eq!(best(f, "b"), best(f, "straight"));
    // Before the first step is kept, it is needed.
    copy(f, "two", "c");
    fs::remove_dir_all(f.join("c/checkpoints")).unwrap();
    fs::remove_file(f.join("c/best.safetensors")).unwrap();
    ran(f, &["train", "--resume", "c"])
        .fails(1, &["is another model than when the run began, and no step"]);
    // Gone altogether.
    fs::rename(f.join("t.csv"), f.join("u.csv")).unwrap();
    copy(f, "two", "d");
    ran(f, &["train", "--resume", "d"]).fails(1, &["t.csv: it is neither here nor where it lay, "]);
    edit(f.join("d/config.toml"), "data = \"t.csv\"", "data = \"u.csv\"");
    ok(f, &["train", "--resume", "d"]);
    assert_eq!(ok(f, &["eval", "d", "--data", "u.csv", "--json"]).json()["part"], "held-out");
}

#[test]
fn what_a_run_learned_from_is_kept() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write(&f.join("t.csv"), &tosses(100));
    train(f, "--data t.csv --epochs 1 --validation 0.2 --out run");
    let text = fs::read_to_string(f.join("run/record.json")).unwrap();
    let record: Value = serde_json::from_str(&text).unwrap();
    let learned = &record["model"]["learned"];
    assert_eq!((&learned["split"], &learned["samples"]), (&"hash".into(), &100.into()));
    let sum = |part: &str| -> u64 {
        let classes = learned[part].as_array().unwrap();
        assert_eq!(classes.len(), 2);
        classes.iter().map(|n| n.as_u64().unwrap()).sum()
    };
    assert_eq!(sum("train") + sum("validation") + sum("test"), 100);
    assert_eq!(
        (&record["model"]["classes"], &record["model"]["columns"][3]),
        (&json!(["head", "tail"]), &"x3".into())
    );
    assert_eq!(
        (&record["settings"]["seed"], &learned["digest_of"]),
        (&0.into(), &"contents".into())
    );
    assert_eq!(learned["digest"].as_str().unwrap().len(), 64);
    assert!(Path::new(record["data_path"].as_str().unwrap()).is_absolute());
    let kept = checkpoint(&f.join("run"));
    let states: Value = Checkpoint::load(&kept).unwrap().get("callbacks").unwrap();
    let same =
        |path: &str| assert_eq!(states["record"].pointer(path), record.pointer(path), "{path}");
    ["/settings", "/data_path", "/model/learned", "/model/offset"].into_iter().for_each(same);
    let model: Value =
        Checkpoint::load(&f.join("run/best.safetensors")).unwrap().get("model").unwrap();
    assert_eq!(&model["learned"], learned);
    // Of data that bring a test part too.
    train(f, "--epochs 1 --limit-batches 1 --out digits");
    let text = fs::read_to_string(f.join("digits/record.json")).unwrap();
    let record: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record["model"]["learned"]["test"], json!(vec![100; 10]));
    assert_eq!(
        (&record["model"]["learned"]["split"], &record["data_path"]),
        (&Value::Null, &Value::Null)
    );
}

/// The newest checkpoint of a run.
fn checkpoint(run: &Path) -> PathBuf {
    gradus::train::callbacks::Checkpoints::newest(&run.join("checkpoints")).unwrap().unwrap()
}

/// Runs as versions before wrote them: no record, no rule, no offsets.
#[test]
fn older_runs_keep_their_places() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write(&f.join("t.csv"), &tosses(100));
    train(f, "--data t.csv --epochs 2 --split position --out run");
    fs::remove_file(f.join("run/record.json")).unwrap();
    edit(f.join("run/config.toml"), "split = \"position\"\n", "");
    edit(f.join("run/config.toml"), "epochs = 2\n", "epochs = 3\n");
    let change = |path: &Path, key: &str, fields: &[&str]| {
        let mut file = Checkpoint::load(path).unwrap();
        let mut state: Value = file.get(key).unwrap();
        fields.iter().for_each(|field| drop(state.as_object_mut().unwrap().remove(*field)));
        file.set(key, &state).unwrap();
        file.save(path).unwrap();
    };
    change(&checkpoint(&f.join("run")), "callbacks", &["record"]);
    change(&f.join("run/best.safetensors"), "model", &["learned", "offset"]);
    let tested = ok(f, &["eval", "run", "--json"]);
    assert_eq!(
        (&tested.json()["part"], &tested.json()["samples"]),
        (&"held-out".into(), &20.into())
    );
    assert!(tested.err.contains("remark: an older version trained the model"), "{}", tested.err);
    ok(f, &["predict", "run", "t.csv"]);
    let resumed = ok(f, &["train", "--resume", "run"]);
    assert!(resumed.err.contains("run was begun by an older version"), "{}", resumed.err);
    assert!(resumed.out.contains("(20 rows held out of t.csv, "), "{}", resumed.out);
    // As a recipe its settings hold out anew.
    edit(f.join("run/config.toml"), "epochs = 3\n", "epochs = 1\n");
    ok(f, &["train", "run/config.toml", "--out", "new"]);
    assert!(fs::read_to_string(f.join("new/config.toml")).unwrap().contains("split = \"hash\""));
}

#[test]
fn rules_of_holding_out() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let row =
        |i: usize| format!("{},p{},{},{}\n", i % 13, i % 10, 2000 - i, ["no", "yes"][i / 3 % 2]);
    let rows: String = (0..100).map(row).collect();
    fs::write(f.join("t.csv"), format!("x,patient,year,label\n{rows}")).unwrap();
    // Without a rule the patients are texts to learn from, which is said.
    let known = train(f, "--data t.csv --epochs 1 --out known");
    assert!(known.err.contains("column 2 (\"patient\") holds texts"), "{}", known.err);
    let grouped =
        train(f, "--data t.csv --epochs 1 --split group:patient --validation 0.3 --out group");
    assert!(grouped.err.contains("it learns from 2 columns"), "{}", grouped.err);
    let held = ok(f, &["eval", "group", "--json"]).json()["samples"].as_u64().unwrap();
    assert!(held.is_multiple_of(10) && held > 0, "whole patients: {held}");
    assert_eq!(
        ok(f, &["predict", "group", "t.csv", "--json"]).json()["predictions"]
            .as_array()
            .unwrap()
            .len(),
        100
    );
    // The last fifth by years is the first of the file.
    fs::write(
        f.join("u.csv"),
        format!(
            "x,year,label\n{}",
            rows.replace(",p", ",")
                .lines()
                .map(|l| {
                    let v: Vec<&str> = l.split(',').collect();
                    format!("{},{},{}\n", v[0], v[2], v[3])
                })
                .collect::<String>()
        ),
    )
    .unwrap();
    let shown = ok(f, &["data", "show", "u.csv", "--split", "time:year", "--json"]).json();
    assert_eq!((&shown["test"], &shown["features"]), (&20.into(), &json!(["x"])));
    let timed = train(f, "--data u.csv --epochs 1 --split time:year --out time");
    assert!(
        timed.err.contains("u.csv: 80 rows, ") && timed.err.contains("learns from 1 column: x\n"),
        "{}",
        timed.err
    );
    assert_eq!(ok(f, &["eval", "time", "--json"]).json()["samples"], 20);
    fs::write(f.join("test.csv"), "label,x,year\nyes,1,3\nno,2,4\nyes,7,3\n").unwrap();
    train(f, "--data u.csv --epochs 1 --split file:test.csv --out file");
    let tested = ok(f, &["eval", "file", "--json"]);
    assert_eq!((&tested.json()["samples"], &*tested.err), (&3.into(), ""));
    let elsewhere = f.join("else");
    fs::create_dir_all(&elsewhere).unwrap();
    ok(&elsewhere, &["train", "--resume", "../file"]);
    fs::write(f.join("test.csv"), "label,x,year\nyes,1,3\nno,2,4\n").unwrap();
    assert!(ok(f, &["eval", "file"]).err.contains("u.csv has changed since training: 1 row fewer"));

    let refused = |options: &str, code: i32, parts: &[&str]| {
        let options: Vec<&str> = options.split_whitespace().collect();
        ran(f, &[&["train", "mlp", "--out", "refused"], &options[..]].concat()).fails(code, parts);
        assert!(!f.join("refused").exists());
    };
    refused(
        "--split hash",
        2,
        &["split: found hash for mnist-5k, expected no rule: these data bring"],
    );
    refused("--data u.csv --split fifth", 2, &["split: found \"fifth\", expected hash, position"]);
    refused("--data u.csv --split group:sex", 1, &["column \"sex\": found no such column"]);
    let one: String = (0..6).map(|i| format!("1,7,{}\n", ["a", "b"][i % 2])).collect();
    fs::write(f.join("one.csv"), format!("x,y,label\n{one}")).unwrap();
    refused(
        "--data one.csv",
        1,
        &[
            "one.csv: found 6 samples, which the rule hash all puts into the part to",
            "--split position holds",
        ],
    );
    train(f, "--data one.csv --epochs 1 --split position --out one");
    // A class that only one side has is remarked on.
    let rare = format!("{rows}1,p3,1999,maybe\n");
    fs::write(f.join("t.csv"), format!("x,patient,year,label\n{rare}")).unwrap();
    let said = train(f, "--data t.csv --epochs 1 --split group:patient --out rare").err;
    assert!(
        said.contains("remark: t.csv: no sample to t") && said.contains(" on of maybe\n"),
        "{said}"
    );
}
