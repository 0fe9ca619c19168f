//! The networks of the benchmarks. Inputs, weights and targets are formulas, so that programs in other languages can have
//! the same ones and compare what they compute.

use gradus::nn::layers::{conv2d, dense, flatten, max_pool2d, relu, tanh};
use gradus::nn::losses::{cross_entropy, mean_squared};
use gradus::nn::{Context, Init, Layer, Parameter, Sequential, parameters};
use gradus::{Result, Shape, Tensor};

/// A network of the cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Net {
    /// 2-8-8-1, tanh, learning the product of its inputs.
    Tiny,
    /// 784-512-512-10, ReLU.
    Mlp,
    /// LeNet-5 with ReLU and max-pooling.
    Lenet,
}

impl Net {
    /// All of them.
    pub const ALL: [Net; 3] = [Net::Tiny, Net::Mlp, Net::Lenet];

    /// `tiny`, `mlp`, `lenet`.
    pub fn name(self) -> &'static str {
        match self {
            Net::Tiny => "tiny",
            Net::Mlp => "mlp",
            Net::Lenet => "lenet",
        }
    }

    /// What one sample is called.
    pub fn unit(self) -> &'static str {
        if self == Net::Lenet { "images/s" } else { "samples/s" }
    }

    fn input(self) -> Shape {
        match self {
            Net::Tiny => [2].into(),
            Net::Mlp => [784].into(),
            Net::Lenet => [1, 28, 28].into(),
        }
    }

    /// The network with its starting weights: uniform within ±√(6/fan-in), biases 0.
    ///
    /// # Errors
    /// When the engine refuses a weight.
    pub fn model(self) -> Result<Sequential> {
        let start = Sequential::new(self.input(), &Init::new(0));
        let model = match self {
            Net::Tiny => start.add(dense(8)).add(tanh()).add(dense(8)).add(tanh()).add(dense(1)),
            Net::Mlp => {
                start.add(dense(512)).add(relu()).add(dense(512)).add(relu()).add(dense(10))
            }
            Net::Lenet => start
                .add(conv2d(6, 5).pad(2))
                .add(relu())
                .add(max_pool2d(2))
                .add(conv2d(16, 5))
                .add(relu())
                .add(max_pool2d(2))
                .add(flatten())
                .add(dense(120))
                .add(relu())
                .add(dense(84))
                .add(relu())
                .add(dense(10)),
        };
        let weights = parameters(&model).into_iter().filter(|(path, _)| path.ends_with("weight"));
        for (layer, (_, parameter)) in weights.enumerate() {
            set_weight(&parameter, 2001 + 1000 * layer as u32)?;
        }
        Ok(model)
    }

    /// A batch's inputs and targets: labels 7i mod 10, or the products of the tiny network's two inputs.
    pub fn batch(self, samples: usize) -> (Tensor, Tensor) {
        let shape = self.input().inserted(0, samples);
        let values = formula(shape.len(), 1001, 1.0);
        let targets = match self {
            Net::Tiny => {
                let products: Vec<f32> = values.chunks(2).map(|pair| pair[0] * pair[1]).collect();
                Tensor::from_slice(&products, [samples, 1])
            }
            _ => {
                let labels: Vec<i64> = (0..samples as i64).map(|i| i * 7 % 10).collect();
                Tensor::from_slice(&labels, [samples])
            }
        };
        (Tensor::from_slice(&values, shape), targets)
    }

    /// The mean loss of a batch, as graph.
    pub fn loss(self, model: &Sequential, x: &Tensor, t: &Tensor, cx: &Context) -> Tensor {
        let y = model.forward(x, cx);
        let loss = if self == Net::Tiny { mean_squared(&y, t) } else { cross_entropy(&y, t) };
        loss.mean(..)
    }

    /// Multiply-adds of one sample: of the forward pass, and of training, which is three times as much less the first
    /// layer's input gradient, that nobody asks for.
    ///
    /// # Errors
    /// As [`Net::model`].
    pub fn macs(self) -> Result<(u64, u64)> {
        let summary = self.model()?.summary();
        let forward = summary.macs();
        let first = summary.rows.iter().map(|row| row.macs).find(|&macs| macs > 0).unwrap_or(0);
        Ok((forward, 3 * forward - first))
    }
}

/// The formula's elements are in the order `[out, in]`; dense layers keep `[in, out]`.
fn set_weight(parameter: &Parameter, salt: u32) -> Result<()> {
    let shape = parameter.variable().shape();
    let dense = shape.rank() == 2;
    let fan_in: usize = if dense { shape[0] } else { shape[1..].iter().product() };
    let values = formula(shape.len(), salt, (6.0 / fan_in as f64).sqrt());
    let value = match dense {
        true => Tensor::from_slice(&values, [shape[1], shape[0]]).t(),
        false => Tensor::from_slice(&values, shape),
    };
    parameter.variable().set(&value)
}

/// `(k − 2²³) / 2²³ · scale` with `k = ((i · 2654435761 + salt · 40503) mod 2³²) >> 8`, in f64.
pub fn formula(len: usize, salt: u32, scale: f64) -> Vec<f32> {
    let element = |i: u32| {
        let k = i.wrapping_mul(2_654_435_761).wrapping_add(salt.wrapping_mul(40_503)) >> 8;
        ((f64::from(k) - 8_388_608.0) / 8_388_608.0 * scale) as f32
    };
    (0..len as u32).map(element).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiply_adds_by_hand() {
        assert_eq!(Net::Tiny.macs().unwrap(), (88, 3 * 88 - 16));
        assert_eq!(Net::Mlp.macs().unwrap(), (668_672, 3 * 668_672 - 401_408));
        assert_eq!(Net::Lenet.macs().unwrap(), (416_520, 3 * 416_520 - 117_600));
    }

    #[test]
    fn weights_are_laid_out_as_the_formula_says() {
        let model = Net::Tiny.model().unwrap();
        let (_, first) = &parameters(&model)[0];
        let values = formula(16, 2001, 3f64.sqrt());
        let kept = first.tensor().to_vec::<f32>(); // [in = 2, out = 8]
        assert_eq!((kept[1], kept[8]), (values[2], values[1]));
    }
}
