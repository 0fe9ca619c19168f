//! Tables and pictures as people have them: texts, missing values, stdin, headers of numbers, other formats, samples to try.

use super::{Ran, gradus, ok, ran, train_a_little};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use tempfile::tempdir;

fn run(folder: &Path, words: &str) -> Ran {
    ran(folder, &words.split_whitespace().collect::<Vec<_>>())
}

fn done(folder: &Path, words: &str) -> Ran {
    ok(folder, &words.split_whitespace().collect::<Vec<_>>())
}

fn fed(folder: &Path, words: &str, input: &str) -> Ran {
    let args: Vec<&str> = words.split_whitespace().collect();
    let mut child = gradus(folder, &args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

/// Flats whose town decides the class, with a number that is missing now and then.
fn flats(n: usize, town: &dyn Fn(usize) -> &'static str) -> String {
    let row = |i: usize| {
        let area = if i % 9 == 4 { "NA".to_owned() } else { (30 + i * 7 % 60).to_string() };
        let class = if town(i) == "Bonn" { "dear" } else { "cheap" };
        format!("{i},{},{area},{class}\n", town(i))
    };
    (0..n).map(row).collect::<String>()
}

fn towns(i: usize) -> &'static str {
    ["Ulm", "Bonn", "Trier"][i * i % 3 + usize::from(i.is_multiple_of(7))]
}

#[test]
fn texts_and_missing_values_are_learned_from() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    fs::write(f.join("flats.csv"), format!(",town,area,label\n{}", flats(90, &towns))).unwrap();
    run(f, "train mlp --data flats.csv").fails(
        1,
        &["flats.csv, line 6, column 3 (\"area\"): found \"NA\", expected a value; --missing drop"],
    );
    let trained =
        done(f, "train mlp --data flats.csv --missing mean --epochs 20 --lr 0.01 --out run --json");
    let remarks = trained.json()["data_remarks"].clone();
    let remarks: Vec<&str> = remarks.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(
        remarks[..3],
        [
            "column 1 has no name and counts the rows: it is left out",
            "column 2 (\"town\") holds texts: each of its 3 values (\"Bonn\", \"Trier\", \"Ulm\") becomes a feature of 0 and 1",
            "10 values missing in 90 rows: means stand for them",
        ]
    );
    assert_eq!(trained.json()["left_out"], json!(["1"]));
    assert!(trained.err.contains("it learns from 2 columns, 4 features"), "{}", trained.err);
    assert_eq!(trained.json()["test_accuracy"], 1.0, "{}", trained.out);

    // The mean is that of the rows that were trained on.
    let record: Value =
        serde_json::from_str(&fs::read_to_string(f.join("run/record.json")).unwrap()).unwrap();
    let table = &record["model"]["table"];
    assert_eq!(table["columns"][0]["categories"], json!(["Bonn", "Trier", "Ulm"]));
    let shown = done(f, "data show flats.csv --missing drop --json").json();
    assert_eq!(shown["remarks"][2], "10 rows with a missing value left out");
    let mean = table["means"][3].as_f64().unwrap();
    assert!((50.0..70.0).contains(&mean), "{mean}");
    let tested = done(f, "eval run --json").json();
    assert_eq!((&tested["test_accuracy"], &tested["part"]), (&json!(1.0), &json!("held-out")));
    done(f, "train --resume run");

    // Another file: other columns, the text that was never seen is named, the missing value is filled as in training.
    let other = format!(
        "area,label,town\n55,dear,Bonn\n,cheap,Ulm\n{mean},cheap,Ulm\n50,cheap,Oslo\n40,,Trier\n"
    );
    fs::write(f.join("new.csv"), other).unwrap();
    run(f, "eval run --data new.csv")
        .fails(1, &["new.csv, line 5, column 3 (\"town\"): found \"Oslo\", expected a text that was learned: \"Bonn\", \"Trier\", \"Ulm\""]);
    let found = run(f, "predict run new.csv --json");
    found.fails(1, &["error: 1 row gave no prediction: new.csv, line 5"]);
    assert!(found.out.contains("     5  not predicted: column 3 (\"town\"): found \"Oslo\""));
    let record = found.json();
    let p = |i: usize| record["predictions"][i].clone();
    assert_eq!(p(1)["probabilities"], p(2)["probabilities"]);
    assert_eq!(
        (&p(0)["class"], &p(1)["class"], &p(3)["label"]),
        (&json!("dear"), &json!("cheap"), &Value::Null)
    );
    assert_eq!(
        (&record["accuracy"], &record["not_predicted"][0]["line"]),
        (&json!(1.0), &json!(5))
    );

    // Rows without a value are left out, or named where they are to be predicted.
    done(f, "train mlp --data flats.csv --missing drop --drop town --epochs 1 --out dropped");
    let found = run(f, "predict dropped new.csv --json");
    found.fails(1, &["error: 1 row gave no prediction: new.csv, line 3"]);
    let found = found.json();
    assert_eq!(
        (found["predictions"].as_array().unwrap().len(), &found["not_predicted"][0]["line"]),
        (4, &json!(3))
    );
    // What is there already goes on from a model.
    done(f, "train mlp --from run --data flats.csv --missing mean --epochs 1 --out more");
    run(f, "train mlp --missing mean").fails(2, &["missing: found \"mean\" for mnist-5k"]);
}

