//! Mistakes of those who use the library are told by name, before anything is learned from them.

use gradus_nn::layers::{dense, embedding};
use gradus_nn::losses::{CrossEntropy, Loss};
use gradus_nn::{Context, Init, Layer, Sequential};
use gradus_tensor::{DType, Tensor, Variable, try_build};
use gradus_train::callbacks::TerminateOnNan;
use gradus_train::metrics::{Metric, accuracy};
use gradus_train::optim::{Adam, Optimizer, SCALARS, Sgd, Slots, Target};
use gradus_train::{
    Arrays, Batch, Fields, Fit, Learner, Measured, Objectives, Pace, Progress, Recipe, Source,
    Task, TrainError, Updater, measure, measure_by_name, weights,
};
use std::sync::Arc;

fn model() -> Sequential {
    Sequential::new([2], &Init::new(0)).add(dense(3))
}
fn data() -> Arrays {
    let t: Vec<i64> = (0..12).map(|i| i % 3).collect();
    Arrays::new(&Tensor::randn([12, 2], 1), &Tensor::from_slice(&t, [12]), 4).unwrap()
}
fn with(recipe: Recipe) -> Learner {
    Learner::with(model().into(), Box::new(Sgd::new(0.1)), recipe, 0)
}
fn by(optimizer: impl Optimizer + 'static) -> Learner {
    Learner::new(model().into(), optimizer)
}
/// What training an epoch says; the weights must be as they were.
fn refused(mut learner: Learner) -> String {
    let before = weights(&**learner.model());
    let error = learner.fit(&data(), 1).unwrap_err().to_string();
    assert!(weights(&**learner.model()) == before, "{error}");
    error
}

#[test]
fn a_metric_of_the_batch_has_no_place_where_not_all_counts() {
    let one = || Metric::mean("own", true, |x, t| x.argmax(-1).eq(t).cast(DType::F32).mean(..));
    let each = || Metric::mean("own", true, |x, t| x.argmax(-1).eq(t).cast(DType::F32));
    let words = || {
        let x = vec![vec![1i64, 2, 3], vec![4]];
        Batch::ragged([("x", x), ("t", vec![vec![0i64, 1, 0], vec![1]])]).unwrap()
    };
    let tagger = |metric| {
        let model = Sequential::new([1], &Init::new(0)).add(embedding(5, 3)).add(dense(2));
        let recipe = Recipe { metrics: vec![metric], ..Recipe::default() };
        Learner::with(model.into(), Box::new(Sgd::new(0.1)), recipe, 0)
    };
    let error = tagger(one()).evaluate_step(&words()).unwrap_err().to_string();
    let expected = "own: the metric gives [] for targets [6], expected [6]: one for each place, of which some are padding";
    assert!(error.starts_with(expected), "{error}");
    assert!(tagger(each()).evaluate_step(&words()).is_ok());
    let ignoring = |metric| {
        let loss = CrossEntropy { ignore_index: Some(-100), ..CrossEntropy::default() };
        with(Recipe { loss: loss.into(), metrics: vec![metric], ..Recipe::default() })
    };
    let batch = Batch::pair(&Tensor::ones([3, 2]), &Tensor::from([0i64, -100, 1])).unwrap();
    let error = ignoring(one()).evaluate_step(&batch).unwrap_err().to_string();
    assert!(error.contains("one for each label, of which some do not count"), "{error}");
    assert!(ignoring(each()).evaluate_step(&batch).is_ok());
    // Where all samples count it is the mean of them.
    let whole = |metric| {
        let mut learner = with(Recipe { metrics: vec![metric], ..Recipe::default() });
        learner.evaluate(&data()).unwrap().metrics[0]
    };
    assert!((whole(one()) - whole(each())).abs() < 1e-6);
}

#[test]
fn names_of_metrics_are_told_apart() {
    let panics = |metrics: Vec<Metric>| {
        let made = try_build(|| with(Recipe { metrics, ..Recipe::default() }));
        made.err().expect("it is refused").to_string()
    };
    let loss = Metric::mean("loss", true, |x, _| x.max(1));
    let error = panics(vec![loss]);
    assert!(error.starts_with("metrics: found a metric named loss, expected another"), "{error}");
    let error = panics(vec![accuracy(), accuracy()]);
    assert!(error.starts_with("metrics: found two metrics named accuracy"), "{error}");
    assert!(error.contains("mistakes.rs:"), "{error}");
}

