//! One run: a network that trains step by step, and what is seen of each layer in the same step.

use super::data::Data;
use super::messages::FlowSettings as Settings;
use super::network::Network;
use crate::wire::{Unreadable, Wire};
use gradus::nn::losses::cross_entropy;
use gradus::nn::{Context, Init};
use gradus::train::optim::{Clip, Slots, Target};
use gradus::{Compiled, DType, Step, Tensor, Variable, compile, gradients};
use std::sync::{Arc, Mutex, PoisonError};

type Trace = Box<dyn FnMut(&[Tensor]) -> Step + Send>;

/// Means of losses that are kept; when they are full, neighbours are joined.
const LOSSES: usize = 256;
/// Batches that count for what is seen of late: dead units, accuracy.
pub(super) const LATELY: usize = 20;

/// A run.
pub(super) struct Run {
    pub(super) settings: Settings,
    pub(super) seen: Seen,
    network: Arc<Network>,
    slots: Arc<Mutex<Slots>>,
    step: Compiled<Trace>,
    data: Data,
    /// The order of an epoch, and which.
    order: (Vec<u32>, Option<u32>),
}

/// What was seen of a run so far.
#[derive(Wire, Clone, Debug, PartialEq)]
pub(super) struct Seen {
    /// Steps taken.
    pub(super) step: u32,
    /// Whether the loss is no number any more.
    pub(super) lost: bool,
    pub(super) loss: f64,
    /// Losses of the first 25 steps and of the last 25.
    pub(super) first: Vec<f64>,
    pub(super) last: Vec<f64>,
    /// Parts answered rightly of the last batches.
    pub(super) right: Vec<f64>,
    /// Means of so many losses each, and the sum of those that fill no mean yet.
    pub(super) losses: Vec<f32>,
    pub(super) stride: u32,
    open: f64,
    /// Norms of each layer's weights, of their gradients, and of their last movement.
    pub(super) weights: Vec<f64>,
    pub(super) gradients: Vec<f64>,
    pub(super) moved: Vec<f64>,
    /// Of each hidden layer: the norm of the gradient before its activation, the root mean square after it, the part at a level.
    pub(super) signals: Vec<f64>,
    pub(super) activations: Vec<f64>,
    pub(super) levelled: Vec<f64>,
    /// For how many batches in a row each unit, layer after layer, gave nothing but 0.
    pub(super) silent: Vec<u16>,
    /// Whether all units of each hidden layer gave the same.
    pub(super) alike: bool,
}

/// Losses that are kept of the beginning, and of late.
pub(super) const WINDOW: usize = 25;

impl Seen {
    fn nothing(settings: &Settings) -> Seen {
        let units = (settings.depth * settings.width) as usize;
        Seen {
            step: 0,
            lost: false,
            loss: f64::NAN,
            first: vec![],
            last: vec![],
            right: vec![],
            losses: vec![],
            stride: 1,
            open: 0.0,
            weights: vec![],
            gradients: vec![],
            moved: vec![],
            signals: vec![],
            activations: vec![],
            levelled: vec![],
            silent: vec![0; units],
            alike: false,
        }
    }

    /// Keeps a step's loss and what it answered rightly.
    fn add(&mut self, loss: f64, right: f64) {
        self.step += 1;
        self.loss = loss;
        if self.first.len() < WINDOW {
            self.first.push(loss);
        }
        let keep = |list: &mut Vec<f64>, most: usize, new: f64| {
            if list.len() == most {
                list.remove(0);
            }
            list.push(new);
        };
        keep(&mut self.last, WINDOW, loss);
        keep(&mut self.right, LATELY, right);
        self.open += loss;
        if self.step.is_multiple_of(self.stride) {
            self.losses.push((std::mem::take(&mut self.open) / f64::from(self.stride)) as f32);
        }
        if self.losses.len() == LOSSES {
            let joined = self.losses.chunks_exact(2).map(|pair| (pair[0] + pair[1]) / 2.0);
            self.losses = joined.collect();
            self.stride *= 2;
        }
    }

    /// The part answered rightly of late.
    pub(super) fn accuracy(&self) -> f64 {
        self.right.iter().sum::<f64>() / self.right.len() as f64
    }

    /// How many units of each hidden layer are dead.
    pub(super) fn dead(&self, width: u32) -> Vec<usize> {
        let is_dead = |&&batches: &&u16| usize::from(batches) >= LATELY;
        let layers = self.silent.chunks_exact(width as usize);
        layers.map(|units| units.iter().filter(is_dead).count()).collect()
    }

    /// How much the last step moved each layer's weights, as a part of them.
    pub(super) fn ratios(&self) -> Vec<f64> {
        let pairs = self.moved.iter().zip(&self.weights);
        pairs.map(|(moved, weight)| moved / weight.max(1e-30)).collect()
    }

