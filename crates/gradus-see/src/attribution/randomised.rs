//! Whether a map depends on the network at all: how it changes when the weights are random.

use gradus_base::{Error, Result};
use gradus_tensor::Tensor;

/// How like a map of the trained network is to one of the same network with random weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sanity {
    /// Spearman's rank correlation of the two maps, mean over pictures: 1 if they are the same, about 0 if they have nothing to do with each other.
    pub correlation: f64,
    /// The same of the maps' sizes, without signs.
    pub correlation_of_sizes: f64,
}

impl Sanity {
    /// Whether the map says something about the network: random weights change it. What it says without its signs may be the picture's own outlines
    /// all the same, as of a gradient times the picture, which is 0 where the picture is.
    pub fn depends_on_the_network(&self) -> bool {
        self.correlation < 0.5
    }
}

/// Compares maps of a trained network with those of one whose weights were drawn anew.
///
/// **Shape** two maps `[B, ..]`.
///
/// # Errors
/// When their shapes differ.
///
/// **Paper** Adebayo et al. 2018, arXiv:1810.03292 §3.
///
/// ```
/// use gradus_see::attribution::sanity;
/// use gradus_tensor::Tensor;
/// let map = Tensor::randn([2, 1, 8, 8], 0);
/// assert!(!sanity(&map, &(&map * 3.0))?.depends_on_the_network());
/// assert!(sanity(&map, &Tensor::randn([2, 1, 8, 8], 1))?.depends_on_the_network());
/// # Ok::<(), gradus_see::Error>(())
/// ```
pub fn sanity(trained: &Tensor, random: &Tensor) -> Result<Sanity> {
    if trained.shape() != random.shape() {
        let what =
            format!("found maps {} and {}, expected two alike", trained.shape(), random.shape());
        return Err(Error::shape("sanity", what));
    }
    let (a, b) = (trained.try_to_vec::<f64>()?, random.try_to_vec::<f64>()?);
    let (count, each) = (trained.size(0).max(1), (a.len() / trained.size(0).max(1)).max(1));
    let mean = |change: fn(f64) -> f64| {
        let of = |map: &[f64]| map.iter().map(|&x| change(x)).collect::<Vec<_>>();
        let pairs = a.chunks(each).zip(b.chunks(each));
        pairs.map(|(a, b)| rank_correlation(&of(a), &of(b))).sum::<f64>() / count as f64
    };
    Ok(Sanity { correlation: mean(|x| x), correlation_of_sizes: mean(f64::abs) })
}

/// Spearman's rank correlation of two lists of one length, ties at their mean rank; 0 where one of them is constant.
///
/// ```
/// use gradus_see::attribution::rank_correlation;
/// assert_eq!(rank_correlation(&[1.0, 2.0, 9.0], &[0.1, 0.2, 0.3]), 1.0);
/// assert_eq!(rank_correlation(&[1.0, 2.0, 9.0], &[3.0, 2.0, 1.0]), -1.0);
/// ```
pub fn rank_correlation(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let dot = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum()
    };
    match dot(&a, &a) * dot(&b, &b) {
        0.0 => 0.0,
        product => dot(&a, &b) / product.sqrt(),
    }
}

/// The rank of each value from 0, ties at their mean.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut at = 0;
    while at < order.len() {
        let tied =
            order[at..].iter().take_while(|&&i| values[i] == values[order[at]]).count().max(1);
        for &i in &order[at..at + tied] {
            ranks[i] = at as f64 + (tied as f64 - 1.0) / 2.0;
        }
        at += tied;
    }
    ranks
}
