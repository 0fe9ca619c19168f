//! Writes the valid files of `fuzz/corpus`: `cargo run -p gradus-fuzz --example seeds`. The same files each time.

use flate2::{Compression, write::GzEncoder};
use gradus::text::{Counts, NGram, Smoothing, Special, Tokenizer, TokenizerOptions};
use gradus_data::{Idx, encode_idx};
use gradus_io::numpy::{write_npy, write_npz};
use gradus_io::onnx::{self, Attribute, AttributeValue, Size, ValueInfo, model_bytes};
use gradus_io::tfevents::{EventWriter, Graph, Histogram, Node};
use gradus_io::{Checkpoint, DType, NamedArray, png};
use image::{DynamicImage, ImageFormat, codecs::jpeg::JpegEncoder};
use std::error::Error;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

type Anything<T> = Result<T, Box<dyn Error>>;

fn main() -> Anything<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, bytes) in
        [data()?, io()?, onnx()?, beside()?, operators()?, recipes()?, text()?].concat()
    {
        let (target, file) = name.split_once('/').expect("target/file");
        fs::create_dir_all(corpus.join(target))?;
        fs::write(corpus.join(target).join(format!("valid-{file}")), bytes)?;
    }
    Ok(())
}

/// Files by `target/name`.
type Files = Vec<(String, Vec<u8>)>;

