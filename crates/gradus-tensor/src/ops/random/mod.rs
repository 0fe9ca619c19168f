//! Random tensors: element i of a tensor is a pure function of (seed, stream, step, i), so it does
//! not matter which thread draws it, or when.   key [2] = (seed, step) -> [..]
//! Philox4x32-10, Salmon et al. 2011 §3.3
//!
//! Four elements (two in f64) share one Philox block: the seed is its key, (block, stream, step)
//! its counter. Normal numbers are Box & Muller's (1958), by polynomials of our own, so that they
//! have the same bits on every system.

#[cfg(test)]
pub(crate) mod cases;
mod cpu;
mod reference;
mod series;
#[cfg(test)]
mod tests;

use crate::ops::kernel::expect_i64;
use crate::ops::pointwise::compare;
use crate::{DType, Tensor};
use gradus_base::{Error, Real, Result, Shape};
use gradus_graph::{Backward, Dense, Device, Meta, Node, Plain, Rule, Strategy, call_one};
use gradus_reference::Array;

/// What the numbers are like.
#[derive(Clone, Copy, Debug)]
enum Distribution {
    /// Evenly over [0, 1): 24 random bits in f32, 53 in f64.
    Uniform,
    /// Standard normal.
    Normal,
    /// 64 random bits, i64.
    Bits,
}

#[derive(Debug)]
struct Random {
    distribution: Distribution,
    stream: u64,
    out: Meta,
}

impl Rule for Random {
    fn name(&self) -> &'static str {
        match self.distribution {
            Distribution::Uniform => "rand",
            Distribution::Normal => "randn",
            Distribution::Bits => "random_bits",
        }
    }

    fn infer(&self, _key: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![self.out])
    }

    /// Random numbers do not depend on any float: the key is made of integers.
    fn grad(&self, _backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![None])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => {
                Some(Dense::of(|spec| cpu::kernel(self.distribution, self.stream, spec)))
            }
            Device::Reference => {
                let Random { distribution, stream, out } = *self;
                let draw = move |key: &Array| reference::draw(distribution, stream, out, key);
                Some(Plain::of(move |x: &[Array]| Ok(vec![draw(&x[0])])))
            }
            _ => None,
        }
    }

    /// Philox is integer work; this counts the transcendental functions of Box & Muller.
    fn flops(&self, _inputs: &[Meta], outputs: &[Meta]) -> u64 {
        let each = if matches!(self.distribution, Distribution::Normal) { 20 } else { 1 };
        each * outputs[0].shape.len() as u64
    }
}

/// Where random numbers come from: (seed, step) as a tensor, so that a compiled step draws new ones
/// at every run, and a stream, which tells the drawing places of one step apart.
///
/// ```
/// use gradus_tensor::{Key, Tensor};
/// let dropout = Key::new(42).stream(1);
/// let mask = dropout.bernoulli([4, 8], 0.5);
/// assert_eq!(mask.to_vec::<u8>(), Key::new(42).stream(1).bernoulli([4, 8], 0.5).to_vec::<u8>());
/// assert_ne!(mask.to_vec::<u8>(), Key::new(42).stream(2).bernoulli([4, 8], 0.5).to_vec::<u8>());
/// ```
#[derive(Clone)]
pub struct Key {
    key: Tensor,
    stream: u64,
}

impl Key {
    /// The key of a seed, at step 0 and stream 0.
    ///
    /// **Shape** none: a key is no tensor.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Key;
    /// let [a, b] = [7, 7].map(|seed| Key::new(seed).uniform([3]).to_vec::<f32>());
    /// assert_eq!(a, b);
    /// ```
    #[track_caller]
    pub fn new(seed: u64) -> Key {
        Key::of(&Tensor::from([seed as i64, 0]))
    }

