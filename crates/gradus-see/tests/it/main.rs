//! What the crate promises, as its users see it.

mod attribution;
mod captum;
