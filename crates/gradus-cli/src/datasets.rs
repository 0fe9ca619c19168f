//! Opening data for a network: by name or path, images brought to the network's size and channels.

use crate::error::{CliError, Result};
use crate::suggest;
use gradus::data::{Fit, ImageOptions, OpenOptions, SETS, Splits};
use gradus::models::find;
use std::path::Path;

/// What pictures in folders are turned into; data of fixed sizes, such as named sets, stay as they are.
#[derive(Clone, Copy)]
pub struct Pictures {
    channels: usize,
    train: Option<Size>,
    test: Option<Size>,
}

type Size = (usize, usize);

impl Pictures {
    /// As a network of the zoo is published for; RGB of their own size for a network defined in a file.
    pub fn of_model(model: &str) -> Pictures {
        find(model).map_or(Pictures::of_input(&[]), |entry| Pictures::of_input(entry.input))
    }

    /// As a network takes them whose samples have this shape.
    pub fn of_input(shape: &[usize]) -> Pictures {
        match *shape {
            [channels, height, width] => {
                let size = Some((height, width));
                Pictures { channels, train: size, test: size }
            }
            _ => Pictures { channels: 3, train: None, test: None },
        }
    }

    /// As squares of these sides, where they are given.
    pub fn squares(self, train: Option<usize>, test: Option<usize>) -> Pictures {
        let square = |side: Option<usize>, size: Option<Size>| side.map(|n| (n, n)).or(size);
        Pictures { train: square(train, self.train), test: square(test, self.test), ..self }
    }
}

/// Opens a named set or a path.
pub fn open(name_or_path: &str, pictures: Pictures) -> Result<Splits> {
    known_or_there(name_or_path)?;
    let open = |size: Option<Size>| {
        let image = ImageOptions { channels: pictures.channels, size, fit: Fit::Cover };
        let options = OpenOptions { image, ..OpenOptions::from_environment() };
        gradus::data::open(name_or_path, &options)
    };
    let mut splits = open(pictures.train)?;
    if pictures.test != pictures.train {
        splits.test = open(pictures.test)?.test;
    }
    for (part, data) in [("training", &splits.train), ("test", &splits.test)] {
        if data.is_empty() {
            return Err(CliError::Work(format!("{name_or_path}: no {part} samples")));
        }
    }
    Ok(splits)
}

/// Opens a named set or a path without a network in mind: pictures are RGB and of one size.
pub fn open_as_is(name_or_path: &str) -> Result<Splits> {
    known_or_there(name_or_path)?;
    Ok(gradus::data::open(name_or_path, &OpenOptions::from_environment())?)
}

/// Refuses what is neither a set's name nor a path.
fn known_or_there(name_or_path: &str) -> Result<()> {
    let names: Vec<&str> = SETS.iter().map(|s| s.name).collect();
    if names.contains(&name_or_path) || Path::new(name_or_path).exists() {
        return Ok(());
    }
    if name_or_path == "imagenet" {
        let what = "imagenet: its pictures may not be handed on; give the folder that holds them, --data DIR, with train and val in it";
        return Err(CliError::Usage(what.to_owned()));
    }
    Err(suggest::unknown("data set (and no file or folder of that name)", name_or_path, &names))
}