    /// The key in a tensor that holds (seed, step), perhaps that of a variable or an argument of a
    /// compiled step.
    ///
    /// **Shape** `i64 [2]`.
    ///
    /// # Panics
    /// If the tensor has another type or shape.
    ///
    /// ```
    /// use gradus_tensor::{Key, Tensor};
    /// let draw = |key: Key| key.uniform([3]).to_vec::<f32>();
    /// let [first, second] = [0, 1].map(|step| draw(Key::of(&Tensor::from([7i64, step]))));
    /// assert!(first == draw(Key::new(7)) && first != second);
    /// ```
    #[track_caller]
    pub fn of(key: &Tensor) -> Key {
        let key = match check(key) {
            Ok(()) => key.clone(),
            Err(e) => Tensor::refuse(e),
        };
        Key { key, stream: 0 }
    }

    /// The same key with another stream. Numbers of different streams are independent.
    ///
    /// **Shape** none: a key is no tensor.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Key;
    /// let [a, b] = [1, 2].map(|stream| Key::new(7).stream(stream).uniform([3]).to_vec::<f32>());
    /// assert_ne!(a, b);
    /// ```
    #[must_use]
    pub fn stream(&self, stream: u64) -> Key {
        Key { key: self.key.clone(), stream }
    }

    /// Evenly distributed over [0, 1), in f32.
    ///
    /// **Shape** `shape`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Key;
    /// let x = Key::new(7).uniform([1000]).to_vec::<f32>();
    /// assert!(x.iter().all(|x| (0.0..1.0).contains(x)));
    /// ```
    #[track_caller]
    pub fn uniform(&self, shape: impl Into<Shape>) -> Tensor {
        self.draw(Distribution::Uniform, shape.into(), DType::F32)
    }

    /// Evenly distributed over [0, 1), in the given float type. A number in f16 or bf16 is rounded,
    /// so it may be 1.
    ///
    /// **Shape** `shape`.
    ///
    /// # Panics
    /// If the type is not a float.
    ///
    /// ```
    /// use gradus_tensor::{DType, Key};
    /// let x = Key::new(7).uniform_of([1000], DType::F64).to_vec::<f64>();
    /// assert!(x.iter().all(|x| (0.0..1.0).contains(x)));
    /// ```
    #[track_caller]
    pub fn uniform_of(&self, shape: impl Into<Shape>, dtype: DType) -> Tensor {
        self.draw(Distribution::Uniform, shape.into(), dtype)
    }

    /// Normally distributed with mean 0 and variance 1, in f32.
    ///
    /// **Shape** `shape`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Key;
    /// let x = Key::new(7).normal([1000]);
    /// assert!(x.mean(..).item().abs() < 0.1 && (x.std(.., 1.0).item() - 1.0).abs() < 0.1);
    /// ```
    #[track_caller]
    pub fn normal(&self, shape: impl Into<Shape>) -> Tensor {
        self.draw(Distribution::Normal, shape.into(), DType::F32)
    }

    /// Normally distributed with mean 0 and variance 1, in the given float type.
    ///
    /// **Shape** `shape`.
    ///
    /// # Panics
    /// If the type is not a float.
    ///
    /// ```
    /// use gradus_tensor::{DType, Key};
    /// let x = Key::new(7).normal_of([1000], DType::F64);
    /// assert!(x.mean(..).item().abs() < 0.1 && (x.std(.., 1.0).item() - 1.0).abs() < 0.1);
    /// ```
    #[track_caller]
    pub fn normal_of(&self, shape: impl Into<Shape>, dtype: DType) -> Tensor {
        self.draw(Distribution::Normal, shape.into(), dtype)
    }

    /// A mask, each element true with probability `p`.
    ///
    /// **Shape** `bool shape`.
    ///
    /// # Panics
    /// If `p` is not in 0..=1.
    ///
    /// ```
    /// use gradus_tensor::{DType, Key};
    /// let ones = Key::new(7).bernoulli([1000], 0.25).cast(DType::I64).sum(..).item();
    /// assert!((200.0..300.0).contains(&ones));
    /// ```
    #[track_caller]
    pub fn bernoulli(&self, shape: impl Into<Shape>, p: f64) -> Tensor {
        if !(0.0..=1.0).contains(&p) {
            let what = format!("p must be a probability, in 0..=1, found {p}");
            return Tensor::refuse(Error::value("bernoulli", what));
        }
        let u = self.uniform(shape);
        compare("bernoulli", [&u, &u.full_like(p)], |u, p| u.lt(p))
    }

