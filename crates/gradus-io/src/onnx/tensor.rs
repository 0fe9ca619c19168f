//! Arrays in ONNX files: raw bytes, or lists of numbers by type.

use super::external::{Beside, Place};
use super::{element_name, small};
use crate::wire::{Message, fields};
use crate::{DType, Error, NamedArray, Result, byte_len};
use std::ops::RangeInclusive;

/// What a tensor message says before its parts are put together.
#[derive(Default)]
struct Parts<'a> {
    shape: Vec<i64>,
    element: i64,
    name: String,
    raw: Option<&'a [u8]>,
    floats: Vec<f32>,
    ints: Vec<i64>,
    longs: Vec<i64>,
    doubles: Vec<f64>,
    external: bool,
    /// Keys and values that say where the elements lie.
    entries: Vec<&'a [u8]>,
}

/// The array of a tensor message and the number of its element type in the file. What Gradus has no type for is widened: integers
/// of 2, 4, 8 and 16 bits to i32, uint32 and uint64 to i64 (if they fit), floats of 4 and 8 bits to f32.
///
/// # Errors
/// When the bytes break the format or do not fit the shape, or elements that lie beside the model cannot be had.
pub(super) fn array(bytes: &[u8], beside: &mut dyn Beside) -> Result<(NamedArray, i64)> {
    let mut p = Parts::default();
    fields(bytes, |number, field| {
        match number {
            1 => field.ints(&mut p.shape)?,
            2 => p.element = field.int()?,
            4 => field.floats(&mut p.floats)?,
            5 => field.ints(&mut p.ints)?,
            7 | 11 => field.ints(&mut p.longs)?,
            8 => p.name = field.text()?,
            9 => p.raw = Some(field.bytes()?),
            10 => field.doubles(&mut p.doubles)?,
            13 => p.entries.push(field.bytes()?),
            14 => p.external = field.int()? == 1,
            _ => {}
        }
        Ok(())
    })?;
    let named = |error: Error, name: &str| Error {
        what: format!("tensor `{name}`: {}", error.what),
        ..error
    };
    let (name, element) = (p.name.clone(), p.element);
    let array = p.array(beside).map_err(|error| named(error, &name))?;
    Ok((array, element))
}

