//! What each command gives when all is well.

use super::{Ran, gradus, ok, ran, train_a_little};
use gradus::data::{Dataset, mnist_5k};
use std::path::Path;
use tempfile::tempdir;

#[test]
fn train_writes_a_run_and_its_model_can_be_used() {
    let folder = tempdir().unwrap();
    let trained = train_a_little(folder.path(), "mlp", "run");
    let json = trained.json();
    assert_eq!((json["model"].as_str(), json["data"].as_str()), (Some("mlp"), Some("mnist-5k")));
    assert_eq!((json["params"].as_u64(), json["epochs"].as_u64()), (Some(101_770), Some(2)));
    assert_eq!((json["steps"].as_u64(), json["run"].as_str()), (Some(10), Some("run")));
    for key in ["test_accuracy", "test_loss", "seconds", "samples_per_second"] {
        assert!(json[key].as_f64().is_some_and(|v| v > 0.0), "{key} in {json}");
    }
    assert!(trained.out.contains("<- predicted") && trained.out.contains("gradus predict run"));
    assert!(trained.err.contains("epoch 2/2  loss "), "{}", trained.err);
    let run = folder.path().join("run");
    for file in ["config.toml", "log.jsonl", "log.csv", "checkpoints", "best.safetensors"] {
        assert!(run.join(file).exists(), "{file}");
    }
    evaluate(folder.path(), json["test_accuracy"].as_f64().unwrap());
    predict(folder.path());
    export(folder.path());
}

fn evaluate(folder: &Path, accuracy: f64) {
    for model in ["run", "run/best.safetensors"] {
        let json = ok(folder, &["eval", model, "--json"]).json();
        assert_eq!(json["test_accuracy"].as_f64(), Some(accuracy));
        assert_eq!(json["samples"].as_u64(), Some(1_000));
    }
}

/// A dark digit on light ground is inverted, which is said, and is then the same as a light one on dark ground.
fn predict(folder: &Path) {
    let digits = mnist_5k().unwrap();
    assert_eq!(digits.label(0), 0);
    let light = digits.image(0).to_vec();
    let dark: Vec<u8> = light.iter().map(|p| 255 - p).collect();
    for (name, pixels) in [("light.png", light), ("dark.png", dark)] {
        image::GrayImage::from_raw(28, 28, pixels).unwrap().save(folder.join(name)).unwrap();
    }
    let seen = ok(folder, &["predict", "run", "light.png", "dark.png", "--json"]);
    assert_eq!(seen.err.trim_end().lines().count(), 1);
    assert!(seen.err.starts_with("dark.png: its corners are light: inverted"), "{}", seen.err);
    assert!(seen.out.contains("light.png: ") && seen.out.contains(" %  █"), "{}", seen.out);
    let json = seen.json();
    let [a, b] = [0, 1].map(|i| json["predictions"][i]["probabilities"].clone());
    assert_eq!(a, b);
    let sum: f64 = a.as_object().unwrap().values().filter_map(|p| p.as_f64()).sum();
    assert!((sum - 1.0).abs() < 1e-9);
}

fn export(folder: &Path) {
    let args = ["export", "run", "--format", "safetensors", "--out", "out.safetensors", "--json"];
    assert_eq!(ok(folder, &args).json()["file"], "out.safetensors");
    let file = gradus::io::safetensors::read(&folder.join("out.safetensors")).unwrap();
    let mut names: Vec<&str> = file.arrays.iter().map(|a| &*a.name).collect();
    names.sort_unstable();
    assert_eq!(names, ["dense1.bias", "dense1.weight", "dense2.bias", "dense2.weight"]);
    ran(folder, &["export", "run", "--format", "onxn"]).fails(2, &["unknown format \"onxn\""]);
    let itself = ["export", "run", "--format", "safetensors", "--out", "run/best.safetensors"];
    ran(folder, &itself).fails(2, &["this is the model itself"]);
    export_onnx(folder, &file.arrays);
}

