//! Runs whose model is of no use: it is always said, with what to change.

use super::{ok, ran, train_a_little};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// `price` follows from `area`.
fn write_houses(path: &Path) {
    let row = |i: u64| {
        let area = 40 + i * 31 % 97;
        format!("{area},{},{}\n", i * 7 % 5, 1_000 * area + 300 * (i % 3))
    };
    let rows: String = (0..200).map(row).collect();
    fs::write(path, format!("area,rooms,price\n{rows}")).unwrap();
}

#[test]
fn a_rate_far_too_high_is_remarked_on() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_houses(&f.join("houses.csv"));
    for (at, rate) in ["1e9", "1e6"].into_iter().enumerate() {
        let more = ["--lr", rate, "--epochs", "6", "--json"];
        let train = ["train", "mlp", "--data", "houses.csv", "--target", "price"];
        let ended = ok(f, &[&train[..], &more].concat());
        let config = format!("gradus train runs/mlp-{}/config.toml --lr 0.003", at + 1);
        for part in ["remark         ", &format!("remedy         {config}   (a lower rate")] {
            assert!(ended.out.contains(part), "{part:?} is not in {}", ended.out);
        }
        assert!(!ended.out.contains("next  "), "{}", ended.out);
        assert!(ended.json()["remedy"].as_str().unwrap().starts_with(&config));
    }
    // One that lets the loss rise, looked into or not.
    let rising = "train mlp --data houses.csv --target price --optimizer sgd --momentum 0 --lr 0.2 \
                  --batch 32 --schedule constant --warm-up 50 --epochs 2 --no-diagnosis --out rising";
    let rising = ok(f, &rising.split_whitespace().collect::<Vec<_>>());
    for part in ["remark         the loss rose from 10.", "config.toml --lr 0.02   (a lower rate"] {
        assert!(rising.out.contains(part), "{part:?} is not in {}", rising.out);
    }
    // Too low a rate, and one that is right.
    let train = |rate: &str| {
        let train = "train mlp --data houses.csv --target price --epochs 40 --lr";
        ok(f, &train.split(' ').chain([rate]).collect::<Vec<_>>())
    };
    let low = train("1e-12");
    assert!(low.out.contains("--lr 0.003   (a higher rate, the usual one)"), "{}", low.out);
    let right = train("0.01");
    assert!(!right.out.contains("remark  ") && right.out.contains("next  "), "{}", right.out);
}

#[test]
fn a_run_without_checkpoints_is_not_overwritten() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    train_a_little(f, "mlp", "run");
    let best = fs::read(f.join("run/best.safetensors")).unwrap();
    let checkpoints = f.join("run/checkpoints");
    for entry in fs::read_dir(&checkpoints).unwrap() {
        fs::write(entry.unwrap().path(), "damaged").unwrap();
    }
    let anew = "  gradus train run/config.toml\n";
    let from =
        "from the model of epoch 2, which is kept:\n  gradus train run/config.toml --from run";
    let damaged = ran(f, &["train", "--resume", "run"]);
    damaged.fails(1, &["no checkpoint can be read; begin a new run:\n", anew, from]);
    fs::remove_dir_all(&checkpoints).unwrap();
    fs::create_dir(&checkpoints).unwrap();
    let empty = ran(f, &["train", "--resume", "run"]);
    empty.fails(1, &["run/checkpoints: found no checkpoint, but a trained model", anew, from]);
    assert_eq!(fs::read(f.join("run/best.safetensors")).unwrap(), best);
    let longer = ran(f, &["train", "--resume", "run", "--epochs", "20"]);
    longer.fails(1, &["run/checkpoints: found no checkpoint, but a trained model", anew, from]);
}

#[test]
fn zeros_and_ones_are_perhaps_yes_and_no() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let rows: String = (0..100).map(|i| format!("{},{},{}\n", i % 9, i % 2, i % 5)).collect();
    fs::write(f.join("t.csv"), format!("x,rain,wind\n{rows}")).unwrap();
    let train = |more: &str| {
        let args = format!("train mlp --data t.csv --epochs 1 {more}");
        ran(f, &args.split_whitespace().collect::<Vec<_>>())
    };
    let remark = "remark: t.csv: rain holds only 0 and 1, learned here as numbers; --loss bce learns a yes or no: --target rain --loss bce";
    let numbers = train("--target rain,wind");
    assert!(numbers.err.contains(remark), "{}", numbers.err);
    for fitting in ["--target rain --loss bce", "--target wind"] {
        let fine = train(fitting);
        assert_eq!(fine.code, 0, "{}", fine.err);
        assert!(!fine.err.contains("holds only"), "{}", fine.err);
    }
    train("--target rain --loss hinge")
        .fails(1, &["found \"0\", expected 1 or -1; --loss bce takes 1 and 0"]);
}

#[test]
fn many_targets_are_not_all_drawn() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let names: Vec<String> = (0..11).map(|k| format!("t{k}")).collect();
    let row = |i: usize| (0..12).map(|k| (i * (k + 3) % 13).to_string()).collect::<Vec<_>>();
    let rows: String = (0..60).map(|i| row(i).join(",") + "\n").collect();
    fs::write(f.join("t.csv"), format!("x,{}\n{rows}", names.join(","))).unwrap();
    let targets = names.join(",");
    let train = ["train", "mlp", "--data", "t.csv", "--target", &targets, "--out", "run"];
    let trained = ok(f, &[&train[..], &["--epochs", "1"]].concat());
    let plot = "plot           run/predicted.png   (2 more targets are not drawn)\n";
    assert!(trained.out.contains(plot), "{}", trained.out);
    let tested = ok(f, &["eval", "run", "--plot", "again.png"]);
    assert!(tested.out.contains("again.png   (2 more targets are not drawn)"), "{}", tested.out);
}
