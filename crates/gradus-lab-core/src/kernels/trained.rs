//! Kernels of trained networks: two that are embedded, and arrays of safetensors files.

use super::messages::{Array, Bank};
use super::stage::LARGEST;
use gradus::io::safetensors::{Entry, Header, parse};
use gradus::{bf16, f16};

/// First layers of networks that `gradus train` trained on the embedded digits; each file tells by which command.
const EMBEDDED: [(&str, &[u8]); 2] = [
    ("LeNet-5, digits", include_bytes!("../../assets/lenet-conv1.safetensors")),
    ("ConvNetJS, digits", include_bytes!("../../assets/convnetjs-conv1.safetensors")),
];

/// Kernels of an array.
const MOST: u32 = 512;

/// The embedded ones.
pub(super) fn banks() -> Vec<Bank> {
    let bank = |(name, bytes): (&str, &[u8])| {
        let contents = parse(bytes).ok()?;
        let length = u64::from_le_bytes(*bytes.first_chunk()?) as usize;
        let made = contents.metadata.get("made").cloned().unwrap_or_default();
        let header =
            Header::parse(&bytes[8..8 + length], (bytes.len() - 8 - length) as u64).ok()?;
        let entry = header.entry("conv1.weight")?;
        let array = kernels_of(entry)?;
        let bank = read(&array, bytes[8 + length..].get(entry.range.clone())?).ok()?;
        Some(Bank { name: name.into(), made, ..bank })
    };
    EMBEDDED.into_iter().filter_map(bank).collect()
}

/// The arrays of a file that are kernels for pictures.
pub(super) fn arrays(json: &[u8], follow: f64) -> Result<Vec<Array>, String> {
    if !(0.0..=1e15).contains(&follow) {
        return Err(format!("a file of {follow} bytes behind its header"));
    }
    let header = Header::parse(json, follow as u64).map_err(|e| e.to_string())?;
    let arrays: Vec<Array> = header.entries.iter().filter_map(kernels_of).collect();
    match arrays.len() {
        0 => Err(format!(
            "none of its {} arrays is a layer of kernels over a picture: expected [kernels, 1 or 3, k, k] with k up to {LARGEST}",
            header.entries.len()
        )),
        _ => Ok(arrays),
    }
}

/// An array, if it is a layer of kernels over grey or colour.
fn kernels_of(entry: &Entry) -> Option<Array> {
    let [count, slices, rows, columns] = entry.shape[..] else { return None };
    let is_square = rows == columns && (1..=LARGEST as usize).contains(&rows);
    let kind = ["F32", "F64", "F16", "BF16"]
        .into_iter()
        .find(|kind| entry.dtype.to_string().eq_ignore_ascii_case(kind));
    if !is_square || !(1..=MOST as usize).contains(&count) || (slices != 1 && slices != 3) {
        return None;
    }
    Some(Array {
        name: entry.name.clone(),
        shape: [count, slices, rows, columns].map(|n| n as u32).to_vec(),
        kind: kind?.into(),
        begin: entry.range.start as f64,
        bytes: entry.range.len() as u32,
    })
}

/// The kernels that an array's bytes are.
pub(super) fn read(array: &Array, bytes: &[u8]) -> Result<Bank, String> {
    let bad = |what: &str| format!("array `{}`: {what}", array.name);
    let [count, slices, rows, columns] = array.shape[..] else {
        return Err(bad("expected four axes"));
    };
    let is_sound = (1..=MOST).contains(&count)
        && (slices == 1 || slices == 3)
        && rows == columns
        && (1..=LARGEST).contains(&rows);
    if !is_sound {
        return Err(bad("expected [kernels, 1 or 3, k, k]"));
    }
    let values = match array.kind.as_str() {
        "F32" => each(bytes, |b| f64::from(f32::from_le_bytes(b))),
        "F64" => each(bytes, f64::from_le_bytes),
        "F16" => each(bytes, |b| f64::from(f16::from_le_bytes(b).to_f32())),
        "BF16" => each(bytes, |b| f64::from(bf16::from_le_bytes(b).to_f32())),
        other => {
            return Err(bad(&format!("numbers of type {other}, expected F32, F64, F16 or BF16")));
        }
    };
    let expected = (count * slices * rows * columns) as usize;
    match values {
        Some(values) if values.len() == expected => {
            Ok(Bank { name: array.name.clone(), made: String::new(), size: rows, slices, values })
        }
        _ => Err(bad(&format!(
            "{} bytes are not {expected} numbers of type {}",
            bytes.len(),
            array.kind
        ))),
    }
}

/// Numbers of N bytes; none if some are left over.
fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Option<Vec<f64>> {
    let (numbers, left) = bytes.as_chunks::<N>();
    left.is_empty().then(|| numbers.iter().map(|bytes| number(*bytes)).collect())
}
