//! From settings to what trains: data cut into parts, the network, the learner. A pure function of the settings and the
//! data, so a continued run builds the same again.

mod photographs;
mod shares;
mod trainee;

use crate::aim::Aim;
use crate::augmentation::{self, Evaluation};
use crate::bars::shortened;
use crate::columns;
use crate::datasets::{self, Opened, Pictures};
use crate::description::Description;
use crate::error::{CliError, Result};
use crate::layers;
use crate::leaks;
use crate::learned::Learned;
use crate::misfit;
use crate::network;
use crate::record::{Beginning, RunRecord, are_same};
use crate::run_dir;
use crate::settings::Settings;
use crate::table_form::TableForm;
use crate::trained::Trained;
use crate::transfer::{self, Pretrained};
use crate::unreadable;
use gradus::data::{
    CsvOptions, Dataset, Loader, LoaderOptions, Normalization, Relabelled, Split, Unreadable,
    has_test_part, labels_of,
};
use gradus::nn::{Init, parameters};
use gradus::train::callbacks::GradualUnfreezing;
use gradus::train::{Learner, Pace, Source, Task};
use photographs::{ahead, normalization};
use shares::{Part, divide, limited, means};
use std::path::Path;
use std::sync::Arc;
pub use trainee::Trainee;

/// How often `--overfit-one-batch` shows its batch in an epoch.
const REPEATS: usize = 20;

/// A network about to be trained.
pub struct Experiment {
    /// The settings, with those that follow from the data.
    pub settings: Settings,
    /// The network, for the file it will be in.
    pub description: Description,
    /// To train on.
    pub train: Loader,
    /// To choose the best epoch on, if part of the training data is held out.
    pub validation: Option<Loader>,
    /// To test on, once.
    pub test: Loader,
    /// Whether that was held out of the data, which have no test part of their own.
    pub held_out: bool,
    /// The data as they are called where they were found.
    pub data: String,
    /// What is worth knowing of them.
    pub remarks: Vec<String>,
    /// What of them is not learned from though nobody said so.
    pub left_out: Vec<String>,
    /// Pictures that are left out because they cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// The network, its loss and its optimiser.
    pub learner: Learner,
    /// How many numbers training adjusts.
    pub parameters: usize,
    /// The paths of those that do not come from the trained model it begins with.
    pub fresh: Vec<String>,
    /// That model.
    beginning: Option<Beginning>,
    /// The record of the run that goes on.
    begun: Option<RunRecord>,
    /// Which of them learn from when on, if not all from the beginning.
    pub unfreezing: Option<GradualUnfreezing>,
}

/// The data, ready to be trained and tested on.
struct Parts {
    settings: Settings,
    train: Loader,
    validation: Option<Loader>,
    test: Loader,
    held_out: bool,
    data: String,
    learned: Learned,
    table: TableForm,
    remarks: Vec<String>,
    left_out: Vec<String>,
    unreadable: Vec<Unreadable>,
}

/// How a run begins.
pub enum Begin<'a> {
    /// From nothing, or from a trained model that the settings name.
    Anew,
    /// Where it was stopped. One of before has no record; until a step is kept, a trained model is still to begin with.
    Again {
        /// The folder of the run, for messages.
        run: &'a Path,
        /// What it learned from.
        record: Option<&'a RunRecord>,
        /// Whether a checkpoint has its weights.
        has_weights: bool,
    },
}

impl<'a> Begin<'a> {
    /// What the run that goes on learned from.
    pub fn record(&self) -> Option<&'a RunRecord> {
        match self {
            Begin::Again { record, .. } => *record,
            Begin::Anew => None,
        }
    }

    /// The trained model to begin with.
    fn pretrained(&self, settings: &Settings) -> Result<Option<Pretrained>> {
        let (from, record) = (settings.from.as_ref(), self.record());
        match (self, record.and_then(|record| record.from.as_ref())) {
            // All that was taken of it is in the checkpoint.
            (Begin::Again { record: Some(_), has_weights: true, .. }, _) => Ok(None),
            (Begin::Again { run, .. }, Some(from)) => {
                let pretrained = Pretrained::read(&from.path)?;
                match pretrained.digest()? == from.digest {
                    true => Ok(Some(pretrained)),
                    false => Err(CliError::Work(format!(
                        "{}: {} is another model than when the run began, and no step of it is kept; begin a new run",
                        run.display(),
                        from.path.display()
                    ))),
                }
            }
            _ => from.map(|from| Pretrained::read(Path::new(from))).transpose(),
        }
    }
}

