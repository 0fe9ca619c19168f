//! Export: what Gradus computes, as an ONNX model.
//!
//! The graph of a network is walked from its outputs: formulas, views and reductions become operators here, calls of rules beside
//! the operators' own meaning in `ops`. The file is for operator set 17, which ONNX Runtime reads from 1.12 on.

mod formula;
mod trace;
mod views;
mod writer;

pub(crate) use formula::binary;
pub(crate) use trace::{Extent, behind, constant, inputs, row, seen, unexpanded};
pub(crate) use views::reshape;
pub(crate) use writer::{RuleUse, ValueRef, Writer, rule_use};

use crate::arrays::number_of;
use crate::{Error, Result};
use gradus_base::{DType, Shape};
use gradus_io::onnx::{Model, Size, ValueInfo};
use gradus_nn::{Context, Input, Layer, Module, Spec, State, named_states, parameters};
use gradus_tensor::Tensor;
use std::collections::HashMap;
use trace::Trace;

/// The operator set that files are written for.
const OPSET: i64 = 17;
/// The version of the format that came with it.
const IR_VERSION: i64 = 8;

/// The ONNX model of a layer, for samples of a shape (without the batch axis) in batches of any size: `input` goes in, `output`
/// comes out, weights have their paths. The input's type is the one that `sample` says ([`Spec`]), else the one that the model was
/// built for, else that of its parameters. Dropout is gone and batch norm has its running statistics, as in all predictions.
///
/// ```
/// use gradus_nn::{Context, Init, Layer, Sequential, layers::*};
/// use gradus_onnx::{Network, export};
/// use gradus_tensor::Tensor;
/// let net = Sequential::new([1, 8, 8], &Init::new(0))
///     .add(conv2d(4, 3)).add(relu()).add(flatten()).add(dropout(0.5)).add(dense(10));
/// let model = export(&net, [1, 8, 8])?;
/// let ops: Vec<_> = model.graph.nodes.iter().map(|n| n.op.as_str()).collect();
/// assert_eq!(ops, ["Conv", "Relu", "Flatten", "Gemm"]);
/// // gradus_io::onnx::write_model(path, &model) writes the file; here it runs again.
/// let x = Tensor::ones([3, 1, 8, 8]);
/// let y = Network::new(model)?.run(&[("input", x.clone())])?.remove(0).1;
/// assert_eq!(y.to_vec::<f32>(), net.forward(&x, &Context::eval()).to_vec::<f32>());
/// # Ok::<(), gradus_onnx::Error>(())
/// ```
///
/// # Errors
/// When something has no counterpart among ONNX's operators, or the network does not take batches of any size: then
/// [`Export::batch`] gives it one.
pub fn export(layer: &dyn Layer, sample: impl Input) -> Result<Model> {
    Export::new().input("input", sample).output("output").layer(layer)
}

/// How a network is exported: names, the batch's size, properties.
///
/// ```
/// use gradus_onnx::Export;
/// use gradus_tensor::{DType, Tensor, Variable};
/// let table = Variable::new("table", &Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]));
/// // Any function of tensors will do.
/// let model = Export::new()
///     .input_of("words", [], DType::I64)
///     .output("places")
///     .name(&table, "embedding.weight")
///     .property("language", "Esperanto")
///     .function(|x| vec![table.tensor().embedding(&x[0])])?;
/// assert_eq!(model.graph.initializers[0].name, "embedding.weight");
/// # Ok::<(), gradus_onnx::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Export {
    inputs: Vec<(String, Shape, Option<DType>)>,
    outputs: Vec<String>,
    names: HashMap<u64, String>,
    batch: Option<usize>,
    properties: Vec<(String, String)>,
}

