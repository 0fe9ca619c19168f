//! Weights of other programs for a network: names mapped, kernels turned, every shape checked.
//!
//! Layers are matched by name where the names are ours or known ([`names`]), else one after the other: in the order of
//! definition, which PyTorch's files keep, or in that of the numbers in names, where a file has them sorted. What fits in
//! several ways comes in several [`readings`], and what only order told is said.

mod differences;
mod keras;
mod layout;
mod matching;
pub mod names;
mod order;
mod recurrent;

use gradus_io::{DType, Error, Kind, NamedArray, Result};
use gradus_nn::{Module, Sequential, State, named_states};
use std::collections::{HashMap, HashSet};

pub use keras::{FromKeras, Matched, import_keras};
use layout::Fit;
pub use layout::{Origin, swap_input_channels};
use matching::Pairing;
pub use recurrent::import_recurrent;

/// Weights that fit a network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// Whose conventions were followed.
    pub origin: Origin,
    /// An array for each of the network's parameters and buffers, under the network's names.
    pub arrays: Vec<NamedArray>,
    /// Layers of the file that the network has no place for.
    pub left_out: Vec<String>,
    /// Layers of the network that the file does not have.
    pub missing: Vec<String>,
    /// Whether layers were matched by their order, as their names are not known.
    pub by_order: bool,
    /// Whether that is the order of the numbers in names, as the file's own is that of the alphabet.
    pub natural: bool,
    /// The layers that were matched by their order and have the shapes of another such layer: only what the network gives
    /// proves that they are not exchanged.
    pub exchangeable: Vec<String>,
}

/// The shapes that dense layers' inputs had before they were flattened, by the layers' paths.
pub type Flattened = HashMap<String, [usize; 3]>;

/// What a file of weights holds.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    /// Its arrays.
    pub arrays: Vec<NamedArray>,
    /// The names of matrices that lie `[inputs, outputs]` in it, whatever is usual where the file is from.
    pub inputs_first: HashSet<String>,
}

impl From<Vec<NamedArray>> for Weights {
    /// As is usual where the file is from.
    fn from(arrays: Vec<NamedArray>) -> Weights {
        Weights { arrays, inputs_first: HashSet::new() }
    }
}

/// The arrays of a file, as `model` needs them.
///
/// With `partial`, layers that the file lacks are listed in [`Imported::missing`] instead of being an error.
///
/// # Errors
/// When an array is missing or has another shape; the message names what is missing, left over and different.
///
/// ```
/// use gradus_io::NamedArray;
/// use gradus_models::import::{Origin, flattened, import};
/// use gradus_nn::{Init, Sequential, layers::dense};
/// let model = Sequential::new([2], &Init::new(0)).add_named("fc", dense(3).bias(false));
/// let linear = NamedArray::from_f32("module.fc.weight", [3, 2], &[1., 2., 3., 4., 5., 6.]).unwrap();
/// let imported = import(&model, &flattened(&model), Origin::PyTorch, vec![linear], false).unwrap();
/// assert_eq!(imported.arrays[0].name, "fc.weight");
/// assert_eq!(imported.arrays[0].to_f32().unwrap(), [1., 3., 5., 2., 4., 6.]); // [2, 3]
/// ```
pub fn import(
    model: &dyn Module,
    flattened: &Flattened,
    origin: Origin,
    arrays: Vec<NamedArray>,
    partial: bool,
) -> Result<Imported> {
    let weights = Weights { arrays, ..Weights::default() };
    let mut all = readings(model, flattened, &[origin], weights, partial)?;
    Ok(all.swap_remove(0))
}

