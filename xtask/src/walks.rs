//! The walks that documents describe, step by step: the file of each step is there, and in it the function.

use std::fs;
use std::path::Path;

/// The documents with walks.
const PAGES: &[&str] = &["README.md", "ARCHITECTURE.md"];

/// Steps that lead nowhere.
pub fn complaints(root: &Path) -> Result<Vec<String>, String> {
    let mut found = vec![];
    for page in PAGES {
        let text = fs::read_to_string(root.join(page)).map_err(|e| format!("{page}: {e}"))?;
        let steps: Vec<(&str, &str)> = text.lines().filter_map(step).collect();
        if steps.is_empty() {
            found.push(format!("{page}: has no walk"));
        }
        for (file, function) in steps {
            let code = fs::read_to_string(root.join(file)).unwrap_or_default();
            let there =
                ["(", "<"].iter().any(|next| code.contains(&format!("fn {function}{next}")));
            if !there {
                found.push(format!(
                    "{page}: the walk passes {function} in {file}, which is not there"
                ));
            }
        }
    }
    Ok(found)
}

/// The file and the function of a walk's line: ``3. `FILE` `FUNCTION`: …`` or ``3. [`NAME`](FILE) `FUNCTION`: …``.
fn step(line: &str) -> Option<(&str, &str)> {
    let (number, rest) = line.split_once(". ")?;
    number.parse::<u32>().ok()?;
    let (file, rest) = match rest.strip_prefix('[') {
        Some(link) => link.split_once("](")?.1.split_once(") ")?,
        None => rest.strip_prefix('`')?.split_once("` ")?,
    };
    let (function, _) = rest.strip_prefix('`')?.split_once("`:")?;
    Some((file, function))
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn steps_are_told_from_other_lines() {
        assert_eq!(step("2. `a/b.rs` `run`: goes on."), Some(("a/b.rs", "run")));
        assert_eq!(step("3. [`b.rs`](a/b.rs) `new`: is made."), Some(("a/b.rs", "new")));
        assert_eq!(step("4. Something else: `x`."), None);
    }
}
