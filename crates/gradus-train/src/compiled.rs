//! What is said of a library that is compiled so that training takes much longer than it need.

use std::io::Write;
use std::sync::Once;

/// Where kernels are compiled without optimisation, says so once on stderr, with what to do about it. That is the case in a program of
/// one's own that is run by plain `cargo run`: the profiles of a dependency's workspace do not count there.
pub(crate) fn remark_on_speed() {
    static SAID: Once = Once::new();
    if !gradus_cpu::OPTIMIZED {
        SAID.call_once(|| {
            let _ = writeln!(std::io::stderr(), "{REMARK}");
        });
    }
}

const REMARK: &str = "gradus is compiled without optimisation, which makes training about 100 times slower: use \
    `cargo run --release`, or put these two lines into Cargo.toml:\n\
    [profile.dev.package.\"*\"]\n\
    opt-level = 3";

#[test]
fn this_workspace_optimises_its_kernels() {
    assert!(gradus_cpu::OPTIMIZED, "[profile.dev.package.gradus-cpu] says so");
    assert_eq!(REMARK.lines().count(), 3);
}
