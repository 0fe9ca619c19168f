//! Values: hand-computed examples, and samples of every element type against the f64 oracle.

use crate::Array;
use crate::input::Input;
use crate::session::Session;
use crate::tolerance::{self, compare};
use gradus_base::{DType, Shape};
use gradus_graph::{Meta, constant, gradients};

/// Long enough for several tiles and a tail.
const LONG: usize = 1031;

pub(crate) fn verify(session: &Session<'_>) -> Result<(), String> {
    let case = session.case;
    if case.oracle.is_none() && case.examples.is_empty() {
        return Err("neither an oracle nor an example says what is right".into());
    }
    examples(session)?;
    slopes(session)?;
    let mut samples = vec![case.sample(0)];
    if case.any_shape() {
        let long = Shape::from(LONG);
        let one = |(i, input): (usize, &Input)| input.sample(long, 1, i as u32);
        samples.push(case.inputs.iter().enumerate().map(one).collect());
    }
    for inputs in &samples {
        for &dtype in case.dtypes_under_test() {
            sample(session, inputs, dtype).map_err(|e| format!("values in {dtype}: {e}"))?;
        }
    }
    Ok(())
}

fn sample(session: &Session<'_>, inputs: &[Array], dtype: DType) -> Result<(), String> {
    let inputs = session.case.rounded(inputs, dtype);
    let got = session.evaluate(&inputs, dtype)?;
    let want = match session.case.expected(&inputs) {
        Some(want) => want,
        None => session.evaluate(&inputs, DType::F64)?.into_iter().map(|y| y.0).collect(),
    };
    session.compare(&got, &want).map_err(|e| format!("{e}{}", shown(&inputs)))
}

fn examples(session: &Session<'_>) -> Result<(), String> {
    for example in &session.case.examples {
        for dtype in [DType::F64, DType::F32] {
            let (got, _) = session.evaluate(&example.inputs, dtype)?.remove(0);
            compare(&got, &example.output, tolerance::EXAMPLE)
                .map_err(|e| format!("example in {dtype}: {e}{}", shown(&example.inputs)))?;
        }
    }
    Ok(())
}

fn slopes(session: &Session<'_>) -> Result<(), String> {
    let case = session.case;
    for slope in &case.slopes {
        let x = case.nodes(&slope.inputs, DType::F64);
        let y = (case.op)(&x).swap_remove(0);
        let dy = constant(1.0, Meta::new(y.shape(), y.dtype()));
        let found = gradients(&y, &dy, &x[..1]).map_err(|e| e.to_string())?.remove(0);
        let dx = found.ok_or("no gradient reaches the first input")?;
        let got = session.read(&[dx])?.remove(0);
        compare(&got, &slope.output, tolerance::EXAMPLE)
            .map_err(|e| format!("gradient at given points: {e}{}", shown(&slope.inputs)))?;
    }
    Ok(())
}

/// The inputs, if they are few enough to read.
fn shown(inputs: &[Array]) -> String {
    if inputs.iter().any(|x| x.values.len() > 24) {
        return String::new();
    }
    let one = |(i, x): (usize, &Array)| format!("\n  x{i} {} = {:?}", x.shape, x.values);
    inputs.iter().enumerate().map(one).collect()
}
