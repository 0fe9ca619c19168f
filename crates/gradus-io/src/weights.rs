//! Any file of weights: its format is told from its first bytes, not from its name.

use crate::onnx::{self, Model};
use crate::{
    Budget, Error, NamedArray, Result, checkpoint, hdf5, keras, numpy, pickle, pytorch, safetensors,
};
use std::collections::HashSet;
use std::path::Path;

/// A format that weights come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// safetensors of another program.
    Safetensors,
    /// A model or checkpoint of Gradus, whose checksum is right.
    Gradus,
    /// PyTorch's `.pth` and `.pt`.
    PyTorch,
    /// NumPy's `.npz`.
    Npz,
    /// A pickle of NumPy arrays.
    Pickle,
    /// HDF5, as Keras writes it.
    Hdf5,
    /// The weights of an ONNX model, turned as PyTorch has them: `[outputs, inputs]`.
    Onnx,
    /// Keras's `.keras`.
    Keras,
}

impl Format {
    /// The format of a file that holds `bytes`. Whether safetensors are a model of Gradus shows when they are parsed.
    ///
    /// # Errors
    /// When it is none of them; the message lists them.
    ///
    /// ```
    /// use gradus_io::weights::Format;
    /// assert_eq!(Format::of(b"\x80\x02}.").unwrap(), Format::Pickle);
    /// assert!(Format::of(b"hello").is_err());
    /// ```
    pub fn of(bytes: &[u8]) -> Result<Format> {
        let zip = bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06");
        if hdf5::is_hdf5(bytes) {
            Ok(Format::Hdf5)
        } else if zip && numpy::is_npz(bytes)? {
            Ok(Format::Npz)
        } else if zip && keras::is_keras(bytes)? {
            Ok(Format::Keras)
        } else if zip || pytorch::is_legacy(bytes) {
            Ok(Format::PyTorch)
        } else if bytes.first() == Some(&0x80) && bytes.get(1).is_some_and(|v| (2..=5).contains(v))
        {
            Ok(Format::Pickle)
        } else if bytes.get(8) == Some(&b'{') {
            Ok(Format::Safetensors)
        } else if bytes.first() == Some(&0x08) {
            // A model's first field, the version of its format.
            Ok(Format::Onnx)
        } else {
            Err(Error::format(
                "not a file of weights that is known: safetensors, PyTorch's .pth, .npz, HDF5, .keras, ONNX \
                 and pickles of NumPy arrays are read",
            ))
        }
    }

    /// The name users know it by.
    pub fn name(self) -> &'static str {
        match self {
            Format::Safetensors => "safetensors",
            Format::Gradus => "Gradus",
            Format::PyTorch => "PyTorch",
            Format::Npz => "npz",
            Format::Pickle => "pickle of NumPy arrays",
            Format::Hdf5 => "HDF5",
            Format::Onnx => "ONNX",
            Format::Keras => "Keras",
        }
    }
}

/// Reads a file of any of the formats.
///
/// # Errors
/// When the file cannot be read or is not what its first bytes promise.
pub fn read(path: &Path) -> Result<(Format, Vec<NamedArray>)> {
    read_within(path, &Budget::default())
}

/// [`read`] of a file that may unpack to so many bytes.
///
/// # Errors
/// As [`read`]; and when it unpacks to more.
pub fn read_within(path: &Path, budget: &Budget) -> Result<(Format, Vec<NamedArray>)> {
    let bytes = crate::read_file(path)?;
    if Format::of(&bytes).ok() == Some(Format::Onnx) {
        // Its weights may lie beside it.
        drop(bytes);
        return Ok((Format::Onnx, as_pytorch(of_onnx(onnx::read_model(path)?))));
    }
    parse_within(&bytes, budget).map_err(|error| error.in_file(path))
}

/// Parses a file in memory. A model of Gradus obeys its checksum here as everywhere: if it is damaged it is an error, and
/// never taken for another program's file. The weights of an ONNX model must lie in it.
pub fn parse(bytes: &[u8]) -> Result<(Format, Vec<NamedArray>)> {
    parse_within(bytes, &Budget::default())
}

