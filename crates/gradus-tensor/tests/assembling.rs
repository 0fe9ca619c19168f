//! Parts of an assembled value are computed inside it: no copies, the same values, whatever else reads them.

use gradus_tensor::ops::conv2d::{Conv, Padding};
use gradus_tensor::ops::pool2d::Pool;
use gradus_tensor::{Step, Tensor, Variable, compile, grad, read, update};

fn names(f: impl Fn(&Tensor) -> Tensor, x: &Tensor) -> Vec<String> {
    let mut step = compile(|a: &[Tensor]| Step::new().read(&f(&a[0])));
    let plan = step.plan(&[x.node().meta()]).unwrap();
    plan.steps().iter().filter(|s| !s.once).map(|s| s.name.clone()).collect()
}

fn variable(shape: &[usize], seed: u64) -> Variable {
    let fan: usize = shape[1..].iter().product();
    Variable::new("w", &(Tensor::randn(shape, seed) * (1.0 / fan as f64).sqrt()))
}

/// GoogLeNet's module: four branches of convolutions, one of them behind a pool.
struct Inception {
    weights: Vec<Variable>,
}

impl Inception {
    fn new(channels: usize) -> Inception {
        let shapes = [
            [24, channels, 1],
            [20, channels, 1],
            [40, 20, 3],
            [8, channels, 1],
            [17, 8, 3],
            [16, channels, 1],
        ];
        let weights = shapes.iter().enumerate();
        let weights = weights.map(|(i, &[o, c, k])| variable(&[o, c, k, k], i as u64)).collect();
        Inception { weights }
    }

    fn branches(&self, x: &Tensor) -> Vec<Tensor> {
        let conv = |x: &Tensor, i: usize| {
            let w = self.weights[i].tensor();
            (x.conv2d(&w, Conv::new().padding(Padding::Half)) + 0.125).relu()
        };
        let pooled = x.max_pool2d(Pool::new(3).stride(1).padding(1));
        vec![conv(x, 0), conv(&conv(x, 1), 2), conv(&conv(x, 3), 4), conv(&pooled, 5)]
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        Tensor::concat(&self.branches(x).iter().collect::<Vec<_>>(), 1)
    }
}

/// [N, C, H, W] values of several tensors one after the other along C, by hand.
fn joined(parts: &[Tensor]) -> Vec<f32> {
    let (n, pixels) = (parts[0].shape()[0], parts[0].shape()[2] * parts[0].shape()[3]);
    let values: Vec<Vec<f32>> = parts.iter().map(|p| p.to_vec::<f32>()).collect();
    let image = |i: usize| {
        let of = |(p, v): (&Tensor, &Vec<f32>)| {
            let len = p.shape()[1] * pixels;
            v[i * len..(i + 1) * len].to_vec()
        };
        parts.iter().zip(&values).flat_map(of).collect::<Vec<f32>>()
    };
    (0..n).flat_map(image).collect()
}

fn close(a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len());
    let most = b.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= 1e-5 * most, "{i}: {a} {b}");
    }
}

#[test]
fn branches_of_convolutions_write_into_the_result() {
    for shape in [[1, 32, 14, 14], [3, 32, 7, 9], [32, 32, 5, 5]] {
        let (net, x) = (Inception::new(32), Tensor::randn(shape, 9));
        let steps = names(|x| net.forward(x), &x);
        // The channels of the input and of its pool are brought innermost, the result's back: at the ends, not between.
        assert!(steps.iter().filter(|s| *s == "copy").count() <= 3, "{steps:?}");
        assert_eq!(steps.iter().filter(|s| s.contains("conv2d + relu")).count(), 6, "{steps:?}");
        let mut step = compile(|a: &[Tensor]| Step::new().read(&net.forward(&a[0])));
        let branches = net.branches(&x);
        branches.iter().for_each(|b| read([b]));
        let want = joined(&branches);
        for _ in 0..2 {
            close(&step.run(&[&x]).unwrap().tensor(0).to_vec::<f32>(), &want);
        }
        let last = net.weights.last().unwrap();
        update(&[], &[(last.clone(), last.tensor() * -0.5)]).unwrap();
        let want = joined(&net.branches(&x));
        close(&step.run(&[&x]).unwrap().tensor(0).to_vec::<f32>(), &want);
    }
}

#[test]
fn gradients_flow_through_branches_that_lie_in_the_result() {
    let (net, x) = (Inception::new(16), Tensor::randn([2, 16, 8, 8], 9));
    let factors: Vec<Tensor> = net
        .branches(&x)
        .iter()
        .enumerate()
        .map(|(i, b)| Tensor::randn(b.shape(), i as u64))
        .collect();
    let whole = joined(&factors);
    let weights: Vec<Tensor> = net.weights.iter().map(Variable::tensor).collect();
    let y = net.forward(&x);
    let loss = (&y * Tensor::from_slice(&whole, y.shape())).sum(..);
    let apart = net.branches(&x);
    // The same sum, branch by branch: nothing is assembled.
    let sums = apart.iter().zip(&factors).map(|(b, f)| (b * f).sum(..));
    let sum = sums.reduce(|a, b| a + b).unwrap();
    for w in &weights {
        let [a] = grad(&loss, [w]);
        let [b] = grad(&sum, [w]);
        close(&a.to_vec::<f32>(), &b.to_vec::<f32>());
    }
}

