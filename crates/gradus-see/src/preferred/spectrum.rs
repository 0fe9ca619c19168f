//! Pictures as amounts of waves, so that a step changes all pixels together, and as colours that occur on their own in photographs.   Olah,
//! Mordvintsev & Schubert 2017, Feature Visualization, distill.pub

use gradus_tensor::Tensor;

/// Square root of the covariance of ImageNet's colours, as published with Lucid; rows are red, green and blue.
const COLOURS: [[f64; 3]; 3] = [[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]];

/// Waves on pictures of a size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spectrum {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Spectrum {
    /// The pixels, around 0, of amounts of waves. Amounts are divided by the frequency: a step of the same length changes long waves more.
    ///
    /// **Shape** `[B, C, H, W]` → the same.
    pub fn pixels(&self, amounts: &Tensor) -> Tensor {
        let scaled = amounts * self.scale().cast(amounts.dtype());
        let [rows, columns] = self.waves(amounts);
        // The rows of a matrix of waves are the waves.
        rows.t().matmul(&scaled).matmul(&columns)
    }

    /// The amounts of waves of pixels: [`Spectrum::pixels`] the other way round.
    ///
    /// **Shape** `[B, C, H, W]` → the same.
    pub fn amounts(&self, pixels: &Tensor) -> Tensor {
        let [rows, columns] = self.waves(pixels);
        rows.matmul(pixels).matmul(&columns.t()) / self.scale().cast(pixels.dtype())
    }

    fn waves(&self, like: &Tensor) -> [Tensor; 2] {
        [self.height, self.width]
            .map(|size| Tensor::from_slice(&waves(size), [size, size]).cast(like.dtype()))
    }

    /// √(H·W) over the frequency in waves a pixel, at least one wave a picture; `[H, W]`.
    fn scale(&self) -> Tensor {
        let Spectrum { height, width } = *self;
        let least = 1.0 / height.max(width) as f64;
        let frequency = |i: usize, size: usize| i.div_ceil(2) as f64 / size as f64;
        let scale = |at: usize| {
            let (u, v) = (frequency(at / width, height), frequency(at % width, width));
            // A quarter: amounts of 1 then give pixels of about 1.
            1.0 / (4.0 * (u * u + v * v).sqrt().max(least))
        };
        Tensor::from_slice(&(0..height * width).map(scale).collect::<Vec<f64>>(), [height, width])
    }
}

/// An orthonormal basis of a row of pixels, row by row: the mean, then cosine and sine of each frequency.
fn waves(size: usize) -> Vec<f64> {
    let n = size as f64;
    let value = |k: usize, i: usize| {
        let frequency = k.div_ceil(2);
        let angle = std::f64::consts::TAU * frequency as f64 * i as f64 / n;
        // The mean and, of an even size, the fastest wave have no partner.
        let alone = k == 0 || 2 * frequency == size;
        let norm = if alone { (1.0 / n).sqrt() } else { (2.0 / n).sqrt() };
        norm * if k.is_multiple_of(2) && k > 0 { angle.sin() } else { angle.cos() }
    };
    (0..size * size).map(|at| value(at / size, at % size)).collect()
}

/// Colours that occur on their own, as red, green and blue around 0; grey stays.
///
/// **Shape** `[B, C, H, W]` → the same.
pub fn correlated(x: &Tensor) -> Tensor {
    if x.size(1) != 3 {
        return x.clone();
    }
    // The longest column of the matrix has length 1.
    let length = |c: usize| COLOURS.iter().map(|row| row[c] * row[c]).sum::<f64>().sqrt();
    let longest = (0..3).map(length).fold(0.0, f64::max);
    let mix: Vec<f64> = COLOURS.iter().flatten().map(|x| x / longest).collect();
    let mix = Tensor::from_slice(&mix, [3, 3]).cast(x.dtype());
    let [b, c, h, w] = [0, 1, 2, 3].map(|axis| x.size(axis));
    mix.matmul(&x.reshape([b, c, h * w])).reshape([b, c, h, w])
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_tensor::DType;

    #[test]
    fn waves_are_orthonormal() {
        for size in [1, 2, 5, 6] {
            let waves = Tensor::from_slice(&waves(size), [size, size]);
            let found = waves.matmul(&waves.t()).to_vec::<f64>();
            let expected = Tensor::eye(size).to_vec::<f64>();
            assert!(
                found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12),
                "{size}: {found:?}"
            );
        }
    }

    #[test]
    fn amounts_are_the_inverse_of_pixels() {
        let spectrum = Spectrum { height: 5, width: 6 };
        let x = Tensor::randn([2, 3, 5, 6], 4).cast(DType::F64);
        let again = spectrum.pixels(&spectrum.amounts(&x)).to_vec::<f64>();
        assert!(again.iter().zip(x.to_vec::<f64>()).all(|(a, b)| (a - b).abs() < 1e-12));
        // One amount of the lowest frequency is a constant: 1/√30 times √… of at least one wave in 6 pixels.
        let mut one = vec![0.0; 30];
        one[0] = 1.0;
        let flat = spectrum.pixels(&Tensor::from_slice(&one, [1, 1, 5, 6])).to_vec::<f64>();
        let expected = 6.0 / 4.0 / 30f64.sqrt();
        assert!(flat.iter().all(|x| (x - expected).abs() < 1e-12), "{flat:?}");
    }

    #[test]
    fn colours_are_mixed_by_the_published_matrix() {
        let first = Tensor::from_slice(&[1.0, 0.0, 0.0], [1, 3, 1, 1]);
        let found = correlated(&first).to_vec::<f64>();
        let length = (0.26f64.powi(2) + 2.0 * 0.27f64.powi(2)).sqrt();
        let expected = [0.26 / length, 0.27 / length, 0.27 / length];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        let grey = Tensor::from_slice(&[0.5, 2.0], [1, 1, 1, 2]);
        assert_eq!(correlated(&grey).to_vec::<f64>(), [0.5, 2.0]);
    }
}
