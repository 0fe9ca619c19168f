//! What benchmarks need of a convolution: its passes without a graph around them, operands in the
//! algorithms' own orders.
#![allow(unsafe_code)]

use super::{Algorithm, Conv2d, Pass, choose, data_gradient, forward, weight_gradient};
use gradus_base::{Shape, View};

/// One layer, to be repeated.
///
/// ```
/// use gradus_tensor::ops::conv2d::{Conv2d, bench::Layer};
/// let conv = Conv2d {
///     batch: 1, in_channels: 1, height: 3, width: 3, out_channels: 1, kernel: [3, 3], stride: [1, 1],
///     padding: [[0, 0]; 2], dilation: [1, 1], groups: 1,
/// };
/// let mut layer = Layer::new(conv, &[1.0; 9], &[0.5; 9]);
/// layer.forward();
/// assert!((layer.result()[0] - 4.5).abs() < 1e-5);
/// ```
pub struct Layer {
    conv: Conv2d,
    x: Vec<f32>,
    w: Vec<f32>,
    y: Vec<f32>,
    dx: Vec<f32>,
    dw: Vec<f32>,
}

impl Layer {
    /// From x `[N, C, H, W]` and w `[O, C/G, R, S]`, row-major.
    ///
    /// # Panics
    /// If x or w has another number of elements.
    pub fn new(conv: Conv2d, x: &[f32], w: &[f32]) -> Layer {
        let expected = (conv.x_shape().len(), conv.w_shape().len());
        assert_eq!((x.len(), w.len()), expected, "elements of x and w");
        let mut layer = Layer {
            conv,
            x: Vec::new(),
            w: w.to_vec(),
            y: vec![0.0; conv.y_shape().len()],
            dx: vec![0.0; x.len()],
            dw: vec![0.0; w.len()],
        };
        let view = layer.view(conv.x_shape());
        let mut own = vec![0.0; x.len()];
        x.iter().enumerate().for_each(|(i, &value)| own[view.index(i)] = value);
        layer.x = own;
        layer
    }

    /// Computes y.
    pub fn forward(&mut self) {
        let (conv, y) = (&self.conv, self.y.as_mut_ptr());
        // SAFETY: the buffers hold the geometry's shapes.
        unsafe {
            forward(self.algorithm(Pass::Forward), conv, self.x.as_ptr(), self.w.as_ptr(), y, None)
        }
    }

    /// Computes, after [`Layer::forward`], dw and, unless x is the network's own input, dx; y
    /// serves as dy.
    pub fn backward(&mut self, input: bool) {
        let (conv, dy, w) = (self.conv, self.y.as_ptr(), self.w.as_ptr());
        let [weights, data] = [Pass::WeightGradient, Pass::DataGradient].map(|p| self.algorithm(p));
        // SAFETY: as above.
        unsafe {
            weight_gradient(weights, &conv, self.x.as_ptr(), dy, self.dw.as_mut_ptr());
            if !input {
                data_gradient(data, &conv, dy, w, self.dx.as_mut_ptr(), None);
            }
        }
    }

    /// y `[N, O, P, Q]`, row-major, as the last forward pass left it.
    pub fn result(&self) -> Vec<f32> {
        let view = self.view(self.conv.y_shape());
        (0..self.y.len()).map(|i| self.y[view.index(i)]).collect()
    }

    /// dw `[O, C/G, R, S]`, as the last backward pass left it.
    pub fn weight_gradient(&self) -> &[f32] {
        &self.dw
    }

    fn algorithm(&self, pass: Pass) -> Algorithm {
        choose(&self.conv, pass)
    }

    /// How images lie, in the order that all passes agree on.
    fn view(&self, shape: Shape) -> View {
        View::ordered(shape, &self.algorithm(Pass::Forward).memory_order())
    }
}
