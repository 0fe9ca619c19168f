//! Writes a network of the zoo as `model.onnx`, with an input and the output that Gradus gives for it, for check_zoo.py:
//!
//!     cargo run --release -p gradus-onnx --example export_zoo NAME FOLDER
//!
//! Without arguments it lists the names.

#[path = "../tests/it/shaken.rs"]
mod shaken;

use gradus_io::numpy::save_npy;
use gradus_io::onnx::write_model;
use gradus_models::{ZOO, find};
use gradus_nn::{Context, Init, Layer};
use gradus_onnx::{array_of, export};
use gradus_tensor::Tensor;
use shaken::shake;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [name, folder] = &args[..] else {
        ZOO.iter().for_each(|entry| println!("{}", entry.name));
        return Ok(());
    };
    let entry = find(name).ok_or_else(|| format!("the zoo has no `{name}`"))?;
    let net = (entry.build)(&entry.design(), &Init::new(1));
    shake(&net);
    let folder = Path::new(folder);
    write_model(&folder.join("model.onnx"), &export(&net, entry.input)?)?;
    for batch in [1usize, 3] {
        let shape = [&[batch], entry.input].concat();
        let x = Tensor::rand(&shape[..], batch as u64);
        let y = net.forward(&x, &Context::eval());
        save_npy(&folder.join(format!("input_{batch}.npy")), &array_of("input", &x)?)?;
        save_npy(&folder.join(format!("output_{batch}.npy")), &array_of("output", &y)?)?;
    }
    Ok(())
}
