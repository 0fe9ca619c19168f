//! `gradus see`: pages, sheets and numbers of a run that was trained a little.

use super::{ok, ran, train_a_little};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::{TempDir, tempdir};

/// A folder with the run `run` of LeNet and a picture, `grey.png`.
fn with_a_run() -> TempDir {
    let folder = tempdir().unwrap();
    train_a_little(folder.path(), "lenet", "run");
    let grey = image::GrayImage::from_fn(28, 28, |x, y| image::Luma([(x * 9 * (y % 2)) as u8]));
    grey.save(folder.path().join("grey.png")).unwrap();
    folder
}

fn see(folder: &Path, args: &[&str]) -> Value {
    ok(folder, &[&["see", "run"], args, &["--json"]].concat()).json()
}

#[test]
fn activations_are_a_page_a_sheet_and_numbers() {
    let folder = with_a_run();
    let folder = folder.path();
    let record = see(folder, &["grey.png", "--what", "activations,kernels"]);
    let layers = record["activations"][0]["layers"].as_array().unwrap();
    assert_eq!(
        (&layers[0]["path"], &layers[0]["shape"]),
        (&"conv1".into(), &[6, 28, 28][..].into())
    );
    let greatest = &layers[1]["units"][0]["max"];
    assert!(greatest.as_f64().unwrap() >= 0.0, "behind a ReLU: {greatest}");
    assert_eq!(record["kernels"][0]["shape"], Value::from(vec![1, 5, 5]));
    // In the run's folder, and the same numbers as on stdout.
    let out = folder.join("run/see-activations-kernels");
    let kept: Value = serde_json::from_slice(&fs::read(out.join("see.json")).unwrap()).unwrap();
    assert_eq!(kept, record);
    let page = fs::read_to_string(out.join("see.html")).unwrap();
    assert!(page.contains("conv2: 16 maps of 10×10") && !page.contains("http"), "{page}");
    for sheet in ["activations.png", "kernels.png"] {
        assert!(image::open(out.join(sheet)).unwrap().width() >= 1200);
    }
    assert_eq!(record["files"].as_array().unwrap().len(), 4);
}

/// Without pictures the first of each class are taken, and that is said.
#[test]
fn pictures_are_found_where_none_is_named() {
    let folder = with_a_run();
    let ran =
        ok(folder.path(), &["see", "run", "--what", "activations", "--out", "seen", "--json"]);
    assert!(
        ran.err.contains("10 test pictures of mnist-5k are looked at, one of each class"),
        "{}",
        ran.err
    );
    let truths: Vec<_> =
        ran.json()["pictures"].as_array().unwrap().iter().map(|p| p["truth"].clone()).collect();
    assert_eq!(truths, (0..10).map(|k| Value::from(k.to_string())).collect::<Vec<_>>());
    assert!(folder.path().join("seen/see.html").is_file());
}

#[test]
fn what_cannot_be_seen_is_refused_before_anything_is_written() {
    let folder = with_a_run();
    let folder = folder.path();
    fs::create_dir(folder.join("empty")).unwrap();
    fs::write(folder.join("notes.txt"), "no picture").unwrap();
    let see = |args: &[&str]| ran(folder, &[&["see", "run", "--out", "seen"], args].concat());
    let activations = &["--what", "activations"];
    see(&["--what", "activation"])
        .fails(2, &["unknown kind of --what \"activation\"; did you mean \"activations\"?"]);
    see(&[activations, &["--layer", "cnv1"][..]].concat())
        .fails(2, &["unknown layer \"cnv1\"; did you mean \"conv1\"", "gradus summary lists all"]);
    see(&[activations, &["--layer", "conv1", "--unit", "6"][..]].concat())
        .fails(2, &["--unit: found 6, expected 0 to 5: conv1 has 6 units"]);
    see(&[activations, &["--class", "10"][..]].concat())
        .fails(2, &["--class: found 10, expected a name or 0 to 9"]);
    see(&[activations, &["--class", "ten"][..]].concat())
        .fails(2, &["unknown class \"ten\"; there are: 0, 1"]);
    see(&[activations, &["empty"][..]].concat())
        .fails(1, &["empty: found no file in it, expected one that holds a picture"]);
    see(&[activations, &["notes.txt"][..]].concat())
        .fails(1, &["notes.txt, byte 0: found bytes 6e 6f 20 70, expected a PNG"]);
    see(&["--what", "kernels", "--layer", "relu1"])
        .fails(2, &["found relu1, which has no filters, expected some of conv1, conv2"]);
    assert!(!folder.join("seen").exists(), "something was written");
    let at_a_file = ["see", "run", "--what", "kernels", "--out", "notes.txt"];
    ran(folder, &at_a_file).fails(2, &["--out: found notes.txt, a file, expected a folder"]);
}

