//! The kernels a tile program is made of: one operation over a stretch of memory, for every operation, element
//! type, instruction set and choice of scalar operands.
#![allow(unsafe_op_in_unsafe_fn)] // under the contract of `Kernel`

use super::compile::Entry;
use super::fuse::Idiom;
use super::num::{Doubles, Floats, Ints, Num};
use crate::dispatch::Isa;
use crate::lanes;
use gradus_base::DType;
use gradus_base::expr::Op;

/// The most operands an instruction has.
pub(super) const MAX_ARGS: usize = 6;

/// `dst[i] = f(a[i], b[i], …)` for i < n. The table's entries that `entries` names, the destination's first, are where
/// they lie.
///
/// # Safety
/// n is a multiple of [`lanes`] and the operands hold n elements, or one if the kernel was chosen for a scalar.
/// `dst` may be an operand.
pub(super) type Kernel = unsafe fn(table: *const *mut u8, entries: *const Entry, n: usize);

/// What a kernel does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Code {
    /// A line of an expression.
    Line(Op),
    /// A copy.
    Copy,
    /// a·b + c
    MulAdd,
    /// a·b − c
    MulSub,
    /// c − a·b
    NegMulAdd,
    /// A formula with a kernel of its own.
    Idiom(Idiom),
}

/// Elements of the type in the registers of any path.
pub(super) fn lanes(compute: DType) -> usize {
    if compute == DType::F32 { 8 } else { 4 }
}

/// The kernel for `code`; bit i of `scalars` says that operand i is one element for all.
///
/// # Panics
/// If all operands of an operation with several are scalars, or `compute` is no type one computes in.
pub(super) fn kernel(isa: Isa, compute: DType, code: Code, scalars: u8) -> Kernel {
    #[cfg(target_arch = "x86_64")]
    if isa >= Isa::Avx2 {
        return match compute {
            DType::F32 => pick::<Floats<lanes::F32x8>, Avx2>(code, scalars),
            DType::F64 => pick::<Doubles<true>, Avx2>(code, scalars),
            DType::I64 => pick::<Ints, Avx2>(code, scalars),
            other => panic!("{other} is not a type one computes in"),
        };
    }
    let _ = isa;
    match compute {
        DType::F32 => pick::<Floats<lanes::Portable<f32, 8>>, Portable>(code, scalars),
        DType::F64 => pick::<Doubles<false>, Portable>(code, scalars),
        DType::I64 => pick::<Ints, Portable>(code, scalars),
        other => panic!("{other} is not a type one computes in"),
    }
}

/// `acc[i] = f(acc[i], x[i])` for i < n, any n; the two do not overlap.
pub(crate) type Accumulate = unsafe fn(acc: *mut u8, x: *const u8, n: usize);

/// The accumulating kernel for Add, Mul, Min or Max.
pub(crate) fn accumulate(isa: Isa, compute: DType, op: Op) -> Accumulate {
    #[cfg(target_arch = "x86_64")]
    if isa >= Isa::Avx2 {
        return match compute {
            DType::F32 => pick_accumulate::<Floats<lanes::F32x8>, Avx2>(op),
            DType::F64 => pick_accumulate::<Doubles<true>, Avx2>(op),
            _ => pick_accumulate::<Ints, Avx2>(op),
        };
    }
    let _ = isa;
    match compute {
        DType::F32 => pick_accumulate::<Floats<lanes::Portable<f32, 8>>, Portable>(op),
        DType::F64 => pick_accumulate::<Doubles<false>, Portable>(op),
        _ => pick_accumulate::<Ints, Portable>(op),
    }
}

/// A function of one, two or three arguments as a type, so that its kernel is compiled around it.
trait One {
    unsafe fn call<N: Num>(a: N) -> N;
}
trait Two {
    unsafe fn call<N: Num>(a: N, b: N) -> N;
}
trait Three {
    unsafe fn call<N: Num>(a: N, b: N, c: N) -> N;
}

/// A formula of several operands, of which those whose bits are set in `SCALARS` are one for all elements.
trait Formula {
    const ARGS: usize;
    const SCALARS: u8;
    unsafe fn call<N: Num>(x: [N; MAX_ARGS]) -> N;
}

/// The kernels compiled for an instruction set.
trait Path {
    fn copy<N: Num, const SCALAR: bool>() -> Kernel;
    fn one<N: Num, F: One>() -> Kernel;
    fn two<N: Num, F: Two, const S: u8>() -> Kernel;
    fn three<N: Num, F: Three, const S: u8>() -> Kernel;
    fn formula<N: Num, F: Formula>() -> Kernel;
    fn accumulate<N: Num, F: Two>() -> Accumulate;
}

