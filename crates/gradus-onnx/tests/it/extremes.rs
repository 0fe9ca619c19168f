//! Operators with every setting and every index at the ends of its range: an error or a value, never a panic, whatever is asked for.

use super::nodes::{int, network, set, text, value};
use gradus_io::onnx::{Attribute, AttributeValue, Graph, Node};
use gradus_tensor::{DType, Tensor};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// An operator, settings and inputs that it can work with.
type Sound = (&'static str, Vec<Attribute>, Vec<Tensor>);

fn ints(name: &str, values: &[i64]) -> Attribute {
    set(name, AttributeValue::Ints(values.to_vec()))
}

fn sound() -> Vec<Sound> {
    let image = || Tensor::ones([1, 2, 4, 4]);
    let volume = || Tensor::ones([1, 2, 3, 4, 4]);
    let row = || Tensor::ones([1, 2, 6]);
    let ids = |v: &[i64]| Tensor::from_slice(v, [v.len()]);
    let one = |n: i64| Tensor::scalar(n);
    let matrix = || Tensor::ones([3, 3]);
    let windows = |n: usize| {
        let of = |name: &str, v: i64| ints(name, &vec![v; n]);
        vec![
            of("kernel_shape", 2),
            of("strides", 1),
            of("dilations", 1),
            ints("pads", &vec![0; 2 * n]),
        ]
    };
    let images = ids(&[0]);
    let boxes = || Tensor::from([[0.0f32, 0.0, 3.0, 3.0]]);
    let states = || vec![Tensor::ones([1, 4, 8]), Tensor::ones([1, 4, 8]), Tensor::ones([1, 4, 8])];
    let rnn =
        |g: usize| vec![Tensor::ones([2, 1, 3]), Tensor::ones([1, g, 3]), Tensor::ones([1, g, 1])];
    vec![
        (
            "AffineGrid",
            vec![int("align_corners", 0)],
            vec![Tensor::ones([1, 2, 3]), ids(&[1, 1, 2, 2])],
        ),
        (
            "Attention",
            vec![int("q_num_heads", 2), int("kv_num_heads", 2), int("left_window_size", 1)],
            states(),
        ),
        ("AveragePool", [windows(2), vec![int("ceil_mode", 1)]].concat(), vec![image()]),
        ("AveragePool", windows(3), vec![volume()]),
        ("BitShift", vec![text("direction", "LEFT")], vec![ids(&[1, 2]), ids(&[1, 2])]),
        ("BlackmanWindow", vec![int("periodic", 1)], vec![one(4)]),
        ("CenterCropPad", vec![ints("axes", &[2])], vec![image(), ids(&[3])]),
        (
            "Col2Im",
            vec![ints("pads", &[0, 0, 0, 0])],
            vec![Tensor::ones([1, 4, 4]), ids(&[3, 3]), ids(&[2, 2])],
        ),
        ("Conv", windows(3), vec![volume(), Tensor::ones([2, 2, 2, 2, 2])]),
        ("ConvTranspose", windows(3), vec![volume(), Tensor::ones([2, 2, 2, 2, 2])]),
        ("CumProd", vec![int("exclusive", 1)], vec![matrix(), one(1)]),
        ("DFT", vec![int("onesided", 0)], vec![Tensor::ones([1, 4, 1]), one(4), one(1)]),
        (
            "DeformConv",
            vec![int("group", 1), int("offset_group", 1)],
            vec![image(), Tensor::ones([1, 2, 2, 2]), Tensor::zeros([1, 8, 3, 3])],
        ),
        (
            "DequantizeLinear",
            vec![int("axis", 0), int("block_size", 0)],
            vec![Tensor::ones([3, 3]).cast(DType::U8), Tensor::ones([3])],
        ),
        ("GRU", vec![int("hidden_size", 1), int("layout", 0)], rnn(3)),
        ("GatherND", vec![int("batch_dims", 0)], vec![matrix(), Tensor::from([[0i64, 1]])]),
        (
            "LSTM",
            vec![int("hidden_size", 1)],
            [rnn(4), vec![Tensor::zeros([1, 8]), ids(&[2])]].concat(),
        ),
        (
            "LinearAttention",
            vec![int("q_num_heads", 2), int("kv_num_heads", 2), text("update_rule", "linear")],
            states(),
        ),
        ("LpPool", [windows(1), vec![int("p", 2)]].concat(), vec![row()]),
        ("MaxPool", [windows(3), vec![int("ceil_mode", 1)]].concat(), vec![volume()]),
        (
            "MaxUnpool",
            windows(2)[..2].to_vec(),
            vec![Tensor::ones([1, 1, 2, 2]), Tensor::from([[[0i64, 1], [2, 3]]]).unsqueeze(0)],
        ),
        (
            "MelWeightMatrix",
            vec![],
            vec![one(2), one(16), one(8000), Tensor::scalar(0.0f32), Tensor::scalar(4000.0f32)],
        ),
        (
            "NegativeLogLikelihoodLoss",
            vec![int("ignore_index", 5)],
            vec![Tensor::ones([2, 3]), ids(&[0, 2])],
        ),
        (
            "NonMaxSuppression",
            vec![int("center_point_box", 0)],
            vec![Tensor::ones([1, 2, 4]), Tensor::ones([1, 1, 2]), ids(&[2])],
        ),
        ("NonZero", vec![], vec![matrix()]),
        (
            "QuantizeLinear",
            vec![int("axis", 1), int("output_dtype", 3)],
            vec![matrix(), Tensor::ones([3])],
        ),
        (
            "Resize",
            vec![int("antialias", 1), text("mode", "linear")],
            vec![image(), Tensor::ones([0]), Tensor::ones([0]), ids(&[1, 2, 2, 2])],
        ),
        (
            "ReverseSequence",
            vec![int("time_axis", 0), int("batch_axis", 1)],
            vec![matrix(), ids(&[1, 2, 3])],
        ),
        (
            "RoiAlign",
            vec![int("output_height", 2), int("output_width", 2), int("sampling_ratio", 1)],
            vec![image(), boxes(), images],
        ),
        (
            "RotaryEmbedding",
            vec![int("num_heads", 2), int("rotary_embedding_dim", 2)],
            vec![Tensor::ones([1, 2, 8]), Tensor::ones([1, 2, 1]), Tensor::ones([1, 2, 1])],
        ),
        (
            "STFT",
            vec![int("onesided", 1)],
            vec![Tensor::ones([1, 8, 1]), one(2), Tensor::ones([4]), one(4)],
        ),
        (
            "ScatterElements",
            vec![int("axis", 0)],
            vec![matrix(), Tensor::from([[0i64, 1, 2]]), Tensor::ones([1, 3])],
        ),
        ("ScatterND", vec![], vec![matrix(), Tensor::from([[0i64, 1]]), Tensor::ones([1])]),
        (
            "TensorScatter",
            vec![int("axis", 1)],
            vec![Tensor::ones([2, 3, 2]), Tensor::ones([2, 1, 2]), ids(&[0, 1])],
        ),
        ("Unique", vec![int("axis", 0), int("sorted", 1)], vec![matrix()]),
    ]
}

const ENDS: [i64; 8] = [i64::MIN, i64::MIN / 2, -1, 0, 3, 1 << 31, i64::MAX / 2, i64::MAX];

/// The settings with one number changed, each in turn.
fn changed(settings: &[Attribute]) -> Vec<Vec<Attribute>> {
    let mut all = vec![];
    for (i, attribute) in settings.iter().enumerate() {
        for end in ENDS {
            let mut values = vec![];
            match &attribute.value {
                AttributeValue::Int(_) => values.push(AttributeValue::Int(end)),
                AttributeValue::Ints(v) => {
                    for at in 0..v.len() {
                        let mut v = v.clone();
                        v[at] = end;
                        values.push(AttributeValue::Ints(v));
                    }
                    values.push(AttributeValue::Ints(vec![end; v.len()]));
                    values.push(AttributeValue::Ints(vec![]));
                }
                _ => {}
            }
            for value in values {
                let mut settings = settings.to_vec();
                settings[i].value = value;
                all.push(settings);
            }
        }
    }
    all
}

/// The inputs with one integer changed, or one of them without elements.
fn moved(inputs: &[Tensor]) -> Vec<Vec<Tensor>> {
    let mut all = vec![];
    for (i, x) in inputs.iter().enumerate() {
        let mut with = |x: Tensor| {
            let mut inputs = inputs.to_vec();
            inputs[i] = x;
            all.push(inputs);
        };
        if x.dtype() == DType::I64 {
            for at in 0..x.len() {
                for end in ENDS {
                    let mut v = x.to_vec::<i64>();
                    v[at] = end;
                    with(Tensor::from_slice(&v, x.shape()));
                }
            }
        }
        if x.rank() > 0 && x.shape()[0] > 0 {
            with(x.slice(0, ..0));
            with(x.select(0, 0));
        }
    }
    all
}

fn ran(op: &str, settings: Vec<Attribute>, inputs: &[Tensor]) -> Result<(), String> {
    let names: Vec<String> = (0..inputs.len()).map(|i| format!("x{i}")).collect();
    let node = Node {
        op: op.into(),
        inputs: names.clone(),
        outputs: vec!["y".into()],
        attributes: settings,
        ..Node::default()
    };
    let graph = Graph {
        nodes: vec![node],
        inputs: names.iter().map(|n| value(n, 0)).collect(),
        outputs: vec![value("y", 0)],
        ..Graph::default()
    };
    let network = network(graph)?.limited_to(1 << 12);
    let given: Vec<_> = names.iter().map(String::as_str).zip(inputs.iter().cloned()).collect();
    network.run(&given).map(|_| ()).map_err(|e| e.to_string())
}

#[test]
fn numbers_at_the_ends_of_their_range() {
    let mut broken = vec![];
    for (op, settings, inputs) in sound() {
        if let Err(e) = ran(op, settings.clone(), &inputs) {
            broken.push(format!("{op}: is to be sound: {e}"));
        }
        let cases = changed(&settings).into_iter().map(|s| (s, inputs.clone()));
        let cases = cases.chain(moved(&inputs).into_iter().map(|x| (settings.clone(), x)));
        for (settings, inputs) in cases {
            let found = catch_unwind(AssertUnwindSafe(|| ran(op, settings.clone(), &inputs)));
            match found {
                Err(_) => broken.push(format!("{op} panics: {settings:?} {inputs:?}")),
                Ok(Err(e)) if e.lines().count() != 1 => broken.push(format!("{op}: {e}")),
                Ok(_) => {}
            }
        }
    }
    assert!(broken.is_empty(), "{} cases:\n{}", broken.len(), broken.join("\n"));
}
