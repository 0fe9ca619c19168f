//! cast_whole(x): whole numbers as i64, and an error of the run where one has a fraction.
//! [..] -> [..]
//!
//! What names rows and classes may come as floats. `cast` would make 0 of 0.9 and of -0.5, and a
//! table would give its first row.

#[cfg(test)]
pub(crate) mod cases;
mod cpu;
mod reference;

use crate::{DType, Tensor};
use gradus_base::Result;
use gradus_graph::{Backward, Dense, Device, Meta, Node, Plain, Rule, Setting, Strategy, call_one};
use gradus_reference::Array;

/// x, f32 or f64, in i64.
#[derive(Debug)]
struct CastWhole;

impl Rule for CastWhole {
    fn name(&self) -> &'static str {
        "cast_whole"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![Meta::new(inputs[0].shape, DType::I64)])
    }

    /// As of a cast to integers, which is flat.
    fn grad(&self, _backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![None])
    }

    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        Some(vec![])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => Some(Dense::of(|spec| cpu::kernel(spec))),
            Device::Reference => {
                Some(Plain::of(|x: &[Array]| Ok(vec![reference::cast_whole(&x[0])?])))
            }
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        inputs[0].shape.len() as u64
    }
}

impl Tensor {
    /// Whole numbers of any type, in i64.
    ///
    /// **Shape** `[..] -> i64 [..]`. A float with a fraction, NaN, or a number that i64 does not
    /// hold is an error of the run. There is no gradient.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([3.0f32, -1.0]).cast_whole().to_vec::<i64>(), [3, -1]);
    /// let error = Tensor::from([3.0f32, 0.9]).cast_whole().try_read().unwrap_err().to_string();
    /// assert!(error.starts_with("cast_whole: the number at position 1 is 0.9, expected a whole one"));
    /// ```
    #[track_caller]
    pub fn cast_whole(&self) -> Tensor {
        if !self.dtype().is_float() {
            return self.cast(DType::I64);
        }
        Tensor(call_one(CastWhole, &[&self.cast(self.dtype().compute()).0]))
    }
}

#[cfg(test)]
mod tests {
    use crate::{DType, Tensor};

    #[test]
    fn whole_numbers_pass_in_every_type() {
        let ids = Tensor::from([[4i64, 0], [100, 1]]);
        for dtype in [DType::F64, DType::F32, DType::F16, DType::BF16, DType::I32, DType::U8] {
            let y = ids.cast(dtype).cast_whole();
            assert_eq!((y.dtype(), y.to_vec::<i64>()), (DType::I64, vec![4, 0, 100, 1]), "{dtype}");
        }
        // Seen through a view, and past what f32 counts.
        let x = ids.cast(DType::F32).transpose(0, 1);
        assert_eq!(x.cast_whole().to_vec::<i64>(), [4, 100, 0, 1]);
        let large = Tensor::from([9007199254740992.0f64, -0.0, i64::MIN as f64]);
        assert_eq!(large.cast_whole().to_vec::<i64>(), [9007199254740992, 0, i64::MIN]);
        assert!(Tensor::zeros([0]).cast_whole().to_vec::<i64>().is_empty());
    }

    #[test]
    fn what_is_not_whole_is_an_error_of_the_run() {
        let beyond = -(i64::MIN as f64);
        for x in [0.9, -0.5, 1e-30, f64::NAN, f64::INFINITY, beyond] {
            for dtype in [DType::F64, DType::F32] {
                let x = Tensor::from([2.0f64, 0.0, x, 0.5]).cast(dtype);
                let e = x.cast_whole().try_read().unwrap_err().to_string();
                assert!(e.starts_with("cast_whole: the number at position 2 is "), "{e}");
                assert!(e.contains("expected a whole one") && e.contains("cast_whole"), "{e}");
            }
        }
    }
}
