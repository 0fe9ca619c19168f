//! Tensors of Gradus and every op on them, one place per op.
