//! Opening data for a network: by name or path, images brought to the network's size and channels.

use crate::aim::Aim;
use crate::bars::{counted, shortened};
use crate::description::Description;
use crate::error::{CliError, Result, shell_word};
use crate::suggest;
use crate::unreadable;
use gradus::data::{
    CsvOptions, Dataset, Fingerprint, Fit, HoldOut, ImageOptions, OpenOptions, Relabelled, SETS,
    Skip, Split, Splits, closest, is_hidden, labels_of, target_of,
};
use gradus::io::visible;
use gradus::models::find;
use gradus::nn::losses::Target;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What pictures in folders are turned into, and which are passed over; data of fixed sizes, such as named sets, stay as they are.
#[derive(Clone)]
pub struct Pictures {
    channels: usize,
    train: Option<Size>,
    test: Option<Size>,
    /// Those that cannot be read.
    pub skip: Skip,
}

type Size = (usize, usize);

impl Pictures {
    /// As a network of the zoo is published for; RGB of their own size for a network defined in a file.
    pub fn of_model(model: &str) -> Pictures {
        find(model).map_or(Pictures::of_input(&[]), |entry| Pictures::of_input(entry.input))
    }

    /// As a network takes them whose samples have this shape.
    pub fn of_input(shape: &[usize]) -> Pictures {
        match *shape {
            [channels, height, width] => {
                let size = Some((height, width));
                Pictures { channels, train: size, test: size, skip: Skip::default() }
            }
            _ => Pictures { channels: 3, train: None, test: None, skip: Skip::default() },
        }
    }

    /// As squares of these sides, where they are given.
    pub fn squares(self, train: Option<usize>, test: Option<usize>) -> Pictures {
        let square = |side: Option<usize>, size: Option<Size>| side.map(|n| (n, n)).or(size);
        Pictures { train: square(train, self.train), test: square(test, self.test), ..self }
    }
}

/// Opens a named set or a path, a CSV file as stated, with a test part held out by a rule where it has none. Pictures of the
/// whole are as those to test on.
pub fn open(
    name_or_path: &str,
    pictures: Pictures,
    csv: &CsvOptions,
    split: Option<&Split>,
) -> Result<Splits> {
    known_or_there(name_or_path)?;
    let open = |size: Option<Size>, skip: &Skip| {
        let image = ImageOptions { channels: pictures.channels, size, fit: Fit::Cover };
        let (csv, split, skip) = (csv.clone(), split.cloned(), skip.clone());
        let options = OpenOptions { image, csv, split, skip, ..OpenOptions::from_environment() };
        gradus::data::open(name_or_path, &options)
    };
    let mut splits = open(pictures.train, &pictures.skip)?;
    if pictures.test != pictures.train {
        let as_tested = open(pictures.test, &unreadable::known(&splits.unreadable))?;
        (splits.test, splits.whole) = (as_tested.test, as_tested.whole);
    }
    Ok(splits)
}

/// Refuses data of which there are none to train or none to test on.
pub fn require_both(name_or_path: &str, splits: &Splits) -> Result<()> {
    let all = splits.train.len() + splits.test.len();
    let enough = all >= 5 || matches!(splits.rule, None | Some(Split::File(_)));
    if enough && !splits.train.is_empty() && !splits.test.is_empty() {
        return Ok(());
    }
    let found = counted(all as u64, "sample");
    let what = match &splits.rule {
        Some(Split::File(list)) => format!(
            "found {found}, expected some that {} names and some that it does not",
            list.display()
        ),
        Some(rule) if all >= 5 => {
            let side = if splits.test.is_empty() { "train" } else { "test" };
            format!(
                "found {found}, which the rule {rule} all puts into the part to {side} on, expected some to test on and others to train on; --split position holds out a fifth"
            )
        }
        _ => format!(
            "found {found}, expected at least 5: a fifth of a CSV file, and of a folder without train and test in it, is held out to test"
        ),
    };
    Err(CliError::Work(format!("{name_or_path}: {what}")))
}

/// What data are called in remarks: those of stdin have no name.
pub fn called(name_or_path: &str) -> &str {
    if name_or_path == STDIN { "stdin" } else { name_or_path }
}

/// What stands for stdin where data are named.
pub const STDIN: &str = "-";

/// Says what is worth knowing of data.
pub fn remark(name_or_path: &str, remarks: &[String]) {
    let name = called(name_or_path);
    remarks.iter().for_each(|remark| say!("remark: {name}: {}", visible(remark)));
}

