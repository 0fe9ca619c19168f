//! Pictures of a data set: a preview in characters, a sheet of some of each class, one of each to try.

use super::show::ShowArgs;
use crate::bars::{counted, shortened};
use crate::contact_sheet;
use crate::error::{CliError, Result, shell_word};
use gradus::data::{Dataset, Splits, labels_of, read_file};
use gradus::io::atomic_write;
use std::io::Write;
use std::path::Path;

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
