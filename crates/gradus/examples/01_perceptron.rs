//! The perceptron (Rosenblatt 1957), what it learns, how soon, and what it cannot learn.
//!
//! y = 1 if w·x ≥ 0, else 0. The input is (x1, x2, 1), so that the last weight is the bias: without one, AND(0, 0) = 0 would
//! be impossible, since the step of w·0 = 0 is 1. A wrong answer moves the weights: w ← w − (y − t)·x.

use gradus::Step;
use gradus::prelude::*;

/// An input, with 1 for the bias, and the answer wanted.
type Sample = ([f32; 3], f32);

const CORNERS: [[f32; 3]; 4] = [[0., 0., 1.], [0., 1., 1.], [1., 0., 1.], [1., 1., 1.]];

/// How training ended.
#[derive(Debug, PartialEq)]
enum End {
    /// An epoch without a mistake.
    Learned { weights: Vec<f32>, mistakes: Vec<usize> },
    /// An epoch ended with the weights of an earlier one. The rule is deterministic, so these weights, one after each sample,
    /// come for ever.
    Cycles(Vec<Vec<f32>>),
}

/// Shows the samples one by one, epoch after epoch, from zero weights.
fn train(samples: &[Sample]) -> End {
    let w = Variable::new("w", &Tensor::zeros([3]));
    let mut step = compile(|arguments: &[Tensor]| {
        let [x, t] = arguments else { unreachable!("called with an input and an answer") };
        let y = (w.tensor() * x).sum(..).step();
        let error = y - t;
        Step::new().read(&error).update(&w, &(w.tensor() - &error * x))
    });
    let samples: Vec<_> =
        samples.iter().map(|&(x, t)| (Tensor::from(x), Tensor::from(t))).collect();
    // The weights at first and after every sample; an epoch ends at every multiple of the number of samples.
    let (mut history, mut mistakes) = (vec![w.value().to_vec::<f32>()], vec![]);
    loop {
        let mut wrong = 0;
        for (x, t) in &samples {
            wrong += usize::from(step.run(&[x, t]).expect("a step").item(0) != 0.0);
            history.push(w.value().to_vec());
        }
        mistakes.push(wrong);
        let now = history.len() - 1;
        if wrong == 0 {
            return End::Learned { weights: history.swap_remove(now), mistakes };
        }
        let mut epochs = (0..now).step_by(samples.len());
        if let Some(same) = epochs.find(|&end| history[end] == history[now]) {
            return End::Cycles(history.split_off(same + 1));
        }
    }
}

/// The four corners of the square with a gate's answers.
fn gate(answers: [f32; 4]) -> Vec<Sample> {
    CORNERS.into_iter().zip(answers).collect()
}

fn right(weights: &[f32], samples: &[Sample]) -> usize {
    samples.iter().filter(|(x, t)| (dot(weights, x) >= 0.0) == (*t == 1.0)).count()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Points on both sides of a random line, none nearer to it than a margin, and Novikoff's bound for them: with |x| ≤ R and
/// a unit vector that separates them by γ, the perceptron makes at most (R/γ)² mistakes.
fn separable(seed: u64) -> (Vec<Sample>, f32) {
    let u = Tensor::randn([3], seed).to_vec::<f32>();
    let length = dot(&u, &u).sqrt();
    let points = (Tensor::rand([30, 2], seed) * 2.0 - 1.0).to_vec::<f32>();
    let (mut samples, mut radius, mut margin) = (vec![], 0.0f32, f32::INFINITY);
    for point in points.chunks(2) {
        let x = [point[0], point[1], 1.0];
        let distance = dot(&u, &x) / length;
        if distance.abs() > 0.05 {
            samples.push((x, if distance > 0.0 { 1.0 } else { 0.0 }));
            radius = radius.max(dot(&x, &x).sqrt());
            margin = margin.min(distance.abs());
        }
    }
    (samples, (radius / margin).powi(2))
}

fn main() {
    // AND is learned in six epochs, by this very trace.
    let and = train(&gate([0., 0., 0., 1.]));
    println!("AND  {and:?}");
    let golden = End::Learned { weights: vec![2., 1., -3.], mistakes: vec![2, 3, 3, 2, 1, 0] };
    assert_eq!(and, golden);

    let or = gate([0., 1., 1., 1.]);
    let End::Learned { weights, mistakes } = train(&or) else { panic!("OR is separable") };
    println!("OR   weights {weights:?}, mistakes {mistakes:?}");
    assert!(right(&weights, &or) == 4 && mistakes.len() <= 10);

    // No line has XOR's two ones on one side and its two zeros on the other.
    let xor = gate([0., 1., 1., 0.]);
    let End::Cycles(cycle) = train(&xor) else { panic!("XOR is not separable") };
    println!("XOR  not separable: the weights go round {cycle:?}");
    assert!(cycle.iter().all(|weights| right(weights, &xor) <= 3));

    // Novikoff 1962, on a thousand random sets.
    let mut closest = 0.0f32;
    for seed in 0..1000 {
        let (samples, bound) = separable(seed);
        let End::Learned { mistakes, .. } = train(&samples) else {
            panic!("set {seed} is separable")
        };
        let total = mistakes.iter().sum::<usize>() as f32;
        assert!(total <= bound, "set {seed}: {total} mistakes, at most {bound} are possible");
        closest = closest.max(total / bound);
    }
    println!("1,000 separable sets: never above {:.0} % of Novikoff's bound", 100.0 * closest);
}
