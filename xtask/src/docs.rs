//! What the documentation of every public function of tensors tells: its shapes, what it refuses, an example with numbers.

/// Where tensors are.
const TENSORS: &str = "crates/gradus-tensor/src/";
/// The types whose public methods users compute with. Of other functions those count whose signature names a tensor.
const TYPES: &[&str] = &["Tensor", "Variable", "Key"];

/// A public function.
#[derive(Debug, PartialEq)]
struct Function<'a> {
    name: &'a str,
    /// Counted from 1.
    line: usize,
    signature: &'a str,
    doc: String,
}

/// How many public functions of tensors a file has, and what their documentation lacks. `code` is the file's text without tests.
pub fn complaints(file: &str, code: &str) -> (usize, Vec<String>) {
    if !file.starts_with(TENSORS) {
        return (0, vec![]);
    }
    let all = functions(code);
    let complain = |f: &Function<'_>| match f.lacks() {
        lacks if lacks.is_empty() => None,
        lacks => Some(format!("{file}:{}: {} lacks {}", f.line, f.name, lacks.join(", "))),
    };
    (all.len(), all.iter().filter_map(complain).collect())
}

/// The public functions of tensors, and of types that count.
fn functions(code: &str) -> Vec<Function<'_>> {
    let (mut all, mut within, mut doc) = (vec![], "", String::new());
    let mut at = 0;
    for (line, text) in (1..).zip(code.split_inclusive('\n')) {
        let begin = at;
        at += text.len();
        let inner = text.trim();
        if let Some(sentence) = inner.strip_prefix("///") {
            doc += sentence.trim_start();
            doc.push('\n');
            continue;
        }
        if text.starts_with("impl") || text.starts_with('}') {
            within = implemented(text);
        }
        let signature = code[begin..].split(" {\n").next().unwrap_or("");
        if let Some(name) = public(text, within, signature) {
            all.push(Function { name, line, signature, doc: std::mem::take(&mut doc) });
        } else if !inner.starts_with("#[") {
            doc.clear();
        }
    }
    all
}

/// The type that the methods below are of: of `impl<F> Compiled<F> {` it is `Compiled`; of a trait's there is none.
fn implemented(line: &str) -> &str {
    let of = line.trim_end().strip_suffix(" {").unwrap_or("").rsplit(' ').next().unwrap_or("");
    if line.contains(" for ") { "" } else { of.split('<').next().unwrap_or("") }
}

/// The name of the function that begins in this line, if it is a public one that counts.
fn public<'a>(line: &'a str, within: &str, signature: &str) -> Option<&'a str> {
    let counts = match line.starts_with(' ') {
        true => TYPES.contains(&within),
        false => signature.contains("Tensor"),
    };
    let rest = line.trim_start().strip_prefix("pub ").filter(|_| counts)?;
    let name = rest.strip_prefix("const ").unwrap_or(rest).strip_prefix("fn ")?;
    name.split(['(', '<']).next()
}

impl Function<'_> {
    /// The parts that the documentation should have and has not.
    fn lacks(&self) -> Vec<&'static str> {
        // A heading with nothing below says nothing.
        let below = |heading: &str| {
            let section = self.doc.split_once(heading).and_then(|(_, rest)| rest.lines().next());
            section.is_some_and(|line| !line.is_empty() && !line.starts_with("```"))
        };
        let first = self.doc.lines().next().unwrap_or("");
        let other = ["**", "# ", "```"].iter().any(|part| first.starts_with(part));
        let refusals = if self.signature.contains("-> Result<") { "# Errors" } else { "# Panics" };
        let parts = [
            (!first.is_empty() && !other, "a first sentence"),
            (self.doc.contains("\n**Shape** "), "**Shape**"),
            (below(&format!("\n{refusals}\n")), refusals),
            (self.doc.contains("\n```\n"), "an example"),
        ];
        parts.into_iter().filter(|(there, _)| !there).map(|(_, part)| part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{complaints, functions};

    const WHOLE: &str = "    /// The sum.\n    ///\n    /// **Shape** `[..] -> []`.\n    ///\n    /// # Panics\n    \
                         /// Never.\n    ///\n    /// ```\n    /// x.sum();\n    /// ```\n    #[track_caller]\n    \
                         pub fn sum(&self) -> Tensor {\n        0\n    }\n";

    fn lacking(method: &str) -> String {
        let code = format!("impl Tensor {{\n{method}}}\n");
        complaints("crates/gradus-tensor/src/a.rs", &code).1.join("; ")
    }

    #[test]
    fn what_is_missing_is_named() {
        let at = "crates/gradus-tensor/src/a.rs:";
        assert_eq!(lacking(WHOLE), "");
        let none = "    pub fn sum(&self) -> Tensor {\n    }\n";
        let all = "a first sentence, **Shape**, # Panics, an example";
        assert_eq!(lacking(none), format!("{at}2: sum lacks {all}"));
        let without = |part: &str| lacking(&WHOLE.replace(part, ""));
        assert_eq!(
            without("    /// **Shape** `[..] -> []`.\n"),
            format!("{at}12: sum lacks **Shape**")
        );
        assert_eq!(without("# Panics"), format!("{at}13: sum lacks # Panics"));
        assert_eq!(without(" Never."), format!("{at}13: sum lacks # Panics"));
        assert_eq!(without("    /// ```\n"), format!("{at}11: sum lacks an example"));
        assert_eq!(without("The sum."), format!("{at}13: sum lacks a first sentence"));
        let fallible = WHOLE.replace("-> Tensor", "-> Result<Tensor>");
        assert_eq!(lacking(&fallible), format!("{at}13: sum lacks # Errors"));
        assert_eq!(lacking(&fallible.replace("# Panics", "# Errors")), "");
    }

    #[test]
    fn functions_that_count() {
        let code = "impl Tensor {\n    pub fn a(&self) {\n    }\n    pub(crate) fn b(&self) {\n    }\n    fn c() {\n    }\n}\n\
                    impl<F> Compiled<F> {\n    pub fn d(&self) {\n    }\n}\n\
                    impl From<Tensor> for Variable {\n    pub fn e() {\n    }\n}\n\
                    impl Variable {\n    pub const fn f<T>(\n        self,\n    ) {\n    }\n}\n\
                    pub fn g(x: &Tensor) {\n}\npub fn h(x: f32) {\n}\n";
        let found = functions(code);
        let names: Vec<(&str, usize)> = found.iter().map(|f| (f.name, f.line)).collect();
        assert_eq!(names, [("a", 2), ("f", 18), ("g", 23)]);
        assert_eq!(complaints("crates/gradus-nn/src/a.rs", code), (0, vec![]));
    }
}
