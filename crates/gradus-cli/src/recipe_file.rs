//! Recipes: TOML texts, built in or on disk, that state some of a run's settings; what they leave out is as for their model.

use crate::augmentation::{self, Augmentation, Misstated, Shown, Written};
use crate::entries::{Entry, Refusal, Step, Why, parsed, table};
use crate::error::{CliError, Result};
use crate::settings::{Settings, VERSION, default_optimizer};
use crate::suggest::{meant, unknown};
use serde::Deserialize;
use std::fmt::Display;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// The key of what a recipe says about itself, which is no setting.
const ABOUT: &str = "about";

/// The settings of a recipe on disk.
pub fn read(path: &Path) -> Result<Settings> {
    let text = gradus::io::read_text(path)?;
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
    let file = File { name, text };
    let mut recipe = parsed(text).map_err(|(line, what)| file.bad(Some(line), &what))?;
    file.refuse_unknown(recipe.clone())?;
    recipe.remove(ABOUT);
    let Some(model) = recipe.get("model").and_then(toml::Value::as_str) else {
        return Err(file.bad(None, &"there is no `model = \"NAME\"`, which a recipe must have"));
    };
    let model_line = file.line(&[Step::Key("model".into())]);
    let mut settings = Settings::of_model(model).map_err(|e| file.bad(model_line, &e))?;
    if let Some(data) = recipe.get("data").and_then(toml::Value::as_str) {
        settings.suit(data);
    }
    let optimizer = recipe.get("optimizer").and_then(|o| o.get("name")).and_then(|n| n.as_str());
    if let Some(name) = optimizer {
        settings.optimizer = default_optimizer(name);
    }
    let training = recipe.get("training").and_then(toml::Value::as_table);
    if training.is_some_and(|own| own.contains_key("clip_norm") || own.contains_key("clip_value")) {
        (settings.training.clip_norm, settings.training.clip_value) = (None, None);
    }
    file.changes::<Augmentation>("augment", &mut recipe)?;
    file.changes::<Shown>("evaluate", &mut recipe)?;
    // A run's config.toml is a recipe, too; it says which one it was made from, if it was.
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str());
    settings.recipe = stem.filter(|stem| *stem != "config").map(str::to_owned);
    let mut table = toml::Table::try_from(settings).expect("settings are a table");
    merge(&mut table, recipe);
    let read = Settings::deserialize(Entry::of(table));
    let mut settings = read.map_err(|refusal| file.refused(&refusal))?;
    settings.check_new().map_err(|e| file.bad(file.line_of_setting(&e.to_string()), &e))?;
    // The config.toml of a run of before is written as those of today.
    settings.version = VERSION;
    Ok(settings)
}

/// A recipe that is read.
struct File<'a> {
    name: &'a str,
    text: &'a str,
}

