//! From the text's messages to steps: phases, inputs, values by name, and which output counts.

use super::layers::{self, Made};
use super::{CaffeNet, Op, Step, at_layer};
use gradus_base::Shape;
use gradus_io::caffe::{Field, Message};
use gradus_io::{Error, Result};
use gradus_nn::{Init, Layer, Spec};
use gradus_tensor::{DType, Tensor, try_build};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Types that bring data in.
const DATA: [&str; 6] = ["Data", "ImageData", "HDF5Data", "MemoryData", "WindowData", "DummyData"];
/// Types that only measure.
const MEASURES: [&str; 4] = ["Accuracy", "Silence", "HDF5Output", "ArgMax"];
/// Types that measure what is before them as a loss.
const LOSSES: [&str; 6] = [
    "SoftmaxWithLoss",
    "SigmoidCrossEntropyLoss",
    "EuclideanLoss",
    "HingeLoss",
    "MultinomialLogisticLoss",
    "InfogainLoss",
];
/// The old spelling's types with the new one's, where they are not the same but for capitals.
const OLD_NAMES: [(&str, &str); 26] = [
    ("ACCURACY", "Accuracy"),
    ("CONCAT", "Concat"),
    ("CONVOLUTION", "Convolution"),
    ("DATA", "Data"),
    ("DROPOUT", "Dropout"),
    ("EUCLIDEAN_LOSS", "EuclideanLoss"),
    ("FLATTEN", "Flatten"),
    ("HDF5_DATA", "HDF5Data"),
    ("IMAGE_DATA", "ImageData"),
    ("INNER_PRODUCT", "InnerProduct"),
    ("LRN", "LRN"),
    ("POOLING", "Pooling"),
    ("RELU", "ReLU"),
    ("SIGMOID", "Sigmoid"),
    ("SOFTMAX", "Softmax"),
    ("SOFTMAX_LOSS", "SoftmaxWithLoss"),
    ("SPLIT", "Split"),
    ("TANH", "TanH"),
    ("ELTWISE", "Eltwise"),
    ("POWER", "Power"),
    ("MEMORY_DATA", "MemoryData"),
    ("ABSVAL", "AbsVal"),
    ("SIGMOID_CROSS_ENTROPY_LOSS", "SigmoidCrossEntropyLoss"),
    ("HINGE_LOSS", "HingeLoss"),
    ("SILENCE", "Silence"),
    ("ARGMAX", "ArgMax"),
];

pub(super) fn network(net: &Message, input: Option<Shape>, init: &Init) -> Result<CaffeNet> {
    let layers: Vec<&Field> =
        net.fields.iter().filter(|f| f.name == "layer" || f.name == "layers").collect();
    if layers.is_empty() {
        return Err(Error::format("not a network of Caffe: it has no layers"));
    }
    let mut builder = Builder {
        init,
        wanted: input,
        input: None,
        values: HashMap::new(),
        shapes: vec![],
        steps: vec![],
        left_out: vec![],
        outputs: vec![],
    };
    builder.net_inputs(net)?;
    for field in layers {
        let layer = field.message()?;
        let name = layer.text("name")?.unwrap_or("").to_owned();
        builder.layer(layer, &name).map_err(|e| at_layer(field.at, &name, e.what))?;
    }
    builder.finish(net.text("name")?.unwrap_or("net"))
}

struct Builder<'i> {
    init: &'i Init,
    wanted: Option<Shape>,
    input: Option<Shape>,
    /// The value that a blob's name stands for at present; labels stand for none.
    values: HashMap<String, Option<usize>>,
    /// Of each value.
    shapes: Vec<Shape>,
    steps: Vec<Step>,
    left_out: Vec<String>,
    /// What a loss or a softmax at the end would get, in order.
    outputs: Vec<usize>,
}

