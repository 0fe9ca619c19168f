//! Tables that training refuses are shown all the same; other marks of missing values; columns that say too much or are carried on.

use super::{Ran, ok, ran};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

fn run(folder: &Path, words: &str) -> Ran {
    ran(folder, &words.split_whitespace().collect::<Vec<_>>())
}

fn done(folder: &Path, words: &str) -> Ran {
    ok(folder, &words.split_whitespace().collect::<Vec<_>>())
}

fn area(i: usize) -> usize {
    30 + i * 7 % 60
}

/// Flats with a name each, an area that is -999 or unknown now and then, and a price.
fn flats(unknown: &str) -> String {
    let row = |i: usize| {
        let known = if i % 9 == 4 { unknown.to_owned() } else { area(i).to_string() };
        format!("flat {i},{known},{},{}\n", i % 4, 10 * area(i) + i % 5)
    };
    format!("name,area,floor,price\n{}", (0..90).map(row).collect::<String>())
}

#[test]
fn a_bad_cell_hides_nothing() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let text = flats("?").replacen(",37,", ",large,", 1).replacen(",44,", ",,", 1);
    fs::write(f.join("flats.csv"), text).unwrap();
    let shown = done(f, "data show flats.csv --json");
    let record = shown.json();
    let column = |at: usize| record["table"]["columns"][at].clone();
    assert_eq!(
        (&column(0)["kind"], &column(0)["different"], &record["table"]["rows"]),
        (&json!("texts"), &json!(90), &json!(90))
    );
    assert_eq!(
        (&column(1)["values"], &column(1)["missing"], &column(1)["unreadable"]),
        (&json!(78), &json!(11), &json!(1)),
        "{record}"
    );
    assert_eq!(column(1)["first_unreadable"], json!([{ "line": 3, "text": "large" }]));
    assert_eq!((&column(2)["least"], &column(2)["greatest"]), (&json!(0.0), &json!(3.0)));
    assert!(shown.out.contains("no number: line 3: \"large\""), "{}", shown.out);
    assert!(record["refused"].as_str().unwrap().starts_with("flats.csv, line 2, column 1"));
    // What is said to go goes.
    let remedy = record["remedy"].as_str().unwrap().strip_prefix("gradus ").unwrap();
    assert_eq!(
        remedy,
        "train mlp --data flats.csv --target price --drop name --missing-values large --missing mean"
    );
    done(f, &format!("{remedy} --epochs 1 --out run"));
    // All that is in the way is told at once, each cell once, and one command goes round all of it.
    let text = flats("?").replacen(",37,", ",large,", 1).replacen("flat 7,", "flat 7,odd,", 1);
    fs::write(f.join("ragged.csv"), text).unwrap();
    let shown = done(f, "data show ragged.csv --json");
    for part in [
        "1 row has another number of fields: line 9: found 5 columns, expected 4, as in the first line\n",
        "training would refuse it, for 4 reasons:\n  line 2, column 1 (\"name\"): found \"flat 0\"",
        "\n  line 3, column 2 (\"area\"): found \"large\", expected a number, as in 78 other rows",
        "\n  column 2 (\"area\"): found 10 missing values; --missing drop leaves such rows out, --missing mean puts",
        "\n  line 9: found 5 columns, expected 4, as in the first line; mend or remove the row",
    ] {
        assert!(shown.out.contains(part), "{part}: {}", shown.out);
    }
    let record = shown.json();
    assert_eq!(record["obstacles"].as_array().unwrap().len(), 4);
    let remedy = record["remedy"].as_str().unwrap().strip_prefix("gradus ").unwrap();
    let trained = done(f, &format!("{remedy} --epochs 1 --out ragged"));
    assert!(
        trained.err.contains("1 row that cannot be read is left out: line 9 ("),
        "{}",
        trained.err
    );
    // A label that is measured.
    fs::write(f.join("p.csv"), (0..60).map(|i| format!("{i},{}.5\n", 3 * i)).collect::<String>())
        .unwrap();
    let record = done(f, "data show p.csv --json").json();
    assert_eq!(record["remedy"], "gradus train mlp --data p.csv --target 2");
    // What can be read is described as well, and what is no table at all is not.
    let record = done(
        f,
        "data show flats.csv --drop 1 --target price --missing mean --missing-values large --json",
    )
    .json();
    assert_eq!(record["table"]["columns"][1]["missing"], 12);
    fs::write(f.join("open.csv"), "a,b\n1,\"2\n").unwrap();
    run(f, "data show open.csv").fails(1, &["a quote without its end"]);
    run(f, "data show p.csv --label 7").fails(1, &["at most 2, the last"]);
}

