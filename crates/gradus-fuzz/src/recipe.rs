//! The target of gradus-cli: recipes.

use crate::readable;
use gradus_cli::whole_recipe;

/// A recipe; the run's settings that it comes to are a recipe of the same run.
pub(crate) fn recipe(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(whole) = whole_recipe("config.toml", text).inspect_err(|error| readable(error)) else {
        return false;
    };
    assert_eq!(whole_recipe("config.toml", &whole).as_ref(), Ok(&whole));
    true
}
