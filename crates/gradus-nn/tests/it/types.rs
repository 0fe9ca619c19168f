//! Element types: they go from layer to layer, and one that does not fit is refused by the layer's name at the user's line.

use gradus_nn::functional::{Call, Model, Symbol, built};
use gradus_nn::layers::*;
use gradus_nn::{Config, Context, Init, Layer, Sequential, Spec};
use gradus_tensor::{DType, Shape, Tensor, try_build};
use std::sync::Arc;

fn ints(shape: impl Into<Shape>) -> Spec {
    Spec::new(shape, DType::I64)
}

/// The error of building or running, which is told at a line of the call of this function.
#[track_caller]
fn refusal<R>(f: impl FnOnce() -> R) -> String {
    let here = std::panic::Location::caller();
    let error = try_build(f).err().expect("refused").to_string();
    let (what, at) = error.split_once("\n  at ").unwrap_or_else(|| panic!("no line: {error}"));
    let (file, line) = at.split(',').next().and_then(|at| at.rsplit_once(':')).unwrap();
    let line: u32 = line.parse().unwrap();
    assert!(file == here.file() && (here.line()..here.line() + 4).contains(&line), "{error}");
    what.to_owned()
}

#[test]
fn types_go_from_layer_to_layer() {
    let words = || Sequential::new(ints([5]), &Init::new(0));
    assert_eq!(words().add(embedding(9, 4)).output_spec(), Spec::new([5, 4], DType::F32));
    let wide = Sequential::new(ints([5]), &Init::new(0).of(DType::F64)).add(embedding(9, 4));
    assert_eq!((wide.input_spec(), wide.output_spec().dtype), (ints([5]), DType::F64));
    // What only moves keeps the type; a function gives its own.
    assert_eq!(words().add(reshape([5, 1])).add(flatten()).output_spec(), ints([5]));
    let one_hot = Activation::new("one_hot", |x| x.one_hot(9));
    assert_eq!(words().add(one_hot).output_spec(), Spec::new([5, 9], DType::F32));
    let best = Activation::new("argmax", |x| x.argmax(-1));
    let model = Sequential::new([4], &Init::new(0)).add(dense(3)).add(best).add(embedding(3, 2));
    assert_eq!(model.output_spec(), Spec::new([2], DType::F32));
    assert_eq!((model.input_shape(), model.output_shape()), ([4].into(), [2].into()));
    // A shape alone means the type of the weights.
    let half = Sequential::new([4], &Init::new(0).of(DType::F16)).add(relu());
    assert_eq!(half.output_spec(), Spec::new([4], DType::F16));
}

/// Every layer with weights, and those that scale, on whole numbers.
#[test]
fn layers_of_floats_refuse_integers_by_name() {
    fn check(config: impl Config + 'static, name: &str, input: impl Into<Shape>) {
        let spec = Spec::new(input, DType::I64);
        let error = refusal(|| Sequential::new(spec, &Init::new(0)).add(config));
        let expected = "expected floats; embedding or a cast before it";
        assert_eq!(error, format!("{name}: input {spec}, {expected}"));
    }
    check(dense(3), "dense1", [4]);
    check(conv2d(2, 3), "conv1", [3, 5, 5]);
    check(conv_transpose2d(2, 3), "conv_transpose1", [3, 5, 5]);
    let table: [&[usize]; 2] = [&[0, 2], &[1]];
    check(table_conv2d(&table, 3), "conv1", [3, 5, 5]);
    check(batch_norm(), "batch_norm1", [3, 4, 4]);
    check(layer_norm(), "layer_norm1", [6]);
    check(group_norm(2), "group_norm1", [4, 3, 3]);
    check(instance_norm(), "instance_norm1", [3, 4, 4]);
    check(prelu(), "prelu1", [3]);
    check(radial_basis(&Tensor::eye(3)), "rbf1", [3]);
    check(trainable_mean_pool2d(2), "subsample1", [3, 4, 4]);
    check(dropout(0.5), "dropout1", [4]);
    check(spatial_dropout(0.5), "dropout1", [4, 2, 2]);
    check(gaussian_noise(0.1), "noise1", [4]);
    // Of paths the layer inside is named.
    let words = || Sequential::new(ints([4]), &Init::new(0));
    let expected = "input i64 [4], expected floats; embedding or a cast before it";
    let error = refusal(|| words().add(sequential(|p| p.add(dense(3)))));
    assert_eq!(error, format!("dense1: {expected}"));
    let error = refusal(|| words().add(residual(|p| p.add_named("fc", dense(4)))));
    assert_eq!(error, format!("fc: {expected}"));
    let error = refusal(|| words().add(concat().path(|p| p.add(dense(3)))));
    assert_eq!(error, format!("dense1: {expected}"));
    // What drops nothing scales nothing.
    assert_eq!(words().add(dropout(0.0)).output_spec(), ints([4]));
}

