//! The samples that a model is most wrong about: a list, and of pictures a sheet of them.

use crate::bars::{figure, four_places, shortened};
use crate::csv_file::CsvFile;
use crate::description::Description;
use crate::error::{CliError, Result};
use crate::outcome::Outcome;
use crate::paper::{DARK, Letters, Paper, RIGHT, WRONG};
use crate::run_dir;
use crate::table_form::TableForm;
use gradus::data::{CsvOptions, Dataset, parse_csv};
use gradus::io::{atomic_write, visible};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Refuses a file that the list cannot be kept in.
pub fn check(out: &Path, description: &Description) -> Result<()> {
    let wrong = |expected: &str| {
        Err(CliError::Usage(format!("--out: found {}, expected {expected}", out.display())))
    };
    match (ending(out), description.is_of_rows()) {
        ("csv", _) | ("png", false) => Ok(()),
        (_, true) => wrong("a file that ends in .csv: rows cannot be shown in a picture"),
        (_, false) => wrong("a file that ends in .png or .csv"),
    }
}

fn ending(path: &Path) -> &str {
    path.extension().and_then(|ending| ending.to_str()).unwrap_or("")
}

/// What samples are called.
pub struct Samples<'a> {
    data: &'a dyn Dataset,
    name: &'a str,
    /// The lines of a table, by what its rows hold, the last first.
    lines: HashMap<Vec<u64>, Vec<u64>>,
}

impl<'a> Samples<'a> {
    /// Of data that were read from this name in this way.
    pub fn new(
        data: &'a dyn Dataset,
        name: &'a str,
        csv: &CsvOptions,
        form: &TableForm,
    ) -> Samples<'a> {
        let mut lines: HashMap<Vec<u64>, Vec<u64>> = HashMap::new();
        let table = match data.shape() {
            [_] => std::fs::read(name).ok().and_then(|bytes| parse_csv(&bytes, name, csv).ok()),
            _ => None,
        };
        if let Some(mut table) = table {
            // As they were tested: with what stands for missing values.
            form.fill(&mut table.values);
            let rows = table.values.chunks_exact(table.width.max(1)).zip(&table.lines);
            for (row, &line) in rows.collect::<Vec<_>>().into_iter().rev() {
                lines.entry(bits(row)).or_default().push(line);
            }
        }
        Samples { data, name, lines }
    }

    /// The names of all: files, lines of a table, or places among those that are tested.
    fn names(&self) -> Vec<String> {
        let mut left = self.lines.clone();
        let mut name = |index: usize| {
            if let Some(file) = self.data.file(index) {
                return file.display().to_string();
            }
            // Of rows that hold the same the first comes first.
            let row = self.data.row(index).and_then(|row| left.get_mut(&bits(row)));
            match row.and_then(Vec::pop) {
                Some(line) => format!("{}, line {line}", self.name),
                None => format!("{}, sample {} of those tested", self.name, index + 1),
            }
        };
        (0..self.data.len()).map(&mut name).collect()
    }
}

fn bits(row: &[f64]) -> Vec<u64> {
    row.iter().map(|x| x.to_bits()).collect()
}

/// One of them.
struct Wrong {
    index: usize,
    name: String,
    truth: String,
    guess: String,
    /// How probable the model takes its answer for; none of numbers.
    probability: Option<f64>,
    loss: f64,
}

/// The worst, the one with the greatest loss first.
pub struct Worst {
    all: Vec<Wrong>,
    tested: usize,
}

