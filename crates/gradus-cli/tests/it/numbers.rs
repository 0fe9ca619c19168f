//! Models of numbers: one target or several, yes and no, in the units of the data; what does not go together is refused.

use super::{Ran, ok, ran};
use gradus::Tensor;
use gradus::onnx::Network;
use serde_json::Value;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// Boats: `price` follows from `length` and `age`, `berths` from `length`; `dear` and `old` say whether a price or an age is high.
/// Prices are in so many units.
fn write_boats(path: &Path, unit: f64) {
    let mut text = String::from("length,price,age,berths,dear,old\n");
    for i in 0..300u64 {
        let draw = |k: u64| (i * k % 97) as f64 / 97.0;
        let (length, age) = (5.0 + 10.0 * draw(31), 40.0 * draw(59));
        let price = 40_000.0 + 9_000.0 * length - 1_500.0 * age + 3_000.0 * draw(13);
        let berths = (length / 2.0).floor();
        let (dear, old) = (u8::from(price > 100_000.0), u8::from(age > 20.0));
        let price = price.round() * unit;
        writeln!(text, "{length:.3},{price},{age:.2},{berths},{dear},{old}").unwrap();
    }
    fs::write(path, text).unwrap();
}

fn train(folder: &Path, run: &str, options: &str) -> Ran {
    let args = "train mlp --data boats.csv --lr 0.01 --json --out";
    let args: Vec<&str> = args.split(' ').chain([run]).chain(options.split_whitespace()).collect();
    ok(folder, &args)
}

fn number(record: &Value, name: &str) -> f64 {
    record[name].as_f64().unwrap_or_else(|| panic!("no {name} in {record}"))
}

#[test]
fn a_number_is_learned_and_told_in_its_own_units() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_boats(&f.join("boats.csv"), 1.0);
    let trained = train(f, "run", "--target price --loss mse --epochs 40 --validation 0.2");
    let record = trained.json();
    let (r2, error) = (number(&record, "test_r2"), number(&record, "test_mean_absolute_error"));
    assert!(r2 > 0.98 && (300.0..5_000.0).contains(&error), "{record}");
    // What is left of standardised targets is what is not explained.
    assert!((number(&record, "test_loss") - (1.0 - r2)).abs() < 0.01, "{record}");
    assert_eq!(record["targets"], serde_json::json!(["price"]));
    assert!(record.get("test_accuracy").is_none());
    assert!(!trained.out.contains("accuracy") && !trained.err.contains("accuracy"));
    assert!(trained.out.contains(" of standardised targets   ("), "{}", trained.out);
    assert!(
        trained.err.contains("the target is column price, the loss mse; it learns from 5 columns")
    );
    assert!(trained.err.contains("  validation loss 0.") && trained.err.contains("  r2 0."));
    assert!(fs::read(f.join("run/predicted.png")).unwrap().starts_with(b"\x89PNG"));

    // The epoch that is kept has the lowest validation loss.
    let table = fs::read_to_string(f.join("run/log.csv")).unwrap();
    let header: Vec<&str> = table.lines().next().unwrap().split(',').collect();
    let at = header.iter().position(|name| *name == "val_loss").unwrap();
    let losses = table.lines().skip(1).map(|line| line.split(',').nth(at).unwrap());
    let losses: Vec<f64> = losses.map(|loss| loss.parse().unwrap()).collect();
    let kept = losses[record["epoch"].as_u64().unwrap() as usize - 1];
    assert!(losses.iter().all(|loss| *loss >= kept), "{kept} of {losses:?}");

    let tested = ok(f, &["eval", "run", "--json", "--plot", "again.png"]);
    for name in ["test_r2", "test_mean_absolute_error", "test_loss"] {
        assert_eq!(tested.json()[name], record[name], "{name}");
    }
    assert_eq!(
        fs::read(f.join("again.png")).unwrap(),
        fs::read(f.join("run/predicted.png")).unwrap()
    );

    // Columns in another order, the target missing, then there.
    fs::write(f.join("new.csv"), "old,dear,age,length,berths\n0,0,10,8.5,4\n1,1,30,14,7\n")
        .unwrap();
    let found = ok(f, &["predict", "run", "new.csv", "--json"]);
    let value = |record: &Value, i: usize| number(&record["predictions"][i]["values"], "price");
    let predicted = [0, 1].map(|i| value(&found.json(), i));
    for (found, expected) in predicted.iter().zip([103_000.0, 122_500.0]) {
        assert!((found - expected).abs() < 12_000.0, "{predicted:?}");
    }
    assert!(
        found.json().get("r2").is_none() && found.json()["predictions"][0].get("truth").is_none()
    );
    let with = "price,old,dear,age,length,berths\n100000,0,0,10,8.5,4\n120000,1,1,30,14,7\n";
    fs::write(f.join("new.csv"), with).unwrap();
    let found = ok(f, &["predict", "run", "new.csv", "--json"]).json();
    let error = (predicted[0] - 100_000.0).abs() / 2.0 + (predicted[1] - 120_000.0).abs() / 2.0;
    assert!((number(&found, "mean_absolute_error") - error).abs() < 1e-6 * error, "{found}");
    assert_eq!(found["predictions"][1]["truth"]["price"], 120_000.0);

    // In cents, errors are a hundred times as large and nothing else is different.
    write_boats(&f.join("boats.csv"), 100.0);
    let cents = train(f, "cents", "--target price --epochs 40 --validation 0.2").json();
    let ratio =
        number(&cents, "test_mean_absolute_error") / number(&record, "test_mean_absolute_error");
    assert!((ratio - 100.0).abs() < 5.0, "{ratio}");
    assert!((number(&cents, "test_r2") - r2).abs() < 0.01);
}