impl Builder<'_> {
    /// `input: "data"` with `input_dim` or `input_shape` beside it.
    fn net_inputs(&mut self, net: &Message) -> Result<()> {
        let names = net.texts("input")?;
        let sizes = net.all("input_dim").map(Field::number).collect::<Result<Vec<usize>>>()?;
        let shapes = net.messages("input_shape")?;
        for (i, name) in names.iter().enumerate() {
            let given = match (sizes.get(4 * i..4 * i + 4), shapes.get(i)) {
                (Some(sizes), _) => Some(sizes.to_vec()),
                (None, Some(shape)) => Some(dims(shape)?),
                (None, None) => None,
            };
            self.add_input(name, given.as_deref())?;
        }
        Ok(())
    }

    /// The first input is the network's; others are labels and the like, which nothing here reads.
    fn add_input(&mut self, name: &str, with_batch: Option<&[usize]>) -> Result<()> {
        if self.input.is_some() {
            self.values.insert(name.to_owned(), None);
            return Ok(());
        }
        let given = with_batch.and_then(|sizes| sizes.get(1..));
        let shape = match (self.wanted, given) {
            (Some(wanted), _) => wanted,
            (None, Some(sizes)) if !sizes.is_empty() && sizes.len() <= 4 && !sizes.contains(&0) => {
                check_len(sizes)?;
                Shape::from(sizes)
            }
            _ => {
                return Err(Error::format(format!(
                    "the shape of the input `{name}` is not in the text; give it, as 3x224x224"
                )));
            }
        };
        self.input = Some(shape);
        self.values.insert(name.to_owned(), Some(0));
        self.shapes.push(shape);
        Ok(())
    }

    fn layer(&mut self, layer: &Message, name: &str) -> Result<()> {
        if !in_training(layer)? {
            return Ok(());
        }
        let kind = kind_of(layer)?;
        let (bottoms, tops) = (layer.texts("bottom")?, layer.texts("top")?);
        if DATA.contains(&kind) {
            let shape = data_shape(layer)?;
            return tops.iter().try_for_each(|top| self.add_input(top, shape.as_deref()));
        }
        if kind == "Input" {
            let shapes =
                layer.message("input_param")?.map_or(Ok(vec![]), |p| p.messages("shape"))?;
            for (i, top) in tops.iter().enumerate() {
                let shape = shapes.get(i).or(shapes.first()).map(|s| dims(s)).transpose()?;
                self.add_input(top, shape.as_deref())?;
            }
            return Ok(());
        }
        if MEASURES.contains(&kind) {
            return Ok(());
        }
        let find = |bottom: &&str| match self.values.get(*bottom) {
            Some(value) => Ok(*value),
            None => Err(Error::format(format!("nothing before it gives its bottom `{bottom}`"))),
        };
        let from = bottoms.iter().map(find).collect::<Result<Vec<_>>>()?;
        if LOSSES.contains(&kind) || (kind == "Softmax" && tops.len() == 1) {
            let Some(&Some(value)) = from.first() else {
                return Err(Error::format("its first bottom is no value of the network"));
            };
            self.outputs.push(value);
            // In the middle of a network a softmax would be a layer; there is none such.
            self.values.extend(tops.iter().map(|top| ((*top).to_owned(), None)));
            return Ok(());
        }
        let from = from.into_iter().map(|value| {
            value.ok_or_else(|| Error::format("it reads a label, or what comes after a softmax"))
        });
        let from = from.collect::<Result<Vec<usize>>>()?;
        if from.is_empty() || (tops.len() != 1 && kind != "Split") {
            let what = format!("{} bottoms and {} tops; one top is read", from.len(), tops.len());
            return Err(Error::format(what));
        }
        if kind == "Split" {
            self.values.extend(tops.iter().map(|top| ((*top).to_owned(), Some(from[0]))));
            return Ok(());
        }
        if kind == "Scale" && self.take_in_scale(layer, name, &from)? {
            self.values.insert(tops[0].to_owned(), Some(from[0]));
            return Ok(());
        }
        self.step(layer, name, kind, from, tops[0])
    }

    fn step(
        &mut self,
        layer: &Message,
        name: &str,
        kind: &'static str,
        from: Vec<usize>,
        top: &str,
    ) -> Result<()> {
        if self.steps.iter().any(|step| step.name == name) || name.is_empty() {
            return Err(Error::format("its name is empty, or another layer's"));
        }
        let shapes: Vec<Shape> = from.iter().map(|&i| self.shapes[i]).collect();
        let Made { op, frozen } = layers::make(layer, kind, &shapes, self.init)?;
        let output = shape_of(&op, &shapes, self.init.dtype())?;
        if let (Op::Layer(layer), true) = (&op, frozen) {
            gradus_nn::parameters(layer).iter().for_each(|(_, p)| p.freeze(true));
        }
        let step = Step { name: name.to_owned(), op, from, output, scale: None, kind };
        self.steps.push(step);
        self.shapes.push(output);
        self.values.insert(top.to_owned(), Some(self.steps.len()));
        Ok(())
    }

    /// Whether a scale belongs to the batch normalisation before it, which then has its γ and β.
    fn take_in_scale(&mut self, layer: &Message, name: &str, from: &[usize]) -> Result<bool> {
        let biased = match layer.message("scale_param")? {
            None => false,
            Some(p) => p.flag("bias_term")?.unwrap_or(false),
        };
        let &[value] = from else { return Ok(false) };
        let used = self.steps.iter().any(|step| step.from.contains(&value));
        let Some(step) = value.checked_sub(1).and_then(|i| self.steps.get_mut(i)) else {
            return Ok(false);
        };
        if step.kind != "BatchNorm" || step.scale.is_some() || used {
            return Ok(false);
        }
        step.scale = Some(name.to_owned());
        if let Op::Layer(layer) = &step.op {
            for (part, parameter) in gradus_nn::parameters(layer) {
                parameter.freeze(part == "bias" && !biased);
            }
        }
        Ok(true)
    }

    /// Keeps what the last output needs.
    fn finish(mut self, name: &str) -> Result<CaffeNet> {
        let input = self.input.ok_or_else(|| {
            Error::format(
                "the network has no input: no `input`, and no layer of type Input or Data",
            )
        })?;
        let result = self.outputs.last().copied().unwrap_or(self.steps.len());
        if result == 0 {
            return Err(Error::format("the network has no layer between its input and its output"));
        }
        let mut needed = HashSet::from([result]);
        for (i, step) in self.steps.iter().enumerate().rev() {
            if needed.contains(&(i + 1)) {
                needed.extend(&step.from);
            }
        }
        if !needed.contains(&0) {
            return Err(Error::format("the output does not depend on the input"));
        }
        // Values are renumbered without the steps that fall away.
        let mut number = vec![0];
        let mut steps = vec![];
        for (i, mut step) in std::mem::take(&mut self.steps).into_iter().enumerate() {
            let kept = needed.contains(&(i + 1));
            number.push(steps.len() + usize::from(kept));
            if kept {
                step.from.iter_mut().for_each(|value| *value = number[*value]);
                steps.push(step);
            } else {
                self.left_out.push(format!("{} (the output does not need it)", step.name));
            }
        }
        let output = self.shapes[result];
        let (result, left_out) = (number[result], self.left_out);
        let (name, dtype) = (name.to_owned(), self.init.dtype());
        Ok(CaffeNet { name, input, output, dtype, steps, result, left_out })
    }
}

