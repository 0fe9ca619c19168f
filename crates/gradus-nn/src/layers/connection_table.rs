//! A convolution whose filters see some of the channels each.   x [B, C, H, W]
//! y [B, O, H − R + 1, W − S + 1]
//!
//! LeCun et al. 1998 §II.B, table I

use crate::refused::refused;
use crate::{
    Config, Context, Init, Initializer, Layer, Module, Parameter, Spec, State, Takes, Visitor,
};
use gradus_base::{Error, Shape};
use gradus_tensor::{Conv, Tensor};
use std::sync::Arc;

/// Describes a convolution of square kernels, one filter per entry of `table`, which lists the
/// channels it sees: `[B, C, H, W]` → `[B, O, H − R + 1, W − S + 1]`.
pub fn table_conv2d(table: &[&[usize]], kernel: usize) -> TableConv2dConfig {
    let table = table.iter().map(|seen| seen.to_vec()).collect();
    TableConv2dConfig { table, kernel, init: Initializer::GlorotUniform }
}

/// The description of a [`TableConv2d`].
#[derive(Clone, Debug)]
pub struct TableConv2dConfig {
    table: Vec<Vec<usize>>,
    kernel: usize,
    init: Initializer,
}

impl TableConv2dConfig {
    /// The initialiser of the weights; Glorot uniform by default. The fans are means over the
    /// filters.
    #[must_use]
    pub fn init(mut self, init: Initializer) -> Self {
        self.init = init;
        self
    }
}

impl Config for TableConv2dConfig {
    fn name(&self) -> &'static str {
        "conv"
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        let input = input.shape;
        let channels = if input.rank() == 3 { input[0] } else { 0 };
        if let Some(missing) = self.table.iter().flatten().find(|&&c| c >= channels) {
            let what = format!(
                "the table names channel {missing}, from 0; the input is {input}, expected [channels, height, width]"
            );
            return refused(Error::shape("table_conv2d", what));
        }
        let (filters, k) = (self.table.len(), self.kernel);
        let links: usize = self.table.iter().map(Vec::len).sum();
        let (fan_in, fan_out) = (links * k * k / filters.max(1), links * k * k / channels.max(1));
        let weight = init.tensor(self.init, Shape::from([links, k, k]), fan_in, fan_out);
        let mut places = vec![links as i64; filters * channels];
        let pairs =
            self.table.iter().enumerate().flat_map(|(o, seen)| seen.iter().map(move |&c| (o, c)));
        for (link, (o, c)) in pairs.enumerate() {
            places[o * channels + c] = link as i64;
        }
        Arc::new(TableConv2d {
            weight: Parameter::weight(&weight),
            bias: Parameter::bias(&Tensor::full_of([filters], 0.0, init.dtype())),
            places: Tensor::from_slice(&places, [filters * channels]),
            kernel: [filters, channels, k, k],
        })
    }
}

/// A convolution whose filters see some of the channels each. Only connected maps have weights
/// between them.
#[derive(Clone, Debug)]
pub struct TableConv2d {
    /// One kernel per connection, `[connections, R, S]`, filter by filter.
    pub weight: Parameter,
    /// b, `[O]`.
    pub bias: Parameter,
    /// For each (filter, channel) its connection, or one past the last.
    places: Tensor,
    kernel: [usize; 4],
}

impl Module for TableConv2d {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("weight", State::Parameter(&self.weight));
        visitor("bias", State::Parameter(&self.bias));
    }
}
impl Layer for TableConv2d {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        let [filters, _, r, s] = self.kernel;
        let links = self.weight.variable().shape()[0];
        let weight = self.weight.tensor().reshape([links, r * s]).pad(0, 0, 1); // a kernel of zeros last
        let weight = weight.index_select(0, &self.places).reshape(self.kernel); // [O, C, R, S]
        x.conv2d(&weight, Conv::new()) + self.bias.tensor().reshape([1, filters, 1, 1])
    }
    fn takes(&self) -> Takes {
        Takes::FloatsOf(self.weight.variable().dtype())
    }
    fn describe(&self) -> String {
        let [filters, _, r, s] = self.kernel;
        format!("TableConv2d({filters}@{r}×{s})")
    }
    fn macs(&self, _: &Shape, output: &Shape) -> u64 {
        (self.weight.variable().shape().len() * output[1..].iter().product::<usize>()) as u64
    }
    fn window(&self) -> Option<[(usize, usize, usize); 2]> {
        Some([(self.kernel[2], 1, 1), (self.kernel[3], 1, 1)])
    }
}
