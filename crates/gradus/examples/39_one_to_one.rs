//! One to one: one step. A state that is carried from call to call makes a sequence of it: a stream is followed number by number, as a
//! sensor gives them, and the same numbers come out as if all had been there at once.

use gradus::prelude::*;
use gradus::sequences::{Mode, Unrolled};

const STEPS: usize = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stream = Tensor::randn([1, STEPS, 2], 1);
    let whole = lstm(16).layers(2).build(2, &Init::new(0));
    let all = whole.forward(&stream, &Context::eval()).to_vec::<f32>();

    // By hand: what is known is a list of named tensors that goes in and out.
    let (mut state, mut by_hand) = (whole.initial_state(1), vec![]);
    for t in 0..STEPS {
        let (y, next) = whole.step(&stream.select(1, t), &state);
        // Read at each step, the state is numbers and not all steps before it.
        state = next
            .into_iter()
            .map(|(name, h)| (name, Tensor::from_slice(&h.to_vec::<f32>(), h.shape())))
            .collect();
        by_hand.extend(y.to_vec::<f32>());
    }

    // Kept by the layer: one compiled step, whose state is a buffer that it updates.
    let memory = lstm(16).layers(2).initial_state(InitialState::Carried(1)).build(2, &Init::new(0));
    let kept = std::sync::Arc::new(memory);
    let layer = kept.clone();
    let mut step = compile(move |x: &[Tensor]| {
        let cx = Context::eval();
        let y = layer.forward(&x[0], &cx);
        gradus::Step::new().read(&y).updates(cx.take_updates())
    });
    let mut carried = vec![];
    for t in 0..STEPS {
        carried.extend(step.run(&[&stream.slice(1, t..=t)])?.tensor(0).to_vec::<f32>());
    }

    let off =
        |other: &[f32]| all.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
    println!("largest difference: {:e} by hand, {:e} carried", off(&by_hand), off(&carried));
    assert!(by_hand.len() == all.len() && off(&by_hand) < 1e-6);
    assert!(carried.len() == all.len() && off(&carried) < 1e-6);
    kept.reset_state()?;
    let again = step.run(&[&stream.slice(1, ..1)])?.tensor(0).to_vec::<f32>();
    assert_eq!(again, carried[..16]);
    // As the lecture draws it.
    let drawn = Unrolled::new(Mode::OneToOne).layer("LSTM 16", true).layer("LSTM 16", true);
    std::fs::write(std::env::temp_dir().join("gradus_39_one_to_one.svg"), drawn.to_svg())?;
    Ok(())
}
