//! What a model consists of: its layers with shapes, parameters, multiply-adds and receptive
//! fields. Nothing is computed.

use crate::spec::output_spec;
use crate::{Layer, Sequential, Spec, parameters};
use gradus_base::words::grouped;
use gradus_base::{DType, Shape};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// The layers of a model, and sums over them.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The shape of the input, without the batch axis.
    pub input: Shape,
    /// The element type of the input.
    pub input_dtype: DType,
    /// The layers in the order they run.
    pub rows: Vec<Row>,
    /// The number of numbers that training adjusts; those that layers share count once.
    pub parameters: usize,
    /// How many of them are frozen.
    pub frozen: usize,
    /// Bytes of all parameters.
    pub parameter_bytes: usize,
    /// Bytes of the outputs of all layers for one sample.
    pub activation_bytes: usize,
}

/// One layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its path: `conv1`.
    pub path: String,
    /// Its type and what distinguishes it: `Dense(10)`.
    pub layer: String,
    /// The shape of its output, without the batch axis.
    pub output: Shape,
    /// Its parameters.
    pub parameters: usize,
    /// Its multiply-adds for one sample.
    pub macs: u64,
    /// What of the input one output sees; `None` where there are no height and width.
    pub field: Option<Field>,
}

impl Row {
    /// How much of the input one output sees, along height and width.
    pub fn receptive_field(&self) -> Option<[usize; 2]> {
        self.field.map(|field| field.sees)
    }
}

/// What of the input the outputs of a layer see, along height and width: output `i` sees `sees` pixels from `start + i · jump` on,
/// some of which may lie beside the input.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*};
/// let model = Sequential::new([1, 28, 28], &Init::new(0)).add(conv2d(6, 5).pad(2)).add(max_pool2d(2));
/// let field = model.summary().rows[1].field.unwrap();
/// assert_eq!((field.sees, field.jump, field.start), ([6, 6], [2, 2], [-2, -2]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// How many pixels.
    pub sees: [usize; 2],
    /// How far apart the fields of neighbours lie.
    pub jump: [usize; 2],
    /// Where the field of the first output begins.
    pub start: [isize; 2],
}

impl Summary {
    /// Multiply-adds for one sample.
    pub fn macs(&self) -> u64 {
        self.rows.iter().map(|r| r.macs).sum()
    }
}

impl Sequential {
    /// The layers with their shapes, parameters, multiply-adds and receptive fields.
    ///
    /// ```
    /// use gradus_nn::{Init, Sequential, layers::*};
    /// let model = Sequential::new([1, 28, 28], &Init::new(0)).add(flatten()).add(dense(10));
    /// let summary = model.summary();
    /// assert_eq!((summary.parameters, summary.macs()), (7_850, 7_840));
    /// ```
    pub fn summary(&self) -> Summary {
        let all = parameters(self);
        let len = |frozen: bool| {
            let chosen = all.iter().filter(|(_, p)| p.is_frozen() || !frozen);
            chosen.map(|(_, p)| p.variable().shape().len()).sum()
        };
        let input = self.input_spec();
        let mut walk = Walk { at: input, field: None, rows: vec![], activation_bytes: 0 };
        walk.field =
            spatial(input.shape).map(|_| Field { sees: [1, 1], jump: [1, 1], start: [0, 0] });
        walk.layers("", self.layers());
        Summary {
            input: input.shape,
            input_dtype: input.dtype,
            parameters: len(false),
            frozen: len(true),
            parameter_bytes: all
                .iter()
                .map(|(_, p)| bytes(p.variable().shape(), p.variable().dtype()))
                .sum(),
            activation_bytes: walk.activation_bytes,
            rows: walk.rows,
        }
    }
}

fn bytes(shape: Shape, dtype: DType) -> usize {
    shape.len() * dtype.size()
}

/// Height and width of `[C, H, W]`.
fn spatial(shape: Shape) -> Option<[usize; 2]> {
    (shape.rank() == 3).then(|| [shape[1], shape[2]])
}

