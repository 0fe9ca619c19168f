//! Each type of layer by its parameters, with Caffe's defaults and roundings.

use super::Op;
use gradus_base::Shape;
use gradus_io::caffe::Message;
use gradus_io::{Error, Result};
use gradus_nn::layers::*;
use gradus_nn::{
    Config, Context, Init, Initializer, Layer, Module, Parameter, Spec, State, Visitor,
};
use gradus_tensor::{DType, LocalResponse, Padding, Pool, Tensor, try_build};
use std::sync::Arc;

/// The types that do something.
pub(super) const KINDS: &[&str] = &[
    "AbsVal",
    "BatchNorm",
    "Concat",
    "Convolution",
    "Dropout",
    "ELU",
    "Eltwise",
    "Flatten",
    "InnerProduct",
    "Input",
    "LRN",
    "PReLU",
    "Pooling",
    "Power",
    "ReLU",
    "Reshape",
    "Scale",
    "Sigmoid",
    "Softmax",
    "Split",
    "TanH",
];

/// A layer, and whether it is not to be trained.
pub(super) struct Made {
    pub(super) op: Op,
    pub(super) frozen: bool,
}

/// The layer of a type for inputs of these shapes.
pub(super) fn make(layer: &Message, kind: &str, shapes: &[Shape], init: &Init) -> Result<Made> {
    let nothing = Message { fields: vec![], at: layer.at };
    let parameters = |name: &str| layer.message(name).map(|p| p.unwrap_or(&nothing));
    let input = shapes[0];
    if shapes.len() != 1 && !["Concat", "Eltwise"].contains(&kind) {
        return Err(Error::format(format!(
            "a {kind} of {} bottoms, one is expected",
            shapes.len()
        )));
    }
    let op = match kind {
        "Convolution" => built(convolution(parameters("convolution_param")?, input)?, input, init)?,
        "InnerProduct" => inner_product(parameters("inner_product_param")?, input, init)?,
        "Pooling" => own(pooling(parameters("pooling_param")?, input)?),
        "LRN" => response_norm(parameters("lrn_param")?)?,
        "ReLU" => match parameters("relu_param")?.float("negative_slope")?.unwrap_or(0.0) {
            0.0 => own(relu()),
            slope => own(Apply::new(format!("LeakyRelu({slope})"), move |x| x.leaky_relu(slope))),
        },
        "PReLU" => {
            let p = parameters("prelu_param")?;
            if p.flag("channel_shared")?.unwrap_or(false) {
                return Err(Error::format("channel_shared; a slope per channel is read"));
            }
            built(prelu(), input, init)?
        }
        "ELU" => {
            let alpha = parameters("elu_param")?.float("alpha")?.unwrap_or(1.0);
            own(Apply::new(format!("Elu({alpha})"), move |x| x.elu(alpha)))
        }
        "Sigmoid" => own(sigmoid()),
        "TanH" => own(tanh()),
        "AbsVal" => own(Apply::new("Abs".into(), Tensor::abs)),
        "Power" => power(parameters("power_param")?)?,
        "Dropout" => {
            let ratio = parameters("dropout_param")?.float("dropout_ratio")?.unwrap_or(0.5);
            match (0.0..1.0).contains(&ratio) {
                true => built(dropout(ratio), input, init)?,
                false => return Err(Error::format(format!("dropout_ratio {ratio}"))),
            }
        }
        "Flatten" => built(flatten(), input, init)?,
        "Reshape" => reshape(parameters("reshape_param")?, input)?,
        "Concat" => concat_axis(parameters("concat_param")?, input)?,
        "Eltwise" => eltwise(parameters("eltwise_param")?, shapes.len())?,
        "BatchNorm" => {
            let p = parameters("batch_norm_param")?;
            let momentum = 1.0 - p.float("moving_average_fraction")?.unwrap_or(0.999);
            let norm = batch_norm().eps(p.float("eps")?.unwrap_or(1e-5)).momentum(momentum);
            // Until a Scale follows, there is nothing to train in it.
            return Ok(Made { op: built(norm, input, init)?, frozen: true });
        }
        "Scale" => {
            let p = parameters("scale_param")?;
            if p.get("axis").is_some() && p.float("axis")? != Some(1.0) {
                return Err(Error::format("a scale along another axis than the channels"));
            }
            let biased = p.flag("bias_term")?.unwrap_or(false);
            own(ChannelScale::new(input[0], biased, init.dtype()))
        }
        other => return Err(Error::format(format!("the type {other} is not known"))),
    };
    Ok(Made { op, frozen: false })
}

