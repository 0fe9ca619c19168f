//! Effects: calls that reach outside keep their number and their order, whatever the planner does to those around them.
#![allow(unsafe_code)]

use crate::{map, sum, values, variable, vector, zip};
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_base::expr::Sym;
use gradus_base::{Real, Result};
use gradus_graph::*;
use std::sync::{Arc, Mutex};

type Log = Arc<Mutex<Vec<String>>>;

/// y = x, and writes its label down: a message that is sent.
#[derive(Clone)]
struct Tell {
    label: &'static str,
    effect: Effect,
    log: Log,
    fails: bool,
}

/// Plans are cached by this text; the log is the outside.
impl std::fmt::Debug for Tell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tell({}, {:?}, {})", self.label, self.effect, self.fails)
    }
}

impl Rule for Tell {
    fn name(&self) -> &'static str {
        "tell"
    }
    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }
    fn effect(&self) -> Effect {
        self.effect
    }
    fn strategy(&self, _: Device) -> Option<Box<dyn Strategy + '_>> {
        Some(Dense::of(|spec: &Spec| {
            let len = spec.inputs[0].view.shape.len();
            Box::new(Telling { rule: self.clone(), len, touches: spec.touches() })
                as Box<dyn Kernel>
        }))
    }
    fn slices(&self, _: usize) -> Option<Vec<Option<usize>>> {
        Some(vec![Some(0)])
    }
    fn flops(&self, _: &[Meta], _: &[Meta]) -> u64 {
        0
    }
}

struct Telling {
    rule: Tell,
    len: usize,
    touches: Touches,
}
// SAFETY: input and output are dense, of `len` f64.
unsafe impl Kernel for Telling {
    unsafe fn launch(&self, args: &Args<'_>) {
        self.rule.log.lock().unwrap().push(self.rule.label.to_owned());
        if self.rule.fails {
            return args.fail(|| "the line is dead".to_owned());
        }
        // SAFETY: the caller's promise.
        unsafe { std::ptr::copy_nonoverlapping(args.input::<f64>(0), args.output(0), self.len) }
    }
    fn touches(&self) -> &Touches {
        &self.touches
    }
}

struct Line(Log);
impl Line {
    fn new() -> Line {
        Line(Log::default())
    }
    fn tell(&self, label: &'static str, effect: Effect, x: &Node) -> Node {
        call_one(Tell { label, effect, log: self.0.clone(), fails: false }, &[x])
    }
    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

const RUNS: [Device; 2] = [Device::Cpu, Device::Reference];

#[test]
fn equal_calls_are_two() {
    for device in RUNS {
        let line = Line::new();
        let x = vector(&[1.0, 2.0]);
        let (a, b) =
            (line.tell("same", Effect::Outside, &x), line.tell("same", Effect::Outside, &x));
        let y = zip(&a, &b, |a, b| a + b);
        assert_eq!(device.scope(|| values(&y)), [2.0, 4.0]);
        assert_eq!(line.told(), ["same", "same"]);
        // Without an effect they are one.
        let (a, b) = (line.tell("same", Effect::None, &x), line.tell("same", Effect::None, &x));
        assert_eq!(device.scope(|| values(&zip(&a, &b, |a, b| a * b))), [1.0, 4.0]);
        assert_eq!(line.told(), ["same"]);
    }
}

#[test]
fn they_run_in_the_order_of_making_at_every_run() {
    for device in RUNS {
        let line = Line::new();
        let w = variable("w", &[1.0]);
        // Both are made of what stays from run to run; nothing is hoisted out of the run.
        let first = line.tell("first", Effect::Outside, &w.node());
        let second = line.tell("second", Effect::Outside, &map(&w.node(), |w| w + w));
        // The later one is wanted first.
        let wanted = [map(&second, |x| x.exp()), map(&first, |x| x.exp())];
        let mut p = device.scope(|| Program::new(&[], &wanted, &[]).unwrap());
        for _ in 0..3 {
            p.run(&[]).unwrap();
            assert_eq!(line.told(), ["first", "second"]);
        }
    }
}

#[test]
fn a_step_that_fails_outside_updates_nothing() {
    for device in RUNS {
        let line = Line::new();
        let (v, w) = (variable("v", &[1.0]), variable("w", &[1.0]));
        let dead =
            Tell { label: "dead", effect: Effect::Outside, log: line.0.clone(), fails: true };
        let next_v = map(&v.node(), |v| v + Sym::constant(1.0));
        let next_w = call_one(dead, &[&map(&w.node(), |w| w + Sym::constant(1.0))]);
        let updates = [(v.clone(), next_v), (w.clone(), next_w)];
        let mut p = device.scope(|| Program::new(&[], &[], &updates).unwrap());
        let e = p.run(&[]).err().unwrap().to_string();
        assert!(e.starts_with("tell: the line is dead"), "{e}");
        for variable in [&v, &w] {
            assert_eq!(variable.snapshot().as_slice::<f64>(), [1.0], "{}", variable.name());
        }
    }
}

#[test]
fn recomputing_repeats_none() {
    let line = Line::new();
    let w = variable("w", &[0.5; 4096]);
    let mut x = w.node();
    for _ in 0..12 {
        x = map(&x, |x| x.sin());
        x = zip(&x, &w.node().expand(x.shape()), |x, w| x * w);
    }
    let told = line.tell("once", Effect::Outside, &x);
    let y = map(&told, |x| x * x);
    let loss = sum(&y);
    // Its value is read again after the loss.
    let late = zip(&told, &y, |t, y| t * y);
    let updates = [(w.clone(), late)];
    let options = Options { recompute: true, ..Options::default() };
    let mut p = Program::with(&[], &[loss], &updates, options).unwrap();
    p.run(&[]).unwrap();
    assert_eq!(line.told(), ["once"]);
}

#[test]
fn waiting_is_put_off_until_somebody_reads() {
    let line = Line::new();
    let x = variable("x", &[1.0]);
    let start = line.tell("start", Effect::Outside, &x.node());
    let done = line.tell("wait", Effect::Wait, &start);
    // Made after the wait, and does not need it.
    let work = line.tell("work", Effect::Outside, &map(&x.node(), |x| x.exp()));
    let y = zip(&work, &done, |a, b| a + b);
    let mut p = Program::new(&[], &[y], &[]).unwrap();
    p.run(&[]).unwrap();
    assert_eq!(line.told(), ["start", "work", "wait"]);
}

#[test]
fn large_batches_are_not_sent_in_slices() {
    let line = Line::new();
    let x = vector(&[1.0; 1 << 16]).reshape([64, 1 << 10].into()).expand([64, 1 << 10].into());
    let wide =
        map(&x.reshape([64, 1 << 10, 1].into()).expand([64, 1 << 10, 32].into()), |x| x.exp());
    let told = line.tell("whole", Effect::Outside, &wide);
    let y = map(&told, |x| x + Sym::constant(1.0)).reduce(gradus_base::ReduceOp::Max, &[1, 2]);
    assert_eq!(values(&y)[63], 1f64.exp() + 1.0);
    assert_eq!(line.told(), ["whole"]);
}