impl Experiment {
    /// Opens the data and builds the network.
    ///
    /// # Errors
    /// When data or settings are bad, or the data are not those of a run that is to go on.
    pub fn new(settings: &Settings, begin: &Begin<'_>) -> Result<Experiment> {
        let pretrained = begin.pretrained(settings)?;
        let parts = Parts::open(settings, begin, pretrained.as_ref())?;
        let samples = counts(&**parts.train.dataset());
        let description = match begin.record() {
            Some(record) => record.model.clone(),
            None => describe(settings, pretrained.as_ref(), &parts)?,
        };
        let Parts { settings, train, validation, test, held_out, data, .. } = parts;
        let (remarks, left_out, unreadable) = (parts.remarks, parts.left_out, parts.unreadable);
        let settings = &settings;
        require_shown_size(settings, &description, &test)?;
        for part in [Some(&train), Some(&test), validation.as_ref()].into_iter().flatten() {
            description.check(&data, part)?;
        }
        if let (Some(attack), false) =
            (&settings.training.adversarial, is_of_pictures(&description))
        {
            let what =
                format!("adversarial: found {attack} with {data}, expected pictures of classes");
            return Err(CliError::Usage(what));
        }
        let model = description
            .build(&Init::new(settings.seed))
            .map_err(|error| misfit::explained(error, settings, &description))?;
        let head = match settings.from.is_some() || settings.training.freezes_backbone() {
            true => transfer::head(&description, &model),
            false => vec![],
        };
        let fresh = match &pretrained {
            Some(pretrained) => pretrained.begin(&model, &description, &head)?,
            None => {
                let from = begin.record().and_then(|record| record.from.as_ref());
                from.map_or(vec![], |from| from.fresh.clone())
            }
        };
        let beginning = pretrained.map(|pretrained| pretrained.beginning(&fresh)).transpose()?;
        settings.training.apply(&model, &head)?;
        let parameters = parameters(&model).iter().map(|(_, p)| p.variable().shape().len()).sum();
        let recipe = settings.training.recipe(&model, description.aim(), &samples);
        let every = settings.training.unfreeze_every;
        let unfreezing = every.map(|every| layers::unfreezing(&model, every));
        let mut learner =
            Learner::with(Arc::new(model), settings.optimizer(), recipe, settings.seed);
        // Planning a step makes the optimiser's state, which a checkpoint is read into: all of it, as nothing is frozen yet
        // that will learn.
        let batches = train.batches().min(settings.limit_batches.unwrap_or(usize::MAX));
        let schedule = settings.schedule(batches as u64);
        if let Some(batch) = Source::from(&train, 0, 0).next() {
            let pace = Pace { schedule: &schedule, ..Pace::CONSTANT };
            Task::prepare(&mut learner, &batch?, &pace)?;
        }
        if let Some(unfreezing) = &unfreezing {
            unfreezing.take_up(0, &mut learner);
        }
        Ok(Experiment {
            settings: settings.clone(),
            description,
            train,
            validation,
            test,
            held_out,
            data,
            remarks,
            left_out,
            unreadable,
            learner,
            parameters,
            fresh,
            beginning,
            begun: begin.record().cloned(),
            unfreezing,
        })
    }

    /// The rule by which the test part was held out; `None` where the data bring one.
    pub fn split(&self) -> Option<&str> {
        self.description.learned.as_ref().and_then(|learned| learned.split.as_deref())
    }

    /// Its samples, as they are read.
    pub fn parts(&self) -> Vec<&dyn Dataset> {
        let loaders = [Some(&self.train), self.validation.as_ref(), Some(&self.test)];
        loaders.into_iter().flatten().map(|loader| &**loader.dataset() as &dyn Dataset).collect()
    }
}

