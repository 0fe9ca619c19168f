//! A model's description, `config.json` or the attribute `model_config`: its layers in order, models inside taken apart, and
//! what each layer takes. Only what bears on weights and outputs is looked at, in the forms of Keras 2 and 3.

use super::{Model, Order, Padding, Settings};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// No model has more layers: sets of inputs are kept for each.
const MOST_LAYERS: usize = 1 << 13;

/// A layer, with or without weights.
pub(super) struct Described {
    /// Its name, after the names of the models it is in.
    pub(super) names: Vec<String>,
    /// Its group in a `.weights.h5`.
    pub(super) store: String,
    /// What it takes, by place.
    inputs: Vec<usize>,
    settings: Settings,
    class: String,
}

/// What a model's member became.
enum Member {
    Layer(usize),
    Model(Ends),
}

/// The layers through which a model takes and gives tensors.
struct Ends {
    inputs: Vec<usize>,
    outputs: Vec<usize>,
}

impl Member {
    fn output(&self, tensor: usize) -> Option<usize> {
        match self {
            Member::Layer(place) => Some(*place),
            Member::Model(ends) => ends.outputs.get(tensor).or(ends.outputs.first()).copied(),
        }
    }
}

/// The layers of a description in the model's order; `None` if it describes none.
pub(super) fn describe(text: &str) -> Option<Vec<Described>> {
    let value: Value = serde_json::from_str(text).ok()?;
    let mut found = vec![];
    model(&value, &[], "", &mut found)?;
    found.iter_mut().for_each(|layer| once(&mut layer.inputs));
    (!found.is_empty()).then_some(found)
}

/// Leaves out what comes again.
fn once(places: &mut Vec<usize>) {
    let mut seen = HashSet::new();
    places.retain(|place| seen.insert(*place));
}

/// Adds the layers of a model; `None` if the value describes none.
fn model(value: &Value, names: &[String], store: &str, found: &mut Vec<Described>) -> Option<Ends> {
    let config = value.get("config")?;
    let layers = config.as_array().or_else(|| config.get("layers")?.as_array())?;
    let mut kinds: HashMap<String, u64> = HashMap::new();
    let mut members: Vec<(String, Member)> = vec![];
    for layer in layers {
        let class = layer.get("class_name").and_then(Value::as_str)?;
        let own = layer.get("config").and_then(|c| c.get("name"));
        let name = layer.get("name").or(own).and_then(Value::as_str)?.to_owned();
        let kind = snake_case(class);
        let count = kinds.entry(kind.clone()).and_modify(|n| *n += 1).or_insert(0);
        let group = if *count == 0 { kind } else { format!("{kind}_{count}") };
        let group = format!("{store}layers/{group}");
        let names: Vec<String> = names.iter().cloned().chain([name.clone()]).collect();
        let member = match model(layer, &names, &format!("{group}/"), found) {
            Some(ends) => Member::Model(ends),
            None if found.len() == MOST_LAYERS => return None,
            None => {
                let settings = settings(class, layer.get("config"));
                let class = class.to_owned();
                found.push(Described { names, store: group, inputs: vec![], settings, class });
                Member::Layer(found.len() - 1)
            }
        };
        members.push((name, member));
    }
    match config.get("output_layers") {
        Some(outputs) => graph(config, outputs, layers, &members, found),
        None => chain(&members, found),
    }
}

/// Connects layers that follow each other.
fn chain(members: &[(String, Member)], found: &mut [Described]) -> Option<Ends> {
    for pair in members.windows(2) {
        let output = pair[0].1.output(0)?;
        feed(&pair[1].1, &[output], found);
    }
    let inputs = match &members.first()?.1 {
        Member::Layer(place) => vec![*place],
        Member::Model(ends) => ends.inputs.clone(),
    };
    Some(Ends { inputs, outputs: vec![members.last()?.1.output(0)?] })
}

/// Connects layers as their `inbound_nodes` say.
fn graph(
    config: &Value,
    outputs: &Value,
    layers: &[Value],
    members: &[(String, Member)],
    found: &mut [Described],
) -> Option<Ends> {
    let by_name: HashMap<&str, &Member> = members.iter().map(|(n, m)| (n.as_str(), m)).collect();
    let tensors = |value: &Value| -> Option<Vec<usize>> {
        let mut named = vec![];
        references(value, &mut named);
        named.into_iter().map(|(name, tensor)| by_name.get(name)?.output(tensor)).collect()
    };
    for (layer, (_, member)) in layers.iter().zip(members) {
        let inputs = layer.get("inbound_nodes").map_or(Some(vec![]), &tensors)?;
        feed(member, &inputs, found);
    }
    let inputs = config.get("input_layers").map_or(Some(vec![]), &tensors)?;
    Some(Ends { inputs, outputs: tensors(outputs)? })
}

