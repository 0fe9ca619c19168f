//! Which columns of a file are features, label, targets, and what is left out.

use super::dates::is_date;
use super::file::File;
use super::messages::plain;
use super::survey::MOST_VALUES;
use super::{ColumnForm, CsvOptions, Decimal, Header, LABEL_NAMES, LabelColumn, Missing};
use crate::error::{DataError, Place, Result, count, quote};
use crate::label::label_spelling;
use crate::spelling::guess;
use crate::target::find_targets;

/// What every row of a file must look like.
pub(super) struct Columns<'a> {
    pub(super) file: &'a File<'a>,
    pub(super) name: &'a str,
    pub(super) header: &'a Header,
    pub(super) label: Option<usize>,
    pub(super) aside: Option<usize>,
    pub(super) targets: Vec<usize>,
    /// The only numbers that targets may be, if there are any.
    pub(super) target_values: &'a [f64],
    /// The columns of the features, in their order, and what they are taken for.
    pub(super) features: Vec<usize>,
    pub(super) forms: Vec<ColumnForm>,
    pub(super) missing: Missing,
    pub(super) decimal: Option<Decimal>,
    pub(super) lenient: bool,
    pub(super) skip_unreadable: bool,
    pub(super) remarks: Vec<String>,
    /// That of columns which the model was not trained with.
    pub(super) others: Option<String>,
    pub(super) left_out: Vec<String>,
}

