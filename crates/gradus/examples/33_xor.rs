//! XOR: no line has its two ones on one side and its two zeros on the other, but two hidden units part them.
//!
//! The units of a layer see a plane each, cut along a line; the layer above sees only on which side of both lines a point is. There
//! XOR's corners can be parted by a third line.   Minsky & Papert 1969; Rumelhart, Hinton & Williams 1986

mod plot;

use gradus::prelude::*;
use plot::{Panel, save};

const CORNERS: [[f32; 2]; 4] = [[0., 0.], [0., 1.], [1., 0.], [1., 1.]];

/// A model after some steps on all four corners, and how many of them it has right.
fn train(model: Sequential, answers: [i64; 4], steps: usize) -> (Learner, usize) {
    let (x, t) = (Tensor::from(CORNERS), Tensor::from(answers));
    let mut learner = Learner::new(model.into(), Adam::new(0.05));
    for _ in 0..steps {
        learner.train_batch(&x, &t, 0.05).expect("a step");
    }
    let right = learner.predict_batch(&x).expect("an answer").argmax(1).eq(&t);
    (learner, right.cast(DType::I64).sum(..).item() as usize)
}

fn panel(title: &str, model: &dyn Layer, answers: [i64; 4]) -> Panel {
    let of = |class: i64| {
        let corners = CORNERS.iter().zip(answers).filter(|(_, answer)| *answer == class);
        corners.map(|(corner, _)| corner.map(f64::from)).collect::<Vec<_>>()
    };
    let panel = Panel::new(title, [-0.5, 1.5], [-0.5, 1.5]).regions_of(model);
    panel.points("answer 0", 0, &of(0)).points("answer 1", 1, &of(1))
}

fn main() {
    let (and, xor) = ([0, 0, 0, 1], [0, 1, 1, 0]);
    let line = |seed| Sequential::new([2], &Init::new(seed)).add(dense(2));
    let bent = Sequential::new([2], &Init::new(0)).add(dense(2)).add(tanh()).add(dense(2));

    let (one, right) = train(line(0), and, 600);
    println!("AND, no hidden unit:   {right} of 4 right");
    assert_eq!(right, 4);
    // Later its answer is ½ everywhere, which is the least loss that a line can have.
    let (none, right) = train(line(3), xor, 20);
    println!("XOR, no hidden unit:   {right} of 4 right");
    assert!(right <= 3);
    let (two, right) = train(bent, xor, 600);
    println!("XOR, two hidden units: {right} of 4 right");
    assert_eq!(right, 4);

    // A hidden unit is 0 where w·x + b = 0: a line.
    let first = parameters(&**two.model());
    let (w, b) = (first[0].1.tensor().t().to_vec::<f64>(), first[1].1.tensor().to_vec::<f64>());
    let hidden = |unit: usize| [w[2 * unit], w[2 * unit + 1], b[unit]];
    let panels = [
        panel("AND, no hidden unit", &**one.model(), and),
        panel("XOR, no hidden unit", &**none.model(), xor),
        panel("XOR, two hidden units", &**two.model(), xor)
            .line("first unit is 0", 6, hidden(0))
            .line("second unit is 0", 7, hidden(1)),
    ];
    save("xor", &panels);
}
