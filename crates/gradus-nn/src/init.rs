//! Initialisers. Fan-in and fan-out are the numbers of weights that feed one output and that one input feeds.

use gradus_base::philox::Stream;
use gradus_base::{DType, Shape};
use gradus_tensor::Tensor;
use std::sync::atomic::{AtomicU32, Ordering};

/// How weights start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initializer {
    /// The same number everywhere.
    Constant(f64),
    /// Uniform in ±limit.
    Uniform(f64),
    /// Normal with this standard deviation.
    Normal(f64),
    /// Uniform in ±√(6/(in + out)).   Glorot & Bengio 2010 eq. 16
    GlorotUniform,
    /// Normal with variance 2/(in + out).   Glorot & Bengio 2010
    GlorotNormal,
    /// Uniform in ±√(6/in).   He et al. 2015, arXiv:1502.01852
    HeUniform,
    /// Normal with variance 2/in.   He et al. 2015, arXiv:1502.01852 eq. 10
    HeNormal,
    /// Uniform in ±√(3/in).   LeCun et al. 1998, "Efficient BackProp" §4.6
    LecunUniform,
    /// Normal with variance 1/in.   LeCun et al. 1998
    LecunNormal,
    /// Rows or columns orthonormal, times the gain.   Saxe et al. 2013, arXiv:1312.6120
    Orthogonal(f64),
}

/// Where initial weights come from: a seed, and a count of the tensors drawn so far.
#[derive(Debug)]
pub struct Init {
    seed: u64,
    dtype: DType,
    next: AtomicU32,
}

impl Init {
    /// Weights drawn from `seed`, in f32.
    pub fn new(seed: u64) -> Init {
        Init { seed, dtype: DType::F32, next: AtomicU32::new(0) }
    }
    /// Weights of another float type, such as f64 for gradient checks.
    #[must_use]
    pub fn of(mut self, dtype: DType) -> Init {
        self.dtype = dtype;
        self
    }
    /// The weights' element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }
    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A source of its own, for a model inside a model: other numbers than this one's, the same for the same seed and
    /// the same number of tensors and forks before it.
    #[must_use]
    pub fn fork(&self) -> Init {
        let number = u64::from(self.next.fetch_add(1, Ordering::Relaxed)) + 1;
        // An odd multiplier keeps different forks of one seed different.
        Init::new(self.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).of(self.dtype)
    }

    /// The next tensor: the same for the same seed and the same number of tensors before it.
    pub fn tensor(
        &self,
        initializer: Initializer,
        shape: Shape,
        fan_in: usize,
        fan_out: usize,
    ) -> Tensor {
        // The high bit keeps these streams apart from those that training draws from.
        let stream = self.next.fetch_add(1, Ordering::Relaxed) | 1 << 31;
        let mut random = Stream::new(self.seed, stream, 0);
        let values = draw(initializer, shape, fan_in.max(1) as f64, fan_out as f64, &mut random);
        match self.dtype {
            DType::F64 => Tensor::from_slice(&values, shape),
            dtype => {
                let narrow: Vec<f32> = values.iter().map(|&v| v as f32).collect();
                Tensor::from_slice(&narrow, shape).cast(dtype)
            }
        }
    }
}

fn draw(i: Initializer, shape: Shape, fan_in: f64, fan_out: f64, random: &mut Stream) -> Vec<f64> {
    let n = shape.len();
    let mut uniform = |limit: f64| -> Vec<f64> {
        (0..n).map(|_| (2.0 * random.uniform() - 1.0) * limit).collect()
    };
    match i {
        Initializer::Constant(c) => return vec![c; n],
        Initializer::Uniform(limit) => return uniform(limit),
        Initializer::GlorotUniform => return uniform((6.0 / (fan_in + fan_out)).sqrt()),
        Initializer::HeUniform => return uniform((6.0 / fan_in).sqrt()),
        Initializer::LecunUniform => return uniform((3.0 / fan_in).sqrt()),
        _ => {}
    }
    let mut normal = |std: f64| -> Vec<f64> { (0..n).map(|_| random.normal() * std).collect() };
    match i {
        Initializer::Normal(std) => normal(std),
        Initializer::GlorotNormal => normal((2.0 / (fan_in + fan_out)).sqrt()),
        Initializer::HeNormal => normal((2.0 / fan_in).sqrt()),
        Initializer::LecunNormal => normal((1.0 / fan_in).sqrt()),
        Initializer::Orthogonal(gain) => orthogonal(normal(gain.signum()), shape, gain.abs()),
        _ => unreachable!("drawn above"),
    }
}

/// Gram & Schmidt over the shorter side of the matrix [first axis, rest], twice for accuracy.
fn orthogonal(values: Vec<f64>, shape: Shape, gain: f64) -> Vec<f64> {
    let rows = shape.first().copied().unwrap_or(1).max(1);
    let cols = (values.len() / rows).max(1);
    let (count, len) = (rows.min(cols), rows.max(cols));
    let mut q: Vec<Vec<f64>> = values.chunks(len).take(count).map(<[f64]>::to_vec).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    for _ in 0..2 {
        for i in 0..q.len() {
            let (before, rest) = q.split_at_mut(i);
            let v = &mut rest[0];
            for u in before.iter() {
                let along = dot(u, v);
                v.iter_mut().zip(u).for_each(|(x, y)| *x -= along * y);
            }
            let norm = dot(v, v).sqrt();
            v.iter_mut().for_each(|x| *x /= norm);
        }
    }
    let at = |r: usize, c: usize| if rows <= cols { q[r][c] } else { q[c][r] };
    (0..values.len()).map(|i| gain * at(i / cols, i % cols)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_as_published() {
        let init = Init::new(1).of(DType::F64);
        let var = |i| {
            let v = init.tensor(i, Shape::from([200, 300]), 300, 200).to_vec::<f64>();
            v.iter().map(|x| x * x).sum::<f64>() / v.len() as f64
        };
        let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 0.03, "{a} against {b}");
        near(var(Initializer::GlorotUniform), 2.0 / 500.0);
        near(var(Initializer::GlorotNormal), 2.0 / 500.0);
        near(var(Initializer::HeUniform), 2.0 / 300.0);
        near(var(Initializer::HeNormal), 2.0 / 300.0);
        near(var(Initializer::LecunUniform), 1.0 / 300.0);
        near(var(Initializer::LecunNormal), 1.0 / 300.0);
        near(var(Initializer::Uniform(0.3)), 0.03);
    }

    #[test]
    fn orthogonal_is() {
        for shape in [[4, 9], [9, 4]] {
            let init = Init::new(3).of(DType::F64);
            let w = init.tensor(Initializer::Orthogonal(2.0), Shape::from(shape), 1, 1);
            let gram = if shape[0] < shape[1] { w.matmul(&w.t()) } else { w.t().matmul(&w) };
            let off = (&gram - Tensor::eye(4).cast(DType::F64) * 4.0).square().sum(..).item();
            assert!(off < 1e-20, "{off}");
        }
    }

    #[test]
    fn same_seed_same_weights() {
        let draw = |seed| {
            let init = Init::new(seed);
            init.tensor(Initializer::HeNormal, Shape::from([3]), 3, 3).to_vec::<f32>()
        };
        assert_eq!(draw(5), draw(5));
        assert_ne!(draw(5), draw(6));
    }
}
