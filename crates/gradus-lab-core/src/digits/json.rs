//! Networks as ConvNetJS writes and reads them (`toJSON`, `fromJSON`): the same fields, filters with channels innermost.

use super::layers::{CLASSES, Layer, Plan, SIDE, Size};
use serde_json::{Map, Value, json};

/// The longest text of a network that is read.
const LONGEST: usize = 8 << 20;

/// A network's text: its layers, weights and biases in turn.
pub(super) fn write(plan: &Plan, values: &[Vec<f32>]) -> String {
    let mut values = values.iter();
    let mut next = || values.next().map_or(&[][..], Vec::as_slice);
    let layers = plan.layers.iter().enumerate().map(|(i, layer)| {
        let [depth, rows, columns] = plan.sizes[i];
        let of = plan.input_of(i);
        let inputs: usize = of.iter().product();
        let mut fields = json!({
            "out_depth": depth, "out_sx": columns, "out_sy": rows, "layer_type": layer.name(),
        });
        let mut more = |of: Value| {
            if let (Value::Object(fields), Value::Object(of)) = (&mut fields, of) {
                fields.extend(of);
            }
        };
        match *layer {
            Layer::Conv { side, filters, stride, pad, .. } => {
                more(json!({"sx": side, "sy": side, "stride": stride, "pad": pad, "in_depth": of[0]}));
                let (weights, biases) = (next(), next());
                let length = weights.len() / filters;
                let filters = weights.chunks(length).map(|w| volume([of[0], side, side], &inwards(w, of[0])));
                let filters: Vec<Value> = filters.collect();
                more(json!({
                    "l1_decay_mul": 0, "l2_decay_mul": 1, "filters": filters, "biases": volume([biases.len(), 1, 1], biases),
                }));
            }
            Layer::Dense { .. } => {
                let (weights, biases) = (next(), next());
                let filters = weights.chunks(inputs).map(|w| volume([inputs, 1, 1], w));
                let filters: Vec<Value> = filters.collect();
                more(json!({
                    "num_inputs": inputs, "l1_decay_mul": 0, "l2_decay_mul": 1, "filters": filters,
                    "biases": volume([biases.len(), 1, 1], biases),
                }));
            }
            Layer::Pool { side, stride, pad } => {
                more(json!({"sx": side, "sy": side, "stride": stride, "pad": pad, "in_depth": of[0]}));
            }
            Layer::Softmax => more(json!({"num_inputs": inputs})),
            _ => {}
        }
        fields
    });
    let layers: Vec<Value> = layers.collect();
    json!({ "layers": layers }).to_string()
}

/// ConvNetJS's `Vol`.
fn volume([depth, sy, sx]: Size, w: &[f32]) -> Value {
    json!({"sx": sx, "sy": sy, "depth": depth, "w": w})
}

/// Channels innermost, from planes.
fn inwards(planes: &[f32], channels: usize) -> Vec<f32> {
    let area = planes.len() / channels;
    (0..planes.len()).map(|i| planes[i % channels * area + i / channels]).collect()
}

/// Planes, from channels innermost.
fn outwards(inner: &[f32], channels: usize) -> Vec<f32> {
    let area = inner.len() / channels;
    (0..inner.len()).map(|i| inner[i % area * channels + i / area]).collect()
}

