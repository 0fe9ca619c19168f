//! AutoAttack's sequence: attacks without a choice to be made, each on the pictures that the ones before left.

use super::outcome::Begun;
use super::pixels::Pixels;
use super::{Apgd, Attack, Fooled, Goal, Square, Victim};
use gradus_base::Result;
use gradus_tensor::Tensor;

/// Auto-PGD of the cross-entropy, then Auto-PGD towards nine classes by the ratio of logits, then the square attack: a picture goes on to the next only while
/// it stands. [`Fooled::felled`] says which felled how many. FAB, the third of the paper's four, is left out; the second is, too, where a network tells fewer
/// than four classes apart or a class to go to is given.
///
/// **Paper** Croce & Hein 2020, arXiv:2003.01690 §5.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*};
/// use gradus_see::Subject;
/// use gradus_see::attack::{Attack, AutoAttack, Goal, Victim};
/// use gradus_tensor::Tensor;
/// let model = Sequential::new([1, 4, 4], &Init::new(0)).add(flatten()).add(dense(5));
/// let mut victim = Victim::new(Subject::new(model.into()));
/// let x = Tensor::full([3, 1, 4, 4], 0.5);
/// let seen = victim.scores(&x)?.argmax(1).to_vec::<i64>();
/// let attack = AutoAttack { steps: 10, squares: 20, ..AutoAttack::within(0.4) };
/// let made = attack.run(&mut victim, &x, &Goal::Away(seen))?;
/// let felled: usize = made.felled.iter().map(|(_, pictures)| pictures).sum();
/// assert_eq!(felled, made.fooled.iter().filter(|fooled| **fooled).count());
/// # Ok::<(), gradus_see::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AutoAttack {
    /// The bound in L∞.
    pub epsilon: f64,
    /// Steps of Auto-PGD.
    pub steps: usize,
    /// Squares that are tried.
    pub squares: usize,
}

impl AutoAttack {
    /// As in the paper: 100 steps, 5,000 squares.
    pub fn within(epsilon: f64) -> AutoAttack {
        AutoAttack { epsilon, steps: 100, squares: 5_000 }
    }

    /// The attacks in their order.
    fn sequence(&self, classes: usize, goal: &Goal) -> Vec<Box<dyn Attack>> {
        let mut all: Vec<Box<dyn Attack>> =
            vec![Box::new(Apgd { steps: self.steps, ..Apgd::within(self.epsilon) })];
        if classes >= 4 && matches!(goal, Goal::Away(_)) {
            all.push(Box::new(Apgd { steps: self.steps, ..Apgd::targeted(self.epsilon) }));
        }
        all.push(Box::new(Square { steps: self.squares, ..Square::within(self.epsilon) }));
        all
    }
}

impl Attack for AutoAttack {
    fn name(&self) -> &'static str {
        "auto"
    }
    fn run(&self, victim: &mut Victim, x: &Tensor, goal: &Goal) -> Result<Fooled> {
        let begun = Begun::new(victim, x, goal)?;
        let mut made = begun.pixels.clone();
        let mut standing: Vec<usize> = (0..made.len()).filter(|&i| !begun.reached[i]).collect();
        let mut felled = vec![];
        for attack in self.sequence(begun.scores[0].len(), goal) {
            let before = standing.len();
            if before > 0 {
                let (part, goal) = chosen(&begun.pixels, &standing, x, goal);
                let found = attack.run(victim, &part, &goal)?;
                let pixels = Pixels::of(&found.pictures)?;
                for (at, &i) in standing.iter().enumerate() {
                    made.row_mut(i).copy_from_slice(pixels.row(at));
                }
                let mut at = 0..before;
                standing.retain(|_| at.next().is_some_and(|at| !found.fooled[at]));
            }
            felled.push((attack.name(), before - standing.len()));
        }
        Ok(Fooled { felled, ..begun.end(victim, made)? })
    }
}

/// Some pictures as a batch. As there are fewer and fewer of them batches become half as large, and no other size is planned: the first fills what is left.
fn chosen(pixels: &Pixels, which: &[usize], like: &Tensor, goal: &Goal) -> (Tensor, Goal) {
    let room = which.len().next_power_of_two().min(pixels.len());
    let filled: Vec<usize> =
        which.iter().copied().chain(std::iter::repeat(which[0])).take(room).collect();
    let part = pixels.chosen(filled.iter().copied()).shaped(like.shape().with(0, room));
    let classes = filled.iter().map(|&i| goal.classes()[i]).collect();
    let goal = match goal {
        Goal::Away(_) => Goal::Away(classes),
        Goal::Towards(_) => Goal::Towards(classes),
    };
    (part, goal)
}
