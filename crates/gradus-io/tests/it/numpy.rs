//! npy and npz: round trips, files that NumPy wrote, and limits.

use crate::arrays::{any_arrays, torment, two_arrays};
use gradus_io::numpy::{
    Limits, parse_npy, parse_npz, read_npy, read_npz, save_npy, save_npz, write_npy, write_npz,
};
use gradus_io::{DType, NamedArray};
use proptest::prelude::*;

fn bytes_of(array: &NamedArray) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_npy(&mut bytes, array).unwrap();
    bytes
}

fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let len = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\0", &len[..], header.as_bytes(), data].concat()
}

proptest! {
    #[test]
    fn what_is_written_is_read(arrays in any_arrays()) {
        let arrays: Vec<_> =
            arrays.into_iter().filter(|array| array.dtype != DType::BF16).collect();
        for array in &arrays {
            let bytes = bytes_of(array);
            prop_assert_eq!((bytes.len() - array.data.len()) % 64, 0);
            prop_assert_eq!(&parse_npy(&array.name, &bytes).unwrap(), array);
        }
        let npz = write_npz(&arrays).unwrap();
        prop_assert_eq!(parse_npz(&npz, Limits::default()).unwrap(), arrays);
    }

    #[test]
    fn any_header_is_parsed_or_refused(text in "\\{?[ a-z0-9'\":,()<TrueFals]{0,60}\\}?") {
        let _ = parse_npy("x", &npy(&text, b""));
    }
}

#[test]
fn the_header_is_numpys() {
    let array = NamedArray::from_f32("x", [2, 1], &[1.0, 2.0]).unwrap();
    let bytes = bytes_of(&array);
    assert_eq!(bytes.len(), 128 + 8);
    let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }";
    assert_eq!(bytes[..10], *b"\x93NUMPY\x01\0\x76\0");
    assert!(bytes[10..].starts_with(text.as_bytes()) && bytes[127] == b'\n');
    let scalar = bytes_of(&NamedArray::from_f32("x", [], &[1.0]).unwrap());
    assert!(String::from_utf8_lossy(&scalar).contains("'shape': (), }"));
    let one_axis = bytes_of(&NamedArray::from_f32("x", [1], &[1.0]).unwrap());
    assert!(String::from_utf8_lossy(&one_axis).contains("'shape': (1,), }"));
}

#[test]
fn big_endian_and_column_major_arrays_are_turned() {
    let header = "{\"shape\": (2L, 3), 'fortran_order': True, 'descr': '>i4'}".replace('L', "");
    let data: Vec<u8> = [1i32, 4, 2, 5, 3, 6].iter().flat_map(|x| x.to_be_bytes()).collect();
    let array = parse_npy("x", &npy(&header, &data)).unwrap();
    let expected: Vec<u8> = (1i32..=6).flat_map(i32::to_le_bytes).collect();
    assert_eq!((array.shape, array.data), (vec![2, 3], expected));
}

