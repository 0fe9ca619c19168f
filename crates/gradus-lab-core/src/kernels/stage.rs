//! A kernel of the chain: its numbers by name and size, how it is checked, written into an address and read again.

use super::messages::{Border, Stage};
use gradus::data::kernels::{self, Laid, Weights};

/// The largest kernel: AlexNet's first layer has 11.
pub(super) const LARGEST: u32 = 11;
/// The largest number.
const MOST: f64 = 1000.0;
/// The largest stride and dilation.
const STEPS: u32 = 8;

const BORDERS: [(&str, Border, kernels::Border); 6] = [
    ("black", Border::Black, kernels::Border::Black),
    ("valid", Border::Valid, kernels::Border::Valid),
    ("zero", Border::Zero, kernels::Border::Zero),
    ("reflect", Border::Reflect, kernels::Border::Reflect),
    ("replicate", Border::Replicate, kernels::Border::Replicate),
    ("circular", Border::Circular, kernels::Border::Circular),
];

impl Border {
    fn name(self) -> &'static str {
        BORDERS.iter().find(|known| known.1 == self).map_or("black", |known| known.0)
    }

    pub(super) fn laid(self) -> kernels::Border {
        BORDERS.iter().find(|known| known.1 == self).map_or(kernels::Border::Black, |known| known.2)
    }
}

/// The names of kernels: the page's own beside those of the original.
pub(super) fn names() -> Vec<String> {
    kernels::KERNELS.iter().map(|(name, _)| *name).chain(["mean"]).map(String::from).collect()
}

/// The numbers of a kernel with a name at a size; those that do not grow have one size, 3.
fn numbers(name: &str, size: u32) -> Option<Vec<f64>> {
    let k = size as usize;
    let middle = (k - 1) / 2;
    let at_middle = |inside: f64, outside: f64| {
        let place = middle * k + middle;
        (0..k * k).map(|i| if i == place { inside } else { outside }).collect()
    };
    Some(match name {
        "identity" => at_middle(1.0, 0.0),
        "outline" => at_middle((k * k - 1) as f64, -1.0),
        "mean" => vec![1.0 / (k * k) as f64; k * k],
        "blur" => {
            // Powers of two below: exact, and at 3 the original's sixteenths.
            let row = binomials(k);
            let all = f64::from(1u32 << (2 * (k - 1)));
            row.iter().flat_map(|a| row.iter().map(move |b| a * b / all)).collect()
        }
        _ => kernels::named(name).filter(|_| k == 3)?.to_vec(),
    })
}

/// A row of Pascal's triangle.
fn binomials(len: usize) -> Vec<f64> {
    let mut row = vec![1.0];
    for _ in 1..len {
        let shifted = [0.0].iter().chain(&row);
        row = row.iter().chain(&[0.0]).zip(shifted).map(|(a, b)| a + b).collect();
    }
    row
}

impl Stage {
    /// A kernel with a name, of size 3.
    pub(super) fn named(name: &str) -> Option<Stage> {
        let values = numbers(name, 3)?;
        Some(Stage {
            name: name.into(),
            size: 3,
            values,
            stride: 1,
            dilation: 1,
            border: Border::Black,
        })
    }

    pub(super) fn slices(&self) -> usize {
        self.values.len() / (self.size * self.size).max(1) as usize
    }

    pub(super) fn weights(&self) -> Weights {
        Weights { size: self.size as usize, values: self.values.clone() }
    }

    pub(super) fn laid(&self) -> Laid {
        let [stride, dilation] = [self.stride, self.dilation].map(|n| n as usize);
        Laid { stride, dilation, border: self.border.laid() }
    }

    /// Refuses what no kernel of the page can be.
    pub(super) fn check(&self) -> Result<(), String> {
        let (size, found) = (self.size, self.values.len());
        if !(1..=LARGEST).contains(&size) {
            return Err(format!("a kernel of {size}×{size}: expected 1 to {LARGEST} on a side"));
        }
        let flat = (size * size) as usize;
        if found != flat && found != 3 * flat {
            return Err(format!(
                "{found} numbers for a kernel of {size}×{size}: expected {flat}, or {} for three slices",
                3 * flat
            ));
        }
        self.values.iter().try_for_each(|&value| check_number(value))?;
        for (what, n) in [("stride", self.stride), ("dilation", self.dilation)] {
            if !(1..=STEPS).contains(&n) {
                return Err(format!("{what} {n}: expected 1 to {STEPS}"));
            }
        }
        match self.name.len() {
            0..=80 => Ok(()),
            len => Err(format!("a kernel's name of {len} bytes: expected 80 at most")),
        }
    }

