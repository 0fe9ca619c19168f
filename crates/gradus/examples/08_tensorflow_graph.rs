//! The lecture's TensorFlow program, line by line: logistic regression learns AND and OR as a graph.
//!
//! What was a placeholder is an argument of the compiled step; what was `minimize` is a gradient and an update; what was
//! `Session.run` is a call. The graph's picture is written beside the compiled example, for any browser to show.
//!
//! ```python
//! x  = tf.placeholder(tf.float32, [None, 2])
//! y_ = tf.placeholder(tf.float32, [None, 1])
//! W  = tf.Variable(tf.random_uniform([2, 1], -1, 1))
//! b  = tf.Variable(tf.random_uniform([1], -1, 1))
//! y  = tf.sigmoid(tf.matmul(x, W) + b)
//! loss = -tf.reduce_sum(y_ * tf.log(y) + (1 - y_) * tf.log(1 - y))
//! train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
//! ```

use gradus::prelude::*;
use gradus::{Step, draw};

const X: [[f32; 2]; 4] = [[0., 0.], [0., 1.], [1., 0.], [1., 1.]];
const RATE: f64 = 0.1;

fn uniform(name: &str, shape: &[usize], seed: u64) -> Variable {
    Variable::new(name, &(Tensor::rand(shape, seed) * 2.0 - 1.0))
}

/// Trains on a gate's answers for 2,000 steps; gives the last loss, the answers learned and the picture.
fn learn(answers: [[f32; 1]; 4], seed: u64) -> (f64, Vec<f32>, String) {
    let (w, b) = (uniform("W", &[2, 1], seed), uniform("b", &[1], seed + 1));
    let predict = |x: &Tensor| (x.matmul(&w.tensor()) + b.tensor()).sigmoid(); // [N, 1]
    let mut picture = String::new();
    let mut train = compile(|arguments: &[Tensor]| {
        let [x, t] = arguments else { unreachable!("called with inputs and answers") };
        let y = predict(x);
        let loss = -(t * y.ln() + (1.0 - t) * (1.0 - &y).ln()).sum(..);
        picture = draw([&loss]).name(x, "x").name(t, "y_").to_svg();
        let [dw, db] = grad(&loss, [&w.tensor(), &b.tensor()]);
        Step::new()
            .read(&loss)
            .read(&dw)
            .read(&db)
            .update(&w, &(w.tensor() - dw * RATE))
            .update(&b, &(b.tensor() - db * RATE))
    });
    let (x, t) = (Tensor::from(X), Tensor::from(answers));
    let mut loss = f64::INFINITY;
    for i in 0..2000 {
        let by_hand = (i % 100 == 0).then(|| gradient_by_hand(&w, &b, answers));
        let out = train.run(&[&x, &t]).unwrap();
        loss = out.item(0);
        if let Some(want) = by_hand {
            let mut got = out.tensor(1).to_vec::<f64>();
            got.extend(out.tensor(2).to_vec::<f64>());
            for (got, want) in got.into_iter().zip(want) {
                assert!((got - want).abs() < 1e-6, "step {i}: the graph's {got}, by hand {want}");
            }
        }
    }
    drop(train);
    (loss, predict(&x).to_vec(), picture)
}

/// For the sigmoid and this loss, d loss / d(w·x + b) = y − t; so dW = Σ (y − t)·x and db = Σ (y − t).
fn gradient_by_hand(w: &Variable, b: &Variable, answers: [[f32; 1]; 4]) -> [f64; 3] {
    let (w, b) = (w.value().to_vec::<f64>(), b.value().item());
    let mut d = [0.0; 3];
    for ([x1, x2], [t]) in X.into_iter().zip(answers) {
        let x = [f64::from(x1), f64::from(x2), 1.0];
        let z = w[0] * x[0] + w[1] * x[1] + b;
        let error = 1.0 / (1.0 + (-z).exp()) - f64::from(t);
        (0..3).for_each(|i| d[i] += error * x[i]);
    }
    d
}

fn main() {
    for (name, answers) in [("AND", [[0.], [0.], [0.], [1.]]), ("OR", [[0.], [1.], [1.], [1.]])] {
        let (loss, learned, picture) = learn(answers, 42);
        println!("{name}: loss {loss:.4} after 2,000 steps, answers {learned:.2?}");
        assert!(loss < 0.1, "{name}: the loss is {loss}");
        assert!(learned.iter().zip(answers).all(|(y, [t])| (y - t).abs() < 0.5));
        // The picture shows what the program says.
        for part in ["x", "y_", "W", "b", "matmul", "add", "sigmoid", "ln", "mul", "sum"] {
            assert!(picture.contains(&format!(">{part}</text>")), "the picture lacks {part}");
        }
        let path = std::env::temp_dir().join("gradus_08_graph.svg");
        std::fs::write(&path, picture).unwrap();
        println!("     its graph: {}", path.display());
    }
}
