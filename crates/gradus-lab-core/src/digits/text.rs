//! A network as ConvNetJS's demonstration writes it: lines of `layer_defs.push({type:'conv', sx:5, …});`. They are read, never run as a
//! program; a mistake has its line and its column.

use super::layers::{CLASSES, Layer, Plan, SIDE};
use super::tokens::{At, Reader, Value};
use super::trainer::{Method, Options};
use std::fmt::{self, Write};

/// What is wrong with a text, and where; lines and columns count from 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mistake {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) what: String,
}

impl Mistake {
    pub(super) fn new(at: At, what: impl Into<String>) -> Mistake {
        Mistake { line: at.line, column: at.column, what: what.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)
    }
}

/// What a text says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Definition {
    pub(super) plan: Plan,
    /// Of the line `trainer = …`, if there is one.
    pub(super) trainer: Option<Options>,
}

/// The text that the page begins with: ConvNetJS's network for digits.
pub(super) const BEGINNING: &str = "\
layer_defs = [];
layer_defs.push({type:'input', out_sx:24, out_sy:24, out_depth:1});
layer_defs.push({type:'conv', sx:5, filters:8, stride:1, pad:2, activation:'relu'});
layer_defs.push({type:'pool', sx:2, stride:2});
layer_defs.push({type:'conv', sx:5, filters:16, stride:1, pad:2, activation:'relu'});
layer_defs.push({type:'pool', sx:3, stride:3});
layer_defs.push({type:'softmax', num_classes:10});
";

/// Reads a text.
pub(super) fn read(text: &str) -> Result<Definition, Mistake> {
    if text.len() > 20_000 {
        return Err(Mistake::new(
            At { line: 1, column: 1 },
            "the text is longer than 20,000 bytes",
        ));
    }
    let mut from = Reader::new(text)?;
    let (mut layers, mut places, mut trainer) = (vec![], vec![], None);
    while let Some((word, at)) = from.statement()? {
        match word.as_str() {
            "layer_defs" if from.takes('=') => {
                from.signs("[]")?;
                layers.clear();
                places.clear();
            }
            "layer_defs" => {
                from.signs(".")?;
                from.word("push")?;
                from.signs("(")?;
                let fields = from.object()?;
                from.signs(")")?;
                let new = layer(&mut Fields { fields, at })?;
                places.resize(places.len() + new.len(), at);
                layers.extend(new);
            }
            "net" if from.takes('=') => {
                ["new", "convnetjs"].iter().try_for_each(|word| from.word(word))?;
                from.signs(".")?;
                from.word("Net")?;
                from.signs("()")?;
            }
            "net" => {
                from.signs(".")?;
                from.word("makeLayers")?;
                from.signs("(")?;
                from.word("layer_defs")?;
                from.signs(")")?;
            }
            "trainer" => trainer = Some(self::trainer(&mut from, at)?),
            other => {
                let what = format!(
                    "{other} is not known here: lines begin with layer_defs, net or trainer"
                );
                return Err(Mistake::new(at, what));
            }
        }
    }
    let end = At { line: text.lines().count().max(1), column: 1 };
    match Plan::new(layers) {
        Ok(plan) => Ok(Definition { plan, trainer }),
        Err((i, what)) => Err(Mistake::new(places.get(i).copied().unwrap_or(end), what)),
    }
}

/// What stands after `trainer`.
fn trainer(from: &mut Reader, at: At) -> Result<Options, Mistake> {
    from.signs("=")?;
    ["new", "convnetjs"].iter().try_for_each(|word| from.word(word))?;
    from.signs(".")?;
    from.one_of(&["SGDTrainer", "Trainer"])?;
    from.signs("(")?;
    from.word("net")?;
    from.signs(",")?;
    let mut fields = Fields { fields: from.object()?, at };
    from.signs(")")?;
    let mut options = Options { method: Method::Sgd, batch: 1, decay: 0.0, ..Options::default() };
    if let Some((name, at)) = fields.text("method")? {
        options.method = Method::named(&name).ok_or_else(|| {
            Mistake::new(at, format!("method '{name}' is none of {}", Method::names()))
        })?;
    }
    if let Some(batch) = fields.whole("batch_size", 1, 1000)? {
        options.batch = batch as u32;
    }
    let number = |value: Option<f64>, or: f32| value.map_or(or, |value| value as f32);
    options.rate = number(fields.number("learning_rate", 0.0, 10.0)?, options.rate);
    options.momentum = number(fields.number("momentum", 0.0, 0.999)?, options.momentum);
    options.decay = number(fields.number("l2_decay", 0.0, 1.0)?, options.decay);
    fields.end("a trainer", "method, batch_size, learning_rate, momentum, l2_decay")?;
    Ok(options)
}

