//! Where a panic ends the program, what comes from outside is still only refused: `cargo xtask abort` builds this with `panic = "abort"`,
//! so that one panic, and one mistake that rests on unwinding, is the end of it.

use gradus_fuzz::{BAD_GRAPHS, BadGraph, TARGETS, damaged, files, is_valid};

fn main() -> std::io::Result<()> {
    if !cfg!(panic = "abort") {
        return Err(std::io::Error::other(
            "built without panic = \"abort\": see cargo xtask abort",
        ));
    }
    let faults: Vec<String> = BAD_GRAPHS.iter().filter_map(BadGraph::fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
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
