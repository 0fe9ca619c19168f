//! Scans against what they unroll to: values, gradients of both orders, lengths, types; what a cell may not do, and who is told.

use crate::{DType, Key, Scan, Tensor, grad, read, scan, scan_all, try_build};
use gradus_graph::Kind;

/// The call behind an output of a scan, and that output's number.
fn call_of(y: &Tensor) -> (gradus_graph::Node, usize) {
    match y.node().kind() {
        Kind::Part(i) => (y.node().inputs()[0].clone(), *i),
        _ => (y.node().clone(), 0),
    }
}

/// What an output of a scan is when the scan is written out.
fn unrolled(y: &Tensor) -> Tensor {
    let (call, i) = call_of(y);
    let Kind::Call(rule, _) = call.kind() else { panic!("{call:?} is no call") };
    Tensor::from_node(rule.expand(call.inputs()).expect("a scan unrolls")[i].clone())
}

fn far(a: &Tensor, b: &Tensor) -> f64 {
    let [a, b] = [a, b].map(|t| t.cast(DType::F64).to_vec::<f64>());
    assert_eq!(a.len(), b.len());
    assert!(b.iter().any(|b| *b != 0.0), "all zeros prove nothing");
    let most = b.iter().fold(1.0, |m: f64, b| m.max(b.abs()));
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / most
}

/// An LSTM (Hochreiter & Schmidhuber 1997) over x [T, N, I] with weights w [I + H, 4H], b [4H].
fn lstm(x: &Tensor, [w, b, h, c]: [&Tensor; 4], options: Scan) -> [Tensor; 3] {
    let size = h.size(1);
    let ([h, c], [y]) = scan([h, c], [x], options, |[h, c], [x]| {
        let z = Tensor::concat(&[&x, &h], 1).matmul(w) + b;
        let part = |k: usize| z.slice(1, k * size..(k + 1) * size);
        let next = part(1).sigmoid() * c + part(0).sigmoid() * part(2).tanh();
        let h = part(3).sigmoid() * next.tanh();
        ([h.clone(), next], [h])
    });
    [h, c, y]
}

/// x and what an LSTM of 4 units has, of some type.
fn given(steps: usize, dtype: DType) -> [Tensor; 5] {
    let of = |shape: &[usize], seed| (Tensor::randn(shape, seed) * 0.5).cast(dtype);
    let all =
        [of(&[steps, 3, 2], 1), of(&[6, 16], 2), of(&[16], 3), of(&[3, 4], 4), of(&[3, 4], 5)];
    read(&all);
    all.map(|t| t.stop_gradient())
}

/// A number that all outputs go into.
fn loss(outputs: &[Tensor]) -> Tensor {
    let parts = outputs.iter().enumerate().map(|(i, y)| (y * (1.0 + i as f64)).sin().sum(..));
    parts.reduce(|a, b| a + b).expect("an output")
}

/// A scan, its gradients and those of the gradients' squares are those of what it unrolls to.
#[test]
fn an_lstm_and_its_gradients_of_both_orders_are_those_of_the_unrolled_one() {
    for (dtype, most) in [(DType::F64, 1e-10), (DType::F32, 1e-6)] {
        for options in [
            Scan::new(),
            Scan::new().reverse(true),
            Scan::new().lengths(&Tensor::from([5i64, 0, 3])),
            Scan::new().reverse(true).lengths(&Tensor::from([2i64, 7, 0])),
        ] {
            let [x, w, b, h, c] = given(5, dtype);
            let outputs = lstm(&x, [&w, &b, &h, &c], options);
            let plain = outputs.each_ref().map(unrolled);
            for (a, b) in outputs.iter().zip(&plain) {
                assert!(far(a, b) < most, "{}", far(a, b));
            }
            let first = |y: &[Tensor]| grad(&loss(y), [&x, &w, &b, &h, &c]);
            let second = |d: &[Tensor]| {
                let squares = d.iter().map(|d| d.square().sum(..)).reduce(|a, b| a + b);
                grad(&squares.expect("gradients"), [&x, &w, &b, &h, &c])
            };
            let (one, other) = (first(&outputs), first(&plain));
            let (two, another) = (second(&one), second(&other));
            for (i, (a, b)) in one.iter().chain(&two).zip(other.iter().chain(&another)).enumerate()
            {
                assert!(far(a, b) < 4.0 * most, "{dtype} gradient {i}: {}", far(a, b));
            }
        }
    }
}

#[test]
fn running_sums_of_any_type_from_both_ends() {
    let x = Tensor::from([1i64, 2, 3, 4]);
    let sums = |reverse| {
        let zero = Tensor::from(0i64);
        let ([last], [all]) = scan([&zero], [&x], Scan::new().reverse(reverse), |[c], [x]| {
            let next = c + x;
            ([next.clone()], [next])
        });
        (last.item(), all.to_vec::<i64>())
    };
    assert_eq!(sums(false), (10.0, vec![1, 3, 6, 10]));
    assert_eq!(sums(true), (10.0, vec![10, 9, 7, 4]));
    assert_eq!(sums(false).1, x.cumsum(0).to_vec::<i64>());
}

