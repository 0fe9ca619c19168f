//! Numbers: little-endian, and lists of them in one piece.

use super::{Reader, Shape, Types, Unreadable, Wire};

macro_rules! number {
    ($kind:ty, $shape:ident, $list:ident) => {
        impl Wire for $kind {
            fn write(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_le_bytes());
            }
            fn read(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
                Ok(Self::read_list(1, from)?[0])
            }
            fn shape(_: &mut Types) -> Shape {
                Shape::$shape
            }
            fn read_list(count: usize, from: &mut Reader<'_>) -> Result<Vec<Self>, Unreadable> {
                let (numbers, _) = from.take(count.saturating_mul(size_of::<$kind>()))?.as_chunks();
                Ok(numbers.iter().map(|bytes| Self::from_le_bytes(*bytes)).collect())
            }
            fn list_shape(_: &mut Types) -> Shape {
                Shape::$list
            }
        }
    };
}

number!(u8, U8, Bytes);
number!(u16, U16, U16s);
number!(u32, U32, U32s);
number!(i32, I32, I32s);
number!(f32, F32, F32s);
number!(f64, F64, F64s);
