//! What users give to be predicted or looked at: files, folders of them, and pictures as a model is shown them.

use crate::augmentation::Evaluation;
use crate::bars::counted;
use crate::datasets::called;
use crate::description::Description;
use crate::error::{CliError, Result};
use gradus::data::{
    Fit, ImageDataset, ImageOptions, RawImage, is_hidden, is_picture, parse_image, read_file,
};
use gradus::io::printable;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is taken of a folder.
#[derive(Clone, Copy, PartialEq)]
pub enum Taken {
    /// Files that hold a picture, whatever they are called.
    Pictures,
    /// Files whose names end in .csv: any text may be a table.
    Tables,
}

impl Taken {
    fn takes(self, path: &Path) -> bool {
        match self {
            // One that cannot be opened is told when it is to be predicted.
            Taken::Pictures => is_picture(path).unwrap_or(true),
            Taken::Tables => path.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv")),
        }
    }
}

/// The inputs, in place of a folder the files in it and in those below that are taken, in order. Other files there are counted and
/// said.
///
/// # Errors
/// When a folder cannot be listed, or has no such file, or what is written to `out` would be written over an input.
pub fn files(given: &[PathBuf], out: Option<&Path>, taken: Taken) -> Result<Vec<PathBuf>> {
    let mut all = vec![];
    for path in given {
        if !path.is_dir() {
            all.push(path.clone());
            continue;
        }
        let (before, mut others) = (all.len(), BTreeMap::new());
        collect(path, taken, &mut all, &mut others)?;
        let files: u64 = others.values().sum();
        let others: Vec<String> = others.iter().map(|(end, n)| format!("{end} ({n})")).collect();
        let others = printable(&others.join(", "));
        let (one, files) = (files == 1, counted(files, "file"));
        let (what, lacks) = match taken {
            Taken::Pictures => ("holds a picture", "holds no picture"),
            Taken::Tables => ("ends in .csv", "does not end in .csv"),
        };
        if all.len() == before {
            let found = if others.is_empty() { "no file" } else { &*files };
            let found = format!("found {found} in it, expected one that {what}");
            return Err(CliError::Work(format!("{}: {found}", path.display())));
        }
        if !others.is_empty() {
            let passed = match one {
                true => format!("is passed over, which {lacks}"),
                false => format!("are passed over, none of which {what}"),
            };
            say!("remark: {}: {files} {passed}: {others}", path.display());
        }
    }
    let Some(out) = out.and_then(|out| out.canonicalize().ok()) else {
        return Ok(all);
    };
    match all.iter().find(|path| path.canonicalize().is_ok_and(|path| path == out)) {
        Some(path) => Err(CliError::Usage(format!(
            "--out: found {}, which is an input, expected another file",
            path.display()
        ))),
        None => Ok(all),
    }
}

fn collect(
    folder: &Path,
    taken: Taken,
    all: &mut Vec<PathBuf>,
    others: &mut BTreeMap<String, u64>,
) -> Result<()> {
    let listing = std::fs::read_dir(folder).map_err(CliError::system(folder, "list the folder"))?;
    let mut entries = vec![];
    for entry in listing {
        let entry = entry.map_err(CliError::system(folder, "list the folder"))?;
        // A link to a folder may lead round in a circle.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_hidden(&entry.file_name().to_string_lossy()) {
            entries.push((entry.path(), is_folder));
        }
    }
    entries.sort();
    for (path, is_folder) in entries {
        if is_folder {
            collect(&path, taken, all, others)?;
        } else if taken.takes(&path) {
            all.push(path);
        } else {
            let ending = path.extension().map(|end| format!(".{}", end.to_string_lossy()));
            let ending = ending.map_or("no ending".into(), |end| end.to_lowercase());
            *others.entry(ending).or_insert(0) += 1;
        }
    }
    Ok(())
}

/// A picture in a file, as large as `evaluation` has it loaded. A model of light things on dark ground is shown a picture with light
/// corners inverted.
///
/// # Errors
/// When the model takes no pictures, or the file is none.
pub fn picture(
    path: &Path,
    description: &Description,
    evaluation: &Evaluation,
) -> Result<ImageDataset> {
    let &[channels, height, width] = &*description.input else {
        let what = format!("the model takes samples of shape {:?}, no images", description.input);
        return Err(CliError::Work(what));
    };
    let bytes = read_file(path)?;
    let size = evaluation.loaded().map_or((height, width), |side| (side, side));
    let options = ImageOptions { channels, size: Some(size), fit: Fit::Cover };
    let name = called(&path.display().to_string()).to_owned();
    let mut image = parse_image(&bytes, &name, &options)?;
    let dark_ground = description.mean.iter().all(|&m| m < 0.5);
    if channels == 1 && dark_ground && corners_are_light(&image) {
        say!(
            "{}: its corners are light: inverted, as the model knows light on dark",
            path.display()
        );
        image.pixels.iter_mut().for_each(|p| *p = 255 - *p);
    }
    let classes = description.classes.clone();
    Ok(ImageDataset::new(&name, image.shape, image.pixels, vec![0], classes)?)
}

fn corners_are_light(image: &RawImage) -> bool {
    let [_, h, w] = image.shape;
    [0, w - 1, (h - 1) * w, h * w - 1].iter().all(|&i| image.pixels[i] >= 128)
}