impl Export {
    /// Nothing said yet.
    pub fn new() -> Export {
        Export::default()
    }
    /// Names the next input, whose samples are of a [`Spec`], or of a shape (without the batch axis) and the type that the layer
    /// was built for; of a function f32.
    #[must_use]
    pub fn input(mut self, name: impl Into<String>, sample: impl Input) -> Export {
        let (shape, dtype) = sample.parts();
        self.inputs.push((name.into(), shape, dtype));
        self
    }
    /// As [`Export::input`], of a type of its own.
    #[must_use]
    pub fn input_of(
        self,
        name: impl Into<String>,
        sample: impl Into<Shape>,
        dtype: DType,
    ) -> Export {
        self.input(name, Spec::new(sample, dtype))
    }
    /// Names the next output; without a name the first is `output`, others `output1`, …
    #[must_use]
    pub fn output(mut self, name: impl Into<String>) -> Export {
        self.outputs.push(name.into());
        self
    }
    /// Names a variable.
    #[must_use]
    pub fn name(mut self, variable: &gradus_tensor::Variable, name: impl Into<String>) -> Export {
        self.names.entry(variable.id()).or_insert_with(|| name.into());
        self
    }
    /// Names a module's variables by their paths.
    #[must_use]
    pub fn names_of(mut self, module: &dyn Module) -> Export {
        for (path, state) in named_states(module) {
            self = match state {
                State::Parameter(p) => self.name(p.variable(), path),
                State::Buffer(v) => self.name(v, path),
                State::Child(_) => self,
            };
        }
        self
    }
    /// One size for all batches, for a network that takes no others.
    #[must_use]
    pub fn batch(mut self, size: usize) -> Export {
        self.batch = Some(size);
        self
    }
    /// A property of the model, for programs that look for it.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Export {
        self.properties.push((name.into(), value.into()));
        self
    }

    /// The model of a layer of one input and one output.
    ///
    /// # Errors
    /// As [`export`].
    pub fn layer(self, layer: &dyn Layer) -> Result<Model> {
        let weights = || parameters(layer).first().map(|(_, p)| p.variable().dtype());
        let dtype = layer.takes().dtype().or_else(weights).unwrap_or(DType::F32);
        let mut this = self.names_of(layer);
        this.inputs.iter_mut().for_each(|(_, _, own)| *own = own.or(Some(dtype)));
        this.function(|x| vec![layer.forward(&x[0], &Context::eval())])
    }

    /// The model of a function that makes the outputs of the inputs. It is called for two sizes of the batch, to learn what
    /// depends on it.
    ///
    /// # Errors
    /// As [`export`]; where there is no input, or the function panics with a mistake in shapes.
    pub fn function(self, build: impl Fn(&[Tensor]) -> Vec<Tensor>) -> Result<Model> {
        if self.inputs.is_empty() {
            return Err(Error::new("the network has no input"));
        }
        let spec = |(_, shape, dtype): &(String, Shape, Option<DType>)| Spec {
            shape: *shape,
            dtype: dtype.unwrap_or(DType::F32),
        };
        let samples: Vec<Spec> = self.inputs.iter().map(spec).collect();
        let trace = Trace::new(&samples, self.batch, &build)?;
        let outputs: Vec<String> = (0..trace.outputs.len()).map(|i| self.output_name(i)).collect();
        let outputs: Vec<&str> = outputs.iter().map(|name| &**name).collect();
        let inputs: Vec<&str> = self.inputs.iter().map(|(name, ..)| &**name).collect();
        let mut graph = Writer::new(&trace, &self.names).graph(&inputs, &outputs)?;
        graph.name = "gradus".into();
        let batch = |_: ()| match self.batch {
            Some(n) => Size::Is(n as i64),
            None => Size::Open("batch".into()),
        };
        for (name, m) in inputs.iter().zip(&samples) {
            let sizes = m.shape.iter().map(|&n| Size::Is(n as i64));
            let shape = std::iter::once(batch(())).chain(sizes).collect();
            graph.inputs.push(value_info(name, m.dtype, shape));
        }
        for (name, node) in outputs.iter().zip(&trace.outputs) {
            let shape = trace.sizes(node)?.into_iter().map(size).collect();
            graph.outputs.push(value_info(name, node.dtype(), shape));
        }
        Ok(Model {
            ir_version: IR_VERSION,
            producer: "gradus".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            opsets: vec![(String::new(), OPSET)],
            graph,
            properties: self.properties,
            ..Model::default()
        })
    }

    fn output_name(&self, i: usize) -> String {
        let number = if i == 0 { String::new() } else { i.to_string() };
        self.outputs.get(i).cloned().unwrap_or(format!("output{number}"))
    }
}

fn value_info(name: &str, dtype: DType, shape: Vec<Size>) -> ValueInfo {
    ValueInfo { name: name.into(), element: number_of(dtype), shape: Some(shape) }
}

fn size(extent: Extent) -> Size {
    match extent {
        Extent::Fixed(n) => Size::Is(n as i64),
        Extent::Batches(1) => Size::Open("batch".into()),
        Extent::Batches(n) => Size::Open(format!("{n}*batch")),
    }
}
