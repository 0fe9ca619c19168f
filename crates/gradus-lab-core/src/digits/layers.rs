//! What a network is made of, layer by layer, with ConvNetJS's names and its order: an activation is a layer of its own, and before the
//! softmax stands a dense layer of as many units as there are classes.

/// Pixels along a side of what a network sees.
pub(super) const SIDE: usize = 24;
/// Digits.
pub(super) const CLASSES: usize = 10;

/// A layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Layer {
    /// The picture.
    Input,
    /// A convolution with square kernels; `bias` is what biases begin as.
    Conv { side: usize, filters: usize, stride: usize, pad: usize, bias: f32 },
    /// The largest of each square window.
    Pool { side: usize, stride: usize, pad: usize },
    /// Each unit sees all.
    Dense { units: usize, bias: f32 },
    /// max(0, x).
    Relu,
    /// 1/(1 + e⁻ˣ).
    Sigmoid,
    /// tanh.
    Tanh,
    /// Scores as probabilities; the loss is −ln of the right one's.
    Softmax,
}

/// Channels, rows and columns.
pub(super) type Size = [usize; 3];

impl Layer {
    /// ConvNetJS's name of it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Layer::Input => "input",
            Layer::Conv { .. } => "conv",
            Layer::Pool { .. } => "pool",
            Layer::Dense { .. } => "fc",
            Layer::Relu => "relu",
            Layer::Sigmoid => "sigmoid",
            Layer::Tanh => "tanh",
            Layer::Softmax => "softmax",
        }
    }

    /// What size comes out for what size goes in.
    ///
    /// # Errors
    /// Where nothing would come out, in words.
    pub(super) fn size(&self, of: Size) -> Result<Size, String> {
        let [channels, rows, columns] = of;
        let windows = |side: usize, stride: usize, pad: usize| -> Result<[usize; 2], String> {
            let least = rows.min(columns) + 2 * pad;
            if side > least {
                return Err(format!(
                    "windows of {side} × {side} are larger than the {rows} × {columns} pixels that come in, with {pad} around them"
                ));
            }
            Ok([rows, columns].map(|pixels| (pixels + 2 * pad - side) / stride + 1))
        };
        Ok(match *self {
            Layer::Conv { side, filters, stride, pad, .. } => {
                let [rows, columns] = windows(side, stride, pad)?;
                [filters, rows, columns]
            }
            Layer::Pool { side, stride, pad } => {
                let [rows, columns] = windows(side, stride, pad)?;
                [channels, rows, columns]
            }
            Layer::Dense { units, .. } => [units, 1, 1],
            _ => of,
        })
    }

    /// Shapes of weights and biases for what goes in, and what the bias begins as.
    pub(super) fn weights(&self, of: Size) -> Option<(Vec<usize>, usize, f32)> {
        match *self {
            Layer::Conv { side, filters, bias, .. } => {
                Some((vec![filters, of[0], side, side], filters, bias))
            }
            Layer::Dense { units, bias } => Some((vec![units, of.iter().product()], units, bias)),
            _ => None,
        }
    }
}

/// Layers and the sizes of what comes out of each.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) layers: Vec<Layer>,
    pub(super) sizes: Vec<Size>,
}

impl Plan {
    /// Layers that fit together; else the index of the one that does not, and why.
    pub(super) fn new(layers: Vec<Layer>) -> Result<Plan, (usize, String)> {
        let mut sizes: Vec<Size> = vec![];
        for (i, layer) in layers.iter().enumerate() {
            let of = sizes.last().copied().unwrap_or([1, SIDE, SIDE]);
            if (i == 0) != (*layer == Layer::Input) {
                return Err((i, "the first layer, and no other, is the input".into()));
            }
            sizes.push(layer.size(of).map_err(|what| (i, what))?);
        }
        let last = layers.len().saturating_sub(1);
        if layers.last() != Some(&Layer::Softmax) || sizes[last] != [CLASSES, 1, 1] {
            return Err((last, format!("the last layer must be a softmax of {CLASSES} classes")));
        }
        if let Some(i) = layers[..last].iter().position(|layer| *layer == Layer::Softmax) {
            return Err((i, "a softmax is the last layer".into()));
        }
        let plan = Plan { layers, sizes };
        let (parameters, work) = (plan.parameters(), plan.multiplications());
        if parameters > MOST_PARAMETERS || work > MOST_MULTIPLICATIONS {
            return Err((
                last,
                format!(
                    "{parameters} parameters and {work} multiplications for each picture: at most {MOST_PARAMETERS} and \
                     {MOST_MULTIPLICATIONS} are possible here"
                ),
            ));
        }
        Ok(plan)
    }

    /// What goes into layer `i`.
    pub(super) fn input_of(&self, i: usize) -> Size {
        self.sizes[i.saturating_sub(1)]
    }

    /// Numbers that are learned.
    pub(super) fn parameters(&self) -> usize {
        let of = |i: usize| self.layers[i].weights(self.input_of(i));
        let all = (0..self.layers.len()).filter_map(of);
        all.map(|(shape, biases, _)| shape.iter().product::<usize>() + biases).sum()
    }

    /// Products of a weight and a value on the way of one picture.
    pub(super) fn multiplications(&self) -> usize {
        let of = |i: usize| {
            let (shape, ..) = self.layers[i].weights(self.input_of(i))?;
            let [_, rows, columns] = self.sizes[i];
            Some(shape.iter().product::<usize>() * rows * columns)
        };
        (0..self.layers.len()).filter_map(of).sum()
    }
}

const MOST_PARAMETERS: usize = 200_000;
const MOST_MULTIPLICATIONS: usize = 10_000_000;
