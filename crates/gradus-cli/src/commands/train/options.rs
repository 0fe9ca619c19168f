//! What `gradus train` trains by: the settings of a model or a recipe, with what the command line states put over them.

use crate::aim::default_metrics;
use crate::augmentation::{Augmentation, Shown, kinds, list, usages};
use crate::error::{CliError, Result, shell_word};
use crate::model_file;
use crate::network::is_definition;
use crate::options::Stated;
use crate::recipe_file;
use crate::run_dir;
use crate::settings::{
    BySize, ClassWeights, GroupSettings, LOOKED_AT_BY, STEPS, SYSTEMS, Settings, default_optimizer,
    find_system,
};
use crate::suggest::unknown_model;
use crate::transfer::Pretrained;
use gradus::models::{RECIPES, ZOO, find, recipe};
use gradus::nn::losses::LOSSES;
use std::path::Path;

/// Options that are no entry of the settings as they are written, but change some.
#[derive(clap::Args)]
pub struct Shorthands {
    #[arg(long, value_name = "NAMES", help = format!(
        "Changes of training images: none, or some of {}, such as \"resize(256),crop(224),flip\" [default: affine for digits]",
        kinds::<Augmentation>().join(", ")), long_help = format!(
        "Changes of training images: none, or some of these, with commas between them, such as \"resize(256),crop(224),flip\" or \
         \"affine(5, 1, 0.1)\": turned by up to 5 degrees, moved by up to 1 pixel, up to 10 % larger or smaller [default: affine for \
         digits]. A recipe has tables, {{ kind = \"affine\", degrees = 5, shift = 1, scale = 0.1 }}, whose keys are the words in \
         brackets; PIXELS are size, of shift padding.\n\n{}",
        usages::<Augmentation>()))]
    augment: Option<String>,
    #[arg(long, value_name = "NAMES", help = format!(
        "How images are shown to be tested: as they are, or some of {} [default: brought to the size of the training images]",
        kinds::<Shown>().join(", ")))]
    evaluate: Option<String>,
    /// The same as --class-weights balanced
    #[arg(long, help_heading = STEPS)]
    balance_classes: bool,
    /// Rates of single layers, as factors: conv1=0.1,fc=10
    #[arg(long, value_name = "LAYER=X", value_delimiter = ',', value_parser = rate_scale, help_heading = STEPS)]
    rate_scale: Vec<(String, f64)>,
    /// One batch of training, validation and test: does everything fit together?
    #[arg(long, conflicts_with_all = ["epochs", "limit_batches"], help_heading = STEPS)]
    fast_dev_run: bool,
}

/// `conv1=0.1`
fn rate_scale(text: &str) -> std::result::Result<(String, f64), String> {
    let parsed = text.split_once('=').and_then(|(path, x)| Some((path, x.parse::<f64>().ok()?)));
    match parsed.filter(|(path, x)| !path.is_empty() && *x >= 0.0 && x.is_finite()) {
        Some((path, x)) => Ok((path.to_owned(), x)),
        None => Err("expected a layer and a factor of 0 or more, such as conv1=0.1".into()),
    }
}

/// The settings of a recipe or a model by its name, with what is stated put over them.
pub fn settings(
    name: &str,
    stated: &Stated<Settings>,
    shorthands: &Shorthands,
) -> Result<Settings> {
    let mut s = begun(name)?;
    make_room(&mut s, stated);
    stated.put_over(&mut s);
    if stated.has("target") && !stated.has("label") {
        s.label = None;
    }
    looked_at(&s.schedule.name, stated)?;
    state_aim(&mut s);
    s.training.state_adversarial();
    shorthands.apply(&mut s)?;
    s.by_size.epochs &= !stated.has("epochs") && !shorthands.fast_dev_run;
    s.by_size.batch &= !stated.has("batch");
    if s.overfit_one_batch {
        // The batch must stay what it is, and nothing is held out of it.
        s.augment.clear();
        (s.validation_split, s.training.early_stopping) = (0.0, None);
    }
    s.check_new()?;
    if let Some(from) = s.from.clone() {
        Pretrained::read(Path::new(&from))?.suit(&mut s)?;
        if stated.has("hidden") && stated.get_all::<usize>("hidden") != s.network.hidden {
            let what = format!(
                "--hidden: the network of {from} has hidden layers of its own, whose weights are to begin with"
            );
            return Err(CliError::Usage(what));
        }
        // The weights are those of one network.
        let own = &s.network.shortcut_padding;
        let stated = stated.get::<String>("shortcut_padding");
        if let Some(padding) = stated.filter(|padding| *padding != own) {
            let what =
                format!("--shortcut-padding {padding}: the network of {from} has its zeros {own}");
            return Err(CliError::Usage(what));
        }
    }
    Ok(s)
}

