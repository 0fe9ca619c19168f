//! Networks of keras.applications with random weights and statistics give what they gave there, read from each format.
//!
//! Runs where `GRADUS_KERAS` names a folder that `keras_networks.py` filled.

use super::{set, tensor};
use gradus_io::keras;
use gradus_io::numpy::{Limits, read_npz};
use gradus_models::find;
use gradus_models::import::import_keras;
use gradus_nn::{Context, Init, Layer};
use std::path::PathBuf;

#[test]
fn networks_of_keras_give_what_they_gave_there() {
    let Some(folder) = std::env::var_os("GRADUS_KERAS").map(PathBuf::from) else {
        eprintln!("SKIPPED: set GRADUS_KERAS to a folder of tests/real/keras_networks.py");
        return;
    };
    let cases = std::fs::read_to_string(folder.join("cases.txt")).unwrap();
    for line in cases.lines() {
        let [file, zoo, width, golden] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let entry = find(zoo).unwrap();
        let design = entry.design().width(width.parse().unwrap());
        let model = (entry.build)(&design, &Init::blank());
        let weights = keras::read(&folder.join(file)).unwrap();
        let found = import_keras(&model, weights, None, false);
        let found = found.unwrap_or_else(|e| panic!("{file}: {e}"));
        set(&model, &found.weights.arrays);
        let golden = read_npz(&folder.join(golden), Limits::default()).unwrap();
        let [x, y] = ["x", "y"].map(|name| golden.iter().find(|a| a.name == name).unwrap());
        let ours = model.forward(&tensor(x), &Context::eval()).to_vec::<f32>();
        let theirs = y.to_f32().unwrap();
        let largest = theirs.iter().fold(0f32, |largest, v| largest.max(v.abs()));
        let pairs = ours.iter().zip(&theirs);
        let difference = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest;
        println!("{file}: {difference:.1e} of the largest ({largest:.3}), {:?}", found.matched);
        assert!(ours.len() == theirs.len() && difference < 1e-4, "{file}: {difference}");
    }
}
