//! A replayed step, of training or of prediction, allocates nothing, with one thread and with two, nor does a learner's; a loader's
//! batches are made in the buffers of those before. A binary of its own: it counts every allocation of the process.
#![allow(unsafe_code)]

use gradus_data::{
    Bucketing, HorizontalFlip, InMemory, OnFields, Padding, RecordLoader, RecordOptions,
};
use gradus_nn::layers::{conv2d, dense, dropout, flatten, max_pool2d, relu};
use gradus_nn::{Context, Init, Layer, Sequential, losses::cross_entropy, parameters};
use gradus_tensor::{Step, Tensor, compile, gradients};
use gradus_train::metrics::{Metric, accuracy};
use gradus_train::optim::{Adam, Clip};
use gradus_train::{Learner, Recipe};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged; counting touches no memory of the caller's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is the system allocator's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is the system allocator's.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is the system allocator's.
        unsafe { System.realloc(old, layout, size) }
    }
    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is the system allocator's.
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Replayed steps that are counted, after three to warm up.
const STEPS: usize = 100;

/// Allocations of all [`STEPS`] replayed steps of `model` together.
fn allocations(model: &Sequential, x: &Tensor, t: &Tensor) -> usize {
    let key = Tensor::from([7i64, 0]);
    x.try_read().unwrap();
    t.try_read().unwrap();
    let mut step = compile(|args: &[Tensor]| {
        let cx = Context::train(&args[2]);
        let loss = cross_entropy(&model.forward(&args[0], &cx), &args[1]).mean(..);
        let all = parameters(model);
        let tensors: Vec<Tensor> = all.iter().map(|(_, p)| p.tensor()).collect();
        let grads = gradients(&loss, &tensors).unwrap();
        let mut step = Step::new().read(&loss).updates(cx.take_updates());
        for (((_, p), w), g) in all.iter().zip(&tensors).zip(grads) {
            step = step.update(p.variable(), &(w - g.unwrap() * 0.1));
        }
        step
    });
    let mut counts = vec![];
    for _ in 0..3 + STEPS {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        let loss = step.run(&[x, t, &key]).unwrap().item(0);
        let after = ALLOCATIONS.load(Ordering::Relaxed);
        assert!(loss.is_finite());
        counts.push(after - before);
    }
    assert!(counts[0] > 0, "the first step is traced, so the counter counts");
    counts[3..].iter().sum()
}

/// Allocations of all [`STEPS`] predictions together, before each of which a weight is written: what was kept is computed anew.
fn of_predictions(model: &Sequential, x: &Tensor) -> usize {
    x.try_read().unwrap();
    let mut predict =
        compile(|args: &[Tensor]| Step::new().read(&model.forward(&args[0], &Context::eval())));
    let (_, weight) = parameters(model).remove(0);
    let mut touch =
        compile(|_: &[Tensor]| Step::new().update(weight.variable(), &(weight.tensor() * 0.5)));
    let mut count = 0;
    for i in 0..3 + STEPS {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        touch.run(&[]).unwrap();
        predict.run(&[x]).unwrap();
        if i >= 3 {
            count += ALLOCATIONS.load(Ordering::Relaxed) - before;
        }
    }
    count
}

/// Allocations of all [`STEPS`] steps that a learner takes after its first three, the rate being another at each.
fn of_a_learner(model: Sequential, metrics: Vec<Metric>, x: &Tensor, t: &Tensor) -> usize {
    let recipe =
        Recipe { metrics, clip: Some(Clip::Norm(1.0)), accumulate: 2, ..Recipe::default() };
    let mut learner = Learner::with(model.into(), Box::new(Adam::new(1e-3)), recipe, 1);
    let mut step = |i: usize| {
        let result = learner.train_batch(x, t, 1e-3 / (1.0 + i as f64)).unwrap();
        assert!(result.loss.is_finite());
    };
    (0..3).for_each(&mut step);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    (3..3 + STEPS).for_each(&mut step);
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

/// Allocations of all batches but the first of an epoch of pictures with masks and ragged tokens, after an epoch that met the longest.
fn of_a_loader() -> usize {
    let tokens = (0..60).map(|i| vec![i; 1 + i as usize * 7 % 23]);
    let data = InMemory::new()
        .field("x", &[3, 8, 8], &vec![0.5f32; 60 * 192])
        .and_then(|data| data.field("segments", &[8, 8], &vec![1u8; 60 * 64]))
        .and_then(|data| data.ragged("tokens", tokens))
        .unwrap();
    let options = RecordOptions {
        batch_size: 8,
        shuffle: true,
        workers: 0,
        transforms: vec![Arc::new(OnFields::new(HorizontalFlip, ["x"]).mask("segments"))],
        padding: vec![("tokens".into(), Padding { mask: true, ..Padding::default() })],
        bucketing: Some(Bucketing::quantiles("tokens", 3).max_units(100)),
        ..RecordOptions::default()
    };
    let loader = RecordLoader::new(data, options).unwrap();
    loader.epoch(0).for_each(|batch| assert!(!batch.unwrap().is_empty()));
    let mut batches = loader.epoch(1);
    batches.next().unwrap().unwrap();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    batches.for_each(|batch| assert!(!batch.unwrap().is_empty()));
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

/// The least of three counts: the test harness's own thread may allocate meanwhile, once; what a step allocates, it allocates
/// every time.
fn least(count: impl Fn() -> usize) -> usize {
    (0..3).map(|_| count()).min().expect("there are three")
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn a_replayed_step_allocates_nothing() {
    let mlp = Sequential::new([64], &Init::new(1)).add(dense(32)).add(relu()).add(dense(10));
    let net = Sequential::new([1, 28, 28], &Init::new(1))
        .add(conv2d(6, 5))
        .add(relu())
        .add(max_pool2d(2))
        .add(flatten())
        .add(dense(10));
    let labels: Vec<i64> = (0..16).map(|i| i % 10).collect();
    let t = Tensor::from_slice(&labels, [16]);
    // A second thread grows its scratch memory whenever it gets its first share of a kernel, which may be late on a busy
    // machine: a few allocations once, never one per step.
    for (threads, most) in [(1, 0), (2, 8)] {
        gradus_cpu::set_threads(threads);
        let flat = least(|| allocations(&mlp, &Tensor::randn([16, 64], 3), &t));
        assert!(flat <= most, "dense network, {threads} threads: {flat} allocations");
        let images = least(|| allocations(&net, &Tensor::randn([16, 1, 28, 28], 3), &t));
        assert!(images <= most, "convolutional network, {threads} threads: {images} allocations");
        for model in [&mlp, &net] {
            let shape = if std::ptr::eq(model, &mlp) { vec![16, 64] } else { vec![16, 1, 28, 28] };
            let x = Tensor::randn(shape, 3);
            let count = least(|| of_predictions(model, &x));
            assert!(count <= most, "predictions, {threads} threads: {count} allocations");
        }
    }
    gradus_cpu::set_threads(1);
    let model =
        || Sequential::new([64], &Init::new(1)).add(dense(32)).add(dropout(0.2)).add(dense(10));
    let x = Tensor::randn([16, 64], 3);
    assert_eq!(least(|| of_a_learner(model(), vec![], &x, &t)), 0);
    assert_eq!(least(of_a_loader), 0);
    // The list of what the metrics gave.
    assert_eq!(least(|| of_a_learner(model(), vec![accuracy()], &x, &t)), STEPS);
}
