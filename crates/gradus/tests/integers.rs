//! A model of numbers of words from its description to another program: built, summarised, trained on i64 batches, asked, written as
//! ONNX with an int64 input and read back.

use gradus::io::onnx::{model_bytes, parse_model};
use gradus::nn::functional::{Call, Model, Symbol, built};
use gradus::onnx::{Export, Network, export};
use gradus::prelude::*;

const WORDS: usize = 12;
const LONG: usize = 6;

fn sentences(seed: u64) -> (Tensor, Tensor) {
    let x = (Tensor::rand([300, LONG], seed) * WORDS as f64).cast(DType::I64);
    // Whether word 3 or 7 is in it.
    let there = x.eq(3.0).logical_or(&x.eq(7.0)).cast(DType::I64).max([1]);
    (x, there)
}

/// ONNX's number of int64.
const INT64: i64 = 7;

#[test]
fn words_end_to_end() {
    words(DType::F32);
    words(DType::F64);
}

/// By weights of a type.
fn words(dtype: DType) {
    let (x, t) = sentences(1);
    let spec = Spec::new([LONG], DType::I64);
    assert_eq!(spec, Spec::of(&x));
    let model = Sequential::new(spec, &Init::new(2).of(dtype))
        .add(embedding(WORDS, 8))
        .add(flatten())
        .add(dense(24))
        .add(relu())
        .add(dense(2));
    let summary = model.summary();
    assert_eq!(summary.parameters, WORDS * 8 + (LONG * 8 + 1) * 24 + 25 * 2);
    assert!(summary.to_string().contains("[6]  i64\n"), "{summary}");

    let mut learner = Learner::new(model.into(), Adam::new(0.01));
    let train = Arrays::new(&x, &t, 50).unwrap().shuffle(0);
    learner.fit(&train, 30).unwrap();
    let (x, t) = sentences(9);
    let y = learner.predict_batch(&x).unwrap();
    assert_eq!(y.dtype(), dtype);
    let right = y.argmax(1).eq(&t).cast(DType::F32).mean(..).item();
    assert!(right > 0.95, "{right} of sentences it has not seen");
    assert_eq!(learner.predictor().predict(&x).unwrap().to_vec::<f64>(), y.to_vec::<f64>());

    let wrong = learner.predict_batch(&x.cast(DType::F32)).unwrap_err().to_string();
    let expected = "sequential: input f32 [300, 6], expected i64; cast(DType::I64) before it";
    assert!(wrong.starts_with(expected), "{wrong}");
    let wrong = learner.train_batch(&x.cast(DType::F32), &t, 0.1).unwrap_err().to_string();
    assert!(wrong.starts_with(expected), "{wrong}");

    let written = export(&**learner.model(), [LONG]).unwrap();
    assert_eq!(written.graph.inputs[0].element, INT64);
    assert!(!written.graph.nodes.iter().any(|node| node.op == "Cast"), "ids need no cast");
    let network = Network::new(parse_model(&model_bytes(&written)).unwrap()).unwrap();
    let read = network.run(&[("input", x.clone())]).unwrap().remove(0).1;
    let apart = (read - y).abs().max(..).item();
    assert!(apart < 1e-5, "{apart}");
}

/// The same by a model of a shape alone, whose ids are floats in the file as they were before there were types.
#[test]
fn a_model_of_a_shape_alone_is_written_as_before() {
    let model = Sequential::new([LONG], &Init::new(2)).add(embedding(WORDS, 3)).add(flatten());
    let written = export(&model, [LONG]).unwrap();
    assert_eq!((written.graph.inputs[0].element, &*written.graph.nodes[0].op), (1, "Cast"));
    // Who exports may say a type.
    let written = export(&model, Spec::new([LONG], DType::I64)).unwrap();
    assert_eq!((written.graph.inputs[0].element, &*written.graph.nodes[0].op), (INT64, "Reshape"));
}

/// A word beside measured numbers, trained through objectives and written with both types.
#[test]
fn a_word_and_numbers() {
    let init = Init::new(3);
    let (word, size) = (Symbol::input(Spec::new([], DType::I64)), Symbol::input([2]));
    let vector = built(embedding(WORDS, 4), &word, &init).call(&word);
    let both = Symbol::concat(&[&vector, &size], 0);
    let y = built(dense(1), &both, &init).call(&both);
    let model = std::sync::Arc::new(Model::new(&[&word, &size], &[&y]));

    let word = (Tensor::rand([200], 1) * WORDS as f64).cast(DType::I64);
    let size = Tensor::randn([200, 2], 2);
    let offset = word.remainder(3.0).cast(DType::F32);
    let t = (size.sum([1]) + offset).unsqueeze(1);
    let fields = [("word", &word), ("size", &size), ("t", &t)];
    let arrays = Arrays::named(fields, 50).unwrap().shuffle(0);
    let learned = model.clone();
    let mut task = Objectives::new(0).module("model", model.clone()).minimize(
        "loss",
        Updater::new(Adam::new(0.05)),
        &["model"],
        move |batch, cx| {
            let y = learned.forward_all(&[&batch["word"], &batch["size"]], cx).remove(0);
            Measured::new(&losses::mean_squared(&y, &batch["t"]))
        },
    );
    let progress =
        Fit { epochs: 100, ..Fit::default() }.run_in(None, &mut task, &arrays, None).unwrap();
    let last = progress.history.last().unwrap().get("loss").unwrap();
    assert!(last < 1e-2, "{last}");

    let [first, second] = model.input_specs()[..] else { unreachable!("two inputs") };
    let written = Export::new()
        .input("word", first)
        .input("size", second)
        .names_of(&*model)
        .function(|x| model.forward_all(&[&x[0], &x[1]], &Context::eval()))
        .unwrap();
    let types: Vec<i64> = written.graph.inputs.iter().map(|input| input.element).collect();
    assert_eq!(types, [INT64, 1]);
    let network = Network::new(parse_model(&model_bytes(&written)).unwrap()).unwrap();
    let read = network.run(&[("word", word.clone()), ("size", size.clone())]).unwrap().remove(0).1;
    let own = model.forward_all(&[&word, &size], &Context::eval()).remove(0);
    assert!((read - own).abs().max(..).item() < 1e-5);
}
