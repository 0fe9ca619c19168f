//! PyTorch's and NumPy's pickles: files that they wrote, calls that are refused, broken bytes.

use crate::arrays::torment;
use gradus_io::weights::{self, Format};
use gradus_io::{Kind, NamedArray, pickle, pytorch, safetensors};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pytorch").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(data(name)).unwrap()
}

fn expected(name: &str) -> Vec<NamedArray> {
    sorted(safetensors::read(&data(&format!("{name}.safetensors"))).unwrap().arrays)
}

fn sorted(mut arrays: Vec<NamedArray>) -> Vec<NamedArray> {
    arrays.sort_by(|a, b| a.name.cmp(&b.name));
    arrays
}

#[test]
fn files_that_pytorch_wrote_are_read() {
    for name in [
        "views_zip",
        "views_legacy",
        "types_zip",
        "types_legacy",
        "module_zip",
        "module_legacy",
        "checkpoint_zip",
        "checkpoint_legacy",
        "script",
        "parameter",
    ] {
        let found = pytorch::read(&data(&format!("{name}.pth"))).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(sorted(found), expected(name), "{name}");
    }
}

/// Classes derived from dict and list, in every way that Python pickles them, by protocols 2 and 5, in both formats; weights
/// under a key beside one that only sounds like it.
#[test]
fn containers_of_classes_of_their_own_are_read() {
    for format in ["zip", "legacy"] {
        for protocol in [2, 5] {
            for kind in ["derived", "list"] {
                let name = format!("{kind}_{format}_{protocol}");
                let file = bytes(&format!("{name}.pth"));
                let (found, arrays) =
                    weights::parse(&file).unwrap_or_else(|e| panic!("{name}: {e}"));
                assert_eq!((found, sorted(arrays)), (Format::PyTorch, expected(&name)), "{name}");
            }
        }
    }
}

#[test]
fn a_call_without_arguments_must_become_a_dict() {
    let refused = |pickle: &[u8]| pickle::parse(pickle).unwrap_err();
    // os.system(), called with nothing: in Python it would run.
    let error = refused(b"\x80\x02}X\x01\0\0\0acos\nsystem\n)Rs.");
    assert!(error.to_string().starts_with("the pickle calls os.system:"), "{error}");
    assert_eq!(error.kind, Kind::Refused);
    let factory = refused(b"\x80\x02cos\nsystem\nN\x85R.");
    assert!(factory.to_string().starts_with("the pickle calls os.system:"), "{factory}");
    let two = refused(b"\x80\x02cos\nsystem\nNN\x86R.");
    assert_eq!(two.kind, Kind::Refused, "{two}");
    // With an entry it is a dict: one without arrays.
    let dict = refused(b"\x80\x02cmine\nDict\n)RX\x01\0\0\0aK\x01s.");
    assert!(dict.to_string().starts_with("the pickle holds no arrays"), "{dict}");
}

#[test]
fn buffers_outside_the_file_are_said_to_be_missing() {
    for opcode in [0x97, 0x98] {
        let error = pickle::parse(&[0x80, 5, opcode, b'.']).unwrap_err().to_string();
        assert!(error.contains("keeps its buffers outside the file"), "{error}");
    }
}

/// One list of 1,000 pairs made into a dict 1,000 times would take what no file of 30 kB may ask for.
#[test]
fn dicts_do_not_grow_from_one_list() {
    let mut pickle = b"\x80\x02](".to_vec();
    (0..1000).for_each(|_| pickle.extend(b"K\x01K\x02\x86"));
    pickle.extend(b"eq\x000](");
    (0..1000).for_each(|_| pickle.extend(b"ccollections\nOrderedDict\nh\0\x85R"));
    pickle.extend(b"e.");
    let error = pickle::parse(&pickle).unwrap_err().to_string();
    assert!(error.contains("one list becomes many dicts"), "{error}");
}

/// Wherever a bit of a model of ours is flipped, it is an error: it never becomes another program's file.
#[test]
fn a_damaged_model_is_never_another_programs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let square = NamedArray::from_f32("dense1.weight", [3, 3], &[0.5; 9]).unwrap();
    let mut model = gradus_io::Checkpoint::new(vec![square]);
    model.set("model", &[("architecture", "linear")]).unwrap();
    model.save(&path).unwrap();
    let (format, good) = weights::read(&path).unwrap();
    assert_eq!(format, Format::Gradus);
    let file = std::fs::read(&path).unwrap();
    for bit in 0..8 * file.len() {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        match weights::parse(&flipped) {
            Err(_) => {}
            // Space behind the header, where a tab is as good.
            Ok((format, arrays)) => assert_eq!((format, &arrays), (Format::Gradus, &good), "{bit}"),
        }
    }
    // Without any sign of ours it is another program's.
    let foreign = gradus_io::safetensors::Metadata::from([("format".into(), "pt".into())]);
    let mut bytes = vec![];
    gradus_io::safetensors::write(&mut bytes, &foreign, &good).unwrap();
    assert_eq!(weights::parse(&bytes).unwrap().0, Format::Safetensors);
}

