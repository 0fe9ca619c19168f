//! `Subject`: a network as it is looked at.

use gradus_base::{Error, Result};
use gradus_nn::{Context, Layer, parameters};
use gradus_tensor::{DType, Shape, Tensor, try_build};
use std::cell::RefCell;
use std::sync::Arc;

/// A classifier that is looked at, with what is done to its pictures before: x ↦ (x − mean) / deviation for each channel.
///
/// Pictures are batches `[B, C, H, W]` of pixels from 0 to 1, and stay so in every question that is asked: a gradient is one of pixels, a distance one
/// between pixels.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*};
/// use gradus_see::Subject;
/// use gradus_tensor::Tensor;
/// let model = Sequential::new([1, 4, 4], &Init::new(0)).add(flatten()).add(dense(3));
/// let subject = Subject::new(model.into()).normalized(&[0.5], &[0.25]);
/// assert_eq!(*subject.scores(&Tensor::full([2, 1, 4, 4], 0.5)).shape(), [2, 3]);
/// ```
#[derive(Clone)]
pub struct Subject {
    model: Arc<dyn Layer>,
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl Subject {
    /// A network that takes pixels as they are.
    pub fn new(model: Arc<dyn Layer>) -> Subject {
        Subject { model, mean: vec![], deviation: vec![] }
    }

    /// With what is subtracted from each channel of the pixels, and what each is then divided by.
    #[must_use]
    pub fn normalized(mut self, mean: &[f32], deviation: &[f32]) -> Subject {
        let wide = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect();
        (self.mean, self.deviation) = (wide(mean), wide(deviation));
        self
    }

    /// The network.
    pub fn model(&self) -> &Arc<dyn Layer> {
        &self.model
    }

    /// Pixels as the network takes them.
    ///
    /// **Shape** `[B, C, H, W]` → the same.
    #[track_caller]
    pub fn prepared(&self, x: &Tensor) -> Tensor {
        if self.mean.is_empty() {
            return x.clone();
        }
        (x - &by_channel(&self.mean, x)) / &by_channel(&self.deviation, x)
    }

    /// The pixels of what the network takes, held to 0 to 1: what rounding brought beyond comes back.
    ///
    /// **Shape** `[B, C, H, W]` → the same.
    #[track_caller]
    pub fn pixels(&self, x: &Tensor) -> Tensor {
        if self.mean.is_empty() {
            return x.clamp(0.0, 1.0);
        }
        (x * &by_channel(&self.deviation, x) + &by_channel(&self.mean, x)).clamp(0.0, 1.0)
    }

    /// What the pixels of a channel are around: what is subtracted from them, or one half where nothing is.
    pub fn middle(&self, channel: usize) -> f64 {
        self.mean.get(channel).copied().unwrap_or(0.5)
    }

    /// The same as a tensor that goes together with pictures like `x`.
    ///
    /// **Shape** `[B, C, H, W]` → `[1, C, 1, 1]`.
    #[track_caller]
    pub fn middles(&self, x: &Tensor) -> Tensor {
        let channels = x.size(1);
        let all: Vec<f64> = (0..channels).map(|c| self.middle(c)).collect();
        Tensor::from_slice(&all, [1, channels, 1, 1]).cast(x.dtype())
    }

    /// The score of each class, before any softmax.
    ///
    /// **Shape** `[B, C, H, W]` → `[B, K]`.
    #[track_caller]
    pub fn scores(&self, x: &Tensor) -> Tensor {
        self.model.forward(&self.prepared(x), &Context::eval())
    }

    /// The scores, and what some of the layers give on the way, by their paths.
    ///
    /// **Shape** `[B, C, H, W]` → scores `[B, K]`, and of each layer `[B, ..]`.
    ///
    /// # Errors
    /// When a layer does not exist; the nearest names are in the message.
    #[track_caller]
    pub fn watched(&self, x: &Tensor, layers: &[&str]) -> Result<Watched> {
        let found = RefCell::new(vec![None; layers.len()]);
        let known = RefCell::new(vec![]);
        let look = Context::eval().with_hook(|path, y| {
            known.borrow_mut().push(path.to_owned());
            for (slot, _) in layers.iter().enumerate().filter(|(_, layer)| **layer == path) {
                found.borrow_mut()[slot] = Some(y.clone());
            }
            None
        });
        let scores = self.model.forward(&self.prepared(x), &look);
        drop(look);
        let (found, known) = (found.into_inner(), known.into_inner());
        let one =
            |(value, layer): (Option<Tensor>, &&str)| value.ok_or_else(|| unknown(layer, &known));
        let layers = found.into_iter().zip(layers).map(one).collect::<Result<_>>()?;
        Ok(Watched { scores, layers })
    }

    /// The scores where something else stands for what a layer gives: what `change` makes of it.
    ///
    /// **Shape** `[B, C, H, W]` → `[B, K]`.
    ///
    /// # Errors
    /// When the layer does not exist.
    #[track_caller]
    pub fn changed(
        &self,
        x: &Tensor,
        layer: &str,
        change: impl Fn(&Tensor) -> Tensor,
    ) -> Result<Tensor> {
        let (met, known) = (RefCell::new(false), RefCell::new(vec![]));
        let look = Context::eval().with_hook(|path, y| {
            known.borrow_mut().push(path.to_owned());
            (path == layer).then(|| {
                *met.borrow_mut() = true;
                change(y)
            })
        });
        let scores = self.model.forward(&self.prepared(x), &look);
        drop(look);
        if met.into_inner() { Ok(scores) } else { Err(unknown(layer, &known.into_inner())) }
    }

    /// How many classes it tells apart in a picture of this shape (without the batch).
    ///
    /// # Errors
    /// When the network cannot take such a picture, or gives no scores `[B, K]`.
    pub fn classes(&self, picture: &[usize]) -> Result<usize> {
        self.classes_of(&self.blank(picture))
    }

    /// The layers in the order in which they run, with what each gives for a picture of this shape (without the batch).
    ///
    /// # Errors
    /// When the network cannot take such a picture.
    pub fn layers(&self, picture: &[usize]) -> Result<Vec<LayerShape>> {
        self.layers_of(&self.blank(picture))
    }

    /// The element type of the network's weights, which its pictures have, too; f32 of one without weights.
    pub fn dtype(&self) -> DType {
        let all = parameters(&*self.model);
        all.first().map_or(DType::F32, |(_, weights)| weights.variable().dtype())
    }

    /// A black picture of this shape, as a batch.
    fn blank(&self, picture: &[usize]) -> Tensor {
        Tensor::full_of([&[1], picture].concat().as_slice(), 0.0, self.dtype())
    }

    pub(crate) fn classes_of(&self, x: &Tensor) -> Result<usize> {
        let scores = try_build(|| self.scores(&one_like(x)))?;
        match *scores.shape() {
            [_, classes] => Ok(classes),
            _ => {
                let found = scores.shape();
                let what =
                    format!("the network gives {found} for one picture, expected scores [1, K]");
                Err(Error::shape("subject", what))
            }
        }
    }

    /// Refuses classes that do not exist, and pictures that are not as many.
    pub(crate) fn check_classes(&self, x: &Tensor, classes: &[usize]) -> Result<()> {
        check_classes(x, classes, self.classes_of(x)?)
    }

    pub(crate) fn layers_of(&self, x: &Tensor) -> Result<Vec<LayerShape>> {
        let seen = RefCell::new(vec![]);
        try_build(|| {
            let look = Context::eval().with_hook(|path, y| {
                let shape = Shape::from(&y.shape()[1..]);
                seen.borrow_mut().push(LayerShape { path: path.to_owned(), shape });
                None
            });
            self.model.forward(&self.prepared(&one_like(x)), &look)
        })?;
        Ok(seen.into_inner())
    }

    /// A layer by its path, as it is for pictures like these.
    pub(crate) fn layer_of(&self, path: &str, x: &Tensor) -> Result<LayerShape> {
        let layers = self.layers_of(x)?;
        let known: Vec<String> = layers.iter().map(|layer| layer.path.clone()).collect();
        layers.into_iter().find(|layer| layer.path == path).ok_or_else(|| unknown(path, &known))
    }
}

/// A black picture like one of these, as a batch.
fn one_like(x: &Tensor) -> Tensor {
    Tensor::full_of([&[1], &x.shape()[1..]].concat().as_slice(), 0.0, x.dtype())
}

/// A number for each channel of `x`, as a tensor beside it.
fn by_channel(values: &[f64], x: &Tensor) -> Tensor {
    let mut shape = vec![1; x.rank()];
    shape[1] = values.len();
    Tensor::from_slice(values, shape.as_slice()).cast(x.dtype())
}

/// What a network gave, and some of its layers.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The score of each class, `[B, K]`.
    pub scores: Tensor,
    /// What each layer gave that was asked for, `[B, ..]`.
    pub layers: Vec<Tensor>,
}

