//! `gradus import`: weights of PyTorch become a model that every command takes.

use super::{ok, ran, train_a_little};
use gradus::io::numpy::{Limits, read_npz, save_npz};
use gradus::io::onnx::{read_model, write_model_within};
use std::path::Path;
use tempfile::tempdir;

const PTH: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../gradus-models/tests/fixtures/convnetjs.pth");

#[test]
fn weights_of_pytorch_become_a_model() {
    let folder = tempdir().unwrap();
    let imported =
        ok(folder.path(), &["import", PTH, "--model", "convnetjs", "--out", ".", "--json"]);
    let json = imported.json();
    assert_eq!((json["params"].as_u64(), json["by_order"].as_bool()), (Some(5_994), Some(true)));
    let model = "convnetjs.safetensors";
    assert_eq!(ok(folder.path(), &["summary", model, "--json"]).json()["params"], 5_994);
    image::GrayImage::new(24, 24).save(folder.path().join("black.png")).unwrap();
    let seen = ok(folder.path(), &["predict", model, "black.png"]).out;
    assert_eq!(seen.lines().count(), 11, "{seen}");
    ok(folder.path(), &["export", model, "--format", "npz", "--out", "out.npz"]);
    let arrays = read_npz(&folder.path().join("out.npz"), Limits::default()).unwrap();
    let theirs = gradus::io::pytorch::read(Path::new(PTH)).unwrap();
    let [dense, linear] = [("dense1.weight", &arrays), ("7.weight", &theirs)]
        .map(|(name, arrays)| arrays.iter().find(|a| a.name == name).unwrap());
    assert_eq!((&*dense.shape, &*linear.shape), (&[256, 10][..], &[10, 256][..]));
    assert_eq!(dense.data, linear.permuted(&[1, 0]).data);
    // What was exported comes back as it was.
    ok(folder.path(), &["import", "out.npz", "--model", "convnetjs", "--out", "again.safetensors"]);
    let bytes =
        |name: &str| gradus::io::safetensors::read(&folder.path().join(name)).unwrap().arrays;
    assert_eq!(bytes("again.safetensors"), bytes(model));
    ok(folder.path(), &["import", model, "--model", "convnetjs", "--out", "third.safetensors"]);
    assert_eq!(bytes("third.safetensors"), bytes(model));
    // Through ONNX, too, whose weights may lie beside the model.
    ok(folder.path(), &["export", model, "--out", "net.onnx"]);
    ok(folder.path(), &["import", "net.onnx", "--model", "convnetjs", "--out", "onnx.safetensors"]);
    assert_eq!(bytes("onnx.safetensors"), bytes(model));
    let exported = read_model(&folder.path().join("net.onnx")).unwrap();
    let beside = write_model_within(&folder.path().join("net.onnx"), &exported, 4000).unwrap();
    assert!(beside.unwrap().ends_with("net.onnx.data"));
    ok(folder.path(), &["import", "net.onnx", "--model", "convnetjs", "--out", "onnx.safetensors"]);
    assert_eq!(bytes("onnx.safetensors"), bytes(model));
    // What it was trained on is not known.
    ran(folder.path(), &["eval", model]).fails(2, &["it was imported", "--data"]);
    // Weights that are no numbers are said to be.
    let mut broken = arrays;
    broken.iter_mut().for_each(|a| a.data.fill(0xFF));
    save_npz(&folder.path().join("nan.npz"), &broken).unwrap();
    let nan = ok(folder.path(), &["import", "nan.npz", "--model", "convnetjs", "--out", "nan"]);
    assert!(nan.err.contains("warning: 2560 of the 2560 numbers of dense1.weight"), "{}", nan.err);
}

