//! Both memory orders against plain loops in f64, the adjoint pairs, ties, NaN, and PyTorch's values and gradients.
#![allow(unsafe_code)]

use super::cpu::{self, Tables};
use super::plain;
use super::rule::Work;
use super::{Order, Pool2d, Windows};
use crate::ops::conv2d::plain::Operand;
use crate::ops::lanes::Isa;
use crate::{DType, Pool, Tensor, try_build};
use gradus_base::{Element, Shape, View};
use gradus_testkit::{GoldenCase, read_golden};
use proptest::prelude::*;

fn noise(shape: Shape, salt: u32) -> Vec<f64> {
    // Few distinct values: maxima have ties.
    gradus_testkit::formula(shape.len(), salt).map(|x| (x * 4.0).round()).collect()
}

fn ordered<T: Element>(shape: Shape, order: [usize; 4], values: &[f64]) -> Vec<T> {
    let view = View::ordered(shape, &order);
    let mut out = vec![T::default(); shape.len()];
    for (i, &value) in values.iter().enumerate() {
        out[view.index(i)] = T::from_f64(value);
    }
    out
}

fn row_major<T: Element>(shape: Shape, order: [usize; 4], values: &[T]) -> Vec<f64> {
    let view = View::ordered(shape, &order);
    (0..shape.len()).map(|i| values[view.index(i)].to_f64()).collect()
}

fn operand<T>(values: &[T], shape: Shape) -> Operand<T> {
    Operand::new(values.as_ptr(), &View::dense(shape))
}

/// What plain loops give, row-major.
struct Results {
    max: Vec<f64>,
    indices: Vec<i32>,
    pick: Vec<f64>,
    scatter: Vec<f64>,
    mean: Vec<f64>,
    mean_gradient: Vec<f64>,
}

fn results(pool: &Pool2d, x: &[f64], dy: &[f64]) -> Results {
    let (xs, ys) = (pool.x_shape(), pool.y_shape());
    let mut r = Results {
        max: vec![f64::NAN; ys.len()],
        indices: vec![-7; ys.len()],
        pick: vec![f64::NAN; ys.len()],
        scatter: vec![f64::NAN; xs.len()],
        mean: vec![f64::NAN; ys.len()],
        mean_gradient: vec![f64::NAN; xs.len()],
    };
    let out = |values: &mut [f64], shape| Operand::new(values.as_mut_ptr(), &View::dense(shape));
    // SAFETY: buffers of the geometry's shapes.
    unsafe {
        let indices = Operand::new(r.indices.as_mut_ptr(), &View::dense(ys));
        plain::max(pool, operand(x, xs), out(&mut r.max, ys), Some(indices));
        plain::pick(pool, operand(x, xs), indices, out(&mut r.pick, ys));
        plain::scatter(pool, operand(dy, ys), indices, out(&mut r.scatter, xs));
        plain::mean(pool, operand(x, xs), out(&mut r.mean, ys));
        plain::mean_gradient(pool, operand(dy, ys), out(&mut r.mean_gradient, xs));
    }
    r
}

fn close(what: &str, got: &[f64], want: &[f64]) {
    let largest = want.iter().filter(|x| x.is_finite()).fold(1e-30, |m: f64, b| m.max(b.abs()));
    for (a, b) in got.iter().zip(want) {
        let same = a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-5 * largest;
        assert!(same, "{what}: found {a}, expected {b}");
    }
}