#[test]
fn other_marks_of_missing_values() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let train = |data: &str, more: &str| {
        let words = format!(
            "train mlp --data {data}.csv --drop name --target price --missing mean --epochs 3 --json --out {data}{more}"
        );
        done(f, &words)
    };
    fs::write(f.join("na.csv"), flats("NA")).unwrap();
    fs::write(f.join("num.csv"), flats("-999.0")).unwrap();
    fs::write(f.join("word.csv"), flats("unbekannt")).unwrap();
    run(f, "train mlp --data word.csv --drop name --target price").fails(
        1,
        &["expected a number, as in 80 other rows; --missing-values unbekannt --missing mean takes it for a missing value, --drop area"],
    );
    let loss = train("na", "").json()["test_loss"].clone();
    for data in ["num", "word"] {
        let marked = train(data, " --missing-values -999,unbekannt");
        assert_eq!(marked.json()["test_loss"], loss, "{data}");
        // The model knows them.
        fs::write(f.join("new.csv"), "area,floor\n-999,1\n,1\nunbekannt,1\n").unwrap();
        let found = done(f, &format!("predict {data} new.csv --json")).json();
        let value = |i: usize| found["predictions"][i]["values"]["price"].clone();
        assert_eq!((value(0), value(2)), (value(1), value(1)), "{found}");
        assert_eq!(done(f, &format!("eval {data} --json")).json()["test_loss"], loss);
        done(f, &format!("train --resume {data}"));
    }
    assert_ne!(train("num", "-plain").json()["test_loss"], loss);
    run(f, "train mlp --missing-values x").fails(2, &["missing-values: found \"x\" for mnist-5k"]);
    // Decimal commas between commas.
    let rows: String = (0..60).map(|i| format!("\"{i},5\",{}\n", ["a", "b"][i / 30])).collect();
    fs::write(f.join("comma.csv"), format!("x,label\n{rows}")).unwrap();
    run(f, "train mlp --data comma.csv")
        .fails(1, &["a number with a decimal point; --decimal comma reads it as 0.5"]);
    done(f, "train mlp --data comma.csv --decimal comma --epochs 40 --out comma");
    fs::write(f.join("new.csv"), "x\n\"3,5\"\n\"55,5\"\n").unwrap();
    let found = done(f, "predict comma new.csv --json").json();
    assert_eq!([&found["predictions"][0]["class"], &found["predictions"][1]["class"]], ["a", "b"]);
}

#[test]
fn columns_that_say_what_is_to_be_learned() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let row = |i: usize| format!("{},{},{},{}\n", i * 7 % 31, ["x", "y"][i * i % 3 % 2], 2 * i, i);
    let rows: String = (0..60).map(row).collect();
    fs::write(f.join("t.csv"), format!("a,label,double,price\n{rows}")).unwrap();
    let trained = done(f, "train mlp --data t.csv --target price --epochs 1 --out run --json");
    for part in [
        "it learns from 3 columns, 4 features: a, label, double",
        "column 2 (\"label\") is learned from, as another is the target; --drop label leaves it out",
        "column double nearly says the target price (correlation 1.00000)",
    ] {
        assert!(trained.err.contains(part), "{part}: {}", trained.err);
    }
    assert_eq!(trained.json()["features"], json!(["a", "label", "double"]));
    // Neither the target nor what was left out is needed; what was not there is said.
    done(f, "train mlp --data t.csv --target price --drop label --epochs 1 --out bare");
    fs::write(f.join("new.csv"), "double,colour,a,label\n4,red,3,x\n").unwrap();
    let found = done(f, "predict bare new.csv");
    let told = "1 column that the model was not trained with is passed over: \"colour\"";
    assert!(found.err.contains(told), "{}", found.err);
    fs::write(
        f.join("more.csv"),
        format!("a,colour,double,price\n{}", rows.replace(",x,", ",red,").replace(",y,", ",red,")),
    )
    .unwrap();
    assert!(done(f, "eval bare --data more.csv").err.contains(told));
}

#[test]
fn columns_are_carried_on() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let row = |i: usize| format!("k{i};{},5;{}\n", i % 7 + 10 * (i % 2), ["a", "b"][i % 2]);
    let rows: String = (0..60).map(row).collect();
    fs::write(f.join("t.csv"), format!("id;x;class\n{rows}")).unwrap();
    done(f, "train mlp --data t.csv --drop id --epochs 30 --out run");
    fs::write(f.join("new.csv"), "id;x;class\nA1;12,5;b\n\"B;2\";;a\nC3;1,5;\n").unwrap();
    let found = run(f, "predict run new.csv --out out.csv --keep id,class --top 1 --json");
    found.fails(
        1,
        &[
            "1 row not predicted; the column not_predicted says why",
            "error: 1 row gave no prediction: new.csv, line 3",
        ],
    );
    let text = fs::read_to_string(f.join("out.csv")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "file;line;id;class;gradus_class;probability;label;not_predicted");
    assert!(lines[1].starts_with("new.csv;2;A1;b;b;0,"), "{text}");
    assert!(lines[2].starts_with("new.csv;3;\"B;2\";a;;;;"), "{text}");
    assert!(lines[2].contains("found an empty field, expected a value"), "{text}");
    assert_eq!(lines.len(), 4);
    // Our own reader has it again.
    let shown = done(f, "data show out.csv --label gradus_class --drop file,id,class,label,not_predicted --missing drop --json").json();
    let columns: Vec<&Value> =
        shown["table"]["columns"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!(columns.len(), 8, "{shown}");
    assert_eq!(
        (&shown["table"]["columns"][5]["kind"], &shown["table"]["decimal_comma"]),
        (&json!("numbers"), &json!(true))
    );
    // All of them, commas for a file with commas, no reasons where there are none.
    fs::write(f.join("comma.csv"), "x,who\n12.5,\"Smith, J\"\n").unwrap();
    done(f, "predict run comma.csv --out out.csv --keep all --top 1");
    let text = fs::read_to_string(f.join("out.csv")).unwrap();
    assert!(
        text.starts_with(
            "file,line,x,who,class,probability,label\ncomma.csv,2,12.5,\"Smith, J\",b,0."
        ),
        "{text}"
    );
    run(f, "predict run comma.csv --out out.csv --keep whom")
        .fails(1, &["column \"whom\": found no such column, expected one of x, who"]);
    run(f, "predict run comma.csv --keep who").fails(2, &["--out"]);
}
