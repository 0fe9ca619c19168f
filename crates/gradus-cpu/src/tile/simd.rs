//! Eight f32 at a time: the primitive operations the vector functions are written in, for AVX2 + FMA and for any
//! machine. Comparisons give lanes of all ones or all zeros; integer operations work on the lanes' bits.
//!
//! Every function is `#[inline(always)]`: its instruction set is that of the function it ends up in.
#![allow(unsafe_op_in_unsafe_fn)] // each body is one operation, under the trait's contract

/// Eight f32.
///
/// # Safety
/// Every function may only run where the type's instruction set is there.
pub(crate) trait F32s: Copy {
    unsafe fn splat(x: f32) -> Self;
    /// All lanes with these bits.
    unsafe fn bits(x: i32) -> Self;
    unsafe fn load(p: *const f32) -> Self;
    unsafe fn store(self, p: *mut f32);
    unsafe fn add(self, b: Self) -> Self;
    unsafe fn sub(self, b: Self) -> Self;
    unsafe fn mul(self, b: Self) -> Self;
    unsafe fn div(self, b: Self) -> Self;
    /// self·b + c, fused where the machine fuses.
    unsafe fn fma(self, b: Self, c: Self) -> Self;
    /// c − self·b
    unsafe fn fnma(self, b: Self, c: Self) -> Self;
    /// self < b ? self : b
    unsafe fn lesser(self, b: Self) -> Self;
    /// self > b ? self : b
    unsafe fn greater(self, b: Self) -> Self;
    unsafe fn sqrt(self) -> Self;
    unsafe fn floor(self) -> Self;
    unsafe fn ceil(self) -> Self;
    unsafe fn round(self) -> Self;
    unsafe fn and(self, b: Self) -> Self;
    unsafe fn or(self, b: Self) -> Self;
    unsafe fn xor(self, b: Self) -> Self;
    unsafe fn lt(self, b: Self) -> Self;
    unsafe fn le(self, b: Self) -> Self;
    unsafe fn eq(self, b: Self) -> Self;
    /// As a mask: `yes` in the lanes where it is set, else `no`.
    unsafe fn select(self, yes: Self, no: Self) -> Self;
    unsafe fn iadd(self, b: Self) -> Self;
    unsafe fn isub(self, b: Self) -> Self;
    unsafe fn shl23(self) -> Self;
    unsafe fn shl31(self) -> Self;
    /// Arithmetic, as all right shifts.
    unsafe fn shr23(self) -> Self;
    unsafe fn shr1(self) -> Self;
    /// The nearest integers.
    unsafe fn nearest_int(self) -> Self;
    /// Integers as f32.
    unsafe fn as_float(self) -> Self;
    unsafe fn to_array(self) -> [f32; 8];
    unsafe fn from_array(x: [f32; 8]) -> Self;
}

/// Eight f32 as an array of their bits, so that no move of a NaN can change them.
#[derive(Clone, Copy)]
pub(crate) struct Any8([u32; 8]);

impl Any8 {
    #[inline(always)]
    fn map(self, f: impl Fn(f32) -> f32) -> Any8 {
        Any8(self.0.map(|x| f(f32::from_bits(x)).to_bits()))
    }
    #[inline(always)]
    fn zip(self, b: Any8, f: impl Fn(f32, f32) -> f32) -> Any8 {
        self.zip_bits(b, |x, y| f(f32::from_bits(x), f32::from_bits(y)).to_bits())
    }
    #[inline(always)]
    fn test(self, b: Any8, f: impl Fn(f32, f32) -> bool) -> Any8 {
        self.zip_bits(b, |x, y| if f(f32::from_bits(x), f32::from_bits(y)) { u32::MAX } else { 0 })
    }
    #[inline(always)]
    fn zip_bits(self, b: Any8, f: impl Fn(u32, u32) -> u32) -> Any8 {
        Any8(std::array::from_fn(|i| f(self.0[i], b.0[i])))
    }
}

