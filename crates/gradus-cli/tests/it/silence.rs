//! What was never done is said, on the terminal and in `--json`.

use super::{Ran, ok};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

fn train(folder: &Path, options: &str) -> Ran {
    let args = format!("train {options} --no-tensorboard --json");
    ok(folder, &args.split_whitespace().collect::<Vec<_>>())
}

/// The texts of the remarks about something.
fn about(trained: &Ran, what: &str) -> Vec<String> {
    let json = trained.json();
    let all = json["remarks"].as_array().unwrap().iter().filter(|r| r["about"] == what);
    all.map(|remark| remark["text"].as_str().unwrap().to_owned()).collect()
}

/// 100 rows of two classes that `x` tells apart.
fn write_rows(path: &Path) {
    let row = |i: usize| format!("{},{}\n", i % 2 * 5 + i % 3, ["a", "b"][i % 2]);
    fs::write(path, format!("x,class\n{}", (0..100).map(row).collect::<String>())).unwrap();
}

#[test]
fn batches_that_never_come_together_make_a_step_of_an_epoch() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_rows(&f.join("t.csv"));
    let trained = train(f, "mlp --data t.csv --batch 32 --epochs 20 --accumulate 100 --out run");
    assert!(trained.err.contains("20 epochs of 1 step,"), "{}", trained.err);
    let text = "accumulate 100: an epoch has 3 batches, so each step takes no more";
    assert_eq!(about(&trained, "accumulate"), [text]);
    assert!(trained.err.contains(&format!("remark: {text}\n")), "{}", trained.err);
    assert_eq!(trained.json()["steps"], 20);
    assert_eq!(trained.json()["test_accuracy"], 1.0, "{}", trained.out);
    // Three batches, two for a step: a step of two, and one of one.
    let trained = train(f, "mlp --data t.csv --batch 32 --epochs 5 --accumulate 2 --out two");
    assert!(trained.err.contains("5 epochs of 2 steps,"), "{}", trained.err);
    assert_eq!((&trained.json()["steps"], about(&trained, "accumulate").len()), (&10.into(), 0));
}

#[test]
fn a_loss_above_that_of_guessing_is_remarked_on() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    // The class has nothing to do with the number.
    let row = |i: usize| format!("{},{}\n", i * 31 % 101, ["a", "b", "b"][i * i * 7 % 97 % 3]);
    fs::write(f.join("t.csv"), format!("x,class\n{}", (0..150).map(row).collect::<String>()))
        .unwrap();
    let trained = train(f, "mlp --data t.csv --epochs 300 --lr 0.02 --out run");
    let json = trained.json();
    let (loss, guessing) =
        (json["test_loss"].as_f64().unwrap(), json["guessing_loss"].as_f64().unwrap());
    assert!(guessing < 2f64.ln() && loss > guessing, "{}", trained.out);
    let text = format!(
        "the loss, {loss:.4}, is no lower than that of guessing by how frequent the classes are, {guessing:.4}"
    );
    assert!(trained.out.contains(&format!("remark         {text}\n")), "{}", trained.out);
    assert_eq!(about(&trained, "result"), [&*text]);
    // What is offered instead can be run.
    let remedy = json["remedy"].as_str().unwrap().split("   (").next().unwrap();
    let remedy = remedy.replace("--epochs 1200", "--epochs 2");
    let words: Vec<&str> = remedy.split_whitespace().skip(1).collect();
    ok(f, &[&words[..], &["--limit-batches", "2", "--out", "again"]].concat());
    // A few steps of digits are no better than none.
    let digits = train(f, "mlp --epochs 1 --limit-batches 1 --lr 1e-6 --out digits");
    assert!(digits.json()["remedy"].as_str().unwrap().contains("--lr 0.003   (a higher rate"));
    // Numbers, and yes and no.
    let row = |i: usize| {
        format!("{},{},{}\n", i * 31 % 101, i * i * 7 % 97, usize::from(i.is_multiple_of(4)))
    };
    fs::write(f.join("n.csv"), format!("x,y,z\n{}", (0..120).map(row).collect::<String>()))
        .unwrap();
    for (options, most) in [("--target y --loss mae", 0.95), ("--target z --loss bce", 0.6)] {
        let trained = train(
            f,
            &format!(
                "mlp --data n.csv --leave-out {} --epochs 1 {options}",
                if options.contains('y') { "z" } else { "y" }
            ),
        );
        let guessing = trained.json()["guessing_loss"].as_f64().unwrap();
        assert!(guessing > 0.5 && guessing < most, "{options}: {guessing}");
    }
}

#[test]
fn what_comes_after_the_last_epoch_never_comes() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_rows(&f.join("t.csv"));
    let trained = train(
        f,
        "mlp --data t.csv --epochs 4 --warm-up 4 --schedule milestones --milestones 2,9 --validation 0.2 --early-stopping 6",
    );
    let warm_up = "warm-up 4: in 4 epochs the rate never comes to what is stated";
    assert_eq!(about(&trained, "warm_up"), [warm_up]);
    assert_eq!(
        about(&trained, "milestones"),
        ["milestones 9: in 4 epochs the rate does not drop there"]
    );
    assert_eq!(about(&trained, "early_stopping").len(), 1);
    assert!(trained.err.contains(&format!("remark: {warm_up}")), "{}", trained.err);
}

fn save(path: &Path, side: u32, number: u32, red: bool) {
    let pixel = |x: u32, y: u32| {
        let v = ((x * 3 + y * 5 + number * 11) % 200) as u8;
        image::Rgb(if red { [250, v, v] } else { [v, v, 250] })
    };
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::RgbImage::from_fn(side, side, pixel).save(path).unwrap();
}

