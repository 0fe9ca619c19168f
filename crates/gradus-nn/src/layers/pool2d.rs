//! Pooling layers.   x [B, C, H, W]   y [B, C, P, Q]

use crate::{
    Config, Context, Init, Layer, Module, Padding, Parameter, Spec, State, Takes, Visitor,
};
use gradus_base::Shape;
use gradus_tensor::{Pool, Tensor};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Max(Pool),
    Mean(Pool),
    AdaptiveMean([usize; 2]),
    AdaptiveMax([usize; 2]),
    GlobalMean,
    GlobalMax,
}

/// A pooling layer; also its own description.
#[derive(Clone, Copy, Debug)]
pub struct Pooling(Kind);

/// Describes max-pooling with square windows of `size`, side by side:
/// `[B, C, H, W]` → `[B, C, H/size, W/size]`.
#[doc(alias("MaxPool2d", "MaxPooling2D"))]
pub fn max_pool2d(size: usize) -> Pooling {
    Pooling(Kind::Max(Pool::new(size)))
}
/// Describes mean-pooling with square windows of `size`, side by side:
/// `[B, C, H, W]` → `[B, C, H/size, W/size]`.
#[doc(alias("AvgPool2d", "AveragePooling2D"))]
pub fn mean_pool2d(size: usize) -> Pooling {
    Pooling(Kind::Mean(Pool::new(size)))
}
/// Describes max-pooling with all options: `[B, C, H, W]` → `[B, C, P, Q]`.
pub fn max_pool2d_with(pool: Pool) -> Pooling {
    Pooling(Kind::Max(pool))
}
/// Describes mean-pooling with all options: `[B, C, H, W]` → `[B, C, P, Q]`.
pub fn mean_pool2d_with(pool: Pool) -> Pooling {
    Pooling(Kind::Mean(pool))
}
/// Describes mean-pooling to a given size: `[B, C, H, W]` → `[B, C, height, width]`.
#[doc(alias("AdaptiveAvgPool2d", "AdaptiveAveragePooling2D"))]
pub fn adaptive_mean_pool2d(height: usize, width: usize) -> Pooling {
    Pooling(Kind::AdaptiveMean([height, width]))
}
/// Describes max-pooling to a given size: `[B, C, H, W]` → `[B, C, height, width]`.
pub fn adaptive_max_pool2d(height: usize, width: usize) -> Pooling {
    Pooling(Kind::AdaptiveMax([height, width]))
}
/// Describes the mean of each whole plane: `[B, C, H, W]` → `[B, C]`.
#[doc(alias = "GlobalAveragePooling2D")]
pub fn global_mean_pool2d() -> Pooling {
    Pooling(Kind::GlobalMean)
}
/// Describes the maximum of each whole plane: `[B, C, H, W]` → `[B, C]`.
pub fn global_max_pool2d() -> Pooling {
    Pooling(Kind::GlobalMax)
}

impl Module for Pooling {
    fn visit<'a>(&'a self, _: &mut Visitor<'a, '_>) {}
}
impl Layer for Pooling {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        match self.0 {
            Kind::Max(pool) => x.max_pool2d(pool),
            Kind::Mean(pool) => x.mean_pool2d(pool),
            Kind::AdaptiveMean(size) => x.adaptive_mean_pool2d(size),
            Kind::AdaptiveMax(size) => x.adaptive_max_pool2d(size),
            Kind::GlobalMean => x.mean([2, 3]),
            Kind::GlobalMax => x.max([2, 3]),
        }
    }
    fn takes(&self) -> Takes {
        if matches!(self.0, Kind::GlobalMax) { Takes::Any } else { Takes::Floats }
    }
    fn padding(&self, _: &Shape) -> Padding {
        // Height and width are what is pooled; of frames [B, T, H, W] each is one place.
        Padding::Apart
    }
    fn describe(&self) -> String {
        let window = |p: &Pool| {
            let stride =
                if p.stride == p.kernel { String::new() } else { format!("/{}", p.stride[0]) };
            format!("{}×{}{stride}", p.kernel[0], p.kernel[1])
        };
        match &self.0 {
            Kind::Max(p) => format!("MaxPool2d({})", window(p)),
            Kind::Mean(p) => format!("MeanPool2d({})", window(p)),
            Kind::AdaptiveMean([h, w]) => format!("AdaptiveMeanPool2d({h}×{w})"),
            Kind::AdaptiveMax([h, w]) => format!("AdaptiveMaxPool2d({h}×{w})"),
            Kind::GlobalMean => "GlobalMeanPool2d".into(),
            Kind::GlobalMax => "GlobalMaxPool2d".into(),
        }
    }
    fn window(&self) -> Option<[(usize, usize, usize); 2]> {
        match self.0 {
            Kind::Max(p) | Kind::Mean(p) => {
                Some([0, 1].map(|a| (p.kernel[a], p.stride[a], p.dilation[a])))
            }
            _ => None,
        }
    }
    fn window_padding(&self, _input: &Shape) -> Option<[[usize; 2]; 2]> {
        match self.0 {
            Kind::Max(p) | Kind::Mean(p) => Some(p.padding),
            _ => None,
        }
    }
}
impl Config for Pooling {
    fn name(&self) -> &'static str {
        "pool"
    }
    fn build(self: Box<Self>, _: Spec, _: &Init) -> Arc<dyn Layer> {
        Arc::new(*self)
    }
}

/// Describes LeNet-5's subsampling: the sum of each window times a trained coefficient, plus a
/// trained bias, per channel: `[B, C, H, W]` → `[B, C, H/size, W/size]`.   LeCun et al. 1998 §II.B
pub fn trainable_mean_pool2d(size: usize) -> TrainablePoolConfig {
    TrainablePoolConfig(size)
}

/// The description of a [`TrainableMeanPool2d`].
#[derive(Clone, Copy, Debug)]
pub struct TrainablePoolConfig(usize);

impl Config for TrainablePoolConfig {
    fn name(&self) -> &'static str {
        "subsample"
    }
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        let channels = [1, input.shape[0], 1, 1];
        Arc::new(TrainableMeanPool2d {
            weight: Parameter::weight(&Tensor::full_of(channels, 1.0, init.dtype())),
            bias: Parameter::bias(&Tensor::full_of(channels, 0.0, init.dtype())),
            size: self.0,
        })
    }
}

/// y = coefficient·mean + bias, per channel.
#[derive(Clone, Debug)]
pub struct TrainableMeanPool2d {
    /// One coefficient per channel, `[1, C, 1, 1]`.
    pub weight: Parameter,
    /// One bias per channel, `[1, C, 1, 1]`.
    pub bias: Parameter,
    size: usize,
}

impl Module for TrainableMeanPool2d {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("weight", State::Parameter(&self.weight));
        visitor("bias", State::Parameter(&self.bias));
    }
}
impl Layer for TrainableMeanPool2d {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        x.mean_pool2d(Pool::new(self.size)) * self.weight.tensor() + self.bias.tensor()
    }
    fn takes(&self) -> Takes {
        Takes::FloatsLike(self.weight.variable().dtype())
    }
    fn padding(&self, _: &Shape) -> Padding {
        // Height and width are what is pooled; of frames [B, T, H, W] each is one place.
        Padding::Apart
    }
    fn describe(&self) -> String {
        format!("TrainableMeanPool2d({0}×{0})", self.size)
    }
    fn window(&self) -> Option<[(usize, usize, usize); 2]> {
        Some([(self.size, self.size, 1); 2])
    }
}
