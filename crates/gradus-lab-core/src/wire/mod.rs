//! Messages as bytes: little-endian numbers, lists and texts with their length before them, a byte for an enum's variant, in the
//! order of the fields. `#[derive(Wire)]` implements it, and describes each message; `typescript` writes the browser's half from
//! the descriptions, so that there is one truth.

mod describe;
mod numbers;
mod read;
mod typescript;

pub use describe::{Content, Declared, Field, Shape, Types, Variant};
pub use gradus_macros::Wire;
pub(crate) use read::told;
pub use read::{Reader, Unreadable};
pub use typescript::typescript;

/// Version of the messages, sessions' files and journals: a page and an engine of different versions say so and stop.
pub const VERSION: u16 = 1;

/// What travels between a page and its engine.
///
/// ```
/// use gradus_lab_core::wire::{decode, encode};
/// let bytes = encode(&vec![1.5f32, -2.0]);
/// assert_eq!(bytes, [2, 0, 0, 0, 0, 0, 192, 63, 0, 0, 0, 192]); // two numbers: 0x3FC00000, 0xC0000000
/// assert_eq!(decode::<Vec<f32>>(&bytes).unwrap(), [1.5, -2.0]);
/// ```
pub trait Wire: Sized {
    /// Appends the value.
    fn write(&self, to: &mut Vec<u8>);
    /// Reads a value that [`write`](Wire::write) wrote.
    ///
    /// # Errors
    /// Bytes that are no such value.
    fn read(from: &mut Reader<'_>) -> Result<Self, Unreadable>;
    /// Describes the type; declares it, if it has a name.
    fn shape(types: &mut Types) -> Shape;

    /// Appends the elements of a list.
    fn write_list(list: &[Self], to: &mut Vec<u8>) {
        list.iter().for_each(|element| element.write(to));
    }
    /// Reads so many elements.
    ///
    /// # Errors
    /// Bytes that are no such list.
    fn read_list(count: usize, from: &mut Reader<'_>) -> Result<Vec<Self>, Unreadable> {
        from.expect(count)?; // an element takes a byte at least: no length makes memory
        (0..count).map(|_| Self::read(from)).collect()
    }
    /// Describes a list of the type.
    fn list_shape(types: &mut Types) -> Shape {
        Shape::List(Box::new(Self::shape(types)))
    }
}

/// A value as bytes.
pub fn encode<T: Wire>(value: &T) -> Vec<u8> {
    let mut bytes = vec![];
    value.write(&mut bytes);
    bytes
}

/// The value that bytes are, all of them.
///
/// # Errors
/// Bytes that are no such value, or go on after it.
pub fn decode<T: Wire>(bytes: &[u8]) -> Result<T, Unreadable> {
    let mut from = Reader::new(bytes);
    let value = T::read(&mut from)?;
    match from.left() {
        0 => Ok(value),
        left => Err(Unreadable::new(format!("{left} bytes follow the message"))),
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self, to: &mut Vec<u8>) {
        (self.len() as u32).write(to);
        T::write_list(self, to);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let count = u32::read(from)? as usize;
        T::read_list(count, from)
    }
    fn shape(types: &mut Types) -> Shape {
        T::list_shape(types)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, to: &mut Vec<u8>) {
        self.is_some().write(to);
        self.iter().for_each(|value| value.write(to));
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        bool::read(from)?.then(|| T::read(from)).transpose()
    }
    fn shape(types: &mut Types) -> Shape {
        Shape::Maybe(Box::new(T::shape(types)))
    }
}

impl<T: Wire> Wire for Box<T> {
    fn write(&self, to: &mut Vec<u8>) {
        T::write(self, to);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        T::read(from).map(Box::new)
    }
    fn shape(types: &mut Types) -> Shape {
        T::shape(types)
    }
}

impl Wire for String {
    fn write(&self, to: &mut Vec<u8>) {
        (self.len() as u32).write(to);
        to.extend_from_slice(self.as_bytes());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let count = u32::read(from)? as usize;
        let bytes = from.take(count)?.to_vec();
        String::from_utf8(bytes).map_err(|_| Unreadable::new("a text that is not UTF-8".into()))
    }
    fn shape(_: &mut Types) -> Shape {
        Shape::Text
    }
}

impl Wire for bool {
    fn write(&self, to: &mut Vec<u8>) {
        to.push(u8::from(*self));
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        match u8::read(from)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Unreadable::new(format!("{other} where 0 or 1 was expected"))),
        }
    }
    fn shape(_: &mut Types) -> Shape {
        Shape::Bool
    }
}

#[cfg(test)]
mod tests;
