//! Small changes of a picture in each step, so that what is found does not hang on single pixels.

use gradus_base::philox::Rng;
use gradus_tensor::{Beyond, Sampling, Tensor};

/// How far pictures are moved, turned and scaled at random in each step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Transforms {
    /// At most so many pixels to each side.
    pub jitter: f64,
    /// At most so many degrees to each side.
    pub rotate: f64,
    /// At most by this share larger or smaller.
    pub scale: f64,
}

impl Transforms {
    /// Whether nothing is changed.
    pub fn is_none(&self) -> bool {
        *self == Transforms::default()
    }

    /// Where pixels are read: maps `[pictures, 2, 3]` of places from −1 to 1.
    pub(super) fn drawn(
        &self,
        pictures: usize,
        [height, width]: [usize; 2],
        rng: &mut Rng,
    ) -> Tensor {
        let mut maps = Vec::with_capacity(6 * pictures);
        for _ in 0..pictures {
            let angle = rng.uniform(-self.rotate, self.rotate).to_radians();
            let scale = 1.0 + rng.uniform(-self.scale, self.scale);
            let [dx, dy] = [(); 2].map(|()| rng.uniform(-self.jitter, self.jitter));
            let (sin, cos) = (scale * angle.sin(), scale * angle.cos());
            // Places are shares of a side: turned, they go from one side to the other.
            let [h, w] = [height as f64, width as f64];
            maps.extend([cos, -sin * h / w, 2.0 * dx / w, sin * w / h, cos, 2.0 * dy / h]);
        }
        Tensor::from_slice(&maps, [pictures, 2, 3])
    }
}

/// The pictures as they are read there; beyond their edges they are mirrored.
pub(super) fn moved(x: &Tensor, maps: &Tensor) -> Tensor {
    let grid = maps.cast(x.dtype()).affine_grid(&[x.size(2), x.size(3)], false);
    x.grid_sample(&grid, Sampling::Linear, Beyond::Reflection, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_to_the_side_and_a_quarter_turn() {
        let x = Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], [1, 1, 3, 3]);
        let of = |map: [f64; 6]| moved(&x, &Tensor::from_slice(&map, [1, 2, 3])).to_vec::<f64>();
        let near = |found: Vec<f64>, expected: [f64; 9]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
        };
        near(
            of([1.0, 0.0, 2.0 / 3.0, 0.0, 1.0, 0.0]),
            [2.0, 3.0, 3.0, 5.0, 6.0, 6.0, 8.0, 9.0, 9.0],
        );
        near(of([0.0, -1.0, 0.0, 1.0, 0.0, 0.0]), [3.0, 6.0, 9.0, 2.0, 5.0, 8.0, 1.0, 4.0, 7.0]);
    }

    #[test]
    fn what_is_drawn_stays_within_bounds() {
        let transforms = Transforms { jitter: 2.0, rotate: 10.0, scale: 0.1 };
        let maps = transforms.drawn(50, [20, 40], &mut Rng::new(1, 0, 0)).to_vec::<f64>();
        for map in maps.chunks(6) {
            assert!(map[2].abs() <= 0.1 && map[5].abs() <= 0.2, "{map:?}");
            let scale = map[0].hypot(map[3] / 2.0);
            assert!((0.9..=1.1).contains(&scale) && (map[0] / scale).acos().to_degrees() <= 10.001);
            assert!((map[1] + map[3] / 4.0).abs() < 1e-12, "a turn, not a shear: {map:?}");
        }
        assert!(Transforms::default().is_none() && !transforms.is_none());
    }
}
