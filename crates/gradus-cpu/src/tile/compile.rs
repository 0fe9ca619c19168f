//! From an expression's lines to a register program: lines that no element changes are hoisted, some are fused, and
//! the values of the others share registers that live in the first-level cache.

use super::fuse::{Node, fuse};
use super::kernels::{Code, Kernel, MAX_ARGS, kernel, lanes};
use crate::lanes::Isa;
use gradus_base::expr::Op;
use gradus_base::{DType, Expr};

/// Bytes of a register: a tile of elements.
pub(super) const REGISTER: usize = 1024;
/// Bytes of a slot: one element, in every lane.
pub(super) const SLOT: usize = 32;

/// How often a value changes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Rate {
    /// Never: constants, inputs broadcast over all axes, and what follows from them.
    Once,
    /// From tile to tile.
    Tile,
    /// From element to element.
    Element,
}

/// An entry of the pointer table the program's operands are found by.
pub(super) type Entry = u16;

/// One instruction.
#[derive(Clone, Copy)]
pub(super) struct Instr {
    kernel: Kernel,
    /// The destination, then the operands; the destination again where there is none.
    entries: [Entry; 1 + MAX_ARGS],
}

impl Instr {
    /// # Safety
    /// The table's entries must hold what [`Kernel`] asks for.
    #[inline(always)]
    pub(super) unsafe fn execute(&self, table: *const *mut u8, n: usize) {
        // SAFETY: the caller's promise.
        unsafe { (self.kernel)(table, self.entries.as_ptr(), n) }
    }
    fn new(kernel: Kernel, dst: Entry, args: &[Entry]) -> Instr {
        let mut entries = [dst; 1 + MAX_ARGS];
        entries[1..=args.len()].copy_from_slice(args);
        Instr { kernel, entries }
    }
    fn dst(&self) -> Entry {
        self.entries[0]
    }
}

/// A constant in every lane.
#[repr(align(32))]
#[derive(Clone, Copy)]
pub(super) struct Splat {
    /// Read through a pointer to the whole.
    _lanes: [u64; 4],
}

/// What the memory behind an entry is, unless it is bound to an input or output in place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Home {
    Const(usize),
    /// The n-th slot.
    Slot(usize),
    /// The n-th register.
    Register(usize),
}

/// A compiled expression.
pub(super) struct TileCode {
    pub(super) homes: Vec<Home>,
    pub(super) slots: usize,
    pub(super) registers: usize,
    pub(super) constants: Vec<Splat>,
    /// For lines of rate `Once` and `Tile`: n is one vector.
    pub(super) once: Vec<Instr>,
    pub(super) per_tile: Vec<Instr>,
    pub(super) body: Vec<Instr>,
    /// Operations per element.
    pub(super) work: usize,
    /// The formulas that have a kernel of their own.
    pub(super) idioms: Vec<&'static str>,
    /// Where each input is to be put; none if it is not read.
    pub(super) inputs: Vec<Option<Entry>>,
    /// Where each output is found: a register, or memory bound in its place.
    pub(super) outputs: Vec<Entry>,
    /// Whether writing an output in place would destroy an input that is still to be read.
    pub(super) staged: Vec<bool>,
}

/// What the compiler has to know about the loop.
pub(super) struct Target<'a> {
    pub(super) isa: Isa,
    pub(super) compute: DType,
    /// How often each input changes.
    pub(super) rates: &'a [Rate],
    /// Whether output o lies where input i does and input i is read in place.
    pub(super) aliases: &'a dyn Fn(usize, usize) -> bool,
    /// Whether outputs are stored; if not, an output that is an input need not be copied.
    pub(super) stored: bool,
}

pub(super) fn compile(expr: &Expr, target: &Target<'_>) -> TileCode {
    let rates = rates(expr, target.rates);
    let nodes = fuse(expr, &rates, target.compute);
    let operations = expr.lines().iter().zip(&rates);
    let work = operations.filter(|(l, r)| l.op.arity() > 0 && **r == Rate::Element).count();
    let idiom = |node: &Node| match node.code {
        Code::Idiom(idiom) if node.live => Some(idiom.name()),
        _ => None,
    };
    let idioms = nodes.iter().filter_map(idiom).collect();
    let mut c = Compiler::new(target, expr, nodes, rates);
    (c.p.work, c.p.idioms) = (work, idioms);
    for i in 0..c.nodes.len() {
        c.line(i);
    }
    c.finish()
}

fn rates(expr: &Expr, inputs: &[Rate]) -> Vec<Rate> {
    let mut rates: Vec<Rate> = Vec::with_capacity(expr.lines().len());
    for line in expr.lines() {
        rates.push(match line.op {
            Op::Const(_) => Rate::Once,
            Op::Input(i) => inputs[i as usize],
            op => line.args[..op.arity()].iter().map(|&a| rates[a as usize]).max().unwrap(),
        });
    }
    rates
}

struct Compiler<'a> {
    target: &'a Target<'a>,
    nodes: Vec<Node>,
    rates: Vec<Rate>,
    /// The entry each line's value is in.
    entry: Vec<Entry>,
    /// The last line that reads each line.
    last: Vec<usize>,
    free: Vec<Entry>,
    /// For each line, the output that is it.
    output_of: Vec<Option<usize>>,
    wanted: Vec<usize>,
    p: TileCode,
}

