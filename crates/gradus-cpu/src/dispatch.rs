//! The instruction-set paths of all kernels: detected here and nowhere else, forced by name in tests.

use std::sync::OnceLock;

/// An instruction-set path. They are ordered: a machine that has one has those before it, and a kernel without a form of
/// its own for a path runs the form of the one before.
///
/// ```
/// use gradus_cpu::Isa;
/// assert!(Isa::all().starts_with(&[Isa::Portable]));
/// assert_eq!(Isa::all().last(), Some(&Isa::best()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isa {
    /// Any machine.
    Portable,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2,
    /// The same with AVX-512F. Matrix products alone use its 512-bit vectors: others gain nothing from them where, as on
    /// Zen 4, a 512-bit operation takes the time of two.
    Avx512,
}

impl Isa {
    const EVERY: [Isa; 3] = [Isa::Portable, Isa::Avx2, Isa::Avx512];

    /// The best path this machine has.
    pub fn best() -> Isa {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(detect)
    }
    /// The paths this machine has, the best last.
    pub fn all() -> &'static [Isa] {
        &Isa::EVERY[..=Isa::best() as usize]
    }
    /// # Panics
    /// If this machine lacks the path.
    pub(crate) fn require(self) {
        assert!(self <= Isa::best(), "this machine lacks the {} path", self.name());
    }
    /// `portable`, `avx2`, `avx512`.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Isa {
    let avx2 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c");
    match (avx2, is_x86_feature_detected!("avx512f")) {
        (true, true) => Isa::Avx512,
        (true, false) => Isa::Avx2,
        _ => Isa::Portable,
    }
}
#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Isa {
    Isa::Portable
}
