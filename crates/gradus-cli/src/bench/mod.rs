//! Benchmarks: cases by name, each of which can be prepared once and measured again and again.

pub mod look;
pub mod net;
pub mod profile;
pub mod sequences;
pub mod serve;
pub mod train;

use gradus::Result;
use gradus::ops::conv2d::{Conv2d, bench::Layer};
use gradus_cpu::bench::Product;
use look::{Asked, Question};
use net::{
    ALEXNET, GOOGLENET, MOBILENET_V2, Net, RESNET18, RESNET20, RESNET50, SQUEEZENET, VGG16, formula,
};
use sequences::{Body, Input, Sampling, SequenceTraining, Sequences};
use std::time::{Duration, Instant};
use train::{Inference, Method, Planned, Training};

/// Work that can be repeated.
pub trait Work {
    /// Does it once.
    ///
    /// # Errors
    /// When it meets a bad value.
    fn run(&mut self) -> Result<()>;
    /// Goes back to the start: training for long on one batch ends in numbers so small that processors slow down.
    ///
    /// # Errors
    /// When the start cannot be restored.
    fn reset(&mut self) -> Result<()> {
        Ok(())
    }
    /// Bytes that the forward pass keeps for the backward pass, of one place of all sequences, where the work is over sequences.
    ///
    /// # Errors
    /// When the engine refuses the work.
    fn kept_each_step(&mut self) -> Result<Option<usize>> {
        Ok(None)
    }
}

/// A case made ready.
pub struct Prepared {
    /// What is measured.
    pub work: Box<dyn Work>,
    /// A number that depends on the work alone, whoever does it.
    pub check: f64,
}

/// One benchmark.
pub struct Case {
    /// `train_lenet_sgd`, `gemm_64x784x512`.
    pub name: String,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Train(Net, Method, usize),
    Infer(Net, usize),
    Sequences(Sequences),
    /// Character by character.
    Write(Sequences),
    /// A question to a network, about pixels.
    See(Question),
    /// [m, k, n], and whether B is packed beforehand.
    Gemm([usize; 3], bool),
    /// A layer, and whether its gradients are computed as well.
    Conv(ConvShape, bool),
}

/// A square convolution over square pictures, padded by half the kernel.
#[derive(Clone, Copy)]
struct ConvShape {
    name: &'static str,
    batch: usize,
    channels: [usize; 2],
    size: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
}

const GEMMS: [[usize; 3]; 9] = [
    [64, 64, 64],
    [256, 256, 256],
    [512, 512, 512],
    [1024, 1024, 1024],
    [2048, 2048, 2048],
    [64, 784, 512],
    [128, 1024, 1024],
    [32, 2048, 1000],
    [64, 512, 10],
];
const CONVS: [ConvShape; 10] = [
    conv("3x3_64_56", 8, [64, 64], 56, 3),
    conv("3x3_128_28", 8, [128, 128], 28, 3),
    conv("3x3_256_14", 8, [256, 256], 14, 3),
    conv("3x3_512_7", 8, [512, 512], 7, 3),
    ConvShape { stride: 2, ..conv("7x7s2_3_224", 8, [3, 64], 224, 7) },
    conv("1x1_256_56", 8, [256, 64], 56, 1),
    conv("5x5_64_27", 16, [64, 192], 27, 5),
    ConvShape { groups: 96, stride: 2, ..conv("depthwise_96s2_112", 8, [96, 96], 112, 3) },
    ConvShape { groups: 144, ..conv("depthwise_144_56", 8, [144, 144], 56, 3) },
    ConvShape { groups: 384, ..conv("depthwise_384_14", 8, [384, 384], 14, 3) },
];

const fn conv(
    name: &'static str,
    batch: usize,
    channels: [usize; 2],
    size: usize,
    kernel: usize,
) -> ConvShape {
    ConvShape { name, batch, channels, size, kernel, stride: 1, groups: 1 }
}

