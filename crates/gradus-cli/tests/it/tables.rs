//! CSV files: where the label is, what models of tables say, what is refused before anything is trained.

use super::{Ran, ok, ran};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// Rows of two classes that `wide` tells apart; `row` writes one of its class's name, `wide` and `noise`.
fn write_table(folder: &Path, name: &str, header: &str, row: impl Fn(&str, f64, f64) -> String) {
    let mut text = format!("{header}\n");
    for i in 0..100 {
        let class = ["rose", "tulip"][i % 2];
        let wide = 4.0 * (i % 2) as f64 + (i % 7) as f64 / 10.0;
        writeln!(text, "{}", row(class, wide, (i % 11) as f64)).unwrap();
    }
    fs::write(folder.join(name), text.trim_start()).unwrap();
}

fn train(folder: &Path, data: &str, run: &str, options: &[&str]) -> Ran {
    let args = ["train", "mlp", "--data", data, "--epochs", "12", "--out", run, "--json"];
    ok(folder, &[&args, options].concat())
}

#[test]
fn the_label_is_where_the_header_says() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    // The last column would be eleven classes of noise.
    write_table(f, "mnist-like.csv", "label,wide,noise", |c, w, n| format!("{c},{w},{n}"));
    let trained = train(f, "mnist-like.csv", "run", &[]);
    assert_eq!(trained.json()["test_accuracy"], 1.0, "{}", trained.out);
    assert!(trained.err.contains("the label is in column label; it learns from 2 columns"));
    assert!(trained.err.contains(" on mnist-like.csv: 76 rows, "), "{}", trained.err);
    assert!(trained.out.contains("gradus predict run FILE.csv"), "{}", trained.out);
    assert_eq!(ok(f, &["eval", "run", "--json"]).json()["test_accuracy"], 1.0);
    let shown = ok(f, &["data", "show", "mnist-like.csv", "--json"]);
    assert_eq!(shown.json()["classes"], serde_json::json!(["rose", "tulip"]));
    assert!(shown.out.contains("label \"label\", features wide, noise"), "{}", shown.out);

    // A name of its own is stated once.
    write_table(f, "species.csv", "species,wide,noise", |c, w, n| format!("{c},{w},{n}"));
    ran(f, &["train", "mlp", "--data", "species.csv"]).fails(
        1,
        &[
            "species.csv, line 2, column 1 (\"species\"): found \"rose\", expected a number",
            "--label",
        ],
    );
    let trained = train(f, "species.csv", "named", &["--label", "species"]);
    assert_eq!(trained.json()["test_accuracy"], 1.0);
    let config = fs::read_to_string(f.join("named/config.toml")).unwrap();
    assert!(config.contains("label = \"species\""), "{config}");
    assert_eq!(ok(f, &["eval", "named", "--json"]).json()["test_accuracy"], 1.0);
    fs::write(f.join("again.toml"), config).unwrap();
    ok(f, &["train", "again.toml", "--epochs", "1", "--out", "again"]);
    ok(f, &["train", "--resume", "named"]);
    let shown = ok(f, &["data", "show", "species.csv", "--label", "1", "--json"]);
    assert_eq!(shown.json()["label"], "species");
}

