//! The CPU kernel: views → one `gemm` call per matrix, the epilogue fused into its tiles.
#![allow(unsafe_code)]

use gradus_base::exec::{Args, Kernel, Touches};
use gradus_base::{DType, View};
use gradus_cpu::{
    Epilogue, Mat, MatMut, PackedB, RowLoop, Shared, gemm, gemm_packed, pack_b, parallel,
};
use gradus_graph::{Layouts, Meta, Packing, Spec, Strategy};

/// How the CPU multiplies.
pub(super) struct OnCpu;

impl Strategy for OnCpu {
    fn layouts(&self, inputs: &[Meta], outputs: &[Meta]) -> Layouts {
        Layouts::any(inputs.len(), outputs)
    }

    /// Any strides will do.
    fn accepts_room(&self, _spec: &Spec) -> bool {
        true
    }

    fn accepts_epilogue(&self, spec: &Spec) -> bool {
        accepts_epilogue(spec)
    }

    fn packing(&self, input: usize, spec: &Spec) -> Option<Packing> {
        packing(input, spec)
    }

    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel> {
        kernel(spec)
    }
}

/// One product per leading index, with the places of its three matrices.
struct Gemm {
    dtype: DType,
    size: [usize; 3],
    /// (row, column) strides of a, b and y.
    strides: [[isize; 2]; 3],
    /// Where each matrix of a, b and y begins, in elements.
    begins: Vec<[isize; 3]>,
    /// Whether b, one matrix, comes packed.
    packed: bool,
    epilogue: Option<RowLoop>,
    touches: Touches,
}

/// An epilogue runs along the output's rows, so those must be contiguous and there must be one matrix.
fn accepts_epilogue(spec: &Spec) -> bool {
    let y = &spec.outputs[0].view;
    let rank = y.shape.rank();
    let one_matrix = y.shape[..rank - 2].iter().all(|&s| s == 1);
    one_matrix && (y.strides[rank - 1] == 1 || y.shape[rank - 1] == 1)
}

fn kernel(spec: &Spec) -> Box<dyn Kernel> {
    let views = [&spec.inputs[0].view, &spec.inputs[1].view, &spec.outputs[0].view];
    let rank = views[0].shape.rank();
    let strides = views.map(|v| [v.strides[rank - 2], v.strides[rank - 1]]);
    let size = [views[2].shape[rank - 2], views[2].shape[rank - 1], views[0].shape[rank - 1]];
    let leads = views.map(|v| View { shape: gradus_base::Shape::new(&v.shape[..rank - 2]), ..*v });
    let begins = (0..leads[2].shape.len()).map(|i| leads.map(|v| v.index(i) as isize)).collect();
    let dtype = spec.outputs[0].dtype;
    let epilogue = spec.epilogue.as_ref().map(|e| {
        let own = (dtype, strides[2][0], strides[2][1]);
        let extra = spec.inputs[2..]
            .iter()
            .map(|s| (s.dtype, s.view.strides[rank - 2], s.view.strides[rank - 1]));
        RowLoop::new(&e.expr, dtype, &std::iter::once(own).chain(extra).collect::<Vec<_>>())
    });
    let packed = spec.inputs[1].packed.is_some();
    Box::new(Gemm { dtype, size, strides, begins, packed, epilogue, touches: spec.touches() })
}

