//! leaky_relu(x) = x where x > 0, else slope·x   [..] -> [..]   Maas et al. 2013

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct LeakyRelu {
    slope: f64,
}

impl Pointwise<1> for LeakyRelu {
    const NAME: &'static str = "leaky_relu";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        R::select(R::constant(0.0).lt(x), x, R::constant(self.slope) * x)
    }
}

impl Tensor {
    /// x where x > 0, else slope·x; the usual slope is 0.01.
    ///
    /// **Shape** `[..] -> [..]`. The gradient at 0 is the slope.
    ///
    /// **Paper** Maas, Hannun & Ng 2013, "Rectifier nonlinearities improve neural network acoustic
    /// models".
    ///
    /// # Panics
    /// If the elements are integers or booleans and `slope` is not a whole number.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-2.0f32, 3.0]).leaky_relu(0.25).to_vec::<f32>(), [-0.5, 3.0]);
    /// ```
    #[track_caller]
    pub fn leaky_relu(&self, slope: f64) -> Tensor {
        apply(LeakyRelu { slope }, [self])
    }
}

#[test]
fn leaky_relu() {
    crate::ops::check("leaky_relu", |x| x[0].leaky_relu(0.25))
        .domain(-3.0..3.0)
        .avoid(&[0.0])
        .oracle(|x| if x[0] > 0.0 { x[0] } else { 0.25 * x[0] })
        .example(&[&[-2.0, 3.0, f64::NAN]], &[-0.5, 3.0, f64::NAN])
        .slope(&[&[-2.0, 0.0, 3.0]], &[0.25, 0.25, 1.0])
        .run();
}
