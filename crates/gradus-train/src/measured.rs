//! `Measured`: what an objective is on a batch.

use crate::batch::Name;
use gradus_tensor::Tensor;

/// What is minimised on a batch, and what is measured beside it.
pub struct Measured {
    pub(crate) minimize: Tensor,
    pub(crate) numbers: Vec<(Name, Tensor)>,
    /// What each number weighs beside those of other batches, where that is not one for each sample.
    pub(crate) units: Option<Vec<Tensor>>,
}

impl Measured {
    /// A loss: its mean over all elements is minimised and reported.
    pub fn new(loss: &Tensor) -> Measured {
        let loss = scalar(loss);
        Measured { minimize: loss.clone(), numbers: vec![("loss".into(), loss)], units: None }
    }
    /// Another tensor's mean is minimised than is reported: the loss and what is added to it.
    #[must_use]
    pub fn minimizing(self, objective: &Tensor) -> Measured {
        Measured { minimize: scalar(objective), ..self }
    }
    /// Whether what is minimised is not the loss that is reported.
    pub(crate) fn is_apart(&self) -> bool {
        self.numbers[0].1.node().id() != self.minimize.node().id()
    }
    /// Its numbers, the loss first, weigh so many units each beside those of other batches.
    pub(crate) fn weighing(self, units: Option<Vec<Tensor>>) -> Measured {
        Measured { units, ..self }
    }
    /// Another number to report, the mean of `value`'s elements.
    #[must_use]
    pub fn number(mut self, name: impl Into<Name>, value: &Tensor) -> Measured {
        self.numbers.push((name.into(), scalar(value)));
        self
    }
}

/// A loss alone.
impl From<Tensor> for Measured {
    fn from(loss: Tensor) -> Measured {
        Measured::new(&loss)
    }
}

/// The mean of all elements.
pub(crate) fn scalar(t: &Tensor) -> Tensor {
    if t.rank() == 0 { t.clone() } else { t.mean(..) }
}
