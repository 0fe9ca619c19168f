//! Samples that have a class each: what the classes are called, which samples are learned and which are only tested on, and what a test says.

use std::collections::{BTreeMap, BTreeSet};

use gradus_data::{DataError, HoldOut, Key, Result, closest, count, quote};
use gradus_train::{Confusion, Learner, Source};
use serde_json::{Map, Value, json};

use crate::Report;

/// Labelled samples, whatever they are: their classes, and which of them are only tested on.
#[derive(Clone, Debug)]
pub(crate) struct Labelled {
    /// What they are called in messages.
    pub(crate) name: String,
    pub(crate) classes: Vec<String>,
    /// The number of each sample's class; where each step of a sample has a label, those of all steps, one sample after the other.
    pub(crate) labels: Vec<i64>,
    /// Where each step of a sample has a label: where those of each sample begin, and where the last ones end.
    pub(crate) starts: Option<Vec<usize>>,
    /// What each sample holds.
    pub(crate) keys: Vec<Key>,
    pub(crate) train: Vec<usize>,
    pub(crate) test: Vec<usize>,
    pub(crate) remarks: Vec<String>,
}

/// A sample: what it holds, its label, and whether it is only tested on.
pub(crate) struct Row<'a> {
    pub(crate) key: Key,
    pub(crate) label: &'a str,
    pub(crate) is_test: bool,
}

impl Labelled {
    /// Of samples that each have one label. With `has_parts` they say which are only tested on; else a fifth is, by what a sample holds: equal samples are
    /// on one side, and other samples change no sample's side. `noun` is what samples are called, as one.
    ///
    /// # Errors
    /// When a label is not learned, a class has nothing to be learned from, or there is nothing to test on.
    pub(crate) fn new(
        name: &str,
        noun: &str,
        rows: &[Row<'_>],
        has_parts: bool,
        mut remarks: Vec<String>,
    ) -> Result<Labelled> {
        let is_test = |row: &Row<'_>| match has_parts {
            true => row.is_test,
            false => HoldOut::Test.takes(&row.key),
        };
        let (test, train): (Vec<usize>, Vec<usize>) =
            (0..rows.len()).partition(|&at| is_test(&rows[at]));
        let counted = |at: &&Row<'_>| !(has_parts && at.is_test);
        let classes = classes_of(name, rows.iter().filter(counted).map(|row| row.label))?;
        let labels = rows
            .iter()
            .map(|row| class_of(name, &classes, row.label))
            .collect::<Result<Vec<i64>>>()?;
        let keys: Vec<Key> = rows.iter().map(|row| row.key).collect();
        if let Some(n) = contradictions(&keys, &labels) {
            remarks.push(format!("{} occur with more than one label", count(n, noun)));
        }
        let learned: BTreeSet<&Key> = train.iter().map(|&at| &keys[at]).collect();
        let twins = test.iter().filter(|&&at| learned.contains(&keys[at])).count();
        if twins > 0 {
            remarks.push(format!("{} to test on are learned, too", count(twins, noun)));
        }
        let starts = None;
        let all =
            Labelled { name: name.to_owned(), classes, labels, starts, keys, train, test, remarks };
        let counts = all.counts(&all.train);
        if let Some(class) = counts.iter().position(|&n| n == 0) {
            let found = format!("no {noun} of the class {} to learn", quote(&all.classes[class]));
            return Err(DataError::invalid(name, found, "some of each class"));
        }
        all.check_test(noun)?;
        Ok(all)
    }

    /// Refuses samples of which none is to be tested on.
    pub(crate) fn check_test(&self, noun: &str) -> Result<()> {
        if self.test.is_empty() {
            let found = format!("{} to learn, none to test on", count(self.train.len(), noun));
            let expected = "more of them, or a test part of its own";
            return Err(DataError::invalid(self.name.clone(), found, expected));
        }
        Ok(())
    }

    /// The label of a sample, or those of its steps.
    pub(crate) fn labels_of(&self, at: usize) -> &[i64] {
        match &self.starts {
            Some(starts) => &self.labels[starts[at]..starts[at + 1]],
            None => &self.labels[at..=at],
        }
    }

