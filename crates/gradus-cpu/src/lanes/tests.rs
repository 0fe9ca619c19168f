//! Each operation of each vector against scalars.

use super::*;
use std::fmt::Debug;
use std::ops::{Add, Mul, Sub};

/// Where no lane may be written.
const UNTOUCHED: i8 = 77;

fn check<V: Lanes>()
where
    V::Scalar: From<i8>
        + PartialEq
        + Debug
        + Add<Output = V::Scalar>
        + Sub<Output = V::Scalar>
        + Mul<Output = V::Scalar>,
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
    for i in 0..len {
        let (a, b, c) = (a[i + 1], b[i + 1], c[i + 1]);
        assert_eq!(lanes(x.add(y))[i], a + b);
        assert_eq!(lanes(x.sub(y))[i], a - b);
        assert_eq!(lanes(x.mul(y))[i], a * b);
        assert_eq!(lanes(x.mul_add(y, z))[i], a * b + c);
    }
    let sum = a[1..=len].iter().fold(V::Scalar::from(0), |sum, &x| sum + x);
    assert_eq!(x.sum(), sum);
    // SAFETY: as above.
    let (zero, three) = unsafe { (V::zero(), V::splat(V::Scalar::from(3))) };
    assert_eq!(lanes(zero), vec![V::Scalar::from(0); len]);
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

#[test]
fn every_vector_does_what_scalars_do() {
    check::<Portable<f32, 1>>();
    check::<Portable<f32, 8>>();
    check::<Portable<f64, 4>>();
    check_square::<Portable<f32, 8>, 8>();
    check_square::<Portable<f64, 4>, 4>();
    let portable = sums::<Portable<f32, 8>>();
    #[cfg(target_arch = "x86_64")]
    {
        if crate::Isa::best() >= crate::Isa::Avx2 {
            check::<F32x8>();
            check::<F64x4>();
            check_square::<F32x8, 8>();
            check_square::<F64x4, 4>();
            assert_eq!(sums::<F32x8>(), portable);
        }
        if crate::Isa::best() >= crate::Isa::Avx512 {
            check::<F32x16>();
            check::<F64x8>();
        }
    }
    let _ = portable;
}
