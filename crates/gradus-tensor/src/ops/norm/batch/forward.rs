//! y = (x − mean)·scale + b, scale = w/√(var + ε), and what rides on it, stretch by stretch.
#![allow(unsafe_code)]

use super::walk::{Walk, affine, is_f64};
use super::write::{Formula, Tile};
use crate::ops::kernel::{chunks_backwards, input, output, workspace};
use crate::ops::lanes::{Isa, Task, on};
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_base::{DType, Element, Expr, Real, View};
use gradus_cpu::lanes::{Lanes, Numbers, Scalar};
use gradus_cpu::{Epilogue, RowEpilogue, RowLoop};
use gradus_graph::{self as graph, Layouts, Meta, Spec, Strategy};

/// Elements a task writes, about.
const TILE: usize = 1 << 14;
/// Elements that stay in the first-level cache until what rides on them is done.
const PIECE: usize = 1 << 11;

/// What rides on the normalisation.
enum Ride {
    Nothing,
    /// + another tensor if `sum`, then ReLU if `relu`: in the same loop.
    Known {
        sum: bool,
        relu: bool,
    },
    /// Anything else, over each piece while it is in the cache.
    Loop(Box<RowLoop>),
}

/// How the CPU does it.
pub(super) struct OnCpu(pub f64);

impl Strategy for OnCpu {
    fn layout_choices(&self, inputs: &[Meta], outputs: &[Meta]) -> Vec<Layouts> {
        super::walk::layouts(inputs, outputs)
    }

    fn accepts_epilogue(&self, spec: &Spec) -> bool {
        accepts_epilogue(spec)
    }

    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel> {
        kernel(self.0, spec)
    }
}

struct Forward {
    walk: Walk,
    eps: f64,
    f64: bool,
    ride: Ride,
    touches: Touches,
}

fn kernel(eps: f64, spec: &Spec) -> Box<dyn Kernel> {
    let dtype = spec.inputs[0].dtype;
    let ride = spec.epilogue.as_ref().map_or(Ride::Nothing, |e| ride(e, dtype, spec));
    Box::new(Forward {
        walk: Walk::of(spec),
        eps,
        f64: is_f64(dtype),
        ride,
        touches: spec.touches(),
    })
}

fn ride(epilogue: &graph::Epilogue, dtype: DType, spec: &Spec) -> Ride {
    let extra = &spec.inputs[INPUTS..];
    let strides: Vec<isize> =
        extra.iter().map(|s| stride(spec, &s.view).expect("accepted before")).collect();
    let fits = extra.iter().all(|s| s.dtype == dtype) && strides.iter().all(|&s| s == 1);
    if let Some((sum, relu)) = known(&epilogue.expr).filter(|_| fits) {
        return Ride::Known { sum, relu };
    }
    let extra = extra.iter().zip(strides).map(|(s, stride)| (s.dtype, 0, stride));
    let inputs: Vec<_> = std::iter::once((dtype, 0, 1)).chain(extra).collect();
    Ride::Loop(Box::new(RowLoop::new(&epilogue.expr, dtype, &inputs)))
}

/// Whether the expression is a ReLU, a sum, or a ReLU of a sum: (sum, relu).
fn known(expr: &Expr) -> Option<(bool, bool)> {
    let relu = |x: gradus_base::expr::Sym| x.max(Real::constant(0.0));
    let is = |inputs, f: fn(_, _) -> _, last: &dyn Fn(_) -> _| {
        *expr == Expr::trace(inputs, |x| vec![last(f(x[0], x[inputs - 1]))])
    };
    let (left, right) = (|a, b| a + b, |a, b| b + a);
    if is(1, |x, _| x, &relu) {
        Some((false, true))
    } else if is(2, left, &|x| x) || is(2, right, &|x| x) {
        Some((true, false))
    } else {
        (is(2, left, &relu) || is(2, right, &relu)).then_some((true, true))
    }
}

/// x, w, b, mean, var.
const INPUTS: usize = 5;

/// All elements are one row to what rides along: it may read what lies as y does, and single numbers.
fn accepts_epilogue(spec: &Spec) -> bool {
    spec.inputs[INPUTS..].iter().all(|s| stride(spec, &s.view).is_some())
}

/// From one element of y in memory to the next, in another tensor.
fn stride(spec: &Spec, view: &View) -> Option<isize> {
    let y = &spec.outputs[0].view;
    let moves = || (0..y.shape.rank()).filter(|&a| y.shape[a] != 1);
    if moves().all(|a| view.strides[a] == y.strides[a]) {
        Some(1)
    } else {
        moves().all(|a| view.strides[a] == 0).then_some(0)
    }
}

