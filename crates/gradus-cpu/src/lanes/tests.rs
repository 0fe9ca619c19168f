//! Each operation of each vector against scalars.

use super::*;
use std::fmt::Debug;

/// Where no lane may be written.
const UNTOUCHED: i8 = 77;

fn check<V: Lanes>()
where
    V::Scalar: From<i8> + Debug,
{
    let len = V::LEN;
    let number = |i: usize, factor: usize| V::Scalar::from((i * factor % 23) as i8 - 11);
    let [a, b, c] = [5, 7, 9].map(|f| (0..2 * len).map(|i| number(i, f)).collect::<Vec<_>>());
    let lanes = |v: V| {
        let mut lanes = vec![V::Scalar::default(); len];
        // SAFETY: there is room.
        unsafe { v.store(lanes.as_mut_ptr()) };
        lanes
    };
    // SAFETY: as many elements are there; the caller has asked for the instruction set.
    let [x, y, z] = unsafe { [&a, &b, &c].map(|from| V::load(from[1..].as_ptr())) };
    // SAFETY: the caller has asked for the instruction set.
    let three = unsafe { V::splat(V::Scalar::from(3)) };
    let zero = V::Scalar::from(0);
    for i in 0..len {
        let (a, b, c) = (a[i + 1], b[i + 1], c[i + 1]);
        assert_eq!(lanes(x.add(y))[i], a + b);
        assert_eq!(lanes(x.sub(y))[i], a - b);
        assert_eq!(lanes(x.mul(y))[i], a * b);
        assert_eq!(lanes(x.mul_add(y, z))[i], a * b + c);
        assert_eq!(lanes(x.div(three))[i], a / V::Scalar::from(3));
        assert_eq!(lanes(x.mul(x).sqrt())[i], if a < zero { zero - a } else { a });
        assert_eq!(lanes(x.lesser(y))[i], if a < b { a } else { b });
        assert_eq!(lanes(x.greater(y))[i], if a > b { a } else { b });
    }
    let sum = a[1..=len].iter().fold(V::Scalar::from(0), |sum, &x| sum + x);
    assert_eq!(x.sum(), sum);
    // SAFETY: as above.
    assert_eq!(lanes(unsafe { V::zero() }), vec![V::Scalar::from(0); len]);
    assert_eq!(lanes(three), vec![V::Scalar::from(3); len]);
    for left in 0..len + 2 {
        let first = left.min(len);
        // The elements end where the read must.
        let from = a[..first].to_vec().into_boxed_slice();
        let mut to = vec![V::Scalar::from(UNTOUCHED); len + 1];
        // SAFETY: the first `left` elements are there, and room for them.
        let read = unsafe {
            x.store_left(to.as_mut_ptr(), left);
            V::load_left(from.as_ptr(), first)
        };
        assert_eq!(lanes(read)[..first], from[..]);
        assert_eq!(lanes(read)[first..], vec![V::Scalar::from(0); len - first]);
        assert_eq!(to[..first], a[1..=first]);
        assert!(to[first..].iter().all(|&x| x == V::Scalar::from(UNTOUCHED)), "{left}");
    }
}

/// The arithmetic of a vector and a clip on NaN, infinities, zeros and the ends of the range, against scalars of its type.
fn check_edges<V: Lanes>(
    of: fn(f64) -> V::Scalar,
    wide: fn(V::Scalar) -> f64,
    most: f64,
    least: f64,
) {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let some = [nan, inf, -inf, 0.0, -0.0, most, -most, least, -least, 1.0, -1.0, 0.5, 6.0, 7.0];
    let scalar = |f: fn(V::Scalar, V::Scalar) -> V::Scalar, a: f64, b: f64| wide(f(of(a), of(b)));
    // SAFETY: the caller has asked for the instruction set.
    let [relu, relu6] = unsafe { [inf, 6.0].map(|high| Clipping::<V>::new(of(0.0), of(high))) };
    for a in some {
        for b in some {
            // SAFETY: as above.
            let [x, y] = unsafe { [V::splat(of(a)), V::splat(of(b))] };
            let lesser = if of(a) < of(b) { a } else { b };
            let greater = if of(a) > of(b) { a } else { b };
            let clip = |high: f64| if a.is_nan() { a } else { a.max(0.0).min(high) + 0.0 };
            let all = [
                (x.add(y), scalar(|a, b| a + b, a, b)),
                (x.sub(y), scalar(|a, b| a - b, a, b)),
                (x.mul(y), scalar(|a, b| a * b, a, b)),
                (x.div(y), scalar(|a, b| a / b, a, b)),
                (x.mul_add(y, y), scalar(|a, b| a.times_plus(b, b), a, b)),
                (x.sqrt(), scalar(|a, _| a.square_root(), a, b)),
                (x.lesser(y), lesser),
                (x.greater(y), greater),
                (relu.of(x), clip(inf)),
                (relu6.of(x), clip(6.0)),
            ];
            for (i, (got, want)) in all.into_iter().enumerate() {
                let mut lanes = vec![V::Scalar::default(); V::LEN];
                // SAFETY: there is room.
                unsafe { got.store(lanes.as_mut_ptr()) };
                for got in lanes.into_iter().map(wide) {
                    let same = got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan();
                    // A fused product rounds once, which shows where a lone one underflows.
                    let fused = i == 4 && (got - want).abs() <= least;
                    assert!(same || fused, "operation {i} of {a:e}, {b:e}: {got:e}, not {want:e}");
                }
            }
        }
    }
}

