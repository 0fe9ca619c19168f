//! The instruction-set paths of the pointwise kernels: chosen once per process, forced by name in tests.

use std::sync::OnceLock;

/// An instruction-set path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Any machine.
    Portable,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2,
}

impl Isa {
    /// The best path this machine has.
    pub fn best() -> Isa {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| if has_avx2() { Isa::Avx2 } else { Isa::Portable })
    }
    /// The paths this machine has.
    pub fn all() -> &'static [Isa] {
        if has_avx2() { &[Isa::Portable, Isa::Avx2] } else { &[Isa::Portable] }
    }
    /// `portable`, `avx2`.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
}
#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

/// Whether matrix products may use 512-bit vectors. Other kernels gain nothing from them where, as on Zen 4, a 512-bit
/// operation takes the time of two.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
}
