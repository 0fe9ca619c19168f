//! Running a compiled expression over tiles: binding inputs and outputs in place where they are contiguous,
//! gathering and scattering where not.

use super::compile::{Home, Program, REGISTER, Rate, SLOT, Target, compile, slot_len, tile_len};
use super::convert::{Block, Load, Store, loader, storer};
use super::geometry::{Axes, Loop, Tiling, Walk, count};
use crate::dispatch::Isa;
use crate::with_scratch;
use gradus_base::{DType, Expr, Shape, View};

/// How a view's elements of a tile are reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Access {
    /// An input no line reads.
    None,
    /// One element for the whole loop.
    Single,
    /// One element per tile.
    Constant,
    /// In place.
    Direct,
    /// Copied into or out of a register.
    Copied,
}

/// One view of the loop.
struct Port {
    access: Access,
    entry: usize,
    /// Where the view's first element lies: in its buffer, and relative to that in the loop's order.
    offset: isize,
    first: isize,
    dims: Dims,
    load: Load,
    store: Store,
}

/// Elements of a view as nested loops, innermost first, strides in bytes.
pub(crate) struct Dims {
    sizes: Vec<(usize, isize)>,
    /// Elements of the last loop per element of the axis that tiles cut.
    per_chunk: usize,
}

impl Dims {
    /// The loops over axes, (size, stride), the last of which tiles cut.
    pub(crate) fn cut(axes: impl ExactSizeIterator<Item = (usize, isize)>) -> Dims {
        let mut sizes: Vec<(usize, isize)> = vec![];
        let (mut per_chunk, last) = (1, axes.len() - 1);
        for (i, (n, stride)) in axes.enumerate() {
            match sizes.last_mut() {
                Some((m, s)) if *s * *m as isize == stride => {
                    if i == last {
                        per_chunk = *m;
                    }
                    *m *= n;
                }
                _ => sizes.push((n, stride)),
            }
        }
        Dims { sizes, per_chunk }
    }
    /// The loops over axes of which none is cut: one chunk.
    pub(crate) fn whole(axes: impl Iterator<Item = (usize, isize)>) -> Dims {
        let sizes: Vec<_> = [(1, 0)].into_iter().chain(axes).collect();
        let mut dims = Dims::cut(sizes.into_iter());
        dims.per_chunk = dims.sizes[dims.sizes.len() - 1].0;
        dims
    }

    /// Calls `f` with the tile's blocks, the bytes to their first element and the elements before them, for a tile
    /// with `chunks` of the cut axis.
    #[inline(always)]
    pub(crate) fn each(&self, chunks: usize, mut f: impl FnMut(isize, usize, &Block)) {
        let last = chunks * self.per_chunk;
        let at = |i: usize| {
            let (n, s) = self.sizes[i];
            (if i + 1 == self.sizes.len() { last } else { n }, s)
        };
        let (n0, s0) = at(0);
        if self.sizes.len() == 1 {
            return f(0, 0, &Block { n0, s0, n1: 1, s1: 0 });
        }
        let (n1, s1) = at(1);
        let block = Block { n0, s0, n1, s1 };
        let outer: usize = (2..self.sizes.len()).map(|i| at(i).0).product();
        for k in 0..outer {
            let (mut rest, mut offset) = (k, 0);
            for i in 2..self.sizes.len() {
                let (n, s) = at(i);
                offset += (rest % n) as isize * s;
                rest /= n;
            }
            f(offset, k * n0 * n1, &block);
        }
    }
}

/// A program with the loop it runs in.
pub(crate) struct Engine {
    program: Program,
    tiling: Tiling,
    ports: Vec<Port>,
    inputs: usize,
    lens: [usize; 2],
    /// The loop over the chunks of the cut axis.
    chunk_loop: usize,
    compute: DType,
    /// Bytes of scratch: pointer table, offsets, what was loaded last, slots, registers.
    scratch: usize,
    tables: usize,
}

/// What an engine is made for.
pub(crate) struct Spec<'a> {
    pub(crate) expr: &'a Expr,
    pub(crate) isa: Isa,
    pub(crate) compute: DType,
    pub(crate) shape: Shape,
    pub(crate) inputs: &'a [(DType, View)],
    /// The outputs; for a reduction the one whose strides along reduced axes are 0.
    pub(crate) outputs: &'a [(DType, View)],
    /// Which axes are reduced; empty for a pointwise loop.
    pub(crate) reduced: &'a [bool],
}

