//! Grad-CAM: where the maps are that speak for a class.

use super::slopes::in_pieces;
use crate::Subject;
use gradus_base::{Error, Result};
use gradus_tensor::{Step, Tensor, compile, gradients};

/// The maps of a layer, each weighed by the mean gradient of the class's score on it, added up; what is negative becomes 0. The last layer that still has
/// maps says the most.
///
/// **Shape** `x [B, C, H, W]`, a class for each picture → `[B, 1, h, w]`, as large as the layer's maps.
///
/// # Errors
/// When the layer does not exist (the nearest are named) or has no maps, when a class does not exist, or an op between has no gradient.
///
/// **Paper** Selvaraju et al. 2016, arXiv:1610.02391, equations 1 and 2.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*};
/// use gradus_see::{Subject, attribution::grad_cam};
/// use gradus_tensor::Tensor;
/// let model = Sequential::new([1, 8, 8], &Init::new(0)).add(conv2d(4, 3)).add(relu()).add(flatten()).add(dense(3));
/// let subject = Subject::new(model.into());
/// let map = grad_cam(&subject, &Tensor::ones([1, 1, 8, 8]), &[2], "relu1")?;
/// assert_eq!(*map.shape(), [1, 1, 6, 6]);
/// let error = grad_cam(&subject, &Tensor::ones([1, 1, 8, 8]), &[2], "dense1").unwrap_err();
/// assert!(error.to_string().starts_with("grad_cam: layer \"dense1\" gives [3] for a picture"));
/// # Ok::<(), gradus_see::Error>(())
/// ```
pub fn grad_cam(subject: &Subject, x: &Tensor, classes: &[usize], layer: &str) -> Result<Tensor> {
    let shape = subject.layer_of(layer, x)?.shape;
    if shape.rank() != 3 {
        let what = format!("layer {layer:?} gives {shape} for a picture; expected maps [C, H, W]");
        return Err(Error::shape("grad_cam", what));
    }
    subject.check_classes(x, classes)?;
    let mut step = compile(|args: &[Tensor]| {
        let cam = || -> Result<Tensor> {
            let watched = subject.watched(&args[0], &[layer])?;
            let score = watched.scores.gather(1, &args[1].unsqueeze(1)).sum(..);
            let maps = &watched.layers[0]; // [B, K, h, w]
            let Some(slope) = gradients(&score, &watched.layers)?.remove(0) else {
                return Ok(maps.sum(1).unsqueeze(1) * 0.0); // no class hears of it
            };
            let weights = slope.mean([2, 3]).unsqueeze(-1).unsqueeze(-1); // [B, K, 1, 1]
            Ok((weights * maps).sum(1).relu().unsqueeze(1))
        };
        Step::new().read(&cam().unwrap_or_else(Tensor::refuse))
    });
    Ok(in_pieces(&mut step, x, Some(classes))?.remove(0))
}

/// A layer's map as large as the picture, bilinearly.
///
/// **Shape** `[B, K, h, w]` → `[B, K, H, W]`.
pub fn enlarged(map: &Tensor, size: [usize; 2]) -> Tensor {
    let (rows, columns) = (map.size(2), map.size(3));
    let scale = [rows as f64 / size[0] as f64, columns as f64 / size[1] as f64];
    let sampled = |map: &Tensor, axis: isize, from: usize, to: usize, scale: f64| {
        // Places of pixels' middles, at the border the border's value.
        let place = |i: usize| ((i as f64 + 0.5) * scale - 0.5).clamp(0.0, from as f64 - 1.0);
        let low: Vec<i64> = (0..to).map(|i| place(i).floor() as i64).collect();
        let high: Vec<i64> = low.iter().map(|&i| (i + 1).min(from as i64 - 1)).collect();
        let share: Vec<f64> = (0..to).map(|i| place(i) - place(i).floor()).collect();
        let mut shape = vec![1; 4];
        shape[axis as usize] = to;
        let share = Tensor::from_slice(&share, shape.as_slice()).cast(map.dtype());
        let at = |ids: &[i64]| map.index_select(axis, &Tensor::from_slice(ids, [to]));
        at(&low).lerp(&at(&high), &share)
    };
    let tall = sampled(map, 2, rows, size[0], scale[0]);
    sampled(&tall, 3, columns, size[1], scale[1])
}
