//! Layers and modules, seen from outside.

mod attention;
mod functional;
mod golden_losses;
mod golden_recurrent;
mod golden_transformer;
mod image_losses;
mod layers;
mod module;
mod padding;
mod recurrent;
mod takes;
mod types;
mod wrong_shapes;
