//! The data set that is always there: 5,000 MNIST digits, 500 of each (source and licence: see NOTICE).

use std::sync::Arc;

use crate::dataset::{Dataset, Subset};
use crate::error::Result;
use crate::image_set::ImageDataset;
use crate::read::idx::{combine, parse_idx};
use crate::split::stratified_split;

const IMAGES: &[u8] = include_bytes!("../assets/mnist5k-images-idx3-ubyte.gz");
const LABELS: &[u8] = include_bytes!("../assets/mnist5k-labels-idx1-ubyte.gz");
const TEST_SAMPLES: usize = 1_000;
/// The split is part of the data set: published accuracies refer to it.
const SPLIT_SEED: u64 = 5_000;

/// The embedded digits, in the order of their labels: `[5000, 1, 28, 28]`.
pub fn mnist_5k() -> Result<ImageDataset> {
    let (images, labels) = ("embedded MNIST images", "embedded MNIST labels");
    let classes: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
    combine(parse_idx(IMAGES, images)?, images, parse_idx(LABELS, labels)?, labels, &classes)
}

/// The fixed split of the embedded digits: 4,000 to train and 1,000 to test, 400 and 100 of each digit.
pub fn mnist_5k_split() -> Result<(Subset, Subset)> {
    let digits = Arc::new(mnist_5k()?);
    let (train, test) = stratified_split(digits.labels(), TEST_SAMPLES, SPLIT_SEED)?;
    let whole: Arc<dyn Dataset> = digits;
    Ok((Subset::new(whole.clone(), train)?, Subset::new(whole, test)?))
}
