//! Showing: a plan as a table one can read.

use super::Plan;
use super::lowered::{BufferView, Lowered, Work};
use gradus_base::Shape;
use gradus_base::exec::Kernel;
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
    pub(crate) fn new(step: &Lowered, kernel: &dyn Kernel) -> PlanStep {
        let bytes = |v: &BufferView| {
            let repeats: usize = (0..v.view.shape.rank())
                .filter(|&a| v.view.strides[a] == 0)
                .map(|a| v.view.shape[a].max(1))
                .product();
            (v.view.shape.len() / repeats * v.dtype.size()) as u64
        };
        // Of a packing its form is told, and the shape of what is packed.
        let (algorithm, shape) = match &step.work {
            Work::Pack(packing) => (packing.form.clone(), step.inputs[0].view.shape),
            _ => (kernel.algorithm().to_owned(), step.outputs[0].view.shape),
        };
        let dense = |o: &BufferView| match o.view.memory_order() {
            Some(_) => (o.view.shape.len(), o.dtype),
            None => (0, o.dtype),
        };
        let node = &step.label.node;
        PlanStep {
            name: step.label.name.clone(),
            algorithm,
            scope: node.scope().cloned(),
            at: node.location(),
            shape,
            flops: step.label.flops,
            bytes: step.inputs.iter().chain(&step.outputs).map(bytes).sum(),
            once: step.once,
            dense_floats: step.outputs.iter().map(dense).collect(),
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
            let steps = if self.prologue == 1 { "step runs" } else { "steps run" };
            write!(f, "; {} {steps} once, {kept} kept", self.prologue)?;
        }
        writeln!(f)?;
        let rows = self.steps.iter().map(|s| {
            let (flops, bytes) = (Count(s.flops).to_string(), Bytes(s.bytes).to_string());
            [s.title(), s.shape.to_string(), flops, bytes, s.layer()]
        });
        let rows: Vec<[String; 5]> = rows.collect();
        let width = |column: usize, least: usize| {
            let widths = rows.iter().map(|row| row[column].chars().count());
            widths.max().unwrap_or(0).max(least)
        };
        let [output, flops, bytes, layer] = [width(1, 6), width(2, 4), width(3, 5), width(4, 5)];
        // Of long names the op's end is left out, so that a line fits into a terminal.
        let rest = 4 + 1 + 2 + output + 2 + flops + 1 + bytes + 2 + layer;
        let op = width(0, 2).min(LINE.saturating_sub(rest).max(SHORTEST));
        let mut line = |step: &dyn fmt::Display, row: [&str; 5]| {
            let name = match row[0].chars().count() > op {
                true => row[0].chars().take(op - 1).chain(['…']).collect(),
                false => row[0].to_owned(),
            };
            let line = format!(
                "{step:>4} {name:<op$}  {:<output$}  {:>flops$} {:>bytes$}  {}",
                row[1], row[2], row[3], row[4]
            );
            writeln!(f, "{}", line.trim_end())
        };
        line(&"step", ["op", "output", "FLOP", "bytes", "layer"])?;
        rows.iter().enumerate().try_for_each(|(i, row)| line(&i, row.each_ref().map(|t| &**t)))
    }
}

/// Characters of a line of the table, if the op's name keeps as many as `SHORTEST`.
const LINE: usize = 100;
const SHORTEST: usize = 24;

impl PlanStep {
    /// The op's name, and in brackets its algorithm and whether it runs once.
    pub fn title(&self) -> String {
        let once = if self.once { "once" } else { "" };
        let notes: Vec<&str> =
            [&*self.algorithm, once].into_iter().filter(|n| !n.is_empty()).collect();
        match notes.is_empty() {
            true => self.name.clone(),
            false => format!("{} ({})", self.name, notes.join(", ")),
        }
    }

    /// The layer's path without the layers' types: `layer1.0.conv1` of `layer1 (Sequential(2))/0 (Residual)/conv1 (Conv2d)`; empty
    /// outside of layers.
    pub fn layer(&self) -> String {
        let (mut path, mut depth) = (String::new(), 0usize);
        for c in self.scope.as_deref().unwrap_or_default().chars() {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ if depth > 0 || c == ' ' => {}
                '/' => path.push('.'),
                c => path.push(c),
            }
        }
        path
    }
}

/// A number with a decimal prefix.
struct Count(u64);
impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n >= 1_000_000_000 => write!(f, "{:.1} G", n as f64 / 1e9),
            n if n >= 1_000_000 => write!(f, "{:.1} M", n as f64 / 1e6),
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
            n if n >= 10 << 30 => write!(f, "{:.1} GiB", n as f64 / (1u64 << 30) as f64),
            n if n >= 1 << 20 => write!(f, "{:.1} MiB", n as f64 / (1u64 << 20) as f64),
            n if n >= 10 << 10 => write!(f, "{:.1} KiB", n as f64 / 1024.0),
            n => write!(f, "{n} B"),
        }
    }
}

impl PlanStep {
    /// Whether all float outputs of the step's last run are finite. Outputs with gaps are not looked at.
    pub(crate) fn is_finite(&self, args: &gradus_base::exec::Args<'_>) -> bool {
        self.dense_floats.iter().enumerate().all(|(i, &(len, dtype))| args.is_finite(i, dtype, len))
    }

    /// Whether one of its outputs is, as [`PlanStep::is_finite`].
    pub(crate) fn output_is_finite(&self, i: usize, args: &gradus_base::exec::Args<'_>) -> bool {
        self.dense_floats.get(i).is_none_or(|&(len, dtype)| args.is_finite(i, dtype, len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_prefixes() {
        let counts = [9_999, 10_000, 1_500_000, 2_500_000_000].map(|n| Count(n).to_string());
        assert_eq!(counts, ["9999", "10.0 k", "1.5 M", "2.5 G"]);
        let bytes = [4096, 20 << 10, 3 << 19, 2000 << 20].map(|n| Bytes(n).to_string());
        assert_eq!(bytes, ["4096 B", "20.0 KiB", "1.5 MiB", "2000.0 MiB"]);
    }

    #[test]
    fn layers_are_told_by_their_paths() {
        let mut step = PlanStep {
            name: "conv2d".into(),
            algorithm: String::new(),
            scope: Some("layer1 (Sequential(2))/0 (Residual)/pool (MaxPool2d(3×3/2))".into()),
            at: Location::caller(),
            shape: Shape::new(&[1]),
            flops: 0,
            bytes: 0,
            once: false,
            dense_floats: vec![],
        };
        assert_eq!((step.layer(), step.title()), ("layer1.0.pool".into(), "conv2d".into()));
        step.once = true;
        assert_eq!(step.title(), "conv2d (once)");
        (step.algorithm, step.scope) = ("Winograd".into(), None);
        assert_eq!((step.layer(), step.title()), (String::new(), "conv2d (Winograd, once)".into()));
    }
}
