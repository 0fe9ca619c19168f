//! `Program`: a graph traced once over arguments, planned once, replayed many times without
//! allocating.

use crate::device::Device;
use crate::node::Node;
use crate::plan::{Collected, Goal, Options, Plan};
use crate::rule::Meta;
use crate::run::{Session, Update, check_wanted};
use gradus_base::Buffer;
use gradus_base::{DType, Error, Kind, Result, Stopwatch};
use std::sync::Arc;
use std::time::Duration;

/// A planned graph with its memory: arguments in, wanted values out, variables updated.
pub struct Program {
    plan: Arc<Plan>,
    session: Session,
    inputs: Vec<Meta>,
}

/// The wanted values of a run, valid until the next.
pub struct ProgramOutputs<'a> {
    program: &'a Program,
}

impl Program {
    /// Plans the wanted nodes and the updates for the [current](Device::current) device;
    /// [`crate::input`] nodes are the arguments, of the given shapes and types.
    ///
    /// # Errors
    /// When the shape of an update is not that of its variable, a variable has two updates, an
    /// argument is not among `inputs`, or the device has no way to do an op.
    pub fn new(inputs: &[Meta], wanted: &[Node], updates: &[Update]) -> Result<Program> {
        Program::with(inputs, wanted, updates, Options::default())
    }

    /// As [`Program::new`], planned as the options say.
    ///
    /// # Errors
    /// As [`Program::new`].
    pub fn with(
        inputs: &[Meta],
        wanted: &[Node],
        updates: &[Update],
        options: Options,
    ) -> Result<Program> {
        check_wanted(wanted, updates)?;
        let goal = Goal { outputs: wanted, updates, leaves_stay: true, changing: usize::MAX };
        let mut collected = Collected::new(&goal, Device::current())?;
        collected.check_arguments(inputs)?;
        let check = options.check || crate::check::is_on();
        let plan = Arc::new(Plan::new(&mut collected, Options { check, ..options })?);
        let mut session = Session::new(&plan);
        session.bind_variables(&plan, &collected.variables);
        session.bind_leaves(&plan, &collected.leaves);
        Ok(Program { plan, session, inputs: inputs.to_vec() })
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The arguments' shapes and types.
    pub fn inputs(&self) -> &[Meta] {
        &self.inputs
    }

    /// Bytes held between runs: the arena, what is computed once, and what lies beside variables.
    pub fn held_bytes(&self) -> usize {
        self.session.bytes()
    }
    /// Lets another program run in the memory of this one: in its arena, or, if that is too small,
    /// in a new one that is made after the old one is dropped; and in what lies beside the
    /// variables of programs with [`Options::undo`]. The last run of this program can then no
    /// longer be undone, and it makes new memory if it runs again before it is handed some.
    pub fn hand_over(&mut self, to: &mut Program) {
        to.session.take_over(&to.plan, &mut self.session);
    }

    fn check(&self, inputs: &[&Buffer]) -> Result<()> {
        if inputs.len() != self.inputs.len() {
            let what = format!("got {} arguments, expected {}", inputs.len(), self.inputs.len());
            return Err(Error::value("program", what));
        }
        for (i, (b, m)) in inputs.iter().zip(&self.inputs).enumerate() {
            let want = m.shape.len() * m.dtype.size();
            if b.bytes() < want {
                let what = format!("argument {i} holds {} bytes, {m} needs {want}", b.bytes());
                return Err(Error::shape("program", what));
            }
        }
        Ok(())
    }

    /// Runs on the given arguments, dense and row-major.
    ///
    /// # Errors
    /// When an argument is missing or too small, or a step finds a bad value; then no variable was
    /// updated, unless the bad value lies in an update itself.
    pub fn run(&mut self, inputs: &[&Buffer]) -> Result<ProgramOutputs<'_>> {
        self.check(inputs)?;
        self.session.run_plan(&self.plan, inputs)?;
        Ok(ProgramOutputs { program: self })
    }

    /// Undoes the updates of the last run, if the program was planned with [`Options::undo`] and
    /// the run ended well: the variables hold what they held before. Whoever wrote one of them
    /// since must have undone that first. False if there is nothing to undo.
    pub fn undo(&mut self) -> bool {
        self.session.undo()
    }

    /// As [`Program::run`], adding each step's time to `times`.
    ///
    /// # Errors
    /// As [`Program::run`], and on a machine without a clock.
    pub fn run_timed(
        &mut self,
        inputs: &[&Buffer],
        times: &mut [Duration],
    ) -> Result<ProgramOutputs<'_>> {
        self.check(inputs)?;
        if Stopwatch::start().elapsed().is_none() {
            return Err(Error::new(Kind::Device, "program", "this machine has no clock"));
        }
        let start = std::cell::Cell::new(Stopwatch::start());
        self.session.run_plan_watched(
            &self.plan,
            inputs,
            |_, _| start.set(Stopwatch::start()),
            |i, _| times[i] += start.get().elapsed().unwrap_or_default(),
        )?;
        Ok(ProgramOutputs { program: self })
    }

    /// As [`Program::run`], computing everything anew. Also gives the number of the first step with
    /// a float output that is not finite.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn run_checked(
        &mut self,
        inputs: &[&Buffer],
    ) -> Result<(ProgramOutputs<'_>, Option<usize>)> {
        self.check(inputs)?;
        self.session.forget();
        let mut first = None;
        let steps = self.plan.steps();
        self.session.run_plan_watched(
            &self.plan,
            inputs,
            |_, _| {},
            |i, args| {
                if first.is_none() && !steps[i].is_finite(args) {
                    first = Some(i);
                }
            },
        )?;
        Ok((ProgramOutputs { program: self }, first))
    }
}

impl ProgramOutputs<'_> {
    /// How many values were wanted.
    pub fn len(&self) -> usize {
        self.program.plan.outputs.len()
    }
    /// Whether no value was wanted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The i-th wanted value. Whoever holds it past the next run keeps it as it is; that run then
    /// allocates.
    ///
    /// # Panics
    /// If fewer values were wanted.
    pub fn buffer(&self, i: usize) -> &Arc<Buffer> {
        self.program.session.output(i)
    }
    /// The i-th wanted value as a node.
    ///
    /// # Panics
    /// If fewer values were wanted.
    pub fn node(&self, i: usize) -> Node {
        crate::build::data(self.program.plan.outputs[i], self.buffer(i).clone())
    }
    /// The first element of the i-th wanted value, as f64.
    ///
    /// # Panics
    /// If fewer values were wanted, or that one has no elements.
    pub fn item(&self, i: usize) -> f64 {
        let b = self.buffer(i);
        match self.program.plan.outputs[i].dtype {
            DType::F32 => f64::from(b.as_slice::<f32>()[0]),
            DType::F64 => b.as_slice::<f64>()[0],
            DType::F16 => f64::from(f32::from(gradus_base::f16::from_le_bytes(first_two(b)))),
            DType::BF16 => f64::from(f32::from(gradus_base::bf16::from_le_bytes(first_two(b)))),
            DType::I32 => f64::from(b.as_slice::<i32>()[0]),
            DType::I64 => b.as_slice::<i64>()[0] as f64,
            DType::U8 | DType::Bool => f64::from(b.as_bytes()[0]),
        }
    }
}

fn first_two(b: &Buffer) -> [u8; 2] {
    [b.as_bytes()[0], b.as_bytes()[1]]
}
