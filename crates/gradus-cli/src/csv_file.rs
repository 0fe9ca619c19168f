//! Tables that commands write: CSV, as RFC 4180 has it.

/// A CSV file in the making.
pub struct CsvFile {
    bytes: Vec<u8>,
}

impl CsvFile {
    /// With these columns.
    pub fn new<T: AsRef<str>>(header: &[T]) -> CsvFile {
        let mut file = CsvFile { bytes: vec![] };
        file.row(header);
        file
    }

    /// A row more.
    pub fn row<T: AsRef<str>>(&mut self, cells: &[T]) {
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell.as_ref())).collect();
        self.bytes.extend_from_slice(cells.join(",").as_bytes());
        self.bytes.push(b'\n');
    }

    /// What is to be written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// A cell, in quotes where it must be.
fn quoted(cell: &str) -> String {
    let plain = !cell.contains([',', '"', '\n', '\r']) && cell.trim() == cell;
    if plain { cell.to_owned() } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::CsvFile;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut file = CsvFile::new(&["file", "class"]);
        file.row(&["a, b.png", "the \"cat\""]);
        file.row(&[" x", "two\nlines"]);
        let text = String::from_utf8(file.into_bytes()).unwrap();
        assert_eq!(text, "file,class\n\"a, b.png\",\"the \"\"cat\"\"\"\n\" x\",\"two\nlines\"\n");
    }
}
