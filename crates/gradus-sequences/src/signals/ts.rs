//! `.ts` files, as the archive of time series of the Universities of East Anglia and California Riverside has them: directives, then a sequence a line.

use gradus_data::{DataError, Place, Result, count, decode_text, quote};

/// What a `.ts` file holds.
///
/// ```
/// use gradus_sequences::signals::parse_ts;
/// let file = "# two channels\n@problemName Taps\n@timeStamps false\n@dimensions 2\n@classLabel true left right\n@data\n1,2,?:0,0.5,1:left\n3:4:right\n";
/// let read = parse_ts(file.as_bytes(), "taps.ts")?;
/// assert_eq!((read.channels, read.labels), (2, vec!["left".to_owned(), "right".into()]));
/// assert_eq!(read.samples[1], [3.0, 4.0]); // step by step
/// assert!(read.samples[0][4].is_nan() && read.samples[0].len() == 6); // what is missing
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ts {
    /// What the file calls its problem.
    pub problem: String,
    /// Numbers of a step.
    pub channels: usize,
    /// The numbers of each sequence, step by step; NaN where one is missing.
    pub samples: Vec<Vec<f64>>,
    /// The label of each.
    pub labels: Vec<String>,
    /// The line of each, from 1.
    pub lines: Vec<u64>,
}

/// What the directives say.
#[derive(Default)]
struct Directives {
    problem: String,
    channels: Option<usize>,
    /// How many steps each sequence has, if that is said.
    steps: Option<usize>,
    /// The labels there are, if they have any.
    classes: Option<Vec<String>>,
}

/// Parses a `.ts` file's bytes; `name` is the file's in errors. Names of directives may be in capitals or not.
///
/// # Errors
/// When the bytes are no text, a directive or a number is not what it should be, a sequence has other channels, steps or labels than the directives say,
/// or values have times: a network here reads steps.
pub fn parse_ts(bytes: &[u8], name: &str) -> Result<Ts> {
    let (text, _) = decode_text(bytes, name, "a .ts file of plain text")?;
    let mut directives = Directives::default();
    let mut read = Ts::default();
    let mut in_data = false;
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if in_data {
            read.sample(name, line, text, &directives)?;
        } else {
            in_data = directives.read(name, line, text)?;
        }
    }
    if read.samples.is_empty() {
        let (found, expected) = match in_data {
            true => ("no sequence after @data", "one at least"),
            false => ("no @data", "directives, @data, then a sequence a line"),
        };
        return Err(DataError::malformed(name, Place::Whole, found, expected));
    }
    read.problem = directives.problem;
    Ok(read)
}

impl Directives {
    /// Reads a line before the data, and says whether these begin.
    fn read(&mut self, name: &str, line: u64, text: &str) -> Result<bool> {
        let wrong = |found: String, expected: &str| {
            Err(DataError::malformed(name, Place::Line(line), found, expected))
        };
        let mut words = text.split_whitespace();
        let directive = words.next().unwrap_or_default().to_lowercase();
        let values: Vec<&str> = words.collect();
        let value = values.first().copied().unwrap_or_default().to_lowercase();
        let number = || match value.parse::<usize>() {
            Ok(n) if (1..=1 << 20).contains(&n) => Ok(Some(n)),
            _ => Err(DataError::malformed(
                name,
                Place::Line(line),
                format!("{directive} {}", quote(&value)),
                "a number from 1",
            )),
        };
        match directive.as_str() {
            "@data" => match &self.classes {
                Some(_) => return Ok(true),
                None => {
                    return wrong(
                        "@data without @classLabel before it".into(),
                        "@classLabel true and the labels",
                    );
                }
            },
            "@problemname" => self.problem = values.join(" "),
            "@timestamps" if value == "true" => {
                return wrong(
                    "values with times".into(),
                    "values alone (@timeStamps false), a step each",
                );
            }
            "@univariate" if value == "true" => self.channels = Some(1),
            "@dimensions" | "@dimension" => self.channels = number()?,
            "@serieslength" => self.steps = number()?,
            "@classlabel" if value == "true" => {
                self.classes = Some(values[1..].iter().map(|&label| label.to_owned()).collect());
            }
            "@classlabel" => {
                return wrong(
                    "sequences without a label".into(),
                    "@classLabel true and the labels",
                );
            }
            "@targetlabel" if value == "true" => {
                return wrong(
                    "numbers to be learned (@targetLabel)".into(),
                    "@classLabel true and the labels",
                );
            }
            other if other.starts_with('@') => {}
            other => {
                let found =
                    format!("{} before @data", quote(&other.chars().take(40).collect::<String>()));
                return wrong(found, "a directive that begins with @, or a comment with #");
            }
        }
        Ok(false)
    }
}

