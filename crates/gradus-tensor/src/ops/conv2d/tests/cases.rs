//! What convolutions are checked with: sums over every (output, tap) pair, and each algorithm by name.

use super::super::{Conv, Padding};
use super::*;
use crate::ops::check as check_op;
use crate::{Tensor, grad};
use gradus_testkit::{Array, Case as OpCase, Species};

/// Shapes of x and w that the planner computes in different ways, and settings that each must get right.
pub(crate) fn cases() -> Vec<OpCase> {
    let conv = Conv::new();
    let same = Padding::all(1);
    let uneven = Padding::Explicit([[1, 0], [0, 2]]);
    let depthwise = Conv { groups: 9, ..conv.padding(same) };
    let plain = ([2, 3, 6, 5], [4, 3, 3, 3]);
    let sets: [(&str, [usize; 4], [usize; 4], Conv); 9] = [
        ("conv2d", plain.0, plain.1, conv),
        ("conv2d, batch lanes", [16, 2, 5, 4], [3, 2, 3, 2], conv.padding(same)),
        ("conv2d, Winograd", [1, 16, 8, 8], [18, 16, 3, 3], conv.padding(same)),
        ("conv2d, depthwise", [2, 9, 6, 5], [9, 1, 3, 3], depthwise),
        ("conv2d, depthwise, strided", [2, 9, 6, 7], [9, 1, 3, 3], depthwise.stride(2)),
        ("conv2d, strided", [2, 3, 7, 6], [4, 3, 2, 3], conv.stride(2).padding(uneven)),
        ("conv2d, dilated", [2, 3, 7, 6], [2, 3, 2, 2], conv.dilation(2)),
        ("conv2d, groups", [2, 4, 5, 5], [6, 2, 3, 3], conv.groups(2).padding(same)),
        ("conv2d, 1×1", [2, 5, 4, 4], [7, 5, 1, 1], conv),
    ];
    let mut all: Vec<OpCase> = vec![];
    for (name, x, w, conv) in sets {
        all.push(forward_case(name, x, w, conv));
        all.push(transposed_case(&name.replace("conv2d", "conv_transpose2d"), x, w, conv));
        all.push(weight_case(&name.replace("conv2d", "conv2d_weight_gradient"), x, w, conv));
    }
    all[0] = forward_case("conv2d", plain.0, plain.1, conv)
        .empty(&[&[0, 3, 6, 5], &[4, 3, 3, 3]])
        .empty(&[&[2, 0, 6, 5], &[4, 0, 3, 3]])
        .empty(&[&[2, 3, 6, 5], &[0, 3, 3, 3]])
        .refuses(&[&[2, 3, 6, 5], &[4, 2, 3, 3]], "conv2d: the channels do not fit")
        .refuses(&[&[2, 3, 0, 5], &[4, 3, 3, 3]], "conv2d: the kernel does not fit the image");
    all
}

/// The geometry of x and w.
fn geometry_of(x: [usize; 4], w: [usize; 4], conv: &Conv) -> Conv2d {
    let (size, kernel) = ([x[2], x[3]], [w[2], w[3]]);
    let padding = conv.padding.resolve(size, kernel, conv.stride, conv.dilation);
    Conv2d {
        batch: x[0],
        in_channels: x[1],
        height: x[2],
        width: x[3],
        out_channels: w[0],
        kernel,
        stride: conv.stride,
        padding: padding.map(|side| side.map(|pixels| pixels as isize)),
        dilation: conv.dilation,
        groups: conv.groups,
    }
}

fn sizes(x: &Array) -> [usize; 4] {
    [0, 1, 2, 3].map(|axis| x.shape[axis])
}

fn forward_case(name: &str, x: [usize; 4], w: [usize; 4], conv: Conv) -> OpCase {
    let case = check_op(name, move |x| x[0].conv2d(&x[1], conv));
    pass_case(case, Pass::Forward, geometry_of(x, w, &conv), move |x| {
        let geometry = geometry_of(sizes(&x[0]), sizes(&x[1]), &conv);
        let (x, w) = (x[0].values.clone(), x[1].values.clone());
        Case { conv: geometry, x, w, y: vec![] }
    })
}

