//! Fooling a trained model, and training one that is harder to fool.

#[cfg(unix)]
use super::resume::is_whole_when_killed;
use super::{Ran, ok, ran};
use gradus::data::{Dataset, mnist_5k};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// A few batches of digits are enough to have something to fool.
fn train(folder: &Path, run: &str, more: &str) -> Ran {
    let args = format!("train lenet --limit-batches 60 --no-tensorboard --json --out {run} {more}");
    ok(folder, &args.split_whitespace().collect::<Vec<_>>())
}

fn attack(folder: &Path, words: &str) -> Ran {
    let args = format!("attack {words}");
    ok(folder, &args.split_whitespace().collect::<Vec<_>>())
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

#[test]
fn a_trained_model_is_fooled_and_it_is_shown_how() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    train(f, "run", "--epochs 1");
    train(f, "other", "--epochs 1 --seed 1");
    let words = "run --with pgd --epsilon 4/255,0.2 --steps 8 --limit 150 --against other --out sheet.png --plot curve.svg --json";
    let ran = attack(f, words);
    let json = ran.json();
    assert_eq!((json["samples"].as_u64(), json["attack"].as_str()), (Some(150), Some("pgd")));
    let (clean, curve) = (number(&json["clean_accuracy"]), json["accuracies"].as_array().unwrap());
    let accuracy = |at: usize| number(&curve[at]["accuracy"]);
    assert!(clean > 0.7 && clean > accuracy(0) && accuracy(0) > accuracy(1), "{json}");
    assert!(accuracy(1) < 0.1, "{json}");
    assert!(number(&curve[1]["linf"]) <= 0.2 && number(&curve[0]["epsilon"]) == 4.0 / 255.0);
    // What fools one model fools another less.
    assert!(number(&curve[1]["against_accuracy"]) > accuracy(1), "{json}");
    assert_eq!(number(&curve[0]["gradients"]), 150.0 * 8.0);
    assert!(ran.out.contains("4/255    0."), "{}", ran.out);
    let sheet = image::open(f.join("sheet.png")).unwrap();
    assert!(sheet.width() > 600 && sheet.height() > 600, "{}×{}", sheet.width(), sheet.height());
    let curve = fs::read_to_string(f.join("curve.svg")).unwrap();
    let last = number(&json["accuracies"][1]["against_accuracy"]);
    let legend = format!(">other {}<", (last * 1e4).round() / 1e4);
    assert!(curve.contains(&legend), "{legend} is not in {curve}");
    // The same seed, the same pictures.
    let first = fs::read(f.join("sheet.png")).unwrap();
    assert_eq!(attack(f, words).json()["accuracies"], json["accuracies"]);
    assert_eq!(fs::read(f.join("sheet.png")).unwrap(), first);

    let least =
        attack(f, "run --data mnist-5k --with deepfool --epsilon 0.5,3 --limit 40 --json").json();
    let curve = least["accuracies"].as_array().unwrap();
    assert_eq!((curve.len(), &curve[0]["epsilon"]), (3, &Value::Null));
    let accuracies: Vec<f64> = curve.iter().map(|point| number(&point["accuracy"])).collect();
    assert!(accuracies[0] <= accuracies[2] && accuracies[2] <= accuracies[1], "{least}");
    assert!(number(&least["median_l2"]) > 0.1);
    let auto = "run --with auto --epsilon 0.05,0.2 --steps 10 --limit 48 --plot auto.svg --json";
    let auto = attack(f, auto).json();
    let (clean, point) = (number(&auto["clean_accuracy"]), &auto["accuracies"][1]);
    let felled = ["apgd-ce", "apgd-t", "square"].map(|name| number(&point["felled"][name]));
    let left = (clean - number(&point["accuracy"])) * 48.0;
    assert!((felled.iter().sum::<f64>() - left).abs() < 1e-6 && felled[0] > 0.0, "{auto}");
    let least = "run --with deepfool --limit 20 --plot least.svg --json";
    assert_eq!(attack(f, least).json()["curve"].as_str(), Some("least.svg"));
    let steps = fs::read_to_string(f.join("least.svg")).unwrap();
    assert!(steps.contains(">run 0<"), "nothing is left at the largest change: {steps}");
    let aimed = attack(f, "run --with fgsm --epsilon 0.3 --target 1 --limit 40 --json").json();
    assert_eq!((aimed["target"].as_str(), aimed["samples"].as_u64()), (Some("1"), Some(40)));
    for more in [
        "--with square --steps 60 --epsilon 0.3",
        "--with cw --steps 20",
        "--with boundary --steps 30",
        "--with pgd-l2",
    ] {
        let json = attack(f, &format!("run {more} --limit 6 --json")).json();
        assert!(
            number(&json["accuracies"][0]["accuracy"]) <= number(&json["clean_accuracy"]),
            "{more}"
        );
    }
}

