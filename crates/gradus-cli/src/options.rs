//! Settings as options of a command. A field of the settings that says `#[arg(long)]` is an option, an entry of recipes and one of
//! `config.toml`; this puts what the command line states over settings that a recipe or a model has already stated.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches, Id};
use std::any::Any;
use std::error::Error;
use std::marker::PhantomData;
use std::num::{IntErrorKind, ParseFloatError, ParseIntError};

/// What a command line states of settings `T`; none of it is required.
pub struct Stated<T> {
    /// Without what clap fills in for options that are not there.
    matches: ArgMatches,
    settings: PhantomData<T>,
}

/// The ids of all options of a struct and of those within it, for an option that goes with none of them.
pub fn ids_of<T: Args>() -> Vec<Id> {
    let alone = T::augment_args_for_update(Command::new("alone"));
    alone.get_arguments().map(|option| option.get_id().clone()).collect()
}

impl<T: Args> Stated<T> {
    /// Whether an option is stated.
    pub fn has(&self, id: &str) -> bool {
        self.matches.contains_id(id)
    }

    /// What is stated for an option.
    pub fn get<V: Any + Clone + Send + Sync>(&self, id: &str) -> Option<&V> {
        self.matches.get_one(id)
    }

    /// All that is stated for an option that takes several values.
    pub fn get_all<V: Any + Clone + Send + Sync>(&self, id: &str) -> Vec<V> {
        self.matches.get_many(id).into_iter().flatten().cloned().collect()
    }

    /// Puts all that is stated over settings.
    pub fn put_over(&self, settings: &mut T) {
        settings.update_from_arg_matches(&self.matches).expect("options were read as these types");
    }
}

impl<T: Args> Args for Stated<T> {
    fn augment_args(command: Command) -> Command {
        // What comes after them is under no heading of theirs.
        T::augment_args_for_update(command).next_help_heading(None)
    }
    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<T: Args> FromArgMatches for Stated<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Stated<T>, clap::Error> {
        let mut matches = matches.clone();
        let is_filled_in =
            |id: &&Id| matches.value_source(id.as_str()) == Some(ValueSource::DefaultValue);
        // A flag that is not there has the value false, which must not undo a recipe's true.
        let filled_in: Vec<Id> = matches.ids().filter(is_filled_in).cloned().collect();
        for id in filled_in {
            let _ = matches.try_clear_id(id.as_str());
        }
        Ok(Stated { matches, settings: PhantomData })
    }
    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Stated::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What is wrong with the number that an option was given, where a command line was refused for that:
/// `--epochs: found "three", expected a whole number`.
pub fn bad_number(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        _ => None,
    };
    let (option, value) = (text(ContextKind::InvalidArg)?, text(ContextKind::InvalidValue)?);
    let why = error.source()?;
    let is_whole = value.parse::<i128>().is_ok();
    let expected = match why.downcast_ref::<ParseIntError>().map(ParseIntError::kind) {
        Some(IntErrorKind::PosOverflow) => "a smaller whole number",
        Some(_) if is_whole => "a whole number, 0 or more",
        Some(_) => "a whole number",
        None if why.is::<ParseFloatError>() => "a number",
        None => return None,
    };
    let option = option.split(' ').next().unwrap_or(option);
    Some(format!("{option}: found {value:?}, expected {expected}"))
}

/// What is wrong with a command line that holds an option which is not there, or a number below 0 where one is not taken for an
/// option's value: `no such option --gpu; gradus train --help lists all`. `words` are the command line.
pub fn unknown_option(error: &clap::Error, words: &[String]) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        Some(ContextValue::Strings(texts)) => texts.first().map(String::as_str),
        _ => None,
    };
    let found = text(ContextKind::InvalidArg).filter(|found| found.starts_with('-'))?;
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    // Of `-5` clap takes `-5` for an option, of `-12` only `-1`.
    let negative = |word: &&String| word.starts_with(found) && word.parse::<f64>().is_ok();
    if let Some(at) = words.iter().position(|word| negative(&word)).filter(|at| *at > 0) {
        let (option, value) = (&words[at - 1], &words[at]);
        return option
            .starts_with("--")
            .then(|| format!("{option}: found {value}, expected 0 or more"));
    }
    let meant = text(ContextKind::SuggestedArg);
    let meant = meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
    let end = if meant.is_empty() { ";" } else { "" };
    let command: Vec<&str> = words.iter().skip(1).take(2).map(String::as_str).collect();
    let command = match command[..] {
        ["data", inner] if !inner.starts_with('-') => format!("gradus data {inner}"),
        [command, ..] if !command.starts_with('-') => format!("gradus {command}"),
        _ => "gradus".into(),
    };
    Some(format!("no such option {found}{meant}{end} {command} --help lists all"))
}

