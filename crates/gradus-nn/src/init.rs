//! Initialisers. Fan-in and fan-out are the numbers of weights that feed one output and that one
//! input feeds.

use gradus_base::philox::Rng;
use gradus_base::{DType, Error, Shape};
use gradus_tensor::{Buffer, Result, Tensor, mistaken};
use std::sync::atomic::{AtomicU32, Ordering};

/// How weights start.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias("kaiming", "xavier", "glorot", "kaiming_normal_", "xavier_uniform_"))]
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
#[doc(alias("manual_seed", "set_random_seed"))]
pub struct Init {
    seed: u64,
    dtype: DType,
    blank: bool,
    next: AtomicU32,
}

impl Init {
    /// Weights drawn from `seed`, in f32.
    pub fn new(seed: u64) -> Init {
        Init { seed, dtype: DType::F32, blank: false, next: AtomicU32::new(0) }
    }
    /// Draws nothing: every weight is 0, in memory that the system hands out when it is first
    /// written. For models that are only looked at, and for those whose weights are read from a
    /// file.
    ///
    /// ```
    /// use gradus_nn::{Init, Sequential, layers::*};
    /// let vast = Sequential::new([1 << 14], &Init::blank()).add(dense(1 << 14));
    /// assert_eq!(vast.summary().parameters, (1 << 28) + (1 << 14)); // a GiB of weights, none of them touched
    /// ```
    pub fn blank() -> Init {
        Init { blank: true, ..Init::new(0) }
    }
    /// Makes weights of another float type, such as f64 for gradient checks.
    #[must_use]
    pub fn of(mut self, dtype: DType) -> Init {
        self.dtype = dtype;
        self
    }
    /// The element type of the weights.
    pub fn dtype(&self) -> DType {
        self.dtype
    }
    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A source that is what this one was before it drew anything.
    #[must_use]
    pub fn restarted(&self) -> Init {
        Init { next: AtomicU32::new(0), ..*self }
    }

    /// A separate source, for a model inside a model. Its numbers differ from those of this one,
    /// and are the same for the same seed and the same number of tensors and forks before it.
    #[must_use]
    pub fn fork(&self) -> Init {
        let number = u64::from(self.next.fetch_add(1, Ordering::Relaxed)) + 1;
        // An odd multiplier keeps different forks of one seed different.
        let seed = self.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Init { seed, next: AtomicU32::new(0), ..*self }
    }

    /// The next tensor: the same for the same seed and the same number of tensors before it.
    ///
    /// # Panics
    /// If there is not enough memory for the weights.
    #[track_caller]
    pub fn tensor(
        &self,
        initializer: Initializer,
        shape: Shape,
        fan_in: usize,
        fan_out: usize,
    ) -> Tensor {
        // The high bit keeps these streams apart from those that training draws from.
        let stream = self.next.fetch_add(1, Ordering::Relaxed) | 1 << 31;
        let wide = self.dtype == DType::F64;
        let drawn = if wide { DType::F64 } else { DType::F32 };
        if mistaken() {
            return Tensor::poisoned(); // of a model that nobody will see
        }
        // Drawn straight into the buffer that the weights will live in.
        let mut buffer = match bytes(&shape, drawn) {
            Ok(bytes) => Buffer::zeroed(bytes),
            Err(e) => return Tensor::refuse(e),
        };
        if !self.blank {
            let draw = Draw {
                spread: initializer.spread(fan_in.max(1) as f64, fan_out as f64),
                random: Rng::new(self.seed, stream, 0),
                shape,
            };
            match wide {
                true => draw.fill(buffer.as_mut_slice::<f64>(), |v| v),
                false => draw.fill(buffer.as_mut_slice::<f32>(), |v| v as f32),
            }
        }
        Tensor::from_buffer(buffer, shape, drawn).cast(self.dtype)
    }
}