/// Every way in which the arrays of a file fit `model`, likeliest first, by the conventions of `origins` in their order: a
/// square dense layer may be turned or not, layers of equal shapes may follow in the order of the numbers in their names or in
/// the file's. Ways that come to the same weights are one.
///
/// # Errors
/// As [`import`], for the first of `origins`, when there is none.
///
/// ```
/// use gradus_io::NamedArray;
/// use gradus_models::import::{Origin, flattened, readings};
/// use gradus_nn::{Init, Sequential, layers::dense};
/// let model = Sequential::new([2], &Init::new(0)).add_named("fc", dense(2).bias(false));
/// let square = NamedArray::from_f32("fc.weight", [2, 2], &[1., 2., 3., 4.]).unwrap();
/// let origins = [Origin::PyTorch, Origin::Gradus];
/// let all = readings(&model, &flattened(&model), &origins, vec![square].into(), false).unwrap();
/// assert_eq!(all[0].arrays[0].to_f32().unwrap(), [1., 3., 2., 4.]);
/// assert_eq!(all[1].arrays[0].to_f32().unwrap(), [1., 2., 3., 4.]);
/// ```
pub fn readings(
    model: &dyn Module,
    flattened: &Flattened,
    origins: &[Origin],
    weights: Weights,
    partial: bool,
) -> Result<Vec<Imported>> {
    let ours = our_layers(model);
    let sorted = order::is_sorted(&weights.arrays);
    let mut theirs = their_layers(weights);
    if let Some(layers) = matching::listed(&ours, &theirs) {
        theirs = layers;
    }
    matching::unwrap(&ours, &mut theirs);
    let (mut found, mut why): (Vec<Imported>, Option<Error>) = (vec![], None);
    for &origin in origins {
        let match_up = Match { ours: &ours, theirs: &theirs, origin, flattened };
        let pairings = matching::pairings(&ours, &theirs, sorted, origin);
        let fitting = match_up.fitting(&pairings, partial);
        if fitting.is_empty() {
            why.get_or_insert_with(|| match_up.error(&pairings, partial));
        }
        for pairing in fitting {
            let imported = match_up.imported(pairing)?;
            if found.iter().all(|other| other.arrays != imported.arrays) {
                found.push(imported);
            }
        }
    }
    match (found.is_empty(), why) {
        (true, Some(why)) => Err(why),
        _ => Ok(found),
    }
}

/// Our layers and the file's, by their numbers.
struct Match<'a> {
    ours: &'a [OurLayer],
    theirs: &'a [TheirLayer],
    origin: Origin,
    flattened: &'a Flattened,
}