    /// Whether it can be of a run with these settings.
    fn suits(&self, settings: &Settings) -> bool {
        let depth = settings.depth as usize;
        let of_layers = [&self.weights, &self.gradients, &self.moved];
        let of_hidden = [&self.signals, &self.activations, &self.levelled];
        let fits = |list: &&Vec<f64>, len: usize| list.is_empty() || list.len() == len;
        of_layers.iter().all(|list| fits(list, depth + 1))
            && of_hidden.iter().all(|list| fits(list, depth))
            && self.silent.len() == depth * settings.width as usize
            && [&self.first, &self.last].iter().all(|list| list.len() <= WINDOW)
            && self.right.len() <= LATELY
            && self.losses.len() < LOSSES
            && self.stride >= 1
    }
}

/// A run as it is kept: its variables in their order.
#[derive(Wire, Clone, Debug, PartialEq)]
pub(super) struct KeptRun {
    settings: String,
    seen: Seen,
    variables: Vec<KeptVariable>,
}

/// A variable as it is kept.
#[derive(Wire, Clone, Debug, PartialEq)]
struct KeptVariable {
    path: String,
    values: Vec<f32>,
}

impl Run {
    pub(super) fn begin(settings: Settings) -> Run {
        let data = Data::of(&settings);
        let init = Init::new(settings.seed.into());
        let network = Arc::new(Network::new(&settings, data.inputs(), data.classes(), &init));
        let seen = Seen::nothing(&settings);
        let slots = Arc::<Mutex<Slots>>::default();
        let step = planned(&settings, &network, &slots);
        Run { settings, seen, network, slots, step, data, order: (vec![], None) }
    }

    /// Takes up settings that may change as it trains.
    pub(super) fn go_on_with(&mut self, settings: Settings) {
        if settings.optimizer != self.settings.optimizer {
            self.slots = Arc::default();
        }
        let rate_alone =
            settings.optimizer == self.settings.optimizer && settings.clip == self.settings.clip;
        self.settings = settings;
        if !rate_alone {
            self.step = planned(&self.settings, &self.network, &self.slots);
        }
    }

    /// The samples of the next step.
    fn batch(&mut self) -> (Tensor, Tensor) {
        let batch = self.settings.batch as usize;
        let each = self.data.steps(batch);
        let (epoch, at) = (self.seen.step / each, (self.seen.step % each) as usize);
        if self.order.1 != Some(epoch) {
            self.order = (self.data.order(self.settings.seed, epoch), Some(epoch));
        }
        self.data.batch(&self.order.0[at * batch..(at + 1) * batch])
    }

    /// One step; gives whether there can be another.
    pub(super) fn learn(&mut self) -> bool {
        if self.seen.lost || self.seen.step == u32::MAX {
            return false;
        }
        let (x, t) = self.batch();
        let scalars =
            self.settings.optimizer().scalars(u64::from(self.seen.step) + 1, self.settings.rate);
        let scalars = Tensor::from(scalars.map(|s| s as f32));
        let (depth, width) = (self.settings.depth as usize, self.settings.width as usize);
        let Ok(out) = self.step.run(&[&x, &t, &scalars]) else {
            self.seen.lost = true; // cannot be: shapes and labels are its own
            return false;
        };
        let loss = out.item(0);
        let seen = &mut self.seen;
        if !loss.is_finite() {
            (seen.lost, seen.loss, seen.step) = (true, loss, seen.step + 1);
            return false;
        }
        seen.add(loss, out.item(1));
        let mut next = 2;
        let mut list = |count: usize| {
            next += count;
            (next - count..next).map(|i| out.item(i)).collect::<Vec<_>>()
        };
        (seen.weights, seen.gradients, seen.moved) =
            (list(depth + 1), list(depth + 1), list(depth + 1));
        (seen.signals, seen.activations, seen.levelled) = (list(depth), list(depth), list(depth));
        let tops = next;
        let (mut alike, mut any) = (width > 1, self.settings.init == "zeros");
        for (l, silent) in seen.silent.chunks_exact_mut(width).enumerate() {
            let top = out.buffer(tops + l).as_slice::<f32>();
            alike &= top[..width].iter().all(|t| *t == top[0]);
            any |= top[0] != 0.0; // where all are dead they are alike, too
            for (silent, top) in silent.iter_mut().zip(top) {
                *silent = if *top <= 0.0 { silent.saturating_add(1) } else { 0 };
            }
        }
        seen.alike = alike && any;
        true
    }

