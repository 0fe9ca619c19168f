//! `.npy`: a magic text, a version, a Python dictionary of three keys, then the elements.

use crate::strided::{column_major, gather};
use crate::{DType, Error, NamedArray, Result, atomic_write, byte_len};
use std::io::{self, Write};
use std::path::Path;

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// A longer header is refused; NumPy itself stops at 10,000 characters unless told to trust.
const MAX_HEADER_BYTES: usize = 1 << 16;

/// Each element type with NumPy's letters for it; bf16 has none.
const DESCRIPTORS: [(DType, &str); 7] = [
    (DType::F32, "f4"),
    (DType::F64, "f8"),
    (DType::F16, "f2"),
    (DType::I32, "i4"),
    (DType::I64, "i8"),
    (DType::U8, "u1"),
    (DType::Bool, "b1"),
];

/// Reads a file; the array's name is the file's, without `.npy`.
pub fn read_npy(path: &Path) -> Result<NamedArray> {
    let bytes = crate::read_file(path)?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    parse_npy(&name, &bytes).map_err(|error| error.in_file(path))
}

/// Writes a file whole or not at all.
pub fn save_npy(path: &Path, array: &NamedArray) -> Result<()> {
    let header = header(array).map_err(|error| error.in_file(path))?;
    atomic_write(path, |w| write_parts(w, &header, &array.data))
}

/// Writes a file's bytes to `w`.
pub fn write_npy(w: &mut dyn Write, array: &NamedArray) -> Result<()> {
    let header = header(array)?;
    write_parts(w, &header, &array.data).map_err(|error| Error::io("cannot write", &error))
}

/// Parses a file in memory. Big-endian and Fortran-ordered arrays are turned around.
pub fn parse_npy(name: &str, bytes: &[u8]) -> Result<NamedArray> {
    let bad = |what: String| Error::format(format!("array `{name}`: {what}"));
    let (text, data) = split_header(bytes).map_err(bad)?;
    let header = Literal::new(text).header().map_err(bad)?;
    let (dtype, big_endian) = parse_descriptor(&header.descriptor).map_err(bad)?;
    let shape = header.shape;
    let expected =
        byte_len(dtype, &shape).ok_or_else(|| bad(format!("the shape {shape:?} is too large")))?;
    if data.len() != expected {
        return Err(bad(format!(
            "{dtype} {shape:?} takes {expected} bytes, {} follow the header",
            data.len()
        )));
    }
    let mut data = data.to_vec();
    if big_endian {
        data.chunks_exact_mut(dtype.size()).for_each(<[u8]>::reverse);
    }
    if header.fortran_order && !data.is_empty() {
        data = column_major(&shape)
            .and_then(|strides| gather(&data, dtype.size(), 0, &shape, &strides))
            .expect("its bytes were counted");
    }
    NamedArray::new(name, dtype, shape, data)
}

fn header(array: &NamedArray) -> Result<Vec<u8>> {
    array.check()?;
    let NamedArray { name, dtype, shape, .. } = array;
    let letters = DESCRIPTORS.iter().find(|(known, _)| known == dtype);
    let (_, letters) = letters.ok_or_else(|| {
        Error::value(format!("array `{name}`: NumPy has no {dtype}; convert it to f32 first"))
    })?;
    let order = if dtype.size() == 1 { '|' } else { '<' };
    let mut sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    if shape.len() > 1 {
        sizes.truncate(sizes.len() - 2); // (3, 4) but (3,)
    }
    let sizes = sizes.trim_end();
    let mut text =
        format!("{{'descr': '{order}{letters}', 'fortran_order': False, 'shape': ({sizes}), }}");
    // Spaces and a newline make the data start at a multiple of 64.
    let start = (MAGIC.len() + 4 + text.len() + 1).next_multiple_of(64);
    text.push_str(&" ".repeat(start - MAGIC.len() - 4 - text.len() - 1));
    text.push('\n');
    let too_many = || Error::value(format!("array `{name}`: too many axes for npy"));
    let len = u16::try_from(text.len()).map_err(|_| too_many())?;
    let mut header = MAGIC.to_vec();
    header.extend([1, 0]);
    header.extend(len.to_le_bytes());
    header.extend(text.as_bytes());
    Ok(header)
}

fn write_parts(w: &mut dyn Write, header: &[u8], data: &[u8]) -> io::Result<()> {
    w.write_all(header)?;
    w.write_all(data)
}

