//! Showing: a plan as a table one can read.

use super::Plan;
use super::lower::Value;
use crate::node::Node;
use crate::rule::Packing;
use gradus_base::Shape;
use gradus_cpu::exec::Kernel;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// One step of a plan, for people.
#[derive(Clone, Debug)]
pub struct PlanStep {
    /// The op's name; a fused step bears its last op's.
    pub name: String,
    /// The kernel's algorithm, where there are several.
    pub algorithm: String,
    /// The layer.
    pub scope: Option<Arc<str>>,
    /// The user's line.
    pub at: &'static Location<'static>,
    /// The first output's shape.
    pub shape: Shape,
    /// Floating-point operations.
    pub flops: u64,
    /// Bytes read and written.
    pub bytes: u64,
    /// Whether it runs once, until a variable changes that it depends on.
    pub once: bool,
    /// The first output's element type is a float, and this many elements lie densely.
    pub(crate) dense_floats: Vec<(usize, gradus_base::DType)>,
}

impl PlanStep {
    pub(crate) fn new(
        name: &str,
        kernel: &dyn Kernel,
        node: &Node,
        inputs: &[Value],
        outputs: &[Value],
        flops: u64,
    ) -> PlanStep {
        let bytes = |v: &Value| {
            let repeats: usize = (0..v.view.shape.rank())
                .filter(|&a| v.view.strides[a] == 0)
                .map(|a| v.view.shape[a].max(1))
                .product();
            (v.view.shape.len() / repeats * v.dtype.size()) as u64
        };
        PlanStep {
            name: name.to_owned(),
            algorithm: kernel.algorithm().to_owned(),
            scope: node.scope().cloned(),
            at: node.location(),
            shape: outputs[0].view.shape,
            flops,
            bytes: inputs.iter().chain(outputs).map(bytes).sum(),
            once: false,
            dense_floats: outputs
                .iter()
                .map(|o| {
                    let dense = o.view.memory_order().is_some();
                    (if dense { o.view.shape.len() } else { 0 }, o.dtype)
                })
                .collect(),
        }
    }
}

impl PlanStep {
    /// The step that packs an input of this one.
    pub(crate) fn packing(&self, packing: &Packing, value: &Value) -> PlanStep {
        PlanStep {
            name: "pack".to_owned(),
            algorithm: packing.form.clone(),
            scope: self.scope.clone(),
            at: self.at,
            shape: value.view.shape,
            flops: 0,
            bytes: (value.view.shape.len() * value.dtype.size() + packing.bytes) as u64,
            once: false,
            dense_floats: vec![],
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "plan: {} steps, {} FLOP, {} moved, arena {}",
            self.steps.len() - self.prologue,
            Count(self.flops()),
            Bytes(self.bytes()),
            Bytes(self.arena_bytes() as u64)
        )?;
        if self.prologue > 0 {
            let kept = Bytes(self.kept_bytes() as u64);
            write!(f, "; {} steps run once, {kept} kept", self.prologue)?;
        }
        writeln!(f)?;
        writeln!(
            f,
            "{:>4}  {:<4} {:<28} {:<20} {:>8} {:>9}  layer",
            "step", "", "op", "output", "FLOP", "bytes"
        )?;
        for (i, s) in self.steps.iter().enumerate() {
            let op = match &*s.algorithm {
                "" => s.name.clone(),
                a => format!("{} ({a})", s.name),
            };
            let scope = s.scope.as_deref().unwrap_or("");
            let mark = if s.once { "once" } else { "" };
            writeln!(
                f,
                "{i:>4}  {mark:<4} {op:<28} {:<20} {:>8} {:>9}  {scope}",
                s.shape.to_string(),
                Count(s.flops).to_string(),
                Bytes(s.bytes).to_string(),
            )?;
        }
        Ok(())
    }
}

/// A number with a decimal prefix.
struct Count(u64);
impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n >= 10_000_000_000 => write!(f, "{:.1} G", n as f64 / 1e9),
            n if n >= 10_000_000 => write!(f, "{:.1} M", n as f64 / 1e6),
            n if n >= 10_000 => write!(f, "{:.1} k", n as f64 / 1e3),
            n => write!(f, "{n}"),
        }
    }
}

/// A number of bytes with a binary prefix.
struct Bytes(u64);
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n >= 10 << 20 => write!(f, "{:.1} MiB", n as f64 / (1u64 << 20) as f64),
            n if n >= 10 << 10 => write!(f, "{:.1} KiB", n as f64 / 1024.0),
            n => write!(f, "{n} B"),
        }
    }
}

impl PlanStep {
    /// Whether all float outputs of the step's last run are finite. Outputs with gaps are not looked at.
    pub(crate) fn is_finite(&self, args: &gradus_cpu::exec::Args<'_>) -> bool {
        self.dense_floats.iter().enumerate().all(|(i, &(len, dtype))| args.is_finite(i, dtype, len))
    }

    /// Whether one of its outputs is, as [`PlanStep::is_finite`].
    pub(crate) fn output_is_finite(&self, i: usize, args: &gradus_cpu::exec::Args<'_>) -> bool {
        self.dense_floats.get(i).is_none_or(|&(len, dtype)| args.is_finite(i, dtype, len))
    }
}
