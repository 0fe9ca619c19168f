//! Losses on images and feature maps: the Gram matrix of a style, total variation.

use super::rest;
use gradus_base::Error;
use gradus_tensor::Tensor;

/// G = F·Fᵀ, how often features occur together: `[N, C, H, W]` → `[N, C, C]`.
///
/// Divided by nothing; Gatys et al. divide the loss, see [`gram_style`].
/// Gatys et al. 2015, arXiv:1508.06576 eq. 3
///
/// ```
/// use gradus_nn::losses::gram_matrix;
/// use gradus_tensor::Tensor;
/// let f = Tensor::from([1.0f32, 2.0, 3.0, 4.0]).reshape([1, 2, 1, 2]);
/// assert_eq!(gram_matrix(&f).to_vec::<f32>(), [5.0, 11.0, 11.0, 25.0]);
/// ```
///
/// # Panics
/// If the features do not have four axes.
#[track_caller]
pub fn gram_matrix(features: &Tensor) -> Tensor {
    if features.rank() != 4 {
        let what = format!("the features are {}; expected [N, C, H, W]", features.shape());
        return Tensor::refuse(Error::shape("gram_matrix", what));
    }
    let flat = features.flatten(2); // [N, C, H·W]
    flat.matmul(&flat.transpose(1, 2)) // [N, C, C]
}

/// Σ(G − A)² / (4·C²·M²) of features `x [N, C, H, W]` with M = H·W, where A is the Gram matrix of
/// the style, `[N, C, C]` or `[1, C, C]`: one number per image.
/// Gatys et al. 2015, arXiv:1508.06576 eq. 4
///
/// # Panics
/// If the features do not have four axes, or the channels differ.
#[track_caller]
pub fn gram_style(x: &Tensor, style: &Tensor) -> Tensor {
    let g = gram_matrix(x);
    if style.rank() != 3 || style.size(1) != g.size(1) || style.size(2) != g.size(2) {
        let what = format!("the features are {}, the style {}", x.shape(), style.shape());
        return Tensor::refuse(Error::shape("gram_style", what));
    }
    let cells = (x.size(1) * x.size(2) * x.size(3)) as f64;
    let d = g - style;
    d.square().sum(rest(&d)) / (4.0 * cells * cells)
}

/// Σ |x\[h + 1, w\] − x\[h, w\]| + |x\[h, w + 1\] − x\[h, w\]| over an image's channels and pixels,
/// of `x [N, C, H, W]`: one number per image. Low for smooth images.   Rudin, Osher & Fatemi 1992;
/// anisotropic, as in image restoration by networks
///
/// ```
/// use gradus_nn::losses::total_variation;
/// use gradus_tensor::Tensor;
/// let x = Tensor::from([0.0f32, 1.0, 3.0, 1.0]).reshape([1, 1, 2, 2]);
/// assert_eq!(total_variation(&x).to_vec::<f32>(), [3.0 + 0.0 + 1.0 + 2.0]);
/// ```
///
/// # Panics
/// If the images do not have four axes.
#[track_caller]
pub fn total_variation(x: &Tensor) -> Tensor {
    if x.rank() != 4 {
        let what = format!("the images are {}; expected [N, C, H, W]", x.shape());
        return Tensor::refuse(Error::shape("total_variation", what));
    }
    let along = |axis: usize| {
        let d = x.slice(axis as isize, 1..)
            - x.slice(axis as isize, ..x.size(axis as isize).max(1) - 1);
        d.abs().sum(rest(&d))
    };
    along(2) + along(3)
}
