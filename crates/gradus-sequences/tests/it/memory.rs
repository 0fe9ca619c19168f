//! Long memories: sequences that follow from their place, runs that go on bit by bit, short sequences, options that cannot be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gradus_nn::layers::{InitialState, dense, rnn};
use gradus_nn::losses::mean_squared;
use gradus_nn::{Context, Init, Layer, Sequential, parameters};
use gradus_sequences::memory::{Cell, Generated, LongMemory, MemoryModel, Problem};
use gradus_sequences::{Model, System};
use gradus_tensor::Tensor;
use gradus_train::optim::Adam;
use gradus_train::{Batch, Fit, INTERRUPTED, Learner, Progress, Recipe, Result, Source};

fn small(problem: Problem, cell: Cell) -> MemoryModel {
    MemoryModel { hidden: 6, length: 3, ..MemoryModel::new(problem, cell) }
}

fn system(model: MemoryModel) -> LongMemory {
    let mut training = model.training(0);
    training.batch = 4;
    LongMemory::new(model, training).unwrap()
}

fn numbers(batch: &Batch) -> (Vec<f32>, Vec<f32>) {
    let read = |name| batch.get(name).unwrap().to_vec::<f32>();
    (read("x"), read("t"))
}

#[test]
fn a_batch_follows_from_its_place() {
    let source = Generated::to_train(Problem::Adding, 7, 5, 3);
    let at = |source: &Generated, epoch, batch| {
        numbers(&source.from(epoch, batch).next().unwrap().unwrap())
    };
    let fourth = source.from(2, 0).nth(4).unwrap().unwrap();
    assert_eq!(numbers(&fourth), at(&source, 2, 4));
    let others = [
        at(&source, 2, 5),
        at(&source, 3, 4),
        at(&Generated::to_train(Problem::Adding, 7, 5, 4), 2, 4),
    ];
    others.iter().for_each(|other| assert_ne!(*other, numbers(&fourth)));
    // What is tested on is not what is learned from.
    let tested = at(&Generated::to_test(Problem::Adding, 7, 3), 0, 0);
    assert_ne!(tested.0[..14], at(&source, 0, 0).0[..14]);
    let (x, t) = numbers(&fourth);
    for (x, t) in x.chunks(14).zip(t) {
        let marked: Vec<usize> = (0..7).filter(|step| x[2 * step + 1] == 1.0).collect();
        assert!(marked.len() == 2 && marked[0] < 3 && marked[1] >= 3, "{marked:?}");
        assert_eq!(t, x[2 * marked[0]] + x[2 * marked[1]]);
    }
}

/// Interrupts a run in the middle of an epoch.
struct Interrupting<'a>(&'a dyn Source, Arc<AtomicBool>);

impl Source for Interrupting<'_> {
    fn batches(&self) -> usize {
        self.0.batches()
    }
    fn samples(&self) -> usize {
        self.0.samples()
    }
    fn from(&self, epoch: u64, batch: usize) -> Box<dyn Iterator<Item = Result<Batch>> + '_> {
        let all = self.0.from(epoch, batch).zip(batch..);
        Box::new(all.map(move |(made, at)| {
            self.1.fetch_or((epoch, at) == (1, 4), Ordering::Relaxed);
            made
        }))
    }
}

#[test]
fn a_run_goes_on_as_if_it_had_never_been_stopped() {
    let fit = || Fit { epochs: 3, limit_batches: Some(9), ..Fit::default() };
    for problem in [Problem::Adding, Problem::Copy] {
        let model = || small(problem, Cell::Lstm);
        let folder = tempfile::tempdir().unwrap();
        let mut begun = system(model());
        let parts = begun.parts();
        let mut first = fit();
        let stopping = Interrupting(parts.train, first.interrupt.clone());
        let progress = first.run_in(Some(folder.path()), parts.task, &stopping, None).unwrap();
        assert_eq!(progress.stopped.as_deref(), Some(INTERRUPTED));
        assert_eq!((progress.epoch, progress.batch), (1, 5));
        // Another process: everything is built again.
        let mut again = system(model());
        let parts = again.parts();
        let progress = fit().run_in(Some(folder.path()), parts.task, parts.train, None).unwrap();
        let mut whole = system(model());
        let parts = whole.parts();
        let expected = fit().run_in(None, parts.task, parts.train, None).unwrap();
        assert_eq!(progress.series("loss"), expected.series("loss"));
        let bits = |system: &mut LongMemory| -> Vec<(String, Vec<u32>)> {
            let state = system.task().state().into_iter();
            let bits = |t: Tensor| t.to_vec::<f32>().into_iter().map(f32::to_bits).collect();
            state.map(|(path, variable)| (path, bits(variable.value()))).collect()
        };
        assert_eq!(bits(&mut again), bits(&mut whole));
    }
}

/// Two numbers are one in each half; one step is one signal.
#[test]
fn the_shortest_sequences_are_learned() {
    for (problem, length) in [(Problem::Adding, 2), (Problem::Copy, 1)] {
        for cell in Cell::ALL {
            let mut system = system(MemoryModel { length, ..small(problem, cell) });
            let parts = system.parts();
            let mut fit = Fit { limit_batches: Some(2), ..Fit::default() };
            fit.run(parts.task, parts.train, None, &mut Progress::default()).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let report = system.test(Some(folder.path())).unwrap();
            let name = if problem == Problem::Adding { "mse" } else { "cross_entropy" };
            assert!(report.numbers[name].as_f64().unwrap().is_finite());
            assert!(report.remark.unwrap().starts_with("it remembers nothing yet"));
        }
    }
}

