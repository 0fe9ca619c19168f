//! A program that trains the same network with gradus: the same points in the same batches from the same first weights.

use super::File;
use crate::playground::network::Output;
use crate::playground::run::Run;
use crate::playground::settings::{
    Activation, FEATURES, Optimizer, Regularization, Schedule, Settings,
};
use std::fmt::Write;

/// How many epochs are trained where the run has none yet.
const EPOCHS: u32 = 100;

/// Writing to a `String` does not fail.
macro_rules! line {
    ($to:expr, $($arguments:tt)*) => {
        writeln!($to, $($arguments)*).expect("a line")
    };
}

pub(super) fn of(run: &Run) -> Result<File, String> {
    let settings = &run.settings;
    if settings.regularization == Regularization::L1 {
        return Err("links that die under L1 are the Playground's own: choose L2 or none".into());
    }
    if run.samples.train == 0 {
        return Err("there are no points to learn from".into());
    }
    let mut text = String::new();
    head(&mut text, run);
    data(&mut text, run);
    weights(&mut text, run);
    parts(&mut text, run);
    main(&mut text, run);
    let mut remarks = vec!["[dependencies] gradus, on a path or from its repository".to_owned()];
    if !run.timeline.is_reproducible(run.epoch) {
        remarks.push(
            "what was edited on the way is not in it: it trains with the settings of now from the first weights".into(),
        );
    }
    Ok(File { name: "playground.rs", bytes: text.into_bytes(), remarks })
}

/// The optimiser's name in Rust, and the expression that makes it.
fn optimizer(settings: &Settings) -> (&'static str, String) {
    let l2 = match settings.regularization {
        Regularization::L2 => settings.regularization_rate,
        _ => 0.0,
    };
    let decay = match settings.optimizer {
        Optimizer::AdamW => settings.weight_decay + l2,
        _ => l2,
    };
    let (name, more) = match settings.optimizer {
        Optimizer::Sgd => ("Sgd", String::new()),
        Optimizer::Momentum => ("Sgd", format!(".momentum({:?})", settings.momentum)),
        Optimizer::Nesterov => ("Sgd", format!(".momentum({:?}).nesterov()", settings.momentum)),
        Optimizer::Adagrad => ("Adagrad", String::new()),
        Optimizer::Adadelta => ("Adadelta", String::new()),
        Optimizer::RmsProp => ("RmsProp", String::new()),
        Optimizer::Adam => ("Adam", String::new()),
        Optimizer::AdamW => ("AdamW", String::new()),
    };
    let decays = decay > 0.0 || settings.optimizer == Optimizer::AdamW;
    let decay = if decays { format!(".weight_decay({decay:?})") } else { String::new() };
    (name, format!("{name}::new(RATE){more}{decay}"))
}

fn head(text: &mut String, run: &Run) {
    let settings = &run.settings;
    line!(
        text,
        "//! A network of the Playground, trained with gradus: the same points in the same batches from the same first weights."
    );
    line!(text, "//!");
    line!(text, "//! `gradus lab` opens it at `#{}`.", settings.address());
    line!(text, "");
    line!(text, "use gradus::prelude::*;");
    let (name, _) = optimizer(settings);
    if matches!(name, "Adagrad" | "Adadelta" | "RmsProp") {
        line!(text, "use gradus::train::optim::{name};");
    }
    line!(text, "");
    let epochs = if run.epoch > 0 { run.epoch } else { EPOCHS };
    line!(text, "const EPOCHS: u32 = {epochs};");
    line!(text, "const BATCH: usize = {};", settings.batch_size);
    line!(text, "const RATE: f64 = {:?};", settings.learning_rate);
}

/// The points to learn from, in the order in which they are seen.
fn data(text: &mut String, run: &Run) {
    let outputs = run.settings.outputs();
    let label = match (run.network.output, outputs) {
        (Output::Linear, _) => "a number",
        (_, 1) => "the class: −1 or 1",
        _ => "the class, from 0",
    };
    line!(text, "");
    line!(text, "/// x, y and {label}.");
    line!(text, "#[rustfmt::skip]");
    line!(text, "const POINTS: [[f64; 3]; {}] = [", run.samples.train);
    for index in run.order() {
        let sample = run.samples.all[index as usize];
        line!(text, "    [{:?}, {:?}, {:?}],", sample.x, sample.y, sample.label);
    }
    line!(text, "];");
}

