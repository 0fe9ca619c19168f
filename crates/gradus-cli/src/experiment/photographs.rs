//! Photographs are decoded whenever they are read: how they are measured, and who reads ahead.

use super::shares::{Part, spread};
use crate::error::Result;
use gradus::data::{Dataset, LoaderOptions, Normalization};

/// Samples larger than this are photographs, which are decoded whenever they are read.
const PHOTOGRAPH: usize = 1 << 14;
/// Means and deviations of photographs are those of so many.
const MEASURED: usize = 2_000;

fn is_photograph(data: &dyn Dataset) -> bool {
    data.shape().iter().product::<usize>() > PHOTOGRAPH
}

/// What the data are normalised by.
pub(super) fn normalization(
    data: &Part,
    measure: fn(&dyn Dataset) -> gradus::data::Result<Normalization>,
) -> Result<Normalization> {
    let kept = data.len().min(MEASURED);
    if !is_photograph(&**data) || kept == data.len() {
        return Ok(measure(&**data)?);
    }
    Ok(measure(&*spread(data.clone(), kept)?)?)
}

/// Photographs are made ready by all threads, as computing waits for them; of small images one is enough. The batches are the
/// same.
pub(super) fn ahead(data: &dyn Dataset) -> LoaderOptions {
    match is_photograph(data) {
        true => {
            let workers = gradus_cpu::threads().clamp(1, 64);
            LoaderOptions { workers, prefetch: 1, ..LoaderOptions::default() }
        }
        false => LoaderOptions::default(),
    }
}
