//! TensorBoard events: read back by this crate, and by TensorBoard itself where it is installed.

use crate::arrays::torment;
use gradus_io::Crc32c;
use gradus_io::tfevents::{
    self, Data, Event, EventWriter, Graph, Histogram, Image, Node, Position, Value, What,
};
use proptest::prelude::*;
use serde_json::Value as Json;
use std::fs;
use std::path::Path;

/// Three pixels wide, two high, grey.
const PNG: &[u8] = include_bytes!("../data/grey.png");

fn example_graph() -> Graph {
    let node = |name: &str, op: &str, inputs: &[&str], shape: Option<&[usize]>| Node {
        name: name.to_owned(),
        op: op.to_owned(),
        inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
        shape: shape.map(<[usize]>::to_vec),
        attributes: vec![],
    };
    let mut nodes = vec![
        node("x", "input", &[], Some(&[64, 784])),
        node("fc1/w", "variable", &[], Some(&[784, 10])),
        node("fc1/matmul", "matmul", &["x", "fc1/w"], Some(&[64, 10])),
        node("loss", "cross_entropy", &["fc1/matmul"], Some(&[])),
        node("log", "effect", &["loss"], None),
    ];
    nodes[2].attributes = vec![("dtype".to_owned(), "f32".to_owned())];
    Graph { nodes }
}

fn weights(step: i64) -> Histogram {
    Histogram::of((0..1000).map(|i| ((i * 37 % 1000) as f32 / 500.0 - 1.0) * (step + 1) as f32))
}

/// Steps `from..to` of a run, one value of each kind a step.
fn write_steps(writer: &mut EventWriter, from: i64, to: i64) {
    for step in from..to {
        writer.scalar("loss/train", step, 1.0 / (step + 1) as f32).unwrap();
        writer.histogram("fc1/w", step, weights(step)).unwrap();
        writer.image("filters", step, PNG).unwrap();
        writer.text("remarks", step, &format!("**Schritt** {step} \u{2713}")).unwrap();
    }
    writer.flush().unwrap();
}

/// A run killed in the middle of writing step 9 and resumed from its checkpoint at step 6.
fn write_killed_and_resumed_run(folder: &Path) {
    let mut writer = EventWriter::create(folder).unwrap();
    writer.graph(example_graph()).unwrap();
    write_steps(&mut writer, 0, 10);
    let path = writer.path().to_path_buf();
    drop(writer);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    let mut writer = EventWriter::resume(folder, 6, None).unwrap();
    assert!(writer.path() > path.as_path());
    write_steps(&mut writer, 6, 9);
}

/// Everything in a folder, as TensorBoard must understand it: restarts applied.
fn read_run(folder: &Path) -> Vec<Event> {
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut events = Vec::new();
    for path in paths {
        for event in tfevents::read(&path).unwrap().events {
            if event.what == What::Start {
                events.retain(|earlier: &Event| {
                    earlier.step < event.step || !matches!(earlier.what, What::Summary(_))
                });
            }
            events.push(event);
        }
    }
    events
}

#[test]
fn a_resumed_run_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    write_killed_and_resumed_run(folder.path());
    let events = read_run(folder.path());
    assert_eq!(events[0].what, What::FileVersion("brain.Event:2".to_owned()));
    assert_eq!(events[2].what, What::Graph(example_graph()));
    let mut found = Vec::new();
    for event in &events {
        if let What::Summary(values) = &event.what {
            found.extend(values.iter().map(|value| (event.step, value.clone())));
        }
    }
    let image = Image { height: 2, width: 3, channels: 1, png: PNG.to_vec() };
    let expected = (0..9).flat_map(|step| {
        [
            ("loss/train", Data::Scalar(1.0 / (step + 1) as f32)),
            ("fc1/w", Data::Histogram(weights(step))),
            ("filters", Data::Image(image.clone())),
            ("remarks", Data::Text(format!("**Schritt** {step} \u{2713}"))),
        ]
        .map(|(tag, data)| (step, Value { tag: tag.to_owned(), data }))
    });
    assert_eq!(found, expected.collect::<Vec<_>>());
}

