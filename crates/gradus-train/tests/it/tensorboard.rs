//! Runs written for TensorBoard, read back.

use crate::fit::{learner, loaders};
use gradus_io::tfevents::{Data, Event, Graph, What, read};
use gradus_nn::layers::{conv2d, dense, dropout, flatten, relu};
use gradus_nn::{Init, Sequential, parameters};
use gradus_train::callbacks::TensorBoard;
use gradus_train::callbacks::tensorboard::layer_graph;
use gradus_train::optim::Sgd;
use gradus_train::{Fit, Learner, Progress};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// All events of a folder, in the order of its files.
fn events(folder: &Path) -> Vec<Event> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files.iter().flat_map(|f| read(f).unwrap().events).collect()
}

/// (step, value) of every scalar, by tag.
fn scalars(events: &[Event]) -> BTreeMap<String, Vec<(i64, f32)>> {
    let mut all: BTreeMap<String, Vec<(i64, f32)>> = BTreeMap::new();
    for event in events {
        let What::Summary(values) = &event.what else { continue };
        for value in values {
            if let Data::Scalar(x) = value.data {
                all.entry(value.tag.clone()).or_default().push((event.step, x));
            }
        }
    }
    all
}

fn run(folder: &Path, learner: &mut Learner, epochs: u64, progress: &mut Progress) {
    let (train, test) = loaders();
    let mut fit = Fit { epochs, limit_batches: Some(6), ..Fit::default() };
    fit.callbacks.push(Box::new(TensorBoard::new(folder).every_steps(4)));
    fit.run(learner, &train, Some(&test), progress).unwrap();
}

#[test]
fn every_number_of_a_run_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (mut learner, mut progress) = (learner(), Progress::default());
    run(folder.path(), &mut learner, 2, &mut progress);
    let events = events(folder.path());
    let scalars = scalars(&events);
    for name in ["loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"] {
        let expected: Vec<(i64, f32)> = progress
            .history
            .iter()
            .map(|log| (log.step as i64, log.get(name).unwrap() as f32))
            .collect();
        assert_eq!(scalars[name], expected, "{name}");
    }
    let steps: Vec<i64> = scalars["batch/loss"].iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [4, 8, 12]);
    assert!(scalars.contains_key("batch/accuracy") && scalars.contains_key("batch/learning_rate"));
    let sizes: BTreeMap<String, usize> = parameters(&**learner.model())
        .iter()
        .map(|(path, p)| (path.clone(), p.variable().shape().len()))
        .collect();
    let mut histograms = BTreeMap::<&str, usize>::new();
    let (mut images, mut graphs) = (0, 0);
    for event in &events {
        graphs += usize::from(matches!(event.what, What::Graph(_)));
        let What::Summary(values) = &event.what else { continue };
        for value in values {
            match (&value.data, value.tag.split_once('/')) {
                (Data::Histogram(h), Some((kind, path))) => {
                    assert_eq!(h.count as usize, sizes[path], "{}", value.tag);
                    *histograms.entry(kind).or_default() += 1;
                }
                (Data::Image(image), _) => {
                    assert_eq!((value.tag.as_str(), image.channels), ("inputs", 1));
                    images += 1;
                }
                _ => {}
            }
        }
    }
    assert_eq!(histograms, BTreeMap::from([("gradients", 8), ("weights", 8)]));
    assert_eq!((images, graphs), (2, 1));
}

#[test]
fn gradients_are_those_of_the_step() {
    let (train, _) = loaders();
    let batch = gradus_train::Source::from(&train, 0, 0).next().unwrap().unwrap();
    let (x, t) = batch.xt().unwrap();
    let model = learner().model().clone();
    let mut learner = Learner::new(model, Sgd::new(1.0));
    let gradients = learner.gradients(x, t).unwrap();
    let before: Vec<_> =
        parameters(&**learner.model()).iter().map(|(_, p)| p.variable().value()).collect();
    learner.train_batch(x, t, 1.0).unwrap();
    for (((path, g), before), (name, p)) in
        gradients.iter().zip(&before).zip(parameters(&**learner.model()))
    {
        assert_eq!(*path, name);
        let moved = (before - &p.variable().value()).to_vec::<f32>();
        let worst = moved.iter().zip(g.to_vec::<f32>()).map(|(a, b)| (a - b).abs());
        assert!(worst.fold(0.0, f32::max) < 1e-5, "{path}");
    }
}

fn convnet() -> Sequential {
    Sequential::new([1, 28, 28], &Init::new(1))
        .add(conv2d(4, 5))
        .add(relu())
        .add(flatten())
        .add(dropout(0.5))
        .add(dense(10))
}

#[test]
fn the_graph_has_every_layer_and_what_it_reads() {
    let Graph { nodes } = layer_graph(&convnet(), &gradus_tensor::Tensor::zeros([2, 1, 28, 28]));
    let edges: Vec<(&str, &str)> =
        nodes.iter().flat_map(|n| n.inputs.iter().map(|i| (i.as_str(), n.name.as_str()))).collect();
    let expected = [
        ("input", "conv1"),
        ("conv1", "relu1"),
        ("relu1", "flatten1"),
        ("flatten1", "dropout1"),
        ("dropout1", "dense1"),
    ];
    assert_eq!(edges, expected);
    assert_eq!(nodes[1].shape, Some(vec![2, 4, 24, 24]));
}

/// Runs where `GRADUS_PYTHON` names a Python with TensorBoard.
#[test]
fn tensorboard_reads_back_every_value() {
    let Some(python) = std::env::var_os("GRADUS_PYTHON") else {
        eprintln!("SKIPPED: set GRADUS_PYTHON to a Python with tensorboard to run this test");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut learner = Learner::new(Arc::new(convnet()), gradus_train::optim::Adam::new(1e-3));
    let mut progress = Progress::default();
    run(folder.path(), &mut learner, 1, &mut progress);
    run(folder.path(), &mut learner, 2, &mut progress);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../gradus-io/tests/tensorboard_read.py");
    let output = std::process::Command::new(python)
        .args([script.as_ref(), folder.path().as_os_str()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for (tag, values) in scalars(&events(folder.path())) {
        let read: Vec<(i64, f32)> = found["scalars"][&tag]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| (e[1].as_i64().unwrap(), e[2].as_f64().unwrap() as f32))
            .collect();
        assert_eq!(read, values, "{tag}");
    }
    let histograms = found["histograms"].as_object().unwrap();
    assert_eq!(histograms.len(), 8, "{:?}", histograms.keys());
    assert!(histograms.values().all(|series| series.as_array().unwrap().len() == 2));
    assert_eq!(found["images"]["kernels/conv1.weight"].as_array().unwrap().len(), 2);
    assert_eq!(found["graph"].as_array().unwrap().len(), 6);
}
