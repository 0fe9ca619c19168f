//! `compile`: a step traced once per shape of its arguments and replayed.

use crate::{Drawing, Tensor, Variable, draw, try_build};
use gradus_base::Buffer;
use gradus_base::{Error, Result};
use gradus_graph::{
    self as graph, CACHED_PLANS, Meta, Options, Plan, Program, ProgramOutputs, input,
};
use std::sync::Arc;

/// What a step computes: the tensors to read and the variables to update.
#[derive(Default)]
pub struct Step {
    reads: Vec<Tensor>,
    updates: Vec<(Variable, Tensor)>,
}

impl Step {
    /// A step that does nothing yet.
    pub fn new() -> Step {
        Step::default()
    }
    /// Adds a tensor to read.
    #[must_use]
    pub fn read(mut self, value: &Tensor) -> Step {
        self.reads.push(value.clone());
        self
    }
    /// Adds an update: `variable` takes the new value.
    #[must_use]
    pub fn update(mut self, variable: &Variable, value: &Tensor) -> Step {
        self.updates.push((variable.clone(), value.clone()));
        self
    }
    /// Adds several updates.
    #[must_use]
    pub fn updates(mut self, updates: impl IntoIterator<Item = (Variable, Tensor)>) -> Step {
        self.updates.extend(updates);
        self
    }
}

/// A traced step, with one plan for each combination of argument shapes, of which the 32 used last
/// are kept. All plans run in one arena, as large as the largest of them needs.
pub struct Compiled<F> {
    trace: F,
    options: Options,
    /// In the order of use: the last one ran last.
    programs: Vec<Program>,
}

/// Traces `step` at its first call with arguments of given shapes, then replays its plan.
///
/// Inside, arguments are tensors without values. What the closure captures is either a
/// [`Variable`], read anew at every call, or a tensor, whose value is taken at the first.
///
/// **Shape** any; there is one plan for each combination of shapes and types.
///
/// # Panics
/// Never; [`Compiled::run`] says what is wrong with a step.
///
/// ```
/// use gradus_tensor::{Step, Tensor, Variable, compile, grad};
/// let w = Variable::new("w", &Tensor::from(0.0f32));
/// let mut step = compile(|x: &[Tensor]| {
///     let loss = (w.tensor() * &x[0] - 6.0).square();
///     let [dw] = grad(&loss, [&w.tensor()]);
///     Step::new().read(&loss).update(&w, &(w.tensor() - dw * 0.1))
/// });
/// for _ in 0..50 {
///     step.run(&[&Tensor::from(2.0f32)]).unwrap();
/// }
/// assert!((w.tensor().item() - 3.0).abs() < 1e-3);
/// ```
#[doc(alias("trace", "function"))]
pub fn compile<F: FnMut(&[Tensor]) -> Step>(step: F) -> Compiled<F> {
    Compiled { trace: step, options: Options::default(), programs: vec![] }
}

impl<F> Compiled<F> {
    /// Whether the values that the backward pass needs are computed again there, instead of being
    /// kept from the forward pass until then. That takes less memory and about a third more time,
    /// and gives the same bits. The step must read its loss first.
    #[must_use]
    pub fn recompute(mut self, on: bool) -> Compiled<F> {
        if self.options.recompute != on {
            self.options.recompute = on;
            self.programs.clear();
        }
        self
    }

    /// Whether a run ends at the first value read, the loss, if that is not finite. Then no
    /// variable is updated (except one whose new value is computed in one loop with the loss), and
    /// the other values read are not those of this run.
    ///
    /// ```
    /// use gradus_tensor::{Step, Tensor, Variable, compile};
    /// let w = Variable::new("w", &Tensor::from([1.0f32, 1.0]));
    /// let mut step = compile(|x: &[Tensor]| {
    ///     let loss = x[0].ln().sum(..);
    ///     Step::new().read(&loss).update(&w, &(w.tensor() + &loss))
    /// });
    /// step = step.stop_unless_finite(true);
    /// assert_eq!(step.run(&[&Tensor::from([0.0f32, 1.0])])?.item(0), f64::NEG_INFINITY);
    /// assert_eq!(w.tensor().to_vec::<f32>(), [1.0, 1.0]);
    /// step.run(&[&Tensor::from([1.0f32, 1.0])])?;
    /// # Ok::<(), gradus_base::Error>(())
    /// ```
    #[must_use]
    pub fn stop_unless_finite(mut self, on: bool) -> Compiled<F> {
        if self.options.stop_unless_finite != on {
            self.options.stop_unless_finite = on;
            self.programs.clear();
        }
        self
    }

    /// Whether every step of a run is compared with what the reference device computes from the
    /// same inputs. That tells whether a mistake is yours or the framework's. A run ends with an
    /// error that names the first op whose values differ by more than rounding. Slow.
    ///
    /// ```
    /// use gradus_tensor::{Step, Tensor, compile};
    /// let step = compile(|x: &[Tensor]| Step::new().read(&x[0].matmul(&x[0].t()).softmax(-1)));
    /// let mut step = step.checked(true);
    /// assert!(step.run(&[&Tensor::randn([4, 3], 0)]).is_ok());
    /// ```
    #[must_use]
    pub fn checked(mut self, on: bool) -> Compiled<F> {
        if self.options.check != on {
            self.options.check = on;
            self.programs.clear();
        }
        self
    }

