//! A run in a folder goes on from what is whole there, with what it began with.

use gradus_nn::layers::dense;
use gradus_nn::{Init, Sequential};
use gradus_tensor::Tensor;
use gradus_train::callbacks::Checkpoints;
use gradus_train::optim::{Adam, Optimizer, Sgd};
use gradus_train::schedule::Schedule;
use gradus_train::{Arrays, Fit, Learner, Progress, Result, weights};
use std::path::Path;

fn learner(optimizer: impl Optimizer + 'static) -> Learner {
    let model = Sequential::new([2], &Init::new(0)).add(dense(3));
    Learner::new(model.into(), optimizer)
}
fn data(samples: usize) -> Arrays {
    let t: Vec<i64> = (0..samples as i64).map(|i| i % 3).collect();
    Arrays::new(&Tensor::randn([samples, 2], 1), &Tensor::from_slice(&t, [samples]), 4).unwrap()
}
fn run(folder: &Path, epochs: u64, learner: &mut Learner) -> Result<Progress> {
    Fit { epochs, ..Fit::default() }.run_in(Some(folder), learner, &data(12), None)
}
fn cut_in_half(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

#[test]
fn a_damaged_checkpoint_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(run(folder, 3, &mut learner(Adam::new(0.1))).unwrap().remarks.is_empty());
    let newest = Checkpoints::newest(folder).unwrap().unwrap();
    cut_in_half(&newest);
    let mut again = learner(Adam::new(0.1));
    let progress = run(folder, 4, &mut again).unwrap();
    let [remark] = &progress.remarks[..] else { panic!("{:?}", progress.remarks) };
    assert!(
        remark.contains("step-00000009") && remark.contains("the checkpoint before it"),
        "{remark}"
    );
    assert!(folder.join("damaged-step-00000009.safetensors").exists());
    let mut whole = learner(Adam::new(0.1));
    let all =
        Fit { epochs: 4, ..Fit::default() }.run_in(None, &mut whole, &data(12), None).unwrap();
    assert_eq!(progress.series("loss"), all.series("loss"));
    assert!(weights(&**again.model()) == weights(&**whole.model()));
    // Without a whole one there is no going on, and nothing is put aside.
    let all = Checkpoints::all(folder).unwrap();
    all.iter().for_each(|path| cut_in_half(path));
    let error = run(folder, 5, &mut learner(Adam::new(0.1))).unwrap_err().to_string();
    assert!(error.contains("no checkpoint of this run is whole"), "{error}");
    assert!(
        error.contains("remove them to begin anew") && error.contains("step-00000012"),
        "{error}"
    );
    assert_eq!(Checkpoints::all(folder).unwrap(), all);
}

#[test]
fn a_run_goes_on_with_what_it_began_with() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run(folder, 2, &mut learner(Adam::new(0.1))).unwrap();
    let mut other = learner(Adam::new(0.5));
    let before = weights(&**other.model());
    let mut fit = Fit { epochs: 3, schedule: Schedule::cosine(9), ..Fit::default() };
    let error = fit.run_in(Some(folder), &mut other, &data(8), None).unwrap_err().to_string();
    for expected in [
        "the run began with something else:",
        "\n  base rate: found 0.5, expected 0.1",
        "\n  batches in an epoch: found 2, expected 3",
        "\n  samples in an epoch: found 8, expected 12",
        "\n  schedule: found Cosine",
        "choose another folder",
    ] {
        assert!(error.contains(expected), "{error}");
    }
    assert!(!error.contains("seed") && weights(&**other.model()) == before);
    let error = run(folder, 3, &mut learner(Sgd::new(0.1))).unwrap_err().to_string();
    assert!(error.contains("optimizer: found sgd, expected adam"), "{error}");
    let fewer = run(folder, 1, &mut learner(Adam::new(0.1))).unwrap();
    assert_eq!(fewer.remarks, ["nothing is left to train: 2 epochs are done, 1 were asked for"]);
    assert_eq!(run(folder, 3, &mut learner(Adam::new(0.1))).unwrap().history.len(), 3);
}

/// A version that knew nothing of them wrote no terms.
#[test]
fn a_checkpoint_without_terms_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut first = learner(Adam::new(0.1));
    let mut progress = Progress::default();
    Fit { epochs: 2, ..Fit::default() }.run(&mut first, &data(12), None, &mut progress).unwrap();
    assert!(progress.terms.is_empty());
    let path = folder.join("step-00000006.safetensors");
    gradus_train::callbacks::save_checkpoint(&path, &first, &progress, &Default::default())
        .unwrap();
    let mut whole = learner(Adam::new(0.1));
    let all =
        Fit { epochs: 3, ..Fit::default() }.run_in(None, &mut whole, &data(12), None).unwrap();
    let again = run(folder, 3, &mut learner(Adam::new(0.1))).unwrap();
    assert_eq!(again.series("loss"), all.series("loss"));
}

#[test]
fn a_file_is_no_folder() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = run(file.path(), 1, &mut learner(Adam::new(0.1))).unwrap_err().to_string();
    assert!(error.contains("is a file, expected a folder to keep a run in"), "{error}");
}
