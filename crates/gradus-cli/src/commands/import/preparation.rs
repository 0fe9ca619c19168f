//! How pictures are prepared for a network, which its weights do not tell.

use super::Args;
use crate::error::{CliError, Result};
use crate::suggest::unknown;
use gradus::models::import::Origin;

/// How pictures may be prepared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preparation {
    /// Keras's name for it.
    pub name: &'static str,
    /// Means of pixels in 0..=1.
    pub mean: [f32; 3],
    /// Their deviations.
    pub std: [f32; 3],
    /// Whether blue comes first.
    pub blue_first: bool,
}

/// Those that are known.
pub const PREPARATIONS: &[Preparation] = &[
    Preparation {
        name: "torch",
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
        blue_first: false,
    },
    Preparation { name: "tf", mean: [0.5; 3], std: [0.5; 3], blue_first: false },
    Preparation {
        name: "caffe",
        mean: [123.68 / 255.0, 116.779 / 255.0, 103.939 / 255.0],
        std: [1.0 / 255.0; 3],
        blue_first: true,
    },
    Preparation { name: "none", mean: [0.0; 3], std: [1.0; 3], blue_first: false },
];

/// Their names.
pub fn names() -> Vec<&'static str> {
    PREPARATIONS.iter().map(|p| p.name).collect()
}

fn named(name: &str) -> Result<Preparation> {
    let found = PREPARATIONS.iter().find(|p| p.name == name);
    found.copied().ok_or_else(|| unknown("preprocessing", name, &names()))
}

/// Those that a network of so many channels may have been trained with, likeliest first: the one that is asked for, or else
/// the usual one of its origin, and with labelled data to tell them apart all others, too.
pub fn possible(args: &Args, channels: usize, origin: Origin) -> Result<Vec<Preparation>> {
    if let Some(name) = &args.preprocessing {
        let asked = named(name)?;
        if channels != 3 && name != "none" {
            let what = format!("--preprocessing {name} is for colour");
            return Err(CliError::Usage(format!("{what}; the network takes {channels} channels")));
        }
        return Ok(vec![asked]);
    }
    let told = args.check_data.is_some();
    let usual = match (channels, origin) {
        (3, Origin::PyTorch) => "torch",
        (3, Origin::Caffe) => "caffe",
        (3, Origin::Keras) if told => "tf",
        (3, Origin::Keras) => {
            let what = "Keras's networks differ in how pictures are prepared";
            let remedy = "tf for MobileNet and Inception, caffe for VGG, ResNet and SqueezeNet";
            return Err(CliError::Usage(format!("{what}: add --preprocessing ({remedy})")));
        }
        _ => "none",
    };
    let mut all = vec![named(usual)?];
    if channels == 3 && told {
        all.extend(PREPARATIONS.iter().filter(|p| p.name != usual));
    }
    Ok(all)
}