/// A number generator of the tests' own.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % sides
    }
}

/// A random graph of whole numbers, exact in f32 whatever the order of sums: `seen` gets each value as it is made.
fn graph(seed: u64, start: &[Tensor], mut seen: impl FnMut(&Tensor)) -> Vec<Tensor> {
    let mut dice = Dice(seed);
    let mut made: Vec<Tensor> = start.to_vec();
    let weights: Vec<Tensor> = (0..10)
        .map(|n| {
            let values: Vec<f32> = (0..n * n).map(|i| (i % 3) as f32 - 1.0).collect();
            Tensor::from_slice(&values, [n, n])
        })
        .collect();
    for _ in 0..14 {
        let recent = made.len().min(7);
        let x = made[made.len() - 1 - dice.roll(recent)].clone();
        let y = made[made.len() - 1 - dice.roll(recent)].clone();
        let [rows, cols] = [x.shape()[0], x.shape()[1]];
        let z = match dice.roll(10) {
            0..=3 => {
                let axis = dice.roll(2);
                let fits = y.shape()[1 - axis] == x.shape()[1 - axis]
                    && x.shape()[axis] + y.shape()[axis] < 8;
                match (fits, dice.roll(3)) {
                    (true, 0) => {
                        Tensor::concat(&[&x, &y, &x.slice(axis as isize, ..1)], axis as isize)
                    }
                    (true, _) => Tensor::concat(&[&x, &y], axis as isize),
                    _ if x.shape()[axis] < 7 => x.pad(axis as isize, dice.roll(2), 1),
                    _ => x.slice(axis as isize, 1..),
                }
            }
            4 => x.matmul(&weights[cols]).clamp(-9.0, 9.0),
            5 => x.transpose(0, 1),
            6 => (x.sum([1]).unsqueeze(1) - &x).clamp(-9.0, 9.0),
            7 => x.slice(0, ..1.max(rows / 2)).relu() + 1.0,
            8 if y.shape() == x.shape() => x.maximum(&y) - 1.0,
            _ => x.clamp(-4.0, 4.0) * 2.0 - 1.0,
        };
        seen(&z);
        made.push(z);
    }
    made.split_off(start.len())
}

#[test]
fn random_graphs_give_what_their_values_give_one_by_one() {
    let mut assembled = 0;
    for seed in 0..400 {
        let ones: Vec<f32> = (0..12).map(|i| (i * 5 % 7) as f32 - 3.0).collect();
        let start = || [Tensor::from_slice(&ones[..6], [2, 3]), Tensor::from_slice(&ones, [4, 3])];
        let (a, b) = (Variable::new("a", &start()[0]), Variable::new("b", &start()[1]));
        // Each value is read before the next is built, so it is data to it.
        let single = graph(seed, &[a.tensor(), b.tensor()], |t| read([t]));
        let mut dice = Dice(seed ^ 0x5555);
        let wanted: Vec<usize> = (0..single.len()).filter(|_| dice.roll(3) == 0).collect();
        let mut step = compile(|args: &[Tensor]| {
            let all = graph(seed, &[args[0].clone(), b.tensor()], |_| {});
            let like = |v: &Variable| all.iter().rev().find(|t| t.shape() == v.shape()).cloned();
            let step = wanted.iter().fold(Step::new(), |s, &i| s.read(&all[i]));
            like(&b).into_iter().fold(step, |s, t| s.update(&b, &t))
        });
        let shown = step.plan(&[a.tensor().node().meta()]).unwrap().to_string();
        assembled += usize::from(shown.matches(" copy ").count() > 0 || shown.contains("zeros"));
        let next = single.iter().rev().find(|t| t.shape() == b.shape()).map(|t| t.to_vec::<f32>());
        let out = step.run(&[&start()[0]]).unwrap();
        for (k, &i) in wanted.iter().enumerate() {
            assert_eq!(
                out.tensor(k).to_vec::<f32>(),
                single[i].to_vec::<f32>(),
                "{seed} {i}\n{shown}"
            );
        }
        if let Some(next) = next {
            assert_eq!(b.value().to_vec::<f32>(), next, "{seed}\n{shown}");
        }
    }
    assert!(assembled > 100, "{assembled}");
}

#[test]
fn a_part_that_something_dense_reads_is_copied() {
    let w = variable(&[6, 6], 1);
    let x = Tensor::randn([4, 6], 2);
    let f = |x: &Tensor| {
        let y = x.tanh();
        let sorted = y.sort(1, false);
        Tensor::concat(&[&y, &sorted, &x.matmul(&w.tensor())], 1)
    };
    let steps = names(f, &x);
    assert_eq!(steps.iter().filter(|s| *s == "copy").count(), 2, "{steps:?}");
}
