//! Networks that cannot be built for data: which can, or how the data become what the network takes.

use crate::description::Description;
use crate::error::CliError;
use crate::network;
use crate::settings::Settings;
use gradus::models::{Design, ZOO, find};
use gradus::nn::Init;

/// Why a network cannot be built, and which take rows of a table if it does not; or how its pictures become large enough, if they are
/// smaller than those it is published for.
pub fn explained(error: CliError, settings: &Settings, description: &Description) -> CliError {
    if description.definition.is_some() {
        return error;
    }
    if description.is_of_rows() {
        return for_pictures(error, settings, description);
    }
    let published = find(&settings.model).map_or(&[][..], |entry| entry.input);
    let (&[_, height, width], &[c, h, w]) = (published, &description.input[..]) else {
        return error;
    };
    let enlarged = Description { input: vec![c, height, width], ..description.clone() };
    if h >= height || w >= width || enlarged.build(&Init::blank()).is_err() {
        return error;
    }
    CliError::Work(format!(
        "{error}\n{} is for pictures of {height}×{width}, those of {} are {h}×{w}: --augment \"resize({height})\" enlarges them",
        settings.model, settings.data
    ))
}

/// Which networks of the zoo take the rows of a table that this one does not.
fn for_pictures(error: CliError, settings: &Settings, description: &Description) -> CliError {
    let fits = |name: &str| {
        let design = Design::new(&description.input[..], description.outputs());
        network::build(name, &design, &Init::blank()).is_ok()
    };
    let names: Vec<&str> = ZOO.iter().map(|entry| entry.name).filter(|name| fits(name)).collect();
    if names.is_empty() || names.contains(&&*settings.model) {
        return error;
    }
    CliError::Work(format!(
        "{error}\n{} is for pictures, {} has rows of numbers, which these take: {}",
        settings.model,
        settings.data,
        names.join(", ")
    ))
}