impl Match<'_> {
    /// What a layer of the file has for each part of one of ours.
    fn fit(&self, our: usize, their: usize) -> Vec<Fit<'_>> {
        let ours = &self.ours[our];
        layout::fit(ours, &self.theirs[their], self.origin, self.flattened.get(&ours.name))
    }

    /// The ways of matching that fit. With `partial` those that leave layers out fit too, if they are all there is.
    fn fitting<'p>(&self, pairings: &'p [Pairing], partial: bool) -> Vec<&'p Pairing> {
        let mut found: Vec<&Pairing> = vec![];
        for pairing in pairings.iter().filter(|pairing| self.fits(&pairing.pairs, false)) {
            // Where names and an order fit together, that order alone is no other way.
            let is_known =
                |other: &&Pairing| other.pairs == pairing.pairs || other.natural == pairing.natural;
            if !found.iter().any(is_known) {
                found.push(pairing);
            }
        }
        // Of a file of which nothing has a place, nothing is imported.
        let some = |pairing: &&Pairing| pairing.pairs.iter().any(Option::is_some);
        let part = pairings.last().filter(|p| partial && found.is_empty() && some(p));
        found.extend(part.filter(|pairing| self.fits(&pairing.pairs, true)));
        found
    }

    /// Why nothing fits.
    fn error(&self, pairings: &[Pairing], partial: bool) -> Error {
        let named = |pairing: &&Pairing| pairing.by_order.is_empty();
        let best = pairings.iter().find(|pairing| !partial || named(pairing)).or(pairings.last());
        let pairs = best.map_or(vec![], |pairing| pairing.pairs.clone());
        let partial = partial && pairs.iter().any(Option::is_some);
        Error::new(Kind::Mismatch, differences::describe(self, pairs, partial))
    }

    /// The arrays in our order and under our names.
    fn imported(&self, pairing: &Pairing) -> Result<Imported> {
        let mut imported = Imported {
            origin: self.origin,
            by_order: !pairing.by_order.is_empty(),
            natural: pairing.natural,
            exchangeable: matching::exchangeable(self.ours, &pairing.by_order),
            ..Imported::default()
        };
        for (i, (layer, pair)) in self.ours.iter().zip(&pairing.pairs).enumerate() {
            let Some(their) = *pair else {
                imported.missing.push(layer.name.clone());
                continue;
            };
            for (fit, (part, dtype, _)) in self.fit(i, their).iter().zip(&layer.parts) {
                let array = fit.array(format!("{}.{part}", layer.name), *dtype);
                imported.arrays.extend(array.transpose()?);
            }
        }
        let used: HashSet<usize> = pairing.pairs.iter().flatten().copied().collect();
        let left = (0..self.theirs.len()).filter(|i| !used.contains(i));
        imported.left_out = left.map(|i| self.theirs[i].called()).collect();
        Ok(imported)
    }

    /// Whether every layer of ours has one whose parts are as many and of the right shapes.
    fn fits(&self, pairs: &[Option<usize>], partial: bool) -> bool {
        let fits = |our: usize, their: usize| {
            let parts = &self.ours[our].parts;
            parts.len() >= self.theirs[their].parts.len()
                && self.fit(our, their).iter().zip(parts).all(|(f, p)| f.shape() == Some(&p.2[..]))
        };
        pairs.iter().enumerate().all(|(our, pair)| pair.map_or(partial, |their| fits(our, their)))
    }
}

/// Which dense layers follow a flattening, and of what.
pub fn flattened(model: &Sequential) -> Flattened {
    let mut found = Flattened::new();
    let (mut shape, mut before) = (model.input_shape(), None);
    for row in model.summary().rows {
        if row.layer.starts_with("Flatten") {
            before = <[usize; 3]>::try_from(&*shape).ok();
        } else if row.layer.starts_with("Dense")
            && let Some(before) = before.take()
        {
            found.insert(row.path.clone(), before);
        }
        shape = row.output;
    }
    found
}

/// A layer's own state: its path, and the shape of each part.
pub(crate) struct OurLayer {
    pub(crate) name: String,
    pub(crate) parts: Vec<(String, DType, Vec<usize>)>,
}

/// What a file has under one path.
pub(crate) struct TheirLayer {
    pub(crate) name: String,
    pub(crate) parts: Vec<NamedArray>,
    /// The names of those that lie `[inputs, outputs]`, whatever is usual.
    pub(crate) inputs_first: Vec<String>,
}

impl TheirLayer {
    /// Its name; of arrays that belong to no layer theirs.
    fn called(&self) -> String {
        let arrays = || self.parts.iter().map(|a| &*a.name).collect::<Vec<_>>().join(", ");
        if self.name.is_empty() { arrays() } else { self.name.clone() }
    }
}

fn our_layers(model: &dyn Module) -> Vec<OurLayer> {
    let mut layers: Vec<OurLayer> = vec![];
    for (path, state) in named_states(model) {
        let variable = match state {
            State::Parameter(p) => p.variable().clone(),
            State::Buffer(v) => v.clone(),
            State::Child(_) => continue,
        };
        let (layer, part) = path.rsplit_once('.').unwrap_or(("", &path));
        let part = (part.to_owned(), layout::read_as(variable.dtype()), variable.shape().to_vec());
        match layers.last_mut() {
            Some(last) if last.name == layer => last.parts.push(part),
            _ => layers.push(OurLayer { name: layer.to_owned(), parts: vec![part] }),
        }
    }
    layers
}

