//! Samples of a wrong shape, and sizes that make no sense, for every layer: an error at the user's line that names the layer's
//! op, what was found and what was expected.

use gradus_nn::layers::*;
use gradus_nn::{Config, Context, Init, Layer, Sequential};
use gradus_tensor::{LocalResponse, PadMode, Tensor, try_build};

/// Building the layer for samples of this shape is refused with a message that has these parts.
#[track_caller]
fn refuses(config: impl Config + 'static, input: &[usize], parts: [&str; 2]) {
    let mut went_on = false;
    let built = try_build(|| {
        // What comes after is built for what is not there, and takes no notice.
        let model = Sequential::new(input, &Init::new(0)).add(config);
        let model = model.add(conv2d(4, 3)).add(flatten()).add(dense(2));
        went_on = !model.forward(&Tensor::zeros(input), &Context::eval()).shape().is_empty();
        model
    });
    assert!(went_on, "it unwound");
    let error = built.err().unwrap_or_else(|| panic!("{input:?} is accepted")).to_string();
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
    assert!(error.starts_with(parts[0]), "{error}");
    assert!(error.contains("wrong_shapes.rs:") && !error.contains("Some("), "{error}");
}

/// The layer, built for `input`, refuses a batch of another shape and says in which layer.
#[track_caller]
fn refuses_batch(config: impl Config + 'static, input: &[usize], batch: &[usize], part: &str) {
    let model = Sequential::new(input, &Init::new(0)).add(config);
    let mut went_on = false;
    let ran = try_build(|| {
        let y = model.forward(&Tensor::zeros(batch), &Context::eval());
        went_on = true;
        y
    });
    assert!(went_on, "it unwound");
    let error = ran.err().unwrap_or_else(|| panic!("{batch:?} is accepted")).to_string();
    assert!(error.contains(part), "{part:?} is not in: {error}");
    assert!(error.contains(", in layer ") && error.contains("wrong_shapes.rs:"), "{error}");
}

/// A user's own layer: its mistake is on a line of its own.
struct Square;
impl gradus_nn::Module for Square {
    fn visit<'a>(&'a self, _: &mut gradus_nn::Visitor<'a, '_>) {}
}
impl Layer for Square {
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        x.matmul(&Tensor::eye(7)) // SQUARE
    }
    fn describe(&self) -> String {
        "Square".into()
    }
}

/// The line of this file that holds `mark`.
fn line_of(mark: &str) -> String {
    let lines = include_str!("wrong_shapes.rs").lines();
    let at = lines.take_while(|line| !line.contains(&format!("// {mark}"))).count() + 1;
    format!("wrong_shapes.rs:{at}")
}

#[test]
fn a_mistake_is_told_by_the_users_line() {
    let nested = || Sequential::new([4], &Init::new(0)).add(dense(7)).add(dense(3));
    let inner: std::sync::Arc<dyn Layer> = nested().into();
    let told = |f: &dyn Fn() -> Tensor| try_build(f).expect_err("refused").to_string();
    let (x, cx) = (Tensor::zeros([2, 5]), Context::eval());

    let model = nested();
    let e = told(&|| model.forward(&x, &cx)); // SEQUENTIAL
    assert!(e.contains(&line_of("SEQUENTIAL")) && e.contains("in layer dense1"), "{e}");
    // A container in a container: both are the library's.
    let e = told(&|| cx.run("trunk", &*inner, &x)); // NESTED
    assert!(e.contains(&line_of("NESTED")) && e.contains("trunk (Sequential(2))/dense1"), "{e}");
    // What the user wrote himself has lines of its own, inside a library's container too.
    let own = || -> std::sync::Arc<dyn Layer> { std::sync::Arc::new(Square) };
    let model = Sequential::new([7], &Init::new(0)).add_layer("own", own());
    let e = told(&|| model.forward(&x, &cx));
    assert!(e.contains(&line_of("SQUARE")) && e.contains("own (Square)"), "{e}");
}

const IMAGES: &str = "expected [channels, height, width]";

#[test]
fn dense_and_convolutions() {
    refuses(dense(3), &[], ["dense: the input is a scalar", "expected features"]);
    refuses(dense(0), &[3], ["dense: 0 units", "at least 1"]);
    refuses(conv2d(4, 3), &[28, 28], ["conv2d: the input is [28, 28]", IMAGES]);
    refuses(conv2d(4, 3), &[3, 2, 2], ["conv2d: the kernel does not fit", "2 samples [3, 2, 2]"]);
    refuses(conv2d(4, 0), &[3, 5, 5], ["conv2d: ", "the kernel [0, 0] must be at least 1"]);
    refuses(conv2d(4, 3).stride(0), &[3, 5, 5], ["conv2d: stride [0, 0]", "at least 1"]);
    refuses(conv2d(4, 3).groups(2), &[3, 5, 5], ["conv2d: 3 channels", "into 2 groups"]);
    refuses(conv2d(0, 3), &[3, 5, 5], ["conv2d: 0 filters", "at least 1"]);
    refuses(conv_transpose2d(2, 2), &[4], ["conv2d: the input is [4]", IMAGES]);
    let table: [&[usize]; 2] = [&[0, 2], &[1]];
    refuses(
        table_conv2d(&table, 3),
        &[2, 5, 5],
        ["table_conv2d: the table names channel 2", IMAGES],
    );
    refuses(table_conv2d(&table, 3), &[3, 2, 2], ["conv2d: the kernel does not fit", "[3, 2, 2]"]);
    let codes = Tensor::eye(3);
    refuses(radial_basis(&codes), &[4], ["radial_basis: the input is [4]", "have 3 features"]);
    refuses_batch(dense(3), &[4], &[2, 5], "matmul: the inner sizes differ");
    refuses_batch(dense(3), &[4], &[], "matmul: a scalar has no axis to sum over");
    let (x, four) = ([3, 5, 5], "must have four axes, [N, C, H, W]");
    refuses_batch(conv2d(4, 3), &x, &[2, 4, 5, 5], "conv2d: the channels do not fit");
    refuses_batch(conv2d(4, 3), &x, &x, four);
    refuses_batch(conv_transpose2d(2, 2), &x, &[1, 2, 4, 4], "the channels do not fit");
    refuses_batch(table_conv2d(&table, 3), &x, &[1, 2, 5, 5], "the channels do not fit");
    refuses_batch(radial_basis(&codes), &[3], &[2, 4], "do not broadcast: [2, 1, 4] and [3, 3]");
}