#[test]
fn a_format_is_told_from_the_bytes() {
    let of = |name: &str| weights::read(&data(name)).unwrap().0;
    assert_eq!(of("views_zip.pth"), Format::PyTorch);
    assert_eq!(of("views_legacy.pth"), Format::PyTorch);
    assert_eq!(of("numpy_2.pkl"), Format::Pickle);
    assert_eq!(of("views_zip.safetensors"), Format::Safetensors);
    let npz = include_bytes!("../data/stored.npz");
    assert_eq!(weights::parse(npz).unwrap().0, Format::Npz);
}

#[test]
fn pickles_of_numpy_arrays_are_read() {
    for protocol in 2..=5 {
        let name = format!("numpy_{protocol}");
        let found = pickle::read(&data(&format!("{name}.pkl"))).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(sorted(found), expected(&name), "{name}");
    }
}

/// A pickle of protocol 2 that calls `name` of `module` with one text.
fn call(module: &str, name: &str) -> Vec<u8> {
    format!("\u{80}\u{2}c{module}\n{name}\nX\u{2}\0\0\0ls\u{85}R.")
        .chars()
        .map(|c| c as u8)
        .collect()
}

#[test]
fn a_pickle_that_wants_to_run_code_is_refused_by_name() {
    let refusal = |bytes: &[u8]| {
        let error = pickle::parse(bytes).unwrap_err();
        assert_eq!(error.kind, Kind::Refused, "{error}");
        error.to_string()
    };
    let end = ": nothing in a file is run; only tensors, arrays and plain containers are read";
    assert_eq!(refusal(&call("os", "system")), format!("the pickle calls os.system{end}"));
    assert_eq!(refusal(&call("builtins", "eval")), format!("the pickle calls builtins.eval{end}"));
    assert_eq!(refusal(b"(S'ls'\nios\nsystem\n."), format!("the pickle calls os.system{end}"));
    assert_eq!(refusal(b"(cos\nsystem\nS'ls'\no."), format!("the pickle calls os.system{end}"));
    // Hidden behind a name made on the stack, and behind a tensor subclass.
    let stacked = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R.";
    assert_eq!(refusal(stacked), format!("the pickle calls os.system{end}"));
    let hidden =
        b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nNX\x02\0\0\0ls\x85NtR.";
    assert_eq!(refusal(hidden), format!("the pickle calls os.system{end}"));
    // An object of any class is inert: nothing is called for it, and it is no array.
    let object = b"\x80\x02cos\nsystem\n)\x81}b.";
    let error = pickle::parse(object).unwrap_err().to_string();
    assert_eq!(error, "the pickle holds no arrays: it is an object of the class os.system");
}

/// A zip file as PyTorch writes it, of one storage of four floats and the pickle given.
fn archive(pickle: &[u8]) -> Vec<u8> {
    let mut members = vec![("a/data.pkl", pickle.to_vec())];
    members.push(("a/data/0", [0u8; 16].to_vec()));
    stored_zip(&members)
}

