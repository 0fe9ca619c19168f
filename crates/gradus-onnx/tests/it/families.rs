//! Operators of many families, against numbers worked out by hand or given in ONNX's own descriptions.

use super::nodes::{floats, int, output, outputs, set, text};
use gradus_io::onnx::{Attribute, AttributeValue};
use gradus_tensor::{DType, Tensor};

fn near(found: &[f64], want: &[f64]) {
    assert_eq!(found.len(), want.len(), "{found:?} {want:?}");
    for (a, b) in found.iter().zip(want) {
        assert!((a - b).abs() < 1e-5 || a.is_nan() && b.is_nan(), "{found:?}, expected {want:?}");
    }
}

/// int8 is held in i32, and its arithmetic is that of int8.
#[test]
fn integers_of_few_bits_wrap_as_their_type_does() {
    let pair = [(Tensor::from([100i32, -128, 7]), 3), (Tensor::from([100i32, -1, 5]), 3)];
    let y = outputs("Add", vec![], &pair, 1).unwrap();
    assert_eq!(y[0].to_vec::<i32>(), [-56, 127, 12]);
    let y = outputs("BitwiseNot", vec![], &[(Tensor::from([0i32, 65535]), 4)], 1).unwrap();
    assert_eq!(y[0].to_vec::<i32>(), [65535, 0]);
    let shift = vec![text("direction", "LEFT")];
    let pair = [(Tensor::from([200i32, 1]), 4), (Tensor::from([9i32, 16]), 4)];
    assert_eq!(outputs("BitShift", shift, &pair, 1).unwrap()[0].to_vec::<i32>(), [36864, 0]);
    let e = output("BitwiseAnd", vec![], &[Tensor::ones([1]), Tensor::ones([1])]).unwrap_err();
    assert!(e.contains("expected integers or booleans"), "{e}");
    let to = |element| vec![int("to", element)];
    assert_eq!(floats("Cast", to(3), &[Tensor::from([300i64, -129])]), [44.0, 127.0]);
    assert_eq!(floats("Cast", to(22), &[Tensor::from([7i64, 8])]), [7.0, -8.0]);
}

#[test]
fn floats_of_eight_bits_are_rounded_to() {
    let x = Tensor::from([0.0f32, 1.06, -17.0, 460.0, 1e6]);
    let to = |element, saturate| vec![int("to", element), int("saturate", saturate)];
    near(&floats("Cast", to(17, 1), std::slice::from_ref(&x)), &[0.0, 1.0, -16.0, 448.0, 448.0]);
    let nan = f64::NAN;
    near(&floats("Cast", to(17, 0), std::slice::from_ref(&x)), &[0.0, 1.0, -16.0, 448.0, nan]);
    near(&floats("Cast", to(19, 1), &[x]), &[0.0, 1.0, -16.0, 448.0, 57344.0]);
    assert_eq!(floats("BitCast", vec![int("to", 6)], &[Tensor::from([1.0f32])]), [1_065_353_216.0]);
    let e = output("BitCast", vec![int("to", 7)], &[Tensor::from([1.0f32])]).unwrap_err();
    assert!(e.contains("float as int64, which has not as many bits"), "{e}");
}

