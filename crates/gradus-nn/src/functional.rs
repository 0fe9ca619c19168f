//! Models as graphs of layers: several inputs and outputs, layers used twice, paths that part and
//! join.
//!
//! Calling a layer on a [`Symbol`] gives the symbol of its output; a [`Model`] is everything
//! between some inputs and some outputs. A layer called at several places is one layer: its state
//! appears once, its gradients add up.
//!
//! ```
//! use gradus_nn::functional::{Call, Model, Symbol, built};
//! use gradus_nn::{Context, Init, layers::dense, parameters};
//! use gradus_tensor::Tensor;
//! let init = Init::new(0);
//! let (a, b) = (Symbol::input([4]), Symbol::input([4]));
//! let encoder = built(dense(3), [4], &init);
//! let both = Symbol::concat(&[&encoder.call(&a), &encoder.call(&b)], 0); // [6]
//! let y = built(dense(1), [6], &init).call(&both);
//! let model = Model::new(&[&a, &b], &[&y]);
//! let x = Tensor::ones([2, 4]);
//! assert_eq!(model.forward_all(&[&x, &x], &Context::eval())[0].shape().to_string(), "[2, 1]");
//! let names: Vec<String> = parameters(&model).into_iter().map(|(name, _)| name).collect();
//! assert_eq!(names, ["dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"]);
//! ```
//!
//! An input is a shape, for floats of the type of the weights that read it, or a [`Spec`]: the
//! numbers of words beside measured ones.
//!
//! ```
//! # use gradus_nn::functional::{Call, Model, Symbol, built};
//! # use gradus_nn::{Context, Init, Spec, layers::{dense, embedding}};
//! # use gradus_tensor::{DType, Tensor};
//! # let init = Init::new(0);
//! let (word, size) = (Symbol::input(Spec::new([], DType::I64)), Symbol::input([2]));
//! let vector = built(embedding(10, 3), &word, &init).call(&word); // [3]
//! let both = Symbol::concat(&[&vector, &size], 0); // [5]
//! let y = built(dense(1), &both, &init).call(&both);
//! let model = Model::new(&[&word, &size], &[&y]);
//! assert_eq!(model.input_specs(), [Spec::new([], DType::I64), Spec::new([2], DType::F32)]);
//! let y = model.forward_all(&[&Tensor::from([7i64]), &Tensor::ones([1, 2])], &Context::eval());
//! assert_eq!(y[0].shape().to_string(), "[1, 1]");
//! ```

use crate::refused::{nothing, refused};
use crate::spec::output_spec;
use crate::{
    Config, Context, Init, Input, Layer, Module, Padding, Spec, State, Takes, Visitor, parameters,
};
use gradus_base::{DType, Error, Shape};
use gradus_tensor::{Place, Tensor, report, try_build};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

type Join = Arc<dyn Fn(&[Tensor]) -> Tensor + Send + Sync>;

/// A place in a graph of layers: an input, or the output of a layer for other places. It has a
/// shape but no value.
#[derive(Clone)]
pub struct Symbol(Arc<Vertex>);

struct Vertex {
    /// Grows with each symbol made, so that sorting by it puts causes before effects.
    id: u64,
    shape: Shape,
    /// The element type; `None` for floats of the type that the weights have which read it.
    dtype: Option<DType>,
    source: Source,
}

enum Source {
    Input,
    Layer(Arc<dyn Layer>, Symbol),
    Join(Join, Vec<Symbol>),
}

impl Symbol {
    /// An input of the given shape, without the batch axis. It takes floats of the type of the
    /// weights that read it; a [`Spec`] names another type, and then only that one is taken.
    #[track_caller]
    #[doc(alias = "Model")]
    pub fn input(input: impl Input) -> Symbol {
        let (shape, dtype) = input.parts();
        Symbol::new(shape, dtype, Source::Input)
    }

