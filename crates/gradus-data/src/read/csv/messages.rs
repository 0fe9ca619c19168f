//! What is said of a cell that cannot be read: where it is, what may be there, what makes it so.

use super::Columns;
use crate::error::{Place, quote};

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

    /// What helps where a row has no number: features can be done without.
    pub(super) fn way_out(&self, column: usize) -> &'static str {
        match self.features.contains(&column) {
            true => "; fill it in, remove the row, or train without the column (--leave-out)",
            false => "; fill it in or remove the row",
        }
    }

    pub(super) fn value(&self, column: usize) -> String {
        format!("a value{}", self.way_out(column))
    }

    /// A number instead of this text, and what makes one of it.
    pub(super) fn number(&self, field: &str, column: usize) -> String {
        let is_target = self.targets.contains(&column);
        let yes_no = ["yes", "no", "true", "false", "y", "n"];
        let digits: String = field.chars().filter(|c| !"$€£¥%,' ".contains(*c)).collect();
        if yes_no.iter().any(|word| word.eq_ignore_ascii_case(field)) {
            return "a number: write 1 for yes and 0 for no".into();
        }
        if digits != field && digits.parse::<f64>().is_ok() {
            return format!("a number: write {digits}, without signs");
        }
        if ["n/a", "na", "null", "none", "-", "?"].contains(&&*field.to_lowercase()) {
            return format!("a number{}", self.way_out(column));
        }
        if is_target {
            let option = self.option(column);
            return format!("a number; texts are classes, which --label {option} learns");
        }
        format!("a number; --leave-out {} trains without the column", self.option(column))
    }

    /// What an option calls a column.
    pub(super) fn option(&self, column: usize) -> String {
        self.header.names.get(column).cloned().unwrap_or((column + 1).to_string())
    }

    pub(super) fn number_or_label(&self, column: usize) -> String {
        let label = self.label.map_or(String::new(), |column| self.title(column));
        let option = self.option(column);
        format!(
            "a number: the label is taken to be in {label}; --label names another column, --leave-out {option} trains without this one"
        )
    }

    /// `column 5 ("species")`.
    pub(super) fn title(&self, column: usize) -> String {
        let name = self.header.names.get(column).map(|name| format!(" ({})", quote(name)));
        format!("column {}{}", column + 1, name.unwrap_or_default())
    }

    pub(super) fn cell(&self, line: u64, column: usize) -> Place {
        Place::Cell { line, column: column + 1, name: self.header.names.get(column).cloned() }
    }
}
