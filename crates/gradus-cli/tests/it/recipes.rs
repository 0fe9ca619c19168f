//! Recipes that cannot be trained by: found before anything is begun, and told in the words of the file.

use super::{Ran, ran};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

fn train(folder: &Path, entries: &str) -> Ran {
    fs::write(folder.join("r.toml"), format!("model = \"lenet\"\nepochs = 1\n{entries}\n"))
        .unwrap();
    ran(folder, &["train", "r.toml", "--limit-batches", "1"])
}

#[test]
fn changes_of_images_that_make_no_sense() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    for (entries, part) in [
        (
            "augment = [\"flip\", { kind = \"random-resized-crop\", size = 28, scale = [1.0, 0.25] }]",
            "r.toml, line 3: augment, entry 2: ",
        ),
        (
            "augment = { kind = \"affine\", scale = 1.5 }",
            "scale: found 1.5, expected from 0 to below 1",
        ),
        ("augment = \"affine(5, 1)\"", "expected affine or affine(DEGREES, SHIFT, SCALE)"),
        (
            "augment = [{ kind = \"shift\", padding = -1 }]",
            "padding: found -1, expected a number in whole pixels from 0",
        ),
        ("augment = \"crop(224)\"", "augment, crop(224): crop: found a window of 224×224"),
        ("augment = \"shift(28)\"", "augment, shift(28): found a shift by 28"),
        (
            "evaluate = [{ kind = \"ten-crop\", size = 24 }]",
            "evaluate: found a way that shows pictures of 24×24, expected 28×28, which lenet is trained on",
        ),
        (
            "[training]\nclass_weights = [1.0, 2.0]",
            "line 4: training.class_weights: expected \"balanced\"",
        ),
        (
            "[training]\nmetrics = 3",
            "line 4: training.metrics: expected a name in quotes, or a list",
        ),
    ] {
        let refused = train(f, entries);
        assert!(refused.code == 1 || refused.code == 2, "{entries}");
        refused.fails(refused.code, &[part]);
    }
    assert!(!f.join("runs").exists(), "nothing was begun");
    let texts = train(f, "augment = \"flip, shift(2)\"");
    assert_eq!(texts.code, 0, "{}", texts.err);
    let config = fs::read_to_string(f.join("runs/r-1/config.toml")).unwrap();
    assert!(config.contains("kind = \"flip\"") && config.contains("padding = 2"), "{config}");
}
