//! Resize against ONNX Runtime, case by case, and what no case of it shows.

use gradus_io::NamedArray;
use gradus_io::onnx::{Attribute, AttributeValue, Graph, Model, Node, ValueInfo};
use gradus_onnx::Network;
use gradus_tensor::{DType, Tensor};

/// Made by `make_resize.py`.
const CASES: &str = include_str!("../fixtures/resize.txt");

fn numbers<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> Vec<T> {
    text.split(',').filter(|n| !n.is_empty()).map(|n| n.parse().unwrap()).collect()
}

/// A model of one Resize of `x`, with settings as the cases write them.
fn model(settings: &[(&str, &str)]) -> Model {
    let get = |name: &str| settings.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
    let opset: i64 = get("opset").unwrap_or("18").parse().unwrap();
    let floats = |name: &str| {
        let values: Vec<f32> = numbers(get(name)?);
        Some(NamedArray::from_f32(name, [values.len()], &values).unwrap())
    };
    let sizes = get("sizes").map(|v| {
        let values: Vec<i64> = numbers(v);
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        NamedArray::new("sizes", DType::I64, vec![values.len()], bytes).unwrap()
    });
    let given = match opset {
        ..11 => vec![floats("scales")],
        _ => vec![floats("roi"), floats("scales"), sizes],
    };
    let name = |a: &Option<NamedArray>| a.as_ref().map_or(String::new(), |a| a.name.clone());
    let attributes = settings.iter().filter_map(|&(name, value)| {
        let value = match name {
            "opset" | "x" | "roi" | "scales" | "sizes" => return None,
            "axes" => AttributeValue::Ints(numbers(value)),
            "antialias" | "exclude_outside" => AttributeValue::Int(value.parse().unwrap()),
            "cubic_coeff_a" | "extrapolation_value" => {
                AttributeValue::Float(value.parse().unwrap())
            }
            _ => AttributeValue::Text(value.into()),
        };
        Some(Attribute { name: name.into(), value })
    });
    let node = Node {
        op: "Resize".into(),
        inputs: ["x".to_owned()].into_iter().chain(given.iter().map(name)).collect(),
        outputs: vec!["y".into()],
        attributes: attributes.collect(),
        ..Node::default()
    };
    let value = |name: &str| ValueInfo { name: name.into(), element: 0, shape: None };
    let graph = Graph {
        nodes: vec![node],
        initializers: given.into_iter().flatten().collect(),
        inputs: vec![value("x")],
        outputs: vec![value("y")],
        ..Graph::default()
    };
    Model { ir_version: 8, opsets: vec![(String::new(), opset)], graph, ..Model::default() }
}

fn ran(settings: &[(&str, &str)], x: Tensor) -> Result<Tensor, String> {
    let network = Network::new(model(settings)).map_err(|e| e.to_string())?;
    network.run(&[("x", x)]).map(|mut y| y.remove(0).1).map_err(|e| e.to_string())
}

/// A row of elements, four axes.
fn row(elements: &[f32]) -> Tensor {
    Tensor::from_slice(elements, [1, 1, 1, elements.len()])
}

#[test]
fn as_onnx_runtime_resizes() {
    let mut cases = 0;
    for line in CASES.lines() {
        let parts: Vec<&str> = line.split(" : ").collect();
        let settings: Vec<_> = parts[0].split(' ').map(|s| s.split_once('=').unwrap()).collect();
        let shape: Vec<usize> = numbers(settings.iter().find(|s| s.0 == "x").unwrap().1);
        let elements: Vec<f32> =
            (0..shape.iter().product::<usize>()).map(|i| (7 * i % 31) as f32).collect();
        let y = ran(&settings, Tensor::from_slice(&elements, &shape[..])).unwrap();
        assert_eq!(y.shape().to_vec(), numbers::<usize>(parts[1]), "{}", parts[0]);
        let want: Vec<f32> = numbers(parts[2]);
        for (i, (got, want)) in y.to_vec::<f32>().iter().zip(&want).enumerate() {
            let apart = (got - want).abs();
            assert!(apart <= 1e-4, "{}: element {i} is {got}, expected {want}", parts[0]);
        }
        cases += 1;
    }
    assert!(cases > 300, "{cases} cases");
}