/// A step of all 5, and one that is carried out by no step at all.
#[test]
fn no_step_and_one_step() {
    for steps in [0, 1] {
        let [x, w, b, h, c] = given(steps, DType::F64);
        let [h1, c1, y] = lstm(&x, [&w, &b, &h, &c], Scan::new());
        assert_eq!(y.shape().to_string(), format!("[{steps}, 3, 4]"));
        let [dw, dh] = grad(&loss(&[h1.clone(), c1.clone(), y]), [&w, &h]);
        match steps {
            0 => {
                assert_eq!(h1.to_vec::<f64>(), h.to_vec::<f64>());
                assert_eq!(c1.to_vec::<f64>(), c.to_vec::<f64>());
                assert_eq!(dw.to_vec::<f64>(), [0.0; 96]);
                assert!(far(&dh, &h.cos()) < 1e-15);
            }
            _ => assert!(far(&h1, &unrolled(&h1)) < 1e-15 && dw.square().sum(..).item() > 0.0),
        }
    }
}

#[test]
fn nothing_need_be_carried_walked_along_or_given() {
    let x = Tensor::from([1.0f32, 2.0, 3.0]);
    let ([], [y]) = scan([], [&x], Scan::new(), |[], [x]| ([], [x.square() + 1.0]));
    assert_eq!(y.to_vec::<f32>(), [2.0, 5.0, 10.0]);
    let ([c], []) =
        scan([&Tensor::from(1.0f32)], [], Scan::new().steps(10), |[c], []| ([c * 2.0], []));
    assert_eq!(c.item(), 1024.0);
    let ([], []) = scan([], [], Scan::new().steps(3), |[], []| ([], []));
    // What is given does not depend on the step, or is what is carried in.
    let seven = Tensor::from(7.0f32);
    let ([], [y, z]) = scan([], [&x], Scan::new(), |[], [x]| ([], [seven.clone(), x]));
    assert_eq!((y.to_vec::<f32>(), z.to_vec::<f32>()), (vec![7.0; 3], vec![1.0, 2.0, 3.0]));
    // Two that change places.
    let ab = [1.0f32, 2.0].map(Tensor::from);
    let ([a, b], []) = scan([&ab[0], &ab[1]], [&x], Scan::new(), |[a, b], [_]| ([b, a], []));
    assert_eq!((a.item(), b.item()), (2.0, 1.0));
}

/// Of keys that are a sequence every step draws its own numbers; of one from outside all draw the same.
#[test]
fn each_step_has_a_key_of_its_own() {
    let keys = Tensor::stack(&[&Tensor::full_of([4], 7.0, DType::I64), &Tensor::arange(4)], 1);
    let ([], [own, same]) = scan([], [&keys], Scan::new(), |[], [key]| {
        ([], [Key::of(&key).normal([3]), Key::new(7).normal([3])])
    });
    for step in 0..4 {
        let alone = Key::of(&Tensor::from([7i64, step])).normal([3]).to_vec::<f32>();
        assert_eq!(own.select(0, step as usize).to_vec::<f32>(), alone);
        let first = Key::new(7).normal([3]).to_vec::<f32>();
        assert_eq!(same.select(0, step as usize).to_vec::<f32>(), first);
    }
}

#[track_caller]
fn refused<R>(f: impl FnOnce() -> R, says: &str) {
    let line = format!("tests.rs:{}", std::panic::Location::caller().line());
    let error = try_build(f).err().expect("refused").to_string();
    assert!(error.starts_with(says) && error.contains(&line), "{error}\nnot {says} at {line}");
}