/// Lets a member take tensors; a model's inputs take one each.
fn feed(member: &Member, tensors: &[usize], found: &mut [Described]) {
    match member {
        Member::Layer(place) => found[*place].inputs.extend(tensors),
        Member::Model(ends) => {
            for (i, &tensor) in tensors.iter().enumerate() {
                if let Some(&place) = ends.inputs.get(i % ends.inputs.len().max(1)) {
                    found[place].inputs.push(tensor);
                }
            }
        }
    }
}

/// The tensors that a value names: `["conv2d", 0, 0, {}]`, or `{"keras_history": ["conv2d", 0, 0]}`.
fn references<'v>(value: &'v Value, found: &mut Vec<(&'v str, usize)>) {
    match value {
        Value::Array(items) => match &items[..] {
            [Value::String(name), Value::Number(_), Value::Number(tensor), rest @ ..] => {
                found.push((name, tensor.as_u64().unwrap_or(0) as usize));
                rest.iter().for_each(|value| references(value, found));
            }
            items => items.iter().for_each(|value| references(value, found)),
        },
        Value::Object(fields) => fields.values().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// Puts the layers of a file, whose places in the description are known, into its order, connected and with their settings.
pub(super) fn apply(model: &mut Model, places: &[usize], described: &[Described]) {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|&i| places[i]);
    let layer_at: HashMap<usize, usize> =
        order.iter().enumerate().map(|(new, &old)| (places[old], new)).collect();
    let sources = sources(described, &layer_at);
    let mut layers: Vec<Option<super::Layer>> = model.layers.drain(..).map(Some).collect();
    for old in order {
        let Some(layer) = layers[old].take() else { continue };
        let place = places[old];
        let (inputs, concatenated) = taken(&described[place], &sources);
        let mut settings = described[place].settings.clone();
        settings.padding = padding(&described[place], described);
        let kind = Some(snake_case(&described[place].class));
        model.layers.push(super::Layer { inputs, concatenated, settings, kind, ..layer });
    }
    model.order = Order::Model;
    model.connected = true;
}

/// For each described layer those with weights whose outputs its output is made of: itself if it has some.
fn sources(described: &[Described], layer_at: &HashMap<usize, usize>) -> Vec<Option<Sources>> {
    let mut sources: Vec<Option<Sources>> = vec![None; described.len()];
    let mut waiting = vec![false; described.len()];
    for start in 0..described.len() {
        // Inputs first; a cycle, which no model has, ends at the layer that is being looked at.
        let mut stack = vec![(start, false)];
        while let Some((at, ready)) = stack.pop() {
            if sources[at].is_some() {
                continue;
            }
            if let Some(&layer) = layer_at.get(&at) {
                sources[at] = Some((vec![layer], false));
            } else if ready {
                sources[at] = Some(taken(&described[at], &sources));
            } else if !waiting[at] {
                waiting[at] = true;
                stack.push((at, true));
                stack.extend(described[at].inputs.iter().map(|&input| (input, false)));
            }
        }
    }
    sources
}

/// Layers whose outputs something is made of, and whether those lie one after the other in this order.
type Sources = (Vec<usize>, bool);

/// What a layer takes.
fn taken(layer: &Described, sources: &[Option<Sources>]) -> Sources {
    let each: Vec<&Sources> = layer.inputs.iter().filter_map(|&i| sources[i].as_ref()).collect();
    let mut all: Vec<usize> = each.iter().flat_map(|(places, _)| places).copied().collect();
    let ordered = |(places, concatenated): &&Sources| places.len() == 1 || *concatenated;
    let concatenated = match &each[..] {
        [one] => one.1,
        several => layer.class == "Concatenate" && several.iter().all(ordered),
    };
    let count = all.len();
    once(&mut all);
    let whole = all.len() == count;
    (all, concatenated && whole)
}

/// What a convolution has around its input, with the layer before it that only pads.
fn padding(layer: &Described, described: &[Described]) -> Option<Padding> {
    let before = match layer.inputs[..] {
        [input] if described[input].class == "ZeroPadding2D" => Some(&described[input].settings),
        _ => None,
    };
    match (layer.settings.padding?, before) {
        (padding, None) => Some(padding),
        (Padding::Exact(_), Some(before)) => before.padding,
        (Padding::Same, Some(_)) => None,
    }
}

fn settings(class: &str, config: Option<&Value>) -> Settings {
    let Some(config) = config else { return Settings::default() };
    let pair = |value: &Value| -> Option<[usize; 2]> {
        match value.as_u64() {
            Some(both) => Some([both as usize; 2]),
            None => {
                let [a, b] = &value.as_array()?[..] else { return None };
                Some([a.as_u64()? as usize, b.as_u64()? as usize])
            }
        }
    };
    let padding = match config.get("padding") {
        Some(Value::String(text)) if text == "same" => Some(Padding::Same),
        Some(Value::String(text)) if text == "valid" => Some(Padding::Exact([(0, 0); 2])),
        Some(value) if class == "ZeroPadding2D" => match pair(value) {
            Some([h, w]) => Some(Padding::Exact([(h, h), (w, w)])),
            None => value.as_array().and_then(|axes| {
                let [h, w] = &axes[..] else { return None };
                let axis = |value| pair(value).map(|[a, b]| (a, b));
                Some(Padding::Exact([axis(h)?, axis(w)?]))
            }),
        },
        _ => None,
    };
    Settings {
        epsilon: config.get("epsilon").and_then(Value::as_f64),
        strides: config.get("strides").and_then(pair),
        padding,
    }
}

/// Keras's name of a group for a class: `DepthwiseConv2D` → `depthwise_conv2d`.
fn snake_case(class: &str) -> String {
    let letters: Vec<char> = class.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut name = String::new();
    for (i, &c) in letters.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| letters[i]);
        let after = letters.get(i + 1);
        // A word begins where a small letter follows, or where a small one ends.
        let begins = after.is_some_and(|c| c.is_ascii_lowercase())
            || before.is_some_and(|c| c.is_ascii_lowercase());
        if c.is_ascii_uppercase() && begins && before.is_some_and(|c| c != '_') {
            name.push('_');
        }
        name.extend(c.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_have_groups() {
        let cases = [
            ("Conv2D", "conv2d"),
            ("DepthwiseConv2D", "depthwise_conv2d"),
            ("BatchNormalization", "batch_normalization"),
            ("ReLU", "re_lu"),
            ("LSTM", "lstm"),
            ("Dense", "dense"),
            ("Conv2DTranspose", "conv2d_transpose"),
            ("GlobalAveragePooling2D", "global_average_pooling2d"),
        ];
        for (class, group) in cases {
            assert_eq!(snake_case(class), group);
        }
    }

    /// As Keras 2 wrote it, with a model inside that is used twice.
    #[test]
    fn keras_2_connects_by_lists() {
        let text = r#"{"class_name": "Model", "config": {"layers": [
            {"class_name": "InputLayer", "name": "in", "config": {"name": "in"}, "inbound_nodes": []},
            {"class_name": "Sequential", "name": "half", "config": [
                {"class_name": "Dense", "config": {"name": "a"}},
                {"class_name": "Dense", "config": {"name": "b"}}
            ], "inbound_nodes": [[["in", 0, 0, {}]], [["dense", 0, 0, {}]]]},
            {"class_name": "Dense", "name": "dense", "config": {"name": "dense"},
                "inbound_nodes": [[["half", 1, 0, {}]]]},
            {"class_name": "Concatenate", "name": "both", "config": {"name": "both"},
                "inbound_nodes": [[["dense", 0, 0, {}], ["half", 2, 0, {}]]]}
        ], "input_layers": [["in", 0, 0]], "output_layers": [["both", 0, 0]]}}"#;
        let layers = describe(text).unwrap();
        let names: Vec<String> = layers.iter().map(|layer| layer.names.join(".")).collect();
        assert_eq!(names, ["in", "half.a", "half.b", "dense", "both"]);
        let inputs: Vec<&[usize]> = layers.iter().map(|layer| &layer.inputs[..]).collect();
        assert_eq!(inputs, [&[][..], &[0, 3], &[1], &[2], &[3, 2]]);
        assert_eq!(layers[2].store, "layers/sequential/layers/dense_1");
        // A cycle, as a damaged file may have, ends.
        let weights = (1..4).map(|i| (i, i - 1)).collect();
        assert_eq!(taken(&layers[4], &sources(&layers, &weights)), (vec![2, 1], true));
        for text in
            ["", "3", "{}", r#"{"config": {"layers": []}}"#, r#"{"config": {"layers": [3]}}"#]
        {
            assert!(describe(text).is_none(), "{text}");
        }
    }
}