#[test]
fn a_model_is_kept_under_its_name() {
    let folder = tempdir().unwrap();
    let run = |args: &[&str]| {
        let mut command = super::gradus(folder.path(), args);
        super::Ran::from(command.env("GRADUS_DATA", folder.path()).output().unwrap())
    };
    image::GrayImage::new(24, 24).save(folder.path().join("black.png")).unwrap();
    run(&["predict", "convnetjs", "black.png"])
        .fails(1, &["no weights of convnetjs are here", "gradus import FILE --model convnetjs"]);
    std::fs::write(folder.path().join("names.txt"), "null\n1\n2\n3\n4\n5\n6\n7\n8\n9\n").unwrap();
    assert_eq!(run(&["import", PTH, "--model", "convnetjs", "--classes", "names.txt"]).code, 0);
    let seen = run(&["predict", "convnetjs", "black.png"]);
    assert!(seen.out.contains(" null "), "{} {}", seen.out, seen.err);
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = tempdir().unwrap();
    let run = |args: &[&str]| ran(folder.path(), args);
    run(&["import", PTH, "--model", "convnet"]).fails(2, &["did you mean \"convnetjs\"?"]);
    run(&["import", PTH, "--model", "lenet", "--out", "."])
        .fails(1, &["convnetjs.pth: the weights are not this network's", "missing in the file"]);
    run(&["import", PTH, "--model", "convnetjs", "--classes", "7", "--out", "."])
        .fails(1, &["dense1.weight: the file's `7.weight` is [10, 256], turned [256, 10], the network's [256, 7]"]);
    // An ONNX model's matrices are told as they lie in it, whichever way that is.
    ok(folder.path(), &["import", PTH, "--model", "convnetjs", "--out", "net.safetensors"]);
    ok(folder.path(), &["export", "net.safetensors", "--out", "net.onnx"]);
    let mut model = read_model(&folder.path().join("net.onnx")).unwrap();
    model.properties.clear();
    write_model_within(&folder.path().join("net.onnx"), &model, u64::MAX).unwrap();
    run(&["import", "net.onnx", "--model", "convnetjs", "--classes", "7", "--out", "."]).fails(
        1,
        &["dense1.weight: the file's `dense1.weight` is [256, 10], the network's [256, 7]"],
    );
    std::fs::write(folder.path().join("evil.pth"), b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.")
        .unwrap();
    run(&["import", "evil.pth", "--model", "lenet"]).fails(1, &["the pickle calls os.system"]);
    std::fs::write(folder.path().join("text.pth"), "hello, I am no file of weights").unwrap();
    run(&["import", "text.pth", "--model", "lenet"]).fails(1, &["not a file of weights"]);
    assert!(!folder.path().join("lenet.safetensors").exists());
}

const CAFFE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gradus-models/tests/fixtures/caffe");

#[test]
fn a_network_of_caffe_is_shown_trained_and_used() {
    let folder = tempdir().unwrap();
    let file = format!("{CAFFE}/lenet.prototxt");
    let summary = ok(folder.path(), &["summary", &file, "--input", "1x28x28", "--json"]).json();
    assert_eq!(
        (summary["model"].as_str(), summary["params"].as_u64()),
        (Some("LeNet"), Some(431_080))
    );
    let trained = train_a_little(folder.path(), &file, "run").json();
    assert_eq!(trained["params"].as_u64(), Some(431_080));
    image::GrayImage::new(28, 28).save(folder.path().join("black.png")).unwrap();
    assert_eq!(ok(folder.path(), &["predict", "run", "black.png"]).out.lines().count(), 11);
    ok(folder.path(), &["eval", "run"]);
    ran(folder.path(), &["summary", &file])
        .fails(1, &["lenet.prototxt", "the shape of the input `data` is not in the text"]);
    ran(folder.path(), &["train", "none.prototxt"]).fails(1, &["none.prototxt: cannot read"]);
}

#[test]
fn weights_of_caffe_become_a_model() {
    let folder = tempdir().unwrap();
    let [net, weights] = ["mixed.prototxt", "mixed.caffemodel"].map(|f| format!("{CAFFE}/{f}"));
    let args = ["import", &weights, "--model", &net, "--out", ".", "--json"];
    assert_eq!(ok(folder.path(), &args).json()["params"].as_u64(), Some(1_475));
    image::RgbImage::new(23, 25).save(folder.path().join("black.png")).unwrap();
    let seen = ok(folder.path(), &["predict", "mixed.safetensors", "black.png"]).out;
    assert_eq!(seen.lines().count(), 6, "{seen}");
    let old = format!("{CAFFE}/old.caffemodel");
    ran(folder.path(), &["import", &old, "--model", &net, "--out", "."]).fails(
        1,
        &[
            "old.caffemodel: the weights are not this network's",
            "conv2.weight: the file has no blob conv2.0",
        ],
    );
    ran(folder.path(), &["import", PTH, "--model", &net]).fails(1, &["not a Caffe model"]);
}

/// What Gradus exported comes back as it was: classes, columns, how pictures and rows are prepared, the units of numbers.
#[test]
fn own_exports_come_back_whole() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let rows = (0..90).map(|i| {
        let (a, town) = (i % 9, ["Bonn", "Ulm"][i % 2]);
        format!("{a},{town},{},{}\n", if a > 4 { "large" } else { "small" }, 100 * a + i % 2)
    });
    let table = format!("a,town,size,price\n{}", rows.collect::<String>());
    std::fs::write(f.join("t.csv"), table).unwrap();
    let digits = ["data", "show", "mnist-5k", "--save-samples", "digits"];
    ok(f, &digits);
    let trained = [
        ("mlp", "--data t.csv --label size --hidden 7", "t.csv", "its 2 classes, and how rows"),
        ("mlp", "--data t.csv --target price --drop size", "t.csv", "the units of price"),
        ("lenet", "--limit-batches 20", "digits", "its 10 classes, and how images"),
    ];
    for (at, (model, options, input, told)) in trained.into_iter().enumerate() {
        let [run, net, again] =
            [format!("run{at}"), format!("{at}.onnx"), format!("{at}.safetensors")];
        let train = format!("train {model} --epochs 2 {options} --no-tensorboard --out {run}");
        ok(f, &train.split(' ').collect::<Vec<_>>());
        ok(f, &["export", &run, "--out", &net]);
        let imported = ok(f, &["import", &net, "--model", model, "--out", &again, "--json"]);
        assert!(imported.err.contains(told), "{}", imported.err);
        assert!(!imported.err.contains("not proven"), "{}", imported.err);
        let json = imported.json();
        assert_eq!(
            (&json["unproven"], &json["told_by_file"]),
            (&serde_json::json!([]), &true.into())
        );
        let predicted = |model: &str| ok(f, &["predict", model, input, "--json"]).json();
        assert_eq!(predicted(&again)["predictions"], predicted(&run)["predictions"]);
        let tested = |model: &str| {
            let mut record = ok(f, &["eval", model, "--json"]).json();
            for key in ["file", "seconds", "samples_per_second"] {
                record[key].take();
            }
            record
        };
        assert_eq!(tested(&again), tested(&run));
        let other = if model == "mlp" { "lenet" } else { "mlp" };
        ran(f, &["import", &net, "--model", other]).fails(2, &["holds the network"]);
    }
    // Properties that were written over are an error, and never half a description.
    let mut changed = read_model(&f.join("2.onnx")).unwrap();
    let own = changed.properties.iter_mut().find(|(name, _)| name == "model").unwrap();
    own.1 = own.1.replace("\"classes\":[", "\"classes\":[7,");
    write_model_within(&f.join("changed.onnx"), &changed, u64::MAX).unwrap();
    ran(f, &["import", "changed.onnx", "--model", "lenet"])
        .fails(1, &["changed.onnx: its property model: invalid type: integer"]);
}
