//! Networks of Caffe: a `.prototxt` becomes a layer, and a `.caffemodel`'s blobs its weights.
//! Jia et al. 2014, arXiv:1408.5093.
//!
//! Layers keep their names, so `conv1` has `conv1.weight`. A batch normalisation and the scale behind it are one
//! layer, under the first one's name. What only measures (losses, accuracy) or only trains (auxiliary heads) is left
//! out: the network's output is what the last softmax would get.

mod build;
mod layers;
mod weights;

pub use weights::LayerBlobs;

use gradus_base::Shape;
use gradus_io::{Error, Result, caffe::Message};
use gradus_nn::{
    Context, Init, Layer, Module, Row, Sequential, State, Summary, Visitor, parameters,
};
use gradus_tensor::{DType, Tensor};
use std::sync::Arc;

/// A network of layers that part and join, in the order of its text.
///
/// ```
/// use gradus_models::caffe::CaffeNet;
/// use gradus_nn::{Context, Init, Layer};
/// use gradus_tensor::Tensor;
/// let text = "name: 'two' input: 'x' input_dim: 1 input_dim: 3 input_dim: 5 input_dim: 5
///     layer { name: 'a' type: 'Convolution' bottom: 'x' top: 'a' convolution_param { num_output: 2 kernel_size: 3 } }
///     layer { name: 'b' type: 'ReLU' bottom: 'a' top: 'b' }
///     layer { name: 'sum' type: 'Eltwise' bottom: 'a' bottom: 'b' top: 'sum' }";
/// let net = CaffeNet::parse(text, None, &Init::new(0)).unwrap();
/// let y = net.forward(&Tensor::ones([4, 3, 5, 5]), &Context::eval());
/// assert_eq!((y.shape().to_string(), net.name()), ("[4, 2, 3, 3]".to_owned(), "two"));
/// ```
pub struct CaffeNet {
    name: String,
    input: Shape,
    output: Shape,
    /// The element type of all values.
    dtype: DType,
    /// Each makes one value; value 0 is the input.
    steps: Vec<Step>,
    /// Which value the network gives.
    result: usize,
    /// Layers of the text that the network goes without.
    left_out: Vec<String>,
}

/// One layer at its place.
struct Step {
    name: String,
    op: Op,
    from: Vec<usize>,
    output: Shape,
    /// For weights: the name of a scale that this batch normalisation took in.
    scale: Option<String>,
    /// For weights: the shape `[C, H, W]` before a flattening, and the type's name.
    kind: &'static str,
}

/// What a step does with its values.
enum Op {
    /// A layer of one value.
    Layer(Arc<dyn Layer>),
    /// Along an axis, counted without the batch axis.
    Concat(usize),
    /// Each times its coefficient.
    Sum(Vec<f64>),
    Product,
    Maximum,
}

impl CaffeNet {
    /// The network of a text, for samples of the shape `input`, or of the one that the text gives.
    ///
    /// # Errors
    /// With line and column, and the layer's name where there is one.
    pub fn parse(text: &str, input: Option<Shape>, init: &Init) -> Result<CaffeNet> {
        build::network(&Message::parse(text)?, input, init)
    }

    /// The network's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The input's shape, without the batch axis.
    pub fn input_shape(&self) -> Shape {
        self.input
    }

    /// The output's shape, without the batch axis.
    pub fn output_shape(&self) -> Shape {
        self.output
    }

