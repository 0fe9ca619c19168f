//! A model's state as arrays of a file, and back: what saving and loading a trained model needs.

use crate::Result;
use crate::callbacks::checkpoints::{array, element_type, tensor};
use gradus_io::NamedArray;
use gradus_io::checkpoint::{Checkpoint, Expected};
use gradus_nn::{Module, State, named_states};
use gradus_tensor::Variable;

/// Every parameter and buffer of a model, as an array of the same name.
pub fn weights(model: &dyn Module) -> Vec<NamedArray> {
    variables(model).iter().map(|(path, v)| array(path, v)).collect()
}

/// Sets every parameter and buffer of a model to the file's array of the same name.
///
/// # Errors
/// When the file belongs to another architecture; the model is then as before.
pub fn set_weights(model: &dyn Module, file: &Checkpoint) -> Result<()> {
    let variables = variables(model);
    let expected = |(name, v): &(String, Variable)| Expected {
        name: name.clone(),
        dtype: element_type(v.dtype()),
        shape: v.shape().to_vec(),
    };
    file.expect(&variables.iter().map(expected).collect::<Vec<_>>())?;
    for (name, variable) in &variables {
        let array = file.array(name).expect("checked against what is expected");
        variable.set(&tensor(array, variable))?;
    }
    Ok(())
}

fn variables(model: &dyn Module) -> Vec<(String, Variable)> {
    let leaf = |(path, state): (String, State<'_>)| match state {
        State::Parameter(p) => (path, p.variable().clone()),
        State::Buffer(v) => (path, v.clone()),
        State::Child(_) => unreachable!("children are walked"),
    };
    named_states(model).into_iter().map(leaf).collect()
}
