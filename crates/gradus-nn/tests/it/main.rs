//! Layers and modules, seen from outside.

mod golden_losses;
mod module;
