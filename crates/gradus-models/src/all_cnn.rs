//! The all-convolutional network.   Springenberg, Dosovitskiy, Brox & Riedmiller 2014, arXiv:1412.6806 tables 1 and 2

use crate::Design;
use gradus_nn::layers::*;
use gradus_nn::{Init, Initializer, Sequential};
use gradus_tensor::Pool;

/// How the picture becomes smaller.
#[derive(Clone, Copy)]
enum Reduction {
    /// By a 3×3 convolution of stride 2.
    Stride,
    /// By a 3×3 convolution, then a 3×3 max-pool of stride 2.
    Pool,
}

/// All-CNN-A: 1,254,250 parameters.
pub fn all_cnn_a(d: &Design, init: &Init) -> Sequential {
    table(&[5], Reduction::Stride, d, init)
}
/// All-CNN-B: 1,300,618 parameters.
pub fn all_cnn_b(d: &Design, init: &Init) -> Sequential {
    table(&[5, 1], Reduction::Stride, d, init)
}
/// All-CNN-C: 1,369,738 parameters.
pub fn all_cnn_c(d: &Design, init: &Init) -> Sequential {
    table(&[3, 3], Reduction::Stride, d, init)
}
/// ConvPool-CNN-C, All-CNN-C's twin: the same convolutions without stride, and max-pools: 1,369,738 parameters.
pub fn conv_pool_cnn_c(d: &Design, init: &Init) -> Sequential {
    table(&[3, 3], Reduction::Pool, d, init)
}

fn table(kernels: &[usize], by: Reduction, d: &Design, init: &Init) -> Sequential {
    let he = Initializer::HeNormal;
    let conv = |n, kernel: usize| conv2d(n, kernel).pad(kernel / 2).init(he);
    // §3.1: a fifth of the input is dropped, half after each reduction.
    let mut net = Sequential::new(d.input, init).add(dropout(d.drop(0.2)));
    for channels in [96, 192].map(|n| d.channels(n)) {
        for &kernel in kernels {
            net = net.add(conv(channels, kernel)).add(relu());
        }
        net = match by {
            Reduction::Stride => net.add(conv(channels, 3).stride(2)).add(relu()),
            Reduction::Pool => net
                .add(conv(channels, 3))
                .add(relu())
                .add(max_pool2d_with(Pool::new(3).stride(2).padding(1))),
        }; // half as large
        net = net.add(dropout(d.drop(0.5)));
    }
    net.add(conv(d.channels(192), 3).pad(0)) // [192, 6, 6]
        .add(relu())
        .add(conv(d.channels(192), 1))
        .add(relu())
        // The last ReLU would silence a class for good whose scores begin below 0: so all begin close to 1.
        .add(conv2d(d.classes, 1).init(Initializer::Normal(0.01)).bias_init(1.0)) // [10, 6, 6]
        .add(relu())
        .add(global_mean_pool2d())
}
