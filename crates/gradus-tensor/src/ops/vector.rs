//! Vectors of f32 or f64 for the loops over memory: a kernel is written once over [`Vector`], `#[inline(always)]`, and
//! runs behind a function of its instruction set. Products and sums are not fused outside the exponential, so all else has
//! the same bits on every path.
#![allow(unsafe_code)]

use super::series::Series;
use gradus_cpu::Isa;
use gradus_cpu::lanes::{self, InstructionSet};

/// Elements of a vector at most.
pub(crate) const MOST: usize = 8;

/// Some elements side by side.
pub(crate) trait Vector: Copy {
    type Element: Series;
    /// How many.
    const LEN: usize;
    /// # Safety
    /// `LEN` elements lie at `p`; the machine has the type's instruction set.
    unsafe fn load(p: *const Self::Element) -> Self;
    /// # Safety
    /// There is room for `LEN` elements at `p`.
    unsafe fn store(self, p: *mut Self::Element);
    /// # Safety
    /// The machine has the type's instruction set.
    unsafe fn splat(x: Self::Element) -> Self;
    fn add(self, b: Self) -> Self;
    fn sub(self, b: Self) -> Self;
    fn mul(self, b: Self) -> Self;
    fn div(self, b: Self) -> Self;
    fn sqrt(self) -> Self;
    /// self > b ? self : b
    fn greater(self, b: Self) -> Self;
    /// self where `by` is not ≤ 0, else 0.
    fn where_positive(self, by: Self) -> Self;
    /// eˣ for x ≤ 0, as [`Series::exp_series`].
    fn exp(self) -> Self;

    /// The first `n` elements, `fill` behind them.
    ///
    /// # Safety
    /// As `load`, of `n` elements, at most `LEN`.
    #[inline(always)]
    unsafe fn load_first(p: *const Self::Element, n: usize, fill: Self::Element) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            if n == Self::LEN {
                return Self::load(p);
            }
            let mut lanes = [fill; MOST];
            for i in 0..n {
                lanes[i] = *p.add(i);
            }
            Self::load(lanes.as_ptr())
        }
    }
    /// The first `n` elements.
    ///
    /// # Safety
    /// As `store`, of `n` elements, at most `LEN`.
    #[inline(always)]
    unsafe fn store_first(self, p: *mut Self::Element, n: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            if n == Self::LEN {
                return self.store(p);
            }
            let lanes = self.lanes();
            for i in 0..n {
                *p.add(i) = lanes[i];
            }
        }
    }
    /// The lanes, in the beginning of an array.
    #[inline(always)]
    fn lanes(self) -> [Self::Element; MOST] {
        const { assert!(Self::LEN <= MOST && Self::LEN.is_power_of_two()) }
        let mut lanes = [Self::Element::ZERO; MOST];
        // SAFETY: there is room for all lanes.
        unsafe { self.store(lanes.as_mut_ptr()) }
        lanes
    }
    /// Each lane by a function of f64.
    #[inline(always)]
    fn each_wide(self, f: impl Fn(f64) -> f64) -> Self {
        let lanes = self.lanes().map(|x| Self::Element::of(f(x.wide())));
        // SAFETY: a vector was made before.
        unsafe { Self::load(lanes.as_ptr()) }
    }
    /// The lanes' sum, in pairs.
    #[inline(always)]
    fn sum(self) -> Self::Element {
        self.fold(|a, b| a + b)
    }
    /// The lanes taken together in pairs.
    #[inline(always)]
    fn fold(self, f: impl Fn(Self::Element, Self::Element) -> Self::Element) -> Self::Element {
        let mut lanes = self.lanes();
        let mut half = Self::LEN / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] = f(lanes[i], lanes[i + half]);
            }
            half /= 2;
        }
        lanes[0]
    }
}

/// The vectors `at` elements after each pointer. A loop, as are all that make vectors: a closure would be a function without
/// the instruction set, and each of its operations a call.
///
/// # Safety
/// As [`Vector::load`].
#[inline(always)]
pub(crate) unsafe fn load_each<V: Vector, const K: usize>(
    from: [*const V::Element; K],
    at: usize,
) -> [V; K] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut all = [V::splat(V::Element::ZERO); K];
        for k in 0..K {
            all[k] = V::load(from[k].wrapping_add(at));
        }
        all
    }
}

/// A vector of each number.
///
/// # Safety
/// As [`Vector::splat`].
#[inline(always)]
pub(crate) unsafe fn splat_each<V: Vector, const K: usize>(from: [V::Element; K]) -> [V; K] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut all = [V::splat(V::Element::ZERO); K];
        for k in 0..K {
            all[k] = V::splat(from[k]);
        }
        all
    }
}