/// The weights are the run's, the properties say what goes in and what comes out.
fn export_onnx(folder: &Path, weights: &[gradus::io::NamedArray]) {
    let args = ["export", "run", "--out", "out.onnx", "--json"];
    assert_eq!(ok(folder, &args).json()["format"], "onnx");
    let model = gradus::io::onnx::read_model(&folder.join("out.onnx")).unwrap();
    let written = |w: &gradus::io::NamedArray| model.graph.initializers.contains(w);
    assert!(weights.iter().all(written));
    let property = |name: &str| &model.properties.iter().find(|(n, _)| n == name).unwrap().1;
    assert_eq!(property("architecture"), "mlp");
    assert!(property("classes").starts_with("[\"0\",\"1\",\"2\""));
    assert!(property("mean").starts_with("[0."));
    assert!(ok(folder, &["run", "out.onnx"]).out.contains("float [batch, 1, 28, 28]"));
    ok(folder, &["export", "run", "--out", "two.onnx", "--batch", "2"]);
    assert!(ok(folder, &["run", "two.onnx"]).out.contains("float [2, 1, 28, 28]"));
    ran(folder, &["export", "run", "--out", "none/out.onnx"]).fails(1, &["none/out.onnx: cannot"]);
    ran(folder, &["export", "run", "--out", "out.txt"]).fails(2, &["unknown format \"txt\""]);
    ran(folder, &["export", "run"]).fails(2, &["give --format, or --out with an ending: onnx"]);
    let batch = ["export", "run", "--format", "npz", "--batch", "2"];
    ran(folder, &batch).fails(2, &["--batch is for onnx"]);
}

#[test]
fn recipes_and_switches() {
    let folder = tempdir().unwrap();
    let recipe = "model = \"linear\"\nepochs = 1\nbatch = 100\n\n[optimizer]\nname = \"sgd\"\nmomentum = 0.5\n";
    std::fs::write(folder.path().join("r.toml"), recipe).unwrap();
    let args = ["train", "r.toml", "--validation-split", "--limit-batches", "3", "--json"];
    let json = ok(folder.path(), &args).json();
    assert_eq!((json["run"].as_str(), json["batch"].as_u64()), (Some("runs/r-1"), Some(100)));
    let config = std::fs::read_to_string(folder.path().join("runs/r-1/config.toml")).unwrap();
    assert!(
        config.contains("momentum = 0.5") && config.contains("learning_rate = 0.05"),
        "{config}"
    );
    let log = std::fs::read_to_string(folder.path().join("runs/r-1/log.csv")).unwrap();
    assert!(log.starts_with("epoch,step,loss,accuracy,val_loss,val_accuracy,"), "{log}");
    // A run's settings are a recipe.
    let again = ["train", "runs/r-1/config.toml", "--json"];
    let again = ok(folder.path(), &again).json();
    assert_eq!(again["test_loss"], json["test_loss"]);
    // A mistake-free network learns one batch by heart.
    let args = ["train", "mlp", "--overfit-one-batch", "--batch", "16", "--epochs", "3"];
    let learned = ok(folder.path(), &args);
    assert!(
        learned.err.contains("epoch 3/3") && learned.err.contains("accuracy 1.0000"),
        "{}",
        learned.err
    );
    assert!(learned.out.contains("runs/mlp-1"));
}

#[test]
fn summaries_and_lists() {
    let folder = tempdir().unwrap();
    let plan = ok(folder.path(), &["summary", "mlp", "--plan", "--json"]);
    assert!(plan.out.contains("dense1") && plan.out.contains("101,770 parameters"), "{}", plan.out);
    let json = plan.json();
    assert_eq!((json["params"].as_u64(), json["macs"].as_u64()), (Some(101_770), Some(101_632)));
    assert!(json["plan"]["arena_bytes"].as_u64().is_some_and(|b| b > 0));
    let models = ok(folder.path(), &["models", "--json"]).json();
    let models = models["models"].as_array().unwrap();
    assert!(models.iter().any(|m| m["name"] == "mlp" && m["params"] == 101_770));
    let sets = ok(folder.path(), &["data", "list", "--json"]).json();
    assert_eq!(sets["data"][0]["name"], "mnist-5k");
    let set = ok(folder.path(), &["data", "show", "mnist-5k", "--json"]);
    assert_eq!(set.json()["train_counts"][9], 400);
    assert!(set.out.contains("@@"), "there are pictures");
    let devices = ok(folder.path(), &["devices", "--json"]).json();
    assert_eq!(devices["devices"][0]["name"], "cpu");
    assert_eq!(devices["devices"][0]["available"][0], "portable");
    assert!(ok(folder.path(), &["data", "fetch", "mnist-5k"]).out.contains("nothing to download"));
}

