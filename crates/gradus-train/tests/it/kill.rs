//! `kill -9` at random moments: the example `kill_resume` with three kills. `cargo test` builds a package's examples first.

use std::path::PathBuf;
use std::process::Command;

/// The example beside this test's own binary: `target/debug/examples/kill_resume`.
fn example() -> PathBuf {
    let me = std::env::current_exe().unwrap();
    let profile = me.parent().and_then(|deps| deps.parent()).unwrap();
    profile.join("examples").join(format!("kill_resume{}", std::env::consts::EXE_SUFFIX))
}

#[test]
fn a_run_killed_three_times_ends_with_the_same_bits() {
    let example = example();
    if !example.exists() {
        // `cargo test --test it` alone builds no examples.
        eprintln!("SKIPPED: {} is not built", example.display());
        return;
    }
    let output = Command::new(example).arg("3").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("3 kills: every bit"));
}
