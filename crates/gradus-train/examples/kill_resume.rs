//! A run killed over and over and resumed has the bits of a run that was never stopped.
//!
//! `cargo run --release --example kill_resume -p gradus-train [KILLS]` trains once undisturbed, then in a process that is killed
//! (`kill -9`) at random moments, 20 times by default, and compares every parameter, statistic and number of the history. Dropout,
//! batch norm, augmentation and prefetching are on; a checkpoint is written every third step.
//! `kill_resume --train FOLDER EPOCHS` is such a process: it continues from the folder's newest checkpoint.

use gradus_data::{Affine, Loader, LoaderOptions, Normalization, RandomCrop, mnist_5k_split};
use gradus_nn::layers::{batch_norm, conv2d, dense, dropout, flatten, max_pool2d, relu};
use gradus_nn::{Init, Sequential};
use gradus_train::callbacks::{Checkpoints, load_checkpoint};
use gradus_train::optim::AdamW;
use gradus_train::{Fit, Learner, Progress, Recipe, Source, metrics};
use std::error::Error;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

type Anything<T> = Result<T, Box<dyn Error>>;

/// Batches of an epoch; there are as many epochs as kills, so that a run outlives them.
const BATCHES: usize = 30;

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
fn train(folder: &Path, epochs: u64) -> Anything<()> {
    let ((train, test), mut learner, mut progress) = (loaders()?, learner(), Progress::default());
    let (x, t) = Source::from(&train, 0, 0).next().expect("there are batches")?;
    learner.prepare(&x, &t)?;
    if let Some(newest) = Checkpoints::newest(folder)? {
        (progress, _) = load_checkpoint(&newest, &mut learner)?;
    }
    let mut fit = Fit { epochs, limit_batches: Some(BATCHES), ..Fit::default() };
    fit.callbacks.push(Box::new(Checkpoints::new(folder).every_steps(3)));
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

fn start(folder: &Path, epochs: usize) -> Anything<Child> {
    let me = std::env::current_exe()?;
    Ok(Command::new(me).arg("--train").arg(folder).arg(epochs.to_string()).spawn()?)
}

fn main() -> Anything<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, folder, epochs] = &args[..] {
        assert_eq!(flag, "--train", "usage: kill_resume [KILLS] | --train FOLDER EPOCHS");
        return train(Path::new(folder), epochs.parse()?);
    }
    let kills: usize = args.first().map_or(Ok(20), |n| n.parse())?;
    let root = std::env::temp_dir().join(format!("gradus-kill-{}", std::process::id()));
    let (whole, broken) = (root.join("whole"), root.join("broken"));
    std::fs::create_dir_all(&whole)?;
    std::fs::create_dir_all(&broken)?;
    let clock = Instant::now();
    assert!(start(&whole, kills)?.wait()?.success(), "the undisturbed run failed");
    let share = clock.elapsed().as_secs_f64() / kills as f64;
    let mut random = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64 | 1;
    let mut killed = 0;
    while killed < kills {
        let newest = Checkpoints::newest(&broken)?;
        let mut child = start(&broken, kills)?;
        // A moment after the next checkpoint, so that the run gets on.
        while Checkpoints::newest(&broken)? == newest && child.try_wait()?.is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let wait = share * 0.5 * (random % 1000) as f64 / 1000.0;
        std::thread::sleep(Duration::from_secs_f64(wait));
        if child.try_wait()?.is_some() {
            break;
        }
        child.kill()?;
        child.wait()?;
        killed += 1;
        let newest = Checkpoints::newest(&broken)?.unwrap_or_default();
        println!("killed ({killed}) after {}", newest.file_name().unwrap_or_default().display());
    }
    assert!(killed >= kills.min(3), "the run ended after {killed} kills: too few to tell anything");
    assert!(start(&broken, kills)?.wait()?.success(), "the resumed run failed");
    let read = |folder: &Path| std::fs::read_to_string(folder.join("done"));
    assert_eq!(read(&whole)?, read(&broken)?, "the bits differ");
    println!("{killed} kills: every bit of parameters, optimiser state and history is the same");
    std::fs::remove_dir_all(&root)?;
    Ok(())
}
