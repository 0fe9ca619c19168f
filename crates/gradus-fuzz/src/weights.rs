//! Targets of gradus-io's readers of other programs' weights: pickles, PyTorch, HDF5, Keras, Caffe.

use crate::readable;
use gradus_io::caffe::{Message, Value, parse_caffemodel, write_caffemodel};
use gradus_io::{NamedArray, Result, hdf5 as h5, keras as k, pickle as pickles, pytorch as torch};

/// Whether arrays came out, each of which fits its shape; and a look at the message where none did.
fn arrays(read: Result<Vec<NamedArray>>) -> bool {
    let Ok(arrays) = read.inspect_err(|error| readable(error)) else { return false };
    arrays.iter().for_each(|array| array.check().expect("it fits its shape"));
    true
}

/// A pickle of NumPy arrays.
pub(crate) fn pickle(bytes: &[u8]) -> bool {
    arrays(pickles::parse(bytes))
}

/// A file of PyTorch, either format.
pub(crate) fn pytorch(bytes: &[u8]) -> bool {
    arrays(torch::parse(bytes))
}

/// An HDF5 file.
pub(crate) fn hdf5(bytes: &[u8]) -> bool {
    arrays(h5::parse(bytes))
}

/// A file of Keras's: layers that have arrays, and take what other layers give.
pub(crate) fn keras(bytes: &[u8]) -> bool {
    let read = k::parse(bytes);
    if let Ok(model) = &read {
        let count = model.layers.len();
        let inputs = model.layers.iter().flat_map(|layer| &layer.inputs);
        assert!(inputs.into_iter().all(|&input| input < count), "an input that is no layer");
        assert!(model.layers.iter().all(|layer| !layer.parts.is_empty()), "a layer of nothing");
    }
    arrays(read.map(k::Model::into_arrays))
}

/// A model of Caffe; what was read is written and read again unchanged.
pub(crate) fn caffemodel(bytes: &[u8]) -> bool {
    let read = parse_caffemodel(bytes);
    if let Ok(blobs) = &read {
        // A layer for each blob: the names of layers may come twice in a file that nobody checks.
        let layers: Vec<_> = blobs
            .iter()
            .map(|blob| (blob.name.as_str(), "InnerProduct", vec![blob.clone()]))
            .collect();
        if !layers.is_empty() {
            let written = write_caffemodel("net", &layers).expect("what was read can be written");
            let again = parse_caffemodel(&written).expect("what was written is read");
            let same = |(a, b): (&NamedArray, &NamedArray)| a.shape == b.shape && a.data == b.data;
            assert!(again.len() == blobs.len() && again.iter().zip(blobs).all(same));
        }
    }
    arrays(read)
}

/// A network of Caffe, as text.
pub(crate) fn prototxt(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let parsed = Message::parse(text).inspect_err(|error| readable(error));
    parsed.inspect(ask).is_ok()
}

/// Asks each field for everything it could be.
fn ask(message: &Message) {
    for field in &message.fields {
        let answers = [
            field.number::<usize>().err(),
            field.number::<f64>().err(),
            field.text().err(),
            field.message().err(),
        ];
        answers.iter().flatten().for_each(|error| readable(error));
        if let Value::Message(inner) = &field.value {
            ask(inner);
        }
    }
}
