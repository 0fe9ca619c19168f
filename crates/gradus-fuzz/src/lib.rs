//! What must hold for any bytes that Gradus reads: no panic, and what was accepted survives being written and read again.
//!
//! Each target takes raw bytes of one format. `tests/corpus.rs` replays the files of `fuzz/corpus`, whole, cut and with
//! flipped bits; the workspace in `fuzz/` searches for bytes that break a target.

mod data;
mod graphs;
mod io;
mod lab;
mod onnx;
mod recipe;
mod replay;
mod sequences;
mod text;
mod weights;

pub use graphs::{BAD_GRAPHS, BadGraph};
pub use io::frame;
pub use onnx::BESIDE;
pub use replay::{damaged, files, is_valid};

/// One kind of outside bytes.
pub struct Target {
    /// The name of the target and of its folder of files.
    pub name: &'static str,
    /// Reads the bytes and says whether they were accepted; panics where a promise is broken.
    pub run: fn(&[u8]) -> bool,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    target("idx", data::idx),
    target("idx_gzip", data::idx_gzip),
    target("image", data::image),
    target("csv", data::csv),
    target("cifar", data::cifar),
    target("folder", data::folder),
    target("safetensors", io::safetensors),
    target("checkpoint", io::checkpoint),
    target("npy", io::npy),
    target("npz", io::npz),
    target("events", io::events),
    target("log", io::log),
    target("pickle", weights::pickle),
    target("pytorch", weights::pytorch),
    target("hdf5", weights::hdf5),
    target("keras", weights::keras),
    target("caffemodel", weights::caffemodel),
    target("prototxt", weights::prototxt),
    target("onnx", onnx::onnx),
    target("onnx_beside", onnx::onnx_beside),
    target("recipe", recipe::recipe),
    target("text", text::text),
    target("tokenizer", text::tokenizer),
    target("hugging_face", text::hugging_face),
    target("word_index", text::word_index),
    target("arpa", text::arpa),
    target("vectors", text::vectors),
    target("fasta", sequences::fasta),
    target("ts", sequences::ts),
    target("steps", sequences::steps),
    target("lab_commands", lab::lab_commands),
    target("lab_session", lab::lab_session),
];

const fn target(name: &'static str, run: fn(&[u8]) -> bool) -> Target {
    Target { name, run }
}

/// The target called `name`.
///
/// # Panics
/// When there is none.
pub fn find(name: &str) -> &'static Target {
    let known = TARGETS.iter().find(|target| target.name == name);
    known.unwrap_or_else(|| panic!("no target is called {name}"))
}

/// An error's message fits a screen, and no file can send a terminal control characters through it.
fn readable(error: &dyn std::fmt::Display) {
    let text = error.to_string();
    assert!(!text.trim().is_empty(), "an error without a message");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    assert!(text.lines().all(|line| line.chars().count() <= 1_000), "{text}");
    assert!(text.lines().count() <= 40, "{text}");
}
