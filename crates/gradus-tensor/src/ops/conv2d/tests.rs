//! Every algorithm by name against naive sums in f64, and the three passes against each other.
#![allow(unsafe_code)]

pub(crate) mod cases;
mod epilogues;
mod few_channels;

use super::cpu::{batch_lanes, implicit_gemm, winograd};
use super::plain::{self, Operand};
use super::{Algorithm, Conv2d, Isa, Pass, choose, data_gradient, forward, weight_gradient};
use gradus_base::{Element, Shape, View};
use gradus_cpu::set_threads;
use gradus_testkit::{GoldenCase, read_golden};
use proptest::prelude::*;

const PASSES: [Pass; 3] = [Pass::Forward, Pass::DataGradient, Pass::WeightGradient];

/// x, w and y (or their gradients) of a convolution, row-major, in f64 but f32 values.
struct Case {
    conv: Conv2d,
    x: Vec<f64>,
    w: Vec<f64>,
    y: Vec<f64>,
}

impl Case {
    fn new(conv: Conv2d) -> Case {
        let fill = |shape: Shape, salt: usize| (0..shape.len()).map(|i| noise(i, salt)).collect();
        let [x, w, y] = [(conv.x_shape(), 1), (conv.w_shape(), 2), (conv.y_shape(), 3)]
            .map(|(s, salt)| fill(s, salt));
        Case { conv, x, w, y }
    }

    /// The shape and the values of a pass's result, by summing over every (output, tap) pair.
    fn expected(&self, pass: Pass) -> (Shape, Vec<f64>) {
        let shape = self.result_shape(pass);
        let mut sums = vec![0.0; shape.len()];
        self.visit(|x, w, y| match pass {
            Pass::Forward => sums[y] += self.x[x] * self.w[w],
            Pass::DataGradient => sums[x] += self.y[y] * self.w[w],
            Pass::WeightGradient => sums[w] += self.x[x] * self.y[y],
        });
        (shape, sums)
    }

    fn result_shape(&self, pass: Pass) -> Shape {
        match pass {
            Pass::Forward => self.conv.y_shape(),
            Pass::DataGradient => self.conv.x_shape(),
            Pass::WeightGradient => self.conv.w_shape(),
        }
    }

    /// Calls `f` with the places of x, w and y of every product.
    fn visit(&self, mut f: impl FnMut(usize, usize, usize)) {
        let c = &self.conv;
        let [p, q] = c.output();
        let (inner, outer) = (c.in_channels / c.groups, c.out_channels / c.groups);
        let [r, s] = c.kernel;
        for y in 0..c.y_shape().len() {
            let (v, u, o, n) =
                (y % q, y / q % p, y / (p * q) % c.out_channels, y / (p * q) / c.out_channels);
            for tap in 0..inner * r * s {
                let (b, a, i) = (tap % s, tap / s % r, tap / (r * s));
                let h = (u * c.stride[0] + a * c.dilation[0]) as isize - c.padding[0][0];
                let w = (v * c.stride[1] + b * c.dilation[1]) as isize - c.padding[1][0];
                let inside = |at: isize, size| usize::try_from(at).ok().filter(|&at| at < size);
                if let (Some(h), Some(w)) = (inside(h, c.height), inside(w, c.width)) {
                    let channel = o / outer * inner + i;
                    f(
                        ((n * c.in_channels + channel) * c.height + h) * c.width + w,
                        o * inner * r * s + tap,
                        y,
                    );
                }
            }
        }
    }
}

fn noise(i: usize, salt: usize) -> f64 {
    let k = (i as u32).wrapping_mul(2_654_435_761).wrapping_add(salt as u32 * 40_503) >> 8;
    f64::from(((f64::from(k) - 8_388_608.0) / 8_388_608.0) as f32)
}

/// Row-major values as they lie in `order`.
fn ordered<T: Element>(shape: Shape, order: [usize; 4], values: &[f64]) -> Vec<T> {
    let view = View::ordered(shape, &order);
    let mut out = vec![T::default(); shape.len()];
    for (i, &value) in values.iter().enumerate() {
        out[view.index(i)] = T::from_f64(value);
    }
    out
}

