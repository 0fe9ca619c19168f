//! Layers that enlarge images: upsampling and padding.   x [B, C, H, W]   y [B, C, P, Q]

use crate::refused::refused;
use crate::{Config, Context, Init, Layer, Module, Padding, Spec, Visitor};
use gradus_base::{Error, Shape};
use gradus_tensor::{PadMode, Tensor};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Nearest(usize),
    Bilinear(usize),
    Pad(usize, PadMode),
}

/// A layer that enlarges images; also its own description.
#[derive(Clone, Copy, Debug)]
pub struct Resize(Kind);

/// Describes a layer that makes images `factor` times as large by repeating every pixel:
/// `[B, C, H, W]` → `[B, C, factor·H, factor·W]`.
#[doc(alias("UpsamplingNearest2d", "UpSampling2D"))]
pub fn upsample_nearest(factor: usize) -> Resize {
    Resize(Kind::Nearest(factor))
}
/// Describes a layer that makes images `factor` times as large, linearly between pixels that are
/// cells of equal size: `[B, C, H, W]` → `[B, C, factor·H, factor·W]`.
pub fn upsample_bilinear(factor: usize) -> Resize {
    Resize(Kind::Bilinear(factor))
}
/// Describes a layer that puts `pixels` around all four sides, by [`PadMode::Zero`],
/// [`PadMode::Reflect`] or another mode: `[B, C, H, W]` → `[B, C, H + 2·pixels, W + 2·pixels]`.
#[doc(alias("ZeroPad2d", "ReflectionPad2d", "ZeroPadding2D"))]
pub fn pad2d(pixels: usize, mode: PadMode) -> Resize {
    Resize(Kind::Pad(pixels, mode))
}

impl Module for Resize {
    fn visit<'a>(&'a self, _: &mut Visitor<'a, '_>) {}
}
impl Layer for Resize {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        let sizes = |factor: usize| [x.size(-2) * factor, x.size(-1) * factor];
        match self.0 {
            Kind::Nearest(factor) => x.upsample_nearest(sizes(factor)),
            Kind::Bilinear(factor) => x.upsample_linear(sizes(factor), false),
            Kind::Pad(n, mode) => x.pad_with(-2, n, n, mode).pad_with(-1, n, n, mode),
        }
    }
    fn padding(&self, _: &Shape) -> Padding {
        // Height and width are what is enlarged; of frames [B, T, H, W] each is one place.
        Padding::Apart
    }
    fn describe(&self) -> String {
        match self.0 {
            Kind::Nearest(factor) => format!("UpsampleNearest({factor})"),
            Kind::Bilinear(factor) => format!("UpsampleBilinear({factor})"),
            Kind::Pad(pixels, mode) => format!("Pad2d({pixels}, {mode:?})"),
        }
    }
}
impl Config for Resize {
    fn name(&self) -> &'static str {
        if matches!(self.0, Kind::Pad(..)) { "pad" } else { "upsample" }
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, _: &Init) -> Arc<dyn Layer> {
        let input = input.shape;
        if input.rank() != 3 {
            let what = format!("the input is {input}, expected [channels, height, width]");
            return refused(Error::shape(self.name(), what));
        }
        if matches!(self.0, Kind::Nearest(0) | Kind::Bilinear(0)) {
            return refused(Error::value("upsample", "the factor is 0, expected at least 1"));
        }
        Arc::new(*self)
    }
}