/// [`parse`] of a file that may unpack to so many bytes.
///
/// # Errors
/// As [`parse`]; and when it unpacks to more.
pub fn parse_within(bytes: &[u8], budget: &Budget) -> Result<(Format, Vec<NamedArray>)> {
    let format = Format::of(bytes)?;
    let arrays = match format {
        Format::Safetensors | Format::Gradus => {
            let contents = safetensors::parse(bytes)?;
            if checkpoint::has_signs(&contents.metadata) {
                return Ok((Format::Gradus, checkpoint::from_contents(contents)?.arrays));
            }
            contents.arrays
        }
        Format::PyTorch => pytorch::parse_within(bytes, budget)?,
        Format::Npz => numpy::parse_npz(bytes, *budget)?,
        Format::Pickle => pickle::parse(bytes)?,
        Format::Hdf5 => hdf5::parse_within(bytes, budget)?,
        Format::Onnx => as_pytorch(of_onnx(onnx::parse_model(bytes)?)),
        Format::Keras => keras::parse_within(bytes, budget)?.into_arrays(),
    };
    Ok((format, arrays))
}

/// The floats among a model's arrays, as they lie in it, and the names of those that inputs are multiplied with as they stand: these
/// are `[inputs, outputs]`, all other matrices `[outputs, inputs]`, as PyTorch has them.
pub fn of_onnx(model: Model) -> (Vec<NamedArray>, HashSet<String>) {
    let as_it_stands = |node: &&onnx::Node| match &*node.op {
        "MatMul" => true,
        "Gemm" => !node.attributes.iter().any(|a| {
            a.name == "transB" && matches!(a.value, onnx::AttributeValue::Int(n) if n != 0)
        }),
        _ => false,
    };
    let nodes = model.graph.nodes.iter().filter(as_it_stands);
    let inputs_first: HashSet<String> = nodes.filter_map(|n| n.inputs.get(1).cloned()).collect();
    use crate::DType::{BF16, F16, F32, F64};
    let is_float = |a: &NamedArray| matches!(a.dtype, F32 | F64 | F16 | BF16);
    (model.graph.initializers.into_iter().filter(is_float).collect(), inputs_first)
}

/// The same, all matrices `[outputs, inputs]`, so that it does not matter which program wrote the model.
fn as_pytorch((arrays, inputs_first): (Vec<NamedArray>, HashSet<String>)) -> Vec<NamedArray> {
    arrays
        .into_iter()
        .map(|array| match (inputs_first.contains(&array.name), &*array.shape) {
            (true, &[rows, columns]) => transposed(array, rows, columns),
            _ => array,
        })
        .collect()
}

/// A matrix, turned.
fn transposed(array: NamedArray, rows: usize, columns: usize) -> NamedArray {
    let size = array.dtype.size();
    let mut data = Vec::with_capacity(array.data.len());
    for column in 0..columns {
        for row in 0..rows {
            let at = (row * columns + column) * size;
            data.extend_from_slice(&array.data[at..at + size]);
        }
    }
    NamedArray { shape: vec![columns, rows], data, ..array }
}

/// Gemm says whether its matrix is turned, MatMul's never is.
#[test]
fn matrices_of_onnx_models_are_turned_as_pytorch_has_them() {
    let node = |op: &str, weight: &str, attributes| onnx::Node {
        op: op.into(),
        inputs: vec!["x".into(), weight.into()],
        attributes,
        ..onnx::Node::default()
    };
    let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let matrix = |name: &str| NamedArray::from_f32(name, [2, 3], &values).unwrap();
    let turned = vec![onnx::Attribute::int("transB", 1)];
    let graph = onnx::Graph {
        nodes: vec![
            node("Gemm", "a", turned),
            node("Gemm", "b", vec![]),
            node("MatMul", "c", vec![]),
        ],
        initializers: vec![matrix("a"), matrix("b"), matrix("c"), matrix("d")],
        ..onnx::Graph::default()
    };
    let bytes = onnx::model_bytes(&Model { ir_version: 8, graph, ..Model::default() });
    let (format, arrays) = parse(&bytes).unwrap();
    assert_eq!(format, Format::Onnx);
    for array in arrays {
        let as_it_stood = matches!(&*array.name, "b" | "c");
        let want = if as_it_stood { [1.0, 4.0, 2.0, 5.0, 3.0, 6.0] } else { values };
        assert_eq!(array.to_f32().unwrap(), want, "{}", array.name);
        assert_eq!(array.shape, if as_it_stood { [3, 2] } else { [2, 3] }, "{}", array.name);
    }
}
