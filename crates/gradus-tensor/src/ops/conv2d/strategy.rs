//! How the CPU does a convolution: its algorithm, memory orders, and what rides along.

use super::kernel;
use super::rule::Convolution;
use super::{Algorithm, Pass, choose};
use gradus_base::DType;
use gradus_base::exec::Kernel;
use gradus_graph::{Layouts, Meta, Order, Packing, Spec, Strategy};

/// A pass on the CPU.
pub(super) struct OnCpu<'a>(pub &'a Convolution);

impl OnCpu<'_> {
    fn algorithm(&self, inputs: &[Meta]) -> Algorithm {
        match inputs[0].dtype {
            DType::F32 => choose(&self.0.geometry(inputs[0].shape[0]), self.0.pass),
            _ => Algorithm::Plain,
        }
    }
}

/// The shapes and types of a pass's own inputs.
fn operands(spec: &Spec) -> Vec<Meta> {
    spec.inputs[..2].iter().map(|s| Meta::new(s.view.shape, s.dtype)).collect()
}

impl Strategy for OnCpu<'_> {
    fn layouts(&self, inputs: &[Meta], outputs: &[Meta]) -> Layouts {
        let algorithm = self.algorithm(inputs);
        if algorithm == Algorithm::Plain {
            return Layouts::any(inputs.len(), outputs);
        }
        let image = algorithm.memory_order().to_vec();
        let (wanted, given) = match self.0.pass {
            Pass::WeightGradient => {
                (vec![Order::Axes(image.clone()), Order::Axes(image)], vec![0, 1, 2, 3])
            }
            _ => (vec![Order::Axes(image.clone()), Order::Dense], image),
        };
        Layouts { inputs: wanted, outputs: vec![given] }
    }

    fn accepts_epilogue(&self, spec: &Spec) -> bool {
        kernel::accepts_epilogue(self.0.pass, self.algorithm(&operands(spec)), spec)
    }

    fn accepts_room(&self, spec: &Spec) -> bool {
        let metas = operands(spec);
        kernel::accepts_room(
            &self.0.geometry(metas[0].shape[0]),
            self.0.pass,
            self.algorithm(&metas),
            spec,
        )
    }

    fn packing(&self, input: usize, spec: &Spec) -> Option<Packing> {
        let metas = operands(spec);
        let weights = input == 1 && self.0.pass != Pass::WeightGradient;
        weights.then(|| {
            kernel::packing(
                self.0.geometry(metas[0].shape[0]),
                self.0.pass,
                self.algorithm(&metas),
                spec,
            )
        })?
    }

    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel> {
        let metas = operands(spec);
        kernel::kernel(
            self.0.geometry(metas[0].shape[0]),
            self.0.pass,
            self.algorithm(&metas),
            spec,
        )
    }
}