/// The first weights, input by input as gradus has them, and biases.
fn weights(text: &mut String, run: &Run) {
    let numbers = &run.timeline.base.state.numbers;
    line!(text, "");
    line!(text, "/// Every layer's first weights, input by input, and biases.");
    line!(text, "#[rustfmt::skip]");
    line!(text, "const FIRST: [[&[f64]; 2]; {}] = [", run.network.layers.len());
    for layer in &run.network.layers {
        let weight =
            |input: usize, unit: usize| numbers[layer.weights + unit * layer.inputs + input];
        let weights = (0..layer.inputs).flat_map(|i| (0..layer.units).map(move |u| weight(i, u)));
        let biases = numbers[layer.biases..layer.biases + layer.units].iter().copied();
        line!(text, "    [&[{}], &[{}]],", list(weights), list(biases));
    }
    line!(text, "];");
}

fn list(numbers: impl Iterator<Item = f64>) -> String {
    numbers.map(|number| format!("{number:?}")).collect::<Vec<_>>().join(", ")
}

/// Functions: the rate, features, the model, targets.
fn parts(text: &mut String, run: &Run) {
    let settings = &run.settings;
    line!(text, "");
    line!(text, "/// The learning rate of an epoch.");
    let span = settings.schedule_epochs;
    match settings.schedule {
        Schedule::Constant => line!(text, "fn rate(_epoch: u32) -> f64 {{\n    RATE\n}}"),
        schedule => {
            line!(text, "fn rate(epoch: u32) -> f64 {{");
            line!(text, "    let part = (f64::from(epoch) / {span}.0).min(1.0);");
            if schedule != Schedule::Step {
                line!(
                    text,
                    "    let fall = |part: f64| 0.5 * (1.0 + (std::f64::consts::PI * part).cos());"
                );
            }
            line!(
                text,
                "    {}",
                match schedule {
                    Schedule::Cosine => "RATE * (0.01 + 0.99 * fall(part))",
                    Schedule::Step => "RATE * [1.0, 0.1, 0.01, 0.001][(part * 3.0) as usize]",
                    _ =>
                        "match part {\n        up if up < 0.3 => RATE * (0.04 + 0.96 * (1.0 - fall(part / 0.3))),\n        _ => RATE * (0.0001 + 0.9999 * fall((part - 0.3) / 0.7)),\n    }",
                }
            );
            line!(text, "}}");
        }
    }
    let formulas = ["x", "y", "x * x", "y * y", "x * y", "x.sin()", "y.sin()"];
    let used: Vec<_> = run.used.iter().map(|feature| formulas[*feature]).collect();
    let names: Vec<_> = run.used.iter().map(|feature| FEATURES[*feature]).collect();
    line!(text, "");
    line!(text, "/// What the network sees of a point: {}.", names.join(", "));
    let unused = |name: &str| if used.iter().any(|f| f.contains(name)) { "" } else { "_" };
    line!(
        text,
        "fn features([{}x, {}y, _]: [f64; 3]) -> [f64; {}] {{",
        unused("x"),
        unused("y"),
        used.len()
    );
    line!(text, "    [{}]", used.join(", "));
    line!(text, "}}");
    model(text, run);
}

fn model(text: &mut String, run: &Run) {
    let activation = match run.network.activation {
        Activation::Relu => "relu()",
        Activation::Tanh => "tanh()",
        Activation::Sigmoid => "sigmoid()",
        Activation::Linear => "",
        Activation::LeakyRelu => "leaky_relu()",
        Activation::Elu => "elu()",
        Activation::Gelu => "Activation::new(\"gelu_tanh\", Tensor::gelu_tanh)",
        Activation::Softplus => "softplus()",
    };
    line!(text, "");
    line!(text, "fn model() -> Sequential {{");
    line!(
        text,
        "    let model = Sequential::new([{}], &Init::new(0).of(DType::F64))",
        run.used.len()
    );
    let last = run.network.layers.len() - 1;
    for (at, layer) in run.network.layers.iter().enumerate() {
        let after = match (at == last, run.network.output) {
            (false, _) => activation,
            (true, Output::Tanh) => "tanh()",
            (true, _) => "",
        };
        let semicolon = |is_end: bool| if is_end && at == last { ";" } else { "" };
        line!(text, "        .add(dense({})){}", layer.units, semicolon(after.is_empty()));
        if !after.is_empty() {
            line!(text, "        .add({after}){}", semicolon(true));
        }
    }
    line!(text, "    for (parameters, values) in parameters(&model).chunks(2).zip(FIRST) {{");
    line!(text, "        for ((_, parameter), values) in parameters.iter().zip(values) {{");
    line!(
        text,
        "            let value = Tensor::from_slice(values, parameter.variable().shape());"
    );
    line!(
        text,
        "            parameter.variable().set(&value).expect(\"numbers of the layer's shape\");"
    );
    line!(text, "        }}");
    line!(text, "    }}");
    line!(text, "    model");
    line!(text, "}}");
}

