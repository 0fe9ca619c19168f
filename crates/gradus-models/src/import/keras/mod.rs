//! Weights of Keras's files for a network. Layers are matched by their names where those are known; else, where the file
//! describes its model, by how layers are connected; else by their order, as far as the file tells it and no other match fits.
//!
//! Two things that only prediction can bear are folded into running statistics: biases before batch norms that the network
//! does not have, and another ε.

mod matching;
mod structure;

use super::names::KerasBlock;
use super::{Imported, Match, Origin, OurLayer, TheirLayer, differences, flattened, our_layers};
use gradus_base::Shape;
use gradus_io::keras::{Model, Padding};
use gradus_io::{DType, Error, Kind, NamedArray, Result};
use gradus_nn::Sequential;
use std::collections::HashSet;

use matching::Found;
pub use matching::Matched;
use structure::{Place, Species};

/// ε of Keras's batch norms unless told.
const EPSILON: f64 = 1e-3;
/// That of Keras's ResNets.
const RESNET_EPSILON: f64 = 1.001e-5;

/// Weights of a file of Keras's that fit a network.
#[derive(Clone, Debug)]
pub struct FromKeras {
    /// The weights, and what had no place.
    pub weights: Imported,
    /// How layers were matched.
    pub matched: Matched,
    /// Convolutions whose biases were folded into the running means of the batch norms behind them: only predictions are the
    /// same, up to rounding.
    pub folded: Vec<String>,
    /// The ε that the file's batch norms have, if the network's is another: the difference is in the running variances.
    pub epsilon: Option<f64>,
    /// That ε, if the file does not tell it and it was taken as Keras's own.
    pub assumed: Option<f64>,
    /// Convolutions with strides whose padding the file does not tell, and Keras's `same` would be another than the network's.
    pub untold: Vec<String>,
}

/// The arrays of a file of Keras's, as `model` needs them. `epsilon` is that of the file's batch norms if the file does not
/// tell; without it, that of Keras's network if the names are such a one's, else Keras's 0.001.
///
/// With `partial`, layers that the file lacks are listed instead of being an error; layers are matched by name alone then.
///
/// # Errors
/// When an array is missing or has another shape, when several ways to match layers fit, or when the file's strides or padding
/// are not the network's.
///
/// ```
/// use gradus_io::{NamedArray, keras};
/// use gradus_models::import::import_keras;
/// use gradus_nn::{Init, Sequential, layers::dense};
/// let model = Sequential::new([2], &Init::new(0)).add_named("fc", dense(1).bias(false));
/// let kernel = NamedArray::from_f32("kernel", [2, 1], &[3.0, 4.0]).unwrap();
/// let layer = keras::Layer { name: "dense_7".into(), parts: vec![kernel], ..Default::default() };
/// let file = keras::Model { layers: vec![layer], order: keras::Order::Model, ..Default::default() };
/// let found = import_keras(&model, file, None, false).unwrap();
/// assert_eq!(found.weights.arrays[0].name, "fc.weight");
/// ```
pub fn import_keras(
    model: &Sequential,
    file: Model,
    epsilon: Option<f64>,
    partial: bool,
) -> Result<FromKeras> {
    let ours = our_layers(model);
    let places = structure::places(model, &ours);
    let resnet = file.layers.iter().any(|layer| KerasBlock::of(last(&layer.name)).is_some());
    let (theirs, told): (Vec<TheirLayer>, Vec<Told>) =
        file.layers.into_iter().map(|layer| Told::split(layer, resnet)).unzip();
    let flattened = flattened(model);
    let all = Match { ours: &ours, theirs: &theirs, origin: Origin::Keras, flattened: &flattened };
    let network = Network { all, places: places.as_deref(), told: &told };
    let found = matching::matched(&network, file.order, file.connected, partial)?;
    if !network.fits(&found.pairs, partial) {
        let what = differences::describe(&network.all, found.pairs, partial);
        return Err(Error::new(Kind::Mismatch, what));
    }
    let untold = network.check_geometry(&found.pairs)?;
    Ok(FromKeras { untold, ..network.take(found, epsilon)? })
}

/// What a file says of a layer beside its weights.
struct Told {
    /// Another name that it may be known by.
    group: Option<String>,
    kind: Option<String>,
    inputs: Vec<usize>,
    concatenated: bool,
    epsilon: Option<f64>,
    strides: Option<[usize; 2]>,
    padding: Option<Padding>,
}