#[test]
fn an_instruction_set_is_forced_or_refused() {
    let folder = tempdir().unwrap();
    let on = |isa: &str, args: &[&str]| {
        let mut command = gradus(folder.path(), args);
        Ran::from(command.env("GRADUS_ISA", isa).output().expect("the binary starts"))
    };
    let forced = on("portable", &["devices", "--json"]);
    assert!(forced.out.contains("portable (") && forced.out.contains("forced by GRADUS_ISA"));
    let cpu = &forced.json()["devices"][0];
    assert_eq!((&cpu["instructions"], &cpu["forced"]), (&"portable".into(), &true.into()));
    let free = on("", &["devices", "--json"]).json();
    assert_eq!(free["devices"][0]["forced"], false);
    for command in [&["devices"][..], &["train", "mlp"], &["models"]] {
        let all = on("avx1024", command);
        all.fails(2, &["GRADUS_ISA: \"avx1024\" is no instruction set; known are portable, "]);
        assert!(all.out.is_empty() && !folder.path().join("runs").exists());
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    let folder = tempdir().unwrap();
    let commands =
        ["train", "eval", "predict", "summary", "models", "data", "devices", "export", "kernel"];
    for command in commands {
        let help = ok(folder.path(), &[command, "--help"]).out;
        assert!(help.contains(&format!("  gradus {command}")), "{help}");
    }
}

#[test]
fn recipes() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let listed = ok(f, &["models", "--json"]).json();
    let recipes = listed["recipes"].as_array().unwrap();
    assert!(recipes.iter().any(|r| r["name"] == "vgg-tiny"));
    let vgg = listed["models"].as_array().unwrap().iter().find(|m| m["name"] == "vgg16").unwrap();
    assert_eq!((&vgg["params"], &vgg["macs"]), (&138_357_544.into(), &15_470_264_320u64.into()));
    let quick = ["--data", "mnist-5k", "--epochs", "1", "--limit-batches", "2", "--json"];
    let trained = ok(f, &[&["train", "vgg-tiny"], &quick[..]].concat()).json();
    assert_eq!((&trained["recipe"], &trained["model"]), (&"vgg-tiny".into(), &"vgg13".into()));
    assert_eq!((&trained["run"], &trained["params"]), (&"runs/vgg-tiny-1".into(), &448_386.into()));
    // The run knows how wide its network is.
    let summary = ok(f, &["summary", "runs/vgg-tiny-1", "--json"]).json();
    assert_eq!(summary["params"], 448_386);
    let config = std::fs::read_to_string(f.join("runs/vgg-tiny-1/config.toml")).unwrap();
    assert!(
        config.contains("[[augment]]\nkind = \"shift\"\npadding = 1\n")
            && config.contains("width = 0.125"),
        "{config}"
    );
}

#[test]
fn summaries_of_other_sizes() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let count = |args: &[&str]| {
        ok(f, &[&["summary"], args, &["--json"]].concat()).json()["params"].as_u64()
    };
    assert_eq!(count(&["resnet152"]), Some(60_192_808));
    assert_eq!(count(&["lenet", "--input", "1x32x32", "--classes", "3"]), Some(82_231));
    assert!(count(&["resnet20", "--input", "1x28x28", "--width", "0.5"]) < Some(70_000));
    ran(f, &["summary", "vgg16", "--input", "3x224"]).fails(1, &["conv2d"]);
    for width in ["0", "NaN", "65", "1e9"] {
        let refused = ran(f, &["summary", "vgg16", "--width", width]);
        refused.fails(2, &["--width: found", "expected more than 0 and at most 64"]);
        let refused = ran(f, &["train", "resnet20", "--width", width]);
        refused.fails(2, &["width: found", "expected more than 0 and at most 64"]);
    }
    for model in ["lenet", "mlp", "linear"] {
        for command in ["summary", "train"] {
            let refused = ran(f, &[command, model, "--width", "2"]);
            refused.fails(2, &[&format!("width: found 2, expected 1, the only one of {model:?}")]);
        }
    }
}
