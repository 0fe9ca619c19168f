//! What one looks for after the first command: per class, the worst samples, whole folders, runs beside each other, hidden layers.

use super::{gradus, ok, ran};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use tempfile::tempdir;

/// Three kinds that `x` and `y` tell apart; the rows 30 and 31 hold the same and are of another kind than they look.
fn write_kinds(path: &Path) {
    let row = |i: usize| {
        let k = i % 3;
        let class = if i == 30 || i == 31 { "b" } else { ["a", "b", "c"][k] };
        let i = if i == 31 { 30 } else { i };
        format!("{},{},{class}\n", (i % 3) * 10 + i % 7, 40 - (i % 3) * 20 + i % 5)
    };
    fs::write(path, format!("x,y,kind\n{}", (0..90).map(row).collect::<String>())).unwrap();
}

fn train(folder: &Path, options: &str) -> super::Ran {
    let args = format!("train {options} --no-tensorboard --json");
    ok(folder, &args.split_whitespace().collect::<Vec<_>>())
}

#[test]
fn each_class_and_the_worst_rows() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_kinds(&f.join("t.csv"));
    fs::write(f.join("other.csv"), fs::read_to_string(f.join("t.csv")).unwrap()).unwrap();
    train(f, "mlp --data t.csv --epochs 20 --out run");
    let mut text = fs::read_to_string(f.join("other.csv")).unwrap();
    text.push_str("0,41,c\n0,41,c\n");
    fs::write(f.join("other.csv"), text).unwrap();
    let eval = ["eval", "run", "--data", "other.csv", "--worst", "3", "--out", "w.csv", "--json"];
    let tested = ok(f, &eval);
    let json = tested.json();
    // Numbers follow from the matrix.
    let matrix: Vec<Vec<u64>> = serde_json::from_value(json["confusion"].clone()).unwrap();
    let all: u64 = matrix.iter().flatten().sum();
    assert_eq!(json["samples"], all);
    let mut weighted = 0.0;
    for (k, class) in json["classes"].as_array().unwrap().iter().enumerate() {
        let row: u64 = matrix[k].iter().sum();
        let recall = matrix[k][k] as f64 / row as f64;
        let taken: u64 = matrix.iter().map(|row| row[k]).sum();
        assert!((class["recall"].as_f64().unwrap() - recall).abs() < 1e-12);
        assert!(
            (class["precision"].as_f64().unwrap() - matrix[k][k] as f64 / taken as f64).abs()
                < 1e-12
        );
        assert_eq!((&class["class"], &class["samples"]), (&["a", "b", "c"][k].into(), &row.into()));
        weighted += recall * row as f64 / all as f64;
    }
    assert!((json["weighted"]["recall"].as_f64().unwrap() - weighted).abs() < 1e-12);
    assert!(
        (weighted - json["test_accuracy"].as_f64().unwrap()).abs() < 1e-12,
        "they are the same"
    );
    for line in ["class          precision", "macro mean  ", "weighted mean  "] {
        assert!(tested.out.contains(line), "{line:?} is not in {}", tested.out);
    }
    // The worst: the rows whose kind is wrong, each by its own line.
    let worst = json["worst"].as_array().unwrap();
    let lines: Vec<&str> = worst.iter().map(|w| w["sample"].as_str().unwrap()).collect();
    let losses: Vec<f64> = worst.iter().map(|w| w["loss"].as_f64().unwrap()).collect();
    assert!(losses.is_sorted_by(|a, b| a >= b) && losses[0] > 1.0, "{losses:?}");
    assert!(
        lines[..2].contains(&"other.csv, line 92") && lines[..2].contains(&"other.csv, line 93"),
        "{lines:?}"
    );
    assert_eq!((&worst[0]["truth"], &worst[0]["predicted"]), (&"c".into(), &"a".into()));
    let kept = fs::read_to_string(f.join("w.csv")).unwrap();
    assert!(
        kept.starts_with("sample,truth,predicted,probability,loss\n\"other.csv, line 92\",c,a,0."),
        "{kept}"
    );
    assert_eq!(kept.lines().count(), 4);
    ran(f, &["eval", "run", "--worst", "2", "--out", "w.png"])
        .fails(2, &["--out: found w.png, expected a file that ends in .csv"]);
    ran(f, &["eval", "run", "--worst", "0"]).fails(2, &["--worst"]);
    // Numbers have worst rows, too.
    fs::write(f.join("n.csv"), (0..60).map(|i| format!("{i},{}\n", 3 * i)).collect::<String>())
        .unwrap();
    train(f, "mlp --data n.csv --target 2 --epochs 5 --out n");
    let numbers = ok(f, &["eval", "n", "--worst", "2", "--json"]);
    let row = &numbers.json()["worst"][0];
    let line: f64 = row["sample"].as_str().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert_eq!(row["truth"], (3.0 * (line - 1.0)).to_string(), "{row}");
}

