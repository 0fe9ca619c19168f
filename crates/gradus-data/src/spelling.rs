//! Finding the name that was meant: of those there are, the one that differs least from what was written.

/// The known name that was perhaps meant by `name`: the same in other capitals, the only one that goes on after it
/// (`rate` of `rate_scale`), or the one that differs in the fewest letters, if in at most a third.
///
/// ```
/// use gradus_data::closest;
/// assert_eq!(closest("pric", &["area", "price"]), Some("price"));
/// assert_eq!(closest("AREA", &["area", "price"]), Some("area"));
/// assert_eq!(closest("rate", &["path", "rate_scale"]), Some("rate_scale"));
/// assert_eq!(closest("garden", &["area", "price"]), None);
/// ```
pub fn closest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    if let Some(same) = known.iter().find(|k| k.to_lowercase() == name.to_lowercase()) {
        return Some(same);
    }
    let goes_on = |k: &&&str| k.strip_prefix(name).is_some_and(|rest| rest.starts_with(['_', '-']));
    let mut longer = known.iter().filter(goes_on);
    if let (Some(only), None, false) = (longer.next(), longer.next(), name.is_empty()) {
        return Some(only);
    }
    let (distance, best) = known.iter().map(|k| (strsim::osa_distance(name, k), *k)).min()?;
    let letters = best.chars().count();
    // Where no letter is the same, nothing was meant.
    (distance <= letters.div_ceil(3) && distance < letters).then_some(best)
}

/// `; did you mean "price"?` of a column's name, or nothing.
pub(crate) fn guess(name: &str, known: &[String]) -> String {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    closest(name, &known)
        .map_or(String::new(), |meant| format!("; did you mean {}?", crate::error::quote(meant)))
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn the_closest_name_is_found() {
        assert_eq!(closest("lnet", &["linear", "lenet", "mlp"]), Some("lenet"));
        assert_eq!(closest("transformer", &["linear", "lenet", "mlp"]), None);
        assert_eq!(closest("", &["rate_scale"]), None);
        assert_eq!(closest("x", &[]), None);
        assert_eq!(closest("y", &["a", "b"]), None);
    }
}
