//! Golden files: cases whose inputs are formulas and whose outputs another framework computed.
//! `python/fixture.py` writes them and describes the layout. It panics on a bad file, as tests should.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

/// One case of a golden file: an op, its parameters, inputs by formula and expected outputs.
pub struct GoldenCase {
    json: Value,
    values: Arc<[f32]>,
}

/// All cases of a golden file, in its order.
pub fn read_golden(path: impl AsRef<Path>) -> Vec<GoldenCase> {
    let path = path.as_ref();
    parse(path).unwrap_or_else(|what| panic!("{}: {what}", path.display()))
}

fn parse(path: &Path) -> Result<Vec<GoldenCase>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let (len, rest) = bytes.split_first_chunk::<8>().ok_or("shorter than its header's length")?;
    let len = usize::try_from(u64::from_le_bytes(*len)).map_err(|error| error.to_string())?;
    let (header, data) = rest.split_at_checked(len).ok_or("shorter than its header")?;
    let header: Value = serde_json::from_slice(header).map_err(|error| error.to_string())?;
    let cases = header["__metadata__"]["cases"].as_str().ok_or("no `cases` in its metadata")?;
    let cases: Vec<Value> = serde_json::from_str(cases).map_err(|error| error.to_string())?;
    let values: Arc<[f32]> = data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let case = |json| GoldenCase { json, values: values.clone() };
    Ok(cases.into_iter().map(case).collect())
}

/// `count` elements of the formula that the inputs of golden files come from:
/// `(k - 2^23) / 2^23` with `k = ((i * 2654435761 + salt * 40503) mod 2^32) >> 8`.
pub fn formula(count: usize, salt: u32) -> impl Iterator<Item = f64> {
    let offset = salt.wrapping_mul(40_503);
    (0..count as u32).map(move |i| {
        let k = i.wrapping_mul(2_654_435_761).wrapping_add(offset) >> 8;
        (f64::from(k) - 8_388_608.0) / 8_388_608.0
    })
}

impl GoldenCase {
    /// What was computed.
    pub fn op(&self) -> &str {
        self.text("op")
    }

    /// A parameter that is a word.
    pub fn text(&self, name: &str) -> &str {
        self.parameter(name).as_str().unwrap_or_else(|| self.wrong(name, "a word"))
    }

    /// A parameter that is a number.
    pub fn number(&self, name: &str) -> f64 {
        self.parameter(name).as_f64().unwrap_or_else(|| self.wrong(name, "a number"))
    }

    /// A parameter that is a size.
    pub fn size(&self, name: &str) -> usize {
        size_of(self.parameter(name)).unwrap_or_else(|| self.wrong(name, "a size"))
    }

    /// A parameter that is yes or no.
    pub fn flag(&self, name: &str) -> bool {
        self.parameter(name).as_bool().unwrap_or_else(|| self.wrong(name, "yes or no"))
    }

    /// A parameter that is a list of sizes, one per spatial axis.
    pub fn sizes(&self, name: &str) -> Vec<usize> {
        sizes_of(self.parameter(name)).unwrap_or_else(|| self.wrong(name, "a list of sizes"))
    }

    /// A parameter that is a list of (before, after) sizes, one per spatial axis.
    pub fn pairs(&self, name: &str) -> Vec<(usize, usize)> {
        let pair = |value| match sizes_of(value)?[..] {
            [before, after] => Some((before, after)),
            _ => None,
        };
        let list = self.parameter(name).as_array();
        list.and_then(|list| list.iter().map(pair).collect())
            .unwrap_or_else(|| self.wrong(name, "a list of pairs"))
    }

    /// Whether the case has this input.
    pub fn has_input(&self, name: &str) -> bool {
        self.json["in"].get(name).is_some()
    }

