//! Pictures of a data set: their sizes, a preview in characters, a sheet of some of each class, one of each to try.

use super::show::ShowArgs;
use crate::bars::{counted, shortened};
use crate::contact_sheet;
use crate::error::{CliError, Result, shell_word};
use gradus::data::{Dataset, Splits, image_info, labels_of, read_file};
use gradus::io::atomic_write;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// So many pictures are looked at for their sizes.
const LOOKED_AT: usize = 500;
/// The side at which pictures of several sizes are shown.
const PREVIEW: usize = 64;

/// What pictures in files are.
pub struct Found {
    /// How many have each height and width.
    sizes: BTreeMap<(usize, usize), usize>,
    grey: usize,
    looked_at: usize,
    all: usize,
}

impl Found {
    /// Looks at the pictures of data that lie in files, if they do: at most some hundred, spread over all. One that cannot be read is
    /// passed over.
    pub fn of(splits: &Splits) -> Option<Found> {
        let parts = [&splits.train, &splits.test];
        let files = parts.iter().flat_map(|part| (0..part.len()).filter_map(|i| part.file(i)));
        let files: Vec<&Path> = files.collect();
        if files.is_empty() {
            return None;
        }
        let some = files.len().min(LOOKED_AT);
        let mut found = Found { sizes: BTreeMap::new(), grey: 0, looked_at: 0, all: files.len() };
        for k in 0..some {
            let path = files[k * files.len() / some];
            // What cannot be read is told apart from this.
            let read =
                read_file(path).and_then(|bytes| image_info(&bytes, &path.display().to_string()));
            let Ok(info) = read else { continue };
            found.looked_at += 1;
            *found.sizes.entry(info.size).or_insert(0) += 1;
            found.grey += usize::from(!info.is_coloured);
        }
        Some(found)
    }

    pub fn is_mixed(&self) -> bool {
        self.sizes.len() > 1
    }

    /// The shape of each, if they are all of one size.
    pub fn shape(&self) -> Vec<usize> {
        let (height, width) = self.commonest();
        vec![if self.grey == self.looked_at { 1 } else { 3 }, height, width]
    }

    /// The side at which they are shown, if not at their own.
    pub fn shown_at(&self) -> Option<usize> {
        let large = self.sizes.keys().any(|&(height, width)| height.max(width) > 2 * PREVIEW);
        (self.is_mixed() || large).then_some(PREVIEW)
    }

    fn commonest(&self) -> (usize, usize) {
        self.sizes.iter().max_by_key(|(_, n)| **n).map_or((0, 0), |(size, _)| *size)
    }

    /// `pictures of 20×30 to 480×640 pixels (height×width), most often 240×320 (12 of 20), 3 stored in grey and 17 in colours`.
    pub fn text(&self) -> String {
        let area = |size: &&(usize, usize)| size.0 * size.1;
        let text = |(height, width): (usize, usize)| format!("{height}×{width}");
        let common = self.commonest();
        let least = self.sizes.keys().min_by_key(area).copied().unwrap_or(common);
        let most = self.sizes.keys().max_by_key(area).copied().unwrap_or(common);
        let sizes = match self.is_mixed() {
            false => format!("{} pixels (height×width)", text(common)),
            true => format!(
                "{} to {} pixels (height×width), most often {} ({} of {})",
                text(least),
                text(most),
                text(common),
                self.sizes[&common],
                self.looked_at
            ),
        };
        let colours = match self.grey {
            0 => "stored in colours".to_owned(),
            n if n == self.looked_at => "stored in grey".to_owned(),
            n => format!("{n} stored in grey and {} in colours", self.looked_at - n),
        };
        let some = match self.looked_at < self.all {
            true => format!(" (of {} that were looked at)", self.looked_at),
            false => String::new(),
        };
        format!("pictures of {sizes}, {colours}{some}")
    }

    /// For `--json`.
    pub fn record(&self) -> Value {
        let size = |(&(height, width), n): (&(usize, usize), &usize)| json!({ "height": height, "width": width, "pictures": n });
        let sizes: Vec<Value> = self.sizes.iter().map(size).collect();
        json!({ "looked_at": self.looked_at, "grey": self.grey, "sizes": sizes })
    }
}

/// Writes the files that were asked for, and says which.
pub fn save(args: &ShowArgs, splits: &Splits) -> Result<Vec<String>> {
    let mut lines = vec![];
    if args.save.is_none() && args.save_samples.is_none() {
        return Ok(lines);
    }
    if splits.train.shape().len() != 3 {
        let what =
            format!("{}: --save and --save-samples are for pictures, found a table", args.data);
        return Err(CliError::Usage(what));
    }
    if let Some(path) = &args.save {
        let sheet = contact_sheet::draw(&*splits.train)?;
        atomic_write(path, |w| w.write_all(&sheet))?;
        lines.push(format!("saved          {}", path.display()));
    }
    if let Some(folder) = &args.save_samples {
        let n = save_samples(folder, &*splits.test)?;
        let pictures = counted(n as u64, "picture");
        lines.push(format!("saved          {pictures} of the test part in {}", folder.display()));
    }
    Ok(lines)
}