/// A layer, and what it gives for one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerShape {
    /// Where it is in the network: `block2.conv1`.
    pub path: String,
    /// What it gives, without the batch axis: `[C, H, W]` or `[K]`.
    pub shape: Shape,
}

impl LayerShape {
    /// How many units it has: channels of maps, or numbers.
    pub fn units(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }
}

pub(crate) fn check_classes(x: &Tensor, classes: &[usize], count: usize) -> Result<()> {
    if let Some(class) = classes.iter().find(|&&class| class >= count) {
        let what = format!("found {class}, the network has {count}, 0 to {}", count - 1);
        return Err(Error::value("class", what));
    }
    if x.size(0) != classes.len() || classes.is_empty() {
        let what = format!(
            "found {} classes for pictures {}, expected one for each",
            classes.len(),
            x.shape()
        );
        return Err(Error::value("class", what));
    }
    Ok(())
}

/// That there is no such layer among these.
pub(crate) fn unknown_among(layer: &str, known: &[LayerShape]) -> Error {
    unknown(layer, &known.iter().map(|known| known.path.clone()).collect::<Vec<_>>())
}

fn unknown(layer: &str, known: &[String]) -> Error {
    let mut near: Vec<&str> = known.iter().map(String::as_str).collect();
    near.sort_by_key(|known| strsim::osa_distance(layer, known));
    near.truncate(3);
    let near = near.join(", ");
    let what = format!("found no layer {layer:?}; the nearest of {} are {near}", known.len());
    Error::value("layer", what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_nn::{Init, Sequential, layers::*};

    fn subject() -> Subject {
        let model = Sequential::new([2, 6, 6], &Init::new(1))
            .add(conv2d(3, 3))
            .add(relu())
            .add(flatten())
            .add(dense(4));
        Subject::new(model.into()).normalized(&[0.5, 0.25], &[0.25, 0.5])
    }

    #[test]
    fn layers_are_listed_watched_and_changed_by_their_paths() {
        let (subject, x) = (subject(), Tensor::randn([2, 2, 6, 6], 3));
        let layers = subject.layers(&[2, 6, 6]).unwrap();
        let told: Vec<_> = layers.iter().map(|l| (l.path.as_str(), l.units())).collect();
        assert_eq!(told, [("conv1", 3), ("relu1", 3), ("flatten1", 48), ("dense1", 4)]);
        let watched = subject.watched(&x, &["relu1", "dense1"]).unwrap();
        assert_eq!(&*watched.layers[0].shape(), [2, 3, 4, 4]);
        assert_eq!(watched.layers[1].to_vec::<f32>(), subject.scores(&x).to_vec::<f32>());
        // Zeros where the maps were: the bias of the last layer is left.
        let changed = subject.changed(&x, "relu1", |y| y * 0.0).unwrap().to_vec::<f32>();
        assert_eq!(changed[..4], changed[4..]);
        let what = "layer: found no layer \"rleu1\"; the nearest of 4 are relu1";
        let e = subject.watched(&x, &["rleu1"]).unwrap_err().to_string();
        assert!(e.starts_with(what), "{e}");
        assert!(subject.changed(&x, "conv2", Tensor::clone).is_err());
        assert!(subject.layers(&[3, 6, 6]).is_err());
    }

    #[test]
    fn pixels_are_prepared_channel_by_channel() {
        let x = Tensor::full([1, 2, 1, 2], 0.75);
        let prepared = subject().prepared(&x);
        assert_eq!(prepared.to_vec::<f32>(), [1.0, 1.0, 1.0, 1.0]);
        assert_eq!(subject().pixels(&prepared).to_vec::<f32>(), x.to_vec::<f32>());
        assert_eq!(subject().pixels(&(prepared * 9.0)).to_vec::<f32>(), [1.0; 4]);
    }
}
