//! Options of `train`: what they do is seen in the run's files, its last line and its remarks.

use super::{Ran, ok, ran};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// Trains with more options; the run is `run` in the folder.
#[track_caller]
fn train(folder: &Path, model: &str, run: &str, options: &str) -> Ran {
    let fixed = ["train", model, "--json", "--out", run];
    let args: Vec<&str> = fixed.into_iter().chain(options.split_whitespace()).collect();
    ok(folder, &args)
}

fn array(folder: &Path, run: &str, name: &str) -> Vec<u8> {
    let file = folder.join(run).join("best.safetensors");
    let arrays = gradus::io::safetensors::read(&file).unwrap().arrays;
    arrays.into_iter().find(|a| a.name == name).unwrap().data
}

#[test]
fn options_are_kept_and_heeded() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let options = "--epochs 2 --batch 100 --limit-batches 6 --accumulate 2 --clip-norm 1 --weight-decay 0.001 --ema 0.5 --warm-up 1 \
                   --schedule cosine --l1 0.0001 --balance-classes --recompute --checkpoint-steps 2 --csv epochs.csv --validation 0.1";
    let trained = train(f, "mlp", "run", options);
    // Two batches make a step.
    assert_eq!(trained.json()["steps"], 6);
    let config = fs::read_to_string(f.join("run/config.toml")).unwrap();
    for entry in [
        "accumulate = 2",
        "clip_norm = 1.0",
        "weight_decay = 0.001",
        "ema = 0.5",
        "warm_up = 1",
        "name = \"cosine\"",
        "l1 = 0.0001",
        "class_weights = \"balanced\"",
        "recompute = true",
        "checkpoint_steps = 2",
    ] {
        assert!(config.contains(entry), "{entry} in {config}");
    }
    let table = fs::read_to_string(f.join("epochs.csv")).unwrap();
    assert_eq!(table, fs::read_to_string(f.join("run/log.csv")).unwrap());
    assert_eq!(table.lines().count(), 3);
    assert!(trained.err.contains("validation loss") && !trained.err.contains("remark"));
    // Averages lag behind the weights, and they are what is kept.
    train(f, "mlp", "last", &options.replace("--ema 0.5", "--ema 0"));
    train(f, "mlp", "plain", &options.replace("--ema 0.5", ""));
    assert_eq!(array(f, "last", "dense1.weight"), array(f, "plain", "dense1.weight"));
    assert_ne!(array(f, "run", "dense1.weight"), array(f, "plain", "dense1.weight"));
}

#[test]
fn tensorboard_gets_every_number() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    train(f, "mlp", "run", "--epochs 2 --limit-batches 10");
    let events: Vec<_> = fs::read_dir(f.join("run"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.to_string_lossy().contains("events.out.tfevents"))
        .collect();
    let read = gradus::io::tfevents::read(&events[0]).unwrap();
    let tags: Vec<String> = read
        .events
        .iter()
        .filter_map(|event| match &event.what {
            gradus::io::tfevents::What::Summary(values) => Some(values),
            _ => None,
        })
        .flat_map(|values| values.iter().map(|v| v.tag.clone()))
        .collect();
    for tag in ["loss", "accuracy", "weights/dense1.weight", "gradients/dense2.bias", "inputs"] {
        assert_eq!(tags.iter().filter(|t| *t == tag).count(), 2, "{tag} of {tags:?}");
    }
    train(f, "mlp", "bare", "--epochs 1 --limit-batches 2 --no-tensorboard --no-diagnosis");
    let names = fs::read_dir(f.join("bare")).unwrap().map(|e| e.unwrap().file_name());
    assert!(!names.into_iter().any(|n| n.to_string_lossy().contains("tfevents")));
}

#[test]
fn early_stopping_ends_a_run_for_good() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    // At such a rate the loss jumps up and down.
    let options = "--epochs 30 --batch 100 --limit-batches 10 --early-stopping 1 --validation 0.1 --lr 0.5 --schedule constant --no-diagnosis";
    let trained = train(f, "linear", "run", options);
    let json = trained.json();
    let (epochs, chosen) = (json["epochs"].as_u64().unwrap(), json["epoch"].as_u64().unwrap());
    assert!(epochs < 30 && chosen <= epochs, "{json}");
    assert!(trained.out.contains("ended early    val_loss did not improve on "), "{}", trained.out);
    assert!(json["stopped"].as_str().unwrap().starts_with("val_loss"));
    let again = ok(f, &["train", "--resume", "run", "--json"]);
    assert_eq!(again.out, trained.out);
}