/// So many classes have a picture written.
const MOST_SAMPLES: usize = 100;

/// Writes a picture of each class, called like it.
fn save_samples(folder: &Path, data: &dyn Dataset) -> Result<usize> {
    let &[channels, height, width] = data.shape() else { return Ok(0) };
    std::fs::create_dir(folder).map_err(CliError::system(folder, "make the folder"))?;
    let labels = labels_of(data);
    let mut sample = vec![0.0; channels * height * width];
    let mut written = 0;
    for (k, class) in data.classes().iter().enumerate().take(MOST_SAMPLES) {
        let Some(index) = labels.iter().position(|&label| label == k as i64) else { continue };
        // What lies in a file is that file.
        let (bytes, ending) = match data.file(index) {
            Some(path) => {
                (read_file(path)?, path.extension().unwrap_or_default().to_string_lossy())
            }
            None => {
                data.read(index, &mut sample)?;
                (contact_sheet::png(&sample, channels, height, width)?, "png".into())
            }
        };
        let plain = |c: char| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' };
        let name: String = class.chars().take(40).map(plain).collect();
        let mut path = folder.join(format!("{name}.{ending}"));
        // Two names may be one file's.
        if path.exists() {
            path = folder.join(format!("{name}-{k}.{ending}"));
        }
        atomic_write(&path, |w| w.write_all(&bytes))?;
        written += 1;
    }
    Ok(written)
}

/// How to get a picture to try.
pub fn hint(name: &str, splits: &Splits, saved: bool) -> Option<String> {
    if splits.test.shape().len() != 3 || splits.test.is_empty() || saved {
        return None;
    }
    Some(match splits.test.file(0) {
        Some(path) => format!("to try         gradus predict RUN {}", shell_word(path)),
        None => format!(
            "to try         gradus data show {} --save-samples samples, then: gradus predict RUN samples/*.png",
            shell_word(Path::new(name))
        ),
    })
}

/// Columns and rows of a picture in characters, which are about twice as high as wide.
const COLUMNS: usize = 28;
const ROWS: usize = 14;
/// From dark to light, for light letters on a dark terminal.
const RAMP: &[u8] = b" .:-=+*#%@";

/// The first image of the first three classes, side by side.
pub fn preview(out: &mut impl Write, data: &dyn Dataset) -> Result<()> {
    let &[channels, height, width] = data.shape() else { return Ok(()) };
    let labels = labels_of(data);
    let first = |k: i64| labels.iter().position(|&l| l == k);
    let chosen: Vec<usize> = (0..data.classes().len() as i64).filter_map(first).take(3).collect();
    let mut drawn = vec![];
    let mut sample = vec![0.0; channels * height * width];
    for &index in &chosen {
        data.read(index, &mut sample)?;
        drawn.push(draw(&sample, channels, height, width));
    }
    writeln!(out)?;
    for row in 0..ROWS {
        let line: Vec<&str> = drawn.iter().map(|d| &*d[row]).collect();
        writeln!(out, "{}", line.join("  ").trim_end())?;
    }
    let name = |&index: &usize| shortened(&data.classes()[labels[index] as usize], COLUMNS);
    let names: Vec<String> = chosen.iter().map(|i| format!("{:<COLUMNS$}", name(i))).collect();
    writeln!(out, "{}", names.join("  ").trim_end())?;
    Ok(())
}

/// An image in characters: each the mean brightness of its part, over all channels.
fn draw(sample: &[f32], channels: usize, height: usize, width: usize) -> Vec<String> {
    let part = |i: usize, n: usize, size: usize| {
        let start = i * size / n;
        start..((i + 1) * size / n).max(start + 1)
    };
    let cell = |row: usize, column: usize| {
        let (mut sum, mut count) = (0.0, 0);
        for c in 0..channels {
            for y in part(row, ROWS, height) {
                for x in part(column, COLUMNS, width) {
                    sum += sample[(c * height + y) * width + x];
                    count += 1;
                }
            }
        }
        let level = sum / count as f32 * (RAMP.len() - 1) as f32;
        char::from(RAMP[(level.round().max(0.0) as usize).min(RAMP.len() - 1)])
    };
    (0..ROWS).map(|r| (0..COLUMNS).map(|c| cell(r, c)).collect()).collect()
}
