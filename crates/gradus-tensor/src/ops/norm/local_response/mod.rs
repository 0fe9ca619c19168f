//! Local response normalisation: y[c] = x[c]·s[c]^−β, s[c] = k + a·Σ x[c']² over neighbouring
//! channels.
//! [N, C, ..] -> [N, C, ..]   Krizhevsky, Sutskever & Hinton 2012 §3.3
//!
//! dx[c] = dy[c]·s[c]^−β − 2aβ·x[c]·Σ dy[c']·x[c']·s[c']^(−β−1), the sum over the channels that
//! have c in their neighbourhood; one kernel, which computes s again.

mod cpu;
mod reference;

use super::orders;
use crate::Tensor;
use crate::ops::kernel::tensors;
use crate::ops::pointwise::{Pointwise, apply};
use gradus_base::exec::Kernel;
use gradus_base::{DType, Error, Real, Result, Shape};
use gradus_graph::{
    Backward, Device, Layouts, Meta, Node, Order, Plain, Rule, Setting, Spec, Strategy, call_one,
};
use gradus_reference::Array;

/// The constants of [`Tensor::local_response_norm`].
#[derive(Clone, Copy, Debug)]
pub struct LocalResponse {
    /// How many channels are summed, with the channel itself in the middle.
    pub size: usize,
    /// The factor of the sum of squares. AlexNet's paper multiplies the sum by its α; Caffe and
    /// PyTorch multiply the mean, so their α is divided by the size.
    pub scale: f64,
    /// The exponent.
    pub beta: f64,
    /// The number added to the scaled sum.
    pub k: f64,
}

impl LocalResponse {
    /// The constants of AlexNet, as in its paper.
    pub const ALEXNET: LocalResponse = LocalResponse { size: 5, scale: 1e-4, beta: 0.75, k: 2.0 };

    /// The constants with α as Caffe and PyTorch have it, the factor of the mean of squares.
    #[must_use]
    pub fn of_mean(size: usize, alpha: f64, beta: f64, k: f64) -> LocalResponse {
        LocalResponse { size, scale: alpha / size as f64, beta, k }
    }

    /// Channels of the neighbourhood before the middle and after it. With an even size the channel stands right of the
    /// middle, as in PyTorch.
    fn reach(&self) -> [usize; 2] {
        let before = self.size / 2;
        [before, self.size - 1 - before]
    }

    fn settings(&self) -> Vec<(&'static str, Setting)> {
        let LocalResponse { size, scale, beta, k } = *self;
        vec![
            ("size", Setting::Sizes(vec![size])),
            ("scale", Setting::Number(scale)),
            ("beta", Setting::Number(beta)),
            ("k", Setting::Number(k)),
        ]
    }

    /// A power counts as ten.
    fn flops(&self, shape: Shape) -> u64 {
        (self.size as u64 + 13) * shape.len() as u64
    }
}

/// x · (k + a·sum)^−β
impl Pointwise<2> for LocalResponse {
    const NAME: &'static str = "local_response_norm";
    fn formula<R: Real>(&self, [x, sum]: [R; 2]) -> R {
        let base = R::constant(self.k) + R::constant(self.scale) * sum;
        x * base.pow(R::constant(-self.beta))
    }
}

/// x → y
#[derive(Debug)]
struct Response(LocalResponse);

/// x, dy → dx
#[derive(Debug)]
struct ResponseGrad(LocalResponse);

impl Rule for Response {
    fn name(&self) -> &'static str {
        "local_response_norm"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }

    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let inputs = [&backward.inputs[0], backward.dy()];
        Ok(vec![Some(call_one(ResponseGrad(self.0), &inputs))])
    }

    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let [x] = tensors(inputs);
        let sum = self.0.neighbours(&x.square(), self.0.reach());
        Some(vec![apply(self.0, [&x, &sum]).0])
    }

    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        Some(self.0.settings())
    }

    /// Only channels meet.
    fn slices(&self, axis: usize) -> Option<Vec<Option<usize>>> {
        (axis != 1).then(|| vec![Some(axis)])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        let constants = self.0;
        match device {
            Device::Cpu => Some(Box::new(OnCpu { constants, back: false })),
            Device::Reference => {
                Some(Plain::of(move |x: &[Array]| Ok(vec![reference::forward(constants, &x[0])])))
            }
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        self.0.flops(inputs[0].shape)
    }
}

