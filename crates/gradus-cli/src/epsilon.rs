//! Distances between pictures whose pixels go from 0 to 1: numbers, or fractions such as 8/255.

/// A distance, perhaps a fraction; `of_a_pixel` if it is how far a single pixel may go.
///
/// # Errors
/// When it is no number above 0, or beyond 1 where it is one of a single pixel.
pub fn distance(text: &str, of_a_pixel: bool) -> Result<f64, String> {
    let wrong = |expected: &str| Err(format!("found {:?}, expected {expected}", text.trim()));
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let parsed = match text.split_once('/') {
        Some((over, under)) => number(over).zip(number(under)).map(|(over, under)| over / under),
        None => number(text),
    };
    match parsed.filter(|x| x.is_finite()) {
        None => wrong("a number such as 0.1 or 8/255"),
        Some(x) if x <= 0.0 => wrong("a number above 0"),
        Some(x) if of_a_pixel && x > 1.0 => {
            wrong("at most 1: pixels go from 0 to 1, so 8 of 255 steps are 8/255")
        }
        Some(x) => Ok(x),
    }
}

/// How far a pixel may go, as an option says it.
pub fn of_a_pixel(text: &str) -> Result<f64, String> {
    distance(text, true)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances_are_numbers_or_fractions() {
        assert_eq!(distance("8/255", true), Ok(8.0 / 255.0));
        assert_eq!(distance(" 0.1", true), Ok(0.1));
        assert_eq!(distance("2.5", false), Ok(2.5));
        let told = |text| distance(text, true).unwrap_err();
        assert_eq!(told("0"), "found \"0\", expected a number above 0");
        assert_eq!(told("-0.1"), "found \"-0.1\", expected a number above 0");
        let beyond =
            "found \"8\", expected at most 1: pixels go from 0 to 1, so 8 of 255 steps are 8/255";
        assert_eq!(told("8"), beyond);
        for none in ["", "x", "1/0", "8/x", "nan", "inf"] {
            assert_eq!(
                told(none),
                format!("found {none:?}, expected a number such as 0.1 or 8/255")
            );
        }
    }
}
