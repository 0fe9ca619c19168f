//! What the documentation says is refused is refused, at the line that asks for it.

use gradus_tensor::ops::conv2d::{Conv, Padding};
use gradus_tensor::{Buffer, DType, Key, LocalResponse, PadMode, Pool, Tensor, grad, try_build};
use std::fs;
use std::path::Path;

type Unary = fn(&Tensor) -> Tensor;

/// The pointwise ops of one tensor and nothing else, by name.
const UNARY: &[(&str, Unary)] = &[
    ("abs", Tensor::abs),
    ("acos", Tensor::acos),
    ("asin", Tensor::asin),
    ("atan", Tensor::atan),
    ("ceil", Tensor::ceil),
    ("cos", Tensor::cos),
    ("cosh", Tensor::cosh),
    ("erf", Tensor::erf),
    ("exp", Tensor::exp),
    ("exp_m1", Tensor::exp_m1),
    ("floor", Tensor::floor),
    ("gelu", Tensor::gelu),
    ("gelu_tanh", Tensor::gelu_tanh),
    ("hard_sigmoid", Tensor::hard_sigmoid),
    ("hard_swish", Tensor::hard_swish),
    ("hard_tanh", Tensor::hard_tanh),
    ("is_finite", Tensor::is_finite),
    ("is_nan", Tensor::is_nan),
    ("lecun_tanh", Tensor::lecun_tanh),
    ("ln", Tensor::ln),
    ("ln_1p", Tensor::ln_1p),
    ("log10", Tensor::log10),
    ("log2", Tensor::log2),
    ("log_sigmoid", Tensor::log_sigmoid),
    ("logical_not", Tensor::logical_not),
    ("mish", Tensor::mish),
    ("recip", Tensor::recip),
    ("relu", Tensor::relu),
    ("relu6", Tensor::relu6),
    ("round", Tensor::round),
    ("rsqrt", Tensor::rsqrt),
    ("selu", Tensor::selu),
    ("sigmoid", Tensor::sigmoid),
    ("sign", Tensor::sign),
    ("silu", Tensor::silu),
    ("sin", Tensor::sin),
    ("sinh", Tensor::sinh),
    ("softsign", Tensor::softsign),
    ("sqrt", Tensor::sqrt),
    ("square", Tensor::square),
    ("step", Tensor::step),
    ("tan", Tensor::tan),
    ("tanh", Tensor::tanh),
    ("trunc", Tensor::trunc),
];

/// The ops that the sources of pointwise ops have of one tensor, and the sentence under `# Panics` of each.
fn promises() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops/pointwise");
    let mut all = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let source = fs::read_to_string(entry.unwrap().path()).unwrap();
        for (at, head) in source.match_indices("    pub fn ") {
            let signature = source[at + head.len()..].lines().next().unwrap();
            let Some((name, "&self) -> Tensor {")) = signature.split_once('(') else { continue };
            let panics = source[..at].rsplit("/// # Panics\n").next().unwrap();
            let sentence = panics.lines().next().unwrap().trim_start().trim_start_matches("/// ");
            all.push((name.to_owned(), sentence.to_owned()));
        }
    }
    all.sort();
    all
}

