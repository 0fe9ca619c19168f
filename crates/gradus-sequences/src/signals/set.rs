//! Sequences of numbers with their labels: one each, or one at each step.

use std::path::Path;

use gradus_data::{DataError, HoldOut, Key, Place, Result, count, quote, read_file};

use super::table::{SignalColumns, Steps};
use super::ts::{Ts, parse_ts};
use crate::labelled::{Labelled, Row, class_of, classes_of};

/// Labelled sequences, a part of which is only tested on.
#[derive(Clone, Debug)]
pub struct Signals {
    pub(super) all: Labelled,
    channels: Vec<String>,
    /// The numbers of each sequence, step by step, those that were missing filled in.
    pub(super) samples: Vec<Vec<f64>>,
}

/// What was read of a file.
struct File {
    name: String,
    channels: Vec<String>,
    samples: Vec<Vec<f64>>,
    labels: Vec<Vec<String>>,
    remarks: Vec<String>,
}

impl Signals {
    /// Of a `.ts` file, or a CSV file of a row a step. A fifth of the sequences is only tested on, by what they hold.
    ///
    /// # Errors
    /// When the file cannot be read or is not what its format asks for, or there are not two classes to learn and something to test on.
    pub fn read(path: &Path, columns: &SignalColumns) -> Result<Signals> {
        Signals::of(vec![File::read(path, columns)?])
    }

    /// Of a file that is learned, and another one that is tested on.
    ///
    /// # Errors
    /// As [`Signals::read`]; and when the second file has other channels or labels than the first.
    pub fn read_parts(train: &Path, test: &Path, columns: &SignalColumns) -> Result<Signals> {
        Signals::of(vec![File::read(train, columns)?, File::read(test, columns)?])
    }

    /// Of the bytes of a `.ts` file.
    ///
    /// # Errors
    /// As [`Signals::read`].
    pub fn parse_ts(bytes: &[u8], name: &str) -> Result<Signals> {
        Signals::of(vec![File::of_ts(parse_ts(bytes, name)?, name)])
    }

    /// Of the bytes of a CSV file, by the columns of [`SignalColumns`].
    ///
    /// # Errors
    /// As [`Signals::read`].
    pub fn parse_csv(bytes: &[u8], name: &str, columns: &SignalColumns) -> Result<Signals> {
        Signals::of(vec![File::of_csv(bytes, name, columns)?])
    }

    /// Of one file, or of two, the second of which is tested on.
    fn of(files: Vec<File>) -> Result<Signals> {
        let has_parts = files.len() > 1;
        let name = files[0].name.clone();
        let channels = files[0].channels.clone();
        let (mut samples, mut labels, mut is_test, mut remarks) = (vec![], vec![], vec![], vec![]);
        for (part, file) in files.into_iter().enumerate() {
            if file.channels != channels {
                let found = format!(
                    "{} ({})",
                    count(file.channels.len(), "channel"),
                    shown(&file.channels)
                );
                let expected = format!("{} as in {name}: {}", channels.len(), shown(&channels));
                return Err(DataError::malformed(&file.name, Place::Whole, found, expected));
            }
            is_test.resize(is_test.len() + file.samples.len(), part > 0);
            samples.extend(file.samples);
            labels.extend(file.labels);
            remarks.extend(file.remarks);
        }
        let filled: usize = samples.iter_mut().map(|sample| fill(sample, channels.len())).sum();
        if filled > 0 {
            let values = count(filled, "missing value");
            remarks.push(format!(
                "{values} filled in: between their neighbours in time, or the mean of the channel"
            ));
        }
        let keys: Vec<Key> = samples.iter().map(|sample| key_of(sample)).collect();
        let changes = |labels: &Vec<String>| labels.iter().any(|label| label != &labels[0]);
        let all = if labels.iter().any(changes) {
            of_steps(&name, keys, &labels, has_parts.then_some(&is_test[..]), remarks)?
        } else {
            let row =
                |at: usize| Row { key: keys[at], label: &labels[at][0], is_test: is_test[at] };
            let rows: Vec<Row<'_>> = (0..keys.len()).map(row).collect();
            Labelled::new(&name, "sequence", &rows, has_parts, remarks)?
        };
        Ok(Signals { all, channels, samples })
    }

