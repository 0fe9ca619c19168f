//! A mistake in building is told by the user's own line, whatever op it is in, and nothing unwinds for it.

use gradus_tensor::{
    Conv, DType, Key, LocalResponse, PadMode, Pool, Tensor, Variable, grad, gradients, try_build,
};
use std::panic::Location;

/// `f` is refused, at a line of this file.
#[track_caller]
fn refused<R>(f: impl FnOnce() -> R) {
    let mut went_on = false;
    let built = try_build(|| {
        f();
        went_on = true;
    });
    let error = built.expect_err("refused").to_string();
    assert!(went_on, "it unwound: {error}");
    let line = format!("lines.rs:{}", Location::caller().line());
    assert!(error.contains(&line), "not {line}: {error}");
}

#[test]
fn ops_name_the_line_that_calls_them() {
    let (a, b) = (Tensor::zeros([2, 3]), Tensor::zeros([4, 5]));
    let ints = Tensor::from([1i64, 2]);
    refused(|| &a + &b);
    refused(|| a.maximum(&b));
    refused(|| a.matmul(&b));
    refused(|| a.reshape([7]));
    refused(|| a.softmax(5));
    refused(|| ints.exp());
    refused(|| Tensor::concat(&[&a, &b], 0));
    refused(|| a.index_select(0, &Tensor::from([9i64])).to_vec::<f32>());
    refused(|| Variable::new("v", &a.index_select(0, &Tensor::from([9i64]))));
    refused(|| a.permute([0, 2]));
    refused(|| a.sum(2));
    refused(|| a.sum([1, 1]));
    refused(|| a.size(2));
    refused(|| a.item());
    refused(|| grad(&a, [&b]));
    refused(|| a.clone().refill(&[1i64]));
}

/// Every op makes of a poisoned tensor a poisoned one, whatever it asks of shapes.
#[test]
fn ops_on_poisoned_tensors_give_poisoned_tensors() {
    type Op = fn(&Tensor) -> Tensor;
    let ops: &[(&str, Op)] = &[
        ("add", |x| x + &Tensor::zeros([2, 3])),
        ("add a number", |x| x + 1.0),
        ("neg", |x| -x),
        ("exp", Tensor::exp),
        ("pow", |x| x.pow(0.5)),
        ("clamp", |x| x.clamp(0.0, 1.0)),
        ("div_floor", |x| x.div_floor(0.0)),
        ("remainder", |x| x.remainder(&Tensor::from([2i64]))),
        ("lt", |x| x.lt(3.0)),
        ("select_where", |x| x.select_where(x, 0.0)),
        ("cast", |x| x.cast(DType::I64)),
        ("stop_gradient", Tensor::stop_gradient),
        ("reshape", |x| x.reshape([4, 5])),
        ("flatten", |x| x.flatten(1)),
        ("permute", |x| x.permute([1, 0])),
        ("transpose", |x| x.transpose(8, 9)),
        ("t", Tensor::t),
        ("broadcast_to", |x| x.broadcast_to([7, 7])),
        ("unsqueeze", |x| x.unsqueeze(0).unsqueeze(0).unsqueeze(0)),
        ("squeeze", |x| x.squeeze(3)),
        ("slice", |x| x.slice(1, 4..9)),
        ("select", |x| x.select(0, 5)),
        ("flip", |x| x.flip(0)),
        ("concat", |x| Tensor::concat(&[&Tensor::zeros([2]), x], 0)),
        ("stack", |x| Tensor::stack(&[x, &Tensor::zeros([2])], 0)),
        ("split", |x| x.split(&[3, 4], 0).remove(1)),
        ("pad", |x| x.pad(0, 1, 2)),
        ("pad_with", |x| x.pad_with(1, 3, 2, PadMode::Reflect)),
        ("sum", |x| x.sum(..)),
        ("mean", |x| x.mean([1, -1])),
        ("max", |x| x.max(2)),
        ("prod", |x| x.prod(..)),
        ("std", |x| x.std(0, 1.0)),
        ("logsumexp", |x| x.logsumexp(-1)),
        ("norm_l2", |x| x.norm_l2(..)),
        ("any", |x| x.any(..)),
        ("keep", |x| Tensor::zeros([2]).keep(x, 0)),
        ("cumsum", |x| x.cumsum(1)),
        ("cumprod", |x| x.cumprod(1)),
        ("softmax", |x| x.softmax(-1)),
        ("argmax", |x| x.argmax(0)),
        ("sort", |x| x.sort(0, true)),
        ("top_k", |x| x.top_k(5, 0).1),
        ("gather", |x| x.gather(0, &Tensor::from([1i64]))),
        ("by", |x| Tensor::zeros([4]).index_select(0, x)),
        ("embedding", |x| x.embedding(&Tensor::from([1i64]))),
        ("one_hot", |x| x.one_hot(3)),
        ("scatter_add", |x| x.scatter_add(0, &Tensor::from([1i64]), 2)),
        ("matmul", |x| x.matmul(&Tensor::zeros([1, 4]))),
        ("matmul with a vector", |x| Tensor::zeros([1]).matmul(x)),
        ("conv2d", |x| x.conv2d(&Tensor::zeros([1, 1, 3, 3]), Conv::new())),
        ("conv_transpose2d", |x| Tensor::zeros([1, 1, 3, 3]).conv_transpose2d(x, Conv::new())),
        ("conv1d", |x| x.conv1d(&Tensor::zeros([1, 1, 3]), Conv::new())),
        ("max_pool2d", |x| x.max_pool2d(Pool::new(2))),
        ("mean_pool1d", |x| x.mean_pool1d(Pool::new(2))),
        ("adaptive_max_pool2d", |x| x.adaptive_max_pool2d([0, 1])),
        ("upsample_nearest", |x| x.upsample_nearest([3, 3])),
        ("batch_norm", |x| x.batch_norm(&Tensor::ones([1]), &Tensor::ones([1]), 0.1).2),
        ("layer_norm", |x| x.layer_norm(&Tensor::ones([1]), &Tensor::ones([1]), 0.1)),
        ("group_norm", |x| x.group_norm(0, &Tensor::ones([1]), &Tensor::ones([1]), 0.1)),
        ("rms_norm", |x| x.rms_norm(&Tensor::ones([3]), 0.1)),
        ("local_response_norm", |x| x.local_response_norm(LocalResponse::ALEXNET)),
        ("cross_entropy", |x| x.softmax_cross_entropy(&Tensor::from([1i64]))),
        ("key", |x| Key::of(x).normal([2])),
        ("a parameter", |x| Variable::new("w", x).tensor() + x),
        ("gradient", |x| grad(x, [&Tensor::ones([1])])[0].clone()),
    ];
    let mut kept = None;
    let first = try_build(|| kept = Some(Tensor::zeros([2]).reshape([3]))).unwrap_err();
    let x = kept.unwrap();
    assert_eq!(x.mistake(), Some(&first));
    for (name, op) in ops {
        let mut made = None;
        let error = try_build(|| made = Some(op(&x))).expect_err(name);
        let made = made.unwrap_or_else(|| panic!("{name} unwound"));
        assert_eq!((error, made.mistake()), (first.clone(), Some(&first)), "{name}");
    }
    assert_eq!(x.try_read().err().as_ref(), Some(&first));
    assert_eq!(gradients(&x, &[Tensor::ones([1])]).err().as_ref(), Some(&first));
}
