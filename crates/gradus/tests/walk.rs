//! The README's walk and map name files that exist.

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
