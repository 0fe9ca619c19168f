//! What the crate promises, as its users see it.

mod attacks;
mod attribution;
mod captum;