impl Parts {
    fn open(
        settings: &Settings,
        begin: &Begin<'_>,
        pretrained: Option<&Pretrained>,
    ) -> Result<Parts> {
        let record = begin.record();
        let pictures = match (pretrained, record.filter(|_| settings.from.is_some())) {
            (Some(pretrained), _) => Pictures::of_input(&pretrained.description.input),
            (None, Some(record)) => Pictures::of_input(&record.model.input),
            (None, None) => Pictures::of_model(&settings.model),
        };
        let evaluation = Evaluation::of(&settings.shown())?;
        let (loaded, _) = augmentation::sides(&settings.augment);
        let mut pictures = pictures.squares(loaded, evaluation.loaded());
        // A run that goes on knows which it left out.
        pictures.skip.look = settings.skip_unreadable && record.is_none();
        let opened = found(settings, begin, pretrained, pictures)?;
        if let (Begin::Again { run, .. }, Some(record)) = (begin, record) {
            let differ = record.differing_data(&opened);
            run_dir::require_same(run, &differ, "put the data back")?;
        }
        let mut learned = Learned::of(&opened.splits, &opened.fingerprint);
        learned.remember(&opened.splits)?;
        let Opened { name, splits, .. } = opened;
        datasets::require_both(&name, &splits)?;
        let held_out = splits.rule.is_some();
        if let [only] = splits.train.classes() {
            let (class, inner) = (shortened(only, 40), datasets::folders_within(&name, only));
            let what = format!("found 1 class ({class}), expected at least 2 to tell apart{inner}");
            return Err(CliError::Work(format!("{name}: {what}")));
        }
        let (forms, left_out) = (splits.forms.clone(), splits.left_out.clone());
        let decimal_comma = splits.decimal_comma;
        let mut remarks = [&splits.remarks_on_training[..], &splits.remarks].concat();
        remarks.extend(unreadable::remark(&splits.unreadable));
        remarks.extend(datasets::remarks_on_classes(&splits));
        remarks.extend(datasets::remark_on_test_part(&splits)?);
        let unreadable = splits.unreadable.clone();
        let rule = splits.rule.clone();
        let known = pretrained.map(|pretrained| &pretrained.description);
        let known = known.or(record.map(|record| &record.model));
        // Of the classes that a model knows each keeps its number.
        let like = |part: Part| -> Result<Part> {
            let known = known.filter(|known| {
                !known.classes.is_empty() && are_same(&known.classes, part.classes())
            });
            Ok(match known {
                Some(known) => Arc::new(Relabelled::new(part, &known.classes)?),
                None => part,
            })
        };
        let (whole, test) = (like(splits.train)?, like(splits.test)?);
        let (train, validation) = divide(settings, whole, rule.as_ref())?;
        let mut suited = settings.clone();
        if let ([_], Begin::Anew) = (train.shape(), begin) {
            suited.suit_rows(train.len());
        }
        let settings = &suited;
        let numbers = |data: &Part| counts(&**data).into_iter().map(|n| n as u64).collect();
        learned.train = numbers(&train);
        learned.test = numbers(&test);
        learned.validation = validation.as_ref().map_or(vec![], numbers);
        remarks.extend(datasets::remarks_on_targets(&*train, &settings.aim()?));
        remarks.extend(leaks::remarks(&*train, &forms));
        datasets::remark(&name, &remarks);
        let table = match record {
            Some(record) => record.model.table.clone(),
            None => {
                // What a model to go on with took for missing values is so for it, too.
                let mut cells = settings.cells();
                if let (true, Some(known)) = (cells.missing_values.is_empty(), known) {
                    cells.missing_values = known.table.missing_values.clone();
                }
                let means = means(settings, known, &*train)?;
                TableForm::new(cells, &forms, decimal_comma, means)
            }
        };
        let fill = |part| table.filled(part);
        let (train, test) = (fill(train)?, fill(test)?);
        let validation = validation.map(fill).transpose()?;
        let aim = settings.aim()?.measured(&*train, known.map(Description::aim));
        learned.aim = aim.clone();
        if let Begin::Anew = begin {
            augmentation::require_room(&settings.augment, train.shape())?;
        }
        let augment = augmentation::build(&settings.augment, &*train)?;
        let few = |data| limited(data, settings.training.limit_evaluation);
        let (validation, test) = (validation.map(few).transpose()?, few(test)?);
        // What is first read after an epoch, or after all, is looked at before hours are spent.
        let others: Vec<&dyn Dataset> = validation.iter().chain([&test]).map(|p| &**p).collect();
        unreadable::inspect(&name, &*train, &others)?;
        let normalization = match (known, begin) {
            (Some(known), _) => known.normalization(),
            (None, Begin::Anew) => normalization(&train, Normalization::of),
            // Runs of before rounded first.
            (None, Begin::Again { .. }) => normalization(&train, Normalization::of_rounded),
        };
        let normalization =
            normalization.map_err(|met| unreadable::gathered(&name, &[&*train, &*test], met))?;
        let options = LoaderOptions {
            batch_size: settings.batch,
            shuffle: !settings.overfit_one_batch,
            seed: settings.seed,
            augment,
            normalization: Some(normalization.clone()),
            targets: aim.scale()?,
            ..ahead(&*train)
        };
        let train = Loader::new(train, options)?;
        // One view of each image has to do after every epoch.
        let one = evaluation.single();
        let show = |data, evaluation| in_order(data, &normalization, evaluation, &aim);
        let validation = validation.map(|data| show(data, &one)).transpose()?;
        let test = show(test, &evaluation)?;
        Ok(Parts {
            settings: suited,
            train,
            validation,
            test,
            held_out,
            data: name,
            learned,
            table,
            remarks,
            left_out,
            unreadable,
        })
    }
}

