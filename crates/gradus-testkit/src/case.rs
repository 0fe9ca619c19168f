//! `Case`: what an op takes, what it should give, and which checks follow.

use crate::forced::Forced;
use crate::input::Input;
use crate::session::{Met, Session};
use crate::tolerance::{self, Species};
use crate::{Array, Checked, Device};
use gradus_base::{DType, Shape};
use gradus_graph::Node;
use std::cell::RefCell;
use std::ops::Range;

/// The shape of a pointwise input unless the case says otherwise: neither axis a multiple of a vector's lanes.
const POINTWISE: [usize; 2] = [3, 5];

/// The op under test, of its input nodes.
pub(crate) type Build = dyn Fn(&[Node]) -> Vec<Node>;

/// An op under test. Build one with [`check`] or [`check_all`], end with [`Case::run`].
#[must_use = "a case checks nothing until it runs"]
pub struct Case {
    pub(crate) name: String,
    pub(crate) op: Box<Build>,
    pub(crate) inputs: Vec<Input>,
    pub(crate) oracle: Option<Oracle>,
    pub(crate) examples: Vec<Example>,
    pub(crate) slopes: Vec<Example>,
    pub(crate) differentiable: bool,
    pub(crate) empty_axis: Option<usize>,
    pub(crate) empty: Vec<Vec<Shape>>,
    pub(crate) refused: Vec<(Vec<Shape>, String)>,
    pub(crate) forced: Vec<Forced>,
    /// The largest argument that is visited far from 0.
    pub(crate) reach: f64,
    species: Species,
    dtypes: Vec<DType>,
    exceptions: Vec<(DType, f64)>,
    devices: Vec<Device>,
}

/// What the op should give for one number of each input.
type OfElement = dyn Fn(&[f64]) -> f64;
/// What the op should give for whole inputs.
type OfWhole = dyn Fn(&[Array]) -> Vec<Array>;

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
/// #     pointwise(Pointwise { name: "exp".into(), expr, vjp: None, constant: None }, vec![x.clone()], x.dtype())
/// # }
/// use gradus_testkit::check;
/// check("exp", |x| exp(&x[0]))
///     .domain(-2.0..2.0)
///     .oracle(|x| x[0].exp())
///     .example(&[&[0.0, 1.0]], &[1.0, 2.718282])
///     .run();
/// ```
pub fn check(name: &str, op: impl Fn(&[Node]) -> Node + 'static) -> Case {
    check_all(name, move |x| vec![op(x)])
}

/// A test of `op`, which builds several outputs; floats among them are differentiated.
pub fn check_all(name: &str, op: impl Fn(&[Node]) -> Vec<Node> + 'static) -> Case {
    Case {
        name: name.to_owned(),
        op: Box::new(op),
        inputs: vec![],
        oracle: None,
        examples: vec![],
        slopes: vec![],
        differentiable: true,
        empty_axis: Some(0),
        empty: vec![],
        refused: vec![],
        forced: vec![],
        reach: f64::INFINITY,
        species: Species::Pointwise,
        dtypes: vec![DType::F64, DType::F32, DType::F16, DType::BF16],
        exceptions: vec![],
        devices: Device::ALL.to_vec(),
    }
}

