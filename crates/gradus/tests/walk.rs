//! What the README shows exists: the walk's and the map's files, and its programs.

use std::path::Path;

#[test]
fn every_file_the_documents_link_to_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = 0;
    for page in ["README.md", "ARCHITECTURE.md"] {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        let links = text.split(['(', '`']).filter(|part| part.starts_with("crates/"));
        for link in links {
            let file = link.split([')', '`']).next().unwrap();
            assert!(root.join(file).exists(), "{page} names {file}, which is not there");
            found += 1;
        }
    }
    assert!(found >= 16, "{found} links");
}

/// The lines of a page's n-th block of Rust.
fn rust_block(page: &str, n: usize) -> Vec<&str> {
    let block = page.split("```rust\n").nth(n + 1).expect("the page has such a block");
    block.split("```").next().unwrap_or_default().lines().collect()
}

/// The README's programs are the crate's examples, which run as doc tests; its op is the one of the library.
#[test]
fn the_readmes_programs_are_those_that_are_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let (readme, example) = (read("README.md"), read("crates/gradus/src/lib.rs"));
    let documented: Vec<&str> = example
        .lines()
        .filter_map(|line| line.strip_prefix("//! ").or(line.strip_prefix("//!")))
        .collect();
    let tested: Vec<Vec<&str>> = documented
        .split(|line| *line == "```")
        .skip(1)
        .step_by(2)
        .map(|block| block.iter().copied().filter(|line| !line.starts_with("# ")).collect())
        .collect();
    let program = |n| -> Vec<&str> {
        rust_block(&readme, n).into_iter().filter(|line| !line.is_empty()).collect()
    };
    assert_eq!(program(0), tested[0]);
    assert!(tested[0].len() <= 15, "a digits program in 15 lines has {}", tested[0].len());
    // The others begin as the first does.
    assert_eq!(program(1), tested[1][1..]);
    assert_eq!(program(2), tested[2][1..]);

    let gelu = read("crates/gradus-tensor/src/ops/pointwise/gelu.rs");
    for line in rust_block(&readme, 3) {
        assert!(gelu.lines().any(|l| l == line), "gelu.rs lacks the line {line}");
    }
}
