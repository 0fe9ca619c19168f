//! A Wasserstein GAN with gradient penalty on points of a ring: the critic's loss holds the norm of its own slope, so its step needs
//! second derivatives.   Gulrajani et al. 2017, arXiv:1704.00028

use gradus::nn::losses::{Adversarial::Wasserstein, gradient_penalty};
use gradus::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

const NOISE: usize = 4;
const SAMPLES: usize = 1280;
const BATCH: usize = 64;
/// Ten for pictures; little suits the plane.
const LAMBDA: f64 = 1.0;

/// Points near the circle of radius 2, `[N, 2]`.
fn ring() -> Tensor {
    let angle = Tensor::rand([SAMPLES, 1], 1) * std::f64::consts::TAU;
    let radius = Tensor::randn([SAMPLES, 1], 2) * 0.05 + 2.0;
    Tensor::concat(&[&(&radius * angle.cos()), &(&radius * angle.sin())], 1)
}

fn network(inputs: usize, outputs: usize, seed: u64) -> Arc<Sequential> {
    let model = Sequential::new([inputs], &Init::new(seed)).add(dense(64)).add(leaky_relu());
    Arc::new(model.add(dense(64)).add(leaky_relu()).add(dense(outputs)))
}

fn task() -> Objectives {
    let (generator, critic) = (network(NOISE, 2, 1), network(2, 1, 2));
    let painted = generator.clone();
    let paint = move |n: usize, cx: &Context<'_>| painted.forward(&cx.key().normal([n, NOISE]), cx);
    let (fakes, sampled, judge, judged) =
        (paint.clone(), paint.clone(), critic.clone(), critic.clone());
    let updater = || Updater::new(Adam::new(1e-3).betas(0.5, 0.9));
    Objectives::new(3)
        .module("generator", generator)
        .module("critic", critic)
        .minimize("critic", updater(), &["critic"], move |batch, cx| {
            let (real, fake) = (&batch["x"], fakes(batch["x"].size(0), cx));
            let critic = |x: &Tensor| judge.forward(x, cx);
            let penalty = gradient_penalty(critic, real, &fake, &cx.key()) * LAMBDA;
            let loss = Wasserstein.critic(&critic(real), &critic(&fake));
            Measured::new(&(loss + &penalty)).number("penalty", &penalty)
        })
        .minimize("generator", updater().every(3), &["generator"], move |batch, cx| {
            Wasserstein.generator(&judged.forward(&paint(batch["x"].size(0), cx), cx)).into()
        })
        .predict(move |batch, cx| sampled(batch["x"].size(0), cx))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut task, real) = (task(), ring());
    let data = Arrays::named([("x", &real)], BATCH)?.shuffle(0);
    // A folder, if one is named, holds what a killed run needs to go on.
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let mut fit = Fit { epochs: 200, ..Fit::default() };
    let progress = fit.run_in(folder.as_deref(), &mut task, &data, None)?;
    let last = progress.history.last().expect("there were epochs");
    let fake = task.predict_batch(&Batch::new([("x", real)])?)?;
    let radius = fake.norm_l2(1);
    let quarter = |x: bool, y: bool| {
        let side = |axis, positive| fake.select(1, axis).gt(0.0).eq(&Tensor::scalar(positive));
        side(0, x).logical_and(&side(1, y)).cast(DType::F32).mean(..).item()
    };
    let quarters =
        [quarter(true, true), quarter(true, false), quarter(false, true), quarter(false, false)];
    let (mean, off) = (radius.mean(..).item(), (&radius - 2.0).abs().mean(..).item());
    println!("critic {:.3}, penalty {:.3}", last.loss, last.get("penalty").unwrap_or(f64::NAN));
    println!("mean radius {mean:.3}, {off:.3} off the ring; quarters {quarters:.2?}");
    assert!((1.7..2.3).contains(&mean) && off < 0.3, "{mean} {off}");
    assert!(quarters.iter().all(|q| *q > 0.1), "{quarters:?}");
    Ok(())
}
