//! The modules of a folder are floors of a house: what a floor needs lies below it. A circle of modules that import each other, such as
//! `settings → training → settings`, is a complaint. A folder counts as its module; what is in it may import each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders whose modules must not import each other in a circle.
const FOLDERS: &[&str] = &[
    "crates/gradus-cli/src",
    "crates/gradus-graph/src/plan",
    "crates/gradus-graph/src/plan/lower",
];

/// Which modules each module imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// A complaint for each folder in which modules import each other in a circle, among these files.
pub fn complaints(root: &Path, files: &[PathBuf]) -> Result<Vec<String>, String> {
    let mut all = vec![];
    for name in FOLDERS {
        let src = root.join(name);
        // Within a crate `crate::` leads out of the folder.
        let is_crate = name.ends_with("/src");
        let mut sources = vec![];
        for file in files {
            if let Ok(below) = file.strip_prefix(&src) {
                let text = fs::read_to_string(file).map_err(|e| format!("{name}: {e}"))?;
                let text = if is_crate { text } else { text.replace("crate::", "outside::") };
                sources.push((below.to_owned(), text));
            }
        }
        if let Some(circle) = circle(&imports(&sources)) {
            let circle = circle.join(" → ");
            all.push(format!("{name}: its modules import each other in a circle: {circle}"));
        }
    }
    Ok(all)
}

/// Which module imports which, of a crate's files by their paths below `src`. The crate's own file is called `lib`: it holds all
/// modules, so nothing may be imported from it.
fn imports(sources: &[(PathBuf, String)]) -> Imports {
    let modules: BTreeSet<String> = sources.iter().map(|(path, _)| module(path)).collect();
    let mut imports = Imports::new();
    for (path, text) in sources {
        let own = module(path);
        let known = |name: String| if modules.contains(&name) { name } else { "lib".into() };
        let found = match own.as_str() {
            "lib" => modules.clone(),
            _ => {
                let inside = imported(text, depth(path)).into_iter().filter(|n| n != "super");
                inside.map(known).collect()
            }
        };
        imports.entry(own.clone()).or_default().extend(found.into_iter().filter(|m| *m != own));
    }
    imports
}

/// `settings` of `settings.rs`, `settings/mod.rs` and `settings/training.rs`.
fn module(path: &Path) -> String {
    if path == Path::new("mod.rs") {
        return "lib".to_owned();
    }
    let first = path.iter().next().map(Path::new).unwrap_or(path);
    first.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// How many times `super` it is from a file to the crate.
fn depth(path: &Path) -> usize {
    path.iter().count() - usize::from(path.ends_with("mod.rs"))
}

/// The first names of all paths of a file that begin at the crate: `crate::aim::Aim`, `crate::{aim, suggest::unknown}`, and as
/// many times `super` in an import at the top.
fn imported(text: &str, depth: usize) -> Vec<String> {
    let to_crate = format!("use {}", "super::".repeat(depth));
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or(""))
        .flat_map(|line| match line.strip_prefix(&to_crate) {
            Some(rest) => ["use crate::", rest, "\n"],
            None => ["", line, "\n"],
        })
        .collect();
    let whole =
        |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || "_$".contains(c));
    let starts = code.match_indices("crate::").filter(|(at, _)| whole(*at));
    starts.flat_map(|(at, path)| first_names(&code[at + path.len()..])).collect()
}

/// The names with which a path or a group of paths begins.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut level, mut names, mut begins) = (1, vec![], true);
    for (at, c) in group.char_indices() {
        level += i32::from(c == '{') - i32::from(c == '}');
        if begins && !c.is_whitespace() && c != '}' {
            names.push(name(&group[at..]));
            begins = false;
        }
        begins |= level == 1 && c == ',';
        if level == 0 {
            break;
        }
    }
    names
}

/// A circle, if there is one, that ends where it begins.
fn circle(imports: &Imports) -> Option<Vec<&str>> {
    let mut done = BTreeSet::new();
    imports.keys().find_map(|module| circle_from(module, imports, &mut vec![], &mut done))
}

/// Walks on from a module that was come to by a way; `done` are those from which no circle is reached.
fn circle_from<'a>(
    module: &'a str,
    imports: &'a Imports,
    way: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<&'a str>> {
    if let Some(at) = way.iter().position(|passed| *passed == module) {
        return Some([&way[at..], &[module]].concat());
    }
    if done.contains(module) {
        return None;
    }
    way.push(module);
    let found = imports.get(module)?.iter().find_map(|next| circle_from(next, imports, way, done));
    way.pop();
    done.insert(module);
    found
}

#[cfg(test)]
mod tests {
    use super::{circle, imported, imports};
    use std::path::PathBuf;

    fn circle_of(files: &[(&str, &str)]) -> String {
        let owned = |(path, text): &(&str, &str)| (PathBuf::from(*path), (*text).to_owned());
        let imports = imports(&files.iter().map(owned).collect::<Vec<_>>());
        circle(&imports).unwrap_or_default().join(" ")
    }

    #[test]
    fn circles_are_found() {
        let lib = ("lib.rs", "mod a; mod b; mod c;");
        let (a, b) = (("a.rs", "use crate::b::B;"), ("b/mod.rs", "mod inner;"));
        let straight = ("b/inner.rs", "use super::B;\nuse crate::c;\nuse crate::b::B;");
        assert_eq!(circle_of(&[lib, a, b, straight, ("c.rs", "")]), "");
        let back = ("c.rs", "fn f() -> crate::a::A {}");
        assert_eq!(circle_of(&[lib, a, b, straight, back]), "a b c a");
        let above = ("b/inner.rs", "use super::super::a::A;");
        assert_eq!(circle_of(&[lib, a, b, above, ("c.rs", "")]), "a b a");
        let of_lib = ("c.rs", "use crate::message;");
        assert_eq!(circle_of(&[lib, a, b, straight, of_lib]), "a b c lib a");
    }

    #[test]
    fn paths_begin_with_modules() {
        let text = "use crate::{a::{self, x}, b,\n    c::y};\n// crate::d\nlet x = crate::e::f();\nmy_crate::g();\nuse super::h;";
        assert_eq!(imported(text, 1), ["a", "b", "c", "e", "h"]);
        assert_eq!(imported(text, 2), ["a", "b", "c", "e"]);
    }
}
