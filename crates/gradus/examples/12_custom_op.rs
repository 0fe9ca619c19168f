//! An op of your own: one formula, and its gradient, its fusion and its second derivative follow.
//!
//! snake(x) = x + sin²(x) lets a network continue what is periodic.   Ziyin et al. 2020, arXiv:2006.08195

use gradus::Real;
use gradus::ops::pointwise::{Pointwise, apply};
use gradus::prelude::*;

/// The formula alone: its derivative is taken symbolically.
struct Snake;
impl Pointwise<1> for Snake {
    const NAME: &'static str = "snake";
    #[inline(always)]
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x + x.sin() * x.sin()
    }
}

/// The same with a derivative by hand, where one knows a shorter form.
struct SnakeByHand;
impl Pointwise<1> for SnakeByHand {
    const NAME: &'static str = "snake_by_hand";
    #[inline(always)]
    fn formula<R: Real>(&self, x: [R; 1]) -> R {
        Snake.formula(x)
    }
    /// d/dx x + sin²(x) = 1 + 2 sin(x) cos(x) = 1 + sin(2x)
    #[inline(always)]
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        Some([dy * (R::constant(1.0) + (x + x).sin())])
    }
}

fn snake(x: &Tensor) -> Tensor {
    apply(Snake, [x])
}

/// The first and second derivative at every element.
fn derivatives(f: impl Fn(&Tensor) -> Tensor, x: &Tensor) -> [Vec<f64>; 2] {
    let [first] = grad(&f(x).sum(..), [x]);
    let [second] = grad(&first.sum(..), [x]);
    [first.to_vec(), second.to_vec()]
}

fn main() {
    let x = Tensor::linspace(-3.0, 3.0, 25).cast(DType::F64);
    let symbolic = derivatives(snake, &x);
    let by_hand = derivatives(|x| apply(SnakeByHand, [x]), &x);
    for (i, x) in x.to_vec::<f64>().into_iter().enumerate() {
        let exact = [1.0 + (2.0 * x).sin(), 2.0 * (2.0 * x).cos()];
        for order in 0..2 {
            assert!((symbolic[order][i] - exact[order]).abs() < 1e-12, "order {order} at {x}");
            assert!((by_hand[order][i] - exact[order]).abs() < 1e-12, "order {order} at {x}");
        }
    }
    println!("snake: both derivatives agree with 1 + sin 2x and 2 cos 2x at {} points", x.len());

    // It fuses like any built-in op: forward and backward of this chain are a few loops over memory.
    let mut chain = compile(|arguments: &[Tensor]| {
        let y = (snake(&(&arguments[0] * 0.5 + 1.0)) * 2.0).sum(..);
        let [dx] = grad(&y, [&arguments[0]]);
        gradus::Step::new().read(&y).read(&dx)
    });
    let plan = chain.plan(&[gradus::Meta::new([1000], DType::F32)]).expect("a plan");
    println!("{plan}");
    assert!(plan.steps().len() <= 4, "the chain is not fused:\n{plan}");

    // And it works as a layer.
    let model = Sequential::new([1], &Init::new(0))
        .add(dense(8))
        .add(Activation::new("snake", snake))
        .add(dense(1));
    let y = model.forward(&Tensor::ones([4, 1]), &Context::eval());
    assert_eq!(y.shape().to_string(), "[4, 1]");
}