#[test]
fn each_fault_has_its_message() {
    let fault = |bytes: &[u8]| parse_npy("x", bytes).unwrap_err().to_string();
    let with = |header: &str| fault(&npy(header, b"1234"));
    let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
    let cases = [
        (fault(b"hello"), "not an npy file: the first six bytes differ"),
        (fault(b"\x93NUMPY\x01\0\x10\0{"), "truncated in the npy header"),
        (fault(b"\x93NUMPY\x09\0\x10\0{"), "npy version 9.0, expected 1, 2 or 3"),
        (
            fault(b"\x93NUMPY\x02\0\xff\xff\xff\xff{"),
            "an npy header of 4294967295 bytes, at most 65536 are read",
        ),
        (with(good), "f32 [3] takes 12 bytes, 4 follow the header"),
        (
            with(&good.replace("<f4", "<c8")),
            "element type \"<c8\", expected one of f4, f8, f2, i4, i8, u1, b1",
        ),
        (
            with(&good.replace("(3,)", "(99999999999,99999999999)")),
            "the shape [99999999999, 99999999999] is too large",
        ),
        (
            with(&good.replace("(3,)", "(-3,)")),
            "in the npy header: found \"-3,), }\", expected a size",
        ),
        (with(&good.replace("descr", "dtype")), "unknown key \"dtype\" in the npy header"),
        (with("{'descr': '<f4', 'shape': ()}"), "the npy header has no \"fortran_order\""),
        (with("{'shape': (), 'shape': ()}"), "the key \"shape\" comes twice in the npy header"),
        (
            with("{'descr': [('a', '<f4')]}"),
            "in the npy header: found \"[('a', '<f4'\", expected a quoted text",
        ),
        (with(&format!("{good} x")), "text follows the dictionary of the npy header"),
    ];
    for (found, expected) in cases {
        assert_eq!(found, format!("array `x`: {expected}"));
    }
    let bf16 = NamedArray::new("w", DType::BF16, [1], vec![0, 0]).unwrap();
    let error = write_npy(&mut Vec::new(), &bf16).unwrap_err().to_string();
    assert_eq!(error, "array `w`: NumPy has no bf16; convert it to f32 first");
}

#[test]
fn no_broken_input_panics_and_corruption_is_found() {
    torment(&bytes_of(&two_arrays()[1]), |bytes| parse_npy("x", bytes));
    torment(&write_npz(&two_arrays()).unwrap(), |bytes| parse_npz(bytes, Limits::default()));
    let mut npz = write_npz(&two_arrays()).unwrap();
    let crc_at = 14; // of the first local header: ignored; of the directory: believed
    npz[crc_at] ^= 1;
    assert!(parse_npz(&npz, Limits::default()).is_ok());
    let directory = npz.windows(4).position(|word| word == b"PK\x01\x02").unwrap();
    npz[directory + 16] ^= 1;
    let error = parse_npz(&npz, Limits::default()).unwrap_err().to_string();
    assert_eq!(error, "the member `labels.npy` is corrupt: its CRC-32 differs");
}

#[test]
fn limits_hold() {
    let zeros = NamedArray::new("zeros", DType::U8, [1 << 20], vec![0; 1 << 20]).unwrap();
    let npz = write_npz(std::slice::from_ref(&zeros)).unwrap();
    assert!(npz.len() < 4096, "a megabyte of zeros packs well");
    let fault = |limits| parse_npz(&npz, limits).unwrap_err().to_string();
    let limits = Limits { members: 1, unpacked_bytes: Some(1 << 20), ..Limits::default() };
    let expected = "the member `zeros.npy` unpacks to 1048704 bytes, 1048576 are left of the limit";
    assert_eq!(fault(limits), expected);
    let limits = Limits { members: 0, ..Limits::default() };
    assert_eq!(fault(limits), "the archive has 1 members, at most 0 are accepted");

    // A directory that announces less than there is does not unpack more than it announced.
    let mut lying = npz.clone();
    let directory = lying.windows(4).position(|word| word == b"PK\x01\x02").unwrap();
    lying[directory + 24..][..4].copy_from_slice(&100u32.to_le_bytes());
    let error = parse_npz(&lying, Limits::default()).unwrap_err().to_string();
    assert_eq!(error, "the member `zeros.npy` does not unpack to 100 bytes");

    let error = write_npz(&[zeros.clone(), zeros]).unwrap_err().to_string();
    assert_eq!(error, "two members are called `zeros.npy`");
    let error = parse_npz(b"PK", Limits::default()).unwrap_err().to_string();
    assert_eq!(error, "not a zip archive, or a truncated one: its end record is missing");
}

#[test]
fn files_are_saved_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.npy");
    save_npy(&path, &two_arrays()[0]).unwrap();
    assert_eq!(read_npy(&path).unwrap(), two_arrays()[0]);
    let path = folder.path().join("all.npz");
    save_npz(&path, &two_arrays()).unwrap();
    assert_eq!(read_npz(&path, Limits::default()).unwrap(), two_arrays());
    let error = read_npy(&path).unwrap_err().to_string();
    assert!(error.ends_with("all.npz: array `all`: not an npy file: the first six bytes differ"));
}

