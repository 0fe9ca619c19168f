//! The rows of a text, one after the other: csv-core takes quotes and separators apart, line numbers and comments are kept here.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// How the rows of a text are told apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Format {
    pub(super) delimiter: u8,
    /// Whether lines that begin with # are passed over.
    pub(super) comments: bool,
}

/// What is read row by row.
pub(super) struct Rows<'t> {
    text: &'t str,
    /// The byte to go on with, and its line.
    at: usize,
    line: u64,
    format: Format,
    /// Whether some line ends with a carriage return alone, as on old Macs.
    returns: bool,
    core: Reader,
    fields: Vec<u8>,
    ends: Vec<usize>,
    /// The lines passed over as comments.
    pub(super) comments: Vec<u64>,
}

/// A row's fields.
pub(super) struct Row<'r> {
    /// Its first line, from 1, and its last: a quoted field may have several.
    pub(super) line: u64,
    pub(super) last_line: u64,
    text: &'r str,
    ends: &'r [usize],
}

impl<'r> Row<'r> {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Field `index` without the blanks around it.
    pub(super) fn get(&self, index: usize) -> &'r str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text[start..self.ends[index]].trim()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'r str> + use<'_, 'r> {
        (0..self.len()).map(|index| self.get(index))
    }
}

/// A quote that is not closed: the line of its row, and how that begins.
pub(super) struct Unclosed {
    pub(super) line: u64,
    pub(super) start: String,
}

impl<'t> Rows<'t> {
    /// Of a text whose first line has this number.
    pub(super) fn new(text: &'t str, line: u64, format: Format) -> Rows<'t> {
        let mut breaks = text.as_bytes().iter().zip(text.as_bytes()[1.min(text.len())..].iter());
        let returns = breaks.any(|(&a, &b)| a == b'\r' && b != b'\n');
        Rows {
            text,
            at: 0,
            line,
            format,
            returns,
            core: ReaderBuilder::new().delimiter(format.delimiter).build(),
            fields: vec![0; 1024],
            ends: vec![0; 64],
            comments: vec![],
        }
    }

    /// The next row that holds something.
    pub(super) fn next(&mut self) -> Result<Option<Row<'_>>, Unclosed> {
        self.skip_empty_lines();
        if self.at == self.text.len() {
            return Ok(None);
        }
        let (start, line) = (self.at, self.line);
        let (bytes, fields) = match self.read() {
            Some(lengths) => lengths,
            None => {
                let start = self.text[start..].lines().next().unwrap_or_default().to_owned();
                return Err(Unclosed { line, start });
            }
        };
        let row = &self.text.as_bytes()[start..self.at];
        self.line += self.breaks(row);
        // The last break ends the row.
        let ended = row.last().is_some_and(|byte| b"\r\n".contains(byte));
        let last_line = self.line - u64::from(ended);
        let text = std::str::from_utf8(&self.fields[..bytes]).expect("parts of a text are text");
        Ok(Some(Row { line, last_line, text, ends: &self.ends[..fields] }))
    }

    /// Takes a row apart, and gives how many bytes its fields have, and how many these are; `None` if a quote is not closed.
    fn read(&mut self) -> Option<(usize, usize)> {
        self.core.reset();
        let (mut bytes, mut fields, mut is_end) = (0, 0, false);
        loop {
            let input = if is_end { b"\n" } else { &self.text.as_bytes()[self.at..] };
            let (result, read, written, ended) =
                self.core.read_record(input, &mut self.fields[bytes..], &mut self.ends[fields..]);
            bytes += written;
            fields += ended;
            if !is_end {
                self.at += read;
            }
            match result {
                ReadRecordResult::OutputFull => self.fields.resize(2 * self.fields.len(), 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                // A line's end goes on in a quote, and ends a row anywhere else.
                ReadRecordResult::InputEmpty if is_end => return None,
                ReadRecordResult::InputEmpty => is_end = true,
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        // Of two characters that end a line the second is still there.
        let (before, rest) = self.text.as_bytes().split_at(self.at);
        self.at += usize::from(before.last() == Some(&b'\r') && rest.first() == Some(&b'\n'));
        Some((bytes, fields))
    }

    fn skip_empty_lines(&mut self) {
        let text = self.text.as_bytes();
        while let Some(&first) = text.get(self.at) {
            let is_comment = first == b'#' && self.format.comments;
            if !b" \t\r\n".contains(&first) && !is_comment {
                return;
            }
            let line = &self.text[self.at..];
            let len = line.find(['\r', '\n']).unwrap_or(line.len());
            if !is_comment && !line[..len].trim().is_empty() {
                return;
            }
            if is_comment {
                self.comments.push(self.line);
            }
            let end = match &line.as_bytes()[len..] {
                [b'\r', b'\n', ..] => 2,
                [] => 0,
                _ => 1,
            };
            self.at += len + end;
            self.line += u64::from(end > 0);
        }
    }

    /// How many lines end in these bytes.
    fn breaks(&self, bytes: &[u8]) -> u64 {
        let feeds = bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
        if !self.returns {
            return feeds;
        }
        let alone = |i: &usize| bytes[*i] == b'\r' && bytes.get(i + 1) != Some(&b'\n');
        feeds + (0..bytes.len()).filter(alone).count() as u64
    }
}
