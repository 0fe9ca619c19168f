//! safetensors: round trips, and one clear error for each way a file can be wrong.

use crate::arrays::{any_arrays, torment, two_arrays};
use gradus_io::safetensors::{self, Metadata, Reader};
use gradus_io::{DType, Kind, NamedArray};
use proptest::prelude::*;

fn bytes_of(metadata: &Metadata, arrays: &[NamedArray]) -> Vec<u8> {
    let mut bytes = Vec::new();
    safetensors::write(&mut bytes, metadata, arrays).unwrap();
    bytes
}

fn file(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

fn sorted(mut arrays: Vec<NamedArray>) -> Vec<NamedArray> {
    arrays.sort_by(|a, b| a.name.cmp(&b.name));
    arrays
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        arrays in any_arrays(),
        metadata in prop::collection::btree_map(".*", ".*", 0..4),
    ) {
        let bytes = bytes_of(&metadata, &arrays);
        let contents = safetensors::parse(&bytes).unwrap();
        prop_assert_eq!(contents.metadata, metadata);
        prop_assert_eq!(sorted(contents.arrays), sorted(arrays));
    }

    #[test]
    fn any_header_is_parsed_or_refused(json in "\\{.{0,60}\\}", len in 0u64..100) {
        let _ = safetensors::Header::parse(json.as_bytes(), len);
    }
}

#[test]
fn the_bytes_are_those_of_the_format() {
    let metadata = Metadata::from([("format".to_owned(), "x/1".to_owned())]);
    let bytes = bytes_of(&metadata, &two_arrays());
    let header = "{\"__metadata__\":{\"format\":\"x/1\"},\
        \"fc1.weight\":{\"data_offsets\":[0,16],\"dtype\":\"F32\",\"shape\":[2,2]},\
        \"labels\":{\"data_offsets\":[16,19],\"dtype\":\"U8\",\"shape\":[3]}}";
    assert_eq!(bytes[8..][..header.len()], *header.as_bytes());
    let data_start = bytes.len() - 19;
    assert_eq!(data_start % 8, 0);
    assert_eq!(bytes[data_start..][..4], 1f32.to_le_bytes());
    assert_eq!(bytes[bytes.len() - 3..], [7, 8, 9]);
}

#[test]
fn text_entries_are_written_in_the_order_of_their_keys() {
    let pairs = [("step", "7"), ("a", "1"), ("format", "x/1"), ("b", "2")];
    let metadata: Metadata = pairs.map(|(key, text)| (key.to_owned(), text.to_owned())).into();
    let header = r#"{"__metadata__":{"a":"1","b":"2","format":"x/1","step":"7"}"#;
    assert!(bytes_of(&metadata, &two_arrays())[8..].starts_with(header.as_bytes()));
}

#[test]
fn a_file_is_saved_and_read_array_by_array() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    safetensors::save(&path, &Metadata::new(), &two_arrays()).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.header().entries[0].name, "fc1.weight");
    assert_eq!(reader.read("labels").unwrap(), two_arrays()[0]);
    assert_eq!(reader.read("fc1.weight").unwrap(), two_arrays()[1]);
    let error = reader.read("fc9.weight").unwrap_err().to_string();
    assert_eq!(error, format!("{}: it has no array `fc9.weight`", path.display()));
    assert_eq!(sorted(safetensors::read(&path).unwrap().arrays), sorted(two_arrays()));
}

