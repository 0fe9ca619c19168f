//! Protobuf's wire format: varints, fixed fields and length-delimited ones, as events, Caffe's models and
//! others need them. <https://protobuf.dev/programming-guides/encoding/>

use crate::{Error, Result};

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

/// A message being written.
#[derive(Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// The bytes of the message that `fill` writes.
    pub(crate) fn build(fill: impl FnOnce(&mut Message)) -> Vec<u8> {
        let mut message = Message::default();
        fill(&mut message);
        message.0
    }
    pub(crate) fn uint(&mut self, field: u64, value: u64) {
        self.key(field, VARINT);
        self.varint(value);
    }
    /// `int32` and `int64` share one encoding: two's complement in 64 bits.
    pub(crate) fn int(&mut self, field: u64, value: i64) {
        self.uint(field, value as u64);
    }
    pub(crate) fn double(&mut self, field: u64, value: f64) {
        self.key(field, FIXED64);
        self.0.extend(value.to_le_bytes());
    }
    pub(crate) fn float(&mut self, field: u64, value: f32) {
        self.key(field, FIXED32);
        self.0.extend(value.to_le_bytes());
    }
    pub(crate) fn bytes(&mut self, field: u64, value: &[u8]) {
        self.key(field, BYTES);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }
    pub(crate) fn text(&mut self, field: u64, value: &str) {
        self.bytes(field, value.as_bytes());
    }
    pub(crate) fn doubles(&mut self, field: u64, values: &[f64]) {
        let packed: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.bytes(field, &packed);
    }
    /// The bytes of packed varints.
    pub(crate) fn varints(values: impl IntoIterator<Item = u64>) -> Vec<u8> {
        Message::build(|m| values.into_iter().for_each(|value| m.varint(value)))
    }
    pub(crate) fn message(&mut self, field: u64, fill: impl FnOnce(&mut Message)) {
        self.bytes(field, &Message::build(fill));
    }

    fn key(&mut self, field: u64, wire_type: u64) {
        self.varint(field << 3 | wire_type);
    }
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// A field's value as it lies in the bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

impl<'a> Field<'a> {
    pub(crate) fn int(self) -> Result<i64> {
        match self {
            Field::Varint(value) => Ok(value as i64),
            _ => Err(wrong_type("an integer")),
        }
    }
    pub(crate) fn double(self) -> Result<f64> {
        match self {
            Field::Fixed64(bytes) => Ok(f64::from_le_bytes(bytes)),
            _ => Err(wrong_type("a double")),
        }
    }
    pub(crate) fn float(self) -> Result<f32> {
        match self {
            Field::Fixed32(bytes) => Ok(f32::from_le_bytes(bytes)),
            _ => Err(wrong_type("a float")),
        }
    }
    pub(crate) fn bytes(self) -> Result<&'a [u8]> {
        match self {
            Field::Bytes(bytes) => Ok(bytes),
            _ => Err(wrong_type("bytes")),
        }
    }
    pub(crate) fn text(self) -> Result<String> {
        String::from_utf8(self.bytes()?.to_vec())
            .map_err(|_| Error::format("a text in a message is not UTF-8"))
    }
    /// Appends one double, or many packed ones: readers of protobuf must take both.
    pub(crate) fn doubles(self, values: &mut Vec<f64>) -> Result<()> {
        let Field::Bytes(bytes) = self else {
            values.push(self.double()?);
            return Ok(());
        };
        let (words, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(wrong_type("doubles"));
        }
        values.extend(words.iter().map(|&word| f64::from_le_bytes(word)));
        Ok(())
    }
}

/// Numbers of a list, which may stand alone or packed: readers of protobuf must take both.
impl Field<'_> {
    /// Appends one float, or many packed ones.
    pub(crate) fn floats(self, values: &mut Vec<f32>) -> Result<()> {
        let Field::Bytes(bytes) = self else {
            values.push(self.float()?);
            return Ok(());
        };
        let (words, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(wrong_type("floats"));
        }
        values.extend(words.iter().map(|&word| f32::from_le_bytes(word)));
        Ok(())
    }
    /// Appends one integer, or many packed ones.
    pub(crate) fn ints(self, values: &mut Vec<i64>) -> Result<()> {
        let Field::Bytes(mut bytes) = self else {
            values.push(self.int()?);
            return Ok(());
        };
        while !bytes.is_empty() {
            values.push(varint(&mut bytes)? as i64);
        }
        Ok(())
    }
}

/// Calls `take` with the number and value of each field of a message.
pub(crate) fn fields<'a>(
    mut bytes: &'a [u8],
    mut take: impl FnMut(u64, Field<'a>) -> Result<()>,
) -> Result<()> {
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let field = match key & 7 {
            VARINT => Field::Varint(varint(&mut bytes)?),
            FIXED64 => Field::Fixed64(fixed(&mut bytes)?),
            BYTES => Field::Bytes(delimited(&mut bytes)?),
            FIXED32 => Field::Fixed32(fixed(&mut bytes)?),
            other => return Err(Error::format(format!("wire type {other} in a message"))),
        };
        take(key >> 3, field)?;
    }
    Ok(())
}

fn varint(bytes: &mut &[u8]) -> Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let [byte] = fixed(bytes)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Error::format("a number in a message has more than 64 bits"))
}

fn fixed<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N]> {
    let (value, rest) = bytes.split_first_chunk::<N>().ok_or_else(truncated)?;
    *bytes = rest;
    Ok(*value)
}

fn delimited<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8]> {
    let len = usize::try_from(varint(bytes)?).map_err(|_| truncated())?;
    let (value, rest) = bytes.split_at_checked(len).ok_or_else(truncated)?;
    *bytes = rest;
    Ok(value)
}

fn truncated() -> Error {
    Error::format("a message is truncated")
}

fn wrong_type(expected: &str) -> Error {
    Error::format(format!("a field in a message is not {expected}"))
}
