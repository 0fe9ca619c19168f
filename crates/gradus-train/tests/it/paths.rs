//! What is promised of bits (docs/bits.md): a small training on every path that this machine has, forced by `GRADUS_ISA`.
//! The same path gives the same bits, for any number of threads, and those of the golden values; paths come close to each other.

use gradus_cpu::Isa;
use gradus_data::{Loader, LoaderOptions, Normalization, mnist_5k_split};
use gradus_nn::layers::{batch_norm, conv2d, dense, dropout, flatten, gelu, max_pool2d, relu};
use gradus_nn::{Init, Sequential};
use gradus_train::optim::Adam;
use gradus_train::{Fit, Learner, Progress, Recipe};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

/// Set in a process that is to train: the file for what comes of it.
const FILE: &str = "GRADUS_PATHS_FILE";

/// The path of each name, and the digest of all that it trained. They may change from version to version, if CHANGELOG.md says
/// why; not otherwise.
#[cfg(target_arch = "x86_64")]
const GOLDEN: [(&str, &str); 3] = [
    ("portable", "103a0000d166e09e"),
    ("avx2", "4b79736c15ca1547"),
    // Of products this small the wider tiles change no sum's order.
    ("avx512", "4b79736c15ca1547"),
];
#[cfg(not(target_arch = "x86_64"))]
const GOLDEN: [(&str, &str); 0] = [];

/// Twenty steps: convolutions, norms, a dropout, GELU, softmax and cross entropy, Adam.
fn train() -> Learner {
    let options = LoaderOptions {
        batch_size: 32,
        shuffle: true,
        normalization: Some(Normalization::new(&[0.1307], &[0.3081]).unwrap()),
        ..LoaderOptions::default()
    };
    let loader = Loader::new(Arc::new(mnist_5k_split().unwrap().0), options).unwrap();
    let model = Sequential::new([1, 28, 28], &Init::new(1))
        .add(conv2d(4, 5))
        .add(batch_norm())
        .add(relu())
        .add(max_pool2d(2))
        .add(conv2d(8, 3))
        .add(gelu())
        .add(flatten())
        .add(dropout(0.2))
        .add(dense(10));
    let mut learner =
        Learner::with(Arc::new(model), Box::new(Adam::new(2e-3)), Recipe::default(), 5);
    let mut fit = Fit { epochs: 1, limit_batches: Some(20), ..Fit::default() };
    fit.run(&mut learner, &loader, None, &mut Progress::default()).unwrap();
    learner
}

/// A digest of the bits of some numbers (Fowler, Noll & Vo).
fn digest(numbers: &[f64]) -> String {
    let bytes = numbers.iter().flat_map(|x| x.to_bits().to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// The training of a process that [`trained_on`] started; otherwise nothing.
#[test]
fn one_run() {
    if let Some(file) = std::env::var_os(FILE) {
        let state = train().state();
        let all = state.into_iter().flat_map(|(_, v)| v.value().to_vec::<f64>());
        let lines: Vec<String> = all.map(|x| x.to_string()).collect();
        std::fs::write(file, lines.join("\n")).unwrap();
    }
}

/// This program again, with nothing to do but the training, on a path.
fn start(isa: &str, threads: usize, file: &Path) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "paths::one_run", "--nocapture"]).stdout(Stdio::piped());
    command.env("GRADUS_ISA", isa).env("GRADUS_THREADS", threads.to_string());
    command.env(FILE, file).output().unwrap()
}

/// All that a path's training made.
fn trained_on(isa: &str, threads: usize) -> Vec<f64> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("numbers");
    let output = start(isa, threads, &file);
    assert!(output.status.success(), "{isa}: {}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn a_path_has_its_bits_and_paths_come_close() {
    let portable = trained_on("portable", 1);
    assert!(portable.len() > 10_000 && portable.iter().all(|x| x.is_finite()));
    for isa in Isa::all() {
        let name = isa.name();
        let (numbers, again) = (trained_on(name, 1), trained_on(name, 3));
        assert_eq!(digest(&numbers), digest(&again), "{name} on one and three threads");
        if let Some((_, golden)) = GOLDEN.iter().find(|(golden, _)| *golden == name) {
            assert_eq!(digest(&numbers), *golden, "{name}: see docs/bits.md before it is changed");
        }
        let size = portable.iter().fold(0f64, |most, x| most.max(x.abs()));
        for (a, b) in numbers.iter().zip(&portable) {
            assert!((a - b).abs() < 0.02 * size, "{name} and portable: {a} and {b}");
        }
    }
}

#[test]
fn a_path_that_is_not_there_ends_the_first_run() {
    let folder = tempfile::tempdir().unwrap();
    let output = start("abacus", 1, &folder.path().join("numbers"));
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said + String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success());
    assert!(
        said.contains("GRADUS_ISA: \"abacus\" is no instruction set; known are portable, "),
        "{said}"
    );
}
