//! The pointing game: digits lie somewhere on a noisy ground nine times as large. A network is told which digit it is, never where; whether the place
//! where Grad-CAM is largest lies on the digit says whether it shows what the network looked at (Zhang et al. 2016, arXiv:1608.00507 §4.1).
//!
//!     cargo run --release --example 41_pointing_game

use gradus::data::Dataset;
use gradus::prelude::*;
use gradus::see::Subject;
use gradus::see::attribution::{enlarged, grad_cam, saliency};
use gradus::train::Arrays;

/// The side of the ground and of a digit: a ninth of the area.
const GROUND: usize = 84;
const DIGIT: usize = 28;

/// Where a digit lies: its first row and column.
type Place = (usize, usize);

/// Digits at places of their own on grounds of noise: pictures, labels, places.
fn scenes(data: &dyn Dataset, seed: u64) -> (Tensor, Tensor, Vec<Place>) {
    let n = data.len();
    let draws = Tensor::rand([n, 2], seed).to_vec::<f32>();
    let place = |draw: f32| (draw * (GROUND - DIGIT + 1) as f32) as usize;
    let places: Vec<Place> = draws.chunks(2).map(|d| (place(d[0]), place(d[1]))).collect();
    let mut pixels = (Tensor::rand([n, GROUND * GROUND], seed + 1) * 0.4).to_vec::<f32>();
    let mut digit = vec![0.0; DIGIT * DIGIT];
    for (i, &(top, left)) in places.iter().enumerate() {
        data.read(i, &mut digit).expect("it is in memory");
        for (k, &value) in digit.iter().enumerate() {
            let at = (top + k / DIGIT) * GROUND + left + k % DIGIT;
            pixels[i * GROUND * GROUND + at] = value.max(pixels[i * GROUND * GROUND + at]);
        }
    }
    let labels: Vec<i64> = (0..n).map(|i| data.label(i)).collect();
    let x = Tensor::from_slice(&pixels, [n, 1, GROUND, GROUND]);
    (x, Tensor::from_slice(&labels, [n]), places)
}

/// The share of maps whose largest value lies on the digit.
fn hits(map: &Tensor, places: &[Place]) -> f64 {
    let peaks = map.reshape([places.len(), GROUND * GROUND]).argmax(1).to_vec::<i64>();
    let on = |peak: usize, &(top, left): &Place| {
        (top..top + DIGIT).contains(&(peak / GROUND))
            && (left..left + DIGIT).contains(&(peak % GROUND))
    };
    let found = peaks.iter().zip(places).filter(|&(&peak, place)| on(peak as usize, place));
    found.count() as f64 / places.len() as f64
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (train, test) = gradus::data::mnist_5k_split()?;
    #[rustfmt::skip] // a line for each part
    let model = Sequential::new([1, GROUND, GROUND], &Init::new(0))
        .add(conv2d(16, 5).stride(2).pad(2)).add(batch_norm()).add(relu())
        .add(max_pool2d(2))
        .add(conv2d(32, 3).pad(1)).add(batch_norm()).add(relu())
        .add(conv2d(64, 3).pad(1)).add(batch_norm()).add(relu()) // [64, 21, 21]
        .add(global_mean_pool2d())
        .add(dense(10));
    let recipe = Recipe { metrics: vec![metrics::accuracy()], ..Recipe::default() };
    let mut learner = Learner::with(model.into(), Box::new(Adam::new(3e-3)), recipe, 0);
    for epoch in 0..5 {
        let (x, t, _) = scenes(&train, 100 + 2 * epoch);
        learner.fit(&Arrays::new(&x, &t, 32)?.shuffle(epoch), 1)?;
    }
    let (x, t, places) = scenes(&test, 0);
    let accuracy = learner.evaluate(&Arrays::new(&x, &t, 100)?)?.metrics[0];
    let subject = Subject::new(learner.model().clone());
    let classes: Vec<usize> = t.to_vec::<i64>().iter().map(|&k| k as usize).collect();
    let cam = enlarged(&grad_cam(&subject, &x, &classes, "relu3")?, [GROUND; 2]);
    let found = [
        ("Grad-CAM", hits(&cam, &places)),
        ("saliency", hits(&saliency(&subject, &x, &classes)?, &places)),
        ("the centre", hits(&centre(places.len()), &places)),
        ("anywhere", hits(&Tensor::rand([places.len(), GROUND, GROUND], 7), &places)),
    ];
    println!("accuracy of the network {accuracy:.3}; the largest place lies on the digit:");
    found.iter().for_each(|(name, share)| println!("{share:.3}  {name}"));
    assert!(found[0].1 >= 0.9 && found[2].1 < 0.35 && found[3].1 < 0.2, "{found:?}");
    Ok(())
}

/// Maps whose largest place is the middle.
fn centre(n: usize) -> Tensor {
    let mut map = vec![0.0f32; GROUND * GROUND];
    map[GROUND / 2 * GROUND + GROUND / 2] = 1.0;
    Tensor::from_slice(&map, [1, GROUND, GROUND]).broadcast_to([n, GROUND, GROUND])
}