#[test]
fn a_picture_in_a_file_is_fooled_and_read_again() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    train(f, "run", "--epochs 1");
    let digits = mnist_5k().unwrap();
    let mut pixels = vec![0.0; 784];
    for index in [0, 1] {
        digits.read(index, &mut pixels).unwrap();
        let bytes: Vec<u8> = pixels.iter().map(|x| (x * 255.0).round() as u8).collect();
        image::GrayImage::from_raw(28, 28, bytes)
            .unwrap()
            .save(f.join(format!("{index}.png")))
            .unwrap();
    }
    let ran = attack(f, "run 0.png 1.png --with pgd --epsilon 0.01,0.3 --json");
    let json = ran.json();
    for index in [0, 1] {
        let one = &json["pictures"][index];
        assert_eq!(
            (one["fooled"].as_bool(), one["out"].as_str()),
            (Some(true), Some(&*format!("{index}-pgd.png")))
        );
        assert_ne!(one["before"]["class"], one["after"]["class"], "{one}");
        // What predict sees in the file is what was said.
        let path = format!("{index}-pgd.png");
        let seen =
            ok(f, &["predict", "run", &path, "--json"]).json()["predictions"][0]["class"].clone();
        assert_eq!(one["read_again"]["class"], seen, "{one}");
    }
    let told = attack(f, "run 0.png --with fgsm --epsilon 1/2550 --out none.png");
    assert!(
        told.out.contains("and not fooled; nothing is written") && !f.join("none.png").exists()
    );
    let refused = |words: &str, parts: &[&str]| {
        ran_words(f, words).fails(2, parts);
    };
    refused("run 0.png 1.png --out x.png", &["--out: found 2 pictures, expected one"]);
    refused("run 0.png --out 0.png", &["--out: found 0.png, which is an input"]);
    refused("run 0.png --plot x.svg", &["--plot: found pictures in files"]);
    refused("run 0.png --against run", &["--against: found pictures in files"]);
    refused("run 0.png missing.png", &["missing.png: found no such file, expected pictures only"]);
}

fn ran_words(folder: &Path, words: &str) -> Ran {
    ran(folder, &format!("attack {words}").split_whitespace().collect::<Vec<_>>())
}