macro_rules! path {
    ($path:ident, $module:ident $(, $features:literal)?) => {
        struct $path;
        mod $module {
            use super::*;
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn copy<N: Num, const SCALAR: bool>(
                table: *const *mut u8,
                entries: *const Entry,
                n: usize,
            ) {
                body_copy::<N, SCALAR>(Operands { table, entries }, n)
            }
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn one<N: Num, F: One>(
                table: *const *mut u8,
                entries: *const Entry,
                n: usize,
            ) {
                body_one::<N, F>(Operands { table, entries }, n)
            }
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn two<N: Num, F: Two, const S: u8>(
                table: *const *mut u8,
                entries: *const Entry,
                n: usize,
            ) {
                body_two::<N, F, S>(Operands { table, entries }, n)
            }
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn three<N: Num, F: Three, const S: u8>(
                table: *const *mut u8,
                entries: *const Entry,
                n: usize,
            ) {
                body_three::<N, F, S>(Operands { table, entries }, n)
            }
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn formula<N: Num, F: Formula>(
                table: *const *mut u8,
                entries: *const Entry,
                n: usize,
            ) {
                body_formula::<N, F>(Operands { table, entries }, n)
            }
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn accumulate<N: Num, F: Two>(a: *mut u8, x: *const u8, n: usize) {
                body_accumulate::<N, F>(a.cast(), x.cast(), n)
            }
        }
        impl Path for $path {
            fn copy<N: Num, const SCALAR: bool>() -> Kernel {
                $module::copy::<N, SCALAR>
            }
            fn one<N: Num, F: One>() -> Kernel {
                $module::one::<N, F>
            }
            fn two<N: Num, F: Two, const S: u8>() -> Kernel {
                $module::two::<N, F, S>
            }
            fn three<N: Num, F: Three, const S: u8>() -> Kernel {
                $module::three::<N, F, S>
            }
            fn formula<N: Num, F: Formula>() -> Kernel {
                $module::formula::<N, F>
            }
            fn accumulate<N: Num, F: Two>() -> Accumulate {
                $module::accumulate::<N, F>
            }
        }
    };
}
path!(Portable, portable);
#[cfg(target_arch = "x86_64")]
path!(Avx2, avx2, "avx2,fma,f16c");

/// Where a kernel reads and writes.
#[derive(Clone, Copy)]
struct Operands {
    table: *const *mut u8,
    entries: *const Entry,
}
impl Operands {
    #[inline(always)]
    unsafe fn dst(self) -> *mut u8 {
        *self.table.add(*self.entries as usize)
    }
    /// Operand `i`.
    #[inline(always)]
    unsafe fn at(self, i: usize) -> *const u8 {
        *self.table.add(*self.entries.add(1 + i) as usize)
    }
}

/// An operand of a loop: a scalar stays in its register.
#[derive(Clone, Copy)]
struct Operand<N: Num, const SCALAR: bool> {
    p: *const N::Scalar,
    value: N,
}
impl<N: Num, const SCALAR: bool> Operand<N, SCALAR> {
    #[inline(always)]
    unsafe fn new(p: *const u8) -> Self {
        let p = p.cast::<N::Scalar>();
        // A vector operand's value is replaced before it is used.
        Operand { p, value: if SCALAR { N::splat(*p) } else { N::load(p) } }
    }
    #[inline(always)]
    unsafe fn at(&self, i: usize) -> N {
        if SCALAR { self.value } else { N::load(self.p.add(i)) }
    }
}