impl Rule for ResponseGrad {
    fn name(&self) -> &'static str {
        "local_response_norm_grad"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }

    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let [x, dy] = tensors(inputs);
        Some(vec![self.0.gradient(&x, &dy).0])
    }

    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        Some(self.0.settings())
    }

    /// Only channels meet.
    fn slices(&self, axis: usize) -> Option<Vec<Option<usize>>> {
        (axis != 1).then(|| vec![Some(axis); 2])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        let constants = self.0;
        match device {
            Device::Cpu => Some(Box::new(OnCpu { constants, back: true })),
            Device::Reference => {
                let dx = move |x: &[Array]| reference::backward(constants, &x[0], &x[1]);
                Some(Plain::of(move |x: &[Array]| Ok(vec![dx(x)])))
            }
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        2 * self.0.flops(inputs[0].shape)
    }
}

impl LocalResponse {
    /// Σ over the neighbourhood that reaches so many channels before and after.
    fn neighbours(&self, x: &Tensor, [before, after]: [usize; 2]) -> Tensor {
        let padded = x.pad(1, before, after);
        let channels = x.shape()[1];
        let shifted = |i: usize| padded.slice(1, i..i + channels);
        (1..self.size).fold(shifted(0), |sum, i| sum + shifted(i))
    }

    /// dx as a composition.
    fn gradient(&self, x: &Tensor, dy: &Tensor) -> Tensor {
        let sum = self.neighbours(&x.square(), self.reach());
        let power = apply(*self, [&x.ones_like(), &sum]);
        let along = dy * x * &power / (&sum * self.scale + self.k);
        let [before, after] = self.reach();
        let along = self.neighbours(&along, [after, before]);
        dy * power - x * along * (2.0 * self.scale * self.beta)
    }
}

/// How the CPU does both.
struct OnCpu {
    constants: LocalResponse,
    back: bool,
}

impl Strategy for OnCpu {
    fn layout_choices(&self, inputs: &[Meta], outputs: &[Meta]) -> Vec<Layouts> {
        let choice = |axes: Vec<usize>| Layouts {
            inputs: vec![Order::Axes(axes.clone()); inputs.len()],
            outputs: vec![axes; outputs.len()],
        };
        orders(inputs[0].shape.rank()).map(choice).to_vec()
    }

    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel> {
        cpu::kernel(self.constants, self.back, spec)
    }
}

impl Tensor {
    /// Divides each channel by a power of the sum of squares of its neighbours: x·(k + scale·Σ
    /// x²)^−beta.
    ///
    /// **Shape** `[N, C, ..] -> [N, C, ..]`.
    ///
    /// **Paper** Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification with deep
    /// convolutional neural networks" §3.3.
    ///
    /// # Panics
    /// If there are fewer than two axes, the size is 0, or the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::{LocalResponse, Tensor};
    /// let rule = LocalResponse { size: 3, scale: 1.0, beta: 1.0, k: 1.0 };
    /// let y = Tensor::from([[1.0f32, 2.0, 2.0]]).local_response_norm(rule).to_vec::<f32>();
    /// assert!((y[0] - 1.0 / 6.0).abs() < 1e-6 && (y[1] - 0.2).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn local_response_norm(&self, rule: LocalResponse) -> Tensor {
        if self.rank() < 2 || rule.size == 0 {
            let what = format!("{} channels of {}", rule.size, self.shape());
            return Tensor::refuse(Error::shape("local_response_norm", what));
        }
        let dtype = self.dtype();
        if !dtype.is_float() {
            let what = format!("the elements must be floats, found {dtype}");
            return Tensor::refuse(Error::dtype("local_response_norm", what));
        }
        if matches!(dtype, DType::F16 | DType::BF16) {
            return self.cast(DType::F32).local_response_norm(rule).cast(dtype);
        }
        Tensor(call_one(Response(rule), &[&self.0]))
    }
}
