//! The lecture's quiz on padding and strides, answered by the shapes of convolutions.
//!
//! Building a graph computes nothing, so even the large ones here are free.

use gradus::ops::conv2d::{Conv, Padding};
use gradus::prelude::*;

/// The output's side for a square image and a square kernel.
fn side(image: usize, kernel: usize, conv: Conv) -> usize {
    let y =
        Tensor::zeros([1, 1, image, image]).conv2d(&Tensor::zeros([1, 1, kernel, kernel]), conv);
    assert_eq!(y.size(2), y.size(3));
    y.size(2)
}

fn main() {
    println!("What is the size of a 7×7 image after a 3×3 kernel?");
    let answer = side(7, 3, Conv::new());
    println!("  {answer}×{answer}: the kernel fits at 7 − 3 + 1 places each way");
    assert_eq!(answer, 5);

    println!("How much padding keeps the size?");
    for kernel in [1, 3, 5, 7, 11] {
        let padding = (kernel - 1) / 2;
        assert_eq!(side(28, kernel, Conv::new().padding(Padding::all(padding))), 28);
        assert_eq!(side(28, kernel, Conv::new().padding(Padding::Same)), 28);
        println!("  K = {kernel:>2}: P = (K − 1)/2 = {padding}");
    }

    println!("And if the kernel stops wherever it touches the image at all?");
    let full = side(7, 3, Conv::new().padding(Padding::all(3 - 1)));
    println!("  P = K − 1 gives 7 + 3 − 1 = {full}");
    assert_eq!(full, 9);

    println!("With a stride S and a dilation D?");
    println!("  ⌊(L + 2P − D(K − 1) − 1)/S⌋ + 1");
    let mut cases = 0;
    for (image, kernel) in [(7usize, 3usize), (28, 5), (32, 3), (227, 11), (224, 7)] {
        for (stride, padding, dilation) in
            [(1, 0, 1), (2, 0, 1), (2, 3, 1), (4, 0, 1), (1, 2, 2), (3, 1, 2)]
        {
            let reach = dilation * (kernel - 1) + 1;
            let Some(room) = (image + 2 * padding).checked_sub(reach) else { continue };
            let conv = Conv::new().stride(stride).padding(Padding::all(padding)).dilation(dilation);
            assert_eq!(side(image, kernel, conv), room / stride + 1);
            cases += 1;
        }
    }
    println!(
        "  holds in {cases} cases; AlexNet's first layer, 227 by 11 at stride 4: {}",
        side(227, 11, Conv::new().stride(4))
    );
    assert_eq!(side(227, 11, Conv::new().stride(4)), 55);

    println!("Where does an odd pixel of `same` padding go, at stride 2?");
    // 6 pixels, kernel 3, stride 2: 3 outputs need one pixel of padding. TensorFlow puts it after, Caffe and PyTorch's usual padding of 1
    // put one before too, and see other pixels.
    let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [1, 1, 1, 6]);
    let w = Tensor::from_slice(&[1.0f32, 0.0, 0.0], [1, 1, 1, 3]); // reads the first pixel it covers
    let first = |padding| {
        x.conv2d(&w, Conv::new().stride(2).padding(padding)).slice(2, ..1).to_vec::<f32>()
    };
    let (same, half) = (first(Padding::Same), first(Padding::Half));
    println!("  `same` reads from {same:?}, half a kernel before reads from {half:?}");
    assert_eq!(same, [1.0, 3.0, 5.0]);
    assert_eq!(half[..3], [0.0, 2.0, 4.0]);
}