fn check_square<V: Square<N>, const N: usize>()
where
    V::Scalar: From<i8> + PartialEq + Debug,
{
    let from: Vec<V::Scalar> = (0..N * N).map(|i| V::Scalar::from(i as i8)).collect();
    let mut to = from.clone();
    let place = |i: usize, l: usize| from[i * N + l..].as_ptr();
    // SAFETY: N rows of N elements are there; the caller has asked for the instruction set.
    let diagonal = unsafe {
        let rows = V::load_each(std::array::from_fn(|i| place(i, 0)));
        for (i, row) in V::transpose(rows).into_iter().enumerate() {
            row.store(to[i * N..].as_mut_ptr());
        }
        V::collect(std::array::from_fn(|i| place(i, i)))
    };
    for i in 0..N {
        for l in 0..N {
            assert_eq!(to[i * N + l], from[l * N + i]);
        }
    }
    // SAFETY: there is room for N.
    unsafe { diagonal.store(to.as_mut_ptr()) };
    assert!((0..N).all(|i| to[i] == from[i * N + i]));
}

/// The sums of eight vectors, by lanes that do not add up in any order.
fn sums<V: F32s>() -> Vec<u32> {
    let from: Vec<f32> = (0..64).map(|i| (i as f32 * 0.37).sin() * 10f32.powi(i % 7)).collect();
    let mut to = [0.0; 8];
    // SAFETY: eight rows of eight elements are there; the caller has asked for the instruction set.
    unsafe {
        let rows = V::load_each(std::array::from_fn(|i| from[i * 8..].as_ptr()));
        V::sums(rows).store(to.as_mut_ptr());
    }
    for (sum, row) in to.iter().zip(from.chunks(8)) {
        let pair = |i: usize| (row[i] + row[i + 1]) + (row[i + 2] + row[i + 3]);
        assert_eq!(*sum, pair(0) + pair(4));
    }
    to.map(f32::to_bits).to_vec()
}

/// The bits of every operation on eight f32, on numbers of all kinds; no NaN but the one that stands for all.
fn bits<V: F32s>() -> Vec<[u32; 8]> {
    let mut numbers: Vec<f32> = (0..100).map(|i| (i as f32 * 0.37).sin() * 90.0).collect();
    numbers.extend([0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40, 0.5, -1.5, 2.5]);
    numbers.extend((0..20).map(|i| i as f32 - 10.0));
    let mut all = vec![];
    for window in numbers.windows(9) {
        // SAFETY: nine elements are there; the caller has asked for the instruction set.
        let (a, b, k) =
            unsafe { (V::load(window.as_ptr()), V::load(window[1..].as_ptr()), V::bits(-77)) };
        // SAFETY: as above.
        let few = unsafe { V::splat(1e6) };
        let masks = [a.lt(b), a.le(b), a.eq(b), a.lt(b).select(a, b), b.lt(a).select(a, b)];
        let whole = [a.and(b), a.or(b), a.xor(b), a.iadd(k), k.isub(b)];
        let shifts = [a.shl23(), a.shl31(), a.shr23(), a.shr1(), a.as_float(), k.as_float()];
        for x in [masks.as_slice(), &whole, &shifts].concat() {
            all.push(x.to_array().map(f32::to_bits));
        }
        let small = a.eq(a).select(a, few).lesser(few).greater(k.as_float());
        let rounded = [a.floor(), a.ceil(), a.round(), small.nearest_int()];
        let compared = [a.lesser(b), a.greater(b), a.sub(b), a.div(b), a.sqrt()];
        for x in [rounded.as_slice(), &compared].concat() {
            all.push(x.to_array().map(|x| if x.is_nan() { u32::MAX } else { x.to_bits() }));
        }
    }
    all
}

