//! What a reader may rely on in every source file: it says what it is, it is not too long, its name says something, it is no part
//! of a circle of imports; what the documents link to exists; and every public function of tensors says its shapes and what it
//! refuses.

use crate::{Outcome, cycles, docs, walks};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file.
const LONGEST: usize = 500;
/// Files that are longer, and how long they may be. This list may only shrink.
const LONGER: &[(&str, usize)] = &[
    // The interpreter of tiles: its loops share their registers.
    ("crates/gradus-cpu/src/tile/engine.rs", 551),
    ("crates/gradus-cpu/tests/it/tile.rs", 560),
    ("crates/gradus-tensor/src/ops/conv2d/tests.rs", 580),
];
/// Names that say nothing of what a file holds.
const EMPTY_NAMES: &[&str] = &["base", "common", "helpers", "misc", "util", "utils"];
/// Where ops are.
const OPS: &str = "crates/gradus-tensor/src/ops";
/// Names with a number because their papers have it.
const PUBLISHED: &[&str] = &["mobilenet_v2"];
/// The documents whose links must lead somewhere.
const PAGES: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "fuzz/README.md",
    "docs/bits.md",
    "docs/first-half-hour.md",
    "docs/lab.md",
    "docs/results.md",
    "docs/speed.md",
    "docs/targets.md",
];

/// Runs `cargo xtask tidy`.
pub fn run(root: &Path, _arguments: &[String]) -> Outcome {
    let mut files = vec![];
    for folder in ["crates", "xtask", "fuzz/src", "fuzz/fuzz_targets"] {
        collect(&root.join(folder), &mut files).map_err(|e| format!("{folder}: {e}"))?;
    }
    let (mut complaints, mut functions) = (vec![], 0);
    for file in &files {
        let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        let name = file.strip_prefix(root).unwrap_or(file).display().to_string();
        complaints.extend(of_file(&name, &text));
        let (found, lacks) = docs::complaints(&name, before_tests(&text));
        functions += found;
        complaints.extend(lacks);
    }
    complaints.extend(unchecked_ops(root, &files)?);
    complaints.extend(cycles::complaints(root, &files)?);
    complaints.extend(walks::complaints(root)?);
    for page in PAGES {
        let text = fs::read_to_string(root.join(page)).map_err(|e| format!("{page}: {e}"))?;
        let at = root.join(page);
        let here = at.parent().unwrap_or(root);
        let dead = links(&text).filter(|link| !here.join(link).exists());
        complaints.extend(dead.map(|link| format!("{page}: links to {link}, which is not there")));
    }
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    match complaints.len() {
        0 => {
            println!(
                "{} files are tidy; {functions} functions of tensors say shapes, refusals and an example",
                files.len()
            );
            Ok(())
        }
        n => Err(format!("{n} complaints")),
    }
}

/// Ops without a test: every public method of `Tensor` below `ops/` must be called by a test or an example of its
/// documentation. That values, derivatives and algorithms of kernels are checked is a test of gradus-tensor
/// (`ops/registry.rs`), which `cargo xtask ops` prints as a table.
fn unchecked_ops(root: &Path, files: &[PathBuf]) -> Result<Vec<String>, String> {
    let ops = root.join(OPS);
    let (mut methods, mut tests, mut complaints) = (vec![], String::new(), vec![]);
    for file in files {
        let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        let is_test = file.ends_with("tests.rs")
            || file.ends_with("cases.rs")
            || file.iter().any(|part| part == "tests");
        let below = file.strip_prefix(&ops).ok();
        let code = if is_test { "" } else { before_tests(&text) };
        tests += &text[code.len()..];
        let lines = code.lines().map(str::trim_start);
        lines.filter(|line| line.starts_with("///")).for_each(|line| tests += line);
        let Some(below) = below else { continue };
        if code.contains("impl Tensor") {
            let names = public_methods(code);
            methods.extend(names.map(|name| (name.to_owned(), below.display().to_string())));
        }
    }
    let untested = methods.iter().filter(|(name, _)| {
        let calls = [format!(".{name}("), format!("Tensor::{name}"), format!("\"{name}\"")];
        !calls.iter().any(|call| tests.contains(call))
    });
    complaints.extend(untested.map(|(name, at)| format!("{OPS}/{at}: no test calls {name}")));
    Ok(complaints)
}

/// A file's code up to its first test or its module of tests; a line like `mod tests;` ends nothing.
fn before_tests(text: &str) -> &str {
    let begin = |(at, _): &(usize, &str)| {
        let item = text[*at..].lines().nth(1).unwrap_or("");
        !(item.contains("mod ") && item.ends_with(';'))
    };
    let modules = text.match_indices("#[cfg(test)]").find(begin).map(|(at, _)| at);
    let test = text.find("#[test]");
    &text[..modules.into_iter().chain(test).min().unwrap_or(text.len())]
}

