//! Data sets, loaders and transforms of Gradus.
