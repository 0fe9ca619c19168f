//! The `.h5` of before Keras 3: groups by the layers' names, in the order of the attribute `layer_names`; a whole model lies
//! under `model_weights`, beside its description in the attribute `model_config` and an optimiser.

use super::config::{self, Described};
use super::{Layer, Model, Order, numbered, part_name};
use crate::hdf5::{Group, Tree};
use crate::{Error, NamedArray, Result};
use std::collections::{HashMap, HashSet};

/// The group that lists layers: the first one, or the weights of a whole model.
pub(super) fn root(tree: &Tree) -> Option<String> {
    let lists = |path: &&str| {
        tree.groups.iter().any(|g| g.path == *path && list(g, "layer_names").is_some())
    };
    ["model_weights", ""].into_iter().find(lists).map(str::to_owned)
}

pub(super) fn model(tree: Tree, root: &str) -> Result<Model> {
    let prefix = if root.is_empty() { String::new() } else { format!("{root}/") };
    let groups: HashMap<&str, &Group> = tree.groups.iter().map(|g| (&*g.path, g)).collect();
    let listed = groups.get(root).and_then(|g| list(g, "layer_names")).unwrap_or_default();
    let described = groups.get("").and_then(|g| list(g, "model_config"));
    let described = described.and_then(|text| config::describe(text.first()?));
    let mut arrays: HashMap<String, NamedArray> =
        tree.arrays.into_iter().map(|array| (array.name.clone(), array)).collect();
    let mut model = Model { order: Order::Model, ..Model::default() };
    let mut seen = HashSet::new();
    for name in &listed {
        if !seen.insert(name) {
            return Err(Error::format(format!("layer_names lists the layer `{name}` twice")));
        }
        let path = format!("{prefix}{name}");
        let Some(group) = groups.get(&*path) else {
            let what =
                format!("layer_names lists the layer `{name}`, which has no group in the file");
            return Err(Error::format(what));
        };
        let weights = list(group, "weight_names").unwrap_or_default();
        let layers = of_group(name, &path, &weights, &mut arrays)?;
        let is_sorted = is_in_order(&layers);
        model.layers.extend(layers);
        if !is_sorted && described.is_none() {
            model.order = Order::Unknown;
        }
    }
    if let Some(described) = described {
        arrange(&mut model, &described);
    }
    // What lies outside is the optimiser, if there is an outside.
    let left = arrays.into_keys().filter_map(|name| {
        let inner = name.strip_prefix(&prefix)?;
        let optimizer = root.is_empty() && inner.starts_with("optimizer_weights/");
        (!optimizer).then(|| inner.split('/').next().unwrap_or(inner).to_owned())
    });
    model.unlisted = left.collect();
    model.unlisted.sort_unstable();
    model.unlisted.dedup();
    Ok(model)
}

/// The layers of a listed group: one, or those of a model inside.
fn of_group(
    name: &str,
    path: &str,
    weights: &[String],
    arrays: &mut HashMap<String, NamedArray>,
) -> Result<Vec<Layer>> {
    let mut layers: Vec<(&str, Layer)> = vec![];
    let mut places: HashMap<&str, usize> = HashMap::new();
    for weight in weights {
        let Some(array) = arrays.remove(&format!("{path}/{weight}")) else {
            let what = format!(
                "weight_names of the layer `{name}` lists `{weight}`, which is no array of its group"
            );
            return Err(Error::format(what));
        };
        let (inner, part) = weight.rsplit_once('/').unwrap_or(("", weight));
        let part = NamedArray { name: part_name(part), ..array };
        let place = *places.entry(inner).or_insert(layers.len());
        if place == layers.len() {
            layers.push((inner, Layer::default()));
        }
        layers[place].1.parts.push(part);
    }
    // A single layer's arrays may lie below a name of TensorFlow's own; it is the group's that counts.
    let single = layers.len() == 1;
    let named = |(inner, layer): (&str, Layer)| {
        let inner = inner.strip_prefix(name).map_or(inner, |rest| rest.trim_start_matches('/'));
        let inner = inner.replace('/', ".");
        let name =
            if single || inner.is_empty() { name.to_owned() } else { format!("{name}.{inner}") };
        Layer { name, ..layer }
    };
    Ok(layers.into_iter().map(named).collect())
}

/// Whether layers of a model inside can be in its order: trainable weights are listed before frozen ones, so where some of
/// its layers are frozen, those come last. Numbers that Keras gave tell.
fn is_in_order(layers: &[Layer]) -> bool {
    let mut last: HashMap<&str, u64> = HashMap::new();
    layers.len() <= 1
        || layers.iter().all(|layer| {
            let (kind, number) = numbered(layer.name.rsplit('.').next().unwrap_or(&layer.name));
            last.insert(kind, number).is_none_or(|before| before < number)
        })
}

/// Puts layers into the order of the model's description, and connects them.
fn arrange(model: &mut Model, described: &[Described]) {
    // By the whole path, or by both its ends: what lies in between may be TensorFlow's. A path that comes twice tells nothing.
    let mut known: HashMap<String, Option<usize>> = HashMap::new();
    for (place, layer) in described.iter().enumerate() {
        let whole = layer.names.join(".");
        let ends = ends(&whole);
        for name in [Some(whole), ends].into_iter().flatten() {
            known.entry(name).and_modify(|known| *known = None).or_insert(Some(place));
        }
    }
    let place = |layer: &Layer| {
        let whole = known.get(&layer.name).copied().flatten();
        whole.or_else(|| known.get(&ends(&layer.name)?).copied().flatten())
    };
    let places: Option<Vec<usize>> = model.layers.iter().map(place).collect();
    let distinct =
        |places: &Vec<usize>| places.iter().collect::<HashSet<_>>().len() == places.len();
    match places.filter(distinct) {
        Some(places) => config::apply(model, &places, described),
        // A description of other layers describes nothing.
        None if !is_in_order(&model.layers) => model.order = Order::Unknown,
        None => {}
    }
}

/// The first and the last name of a path of three or more, as a path that no layer has.
fn ends(path: &str) -> Option<String> {
    let (first, rest) = path.split_once('.')?;
    let (_, last) = rest.rsplit_once('.').unwrap_or(("", rest));
    Some(format!("{first}..{last}"))
}

/// An attribute's texts; long lists are cut into `layer_names0`, `layer_names1`, ….
fn list(group: &Group, name: &str) -> Option<Vec<String>> {
    let find = |name: &str| group.texts.iter().find(|(n, _)| n == name).map(|(_, texts)| texts);
    if let Some(texts) = find(name) {
        return Some(texts.clone());
    }
    let parts: Vec<&Vec<String>> = (0..).map_while(|i| find(&format!("{name}{i}"))).collect();
    (!parts.is_empty()).then(|| parts.into_iter().flatten().cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keras lists a model's trainable weights first: where layers between them are frozen, the order is lost.
    #[test]
    fn frozen_layers_of_a_model_inside_lose_their_place() {
        let layers = |names: &[&str]| -> Vec<Layer> {
            names.iter().map(|&name| Layer { name: name.into(), ..Layer::default() }).collect()
        };
        assert!(is_in_order(&layers(&["m.conv2d", "m.bn_9", "m.conv2d_1", "m.conv2d_10"])));
        assert!(!is_in_order(&layers(&["m.conv2d_1", "m.conv2d"])));
        assert!(is_in_order(&layers(&["conv2d_1"])) && is_in_order(&[]));
        assert_eq!(ends("m.n.conv2d"), Some("m..conv2d".into()));
    }
}