fn check(pool: &Pool2d, x: &[f64], dy: &[f64]) {
    let want = results(pool, x, dy);
    let (xs, ys) = (pool.x_shape(), pool.y_shape());
    let wanted: Vec<f64> = want.indices.iter().map(|&i| f64::from(i)).collect();
    for order in Order::ALL {
        for isa in [Isa::current(), Isa::PORTABLE] {
            let axes = order.memory_order();
            let (x, dy) = (ordered::<f32>(xs, axes, x), ordered::<f32>(ys, axes, dy));
            let mut indices = vec![-7; ys.len()];
            let mut run = |work: Work| {
                let back = matches!(work, Work::Scatter | Work::MaxGradient | Work::MeanGradient);
                let shape = if back { xs } else { ys };
                let mut out = vec![f32::NAN; shape.len()];
                let ptr = out.as_mut_ptr();
                let (x, y) =
                    if back { (ptr, dy.as_ptr().cast_mut()) } else { (x.as_ptr().cast_mut(), ptr) };
                let planes = order.planes(pool, x, y, indices.as_mut_ptr());
                // SAFETY: buffers of the geometry's shapes.
                unsafe { cpu::pool_planes(isa, &Tables::new(pool, work), planes) };
                row_major(shape, axes, &out)
            };
            let what = format!("{order:?} {isa:?} {pool:?}");
            close(&what, &run(Work::Max), &want.max);
            close(&what, &run(Work::Pick), &want.pick);
            close(&what, &run(Work::Scatter), &want.scatter);
            close(&what, &run(Work::MaxGradient), &want.scatter);
            close(&what, &run(Work::Mean), &want.mean);
            close(&what, &run(Work::MeanGradient), &want.mean_gradient);
            assert_eq!(row_major(ys, axes, &indices), wanted, "{what}");
            // Nobody wants to know where the maxima are.
            let mut out = vec![f32::NAN; ys.len()];
            let planes = order.planes(pool, x.as_ptr(), out.as_mut_ptr(), std::ptr::null());
            // SAFETY: buffers of the geometry's shapes.
            unsafe { cpu::pool_planes(isa, &Tables::new(pool, Work::Max), planes) };
            close(&what, &row_major(ys, axes, &out), &want.max);
        }
    }
}

fn sliding(kernel: usize, stride: usize, padding: usize) -> Windows {
    Windows::Sliding { kernel, stride, padding: [padding; 2], dilation: 1, ceil: false }
}

fn pool(batch: usize, channels: usize, size: usize, windows: Windows) -> Pool2d {
    Pool2d {
        batch,
        channels,
        height: size,
        width: size,
        windows: [windows; 2],
        count_include_pad: true,
    }
}

fn windows() -> impl Strategy<Value = Windows> {
    let sliding = (1..5usize, 1..4usize, 0..3usize, 0..3usize, 1..3usize, any::<bool>()).prop_map(
        |(kernel, stride, before, after, dilation, ceil)| {
            let padding = [before.min(kernel / 2), after.min(kernel / 2)];
            Windows::Sliding { kernel, stride, padding, dilation, ceil }
        },
    );
    prop_oneof![3 => sliding, 1 => (1..9usize).prop_map(|output| Windows::Adaptive { output })]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_geometry(
        batch in 1..20usize, channels in 1..12usize, height in 1..9usize, width in 1..9usize,
        rows in windows(), cols in windows(), count_include_pad: bool,
    ) {
        let pool = Pool2d { batch, channels, height, width, windows: [rows, cols], count_include_pad };
        check(&pool, &noise(pool.x_shape(), 1), &noise(pool.y_shape(), 2));
    }

    /// ⟨mean(x), dy⟩ = ⟨x, mean_gradient(dy)⟩ and ⟨pick(x), dy⟩ = ⟨x, scatter(dy)⟩.
    #[test]
    fn pairs_are_adjoint(height in 1..9usize, width in 1..9usize, rows in windows(), cols in windows()) {
        let pool = Pool2d { batch: 2, channels: 3, height, width, windows: [rows, cols], count_include_pad: true };
        let (x, dy) = (noise(pool.x_shape(), 1), noise(pool.y_shape(), 2));
        let r = results(&pool, &x, &dy);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        prop_assert!((dot(&r.mean, &dy) - dot(&x, &r.mean_gradient)).abs() < 1e-9);
        prop_assert!((dot(&r.pick, &dy) - dot(&x, &r.scatter)).abs() < 1e-9);
    }
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let x = Tensor::randn([3, 21, 40, 31], 1);
    let pool = crate::Pool::new(3).stride(2).padding(1);
    for axes in [[0, 2, 3, 1], [1, 2, 3, 0]] {
        let stored = Tensor::from_slice(&x.permute(axes).to_vec::<f32>(), x.permute(axes).shape());
        let run = |threads| {
            gradus_cpu::set_threads(threads);
            // Nodes of its own, so that nothing is taken from the run before.
            let stored = &stored * 1.0;
            let mut inverse = [0; 4];
            (0..4).for_each(|i| inverse[axes[i] as usize] = i as isize);
            let x = stored.permute(inverse);
            let (max, mean) = (x.max_pool2d(pool), x.mean_pool2d(pool));
            let [dx] = crate::grad(&(max.square() * &max + mean.square()).sum(..), [&stored]);
            [max, mean, dx].map(|t| t.to_vec::<f32>())
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(3));
    }
}