/// The loss, and the targets of some labels.
fn targets(run: &Run) -> (&'static str, String) {
    let outputs = run.settings.outputs();
    match (run.network.output, outputs) {
        (Output::Tanh | Output::Linear, 1) => {
            ("losses::squared", "Tensor::from_slice(&labels, [labels.len(), 1])".into())
        }
        (Output::Logistic, _) => (
            "losses::binary_cross_entropy_with_logits",
            "(Tensor::from_slice(&labels, [labels.len(), 1]) + 1.0) * 0.5".into(),
        ),
        (Output::Softmax, _) => (
            "losses::cross_entropy",
            "Tensor::from_slice(&labels, [labels.len()]).cast(DType::I64)".into(),
        ),
        (_, count) => (
            "losses::squared",
            format!(
                "Tensor::from_slice(&labels, [labels.len()]).cast(DType::I64).one_hot({count}).cast(DType::F64) * 2.0 - 1.0"
            ),
        ),
    }
}

fn main(text: &mut String, run: &Run) {
    let (loss, targets) = targets(run);
    let (_, optimizer) = optimizer(&run.settings);
    line!(text, "");
    line!(text, "/// Some points' features `[B, {}]`, and targets.", run.used.len());
    line!(text, "fn tensors(rows: &[usize]) -> (Tensor, Tensor) {{");
    line!(
        text,
        "    let x: Vec<f64> = rows.iter().flat_map(|row| features(POINTS[*row])).collect();"
    );
    line!(text, "    let labels: Vec<f64> = rows.iter().map(|row| POINTS[*row][2]).collect();");
    line!(text, "    let t = {targets};");
    line!(text, "    (Tensor::from_slice(&x, [rows.len(), {}]), t)", run.used.len());
    line!(text, "}}");
    line!(text, "");
    line!(text, "fn main() {{");
    line!(text, "    let recipe = Recipe {{ loss: {loss}.into(), ..Recipe::default() }};");
    line!(text, "    let optimizer = {optimizer};");
    line!(
        text,
        "    let mut learner = Learner::with(model().into(), Box::new(optimizer), recipe, 0);"
    );
    line!(
        text,
        "    // What does not fill a batch at the end of an epoch waits for the first batch of the next."
    );
    line!(text, "    let mut batch = vec![];");
    line!(text, "    for epoch in 0..EPOCHS {{");
    line!(text, "        for row in 0..POINTS.len() {{");
    line!(text, "            batch.push(row);");
    line!(text, "            if (row + 1).is_multiple_of(BATCH) {{");
    line!(text, "                let (x, t) = tensors(&batch);");
    line!(text, "                learner.train_batch(&x, &t, rate(epoch)).expect(\"a step\");");
    line!(text, "                batch.clear();");
    line!(text, "            }}");
    line!(text, "        }}");
    line!(text, "    }}");
    line!(text, "    let (x, t) = tensors(&(0..POINTS.len()).collect::<Vec<_>>());");
    line!(text, "    let loss = learner.evaluate_batch(&x, &t).expect(\"a loss\").loss;");
    // Its own printing, not this crate's.
    let print = "println!";
    line!(
        text,
        "    {print}(\"loss of the training points after {{EPOCHS}} epochs: {{loss:.6}}\");"
    );
    if run.epoch > 0 && run.timeline.is_reproducible(run.epoch) && run.train.loss.is_finite() {
        line!(
            text,
            "    // The Playground's own. Sums are made in another order here, so the last digits may differ."
        );
        line!(text, "    let own = {:?};", run.train.loss);
        line!(
            text,
            "    assert!((loss - own).abs() < 0.01 * own + 1e-9, \"{{loss}} and not {{own}}\");"
        );
    }
    line!(text, "}}");
}
