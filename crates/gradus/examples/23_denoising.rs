//! A denoising autoencoder: what is drawn upon noisy digits is the digits. The target is the input, the noise is the step's own.
//!
//! Vincent et al. 2008, "Extracting and composing robust features with denoising autoencoders"

use gradus::data::{Dataset, mnist_5k_split};
use gradus::nn::losses::mean_squared;
use gradus::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

const NOISE: f64 = 0.5;

/// The first `n` digits, `[N, 784]`.
fn digits(set: &dyn Dataset, n: usize) -> Tensor {
    let mut pixels = vec![0.0; n * 784];
    for (i, image) in pixels.chunks_mut(784).enumerate() {
        set.read(i, image).expect("an embedded image");
    }
    Tensor::from_slice(&pixels, [n, 784])
}

fn task() -> Objectives {
    let model = Sequential::new([784], &Init::new(0)).add(dense(128)).add(relu());
    let model = Arc::new(
        model.add(dense(32)).add(relu()).add(dense(128)).add(relu()).add(dense(784)).add(sigmoid()),
    );
    let (train, test, shown) = (model.clone(), model.clone(), model.clone());
    let noisy = |x: &Tensor, cx: &Context<'_>| x + cx.key().normal(x.shape()) * NOISE;
    Objectives::new(1)
        .module("model", model)
        .minimize("loss", Updater::new(Adam::new(2e-3)), &["model"], move |batch, cx| {
            let x = &batch["x"];
            mean_squared(&train.forward(&noisy(x, cx), cx), x).into()
        })
        .evaluate(move |batch, cx| {
            let x = &batch["x"];
            let dirty = noisy(x, cx);
            let clean = test.forward(&dirty, cx);
            vec![
                ("loss".into(), mean_squared(&clean, x)),
                ("before".into(), mean_squared(&dirty, x)),
            ]
        })
        .predict(move |batch, cx| shown.forward(&batch["x"], cx))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (train, test) = mnist_5k_split()?;
    let (train, test) = (digits(&train, 2000), digits(&test, 500));
    let mut task = task();
    let data = Arrays::named([("x", &train)], 64)?.shuffle(0);
    let test = Arrays::named([("x", &test)], 100)?;
    // A folder, if one is named, holds what a killed run needs to go on.
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let mut fit = Fit { epochs: 20, ..Fit::default() };
    let progress = fit.run_in(folder.as_deref(), &mut task, &data, Some(&test))?;
    let last = progress.history.last().expect("there were epochs");
    let (after, before) =
        (last.get("val_loss").unwrap_or(f64::NAN), last.get("val_before").unwrap_or(f64::NAN));
    println!("mean squared error of held-out digits: {before:.4} with noise, {after:.4} without");
    assert!(after < 0.12 * before, "{after} of {before}");
    Ok(())
}
