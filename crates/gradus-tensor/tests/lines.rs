//! A mistake in building is told by the user's own line, whatever op it is in.

use gradus_tensor::{Tensor, Variable, try_build};
use std::panic::Location;

/// `f` is refused, at a line of this file.
#[track_caller]
fn refused<R>(f: impl FnOnce() -> R) {
    let error = try_build(|| {
        f();
    })
    .expect_err("refused")
    .to_string();
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
}