/// A zip archive of stored members.
fn stored_zip(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut directory) = (vec![], vec![]);
    for (name, data) in members {
        let start = out.len() as u32;
        let mut crc = flate2::Crc::new();
        crc.update(data);
        let mut fields = vec![];
        fields.extend([20u16, 0, 0, 0, 0x21].map(u16::to_le_bytes).concat());
        for number in [crc.sum(), data.len() as u32, data.len() as u32] {
            fields.extend(number.to_le_bytes());
        }
        fields.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
        out.extend(0x0403_4b50u32.to_le_bytes());
        out.extend(&fields);
        out.extend(name.as_bytes());
        out.extend(data);
        directory.extend(0x0201_4b50u32.to_le_bytes());
        directory.extend(20u16.to_le_bytes());
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend(start.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, len, count) = (out.len() as u32, directory.len() as u32, members.len() as u16);
    out.extend(directory);
    out.extend(0x0605_4b50u32.to_le_bytes());
    out.extend([0, 0, count, count].map(u16::to_le_bytes).concat());
    out.extend(len.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// A state dict of one tensor `w` over the storage of four floats, or of more of them.
fn one_tensor(offset: &str, shape: &str, strides: &str, names: usize) -> Vec<u8> {
    let storage =
        "(X\u{7}\0\0\0storagectorch\nFloatStorage\nX\u{1}\0\0\u{0}0X\u{3}\0\0\0cpuK\u{4}tQ";
    let tensor = format!(
        "ctorch._utils\n_rebuild_tensor_v2\n({storage}{offset}({shape}t({strides}t\u{89}NtR"
    );
    let mut text = format!("\u{80}\u{2}}}(X\u{1}\0\0\0w{tensor}q\0");
    for i in 1..names {
        text.push_str(&format!("X\u{3}\0\0\0{i:03}h\0"));
    }
    text.push_str("u.");
    text.chars().map(|c| c as u8).collect()
}

#[test]
fn a_tensor_stays_within_its_storage_and_the_file_within_reason() {
    let parse = |pickle: Vec<u8>| pytorch::parse(&archive(&pickle));
    let good = parse(one_tensor("K\u{0}", "K\u{2}K\u{2}", "K\u{2}K\u{1}", 1)).unwrap();
    assert_eq!((good[0].name.as_str(), &*good[0].shape), ("w", &[2, 2][..]));
    let fault = |pickle| parse(pickle).unwrap_err().to_string();
    assert_eq!(
        fault(one_tensor("K\u{1}", "K\u{2}K\u{2}", "K\u{2}K\u{1}", 1)),
        "tensor `w`: the view of shape [2, 2], strides [2, 1] and offset 1 reaches beyond its \
         storage of 4 elements"
    );
    // A million million zeros out of one stored zero.
    let million = "J\u{40}\u{42}\u{f}\0";
    let bomb = fault(one_tensor("K\0", &million.repeat(2), "K\0K\0", 1));
    assert_eq!(bomb, "the tensors together are far larger than the file that describes them");
    let huge = fault(one_tensor("K\0", &million.repeat(4), "K\0K\0K\0K\0", 1));
    assert!(
        huge.ends_with("the shape [1000000, 1000000, 1000000, 1000000] is too large"),
        "{huge}"
    );
    // 4 MB each is fine, 999 times that is not.
    assert!(parse(one_tensor("K\0", million, "K\0", 1)).is_ok());
    assert_eq!(fault(one_tensor("K\0", million, "K\0", 999)), bomb);
    let negative = fault(one_tensor("J\u{ff}\u{ff}\u{ff}\u{ff}", "K\u{1}", "K\u{1}", 1));
    assert!(negative.contains("a size, stride or offset is -1"), "{negative}");
}

#[test]
fn values_nested_to_grow_are_refused() {
    // Each dict holds the one before twice: 2^40 leaves.
    let mut pickle = b"\x80\x02}q\0".to_vec();
    for i in 0..40u8 {
        pickle.extend(b"0}(X\x01\0\0\0ah");
        pickle.push(i);
        pickle.extend(b"X\x01\0\0\0bh");
        pickle.push(i);
        pickle.extend([b'u', b'q', i + 1]);
    }
    pickle.push(b'.');
    let error = pickle::parse(&pickle).unwrap_err().to_string();
    assert_eq!(error, "the pickle nests the same values again and again");
    let error = pickle::parse(b"\x80\x02]q\0h\0a.").unwrap_err().to_string();
    assert!(error.contains("nests"), "a list that contains itself: {error}");
}

#[test]
fn no_broken_file_panics() {
    for name in ["views_legacy.pth", "parameter.pth"] {
        torment(&bytes(name), pytorch::parse);
    }
    torment(&bytes("numpy_2.pkl"), pickle::parse);
    torment(&bytes("numpy_5.pkl"), pickle::parse);
    for name in ["module_zip.pth", "script.pth"] {
        let file = bytes(name);
        for len in (0..file.len()).step_by(7) {
            assert!(pytorch::parse(&file[..len]).is_err());
        }
    }
}

proptest! {
    #[test]
    fn any_opcodes_are_read_or_refused(
        codes in prop::collection::vec(prop::sample::select(&b"().012NIJKLMUTXBC]}{tleasudqhrjcRbQio\x80\x81\x85\x86\x87\x88\x8a\x8c\x90\x93\x94\x95\0\x01\x02\nx"[..]), 0..80),
    ) {
        let _ = pickle::parse(&codes);
        let _ = pytorch::parse(&archive(&codes));
    }
}
