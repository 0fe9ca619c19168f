//! Which pixels belong to a bar, learned from upright bars only: a picture and its mask are turned together as they are read, so
//! that bars at every angle are found. Where only the picture turns, the masks show something else.
//!
//! Ronneberger, Fischer & Brox 2015, arXiv:1505.04597 §3.1

use gradus::data::{Affine, InMemory, OnFields, Rng, Transform, rng_for_augment};
use gradus::nn::losses::binary_cross_entropy_with_logits;
use gradus::prelude::*;
use gradus::train::{Fields, measure};
use std::error::Error;
use std::sync::Arc;

const SIDE: usize = 20;
type Anything<T> = Result<T, Box<dyn Error>>;

/// Pictures `[1, SIDE, SIDE]` of a bar at this angle among single bright pixels, with masks of the bars.
fn bars(n: usize, seed: u64, angle: impl Fn(&mut Rng) -> f64) -> gradus::data::Result<InMemory> {
    let (mut pictures, mut masks) = (vec![], vec![]);
    for sample in 0..n {
        let mut rng = rng_for_augment(seed, 0, sample, 0);
        let (sin, cos) = angle(&mut rng).to_radians().sin_cos();
        let middle = [0; 2].map(|_| SIDE as f64 / 2.0 - 0.5 + rng.uniform(-3.0, 3.0));
        for at in 0..SIDE * SIDE {
            let (y, x) = ((at / SIDE) as f64 - middle[0], (at % SIDE) as f64 - middle[1]);
            let inside = (cos * x - sin * y).abs() < 1.6 && (sin * x + cos * y).abs() < 6.0;
            let bright = inside || rng.unit() < 0.15;
            pictures.push(f32::from(u8::from(bright)) + 0.2 * rng.normal() as f32);
            masks.push(inside);
        }
    }
    InMemory::new().field("x", &[1, SIDE, SIDE], &pictures)?.field("mask", &[SIDE, SIDE], &masks)
}

/// Learns from bars that stand and are changed like this; how well bars at every angle are found.
fn overlap(transforms: Vec<Arc<dyn Transform>>) -> Anything<f64> {
    let options =
        RecordOptions { batch_size: 20, shuffle: true, transforms, ..RecordOptions::default() };
    let train = RecordLoader::new(bars(200, 1, |_| 0.0)?, options)?;
    let whole = RecordOptions { batch_size: 100, ..RecordOptions::default() };
    let test = RecordLoader::new(bars(100, 2, |rng| rng.uniform(0.0, 180.0))?, whole)?;
    let net = Sequential::new([1, SIDE, SIDE], &Init::new(0))
        .add(conv2d(8, 5).pad(2))
        .add(relu())
        .add(conv2d(8, 5).pad(2))
        .add(relu())
        .add(conv2d(1, 5).pad(2));
    let net = Arc::new(net);
    let (own, seen) = (net.clone(), net.clone());
    let mut task = Objectives::new(0)
        .module("net", net)
        .minimize("loss", Updater::new(Adam::new(5e-3)), &["net"], move |batch, cx| {
            let [loss, overlap] = scores(&own, batch, cx);
            Measured::new(&loss).number("overlap", &overlap)
        })
        .evaluate(move |batch, cx| {
            let [loss, overlap] = scores(&seen, batch, cx);
            vec![("loss".into(), loss), ("overlap".into(), overlap)]
        });
    Fit { epochs: 8, ..Fit::default() }.run(&mut task, &train, None, &mut Progress::default())?;
    Ok(measure(&mut task, &test)?[1])
}

/// The loss over pixels, and the share that bars and what is taken for them have in common.
fn scores(net: &Sequential, batch: &Fields<'_>, cx: &Context<'_>) -> [Tensor; 2] {
    let t = batch["mask"].cast(DType::F32); // [B, SIDE, SIDE]
    let y = net.forward(&batch["x"], cx).reshape(t.shape());
    let found = y.gt(0.0).cast(DType::F32);
    let common = (&found * &t).sum(..);
    let either = (&found + &t).sum(..) - &common;
    [binary_cross_entropy_with_logits(&y, &t), common / either]
}

fn main() -> Anything<()> {
    let turn = || OnFields::new(Affine { degrees: 180.0, shift: 2.0, scale: 0.1 }, ["x"]);
    let standing = overlap(vec![])?;
    let alone = overlap(vec![Arc::new(turn().leaving(["mask"]))])?;
    let together = overlap(vec![Arc::new(turn().mask("mask"))])?;
    println!(
        "overlap on bars at every angle: {together:.3}; {standing:.3} without turns, {alone:.3} with masks left behind"
    );
    assert!(together > 0.65 && together > standing + 0.1 && together > alone + 0.3);
    Ok(())
}
