//! Weights of other programs for a network: names mapped, kernels turned, every shape checked.
//!
//! Layers are matched by name where the names are ours or known ([`names`]), else, in files that keep
//! the order of definition as PyTorch's do, one after the other.

mod layout;
pub mod names;

use gradus_io::{ElementType, Error, Kind, NamedArray, Result};
use gradus_nn::{Module, Sequential, State, named_states};
use std::collections::{HashMap, HashSet};

pub use layout::{Origin, swap_input_channels};

/// How many lines of each sort a message lists.
const LISTED: usize = 8;

/// Weights that fit a network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// An array for each of the network's parameters and buffers, under the network's names.
    pub arrays: Vec<NamedArray>,
    /// Layers of the file that the network has no place for.
    pub left_out: Vec<String>,
    /// Layers of the network that the file does not have.
    pub missing: Vec<String>,
    /// Whether layers were matched by their order, as their names are not known.
    pub by_order: bool,
}

/// The shapes that dense layers' inputs had before they were flattened, by the layers' paths.
pub type Flattened = HashMap<String, [usize; 3]>;

/// The arrays of a file, as `model` needs them.
///
/// With `partial`, layers that the file lacks are listed in [`Imported::missing`] instead of being an error.
///
/// # Errors
/// When a layer is missing, or an array has another shape; the message lists all that differs.
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
    let ours = our_layers(model);
    let theirs = their_layers(arrays);
    let (pairs, by_order) = matched(&ours, &theirs, origin);
    let used: HashSet<usize> = pairs.iter().flatten().copied().collect();
    let mut imported = Imported { by_order, ..Imported::default() };
    let mut different = vec![];
    for (layer, pair) in ours.iter().zip(&pairs) {
        let Some(their) = pair.map(|i| &theirs[i]) else {
            imported.missing.push(layer.name.clone());
            continue;
        };
        let before = flattened.get(&layer.name);
        match layout::layer(layer, their, origin, before) {
            Ok(arrays) => imported.arrays.extend(arrays),
            Err(what) => different.push(what),
        }
    }
    imported.left_out =
        (0..theirs.len()).filter(|i| !used.contains(i)).map(|i| theirs[i].name.clone()).collect();
    let mut sections = vec![];
    if !partial && !imported.missing.is_empty() {
        sections.push(section("missing in the file", &missing(&imported)));
        if !imported.left_out.is_empty() {
            sections.push(section("without a place in the network", &imported.left_out));
        }
    }
    if !different.is_empty() {
        sections.push(section("different", &different));
    }
    match sections.is_empty() {
        true => Ok(imported),
        false => {
            let what = format!("the weights are not this network's\n{}", sections.join("\n"));
            Err(Error::new(Kind::Mismatch, what))
        }
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
    pub(crate) parts: Vec<(String, ElementType, Vec<usize>)>,
}

/// What a file has under one path.
pub(crate) struct TheirLayer {
    pub(crate) name: String,
    pub(crate) parts: Vec<NamedArray>,
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
        let part =
            (part.to_owned(), layout::element_type(variable.dtype()), variable.shape().to_vec());
        match layers.last_mut() {
            Some(last) if last.name == layer => last.parts.push(part),
            _ => layers.push(OurLayer { name: layer.to_owned(), parts: vec![part] }),
        }
    }
    layers
}

/// The file's arrays by layer, in the file's order; counters and optimisers' state are no weights.
fn their_layers(arrays: Vec<NamedArray>) -> Vec<TheirLayer> {
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
        if part == "num_batches_tracked" || layer.starts_with("optimizer") {
            continue;
        }
        let layer = layer.strip_suffix(".vars").unwrap_or(layer).to_owned(); // Keras 3
        let array = NamedArray { name: part.trim_end_matches(":0").to_owned(), ..array };
        let place = *places.entry(layer.clone()).or_insert(layers.len());
        if place == layers.len() {
            layers.push(TheirLayer { name: layer, parts: vec![] });
        }
        layers[place].parts.push(array);
    }
    layers
}

/// For each of our layers the file's layer; whether they were matched by their order.
fn matched(ours: &[OurLayer], theirs: &[TheirLayer], origin: Origin) -> (Vec<Option<usize>>, bool) {
    let places: HashMap<&str, usize> =
        ours.iter().enumerate().map(|(i, layer)| (layer.name.as_str(), i)).collect();
    let mut pairs = vec![None; ours.len()];
    for (i, their) in theirs.iter().enumerate() {
        let place = names::candidates(&their.name).find_map(|name| places.get(&*name).copied());
        if let Some(place) = place {
            pairs[place].get_or_insert(i);
        }
    }
    if pairs.iter().all(Option::is_some) || origin == Origin::Keras {
        return (pairs, false);
    }
    // Heads that only training uses stand at the end, and only in the file.
    let kept: Vec<usize> =
        (0..theirs.len()).filter(|&i| !names::is_auxiliary(&theirs[i].name)).collect();
    let same = |(our, &i): (&OurLayer, &usize)| our.parts.len() == theirs[i].parts.len();
    match kept.len() == ours.len() && ours.iter().zip(&kept).all(same) {
        true => (kept.into_iter().map(Some).collect(), true),
        false => (pairs, false),
    }
}

/// What is missing, each with the closest name among what was left out.
fn missing(imported: &Imported) -> Vec<String> {
    let lines = imported.missing.iter().map(|name| {
        let near = imported.left_out.iter().map(|other| (distance(name, other), other)).min();
        match near {
            Some((distance, other)) if distance <= name.len().div_ceil(2) => {
                format!("{name} (the file has `{other}`)")
            }
            _ => name.clone(),
        }
    });
    lines.collect()
}

fn section(title: &str, lines: &[String]) -> String {
    let mut text = format!("  {title} ({}):", lines.len());
    for line in lines.iter().take(LISTED) {
        text.push_str("\n    ");
        text.push_str(line);
    }
    if lines.len() > LISTED {
        text.push_str(&format!("\n    and {} more", lines.len() - LISTED));
    }
    text
}

/// Insertions, deletions and replacements that make one name of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(100).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(100).enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (corner + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[b.len()]
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
            let array =
                NamedArray { name: name.into(), dtype: ElementType::F32, shape, data: vec![] };
            match files.last_mut() {
                Some((last, arrays)) if *last == net => arrays.push(array),
                _ => files.push((net, vec![array])),
            }
        }
        assert_eq!(files.len(), 8);
        for (net, arrays) in files {
            let entry = crate::find(net).unwrap();
            let model = (entry.build)(&entry.design(), &Init::blank());
            let (ours, theirs) = (our_layers(&model), their_layers(arrays));
            let (pairs, _) = matched(&ours, &theirs, Origin::PyTorch);
            for (our, pair) in ours.iter().zip(&pairs) {
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
