//! Settings, weights and biases as JSON.

use super::File;
use crate::playground::network::Output;
use crate::playground::run::Run;
use crate::playground::settings::FEATURES;

pub(super) fn of(run: &Run) -> File {
    let network = &run.network;
    let numbers = &network.state.numbers;
    let last = network.layers.len() - 1;
    let layers: Vec<String> = network
        .layers
        .iter()
        .enumerate()
        .map(|(at, layer)| {
            let activation = match network.output {
                _ if at < last => network.activation.name(),
                Output::Tanh => "tanh",
                Output::Linear => "linear",
                Output::Logistic => "2·sigmoid − 1",
                Output::Softmax => "softmax",
            };
            let rows: Vec<String> =
                numbers[layer.weights..layer.biases].chunks(layer.inputs).map(list).collect();
            format!(
                "    {{\n      \"activation\": \"{activation}\",\n      \"weights\": [\n        {}\n      ],\n      \"biases\": {}\n    }}",
                rows.join(",\n        "),
                list(&numbers[layer.biases..layer.biases + layer.units])
            )
        })
        .collect();
    let features: Vec<_> = run.used.iter().map(|at| format!("\"{}\"", FEATURES[*at])).collect();
    let text = format!(
        "{{\n  \"settings\": \"{}\",\n  \"epoch\": {},\n  \"features\": [{}],\n  \"layers\": [\n{}\n  ]\n}}\n",
        run.settings.address().replace('\\', "\\\\").replace('"', "\\\""),
        run.epoch,
        features.join(", "),
        layers.join(",\n")
    );
    let is_finite = numbers.iter().all(|number| number.is_finite());
    let remarks = match is_finite {
        true => vec![],
        false => vec!["numbers that are infinite or none are null".into()],
    };
    File { name: "playground.json", bytes: text.into_bytes(), remarks }
}

fn list(numbers: &[f64]) -> String {
    let number = |number: &f64| match number.is_finite() {
        true => number.to_string(),
        false => "null".into(),
    };
    format!("[{}]", numbers.iter().map(number).collect::<Vec<_>>().join(", "))
}