impl F32s for Any8 {
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Any8([x.to_bits(); 8])
    }
    #[inline(always)]
    unsafe fn bits(x: i32) -> Self {
        Any8([x as u32; 8])
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        Any8(p.cast::<[u32; 8]>().read_unaligned())
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        p.cast::<[u32; 8]>().write_unaligned(self.0)
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        self.zip(b, |x, y| x + y)
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        self.zip(b, |x, y| x - y)
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        self.zip(b, |x, y| x * y)
    }
    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        self.zip(b, |x, y| x / y)
    }
    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        self.mul(b).add(c)
    }
    #[inline(always)]
    unsafe fn fnma(self, b: Self, c: Self) -> Self {
        c.sub(self.mul(b))
    }
    #[inline(always)]
    unsafe fn lesser(self, b: Self) -> Self {
        self.zip(b, |x, y| if x < y { x } else { y })
    }
    #[inline(always)]
    unsafe fn greater(self, b: Self) -> Self {
        self.zip(b, |x, y| if x > y { x } else { y })
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        self.map(f32::sqrt)
    }
    #[inline(always)]
    unsafe fn floor(self) -> Self {
        self.map(f32::floor)
    }
    #[inline(always)]
    unsafe fn ceil(self) -> Self {
        self.map(f32::ceil)
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        self.map(f32::round_ties_even)
    }
    #[inline(always)]
    unsafe fn and(self, b: Self) -> Self {
        self.zip_bits(b, |x, y| x & y)
    }
    #[inline(always)]
    unsafe fn or(self, b: Self) -> Self {
        self.zip_bits(b, |x, y| x | y)
    }
    #[inline(always)]
    unsafe fn xor(self, b: Self) -> Self {
        self.zip_bits(b, |x, y| x ^ y)
    }
    #[inline(always)]
    unsafe fn lt(self, b: Self) -> Self {
        self.test(b, |x, y| x < y)
    }
    #[inline(always)]
    unsafe fn le(self, b: Self) -> Self {
        self.test(b, |x, y| x <= y)
    }
    #[inline(always)]
    unsafe fn eq(self, b: Self) -> Self {
        self.test(b, |x, y| x == y)
    }
    #[inline(always)]
    unsafe fn select(self, yes: Self, no: Self) -> Self {
        self.and(yes).or(self.zip_bits(no, |mask, x| !mask & x))
    }
    #[inline(always)]
    unsafe fn iadd(self, b: Self) -> Self {
        self.zip_bits(b, u32::wrapping_add)
    }
    #[inline(always)]
    unsafe fn isub(self, b: Self) -> Self {
        self.zip_bits(b, u32::wrapping_sub)
    }
    #[inline(always)]
    unsafe fn shl23(self) -> Self {
        Any8(self.0.map(|x| x << 23))
    }
    #[inline(always)]
    unsafe fn shl31(self) -> Self {
        Any8(self.0.map(|x| x << 31))
    }
    #[inline(always)]
    unsafe fn shr23(self) -> Self {
        Any8(self.0.map(|x| (x as i32 >> 23) as u32))
    }
    #[inline(always)]
    unsafe fn shr1(self) -> Self {
        Any8(self.0.map(|x| (x as i32 >> 1) as u32))
    }
    #[inline(always)]
    unsafe fn nearest_int(self) -> Self {
        Any8(self.0.map(|x| f32::from_bits(x).round_ties_even() as i32 as u32))
    }
    #[inline(always)]
    unsafe fn as_float(self) -> Self {
        Any8(self.0.map(|x| (x as i32 as f32).to_bits()))
    }
    #[inline(always)]
    unsafe fn to_array(self) -> [f32; 8] {
        self.0.map(f32::from_bits)
    }
    #[inline(always)]
    unsafe fn from_array(x: [f32; 8]) -> Self {
        Any8(x.map(f32::to_bits))
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx8;

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::F32s;
    use std::arch::x86_64::*;

    /// Eight f32 in a 256-bit register.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx8(__m256);

    /// One function per line: `name(arguments) = intrinsic call`.
    macro_rules! each {
        ($($name:ident($a:ident $(, $b:ident)*) = $body:expr;)*) => {$(
            #[inline(always)]
            unsafe fn $name(self $(, $b: Self)*) -> Self {
                let $a = self.0;
                $(let $b = $b.0;)*
                Avx8($body)
            }
        )*};
    }
    macro_rules! int {
        ($x:expr) => {
            _mm256_castps_si256($x)
        };
    }
    macro_rules! float {
        ($x:expr) => {
            _mm256_castsi256_ps($x)
        };
    }

    impl F32s for Avx8 {
        each! {
            add(a, b) = _mm256_add_ps(a, b);
            sub(a, b) = _mm256_sub_ps(a, b);
            mul(a, b) = _mm256_mul_ps(a, b);
            div(a, b) = _mm256_div_ps(a, b);
            fma(a, b, c) = _mm256_fmadd_ps(a, b, c);
            fnma(a, b, c) = _mm256_fnmadd_ps(a, b, c);
            lesser(a, b) = _mm256_min_ps(a, b);
            greater(a, b) = _mm256_max_ps(a, b);
            sqrt(a) = _mm256_sqrt_ps(a);
            floor(a) = _mm256_floor_ps(a);
            ceil(a) = _mm256_ceil_ps(a);
            round(a) = _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
            and(a, b) = _mm256_and_ps(a, b);
            or(a, b) = _mm256_or_ps(a, b);
            xor(a, b) = _mm256_xor_ps(a, b);
            lt(a, b) = _mm256_cmp_ps::<_CMP_LT_OQ>(a, b);
            le(a, b) = _mm256_cmp_ps::<_CMP_LE_OQ>(a, b);
            eq(a, b) = _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b);
            select(mask, yes, no) = _mm256_blendv_ps(no, yes, mask);
            iadd(a, b) = float!(_mm256_add_epi32(int!(a), int!(b)));
            isub(a, b) = float!(_mm256_sub_epi32(int!(a), int!(b)));
            shl23(a) = float!(_mm256_slli_epi32::<23>(int!(a)));
            shl31(a) = float!(_mm256_slli_epi32::<31>(int!(a)));
            shr23(a) = float!(_mm256_srai_epi32::<23>(int!(a)));
            shr1(a) = float!(_mm256_srai_epi32::<1>(int!(a)));
            nearest_int(a) = float!(_mm256_cvtps_epi32(a));
            as_float(a) = _mm256_cvtepi32_ps(int!(a));
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            Avx8(_mm256_set1_ps(x))
        }
        #[inline(always)]
        unsafe fn bits(x: i32) -> Self {
            Avx8(float!(_mm256_set1_epi32(x)))
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self {
            Avx8(_mm256_loadu_ps(p))
        }
        #[inline(always)]
        unsafe fn store(self, p: *mut f32) {
            _mm256_storeu_ps(p, self.0)
        }
        #[inline(always)]
        unsafe fn to_array(self) -> [f32; 8] {
            let mut x = [0.0; 8];
            self.store(x.as_mut_ptr());
            x
        }
        #[inline(always)]
        unsafe fn from_array(x: [f32; 8]) -> Self {
            Avx8::load(x.as_ptr())
        }
    }
}