/// The header's text and the data behind it.
fn split_header(bytes: &[u8]) -> std::result::Result<(&[u8], &[u8]), String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("not an npy file: the first six bytes differ")?;
    let truncated = || "truncated in the npy header".to_owned();
    let ([major, minor], rest) = rest.split_first_chunk::<2>().ok_or_else(truncated)?;
    let (len, rest) = match major {
        1 => {
            let (len, rest) = rest.split_first_chunk::<2>().ok_or_else(truncated)?;
            (usize::from(u16::from_le_bytes(*len)), rest)
        }
        2 | 3 => {
            let (len, rest) = rest.split_first_chunk::<4>().ok_or_else(truncated)?;
            (u32::from_le_bytes(*len) as usize, rest)
        }
        _ => return Err(format!("npy version {major}.{minor}, expected 1, 2 or 3")),
    };
    if len > MAX_HEADER_BYTES {
        return Err(format!("an npy header of {len} bytes, at most {MAX_HEADER_BYTES} are read"));
    }
    rest.split_at_checked(len).ok_or_else(truncated)
}

/// The element type, and whether it is big endian.
pub(crate) fn parse_descriptor(descriptor: &str) -> std::result::Result<(DType, bool), String> {
    let mut letters = descriptor.chars();
    let order = letters.next();
    let known = DESCRIPTORS.iter().find(|(_, known)| *known == letters.as_str());
    match (known, order) {
        (Some(&(dtype, _)), Some('<')) => Ok((dtype, false)),
        (Some(&(dtype, _)), Some('>')) => Ok((dtype, true)),
        (Some(&(dtype, _)), Some('|')) if dtype.size() == 1 => Ok((dtype, false)),
        _ => {
            let names: Vec<_> = DESCRIPTORS.iter().map(|(_, letters)| *letters).collect();
            Err(format!("element type {descriptor:?}, expected one of {}", names.join(", ")))
        }
    }
}

struct RawHeader {
    descriptor: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

/// A reader of the one Python literal a header may be:
/// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
struct Literal<'a> {
    rest: &'a [u8],
}

type Parsed<T> = std::result::Result<T, String>;

impl<'a> Literal<'a> {
    fn new(text: &'a [u8]) -> Literal<'a> {
        Literal { rest: text }
    }

    fn header(mut self) -> Parsed<RawHeader> {
        let (mut descriptor, mut fortran_order, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while !self.accept(b'}') {
            let key = self.string()?;
            self.expect(b':')?;
            let twice = match key.as_str() {
                "descr" => descriptor.replace(self.string()?).is_some(),
                "fortran_order" => fortran_order.replace(self.boolean()?).is_some(),
                "shape" => shape.replace(self.sizes()?).is_some(),
                _ => return Err(format!("unknown key {key:?} in the npy header")),
            };
            if twice {
                return Err(format!("the key {key:?} comes twice in the npy header"));
            }
            if !self.accept(b',') {
                self.expect(b'}')?;
                break;
            }
        }
        self.skip_spaces();
        if !self.rest.is_empty() {
            return Err("text follows the dictionary of the npy header".to_owned());
        }
        let missing = |key: &str| format!("the npy header has no {key:?}");
        Ok(RawHeader {
            descriptor: descriptor.ok_or_else(|| missing("descr"))?,
            fortran_order: fortran_order.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
        })
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn accept(&mut self, byte: u8) -> bool {
        self.skip_spaces();
        let found = self.rest.first() == Some(&byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn expect(&mut self, byte: u8) -> Parsed<()> {
        if self.accept(byte) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("{:?}", byte as char)))
        }
    }

    fn unexpected(&self, expected: &str) -> String {
        let found = String::from_utf8_lossy(&self.rest[..self.rest.len().min(12)]);
        format!("in the npy header: found {found:?}, expected {expected}")
    }

    fn string(&mut self) -> Parsed<String> {
        self.skip_spaces();
        let quote = match self.rest.first() {
            Some(&quote @ (b'\'' | b'"')) => quote,
            _ => return Err(self.unexpected("a quoted text")),
        };
        let body = &self.rest[1..];
        let end = body.iter().position(|&byte| byte == quote);
        let end = end.ok_or_else(|| self.unexpected("a quoted text"))?;
        self.rest = &body[end + 1..];
        Ok(String::from_utf8_lossy(&body[..end]).into_owned())
    }

    fn boolean(&mut self) -> Parsed<bool> {
        self.skip_spaces();
        for (word, value) in [(b"True".as_slice(), true), (b"False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(self.unexpected("True or False"))
    }

    fn sizes(&mut self) -> Parsed<Vec<usize>> {
        self.expect(b'(')?;
        let mut sizes = Vec::new();
        while !self.accept(b')') {
            sizes.push(self.size()?);
            if !self.accept(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Ok(sizes)
    }

    fn size(&mut self) -> Parsed<usize> {
        self.skip_spaces();
        let len = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = std::str::from_utf8(&self.rest[..len]).unwrap_or_default();
        let size = digits.parse().map_err(|_| self.unexpected("a size"))?;
        self.rest = &self.rest[len..];
        Ok(size)
    }
}