    /// The place whose value `join` computes from the values of several places.
    ///
    /// # Panics
    /// If `join` refuses their shapes or types.
    #[track_caller]
    pub fn join(
        symbols: &[&Symbol],
        join: impl Fn(&[Tensor]) -> Tensor + Send + Sync + 'static,
    ) -> Symbol {
        let said = first_float(symbols.iter().copied());
        let float = said.unwrap_or(DType::F32);
        // A batch of two tells the batch axis apart from axes of size 1.
        let zeros: Vec<Tensor> = symbols.iter().map(|s| s.spec_as(float).zeros(2)).collect();
        let y = match try_build(|| join(&zeros)) {
            Ok(y) => Spec::of(&y),
            Err(e) => {
                report(e.moved(file!(), Place::here()));
                nothing()
            }
        };
        // Of floats whose type is open come floats whose type is.
        let open = said.is_none() && symbols.iter().any(|s| s.0.dtype.is_none());
        let dtype = (!open || y.dtype != float).then_some(y.dtype);
        let symbols = symbols.iter().map(|&s| s.clone()).collect();
        Symbol::new(y.shape, dtype, Source::Join(Arc::new(join), symbols))
    }

    /// The values of several places joined along an axis, counted without the batch axis.
    ///
    /// # Panics
    /// If their shapes differ elsewhere.
    #[track_caller]
    pub fn concat(symbols: &[&Symbol], axis: usize) -> Symbol {
        Symbol::join(symbols, move |xs| {
            Tensor::concat(&xs.iter().collect::<Vec<_>>(), axis as isize + 1)
        })
    }

    /// The sum of the values of several places.
    ///
    /// # Panics
    /// If their shapes do not fit.
    #[track_caller]
    pub fn sum(symbols: &[&Symbol]) -> Symbol {
        Symbol::join(symbols, |xs| {
            let (first, others) = xs.split_first().expect("a sum of at least one");
            others.iter().fold(first.clone(), |sum, x| sum + x)
        })
    }

    /// The shape, without the batch axis.
    pub fn shape(&self) -> Shape {
        self.0.shape
    }

    /// The shape without the batch axis, and the element type: f32 for floats that no weights have
    /// given a type yet.
    pub fn spec(&self) -> Spec {
        self.spec_as(DType::F32)
    }

    fn spec_as(&self, float: DType) -> Spec {
        Spec { shape: self.0.shape, dtype: self.0.dtype.unwrap_or(float) }
    }

    fn new(shape: Shape, dtype: Option<DType>, source: Source) -> Symbol {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Symbol(Arc::new(Vertex { id, shape, dtype, source }))
    }

    /// The types taken where it is an input.
    fn takes(&self) -> Takes {
        match (&self.0.source, self.0.dtype) {
            (Source::Input, Some(dtype)) => Takes::Only(dtype),
            _ => Takes::Any,
        }
    }

    fn causes(&self) -> &[Symbol] {
        match &self.0.source {
            Source::Input => &[],
            Source::Layer(_, x) => std::slice::from_ref(x),
            Source::Join(_, xs) => xs,
        }
    }
}

/// What goes into a layer that is built for this place: floats whose type is open are of the type of the layer's weights.
impl Input for &Symbol {
    fn parts(self) -> (Shape, Option<DType>) {
        (self.0.shape, self.0.dtype)
    }
}

/// The first float type among those that are known.
fn first_float<'a>(symbols: impl IntoIterator<Item = &'a Symbol>) -> Option<DType> {
    symbols.into_iter().filter_map(|s| s.0.dtype).find(|dtype| dtype.is_float())
}

/// Builds the layer of a description. Its input is a shape without the batch axis (floats of the
/// type of `init`'s weights), a [`Spec`], or a [`Symbol`].
///
/// # Panics
/// If no such layer can work on that input.
#[track_caller]
pub fn built(config: impl Config + 'static, input: impl Input, init: &Init) -> Arc<dyn Layer> {
    let (shape, dtype) = input.parts();
    let (name, dtype) = (config.name(), dtype.unwrap_or(init.dtype()));
    let layer = Box::new(config).build(Spec { shape, dtype }, init);
    match layer.takes().expect(name, "input", dtype, shape) {
        Ok(()) => layer,
        Err(e) => refused(e),
    }
}

/// Puts a layer into a graph.
pub trait Call {
    /// The symbol of this layer's output for `x`.
    ///
    /// # Panics
    /// If the layer cannot work on the shape of `x`.
    #[track_caller]
    fn call(&self, x: &Symbol) -> Symbol;
}

