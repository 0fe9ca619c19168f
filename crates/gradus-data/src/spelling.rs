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
    let (distance, best) = known.iter().map(|k| (distance(name, k), *k)).min()?;
    let letters = best.chars().count();
    // Where no letter is the same, nothing was meant.
    (distance <= letters.div_ceil(3) && distance < letters).then_some(best)
}

/// Insertions, deletions, replacements and swaps of neighbours that make one word of the other (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut d = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if i == 0 || j == 0 {
                d[i][j] = i + j;
                continue;
            }
            let replaced = d[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            d[i][j] = replaced.min(d[i - 1][j] + 1).min(d[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                d[i][j] = d[i][j].min(d[i - 2][j - 2] + 1);
            }
        }
    }
    d[a.len()][b.len()]
}

/// `; did you mean "price"?` of a column's name, or nothing.
pub(crate) fn guess(name: &str, known: &[String]) -> String {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    closest(name, &known)
        .map_or(String::new(), |meant| format!("; did you mean {}?", crate::error::quote(meant)))
}

#[cfg(test)]
mod tests {
    use super::{closest, distance};

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("mpl", "mlp"), 1);
    }

    #[test]
    fn the_closest_name_is_found() {
        assert_eq!(closest("lnet", &["linear", "lenet", "mlp"]), Some("lenet"));
        assert_eq!(closest("transformer", &["linear", "lenet", "mlp"]), None);
        assert_eq!(closest("", &["rate_scale"]), None);
        assert_eq!(closest("x", &[]), None);
        assert_eq!(closest("y", &["a", "b"]), None);
    }
}
