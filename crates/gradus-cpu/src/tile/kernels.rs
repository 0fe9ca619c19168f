//! The kernels a tile program is made of: one operation over a stretch of memory, for every operation, element
//! type, instruction set and choice of scalar operands.
#![allow(unsafe_op_in_unsafe_fn)] // under the contract of `Kernel`

use super::compile::Entry;
use super::fuse::Idiom;
use crate::lanes::{Choice, Form, InstructionSet, Isa, LoopForm, Numbers, Portable};
use gradus_base::DType;
use gradus_base::expr::Op;
use std::marker::PhantomData;

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
    match compute {
        DType::F32 => isa.choose(Coded::<f32>(code, scalars, PhantomData)),
        DType::F64 => isa.choose(Coded::<f64>(code, scalars, PhantomData)),
        DType::I64 => isa.choose(Coded::<i64>(code, scalars, PhantomData)),
        other => panic!("{other} is not a type one computes in"),
    }
}

/// The kernels of an operation that accumulates, over elements of the type one computes in.
pub(crate) struct Accumulate {
    /// `acc[i] = f(acc[i], x[i])` for i < n, any n; the two do not overlap.
    pub(crate) add: unsafe fn(acc: *mut u8, x: *const u8, n: usize),
    pub(crate) fold: unsafe fn(&Fold),
}

/// The middle axis of an accumulator [outside, size, inside] is folded in halves, and the results move together.
pub(crate) struct Fold {
    pub(crate) acc: *mut u8,
    pub(crate) outside: usize,
    pub(crate) size: usize,
    pub(crate) inside: usize,
}

/// The accumulating kernels for Add, Mul, Min or Max.
pub(crate) fn accumulate(isa: Isa, compute: DType, op: Op) -> Accumulate {
    match compute {
        DType::F32 => isa.choose(Accumulating::<f32>(op, PhantomData)),
        DType::F64 => isa.choose(Accumulating::<f64>(op, PhantomData)),
        _ => isa.choose(Accumulating::<i64>(op, PhantomData)),
    }
}

/// The choice of a kernel for a line, computed in T.
struct Coded<T>(Code, u8, PhantomData<T>);

impl<T: Computed> Choice for Coded<T> {
    type Output = Kernel;
    fn of<P: InstructionSet>(self) -> Kernel {
        pick::<T, P>(self.0, self.1)
    }
}

/// The choice of an accumulating kernel.
struct Accumulating<T>(Op, PhantomData<T>);

impl<T: Computed> Choice for Accumulating<T> {
    type Output = Accumulate;
    fn of<P: InstructionSet>(self) -> Accumulate {
        pick_accumulate::<T, P>(self.0)
    }
}

/// A type one computes in.
trait Computed {
    /// Some of it, in the vectors of P.
    type Lanes<P: InstructionSet>: Numbers;
}
impl Computed for f32 {
    type Lanes<P: InstructionSet> = P::F32;
}
impl Computed for f64 {
    type Lanes<P: InstructionSet> = P::F64;
}
impl Computed for i64 {
    type Lanes<P: InstructionSet> = Portable<i64, 4>;
}

/// A function of one, two or three arguments as a type, so that its kernel is compiled around it.
trait One {
    unsafe fn call<N: Numbers>(a: N) -> N;
}
trait Two {
    unsafe fn call<N: Numbers>(a: N, b: N) -> N;
}
trait Three {
    unsafe fn call<N: Numbers>(a: N, b: N, c: N) -> N;
}

/// A formula of several operands, of which those whose bits are set in `SCALARS` are one for all elements.
trait Formula {
    const ARGS: usize;
    const SCALARS: u8;
    unsafe fn call<N: Numbers>(x: [N; MAX_ARGS]) -> N;
}

/// The loops as forms: computed in T, around a function F, with S the scalars among the operands.
struct CopyForm<T, const SCALAR: bool>(PhantomData<T>);
struct OneForm<T, F>(PhantomData<(T, F)>);
struct TwoForm<T, F, const S: u8>(PhantomData<(T, F)>);
struct ThreeForm<T, F, const S: u8>(PhantomData<(T, F)>);
struct FormulaForm<T, F>(PhantomData<(T, F)>);
struct AccumulateForm<T, F>(PhantomData<(T, F)>);
struct FoldForm<T, F>(PhantomData<(T, F)>);

