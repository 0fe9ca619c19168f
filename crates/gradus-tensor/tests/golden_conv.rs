//! Convolutions, pools and LRN against PyTorch's values and gradients: in f64 through the reference, in f32 through
//! whatever algorithm the shapes choose.

use gradus_tensor::{Conv, DType, PadMode, Padding, Pool, Tensor, grad, try_build};
use gradus_testkit::{GoldenCase, read_golden};

fn input(case: &GoldenCase, name: &str, dtype: DType) -> Tensor {
    let (shape, values) = case.input(name);
    let wide: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
    Tensor::from_slice(&wide, shape).cast(dtype)
}

fn compare(case: &GoldenCase, name: &str, found: &Tensor, tolerance: f64) {
    let (shape, want) = case.output(name);
    assert_eq!(*found.shape(), *shape, "{name} of {case}");
    let found = found.to_vec::<f64>();
    let top = want.iter().fold(1e-3, |top, w| f64::from(w.abs()).max(top));
    let worst = found.iter().zip(want).map(|(f, &w)| (f - f64::from(w)).abs()).fold(0.0, f64::max);
    assert!(worst <= tolerance * top, "{name} is off by {worst} in {case}");
}

fn pair(sizes: &[usize], one: usize) -> [usize; 2] {
    match sizes[..] {
        [w] => [one, w],
        [h, w] => [h, w],
        _ => panic!("{sizes:?}"),
    }
}

fn conv_of(case: &GoldenCase) -> Conv {
    let pads: Vec<[usize; 2]> = case.pairs("padding").into_iter().map(|(a, b)| [a, b]).collect();
    let pads = if pads.len() == 1 { [[0, 0], pads[0]] } else { [pads[0], pads[1]] };
    let transposed = case.op().contains("transpose");
    let mode = if transposed { "zeros" } else { case.text("pad_mode") };
    Conv {
        stride: pair(&case.sizes("stride"), 1),
        padding: Padding::Explicit(pads),
        pad_mode: match mode {
            "zeros" | "constant" | "zero" => PadMode::Zero,
            "reflect" => PadMode::Reflect,
            "replicate" => PadMode::Replicate,
            "circular" => PadMode::Circular,
            other => panic!("pad mode {other}"),
        },
        dilation: pair(&case.sizes("dilation"), 1),
        groups: case.size("groups"),
        output_padding: if transposed { pair(&case.sizes("output_padding"), 0) } else { [0; 2] },
    }
}

fn convolve(case: &GoldenCase, x: &Tensor, w: &Tensor) -> Tensor {
    let conv = conv_of(case);
    match case.op() {
        "conv2d" => x.conv2d(w, conv),
        "conv1d" => x.conv1d(w, conv),
        "conv_transpose2d" => x.conv_transpose2d(w, conv),
        "conv_transpose1d" => x.conv_transpose1d(w, conv),
        other => panic!("op {other}"),
    }
}

fn check(case: &GoldenCase, dtype: DType, tolerance: f64) {
    let (x, w) = (input(case, "x", dtype), input(case, "w", dtype));
    let mut y = convolve(case, &x, &w);
    let b = case.has_input("b").then(|| input(case, "b", dtype));
    if let Some(b) = &b {
        let mut shape = vec![1; y.rank()];
        shape[1] = b.len();
        y += b.reshape(shape);
    }
    compare(case, "y", &y, tolerance);
    let loss = (&y * input(case, "c", dtype)).sum(..);
    let [dx, dw] = grad(&loss, [&x, &w]);
    compare(case, "dx", &dx, tolerance);
    compare(case, "dw", &dw, tolerance);
    if let Some(b) = &b {
        compare(case, "db", &grad(&loss, [b])[0], tolerance);
    }
}

#[test]
fn every_convolution_equals_pytorchs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/conv.safetensors");
    let mut count = 0;
    for case in read_golden(path).iter().filter(|c| c.op().contains("conv")) {
        check(case, DType::F64, 1e-6);
        check(case, DType::F32, 2e-5);
        count += 1;
    }
    assert_eq!(count, 509);
}

fn pool_of(case: &GoldenCase) -> Pool {
    let pads: Vec<[usize; 2]> = case.pairs("padding").into_iter().map(|(a, b)| [a, b]).collect();
    let max = case.op().contains("max");
    Pool {
        kernel: pair(&case.sizes("kernel"), 1),
        stride: pair(&case.sizes("stride"), 1),
        padding: if pads.len() == 1 { [[0, 0], pads[0]] } else { [pads[0], pads[1]] },
        dilation: if max { pair(&case.sizes("dilation"), 1) } else { [1, 1] },
        ceil: case.flag("ceil_mode"),
        count_include_pad: max || case.flag("count_include_pad"),
    }
}