#[test]
fn a_description_and_a_shared_layer_refuse_too() {
    let init = Init::new(0);
    let expected = "input i64 [4], expected floats; embedding or a cast before it";
    let error = refusal(|| built(dense(3), ints([4]), &init));
    assert_eq!(error, format!("dense: {expected}"));
    let shared = built(dense(3), [4], &init);
    let error = refusal(|| shared.call(&Symbol::input(ints([4]))));
    assert_eq!(error, format!("dense: {expected}"));
    let error = refusal(|| Sequential::new(ints([4]), &init).add_layer("head", shared.clone()));
    assert_eq!(error, format!("head: {expected}"));
    // Floats of another type than the weights' are floats that must be cast.
    let wide = Spec::new([4], DType::F64);
    let error = refusal(|| Sequential::new(wide, &init).add_layer("head", shared.clone()));
    assert_eq!(error, "head: input f64 [4], expected f32; cast(DType::F32) before it");
}

/// At the door: integers where floats go in, floats where integers do, and each remedy works.
#[test]
fn a_batch_of_another_type_is_refused_at_the_door() {
    let cx = Context::eval();
    let x = Tensor::from([[1i64, 0, 2, 1]]);
    let floats = Sequential::new([4], &Init::new(0)).add(dense(3));
    let error = refusal(|| floats.forward(&x, &cx));
    let expected = "input i64 [1, 4], expected floats; embedding or a cast before it";
    assert_eq!(error, format!("dense1: {expected}"));
    floats.forward(&x.cast(DType::F32), &cx);

    let words = Sequential::new(ints([4]), &Init::new(0)).add(embedding(9, 2));
    let error = refusal(|| words.forward(&x.cast(DType::F32), &cx));
    let expected = "input f32 [1, 4], expected i64; cast(DType::I64) before it";
    assert_eq!(error, format!("sequential: {expected}"));
    let y = words.forward(&x.cast(DType::F32).cast(DType::I64), &cx);
    assert_eq!(y.to_vec::<f32>(), words.forward(&x, &cx).to_vec::<f32>());
    // Inside another model it has a name.
    let inner: Arc<dyn Layer> = words.into();
    let error = refusal(|| cx.run("words", &*inner, &x.cast(DType::F32)));
    assert_eq!(error, format!("words: {expected}"));

    let wide = Sequential::new([4], &Init::new(0).of(DType::F64)).add(dense(3));
    let error = refusal(|| wide.forward(&x.cast(DType::F32), &cx));
    assert_eq!(error, "dense1: input f32 [1, 4], expected f64; cast(DType::F64) before it");
    wide.forward(&x.cast(DType::F64), &cx);
    // A type that was said is held to by layers that would take any.
    let said = Sequential::new(Spec::new([4], DType::F64), &Init::new(0)).add(flatten());
    let error = refusal(|| said.forward(&x, &cx));
    assert_eq!(error, "sequential: input i64 [1, 4], expected f64; cast(DType::F64) before it");
}

/// Models of a shape alone take what they took before there were types: ids as floats, as any integers.
#[test]
fn ids_may_be_floats_where_no_type_is_said() {
    let model = Sequential::new([3], &Init::new(0)).add(embedding(9, 2)).add(dense(2));
    assert_eq!(model.input_spec(), Spec::new([3], DType::F32));
    let ids = Tensor::from([[4i64, 8, 0]]);
    let y = |dtype| model.forward(&ids.cast(dtype), &Context::eval()).to_vec::<f32>();
    for dtype in [DType::F32, DType::F64, DType::I32, DType::U8] {
        assert_eq!(y(dtype), y(DType::I64), "{dtype}");
    }
    // i64 is not cast: the table's rows are taken by the very ids.
    let table = embedding(9, 2);
    let layer = built(table, ids_spec(), &Init::new(0));
    let y = layer.forward(&ids, &Context::eval());
    let mut open = vec![y.node().clone()];
    while let Some(node) = open.pop() {
        assert_ne!(node.name(), "cast");
        open.extend(node.inputs().iter().cloned());
    }
}

fn ids_spec() -> Spec {
    ints([3])
}

