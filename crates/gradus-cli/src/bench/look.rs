//! Questions to a network, as `gradus see` and `gradus attack` ask them: gradients with respect to pixels, none of weights.

use super::net::{Net, SQUEEZENET};
use super::{Work, mean_abs};
use gradus::see::Subject;
use gradus::see::attack::{Goal, Pgd, Start, Victim};
use gradus::see::attribution::IntegratedGradients;
use gradus::{Result, Tensor};

/// Steps of integrated gradients.
const STEPS: usize = 50;
/// Steps of projected gradient descent.
const CLIMBED: usize = 20;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Integrated gradients of a picture by SqueezeNet, 50 steps from black on.
    IntegratedGradients,
    /// Projected gradient descent on 64 digits against LeNet-5, 20 steps within ε .1.
    Pgd,
}

impl Question {
    fn net(self) -> Net {
        match self {
            Question::IntegratedGradients => SQUEEZENET,
            Question::Pgd => Net::Lenet,
        }
    }
    fn pictures(self) -> usize {
        match self {
            Question::IntegratedGradients => 1,
            Question::Pgd => 64,
        }
    }
    /// Multiply-adds of one run: of each pass forward, and as many back to the pixels.
    pub fn macs(self) -> u64 {
        let passes = match self {
            Question::IntegratedGradients => STEPS,
            Question::Pgd => CLIMBED,
        };
        2 * self.net().macs().0 * (passes * self.pictures()) as u64
    }
}

/// A network and its pictures.
pub struct Asked {
    question: Question,
    subject: Subject,
    x: Tensor,
    classes: Vec<usize>,
    victim: Victim,
}

impl Asked {
    /// Makes network and pictures, and gives the mean size of what is answered.
    ///
    /// # Errors
    /// When the engine refuses the work.
    pub fn new(question: Question) -> Result<(Asked, f64)> {
        let net = question.net();
        let subject = Subject::new(net.model()?.into());
        let (x, labels) = net.batch(question.pictures());
        // The formula's elements are from −1 to 1.
        let x = (x + 1.0) / 2.0;
        x.try_read()?;
        let classes = labels.to_vec::<i64>().into_iter().map(|label| label as usize).collect();
        let victim = Victim::new(subject.clone());
        let mut asked = Asked { question, subject, x, classes, victim };
        let check = mean_abs(&asked.answer()?.to_vec::<f32>());
        Ok((asked, check))
    }

    fn answer(&mut self) -> Result<Tensor> {
        match self.question {
            Question::IntegratedGradients => {
                let how = IntegratedGradients { steps: STEPS };
                let black = self.x.zeros_like();
                Ok(how.of(&self.subject, &self.x, &self.classes, &black)?.map)
            }
            Question::Pgd => {
                let (start, step_size) = (Start::Picture, Some(0.025));
                let pgd = Pgd { steps: CLIMBED, step_size, start, ..Pgd::within(0.1) };
                let goal = Goal::Away(self.classes.iter().map(|&class| class as i64).collect());
                pgd.push(&mut self.victim, &self.x, &goal)
            }
        }
    }
}

impl Work for Asked {
    fn run(&mut self) -> Result<()> {
        self.answer()?.try_read()?;
        Ok(())
    }
}