/// The file's arrays by layer, in the file's order; counters and optimisers' state are no weights.
fn their_layers(Weights { arrays, inputs_first }: Weights) -> Vec<TheirLayer> {
    let keras_root = arrays.iter().any(|array| array.name.starts_with("model_weights/"));
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut layers: Vec<TheirLayer> = vec![];
    for array in arrays {
        let name = match array.name.strip_prefix("model_weights/") {
            None if keras_root => continue, // beside the weights: the optimiser
            name => name.unwrap_or(&array.name).replace('/', "."),
        };
        let name = name.strip_prefix("module.").unwrap_or(&name); // torch.nn.DataParallel
        let (layer, part) = name.rsplit_once('.').unwrap_or(("", name));
        if is_counter(part, &array) || layer.starts_with("optimizer") {
            continue;
        }
        let layer = layer.strip_suffix(".vars").unwrap_or(layer).to_owned(); // Keras 3
        let part = part.trim_end_matches(":0").to_owned();
        let is_inputs_first = inputs_first.contains(&array.name);
        let array = NamedArray { name: part.clone(), ..array };
        let place = *places.entry(layer.clone()).or_insert(layers.len());
        if place == layers.len() {
            layers.push(TheirLayer { name: layer, parts: vec![], inputs_first: vec![] });
        }
        layers[place].parts.push(array);
        layers[place].inputs_first.extend(is_inputs_first.then_some(part));
    }
    layers
}

/// What counts how often a layer ran, or what it costs, and is no weight: batch norms' counter, and the buffers that
/// profilers (thop) leave in every layer.
fn is_counter(part: &str, array: &NamedArray) -> bool {
    let is_integer = !matches!(array.dtype, DType::F32 | DType::F64 | DType::F16 | DType::BF16);
    ["num_batches_tracked", "total_ops", "total_params"].contains(&part)
        || (is_integer && array.shape.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_nn::Init;

    /// Every layer of torchvision's networks finds one of the zoo, in whose order and shape its weights are.
    #[test]
    fn torchvisions_networks_have_their_places() {
        let text = include_str!("../../tests/fixtures/torchvision.txt");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let mut files: Vec<(&str, Vec<NamedArray>)> = vec![];
        for line in lines {
            let [net, name, shape] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
            let shape = shape.split('x').map(|size| size.parse().unwrap()).collect();
            let array = NamedArray { name: name.into(), dtype: DType::F32, shape, data: vec![] };
            match files.last_mut() {
                Some((last, arrays)) if *last == net => arrays.push(array),
                _ => files.push((net, vec![array])),
            }
        }
        assert_eq!(files.len(), 8);
        for (net, arrays) in files {
            let entry = crate::find(net).unwrap();
            let model = (entry.build)(&entry.design(), &Init::blank());
            let (ours, theirs) = (our_layers(&model), their_layers(arrays.into()));
            let pairs = &matching::pairings(&ours, &theirs, false, Origin::PyTorch)[0].pairs;
            for (our, pair) in ours.iter().zip(pairs) {
                let their = &theirs[pair.unwrap_or_else(|| panic!("{net}: {}", our.name))];
                for (part, _, shape) in &our.parts {
                    let found = their.parts.iter().find(|array| array.name == *part);
                    let mut found =
                        found.unwrap_or_else(|| panic!("{net}: {}", our.name)).shape.clone();
                    if found.len() == 2 {
                        found.reverse();
                    }
                    assert_eq!(found, *shape, "{net}: {} and {}", our.name, their.name);
                }
            }
            let places: HashSet<_> = pairs.iter().collect();
            assert_eq!(places.len(), pairs.len(), "{net}: a layer is used twice");
            let unused = (0..theirs.len()).filter(|i| !places.contains(&Some(*i)));
            let unused: Vec<&str> = unused.map(|i| theirs[i].name.as_str()).collect();
            assert!(unused.iter().all(|name| names::is_auxiliary(name)), "{net}: {unused:?}");
        }
    }
}