/// Which classes have no samples to train on, or none to test on.
pub fn remarks_on_classes(splits: &Splits) -> Vec<String> {
    let mut remarks = vec![];
    if splits.train.classes().is_empty() {
        return remarks;
    }
    for (part, purpose) in [(&splits.train, "to train on"), (&splits.test, "to test on")] {
        let mut there = vec![false; part.classes().len()];
        labels_of(&**part).into_iter().for_each(|label| there[label as usize] = true);
        let classes = part.classes().iter().zip(&there).filter(|(_, there)| !**there);
        let missing: Vec<&str> = classes.map(|(name, _)| &**name).collect();
        let named = &missing[..missing.len().min(NAMED)];
        let more = match missing.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        if !missing.is_empty() {
            let names: Vec<String> = named.iter().map(|name| shortened(name, 40)).collect();
            remarks.push(format!("no sample {purpose} of {}{more}", names.join(", ")));
        }
    }
    remarks
}

/// That far fewer samples are held out to test than a fifth, as a draw by content may have it where many are equal.
pub fn remark_on_test_part(splits: &Splits) -> Result<Option<String>> {
    let (Some(Split::Hash), Some(whole)) = (&splits.rule, &splits.whole) else { return Ok(None) };
    let (all, found) = (whole.len(), splits.test.len());
    let meant = all / 5;
    if 2 * found >= meant {
        return Ok(None);
    }
    let (_, held) = Split::Position.divide(&**whole, HoldOut::Test)?;
    Ok(Some(format!(
        "only {found} of {all} samples {} held out to test, not about {meant}: equal samples are on one side; --split position holds out {}, whatever they hold",
        if found == 1 { "is" } else { "are" },
        held.len()
    )))
}

/// Which of the numbers to be learned are the same in all samples to train on, and which are only 0 and 1 though they are
/// learned as numbers.
pub fn remarks_on_targets(train: &dyn Dataset, aim: &Aim) -> Vec<String> {
    let mut remarks = vec![];
    let names = train.targets().names();
    let first = if train.is_empty() { vec![] } else { target_of(train, 0) };
    let mut yes_no = vec![];
    for (at, (name, x)) in names.iter().zip(&first).enumerate() {
        let mut all = (0..train.len()).map(|index| target_of(train, index)[at]);
        if all.clone().all(|y| y == *x) {
            remarks.push(format!(
                "{name} is {x} in every sample to train on, which leaves nothing to learn"
            ));
        } else if aim.target() == Target::Numbers && all.all(|y| y == 0.0 || y == 1.0) {
            yes_no.push(&**name);
        }
    }
    if let Some((one, more)) = yes_no.split_first() {
        let holds = if more.is_empty() { "holds" } else { "hold" };
        remarks.push(format!(
            "{} {holds} only 0 and 1, learned here as numbers; --loss bce learns a yes or no: --target {} --loss bce",
            [&[*one], more].concat().join(", "),
            yes_no.join(",")
        ));
    }
    remarks
}

/// So many classes are named in a remark.
const NAMED: usize = 8;

/// Where the classes may be of a folder that has one folder alone: in that.
pub fn folders_within(name: &str, only: &str) -> String {
    let folder = Path::new(name).join(only);
    let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !is_hidden(name))
        .collect();
    names.sort();
    if names.len() < 2 {
        return String::new();
    }
    let shown: Vec<String> = names.iter().take(NAMED).map(|name| shortened(name, 40)).collect();
    let more = if names.len() > NAMED { ", …" } else { "" };
    let path = shell_word(&folder);
    format!("; --data {path} takes the folders in it for classes: {}{more}", shown.join(", "))
}

/// More bytes in pictures with parts of their own are not read for a fingerprint.
const FINGERPRINTED: u64 = 2 << 30;

/// What data are, whole or in their parts.
pub fn fingerprint(splits: &Splits) -> Result<Fingerprint> {
    let whole = splits.whole.as_deref();
    Ok(match (&splits.rule, whole) {
        // The rule has read them all already.
        (Some(Split::Hash), Some(whole)) => gradus::data::fingerprint(&[("all", whole)], u64::MAX)?,
        (None | Some(Split::File(_)), _) | (_, None) => {
            let parts = [("train", &*splits.train), ("test", &*splits.test)];
            gradus::data::fingerprint(&parts, FINGERPRINTED)?
        }
        (_, Some(whole)) => gradus::data::fingerprint(&[("all", whole)], FINGERPRINTED)?,
    })
}

