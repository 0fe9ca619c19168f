//! Layers and modules, seen from outside.

mod module;