/// The settings of a recipe or a model as they are.
fn begun(name: &str) -> Result<Settings> {
    let definition = is_definition(name);
    if find_system(name).is_some() {
        return Settings::of_model(name);
    }
    match recipe(name) {
        Some(text) => recipe_file::parse(name, text),
        None if find(name).is_none() && is_data(name) => {
            let (path, config) = (shell_word(Path::new(name)), run_dir::config(Path::new(name)));
            let (found, command) = match config.is_file() {
                true => ("a run", format!("gradus train {}", shell_word(&config))),
                false => ("data", format!("gradus train mlp --data {path}")),
            };
            Err(CliError::Usage(format!(
                "{name}: found {found}, expected a model or a recipe: {command}"
            )))
        }
        None if find(name).is_none() && is_weights(name) => Err(weights_named(name)),
        None if name.ends_with(".toml") || (Path::new(name).is_file() && !definition) => {
            recipe_file::read(Path::new(name))
        }
        None if find(name).is_none() && !definition => {
            let models = ZOO.iter().map(|e| e.name);
            let models = models.chain(SYSTEMS.iter().map(|system| system.name));
            let names: Vec<&str> = models.chain(RECIPES.iter().map(|(name, _)| *name)).collect();
            Err(unknown_model(name, &names))
        }
        None => {
            let by_size = BySize { epochs: true, batch: true };
            Ok(Settings { by_size, ..Settings::of_model(name)? })
        }
    }
}

/// Whether data were named where a model or a recipe should be: a folder, or a table of numbers.
fn is_data(name: &str) -> bool {
    let path = Path::new(name);
    let is_table = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv"));
    path.is_dir() || (is_table && path.is_file())
}

/// The endings of files that hold weights, or a network that another program wrote.
const WEIGHTS: &[&str] =
    &["onnx", "safetensors", "pth", "pt", "th", "h5", "hdf5", "keras", "npz", "caffemodel", "pkl"];

/// Whether a file of weights was named where a model or a recipe should be.
fn is_weights(name: &str) -> bool {
    let ending = Path::new(name).extension();
    Path::new(name).is_file()
        && ending.is_some_and(|e| WEIGHTS.iter().any(|w| e.eq_ignore_ascii_case(w)))
}

/// What to do with a file of weights: they are begun with, by a network that has a name.
fn weights_named(name: &str) -> CliError {
    let path = Path::new(name);
    let word = shell_word(path);
    if let Ok(own) = model_file::read(path) {
        let network = own.description.architecture;
        return CliError::Usage(format!(
            "{name}: found a trained model, expected a model or a recipe: gradus train {network} --from {word}"
        ));
    }
    let is_onnx = model_file::is_onnx(path);
    let what = match is_onnx {
        true => "an ONNX model, which is run (gradus run) but not trained as it stands",
        false => "a file of weights",
    };
    // What Gradus exported says itself which network it is.
    let (whose, network) = match is_onnx.then(|| model_file::network_of(path)).flatten() {
        Some(network) => (format!("the weights of its network, {network},"), network),
        None => ("weights of a network of the zoo (gradus models)".into(), "NAME".to_owned()),
    };
    CliError::Usage(format!(
        "{name}: found {what}, expected a model or a recipe; {whose} are trained further by: gradus import {word} --model {network} --out model.safetensors, then: gradus train {network} --from model.safetensors --data DATA"
    ))
}

/// Takes away what suits what is stated no longer: other data, another optimiser, another loss.
fn make_room(s: &mut Settings, stated: &Stated<Settings>) {
    if let Some(data) = stated.get::<String>("data") {
        s.suit(data);
    }
    if let Some(name) = stated.get::<String>("optimizer") {
        s.optimizer = default_optimizer(name);
    }
    if stated.get("loss").is_some_and(|loss| s.training.loss.as_ref() != Some(loss)) {
        s.training.metrics.clear();
    }
    if stated.has("clip_norm") || stated.has("clip_value") {
        (s.training.clip_norm, s.training.clip_value) = (None, None);
    }
}

/// Refuses what the schedule would not look at.
fn looked_at(schedule: &str, stated: &Stated<Settings>) -> Result<()> {
    for (option, schedules) in LOOKED_AT_BY {
        if stated.has(option) && !schedules.contains(&schedule) {
            let schedules = schedules.join(", ");
            let what = format!("{option}: found --schedule {schedule}, expected {schedules}");
            return Err(CliError::Usage(what));
        }
    }
    Ok(())
}

/// States loss and metrics of numbers, so that the run goes on with them whatever later versions have for usual.
fn state_aim(s: &mut Settings) {
    if s.target.is_empty() {
        return;
    }
    let name = s.training.loss.get_or_insert_with(|| "mse".into());
    let known = LOSSES.iter().find(|known| known.name == *name);
    if let (Some(loss), true) = (known, s.training.metrics.is_empty()) {
        s.training.metrics = default_metrics(loss.target);
    }
}

impl Shorthands {
    fn apply(&self, s: &mut Settings) -> Result<()> {
        if let Some(names) = &self.augment {
            s.augment = list(names)?;
            s.evaluate.clear();
        }
        if let Some(names) = &self.evaluate {
            s.evaluate = list(names)?;
        }
        let t = &mut s.training;
        if self.balance_classes {
            t.class_weights = Some(ClassWeights::Balanced);
        }
        let group = |(path, rate_scale)| GroupSettings { path, rate_scale, weight_decay: None };
        t.groups.extend(self.rate_scale.iter().cloned().map(group));
        if self.fast_dev_run {
            (s.epochs, s.limit_batches) = (1, Some(1));
            t.limit_evaluation = Some(1);
            // One batch tells nothing of a network's health.
            t.diagnose = false;
        }
        Ok(())
    }
}
