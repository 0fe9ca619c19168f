//! What programs of others say about Gradus: ONNX's own tests, ONNX Runtime on exported networks and on others' models, TensorBoard and NumPy on written files,
//! real weights on real photographs, networks of Keras. Needs Python and a network; everything is fetched below `target/outside`, at fixed versions.

use crate::{Outcome, cargo, succeed};
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGES: [&str; 5] =
    ["numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0", "tensorboard==2.21.0", "setuptools<81"];

/// A check by its name.
type Check = (&'static str, fn(&Place) -> Outcome);

const CHECKS: [Check; 6] = [
    ("onnx-tests", onnx_tests),
    ("onnx-export", onnx_export),
    ("onnx-models", onnx_models),
    ("files", files),
    ("weights", weights),
    ("keras", keras),
];

/// What only the check of Keras needs.
const KERAS: [&str; 3] = ["keras==3.15.1", "jax==0.10.2", "h5py==3.16.0"];

/// What only the check of others' models needs.
const MODELS: [&str; 4] =
    ["torch==2.15.0", "torchvision==0.29.2", "timm==1.0.31", "onnxscript==0.7.2"];

/// Where everything lies.
struct Place {
    root: PathBuf,
    folder: PathBuf,
    python: PathBuf,
}

/// Runs `cargo xtask outside [CHECK...]`; all, unless some are named. Each is run, whatever became of those before.
pub fn run(root: &Path, names: &[String]) -> Outcome {
    let known = CHECKS.map(|(name, _)| name);
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("unknown check {name:?}; there are {}", known.join(", ")));
    }
    let folder = root.join("target/outside");
    let python = folder.join("venv/bin/python");
    if !python.exists() {
        succeed(Command::new("python3").args(["-m", "venv"]).arg(folder.join("venv")))?;
    }
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    succeed(Command::new(&python).args(install).args(PACKAGES))?;
    let place = Place { root: root.to_owned(), folder, python };
    let mut failed = vec![];
    for (name, check) in CHECKS {
        if names.is_empty() || names.iter().any(|n| n == name) {
            println!("\n== {name}");
            if let Err(what) = check(&place) {
                eprintln!("error: {what}");
                failed.push(name);
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

/// The ONNX package's tests of operators and its light models, run by Gradus.
fn onnx_tests(place: &Place) -> Outcome {
    let tests = place.folder.join("onnx-tests");
    let script = place.root.join("crates/gradus-onnx/tests/make_node_tests.py");
    if !tests.exists() {
        succeed(Command::new(&place.python).arg(script).arg(&tests))?;
    }
    let mut command = cargo(&place.root);
    command.args(["run", "--quiet", "--release", "--package", "gradus-onnx"]);
    succeed(command.args(["--example", "node_tests", "--"]).arg(tests))
}

/// The zoo's networks, exported, in ONNX Runtime.
fn onnx_export(place: &Place) -> Outcome {
    let script = place.root.join("crates/gradus-onnx/tests/check_zoo.py");
    succeed(Command::new(&place.python).arg(script))
}

/// Networks of torchvision and timm, exported by PyTorch, in ONNX Runtime and in Gradus.
fn onnx_models(place: &Place) -> Outcome {
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    succeed(Command::new(&place.python).args(install).args(MODELS))?;
    succeed(cargo(&place.root).args(["build", "--quiet", "--release", "--package", "gradus-cli"]))?;
    let script = place.root.join("crates/gradus-onnx/tests/check_models.py");
    let mut command = Command::new(&place.python);
    command.arg(script).arg(place.folder.join("models"));
    succeed(command.arg(place.root.join("target/release/gradus")))
}

/// Files that Gradus wrote, read by TensorBoard and NumPy.
fn files(place: &Place) -> Outcome {
    let mut command = cargo(&place.root);
    command.args(["test", "--quiet", "--release", "--package", "gradus-io", "--test", "it"]);
    succeed(command.args(["--", "tensorboard", "numpy"]).env("GRADUS_PYTHON", &place.python))
}

/// SqueezeNet, MobileNetV2 and an edge detector with weights that others trained, on photographs.
fn weights(place: &Place) -> Outcome {
    let folder = place.folder.join("weights");
    succeed(Command::new(place.root.join("scripts/fetch_weights.sh")).arg(&folder))?;
    let mut command = cargo(&place.root);
    command.args(["test", "--quiet", "--release", "--package", "gradus-models", "--test", "real"]);
    succeed(command.args(["--", "--nocapture"]).env("GRADUS_REAL_WEIGHTS", &folder))
}

/// Keras's MobileNetV2 at all widths and its ResNet-50, with random weights, in each of its formats.
fn keras(place: &Place) -> Outcome {
    let folder = place.folder.join("keras");
    if !folder.join("cases.txt").exists() {
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        succeed(Command::new(&place.python).args(install).args(KERAS))?;
        let script = place.root.join("crates/gradus-models/tests/real/keras_networks.py");
        let mut command = Command::new(&place.python);
        succeed(command.arg(script).arg(&folder).env("KERAS_BACKEND", "jax"))?;
    }
    let mut command = cargo(&place.root);
    command.args(["test", "--quiet", "--release", "--package", "gradus-models", "--test", "real"]);
    succeed(command.args(["--", "--nocapture", "keras"]).env("GRADUS_KERAS", &folder))
}