fn save(path: &Path, red: bool, number: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let pixel = if red { [250, number, 20] } else { [20, number, 250] };
    image::RgbImage::from_pixel(32, 32, image::Rgb(pixel)).save(path).unwrap();
}

#[test]
fn folders_are_predicted_but_for_what_cannot_be_read() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    for i in 0..12 {
        save(&f.join(format!("d/red/{i}.png")), true, i);
        save(&f.join(format!("d/blue/{i}.png")), false, i);
    }
    fs::write(
        f.join("r.toml"),
        "model = \"resnet20\"\nepochs = 6\nbatch = 4\nnetwork.width = 0.125\n",
    )
    .unwrap();
    train(f, "r.toml --data d --augment shift(2),flip --out run");
    // A sheet of the worst lies in the run.
    let tested = ok(f, &["eval", "run", "--worst", "4", "--json"]);
    assert_eq!(tested.json()["worst_file"], "run/worst.png");
    let sheet = image::open(f.join("run/worst.png")).unwrap();
    assert!(sheet.width() > 2 * 128 && sheet.height() > 2 * 128);
    // What is right has a green frame, what is not a red one.
    let (sheet, first) = (sheet.to_rgb8(), &tested.json()["worst"][0]);
    let is_right = first["truth"] == first["predicted"];
    let frame = (0..60).map(|x| sheet[(x, 60)].0).find(|pixel| *pixel != [255; 3]).unwrap();
    assert_eq!(frame, if is_right { [0, 122, 61] } else { [192, 38, 28] }, "{first}");
    assert!(
        tested.json()["worst"][0]["sample"].as_str().unwrap().starts_with("d/"),
        "{}",
        tested.out
    );

    for (name, red) in [("in/a, b.png", true), ("in/deep/c.png", false), ("in/z.jpg", true)] {
        save(&f.join(name), red, 3);
    }
    let whole = ok(f, &["predict", "run", "in", "--out", "p.csv", "--top", "2", "--json"]);
    assert_eq!(whole.json()["failed"], serde_json::json!([]));
    fs::write(f.join("in/bad.png"), b"\xFF\xD8\xFF no end").unwrap();
    let partly = ran(f, &["predict", "run", "in", "--out", "p.csv", "--top", "2", "--json"]);
    partly.fails(1, &["in/bad.png", "error: 1 of 4 files gave no prediction: in/bad.png"]);
    let json = partly.json();
    assert_eq!(
        (&json["exit_code"], &json["failed"][0]["input"]),
        (&1.into(), &"in/bad.png".into())
    );
    assert_eq!(json["predictions"].as_array().unwrap().len(), 3, "all else is done");
    let table = fs::read_to_string(f.join("p.csv")).unwrap();
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows[0], "file,class,probability,class_2,probability_2");
    assert_eq!(rows.len(), 4);
    assert!(
        rows[1].starts_with("\"in/a, b.png\",") && rows[2].starts_with("in/deep/c.png,"),
        "{table}"
    );
    for (row, prediction) in rows[2..].iter().zip(&json["predictions"].as_array().unwrap()[1..]) {
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!(prediction["class"], cells[1]);
        let [p, q] = [2, 4].map(|at| cells[at].parse::<f64>().unwrap());
        assert!(p >= q && (p + q - 1.0).abs() < 1e-6, "{row}");
    }
    // One alone is an error of its own; a folder without pictures, too.
    ran(f, &["predict", "run", "in/bad.png"])
        .fails(1, &["in/bad.png, byte 10: found the end of the file"]);
    fs::create_dir(f.join("empty")).unwrap();
    ran(f, &["predict", "run", "empty"])
        .fails(1, &["empty: found no file in it, expected one that holds a picture"]);

    // A picture that comes in.
    let mut child = gradus(f, &["predict", "run", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&fs::read(f.join("in/a, b.png")).unwrap()).unwrap();
    let came = super::Ran::from(child.wait_with_output().unwrap()).json();
    let named = ok(f, &["predict", "run", "in/a, b.png", "--json"]).json();
    assert_eq!(came["predictions"][0]["probabilities"], named["predictions"][0]["probabilities"]);
    let nothing = gradus(f, &["predict", "run", "-"]).stdin(Stdio::null()).output().unwrap();
    super::Ran::from(nothing).fails(1, &["stdin: found an empty file, expected a PNG, JPEG"]);
}

