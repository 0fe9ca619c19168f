//! Settings as options of a command. A field of the settings that says `#[arg(long)]` is an option, an entry of recipes and one of
//! `config.toml`; this puts what the command line states over settings that a recipe or a model has already stated.

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches, Id};
use std::any::Any;
use std::marker::PhantomData;

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

#[cfg(test)]
mod tests {
    use super::{Stated, ids_of};
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
    fn what_goes_with_none_of_them() {
        for option in [&["--epochs", "5"][..], &["--quick"], &["--no-log"]] {
            assert!(Train::try_parse_from([&["train", "--resume"], option].concat()).is_err());
        }
        assert!(Train::try_parse_from(["train", "--resume"]).unwrap().resume);
    }
}
