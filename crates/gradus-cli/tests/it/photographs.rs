//! Folders of pictures of all sizes and kinds: the changes that the papers' recipes make, ten crops, what is refused.

use super::{gradus, ok, ran};
use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// A small network with a recipe as those for ImageNet are.
const RECIPE: &str = r#"
model = "resnet20"
epochs = 2
batch = 4
augment = ["scale-jitter(40, 48)", "crop(32)", "flip", "pca-colour(0.1)"]
evaluate = ["resize(40)", "ten-crop(32)"]
[network]
width = 0.125
[optimizer]
name = "sgd"
learning_rate = 0.05
momentum = 0.9
[schedule]
name = "constant"
"#;

/// A picture whose red, green or blue grows across it, by its class.
fn picture(class: u32, number: u32) -> DynamicImage {
    let (width, height) = (40 + 7 * number, 60 - 5 * number);
    if class == 2 && number == 0 {
        // Somebody's scan is grey.
        let grey = |x, y| Luma([((x + y) * 2) as u8]);
        return GrayImage::from_fn(width, height, grey).into();
    }
    let pixel = |x: u32, y: u32| {
        let mut pixel = [(y * 3) as u8, (number * 40) as u8, 90];
        pixel[class as usize] = (x * 255 / width) as u8;
        Rgb(pixel)
    };
    RgbImage::from_fn(width, height, pixel).into()
}

/// `photos/train` and `photos/val` with three classes of five and two pictures, PNG and JPEG, and the recipe.
fn prepare(folder: &Path) {
    for (part, numbers) in [("train", 0..5), ("val", 5..7)] {
        for class in 0..3 {
            let name = ["cat", "dog", "newt"][class as usize];
            let place = folder.join("photos").join(part).join(name);
            fs::create_dir_all(&place).unwrap();
            for number in numbers.clone() {
                let ending = if number % 2 == 0 { "png" } else { "jpg" };
                picture(class, number).save(place.join(format!("{number}.{ending}"))).unwrap();
            }
        }
    }
    fs::write(folder.join("small.toml"), RECIPE).unwrap();
}

fn train(folder: &Path, run: &str, options: &str) -> Vec<u8> {
    let fixed = ["train", "small.toml", "--data", "photos", "--no-tensorboard", "--out", run];
    let args: Vec<&str> = fixed.into_iter().chain(options.split_whitespace()).collect();
    ok(folder, &args);
    fs::read(folder.join(run).join("best.safetensors")).unwrap()
}

#[test]
fn threads_and_interruptions_change_nothing() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    prepare(f);
    let whole = train(f, "one", "--threads 1");
    assert_eq!(whole, train(f, "three", "--threads 3"));
    assert_ne!(whole, train(f, "other", "--seed 1"));
    // One epoch, and then another.
    train(f, "begun", "--epochs 1");
    let config = f.join("begun/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("epochs = 1\n", "epochs = 2\n")).unwrap();
    ok(f, &["train", "--resume", "begun"]);
    assert_eq!(whole, fs::read(f.join("begun/best.safetensors")).unwrap());
}

#[test]
fn ten_crops_are_averaged() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    prepare(f);
    train(f, "run", "--validation 0.2");
    let eval = |options: &[&str]| {
        let args = [&["eval", "run", "--json"], options].concat();
        ok(f, &args).json()
    };
    let ten = eval(&[]);
    assert_eq!((&ten["views"], &ten["samples"]), (&10.into(), &6.into()));
    let middle = eval(&["--evaluate", "resize(40),centre-crop(32)", "--threads", "1"]);
    assert_eq!((&middle["views"], &middle["samples"]), (&1.into(), &6.into()));
    assert_ne!(ten["test_loss"], middle["test_loss"]);
    // The loss is that of the probabilities which `predict` gives for each picture, shown in ten crops as well.
    let names = ["cat/5.jpg", "cat/6.png", "dog/5.jpg", "dog/6.png", "newt/5.jpg", "newt/6.png"];
    let files = names.map(|name| format!("photos/val/{name}"));
    let args: Vec<&str> =
        ["predict", "run", "--json"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let predictions = ok(f, &args).json()["predictions"].take();
    let loss = |(i, class): (usize, &str)| {
        -predictions[i]["probabilities"][class].as_f64().unwrap().ln() / 6.0
    };
    let classes = names.map(|name| name.split('/').next().unwrap());
    let mean: f64 = classes.into_iter().enumerate().map(loss).sum();
    assert!((mean - ten["test_loss"].as_f64().unwrap()).abs() < 1e-6, "{mean} {ten}");
}

/// The middle of a square of 40 is what the square of 32 in its middle is.
#[test]
fn predictions_show_pictures_as_they_are_told() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    prepare(f);
    train(f, "run", "--epochs 1 --limit-batches 2");
    let square = picture(0, 0).resize_exact(40, 40, image::imageops::FilterType::Triangle);
    square.save(f.join("square.png")).unwrap();
    square.crop_imm(4, 4, 32, 32).save(f.join("middle.png")).unwrap();
    let predicted = |picture: &str, shown: &[&str]| {
        let args = [&["predict", "run", picture, "--json"], shown].concat();
        ok(f, &args).json()["predictions"][0]["probabilities"].take()
    };
    let cut = predicted("square.png", &["--evaluate", "resize(40),centre-crop(32)"]);
    assert_eq!(cut, predicted("middle.png", &["--evaluate", "resize(32)"]));
    assert_ne!(cut, predicted("square.png", &["--evaluate", "resize(32)"]));
    // The run's own way is ten crops.
    let ten = predicted("square.png", &["--evaluate", "resize(40),ten-crop(32)"]);
    assert_eq!(predicted("square.png", &[]), ten);
    assert_ne!(cut, ten);
    let wrong = ["predict", "run", "square.png", "--evaluate", "flip"];
    ran(f, &wrong).fails(2, &["unknown way to show images \"flip\""]);
}

