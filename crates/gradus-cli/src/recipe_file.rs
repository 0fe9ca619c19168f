//! Recipes: TOML texts, built in or on disk, that state some of a run's settings; what they leave out is as for their model.

use crate::entries::{Entry, Refusal};
use crate::error::{CliError, Result};
use crate::settings::{Settings, VERSION, default_optimizer};
use crate::suggest::unknown;
use serde::Deserialize;
use std::path::Path;

/// The key of what a recipe says about itself, which is no setting.
const ABOUT: &str = "about";

/// The settings of a recipe on disk.
pub fn read(path: &Path) -> Result<Settings> {
    let text = std::fs::read_to_string(path).map_err(CliError::system(path, "read"))?;
    parse(&path.display().to_string(), &text)
}

/// One line about a recipe.
pub fn about(text: &str) -> String {
    let table: Option<toml::Table> = text.parse().ok();
    let about = table.as_ref().and_then(|t| t.get(ABOUT)?.as_str());
    about.unwrap_or_default().to_owned()
}

/// The settings that a recipe's text states, called `name` in messages.
pub fn parse(name: &str, text: &str) -> Result<Settings> {
    let bad = |what: &dyn std::fmt::Display| {
        // Keys and values are the file's: they neither fill the screen nor steer it.
        let what = gradus::io::printable(what.to_string().trim_end());
        CliError::Work(format!("{name}: {what}"))
    };
    let mut recipe: toml::Table = text.parse().map_err(|e| bad(&e))?;
    refuse_unknown(recipe.clone()).map_err(|e| bad(&e))?;
    recipe.remove(ABOUT);
    let Some(model) = recipe.get("model").and_then(toml::Value::as_str) else {
        return Err(bad(&"there is no `model = \"NAME\"`, which a recipe must have"));
    };
    let mut settings = Settings::of_model(model).map_err(|e| bad(&e))?;
    if let Some(data) = recipe.get("data").and_then(toml::Value::as_str) {
        settings.suit(data);
    }
    let optimizer = recipe.get("optimizer").and_then(|o| o.get("name")).and_then(|n| n.as_str());
    if let Some(name) = optimizer {
        settings.optimizer = default_optimizer(name);
    }
    // A run's config.toml is a recipe, too; it says which one it was made from, if it was.
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str());
    settings.recipe = stem.filter(|stem| *stem != "config").map(str::to_owned);
    let mut table = toml::Table::try_from(settings).expect("settings are a table");
    merge(&mut table, recipe);
    let mut settings: Settings = table.try_into().map_err(|e| bad(&e))?;
    settings.check().map_err(|e| bad(&e))?;
    // The config.toml of a run of before is written as those of today.
    settings.version = VERSION;
    Ok(settings)
}

/// Refuses keys that nobody would read, with the one that was perhaps meant. What else is wrong with values is told once there are
/// all.
fn refuse_unknown(mut recipe: toml::Table) -> Result<()> {
    recipe.remove(ABOUT);
    match Settings::deserialize(Entry::of(recipe)) {
        Err(Refusal::Key { table: None, name, known }) => {
            Err(unknown("key", &name, &[&[ABOUT], known].concat()))
        }
        Err(key @ Refusal::Key { .. }) => Err(key.told("key", |table| format!(" of [{table}]"))),
        _ => Ok(()),
    }
}

