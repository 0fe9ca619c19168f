//! A look inside: the gradients of a batch, and how alive its activations are. Both are compiled, so looking often is cheap.

use super::steps::{mean_loss, trained, with_auxiliary};
use super::{Core, Learner, in_batch};
use gradus_base::Result;
use gradus_nn::{Context, Layer};
use gradus_tensor::{DType, Step, Tensor};
use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

/// How the units of a layer behaved on a batch. A unit is a feature, or a channel of an image.
#[derive(Clone, Debug, PartialEq)]
pub enum Units {
    /// Of a ReLU: the largest output of each unit. Zero everywhere is a unit that gives nothing and learns nothing.
    Rectified(Vec<f32>),
    /// Of a function that levels off (sigmoid, tanh): the part of its outputs within a fiftieth of a level.
    Squashed(f64),
}

/// A layer's units.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// The layer's path.
    pub path: String,
    /// What its units did.
    pub units: Units,
}

impl Learner {
    /// The gradient of the loss on this batch for every parameter that trains, by path. Nothing is updated; dropout draws as the
    /// next step would.
    ///
    /// # Errors
    /// When the data holds a bad value.
    pub fn gradients(&mut self, x: &Tensor, t: &Tensor) -> Result<Vec<(String, Tensor)>> {
        self.write_arguments(self.learning_rate());
        let out = self.gradients.run(&[x, t, &self.arguments.key]);
        let out = out.map_err(|error| in_batch(error, &*self.model, x, Some(t)))?;
        let paths = &self.core.borrow().reached;
        Ok(paths.iter().enumerate().map(|(i, path)| (path.clone(), out.tensor(i))).collect())
    }

    /// How alive the layers are that rectify or level off, when this batch is predicted.
    ///
    /// # Errors
    /// When computing meets a bad value.
    pub fn activity(&mut self, x: &Tensor) -> Result<Vec<Activity>> {
        let out = self.activity.run(&[x]);
        let out = out.map_err(|error| in_batch(error, &*self.model, x, None))?;
        let layers = &self.core.borrow().active;
        let activity = |(i, (path, levels)): (usize, &(String, bool))| {
            let units = match levels {
                true => Units::Squashed(out.item(i)),
                false => Units::Rectified(out.tensor(i).cast(DType::F32).to_vec()),
            };
            Activity { path: path.clone(), units }
        };
        Ok(layers.iter().enumerate().map(activity).collect())
    }
}

pub(super) fn gradient_step(model: &Arc<dyn Layer>, core: &mut Core, args: &[Tensor]) -> Step {
    let [x, t, key] = args else { unreachable!("a look at gradients has three arguments") };
    let cx = Context::train(key);
    let y = model.forward(x, &cx);
    let loss = mean_loss(&core.recipe, &y, t, None);
    let objective = with_auxiliary(&core.recipe, &cx, t, None, &loss);
    let trained = trained(model, core, &objective);
    core.reached = trained.iter().map(|(path, ..)| path.clone()).collect();
    trained.iter().fold(Step::new(), |step, (_, _, g)| step.read(g))
}

/// The level of a function that levels off, and where its middle lies.
fn level(op: &str) -> Option<(f64, f64)> {
    match op {
        "sigmoid" => Some((0.5, 0.5)),
        "tanh" => Some((1.0, 0.0)),
        "lecun_tanh" => Some((1.7159, 0.0)),
        _ => None,
    }
}

pub(super) fn activity_step(model: &Arc<dyn Layer>, core: &mut Core, args: &[Tensor]) -> Step {
    let found = RefCell::new((vec![], Step::new(), HashSet::new()));
    let cx = Context::eval().with_hook(|path, y| {
        let (layers, step, seen) = &mut *found.borrow_mut();
        // A container's output is that of its last layer: it counts once.
        if y.rank() < 2 || !seen.insert(y.node().id()) {
            return None;
        }
        let rest: Vec<isize> = (0..y.rank() as isize).filter(|&axis| axis != 1).collect();
        let op = y.node().name();
        let measured = match level(op) {
            Some((top, middle)) => (y - middle).abs().gt(0.98 * top).cast(y.dtype()).mean(..),
            None if op == "relu" => y.max(rest),
            None => return None,
        };
        layers.push((path.to_owned(), level(op).is_some()));
        *step = std::mem::take(step).read(&measured);
        None
    });
    model.forward(&args[0], &cx);
    drop(cx);
    let (layers, step, _) = found.into_inner();
    core.active = layers;
    step
}
