//! Algorithms by name: a kernel that the planner would take for some shapes only, made to compute
//! the case's sample.

use crate::session::Session;
use crate::tolerance::compare;
use crate::{Array, Device};
use gradus_base::DType;

/// What an algorithm gives for the inputs of a case.
pub(crate) type Algorithm = dyn Fn(&[Array]) -> Vec<Array>;

/// An algorithm of f32 that is called directly.
pub(crate) struct Forced {
    pub(crate) name: String,
    pub(crate) tolerance: f64,
    pub(crate) run: Box<Algorithm>,
}

/// Compares each with the f64 oracle, or with the op in f64 where there is none.
pub(crate) fn verify(session: &Session<'_>) -> Result<(), String> {
    let case = session.case;
    // They run where they run, whatever the device.
    if session.device.name != Device::CPU.name {
        return Ok(());
    }
    let inputs: Vec<Array> = case.rounded(&case.sample(3), DType::F32);
    for forced in &case.forced {
        let want = match case.expected(&inputs) {
            Some(want) => want,
            None => session.evaluate(&inputs, DType::F64)?.into_iter().map(|y| y.0).collect(),
        };
        let got = (forced.run)(&inputs);
        let named = |e: String| format!("algorithm {}: {e}", forced.name);
        if got.len() != want.len() {
            return Err(named(format!("{} outputs, expected {}", got.len(), want.len())));
        }
        for (got, want) in got.iter().zip(&want) {
            compare(got, want, forced.tolerance).map_err(named)?;
        }
        session.met.borrow_mut().algorithms.insert(forced.name.clone());
    }
    Ok(())
}