#[test]
fn what_ails_a_run_is_said() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let slow = "--epochs 2 --batch 32 --optimizer sgd --lr 1e-7 --schedule constant";
    let trained = train(f, "mlp", "slow", slow);
    let json = trained.json();
    assert_eq!(json["remarks"][0]["ailment"], "rate-too-low", "{json}");
    // And that it learned nothing.
    assert_eq!(json["remarks"][1]["about"], "result", "{json}");
    assert_eq!(
        (json["remarks"].as_array().unwrap().len(), &json["remarks"][0]["epoch"]),
        (2, &1.into())
    );
    assert!(trained.err.contains("remark: the loss is flat"), "{}", trained.err);
    assert!(trained.out.contains("diagnosis      the loss is flat"), "{}", trained.out);
    // A healthy run is not remarked on.
    let healthy = train(f, "mlp", "healthy", "--epochs 3 --batch 100");
    assert_eq!(healthy.json()["remarks"].as_array().unwrap().len(), 0);
    let log = gradus::io::log::read_json_lines(&f.join("healthy/log.jsonl")).unwrap().records;
    let inside: Vec<_> = log.iter().filter(|record| record["kind"] == "layers").collect();
    assert_eq!(inside.len(), 3);
    let weight = &inside[2]["weights"][0];
    assert_eq!(weight["path"], "dense1.weight");
    assert!(
        weight["gradient"].as_f64().unwrap() > 0.0
            && weight["update_ratio"].as_f64().unwrap() > 0.0
    );
    assert_eq!(inside[2]["rectified"][0]["units"], 128);
    assert!(!healthy.err.contains("remark") && !healthy.out.contains("diagnosis"));
    let wild =
        ran(f, &["train", "mlp", "--optimizer", "sgd", "--lr", "1e6", "--schedule", "constant"]);
    wild.fails(1, &["error: the loss is NaN at step 5 ", "at a lower rate:"]);
}

#[test]
fn frozen_layers_stay() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    for (run, freeze) in [("short", "--freeze conv1,conv2.bias"), ("none", "")] {
        train(f, "lenet", run, &format!("--epochs 1 --limit-batches 1 {freeze}"));
    }
    train(f, "lenet", "long", "--epochs 1 --limit-batches 3 --freeze conv1,conv2.bias");
    for name in ["conv1.weight", "conv1.bias", "conv2.bias"] {
        assert_eq!(array(f, "short", name), array(f, "long", name), "{name}");
        assert_ne!(array(f, "short", name), array(f, "none", name), "{name}");
    }
    assert_ne!(array(f, "short", "conv2.weight"), array(f, "long", "conv2.weight"));
}

#[test]
fn trial_runs() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let tried = ok(f, &["train", "lenet", "--fast-dev-run", "--validation", "--json"]);
    assert_eq!((&tried.json()["steps"], &tried.json()["epochs"]), (&1.into(), &1.into()));
    assert!(tried.out.contains("(250 images of mnist-5k"), "{}", tried.out);
    fs::remove_dir_all(f.join("runs")).unwrap();
    let swept = ok(f, &["train", "mlp", "--find-lr", "--optimizer", "sgd", "--json"]);
    for part in ["at rates from 0.000001 to 10\n", "stopped after step ", " of 140, at rate "] {
        assert!(swept.err.contains(part), "{part:?} is not in {}", swept.err);
    }
    let rate = swept.json()["suggestion"].as_f64().unwrap();
    assert!((1e-5..1.0).contains(&rate), "{}", swept.out);
    assert!(swept.out.contains(&format!("gradus train mlp --optimizer sgd --lr {rate}\n")));
    assert!(!f.join("runs").exists(), "a sweep keeps nothing");
}

#[test]
fn options_that_cannot_work() {
    let folder = tempdir().unwrap();
    let refused = |options: &str, parts: &[&str]| {
        let args: Vec<&str> =
            ["train", "lenet"].into_iter().chain(options.split_whitespace()).collect();
        ran(folder.path(), &args).fails(2, parts);
    };
    refused(
        "--early-stopping 3",
        &["early-stopping: there is no validation data", "--validation 0.1"],
    );
    refused("--validation 0.00001", &["validation: 0.00001 of 4000 samples leaves one part empty"]);
    refused("--freeze conv3", &["unknown layer \"conv3\"; did you mean \"conv"]);
    refused("--freeze conv1,conv2,dense1,dense2,dense3", &["nothing is left to train"]);
    refused("--momentum 0.9", &["momentum: found adam, expected sgd or rmsprop with it"]);
    refused("--nesterov", &["nesterov: found adam, expected sgd"]);
    refused("--accumulate 0", &["accumulate: found 0, expected at least 1"]);
    refused("--ema 1.5", &["ema: found 1.5"]);
    refused("--clip-norm 1 --clip-value 1", &["--clip-norm", "--clip-value"]);
    refused("--fast-dev-run --epochs 3", &["--fast-dev-run", "--epochs"]);
    ran(folder.path(), &["train", "--resume", "x", "--ema", "0.9"])
        .fails(2, &["--resume", "--ema"]);
    assert!(!folder.path().join("runs").exists(), "nothing was begun");
}

#[test]
fn a_training_step_is_drawn() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let drawn = ok(f, &["summary", "lenet", "--graph", "loss.svg", "--json"]);
    assert_eq!(drawn.json()["graph"], "loss.svg");
    let picture = fs::read_to_string(f.join("loss.svg")).unwrap();
    for part in [">x</text>", ">t</text>", ">conv2d</text>", ">matmul</text>", "conv2 ("] {
        assert!(picture.contains(part), "{part}");
    }
    ok(f, &["summary", "linear", "--graph", "step.dot", "--graph-of", "step"]);
    let dot = fs::read_to_string(f.join("step.dot")).unwrap();
    assert!(dot.starts_with("digraph") && dot.contains("rate"), "{dot}");
    ran(f, &["summary", "mlp", "--graph", "x.png"])
        .fails(2, &["--graph: found x.png, expected a file that ends in .svg or .dot"]);
}