/// What was written after the position that a checkpoint knows is gone, in its file and in later ones of the run; what other runs
/// wrote stays, and so do files that a hostile checkpoint names.
#[test]
fn a_run_goes_on_from_a_position() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let mut writer = EventWriter::create(f).unwrap();
    write_steps(&mut writer, 0, 3);
    let position = writer.position();
    let before = fs::read(writer.path()).unwrap();
    assert_eq!(position.bytes, before.len() as u64);
    write_steps(&mut writer, 3, 9);
    let first = writer.path().to_path_buf();
    drop(writer);
    let mut other = EventWriter::create(f).unwrap();
    other.scalar("other", 1, 1.0).unwrap();
    let other = other.path().to_path_buf();
    let mut killed =
        EventWriter::resume(f, 9, Some(&Position { bytes: u64::MAX, ..position.clone() })).unwrap();
    write_steps(&mut killed, 9, 12);
    let killed = killed.path().to_path_buf();
    let again = EventWriter::resume(f, 3, Some(&position)).unwrap();
    assert_eq!(fs::read(&first).unwrap(), before);
    assert!(!killed.exists() || killed == again.path(), "a later file of the run");
    assert!(other.exists());
    // The next one knows the run by its second file, too.
    let position = again.position();
    let third = EventWriter::resume(f, 4, Some(&position)).unwrap();
    let later = third.path().to_path_buf();
    drop(EventWriter::resume(f, 4, Some(&position)).unwrap());
    assert_eq!(read_events(&later), 2, "it begins anew");
    fs::write(f.join("precious"), "my only copy").unwrap();
    for file in ["precious", "../precious", "events.out.tfevents.12/../precious", ""] {
        let hostile = Position { file: file.to_owned(), bytes: 0 };
        assert!(EventWriter::resume(f, 0, Some(&hostile)).is_err(), "{file}");
    }
    assert_eq!(fs::read(f.join("precious")).unwrap(), b"my only copy");
    gradus_io::tfevents::remove_events(f).unwrap();
    assert!(!first.exists() && f.join("precious").exists());
}

fn read_events(path: &Path) -> usize {
    tfevents::read(path).unwrap().events.len()
}

