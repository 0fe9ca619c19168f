//! The data gradient of few channels, as of a picture's pixels.
#![allow(unsafe_code)]

use super::super::Target;
use super::*;

/// The gradient of pictures, whose few channels meet all taps at once; cut into bands, tiles and at every edge.
#[test]
fn gradients_of_few_channels() {
    let strided = |stride, conv| Conv2d { stride: [stride; 2], ..conv };
    check(strided(2, square(1, [3, 64], 33, 3, 0)));
    check(strided(4, square(2, [3, 12], 35, 11, 2)));
    check(square(1, [1, 9], 40, 5, 2));
    check(square(20, [4, 8], 6, 3, 1));
    check(Conv2d { dilation: [2, 3], ..square(2, [2, 10], 13, 3, 2) });
    // A kernel that is wider than the picture, one that steps over pixels, pictures that are cropped.
    check(Conv2d { width: 3, ..square(2, [3, 8], 9, 5, 2) });
    check(strided(3, square(2, [3, 8], 11, 2, 0)));
    check(Conv2d { padding: [[-1, 2], [0, -2]], ..square(2, [3, 8], 9, 3, 1) });
}

/// Rows of a wider picture: what lies between the pixels stays.
#[test]
fn gradients_of_few_channels_leave_room() {
    for dilation in [1, 2] {
        let conv = Conv2d { dilation: [dilation; 2], stride: [2; 2], ..square(2, [3, 8], 9, 3, 1) };
        let case = Case::new(conv);
        let order = Algorithm::ImplicitGemm.memory_order();
        let dense = run_pass(&case, Pass::DataGradient, order, &by_name(Algorithm::ImplicitGemm));
        let wide = run_pass(&case, Pass::DataGradient, order, &|conv, _, [dy, w], out| {
            let pixels = conv.batch * conv.height * conv.width;
            let mut apart = vec![7f32; pixels * 5];
            let target = Target { ptr: apart.as_mut_ptr(), pixel: Some(5) };
            // SAFETY: five elements a pixel, of which three are channels; as in `by_name`.
            unsafe {
                data_gradient(Algorithm::ImplicitGemm, conv, dy, w, target, None);
                for pixel in 0..pixels {
                    assert_eq!(apart[pixel * 5 + 3..pixel * 5 + 5], [7.0, 7.0]);
                    out.add(pixel * 3).copy_from(apart.as_ptr().add(pixel * 5), 3);
                }
            }
        });
        assert_eq!(wide, dense);
    }
}
