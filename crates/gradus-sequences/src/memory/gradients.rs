//! How much of an error comes back to each step: the gradient of the loss by what a network carries from that step to the next.
//!
//! Bengio, Simard and Frasconi 1994, "Learning long-term dependencies with gradient descent is difficult"

use gradus_base::Result;
use gradus_nn::{Context, Layer};
use gradus_tensor::{Tensor, gradients, try_build};

use super::MemoryNetwork;

/// For t = 1 to T the norm of ∂loss/∂s_t, a mean over sequences, where s_t is all that goes from step t to the next: h, and an LSTM's cell. The loss is
/// the squared error at the end, x `[B, T, 2]`, t `[B, 1]`.
///
/// The op over all steps shows no gradients within, so that the steps are taken one by one here; zeros are added to what each one leaves, and the
/// gradient by these zeros is that by the state.
pub(super) fn norms(network: &MemoryNetwork, x: &Tensor, t: &Tensor) -> Result<Vec<f64>> {
    let mut added: Vec<Tensor> = vec![];
    let loss = try_build(|| {
        let (cx, mut state) = (Context::eval(), network.cell.initial_state(x.size(0)));
        for step in 0..x.size(1) {
            let of_step = x.slice(1, step..step + 1); // [B, 1, 2]
            state = network.cell.forward_from(&of_step, &state, &cx).1;
            for (_, part) in &mut state {
                let nothing = Tensor::from_slice(&vec![0f32; part.len()], part.shape());
                *part = &*part + &nothing;
                added.push(nothing);
            }
        }
        let y = network.out.forward(&state[0].1, &cx); // [B, 1]
        (y - t).square().sum(..)
    })?;
    let slopes = gradients(&loss, &added)?;
    let norms = try_build(|| {
        let of_step = |slopes: &[Option<Tensor>]| {
            // What nothing depends on, such as the last cell, has no part.
            let squares = slopes.iter().flatten().map(|slope| slope.square().sum(1)); // [B]
            squares.reduce(|a, b| a + b).map(|sum| sum.sqrt().mean(..))
        };
        let parts = added.len() / x.size(1);
        let all: Vec<Tensor> = slopes.chunks(parts).filter_map(of_step).collect();
        Tensor::stack(&all.iter().collect::<Vec<_>>(), 0) // [T]
    })?;
    Ok(norms.try_to_vec::<f32>()?.into_iter().map(f64::from).collect())
}

#[cfg(test)]
mod tests {
    use super::super::{Cell, Generated, MemoryModel, Problem};
    use super::*;
    use gradus_nn::Init;

    /// Against what the loss does where a state is moved a little.
    #[test]
    fn norms_are_those_of_differences() {
        let steps = 4;
        for cell in Cell::ALL {
            let model =
                MemoryModel { hidden: 3, length: steps, ..MemoryModel::new(Problem::Adding, cell) };
            let network = model.network(&Init::new(3)).unwrap();
            let (x, t) = Generated::to_test(Problem::Adding, steps, 1).at(0, 0);
            let (x, t) = (x.slice(0, ..1), t.slice(0, ..1));
            let found = norms(&network, &x, &t).unwrap();
            let cx = Context::eval();
            for step in 1..=steps {
                let begin = network.cell.initial_state(1);
                let (_, state) = network.cell.forward_from(&x.slice(1, ..step), &begin, &cx);
                let loss = |part: usize, unit: usize, by: f64| {
                    let mut state = state.clone();
                    let places: Vec<f32> =
                        (0..3).map(|at| if at == unit { by as f32 } else { 0.0 }).collect();
                    state[part].1 = &state[part].1 + Tensor::from_slice(&places, [1, 3]);
                    if step < steps {
                        state = network.cell.forward_from(&x.slice(1, step..), &state, &cx).1;
                    }
                    (network.out.forward(&state[0].1, &cx) - &t).square().sum(..).item()
                };
                let by = 1e-2;
                let slope =
                    |part, unit| (loss(part, unit, by) - loss(part, unit, -by)) / (2.0 * by);
                let squares =
                    (0..state.len()).flat_map(|part| (0..3).map(move |unit| (part, unit)));
                let norm =
                    squares.map(|(part, unit)| slope(part, unit).powi(2)).sum::<f64>().sqrt();
                assert!(norm > 1e-3, "{norm}: nothing was looked at");
                let off = (norm - found[step - 1]).abs() / norm;
                assert!(
                    off < 1e-2,
                    "{cell:?}, step {step}: {norm} by differences, {}",
                    found[step - 1]
                );
            }
        }
    }
}
