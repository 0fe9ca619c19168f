//! Pictures in files: what a model sees in them is attacked, and what comes out is written and read again.

use super::curve::Seen;
use super::options::{Epsilon, Strength};
use super::{Args, Attacked, plain, shown_once};
use crate::bars::shortened;
use crate::contact_sheet::png;
use crate::error::{CliError, Result};
use crate::experiment::in_order;
use crate::inputs;
use crate::signals::Signals;
use gradus::Tensor;
use gradus::data::{Fit, ImageOptions, parse_image, read_file};
use gradus::io::atomic_write;
use gradus::see::attack::{Fooled, Goal};
use gradus::train::Source;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Attacks pictures in files.
pub fn run(
    args: &Args,
    strength: &Strength,
    attacked: &mut Attacked,
    target: Option<usize>,
    files: &[PathBuf],
    signals: &Signals,
) -> Result<()> {
    if args.against.is_some() {
        return Err(CliError::Usage(
            "--against: found pictures in files, expected data, whose classes are known".into(),
        ));
    }
    if args.plot.is_some() {
        return Err(CliError::Usage(
            "--plot: found pictures in files, expected data, whose classes are known".into(),
        ));
    }
    if args.out.is_some() && files.len() > 1 {
        return Err(CliError::Usage(format!(
            "--out: found {} pictures, expected one; without it each has a file of its own",
            files.len()
        )));
    }
    let mut out = std::io::stdout().lock();
    let mut records = vec![];
    for file in files {
        let path = args.out.clone().unwrap_or_else(|| default_path(file, &args.with));
        if path.canonicalize().is_ok_and(|path| file.canonicalize().is_ok_and(|file| path == file))
        {
            return Err(CliError::Usage(format!(
                "--out: found {}, which is an input, expected another file",
                path.display()
            )));
        }
        let done = one(file, &path, strength, attacked, target, signals)?;
        write!(out, "{}", done.told(file, &path, attacked))?;
        records.push(done.record(file, &path, attacked));
    }
    let mut record = json!({ "model": attacked.description.architecture, "file": attacked.path, "attack": args.with, "pictures": records });
    args.computing.conclude(&mut record);
    if args.json {
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// `photo-pgd.png` in the present folder.
fn default_path(file: &Path, attack: &str) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    PathBuf::from(format!("{stem}-{attack}.png"))
}

/// A class and how probable it is.
type Guess = (usize, f64);

/// What came of a picture.
struct Done {
    before: Guess,
    /// The first distance at which it is fooled, if it is at one, what was made there, and what is seen in the file that was written.
    fooled: Option<(Option<Epsilon>, Fooled, Guess)>,
}

fn guess(scores: &Tensor) -> Guess {
    let seen = Seen::of(scores);
    (seen.classes[0], seen.probabilities[0])
}

/// Attacks a picture at one distance after the other, until it is fooled.
fn one(
    file: &Path,
    path: &Path,
    strength: &Strength,
    attacked: &mut Attacked,
    target: Option<usize>,
    signals: &Signals,
) -> Result<Done> {
    let description = &attacked.description;
    let evaluation = shown_once(description)?;
    let one = inputs::picture(file, description, &evaluation)?;
    let views = in_order(Arc::new(one), &plain(description)?, &evaluation, description.aim())?;
    description.check(&file.display().to_string(), &views)?;
    let batch = Source::from(&views, 0, 0).next().expect("there is an image")?;
    let x = batch.get("x")?.clamp(0.0, 1.0);
    let before = guess(&attacked.victim.scores(&x)?);
    let goal = match target {
        None => Goal::Away(vec![before.0 as i64]),
        Some(target) => Goal::Towards(vec![target as i64]),
    };
    let distances: Vec<Option<&Epsilon>> = match strength.epsilons.is_empty() {
        true => vec![None],
        false => strength.epsilons.iter().map(Some).collect(),
    };
    for epsilon in distances {
        let limit = epsilon.map(|epsilon| epsilon.value);
        let made = strength.attack(limit.unwrap_or(1.0)).run(&mut attacked.victim, &x, &goal)?;
        let within =
            !strength.kind.is_of_least_change() || limit.is_none_or(|limit| made.l2[0] <= limit);
        if made.fooled[0] && within {
            let seen = written(path, attacked, &made.pictures, signals)?;
            return Ok(Done { before, fooled: Some((epsilon.cloned(), made, seen)) });
        }
    }
    Ok(Done { before, fooled: None })
}

/// Writes a picture, reads it again, and says what is seen in it.
fn written(
    path: &Path,
    attacked: &mut Attacked,
    picture: &Tensor,
    signals: &Signals,
) -> Result<Guess> {
    let (channels, height, width) = (picture.size(1), picture.size(2), picture.size(3));
    let bytes = png(&picture.to_vec::<f32>(), channels, height, width)?;
    signals.write(&[path.to_owned()], || Ok(atomic_write(path, |w| w.write_all(&bytes))?))?;
    let options = ImageOptions { channels, size: None, fit: Fit::default() };
    let read = parse_image(&read_file(path)?, &path.display().to_string(), &options)?;
    let pixels: Vec<f32> = read.pixels.iter().map(|&p| f32::from(p) / 255.0).collect();
    Ok(guess(&attacked.victim.scores(&Tensor::from_slice(&pixels, picture.shape()))?))
}

impl Done {
    fn told(&self, file: &Path, path: &Path, attacked: &Attacked) -> String {
        let name = |(class, p): Guess| {
            format!("{} ({:.1} %)", shortened(&attacked.description.classes[class], 60), 100.0 * p)
        };
        let (file, before) = (file.display(), name(self.before));
        match &self.fooled {
            None => format!(
                "{file}: {before}, and not fooled; nothing is written. A larger --epsilon or more --steps may do it\n"
            ),
            Some((epsilon, made, read)) => {
                let at = epsilon
                    .as_ref()
                    .map_or(String::new(), |epsilon| format!(" at ε {}", epsilon.text));
                let after = name((made.class(0), made.confidence(0)));
                let kept = if read.0 == made.class(0) {
                    ""
                } else {
                    ": rounding to 8 bits changed what is seen"
                };
                format!(
                    "{file}: {before} became {after}{at}: pixels changed by up to {:.4}, L2 {:.3}\n{}: read again, it is {}{kept}\n",
                    made.linf[0],
                    made.l2[0],
                    path.display(),
                    name(*read)
                )
            }
        }
    }

    fn record(&self, file: &Path, path: &Path, attacked: &Attacked) -> Value {
        let class = |(class, p): Guess| json!({ "class": attacked.description.classes[class], "probability": p });
        let mut record =
            json!({ "input": file, "before": class(self.before), "fooled": self.fooled.is_some() });
        if let Some((epsilon, made, read)) = &self.fooled {
            record["epsilon"] = json!(epsilon.as_ref().map(|epsilon| epsilon.value));
            record["after"] = class((made.class(0), made.confidence(0)));
            record["read_again"] = class(*read);
            record["out"] = json!(path);
            (record["linf"], record["l2"]) = (json!(made.linf[0]), json!(made.l2[0]));
        }
        record
    }
}
