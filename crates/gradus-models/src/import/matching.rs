//! Which layer of a file is which of a network: by names where they tell, else by order.

use super::{OurLayer, TheirLayer, names};
use crate::import::Origin;
use gradus_io::natural_order;
use std::collections::{HashMap, HashSet};

/// Prefixes of a file's names that are tried as a wrapper's.
const WRAPPERS: usize = 16;

/// For each of our layers the file's layer, by its number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pairing {
    pub(super) pairs: Vec<Option<usize>>,
    /// Our layers that were matched by their order, as their names are not known.
    pub(super) by_order: Vec<usize>,
    /// Whether that order is the one of the numbers in names, as the file's own is that of the alphabet.
    pub(super) natural: bool,
}

/// The ways to match, likeliest first: names come before order, and the order of numbers before that of the alphabet. Whether
/// shapes fit is not looked at; the last is what names alone tell.
pub(super) fn pairings(
    ours: &[OurLayer],
    theirs: &[TheirLayer],
    sorted: bool,
    origin: Origin,
) -> Vec<Pairing> {
    let named = by_names(ours, theirs);
    let mut all = vec![];
    if named.iter().any(Option::is_none) && origin != Origin::Keras {
        let file: Vec<usize> = (0..theirs.len()).collect();
        let mut natural = file.clone();
        natural.sort_by(|&a, &b| natural_order(&theirs[a].name, &theirs[b].name));
        let orders = [sorted.then_some((natural, true)), Some((file, false))];
        for (order, natural) in orders.into_iter().flatten() {
            for known in [named.clone(), vec![None; ours.len()]] {
                let pairing = by_order(ours, theirs, known, &order);
                all.extend(pairing.map(|pairing| Pairing { natural, ..pairing }));
            }
        }
    }
    all.push(Pairing { pairs: named, by_order: vec![], natural: false });
    all
}

/// What the names tell.
fn by_names(ours: &[OurLayer], theirs: &[TheirLayer]) -> Vec<Option<usize>> {
    let places = places(ours);
    let mut pairs = vec![None; ours.len()];
    for (i, their) in theirs.iter().enumerate() {
        if let Some(place) = place_of(&places, &their.name) {
            pairs[place].get_or_insert(i);
        }
    }
    pairs
}

fn places(ours: &[OurLayer]) -> HashMap<&str, usize> {
    ours.iter().enumerate().map(|(i, layer)| (layer.name.as_str(), i)).collect()
}

fn place_of(places: &HashMap<&str, usize>, name: &str) -> Option<usize> {
    names::candidates(name).find_map(|name| places.get(&*name).copied())
}

/// Matches what is left over on both sides one after the other, if it is as much.
fn by_order(
    ours: &[OurLayer],
    theirs: &[TheirLayer],
    mut pairs: Vec<Option<usize>>,
    order: &[usize],
) -> Option<Pairing> {
    let used: HashSet<usize> = pairs.iter().flatten().copied().collect();
    // Heads that only training uses are passed over by a network without them.
    let has_heads = ours.iter().any(|layer| names::is_auxiliary(&layer.name));
    let left =
        |i: &usize| !used.contains(i) && (has_heads || !names::is_auxiliary(&theirs[*i].name));
    let left: Vec<usize> = order.iter().copied().filter(left).collect();
    let open: Vec<usize> = (0..ours.len()).filter(|&i| pairs[i].is_none()).collect();
    let same =
        |(&our, &their): (&usize, &usize)| ours[our].parts.len() == theirs[their].parts.len();
    if left.len() != open.len() || !open.iter().zip(&left).all(same) {
        return None;
    }
    open.iter().zip(left).for_each(|(&our, their)| pairs[our] = Some(their));
    Some(Pairing { pairs, by_order: open, natural: false })
}