impl Parts<'_> {
    fn array(self, beside: &mut dyn Beside) -> Result<NamedArray> {
        let mut shape = Vec::with_capacity(self.shape.len());
        for &size in &self.shape {
            let size = usize::try_from(size);
            shape.push(
                size.map_err(|_| Error::format(format!("negative size in {:?}", self.shape)))?,
            );
        }
        let (dtype, data) = match self.raw {
            _ if self.external => {
                let bits =
                    shape.iter().try_fold(bits(self.element)?, |all, &n| all.checked_mul(n as u64));
                let bits =
                    bits.ok_or_else(|| Error::format(format!("{shape:?} is no array's size")))?;
                self.of_raw(&beside.bytes(&self.place()?, bits.div_ceil(8))?, &shape)?
            }
            Some(raw) => self.of_raw(raw, &shape)?,
            None => self.of_lists(&shape)?,
        };
        if byte_len(dtype, &shape) != Some(data.len()) {
            let (found, want) = (data.len(), byte_len(dtype, &shape));
            let want = want.map_or("more than memory holds".into(), |n| format!("{n}"));
            let what = format!("{dtype} {shape:?} takes {want} bytes, found {found}");
            return Err(Error::format(what));
        }
        NamedArray::new(self.name, dtype, shape, data)
    }

    fn place(&self) -> Result<Place> {
        let mut place = Place::default();
        self.entries.iter().try_for_each(|entry| place.entry(entry))?;
        Ok(place)
    }

    fn of_raw(&self, raw: &[u8], shape: &[usize]) -> Result<(DType, Vec<u8>)> {
        let same = |dtype: DType| Ok((dtype, raw.to_vec()));
        let narrow = |values: Vec<i32>| {
            Ok((DType::I32, values.iter().flat_map(|v| v.to_le_bytes()).collect()))
        };
        let wide = |values: Vec<i64>| {
            Ok((DType::I64, values.iter().flat_map(|v| v.to_le_bytes()).collect()))
        };
        let pairs = || raw.as_chunks::<2>().0.iter();
        match self.element {
            1 => same(DType::F32),
            2 => same(DType::U8),
            3 => narrow(raw.iter().map(|&b| i32::from(b as i8)).collect()),
            4 => narrow(pairs().map(|&b| i32::from(u16::from_le_bytes(b))).collect()),
            5 => narrow(pairs().map(|&b| i32::from(i16::from_le_bytes(b))).collect()),
            6 => same(DType::I32),
            7 => same(DType::I64),
            9 => booleans(raw.iter().map(|&b| i64::from(b))),
            10 => same(DType::F16),
            11 => same(DType::F64),
            12 => {
                wide(raw.as_chunks::<4>().0.iter().map(|&b| u32::from_le_bytes(b).into()).collect())
            }
            13 => wide(
                raw.as_chunks::<8>()
                    .0
                    .iter()
                    .map(|&b| unsigned(u64::from_le_bytes(b)))
                    .collect::<Result<_>>()?,
            ),
            16 => same(DType::BF16),
            element => small::unpacked(element, raw, shape).unwrap_or_else(|| Err(unread(element))),
        }
    }

    fn of_lists(&self, shape: &[usize]) -> Result<(DType, Vec<u8>)> {
        let longs = || self.longs.iter().flat_map(|v| v.to_le_bytes()).collect();
        Ok(match self.element {
            1 => (DType::F32, self.floats.iter().flat_map(|v| v.to_le_bytes()).collect()),
            2 => (DType::U8, self.narrow()?.iter().map(|&v| v as u8).collect()),
            3..=6 => (DType::I32, self.narrow()?.iter().flat_map(|v| v.to_le_bytes()).collect()),
            7 => (DType::I64, longs()),
            12 => {
                self.longs.iter().try_for_each(|&v| self.within(v, 0..=u32::MAX.into()))?;
                (DType::I64, longs())
            }
            9 => return booleans(self.ints.iter().copied()),
            10 => (DType::F16, self.halves()?),
            11 => (DType::F64, self.doubles.iter().flat_map(|v| v.to_le_bytes()).collect()),
            13 => {
                let fit: Result<Vec<i64>> =
                    self.longs.iter().map(|&v| unsigned(v as u64)).collect();
                (DType::I64, fit?.iter().flat_map(|v| v.to_le_bytes()).collect())
            }
            16 => (DType::BF16, self.halves()?),
            // A number of the list is a byte of the packed form.
            element => {
                let bytes: Vec<u8> = self.ints.iter().map(|&v| v as u8).collect();
                return small::unpacked(element, &bytes, shape)
                    .unwrap_or_else(|| Err(unread(element)));
            }
        })
    }

    /// The list of 32-bit numbers as integers of the narrow type they stand for.
    fn narrow(&self) -> Result<Vec<i32>> {
        let range = match self.element {
            2 => 0..=u8::MAX.into(),
            3 => i8::MIN.into()..=i8::MAX.into(),
            4 => 0..=u16::MAX.into(),
            5 => i16::MIN.into()..=i16::MAX.into(),
            _ => i32::MIN.into()..=i32::MAX.into(),
        };
        // The field is one of 32 bits, whatever it is written in.
        let values = self.ints.iter().map(|&v| v as i32);
        values.map(|v| self.within(v.into(), range.clone()).map(|()| v)).collect()
    }

    /// The list of 32-bit numbers as bits of half types, which it holds as u16.
    fn halves(&self) -> Result<Vec<u8>> {
        let bits =
            |&v: &i64| self.within(v, 0..=u16::MAX.into()).map(|()| (v as u16).to_le_bytes());
        Ok(self.ints.iter().map(bits).collect::<Result<Vec<_>>>()?.concat())
    }

    fn within(&self, value: i64, range: RangeInclusive<i64>) -> Result<()> {
        match range.contains(&value) {
            true => Ok(()),
            false => {
                let name = element_name(self.element);
                Err(Error::format(format!("{value} is no element of type {name}")))
            }
        }
    }
}

fn booleans(values: impl Iterator<Item = i64>) -> Result<(DType, Vec<u8>)> {
    Ok((DType::Bool, values.map(|v| u8::from(v != 0)).collect()))
}

fn unsigned(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| Error::format(format!("{value} does not fit 64 signed bits")))
}

/// Bits of an element in a file, of a type that is read.
pub(super) fn element_bits(element: i64) -> Option<u64> {
    match element {
        2 | 3 | 9 => Some(8),
        4 | 5 | 10 | 16 => Some(16),
        1 | 6 | 12 => Some(32),
        7 | 11 | 13 => Some(64),
        other => small::bits(other),
    }
}

fn bits(element: i64) -> Result<u64> {
    element_bits(element).ok_or_else(|| unread(element))
}

fn unread(element: i64) -> Error {
    Error::format(format!("elements of type {} ({element}) are not read", element_name(element)))
}

/// The number of an element type.
pub(super) fn element_number(dtype: DType) -> i64 {
    match dtype {
        DType::F32 => 1,
        DType::U8 => 2,
        DType::I32 => 6,
        DType::I64 => 7,
        DType::Bool => 9,
        DType::F16 => 10,
        DType::F64 => 11,
        DType::BF16 => 16,
    }
}