impl<'a> Compiler<'a> {
    fn new(target: &'a Target<'a>, expr: &Expr, nodes: Vec<Node>, rates: Vec<Rate>) -> Self {
        let n = nodes.len();
        let mut last = vec![0; n];
        for (i, node) in nodes.iter().enumerate().filter(|(_, n)| n.live) {
            node.args[..node.arity].iter().for_each(|&a| last[a] = i);
        }
        let wanted: Vec<usize> = expr.outputs().iter().map(|&o| o as usize).collect();
        let mut output_of = vec![None; n];
        for (o, &line) in wanted.iter().enumerate() {
            last[line] = usize::MAX;
            let written = !matches!(nodes[line].code, Code::Line(Op::Input(_)));
            if rates[line] == Rate::Element && written && output_of[line].is_none() {
                output_of[line] = Some(o);
            }
        }
        let mut c = Compiler {
            target,
            nodes,
            rates,
            entry: vec![0; n],
            last,
            free: vec![],
            output_of,
            p: TileCode {
                homes: vec![],
                slots: 0,
                registers: 0,
                constants: vec![],
                once: vec![],
                per_tile: vec![],
                body: vec![],
                work: 0,
                idioms: vec![],
                inputs: vec![None; expr.inputs()],
                outputs: vec![],
                staged: vec![false; wanted.len()],
            },
            wanted,
        };
        c.p.outputs = (0..c.wanted.len()).map(|_| c.register()).collect();
        c
    }

    fn new_entry(&mut self, home: Home) -> Entry {
        self.p.homes.push(home);
        Entry::try_from(self.p.homes.len() - 1).expect("an expression has too many lines")
    }
    fn register(&mut self) -> Entry {
        self.p.registers += 1;
        self.new_entry(Home::Register(self.p.registers - 1))
    }
    fn slot(&mut self) -> Entry {
        self.p.slots += 1;
        self.new_entry(Home::Slot(self.p.slots - 1))
    }

    fn line(&mut self, i: usize) {
        let node = self.nodes[i];
        if !node.live {
            return;
        }
        match node.code {
            Code::Line(Op::Const(bits)) => {
                self.p.constants.push(splat(f64::from_bits(bits), self.target.compute));
                self.entry[i] = self.new_entry(Home::Const(self.p.constants.len() - 1));
            }
            Code::Line(Op::Input(n)) => {
                let element = self.rates[i] == Rate::Element;
                let entry = if element { self.register() } else { self.slot() };
                self.entry[i] = entry;
                self.p.inputs[n as usize] = Some(entry);
            }
            code => self.operation(i, code, &node.args[..node.arity]),
        }
    }

    fn operation(&mut self, i: usize, code: Code, args: &[usize]) {
        let rate = self.rates[i];
        let mut scalars = 0;
        let mut entries = [0; MAX_ARGS];
        for (k, &a) in args.iter().enumerate() {
            entries[k] = self.entry[a];
            if rate == Rate::Element && self.rates[a] < rate {
                scalars |= 1 << k;
            }
        }
        // A register whose last reader this is may take the result: kernels work element by element.
        for (k, &a) in args.iter().enumerate() {
            let operation = !matches!(self.nodes[a].code, Code::Line(Op::Input(_)));
            let first = !args[..k].contains(&a);
            if self.rates[a] == Rate::Element && operation && self.last[a] == i && first {
                self.free.push(self.entry[a]);
            }
        }
        let dst = match (rate, self.output_of[i]) {
            (Rate::Element, Some(o)) => self.p.outputs[o],
            (Rate::Element, None) => self.free.pop().unwrap_or_else(|| self.register()),
            _ => self.slot(),
        };
        self.entry[i] = dst;
        let kernel = kernel(self.target.isa, self.target.compute, code, scalars);
        let list = match rate {
            Rate::Once => &mut self.p.once,
            Rate::Tile => &mut self.p.per_tile,
            Rate::Element => &mut self.p.body,
        };
        list.push(Instr::new(kernel, dst, &entries[..args.len()]));
    }

    /// Copies the outputs that no instruction computes in their place, and finds those that must be staged.
    fn finish(mut self) -> TileCode {
        for o in 0..self.wanted.len() {
            let line = self.wanted[o];
            if self.output_of[line] == Some(o) {
                continue;
            }
            if !self.target.stored && self.rates[line] == Rate::Element {
                self.p.outputs[o] = self.entry[line];
                continue;
            }
            let scalar = u8::from(self.rates[line] < Rate::Element);
            let kernel = kernel(self.target.isa, self.target.compute, Code::Copy, scalar);
            self.p.body.push(Instr::new(kernel, self.p.outputs[o], &[self.entry[line]]));
        }
        for o in 0..if self.target.stored { self.wanted.len() } else { 0 } {
            self.p.staged[o] = self.overwrites(o);
        }
        self.p
    }

    /// Whether an input in the place of output `o` is read after the output is written.
    fn overwrites(&self, o: usize) -> bool {
        let body = &self.p.body;
        let written = body.iter().position(|b| b.dst() == self.p.outputs[o]);
        let later = &body[written.expect("every output is written") + 1..];
        self.p.inputs.iter().enumerate().any(|(i, entry)| {
            entry.is_some_and(|e| {
                (self.target.aliases)(o, i) && later.iter().any(|b| b.entries[1..].contains(&e))
            })
        })
    }
}

fn splat(x: f64, compute: DType) -> Splat {
    let _lanes = match compute {
        DType::F32 => {
            let bits = u64::from((x as f32).to_bits());
            [bits << 32 | bits; 4]
        }
        DType::F64 => [x.to_bits(); 4],
        _ => [x as i64 as u64; 4],
    };
    Splat { _lanes }
}

/// Elements of a register.
pub(super) fn tile_len(compute: DType) -> usize {
    REGISTER / compute.size()
}

/// Elements of a slot.
pub(super) fn slot_len(compute: DType) -> usize {
    lanes(compute)
}