fn gzip(bytes: &[u8]) -> Anything<Vec<u8>> {
    let mut encoder = GzEncoder::new(vec![], Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// Bytes that look like a picture: a gradient with a bright square.
fn pixels(height: usize, width: usize, channels: usize) -> Vec<u8> {
    let one = |i: usize| {
        let (y, x, c) = (i / width / channels, i / channels % width, i % channels);
        let inside = (2..5).contains(&y) && (2..5).contains(&x);
        if inside { 250 } else { (7 * y + 5 * x + 60 * c) as u8 }
    };
    (0..height * width * channels).map(one).collect()
}

fn data() -> Anything<Files> {
    let images = encode_idx(&Idx { shape: vec![10, 6, 6], data: pixels(60, 6, 1) });
    let labels = encode_idx(&Idx { shape: vec![10], data: (0..10).collect() });
    let mut files: Files = vec![
        ("idx/images".into(), images.clone()),
        ("idx/labels".into(), labels.clone()),
        ("idx/empty".into(), encode_idx(&Idx { shape: vec![0, 28, 28], data: vec![] })),
        ("idx_gzip/images".into(), gzip(&images)?),
        ("idx_gzip/labels".into(), gzip(&labels)?),
        ("idx_gzip/plain".into(), labels.clone()),
        ("csv/header".into(), b"a,b,label\n1,2.5,cat\n-3e4,.5,\"a \"\"dog\"\"\"\n".to_vec()),
        ("csv/plain".into(), b"0;1.5;2\n1;2.5;0\n\n2;-1;1\n".to_vec()),
        ("csv/tabs".into(), "\u{feff}größe\tlabel\r\n1\t0\r\n2\t1\r\n".into()),
        ("cifar/10".into(), [&[3][..], &pixels(96, 32, 1)].concat()),
        ("cifar/100".into(), [&[3, 42][..], &pixels(96, 32, 1)].concat()),
    ];
    let pictures = pictures()?;
    let folder = |parts: &[(u8, &[u8])]| -> Vec<u8> {
        let one = |&(name, content): &(u8, &[u8])| {
            let len = (content.len() as u16).to_le_bytes();
            [&[name], &len[..], content].concat()
        };
        parts.iter().flat_map(one).collect()
    };
    let png = &pictures[0].1;
    let idx: [(u8, &[u8]); 4] = [(0, &images), (1, &labels), (2, &gzip(&images)?), (3, &labels)];
    files.push(("folder/idx".into(), folder(&idx)));
    files.push(("folder/classes".into(), folder(&[(10, png), (11, png), (12, b"no image")])));
    files.push(("folder/split".into(), folder(&[(6, png), (8, png), (13, png)])));
    files.extend(pictures);
    Ok(files)
}

/// A recipe that states little, one that states every table, the settings that it comes to, and changes of images in every form.
fn text() -> Anything<Files> {
    let text = "Größe zählt nicht,\r\nsagte die Maus 😀.\n";
    let units = |text: &str, order: fn(u16) -> [u8; 2]| -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    };
    let known = TokenizerOptions { special: vec![Special::Unk], ..TokenizerOptions::default() };
    let some = TokenizerOptions { max_size: Some(262), ..known.clone() };
    let characters = Tokenizer::characters(["to be or not"], &known)?;
    let mut counts = Counts::new(characters.vocabulary().len(), 3)?;
    counts.add(&characters.encode("to be or not to be")?)?;
    let model = NGram::new(&counts, 3, Smoothing::WittenBell)?;
    let numbers = |values: [f32; 3]| values.map(f32::to_le_bytes).concat();
    let binary =
        [&b"2 3\nthe "[..], &numbers([0.1, 0.2, 0.3]), b"\n</s> ", &numbers([1.0, 2.0, 3.0])];
    let label = |n: usize| if n.is_multiple_of(2) { "donor" } else { "none" };
    let class = |n: usize| if n.is_multiple_of(2) { "up" } else { "down" };
    let row = |n: usize| (0..3 + n % 3).map(|t| format!("{}.{t}", n % 7)).collect::<Vec<_>>();
    let signal = |n: usize| {
        let (first, rest) = (row(n).join(","), row(n)[1..].join(","));
        format!("{first}:?,{rest}:{}\n", class(n))
    };
    let head = "@problemname own\n@timestamps false\n@missing true\n@univariate false\n@dimensions 2\n@equallength false\n@classlabel true up down\n@data\n";
    let ts = head.to_owned() + &(0..24).map(signal).collect::<String>();
    let step = |n: usize| row(n).into_iter().map(move |x| format!("s{n},{x},{}\n", class(n)));
    let steps = format!("id,height,label\n{}", (0..24).flat_map(step).collect::<String>());
    let fasta: String = (1..=24)
        .map(|n| format!(">s{n} {}\nACGTNRYACGT\nacguggtaag{}\n", label(n), "A".repeat(n)))
        .collect();
    Ok(vec![
        ("text/utf8".into(), text.into()),
        ("text/utf8-mark".into(), format!("\u{feff}{text}").into()),
        ("text/utf16le".into(), units(&format!("\u{feff}{text}"), u16::to_le_bytes)),
        ("text/utf16be-unmarked".into(), units("plain letters\n", u16::to_be_bytes)),
        ("text/latin1".into(), b"Gr\xF6\xDFe z\xE4hlt nicht.\r\n".to_vec()),
        ("tokenizer/bytes".into(), Tokenizer::bytes(&[Special::Eos])?.to_json().into()),
        ("tokenizer/characters".into(), characters.to_json().into()),
        (
            "tokenizer/words".into(),
            Tokenizer::words(["the cat, the mat"], &known)?.to_json().into(),
        ),
        ("tokenizer/byte-pairs".into(), Tokenizer::byte_pairs([text], &some)?.to_json().into()),
        (
            "hugging_face/own".into(),
            Tokenizer::byte_pairs([text], &some)?.to_hugging_face()?.into(),
        ),
        ("word_index/own".into(), r#"{"a": 1, "é": 3, "<s>": 4, "☭": 2}"#.into()),
        ("arpa/own".into(), model.to_arpa(characters.vocabulary())?.into()),
        ("fasta/own".into(), fasta.into()),
        ("ts/own".into(), ts.into()),
        ("steps/own".into(), steps.into()),
        ("vectors/lines".into(), b"the 0.1 0.2 -3e-2\ncat 1 0 -1\n. . . 0.5 0.25 1\n".to_vec()),
        ("vectors/counted".into(), b"2 2\nthe 0.5 1\ncat 1 2\n".to_vec()),
        ("vectors/binary".into(), binary.concat()),
    ])
}

fn recipes() -> Anything<Files> {
    let all = r#"about = "every table"
model = "all_cnn_c"
data = "fashion-mnist"
epochs = 10
batch = 128
augment = ["flip", "shift(1)"]
network = { width = 0.25, dropout = false }
optimizer = { name = "sgd", learning_rate = 0.05, momentum = 0.9, nesterov = true, weight_decay = 1e-4 }
schedule = { name = "milestones", milestones = [3, 7], gamma = 0.1, warm_up = 1 }
"#;
    let changes = r#"model = "resnet18"
augment = [
    { kind = "random-resized-crop", size = 64, scale = [0.25, 1.0] },
    { kind = "affine", degrees = 5, shift = 1.5 },
    "colour-jitter(0.1, 0.2, 0.3)",
    { kind = "flip" },
]
evaluate = [{ kind = "resize", size = 72 }, "ten-crop(64)"]
"#;
    let whole = gradus_cli::whole_recipe("config.toml", all)?;
    let small = "model = \"lenet\"\n";
    let texts = [("small", small), ("all", all), ("changes", changes), ("run", &whole)];
    Ok(texts.map(|(name, text)| (format!("recipe/{name}.toml"), text.into())).to_vec())
}

/// Images of every kind that the decoders tell apart.
fn pictures() -> Anything<Files> {
    let (h, w) = (8, 9);
    let rgb = DynamicImage::ImageRgb8(
        image::RgbImage::from_raw(w as u32, h as u32, pixels(h, w, 3)).expect("it fits"),
    );
    let mut files: Files = vec![("image/grey.png".into(), png::encode(w, h, 1, &pixels(h, w, 1))?)];
    let kinds: [(&str, DynamicImage); 5] = [
        ("rgb", rgb.clone()),
        ("rgba", rgb.to_rgba8().into()),
        ("grey-alpha", rgb.to_luma_alpha8().into()),
        ("grey16", rgb.to_luma16().into()),
        ("rgb16", rgb.to_rgb16().into()),
    ];
    for (name, image) in kinds {
        let mut bytes = vec![];
        image.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?;
        files.push((format!("image/{name}.png"), bytes));
    }
    for (name, image) in [("rgb", rgb.clone()), ("grey", rgb.to_luma8().into())] {
        let mut bytes = vec![];
        JpegEncoder::new_with_quality(&mut bytes, 60).encode_image(&image)?;
        files.push((format!("image/{name}.jpg"), bytes));
    }
    Ok(files)
}

fn arrays() -> Anything<Vec<NamedArray>> {
    let array = |name: &str, dtype, shape: &[usize], data: &[u8]| {
        NamedArray::new(name, dtype, shape, data.to_vec())
    };
    Ok(vec![
        NamedArray::from_f32("dense1.weight", [2, 3], &[1.0, -2.5, 0.0, f32::NAN, 1e30, -0.0])?,
        array("dense1.bias", DType::F64, &[1], &2.5f64.to_le_bytes())?,
        array("labels", DType::I64, &[2], &[[1; 8], [0xFF; 8]].concat())?,
        array("mask", DType::Bool, &[3], &[0, 1, 1])?,
        array("scalar", DType::U8, &[], &[7])?,
        array("none", DType::F16, &[0, 5], &[])?,
    ])
}

fn io() -> Anything<Files> {
    let arrays = arrays()?;
    let mut safetensors = vec![];
    let metadata = [("format".to_owned(), "pt".to_owned())].into();
    gradus_io::safetensors::write(&mut safetensors, &metadata, &arrays)?;
    let temporary = tempfile::tempdir()?;
    let path = temporary.path().join("checkpoint");
    let mut checkpoint = Checkpoint::new(arrays.clone());
    checkpoint
        .set("progress", &serde_json::json!({ "epoch": 3, "loss": 0.25, "stopped": null }))?;
    checkpoint.set("counters", &(7u64, 0usize))?;
    checkpoint.save(&path)?;
    let mut files: Files = vec![
        ("safetensors/arrays".into(), safetensors),
        ("safetensors/empty".into(), b"\x02\0\0\0\0\0\0\0{}".to_vec()),
        ("checkpoint/run".into(), fs::read(&path)?),
        ("npz/arrays.npz".into(), write_npz(&arrays)?),
        ("events/run".into(), events(temporary.path())?),
        ("log/run.jsonl".into(), LOG.into()),
    ];
    for array in &arrays {
        let mut bytes = vec![];
        write_npy(&mut bytes, array)?;
        files.push((format!("npy/{}.npy", array.name), bytes));
    }
    let fortran = "{'descr': '>i4', 'fortran_order': True, 'shape': (2, 2)}\n";
    let npy = [b"\x93NUMPY\x02\0", &(fortran.len() as u32).to_le_bytes()[..], fortran.as_bytes()];
    files.push(("npy/fortran.npy".into(), [&npy.concat()[..], &[0; 16]].concat()));
    Ok(files)
}

const LOG: &str = r#"{"epoch":1,"kind":"step","loss":2.3025,"step":10}
{"epoch":1,"kind":"epoch","loss":null,"name":"größe \"x\"","values":[1,2e-7,-3]}
"#;

/// One event of each kind.
fn events(folder: &Path) -> Anything<Vec<u8>> {
    let mut writer = EventWriter::create(folder)?;
    writer.scalar("loss/train", 1, 0.5)?;
    writer.histogram("dense1.weight", 1, Histogram::of([-1.0, 0.0, 0.25, 1e9]))?;
    writer.image("digits", 2, &png::encode(2, 1, 1, &[0, 255])?)?;
    writer.text("note", 2, "# it *learns*")?;
    let node = Node {
        name: "dense1/matmul".into(),
        op: "matmul".into(),
        inputs: vec!["x".into()],
        shape: Some(vec![32, 10]),
        attributes: vec![("dtype".into(), "f32".into())],
    };
    writer.graph(Graph { nodes: vec![node] })?;
    writer.flush()?;
    let bytes = fs::read(writer.path())?;
    Ok(without_clock(bytes))
}

/// The file's events at time 0, so that it is the same each time it is made.
fn without_clock(bytes: Vec<u8>) -> Vec<u8> {
    // Every message starts with its time: field 1, eight bytes.
    let mut out = vec![];
    let mut rest = &bytes[..];
    while let Some((head, after)) = rest.split_first_chunk::<12>() {
        let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let mut data = after[..len].to_vec();
        assert_eq!(data[0], 9, "the time comes first");
        data[1..9].fill(0);
        out.extend(gradus_fuzz::frame(&data));
        rest = &after[len + 4..];
    }
    out
}

/// Two models: a small network, and one with every kind of setting.
fn onnx() -> Anything<Files> {
    let open = || Size::Open("batch".into());
    let value = |name: &str, rest: &[i64]| ValueInfo {
        name: name.into(),
        element: 1,
        shape: Some([open()].into_iter().chain(rest.iter().map(|&n| Size::Is(n))).collect()),
    };
    let array = |name: &str, shape: &[usize]| {
        NamedArray::from_f32(name, shape, &vec![0.5; shape.iter().product()])
    };
    let network = onnx::Graph {
        name: "network".into(),
        nodes: vec![
            node(
                "Conv",
                &["x", "conv.weight", "conv.bias"],
                "a",
                &[("pads", AttributeValue::Ints(vec![1; 4]))],
            ),
            node("Relu", &["a"], "b", &[]),
            node("GlobalAveragePool", &["b"], "c", &[]),
            node("Flatten", &["c"], "d", &[("axis", AttributeValue::Int(1))]),
            node("Gemm", &["d", "fc.weight"], "e", &[("transB", AttributeValue::Int(1))]),
            node("Softmax", &["e"], "y", &[]),
        ],
        initializers: vec![
            array("conv.weight", &[2, 1, 3, 3])?,
            array("conv.bias", &[2])?,
            array("fc.weight", &[3, 2])?,
        ],
        inputs: vec![value("x", &[1, 8, 8])],
        outputs: vec![value("y", &[3])],
        ..onnx::Graph::default()
    };
    let settings = onnx::Graph {
        nodes: vec![node("Identity", &["x", ""], "y", &settings()?)],
        inputs: vec![value("x", &[])],
        outputs: vec![value("y", &[])],
        ..onnx::Graph::default()
    };
    let file = |graph: onnx::Graph| {
        model_bytes(&onnx::Model {
            ir_version: 8,
            producer: "gradus".into(),
            opsets: vec![(String::new(), 17), ("ai.onnx.ml".into(), 3)],
            graph,
            properties: vec![("classes".into(), "cat, dog, fox".into())],
            ..onnx::Model::default()
        })
    };
    Ok(vec![
        ("onnx/network.onnx".into(), file(network)),
        ("onnx/settings.onnx".into(), file(settings)),
    ])
}

/// A model whose elements lie beside it, in the file that the target has.
fn beside() -> Anything<Files> {
    let weights = NamedArray::from_f32("w", [16, 32], &gradus_fuzz::BESIDE)?;
    let graph = onnx::Graph { initializers: vec![weights], ..onnx::Graph::default() };
    let model = onnx::Model { ir_version: 8, graph, ..onnx::Model::default() };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("net.onnx");
    onnx::write_model_within(&path, &model, 1024)?.ok_or("the elements lie in the model")?;
    Ok(vec![("onnx_beside/place.onnx".into(), fs::read(path)?)])
}

fn node(
    op: &str,
    inputs: &[&str],
    output: &str,
    settings: &[(&str, AttributeValue)],
) -> onnx::Node {
    let setting = |(name, value): &(&str, AttributeValue)| Attribute {
        name: (*name).into(),
        value: value.clone(),
    };
    onnx::Node {
        name: format!("{op} of {output}"),
        op: op.into(),
        inputs: inputs.iter().map(|&name| name.into()).collect(),
        outputs: vec![output.into()],
        attributes: settings.iter().map(setting).collect(),
        ..onnx::Node::default()
    }
}

/// A setting of every kind.
fn settings() -> Anything<Vec<(&'static str, AttributeValue)>> {
    let branch = onnx::Graph {
        nodes: vec![node("Relu", &["x"], "z", &[])],
        outputs: vec![ValueInfo { name: "z".into(), ..ValueInfo::default() }],
        ..onnx::Graph::default()
    };
    Ok(vec![
        ("a", AttributeValue::Float(-1.5)),
        ("b", AttributeValue::Int(-1)),
        ("c", AttributeValue::Text("größe".into())),
        ("d", AttributeValue::Tensor(NamedArray::new("d", DType::F16, [1], vec![0, 0x3e])?)),
        ("e", AttributeValue::Graph(Box::new(branch))),
        ("f", AttributeValue::Floats(vec![0.5, f32::NAN])),
        ("g", AttributeValue::Ints(vec![i64::MIN, 0, 300])),
        ("h", AttributeValue::Texts(vec![String::new(), "two".into()])),
        ("i", AttributeValue::Other(13)),
    ])
}

/// A node of more than one output: `node` gives the first.
fn and_also(mut node: onnx::Node, output: &str) -> onnx::Node {
    node.outputs.push(output.into());
    node
}

/// Models of the operators that take sizes and places out of the file.
fn operators() -> Anything<Files> {
    let ints = |list: &[i64]| AttributeValue::Ints(list.to_vec());
    let i64s = |name: &str, values: &[i64]| {
        let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        NamedArray::new(name, DType::I64, [values.len()], data)
    };
    let text = |value: &str| AttributeValue::Text(value.into());
    let sizes = vec![
        node("Shape", &["x"], "s", &[]),
        node("Gather", &["s", "i"], "n", &[]),
        node("Concat", &["n", "minus"], "wanted", &[("axis", AttributeValue::Int(0))]),
        node("Reshape", &["x", "wanted"], "rows", &[]),
        node("Slice", &["rows", "i", "from", "axis", "from"], "cut", &[]),
        node("Pad", &["cut", "pads", ""], "padded", &[("mode", text("constant"))]),
        node("Tile", &["padded", "times"], "tiled", &[]),
        and_also(node("Split", &["tiled"], "u", &[("axis", AttributeValue::Int(1))]), "v"),
        node("Add", &["u", "v"], "sum", &[]),
        node("Expand", &["sum", "axis"], "y", &[]),
    ];
    let numbers = [("i", [0]), ("minus", [-1]), ("from", [2]), ("axis", [1])];
    let mut numbers =
        numbers.iter().map(|(name, n)| i64s(name, n)).collect::<gradus_io::Result<Vec<_>>>()?;
    numbers.extend([i64s("pads", &[0, 1, 0, 1])?, i64s("times", &[1, 2])?]);
    let windows = vec![
        node("Resize", &["x", "", "scales"], "a", &[("mode", text("linear"))]),
        node("ConvTranspose", &["a", "w"], "b", &[("output_shape", ints(&[9, 9]))]),
        node(
            "AveragePool",
            &["b"],
            "c",
            &[("kernel_shape", ints(&[2, 2])), ("ceil_mode", AttributeValue::Int(1))],
        ),
        node("Constant", &[], "k", &[("value_ints", ints(&[3]))]),
        and_also(node("TopK", &["c", "k"], "t", &[("axis", AttributeValue::Int(2))]), "places"),
        node("Transpose", &["t"], "y", &[("perm", ints(&[0, 1, 3, 2]))]),
    ];
    let weights = vec![
        NamedArray::from_f32("scales", [4], &[1.0, 1.0, 2.0, 1.5])?,
        NamedArray::from_f32("w", [1, 1, 3, 3], &[0.25; 9])?,
    ];
    let old = vec![
        node("Unsqueeze", &["x"], "a", &[("axes", ints(&[0]))]),
        node(
            "Clip",
            &["a"],
            "b",
            &[("min", AttributeValue::Float(0.0)), ("max", AttributeValue::Float(6.0))],
        ),
        node(
            "ReduceMean",
            &["b"],
            "y",
            &[("axes", ints(&[-1])), ("keepdims", AttributeValue::Int(0))],
        ),
    ];
    let file = |opset: i64, nodes, initializers| {
        let value = |name: &str, shape| ValueInfo { name: name.into(), element: 1, shape };
        let picture = [Size::Open("N".into()), Size::Is(1), Size::Is(4), Size::Is(4)];
        let inputs = vec![value("x", Some(picture.to_vec()))];
        let outputs = vec![value("y", None)];
        let graph = onnx::Graph { nodes, initializers, inputs, outputs, ..onnx::Graph::default() };
        let opsets = vec![(String::new(), opset)];
        model_bytes(&onnx::Model { ir_version: 8, opsets, graph, ..onnx::Model::default() })
    };
    Ok(vec![
        ("onnx/sizes.onnx".into(), file(13, sizes, numbers)),
        ("onnx/windows.onnx".into(), file(18, windows, weights)),
        ("onnx/old.onnx".into(), file(9, old, vec![])),
    ])
}