const TRAININGS: [(&str, Net, Method, usize); 11] = [
    ("train_tiny", Net::Tiny, Method::Sgd, 10),
    ("train_mlp_sgd", Net::Mlp, Method::Sgd, 64),
    ("train_mlp_adam", Net::Mlp, Method::Adam, 64),
    ("train_lenet_sgd", Net::Lenet, Method::Sgd, 64),
    ("train_lenet_adam", Net::Lenet, Method::Adam, 64),
    ("train_alexnet_sgd", ALEXNET, Method::Sgd, 16),
    ("train_vgg16_sgd", VGG16, Method::Sgd, 4),
    ("train_googlenet_sgd", GOOGLENET, Method::Sgd, 8),
    ("train_resnet18_sgd", RESNET18, Method::Sgd, 8),
    ("train_resnet50_sgd", RESNET50, Method::Sgd, 4),
    ("train_resnet20_sgd", RESNET20, Method::Sgd, 128),
];
/// (networks, batches) of inference.
const INFERENCES: [(&[Net], [usize; 2]); 2] = [
    (&[Net::Tiny, Net::Mlp, Net::Lenet], [1, 64]),
    (&[VGG16, GOOGLENET, RESNET18, RESNET50, SQUEEZENET, MOBILENET_V2], [1, 16]),
];

/// Training over sequences: characters, layers in the middle of a network, a sound's frames.
const SEQUENCES: [(&str, Sequences); 9] = [
    ("rnn_chars_lstm_256x1", sequences(Body::Lstm(256, 1), Input::Character, [32, 64])),
    ("rnn_chars_lstm_512x1", sequences(Body::Lstm(512, 1), Input::Character, [32, 64])),
    ("rnn_chars_lstm_512x2", sequences(Body::Lstm(512, 2), Input::Character, [32, 64])),
    ("rnn_chars_gru_256x1", sequences(Body::Gru(256, 1), Input::Character, [32, 64])),
    ("rnn_dense_lstm_256x1", sequences(Body::Lstm(256, 1), Input::Numbers(256), [32, 64])),
    ("rnn_dense_lstm_512x2", sequences(Body::Lstm(512, 2), Input::Numbers(512), [32, 64])),
    ("rnn_dense_gru_256x1", sequences(Body::Gru(256, 1), Input::Numbers(256), [32, 64])),
    ("rnn_frames_gru_96x2", sequences(Body::GruBothWays(96, 2), Input::Frame(161), [16, 200])),
    ("rnn_attention_512x8", sequences(Body::Attention(512, 8), Input::Numbers(512), [16, 256])),
];
/// Writing, a character at a time.
const WRITINGS: [(&str, Sequences); 2] = [
    ("rnn_sample_lstm_256x1", sequences(Body::Lstm(256, 1), Input::Character, [1, 1])),
    ("rnn_sample_lstm_512x2", sequences(Body::Lstm(512, 2), Input::Character, [1, 1])),
];

/// Questions to networks.
const QUESTIONS: [(&str, Question); 2] = [
    ("see_integrated_squeezenet_50", Question::IntegratedGradients),
    ("see_pgd_lenet_64", Question::Pgd),
];

const fn sequences(body: Body, input: Input, [batch, steps]: [usize; 2]) -> Sequences {
    Sequences { body, input, batch, steps }
}

/// Every case.
pub fn cases() -> Vec<Case> {
    let train = TRAININGS.map(|(name, net, method, samples)| Case {
        name: name.to_owned(),
        what: What::Train(net, method, samples),
    });
    let infer = INFERENCES.into_iter().flat_map(|(nets, batches)| {
        let case = |net: Net, samples| Case {
            name: format!("infer_{}_{samples}", net.name()),
            what: What::Infer(net, samples),
        };
        nets.iter().flat_map(move |&net| batches.map(|samples| case(net, samples)))
    });
    let gemm = [("gemm", false), ("gemm_packed", true)].into_iter().flat_map(|(kind, packed)| {
        GEMMS.map(|[m, k, n]| Case {
            name: format!("{kind}_{m}x{k}x{n}"),
            what: What::Gemm([m, k, n], packed),
        })
    });
    let conv = [("conv", false), ("conv_train", true)].into_iter().flat_map(|(kind, train)| {
        CONVS.map(|shape| Case {
            name: format!("{kind}_{}", shape.name),
            what: What::Conv(shape, train),
        })
    });
    let rnn = SEQUENCES.map(|(name, of)| (name, What::Sequences(of))).into_iter();
    let rnn = rnn.chain(WRITINGS.map(|(name, of)| (name, What::Write(of))));
    let rnn = rnn.map(|(name, what)| Case { name: name.to_owned(), what });
    let see = QUESTIONS.map(|(name, of)| Case { name: name.to_owned(), what: What::See(of) });
    train.into_iter().chain(infer).chain(gemm).chain(conv).chain(rnn).chain(see).collect()
}