#[test]
fn pointwise_ops_take_the_types_that_they_say() {
    let promises = promises();
    let named: Vec<&str> = promises.iter().map(|(name, _)| &**name).collect();
    assert_eq!(named, UNARY.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for ((name, sentence), (_, op)) in promises.iter().zip(UNARY) {
        for dtype in DType::ALL {
            let x = Tensor::from([1.0f32, 0.0]).cast(dtype);
            let taken = match &**sentence {
                "Never." => true,
                "If the elements are not floats." => dtype.is_float(),
                other => panic!("{name}: {other:?} is not one of the sentences that are tested"),
            };
            let built = try_build(|| op(&x).to_vec::<f64>());
            assert_eq!(built.is_ok(), taken, "{name} of {dtype}: {sentence} {:?}", built.err());
        }
    }
}

/// Each was refused in this file, not in the library's, with words that begin so.
fn expect_refused(refused: &[(gradus_tensor::Result<Tensor>, &str)]) {
    for (built, words) in refused {
        let message = built.as_ref().map(|y| y.to_string()).expect_err(words).to_string();
        assert!(message.starts_with(words), "{words}: {message}");
        assert!(message.contains("\n  at ") && message.contains("promises.rs:"), "{message}");
    }
}

#[test]
fn mistakes_in_making_tensors_are_refused() {
    let x = Tensor::ones([2, 3]);
    let ids = Tensor::from([0i64, 1]);
    expect_refused(&[
        (try_build(|| Tensor::from_slice(&[1.0f32], [2])), "from_slice: 1 values"),
        (
            try_build(|| Tensor::from_buffer(Buffer::from_slice(&[1.0f32]), [3], DType::F32)),
            "from_buffer: 4 bytes for f32 [3], which takes 12",
        ),
        (try_build(|| Tensor::full_of([2], 0.5, DType::I64)), "full: 0.5 is no i64"),
        (try_build(|| x.cast(DType::F16).full_like(1e6)), "full: 1000000 is no f16"),
        (try_build(|| Tensor::linspace(0.0, 1e300, 2)), "linspace: 1e300 is no f32"),
        (try_build(|| Tensor::from(x.size(2) as f32)), "size: axis 2 of [2, 3]"),
        (try_build(|| Tensor::from(x.item())), "item: shape [2, 3] has 6 elements"),
        (try_build(|| Key::of(&ids.reshape([2, 1])).uniform([2])), "key: a key is"),
        (try_build(|| Key::new(1).normal_of([2], DType::I64)), "random: random numbers are floats"),
        (try_build(|| Tensor::bernoulli([2], f64::NAN, 1)), "bernoulli: p must be"),
    ]);
}

#[test]
fn mistakes_in_pointwise_ops_are_refused() {
    let x = Tensor::ones([2, 3]);
    let whole = Tensor::ones([2, 3]).cast(DType::I64);
    let flag = Tensor::ones([2, 3]).gt(0.0);
    expect_refused(&[
        (try_build(|| &x + Tensor::ones([4])), "add: the shapes do not broadcast"),
        (try_build(|| &x * &whole), "mul: the element types differ"),
        (try_build(|| x.clamp(1.0, 0.0)), "clamp: low 1 must not exceed"),
        (try_build(|| whole.clamp(0.0, 0.5)), "clamp: 0.5 is no i64"),
        (try_build(|| whole.clipped_relu(0.5)), "clipped_relu: the elements are i64"),
        (try_build(|| whole.leaky_relu(0.5)), "leaky_relu: the elements are i64"),
        (try_build(|| whole.elu(1.0)), "elu: the elements are i64"),
        (try_build(|| whole.softplus(1.0)), "softplus: the elements are i64"),
        (try_build(|| x.eq(&whole)), "eq: the element types differ"),
        (try_build(|| x.cast(DType::F16).lt(1e9)), "lt: 1000000000 is no f16"),
        (try_build(|| x.logical_and(&whole)), "logical_and: the element types differ"),
        (try_build(|| whole.div_floor(0.0)), "div_floor: the divisor is 0"),
        (try_build(|| whole.div_trunc(0.5)), "div_trunc: 0.5 is no i64"),
        (try_build(|| flag.remainder(1.0)), "remainder: 1 beside booleans"),
        (try_build(|| flag.lerp(&flag, &flag)), "lerp: the elements are bool"),
        (try_build(|| flag.lerp(&x, 0.5)), "lerp: 0.5 beside booleans"),
        (try_build(|| whole.maximum(0.5)), "maximum: 0.5 is no i64"),
        (try_build(|| whole.pow(-1.0)), "pow: the elements are i64"),
        (try_build(|| x.select_where(&x, 0.0)), "select_where: the mask is f32"),
        (try_build(|| flag.select_where(&x, &whole)), "select_where: the element types differ"),
    ]);
}

#[test]
fn mistakes_in_ops_over_axes_are_refused() {
    let x = Tensor::ones([2, 3]);
    let whole = Tensor::ones([2, 3]).cast(DType::I64);
    expect_refused(&[
        (try_build(|| x.sum(2)), "sum: axis 2 of [2, 3]"),
        (try_build(|| x.max([0, -2])), "max: axes [0, -2] of [2, 3] name one twice"),
        (try_build(|| whole.mean(0)), "mean: the elements are i64"),
        (try_build(|| x.all(5)), "all: axis 5"),
        (try_build(|| x.prod(5)), "prod: axis 5"),
        (try_build(|| x.norm_l1(5)), "sum: axis 5"),
        (try_build(|| whole.norm_l2(0)), "root_of_squares: the elements are i64"),
        (try_build(|| x.var(5, 1.0)), "var: axis 5"),
        (try_build(|| whole.std(0, 1.0)), "mean: the elements are i64"),
        (try_build(|| whole.logsumexp(0)), "exp: the elements are i64"),
        (try_build(|| x.sum(0).keep(&x, 5)), "keep: axis 5"),
        (try_build(|| x.sum(0).keep(&x, 1)), "reshape: [3] has 3 elements"),
        (try_build(|| x.slice(0, ..0).argmax(0)), "argmax: axis 0 of [0, 3]"),
        (try_build(|| x.cumsum(2)), "cumsum: axis 2"),
        (try_build(|| whole.softmax(0)), "softmax: the elements must be floats"),
        (try_build(|| x.sort(2, false)), "sort: axis 2"),
        (try_build(|| x.top_k(4, 1).0), "top_k: the 4 largest"),
    ]);
}

#[test]
fn mistakes_in_views_are_refused() {
    let x = Tensor::ones([2, 3]);
    let whole = Tensor::ones([2, 3]).cast(DType::I64);
    let row = Tensor::ones([3]);
    let one = Tensor::scalar(1.0f32);
    expect_refused(&[
        (try_build(|| x.reshape([7])), "reshape: [2, 3] has 6 elements"),
        (try_build(|| one.flatten(0)), "flatten: axis 0 of []"),
        (try_build(|| x.permute([0, 2])), "permute: axis 2"),
        (try_build(|| x.permute([0, 0])), "permute: [0, 0] does not name"),
        (try_build(|| x.transpose(0, 2)), "transpose: axis 2"),
        (try_build(|| row.t()), "transpose: axis -2"),
        (try_build(|| x.broadcast_to([2, 2])), "expand: [2, 3] does not broadcast"),
        (try_build(|| x.unsqueeze(3)), "unsqueeze: axis 3"),
        (try_build(|| x.squeeze(0)), "squeeze: axis 0 of [2, 3] has size 2"),
        (try_build(|| x.slice(1, 2..4)), "slice: 2..4 on axis 1"),
        (try_build(|| x.slice_step(1, 0, 0, 1)), "slice: 1 elements from 0 by 0"),
        (try_build(|| x.select(0, 2)), "slice: 1 elements from 2"),
        (try_build(|| x.flip(2)), "flip: axis 2"),
        (try_build(|| Tensor::concat(&[], 0)), "concat: there is nothing"),
        (try_build(|| Tensor::concat(&[&x, &x], 2)), "concat: axis 2"),
        (try_build(|| Tensor::concat(&[&x, &row], 0)), "concat: [2, 3] and [3] differ"),
        (try_build(|| Tensor::concat(&[&x, &whole], 0)), "concat: the element types differ"),
        (try_build(|| Tensor::stack(&[&x, &x], 3)), "unsqueeze: axis 3"),
        (try_build(|| x.split(&[1, 1], 1).remove(0)), "split: [1, 1] do not add up"),
        (try_build(|| x.pad(2, 1, 0)), "pad: axis 2"),
        (try_build(|| x.pad_with(1, 3, 0, PadMode::Reflect)), "pad: 3 before"),
        (try_build(|| whole.pad_with(1, 1, 0, PadMode::Constant(0.5))), "pad: 0.5 is no i64"),
    ]);
}

#[test]
fn mistakes_in_ops_by_index_are_refused() {
    let x = Tensor::ones([2, 3]);
    let whole = Tensor::ones([2, 3]).cast(DType::I64);
    let flag = Tensor::ones([2, 3]).gt(0.0);
    let row = Tensor::ones([3]);
    let ids = Tensor::from([0i64, 1]);
    expect_refused(&[
        (try_build(|| x.gather(1, &x)), "gather: indices must be i64"),
        (try_build(|| x.gather(1, &ids)), "gather: x [2, 3] and ids [2] differ"),
        (try_build(|| flag.scatter_add(1, &whole, 2)), "scatter_add: bool does not hold sums"),
        (try_build(|| x.index_select(0, &whole)), "index_select: indices must be a vector"),
        (try_build(|| row.embedding(&ids)), "embedding: the table must be"),
        (try_build(|| x.one_hot(2)), "scatter_add: indices must be i64"),
        (try_build(|| x.softmax_cross_entropy(&row)), "cross_entropy: labels must be i64"),
        (try_build(|| whole.softmax_cross_entropy(&ids)), "cross_entropy: the scores must be"),
        (try_build(|| row.softmax_cross_entropy(&ids)), "cross_entropy: scores [.., classes]"),
    ]);
}

#[test]
fn mistakes_in_layers_of_networks_are_refused() {
    let x = Tensor::ones([2, 3]);
    let whole = Tensor::ones([2, 3]).cast(DType::I64);
    let image = Tensor::ones([1, 4, 5, 5]);
    let row = Tensor::ones([3]);
    let one = Tensor::scalar(1.0f32);
    let ids = Tensor::from([0i64, 1]);
    let lrn = LocalResponse { size: 0, ..LocalResponse::ALEXNET };
    expect_refused(&[
        (try_build(|| x.matmul(&x)), "matmul: the inner sizes differ"),
        (try_build(|| one.matmul(&x)), "matmul: a scalar has no axis"),
        (try_build(|| whole.matmul(&whole.t())), "matmul: a is i64"),
        (try_build(|| x.conv2d(&x, Conv::new())), "conv2d: x [2, 3] and w [2, 3] must have four"),
        (
            try_build(|| image.conv2d(&Tensor::ones([1, 3, 1, 1]), Conv::new())),
            "conv2d: the channels",
        ),
        (
            try_build(|| image.conv2d(&Tensor::ones([1, 4, 6, 6]), Conv::new())),
            "conv2d: the kernel does",
        ),
        (
            try_build(|| image.conv2d(&Tensor::ones([1, 4, 1, 1]), Conv::new().stride(0))),
            "conv2d: stride",
        ),
        (
            try_build(|| {
                image.conv_transpose2d(
                    &Tensor::ones([4, 1, 3, 3]),
                    Conv::new().padding(Padding::Same),
                )
            }),
            "conv_transpose2d: same padding",
        ),
        (try_build(|| image.conv1d(&row, Conv::new())), "conv1d: x [1, 4, 5, 5]"),
        (try_build(|| x.max_pool2d(Pool::new(1))), "max_pool2d: the input is f32 [2, 3]"),
        (try_build(|| image.max_pool2d(Pool::new(6))), "max_pool2d: the window does not fit"),
        (try_build(|| image.adaptive_mean_pool2d([0, 1])), "adaptive_mean_pool2d: output size"),
        (try_build(|| image.max_unpool2d(&image, [9, 9])), "max_unpool2d: values"),
        (try_build(|| image.max_pool1d(Pool::new(1))), "max_pool2d: the input is f32"),
        (try_build(|| image.upsample_nearest([3])), "upsample: sizes [3]"),
        (
            try_build(|| image.cast(DType::U8).upsample_linear([3, 3], true)),
            "upsample: the elements are u8",
        ),
        (try_build(|| x.batch_norm(&one, &one, 1e-5).0), "batch_norm: w must be [3]"),
        (try_build(|| x.layer_norm(&ids, &ids, 1e-5)), "layer_norm: x [2, 3], w [2]"),
        (try_build(|| image.group_norm(3, &row, &row, 1e-5)), "group_norm: w must be [4]"),
        (try_build(|| whole.rms_norm(&row, 1e-5)), "mean: the elements are i64"),
        (try_build(|| x.local_response_norm(lrn)), "local_response_norm: 0 channels"),
    ]);
}

#[test]
fn mistakes_in_gradients_are_refused() {
    let x = Tensor::ones([2, 3]);
    let one = Tensor::scalar(1.0f32);
    expect_refused(&[
        (try_build(|| grad(&x, [&x])[0].clone()), "grad: y has shape [2, 3]"),
        (try_build(|| grad(&one, [&x])[0].clone()), "grad: y does not depend on x0"),
        (try_build(|| grad(&x.floor().sum(..), [&x])[0].clone()), "floor: has no gradient"),
    ]);
}
