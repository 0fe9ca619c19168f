//! Keras 3's `.weights.h5`: a layer's arrays are `vars/0`, `vars/1`, … of its group, and groups are called by the layer's kind
//! and how many of that kind the model has before it. The attribute `name` of `vars`, in files of later versions, is the layer's.

use super::config::{self, Described};
use super::{Layer, Model, Order, grouped, numbered};
use crate::hdf5::Tree;
use crate::{Error, NamedArray, Result};
use std::collections::HashMap;

/// What the list of layers was called before Keras 3.
const OLD_LIST: &str = "_layer_checkpoint_dependencies";

pub(super) fn model(tree: Tree, description: Option<&str>) -> Result<Model> {
    let names: HashMap<String, String> = tree
        .groups
        .iter()
        .filter_map(|group| {
            let layer = group.path.strip_suffix("/vars")?;
            let name = group.texts.iter().find(|(n, _)| n == "name")?.1.first()?;
            Some((present(layer), name.clone()))
        })
        .collect();
    let is_optimizer = |name: &str| name.starts_with("optimizer/") || name.contains("/optimizer/");
    let (stored, others): (Vec<NamedArray>, Vec<NamedArray>) = tree
        .arrays
        .into_iter()
        .filter(|array| !is_optimizer(&array.name))
        .partition(|array| array.name.contains("/vars/"));
    if stored.is_empty() {
        return Ok(Model { layers: grouped(others), ..Model::default() });
    }
    let mut unlisted: Vec<String> = others.into_iter().map(|array| array.name).collect();
    unlisted.sort_unstable();
    let mut layers = layers(stored);
    layers.sort_by_cached_key(|(path, _)| natural(path));
    let order = if is_by_kind(&layers) { Order::Kind } else { Order::Unknown };
    let described = description.map(|text| {
        config::describe(text).ok_or_else(|| {
            Error::format(
                "config.json does not describe a model: it is no JSON, or lists no layers",
            )
        })
    });
    let places = match described.transpose()? {
        Some(described) => {
            let known: HashMap<&str, usize> =
                described.iter().enumerate().map(|(place, d)| (&*d.store, place)).collect();
            let place = |path: &str| place(path, &known, &described, &names);
            let places = layers.iter().map(|(path, _)| place(path));
            places.collect::<Result<Option<Vec<usize>>>>()?.map(|places| (places, described))
        }
        None => None,
    };
    let layers = layers.into_iter().map(|(path, layer)| {
        let kind = numbered(path.rsplit('/').next().unwrap_or(&path)).0.to_owned();
        let group = path.replace('/', ".");
        match names.get(&path).cloned() {
            Some(name) => Layer { name, group: Some(group), kind: Some(kind), ..layer },
            None => Layer { name: group, kind: Some(kind), ..layer },
        }
    });
    let mut model = Model { layers: layers.collect(), order, unlisted, ..Model::default() };
    if let Some((places, described)) = places {
        config::apply(&mut model, &places, &described);
    }
    Ok(model)
}

/// Arrays by layer, each with its group's path.
fn layers(arrays: Vec<NamedArray>) -> Vec<(String, Layer)> {
    let mut places = HashMap::new();
    let mut layers: Vec<(String, Layer)> = vec![];
    for array in arrays {
        let Some((path, part)) = array.name.rsplit_once("/vars/") else { continue };
        let (path, part) = (present(path), part.to_owned());
        let place = *places.entry(path.clone()).or_insert(layers.len());
        if place == layers.len() {
            layers.push((path, Layer::default()));
        }
        layers[place].1.parts.push(NamedArray { name: part, ..array });
    }
    for (_, layer) in &mut layers {
        layer.parts.sort_by_cached_key(|part| part.name.parse::<u64>().unwrap_or(u64::MAX));
    }
    layers
}

/// The path as Keras 3 has it.
fn present(path: &str) -> String {
    path.replace(OLD_LIST, "layers")
}

/// A path's parts, numbers compared as numbers.
fn natural(path: &str) -> Vec<(String, u64)> {
    path.split('/').map(numbered).map(|(kind, n)| (kind.to_owned(), n)).collect()
}

/// Whether the numbers tell the order of the layers of each kind: all of a kind are in one list.
fn is_by_kind(layers: &[(String, Layer)]) -> bool {
    let mut lists: HashMap<&str, &str> = HashMap::new();
    layers.iter().all(|(path, _)| {
        let Some((list, group)) = path.rsplit_once('/') else { return false };
        let kind = numbered(group).0;
        (list == "layers" || list.ends_with("/layers"))
            && *lists.entry(kind).or_insert(list) == list
    })
}

/// The described layer of a group; `None` where the description does not reach into it, as into layers of one's own.
fn place(
    path: &str,
    known: &HashMap<&str, usize>,
    described: &[Described],
    names: &HashMap<String, String>,
) -> Result<Option<usize>> {
    let Some(&place) = known.get(path) else { return Ok(None) };
    let wanted = described[place].names.last();
    match (names.get(path), wanted) {
        (Some(found), Some(wanted)) if found != wanted => Err(Error::format(format!(
            "the group `{path}` holds the layer `{found}`, by config.json it is `{wanted}`"
        ))),
        _ => Ok(Some(place)),
    }
}