#[test]
fn a_loss_that_is_no_number_ends_fit() {
    let root: Loss = Loss::new("root", |x, _| (-x.select(1, 0).square() - 1.0).sqrt());
    let recipe = || Recipe { loss: root.clone(), ..Recipe::default() };
    let mut learner = with(recipe());
    let before = weights(&**learner.model());
    let error = learner.fit(&data(), 2).unwrap_err();
    assert!(matches!(&error, TrainError::Diverged { number, .. } if number == "loss"), "{error}");
    assert!(error.to_string().contains("the first op that is not finite is"), "{error}");
    assert!(weights(&**learner.model()) == before);
    // What a fit of one's own does about it its callbacks say.
    let run =
        |fit: &mut Fit<'_>| fit.run(&mut with(recipe()), &data(), None, &mut Progress::default());
    assert!(run(&mut Fit::default()).is_ok());
    let callbacks: Vec<Box<dyn gradus_train::callbacks::Callback>> = vec![Box::new(TerminateOnNan)];
    assert!(run(&mut Fit { callbacks, ..Fit::default() }).is_err());
    assert!(with(Recipe::default()).fit(&data(), 0).unwrap().history.is_empty());
}

#[test]
fn rates_that_are_none_are_refused() {
    for rate in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        let error = refused(by(Adam::new(rate)));
        let expected = format!(
            "learning rate: found {rate} as the rate of adam, expected a finite number above 0"
        );
        assert!(error.starts_with(&expected), "{error}");
    }
    let (x, t) = (Tensor::ones([1, 2]), Tensor::from([0i64]));
    for rate in [f64::NAN, -0.1] {
        let error = by(Sgd::new(0.1)).train_batch(&x, &t, rate).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("learning rate: found {rate} as the rate of a step")),
            "{error}"
        );
    }
    assert!(by(Sgd::new(0.1)).train_batch(&x, &t, 0.0).is_ok());
}

/// Moves nothing; or its own state only.
#[derive(Debug)]
struct Idle(bool);

impl Optimizer for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }
    fn learning_rate(&self) -> f64 {
        0.1
    }
    fn scalars(&self, _: u64, rate: f64) -> [f64; SCALARS] {
        [rate, 0.0]
    }
    fn update(&self, p: &Target<'_>, slots: &mut Slots) -> Vec<(Variable, Tensor)> {
        let m = slots.get("m", p.variable, 0.0);
        let next = m.tensor() * 0.9 + p.g;
        if self.0 { vec![(m, next)] } else { vec![] }
    }
}

#[test]
fn what_learns_nothing_says_so() {
    for state in [false, true] {
        let error = refused(by(Idle(state)));
        let expected = "idle: Optimizer::update gives no parameter a new value, expected one for dense1.weight, dense1.bias";
        assert!(error.starts_with(expected), "{error}");
    }
    let apart = Loss::new("apart", |_, t| t.cast(DType::F32));
    let error = refused(with(Recipe { loss: apart, ..Recipe::default() }));
    let expected = "gradients: the loss apart depends on no parameter that it is to move: dense1.weight, dense1.bias";
    assert!(error.starts_with(expected), "{error}");
    // Some may be out of reach, and some frozen.
    let half = Loss::new("half", |x, _| x.select(1, 0) * 0.0 + 1.0);
    assert!(with(Recipe { loss: half, ..Recipe::default() }).fit(&data(), 1).is_ok());
    let [a, b] = [Arc::new(model()), Arc::new(model())];
    let other = b.clone();
    let mut task = Objectives::new(0).module("a", a).module("b", b).minimize(
        "wrong",
        Updater::new(Sgd::new(0.1)),
        &["a"],
        move |batch, cx| other.forward(&batch["x"], cx).square().into(),
    );
    let batch = Batch::pair(&Tensor::ones([1, 2]), &Tensor::ones([1])).unwrap();
    let error = task.train_step(&batch, &Pace::CONSTANT).unwrap_err().to_string();
    let expected = "gradients: the loss wrong depends on no parameter that it is to move: a.dense1.weight, a.dense1.bias";
    assert!(error.starts_with(expected), "{error}");
    for (vocabulary, size, found) in [(21, 0, "0 numbers a vector"), (0, 16, "0 vectors")] {
        let built =
            try_build(|| Sequential::new([1], &Init::new(0)).add(embedding(vocabulary, size)));
        let error = built.err().expect("it is refused").to_string();
        let expected = format!("embedding: {found}, expected at least 1");
        assert!(error.starts_with(&expected) && error.contains("mistakes.rs:"), "{error}");
    }
}

