//! The hardest client of the training loop: a bidirectional recurrent net over padded sentences, with lengths, a state that is carried
//! from batch to batch, and means over words; through `fit`, `kill -9`, resumption and prediction.

use gradus_nn::layers::{dense, embedding, flatten, tanh};
use gradus_nn::{
    Context, Init, Layer, Module, Padding, Parameter, Sequential, State, Visitor, parameters,
};
use gradus_tensor::{DType, Shape, Tensor, Variable};
use gradus_train::optim::{Adam, Sgd};
use gradus_train::{Batch, Fit, Learner, Pace, Recipe, Result, Source, Task, metrics, weights};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const SENTENCES: usize = 16;
const WORDS: usize = 6;
const HIDDEN: usize = 12;
const BATCHES: usize = 20;
const EPOCHS: u64 = 6;

/// h ← tanh(x·W + h·U) from the first word to the last and from the last to the first, side by side. The first direction begins
/// where the sentence before ended.
struct Bidirectional {
    inward: [Parameter; 2],
    onward: [Parameter; 2],
    carried: Variable,
}

impl Bidirectional {
    fn new() -> Bidirectional {
        let weight = |i: usize, seed| {
            Parameter::weight(&(Tensor::randn([i, HIDDEN], seed) / (i as f64).sqrt()))
        };
        Bidirectional {
            inward: [1, 2].map(|seed| weight(HIDDEN, seed)),
            onward: [3, 4].map(|seed| weight(HIDDEN, seed)),
            carried: Variable::new("carried", &Tensor::zeros([SENTENCES, HIDDEN])),
        }
    }

    /// The states of one direction at each place of x `[B, T, HIDDEN]`; at padding the state stays as it is.
    fn walk(&self, way: usize, x: &Tensor, there: &Tensor, start: Tensor) -> Vec<Tensor> {
        let [inward, onward] = [&self.inward[way], &self.onward[way]].map(Parameter::tensor);
        let places = x.size(1);
        let mut h = start;
        let mut states = vec![h.clone(); places];
        for step in 0..places {
            let k = if way == 0 { step } else { places - 1 - step };
            let next = (x.select(1, k).matmul(&inward) + h.matmul(&onward)).tanh();
            h = &h + (next - &h) * there.select(1, k).unsqueeze(1);
            states[k] = h.clone();
        }
        states
    }
}

impl Module for Bidirectional {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        for (i, (inward, onward)) in self.inward.iter().zip(&self.onward).enumerate() {
            visitor(&format!("inward{i}"), State::Parameter(inward));
            visitor(&format!("onward{i}"), State::Parameter(onward));
        }
        visitor("carried", State::Buffer(&self.carried));
    }
}

impl Layer for Bidirectional {
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        let there = cx.mask(x).unwrap_or_else(|| Tensor::ones([x.size(0), x.size(1)]));
        // The state belongs to as many sentences as were trained on side by side.
        let carried = self.carried.tensor();
        let start =
            if x.size(0) == SENTENCES { carried } else { Tensor::zeros([x.size(0), HIDDEN]) };
        let forth = self.walk(0, x, &there, start.clone());
        let back = self.walk(1, x, &there, start.zeros_like());
        if x.size(0) == SENTENCES {
            cx.update(&self.carried, &forth[x.size(1) - 1].stop_gradient());
        }
        let both: Vec<Tensor> =
            forth.iter().zip(&back).map(|(f, b)| Tensor::concat(&[f, b], 1).unsqueeze(1)).collect();
        let y = Tensor::concat(&both.iter().collect::<Vec<_>>(), 1); // [B, T, 2·HIDDEN]
        cx.lengths(x).inspect(|lengths| cx.set_lengths(&y, lengths));
        y
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Known
    }
    fn describe(&self) -> String {
        format!("Bidirectional({HIDDEN})")
    }
}