impl Engine {
    pub(crate) fn new(spec: &Spec<'_>) -> Engine {
        let views: Vec<(DType, View)> = spec.inputs.iter().chain(spec.outputs).copied().collect();
        let inputs = spec.inputs.len();
        let reduction = !spec.reduced.is_empty();
        let lead = if reduction { main_input(spec) } else { Some(inputs) };
        let Axes { axes, first } = Axes::new(spec.shape, &views, spec.reduced, lead);
        let mut tiling = Tiling::new(axes, tile_len(spec.compute), slot_len(spec.compute));
        let chunk_loop = sort_loops(&mut tiling.loops);
        let access: Vec<Access> =
            (0..views.len()).map(|v| access(spec, &tiling, v, views[v].0)).collect();
        let rates: Vec<Rate> = access[..inputs].iter().map(|&a| rate(a)).collect();
        let aliases = |o: usize, i: usize| {
            !reduction && access[i] == Access::Direct && spec.inputs[i] == spec.outputs[o]
        };
        let target =
            Target { isa: spec.isa, compute: spec.compute, rates: &rates, aliases: &aliases };
        let program = compile(spec.expr, &target);
        let ports = (0..views.len())
            .map(|v| {
                let (dtype, view) = &views[v];
                let entry = if v < inputs { program.inputs[v] } else { None };
                let entry = if v < inputs { entry } else { Some(program.outputs[v - inputs]) };
                Port {
                    access: if entry.is_none() { Access::None } else { access[v] },
                    entry: entry.unwrap_or(0) as usize,
                    offset: (view.offset * dtype.size()) as isize,
                    first: first[v],
                    dims: Dims::cut(tile_axes(&tiling, v).into_iter()),
                    load: loader(*dtype, spec.compute),
                    store: storer(*dtype, spec.compute),
                }
            })
            .collect();
        Engine::assemble(program, tiling, ports, inputs, chunk_loop, spec.compute)
    }

    fn assemble(
        program: Program,
        tiling: Tiling,
        ports: Vec<Port>,
        inputs: usize,
        chunk_loop: usize,
        compute: DType,
    ) -> Engine {
        let words = program.homes.len() + ports.len() + inputs;
        let tables = (words * 8).next_multiple_of(64);
        let scratch =
            tables + (program.slots * SLOT).next_multiple_of(64) + program.registers * REGISTER;
        let lens = tiling.lens();
        Engine { program, tiling, ports, inputs, lens, chunk_loop, compute, scratch, tables }
    }

    /// The loops over tiles, those over reduced axes first.
    pub(crate) fn loops(&self) -> &[Loop] {
        &self.tiling.loops
    }
    pub(crate) fn tiling(&self) -> &Tiling {
        &self.tiling
    }
    /// How many tiles there are.
    pub(crate) fn tiles(&self) -> usize {
        count(&self.tiling.loops)
    }
    /// Elements of a whole tile.
    pub(crate) fn tile_len(&self) -> usize {
        self.lens[0]
    }
    /// Where the first output's elements of a tile begin, relative to its view's first in bytes, and how much of the
    /// cut axis the tile has.
    pub(crate) fn output_place(&self, tile: usize) -> (isize, usize) {
        let (mut rest, mut place, mut at_last) = (tile, self.ports[self.inputs].first, false);
        for (i, l) in self.tiling.loops.iter().enumerate() {
            let at = rest % l.count;
            rest /= l.count;
            place += at as isize * l.strides[self.inputs];
            at_last |= i == self.chunk_loop && at + 1 == l.count;
        }
        (place, self.lens[usize::from(at_last)] / self.tiling.inner)
    }
    /// Instructions per tile.
    pub(crate) fn work(&self) -> usize {
        self.program.body.len().max(1)
    }

    /// Runs `tiles` tiles from `start` on. With `in_buffer` the pointers are buffers' first bytes, else views' first
    /// elements. `each` gets every tile's length and, if outputs are not to be stored, the first output's values.
    ///
    /// # Safety
    /// The pointers are valid for the views; outputs overlap nothing but inputs of the same view and type.
    #[inline(always)]
    pub(crate) unsafe fn run(
        &self,
        start: usize,
        tiles: usize,
        inputs: &[*const u8],
        outputs: Option<&[*mut u8]>,
        in_buffer: bool,
        mut each: impl FnMut(usize, *const u8),
    ) {
        with_scratch(self.scratch, |scratch| {
            // SAFETY: the scratch was measured for this program; the rest is the caller's promise.
            unsafe {
                let mut frame = Frame::new(self, scratch, inputs, outputs, in_buffer);
                let mut walk = Walk::new(&self.tiling.loops, start, frame.offsets());
                frame.once();
                let last_chunk = self.tiling.loops[self.chunk_loop].count - 1;
                for t in 0..tiles {
                    let n = self.lens[usize::from(walk.at(self.chunk_loop) == last_chunk)];
                    frame.tile(n);
                    each(n, *frame.table.add(self.program.outputs[0] as usize));
                    if t + 1 < tiles {
                        walk.step(frame.offsets());
                    }
                }
            }
        });
    }
}