impl Case {
    /// `train`, `infer`, `gemm`, `conv`, `rnn` or `see`.
    pub fn kind(&self) -> &str {
        self.name.split('_').next().unwrap_or(&self.name)
    }

    /// What is counted per second.
    pub fn unit(&self) -> &'static str {
        match self.what {
            What::Train(Net::Tiny, ..) | What::Sequences(_) | What::Write(_) => "steps/s",
            What::See(_) => "answers/s",
            What::Train(net, ..) | What::Infer(net, _) => net.unit(),
            What::Gemm(..) | What::Conv(..) => "GFLOP/s",
        }
    }

    /// How many of them one run of the work does.
    pub fn amount(&self) -> f64 {
        match self.what {
            What::Train(Net::Tiny, ..) | What::Sequences(_) | What::Write(_) | What::See(_) => 1.0,
            What::Train(_, _, samples) | What::Infer(_, samples) => samples as f64,
            What::Gemm([m, k, n], _) => 2e-9 * (m * k * n) as f64,
            What::Conv(shape, train) => 2e-9 * (shape.macs() * shape.passes(train)) as f64,
        }
    }

    /// Useful GFLOP in one run of the work.
    pub fn gflop(&self) -> f64 {
        match self.what {
            What::Train(net, _, samples) => 2e-9 * (net.macs().1 * samples as u64) as f64,
            What::Infer(net, samples) => 2e-9 * (net.macs().0 * samples as u64) as f64,
            What::Sequences(of) => 2e-9 * of.macs() as f64,
            What::Write(of) => 2e-9 * of.macs_of_character() as f64,
            What::See(of) => 2e-9 * of.macs() as f64,
            What::Gemm(..) | What::Conv(..) => self.amount(),
        }
    }

    /// Gigabytes of weights in one run of work that reads them all.
    pub fn weights(&self) -> Option<f64> {
        match self.what {
            What::Write(of) => Some(1e-9 * of.bytes_of_character() as f64),
            _ => None,
        }
    }

    /// The plan that is run, for a case that trains or infers.
    pub fn planned(&self) -> Option<Result<Box<dyn Planned>>> {
        match self.what {
            What::Train(net, method, samples) => Some(
                Training::new(net, method, samples).map(|(training, _)| Box::new(training) as _),
            ),
            What::Infer(net, samples) => {
                Some(Inference::new(net, samples).map(|(inference, _)| Box::new(inference) as _))
            }
            What::Sequences(of) => {
                Some(SequenceTraining::new(of).map(|(training, _)| Box::new(training) as _))
            }
            What::Write(of) => Some(Sampling::new(of).map(|(sampling, _)| Box::new(sampling) as _)),
            What::See(_) | What::Gemm(..) | What::Conv(..) => None,
        }
    }

    /// Makes the case ready.
    ///
    /// # Errors
    /// When the engine refuses the work.
    pub fn prepare(&self) -> Result<Prepared> {
        match self.what {
            What::Train(net, method, samples) => {
                let (training, check) = Training::new(net, method, samples)?;
                Ok(Prepared { work: Box::new(training), check })
            }
            What::Infer(net, samples) => {
                let (inference, check) = Inference::new(net, samples)?;
                Ok(Prepared { work: Box::new(inference), check })
            }
            What::Sequences(of) => {
                let (training, check) = SequenceTraining::new(of)?;
                Ok(Prepared { work: Box::new(training), check })
            }
            What::Write(of) => {
                let (sampling, check) = Sampling::new(of)?;
                Ok(Prepared { work: Box::new(sampling), check })
            }
            What::See(of) => {
                let (asked, check) = Asked::new(of)?;
                Ok(Prepared { work: Box::new(asked), check })
            }
            What::Gemm(sizes, packed) => Ok(product(sizes, packed)),
            What::Conv(shape, train) => Ok(shape.prepare(train)),
        }
    }
}