impl Case {
    /// Another input of a pointwise op, its numbers drawn from `range`.
    pub fn domain(self, range: Range<f64>) -> Case {
        self.input(POINTWISE, range)
    }
    /// Another input of the given shape, its numbers drawn from `range`.
    pub fn input(mut self, shape: impl Into<Shape>, range: Range<f64>) -> Case {
        self.inputs.push(Input::new(shape.into(), None, range));
        self
    }
    /// The last input keeps a distance from these numbers, where the op has a kink or a jump.
    pub fn avoid(mut self, kinks: &[f64]) -> Case {
        let last = self.inputs.last_mut().expect("an input comes before what it avoids");
        last.avoid = kinks.to_vec();
        self
    }
    /// The last input's numbers lie equally far apart, in any order: for ops that choose among them, so that a small step
    /// changes no choice.
    pub fn apart(mut self) -> Case {
        self.inputs.last_mut().expect("an input comes before how it is drawn").apart = true;
        self
    }
    /// The last input has these numbers in every draw.
    pub fn at(mut self, numbers: &[f64]) -> Case {
        let last = self.inputs.last_mut().expect("an input comes before its numbers");
        last.at = Some(numbers.to_vec());
        self
    }
    /// Another input of a pointwise op, a mask.
    pub fn mask(self) -> Case {
        self.typed(POINTWISE, DType::Bool, 0..2)
    }
    /// Another input of integers or masks, of a type that stays the same whatever float type is tested.
    pub fn typed(mut self, shape: impl Into<Shape>, dtype: DType, range: Range<i64>) -> Case {
        let range = range.start as f64..range.end as f64;
        self.inputs.push(Input::new(shape.into(), Some(dtype), range));
        self
    }

    /// What a pointwise op gives for one number of each input.
    pub fn oracle(mut self, f: impl Fn(&[f64]) -> f64 + 'static) -> Case {
        self.oracle = Some(Oracle::Element(Box::new(f)));
        self
    }
    /// What the op gives for whole inputs.
    pub fn oracle_of(self, f: impl Fn(&[Array]) -> Array + 'static) -> Case {
        self.oracles_of(move |x| vec![f(x)])
    }
    /// What the op gives for whole inputs, output by output.
    pub fn oracles_of(mut self, f: impl Fn(&[Array]) -> Vec<Array> + 'static) -> Case {
        self.oracle = Some(Oracle::Whole(Box::new(f)));
        self
    }
    /// Numbers worked out by hand: one vector for each input, and the output's.
    pub fn example(self, inputs: &[&[f64]], output: &[f64]) -> Case {
        let inputs: Vec<Array> = inputs.iter().map(|x| Array::new(x.len(), *x)).collect();
        self.example_of(inputs, Array::new(output.len(), output))
    }
    /// Numbers worked out by hand, in shapes.
    pub fn example_of(mut self, inputs: impl Into<Vec<Array>>, output: Array) -> Case {
        self.examples.push(Example { inputs: inputs.into(), output });
        self
    }
    /// The first input's gradient worked out by hand, for dy = 1: what holds at kinks.
    pub fn slope(self, inputs: &[&[f64]], dx: &[f64]) -> Case {
        let inputs: Vec<Array> = inputs.iter().map(|x| Array::new(x.len(), *x)).collect();
        self.slope_of(inputs, Array::new(dx.len(), dx))
    }
    /// The first input's gradient worked out by hand, for dy = 1, in shapes.
    pub fn slope_of(mut self, inputs: impl Into<Vec<Array>>, dx: Array) -> Case {
        self.slopes.push(Example { inputs: inputs.into(), output: dx });
        self
    }