#[test]
fn several_targets_with_and_without_names() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_boats(&f.join("boats.csv"), 1.0);
    let options = "--target berths,price --loss huber --metrics mean_absolute_error --epochs 30";
    let trained = train(f, "run", options);
    let each = &trained.json()["test_by_target"];
    let error = |name: &str| number(&each[name], "mean_absolute_error");
    assert!(error("berths") < 0.6 && (300.0..6_000.0).contains(&error("price")), "{each}");
    assert!(trained.out.contains("target  mean_absolute_error\nberths  "), "{}", trained.out);
    assert!(trained.json().get("test_r2").is_none(), "it was not asked for");

    // Without a header columns have numbers.
    let text = fs::read_to_string(f.join("boats.csv")).unwrap();
    fs::write(f.join("boats.csv"), text.split_once('\n').unwrap().1).unwrap();
    let bare = train(f, "bare", "--target 4,2 --epochs 10");
    assert_eq!(bare.json()["targets"], serde_json::json!(["4", "2"]));
    let again = ok(f, &["eval", "bare", "--json"]).json();
    assert_eq!(again["test_r2"], bare.json()["test_r2"]);
    fs::write(f.join("x.csv"), "8.5,10,0,0\n").unwrap();
    let found = ok(f, &["predict", "bare", "x.csv"]);
    assert!(
        found.out.starts_with("x.csv\n  line               4               2\n"),
        "{}",
        found.out
    );
    fs::write(f.join("x.csv"), "8.5,10,0\n").unwrap();
    ran(f, &["predict", "bare", "x.csv"]).fails(
        1,
        &["x.csv: found 3 columns, expected 4 as the model learned from, or 6 with its targets"],
    );
}