#[test]
fn each_fault_has_its_message() {
    let a = r#""a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}"#;
    let cases = [
        (b"abc".to_vec(), "not a safetensors file: it has 3 bytes, at least 8 are needed"),
        (
            u64::MAX.to_le_bytes().to_vec(),
            "not a safetensors file: it announces a header of 18446744073709551615 bytes, at most \
             100000000 are accepted",
        ),
        (
            [&50u64.to_le_bytes()[..], b"{}"].concat(),
            "truncated: it announces a header of 50 bytes, 2 follow",
        ),
        (file("[]", b""), "not a safetensors file: the header does not start with {"),
        (
            file(&format!("{{{a}}}"), b"123"),
            "truncated: array `a` ends at byte 4 of the data, 3 are there",
        ),
        (file(&format!("{{{a}}}"), b"123456"), "2 bytes follow the last array's end"),
        (
            file(
                &format!(r#"{{{a},"b":{{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}}}"#),
                b"123456",
            ),
            "array `b`: its data starts at 2 and overlaps `a`, which ends at 4",
        ),
        (
            file(
                &format!(r#"{{{a},"b":{{"dtype":"U8","shape":[1],"data_offsets":[5,6]}}}}"#),
                b"123456",
            ),
            "array `b`: its data starts at 5, bytes 4..5 belong to no array",
        ),
        (
            file(r#"{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,4]}}"#, b"1234"),
            "array `a`: f32 [2, 3] takes 24 bytes, its data offsets hold 4",
        ),
        (
            file(r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}"#, b"1234"),
            "array `a`: its data ends at 0, before its start at 4",
        ),
        (
            file(r#"{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}"#, b"1234"),
            "array `a`: unknown dtype \"F8_E4M3\", expected one of F32, F64, F16, BF16, I32, I64, \
             U8, BOOL",
        ),
        (
            file(
                r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#,
                b"1234",
            ),
            "array `a`: the shape [4294967296, 4294967296] is too large",
        ),
        (
            file(r#"{"a":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]}}"#, &[0, 1, 2, 0]),
            "array `a`: element 2 of a bool array is the byte 2, expected 0 or 1",
        ),
    ];
    for (bytes, expected) in cases {
        let error = safetensors::parse(&bytes).unwrap_err();
        assert_eq!((error.kind, error.to_string().as_str()), (Kind::Format, expected));
    }
    let in_json = [
        (file(&format!("{{{a},{a}}}"), b"1234"), "the name `a` comes twice"),
        (file(r#"{"__metadata__":{"k":"1","k":"2"}}"#, b""), "the metadata key `k` comes twice"),
        (
            file(r#"{"a":{"dtype":"U8","shape":[4]}}"#, b""),
            "array `a`: missing field `data_offsets`",
        ),
        (
            file(r#"{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}"#, b"1234"),
            "array `a`: invalid value: integer `-4`",
        ),
        (
            file(r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1}}"#, b"1234"),
            "array `a`: unknown field `x`",
        ),
    ];
    for (bytes, expected) in in_json {
        let error = safetensors::parse(&bytes).unwrap_err().to_string();
        assert!(error.starts_with(&format!("bad safetensors header: {expected}")), "{error}");
    }
}

#[test]
fn a_broken_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.safetensors");
    let bytes = bytes_of(&Metadata::new(), &two_arrays());
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let expected =
        "cut.safetensors: truncated: array `labels` ends at byte 19 of the data, 18 are there";
    for error in [safetensors::read(&path).unwrap_err(), Reader::open(&path).unwrap_err()] {
        assert!(error.to_string().ends_with(expected), "{error}");
    }
}

#[test]
fn no_broken_input_panics() {
    torment(&bytes_of(&Metadata::new(), &two_arrays()), safetensors::parse);
}

#[test]
fn what_the_format_cannot_hold_is_refused() {
    let [a, _] = two_arrays().try_into().unwrap();
    let mut wrong = a.clone();
    wrong.shape = vec![2];
    let metadata_name = NamedArray { name: "__metadata__".to_owned(), ..a.clone() };
    let cases = [
        (vec![a.clone(), a], "two arrays are called `labels`"),
        (vec![wrong], "array `labels`: u8 [2] does not fit 3 bytes of data"),
        (vec![metadata_name], "safetensors keeps the name `__metadata__` to itself"),
    ];
    for (arrays, expected) in cases {
        let error = safetensors::write(&mut Vec::new(), &Metadata::new(), &arrays).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn an_empty_array_of_huge_axes_is_read() {
    let header = r#"{"a":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}}"#;
    let contents = safetensors::parse(&file(header, b"")).unwrap();
    assert_eq!((contents.arrays[0].dtype, contents.arrays[0].data.len()), (DType::F32, 0));
}
