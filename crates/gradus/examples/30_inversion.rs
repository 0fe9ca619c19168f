//! A picture found again from what a network sees of it: L-BFGS on the pixels, while the network stays as it is.
//!
//! Mahendran & Vedaldi 2014, arXiv:1412.0035; L-BFGS on an input as in Gatys et al. 2015, arXiv:1508.06576

use gradus::data::{Dataset, mnist_5k_split};
use gradus::nn::Parameter;
use gradus::nn::losses::total_variation;
use gradus::prelude::*;
use gradus::train::optim::{Lbfgs, LineSearch};
use std::path::PathBuf;
use std::sync::Arc;

const SMOOTHNESS: f64 = 1e-6;

/// Random convolutions: what they see still tells the picture.
fn network() -> Sequential {
    let model = Sequential::new([1, 28, 28], &Init::new(4)).add(conv2d(8, 5)).add(tanh());
    model.add(conv2d(32, 3)).add(tanh())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (digits, _) = mnist_5k_split()?;
    let mut pixels = vec![0.0; 784];
    digits.read(7, &mut pixels)?;
    let digit = Tensor::from_slice(&pixels, [1, 1, 28, 28]);
    let network = Arc::new(network());
    let seen = network.forward(&digit, &Context::eval());
    // Nothing at first; what is learned are its pixels.
    let picture = Parameter::weight(&Tensor::zeros([1, 1, 28, 28]));
    let (painted, canvas) = (picture.clone(), Arc::new(picture.clone()));
    let updater = Updater::lbfgs(Lbfgs::new(1.0).history(20).line_search(LineSearch::StrongWolfe));
    let task = Objectives::new(0).module("picture", canvas);
    let mut task = task.minimize("loss", updater, &["picture"], move |batch, cx| {
        let pixels = painted.tensor();
        let missed = (network.forward(&pixels, cx) - &batch["seen"]).square().sum(..);
        (missed + total_variation(&pixels).sum(..) * SMOOTHNESS).into()
    });
    let data = Arrays::named([("seen", &seen)], 1)?;
    // A folder, if one is named, holds what a killed run needs to go on.
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let progress =
        Fit { epochs: 25, ..Fit::default() }.run_in(folder.as_deref(), &mut task, &data, None)?;
    let losses: Vec<f64> = progress.series("loss").iter().map(|l| l.1).collect();
    let off = (picture.tensor() - &digit).norm_l2(..).item() / digit.norm_l2(..).item();
    println!(
        "loss {:.2} -> {:.1e}; the picture is {:.1} % off",
        losses[0],
        losses[24],
        off * 100.0
    );
    assert!(losses[24] < 1e-3 * losses[0] && off < 0.15, "{losses:?} {off}");
    Ok(())
}
