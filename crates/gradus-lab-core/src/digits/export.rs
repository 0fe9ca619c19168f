//! The network as a program of its own, in Rust.

use super::layers::{Layer, Plan};
use super::settings::Settings;
use super::trainer::{Method, Options};
use std::fmt::Write;

/// The program but for its layers and its optimiser.
const TEMPLATE: &str = include_str!("program.txt");

/// A program that builds the network and trains it on the middle 24 × 24 pixels of the embedded digits.
pub(super) fn rust(plan: &Plan, settings: &Settings) -> String {
    let mut layers = String::new();
    let mut flat = false;
    for layer in &plan.layers {
        let _ = match *layer {
            Layer::Input | Layer::Softmax => continue, // the loss has the softmax in it
            Layer::Conv { side, filters, stride, pad, bias } => {
                flat = false;
                let stride = if stride > 1 { format!(".stride({stride})") } else { String::new() };
                let pad = if pad > 0 { format!(".pad({pad})") } else { String::new() };
                let bias =
                    if bias != 0.0 { format!(".bias_init({bias:?})") } else { String::new() };
                writeln!(layers, "        .add(conv2d({filters}, {side}){stride}{pad}{bias})")
            }
            Layer::Pool { side, stride, pad } => {
                let pad = if pad > 0 { format!(".padding({pad})") } else { String::new() };
                writeln!(
                    layers,
                    "        .add(max_pool2d_with(gradus::Pool::new({side}).stride({stride}){pad}))"
                )
            }
            Layer::Dense { units, .. } => {
                let before = if flat { "" } else { "        .add(flatten())\n" };
                flat = true;
                writeln!(layers, "{before}        .add(dense({units}))")
            }
            Layer::Relu => writeln!(layers, "        .add(relu())"),
            Layer::Sigmoid => writeln!(layers, "        .add(sigmoid())"),
            Layer::Tanh => writeln!(layers, "        .add(tanh())"),
        };
    }
    let layers = layers.trim_end();
    let (batch, seed) = (settings.options.batch, settings.seed);
    let (name, optimizer) = optimizer(&settings.options);
    let said = [
        ("OPTIMIZER_NAME", name.to_owned()),
        ("OPTIMIZER", optimizer),
        ("LAYERS", layers.to_owned()),
        ("BATCH", batch.to_string()),
        ("SEED", seed.to_string()),
    ];
    said.iter().fold(TEMPLATE.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// The optimiser's name, and the optimiser.
fn optimizer(options: &Options) -> (&'static str, String) {
    let Options { method, rate, momentum, batch, decay } = *options;
    let (name, made) = match method {
        Method::Sgd => ("Sgd", format!("Sgd::new({rate:?}).momentum({momentum:?})")),
        Method::Nesterov => {
            ("Sgd", format!("Sgd::new({rate:?}).momentum({momentum:?}).nesterov()"))
        }
        Method::Adam => ("Adam", format!("Adam::new({rate:?})")),
        Method::Adagrad => ("Adagrad", format!("Adagrad::new({rate:?}).epsilon(1e-6)")),
        Method::Adadelta => ("Adadelta", "Adadelta::new(1.0).rho(0.95).epsilon(1e-6)".into()),
        Method::Windowgrad => {
            ("RmsProp", format!("RmsProp::new({rate:?}).alpha(0.95).epsilon(1e-3)"))
        }
    };
    // As it is written, not as it is held: 0.001, not 0.0010000000475.
    let written: f64 = decay.to_string().parse().unwrap_or(0.0);
    let per_picture = written / f64::from(batch);
    (name, format!("{made}.weight_decay({:?})", per_picture))
}
