//! How networks are fooled: pictures that differ from others by next to nothing and are taken for something else.
//!
//! An [`Attack`] makes such pictures of a batch, against a [`Victim`], a network whose passes are compiled once; a [`Goal`] says what counts as fooled. Some
//! attacks stay within a distance ε that is given: [`Fgsm`], [`Pgd`] and [`Apgd`] follow the gradient, [`Square`] asks for scores only, and [`AutoAttack`] tries
//! several of them. Others look for the least distance: [`DeepFool`] and [`CarliniWagner`] by gradients, [`Boundary`] by nothing but the class that is seen.
//!
//! Whatever the attack: pictures stay within 0 to 1 and within ε, exactly; one that is where the goal wants it before anything is done stays as it is, at
//! distance 0; one that could not be fooled comes back as the attack left it, or as it was where the attack keeps successes only.
//!
//! What a network learns from pictures that fool it is harder to fool: [`Adversarial`] makes them of a training's batches.
//!
//! ```
//! use gradus_nn::{Init, Sequential, layers::*};
//! use gradus_see::Subject;
//! use gradus_see::attack::{Attack, Goal, Pgd, Victim};
//! use gradus_tensor::Tensor;
//! let model = Sequential::new([1, 4, 4], &Init::new(0)).add(flatten()).add(dense(3));
//! let mut victim = Victim::new(Subject::new(model.into()));
//! let x = Tensor::full([2, 1, 4, 4], 0.5);
//! let seen = victim.scores(&x)?.argmax(1).to_vec::<i64>();
//! let fooled = Pgd::within(0.25).run(&mut victim, &x, &Goal::Away(seen))?;
//! assert!(fooled.linf.iter().all(|&d| d <= 0.25));
//! # Ok::<(), gradus_see::Error>(())
//! ```

mod apgd;
mod auto;
mod boundary;
mod carlini_wagner;
mod deepfool;
mod outcome;
mod pgd;
mod pixels;
mod square;
mod training;
mod victim;

pub use apgd::{Apgd, Loss};
pub use auto::AutoAttack;
pub use boundary::Boundary;
pub use carlini_wagner::CarliniWagner;
pub use deepfool::DeepFool;
pub use outcome::{Fooled, Goal};
pub use pgd::{Fgsm, Norm, Pgd, Start};
pub use square::Square;
pub use training::Adversarial;
pub use victim::Victim;

use gradus_base::Result;
use gradus_tensor::Tensor;

/// A way to fool a network.
pub trait Attack {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// Makes pictures of a batch `x [B, C, H, W]`, f32 or f64, that reach the goal where they can.
    ///
    /// # Errors
    /// When an option cannot work, pixels are not from 0 to 1, classes of the goal are not those of the network, its scores are not finite, or an op of it has
    /// no gradient.
    fn run(&self, victim: &mut Victim, x: &Tensor, goal: &Goal) -> Result<Fooled>;
}
