//! File formats of Gradus: safetensors, checkpoints, npz, TensorBoard events.
