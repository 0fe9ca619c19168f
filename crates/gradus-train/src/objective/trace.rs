//! What an objective's steps are as graph: forward, loss, gradients, update.

use super::Inner;
use crate::batch::Fields;
use crate::measured::Measured;
use crate::updater::Slopes;
use gradus_base::Error;
use gradus_nn::{Context, Parameter};
use gradus_tensor::{Step, Tensor, mistaken, report};
use std::cell::RefCell;

impl Inner {
    /// What is minimised on a batch whose tensors are these.
    pub(crate) fn measured(&self, fields: &[Tensor], cx: &Context<'_>) -> Measured {
        // The closure is the user's: it may look at the task, so nothing is locked meanwhile.
        let names = self.traced.lock().fields.clone();
        (self.measure)(&Fields::new(&names, fields), cx)
    }

    /// The gradients of what is minimised, which something that is to move must have a part in.
    pub(crate) fn slopes(&self, measured: &Measured) -> Slopes {
        let slopes = self.updater.gradients(&measured.minimize, &(self.moves)());
        let slopes = slopes.unwrap_or_else(|e| {
            report(e);
            Slopes::default()
        });
        if slopes.reached.is_empty() && !slopes.unreached.is_empty() {
            let what = format!(
                "{} depends on no parameter that it is to move: {}",
                self.called,
                slopes.unreached.join(", ")
            );
            report(Error::value("gradients", what));
        }
        slopes
    }

    /// The parameters that are not frozen, by path.
    pub(crate) fn free(&self) -> Vec<(String, Parameter)> {
        (self.moves)().into_iter().filter(|(_, p)| !p.is_frozen()).collect()
    }

    /// Forward, loss, gradients; then either the update (`apply`) or adding to the gradients kept. What is minimised is read first,
    /// since a step ends there if it is no number.
    pub(super) fn step(&self, args: &[Tensor], apply: bool) -> Step {
        let [fields @ .., scalars, key] = args else { unreachable!("a step has both") };
        let (watch, shown) = (self.traced.lock().watch.clone(), RefCell::new(vec![]));
        let cx = Context::train(key).with_hook(|path, value| {
            if !watch.is_empty() {
                shown.borrow_mut().push((path.to_owned(), value.clone()));
            }
            None
        });
        let measured = self.measured(fields, &cx);
        let apart = measured.is_apart();
        let step = if apart { Step::new().read(&measured.minimize) } else { Step::new() };
        let step = measured.numbers.iter().fold(step, |step, (_, n)| step.read(n));
        let step = measured.units.iter().flatten().fold(step, |step, units| step.read(units));
        let mut updates = cx.take_updates();
        drop(cx);
        let found = watched(&watch, shown.into_inner());
        let step = found.iter().fold(step, |step, (_, value)| step.read(value));
        let slopes = self.slopes(&measured);
        if mistaken() {
            return step; // what is known of the steps traced before stays
        }
        let mut traced = self.traced.lock();
        traced.watched = found.into_iter().map(|(path, _)| path).collect();
        updates.extend(self.updater.updates(&slopes, &mut traced.slots, scalars, apply));
        (traced.apart, traced.weighed) = (apart, measured.units.is_some());
        traced.numbers = measured.numbers.into_iter().map(|(name, _)| name).collect();
        traced.unreached = slopes.unreached;
        step.updates(updates)
    }

    pub(super) fn look(&self, args: &[Tensor]) -> Step {
        let [fields @ .., key] = args else { unreachable!("a look at gradients has a key") };
        let measured = self.measured(fields, &Context::train(key));
        let slopes = self.slopes(&measured);
        if mistaken() {
            return Step::new();
        }
        let mut traced = self.traced.lock();
        traced.reached = slopes.reached.iter().map(|(path, ..)| path.clone()).collect();
        traced.unreached = slopes.unreached;
        let step = slopes.reached.iter().fold(Step::new(), |step, (_, _, g)| step.read(g));
        // A loss may be no number though its gradients are.
        let step = step.read(&measured.minimize);
        let step = measured.numbers.iter().fold(step, |step, (_, n)| step.read(n));
        measured.units.iter().flatten().fold(step, |step, units| step.read(units))
    }
}

/// What is watched of all that a pass showed.
fn watched(watch: &[String], shown: Vec<(String, Tensor)>) -> Vec<(String, Tensor)> {
    if let Some(absent) = watch.iter().find(|path| !shown.iter().any(|(known, _)| known == *path)) {
        let known: Vec<&str> = shown.iter().map(|(path, _)| &**path).collect();
        let what = format!("nothing is shown at {absent}; there are {}", known.join(", "));
        report(Error::value("watch", what));
    }
    shown.into_iter().filter(|(path, _)| watch.contains(path)).collect()
}