/// The layers that one definition stands for.
fn layer(fields: &mut Fields) -> Result<Vec<Layer>, Mistake> {
    let Some((kind, at)) = fields.text("type")? else {
        return Err(Mistake::new(fields.at, "a layer needs a type, as in {type:'conv', …}"));
    };
    let need = |value: Option<usize>, name: &str| {
        value.ok_or_else(|| Mistake::new(at, format!("{kind} needs {name}")))
    };
    let layers = match kind.as_str() {
        "input" => {
            let mut is = |name: &str, value: usize| match fields.whole(name, 1, 10_000)? {
                Some(found) if found != value => Err(Mistake::new(
                    fields.at,
                    format!("{name} is {value} here, as pictures are, not {found}"),
                )),
                _ => Ok(()),
            };
            is("out_sx", SIDE)?;
            is("out_sy", SIDE)?;
            is("out_depth", 1)?;
            fields.end("input", "out_sx, out_sy, out_depth")?;
            vec![Layer::Input]
        }
        "conv" => {
            let side =
                need(fields.whole("sx", 1, SIDE)?, "sx, the pixels along a side of its filters")?;
            let filters = need(fields.whole("filters", 1, 64)?, "filters, their number")?;
            let stride = fields.whole("stride", 1, SIDE)?.unwrap_or(1);
            let pad = fields.whole("pad", 0, SIDE)?.unwrap_or(0);
            let (bias, after) = fields.activation()?;
            fields.end("conv", "sx, filters, stride, pad, activation, bias_pref")?;
            [vec![Layer::Conv { side, filters, stride, pad, bias }], after].concat()
        }
        "pool" => {
            let side =
                need(fields.whole("sx", 1, SIDE)?, "sx, the pixels along a side of its windows")?;
            let stride = fields.whole("stride", 1, SIDE)?.unwrap_or(2);
            // A window that lies in the padding alone has no largest value.
            let pad = fields.whole("pad", 0, side - 1)?.unwrap_or(0);
            fields.end("pool", "sx, stride, pad")?;
            vec![Layer::Pool { side, stride, pad }]
        }
        "fc" => {
            let units = need(fields.whole("num_neurons", 1, 512)?, "num_neurons, its units")?;
            let (bias, after) = fields.activation()?;
            fields.end("fc", "num_neurons, activation, bias_pref")?;
            [vec![Layer::Dense { units, bias }], after].concat()
        }
        "softmax" => {
            let units = need(fields.whole("num_classes", 1, 1000)?, "num_classes")?;
            if units != CLASSES {
                let what = format!("num_classes is {CLASSES} here: there are ten digits");
                return Err(Mistake::new(fields.at, what));
            }
            fields.end("softmax", "num_classes")?;
            vec![Layer::Dense { units, bias: 0.0 }, Layer::Softmax]
        }
        name => {
            let Some(layer) = activation(name) else {
                let what = format!(
                    "type '{name}' is not known here: input, conv, pool, fc, relu, sigmoid, tanh, softmax are"
                );
                return Err(Mistake::new(at, what));
            };
            fields.end(name, "nothing but its type")?;
            vec![layer]
        }
    };
    Ok(layers)
}

fn activation(name: &str) -> Option<Layer> {
    [Layer::Relu, Layer::Sigmoid, Layer::Tanh].into_iter().find(|layer| layer.name() == name)
}

/// The fields of a definition, taken one by one.
struct Fields {
    fields: Vec<(String, Value, At)>,
    at: At,
}

impl Fields {
    fn take(&mut self, name: &str) -> Option<(Value, At)> {
        let i = self.fields.iter().position(|(key, ..)| key == name)?;
        let (_, value, at) = self.fields.remove(i);
        Some((value, at))
    }

