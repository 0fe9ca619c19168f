//! REINFORCE on the pole that is balanced on a cart: the source of batches is the game, played by the policy that learns.
//!
//! Williams 1992, Machine Learning 8; the cart's equations: Barto, Sutton & Anderson 1983, IEEE SMC 13

use gradus::prelude::*;
use gradus::train::{Fields, Source};
use std::path::PathBuf;
use std::sync::Arc;

const CARTS: usize = 8;
const STEPS: usize = 200;
const DISCOUNT: f32 = 0.99;
const BATCHES: usize = 10;

/// Position, speed, angle and its speed.
type Cart = [f32; 4];

/// The cart a fiftieth of a second later, pushed to the right or to the left.
fn pushed([x, v, angle, spin]: Cart, right: bool) -> Cart {
    let (sin, cos) = angle.sin_cos();
    let force = if right { 10.0 } else { -10.0 };
    let push = (force + 0.05 * spin * spin * sin) / 1.1;
    let turn = (9.8 * sin - cos * push) / (0.5 * (4.0 / 3.0 - 0.1 * cos * cos / 1.1));
    let speed_up = push - 0.05 * turn * cos / 1.1;
    [x + 0.02 * v, v + 0.02 * speed_up, angle + 0.02 * spin, spin + 0.02 * turn]
}

fn stands([x, _, angle, _]: Cart) -> bool {
    x.abs() < 2.4 && angle.abs() < 12f32.to_radians()
}

/// Games played by a policy. A batch is a number of games, padded to one length with steps that weigh nothing.
struct Games {
    policy: Arc<Sequential>,
}

impl Games {
    fn play(&self, epoch: u64, batch: usize) -> Result<Batch, gradus::train::TrainError> {
        let seed = epoch * 1000 + batch as u64;
        let starts = (Tensor::rand([CARTS, 4], seed) * 0.1 - 0.05).to_vec::<f32>();
        let chances = Tensor::rand([STEPS, CARTS], seed + 1_000_000).to_vec::<f32>();
        let mut carts: Vec<Cart> = starts.chunks(4).map(|c| [c[0], c[1], c[2], c[3]]).collect();
        let (mut seen, mut acts) = (vec![], vec![]);
        let mut lengths = [STEPS; CARTS];
        for step in 0..STEPS {
            let now = Tensor::from_slice(carts.as_flattened(), [CARTS, 4]);
            let right =
                self.policy.forward(&now, &Context::eval()).softmax(1).select(1, 1).to_vec::<f32>();
            seen.extend_from_slice(carts.as_flattened());
            for (i, cart) in carts.iter_mut().enumerate() {
                let act = chances[step * CARTS + i] < right[i];
                acts.push(i64::from(act));
                *cart = if stands(*cart) { pushed(*cart, act) } else { *cart };
                if !stands(*cart) {
                    lengths[i] = lengths[i].min(step + 1);
                }
            }
        }
        let rows = STEPS * CARTS;
        let there = |row: usize| row / CARTS < lengths[row % CARTS];
        // A reward of 1 a step: what is still to come, discounted.
        let to_come = |row: usize| {
            (1.0 - DISCOUNT.powi((lengths[row % CARTS] - row / CARTS) as i32)) / (1.0 - DISCOUNT)
        };
        let gains: Vec<f32> = (0..rows).map(|r| if there(r) { to_come(r) } else { 0.0 }).collect();
        let weights: Vec<f32> = (0..rows).map(|r| f32::from(u8::from(there(r)))).collect();
        let column = |v: &[f32]| Tensor::from_slice(v, [rows]);
        let fields = [
            ("x", Tensor::from_slice(&seen, [rows, 4])),
            ("act", Tensor::from_slice(&acts, [rows])),
            ("gain", column(&gains)),
            ("weights", column(&weights)),
        ];
        Batch::new(fields)
    }
}

impl Source for Games {
    fn batches(&self) -> usize {
        BATCHES
    }
    fn samples(&self) -> usize {
        BATCHES * STEPS * CARTS
    }
    fn from(
        &self,
        epoch: u64,
        batch: usize,
    ) -> Box<dyn Iterator<Item = gradus::train::Result<Batch>> + '_> {
        Box::new((batch..BATCHES).map(move |batch| self.play(epoch, batch)))
    }
}

/// −log π(act)·(gain − mean) over the steps that were taken.
fn loss(policy: &Sequential, batch: &Fields<'_>, cx: &Context<'_>) -> Measured {
    let (gain, weights) = (&batch["gain"], &batch["weights"]);
    let mean = |t: &Tensor| (t * weights).sum(..) / weights.sum(..);
    let better = gain - mean(gain);
    let better = &better / (mean(&better.square()).sqrt() + 1e-6);
    let surprise = policy.forward(&batch["x"], cx).softmax_cross_entropy(&batch["act"]);
    Measured::new(&mean(&(surprise * better))).number("steps", &(weights.sum(..) / CARTS as f64))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policy =
        Arc::new(Sequential::new([4], &Init::new(0)).add(dense(32)).add(tanh()).add(dense(2)));
    let games = Games { policy: policy.clone() };
    let mut task = Objectives::new(0).module("policy", policy.clone());
    let updater = Updater::new(Adam::new(0.02));
    task = task.minimize("loss", updater, &["policy"], move |batch, cx| loss(&policy, batch, cx));
    // A folder, if one is named, holds what a killed run needs to go on.
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let progress =
        Fit { epochs: 8, ..Fit::default() }.run_in(folder.as_deref(), &mut task, &games, None)?;
    let steps = progress.series("steps");
    println!(
        "the pole stands for {:.0?} steps of {STEPS}",
        steps.iter().map(|s| s.1).collect::<Vec<_>>()
    );
    assert!(steps[0].1 < 100.0 && steps.last().expect("epochs").1 > 150.0);
    Ok(())
}
