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
#[doc(alias("requires_grad", "Parameter", "add_weight", "trainable_weights"))]
pub struct Variable(pub(crate) graph::Variable);

impl Variable {
    /// A variable that holds `value`, which is computed now.
    ///
    /// **Shape** `[..]`, which the variable keeps.
    ///
    /// # Panics
    /// If computing `value` meets a bad value, such as an index out of range. Inside
    /// [`crate::try_build`] it is then a variable for nobody to see.
    ///
    /// ```
    /// use gradus_tensor::{Tensor, Variable};
    /// let w = Variable::new("w", &Tensor::zeros([2, 3]));
    /// assert_eq!((w.name(), w.shape().to_string()), ("w", "[2, 3]".to_owned()));
    /// ```
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
    /// The present value as a tensor of the graph, for which there are gradients. It stays as it
    /// is, whatever is written later.
    ///
    /// **Shape** that of the variable.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::{Tensor, Variable, grad};
    /// let w = Variable::new("w", &Tensor::from(3.0f32));
    /// let [dw] = grad(&w.tensor().square(), [&w.tensor()]);
    /// assert_eq!(dw.item(), 6.0);
    /// ```
    #[track_caller]
    pub fn tensor(&self) -> Tensor {
        Tensor(self.0.node())
    }
    /// The present value with its elements at hand, not part of any graph.
    ///
    /// **Shape** that of the variable.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::{Tensor, Variable};
    /// let w = Variable::new("w", &Tensor::from([1.0f32, 2.0]));
    /// assert_eq!(w.value().to_vec::<f32>(), [1.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn value(&self) -> Tensor {
        Tensor(data(self.0.meta(), self.0.snapshot()))
    }
    /// Replaces the value.
    ///
    /// **Shape** `value` has that of the variable.
    ///
    /// # Errors
    /// When the shape or the element type differs, or computing `value` meets a bad value.
    ///
    /// ```
    /// use gradus_tensor::{Tensor, Variable};
    /// let w = Variable::new("w", &Tensor::from([1.0f32, 2.0]));
    /// w.set(&Tensor::from([3.0f32, 4.0]))?;
    /// assert_eq!(w.value().to_vec::<f32>(), [3.0, 4.0]);
    /// let error = w.set(&Tensor::ones([3])).unwrap_err().to_string();
    /// assert_eq!(error, "set: w is f32 [2], its new value f32 [3]");
    /// # Ok::<(), gradus_tensor::Error>(())
    /// ```
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
    ///
    /// **Shape** any.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::{Tensor, Variable};
    /// assert_eq!(Variable::new("w", &Tensor::ones([2])).name(), "w");
    /// ```
    pub fn name(&self) -> &str {
        self.0.name()
    }
    /// A number that no other variable of this process has.
    ///
    /// **Shape** any.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::{Tensor, Variable};
    /// let [a, b] = [1.0f32, 2.0].map(|x| Variable::new("w", &Tensor::from(x)));
    /// assert!(a.id() != b.id() && a.id() == a.clone().id());
    /// ```
    pub fn id(&self) -> u64 {
        self.0.id()
    }
    /// The sizes of the axes, outermost first; they never change.
    ///
    /// **Shape** any.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::{Tensor, Variable};
    /// assert_eq!(Variable::new("w", &Tensor::ones([2, 3])).shape().to_string(), "[2, 3]");
    /// ```
    pub fn shape(&self) -> Shape {
        self.0.meta().shape
    }
    /// The element type; it never changes.
    ///
    /// **Shape** any.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::{DType, Tensor, Variable};
    /// assert_eq!(Variable::new("w", &Tensor::ones([2])).dtype(), DType::F32);
    /// ```
    pub fn dtype(&self) -> DType {
        self.0.meta().dtype
    }
    /// Shape and element type together.
    ///
    /// **Shape** any.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::{Tensor, Variable};
    /// assert_eq!(Variable::new("w", &Tensor::ones([2])).meta().to_string(), "f32 [2]");
    /// ```
    pub fn meta(&self) -> Meta {
        self.0.meta()
    }
}
