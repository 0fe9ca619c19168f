//! Ops one by one: what they are written as gives the same numbers.

use crate::export::same;
use crate::rules::obeys;
use gradus_onnx::Export;
use gradus_tensor::{
    Attention, Conv, DType, LocalResponse, PadMode, Padding, Pool, Tensor, Variable,
};

type Op = fn(&Tensor) -> Tensor;

/// `f` of `[B, sizes..]`; gives the operators' names.
fn check(sample: &[usize], f: impl Fn(&Tensor) -> Tensor) -> String {
    let model = Export::new().input("input", sample).function(|x| vec![f(&x[0])]).unwrap();
    same(&model, sample, f);
    model.graph.nodes.iter().map(|n| n.op.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn activations_are_single_operators() {
    let whole: [(&str, Op); 13] = [
        ("Relu", Tensor::relu),
        ("Clip", Tensor::relu6),
        ("Clip", |x| x.clamp(-0.1, 0.2)),
        ("Sigmoid", Tensor::sigmoid),
        ("Tanh", Tensor::tanh),
        ("LeakyRelu", |x| x.leaky_relu(0.2)),
        ("Elu", |x| x.elu(1.0)),
        ("Elu", |x| x.elu(0.7)),
        ("Selu", Tensor::selu),
        ("Softplus", |x| x.softplus(1.0)),
        ("Softsign", Tensor::softsign),
        ("HardSigmoid", Tensor::hard_sigmoid),
        ("HardSwish", Tensor::hard_swish),
    ];
    for (op, f) in whole {
        assert_eq!(check(&[5], f), op);
    }
    assert_eq!(check(&[5], Tensor::silu), "Sigmoid Mul");
    assert_eq!(check(&[5], Tensor::mish), "Softplus Tanh Mul");
}

#[test]
fn formulas() {
    let formulas: [Op; 21] = [
        Tensor::gelu,
        Tensor::gelu_tanh,
        |x| x.softplus(2.0),
        Tensor::log_sigmoid,
        Tensor::lecun_tanh,
        Tensor::abs,
        Tensor::square,
        |x| (x.abs() + 0.1).sqrt(),
        |x| (x.abs() + 0.1).rsqrt(),
        |x| (x.abs() + 0.1).ln(),
        Tensor::exp,
        Tensor::exp_m1,
        |x| x.abs().ln_1p(),
        Tensor::sin,
        Tensor::cos,
        Tensor::atan,
        Tensor::erf,
        |x| (x * 5.0).floor() + (x * 5.0).ceil() + (x * 5.0).round(),
        |x| (x * 7.0).remainder(2.0),
        |x| x.lt(0.2).select_where(x, &(x * 3.0)),
        |x| x.lt(0.0).logical_or(&Tensor::full([5], 0.3).lt(x)).cast(DType::F32),
    ];
    for f in formulas {
        check(&[5], f);
    }
}

/// Integers are divided as they are here by ONNX too: towards 0 by its operator, downwards by that and what it leaves.
#[test]
fn integers_are_divided() {
    let whole = |x: &Tensor| (x * 20.0).cast(DType::I64);
    let by = Tensor::from([3i64, -3, 7, 2, -1]);
    let f = by.clone();
    let ops = check(&[5], move |x| whole(x).div_trunc(&f).cast(DType::F32));
    assert!(ops.contains("Div") && !ops.contains("Floor"), "{ops}");
    let f = by.clone();
    check(&[5], move |x| whole(x).div_floor(&f).cast(DType::F32));
    check(&[5], move |x| whole(x).remainder(&by).cast(DType::F32));
    check(&[5], |x| whole(x).div_floor(3.0).cast(DType::F32));
}

#[test]
fn broadcasting_needs_no_repetition() {
    let row = Tensor::from([1.0f32, 2.0, 3.0]);
    assert_eq!(check(&[2, 3], |x| x * &row), "Mul");
    assert_eq!(check(&[2, 3], |x| x + 1.0), "Add");
    // Both sides grow.
    assert_eq!(check(&[4], |x| x.unsqueeze(1) * x.unsqueeze(2)), "Reshape Reshape Mul");
    // The batch appears where it was not.
    let token = Tensor::from([[5.0f32, 6.0, 7.0]]);
    let with_token = |x: &Tensor| {
        let first = token.broadcast_to([x.shape()[0], 1, 3]);
        Tensor::concat(&[&first, x], 1)
    };
    assert_eq!(check(&[2, 3], with_token), "Shape Concat Expand Concat");
}

#[test]
fn shapes_follow_the_batch() {
    assert_eq!(check(&[2, 3, 4], |x| x.reshape([x.shape()[0], 24])), "Flatten");
    assert_eq!(check(&[2, 3], |x| x.reshape([x.shape()[0], 3, 2])), "Reshape");
    assert_eq!(check(&[2, 3], |x| x.reshape([x.shape()[0] * 2, 3])), "Reshape");
    assert_eq!(check(&[2, 3], |x| x.reshape([3, x.shape()[0] * 2])), "Reshape");
    assert_eq!(check(&[2, 3], |x| x.permute([2, 0, 1])), "Transpose");
    // Two axes that grow: the shape is computed.
    let outer = |x: &Tensor| {
        let b = x.shape()[0];
        x.reshape([b, 1, 2]).broadcast_to([b, b, 2]).reshape([b * 2, b])
    };
    check(&[2], outer);
    check(&[4, 6], |x| x.slice(2, 1..4));
    check(&[4, 6], |x| x.slice_step(2, 5, -2, 3));
    check(&[4, 6], |x| x.flip(1));
    check(&[4, 6], |x| x.pad(1, 2, 1).pad(2, 0, 3));
    check(&[4, 6], |x| Tensor::concat(&[x, &x.slice(1, ..2)], 1));
    check(&[4, 6], |x| Tensor::concat(&[x, x], 0));
    for mode in [PadMode::Constant(2.0), PadMode::Reflect, PadMode::Replicate, PadMode::Circular] {
        check(&[4, 6], |x| x.pad_with(2, 2, 3, mode));
    }
}

#[test]
fn reductions() {
    assert_eq!(check(&[3, 4], |x| x.sum(1)), "ReduceSum");
    assert_eq!(check(&[3, 4], |x| x.mean([1, 2])), "ReduceMean");
    assert_eq!(check(&[3, 4], |x| x.max(-1)), "ReduceMax");
    assert_eq!(check(&[3, 4], |x| x.min(-1)), "ReduceMin");
    check(&[3, 4], |x| x.prod(-1));
    check(&[3, 4], |x| x.sum(0));
    check(&[3, 4], |x| x.logsumexp(-1));
    check(&[3, 4], |x| x.argmax(2).cast(DType::F32) + x.argmin(2).cast(DType::F32));
    check(&[5], |x| x.cumsum(1));
}

/// The places in order are TopK's second output; the first is there, too, as it must be.
#[test]
fn orders() {
    assert_eq!(check(&[6], |x| x.sort(1, true)), "TopK GatherElements");
    check(&[3, 6], |x| x.sort(1, false));
    assert_eq!(check(&[6], |x| x.argsort(1, false).cast(DType::F32)), "TopK Cast");
    check(&[6], |x| x.top_k(2, 1).0);
    check(&[6], |x| x.top_k(3, 1).1.cast(DType::F32));
}

#[test]
fn ones_at_places() {
    assert_eq!(check(&[3, 4], |x| x.argmax(2).one_hot(5)), "ArgMax OneHot");
    assert_eq!(check(&[3, 4], |x| x.argmax(2).one_hot(5).cast(DType::I64)), "ArgMax OneHot Cast");
    // Of an input; and twos along another axis, whose places already have it.
    let twos = |x: &Tensor| {
        let places = (x * 4.0).abs().floor().cast(DType::I64);
        Tensor::full(places.shape(), 2.0).scatter_add(1, &places, 4)
    };
    let ops = check(&[1, 3], twos);
    assert!(ops.ends_with("OneHot"), "{ops}");
    let sums = |x: &[Tensor]| vec![x[0].scatter_add(1, &x[0].argsort(1, false), 4)];
    let error = Export::new().input("input", [4]).function(sums).unwrap_err().to_string();
    assert!(error.contains("scatter_add"), "{error}");
    assert!(error.contains("adds up elements at places, which has no counterpart"), "{error}");
}

#[test]
fn kernels() {
    let weight = |shape: &[usize]| Variable::new("w", &(Tensor::rand(shape, 9) - 0.5));
    let w = weight(&[6, 2, 3, 3]);
    let same_padding = Conv::new().stride(2).padding(Padding::Same).groups(2);
    assert_eq!(check(&[4, 7, 8], |x| x.conv2d(&w.tensor(), same_padding)), "Conv");
    let wide =
        Conv { dilation: [2, 1], padding: Padding::Explicit([[1, 0], [2, 1]]), ..same_padding };
    check(&[4, 7, 8], |x| x.conv2d(&w.tensor(), wide));
    let up = weight(&[4, 3, 3, 3]);
    let transposed =
        Conv { stride: [2, 2], padding: Padding::all(1), output_padding: [1, 1], ..Conv::new() };
    let ops = check(&[4, 5, 6], |x| x.conv_transpose2d(&up.tensor(), transposed));
    assert_eq!(ops, "ConvTranspose");
    let (one, line) = (weight(&[6, 4, 3]), weight(&[4]));
    check(&[4, 9], |x| x.conv1d(&one.tensor(), Conv::new()));
    // A matrix that is turned keeps its name; a bias that is no bias is added.
    let (turned, bias) = (weight(&[5, 4]), weight(&[5]));
    assert_eq!(check(&[4], |x| x.matmul(&turned.tensor().t()) + bias.tensor()), "Gemm");
    assert_eq!(check(&[4], |x| x.matmul(&turned.tensor().t()) + 1.0), "MatMul Add");
    assert_eq!(check(&[4], |x| x.matmul(&line.tensor())), "MatMul Reshape");
    check(&[3, 4], |x| x.matmul(&x.transpose(1, 2)));
    check(&[3, 4], |x| x.matmul(&turned.tensor().t()));
    check(&[3, 4], |x| x.softmax(-1) + x.log_softmax(-1));
    check(&[3, 4], |x| x.softmax(1));
    let attend = |x: &Tensor, how: &Attention| x.scaled_dot_product_attention(x, x, how);
    let ops = check(&[3, 4], |x| attend(x, &Attention::new().scale(0.3)));
    assert_eq!(ops, "Transpose Mul MatMul Softmax MatMul");
    check(&[2, 3, 4], |x| attend(x, &Attention::new().causal()));
    let lrn = LocalResponse::ALEXNET;
    assert_eq!(check(&[8, 3, 3], |x| x.local_response_norm(lrn)), "LRN");
    let (four, six) = (weight(&[4]), weight(&[6]));
    check(&[4, 3, 3], |x| x.instance_norm(&four.tensor(), &four.tensor(), 1e-5));
    check(&[6, 3, 3], |x| x.group_norm(2, &six.tensor(), &six.tensor(), 1e-5));
    check(&[3, 4], |x| x.layer_norm(&four.tensor(), &four.tensor(), 1e-5));
    check(&[3, 4], |x| x.rms_norm(&four.tensor(), 1e-5));
    check(&[2, 3, 4], |x| x.upsample_nearest([6, 8]));
    check(&[2, 3, 4], |x| x.upsample_linear([5, 8], false));
}

/// Whatever is put around and however the last window reaches over.
#[test]
fn pools() {
    for (kernel, stride, pad) in [(2, 2, 0), (3, 2, 0), (3, 2, 1), (3, 3, 1), (4, 3, 2)] {
        for ceil in [false, true] {
            for count_include_pad in [false, true] {
                let pool = Pool { ceil, count_include_pad, ..Pool::new(kernel) };
                let pool = pool.stride(stride).padding(pad);
                check(&[2, 8, 9], |x| x.max_pool2d(pool));
                check(&[2, 8, 9], |x| x.mean_pool2d(pool));
            }
        }
    }
    check(&[2, 8, 9], |x| x.max_pool2d(Pool { dilation: [2, 3], ..Pool::new(3) }));
    assert_eq!(check(&[2, 8, 9], |x| x.adaptive_mean_pool2d([1, 1])), "GlobalAveragePool");
    assert_eq!(check(&[2, 8, 9], |x| x.adaptive_max_pool2d([1, 1])), "GlobalMaxPool");
    assert_eq!(check(&[2, 8, 9], |x| x.adaptive_mean_pool2d([4, 3])), "AveragePool");
}

/// Integers go in, rows of a table come out.
#[test]
fn embeddings() {
    let table = Variable::new("table", &Tensor::rand([5, 2], 1));
    let build = |x: &Tensor| table.tensor().embedding(x);
    let model =
        Export::new().input_of("input", [3], DType::I64).function(|x| vec![build(&x[0])]).unwrap();
    obeys(&model);
    let ids = Tensor::from([[4i64, 0, 2], [1, 1, 3]]);
    let network = gradus_onnx::Network::new(model).unwrap();
    let y = network.run(&[("input", ids.clone())]).unwrap().remove(0).1;
    assert_eq!(y.shape().to_string(), "[2, 3, 2]");
    assert_eq!(y.to_vec::<f32>(), build(&ids).to_vec::<f32>());
}

/// A layer that casts is a Cast, and so are numbers of rows that come as floats.
#[test]
fn casts() {
    let model = Export::new()
        .input_of("input", [3], DType::U8)
        .function(|x| vec![x[0].cast(DType::F32) * 0.5])
        .unwrap();
    obeys(&model);
    assert_eq!(model.graph.nodes[0].op, "Cast");
    let network = gradus_onnx::Network::new(model).unwrap();
    let y = network.run(&[("input", Tensor::from([[4u8, 0, 255]]))]).unwrap().remove(0).1;
    assert_eq!(y.to_vec::<f32>(), [2.0, 0.0, 127.5]);
    let table = Variable::new("table", &Tensor::rand([5, 2], 1));
    let build = |x: &Tensor| table.tensor().embedding(&x.cast_whole());
    let model = Export::new().input("input", [3]).function(|x| vec![build(&x[0])]).unwrap();
    obeys(&model);
    let ops: Vec<&str> = model.graph.nodes.iter().map(|node| &*node.op).collect();
    assert!(ops.contains(&"Cast") && ops.contains(&"Gather"), "{ops:?}");
    let x = Tensor::from([[4.0f32, 0.0, 2.0]]);
    let network = gradus_onnx::Network::new(model).unwrap();
    let y = network.run(&[("input", x.clone())]).unwrap().remove(0).1;
    assert_eq!(y.to_vec::<f32>(), build(&x).to_vec::<f32>());
}