#[test]
fn numbers_and_texts_without_names() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let row = |i: usize| {
        let x = i * 7 % 40;
        format!("{};{x},5;{},25\n", ["a", "b"][i % 2], 40 * (i % 2) + x)
    };
    fs::write(f.join("t.csv"), (0..80).map(row).collect::<String>()).unwrap();
    let trained =
        done(f, "train mlp --data t.csv --target 3 --epochs 60 --lr 0.01 --out run --json");
    assert!(trained.err.contains("numbers have decimal commas: 0,25 in line 1 is read as 0.25"));
    assert!(trained.json()["test_r2"].as_f64().unwrap() > 0.9, "{}", trained.out);
    assert_eq!(done(f, "eval run --json").json()["test_r2"], trained.json()["test_r2"]);
    // The same numbers in another dialect, without the target.
    fs::write(f.join("new.csv"), "b,10.5\na,10.5\nc,10.5\n").unwrap();
    let found = run(f, "predict run new.csv --json");
    found.fails(1, &["error: 1 row gave no prediction: new.csv, line 3"]);
    let found = found.json();
    let value = |i: usize| found["predictions"][i]["values"]["3"].as_f64().unwrap();
    assert!((value(0) - 50.25).abs() < 9.0 && (value(1) - 10.25).abs() < 9.0, "{found}");
    assert_eq!(found["not_predicted"][0]["line"], 3);
}

#[test]
fn headers_are_stated_where_they_cannot_be_told() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let row = |i: usize| format!("{}.5,{},{}\n", i % 6, i % 4, i % 2);
    let rows: String = (0..60).map(row).collect();
    fs::write(f.join("years.csv"), format!("2019,2020,2021\n{rows}")).unwrap();
    let asks = "years.csv, line 1: found numbers that count on, expected names or a row, which --header yes or --header no tells";
    let shown = done(f, "data show years.csv");
    assert!(shown.out.contains(&format!("training would refuse it: {asks}")), "{}", shown.out);
    run(f, "train mlp --data years.csv").fails(1, &[asks]);
    let shown = |header: &str| {
        let shown = done(f, &format!("data show years.csv --header {header} --json")).json();
        shown["train"].as_u64().unwrap() + shown["test"].as_u64().unwrap()
    };
    assert_eq!((shown("yes"), shown("no")), (60, 61));
    done(f, "train mlp --data years.csv --header yes --epochs 1 --out run");
    let config = fs::read_to_string(f.join("run/config.toml")).unwrap();
    assert!(config.contains("header = \"yes\""), "{config}");
    // The run knows it.
    done(f, "eval run");
    done(f, "train --resume run");
    done(f, "train run/config.toml --out again");
    assert_eq!(
        done(f, "predict run years.csv --json").json()["predictions"].as_array().unwrap().len(),
        60
    );
    run(f, "data show years.csv --header maybe").fails(2, &["maybe"]);
    run(f, "eval run --data mnist-5k --header no").fails(2, &["header: found \"no\" for mnist-5k"]);
}

