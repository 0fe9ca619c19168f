//! The CPU kernel of a pass: the chosen algorithm on resolved places, with an epilogue if one rides
//! along.
#![allow(unsafe_code)]

use super::cpu::{implicit_gemm, weights};
use super::plain::{self, Number, Operand};
use super::{Algorithm, Conv2d, Isa, Pass, Target, data_gradient, forward, weight_gradient};
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_base::{DType, View};
use gradus_cpu::{Epilogue, RowLoop};
use gradus_graph::{Packing, Spec};

struct Convolve {
    conv: Conv2d,
    pass: Pass,
    algorithm: Algorithm,
    dtype: DType,
    /// Whether the weights come packed.
    packed: bool,
    /// Both operands and the output, for plain loops.
    views: [View; 3],
    /// Elements from one of the output's pixels to the next, if there is room between them.
    pixel: Option<usize>,
    epilogue: Option<RowLoop>,
    touches: Touches,
}

pub(super) fn kernel(
    conv: Conv2d,
    pass: Pass,
    algorithm: Algorithm,
    spec: &Spec,
) -> Box<dyn Kernel> {
    let views = [spec.inputs[0].view, spec.inputs[1].view, spec.outputs[0].view];
    let dtype = spec.outputs[0].dtype;
    let epilogue = spec.epilogue.as_ref().map(|e| {
        let own =
            std::iter::once((dtype, row_strides(algorithm, &views[2]).expect("its own order")));
        let extra = spec.inputs[2..]
            .iter()
            .map(|s| (s.dtype, row_strides(algorithm, &s.view).expect("accepted before")));
        let inputs: Vec<_> = own.chain(extra).map(|(d, [r, c])| (d, r, c)).collect();
        RowLoop::new(&e.expr, dtype, &inputs)
    });
    let packed = spec.inputs[1].packed.is_some();
    let pixel = room(algorithm, pass, &views[2]);
    Box::new(Convolve {
        conv,
        pass,
        algorithm,
        dtype,
        packed,
        views,
        pixel,
        epilogue,
        touches: spec.touches(),
    })
}

/// Elements from one pixel of an output to the next, where that is more than its channels.
fn room(algorithm: Algorithm, pass: Pass, output: &View) -> Option<usize> {
    let images = matches!(algorithm, Algorithm::ImplicitGemm | Algorithm::Winograd)
        && pass != Pass::WeightGradient;
    let [pixel, _] = images.then(|| row_strides(algorithm, output))??;
    let pixel = pixel.unsigned_abs();
    (pixel > output.shape[1]).then_some(pixel)
}

/// The weights as the algorithm multiplies with them, if that takes work which can be done beforehand.
pub(super) fn packing(
    conv: Conv2d,
    pass: Pass,
    algorithm: Algorithm,
    spec: &Spec,
) -> Option<Packing> {
    let len = match algorithm {
        Algorithm::ImplicitGemm => weights::packed_len(&conv, pass)?,
        _ => return None,
    };
    // The image plays no part in how weights are packed, its stride and padding only in the data gradient.
    let form = match pass {
        Pass::Forward => format!("implicit GEMM, groups {}", conv.groups),
        _ => format!("implicit GEMM of {pass:?} {conv:?}"),
    };
    let bytes = len * size_of::<f32>();
    let touches = spec.touches_of_packing(1, bytes);
    Some(Packing::new(form, bytes, Pack { conv, pass, algorithm, touches }))
}

/// Packs the weights of a pass.
struct Pack {
    conv: Conv2d,
    pass: Pass,
    algorithm: Algorithm,
    touches: Touches,
}

// SAFETY: reads all weights, which are dense, and writes as many elements as `packing` asked for.
unsafe impl Kernel for Pack {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: the caller's pointers are valid for what `packing` named.
        unsafe {
            match self.algorithm {
                Algorithm::ImplicitGemm => {
                    weights::pack(&self.conv, self.pass, args.input(0), args.output(0));
                }
                _ => unreachable!("only what `packing` names is packed"),
            }
        }
    }
}

/// The passes that give images take an epilogue, if what it reads has a row and a column stride over the matrix that
/// the algorithm shows it.
pub(super) fn accepts_epilogue(pass: Pass, algorithm: Algorithm, spec: &Spec) -> bool {
    pass != Pass::WeightGradient
        && algorithm != Algorithm::Plain
        && spec.inputs[2..].iter().all(|s| row_strides(algorithm, &s.view).is_some())
}

