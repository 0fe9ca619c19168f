//! What can be chosen about a convolution: stride, padding, dilation, groups.

use crate::PadMode;

/// How much is put around the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Padding {
    /// Nothing.
    #[default]
    Valid,
    /// So much that the output has ⌈size / stride⌉ pixels; an odd pixel goes after. This is `same`
    /// of TensorFlow and Keras, and at stride 1 of PyTorch.
    Same,
    /// dilation·(kernel − 1)/2 on both sides whatever the stride, as networks written for PyTorch have it.
    Half,
    /// (before, after) for rows and for columns.
    Explicit([[usize; 2]; 2]),
}

impl Padding {
    /// The same on all four sides.
    pub fn all(pixels: usize) -> Padding {
        Padding::Explicit([[pixels; 2]; 2])
    }

    /// How much is put before and after, for rows and for columns, given the sizes of the input and
    /// the kernel.
    pub fn resolve(
        self,
        size: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
    ) -> [[usize; 2]; 2] {
        let axis = |a: usize| {
            let reach = dilation[a] * (kernel[a].max(1) - 1) + 1;
            match self {
                Padding::Valid => [0, 0],
                Padding::Half => [(reach - 1) / 2; 2],
                Padding::Explicit(pads) => pads[a],
                Padding::Same => {
                    let out = size[a].div_ceil(stride[a]);
                    let total = (out.max(1) - 1) * stride[a] + reach;
                    let total = total.saturating_sub(size[a]);
                    [total / 2, total - total / 2]
                }
            }
        };
        [axis(0), axis(1)]
    }
}

/// Stride, padding, dilation and groups of a convolution.
///
/// ```
/// use gradus_tensor::ops::conv2d::{Conv, Padding};
/// let c = Conv::new().stride(2).padding(Padding::Same);
/// assert_eq!(c.stride, [2, 2]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conv {
    /// Pixels from one output to the next, down and right.
    pub stride: [usize; 2],
    /// How much is put around the input.
    pub padding: Padding,
    /// What is put there.
    pub pad_mode: PadMode,
    /// Pixels from one kernel tap to the next, down and right.
    pub dilation: [usize; 2],
    /// The number of groups that the channels are divided into.
    pub groups: usize,
    /// Pixels added at the end of a transposed convolution's output.
    pub output_padding: [usize; 2],
}

impl Default for Conv {
    fn default() -> Conv {
        Conv {
            stride: [1; 2],
            padding: Padding::Valid,
            pad_mode: PadMode::Zero,
            dilation: [1; 2],
            groups: 1,
            output_padding: [0; 2],
        }
    }
}

impl Conv {
    /// Stride 1, no padding, no dilation, one group.
    pub fn new() -> Conv {
        Conv::default()
    }
    /// The stride, both ways.
    #[must_use]
    pub fn stride(mut self, stride: usize) -> Conv {
        self.stride = [stride; 2];
        self
    }
    /// What is put around the input.
    #[must_use]
    pub fn padding(mut self, padding: Padding) -> Conv {
        self.padding = padding;
        self
    }
    /// What is put around the input; zeros by default.
    #[must_use]
    pub fn pad_mode(mut self, mode: PadMode) -> Conv {
        self.pad_mode = mode;
        self
    }
    /// The dilation, both ways.
    #[must_use]
    pub fn dilation(mut self, dilation: usize) -> Conv {
        self.dilation = [dilation; 2];
        self
    }
    /// The number of groups that the channels are divided into.
    #[must_use]
    pub fn groups(mut self, groups: usize) -> Conv {
        self.groups = groups;
        self
    }
}
