//! Benchmarks: cases by name, each of which can be prepared once and measured again and again.

pub mod net;
pub mod profile;
pub mod serve;
pub mod train;

use gradus::ops::conv2d::{Conv, Padding};
use gradus::{Compiled, Result, Step, Tensor, compile};
use gradus_cpu::bench::Product;
use net::{
    ALEXNET, GOOGLENET, MOBILENET_V2, Net, RESNET18, RESNET20, RESNET50, SQUEEZENET, VGG16, formula,
};
use std::time::{Duration, Instant};
use train::{Method, Training, inference};

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
    /// [m, k, n], and whether B is packed beforehand.
    Gemm([usize; 3], bool),
    Conv(ConvShape),
}

/// A convolution, padded so that the picture keeps its size.
#[derive(Clone, Copy)]
struct ConvShape {
    input: [usize; 4],
    filters: usize,
    kernel: usize,
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
const CONVS: [ConvShape; 5] = [
    ConvShape { input: [64, 1, 28, 28], filters: 6, kernel: 5 },
    ConvShape { input: [64, 6, 14, 14], filters: 16, kernel: 5 },
    ConvShape { input: [16, 32, 32, 32], filters: 32, kernel: 3 },
    ConvShape { input: [8, 64, 28, 28], filters: 64, kernel: 3 },
    ConvShape { input: [8, 256, 14, 14], filters: 64, kernel: 1 },
];
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
    let conv = CONVS.map(|shape| Case { name: shape.name(), what: What::Conv(shape) });
    train.into_iter().chain(infer).chain(gemm).chain(conv).collect()
}

impl Case {
    /// `train`, `infer`, `gemm` or `conv`.
    pub fn kind(&self) -> &str {
        self.name.split('_').next().unwrap_or(&self.name)
    }

    /// What is counted per second.
    pub fn unit(&self) -> &'static str {
        match self.what {
            What::Train(Net::Tiny, ..) => "steps/s",
            What::Train(net, ..) | What::Infer(net, _) => net.unit(),
            What::Gemm(..) | What::Conv(_) => "GFLOP/s",
        }
    }

    /// How many of them one run of the work does.
    pub fn amount(&self) -> f64 {
        match self.what {
            What::Train(Net::Tiny, ..) => 1.0,
            What::Train(_, _, samples) | What::Infer(_, samples) => samples as f64,
            What::Gemm([m, k, n], _) => 2e-9 * (m * k * n) as f64,
            What::Conv(shape) => 2e-9 * shape.macs() as f64,
        }
    }

    /// Useful GFLOP in one run of the work.
    pub fn gflop(&self) -> f64 {
        match self.what {
            What::Train(net, _, samples) => 2e-9 * (net.macs().1 * samples as u64) as f64,
            What::Infer(net, samples) => 2e-9 * (net.macs().0 * samples as u64) as f64,
            What::Gemm(..) | What::Conv(_) => self.amount(),
        }
    }

    /// The training step, for a case that trains.
    pub fn training(&self) -> Option<Result<Training>> {
        match self.what {
            What::Train(net, method, samples) => {
                Some(Training::new(net, method, samples).map(|(training, _)| training))
            }
            _ => None,
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
            What::Infer(net, samples) => inference(net, samples),
            What::Gemm(sizes, packed) => Ok(product(sizes, packed)),
            What::Conv(shape) => shape.prepare(),
        }
    }
}

fn product([m, k, n]: [usize; 3], packed: bool) -> Prepared {
    let (a, b) = (formula(m * k, 1001, 1.0), formula(k * n, 2001, 1.0));
    let mut product = Product::new([m, k, n], &a, &b, packed);
    product.run();
    let check = mean_abs(product.result());
    Prepared { work: Box::new(product), check }
}

impl Work for Product {
    fn run(&mut self) -> Result<()> {
        Product::run(self);
        Ok(())
    }
}

impl ConvShape {
    fn name(self) -> String {
        let [b, c, h, w] = self.input;
        format!("conv_{b}x{c}x{h}x{w}_{}x{}x{}", self.filters, self.kernel, self.kernel)
    }

    fn macs(self) -> usize {
        let [b, c, h, w] = self.input;
        b * self.filters * h * w * c * self.kernel * self.kernel
    }

    fn prepare(self) -> Result<Prepared> {
        let kernels = [self.filters, self.input[1], self.kernel, self.kernel];
        let random = |shape: [usize; 4], salt| {
            Tensor::from_slice(&formula(shape.iter().product(), salt, 1.0), shape)
        };
        let args = [random(self.input, 1001), random(kernels, 2001)];
        let conv = Conv::new().padding(Padding::all(self.kernel / 2));
        let trace = move |args: &[Tensor]| Step::new().read(&args[0].conv2d(&args[1], conv));
        let mut step = compile(trace);
        let check = mean_abs(&step.run(&[&args[0], &args[1]])?.tensor(0).to_vec::<f32>());
        Ok(Prepared { work: Box::new(Convolution { step, args }), check })
    }
}

struct Convolution<F> {
    step: Compiled<F>,
    args: [Tensor; 2],
}

impl<F: FnMut(&[Tensor]) -> Step> Work for Convolution<F> {
    fn run(&mut self) -> Result<()> {
        self.step.run(&[&self.args[0], &self.args[1]]).map(drop)
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
        assert!(cases.iter().all(|c| ["train", "infer", "gemm", "conv"].contains(&c.kind())));
    }

    #[test]
    fn small_cases_run() {
        for name in ["train_tiny", "infer_tiny_1", "gemm_64x64x64", "gemm_packed_64x512x10"] {
            let case = cases().into_iter().find(|case| case.name == name).unwrap();
            let mut prepared = case.prepare().unwrap();
            assert!(prepared.check > 0.0, "{name}");
            assert!(measure(&mut *prepared.work, 0.01).unwrap() > 0.0, "{name}");
        }
    }
}