impl File<'_> {
    /// `mine.toml, line 3: …`
    fn bad(&self, line: Option<usize>, what: &dyn Display) -> CliError {
        // Keys and values are the file's: they neither fill the screen nor steer it.
        let what = gradus::io::printable(what.to_string().trim_end());
        let place = line.map_or(String::new(), |line| format!(", line {line}"));
        CliError::Work(format!("{}{place}: {what}", self.name))
    }

    /// The error about an entry that cannot be read.
    fn refused(&self, refusal: &Refusal) -> CliError {
        let mut path = refusal.path.clone();
        let what = match &refusal.why {
            Why::Key { name, known } => {
                let what = unknown_key(&table(&path), name, known);
                path.push(Step::Key(name.clone()));
                what
            }
            _ => refusal.told(),
        };
        self.bad(self.line(&path), &what)
    }

    /// Refuses keys that nobody would read, with the one that was perhaps meant. What else is wrong with values is told once there
    /// are all.
    fn refuse_unknown(&self, mut recipe: toml::Table) -> Result<()> {
        recipe.remove(ABOUT);
        match Settings::deserialize(Entry::of(recipe)) {
            Err(refusal) if matches!(refusal.why, Why::Key { .. }) => Err(self.refused(&refusal)),
            _ => Ok(()),
        }
    }

    /// Reads changes of images, however they are written, and leaves them as tables.
    fn changes<T: Written>(&self, key: &str, recipe: &mut toml::Table) -> Result<()> {
        let Some(value) = recipe.get(key) else { return Ok(()) };
        let read = augmentation::of_value::<T>(value.clone());
        let all = read.and_then(|all| augmentation::check(&all).map(|()| all));
        let all = all.map_err(|Misstated { at, what }| {
            let key = Step::Key(key.into());
            let path: Vec<Step> = [key].into_iter().chain(at.map(Step::Item)).collect();
            let what = match at {
                Some(at) => format!("{}, entry {}: {what}", table(&path), at + 1),
                None => format!("{}: {what}", table(&path)),
            };
            self.bad(self.line(&path), &what)
        })?;
        let tables = toml::Value::try_from(all).expect("they are tables");
        recipe.insert(key.into(), tables);
        Ok(())
    }

    /// The line of what a way leads to, or of the last on it that is there.
    fn line(&self, path: &[Step]) -> Option<usize> {
        let whole = DeTable::parse(self.text).ok()?;
        let (mut found, mut start): (Option<&DeValue<'_>>, Option<usize>) = (None, None);
        for (i, step) in path.iter().enumerate() {
            let next = match (step, i, found) {
                (Step::Key(key), 0, _) => entry(whole.get_ref(), key),
                (Step::Key(key), _, Some(DeValue::Table(table))) => entry(table, key),
                (Step::Item(at), _, Some(DeValue::Array(list))) => {
                    list.get(*at).map(|item| (item.span().start, item.get_ref()))
                }
                _ => None,
            };
            let Some((at, value)) = next else { break };
            (found, start) = (Some(value), Some(at));
        }
        Some(self.text.get(..start?)?.matches('\n').count() + 1)
    }

    /// The line of the setting that a message begins with: `drop-every: found 0` is of `[schedule] every`.
    fn line_of_setting(&self, message: &str) -> Option<usize> {
        let name = match message.strip_prefix("unknown ") {
            Some(rest) => rest.split(' ').next()?.to_owned(),
            None => message.split(':').next()?.replace(['-', ' '], "_"),
        };
        if ["optimizer", "schedule"].contains(&&*name) {
            return self.line(&[Step::Key(name), Step::Key("name".into())]);
        }
        let key = match &*name {
            "metric" => "metrics",
            "drop_every" => "every",
            "drop_factor" => "gamma",
            "validation" => "validation_split",
            name => name,
        };
        let here = self.line(&[Step::Key(key.into())]);
        here.or_else(|| {
            let table = TABLES.iter().find(|table| self.has(table, key))?;
            self.line(&[Step::Key((*table).into()), Step::Key(key.into())])
        })
    }

    /// Whether it states a key of a table.
    fn has(&self, table: &str, key: &str) -> bool {
        let whole: Option<toml::Table> = self.text.parse().ok();
        whole.is_some_and(|whole| whole.get(table).is_some_and(|table| table.get(key).is_some()))
    }
}

/// A value of a table, with the place of its key.
fn entry<'a, 'b>(table: &'a DeTable<'b>, key: &str) -> Option<(usize, &'a DeValue<'b>)> {
    let (key, value) = table.iter().find(|(name, _)| name.get_ref() == key)?;
    Some((key.span().start, value.get_ref()))
}

/// The tables of settings.
const TABLES: &[&str] = &["network", "optimizer", "schedule", "sequence", "training"];

/// The error about a key of a table, or of the file itself, that nobody would read: another table may have it.
fn unknown_key(here: &str, name: &str, known: &[&str]) -> CliError {
    let known = if here.is_empty() { [&[ABOUT], known].concat() } else { known.to_vec() };
    let others = || [""].iter().chain(TABLES).filter(|other| **other != here);
    let kind = if here.is_empty() { "key".into() } else { format!("key of [{here}]") };
    let place = |table: &str| match table {
        "" => "above all tables".to_owned(),
        table => format!("under [{table}]"),
    };
    if let Some(table) = others().find(|table| keys_of(table).contains(&name)) {
        let place = place(table);
        return CliError::Usage(format!("unknown {kind} {name:?}; it stands {place}"));
    }
    let elsewhere = || others().find_map(|table| Some((table, meant(name, keys_of(table))?)));
    if let (None, Some((table, own))) = (meant(name, &known), elsewhere()) {
        let place = place(table);
        return CliError::Usage(format!("unknown {kind} {name:?}; did you mean {own:?} {place}?"));
    }
    unknown(&kind, name, &known)
}

