//! The target of ONNX: the format is gradus-io's, the network that a model becomes gradus-onnx's.

use crate::readable;
use gradus_io::onnx::{Size, ValueInfo, model_bytes, parse_model, read_model};
use gradus_onnx::Network;
use gradus_tensor::{DType, Shape, Tensor};
use std::error::Error;
use std::fs;
use std::path::Path;

/// Elements that a value may have: what the bytes ask for costs little time and memory.
const LIMIT: usize = 1 << 12;

/// The value, or `None` after a look at the message.
fn accepted<T, E: Error>(result: Result<T, E>) -> Option<T> {
    result.inspect_err(|error| readable(error)).ok()
}

/// A model: what was read is written and read again unchanged; and it runs, or says why not.
pub(crate) fn onnx(bytes: &[u8]) -> bool {
    let Some(model) = accepted(parse_model(bytes)) else { return false };
    // Compared as bytes: a setting may be NaN. The bodies of a model's own functions are not kept.
    let written = model_bytes(&model);
    let again = parse_model(&written).expect("what was written is read");
    assert!(model_bytes(&again) == written, "written twice, it is not the same");
    let Some(network) = accepted(Network::new(model)) else { return false };
    runs(&network.limited_to(LIMIT))
}

/// Elements beside the model that the target `onnx_beside` reads, in `net.onnx.data`; all are the same.
pub const BESIDE: [f32; 512] = [0.5; 512];

/// A number that no model may get at: it lies outside its folder.
const SECRET: f32 = 1_234_567.0;

/// A model in a folder: what of it lies in other files is read from this folder, and never from outside it.
pub(crate) fn onnx_beside(bytes: &[u8]) -> bool {
    let outer = tempfile::tempdir().expect("a folder for temporary files");
    let folder = outer.path().join("model");
    let file = |path: &Path, numbers: &[f32]| {
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        fs::write(path, bytes).expect("a file");
    };
    fs::create_dir(&folder).expect("a folder");
    file(&outer.path().join("secret"), &[SECRET; 64]);
    file(&folder.join("net.onnx.data"), &BESIDE);
    #[cfg(unix)]
    std::os::unix::fs::symlink("../secret", folder.join("link")).expect("a link");
    fs::write(folder.join("net.onnx"), bytes).expect("a file");
    let Some(model) = accepted(read_model(&folder.join("net.onnx"))) else { return false };
    for array in &model.graph.initializers {
        let numbers = array.data.as_chunks::<4>().0;
        let own = bytes.windows(4).any(|w| w == SECRET.to_le_bytes());
        assert!(own || numbers.iter().all(|n| *n != SECRET.to_le_bytes()), "the secret is out");
    }
    true
}

/// Whether the network runs on inputs that are made up: every operator's kernels meet whatever settings the file has.
fn runs(network: &Network) -> bool {
    let inputs: Option<Vec<(&str, Tensor)>> =
        network.inputs().into_iter().map(|v| Some((&*v.name, input(v)?))).collect();
    let Some(outputs) = inputs.and_then(|inputs| accepted(network.run(&inputs))) else {
        return false;
    };
    for (_, y) in outputs {
        assert_eq!(y.to_vec::<f64>().len(), y.len());
    }
    true
}

/// Ones of the type and shape that the model says, 2 where a size is open; `None` where they would be too many.
fn input(value: &ValueInfo) -> Option<Tensor> {
    let sizes = match &value.shape {
        None => vec![2, 3, 4],
        Some(sizes) => sizes
            .iter()
            .map(|size| match size {
                Size::Is(n) => usize::try_from(*n).ok(),
                Size::Open(_) => Some(2),
            })
            .collect::<Option<Vec<_>>>()?,
    };
    let shape = Shape::try_new(&sizes).ok().filter(|shape| shape.len() <= LIMIT)?;
    let dtype = match value.element {
        7 => DType::I64,
        9 => DType::Bool,
        10 => DType::F16,
        11 => DType::F64,
        _ => DType::F32,
    };
    Some(Tensor::full_of(shape, 1.0, dtype))
}
