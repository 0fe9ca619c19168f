//! The words of remarks, and from where on each is made: the same wherever a run is looked at.

use gradus_base::words::figure;

/// A ReLU layer is remarked on when this part of its units is dead.
pub const DEAD: f64 = 0.4;
/// Layers are remarked on when this part of their outputs is at a level.
pub const SATURATED: f64 = 0.8;
/// Gradients vanish or explode when the first and the last layer's norms differ by this factor.
pub const FACTOR: f64 = 1e3;
/// They also explode when a gradient is this many times as large as its weight. In a ReLU network a gradient that grows
/// backwards meets activations that grow forwards, so that the layers' norms alone would not tell.
pub const HUGE: f64 = 100.0;
/// The rate is too high when the loss stays above this many times what it was at first.
pub const RISEN: f64 = 1.5;
/// Steps that move weights by less than this part of them are no reason for a loss to fall.
pub const IDLE: f64 = 1e-4;

/// So many of the ReLU units of a layer are dead.
pub fn dead_units(path: &str, count: usize, all: usize) -> String {
    format!(
        "{count} of the {all} ReLU units of {path} are dead: they gave zero on every batch looked at, so they no longer \
         learn. A lower rate, He initialisation or a leaky ReLU may help."
    )
}

/// This part of the outputs of a layer is at a level.
pub fn saturated(path: &str, part: f64) -> String {
    format!(
        "{:.0} % of the outputs of {path} are saturated: its function is flat there and passes no gradient. Smaller \
         initial weights, normalised inputs or batch norm may help.",
        part * 100.0
    )
}

/// Between these two layers gradients shrink; `norms` are theirs.
pub fn vanishing(paths: &str, norms: &str) -> String {
    format!(
        "gradients vanish: between {paths} their norms are {norms}, so early layers hardly learn. ReLU, He or Xavier \
         initialisation, batch norm or residual connections may help."
    )
}

/// Gradients grow, as was seen.
pub fn exploding(seen: &str) -> String {
    format!(
        "gradients explode: {seen}. Smaller initial weights (He, Xavier), batch norm or clipping may help."
    )
}

/// The loss rises or is lost, as was seen at this step.
pub fn rate_too_high(seen: &str, step: u64, rate: f64) -> String {
    format!("the loss {seen} at step {step}. The rate {} may be too high.", figure(rate, 2))
}

/// The loss is flat, as was seen, and a step moves the weights by this part of them.
pub fn rate_too_low(seen: &str, moved: f64, rate: f64) -> String {
    format!(
        "the loss is flat: {seen}, and a step moves the weights by {} of their size. The rate {} may be too low.",
        figure(moved, 1),
        figure(rate, 2)
    )
}
