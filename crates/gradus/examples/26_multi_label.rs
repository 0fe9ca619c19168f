//! Several labels at once: of each pair of digits that lie upon each other, every digit is a yes or no of its own.

use gradus::data::{Dataset, mnist_5k_split};
use gradus::nn::losses::binary_cross_entropy_with_logits;
use gradus::prelude::*;
use std::path::PathBuf;

/// Pairs of digits drawn into one picture `[N, 784]`, and which digits are there `[N, 10]`.
fn pairs(set: &dyn Dataset, n: usize, seed: u64) -> (Tensor, Tensor) {
    let order = Tensor::permutation(set.len(), seed).to_vec::<i64>();
    let (mut pixels, mut labels) = (vec![0.0f32; n * 784], vec![0.0f32; n * 10]);
    let mut digit = vec![0.0; 784];
    for (i, picture) in pixels.chunks_mut(784).enumerate() {
        for k in [2 * i, 2 * i + 1] {
            let index = order[k % order.len()] as usize;
            set.read(index, &mut digit).expect("an embedded image");
            picture.iter_mut().zip(&digit).for_each(|(p, d)| *p = p.max(*d));
            labels[i * 10 + set.label(index) as usize] = 1.0;
        }
    }
    (Tensor::from_slice(&pixels, [n, 784]), Tensor::from_slice(&labels, [n, 10]))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (train, test) = mnist_5k_split()?;
    let ((x, t), (test_x, test_t)) = (pairs(&train, 2000, 1), pairs(&test, 500, 2));
    let (train, test) = (Arrays::new(&x, &t, 50)?.shuffle(0), Arrays::new(&test_x, &test_t, 100)?);
    let model = Sequential::new([784], &Init::new(0)).add(dense(128)).add(relu()).add(dense(10));
    let recipe = Recipe {
        loss: binary_cross_entropy_with_logits.into(),
        metrics: vec![metrics::binary_accuracy(), metrics::auc()],
        ..Recipe::default()
    };
    let mut learner = Learner::with(model.into(), Box::new(Adam::new(1e-3)), recipe, 0);
    // A folder, if one is named, holds what a killed run needs to go on.
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let mut fit = Fit { epochs: 20, ..Fit::default() };
    let progress = fit.run_in(folder.as_deref(), &mut learner, &train, Some(&test))?;
    let last = progress.history.last().expect("there were epochs");
    let number = |name: &str| last.get(name).unwrap_or(f64::NAN);
    let (accuracy, auc) = (number("val_binary_accuracy"), number("val_auc"));
    let none = 1.0 - test_t.mean(..).item();
    println!(
        "held out: {accuracy:.3} of the yes and no are right ({none:.3} by saying no), AUC {auc:.3}"
    );
    assert!(accuracy > none + 0.07 && auc > 0.9);
    Ok(())
}
