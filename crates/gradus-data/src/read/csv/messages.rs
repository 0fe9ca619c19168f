//! What is said of a cell that cannot be read: where it is, what may be there, what makes it so.

use super::columns::Columns;
use super::survey::{Cell, from_comma};
use crate::error::{Place, count, quote};

/// More different texts than this among numbers are no marks of missing values.
const MARKS: usize = 3;

impl Columns<'_> {
    pub(super) fn may_be_target(&self, value: f64) -> bool {
        self.target_values.is_empty() || self.target_values.contains(&value)
    }

    /// `1 or 0`, and by which loss other two may be learned.
    pub(super) fn target_numbers(&self) -> String {
        let numbers: Vec<String> = self.target_values.iter().map(f64::to_string).collect();
        let others =
            if self.target_values.contains(&-1.0) { "; --loss bce takes 1 and 0" } else { "" };
        numbers.join(" or ") + others
    }

    /// What helps where a row has no value: features can be done without.
    fn way_out(&self, column: usize) -> String {
        match self.features.contains(&column) {
            true => format!(
                "; --missing drop leaves such rows out, --missing mean puts the mean of the column there, --drop {} trains without it",
                self.option(column)
            ),
            false => "; fill it in, or leave such rows out (--missing drop)".into(),
        }
    }

    pub(super) fn value(&self, column: usize) -> String {
        format!("a value{}", self.way_out(column))
    }

    /// A number instead of this text, and what makes one of it.
    pub(super) fn number_instead_of(&self, field: &str, column: usize, line: u64) -> String {
        let is_target = self.targets.contains(&column);
        let yes_no = ["yes", "no", "true", "false", "y", "n"];
        if yes_no.iter().any(|word| word.eq_ignore_ascii_case(field)) {
            let label = match is_target {
                true => format!(", or learn the two as classes: --label {}", self.option(column)),
                false => String::new(),
            };
            return format!("a number: write 1 for yes and 0 for no{label}");
        }
        // A comma may as well stand between thousands.
        let is_clear = plain(field).is_none_or(|plain| plain == field.replace(',', "."));
        if let Some(value) = self.with_commas(field, column).filter(|_| is_clear) {
            return format!("a number with a decimal point; --decimal comma reads it as {value}");
        }
        if let Some(plain) = plain(field) {
            let comma = match plain == field.replace(',', ".") && self.decimal.is_none() {
                true => ", or say that decimals follow a comma: --decimal comma",
                false => "",
            };
            return format!("a number: write {plain}{comma}");
        }
        let option = self.option(column);
        let numbers = self.file.survey.columns.get(column).map_or(0, |seen| seen.numbers);
        let others = match numbers {
            0 => String::new(),
            n => format!(", as in {}", count(n as usize, "other row")),
        };
        let header = match self.header.names.is_empty() && line == 1 {
            true => "; --header yes takes the line for the header",
            false => "",
        };
        let mark = self.marks(column);
        match (mark, is_target) {
            (Some(mark), true) => format!(
                "a number{others}; {mark} --missing drop takes it for a missing value and leaves such rows out"
            ),
            (None, true) => {
                format!("a number; texts are classes, which --label {option} learns")
            }
            (Some(mark), false) => format!(
                "a number{others}; {mark} --missing mean takes it for a missing value, --drop {option} trains without the column{header}"
            ),
            (None, false) => {
                format!("a number{others}; --drop {option} trains without the column{header}")
            }
        }
    }

    /// What decimal commas make of a number, if they read the whole column and no other has decimal points.
    fn with_commas(&self, field: &str, column: usize) -> Option<f64> {
        let all = &self.file.survey.columns;
        let seen = all.get(column).filter(|seen| seen.commas > 0 && seen.texts == 0)?;
        let is_free = self.decimal.is_none() && !self.file.decimal_comma;
        let pointed = all.iter().chain([seen]).any(|column| column.points > column.grouped);
        from_comma(field).filter(|_| is_free && !pointed && field.contains(','))
    }

    /// The option by which the texts of a column of numbers are missing values, if they are few and most of it are numbers.
    fn marks(&self, column: usize) -> Option<String> {
        let survey = &self.file.survey;
        let seen = survey.columns.get(column)?;
        let is_text = |text: &&String| match survey.cell(text) {
            Cell::Comma => !self.file.decimal_comma,
            kind => kind == Cell::Text,
        };
        let mut texts: Vec<&String> = seen.values.iter().filter(is_text).collect();
        texts.sort();
        let known = &self.file.survey.missing_values;
        let few = (1..=MARKS).contains(&texts.len()) && seen.texts + seen.commas < seen.numbers;
        // What has a digit in it is a number with something about it.
        let plain = |text: &&String| {
            let odd = |c: char| c.is_ascii_digit() || ",\"'".contains(c);
            !text.contains(odd) && text.chars().count() <= 20
        };
        (few && texts.iter().all(plain)).then(|| {
            let all: Vec<&str> = known.iter().chain(texts).map(String::as_str).collect();
            let list = all.join(",");
            let bare = list.chars().all(|c| c.is_alphanumeric() || "-_.,".contains(c));
            let quote = if bare { "" } else { "'" };
            format!("--missing-values {quote}{list}{quote}")
        })
    }

    /// What an option calls a column.
    pub(super) fn option(&self, column: usize) -> String {
        let name = self.header.names.get(column).filter(|name| !name.is_empty());
        name.cloned().unwrap_or((column + 1).to_string())
    }

    pub(super) fn number_or_label(&self, column: usize) -> String {
        let label = self.label.map_or(String::new(), |column| self.title(column));
        let option = self.option(column);
        format!(
            "a number: the label is taken to be in {label}; --label names another column, --drop {option} trains without this one"
        )
    }

    /// `column 5 ("species")`.
    pub(super) fn title(&self, column: usize) -> String {
        let name = self.header.names.get(column).filter(|name| !name.is_empty());
        let name = name.map(|name| format!(" ({})", quote(name)));
        format!("column {}{}", column + 1, name.unwrap_or_default())
    }

    pub(super) fn cell(&self, line: u64, column: usize) -> Place {
        Place::Cell { line, column: column + 1, name: self.header.names.get(column).cloned() }
    }
}

/// A price or a share without its signs, if that is a number: `$712,596` is 712596, and `12,5 %` is 12.5.
pub(super) fn plain(field: &str) -> Option<String> {
    let bare: String = field.chars().filter(|c| !"$€£¥%' \u{a0}".contains(*c)).collect();
    let (whole, rest) = bare
        .split_once('.')
        .map_or((&*bare, String::new()), |(whole, fraction)| (whole, format!(".{fraction}")));
    let groups: Vec<&str> = whole.split(',').collect();
    let thousands = groups[1..].iter().all(|group| group.len() == 3);
    let plain = match (&groups[..], thousands) {
        (_, true) => groups.concat() + &rest,
        (&[whole, fraction], false) if rest.is_empty() => format!("{whole}.{fraction}"),
        _ => return None,
    };
    let is_number = plain.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    (plain != field && is_number && plain.parse::<f64>().is_ok()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn prices_without_their_signs() {
        for (field, number) in [
            ("$712596", "712596"),
            ("-$1,712,596.50", "-1712596.50"),
            ("12,5 %", "12.5"),
            ("3 000 €", "3000"),
        ] {
            assert_eq!(plain(field).as_deref(), Some(number));
        }
        for text in ["1.234,50", "1,2,3", "524 High St", "3.5", "$", "in f"] {
            assert_eq!(plain(text), None, "{text}");
        }
    }
}