    /// How often each class is among the labels of these samples.
    fn counts(&self, samples: &[usize]) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        let labels = samples.iter().flat_map(|&at| self.labels_of(at));
        labels.for_each(|&label| counts[label as usize] += 1);
        counts
    }

    /// The loss of who knows how frequent each class is, in nats.
    pub(crate) fn guessing(&self) -> f64 {
        entropy(&self.counts(&self.train))
    }

    /// Beside which every network is shown: always the class that is learned most often.
    pub(crate) fn majority(&self) -> Baseline {
        let (counts, tested) = (self.counts(&self.train), self.counts(&self.test));
        // Of equals the first.
        let most = (0..counts.len()).rev().max_by_key(|&class| counts[class]).unwrap_or(0);
        let accuracy = tested[most] as f64 / tested.iter().sum::<usize>().max(1) as f64;
        Baseline {
            key: "baseline_majority",
            words: format!("always {}", self.classes[most]),
            accuracy,
        }
    }

    /// `reviews.csv: 1,000 texts of 2 classes ("neg", "pos"), 800 to learn, 200 to test on`.
    pub(crate) fn about(&self, noun: &str) -> String {
        let classes: Vec<String> = self.classes.iter().take(5).map(|class| quote(class)).collect();
        let more = if self.classes.len() > 5 { ", …" } else { "" };
        format!(
            "{}: {} of {} classes ({}{more}), {} to learn, {} to test on",
            self.name,
            count(self.keys.len(), noun),
            self.classes.len(),
            classes.join(", "),
            self.train.len(),
            self.test.len()
        )
    }

    /// What these data are, by names.
    pub(crate) fn identity(&self) -> Vec<(String, String)> {
        [
            ("samples", self.keys.len().to_string()),
            ("learned", self.train.len().to_string()),
            ("classes", self.classes.len().to_string()),
            ("content", self.digest()),
        ]
        .map(|(name, found)| (name.to_owned(), found))
        .into()
    }

    /// A digest of all samples, labels, classes and parts.
    fn digest(&self) -> String {
        let mut bytes = vec![];
        let mut add = |part: &[u8]| {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part);
        };
        self.keys.iter().for_each(|key| add(key.as_bytes()));
        self.labels.iter().for_each(|label| add(&label.to_le_bytes()));
        self.classes.iter().for_each(|class| add(class.as_bytes()));
        self.test.iter().for_each(|&at| add(&(at as u64).to_le_bytes()));
        Key::of(&bytes).to_string()
    }
}

/// The classes that labels name, in ascending order: by value if all are whole numbers, else by text.
///
/// # Errors
/// When there are fewer than two: then there is nothing to tell apart.
pub(crate) fn classes_of<'a>(
    name: &str,
    labels: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<String>> {
    let mut classes: Vec<&str> = labels.into_iter().collect();
    classes.sort_unstable();
    classes.dedup();
    if let Some(mut values) = classes.iter().map(|c| c.parse().ok()).collect::<Option<Vec<i64>>>() {
        classes.sort_by_key(|c| c.parse::<i64>().unwrap_or_default());
        values.sort_unstable();
        if let Some(twin) = values.windows(2).position(|pair| pair[0] == pair[1]) {
            let found = format!("{} and {}", quote(classes[twin]), quote(classes[twin + 1]));
            return Err(DataError::invalid(format!("labels of {name}"), found, "one spelling"));
        }
    }
    if classes.len() < 2 {
        let found = match classes.first() {
            Some(only) => format!("the class {} only", quote(only)),
            None => "no sample".to_owned(),
        };
        return Err(DataError::invalid(format!("labels of {name}"), found, "two classes at least"));
    }
    Ok(classes.into_iter().map(str::to_owned).collect())
}

/// The number of a label among sorted classes.
///
/// # Errors
/// When it is none of them: what is only tested on may not have a label that is never learned.
pub(crate) fn class_of(name: &str, classes: &[String], label: &str) -> Result<i64> {
    let at = classes.iter().position(|class| class == label);
    at.map(|at| at as i64).ok_or_else(|| {
        let known: Vec<&str> = classes.iter().map(String::as_str).collect();
        let near = closest(label, &known);
        let near = near.map_or(String::new(), |near| format!(" ({} is near)", quote(near)));
        let found = format!("{} in the test part{near}", quote(label));
        let expected = format!("one of the {} that are learned", count(classes.len(), "label"));
        DataError::invalid(format!("labels of {name}"), found, expected)
    })
}

/// The entropy of a distribution by its counts, in nats.
pub(crate) fn entropy(counts: &[usize]) -> f64 {
    let all = counts.iter().sum::<usize>() as f64;
    let shares = counts.iter().filter(|&&n| n > 0).map(|&n| n as f64 / all);
    shares.map(|share| -share * share.ln()).sum()
}

/// The share of samples that are such.
pub(crate) fn share(samples: &[usize], such: impl Fn(usize) -> bool) -> f64 {
    samples.iter().filter(|&&at| such(at)).count() as f64 / samples.len().max(1) as f64
}