fn learner() -> Learner {
    let model = Sequential::new([1], &Init::new(5))
        .add(embedding(WORDS, HIDDEN))
        .add_layer("both", Arc::new(Bidirectional::new()))
        .add(dense(16))
        .add(tanh())
        .add(dense(WORDS));
    let recipe = Recipe { metrics: vec![metrics::accuracy()], ..Recipe::default() };
    Learner::with(model.into(), Box::new(Adam::new(0.01)), recipe, 3)
}

/// Word `k` of an endless text.
fn word(text: usize, k: usize) -> i64 {
    let mixed = (text as u64 * 7919 + k as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed >> 33) % WORDS as u64) as i64
}

/// Sentences of 2 to 8 words of texts that go on from batch to batch. The target of a word is the next one plus the one before, also
/// before the sentence began: both directions and the carried state are needed.
struct Texts;

impl Source for Texts {
    fn batches(&self) -> usize {
        BATCHES
    }
    fn samples(&self) -> usize {
        BATCHES * SENTENCES
    }
    fn from(&self, epoch: u64, batch: usize) -> Box<dyn Iterator<Item = Result<Batch>> + '_> {
        let at = move |batch: usize| {
            let now = epoch as usize * BATCHES + batch;
            let length = |text: usize, batch: usize| 2 + (text * 5 + batch * 3) % 7;
            let (mut x, mut t) = (vec![], vec![]);
            for text in 0..SENTENCES {
                let start = 1 + (0..now).map(|batch| length(text, batch)).sum::<usize>();
                let (end, n) = (start + length(text, now), WORDS as i64);
                x.push((start..end).map(|k| word(text, k)).collect::<Vec<i64>>());
                let next = |k: usize| if k + 1 < end { word(text, k + 1) } else { 0 };
                let before = |k: usize| if k > 1 { word(text, k - 1) } else { 0 };
                t.push((start..end).map(|k| (next(k) + before(k)) % n).collect::<Vec<i64>>());
            }
            Batch::ragged([("x", x), ("t", t)])
        };
        Box::new((batch..BATCHES).map(at))
    }
}

fn train(folder: Option<&Path>) -> (Learner, gradus_train::Progress) {
    let mut learner = learner();
    let mut fit = Fit { epochs: EPOCHS, ..Fit::default() };
    let progress = fit.run_in(folder, &mut learner, &Texts, None).unwrap();
    (learner, progress)
}

#[test]
fn both_directions_and_the_carried_state_are_learned() {
    let (mut learner, progress) = train(None);
    let of = |epoch: usize| progress.history[epoch].metrics["accuracy"];
    assert!(of(0) < 0.5 && of(EPOCHS as usize - 1) > 0.9, "{:?}", progress.series("accuracy"));
    // An evaluation carries its own state on, and leaves that of training as it was.
    let carried = |learner: &Learner| {
        let state = learner.state().into_iter().find(|(name, _)| name.ends_with("carried"));
        state.unwrap().1.value().to_vec::<f32>()
    };
    let before = carried(&learner);
    assert!(learner.evaluate(&Texts).unwrap().metrics[0] > 0.9);
    assert_eq!(carried(&learner), before);
    // Predicting, the state is carried on, too.
    let batch = Texts.from(EPOCHS, 0).next().unwrap().unwrap();
    let y = learner.predict_on(&batch).unwrap();
    assert_eq!(y.shape()[2], WORDS);
    assert_ne!(carried(&learner), before);
}