#[test]
fn tables_come_in_on_stdin() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let rows: String =
        (0..60).map(|i| format!("{},{}\n", i % 2 * 10 + i % 3, ["a", "b"][i % 2])).collect();
    let table = format!("x,label\n{rows}");
    let trained = fed(f, "train mlp --data - --epochs 20 --lr 0.01 --out run --json", &table);
    assert_eq!(trained.code, 0, "{}", trained.err);
    assert_eq!(
        (&trained.json()["data"], &trained.json()["test_accuracy"]),
        (&json!("-"), &json!(1.0))
    );
    assert!(trained.out.contains(" rows held out of stdin, "), "{}", trained.out);
    run(f, "eval run")
        .fails(2, &["it was trained on what came in on stdin, which is not kept: give it again"]);
    let tested = fed(f, "eval run --data - --json", &table);
    assert_eq!(
        (&tested.json()["part"], &tested.json()["test_accuracy"]),
        (&json!("held-out"), &json!(1.0)),
        "{}",
        tested.err
    );
    assert_eq!(fed(f, "predict run -", "x\n1\n11\n").out.matches("%").count(), 2);
    assert!(fed(f, "data show -", &table).out.starts_with("stdin: "));
    fed(f, "data show -", "").fails(1, &["stdin: found no rows"]);
    assert_eq!(fed(f, "train --resume run", &table).code, 0);
    fed(f, "train --resume run", &table.replace("1,b", "7,b")).fails(1, &["checkpoint"]);
}

fn save(folder: &Path, name: &str, side: u32, grey: u8) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::GrayImage::from_pixel(side, 2 * side, image::Luma([grey])).save(path).unwrap();
}

#[test]
fn folders_say_what_they_hold() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    for i in 0..6u8 {
        save(f, &format!("set/Train/dark/{i}.bmp"), 20, i);
        save(f, &format!("set/Train/light/deep/{i}.png"), 30, 250 - i);
        save(f, &format!("set/Test/light/{i}.tif"), 20, 240 - i);
    }
    save(f, "set/valid/dark/0.png", 20, 9);
    fs::write(f.join("set/Train/dark/notes.txt"), "x").unwrap();
    let shown = done(f, "data show set --json");
    let head = "set: 12 to train and 6 to test, pictures of 40×20 to 60×30 pixels (height×width), most often 40×20 (12 of 18), 12 stored in grey and 6 in colours";
    assert!(shown.out.starts_with(head), "{}", shown.out);
    let record = shown.json();
    assert_eq!((&record["left_out"], &record["shape"]), (&json!([".txt (1)"]), &Value::Null));
    assert_eq!(record["pictures"]["sizes"][1], json!({ "height": 60, "width": 30, "pictures": 6 }));
    let remarks = record["remarks"].to_string();
    for part in [
        "in Train: 1 file is passed over",
        "in Train: 6 pictures in folders inside",
        "valid is not used",
        "no sample to test on of dark",
    ] {
        assert!(remarks.contains(part), "{part}: {remarks}");
    }
    assert!(
        shown.out.contains("to try         gradus predict RUN set/Test/light/0.tif"),
        "{}",
        shown.out
    );
    let trained = done(f, "train linear --data set --epochs 1 --out run --json");
    assert!(trained.err.contains(
        "set: pictures of 40×20 to 60×30 pixels (height×width), most often 40×20 (12 of 18), are brought to 28×28, the size that linear is made for"
    ));
    assert!(trained.json()["data_remarks"].as_array().unwrap().len() > 3);
    // What concerns training, or was said by it of the same data, is not said again.
    assert_eq!(done(f, "eval run --json").json()["data_remarks"], json!([]));
    fs::create_dir(f.join("moved")).unwrap();
    fs::rename(f.join("set"), f.join("moved/other")).unwrap();
    fs::write(f.join("moved/other/Test/light/notes.txt"), "x").unwrap();
    let other = done(f, "eval run --data moved/other --json").json()["data_remarks"].clone();
    let expected = "in Test: 1 file is passed over, which holds no picture: .txt (1)";
    assert_eq!(other, json!([expected]));
    fs::remove_file(f.join("moved/other/Test/light/notes.txt")).unwrap();
    fs::rename(f.join("moved/other"), f.join("set")).unwrap();
    let tried = done(f, "data show set --save sheet.png --save-samples try");
    assert!(tried.out.contains("saved          sheet.png"), "{}", tried.out);
    assert!(image::open(f.join("sheet.png")).unwrap().width() > 600);
    done(f, "predict run try/light.tif");
}

