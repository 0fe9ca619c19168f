//! The command that trains such a network from a table of the points.

use super::File;
use crate::playground::network::Output;
use crate::playground::run::Run;
use crate::playground::settings::{Activation, Optimizer, Regularization, Schedule};

/// How many epochs are trained where the run has none yet.
const EPOCHS: u32 = 100;

pub(super) fn of(run: &Run) -> Result<File, String> {
    let settings = &run.settings;
    if run.samples.all.is_empty() {
        return Err("there are no points".into());
    }
    if let Some(what) = refusal(run) {
        return Err(format!("{what}: the Rust program trains the same"));
    }
    let mut words = vec!["gradus train".to_owned()];
    words.push(if settings.network_shape.is_empty() { "linear" } else { "mlp" }.into());
    words.push("--data points.csv".into());
    let unused = (0..2).filter(|feature| !run.used.contains(feature));
    let dropped = unused.map(|feature| ["x", "y"][feature]).chain(["part"]);
    words.push(format!("--drop {}", dropped.collect::<Vec<_>>().join(",")));
    if run.network.output == Output::Linear {
        words.push("--target label".into());
    }
    if !settings.network_shape.is_empty() {
        let units: Vec<_> = settings.network_shape.iter().map(u8::to_string).collect();
        words.push(format!("--hidden {}", units.join(",")));
    }
    let epochs = if run.epoch > 0 { run.epoch } else { EPOCHS };
    words.push(format!("--epochs {epochs} --batch {}", settings.batch_size));
    words.push(match settings.optimizer {
        Optimizer::Momentum => format!("--optimizer sgd --momentum {}", settings.momentum),
        Optimizer::Nesterov => {
            format!("--optimizer sgd --momentum {} --nesterov", settings.momentum)
        }
        other => format!("--optimizer {}", other.name()),
    });
    words.push(format!("--lr {}", settings.learning_rate));
    words.push(match settings.schedule {
        Schedule::Constant => "--schedule constant".into(),
        Schedule::Cosine => "--schedule cosine".into(),
        Schedule::OneCycle => "--schedule one-cycle".into(),
        Schedule::Step => {
            let every = (settings.schedule_epochs / 3).max(1);
            format!("--schedule step --drop-every {every} --drop-factor 0.1")
        }
    });
    words.extend(decay(run));
    let remarks = vec![
        "points.csv is the export of the points".into(),
        "it draws first weights of its own, scales the columns, mixes the points in every epoch and holds a fifth of them out: \
         the same kind of network, not the same numbers"
            .into(),
    ];
    let bytes = format!("{}\n", words.join(" ")).into_bytes();
    Ok(File { name: "command.txt", bytes, remarks })
}

fn decay(run: &Run) -> Option<String> {
    let settings = &run.settings;
    let own = if settings.optimizer == Optimizer::AdamW { settings.weight_decay } else { 0.0 };
    match settings.regularization {
        Regularization::L1 => Some(format!("--l1 {}", settings.regularization_rate)),
        Regularization::L2 => {
            Some(format!("--weight-decay {}", own + settings.regularization_rate))
        }
        Regularization::None => (own > 0.0).then(|| format!("--weight-decay {own}")),
    }
}

/// Why there is no such command.
fn refusal(run: &Run) -> Option<&'static str> {
    let settings = &run.settings;
    if run.network.output == Output::Tanh {
        Some("gradus train tells classes apart by cross-entropy, this run by the squared loss")
    } else if settings.activation != Activation::Relu && !settings.network_shape.is_empty() {
        Some("gradus train mlp has ReLU units, this network has others")
    } else if run.used.iter().any(|feature| *feature > 1) {
        Some("the table has the columns x and y, this network sees further features")
    } else {
        None
    }
}