/// Padding changes nothing: a sentence alone has the loss, the outputs and the gradients that it has beside longer ones.
#[test]
fn padding_weighs_nothing() {
    let sentences = [vec![3i64, 1, 4, 1, 5], vec![2, 0]];
    let batch =
        |rows: &[Vec<i64>]| Batch::ragged([("x", rows.to_vec()), ("t", rows.to_vec())]).unwrap();
    let mut learner = learner();
    let y = learner.predict_on(&batch(&sentences)).unwrap();
    let numbers = |learner: &mut Learner, rows: &[Vec<i64>]| {
        let numbers = learner.evaluate_step(&batch(rows)).unwrap();
        (numbers.means[0].value, numbers.means[0].units)
    };
    let (both, words) = numbers(&mut learner, &sentences);
    assert_eq!(words, 7.0);
    let mut sum = 0.0;
    for (i, sentence) in sentences.iter().enumerate() {
        let alone = std::slice::from_ref(sentence);
        let own = learner.predict_on(&batch(alone)).unwrap();
        let beside = y.slice(0, i..i + 1).slice(1, 0..sentence.len());
        assert!((own - beside).abs().max(..).item() < 1e-6);
        let (loss, words) = numbers(&mut learner, alone);
        sum += loss * words;
    }
    assert!((both - sum / 7.0).abs() < 1e-6, "{both} and {}", sum / 7.0);
    // A word of the padding moves nothing.
    let before = weights(&**learner.model());
    let mut touched = batch(&sentences).get("x").unwrap().to_vec::<i64>();
    touched[9] = 5;
    let touched = Tensor::from_slice(&touched, [2, 5]);
    let fields = ["t", "lengths"].map(|name| (name, batch(&sentences).get(name).unwrap().clone()));
    let touched = Batch::new([("x", touched)].into_iter().chain(fields)).unwrap();
    let step = |batch: &Batch| {
        let mut learner = self::learner();
        learner.train_step(batch, &Pace::CONSTANT).unwrap();
        weights(&**learner.model())
    };
    assert!(step(&touched) == step(&batch(&sentences)) && step(&touched) != before);
}

#[test]
fn a_layer_that_would_mix_padding_in_refuses() {
    let model =
        Sequential::new([5], &Init::new(0)).add(embedding(WORDS, 3)).add(flatten()).add(dense(2));
    let mut learner = Learner::new(model.into(), Sgd::new(0.1));
    let rows = [vec![1i64, 2, 3, 4, 5], vec![1]];
    let batch = Batch::ragged([("x", rows.to_vec()), ("t", rows.to_vec())]).unwrap();
    let error = learner.train_step(&batch, &Pace::CONSTANT).unwrap_err().to_string();
    assert!(error.contains("Flatten would mix padding with what is there"), "{error}");
    assert!(error.contains("flatten1"), "{error}");
    // Without lengths it is no sequence.
    let whole =
        Batch::pair(&Tensor::zeros([2, 5]).cast(DType::I64), &Tensor::from([0i64, 1])).unwrap();
    learner.train_step(&whole, &Pace::CONSTANT).unwrap();
}

/// Set in a process that is to be killed: the run's folder.
const FOLDER: &str = "GRADUS_SEQUENCES_FOLDER";

/// The run of a process that the next test started; otherwise nothing.
#[test]
fn one_run() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let (learner, _) = train(Some(Path::new(&folder)));
        std::fs::write(Path::new(&folder).join("done"), fingerprint(&learner)).unwrap();
    }
}

fn fingerprint(learner: &Learner) -> String {
    let bits = |v: &Variable| -> Vec<u64> {
        v.value().cast(DType::F64).to_vec::<f64>().iter().map(|x| x.to_bits()).collect()
    };
    let all = learner.state().into_iter().map(|(name, v)| format!("{name} {:x?}\n", bits(&v)));
    all.collect::<String>() + &format!("{:?}", learner.counters())
}

#[test]
fn a_killed_run_goes_on_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "sequences::one_run"]).stdout(Stdio::null());
        command.env(FOLDER, folder.path()).spawn().unwrap()
    };
    let saved = || gradus_train::callbacks::Checkpoints::newest(folder.path()).unwrap();
    for _ in 0..2 {
        let (mut child, before) = (start(), saved());
        while saved() == before && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(!folder.path().join("done").exists(), "it was killed before its end");
    assert!(start().wait().unwrap().success());
    let found = std::fs::read_to_string(folder.path().join("done")).unwrap();
    assert_eq!(found, fingerprint(&train(None).0));
    assert_eq!(parameters(&**learner().model()).len(), 9);
}