/// Whether a layer is there when training: of two for the phases, that for training is taken.
fn in_training(layer: &Message) -> Result<bool> {
    let phases = |name: &str| -> Result<Vec<&str>> {
        let rules = layer.messages(name)?;
        Ok(rules
            .iter()
            .map(|r| r.word("phase"))
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect())
    };
    let (included, excluded) = (phases("include")?, phases("exclude")?);
    let is_train = |phase: &&str| matches!(*phase, "TRAIN" | "0");
    Ok((included.is_empty() || included.iter().any(is_train)) && !excluded.iter().any(is_train))
}

/// The type in the new spelling.
fn kind_of(layer: &Message) -> Result<&'static str> {
    let field = layer.get("type").ok_or_else(|| Error::format("it has no type"))?;
    let name = field.text().or_else(|_| field.word())?;
    let known = DATA.iter().chain(&MEASURES).chain(&LOSSES).chain(layers::KINDS);
    let old = OLD_NAMES.iter().find(|(old, _)| *old == name).map(|(_, new)| *new);
    old.or_else(|| known.copied().find(|kind| *kind == name)).ok_or_else(|| {
        Error::format(format!(
            "{}: the type {name} is not known; there are {}",
            field.at,
            layers::KINDS.join(", ")
        ))
    })
}

/// The shape that a data layer tells, with a batch axis.
fn data_shape(layer: &Message) -> Result<Option<Vec<usize>>> {
    if let Some(p) = layer.message("memory_data_param")? {
        let sizes = [p.size("channels")?, p.size("height")?, p.size("width")?];
        if let [Some(c), Some(h), Some(w)] = sizes {
            return Ok(Some(vec![1, c, h, w]));
        }
    }
    if let Some(p) = layer.message("dummy_data_param")?
        && let Some(shape) = p.message("shape")?
    {
        return dims(shape).map(Some);
    }
    let crop =
        layer.message("transform_param")?.map(|p| p.size("crop_size")).transpose()?.flatten();
    Ok(crop.filter(|&size| size > 0).map(|size| vec![1, 3, size, size]))
}

/// `dim: 1 dim: 3`
fn dims(shape: &Message) -> Result<Vec<usize>> {
    shape.fields.iter().filter(|f| f.name == "dim").map(Field::number).collect()
}

/// The shape that a step gives, without the batch axis. Nothing is computed.
fn shape_of(op: &Op, shapes: &[Shape], dtype: DType) -> Result<Shape> {
    // A batch of two tells the batch axis apart from axes of size 1.
    let zeros: Vec<Tensor> = shapes.iter().map(|&s| Spec::new(s, dtype).zeros(2)).collect();
    let xs: Vec<&Tensor> = zeros.iter().collect();
    let y = try_build(|| match op {
        Op::Layer(layer) => {
            let layer: &Arc<dyn Layer> = layer;
            layer.forward(xs[0], &gradus_nn::Context::eval())
        }
        op => op.join(&xs),
    });
    let y = y.map_err(|e| Error::format(e.to_string()))?;
    if y.rank() < 2 || y.shape()[0] != 2 {
        return Err(Error::format("it mixes the samples of a batch"));
    }
    check_len(&y.shape())?;
    Ok(y.shape().without(0))
}

/// Refuses values that no memory holds, whose sizes might not even be counted.
fn check_len(sizes: &[usize]) -> Result<()> {
    let len = sizes.iter().try_fold(1usize, |len, &size| len.checked_mul(size));
    match len.is_some_and(|len| len <= 1 << 31) {
        true => Ok(()),
        false => Err(Error::format(format!("a value of {sizes:?} is too large"))),
    }
}
