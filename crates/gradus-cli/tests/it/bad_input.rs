//! Mistakes of users and defects of files: one clear message each, and the right exit code.

use super::{ok, ran, train_a_little};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

#[test]
fn unknown_names() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    ran(f, &["train", "linnear"])
        .fails(2, &["unknown model \"linnear\"; did you mean \"linear\"? gradus models lists all"]);
    ran(f, &["train", "mlp", "--data", "mnits"]).fails(2, &["\"mnits\"; did you mean \"mnist\"?"]);
    ran(f, &["train", "mlp", "--epoch", "3"]).fails(2, &["--epoch", "--epochs"]);
    ran(f, &["train", "mlp", "--optimizer", "adma"]).fails(2, &["did you mean \"adam\"?"]);
    ran(f, &["train", "mlp", "--device", "cuda:0"])
        .fails(2, &["unknown device \"cuda:0\"; there are: cpu, reference"]);
    ran(f, &["train", "mlp", "--epochs", "0"]).fails(2, &["epochs: found 0, expected at least 1"]);
    ran(f, &["train", "mlp", "--lr", "-1"]).fails(2, &["-1"]);
    ran(f, &["train"]).fails(2, &["RECIPE|MODEL"]);
    ran(f, &["summary", "vgg99"]).fails(2, &["unknown model"]);
    ran(f, &["data", "fetch", "fashion"]).fails(2, &["unknown data set \"fashion\""]);
    assert!(!f.join("runs").exists(), "nothing was begun");
}

#[test]
fn bad_data() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    fs::create_dir(f.join("empty")).unwrap();
    ran(f, &["train", "mlp", "--data", "empty"]).fails(1, &["error: empty: found no data"]);
    fs::write(f.join("bad.csv"), "a,b\n1,2\n3\n").unwrap();
    ran(f, &["train", "mlp", "--data", "bad.csv"]).fails(1, &["bad.csv, line 3"]);
    fs::create_dir(f.join("idx")).unwrap();
    fs::write(f.join("idx/train-images-idx3-ubyte"), [0, 0, 8, 3, 0, 0]).unwrap();
    ran(f, &["train", "mlp", "--data", "idx"]).fails(1, &["idx"]);
    assert!(!f.join("runs").exists(), "nothing was begun");
}

#[test]
fn bad_recipes() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let recipe = |text: &str| {
        fs::write(f.join("r.toml"), text).unwrap();
        ran(f, &["train", "r.toml"])
    };
    recipe("epochs = 3").fails(1, &["r.toml: there is no `model = \"NAME\"`"]);
    recipe("model = \"mpl\"")
        .fails(1, &["r.toml, line 1: unknown model \"mpl\"; did you mean \"mlp\"?"]);
    recipe("model = \"mlp\"\nepoch = 3")
        .fails(1, &["r.toml, line 2: unknown key \"epoch\"; did you mean \"epochs\"?"]);
    recipe("model = \"mlp\"\n[schedule]\nmilestone = [3]").fails(
        1,
        &["r.toml, line 3: unknown key of [schedule] \"milestone\"; did you mean \"milestones\"?"],
    );
    recipe("model = \"mlp\"\naugment = [\"flop\"]")
        .fails(1, &["unknown augmentation \"flop\"; did you mean \"flip\"?"]);
    recipe("model = \"mlp\"\naugment = [\"shift(4\"]").fails(1, &["shift(4", "such as shift(4)"]);
    recipe("model = \"mlp\"\naugment = [\"shift(0.5)\"]").fails(1, &["shift(PIXELS)"]);
    recipe("model = \"mlp\"\naugment = [{ kind = \"affine\", degree = 3 }]")
        .fails(1, &["r.toml, line 2: augment, entry 1: unknown key of affine \"degree\"; did you mean \"degrees\"?"]);
    recipe("model = \"mlp\"\nevaluate = [{ kind = \"ten-crops\", size = 3 }]")
        .fails(1, &["unknown way to show images \"ten-crops\"; did you mean \"ten-crop\"?"]);
    ran(f, &["train", "alexnet-imagenet"]).fails(2, &["imagenet: ", "--data DIR"]);
    ran(f, &["train", "alexnet-imagenet", "--data", "mnist-5k"])
        .fails(1, &["PCA colour: found samples [1, 28, 28], expected RGB images"]);
    ran(f, &["train", "vgg-tni"]).fails(2, &["did you mean \"vgg-tiny\"?"]);
    recipe("model = \"mlp\"\nepochs = \"three\"").fails(1, &["r.toml", "epochs"]);
    recipe("model = [").fails(1, &["r.toml", "line 1"]);
    ran(f, &["train", "none.toml"]).fails(1, &["none.toml: cannot read"]);
}