    /// 64 random bits per element, in i64.
    ///
    /// **Shape** `shape`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Key;
    /// let bits = Key::new(7).bits([2]).to_vec::<i64>();
    /// assert_ne!(bits[0], bits[1]);
    /// ```
    #[track_caller]
    pub fn bits(&self, shape: impl Into<Shape>) -> Tensor {
        self.draw(Distribution::Bits, shape.into(), DType::I64)
    }

    /// The numbers 0 … n − 1 in random order, in i64.
    ///
    /// **Shape** `[n]`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Key;
    /// let mut order = Key::new(7).permutation(4).to_vec::<i64>();
    /// order.sort();
    /// assert_eq!(order, [0, 1, 2, 3]);
    /// ```
    #[track_caller]
    pub fn permutation(&self, n: usize) -> Tensor {
        self.bits([n]).argsort(0, false)
    }

    /// Half types are drawn in f32 and rounded; so a uniform half number may be 1.
    #[track_caller]
    fn draw(&self, distribution: Distribution, shape: Shape, dtype: DType) -> Tensor {
        let drawn = match dtype {
            DType::F16 | DType::BF16 => DType::F32,
            DType::F32 | DType::F64 => dtype,
            _ if matches!(distribution, Distribution::Bits) => dtype,
            _ => {
                let what = format!("random numbers are floats, {dtype} is asked for");
                return Tensor::refuse(Error::dtype("random", what));
            }
        };
        let rule = Random { distribution, stream: self.stream, out: Meta::new(shape, drawn) };
        Tensor(call_one(rule, &[&self.key.0])).cast(dtype)
    }
}

fn check(key: &Tensor) -> Result<()> {
    expect_i64("key", "a key", key)?;
    if *key.shape() != [2] {
        let what = format!("a key is (seed, step), shape [2], found {}", key.shape());
        return Err(Error::shape("key", what));
    }
    Ok(())
}

impl Tensor {
    /// Evenly distributed over [0, 1), in f32.
    ///
    /// **Shape** `shape`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::rand([1000], 7);
    /// assert!((x.mean(..).item() - 0.5).abs() < 0.05);
    /// ```
    #[track_caller]
    #[doc(alias = "uniform")]
    pub fn rand(shape: impl Into<Shape>, seed: u64) -> Tensor {
        Key::new(seed).uniform(shape)
    }

    /// Normally distributed with mean 0 and variance 1, in f32.
    ///
    /// **Shape** `shape`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::randn([1000], 7);
    /// assert!(x.mean(..).item().abs() < 0.1 && (x.std(.., 1.0).item() - 1.0).abs() < 0.1);
    /// ```
    #[track_caller]
    #[doc(alias = "normal")]
    pub fn randn(shape: impl Into<Shape>, seed: u64) -> Tensor {
        Key::new(seed).normal(shape)
    }

    /// A mask, each element true with probability `p`.
    ///
    /// **Shape** `bool shape`.
    ///
    /// # Panics
    /// If `p` is not in 0..=1.
    ///
    /// ```
    /// use gradus_tensor::{DType, Tensor};
    /// let ones = Tensor::bernoulli([1000], 0.25, 7).cast(DType::I64).sum(..).item();
    /// assert!((200.0..300.0).contains(&ones));
    /// ```
    #[track_caller]
    pub fn bernoulli(shape: impl Into<Shape>, p: f64, seed: u64) -> Tensor {
        Key::new(seed).bernoulli(shape, p)
    }

    /// The numbers 0 … n − 1 in random order, in i64.
    ///
    /// **Shape** `[n]`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let order = Tensor::permutation(4, 7);
    /// assert_eq!(order.sort(0, false).to_vec::<i64>(), [0, 1, 2, 3]);
    /// ```
    #[track_caller]
    #[doc(alias("randperm", "shuffle"))]
    pub fn permutation(n: usize, seed: u64) -> Tensor {
        Key::new(seed).permutation(n)
    }
}