/// The keys of one of [`TABLES`]; with an empty name those of the file itself.
fn keys_of(table: &str) -> &'static [&'static str] {
    let mut asked = toml::Table::from_iter([("?".to_owned(), toml::Value::Integer(1))]);
    if !table.is_empty() {
        asked = toml::Table::from_iter([(table.to_owned(), toml::Value::Table(asked))]);
    }
    match Settings::deserialize(Entry::of(asked)).map_err(|refusal| refusal.why) {
        Err(Why::Key { known, .. }) => known,
        _ => &[],
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
        let key = refused("model = \"lenet\"\ntraining.groups = [{ path = \"fc\", rate = 2 }]");
        assert!(
            key.contains("unknown key of [training.groups] \"rate\"; did you mean \"rate_scale\"?")
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
    fn what_is_wrong_is_told_with_its_line_and_in_the_words_of_the_file() {
        let told = |entries: &str| refusal(&format!("model = \"lenet\"\n{entries}")).unwrap();
        for (entries, expected) in [
            ("batch_size = 64", "line 2: unknown key \"batch_size\"; did you mean \"batch\"?"),
            (
                "[optimizer]\nname = \"sgd\"\nlr = 0.1",
                "line 4: unknown key of [optimizer] \"lr\"; did you mean \"learning_rate\"?",
            ),
            (
                "learning_rate = 0.1",
                "line 2: unknown key \"learning_rate\"; it stands under [optimizer]",
            ),
            (
                "lr = 0.1",
                "line 2: unknown key \"lr\"; did you mean \"learning_rate\" under [optimizer]?",
            ),
            (
                "[training]\nepochs = 3",
                "line 3: unknown key of [training] \"epochs\"; it stands above all tables",
            ),
            ("epochs = \"3\"", "line 2: epochs: found \"3\", expected a whole number, 0 or more"),
            (
                "optimizer = \"sgd\"",
                "line 2: optimizer: found \"sgd\", expected a table [optimizer]",
            ),
            (
                "\n[optimizer]\nlearning_rate = \"0.1\"",
                "line 4: optimizer.learning_rate: found \"0.1\", expected a number",
            ),
            ("[optimizer]\nname = \"adma\"", "line 3: unknown optimizer \"adma\"; did you mean"),
            (
                "[[augment]]\nkind = \"flip\"\n[[augment]]\nkind = \"affine\"\ndegrees = -5",
                "line 4: augment, entry 2: augmentation { degrees = -5.0, kind = \"affine\", scale = 0.1 }: degrees: found -5, expected 0 or more",
            ),
            (
                "augment = [\"flip\", \"crop(2\"]",
                "line 2: augment, entry 2: augmentation \"crop(2\"",
            ),
            ("augment = [\"horizontal-flip\"]", "line 2: augment, entry 1: unknown augmentation"),
            (
                "[schedule]\nname = \"milestones\"\nmilestones = [60, 45]",
                "line 4: milestones: found 60, 45, expected epochs in rising order",
            ),
            ("epochs = 1\nbatch = 0", "line 3: batch: found 0, expected at least 1"),
            ("epochs = ", "x.toml, line 2: string values must be quoted"),
        ] {
            let found = told(entries);
            assert!(found.contains(expected), "{found}\nis not {expected}");
        }
        let text = parse("x.toml", "model = \"lenet\"\naugment = \"flip, crop(2)\"").unwrap();
        let table = "model = \"lenet\"\n[[augment]]\nkind = \"flip\"\n[[augment]]\nkind = \"crop\"\nsize = 2";
        assert_eq!(text, parse("x.toml", table).unwrap());
        let one = parse("x.toml", "model = \"lenet\"\naugment = { kind = \"flip\" }").unwrap();
        assert_eq!(one.augment, [Augmentation::Flip {}]);
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
