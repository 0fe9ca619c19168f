//! Finding what a user meant: a name that is not known is answered with those that are, and the closest first.

use crate::error::CliError;

/// `unknown model "lnet"; did you mean "lenet"? There are: linear, mlp, lenet`
pub fn unknown(kind: &str, name: &str, known: &[&str]) -> CliError {
    let guess = closest(name, known).map_or(String::new(), |k| format!("; did you mean {k:?}?"));
    let end = if guess.is_empty() { "; there are: " } else { " There are: " };
    CliError::Usage(format!("unknown {kind} {name:?}{guess}{end}{}", known.join(", ")))
}

/// The known name that differs least, if it differs by at most a third of its letters.
pub fn closest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, best) = known.iter().map(|k| (distance(name, k), *k)).min()?;
    (distance <= best.len().div_ceil(3)).then_some(best)
}

/// Insertions, deletions and replacements that make one word of the other (Levenshtein 1966).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn the_closest_name_is_suggested() {
        assert_eq!(closest("lnet", &["linear", "lenet", "mlp"]), Some("lenet"));
        assert_eq!(closest("transformer", &["linear", "lenet", "mlp"]), None);
    }
}
