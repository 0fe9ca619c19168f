//! What is computed here and there: each case gives numbers, of which some must be close and the last must be large.

use gradus::Step;
use gradus::data::toy;
use gradus::prelude::*;
use gradus::train::Source;

/// Something to compute on two machines.
pub struct Case {
    /// What it is called.
    pub name: &'static str,
    /// Computes it.
    pub run: fn() -> Vec<f64>,
    /// How far numbers may lie apart, as a part of the larger or, below 1, as they are.
    pub tolerance: f64,
    /// The least that the last number may be: an accuracy, where something learns.
    pub least: f64,
}

/// All cases.
///
/// ```
/// let product = &gradus_wasm::CASES[0];
/// assert_eq!((product.name, (product.run)().len()), ("product", 41));
/// ```
pub const CASES: [Case; 5] = [
    Case { name: "product", run: product, tolerance: 1e-5, least: f64::NEG_INFINITY },
    Case { name: "functions", run: functions, tolerance: 1e-6, least: f64::NEG_INFINITY },
    Case { name: "tiny", run: tiny, tolerance: 1e-4, least: f64::NEG_INFINITY },
    Case { name: "moons", run: moons, tolerance: 2e-2, least: 0.97 },
    Case { name: "strokes", run: strokes, tolerance: 2e-2, least: 0.97 },
];

/// The first row of a product of [37, 53] and [53, 41].
fn product() -> Vec<f64> {
    let (a, b) = (Tensor::randn([37, 53], 1), Tensor::randn([53, 41], 2));
    a.matmul(&b).select(0, 0).to_vec() // [41]
}

/// Elementary functions at 40 points between 0.1 and 4.
fn functions() -> Vec<f64> {
    let x = (Tensor::arange(40).cast(DType::F32) + 1.0) * 0.1; // [40]
    let all =
        [x.exp(), x.ln(), x.sin(), x.cos(), x.tanh(), x.erf(), x.sqrt(), x.sigmoid(), x.pow(1.7)];
    all.iter().flat_map(Tensor::to_vec::<f64>).collect()
}

/// The losses of thirty steps of 2-8-8-1 with tanh towards the product of its inputs.
fn tiny() -> Vec<f64> {
    let mut net = Tiny::new();
    (0..30).map(|_| net.step()).collect()
}

/// What is traced once for each shape.
type Trace = Box<dyn FnMut(&[Tensor]) -> Step>;

/// A small network, its data, and its compiled step of gradient descent.
pub(crate) struct Tiny {
    step: gradus::Compiled<Trace>,
    x: Tensor,
    t: Tensor,
}

impl Tiny {
    pub(crate) fn new() -> Tiny {
        let x = Tensor::randn([10, 2], 1);
        let t = x.slice(1, 0..1) * x.slice(1, 1..2); // [10, 1]
        let weights = [(2, 8), (8, 8), (8, 1)].map(|(from, to)| {
            let w = Tensor::randn([from, to], (10 * from + to) as u64) * (1.0 / from as f64).sqrt();
            Variable::new("w", &w)
        });
        let trace = move |arguments: &[Tensor]| {
            let w = weights.each_ref().map(Variable::tensor);
            let hidden = arguments[0].matmul(&w[0]).tanh().matmul(&w[1]).tanh(); // [10, 8]
            let loss = (hidden.matmul(&w[2]) - &arguments[1]).square().mean(..);
            let next = w.iter().zip(grad(&loss, w.each_ref())).map(|(w, dw)| w - dw * 0.05);
            Step::new().read(&loss).updates(weights.iter().cloned().zip(next))
        };
        Tiny { step: compile(Box::new(trace) as Trace), x, t }
    }

    /// One step; gives the loss before it.
    pub(crate) fn step(&mut self) -> f64 {
        self.step.run(&[&self.x, &self.t]).expect("a step").item(0)
    }
}

/// Trains a model for some epochs; gives the loss of each and the accuracy on what was held out.
fn learn(model: Sequential, train: &dyn Source, test: &dyn Source, epochs: u64) -> Vec<f64> {
    let recipe = Recipe { metrics: vec![metrics::accuracy()], ..Recipe::default() };
    let mut learner = Learner::with(model.into(), Box::new(Adam::new(0.01)), recipe, 0);
    let mut progress = Progress::default();
    let mut fit = Fit { epochs, ..Fit::default() };
    fit.run(&mut learner, train, None, &mut progress).expect("training");
    let losses = progress.history.iter().map(|epoch| epoch.loss);
    let accuracy = evaluate(&mut learner, test).expect("an evaluation").metrics[0];
    losses.chain([accuracy]).collect()
}

/// Two moons, 2-32-32-2.
fn moons() -> Vec<f64> {
    let moons = toy::moons(400, 0.1, 3);
    let x = Tensor::from_slice(moons.points.as_flattened(), [400, 2]);
    let t = Tensor::from_slice(&moons.targets, [400]).gt(0.0).cast(DType::I64);
    let all = Arrays::new(&x, &t, 20).expect("rows").shuffle(0);
    let (train, test) = all.split(0.25, 0).expect("a split");
    let model = Sequential::new([2], &Init::new(0))
        .add(dense(32))
        .add(tanh())
        .add(dense(32))
        .add(tanh())
        .add(dense(2));
    learn(model, &train, &test, 40)
}

/// Pictures of 12 × 12 with a stroke that lies, stands, falls or rises, anywhere and in noise; a small LeNet tells which.
fn strokes() -> Vec<f64> {
    const SIDE: usize = 12;
    const COUNT: usize = 480;
    let mut pixels = (Tensor::randn([COUNT, SIDE * SIDE], 5) * 0.2).to_vec::<f32>();
    let places = (Tensor::rand([COUNT, 2], 6) * 7.0).to_vec::<f32>();
    for (i, picture) in pixels.chunks_mut(SIDE * SIDE).enumerate() {
        let (row, column) = (places[2 * i] as usize, places[2 * i + 1] as usize); // 0..7
        for k in 0..6 {
            let (r, c) = [(2, k), (k, 2), (k, k), (5 - k, k)][i % 4];
            picture[(row + r) * SIDE + column + c] += 1.0;
        }
    }
    let x = Tensor::from_slice(&pixels, [COUNT, 1, SIDE, SIDE]);
    let labels: Vec<i64> = (0..COUNT as i64).map(|i| i % 4).collect();
    let t = Tensor::from_slice(&labels, [COUNT]);
    let all = Arrays::new(&x, &t, 20).expect("rows").shuffle(0);
    let (train, test) = all.split(0.25, 0).expect("a split");
    let model = Sequential::new([1, SIDE, SIDE], &Init::new(0))
        .add(conv2d(6, 5).pad(2)) // [6, 12, 12]
        .add(relu())
        .add(max_pool2d(2)) // [6, 6, 6]
        .add(conv2d(16, 3)) // [16, 4, 4]
        .add(relu())
        .add(max_pool2d(2)) // [16, 2, 2]
        .add(flatten())
        .add(dense(32))
        .add(relu())
        .add(dense(4));
    learn(model, &train, &test, 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_gives_finite_numbers_and_learns() {
        for case in &CASES {
            let numbers = (case.run)();
            assert!(numbers.iter().all(|x| x.is_finite()), "{}: {numbers:?}", case.name);
            assert!(numbers.last() >= Some(&case.least), "{}: {numbers:?}", case.name);
        }
    }
}