/// The numbers of ONNX's descriptions of the operators.
#[test]
fn quantised_numbers() {
    let x = Tensor::from([0.0f32, 2.0, 3.0, 1000.0, -254.0, -1000.0]);
    let (scale, zero) = (Tensor::from(2.0f32), Tensor::from([128u8]).reshape(()));
    let y = output("QuantizeLinear", vec![], &[x, scale.clone(), zero.clone()]).unwrap();
    assert_eq!(y.to_vec::<u8>(), [128, 129, 130, 255, 1, 0]);
    let back = floats("DequantizeLinear", vec![], &[y, scale, zero]);
    assert_eq!(back, [0.0, 2.0, 4.0, 254.0, -254.0, -256.0]);
    // int8 by the type of its zero point, a scale for each row.
    let rows = Tensor::from([[1.0f32, -400.0], [30.0, 7.0]]);
    let given = [(rows, 0), (Tensor::from([1.0f32, 10.0]), 0), (Tensor::from([0i32, 1]), 3)];
    let y = outputs("QuantizeLinear", vec![int("axis", 0)], &given, 1).unwrap();
    assert_eq!(y[0].to_vec::<i32>(), [1, -128, 4, 2]);
    let e = output("QuantizeLinear", vec![], &[Tensor::ones([2, 3]), Tensor::ones([2])]);
    assert!(e.unwrap_err().contains("scales or zero points [2] for [2, 3], axis 1"));
    let x = Tensor::from([0.0f32, 2.0, -3.0, -2.5, 1.34, 0.5]);
    let y = outputs("DynamicQuantizeLinear", vec![], &[(x, 0)], 3).unwrap();
    assert_eq!(y[0].to_vec::<u8>(), [153, 255, 0, 26, 221, 179]);
    near(&[y[1].item()], &[0.019_607_844]);
    let a = Tensor::from([[11u8, 7, 3], [10, 6, 2]]);
    let b = Tensor::from([[1u8, 4], [2, 5], [3, 6]]);
    let zero = Tensor::from([12u8]);
    let y = floats("MatMulInteger", vec![], &[a, b, zero]);
    assert_eq!(y, [-38.0, -83.0, -44.0, -98.0]);
}

#[test]
fn losses_of_classes() {
    let x = Tensor::from([
        [[1.0f32, 2.0], [2.0, 2.0], [3.0, 2.0]],
        [[0.0, 1.0], [2.0, 2.0], [1.0, 2.0]],
    ]);
    let target = Tensor::from([[2i64, 1], [0, 2]]);
    let none = || text("reduction", "none");
    let of = |settings, inputs: &[Tensor]| floats("NegativeLogLikelihoodLoss", settings, inputs);
    assert_eq!(of(vec![none()], &[x.clone(), target.clone()]), [-3.0, -2.0, 0.0, -2.0]);
    let weight = Tensor::from([0.2f32, 0.3, 0.1]);
    near(&of(vec![], &[x.clone(), target.clone(), weight]), &[-(0.3 + 0.6 + 0.2) / 0.7]);
    // A target that is ignored weighs nothing, wherever it points.
    let away = Tensor::from([[2i64, -100], [0, 2]]);
    near(&of(vec![int("ignore_index", -100)], &[x.clone(), away]), &[-5.0 / 3.0]);
    let y =
        outputs("SoftmaxCrossEntropyLoss", vec![none()], &[(x.clone(), 0), (target.clone(), 0)], 2);
    let y = y.unwrap();
    near(&y[0].to_vec::<f64>()[..1], &[(1.0 + (-1f64).exp() + (-2f64).exp()).ln()]);
    assert_eq!(y[1].shape(), x.shape());
    let e = output("NegativeLogLikelihoodLoss", vec![], &[x, Tensor::from([0i64, 1])]).unwrap_err();
    assert!(e.contains("scores [2, 3, 2], targets [2]"), "{e}");
}