/// Whether a network tells classes of pictures apart.
fn is_of_pictures(description: &Description) -> bool {
    description.input.len() == 3 && description.aim().is_of_classes()
}

/// Opens the data that settings name, or finds those of a run again. Columns are found by their names.
fn found(
    settings: &Settings,
    begin: &Begin<'_>,
    pretrained: Option<&Pretrained>,
    pictures: Pictures,
) -> Result<Opened> {
    if let Some(record) = begin.record() {
        let csv = record.model.csv(record.model.label_column()?);
        let trained = Trained::new(&record.model, Some(record));
        return trained.reopen(&settings.data, pictures, &csv);
    }
    let label = columns::label(settings.label.as_deref(), &settings.data)?;
    let (targets, target_values) =
        (settings.target.clone(), settings.aim()?.target().values().to_vec());
    let leave_out = settings.leave_out.clone();
    let mut csv = CsvOptions { label, targets, target_values, leave_out, ..CsvOptions::default() };
    let known = pretrained.map(|pretrained| &pretrained.description);
    if let Some(known) = known.filter(|known| !known.columns.is_empty()) {
        known.table.put_on(&mut csv, &known.columns, known.input[0]);
    }
    settings.cells().put_on(&mut csv);
    let rule = match (settings.rule()?, begin) {
        (None, Begin::Again { .. }) if !has_test_part(&settings.data) => Some(Split::Position),
        (rule, _) => rule,
    };
    Opened::new(&settings.data, pictures, &csv, rule.as_ref())
}

/// Refuses an `evaluate` that shows pictures of another size than the network takes.
fn require_shown_size(settings: &Settings, network: &Description, test: &Loader) -> Result<()> {
    match (test.sample_shape(), &network.input[..], &settings.evaluate[..]) {
        (&[c, h, w], &[channels, height, width], [_, ..])
            if c == channels && (h, w) != (height, width) =>
        {
            Err(CliError::Work(format!(
                "evaluate: found a way that shows pictures of {h}×{w}, expected {height}×{width}, which {} is trained on",
                settings.model
            )))
        }
        _ => Ok(()),
    }
}

/// The network for these data, and how it is fed.
fn describe(settings: &Settings, from: Option<&Pretrained>, parts: &Parts) -> Result<Description> {
    let train = &parts.train;
    let normalization = train.normalization().expect("there is one");
    let columns = train.dataset().columns();
    Ok(Description {
        architecture: settings.model.clone(),
        definition: match from {
            Some(pretrained) => pretrained.description.definition.clone(),
            None => network::definition(&settings.model)?,
        },
        network: settings.network.clone(),
        input: train.sample_shape().to_vec(),
        classes: train.dataset().classes().to_vec(),
        columns: columns.map_or(vec![], |columns| columns.features.clone()),
        label: columns.map_or(settings.label.clone(), |columns| columns.label.clone()),
        left_out: match columns {
            Some(_) => settings.leave_out.clone(),
            // Where columns have no names, those that are left out are told by their numbers.
            None => [&settings.leave_out[..], &parts.left_out].concat(),
        },
        table: parts.table.clone(),
        offset: normalization.offset().to_vec(),
        mean: normalization.mean().to_vec(),
        std: normalization.std().to_vec(),
        evaluate: settings.shown(),
        data: settings.data.clone(),
        learned: Some(parts.learned.clone()),
        epoch: 0,
        sequences: None,
    })
}

/// Samples in a batch of those to evaluate on.
const EVALUATED: usize = 250;
/// Numbers in the samples of such a batch: of photographs there are fewer at a time.
const EVALUATED_NUMBERS: usize = 1 << 22;

/// Samples of each class; of numbers, all.
pub fn counts(data: &dyn Dataset) -> Vec<usize> {
    if data.classes().is_empty() {
        return vec![data.len()];
    }
    let mut counts = vec![0; data.classes().len()];
    labels_of(data).into_iter().for_each(|label| counts[label as usize] += 1);
    counts
}

/// Batches to evaluate on: all samples in their order, all views of an image in one batch.
pub fn in_order(
    data: Part,
    n: &Normalization,
    evaluation: &Evaluation,
    aim: &Aim,
) -> Result<Loader> {
    let options = ahead(&*data);
    let (views, augment) = evaluation.show(data)?;
    let numbers = views.shape().iter().product::<usize>().max(1);
    let fitting = (EVALUATED_NUMBERS / numbers / 10 * 10).clamp(10, EVALUATED);
    let normalization = Some(n.clone());
    Ok(Loader::new(
        views,
        LoaderOptions {
            batch_size: fitting,
            augment,
            normalization,
            targets: aim.scale()?,
            ..options
        },
    )?)
}
