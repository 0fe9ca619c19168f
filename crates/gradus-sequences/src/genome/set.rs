//! Labelled sequences, a part of which is only tested on.

use std::path::Path;

use gradus_data::{DataError, Key, Place, Result, count, quote, read_file};
use gradus_text::{LineEnds, parse_text};

use super::fasta::{Entry, parse_fasta};
use crate::labelled::{Labelled, Row};

/// Labelled sequences of nucleotides.
#[derive(Clone, Debug)]
pub struct Genomes {
    pub(super) all: Labelled,
    pub(super) codes: Vec<Vec<u8>>,
}

impl Genomes {
    /// Of a FASTA file whose headers say what each sequence is: `>NAME LABEL`.
    ///
    /// # Errors
    /// When the file cannot be read, a letter stands for no nucleotide, a header has no label, or there are not two classes to learn and something to
    /// test on.
    pub fn read(path: &Path) -> Result<Genomes> {
        let name = path.display().to_string();
        Genomes::parse(&read_file(path)?, &name)
    }

    /// Of the bytes of such a file.
    ///
    /// ```
    /// use gradus_sequences::genome::Genomes;
    /// let letters = |n: usize| ["ACGT", "CCGA", "GTTA", "TAAC"][n % 4].repeat(1 + n / 4);
    /// let file: String = (0..40).map(|n| format!(">{n} {}\n{}\n", ["in", "out"][n % 2], letters(n))).collect();
    /// let all = Genomes::parse(file.as_bytes(), "t.fa")?;
    /// assert_eq!((all.len(), all.longest(), all.classes()), (40, 40, &["in".to_owned(), "out".to_owned()][..]));
    /// let wrong = Genomes::parse(b">one\nACGT\n", "t.fa").unwrap_err().to_string();
    /// assert!(wrong.starts_with("t.fa: found no label in the header of \"one\""), "{wrong}");
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Genomes::read`].
    pub fn parse(bytes: &[u8], name: &str) -> Result<Genomes> {
        let text = parse_text(bytes, name, LineEnds::Newline)?;
        let entries = parse_fasta(&text.text, name)?;
        if let Some(bare) = entries.iter().find(|entry| entry.label.is_none()) {
            let found = format!("no label in the header of {}", quote(&bare.name));
            return Err(DataError::malformed(
                name,
                Place::Whole,
                found,
                ">NAME LABEL, or label=LABEL in it",
            ));
        }
        let mut remarks = text.remarks;
        let lengths: Vec<usize> = entries.iter().map(|entry| entry.codes.len()).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let shorter = lengths.iter().filter(|&&length| length < longest).count();
        if shorter > 0 {
            remarks.push(format!(
                "{} shorter than the longest, of {longest}: nothing is put behind them",
                count(shorter, "sequence")
            ));
        }
        let unsure = entries
            .iter()
            .filter(|entry| entry.codes.iter().any(|code| !(1..=4).contains(code)))
            .count();
        if unsure > 0 {
            remarks.push(format!("{} with letters that stand for several nucleotides, or for none: each counts evenly", count(unsure, "sequence")));
        }
        let label = |entry: &'_ Entry| entry.label.clone().unwrap_or_default();
        let labels: Vec<String> = entries.iter().map(label).collect();
        let row = |(entry, label)| -> Row<'_> {
            let (entry, label): (&Entry, &String) = (entry, label);
            Row { key: Key::of(&entry.codes), label, is_test: false }
        };
        let rows: Vec<Row<'_>> = entries.iter().zip(&labels).map(row).collect();
        let all = Labelled::new(name, "sequence", &rows, false, remarks)?;
        Ok(Genomes { all, codes: entries.into_iter().map(|entry| entry.codes).collect() })
    }

    /// How many sequences there are.
    pub fn len(&self) -> usize {
        self.codes.len()
    }
    /// True without sequences, which no such set is.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }
    /// How long the longest one is.
    pub fn longest(&self) -> usize {
        self.codes.iter().map(Vec::len).max().unwrap_or(0)
    }
    /// What the classes are called.
    pub fn classes(&self) -> &[String] {
        &self.all.classes
    }
}
