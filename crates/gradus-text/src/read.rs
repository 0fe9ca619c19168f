//! Text out of files: whole, or, where a file is larger than memory, chunk by chunk.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use gradus_data::{
    DataError, Encoding, Place, Result, TextForm, count, decode_text, open_file, read_file,
    survey_text,
};

/// What becomes of line ends that are a carriage return and a newline, as Windows writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineEnds {
    /// They stay as they are.
    #[default]
    Keep,
    /// Each becomes a newline alone.
    Newline,
}

impl LineEnds {
    pub(crate) fn apply(self, text: String) -> String {
        match self {
            LineEnds::Newline if text.contains("\r\n") => text.replace("\r\n", "\n"),
            _ => text,
        }
    }
}

/// A file's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Its characters.
    pub text: String,
    /// How the file is written.
    pub form: TextForm,
    /// What is worth knowing of how it was read, a sentence each.
    pub remarks: Vec<String>,
}

/// The text of a file of at most 4 GiB; `-` is what comes in on stdin.
///
/// # Errors
/// As [`parse_text`]; and when the file cannot be read.
pub fn read_text(path: &Path, line_ends: LineEnds) -> Result<Text> {
    parse_text(&read_file(path)?, &path.display().to_string(), line_ends)
}

/// The text of bytes: UTF-8, UTF-16 or Windows-1252 (Latin-1), whichever they are. `name` is the file's in errors. A byte order mark is taken
/// away.
///
/// ```
/// use gradus_text::{LineEnds, parse_text};
/// let read = parse_text(b"\xEF\xBB\xBFone\r\ntwo\r\n", "t.txt", LineEnds::Newline)?;
/// assert_eq!(read.text, "one\ntwo\n");
/// assert_eq!(read.remarks, ["2 lines end with a carriage return, which is taken away"]);
/// let wrong = parse_text(b"", "t.txt", LineEnds::Keep).unwrap_err().to_string();
/// assert_eq!(wrong, "t.txt: found an empty file, expected text");
/// # Ok::<(), gradus_text::DataError>(())
/// ```
///
/// # Errors
/// When there is nothing, the bytes are those of another format, hold NUL characters, or are of no encoding or of two.
pub fn parse_text(bytes: &[u8], name: &str, line_ends: LineEnds) -> Result<Text> {
    let (text, form) = decode_text(bytes, name, "plain text")?;
    check(&form, name)?;
    let remarks = remarks(&form, line_ends);
    Ok(Text { text: line_ends.apply(text.into_owned()), form, remarks })
}

fn check(form: &TextForm, name: &str) -> Result<()> {
    match &form.nul {
        Some(at) => Err(DataError::malformed(name, at.clone(), "a NUL character", "text")),
        None if form.bytes == form.mark as u64 => {
            Err(DataError::malformed(name, Place::Whole, "an empty file", "text"))
        }
        None => Ok(()),
    }
}

fn remarks(form: &TextForm, line_ends: LineEnds) -> Vec<String> {
    let returns = (form.crlf > 0).then(|| {
        let (verb, done) = (
            if form.crlf == 1 { "ends" } else { "end" },
            match line_ends {
                LineEnds::Keep => "is kept",
                LineEnds::Newline => "is taken away",
            },
        );
        let lines = count(form.crlf as usize, "line");
        format!("{lines} {verb} with a carriage return, which {done}")
    });
    form.remark.iter().cloned().chain(returns).collect()
}

/// A text file that is read chunk by chunk, so that it may be larger than memory. It is gone through once when it is opened: whatever is wrong with
/// it is known before anything is made of it.
///
/// ```
/// use gradus_text::{LineEnds, TextFile};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("t.txt");
/// std::fs::write(&path, "sieben Überraschungen").unwrap();
/// let file = TextFile::open(&path, LineEnds::Keep)?;
/// let chunks: Vec<_> = file.chunks(8, None)?.collect::<Result<_, _>>()?;
/// assert_eq!((chunks[0].text.as_str(), chunks[0].at), ("sieben ", 0)); // Ü takes two bytes: it is not cut
/// assert_eq!((chunks[1].text.as_str(), chunks[1].at), ("Überras", 7));
/// // Entered again where a chunk begins.
/// assert_eq!(file.chunks(100, Some(chunks[1].at))?.next().unwrap()?.text, "Überraschungen");
/// # Ok::<(), gradus_text::DataError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TextFile {
    path: PathBuf,
    form: TextForm,
    line_ends: LineEnds,
}

