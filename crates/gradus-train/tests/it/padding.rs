//! Padding weighs nothing however a loader tells of it, a set's loss does not depend on how it is cut into batches, and a batch that says
//! wrongly what of it is there is refused.

use gradus_base::Shape;
use gradus_data::{InMemory, Padding, RecordLoader, RecordOptions, UnitsOf};
use gradus_nn::layers::{dense, embedding};
use gradus_nn::losses::{CrossEntropy, mean_squared};
use gradus_nn::{Context, Init, Layer, Module, Sequential, Visitor};
use gradus_tensor::{DType, Tensor};
use gradus_train::metrics::Metric;
use gradus_train::optim::{Adam, Sgd};
use gradus_train::{
    Batch, Fit, Learner, Name, Objectives, Pace, Progress, Recipe, Result, Source, Task, Updater,
    evaluate, metrics, weights,
};
use std::sync::Arc;

/// Sentences of 1 to 20 words, and of each word whether it is odd.
fn tagged() -> InMemory {
    let word = |i: usize, k: usize| (k as i64 * 3 + i as i64) % 9 + 1;
    let x: Vec<Vec<i64>> =
        (0..40).map(|i| (0..1 + i * 7 % 20).map(|k| word(i, k)).collect()).collect();
    let t: Vec<Vec<i64>> = x.iter().map(|row| row.iter().map(|w| w % 2).collect()).collect();
    InMemory::new().ragged("x", x).and_then(|data| data.ragged("t", t)).unwrap()
}

fn learner(recipe: Recipe) -> Learner {
    let model = Sequential::new([1], &Init::new(5)).add(embedding(11, 6)).add(dense(2));
    Learner::with(model.into(), Box::new(Adam::new(0.02)), recipe, 3)
}
fn tagger() -> Learner {
    learner(Recipe { metrics: vec![metrics::accuracy()], ..Recipe::default() })
}