impl Field {
    /// Of what is made of both.
    fn both(self, other: Field) -> Field {
        let larger = |a: [usize; 2], b: [usize; 2]| [a[0].max(b[0]), a[1].max(b[1])];
        let end = |field: Field, a: usize| field.start[a] + field.sees[a] as isize;
        let start = [0, 1].map(|a| self.start[a].min(other.start[a]));
        let sees = [0, 1].map(|a| (end(self, a).max(end(other, a)) - start[a]) as usize);
        Field { sees, jump: larger(self.jump, other.jump), start }
    }
}

struct Walk {
    /// What the layers so far give.
    at: Spec,
    field: Option<Field>,
    rows: Vec<Row>,
    activation_bytes: usize,
}

impl Walk {
    fn layers(&mut self, path: &str, layers: &[(String, Arc<dyn Layer>)]) {
        for (name, layer) in layers {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            match (layer.children(), layer.paths()) {
                ([], []) => self.leaf(path, name, &**layer),
                ([], paths) => self.side_by_side(path, name, &**layer, paths),
                (children, _) => self.layers(&path, children),
            }
        }
    }

    /// The rows of each path, then one for where they meet, which sees what any of them sees.
    fn side_by_side(
        &mut self,
        path: String,
        name: &str,
        layer: &dyn Layer,
        paths: &[(String, Sequential)],
    ) {
        let (input, field) = (self.at, self.field);
        let output = self.output(name, layer);
        let mut seen = vec![];
        for (name, inner) in paths {
            (self.at, self.field) = (input, field);
            self.layers(&format!("{path}.{name}"), inner.layers());
            // An auxiliary head goes elsewhere.
            if self.at.shape.rank() == output.shape.rank() {
                seen.extend(self.field);
            }
        }
        (self.at, self.field) = (output, seen.into_iter().reduce(Field::both).or(field));
        self.push(path, layer, 0, 0);
    }

    /// The row of a layer that gives what we are at.
    fn push(&mut self, path: String, layer: &dyn Layer, parameters: usize, macs: u64) {
        self.activation_bytes += bytes(self.at.shape, self.at.dtype);
        self.rows.push(Row {
            path,
            layer: layer.describe(),
            output: self.at.shape,
            parameters,
            macs,
            field: self.field,
        });
    }

    fn output(&self, name: &str, layer: &dyn Layer) -> Spec {
        output_spec(name, layer, self.at)
            .expect("the model was built, so every layer takes what the one before gives")
    }

    fn leaf(&mut self, path: String, name: &str, layer: &dyn Layer) {
        let output = self.output(name, layer);
        let input = std::mem::replace(&mut self.at, output).shape;
        self.field = self.field.map(|field| self.next_field(field, layer, input));
        let mut seen = HashSet::new();
        let own = parameters(layer);
        let own = own.iter().filter(|(_, p)| seen.insert(p.variable().id()));
        let parameters = own.map(|(_, p)| p.variable().shape().len()).sum();
        self.push(path, layer, parameters, layer.macs(&input, &output.shape));
    }

