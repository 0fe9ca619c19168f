//! Options that would be ignored are refused; errors say what helps, and it helps.

use super::{gradus, ok, ran};
use serde_json::Value;
use std::fs;

#[test]
fn options_that_nobody_would_look_at_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let train = |more: &[&str]| ran(f, &[&["train", "mlp"], more].concat());
    train(&["--drop-every", "3"])
        .fails(2, &["drop-every: found --schedule one-cycle, expected step, cosine-restarts"]);
    train(&["--schedule", "step", "--milestones", "3"]).fails(2, &["milestones: found --schedule"]);
    train(&["--schedule", "milestones"]).fails(2, &["milestones: found none, expected the epochs"]);
    train(&["--find-lr", "--lr", "0.1"]).fails(2, &["--find-lr", "--lr"]);
    train(&["--augment", "none,flip"]).fails(2, &["expected none alone, or others without none"]);
    train(&["--lr", "-1"]).fails(2, &["learning rate: found -1, expected a positive number"]);
    train(&["--augment", "resize(30000)"]).fails(2, &["in whole pixels from 1 to 16384"]);
    let drops = ["--schedule", "milestones", "--milestones", "1,2", "--drop-factor", "0.5"];
    let few = ["--epochs", "3", "--limit-batches", "2", "--out", "dropping"];
    ok(f, &[&["train", "mlp"][..], &drops, &few].concat());
    let config = fs::read_to_string(f.join("dropping/config.toml")).unwrap();
    assert!(config.contains("milestones = [1, 2]"), "{config}");
    ran(f, &["kernel", "x.png", "--kernel", "blur", "--out", "y.jpg"])
        .fails(2, &["--out: found a file that ends in .jpg, expected .png"]);
    ran(f, &["export", "dropping", "--format", "onnx", "--out", "w.npz"])
        .fails(2, &["--out: found a file that ends in .npz, expected .onnx"]);
    let input = ["--input", "a.npy", "--input", "a.npy"];
    ok(f, &["export", "dropping", "--out", "w.onnx"]);
    let one = gradus::io::NamedArray::from_f32("x", [1, 1, 28, 28], &[0.0; 784]).unwrap();
    gradus::io::numpy::save_npy(&f.join("a.npy"), &one).unwrap();
    ran(f, &[&["run", "w.onnx"][..], &input].concat()).fails(2, &["input is given twice"]);
}

#[test]
fn a_file_that_is_no_model_is_called_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    image::GrayImage::new(28, 28).save(f.join("digit.png")).unwrap();
    fs::write(f.join("notes.txt"), "no model, only words").unwrap();
    let refused = |name: &str, what: &str| {
        ran(f, &["predict", name, "digit.png"])
            .fails(1, &[&format!("{name}: found {what}, expected a safetensors file")]);
    };
    refused("digit.png", "a PNG image");
    refused("notes.txt", "a text file");
    let few = ["train", "mlp", "--epochs", "1", "--limit-batches", "1", "--out", "run"];
    ok(f, &few);
    ok(f, &["export", "run", "--out", "mlp.onnx"]);
    let parts = [
        "mlp.onnx: found an ONNX model, expected a run or a model's file; gradus run mlp.onnx runs",
        "gradus import mlp.onnx --model mlp --out model.safetensors",
    ];
    ran(f, &["predict", "mlp.onnx", "digit.png"]).fails(1, &parts);
}

#[test]
fn a_recipe_has_a_summary_of_its_own_network() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let small = ok(f, &["summary", "all-cnn-c-quarter", "--json"]).json();
    assert_eq!((&small["params"], &small["input"]), (&86_266.into(), &vec![1, 28, 28].into()));
    fs::write(f.join("own.toml"), "model = \"lenet\"\ndata = \"cifar-10\"\n").unwrap();
    let own = ok(f, &["summary", "own.toml", "--json"]).json();
    assert_eq!((&own["model"], &own["input"]), (&"lenet".into(), &vec![3, 32, 32].into()));
    ran(f, &["summary", "vgg-tny"]).fails(2, &["vgg-tiny"]);
}

#[test]
fn pictures_too_small_for_a_network_can_be_enlarged() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let train = |more: &[&str]| {
        let small = ["train", "alexnet", "--batch", "2", "--width", "0.0625", "--fast-dev-run"];
        ran(f, &[&small[..], more].concat())
    };
    let remedy = "alexnet is for pictures of 227×227, those of mnist-5k are 28×28: --augment \"resize(227)\" enlarges them";
    train(&[]).fails(1, &["the window does not fit", remedy]);
    let enlarged = train(&["--augment", "resize(227)"]);
    assert_eq!(enlarged.code, 0, "{}", enlarged.err);
    // Where it would not help, nothing of the kind is said.
    let narrow = ran(f, &["train", "alexnet", "--width", "0.05"]);
    narrow.fails(1, &["5 channels and 13 filters do not divide into 2 groups"]);
    assert!(!narrow.err.contains("enlarges"), "{}", narrow.err);
}

#[test]
fn a_failure_has_its_json_line_too() {
    let folder = tempfile::tempdir().unwrap();
    let failed = ran(folder.path(), &["train", "lent", "--json"]);
    failed.fails(2, &["did you mean"]);
    let record: Value = failed.json();
    assert_eq!(record["exit_code"], 2);
    assert!(record["error"].as_str().unwrap().contains("lenet"));
}

/// The commands that an error suggests, one a line after two spaces.
fn suggested(error: &str) -> Vec<Vec<&str>> {
    let lines = error.lines().filter_map(|line| line.strip_prefix("  gradus "));
    lines.map(|line| line.split(' ').collect()).collect()
}