/// The transposed convolution that takes y of the given geometry back to x.
fn transposed_case(name: &str, x: [usize; 4], w: [usize; 4], conv: Conv) -> OpCase {
    let geometry = geometry_of(x, w, &conv);
    let y = geometry.y_shape();
    // What a stride leaves over at the end.
    let rest = |a: usize| {
        let reach = (y[2 + a] - 1) * conv.stride[a] + conv.dilation[a] * (w[2 + a] - 1) + 1;
        let pads: isize = geometry.padding[a].iter().sum();
        x[2 + a] + pads as usize - reach
    };
    let conv = Conv { output_padding: [rest(0), rest(1)], ..conv };
    let case = check_op(name, move |x| x[0].conv_transpose2d(&x[1], conv));
    pass_case(case, Pass::DataGradient, geometry, move |x| {
        let (y, w) = (x[0].values.clone(), x[1].values.clone());
        Case { conv: geometry, x: vec![], w, y }
    })
}

/// The weights' gradient as an op of x and dy, which differentiates to the third order of the convolution.
fn weight_case(name: &str, x: [usize; 4], w: [usize; 4], conv: Conv) -> OpCase {
    let geometry = geometry_of(x, w, &conv);
    let case = check_op(name, move |x| {
        let weights = Tensor::full_of(w, 0.0, x[0].dtype());
        let [dw] = grad(&(x[0].conv2d(&weights, conv) * &x[1]).sum(..), [&weights]);
        dw
    });
    pass_case(case, Pass::WeightGradient, geometry, move |x| {
        let (x, y) = (x[0].values.clone(), x[1].values.clone());
        Case { conv: geometry, x, w: vec![], y }
    })
}

/// A pass against the naive sums, computed as planned and by each algorithm that fits, in the machine's instructions and any's.
fn pass_case(
    case: OpCase,
    pass: Pass,
    conv: Conv2d,
    as_case: impl Fn(&[Array]) -> Case + Copy + 'static,
) -> OpCase {
    let [a, b] = match pass {
        Pass::Forward => [conv.x_shape(), conv.w_shape()],
        Pass::DataGradient => [conv.y_shape(), conv.w_shape()],
        Pass::WeightGradient => [conv.x_shape(), conv.y_shape()],
    };
    let mut case = case.input(a, -1.0..1.0).input(b, -1.0..1.0).species(Species::Kernel);
    case = case.empty_axis(None).oracle_of(move |x| {
        let (shape, values) = as_case(x).expected(pass);
        Array::new(shape, values)
    });
    for algorithm in Algorithm::ALL.into_iter().filter(|a| a.fits(&conv, pass)) {
        for (isa, how) in [("best", true), ("portable", false)] {
            let name = forced_name(algorithm, isa);
            if algorithm == Algorithm::Plain && !how {
                continue;
            }
            case = case.forced(&name, tolerance(algorithm), move |x| {
                let case = filled(as_case(x));
                let order = algorithm.memory_order();
                let values = match how {
                    true => run_pass(&case, pass, order, &by_name(algorithm)),
                    false => run_pass(&case, pass, order, &portable(algorithm)),
                };
                Array::new(case.result_shape(pass), values)
            });
        }
    }
    case
}

fn forced_name(algorithm: Algorithm, isa: &str) -> String {
    format!("{algorithm:?} by name, {isa}")
}

/// Every algorithm that some case must have called by name.
pub(crate) fn forced_names() -> Vec<String> {
    let named = |a: Algorithm| ["best", "portable"].map(|isa| forced_name(a, isa));
    let all = Algorithm::ALL.into_iter().flat_map(named);
    all.filter(|name| *name != forced_name(Algorithm::Plain, "portable")).collect()
}

/// With zeros for the operand that the pass gives.
fn filled(mut case: Case) -> Case {
    let shapes = [case.conv.x_shape(), case.conv.w_shape(), case.conv.y_shape()];
    for (values, shape) in [&mut case.x, &mut case.w, &mut case.y].into_iter().zip(shapes) {
        values.resize(shape.len(), 0.0);
    }
    case
}