/// The nine patches of each unit, the largest first, and what of them went through the network.
#[test]
fn patches_are_found_and_sent_back() {
    let folder = with_a_run();
    let record =
        see(folder.path(), &["--what", "top-patches,deconvnet", "--layer", "conv1,dense3"]);
    let found = &record["top-patches"];
    assert_eq!(found["pictures"], 1000);
    let units = found["layers"][0]["units"].as_array().unwrap();
    assert_eq!(units.len(), 6);
    for unit in units {
        let values: Vec<f64> =
            unit.as_array().unwrap().iter().map(|peak| peak["value"].as_f64().unwrap()).collect();
        assert!(values.len() == 9 && values.is_sorted_by(|a, b| a >= b), "{values:?}");
    }
    // The same search; and a class is the label of its sample.
    assert_eq!(record["deconvnet"]["layers"], found["layers"]);
    assert!(found["layers"][1]["units"][3][0]["class"].is_string());
    let back = see(
        folder.path(),
        &["grey.png", "--what", "guided-backprop", "--layer", "conv2", "--unit", "5"],
    );
    assert_eq!(back["guided-backprop"][0]["layers"][0]["units"], Value::from(vec![5]));
    assert!(folder.path().join("run/see-guided-backprop/guided-backprop.png").is_file());
}

/// Pictures of classes, which the network itself must recognise when it judges them; and of a unit and of a picture.
#[test]
fn preferred_pictures_are_made_and_judged() {
    let folder = with_a_run();
    let folder = folder.path();
    let preferred = |more: &[&str]| {
        let args = [&["--what", "preferred", "--steps", "30", "--copies", "2"], more].concat();
        see(folder, &args)["preferred"].clone()
    };
    let classes = preferred(&["--judge", "run"]);
    let pictures = classes["pictures"].as_array().unwrap();
    assert_eq!(pictures.len(), 20);
    let sure: Vec<f64> = pictures.iter().map(|p| p["probability"].as_f64().unwrap()).collect();
    let taken = sure.iter().filter(|p| **p > 0.5).count() as f64 / 20.0;
    assert!(taken > 0.9, "{sure:?}");
    assert!(classes["judged"]["recognised"].as_f64().unwrap() >= taken, "{classes}");
    let unit =
        preferred(&["--layer", "conv2", "--unit", "3", "--place", "4,4", "--parameters", "waves"]);
    assert!(unit["pictures"][1]["value"].as_f64().unwrap() > 0.0, "{unit}");
    let caricature = preferred(&["grey.png", "--layer", "conv2"]);
    assert_eq!(caricature["pictures"][0]["of"], "grey.png");
    assert_eq!(
        preferred(&["--layer", "conv2", "--direction", "1=1,2=-0.5"])["pictures"][0]["of"],
        "1=1, 2=-0.5"
    );
    let refused = |more: &[&str], what: &str| {
        ran(folder, &[&["see", "run", "--what", "preferred"], more].concat()).fails(2, &[what]);
    };
    refused(&["--prior", "yosinski"], "unknown prior \"yosinski\"");
    refused(&["--unit", "3"], "--unit: found none of --layer, expected one that it is of");
    refused(
        &["--layer", "conv1", "--direction", "6=1"],
        "found 6=1, expected UNIT=WEIGHT with a unit of conv1 from 0 to 5",
    );
    refused(&["--layer", "conv1", "--judge", "run"], "--judge: run: found pictures of units");
    refused(&["--rate", "-1"], "--rate");
}

