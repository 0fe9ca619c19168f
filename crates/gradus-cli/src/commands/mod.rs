//! The commands, one file each.

pub mod attack;
pub mod bench;
pub mod classify;
pub mod compare;
pub mod data;
pub mod devices;
pub mod eval;
pub mod export;
pub mod import;
pub mod kernel;
#[cfg(feature = "lab")]
pub mod lab;
pub mod models;
pub mod predict;
pub mod run;
pub mod sample;
pub mod see;
pub mod summary;
pub mod train;

use serde_json::Value;

/// Puts the entries of one object into another.
pub(crate) fn join(record: &mut Value, more: Value) {
    if let (Value::Object(all), Value::Object(more)) = (record, more) {
        all.extend(more);
    }
}