fn own(layer: impl Layer + 'static) -> Op {
    Op::Layer(Arc::new(layer))
}

fn built(config: impl Config + 'static, input: Shape, init: &Init) -> Result<Op> {
    let layer = try_build(|| Box::new(config).build(Spec::new(input, init.dtype()), init));
    layer.map(Op::Layer).map_err(|error| Error::format(error.to_string()))
}

/// A size for both directions, given once, twice, or as `NAME_h` and `NAME_w`.
fn pair(p: &Message, name: &str, short: &str, default: Option<usize>) -> Result<[usize; 2]> {
    let both = p.all(name).map(|f| f.number()).collect::<Result<Vec<usize>>>()?;
    let each = [p.size(&format!("{short}_h"))?, p.size(&format!("{short}_w"))?];
    match (&both[..], each) {
        ([], [Some(h), Some(w)]) => Ok([h, w]),
        ([], [h, w]) if h.is_some() || w.is_some() => {
            Ok([h.or(default).unwrap_or(0), w.or(default).unwrap_or(0)])
        }
        ([], _) => default
            .map(|size| [size; 2])
            .ok_or_else(|| Error::format(format!("{}: {name} is missing", p.at))),
        (&[size], _) => Ok([size; 2]),
        (&[h, w], _) => Ok([h, w]),
        _ => Err(Error::format(format!("{}: {} sizes as {name}", p.at, both.len()))),
    }
}

/// One size for both directions.
fn single(p: &Message, name: &str, short: &str, default: usize) -> Result<usize> {
    match pair(p, name, short, Some(default))? {
        [0, _] => Err(Error::format(format!("{}: {name} is 0", p.at))),
        [h, w] if h == w => Ok(h),
        [h, w] => Err(Error::format(format!("{}: {name} {h} and {w}; one for both is read", p.at))),
    }
}

fn count(p: &Message) -> Result<usize> {
    let outputs = p.size("num_output")?;
    outputs
        .filter(|&n| (1..1 << 24).contains(&n))
        .ok_or_else(|| Error::format(format!("{}: num_output is missing or impossible", p.at)))
}

/// Refuses a layer of more weights than any network has, before they are allocated.
fn check_weights(p: &Message, sizes: &[usize]) -> Result<()> {
    let len = sizes.iter().try_fold(1usize, |len, &size| len.checked_mul(size));
    match len.is_some_and(|len| len <= 1 << 29) {
        true => Ok(()),
        false => Err(Error::format(format!("{}: {sizes:?} are more than 2^29 weights", p.at))),
    }
}