/// Values that lie in `order`, row-major.
fn row_major<T: Element>(shape: Shape, order: [usize; 4], values: &[T]) -> Vec<f64> {
    let view = View::ordered(shape, &order);
    (0..shape.len()).map(|i| values[view.index(i)].to_f64()).collect()
}

/// max |a − b| / max |b|.
fn error(a: &[f64], b: &[f64]) -> f64 {
    let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let largest = b.iter().fold(0.0, |m: f64, b| m.max(b.abs()));
    assert!(a.iter().all(|a| a.is_finite()), "not finite");
    // Where every product falls on padding all is 0, and what sums of transformed values leave there is held against operands of size 1.
    if largest == 0.0 { worst } else { worst / largest }
}

type Run<'a> = &'a dyn Fn(&Conv2d, Pass, [*const f32; 2], *mut f32);

/// Runs a pass in f32, the operands in `order`.
fn run_pass(case: &Case, pass: Pass, order: [usize; 4], body: Run<'_>) -> Vec<f64> {
    let c = &case.conv;
    let x = ordered::<f32>(c.x_shape(), order, &case.x);
    let w = ordered::<f32>(c.w_shape(), [0, 1, 2, 3], &case.w);
    let y = ordered::<f32>(c.y_shape(), order, &case.y);
    let shape = case.result_shape(pass);
    // NaN: what is not written shows.
    let mut out = vec![f32::NAN; shape.len()];
    let inputs = match pass {
        Pass::Forward => [x.as_ptr(), w.as_ptr()],
        Pass::DataGradient => [y.as_ptr(), w.as_ptr()],
        Pass::WeightGradient => [x.as_ptr(), y.as_ptr()],
    };
    body(c, pass, inputs, out.as_mut_ptr());
    row_major(shape, if pass == Pass::WeightGradient { [0, 1, 2, 3] } else { order }, &out)
}

fn by_name(algorithm: Algorithm) -> impl Fn(&Conv2d, Pass, [*const f32; 2], *mut f32) {
    move |conv, pass, [a, b], out| {
        // SAFETY: `run_pass` gives buffers of the geometry's shapes in the algorithm's order.
        unsafe {
            match pass {
                Pass::Forward => forward(algorithm, conv, a, b, out, None),
                Pass::DataGradient => data_gradient(algorithm, conv, a, b, out, None),
                Pass::WeightGradient => weight_gradient(algorithm, conv, a, b, out),
            }
        }
    }
}

/// The fast algorithms in the instruction set of any machine.
fn portable(algorithm: Algorithm) -> impl Fn(&Conv2d, Pass, [*const f32; 2], *mut f32) {
    let isa = Isa::PORTABLE;
    move |conv, pass, [a, b], out| {
        // SAFETY: as in `by_name`.
        unsafe {
            match (algorithm, pass) {
                (Algorithm::BatchLanes, Pass::Forward) => {
                    batch_lanes::forward(isa, conv, a, b, out, None)
                }
                (Algorithm::BatchLanes, Pass::DataGradient) => {
                    batch_lanes::data_gradient(isa, conv, a, b, out, None)
                }
                (Algorithm::BatchLanes, Pass::WeightGradient) => {
                    batch_lanes::weight_gradient(isa, conv, a, b, out)
                }
                (Algorithm::Winograd, Pass::Forward) => {
                    winograd::forward(isa, conv, a, b, out, None)
                }
                (Algorithm::Winograd, Pass::DataGradient) => {
                    winograd::data_gradient(isa, conv, a, b, out, None)
                }
                (Algorithm::Winograd, Pass::WeightGradient) => {
                    winograd::weight_gradient(isa, conv, a, b, out)
                }
                (_, Pass::Forward) => implicit_gemm::forward(isa, conv, a, b, out, None),
                (_, Pass::DataGradient) => implicit_gemm::data_gradient(isa, conv, a, b, out, None),
                (_, Pass::WeightGradient) => implicit_gemm::weight_gradient(isa, conv, a, b, out),
            }
        }
    }
}