    /// Another size: a kernel that grows with its size stays what it is, of any other what is in the middle stays.
    pub(super) fn resized(&self, size: u32) -> Result<Stage, String> {
        if !(1..=LARGEST).contains(&size) {
            return Err(format!("a kernel of {size}×{size}: expected 1 to {LARGEST} on a side"));
        }
        if let Some(values) = numbers(&self.name, size) {
            let slices = self.slices();
            return Ok(Stage { size, values, ..self.clone() }.sliced(slices));
        }
        let (old, new) = (self.size as i32, size as i32);
        let shift = (old - 1) / 2 - (new - 1) / 2;
        let (mut values, weights) = (vec![], self.weights());
        for slice in 0..self.slices() {
            for (row, column) in (0..new).flat_map(|row| (0..new).map(move |column| (row, column)))
            {
                let [row, column] = [row + shift, column + shift];
                let is_there = (0..old).contains(&row) && (0..old).contains(&column);
                let value = || weights.at(slice, row as usize, column as usize);
                values.push(if is_there { value() } else { 0.0 });
            }
        }
        Ok(Stage { name: "custom".into(), size, values, ..self.clone() })
    }

    /// With one slice or three: three are a third of the one each, one is what three add up to.
    pub(super) fn sliced(self, slices: usize) -> Stage {
        let had = self.slices();
        if had == slices {
            return self;
        }
        let flat = (self.size * self.size) as usize;
        let one: Vec<f64> = numbers(&self.name, self.size).unwrap_or_else(|| {
            (0..flat).map(|i| self.values.iter().skip(i).step_by(flat).sum()).collect()
        });
        let values = match slices {
            1 => one,
            _ => one.iter().map(|value| value / 3.0).collect::<Vec<_>>().repeat(3),
        };
        Stage { values, ..self }
    }

    /// As an address holds it: `blur;5;s1;d1;black`, or the numbers in place of name and size.
    pub(super) fn written(&self) -> String {
        let as_named = numbers(&self.name, self.size)
            .map(|values| Stage { values, ..self.clone() }.sliced(self.slices()));
        let numbers = match as_named.is_some_and(|named| named.values == self.values) {
            true => format!("{};{}", self.name, self.size),
            false => self.values.iter().map(f64::to_string).collect::<Vec<_>>().join(","),
        };
        format!("{numbers};s{};d{};{}", self.stride, self.dilation, self.border.name())
    }

    /// Reads what [`written`](Stage::written) gives; whatever is left out has its default.
    pub(super) fn read(text: &str) -> Result<Stage, String> {
        let mut parts = text.split(';');
        let first = parts.next().unwrap_or("");
        let mut stage = match Stage::named(first) {
            Some(stage) => stage,
            None => {
                let numbers: Option<Vec<f64>> =
                    first.split(',').map(|number| number.trim().parse().ok()).collect();
                let values = numbers.ok_or_else(|| {
                    format!("kernel {first:?} is neither numbers nor one of {}", names().join(", "))
                })?;
                let sides = 1..=LARGEST as usize;
                let side =
                    sides.clone().find(|k| values.len() == k * k || values.len() == 3 * k * k);
                let size = side.ok_or_else(|| {
                    format!("kernel: {} numbers are no square, nor three", values.len())
                })?;
                Stage {
                    name: "custom".into(),
                    size: size as u32,
                    values,
                    stride: 1,
                    dilation: 1,
                    border: Border::Black,
                }
            }
        };
        for part in parts {
            let number = |text: &str| {
                text.parse::<u32>().map_err(|_| format!("kernel: {part:?} ends in no number"))
            };
            let border = BORDERS.iter().find(|known| known.0 == part);
            match (part.chars().next(), border) {
                (_, Some(known)) => stage.border = known.1,
                (Some('s'), _) => stage.stride = number(&part[1..])?,
                (Some('d'), _) => stage.dilation = number(&part[1..])?,
                (Some('0'..='9'), _) => stage = stage.resized(number(part)?)?,
                _ => {
                    return Err(format!(
                        "kernel: {part:?} is no size, s with a stride, d with a dilation, nor one of {}",
                        BORDERS.map(|known| known.0).join(", ")
                    ));
                }
            }
        }
        stage.check()?;
        Ok(stage)
    }

