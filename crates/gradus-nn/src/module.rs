//! `Module`: a tree of named state. `Layer`: a module that maps one tensor to one tensor.

use crate::{Context, Init, Sequential, Spec, Takes};
use gradus_base::Shape;
use gradus_tensor::{Tensor, Variable};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A variable that training adjusts.
#[derive(Clone, Debug)]
pub struct Parameter {
    variable: Variable,
    frozen: Arc<AtomicBool>,
    decays: bool,
}

impl Parameter {
    /// A parameter that starts at `value` and takes part in weight decay: a weight.
    pub fn weight(value: &Tensor) -> Parameter {
        let variable = Variable::new("weight", value);
        Parameter { variable, frozen: Arc::default(), decays: true }
    }
    /// A parameter that starts at `value` and is left out of weight decay: a bias, a scale of a
    /// norm.
    pub fn bias(value: &Tensor) -> Parameter {
        Parameter { decays: false, ..Parameter::weight(value) }
    }
    /// The variable.
    pub fn variable(&self) -> &Variable {
        &self.variable
    }
    /// The present value, as graph.
    #[track_caller]
    pub fn tensor(&self) -> Tensor {
        self.variable.tensor()
    }
    /// Whether training leaves it alone.
    pub fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Relaxed)
    }
    /// Makes training leave it alone, or take it up again. A step that is compiled already does not
    /// notice.
    ///
    /// ```
    /// use gradus_nn::{Init, Sequential, layers::dense, parameters};
    /// let model = Sequential::new([4], &Init::new(0)).add(dense(3)).add(dense(2));
    /// for (path, parameter) in parameters(&model) {
    ///     parameter.freeze(path.starts_with("dense1."));
    /// }
    /// assert_eq!((model.summary().parameters, model.summary().frozen), (23, 15));
    /// ```
    #[doc(alias("requires_grad_", "trainable"))]
    pub fn freeze(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::Relaxed);
    }
    /// Whether weight decay applies to it.
    pub fn decays(&self) -> bool {
        self.decays
    }
}

/// One entry of the state of a module.
pub enum State<'a> {
    /// Adjusted by training.
    Parameter(&'a Parameter),
    /// Kept by the module itself: running statistics.
    Buffer(&'a Variable),
    /// A module inside.
    Child(&'a dyn Module),
}

/// What [`Module::visit`] calls for each entry: its name and what it is.
pub type Visitor<'a, 'v> = dyn FnMut(&str, State<'a>) + 'v;

/// A tree of named state. `#[derive(Module)]` writes this for a struct whose fields are modules or
/// parameters.
pub trait Module: Send + Sync {
    /// Calls `visitor` for each parameter, buffer and child, in a fixed order.
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>);
}

/// A module that maps one tensor to one tensor.
#[doc(alias = "Module")]
pub trait Layer: Module {
    /// The output for `x`, whose first axis is the batch.
    ///
    /// # Panics
    /// If the shape of `x` does not fit.
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor;
    /// The type of the layer and what distinguishes it, for summaries and messages: `Dense(10)`.
    fn describe(&self) -> String;
    /// Multiply-adds for one sample of the given input and output shapes (without the batch).
    fn macs(&self, _input: &Shape, _output: &Shape) -> u64 {
        0
    }
    /// (kernel, stride, dilation) along height and width, for receptive fields; `None` for a layer that does not slide.
    fn window(&self) -> Option<[(usize, usize, usize); 2]> {
        None
    }
    /// Zeros (before, after) along height and width around an input without its batch axis; `None` for a layer that pads nothing
    /// of its own.
    fn window_padding(&self, _input: &Shape) -> Option<[[usize; 2]; 2]> {
        None
    }
    /// ε, which a batch norm adds to the variance.
    fn epsilon(&self) -> Option<f64> {
        None
    }
    /// The element types it takes. Whoever runs the layer under a name ([`Context::run`]) refuses others by that name.
    fn takes(&self) -> Takes {
        Takes::Any
    }
    /// How the layer treats padded sequences of this shape, `[B, T, ..]`: see
    /// [`Context::set_lengths`].
    fn padding(&self, _input: &Shape) -> Padding {
        Padding::Mixes
    }
    /// The layers a container runs one after the other.
    fn children(&self) -> &[(String, Arc<dyn Layer>)] {
        &[]
    }
    /// The paths a container runs side by side, all on its own input.
    fn paths(&self) -> &[(String, Sequential)] {
        &[]
    }
}

/// How a layer treats padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Each place is treated on its own, so what is padding stays padding: `dense` over the last axis, activations, dropout.
    Apart,
    /// The layer asks for the lengths ([`Context::lengths`]), and says itself which lengths its
    /// output has.
    Known,
    /// Places are mixed without regard to padding: flattening, convolutions, statistics of a batch.
    /// Such a layer refuses sequences with lengths.
    Mixes,
}

/// A description that becomes a layer once its input is known.
///
/// ```
/// use gradus_nn::{Config, Init, Layer, Sequential, Spec, layers::*};
/// use std::sync::Arc;
/// /// As many units as there are inputs.
/// struct Square;
/// impl Config for Square {
///     fn name(&self) -> &'static str {
///         "square"
///     }
///     fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
///         let features = input.shape[0];
///         Arc::new(dense(features).build(features, init))
///     }
/// }
/// let model = Sequential::new([3], &Init::new(0)).add(Square);
/// assert_eq!(model.summary().parameters, 3 * 3 + 3);
/// ```
pub trait Config {
    /// A short lower-case name for the layer in its model: `conv`, `dense`.
    fn name(&self) -> &'static str;
    /// The layer for samples like `input`, with weights from `init`.
    ///
    /// # Panics
    /// If the layer cannot work on that input.
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer>;
}

/// Every parameter and buffer below a module, with its path: `conv1.weight`.
pub fn named_states<'a>(module: &'a dyn Module) -> Vec<(String, State<'a>)> {
    fn walk<'a>(module: &'a dyn Module, path: &str, out: &mut Vec<(String, State<'a>)>) {
        module.visit(&mut |name, state| {
            let path = match (path, name) {
                ("", name) => name.to_owned(),
                (path, "") => path.to_owned(),
                (path, name) => format!("{path}.{name}"),
            };
            match state {
                State::Child(child) => walk(child, &path, out),
                leaf => out.push((path, leaf)),
            }
        });
    }
    let mut out = vec![];
    walk(module, "", &mut out);
    out
}