impl Ts {
    /// Reads a line of data: channels between colons, values between commas, the label last.
    fn sample(&mut self, name: &str, line: u64, text: &str, said: &Directives) -> Result<()> {
        let wrong = |found: String, expected: String| {
            Err(DataError::malformed(name, Place::Line(line), found, expected))
        };
        if text.contains('(') {
            let expected = "values between commas, a step each: no times";
            return wrong("values with times, in brackets".into(), expected.into());
        }
        let mut parts: Vec<&str> = text.split(':').map(str::trim).collect();
        let label = parts.pop().unwrap_or_default();
        let known = said.classes.as_deref().unwrap_or_default();
        if label.is_empty() || (!known.is_empty() && !known.iter().any(|class| class == label)) {
            let shown: String = label.chars().take(40).collect();
            let expected =
                format!("one of the labels of @classLabel at the line's end: {}", some_of(known));
            return wrong(format!("the label {}", quote(&shown)), expected);
        }
        let expected = said.channels.or((self.channels > 0).then_some(self.channels));
        if parts.is_empty() || expected.is_some_and(|channels| channels != parts.len()) {
            let expected = expected.unwrap_or(1);
            return wrong(
                count(parts.len(), "channel"),
                format!("{expected}, between colons, before the label"),
            );
        }
        let channels = parts.len();
        let mut columns: Vec<Vec<f64>> = vec![];
        for part in &parts {
            columns.push(
                part.split(',').map(|value| number(name, line, value)).collect::<Result<_>>()?,
            );
        }
        let steps = columns[0].len();
        if let Some(channel) = columns.iter().position(|column| column.len() != steps) {
            let found =
                format!("{} in channel {}", count(columns[channel].len(), "value"), channel + 1);
            return wrong(found, format!("{steps}, as many as in channel 1"));
        }
        if let Some(told) = said.steps.filter(|&told| told != steps) {
            return wrong(count(steps, "value"), format!("{told}, as @seriesLength says"));
        }
        let rows = (0..steps).flat_map(|step| columns.iter().map(move |column| column[step]));
        self.samples.push(rows.collect());
        self.channels = channels;
        self.labels.push(label.to_owned());
        self.lines.push(line);
        Ok(())
    }
}

/// A value; NaN where it is missing.
fn number(name: &str, line: u64, text: &str) -> Result<f64> {
    let text = text.trim();
    if text == "?" || text.eq_ignore_ascii_case("nan") {
        return Ok(f64::NAN);
    }
    text.parse().ok().filter(|x: &f64| x.is_finite() && x.abs() <= f64::from(f32::MAX)).ok_or_else(
        || {
            let shown: String = text.chars().take(40).collect();
            DataError::malformed(
                name,
                Place::Line(line),
                quote(&shown),
                "a number, or ? where one is missing",
            )
        },
    )
}

/// The first few of a list.
fn some_of(labels: &[String]) -> String {
    let first: Vec<String> = labels
        .iter()
        .take(8)
        .map(|label| quote(&label.chars().take(40).collect::<String>()))
        .collect();
    first.join(", ") + if labels.len() > 8 { ", …" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::parse_ts;

    fn refused(text: &str) -> String {
        parse_ts(text.as_bytes(), "t.ts").unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line() {
        let head = "@classlabel true a b\n@data\n";
        let of = |line: &str| refused(&format!("{head}{line}\n"));
        assert_eq!(
            of("1,2:c"),
            "t.ts, line 3: found the label \"c\", expected one of the labels of @classLabel at the line's end: \"a\", \"b\""
        );
        assert_eq!(
            of("1,x:a"),
            "t.ts, line 3: found \"x\", expected a number, or ? where one is missing"
        );
        assert_eq!(
            of("1,inf:a"),
            "t.ts, line 3: found \"inf\", expected a number, or ? where one is missing"
        );
        assert_eq!(
            of("1,2:3:a"),
            "t.ts, line 3: found 1 value in channel 2, expected 2, as many as in channel 1"
        );
        assert_eq!(
            of("(2011-01-01 00:00,1):a"),
            "t.ts, line 3: found values with times, in brackets, expected values between commas, a step each: no times"
        );
        assert_eq!(
            of("a"),
            "t.ts, line 3: found 0 channels, expected 1, between colons, before the label"
        );
        assert!(of("1:a\n1:2:b").contains("line 4: found 2 channels, expected 1"));
        assert_eq!(refused(head), "t.ts: found no sequence after @data, expected one at least");
        assert_eq!(
            refused("1,2:a\n"),
            "t.ts, line 1: found \"1,2:a\" before @data, expected a directive that begins with @, or a comment with #"
        );
        assert!(refused("@timestamps true\n").contains("line 1: found values with times"));
        assert!(refused("@targetLabel true\n").contains("numbers to be learned"));
        assert!(refused("@classLabel false\n").contains("sequences without a label"));
        assert!(refused("@data\n1:a\n").contains("@data without @classLabel"));
        assert!(
            refused("@dimensions 0\n")
                .contains("line 1: found @dimensions \"0\", expected a number from 1")
        );
        assert!(
            refused(&format!("@seriesLength 3\n{head}1,2:a"))
                .contains("line 4: found 2 values, expected 3, as @seriesLength says")
        );
        assert!(refused("").contains("no @data"));
    }

    #[test]
    fn directives_may_be_in_capitals_and_lines_end_as_windows_has_them() {
        let read = parse_ts(b"@PROBLEMNAME x y\r\n@UNIVARIATE true\r\n@CLASSLABEL TRUE 0 1\r\n@DATA\r\n 1 , NaN :0\r\n\r\n2,3:1\r\n", "t").unwrap();
        assert_eq!((read.problem.as_str(), read.channels, read.lines), ("x y", 1, vec![5, 7]));
        assert_eq!(
            (read.samples[0][0], read.samples[0][1].is_nan(), &read.samples[1][..]),
            (1.0, true, &[2.0, 3.0][..])
        );
    }
}
