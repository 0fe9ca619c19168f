//! How much a layer's units speak for a class, and which pixels move one unit.

use super::slopes::in_pieces;
use crate::Subject;
use gradus_base::{Error, Result};
use gradus_tensor::{Step, Tensor, compile, gradients};

/// What a layer's units are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerAttribution {
    /// What the unit gives times the gradient of the score on it.
    ActivationXGradient,
    /// Conductance: the part of integrated gradients that flows through the unit, by so many steps (Dhamdhere et al. 2018, arXiv:1805.12233).
    Conductance {
        /// Places on the way from the baseline.
        steps: usize,
    },
}

/// How much each unit of a layer speaks for a class, against a baseline picture (which only conductance looks at).
///
/// **Shape** `x [B, C, H, W]`, a class for each picture, `baseline` as `x` → `[B, ..]`, of the layer's shape.
///
/// # Errors
/// When the layer or a class does not exist, or an op between has no gradient.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*};
/// use gradus_see::{Subject, attribution::{LayerAttribution, layer_attribution}};
/// use gradus_tensor::Tensor;
/// let model = Sequential::new([1, 2, 2], &Init::new(0)).add(flatten()).add(dense(8)).add(tanh()).add(dense(3));
/// let (subject, x) = (Subject::new(model.into()), Tensor::ones([1, 1, 2, 2]));
/// let how = LayerAttribution::Conductance { steps: 200 };
/// let units = layer_attribution(&subject, &x, &[1], "tanh1", how, &x.zeros_like())?;
/// // All ways lead through the layer: its units add up to what the score gained.
/// let gain = subject.scores(&x).select(1, 1).item() - subject.scores(&x.zeros_like()).select(1, 1).item();
/// assert!((units.sum(..).item() - gain).abs() < 1e-2 * gain.abs());
/// # Ok::<(), gradus_see::Error>(())
/// ```
pub fn layer_attribution(
    subject: &Subject,
    x: &Tensor,
    classes: &[usize],
    layer: &str,
    how: LayerAttribution,
    baseline: &Tensor,
) -> Result<Tensor> {
    subject.layer_of(layer, x)?;
    subject.check_classes(x, classes)?;
    match how {
        LayerAttribution::ActivationXGradient => {
            let (y, slope) = values_and_slopes(subject, x, classes, layer)?;
            Ok(y * slope)
        }
        LayerAttribution::Conductance { steps } => {
            conductance(subject, x, classes, layer, steps, baseline)
        }
    }
}

fn conductance(
    subject: &Subject,
    x: &Tensor,
    classes: &[usize],
    layer: &str,
    steps: usize,
    baseline: &Tensor,
) -> Result<Tensor> {
    if steps == 0 || baseline.shape() != x.shape() {
        let what = format!(
            "found {steps} steps and a baseline {}, expected at least 1 and one like the pictures, {}",
            baseline.shape(),
            x.shape()
        );
        return Err(Error::value("conductance", what));
    }
    let mut parts = vec![];
    for (i, &class) in classes.iter().enumerate() {
        let (from, to) = (baseline.slice(0, i..i + 1), x.slice(0, i..i + 1));
        let places: Vec<f64> = (0..=steps).map(|k| k as f64 / steps as f64).collect();
        let places = Tensor::from_slice(&places, [steps + 1, 1, 1, 1]).cast(x.dtype());
        let way = &from + (to - &from) * places;
        let (y, slope) = values_and_slopes(subject, &way, &vec![class; steps + 1], layer)?;
        // Σ ∂s/∂y · Δy along the way, the gradient at each piece's beginning.
        let moved = y.slice(0, 1..) - y.slice(0, ..steps);
        let part = (slope.slice(0, ..steps) * moved).sum(0).unsqueeze(0);
        part.try_read()?;
        parts.push(part);
    }
    Ok(Tensor::concat(&parts.iter().collect::<Vec<_>>(), 0))
}

/// What a layer gives, and the gradient of the classes' scores there.
fn values_and_slopes(
    subject: &Subject,
    x: &Tensor,
    classes: &[usize],
    layer: &str,
) -> Result<(Tensor, Tensor)> {
    let mut step = compile(|args: &[Tensor]| {
        let found = || -> Result<[Tensor; 2]> {
            let watched = subject.watched(&args[0], &[layer])?;
            let score = watched.scores.gather(1, &args[1].unsqueeze(1)).sum(..);
            let slope = gradients(&score, &watched.layers)?.remove(0);
            let y = watched.layers[0].clone();
            let slope = slope.unwrap_or_else(|| y.zeros_like());
            Ok([y, slope])
        };
        let [y, slope] = found().unwrap_or_else(|e| [Tensor::refuse(e), Tensor::poisoned()]);
        Step::new().read(&y).read(&slope)
    });
    let mut found = in_pieces(&mut step, x, Some(classes))?;
    let slopes = found.remove(1);
    Ok((found.remove(0), slopes))
}

/// Which pixels move one unit of a layer: the gradient of the mean of what it gives, over its map.
///
/// **Shape** `x [B, C, H, W]` → `[B, C, H, W]`.
///
/// # Errors
/// When the layer does not exist, has no such unit, or an op between has no gradient.
pub fn neuron_gradient(subject: &Subject, x: &Tensor, layer: &str, unit: usize) -> Result<Tensor> {
    let found = subject.layer_of(layer, x)?;
    if unit >= found.units() {
        let what = format!(
            "found unit {unit}, layer {layer:?} has {}, 0 to {}",
            found.units(),
            found.units() - 1
        );
        return Err(Error::value("unit", what));
    }
    let y = subject.watched(x, &[layer])?.layers.remove(0).select(1, unit);
    let places = (y.len() / y.size(0).max(1)) as f64;
    let slope = gradients(&(y.sum(..) / places), std::slice::from_ref(x))?.remove(0);
    let slope = slope.unwrap_or_else(|| x.zeros_like());
    slope.try_read()?;
    Ok(slope)
}