/// In f32 by lanes and in f64 by plain loops, the places take memory and are written only where they are read.
#[test]
fn places_are_left_out_where_nobody_reads_them() {
    let x = Tensor::randn([2, 6, 8, 8], 1);
    for x in [x.clone(), x.cast(gradus_base::DType::F64)] {
        crate::read([&x]);
        let meta = [x.node().meta()];
        let mut value = crate::compile(|a: &[Tensor]| {
            crate::Step::new().read(&(a[0].max_pool2d(crate::Pool::new(2)) * 2.0))
        });
        let mut both = crate::compile(|a: &[Tensor]| {
            let (y, places) = a[0].max_pool2d_with_indices(crate::Pool::new(2));
            crate::Step::new().read(&(y * 2.0)).read(&places)
        });
        let saved = both.plan(&meta).unwrap().bytes() - value.plan(&meta).unwrap().bytes();
        let places = (2 * 6 * 4 * 4 * size_of::<i32>()) as u64;
        assert!(saved >= places, "{saved} of {places} bytes");
        let y = both.run(&[&x]).unwrap().tensor(0).cast(gradus_base::DType::F64).to_vec::<f64>();
        let alone = value.run(&[&x]).unwrap().tensor(0).cast(gradus_base::DType::F64);
        assert_eq!(alone.to_vec::<f64>(), y);
    }
}

#[test]
fn nothing_to_do() {
    for pool in [pool(0, 3, 4, sliding(2, 2, 0)), pool(2, 3, 2, sliding(3, 1, 0))] {
        check(&pool, &noise(pool.x_shape(), 1), &noise(pool.y_shape(), 2));
    }
}

#[test]
fn the_first_maximum_wins_and_nan_spreads() {
    let pool = pool(1, 1, 4, sliding(2, 2, 0));
    let (nan, low) = (f64::NAN, f64::NEG_INFINITY);
    let x = [3.0, 3.0, 1.0, nan, 3.0, 0.0, nan, 9.0, low, low, 5.0, 6.0, low, low, 7.0, 7.0];
    let dy = [1.0, 2.0, 3.0, 4.0];
    check(&pool, &x, &dy);
    assert_eq!(results(&pool, &x, &dy).indices, [0, 3, 8, 14]);
}

#[test]
fn ceil_drops_a_window_that_begins_behind_the_input() {
    let windows =
        |ceil| Windows::Sliding { kernel: 2, stride: 3, padding: [1, 1], dilation: 1, ceil };
    assert_eq!((windows(false).output(4), windows(true).output(4)), (2, 2));
    assert_eq!((windows(false).output(6), windows(true).output(6)), (3, 3));
    let three =
        |ceil| Windows::Sliding { kernel: 3, stride: 2, padding: [0, 0], dilation: 1, ceil };
    assert_eq!((three(false).output(6), three(true).output(6)), (2, 3));
}