/// A loss of its own.
fn zero(_: &Fields<'_>, _: &Context<'_>) -> Measured {
    Tensor::scalar(0f32).into()
}

/// A task of one loss.
fn objectives() -> Objectives {
    let model = Arc::new(model());
    let own = model.clone();
    Objectives::new(0).module("model", model).minimize(
        "loss",
        Updater::new(Sgd::new(0.1)),
        &["model"],
        move |batch, cx| -> Measured { own.forward(&batch["x"], cx).square().into() },
    )
}

#[test]
fn nothing_is_evaluated_that_no_one_said_how_to() {
    let expected =
        "evaluate: this task evaluates nothing, expected numbers: Objectives::evaluate says which";
    let mut task = objectives();
    let before =
        task.state().into_iter().map(|(_, v)| v.value().to_vec::<f32>()).collect::<Vec<_>>();
    let run = Fit::default().run(&mut task, &data(), Some(&data()), &mut Progress::default());
    assert_eq!(before_line(&run.unwrap_err().to_string()), expected);
    let after =
        task.state().into_iter().map(|(_, v)| v.value().to_vec::<f32>()).collect::<Vec<_>>();
    assert_eq!(before, after);
    assert_eq!(before_line(&measure(&mut task, &data()).unwrap_err().to_string()), expected);
    let mut task = objectives().evaluate(|batch, _| vec![("top".into(), batch["t"].max(..))]);
    assert_eq!(measure_by_name(&mut task, &data()).unwrap(), [("top".into(), 2.0)]);
    let mut progress = Progress::default();
    Fit::default().run(&mut task, &data(), Some(&data()), &mut progress).unwrap();
    assert_eq!(
        (progress.history[0].val_loss, progress.history[0].get("val_top")),
        (None, Some(2.0))
    );
}