#[test]
fn several_labels_are_each_a_yes_or_no() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_boats(&f.join("boats.csv"), 1.0);
    let trained = train(f, "run", "--target dear,old --loss bce --epochs 25");
    let record = trained.json();
    assert!(number(&record, "test_binary_accuracy") > 0.9, "{record}");
    assert!(number(&record, "test_auc") > 0.97, "{record}");
    assert!(!f.join("run/predicted.png").exists() && record.get("plot").is_none());
    assert!(trained.err.contains("  binary_accuracy 0."), "{}", trained.err);
    fs::write(f.join("x.csv"), "length,price,age,berths\n6,50000,35,3\n14,160000,5,7\n").unwrap();
    let found = ok(f, &["predict", "run", "x.csv", "--json"]);
    let p = |i: usize, name: &str| number(&found.json()["predictions"][i]["probabilities"], name);
    assert!(p(0, "dear") < 0.3 && p(0, "old") > 0.7 && p(1, "dear") > 0.7 && p(1, "old") < 0.3);
    assert_eq!(found.json()["predictions"][0]["values"]["old"], 1.0);
    assert!(found.out.contains(" % "), "{}", found.out);
    ran(f, &["eval", "run", "--plot", "x.png"]).fails(2, &["--plot is of models of numbers"]);
    // One of two sides, by the loss of support vector machines.
    let text = fs::read_to_string(f.join("boats.csv")).unwrap();
    let sides = text.lines().skip(1).map(|line| match line.strip_suffix(",0") {
        Some(line) => format!("{line},-1\n"),
        None => format!("{line}\n"),
    });
    fs::write(
        f.join("boats.csv"),
        format!("length,price,age,berths,dear,old\n{}", sides.collect::<String>()),
    )
    .unwrap();
    let hinge = train(f, "sides", "--target old --loss hinge --epochs 25").json();
    assert!(number(&hinge, "test_binary_accuracy") > 0.9, "{hinge}");
    let found = ok(f, &["predict", "sides", "boats.csv", "--json"]).json();
    let value = |i: usize| {
        (&found["predictions"][i]["values"]["old"], &found["predictions"][i]["truth"]["old"])
    };
    let right = (0..300).filter(|&i| value(i).0 == value(i).1).count();
    assert!(right > 270, "{right} of 300");
}

#[test]
fn recipes_say_what_is_learned() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_boats(&f.join("boats.csv"), 1.0);
    let recipe = "model = \"mlp\"\ndata = \"boats.csv\"\ntarget = \"price, berths\"\nepochs = 2\n\
                  [training]\nloss = \"mae\"\nmetrics = [\"r2\"]\n";
    fs::write(f.join("boats.toml"), recipe).unwrap();
    let first = ok(f, &["train", "boats.toml", "--out", "run", "--json"]).json();
    assert_eq!(
        (&first["targets"][1], first.get("test_mean_absolute_error")),
        (&"berths".into(), None)
    );
    let config = fs::read_to_string(f.join("run/config.toml")).unwrap();
    for entry in ["target = [\"price\", \"berths\"]", "loss = \"mae\"", "metrics = [\"r2\"]"] {
        assert!(config.contains(entry), "{entry} in {config}");
    }
    let again = ok(f, &["train", "run/config.toml", "--out", "again", "--json"]).json();
    assert_eq!((&again["test_r2"], &again["test_loss"]), (&first["test_r2"], &first["test_loss"]));
    // Another loss has other metrics, unless they are stated; what is not stated is written down.
    let other = ["train", "boats.toml", "--target", "dear", "--loss", "bce", "--out", "bce"];
    ok(f, &other);
    let config = fs::read_to_string(f.join("bce/config.toml")).unwrap();
    assert!(config.contains("metrics = [\"binary_accuracy\", \"auc\"]"), "{config}");

    // A run of before says `balance_classes`, and goes on.
    let args = "train mlp --data boats.csv --label berths --class-weights balanced --metrics accuracy,macro_f1 --epochs 2 --json --out old";
    let begun = ok(f, &args.split(' ').collect::<Vec<_>>());
    assert!(number(&begun.json(), "test_macro_f1") <= 1.0 && begun.out.contains("   macro_f1 0."));
    for file in ["config.toml", "record.json"] {
        let path = f.join("old").join(file);
        let text = fs::read_to_string(&path).unwrap();
        let before = text
            .replace("class_weights = \"balanced\"", "balance_classes = true")
            .replace("\"class_weights\": \"balanced\"", "\"balance_classes\": true");
        assert_ne!(text, before);
        fs::write(&path, before).unwrap();
    }
    let resumed = ok(f, &["train", "--resume", "old", "--json"]).json();
    assert_eq!(resumed["test_macro_f1"], begun.json()["test_macro_f1"]);
}

