//! Files of Keras: layers in the model's order, whatever their names sort like; lists that contradict the file; broken ones.

use flate2::read::GzDecoder;
use gradus_io::keras::{self, Model, Order, Padding};
use gradus_io::weights::{self, Format};
use proptest::prelude::*;
use std::io::Read;
use std::path::Path;

const FILES: [&str; 4] = ["chain.keras", "chain.weights.h5", "chain.h5", "chain.old.h5"];

fn bytes(name: &str) -> Vec<u8> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../gradus-models/tests/fixtures/keras");
    let packed = std::fs::read(folder.join(format!("{name}.gz"))).unwrap();
    let mut bytes = vec![];
    GzDecoder::new(&*packed).read_to_end(&mut bytes).unwrap();
    bytes
}

fn names(model: &Model) -> Vec<&str> {
    model.layers.iter().map(|layer| layer.name.as_str()).collect()
}

/// The layers of the small model with weights, as it was made.
fn chain() -> Vec<String> {
    let numbered = |name: &str, i: usize| match i {
        0 => name.to_owned(),
        i => format!("{name}_{i}"),
    };
    let mut layers = vec![];
    for i in 0..11 {
        layers.push(numbered("conv2d", i));
        if i == 0 || i == 7 {
            layers.push(numbered("batch_normalization", i.min(1)));
        }
    }
    layers.extend(["depthwise_conv2d", "batch_normalization_2", "dense"].map(str::to_owned));
    layers
}

#[test]
fn layers_come_in_the_models_order() {
    let [archive, store, whole, old] = FILES.map(|name| keras::parse(&bytes(name)).unwrap());
    for model in [&archive, &whole, &old] {
        assert_eq!(
            (model.order, names(model)),
            (Order::Model, chain().iter().map(|n| &**n).collect())
        );
        assert!(model.unlisted.is_empty(), "{:?}", model.unlisted);
    }
    // What `.weights.h5` tells: each kind in its order, ten after nine.
    assert_eq!((store.order, store.connected), (Order::Kind, false));
    let convs: Vec<&str> = names(&store).into_iter().filter(|n| n.starts_with("conv2d")).collect();
    assert_eq!((convs[2], convs[9], convs[10]), ("conv2d_2", "conv2d_9", "conv2d_10"));
    // All agree on the numbers.
    let kernel = |model: &Model| {
        let layer = model.layers.iter().find(|layer| layer.name == "conv2d_10").unwrap();
        layer.parts[0].data.clone()
    };
    assert!([&store, &whole, &old].iter().all(|model| kernel(model) == kernel(&archive)));
}

#[test]
fn descriptions_connect_layers_and_tell_settings() {
    for name in ["branches.keras", "branches.h5"] {
        let model = keras::parse(&bytes(name)).unwrap();
        assert!(model.connected, "{name}");
        let place = |name: &str| names(&model).iter().position(|n| *n == name).unwrap();
        let dense = &model.layers[place("dense")];
        let norms = dense.inputs.iter().map(|&i| names(&model)[i]);
        assert!(
            norms.eq(["batch_normalization_2", "batch_normalization_4"]),
            "{:?}",
            names(&model)
        );
        // In the model inside: padded by a layer of its own.
        let inner = model.layers.iter().find(|layer| layer.settings.strides == Some([2, 2]));
        let settings = &inner.unwrap().settings;
        assert_eq!(settings.padding, Some(Padding::Exact([(0, 1); 2])));
        assert!(model.layers.iter().any(|layer| layer.settings.epsilon == Some(0.01)));
    }
}

#[test]
fn archives_are_told_apart() {
    let file = bytes("chain.keras");
    assert_eq!(Format::of(&file).unwrap(), Format::Keras);
    let (_, arrays) = weights::parse(&file).unwrap();
    assert_eq!(arrays[0].name, "conv2d/0");
    let error = keras::parse(b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0").unwrap_err();
    let expected = "a zip archive, but not Keras's: it has no member config.json";
    assert_eq!(error.to_string(), expected);
}

/// Each place of `from` in the file changed to `to`, alone; what reading says.
fn changed(file: &[u8], from: &[u8], to: &[u8]) -> Vec<String> {
    let places = (0..file.len() - from.len()).filter(|&at| file[at..].starts_with(from));
    let read = |at: usize| {
        let mut file = file.to_vec();
        file[at..at + to.len()].copy_from_slice(to);
        keras::parse(&file).map_or_else(|e| e.to_string(), |model| model.unlisted.join(" "))
    };
    places.map(read).collect()
}

#[test]
fn lists_that_contradict_the_file_are_refused() {
    let said = changed(&bytes("chain.old.h5"), b"conv2d_3", b"conv2d_x");
    let missing = "layer_names lists the layer `conv2d_x`, which has no group in the file";
    assert!(said.iter().any(|text| text == missing), "{said:?}");
    let missing = "layer_names lists the layer `conv2d_3`, which has no group in the file";
    assert!(said.iter().any(|text| text == missing), "{said:?}");
    let said = changed(&bytes("chain.old.h5"), b"conv2d_3", b"conv2d_4");
    let twice = "layer_names lists the layer `conv2d_4` twice";
    assert!(said.iter().any(|text| text == twice), "{said:?}");
    let said = changed(&bytes("chain.old.h5"), b"dense/bias\0", b"dense/bios\0");
    let missing =
        "weight_names of the layer `dense` lists `dense/bios`, which is no array of its group";
    assert!(said.iter().any(|text| text == missing), "{said:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn changed_bytes_are_read_or_refused(
        file in 0..FILES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let mut file = bytes(FILES[file]);
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        let _ = keras::parse(&file);
    }
}
