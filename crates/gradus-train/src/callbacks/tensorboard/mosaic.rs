//! Many small pictures in one: kernels, inputs.

use gradus_tensor::{DType, Tensor};

/// A picture of 8-bit pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mosaic {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1 for grey, 3 for RGB.
    pub channels: usize,
    /// Row by row.
    pub pixels: Vec<u8>,
}

/// So many tiles at most.
const MOST: usize = 64;

/// The tiles of `[N, C, H, W]` side by side, at most 64 of them, a pixel apart, from black (the least value) to white (the greatest).
/// Three channels are colours; of other numbers the first is shown. `None` where there is nothing to show.
pub fn mosaic(tiles: &Tensor) -> Option<Mosaic> {
    let shape = tiles.shape();
    if shape.rank() != 4 || tiles.is_empty() {
        return None;
    }
    let [n, c, h, w] = [shape[0].min(MOST), shape[1], shape[2], shape[3]];
    let channels = if c == 3 { 3 } else { 1 };
    let values = tiles.cast(DType::F32).to_vec::<f32>();
    let across = (n as f64).sqrt().ceil() as usize;
    let (width, height) = (across * (w + 1) - 1, n.div_ceil(across) * (h + 1) - 1);
    let shown = &values[..n * c * h * w];
    let finite = || shown.iter().copied().filter(|v| v.is_finite());
    let (low, high) = (finite().fold(f32::MAX, f32::min), finite().fold(f32::MIN, f32::max));
    // NaN becomes black: a cast saturates.
    let grey = |v: f32| ((v - low) / (high - low).max(f32::MIN_POSITIVE) * 255.0).round() as u8;
    let mut pixels = vec![0; width * height * channels];
    for tile in 0..n {
        let (top, left) = (tile / across * (h + 1), tile % across * (w + 1));
        for channel in 0..channels {
            for y in 0..h {
                for x in 0..w {
                    let v = values[((tile * c + channel) * h + y) * w + x];
                    pixels[((top + y) * width + left + x) * channels + channel] = grey(v);
                }
            }
        }
    }
    Some(Mosaic { width, height, channels, pixels })
}

#[cfg(test)]
mod tests {
    use super::mosaic;
    use gradus_tensor::Tensor;

    #[test]
    fn tiles_lie_a_pixel_apart() {
        let m = mosaic(&Tensor::from_slice(&[0f32, 1.0, 2.0], [3, 1, 1, 1])).unwrap();
        assert_eq!((m.width, m.height, m.channels), (3, 3, 1));
        assert_eq!(m.pixels, [0, 0, 128, 0, 0, 0, 255, 0, 0]);
        assert_eq!(mosaic(&Tensor::ones([2, 3])), None);
        assert_eq!(mosaic(&Tensor::ones([2, 3, 4, 4])).unwrap().channels, 3);
    }
}