/// Writes an array as a tensor message, its elements or the place where they lie.
pub(super) fn write(array: &NamedArray, place: Option<&Place>, m: &mut Message) {
    for &size in &array.shape {
        m.int(1, size as i64);
    }
    m.int(2, element_number(array.dtype));
    m.text(8, &array.name);
    let Some(place) = place else { return m.bytes(9, &array.data) };
    for (key, value) in place.entries() {
        m.message(13, |m| {
            m.text(1, key);
            m.text(2, &value);
        });
    }
    m.int(14, 1);
}

#[cfg(test)]
mod tests {
    use super::super::external::Nowhere;
    use super::*;
    use half::{bf16, f16};

    fn parsed(fill: impl FnOnce(&mut Message)) -> Result<NamedArray> {
        array(&Message::build(fill), &mut Nowhere).map(|(array, _)| array)
    }

    /// Numbers may come as raw bytes or as lists, packed or one by one.
    #[test]
    fn raw_and_listed_are_the_same() {
        let raw = parsed(|m| {
            m.int(1, 2);
            m.int(2, 1);
            m.bytes(9, &[0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
        });
        let listed = parsed(|m| {
            m.bytes(1, &[2]);
            m.int(2, 1);
            m.float(4, 1.0);
            m.float(4, -2.0);
        });
        assert_eq!(raw.as_ref().unwrap().to_f32().unwrap(), [1.0, -2.0]);
        assert_eq!(raw, listed);
    }

    #[test]
    fn halves_and_narrow_integers() {
        let half = parsed(|m| {
            m.int(1, 1);
            m.int(2, 10);
            m.int(5, i64::from(f16::from_f32(1.5).to_bits()));
        });
        assert_eq!(half.unwrap().data, f16::from_f32(1.5).to_le_bytes());
        let brain = parsed(|m| {
            m.int(1, 1);
            m.int(2, 16);
            m.int(5, i64::from(bf16::from_f32(1.5).to_bits()));
        });
        assert_eq!(brain.unwrap().data, bf16::from_f32(1.5).to_le_bytes());
        let bytes = parsed(|m| {
            m.int(1, 2);
            m.int(2, 3);
            m.bytes(9, &[0xff, 5]);
        });
        let bytes = bytes.unwrap();
        assert_eq!((bytes.dtype, &bytes.data[..4]), (DType::I32, &(-1i32).to_le_bytes()[..]));
    }

    /// A listed number is an element, or an error: never another number.
    #[test]
    fn listed_numbers_are_held_by_their_type() {
        let listed = |element: i64, field: u64, value: i64| {
            parsed(|m| {
                m.int(1, 1);
                m.int(2, element);
                m.int(field, value);
            })
        };
        let held = [(2, 5, 255), (3, 5, -128), (4, 5, 65535), (5, 5, -32768), (12, 7, 4294967295)];
        for (element, field, value) in held {
            let data = listed(element, field, value).unwrap().data;
            let mut wide = [if value < 0 { 255 } else { 0 }; 8];
            wide[..data.len()].copy_from_slice(&data);
            assert_eq!(i64::from_le_bytes(wide), value, "type {element}");
        }
        let refused = [
            (2, 5, 300),
            (2, 5, -1),
            (3, 5, 128),
            (4, 5, 65536),
            (5, 5, 40000),
            (12, 7, -1),
            (10, 5, 70000),
        ];
        for (element, field, value) in refused {
            let e = listed(element, field, value).unwrap_err().what;
            assert!(e.contains(&format!("{value} is no element of type ")), "{e}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let message = |fill: &dyn Fn(&mut Message)| parsed(fill).unwrap_err().what;
        let short = message(&|m| {
            m.int(1, 3);
            m.int(2, 1);
            m.text(8, "w");
            m.bytes(9, &[0; 8]);
        });
        assert_eq!(short, "tensor `w`: f32 [3] takes 12 bytes, found 8");
        let negative = message(&|m| {
            m.int(1, -3);
            m.int(2, 1);
        });
        assert_eq!(negative, "tensor ``: negative size in [-3]");
        let elsewhere = message(&|m| {
            m.int(1, 3);
            m.int(2, 1);
            m.text(8, "w");
            m.message(13, |m| {
                m.text(1, "location");
                m.text(2, "../../etc/passwd");
            });
            m.int(14, 1);
        });
        assert_eq!(
            elsewhere,
            "tensor `w`: its elements lie in \"../../etc/passwd\", beside the model; only a model's file is read together with it"
        );
        let text = message(&|m| {
            m.int(2, 8);
        });
        assert_eq!(text, "tensor ``: elements of type string (8) are not read");
        let huge = message(&|m| {
            m.int(1, i64::MAX);
            m.int(1, i64::MAX);
            m.int(2, 1);
        });
        assert!(huge.contains("more than memory holds"), "{huge}");
    }
}