/// A point for each sample, in JSON and as SVG.
#[test]
fn samples_are_put_into_a_plane() {
    let folder = with_a_run();
    let folder = folder.path();
    let record = see(
        folder,
        &["--what", "pca,t-sne", "--samples", "120", "--steps", "200", "--perplexity", "10"],
    );
    let (pca, tsne) = (&record["pca"], &record["t-sne"]);
    for found in [pca, tsne] {
        assert_eq!(
            (&found["layer"], found["points"].as_array().unwrap().len()),
            (&"relu4".into(), 120)
        );
        assert!(
            found["nearest_of_same_class"].as_f64().unwrap() > 0.3,
            "{}",
            found["nearest_of_same_class"]
        );
    }
    let explained: Vec<f64> =
        pca["explained"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    assert!(
        explained[0] > explained[1] && explained.iter().sum::<f64>() <= 1.0 + 1e-9,
        "{explained:?}"
    );
    assert!(tsne["divergence"].as_f64().unwrap() > 0.0);
    let svg = fs::read_to_string(folder.join("run/see-pca-t-sne/t-sne.svg")).unwrap();
    assert_eq!(svg.matches("<circle cx").count(), 120);
    ran(folder, &["see", "run", "--what", "t-sne", "--samples", "50"])
        .fails(1, &["perplexity: found 30, expected 1 to 16.3"]);
    ran(folder, &["see", "run", "--what", "pca", "--samples", "20000"])
        .fails(2, &["--samples: found 20000, expected at most 10000"]);
}

#[test]
fn models_of_tables_are_refused() {
    let folder = tempdir().unwrap();
    let rows: String = (0..40).map(|i| format!("{i},{},{}\n", i * 7 % 11, i % 2)).collect();
    fs::write(folder.path().join("t.csv"), rows).unwrap();
    ok(folder.path(), &["train", "mlp", "--data", "t.csv", "--epochs", "1", "--out", "run"]);
    ran(folder.path(), &["see", "run", "--what", "kernels"])
        .fails(2, &["run: found a model of tables (mlp), expected one of pictures"]);
}

/// Every way to ask why, at once: a map for each picture, where it is largest, and what adds up.
#[test]
fn why_a_picture_is_taken_for_its_class() {
    let folder = with_a_run();
    let kinds = "saliency,gradient-x-input,smooth-grad,integrated-gradients,gradient-shap,relevance,grad-cam,occlusion,lime,kernel-shap";
    let args = ["grey.png", "--what", kinds, "--class", "7", "--samples", "200", "--segments", "9"];
    let record = see(folder.path(), &[&args[..], &["--sanity"]].concat());
    for kind in kinds.split(',') {
        let map = &record[kind]["maps"][0];
        assert_eq!(map["class"], "7", "{kind}");
        let peak = &map["peak"];
        assert!(peak["row"].as_u64().unwrap() < 28 && peak["column"].as_u64().unwrap() < 28);
        let same = record[kind]["sanity"]["correlation"].as_f64().unwrap();
        assert!(same < 0.99, "{kind}: random weights change the map, {same}");
    }
    assert!(record["integrated-gradients"]["completeness"].as_f64().unwrap() < 0.01);
    let page = folder.path().join("run").join(format!("see-{}", kinds.replace(',', "-")));
    assert!(
        fs::read_to_string(page.join("see.html")).unwrap().contains("red speaks for the class")
    );
    let few = ["grey.png", "--what", "kernel-shap", "--samples", "5", "--segments", "20"];
    ran(folder.path(), &[&["see", "run"], &few[..]].concat()).fails(1, &["5 samples do not tell"]);
    let on = ["grey.png", "--what", "grad-cam", "--layer", "fc6"];
    ran(folder.path(), &[&["see", "run"], &on[..]].concat()).fails(2, &["unknown layer \"fc6\""]);
}

/// What learned a sample helped itself, and units add up to what the score gained.
#[test]
fn samples_that_helped_and_units_that_count_are_told() {
    let folder = with_a_run();
    let f = folder.path();
    let record =
        see(f, &["grey.png", "--what", "influences,conductance,unit-gradient", "--layer", "conv2"]);
    let found = &record["influences"];
    assert_eq!(
        (found["samples"].as_u64(), found["steps"].as_array().map(Vec::len)),
        (Some(4000), Some(2))
    );
    let one = &found["pictures"][0];
    let values = |of: &str| -> Vec<f64> {
        one[of].as_array().unwrap().iter().map(|s| s["influence"].as_f64().unwrap()).collect()
    };
    let (helpful, harmful) = (values("helpful"), values("harmful"));
    assert!(helpful.len() == 8 && helpful.is_sorted_by(|a, b| a >= b) && helpful[7] > 0.0);
    assert!(harmful.is_sorted_by(|a, b| a <= b) && harmful[0] < 0.0, "{harmful:?}");
    // Those that helped are of the class, those that hindered are not.
    let class = &one["class"];
    assert!(one["helpful"].as_array().unwrap().iter().all(|s| s["label"] == *class), "{one}");
    assert!(one["harmful"].as_array().unwrap().iter().all(|s| s["label"] != *class), "{one}");
    assert!(
        record["conductance"]["completeness"].as_f64().unwrap() < 0.01,
        "{}",
        record["conductance"]
    );
    assert_eq!(record["conductance"]["pictures"][0]["units"].as_array().unwrap().len(), 16);
    assert_eq!(record["unit-gradient"]["pictures"][0]["peaks"].as_array().unwrap().len(), 16);
    for name in ["influences.png", "conductance.png", "unit-gradient.png"] {
        let path = f.join("run/see-influences-conductance-unit-gradient").join(name);
        assert!(image::open(&path).is_ok(), "{name}");
    }
    // A file outside of a run has no checkpoints: the network as it is.
    fs::copy(f.join("run/best.safetensors"), f.join("alone.safetensors")).unwrap();
    let alone = ["see", "alone.safetensors", "grey.png", "--what", "influences", "--json"];
    let alone = ok(f, &alone);
    assert!(alone.out.contains("by the network as it is"), "{}", alone.out);
    ran(
        f,
        &["see", "run", "grey.png", "--what", "conductance", "--layer", "conv2", "--unit", "16"],
    )
    .fails(2, &["--unit: found 16, expected 0 to 15"]);
}

#[test]
fn concepts_are_told_with_their_chance() {
    let folder = with_a_run();
    let texture = image::GrayImage::from_fn(90, 90, |x, y| image::Luma([((x + y) % 7 * 36) as u8]));
    texture.save(folder.path().join("stripes.png")).unwrap();
    let args =
        ["--what", "concepts", "--concept", "stripes.png", "--class", "3", "--random-sets", "4"];
    let record = see(folder.path(), &args);
    let found = &record["concepts"]["concepts"][0];
    assert_eq!((&found["concept"], &found["class"]), (&"stripes".into(), &"3".into()));
    assert_eq!(found["scores"].as_array().unwrap().len(), 4);
    // Stripes are nothing like digits.
    assert!(found["accuracy"].as_f64().unwrap() > 0.9, "{found}");
    let p = found["p"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&p), "{p}");
    let none = ran(folder.path(), &["see", "run", "--what", "concepts"]);
    none.fails(2, &["--what concepts: found no --concept"]);
    let small = ran(folder.path(), &["see", "run", "--what", "concepts", "--concept", "grey.png"]);
    small.fails(1, &["grey.png: found 1 picture, expected at least 3"]);
}
