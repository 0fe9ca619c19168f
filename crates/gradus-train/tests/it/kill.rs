//! A run that is killed (`kill -9`) and resumed has the bits of a run that was never stopped, with any number of threads.
//!
//! Dropout, batch norm, augmentation and prefetching are on; a checkpoint is written every third step; the number of threads
//! changes from run to run and from kill to resumption. `GRADUS_KILLS` says how often; `cargo xtask kill` does it 20 times.

use gradus_data::{Affine, Loader, LoaderOptions, Normalization, RandomCrop, mnist_5k_split};
use gradus_nn::layers::{batch_norm, conv2d, dense, dropout, flatten, max_pool2d, relu};
use gradus_nn::{Init, Sequential};
use gradus_train::callbacks::{Checkpoints, load_checkpoint};
use gradus_train::optim::AdamW;
use gradus_train::{Fit, Learner, Progress, Recipe, Source, Task, metrics};
use std::error::Error;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

type Anything<T> = Result<T, Box<dyn Error>>;

/// Set in a process that is to be killed: the run's folder.
const FOLDER: &str = "GRADUS_KILL_FOLDER";

const EPOCHS: u64 = 2;
/// Batches of an epoch.
const BATCHES: usize = 30;
/// Steps between checkpoints.
const EVERY: u64 = 3;
/// Numbers of threads that must not show in the bits.
const THREADS: [usize; 4] = [1, 2, 3, 8];

fn loaders() -> Anything<(Loader, Loader)> {
    let (train, test) = mnist_5k_split()?;
    let plain = LoaderOptions {
        batch_size: 32,
        normalization: Some(Normalization::new(&[0.1307], &[0.3081])?),
        ..LoaderOptions::default()
    };
    let augmented = LoaderOptions {
        shuffle: true,
        seed: 3,
        workers: 2,
        augment: vec![
            Arc::new(Affine { degrees: 10.0, shift: 0.1, scale: 0.1 }),
            Arc::new(RandomCrop { height: 28, width: 28, padding: 2 }),
        ],
        ..plain.clone()
    };
    Ok((Loader::new(Arc::new(train), augmented)?, Loader::new(Arc::new(test), plain)?))
}

fn learner() -> Learner {
    let model = Sequential::new([1, 28, 28], &Init::new(1))
        .add(conv2d(4, 5))
        .add(batch_norm())
        .add(relu())
        .add(max_pool2d(2))
        .add(flatten())
        .add(dropout(0.3))
        .add(dense(10));
    let recipe = Recipe { metrics: vec![metrics::accuracy()], ..Recipe::default() };
    Learner::with(Arc::new(model), Box::new(AdamW::new(2e-3)), recipe, 9)
}

/// Trains from the folder's newest checkpoint to the end.
fn train(folder: &Path) -> Anything<()> {
    let ((train, test), mut learner, mut progress) = (loaders()?, learner(), Progress::default());
    let first = Source::from(&train, 0, 0).next().expect("there are batches")?;
    Task::prepare(&mut learner, &first, &gradus_train::Pace::CONSTANT)?;
    if let Some(newest) = Checkpoints::newest(folder)? {
        (progress, _) = load_checkpoint(&newest, &mut learner)?;
    }
    let mut fit = Fit { epochs: EPOCHS, limit_batches: Some(BATCHES), ..Fit::default() };
    fit.callbacks.push(Box::new(Checkpoints::new(folder).every_steps(EVERY)));
    fit.run(&mut learner, &train, Some(&test), &mut progress)?;
    std::fs::write(folder.join("done"), fingerprint(&learner, &progress))?;
    Ok(())
}

/// All bits that must not depend on interruptions; times are left out.
fn fingerprint(learner: &Learner, progress: &Progress) -> String {
    let mut text = String::new();
    for (name, variable) in learner.state() {
        let value = variable.value();
        let bits: Vec<u64> = value.to_vec::<f64>().iter().map(|v| v.to_bits()).collect();
        text += &format!("{name} {bits:x?}\n");
    }
    for log in &progress.history {
        let (loss, val) = (log.loss.to_bits(), log.val_loss.map(f64::to_bits));
        text += &format!("{} {} {loss:x} {val:x?} ", log.epoch, log.step);
        text += &format!("{:?} {:?}\n", log.metrics, log.val_metrics);
    }
    text + &format!("{:?}\n", learner.counters())
}

/// Where a kill fell.
#[derive(Clone, Copy, PartialEq)]
enum Moment {
    /// Between two checkpoints of an epoch.
    MidEpoch,
    /// After a checkpoint's temporary file was made, before it became the checkpoint.
    InSave,
    /// Anywhere else, such as between two epochs.
    Elsewhere,
}

