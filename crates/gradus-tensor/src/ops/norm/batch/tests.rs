//! Batch norm in each memory order, with what rides on it, against its formula in f64.

use crate::ops::norm::tests::{EPS, formula, near, parameters};
use crate::{DType, Key, Pool, Step, Tensor, compile, grad};
use gradus_graph::Meta;

/// Memory orders of [N, C, L], outermost first.
pub(in super::super) const ORDERS: [[isize; 3]; 3] = [[0, 1, 2], [0, 2, 1], [1, 2, 0]];

fn inverse(axes: [isize; 3]) -> [isize; 3] {
    let mut inverse = [0; 3];
    axes.iter().enumerate().for_each(|(i, &a)| inverse[a as usize] = i as isize);
    inverse
}

/// The same elements lying in memory with the axes in this order.
pub(in super::super) fn lying(x: &Tensor, axes: [isize; 3]) -> Tensor {
    let stored = x.permute(axes);
    let elements = Tensor::from_slice(&stored.to_vec::<f64>(), stored.shape());
    elements.cast(x.dtype()).permute(inverse(axes))
}

fn shapes() -> Vec<[usize; 3]> {
    let odd = [1, 3, 7, 17].map(|c| [5, c, 9]);
    odd.into_iter().chain([[3, 100, 49], [130, 70, 1], [2, 2, 5000], [40, 1, 300]]).collect()
}

#[test]
fn each_order_gives_the_formula() {
    for shape in shapes() {
        let x = Key::new(1).normal_of(shape, DType::F64) * 2.0 + 100.0;
        let [w, b] = parameters(shape[1], DType::F64);
        let weight = Key::new(2).normal_of(shape, DType::F64);
        let loss = |y: &Tensor| (y.square() + y * &weight).sum(..);
        let (y0, mean0, variance0) = formula(&x, &w, &b);
        let by_hand = grad(&loss(&y0), [&x, &w, &b]);
        for axes in ORDERS {
            let x = lying(&x, axes);
            let (y, mean, variance) = x.batch_norm(&w, &b, EPS);
            near(&y, &y0, 1e-11);
            near(&mean, &mean0, 1e-13);
            near(&variance, &variance0, 1e-11);
            let all = grad(&loss(&y), [&x, &w, &b]);
            all.iter().zip(&by_hand).for_each(|(a, b)| near(a, b, 1e-9));
            let [x, w, b] = [&x, &w, &b].map(|t| t.cast(DType::F32));
            let (y, _, variance) = lying(&x, axes).batch_norm(&w, &b, EPS);
            near(&y, &y0, 3e-5);
            near(&variance, &variance0, 2e-5);
        }
    }
}

#[test]
fn a_relu_and_a_residual_path_ride_along_and_their_gradients_agree() {
    for shape in [[5, 3, 9], [3, 17, 8], [4, 64, 20]] {
        let x = Key::new(1).normal_of(shape, DType::F64);
        let r = Key::new(3).normal_of(shape, DType::F64);
        let weight = Key::new(2).normal_of(shape, DType::F64);
        let [w, b] = parameters(shape[1], DType::F64);
        type Ending = fn(&Tensor, &Tensor) -> Tensor;
        let endings: [Ending; 5] = [
            |y, _| y.relu(),
            |y, r| y + r,
            |y, r| (y + r).relu(),
            |y, r| (r + y).relu(),
            |y, r| (y * r).tanh(),
        ];
        for (axes, end) in ORDERS.iter().flat_map(|o| endings.map(|e| (*o, e))) {
            let loss = |y: &Tensor| (y.square() + y * &weight).sum(..);
            let y0 = end(&formula(&x, &w, &b).0, &r);
            let [x1, r1] = [&x, &r].map(|t| lying(t, axes));
            let y = end(&x1.batch_norm(&w, &b, EPS).0, &r1);
            near(&y, &y0, 1e-11);
            let one = grad(&loss(&y), [&x1, &w, &b]);
            let two = grad(&loss(&y0), [&x, &w, &b]);
            one.iter().zip(&two).for_each(|(a, b)| near(a, b, 1e-10));
        }
    }
}

