//! Which layer of a file is which of a network's.

use super::{Network, Species};
use crate::import::names;
use gradus_io::keras::Order;
use gradus_io::{Error, Kind, Result};
use std::collections::{HashMap, HashSet};

/// How layers were matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matched {
    /// By their names.
    Names,
    /// By how they are connected, which the file describes.
    Connections,
    /// By their order, which the file tells.
    Order,
    /// By the order of the layers of each kind, all that the file tells.
    Kinds,
}

/// The file's layer for each of ours.
pub(super) struct Found {
    pub(super) pairs: Vec<Option<usize>>,
    pub(super) matched: Matched,
}

/// Matches layers. What does not fit at all comes out as far as it was matched, for [`super::differences`].
///
/// # Errors
/// When several layers of ours fit one of the file's, and the file does not tell which it is.
pub(super) fn matched(
    network: &Network<'_>,
    order: Order,
    connected: bool,
    partial: bool,
) -> Result<Found> {
    let pairs = by_name(network);
    let count = network.all.theirs.len();
    let kept = |i: &usize| !names::is_auxiliary(&network.theirs(*i).name);
    let named = Found { pairs, matched: Matched::Names };
    let complete = named.pairs.iter().all(Option::is_some);
    // Layers that are too few or too many are another network's: their order tells nothing.
    if complete
        || partial
        || network.places.is_none()
        || (0..count).filter(kept).count() != named.pairs.len()
    {
        return Ok(named);
    }
    let (found, way) = match (connected, order) {
        (true, _) => (by_connections(network)?, Matched::Connections),
        (_, Order::Model) => (by_order(network, &[(0..count).collect()])?, Matched::Order),
        (_, Order::Kind) => match kinds(network) {
            Some(lists) => (by_order(network, &lists)?, Matched::Kinds),
            None => (None, Matched::Kinds),
        },
        (_, Order::Unknown) => (None, Matched::Names),
    };
    Ok(match found {
        Some(pairs) => Found { pairs: pairs.into_iter().map(Some).collect(), matched: way },
        None => named,
    })
}

/// By the names that both know; each of the file's layers is used once.
fn by_name(network: &Network<'_>) -> Vec<Option<usize>> {
    let ours = network.all.ours.iter().enumerate();
    let places: HashMap<&str, usize> = ours.map(|(i, layer)| (layer.name.as_str(), i)).collect();
    let mut pairs = vec![None; network.all.ours.len()];
    for (their, layer) in network.all.theirs.iter().enumerate() {
        let known =
            |name: &str| names::candidates(name).find_map(|name| places.get(&*name).copied());
        let group = || network.told[their].group.as_deref().and_then(known);
        let place = known(&layer.name).or_else(group);
        if let Some(place) = place {
            pairs[place].get_or_insert(their);
        }
    }
    pairs
}

/// Whether a layer of the file can be one of ours, by its kind where that is known, and by its shapes.
fn can_be(network: &Network<'_>, our: usize, their: usize) -> bool {
    let own = network.places.map(|places| places[our].species);
    let kind = network.told[their].species();
    (kind.is_none() || own.is_none() || kind == own) && network.fits_layer(our, their)
}

/// Layer by layer, by what reaches it; `None` where something does not fit.
fn by_connections(network: &Network<'_>) -> Result<Option<Vec<usize>>> {
    let Some(places) = network.places else { return Ok(None) };
    let mut by_inputs: HashMap<Vec<usize>, Vec<usize>> = HashMap::new();
    for (their, told) in network.told.iter().enumerate() {
        by_inputs.entry(sorted(told.inputs.clone())).or_default().push(their);
    }
    let mut pairs: Vec<usize> = vec![];
    let mut used = HashSet::new();
    for (our, place) in places.iter().enumerate() {
        // What reaches a layer stands before it, in a network that runs one after the other.
        let inputs: Option<Vec<usize>> =
            place.inputs.iter().map(|&input| pairs.get(input).copied()).collect();
        let Some(inputs) = inputs else { return Ok(None) };
        let in_order = |their: &usize| {
            let told = &network.told[*their];
            !(place.concatenated && told.concatenated) || told.inputs == inputs
        };
        let fitting = by_inputs.get(&sorted(inputs.clone())).into_iter().flatten().copied();
        let fitting: Vec<usize> = fitting
            .filter(|their| !used.contains(their) && in_order(their))
            .filter(|&their| can_be(network, our, their))
            .collect();
        match fitting[..] {
            [] => return Ok(None),
            [their] => {
                used.insert(their);
                pairs.push(their);
            }
            [a, b, ..] => {
                let names = [a, b].map(|i| format!("`{}`", network.theirs(i).name));
                return Err(ambiguous(&network.ours(our).name, &names, "they are connected alike"));
            }
        }
    }
    Ok(Some(pairs))
}