/// The picture has a curve for each fresh cell and one for the network, of T points each.
#[test]
fn gradients_are_drawn() {
    let mut system = system(small(Problem::Adding, Cell::Gru));
    let folder = tempfile::tempdir().unwrap();
    let report = system.test(Some(folder.path())).unwrap();
    let [(name, path)] = &report.files[..] else { panic!("{:?}", report.files) };
    let svg = std::fs::read_to_string(path).unwrap();
    assert_eq!((*name, svg.matches("<polyline").count()), ("gradients", 4));
    let curves = report.numbers["gradients"].as_object().unwrap();
    assert!(curves.values().all(|curve| curve.as_array().unwrap().len() == 3));
    // It was not trained: the curves of both are one.
    assert_eq!(curves["gru, untrained"], curves["gru, trained"]);
    assert!(report.table.contains("lstm, untrained"), "{}", report.table);
}

/// A network's gates begin with what suits the times that it must bridge.
#[test]
fn gates_begin_with_biases_for_long_times() {
    let biases = |cell, chrono| {
        let model = MemoryModel { length: 100, chrono, ..small(Problem::Copy, cell) };
        let network = model.build(&Init::new(0)).unwrap();
        let all = parameters(&*network);
        let (_, bias) = all.iter().find(|(name, _)| name == "cell.bias_l0").unwrap();
        bias.variable().value().to_vec::<f32>()
    };
    let lstm = biases(Cell::Lstm, true);
    for (let_in, keep) in lstm[..6].iter().zip(&lstm[6..12]) {
        assert!(*let_in == -keep && (0.0..119f32.ln()).contains(keep), "{let_in} {keep}");
    }
    assert_eq!(lstm[12..], [0.0; 12]);
    assert_eq!(biases(Cell::Gru, true)[6..12], lstm[6..12]);
    assert_eq!(biases(Cell::Lstm, false)[6..12], [1.0; 6]);
    assert_eq!(biases(Cell::Rnn, true), [0.0; 6]);
}

#[test]
fn what_cannot_be_is_refused() {
    let adding = small(Problem::Adding, Cell::Lstm);
    let wrong = |model: MemoryModel| {
        let training = model.training(0);
        LongMemory::new(model, training).err().unwrap().to_string()
    };
    assert_eq!(
        wrong(MemoryModel { length: 1, ..adding.clone() }),
        "length: found 1, expected 2 to 65536"
    );
    assert_eq!(
        wrong(MemoryModel { hidden: 0, ..adding.clone() }),
        "hidden: found 0, expected 1 to 16384"
    );
    let copy = small(Problem::Copy, Cell::Gru);
    assert_eq!(wrong(MemoryModel { length: 0, ..copy }), "length: found 0, expected 1 to 65536");
    let mut training = adding.training(0);
    training.batch = 0;
    let error = LongMemory::new(adding.clone(), training).err().unwrap().to_string();
    assert_eq!(error, "batch: found batches of 0 sequences, expected at least 1");
    // What a file says is read as strictly.
    let written = serde_json::to_string(&Model::Memory(adding.clone())).unwrap();
    assert_eq!(serde_json::from_str::<Model>(&written).unwrap(), Model::Memory(adding));
    let other = written.replace("\"chrono\":false", "\"chronic\":false");
    assert!(serde_json::from_str::<Model>(&other).unwrap_err().to_string().contains("chronic"));
}

/// What stands before a short sequence is learned, where it is asked for: of sequences that began somewhere, not at 0.
#[test]
fn a_learned_initial_state_beats_zeros_on_short_sequences() {
    let cx = Context::eval();
    let teacher = rnn(4).initial_state(InitialState::Learned).build(1, &Init::new(9));
    let (_, start) = parameters(&teacher).into_iter().find(|(name, _)| name == "h_l0").unwrap();
    start.variable().set(&Tensor::from([0.9f32, -0.8, 0.7, -0.9])).unwrap();
    let error = |initial| {
        let cell = rnn(4).initial_state(initial);
        let model = Sequential::new([3, 1], &Init::new(1)).add(cell).add(dense(4));
        let recipe = Recipe { loss: mean_squared.into(), ..Recipe::default() };
        let mut learner = Learner::with(model.into(), Box::new(Adam::new(0.02)), recipe, 0);
        let batch = |seed| {
            let x = Tensor::randn([32, 3, 1], seed);
            let t = teacher.forward(&x, &cx);
            (x, t)
        };
        for seed in 0..600 {
            let (x, t) = batch(seed);
            learner.train_batch(&x, &t, 0.02).unwrap();
        }
        let (x, t) = batch(10_000);
        learner.evaluate_batch(&x, &t).unwrap().loss
    };
    let (learned, zero) = (error(InitialState::Learned), error(InitialState::Zero));
    assert!(learned < 0.5 * zero, "learned {learned}, zero {zero}");
}