fn convolution(p: &Message, input: Shape) -> Result<Conv2dConfig> {
    let kernel = pair(p, "kernel_size", "kernel", None)?;
    let pad = pair(p, "pad", "pad", Some(0))?;
    if kernel.iter().any(|size| !(1..1 << 12).contains(size))
        || pad.iter().any(|&size| size > 1 << 12)
    {
        return Err(Error::format(format!("{}: kernels of {kernel:?} with pads of {pad:?}", p.at)));
    }
    let channels = input.first().copied().unwrap_or(1);
    let groups = p.size("group")?.unwrap_or(1).max(1);
    check_weights(p, &[count(p)?, channels.div_ceil(groups), kernel[0], kernel[1]])?;
    let dilation = match p.get("dilation") {
        None => 1,
        Some(_) => single(p, "dilation", "dilation", 1)?,
    };
    let mut conv = conv2d(count(p)?, kernel[0])
        .kernel(kernel[0], kernel[1])
        .stride(single(p, "stride", "stride", 1)?)
        .padding(Padding::Explicit(pad.map(|pixels| [pixels; 2])))
        .dilation(dilation)
        .groups(groups)
        .bias(p.flag("bias_term")?.unwrap_or(true))
        .init(filler(p, "weight_filler")?);
    if let Initializer::Constant(value) = filler(p, "bias_filler")? {
        conv = conv.bias_init(value);
    }
    Ok(conv)
}

fn inner_product(p: &Message, input: Shape, init: &Init) -> Result<Op> {
    if p.get("axis").is_some() && p.float("axis")? != Some(1.0) {
        return Err(Error::format("an inner product along another axis than 1"));
    }
    check_weights(p, &[count(p)?, input.len()])?;
    let config = dense(count(p)?)
        .bias(p.flag("bias_term")?.unwrap_or(true))
        .init(filler(p, "weight_filler")?);
    let Op::Layer(dense) = built(config, Shape::from([input.len()]), init)? else {
        unreachable!("a layer was built")
    };
    Ok(own(Flattened(dense)))
}

/// How weights start. Caffe's defaults are zeros.
fn filler(p: &Message, name: &str) -> Result<Initializer> {
    let Some(filler) = p.message(name)? else { return Ok(Initializer::Constant(0.0)) };
    let norm = filler.get("variance_norm").map(|f| f.word()).transpose()?.unwrap_or("FAN_IN");
    Ok(match (filler.text("type")?.unwrap_or("constant"), norm) {
        ("constant", _) => Initializer::Constant(filler.float("value")?.unwrap_or(0.0)),
        ("gaussian", _) => Initializer::Normal(filler.float("std")?.unwrap_or(1.0)),
        ("xavier", "FAN_IN") => Initializer::LecunUniform,
        ("xavier", "AVERAGE") => Initializer::GlorotUniform,
        ("msra", "FAN_IN") => Initializer::HeNormal,
        ("uniform", _) => {
            let (low, high) =
                (filler.float("min")?.unwrap_or(0.0), filler.float("max")?.unwrap_or(1.0));
            if low != -high {
                let what = format!(
                    "{}: uniform from {low} to {high}; as far below 0 as above is read",
                    filler.at
                );
                return Err(Error::format(what));
            }
            Initializer::Uniform(high)
        }
        (kind, norm) => {
            let known = "constant, gaussian, xavier, msra, uniform";
            return Err(Error::format(format!(
                "{}: the filler {kind} ({norm}); there are {known}",
                filler.at
            )));
        }
    })
}

/// Caffe rounds the number of windows up; a mean counts the padding, but nothing beyond it.
fn pooling(p: &Message, input: Shape) -> Result<Pooling> {
    let kind = p.word("pool")?.unwrap_or("MAX");
    let mean = match kind {
        "MAX" | "0" => false,
        "AVE" | "1" => true,
        other => {
            return Err(Error::format(format!("{}: pool {other}; MAX and AVE are read", p.at)));
        }
    };
    if p.flag("global_pooling")?.unwrap_or(false) {
        return Ok(match mean {
            true => adaptive_mean_pool2d(1, 1),
            false => adaptive_max_pool2d(1, 1),
        });
    }
    let kernel = pair(p, "kernel_size", "kernel", None)?;
    let stride = pair(p, "stride", "stride", Some(1))?;
    let pad = pair(p, "pad", "pad", Some(0))?;
    if input.rank() != 3
        || kernel.contains(&0)
        || stride.contains(&0)
        || pad[0] >= kernel[0]
        || pad[1] >= kernel[1]
    {
        let what = format!("windows of {kernel:?}, stride {stride:?}, pad {pad:?} over {input}");
        return Err(Error::format(format!("{}: {what}", p.at)));
    }
    let floor = p.word("round_mode")?.is_some_and(|mode| matches!(mode, "FLOOR" | "1"));
    let pool = Pool {
        kernel,
        stride,
        padding: pad.map(|pixels| [pixels; 2]),
        dilation: [1; 2],
        ceil: !floor,
        count_include_pad: true,
    };
    Ok(if mean { mean_pool2d_with(pool) } else { max_pool2d_with(pool) })
}