#[test]
fn what_does_not_fit_is_told_at_the_users_line() {
    let (c, x) = (Tensor::zeros([2, 3]), Tensor::zeros([5, 2, 3]));
    type Cell = fn([Tensor; 1], [Tensor; 1]) -> ([Tensor; 1], [Tensor; 1]);
    let pass: Cell = |c, x| (c, x);
    let one = |options: Scan, cell: Cell| scan([&c], [&x], options, cell);
    #[rustfmt::skip]
    refused(|| scan([&c], [&x], Scan::new(), |[c], [x]| ([c.t()], [x])), "scan: carry 0 is f32 [3, 2] after a step, expected f32 [2, 3], as it was before");
    #[rustfmt::skip]
    refused(|| scan([&c], [&x], Scan::new(), |[c], [x]| ([c.cast(DType::F64)], [x])), "scan: carry 0 is f64 [2, 3] after a step, expected f32 [2, 3]");
    #[rustfmt::skip]
    refused(|| scan([&c], [&x, &c], Scan::new(), |[c], [x, _]| ([c], [x])), "scan: sequence 1 is f32 [2, 3], expected 5 steps: sequence 0 is f32 [5, 2, 3]");
    #[rustfmt::skip]
    refused(|| scan([&c], [&x], Scan::new().steps(4), |[c], [x]| ([c], [x])), "scan: sequence 0 is f32 [5, 2, 3], expected 4 steps: Scan::steps says so");
    #[rustfmt::skip]
    refused(|| scan([&c], [], Scan::new(), |[c], []| ([c], [])), "scan: there is no sequence, so nothing says how many steps");
    #[rustfmt::skip]
    refused(|| scan([&c], [&Tensor::zeros(())], Scan::new(), |[c], [x]| ([c], [x])), "scan: sequence 0 is f32 [], expected a first axis");
    #[rustfmt::skip]
    refused(|| scan([&c], [&x], Scan::new().lengths(&Tensor::from([1i64, 2, 3])), |[c], [x]| ([c], [x])), "scan: carry 0 is f32 [2, 3], expected 3 rows");
    #[rustfmt::skip]
    refused(|| scan([&c], [&x], Scan::new().lengths(&Tensor::from([1.0f32, 2.0])), |[c], [x]| ([c], [x])), "scan: lengths must be i64, found f32");
    #[rustfmt::skip]
    refused(|| scan([&c], [&x], Scan::new().lengths(&Tensor::from([1i64, 2])), |[c], [x]| ([c], [x.sum(0)])), "scan: what a step gives, 0, is f32 [3], expected 2 rows");
    // A mistake in the cell is the cell's.
    #[rustfmt::skip]
    refused(|| scan([&c], [&x], Scan::new(), |[c], [x]| ([c], [x.matmul(&x)])), "matmul: the inner sizes differ");
    assert!(try_build(|| one(Scan::new(), pass)).is_ok());
    let more = scan_all(&[&c], &[&x], Scan::new(), |c, x| (vec![c[0].clone(); 2], x.to_vec()));
    assert!(more.err().unwrap().to_string().starts_with("scan: the cell carries 2 on, expected 1"));
}

#[test]
fn a_symbol_that_escapes_is_no_value() {
    let mut escaped = None;
    let x = Tensor::from([1.0f32, 2.0]);
    let ([], [_]) = scan([], [&x], Scan::new(), |[], [x]| {
        escaped = Some(&x * 2.0);
        ([], [x])
    });
    let error = escaped.unwrap().try_read().err().unwrap().to_string();
    assert!(error.starts_with("body: a value from inside of a body is used outside"), "{error}");
    assert!(error.contains("tests.rs:"), "{error}");
}

#[test]
fn a_bad_value_is_told_by_the_op_that_meets_it_its_line_and_its_step() {
    let table = Tensor::randn([4, 2], 1);
    let ids = Tensor::from([[0i64, 1], [3, 2], [1, 9], [0, 0]]);
    let at = line!() + 3;
    let ([], [y]) = scan([], [&ids], Scan::new(), |[], [ids]| {
        crate::scope("words (Embedding)", || {
            let rows = table.index_select(0, &ids);
            ([], [rows])
        })
    });
    let error = y.try_read().err().unwrap().to_string();
    assert!(error.starts_with("gather: index 9 at position 1 is outside axis 0"), "{error}");
    assert!(error.contains("; at step 2 of a scan\n"), "{error}");
    assert!(error.contains(&format!("tests.rs:{at}")), "not line {at}: {error}");
    assert!(error.ends_with("in layer words (Embedding)"), "{error}");
    let error = crate::Device::Reference.scope(|| y.try_read().err().unwrap().to_string());
    assert!(error.starts_with("scan: at step 2: gather: index 9"), "{error}");
}

/// The gradient's body reads what was carried in only where it is needed.
#[test]
fn a_linear_cell_keeps_no_states_for_its_gradient() {
    let (c, x) = (Tensor::zeros([3]), Tensor::randn([6, 3], 1));
    let ([_], [y]) = scan([&c], [&x], Scan::new(), |[c], [x]| {
        let next = c * 0.5 + x;
        ([next.clone()], [next])
    });
    let [dx] = grad(&y.sum(..), [&x]);
    let reads = |y: &Tensor| call_of(y).0.inputs().len();
    // dc, and the gradient of y at each step.
    assert_eq!(reads(&dx), 2);
    let parts: Vec<usize> = call_of(&dx).0.inputs().iter().map(|n| n.inputs().len()).collect();
    assert!(parts.len() == 2 && far(&dx, &grad(&unrolled(&y).sum(..), [&x])[0]) < 1e-6);
}

/// Plans of cells are found by what the cells compute, however many steps there are and in which direction.
#[test]
fn equal_cells_are_known_as_equal() {
    let w = Tensor::randn([3, 3], 1);
    let digest = |steps: usize, by: f64| {
        let (c, x) = (Tensor::zeros([2, 3]), Tensor::zeros([steps, 2, 3]));
        let options = Scan::new().reverse(steps > 5);
        let ([c], []) = scan([&c], [&x], options, |[c], [x]| ([c.matmul(&w) * by + x], []));
        let (call, _) = call_of(&c);
        let Kind::Call(rule, _) = call.kind() else { panic!("{call:?} is no call") };
        let text = format!("{rule:?}");
        text.split("Body(").nth(1).and_then(|rest| rest.split(')').next()).unwrap().to_owned()
    };
    assert_eq!(digest(2, 0.5), digest(9, 0.5));
    assert_ne!(digest(2, 0.5), digest(2, 0.25));
}
