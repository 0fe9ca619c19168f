//! The network of the lab's page of digits. The page takes random crops and lets biases not decay; here crops are the middle, and
//! all decay.

use gradus::prelude::*;
use gradus::train::optim::Adadelta;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let digits = gradus::data::mnist_5k()?;
    let x = Tensor::from_slice(digits.pixels(), [5000, 1, 28, 28]);
    let x = x.slice(2, 2..26).slice(3, 2..26); // [5000, 1, 24, 24]
    let x = x.cast(DType::F32) * (1.0 / 255.0);
    let t = Tensor::from_slice(digits.labels(), [5000]);
    let (train, test) = Arrays::new(&x, &t, 20)?.shuffle(0).split(0.2, 0)?;
    let model = Sequential::new([1, 24, 24], &Init::new(0))
        .add(conv2d(8, 5).pad(2).bias_init(0.1))
        .add(relu())
        .add(max_pool2d_with(gradus::Pool::new(2).stride(2)))
        .add(conv2d(16, 5).pad(2).bias_init(0.1))
        .add(relu())
        .add(max_pool2d_with(gradus::Pool::new(3).stride(3)))
        .add(flatten())
        .add(dense(10));
    let recipe = Recipe { metrics: vec![metrics::accuracy()], ..Recipe::default() };
    let optimizer = Adadelta::new(1.0).rho(0.95).epsilon(1e-6).weight_decay(5e-5);
    let mut learner = Learner::with(model.into(), Box::new(optimizer), recipe, 0);
    learner.fit(&train, 5)?;
    println!("{:?}", learner.evaluate(&test)?);
    Ok(())
}
