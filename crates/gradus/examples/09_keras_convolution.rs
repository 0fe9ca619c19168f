//! The lecture's Keras program: two convolutions on pictures of 256×256, their shapes and their 20,256 parameters.
//!
//! ```python
//! model = Sequential()
//! model.add(Convolution2D(64, 3, 3, border_mode='same', input_shape=(3, 256, 256)))
//! # now model.output_shape == (None, 64, 256, 256)
//! model.add(Convolution2D(32, 3, 3, border_mode='same'))
//! # now model.output_shape == (None, 32, 256, 256)
//! ```
//!
//! `None` is the batch axis. Building knows every shape and computes nothing; the end of the program runs the model, at a size that
//! takes no time, to see that padding `same` keeps any size.

use gradus::Padding::Same;
use gradus::prelude::*;

/// A shape as Keras writes it.
fn keras(shape: Shape) -> String {
    let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    format!("(None, {})", sizes.join(", "))
}

fn main() {
    let model = Sequential::new([3, 256, 256], &Init::new(0)).add(conv2d(64, 3).padding(Same));
    println!("{}", keras(model.output_shape()));
    assert_eq!(keras(model.output_shape()), "(None, 64, 256, 256)");

    let model = model.add(conv2d(32, 3).padding(Same));
    println!("{}", keras(model.output_shape()));
    assert_eq!(keras(model.output_shape()), "(None, 32, 256, 256)");

    // A kernel has 3·3 weights for each input channel, a filter one bias: (3·9 + 1)·64 = 1,792 and (64·9 + 1)·32 = 18,464.
    let summary = model.summary();
    println!("\n{summary}");
    let counts: Vec<usize> = summary.rows.iter().map(|row| row.parameters).collect();
    assert_eq!(counts, [1_792, 18_464]);
    assert_eq!(summary.parameters, 20_256);
    // Two 3×3 kernels in a row see 5×5.
    assert_eq!(summary.rows[1].receptive_field(), Some([5, 5]));

    for size in [8, 9, 31] {
        let y = model.forward(&Tensor::randn([2, 3, size, size], 1), &Context::eval());
        assert_eq!(y.shape(), Shape::from([2, 32, size, size]));
        assert!(y.square().sum(..).item() > 0.0);
    }

    // A wrong picture is refused before anything is computed, at the line that made the mistake.
    let grey = Tensor::zeros([1, 1, 256, 256]);
    let refused = gradus::try_build(|| model.forward(&grey, &Context::eval())).unwrap_err();
    println!(
        "a deliberate mistake, a picture of one channel instead of three, and what is said of it:\n{refused}"
    );
    assert!(refused.to_string().contains("conv1"));
}