#[test]
fn what_does_not_go_together_is_refused_before_anything_begins() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_boats(&f.join("boats.csv"), 1.0);
    let refused = |code: i32, options: &str, parts: &[&str]| {
        let args = ["train", "mlp", "--data"].into_iter().chain(options.split(' '));
        ran(f, &args.collect::<Vec<_>>()).fails(code, parts);
    };
    let of_classes =
        "loss: found cross_entropy, which is of classes, for the target price, expected mse, mae,";
    refused(2, "boats.csv --target price --loss cross_entropy", &[of_classes]);
    refused(
        2,
        "boats.csv --label berths --loss mse",
        &["found mse, which is of numbers, for data with classes"],
    );
    refused(
        2,
        "boats.csv --target price --metrics accuracy",
        &["found accuracy, which is of classes, for the loss mse"],
    );
    refused(
        2,
        "boats.csv --label berths --metrics auc",
        &["found auc, which is of yes and no, for the loss cross_entropy"],
    );
    refused(
        2,
        "boats.csv --target dear --loss bce --metrics r2",
        &["expected binary_accuracy or auc"],
    );
    refused(
        2,
        "boats.csv --target price --loss mes",
        &["unknown loss \"mes\"; did you mean \"mse\"?"],
    );
    refused(
        2,
        "boats.csv --target price --metrics r3",
        &["unknown metric \"r3\"; did you mean \"r2\"?"],
    );
    refused(
        2,
        "boats.csv --target price --label berths",
        &["label: found berths with the target price"],
    );
    refused(
        2,
        "boats.csv --target price --balance-classes",
        &["class-weights: found balanced with the target price, expected classes to weigh"],
    );
    refused(
        2,
        "mnist-5k --target price",
        &["target: found \"price\" for mnist-5k, expected a CSV file"],
    );
    refused(1, "boats.csv --target prize", &["name \"prize\", expected one of length, price, age"]);
    refused(1, "boats.csv --target price,2", &["found \"price\" twice, expected each column once"]);
    refused(
        1,
        "boats.csv --target price --split time:price",
        &["column \"price\": found it as a target"],
    );
    refused(
        1,
        "boats.csv --target berths --loss bce",
        &["boats.csv, line 2, column 4 (\"berths\"): found \"", "expected 1 or 0"],
    );
    // A network for pictures says which take rows.
    let lenet = ran(f, &["train", "lenet", "--data", "boats.csv", "--target", "price"]);
    lenet.fails(
        1,
        &["expected [channels", "boats.csv has rows of numbers, which these take: linear, mlp"],
    );
    fs::write(f.join("hole.csv"), "length,price\n5,45000\n6,cheap\n7,60000\n").unwrap();
    refused(
        1,
        "hole.csv --target price",
        &["hole.csv, line 3, column 2 (\"price\"): found \"cheap\", expected a number"],
    );
    assert!(!f.join("runs").exists(), "nothing was begun");

    train(f, "run", "--target price --epochs 1");
    fs::write(f.join("other.csv"), "length,age,berths,dear,old\n8,1,4,0,0\n").unwrap();
    ran(f, &["eval", "run", "--data", "other.csv"])
        .fails(1, &["other.csv: target column: found name \"price\", expected one of length, age"]);
    ran(f, &["eval", "run", "--label", "age"]).fails(2, &["but the model learned numbers: price"]);
    // Another target is another run.
    let config = fs::read_to_string(f.join("run/config.toml")).unwrap();
    fs::write(f.join("run/config.toml"), config.replace("[\"price\"]", "[\"age\"]")).unwrap();
    ran(f, &["train", "--resume", "run"])
        .fails(1, &["target: [\"age\"] in config.toml, [\"price\"]"]);
}

#[cfg(unix)]
#[test]
fn a_killed_run_goes_on_to_the_same_bits() {
    use super::resume::{model, signal, start};
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_boats(&f.join("boats.csv"), 1.0);
    let args = |run: &'static str| -> Vec<&str> {
        let args = "train mlp --data boats.csv --target price,berths --loss huber --epochs 60 --checkpoint-every 0 --validation 0.2 --out";
        args.split(' ').chain([run]).collect()
    };
    let (mut child, _lines) = start(f, &args("killed"));
    signal(&child, "-KILL");
    child.wait().unwrap();
    let straight = ok(f, &args("straight"));
    let resumed = ok(f, &["train", "--resume", "killed"]);
    assert!(resumed.err.contains("going on with killed after step"), "{}", resumed.err);
    assert_eq!(model(f, "killed"), model(f, "straight"));
    assert_eq!(resumed.out.replace("killed", "straight"), straight.out);
    let picture = |run: &str| fs::read(f.join(run).join("predicted.png")).unwrap();
    assert_eq!(picture("killed"), picture("straight"));
}