/// Scales of .3 to 5.0 as f32, lengths of 1 to 64: as many elements as decimals say, but for the twelve products that f32
/// puts below a whole number, in ONNX Runtime too.
#[test]
fn lengths_are_those_of_decimals() {
    let below = |n: usize, tenths: usize| match tenths {
        21 => [30, 50, 60].contains(&n),
        26 => n == 45,
        42 => [15, 25, 30, 45, 50, 55, 60].contains(&n),
        47 => n == 50,
        _ => false,
    };
    for tenths in 3..=50 {
        let scales = format!("1,1,1,{}", tenths as f32 / 10.0);
        let network = Network::new(model(&[("scales", &scales)])).unwrap();
        for n in 1..=64usize {
            let y = network.build(&[("x", Tensor::zeros([1, 1, 1, n]))]).unwrap().remove(0).1;
            let want = n * tenths / 10 - usize::from(below(n, tenths));
            assert_eq!(y.shape()[3], want, "{n} × {tenths}/10");
        }
    }
}

/// Elements are picked, not computed: no rounding to f32, and infinities stay where they are.
#[test]
fn elements_are_taken_as_they_are() {
    let big = 9_007_199_254_740_993i64; // 2⁵³ + 1
    let x = Tensor::from_slice(&[big, 7], [1, 1, 1, 2]);
    let y = ran(&[("scales", "1,1,1,2"), ("mode", "nearest")], x).unwrap();
    assert_eq!((y.dtype(), y.to_vec::<i64>()), (DType::I64, vec![big, big, 7, 7]));
    let x = row(&[1.0, 2.0, 3.0, f32::INFINITY]);
    let y = ran(&[("scales", "1,1,1,2"), ("mode", "linear")], x).unwrap().to_vec::<f32>();
    assert_eq!(y[..5], [1.0, 1.25, 1.75, 2.25, 2.75]);
    assert_eq!(y[6], f32::INFINITY);
    // Whole numbers are computed as such and cut off once, at the end.
    let x = Tensor::from_slice(&[0i64, 7, 255], [1, 1, 1, 3]).cast(DType::U8);
    let y = ran(&[("scales", "1,1,1,2"), ("mode", "linear")], x).unwrap();
    assert_eq!((y.dtype(), y.to_vec::<i64>()), (DType::U8, vec![0, 1, 5, 69, 193, 255]));
}

#[test]
fn gradients_go_back_to_what_was_picked() {
    use gradus_tensor::{Variable, grad};
    let v = Variable::new("x", &row(&[1.0, 2.0, 4.0]));
    let network = Network::new(model(&[("sizes", "1,1,1,5"), ("mode", "linear")])).unwrap();
    let y = network.build(&[("x", v.tensor())]).unwrap().remove(0).1;
    let [g] = grad(&y.sum([0, 1, 2, 3]), [&v.tensor()]);
    // Shares of 1, .8, .4, .2 … summed over the five new elements.
    let want = [1.6, 1.8, 1.6];
    assert!(g.to_vec::<f64>().iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-6), "{g:?}");
}

#[test]
fn what_it_cannot_do_is_said() {
    let refused = |settings: &[(&str, &str)], what: &str| {
        let error = ran(settings, row(&[1.0, 2.0])).unwrap_err();
        assert!(error.contains(what), "{error}");
    };
    refused(&[("sizes", "3,3"), ("axes", "3,-1")], "axes [3, 3]: one is named twice");
    refused(
        &[("sizes", "1,1,1,3"), ("exclude_outside", "1")],
        "exclude_outside is for mode `cubic`",
    );
    let crop = ("coordinate_transformation_mode", "tf_crop_and_resize");
    refused(&[("sizes", "1,1,1,3"), crop], "expected a start and an end for each of 4 axes");
    refused(&[("scales", "1,1,1,-2")], "scales [1.0, 1.0, 1.0, -2.0] for 4 axes");
    let wrong = ("coordinate_transformation_mode", "thirds");
    refused(&[("sizes", "1,1,1,3"), wrong], "coordinate_transformation_mode `thirds` is not known");
}
