//! Epilogues of each algorithm: each element once, and the same bits where a kernel knows what follows.
#![allow(unsafe_code)]

use super::*;
use gradus_cpu::{Clip, Epilogue};

/// Adds 1000·(row + 1) + col, so that a stretch passed twice, never or under a wrong name shows.
struct Mark;

impl Epilogue<f32> for Mark {
    unsafe fn apply(&self, row: usize, col: usize, ptr: *mut f32, len: usize) {
        for i in 0..len {
            // SAFETY: as promised.
            unsafe { *ptr.add(i) += (1000 * (row + 1) + col + i) as f32 }
        }
    }
}

#[test]
fn epilogues_see_every_element_once() {
    for conv in [
        Conv2d { stride: [2, 2], ..square(11, [3, 8], 7, 3, 1) },
        square(2, [20, 24], 11, 3, 1),
        square(1, [70, 90], 6, 3, 1),
        Conv2d { groups: 2, ..square(1, [12, 40], 9, 5, 2) },
    ] {
        for pass in [Pass::Forward, Pass::DataGradient] {
            for algorithm in fast(&conv, pass) {
                with_marks(conv, algorithm, pass);
            }
        }
    }
}

fn with_marks(conv: Conv2d, algorithm: Algorithm, pass: Pass) {
    let (case, order) = (Case::new(conv), algorithm.memory_order());
    let got = run_pass(&case, pass, order, &|conv, pass, [a, b], out| {
        // SAFETY: as in `by_name`.
        unsafe {
            match pass {
                Pass::Forward => forward(algorithm, conv, a, b, out, Some(&Mark)),
                _ => data_gradient(algorithm, conv, a, b, out, Some(&Mark)),
            }
        }
    });
    let (shape, sums) = case.expected(pass);
    let mut want: Vec<f64> = ordered(shape, order, &sums);
    // Rows are channels, or pixels where the channels are innermost.
    let cols = shape.len() / if order[3] == 1 { shape.len() / shape[1] } else { shape[1] };
    for (i, value) in want.iter_mut().enumerate() {
        *value += (1000 * (i / cols + 1) + i % cols) as f64;
    }
    let e = error(&got, &row_major(shape, order, &want));
    assert!(e < 1e-6, "{algorithm:?} {pass:?}: {e}");
}

/// A bias for each channel and two bounds; only where `told` do kernels learn that.
struct Bounds {
    bias: Vec<f32>,
    told: bool,
}

impl Bounds {
    const LOW: f32 = -0.5;
    const HIGH: f32 = 0.75;
}

impl Epilogue<f32> for Bounds {
    fn clip(&self) -> Option<Clip<f32>> {
        let (bias, low, high) = (self.bias.as_ptr(), Bounds::LOW, Bounds::HIGH);
        self.told.then_some(Clip { bias, low, high })
    }
    unsafe fn apply(&self, _row: usize, col: usize, ptr: *mut f32, len: usize) {
        for i in 0..len {
            // SAFETY: as promised.
            let x = unsafe { &mut *ptr.add(i) };
            *x = (*x + self.bias[col + i]).clamp(Bounds::LOW, Bounds::HIGH);
        }
    }
}

#[test]
fn kernels_that_know_the_epilogue_give_its_bits() {
    let depthwise = |channels, size, kernel, padding| Conv2d {
        groups: channels,
        ..square(3, [channels; 2], size, kernel, padding)
    };
    for conv in [
        square(2, [20, 24], 11, 1, 0),
        square(2, [17, 45], 9, 3, 1),
        Conv2d { groups: 2, ..square(1, [12, 40], 9, 5, 2) },
        depthwise(20, 12, 3, 1),
        Conv2d { stride: [2, 2], ..depthwise(13, 13, 3, 1) },
        Conv2d { dilation: [2, 2], ..depthwise(33, 13, 3, 2) },
    ] {
        let case = Case::new(conv);
        for pass in [Pass::Forward, Pass::DataGradient] {
            let innermost = fast(&conv, pass).into_iter().filter(|a| a.memory_order()[3] == 1);
            for algorithm in innermost {
                let [told, untold] = [true, false].map(|told| {
                    let channels = conv.in_channels.max(conv.out_channels);
                    let bias = (0..channels).map(|c| (c as f32 * 0.7).sin()).collect();
                    let bounds = Bounds { bias, told };
                    run_pass(&case, pass, algorithm.memory_order(), &|conv, pass, [a, b], out| {
                        // SAFETY: as in `by_name`.
                        unsafe {
                            match pass {
                                Pass::Forward => forward(algorithm, conv, a, b, out, Some(&bounds)),
                                _ => data_gradient(algorithm, conv, a, b, out, Some(&bounds)),
                            }
                        }
                    })
                });
                assert_eq!(told, untold, "{algorithm:?} {pass:?} {conv:?}");
                let clipped = told
                    .iter()
                    .filter(|&&x| [Bounds::LOW, Bounds::HIGH].map(f64::from).contains(&x));
                assert!((1..told.len()).contains(&clipped.count()));
            }
        }
    }
}
