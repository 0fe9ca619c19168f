//! Begins a pointwise op: writes its file and its line in `mod.rs`. The new test fails until formula, gradient and oracle
//! are filled in.

use crate::Outcome;
use std::fs;
use std::path::Path;

const FOLDER: &str = "crates/gradus-tensor/src/ops/pointwise";

/// The file of an op `{name}` with the type `{Type}`.
const TEMPLATE: &str = r#"//! {name}(x) = FORMULA   [..] -> [..]   PAPER, arXiv:NUMBER §SECTION

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct {Type};

impl Pointwise<1> for {Type} {
    const NAME: &'static str = "{name}";
    /// Written once over `Real`: arithmetic, `x.exp()`, `x.max(y)`, `R::constant(0.5)`, `R::select(x.lt(y), a, b)`.
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x
    }
    /// dy times the derivative. Leave `grad` out if the derivative that follows from the formula is as good.
    fn grad<R: Real>(&self, [_x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        Some([dy])
    }
}

impl Tensor {
    /// What it computes, in one line.
    ///
    /// **Shape** `[..] -> [..]`. What happens at ±∞, at NaN and at kinks.
    ///
    /// # Panics
    /// If the elements are not floats. (Of a formula that integers have: Never.)
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([-1.0f64, 0.0, 1.0]).{name}().to_vec::<f64>();
    /// assert_eq!(y, [f64::NAN; 3], "write the values here, from a source that is not this op");
    /// ```
    #[track_caller]
    pub fn {name}(&self) -> Tensor {
        apply({Type}, [self])
    }
}

#[test]
fn {name}() {
    crate::ops::check("{name}", |x| x[0].{name}())
        .domain(-4.0..4.0)
        // The formula once more, in plain f64 and in another form where there is one.
        .oracle(|_x| f64::NAN)
        .example(&[&[-1.0, 0.0, 1.0]], &[f64::NAN, f64::NAN, f64::NAN])
        .run();
}
"#;

/// Runs `cargo xtask new-op NAME --pointwise`.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    let (options, names): (Vec<&String>, Vec<_>) =
        arguments.iter().partition(|argument| argument.starts_with("--"));
    let ([name], true) = (&names[..], options.iter().all(|option| *option == "--pointwise")) else {
        return Err("usage: cargo xtask new-op NAME --pointwise".into());
    };
    if options.is_empty() {
        return Err(
            "only pointwise ops have a template (--pointwise); for an op with kernels copy the \
                    folder of a like one, such as crates/gradus-tensor/src/ops/cumsum"
                .into(),
        );
    }
    write(&root.join(FOLDER), name)?;
    println!("{FOLDER}/{name}.rs is begun; fill it in until this passes:");
    println!("  cargo test --package gradus-tensor {name}");
    Ok(())
}

/// Writes the file of `name` in the folder, and its line.
fn write(folder: &Path, name: &str) -> Outcome {
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !starts_well || !name.chars().all(is_plain) {
        return Err(format!("name: found {name:?}, expected a name such as hard_swish"));
    }
    let (file, list) = (folder.join(format!("{name}.rs")), folder.join("mod.rs"));
    if file.exists() {
        return Err(format!("{} exists", file.display()));
    }
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |e: std::io::Error| format!("{path}: {e}")
    };
    let listed = with_line(&fs::read_to_string(&list).map_err(failed(&list))?, name)?;
    let text = TEMPLATE.replace("{name}", name).replace("{Type}", &type_name(name));
    fs::write(&file, text).map_err(failed(&file))?;
    fs::write(&list, listed).map_err(failed(&list))
}

/// The list of modules with one more, in its place by the alphabet.
fn with_line(list: &str, name: &str) -> Result<String, String> {
    let line = format!("mod {name};");
    let mut lines: Vec<&str> = list.lines().collect();
    let is_module = |line: &&str| line.starts_with("mod ") && line.ends_with(';');
    if lines.contains(&&*line) {
        return Err(format!("mod.rs has a module {name} already"));
    }
    let after = lines.iter().position(|l| is_module(l) && **l > *line);
    let last = lines.iter().rposition(is_module).map(|at| at + 1);
    let at = after.or(last).ok_or("mod.rs lists no modules")?;
    lines.insert(at, &line);
    Ok(lines.join("\n") + "\n")
}

/// `hard_swish` as `HardSwish`.
fn type_name(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|c| c.to_ascii_uppercase())
            .into_iter()
            .chain(letters)
            .collect::<String>()
    };
    name.split('_').map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::{FOLDER, write};
    use std::fs;
    use std::path::Path;

    /// The real list, in a copy.
    #[test]
    fn a_file_and_its_line() {
        let copy = tempfile::tempdir().unwrap();
        let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(FOLDER).join("mod.rs");
        let before = fs::read_to_string(&real).unwrap();
        fs::write(copy.path().join("mod.rs"), &before).unwrap();
        write(copy.path(), "hard_gelu2").unwrap();
        let list = fs::read_to_string(copy.path().join("mod.rs")).unwrap();
        assert_eq!(list.replace("mod hard_gelu2;\n", ""), before);
        let modules: Vec<&str> = list.lines().filter(|l| l.starts_with("mod ")).collect();
        assert!(modules.is_sorted() && modules.contains(&"mod hard_gelu2;"));
        let file = fs::read_to_string(copy.path().join("hard_gelu2.rs")).unwrap();
        assert!(file.contains("struct HardGelu2;") && file.contains("fn hard_gelu2()"));
        assert!(!file.contains("{name}") && !file.contains("{Type}"));
        assert!(write(copy.path(), "hard_gelu2").unwrap_err().contains("exists"));
        for bad in ["", "Gelu", "2x", "a-b", "../x"] {
            assert!(write(copy.path(), bad).unwrap_err().contains("expected a name"), "{bad}");
        }
    }
}
