//! Values: hand-computed examples, and samples of every element type against the f64 oracle.

use crate::tolerance::{self, compare};
use crate::{Array, Case};
use gradus_base::{DType, Shape};
use gradus_graph::{Meta, constant, gradients};

/// Long enough for several tiles and a tail.
const LONG: usize = 1031;

pub(crate) fn verify(case: &Case) -> Result<(), String> {
    if case.oracle.is_none() && case.examples.is_empty() {
        return Err("neither an oracle nor an example says what is right".into());
    }
    examples(case)?;
    slopes(case)?;
    let mut samples = vec![case.sample(0)];
    if case.any_shape() {
        let long = Shape::from(LONG);
        let one = |(i, input): (usize, &crate::case::Input)| input.sample(long, 1, i as u32);
        samples.push(case.inputs.iter().enumerate().map(one).collect());
    }
    for inputs in &samples {
        for &dtype in case.dtypes_under_test() {
            sample(case, inputs, dtype).map_err(|e| format!("values in {dtype}: {e}"))?;
        }
    }
    Ok(())
}

/// The op's value for dense inputs, with the element type it came in.
pub(crate) fn evaluate(
    case: &Case,
    inputs: &[Array],
    dtype: DType,
) -> Result<(Array, DType), String> {
    let y = (case.op)(&case.nodes(inputs, dtype));
    Ok((Array::read(std::slice::from_ref(&y))?.remove(0), y.dtype()))
}

fn sample(case: &Case, inputs: &[Array], dtype: DType) -> Result<(), String> {
    let exact = |(x, input): (&Array, &crate::case::Input)| x.rounded(input.dtype.unwrap_or(dtype));
    let inputs: Vec<Array> = inputs.iter().zip(&case.inputs).map(exact).collect();
    let (got, out) = evaluate(case, &inputs, dtype)?;
    let want = match case.expected(&inputs) {
        Some(want) => want,
        None => evaluate(case, &inputs, DType::F64)?.0,
    };
    compare(&got, &want, case.accepts(out)).map_err(|e| format!("{e}{}", shown(&inputs)))
}

fn examples(case: &Case) -> Result<(), String> {
    for example in &case.examples {
        for dtype in [DType::F64, DType::F32] {
            let (got, _) = evaluate(case, &example.inputs, dtype)?;
            compare(&got, &example.output, tolerance::EXAMPLE)
                .map_err(|e| format!("example in {dtype}: {e}{}", shown(&example.inputs)))?;
        }
    }
    Ok(())
}

fn slopes(case: &Case) -> Result<(), String> {
    for slope in &case.slopes {
        let x = case.nodes(&slope.inputs, DType::F64);
        let y = (case.op)(&x);
        let dy = constant(1.0, Meta::new(y.shape(), y.dtype()));
        let found = gradients(&y, &dy, &x[..1]).map_err(|e| e.to_string())?.remove(0);
        let dx = found.ok_or("no gradient reaches the first input")?;
        let got = Array::read(&[dx])?.remove(0);
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
