//! Networks by name: of the zoo, perhaps in another size, or defined in a file.

use crate::error::{CliError, Result};
use gradus::models::{Design, Entry, ShortcutPadding, find};
use gradus::nn::{Init, Sequential};
use gradus::try_build;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How a network differs from the published one in size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// What the channels of the network's hidden layers are multiplied with [default: 1]
    #[arg(long, value_name = "X")]
    pub width: f64,
    /// Whether dropout drops.
    #[arg(skip)]
    pub dropout: bool,
    /// Whether convolutions with strides are padded as Keras's `same`, in networks for CIFAR.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[arg(skip)]
    pub same_padding: bool,
    // The names of `ShortcutPadding`.
    /// Where shortcuts of CIFAR ResNets (option A) put their zeros: behind the channels, or half of them before, as public
    /// PyTorch networks do [default: behind]
    #[serde(skip_serializing_if = "is_behind")]
    #[arg(long, value_name = "PLACE", value_parser = ["behind", "both-sides"])]
    pub shortcut_padding: String,
    /// The units of the hidden layers of mlp, the first first, such as 256,64 [default: 128]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[arg(long, value_name = "UNITS", value_delimiter = ',')]
    pub hidden: Vec<usize>,
}

impl Default for Network {
    fn default() -> Network {
        let shortcut_padding = ShortcutPadding::default().name().into();
        Network { width: 1.0, dropout: true, same_padding: false, shortcut_padding, hidden: vec![] }
    }
}

/// Whether that is said by saying nothing, as in files of before there was a choice.
fn is_behind(padding: &str) -> bool {
    padding == ShortcutPadding::Behind.name()
}

impl Network {
    /// Whether it is as published.
    pub fn is_published(&self) -> bool {
        *self == Network::default()
    }
    /// Refuses a width or a padding that the network of this name cannot have.
    pub fn check(&self, model: &str) -> Result<(), String> {
        if self.same_padding && !find(model).is_some_and(Entry::has_same_padding) {
            return Err(format!(
                "same_padding: found true, expected false, the only one of {model:?}"
            ));
        }
        let padding = &self.shortcut_padding;
        if ShortcutPadding::named(padding).is_none() {
            let known = ShortcutPadding::ALL.map(ShortcutPadding::name).join(" or ");
            return Err(format!("shortcut-padding: found {padding:?}, expected {known}"));
        }
        if !is_behind(padding) && !find(model).is_some_and(Entry::has_shortcut_padding) {
            let what = format!("shortcut-padding: found {padding}");
            return Err(format!("{what}, but {model:?} has no shortcuts of option A"));
        }
        self.check_hidden(model)?;
        let expected = match find(model).is_some_and(Entry::has_widths) {
            true if self.width > 0.0 && self.width <= MOST_WIDTH => return Ok(()),
            true => format!("more than 0 and at most {MOST_WIDTH}"),
            false if self.width == 1.0 => return Ok(()),
            false => format!("1, the only one of {model:?}"),
        };
        Err(format!("width: found {}, expected {expected}", self.width))
    }
    /// Refuses hidden layers that the network of this name cannot have.
    fn check_hidden(&self, model: &str) -> Result<(), String> {
        let told = || self.hidden.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        if !self.hidden.is_empty() && !find(model).is_some_and(Entry::has_hidden) {
            let what = format!("hidden: found {}", told());
            return Err(format!(
                "{what}, but the hidden layers of {model:?} are given; those of mlp can be chosen"
            ));
        }
        if self.hidden.iter().any(|units| !(1..=MOST_UNITS).contains(units)) {
            return Err(format!("hidden: found {}, expected 1 to {MOST_UNITS} units each", told()));
        }
        if self.hidden.len() > MOST_LAYERS {
            let found = self.hidden.len();
            return Err(format!("hidden: found {found} layers, expected at most {MOST_LAYERS}"));
        }
        Ok(())
    }
    /// The network for samples of a shape and a number of classes.
    pub fn design(&self, input: &[usize], classes: usize) -> Design {
        let padding = ShortcutPadding::named(&self.shortcut_padding).unwrap_or_default();
        Design::new(input, classes)
            .width(self.width)
            .dropout(self.dropout)
            .same_padding(self.same_padding)
            .shortcut_padding(padding)
            .hidden(self.hidden.clone())
    }
}

/// The widest: networks of more channels fit into no memory.
const MOST_WIDTH: f64 = 64.0;
/// The most units of a hidden layer, and the most such layers.
const MOST_UNITS: usize = 1 << 17;
const MOST_LAYERS: usize = 100;

/// Whether a model's name is a file that defines a network.
pub fn is_definition(model: &str) -> bool {
    model.ends_with(".prototxt")
}

/// The text of the file that defines a network; `None` for a name of the zoo.
pub fn definition(model: &str) -> Result<Option<String>> {
    if !is_definition(model) {
        return Ok(None);
    }
    let path = Path::new(model);
    Ok(Some(gradus::io::read_text(path)?))
}

/// A network of the zoo.
pub fn build(name: &str, design: &Design, init: &Init) -> Result<Sequential> {
    let entry = find(name).ok_or_else(|| {
        CliError::Work(format!("the network {name:?} is not in this program's zoo"))
    })?;
    Ok(try_build(|| (entry.build)(design, init))?)
}
