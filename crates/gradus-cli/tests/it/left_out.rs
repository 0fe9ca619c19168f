//! Columns that are left out of a table, and what helps against cells that are no numbers.

use super::{ok, ran};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// Houses with a text column, and their prices.
fn houses() -> String {
    let row = |i: u64| {
        let area = 40 + i * 31 % 97;
        format!("{area},\"{i} High St\",{},{}\n", i * 7 % 5, 1_000 * area + 300 * (i % 3))
    };
    (0..120).map(row).collect()
}

fn run(folder: &Path, args: &str) -> super::Ran {
    ran(folder, &args.split_whitespace().collect::<Vec<_>>())
}

#[test]
fn a_text_column_is_left_out() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    fs::write(f.join("houses.csv"), format!("area,address,rooms,price\n{}", houses())).unwrap();
    let train = "train mlp --data houses.csv --epochs 30 --lr 0.01 --target price";
    run(f, train).fails(
        1,
        &["line 2, column 2 (\"address\"): found \"0 High St\" and in all more than 100 different texts in 120 rows", "--drop address trains without the column"],
    );
    let trained = run(f, &format!("{train} --leave-out address --out run --json"));
    assert!(trained.err.contains("it learns from 2 columns"), "{}", trained.err);
    assert!(trained.json()["test_r2"].as_f64().unwrap() > 0.9, "{}", trained.out);
    let record: Value =
        serde_json::from_str(&fs::read_to_string(f.join("run/record.json")).unwrap()).unwrap();
    assert_eq!(record["settings"]["leave_out"], serde_json::json!(["address"]));
    // As training, so testing and predicting; of a file without the column, too.
    let tested = ok(f, &["eval", "run", "--json"]).json();
    assert_eq!(tested["test_r2"], trained.json()["test_r2"]);
    fs::write(f.join("new.csv"), "address,rooms,area\nBy the sea,3,100\n").unwrap();
    fs::write(f.join("bare.csv"), "rooms,area\n3,100\n").unwrap();
    let value = |file: &str| {
        let found = ok(f, &["predict", "run", file, "--json"]).json();
        found["predictions"][0]["values"]["price"].as_f64().unwrap()
    };
    assert!((value("new.csv") - 100_000.0).abs() < 15_000.0, "{}", value("new.csv"));
    assert_eq!(value("new.csv"), value("bare.csv"));
    // The run's settings are a recipe, which leaves it out again.
    ok(f, &["train", "run/config.toml", "--epochs", "1", "--out", "again"]);
    let shown = ok(f, &["data", "show", "houses.csv", "--target", "price", "--leave-out", "2"]);
    assert!(shown.out.contains("targets price, features area, rooms"), "{}", shown.out);
    run(f, &format!("{train} --leave-out adress"))
        .fails(1, &["expected one of area, address, rooms, price; did you mean \"address\"?"]);
    run(f, &format!("{train} --leave-out price"))
        .fails(1, &["column \"price\": found it as a target, expected another column"]);
    run(f, "train mlp --leave-out x").fails(2, &["leave-out: found \"x\" for mnist-5k"]);
}

#[test]
fn a_column_without_a_name_is_left_out() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    fs::write(f.join("h.csv"), houses()).unwrap();
    let train = "train mlp --data h.csv --epochs 2 --target 4 --out run --leave-out 2 --json";
    let trained = run(f, train).json();
    assert_eq!(ok(f, &["eval", "run", "--json"]).json()["test_loss"], trained["test_loss"]);
    fs::write(f.join("same.csv"), "100,By the sea,3,99000\n").unwrap();
    fs::write(f.join("bare.csv"), "100,3\n").unwrap();
    let value = |file: &str| {
        ok(f, &["predict", "run", file, "--json"]).json()["predictions"][0]["values"].clone()
    };
    assert_eq!(value("same.csv"), value("bare.csv"));
    fs::write(f.join("odd.csv"), "100,3,4\n").unwrap();
    ran(f, &["predict", "run", "odd.csv"])
        .fails(1, &["odd.csv: found 3 columns, expected the 4 of the file that the model learned"]);
}

#[test]
fn cells_that_are_no_numbers_say_what_helps() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let told = |cells: &str, part: &str| {
        fs::write(f.join("t.csv"), format!("a,b,price\n1,2,3\n{cells}\n")).unwrap();
        run(f, "train mlp --data t.csv --target price").fails(1, &[part]);
    };
    told("1,2,$712596", "found \"$712596\", expected a number: write 712596");
    told("1,2,cheap", "expected a number; texts are classes, which --label price learns");
    told("1,2,n/a", "expected a value; fill it in, or leave such rows out (--missing drop)");
    told("1,yes,3", "found \"yes\", expected a number: write 1 for yes and 0 for no");
    told(
        "1,,3",
        "(\"b\"): found an empty field, expected a value; --missing drop leaves such rows out, --missing mean puts the mean of the column there, --drop b trains without it",
    );
    told("nan,2,3", "found \"nan\", expected a value; --missing drop leaves such rows out");
    told(
        "1,2,",
        "(\"price\"): found an empty field, expected a value; fill it in, or leave such rows out",
    );
}

#[test]
fn columns_that_were_perhaps_meant() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    fs::write(f.join("t.csv"), "area,price\n1,2\n2,3\n").unwrap();
    for wrong in ["pric", "Price"] {
        let guess = "expected one of area, price; did you mean \"price\"?";
        run(f, &format!("train mlp --data t.csv --target {wrong}")).fails(1, &[guess]);
        run(f, &format!("train mlp --data t.csv --label {wrong}")).fails(1, &[guess]);
    }
    run(f, "train mlp --data t.csv --target 0").fails(1, &["columns count from there"]);
    run(f, "train mlp --data t.csv --target price --class-weights balanced")
        .fails(2, &["leave it away, or give --label instead of --target"]);
    run(f, "train mlp --data t.csv --target price --loss l1").fails(2, &["did you mean \"mae\"?"]);
    run(f, "train mlp --data t.csv --target price --metrics mae")
        .fails(2, &["did you mean \"mean_absolute_error\"?"]);
    run(f, "train t.csv").fails(
        2,
        &["t.csv: found data, expected a model or a recipe: gradus train mlp --data t.csv"],
    );
    run(f, "train .").fails(2, &["gradus train mlp --data ."]);
}
