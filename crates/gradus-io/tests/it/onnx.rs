//! ONNX models whose elements lie beside them: written, read, and refused where a model names what is not its own.

use gradus_io::onnx::{Graph, Model, parse_model, read_model, write_model_within};
use gradus_io::{Error, NamedArray};
use std::fs;
use std::path::Path;

/// A length-delimited field of a protobuf message.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    assert!(bytes.len() < 128 * 128);
    let len = [(bytes.len() % 128) as u8 | 0x80, (bytes.len() / 128) as u8];
    [&[number << 3 | 2], &len[..], bytes].concat()
}

/// A model of `copies` arrays of four f32, whose elements lie where the entries say.
fn model(entries: &[(&str, &str)], copies: usize) -> Vec<u8> {
    let entry = |(key, value): &(&str, &str)| {
        field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat())
    };
    let array = |i: usize| {
        let place: Vec<u8> = entries.iter().flat_map(entry).collect();
        let name = field(8, format!("w{i}").as_bytes());
        field(5, &[&[0x08, 4, 0x10, 1], &name[..], &place, &[0x70, 1]].concat())
    };
    let graph: Vec<u8> = (0..copies).flat_map(array).collect();
    [&[0x08, 8][..], &field(7, &graph)].concat()
}

/// What becomes of a model in a folder that has its four numbers in `w.data`, after a gap of four bytes.
fn read_beside(folder: &Path, entries: &[(&str, &str)]) -> Result<Vec<f32>, Error> {
    let path = folder.join("net.onnx");
    fs::write(&path, model(entries, 1)).unwrap();
    read_model(&path).map(|model| model.graph.initializers[0].to_f32().unwrap())
}

fn elements() -> Vec<u8> {
    [9f32, 1.0, 2.0, 3.0, 4.0].iter().flat_map(|x| x.to_le_bytes()).collect()
}

#[test]
fn elements_are_read_from_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("w.data"), elements()).unwrap();
    fs::create_dir(folder.join("weights")).unwrap();
    fs::write(folder.join("weights/w"), elements()).unwrap();
    let four = [1.0, 2.0, 3.0, 4.0];
    let all: [&[(&str, &str)]; 5] = [
        &[("location", "w.data"), ("offset", "4"), ("length", "16")],
        &[("location", "./w.data"), ("offset", "4")],
        &[("location", "weights/w"), ("offset", "4"), ("length", "16")],
        // Python: hashlib.sha1(numpy.float32([9, 1, 2, 3, 4])).hexdigest()
        &[("location", "w.data"), ("offset", "4"), ("checksum", SHA1)],
        &[("location", "w.data"), ("offset", "4"), ("other", "thing")],
    ];
    for entries in all {
        assert_eq!(read_beside(folder, entries).unwrap(), four, "{entries:?}");
    }
    let start = [("location", "w.data"), ("length", "16")];
    assert_eq!(read_beside(folder, &start).unwrap(), [9.0, 1.0, 2.0, 3.0]);
    // From elsewhere, by a path of the model's name alone.
    let error = parse_model(&model(&start, 1)).unwrap_err().what;
    let what = "only a model's file is read together with it";
    assert_eq!(
        error,
        format!("tensor `w0`: its elements lie in \"w.data\", beside the model; {what}")
    );
}

const SHA1: &str = "d2cc80eac9894e1847056ebc49072c541b9f330b";

#[test]
fn a_model_names_nothing_outside_its_folder() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("model");
    fs::create_dir_all(folder.join("sub")).unwrap();
    fs::write(outer.path().join("secret"), elements()).unwrap();
    fs::write(folder.join("w.data"), elements()).unwrap();
    let absolute = outer.path().join("secret").display().to_string();
    let own = folder.join("w.data").display().to_string();
    let hostile = [
        "../secret",
        "sub/../../secret",
        "sub/../w.data",
        &absolute,
        &own,
        "",
        ".",
        "..",
        "/",
        "..\\secret",
        "C:\\secret",
        "//etc/passwd",
        "w.data\0",
    ];
    for location in hostile {
        let entries = [("location", location), ("offset", "4"), ("length", "16")];
        let error = read_beside(&folder, &entries).unwrap_err().what;
        assert!(error.contains("expected a file in the model's folder"), "{location}: {error}");
    }
    let missing = read_beside(&folder, &[("location", "none")]).unwrap_err();
    assert!(missing.what.contains("in \"none\", which cannot be read"), "{missing}");
    assert!(missing.to_string().contains("net.onnx: "), "{missing}");
    let directory = read_beside(&folder, &[("location", "sub")]).unwrap_err().what;
    assert!(directory.contains("which is no file"), "{directory}");
}

