//! What is said of small mistakes: a name that is nearly right, a column that is no quantity, a batch that is too large.

use super::{Ran, ok, ran};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

fn run(folder: &Path, line: &str) -> Ran {
    ran(folder, &line.split(' ').collect::<Vec<_>>())
}

fn done(folder: &Path, line: &str) -> Ran {
    ok(folder, &line.split(' ').collect::<Vec<_>>())
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

/// 60 rows with the cells that a function has for each, and a class.
fn write(path: &Path, names: &str, row: impl Fn(usize) -> String) {
    let rows: String = (0..60).map(|i| format!("{},{}\n", row(i), ["a", "b"][i % 2])).collect();
    fs::write(path, format!("{names},class\n{rows}")).unwrap();
}

#[test]
fn columns_that_are_no_quantities() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let row = |i: usize| {
        let id = if i < 30 { i } else { i + 1 };
        format!("{id},{:05},2024-08-{:02},{}", 13 + i * 7 % 50, 1 + i % 4, i * 37 % 11)
    };
    write(&f.join("t.csv"), "id,plz,day,x", row);
    let remarks = done(f, "data show t.csv --json").json()["remarks"].to_string();
    says(
        &remarks,
        &[
            r#"(\"id\") nearly counts the rows and is learned from; --drop id leaves it out"#,
            r#"(\"plz\") has numbers with leading zeros (00013): perhaps a code, no quantity; --drop plz leaves it out"#,
            r#"(\"day\") holds dates: each of its 4 values"#,
            "becomes a feature of 0 and 1; --drop day leaves it out",
        ],
    );
    assert!(!remarks.contains(r#"(\"x\")"#), "{remarks}");
    // A day for each row is no category.
    write(&f.join("d.csv"), "day,x", |i| format!("{:02}.{:02}.2024,{i}", 1 + i % 28, 1 + i / 28));
    run(f, "train mlp --data d.csv").fails(
        1,
        &["found \"01.01.2024\", expected a number; column day holds dates, which are not learned from: --drop day"],
    );
    done(f, "train mlp --data d.csv --drop day --epochs 1 --out d");
}

#[test]
fn cells_that_are_read_otherwise() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write(&f.join("t.csv"), "x,y", |i| format!("\"{}.234,{}\",{i}", 1 + i % 9, i % 10));
    run(f, "train mlp --data t.csv").fails(1, &["--decimal comma reads it as 1234"]);
    let shown = done(f, "data show t.csv");
    says(&shown.out, &["it would take it with:  gradus train mlp --data t.csv --decimal comma\n"]);
    done(f, "train mlp --data t.csv --decimal comma --epochs 1 --out t");
    let rows: String = (0..60).map(|i| format!("{i},{}\n", ["yes", "no"][i % 2])).collect();
    fs::write(f.join("b.csv"), format!("x,bought\n{rows}")).unwrap();
    run(f, "train mlp --data b.csv --target bought")
        .fails(1, &["write 1 for yes and 0 for no, or learn the two as classes: --label bought"]);
    done(f, "train mlp --data b.csv --label bought --epochs 1 --out b");
}

/// Equal rows are on one side: where most are, that may be nearly all.
#[test]
fn a_test_part_that_is_too_small() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let small = (0..20).find_map(|k: usize| {
        write(&f.join("t.csv"), "x", |i| if i < 54 { k.to_string() } else { (i * 91).to_string() });
        let shown = done(f, "data show t.csv --json").json();
        (shown["test"].as_u64().unwrap() < 6).then_some(shown)
    });
    let shown = small.expect("most draws put what there is most of into the part to train on");
    let n = shown["test"].as_u64().unwrap();
    let are = if n == 1 { "is" } else { "are" };
    let told = format!(
        "only {n} of 60 samples {are} held out to test, not about 12: equal samples are on one side; --split position holds out 12"
    );
    says(&shown["remarks"].to_string(), &[&told]);
    let trained = done(f, "train mlp --data t.csv --split position --epochs 1 --out run");
    says(&trained.out, &["(12 rows held out of t.csv"]);
    assert!(!trained.err.contains("equal samples"), "{}", trained.err);
}

#[test]
fn batches_and_frozen_layers_that_make_no_sense() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write(&f.join("t.csv"), "x", |i| (i * 37 % 61).to_string());
    let trained = done(
        f,
        "train mlp --data t.csv --batch 1000 --freeze backbone --epochs 2 --lr 1e-5 --out run",
    );
    says(
        &trained.err,
        &[
            "remark: batch 1000: it is larger than the ",
            " to train on, so an epoch is one step; --batch 8 makes more of them",
            " parameters stay frozen at random values, as no --from says",
        ],
    );
    says(
        &trained.out,
        &["remedy         gradus train run/config.toml --batch 8   (the batch, 1000, is larger"],
    );
}

#[test]
fn names_that_are_nearly_right() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write(&f.join("t.csv"), "x", |i| i.to_string());
    for class in ["leaf", "stem"] {
        fs::create_dir_all(f.join("pictures").join(class)).unwrap();
        for i in 0..3 {
            let path = f.join(format!("pictures/{class}/{i}.png"));
            image::RgbImage::from_pixel(8, 8, image::Rgb([9, 9, i])).save(path).unwrap();
        }
    }
    for (name, text) in [("net.pth", "x"), ("j.json", "[]")] {
        fs::write(f.join(name), text).unwrap();
    }
    for (line, code, part) in [
        ("train mlp --data nothere.csv", 2, "nothere.csv: no such file or folder\n"),
        ("train mlp --data picture", 2, "picture: no such file or folder; did you mean pictures?"),
        ("train mlp --data j.json", 1, "j.json: found JSON by its name, expected a CSV file"),
        ("predict net.pth t.csv", 1, "net.pth: found a PyTorch file; weights"),
        ("run net.pth", 1, "gradus import net.pth --model NAME --out model.safetensors"),
        ("train mlp --from net.pth", 1, "net.pth: found a PyTorch file; weights"),
        ("train mlp --gpu", 2, "no such option --gpu; gradus train --help lists all\n"),
        ("data show t.csv --verbose", 2, "no such option --verbose; gradus data show --help"),
        ("train mlp --epoch 3", 2, "no such option --epoch; did you mean --epochs?"),
        ("train mlp --seed -1", 2, "--seed: found -1, expected 0 or more\n"),
        ("train mlp --epochs -5", 2, "--epochs: found -5, expected 0 or more\n"),
        ("train mlp --epochs -12", 2, "--epochs: found -12, expected 0 or more\n"),
        ("train lenet --resume run", 2, "leave lenet out: gradus train --resume run\n"),
        ("train lenet --data t.csv", 1, "lenet is for pictures"),
    ] {
        let found = run(f, line);
        found.fails(code, &[part]);
        for foreign in [".rs:", "as a value"] {
            assert!(!found.err.contains(foreign), "{line}: {}", found.err);
        }
    }
}
