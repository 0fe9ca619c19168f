//! What networks see and how they are fooled, from outside.

mod attacks;