    /// Shape and elements of a floating-point input.
    pub fn input(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let (entry, shape) = self.entry("in", name);
        let salt =
            entry["salt"].as_u64().unwrap_or_else(|| self.wrong(name, "an input with a salt"));
        let scale = entry["scale"].as_f64().unwrap_or(1.0);
        let shift = entry["shift"].as_f64().unwrap_or(0.0);
        let values = formula(shape.iter().product(), salt as u32);
        let values = values.map(|value| (value * scale + shift) as f32).collect();
        (shape, values)
    }

    /// Shape and elements of an integer input.
    pub fn ints(&self, name: &str) -> (Vec<usize>, Vec<i64>) {
        let (entry, shape) = self.entry("in", name);
        let ints =
            entry["ints"].as_array().and_then(|ints| ints.iter().map(Value::as_i64).collect());
        (shape, ints.unwrap_or_else(|| self.wrong(name, "an input of integers")))
    }

    /// The names of what was computed: `y`, gradients such as `dx`, and what else the op gives.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        let object = self.json["out"].as_object();
        object.into_iter().flatten().map(|(name, _)| name.as_str())
    }

    /// Shape and elements of an expected output.
    pub fn output(&self, name: &str) -> (Vec<usize>, &[f32]) {
        let (entry, shape) = self.entry("out", name);
        let at =
            size_of(&entry["at"]).unwrap_or_else(|| self.wrong(name, "an output with a place"));
        let len: usize = shape.iter().product();
        let values = self.values.get(at..at + len);
        (shape, values.unwrap_or_else(|| self.wrong(name, "an output inside the file")))
    }

    fn entry(&self, side: &str, name: &str) -> (&Value, Vec<usize>) {
        let entry = &self.json[side][name];
        let shape = sizes_of(&entry["shape"]);
        (entry, shape.unwrap_or_else(|| self.wrong(name, "an array with a shape")))
    }

    fn parameter(&self, name: &str) -> &Value {
        &self.json[name]
    }

    fn wrong(&self, name: &str, expected: &str) -> ! {
        panic!("golden case {self}: found {} for `{name}`, expected {expected}", self.json[name])
    }
}

/// The case as JSON: enough to find it, and to compute it anew.
impl fmt::Display for GoldenCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.json.fmt(f)
    }
}

fn size_of(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}

fn sizes_of(value: &Value) -> Option<Vec<usize>> {
    value.as_array()?.iter().map(size_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conv() -> Vec<GoldenCase> {
        read_golden(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../gradus-tensor/tests/fixtures/conv.safetensors"
        ))
    }

    #[test]
    fn every_output_lies_in_the_file() {
        let cases = conv();
        assert!(cases.len() >= 500, "{} cases", cases.len());
        for case in &cases {
            for name in case.outputs() {
                let (shape, values) = case.output(name);
                assert_eq!(shape.iter().product::<usize>(), values.len(), "{case}");
            }
        }
    }

    /// A 1 x 1 image under a 1 x 1 kernel: y = x w + b, dx = c w, dw = c x, db = c.
    #[test]
    fn the_formula_gives_the_inputs_that_the_outputs_came_from() {
        let cases = conv();
        let smallest = |case: &&GoldenCase| {
            case.op() == "conv2d" && case.input("x").0 == [1, 1, 1, 1] && case.has_input("b")
        };
        let case = cases.iter().find(smallest).expect("the smallest convolution");
        let [x, w, b, c] = ["x", "w", "b", "c"].map(|name| f64::from(case.input(name).1[0]));
        for (name, expected) in [("y", x * w + b), ("dx", c * w), ("dw", c * x), ("db", c)] {
            assert_eq!(case.output(name).1, [expected as f32], "{name}");
        }
    }

    #[test]
    fn a_missing_parameter_is_named() {
        let case = conv().swap_remove(0);
        let failure = std::panic::catch_unwind(|| case.sizes("absent")).unwrap_err();
        let message = failure.downcast::<String>().expect("a message");
        assert!(
            message.ends_with("found null for `absent`, expected a list of sizes"),
            "{message}"
        );
    }
}
