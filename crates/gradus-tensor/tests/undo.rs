//! Steps that can be undone: the same bits as those that write over their variables, nothing written by a run that fails, and all as
//! before after `undo`.

use gradus_tensor::{Compiled, Step, Tensor, Variable, compile, grad};

type Trace = Box<dyn FnMut(&[Tensor]) -> Step>;

/// A product whose gradient is large enough to be made in pieces, with momentum; two variables that change places; one that nothing
/// reads; one that becomes what was asked for.
struct Parts {
    all: Vec<Variable>,
}

impl Parts {
    fn new() -> Parts {
        let variable = |shape: [usize; 2], seed| Variable::new("v", &Tensor::randn(shape, seed));
        let all = vec![
            variable([2048, 1536], 1),
            variable([2048, 1536], 2),
            variable([3, 5], 3),
            variable([3, 5], 4),
            variable([1, 1], 5),
            variable([4, 1536], 6),
        ];
        Parts { all }
    }
    fn step(&self) -> Compiled<Trace> {
        let all = self.all.clone();
        compile(Box::new(move |args: &[Tensor]| {
            let [w, m, a, b, unread, asked] = &all[..] else { unreachable!("six") };
            let y = args[0].matmul(&w.tensor());
            // The root is no number where the second argument is negative.
            let loss = y.square().mean(..) + args[1].sqrt();
            let [g] = grad(&loss, [&w.tensor()]);
            let velocity = m.tensor() * 0.9 + &g;
            let rows = a.tensor().index_select(0, &args[2]).sum(..) * 0.0; // an error if there is no such row
            Step::new()
                .read(&loss)
                .read(&y)
                .read(&rows)
                .update(w, &(w.tensor() - &velocity * 0.1))
                .update(m, &velocity)
                .update(a, &b.tensor())
                .update(b, &a.tensor())
                .update(unread, &loss.reshape([1, 1]))
                .update(asked, &y)
        }) as Trace)
    }
    fn values(&self) -> Vec<Vec<f32>> {
        self.all.iter().map(|v| v.value().to_vec()).collect()
    }
}

fn arguments(number: f32, row: i64) -> [Tensor; 3] {
    [Tensor::randn([4, 2048], 9), Tensor::from(number), Tensor::from([row])]
}

#[test]
fn the_same_bits_and_back() {
    let (plain, undone) = (Parts::new(), Parts::new());
    let (mut over, mut beside) = (
        plain.step().stop_unless_finite(true),
        undone.step().stop_unless_finite(true).undoable(true),
    );
    assert!(!beside.undo(), "nothing has run yet");
    let mut before = undone.values();
    for _ in 0..3 {
        let args = arguments(1.0, 2);
        let args = [&args[0], &args[1], &args[2]];
        let held = undone.all[0].value(); // a snapshot keeps what it saw
        let reader = undone.all[1].tensor();
        let seen = before.clone();
        let (a, b) = (over.run(&args).unwrap().item(0), beside.run(&args).unwrap().item(0));
        assert_eq!(a, b);
        let after = undone.values();
        assert!(plain.values() == after && after != before);
        assert!(held.to_vec::<f32>() == seen[0] && reader.to_vec::<f32>() == seen[1]);
        assert!(beside.undo() && undone.values() == before, "undone");
        assert!(!beside.undo(), "undone once");
        beside.run(&args).unwrap();
        assert!(undone.values() == after, "and done again");
        before = after;
    }
    // A loss that is no number, and an op that fails: nothing is written, and there is nothing to undo.
    for (number, row) in [(-1.0, 2), (1.0, 7)] {
        let args = arguments(number, row);
        let ended = beside.run(&[&args[0], &args[1], &args[2]]).map(|out| out.item(0));
        assert!(ended.is_err() || ended.is_ok_and(f64::is_nan));
        assert!(undone.values() == before && !beside.undo());
    }
}

/// Thirty shapes, one set of new values beside the variables.
#[test]
fn plans_share_what_lies_beside() {
    let w = Variable::new("w", &Tensor::zeros([512, 512]));
    let own = w.clone();
    let step =
        compile(move |x: &[Tensor]| Step::new().update(&own, &(own.tensor() + x[0].sum(..))));
    let mut step = step.undoable(true);
    for n in (1..=30).chain([1, 30, 2]) {
        let before = w.value().to_vec::<f32>()[0];
        step.run(&[&Tensor::ones([n])]).unwrap();
        assert_eq!(w.value().to_vec::<f32>()[0], before + n as f32);
        assert!(step.undo());
        assert_eq!(w.value().to_vec::<f32>()[511], before);
        step.run(&[&Tensor::ones([n])]).unwrap();
        let (held, one) = (step.held_bytes(), 512 * 512 * 4);
        assert!((one..one + one / 4).contains(&held), "{held} bytes held after {n}");
    }
    assert_eq!(w.value().to_vec::<f32>()[0], (30 * 31 / 2 + 1 + 30 + 2) as f32);
}