/// `arange` of its size, in its type and shape, as `numpy_exchange.py` expects.
fn arange(name: &str, dtype: DType, shape: &[usize]) -> NamedArray {
    let len: usize = shape.iter().product();
    let element = |i: usize| match dtype {
        DType::F32 => (i as f32).to_le_bytes().to_vec(),
        DType::F64 => (i as f64).to_le_bytes().to_vec(),
        DType::F16 => [0u16, 0x3c00, 0x4000, 0x4200][i].to_le_bytes().to_vec(),
        DType::I32 => (i as i32).to_le_bytes().to_vec(),
        DType::I64 => (i as i64).to_le_bytes().to_vec(),
        DType::U8 => vec![i as u8],
        DType::Bool => vec![i as u8 % 2],
        DType::BF16 => panic!("NumPy has no bf16"),
    };
    NamedArray::new(name, dtype, shape, (0..len).flat_map(element).collect()).unwrap()
}

/// Each array with the names that `numpy_exchange.py` gives its Fortran and big-endian forms.
fn with_variants(arrays: &[NamedArray]) -> Vec<NamedArray> {
    let rename = |array: &NamedArray, end: &str| NamedArray {
        name: format!("{}{end}", array.name),
        ..array.clone()
    };
    let ends = ["", "_fortran", "_big"];
    arrays.iter().flat_map(|array| ends.map(|end| rename(array, end))).collect()
}

#[test]
fn files_that_numpy_wrote_are_read() {
    let expected =
        with_variants(&[arange("weight", DType::F32, &[2, 3]), arange("half", DType::F16, &[4])]);
    for file in [&include_bytes!("../data/stored.npz")[..], include_bytes!("../data/deflated.npz")]
    {
        assert_eq!(parse_npz(file, Limits::default()).unwrap(), expected);
        torment(file, |bytes| parse_npz(bytes, Limits::default()));
    }
}

/// Runs where `GRADUS_PYTHON` names a Python with NumPy.
#[test]
fn numpy_and_gradus_exchange_files() {
    let Some(python) = std::env::var_os("GRADUS_PYTHON") else {
        eprintln!("SKIPPED: set GRADUS_PYTHON to a Python with numpy to run this test");
        return;
    };
    let types = DType::ALL.into_iter().filter(|&dtype| dtype != DType::BF16);
    let shapes: [&[usize]; 5] = [&[], &[4], &[2, 2], &[1, 2, 2], &[3, 0]];
    let arrays: Vec<NamedArray> = types
        .flat_map(|dtype| shapes.map(|shape| (dtype, shape)))
        .map(|(dtype, shape)| arange(&format!("{dtype}_{}", shape.len()), dtype, shape))
        .enumerate()
        .map(|(i, array)| NamedArray { name: format!("{i}_{}", array.name), ..array })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (folder.path().join("ours.npz"), folder.path().join("theirs.npz"));
    save_npz(&ours, &arrays).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/numpy_exchange.py");
    let status = std::process::Command::new(python)
        .args([script.as_ref(), ours.as_os_str(), theirs.as_os_str()])
        .status();
    assert!(status.unwrap().success());
    assert_eq!(read_npz(&theirs, Limits::default()).unwrap(), with_variants(&arrays));
}

/// A name has no checksum; but each is there twice.
#[test]
fn a_damaged_name_is_found() {
    let array = NamedArray::from_f32("fc1.weight", [1], &[1.0]).unwrap();
    let npz = write_npz(&[array]).unwrap();
    let places: Vec<usize> =
        (0..npz.len()).filter(|&at| npz[at..].starts_with(b"fc1.weight")).collect();
    assert_eq!(places.len(), 2);
    for at in places {
        let mut damaged = npz.clone();
        damaged[at] ^= 1;
        let error = parse_npz(&damaged, Limits::default()).unwrap_err().to_string();
        assert!(error.contains("has another name in its local header"), "{error}");
    }
}