impl Call for Arc<dyn Layer> {
    #[track_caller]
    fn call(&self, x: &Symbol) -> Symbol {
        let (own, name) = (type_read(&**self), kind(&**self));
        let input = x.spec_as(own.unwrap_or(DType::F32));
        let y = match output_spec(&name, &**self, input) {
            Ok(y) => y,
            Err(e) => {
                report(e);
                nothing()
            }
        };
        let open = x.0.dtype.is_none() && own.is_none();
        let dtype = (!open || y.dtype != input.dtype).then_some(y.dtype);
        Symbol::new(y.shape, dtype, Source::Layer(self.clone(), x.clone()))
    }
}

/// The type of inputs that a layer names, or that its weights have.
fn type_read(layer: &dyn Layer) -> Option<DType> {
    let weights = || parameters(layer).first().map(|(_, p)| p.variable().dtype());
    layer.takes().dtype().or_else(weights)
}

/// What a layer is called in a model: `Conv2d(6@5×5)` is a `conv2d`.
fn kind(layer: &dyn Layer) -> String {
    layer.describe().split('(').next().unwrap_or_default().to_lowercase()
}

/// Everything between some inputs and some outputs.
pub struct Model {
    inputs: Vec<Symbol>,
    outputs: Vec<Symbol>,
    /// Causes before effects.
    order: Vec<Symbol>,
    /// Each layer once, in the order of first calls.
    layers: Vec<(String, Arc<dyn Layer>)>,
}

impl Model {
    /// The model that computes `outputs` from `inputs`. Layers are named after their kind and their
    /// number, in the order of first calls: `conv2d1`.
    ///
    /// # Panics
    /// If an output depends on an input that is not listed, or on none.
    #[track_caller]
    pub fn new(inputs: &[&Symbol], outputs: &[&Symbol]) -> Model {
        let mut found = BTreeMap::new();
        let mut open: Vec<Symbol> = outputs.iter().map(|&s| s.clone()).collect();
        while let Some(symbol) = open.pop() {
            let listed = inputs.iter().any(|i| i.0.id == symbol.0.id);
            if matches!(symbol.0.source, Source::Input) && !listed {
                let what =
                    format!("an output needs an input {} that is not listed", symbol.shape());
                report(Error::value("model", what));
            }
            // What lies before a listed symbol is no part of the model.
            if found.insert(symbol.0.id, symbol.clone()).is_none() && !listed {
                open.extend_from_slice(symbol.causes());
            }
        }
        let order: Vec<Symbol> =
            found.into_values().filter(|s| !inputs.iter().any(|i| i.0.id == s.0.id)).collect();
        let owned = |list: &[&Symbol]| list.iter().map(|&s| s.clone()).collect();
        let layers = named(&order);
        Model { inputs: owned(inputs), outputs: owned(outputs), order, layers }
    }

    /// The outputs for the inputs, both in the order of [`Model::new`].
    ///
    /// # Panics
    /// If there are more or fewer inputs than the model has, or one has another shape than the
    /// model's or another type than its [`Spec`] names.
    #[track_caller]
    pub fn forward_all(&self, xs: &[&Tensor], cx: &Context) -> Vec<Tensor> {
        if xs.len() != self.inputs.len() {
            let what = format!("{} inputs, the model has {}", xs.len(), self.inputs.len());
            return self.refused(Error::value("model", what));
        }
        let mut values: HashMap<u64, Tensor> = HashMap::new();
        for (i, (input, &x)) in self.inputs.iter().zip(xs).enumerate() {
            if x.rank() == 0 || x.shape().without(0) != input.shape() {
                let what =
                    format!("input {i} is {}, expected [B] and {}", x.shape(), input.shape());
                return self.refused(Error::shape("model", what));
            }
            let what = format!("input {i}");
            if let Err(e) = input.takes().expect("model", &what, x.dtype(), x.shape()) {
                return self.refused(e);
            }
            values.insert(input.0.id, x.clone());
        }
        for symbol in &self.order {
            let y = match &symbol.0.source {
                Source::Input => {
                    return self.refused(Error::value("model", "an input is not listed"));
                }
                Source::Layer(layer, x) => cx.run(self.name(layer), &**layer, &values[&x.0.id]),
                Source::Join(join, xs) => {
                    let xs: Vec<Tensor> = xs.iter().map(|x| values[&x.0.id].clone()).collect();
                    match xs.iter().try_for_each(|x| cx.refuse_lengths(x, "a join")) {
                        Ok(()) => join(&xs),
                        Err(e) => return self.refused(e),
                    }
                }
            };
            values.insert(symbol.0.id, y);
        }
        self.outputs.iter().map(|y| values[&y.0.id].clone()).collect()
    }