impl Told {
    fn split(layer: gradus_io::keras::Layer, resnet: bool) -> (TheirLayer, Told) {
        let mut settings = layer.settings;
        // What Keras's own networks are called says how they are made.
        if resnet {
            settings.epsilon = settings.epsilon.or(Some(RESNET_EPSILON));
            let (strides, padding) = match KerasBlock::of(last(&layer.name)) {
                Some(KerasBlock { stage: 2.., block: 0, place: 0 | 1, .. }) => ([2; 2], (0, 0)),
                Some(KerasBlock { place: 2, .. }) => ([1; 2], (1, 1)),
                Some(_) => ([1; 2], (0, 0)),
                None => ([2; 2], (3, 3)), // the first
            };
            settings.strides = settings.strides.or(Some(strides));
            settings.padding = settings.padding.or(Some(Padding::Exact([padding; 2])));
        }
        let (epsilon, strides) = (settings.epsilon, settings.strides);
        let group = layer.group;
        let (kind, inputs, concatenated) = (layer.kind, layer.inputs, layer.concatenated);
        let padding = settings.padding;
        let told = Told { group, kind, inputs, concatenated, epsilon, strides, padding };
        let (name, parts) = (layer.name.replace('/', "."), layer.parts);
        (TheirLayer { name, parts, inputs_first: vec![] }, told)
    }

    /// What a layer of the kind is; `None` where the kind is not known, or one of one's own.
    fn species(&self) -> Option<Species> {
        Some(match self.kind.as_deref()? {
            "conv2d" => Species::Convolution,
            "depthwise_conv2d" => Species::Depthwise,
            "dense" => Species::Dense,
            "batch_normalization" => Species::Norm,
            _ => return None,
        })
    }
}

/// A layer's own name.
fn last(path: &str) -> &str {
    path.rsplit(['.', '/']).next().unwrap_or(path)
}

/// A network and a file.
struct Network<'a> {
    all: Match<'a>,
    places: Option<&'a [Place]>,
    told: &'a [Told],
}