/// An array: on any machine.
#[derive(Clone, Copy)]
pub(crate) struct Plain<T, const N: usize>([T; N]);

/// One element, for what is left over.
pub(crate) type One<T> = Plain<T, 1>;

impl<T: Series, const N: usize> Plain<T, N> {
    #[inline(always)]
    fn zip(self, b: Self, f: impl Fn(T, T) -> T) -> Self {
        Plain(std::array::from_fn(|i| f(self.0[i], b.0[i])))
    }
}

impl<T: Series, const N: usize> Vector for Plain<T, N> {
    type Element = T;
    const LEN: usize = N;
    #[inline(always)]
    unsafe fn load(p: *const T) -> Self {
        // SAFETY: the caller's promise; an array has its element's alignment.
        Plain(unsafe { *p.cast() })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut T) {
        // SAFETY: the caller's promise.
        unsafe { *p.cast() = self.0 }
    }
    #[inline(always)]
    unsafe fn splat(x: T) -> Self {
        Plain([x; N])
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        self.zip(b, |x, y| x + y)
    }
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        self.zip(b, |x, y| x - y)
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        self.zip(b, |x, y| x * y)
    }
    #[inline(always)]
    fn div(self, b: Self) -> Self {
        self.zip(b, |x, y| x / y)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Plain(self.0.map(T::square_root))
    }
    #[inline(always)]
    fn greater(self, b: Self) -> Self {
        self.zip(b, |x, y| if x > y { x } else { y })
    }
    #[inline(always)]
    fn where_positive(self, by: Self) -> Self {
        self.zip(by, |x, by| if by <= T::ZERO { T::ZERO } else { x })
    }
    #[inline(always)]
    fn exp(self) -> Self {
        Plain(self.0.map(T::exp_series))
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx;
#[cfg(not(target_arch = "x86_64"))]
pub(crate) type Avx = Plain<f32, 8>;

#[cfg(target_arch = "x86_64")]
mod avx2 {
    //! SAFETY of all: a vector is made by `load` and `splat` only, which ask for the instruction set.
    #![allow(clippy::undocumented_unsafe_blocks)]

    use super::Vector;
    use crate::ops::series::FACTORIALS;
    use std::arch::x86_64::*;

    /// Eight f32 in a 256-bit register.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx(__m256);

    /// `MASK[8 - n..]` begins with n set lanes.
    static MASK: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

    macro_rules! each {
        ($($name:ident($a:ident $(, $b:ident)*) = $body:expr;)*) => {$(
            #[inline(always)]
            fn $name(self $(, $b: Self)*) -> Self {
                let $a = self.0;
                $(let $b = $b.0;)*
                Avx(unsafe { $body })
            }
        )*};
    }

    impl Vector for Avx {
        type Element = f32;
        const LEN: usize = 8;
        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self {
            Avx(unsafe { _mm256_loadu_ps(p) })
        }
        #[inline(always)]
        unsafe fn store(self, p: *mut f32) {
            unsafe { _mm256_storeu_ps(p, self.0) }
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            Avx(unsafe { _mm256_set1_ps(x) })
        }
        #[inline(always)]
        unsafe fn load_first(p: *const f32, n: usize, fill: f32) -> Self {
            unsafe {
                let mask = _mm256_loadu_si256(MASK.as_ptr().add(8 - n).cast());
                let x = _mm256_maskload_ps(p, mask);
                let mask = _mm256_castsi256_ps(mask);
                Avx(_mm256_blendv_ps(_mm256_set1_ps(fill), x, mask))
            }
        }
        each! {
            add(a, b) = _mm256_add_ps(a, b);
            sub(a, b) = _mm256_sub_ps(a, b);
            mul(a, b) = _mm256_mul_ps(a, b);
            div(a, b) = _mm256_div_ps(a, b);
            sqrt(a) = _mm256_sqrt_ps(a);
            greater(a, b) = _mm256_max_ps(a, b);
            where_positive(a, by) = _mm256_and_ps(a, _mm256_cmp_ps::<_CMP_NLE_UQ>(by, _mm256_setzero_ps()));
        }
        /// What `Series::exp_series` does, with fused products.
        #[inline(always)]
        fn exp(self) -> Self {
            unsafe {
                let round = _mm256_set1_ps(1.5 * (1u64 << 23) as f32);
                let scale = _mm256_set1_ps(std::f32::consts::LOG2_E);
                let shifted = _mm256_fmadd_ps(self.0, scale, round);
                let k = _mm256_sub_ps(shifted, round);
                let r = _mm256_fnmadd_ps(k, _mm256_set1_ps(0.693_145_75), self.0);
                let r = _mm256_fnmadd_ps(k, _mm256_set1_ps(1.428_606_8e-6), r);
                let mut sum = _mm256_set1_ps(FACTORIALS[7] as f32);
                for n in (0..7).rev() {
                    sum = _mm256_fmadd_ps(sum, r, _mm256_set1_ps(FACTORIALS[n] as f32));
                }
                let power = _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted));
                let bias = _mm256_set1_epi32(1f32.to_bits() as i32);
                let power = _mm256_castsi256_ps(_mm256_add_epi32(power, bias));
                let small = _mm256_cmp_ps::<_CMP_LT_OQ>(self.0, _mm256_set1_ps(-87.0));
                Avx(_mm256_andnot_ps(small, _mm256_mul_ps(sum, power)))
            }
        }
    }
}

