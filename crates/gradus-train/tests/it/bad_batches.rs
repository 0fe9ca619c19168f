//! Batches that do not suit the model or the loss: an error that says what was found and expected, never a panic; nothing is
//! changed by them.

use gradus_nn::layers::*;
use gradus_nn::{Init, Sequential};
use gradus_tensor::{DType, Tensor};
use gradus_train::optim::Sgd;
use gradus_train::{Arrays, Learner, weights};

fn learner() -> Learner {
    let model = Sequential::new([1, 8, 8], &Init::new(0))
        .add(conv2d(2, 3))
        .add(relu())
        .add(flatten())
        .add(dense(3));
    Learner::new(model.into(), Sgd::new(0.1))
}

fn good() -> (Tensor, Tensor) {
    (Tensor::randn([4, 1, 8, 8], 1), Tensor::from([0i64, 1, 2, 0]))
}

/// Whatever is asked of a learner says so; then it trains on a good batch as if nothing had been.
#[track_caller]
fn refused(x: &Tensor, t: &Tensor, parts: &[&str]) {
    let (mut learner, fresh) = (learner(), weights(&**learner().model()));
    let mut told = vec![
        learner.train_batch(x, t, 0.1).unwrap_err().to_string(),
        learner.evaluate_batch(x, t).unwrap_err().to_string(),
        learner.prepare(x, t).map(drop).err().map_or(String::new(), |e| e.to_string()),
    ];
    let fit = Arrays::new(x, t, 4).and_then(|data| learner.fit(&data, 1));
    told.push(fit.unwrap_err().to_string());
    told.extend(learner.gradients(x, t).err().map(|e| e.to_string()));
    let found = &told[0];
    parts.iter().for_each(|part| assert!(found.contains(part), "{part:?} is not in {found}"));
    let apart_from_lines = |text: &str| text.split("\n  at ").next().map(str::to_owned);
    assert_eq!(apart_from_lines(&told[0]), apart_from_lines(&told[1]));
    assert!(weights(&**learner.model()) == fresh, "a weight has changed");
    let (x, t) = good();
    assert_eq!(learner.train_batch(&x, &t, 0.1).unwrap().samples, 4);
}

#[test]
fn labels_of_another_type_or_shape() {
    let (x, t) = good();
    let batch = "\n  in a batch of x f32 [4, 1, 8, 8] and t ";
    for dtype in [DType::F64, DType::F32, DType::F16, DType::I32, DType::U8, DType::Bool] {
        let found = format!("labels {dtype} [4]; expected [B, classes] and i64 [B]");
        let remedy = ": labels.cast(DType::I64) has that type";
        refused(&x, &t.cast(dtype), &[&found, remedy, &format!("{batch}{dtype} [4]")]);
    }
    refused(&x, &t.unsqueeze(1), &["labels i64 [4, 1]; expected", "labels.squeeze(-1)", batch]);
    let one_hot = t.one_hot(3).cast(DType::F32);
    refused(&x, &one_hot, &["labels f32 [4, 3]; expected", "labels.argmax(1)", batch]);
    refused(&x, &Tensor::from([0i64, 1, 2]), &["logits are f32 [4, 3], labels i64 [3]; expected"]);
    refused(&x, &Tensor::scalar(1i64), &["labels i64 []; expected", batch]);
    // What is suggested works.
    let loss = |t: &Tensor| learner().train_batch(&x, t, 0.1).unwrap().loss;
    let as_floats = t.cast(DType::F32);
    for remedied in [as_floats.cast(DType::I64), t.unsqueeze(1).squeeze(-1), one_hot.argmax(1)] {
        assert_eq!(loss(&remedied), loss(&t));
    }
}

/// What the first layer says of such a batch.
fn refusal(dtype: DType, expected: &str) -> String {
    format!("conv1: input {dtype} [4, 1, 8, 8], expected {expected} before it")
}

#[test]
fn inputs_of_another_type_or_shape() {
    let (x, t) = good();
    for dtype in [DType::F64, DType::F16, DType::I64, DType::U8, DType::Bool] {
        let batch = format!(
            "\n  in a batch of x {dtype} [4, 1, 8, 8] and t i64 [4]; the model's parameters are f32\n"
        );
        let found = match dtype {
            DType::F16 | DType::F64 => refusal(dtype, "f32; cast(DType::F32)"),
            _ => refusal(dtype, "floats; embedding or a cast"),
        };
        refused(&x.cast(dtype), &t, &[&found, &batch, "in layer conv1"]);
        let mut learner = learner();
        let e = learner.predict_batch(&x.cast(dtype)).unwrap_err().to_string();
        assert!(e.contains(&format!("in a batch of x {dtype} [4, 1, 8, 8]; the model's")), "{e}");
        assert!(learner.activity(&x.cast(dtype)).is_err());
    }
    for shape in [&[4, 8, 8][..], &[4, 64], &[256]] {
        let found = format!("conv2d: x {:?} and w [2, 1, 3, 3] must have four axes", shape);
        refused(&x.reshape(shape), &t, &[&found, "in a batch of x f32 ", "in layer conv1"]);
    }
    refused(
        &Tensor::ones([4, 1, 9, 8]),
        &t,
        &["a [4, 84]   b [72, 3]", "in a batch of x f32 [4, 1, 9, 8] and t i64 [4]\n", "dense1"],
    );
    refused(&Tensor::ones([4, 2, 8, 8]), &t, &["x's channels (2)", "in a batch of x f32 [4, 2,"]);
    let none = Tensor::zeros([0, 1, 8, 8]);
    let expected = "batch: found x [0, 1, 8, 8], expected [B, ..] with at least one sample";
    refused(&none, &Tensor::from_slice(&[] as &[i64], [0]), &[expected]);
    refused(&Tensor::scalar(1.0f32), &t, &["batch: found x [], expected [B, ..]"]);
}