#[test]
fn every_vector_holds_at_the_edges() {
    /// Those of an instruction set: of f32 and of f64.
    fn both<A: Lanes<Scalar = f32>, B: Lanes<Scalar = f64>>() {
        let (most, least) = (f32::MAX.into(), f32::from_bits(1).into());
        check_edges::<A>(|x| x as f32, f64::from, most, least);
        check_edges::<B>(|x| x, |x| x, f64::MAX, f64::from_bits(1));
    }
    struct All;
    impl Choice for All {
        type Output = ();
        fn of<P: InstructionSet>(self) {
            both::<P::F32, P::F64>();
            both::<P::WideF32, P::WideF64>();
        }
    }
    Isa::all().iter().for_each(|isa| isa.choose_widest(All));
}

#[test]
fn every_vector_does_what_scalars_do() {
    struct All;
    impl Choice for All {
        type Output = (Vec<u32>, Vec<[u32; 8]>);
        fn of<P: InstructionSet>(self) -> Self::Output {
            check::<P::F32>();
            check::<P::F64>();
            check::<P::WideF32>();
            check::<P::WideF64>();
            check_square::<P::F32, 8>();
            check_square::<P::F64, 4>();
            (sums::<P::F32>(), bits::<P::F32>())
        }
    }
    check::<Portable<f32, 1>>();
    let portable = (sums::<Portable<f32, 8>>(), bits::<Portable<f32, 8>>());
    for isa in Isa::all() {
        let (sums, bits) = isa.choose_widest(All);
        assert_eq!(sums, portable.0, "{}", isa.name());
        assert!(bits == portable.1, "{}", isa.name());
    }
    let first = portable.1[0];
    assert!(portable.1.len() > 2000 && portable.1.iter().any(|x| *x != first));
}

/// Where the exponentials of f32 and f64 are tried, and all that a path makes of them.
struct Exponentials<'a>(&'a [f32], &'a [f64]);

impl Task for Exponentials<'_> {
    type Output = (Vec<f32>, Vec<[f64; 2]>);
    fn run<P: InstructionSet>(self) -> Self::Output {
        /// Of some numbers, a multiple of the lanes of them.
        fn of<V: Numbers>(x: &[V::Scalar]) -> Vec<V::Scalar> {
            let mut out = vec![V::Scalar::ZERO; x.len()];
            for i in (0..x.len()).step_by(V::LEN) {
                // SAFETY: as many elements are there, and have room; the path is the machine's.
                unsafe { V::load(x[i..].as_ptr()).exp().store(out[i..].as_mut_ptr()) }
            }
            out
        }
        let wide = of::<P::F64>(self.1).into_iter().zip(of::<Portable<f64, 8>>(self.1));
        (of::<P::F32>(self.0), wide.map(|(a, b)| [a, b]).collect())
    }
}

/// There is one exponential of f32 and one of f64, for all who ask: against the library's, in units in the last place.
#[test]
fn exponentials_hold_in_the_last_place() {
    let x: Vec<f32> = (0..=200_000).map(|i| -104.5 + i as f32 * 9.65e-4).chain([0.0; 7]).collect();
    let wide: Vec<f64> = (0..40_000).map(|i| -745.5 + f64::from(i) * 0.036_379).collect();
    for isa in Isa::all() {
        let (y, wides) = isa.run(Exponentials(&x, &wide));
        let mut most = 0f64;
        for (&x, &y) in x.iter().zip(&y) {
            let want = f64::from(x).exp();
            let near = want.min(f32::MAX.into()) as f32;
            if want > f64::from(f32::MAX) {
                assert_eq!(y, f32::INFINITY, "e^{x}");
                continue;
            }
            let unit = f64::from(near) - f64::from(near.next_down().max(0.0));
            most = most.max((f64::from(y) - want).abs() / unit.max(f32::from_bits(1).into()));
        }
        assert!(most < 1.5, "{}: {most} units", isa.name());
        for (x, y) in wide.iter().zip(wides) {
            assert_eq!(y[0].to_bits(), y[1].to_bits(), "{} e^{x}", isa.name());
            let want = x.exp();
            assert!((y[0] - want).abs() <= want.next_up() - want, "e^{x}: {}, not {want}", y[0]);
        }
    }
    negative_powers_have_the_same_bits();
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, -746.0, 710.0, 1e300];
    let (y, wides) = Isa::current().run(Exponentials(&odd.map(|x| x as f32), &odd));
    for (i, x) in odd.into_iter().enumerate() {
        let want = x.exp();
        let same = |y: f64| y == want || y.is_nan() && want.is_nan();
        assert!(same(y[i].into()) && same(wides[i][0]), "e^{x}: {}, {}", y[i], wides[i][0]);
    }
}

