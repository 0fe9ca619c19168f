//! The networks of the benchmarks. Inputs, weights and targets are formulas, so that programs in other languages can have
//! the same ones and compare what they compute.

use gradus::models::{Design, find};
use gradus::nn::layers::{conv2d, dense, flatten, max_pool2d, relu, tanh};
use gradus::nn::losses::{cross_entropy, mean_squared};
use gradus::nn::{Context, Init, Layer, Parameter, Sequential, parameters};
use gradus::{Buffer, DType, Result, Shape, Tensor};

/// A network of the cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Net {
    /// 2-8-8-1, tanh, learning the product of its inputs.
    Tiny,
    /// 784-512-512-10, ReLU.
    Mlp,
    /// LeNet-5 with ReLU and max-pooling.
    Lenet,
    /// Another convolutional network, as published but for dropout: its name here and in the zoo.
    Convnet(&'static str, &'static str),
}

/// AlexNet in one piece.
pub const ALEXNET: Net = Net::Convnet("alexnet", "alexnet_owt");
/// GoogLeNet with batch normalisation, without auxiliary heads.
pub const GOOGLENET: Net = Net::Convnet("googlenet", "googlenet_bn");
/// MobileNetV2.
pub const MOBILENET_V2: Net = Net::Convnet("mobilenetv2", "mobilenet_v2");
/// ResNet-18.
pub const RESNET18: Net = Net::Convnet("resnet18", "resnet18");
/// ResNet-20 for CIFAR-10.
pub const RESNET20: Net = Net::Convnet("resnet20", "resnet20");
/// ResNet-50, stride on the 3×3.
pub const RESNET50: Net = Net::Convnet("resnet50", "resnet50");
/// SqueezeNet 1.1.
pub const SQUEEZENET: Net = Net::Convnet("squeezenet", "squeezenet");
/// VGG-16.
pub const VGG16: Net = Net::Convnet("vgg16", "vgg16");

impl Net {
    /// `tiny`, `mlp`, `lenet`, `vgg16`.
    pub fn name(self) -> &'static str {
        match self {
            Net::Tiny => "tiny",
            Net::Mlp => "mlp",
            Net::Lenet => "lenet",
            Net::Convnet(name, _) => name,
        }
    }

    /// What one sample is called.
    pub fn unit(self) -> &'static str {
        if matches!(self, Net::Tiny | Net::Mlp) { "samples/s" } else { "images/s" }
    }

    /// The input without the batch axis, and the outputs.
    fn sizes(self) -> (Shape, usize) {
        match self {
            Net::Tiny => ([2].into(), 1),
            Net::Mlp => ([784].into(), 10),
            Net::Lenet => ([1, 28, 28].into(), 10),
            Net::Convnet(_, zoo) => {
                let entry = find(zoo).expect("the cases' networks are in the zoo");
                (entry.input.into(), entry.classes)
            }
        }
    }

    /// The network, without weights yet.
    fn blank(self) -> Sequential {
        let (init, (input, classes)) = (Init::blank(), self.sizes());
        let start = Sequential::new(input, &init);
        match self {
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
            Net::Convnet(_, zoo) => {
                let entry = find(zoo).expect("the cases' networks are in the zoo");
                (entry.build)(&Design::new(input, classes).dropout(false), &init)
            }
        }
    }

    /// The network with its starting weights: uniform within ±√(6/fan-in), biases 0.
    ///
    /// # Errors
    /// When the engine refuses a weight.
    pub fn model(self) -> Result<Sequential> {
        let model = self.blank();
        self.start(&model)?;
        Ok(model)
    }

    /// Gives the network its starting weights.
    ///
    /// # Errors
    /// When the engine refuses a weight.
    pub fn start(self, model: &Sequential) -> Result<()> {
        let mut salt = 2001;
        for (path, parameter) in parameters(model) {
            if path.ends_with("weight") && parameter.variable().shape().rank() > 1 {
                let shape = parameter.variable().shape();
                set_weight(&parameter, salt, (6.0 / fan_in(shape) as f64).sqrt())?;
                salt += 1000;
            }
            // Biases, too, start at 0, whatever the paper says.
            if path.ends_with("bias") {
                parameter.variable().set(&parameter.tensor().zeros_like())?;
            }
        }
        Ok(())
    }

    /// A batch's inputs and targets: labels 7i mod the classes, or the products of the tiny network's two inputs.
    pub fn batch(self, samples: usize) -> (Tensor, Tensor) {
        let (input, classes) = self.sizes();
        let shape = input.inserted(0, samples);
        let values = formula(shape.len(), 1001, 1.0);
        let targets = match self {
            Net::Tiny => {
                let products: Vec<f32> = values.chunks(2).map(|pair| pair[0] * pair[1]).collect();
                Tensor::from_slice(&products, [samples, 1])
            }
            _ => {
                let label = |i| (i * 7 % classes) as i64;
                Tensor::from_slice(&(0..samples).map(label).collect::<Vec<_>>(), [samples])
            }
        };
        (Tensor::from_slice(&values, shape), targets)
    }

    /// A pass that trains: with the batch's own statistics, where a network normalises.
    pub fn training(self) -> Context<'static> {
        match self {
            Net::Convnet(..) => Context::train(&Tensor::from([0i64, 0])),
            _ => Context::eval(),
        }
    }

    /// The mean loss of a batch, as graph.
    pub fn loss(self, model: &Sequential, x: &Tensor, t: &Tensor, cx: &Context) -> Tensor {
        let y = model.forward(x, cx);
        let loss = if self == Net::Tiny { mean_squared(&y, t) } else { cross_entropy(&y, t) };
        loss.mean(..)
    }

    /// Multiply-adds of one sample: of the forward pass, and of training, which is three times as much less the first
    /// layer's input gradient, that nobody asks for.
    pub fn macs(self) -> (u64, u64) {
        let summary = self.blank().summary();
        let forward = summary.macs();
        let first = summary.rows.iter().map(|row| row.macs).find(|&macs| macs > 0).unwrap_or(0);
        (forward, 3 * forward - first)
    }
}

