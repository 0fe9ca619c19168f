//! The CPU kernels. Indices are checked first, then rows are moved; a scatter hands each thread destinations of its own.
#![allow(unsafe_code)]

use crate::ops::kernel::{around, chunks, grain, input, output};
use gradus_base::DType;
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_graph::Spec;

/// Elements a tile writes.
const TILE: usize = 1 << 14;

/// Both kernels see x and y as [outer, ·, inner] and the ids as [outer, m, inner], or [m] for all rows.
#[derive(Clone, Copy)]
struct Geometry {
    dtype: DType,
    outer: usize,
    inner: usize,
    /// How many indices per row.
    m: usize,
    /// The size of the axis they point into.
    n: usize,
    axis: usize,
    /// One list of indices for all rows.
    shared: bool,
}

impl Geometry {
    fn ids(&self) -> usize {
        if self.shared { self.m } else { self.outer * self.m * self.inner }
    }

    /// The index of (outer, j, inner).
    #[inline(always)]
    fn id(&self, ids: &[i64], o: usize, j: usize, i: usize) -> usize {
        let at = if self.shared { j } else { (o * self.m + j) * self.inner + i };
        ids[at] as usize
    }

    /// Reports the first index outside the axis; false if there is one.
    fn check(&self, ids: &[i64], args: &Args<'_>) -> bool {
        let bad = ids.iter().position(|&id| id as u64 >= self.n as u64);
        if let Some(at) = bad {
            args.fail(|| {
                let (id, n, axis) = (ids[at], self.n, self.axis);
                format!("index {id} at position {at} is outside axis {axis}, whose size is {n}")
            });
        }
        bad.is_none()
    }
}

struct Gather(Geometry, Touches);
struct ScatterAdd(Geometry, Touches);

pub(super) fn gather(axis: usize, spec: &Spec) -> Box<dyn Kernel> {
    let (x, y) = (&spec.inputs[0], &spec.outputs[0]);
    Box::new(Gather(geometry(axis, spec, y.view.shape[axis], x.view.shape[axis]), spec.touches()))
}

pub(super) fn scatter_add(axis: usize, spec: &Spec) -> Box<dyn Kernel> {
    let (x, y) = (&spec.inputs[0], &spec.outputs[0]);
    Box::new(ScatterAdd(
        geometry(axis, spec, x.view.shape[axis], y.view.shape[axis]),
        spec.touches(),
    ))
}

fn geometry(axis: usize, spec: &Spec, m: usize, n: usize) -> Geometry {
    let x = &spec.inputs[0];
    let [outer, _, inner] = around(&x.view.shape, axis);
    let shared = spec.inputs[1].view.shape.rank() == 1;
    Geometry { dtype: x.dtype, outer, inner, m, n, axis, shared }
}

// SAFETY: inputs and output are dense: x of outer·n·inner elements, y of outer·m·inner, as many ids as `ids` says.
unsafe impl Kernel for Gather {
    fn touches(&self) -> &Touches {
        &self.1
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: moving bits needs only the element's size; see above.
        unsafe {
            match self.0.dtype.size() {
                1 => self.pick::<u8>(args),
                2 => self.pick::<u16>(args),
                4 => self.pick::<u32>(args),
                8 => self.pick::<u64>(args),
                size => unreachable!("no element has {size} bytes"),
            }
        }
    }
}

impl Gather {
    unsafe fn pick<T: Copy + Send + Sync>(&self, args: &Args<'_>) {
        let g = self.0;
        let Geometry { outer, inner, m, n, .. } = g;
        // SAFETY: as `launch`.
        let (x, ids, y) = unsafe {
            let x: &[T] = input(args, 0, outer * n * inner);
            (x, input::<i64>(args, 1, g.ids()), output::<T>(args, 0, outer * m * inner))
        };
        if !g.check(ids, args) {
            return;
        }
        let rows = grain(TILE, inner);
        chunks(y, rows * inner, |tile, y| {
            let (mut o, mut j) = (tile * rows / m, tile * rows % m);
            for y in y.chunks_exact_mut(inner) {
                let x = &x[o * n * inner..][..n * inner];
                if g.shared && inner > 1 {
                    y.copy_from_slice(&x[g.id(ids, o, j, 0) * inner..][..inner]);
                } else {
                    for (i, y) in y.iter_mut().enumerate() {
                        *y = x[g.id(ids, o, j, i) * inner + i];
                    }
                }
                j += 1;
                if j == m {
                    (o, j) = (o + 1, 0);
                }
            }
        });
    }
}

// SAFETY: inputs and output are dense: x of outer·m·inner elements, y of outer·n·inner, as many ids as `ids` says.
unsafe impl Kernel for ScatterAdd {
    fn touches(&self) -> &Touches {
        &self.1
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.0.dtype {
                DType::F64 => self.add::<f64>(args),
                DType::F32 => self.add::<f32>(args),
                DType::I32 => self.add::<i32>(args),
                DType::I64 => self.add::<i64>(args),
                dtype => unreachable!("{dtype} is cast or refused"),
            }
        }
    }
}

impl ScatterAdd {
    unsafe fn add<T: Sum>(&self, args: &Args<'_>) {
        let g = self.0;
        let Geometry { outer, inner, m, n, .. } = g;
        // SAFETY: as `launch`.
        let (x, ids, y) = unsafe {
            let x: &[T] = input(args, 0, outer * m * inner);
            (x, input::<i64>(args, 1, g.ids()), output::<T>(args, 0, outer * n * inner))
        };
        if !g.check(ids, args) || y.is_empty() {
            return;
        }
        // Every tile owns some destinations and walks all indices of its row of slabs, adding those that are its own.
        if outer == 1 {
            let own = grain(TILE, inner);
            chunks(y, own * inner, |tile, y| g.collect(0, tile * own, x, ids, y));
        } else {
            let slabs = grain(TILE, n * inner);
            chunks(y, slabs * n * inner, |tile, y| {
                for (o, y) in (tile * slabs..).zip(y.chunks_exact_mut(n * inner)) {
                    g.collect(o, 0, x, ids, y);
                }
            });
        }
    }
}

impl Geometry {
    /// Fills the destinations from `first` on, of slab `o`, in the order of the indices.
    fn collect<T: Sum>(&self, o: usize, first: usize, x: &[T], ids: &[i64], y: &mut [T]) {
        let inner = self.inner;
        let own = y.len() / inner;
        y.fill(T::ZERO);
        for j in 0..self.m {
            let x = &x[(o * self.m + j) * inner..][..inner];
            if self.shared {
                let at = self.id(ids, o, j, 0).wrapping_sub(first);
                if at < own {
                    y[at * inner..][..inner].iter_mut().zip(x).for_each(|(y, &x)| *y = y.plus(x));
                }
                continue;
            }
            for (i, &x) in x.iter().enumerate() {
                let at = self.id(ids, o, j, i).wrapping_sub(first);
                if at < own {
                    y[at * inner + i] = y[at * inner + i].plus(x);
                }
            }
        }
    }
}

/// What can be summed; integers wrap.
trait Sum: Copy + Send + Sync {
    const ZERO: Self;
    fn plus(self, x: Self) -> Self;
}
macro_rules! sum {
    ($($t:ty, $add:expr;)*) => {$(
        impl Sum for $t {
            const ZERO: $t = 0 as $t;
            #[inline(always)]
            fn plus(self, x: $t) -> $t {
                $add(self, x)
            }
        }
    )*};
}
sum!(f32, std::ops::Add::add; f64, std::ops::Add::add; i32, i32::wrapping_add; i64, i64::wrapping_add;);