    /// Whether the updates of a run can be undone ([`Compiled::undo`]). New values are written
    /// beside the variables, which doubles their memory, and change places with the old ones when
    /// the run has ended well. So a run that fails changes nothing.
    ///
    /// ```
    /// use gradus_tensor::{Step, Tensor, Variable, compile};
    /// let w = Variable::new("w", &Tensor::from([1.0f32, 2.0]));
    /// let step = compile(|x: &[Tensor]| Step::new().update(&w, &(w.tensor() * &x[0])));
    /// let mut step = step.undoable(true);
    /// step.run(&[&Tensor::from(3.0f32)])?;
    /// assert_eq!(w.value().to_vec::<f32>(), [3.0, 6.0]);
    /// assert!(step.undo() && !step.undo());
    /// assert_eq!(w.value().to_vec::<f32>(), [1.0, 2.0]);
    /// # Ok::<(), gradus_base::Error>(())
    /// ```
    #[must_use]
    pub fn undoable(mut self, on: bool) -> Compiled<F> {
        if self.options.undo != on {
            self.options.undo = on;
            self.programs.clear();
        }
        self
    }
}

impl<F> Compiled<F> {
    /// Undoes the updates of the last run, if it was [`Compiled::undoable`], ended well and is not
    /// undone yet, and no step was planned since. Whoever wrote one of the variables since must
    /// have undone that first. False if there is nothing to undo.
    pub fn undo(&mut self) -> bool {
        self.programs.last_mut().is_some_and(Program::undo)
    }

    /// Bytes that all plans together hold between runs: their one arena, what lies beside
    /// variables, and what each has computed once and keeps.
    pub fn held_bytes(&self) -> usize {
        self.programs.iter().map(Program::held_bytes).sum()
    }
    /// Forgets the plans, so that the next call traces the step anew. Needed when what the closure
    /// does has changed.
    pub fn retrace(&mut self) {
        self.programs.clear();
    }
}

impl<F: FnMut(&[Tensor]) -> Step> Compiled<F> {
    /// Runs the step.
    ///
    /// # Errors
    /// When the step cannot be built for these arguments, in the words of the op that refuses their
    /// shapes or types; when there are more than 16 arguments; or when running meets a bad value,
    /// such as a label out of range. No variable is updated then, unless the bad value lies in an
    /// update itself.
    ///
    /// ```
    /// use gradus_tensor::{Step, Tensor, compile};
    /// let mut step = compile(|x: &[Tensor]| Step::new().read(&x[0].matmul(&Tensor::ones([3, 2]))));
    /// let error = step.run(&[&Tensor::ones([4, 5])]).err().unwrap().to_string();
    /// assert!(error.starts_with("matmul: the inner sizes differ"), "{error}");
    /// assert!(step.run(&[&Tensor::ones([4, 3])]).is_ok());
    /// ```
    pub fn run(&mut self, args: &[&Tensor]) -> Result<Outputs<'_>> {
        let hit = |p: &Program| {
            p.inputs().len() == args.len()
                && p.inputs().iter().zip(args).all(|(m, a)| *m == a.0.meta())
        };
        if !self.programs.last().is_some_and(hit) {
            let metas: Vec<Meta> = args.iter().map(|a| a.0.meta()).collect();
            self.program(&metas)?;
        }
        for a in args.iter().filter(|a| a.0.value().is_none()) {
            a.try_read()?;
        }
        const MOST: usize = 16;
        if args.len() > MOST {
            let what = format!("{} arguments, at most {MOST} are possible", args.len());
            return Err(Error::value("compile", what));
        }
        let program = self.programs.last_mut().expect("found or traced above");
        // Up to 16 arguments fit on the stack: a replayed call allocates nothing.
        let Some(first) = args.first() else {
            return Ok(Outputs(program.run(&[])?));
        };
        let mut buffers: [&Buffer; MOST] = [computed(first); MOST];
        for (to, a) in buffers.iter_mut().zip(args) {
            *to = computed(a);
        }
        Ok(Outputs(program.run(&buffers[..args.len()])?))
    }

    /// The plan for arguments like these, traced if need be.
    ///
    /// # Errors
    /// As [`Compiled::run`].
    pub fn program(&mut self, metas: &[Meta]) -> Result<&mut Program> {
        let found = self.programs.iter().position(|p| p.inputs() == metas);
        if found.is_none_or(|at| at + 1 < self.programs.len()) {
            let mut program = match found {
                Some(at) => self.programs.remove(at),
                None => self.trace(metas)?,
            };
            // One memory serves all plans: of the programs only the last one has it.
            if let Some(last) = self.programs.last_mut() {
                last.hand_over(&mut program);
            }
            if self.programs.len() == CACHED_PLANS {
                self.programs.remove(0);
            }
            self.programs.push(program);
        }
        Ok(self.programs.last_mut().expect("found or just put there"))
    }

    /// The plan for arguments like these.
    ///
    /// # Errors
    /// As [`Compiled::run`].
    pub fn plan(&mut self, metas: &[Meta]) -> Result<&Plan> {
        Ok(self.program(metas)?.plan())
    }

    /// A picture of what the step reads for arguments like these, which get the given names; with
    /// `updates` also of the new values of variables. Nothing is planned.
    ///
    /// # Panics
    /// If the step cannot be built for these arguments.
    ///
    /// ```
    /// use gradus_tensor::{Step, Tensor, Variable, compile};
    /// let w = Variable::new("w", &Tensor::from(2.0f32));
    /// let mut step = compile(|x: &[Tensor]| {
    ///     let y = w.tensor() * &x[0];
    ///     Step::new().read(&y).update(&w, &y)
    /// });
    /// let picture = step.draw(&[Tensor::from(1.0f32).node().meta()], &["x"], false);
    /// assert!(picture.to_dot().contains("mul"));
    /// ```
    pub fn draw(&mut self, metas: &[Meta], names: &[&str], updates: bool) -> Drawing {
        let (args, step) = self.build(metas);
        let values = step.updates.iter().map(|(_, value)| value).filter(|_| updates);
        let drawing = draw(step.reads.iter().chain(values));
        args.iter().zip(names).fold(drawing, |drawing, (arg, name)| drawing.name(arg, name))
    }

    fn build(&mut self, metas: &[Meta]) -> (Vec<Tensor>, Step) {
        let arg = |(i, &m): (usize, &Meta)| Tensor(input(i, m));
        let args: Vec<Tensor> = metas.iter().enumerate().map(arg).collect();
        let step = (self.trace)(&args);
        (args, step)
    }

    fn trace(&mut self, metas: &[Meta]) -> Result<Program> {
        let (_, step) = try_build(|| self.build(metas))?;
        let wanted: Vec<_> = step.reads.into_iter().map(|t| t.0).collect();
        let updates: Vec<_> = step.updates.into_iter().map(|(v, t)| (v.0, t.0)).collect();
        graph::Program::with(metas, &wanted, &updates, self.options)
    }
}

