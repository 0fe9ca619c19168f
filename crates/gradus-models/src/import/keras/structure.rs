//! How the layers of a network are connected, and what of them bears on outputs beside their weights.

use super::super::OurLayer;
use gradus_base::Shape;
use gradus_nn::{Context, Layer, Sequential, Spec, parameters};
use std::collections::HashMap;
use std::sync::Arc;

/// What a layer with weights is, by its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Species {
    Convolution,
    Depthwise,
    Dense,
    Norm,
    Other,
}

/// A layer in its network.
pub(super) struct Place {
    pub(super) species: Species,
    /// The layers with weights whose outputs reach it without passing another one.
    pub(super) inputs: Vec<usize>,
    /// Whether those lie one after the other in this order.
    pub(super) concatenated: bool,
    pub(super) layer: Arc<dyn Layer>,
    /// The shape of what it takes, without the batch axis.
    pub(super) input: Shape,
    /// The batch norm that alone takes its output.
    pub(super) norm: Option<usize>,
}

/// The place of each layer; `None` for a network with layers that hold others in ways of their own.
pub(super) fn places(model: &Sequential, ours: &[OurLayer]) -> Option<Vec<Place>> {
    let numbers = ours.iter().enumerate().map(|(i, layer)| (layer.name.as_str(), i)).collect();
    let mut walk = Walk { numbers, places: ours.iter().map(|_| None).collect(), ours };
    let start = Flow { sources: vec![], concatenated: false, spec: model.input_spec() };
    let end = walk.layers("", model.layers(), start)?;
    let mut places = walk.places.into_iter().collect::<Option<Vec<Place>>>()?;
    let mut readers = vec![vec![]; places.len()];
    for (i, place) in places.iter().enumerate() {
        place.inputs.iter().for_each(|&input| readers[input].push(i));
    }
    for (i, readers) in readers.iter().enumerate() {
        places[i].norm = match readers[..] {
            [reader] if places[reader].species == Species::Norm && !end.sources.contains(&i) => {
                Some(reader)
            }
            _ => None,
        };
    }
    Some(places)
}

/// A value on its way: what it is made of, and what a sample of it is.
#[derive(Clone)]
struct Flow {
    sources: Vec<usize>,
    concatenated: bool,
    spec: Spec,
}

struct Walk<'o> {
    numbers: HashMap<&'o str, usize>,
    places: Vec<Option<Place>>,
    ours: &'o [OurLayer],
}

impl Walk<'_> {
    fn layers(
        &mut self,
        path: &str,
        layers: &[(String, Arc<dyn Layer>)],
        mut flow: Flow,
    ) -> Option<Flow> {
        for (name, layer) in layers {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            flow = match (layer.children(), layer.paths()) {
                ([], []) => self.leaf(&path, layer, flow)?,
                ([], paths) => self.side_by_side(&path, layer, paths, flow)?,
                (children, _) => self.layers(&path, children, flow)?,
            };
        }
        Some(flow)
    }

    fn side_by_side(
        &mut self,
        path: &str,
        layer: &Arc<dyn Layer>,
        paths: &[(String, Sequential)],
        flow: Flow,
    ) -> Option<Flow> {
        let spec = output(layer, flow.spec);
        let mut ends = vec![];
        for (name, inner) in paths {
            let end = self.layers(&format!("{path}.{name}"), inner.layers(), flow.clone())?;
            // An auxiliary head goes elsewhere.
            if end.spec.shape.rank() == spec.shape.rank() {
                ends.push(end);
            }
        }
        if ends.is_empty() {
            return Some(flow);
        }
        let ordered = |end: &Flow| end.concatenated || end.sources.len() == 1;
        let channels = |shape: &Shape| shape.first().copied().unwrap_or(0);
        let total: usize = ends.iter().map(|end| channels(&end.spec.shape)).sum();
        let mut sources: Vec<usize> = vec![];
        let mut again = false;
        for source in ends.iter().flat_map(|end| &end.sources) {
            match sources.contains(source) {
                true => again = true,
                false => sources.push(*source),
            }
        }
        let concatenated = total == channels(&spec.shape) && ends.iter().all(ordered) && !again;
        Some(Flow { sources, concatenated, spec })
    }

    fn leaf(&mut self, path: &str, layer: &Arc<dyn Layer>, flow: Flow) -> Option<Flow> {
        let spec = output(layer, flow.spec);
        let Some(&number) = self.numbers.get(path) else {
            // Without weights, or with some inside that have no place of their own.
            return parameters(layer).is_empty().then_some(Flow { spec, ..flow });
        };
        self.places[number] = Some(Place {
            species: species(&self.ours[number], &flow.spec.shape),
            inputs: flow.sources,
            concatenated: flow.concatenated,
            layer: layer.clone(),
            input: flow.spec.shape,
            norm: None,
        });
        Some(Flow { sources: vec![number], concatenated: false, spec })
    }
}

/// What a layer gives; nothing is computed.
fn output(layer: &Arc<dyn Layer>, input: Spec) -> Spec {
    Spec::of(&layer.forward(&input.zeros(2), &Context::eval()))
}

fn species(layer: &OurLayer, input: &Shape) -> Species {
    let shape = |part: &str| layer.parts.iter().find(|p| p.0 == part).map(|p| &p.2[..]);
    match (shape("running_mean"), shape("weight")) {
        (Some(_), _) => Species::Norm,
        (_, Some(&[_, 1, _, _])) if input.first().is_some_and(|&channels| channels > 1) => {
            Species::Depthwise
        }
        (_, Some(&[_, _, _, _])) => Species::Convolution,
        (_, Some(&[_, _])) => Species::Dense,
        _ => Species::Other,
    }
}
