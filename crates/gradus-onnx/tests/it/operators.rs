//! Operators one by one where formulas fail: large and small numbers, infinities, integers beyond f64.

use gradus_io::onnx::{Attribute, AttributeValue, Graph, Model, Node, ValueInfo};
use gradus_onnx::Network;
use gradus_tensor::{DType, Tensor};

/// The first output of one operator of set 18.
fn ran(op: &str, settings: &[(&str, i64)], inputs: &[Tensor]) -> Result<Tensor, String> {
    ran_of(18, op, settings, inputs)
}

/// The first output of one operator of a set.
pub(crate) fn ran_of(
    opset: i64,
    op: &str,
    settings: &[(&str, i64)],
    inputs: &[Tensor],
) -> Result<Tensor, String> {
    let names: Vec<String> = (0..inputs.len()).map(|i| format!("x{i}")).collect();
    let value = |name: &String| ValueInfo { name: name.clone(), element: 0, shape: None };
    let attribute =
        |&(name, n): &(&str, i64)| Attribute { name: name.into(), value: AttributeValue::Int(n) };
    let node = Node {
        op: op.into(),
        inputs: names.clone(),
        outputs: vec!["y".into()],
        attributes: settings.iter().map(attribute).collect(),
        ..Node::default()
    };
    let graph = Graph {
        nodes: vec![node],
        inputs: names.iter().map(value).collect(),
        outputs: vec![value(&"y".into())],
        ..Graph::default()
    };
    let opsets = vec![(String::new(), opset)];
    let network = Network::new(Model { ir_version: 8, opsets, graph, ..Model::default() }).unwrap();
    let given: Vec<_> = names.iter().map(String::as_str).zip(inputs.iter().cloned()).collect();
    network.run(&given).map(|mut y| y.remove(0).1).map_err(|e| e.to_string())
}

fn floats(op: &str, settings: &[(&str, i64)], inputs: &[Tensor]) -> Vec<f64> {
    ran(op, settings, inputs).unwrap().to_vec::<f64>()
}

#[test]
fn exclusive_sums_are_those_before() {
    let axis = || Tensor::from([0i64]);
    let of = |x: &[f32], settings: &[(&str, i64)]| {
        floats("CumSum", settings, &[Tensor::from_slice(x, [x.len()]), axis()])
    };
    assert_eq!(of(&[1.0, 1e8, 3.0], &[("exclusive", 1)]), [0.0, 1.0, 1e8]);
    let inf = f32::INFINITY;
    assert_eq!(of(&[1.0, inf, 3.0], &[("exclusive", 1)]), [0.0, 1.0, f64::INFINITY]);
    assert_eq!(of(&[1.0, 2.0, 4.0], &[("exclusive", 1), ("reverse", 1)]), [6.0, 4.0, 0.0]);
    assert_eq!(of(&[1.0, 2.0, 4.0], &[("reverse", 1)]), [7.0, 6.0, 4.0]);
    assert!(of(&[], &[("exclusive", 1)]).is_empty());
}

#[test]
fn sums_of_powers_of_infinities() {
    let inf = f32::INFINITY;
    let x = || Tensor::from([[-inf, -inf], [inf, 0.0], [0.0, 0.0], [1000.0, 1000.0]]);
    let ln2 = std::f64::consts::LN_2;
    let y = floats("ReduceLogSumExp", &[("keepdims", 0)], &[x(), Tensor::from([1i64])]);
    assert_eq!(y[..2], [f64::NEG_INFINITY, f64::INFINITY]);
    assert!((y[2] - ln2).abs() < 1e-6 && (y[3] - 1000.0 - ln2).abs() < 1e-4, "{y:?}");
    // Over both axes, in any order.
    let finite = x().slice(0, 2..);
    for axes in [[0i64, 1], [1, 0], [-1, -2]] {
        let axes = Tensor::from(axes);
        let y = floats("ReduceLogSumExp", &[("keepdims", 0)], &[finite.clone(), axes]);
        assert!((y[0] - 1000.0 - ln2).abs() < 1e-4, "{y:?}");
    }
}

/// Against the standard library's in f64.
#[test]
fn inverse_hyperbolic_functions_of_all_sizes() {
    let near = |got: f64, want: f64, x: f64| {
        let same = got == want || (got.is_nan() && want.is_nan());
        assert!(same || (got / want - 1.0).abs() < 1e-6, "of {x}: {got}, expected {want}");
    };
    let mut sizes: Vec<f64> = (-12..38).map(|n| f64::from(1.7 * 10f32.powi(n))).collect();
    sizes.extend([0.0, 1e9, f64::INFINITY, f64::NAN]);
    for x in sizes.iter().flat_map(|&x| [x, -x]) {
        near(floats("Asinh", &[], &[Tensor::from([x as f32])])[0], x.asinh(), x);
    }
    for t in sizes {
        let x = f64::from((1.0 + t) as f32);
        near(floats("Acosh", &[], &[Tensor::from([x as f32])])[0], x.acosh(), x);
    }
    for x in [0.5, -1.0, -1e9] {
        assert!(floats("Acosh", &[], &[Tensor::from([x as f32])])[0].is_nan(), "of {x}");
    }
    let half = Tensor::from([1000.0f32]).cast(DType::F16);
    let y = ran("Asinh", &[], &[half]).unwrap();
    assert_eq!(y.dtype(), DType::F16);
    assert!((y.item() - 1000f64.asinh()).abs() < 4e-3, "{y:?}");
}