/// The bytes of so many weights. A file may ask for any number of them, and what the system refuses would end the program.
fn bytes(shape: &Shape, dtype: DType) -> Result<usize> {
    const UNASKED: usize = 1 << 30;
    let is_there =
        |&bytes: &usize| bytes <= UNASKED || Vec::<u8>::new().try_reserve_exact(bytes).is_ok();
    let bytes = shape.iter().try_fold(dtype.size(), |bytes, &size| bytes.checked_mul(size));
    bytes
        .filter(is_there)
        .ok_or_else(|| Error::value("init", format!("the memory does not hold weights {shape}")))
}

/// A distribution in numbers.
#[derive(Clone, Copy)]
enum Spread {
    Constant(f64),
    /// ± this.
    Uniform(f64),
    /// This standard deviation.
    Normal(f64),
    Orthogonal(f64),
}

impl Initializer {
    fn spread(self, fan_in: f64, fan_out: f64) -> Spread {
        match self {
            Initializer::Constant(c) => Spread::Constant(c),
            Initializer::Uniform(limit) => Spread::Uniform(limit),
            Initializer::GlorotUniform => Spread::Uniform((6.0 / (fan_in + fan_out)).sqrt()),
            Initializer::HeUniform => Spread::Uniform((6.0 / fan_in).sqrt()),
            Initializer::LecunUniform => Spread::Uniform((3.0 / fan_in).sqrt()),
            Initializer::Normal(std) => Spread::Normal(std),
            Initializer::GlorotNormal => Spread::Normal((2.0 / (fan_in + fan_out)).sqrt()),
            Initializer::HeNormal => Spread::Normal((2.0 / fan_in).sqrt()),
            Initializer::LecunNormal => Spread::Normal((1.0 / fan_in).sqrt()),
            Initializer::Orthogonal(gain) => Spread::Orthogonal(gain),
        }
    }
}

/// Numbers about to be drawn.
struct Draw {
    spread: Spread,
    random: Rng,
    shape: Shape,
}

/// Weights that a thread draws at a time.
const PIECE: usize = 1 << 18;

impl Draw {
    fn fill<T: Copy + Send>(&self, out: &mut [T], round: impl Fn(f64) -> T + Sync) {
        match self.spread {
            // Fresh memory is 0 already.
            Spread::Constant(0.0) => {}
            Spread::Constant(c) => out.fill(round(c)),
            Spread::Uniform(limit) => {
                self.each(out, 2, |random| round((2.0 * random.unit() - 1.0) * limit));
            }
            Spread::Normal(std) => self.each(out, 4, |random| round(random.normal_std() * std)),
            Spread::Orthogonal(gain) => {
                let mut values = vec![0.0; out.len()];
                self.each(&mut values, 4, |random| random.normal_std() * gain.signum());
                let values = orthogonal(values, self.shape, gain.abs());
                out.iter_mut().zip(values).for_each(|(to, v)| *to = round(v));
            }
        }
    }

    /// Each element takes its own `words` of the stream, so it does not matter who draws it.
    fn each<T: Send>(&self, out: &mut [T], words: u64, one: impl Fn(&mut Rng) -> T + Sync) {
        let fill = |first: usize, part: &mut [T]| {
            let mut random = self.random.clone();
            random.seek(first as u64 * words);
            part.iter_mut().for_each(|to| *to = one(&mut random));
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        if out.len() <= PIECE || threads == 1 {
            return fill(0, out);
        }
        let share = out.len().div_ceil(threads).next_multiple_of(PIECE);
        std::thread::scope(|scope| {
            for (i, part) in out.chunks_mut(share).enumerate() {
                let fill = &fill;
                scope.spawn(move || fill(i * share, part));
            }
        });
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
    fn every_part_of_a_large_tensor_is_drawn_as_in_order() {
        let (init, shape) = (Init::new(5), Shape::from([PIECE + 77]));
        let drawn = init.tensor(Initializer::Normal(0.5), shape, 1, 1).to_vec::<f32>();
        let mut random = Rng::new(5, 1 << 31, 0);
        assert!(drawn.iter().all(|&w| w == (random.normal_std() * 0.5) as f32));
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
