//! `Variable`: state that steps read and update.

use crate::Tensor;
use gradus_base::{Buffer, DType, Error, Result, Shape};
use gradus_graph::{self as graph, Meta, data};
use std::sync::Arc;

/// State of a model: a parameter, a running statistic, a counter. Cloning shares it.
///
/// ```
/// use gradus_tensor::{Tensor, Variable, update};
/// let w = Variable::new("w", &Tensor::from([1.0f32, 2.0]));
/// let before = w.tensor();
/// update(&[], &[(w.clone(), &w.tensor() * 10.0)]).unwrap();
/// assert_eq!(w.tensor().to_vec::<f32>(), [10.0, 20.0]);
/// assert_eq!(before.to_vec::<f32>(), [1.0, 2.0]); // a tensor never changes
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable(pub(crate) graph::Variable);

impl Variable {
    /// A variable that holds `value`, which is computed now.
    ///
    /// # Panics
    /// Where reading `value` does. Inside [`crate::try_build`] it is then a variable for nobody to see.
    #[track_caller]
    pub fn new(name: impl Into<String>, value: &Tensor) -> Variable {
        match graph::read(std::slice::from_ref(&value.0), &[]) {
            Ok(read) => Variable(graph::Variable::new(name, value.0.meta(), read[0].clone())),
            Err(e) => {
                graph::report(e);
                let meta = graph::poisoned().meta();
                let bytes = meta.shape.len() * meta.dtype.size();
                Variable(graph::Variable::new(name, meta, Arc::new(Buffer::zeroed(bytes))))
            }
        }
    }
    /// The present value. It stays as it is, whatever is written later.
    #[track_caller]
    pub fn tensor(&self) -> Tensor {
        Tensor(self.0.node())
    }
    /// The present value with its elements at hand, not part of any graph.
    #[track_caller]
    pub fn value(&self) -> Tensor {
        Tensor(data(self.0.meta(), self.0.snapshot()))
    }
    /// Replaces the value.
    ///
    /// # Errors
    /// When shape or type differ, or computing `value` meets a bad value.
    pub fn set(&self, value: &Tensor) -> Result<()> {
        let (have, got) = (self.0.meta(), value.0.meta());
        if have != got {
            let what = format!("{} is {have}, its new value {got}", self.name());
            return Err(Error::shape("set", what));
        }
        self.0.set(graph::read(std::slice::from_ref(&value.0), &[])?.remove(0));
        Ok(())
    }
    /// The name it was made with.
    pub fn name(&self) -> &str {
        self.0.name()
    }
    /// A number no other variable of this process has.
    pub fn id(&self) -> u64 {
        self.0.id()
    }
    /// The shape.
    pub fn shape(&self) -> Shape {
        self.0.meta().shape
    }
    /// The element type.
    pub fn dtype(&self) -> DType {
        self.0.meta().dtype
    }
    /// Shape and element type.
    pub fn meta(&self) -> Meta {
        self.0.meta()
    }
}