#[test]
fn what_cannot_be_attacked_is_told_in_a_line() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    train(f, "run", "--epochs 1");
    for (words, part) in [
        ("run --epsilon 0", "--epsilon: found \"0\", expected a number above 0"),
        ("run --epsilon -0.1", "--epsilon: found \"-0.1\", expected a number above 0"),
        (
            "run --epsilon 8",
            "--epsilon: found \"8\", expected at most 1: pixels go from 0 to 1, so 8 of 255 steps are 8/255",
        ),
        ("run --epsilon 0.1,x", "--epsilon: found \"x\", expected a number such as 0.1 or 8/255"),
        ("run --with pdg", "unknown attack \"pdg\"; did you mean \"pgd\"?"),
        ("run --target 10", "--target: found 10, expected a class: 0 to 9, or its name"),
        ("run --target ten", "unknown class \"ten\""),
        ("run --with deepfool --target 1", "--target: deepfool goes to whichever class is nearest"),
        ("run --with fgsm --steps 3", "--steps: fgsm is one step"),
        ("run --with square --restarts 2", "--restarts: square begins once"),
        ("run --with square --step-size 1", "--step-size: square has none"),
        ("run --plot curve.png", "--plot: found curve.png, expected a file that ends in .svg"),
        ("run --with apgd-t --target 1", "--target: apgd-t goes to whichever class is nearest"),
        ("run --with auto --restarts 2", "--restarts: auto begins once"),
        ("run --out sheet.jpg", "--out: found sheet.jpg, expected a file that ends in .png"),
        ("run nowhere", "unknown data set"),
    ] {
        ran_words(f, words).fails(2, &[part]);
    }
    fs::create_dir(f.join("empty")).unwrap();
    ran_words(f, "run empty").fails(1, &["empty: found no data"]);
    fs::write(f.join("flowers.csv"), "a,b,class\n".to_owned() + &"1,2,x\n3,1,y\n".repeat(20))
        .unwrap();
    ok(
        f,
        &[
            "train",
            "linear",
            "--data",
            "flowers.csv",
            "--split",
            "position",
            "--epochs",
            "1",
            "--out",
            "rows",
        ],
    );
    ran_words(f, "rows").fails(2, &["rows: found a model of rows of a table, expected one that tells classes of pictures apart"]);
    ran_words(f, "run --against rows").fails(2, &["rows: found a model of rows"]);
    let training = |words: &str, part: &str| {
        ran(f, &format!("train {words} --out no").split_whitespace().collect::<Vec<_>>())
            .fails(2, &[part]);
    };
    training(
        "lenet --adversarial pdg",
        "unknown attack to train by \"pdg\"; did you mean \"pgd\"?",
    );
    training("lenet --epsilon 0.1", "epsilon: found 0.1 without adversarial");
    training("lenet --adversarial pgd --epsilon 8", "expected at most 1");
    training(
        "lenet --adversarial pgd --attack-steps 0",
        "attack-steps: found 0, expected at least 1",
    );
    training(
        "lenet --adversarial fgsm --attack-steps 3",
        "attack-steps: fgsm is one step of epsilon",
    );
    training(
        "linear --data flowers.csv --split position --adversarial pgd",
        "adversarial: found pgd with flowers.csv, expected pictures of classes",
    );
    training(
        "char-lstm --data flowers.csv --adversarial pgd",
        "adversarial: found pgd with char-lstm",
    );
    assert!(!f.join("no").exists());
}

#[test]
fn a_model_that_learns_from_what_fools_it_is_harder_to_fool() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let plain = "--batch 64 --lr 0.005 --seed 3 --epochs 3";
    train(f, "plain", plain);
    let hard =
        train(f, "hard", &format!("{plain} --adversarial pgd --epsilon 0.1 --attack-steps 3"));
    let json = hard.json();
    assert!(
        hard.out.contains("robust accuracy ")
            && hard.out.contains("(under pgd of 3 steps, epsilon 0.1)"),
        "{}",
        hard.out
    );
    let robust = |run: &str| {
        let json =
            attack(f, &format!("{run} --with pgd --epsilon 0.1 --steps 3 --limit 1000 --json"))
                .json();
        number(&json["accuracies"][0]["accuracy"])
    };
    let (of_plain, of_hard) = (robust("plain"), robust("hard"));
    assert!(of_hard > of_plain + 0.15, "{of_plain} {of_hard}");
    let told = number(&json["robust_accuracy"]);
    assert!(
        (told - of_hard).abs() < 0.03 && told < number(&json["test_accuracy"]),
        "{told} {of_hard}"
    );
    // What was not said is stated, so that the run goes on with it.
    let config = fs::read_to_string(f.join("hard/config.toml")).unwrap();
    for entry in [
        "adversarial = \"pgd\"",
        "epsilon = 0.1",
        "attack_steps = 3",
        "attack_step_size = 0.08333333333333",
    ] {
        assert!(config.contains(entry), "{entry} is not in {config}");
    }
}

#[cfg(unix)]
#[test]
fn a_killed_adversarial_training_goes_on_to_the_same_bits() {
    let folder = tempdir().unwrap();
    is_whole_when_killed(folder.path(), |run| {
        let words = "train lenet --epochs 8 --limit-batches 4 --checkpoint-every 0 --adversarial pgd --epsilon 0.1 --attack-steps 2 --out";
        words.split_whitespace().chain([run]).collect()
    });
}
