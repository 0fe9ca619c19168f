//! What is attacked: each format that the command reads, with the command that reads it.

use super::super::{ok, resume::copy};
use std::fs;
use std::path::{Path, PathBuf};

/// A format.
pub(super) struct Target {
    pub(super) name: &'static str,
    /// Where the sound files are: `fuzz/corpus/NAME` if it begins with a slash, else a file in the prepared folder.
    pub(super) seeds: &'static str,
    /// Where the changed file is put, in a folder of its own beside the prepared ones.
    pub(super) place: &'static str,
    /// A prepared folder of which that folder is a copy.
    pub(super) copy_of: Option<&'static str>,
    pub(super) args: &'static [&'static str],
}

const fn target(
    name: &'static str,
    seeds: &'static str,
    place: &'static str,
    args: &'static [&'static str],
) -> Target {
    Target { name, seeds, place, copy_of: None, args }
}

const fn within(folder: &'static str, target: Target) -> Target {
    Target { copy_of: Some(folder), ..target }
}

const IMPORT: &[&str] = &["import", "x", "--model", "linear", "--out", "o.safetensors"];
const SHORT: &[&str] = &["train", "linear", "--data", ".", "--fast-dev-run", "--out", "r"];
/// What `see` and `attack` make, which is not there where they refuse.
pub(super) const MADE: &str = "seen";
pub(super) const MADE_PNG: &str = "fooled.png";
const RESUME: &[&str] = &["train", "--resume", "."];

/// All of them.
pub(super) const TARGETS: &[Target] = &[
    target("csv", "t.csv", "x.csv", &["data", "show", "x.csv"]),
    target(
        "csv, trained",
        "t.csv",
        "x.csv",
        &["train", "linear", "--data", "x.csv", "--fast-dev-run", "--out", "r"],
    ),
    target("csv, predicted", "t.csv", "x.csv", &["predict", "../table", "x.csv"]),
    target("picture", "/image", "x.png", &["predict", "../run", "x.png"]),
    target(
        "picture, seen",
        "/image",
        "x.png",
        &["see", "../run", "x.png", "--what", "activations,saliency", "--out", MADE],
    ),
    target(
        "picture, fooled",
        "/image",
        "x.png",
        &["attack", "../run", "x.png", "--with", "fgsm", "--epsilon", "0.2", "--out", MADE_PNG],
    ),
    within("pictures", target("pictures", "/image", "a/x.png", SHORT)),
    within(
        "pictures",
        target(
            "pictures, seen",
            "/image",
            "a/x.png",
            &["see", "../run", "--data", ".", "--what", "saliency", "--out", MADE],
        ),
    ),
    within(
        "pictures",
        target(
            "pictures, fooled",
            "/image",
            "a/x.png",
            &["attack", "../run", ".", "--with", "fgsm", "--epsilon", "0.2", "--out", MADE_PNG],
        ),
    ),
    within("idx", target("idx", "idx/train-images-idx3-ubyte", "train-images-idx3-ubyte", SHORT)),
    within(
        "gz",
        target("idx, gzip", "gz/train-images-idx3-ubyte.gz", "train-images-idx3-ubyte.gz", SHORT),
    ),
    within("cifar", target("cifar", "cifar/data_batch_1.bin", "data_batch_1.bin", SHORT)),
    target("model", "run/best.safetensors", "x", &["predict", "x", "../digit.png"]),
    target(
        "model, seen",
        "run/best.safetensors",
        "x",
        &["see", "x", "../digit.png", "--what", "saliency", "--out", MADE],
    ),
    target(
        "model, fooled",
        "run/best.safetensors",
        "x",
        &["attack", "x", "../digit.png", "--with", "fgsm", "--out", MADE_PNG],
    ),
    target("model, exported", "run/best.safetensors", "x", &["export", "x", "--format", "npz"]),
    target("safetensors", "/safetensors", "x", IMPORT),
    within(
        "run",
        target(
            "checkpoint",
            "run/checkpoints/step-00000002.safetensors",
            "checkpoints/step-00000002.safetensors",
            RESUME,
        ),
    ),
    within("run", target("config.toml", "run/config.toml", "config.toml", RESUME)),
    within("run", target("record.json", "run/record.json", "record.json", &["eval", "."])),
    within("run", target("log.jsonl", "run/log.jsonl", "log.jsonl", RESUME)),
    within("run", target("best.safetensors", "run/best.safetensors", "best.safetensors", RESUME)),
    target("npz", "/npz", "x", IMPORT),
    target(
        "npy",
        "/npy",
        "x.npy",
        &[
            "import",
            "../run/best.safetensors",
            "--model",
            "linear",
            "--check-input",
            "x.npy",
            "--check-output",
            "x.npy",
            "--out",
            "o.safetensors",
        ],
    ),
    target("pth", "/pytorch", "x", IMPORT),
    target("pickle", "/pickle", "x", IMPORT),
    target("h5", "/hdf5", "x", IMPORT),
    target("keras", "/keras", "x", IMPORT),
    target("onnx", "/onnx", "x.onnx", &["run", "x.onnx"]),
    target("onnx, imported", "/onnx", "x", IMPORT),
    target("prototxt", "/prototxt", "x.prototxt", &["summary", "x.prototxt"]),
    target(
        "caffemodel",
        "/caffemodel",
        "x.caffemodel",
        &["import", "x.caffemodel", "--model", "../lenet.prototxt", "--out", "o.safetensors"],
    ),
    target("recipe", "recipe.toml", "x.toml", &["train", "x.toml", "--fast-dev-run", "--out", "r"]),
];

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name)
}

