//! The graphs of the two steps: forward and loss; and for training gradients, clipping, update.

use super::{Core, Recipe};
use crate::optim::Target;
use gradus_base::{DType, Error};
use gradus_nn::losses::CrossEntropy;
use gradus_nn::{Context, Layer, Parameter, parameters};
use gradus_tensor::{Step, Tensor, Variable, fail, gradients};
use std::panic::Location;
use std::sync::Arc;

fn measured(step: Step, recipe: &Recipe, y: &Tensor, t: &Tensor, loss: &Tensor) -> Step {
    let mut step = step.read(loss);
    let ignored = recipe.cross_entropy.as_ref().and_then(|loss| loss.ignore_index);
    let counted = ignored.filter(|_| t.dtype() == DType::I64).map(|i| t.ne(i as f64));
    for metric in &recipe.metrics {
        step = step.read(&match &counted {
            Some(counted) => mean_where(counted, &(metric.of)(y, &known(counted, t))),
            None => (metric.of)(y, t).mean(..),
        });
    }
    step
}

/// Labels, a class in place of those that do not count.
fn known(counted: &Tensor, t: &Tensor) -> Tensor {
    counted.select_where(t, 0.0)
}

/// The mean over what counts; over all of what has another shape.
fn mean_where(counted: &Tensor, each: &Tensor) -> Tensor {
    if each.shape() != counted.shape() {
        return each.mean(..);
    }
    counted.select_where(each, 0.0).sum(..) / counted.cast(each.dtype()).sum(..)
}

/// Cross-entropy with the recipe's options.
fn mean_cross_entropy(
    recipe: &Recipe,
    loss: &CrossEntropy,
    y: &Tensor,
    t: &Tensor,
    samples: Option<&Tensor>,
) -> Tensor {
    let weights = recipe.class_weights.as_ref().map(|w| Tensor::from_slice(w, [w.len()]));
    let class_weights = weights.or_else(|| loss.class_weights.clone());
    let loss = CrossEntropy { class_weights, ..loss.clone() };
    match samples {
        Some(samples) => loss.weighted_mean(y, t, samples),
        None => loss.mean(y, t),
    }
}

/// The mean of the samples' losses, weighted by class and by sample where there are such weights.
pub(super) fn mean_loss(
    recipe: &Recipe,
    y: &Tensor,
    t: &Tensor,
    samples: Option<&Tensor>,
) -> Tensor {
    if let Some(loss) = &recipe.cross_entropy {
        return mean_cross_entropy(recipe, loss, y, t, samples);
    }
    let loss = (recipe.loss)(y, t);
    let classes = recipe.class_weights.as_ref().map(|weights| {
        if !(t.dtype() == DType::I64 && t.rank() == 1) {
            let what =
                format!("the targets are {} {}, expected labels, i64 [B]", t.dtype(), t.shape());
            fail(Error::shape("class weights", what), Location::caller());
        }
        Tensor::from_slice(weights, [weights.len()]).cast(loss.dtype()).index_select(0, t) // [B]
    });
    let weights = match (classes, samples) {
        (Some(c), Some(s)) => c * s,
        (Some(c), None) => c,
        (None, Some(s)) => s.clone(),
        (None, None) => return loss.mean(..),
    };
    if weights.shape() != loss.shape() {
        let what = format!(
            "there are {}, the losses are {}: expected one for each sample",
            weights.shape(),
            loss.shape()
        );
        fail(Error::shape("weights", what), Location::caller());
    }
    (&loss * &weights).sum(..) / weights.sum(..)
}

/// The loss, and those of the auxiliary heads times their weights.
pub(super) fn with_auxiliary(
    recipe: &Recipe,
    cx: &Context,
    t: &Tensor,
    samples: Option<&Tensor>,
    loss: &Tensor,
) -> Tensor {
    let heads = cx.take_auxiliary().into_iter();
    heads.fold(loss.clone(), |sum, (y, weight)| sum + mean_loss(recipe, &y, t, samples) * weight)
}