/// Those of our layers `by_order` that could be exchanged for another of them: their parts have the same shapes, so nothing
/// but the order told them apart.
pub(super) fn exchangeable(ours: &[OurLayer], by_order: &[usize]) -> Vec<String> {
    let shapes = |i: usize| ours[i].parts.iter().map(|(part, _, shape)| (part, shape));
    let alike = |&&i: &&usize| by_order.iter().any(|&j| i != j && shapes(i).eq(shapes(j)));
    by_order.iter().filter(alike).map(|&i| ours[i].name.clone()).collect()
}

/// Takes off what wrappers put before names (`model.`, `net.`, `_orig_mod.`), as long as more of the names are known without it.
pub(super) fn unwrap(ours: &[OurLayer], theirs: &mut [TheirLayer]) {
    let places = places(ours);
    let known = |names: &mut dyn Iterator<Item = &str>| {
        let found: HashSet<usize> = names.filter_map(|name| place_of(&places, name)).collect();
        found.len()
    };
    let mut most = known(&mut theirs.iter().map(|layer| &*layer.name));
    loop {
        let mut prefixes: Vec<String> = vec![];
        for layer in theirs.iter() {
            let first = layer.name.split_once('.').map(|(first, _)| format!("{first}."));
            prefixes.extend(first.filter(|first| !prefixes.contains(first)));
        }
        let without = |layer: &'_ TheirLayer, prefix: &str| -> usize {
            if layer.name.starts_with(prefix) { prefix.len() } else { 0 }
        };
        let better = prefixes.iter().take(WRAPPERS).find_map(|prefix| {
            let mut names = theirs.iter().map(|layer| &layer.name[without(layer, prefix)..]);
            let found = known(&mut names);
            (found > most).then_some((found, prefix))
        });
        let Some((found, prefix)) = better else { return };
        most = found;
        for layer in theirs.iter_mut() {
            layer.name.drain(..without(layer, prefix));
        }
    }
}

/// The layers of a plain list of arrays, which has no names: the parts of our layers one after the other. `None` for arrays
/// that have names.
pub(super) fn listed(ours: &[OurLayer], theirs: &[TheirLayer]) -> Option<Vec<TheirLayer>> {
    let [list] = theirs else { return None };
    let number = |name: &str| name.trim_start_matches("arr_").parse::<usize>().ok();
    let numbers: Vec<usize> = list.parts.iter().map_while(|a| number(&a.name)).collect();
    if numbers.len() != list.parts.len() || numbers.len() < 2 {
        return None;
    }
    let mut arrays: Vec<_> = numbers.into_iter().zip(&list.parts).collect();
    arrays.sort_by_key(|&(number, _)| number);
    // `parameters()` leaves out what is no parameter, `state_dict()` does not.
    let all: usize = ours.iter().map(|layer| layer.parts.len()).sum();
    let whole = arrays.len() >= all;
    let is_statistic = |part: &str| part.starts_with("running_");
    let mut rest = arrays.into_iter();
    let mut layers: Vec<TheirLayer> = vec![];
    for our in ours {
        let wanted = our.parts.iter().filter(|(part, ..)| whole || !is_statistic(part));
        let taken = wanted.zip(rest.by_ref().map(|(number, array)| (number, array.clone())));
        let (mut name, mut parts, mut inputs_first) = (String::new(), vec![], vec![]);
        for ((part, ..), (number, array)) in taken {
            if name.is_empty() {
                name = format!("#{number}");
            }
            inputs_first.extend(list.inputs_first.contains(&array.name).then(|| part.clone()));
            parts.push(gradus_io::NamedArray { name: part.clone(), ..array });
        }
        if !parts.is_empty() {
            layers.push(TheirLayer { name, parts, inputs_first });
        }
    }
    layers.extend(rest.map(|(number, array)| TheirLayer {
        name: format!("#{number}"),
        parts: vec![array.clone()],
        inputs_first: list.inputs_first.clone(),
    }));
    Some(layers)
}
