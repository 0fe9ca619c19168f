//! An input of a case, and where its numbers come from.

use crate::Array;
use gradus_base::philox::Rng;
use gradus_base::{DType, Shape};
use std::ops::Range;

/// An input and where its numbers come from.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) shape: Shape,
    /// The element type, if it is not the one under test.
    pub(crate) dtype: Option<DType>,
    pub(crate) range: Range<f64>,
    pub(crate) avoid: Vec<f64>,
    /// Whether all numbers lie equally far apart, in any order.
    pub(crate) apart: bool,
    /// The numbers themselves, where the shape is the input's own.
    pub(crate) at: Option<Vec<f64>>,
}

impl Input {
    pub(crate) fn new(shape: Shape, dtype: Option<DType>, range: Range<f64>) -> Input {
        Input { shape, dtype, range, avoid: vec![], apart: false, at: None }
    }

    /// The `draw`-th numbers of many for the input of this number.
    pub(crate) fn sample(&self, shape: Shape, draw: u32, stream: u32) -> Array {
        if let Some(at) = self.at.as_ref().filter(|_| shape == self.shape) {
            return Array::new(shape, at.clone());
        }
        let mut random = Rng::new(2026, stream, draw);
        if self.apart {
            return Array { shape, values: self.shuffled(shape.len(), &mut random) };
        }
        let Range { start, end } = self.range;
        let distance = 0.01 * (end - start);
        let mut one = || match self.dtype {
            Some(_) => (start + random.unit() * (end - start)).floor(),
            None => loop {
                let x = start + random.unit() * (end - start);
                if self.avoid.iter().all(|k| (x - k).abs() > distance) {
                    break x;
                }
            },
        };
        Array { shape, values: (0..shape.len()).map(|_| one()).collect() }
    }

    fn shuffled(&self, len: usize, random: &mut Rng) -> Vec<f64> {
        let Range { start, end } = self.range;
        let mut order: Vec<(f64, usize)> = (0..len).map(|i| (random.unit(), i)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        let step = (end - start) / len.max(1) as f64;
        order.into_iter().map(|(_, i)| start + (i as f64 + 0.5) * step).collect()
    }
}