impl Worst {
    /// So many of those that were tested. One for which the model says nothing comes before all others.
    pub fn of(tested: &Outcome, samples: &Samples<'_>, n: usize) -> Worst {
        let losses: Vec<f64> = match tested {
            Outcome::Classes(scores) => scores.judged().iter().map(|j| j.loss).collect(),
            Outcome::Numbers(scores) => scores.judged().iter().map(|j| j.2).collect(),
        };
        let mut order: Vec<usize> = (0..losses.len()).collect();
        let key = |index: usize| if losses[index].is_nan() { f64::INFINITY } else { losses[index] };
        order.sort_by(|&a, &b| key(b).total_cmp(&key(a)));
        order.truncate(n);
        let mut names = samples.names();
        let told = answers(tested);
        let wrong = |index: usize| {
            let (truth, guess, probability) = told(index);
            let name = std::mem::take(&mut names[index]);
            Wrong { index, name, truth, guess, probability, loss: losses[index] }
        };
        Worst { all: order.into_iter().map(wrong).collect(), tested: losses.len() }
    }

    /// For people.
    pub fn table(&self) -> String {
        let widest = |of: fn(&Wrong) -> &str| {
            let longest = self.all.iter().map(|w| visible(of(w)).chars().count()).max();
            longest.unwrap_or(0).clamp(9, 24)
        };
        let (truth, guess) = (widest(|w| &w.truth), widest(|w| &w.guess));
        let mut text = format!(
            "\n{:>8}  {:<truth$}  {:<guess$}  {:>7}  the worst {} of {}\n",
            "loss",
            "truth",
            "predicted",
            "",
            self.all.len(),
            self.tested
        );
        for w in &self.all {
            let percent = w.probability.map_or(String::new(), |p| format!("{:.1} %", 100.0 * p));
            let _ = writeln!(
                text,
                "{:>8}  {:<truth$}  {:<guess$}  {percent:>7}  {}",
                four_places(w.loss),
                shortened(&w.truth, truth),
                shortened(&w.guess, guess),
                visible(&w.name)
            );
        }
        text
    }

    /// For `--json`.
    pub fn record(&self) -> Value {
        let one = |w: &Wrong| {
            json!({
                "sample": w.name, "truth": w.truth, "predicted": w.guess,
                "probability": w.probability, "loss": w.loss,
            })
        };
        self.all.iter().map(one).collect()
    }

    /// Keeps the list in a file, or of pictures a sheet in the run directory if none is named; gives where.
    pub fn keep(
        &self,
        out: Option<&Path>,
        run: &Path,
        data: &dyn Dataset,
    ) -> Result<Option<PathBuf>> {
        let of_pictures = data.shape().len() == 3;
        let is_run = run_dir::config(run).is_file();
        let path = match out {
            Some(path) => path.to_owned(),
            None if of_pictures && is_run => run.join("worst.png"),
            None => return Ok(None),
        };
        let bytes = if ending(&path) == "csv" { self.csv() } else { self.sheet(data)? };
        atomic_write(&path, |w| w.write_all(&bytes))?;
        Ok(Some(path))
    }

    fn csv(&self) -> Vec<u8> {
        let mut file = CsvFile::new(&["sample", "truth", "predicted", "probability", "loss"]);
        for w in &self.all {
            let probability = w.probability.map_or(String::new(), |p| p.to_string());
            file.row(&[&w.name, &w.truth, &w.guess, &probability, &w.loss.to_string()]);
        }
        file.into_bytes()
    }

    /// Pictures with what is true and what is predicted below each.
    fn sheet(&self, data: &dyn Dataset) -> Result<Vec<u8>> {
        let &[channels, height, width] = data.shape() else {
            return Err(CliError::Work("samples are no pictures, which cannot be shown".into()));
        };
        let shown = &self.all[..self.all.len().min(MOST)];
        let scale = (TILE / height.max(width).max(1)).max(1);
        let (w, h) = (width * scale, height * scale);
        let cell = (w.max(ROOM) + GAP, h + 2 * LINE + GAP + 5);
        let across = (shown.len() as f64).sqrt().ceil().max(1.0) as usize;
        let down = shown.len().div_ceil(across).max(1);
        let mut paper = Paper::new(across * cell.0 + GAP, down * cell.1 + GAP);
        let mut pixels = vec![0.0; channels * height * width];
        for (i, wrong) in shown.iter().enumerate() {
            data.read(wrong.index, &mut pixels)?;
            let corner = (GAP + i % across * cell.0, GAP + i / across * cell.1);
            let room = cell.0 - GAP;
            let left = corner.0 + (room - w) / 2;
            paper.picture(&pixels, [channels, height, width], scale, (left, corner.1));
            paper.frame((w, h), (left, corner.1), wrong.color());
            wrong.caption(&mut paper, (corner.0, corner.1 + h + 5), room);
        }
        Ok(paper.to_png()?)
    }
}