impl TextFile {
    /// Goes through a file.
    ///
    /// # Errors
    /// As [`parse_text`]; and when it cannot be read.
    pub fn open(path: &Path, line_ends: LineEnds) -> Result<TextFile> {
        let name = path.display().to_string();
        let form = survey_text(&mut open_file(path)?, &name, "plain text")?;
        check(&form, &name)?;
        Ok(TextFile { path: path.to_owned(), form, line_ends })
    }

    /// How the file is written.
    pub fn form(&self) -> &TextForm {
        &self.form
    }

    /// What becomes of its line ends.
    pub fn line_ends(&self) -> LineEnds {
        self.line_ends
    }

    /// What is worth knowing of how it is read, a sentence each.
    pub fn remarks(&self) -> Vec<String> {
        remarks(&self.form, self.line_ends)
    }

    /// The same file, with its line ends treated so.
    #[must_use]
    pub fn with_line_ends(self, line_ends: LineEnds) -> TextFile {
        TextFile { line_ends, ..self }
    }

    /// The file's name in errors.
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// The text from a byte of the file on, where a character begins (`None`: the first), in chunks of about so many bytes, cut between
    /// characters and never within a line end.
    ///
    /// # Errors
    /// When the file cannot be read, or has fewer bytes.
    pub fn chunks(&self, bytes: usize, at: Option<u64>) -> Result<Chunks> {
        let at = at.unwrap_or(self.form.mark as u64);
        if at > self.form.bytes {
            let expected = format!("at most {}, the bytes of the file", self.form.bytes);
            return Err(DataError::invalid("chunks", format!("byte {at}"), expected));
        }
        let mut file = open_file(&self.path)?;
        let sought = file.seek(SeekFrom::Start(at));
        sought.map_err(DataError::io(&self.path, "read the file"))?;
        let TextForm { encoding, bytes: end, .. } = self.form;
        let (path, line_ends) = (self.path.clone(), self.line_ends);
        // Whatever is held back, a character or a line end, a chunk has room for more.
        Ok(Chunks { file, path, encoding, line_ends, at, end, bytes: bytes.max(8), held: vec![] })
    }
}

/// Some text of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its characters.
    pub text: String,
    /// Where in the file it begins, in bytes.
    pub at: u64,
}

/// The chunks of a [`TextFile`], in order.
pub struct Chunks {
    file: File,
    path: PathBuf,
    encoding: Encoding,
    line_ends: LineEnds,
    /// Where in the file the next chunk begins.
    at: u64,
    /// How many bytes the file has.
    end: u64,
    bytes: usize,
    /// Bytes that were read and belong to the next chunk.
    held: Vec<u8>,
}

impl Iterator for Chunks {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Result<Chunk>> {
        (self.at < self.end).then(|| self.read().inspect_err(|_| self.at = self.end))
    }
}

impl Chunks {
    fn read(&mut self) -> Result<Chunk> {
        let left = self.end - self.at - self.held.len() as u64;
        let room = left.min((self.bytes - self.held.len()) as u64);
        let read = (&mut self.file).take(room).read_to_end(&mut self.held);
        let read = read.map_err(DataError::io(&self.path, "read the file"))?;
        let is_last = room == left;
        let mut text = String::new();
        let used = self.encoding.decode(&self.held, &mut text);
        let used = match used {
            Ok(used) if read as u64 == room && (!is_last || used == self.held.len()) => used,
            _ => {
                let name = self.path.display().to_string();
                let found = "other bytes than when it was opened";
                return Err(DataError::malformed(&name, Place::Byte(self.at), found, "the same"));
            }
        };
        let mut rest = self.held.split_off(used);
        if !is_last && text.ends_with('\r') && text.len() > 1 {
            text.pop();
            let width = self.encoding.width("\r");
            rest = [self.held.split_off(used - width), rest].concat();
        }
        let at = self.at;
        self.at += self.held.len() as u64;
        self.held = rest;
        Ok(Chunk { text: self.line_ends.apply(text), at })
    }
}