pub(super) fn evaluate_step(model: &Arc<dyn Layer>, core: &mut Core, args: &[Tensor]) -> Step {
    let y = model.forward(&args[0], &Context::eval());
    let loss = mean_loss(&core.recipe, &y, &args[1], None);
    measured(Step::new(), &core.recipe, &y, &args[1], &loss)
}

/// Forward, loss, gradients; then either the update (`apply`) or adding to the gradients kept.
pub(super) fn train_step(
    model: &Arc<dyn Layer>,
    core: &mut Core,
    args: &[Tensor],
    apply: bool,
) -> Step {
    let [x, t, scalars, key, weights @ ..] = args else { unreachable!("a step has four or five") };
    let cx = Context::train(key);
    let y = model.forward(x, &cx);
    let loss = mean_loss(&core.recipe, &y, t, weights.first());
    let step = measured(Step::new(), &core.recipe, &y, t, &loss);
    let mut updates = cx.take_updates();
    let objective = with_auxiliary(&core.recipe, &cx, t, weights.first(), &loss);
    let trained = trained(model, core, &objective);
    let mut grads: Vec<Tensor> = trained.iter().map(|(_, _, g)| g.clone()).collect();
    let accumulate = core.recipe.accumulate.max(1);
    if accumulate > 1 {
        for ((path, p, _), g) in trained.iter().zip(&mut grads) {
            let kept = core.slots.at(path).get("accumulated", p.variable(), 0.0);
            *g = kept.tensor() + &*g / accumulate as f64;
            updates.push((kept, if apply { g.zeros_like() } else { g.clone() }));
        }
    }
    if let Some(clip) = core.recipe.clip {
        grads = clip.apply(&grads);
    }
    let scalars: Vec<Tensor> = (0..scalars.len()).map(|i| scalars.select(0, i)).collect();
    for ((path, p, _), g) in trained.iter().zip(&grads) {
        // Also where nothing is applied yet: it makes the optimiser's state, which a checkpoint holds.
        let next = update_one(core, path, p, g, &scalars);
        updates.extend(next.into_iter().filter(|_| apply));
    }
    step.updates(updates)
}

/// The parameters to move, with their gradients.
pub(super) fn trained(
    model: &Arc<dyn Layer>,
    core: &mut Core,
    loss: &Tensor,
) -> Vec<(String, Parameter, Tensor)> {
    let all: Vec<(String, Parameter)> =
        parameters(&**model).into_iter().filter(|(_, p)| !p.is_frozen()).collect();
    let mut objective = loss.clone();
    if core.recipe.l1 > 0.0 {
        for (_, p) in all.iter().filter(|(_, p)| p.decays()) {
            objective = objective + p.tensor().abs().sum(..) * core.recipe.l1;
        }
    }
    let tensors: Vec<Tensor> = all.iter().map(|(_, p)| p.tensor()).collect();
    let grads = gradients(&objective, &tensors).unwrap_or_else(|e| fail(e, Location::caller()));
    core.unreached.clear();
    let mut out = vec![];
    for ((path, p), g) in all.into_iter().zip(grads) {
        match g {
            Some(g) => out.push((path, p, g)),
            None => core.unreached.push(path),
        }
    }
    out
}

fn update_one(
    core: &mut Core,
    path: &str,
    p: &Parameter,
    g: &Tensor,
    scalars: &[Tensor],
) -> Vec<(Variable, Tensor)> {
    let group = core.recipe.groups.iter().rev().find(|group| group.holds(path));
    let default = if p.decays() { core.optimizer.weight_decay() } else { 0.0 };
    let w = p.tensor();
    let target = Target {
        variable: p.variable(),
        w: &w,
        g,
        weight_decay: group.and_then(|g| g.weight_decay).unwrap_or(default),
        rate_scale: group.map_or(1.0, |g| g.rate_scale),
        scalars,
    };
    let mut updates = core.optimizer.update(&target, core.slots.at(path));
    if let Some(ema) = core.recipe.ema {
        let moved = updates.iter().find(|(v, _)| v == p.variable()).map(|(_, w)| w.clone());
        if let Some(w) = moved {
            updates.push(ema.update(p.variable(), &w, core.slots.at(path)));
        }
    }
    updates
}
