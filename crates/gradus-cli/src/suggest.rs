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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("mpl", "mlp"), 1);
    }

    #[test]
    fn the_closest_name_is_suggested() {
        assert_eq!(closest("lnet", &["linear", "lenet", "mlp"]), Some("lenet"));
        assert_eq!(closest("transformer", &["linear", "lenet", "mlp"]), None);
    }
}
