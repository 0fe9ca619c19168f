//! What a pass looks like to the tiles: a forward convolution of kernels of two to five taps each way and stride 1.
//!
//! The data gradient is one over dy with the kernels turned round. A stride of s is one over pictures of s·s times the
//! channels: each pixel has those of an s×s square, of which a row lies together in memory.

use super::kernels::{MOST_TAPS, Places};
use super::transform::POINTS;
use crate::ops::conv2d::geometry::{Conv2d, Pass};

/// A pass over one group of channels.
#[derive(Clone, Copy)]
pub(super) struct Field {
    pub(super) batch: usize,
    pub(super) source: [usize; 2],
    pub(super) target: [usize; 2],
    /// Where in the source the first target pixel's first tap lies.
    pub(super) offset: [isize; 2],
    pub(super) stride: usize,
    /// Taps each way, those of stride 1; and target pixels that a tile gives each way.
    pub(super) taps: usize,
    pub(super) out: usize,
    pub(super) groups: usize,
    /// Of a group: source channels, target channels.
    pub(super) channels_in: usize,
    pub(super) channels_out: usize,
    /// From the first tap of one source channel and of one target channel to the next.
    pub(super) weight_in: usize,
    pub(super) weight_out: usize,
    /// Taps each way as the weights have them.
    kernel: usize,
    pub(super) flipped: bool,
}

impl Field {
    /// `None` if it is no such convolution.
    pub(super) fn of(conv: &Conv2d, pass: Pass) -> Option<Field> {
        let ([kernel, b], [stride, t]) = (conv.kernel, conv.stride);
        let taps = kernel.div_ceil(stride);
        let square = kernel == b && stride == t && conv.dilation == [1, 1];
        let strided = stride > 1 && (pass == Pass::DataGradient || conv.groups > 1);
        if !square || strided || !(2..=MOST_TAPS).contains(&taps) {
            return None;
        }
        let forward = Field {
            batch: conv.batch,
            source: [conv.height, conv.width],
            target: conv.output(),
            offset: conv.padding.map(|[before, _]| -before),
            stride,
            taps,
            out: POINTS + 1 - taps,
            groups: conv.groups,
            channels_in: conv.in_channels / conv.groups,
            channels_out: conv.out_channels / conv.groups,
            weight_in: kernel * kernel,
            weight_out: kernel * kernel * (conv.in_channels / conv.groups),
            kernel,
            flipped: false,
        };
        Some(match pass {
            Pass::DataGradient => forward.turned(conv),
            _ => forward,
        })
    }

    fn turned(self, conv: &Conv2d) -> Field {
        Field {
            source: self.target,
            target: self.source,
            offset: conv.padding.map(|[before, _]| before + 1 - self.kernel as isize),
            channels_in: self.channels_out,
            channels_out: self.channels_in,
            weight_in: self.weight_out,
            weight_out: self.weight_in,
            flipped: true,
            ..self
        }
    }

    /// Weights of a group.
    pub(super) fn weights(&self) -> usize {
        self.channels_in * self.channels_out * self.kernel * self.kernel
    }

    /// Source channels that lie together: those of a row of the stride's square.
    pub(super) fn row_channels(&self) -> usize {
        self.stride * self.channels_in
    }

    /// Source channels of a product.
    pub(super) fn depth(&self) -> usize {
        self.stride * self.row_channels()
    }

    /// Whether the taps of a channel are nine that lie together.
    pub(super) fn is_three_dense(&self) -> bool {
        self.kernel == 3 && self.stride == 1
    }

    /// Of a product's source channel: the op's channel, and where its taps lie.
    pub(super) fn places(&self, channel: usize) -> (usize, Places) {
        let (row, at) = (channel / self.row_channels(), channel % self.row_channels());
        let (col, channel) = (at / self.channels_in, at % self.channels_in);
        let mut places = [[None; MOST_TAPS]; MOST_TAPS];
        for i in 0..self.taps {
            for j in 0..self.taps {
                let [mut r, mut s] = [i * self.stride + row, j * self.stride + col];
                if r < self.kernel && s < self.kernel {
                    if self.flipped {
                        (r, s) = (self.kernel - 1 - r, self.kernel - 1 - s);
                    }
                    places[i][j] = Some(r * self.kernel + s);
                }
            }
        }
        (channel, places)
    }

    /// Tiles down and across a picture.
    fn across(&self) -> [usize; 2] {
        self.target.map(|size| size.div_ceil(self.out))
    }

    /// Tiles of all pictures.
    pub(super) fn tiles(&self) -> usize {
        let [down, across] = self.across();
        self.batch * down * across
    }

    /// The picture of a tile and its first target row and column.
    pub(super) fn place(&self, tile: usize) -> [usize; 3] {
        let [down, across] = self.across();
        let (image, at) = (tile / (down * across), tile % (down * across));
        [image, at / across * self.out, at % across * self.out]
    }

    /// Multiply-adds of the convolution for each of the tiles' products.
    pub(super) fn saving(&self) -> f64 {
        let pixels = self.batch * self.target[0] * self.target[1];
        let direct = pixels * self.kernel * self.kernel;
        let products = self.tiles() * POINTS * POINTS * self.stride * self.stride;
        direct as f64 / products.max(1) as f64
    }
}