    /// A window of size k, stride s and dilation d sees (k − 1)·d jumps more, and the jump grows s-fold.
    fn next_field(&self, field: Field, layer: &dyn Layer, input: Shape) -> Field {
        let mut next = field;
        match layer.window() {
            Some(window) => {
                let padding = layer.window_padding(&input).unwrap_or_default();
                for (axis, (k, s, d)) in window.into_iter().enumerate() {
                    next.start[axis] -= (padding[axis][0] * field.jump[axis]) as isize;
                    next.sees[axis] += (k - 1) * d * field.jump[axis];
                    next.jump[axis] *= s;
                }
            }
            // What changes height and width without a window sees all of them.
            None if spatial(self.at.shape) != spatial(input) => {
                if let Some(whole) = spatial(input) {
                    for axis in 0..2 {
                        next.sees[axis] += (whole[axis] - 1) * field.jump[axis];
                    }
                }
            }
            None => {}
        }
        next
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |of: fn(&Row) -> usize, least: usize| {
            self.rows.iter().map(of).max().unwrap_or(0).max(least)
        };
        let path = width(|r| r.path.chars().count(), 5);
        let layer = width(|r| r.layer.chars().count(), 5);
        let output = width(|r| r.output.to_string().len(), 8);
        writeln!(
            f,
            "{:<path$}  {:<layer$}  {:<output$}  {:>10}  {:>12}  sees px",
            "layer", "kind", "output", "parameters", "mult-adds"
        )?;
        let dtype = match self.input_dtype {
            DType::F32 => String::new(),
            other => format!("  {other}"),
        };
        writeln!(f, "{:<path$}  {:<layer$}  {}{dtype}", "input", "", self.input)?;
        for r in &self.rows {
            let sees = r.receptive_field().map_or(String::new(), |[h, w]| format!("{h}×{w}"));
            let shape = r.output.to_string();
            let line = format!(
                "{:<path$}  {:<layer$}  {shape:<output$}  {:>10}  {:>12}  {sees}",
                r.path,
                r.layer,
                grouped(r.parameters as u64),
                grouped(r.macs)
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        let frozen = if self.frozen > 0 {
            format!(", {} frozen", grouped(self.frozen as u64))
        } else {
            String::new()
        };
        writeln!(
            f,
            "{} parameters{frozen} ({:.1} KiB), {} multiply-adds and {:.1} KiB of outputs per sample",
            grouped(self.parameters as u64),
            self.parameter_bytes as f64 / 1024.0,
            grouped(self.macs()),
            self.activation_bytes as f64 / 1024.0
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::layers::{dense, flatten, relu};
    use crate::{Config, Context, Init, Layer, Module, Sequential, Visitor};
    use gradus_tensor::Tensor;
    use std::sync::Arc;

    /// A window that keeps the shape, as a padded convolution does.
    struct Window(usize, usize);
    impl Module for Window {
        fn visit<'a>(&'a self, _: &mut Visitor<'a, '_>) {}
    }
    impl Layer for Window {
        fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
            x.clone()
        }
        fn describe(&self) -> String {
            "Window".into()
        }
        fn window(&self) -> Option<[(usize, usize, usize); 2]> {
            Some([(self.0, self.1, 1); 2])
        }
    }
    impl Config for Window {
        fn name(&self) -> &'static str {
            "window"
        }
        fn build(self: Box<Self>, _: crate::Spec, _: &Init) -> Arc<dyn Layer> {
            Arc::new(*self)
        }
    }

    #[test]
    fn an_mlp() {
        let model = Sequential::new([1, 28, 28], &Init::new(0))
            .add(flatten())
            .add(dense(128))
            .add(relu())
            .add(dense(10));
        let s = model.summary();
        assert_eq!((s.parameters, s.macs(), s.frozen), (101_770, 784 * 128 + 128 * 10, 0));
        assert_eq!(s.activation_bytes, 4 * (784 + 128 + 128 + 10));
        let text = s.to_string();
        assert!(text.contains("100,480") && text.contains("\n101,770 parameters ("), "{text}");
        assert!(s.rows.iter().all(|r| r.receptive_field() == Some([28, 28])));
    }

    /// Two 3×3 windows of stride 1 see 5×5; a 2×2 window of stride 2 makes it 6×6, and doubles what follows adds.
    #[test]
    fn receptive_fields_grow() {
        let model = Sequential::new([1, 28, 28], &Init::new(0))
            .add(Window(3, 1))
            .add(Window(3, 1))
            .add(Window(2, 2))
            .add(relu())
            .add(Window(3, 1));
        let sees: Vec<usize> =
            model.summary().rows.iter().map(|r| r.receptive_field().unwrap()[0]).collect();
        assert_eq!(sees, [3, 5, 6, 6, 10]);
    }
}
