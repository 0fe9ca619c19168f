//! `Case`: what an op takes, what it should give, and which checks follow.

use crate::tolerance::{self, Species};
use crate::{Array, far, gradient, layout, value};
use gradus_base::philox::Rng;
use gradus_base::{DType, Shape};
use gradus_graph::Node;
use std::ops::Range;

/// The shape of a pointwise input unless the case says otherwise: neither axis a multiple of a vector's lanes.
const POINTWISE: [usize; 2] = [3, 5];

/// The op under test, of its input nodes.
pub(crate) type Build = dyn Fn(&[Node]) -> Node;

/// An op under test. Build one with [`check`], end with [`Case::run`].
pub struct Case {
    pub(crate) name: String,
    pub(crate) op: Box<Build>,
    pub(crate) inputs: Vec<Input>,
    pub(crate) oracle: Option<Oracle>,
    pub(crate) examples: Vec<Example>,
    pub(crate) slopes: Vec<Example>,
    pub(crate) differentiable: bool,
    pub(crate) empty_axis: Option<usize>,
    /// The largest argument that is visited far from 0.
    pub(crate) reach: f64,
    species: Species,
    dtypes: Vec<DType>,
    exceptions: Vec<(DType, f64)>,
}

/// An input and where its numbers come from.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) shape: Shape,
    /// The element type, if it is not the one under test.
    pub(crate) dtype: Option<DType>,
    range: Range<f64>,
    avoid: Vec<f64>,
}

/// What the op should give for one number of each input.
type OfElement = dyn Fn(&[f64]) -> f64;
/// What the op should give for whole inputs.
type OfWhole = dyn Fn(&[Array]) -> Array;

/// What the op should give, in f64.
pub(crate) enum Oracle {
    Element(Box<OfElement>),
    Whole(Box<OfWhole>),
}

/// Numbers worked out by hand.
pub(crate) struct Example {
    pub(crate) inputs: Vec<Array>,
    pub(crate) output: Array,
}

/// A test of `op`, which builds the op named `name` from its input nodes.
///
/// ```
/// # use gradus_base::{Expr, Real};
/// # use gradus_graph::{Node, Pointwise, pointwise};
/// # fn exp(x: &Node) -> Node {
/// #     let expr = std::sync::Arc::new(Expr::trace(1, |x| vec![x[0].exp()]));
/// #     pointwise(Pointwise { name: "exp", expr, vjp: None, constant: None }, vec![x.clone()], x.dtype())
/// # }
/// use gradus_testkit::check;
/// check("exp", |x| exp(&x[0]))
///     .domain(-2.0..2.0)
///     .oracle(|x| x[0].exp())
///     .example(&[&[0.0, 1.0]], &[1.0, 2.718282])
///     .run();
/// ```
pub fn check(name: &str, op: impl Fn(&[Node]) -> Node + 'static) -> Case {
    Case {
        name: name.to_owned(),
        op: Box::new(op),
        inputs: vec![],
        oracle: None,
        examples: vec![],
        slopes: vec![],
        differentiable: true,
        empty_axis: Some(0),
        reach: f64::INFINITY,
        species: Species::Pointwise,
        dtypes: vec![DType::F64, DType::F32, DType::F16, DType::BF16],
        exceptions: vec![],
    }
}

impl Case {
    /// Another input of a pointwise op, its numbers drawn from `range`.
    #[must_use]
    pub fn domain(self, range: Range<f64>) -> Case {
        self.input(POINTWISE, range)
    }
    /// Another input of the given shape, its numbers drawn from `range`.
    #[must_use]
    pub fn input(mut self, shape: impl Into<Shape>, range: Range<f64>) -> Case {
        self.inputs.push(Input { shape: shape.into(), dtype: None, range, avoid: vec![] });
        self
    }
    /// The last input keeps a distance from these numbers, where the op has a kink or a jump.
    #[must_use]
    pub fn avoid(mut self, kinks: &[f64]) -> Case {
        let last = self.inputs.last_mut().expect("an input comes before what it avoids");
        last.avoid = kinks.to_vec();
        self
    }
    /// Another input of a pointwise op, a mask.
    #[must_use]
    pub fn mask(self) -> Case {
        self.typed(POINTWISE, DType::Bool, 0..2)
    }
    /// Another input of integers or masks, of a type that stays the same whatever float type is tested.
    #[must_use]
    pub fn typed(mut self, shape: impl Into<Shape>, dtype: DType, range: Range<i64>) -> Case {
        let range = range.start as f64..range.end as f64;
        self.inputs.push(Input { shape: shape.into(), dtype: Some(dtype), range, avoid: vec![] });
        self
    }

    /// What a pointwise op gives for one number of each input.
    #[must_use]
    pub fn oracle(mut self, f: impl Fn(&[f64]) -> f64 + 'static) -> Case {
        self.oracle = Some(Oracle::Element(Box::new(f)));
        self
    }
    /// What the op gives for whole inputs.
    #[must_use]
    pub fn oracle_of(mut self, f: impl Fn(&[Array]) -> Array + 'static) -> Case {
        self.oracle = Some(Oracle::Whole(Box::new(f)));
        self
    }
    /// Numbers worked out by hand: one vector for each input, and the output's.
    #[must_use]
    pub fn example(self, inputs: &[&[f64]], output: &[f64]) -> Case {
        let inputs: Vec<Array> = inputs.iter().map(|x| Array::new(x.len(), *x)).collect();
        self.example_of(inputs, Array::new(output.len(), output))
    }
    /// Numbers worked out by hand, in shapes.
    #[must_use]
    pub fn example_of(mut self, inputs: impl Into<Vec<Array>>, output: Array) -> Case {
        self.examples.push(Example { inputs: inputs.into(), output });
        self
    }
    /// The first input's gradient worked out by hand, for dy = 1: what holds at kinks.
    #[must_use]
    pub fn slope(self, inputs: &[&[f64]], dx: &[f64]) -> Case {
        let inputs: Vec<Array> = inputs.iter().map(|x| Array::new(x.len(), *x)).collect();
        self.slope_of(inputs, Array::new(dx.len(), dx))
    }
    /// The first input's gradient worked out by hand, for dy = 1, in shapes.
    #[must_use]
    pub fn slope_of(mut self, inputs: impl Into<Vec<Array>>, dx: Array) -> Case {
        self.slopes.push(Example { inputs: inputs.into(), output: dx });
        self
    }

