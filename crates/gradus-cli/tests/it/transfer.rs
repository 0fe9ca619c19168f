//! Beginning with the weights of a trained network: what stays, what learns, from when on, and what is refused.

use super::{Ran, ok, ran};
use image::{Rgb, RgbImage};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// LeNet, trained a little on digits, and a folder of the user's own pictures of three kinds.
fn prepare(folder: &Path) {
    let args = "train lenet --epochs 1 --limit-batches 20 --no-tensorboard --out digits";
    ok(folder, &args.split_whitespace().collect::<Vec<_>>());
    for (class, name) in ["bars", "plain", "steps"].into_iter().enumerate() {
        let place = folder.join("own").join(name);
        fs::create_dir_all(&place).unwrap();
        for number in 0..5u32 {
            let pixel = |x: u32, y: u32| match class {
                0 => Rgb([(x * (3 + number)) as u8; 3]),
                1 => Rgb([40 * number as u8; 3]),
                _ => Rgb([if y % (4 + number) < 2 { 200 } else { 30 }; 3]),
            };
            RgbImage::from_fn(40, 32, pixel).save(place.join(format!("{number}.png"))).unwrap();
        }
    }
}

#[track_caller]
fn train(folder: &Path, run: &str, options: &str) -> Ran {
    let fixed = "train lenet --from digits --data own --batch 4 --no-tensorboard --no-diagnosis";
    let args: Vec<&str> = fixed.split_whitespace().chain(options.split_whitespace()).collect();
    ok(folder, &[&args[..], &["--out", run]].concat())
}

fn array(folder: &Path, run: &str, name: &str) -> Vec<u8> {
    let file = folder.join(run).join("best.safetensors");
    let arrays = gradus::io::safetensors::read(&file).unwrap().arrays;
    arrays.into_iter().find(|a| a.name == name).unwrap().data
}

#[test]
fn a_frozen_backbone_keeps_its_weights() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    prepare(f);
    let said = train(f, "features", "--epochs 1 --freeze backbone").err;
    // 61,706 − 850 of LeNet's ten classes.
    let begun = "begins with digits (new are dense3.weight, dense3.bias); 60,856 parameters frozen";
    assert!(said.contains(begun), "{said}");
    for name in ["conv1.weight", "conv2.bias", "dense2.weight"] {
        assert_eq!(array(f, "digits", name), array(f, "features", name), "{name}");
    }
    // Ten digits before, three kinds now.
    assert_eq!(array(f, "features", "dense3.bias").len(), 3 * 4);
    let text = fs::read_to_string(f.join("features/config.toml")).unwrap();
    assert!(
        text.contains("from = \"digits\"") && text.contains("freeze = [\"backbone\"]"),
        "{text}"
    );
    // Pictures are prepared as the backbone knows them.
    let info = |run: &str| fs::read(f.join(run).join("best.safetensors")).unwrap();
    let mean = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(&bytes[..2000]).into_owned();
        let at = text.find("mean").unwrap();
        text[at..at + 30].to_owned()
    };
    assert_eq!(mean(&info("digits")), mean(&info("features")));
    ok(f, &["predict", "features", "own/bars/1.png"]);
}

#[test]
fn layers_learn_at_rates_of_their_own() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    prepare(f);
    let plain = "--epochs 1 --limit-batches 1 --optimizer sgd --momentum 0 --schedule constant";
    train(f, "fine", plain);
    train(f, "slow", &format!("{plain} --layer-decay 0.5 --rate-scale conv2=0"));
    let moved = |run: &str, name: &str| {
        let floats = |bytes: Vec<u8>| -> Vec<f32> {
            bytes.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
        };
        let (old, new) = (floats(array(f, "digits", name)), floats(array(f, run, name)));
        old.iter().zip(&new).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
    };
    // One step of plain descent: dense2 is one block before the last, dense1 two, conv1 four.
    for (name, factor) in
        [("dense2.weight", 0.5), ("dense1.weight", 0.25), ("conv1.weight", 0.0625)]
    {
        let ratio = moved("slow", name) / moved("fine", name);
        assert!((ratio / factor - 1.0).abs() < 1e-2, "{name}: {ratio}");
    }
    assert_eq!((moved("slow", "conv2.weight"), moved("fine", "conv2.weight") > 0.0), (0.0, true));
}