macro_rules! loops {
    ($($form:ty, [$($generics:tt)*] => $body:ident::<$($arg:ident),*>;)*) => {$(
        impl<$($generics)*> LoopForm for $form {
            type A = *const *mut u8;
            type B = *const Entry;
            #[inline(always)]
            unsafe fn run<P: InstructionSet>(table: Self::A, entries: Self::B, n: usize) {
                $body::<T::Lanes<P>, $($arg),*>(Operands { table, entries }, n)
            }
        }
    )*};
}
loops! {
    CopyForm<T, S>, [T: Computed, const S: bool] => body_copy::<S>;
    OneForm<T, F>, [T: Computed, F: One] => body_one::<F>;
    TwoForm<T, F, S>, [T: Computed, F: Two, const S: u8] => body_two::<F, S>;
    ThreeForm<T, F, S>, [T: Computed, F: Three, const S: u8] => body_three::<F, S>;
    FormulaForm<T, F>, [T: Computed, F: Formula] => body_formula::<F>;
}

impl<T: Computed, F: Two> LoopForm for AccumulateForm<T, F> {
    type A = *mut u8;
    type B = *const u8;
    #[inline(always)]
    unsafe fn run<P: InstructionSet>(acc: *mut u8, x: *const u8, n: usize) {
        accumulate_all::<T::Lanes<P>, F>(acc.cast(), x.cast(), n)
    }
}