#[inline(always)]
unsafe fn each<N: Num>(dst: *mut u8, n: usize, f: impl Fn(usize) -> N) {
    let dst = dst.cast::<N::Scalar>();
    let mut i = 0;
    while i < n {
        f(i).store(dst.add(i));
        i += N::LEN;
    }
}
#[inline(always)]
unsafe fn body_copy<N: Num, const SCALAR: bool>(o: Operands, n: usize) {
    let a = Operand::<N, SCALAR>::new(o.at(0));
    each::<N>(o.dst(), n, |i| a.at(i));
}
#[inline(always)]
unsafe fn body_one<N: Num, F: One>(o: Operands, n: usize) {
    let a = Operand::<N, false>::new(o.at(0));
    each::<N>(o.dst(), n, |i| F::call(a.at(i)));
}
#[inline(always)]
unsafe fn body_two<N: Num, F: Two, const S: u8>(o: Operands, n: usize) {
    match S {
        0 => both::<N, F, false, false>(o, n),
        1 => both::<N, F, true, false>(o, n),
        _ => both::<N, F, false, true>(o, n),
    }
}
#[inline(always)]
unsafe fn both<N: Num, F: Two, const A: bool, const B: bool>(o: Operands, n: usize) {
    let (a, b) = (Operand::<N, A>::new(o.at(0)), Operand::<N, B>::new(o.at(1)));
    each::<N>(o.dst(), n, |i| F::call(a.at(i), b.at(i)));
}
#[inline(always)]
unsafe fn body_three<N: Num, F: Three, const S: u8>(o: Operands, n: usize) {
    match S {
        0 => all::<N, F, false, false, false>(o, n),
        1 => all::<N, F, true, false, false>(o, n),
        2 => all::<N, F, false, true, false>(o, n),
        3 => all::<N, F, true, true, false>(o, n),
        4 => all::<N, F, false, false, true>(o, n),
        5 => all::<N, F, true, false, true>(o, n),
        _ => all::<N, F, false, true, true>(o, n),
    }
}
#[inline(always)]
unsafe fn all<N: Num, F: Three, const A: bool, const B: bool, const C: bool>(
    o: Operands,
    n: usize,
) {
    let (a, b) = (Operand::<N, A>::new(o.at(0)), Operand::<N, B>::new(o.at(1)));
    let c = Operand::<N, C>::new(o.at(2));
    each::<N>(o.dst(), n, |i| F::call(a.at(i), b.at(i), c.at(i)));
}
#[inline(always)]
unsafe fn body_formula<N: Num, F: Formula>(o: Operands, n: usize) {
    let dst = o.dst().cast::<N::Scalar>();
    let first = o.at(0).cast::<N::Scalar>();
    let mut from = [first; MAX_ARGS];
    let mut x = [N::load(first); MAX_ARGS];
    for k in 0..F::ARGS {
        from[k] = o.at(k).cast();
        if F::SCALARS >> k & 1 == 1 {
            x[k] = N::splat(*from[k]);
        }
    }
    let mut i = 0;
    while i < n {
        for k in 0..F::ARGS {
            if F::SCALARS >> k & 1 == 0 {
                x[k] = N::load(from[k].add(i));
            }
        }
        F::call(x).store(dst.add(i));
        i += N::LEN;
    }
}
#[inline(always)]
unsafe fn body_accumulate<N: Num, F: Two>(acc: *mut N::Scalar, x: *const N::Scalar, n: usize) {
    let whole = n - n % N::LEN;
    let mut i = 0;
    while i < whole {
        F::call(N::load(acc.add(i)), N::load(x.add(i))).store(acc.add(i));
        i += N::LEN;
    }
    while i < n {
        // One element at a time, in the same arithmetic.
        let y = F::call(N::splat(*acc.add(i)), N::splat(*x.add(i)));
        let mut lanes = [*acc.add(i); 8];
        y.store(lanes.as_mut_ptr());
        *acc.add(i) = lanes[0];
        i += 1;
    }
}

/// A function over [`Num`] as a type.
macro_rules! function {
    ($kind:ident, $method:ident, $($a:ident),*) => {{
        struct F;
        impl $kind for F {
            #[inline(always)]
            unsafe fn call<N: Num>($($a: N),*) -> N {
                N::$method($($a),*)
            }
        }
        F
    }};
}

fn one<N: Num, P: Path, F: One>(_: F) -> Kernel {
    P::one::<N, F>()
}
fn two<N: Num, P: Path, F: Two>(_: F, scalars: u8) -> Kernel {
    match scalars & 3 {
        0 => P::two::<N, F, 0>(),
        1 => P::two::<N, F, 1>(),
        2 => P::two::<N, F, 2>(),
        _ => unreachable!("a line of scalars is a scalar"),
    }
}
fn three<N: Num, P: Path, F: Three>(_: F, scalars: u8) -> Kernel {
    match scalars & 7 {
        0 => P::three::<N, F, 0>(),
        1 => P::three::<N, F, 1>(),
        2 => P::three::<N, F, 2>(),
        3 => P::three::<N, F, 3>(),
        4 => P::three::<N, F, 4>(),
        5 => P::three::<N, F, 5>(),
        6 => P::three::<N, F, 6>(),
        _ => unreachable!("a line of scalars is a scalar"),
    }
}