#[test]
fn exported_models_give_the_units_of_the_data() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_boats(&f.join("boats.csv"), 1.0);
    train(f, "run", "--target price,age --epochs 5");
    ok(f, &["export", "run", "--out", "boats.onnx"]);
    let network = Network::read(&f.join("boats.onnx")).unwrap();
    let property = |name: &str| -> Vec<f64> {
        let all = &network.model().properties;
        let (_, text) = all.iter().find(|(known, _)| known == name).unwrap();
        serde_json::from_str(text).unwrap()
    };
    let row = [8.5, 4.0, 0.0, 1.0];
    let prepared = row.iter().zip(property("mean")).zip(property("std"));
    let x: Vec<f32> = prepared.map(|((x, mean), std)| ((x - mean) / std) as f32).collect();
    let y = network.run(&[("input", Tensor::from_slice(&x, [1, 4]))]).unwrap()[0].1.to_vec::<f32>();
    fs::write(f.join("x.csv"), "length,berths,dear,old\n8.5,4,0,1\n").unwrap();
    let found = ok(f, &["predict", "run", "x.csv", "--json"]).json();
    for (y, name) in y.iter().zip(["price", "age"]) {
        let predicted = number(&found["predictions"][0]["values"], name);
        assert!((f64::from(*y) / predicted - 1.0).abs() < 1e-4, "{name}: {y} and {predicted}");
    }
    // A trained model of other numbers, or of classes, begins with the layers before the last.
    let args = "train mlp --data boats.csv --label berths --epochs 1 --out classes";
    ok(f, &args.split(' ').collect::<Vec<_>>());
    let args = "train mlp --data boats.csv --target berths --from classes --epochs 1 --out numbers";
    let begun = ok(f, &args.split(' ').collect::<Vec<_>>());
    assert!(
        begun.err.contains("begins with classes (new are dense2.weight, dense2.bias)"),
        "{}",
        begun.err
    );
}

/// A network may begin far from numbers, and go on well: no rate is to blame.
#[test]
fn remarks_are_of_what_ails() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_boats(&f.join("boats.csv"), 1.0);
    let trained = train(f, "run", "--target price --batch 4 --epochs 8");
    assert!(!trained.err.contains("remark"), "{}", trained.err);
    let rows: String = (0..40).map(|i| format!("{i},7,{}\n", i % 3)).collect();
    fs::write(f.join("boats.csv"), format!("x,always,t\n{rows}")).unwrap();
    let trained = train(f, "constant", "--target always,t --epochs 1");
    assert!(
        trained.err.contains("remark: boats.csv: always is 7 in every sample to train on"),
        "{}",
        trained.err
    );
}

#[test]
fn a_summary_is_of_the_loss_that_was_learned_by() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_boats(&f.join("boats.csv"), 1.0);
    train(f, "run", "--target price,age --loss mae --epochs 1");
    ok(f, &["summary", "run", "--graph", "loss.dot", "--plan"]);
    let picture = fs::read_to_string(f.join("loss.dot")).unwrap();
    assert!(picture.contains("abs") && !picture.contains("log_softmax"), "{picture}");
}

#[test]
fn tables_of_numbers_are_shown() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    fs::write(f.join("t.csv"), "x,y,z\n1,10,5\n2,20,6\n3,60,7\n4,30,8\n5,30,9\n").unwrap();
    let shown = ok(f, &["data", "show", "t.csv", "--target", "y", "--split", "position", "--json"]);
    let target = &shown.json()["targets"][0];
    assert_eq!(
        (&target["least"], &target["mean"], &target["greatest"]),
        (&10.0.into(), &30.0.into(), &60.0.into())
    );
    assert!(shown.out.contains("targets y, features x, z"), "{}", shown.out);
}
