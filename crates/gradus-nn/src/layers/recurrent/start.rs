//! What a sequence begins with.

use crate::{Context, Parameter, State, Visitor};
use gradus_base::{DType, Error};
use gradus_tensor::{Tensor, Variable};

/// What a sequence begins with: the state before its first step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum InitialState {
    /// Zeros.
    #[default]
    Zero,
    /// While training, normal numbers of this standard deviation, others for each sequence; zeros otherwise. Zimmermann, Tietz &
    /// Grothmann 2012, "Forecasting with recurrent neural networks" §27.3
    Random(f64),
    /// Parameters, one state for all sequences, which begin at 0.
    Learned,
    /// The state that the batch before ended with, for batches of this many samples: sample n goes on where sample n of the batch
    /// before ended, and its gradient stops there. Keras's `stateful`.
    Carried(usize),
}

/// Where a tensor of the state starts.
#[derive(Clone, Debug)]
pub(super) enum Start {
    Zero,
    Random(f64),
    Learned(Parameter),
    Carried(Variable),
}

impl Start {
    pub(super) fn new(initial: InitialState, size: usize, dtype: DType) -> Start {
        match initial {
            InitialState::Zero => Start::Zero,
            InitialState::Random(std) => Start::Random(std),
            InitialState::Learned => {
                Start::Learned(Parameter::bias(&Tensor::full_of([size], 0.0, dtype)))
            }
            InitialState::Carried(batch) => {
                Start::Carried(Variable::new("state", &Tensor::full_of([batch, size], 0.0, dtype)))
            }
        }
    }

    pub(super) fn visit<'a>(&'a self, name: &str, visitor: &mut Visitor<'a, '_>) {
        match self {
            Start::Zero | Start::Random(_) => {}
            Start::Learned(parameter) => visitor(name, State::Parameter(parameter)),
            Start::Carried(variable) => visitor(name, State::Buffer(variable)),
        }
    }

    /// `[B, size]` for a batch in this pass.
    #[track_caller]
    pub(super) fn tensor(
        &self,
        who: &str,
        shape: [usize; 2],
        dtype: DType,
        cx: &Context,
    ) -> Tensor {
        match self {
            Start::Random(std) if cx.is_training() => cx.key().normal_of(shape, dtype) * *std,
            Start::Learned(parameter) => parameter.tensor().unsqueeze(0).broadcast_to(shape),
            Start::Carried(variable) if !cx.is_trial() => {
                let carried = variable.shape()[0];
                if carried != shape[0] {
                    let what = format!(
                        "the state of {carried} samples is carried on, the batch has {}; all batches must have {carried}",
                        shape[0]
                    );
                    return Tensor::refuse(Error::shape(who, what));
                }
                cx.value(variable)
            }
            _ => Tensor::full_of(shape, 0.0, dtype),
        }
    }

    /// Keeps what a batch ended with.
    pub(super) fn keep(&self, end: &Tensor, cx: &Context) {
        if let Start::Carried(variable) = self
            && !cx.is_trial()
            && end.mistake().is_none()
        {
            cx.update(variable, &end.stop_gradient());
        }
    }
}
