//! Finding what a user meant: a name that is not known is answered with those that are, and the closest first.

use crate::error::CliError;

/// `unknown model "lnet"; did you mean "lenet"? There are: linear, mlp, lenet`
pub fn unknown(kind: &str, name: &str, known: &[&str]) -> CliError {
    let guess = closest(name, known).map_or(String::new(), |k| format!("; did you mean {k:?}?"));
    let end = if guess.is_empty() { "; there are: " } else { " There are: " };
    CliError::Usage(format!("unknown {kind} {name:?}{guess}{end}{}", known.join(", ")))
}

/// The known name that differs least, if it differs by at most a third of its letters. Letters that are inserted, left out, replaced
/// or swapped with their neighbour count one each.
pub fn closest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, best) = known.iter().map(|k| (strsim::osa_distance(name, k), *k)).min()?;
    (distance <= best.len().div_ceil(3)).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_name_is_suggested() {
        assert_eq!(closest("lnet", &["linear", "lenet", "mlp"]), Some("lenet"));
        assert_eq!(closest("transformer", &["linear", "lenet", "mlp"]), None);
        // Swapped neighbours are one change, and a third of three letters is one.
        assert_eq!(closest("mpl", &["linear", "lenet", "mlp"]), Some("mlp"));
        assert_eq!(closest("mpx", &["linear", "lenet", "mlp"]), None);
    }
}
