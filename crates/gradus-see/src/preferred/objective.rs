//! What a picture is to make large.

use crate::Subject;
use crate::subject::{LayerShape, unknown_among};
use gradus_base::{Error, Result};
use gradus_tensor::Tensor;

/// What pictures are to make large. Of lists there is one entry for each picture.
#[derive(Clone, Debug)]
pub enum Objective {
    /// The score of a class, before any softmax.
    Class(Vec<usize>),
    /// The mean of a unit's map, or a unit that is a number.
    Channel {
        /// The layer.
        layer: String,
        /// The units.
        units: Vec<usize>,
    },
    /// A unit at one place of its map.
    Neuron {
        /// The layer.
        layer: String,
        /// The units.
        units: Vec<usize>,
        /// Row and column; the middle if none is given.
        place: Option<[usize; 2]>,
    },
    /// A sum of a layer's units, each by its weight, over all places: a direction among them.
    Direction {
        /// The layer.
        layer: String,
        /// A weight for each unit.
        weights: Vec<f64>,
        /// How many pictures.
        pictures: usize,
    },
    /// What a layer made of a picture, made larger: the product of what it makes with what it made of `of`, place by place.
    Caricature {
        /// The layer.
        layer: String,
        /// The pictures, `[B, C, H, W]`.
        of: Tensor,
    },
}

impl Objective {
    /// How many pictures are sought.
    pub fn pictures(&self) -> usize {
        match self {
            Objective::Class(units)
            | Objective::Channel { units, .. }
            | Objective::Neuron { units, .. } => units.len(),
            Objective::Direction { pictures, .. } => *pictures,
            Objective::Caricature { of, .. } => of.size(0),
        }
    }

    /// Refuses layers, units and places that do not exist among these layers.
    pub(super) fn check(&self, layers: &[LayerShape]) -> Result<()> {
        let bad = |what: String| Err(Error::value("objective", what));
        let (layer, units) = match self {
            Objective::Class(units) => (None, &units[..]),
            Objective::Channel { layer, units } | Objective::Neuron { layer, units, .. } => {
                (Some(layer), &units[..])
            }
            Objective::Direction { layer, .. } | Objective::Caricature { layer, .. } => {
                (Some(layer), &[][..])
            }
        };
        let found = match layer {
            Some(path) => layers.iter().find(|known| known.path == *path),
            None => layers.last(),
        };
        let path = layer.map_or("scores", String::as_str);
        let Some(found) = found else { return Err(unknown_among(path, layers)) };
        if let Some(unit) = units.iter().find(|unit| **unit >= found.units()) {
            return bad(format!(
                "found unit {unit}, expected one below {} of {path}",
                found.units()
            ));
        }
        if self.pictures() == 0 {
            return bad("found no picture to make, expected one at least".into());
        }
        match self {
            Objective::Direction { weights, .. } if weights.len() != found.units() => bad(format!(
                "found {} weights, expected {}, one for each unit of {path}",
                weights.len(),
                found.units()
            )),
            Objective::Neuron { place: Some([y, x]), .. } => match found.shape[..] {
                [_, height, width] if *y < height && *x < width => Ok(()),
                _ => bad(format!(
                    "found place {y}, {x}, expected one in maps of {path} {}",
                    found.shape
                )),
            },
            _ => Ok(()),
        }
    }

    /// How large it is for each picture.
    ///
    /// **Shape** `[B, C, H, W]` → `[B]`.
    ///
    /// # Errors
    /// When the layer does not exist.
    pub fn values(&self, subject: &Subject, x: &Tensor) -> Result<Tensor> {
        // Numbers are maps of one place.
        let maps = |layer: &str, x: &Tensor| -> Result<Tensor> {
            let y = subject.watched(x, &[layer])?.layers.remove(0);
            Ok(if y.rank() == 2 { y.unsqueeze(2).unsqueeze(3) } else { y })
        };
        Ok(match self {
            Objective::Class(units) => of_each(&subject.scores(x), units),
            Objective::Channel { layer, units } => of_each(&maps(layer, x)?.mean([2, 3]), units),
            Objective::Neuron { layer, units, place } => {
                let y = maps(layer, x)?;
                let [row, column] = place.unwrap_or([y.size(2) / 2, y.size(3) / 2]);
                of_each(&y.select(2, row).select(2, column), units)
            }
            Objective::Direction { layer, weights, .. } => {
                let y = maps(layer, x)?;
                let weights = Tensor::from_slice(weights, [weights.len()]).cast(y.dtype());
                (y.mean([2, 3]) * weights).sum(1)
            }
            Objective::Caricature { layer, of } => {
                let (y, target) = (maps(layer, x)?, maps(layer, of)?.stop_gradient());
                (y * target).mean([1, 2, 3])
            }
        })
    }
}

/// Of each row the column that is chosen for it.
fn of_each(y: &Tensor, units: &[usize]) -> Tensor {
    let k = y.size(1);
    let chosen: Vec<f64> = units
        .iter()
        .flat_map(|&unit| (0..k).map(move |i| if i == unit { 1.0 } else { 0.0 }))
        .collect();
    (y * Tensor::from_slice(&chosen, [units.len(), k]).cast(y.dtype())).sum(1)
}
