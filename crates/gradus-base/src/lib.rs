//! Shapes, element types, views and errors: the words every other Gradus crate speaks.
