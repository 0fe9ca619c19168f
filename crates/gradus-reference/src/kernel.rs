//! `ArrayKernel`: a function of arrays as a kernel.
#![allow(unsafe_code)]

use crate::Array;
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_base::{DType, View};

type Function = dyn Fn(&[Array]) -> Result<Vec<Array>, String> + Send + Sync;

/// A function from arrays to arrays as a kernel over values of given types and strides. What it says in place of its outputs is
/// reported as a bad value in the data.
pub struct ArrayKernel {
    inputs: Vec<(DType, View)>,
    outputs: Vec<(DType, View)>,
    touches: Touches,
    function: Box<Function>,
}

impl ArrayKernel {
    /// The kernel that gives `function` its inputs and stores what comes back.
    pub fn new(
        inputs: Vec<(DType, View)>,
        outputs: Vec<(DType, View)>,
        function: impl Fn(&[Array]) -> Result<Vec<Array>, String> + Send + Sync + 'static,
    ) -> ArrayKernel {
        let touches = Touches::new(inputs.iter().copied(), outputs.iter().copied());
        ArrayKernel { inputs, outputs, touches, function: Box::new(function) }
    }
}

/// The bytes that a value reaches, from the pointer to its first element on, and which of them is that.
fn reach(dtype: DType, view: &View) -> (usize, usize) {
    let (low, high) = View { offset: 0, ..*view }.reach();
    let size = dtype.size();
    ((high - low) as usize * size, low.unsigned_abs() * size)
}

// SAFETY: touches what its views reach; arrays are read before anything is written, so an output may lie where an input does.
unsafe impl Kernel for ArrayKernel {
    unsafe fn launch(&self, args: &Args<'_>) {
        let read = |(i, (dtype, view)): (usize, &(DType, View))| {
            let (bytes, first) = args.input_bytes(i);
            Array::gather(*dtype, view, bytes, first)
        };
        let inputs: Vec<Array> = self.inputs.iter().enumerate().map(read).collect();
        match (self.function)(&inputs) {
            Err(what) => args.fail(|| what),
            Ok(arrays) => {
                assert_eq!(arrays.len(), self.outputs.len(), "outputs of a plain kernel");
                for (i, (array, (dtype, view))) in arrays.iter().zip(&self.outputs).enumerate() {
                    let (len, first) = reach(*dtype, view);
                    if len == 0 {
                        continue;
                    }
                    let begin = args.output::<u8>(i).wrapping_sub(first);
                    // SAFETY: the caller's pointer is valid for the view, which reaches these bytes; nothing else holds them.
                    let bytes = unsafe { std::slice::from_raw_parts_mut(begin, len) };
                    array.scatter(*dtype, view, bytes, first);
                }
            }
        }
    }

    fn touches(&self) -> &Touches {
        &self.touches
    }

    fn algorithm(&self) -> &str {
        "plain"
    }
}