/// Reads a network: its plan, weights and biases in turn.
///
/// # Errors
/// A text that is no such network, or one that this page cannot have, with the layer.
pub(super) fn read(text: &str) -> Result<(Plan, Vec<Vec<f32>>), String> {
    if text.len() > LONGEST {
        return Err(format!("the file has {} bytes: at most {LONGEST} are read", text.len()));
    }
    let whole: Value = serde_json::from_str(text).map_err(|e| format!("this is no JSON: {e}"))?;
    let layers = whole.get("layers").and_then(Value::as_array);
    let layers = layers.ok_or("there is no list \"layers\", as ConvNetJS's networks have")?;
    let mut found = vec![];
    for (i, fields) in layers.iter().enumerate() {
        let fields = fields.as_object().ok_or(format!("layer {i} is no object"))?;
        found.push(layer(fields).map_err(|what| format!("layer {i}: {what}"))?);
    }
    let plan = Plan::new(found).map_err(|(i, what)| format!("layer {i}: {what}"))?;
    let mut values = vec![];
    for (i, (layer, fields)) in plan.layers.iter().zip(layers).enumerate() {
        let [depth, rows, columns] = plan.sizes[i];
        let said = ["out_depth", "out_sy", "out_sx"].map(|name| fields[name].as_u64());
        if said != [depth, rows, columns].map(|size| Some(size as u64)) {
            return Err(format!(
                "layer {i}: out_depth, out_sy and out_sx must be {depth}, {rows} and {columns} after the layers before it"
            ));
        }
        let Some((shape, biases, _)) = layer.weights(plan.input_of(i)) else { continue };
        let length = shape[1..].iter().product();
        let at = |what: String| format!("layer {i}: {what}");
        let filters = fields["filters"].as_array().filter(|list| list.len() == shape[0]);
        let filters = filters.ok_or_else(|| at(format!("{} filters are expected", shape[0])))?;
        let mut weights = vec![];
        for filter in filters {
            let w = numbers(&filter["w"], length).map_err(at)?;
            weights.extend(if shape.len() == 4 { outwards(&w, shape[1]) } else { w });
        }
        values.extend([weights, numbers(&fields["biases"]["w"], biases).map_err(at)?]);
    }
    Ok((plan, values))
}

/// A layer without its weights.
fn layer(fields: &Map<String, Value>) -> Result<Layer, String> {
    let whole = |name: &str, least: u64, most: u64| match fields.get(name).and_then(Value::as_u64) {
        Some(value) if (least..=most).contains(&value) => Ok(value as usize),
        _ => Err(format!("{name} is a whole number from {least} to {most}")),
    };
    let square = || match (whole("sx", 1, SIDE as u64)?, whole("sy", 1, SIDE as u64)?) {
        (sx, sy) if sx == sy => Ok(sx),
        (sx, sy) => Err(format!("windows of {sx} × {sy} are not square")),
    };
    // Networks of older versions have no padding in pools.
    let pad = |most: usize| match fields.get("pad") {
        None => Ok(0),
        Some(_) => whole("pad", 0, most as u64),
    };
    let bias = 0.0; // weights and biases are read, not begun
    Ok(match fields.get("layer_type").and_then(Value::as_str).unwrap_or("") {
        "input" => Layer::Input,
        "conv" => Layer::Conv {
            side: square()?,
            filters: whole("out_depth", 1, 64)?,
            stride: whole("stride", 1, SIDE as u64)?,
            pad: pad(SIDE)?,
            bias,
        },
        "pool" => {
            let side = square()?;
            Layer::Pool { side, stride: whole("stride", 1, SIDE as u64)?, pad: pad(side - 1)? }
        }
        "fc" => Layer::Dense { units: whole("out_depth", 1, 512)?, bias },
        "relu" => Layer::Relu,
        "sigmoid" => Layer::Sigmoid,
        "tanh" => Layer::Tanh,
        "softmax" => match whole("out_depth", 1, 1000)? {
            CLASSES => Layer::Softmax,
            other => return Err(format!("{other} classes: there are {CLASSES} digits")),
        },
        other => {
            return Err(format!(
                "layers of type {other:?} are not known here: input, conv, pool, fc, relu, sigmoid, tanh, softmax are"
            ));
        }
    })
}

/// A list of numbers, or an object with the keys 0, 1, … as JavaScript writes its typed arrays.
fn numbers(list: &Value, count: usize) -> Result<Vec<f32>, String> {
    let value = |i: usize| match list {
        Value::Array(list) => list.get(i),
        Value::Object(fields) => fields.get(&i.to_string()),
        _ => None,
    };
    let found = match list {
        Value::Array(list) => list.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    if found != count {
        return Err(format!("{found} numbers where {count} are expected"));
    }
    let number = |i: usize| value(i).and_then(Value::as_f64).map(|value| value as f32);
    let all: Option<Vec<f32>> = (0..count).map(|i| number(i).filter(|n| n.is_finite())).collect();
    all.ok_or_else(|| "a weight is no finite number".into())
}
