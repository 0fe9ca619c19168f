//! Bits of each type, and what is refused.

use crate::{DType, Tensor, try_build};

#[test]
fn each_type_has_its_own_bits() {
    let (a, b) = (Tensor::from([200i64, 15, 1]), Tensor::from([1i64, 4, 7]));
    for (dtype, shifted) in [(DType::U8, [144i64, 240, 128]), (DType::I32, [400, 240, 128])] {
        let (a, b) = (a.cast(dtype), b.cast(dtype));
        assert_eq!(a.bitwise_left_shift(&b).to_vec::<i64>(), shifted, "{dtype}");
        assert_eq!(a.bitwise_right_shift(&b).to_vec::<i64>(), [100, 0, 0]);
        assert_eq!(a.bitwise_or(&b).to_vec::<i64>(), [201, 15, 7]);
        assert_eq!(a.bitwise_not().bitwise_not().to_vec::<i64>(), [200, 15, 1]);
    }
    let (t, f) = (Tensor::from([true, true]), Tensor::from([true, false]));
    assert_eq!(t.bitwise_xor(&f).to_vec::<bool>(), [false, true]);
    assert_eq!(f.bitwise_not().to_vec::<bool>(), [false, true]);
    let far = Tensor::from([1i64, -1]).bitwise_left_shift(&Tensor::from([63i64, 64]));
    assert_eq!(far.to_vec::<i64>(), [i64::MIN, 0]);
    let sign = Tensor::from([5i64, -5]).bitwise_right_shift(&Tensor::from([100i64, 100]));
    assert_eq!(sign.to_vec::<i64>(), [0, -1]);
    let rows = Tensor::from([[1i64], [2]]).bitwise_or(&Tensor::from([4i64, 8]));
    assert_eq!(rows.to_vec::<i64>(), [5, 9, 6, 10]);
}

#[test]
fn floats_and_mixed_types_are_refused() {
    let refused = |f: &dyn Fn() -> Tensor| try_build(f).unwrap_err().to_string();
    let e = refused(&|| Tensor::ones([2]).bitwise_and(&Tensor::ones([2])));
    assert!(e.starts_with("bitwise_and: f32 and f32; expected integers or booleans of one"), "{e}");
    let e = refused(&|| Tensor::from([1i64]).bitwise_or(&Tensor::from([1i32])));
    assert!(e.starts_with("bitwise_or: i64 and i32"), "{e}");
    let e = refused(&|| Tensor::from([true]).bitwise_left_shift(&Tensor::from([true])));
    assert!(e.contains("booleans are not shifted"), "{e}");
    let e = refused(&|| Tensor::from([1i64, 2]).bitwise_xor(&Tensor::from([1i64, 2, 3])));
    assert!(e.contains("shapes [2] and [3] do not broadcast"), "{e}");
}