#[test]
fn bad_runs() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    train_a_little(f, "mlp", "run");
    train_a_little(f, "linear", "other");
    ran(f, &["train", "mlp", "--out", "run"])
        .fails(2, &["run: there is a run already", "--resume run"]);
    ran(f, &["train", "--resume", "nowhere"])
        .fails(1, &["nowhere: there is no run (no config.toml)"]);
    ran(f, &["eval", "nowhere"])
        .fails(1, &["nowhere: there is no run and no model's file; there are other, run\n"]);
    ran(f, &["eval", "otter"]).fails(1, &["otter: ", "; did you mean other?"]);
    ran(f, &["train", "--resume", "rum"]).fails(1, &["rum: there is no run", "did you mean run?"]);
    ran(f, &["summary", "runs/mlp-1"]).fails(1, &["runs/mlp-1: there is no run"]);
    ran(f, &["summary", "resnet19"]).fails(2, &["\"resnet18\"", "gradus models lists all\n"]);
    ran(f, &["train", "mlp", "--epochs", "drei"])
        .fails(2, &["error: --epochs: found \"drei\", expected a whole number\n"]);
    let one = ran(f, &["predict", "run", "x.png", "--top", "3.5", "--json"]);
    assert_eq!(one.json()["error"], "--top: found \"3.5\", expected a whole number");
    ran(f, &["eval", "."]).fails(1, &[".: no best.safetensors: it is no run directory"]);
    ran(f, &["eval", "run", "--data", "run"]).fails(1, &["error: "]);
    ran(f, &["predict", "lenet", "digit.png"]).fails(
        1,
        &["no weights of lenet are here", "gradus import FILE --model lenet", "runs/lenet-1"],
    );
    let newest = f.join("run/checkpoints/step-00000010.safetensors");
    other_architecture(f, &newest);
    damaged_files(f, &newest);
    images(f);
}

fn other_architecture(f: &Path, of_mlp: &Path) {
    let copy = f.join("other/checkpoints/step-00000011.safetensors");
    fs::copy(of_mlp, &copy).unwrap();
    ran(f, &["train", "--resume", "other"]).fails(
        1,
        &["other: not what the run began with: model: \"linear\" in config.toml, \"mlp\""],
    );
    // One of before that says nothing of its run still has the arrays of its network.
    let mut file = gradus::io::Checkpoint::load(&copy).unwrap();
    file.set("callbacks", &serde_json::json!({})).unwrap();
    file.save(&copy).unwrap();
    let parts = ["step-00000011.safetensors", "model.dense2.weight", "model.dense1.weight"];
    ran(f, &["train", "--resume", "other"]).fails(1, &parts);
}

fn damaged_files(f: &Path, newest: &Path) {
    let whole = fs::read(newest).unwrap();
    fs::write(newest, &whole[..whole.len() - 7]).unwrap();
    let older = f.join("run/checkpoints/step-00000005.safetensors");
    let resumed = ok(f, &["train", "--resume", "run"]);
    for part in ["warning: ", "step-00000010.safetensors", "after step 5, in epoch 2"] {
        assert!(resumed.err.contains(part), "{part}: {}", resumed.err);
    }
    // Without one before it, there is nothing to go on with.
    fs::remove_file(&older).unwrap();
    fs::write(newest, &whole[..whole.len() - 7]).unwrap();
    ran(f, &["train", "--resume", "run"]).fails(1, &["step-00000010.safetensors"]);
    let mut flipped = whole;
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    fs::write(newest, &flipped).unwrap();
    ran(f, &["train", "--resume", "run"]).fails(1, &["step-00000010.safetensors"]);
    let config = f.join("run/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("batch = 32", "batch = \"x\"")).unwrap();
    ran(f, &["train", "--resume", "run"])
        .fails(1, &["run/config.toml: batch: found \"x\", expected a whole number, 0 or more"]);
    fs::write(&config, text.replace("version = 2", "version = 99")).unwrap();
    ran(f, &["train", "--resume", "run"])
        .fails(1, &["config.toml: found version 99, expected at most version 2"]);
}

fn images(f: &Path) {
    image::GrayImage::new(28, 28).save(f.join("cut.png")).unwrap();
    let whole = fs::read(f.join("cut.png")).unwrap();
    fs::write(f.join("cut.png"), &whole[..whole.len() / 2]).unwrap();
    ran(f, &["predict", "run", "cut.png"]).fails(
        1,
        &["error: cut.png, byte 111: found the end of the file, expected the rest of the PNG"],
    );
    fs::write(f.join("text.png"), "no picture").unwrap();
    ran(f, &["predict", "run", "text.png"]).fails(1, &["text.png", "expected a PNG, JPEG"]);
    ran(f, &["predict", "run", "none.png"]).fails(1, &["none.png: cannot open"]);
    ran(f, &["predict", "run"]).fails(2, &["INPUT"]);
}