#[test]
fn elements_by_indices() {
    let x = Tensor::from([[1.0f32, 0.0], [0.0, 4.0]]);
    assert_eq!(floats("NonZero", vec![], std::slice::from_ref(&x)), [0.0, 1.0, 0.0, 1.0]);
    let flags = Tensor::from([false, true]);
    assert_eq!(floats("Compress", vec![int("axis", 1)], &[x.clone(), flags.clone()]), [0.0, 4.0]);
    assert_eq!(floats("Compress", vec![], &[x.clone(), flags]), [0.0]);
    let ids = Tensor::from([[1i64, -1], [0, 0]]);
    assert_eq!(floats("GatherND", vec![], &[x.clone(), ids.clone()]), [4.0, 1.0]);
    let add = |name: &str| vec![text("reduction", name)];
    let given = [x.clone(), ids, Tensor::from([5.0f32, 7.0])];
    assert_eq!(floats("ScatterND", add("add"), &given), [8.0, 0.0, 0.0, 9.0]);
    let given = [x.clone(), Tensor::from([[-1i64, 0]]), Tensor::from([[3.0f32, 3.0]])];
    assert_eq!(floats("ScatterElements", add("max"), &given), [1.0, 3.0, 3.0, 4.0]);
    let e = output("ScatterElements", add("mean"), &given).unwrap_err();
    assert!(e.contains("reduction `mean`; known are none, add, mul, max and min"), "{e}");
    let far = [x, Tensor::from([[2i64, 0]]), Tensor::from([[3.0f32, 3.0]])];
    let e = output("ScatterElements", vec![], &far).unwrap_err();
    assert!(e.contains("index 2 at position 0 is outside axis 0, whose size is 2"), "{e}");
    let y = outputs(
        "Unique",
        vec![int("sorted", 0)],
        &[(Tensor::from([2.0f32, 1.0, 1.0, 3.0, 2.0]), 0)],
        4,
    );
    let y: Vec<Vec<f64>> = y.unwrap().iter().map(|t| t.cast(DType::F64).to_vec()).collect();
    assert_eq!(
        y,
        [
            vec![2.0, 1.0, 3.0],
            vec![0.0, 1.0, 3.0],
            vec![0.0, 1.0, 1.0, 2.0, 0.0],
            vec![2.0, 2.0, 1.0]
        ]
    );
}

#[test]
fn attention_with_a_mask_and_a_cache() {
    let row = |values: [f32; 4]| Tensor::from(values).reshape([1, 1, 2, 2]);
    let (q, k, v) = (row([0.0; 4]), row([1.0, 2.0, 3.0, 4.0]), row([2.0, 4.0, 6.0, 8.0]));
    let causal = vec![int("is_causal", 1)];
    assert_eq!(
        floats("Attention", causal, &[q.clone(), k.clone(), v.clone()]),
        [2.0, 4.0, 4.0, 6.0]
    );
    let mask = Tensor::from([[false, true], [false, false]]);
    let y = floats("Attention", vec![], &[q.clone(), k.clone(), v.clone(), mask]);
    assert_eq!(y, [6.0, 8.0, 0.0, 0.0]);
    // Heads of queries that share one of keys.
    let two = q.broadcast_to([1, 2, 2, 2]);
    assert_eq!(floats("Attention", vec![], &[two, k.clone(), v.clone()])[..2], [4.0, 6.0]);
    let e = output("Attention", vec![], &[q.select(0, 0), k, v]).unwrap_err();
    assert!(e.contains("in 0 heads"), "{e}");
}

#[test]
fn boxes_and_points() {
    let boxes =
        Tensor::from([[[0.0f32, 0.0, 1.0, 1.0], [0.0, 0.1, 1.0, 1.1], [0.0, 5.0, 1.0, 6.0]]]);
    let scores = Tensor::from([[[0.9f32, 0.8, 0.3]]]);
    let given =
        [boxes, scores, Tensor::from([2i64]), Tensor::from([0.5f32]), Tensor::from([0.0f32])];
    assert_eq!(floats("NonMaxSuppression", vec![], &given), [0.0, 0.0, 0.0, 0.0, 0.0, 2.0]);
    // At most none by default, as the description has it.
    assert!(floats("NonMaxSuppression", vec![], &given[..2]).is_empty());
    let x = Tensor::arange(16).cast(DType::F32).reshape([1, 1, 4, 4]);
    let grid = Tensor::from([[[0.0f32, 0.0], [-1.0, -1.0]]]).unsqueeze(0);
    let corners = vec![int("align_corners", 1)];
    assert_eq!(floats("GridSample", corners, &[x.clone(), grid]), [7.5, 0.0]);
    let given = [x, Tensor::from([[0.0f32, 0.0, 4.0, 4.0]]), Tensor::from([0i64])];
    let two = vec![int("output_height", 1), int("output_width", 1), int("sampling_ratio", 2)];
    assert_eq!(floats("RoiAlign", two, &given), [7.5]);
}