#[test]
fn pictures_that_are_shrunk_and_never_varied() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    for i in 0..8 {
        save(&f.join(format!("large/red/{i}.png")), 96, i, true);
        save(&f.join(format!("large/blue/{i}.png")), 96, i, false);
        save(&f.join(format!("small/red/{i}.png")), 32, i, true);
        save(&f.join(format!("small/blue/{i}.png")), 32, i, false);
    }
    fs::write(f.join("r.toml"), "model = \"resnet20\"\nepochs = 1\nnetwork.width = 0.125\n")
        .unwrap();
    let shrunk = train(f, "r.toml --data large --augment none");
    let text = "large: pictures of 96×96 pixels (height×width) are shrunk to 32×32, the size that resnet20 is made for; --augment \"resize(96)\" shows more of them, for more time";
    assert_eq!(about(&shrunk, "pictures_shrunk"), [text]);
    assert_eq!(about(&shrunk, "no_augmentation").len(), 1);
    assert!(shrunk.err.contains(&format!("remark: {text}\n")), "{}", shrunk.err);
    // As it says.
    let larger = train(f, "r.toml --data large --augment resize(96),shift(4),flip");
    assert!(
        about(&larger, "pictures_shrunk").is_empty()
            && about(&larger, "no_augmentation").is_empty()
    );
    let small = train(f, "r.toml --data small --augment shift(4),flip");
    assert!(about(&small, "pictures_shrunk").is_empty(), "{}", small.err);
    // A class whose only picture is held out.
    save(&f.join("parts/train/red/1.png"), 32, 1, true);
    save(&f.join("parts/train/blue/1.png"), 32, 1, false);
    for class in ["red", "blue", "green"] {
        save(&f.join(format!("parts/test/{class}/1.png")), 32, 2, class == "red");
    }
    fs::create_dir_all(f.join("parts/train/green")).unwrap();
    let rows: String = (0..40).map(|i| format!("{i},{}\n", ["a", "b"][i % 2])).collect();
    fs::write(f.join("rare.csv"), format!("x,class\n{rows}40,c\n")).unwrap();
    fs::write(f.join("held.csv"), "x,class\n40,c\n0,a\n1,b\n").unwrap();
    let rare = train(f, "mlp --data rare.csv --split position --epochs 1");
    let told = about(&rare, "class_without_training");
    assert_eq!(told.is_empty(), !rare.err.contains("no sample to train on of c"), "{}", rare.err);
}

/// A rate that was too low, until it was another: said, and withdrawn.
#[test]
fn a_remark_that_no_longer_holds_is_withdrawn() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let slow = "mlp --epochs 1 --batch 32 --optimizer sgd --lr 1e-7 --schedule constant --out run";
    let slow = train(f, slow);
    assert_eq!(slow.json()["remarks"][0]["ailment"], "rate-too-low", "{}", slow.out);
    let resume = ["train", "--resume", "run", "--json"];
    let faster = ok(f, &[&resume[..], &["--epochs", "3", "--lr", "0.02"]].concat());
    assert!(faster.err.contains("remark withdrawn (rate-too-low): the loss, "), "{}", faster.err);
    assert_eq!(faster.json()["remarks"], serde_json::json!([]), "{}", faster.out);
    assert!(
        !faster.out.contains("diagnosis  ") && !faster.out.contains("remark  "),
        "{}",
        faster.out
    );
    let log = gradus::io::log::read_json_lines(&f.join("run/log.jsonl")).unwrap().records;
    let of = |kind: &str| {
        log.iter().filter(|r| r["kind"] == kind && r["ailment"] == "rate-too-low").count()
    };
    assert_eq!((of("remark"), of("withdrawn")), (1, 1), "the log keeps both");
    // The same again of a run that is finished.
    assert_eq!(ok(f, &resume).json()["remarks"], faster.json()["remarks"]);
}

/// A loss that has fallen from a thousand to sixty is still far above a guess: what was said of the rate holds.
#[test]
fn nothing_is_withdrawn_above_the_loss_of_a_guess() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let high = train(f, "mlp --limit-batches 40 --epochs 3 --optimizer adam --lr 10 --out run");
    let remarks = high.json()["remarks"].to_string();
    assert!(remarks.contains("rate-too-high"), "{}", high.err);
    assert!(!high.err.contains("withdrawn"), "{}", high.err);
}

/// Right more often than a guess, but too sure where it is wrong.
#[test]
fn a_loss_above_guessing_may_be_of_a_model_that_is_of_use() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    // Three rows in ten are of the other class, whatever their numbers say.
    let row = |i: usize| {
        let class = (i % 2) ^ usize::from(i * i * 7 % 97 % 10 < 3);
        let class = ["a", "b"][class];
        format!("{},{},{},{class}\n", i % 2 * 5 + i % 3, i * 37 % 101, i * 53 % 89)
    };
    let rows: String = (0..300).map(row).collect();
    fs::write(f.join("t.csv"), format!("x,y,z,class\n{rows}")).unwrap();
    let options = "--hidden 128,64 --lr 0.005 --epochs 120 --no-diagnosis --out run";
    let trained = train(f, &format!("mlp --data t.csv {options}"));
    let json = trained.json();
    assert!(json["test_accuracy"].as_f64().unwrap() > 0.56, "{}", trained.out);
    assert!(json["test_loss"].as_f64() > json["guessing_loss"].as_f64(), "{}", trained.out);
    assert!(trained.out.contains(": the model is too sure where it is wrong\n"), "{}", trained.out);
    assert!(trained.out.contains("next           gradus predict run FILE.csv"), "{}", trained.out);
}
