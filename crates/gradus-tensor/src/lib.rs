//! The tensors of Gradus and every op on them, one place per op.
//!
//! A [`Tensor`] is a cheap handle on a node of a lazy graph: building computes nothing, reading
//! plans and runs what is needed, once.
//!
//! ```
//! use gradus_tensor::{Tensor, grad};
//! let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
//! let y = (&x * &x).sum(..);
//! let [dx] = grad(&y, [&x]);
//! assert_eq!(y.item(), 30.0);
//! assert_eq!(dx.to_vec::<f32>(), [2.0, 4.0, 6.0, 8.0]);
//! ```

mod axes;
mod compile;
mod create;
mod draw;
mod numbers;
// Hand-computed examples carry six digits, also where they happen to be π.
#[cfg_attr(test, allow(clippy::approx_constant))]
pub mod ops;
mod print;
mod read;
mod tensor;
mod variable;

pub use axes::Axes;
pub use compile::{Compiled, Outputs, Step, compile};
pub use draw::{Drawing, draw};
pub use gradus_base::Buffer;
pub use gradus_base::{DType, Element, Error, Expr, Kind, Place, Real, Result, Shape, bf16, f16};
pub use gradus_graph::{
    Caller, Checked, Device, Meta, Plan, PlanStep, Program, check_everything, checked, fail,
    layer_scope, mistaken, report, report_at, scope, scope_path, try_build, with_place,
};
pub use numbers::Numbers;
pub use ops::attention::Attention;
pub use ops::conv2d::{Conv, Padding};
pub use ops::detection::RoiAlign;
pub use ops::fold::Unfold;
pub use ops::norm::LocalResponse;
pub use ops::pad::PadMode;
pub use ops::pool2d::Pool;
pub use ops::random::Key;
pub use ops::recurrent::{
    GruOptions, GruOutput, GruReset, GruUpdate, LstmGates, LstmOptions, LstmOutput, RnnActivation,
    RnnOptions, RnnOutput,
};
pub use ops::sampling::{Beyond, Sampling};
pub use ops::scan::{Scan, scan, scan_all};
pub use ops::scatter::Scatter;
pub use ops::volume::{Conv3, Pool3};
pub use read::{Crossing, grad, gradients, gradients_by, read, update};
pub use tensor::Tensor;
pub use variable::Variable;
