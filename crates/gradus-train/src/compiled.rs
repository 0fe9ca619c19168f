//! What is said of a library that is compiled so that training takes much longer than it need.

use std::io::Write;
use std::sync::Once;

/// Where kernels are compiled without optimisation, says so once on stderr, with what to do about it. That is the case in a program of
/// one's own that is run by plain `cargo run`: the profiles of a dependency's workspace do not count there.
pub(crate) fn remark_on_speed() {
    static SAID: Once = Once::new();
    if let Some(remark) = remark(gradus_cpu::OPTIMIZED) {
        SAID.call_once(|| {
            let _ = writeln!(std::io::stderr(), "{remark}");
        });
    }
}

/// What there is to say of kernels that are optimised or not.
fn remark(optimized: bool) -> Option<&'static str> {
    let slow = "gradus is compiled without optimisation, which makes training about 50 times slower: \
        use `cargo run --release`, or put these two lines into Cargo.toml:\n\
        [profile.dev.package.\"*\"]\n\
        opt-level = 3";
    (!optimized).then_some(slow)
}

#[test]
fn only_kernels_that_are_not_optimised_are_remarked_on() {
    assert_eq!(remark(gradus_cpu::OPTIMIZED), None, "this workspace's profiles optimise them");
    let said = remark(false).expect("something to say");
    assert!(said.ends_with("[profile.dev.package.\"*\"]\nopt-level = 3"), "{said}");
}
