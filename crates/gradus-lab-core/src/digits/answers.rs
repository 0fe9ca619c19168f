//! What the page answers to its commands, and its picture.

use super::data::{PIXELS, TESTS, Unusable, as_mnist, crop, digits, light};
use super::layers::Layer;
use super::messages::{Field, LayerPicture, Tested};
use super::network::Network;
use super::statistics::Statistics;
use super::{Command, Digits, Event, Picture, Shown, export, json, settings, text};
use crate::Event as Any;

/// Steps of an attack, at most.
const ATTACK_STEPS: u32 = 12;

impl Digits {
    /// # Errors
    /// Why a command is refused; nothing has changed then.
    pub(super) fn answer(&mut self, command: Command) -> Result<Vec<Any>, String> {
        Ok(match command {
            Command::Options(options) => {
                settings::check(&options)?;
                if options.method != self.settings.options.method {
                    self.network.set_method(options.method);
                    self.counted.updates = 0;
                }
                self.settings.options = options;
                vec![]
            }
            Command::Network { text } => {
                let definition = text::read(&text).map_err(|mistake| mistake.to_string())?;
                self.settings.network = text;
                self.settings.options = definition.trainer.unwrap_or(self.settings.options);
                *self = Digits::new(self.settings.clone());
                vec![]
            }
            Command::Check { text } => Digits::answered(check(&text)),
            Command::Save => {
                let json = json::write(self.network.plan(), &self.network.values());
                Digits::answered(Event::Saved { json })
            }
            Command::Load { json } => {
                let (plan, values) = json::read(&json)?;
                self.settings.network = text::write(&plan.layers);
                *self = Digits::new(self.settings.clone());
                self.network.set_values(&values);
                vec![]
            }
            Command::Test { count: count @ 1..=100 } => {
                self.test(count);
                vec![]
            }
            Command::Test { count } => return Err(format!("{count} tests: 1 to 100 at a time")),
            Command::Show { test } if (test as usize) < TESTS => {
                self.counted.shown = Shown::Test(test);
                vec![]
            }
            Command::Show { test } => {
                return Err(format!("picture {test}: there are {TESTS}, from 0"));
            }
            Command::ShowDrawing { pixels, label } => {
                picture(&pixels)?;
                digit(label)?;
                self.counted.shown = Shown::Drawing { pixels, label };
                vec![]
            }
            Command::Layers { on } => {
                self.counted.layers = on;
                vec![]
            }
            Command::ClearCurves => {
                self.counted.statistics.clear_curves(self.counted.examples);
                vec![]
            }
            Command::Predict { pixels, width, height } => {
                match as_mnist(&pixels, width as usize, height as usize) {
                    Err(Unusable::Empty) => Digits::answered(Event::Empty),
                    Err(Unusable::Size) => {
                        let count = pixels.len();
                        return Err(format!(
                            "{count} pixels of {width} × {height}: 1 to 1024 each way are read"
                        ));
                    }
                    Ok(pixels) => {
                        let probabilities = self.network.predict(&floats(&pixels));
                        Digits::answered(Event::Predicted { pixels, probabilities })
                    }
                }
            }
            Command::Cell { digit: of, guess } => {
                digit(of)?;
                digit(guess)?;
                Digits::answered(cell(&self.counted.statistics, of, guess))
            }
            Command::Attack { pixels, target, epsilon } => {
                picture(&pixels)?;
                digit(target)?;
                if !(0.0..=1.0).contains(&epsilon) {
                    return Err(format!("ε is {epsilon}: it must be from 0 to 1"));
                }
                Digits::answered(attack(&mut self.network, &pixels, target, epsilon))
            }
            Command::Export => {
                let rust = export::rust(self.network.plan(), &self.settings);
                Digits::answered(Event::Exported { rust })
            }
        })
    }

    /// The newest state.
    pub(super) fn drawn(&mut self) -> Picture {
        let (shown, shown_label) = match &self.counted.shown {
            Shown::Test(test) => {
                let index = digits().test[*test as usize];
                (digits().picture(index).to_vec(), digits().label(index))
            }
            Shown::Drawing { pixels, label } => (pixels.clone(), *label),
        };
        let (network, layers) = (&mut self.network, self.counted.layers);
        let seen = self.seen.get_or_insert_with(|| {
            let probabilities = network.predict(&floats(&shown));
            let pictures = if layers { look(network, &shown, shown_label) } else { vec![] };
            (probabilities, pictures)
        });
        let (shown_probabilities, layers) = seen.clone();
        let statistics = &self.counted.statistics;
        let tests = statistics.answers.iter().rev().map(|answer| {
            let index = digits().test[answer.test as usize];
            Tested {
                test: answer.test,
                label: digits().label(index),
                pixels: digits().picture(index).to_vec(),
                probabilities: answer.probabilities.clone(),
            }
        });
        Picture {
            step: self.counted.step,
            examples: self.counted.examples,
            options: self.settings.options,
            network: self.settings.network.clone(),
            parameters: self.network.plan().parameters() as u32,
            loss: statistics.losses.mean(),
            decay_loss: statistics.decay_loss,
            train_accuracy: statistics.train.mean(),
            validation_accuracy: statistics.validation.mean(),
            test_accuracy: statistics.tests.mean(),
            curves: statistics.curves.clone(),
            tests: tests.collect(),
            confusion: statistics.confusion(),
            shown,
            shown_label,
            shown_probabilities,
            layers,
        }
    }
}