/// The scratch memory of a run and what it is bound to.
struct Frame<'a> {
    e: &'a Engine,
    table: *mut *mut u8,
    /// One per port: the address of the tile's first element.
    places: *mut isize,
    /// One per input: the address loaded last, with the number of elements in the low bits' place kept by `loaded_n`.
    loaded: *mut isize,
    loaded_n: usize,
    slots: *mut u8,
    registers: *mut u8,
    store: bool,
}

impl<'a> Frame<'a> {
    #[inline(always)]
    unsafe fn new(
        e: &'a Engine,
        scratch: *mut u8,
        inputs: &[*const u8],
        outputs: Option<&[*mut u8]>,
        in_buffer: bool,
    ) -> Frame<'a> {
        // SAFETY: `Engine::assemble` laid the scratch out.
        unsafe {
            let p = &e.program;
            let table = scratch.cast::<*mut u8>();
            let places = table.add(p.homes.len()).cast::<isize>();
            let loaded = places.add(e.ports.len());
            let slots = scratch.add(e.tables);
            let registers = slots.add((p.slots * SLOT).next_multiple_of(64));
            let store = outputs.is_some();
            let f = Frame { e, table, places, loaded, loaded_n: 0, slots, registers, store };
            for (i, &home) in p.homes.iter().enumerate() {
                *table.add(i) = f.home(home);
            }
            for (i, port) in e.ports.iter().enumerate() {
                let base = match outputs {
                    _ if i < e.inputs => inputs[i] as isize,
                    Some(outputs) => outputs[i - e.inputs] as isize,
                    None => 0,
                };
                *places.add(i) = base + port.first + if in_buffer { port.offset } else { 0 };
            }
            f
        }
    }

    #[inline(always)]
    unsafe fn home(&self, home: Home) -> *mut u8 {
        // SAFETY: within the scratch. Constants are only read.
        unsafe {
            match home {
                Home::Const(i) => (&raw const self.e.program.constants[i]).cast_mut().cast(),
                Home::Slot(i) => self.slots.add(i * SLOT),
                Home::Register(i) => self.registers.add(i * REGISTER),
            }
        }
    }

    #[inline(always)]
    fn offsets(&mut self) -> &mut [isize] {
        // SAFETY: initialised, one per port.
        unsafe { std::slice::from_raw_parts_mut(self.places, self.e.ports.len()) }
    }

    /// What is done before the first tile.
    #[inline(always)]
    unsafe fn once(&mut self) {
        // SAFETY: as for `Engine::run`.
        unsafe {
            for (i, port) in self.e.ports[..self.e.inputs].iter().enumerate() {
                *self.loaded.add(i) = 0;
                if port.access == Access::Single {
                    self.splat(i, port);
                }
            }
            for instr in &self.e.program.once {
                instr.run(self.table, slot_len(self.e.compute));
            }
        }
    }

    unsafe fn splat(&self, i: usize, port: &Port) {
        let block = Block { n0: slot_len(self.e.compute), s0: 0, n1: 1, s1: 0 };
        // SAFETY: as for `Engine::run`.
        unsafe {
            (port.load)(*self.table.add(port.entry), *self.places.add(i) as *const u8, &block);
        }
    }

    /// Runs the program on one tile of `n` elements.
    #[inline(always)]
    unsafe fn tile(&mut self, n: usize) {
        let e = self.e;
        let lanes = slot_len(e.compute);
        let padded = n.next_multiple_of(lanes);
        // SAFETY: as for `Engine::run`.
        unsafe {
            let changed = self.bind_inputs(n, padded == n);
            if self.store {
                self.bind_outputs(padded == n);
            }
            if changed {
                e.program.per_tile.iter().for_each(|instr| instr.run(self.table, lanes));
            }
            e.program.body.iter().for_each(|instr| instr.run(self.table, padded));
            if self.store {
                self.store_outputs(n, padded == n);
            }
        }
    }

    /// Brings the tile's inputs to where the program reads them. True if one of rate `Tile` changed.
    #[inline(always)]
    unsafe fn bind_inputs(&mut self, n: usize, whole: bool) -> bool {
        let mut changed = false;
        let same_n = std::mem::replace(&mut self.loaded_n, n) == n;
        // SAFETY: as for `Engine::run`.
        unsafe {
            for (i, port) in self.e.ports[..self.e.inputs].iter().enumerate() {
                let place = *self.places.add(i);
                match port.access {
                    Access::None | Access::Single => {}
                    Access::Direct if whole => *self.table.add(port.entry) = place as *mut u8,
                    Access::Constant => {
                        if *self.loaded.add(i) != place {
                            self.splat(i, port);
                            *self.loaded.add(i) = place;
                            changed = true;
                        }
                    }
                    Access::Direct | Access::Copied => {
                        if !same_n || *self.loaded.add(i) != place {
                            self.gather(port, place, n);
                            *self.loaded.add(i) = place;
                        }
                    }
                }
            }
        }
        changed
    }

    unsafe fn gather(&self, port: &Port, place: isize, n: usize) {
        // SAFETY: as for `Engine::run`.
        unsafe {
            let register = self.home(self.e.program.homes[port.entry]);
            *self.table.add(port.entry) = register;
            port.dims.each(n / self.e.tiling.inner, |offset, before, block| {
                let to = register.add(before * self.e.compute.size());
                (port.load)(to, (place + offset) as *const u8, block);
            });
        }
    }

    #[inline(always)]
    unsafe fn bind_outputs(&mut self, whole: bool) {
        // SAFETY: as for `Engine::run`.
        unsafe {
            for (o, port) in self.e.ports[self.e.inputs..].iter().enumerate() {
                if port.access != Access::Direct || self.e.program.staged[o] {
                    continue;
                }
                *self.table.add(port.entry) = if whole {
                    *self.places.add(self.e.inputs + o) as *mut u8
                } else {
                    self.home(self.e.program.homes[port.entry])
                };
            }
        }
    }

    #[inline(always)]
    unsafe fn store_outputs(&mut self, n: usize, whole: bool) {
        // SAFETY: as for `Engine::run`.
        unsafe {
            for (o, port) in self.e.ports[self.e.inputs..].iter().enumerate() {
                if port.access == Access::Direct && whole && !self.e.program.staged[o] {
                    continue;
                }
                let place = *self.places.add(self.e.inputs + o);
                let register = *self.table.add(port.entry);
                port.dims.each(n / self.e.tiling.inner, |offset, before, block| {
                    let from = register.add(before * self.e.compute.size());
                    (port.store)((place + offset) as *mut u8, from, block);
                });
            }
        }
    }
}

