//! Small tables are learned with the defaults: a few columns, a hundred or two rows.

use super::ok;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// Numbers from 0 to 1 that look random, the same on every machine.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
    /// About normal: mean 0, deviation 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// Learns a table by its defaults from three seeds; each tells most of the held-out rows apart.
#[track_caller]
fn learns(folder: &Path, table: &str) {
    fs::write(folder.join("t.csv"), table).unwrap();
    for seed in ["0", "1", "2"] {
        let run = format!("run-{seed}");
        let args = ["train", "mlp", "--data", "t.csv", "--seed", seed, "--out", &run, "--json"];
        let trained = ok(folder, &args);
        let found = trained.json();
        assert!(found["test_accuracy"].as_f64().unwrap() >= 0.9, "seed {seed}: {}", trained.out);
        assert_eq!(found["remarks"], serde_json::json!([]), "{}", trained.err);
        assert!(
            found["guessing_loss"].as_f64().unwrap() > 2.0 * found["test_loss"].as_f64().unwrap()
        );
    }
}

/// Four columns on scales of their own, of three kinds of which two lie close together.
#[test]
fn three_kinds_of_flowers() {
    let folder = tempdir().unwrap();
    let (mut draw, mut text) = (Draw(1), String::from("length,width,petal,stem,class\n"));
    for i in 0..150 {
        let (name, mean) = [
            ("low", [5.0, 3.4, 1.5, 0.2]),
            ("mid", [5.9, 2.8, 4.1, 1.2]),
            ("tall", [6.7, 3.0, 5.8, 2.2]),
        ][i / 50];
        for (at, middle) in mean.into_iter().enumerate() {
            let deviation = [0.4, 0.3, 0.3, 0.15][at];
            write!(text, "{:.2},", middle + deviation * draw.normal()).unwrap();
        }
        writeln!(text, "{name}").unwrap();
    }
    learns(folder.path(), &text);
}

/// No line tells them apart: two numbers of one sign, or of two.
#[test]
fn exclusive_or() {
    let folder = tempdir().unwrap();
    let (mut draw, mut text) = (Draw(2), String::from("x,y,class\n"));
    for i in 0..120 {
        let [x, y] =
            [i & 1, i >> 1 & 1].map(|side| (0.2 + draw.next()) * (2.0 * f64::from(side) - 1.0));
        let class = if (x > 0.0) == (y > 0.0) { "same" } else { "other" };
        writeln!(text, "{x:.3},{y:.3},{class}").unwrap();
    }
    learns(folder.path(), &text);
}

/// Rings around each other, one column in thousands and far from 0.
#[test]
fn rings() {
    let folder = tempdir().unwrap();
    let (mut draw, mut text) = (Draw(3), String::from("x,y,class\n"));
    for i in 0..180 {
        let (angle, ring) = (std::f64::consts::TAU * draw.next(), i % 3);
        let radius = 0.3 + 0.7 * f64::from(ring) + 0.06 * draw.normal();
        let (x, y) = (radius * angle.cos(), radius * angle.sin());
        writeln!(
            text,
            "{:.1},{y:.4},{}",
            5_000.0 + 1_000.0 * x,
            ["in", "mid", "out"][ring as usize]
        )
        .unwrap();
    }
    learns(folder.path(), &text);
}

/// What is stated is taken as it is, and a table with many rows as it was.
#[test]
fn what_is_stated_stays() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let rows: String = (0..60).map(|i| format!("{},{}\n", i * 7 % 13, ["a", "b"][i % 2])).collect();
    fs::write(f.join("t.csv"), format!("x,class\n{rows}")).unwrap();
    let config = |options: &str| {
        let args = format!("train linear --data t.csv --out run --no-tensorboard {options}");
        ok(f, &args.split_whitespace().collect::<Vec<_>>());
        let text = fs::read_to_string(f.join("run/config.toml")).unwrap();
        fs::remove_dir_all(f.join("run")).unwrap();
        let entry = |key: &str| {
            let line = text.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
            line.split(" = ").nth(1).unwrap().parse::<u64>().unwrap()
        };
        (entry("epochs"), entry("batch"))
    };
    assert_eq!(config("--epochs 3"), (3, 8));
    assert_eq!(config("--epochs 2 --batch 32"), (2, 32));
    assert_eq!(config("--limit-batches 1"), (15, 32));
    assert_eq!(config("--fast-dev-run"), (1, 32));
    fs::write(f.join("mine.toml"), "model = \"linear\"\ndata = \"t.csv\"\n").unwrap();
    ok(f, &["train", "mine.toml", "--out", "mine"]);
    let recipe = fs::read_to_string(f.join("mine/config.toml")).unwrap();
    assert!(recipe.contains("epochs = 15\n") && recipe.contains("batch = 32\n"), "{recipe}");
}