    /// The op has no gradient and must say so.
    pub fn not_differentiable(mut self) -> Case {
        self.differentiable = false;
        self
    }
    /// Which row of the tolerance table applies, if not the pointwise one.
    pub fn species(mut self, species: Species) -> Case {
        self.species = species;
        self
    }
    /// The float types to test, if not all.
    pub fn dtypes(mut self, dtypes: &[DType]) -> Case {
        self.dtypes = dtypes.to_vec();
        self
    }
    /// The axis of all inputs that may be empty, axis 0 unless said here; `None` if nothing may.
    pub fn empty_axis(mut self, axis: Option<usize>) -> Case {
        self.empty_axis = axis;
        self
    }
    /// Also inputs of these shapes, one of each, some without elements.
    pub fn empty(mut self, shapes: &[&[usize]]) -> Case {
        self.empty.push(shapes.iter().map(|&s| Shape::new(s)).collect());
        self
    }
    /// Inputs of these shapes are refused, in words that contain `says`.
    pub fn refuses(mut self, shapes: &[&[usize]], says: &str) -> Case {
        self.refused.push((shapes.iter().map(|&s| Shape::new(s)).collect(), says.to_owned()));
        self
    }
    /// An algorithm of f32 that is called directly, whatever the planner would choose, and how far it may be from the oracle.
    pub fn forced(
        mut self,
        name: &str,
        tolerance: f64,
        run: impl Fn(&[Array]) -> Array + 'static,
    ) -> Case {
        let run = Box::new(move |x: &[Array]| vec![run(x)]);
        self.forced.push(Forced { name: name.to_owned(), tolerance, run });
        self
    }
    /// The devices to run on, if not all.
    pub fn devices(mut self, devices: &[Device]) -> Case {
        self.devices = devices.to_vec();
        self
    }
    /// Arguments beyond ±`most` are not visited, with the reason: where a function turns or jumps too fast for differences.
    pub fn within(mut self, most: f64, reason: &str) -> Case {
        assert!(!reason.is_empty(), "{}: an exception needs a reason", self.name);
        self.reach = most;
        self
    }
    /// An exception from the tolerance table, with its reason.
    pub fn tolerance(mut self, dtype: DType, tolerance: f64, reason: &str) -> Case {
        assert!(!reason.is_empty(), "{}: an exception needs a reason", self.name);
        self.exceptions.push((dtype, tolerance));
        self
    }

    /// Runs every check and prints what was checked, which test runners show when asked.
    ///
    /// # Panics
    /// With what is wrong.
    #[track_caller]
    pub fn run(&self) -> Checked {
        match self.verify() {
            Ok(checked) => {
                println!("checked | {checked}");
                checked
            }
            Err(what) => panic!("{}: {what}", self.name),
        }
    }

    /// Runs every check.
    ///
    /// # Errors
    /// What is wrong.
    pub fn verify(&self) -> Result<Checked, String> {
        assert!(!self.inputs.is_empty(), "{}: a case needs an input", self.name);
        let mut checked = Checked {
            name: self.name.clone(),
            dtypes: self.dtypes.clone(),
            orders: vec![],
            rules: [].into(),
            kernels: [].into(),
            expanded: [].into(),
            algorithms: [].into(),
            devices: vec![],
        };
        for &device in &self.devices {
            let session = Session { case: self, device, met: RefCell::default() };
            let on = |e| format!("on {}: {e}", device.name);
            checked.orders = session.verify().map_err(on)?;
            let Met { rules, kernels, expanded, algorithms } = session.met.into_inner();
            checked.rules.extend(rules);
            checked.kernels.extend(kernels.into_iter().map(|rule| (rule, device.name)));
            checked.expanded.extend(expanded);
            checked.algorithms.extend(algorithms);
            checked.devices.push(device.name);
        }
        Ok(checked)
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
    /// Inputs as tensors hold them whose floats are of type `dtype`.
    pub(crate) fn rounded(&self, inputs: &[Array], dtype: DType) -> Vec<Array> {
        let one = |(x, input): (&Array, &Input)| x.rounded(input.dtype.unwrap_or(dtype));
        inputs.iter().zip(&self.inputs).map(one).collect()
    }
    /// Inputs of these shapes.
    pub(crate) fn drawn(&self, shapes: &[Shape]) -> Vec<Array> {
        let one = |(i, shape): (usize, &Shape)| self.inputs[i].sample(*shape, 4, i as u32);
        shapes.iter().enumerate().map(one).collect()
    }
    /// What the oracle says, if there is one.
    pub(crate) fn expected(&self, inputs: &[Array]) -> Option<Vec<Array>> {
        Some(match self.oracle.as_ref()? {
            Oracle::Whole(f) => f(inputs),
            Oracle::Element(f) => {
                let at = |i: usize| f(&inputs.iter().map(|x| x.values[i]).collect::<Vec<_>>());
                let shape = inputs[0].shape;
                vec![Array { shape, values: (0..shape.len()).map(at).collect() }]
            }
        })
    }
}