#[test]
fn a_digit_to_try() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    train_a_little(f, "mlp", "run");
    let shown = done(f, "data show mnist-5k");
    let hint =
        "gradus data show mnist-5k --save-samples samples, then: gradus predict RUN samples/*.png";
    assert!(shown.out.trim_end().ends_with(hint), "{}", shown.out);
    let saved = done(f, "data show mnist-5k --save-samples samples");
    assert!(
        saved.out.contains("saved          10 pictures of the test part in samples"),
        "{}",
        saved.out
    );
    let found = done(f, "predict run samples/0.png samples/9.png --json").json();
    assert_eq!(found["predictions"].as_array().unwrap().len(), 2);
    run(f, "data show mnist-5k --save-samples samples")
        .fails(1, &["samples: cannot make the folder"]);
    fs::write(f.join("t.csv"), "1,a\n2,b\n").unwrap();
    run(f, "data show t.csv --save x.png").fails(2, &["are for pictures, found a table"]);
}

/// Names out of files do not command the terminal, however long they are.
#[test]
fn names_are_shown_safely() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let rows: String = (0..30)
        .map(|i| format!("{i},{},\u{1b}[31mred\n{i},1,{}\n", i % 3, "A".repeat(70_000)))
        .collect();
    fs::write(f.join("t.csv"), format!("a\u{7},b,label\n{rows}")).unwrap();
    let shown = done(f, "data show t.csv");
    assert!(
        shown.out.contains("\\u{1b}[31mred ") && shown.out.contains("AAAA…"),
        "{}",
        shown.out.len()
    );
    let trained = done(f, "train mlp --data t.csv --epochs 1 --out run");
    let found = done(f, "predict run t.csv");
    for text in [&shown.out, &trained.out, &trained.err, &found.out] {
        assert!(!text.contains(['\u{1b}', '\u{7}']));
    }
}

/// What a model's data showed of their numbers holds for rows that are predicted; and no table is written over what it is of.
#[test]
fn thousands_are_read_as_in_training() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let row = |i: u32| format!("{},5;{};{}\n", i % 7, 400 * i, if i > 25 { "ja" } else { "nein" });
    let rows: String = (0..50).map(row).collect();
    fs::write(f.join("t.csv"), format!("a;b;label\n{rows}")).unwrap();
    done(f, "train mlp --data t.csv --epochs 60 --batch 8 --out run");
    let predicted = |text: &str| {
        fs::write(f.join("new.csv"), format!("a;b\n{text}\n")).unwrap();
        done(f, "predict run new.csv --json").json()["predictions"][0]["class"].clone()
    };
    assert_eq!([predicted("3;1.200"), predicted("3;18.800")], ["nein", "ja"]);
    done(f, "predict run new.csv --out out.csv");
    let over = run(f, "predict run new.csv --out ./new.csv");
    over.fails(2, &["--out: found new.csv, which is an input"]);
    assert!(fs::read_to_string(f.join("new.csv")).unwrap().starts_with("a;b\n"));
}