/// The steps, with their algorithms, of a training step over x and another tensor, lying as given.
fn steps(axes: [isize; 3], end: fn(&Tensor, &Tensor) -> Tensor) -> Vec<String> {
    let [w, b] = parameters(16, DType::F32);
    [&w, &b].iter().for_each(|t| drop(t.to_vec::<f32>()));
    let mut step = compile(|t: &[Tensor]| {
        let [x, r] = [&t[0], &t[1]].map(|t| t.permute(inverse(axes)));
        let y = end(&x.batch_norm(&w, &b, EPS).0, &r).max_pool1d(Pool::new(5));
        let [dx] = grad(&(&y * &y).sum(..), [&t[0]]);
        Step::new().read(&dx)
    });
    let shape = axes.map(|a| [4, 16, 25][a as usize]);
    let plan = step.plan(&[Meta::new(shape, DType::F32); 2]).unwrap();
    plan.steps().iter().map(|s| format!("{} {}", s.name, s.algorithm)).collect()
}

#[test]
fn no_order_is_copied_and_a_relu_has_no_step_of_its_own() {
    for axes in &ORDERS[1..] {
        let norms = |end| {
            let mut all = steps(*axes, end);
            assert!(!all.iter().any(|s| s.starts_with("copy")), "{axes:?}: {all:?}");
            all.retain(|s| s.starts_with("batch") || s.starts_with("relu"));
            all
        };
        let plain = ["batch_statistics ", "batch_norm + relu relu", "batch_norm_grad relu"];
        assert_eq!(norms(|y, _| y.relu()), plain);
        // The other path wants the masked gradient too, so the mask stays a step.
        let sum = ["batch_statistics ", "batch_norm + relu sum, relu", "relu ", "batch_norm_grad "];
        assert_eq!(norms(|y, r| (y + r).relu()), sum);
        assert_eq!(norms(|y, r| (r + y).relu()), sum);
        assert_eq!(norms(|y, _| y.tanh())[1], "batch_norm + tanh loop");
    }
}

/// Mean 1000 and deviation 0.01: sums of squares of f32 would have no digit left.
#[test]
fn a_mean_far_from_zero_costs_no_digits() {
    let shape = [4, 5, 2500];
    let x = Key::new(4).normal_of(shape, DType::F64) * 0.01 + 1000.0;
    // As f32 has it.
    let x = x.cast(DType::F32).cast(DType::F64);
    let [w, b] = parameters(5, DType::F64);
    let weight = Key::new(2).normal_of(shape, DType::F64);
    let loss = |y: &Tensor, weight: &Tensor| (y * weight).sum(..);
    let (y0, mean0, variance0) = formula(&x, &w, &b);
    let by_hand = grad(&loss(&y0, &weight), [&x, &w]);
    for axes in ORDERS {
        let x = lying(&x.cast(DType::F32), axes);
        let [w, b, weight] = [&w, &b, &weight].map(|t| t.cast(DType::F32));
        let (y, mean, variance) = x.batch_norm(&w, &b, EPS);
        near(&y, &y0, 1e-5);
        near(&mean, &mean0, 1e-7);
        near(&(variance / 1e-4), &(&variance0 / 1e-4), 1e-5);
        let all = grad(&loss(&y, &weight), [&x, &w]);
        all.iter().zip(&by_hand).for_each(|(a, b)| near(a, b, 1e-5));
    }
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let x = Tensor::randn([16, 24, 900], 1);
    let [w, b] = parameters(24, DType::F32);
    for axes in ORDERS {
        let x = lying(&x, axes);
        let run = |threads| {
            gradus_cpu::set_threads(threads);
            // Nodes of its own, so that nothing is taken from the run before.
            let x = &x * 1.0;
            let (y, mean, variance) = x.batch_norm(&w, &b, EPS);
            let [dx, dw] = grad(&(y.square() * &y).sum(..), [&x, &w]);
            [y, dx, dw, mean, variance].map(|t| t.to_vec::<f32>())
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(3));
    }
}