/// A word's number beside measured numbers, in f32 and in f64.
#[test]
fn a_model_of_integers_and_floats() {
    for dtype in [DType::F32, DType::F64] {
        let init = Init::new(4).of(dtype);
        let (word, size) = (Symbol::input(ints([])), Symbol::input([2]));
        let vector = built(embedding(7, 3), &word, &init).call(&word);
        assert_eq!(vector.spec(), Spec::new([3], dtype));
        let both = Symbol::concat(&[&vector, &size], 0);
        assert_eq!(both.spec(), Spec::new([5], dtype));
        let y = built(dense(4), &both, &init).call(&both);
        let best = Symbol::join(&[&y], |x| x[0].argmax(1));
        let model = Model::new(&[&word, &size], &[&y, &best]);
        assert_eq!(model.input_specs(), [ints([]), Spec::new([2], dtype)]);
        assert_eq!(model.output_specs(), [Spec::new([4], dtype), ints([])]);

        let (ids, x) = (Tensor::from([6i64, 0]), Tensor::randn([2, 2], 1).cast(dtype));
        let ys = model.forward_all(&[&ids, &x], &Context::eval());
        let tables: Vec<Tensor> =
            gradus_nn::parameters(&model).iter().map(|(_, p)| p.tensor()).collect();
        let rows = Tensor::concat(&[&tables[0].embedding(&ids), &x], 1);
        let by_hand = rows.matmul(&tables[1]) + &tables[2];
        assert_eq!((ys[0].to_vec::<f64>(), ys[0].dtype()), (by_hand.to_vec::<f64>(), dtype));
        let floats = x.select(1, 0);
        let error = refusal(|| model.forward_all(&[&floats, &x], &Context::eval()));
        let expected = format!("{dtype} [2], expected i64; cast(DType::I64) before it");
        assert_eq!(error, format!("model: input 0 {expected}"));
    }
}

/// A join sees values of its places' own types, and a mistake in them is the user's line's.
#[test]
fn a_join_is_tried_on_each_places_type() {
    let (ids, x) = (Symbol::input(ints([3])), Symbol::input([3]));
    // Only possible with i64.
    let hot = Symbol::join(&[&ids], |x| x[0].one_hot(5));
    assert_eq!(hot.spec(), Spec::new([3, 5], DType::F32));
    let error = refusal(|| Symbol::concat(&[&ids, &x], 0));
    assert!(error.contains("i64") && error.contains("f32"), "{error}");
    let wide = Symbol::input(Spec::new([3], DType::F64));
    assert_eq!(Symbol::sum(&[&wide, &x]).spec(), Spec::new([3], DType::F64));
    // Only possible with f64.
    let shift = Tensor::from([0.1f64, 0.2, 0.3]);
    let shifted = Symbol::join(&[&wide], move |x| &x[0] + &shift);
    assert_eq!(shifted.spec(), wide.spec());
}

/// An input of no said type has that of the weights which read it, wherever they are.
#[test]
fn open_floats_are_those_of_the_weights() {
    let (single, double) = (Init::new(0), Init::new(0).of(DType::F64));
    let (a, b, c) = (Symbol::input([4]), Symbol::input([4]), Symbol::input([4]));
    // a meets weights behind a join and an activation, b at once, c only in the sum with what b became.
    let doubled = built(relu(), [4], &single).call(&Symbol::join(&[&a], |x| &x[0] * 2.0));
    let y = built(dense(4), &doubled, &double).call(&doubled);
    let z = built(dense(4), [4], &single).call(&b);
    let sum = Symbol::sum(&[&z, &c]);
    let model = Model::new(&[&a, &b, &c], &[&y, &sum]);
    let types = |specs: Vec<Spec>| specs.iter().map(|s| s.dtype).collect::<Vec<_>>();
    assert_eq!(types(model.input_specs()), [DType::F64, DType::F32, DType::F32]);
    assert_eq!(types(model.output_specs()), [DType::F64, DType::F32]);
    // A model that was said to be for integers says so for who reads it.
    let words = Sequential::new(ints([4]), &single).add(embedding(9, 2));
    let ids = Symbol::input([4]);
    let y = Arc::<dyn Layer>::from(words).call(&ids);
    assert_eq!(Model::new(&[&ids], &[&y]).input_specs(), [ints([4])]);
    // A model of no weights at all takes any floats.
    let alone = Model::new(&[&a], &[&doubled]);
    let y = alone.forward(&Tensor::ones([1, 4]).cast(DType::F64), &Context::eval());
    assert_eq!((alone.input_specs()[0].dtype, y.dtype()), (DType::F32, DType::F64));
}

#[test]
fn a_summary_tells_a_type_that_is_not_f32() {
    let model = |spec| Sequential::new(spec, &Init::new(0)).add(embedding(9, 4)).add(flatten());
    let summary = model(ints([5])).summary();
    assert_eq!((summary.input_dtype, summary.activation_bytes), (DType::I64, 2 * 20 * 4));
    let input = |text: String| text.lines().nth(1).unwrap().to_owned();
    assert!(input(summary.to_string()).ends_with("[5]  i64"), "{summary}");
    let plain = model(Spec::new([5], DType::F32)).summary();
    assert!(input(plain.to_string()).ends_with("[5]"), "{plain}");
}