    /// Everything that training changes, by path: of the network, then of the optimiser.
    fn variables(&self) -> Vec<(String, Variable)> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner).named();
        let of_optimizer = |(path, variable)| (format!("optimizer.{path}"), variable);
        self.network.variables().into_iter().chain(slots.into_iter().map(of_optimizer)).collect()
    }

    /// The weights of each layer, for tests.
    #[cfg(test)]
    pub(super) fn weights(&self) -> Vec<Vec<f64>> {
        self.network.weights().iter().map(|weight| weight.value().to_vec()).collect()
    }

    pub(super) fn save(&self) -> KeptRun {
        let kept = |(path, variable): (String, Variable)| KeptVariable {
            path,
            values: variable.value().to_vec(),
        };
        let variables = self.variables().into_iter().map(kept).collect();
        KeptRun { settings: self.settings.address(), seen: self.seen.clone(), variables }
    }

    pub(super) fn load(kept: KeptRun) -> Result<Run, Unreadable> {
        let unreadable = |what: &str| Unreadable::new(format!("a run {what}"));
        let settings = Settings::begin().changed(&kept.settings);
        let settings = settings.map_err(|what| unreadable(&what))?;
        if !kept.seen.suits(&settings) {
            return Err(unreadable("of other sizes than its settings say"));
        }
        let mut run = Run { seen: kept.seen, ..Run::begin(settings) };
        if run.seen.step > 0 {
            // The optimiser's state is made when the step is planned.
            let (x, t) = run.batch();
            let like = [&x, &t, &Tensor::zeros([2])].map(|x| x.node().meta());
            run.step.program(&like).map_err(|e| unreadable(&e.to_string()))?;
        }
        let own = run.variables();
        if own.len() != kept.variables.len() {
            return Err(unreadable("with other variables than its settings make"));
        }
        for ((path, variable), kept) in own.iter().zip(&kept.variables) {
            if *path != kept.path || variable.shape().len() != kept.values.len() {
                return Err(unreadable(&format!("whose {} is not {path}", kept.path)));
            }
            let value = Tensor::from_slice(&kept.values, variable.shape());
            variable.set(&value).map_err(|e| unreadable(&e.to_string()))?;
        }
        Ok(run)
    }
}

/// The step of these settings. It reads the loss, the part answered rightly, three numbers of each layer, three of each hidden layer,
/// and the largest output of each hidden unit.
fn planned(
    settings: &Settings,
    network: &Arc<Network>,
    slots: &Arc<Mutex<Slots>>,
) -> Compiled<Trace> {
    let (settings, network, slots) = (settings.clone(), network.clone(), slots.clone());
    let trace: Trace = Box::new(move |args: &[Tensor]| {
        let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
        trace(&settings, &network, &mut slots, args)
    });
    compile(trace).stop_unless_finite(true)
}

fn trace(settings: &Settings, network: &Network, slots: &mut Slots, args: &[Tensor]) -> Step {
    let [x, t, scalars] = args else { unreachable!("a step has samples, labels and a rate") };
    let cx = Context::train(&Tensor::from([0i64, 0]));
    let passed = network.forward(x, &cx);
    let loss = cross_entropy(&passed.y, t).mean(..);
    let right = passed.y.argmax(1).eq(t).cast(DType::F32).mean(..);
    let moving = network.parameters();
    let values: Vec<Tensor> = moving.iter().map(|(_, p)| p.tensor()).collect();
    let wanted: Vec<Tensor> = values.iter().chain(&passed.sums).cloned().collect();
    let slopes = gradients(&loss, &wanted).unwrap_or_default();
    let slopes =
        slopes.into_iter().zip(&wanted).map(|(slope, x)| slope.unwrap_or_else(|| x.zeros_like()));
    let mut slopes: Vec<Tensor> = slopes.collect();
    let signals = slopes.split_off(values.len().min(slopes.len()));
    let clip = (settings.clip > 0.0).then_some(Clip::Norm(settings.clip));
    let steps = clip.map_or_else(|| slopes.clone(), |clip| clip.apply(&slopes));
    let scalars: Vec<Tensor> = (0..scalars.len()).map(|i| scalars.select(0, i)).collect();
    let (optimizer, mut updates) = (settings.optimizer(), cx.take_updates());
    for (((path, p), w), g) in moving.iter().zip(&values).zip(&steps) {
        let (weight_decay, rate_scale) = (0.0, 1.0);
        let target =
            Target { variable: p.variable(), w, g, weight_decay, rate_scale, scalars: &scalars };
        updates.extend(optimizer.update(&target, slots.at(path)));
    }
    let (mut sizes, mut norms, mut moved) = (vec![], vec![], vec![]);
    for weight in network.weights() {
        let at = moving.iter().position(|(_, p)| *p.variable() == weight).unwrap_or_default();
        let next = updates.iter().find(|(v, _)| *v == weight).map_or(&values[at], |(_, next)| next);
        sizes.push(norm(&values[at]));
        norms.push(norm(&slopes[at]));
        moved.push(norm(&(next - &values[at])));
    }
    let level = settings.function().level;
    let levelled = |a: &Tensor| match level {
        Some((top, middle)) => (a - middle).abs().gt(0.98 * top).cast(DType::F32).mean(..),
        None => Tensor::zeros(()),
    };
    let sizes_of = |a: &Tensor| norm(a) / (a.len() as f64).sqrt();
    let hidden = &passed.activations;
    let reads = [loss, right].into_iter().chain(sizes).chain(norms).chain(moved);
    let reads = reads.chain(signals.iter().map(norm)).chain(hidden.iter().map(sizes_of));
    let reads = reads.chain(hidden.iter().map(levelled)).chain(hidden.iter().map(|a| a.max(0)));
    reads.fold(Step::new(), |step, x| step.read(&x)).updates(updates)
}

/// √Σx² in f64: squares of what vanishes or explodes do not fit f32.
fn norm(x: &Tensor) -> Tensor {
    x.cast(DType::F64).norm_l2(..)
}