#[test]
fn a_run_that_diverges_is_begun_anew_at_a_lower_rate() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let high = ["train", "lenet", "--lr", "1e30", "--limit-batches", "40", "--epochs", "2"];
    let ended = ran(f, &high);
    ended.fails(1, &["the loss is NaN at step 2 (epoch 1, rate 4.4e28): the first op", "conv2d"]);
    assert!(!ended.err.contains("remark"), "{}", ended.err);
    let [lower, sweep] = &suggested(&ended.err)[..] else { panic!("{}", ended.err) };
    assert_eq!(lower.join(" "), "train runs/lenet-1/config.toml --lr 0.005");
    // Wherever the run is met again, the same is said; going on with it ends the same way.
    let eval = ran(f, &["eval", "runs/lenet-1"]);
    eval.fails(1, &["runs/lenet-1: no best.safetensors: its loss became NaN in the first epoch"]);
    let resumed = ran(f, &["train", "--resume", "runs/lenet-1"]);
    resumed.fails(1, &["the loss is NaN at step 2 "]);
    for met in [&eval, &resumed] {
        assert_eq!(suggested(&met.err), suggested(&ended.err));
    }
    let better = ok(f, &[&lower[..], &["--json"]].concat()).json();
    assert!(better["test_accuracy"].as_f64().unwrap() > 0.7, "{better}");
    let swept = ok(f, sweep);
    let next = swept.out.lines().last().unwrap();
    assert!(next.starts_with("next           gradus train runs/lenet-1/config.toml --lr 0.0"));
}

#[test]
fn a_run_that_diverges_late_has_its_earlier_model() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let few =
        ["--epochs", "2", "--limit-batches", "40", "--schedule", "constant", "--out", "a run"];
    ok(f, &[&["train", "mlp"], &few[..]].concat());
    // What nobody can do by editing the settings alone: the checkpoint has a record of them.
    let config = fs::read_to_string(f.join("a run/config.toml")).unwrap();
    let config = config.replace("epochs = 2", "epochs = 3");
    let wild = config.replace("learning_rate = 0.003", "learning_rate = 1e30");
    fs::write(f.join("a run/config.toml"), wild).unwrap();
    ran(f, &["train", "--resume", "a run"])
        .fails(1, &["optimizer.learning_rate: 1e+30 in config.toml, 0.003 in the checkpoint"]);
    for entry in fs::read_dir(f.join("a run/checkpoints")).unwrap() {
        let path = entry.unwrap().path();
        let mut checkpoint = gradus::io::Checkpoint::load(&path).unwrap();
        let mut states: Value = checkpoint.get("callbacks").unwrap();
        states["record"]["settings"]["optimizer"]["learning_rate"] = 1e30.into();
        checkpoint.set("callbacks", &states).unwrap();
        checkpoint.save(&path).unwrap();
    }
    let ended = ran(f, &["train", "--resume", "a run"]);
    ended.fails(
        1,
        &["the loss is NaN at step 82 (epoch 3, ", "or from the model of epoch 2, which is kept:"],
    );
    let pasted = "train 'a run/config.toml' --lr 0.003 --from 'a run'";
    assert!(ended.err.contains(&format!("  gradus {pasted}\n")), "{}", ended.err);
    let better =
        ok(f, &["train", "a run/config.toml", "--lr", "0.003", "--from", "a run", "--json"]);
    assert!(better.json()["test_accuracy"].as_f64().unwrap() > 0.8, "{}", better.out);
    // What is kept can be used.
    ok(f, &["eval", "a run"]);
}

/// Where no rate is to blame none is blamed; where one is, though every loss is a number, it is.
#[test]
fn rates_are_blamed_for_what_they_did() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let few = ["--epochs", "1", "--limit-batches", "2", "--out", "run"];
    ok(f, &[&["train", "linear"], &few[..]].concat());
    let path = f.join("run/best.safetensors");
    let mut model = gradus::io::Checkpoint::load(&path).unwrap();
    model.arrays[0].data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    model.save(&path).unwrap();
    let ended = ran(f, &["train", "linear", "--from", "run", "--out", "next"]);
    let cause = "the parameter dense1.weight is not finite, and no step has changed it yet\n";
    ended.fails(1, &["the loss is NaN at step 1 ", cause]);
    assert!(suggested(&ended.err).is_empty() && !ended.err.contains("remark"), "{}", ended.err);
    let high = ["--lr", "1000", "--limit-batches", "40", "--epochs", "2", "--out", "dead"];
    let dead = ok(f, &[&["train", "lenet"], &high[..]].concat()).out;
    let remedy = "remedy         gradus train dead/config.toml --lr 0.005   (a lower rate: guessing has loss 2.3026)\n";
    assert!(dead.contains(remedy), "{dead}");
}

/// What is suggested can be pasted.
#[cfg(unix)]
#[test]
fn suggested_commands_are_quoted_where_they_must_be() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let few = ["train", "mlp", "--epochs", "1", "--limit-batches", "20", "--out", "it's a run"];
    let out = ok(f, &few).out;
    let next = out.lines().find(|line| line.starts_with("next")).unwrap();
    let eval = next.split_once("(or: gradus eval ").unwrap().1.trim_end_matches(')');
    let program = gradus(f, &[]).get_program().to_owned();
    let pasted = format!("'{}' eval {eval}", program.to_str().unwrap());
    let status = std::process::Command::new("sh").args(["-c", &pasted]).current_dir(f).output();
    assert!(status.unwrap().status.success(), "{pasted}");
}
