//! Which pixels, layers and parts made a network say so.
//!
//! Each method gives one number for each pixel and channel of each picture, for the score of a class that is asked about (before any softmax):
//!
//! | method | what it is | paper |
//! |---|---|---|
//! | [`saliency`] | the size of the score's gradient | Simonyan et al. 2013, arXiv:1312.6034 §3 |
//! | [`gradient_x_input`] | the gradient times the picture | Shrikumar et al. 2016, arXiv:1605.01713 |
//! | [`SmoothGrad`] | the mean gradient around the picture | Smilkov et al. 2017, arXiv:1706.03825 |
//! | [`IntegratedGradients`] | the mean gradient on the way from a baseline, times that way | Sundararajan et al. 2017, arXiv:1703.01365 |
//! | [`deconvnet`], [`guided_backprop`] | gradients whose ReLUs pass on what is positive | Zeiler & Fergus 2013, arXiv:1311.2901; Springenberg et al. 2014, arXiv:1412.6806 |
//! | [`layer_relevance`] | layer-wise relevance propagation, ε-rule | Bach et al. 2015, doi:10.1371/journal.pone.0130140 |
//! | [`grad_cam`] | where the maps are that speak for the class | Selvaraju et al. 2016, arXiv:1610.02391 |
//! | [`Occlusion`] | what the score loses where a patch is covered | Zeiler & Fergus 2013 §4.2 |
//! | [`Lime`], [`KernelShap`] | a linear model of which segments are there | Ribeiro et al. 2016, arXiv:1602.04938; Lundberg & Lee 2017, arXiv:1705.07874 |
//! | [`GradientShap`] | gradients on the way from sampled baselines | Erion et al. 2019, arXiv:1906.10670 |
//!
//! A method that depends on the network must change when the network's weights are replaced by random ones: [`sanity`] tells how much it does
//! (Adebayo et al. 2018, arXiv:1810.03292).

mod cam;
mod integrated;
mod layers;
mod occlusion;
mod randomised;
mod segments;
mod slopes;
mod surrogate;

pub use cam::{enlarged, grad_cam};
pub use integrated::{GradientShap, IntegratedGradients, ShapDraw};
pub use layers::{LayerAttribution, layer_attribution, neuron_gradient};
pub use occlusion::Occlusion;
pub use randomised::{Sanity, rank_correlation, sanity};
pub use segments::{Segments, grid, slic};
pub(crate) use slopes::Rule;
pub(crate) use slopes::in_pieces;
pub use slopes::{
    SmoothGrad, deconvnet, gradient_x_input, guided_backprop, layer_relevance, saliency,
};
pub use surrogate::{KernelShap, Lime};

use gradus_base::Result;
use gradus_tensor::Tensor;

/// What a method gave, with what it should add up to.
#[derive(Clone, Debug)]
pub struct Attribution {
    /// How much each pixel speaks for the class, of the shape of the pictures.
    pub map: Tensor,
    /// The score of each picture's class, less that of its baseline: what the map should add up to.
    pub gain: Vec<f64>,
    /// |sum of the map − gain| / |gain| of each picture, the completeness error.
    pub completeness: Vec<f64>,
}

impl Attribution {
    fn new(map: Tensor, gain: Vec<f64>) -> Result<Attribution> {
        let sums = sums(&map)?;
        let error = |(sum, gain): (&f64, &f64)| match sum - gain {
            0.0 => 0.0,
            off => off.abs() / gain.abs(),
        };
        let completeness = sums.iter().zip(&gain).map(error).collect();
        Ok(Attribution { map, gain, completeness })
    }
}

/// The sum of each picture's map.
fn sums(map: &Tensor) -> Result<Vec<f64>> {
    let values = map.try_to_vec::<f64>()?;
    let each = values.len() / map.size(0).max(1);
    Ok(values.chunks(each.max(1)).map(|map| map.iter().sum()).collect())
}