/// Winograd's maps multiply rounding errors.
fn tolerance(algorithm: Algorithm) -> f64 {
    if algorithm == Algorithm::Winograd { 1e-4 } else { 1e-5 }
}

/// The algorithms for a pass, but the plain loops.
fn fast(conv: &Conv2d, pass: Pass) -> Vec<Algorithm> {
    let all = Algorithm::ALL.into_iter();
    all.filter(|&a| a != Algorithm::Plain && a.fits(conv, pass)).collect()
}

fn check(conv: Conv2d) {
    let case = Case::new(conv);
    for pass in PASSES {
        let (_, want) = case.expected(pass);
        for algorithm in Algorithm::ALL.into_iter().filter(|a| a.fits(&conv, pass)) {
            let verify = |how: &str, body: Run<'_>| {
                let e = error(&run_pass(&case, pass, algorithm.memory_order(), body), &want);
                assert!(
                    e <= tolerance(algorithm),
                    "{how} {algorithm:?} {pass:?}: error {e:.1e} for {conv:?}"
                );
            };
            verify("best", &by_name(algorithm));
            if algorithm != Algorithm::Plain {
                verify("portable", &portable(algorithm));
            }
        }
    }
}

/// A square kernel over square images.
fn square(
    batch: usize,
    channels: [usize; 2],
    size: usize,
    kernel: usize,
    padding: isize,
) -> Conv2d {
    Conv2d {
        batch,
        in_channels: channels[0],
        height: size,
        width: size,
        out_channels: channels[1],
        kernel: [kernel; 2],
        stride: [1; 2],
        padding: [[padding; 2]; 2],
        dilation: [1; 2],
        groups: 1,
    }
}

#[test]
fn lenet() {
    check(square(64, [1, 6], 28, 5, 2));
    check(square(24, [6, 16], 14, 5, 0));
}

#[test]
fn channels_last_shapes() {
    check(square(2, [16, 24], 12, 3, 1));
    check(square(2, [40, 70], 5, 1, 0));
    check(Conv2d { stride: [2; 2], ..square(2, [3, 20], 23, 7, 3) });
    check(Conv2d { stride: [2; 2], ..square(1, [24, 16], 9, 1, 0) });
    check(Conv2d { groups: 19, ..square(2, [19, 19], 9, 3, 1) });
    check(Conv2d { groups: 8, ..square(2, [8, 16], 7, 3, 1) });
}

/// More weights than every tile should read: slabs of lowered pixels, of a phase too; of two slabs, and of groups.
#[test]
fn channels_last_slabs() {
    let strided = |conv| Conv2d { stride: [2; 2], ..conv };
    check(strided(square(2, [64, 384], 6, 3, 1)));
    check(strided(square(3, [200, 700], 5, 1, 0)));
    check(Conv2d { groups: 2, ..strided(square(1, [128, 512], 5, 3, 0)) });
    check(square(1, [2048, 33], 11, 3, 1));
    // A weight gradient of few pixels and many weights, and one in parts.
    check(square(2, [300, 500], 4, 1, 0));
    check(square(9, [24, 40], 30, 1, 0));
}

/// Pictures from one pixel on, so that tiles are cut in every way; channels that fill vectors and panels and that don't.
#[test]
fn winograd_at_every_edge() {
    let channels = [[5, 7], [8, 16], [17, 9], [3, 20], [33, 1], [1, 40]];
    for (i, [height, width]) in (1..=9).flat_map(|h| (1..=9).map(move |w| [h, w])).enumerate() {
        // A crop only where it leaves something: of nothing, rounding errors would be all there is.
        let crop = if height.min(width) > 2 { [-1, 3] } else { [1, 3] };
        let paddings = [[1, 1], [0, 0], [2, 2], [1, 0], [0, 2], crop];
        let padding = [paddings[i % 6], paddings[i / 6 % 6]];
        check(Conv2d { height, width, padding, ..square(1 + i % 3, channels[i % 5], 1, 3, 1) });
    }
}