/// A golden case's pooling; 1-D ones have height 1.
fn golden_pool(case: &GoldenCase) -> Option<Pool2d> {
    let (shape, _) = case.input("x");
    let spatial = &shape[2..];
    let op = case.op();
    let windows: Vec<Windows> = if op.starts_with("adaptive") {
        case.sizes("output_size").into_iter().map(|output| Windows::Adaptive { output }).collect()
    } else if op.starts_with("max_pool") || op.starts_with("mean_pool") {
        let dilation =
            if op.starts_with("max") { case.sizes("dilation") } else { vec![1; spatial.len()] };
        let (kernel, stride, padding) =
            (case.sizes("kernel"), case.sizes("stride"), case.pairs("padding"));
        let ceil = case.flag("ceil_mode");
        (0..spatial.len())
            .map(|a| Windows::Sliding {
                kernel: kernel[a],
                stride: stride[a],
                padding: [padding[a].0, padding[a].1],
                dilation: dilation[a],
                ceil,
            })
            .collect()
    } else {
        return None;
    };
    let one = sliding(1, 1, 0);
    Some(Pool2d {
        batch: shape[0],
        channels: shape[1],
        height: if spatial.len() == 2 { spatial[0] } else { 1 },
        width: *spatial.last()?,
        windows: if spatial.len() == 2 { [windows[0], windows[1]] } else { [one, windows[0]] },
        count_include_pad: op.starts_with("mean") && case.flag("count_include_pad"),
    })
}

#[test]
fn equals_pytorch() {
    let cases =
        read_golden(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/conv.safetensors"));
    let mut seen = 0;
    for (case, pool) in cases.iter().filter_map(|case| Some((case, golden_pool(case)?))) {
        let wide = |values: &[f32]| values.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        let (x, y) = (wide(&case.input("x").1), wide(case.output("y").1));
        let r = results(&pool, &x, &wide(&case.input("c").1));
        let max = case.op().contains("max");
        let what = case.to_string();
        close(&what, if max { &r.max } else { &r.mean }, &y);
        close(&what, if max { &r.scatter } else { &r.mean_gradient }, &wide(case.output("dx").1));
        seen += 1;
    }
    assert!(seen >= 100, "{seen} poolings");
}

#[test]
fn unpooling_puts_maxima_back() {
    use crate::{Pool, Tensor};
    let x = Tensor::from([[1.0f64, 5.0, 2.0, 0.0], [3.0, 4.0, 7.0, 6.0]]).reshape([1, 1, 2, 4]);
    let (y, places) = x.max_pool2d_with_indices(Pool::new(2));
    assert_eq!((y.to_vec::<f64>(), places.to_vec::<i32>()), (vec![5.0, 7.0], vec![1, 6]));
    let back = y.max_unpool2d(&places, [2, 4]);
    assert_eq!(back.to_vec::<f64>(), [0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 7.0, 0.0]);
}

#[test]
fn half_types_stay_what_they_are() {
    let x = (Tensor::rand([2, 3, 6, 6], 4) * 9.0).floor();
    let pool = Pool::new(2).stride(2);
    let ops: [fn(&Tensor, Pool) -> Tensor; 5] = [
        |x, p| x.max_pool2d(p),
        |x, p| x.mean_pool2d(p),
        |x, _| x.adaptive_max_pool2d([3, 2]),
        |x, _| x.adaptive_mean_pool2d([3, 3]),
        |x, p| {
            let (y, places) = x.max_pool2d_with_indices(p);
            y.max_unpool2d(&places, [6, 6])
        },
    ];
    for (i, op) in ops.into_iter().enumerate() {
        for dtype in [DType::F16, DType::BF16] {
            let y = op(&x.cast(dtype), pool);
            assert_eq!(
                (y.dtype(), y.to_vec::<f32>()),
                (dtype, op(&x, pool).to_vec::<f32>()),
                "{i}"
            );
        }
    }
    // 100 · 4096 is more than f16 holds, its mean is not.
    let hundred = Tensor::full_of([1, 1, 64, 64], 100.0, DType::F16);
    assert_eq!(hundred.mean_pool2d(Pool::new(64)).item(), 100.0);
}

#[test]
fn windows_beyond_all_images_are_refused() {
    let pool = Pool { padding: [[1 << 63, 1 << 63], [0, 0]], ..Pool::new(2) };
    let e = try_build(|| Tensor::zeros([1, 1, 4, 4]).mean_pool2d(pool)).unwrap_err().to_string();
    assert!(e.contains("9223372036854775808 pixels along an axis; at most 2147483648"), "{e}");
}