fn loader(
    data: InMemory,
    padding: &[(&'static str, Padding)],
    batch_size: usize,
    units: UnitsOf,
) -> RecordLoader {
    let padding = padding.iter().map(|(name, own)| (Name::from(*name), own.clone())).collect();
    let options = RecordOptions { batch_size, padding, units, ..RecordOptions::default() };
    RecordLoader::new(data, options).unwrap()
}

fn masked() -> Padding {
    Padding { mask: true, lengths: false, ..Padding::default() }
}
fn both() -> Padding {
    Padding { mask: true, ..Padding::default() }
}
fn untold() -> Padding {
    Padding::unmarked(0.0)
}

/// (loss, metrics) of a set in batches of 1, 8 and 40.
fn in_batches(
    learner: &mut Learner,
    source: impl Fn(usize) -> RecordLoader,
) -> Result<[(f64, Vec<f64>); 3]> {
    let mut all = [1, 8, 40].map(|size| (size as f64, vec![]));
    for (size, at) in [1, 8, 40].into_iter().zip(&mut all) {
        let found = evaluate(learner, &source(size))?;
        *at = (found.loss, found.metrics);
    }
    Ok(all)
}

fn expect_all_equal(found: &[(f64, Vec<f64>)], expected: &(f64, Vec<f64>)) {
    for (loss, metrics) in found {
        assert!(
            (loss - expected.0).abs() < 1e-6 * expected.0.max(1.0),
            "{found:?}, expected {expected:?}"
        );
        for (own, other) in metrics.iter().zip(&expected.1) {
            assert!((own - other).abs() < 1e-6, "{found:?}, expected {expected:?}");
        }
    }
}

#[test]
fn padding_weighs_nothing_however_it_is_told() {
    let along = || Padding::along("x");
    let mut learner = tagger();
    let alone = evaluate(
        &mut learner,
        &loader(
            tagged(),
            &[("x", Padding::default()), ("t", along())],
            1,
            UnitsOf::Lengths("x".into()),
        ),
    )
    .unwrap();
    let alone = (alone.loss, alone.metrics);
    let ways = [
        [("x", Padding::default()), ("t", along())],
        [("x", Padding::default()), ("t", Padding::default())],
        [("x", masked()), ("t", along())],
        [("x", both()), ("t", along())],
        [("x", both()), ("t", both())],
        [("x", masked()), ("t", masked())],
    ];
    for way in &ways {
        for units in [UnitsOf::Samples, UnitsOf::Lengths("x".into())] {
            let source = |size| loader(tagged(), way, size, units.clone());
            let found = in_batches(&mut learner, source).unwrap();
            expect_all_equal(&found, &alone);
        }
    }
    // What is predicted is the same, too.
    let predicted = |learner: &mut Learner, way: &[(&'static str, Padding)]| {
        let source = loader(tagged(), way, 8, UnitsOf::Samples);
        let batch = Source::from(&source, 0, 0).next().unwrap().unwrap();
        learner.predict_on(&batch).unwrap().to_vec::<f32>()
    };
    assert_eq!(predicted(&mut learner, &ways[0]), predicted(&mut learner, &ways[2]));
    let train = |way: &[(&'static str, Padding)]| {
        let mut learner = tagger();
        learner.fit(&loader(tagged(), way, 8, UnitsOf::Samples), 2).unwrap();
        weights(&**learner.model())
    };
    assert!(train(&ways[0]) == train(&ways[2]));
}

#[test]
fn padding_that_nobody_tells_of_is_refused() {
    let refused = |padding: &[(&'static str, Padding)]| {
        let source = loader(tagged(), padding, 8, UnitsOf::Samples);
        let error = evaluate(&mut tagger(), &source).unwrap_err().to_string();
        let before = weights(&**tagger().model());
        let mut learner = tagger();
        let fitted = learner.fit(&source, 1).unwrap_err().to_string();
        assert_eq!(fitted.split("\n  at ").next(), error.split("\n  at ").next());
        assert!(weights(&**learner.model()) == before);
        error
    };
    let error = refused(&[("x", untold()), ("t", Padding::along("x"))]);
    assert!(error.starts_with("padding: t is padded, and no field says where"), "{error}");
    assert!(
        error.contains("expected lengths or a mask") && error.contains("Padding::along(\"x\")")
    );
    // Labels that do not count tell it, too: then it is the loss that looks at the scores, of which it wants the classes first.
    let pad = Padding { value: -100.0, ..Padding::along("x") };
    let loss = CrossEntropy { ignore_index: Some(-100), ..CrossEntropy::default() };
    let ignoring = || {
        let metrics = vec![metrics::accuracy()];
        learner(Recipe { loss: loss.clone().into(), metrics, ..Recipe::default() })
    };
    let flat =
        |size| loader(tagged(), &[("x", untold()), ("t", pad.clone())], size, UnitsOf::Samples);
    let error = evaluate(&mut ignoring(), &flat(8)).unwrap_err().to_string();
    assert!(error.contains("cross_entropy: scores are f32 [8, 16, 2]"), "{error}");
    // Sentences that are all of one length have no padding.
    let even = vec![vec![1i64, 2], vec![3, 4]];
    let data = InMemory::new().ragged("x", even.clone()).and_then(|d| d.ragged("t", even)).unwrap();
    let per_place = |x: &Tensor, t: &Tensor| {
        let label = t.cast(DType::F32).unsqueeze(2) / 10.0;
        (x.slice(2, 0..1) - label).square().mean([1, 2])
    };
    let mut learner = learner(Recipe { loss: per_place.into(), ..Recipe::default() });
    let source = loader(data, &[("x", untold()), ("t", Padding::along("x"))], 2, UnitsOf::Samples);
    assert!(evaluate(&mut learner, &source).unwrap().loss > 0.0);
}

#[test]
fn targets_of_lengths_of_their_own_are_refused() {
    let fields = |names: &[&'static str], lengths: &[[i64; 2]]| {
        let x = Tensor::from([[1i64, 2, 3], [4, 5, 6]]);
        let t = Tensor::from([[1i64, 0, 1], [0, 1, 0]]);
        let told = names.iter().copied().zip(lengths.iter().map(|l| Tensor::from(*l)));
        Batch::new([("x", x), ("t", t)].into_iter().chain(told)).unwrap()
    };
    let error = |batch: &Batch| tagger().evaluate_step(batch).unwrap_err().to_string();
    assert!(tagger().evaluate_step(&fields(&["x.lengths", "t.lengths"], &[[3, 1]; 2])).is_ok());
    let other = error(&fields(&["lengths", "t.lengths"], &[[3, 1], [3, 2]]));
    assert!(
        other.starts_with("t.lengths: found 2 at sample 1, expected 1 as lengths says"),
        "{other}"
    );
    assert!(other.contains("Padding::along(\"x\")"), "{other}");
    let unused = error(&fields(&["t.lengths"], &[[3, 1]]));
    assert!(unused.contains("t.lengths would not be used"), "{unused}");
    // The text beside them is nobody's business.
    let beside = fields(&["lengths", "name.lengths"], &[[3, 1], [9, 9]]);
    let alone = tagger().evaluate_step(&fields(&["lengths"], &[[3, 1]])).unwrap();
    assert_eq!(tagger().evaluate_step(&beside).unwrap(), alone);
    let x = Tensor::from([[1i64, 2, 3], [4, 5, 6]]);
    let t = Tensor::from([[1i64, 0], [0, 1]]);
    let short = Batch::new([("x", x), ("t", t), ("lengths", Tensor::from([3i64, 1]))]).unwrap();
    let hint = error(&short);
    assert!(hint.contains("Padding::along(\"x\") pads it to that of x"), "{hint}");
}

#[test]
fn lengths_and_masks_that_cannot_be_are_refused() {
    let batch = |name: &'static str, told: Tensor| {
        let x = Tensor::from([[1i64, 2, 3], [4, 5, 6]]);
        let t = Tensor::from([[1i64, 0, 1], [0, 1, 0]]);
        Batch::new([("x", x), ("t", t), (name, told)]).unwrap()
    };
    let cases = [
        (
            batch("lengths", Tensor::from([5i64, 1])),
            "lengths: found 5 at sample 0, expected 0..=3, the places of x",
        ),
        (
            batch("lengths", Tensor::from([3i64, -1])),
            "lengths: found -1 at sample 1, expected 0..=3",
        ),
        (batch("lengths", Tensor::from([0i64, 0])), "lengths: found no place that is there"),
        (batch("x.lengths", Tensor::from([4i64, 1])), "x.lengths: found 4 at sample 0"),
        (batch("lengths", Tensor::from([3f32, 1.0])), "its lengths f32 [2]"),
        (
            batch("mask", Tensor::from([[true, false, true], [true, true, true]])),
            "mask: found a gap in sample 0: place 2 is there, place 1 before it is not",
        ),
        (
            batch("mask", Tensor::from([[1f32, 0.0, 0.0], [1.0, 1.0, 1.0]])),
            "mask: found f32 [2, 3], expected bool [B, T]",
        ),
        (batch("mask", Tensor::from([[false; 3]; 2])), "mask: found no place that is there"),
    ];
    for (batch, expected) in cases {
        let mut learner = tagger();
        let before = weights(&**learner.model());
        let errors = [
            learner.evaluate_step(&batch).map(|_| ()).unwrap_err(),
            learner.train_step(&batch, &Pace::CONSTANT).map(|_| ()).unwrap_err(),
            learner.predict_on(&batch).map(|_| ()).unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains(expected), "{error}\nexpected {expected}");
        }
        assert!(weights(&**learner.model()) == before && learner.step() == 0);
    }
}

/// Batches held as they are.
struct Given(Vec<Batch>);

impl Source for Given {
    fn batches(&self) -> usize {
        self.0.len()
    }
    fn samples(&self) -> usize {
        self.0.iter().map(Batch::samples).sum()
    }
    fn from(&self, _: u64, batch: usize) -> Box<dyn Iterator<Item = Result<Batch>> + '_> {
        Box::new(self.0[batch.min(self.0.len())..].iter().map(|batch| Ok(batch.clone())))
    }
}

#[test]
fn units_that_are_none_are_refused_before_anything_moves() {
    for units in [0.0, -3.0, f64::NAN, f64::INFINITY] {
        let x = Tensor::randn([4, 2], 1);
        let batch = Batch::pair(&x, &x.sum(1).unsqueeze(1)).unwrap().weighing(units);
        let model = || Sequential::new([2], &Init::new(5)).add(dense(1));
        let (own, shared) = (Arc::new(model()), Arc::new(model()));
        let forward = shared.clone();
        let task = Objectives::new(0).module("a", shared.clone()).minimize(
            "loss",
            Updater::new(Sgd::new(0.1)),
            &["a"],
            move |batch, cx| (forward.forward(&batch["x"], cx) - &batch["t"]).square().into(),
        );
        let recipe = Recipe { loss: mean_squared.into(), ..Recipe::default() };
        let learner = Learner::with(own.clone(), Box::new(Adam::new(0.02)), recipe, 3);
        for (task, moved) in [(Box::new(task) as Box<dyn Task>, shared), (Box::new(learner), own)] {
            let (mut task, before) = (task, weights(&*moved));
            let source = Given(vec![batch.clone()]);
            let mut fit = Fit { epochs: 1, ..Fit::default() };
            let errors = [
                fit.run(&mut *task, &source, None, &mut Progress::default()).unwrap_err(),
                task.train_step(&batch, &Pace::CONSTANT).map(|_| ()).unwrap_err(),
                task.evaluate_step(&batch).map(|_| ()).unwrap_err(),
            ];
            for error in errors {
                let expected =
                    format!("batch: found {units} units, expected a finite number above 0");
                assert_eq!(error.to_string().split("\n  at ").next(), Some(&*expected));
            }
            assert!(weights(&*moved) == before);
        }
    }
}

/// The mean over what is there of `x [B, T, ..]`.
struct MeanOver;

impl Module for MeanOver {
    fn visit<'a>(&'a self, _: &mut Visitor<'a, '_>) {}
}
impl Layer for MeanOver {
    fn forward(&self, x: &Tensor, cx: &Context<'_>) -> Tensor {
        let Some(mask) = cx.mask(x) else { return x.mean([1]) };
        (x * mask.unsqueeze(2)).sum([1]) / mask.sum([1]).unsqueeze(1)
    }
    fn padding(&self, _: &Shape) -> gradus_nn::Padding {
        gradus_nn::Padding::Known
    }
    fn describe(&self) -> String {
        "MeanOver".into()
    }
}

/// A class for each sentence: its loss is a mean over sentences, whatever the batch's units are.
#[test]
fn a_learner_weighs_by_what_its_loss_is_over() {
    let (x, t): (Vec<Vec<i64>>, Vec<i64>) =
        (0..40).map(|i| (vec![1 + i % 9; 1 + (i * 7 % 20) as usize], i * i % 3 % 2)).unzip();
    let model = Sequential::new([1], &Init::new(5))
        .add(embedding(11, 6))
        .add_layer("mean", Arc::new(MeanOver))
        .add(dense(2));
    let recipe = Recipe { metrics: vec![metrics::accuracy()], ..Recipe::default() };
    let mut learner = Learner::with(model.into(), Box::new(Adam::new(0.02)), recipe, 3);
    let mut all = vec![];
    for units in [UnitsOf::Samples, UnitsOf::Lengths("x".into())] {
        let source = |size| {
            let data = InMemory::new().ragged("x", x.clone()).unwrap().field("t", &[], &t).unwrap();
            loader(data, &[("x", Padding::default())], size, units.clone())
        };
        all.extend(in_batches(&mut learner, source).unwrap());
    }
    let first = all[0].clone();
    expect_all_equal(&all, &first);
    // Rows with a mask of what counts as a unit, of which this loss knows nothing.
    let n = 40;
    let x: Vec<f32> = (0..n * 4).map(|i| (i % 7) as f32).collect();
    let counts: Vec<bool> = (0..n * 4).map(|i| i / 4 % 4 >= i % 4).collect();
    let model = Sequential::new([4], &Init::new(5)).add(dense(4));
    let recipe = Recipe { loss: mean_squared.into(), ..Recipe::default() };
    let mut learner = Learner::with(model.into(), Box::new(Adam::new(0.02)), recipe, 3);
    let source = |size| {
        let t: Vec<f32> = x.iter().map(|v| v * 3.0 + 1.0).collect();
        let data = InMemory::new().field("x", &[4], &x).and_then(|d| d.field("t", &[4], &t));
        let data = data.and_then(|d| d.field("counts", &[4], &counts)).unwrap();
        loader(data, &[], size, UnitsOf::Sum("counts".into()))
    };
    let all = in_batches(&mut learner, source).unwrap();
    expect_all_equal(&all, &all[0]);
}

/// One's own loss of places of batches that are not padded: its mean is over places, a metric's over samples.
#[test]
fn each_number_has_the_units_of_its_own() {
    let of_places = |x: &Tensor, t: &Tensor| {
        (x.slice(2, 0..1).squeeze(2) - t.cast(DType::F32)).square() // [B, T]
    };
    let longest = Metric::mean("first", false, |x, _| x.select(1, 0).select(1, 0)); // [B]
    let recipe = Recipe { loss: of_places.into(), metrics: vec![longest], ..Recipe::default() };
    let mut learner = learner(recipe);
    let batch = |b: usize, places: usize| {
        let x: Vec<i64> = (0..b * places).map(|i| (i % 9) as i64).collect();
        let x = Tensor::from_slice(&x, [b, places]);
        Batch::pair(&x, &x).unwrap()
    };
    let units = |learner: &mut Learner, batch: &Batch| {
        let found = learner.evaluate_step(batch).unwrap().means;
        let trained = learner.train_step(batch, &Pace::CONSTANT).unwrap().means;
        let units = found.iter().map(|mean| mean.units).collect::<Vec<_>>();
        assert_eq!(trained.iter().map(|mean| mean.units).collect::<Vec<_>>(), units);
        units
    };
    assert_eq!(units(&mut learner, &batch(3, 5)), [15.0, 3.0]);
    assert_eq!(units(&mut learner, &batch(2, 7)), [14.0, 2.0]);
    assert_eq!(units(&mut learner, &batch(3, 5)), [15.0, 3.0]);
}