#[test]
fn rows_are_predicted() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_table(f, "a.csv", "wide,noise,kind", |c, w, n| format!("{w},{n},{c}"));
    train(f, "a.csv", "run", &[]);
    // Other columns in another order, and no label: by name.
    write_table(f, "new.csv", "id,noise,wide", |_, w, n| format!("x{n},{n},{w}"));
    let found = ok(f, &["predict", "run", "new.csv", "--json"]);
    let record = found.json();
    let predictions = record["predictions"].as_array().unwrap();
    assert_eq!((predictions.len(), &record["accuracy"]), (100, &serde_json::Value::Null));
    for (i, p) in predictions.iter().enumerate() {
        assert_eq!((&p["class"], &p["line"]), (&["rose", "tulip"][i % 2].into(), &(i + 2).into()));
    }
    assert!(found.out.contains("    2  rose "), "{}", found.out);
    // With the label, one of them wrong.
    let one = |c: &str, w: f64| if w == 0.0 { "tulip".to_owned() } else { c.to_owned() };
    write_table(f, "b.csv", "kind,wide,noise", |c, w, n| format!("{},{w},{n}", one(c, w)));
    let wrong = fs::read_to_string(f.join("b.csv")).unwrap().matches("tulip,0,").count();
    let found = ok(f, &["predict", "run", "b.csv", "--json"]);
    assert_eq!(found.json()["accuracy"], (100 - wrong) as f64 / 100.0);
    assert_eq!(found.out.matches("  wrong").count(), wrong);
    // The same test, whatever the order of the columns.
    write_table(f, "c.csv", "kind,noise,wide", |c, w, n| format!("{c},{n},{w}"));
    assert_eq!(ok(f, &["eval", "run", "--data", "c.csv", "--json"]).json()["test_accuracy"], 1.0);
    write_table(f, "d.csv", "kind,noise", |c, _, n| format!("{c},{n}"));
    ran(f, &["predict", "run", "d.csv"])
        .fails(1, &["d.csv: found the columns kind, noise, expected a feature column \"wide\""]);

    // Without a header it goes by position, with the label or without.
    write_table(f, "e.csv", "", |c, w, n| format!("{c},{w},{n}"));
    let trained = train(f, "e.csv", "bare", &["--label", "1"]);
    assert_eq!(trained.json()["test_accuracy"], 1.0);
    assert_eq!(ok(f, &["predict", "bare", "e.csv", "--json"]).json()["accuracy"], 1.0);
    fs::write(f.join("g.csv"), "0.1,3\n4.2,3\n").unwrap();
    let found = ok(f, &["predict", "bare", "g.csv", "--json"]).json();
    let class = |i: usize| found["predictions"][i]["class"].clone();
    assert_eq!((class(0), class(1)), ("rose".into(), "tulip".into()));
    fs::write(f.join("g.csv"), "0.1\n4.2\n").unwrap();
    ran(f, &["predict", "bare", "g.csv"]).fails(1, &["g.csv: found 1 columns, expected 2 as"]);
}

#[test]
fn tables_that_cannot_be_learned() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let refused = |code: i32, options: &str, parts: &[&str]| {
        let options: Vec<&str> = options.split(' ').collect();
        ran(f, &[&["train", "mlp", "--data"], &options[..]].concat()).fails(code, parts);
    };
    write_table(f, "a.csv", "wide,noise,kind", |c, w, n| format!("{w},{n},{c}"));
    refused(1, "a.csv --label sort", &["name \"sort\", expected one of wide, noise, kind"]);
    refused(1, "a.csv --label 4", &["label column: found column 4, expected at most 3"]);
    refused(2, "a.csv --label 0", &["found \"0\", expected a column's name, or its number from 1"]);
    refused(
        2,
        "mnist-5k --label kind",
        &["label: found \"kind\" for mnist-5k, expected a CSV file"],
    );
    let prices: String = (0..30).map(|i| format!("{i},{}\n", 1000 + 37 * i)).collect();
    fs::write(f.join("prices.csv"), format!("rooms,price\n{prices}")).unwrap();
    refused(
        1,
        "prices.csv",
        &[
            "found 30 different labels in 30 rows (column \"price\"), expected",
            "--target price learns its numbers",
        ],
    );
    write_table(f, "one.csv", "wide,noise,kind", |_, w, n| format!("{w},{n},rose"));
    refused(1, "one.csv", &["one.csv: found 1 class (rose), expected at least 2 to tell apart"]);
    fs::write(f.join("few.csv"), "1,a\n2,b\n3,a\n").unwrap();
    refused(
        1,
        "few.csv",
        &["few.csv: found 3 samples, expected at least 5: a fifth of a CSV file"],
    );
    assert!(!f.join("runs").exists(), "nothing was begun");
}

#[test]
fn a_file_given_to_eval_is_tested_as_a_whole_unless_it_was_trained_on() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_table(f, "a.csv", "wide,noise,kind", |c, w, n| format!("{w},{n},{c}"));
    let trained = train(f, "a.csv", "run", &[]);
    assert!(trained.out.contains("(24 rows held out of a.csv, the model of"), "{}", trained.out);
    assert!(trained.err.contains(" rows/s  ") && !trained.err.contains("image"), "{}", trained.err);
    let (absolute, eval) = (f.join("a.csv"), ["eval", "run", "--json"]);
    for known in [&[][..], &["--data", "a.csv"], &["--data", absolute.to_str().unwrap()]] {
        let tested = ok(f, &[&eval, known].concat());
        assert!(tested.out.contains("(24 rows held out of "), "{}", tested.out);
        assert!(tested.out.contains(" rows/s)"), "{}", tested.out);
        assert_eq!(
            (&tested.json()["part"], &tested.json()["samples"]),
            (&"held-out".into(), &24.into())
        );
    }
    // Fewer rows than would be held out of, and only the second of the classes.
    fs::write(f.join("b.csv"), "kind,noise,wide\ntulip,1,4.2\ntulip,3,4.5\ntulip,2,4\n").unwrap();
    let tested = ok(f, &[&eval[..], &["--data", "b.csv"]].concat());
    assert!(tested.out.contains("(all 3 rows of b.csv, "), "{}", tested.out);
    let record = tested.json();
    assert_eq!((&record["test_accuracy"], &record["part"]), (&1.0.into(), &"whole".into()));
    fs::write(f.join("b.csv"), "kind,noise,wide\nlily,1,4.2\n").unwrap();
    ran(f, &["eval", "run", "--data", "b.csv"])
        .fails(1, &["b.csv: class: found \"lily\" of 1 sample, expected one of rose, tulip"]);
    fs::write(f.join("b.csv"), "kind,noise,wide\n").unwrap();
    let empty = ran(f, &["eval", "run", "--data", "b.csv"]);
    assert!(empty.code == 1 && empty.err.contains("b.csv"), "{}", empty.err);
    assert!(ok(f, &["eval", "--help"]).out.contains("the model was trained on it"));
}