/// Whether a pass writes images as far apart as the spec's output says.
pub(super) fn accepts_room(conv: &Conv2d, pass: Pass, algorithm: Algorithm, spec: &Spec) -> bool {
    let depthwise = conv.groups == conv.in_channels && conv.groups == conv.out_channels;
    match algorithm {
        Algorithm::Plain => true,
        Algorithm::BatchLanes => false,
        Algorithm::ImplicitGemm if depthwise => false,
        _ => {
            pass != Pass::WeightGradient
                && row_strides(algorithm, &spec.outputs[0].view)
                    .is_some_and(|[_, c]| c == 1 || spec.outputs[0].view.shape[1] == 1)
        }
    }
}

/// The strides of a view over images as a matrix in the algorithm's memory order: rows are channels with the batch
/// innermost, and pixels with the channels innermost.
fn row_strides(algorithm: Algorithm, view: &View) -> Option<[isize; 2]> {
    let order = algorithm.memory_order();
    let (rows, cols) = match algorithm {
        Algorithm::BatchLanes => order.split_at(1),
        _ => order.split_at(3),
    };
    Some([merged(view, rows)?, merged(view, cols)?])
}

/// The one stride of several axes, outermost first, if they walk evenly.
fn merged(view: &View, axes: &[usize]) -> Option<isize> {
    let mut stride = 0;
    let mut expected = None;
    for &a in axes.iter().rev() {
        if view.shape[a] == 1 {
            continue;
        }
        match expected {
            None => stride = view.strides[a],
            Some(e) if e != view.strides[a] => return None,
            Some(_) => {}
        }
        expected = Some(view.strides[a] * view.shape[a] as isize);
    }
    Some(stride)
}

// SAFETY: the geometry and the views come from the spec; the algorithms touch no more.
unsafe impl Kernel for Convolve {
    fn idioms(&self) -> &[&'static str] {
        self.epilogue.as_ref().map_or(&[], RowLoop::idioms)
    }

    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: the caller's pointers are valid for the views.
        unsafe {
            match (self.algorithm, self.dtype) {
                (Algorithm::Plain, DType::F64) => self.plain::<f64>(args),
                (Algorithm::Plain, DType::F32) => self.plain::<f32>(args),
                (_, DType::F32) => self.fast(args),
                (_, dtype) => unreachable!("convolutions of {dtype} are cast"),
            }
        }
    }

    fn algorithm(&self) -> &str {
        match self.algorithm {
            Algorithm::Plain => "plain loops",
            Algorithm::BatchLanes => "batch lanes",
            Algorithm::ImplicitGemm => "implicit GEMM",
            Algorithm::Winograd => "Winograd",
        }
    }
}

impl Convolve {
    unsafe fn plain<T: Number>(&self, args: &Args<'_>) {
        let a = Operand::new(args.input::<T>(0), &self.views[0]);
        let b = Operand::new(args.input::<T>(1), &self.views[1]);
        let out = Operand::new(args.output::<T>(0).cast_const(), &self.views[2]);
        // SAFETY: as `launch`.
        unsafe {
            match self.pass {
                Pass::Forward => plain::forward(&self.conv, a, b, out),
                Pass::DataGradient => plain::data_gradient(&self.conv, a, b, out),
                Pass::WeightGradient => plain::weight_gradient(&self.conv, a, b, out),
            }
        }
    }

    unsafe fn fast(&self, args: &Args<'_>) {
        let (a, b) = (args.input::<f32>(0), args.input::<f32>(1));
        let out = Target { ptr: args.output(0), pixel: self.pixel };
        // SAFETY: as `launch`. A row loop's input 0 is the stretch itself, so it may be any pointer.
        unsafe {
            let inputs = &args.inputs()[1..];
            let hook = self.epilogue.as_ref().map(|e| e.bind_inputs(inputs));
            let hook = hook.as_ref().map(|h| h as &dyn Epilogue<f32>);
            if self.packed {
                let isa = Isa::current();
                return implicit_gemm::run_packed(isa, &self.conv, self.pass, a, b, out, hook);
            }
            match self.pass {
                Pass::Forward => forward(self.algorithm, &self.conv, a, b, out, hook),
                Pass::DataGradient => data_gradient(self.algorithm, &self.conv, a, b, out, hook),
                Pass::WeightGradient => {
                    weight_gradient(self.algorithm, &self.conv, a, b, out.ptr);
                }
            }
        }
    }
}