/// Puts the entries of `from` over those of `into`, table by table.
fn merge(into: &mut toml::Table, from: toml::Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => merge(old, new),
            (_, value) => drop(into.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus::models::RECIPES;

    #[test]
    fn every_recipe_can_be_read() {
        for (name, text) in RECIPES {
            let settings = parse(name, text).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(settings.recipe.as_deref(), Some(*name));
            assert!(!about(text).is_empty(), "{name} says nothing about itself");
        }
    }

    fn refusal(text: &str) -> Option<String> {
        let message = parse("x.toml", text).err()?.to_string();
        assert!(message.chars().all(|c| c == '\n' || !c.is_control()), "{message:?}");
        assert!(message.lines().all(|line| line.chars().count() <= 1_000), "{message}");
        Some(message)
    }

    /// What a bad disk or a slip of an editor leaves: cut at many places, a bit flipped at many more.
    #[test]
    fn damaged_recipes_break_nothing() {
        const DAMAGES: usize = 100;
        let mut refused = 0;
        for (_, text) in RECIPES {
            let bytes = text.as_bytes();
            for i in 0..DAMAGES {
                let cut = bytes[..bytes.len() * i / DAMAGES].to_vec();
                let mut flipped = bytes.to_vec();
                // 2654435761 ≈ 2³²/φ: multiples of it are spread evenly.
                let bit = i.wrapping_mul(2_654_435_761) % (8 * bytes.len());
                flipped[bit / 8] ^= 1 << (bit % 8);
                for damaged in [cut, flipped].into_iter().filter_map(|d| String::from_utf8(d).ok())
                {
                    refused += usize::from(refusal(&damaged).is_some());
                    about(&damaged);
                }
            }
        }
        assert!(refused > 1000, "only {refused} damaged recipes were refused");
    }

    #[test]
    fn hostile_recipes_are_refused_in_a_few_words() {
        let long = "k".repeat(5_000);
        let refused = |text: &str| refusal(text).unwrap_or_else(|| panic!("accepted: {text:.80}"));
        assert_eq!(refused(""), "x.toml: there is no `model = \"NAME\"`, which a recipe must have");
        assert!(refused(&format!("{long} = 1")).contains("unknown key \"kkk"));
        assert!(refused(&format!("model = \"{long}\"")).contains("unknown model \"kkk"));
        let key = refused("model = \"lenet\"\ntraining.clip_nrom = 1.0");
        assert!(
            key.contains("unknown key of [training] \"clip_nrom\"; did you mean \"clip_norm\"?")
        );
        let key = refused("model = \"lenet\"\ntraining.groups = [{ pth = \"conv1\" }]");
        assert!(key.contains("unknown key of [training.groups] \"pth\"; did you mean \"path\"?"));
        let key = refused("abuot = \"mine\"");
        assert!(
            key.contains(
                "unknown key \"abuot\"; did you mean \"about\"? There are: about, version"
            )
        );
        assert!(refused("model = \"\\u001b[2J\"").contains("u{1b}"));
        refused(&format!("model = {}", "[".repeat(100_000)));
        for entry in [format!("kind = {long:?}"), format!("kind = \"flip\", {long} = 1")] {
            let refusal = refused(&format!("model = \"lenet\"\naugment = [{{ {entry} }}]"));
            assert!(refusal.contains("kkk"), "{refusal}");
        }
        refused(&format!("model = \"lenet\"\naugment = [\"crop({})\"]", "9".repeat(5_000)));
        refused(&format!("model{} = 1", ".a".repeat(100_000)));
        for setting in [
            "epochs = 0",
            "epochs = -1",
            "epochs = 99999999999999999999",
            "batch = 1e3",
            "network = 3",
            "network.width = nan",
            "network.width = inf",
            "network.width = 2",
            "network.shortcut_padding = \"both-sides\"",
            "network.shortcut_padding = \"\"",
            "optimizer.learning_rate = -inf",
            "schedule.milestones = [-1]",
            "version = 999",
            "augment = 3",
            "augment = [3]",
            "augment = [{}]",
            "augment = [{ kind = 3 }]",
            "augment = [{ kind = \"crop\", size = 99999999999999 }]",
            "augment = [{ kind = \"affine\", degrees = [[[[{ a = 1 }]]]] }]",
            "evaluate = [{ kind = \"flip\" }]",
            "evaluate = [{ kind = \"ten-crop\", size = 8 }, { kind = \"resize\", size = 9 }]",
        ] {
            refused(&format!("model = \"lenet\"\n{setting}\n"));
        }
    }

    #[test]
    fn a_run_made_from_a_recipe_can_be_repeated() {
        let settings = parse("vgg-tiny", gradus::models::recipe("vgg-tiny").unwrap()).unwrap();
        assert_eq!((settings.network.width, settings.network.dropout), (0.125, false));
        let again: Settings = toml::from_str(&settings.to_toml()).unwrap();
        assert_eq!(again, settings);
    }

    #[test]
    fn a_networks_padding_is_kept() {
        let text = "model = \"resnet20\"\nnetwork.shortcut_padding = \"both-sides\"\n";
        let settings = parse("mine.toml", text).unwrap();
        assert_eq!(settings.network.shortcut_padding, "both-sides");
        let again: Settings = toml::from_str(&settings.to_toml()).unwrap();
        assert_eq!(again, settings);
        // What says nothing is as it always was, and is still said by saying nothing.
        let plain = parse("mine.toml", "model = \"resnet20\"\nnetwork.width = 0.5\n").unwrap();
        assert_eq!(plain.network.shortcut_padding, "behind");
        assert!(!plain.to_toml().contains("shortcut_padding"));
    }

    #[test]
    fn milestones_are_epochs() {
        let text = gradus::models::recipe("resnet20-cifar10").unwrap();
        let schedule = parse("resnet20-cifar10", text).unwrap().schedule(391);
        let rate = |epoch: u64| schedule.rate(0.1, epoch * 391);
        assert!((rate(81) - 0.1).abs() < 1e-12 && (rate(82) - 0.01).abs() < 1e-12);
        assert!((rate(123) - 0.001).abs() < 1e-12);
    }
}