/// The names of public functions that take `&self`, on whichever line of their signature.
fn public_methods(code: &str) -> impl Iterator<Item = &str> {
    let signatures =
        code.split("\n    pub fn ").skip(1).filter_map(|rest| rest.split(" {\n").next());
    let methods = signatures.filter(|signature| signature.contains("&self"));
    methods.filter_map(|signature| signature.split(['(', '<']).next())
}

/// The Rust files below a folder, but none that a build made.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(())
}

/// Macros that panic when nobody reads what they print: a pipe is closed, a terminal gone, a disk full.
const PRINTS: &[&str] = &["println!(", "eprintln!(", "print!(", "eprint!(", "dbg!("];

/// Lines of a library or of the command that print by such a macro.
fn prints(name: &str, text: &str) -> Vec<String> {
    let is_run_by_users = name.starts_with("crates/")
        && name.contains("/src/")
        && !["gradus-testkit", "gradus-fuzz", "gradus-wasm"].iter().any(|own| name.contains(own));
    if !is_run_by_users || name.ends_with("tests.rs") {
        return vec![];
    }
    let lines = before_tests(text).lines().enumerate();
    let code = lines.filter(|(_, line)| !line.trim_start().starts_with("//"));
    let found = code.filter(|(_, line)| {
        PRINTS.iter().any(|print| {
            line.match_indices(print)
                .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    });
    let told = found.map(|(at, _)| {
        format!("{name}:{}: prints by a macro that panics when stderr or stdout is closed", at + 1)
    });
    told.collect()
}

/// What is wrong with a file.
fn of_file(name: &str, text: &str) -> Vec<String> {
    let mut complaints = prints(name, text);
    let lines = text.lines().count();
    let known = LONGER.iter().find(|(file, _)| *file == name);
    let most = known.map_or(LONGEST, |&(_, most)| most);
    if lines > most {
        complaints.push(format!("{name}: {lines} lines, at most {most}"));
    }
    if known.is_some() && lines <= LONGEST {
        complaints.push(format!("{name}: {lines} lines: take it off the list of longer files"));
    }
    if !text.starts_with("//! ") {
        complaints.push(format!("{name}: does not open with a //! line that says what it is"));
    }
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
    let is_second = (stem.ends_with("_v2") || stem.ends_with("_new")) && !PUBLISHED.contains(&stem);
    if EMPTY_NAMES.contains(&stem) || is_second {
        complaints.push(format!("{name}: the name says nothing of what it holds"));
    }
    complaints
}

/// What a page's links `[text](path)` lead to within the repository.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let paths = ends.filter_map(|link| link.split('#').next());
    paths.filter(|link| !link.is_empty() && !link.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::{before_tests, links, of_file, public_methods};

    #[test]
    fn complaints() {
        let complain = |name: &str, text: &str| of_file(name, text).join("; ");
        assert_eq!(complain("crates/a/src/gelu.rs", "//! gelu.\n"), "");
        assert!(complain("crates/a/src/gelu.rs", "mod x;\n").contains("does not open with"));
        assert!(complain("crates/a/src/utils.rs", "//! All.\n").contains("says nothing"));
        assert!(complain("a.rs", &"//! x\n".repeat(501)).contains("501 lines, at most 500"));
        let engine = "crates/gradus-cpu/src/tile/engine.rs";
        assert_eq!(complain(engine, &"//! x\n".repeat(520)), "");
        assert!(complain("crates/a/src/conv_v2.rs", "//! x\n").contains("says nothing"));
        assert!(complain(engine, "//! x\n").contains("take it off the list"));
        let printing = "//! x\n/// eprintln!(1)\nfn f() {\n    eprintln!(\"x\");\n}\n";
        assert!(complain("crates/a/src/a.rs", printing).starts_with("crates/a/src/a.rs:4: prints"));
        assert_eq!(complain("crates/a/examples/a.rs", printing), "");
        let writing = "//! x\nfn f() {\n    writeln!(out, \"x\");\n    my_print!(1);\n}\n";
        assert_eq!(complain("crates/a/src/a.rs", writing), "");
    }

    #[test]
    fn methods_of_code_that_is_no_test() {
        let code = "#[cfg(test)]\nmod tests;\n\nimpl Tensor {\n    pub fn sort(&self) {\n    }\n\n    \
                    pub fn map<F: Fn(f32)>(\n        &self,\n    ) -> X {\n    }\n\n    \
                    pub fn new(x: X) {\n    }\n}\n";
        for tests in
            ["", "#[test]\nfn f() {}\n", "#[cfg(test)]\nmod tests {\n    pub fn no(&self) {\n"]
        {
            let text = format!("{code}{tests}");
            assert_eq!(before_tests(&text), code);
            assert_eq!(public_methods(&text[..code.len()]).collect::<Vec<_>>(), ["sort", "map"]);
        }
    }

    #[test]
    fn links_within_the_repository() {
        let text = "see [a](b/c.md#d), [web](https://x.y) and [here](#top); (no link)";
        assert_eq!(links(text).collect::<Vec<_>>(), ["b/c.md"]);
    }
}
