//! Dropout.   x [B, ..]   y as x.   Srivastava et al. 2014, JMLR 15; the kept are scaled while
//! training, as everywhere today.

use crate::{Config, Context, Init, Layer, Module, Padding, Spec, Takes, Visitor};
use gradus_base::{Error, Shape};
use gradus_tensor::{Key, Tensor, report};
use std::sync::Arc;

/// Describes dropout of each element with probability `p`: `[B, ..]` → `[B, ..]`.
///
/// # Panics
/// If `p` is not in 0 ≤ p < 1.
#[track_caller]
pub fn dropout(p: f64) -> Dropout {
    Dropout::new(p, false)
}

/// Describes dropout of whole channels with probability `p`: `[B, C, ..]` → `[B, C, ..]`.
/// Tompson et al. 2014, arXiv:1411.4280
///
/// # Panics
/// If `p` is not in 0 ≤ p < 1.
#[track_caller]
#[doc(alias("Dropout2d", "SpatialDropout2D"))]
pub fn spatial_dropout(p: f64) -> Dropout {
    Dropout::new(p, true)
}

/// y = x·mask/(1 − p) while training, x otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    p: f64,
    channels: bool,
}

impl Dropout {
    #[track_caller]
    fn new(p: f64, channels: bool) -> Dropout {
        if !(0.0..1.0).contains(&p) {
            let what = format!("probability {p}; expected 0 ≤ p < 1");
            report(Error::value("dropout", what));
            return Dropout { p: 0.0, channels };
        }
        Dropout { p, channels }
    }

    /// Whether anything is dropped while training.
    pub(crate) fn is_on(&self) -> bool {
        self.p > 0.0
    }
}

impl Module for Dropout {
    fn visit<'a>(&'a self, _: &mut Visitor<'a, '_>) {}
}
impl Layer for Dropout {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        if !cx.is_training() || self.p == 0.0 {
            return x.clone();
        }
        let (key, stream) = cx.random();
        let mut shape = x.shape();
        if self.channels {
            (2..shape.rank()).for_each(|a| shape = shape.with(a, 1));
        }
        let keep = 1.0 - self.p;
        let mask = Key::of(&key).stream(u64::from(stream)).bernoulli(shape, keep);
        x * (mask.cast(x.dtype()) / keep)
    }
    fn takes(&self) -> Takes {
        // With nothing dropped nothing is scaled.
        if self.p == 0.0 { Takes::Any } else { Takes::Floats }
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Apart
    }
    fn describe(&self) -> String {
        let name = if self.channels { "SpatialDropout" } else { "Dropout" };
        format!("{name}({})", self.p)
    }
}
impl Config for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }
    fn build(self: Box<Self>, _: Spec, _: &Init) -> Arc<dyn Layer> {
        Arc::new(*self)
    }
}