fn computed(t: &Tensor) -> &Buffer {
    t.0.value().expect("read before")
}

/// What a step read, valid until its next run.
pub struct Outputs<'a>(ProgramOutputs<'a>);

impl Outputs<'_> {
    /// How many tensors were read.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// Whether no tensor was read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The first element of the i-th read tensor, as f64.
    ///
    /// # Panics
    /// If fewer tensors were read, or that one has no elements.
    pub fn item(&self, i: usize) -> f64 {
        self.0.item(i)
    }
    /// The i-th read tensor. Keeping it makes the next run allocate.
    ///
    /// # Panics
    /// If fewer tensors were read.
    pub fn tensor(&self, i: usize) -> Tensor {
        Tensor(self.0.node(i))
    }
    /// The elements of the i-th read tensor.
    ///
    /// # Panics
    /// If fewer tensors were read.
    pub fn buffer(&self, i: usize) -> &Arc<Buffer> {
        self.0.buffer(i)
    }
}

#[test]
fn plans_share_one_arena() {
    // Steps that need memory: a product's result goes into another product.
    let step = || {
        compile(|x: &[Tensor]| {
            let y = x[0].matmul(&x[0].t()).tanh();
            Step::new().read(&y.matmul(&x[0]).sum(..))
        })
    };
    let run = |step: &mut Compiled<_>, n: usize| {
        let x = Tensor::randn([n, 8], 1);
        step.run(&[&x]).unwrap().item(0)
    };
    let (mut one, mut many) = (step(), step());
    let alone = run(&mut one, 300);
    // Up and down, so that arenas grow and are handed on.
    for n in (1..=300).step_by(13).chain([300]).chain((1..=300).rev().step_by(17)) {
        assert_eq!(run(&mut many, n), run(&mut step(), n), "{n} rows");
    }
    assert_eq!(run(&mut many, 300), alone);
    assert!(many.programs.len() > 20);
    let (all, longest) = (many.held_bytes(), one.held_bytes());
    assert!(
        longest > 300 * 300 * 4 && all <= longest + longest / 5,
        "{all} bytes, {longest} alone"
    );
}

#[test]
fn the_plans_used_last_are_kept() {
    let traced = std::cell::Cell::new(0);
    let mut step = compile(|x: &[Tensor]| {
        traced.set(traced.get() + 1);
        Step::new().read(&x[0].sum(..))
    });
    let mut run = |n: usize| {
        assert_eq!(step.run(&[&Tensor::ones([n])]).unwrap().item(0), n as f64);
        (step.programs.len(), traced.get())
    };
    for n in 1..=40 {
        assert_eq!(run(n), (n.min(CACHED_PLANS), n));
    }
    // 9 to 40 are there; 9, used again, outlives 10.
    assert_eq!(run(9), (CACHED_PLANS, 40));
    assert_eq!(run(1), (CACHED_PLANS, 41));
    assert_eq!(run(9), (CACHED_PLANS, 41));
    assert_eq!(run(10), (CACHED_PLANS, 42));
}
