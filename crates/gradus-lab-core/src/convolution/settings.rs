//! What the page holds, and how it stands in an address.

use super::draw::Draw;
use super::layer::Numbers;
use super::messages::{Command, Layer, Op, Padding, Question};
use super::quiz::{self, QUESTIONS};
use crate::wire::Wire;

/// The largest number.
const MOST: f64 = 1000.0;

const OPS: [(&str, Op); 3] =
    [("convolution", Op::Convolution), ("max", Op::Max), ("mean", Op::Mean)];
const PADDINGS: [(&str, Padding); 4] = [
    ("valid", Padding::Valid),
    ("same", Padding::Same),
    ("full", Padding::Full),
    ("causal", Padding::Causal),
];

/// What is kept: the rest follows from it.
#[derive(Wire, Clone, Debug, PartialEq)]
pub(super) struct Kept {
    pub(super) layer: Layer,
    pub(super) seed: u32,
    pub(super) input: Vec<f64>,
    pub(super) weights: Vec<f64>,
    pub(super) biases: Vec<f64>,
    pub(super) upstream: Vec<f64>,
    question: u32,
    question_seed: u32,
    /// The last answer to the question.
    answer: Option<String>,
    won: u32,
    tried: u32,
}

/// The lecture's: 7×7 under 3×3.
const FIRST: Layer = Layer {
    op: Op::Convolution,
    size: 7,
    channels: 1,
    kernels: 1,
    window: 3,
    stride: 1,
    dilation: 1,
    padding: Padding::Valid,
    explicit: 1,
    ceil: false,
};

impl Kept {
    fn of(layer: Layer, seed: u32) -> Kept {
        let [_, _, outputs] = layer.counts();
        let [input, weights, biases] = drawn(&layer, seed);
        let upstream = vec![1.0; outputs];
        let (question, question_seed, answer, won, tried) = (0, 0, None, 0, 0);
        Kept {
            layer,
            seed,
            input,
            weights,
            biases,
            upstream,
            question,
            question_seed,
            answer,
            won,
            tried,
        }
    }

