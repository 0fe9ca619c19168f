//! Losses of generative adversarial networks. A critic scores samples, higher for real ones; `real`
//! and `fake` are its scores, `[B, ..]`, and every loss is one number per sample.

use super::{binary_cross_entropy_with_logits, mean_squared, rest};
use gradus_tensor::{Key, Tensor, grad};

/// How the scores of a critic become losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adversarial {
    /// Scores are logits of being real; the generator's loss does not saturate.   Goodfellow et al. 2014, arXiv:1406.2661 §3
    CrossEntropy,
    /// Scores are drawn to 1 for real and 0 for fake samples.   Mao et al. 2016, arXiv:1611.04076 eq. 9
    LeastSquares,
    /// Scores differ as much as they can. It needs a critic of bounded slope, see
    /// [`gradient_penalty`].   Arjovsky et al. 2017, arXiv:1701.07875
    Wasserstein,
}

impl Adversarial {
    /// The loss of the critic.
    ///
    /// ```
    /// use gradus_nn::losses::Adversarial;
    /// use gradus_tensor::Tensor;
    /// let (real, fake) = (Tensor::from([[0.5f32]]), Tensor::from([[-1.0f32]]));
    /// let loss = |a: Adversarial| a.critic(&real, &fake).item();
    /// assert_eq!(loss(Adversarial::LeastSquares), 0.5 * 0.5 + 1.0);
    /// assert_eq!(loss(Adversarial::Wasserstein), -1.5);
    /// ```
    #[track_caller]
    pub fn critic(self, real: &Tensor, fake: &Tensor) -> Tensor {
        match self {
            Adversarial::Wasserstein => fake.mean(rest(fake)) - real.mean(rest(real)),
            _ => self.drawn_to(real, 1.0) + self.drawn_to(fake, 0.0),
        }
    }

    /// The loss of the generator.
    #[track_caller]
    pub fn generator(self, fake: &Tensor) -> Tensor {
        match self {
            Adversarial::Wasserstein => -fake.mean(rest(fake)),
            _ => self.drawn_to(fake, 1.0),
        }
    }

    #[track_caller]
    fn drawn_to(self, scores: &Tensor, label: f64) -> Tensor {
        let t = Tensor::full_of(scores.shape(), label, scores.dtype());
        match self {
            Adversarial::CrossEntropy => binary_cross_entropy_with_logits(scores, &t),
            _ => mean_squared(scores, &t),
        }
    }
}

/// (‖∇ critic‖ − 1)² at random points between real and fake samples `[B, ..]`: one number per
/// sample, itself differentiable, so that it trains the critic.
/// Gulrajani et al. 2017, arXiv:1704.00028 eq. 3
///
/// ```
/// use gradus_nn::losses::gradient_penalty;
/// use gradus_tensor::{Key, Tensor};
/// let (real, fake) = (Tensor::ones([2, 3]), Tensor::zeros([2, 3]));
/// let penalty = gradient_penalty(|x| x.sum([1]) * 2.0, &real, &fake, &Key::new(0));
/// let slope = 2.0 * 3f64.sqrt(); // of a linear critic, everywhere
/// assert!((penalty.mean(..).item() - (slope - 1.0).powi(2)).abs() < 1e-5);
/// ```
#[track_caller]
pub fn gradient_penalty(
    critic: impl FnOnce(&Tensor) -> Tensor,
    real: &Tensor,
    fake: &Tensor,
    key: &Key,
) -> Tensor {
    let mut one_each = real.shape();
    (1..one_each.rank()).for_each(|axis| one_each = one_each.with(axis, 1));
    let t = key.uniform(one_each).cast(real.dtype());
    let between = fake + t * (real - fake);
    let slope = &grad(&critic(&between).sum(..), [&between])[0];
    (slope.norm_l2(rest(slope)) - 1.0).square()
}
