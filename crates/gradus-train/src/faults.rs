//! What is wrong with a step, in words: the batch it is about, the op that gave no number.

use crate::TrainError;
use crate::batch::Fields;
use crate::objective::Trace;
use gradus_base::{DType, Error, Kind, Place, Result};
use gradus_nn::Parameter;
use gradus_tensor::{Compiled, Tensor};

/// How the names of this library's source files begin.
const OWN: &str = file!().split_at(file!().len() - "faults.rs".len()).0;

/// Whether a line is one of this library, which is no user's.
fn is_own(at: &Place) -> bool {
    // Losses with names are called from the library beside this one.
    let losses =
        || OWN.rsplit_once("gradus-train").map(|(path, rest)| format!("{path}gradus-nn{rest}"));
    at.file().starts_with(OWN) || losses().is_some_and(|losses| at.file().starts_with(&losses))
}

/// Errors that name no line, told at the line that calls the library.
pub(crate) trait Told {
    /// The same; where it is an error without a line, with that of the caller.
    #[track_caller]
    fn told(self) -> Self;
}

impl<T> Told for Result<T> {
    #[track_caller]
    fn told(self) -> Self {
        match self {
            Err(error) => Err(told_at(error, Place::here())),
            ok => ok,
        }
    }
}

impl<T> Told for crate::Result<T> {
    #[track_caller]
    fn told(self) -> Self {
        match self {
            Err(TrainError::Engine(error)) => Err(told_at(error, Place::here()).into()),
            other => other,
        }
    }
}

fn told_at(error: Error, at: Place) -> Error {
    if is_own(&at) { error } else { error.at(at) }
}

/// The error with the batch that it is about, where shapes or element types do not fit.
pub(crate) fn in_batch(
    mut error: Error,
    fields: &Fields<'_>,
    parameters: &[(String, Parameter)],
) -> Error {
    // What this library calls for its user has no line of the user's yet.
    error.at = error.at.filter(|at| !is_own(at));
    let own = parameters.first().map(|(_, p)| p.variable().dtype());
    let other = own.filter(|dtype| fields.find("x").is_some_and(|x| x.dtype() != *dtype));
    let told = || fields.told(" and ");
    let labels = error.what.contains("labels");
    let narrow = fields.find("t").is_some_and(|t| labels && t.dtype() == DType::I32);
    let hint = if narrow { "\n  make the field t i64, as labels are" } else { "" };
    match error.kind {
        Kind::Shape => error.what += &format!("\n  in a batch of {}{hint}", told()),
        Kind::DType => {
            let own = other.map_or(String::new(), |d| format!("; the model's parameters are {d}"));
            error.what += &format!("\n  in a batch of {}{own}{hint}", told());
        }
        _ => {}
    }
    error
}

/// The first op of a step on these arguments whose result is not finite: its name, layer and line.
pub(crate) fn first_bad_op(step: &mut Compiled<Trace>, args: &[&Tensor]) -> Result<Option<String>> {
    let metas: Vec<_> = args.iter().map(|t| t.node().meta()).collect();
    let program = step.program(&metas)?;
    for t in args {
        t.try_read()?;
    }
    let buffers: Vec<_> = args.iter().filter_map(|t| t.node().value().map(|b| &**b)).collect();
    let (_, first) = program.run_checked(&buffers)?;
    Ok(first.map(|i| &program.plan().steps()[i]).map(|step| {
        let layer = step.scope.as_deref().map_or(String::new(), |s| format!(" in layer {s}"));
        let file = step.at.file();
        match file.starts_with(OWN) || step.at.is_rusts_own() {
            true => format!("{}{layer}", step.name),
            false => format!("{}{layer}, built at {}", step.name, step.at),
        }
    }))
}