/// A piece of work on elements of one type. `compute`, and what it calls, is `#[inline(always)]`, so that it becomes part of
/// the function of its instruction set.
pub(crate) trait Task {
    type Element: Series;
    fn compute<V: Vector<Element = Self::Element>>(self);
}

/// A task on the fast vectors.
struct Fast<K>(K);

impl<K: Task> lanes::Task for Fast<K> {
    type Output = ();
    #[inline(always)]
    fn run<P: InstructionSet>(self) {
        self.0.compute::<<K::Element as Series>::Fast>();
    }
}

/// Runs a task on a path.
#[inline]
pub(crate) fn on<K: Task>(isa: Isa, task: K) {
    if isa == Isa::PORTABLE { task.compute::<Plain<K::Element, 8>>() } else { isa.run(Fast(task)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each operation of a path, on numbers of all kinds, as bits; and the exponentials.
    struct Operations<'a>(&'a [f32], &'a mut Vec<u32>, &'a mut Vec<f32>);

    impl Task for Operations<'_> {
        type Element = f32;
        #[inline(always)]
        fn compute<V: Vector<Element = f32>>(self) {
            for pair in self.0.windows(V::LEN + 1) {
                // SAFETY: as many elements are there; the path was given.
                let (a, b) = unsafe { (V::load(pair.as_ptr()), V::load(pair[1..].as_ptr())) };
                // SAFETY: as many elements are there.
                let first = unsafe { V::load_first(pair.as_ptr(), V::LEN / 2, 3.0) };
                let all = [first, a.add(b), a.sub(b), a.mul(b), a.div(b), a.greater(b)];
                let more = [a.where_positive(b), a.sqrt()];
                // SAFETY: the path was given.
                let zero = unsafe { V::splat(0.0) };
                self.2.extend(zero.sub(zero.greater(a)).exp().lanes());
                for v in all.iter().chain(&more) {
                    let mut lanes = [0f32; 8];
                    // SAFETY: there is room.
                    unsafe { v.store(lanes.as_mut_ptr()) };
                    self.1.extend(lanes.map(|x| if x.is_nan() { u32::MAX } else { x.to_bits() }));
                }
                self.1.push(a.sum().to_bits() & if a.sum().is_nan() { 0 } else { u32::MAX });
            }
        }
    }

    #[test]
    fn all_paths_give_the_same_bits() {
        let mut numbers: Vec<f32> = (0..4000).map(|i| (i as f32 * 0.37).sin() * 90.0).collect();
        let odd = [
            [0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40, -87.5, -86.9],
            [f32::MIN, f32::MAX, -f32::NAN, -1e-45, f32::MIN_POSITIVE, -87.0, -87.000_01, 1e-45],
        ];
        for odd in odd {
            numbers.extend(odd.iter().chain(&[1.0; 9]).chain(&odd));
        }
        let of = |isa| {
            let (mut bits, mut powers) = (vec![], vec![]);
            on(isa, Operations(&numbers, &mut bits, &mut powers));
            (bits, powers)
        };
        let (plain, powers) = of(Isa::PORTABLE);
        for &isa in Isa::all() {
            let (bits, fused) = of(isa);
            assert!(bits == plain, "{}", isa.name());
            let near =
                |(a, b): (&f32, &f32)| (a - b).abs() <= 2.5e-7 * b || a.is_nan() && b.is_nan();
            assert!(fused.iter().zip(&powers).all(near), "{}", isa.name());
        }
    }
}