#[test]
fn rows_are_written_as_a_table() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_kinds(&f.join("t.csv"));
    train(f, "mlp --data t.csv --epochs 20 --out run");
    fs::create_dir(f.join("new")).unwrap();
    fs::write(f.join("new/a.csv"), "x,y\n0,41\n21,1\n").unwrap();
    fs::write(f.join("new/b.csv"), "x,z\n0,41\n").unwrap();
    let partly = ran(f, &["predict", "run", "new", "--out", "p.csv", "--top", "1"]);
    partly.fails(1, &["new/b.csv: found the columns x, z", "1 of 2 files gave no prediction"]);
    let table = fs::read_to_string(f.join("p.csv")).unwrap();
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!((rows.len(), rows[0]), (3, "file,line,class,probability,label"), "{table}");
    assert!(
        rows[1].starts_with("new/a.csv,2,a,") && rows[2].starts_with("new/a.csv,3,c,"),
        "{table}"
    );
    fs::write(f.join("n.csv"), (0..60).map(|i| format!("{i},{}\n", 3 * i)).collect::<String>())
        .unwrap();
    train(f, "mlp --data n.csv --target 2 --out n");
    fs::write(f.join("q.csv"), "10\n50\n").unwrap();
    ok(f, &["predict", "n", "q.csv", "--out", "q-out.csv"]);
    let table = fs::read_to_string(f.join("q-out.csv")).unwrap();
    let number = |row: usize| -> f64 {
        table.lines().nth(row).unwrap().rsplit(',').next().unwrap().parse().unwrap()
    };
    assert!((number(1) - 30.0).abs() < 10.0 && (number(2) - 150.0).abs() < 10.0, "{table}");
}

#[test]
fn runs_beside_each_other() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_kinds(&f.join("t.csv"));
    let first = train(f, "mlp --data t.csv --epochs 4 --out a");
    train(f, "mlp --data t.csv --epochs 6 --lr 0.02 --validation 0.2 --out b");
    let own = fs::read_to_string(f.join("a/curves.svg")).unwrap();
    assert!(
        own.starts_with("<svg ") && own.matches("<polyline").count() == 4,
        "two lines and their legend"
    );
    let compared = ok(f, &["compare", "a", "b", "--out", "both.svg", "--json"]);
    let json = compared.json();
    let expected = ["epochs", "optimizer.learning_rate", "validation_split"];
    assert_eq!(json["differing"], serde_json::json!(expected));
    let [a, b] = [0, 1].map(|at| json["runs"][at].clone());
    assert_eq!((&a["epochs"], &a["best_epoch"], &b["epochs"]), (&4.into(), &4.into(), &6.into()));
    assert_eq!(a["numbers"]["test_loss"], first.json()["test_loss"]);
    assert_eq!(
        (&a["numbers"]["val_loss"], b["numbers"]["val_loss"].is_number()),
        (&Value::Null, true)
    );
    let row = |name: &str| {
        let mut rows = compared.out.lines().filter_map(|line| line.strip_prefix(name));
        let cells = rows.next().unwrap_or_else(|| panic!("{name}: {}", compared.out));
        assert_eq!(rows.next(), None, "{name} is there twice");
        cells.split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!((row("peak rate"), row("epochs")), (vec!["0.003", "0.02"], vec!["4", "6"]));
    assert_eq!((row("schedule"), row("validation loss")[0]), (vec!["one-cycle"; 2], "-"));
    for name in ["training accuracy", "training loss", "test accuracy", "best epoch"] {
        assert_eq!(row(name).len(), 2, "{name}");
    }
    assert_eq!(
        (&a["peak_rates"], &a["schedule"]),
        (&serde_json::json!([0.003]), &"one-cycle".into())
    );
    let both = fs::read_to_string(f.join("both.svg")).unwrap();
    for part in ["a training", "b validation", "prefers-color-scheme:dark", ">epoch<", ">accuracy<"]
    {
        assert!(both.contains(part), "{part:?} is not in {both}");
    }
    assert_eq!(row("--validation")[1], "0.2", "an option's name");
    // Losses of different kinds are no heights of one axis.
    train(f, "mlp --data t.csv --target x --epochs 1 --out c");
    ok(f, &["compare", "a", "c", "--out", "kinds.svg"]);
    let kinds = fs::read_to_string(f.join("kinds.svg")).unwrap();
    assert!(kinds.contains(">loss cross entropy<") && kinds.contains(">loss mse<"), "{kinds}");
    ran(f, &["compare", "a", "none"]).fails(1, &["none: there is no run (no config.toml)"]);
    ran(f, &["compare", "a", "--out", "x.png"])
        .fails(2, &["found x.png, expected a file that ends in .svg"]);
}

