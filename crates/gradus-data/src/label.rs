//! How a label is spelled: one rule for tables that are learned from, tested on and predicted, and for lists of classes.

/// The spelling of a label by which classes are told apart: without blanks around it, and a number in its shortest form, so
/// that `1`, ` 1`, `1.0`, `01` and `1e0` are one class.
///
/// ```
/// use gradus_data::label_spelling;
/// let spelled = |text| label_spelling(text).into_owned();
/// assert_eq!(["1", " 1 ", "1.0", "01", "+1", "1e0"].map(spelled), ["1"; 6]);
/// assert_eq!([" rose", "-0.50", "1.5e-3", "-0"].map(spelled), ["rose", "-0.5", "0.0015", "0"]);
/// // What only looks like a number stays as it is, and no digit of a long one is lost.
/// assert_eq!(spelled("1.2.3"), "1.2.3");
/// assert_eq!(spelled("nan"), "nan");
/// assert_eq!(spelled("900719925474099301"), "900719925474099301");
/// ```
pub fn label_spelling(text: &str) -> std::borrow::Cow<'_, str> {
    let text = text.trim();
    match shortest(text) {
        Some(number) if number != text => number.into(),
        _ => text.into(),
    }
}

/// A number in its shortest form; `None` for what is no number.
fn shortest(text: &str) -> Option<String> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    // `inf` and `nan` are names.
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let value: f64 = digits.parse().ok().filter(|x: &f64| x.is_finite())?;
    let sign = if negative && value != 0.0 { "-" } else { "" };
    if digits.contains(['e', 'E']) {
        return Some(format!("{sign}{value}"));
    }
    // Without an exponent by its digits, of which an f64 may not hold all.
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}