fn product([m, k, n]: [usize; 3], packed: bool) -> Prepared {
    let (a, b) = (formula(m * k, 1001, 1.0), formula(k * n, 2001, 1.0));
    let mut product = Product::new([m, k, n], &a, &b, packed);
    product.compute();
    let check = mean_abs(product.result());
    Prepared { work: Box::new(product), check }
}

impl Work for Product {
    fn run(&mut self) -> Result<()> {
        Product::compute(self);
        Ok(())
    }
}

impl ConvShape {
    fn geometry(self) -> Conv2d {
        let padding = (self.kernel / 2) as isize;
        Conv2d {
            batch: self.batch,
            in_channels: self.channels[0],
            height: self.size,
            width: self.size,
            out_channels: self.channels[1],
            kernel: [self.kernel; 2],
            stride: [self.stride; 2],
            padding: [[padding; 2]; 2],
            dilation: [1; 2],
            groups: self.groups,
        }
    }

    fn macs(self) -> usize {
        self.geometry().macs() as usize
    }

    /// A picture's three colours are a network's input, of which no gradient is wanted.
    fn is_input(self) -> bool {
        self.channels[0] == 3
    }

    /// How often the multiply-adds are done.
    fn passes(self, train: bool) -> usize {
        if train { 3 - usize::from(self.is_input()) } else { 1 }
    }

    fn prepare(self, train: bool) -> Prepared {
        let conv = self.geometry();
        let x = formula(conv.x_shape().len(), 1001, 1.0);
        let w = formula(conv.w_shape().len(), 2001, 1.0);
        let mut layer = Layer::new(conv, &x, &w);
        layer.forward();
        let mut check = mean_abs(&layer.result());
        if train {
            layer.backward(self.is_input());
            check = mean_abs(layer.weight_gradient());
        }
        Prepared { work: Box::new(Convolution { layer, train, input: self.is_input() }), check }
    }
}

/// A layer's forward pass; y serves as the gradient of the backward passes.
struct Convolution {
    layer: Layer,
    train: bool,
    input: bool,
}

impl Work for Convolution {
    fn run(&mut self) -> Result<()> {
        self.layer.forward();
        if self.train {
            self.layer.backward(self.input);
        }
        Ok(())
    }
}

/// The mean of |x|.
pub fn mean_abs(values: &[f32]) -> f64 {
    values.iter().map(|v| f64::from(v.abs())).sum::<f64>() / values.len() as f64
}

/// Runs of the work per second: whole chunks of runs until `seconds` are over, from the start on.
///
/// # Errors
/// When the work fails.
pub fn measure(work: &mut dyn Work, seconds: f64) -> Result<f64> {
    work.reset()?;
    let (mut chunk, mut runs, start) = (1u64, 0u64, Instant::now());
    loop {
        let before = Instant::now();
        for _ in 0..chunk {
            work.run()?;
        }
        runs += chunk;
        let elapsed = start.elapsed().as_secs_f64();
        if elapsed >= seconds {
            return Ok(runs as f64 / elapsed);
        }
        if before.elapsed() < Duration::from_millis(10) {
            chunk *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_say_their_kind() {
        let cases = cases();
        let mut names: Vec<&str> = cases.iter().map(|case| &*case.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), cases.len());
        assert!(
            cases
                .iter()
                .all(|c| ["train", "infer", "gemm", "conv", "rnn", "see"].contains(&c.kind()))
        );
    }

    #[test]
    fn small_cases_run() {
        let products = ["gemm_64x64x64", "gemm_packed_64x512x10"];
        for name in
            ["train_tiny", "infer_tiny_1", "rnn_sample_lstm_256x1"].into_iter().chain(products)
        {
            let case = cases().into_iter().find(|case| case.name == name).unwrap();
            let mut prepared = case.prepare().unwrap();
            assert!(prepared.check > 0.0, "{name}");
            assert!(measure(&mut *prepared.work, 0.01).unwrap() > 0.0, "{name}");
        }
    }
}
