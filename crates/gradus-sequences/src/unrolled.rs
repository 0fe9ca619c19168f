//! A recurrent net drawn over its steps: inputs below, layers above each other, outputs on top, and arrows from step to step.   Karpathy 2015, "The
//! unreasonable effectiveness of recurrent neural networks", the five modes

use std::fmt::Write;

/// When there are inputs and when outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One input, one output: no sequence at all.
    OneToOne,
    /// One input, an output at each step: a picture and its caption.
    OneToMany,
    /// An input at each step, one output at the end: a text and what it is.
    ManyToOne,
    /// All inputs before all outputs: a sentence and its translation.
    ManyToMany,
    /// An output at each step for the input there: a text and what comes next.
    Synced,
}

impl Mode {
    /// Whether there are an input and an output at each step.
    fn steps(self) -> &'static [(bool, bool)] {
        match self {
            Mode::OneToOne => &[(true, true)],
            Mode::OneToMany => &[(true, true), (false, true), (false, true), (false, true)],
            Mode::ManyToOne => &[(true, false), (true, false), (true, false), (true, true)],
            Mode::ManyToMany => &[
                (true, false),
                (true, false),
                (true, false),
                (false, true),
                (false, true),
                (false, true),
            ],
            Mode::Synced => &[(true, true), (true, true), (true, true), (true, true)],
        }
    }

    /// Its name, as the lecture and Karpathy have it.
    pub fn name(self) -> &'static str {
        match self {
            Mode::OneToOne => "one to one",
            Mode::OneToMany => "one to many",
            Mode::ManyToOne => "many to one",
            Mode::ManyToMany => "many to many",
            Mode::Synced => "many to many, in step",
        }
    }
}

/// A network over its steps.
///
/// ```
/// use gradus_sequences::{Mode, Unrolled};
/// let drawn = Unrolled::new(Mode::ManyToOne).layer("GRU(32)", true).layer("Dense(32 → 1)", false);
/// let svg = drawn.to_svg();
/// assert!(svg.contains(">GRU(32)</text>") && svg.contains(">many to one</text>"));
/// assert_eq!(svg.matches(">x").count(), 4); // four inputs, and one output
/// assert_eq!(svg.matches(">y").count(), 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Unrolled {
    mode: Mode,
    layers: Vec<Layer>,
    both_ways: bool,
}

/// A layer as it is drawn.
#[derive(Clone, Debug, PartialEq)]
struct Layer {
    name: String,
    /// Whether it hands something on from step to step.
    is_recurrent: bool,
}

impl Unrolled {
    /// Without a layer.
    pub fn new(mode: Mode) -> Unrolled {
        Unrolled { mode, layers: vec![], both_ways: false }
    }
    /// With one layer more, on top; a recurrent one hands something on from step to step.
    #[must_use]
    pub fn layer(mut self, name: impl Into<String>, is_recurrent: bool) -> Unrolled {
        self.layers.push(Layer { name: name.into(), is_recurrent });
        self
    }
    /// Reading from both ends.
    #[must_use]
    pub fn both_ways(mut self) -> Unrolled {
        self.both_ways = true;
        self
    }

    /// The picture. A layer that only makes outputs is drawn where there are some.
    pub fn to_svg(&self) -> String {
        let steps = self.mode.steps();
        let widest = self.layers.iter().map(|layer| layer.name.chars().count()).max().unwrap_or(4);
        let (wide, high) = ((widest as f64 * 7.2 + 18.0).max(54.0), 30.0);
        let (across, up) = (wide + 40.0, high + 26.0);
        let rows = self.layers.len() + 2;
        let (width, height) = (steps.len() as f64 * across + 20.0, rows as f64 * up + 44.0);
        let left = |step: usize| 20.0 + step as f64 * across;
        // Row 0 is that of the inputs.
        let top = |row: usize| 34.0 + (rows - 1 - row) as f64 * up;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" font-family=\"Helvetica,Arial,sans-serif\" font-size=\"12\">\n\
             <defs><marker id=\"to\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto-start-reverse\"><path d=\"M0 0L8 4L0 8z\" fill=\"#444\"/></marker></defs>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"20\" y=\"20\" font-size=\"14\" fill=\"#222\">{}</text>\n",
            self.mode.name()
        );
        let mut boxed = |step: usize, row: usize, text: &str, fill: &str| {
            let (x, y) = (left(step), top(row));
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{high}\" rx=\"5\" fill=\"{fill}\" stroke=\"#444\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#111\">{text}</text>",
                x + wide / 2.0,
                y + high / 2.0 + 4.0
            );
        };
        let is_there = |layer: &Layer, (_, gives): (bool, bool)| {
            layer.is_recurrent || gives || self.last_recurrent().is_none()
        };
        let below = self.last_recurrent();
        let mut arrows = String::new();
        let mut arrow = |from: (f64, f64), to: (f64, f64), both: bool| {
            let start = if both { " marker-start=\"url(#to)\"" } else { "" };
            let ((x1, y1), (x2, y2)) = (from, to);
            let _ = writeln!(
                arrows,
                "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#444\"{start} marker-end=\"url(#to)\"/>"
            );
        };
        let (mut inputs, mut outputs) = (0, 0);
        for (step, &(takes, gives)) in steps.iter().enumerate() {
            // Layers before the first recurrent one are of inputs, those behind the last of outputs.
            let mut rows: Vec<usize> = vec![];
            if takes {
                inputs += 1;
                boxed(step, 0, &format!("x{inputs}"), "#d9ead3");
                rows.push(0);
            }
            for (at, layer) in self.layers.iter().enumerate() {
                let is_of_inputs = !layer.is_recurrent && below.is_none_or(|last| at < last);
                if is_of_inputs && !takes || !is_of_inputs && !is_there(layer, (takes, gives)) {
                    continue;
                }
                boxed(
                    step,
                    at + 1,
                    &layer.name,
                    if layer.is_recurrent { "#cfe2f3" } else { "#eeeeee" },
                );
                rows.push(at + 1);
                if layer.is_recurrent && step > 0 {
                    let y = top(at + 1) + high / 2.0;
                    arrow((left(step - 1) + wide, y), (left(step), y), self.both_ways);
                }
            }
            if gives {
                outputs += 1;
                boxed(step, self.layers.len() + 1, &format!("y{outputs}"), "#fff2cc");
                rows.push(self.layers.len() + 1);
            }
            for pair in rows.windows(2) {
                let x = left(step) + wide / 2.0;
                arrow((x, top(pair[0])), (x, top(pair[1]) + high), false);
            }
        }
        svg + &arrows + "</svg>\n"
    }

    /// The place of the last recurrent layer.
    fn last_recurrent(&self) -> Option<usize> {
        self.layers.iter().rposition(|layer| layer.is_recurrent)
    }
}
