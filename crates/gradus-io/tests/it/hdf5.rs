//! HDF5: files that h5py wrote in each of its encodings, and broken ones.

use crate::arrays::torment;
use gradus_io::numpy::{Limits, read_npz};
use gradus_io::{NamedArray, hdf5};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const FILES: [&str; 6] = ["earliest", "latest", "ordered", "many", "many_old", "compact"];

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hdf5").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(data(&format!("{name}.h5"))).unwrap()
}

fn by_name(arrays: Vec<NamedArray>) -> BTreeMap<String, NamedArray> {
    arrays.into_iter().map(|array| (array.name.clone(), array)).collect()
}

#[test]
fn files_that_h5py_wrote_are_read() {
    let all = read_npz(&data("expected.npz"), Limits::default()).unwrap();
    for file in FILES {
        let prefix = format!("{file}/");
        let expected = all.iter().filter_map(|array| {
            let name = array.name.strip_prefix(&prefix)?.to_owned();
            Some(NamedArray { name, ..array.clone() })
        });
        let found = hdf5::read(&data(&format!("{file}.h5"))).unwrap_or_else(|e| panic!("{e}"));
        let (found, expected) = (by_name(found), by_name(expected.collect()));
        assert!(!expected.is_empty());
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{file}");
        for (name, array) in expected {
            assert_eq!(found[&name], array, "{file}: {name}");
        }
    }
}

#[test]
fn no_broken_file_panics() {
    torment(&bytes("compact"), hdf5::parse);
    for name in FILES {
        let file = bytes(name);
        for len in (0..file.len()).step_by(61) {
            let _ = hdf5::parse(&file[..len]);
        }
    }
    let error = hdf5::parse(b"hello").unwrap_err().to_string();
    assert_eq!(error, "not an HDF5 file: the first eight bytes differ");
}

#[test]
fn a_flipped_bit_in_checked_data_is_found() {
    let mut file = bytes("earliest");
    let value = 40f32.to_le_bytes(); // row 3, column 7: its second copy is the checked one
    let copies: Vec<usize> = (0..file.len() - 4).filter(|&i| file[i..i + 4] == value).collect();
    let found = copies.iter().any(|&at| {
        file[at] ^= 1;
        let broken = hdf5::parse(&file).map_err(|e| e.to_string());
        file[at] ^= 1;
        broken == Err("data set `packed/checked`: a chunk is corrupt: its checksum differs".into())
    });
    assert!(found, "{} copies", copies.len());
}

#[test]
fn a_shape_far_beyond_the_file_is_refused() {
    // The first axis of every shape that starts with 7 × 11, little endian.
    let mut file = bytes("earliest");
    let shape = [7u64.to_le_bytes(), 11u64.to_le_bytes()].concat();
    let places: Vec<usize> =
        (0..file.len() - 16).filter(|&i| file[i..i + 16] == shape[..]).collect();
    assert!(places.len() >= 5);
    for huge in [1u64 << 40, u64::MAX, 100_000_000] {
        for &at in &places {
            let kept = file.clone();
            file[at..at + 8].copy_from_slice(&huge.to_le_bytes());
            let _ = hdf5::parse(&file); // returns, without the memory that the shape asks for
            file = kept;
        }
    }
    for &at in &places {
        file[at..at + 8].copy_from_slice(&(1u64 << 40).to_le_bytes());
    }
    let error = hdf5::parse(&file).unwrap_err().to_string();
    assert!(error.contains("are left of the limit for a file of this length"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn changed_bytes_are_read_or_refused(
        file in 0..FILES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut file = bytes(FILES[file]);
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        let _ = hdf5::parse(&file);
    }
}