// SAFETY: x and y are dense in the walk's order, so is what rides along or it is a single number; w, b, mean and variance
// are dense, one number per channel.
unsafe impl Kernel for Forward {
    fn idioms(&self) -> &[&'static str] {
        match &self.ride {
            Ride::Known { sum: false, relu: true } => &["ReLU"],
            Ride::Known { sum: true, relu: false } => &["shortcut"],
            Ride::Known { .. } => &["shortcut and ReLU"],
            Ride::Loop(rows) => rows.idioms(),
            Ride::Nothing => &[],
        }
    }

    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.f64 {
                true => self.normalize::<f64>(args),
                false => self.normalize::<f32>(args),
            }
        }
    }

    fn workspace(&self) -> usize {
        3 * self.walk.columns() * if self.f64 { 8 } else { 4 }
    }

    /// What rides along.
    fn algorithm(&self) -> &str {
        match &self.ride {
            Ride::Nothing => "",
            Ride::Known { sum: true, relu: true } => "sum, relu",
            Ride::Known { sum: true, .. } => "sum",
            Ride::Known { .. } => "relu",
            Ride::Loop(_) => "loop",
        }
    }
}

impl Forward {
    /// # Safety
    /// As `launch`; x, w, b and y hold `T`.
    unsafe fn normalize<T: Scalar + Element>(&self, args: &Args<'_>) {
        let walk = self.walk;
        let (all, channels, columns) = (walk.elements(), walk.channels(), walk.columns());
        // SAFETY: the caller's promise.
        let (x, w, b, mean, variance, y, numbers) = unsafe {
            let [w, b] = [1, 2].map(|i| input::<T>(args, i, channels));
            let [mean, variance] = [3, 4].map(|i| input::<f64>(args, i, channels));
            let (x, y) = (input::<T>(args, 0, all), output::<T>(args, 0, all));
            (x, w, b, mean, variance, y, workspace::<T>(args, 3 * columns))
        };
        let each = affine(walk, self.eps, [w, b], [mean, variance], numbers);
        let (mut other, mut hook) = (x, None);
        // SAFETY: what rides along lies as y does.
        unsafe {
            match &self.ride {
                Ride::Known { sum: true, .. } => other = input::<T>(args, INPUTS, all),
                Ride::Loop(l) => hook = Some(l.bind_inputs(&args.inputs()[INPUTS - 1..])),
                _ => {}
            }
        }
        let hook = hook.as_ref();
        let isa = Isa::current();
        let tile = TILE.next_multiple_of(columns);
        chunks_backwards(y, tile, |i, y| {
            let from = i * tile;
            let [x, other] = [x, other].map(|t| &t[from..][..y.len()]);
            let tile = Tile { walk, from, a: x, b: other, out: y, each };
            match self.ride {
                Ride::Known { sum: true, relu: true } => on(isa, Riding::<T, true, true>(tile)),
                Ride::Known { sum: true, .. } => on(isa, Riding::<T, true, false>(tile)),
                Ride::Known { .. } => on(isa, Riding::<T, false, true>(tile)),
                _ => on(isa, Hooked(tile, hook)),
            }
        });
    }
}

/// A tile with a sum and a ReLU.
struct Riding<'a, T, const SUM: bool, const RELU: bool>(Tile<'a, T, 3>);

impl<T: Scalar, const SUM: bool, const RELU: bool> Task for Riding<'_, T, SUM, RELU> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        self.0.write::<V, Normal<SUM, RELU>>();
    }
}

/// A tile with whatever comes after it.
struct Hooked<'a, T>(Tile<'a, T, 3>, Option<&'a RowEpilogue<'a>>);

impl<T: Scalar + Element> Task for Hooked<'_, T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        let Hooked(tile, Some(hook)) = self else {
            return self.0.write::<V, Normal<false, false>>();
        };
        let piece = PIECE.next_multiple_of(tile.walk.columns());
        let mut from = tile.from;
        for (a, out) in tile.a.chunks(piece).zip(tile.out.chunks_mut(piece)) {
            Tile { from, a, b: a, out: &mut *out, ..tile }.write::<V, Normal<false, false>>();
            // SAFETY: y is written here alone; what rides along has as many elements.
            unsafe { Epilogue::<T>::apply(hook, 0, from, out.as_mut_ptr(), out.len()) }
            from += out.len();
        }
    }
}

/// A normalised element of x and what rides on it.
pub(in crate::ops::norm) struct Normal<const SUM: bool, const RELU: bool>;

impl<const SUM: bool, const RELU: bool> Formula<3> for Normal<SUM, RELU> {
    #[inline(always)]
    fn of<V: Lanes>(x: V, other: V, [middle, scale, shift]: [V; 3]) -> V {
        let y = x.sub(middle).mul(scale).add(shift);
        let y = if SUM { y.add(other) } else { y };
        if RELU { y.where_positive(y) } else { y }
    }
}