#[cfg(unix)]
#[test]
fn links_lead_out_of_no_folder() {
    use std::os::unix::fs::symlink;
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("model");
    fs::create_dir(&folder).unwrap();
    fs::write(outer.path().join("secret"), elements()).unwrap();
    fs::write(folder.join("w.data"), elements()).unwrap();
    symlink("../secret", folder.join("link")).unwrap();
    symlink(outer.path(), folder.join("up")).unwrap();
    symlink("w.data", folder.join("inner")).unwrap();
    let read = |location| {
        read_beside(&folder, &[("location", location), ("offset", "4"), ("length", "16")])
    };
    for location in ["link", "up/secret"] {
        let error = read(location).unwrap_err().what;
        assert!(error.contains("which links lead out of the model's folder"), "{error}");
    }
    assert_eq!(read("inner").unwrap(), [1.0, 2.0, 3.0, 4.0]);
    // The folder itself may be reached by a link.
    symlink(&folder, outer.path().join("alias")).unwrap();
    let through = outer.path().join("alias");
    let entries = [("location", "w.data"), ("offset", "4")];
    assert_eq!(read_beside(&through, &entries).unwrap(), [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn places_must_hold_what_is_said() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("w.data"), elements()).unwrap();
    let refused = |entries: &[(&str, &str)], what: &str| {
        let entries = [&[("location", "w.data")], entries].concat();
        let error = read_beside(folder.path(), &entries).unwrap_err().what;
        assert!(error.contains("tensor `w0`: ") && error.contains(what), "{error}");
    };
    refused(&[("offset", "8"), ("length", "16")], "16 bytes from 8 on, but the file has 20");
    refused(&[("offset", "21"), ("length", "0")], "0 bytes from 21 on, but the file has 20");
    refused(&[("offset", "18446744073709551615")], "on, but the file has 20");
    refused(&[("length", "18446744073709551615")], "on, but the file has 20");
    refused(&[("offset", "4"), ("length", "12")], "12 bytes from 4 on; expected 16");
    refused(&[], "20 bytes from 0 on; expected 16");
    refused(&[("offset", "-4")], "external offset \"-4\"; expected a whole number of bytes");
    refused(&[("offset", "4"), ("checksum", "00")], "whose SHA-1 is ");
    // A small model cannot ask for more memory than its files have, but for weights that are shared.
    let path = folder.path().join("net.onnx");
    let place = [("location", "w.data"), ("length", "16")];
    fs::write(&path, model(&place, 5)).unwrap();
    assert_eq!(read_model(&path).unwrap().graph.initializers.len(), 5);
    fs::write(&path, model(&place, 6)).unwrap();
    let error = read_model(&path).unwrap_err().what;
    assert!(error.contains("arrays take more than 4 times its 20 bytes"), "{error}");
    // Nor by calling one file by many names.
    let names = ["w.data", "./w.data", "././w.data", ".//w.data", "w.data/."];
    let arrays: Vec<u8> = names
        .iter()
        .flat_map(|name| model(&[("location", name), ("length", "16")], 2)[5..].to_vec())
        .collect();
    fs::write(&path, [&[0x08, 8][..], &field(7, &arrays)].concat()).unwrap();
    assert!(read_model(&path).unwrap_err().what.contains("in \"././w.data\", and arrays take"));
}

#[test]
fn large_models_are_written_with_their_elements_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.onnx");
    let array = |name: &str, len: usize| {
        let values: Vec<f32> = (0..len).map(|i| i as f32 + 0.5).collect();
        NamedArray::from_f32(name, [len], &values).unwrap()
    };
    let initializers = vec![array("a", 1500), array("shape", 3), array("b", 2000)];
    let graph = Graph { initializers, ..Graph::default() };
    let model = Model { ir_version: 8, graph, ..Model::default() };
    // In one file as long as it fits.
    assert_eq!(write_model_within(&path, &model, 15_000).unwrap(), None);
    let whole = fs::read(&path).unwrap();
    assert_eq!(parse_model(&whole).unwrap(), model);
    let data = write_model_within(&path, &model, 14_000).unwrap();
    assert_eq!(data, Some(folder.path().join("net.onnx.data")));
    assert!(fs::metadata(&path).unwrap().len() < 500);
    assert_eq!(read_model(&path).unwrap(), model);
    // a at 0, b at the next page, the three sizes in the model itself.
    let elements = fs::read(data.unwrap()).unwrap();
    assert_eq!(elements.len(), 8192 + 8000);
    assert_eq!(elements[8192..8196], 0.5f32.to_le_bytes());
    assert!(fs::read(&path).unwrap().windows(4).any(|w| w == 2.5f32.to_le_bytes()));
    // One flipped bit is found.
    let mut flipped = elements.clone();
    flipped[9000] ^= 1;
    fs::write(folder.path().join("net.onnx.data"), flipped).unwrap();
    let error = read_model(&path).unwrap_err().what;
    assert!(error.contains("whose SHA-1 is "), "{error}");
    let error = write_model_within(&path, &model, 100).unwrap_err().what;
    assert!(error.contains("the model without its weights has"), "{error}");
}