/// Packed panels of b, if all products have the same b. A single row or column is a sum of b's rows or of products with a's,
/// which reads everything once, as it lies.
fn packing(input: usize, spec: &Spec) -> Option<Packing> {
    let (y, b) = (&spec.outputs[0].view, &spec.inputs[1].view);
    let rank = b.shape.rank();
    let [m, k, n] = [y.shape[rank - 2], b.shape[rank - 2], b.shape[rank - 1]];
    let one = (0..rank - 2).all(|a| b.shape[a] == 1 || b.strides[a] == 0);
    if input != 1 || !one || m < 2 || n < 2 || k == 0 {
        return None;
    }
    let dtype = spec.inputs[1].dtype;
    let (form, len) = match dtype {
        DType::F64 => ("panels f64", PackedB::<f64>::len(k, n)),
        _ => ("panels", PackedB::<f32>::len(k, n)),
    };
    let strides = [b.strides[rank - 2], b.strides[rank - 1]];
    let bytes = len * dtype.size();
    let touches = spec.touches_of_packing(input, bytes);
    Some(Packing::new(form, bytes, Pack { dtype, size: [k, n], strides, touches }))
}

/// Packs b.
struct Pack {
    dtype: DType,
    size: [usize; 2],
    strides: [isize; 2],
    touches: Touches,
}

// SAFETY: reads b over its view and writes as many elements as `packing` asked for.
unsafe impl Kernel for Pack {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: the caller's pointers are valid for what `packing` named.
        unsafe {
            match self.dtype {
                DType::F64 => self.pack::<f64>(args),
                DType::F32 => self.pack::<f32>(args),
                dtype => unreachable!("matrices of {dtype} are cast"),
            }
        }
    }
}

impl Pack {
    unsafe fn pack<T: gradus_base::Element>(&self, args: &Args<'_>) {
        let ([k, n], [row_stride, col_stride]) = (self.size, self.strides);
        // SAFETY: as `launch`.
        unsafe {
            pack_b(k, n, Mat { ptr: args.input::<T>(0), row_stride, col_stride }, args.output(0));
        }
    }
}

// SAFETY: reads and writes only what the spec's views reach: `begins` and `strides` come from them.
unsafe impl Kernel for Gemm {
    fn idioms(&self) -> &[&'static str] {
        self.epilogue.as_ref().map_or(&[], RowLoop::idioms)
    }

    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: the caller's pointers are valid for the views; each product writes its own matrix.
        unsafe {
            match self.dtype {
                DType::F64 => self.products::<f64>(args),
                DType::F32 => self.products::<f32>(args),
                dtype => unreachable!("matrices of {dtype} are cast"),
            }
        }
    }
}

impl Gemm {
    unsafe fn products<T: gradus_base::Element>(&self, args: &Args<'_>) {
        let (a, b, y) = (args.input::<T>(0), args.input::<T>(1), args.output::<T>(0));
        let [m, n, k] = self.size;
        // A packed b begins at its first panel for every product.
        let b_step = isize::from(!self.packed);
        // Inputs 0 and 1 are the operands; the row loop's own input 0 is the stretch itself.
        let inputs = &args.inputs()[1..];
        // SAFETY: the other inputs are valid for the views the row loop was built for.
        let hook = self.epilogue.as_ref().map(|e| unsafe { e.bind_inputs(inputs) });
        let hook = hook.as_ref().map(|h| h as &dyn Epilogue<T>);
        let shared = (Shared::new(a), Shared::new(b), Shared::new(y));
        let one = |i: usize| {
            let [a0, b0, y0] = self.begins[i];
            let (a, b, y) = (shared.0.get(), shared.1.get(), shared.2.get());
            let [sa, sb, sy] = self.strides;
            // SAFETY: as `launch`.
            unsafe {
                let a =
                    Mat { ptr: a.offset(a0).cast_const(), row_stride: sa[0], col_stride: sa[1] };
                let b = Mat {
                    ptr: b.offset(b0 * b_step).cast_const(),
                    row_stride: sb[0],
                    col_stride: sb[1],
                };
                let y = MatMut { ptr: y.offset(y0), row_stride: sy[0], col_stride: sy[1] };
                match self.packed {
                    true => gemm_packed(m, n, k, a, b.ptr, y, false, hook),
                    false => gemm(m, n, k, a, b, y, false, hook),
                }
            }
        };
        match self.begins.len() {
            1 => one(0),
            count => parallel(count, &one),
        }
    }
}