#[test]
fn signals() {
    // One turn of a cosine is half at frequency 1 and half at −1.
    let x: Vec<f32> =
        (0..8).map(|i| (f32::from(i as u8) * std::f32::consts::TAU / 8.0).cos()).collect();
    let x = Tensor::from_slice(&x, [1, 8, 1]);
    let y = output("DFT", vec![], std::slice::from_ref(&x)).unwrap();
    assert_eq!(y.shape().to_string(), "[1, 8, 2]");
    let real = y.select(-1, 0).to_vec::<f64>();
    near(&real, &[0.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0]);
    let back = floats("DFT", vec![int("inverse", 1)], &[y]);
    near(&back.iter().step_by(2).copied().collect::<Vec<_>>(), &x.to_vec::<f64>());
    let half = output("DFT", vec![int("onesided", 1)], std::slice::from_ref(&x)).unwrap();
    let again = vec![int("onesided", 1), int("inverse", 1)];
    near(&floats("DFT", again, &[half]), &x.to_vec::<f64>());
    near(&floats("HannWindow", vec![], &[Tensor::scalar(4i64)]), &[0.0, 0.5, 1.0, 0.5]);
    let e = output("DFT", vec![], &[x.select(2, 0)]).unwrap_err();
    assert!(e.contains("the last axis holds one or two parts"), "{e}");
}

#[test]
fn products_windows_and_means() {
    let a = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    let equation = vec![text("equation", "ij,kj->ik")];
    assert_eq!(floats("Einsum", equation, &[a.clone(), a.clone()]), [5.0, 11.0, 11.0, 25.0]);
    near(&floats("Det", vec![], std::slice::from_ref(&a)), &[-2.0]);
    let axis = || Tensor::scalar(1i64);
    assert_eq!(floats("CumProd", vec![], &[a.clone(), axis()]), [1.0, 2.0, 3.0, 12.0]);
    let before = vec![int("exclusive", 1)];
    assert_eq!(floats("CumProd", before, &[a.clone(), axis()]), [1.0, 1.0, 1.0, 3.0]);
    let ints = |name: &str, v: &[i64]| set(name, AttributeValue::Ints(v.to_vec()));
    // Means of every other element: pads do not count unless they are to.
    let row = Tensor::from([[[1.0f32, 2.0, 3.0, 4.0]]]);
    let windows = |more: Vec<Attribute>| {
        let own = [ints("kernel_shape", &[2]), ints("dilations", &[2]), ints("pads", &[1, 0])];
        own.into_iter().chain(more).collect::<Vec<_>>()
    };
    assert_eq!(floats("AveragePool", windows(vec![]), std::slice::from_ref(&row)), [2.0, 2.0, 3.0]);
    let counted = windows(vec![int("count_include_pad", 1)]);
    assert_eq!(floats("AveragePool", counted, std::slice::from_ref(&row)), [1.0, 2.0, 3.0]);
    let lp =
        vec![ints("kernel_shape", &[2]), int("p", 1), int("ceil_mode", 1), ints("strides", &[3])];
    assert_eq!(floats("LpPool", lp, &[row]), [3.0, 4.0]);
    // Triangles of twice the width: shares of ¼, ¾, ¾ and ¼ of two, one of which lies before the first and is the first.
    let wide = Tensor::from([1.0f32, 2.0, 3.0, 4.0]).reshape([1, 1, 1, 4]);
    let given = [(wide, 0), (Tensor::ones([0]), 0), (Tensor::from([1.0f32, 1.0, 1.0, 0.5]), 0)];
    let smooth = vec![text("mode", "linear"), int("antialias", 1)];
    let y = outputs("Resize", smooth, &given, 1).unwrap();
    let first = (0.25 + 0.75 + 0.75 * 2.0 + 0.25 * 3.0) / 2.0;
    near(&y[0].to_vec::<f64>(), &[first, 5.0 - first]);
}