impl<T: Computed, F: Two> Form for FoldForm<T, F> {
    type Work = Fold;
    #[inline(always)]
    unsafe fn run<P: InstructionSet>(fold: &Fold) {
        fold_all::<T::Lanes<P>, F>(fold)
    }
}

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
struct Operand<N: Numbers, const SCALAR: bool> {
    p: *const N::Scalar,
    value: N,
}
impl<N: Numbers, const SCALAR: bool> Operand<N, SCALAR> {
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
unsafe fn each<N: Numbers>(dst: *mut u8, n: usize, f: impl Fn(usize) -> N) {
    let dst = dst.cast::<N::Scalar>();
    let mut i = 0;
    while i < n {
        f(i).store(dst.add(i));
        i += N::LEN;
    }
}
#[inline(always)]
unsafe fn body_copy<N: Numbers, const SCALAR: bool>(o: Operands, n: usize) {
    let a = Operand::<N, SCALAR>::new(o.at(0));
    each::<N>(o.dst(), n, |i| a.at(i));
}
#[inline(always)]
unsafe fn body_one<N: Numbers, F: One>(o: Operands, n: usize) {
    let a = Operand::<N, false>::new(o.at(0));
    each::<N>(o.dst(), n, |i| F::call(a.at(i)));
}
#[inline(always)]
unsafe fn body_two<N: Numbers, F: Two, const S: u8>(o: Operands, n: usize) {
    match S {
        0 => both::<N, F, false, false>(o, n),
        1 => both::<N, F, true, false>(o, n),
        _ => both::<N, F, false, true>(o, n),
    }
}
#[inline(always)]
unsafe fn both<N: Numbers, F: Two, const A: bool, const B: bool>(o: Operands, n: usize) {
    let (a, b) = (Operand::<N, A>::new(o.at(0)), Operand::<N, B>::new(o.at(1)));
    each::<N>(o.dst(), n, |i| F::call(a.at(i), b.at(i)));
}
#[inline(always)]
unsafe fn body_three<N: Numbers, F: Three, const S: u8>(o: Operands, n: usize) {
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
unsafe fn all<N: Numbers, F: Three, const A: bool, const B: bool, const C: bool>(
    o: Operands,
    n: usize,
) {
    let (a, b) = (Operand::<N, A>::new(o.at(0)), Operand::<N, B>::new(o.at(1)));
    let c = Operand::<N, C>::new(o.at(2));
    each::<N>(o.dst(), n, |i| F::call(a.at(i), b.at(i), c.at(i)));
}
#[inline(always)]
unsafe fn body_formula<N: Numbers, F: Formula>(o: Operands, n: usize) {
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
unsafe fn fold_all<N: Numbers, F: Two>(fold: &Fold) {
    let Fold { outside, size, inside, .. } = *fold;
    let acc = fold.acc.cast::<N::Scalar>();
    for o in 0..outside {
        let block = acc.add(o * size * inside);
        let mut n = size;
        while n > 1 {
            let half = n.div_ceil(2);
            accumulate_all::<N, F>(block, block.add(half * inside), (n - half) * inside);
            n = half;
        }
        std::ptr::copy(block, acc.add(o * inside), inside);
    }
}
#[inline(always)]
unsafe fn accumulate_all<N: Numbers, F: Two>(acc: *mut N::Scalar, x: *const N::Scalar, n: usize) {
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

/// A function over [`Numbers`] as a type.
macro_rules! function {
    ($kind:ident, $method:ident, $($a:ident),*) => {{
        struct F;
        impl $kind for F {
            #[inline(always)]
            unsafe fn call<N: Numbers>($($a: N),*) -> N {
                N::$method($($a),*)
            }
        }
        F
    }};
}

fn one<T: Computed, P: InstructionSet, F: One>(_: F) -> Kernel {
    P::call_loop::<OneForm<T, F>>
}
fn two<T: Computed, P: InstructionSet, F: Two>(_: F, scalars: u8) -> Kernel {
    match scalars & 3 {
        0 => P::call_loop::<TwoForm<T, F, 0>>,
        1 => P::call_loop::<TwoForm<T, F, 1>>,
        2 => P::call_loop::<TwoForm<T, F, 2>>,
        _ => unreachable!("a line of scalars is a scalar"),
    }
}
fn three<T: Computed, P: InstructionSet, F: Three>(_: F, scalars: u8) -> Kernel {
    match scalars & 7 {
        0 => P::call_loop::<ThreeForm<T, F, 0>>,
        1 => P::call_loop::<ThreeForm<T, F, 1>>,
        2 => P::call_loop::<ThreeForm<T, F, 2>>,
        3 => P::call_loop::<ThreeForm<T, F, 3>>,
        4 => P::call_loop::<ThreeForm<T, F, 4>>,
        5 => P::call_loop::<ThreeForm<T, F, 5>>,
        6 => P::call_loop::<ThreeForm<T, F, 6>>,
        _ => unreachable!("a line of scalars is a scalar"),
    }
}

/// The kernel of an idiom: its formula in the arithmetic its lines would have had.
fn idiom<T: Computed, P: InstructionSet>(idiom: Idiom) -> Kernel {
    macro_rules! formula {
        ($args:literal, $scalars:literal, |$x:ident| $body:expr) => {{
            struct F;
            impl Formula for F {
                const ARGS: usize = $args;
                const SCALARS: u8 = $scalars;
                #[inline(always)]
                unsafe fn call<N: Numbers>($x: [N; MAX_ARGS]) -> N {
                    $body
                }
            }
            P::call_loop::<FormulaForm<T, F>>
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

fn pick<T: Computed, P: InstructionSet>(code: Code, s: u8) -> Kernel {
    macro_rules! one {
        ($m:ident) => {
            one::<T, P, _>(function!(One, $m, a))
        };
    }
    macro_rules! two {
        ($m:ident) => {
            two::<T, P, _>(function!(Two, $m, a, b), s)
        };
    }
    macro_rules! three {
        ($m:ident) => {
            three::<T, P, _>(function!(Three, $m, a, b, c), s)
        };
    }
    match code {
        Code::Copy if s & 1 == 1 => P::call_loop::<CopyForm<T, true>>,
        Code::Copy => P::call_loop::<CopyForm<T, false>>,
        Code::MulAdd => three!(mul_add),
        Code::MulSub => three!(mul_sub),
        Code::NegMulAdd => three!(neg_mul_add),
        Code::Idiom(what) => idiom::<T, P>(what),
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

fn pick_accumulate<T: Computed, P: InstructionSet>(op: Op) -> Accumulate {
    fn of<T: Computed, P: InstructionSet, F: Two>(_: F) -> Accumulate {
        Accumulate { add: P::call_loop::<AccumulateForm<T, F>>, fold: P::call::<FoldForm<T, F>> }
    }
    match op {
        Op::Add => of::<T, P, _>(function!(Two, add, a, b)),
        Op::Mul => of::<T, P, _>(function!(Two, mul, a, b)),
        Op::Min => of::<T, P, _>(function!(Two, min, a, b)),
        Op::Max => of::<T, P, _>(function!(Two, max, a, b)),
        other => panic!("{other:?} does not accumulate"),
    }
}
