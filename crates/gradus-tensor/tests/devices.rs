//! The reference device beside the processor where numbers are no help: ties, NaN, infinities,
//! nothing at all, bad data, random bits. And what a rule is expanded to at the same places.

use gradus_graph::{Kind, Node};
use gradus_tensor::{DType, Device, Element, Key, Pool, Tensor, grad, try_build};

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

fn numbers(t: &Tensor) -> Vec<f64> {
    t.cast(DType::F64).to_vec::<f64>()
}

/// Where two rows differ by more than rounding: NaN and the infinities stand where they stand.
fn apart(a: &[f64], b: &[f64]) -> Option<usize> {
    assert_eq!(a.len(), b.len());
    let same = |a: f64, b: f64| {
        (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= 1e-12 * b.abs().max(1.0)
    };
    (0..a.len()).find(|&i| !same(a[i], b[i]))
}

/// What the calls among the outputs are expanded to, where there is such.
fn expansions(outputs: &[Tensor]) -> Vec<Option<Tensor>> {
    let expansion = |node: &Node| -> Option<Node> {
        let (call, i) = match node.kind() {
            Kind::Part(i) => (&node.inputs()[0], *i),
            _ => (node, 0),
        };
        let Kind::Call(rule, _) = call.kind() else { return None };
        Some(rule.expand(call.inputs())?.swap_remove(i))
    };
    outputs.iter().map(|t| expansion(t.node()).map(Tensor::from_node)).collect()
}

/// Both devices give the same numbers, and so do expansions; how many there were.
#[track_caller]
fn agree(name: &str, of: impl Fn() -> Vec<Tensor>) -> usize {
    let all = |device: Device| device.scope(|| of().iter().map(numbers).collect::<Vec<_>>());
    let cpu = all(Device::Cpu);
    let same = |what: &str, i: usize, found: &[f64]| {
        let at = apart(found, &cpu[i]);
        assert!(at.is_none(), "{name}, output {i}, {what}: {found:?}\n{:?}", cpu[i]);
    };
    for (i, found) in all(Device::Reference).iter().enumerate() {
        same("plain", i, found);
    }
    let expanded = expansions(&of());
    for (i, other) in expanded.iter().enumerate() {
        if let Some(other) = other {
            same("expanded", i, &Device::Reference.scope(|| numbers(other)));
        }
    }
    expanded.iter().flatten().count()
}

#[test]
fn extremes_and_orders_of_ties_and_nan() {
    let x =
        || Tensor::from([[1.0, 3.0, 3.0], [2.0, NAN, NAN], [-1.0, -1.0, -INF], [0.0, -0.0, 0.0]]);
    assert_eq!(agree("argmax", || vec![x().argmax(1), x().argmin(1), x().argmax(0)]), 3);
    let integers = || Tensor::from([[i64::MAX - 1, i64::MAX, i64::MAX], [i64::MIN, 0, i64::MIN]]);
    assert_eq!(agree("argmin", || vec![integers().argmax(1), integers().argmin(1)]), 2);
    let all = |x: &Tensor| vec![x.argsort(1, false), x.argsort(1, true), x.top_k(2, 1).1];
    agree("argsort", || all(&x()));
    agree("argsort of integers", || all(&integers()));
    agree("argsort of nothing", || vec![Tensor::zeros([2, 0]).argsort(1, true), x().top_k(0, 1).1]);
}

#[test]
fn softmaxes_of_what_is_no_number() {
    let x = || Tensor::from([[1.0, NAN], [INF, 0.0], [-INF, -INF], [-INF, 2.0], [900.0, -900.0]]);
    assert_eq!(agree("softmax", || vec![x().softmax(1), x().log_softmax(1)]), 2);
    let labels = || Tensor::from([0i64, 1, 0, 1, 1]);
    agree("cross entropy", || vec![x().softmax_cross_entropy(&labels())]);
    let none = || Tensor::zeros([3, 0]);
    agree("softmax of nothing", || vec![none().softmax(1), none().log_softmax(0)]);
}

#[test]
fn windows_of_ties_of_nan_and_of_nothing() {
    let x = || {
        let plane =
            [[2.0, 2.0, NAN, 1.0, 2.0], [2.0, NAN, NAN, 0.0, -INF], [-INF, -INF, 0.5, 7.0, 7.0]];
        Tensor::from(plane).reshape([1, 1, 3, 5])
    };
    let padded = Pool { padding: [[2, 1], [0, 3]], ..Pool::new(2).stride(1) };
    let pools =
        [Pool::new(2), Pool::new(2).ceil(), padded, Pool { dilation: [1, 2], ..padded.ceil() }];
    for pool in pools {
        let max = |x: &Tensor| <[Tensor; 2]>::from(x.max_pool2d_with_indices(pool)).to_vec();
        assert_eq!(agree("max_pool2d", || max(&x())), 2);
        let back = |x: Tensor| {
            let (y, _) = x.max_pool2d_with_indices(pool);
            let dy = Key::new(1).normal_of(y.shape(), DType::F64);
            grad(&(y * dy).sum(..), [&x]).to_vec()
        };
        agree("max_pool2d_gradient", || back(x()));
        if pool.dilation == [1, 1] {
            for count_include_pad in [true, false] {
                let pool = Pool { count_include_pad, ..pool };
                let count = agree("mean_pool2d", || vec![x().mean_pool2d(pool)]);
                assert_eq!(count, 1);
            }
        }
    }
    let uneven = |x: &Tensor| vec![x.adaptive_max_pool2d([2, 4]), x.adaptive_mean_pool2d([5, 3])];
    assert_eq!(agree("adaptive", || uneven(&x())), 2);
    let places = || Tensor::from([-1i64, 0, 3, 0]).cast(DType::I32).reshape([1, 1, 1, 4]);
    let values = || Tensor::from([5.0, 6.0, 7.0, 8.0]).reshape([1, 1, 1, 4]);
    assert_eq!(agree("max_unpool2d", || vec![values().max_unpool2d(&places(), [2, 2])]), 1);
}

#[test]
fn what_lies_in_memory_as_another_type() {
    let bytes = || Tensor::from([[7u8, 255], [0, 9]]);
    let ids = || Tensor::from([[1i64], [0]]);
    agree("gather", || vec![bytes().gather(1, &ids()), bytes().gt(7.0).gather(1, &ids())]);
    let integers = || Tensor::from([i64::MAX, i64::MAX, 3]);
    let sums = |x: &Tensor| vec![x.cumsum(0), x.scatter_add(0, &Tensor::from([0i64, 0, 2]), 4)];
    let run = |device: Device| {
        device.scope(|| sums(&integers()).iter().map(Tensor::to_vec::<i64>).collect::<Vec<_>>())
    };
    assert_eq!(run(Device::Cpu), run(Device::Reference));
    assert_eq!(run(Device::Reference)[1], [-2, 0, 3, 0]);
    let small = || Tensor::from([i32::MAX, 1]).scatter_add(0, &Tensor::from([0i64, 0]), 1);
    assert_eq!(Device::Reference.scope(|| small().to_vec::<i32>()), [i32::MIN]);
}

/// The same words on both, and the same errors.
#[test]
fn bad_data_is_refused_in_the_same_words() {
    let x = || Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    let refused: [(&str, &dyn Fn() -> Tensor); 7] = [
        ("label", &|| x().softmax_cross_entropy(&Tensor::from([0i64, -3]))),
        ("index 2 at position 1", &|| x().gather(1, &Tensor::from([[0i64], [2]]))),
        ("index -1 at position 0", &|| x().index_select(0, &Tensor::from([-1i64]))),
        ("index 9", &|| x().scatter_add(1, &Tensor::from([[0i64, 1], [9, 0]]), 2)),
        ("0.9, expected", &|| Tensor::from([1.0f32, 0.9]).cast_whole()),
        ("is 0", &|| Tensor::from([1i64, 2]).div_floor(&Tensor::from([1i64, 0]))),
        ("index 4 is outside", &|| {
            let places = Tensor::from([4i64]).cast(DType::I32).reshape([1; 4]);
            Tensor::from([1.0]).reshape([1; 4]).max_unpool2d(&places, [2, 2])
        }),
    ];
    for (says, of) in refused {
        let error = |device: Device| {
            let e = device.scope(|| try_build(of).and_then(|t| t.try_read().map(|_| ())));
            e.unwrap_err().what
        };
        let (cpu, reference) = (error(Device::Cpu), error(Device::Reference));
        assert!(cpu.contains(says), "{says}: {cpu}");
        assert_eq!(cpu, reference);
    }
}

#[test]
fn random_numbers_have_the_same_bits() {
    fn bits<T: Element>(device: Device, dtype: DType, draw: fn(&Key, DType) -> Tensor) -> Vec<T> {
        device.scope(|| draw(&Key::new(u64::MAX - 5).stream(3 << 33 | 7), dtype).to_vec::<T>())
    }
    let draws: [fn(&Key, DType) -> Tensor; 2] =
        [|key, dtype| key.normal_of([4103], dtype), |key, dtype| key.uniform_of([4103], dtype)];
    for draw in draws {
        for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16] {
            let [a, b] = Device::ALL else { panic!("two devices") };
            let [a, b] = [a, b].map(|&d| bits::<f64>(d, dtype, draw));
            assert!(a.iter().zip(&b).all(|(a, b)| a.to_bits() == b.to_bits()), "{dtype}");
        }
    }
    let whole = |device: Device| {
        device.scope(|| {
            (Key::new(2).bits([9]).to_vec::<i64>(), Tensor::permutation(50, 3).to_vec::<i64>())
        })
    };
    assert_eq!(whole(Device::Cpu), whole(Device::Reference));
}