    /// Poisoned outputs.
    #[track_caller]
    fn refused(&self, error: Error) -> Vec<Tensor> {
        vec![Tensor::refuse(error); self.outputs.len()]
    }

    /// What goes in, in the order of [`Model::new`].
    pub fn input_specs(&self) -> Vec<Spec> {
        self.inputs.iter().map(|input| input.spec_as(self.type_of(input))).collect()
    }
    /// What comes out, in the order of [`Model::new`].
    ///
    /// # Panics
    /// If the model cannot work on its [`Model::input_specs`].
    #[track_caller]
    pub fn output_specs(&self) -> Vec<Spec> {
        let zeros: Vec<Tensor> = self.input_specs().iter().map(|input| input.zeros(2)).collect();
        let ys = self.forward_all(&zeros.iter().collect::<Vec<_>>(), &Context::trial());
        ys.iter().map(Spec::of).collect()
    }

    /// The type of an input whose type is open: that of the first layer that names one, or of a
    /// place that it is joined with before.
    fn type_of(&self, input: &Symbol) -> DType {
        let mut open = HashSet::from([input.0.id]);
        for symbol in &self.order {
            if !symbol.causes().iter().any(|x| open.contains(&x.0.id)) {
                continue;
            }
            let found = match &symbol.0.source {
                Source::Layer(layer, _) => type_read(&**layer),
                _ => first_float(symbol.causes()),
            };
            match found {
                Some(dtype) => return dtype,
                None if symbol.0.dtype.is_none() => drop(open.insert(symbol.0.id)),
                None => {}
            }
        }
        DType::F32
    }

    /// The layers with their names, each once.
    pub fn layers(&self) -> &[(String, Arc<dyn Layer>)] {
        &self.layers
    }

    fn name(&self, layer: &Arc<dyn Layer>) -> &str {
        let found = self.layers.iter().find(|(_, l)| same(l, layer));
        &found.expect("every layer of the model has a name").0
    }
}

fn same(a: &Arc<dyn Layer>, b: &Arc<dyn Layer>) -> bool {
    // Layers without fields may share an address; the layer's kind tells them apart, and they have no state to mix up.
    std::ptr::addr_eq(Arc::as_ptr(a), Arc::as_ptr(b)) && a.describe() == b.describe()
}

fn named(order: &[Symbol]) -> Vec<(String, Arc<dyn Layer>)> {
    let mut layers: Vec<(String, Arc<dyn Layer>)> = vec![];
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for symbol in order {
        let Source::Layer(layer, _) = &symbol.0.source else { continue };
        if !layers.iter().any(|(_, l)| same(l, layer)) {
            let kind = kind(&**layer);
            let number = numbers.entry(kind.clone()).or_default();
            *number += 1;
            layers.push((format!("{kind}{number}"), layer.clone()));
        }
    }
    layers
}

impl Module for Model {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        for (name, layer) in &self.layers {
            visitor(name, State::Child(layer));
        }
    }
}

/// A model of one input and one output is a layer.
impl Layer for Model {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        let mut ys = self.forward_all(&[x], cx);
        if ys.len() != 1 {
            let what = format!("the model has {} outputs; a layer has one", ys.len());
            return Tensor::refuse(Error::value("model", what));
        }
        ys.swap_remove(0)
    }
    fn takes(&self) -> Takes {
        match &self.inputs[..] {
            [input] => input.takes(),
            _ => Takes::Any,
        }
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Known
    }
    fn describe(&self) -> String {
        format!("Model({} layers)", self.layers.len())
    }
}