/// At most so many pictures on a sheet.
const MOST: usize = 400;
/// Small pictures are enlarged to about this side.
const TILE: usize = 128;
/// How captions are written, and the least room for one.
const LETTERS: Letters = Letters::Small;
const ROOM: usize = 176;
const GAP: usize = 12;
const LINE: usize = LETTERS.height() + 3;

impl Wrong {
    /// Whether the class is the true one; numbers are neither right nor wrong.
    fn is_right(&self) -> Option<bool> {
        self.probability.map(|_| self.truth == self.guess)
    }
    fn color(&self) -> [u8; 3] {
        self.is_right().map_or(DARK, |right| if right { RIGHT } else { WRONG })
    }

    /// `✗ cat → dog 98 %`, and below it the file in its folder.
    fn caption(&self, paper: &mut Paper, (left, top): (usize, usize), room: usize) {
        let mark = self.is_right().map_or("", |right| if right { "✓ " } else { "✗ " });
        let percent = self.probability.map_or(String::new(), |p| format!("  {:.0} %", 100.0 * p));
        let taken = LETTERS.width(&format!("{mark} → {percent}"));
        let half = room.saturating_sub(taken) / 2;
        // What the shorter name leaves is the longer one's.
        let rest = |other: &str| (2 * half - LETTERS.width(other).min(half)).max(half);
        let truth = LETTERS.ends_of(&self.truth, rest(&self.guess));
        let guess = LETTERS.ends_of(&self.guess, rest(&self.truth));
        let lines = [
            (format!("{mark}{truth} → {guess}{percent}"), self.color()),
            (LETTERS.ends_of(&self.place(), room), DARK),
        ];
        for (i, (line, color)) in lines.iter().enumerate() {
            let indent = room.saturating_sub(LETTERS.width(line)) / 2;
            paper.text(line, (left + indent, top + i * LINE), LETTERS, *color);
        }
    }

    /// The file in its folder, `cat/IMG_2041.png`; of samples without files which one it is, `sample 151`.
    fn place(&self) -> String {
        let place = self.name.rsplit_once(", ").map(|(_, place)| place);
        if let Some(place) = place.filter(|p| p.starts_with("sample ") || p.starts_with("line ")) {
            return place.split(" of ").next().unwrap_or(place).to_owned();
        }
        let path = Path::new(&self.name);
        let named = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let folder = path.parent().and_then(named).map(|folder| folder + "/");
        folder.unwrap_or_default() + &named(path).unwrap_or_else(|| self.name.clone())
    }
}

type Answer = (String, String, Option<f64>);

/// What is true of a sample, what is predicted, and how probable the model takes that for.
fn answers(tested: &Outcome) -> Box<dyn Fn(usize) -> Answer + '_> {
    match tested {
        Outcome::Classes(scores) => Box::new(|index| {
            let judged = scores.judged()[index];
            let name = |class: usize| scores.classes()[class].clone();
            (name(judged.truth), name(judged.guess), Some(judged.probability))
        }),
        Outcome::Numbers(scores) => {
            let all = scores.judged();
            let listed = |numbers: &[f64]| {
                let numbers: Vec<String> = numbers.iter().map(|&x| figure(x, 6)).collect();
                numbers.join(" ")
            };
            Box::new(move |index| (listed(&all[index].0), listed(&all[index].1), None))
        }
    }
}
