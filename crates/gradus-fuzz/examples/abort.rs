//! Where a panic ends the program, what comes from outside is still only refused: `cargo xtask abort` builds this with `panic = "abort"`,
//! so that one panic, and one mistake that rests on unwinding, is the end of it.

use gradus_fuzz::{BAD_GRAPHS, TARGETS, damaged, files, is_valid};

fn main() -> std::io::Result<()> {
    assert!(
        cfg!(panic = "abort"),
        "it must be built with panic = \"abort\": see cargo xtask abort"
    );
    for bad in BAD_GRAPHS {
        let error = (bad.build)().expect_err(bad.says).to_string();
        assert!(error.starts_with(bad.says), "{}: {error}", bad.says);
    }
    println!("{} bad graphs are refused", BAD_GRAPHS.len());
    let mut read = 0;
    for target in TARGETS {
        for file in files(target) {
            let whole = std::fs::read(&file)?;
            assert!((target.run)(&whole) || !is_valid(&file), "{} is refused", file.display());
            for bytes in damaged(&whole) {
                (target.run)(&bytes);
            }
            read += 1;
        }
    }
    println!("{read} files are read, whole and damaged, by {} targets", TARGETS.len());
    Ok(())
}
