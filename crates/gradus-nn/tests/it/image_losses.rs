//! Losses of styles and of adversaries: values by hand, gradients by differences, penalties that train a critic.

use gradus_nn::losses::*;
use gradus_tensor::{DType, Key, Tensor, grad};

/// The derivative of `loss` along a random direction, by gradient and by central difference.
fn slopes(loss: impl Fn(&Tensor) -> Tensor, x: &Tensor) -> [f64; 2] {
    let direction = Tensor::randn(x.shape(), 11).cast(DType::F64);
    let along = (&grad(&loss(x).sum(..), [x])[0] * &direction).sum(..).item();
    let at = |t: f64| loss(&(x + &direction * t)).sum(..).item();
    [along, (at(1e-5) - at(-1e-5)) / 2e-5]
}

fn agree(loss: impl Fn(&Tensor) -> Tensor, x: &Tensor) {
    let [by_gradient, by_difference] = slopes(loss, x);
    assert!(by_difference.abs() > 1e-3, "nothing to compare: {by_difference}");
    let error = (by_gradient - by_difference).abs();
    assert!(error < 1e-6 * by_difference.abs().max(1.0), "{by_gradient} against {by_difference}");
}

#[test]
fn gradients_of_image_losses() {
    let x = Tensor::randn([2, 3, 4, 5], 1).cast(DType::F64);
    let style = gram_matrix(&Tensor::randn([1, 3, 4, 5], 2).cast(DType::F64));
    agree(|x| gram_style(x, &style) * 1e3, &x);
    agree(total_variation, &x);
    let real = Tensor::randn([2, 60], 3).cast(DType::F64);
    let critic = |x: &Tensor| x.tanh().square().sum([1]);
    agree(|fake| gradient_penalty(critic, &real, fake, &Key::new(5)), &x.reshape([2, 60]));
    for kind in [Adversarial::CrossEntropy, Adversarial::LeastSquares, Adversarial::Wasserstein] {
        agree(|fake| kind.critic(&real, fake), &(&real * 0.5));
        agree(|fake| kind.generator(fake), &real);
    }
}

/// The same style gives 0; the features of one pixel have the Gram matrix that a hand computes.
#[test]
fn gram_by_hand() {
    let f = Tensor::from([2.0f64, -3.0]).reshape([1, 2, 1, 1]);
    let g = gram_matrix(&f);
    assert_eq!(g.to_vec::<f64>(), [4.0, -6.0, -6.0, 9.0]);
    assert_eq!(gram_style(&f, &g).to_vec::<f64>(), [0.0]);
    let zeros = Tensor::zeros([1, 2, 2]).cast(DType::F64);
    let squares = 16.0 + 36.0 + 36.0 + 81.0;
    assert_eq!(gram_style(&f, &zeros).to_vec::<f64>(), [squares / (4.0 * 4.0)]);
}

/// A real sample scored high and a fake one scored low please the critic; the opposite pleases the generator.
#[test]
fn who_is_pleased() {
    let (high, low) =
        (Tensor::full_of([4, 1], 1.0, DType::F64), Tensor::zeros([4, 1]).cast(DType::F64));
    for kind in [Adversarial::CrossEntropy, Adversarial::LeastSquares, Adversarial::Wasserstein] {
        let critic = |real, fake| kind.critic(real, fake).mean(..).item();
        assert!(critic(&high, &low) < critic(&low, &high), "{kind:?}");
        let generator = |fake| kind.generator(fake).mean(..).item();
        assert!(generator(&high) < generator(&low), "{kind:?}");
    }
    let half = Adversarial::CrossEntropy.critic(&low, &low).to_vec::<f64>()[0];
    assert!((half - 2.0 * 2f64.ln()).abs() < 1e-12, "{half}");
}

#[test]
fn mistakes_in_shapes() {
    let message = |f: &dyn Fn() -> Tensor| gradus_tensor::try_build(f).err().unwrap().to_string();
    let flat = Tensor::zeros([2, 3]);
    assert!(
        message(&|| gram_matrix(&flat)).contains("the features are [2, 3]; expected [N, C, H, W]")
    );
    assert!(message(&|| total_variation(&flat)).contains("the images are [2, 3]"));
    let x = Tensor::zeros([1, 3, 2, 2]);
    let style = Tensor::zeros([1, 4, 4]);
    assert!(
        message(&|| gram_style(&x, &style))
            .contains("the features are [1, 3, 2, 2], the style [1, 4, 4]")
    );
}