/// The kernel of an idiom: its formula in the arithmetic its lines would have had.
fn idiom<N: Num, P: Path>(idiom: Idiom) -> Kernel {
    macro_rules! formula {
        ($args:literal, $scalars:literal, |$x:ident| $body:expr) => {{
            struct F;
            impl Formula for F {
                const ARGS: usize = $args;
                const SCALARS: u8 = $scalars;
                #[inline(always)]
                unsafe fn call<N: Num>($x: [N; MAX_ARGS]) -> N {
                    $body
                }
            }
            P::formula::<N, F>()
        }};
    }
    match idiom {
        Idiom::Blend => formula!(4, 0b1010, |x| x[0].mul_add(x[1], x[2].mul(x[3]))),
        Idiom::BlendSquare => {
            formula!(4, 0b1010, |x| x[0].mul_add(x[1], x[2].mul(x[2]).mul(x[3])))
        }
        Idiom::AdamStep => formula!(6, 0b110010, |x| {
            x[1].neg_mul_add(x[2].div(x[3].sqrt().mul_add(x[4], x[5])), x[0])
        }),
        Idiom::RootQuotient => formula!(3, 0b100, |x| x[0].div(x[1].sqrt().add(x[2]))),
        Idiom::Gate => formula!(4, 0b0110, |x| x[0].le(x[1]).select(x[2], x[3])),
        Idiom::GateSum => formula!(5, 0b00110, |x| x[0].le(x[1]).select(x[2], x[3].add(x[4]))),
        Idiom::Rectify => formula!(3, 0b100, |x| x[0].add(x[1]).max(x[2])),
        Idiom::RectifySum => formula!(4, 0b1000, |x| x[0].add(x[1]).add(x[2]).max(x[3])),
        Idiom::Clip => formula!(4, 0b1100, |x| x[0].add(x[1]).max(x[2]).min(x[3])),
    }
}

fn pick<N: Num, P: Path>(code: Code, s: u8) -> Kernel {
    macro_rules! one {
        ($m:ident) => {
            one::<N, P, _>(function!(One, $m, a))
        };
    }
    macro_rules! two {
        ($m:ident) => {
            two::<N, P, _>(function!(Two, $m, a, b), s)
        };
    }
    macro_rules! three {
        ($m:ident) => {
            three::<N, P, _>(function!(Three, $m, a, b, c), s)
        };
    }
    match code {
        Code::Copy if s & 1 == 1 => P::copy::<N, true>(),
        Code::Copy => P::copy::<N, false>(),
        Code::MulAdd => three!(mul_add),
        Code::MulSub => three!(mul_sub),
        Code::NegMulAdd => three!(neg_mul_add),
        Code::Idiom(what) => idiom::<N, P>(what),
        Code::Line(op) => match op {
            Op::Const(_) | Op::Input(_) => unreachable!("not operations"),
            Op::Neg => one!(neg),
            Op::Abs => one!(abs),
            Op::Sqrt => one!(sqrt),
            Op::Exp => one!(exp),
            Op::ExpM1 => one!(exp_m1),
            Op::Ln => one!(ln),
            Op::Ln1p => one!(ln_1p),
            Op::Sin => one!(sin),
            Op::Cos => one!(cos),
            Op::Atan => one!(atan),
            Op::Tanh => one!(tanh),
            Op::Logistic => one!(logistic),
            Op::Erf => one!(erf),
            Op::Floor => one!(floor),
            Op::Ceil => one!(ceil),
            Op::Round => one!(round),
            Op::Not => one!(not),
            Op::Add => two!(add),
            Op::Sub => two!(sub),
            Op::Mul => two!(mul),
            Op::Div => two!(div),
            Op::Min => two!(min),
            Op::Max => two!(max),
            Op::Pow => two!(pow),
            Op::Rem => two!(rem),
            Op::Quo => two!(quo),
            Op::Lt => two!(lt),
            Op::Le => two!(le),
            Op::Eq => two!(eq),
            Op::And => two!(and),
            Op::Or => two!(or),
            Op::Select => three!(select),
        },
    }
}

fn pick_accumulate<N: Num, P: Path>(op: Op) -> Accumulate {
    fn of<N: Num, P: Path, F: Two>(_: F) -> Accumulate {
        P::accumulate::<N, F>()
    }
    match op {
        Op::Add => of::<N, P, _>(function!(Two, add, a, b)),
        Op::Mul => of::<N, P, _>(function!(Two, mul, a, b)),
        Op::Min => of::<N, P, _>(function!(Two, min, a, b)),
        Op::Max => of::<N, P, _>(function!(Two, max, a, b)),
        other => panic!("{other:?} does not accumulate"),
    }
}