/// Every parameter below a module, with its path. One that is shared appears once, under its first
/// path.
#[doc(alias("named_parameters", "weights"))]
pub fn parameters(module: &dyn Module) -> Vec<(String, Parameter)> {
    let mut seen = std::collections::HashSet::new();
    named_states(module)
        .into_iter()
        .filter_map(|(path, state)| match state {
            State::Parameter(p) if seen.insert(p.variable().id()) => Some((path, p.clone())),
            _ => None,
        })
        .collect()
}

impl Module for Parameter {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("", State::Parameter(self));
    }
}
/// State that a module keeps itself.
impl Module for Variable {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("", State::Buffer(self));
    }
}
impl<M: Module + ?Sized> Module for Arc<M> {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        (**self).visit(visitor);
    }
}
impl<M: Module + ?Sized> Module for Box<M> {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        (**self).visit(visitor);
    }
}
impl<M: Module> Module for Option<M> {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        if let Some(m) = self {
            m.visit(visitor);
        }
    }
}
impl<M: Module> Module for Vec<M> {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        for (i, m) in self.iter().enumerate() {
            visitor(&i.to_string(), State::Child(m));
        }
    }
}
impl<L: Layer + ?Sized> Layer for Arc<L> {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        (**self).forward(x, cx)
    }
    fn describe(&self) -> String {
        (**self).describe()
    }
    fn macs(&self, input: &Shape, output: &Shape) -> u64 {
        (**self).macs(input, output)
    }
    fn window(&self) -> Option<[(usize, usize, usize); 2]> {
        (**self).window()
    }
    fn window_padding(&self, input: &Shape) -> Option<[[usize; 2]; 2]> {
        (**self).window_padding(input)
    }
    fn epsilon(&self) -> Option<f64> {
        (**self).epsilon()
    }
    fn children(&self) -> &[(String, Arc<dyn Layer>)] {
        (**self).children()
    }
    fn paths(&self) -> &[(String, Sequential)] {
        (**self).paths()
    }
    fn takes(&self) -> Takes {
        (**self).takes()
    }
    fn padding(&self, input: &Shape) -> Padding {
        (**self).padding(input)
    }
}