#[test]
fn integers_beyond_f64_are_divided_exactly() {
    let big = 9_007_199_254_740_993i64; // 2⁵³ + 1
    let of = |op: &str, fmod: i64, a: i64, b: i64| {
        let settings: &[_] = if op == "Mod" { &[("fmod", fmod)] } else { &[] };
        ran(op, settings, &[Tensor::from([a]), Tensor::from([b])]).unwrap().to_vec::<i64>()[0]
    };
    assert_eq!(of("Div", 0, big, 1), big);
    assert_eq!(of("Mod", 0, big, 2), 1);
    for (a, b) in [(7, 3), (-7, 3), (7, -3), (-7, -3), (big, -10), (-6, 3)] {
        assert_eq!(of("Div", 0, a, b), a / b, "{a} / {b}");
        assert_eq!(of("Mod", 1, a, b), a % b, "{a} % {b}");
        let floor = (a % b + b) % b;
        assert_eq!(of("Mod", 0, a, b), floor, "{a} mod {b}");
    }
    let bytes = |x: i64| Tensor::from([x]).cast(DType::U8);
    for (op, want) in [("Div", 3), ("Mod", 53)] {
        let y = ran(op, &[], &[bytes(200), bytes(if op == "Div" { 60 } else { 147 })]).unwrap();
        assert_eq!((y.dtype(), y.to_vec::<i64>()), (DType::U8, vec![want]), "{op}");
    }
}

/// ONNX Runtime's: a power in the base's type, the exponent whole only where it is so; integers of fractions lose theirs at the end.
#[test]
fn powers_keep_their_exponents() {
    let of = |x: Tensor, p: Tensor| {
        let y = ran("Pow", &[], &[x.clone(), p]).unwrap();
        assert_eq!(y.dtype(), x.dtype());
        y.to_vec::<f64>()
    };
    let whole = || Tensor::from([4i64, 9, 2, -3, 10]);
    let halves = Tensor::from([0.5f32, 0.5, 1.5, 3.0, -1.0]);
    assert_eq!(of(whole(), halves.clone()), [2.0, 3.0, 2.0, -27.0, 0.0]);
    assert_eq!(of(whole().cast(DType::I32), halves.cast(DType::F64)), [2.0, 3.0, 2.0, -27.0, 0.0]);
    let powers = Tensor::from([3i64, 2, 10, 3, 0]);
    assert_eq!(of(whole(), powers.clone()), [64.0, 81.0, 1024.0, -27.0, 1.0]);
    assert_eq!(of(whole().cast(DType::I32), powers.clone()), [64.0, 81.0, 1024.0, -27.0, 1.0]);
    assert_eq!(of(whole().cast(DType::F32), powers), [64.0, 81.0, 1024.0, -27.0, 1.0]);
    assert_eq!(of(Tensor::from([4.0f32, 9.0]), Tensor::from([0.5f64, 1.5])), [2.0, 27.0]);
}

/// A constant or setting that its type does not hold is refused, and integers are not divided by 0 in silence.
#[test]
fn numbers_that_a_type_does_not_hold_are_refused() {
    let e = ran("Div", &[], &[Tensor::from([4i64, 5]), Tensor::from([2i64, 0])]).unwrap_err();
    assert!(e.contains("the divisor at position 1 is 0"), "{e}");
    let e = ran("Mod", &[("fmod", 1)], &[Tensor::from([4i64]), Tensor::from([0i64])]).unwrap_err();
    assert!(e.contains("the divisor at position 0 is 0"), "{e}");
    // A shape of fractions is none.
    let e = ran("Reshape", &[], &[Tensor::ones([4]), Tensor::from([2.5f32, 2.0])]).unwrap_err();
    assert!(e.contains("element 0 is 2.5, f32, which i64 does not hold"), "{e}");
    let pad = |value: Tensor| {
        let x = Tensor::from([1u8, 2]);
        ran("Pad", &[], &[x, Tensor::from([1i64, 0]), value])
    };
    assert_eq!(pad(Tensor::from([7u8])).unwrap().to_vec::<u8>(), [7, 1, 2]);
    assert!(pad(Tensor::from([7.5f32])).unwrap_err().contains("7.5 is no u8"));
    // Integers of a range and their mean.
    let far = 1i64 << 60;
    let range = [far, far + 5, 2].map(Tensor::scalar);
    assert_eq!(ran("Range", &[], &range).unwrap().to_vec::<i64>(), [far, far + 2, far + 4]);
    let down = [3i32, -4, -3].map(Tensor::scalar);
    assert_eq!(ran("Range", &[], &down).unwrap().to_vec::<i32>(), [3, 0, -3]);
    let mean = ran("ReduceMean", &[("keepdims", 0)], &[Tensor::from([7i64, 0, -20])]).unwrap();
    assert_eq!(mean.to_vec::<i64>(), [-4]);
}

#[test]
fn more_than_there_are_is_refused() {
    let x = Tensor::zeros([2, 5]);
    for largest in [0, 1] {
        let settings = [("largest", largest), ("axis", 1)];
        let e = ran("TopK", &settings, &[x.clone(), Tensor::from([7i64])]).unwrap_err();
        assert!(e.contains("the first 7 along axis 1 of [2, 5], which has 5"), "{e}");
    }
}
