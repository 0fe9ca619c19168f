//! The model zoo of Gradus.
