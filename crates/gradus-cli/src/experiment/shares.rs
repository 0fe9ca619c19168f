//! Which samples are trained on, which are held out, how many are looked at, and what stands for values that they lack.

use super::{EVALUATED, REPEATS};
use crate::description::Description;
use crate::error::{CliError, Result};
use crate::settings::Settings;
use crate::table_form::MissingRule;
use gradus::data::{Dataset, HoldOut, Split, Subset, labels_of, means_of, stratified_split};
use std::sync::Arc;

/// Data, or some of them.
pub(super) type Part = Arc<dyn Dataset>;

/// What is trained on, and what is held out of it.
pub(super) fn divide(
    settings: &Settings,
    whole: Part,
    rule: Option<&Split>,
) -> Result<(Part, Option<Part>)> {
    let labels = labels_of(&*whole);
    if settings.overfit_one_batch {
        // Drawn from all classes: data sets are often sorted by label.
        let batch = settings.batch.min(labels.len());
        let (_, one) = stratified_split(&labels, batch, settings.seed)?;
        let many = one.repeat(REPEATS);
        return Ok((Arc::new(Subset::new(whole, many)?), None));
    }
    let share = settings.validation_split;
    if share == 0.0 {
        return Ok((whole, None));
    }
    // Parts that the data bring are fixed, and so is what is held out of them.
    let rule = rule.unwrap_or(&Split::Position);
    let (kept, held) = rule.divide(&*whole, HoldOut::Validation { share, seed: settings.seed })?;
    if kept.is_empty() || held.is_empty() {
        let all = labels.len();
        let what = format!("validation: {share} of {all} samples leaves one part empty");
        return Err(CliError::Usage(what));
    }
    let validation = Subset::new(whole.clone(), held)?;
    Ok((Arc::new(Subset::new(whole, kept)?), Some(Arc::new(validation))))
}

/// So many batches at most to evaluate on.
pub(super) fn limited(data: Part, batches: Option<usize>) -> Result<Part> {
    let kept = batches.map_or(data.len(), |n| n.saturating_mul(EVALUATED).min(data.len()));
    if kept == data.len() {
        return Ok(data);
    }
    spread(data, kept)
}

/// So many samples, spread over all: data sets are often sorted by label.
pub(super) fn spread(data: Part, kept: usize) -> Result<Part> {
    let chosen = (0..kept).map(|i| i * data.len() / kept).collect();
    Ok(Arc::new(Subset::new(data, chosen)?))
}

/// What stands for missing values, where means do: those of the model to go on with, or of the rows to train on.
pub(super) fn means(
    settings: &Settings,
    known: Option<&Description>,
    train: &dyn Dataset,
) -> Result<Vec<f64>> {
    if settings.missing != Some(MissingRule::Mean) {
        return Ok(vec![]);
    }
    match known.filter(|known| !known.table.means.is_empty()) {
        Some(known) => Ok(known.table.means.clone()),
        None => Ok(means_of(train)?),
    }
}
