//! Image kernels: nine numbers that blur, sharpen or find edges; and how to learn them from a picture before and after.
//!
//! Each pixel becomes the weighted sum of its 3×3 neighbourhood: a convolution. It has a gradient, so gradient descent finds a kernel that nobody
//! wrote down.

use gradus::data::mnist_5k;
use gradus::ops::conv2d::Conv;
use gradus::prelude::*;
use gradus::{Step, read};

type Kernel = [[f32; 3]; 3];

const KERNELS: [(&str, Kernel); 8] = [
    ("identity", [[0., 0., 0.], [0., 1., 0.], [0., 0., 0.]]),
    ("blur", [[0.0625, 0.125, 0.0625], [0.125, 0.25, 0.125], [0.0625, 0.125, 0.0625]]),
    ("sharpen", [[0., -1., 0.], [-1., 5., -1.], [0., -1., 0.]]),
    ("outline", [[-1., -1., -1.], [-1., 8., -1.], [-1., -1., -1.]]),
    ("emboss", [[-2., -1., 0.], [-1., 1., 1.], [0., 1., 2.]]),
    ("top sobel", [[1., 2., 1.], [0., 0., 0.], [-1., -2., -1.]]),
    ("left sobel", [[1., 0., -1.], [2., 0., -2.], [1., 0., -1.]]),
    ("right sobel", [[-1., 0., 1.], [-2., 0., 2.], [-1., 0., 1.]]),
];

/// The kernel laid on every inner pixel.   image [N, 1, H, W]   -> [N, 1, H−2, W−2]
fn apply(kernel: &Tensor, image: &Tensor) -> Tensor {
    image.conv2d(&kernel.reshape([1, 1, 3, 3]), Conv::new())
}

/// The same as bytes, from the definition: truncated and held within 0..=255.
fn by_loops(kernel: &Kernel, image: &[u8], width: usize) -> Vec<u8> {
    let height = image.len() / width;
    let mut out = vec![];
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            let mut sum = 0.0f32;
            for (i, row) in kernel.iter().enumerate() {
                for (j, k) in row.iter().enumerate() {
                    sum += k * f32::from(image[(y + i - 1) * width + x + j - 1]);
                }
            }
            out.push(sum as u8); // `as` truncates and saturates
        }
    }
    out
}

/// Finds the kernel that turns `before` into `after`, from zeros.
fn learn(before: &Tensor, after: &Tensor) -> Vec<f32> {
    let kernel = Variable::new("kernel", &Tensor::zeros([3, 3]));
    let velocity = Variable::new("velocity", &Tensor::zeros([3, 3]));
    let mut step = compile(|arguments: &[Tensor]| {
        let k = kernel.tensor();
        let loss = (apply(&k, &arguments[0]) - &arguments[1]).square().mean(..);
        let [dk] = grad(&loss, [&k]);
        let v = velocity.tensor() * 0.95 + dk;
        Step::new().read(&loss).update(&kernel, &(&k - &v * 0.3)).update(&velocity, &v)
    });
    for _ in 0..400 {
        step.run(&[before, after]).expect("a step");
    }
    kernel.value().to_vec()
}

fn show(image: &[u8], width: usize) {
    for row in image.chunks(width).step_by(2) {
        println!(
            "  {}",
            row.iter()
                .map(|&p| b" .:-=+*#%@"[usize::from(p) * 10 / 256] as char)
                .collect::<String>()
        );
    }
}

fn main() {
    let digits = mnist_5k().expect("embedded digits");
    let image = Tensor::from_slice(digits.image(1500), [1, 1, 28, 28]).cast(DType::F32);
    for (name, kernel) in KERNELS {
        let sharp = apply(&Tensor::from(kernel), &image);
        // Every sum is a multiple of 1/16. A fast convolution may miss it by a rounding error, so half of that is added before the
        // rest is cut off.
        let bytes = (sharp + 1.0 / 32.0).clamp(0.0, 255.0).cast(DType::U8).to_vec::<u8>();
        assert_eq!(bytes, by_loops(&kernel, digits.image(1500), 28), "{name}");
        if name == "outline" {
            show(digits.image(1500), 28);
            show(&bytes, 26);
        }
    }

    // A few digits before and after are enough to tell the kernel.
    let pixels: Vec<u8> = (0..4).flat_map(|d| digits.image(1000 * d).to_vec()).collect();
    let before = Tensor::from_slice(&pixels, [4, 1, 28, 28]).cast(DType::F32) / 255.0;
    for (name, kernel) in KERNELS {
        let after = apply(&Tensor::from(kernel), &before);
        read([&before, &after]);
        let learned = learn(&before, &after);
        let errors = learned.iter().zip(kernel.as_flattened()).map(|(a, b)| (a - b).abs());
        let worst = errors.fold(0.0, f32::max);
        println!("{name:<11} learned to within {worst:.1e}: {learned:.2?}");
        assert!(worst < 1e-2, "{name}");
    }
}