    fn text(&mut self, name: &str) -> Result<Option<(String, At)>, Mistake> {
        match self.take(name) {
            None => Ok(None),
            Some((Value::Text(text), at)) => Ok(Some((text, at))),
            Some((_, at)) => Err(Mistake::new(at, format!("{name} is a text: write it in quotes"))),
        }
    }

    fn number(&mut self, name: &str, least: f64, most: f64) -> Result<Option<f64>, Mistake> {
        match self.take(name) {
            None => Ok(None),
            Some((Value::Number(value), _)) if (least..=most).contains(&value) => Ok(Some(value)),
            Some((value, at)) => {
                let what = format!("{name} is a number from {least} to {most}, not {value}");
                Err(Mistake::new(at, what))
            }
        }
    }

    fn whole(&mut self, name: &str, least: usize, most: usize) -> Result<Option<usize>, Mistake> {
        let at = self.fields.iter().find(|(key, ..)| key == name).map(|(.., at)| *at);
        match self.number(name, least as f64, most as f64)? {
            Some(value) if value.fract() != 0.0 => Err(Mistake::new(
                at.unwrap_or(self.at),
                format!("{name} is a whole number, not {value}"),
            )),
            value => Ok(value.map(|value| value as usize)),
        }
    }

    /// What biases begin as, and the layer of the activation: behind a ReLU biases begin at 0.1, so that no unit is dead from the start.
    fn activation(&mut self) -> Result<(f32, Vec<Layer>), Mistake> {
        let after = match self.text("activation")? {
            None => vec![],
            Some((name, at)) => vec![activation(&name).ok_or_else(|| {
                Mistake::new(at, format!("activation '{name}' is none of relu, sigmoid, tanh"))
            })?],
        };
        let usual = if after == [Layer::Relu] { 0.1 } else { 0.0 };
        let bias = self.number("bias_pref", -10.0, 10.0)?.map_or(usual, |bias| bias as f32);
        Ok((bias, after))
    }

    /// Nothing may be left.
    fn end(&mut self, of: &str, known: &str) -> Result<(), Mistake> {
        match self.fields.first() {
            None => Ok(()),
            Some((key, _, at)) => {
                Err(Mistake::new(*at, format!("{of} has no {key} here; it has {known}")))
            }
        }
    }
}

/// The text of layers.
pub(super) fn write(layers: &[Layer]) -> String {
    let mut text = String::from("layer_defs = [];\n");
    let mut i = 0;
    while i < layers.len() {
        let (layer, next) = (layers[i], layers.get(i + 1).copied());
        i += 1;
        let mut fields = match layer {
            Layer::Input => format!("out_sx:{SIDE}, out_sy:{SIDE}, out_depth:1"),
            Layer::Conv { side, filters, stride, pad, .. } => {
                format!("sx:{side}, filters:{filters}, stride:{stride}, pad:{pad}")
            }
            Layer::Pool { side, stride, pad: 0 } => format!("sx:{side}, stride:{stride}"),
            Layer::Pool { side, stride, pad } => format!("sx:{side}, stride:{stride}, pad:{pad}"),
            Layer::Dense { units, .. } if next == Some(Layer::Softmax) => {
                i += 1;
                let _ = writeln!(text, "layer_defs.push({{type:'softmax', num_classes:{units}}});");
                continue;
            }
            Layer::Dense { units, .. } => format!("num_neurons:{units}"),
            _ => String::new(),
        };
        if let (Layer::Conv { bias, .. } | Layer::Dense { bias, .. }, next) = (layer, next) {
            let after = next.filter(|next| activation(next.name()).is_some());
            if let Some(next) = after {
                let _ = write!(fields, ", activation:'{}'", next.name());
                i += 1;
            }
            let usual = if after == Some(Layer::Relu) { 0.1 } else { 0.0 };
            if bias != usual {
                let _ = write!(fields, ", bias_pref:{bias}");
            }
        }
        let comma = if fields.is_empty() { "" } else { ", " };
        let _ = writeln!(text, "layer_defs.push({{type:'{}'{comma}{fields}}});", layer.name());
    }
    text
}
