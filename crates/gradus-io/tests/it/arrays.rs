//! Arrays for the other tests: strategies for proptest, and a parser's worst day.

use gradus_io::{DType, NamedArray, byte_len};
use proptest::prelude::*;

/// Lists of arrays of any type and of up to three small axes, empty ones among them.
pub(crate) fn any_arrays() -> impl Strategy<Value = Vec<NamedArray>> {
    let array = (any::<u8>(), prop::collection::vec(0usize..4, 0..4), any::<u64>());
    prop::collection::vec(array, 0..6).prop_map(|specs| {
        let arrays = specs.into_iter().enumerate();
        arrays.map(|(i, (kind, shape, seed))| array_of(i, kind, shape, seed)).collect()
    })
}

fn array_of(i: usize, kind: u8, shape: Vec<usize>, seed: u64) -> NamedArray {
    let dtype = DType::ALL[usize::from(kind) % DType::ALL.len()];
    let len = byte_len(dtype, &shape).unwrap();
    let mut state = seed | 1;
    let data = (0..len).map(|_| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let byte = (state >> 56) as u8;
        if dtype == DType::Bool { byte & 1 } else { byte }
    });
    NamedArray::new(format!("schicht \"{i}\"/Ω"), dtype, shape, data.collect()).unwrap()
}

/// Two arrays of different types, for tests that look at one file closely.
pub(crate) fn two_arrays() -> Vec<NamedArray> {
    vec![
        NamedArray::new("labels", DType::U8, [3], vec![7, 8, 9]).unwrap(),
        NamedArray::from_f32("fc1.weight", [2, 2], &[1.0, -2.0, 0.5, f32::MIN_POSITIVE]).unwrap(),
    ]
}

/// Calls `parse` with every prefix of `bytes` and with every byte changed in three ways. It must
/// return each time; the number of inputs it accepted is returned.
pub(crate) fn torment<T>(bytes: &[u8], parse: impl Fn(&[u8]) -> gradus_io::Result<T>) -> usize {
    let mut accepted = 0;
    for len in 0..bytes.len() {
        accepted += usize::from(parse(&bytes[..len]).is_ok());
    }
    for at in 0..bytes.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut changed = bytes.to_vec();
            changed[at] ^= change;
            accepted += usize::from(parse(&changed).is_ok());
        }
    }
    accepted
}
