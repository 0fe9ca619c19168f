//! Finding what a user meant: a name that is not known is answered with those that are, and the closest first.

use crate::error::CliError;
use gradus::data::closest;

/// What other programs call things, and what they are called here.
const SYNONYMS: &[(&str, &str)] = &[
    ("batch_size", "batch"),
    ("n_epochs", "epochs"),
    ("num_epochs", "epochs"),
    ("dataset", "data"),
    ("lr", "learning_rate"),
    ("rate", "learning_rate"),
    ("wd", "weight_decay"),
    ("l1", "mae"),
    ("l1_loss", "mae"),
    ("l2", "mse"),
    ("mse_loss", "mse"),
    ("ce", "cross_entropy"),
    ("binary_cross_entropy", "bce"),
    ("mae", "mean_absolute_error"),
    ("acc", "accuracy"),
    ("roc_auc", "auc"),
    ("r2_score", "r2"),
    ("horizontal-flip", "flip"),
    ("random-crop", "crop"),
    ("center-crop", "centre-crop"),
    ("color-jitter", "colour-jitter"),
    ("pca-color", "pca-colour"),
    ("rotate", "affine"),
    ("rotation", "affine"),
    ("translate", "shift"),
];

/// `unknown model "lnet"; did you mean "lenet"? There are: linear, mlp, lenet`
pub fn unknown(kind: &str, name: &str, known: &[&str]) -> CliError {
    let guess = meant(name, known).map_or(String::new(), |k| format!("; did you mean {k:?}?"));
    let end = if guess.is_empty() { "; there are: " } else { " There are: " };
    CliError::Usage(format!("unknown {kind} {name:?}{guess}{end}{}", known.join(", ")))
}

/// The known name that was perhaps meant: one of another program's words, or the one that differs least.
pub fn meant<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let spelled = name.to_lowercase();
    let forms = [spelled.replace('-', "_"), spelled.replace('_', "-")];
    let is_so =
        |(other, own): &&(&str, &str)| forms.iter().any(|f| f == other) && known.contains(own);
    if let Some((_, own)) = SYNONYMS.iter().find(is_so) {
        return known.iter().find(|k| *k == own).copied();
    }
    // One of its words: Boot is an Ankle boot.
    let has_word = |k: &&&str| {
        let lower = k.to_lowercase();
        lower.split(|c: char| !c.is_alphanumeric()).any(|word| word == spelled)
    };
    let mut of_word = known.iter().filter(has_word);
    match (of_word.next(), of_word.next()) {
        (Some(only), None) => Some(only),
        _ => closest(name, known),
    }
}

/// `unknown model "lnet"; did you mean "lenet" or "alexnet"? gradus models lists all`
pub fn unknown_model(name: &str, known: &[&str]) -> CliError {
    let quoted: Vec<String> = nearest(name, known).iter().map(|k| format!("{k:?}")).collect();
    let guess = match listed(&quoted) {
        none if none.is_empty() => none,
        some => format!("; did you mean {some}?"),
    };
    let end = if guess.is_empty() { ";" } else { "" };
    CliError::Usage(format!("unknown model {name:?}{guess}{end} gradus models lists all"))
}

/// `a, b or c`
pub fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [some @ .., last] => format!("{} or {last}", some.join(", ")),
    }
}

/// The known names that were perhaps meant, at most three, the nearest first.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Vec<&'a str> {
    let (mut left, mut found) = (known.to_vec(), vec![]);
    while let (true, Some(next)) = (found.len() < 3, meant(name, &left)) {
        found.push(next);
        left.retain(|other| *other != next);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_other_programs() {
        assert_eq!(meant("batch_size", &["epochs", "batch"]), Some("batch"));
        assert_eq!(meant("lr", &["name", "learning_rate"]), Some("learning_rate"));
        assert_eq!(meant("l1", &["mse", "mae"]), Some("mae"));
        assert_eq!(meant("mae", &["r2", "mean_absolute_error"]), Some("mean_absolute_error"));
        assert_eq!(meant("horizontal_flip", &["flip", "shift"]), Some("flip"));
        // A word of one name alone.
        assert_eq!(meant("Boot", &["Coat", "Ankle boot", "Bag"]), Some("Ankle boot"));
        // Where the word means nothing, letters count.
        assert_eq!(meant("rate", &["path", "rate_scale"]), Some("rate_scale"));
    }

    #[test]
    fn models_are_not_all_listed() {
        let told = |name| unknown_model(name, &["mlp", "lenet"]).to_string();
        assert_eq!(
            told("lnet"),
            "unknown model \"lnet\"; did you mean \"lenet\"? gradus models lists all"
        );
        let several = unknown_model("resnet19", &["mlp", "resnet18", "resnet20", "resnet34"]);
        let three = "did you mean \"resnet18\", \"resnet20\" or \"resnet34\"? gradus models";
        assert!(several.to_string().contains(three), "{several}");
        assert_eq!(told("houses"), "unknown model \"houses\"; gradus models lists all");
    }
}