    /// Layers of the text that the network goes without, with the reason.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Its layers with shapes, parameters and multiply-adds; receptive fields are not followed along several paths.
    pub fn summary(&self) -> Summary {
        let mut shapes = vec![self.input];
        let mut rows = vec![];
        for step in &self.steps {
            let (layer, parameters, macs) = match &step.op {
                Op::Layer(layer) => {
                    let count = self::parameters(layer)
                        .iter()
                        .map(|(_, p)| p.variable().shape().len())
                        .sum();
                    let input = shapes[step.from[0]];
                    (layer.describe(), count, layer.macs(&input, &step.output))
                }
                Op::Concat(_) => (format!("Concat({})", step.from.len()), 0, 0),
                Op::Sum(_) => (format!("Sum({})", step.from.len()), 0, 0),
                Op::Product => (format!("Product({})", step.from.len()), 0, 0),
                Op::Maximum => (format!("Maximum({})", step.from.len()), 0, 0),
            };
            shapes.push(step.output);
            let path = step.name.clone();
            rows.push(Row { path, layer, output: step.output, parameters, macs, field: None });
        }
        let all = parameters(self);
        let len = |frozen: bool| {
            let chosen = all.iter().filter(|(_, p)| p.is_frozen() || !frozen);
            chosen.map(|(_, p)| p.variable().shape().len()).sum()
        };
        Summary {
            input: self.input,
            input_dtype: self.dtype,
            parameters: len(false),
            frozen: len(true),
            parameter_bytes: self.dtype.size() * len(false),
            activation_bytes: rows.iter().map(|r| self.dtype.size() * r.output.len()).sum(),
            rows,
        }
    }

    /// As a model that trains and predicts: layers in a row where they are, else one layer of them all.
    pub fn into_model(self, init: &Init) -> Sequential {
        let in_a_row =
            |(i, step): (usize, &Step)| step.from == [i] && matches!(step.op, Op::Layer(_));
        if self.result == self.steps.len() && self.steps.iter().enumerate().all(in_a_row) {
            let empty = Sequential::new(self.input, init);
            return self.steps.into_iter().fold(empty, |model, step| match step.op {
                Op::Layer(layer) => model.add_layer(&step.name, layer),
                _ => unreachable!("all are layers"),
            });
        }
        // A layer without a name adds nothing to the paths of its own layers.
        Sequential::new(self.input, init).add_layer("", Arc::new(self))
    }
}

impl Module for CaffeNet {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        for step in &self.steps {
            if let Op::Layer(layer) = &step.op {
                visitor(&step.name, State::Child(layer));
            }
        }
    }
}

impl Layer for CaffeNet {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        let mut values = vec![x.clone()];
        for step in &self.steps {
            let xs: Vec<&Tensor> = step.from.iter().map(|&i| &values[i]).collect();
            let y = match &step.op {
                Op::Layer(layer) => cx.run(&step.name, &**layer, xs[0]),
                op => op.join(&xs),
            };
            values.push(y);
        }
        values.swap_remove(self.result)
    }
    fn describe(&self) -> String {
        format!("CaffeNet({}, {} layers)", self.name, self.steps.len())
    }
    fn macs(&self, _: &Shape, _: &Shape) -> u64 {
        self.summary().macs()
    }
}

impl Op {
    /// What several values become.
    #[track_caller]
    fn join(&self, xs: &[&Tensor]) -> Tensor {
        let (first, others) = xs.split_first().expect("a step has a value");
        match self {
            Op::Layer(_) => unreachable!("run with its name"),
            Op::Concat(axis) => Tensor::concat(xs, *axis as isize + 1),
            Op::Sum(coefficients) => {
                let scaled = |x: &Tensor, c: f64| if c == 1.0 { x.clone() } else { x * c };
                let sum = scaled(first, coefficients[0]);
                others.iter().zip(&coefficients[1..]).fold(sum, |sum, (x, &c)| sum + scaled(x, c))
            }
            Op::Product => others.iter().fold((*first).clone(), |y, &x| y * x),
            Op::Maximum => others.iter().fold((*first).clone(), |y, &x| y.maximum(x)),
        }
    }
}

/// An error at a layer.
fn at_layer(place: impl std::fmt::Display, name: &str, error: impl std::fmt::Display) -> Error {
    Error::format(format!("{place}: layer `{name}`: {error}"))
}