#[test]
fn layers_join_one_after_the_other() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    prepare(f);
    let options = "--unfreeze-every 1 --schedule constant";
    train(f, "two", &format!("{options} --epochs 2"));
    assert_eq!(array(f, "digits", "dense1.weight"), array(f, "two", "dense1.weight"));
    assert_ne!(array(f, "digits", "dense2.weight"), array(f, "two", "dense2.weight"));
    train(f, "four", &format!("{options} --epochs 4"));
    assert_eq!(array(f, "digits", "conv1.weight"), array(f, "four", "conv1.weight"));
    assert_ne!(array(f, "digits", "conv2.weight"), array(f, "four", "conv2.weight"));
    // A run that was stopped after two epochs goes on to the same bits.
    let config = f.join("two/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("epochs = 2\n", "epochs = 4\n")).unwrap();
    ok(f, &["train", "--resume", "two"]);
    let model = |run: &str| fs::read(f.join(run).join("best.safetensors")).unwrap();
    assert_eq!(model("two"), model("four"));
}

#[test]
fn the_same_classes_keep_their_classifier() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    prepare(f);
    let args = "train lenet --from digits --epochs 1 --limit-batches 1 --freeze dense3 --no-tensorboard --out more";
    ok(f, &args.split_whitespace().collect::<Vec<_>>());
    assert_eq!(array(f, "digits", "dense3.weight"), array(f, "more", "dense3.weight"));
}

#[test]
fn what_does_not_fit() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    prepare(f);
    let refused = |args: &str, code: i32, parts: &[&str]| {
        let args = args.split_whitespace().collect::<Vec<_>>();
        ran(f, &[&["train"], &args[..], &["--out", "refused"]].concat()).fails(code, parts);
        assert!(!f.join("refused").exists(), "nothing was begun");
    };
    refused(
        "mlp --from digits",
        1,
        &[
            "best.safetensors: the weights of lenet, but mlp is to be trained",
            "unexpected (6):",
            "conv1.weight",
            "dense1.weight: the file has f32 [400, 120], the network f32 [784, 128]",
        ],
    );
    refused("lenet --from own", 1, &["own: no best.safetensors: it is no run directory"]);
    refused("lenet --from lenet", 1, &["no weights of lenet are here", "gradus import"]);
    refused("lenet --from absent.safetensors", 1, &["absent.safetensors"]);
    refused(
        "lenet --from digits --augment resize(32)",
        1,
        &["dense1.weight: the file has f32 [400, 120]"],
    );
    let from = "lenet --from digits --data own";
    refused(
        &format!("{from} --freeze back"),
        2,
        &["unknown layer \"back\"", "conv1, conv2, dense1, dense2, dense3, backbone"],
    );
    refused(&format!("{from} --freeze dense4"), 2, &["did you mean \"dense"]);
    refused(&format!("{from} --freeze backbone,dense3"), 2, &["nothing is left to train"]);
    refused(&format!("{from} --freeze backbone --unfreeze-every 2"), 2, &["unfreeze-every: found"]);
    refused(
        &format!("{from} --unfreeze-every 0"),
        2,
        &["unfreeze-every: found 0, expected at least 1"],
    );
    refused(&format!("{from} --layer-decay 2"), 2, &["layer-decay: found 2, expected"]);
    refused(&format!("{from} --rate-scale conv1"), 2, &["such as conv1=0.1"]);
    refused(&format!("{from} --rate-scale conv9=2"), 2, &["unknown layer \"conv9\"; did you mean"]);
    ran(f, &["train", "--resume", "digits", "--from", "digits"]).fails(2, &["--resume", "--from"]);
}
