//! IDX and CIFAR: round trips, and a message for everything that can be wrong.

use std::io::Write;

use expect_test::expect;
use flate2::{Compression, write::GzEncoder};
use gradus_data::{
    Cifar100Labels, Dataset, Idx, encode_idx, parse_cifar10, parse_cifar100, parse_idx, read_cifar,
    read_idx_images,
};
use proptest::prelude::*;

use crate::{check_error, check_message};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn arrays() -> impl Strategy<Value = Idx> {
    prop::collection::vec(0usize..5, 0..5).prop_flat_map(|shape| {
        let len = shape.iter().product::<usize>();
        prop::collection::vec(any::<u8>(), len)
            .prop_map(move |data| Idx { shape: shape.clone(), data })
    })
}

proptest! {
    #[test]
    fn round_trip(idx in arrays()) {
        let bytes = encode_idx(&idx);
        prop_assert_eq!(&parse_idx(&bytes, "a.idx").unwrap(), &idx);
        prop_assert_eq!(&parse_idx(&gzip(&bytes), "a.idx.gz").unwrap(), &idx);
    }

    #[test]
    fn every_truncation_is_an_error(idx in arrays(), cut in 1usize..8) {
        let bytes = encode_idx(&idx);
        prop_assert!(parse_idx(&bytes[..bytes.len() - cut.min(bytes.len())], "a.idx").is_err());
        let packed = gzip(&bytes);
        prop_assert!(parse_idx(&packed[..packed.len() - cut], "a.idx.gz").is_err());
    }

    #[test]
    fn any_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), packed: bool) {
        let bytes = if packed { gzip(&bytes) } else { bytes };
        let _ = parse_idx(&bytes, "a.idx");
        let _ = parse_cifar10(&bytes, "a.bin");
    }

    #[test]
    fn hostile_headers_do_not_allocate(sizes in prop::collection::vec(any::<u32>(), 1..5)) {
        let mut bytes = vec![0, 0, 8, sizes.len() as u8];
        for size in &sizes {
            bytes.extend(size.to_be_bytes());
        }
        if sizes.iter().all(|&size| size > 0) {
            prop_assert!(parse_idx(&bytes, "a.idx").is_err());
            prop_assert!(parse_idx(&gzip(&bytes), "a.idx.gz").is_err());
        }
    }
}

#[test]
fn messages() {
    let whole = encode_idx(&Idx { shape: vec![2, 3], data: (0..6).collect() });
    let with = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        parse_idx(&bytes, "a.idx")
    };
    check_message(
        parse_idx(b"", "a.idx"),
        expect![
            "a.idx, byte 0: found the end of the file, 0 of 4 bytes there, expected a 4-byte IDX header"
        ],
    );
    check_message(
        with(0, b'P'),
        expect!["a.idx, byte 0: found 50 00, expected 00 00, the start of an IDX file"],
    );
    check_message(
        with(2, 0x0D),
        expect!["a.idx, byte 2: found element type 0x0d, expected 0x08 (unsigned byte)"],
    );
    check_message(
        with(4, 255),
        expect![
            "a.idx, byte 4: found sizes [4278190082, 3], expected sizes whose product is at most 18, what this file can hold"
        ],
    );
    check_message(
        parse_idx(&whole[..9], "a.idx"),
        expect![
            "a.idx, byte 9: found the end of the file, 5 of 8 bytes there, expected the sizes of the axes"
        ],
    );
    check_message(
        parse_idx(&whole[..16], "a.idx"),
        expect![
            "a.idx, byte 16: found the end of the file, 4 of 6 bytes there, expected 6 elements of shape [2, 3]"
        ],
    );
    let longer = [&whole[..], &[1]].concat();
    check_message(
        parse_idx(&longer, "a.idx"),
        expect!["a.idx, byte 18: found more data, expected the end of the file"],
    );
    let mut packed = gzip(&whole);
    let sum = packed.len() - 8;
    packed[sum] ^= 1;
    check_message(
        parse_idx(&packed, "a.idx.gz"),
        expect![
            "a.idx.gz, byte 18: found corrupt gzip data (corrupt gzip stream does not have a matching checksum), expected the end of the file"
        ],
    );
    check_message(
        parse_idx(&packed[..14], "a.idx.gz"),
        expect![
            "a.idx.gz, byte 3: found corrupt gzip data (incomplete deflate stream), expected a 4-byte IDX header"
        ],
    );
}

