//! Layers, losses and initialisers of Gradus.