    /// How many sequences there are.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// True without sequences, which no such set is.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// What the numbers of a step are called.
    pub fn channels(&self) -> &[String] {
        &self.channels
    }

    /// What the classes are called, in order.
    pub fn classes(&self) -> &[String] {
        &self.all.classes
    }

    /// Whether each step has a label of its own.
    pub fn has_labelled_steps(&self) -> bool {
        self.all.starts.is_some()
    }

    /// The mean and the deviation of each channel, of what is learned; the deviation of one that never changes is 1.
    pub(super) fn moments(&self) -> (Vec<f64>, Vec<f64>) {
        let width = self.channels.len();
        let steps = |f: &mut dyn FnMut(usize, f64)| {
            for &at in &self.all.train {
                let values = self.samples[at].iter().enumerate();
                values.filter(|(_, x)| !x.is_nan()).for_each(|(i, &x)| f(i % width, x));
            }
        };
        let (mut n, mut mean, mut square) = (vec![0.0; width], vec![0.0; width], vec![0.0; width]);
        steps(&mut |channel, x| {
            n[channel] += 1.0;
            mean[channel] += x;
        });
        mean.iter_mut().zip(&n).for_each(|(sum, n)| *sum /= f64::max(*n, 1.0));
        steps(&mut |channel, x| square[channel] += (x - mean[channel]).powi(2));
        let deviation = square.iter().zip(&n).map(|(sum, n)| (sum / f64::max(*n, 1.0)).sqrt());
        let deviation = deviation.map(|std| if std > 1e-12 { std } else { 1.0 }).collect();
        (mean, deviation)
    }
}

impl File {
    fn read(path: &Path, columns: &SignalColumns) -> Result<File> {
        let (bytes, name) = (read_file(path)?, path.display().to_string());
        match path.extension().is_some_and(|e| e.eq_ignore_ascii_case("ts")) {
            true => Ok(File::of_ts(parse_ts(&bytes, &name)?, &name)),
            false => File::of_csv(&bytes, &name, columns),
        }
    }

    fn of_ts(read: Ts, name: &str) -> File {
        let channels = (1..=read.channels).map(|channel| channel.to_string()).collect();
        let labels = read.labels.into_iter().map(|label| vec![label]).collect();
        File { name: name.to_owned(), channels, samples: read.samples, labels, remarks: vec![] }
    }

    fn of_csv(bytes: &[u8], name: &str, columns: &SignalColumns) -> Result<File> {
        let Steps { channels, samples, labels, remarks } = Steps::parse(bytes, name, columns)?;
        Ok(File { name: name.to_owned(), channels, samples, labels, remarks })
    }
}

/// Sequences whose steps have labels.
fn of_steps(
    name: &str,
    keys: Vec<Key>,
    labels: &[Vec<String>],
    given: Option<&[bool]>,
    mut remarks: Vec<String>,
) -> Result<Labelled> {
    let is_test = |at: &usize| match given {
        Some(given) => given[*at],
        None => HoldOut::Test.takes(&keys[*at]),
    };
    let (test, train): (Vec<usize>, Vec<usize>) = (0..keys.len()).partition(is_test);
    let learned = train.iter().flat_map(|&at| labels[at].iter().map(String::as_str));
    let classes = classes_of(name, learned)?;
    let (mut numbers, mut starts) = (vec![], vec![0]);
    for labels in labels {
        for label in labels {
            numbers.push(class_of(name, &classes, label)?);
        }
        starts.push(numbers.len());
    }
    remarks.push(format!("each of {} has a label of its own", count(numbers.len(), "step")));
    let (name, labels, starts) = (name.to_owned(), numbers, Some(starts));
    let all = Labelled { name, classes, labels, starts, keys, train, test, remarks };
    all.check_test("sequence")?;
    Ok(all)
}