    /// The op has no gradient and must say so.
    #[must_use]
    pub fn not_differentiable(mut self) -> Case {
        self.differentiable = false;
        self
    }
    /// Which row of the tolerance table applies, if not the pointwise one.
    #[must_use]
    pub fn species(mut self, species: Species) -> Case {
        self.species = species;
        self
    }
    /// The float types to test, if not all.
    #[must_use]
    pub fn dtypes(mut self, dtypes: &[DType]) -> Case {
        self.dtypes = dtypes.to_vec();
        self
    }
    /// The axis of all inputs that may be empty, axis 0 unless said here; `None` if nothing may.
    #[must_use]
    pub fn empty_axis(mut self, axis: Option<usize>) -> Case {
        self.empty_axis = axis;
        self
    }
    /// Arguments beyond ±`most` are not visited, with the reason: where a function turns or jumps too fast for differences.
    #[must_use]
    pub fn within(mut self, most: f64, reason: &str) -> Case {
        assert!(!reason.is_empty(), "{}: an exception needs a reason", self.name);
        self.reach = most;
        self
    }
    /// An exception from the tolerance table, with its reason.
    #[must_use]
    pub fn tolerance(mut self, dtype: DType, tolerance: f64, reason: &str) -> Case {
        assert!(!reason.is_empty(), "{}: an exception needs a reason", self.name);
        self.exceptions.push((dtype, tolerance));
        self
    }

    /// Runs every check.
    ///
    /// # Panics
    /// With what is wrong.
    #[track_caller]
    pub fn run(&self) {
        if let Err(what) = self.verify() {
            panic!("{}: {what}", self.name);
        }
    }

    /// Runs every check.
    ///
    /// # Errors
    /// What is wrong.
    pub fn verify(&self) -> Result<(), String> {
        assert!(!self.inputs.is_empty(), "{}: a case needs an input", self.name);
        value::verify(self)?;
        layout::verify(self)?;
        gradient::verify(self)?;
        far::verify(self)
    }

    /// The accepted error for outputs of `dtype`.
    pub(crate) fn accepts(&self, dtype: DType) -> f64 {
        let exception = self.exceptions.iter().find(|(d, _)| *d == dtype);
        exception.map_or(tolerance::tolerance(dtype, self.species), |&(_, t)| t)
    }
    pub(crate) fn dtypes_under_test(&self) -> &[DType] {
        &self.dtypes
    }
    /// The inputs that gradients are for.
    pub(crate) fn float_inputs(&self) -> Vec<usize> {
        (0..self.inputs.len()).filter(|&i| self.inputs[i].dtype.is_none()).collect()
    }
    /// Whether inputs may have any one shape.
    pub(crate) fn any_shape(&self) -> bool {
        !matches!(self.oracle, Some(Oracle::Whole(_)))
            && self.inputs.iter().all(|i| i.shape == Shape::from(POINTWISE))
    }
    /// Numbers for every input, the `draw`-th of many.
    pub(crate) fn sample(&self, draw: u32) -> Vec<Array> {
        let one = |(i, input): (usize, &Input)| input.sample(input.shape, draw, i as u32);
        self.inputs.iter().enumerate().map(one).collect()
    }
    /// The nodes of dense inputs; floats are of type `dtype`.
    pub(crate) fn nodes(&self, inputs: &[Array], dtype: DType) -> Vec<Node> {
        let of = |i: usize| self.inputs.get(i).and_then(|input| input.dtype).unwrap_or(dtype);
        inputs.iter().enumerate().map(|(i, x)| x.node(of(i))).collect()
    }
    /// What the oracle says, if there is one.
    pub(crate) fn expected(&self, inputs: &[Array]) -> Option<Array> {
        Some(match self.oracle.as_ref()? {
            Oracle::Whole(f) => f(inputs),
            Oracle::Element(f) => {
                let at = |i: usize| f(&inputs.iter().map(|x| x.values[i]).collect::<Vec<_>>());
                let shape = inputs[0].shape;
                Array { shape, values: (0..shape.len()).map(at).collect() }
            }
        })
    }
}

impl Input {
    pub(crate) fn sample(&self, shape: Shape, draw: u32, stream: u32) -> Array {
        let mut random = Rng::new(2026, stream, draw);
        let Range { start, end } = self.range;
        let distance = 0.01 * (end - start);
        let mut one = || match self.dtype {
            Some(_) => (start + random.unit() * (end - start)).floor(),
            None => loop {
                let x = start + random.unit() * (end - start);
                if self.avoid.iter().all(|k| (x - k).abs() > distance) {
                    break x;
                }
            },
        };
        Array { shape, values: (0..shape.len()).map(|_| one()).collect() }
    }
}
