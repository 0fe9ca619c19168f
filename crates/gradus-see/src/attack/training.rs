//! Adversarial training: what is learned from are pictures that fool the network as it is.

use super::{Goal, Pgd, Victim};
use gradus_base::{DType, Error};
use gradus_tensor::Tensor;
use gradus_train::{Batch, Result, Source};
use std::sync::{Mutex, PoisonError};

/// Batches to train on, each attacked by the network that learns from it, as that is when the batch is asked for.
///
/// The attack meets the network as it predicts: statistics of batch norms are not moved by its passes, and dropout does not hide a way from it. All pictures
/// are attacked, those that are taken for something else as they are, too. What is drawn follows from the seed of the victim and the place of the batch, so
/// a training that goes on anywhere has the same bits.
///
/// **Paper** Madry et al. 2017, arXiv:1706.06083.
///
/// ```
/// use gradus_nn::{Init, Layer, Sequential, layers::*};
/// use gradus_see::Subject;
/// use gradus_see::attack::{Adversarial, Pgd, Victim};
/// use gradus_tensor::{DType, Tensor};
/// use gradus_train::{Arrays, Learner, optim::Adam};
/// use std::sync::Arc;
/// let model = Sequential::new([1, 4, 4], &Init::new(0)).add(flatten()).add(dense(2));
/// let model: Arc<dyn Layer> = Arc::new(model);
/// let x = Tensor::rand([64, 1, 4, 4], 1);
/// let t = x.mean(vec![1, 2, 3]).gt(0.5).cast(DType::I64);
/// let data = Arrays::new(&x, &t, 16)?;
/// let pgd = Pgd { steps: 5, ..Pgd::within(0.05) };
/// let attacked = Adversarial::new(&data, pgd, Victim::new(Subject::new(model.clone())));
/// Learner::new(model, Adam::new(0.01)).fit(&attacked, 2)?;
/// # Ok::<(), gradus_train::TrainError>(())
/// ```
pub struct Adversarial<'a> {
    data: &'a dyn Source,
    attack: Pgd,
    victim: Mutex<Victim>,
}

impl<'a> Adversarial<'a> {
    /// Batches of `data`, whose inputs `x` are prepared as the victim's network takes them and whose targets `t` are classes.
    pub fn new(data: &'a dyn Source, attack: Pgd, victim: Victim) -> Adversarial<'a> {
        Adversarial { data, attack, victim: Mutex::new(victim) }
    }

    /// A batch, attacked.
    fn attacked(&self, batch: &Batch, number: u64) -> Result<Batch> {
        let (x, t) = batch.xt()?;
        if !(t.dtype() == DType::I64 && t.rank() == 1) {
            let what =
                format!("the targets are {} {}, expected classes, i64 [B]", t.dtype(), t.shape());
            return Err(Error::value("adversarial training", what).into());
        }
        let goal = Goal::Away(t.to_vec::<i64>());
        let mut victim = self.victim.lock().unwrap_or_else(PoisonError::into_inner);
        victim.seek(number);
        let pixels = victim.subject().pixels(x);
        let pushed = self.attack.push(&mut victim, &pixels, &goal)?;
        let pushed = victim.subject().prepared(&pushed);
        let fields = batch.names().iter().zip(batch.tensors());
        let fields = fields.map(|(name, own): (_, &Tensor)| {
            (name.clone(), if name == "x" { &pushed } else { own }.clone())
        });
        Ok(Batch::new(fields)?.weighing(batch.units()))
    }
}

impl Source for Adversarial<'_> {
    fn batches(&self) -> usize {
        self.data.batches()
    }
    fn samples(&self) -> usize {
        self.data.samples()
    }
    fn from(&self, epoch: u64, batch: usize) -> Box<dyn Iterator<Item = Result<Batch>> + '_> {
        let first = epoch * self.batches() as u64 + batch as u64;
        Box::new(
            self.data
                .from(epoch, batch)
                .zip(first..)
                .map(|(batch, number)| self.attacked(&batch?, number)),
        )
    }
}