/// A folder with a folder of `n` pictures for each of two classes.
fn save_pictures(place: &Path, n: u8) {
    for class in ["dark", "light"] {
        let place = place.join(class);
        fs::create_dir_all(&place).unwrap();
        for i in 0..n {
            let grey = if class == "dark" { i } else { 250 - i };
            let picture = image::GrayImage::from_pixel(28, 28, image::Luma([grey]));
            picture.save(place.join(format!("{i}.png"))).unwrap();
        }
    }
}

#[test]
fn folders_of_classes_are_tested_as_a_whole_too() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    save_pictures(&f.join("old"), 10);
    save_pictures(&f.join("new"), 3);
    save_pictures(&f.join("split/train"), 2);
    save_pictures(&f.join("split/test"), 1);
    ok(f, &["train", "mlp", "--data", "old", "--epochs", "1", "--out", "run"]);
    let tested = |data: &str| ok(f, &["eval", "run", "--data", data]).out;
    let old = ok(f, &["eval", "run", "--data", "old", "--json"]);
    assert!(old.out.contains(" held out of old, "), "{}", old.out);
    // About a fifth of twenty: which, the bytes of the files say.
    assert!((1..10).contains(&old.json()["samples"].as_u64().unwrap()), "{}", old.out);
    assert!(tested("new").contains("(all 6 images of new, "));
    assert!(tested("split").contains("(2 images of split, "));
    // Pictures that are added, under any name, move none.
    let held = |tested: &str| -> usize {
        let row = |class: &str| tested.lines().find(|l| l.trim_start().starts_with(class)).unwrap();
        let numbers = ["dark", "light"].map(row).map(|row| row.split_whitespace().skip(1));
        numbers.into_iter().flatten().filter_map(|n| n.parse::<usize>().ok()).sum()
    };
    let before = held(&tested("old"));
    fs::rename(f.join("old/dark/3.png"), f.join("old/dark/renamed.png")).unwrap();
    fs::copy(f.join("new/light/1.png"), f.join("old/light/copy.png")).unwrap();
    let after = ok(f, &["eval", "run"]);
    assert!(
        after.err.contains("remark: old has changed since training: 1 image more; the held-out")
    );
    assert!((before..=before + 1).contains(&held(&after.out)), "{before}: {}", after.out);
    // Parts of their own, where there were none: what was trained on is not known.
    fs::rename(f.join("old"), f.join("gone")).unwrap();
    fs::rename(f.join("split"), f.join("old")).unwrap();
    ran(f, &["eval", "run"]).fails(1, &["old: found a test part in it, there was none when"]);
}

/// Pictures that are only needed after training are looked at before it.
#[test]
fn a_bad_test_picture_is_found_first() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    for (part, n) in [("train", 6), ("test", 3)] {
        save_pictures(&f.join("set").join(part), n);
    }
    let args = ["train", "mlp", "--data", "set", "--epochs", "1", "--out", "run"];
    let bad = f.join("set/test/light/2.png");
    let whole = fs::read(&bad).unwrap();
    fs::write(&bad, &whole[..whole.len() / 2]).unwrap();
    ran(f, &args)
        .fails(1, &["set/test/light/2.png, byte 111: found ", "; remove or replace the file"]);
    assert!(!f.join("run").exists(), "nothing was begun");
    fs::write(&bad, &whole).unwrap();
    ok(f, &args);
    // All of one class is nothing to learn.
    for part in ["train", "test"] {
        fs::remove_dir_all(f.join("set").join(part).join("dark")).unwrap();
    }
    ran(f, &["train", "mlp", "--data", "set"])
        .fails(1, &["set: found 1 class (light), expected at"]);
}
