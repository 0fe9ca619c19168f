//! How gradients flow in networks before any step, as a mean of twenty, in f64.   Glorot & Bengio 2010
//!
//! The loss is the one output, the input a random picture (32 where batch norm needs several), the norm that of what goes into each
//! activation. By the chain rule it is multiplied by f′(z)·W from layer to layer.

use super::messages::{FlowSettings as Settings, Measured};
use super::network::Network;
use super::settings::display;
use gradus::nn::{Context, Init};
use gradus::{DType, Key, Step, Tensor, Variable, compile, gradients};

/// Networks.
pub(super) const NETWORKS: u64 = 20;

/// Measures networks of the first seeds.
pub(super) fn measure(settings: &Settings, inputs: usize) -> Result<Measured, String> {
    let rows = if settings.norm { 32 } else { 1 };
    let network = |seed: u64| Network::new(settings, inputs, 1, &Init::new(seed).of(DType::F64));
    let first = network(0);
    let own: Vec<Variable> = first.variables().into_iter().map(|(_, variable)| variable).collect();
    // One plan serves all networks: their weights are put where the first one's were.
    let mut step = compile(|args: &[Tensor]| {
        let cx = Context::train(&Tensor::from([0i64, 0]));
        let passed = first.forward(&args[0], &cx);
        let slopes = gradients(&passed.y.sum(..), &passed.sums).unwrap_or_default();
        let norms = slopes.iter().flatten().map(|dz| dz.norm_l2(..));
        norms.fold(Step::new(), |step, norm| step.read(&norm))
    });
    let mut ratios = vec![0.0; settings.depth as usize];
    for seed in 0..NETWORKS {
        for (own, (_, drawn)) in own.iter().zip(network(seed).variables()) {
            own.set(&drawn.value()).map_err(|e| e.to_string())?;
        }
        let x = Key::new(seed).uniform_of([rows, inputs], DType::F64);
        let out = step.run(&[&x]).map_err(|e| e.to_string())?;
        let last = out.item(ratios.len() - 1);
        if last == 0.0 {
            return Err("every gradient is 0 there: there is nothing to compare".into());
        }
        for (l, ratio) in ratios.iter_mut().enumerate() {
            *ratio += out.item(l) / last;
        }
    }
    ratios.iter_mut().for_each(|ratio| *ratio /= NETWORKS as f64);
    let Settings { depth, width, activation, init, .. } = settings;
    let about = format!(
        "{inputs} inputs, {depth} hidden layers of {width}, {}, {}{}{}",
        display(activation),
        display(init),
        if settings.norm { ", batch norm" } else { "" },
        if settings.residual { ", residual connections" } else { "" }
    );
    Ok(Measured { networks: NETWORKS as u32, about, ratio: ratios[0], ratios })
}