/// What equal content with different labels is worth telling: how many samples have a twin of another class.
pub(crate) fn contradictions(keys: &[Key], labels: &[i64]) -> Option<usize> {
    let mut seen: BTreeMap<&Key, (i64, bool, usize)> = BTreeMap::new();
    for (key, &label) in keys.iter().zip(labels) {
        let entry = seen.entry(key).or_insert((label, false, 0));
        entry.1 |= entry.0 != label;
        entry.2 += 1;
    }
    let all = seen.values().filter(|entry| entry.1).map(|entry| entry.2).sum();
    (all > 0).then_some(all)
}

/// How often samples of each class are taken for each; where each place of a sequence has a label, how often places are.
///
/// # Errors
/// When data cannot be read, or computing meets a bad value.
pub(crate) fn confusion(
    learner: &mut Learner,
    source: &dyn Source,
    classes: usize,
) -> gradus_train::Result<Confusion> {
    let mut all = Confusion::new(classes);
    for batch in source.from(0, 0) {
        let batch = batch?;
        let guesses = learner.predict_on(&batch)?.argmax(-1).to_vec::<i64>();
        let t = batch.get("t")?;
        let places = if t.rank() > 1 { t.size(1) } else { 1 };
        let lengths = batch.find("lengths").map(|lengths| lengths.to_vec::<i64>());
        for (at, (label, guess)) in t.to_vec::<i64>().into_iter().zip(guesses).enumerate() {
            let length = lengths.as_ref().map_or(i64::MAX, |lengths| lengths[at / places]);
            if t.rank() == 1 || ((at % places) as i64) < length {
                all.add(label, guess)?;
            }
        }
    }
    Ok(all)
}

/// Something simple beside which a network is shown.
pub(crate) struct Baseline {
    /// In the report's numbers: `baseline_majority`.
    pub(crate) key: &'static str,
    /// In words: `always pos`.
    pub(crate) words: String,
    /// Its accuracy on the same test part.
    pub(crate) accuracy: f64,
}