    /// What it does to a picture, in words.
    pub(super) fn told(&self) -> String {
        let sum: f64 = self.values.iter().sum();
        let is_positive = self.values.iter().all(|&value| value >= 0.0);
        let first = match sum {
            s if self.values.iter().all(|&value| value == 0.0) => format!("All numbers are {s}: everything turns black."),
            s if s.abs() < 1e-9 => "The numbers add up to 0: even areas turn black, and only changes are left.".into(),
            s if (s - 1.0).abs() < 1e-9 && is_positive && self.values.contains(&1.0) => "One number is 1, the others are 0: the picture stays, or moves.".into(),
            s if (s - 1.0).abs() < 1e-9 && is_positive => "The numbers add up to 1 and none is below 0: a weighted mean. Brightness stays, details are smeared.".into(),
            s if (s - 1.0).abs() < 1e-9 => "The numbers add up to 1: even areas stay as they are; those below 0 make differences larger.".into(),
            s if s < 0.0 => format!("The numbers add up to {}: even areas would be below 0, and are black.", round(s)),
            s => format!("The numbers add up to {}: even areas become that many times as bright.", round(s)),
        };
        match self.size > 1 && self.slices() == 1 && self.is_separable() {
            true => format!(
                "{first} It is a column times a row, so {} products would do in place of {}.",
                2 * self.size,
                self.size * self.size
            ),
            false => first,
        }
    }

    /// Whether it is a column times a row.
    fn is_separable(&self) -> bool {
        let k = self.size as usize;
        let largest = (0..k * k)
            .max_by(|&a, &b| self.values[a].abs().total_cmp(&self.values[b].abs()))
            .unwrap_or(0);
        let pivot = self.values[largest];
        let residual = |i: usize| {
            self.values[i]
                - self.values[largest / k * k + i % k] * self.values[i / k * k + largest % k]
                    / pivot
        };
        pivot != 0.0 && (0..k * k).all(|i| residual(i).abs() <= 1e-9 * pivot.abs())
    }

    /// The size after it, by the formula.
    pub(super) fn formula(&self, width: usize, height: usize) -> String {
        let (laid, k) = (self.laid(), self.size as usize);
        let (before, after) = laid.around(k);
        let (l, p, d, s, out) =
            (width, before + after, self.dilation, self.stride, laid.windows(width, k));
        let rows = laid.windows(height, k);
        format!(
            "⌊({l} + {p} − {d}·({k} − 1) − 1) / {s}⌋ + 1 = {out} wide; {height} high become {rows}"
        )
    }
}

/// For the eye.
fn round(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}

/// Refuses numbers that are too large, or none.
pub(super) fn check_number(value: f64) -> Result<(), String> {
    match value.abs() <= MOST {
        true => Ok(()),
        false => Err(format!("{value} in a kernel: expected −{MOST} to {MOST}")),
    }
}

/// The one kernel that does what two do, where no border is in the way: the second one's numbers lie as far apart as the first
/// one's windows.
pub(super) fn chained(first: &Stage, second: &Stage) -> Option<Stage> {
    let step = (second.dilation * first.stride) as usize;
    let [a, b] = [first, second].map(|stage| stage.size as usize);
    let size = first.dilation as usize * (a - 1) + step * (b - 1) + 1;
    if size > MOST_CHAINED || second.slices() != 1 {
        return None;
    }
    let slices = first.slices();
    let mut values = vec![0.0; slices * size * size];
    for (slice, j) in (0..slices).flat_map(|slice| (0..b * b).map(move |j| (slice, j))) {
        for i in 0..a * a {
            let apart = first.dilation as usize;
            let row = i / a * apart + j / b * step;
            let column = i % a * apart + j % b * step;
            values[(slice * size + row) * size + column] +=
                first.values[slice * a * a + i] * second.values[j];
        }
    }
    let stride = first.stride * second.stride;
    Some(Stage {
        name: "custom".into(),
        size: size as u32,
        values,
        stride,
        dilation: 1,
        border: first.border,
    })
}

/// The largest kernel of a chain that is shown.
const MOST_CHAINED: usize = 33;
