//! Pixels as numbers of f64, whatever type they come in, and the ranges they are held to.

use gradus_base::{DType, Error, Result};
use gradus_tensor::{Shape, Tensor};

/// Pictures of a batch, each a row of numbers.
#[derive(Clone)]
pub(super) struct Pixels {
    /// Row by row.
    pub(super) all: Vec<f64>,
    /// Numbers of a picture.
    pub(super) each: usize,
    dtype: DType,
}

impl Pixels {
    /// Those of a batch `[B, C, H, W]`, which must hold pictures.
    pub(super) fn of(x: &Tensor) -> Result<Pixels> {
        let wrong = |found: String, expected: &str| {
            Err(Error::value("pictures", format!("found {found}, expected {expected}")))
        };
        let shape = x.shape();
        if shape.is_empty() || shape.rank() != 4 {
            return wrong(format!("{} {shape}", x.dtype()), "at least one, as [B, C, H, W]");
        }
        if !matches!(x.dtype(), DType::F32 | DType::F64) {
            return wrong(format!("{} {shape}", x.dtype()), "f32 or f64");
        }
        let all = x.try_to_vec::<f64>()?;
        if let Some(bad) = all.iter().find(|x| !(0.0..=1.0).contains(*x)) {
            return wrong(format!("a pixel of {bad}"), "pixels from 0 to 1");
        }
        Ok(Pixels { each: all.len() / shape[0], all, dtype: x.dtype() })
    }

    /// Of how many pictures.
    pub(super) fn len(&self) -> usize {
        self.all.len() / self.each
    }
    /// The numbers of a picture.
    pub(super) fn row(&self, i: usize) -> &[f64] {
        &self.all[i * self.each..][..self.each]
    }
    /// The same, to be written.
    pub(super) fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.all[i * self.each..][..self.each]
    }
    /// A number as the type of the pixels holds it.
    pub(super) fn rounded(&self, x: f64) -> f64 {
        if self.dtype == DType::F32 { f64::from(x as f32) } else { x }
    }
    /// As a tensor shaped like another.
    pub(super) fn tensor(&self, like: &Tensor) -> Tensor {
        self.shaped(like.shape())
    }
    /// As a tensor of a shape.
    pub(super) fn shaped(&self, shape: Shape) -> Tensor {
        match self.dtype {
            DType::F32 => {
                let all: Vec<f32> = self.all.iter().map(|&x| x as f32).collect();
                Tensor::from_slice(&all, shape)
            }
            _ => Tensor::from_slice(&self.all, shape),
        }
    }
    /// Some of the pictures.
    pub(super) fn chosen(&self, which: impl Iterator<Item = usize>) -> Pixels {
        Pixels { all: which.flat_map(|i| self.row(i)).copied().collect(), ..*self }
    }

    /// The least and the greatest value that each number may take: not farther than ε, nor beyond 0 and 1. In the pixels' own type, rounded inwards, so that
    /// what lies between them is within ε as it stands.
    pub(super) fn range(&self, epsilon: f64) -> (Pixels, Pixels) {
        let (mut low, mut high) = (self.clone(), self.clone());
        for (i, &x) in self.all.iter().enumerate() {
            let (mut least, mut most) =
                (self.rounded((x - epsilon).max(0.0)), self.rounded((x + epsilon).min(1.0)));
            while x - least > epsilon {
                least = self.beside(least, f64::next_up, f32::next_up);
            }
            while most - x > epsilon {
                most = self.beside(most, f64::next_down, f32::next_down);
            }
            (low.all[i], high.all[i]) = (least, most);
        }
        (low, high)
    }

    /// The next number of the pixels' type.
    fn beside(&self, x: f64, wide: fn(f64) -> f64, narrow: fn(f32) -> f32) -> f64 {
        if self.dtype == DType::F32 { f64::from(narrow(x as f32)) } else { wide(x) }
    }

    /// Draws pictures nearer to others until none is farther than ε in L2: what rounding left over goes.
    pub(super) fn hold(&mut self, from: &Pixels, epsilon: f64) {
        for i in 0..self.len() {
            let way: Vec<f64> = self.row(i).iter().zip(from.row(i)).map(|(x, x0)| x - x0).collect();
            let mut share = 1.0;
            loop {
                let far = l2(self.row(i), from.row(i));
                if far <= epsilon {
                    break;
                }
                share *= (epsilon / far).min(1.0 - 1e-7);
                for ((x, x0), way) in self.row_mut(i).iter_mut().zip(from.row(i)).zip(&way) {
                    *x = from.rounded(x0 + way * share);
                }
            }
        }
    }
}

/// √Σ(a − b)².
pub(super) fn l2(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// max |a − b|.
pub(super) fn linf(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_in_the_pixels_own_type() {
        let x = Tensor::rand([7, 3, 5, 5], 1);
        for x in [x.clone(), x.cast(DType::F64)] {
            let pixels = Pixels::of(&x).unwrap();
            for epsilon in [8.0 / 255.0, 0.1, 1e-9, 1.0] {
                let (low, high) = pixels.range(epsilon);
                assert_eq!(low.tensor(&x).to_vec::<f64>(), low.all, "rounding is over");
                for (i, &x) in pixels.all.iter().enumerate() {
                    assert!(x - low.all[i] <= epsilon && high.all[i] - x <= epsilon);
                    assert!(
                        0.0 <= low.all[i]
                            && low.all[i] <= x
                            && x <= high.all[i]
                            && high.all[i] <= 1.0
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_too_far_is_drawn_nearer() {
        let from = Pixels::of(&Tensor::full([2, 1, 2, 2], 0.5)).unwrap();
        let mut pixels = Pixels::of(&Tensor::full([2, 1, 2, 2], 0.75)).unwrap();
        pixels.row_mut(1).copy_from_slice(&[0.5; 4]);
        pixels.hold(&from, 0.1);
        let far = l2(pixels.row(0), from.row(0));
        assert!(far <= 0.1 && far > 0.0999, "{far}");
        assert_eq!(pixels.row(1), from.row(1));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let told = |x: &Tensor| Pixels::of(x).err().unwrap().to_string();
        assert_eq!(
            told(&Tensor::full([1, 1, 2, 2], 1.5)),
            "pictures: found a pixel of 1.5, expected pixels from 0 to 1"
        );
        assert_eq!(
            told(&Tensor::full([1, 1, 2, 2], f64::NAN)),
            "pictures: found a pixel of NaN, expected pixels from 0 to 1"
        );
        assert!(told(&Tensor::zeros([2, 2])).contains("expected at least one, as [B, C, H, W]"));
        assert!(
            told(&Tensor::zeros([1, 1, 2, 2]).cast(DType::BF16)).contains("expected f32 or f64")
        );
    }
}