impl Target {
    /// The sound files.
    pub(super) fn files(&self, prepared: &Path) -> Vec<Vec<u8>> {
        let mut files = match self.seeds.strip_prefix('/') {
            None => vec![prepared.join(self.seeds)],
            Some(name) => fs::read_dir(corpus(name)).unwrap().map(|e| e.unwrap().path()).collect(),
        };
        files.sort();
        let sound = |path: &PathBuf| fs::read(path).unwrap();
        files.iter().map(sound).filter(|bytes| !bytes.is_empty()).collect()
    }
}

/// A small run of each kind, and sound data of each kind.
pub(super) fn prepare(f: &Path) {
    let table: String = (0..60).map(|i| format!("{},{}.5,{}\n", i % 7, i % 11, i % 3)).collect();
    fs::write(f.join("t.csv"), format!("a,b,label\n{table}")).unwrap();
    let few = ["--epochs", "2", "--limit-batches", "1", "--checkpoint-steps", "1", "--out"];
    ok(f, &[&["train", "linear"][..], &few, &["run"]].concat());
    ok(f, &[&["train", "linear", "--data", "t.csv"][..], &few, &["table"]].concat());
    let recipe = "model = \"linear\"\nepochs = 3\nbatch = 16\nseed = 7\naugment = [\"shift(2)\"]\n\n\
                  [optimizer]\nname = \"adam\"\nlearning_rate = 0.002\n\n[training]\nclip_norm = 1.5\n";
    fs::write(f.join("recipe.toml"), recipe).unwrap();
    fs::copy(corpus("image/valid-grey.png"), f.join("digit.png")).unwrap();
    fs::copy(corpus("prototxt/valid-lenet.prototxt"), f.join("lenet.prototxt")).unwrap();
    pictures(&f.join("pictures"));
    idx(&f.join("idx"), &f.join("gz"));
    cifar(&f.join("cifar"));
    for folder in ["idx", "gz", "cifar", "pictures"] {
        ok(&f.join(folder), SHORT);
        fs::remove_dir_all(f.join(folder).join("r")).unwrap();
    }
    assert!(f.join("run/checkpoints/step-00000001.safetensors").exists());
}

fn pictures(folder: &Path) {
    for class in ["a", "b"] {
        fs::create_dir_all(folder.join(class)).unwrap();
        for i in 0..8 {
            let picture = image::GrayImage::from_fn(9, 9, |x, y| {
                image::Luma([(x * 20 + y * 3 * i + 50 * u32::from(class == "b")) as u8])
            });
            picture.save(folder.join(class).join(format!("{i}.png"))).unwrap();
        }
    }
}

/// The four files of a set like MNIST, plain and packed.
fn idx(folder: &Path, packed: &Path) {
    fs::create_dir_all(folder).unwrap();
    fs::create_dir_all(packed).unwrap();
    for part in ["train", "t10k"] {
        let images: Vec<u8> = (0..20 * 36).map(|i| (i * 7 % 251) as u8).collect();
        let labels: Vec<u8> = (0..20).map(|i| i % 10).collect();
        let header = |kind: u8, sizes: &[u32]| -> Vec<u8> {
            let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
            [0, 0, 8, kind].into_iter().chain(sizes).collect()
        };
        for (name, bytes) in [
            (format!("{part}-images-idx3-ubyte"), [header(3, &[20, 6, 6]), images].concat()),
            (format!("{part}-labels-idx1-ubyte"), [header(1, &[20]), labels].concat()),
        ] {
            fs::write(folder.join(&name), &bytes).unwrap();
            let gz = packed.join(&name);
            fs::write(&gz, &bytes).unwrap();
            let done = std::process::Command::new("gzip").arg(&gz).status().unwrap();
            assert!(done.success());
        }
    }
}

fn cifar(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let names = (1..=5).map(|i| format!("data_batch_{i}.bin")).chain(["test_batch.bin".into()]);
    for name in names {
        let record = |i: u8| (0..3073).map(move |at| if at == 0 { i % 10 } else { i ^ at as u8 });
        let bytes: Vec<u8> = (0..10).flat_map(record).collect();
        fs::write(folder.join(name), bytes).unwrap();
    }
}

/// A folder for a case, with all that the command reads but the changed file.
pub(super) fn lay_out(target: &Target, prepared: &Path, case: &Path) -> PathBuf {
    match target.copy_of {
        Some(folder) => copy(&prepared.join(folder), case),
        None => fs::create_dir(case).unwrap(),
    }
    let place = case.join(target.place);
    let _ = fs::remove_file(&place);
    place
}