/// The input whose memory order a reduction follows: the one that repeats along the fewest axes.
fn main_input(spec: &Spec<'_>) -> Option<usize> {
    let moving = |v: &View| {
        (0..spec.shape.rank()).filter(|&a| spec.shape[a] != 1 && v.strides[a] != 0).count()
    };
    let inputs = (0..spec.inputs.len()).rev();
    inputs.max_by_key(|&i| moving(&spec.inputs[i].1))
}

/// Puts the loops over reduced axes inside; gives where the chunks' loop went.
fn sort_loops(loops: &mut [Loop]) -> usize {
    let chunk_loop = if loops[0].reduced { 0 } else { loops.iter().filter(|l| l.reduced).count() };
    loops.sort_by_key(|l| !l.reduced);
    chunk_loop
}

fn access(spec: &Spec<'_>, tiling: &Tiling, view: usize, dtype: DType) -> Access {
    let input = view < spec.inputs.len();
    if input && tiling.is_single(view) {
        Access::Single
    } else if input && tiling.is_constant(view) {
        Access::Constant
    } else if dtype == spec.compute && tiling.is_contiguous(view, dtype.size()) {
        Access::Direct
    } else {
        Access::Copied
    }
}

/// The axes of a tile in a view.
fn tile_axes(tiling: &Tiling, view: usize) -> Vec<(usize, isize)> {
    tiling.tile().map(|(n, axis)| (n, axis.strides[view])).collect()
}

fn rate(access: Access) -> Rate {
    match access {
        Access::None | Access::Single => Rate::Once,
        Access::Constant => Rate::Tile,
        Access::Direct | Access::Copied => Rate::Element,
    }
}
