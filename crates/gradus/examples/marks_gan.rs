//! What a step of a task with two updaters costs beside its two halves, compiled and replayed by hand: the same losses over the same
//! networks by the same optimiser. `cargo xtask marks gan` runs this; the last line is what was measured, as JSON.

use gradus::nn::losses::Adversarial::LeastSquares;
use gradus::prelude::*;
use gradus::train::optim::{SCALARS, Slots, Target};
use gradus::train::{Pace, Result, Task};
use gradus::{Step, gradients};
use std::sync::Arc;
use std::time::Instant;

const NOISE: usize = 16;
const ROUNDS: usize = 31;
const STEPS: usize = 100;

fn network(inputs: usize, width: usize, outputs: usize, seed: u64) -> Arc<Sequential> {
    let model = Sequential::new([inputs], &Init::new(seed)).add(dense(width)).add(leaky_relu());
    Arc::new(model.add(dense(width)).add(leaky_relu()).add(dense(outputs)))
}

/// Two networks that play against each other on numbers `x [B, size]`.
#[derive(Clone)]
struct Game {
    generator: Arc<Sequential>,
    critic: Arc<Sequential>,
}

impl Game {
    fn new(size: usize, width: usize) -> Game {
        let (generator, critic) = (network(NOISE, width, size, 1), network(size, width, 1, 2));
        Game { generator, critic }
    }
    fn paint(&self, x: &Tensor, cx: &Context<'_>) -> Tensor {
        self.generator.forward(&cx.key().normal([x.size(0), NOISE]), cx)
    }
    fn of_critic(&self, x: &Tensor, cx: &Context<'_>) -> Tensor {
        let fake = self.paint(x, cx);
        let [real, fake] = [x, &fake].map(|x| self.critic.forward(x, cx));
        LeastSquares.critic(&real, &fake)
    }
    fn of_generator(&self, x: &Tensor, cx: &Context<'_>) -> Tensor {
        LeastSquares.generator(&self.critic.forward(&self.paint(x, cx), cx))
    }
    fn task(&self) -> Objectives {
        let (critic, generator) = (self.clone(), self.clone());
        let updater = || Updater::new(adam());
        Objectives::new(3)
            .module("generator", self.generator.clone())
            .module("critic", self.critic.clone())
            .minimize("critic", updater(), &["critic"], move |batch, cx| {
                critic.of_critic(&batch["x"], cx).into()
            })
            .minimize("generator", updater(), &["generator"], move |batch, cx| {
                generator.of_generator(&batch["x"], cx).into()
            })
    }
}

fn adam() -> Adam {
    Adam::new(1e-3).betas(0.5, 0.9)
}

/// A half by hand: the loss, its gradients and Adam's updates as one step of x, the optimiser's numbers and the random key.
fn half(
    moves: Arc<Sequential>,
    loss: impl Fn(&Tensor, &Context<'_>) -> Tensor,
) -> impl FnMut(&[Tensor]) -> Step {
    let mut slots = Slots::new();
    move |args: &[Tensor]| {
        let [x, numbers, key] = args else { unreachable!("three arguments") };
        let loss = loss(x, &Context::train(key)).mean(..);
        let parameters = parameters(&*moves);
        let values: Vec<Tensor> = parameters.iter().map(|(_, p)| p.tensor()).collect();
        let slopes = gradients(&loss, &values).expect("losses have gradients");
        let scalars: Vec<Tensor> = (0..SCALARS).map(|i| numbers.select(0, i)).collect();
        let mut step = Step::new().read(&loss);
        for (((path, p), w), g) in parameters.iter().zip(&values).zip(&slopes) {
            let g = g.as_ref().expect("the loss depends on every parameter");
            let (variable, scalars) = (p.variable(), &scalars[..]);
            let target = Target { variable, w, g, weight_decay: 0.0, rate_scale: 1.0, scalars };
            step = step.updates(adam().update(&target, slots.at(path)));
        }
        step
    }
}

/// Seconds of so many steps.
fn seconds(mut step: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..STEPS).for_each(|_| step());
    start.elapsed().as_secs_f64()
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// The time of a task's steps over that of the halves, on batches of `[batch, size]`, and the last losses of both.
fn ratio(batch: usize, size: usize, width: usize) -> Result<f64> {
    let x = Tensor::randn([batch, size], 5);
    let fields = Batch::new([("x", x.clone())])?;
    let (played, by_hand) = (Game::new(size, width), Game::new(size, width));
    let mut task = played.task();
    let (a, b) = (by_hand.clone(), by_hand.clone());
    let mut critic = compile(half(by_hand.critic.clone(), move |x, cx| a.of_critic(x, cx)));
    let mut generator =
        compile(half(by_hand.generator.clone(), move |x, cx| b.of_generator(x, cx)));
    let (mut number, mut numbers, mut key) =
        (0, Tensor::from([0f32; SCALARS]), Tensor::from([0i64, 0]));
    let mut ratios = vec![];
    for _ in 0..ROUNDS {
        let mut failed = None;
        let whole = seconds(|| {
            failed = task.train_step(&fields, &Pace::CONSTANT).err().or(failed.take());
        });
        let halves = seconds(|| {
            number += 1;
            numbers.refill(&adam().scalars(number, 1e-3).map(|n| n as f32));
            key.refill(&[3, number as i64]);
            let args = [&x, &numbers, &key];
            let results = [critic.run(&args).map(|_| ()), generator.run(&args).map(|_| ())];
            failed = results.into_iter().find_map(|r| r.err()).map(Into::into).or(failed.take());
        });
        if let Some(error) = failed {
            return Err(error);
        }
        ratios.push(whole / halves);
    }
    Ok(median(ratios))
}

fn main() -> Result<()> {
    let (bell, picture) = (ratio(128, 1, 32)?, ratio(64, 784, 256)?);
    println!(r#"{{"numbers_ratio":{bell:.4},"pictures_ratio":{picture:.4}}}"#);
    Ok(())
}