/// Runs where `GRADUS_PYTHON` names a Python with TensorBoard.
#[test]
fn tensorboard_reads_back_every_value() {
    let Some(python) = std::env::var_os("GRADUS_PYTHON") else {
        eprintln!("SKIPPED: set GRADUS_PYTHON to a Python with tensorboard to run this test");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    write_killed_and_resumed_run(folder.path());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tensorboard_read.py");
    let output = std::process::Command::new(python)
        .args([script.as_ref(), folder.path().as_os_str()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Json = serde_json::from_slice(&output.stdout).unwrap();
    let expected = as_tensorboard_json(&read_run(folder.path()));
    for (kind, values) in expected.as_object().unwrap() {
        assert!(found[kind] == *values, "{kind}\n found {}\n wrote {values}", found[kind]);
    }
}

/// The events in the form that `tensorboard_read.py` prints.
fn as_tensorboard_json(events: &[Event]) -> Json {
    let mut run = serde_json::json!({
        "scalars": {}, "histograms": {}, "images": {}, "texts": {}, "graph": null,
        "tabs": {
            "scalars": ["loss/train"], "histograms": ["fc1/w"], "images": ["filters"],
            "text": ["remarks"],
        },
    });
    for event in events {
        match &event.what {
            What::Graph(graph) => run["graph"] = graph.nodes.iter().map(node_json).collect(),
            What::Summary(values) => {
                for value in values {
                    let (kind, data) = data_json(&value.data);
                    let series = &mut run[kind][&value.tag];
                    if series.is_null() {
                        *series = Json::Array(Vec::new());
                    }
                    let point = serde_json::json!([event.wall_time, event.step, data]);
                    series.as_array_mut().unwrap().push(point);
                }
            }
            _ => {}
        }
    }
    run
}

fn data_json(data: &Data) -> (&'static str, Json) {
    match data {
        Data::Scalar(x) => ("scalars", f64::from(*x).into()),
        Data::Text(text) => ("texts", text.as_str().into()),
        Data::Image(image) => {
            let png = base64(&image.png);
            let json = serde_json::json!({
                "height": image.height, "width": image.width, "png": png,
            });
            ("images", json)
        }
        Data::Histogram(h) => {
            let json = serde_json::json!({
                "min": h.min, "max": h.max, "count": h.count, "sum": h.sum,
                "sum_of_squares": h.sum_of_squares, "limits": h.limits, "counts": h.counts,
            });
            ("histograms", json)
        }
        Data::Other => panic!("an unknown value"),
    }
}

fn node_json(node: &Node) -> Json {
    let attributes: serde_json::Map<String, Json> =
        node.attributes.iter().map(|(key, text)| (key.clone(), text.as_str().into())).collect();
    serde_json::json!({
        "name": node.name, "op": node.op, "inputs": node.inputs, "shape": node.shape,
        "attributes": attributes,
    })
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word = (0..3).fold(0, |word, i| word << 8 | usize::from(*group.get(i).unwrap_or(&0)));
        for i in 0..4 {
            let letter = char::from(LETTERS[word >> (18 - 6 * i) & 63]);
            text.push(if i <= group.len() { letter } else { '=' });
        }
    }
    text
}

fn any_data() -> impl Strategy<Value = Data> {
    let number = any::<f32>().prop_filter("finite, to be comparable", |x| x.is_finite());
    let image = (any::<[u32; 3]>(), prop::collection::vec(any::<u8>(), 0..20));
    prop_oneof![
        number.prop_map(Data::Scalar),
        ".{0,20}".prop_map(Data::Text),
        prop::collection::vec(any::<f32>(), 0..50)
            .prop_map(|xs| Data::Histogram(Histogram::of(xs))),
        image.prop_map(|([height, width, channels], png)| Data::Image(Image {
            height,
            width,
            channels,
            png
        })),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        values in prop::collection::vec((".{0,10}", any_data()), 0..5),
        step in any::<i64>(),
        wall_time in 0.0..1e10f64,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(folder.path()).unwrap();
        let values = values.into_iter().map(|(tag, data)| Value { tag, data }).collect();
        let event = Event { wall_time, step, what: What::Summary(values) };
        writer.write(&event).unwrap();
        writer.flush().unwrap();
        let read = tfevents::read(writer.path()).unwrap();
        prop_assert!(!read.torn);
        prop_assert_eq!(&read.events[2..], &[event]);
    }

    /// Past the checksums, a message's parser meets any bytes.
    #[test]
    fn any_message_is_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = Event::parse(&bytes);
    }
}

#[test]
fn a_cut_file_is_torn_and_a_changed_one_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(folder.path()).unwrap();
    writer.scalar("loss", 1, 0.5).unwrap();
    writer.graph(example_graph()).unwrap();
    writer.flush().unwrap();
    let bytes = fs::read(writer.path()).unwrap();
    let whole = tfevents::parse(&bytes).unwrap();
    for cut in 0..bytes.len() {
        let read = tfevents::parse(&bytes[..cut]).unwrap();
        assert!(whole.events.starts_with(&read.events));
    }
    // Cut files are accepted, changed ones never.
    assert_eq!(torment(&bytes, tfevents::parse), bytes.len());
    let mut changed = bytes.clone();
    changed[20] ^= 1;
    let error = tfevents::parse(&changed).unwrap_err().to_string();
    let expected = "the event record at byte 0 is corrupt: the checksum of its data differs";
    assert_eq!(error, expected);
}

/// A frame whose checksums are right and whose length is absurd.
#[test]
fn an_absurd_length_is_refused() {
    let len = u64::MAX.to_le_bytes();
    let masked = Crc32c::of(&len).rotate_right(15).wrapping_add(0xa282_ead8);
    let bytes = [&len[..], &masked.to_le_bytes(), b"data"].concat();
    let error = tfevents::parse(&bytes).unwrap_err().to_string();
    assert_eq!(error, "the event record at byte 0 is longer than any event");
}

#[test]
fn only_a_png_is_an_image() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(folder.path()).unwrap();
    let error = writer.image("x", 0, b"GIF89a").unwrap_err().to_string();
    assert_eq!(error, "an image for TensorBoard must be a PNG");
}

#[test]
fn files_of_one_second_sort_in_the_order_of_their_creation() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> =
        (0..5).map(|_| EventWriter::create(folder.path()).unwrap().path().to_path_buf()).collect();
    assert!(paths.is_sorted());
}