fn response_norm(p: &Message) -> Result<Op> {
    let size = p.size("local_size")?.unwrap_or(5);
    let alpha = p.float("alpha")?.unwrap_or(1.0);
    let beta = p.float("beta")?.unwrap_or(0.75);
    if size % 2 == 0 || size > 1 << 10 {
        return Err(Error::format(format!("{}: local_size {size}; it must be odd", p.at)));
    }
    match p.word("norm_region")?.unwrap_or("ACROSS_CHANNELS") {
        "ACROSS_CHANNELS" | "0" => {
            let k = p.float("k")?.unwrap_or(1.0);
            Ok(own(local_response_norm(LocalResponse::of_mean(size, alpha, beta, k))))
        }
        // Each pixel by the mean of the squares around it, zeros beyond the edge counted; Caffe fixes k at 1 here.
        "WITHIN_CHANNEL" | "1" => {
            let pool = Pool::new(size).stride(1).padding(size / 2);
            Ok(own(Apply::new(format!("LocalResponseNorm({size}×{size})"), move |x| {
                let mean = x.square().mean_pool2d(pool);
                x * (mean * alpha + 1.0).pow(-beta)
            })))
        }
        other => Err(Error::format(format!("{}: norm_region {other}", p.at))),
    }
}

/// (shift + scale·x)^power
fn power(p: &Message) -> Result<Op> {
    let [power, scale, shift] = [("power", 1.0), ("scale", 1.0), ("shift", 0.0)]
        .map(|(name, default)| p.float(name).map(|v| v.unwrap_or(default)));
    let (power, scale, shift) = (power?, scale?, shift?);
    Ok(own(Apply::new("Power".into(), move |x| {
        let y = x * scale + shift;
        if power == 1.0 { y } else { y.pow(power) }
    })))
}

/// The batch axis stays; 0 keeps an axis, −1 is what is left.
fn reshape(p: &Message, input: Shape) -> Result<Op> {
    let shape =
        p.message("shape")?.ok_or_else(|| Error::format(format!("{}: shape is missing", p.at)))?;
    let sizes: Vec<f64> = shape.all("dim").map(|f| f.number()).collect::<Result<_>>()?;
    if p.get("axis").is_some()
        || p.get("num_axes").is_some()
        || !matches!(sizes.first(), Some(0.0 | -1.0))
    {
        return Err(Error::format(format!("{}: a reshape that moves the batch axis", p.at)));
    }
    let mut sizes_out = vec![];
    for (i, &size) in sizes[1..].iter().enumerate() {
        sizes_out.push(match size {
            0.0 if i < input.rank() => input[i],
            -1.0 => 0,
            size if (1.0..1e9).contains(&size) => size as usize,
            _ => return Err(Error::format(format!("{}: a size of {size}", p.at))),
        });
    }
    let known = sizes_out.iter().filter(|&&s| s > 0).try_fold(1usize, |n, &s| n.checked_mul(s));
    let known = known.filter(|&n| n > 0 && input.len().is_multiple_of(n));
    let known =
        known.ok_or_else(|| Error::format(format!("{input} does not fit {sizes_out:?}")))?;
    sizes_out.iter_mut().filter(|s| **s == 0).for_each(|s| *s = input.len() / known);
    if sizes_out.len() > 5 || sizes_out.iter().product::<usize>() != input.len() {
        return Err(Error::format(format!("{input} does not fit {sizes_out:?}")));
    }
    let to = Shape::from(&sizes_out[..]);
    Ok(own(Apply::new(format!("Reshape{to}"), move |x| x.reshape(to.inserted(0, x.shape()[0])))))
}