fn sorted(mut places: Vec<usize>) -> Vec<usize> {
    places.sort_unstable();
    places
}

/// The layers of each kind, convolutions first, so that batch norms can follow them; `None` where two kinds may be one of ours.
fn kinds(network: &Network<'_>) -> Option<Vec<Vec<usize>>> {
    let mut lists: Vec<(Species, Vec<usize>)> = vec![];
    let mut names: HashMap<Species, &str> = HashMap::new();
    for (their, told) in network.told.iter().enumerate() {
        let (kind, species) = (told.kind.as_deref()?, told.species()?);
        if *names.entry(species).or_insert(kind) != kind {
            return None;
        }
        match lists.iter_mut().find(|(known, _)| *known == species) {
            Some((_, list)) => list.push(their),
            None => lists.push((species, vec![their])),
        }
    }
    lists.sort_by_key(|(species, _)| *species == Species::Norm);
    Some(lists.into_iter().map(|(_, list)| list).collect())
}

/// One after the other: a layer of the file is the one of ours whose turn it is, after all layers of the list that reach it.
/// Keras lists a model's layers such that what reaches a layer stands before it, so where one layer alone fits each time there
/// is no other match.
fn by_order(network: &Network<'_>, lists: &[Vec<usize>]) -> Result<Option<Vec<usize>>> {
    let Some(places) = network.places else { return Ok(None) };
    let mut turn = vec![None; places.len()]; // when each of ours was found
    let mut pairs = vec![None; places.len()];
    let mut count = 0usize;
    for list in lists {
        // Of one list that has all, everything before counts; of a list of a kind, what is of that kind.
        let kind = (lists.len() > 1).then(|| network.told[list[0]].species()).flatten();
        let before = before(network, kind);
        for &their in list {
            let ready = |our: &usize| {
                pairs[*our].is_none()
                    && kind.is_none_or(|kind| places[*our].species == kind)
                    && before[*our].iter().all(|&b| pairs[b].is_some())
            };
            let fitting = (0..places.len()).filter(ready);
            let fitting: Vec<usize> = fitting.filter(|&our| can_be(network, our, their)).collect();
            let our = match fitting[..] {
                [] => return Ok(None),
                [our] => our,
                _ => follows(network, &fitting, &turn).ok_or_else(|| {
                    let names = [0, 1].map(|i| network.ours(fitting[i]).name.clone());
                    let theirs = format!("`{}`", network.theirs(their).name);
                    ambiguous(&theirs, &names, "the file does not say how its layers are connected; a whole model saved as .keras does")
                })?,
            };
            pairs[our] = Some(their);
            turn[our] = Some(count);
            count += 1;
        }
    }
    Ok(pairs.into_iter().collect())
}

/// For each of our layers those that must stand before it: all that reach it, or those of a kind, past others.
fn before(network: &Network<'_>, kind: Option<Species>) -> Vec<Vec<usize>> {
    let places = network.places.unwrap_or_default();
    let Some(kind) = kind else { return places.iter().map(|p| p.inputs.clone()).collect() };
    let mut before: Vec<Vec<usize>> = vec![];
    for place in places {
        let mut of_kind = vec![];
        for &input in &place.inputs {
            match places[input].species == kind {
                true => of_kind.push(input),
                false => of_kind.extend(&before[input]),
            }
        }
        of_kind.sort_unstable();
        of_kind.dedup();
        before.push(of_kind);
    }
    before
}

/// Of batch norms that fit, the one whose convolution came first: each follows its own at once, so both stand in one order.
fn follows(network: &Network<'_>, fitting: &[usize], turn: &[Option<usize>]) -> Option<usize> {
    let places = network.places?;
    let source = |our: usize| match places[our].inputs[..] {
        [source] if places[our].species == Species::Norm => Some(source),
        _ => None,
    };
    let sources: Option<Vec<usize>> = fitting.iter().map(|&our| source(our)).collect();
    let sources = sources?;
    let kind = places[sources[0]].species;
    let distinct: HashSet<usize> = sources.iter().copied().collect();
    if distinct.len() < sources.len() || sources.iter().any(|&s| places[s].species != kind) {
        return None;
    }
    let turns: Option<Vec<usize>> = sources.iter().map(|&source| turn[source]).collect();
    let first = turns?.into_iter().enumerate().min_by_key(|(_, turn)| *turn)?;
    Some(fitting[first.0])
}

fn ambiguous(layer: &str, names: &[String], why: &str) -> Error {
    let what = format!("{layer} can be {} or {}: {why}", names[0], names[1]);
    Error::new(Kind::Mismatch, what)
}
