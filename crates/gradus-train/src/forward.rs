//! `Forward`: a compiled pass that predicts, over the named fields of batches.

use crate::batch::{Fields, Name};
use crate::objective::{ARGUMENTS, Trace, arguments};
use gradus_base::Result;
use gradus_nn::Context;
use gradus_tensor::{Compiled, Outputs, Step, Tensor, compile};
use parking_lot::Mutex;
use std::sync::Arc;

/// What is read of a pass, by name.
pub(crate) type Report = dyn Fn(&Fields<'_>, &Context<'_>) -> Vec<(Name, Tensor)> + Send + Sync;

/// A compiled pass that predicts; what it asks to be kept, such as a state that is carried on, is kept.
pub(crate) struct Forward {
    compiled: Compiled<Trace>,
    traced: Arc<Mutex<Traced>>,
}

#[derive(Default)]
struct Traced {
    /// The names of the fields that it is traced for.
    fields: Vec<Name>,
    /// The names of what it gives.
    given: Vec<Name>,
}

impl Forward {
    pub(crate) fn new(report: Arc<Report>) -> Forward {
        let traced: Arc<Mutex<Traced>> = Arc::default();
        let known = traced.clone();
        let trace = move |args: &[Tensor]| {
            let [fields @ .., key] = args else { unreachable!("a pass has a key") };
            let names = known.lock().fields.clone();
            let cx = Context::eval().drawing(key);
            let found = report(&Fields::new(&names, fields), &cx);
            let step = Step::new().updates(cx.take_updates());
            known.lock().given = found.iter().map(|(name, _)| name.clone()).collect();
            found.iter().fold(step, |step, (_, value)| step.read(value))
        };
        Forward { compiled: compile(Box::new(trace) as Trace), traced }
    }

    /// The names of what the pass traced last gives.
    pub(crate) fn given(&self) -> Vec<Name> {
        self.traced.lock().given.clone()
    }

    /// What the pass gives for these fields, drawing random numbers by `key`.
    pub(crate) fn run(
        &mut self,
        names: &[Name],
        fields: &[&Tensor],
        key: &Tensor,
    ) -> Result<Outputs<'_>> {
        self.expect(names);
        let mut args = [key; ARGUMENTS];
        let used = arguments(&mut args, fields, &[key]);
        self.compiled.run(&args[..used])
    }

    /// The first op of the pass on these fields whose result is not finite.
    pub(crate) fn first_bad_op(
        &mut self,
        names: &[Name],
        fields: &[&Tensor],
        key: &Tensor,
    ) -> Result<Option<String>> {
        self.expect(names);
        let mut args = [key; ARGUMENTS];
        let used = arguments(&mut args, fields, &[key]);
        crate::faults::first_bad_op(&mut self.compiled, &args[..used])
    }

    /// The pass is traced for fields of these names from now on.
    fn expect(&mut self, names: &[Name]) {
        if self.traced.lock().fields != names {
            self.traced.lock().fields = names.to_vec();
            self.compiled.retrace();
        }
    }
}
