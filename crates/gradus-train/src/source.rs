//! Where batches come from: a loader over a data set, or tensors in memory.

use crate::Result;
use gradus_base::Error;
use gradus_base::philox::Stream;
use gradus_data::{Loader, Position};
use gradus_tensor::{DType, Tensor};

/// Inputs and targets of a batch.
pub type Pair = (Tensor, Tensor);

/// An endless sequence of batches, entered at any place, always the same.
pub trait Source {
    /// Batches in an epoch.
    fn batches(&self) -> usize;
    /// Samples in an epoch.
    fn samples(&self) -> usize;
    /// The batches from the given place to the end of its epoch.
    fn from(&self, epoch: u64, batch: usize) -> Box<dyn Iterator<Item = Result<Pair>> + '_>;
}

impl Source for Loader {
    fn batches(&self) -> usize {
        self.batches_per_epoch()
    }
    fn samples(&self) -> usize {
        self.dataset().len()
    }
    fn from(&self, epoch: u64, batch: usize) -> Box<dyn Iterator<Item = Result<Pair>> + '_> {
        let batches = Loader::from(self, Position { epoch, batch });
        Box::new(batches.map(|batch| {
            let batch = batch?;
            let x = Tensor::from_slice(&batch.inputs, batch.shape.as_slice());
            let t = Tensor::from_slice(&batch.labels, [batch.labels.len()]);
            Ok((x, t))
        }))
    }
}

/// Inputs and targets held in memory, any targets: one row per sample.
pub struct Arrays {
    x: Rows,
    t: Rows,
    batch: usize,
    shuffle: Option<u64>,
}

/// The rows of a tensor as bytes of one element type.
struct Rows {
    tensor: Tensor,
}

impl Arrays {
    /// Batches of `batch` rows of `x` and `t`, in order.
    ///
    /// # Errors
    /// When the numbers of rows differ, there are none, or `batch` is 0.
    pub fn new(x: &Tensor, t: &Tensor, batch: usize) -> Result<Arrays> {
        let rows = |t: &Tensor| t.shape().first().copied().unwrap_or(0);
        if rows(x) != rows(t) || rows(x) == 0 || batch == 0 {
            let what = format!("x {}, targets {}, batches of {batch}", x.shape(), t.shape());
            return Err(Error::shape("arrays", what).into());
        }
        let held = |t: &Tensor| -> Result<Rows> {
            t.try_read()?;
            Ok(Rows { tensor: t.clone() })
        };
        Ok(Arrays { x: held(x)?, t: held(t)?, batch, shuffle: None })
    }
    /// In another order every epoch.
    #[must_use]
    pub fn shuffle(mut self, seed: u64) -> Arrays {
        self.shuffle = Some(seed);
        self
    }
}

impl Rows {
    /// The rows of the given numbers, as a tensor.
    fn pick(&self, rows: &[usize]) -> Tensor {
        fn typed<T: gradus_tensor::Element>(t: &Tensor, rows: &[usize]) -> Tensor {
            let width = t.len() / t.shape()[0];
            let buffer = t.node().value().expect("read when made");
            let all = buffer.as_slice::<T>();
            let mut picked = Vec::with_capacity(rows.len() * width);
            rows.iter().for_each(|&r| picked.extend_from_slice(&all[r * width..][..width]));
            Tensor::from_slice(&picked, t.shape().with(0, rows.len()))
        }
        let t = &self.tensor;
        match t.dtype() {
            DType::F32 => typed::<f32>(t, rows),
            DType::F64 => typed::<f64>(t, rows),
            DType::F16 => typed::<gradus_tensor::f16>(t, rows),
            DType::BF16 => typed::<gradus_tensor::bf16>(t, rows),
            DType::I32 => typed::<i32>(t, rows),
            DType::I64 => typed::<i64>(t, rows),
            DType::U8 => typed::<u8>(t, rows),
            DType::Bool => typed::<bool>(t, rows),
        }
    }
}

impl Source for Arrays {
    fn batches(&self) -> usize {
        self.samples().div_ceil(self.batch)
    }
    fn samples(&self) -> usize {
        self.x.tensor.shape()[0]
    }
    fn from(&self, epoch: u64, batch: usize) -> Box<dyn Iterator<Item = Result<Pair>> + '_> {
        let order = match self.shuffle {
            Some(seed) => Stream::new(seed, 1, epoch as u32).permutation(self.samples()),
            None => (0..self.samples()).collect(),
        };
        let batches = (batch..self.batches()).map(move |b| {
            let rows = &order[b * self.batch..((b + 1) * self.batch).min(order.len())];
            Ok((self.x.pick(rows), self.t.pick(rows)))
        });
        Box::new(batches)
    }
}