/// This program again, with nothing to do but the run.
fn start(folder: &Path, threads: usize) -> Anything<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--exact", "kill::one_run"]).stdout(Stdio::null());
    command.env(FOLDER, folder).env("GRADUS_THREADS", threads.to_string());
    Ok(command.spawn()?)
}

/// The run of a process that [`start`] started; otherwise nothing.
#[test]
fn one_run() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        train(Path::new(&folder)).unwrap();
    }
}

/// Runs to the end and gives all the bits.
fn finish(folder: &Path, threads: usize) -> Anything<String> {
    std::fs::create_dir_all(folder)?;
    assert!(start(folder, threads)?.wait()?.success(), "the run failed");
    Ok(std::fs::read_to_string(folder.join("done"))?)
}

fn is_saving(folder: &Path) -> Anything<bool> {
    for entry in std::fs::read_dir(folder)? {
        if entry?.file_name().to_string_lossy().starts_with(".gradus-tmp-") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The step of the folder's newest checkpoint.
fn newest_step(folder: &Path) -> Anything<Option<u64>> {
    let newest = Checkpoints::newest(folder)?;
    let name = newest.as_deref().and_then(Path::file_stem).and_then(|stem| stem.to_str());
    Ok(name.and_then(|name| name.strip_prefix("step-")?.parse().ok()))
}

/// Starts a run and kills it a while after its first checkpoint, if it should be inside a save then at the start of the
/// next one. Gives where the kill fell and after which step's checkpoint.
fn kill(folder: &Path, threads: usize, wait: Duration, wanted: Moment) -> Anything<(Moment, u64)> {
    std::fs::create_dir_all(folder)?;
    let mut child = start(folder, threads)?;
    while newest_step(folder)?.is_none() && child.try_wait()?.is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(wait);
    while wanted == Moment::InSave && !is_saving(folder)? && child.try_wait()?.is_none() {
        std::hint::spin_loop();
    }
    child.kill()?;
    child.wait()?;
    let step = newest_step(folder)?.unwrap_or(0);
    let moment = match step % BATCHES as u64 {
        _ if is_saving(folder)? => Moment::InSave,
        0 => Moment::Elsewhere,
        _ if folder.join("done").exists() => Moment::Elsewhere,
        _ => Moment::MidEpoch,
    };
    Ok((moment, step))
}

/// Numbers between 0 and 1 from the clock's last digits.
fn random() -> Anything<impl FnMut() -> f64> {
    let mut state = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64 | 1;
    Ok(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    })
}

#[test]
fn killed_runs_end_with_the_same_bits() {
    let asked: Option<usize> = std::env::var("GRADUS_KILLS").ok().map(|n| n.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let expected = kill_and_resume(folder.path(), asked.unwrap_or(3)).unwrap();
    if asked.is_none() {
        return; // three kills and their resumptions have seen every number of threads
    }
    for threads in THREADS {
        let bits = finish(&folder.path().join(format!("threads-{threads}")), threads).unwrap();
        assert_eq!(bits, expected, "the bits with {threads} threads differ");
    }
    println!("1, 2, 3 and 8 threads: same bits");
}

/// Runs undisturbed; then runs again and again, kills each at a random moment, resumes it, and compares the bits. Of 20
/// kills 3 fall inside a save and 17 in mid-epoch after a checkpoint; one that falls elsewhere is tried again.
fn kill_and_resume(root: &Path, kills: usize) -> Anything<String> {
    let in_saves = (3 * kills).div_ceil(20);
    let clock = Instant::now();
    let expected = finish(&root.join("whole"), THREADS[1])?;
    let (whole, mut random) = (clock.elapsed(), random()?);
    for i in 0..kills {
        let wanted = if i < in_saves { Moment::InSave } else { Moment::MidEpoch };
        let folder = root.join("broken");
        let threads = |j: usize| THREADS[(i + j) % THREADS.len()];
        let step = loop {
            let (moment, step) = kill(&folder, threads(0), whole.mul_f64(0.7 * random()), wanted)?;
            if moment == wanted {
                break step;
            }
            std::fs::remove_dir_all(&folder)?;
        };
        let place = if wanted == Moment::InSave { "inside the save after" } else { "after" };
        println!("kill {}: {place} the checkpoint of step {step}", i + 1);
        assert_eq!(finish(&folder, threads(1))?, expected, "the bits differ");
        std::fs::remove_dir_all(&folder)?;
    }
    println!(
        "{kills} kills: {} mid-epoch after a checkpoint, {in_saves} inside a save; {kills} same bits",
        kills - in_saves
    );
    Ok(expected)
}