#[test]
fn hidden_layers_are_chosen() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write_kinds(&f.join("t.csv"));
    let trained = train(f, "mlp --data t.csv --epochs 3 --hidden 24,8 --out run");
    assert_eq!(trained.json()["params"], 3 * 24 + 25 * 8 + 9 * 3);
    let config = fs::read_to_string(f.join("run/config.toml")).unwrap();
    assert!(config.contains("hidden = [24, 8]"), "{config}");
    let summary = ok(f, &["summary", "run", "--json"]).json();
    let layers: Vec<&str> =
        summary["layers"].as_array().unwrap().iter().map(|l| l["path"].as_str().unwrap()).collect();
    assert_eq!(layers, ["flatten1", "dense1", "relu1", "dense2", "relu2", "dense3"]);
    assert_eq!(
        ok(f, &["summary", "mlp", "--hidden", "256,64", "--json"]).json()["params"],
        785 * 256 + 257 * 64 + 650
    );
    ok(f, &["export", "run", "--out", "run.onnx"]);
    ok(f, &["predict", "run", "t.csv"]);
    fs::write(
        f.join("r.toml"),
        "model = \"mlp\"\ndata = \"t.csv\"\nepochs = 1\n[network]\nhidden = [24, 8]\n",
    )
    .unwrap();
    assert_eq!(train(f, "r.toml --out recipe").json()["params"], trained.json()["params"]);
    // To train on with, and what cannot be.
    train(f, "mlp --data t.csv --epochs 1 --from run --out on");
    let refused = |options: &str, part: &str| {
        let args = format!("train {options}");
        ran(f, &args.split_whitespace().collect::<Vec<_>>()).fails(2, &[part]);
    };
    refused(
        "mlp --data t.csv --from run --hidden 5",
        "the network of run has hidden layers of its own",
    );
    refused("mlp --hidden 5,0", "hidden: found 5,0, expected 1 to 131072 units each");
    refused("lenet --hidden 5", "hidden: found 5, but the hidden layers of \"lenet\" are given");
    refused("mlpp", "unknown model \"mlpp\"; did you mean \"mlp\"");
    ran(f, &["summary", "lenet", "--hidden", "5"]).fails(2, &["--hidden: found 5, but"]);
}

/// Weights are no recipe; what to do with them is said, and can be done.
#[test]
fn weights_that_are_to_be_trained_on() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let few = "train lenet --epochs 1 --limit-batches 20 --no-tensorboard --out run";
    ok(f, &few.split(' ').collect::<Vec<_>>());
    ran(f, &["train", "run/best.safetensors"])
        .fails(2, &["found a trained model, expected a model or a recipe: gradus train lenet --from run/best.safetensors\n"]);
    ok(f, &["export", "run", "--out", "lenet.onnx"]);
    let further = "gradus import lenet.onnx --model lenet --out model.safetensors, then: gradus train lenet --from model.safetensors --data DATA";
    ran(f, &["train", "lenet.onnx"])
        .fails(2, &["lenet.onnx: found an ONNX model, which is run (gradus run)", further]);
    for command in further.replace("DATA", "mnist-5k").split(", then: ") {
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        let more: &[&str] =
            if words[0] == "train" { &["--epochs", "1", "--limit-batches", "2"] } else { &[] };
        ok(f, &[&words[..], more].concat());
    }
}