/// Inputs of an output.
fn fan_in(shape: Shape) -> usize {
    if shape.rank() == 2 { shape[0] } else { shape[1..].iter().product() }
}

/// The formula's elements are in the order `[out, in]`; a matrix is kept as `[in, out]`.
///
/// # Errors
/// When the engine refuses the weight.
pub fn set_weight(parameter: &Parameter, salt: u32, scale: f64) -> Result<()> {
    let shape = parameter.variable().shape();
    let (dense, fan_in) = (shape.rank() == 2, fan_in(shape));
    // Straight into the buffer that the weight will live in: some are large.
    let mut buffer = Buffer::zeroed(shape.len() * size_of::<f32>());
    let outputs = shape.len() / fan_in;
    for (place, to) in buffer.as_mut_slice::<f32>().iter_mut().enumerate() {
        let i = if dense { place % outputs * fan_in + place / outputs } else { place };
        *to = element(i as u32, salt, scale);
    }
    parameter.variable().set(&Tensor::from_buffer(buffer, shape, DType::F32))
}

/// `(k − 2²³) / 2²³ · scale` with `k = ((i · 2654435761 + salt · 40503) mod 2³²) >> 8`, in f64.
fn element(i: u32, salt: u32, scale: f64) -> f32 {
    let k = i.wrapping_mul(2_654_435_761).wrapping_add(salt.wrapping_mul(40_503)) >> 8;
    ((f64::from(k) - 8_388_608.0) / 8_388_608.0 * scale) as f32
}

/// The first elements of a formula.
pub fn formula(len: usize, salt: u32, scale: f64) -> Vec<f32> {
    (0..len as u32).map(|i| element(i, salt, scale)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiply_adds_by_hand() {
        assert_eq!(Net::Tiny.macs(), (88, 3 * 88 - 16));
        assert_eq!(Net::Mlp.macs(), (668_672, 3 * 668_672 - 401_408));
        assert_eq!(Net::Lenet.macs(), (416_520, 3 * 416_520 - 117_600));
        assert_eq!(RESNET18.macs(), (1_814_073_344, 3 * 1_814_073_344 - 118_013_952));
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