/// By the batch's own numbers, and the running ones go on.
#[test]
fn batch_norm_as_in_training() {
    let x = Tensor::from([[1.0f32], [3.0]]);
    let one = |v: f32| Tensor::from([v]);
    let given: Vec<_> = [x, one(1.0), one(0.0), one(10.0), one(2.0)].map(|t| (t, 0)).to_vec();
    let settings = vec![int("training_mode", 1), Attribute::float("momentum", 0.5)];
    let y = outputs("BatchNormalization", settings, &given, 3).unwrap();
    near(&y[0].to_vec::<f64>(), &[-0.999_995, 0.999_995]);
    assert_eq!((y[1].item(), y[2].item()), (6.0, 1.5));
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// One unit whose gates all see x + h/2: the equations step by step, either way, for a sequence that ends early.
#[test]
fn recurrent_layers_step_by_step() {
    let x = Tensor::from([[[0.5f32], [1.0]], [[-1.0], [2.0]], [[0.25], [3.0]]]);
    let lens = Tensor::from([3i32, 1]);
    let given = |gates: usize| {
        let w = Tensor::full([1, gates, 1], 1.0);
        let (r, b) = (Tensor::full([1, gates, 1], 0.5), Tensor::zeros([1, 2 * gates]));
        [x.clone(), w, r, b, lens.clone()].map(|t| (t, 0))
    };
    let lstm = |h: f64, c: f64, x: f64| {
        let sum = x + h / 2.0;
        let c = sigmoid(sum) * c + sigmoid(sum) * sum.tanh();
        (sigmoid(sum) * c.tanh(), c)
    };
    let inputs = [0.5, -1.0, 0.25];
    let forward = inputs.iter().fold(vec![(0.0, 0.0)], |mut all, &x| {
        let &(h, c) = all.last().unwrap();
        all.push(lstm(h, c, x));
        all
    });
    let y = outputs("LSTM", vec![int("hidden_size", 1)], &given(4), 3).unwrap();
    assert_eq!(y[0].shape().to_string(), "[3, 1, 2, 1]");
    let first = y[0].select(2, 0).to_vec::<f64>();
    near(&first, &[forward[1].0, forward[2].0, forward[3].0]);
    // The second sequence has one step: its state stays, its outputs end.
    let (h, c) = lstm(0.0, 0.0, 1.0);
    near(&y[0].select(2, 1).to_vec::<f64>(), &[h, 0.0, 0.0]);
    near(&y[1].to_vec::<f64>(), &[forward[3].0, h]);
    near(&y[2].to_vec::<f64>(), &[forward[3].1, c]);
    let backwards = vec![int("hidden_size", 1), text("direction", "reverse")];
    let y = outputs("LSTM", backwards, &given(4), 3).unwrap();
    let back = inputs.iter().rev().fold((0.0, 0.0), |(h, c), &x| lstm(h, c, x));
    near(&y[1].to_vec::<f64>(), &[back.0, h]);

    let gru = |h: f64, x: f64| {
        let gate = sigmoid(x + h / 2.0);
        (1.0 - gate) * (x + gate * h / 2.0).tanh() + gate * h
    };
    let y = outputs("GRU", vec![int("hidden_size", 1)], &given(3), 2).unwrap();
    let last = inputs.iter().fold(0.0, |h, &x| gru(h, x));
    near(&y[1].to_vec::<f64>(), &[last, gru(0.0, 1.0)]);
    let y = outputs("RNN", vec![int("hidden_size", 1)], &given(1), 2).unwrap();
    let last = inputs.iter().fold(0.0f64, |h, &x| (x + h / 2.0).tanh());
    near(&y[1].to_vec::<f64>(), &[last, 1f64.tanh()]);

    let e = outputs("GRU", vec![int("hidden_size", 2)], &given(3), 1).unwrap_err();
    assert!(e.contains("weights [1, 3, 1] and [1, 3, 1] for 1 directions of 2 units"), "{e}");
    let odd = set("activations", AttributeValue::Texts(vec!["Cube".into()]));
    let e = outputs("RNN", vec![odd], &given(1), 1).unwrap_err();
    assert!(e.contains("activation `Cube` is not known"), "{e}");
}