fn concat_axis(p: &Message, input: Shape) -> Result<Op> {
    let axis = p.float("axis")?.or(p.float("concat_dim")?).unwrap_or(1.0);
    let rank = input.rank() as f64 + 1.0;
    let axis = if axis < 0.0 { axis + rank } else { axis };
    if axis < 1.0 || axis >= rank {
        return Err(Error::format(format!("{}: axis {axis}; the batch is not joined", p.at)));
    }
    Ok(Op::Concat(axis as usize - 1))
}

fn eltwise(p: &Message, bottoms: usize) -> Result<Op> {
    let coefficients = p.all("coeff").map(|f| f.number()).collect::<Result<Vec<f64>>>()?;
    match (p.word("operation")?.unwrap_or("SUM"), coefficients.len()) {
        ("SUM" | "1", 0) => Ok(Op::Sum(vec![1.0; bottoms])),
        ("SUM" | "1", n) if n == bottoms => Ok(Op::Sum(coefficients)),
        ("PROD" | "0", 0) => Ok(Op::Product),
        ("MAX" | "2", 0) => Ok(Op::Maximum),
        (operation, n) => {
            Err(Error::format(format!("{}: {operation} with {n} coefficients", p.at)))
        }
    }
}

/// A function with constants of its own.
struct Apply {
    name: String,
    function: Box<dyn Fn(&Tensor) -> Tensor + Send + Sync>,
}

impl Apply {
    fn new(name: String, function: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static) -> Apply {
        Apply { name, function: Box::new(function) }
    }
}

impl Module for Apply {
    fn visit<'a>(&'a self, _: &mut Visitor<'a, '_>) {}
}
impl Layer for Apply {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        (self.function)(x)
    }
    fn describe(&self) -> String {
        self.name.clone()
    }
}

/// An inner product takes maps as they lie: `[B, C, H, W]` → `[B, C·H·W]`.
struct Flattened(Arc<dyn Layer>);

impl Module for Flattened {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        self.0.visit(visitor);
    }
}
impl Layer for Flattened {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        let batch = x.shape()[0];
        self.0.forward(&x.reshape([batch, x.len() / batch.max(1)]), cx)
    }
    fn describe(&self) -> String {
        self.0.describe()
    }
    fn macs(&self, input: &Shape, output: &Shape) -> u64 {
        self.0.macs(&Shape::from([input.len()]), output)
    }
}

/// γ·x + β per channel, without a normalisation before it.
struct ChannelScale {
    weight: Parameter,
    bias: Option<Parameter>,
}

impl ChannelScale {
    fn new(channels: usize, biased: bool, dtype: DType) -> ChannelScale {
        let full = |v: f64| Parameter::bias(&Tensor::full_of([channels], v, dtype));
        ChannelScale { weight: full(1.0), bias: biased.then(|| full(0.0)) }
    }
}

impl Module for ChannelScale {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("weight", State::Parameter(&self.weight));
        if let Some(bias) = &self.bias {
            visitor("bias", State::Parameter(bias));
        }
    }
}
impl Layer for ChannelScale {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        let mut shape = self.weight.variable().shape();
        (2..x.rank()).for_each(|axis| shape = shape.inserted(axis - 1, 1)); // [C, 1, 1]
        let y = x * self.weight.tensor().reshape(shape);
        match &self.bias {
            Some(bias) => y + bias.tensor().reshape(shape),
            None => y,
        }
    }
    fn describe(&self) -> String {
        "Scale".into()
    }
}
