//! Training and inference as one compiled call per step.

use super::net::Net;
use super::{Work, mean_abs};
use gradus::nn::{Context, Layer, Sequential, parameters};
use gradus::train::optim::{Adam, Optimizer, Sgd, Slots, Target};
use gradus::{Compiled, Program, Result, Step, Tensor, Variable, compile, gradients};
use gradus_base::Buffer;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// Updates before the loss that serves as a check.
const CHECK_STEPS: usize = 3;

/// How a case trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Plain, rate 0.01; 0.001 for the larger networks.
    Sgd,
    /// Rate 0.001, β = (0.9, 0.999), ε = 1e-8.
    Adam,
}

impl Method {
    /// The optimiser, with SGD's rate.
    pub fn optimizer(self, rate: f64) -> Box<dyn Optimizer> {
        match self {
            Method::Sgd => Box::new(Sgd::new(rate)),
            Method::Adam => Box::new(Adam::new(0.001)),
        }
    }
}

/// A step that is compiled.
pub type Trace = Box<dyn FnMut(&[Tensor]) -> Step>;

/// A network that trains on one batch again and again.
pub struct Training {
    net: Net,
    model: Rc<Sequential>,
    /// The optimiser's: zeros at the start.
    state: Vec<Variable>,
    step: Compiled<Trace>,
    batch: [Tensor; 2],
}

impl Training {
    /// A network at its starting weights, and its loss on the batch after three updates.
    ///
    /// # Errors
    /// When the engine refuses the step.
    pub fn new(net: Net, method: Method, samples: usize) -> Result<(Training, f64)> {
        let model = Rc::new(net.model()?);
        let (x, t) = net.batch(samples);
        let slots = Rc::new(RefCell::new(Slots::new()));
        let trace: Trace = {
            let (model, slots) = (model.clone(), slots.clone());
            Box::new(move |args: &[Tensor]| {
                let cx = net.training();
                let loss = net.loss(&model, &args[0], &args[1], &cx);
                let rate = if matches!(net, Net::Convnet(..)) { 0.001 } else { 0.01 };
                let step = Step::new().read(&loss).updates(cx.take_updates());
                updated(step, &loss, &model, &[], &*method.optimizer(rate), &slots)
            })
        };
        let mut step = compile(trace);
        step.plan(&[x.node().meta(), t.node().meta()])?; // makes the optimiser's state
        let state = slots.borrow().named().into_iter().map(|(_, v)| v).collect();
        let mut training = Training { net, model, state, step, batch: [x, t] };
        for _ in 0..CHECK_STEPS {
            training.run()?;
        }
        // A step's loss is that before its update.
        let [x, t] = training.batch.clone();
        let check = training.step.run(&[&x, &t])?.item(0);
        Ok((training, check))
    }
}

/// A plan that can be run with a look at the clock after each of its parts.
pub trait Planned {
    /// The program and its arguments.
    ///
    /// # Errors
    /// When the engine refuses the work.
    fn program(&mut self) -> Result<(&mut Program, Vec<Arc<Buffer>>)>;
}

/// The program of a compiled trace for a batch of values.
///
/// # Errors
/// When the engine refuses the work.
pub fn program<'a>(
    step: &'a mut Compiled<Trace>,
    batch: &[Tensor],
) -> Result<(&'a mut Program, Vec<Arc<Buffer>>)> {
    let metas: Vec<_> = batch.iter().map(|t| t.node().meta()).collect();
    let values =
        batch.iter().map(|t| t.node().value().cloned().expect("a batch is made of values"));
    let values = values.collect();
    Ok((step.program(&metas)?, values))
}

impl Planned for Training {
    fn program(&mut self) -> Result<(&mut Program, Vec<Arc<Buffer>>)> {
        program(&mut self.step, &self.batch)
    }
}

impl Planned for Inference {
    fn program(&mut self) -> Result<(&mut Program, Vec<Arc<Buffer>>)> {
        program(&mut self.predict, std::slice::from_ref(&self.x))
    }
}

impl Work for Training {
    fn run(&mut self) -> Result<()> {
        let [x, t] = &self.batch;
        self.step.run(&[x, t]).map(drop)
    }
    /// The larger networks take too few steps to come to an end, and go on.
    fn reset(&mut self) -> Result<()> {
        if matches!(self.net, Net::Convnet(..)) {
            return Ok(());
        }
        self.net.start(&self.model)?;
        self.state.iter().try_for_each(|v| v.set(&v.value().zeros_like()))
    }
}

/// A step with the updates of all weights, from the loss on one graph. It also reads the gradients of `inputs`.
pub fn updated(
    mut step: Step,
    loss: &Tensor,
    model: &Sequential,
    inputs: &[Tensor],
    optimizer: &dyn Optimizer,
    slots: &RefCell<Slots>,
) -> Step {
    let weights = parameters(model);
    let tensors: Vec<Tensor> = weights.iter().map(|(_, p)| p.tensor()).collect();
    let wanted: Vec<Tensor> = tensors.iter().chain(inputs).cloned().collect();
    let found = gradients(loss, &wanted).unwrap_or_else(|e| panic!("{e}"));
    let found = found.iter().map(|g| g.as_ref().expect("the loss depends on all of them"));
    let (scalars, mut slots) = ([Tensor::full((), optimizer.learning_rate())], slots.borrow_mut());
    for (((path, p), w), g) in weights.iter().zip(&tensors).zip(found.clone()) {
        let (weight_decay, rate_scale, scalars) = (0.0, 1.0, &scalars[..]);
        let target = Target { variable: p.variable(), w, g, weight_decay, rate_scale, scalars };
        step = step.updates(optimizer.update(&target, slots.at(path)));
    }
    found.skip(tensors.len()).fold(step, |step, dx| step.read(dx))
}

/// A network that predicts one batch again and again.
pub struct Inference {
    predict: Compiled<Trace>,
    x: Tensor,
}

impl Inference {
    /// A network ready to predict; the check is its mean |output|.
    ///
    /// # Errors
    /// When the engine refuses the step.
    pub fn new(net: Net, samples: usize) -> Result<(Inference, f64)> {
        let model = net.model()?;
        let (x, _) = net.batch(samples);
        let trace: Trace =
            Box::new(move |args| Step::new().read(&model.forward(&args[0], &Context::eval())));
        let mut predict = compile(trace);
        let check = mean_abs(&predict.run(&[&x])?.tensor(0).to_vec::<f32>());
        Ok((Inference { predict, x }, check))
    }
}

impl Work for Inference {
    fn run(&mut self) -> Result<()> {
        self.predict.run(&[&self.x]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_goes_back_to_the_start() {
        for method in [Method::Sgd, Method::Adam] {
            let (mut training, check) = Training::new(Net::Tiny, method, 10).unwrap();
            training.reset().unwrap();
            (0..CHECK_STEPS).for_each(|_| training.run().unwrap());
            let [x, t] = training.batch.clone();
            let again = training.step.run(&[&x, &t]).unwrap().item(0);
            assert!((again - check).abs() < 1e-6, "{method:?}: {again}, {check}");
        }
    }

    #[test]
    fn checks_agree_with_other_programs() {
        // As PyTorch computes it for the same network, weights, batch and rate.
        let (_, tiny) = Training::new(Net::Tiny, Method::Sgd, 10).unwrap();
        assert!((tiny - TINY_AFTER_THREE).abs() < 1e-4, "{tiny}");
    }

    const TINY_AFTER_THREE: f64 = 0.968_150;
}