/// What a network is told of colours that become grey: red 76, green 150, blue 29.
#[test]
fn colours_become_grey_as_elsewhere() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    for (name, colour) in [("r", [255, 0, 0]), ("g", [0, 255, 0]), ("b", [0, 0, 255])] {
        fs::create_dir_all(f.join("d").join(name)).unwrap();
        for i in 0..5 {
            let path = f.join(format!("d/{name}/{i}.png"));
            RgbImage::from_pixel(28, 28, Rgb(colour)).save(path).unwrap();
        }
    }
    let args = "train linear --data d --split position --epochs 1 --out run --no-tensorboard";
    ok(f, &args.split_whitespace().collect::<Vec<_>>());
    let model = gradus::io::Checkpoint::load(&f.join("run/best.safetensors")).unwrap();
    let about: serde_json::Value = model.get("model").unwrap();
    let mean = about["mean"][0].as_f64().unwrap();
    assert!((mean - (76.0 + 150.0 + 29.0) / 3.0 / 255.0).abs() < 1e-6, "{mean}");
}

#[test]
fn other_ways_to_prepare_pictures() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    prepare(f);
    for augment in ["resize(36),crop(32),colour-jitter", "random-resized-crop(32),flip"] {
        train(f, augment, &format!("--epochs 1 --augment {augment}"));
        // Without a word on it, tested are whole pictures of the size trained on.
        assert_eq!(ok(f, &["eval", augment, "--json"]).json()["views"], 1);
    }
    // Data of a fixed size are brought to another as they are read.
    let digits = "train lenet --augment resize(20) --limit-batches 2 --epochs 1 --out digits";
    ok(f, &digits.split_whitespace().collect::<Vec<_>>());
    ok(f, &["predict", "digits", "photos/val/cat/5.jpg"]);
}

#[test]
fn what_does_not_go_together() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    prepare(f);
    let refused = |options: &[&str], code: i32, parts: &[&str]| {
        let fixed = ["train", "small.toml", "--data", "photos", "--out", "refused"];
        ran(f, &[&fixed, options].concat()).fails(code, parts);
        assert!(!f.join("refused").exists(), "nothing was begun");
    };
    refused(&["--augment", "scale-jitter(40,48)"], 2, &["and crop(PIXELS) after it"]);
    refused(&["--augment", "resize(40),crop(41)"], 1, &["crop: found a window of 41×41"]);
    refused(&["--augment", "resize(40),scale-jitter(40,48),crop(32)"], 1, &["images of 48×48"]);
    refused(&["--augment", "crop"], 2, &["expected crop(PIXELS)"]);
    refused(&["--augment", "crop(99999)"], 2, &["expected crop(PIXELS)"]);
    refused(&["--augment", "ten-crop(32)"], 2, &["unknown augmentation \"ten-crop\""]);
    refused(&["--evaluate", "flip"], 2, &["unknown way to show images \"flip\""]);
    let shown = "evaluate: found a way that shows pictures of 40×40, expected 32×32";
    refused(&["--evaluate", "resize(40)"], 1, &[shown]);
    let digits = ["train", "resnet20", "--augment", "pca-colour(0.1)"];
    ran(f, &digits).fails(1, &["PCA colour: found samples [1, 28, 28], expected RGB images"]);
    // A class more to test on than was trained on, and the other way round.
    fs::create_dir_all(f.join("photos/val/owl")).unwrap();
    picture(0, 1).save(f.join("photos/val/owl/1.png")).unwrap();
    refused(
        &[],
        1,
        &[
            "photos/val: class: found \"owl\" of 1 sample, expected one of cat, dog, newt",
            "cat, dog, newt",
        ],
    );
    fs::remove_dir_all(f.join("photos/val/owl")).unwrap();
    train(f, "run", "--epochs 1");
    fs::remove_dir_all(f.join("photos/train/newt")).unwrap();
    fs::remove_dir_all(f.join("photos/val/newt")).unwrap();
    // Some of the classes are tested by their names, others have none.
    let two = ok(f, &["eval", "run"]).out;
    assert!(two.contains(" newt     .    .    .\n"), "{two}");
    for part in ["train", "val"] {
        for class in ["owl", "bat"] {
            fs::create_dir_all(f.join(format!("photos/{part}/{class}"))).unwrap();
            picture(0, 1).save(f.join(format!("photos/{part}/{class}/1.png"))).unwrap();
        }
    }
    ran(f, &["eval", "run"])
        .fails(1, &["photos: class: found \"bat\" of 1 sample, expected one of cat, dog, newt"]);
    // A picture that is none, met in the middle of an epoch, by its name.
    fs::write(f.join("photos/train/dog/3.jpg"), b"\xFF\xD8\xFFno picture").unwrap();
    let mut command = gradus(f, &["train", "small.toml", "--data", "photos"]);
    let failed = super::Ran::from(command.output().unwrap());
    failed.fails(
        1,
        &["photos/train/dog/3.jpg, byte 13: found the end of the file, expected the rest of"],
    );
}