fn pooled(case: &GoldenCase, x: &Tensor) -> Tensor {
    let size = || pair(&case.sizes("output_size"), 1);
    match case.op() {
        "max_pool2d" => x.max_pool2d(pool_of(case)),
        "max_pool1d" => x.max_pool1d(pool_of(case)),
        "mean_pool2d" => x.mean_pool2d(pool_of(case)),
        "mean_pool1d" => x.mean_pool1d(pool_of(case)),
        "adaptive_max_pool2d" => x.adaptive_max_pool2d(size()),
        "adaptive_mean_pool2d" => x.adaptive_mean_pool2d(size()),
        "adaptive_max_pool1d" => x.unsqueeze(2).adaptive_max_pool2d(size()).squeeze(2),
        "adaptive_mean_pool1d" => x.unsqueeze(2).adaptive_mean_pool2d(size()).squeeze(2),
        other => panic!("op {other}"),
    }
}

#[test]
fn every_pool_equals_pytorchs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/conv.safetensors");
    let mut count = 0;
    for case in read_golden(path).iter().filter(|c| c.op().contains("pool")) {
        for (dtype, tolerance) in [(DType::F64, 1e-6), (DType::F32, 2e-6)] {
            let x = input(case, "x", dtype);
            let y = pooled(case, &x);
            compare(case, "y", &y, tolerance);
            let [dx] = grad(&(y * input(case, "c", dtype)).sum(..), [&x]);
            compare(case, "dx", &dx, tolerance);
        }
        count += 1;
    }
    assert_eq!(count, 178);
}

/// Small whole numbers, which half types hold, as do their few products' sums.
fn whole(shape: [usize; 4], salt: u64) -> Tensor {
    (Tensor::rand(shape, salt) * 5.0).floor() - 2.0
}

#[test]
fn half_types_go_through_f32() {
    let (x, w) = (whole([2, 4, 9, 8], 1), whole([4, 4, 2, 3], 2));
    let conv = Conv::new().stride(2).padding(Padding::all(1));
    let ops: [fn(&Tensor, &Tensor, Conv) -> Tensor; 2] =
        [|x, w, c| x.conv2d(w, c), |x, w, c| x.conv_transpose2d(w, c)];
    for op in ops {
        let (want, [dx, dw]) = {
            let y = op(&x, &w, conv);
            let d = grad(&y.sum(..), [&x, &w]);
            (y.to_vec::<f32>(), d.map(|d| d.to_vec::<f32>()))
        };
        for dtype in [DType::F16, DType::BF16] {
            let (x, w) = (x.cast(dtype), w.cast(dtype));
            let y = op(&x, &w, conv);
            assert_eq!((y.dtype(), y.to_vec::<f32>()), (dtype, want.clone()));
            let d = grad(&y.cast(DType::F32).sum(..), [&x, &w]);
            assert_eq!([&d[0], &d[1]].map(|d| d.dtype()), [dtype; 2]);
            let near = |d: &Tensor, want: &[f32]| {
                let d = d.to_vec::<f32>();
                d.iter().zip(want).all(|(a, b)| (a - b).abs() <= 0.01 * b.abs())
            };
            assert!(near(&d[0], &dx) && near(&d[1], &dw), "{dtype}");
        }
    }
}

#[test]
fn options_without_a_meaning_are_refused() {
    let (x, w) = (Tensor::zeros([1, 2, 5, 5]), Tensor::zeros([2, 3, 3, 3]));
    let fails = |conv: Conv| try_build(|| x.conv_transpose2d(&w, conv)).unwrap_err().to_string();
    let e = fails(Conv::new().padding(Padding::all(1)).pad_mode(PadMode::Reflect));
    assert!(e.starts_with("conv_transpose2d: padding by Reflect"), "{e}");
    // Once around all numbers: pixels that wrap to a small image.
    let e = fails(Conv::new().padding(Padding::Explicit([[1 << 63, 1 << 63], [0, 0]])));
    assert!(e.contains("9223372036854775808 pixels along an axis; at most 2147483648"), "{e}");
    let e = fails(Conv::new().stride(1 << 29));
    assert!(e.contains("too many elements"), "{e}");
}
