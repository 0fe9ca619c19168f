//! `gradus import`: what the file does not tell is said, and checks prove it; damage never becomes another convention.

use super::{ok, ran};
use gradus::io::numpy::{Limits, read_npz, save_npy};
use gradus::io::{Checkpoint, NamedArray, safetensors};
use gradus::models::{Design, Shortcut, ShortcutPadding, cifar_resnet};
use gradus::nn::{Context, Init, Layer};
use gradus::{Tensor, train};
use std::path::Path;
use tempfile::tempdir;

/// Writes another program's safetensors.
fn save(path: &Path, arrays: &[NamedArray]) {
    let mut file = vec![];
    safetensors::write(&mut file, &Default::default(), arrays).unwrap();
    std::fs::write(path, file).unwrap();
}

/// The unproven conventions of an import.
fn unproven(json: &serde_json::Value) -> Vec<String> {
    let lines = json["unproven"].as_array().unwrap();
    lines.iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

/// A CIFAR ResNet of eight pixels a side as a public PyTorch file: its zeros lie on both sides, its head is called `linear`.
/// With what it is given and gives.
fn resnet(folder: &Path) -> (Vec<f32>, Vec<f32>) {
    let design = Design::new([3, 8, 8], 10).shortcut_padding(ShortcutPadding::BothSides);
    let model = cifar_resnet(20, Shortcut::Identity, &design, &Init::new(3));
    let x: Vec<f32> = (0..2 * 3 * 64).map(|i| (i as f32 * 0.37).sin()).collect();
    let y = model.forward(&Tensor::from_slice(&x, [2, 3, 8, 8]), &Context::eval()).to_vec::<f32>();
    let theirs = |array: NamedArray| {
        let name = array.name.replace(".block.", ".").replace("fc.", "linear.");
        let turned = if array.shape.len() == 2 { array.permuted(&[1, 0]) } else { array };
        NamedArray { name: format!("module.{name}"), ..turned }
    };
    let arrays: Vec<NamedArray> = train::weights(&model).into_iter().map(theirs).collect();
    save(&folder.join("net.safetensors"), &arrays);
    save_npy(&folder.join("x.npy"), &NamedArray::from_f32("x", [2, 3, 8, 8], &x).unwrap()).unwrap();
    save_npy(&folder.join("y.npy"), &NamedArray::from_f32("y", [2, 10], &y).unwrap()).unwrap();
    (x, y)
}

const IMPORT: [&str; 6] = ["import", "net.safetensors", "--model", "resnet20", "--input", "3x8x8"];
const CHECK: [&str; 4] = ["--check-input", "x.npy", "--check-output", "y.npy"];

#[test]
fn outputs_of_the_original_prove_a_padding() {
    let folder = tempdir().unwrap();
    let (_, y) = resnet(folder.path());
    let here = folder.path();
    let with = |more: &[&'static str]| [&IMPORT[..], more].concat();
    // Without a check what was taken is said.
    let plain = ok(here, &with(&["--out", "plain.safetensors", "--json"]));
    let told = unproven(&plain.json());
    assert!(
        told[0].contains("where shortcuts put their zeros: behind was taken; both-sides fits"),
        "{told:?}"
    );
    assert!(told[1].contains("how pictures are prepared: torch was taken"), "{told:?}");
    assert!(
        plain.err.contains("not proven:") && plain.err.contains("--check-data DIR"),
        "{}",
        plain.err
    );
    // With one, both are tried and the right one is kept.
    let args = with(&[&CHECK[..], &["--out", "m.safetensors", "--json"]].concat());
    let proven = ok(here, &args);
    let json = proven.json();
    assert_eq!(unproven(&json).len(), 1, "{json}");
    assert!(json["largest_difference"].as_f64().unwrap() < 1e-4, "{json}");
    assert!(proven.err.contains("padding behind: the largest difference is"), "{}", proven.err);
    assert!(proven.out.contains("check  20 outputs of the original are met"), "{}", proven.out);
    // The model remembers: our own file tells what the weights do not, so nothing is tried.
    let own =
        ["import", "m.safetensors", "--model", "resnet20", "--out", "again.safetensors", "--json"];
    let again = ok(here, &[&own[..], &CHECK[..]].concat());
    assert!(unproven(&again.json()).is_empty(), "{}", again.out);
    let model = |name: &str| Checkpoint::load(&here.join(name)).unwrap();
    assert_eq!(model("again.safetensors").arrays, model("m.safetensors").arrays);
    let network: serde_json::Value = model("again.safetensors").get("model").unwrap();
    assert_eq!(network["network"]["shortcut_padding"], "both-sides");
    // Another network of the same weights is another network.
    ran(here, &["import", "m.safetensors", "--model", "plain20", "--out", "p.safetensors"])
        .fails(2, &["--model plain20: m.safetensors holds the network resnet20"]);
    let other = ["train", "resnet20", "--from", "m.safetensors", "--shortcut-padding", "behind"];
    ran(here, &other).fails(2, &["the network of m.safetensors has its zeros both-sides"]);
    assert!(ok(here, &["summary", "m.safetensors"]).out.contains("PadChannels(32/2, both sides)"));
    // Probabilities prove as well.
    let shares: Vec<f32> = y
        .chunks(10)
        .flat_map(|row| {
            let powers: Vec<f32> = row.iter().map(|x| x.exp()).collect();
            let sum: f32 = powers.iter().sum();
            powers.into_iter().map(move |p| p / sum)
        })
        .collect();
    save_npy(&here.join("y.npy"), &NamedArray::from_f32("y", [2, 10], &shares).unwrap()).unwrap();
    assert_eq!(unproven(&ok(here, &args).json()).len(), 1);
}

#[test]
fn what_a_check_disproves_is_not_written() {
    let folder = tempdir().unwrap();
    let (_, mut y) = resnet(folder.path());
    let here = folder.path();
    let with = |more: &[&'static str]| {
        [&IMPORT[..], &CHECK[..], &["--out", "m.safetensors"], more].concat()
    };
    ran(here, &with(&["--shortcut-padding", "behind"]))
        .fails(1, &["the model gives other outputs"]);
    y[3] += 1.0;
    let wrong = NamedArray::from_f32("y", [2, 10], &y).unwrap();
    save_npy(&here.join("y.npy"), &wrong).unwrap();
    let both =
        ["padding behind: the largest", "padding both-sides: the largest difference is 1.00e0"];
    ran(here, &with(&[])).fails(1, &both);
    let short = NamedArray::from_f32("y", [10], &y[..10]).unwrap();
    save_npy(&here.join("y.npy"), &short).unwrap();
    ran(here, &with(&[])).fails(1, &["y.npy: found shape [10], expected [2, 10]"]);
    save_npy(&here.join("x.npy"), &short).unwrap();
    ran(here, &with(&[])).fails(1, &["x.npy: found shape [10], expected a batch of [3, 8, 8]"]);
    ran(here, &[&IMPORT[..], &["--check-input", "x.npy"]].concat()).fails(2, &["--check-output"]);
    assert!(!here.join("m.safetensors").exists());
    // A padding is nothing that other networks have.
    ran(here, &["train", "resnet20_b", "--shortcut-padding", "both-sides"]).fails(
        2,
        &["shortcut-padding: found both-sides, but \"resnet20_b\" has no shortcuts of option A"],
    );
}

/// Pictures of two colours, and a softmax regression that tells them apart by red against blue.
fn colours(folder: &Path, red: f32) {
    for (class, pixel) in [("blue", [0, 0, 255]), ("red", [255, 0, 0])] {
        let class = folder.join("colours").join(class);
        std::fs::create_dir_all(&class).unwrap();
        for i in 0..20 {
            let mut picture = image::RgbImage::from_pixel(4, 4, image::Rgb(pixel));
            picture.put_pixel(i % 4, i / 5, image::Rgb([90, 90, 90]));
            picture.save(class.join(format!("{i}.png"))).unwrap();
        }
    }
    // PyTorch's [out, in]: 16 numbers of red, of green, of blue for each class.
    let row = |sign: f32| [[sign * red; 16], [0.0; 16], [-sign * red; 16]].concat();
    let weight = NamedArray::from_f32("fc.weight", [2, 48], &[row(-1.0), row(1.0)].concat());
    let bias = NamedArray::from_f32("fc.bias", [2], &[0.0; 2]);
    save(&folder.join("net.safetensors"), &[weight.unwrap(), bias.unwrap()]);
}

#[test]
fn labelled_samples_prove_an_import_and_name_the_classes() {
    let folder = tempdir().unwrap();
    let here = folder.path();
    colours(here, 1.0);
    let args = [
        "import",
        "net.safetensors",
        "--model",
        "linear",
        "--input",
        "3x4x4",
        "--classes",
        "2",
        "--out",
        "m.safetensors",
        "--check-data",
        "colours",
        "--json",
    ];
    // The network is for grey pictures as published: only its input says that these are colour.
    let proven = ok(here, &args);
    let json = proven.json();
    assert_eq!((json["accuracy"].as_f64(), json["samples"].as_u64()), (Some(1.0), Some(40)));
    assert!(proven.out.contains("check  accuracy 1.0000"), "{}", proven.out);
    // Any preparation tells red from blue; that is said. Blue first cannot be, without a convolution to turn.
    let told = unproven(&json);
    assert!(told[0].contains("torch was taken; tf and none does as well"), "{told:?}");
    assert_eq!(json["tried"].as_array().unwrap().len(), 3);
    let seen = ok(here, &["predict", "m.safetensors", "colours/red/3.png"]);
    assert!(seen.out.contains("3.png: red ("), "{}", seen.out);
    // Weights that are always wrong.
    colours(here, -1.0);
    std::fs::remove_file(here.join("m.safetensors")).unwrap();
    ran(here, &args).fails(1, &["the model's accuracy is 0.0000, that of guessing is 0.5000"]);
    assert!(!here.join("m.safetensors").exists());
    let named = |names: &str| {
        std::fs::write(here.join("names.txt"), names).unwrap();
        let mut args = args.to_vec();
        args[7] = "names.txt";
        ran(here, &args)
    };
    named("azure\nred")
        .fails(1, &["colours: its class \"blue\" is none of the model's (azure, …)"]);
    // By their names the classes are the other way round.
    assert_eq!(named("red\nblue").json()["accuracy"].as_f64(), Some(1.0));
}

#[test]
fn damage_is_no_convention() {
    let folder = tempdir().unwrap();
    let here = folder.path();
    let square: Vec<f32> = (0..9).map(|i| i as f32 / 8.0).collect();
    let arrays = [
        NamedArray::from_f32("dense1.weight", [3, 3], &square).unwrap(),
        NamedArray::from_f32("dense1.bias", [3], &[0.0; 3]).unwrap(),
    ];
    save(&here.join("foreign.safetensors"), &arrays);
    let import = |file: &str, more: &[&str]| {
        let args = [
            "import",
            file,
            "--model",
            "linear",
            "--input",
            "1x1x3",
            "--classes",
            "3",
            "--out",
            "m.safetensors",
        ];
        ran(here, &[&args[..], more].concat())
    };
    // Another program's square matrix may lie either way: that is said, and an output decides.
    let foreign = import("foreign.safetensors", &["--json"]);
    let told = unproven(&foreign.json());
    assert!(told[0].contains("square matrices lie: as in pytorch; as in gradus"), "{told:?}");
    let [x, y] = [("x", [1.0, 0.0, 0.0]), ("y", [0.0, 0.125, 0.25])]
        .map(|(name, values)| NamedArray::from_f32(name, [1, 3], &values).unwrap());
    let x = NamedArray { shape: vec![1, 1, 1, 3], ..x };
    save_npy(&here.join("x.npy"), &x).unwrap();
    save_npy(&here.join("y.npy"), &y).unwrap();
    let decided =
        import("foreign.safetensors", &["--check-input", "x.npy", "--check-output", "y.npy"]);
    assert_eq!(decided.code, 0, "{}", decided.err);
    assert!(!decided.err.contains("square matrices"), "{}", decided.err);
    let weights =
        |file: &str| Checkpoint::load(&here.join(file)).unwrap().array("dense1.weight").cloned();
    assert_eq!(weights("m.safetensors").unwrap().to_f32().unwrap(), square, "not turned");
    // Our own model is never turned; damaged, it is refused as `predict` refuses it.
    std::fs::rename(here.join("m.safetensors"), here.join("own.safetensors")).unwrap();
    assert_eq!(import("own.safetensors", &[]).code, 0);
    assert_eq!(weights("m.safetensors").unwrap().to_f32().unwrap(), square);
    std::fs::remove_file(here.join("m.safetensors")).unwrap();
    let file = std::fs::read(here.join("own.safetensors")).unwrap();
    let sign = file.windows(8).position(|w| w == b"gradus/1").unwrap();
    for at in [file.len() - 3, sign, sign + 7] {
        let mut damaged = file.clone();
        damaged[at] ^= 4;
        std::fs::write(here.join("damaged.safetensors"), damaged).unwrap();
        for args in [&[][..], &["--origin", "pytorch"], &["--partial"]] {
            import("damaged.safetensors", args).fails(1, &["damaged.safetensors: "]);
        }
    }
    assert!(!here.join("m.safetensors").exists());
}

#[test]
fn a_file_of_which_nothing_fits_is_no_part() {
    let folder = tempdir().unwrap();
    let arrays = [NamedArray::from_f32("decoder.weight", [5, 7], &[0.0; 35]).unwrap()];
    save(&folder.path().join("other.safetensors"), &arrays);
    let args =
        ["import", "other.safetensors", "--model", "lenet", "--partial", "--out", "m.safetensors"];
    ran(folder.path(), &args).fails(1, &["the weights are not this network's", "decoder"]);
    // Of a part of a network no check can say anything.
    let part =
        [("dense1.weight", vec![784, 128]), ("dense1.bias", vec![128])].map(|(name, shape)| {
            let values = vec![0.5; shape.iter().product()];
            NamedArray::from_f32(name, shape, &values).unwrap()
        });
    save(&folder.path().join("part.safetensors"), &part);
    let args =
        ["import", "part.safetensors", "--model", "mlp", "--partial", "--out", "m.safetensors"];
    ran(folder.path(), &[&args[..], &["--check-data", "mnist-5k"]].concat())
        .fails(2, &["--partial: the file lacks 1 layer of the network"]);
    assert!(!folder.path().join("m.safetensors").exists());
    assert!(ok(folder.path(), &args).err.contains("fresh (1): dense2"));
}

#[test]
fn export_stays_in_the_folder() {
    let folder = tempdir().unwrap();
    let inner = folder.path().join("in");
    std::fs::create_dir(&inner).unwrap();
    let caffe = concat!(env!("CARGO_MANIFEST_DIR"), "/../gradus-models/tests/fixtures/caffe");
    let [net, weights] = ["mixed.prototxt", "mixed.caffemodel"].map(|f| format!("{caffe}/{f}"));
    ok(&inner, &["import", &weights, "--model", &net, "--out", "m.safetensors"]);
    // The network's name is the path of its definition.
    assert_eq!(ok(&inner, &["export", "m.safetensors", "--format", "npz"]).out, "mixed.npz\n");
    let arrays = read_npz(&inner.join("mixed.npz"), Limits::default()).unwrap();
    std::fs::write(folder.path().join("precious.npz"), "my only copy").unwrap();
    for hostile in ["../precious".to_owned(), folder.path().join("precious").display().to_string()]
    {
        let mut file = Checkpoint::load(&inner.join("m.safetensors")).unwrap();
        let mut about: serde_json::Value = file.get("model").unwrap();
        about["architecture"] = hostile.into();
        file.set("model", &about).unwrap();
        file.save(&inner.join("hostile.safetensors")).unwrap();
        let out = ok(&inner, &["export", "hostile.safetensors", "--format", "npz"]).out;
        assert_eq!(out, "precious.npz\n");
        assert_eq!(read_npz(&inner.join("precious.npz"), Limits::default()).unwrap(), arrays);
        let kept = std::fs::read_to_string(folder.path().join("precious.npz")).unwrap();
        assert_eq!(kept, "my only copy");
    }
}
