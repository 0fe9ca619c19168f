//! A look inside: the gradients of a batch, and how alive its activations are. Both are compiled, so looking often is cheap.

use super::{Learner, NAMES};
use crate::faults::Told;
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
    /// Has training steps keep the outputs of the layers at these paths, or what layers show there ([`Context::show`]), without a
    /// second pass: [`Learner::seen`] has them. No path ends it.
    ///
    /// ```
    /// # use gradus_nn::{Init, Sequential, layers::*};
    /// # use gradus_tensor::Tensor;
    /// # use gradus_train::{Learner, optim::Sgd};
    /// let model = Sequential::new([2], &Init::new(0)).add(dense(3)).add(relu()).add(dense(2));
    /// let mut learner = Learner::new(model.into(), Sgd::new(0.1));
    /// learner.watch(["relu1"]);
    /// learner.train_batch(&Tensor::randn([4, 2], 1), &Tensor::from([0i64, 1, 0, 1]), 0.1)?;
    /// let (path, y) = &learner.seen()[0];
    /// assert_eq!((path.as_str(), y.shape()), ("relu1", [4, 3].into()));
    /// assert!(y.to_vec::<f32>().iter().all(|y| *y >= 0.0));
    /// # Ok::<(), gradus_base::Error>(())
    /// ```
    pub fn watch<'p>(&mut self, paths: impl IntoIterator<Item = &'p str>) {
        self.objective.watch(paths.into_iter().map(str::to_owned).collect());
    }
    /// What was watched in the last training step, by path.
    pub fn seen(&self) -> &[(String, Tensor)] {
        self.objective.seen()
    }

    /// The gradient of the loss on this batch for every parameter that trains, by path. Nothing is updated; dropout draws as the
    /// next step would.
    ///
    /// # Errors
    /// When the data holds a bad value.
    #[track_caller]
    pub fn gradients(&mut self, x: &Tensor, t: &Tensor) -> Result<Vec<(String, Tensor)>> {
        let found = self.objective.gradients(&NAMES[..2], &[x, t]);
        found.map_err(|error| self.in_batch(error, &[x, t])).told()
    }

    /// How alive the layers are that rectify or level off, when this batch is predicted.
    ///
    /// # Errors
    /// When computing meets a bad value.
    #[track_caller]
    pub fn activity(&mut self, x: &Tensor) -> Result<Vec<Activity>> {
        let out = match self.activity.run(&[x]) {
            Ok(out) => out,
            Err(error) => return Err(self.in_batch(error, &[x])).told(),
        };
        let layers = self.active.lock();
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

/// The level of a function that levels off, and where its middle lies.
fn level(op: &str) -> Option<(f64, f64)> {
    match op {
        "sigmoid" => Some((0.5, 0.5)),
        "tanh" => Some((1.0, 0.0)),
        "lecun_tanh" => Some((1.7159, 0.0)),
        _ => None,
    }
}

/// What a look at activity reads, and of which layers: their paths, and whether they level off.
pub(super) fn activity_step(model: &Arc<dyn Layer>, x: &Tensor) -> (Step, Vec<(String, bool)>) {
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
    model.forward(x, &cx);
    drop(cx);
    let (layers, step, _) = found.into_inner();
    (step, layers)
}