#[test]
fn pairs_of_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let write = |name: &str, shape: &[usize], data: Vec<u8>| {
        let bytes = encode_idx(&Idx { shape: shape.to_vec(), data });
        std::fs::write(path(name), bytes).unwrap();
    };
    write("images", &[2, 2, 3], (0..12).collect());
    write("flat", &[12], (0..12).collect());
    write("labels", &[2], vec![1, 0]);
    write("three", &[3], vec![1, 0, 1]);
    write("wrong", &[2], vec![1, 7]);
    let classes = ["no".to_string(), "yes".to_string()];
    let read = |images: &str, labels: &str| read_idx_images(&path(images), &path(labels), &classes);

    let set = read("images", "labels").unwrap();
    assert_eq!((set.len(), set.shape(), set.labels()), (2, &[1, 2, 3][..], &[1, 0][..]));
    assert_eq!(set.image(1), [6, 7, 8, 9, 10, 11]);

    check_error(
        read("flat", "labels"),
        dir.path(),
        expect!["DIR/flat, byte 3: found sizes [12], expected images [n, h, w] or [n, c, h, w]"],
    );
    check_error(
        read("images", "three"),
        dir.path(),
        expect![
            "DIR/three: found labels of shape [3], expected [2], one for each image of DIR/images"
        ],
    );
    check_error(
        read("images", "wrong"),
        dir.path(),
        expect!["DIR/wrong: sample 1 has label 7, expected 0..2 (2 classes)"],
    );
    check_error(
        read("images", "absent"),
        dir.path(),
        expect!["DIR/absent: cannot open the file: No such file or directory (os error 2)"],
    );
    check_error(
        read("images", "."),
        dir.path(),
        expect!["DIR/.: found a folder, expected a regular file"],
    );
}

#[test]
fn cifar() {
    let record = |labels: &[u8], value: u8| [labels, &[value; 3072]].concat();
    let bytes = [record(&[3], 10), record(&[9], 20)].concat();
    let set = parse_cifar10(&bytes, "data_batch_1.bin").unwrap();
    assert_eq!((set.labels(), set.classes()[3].as_str()), (&[3, 9][..], "cat"));
    assert!(set.image(1).iter().all(|&x| x == 20));

    let hundred = record(&[19, 99], 30);
    let fine = parse_cifar100(&hundred, "train.bin", Cifar100Labels::Fine).unwrap();
    let coarse = parse_cifar100(&hundred, "train.bin", Cifar100Labels::Coarse).unwrap();
    assert_eq!((fine.labels(), coarse.labels()), (&[99][..], &[19][..]));

    check_message(
        parse_cifar10(&bytes[..4000], "data_batch_1.bin"),
        expect![
            "data_batch_1.bin, byte 3073: found 927 of 3073 bytes of record 1, expected a positive number of whole records of 3073 bytes"
        ],
    );
    check_message(
        parse_cifar10(b"", "data_batch_1.bin"),
        expect![
            "data_batch_1.bin, byte 0: found 0 of 3073 bytes of record 0, expected a positive number of whole records of 3073 bytes"
        ],
    );
    check_message(
        parse_cifar10(&record(&[10], 0), "data_batch_1.bin"),
        expect!["data_batch_1.bin: sample 0 has label 10, expected 0..10 (10 classes)"],
    );
    check_message(read_cifar(&[]), expect!["CIFAR-10 files: found none, expected at least one"]);
}

/// Some hundred thousand zeros pack to a few hundred bytes; what their header asks for is another matter.
#[test]
fn a_small_packed_file_does_not_fill_the_memory() {
    let mut bytes = encode_idx(&Idx { shape: vec![1, 300, 300], data: vec![0; 90_000] });
    assert!(parse_idx(&gzip(&bytes), "a.idx.gz").is_ok(), "what packs well is read");
    bytes[4..8].copy_from_slice(&3_000u32.to_be_bytes()); // of 300 × 300: 270 MB
    let error = parse_idx(&gzip(&bytes), "a.idx.gz").unwrap_err().to_string();
    assert!(error.starts_with("a.idx.gz, byte 4: found sizes [3000, 300, 300]"), "{error}");
}