/// The other sizes of kernels, strides (whose squares of pixels lie across the picture's edge) and groups.
#[test]
fn winograd_of_other_kernels() {
    for (i, [kernel, stride]) in
        [[2, 1], [4, 1], [5, 1], [3, 2], [5, 2], [7, 2], [8, 2], [7, 3], [11, 4], [15, 3]]
            .into_iter()
            .enumerate()
    {
        for (j, channels) in [[3, 20], [5, 8], [16, 17], [9, 33]].into_iter().enumerate() {
            let padding = [[1, 1], [0, 2], [2, 0], [3, 3]][(i + j) % 4];
            let size = kernel + (5 * i + 3 * j) % 11;
            let conv = square(1 + j % 2, channels, size, kernel, 0);
            let conv =
                Conv2d { stride: [stride; 2], padding: [padding; 2], width: size + j, ..conv };
            assert!(Algorithm::Winograd.fits(&conv, Pass::Forward));
            check(conv);
        }
    }
    check(Conv2d { groups: 2, ..square(2, [10, 34], 9, 3, 1) });
    check(Conv2d { groups: 3, ..square(1, [12, 27], 8, 5, 2) });
    check(Conv2d { groups: 2, ..square(1, [140, 140], 5, 3, 1) });
}

/// Few tiles and many channels, where the weights are made in passing; sums longer than a block.
#[test]
fn winograd_blocks() {
    check(square(1, [64, 70], 4, 3, 1));
    check(square(1, [150, 40], 7, 3, 1));
    check(square(1, [300, 8], 13, 3, 1));
    check(square(2, [24, 40], 22, 3, 1));
    // Sums of a task's own, and of two slabs: many tiles of one pixel.
    check(square(9, [5, 18], 26, 3, 1));
    check(square(260, [66, 130], 3, 3, 0));
    // Sums that become taps block by block; of a stride's squares too.
    check(square(1, [140, 150], 7, 3, 1));
    check(Conv2d { stride: [2; 2], ..square(1, [60, 100], 9, 5, 2) });
}

#[test]
fn winograd_is_chosen_where_it_wins() {
    let forward = |conv: &Conv2d| choose(conv, Pass::Forward);
    assert_eq!(forward(&square(8, [64, 64], 56, 3, 1)), Algorithm::Winograd);
    assert_eq!(forward(&square(128, [16, 16], 32, 3, 1)), Algorithm::Winograd);
    assert_eq!(forward(&square(8, [512, 512], 2, 3, 1)), Algorithm::ImplicitGemm);
    let strided = |conv| Conv2d { stride: [2, 2], ..conv };
    assert_eq!(forward(&strided(square(8, [64, 64], 56, 3, 1))), Algorithm::ImplicitGemm);
    assert_eq!(forward(&strided(square(8, [3, 64], 224, 7, 3))), Algorithm::Winograd);
    let groups = |groups| Conv2d { groups, ..square(8, [64, 64], 56, 3, 1) };
    assert_eq!(
        [2, 64].map(|n| forward(&groups(n))),
        [Algorithm::Winograd, Algorithm::ImplicitGemm]
    );
}

/// Channels that fill vectors and that don't, runs of columns of every length, strides, dilations and phases.
#[test]
fn depthwise_at_every_edge() {
    for (i, [kernel, stride]) in
        [[3, 1], [3, 2], [5, 1], [5, 2], [2, 1], [7, 1], [1, 2], [4, 3]].into_iter().enumerate()
    {
        for (j, channels) in [3, 8, 20, 33].into_iter().enumerate() {
            let (height, width) = (kernel + (i + 3 * j) % 6, kernel + (7 * i + 5 * j) % 23);
            let conv = Conv2d {
                height,
                width,
                stride: [stride; 2],
                dilation: [1, 1 + (i + j) % 5 / 4],
                groups: channels,
                ..square(1 + j % 2, [channels; 2], 1, kernel, (kernel / 2) as isize)
            };
            check(conv);
        }
    }
}

#[test]
fn one_dimension() {
    check(Conv2d {
        height: 1,
        width: 50,
        kernel: [1, 7],
        padding: [[0, 0], [3, 3]],
        ..square(9, [4, 8], 1, 1, 0)
    });
}

