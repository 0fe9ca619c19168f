//! Running a compiled expression over tiles: binding inputs and outputs in place where they are contiguous,
//! gathering and scattering where not.

use super::compile::{Home, REGISTER, Rate, SLOT, Target, TileCode, compile, slot_len, tile_len};
use super::convert::{Block, Load, Store, loader, storer};
use super::geometry::{Axes, Loop, Tiling, Walk, count};
use crate::lanes::Isa;
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
    pub(super) program: TileCode,
    tiling: Tiling,
    ports: Vec<Port>,
    inputs: usize,
    lens: [usize; 2],
    /// The loop over the chunks of the cut axis.
    chunk_loop: usize,
    compute: DType,
    /// Bytes of scratch: pointer table, places, what was loaded last, slots, registers.
    scratch: usize,
    /// Where each entry's home is in the scratch.
    homes: Vec<usize>,
    /// The entries that are constants, and which.
    constants: Vec<(usize, usize)>,
    /// Input ports read in place, and those brought into registers or slots.
    direct: Vec<usize>,
    fetched: Vec<usize>,
    /// Output ports written in place, and those stored from registers.
    in_place: Vec<usize>,
    scattered: Vec<usize>,
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
        let target = Target {
            isa: spec.isa,
            compute: spec.compute,
            rates: &rates,
            aliases: &aliases,
            stored: !reduction,
        };
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
                    load: loader(spec.isa, *dtype, spec.compute),
                    store: storer(spec.isa, *dtype, spec.compute),
                }
            })
            .collect();
        Engine::assemble(program, tiling, ports, inputs, chunk_loop, spec.compute)
    }

    fn assemble(
        program: TileCode,
        tiling: Tiling,
        ports: Vec<Port>,
        inputs: usize,
        chunk_loop: usize,
        compute: DType,
    ) -> Engine {
        let words = program.homes.len() + ports.len() + inputs;
        let slots = (words * 8).next_multiple_of(64);
        let registers = slots + (program.slots * SLOT).next_multiple_of(64);
        let scratch = registers + program.registers * REGISTER;
        let mut constants = vec![];
        let homes = (0..program.homes.len())
            .map(|entry| match program.homes[entry] {
                Home::Slot(i) => slots + i * SLOT,
                Home::Register(i) => registers + i * REGISTER,
                Home::Const(i) => {
                    constants.push((entry, i));
                    0
                }
            })
            .collect();
        let in_place = |v: usize| {
            v >= inputs && ports[v].access == Access::Direct && !program.staged[v - inputs]
        };
        let all = 0..ports.len();
        let is = |v: usize, a: Access| v < inputs && ports[v].access == a;
        Engine {
            direct: all.clone().filter(|&v| is(v, Access::Direct)).collect(),
            fetched: all
                .clone()
                .filter(|&v| is(v, Access::Constant) || is(v, Access::Copied))
                .collect(),
            in_place: all.clone().filter(|&v| in_place(v)).collect(),
            scattered: all.filter(|&v| v >= inputs && !in_place(v)).collect(),
            lens: tiling.lens(),
            program,
            tiling,
            ports,
            inputs,
            chunk_loop,
            compute,
            scratch,
            homes,
            constants,
        }
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
    /// Operations per element.
    pub(crate) fn work(&self) -> usize {
        self.program.work.max(1)
    }

    /// Runs `tiles` tiles from `start` on. With `in_buffer` the pointers are buffers' first bytes, else views' first
    /// elements. `each` gets every tile's length and, if outputs are not to be stored, the first output's values.
    ///
    /// # Safety
    /// The pointers are valid for the views; outputs overlap nothing but inputs of the same view and type.
    #[inline(always)]
    pub(crate) unsafe fn run_tiles(
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
    scratch: *mut u8,
    /// The program's operands.
    table: *mut *mut u8,
    /// One per port: the address of the tile's first element.
    places: *mut isize,
    /// One per input: the address it was loaded from last, for a tile of `loaded_n` elements.
    loaded: *mut isize,
    loaded_n: usize,
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
        // SAFETY: `Engine::assemble` laid the scratch out. Constants are only read.
        unsafe {
            let table = scratch.cast::<*mut u8>();
            for (i, &home) in e.homes.iter().enumerate() {
                *table.add(i) = scratch.add(home);
            }
            for &(entry, i) in &e.constants {
                *table.add(entry) = (&raw const e.program.constants[i]).cast_mut().cast();
            }
            let places = table.add(e.homes.len()).cast::<isize>();
            let loaded = places.add(e.ports.len());
            for (i, port) in e.ports.iter().enumerate() {
                let base = match outputs {
                    _ if i < e.inputs => inputs[i] as isize,
                    Some(outputs) => outputs[i - e.inputs] as isize,
                    None => 0,
                };
                *places.add(i) = base + port.first + if in_buffer { port.offset } else { 0 };
            }
            Frame { e, scratch, table, places, loaded, loaded_n: 0, store: outputs.is_some() }
        }
    }

    #[inline(always)]
    fn offsets(&mut self) -> &mut [isize] {
        // SAFETY: initialised, one per port.
        unsafe { std::slice::from_raw_parts_mut(self.places, self.e.ports.len()) }
    }

    /// The register of a port, `from` elements in.
    #[inline(always)]
    unsafe fn register(&self, port: &Port, from: usize) -> *mut u8 {
        // SAFETY: within the scratch.
        unsafe { self.scratch.add(self.e.homes[port.entry] + from * self.e.compute.size()) }
    }

    /// What is done before the first tile.
    #[inline(always)]
    unsafe fn once(&mut self) {
        // SAFETY: as for `Engine::run_tiles`.
        unsafe {
            for (i, port) in self.e.ports[..self.e.inputs].iter().enumerate() {
                *self.loaded.add(i) = 0;
                if port.access == Access::Single {
                    self.splat(i, port);
                }
            }
            for instr in &self.e.program.once {
                instr.execute(self.table, slot_len(self.e.compute));
            }
        }
    }

    unsafe fn splat(&self, i: usize, port: &Port) {
        let block = Block { n0: slot_len(self.e.compute), s0: 0, n1: 1, s1: 0 };
        // SAFETY: as for `Engine::run_tiles`.
        unsafe {
            (port.load)(*self.table.add(port.entry), *self.places.add(i) as *const u8, &block);
        }
    }

    /// Runs the program on one tile of `n` elements: whole vectors in place, the rest through registers.
    #[inline(always)]
    unsafe fn tile(&mut self, n: usize) {
        let e = self.e;
        let lanes = slot_len(e.compute);
        let rest = n % lanes;
        let whole = n - rest;
        // SAFETY: as for `Engine::run_tiles`.
        unsafe {
            if !e.fetched.is_empty() && self.fetch(n) {
                e.program.per_tile.iter().for_each(|instr| instr.execute(self.table, lanes));
            }
            if e.program.body.is_empty() {
                return self.bind_in_place();
            }
            if whole > 0 {
                self.bind_in_place();
                e.program.body.iter().for_each(|instr| instr.execute(self.table, whole));
            }
            if rest > 0 {
                self.bind_rest(whole, rest);
                e.program.body.iter().for_each(|instr| instr.execute(self.table, lanes));
                self.finish_rest(whole, rest);
            }
            if self.store && !e.scattered.is_empty() {
                self.scatter(n);
            }
        }
    }

    /// Brings copied inputs into their registers. True if one of rate `Tile` changed.
    unsafe fn fetch(&mut self, n: usize) -> bool {
        let mut changed = false;
        let same_n = std::mem::replace(&mut self.loaded_n, n) == n;
        // SAFETY: as for `Engine::run_tiles`.
        unsafe {
            for &i in &self.e.fetched {
                let port = &self.e.ports[i];
                let place = *self.places.add(i);
                let old = std::mem::replace(&mut *self.loaded.add(i), place);
                if port.access == Access::Constant {
                    if old != place {
                        self.splat(i, port);
                        changed = true;
                    }
                } else if old != place || !same_n {
                    let register = self.register(port, 0);
                    port.dims.each(n / self.e.tiling.inner, |offset, before, block| {
                        let to = register.add(before * self.e.compute.size());
                        (port.load)(to, (place + offset) as *const u8, block);
                    });
                }
            }
        }
        changed
    }

    /// Binds what lies in place to memory.
    #[inline(always)]
    unsafe fn bind_in_place(&mut self) {
        // SAFETY: as for `Engine::run_tiles`.
        unsafe {
            for &i in &self.e.direct {
                *self.table.add(self.e.ports[i].entry) = *self.places.add(i) as *mut u8;
            }
            if self.store {
                for &i in &self.e.in_place {
                    *self.table.add(self.e.ports[i].entry) = *self.places.add(i) as *mut u8;
                }
            }
        }
    }

    /// Binds everything to registers for the elements after the first `whole`.
    unsafe fn bind_rest(&mut self, whole: usize, rest: usize) {
        let e = self.e;
        let size = e.compute.size();
        // SAFETY: as for `Engine::run_tiles`.
        unsafe {
            for &i in &e.direct {
                let port = &e.ports[i];
                let from = (*self.places.add(i) as *const u8).add(whole * size);
                let to = self.register(port, 0);
                std::ptr::copy_nonoverlapping(from, to, rest * size);
                *self.table.add(port.entry) = to;
            }
            let copied = |&&i: &&usize| e.ports[i].access == Access::Copied;
            for &i in e.fetched.iter().filter(copied).chain(&e.scattered) {
                *self.table.add(e.ports[i].entry) = self.register(&e.ports[i], whole);
            }
            for &i in &e.in_place {
                // A value that is not stored is to be found after the first `whole`.
                let from = if self.store { 0 } else { whole };
                *self.table.add(e.ports[i].entry) = self.register(&e.ports[i], from);
            }
        }
    }

    /// Undoes [`Frame::bind_rest`] and writes what it diverted.
    unsafe fn finish_rest(&mut self, whole: usize, rest: usize) {
        let e = self.e;
        let size = e.compute.size();
        // SAFETY: as for `Engine::run_tiles`.
        unsafe {
            let copied = |&&i: &&usize| e.ports[i].access == Access::Copied;
            for &i in e.fetched.iter().filter(copied).chain(&e.scattered).chain(&e.in_place) {
                *self.table.add(e.ports[i].entry) = self.register(&e.ports[i], 0);
            }
            if self.store {
                for &i in &e.in_place {
                    let to = (*self.places.add(i) as *mut u8).add(whole * size);
                    let from = self.register(&e.ports[i], 0);
                    std::ptr::copy_nonoverlapping(from, to, rest * size);
                }
            }
        }
    }

    unsafe fn scatter(&mut self, n: usize) {
        // SAFETY: as for `Engine::run_tiles`.
        unsafe {
            for &i in &self.e.scattered {
                let port = &self.e.ports[i];
                let (place, register) = (*self.places.add(i), self.register(port, 0));
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