/// 28 × 28 pixels, and no others.
fn picture(pixels: &[u8]) -> Result<(), String> {
    match pixels.len() {
        PIXELS => Ok(()),
        other => Err(format!("{other} pixels: a picture has 28 × 28 = {PIXELS}")),
    }
}

fn digit(digit: u8) -> Result<(), String> {
    if digit < 10 { Ok(()) } else { Err(format!("{digit} is no digit")) }
}

fn floats(pixels: &[u8]) -> Vec<f32> {
    light(pixels).collect()
}

fn check(text: &str) -> Event {
    match text::read(text) {
        Ok(definition) => {
            let (plan, layers) = (&definition.plan, definition.plan.layers.len());
            let summary = format!(
                "{layers} layers, {} parameters, {} multiplications for each picture",
                plan.parameters(),
                plan.multiplications()
            );
            Event::Checked { line: 0, column: 0, what: String::new(), summary }
        }
        Err(mistake) => Event::Checked {
            line: mistake.line as u32,
            column: mistake.column as u32,
            what: mistake.what,
            summary: String::new(),
        },
    }
}

fn cell(statistics: &Statistics, digit: u8, guess: u8) -> Event {
    let tests = statistics.cell((digit, guess));
    let picture = |test: &u32| digits().picture(digits().test[*test as usize]);
    let pixels = tests.iter().flat_map(picture).copied().collect();
    Event::Cell { digit, guess, tests, pixels }
}

/// Layer by layer.
fn look(network: &mut Network, pixels: &[u8], label: u8) -> Vec<LayerPicture> {
    let mut middle = vec![];
    crop(pixels, [2, 2], &mut middle);
    let (seen, weights) = network.look(&middle, i64::from(label));
    let (plan, mut weights) = (network.plan(), weights.into_iter());
    let layers = seen.into_iter().enumerate().map(|(i, seen)| {
        let [channels, rows, columns] = plan.sizes[i];
        let (layer, of) = (&plan.layers[i], plan.input_of(i));
        let depth = match layer {
            Layer::Dense { .. } => of.iter().product(),
            _ => of[0],
        };
        let (windows, filter_side) = match *layer {
            Layer::Conv { side, stride, .. } => {
                (format!("{side}x{side}x{depth}, stride {stride}"), side)
            }
            Layer::Pool { side, stride, .. } => (format!("{side}x{side}, stride {stride}"), 0),
            _ => (String::new(), 0),
        };
        let found = layer.weights(of).and_then(|_| weights.next());
        let parameters = match (&found, layer) {
            (None, _) => String::new(),
            (Some(found), Layer::Conv { side, filters, .. }) => {
                let all = found.weights.len() + filters;
                format!("{filters}x{side}x{side}x{depth}+{filters} = {all}")
            }
            (Some(found), _) => {
                let all = found.weights.len() + channels;
                format!("{channels}x{depth}+{channels} = {all}")
            }
        };
        let (of_weights, of_gradients) =
            found.map_or_else(Default::default, |found| (found.weights, found.gradients));
        LayerPicture {
            name: layer.name().into(),
            size: format!("{columns}x{rows}x{channels}"),
            windows,
            parameters,
            channels: channels as u32,
            columns: columns as u32,
            values: Field::new(seen.values),
            gradients: Field::new(seen.gradients),
            filter_side: filter_side as u32,
            weights: Field::new(of_weights),
            weight_gradients: Field::new(of_gradients),
        }
    });
    layers.collect()
}

/// Steps of a quarter of ε against the sign of the gradient, no pixel further than ε from where it was or out of 0 to 1 (Kurakin,
/// Goodfellow and Bengio 2016, arXiv:1607.02533), until the picture is taken for the target with 90 %.
fn attack(network: &mut Network, pixels: &[u8], target: u8, epsilon: f32) -> Event {
    let original = floats(pixels);
    let before = network.predict(&original);
    let (mut moved, mut after, mut steps) = (original.clone(), before.clone(), 0);
    while steps < ATTACK_STEPS && epsilon > 0.0 && after[usize::from(target)] < 0.9 {
        let gradient = network.towards(&moved, usize::from(target));
        for ((value, dx), was) in moved.iter_mut().zip(gradient).zip(&original) {
            let step = if dx == 0.0 { 0.0 } else { dx.signum() * epsilon / 4.0 };
            let near = (*value - step).clamp(was - epsilon, was + epsilon);
            *value = near.clamp(0.0, 1.0);
        }
        after = network.predict(&moved);
        steps += 1;
    }
    let change = moved.iter().zip(&original).map(|(now, was)| now - was).collect();
    let pixels = moved.iter().map(|value| (value * 255.0).round() as u8).collect();
    Event::Attacked { pixels, change, before, after, steps }
}