/// A table of the classes, the accuracy and what simpler means come to on the same samples. `noun` is what is counted: `texts`.
pub(crate) fn report(
    noun: &str,
    classes: &[String],
    found: &Confusion,
    baselines: &[Baseline],
) -> Report {
    let width = classes.iter().map(|class| class.chars().count()).max().unwrap_or(0).clamp(5, 40);
    let mut table =
        format!("{:<width$} {noun:>9} {:>10} {:>7} {:>7}\n", "class", "precision", "recall", "F1");
    let mut rows = vec![];
    for (at, class) in classes.iter().enumerate() {
        let samples: u64 = (0..classes.len()).map(|guess| found.count(at, guess)).sum();
        let (p, r, f1) = (found.precision(at), found.recall(at), found.f1(at));
        table += &format!("{class:<width$} {samples:>9} {p:>10.3} {r:>7.3} {f1:>7.3}\n");
        rows.push(
            json!({ "class": class, "samples": samples, "precision": p, "recall": r, "f1": f1 }),
        );
    }
    for (label, guess, times) in found.commonest(3) {
        table += &format!("{} taken for {}: {times}\n", classes[label], classes[guess]);
    }
    let accuracy = found.accuracy();
    let mut numbers = Map::new();
    numbers.insert("test_accuracy".into(), json!(accuracy));
    numbers.insert("test_macro_f1".into(), json!(found.macro_f1()));
    let mut headline = format!("accuracy {accuracy:.4}   macro F1 {:.4}", found.macro_f1());
    for Baseline { key, words, accuracy } in baselines {
        numbers.insert((*key).into(), json!(accuracy));
        headline += &format!("   {words} {accuracy:.4}");
    }
    numbers.insert("classes".into(), Value::Array(rows));
    let best = baselines.iter().max_by(|a, b| a.accuracy.total_cmp(&b.accuracy));
    let remark = best.filter(|best| best.accuracy >= accuracy).map(|best| {
        format!(
            "it is no better than what is simpler ({}, {:.4}): train it longer, or another network",
            best.words, best.accuracy
        )
    });
    Report { table, headline, numbers, files: vec![], remark }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_sorted_as_what_they_are() {
        let of = |labels: &[&'static str]| classes_of("t", labels.iter().copied());
        assert_eq!(of(&["10", "9", "10"]).unwrap(), ["9", "10"]);
        assert_eq!(of(&["b", "a", "10"]).unwrap(), ["10", "a", "b"]);
        let said = of(&["a", "a"]).unwrap_err().to_string();
        assert_eq!(said, "labels of t: found the class \"a\" only, expected two classes at least");
        assert!(of(&[]).unwrap_err().to_string().contains("no sample"));
        assert!(of(&["1", "01"]).unwrap_err().to_string().contains("one spelling"));
    }

    fn labelled(rows: &[(&str, &str, bool)]) -> Result<Labelled> {
        let row = |&(text, label, is_test): &(&str, &'static str, bool)| Row {
            key: Key::of(text.as_bytes()),
            label,
            is_test,
        };
        let rows: Vec<(&str, &'static str, bool)> = rows
            .iter()
            .map(|&(text, label, is_test)| (text, if label == "a" { "a" } else { "b" }, is_test))
            .collect();
        Labelled::new("t", "text", &rows.iter().map(row).collect::<Vec<_>>(), true, vec![])
    }

    #[test]
    fn a_class_that_is_never_learned_is_refused() {
        let all =
            labelled(&[("1", "a", false), ("2", "b", false), ("3", "b", false), ("2", "a", true)])
                .unwrap();
        assert_eq!((&all.train[..], &all.test[..]), (&[0, 1, 2][..], &[3][..]));
        let said = ["2 texts occur with more than one label", "1 text to test on are learned, too"];
        assert_eq!(all.remarks, said);
        assert!((all.guessing() - (3f64.ln() - 2.0 / 3.0 * 2f64.ln())).abs() < 1e-12);
        assert_eq!((all.majority().words.as_str(), all.majority().accuracy), ("always b", 0.0));
        let said = labelled(&[("1", "a", false), ("2", "b", false)]).unwrap_err().to_string();
        assert_eq!(
            said,
            "t: found 2 texts to learn, none to test on, expected more of them, or a test part of its own"
        );
        let row = |label| Row { key: Key::of(b"1"), label, is_test: label == "posi" };
        let rows = ["neg", "pos", "posi"].map(row);
        let said = Labelled::new("t", "text", &rows, true, vec![]).unwrap_err().to_string();
        assert_eq!(
            said,
            "labels of t: found \"posi\" in the test part (\"pos\" is near), expected one of the 2 labels that are learned"
        );
    }

    #[test]
    fn other_samples_change_no_side_and_the_digest_tells_all_apart() {
        let keys: Vec<Key> = (0..200u32).map(|n| Key::of(&n.to_le_bytes())).collect();
        let of = |keys: &[Key], odd: &str| {
            let rows: Vec<Row<'_>> = keys
                .iter()
                .enumerate()
                .map(|(at, &key)| Row {
                    key,
                    label: if at % 2 == 0 { "x" } else { odd },
                    is_test: false,
                })
                .collect();
            Labelled::new("t", "text", &rows, false, vec![]).unwrap()
        };
        let (all, half) = (of(&keys, "y"), of(&keys[..100], "y"));
        assert!(
            half.test.iter().all(|at| all.test.contains(at)) && (20..60).contains(&all.test.len())
        );
        assert_eq!(all.identity(), of(&keys, "y").identity());
        assert_ne!(all.identity(), of(&keys, "z").identity());
        assert!(all.about("text").starts_with("t: 200 texts of 2 classes (\"x\", \"y\"), "));
    }

    #[test]
    fn equal_content_of_two_classes_is_counted() {
        let key = |text: &str| Key::of(text.as_bytes());
        let keys = [key("a"), key("b"), key("a"), key("b")];
        assert_eq!(contradictions(&keys, &[0, 1, 1, 1]), Some(2));
        assert_eq!(contradictions(&keys, &[0, 1, 0, 1]), None);
    }

    #[test]
    fn what_is_simpler_and_no_worse_is_told() {
        let mut found = Confusion::new(2);
        for (label, guess) in [(0, 0), (1, 1), (1, 0), (0, 0)] {
            found.add(label, guess).unwrap();
        }
        let classes = ["no", "yes"].map(str::to_owned);
        let beside = |accuracy| {
            let words = "always no".to_owned();
            report(
                "texts",
                &classes,
                &found,
                &[Baseline { key: "baseline_majority", words, accuracy }],
            )
        };
        let good = beside(0.5);
        assert_eq!(good.numbers["test_accuracy"], 0.75);
        assert!(good.table.contains("yes taken for no: 1") && good.remark.is_none());
        assert_eq!(good.headline, "accuracy 0.7500   macro F1 0.7333   always no 0.5000");
        assert!(beside(0.75).remark.unwrap().contains("always no, 0.7500"));
    }
}