fn shown(channels: &[String]) -> String {
    let first: Vec<String> = channels.iter().take(6).map(|channel| quote(channel)).collect();
    first.join(", ") + if channels.len() > 6 { ", …" } else { "" }
}

fn key_of(sample: &[f64]) -> Key {
    Key::of(&sample.iter().flat_map(|x| (x + 0.0).to_bits().to_le_bytes()).collect::<Vec<u8>>())
}

/// Fills what is missing between its neighbours in time, before the first and behind the last with that; a channel of nothing stays as it is. How many are filled.
fn fill(sample: &mut [f64], channels: usize) -> usize {
    let mut filled = 0;
    for channel in 0..channels {
        let known: Vec<usize> =
            (channel..sample.len()).step_by(channels).filter(|&at| !sample[at].is_nan()).collect();
        for at in (channel..sample.len()).step_by(channels) {
            if !sample[at].is_nan() {
                continue;
            }
            filled += 1;
            let after = known.partition_point(|&other| other < at);
            let before = after.checked_sub(1).map(|before| known[before]);
            sample[at] = match (before, known.get(after)) {
                (Some(a), Some(&b)) => {
                    let share = (at - a) as f64 / (b - a) as f64;
                    sample[a] + share * (sample[b] - sample[a])
                }
                (Some(one), None) => sample[one],
                (None, Some(&one)) => sample[one],
                (None, None) => f64::NAN,
            };
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_lies_between_its_neighbours() {
        let nan = f64::NAN;
        // Two channels: the first misses its ends and two in between, the second is all there but its last.
        let mut sample = [nan, 1.0, 2.0, 1.0, nan, 1.0, nan, 1.0, 8.0, 5.0, nan, nan];
        assert_eq!(fill(&mut sample, 2), 5);
        assert_eq!(sample, [2.0, 1.0, 2.0, 1.0, 4.0, 1.0, 6.0, 1.0, 8.0, 5.0, 8.0, 5.0]);
        let mut nothing = [nan, nan];
        assert_eq!(fill(&mut nothing, 1), 2);
        assert!(nothing[0].is_nan(), "the mean of the channel, later");
    }

    #[test]
    fn labels_of_steps_or_of_sequences() {
        let row = |n: usize, label: &str| format!("{},{n},{label}\n", n / 4);
        let each: String = (0..160).map(|n| row(n, ["a", "b"][n % 2])).collect();
        let signals = Signals::parse_csv(
            format!("id,x,label\n{each}").as_bytes(),
            "t",
            &SignalColumns::default(),
        )
        .unwrap();
        assert_eq!((signals.len(), signals.all.labels_of(3)), (40, &[0, 1, 0, 1][..]));
        assert!(
            signals.has_labelled_steps() && signals.all.remarks[0].contains("each of 160 steps")
        );
        let (mean, deviation) = signals.moments();
        assert!((60.0..100.0).contains(&mean[0]) && (30.0..60.0).contains(&deviation[0]));
    }

    #[test]
    fn the_parts_must_be_alike() {
        let ts = |channels: usize, label: &str| {
            let line = vec!["1,2"; channels].join(":");
            let text = format!("@classLabel true a b c\n@data\n{line}:a\n{line}:{label}\n");
            File::of_ts(parse_ts(text.as_bytes(), "t.ts").unwrap(), "t.ts")
        };
        let said = Signals::of(vec![ts(2, "b"), ts(1, "b")]).unwrap_err().to_string();
        assert_eq!(said, "t.ts: found 1 channel (\"1\"), expected 2 as in t.ts: \"1\", \"2\"");
        let said = Signals::of(vec![ts(1, "b"), ts(1, "c")]).unwrap_err().to_string();
        assert_eq!(
            said,
            "labels of t.ts: found \"c\" in the test part, expected one of the 2 labels that are learned"
        );
        let both = Signals::of(vec![ts(1, "b"), ts(1, "b")]).unwrap();
        assert_eq!((both.all.train.len(), both.all.test.len(), both.classes().len()), (2, 2, 2));
    }
}
