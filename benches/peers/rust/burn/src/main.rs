//! Burn as a peer, on its pure Rust CPU backend (flex).

mod convnet;

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig, MseLoss, Reduction};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::activation::{relu, tanh};
use burn::tensor::{Device, Int, Tensor, TensorData};
use convnet::Convnet;
use harness::{Net, Optimizer, Trainer, Work};

#[derive(Module, Debug)]
enum Model {
    Small(Small),
    Convnet(Convnet),
}

impl Model {
    fn new(net: Net, device: &Device) -> Self {
        match net {
            Net::Convnet(convnet) => Model::Convnet(Convnet::new(convnet, device)),
            _ => Model::Small(Small::new(net, device)),
        }
    }

    fn forward(&self, x: Features) -> Tensor<2> {
        match (self, x) {
            (Model::Convnet(model), Features::Images(x)) => model.forward(x),
            (Model::Convnet(_), Features::Flat(_)) => unreachable!("convnets take images"),
            (Model::Small(model), x) => model.forward(x),
        }
    }
}

/// `tiny`, `mlp` or `lenet`.
#[derive(Module, Debug)]
struct Small {
    convolutions: Vec<Conv2d>,
    pool: MaxPool2d,
    linears: Vec<Linear>,
    is_tiny: bool,
}

impl Small {
    fn new(net: Net, device: &Device) -> Self {
        let pool = MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init();
        let (mut convolutions, mut linears) = (Vec::new(), Vec::new());
        for (l, shape) in net.shapes().iter().enumerate() {
            match shape[..] {
                [o, c, h, w] => {
                    let pad = if l == 0 { 2 } else { 0 };
                    let config = Conv2dConfig::new([c, o], [h, w]).with_padding(padding(pad));
                    convolutions.push(convolution(net, l, config, device));
                }
                _ => linears.push(linear(net, l, [shape[1], shape[0]], device)),
            }
        }
        Self { convolutions, pool, linears, is_tiny: net == Net::Tiny }
    }

    fn forward(&self, x: Features) -> Tensor<2> {
        let mut x = match x {
            Features::Flat(x) => x,
            Features::Images(mut x) => {
                for convolution in &self.convolutions {
                    x = self.pool.forward(relu(convolution.forward(x)));
                }
                x.flatten(1, 3)
            }
        };
        let (last, hidden) = self.linears.split_last().expect("a layer");
        for layer in hidden {
            x = layer.forward(x);
            x = if self.is_tiny { tanh(x) } else { relu(x) };
        }
        last.forward(x)
    }
}

fn zeros(len: usize, device: &Device) -> Option<Param<Tensor<1>>> {
    Some(Param::from_tensor(Tensor::zeros([len], device)))
}

fn padding(pad: usize) -> PaddingConfig2d {
    PaddingConfig2d::Explicit(pad, pad, pad, pad)
}

/// A convolution with the weights of layer `l`.
fn convolution(net: Net, l: usize, config: Conv2dConfig, device: &Device) -> Conv2d {
    let (mut layer, shape) = (config.init(device), net.shapes()[l].clone());
    layer.bias = if config.bias { zeros(shape[0], device) } else { None };
    layer.weight = Param::from_data(TensorData::new(net.weight(l), shape), device);
    layer
}

fn linear(net: Net, l: usize, shape: [usize; 2], device: &Device) -> Linear {
    let mut layer = LinearConfig::new(shape[0], shape[1]).init(device);
    layer.weight = Param::from_data(TensorData::new(net.weight_transposed(l), shape), device);
    layer.bias = zeros(shape[1], device);
    layer
}

#[derive(Clone)]
enum Features {
    Flat(Tensor<2>),
    Images(Tensor<4>),
}

impl Features {
    fn new(net: Net, batch: usize, device: &Device) -> Self {
        let (shape, x) = net.batch(batch);
        let data = TensorData::new(x, shape);
        match net {
            Net::Lenet | Net::Convnet(_) => Features::Images(Tensor::from_data(data, device)),
            _ => Features::Flat(Tensor::from_data(data, device)),
        }
    }
}

enum Criterion {
    Squared(Tensor<2>),
    Entropy(Box<CrossEntropyLoss>, Tensor<1, Int>),
}

impl Criterion {
    fn new(net: Net, batch: usize, device: &Device) -> Self {
        if net == Net::Tiny {
            let products = harness::products(&net.batch(batch).1);
            return Criterion::Squared(Tensor::from_data(
                TensorData::new(products, [batch, 1]),
                device,
            ));
        }
        let labels: Vec<i32> = net.labels(batch).into_iter().map(|l| l as i32).collect();
        let labels = Tensor::from_data(TensorData::new(labels, [batch]), device);
        Criterion::Entropy(Box::new(CrossEntropyLossConfig::new().init(device)), labels)
    }

    fn loss(&self, y: Tensor<2>) -> Tensor<1> {
        match self {
            Criterion::Squared(target) => {
                MseLoss::new().forward(y, target.clone(), Reduction::Mean)
            }
            Criterion::Entropy(criterion, labels) => criterion.forward(y, labels.clone()),
        }
    }
}

struct Training {
    net: Net,
    kind: Optimizer,
    device: Device,
    model: Option<Model>,
    update: ModuleOptimizer,
    x: Features,
    criterion: Criterion,
}

fn optimizer(kind: Optimizer) -> ModuleOptimizer {
    match kind {
        Optimizer::Sgd => SgdConfig::new().init(),
        Optimizer::Adam => AdamConfig::new().with_epsilon(1e-8).init(),
    }
}

impl Training {
    fn new(net: Net, kind: Optimizer, batch: usize) -> Self {
        let device = Device::flex().autodiff();
        Self {
            net,
            kind,
            model: Some(Model::new(net, &device)),
            update: optimizer(kind),
            x: Features::new(net, batch, &device),
            criterion: Criterion::new(net, batch, &device),
            device,
        }
    }

    fn forward(&self) -> Tensor<1> {
        self.criterion.loss(self.model.as_ref().expect("a model").forward(self.x.clone()))
    }
}

impl Trainer for Training {
    fn step(&mut self) {
        let grads = self.forward().backward();
        let model = self.model.take().expect("a model");
        let grads = GradientsParams::from_grads(grads, &model);
        self.model = Some(self.update.step(self.kind.learning_rate(self.net), model, grads));
    }

    fn loss(&self) -> f64 {
        f64::from(self.forward().into_scalar::<f32>())
    }

    fn reset(&mut self) {
        if matches!(self.net, Net::Convnet(_)) {
            return; // they go on: too few steps to come to the end
        }
        self.model = Some(Model::new(self.net, &self.device));
        self.update = optimizer(self.kind);
    }
}

fn train(net: Net, kind: Optimizer, batch: usize) -> Work {
    harness::train_work(net, batch, Training::new(net, kind, batch))
}

fn infer(net: Net, batch: usize) -> Work {
    let device = Device::flex();
    let (model, x) = (Model::new(net, &device).no_grad(), Features::new(net, batch, &device));
    harness::infer_work(net, batch, move || {
        model.forward(x.clone()).into_data().try_to_vec::<f32>().expect("f32 values")
    })
}

fn main() {
    let mut cases = harness::train_cases(train);
    cases.extend(harness::convnet_train_cases(train));
    cases.extend(harness::infer_cases(infer));
    cases.extend(harness::convnet_infer_cases(infer));
    harness::serve("burn flex", "0.22.1", &cases);
}