#[test]
fn norms() {
    for (norm, op) in [(layer_norm(), "layer_norm"), (instance_norm(), "instance_norm")] {
        refuses(norm, &[], [op, "the input is a scalar, expected channels"]);
    }
    refuses(batch_norm(), &[], ["batch_norm", "the input is a scalar, expected channels"]);
    let rule = LocalResponse::ALEXNET;
    refuses(local_response_norm(rule), &[], ["local_response_norm", "the input is a scalar"]);
    refuses(
        instance_norm(),
        &[3],
        ["instance_norm: the input is [3]", "one element has no spread"],
    );
    refuses(group_norm(2), &[3, 4, 4], ["group_norm: 3 channels", "into 2 groups"]);
    refuses(group_norm(0), &[3, 4, 4], ["group_norm: 3 channels", "into 0 groups"]);
    refuses_batch(batch_norm(), &[3, 4, 4], &[2, 5, 4, 4], "batch_norm: mean must be [5]");
    refuses_batch(layer_norm(), &[6], &[2, 7], "w and b must be x's last axes");
    refuses_batch(group_norm(2), &[4, 3, 3], &[1, 6, 3, 3], "group_norm: w must be [6]");
    refuses_batch(instance_norm(), &[3, 4, 4], &[1, 2, 4, 4], "instance_norm: w must be [2]");
}

#[test]
fn pools_and_sizes() {
    let floats = "expected floats [N, C, H, W]\n  (tried on a batch of 2 samples [4])";
    refuses(max_pool2d(2), &[4], ["max_pool2d: ", floats]);
    refuses(trainable_mean_pool2d(2), &[4], ["mean_pool2d: ", floats]);
    refuses(adaptive_max_pool2d(2, 2), &[4], ["adaptive_max_pool2d: ", floats]);
    refuses(max_pool2d(5), &[3, 4, 4], ["max_pool2d: the window does not fit", "reaches over 5"]);
    refuses(mean_pool2d(2), &[3, 1, 1], ["mean_pool2d: the window does not fit", "over 2"]);
    refuses(max_pool2d(0), &[3, 4, 4], ["max_pool2d: window [0, 0]", "must be at least 1"]);
    refuses(
        adaptive_mean_pool2d(0, 2),
        &[3, 4, 4],
        ["adaptive_mean_pool2d: output size", "[0, 2]"],
    );
    refuses(global_mean_pool2d(), &[4], ["mean: axis 2", "samples [4]"]);
    refuses(global_max_pool2d(), &[4], ["max: axis 2", "samples [4]"]);
    refuses(reshape([2, 6]), &[13], ["reshape: ", "26 elements, [2, 2, 6] has 24"]);
    refuses(flatten(), &[], ["flatten: axis 1", "samples []"]);
    refuses(upsample_nearest(2), &[3], ["upsample: the input is [3]", IMAGES]);
    refuses(upsample_bilinear(2), &[], ["upsample: the input is []", IMAGES]);
    refuses(upsample_nearest(0), &[3, 4, 5], ["upsample: the factor is 0", "at least 1"]);
    refuses(pad2d(1, PadMode::Zero), &[3], ["pad: the input is [3]", IMAGES]);
    refuses(pad2d(4, PadMode::Reflect), &[3, 4, 5], ["pad: 4 before", "Reflect goes 3 far"]);
    refuses_batch(max_pool2d(2), &[3, 4, 4], &[2, 3], "expected floats [N, C, H, W]");
}

#[test]
fn the_rest() {
    refuses(maxout(3), &[4], ["maxout: ", "4"]);
    refuses(residual(|p| p.add(dense(6))), &[4], ["residual: ", "4"]);
    let paths = concat().path(|p| p.add(conv2d(2, 1))).path(|p| p.add(conv2d(3, 3)));
    refuses(paths, &[2, 4, 4], ["concat: ", "[2, 3, 2, 2]"]);
    refuses_batch(prelu(), &[3], &[2, 4], "[2, 4]");
    let refused = |f: fn() -> Dropout| try_build(f).err().unwrap().to_string();
    assert!(refused(|| dropout(1.5)).starts_with("dropout: "), "{}", refused(|| dropout(1.5)));
}

/// More weights than any memory holds: refused, not asked for.
#[test]
fn too_many_weights() {
    let shape = "does not hold weights [33554432, 33554432]";
    refuses(dense(1 << 25), &[1 << 25], ["init: ", shape]);
}