#[test]
fn class_weights_are_one_for_each_class() {
    let own = CrossEntropy::default();
    let losses: [Loss; 2] = [Recipe::default().loss, own.into()];
    for loss in losses {
        let class_weights = Some(vec![1.0, 2.0]);
        let error = refused(with(Recipe { loss, class_weights, ..Recipe::default() }));
        let expected = "class weights: found 2, expected 3: one for each class of what the model gives, [4, 3]";
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn labels_of_i32_are_told_what_they_are() {
    let t = Tensor::from([0i64, 1]).cast(DType::I32);
    let error =
        by(Sgd::new(0.1)).train_batch(&Tensor::ones([2, 2]), &t, 0.1).unwrap_err().to_string();
    assert!(error.contains("make the field t i64, as labels are"), "{error}");
}

type Make = fn() -> Objectives;

#[test]
fn names_of_objectives_are_told_apart_at_the_users_line() {
    let refused =
        |make: fn() -> Objectives| try_build(make).err().expect("it is refused").to_string();
    let cases: [(Make, &str); 3] = [
        (
            || objectives().module("model", Arc::new(model())),
            "objectives: found two modules named model",
        ),
        (
            || objectives().minimize("loss", Updater::new(Sgd::new(0.1)), &["model"], zero),
            "objectives: found two losses named loss",
        ),
        (
            || objectives().minimize("other", Updater::new(Sgd::new(0.1)), &["c"], zero),
            "objectives: the loss other is to move c, expected one of the modules model",
        ),
    ];
    for (make, expected) in cases {
        let error = refused(make);
        assert!(error.starts_with(expected) && error.contains("mistakes.rs:"), "{error}");
    }
}

/// A message without the line that it ends with, which must be one of this file.
fn before_line(error: &str) -> &str {
    let (text, at) = error.rsplit_once("\n  at ").expect(error);
    assert!(at.starts_with(file!()), "{error}");
    text
}

/// A label out of range is found when the step runs: its line is one of Rust's own library, and the loss is called from this one. Told is
/// the line that calls.
#[test]
fn the_line_that_calls_is_told_rather_than_a_wrong_one() {
    let (x, t) = (Tensor::ones([2, 2]), Tensor::from([0i64, 3]));
    let error = by(Sgd::new(0.1)).train_batch(&x, &t, 0.1).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("label 3 at sample 1"), "{text}");
    assert!(text.ends_with(&format!("\n  at {}:{}", file!(), line!() - 3)), "{text}");
    assert_eq!(format!("{error:?}"), text);
    assert_eq!(format!("{:?}", TrainError::from(error)), text);
    // A loss of one's own is told at its line.
    let mine = Loss::new("mine", |x, t| x.gather(1, &t.unsqueeze(1)).squeeze(1));
    let mut learner = with(Recipe { loss: mine, ..Recipe::default() });
    let text = learner.train_batch(&x, &t, 0.1).unwrap_err().to_string();
    assert!(text.ends_with(&format!("{}:{}", file!(), line!() - 3)), "{text}");
}

/// Whatever meets targets that do not suit the loss tells the line that asked for it, and what they are.
#[test]
fn targets_that_do_not_suit_are_told_at_the_line_that_brought_them() {
    let (x, t) = (Tensor::ones([4, 2]), Tensor::from([0i64, 1, 2, 7]));
    let beyond = Arrays::new(&x, &t, 4).unwrap();
    let floats = Arrays::new(&x, &t.cast(DType::F32), 4).unwrap();
    let check = |line: u32, told: &dyn Fn(&Arrays) -> TrainError| {
        for (data, wrong) in [(&beyond, "label 7 at sample 3"), (&floats, "labels f32 [4]")] {
            let text = told(data).to_string();
            assert!(text.starts_with("cross_entropy") || text.starts_with("softmax"), "{text}");
            assert!(text.contains(wrong), "{text}");
            assert!(text.ends_with(&format!("\n  at {}:{line}", file!())), "line {line}: {text}");
        }
    };
    let learner = || by(Sgd::new(0.1));
    let good = data();
    check(line!(), &|d| learner().fit(d, 1).unwrap_err());
    check(line!(), &|d| learner().fit_with(d, &good, 1).unwrap_err());
    check(line!(), &|d| learner().fit_with(&good, d, 1).unwrap_err());
    check(line!(), &|d| learner().evaluate(d).unwrap_err());
    check(line!(), &|d| measure(&mut learner(), d).unwrap_err());
    check(line!(), &|d| learner().train_batch(&x, &targets(d), 0.1).unwrap_err().into());
    check(line!(), &|d| learner().evaluate_batch(&x, &targets(d)).unwrap_err().into());
    check(line!(), &|d| learner().gradients(&x, &targets(d)).unwrap_err().into());
    let run = |d: &Arrays| {
        let line = line!() + 1;
        let run = Fit::default().run(&mut learner(), d, None, &mut Progress::default());
        (line, run.unwrap_err())
    };
    check(run(&beyond).0, &|d| run(d).1);
    // A named loss that is called through a function of the library's, and a model that is no loss.
    let recipe = Recipe { loss: Loss::named("huber").unwrap(), ..Recipe::default() };
    let (line, text) = (line!(), with(recipe).train_batch(&x, &t, 0.1).unwrap_err().to_string());
    assert!(text.starts_with("huber: the model gives [4, 3], the target is [4]"), "{text}");
    assert!(
        text.ends_with(&format!(
            "in a batch of x f32 [4, 2] and t i64 [4]\n  at {}:{line}",
            file!()
        )),
        "{text}"
    );
    let (line, text) =
        (line!(), learner().predict_batch(&Tensor::scalar(1f32)).unwrap_err().to_string());
    assert!(text.contains(&format!("{}:", file!())) && line > 0, "{text}");
}

fn targets(data: &Arrays) -> Tensor {
    data.from(0, 0).next().unwrap().unwrap().get("t").unwrap().clone()
}
