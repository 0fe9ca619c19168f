//! A scan on the reference device: the cell, once for each step.

use super::Scanned;
use gradus_reference::{Array, Values};

/// What is carried in the end, what is given at all steps, and what was carried into each.
pub(super) fn scan(scanned: &Scanned, inputs: &[Array]) -> Result<Vec<Array>, String> {
    let (mut carried, rest) = (inputs[..scanned.carried].to_vec(), &inputs[scanned.carried..]);
    let (sequences, captured) = rest.split_at(scanned.sequences);
    let made = scanned.body.outputs();
    let (carries, given) = made.split_at(scanned.carried);
    let mut rows: Vec<Array> = vec![];
    for meta in given.iter().chain(carries) {
        let shape = meta.shape.inserted(0, scanned.steps);
        rows.push(match meta.dtype.is_float() {
            true => Array::new(shape, vec![0.0; shape.len()]),
            false => Array::integers_of(shape, vec![0; shape.len()]),
        });
    }
    for step in (0..scanned.steps).map(|n| scanned.step(n)) {
        let mut inputs = carried.clone();
        inputs.extend(sequences.iter().map(|x| row(x, step)));
        inputs.extend_from_slice(captured);
        let mut made = scanned.body.plain(&inputs).map_err(|e| format!("at step {step}: {e}"))?;
        let given = made.split_off(scanned.carried);
        for (rows, value) in rows.iter_mut().zip(given.iter().chain(&carried)) {
            put(rows, step, value);
        }
        carried = made;
    }
    carried.extend(rows);
    Ok(carried)
}

/// One step of a sequence.
fn row(x: &Array, step: usize) -> Array {
    let shape = x.shape.without(0);
    let at = step * shape.len()..(step + 1) * shape.len();
    let values = match &x.values {
        Values::Real(v) => Values::Real(v[at].to_vec()),
        Values::Integer(v) => Values::Integer(v[at].to_vec()),
    };
    Array { shape, values }
}

fn put(rows: &mut Array, step: usize, value: &Array) {
    let at = step * value.len()..(step + 1) * value.len();
    match (&mut rows.values, &value.values) {
        (Values::Real(to), Values::Real(v)) => to[at].copy_from_slice(v),
        (Values::Integer(to), Values::Integer(v)) => to[at].copy_from_slice(v),
        _ => unreachable!("a value has the type that it was traced with"),
    }
}
