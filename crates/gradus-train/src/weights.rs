//! A model's state as arrays of a file, and back: what saving and loading a trained model needs.

use crate::Result;
use crate::callbacks::checkpoints::{array, tensor};
use gradus_io::NamedArray;
use gradus_io::checkpoint::{Checkpoint, Expected};
use gradus_nn::{Module, State, named_states};
use gradus_tensor::Variable;
use std::path::Path;

/// Writes every parameter and buffer of a model to a safetensors file, whole or not at all.
///
/// ```
/// use gradus_nn::{Context, Init, Layer, Sequential, layers::dense};
/// use gradus_tensor::Tensor;
/// use gradus_train::{load_weights, save_weights};
/// let model = |seed| Sequential::new([3], &Init::new(seed)).add(dense(2));
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("model.safetensors");
/// let (trained, fresh) = (model(1), model(2));
/// save_weights(&path, &trained)?;
/// load_weights(&path, &fresh)?;
/// let y = |m: &Sequential| m.forward(&Tensor::ones([1, 3]), &Context::eval()).to_vec::<f32>();
/// assert_eq!(y(&trained), y(&fresh));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the file cannot be written; an older file of that name is then intact.
#[doc(alias("state_dict", "save", "get_weights"))]
pub fn save_weights(path: &Path, model: &dyn Module) -> Result<()> {
    Ok(Checkpoint::new(weights(model)).save(path)?)
}

/// Reads a file of [`save_weights`] into a model of the same architecture.
///
/// # Errors
/// When the file cannot be read, is damaged, or belongs to another architecture; the model is then as before.
#[doc(alias("load_state_dict", "load"))]
pub fn load_weights(path: &Path, model: &dyn Module) -> Result<()> {
    set_weights(model, &Checkpoint::load(path)?)
}

/// Every parameter and buffer of a model, as an array of the same name.
#[doc(alias("state_dict", "get_weights"))]
pub fn weights(model: &dyn Module) -> Vec<NamedArray> {
    variables(model).iter().map(|(path, v)| array(path, v)).collect()
}

/// Sets every parameter and buffer of a model to the file's array of the same name.
///
/// # Errors
/// When the file belongs to another architecture; the model is then as before.
#[doc(alias = "load_state_dict")]
pub fn set_weights(model: &dyn Module, file: &Checkpoint) -> Result<()> {
    let variables = variables(model);
    let expected = |(name, v): &(String, Variable)| Expected {
        name: name.clone(),
        dtype: v.dtype(),
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
