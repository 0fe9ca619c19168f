//! Gradual unfreezing: a trained network's layers take up learning one after the other, from its head to its input.
//! Howard & Ruder 2018, arXiv:1801.06146 §3.3

use super::{Callback, Flow, Moment};
use crate::Result;
use crate::task::Task;
use gradus_nn::Parameter;

/// Unfreezes groups of parameters one after the other, every so many epochs. What is frozen is a function of the epoch alone,
/// so a continued run only has to [take it up](GradualUnfreezing::take_up).
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::dense, parameters};
/// use gradus_tensor::Tensor;
/// use gradus_train::callbacks::GradualUnfreezing;
/// use gradus_train::{Arrays, Fit, Learner, Progress, optim::Sgd};
/// let model = Sequential::new([2], &Init::new(0)).add(dense(3)).add(dense(2));
/// let trunk: Vec<_> = parameters(&model).into_iter().filter(|(path, _)| path.starts_with("dense1")).collect();
/// let weight = trunk[0].1.clone();
/// let before = weight.variable().value().to_vec::<f32>();
/// let unfreezing = GradualUnfreezing::new(vec![trunk.into_iter().map(|(_, p)| p).collect()], 2);
/// let mut learner = Learner::new(model.into(), Sgd::new(0.1));
/// unfreezing.take_up(0, &mut learner);
/// let data = Arrays::new(&Tensor::ones([4, 2]), &Tensor::from([0i64, 1, 0, 0]), 4)?;
/// let mut fit = Fit { epochs: 2, callbacks: vec![Box::new(unfreezing)], ..Fit::default() };
/// let mut progress = Progress::default();
/// fit.run(&mut learner, &data, None, &mut progress)?;
/// assert_eq!(weight.variable().value().to_vec::<f32>(), before); // frozen for two epochs
/// fit.epochs = 3;
/// fit.run(&mut learner, &data, None, &mut progress)?;
/// assert_ne!(weight.variable().value().to_vec::<f32>(), before);
/// # Ok::<(), gradus_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct GradualUnfreezing {
    groups: Vec<Vec<Parameter>>,
    every: u64,
}

impl GradualUnfreezing {
    /// The first group joins after `every` epochs, the second after twice as many, and so on.
    pub fn new(groups: Vec<Vec<Parameter>>, every: u64) -> GradualUnfreezing {
        GradualUnfreezing { groups, every: every.max(1) }
    }

    /// Freezes and unfreezes what an epoch, from 0, wants.
    pub fn take_up(&self, epoch: u64, task: &mut dyn Task) {
        let joined = epoch / self.every;
        let mut changed = false;
        for (number, group) in self.groups.iter().enumerate() {
            let freeze = number as u64 >= joined;
            for parameter in group.iter().filter(|p| p.is_frozen() != freeze) {
                parameter.freeze(freeze);
                changed = true;
            }
        }
        if changed {
            task.retrace();
        }
    }
}

impl Callback for GradualUnfreezing {
    fn name(&self) -> &'static str {
        "gradual_unfreezing"
    }
    fn at_begin(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        self.take_up(moment.progress.epoch, moment.task);
        Ok(Flow::Continue)
    }
    fn after_epoch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        self.take_up(moment.progress.epoch, moment.task);
        Ok(Flow::Continue)
    }
}
