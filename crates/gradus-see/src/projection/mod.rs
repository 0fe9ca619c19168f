//! Rows of numbers as points in a plane: principal components and t-SNE, in f64.

mod barnes_hut;
mod pca;
mod tsne;

use gradus_base::{Error, Result};
pub use pca::{Components, principal_components};
pub use tsne::{Embedding, TSne};

/// Refuses rows of different lengths, and numbers that are not finite.
fn check(rows: &[Vec<f64>], least: usize) -> Result<()> {
    let bad = |what: String| Err(Error::value("projection", what));
    if rows.len() < least {
        return bad(format!("found {} rows, expected {least} at least", rows.len()));
    }
    for (at, row) in rows.iter().enumerate() {
        if row.len() != rows[0].len() || row.is_empty() {
            return bad(format!("row {at} has {} numbers, the first {}", row.len(), rows[0].len()));
        }
        if let Some(x) = row.iter().find(|x| !x.is_finite()) {
            return bad(format!("row {at} holds {x}, expected finite numbers"));
        }
    }
    Ok(())
}