impl<'a> Columns<'a> {
    pub(super) fn new(file: &'a File<'a>, options: &'a CsvOptions) -> Result<Columns<'a>> {
        let (name, header) = (file.name, &file.header);
        let targets = find_targets(name, &header.names, header.columns, &options.targets)?;
        let (label, guessed) = match targets[..] {
            [] => find_label(name, header, &options.label)?,
            _ => (None, false),
        };
        let taken = |column| match Some(column) == label {
            true => Some("it as the label"),
            false => targets.contains(&column).then_some("it as a target"),
        };
        let aside = options.aside.as_ref().map(|column| find_aside(name, header, column, taken));
        let aside = aside.transpose()?;
        let left = options.leave_out.iter().map(|column| find_aside(name, header, column, taken));
        let left = left.collect::<Result<Vec<usize>>>()?;
        let is_free = |c: &usize| taken(*c).is_none() && Some(*c) != aside && !left.contains(c);
        let mut columns = Columns {
            file,
            name,
            header,
            label,
            aside,
            targets: targets.clone(),
            target_values: &options.target_values,
            features: vec![],
            forms: vec![],
            missing: options.missing,
            decimal: options.decimal,
            lenient: options.lenient,
            skip_unreadable: options.skip_unreadable,
            remarks: vec![],
            others: None,
            left_out: vec![],
        };
        let known = !options.forms.is_empty();
        match &options.features[..] {
            [] if known => columns.features = (0..header.columns).filter(is_free).collect(),
            [] => {
                let free: Vec<usize> = (0..header.columns).filter(is_free).collect();
                columns.features = columns.without_the_useless(free);
                columns.remark_on_labels();
            }
            wanted => {
                let find = |wanted: &String| find_feature(name, header, wanted, taken);
                columns.features = wanted.iter().map(find).collect::<Result<_>>()?;
                if known {
                    columns.remark_on_others(&options.beside);
                }
            }
        }
        if columns.features.is_empty() && !(left.is_empty() && columns.left_out.is_empty()) {
            let found = "no column to learn from";
            let expected = "one beside the label, the targets and those that are left out";
            return Err(DataError::malformed(name, Place::Whole, found, expected));
        }
        columns.forms = match known {
            true => columns.known_forms(&options.forms)?,
            false => columns.found_forms(guessed)?,
        };
        Ok(columns)
    }

    /// Leaves out what nothing can be learned from: columns without a name, which often count the rows, and texts that are the
    /// same in all of them.
    fn without_the_useless(&mut self, free: Vec<usize>) -> Vec<usize> {
        let survey = &self.file.survey;
        free.into_iter()
            .filter(|&column| {
                let Some(seen) = survey.columns.get(column) else { return true };
                let is_nameless = self.header.names.get(column).is_some_and(String::is_empty);
                let title = self.title(column);
                let option = self.option(column);
                let why = if is_nameless && seen.counts_rows() {
                    "has no name and counts the rows: it is left out"
                } else if is_nameless {
                    "has no name: it is left out"
                } else if seen.is_text() && seen.values.len() == 1 && seen.missing == 0 && survey.rows > 1 {
                    "holds one text in all rows: it is left out"
                } else {
                    let nearly = if seen.counts_rows() { "" } else { "nearly " };
                    if seen.counts_rows() || seen.nearly_counts_rows() {
                        self.remarks.push(format!(
                            "{title} {nearly}counts the rows and is learned from; --drop {option} leaves it out"
                        ));
                    }
                    if let Some(text) = &seen.first_padded {
                        self.remarks.push(format!(
                            "{title} has numbers with leading zeros ({text}): perhaps a code, no quantity; --drop {option} leaves it out"
                        ));
                    }
                    return true;
                };
                self.remarks.push(format!("{title} {why}"));
                self.left_out.push(option);
                false
            })
            .collect()
    }

    /// Says that a column which is called like a label is learned from, as others are to be learned.
    fn remark_on_labels(&mut self) {
        let is_label = |name: &str| LABEL_NAMES.iter().any(|l| l.eq_ignore_ascii_case(name));
        let called = self.features.iter().filter(|&&column| is_label(&self.option(column)));
        let called: Vec<usize> = called.copied().collect();
        for column in called.into_iter().filter(|_| !self.targets.is_empty()) {
            self.remarks.push(format!(
                "{} is learned from, as another is the target; --drop {} leaves it out",
                self.title(column),
                self.option(column)
            ));
        }
    }

    /// Says which columns are passed over that were not there before, or were not told.
    fn remark_on_others(&mut self, beside: &[String]) {
        let taken = |column: &usize| {
            self.features.contains(column)
                || self.targets.contains(column)
                || [self.label, self.aside].contains(&Some(*column))
        };
        let others = (0..self.header.columns).filter(|column| !taken(column));
        let others = others.filter_map(|column| self.header.names.get(column));
        let others: Vec<String> =
            others.filter(|name| !name.is_empty() && !beside.contains(name)).cloned().collect();
        if !others.is_empty() {
            let (n, is) = (others.len(), if others.len() == 1 { "is" } else { "are" });
            let remark = format!(
                "{} that the model was not trained with {is} passed over: {}",
                count(n, "column"),
                some_of(&others)
            );
            self.remarks.push(remark.clone());
            self.others = Some(remark);
        }
    }

    /// What columns were taken for before holds again.
    fn known_forms(&self, forms: &[ColumnForm]) -> Result<Vec<ColumnForm>> {
        if forms.len() != self.features.len() {
            let found = format!("{} feature columns", self.features.len());
            let expected = format!("{}, as before", forms.len());
            return Err(DataError::malformed(self.name, Place::Whole, found, expected));
        }
        Ok(forms.to_vec())
    }

    /// Columns of texts become categories, all others numbers.
    fn found_forms(&mut self, label_is_guessed: bool) -> Result<Vec<ColumnForm>> {
        let mut forms = vec![];
        for &column in &self.features {
            let name = self.option(column);
            let seen = self.file.survey.columns.get(column);
            let texts = seen.filter(|seen| seen.is_text() && !self.is_a_sum(column));
            let Some(seen) = texts else {
                forms.push(ColumnForm { name, categories: vec![] });
                continue;
            };
            let (line, text) = seen.first_text.as_ref().expect("there is a text");
            let wrong = |found: String, expected: String| {
                Err(DataError::malformed(self.name, self.cell(*line, column), found, expected))
            };
            let mut categories: Vec<String> =
                seen.values.iter().map(|text| label_spelling(text).into_owned()).collect();
            categories.sort();
            categories.dedup();
            let (values, rows) = (categories.len(), self.file.survey.rows as usize);
            let are_many = values > MOST_VALUES || (values > FEW_VALUES && 2 * values > rows);
            let are_dates = seen.values.iter().all(|text| is_date(text));
            if are_dates && are_many {
                let what = format!("column {name} holds dates, which are not learned from");
                return wrong(quote(text), format!("a number; {what}: --drop {name}"));
            }
            let label = self.label.and_then(|label| self.file.survey.columns.get(label));
            // Texts beside a last column of numbers: perhaps this is the label.
            if label_is_guessed && !label.is_some_and(|label| label.is_text()) {
                return wrong(quote(text), self.number_or_label(column));
            }
            if are_many {
                let at_least =
                    if values > MOST_VALUES { "more than 100".into() } else { values.to_string() };
                let found =
                    format!("{} and in all {at_least} different texts in {rows} rows", quote(text));
                let expected = format!(
                    "a number, or at most {MOST_VALUES} texts with several rows each; --drop {name} trains without the column"
                );
                return wrong(found, expected);
            }
            let (what, end) = match are_dates {
                true => ("dates", format!("; --drop {name} leaves it out")),
                false => ("texts", String::new()),
            };
            self.remarks.push(format!(
                "{} holds {what}: each of its {values} values ({}) becomes a feature of 0 and 1{end}",
                self.title(column),
                some_of(&categories)
            ));
            forms.push(ColumnForm { name, categories });
        }
        Ok(forms)
    }

    /// Whether a column holds prices or shares with their signs, which are no names of anything.
    fn is_a_sum(&self, column: usize) -> bool {
        let seen = &self.file.survey.columns[column];
        seen.first_text.as_ref().is_some_and(|(_, text)| plain(text).is_some())
    }

    /// The features' names: of a text's column and value.
    pub(super) fn feature_names(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = vec![];
        if self.header.names.is_empty() {
            return Ok(names);
        }
        for (form, &column) in self.forms.iter().zip(&self.features) {
            let name = &self.header.names[column];
            match &form.categories[..] {
                [] => names.push(name.clone()),
                texts => names.extend(texts.iter().map(|text| format!("{name}={text}"))),
            }
        }
        let mut seen = std::collections::HashSet::new();
        match names.iter().find(|name| !seen.insert(name.as_str())) {
            None => Ok(names),
            Some(twice) => {
                let found = format!("two features called {}", quote(twice));
                Err(DataError::malformed(self.name, Place::Whole, found, "a name for each"))
            }
        }
    }
}

/// So many texts may have a row each.
const FEW_VALUES: usize = 10;

/// The first few of some texts.
pub(super) fn some_of(texts: &[String]) -> String {
    let shown: Vec<String> = texts.iter().take(5).map(|text| quote(text)).collect();
    let more = if texts.len() > shown.len() { ", …" } else { "" };
    shown.join(", ") + more
}

/// The label's column, and whether it is only the last one because none is named as a label.
fn find_label(name: &str, header: &Header, label: &LabelColumn) -> Result<(Option<usize>, bool)> {
    let missing = |found: String, expected: String| {
        Err(DataError::invalid(format!("{name}: label column"), found, expected))
    };
    let called = |wanted: &&str| header.names.iter().position(|n| n.eq_ignore_ascii_case(wanted));
    match label {
        LabelColumn::None => Ok((None, false)),
        LabelColumn::Auto => match LABEL_NAMES.iter().find_map(called) {
            Some(column) => Ok((Some(column), false)),
            None => Ok((Some(header.columns - 1), true)),
        },
        LabelColumn::Index(index) if *index < header.columns => Ok((Some(*index), false)),
        LabelColumn::Index(index) => missing(
            format!("column {}", index + 1),
            format!("at most {}, the last", header.columns),
        ),
        LabelColumn::Name(wanted) => match header.find(wanted) {
            Some(column) => Ok((Some(column), false)),
            None if header.names.is_empty() => missing(
                format!("name {}", quote(wanted)),
                "a number, since there is no header".into(),
            ),
            None => missing(
                format!("name {}", quote(wanted)),
                format!("one of {}{}", header.names.join(", "), guess(wanted, &header.names)),
            ),
        },
    }
}

/// The column to set aside; of others is said what they are taken for.
pub(super) fn find_aside(
    name: &str,
    header: &Header,
    wanted: &str,
    taken: impl Fn(usize) -> Option<&'static str>,
) -> Result<usize> {
    let numbered = || wanted.parse().ok().and_then(|n: usize| n.checked_sub(1));
    let found = header.find(wanted).or_else(numbered).filter(|&c| c < header.columns);
    let what = format!("{name}: column {}", quote(wanted));
    match found {
        Some(column) => match taken(column) {
            Some(found) => Err(DataError::invalid(what, found, "another column")),
            None => Ok(column),
        },
        None if header.names.is_empty() => {
            let expected = format!("a column's number, from 1 to {}", header.columns);
            Err(DataError::invalid(what, "no header", expected))
        }
        None => Err(DataError::invalid(
            what,
            "no such column",
            format!("one of {}{}", header.names.join(", "), guess(wanted, &header.names)),
        )),
    }
}

fn find_feature(
    name: &str,
    header: &Header,
    wanted: &str,
    taken: impl Fn(usize) -> Option<&'static str>,
) -> Result<usize> {
    let found = match header.find(wanted) {
        Some(column) => match taken(column) {
            Some(found) => found.to_owned(),
            None => return Ok(column),
        },
        None if header.names.is_empty() => "no header".to_owned(),
        None => format!("the columns {}", header.names.join(", ")),
    };
    let expected = format!("a feature column {}", quote(wanted));
    Err(DataError::malformed(name, Place::Whole, found, expected))
}