    pub(super) fn numbers(&self) -> Numbers<'_> {
        let (input, weights, biases) = (&self.input, &self.weights, &self.biases);
        Numbers { layer: &self.layer, input, weights, biases }
    }

    /// Another layer: numbers stay where their count does.
    fn set_layer(&mut self, layer: Layer) -> Result<(), String> {
        layer.check()?;
        let old = self.clone();
        let [input, weights, biases] = drawn(&layer, self.seed);
        (self.layer, self.input, self.weights, self.biases) = (layer, input, weights, biases);
        self.upstream = vec![1.0; layer.counts()[2]];
        let shape = |l: &Layer| [l.size, l.channels];
        if shape(&old.layer) == shape(&layer) {
            self.input = old.input;
        }
        let shape =
            |l: &Layer| [l.channels, l.kernels, l.window, u32::from(l.op == Op::Convolution)];
        if shape(&old.layer) == shape(&layer) {
            (self.weights, self.biases) = (old.weights, old.biases);
        }
        Ok(())
    }

    /// Does what a command says. After an error the rest is of no use.
    pub(super) fn take(&mut self, command: &Command) -> Result<(), String> {
        match command {
            Command::Layer { layer } => self.set_layer(*layer)?,
            Command::Draw { seed } => {
                self.seed = *seed;
                [self.input, self.weights, self.biases] = drawn(&self.layer, *seed);
            }
            Command::Pixel { at, value } => set(&mut self.input, "input", *at, *value)?,
            Command::Weight { at, value } => set(&mut self.weights, "weight", *at, *value)?,
            Command::Bias { at, value } => set(&mut self.biases, "bias", *at, *value)?,
            Command::Ones => self.upstream.fill(1.0),
            Command::One { at } => {
                self.upstream.fill(0.0);
                set(&mut self.upstream, "output", *at, 1.0)?;
            }
            Command::Ask { question, seed } => {
                if *question >= QUESTIONS {
                    return Err(format!(
                        "question {question} of {QUESTIONS}: they are counted from 0"
                    ));
                }
                (self.question, self.question_seed, self.answer) = (*question, *seed, None);
            }
            Command::Answer { text } => {
                if text.len() > 200 {
                    return Err(format!("an answer of {} bytes: expected 200 at most", text.len()));
                }
                let (is_right, _) = quiz::ask(self.question, self.question_seed).judge(text)?;
                let is_first = self.answer.is_none();
                self.tried = self.tried.saturating_add(u32::from(is_first));
                self.won = self.won.saturating_add(u32::from(is_first && is_right));
                self.answer = Some(text.clone());
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn question(&self) -> Question {
        let asked = quiz::ask(self.question, self.question_seed);
        let judged = self.answer.as_ref().and_then(|answer| asked.judge(answer).ok());
        let (right, why) = judged.map_or((None, String::new()), |(right, why)| (Some(right), why));
        Question {
            question: self.question,
            of: QUESTIONS,
            seed: self.question_seed,
            text: asked.text,
            options: asked.options,
            grids: asked.grids,
            right,
            why,
            won: self.won,
            tried: self.tried,
        }
    }

    /// Reads an address; what of it cannot be taken is told.
    pub(super) fn read(settings: &str) -> (Kept, Vec<String>) {
        let (mut layer, mut seed, mut remarks, mut later) = (FIRST, 0, vec![], vec![]);
        for pair in settings.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let whole =
                || value.parse::<u32>().map_err(|_| format!("{key} {value:?} is no whole number"));
            let mut to =
                |field: fn(&mut Layer) -> &mut u32| whole().map(|n| *field(&mut layer) = n);
            let taken = match key {
                "size" => to(|layer| &mut layer.size),
                "channels" => to(|layer| &mut layer.channels),
                "kernels" => to(|layer| &mut layer.kernels),
                "kernel" => to(|layer| &mut layer.window),
                "stride" => to(|layer| &mut layer.stride),
                "dilation" => to(|layer| &mut layer.dilation),
                "seed" => whole().map(|n| seed = n),
                "op" => found(key, value, &OPS).map(|op| layer.op = op),
                "ceil" => {
                    found(key, value, &[("yes", true), ("no", false)]).map(|ceil| layer.ceil = ceil)
                }
                "padding" => match value.parse() {
                    Ok(explicit) => {
                        (layer.padding, layer.explicit) = (Padding::Explicit, explicit);
                        Ok(())
                    }
                    Err(_) => found(key, value, &PADDINGS)
                        .map(|padding| layer.padding = padding)
                        .map_err(|what| format!("{what}, nor a number")),
                },
                "input" | "weights" | "biases" | "ask" => {
                    later.push((key, value));
                    Ok(())
                }
                _ => Err(format!("{key:?} is no setting of this page")),
            };
            remarks.extend(taken.err());
        }
        if let Err(what) = layer.check() {
            remarks.push(what);
            layer = FIRST;
        }
        let mut kept = Kept::of(layer, seed);
        for (key, value) in later {
            remarks.extend(kept.set_numbers(key, value).err());
        }
        (kept, remarks)
    }

    /// Numbers that were changed by hand, or the question.
    fn set_numbers(&mut self, key: &str, value: &str) -> Result<(), String> {
        let numbers: Option<Vec<f64>> =
            value.split(',').map(|number| number.parse().ok()).collect();
        let numbers = numbers
            .ok_or_else(|| format!("{key}: numbers with commas between them are expected"))?;
        if key == "ask" {
            let [question, seed] = numbers[..] else {
                return Err("ask: a question's number and a seed are expected".into());
            };
            return self.take(&Command::Ask { question: question as u32, seed: seed as u32 });
        }
        let list = match key {
            "input" => &mut self.input,
            "weights" => &mut self.weights,
            _ => &mut self.biases,
        };
        if numbers.len() != list.len() {
            return Err(format!("{key}: {} numbers, expected {}", numbers.len(), list.len()));
        }
        numbers.iter().enumerate().try_for_each(|(at, value)| set(list, key, at as u32, *value))
    }

    /// As an address holds it.
    pub(super) fn written(&self) -> String {
        let Layer {
            op,
            size,
            channels,
            kernels,
            window,
            stride,
            dilation,
            padding,
            explicit,
            ceil,
        } = self.layer;
        let name = |padding: Padding| {
            PADDINGS.iter().find(|known| known.1 == padding).map(|known| known.0)
        };
        let padding = name(padding).map_or_else(|| explicit.to_string(), String::from);
        let op = OPS.iter().find(|known| known.1 == op).map_or("convolution", |known| known.0);
        let mut text = format!(
            "op={op}&size={size}&channels={channels}&kernels={kernels}&kernel={window}&stride={stride}&dilation={dilation}&padding={padding}"
        );
        text += if ceil { "&ceil=yes" } else { "" };
        text += &format!("&seed={}", self.seed);
        let drawn = drawn(&self.layer, self.seed);
        let lists = [("input", &self.input), ("weights", &self.weights), ("biases", &self.biases)];
        for ((key, list), drawn) in lists.into_iter().zip(drawn) {
            if *list != drawn {
                let numbers: Vec<String> = list.iter().map(f64::to_string).collect();
                text += &format!("&{key}={}", numbers.join(","));
            }
        }
        if (self.question, self.question_seed) != (0, 0) {
            text += &format!("&ask={},{}", self.question, self.question_seed);
        }
        text
    }

    /// Refuses what no page can hold.
    pub(super) fn check(&self) -> Result<(), String> {
        self.layer.check()?;
        let counts = self.layer.counts();
        let biases = if counts[1] > 0 { self.layer.kernels as usize } else { 0 };
        let found = [self.input.len(), self.weights.len(), self.upstream.len(), self.biases.len()];
        let numbers = [&self.input, &self.weights, &self.upstream, &self.biases];
        let is_small = |list: &&Vec<f64>| list.iter().all(|value| value.abs() <= MOST);
        let is_asked =
            self.question < QUESTIONS && self.answer.as_ref().is_none_or(|text| text.len() <= 200);
        match found == [counts[0], counts[1], counts[2], biases]
            && numbers.iter().all(is_small)
            && is_asked
        {
            true => Ok(()),
            false => Err("numbers that are none of its layer".into()),
        }
    }
}

/// Input, weights and biases by a seed; seed 0 draws a cross, and a kernel that finds its falling stroke.
fn drawn(layer: &Layer, seed: u32) -> [Vec<f64>; 3] {
    let [inputs, weights, _] = layer.counts();
    let biases = if weights > 0 { layer.kernels as usize } else { 0 };
    let mut draw = Draw::new(seed);
    if seed == 0 && layer.op == Op::Convolution {
        let (size, window) = (layer.size as usize, layer.window as usize);
        let cross = |i: usize| {
            let (row, column) = (i / size % size, i % size);
            f64::from(u8::from(row == column || row + column + 1 == size))
        };
        let stroke = |i: usize| {
            let (row, column, map) =
                (i / window % window, i % window, i / (window * window * layer.channels as usize));
            let is_on =
                if map.is_multiple_of(2) { row == column } else { row + column + 1 == window };
            if is_on { 1.0 } else { -1.0 }
        };
        return [
            (0..inputs).map(cross).collect(),
            (0..weights).map(stroke).collect(),
            vec![0.0; biases],
        ];
    }
    let mut list = |count: usize, least: i64, most: i64| {
        (0..count).map(|_| draw.whole(least, most) as f64).collect()
    };
    [list(inputs, 0, 9), list(weights, -2, 2), list(biases, -3, 3)]
}

/// Sets a number of a list.
fn set(list: &mut [f64], what: &str, at: u32, value: f64) -> Result<(), String> {
    if value.is_nan() || value.abs() > MOST {
        return Err(format!("{what} {value}: expected −{MOST} to {MOST}"));
    }
    let count = list.len();
    let number = list.get_mut(at as usize);
    *number.ok_or_else(|| format!("{what} {at} of {count}: they are counted from 0"))? = value;
    Ok(())
}

/// The value of that name.
fn found<T: Copy>(key: &str, value: &str, known: &[(&str, T)]) -> Result<T, String> {
    let names: Vec<&str> = known.iter().map(|known| known.0).collect();
    let of = known.iter().find(|known| known.0 == value).map(|known| known.1);
    of.ok_or_else(|| format!("{key} {value:?} is none of {}", names.join(", ")))
}
