//! Every dependency's licence lets anyone use, change and sell what is made with it.

use crate::{Outcome, cargo, output};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// SPDX names of licences that ask for no more than their text to be kept.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Checks the packages of the lock file and counts them.
pub fn run(root: &Path, _arguments: &[String]) -> Outcome {
    let text = output(cargo(root).args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value =
        serde_json::from_str(&text).map_err(|e| format!("cargo metadata: {e}"))?;
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let (mut counts, mut refused) = (BTreeMap::<String, usize>::new(), vec![]);
    for package in packages.iter().filter(|package| !package["source"].is_null()) {
        let licence = package["license"].as_str().unwrap_or("none stated");
        if !allowed(licence) {
            let (name, version) = (&package["name"], &package["version"]);
            refused.push(format!("{} {}: {licence}", name.as_str().unwrap_or("?"), version));
        }
        *counts.entry(licence.replace('/', " OR ")).or_default() += 1;
    }
    if !refused.is_empty() {
        let list = refused.join("\n  ");
        return Err(format!("licences that are not among those allowed:\n  {list}"));
    }
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    for (licence, count) in sorted {
        println!("{count:>4}  {licence}");
    }
    let ours = packages.iter().filter(|package| package["source"].is_null()).count();
    println!("{} packages in the lock file, {ours} of them Gradus's own", packages.len());
    Ok(())
}

/// Whether an SPDX expression can be satisfied with allowed licences only.
fn allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = &words[..];
    matches!(any(&mut rest), Some(true)) && rest.is_empty()
}

/// `a OR b`; `None` where it is no expression.
fn any(rest: &mut &[&str]) -> Option<bool> {
    let mut value = all(rest)?;
    while let Some((&"OR", after)) = rest.split_first() {
        *rest = after;
        value |= all(rest)?;
    }
    Some(value)
}

/// `a AND b`, which binds more tightly.
fn all(rest: &mut &[&str]) -> Option<bool> {
    let mut value = one(rest)?;
    while let Some((&"AND", after)) = rest.split_first() {
        *rest = after;
        value &= one(rest)?;
    }
    Some(value)
}

/// A name, perhaps with an exception (which only gives more freedom), or an expression in brackets.
fn one(rest: &mut &[&str]) -> Option<bool> {
    let (&word, after) = rest.split_first()?;
    *rest = after;
    if word == "(" {
        let value = any(rest)?;
        let (&close, after) = rest.split_first()?;
        *rest = after;
        return (close == ")").then_some(value);
    }
    if let [first, _exception, after @ ..] = *rest
        && *first == "WITH"
    {
        *rest = after;
    }
    Some(ALLOWED.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn expressions() {
        for good in [
            "MIT",
            "MIT OR Apache-2.0",
            "MIT/Apache-2.0",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR MIT",
            "GPL-3.0 OR MIT",
            "MIT AND (GPL-2.0-only OR ISC)",
        ] {
            assert!(allowed(good), "{good}");
        }
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "none stated", "", "(MIT", "MIT OR", "MIT MIT"] {
            assert!(!allowed(bad), "{bad}");
        }
    }
}
