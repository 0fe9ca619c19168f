//! Tables that commands write: CSV, as RFC 4180 has it, or with the marks of the table that they are of.

/// The marks of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dialect {
    /// What is between fields.
    delimiter: char,
    /// Whether decimals follow a comma.
    decimal_comma: bool,
}

impl Default for Dialect {
    /// Commas between fields, points before decimals.
    fn default() -> Dialect {
        Dialect { delimiter: ',', decimal_comma: false }
    }
}

impl Dialect {
    /// Like a table with these marks. Instead of blanks, commas are between fields, and then decimals follow a point.
    pub fn like(delimiter: char, decimal_comma: bool) -> Dialect {
        match delimiter {
            ' ' | ',' => Dialect::default(),
            delimiter => Dialect { delimiter, decimal_comma },
        }
    }

    /// A number as the table has it.
    pub fn number(self, x: f64) -> String {
        let text = x.to_string();
        if self.decimal_comma { text.replace('.', ",") } else { text }
    }
}

/// A CSV file in the making.
pub struct CsvFile {
    bytes: Vec<u8>,
    dialect: Dialect,
}

impl CsvFile {
    /// With these columns.
    pub fn new<T: AsRef<str>>(header: &[T]) -> CsvFile {
        CsvFile::written_as(Dialect::default(), header)
    }

    /// The same with these marks.
    pub fn written_as<T: AsRef<str>>(dialect: Dialect, header: &[T]) -> CsvFile {
        let mut file = CsvFile { bytes: vec![], dialect };
        file.row(header);
        file
    }

    /// A row more.
    pub fn row<T: AsRef<str>>(&mut self, cells: &[T]) {
        let delimiter = self.dialect.delimiter;
        let cells: Vec<String> =
            cells.iter().map(|cell| quoted(cell.as_ref(), delimiter)).collect();
        self.bytes.extend_from_slice(cells.join(&delimiter.to_string()).as_bytes());
        self.bytes.push(b'\n');
    }

    /// What is to be written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// A cell, in quotes where it must be: a line that begins with # would be a comment.
fn quoted(cell: &str, delimiter: char) -> String {
    let plain = !cell.contains([delimiter, '"', '\n', '\r']) && cell.trim() == cell;
    let plain = plain && !cell.starts_with('#');
    if plain { cell.to_owned() } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::{CsvFile, Dialect};

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut file = CsvFile::new(&["file", "class"]);
        file.row(&["a, b.png", "the \"cat\""]);
        file.row(&[" x", "two\nlines"]);
        file.row(&["#1", "1;5"]);
        let text = String::from_utf8(file.into_bytes()).unwrap();
        assert_eq!(
            text,
            "file,class\n\"a, b.png\",\"the \"\"cat\"\"\"\n\" x\",\"two\nlines\"\n\"#1\",1;5\n"
        );
    }

    #[test]
    fn marks_are_those_of_another_table() {
        let dialect = Dialect::like(';', true);
        let mut file = CsvFile::written_as(dialect, &["x", "text"]);
        file.row(&[&dialect.number(1.5), "a;b"]);
        assert_eq!(file.into_bytes(), b"x;text\n1,5;\"a;b\"\n");
        assert_eq!(Dialect::like(' ', true), Dialect::default());
        assert_eq!(Dialect::like(',', true).number(0.25), "0.25");
    }
}
