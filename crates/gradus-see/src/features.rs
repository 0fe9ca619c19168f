//! What a layer gives for many pictures, as rows of numbers.

use crate::Subject;
use crate::attribution::in_pieces;
use gradus_base::Result;
use gradus_tensor::{Step, Tensor, compile, gradients};

/// What a layer gives for each picture, row after row.
///
/// **Shape** `x [B, C, H, W]` → B rows, as long as the layer's output for one picture has numbers.
///
/// # Errors
/// When the layer does not exist; the nearest are named.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*};
/// use gradus_see::{Subject, activations};
/// use gradus_tensor::Tensor;
/// let model = Sequential::new([1, 4, 4], &Init::new(0)).add(conv2d(2, 3)).add(flatten()).add(dense(3));
/// let rows = activations(&Subject::new(model.into()), &Tensor::ones([5, 1, 4, 4]), "conv1")?;
/// assert_eq!((rows.len(), rows[0].len()), (5, 8));
/// # Ok::<(), gradus_see::Error>(())
/// ```
pub fn activations(subject: &Subject, x: &Tensor, layer: &str) -> Result<Vec<Vec<f64>>> {
    subject.layer_of(layer, x)?;
    let mut step = compile(|args: &[Tensor]| {
        let found = subject.watched(&args[0], &[layer]);
        Step::new().read(&found.map_or_else(Tensor::refuse, |mut found| found.layers.remove(0)))
    });
    rows(&in_pieces(&mut step, x, None)?[0])
}

/// The gradient of a class's score at a layer, for each picture.
pub(crate) fn slopes_at(
    subject: &Subject,
    x: &Tensor,
    class: usize,
    layer: &str,
) -> Result<Vec<Vec<f64>>> {
    subject.check_classes(x, &vec![class; x.size(0)])?;
    let mut step = compile(|args: &[Tensor]| {
        let slope = || -> Result<Tensor> {
            let watched = subject.watched(&args[0], &[layer])?;
            let score = watched.scores.select(1, class).sum(..);
            let slope = gradients(&score, &watched.layers)?.remove(0);
            Ok(slope.unwrap_or_else(|| watched.layers[0].zeros_like()))
        };
        Step::new().read(&slope().unwrap_or_else(Tensor::refuse))
    });
    rows(&in_pieces(&mut step, x, None)?[0])
}

/// The numbers of each picture.
fn rows(values: &Tensor) -> Result<Vec<Vec<f64>>> {
    let all = values.try_to_vec::<f64>()?;
    let each = (all.len() / values.size(0).max(1)).max(1);
    Ok(all.chunks(each).map(<[f64]>::to_vec).collect())
}