#[test]
fn nothing_to_do() {
    for conv in [
        square(0, [3, 4], 6, 3, 1),
        square(2, [3, 4], 2, 5, 0),
        square(2, [0, 4], 6, 3, 1),
        square(2, [3, 0], 6, 3, 1),
    ] {
        check(conv);
    }
}

fn geometry() -> impl Strategy<Value = Conv2d> {
    let axis = || (1..10usize, 1..6usize, 1..4usize, -1..4isize, -1..4isize, 1..4usize);
    (prop_oneof![1..4usize, 7..27usize], 1..9usize, 1..9usize, 1..4usize, axis(), axis()).prop_map(
        |(batch, c, o, groups, a, b)| Conv2d {
            batch,
            in_channels: c * groups,
            height: a.0,
            width: b.0,
            out_channels: if b.5 == 1 { c } else { o } * groups,
            kernel: [a.1, b.1],
            stride: [a.2, b.2],
            padding: [[a.3, a.4], [b.3, b.4]],
            dilation: [a.5, b.5],
            groups: if b.5 == 1 && a.5 == 1 { c * groups } else { groups },
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_geometry(conv in geometry()) {
        check(conv);
    }

    #[test]
    fn any_geometry_of_few_channels(conv in geometry(), c in 1..5usize, o in 8..20usize) {
        let batch = conv.batch.min(3);
        check(Conv2d { batch, in_channels: c, out_channels: o, groups: 1, ..conv });
    }

    /// ⟨conv(x, w), dy⟩ = ⟨x, data_gradient(dy, w)⟩ = ⟨w, weight_gradient(x, dy)⟩, in f64.
    #[test]
    fn passes_are_adjoint(conv in geometry()) {
        let case = Case::new(conv);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let [x, w, dy] = [(&case.x, conv.x_shape()), (&case.w, conv.w_shape()), (&case.y, conv.y_shape())]
            .map(|(values, shape)| Operand::new(values.as_ptr(), &View::dense(shape)));
        let out = |shape: Shape| vec![f64::NAN; shape.len()];
        let (mut y, mut dx, mut dw) = (out(conv.y_shape()), out(conv.x_shape()), out(conv.w_shape()));
        // SAFETY: buffers of the geometry's shapes.
        unsafe {
            plain::forward(&conv, x, w, Operand::new(y.as_mut_ptr(), &View::dense(conv.y_shape())));
            plain::data_gradient(&conv, dy, w, Operand::new(dx.as_mut_ptr(), &View::dense(conv.x_shape())));
            plain::weight_gradient(&conv, x, dy, Operand::new(dw.as_mut_ptr(), &View::dense(conv.w_shape())));
        }
        let products = [dot(&y, &case.y), dot(&case.x, &dx), dot(&case.w, &dw)];
        let scale = 1e-12 * (1.0 + case.y.len() as f64);
        prop_assert!((products[0] - products[1]).abs() < scale && (products[0] - products[2]).abs() < scale, "{products:?}");
    }
}

/// Any strides: the plain loops read a transposed, sliced x as it lies.
#[test]
fn plain_loops_follow_strides() {
    let case = Case::new(Conv2d { stride: [2, 1], ..square(2, [2, 3], 5, 3, 1) });
    let c = &case.conv;
    // Every second element of a buffer in [W, H, C, N] order, backwards along the width.
    let wide = View::ordered(Shape::from([2, 2, 5, 10]), &[3, 2, 1, 0]).slice(3, 9, -2, 5);
    let mut x = vec![f64::NAN; 200];
    for i in 0..case.x.len() {
        x[wide.index(i)] = case.x[i];
    }
    let mut y = vec![0.0; c.y_shape().len()];
    // SAFETY: buffers of the geometry's shapes.
    unsafe {
        let [w, out] = [(case.w.as_ptr(), c.w_shape()), (y.as_mut_ptr().cast_const(), c.y_shape())]
            .map(|(ptr, shape)| Operand::new(ptr, &View::dense(shape)));
        plain::forward(c, Operand::new(x.as_ptr(), &wide), w, out);
    }
    assert!(error(&y, &case.expected(Pass::Forward).1) < 1e-14);
}

#[test]
fn same_bits_for_any_thread_count() {
    for conv in [
        square(16, [6, 16], 14, 5, 2),
        square(3, [16, 24], 17, 3, 1),
        square(1, [70, 90], 6, 3, 1),
        square(2, [64, 384], 6, 3, 1),
        square(9, [24, 40], 30, 1, 0),
        Conv2d { stride: [2; 2], ..square(3, [3, 24], 31, 5, 2) },
    ] {
        let case = Case::new(conv);
        for pass in PASSES {
            for algorithm in fast(&conv, pass) {
                let order = algorithm.memory_order();
                let results = [1, 2, 3].map(|threads| {
                    set_threads(threads);
                    run_pass(&case, pass, order, &by_name(algorithm))
                });
                assert!(results.iter().all(|r| *r == results[0]), "{algorithm:?} {pass:?}");
            }
        }
    }
    let lenet = square(16, [6, 16], 14, 5, 2);
    assert_eq!(PASSES.map(|pass| choose(&lenet, pass)), [Algorithm::BatchLanes; 3]);
}

/// The convolution of a golden case with padding by zeros, and whether it is a transposed one; a 1-D one has height 1.
fn golden_conv(case: &GoldenCase) -> Option<(Conv2d, bool)> {
    let transposed = case.op().starts_with("conv_transpose");
    if !case.op().starts_with("conv") || !transposed && case.text("pad_mode") != "zeros" {
        return None;
    }
    let (w, _) = case.input("w");
    // A transposed convolution is the data gradient of one whose input it gives.
    let x = if transposed { case.output("y").0 } else { case.input("x").0 };
    let flat = w.len() == 3;
    let two = |v: Vec<usize>, one: usize| if flat { [one, v[0]] } else { [v[0], v[1]] };
    let extra = if transposed { case.sizes("output_padding") } else { vec![0; 2] };
    let padding: Vec<[isize; 2]> = std::iter::zip(case.pairs("padding"), extra)
        .map(|((before, after), extra)| [before as isize, after as isize - extra as isize])
        .collect();
    let [height, width] = two(x[2..].to_vec(), 1);
    let conv = Conv2d {
        batch: x[0],
        in_channels: x[1],
        height,
        width,
        out_channels: w[0],
        kernel: two(w[2..].to_vec(), 1),
        stride: two(case.sizes("stride"), 1),
        padding: if flat { [[0, 0], padding[0]] } else { [padding[0], padding[1]] },
        dilation: two(case.sizes("dilation"), 1),
        groups: case.size("groups"),
    };
    Some((conv, transposed))
}

#[test]
fn equals_pytorch() {
    let cases =
        read_golden(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/conv.safetensors"));
    let mut seen = 0;
    for (golden, (conv, transposed)) in cases.iter().filter_map(|c| Some((c, golden_conv(c)?))) {
        let wide = |values: &[f32]| values.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        let input = |name| wide(&golden.input(name).1);
        let without_bias = || {
            let (shape, y) = golden.output("y");
            let mut y = wide(y);
            if golden.has_input("b") {
                let (b, plane) = (input("b"), shape[2..].iter().product::<usize>());
                y.iter_mut().enumerate().for_each(|(i, y)| *y -= b[i / plane % shape[1]]);
            }
            y
        };
        let dx = wide(golden.output("dx").1);
        let (x, y, forward, backward) = match transposed {
            true => (input("c"), input("x"), dx, without_bias()),
            false => (input("x"), input("c"), without_bias(), dx),
        };
        let case = Case { conv, x, w: input("w"), y };
        for (pass, want) in PASSES.into_iter().zip([forward, backward, wide(golden.output("dw").1)])
        {
            for algorithm in Algorithm::ALL.into_iter().filter(|a| a.fits(&case.conv, pass)) {
                let got = run_pass(&case, pass, algorithm.memory_order(), &by_name(algorithm));
                let e = error(&got, &want);
                assert!(
                    e <= tolerance(algorithm),
                    "{algorithm:?} {pass:?}: error {e:.1e} for {golden}"
                );
            }
        }
        seen += 1;
    }
    assert!(seen >= 400, "{seen} convolutions");
}