#[cfg(test)]
mod tests {
    use super::{Stated, bad_number, ids_of};
    use clap::{ArgAction, Parser};

    #[derive(clap::Args, Debug, PartialEq)]
    struct Inner {
        #[arg(long = "no-log", action = ArgAction::SetFalse)]
        log: bool,
    }

    #[derive(clap::Args, Debug, PartialEq)]
    struct Wanted {
        #[arg(long)]
        epochs: u64,
        #[arg(long)]
        quick: bool,
        #[arg(long, value_delimiter = ',')]
        freeze: Vec<String>,
        #[arg(skip)]
        model: String,
        #[command(flatten)]
        inner: Inner,
    }

    #[derive(Parser)]
    struct Train {
        #[arg(long, conflicts_with_all = ids_of::<Wanted>())]
        resume: bool,
        #[command(flatten)]
        wanted: Stated<Wanted>,
    }

    fn recipe() -> Wanted {
        let (freeze, model) = (vec!["conv1".into()], "lenet".into());
        Wanted { epochs: 3, quick: true, freeze, model, inner: Inner { log: true } }
    }

    fn over(words: &[&str]) -> Wanted {
        let words = [&["train"], words].concat();
        let mut settings = recipe();
        Train::try_parse_from(words).unwrap().wanted.put_over(&mut settings);
        settings
    }

    #[test]
    fn only_what_is_stated_changes() {
        assert_eq!(over(&[]), recipe());
        assert_eq!(over(&["--epochs", "5"]), Wanted { epochs: 5, ..recipe() });
        let freeze = vec!["a".into(), "b".into()];
        assert_eq!(over(&["--freeze", "a,b"]), Wanted { freeze, ..recipe() });
        assert_eq!(over(&["--no-log"]), Wanted { inner: Inner { log: false }, ..recipe() });
        let stated = Train::try_parse_from(["train", "--epochs", "5"]).unwrap().wanted;
        assert_eq!(
            (stated.has("epochs"), stated.has("quick"), stated.has("log")),
            (true, false, false)
        );
        assert_eq!(stated.get::<u64>("epochs"), Some(&5));
    }

    #[test]
    fn numbers_that_are_none() {
        #[derive(Parser)]
        struct Numbers {
            #[arg(long, value_name = "N")]
            epochs: Option<u64>,
            #[arg(long, value_parser = clap::value_parser!(u32).range(1..=9))]
            top: Option<u32>,
            #[arg(long, value_delimiter = ',')]
            lr: Vec<f64>,
        }
        let said = |option: &str| {
            let error = Numbers::try_parse_from(["n", option]).err()?;
            bad_number(&error)
        };
        let whole = "--epochs: found \"drei\", expected a whole number";
        assert_eq!(said("--epochs=drei").unwrap(), whole);
        assert_eq!(said("--epochs=1.5").unwrap(), whole.replace("drei", "1.5"));
        assert!(said("--epochs=-1").unwrap().ends_with("a whole number, 0 or more"));
        assert!(said("--epochs=99999999999999999999").unwrap().ends_with("a smaller whole number"));
        assert_eq!(said("--top=").unwrap(), "--top: found \"\", expected a whole number");
        assert_eq!(said("--lr=1,x").unwrap(), "--lr: found \"x\", expected a number");
        // Of a number that is one, but too large, clap says the bounds.
        assert_eq!(said("--top=10"), None);
        let read = Numbers::try_parse_from(["n", "--epochs=3", "--top=2", "--lr=1"]).unwrap();
        assert_eq!((read.epochs, read.top, read.lr), (Some(3), Some(2), vec![1.0]));
    }

    #[test]
    fn what_goes_with_none_of_them() {
        for option in [&["--epochs", "5"][..], &["--quick"], &["--no-log"]] {
            assert!(Train::try_parse_from([&["train", "--resume"], option].concat()).is_err());
        }
        assert!(Train::try_parse_from(["train", "--resume"]).unwrap().resume);
    }
}