/// Of numbers not above 0 there is a faster exponential, which ends sooner.
fn negative_powers_have_the_same_bits() {
    struct Negative;
    impl Task for Negative {
        type Output = ();
        fn run<P: InstructionSet>(self) {
            fn check<V: Numbers>(least: f64) {
                for i in 0..5000 {
                    let x = V::Scalar::of(least * 1.1 * f64::from(i) / 4999.0);
                    // SAFETY: the path is the machine's.
                    let v = unsafe { V::splat(x) };
                    let (y, same) = (v.exp_negative().lanes()[0], v.exp().lanes()[0]);
                    let want = if x < V::Scalar::of(least) { V::Scalar::ZERO } else { same };
                    assert_eq!(y.wide().to_bits(), want.wide().to_bits(), "e^{}", x.wide());
                }
                // SAFETY: as above.
                let odd =
                    |x| unsafe { V::splat(V::Scalar::of(x)) }.exp_negative().lanes()[0].wide();
                assert!(
                    odd(f64::NAN).is_nan() && odd(f64::NEG_INFINITY) == 0.0 && odd(-0.0) == 1.0
                );
            }
            check::<P::F32>(-87.0);
            check::<P::F64>(-708.0);
            check::<Portable<f64, 8>>(-708.0);
        }
    }
    Isa::all().iter().for_each(|isa| isa.run(Negative));
}

/// What all functions make of numbers of all kinds, NaN as one that stands for all.
fn functions<V: Numbers<Scalar = f32>>(numbers: &[f32]) -> Vec<u32> {
    let mut all = vec![];
    for at in (0..numbers.len() - MOST).step_by(V::LEN) {
        // SAFETY: as many elements are there; the caller has asked for the instruction set.
        let (a, b) =
            unsafe { (V::load(numbers[at..].as_ptr()), V::load(numbers[at + 1..].as_ptr())) };
        let waves = [a.sin(), a.cos(), a.atan(), a.tanh(), a.logistic(), a.erf()];
        let powers =
            [a.exp(), a.exp_m1(), a.ln(), a.ln_1p(), a.abs().pow(b), a.abs().neg().exp_negative()];
        let whole = [a.floor(), a.ceil(), a.round(), a.rem(b), a.quo(b)];
        let compared = [a.not(), a.min(b), a.max(b), a.lt(b), a.le(b), a.eq(b), a.and(b), a.or(b)];
        let mixed =
            [b.lt(a).select(a, b), a.where_positive(b), a.mul_sub(b, a), a.neg_mul_add(b, b)];
        let groups = [waves.as_slice(), &powers, &whole, &compared, &mixed].concat();
        for lane in 0..V::LEN {
            let bits = |x: f32| if x.is_nan() { u32::MAX } else { x.to_bits() };
            all.extend(groups.iter().map(|v| bits(v.lanes()[lane])));
        }
    }
    all
}

/// The longest vectors do to a lane what eight lanes do.
struct Longest<'a>(&'a [f32]);

impl Task for Longest<'_> {
    type Output = [Vec<u32>; 2];
    fn run<P: InstructionSet>(self) -> Self::Output {
        [functions::<P::LongF32>(self.0), functions::<P::F32>(self.0)]
    }
}

#[test]
fn the_longest_vectors_have_the_bits_of_eight_lanes() {
    let mut numbers: Vec<f32> = (0..150).map(|i| (i as f32 * 0.37).sin() * 90.0).collect();
    numbers.extend([0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40, 0.5, -1.5, 2.5]);
    numbers.extend((0..33).map(|i| i as f32 - 16.0).chain([1e7, -1e7]).cycle().take(113));
    for isa in Isa::all() {
        let [long, eight] = isa.run_widest(Longest(&numbers));
        assert!(long == eight && long.len() == 29 * 256, "{}", isa.name());
    }
}