/// Samples labelled by the classes of a model. Classes are compared by their names; but those of a model whose classes are only
/// numbered are taken in order.
///
/// # Errors
/// When samples are of a class that the model does not have.
pub fn labelled_as(
    description: &Description,
    name: &str,
    data: Arc<dyn Dataset>,
) -> Result<Arc<dyn Dataset>> {
    if !description.aim().is_of_classes() {
        return Ok(data);
    }
    let error = match Relabelled::new(data.clone(), &description.classes) {
        Ok(relabelled) => return Ok(Arc::new(relabelled)),
        Err(error) => error,
    };
    let (own, theirs) = (description.classes.len(), data.classes().len());
    if !description.has_numbered_classes() {
        return Err(CliError::Work(format!("{name}: {error}")));
    }
    if own == theirs {
        let first = &data.classes()[0];
        say!(
            "remark: the model's classes have numbers, no names: 0 is taken for {first}, and so on in the order of the names"
        );
        return Ok(data);
    }
    Err(CliError::Work(format!(
        "{name}: found {theirs} classes, but the {own} of the model have no names to tell which of them these are; import it with their names: gradus import … --classes FILE"
    )))
}

/// Opens a named set or a path without a network in mind: pictures are RGB and of one size, their own or this side's.
pub fn open_as_is(
    name_or_path: &str,
    csv: CsvOptions,
    split: Option<Split>,
    side: Option<usize>,
    skip: &Skip,
) -> Result<Splits> {
    known_or_there(name_or_path)?;
    let skip = skip.clone();
    let mut options = OpenOptions { csv, split, skip, ..OpenOptions::from_environment() };
    options.image.size = side.map(|side| (side, side));
    Ok(gradus::data::open(name_or_path, &options)?)
}

/// Refuses what is neither a set's name nor a path.
fn known_or_there(name_or_path: &str) -> Result<()> {
    let names: Vec<&str> = SETS.iter().map(|s| s.name).collect();
    let is_there = name_or_path == STDIN || Path::new(name_or_path).exists();
    let ending = Path::new(name_or_path).extension();
    let is_json = ending.is_some_and(|end| ["json", "jsonl"].iter().any(|json| end == *json));
    if is_json && Path::new(name_or_path).is_file() {
        let what = "found JSON by its name, expected a CSV file or a folder of pictures";
        return Err(CliError::Work(format!("{name_or_path}: {what}")));
    }
    if names.contains(&name_or_path) || is_there {
        return Ok(());
    }
    if name_or_path == "imagenet" {
        let what = "imagenet: its pictures may not be handed on; give the folder that holds them, --data DIR, with train and val in it";
        return Err(CliError::Usage(what.to_owned()));
    }
    let path = Path::new(name_or_path);
    if let Some(near) = beside(path) {
        let what = format!("{name_or_path}: no such file or folder; did you mean {near}?");
        return Err(CliError::Usage(what));
    }
    if path.extension().is_some() || path.components().count() > 1 {
        return Err(CliError::Usage(format!("{name_or_path}: no such file or folder")));
    }
    Err(suggest::unknown("data set (and no file or folder of that name)", name_or_path, &names))
}

/// What lies where a path leads and is called nearly like it, unless a set is.
fn beside(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = std::fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?.flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names.extend(SETS.iter().map(|set| set.name.to_owned()));
    names.retain(|name| !is_hidden(name));
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    let near = closest(&name, &names).filter(|near| SETS.iter().all(|set| set.name != *near))?;
    Some(shell_word(&folder.map_or(PathBuf::from(near), |folder| folder.join(near))))
}

/// Data as they were found.
pub struct Opened {
    /// Their name or path.
    pub name: String,
    /// Their parts.
    pub splits: Splits,
    /// What they are.
    pub fingerprint: Fingerprint,
}

impl Opened {
    /// Opens data, and sees what they are.
    pub fn new(
        name: &str,
        pictures: Pictures,
        csv: &CsvOptions,
        rule: Option<&Split>,
    ) -> Result<Opened> {
        let splits = open(name, pictures, csv, rule)?;
        let fingerprint = fingerprint(&splits)?;
        Ok(Opened { name: name.into(), splits, fingerprint })
    }
}