impl Network<'_> {
    fn ours(&self, our: usize) -> &OurLayer {
        &self.all.ours[our]
    }
    fn theirs(&self, their: usize) -> &TheirLayer {
        &self.all.theirs[their]
    }

    /// Whether a layer of the file can be one of ours: all our parts have their shapes there, and nothing else is there but a
    /// bias that can be folded.
    fn fits_layer(&self, our: usize, their: usize) -> bool {
        let (ours, theirs) = (self.ours(our), self.theirs(their));
        let shapes = self.all.fit(our, their);
        let same = shapes.iter().zip(&ours.parts).all(|(f, p)| f.shape() == Some(&p.2[..]));
        let more = usize::from(self.bias_to_fold(our, their).is_some());
        same && theirs.parts.len() <= ours.parts.len() + more
    }

    /// The bias of a layer of the file where ours has none but a batch norm behind it, and that norm's number.
    fn bias_to_fold(&self, our: usize, their: usize) -> Option<(&NamedArray, usize)> {
        let (ours, theirs) = (self.ours(our), self.theirs(their));
        let norm = self.places?.get(our)?.norm?;
        let lacks = ours.parts.len() == 1 && theirs.parts.len() == 2;
        let bias = theirs.parts.iter().find(|part| ["bias", "1"].contains(&&*part.name))?;
        let channels = &self.ours(norm).parts[0].2;
        (lacks && bias.shape == *channels).then_some((bias, norm))
    }

    fn fits(&self, pairs: &[Option<usize>], partial: bool) -> bool {
        let mut pairs = pairs.iter().enumerate();
        pairs.all(|(our, pair)| pair.map_or(partial, |their| self.fits_layer(our, their)))
    }

    /// Refuses convolutions that slide or pad otherwise: the same weights give other outputs there. Those of which the file
    /// does not tell it are returned, where it matters.
    fn check_geometry(&self, pairs: &[Option<usize>]) -> Result<Vec<String>> {
        let (mut different, mut untold) = (vec![], vec![]);
        for (our, place) in self.places.unwrap_or_default().iter().enumerate() {
            let Some(their) = pairs[our] else { continue };
            let told = &self.told[their];
            let (Some(window), Some(own)) =
                (place.layer.window(), place.layer.window_padding(&place.input))
            else {
                continue;
            };
            let [name, file] = [&self.ours(our).name, &self.theirs(their).name];
            let strides = window.map(|(_, stride, _)| stride);
            if let Some(found) = told.strides.filter(|found| *found != strides) {
                different.push(format!(
                    "{name}: the file's `{file}` has strides {found:?}, the network's {strides:?}"
                ));
                continue;
            }
            let same = same_padding(window, &place.input);
            let found = told.padding.map(|padding| match padding {
                Padding::Exact(sides) => sides.map(|(before, after)| [before, after]),
                Padding::Same => same,
            });
            match found {
                Some(found) if found != own => different.push(format!(
                    "{name}: the file's `{file}` puts {found:?} zeros (before and after, along height and width) around its input, the network {own:?}"
                )),
                None if strides != [1, 1] && same != own => untold.push(name.clone()),
                _ => {}
            }
        }
        let Some(first) = different.first() else { return Ok(untold) };
        let more = match different.len() {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        let of_resnet = |layer: &TheirLayer| KerasBlock::of(last(&layer.name)).is_some();
        let remedy = match self.all.theirs.iter().any(of_resnet) {
            true => {
                "; Keras's ResNets have their strides on the first 1×1: --model resnet50_v1, resnet101_v1 or resnet152_v1"
            }
            false => "",
        };
        let what = format!(
            "the file's network has the same shapes but is another one\n  {first}{more}{remedy}"
        );
        Err(Error::new(Kind::Mismatch, what))
    }

    /// Our arrays.
    fn take(&self, found: Found, epsilon: Option<f64>) -> Result<FromKeras> {
        let mut taken = FromKeras {
            weights: Imported { origin: Origin::Keras, ..Imported::default() },
            matched: found.matched,
            folded: vec![],
            epsilon: None,
            assumed: None,
            untold: vec![],
        };
        let arrays = &mut taken.weights.arrays;
        let mut starts = vec![];
        for (our, pair) in found.pairs.iter().enumerate() {
            starts.push(arrays.len());
            let layer = self.ours(our);
            let Some(their) = *pair else {
                taken.weights.missing.push(layer.name.clone());
                continue;
            };
            for (fit, (part, dtype, _)) in self.all.fit(our, their).iter().zip(&layer.parts) {
                let array = fit.array(format!("{}.{part}", layer.name), *dtype);
                arrays.extend(array.transpose()?);
            }
        }
        let mut statistic = |norm: usize, part: &str, change: &dyn Fn(usize) -> f64| {
            let place = self.ours(norm).parts.iter().position(|p| p.0 == part);
            let place = place.filter(|_| found.pairs[norm].is_some());
            place.map_or(Ok(()), |place| add(&mut arrays[starts[norm] + place], change))
        };
        for (our, pair) in found.pairs.iter().enumerate() {
            let Some(their) = *pair else { continue };
            if let Some((bias, norm)) = self.bias_to_fold(our, their) {
                let bias = doubles(bias)?;
                statistic(norm, "running_mean", &|i| -bias[i])?;
                taken.folded.push(self.ours(our).name.clone());
            }
            let place = self.places.map(|places| &places[our]);
            if let Some(own) = place.and_then(|place| place.layer.epsilon()) {
                let told = self.told[their].epsilon;
                let theirs = told.or(epsilon).unwrap_or(EPSILON);
                if theirs != own {
                    if told.is_none() && epsilon.is_none() {
                        taken.assumed = Some(theirs);
                    }
                    statistic(our, "running_var", &|_| theirs - own)?;
                    taken.epsilon = Some(theirs);
                }
            }
        }
        let used: HashSet<usize> = found.pairs.iter().flatten().copied().collect();
        let left = (0..self.all.theirs.len()).filter(|i| !used.contains(i));
        taken.weights.left_out = left.map(|i| self.theirs(i).name.clone()).collect();
        taken.weights.by_order = matches!(found.matched, Matched::Order | Matched::Kinds);
        Ok(taken)
    }
}

/// What Keras's `same` puts around an input: as little as gives ⌈size / stride⌉ outputs, of an odd number one more behind.
fn same_padding(window: [(usize, usize, usize); 2], input: &Shape) -> [[usize; 2]; 2] {
    [0, 1].map(|axis| {
        let (kernel, stride, dilation) = window[axis];
        let size = input.get(1 + axis).copied().unwrap_or(0);
        let reach = dilation * (kernel.max(1) - 1) + 1;
        let whole = (size.div_ceil(stride).max(1) - 1) * stride + reach;
        let more = whole.saturating_sub(size);
        [more / 2, more - more / 2]
    })
}

/// Adds to each element of an array of floats, rounding once.
fn add(array: &mut NamedArray, change: &dyn Fn(usize) -> f64) -> Result<()> {
    let dtype = array.dtype;
    let mut values = doubles(array)?;
    values.iter_mut().enumerate().for_each(|(i, value)| *value += change(i));
    let name = std::mem::take(&mut array.name);
    let data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    *array = NamedArray::new(name, DType::F64, array.shape.clone(), data)?.cast(dtype)?;
    Ok(())
}

fn doubles(array: &NamedArray) -> Result<Vec<f64>> {
    let wide = array.cast(DType::F64)?;
    Ok(wide.data.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
}
