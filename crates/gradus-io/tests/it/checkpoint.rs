//! Checkpoints: state and arrays come back with their bits; wrong files say what is wrong.

use crate::arrays::{any_arrays, torment, two_arrays};
use gradus_io::checkpoint::{Checkpoint, Expected};
use gradus_io::safetensors::{self, Metadata};
use gradus_io::{DType, Kind, NamedArray, SmallDisk};
use proptest::prelude::*;
use std::fs;

fn saved(checkpoint: &Checkpoint) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.safetensors");
    checkpoint.save(&path).unwrap();
    fs::read(path).unwrap()
}

fn example() -> Checkpoint {
    let mut checkpoint = Checkpoint::new(two_arrays());
    checkpoint.set("step", &1234u64).unwrap();
    checkpoint.set("random", &(7u64, u64::MAX)).unwrap();
    checkpoint
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_saved_is_loaded(
        arrays in any_arrays(),
        text in ".*",
        rate in any::<f64>(),
        seed in any::<u64>(),
    ) {
        prop_assume!(rate.is_finite());
        let mut checkpoint = Checkpoint::new(arrays.clone());
        checkpoint.set("text", &text).unwrap();
        checkpoint.set("rate", &rate).unwrap();
        checkpoint.set("seed", &seed).unwrap();
        let loaded = Checkpoint::parse(&saved(&checkpoint)).unwrap();
        prop_assert_eq!(loaded.get::<String>("text").unwrap(), text);
        prop_assert_eq!(loaded.get::<f64>("rate").unwrap().to_bits(), rate.to_bits());
        prop_assert_eq!(loaded.get::<u64>("seed").unwrap(), seed);
        prop_assert_eq!(loaded.keys().collect::<Vec<_>>(), ["rate", "seed", "text"]);
        for array in &arrays {
            prop_assert_eq!(loaded.array(&array.name), Some(array));
        }
        prop_assert_eq!(loaded.arrays.len(), arrays.len());
    }
}

/// A reader finds every flipped bit, except in the spaces that pad the header.
#[test]
fn corruption_is_found() {
    let bytes = saved(&example());
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("\"format\":\"gradus/1\""));
    assert_eq!(torment(&bytes, Checkpoint::parse), 0);
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let error = Checkpoint::parse(&flipped).unwrap_err().to_string();
    assert!(error.starts_with("the checkpoint is corrupt: its checksum is "), "{error}");
}

/// Whoever reads checkpoints passes over a damaged one to the one before; a newer one is no damage.
#[test]
fn a_flipped_bit_of_the_version_is_damage() {
    let bytes = saved(&example());
    let text = b"\"gradus/1\"";
    let at = bytes.windows(text.len()).position(|window| window == text).unwrap();
    for bit in 0..8 * text.len() {
        let mut flipped = bytes.clone();
        flipped[at + bit / 8] ^= 1 << (bit % 8);
        let error = Checkpoint::parse(&flipped).unwrap_err();
        assert_eq!(error.kind, Kind::Format, "bit {bit}: {error}");
    }
    let mut newer = bytes;
    newer[at + text.len() - 2] = b'3';
    let error = Checkpoint::parse(&newer).unwrap_err().to_string();
    let told =
        "the checkpoint is corrupt: its version is \"gradus/3\", its checksum that of \"gradus/1\"";
    assert_eq!(error, told);
}

#[test]
fn versions_are_told_apart() {
    let parse = |format: Option<&str>| {
        let metadata: Metadata =
            format.map(|format| ("format".to_owned(), format.to_owned())).into_iter().collect();
        let mut bytes = Vec::new();
        safetensors::write(&mut bytes, &metadata, &[]).unwrap();
        let error = Checkpoint::parse(&bytes).unwrap_err();
        (error.kind, error.to_string())
    };
    let newer = "a checkpoint of format gradus/7, this program reads up to gradus/1; a newer \
                 Gradus wrote it";
    assert_eq!(parse(Some("gradus/7")), (Kind::Version, newer.to_owned()));
    let unknown = "unknown checkpoint format \"pt\", expected gradus/1";
    assert_eq!(parse(Some("pt")), (Kind::Format, unknown.to_owned()));
    let zero = "unknown checkpoint format \"gradus/0\", expected gradus/1";
    assert_eq!(parse(Some("gradus/0")), (Kind::Format, zero.to_owned()));
    let none =
        "a safetensors file, but not a Gradus checkpoint: the text entry `format` is missing";
    assert_eq!(parse(None), (Kind::Format, none.to_owned()));
}

#[test]
fn another_architecture_is_described() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("best.safetensors");
    let array = |name: &str, shape: &[usize]| {
        NamedArray::from_f32(name, shape, &vec![0.0; shape.iter().product()]).unwrap()
    };
    let mut arrays = vec![array("fc1.weight", &[2, 3]), array("fc1.bias", &[3])];
    arrays.extend((0..10).map(|i| array(&format!("conv{i}.weight"), &[1])));
    Checkpoint::new(arrays).save(&path).unwrap();
    let expected = [("fc1.weight", vec![2, 4]), ("fc1.bias", vec![3]), ("fc2.bias", vec![1])];
    let expected =
        expected.map(|(name, shape)| Expected { name: name.to_owned(), dtype: DType::F32, shape });
    let checkpoint = Checkpoint::load(&path).unwrap();
    let error = checkpoint.expect(&expected).unwrap_err();
    assert_eq!(error.kind, Kind::Mismatch);
    let text = error.to_string();
    let text = text.strip_prefix(&format!("{}: ", path.display())).unwrap();
    assert_eq!(
        text,
        "a checkpoint of another architecture
  missing in the file (1):
    fc2.bias f32 [1]
  unexpected (10):
    conv0.weight f32 [1]
    conv1.weight f32 [1]
    conv2.weight f32 [1]
    conv3.weight f32 [1]
    conv4.weight f32 [1]
    conv5.weight f32 [1]
    conv6.weight f32 [1]
    conv7.weight f32 [1]
    and 2 more
  different (1):
    fc1.weight: the file has f32 [2, 3], the network f32 [2, 4]"
    );
    let found = checkpoint.arrays.iter().map(|array| Expected {
        name: array.name.clone(),
        dtype: array.dtype,
        shape: array.shape.clone(),
    });
    checkpoint.expect(&found.collect::<Vec<_>>()).unwrap();
}

#[test]
fn a_full_disk_keeps_the_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    example().save(&path).unwrap();
    let old = fs::read(&path).unwrap();
    let mut newer = example();
    newer.set("step", &5678u64).unwrap();
    for capacity in 0..old.len() as u64 {
        assert!(newer.save_on(&SmallDisk::new(capacity), &path).is_err());
        assert_eq!(fs::read(&path).unwrap(), old);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    newer.save_on(&SmallDisk::new(old.len() as u64), &path).unwrap();
    assert_eq!(Checkpoint::load(&path).unwrap().get::<u64>("step").unwrap(), 5678);
}

#[test]
fn missing_and_mistyped_state_is_named() {
    let checkpoint = example();
    let error = checkpoint.get::<u64>("epoch").unwrap_err().to_string();
    assert_eq!(error, "the checkpoint has no state `epoch`");
    let error = checkpoint.get::<String>("step").unwrap_err().to_string();
    assert!(error.starts_with("state `step` is not what was expected: invalid type"), "{error}");
    let error = Checkpoint::default().set("format", &1).unwrap_err().to_string();
    assert_eq!(error, "the checkpoint keeps the key `format` to itself");
}
