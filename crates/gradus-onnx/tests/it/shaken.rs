//! Networks whose weights and running statistics are all drawn at random, so that none is a number that hides a mistake, such
//! as 1.

use gradus_nn::{Module, State, named_states};
use gradus_tensor::{Tensor, Variable};

/// Draws anew what starts as ones and zeros: biases, and batch norms' factors and statistics. Where there are many norms, their
/// factors are smaller: with statistics that are not its own, a network of a thousand layers overflows.
pub(crate) fn shake(net: &dyn Module) {
    let states = named_states(net);
    let norms = states.iter().filter(|(path, _)| path.ends_with("running_var")).count();
    let damp = 1.0 + norms as f64 / 100.0;
    let mut seed = 100;
    let mut draw = |v: &Variable, low: f64, high: f64| {
        seed += 1;
        let uniform = Tensor::rand(v.shape(), seed);
        v.set(&(uniform * (high - low) + low)).expect("the same shape");
    };
    for (path, state) in states {
        match state {
            State::Buffer(v) if path.ends_with("running_var") => draw(v, 0.5, 1.5),
            State::Buffer(v) if path.ends_with("running_mean") => draw(v, -0.2, 0.2),
            State::Parameter(p) if p.variable().shape().rank() == 1 => {
                let factor = path.ends_with("weight");
                let [low, high] = if factor { [0.7 / damp, 1.2 / damp] } else { [-0.1, 0.1] };
                draw(p.variable(), low, high);
            }
            _ => {}
        }
    }
}
