//! Curves of runs over their epochs, as SVG: losses and metrics, of training and of validation; and accuracies over the distance of an attack. No script, no
//! font, no file beside it; light or dark as the reader's screen is.

use gradus::train::EpochLog;
use std::collections::BTreeSet;
use std::fmt::Write;

/// The part of a panel that lines are drawn in, and the room around it.
const PLOT: (f64, f64) = (560.0, 220.0);
const LEFT: f64 = 68.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 44.0;
const RIGHT: f64 = 24.0;
/// A line of the legend, and of its longest name the room.
const LINE: f64 = 18.0;
const LEGEND: f64 = 280.0;
/// Points of a line at most: of more epochs some are left out.
const POINTS: usize = 1_000;
/// Values that differ by more than this factor are drawn on a logarithmic scale.
const DECADES: f64 = 50.0;

/// What curves of runs go along.
const EPOCH: &str = "epoch";

/// One for each run, told apart by those who see no colours, too: from dark to light.
const COLOURS: &[&str] =
    &["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a6761d", "#56b4e9", "#e69f00", "#7f7f7f"];

const STYLE: &str = "\
text{font:12px Helvetica,Arial,sans-serif;fill:#222}.title{font-size:14px;font-weight:bold}\
.paper{fill:#fff}.frame{fill:none;stroke:#777}.grid{stroke:#ddd}.line{fill:none;stroke-width:1.8}\
.validation{stroke-dasharray:6 4}\
@media(prefers-color-scheme:dark){text{fill:#ddd}.paper{fill:#16181c}.frame{stroke:#999}.grid{stroke:#33373d}}";

/// A run's name and epochs.
pub struct Run<'a> {
    /// What it is called in the legend.
    pub name: String,
    /// Which loss it has: those of different kinds are drawn apart.
    pub loss: String,
    /// Its epochs.
    pub history: &'a [EpochLog],
}

/// The curves of one run.
pub fn of_history(history: &[EpochLog]) -> String {
    draw(&[Run { name: String::new(), loss: String::new(), history }])
}

/// A panel for the loss and one for each metric, with a line for each run that has it, dashed of validation.
pub fn draw(runs: &[Run<'_>]) -> String {
    let mut metrics = BTreeSet::new();
    let all = || runs.iter().flat_map(|run| run.history);
    all().for_each(|log| metrics.extend(log.metrics.keys().chain(log.val_metrics.keys())));
    let kinds: BTreeSet<&str> = runs.iter().map(|run| &*run.loss).collect();
    let of_losses = kinds.iter().map(|kind| {
        let of_kind = |run: &Run<'_>| run.loss == *kind;
        let title = if kinds.len() > 1 { format!("loss {kind}") } else { "loss".into() };
        Panel { title: title.replace('_', " "), ..Panel::of("loss", runs, of_kind) }
    });
    let of_metrics = metrics.into_iter().map(|name| Panel::of(name, runs, |_| true));
    paper(&of_losses.chain(of_metrics).collect::<Vec<_>>())
}

/// What is left of an accuracy the farther an attack may go: of each model its name, and distances with accuracies.
pub fn of_distances(
    title: &str,
    axis: &'static str,
    models: Vec<(String, Vec<(f64, f64)>)>,
) -> String {
    let line = |((name, points), colour): ((String, Vec<_>), &&'static str)| {
        let label = middle_cut(&gradus::io::printable(&name), NAME);
        Line { label, colour, is_validation: false, points: thinned(points) }
    };
    let lines: Vec<Line> = models.into_iter().zip(COLOURS).map(line).collect();
    let farthest = lines.iter().flat_map(|line| &line.points).map(|point| point.0);
    paper(&[Panel {
        title: title.to_owned(),
        along: (0.0, farthest.fold(f64::MIN_POSITIVE, f64::max)),
        axis,
        scale: Scale { low: 0.0, high: 1.0, is_logarithmic: false },
        lines,
    }])
}

/// Panels below each other.
fn paper(panels: &[Panel]) -> String {
    let height = panels.iter().map(Panel::height).sum::<f64>() + 8.0;
    let width = LEFT + PLOT.0 + RIGHT + LEGEND;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <style>{STYLE}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n"
    );
    let mut top = 0.0;
    for panel in panels {
        panel.draw(&mut out, top);
        top += panel.height();
    }
    out.push_str("</svg>\n");
    out
}

/// A line.
struct Line {
    label: String,
    colour: &'static str,
    is_validation: bool,
    /// Epochs, or distances, and values.
    points: Vec<(f64, f64)>,
}

/// What of a number there is to see.
struct Panel {
    title: String,
    lines: Vec<Line>,
    /// From the first epoch, or distance, to the last, and what they are.
    along: (f64, f64),
    axis: &'static str,
    scale: Scale,
}

impl Panel {
    fn of(name: &str, runs: &[Run<'_>], is_in: impl Fn(&Run<'_>) -> bool) -> Panel {
        let mut lines = vec![];
        for (i, run) in runs.iter().enumerate().filter(|(_, run)| is_in(run)) {
            for is_validation in [false, true] {
                let key = if is_validation { format!("val_{name}") } else { name.to_owned() };
                let values =
                    run.history.iter().filter_map(|log| Some((log.epoch as f64, log.get(&key)?)));
                let points: Vec<_> = values.filter(|(_, value)| value.is_finite()).collect();
                let part = if is_validation { "validation" } else { "training" };
                // Of a long name its end, too: those of runs differ there. The part is always said.
                let name = middle_cut(&gradus::io::printable(&run.name), NAME);
                let label = if name.is_empty() { part.into() } else { format!("{name} {part}") };
                let colour = COLOURS[i % COLOURS.len()];
                if !points.is_empty() {
                    lines.push(Line { label, colour, is_validation, points: thinned(points) });
                }
            }
        }
        let epochs = || lines.iter().flat_map(|line| line.points.iter().map(|point| point.0));
        let ends = (epochs().fold(f64::MAX, f64::min), epochs().fold(f64::MIN, f64::max));
        let values = lines.iter().flat_map(|line| line.points.iter().map(|point| point.1));
        Panel {
            title: name.replace('_', " "),
            scale: Scale::of(&values.collect::<Vec<_>>()),
            axis: EPOCH,
            along: if ends.1 > ends.0 { ends } else { (ends.0.min(1.0) - 1.0, ends.0.max(1.0)) },
            lines,
        }
    }

    fn height(&self) -> f64 {
        TOP + BOTTOM + PLOT.1.max(self.lines.len() as f64 * LINE)
    }

    fn x(&self, along: f64) -> f64 {
        let (low, high) = self.along;
        LEFT + (along - low) / (high - low).max(f64::MIN_POSITIVE) * PLOT.0
    }

    fn draw(&self, out: &mut String, top: f64) {
        let (top, bottom) = (top + TOP, top + TOP + PLOT.1);
        let title = escaped(&self.title);
        let scale = if self.scale.is_logarithmic { " (logarithmic)" } else { "" };
        let _ = writeln!(
            out,
            "<text class=\"title\" x=\"{LEFT}\" y=\"{}\">{title}{scale}</text>",
            top - 12.0
        );
        if self.lines.is_empty() {
            let _ =
                writeln!(out, "<text x=\"{LEFT}\" y=\"{}\">no finite values</text>", top + 20.0);
            return;
        }
        let y = |value: f64| bottom - self.scale.share(value) * PLOT.1;
        for tick in self.scale.ticks() {
            let (y, label) = (y(tick), crate::bars::figure(tick, 4));
            let _ = writeln!(
                out,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text text-anchor=\"end\" x=\"{}\" y=\"{:.1}\">{label}</text>",
                LEFT + PLOT.0,
                LEFT - 8.0,
                y + 4.0
            );
        }
        // There is no half epoch.
        let is_one = |tick: &f64| self.axis != EPOCH || tick.fract() == 0.0;
        for tick in ticks(self.along.0, self.along.1, 8).into_iter().filter(is_one) {
            let (x, tick) = (self.x(tick), crate::bars::figure(tick, 4));
            let _ = writeln!(
                out,
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>\
                 <text text-anchor=\"middle\" x=\"{x:.1}\" y=\"{:.1}\">{tick}</text>",
                bottom + 16.0
            );
        }
        let _ = writeln!(
            out,
            "<rect class=\"frame\" x=\"{LEFT}\" y=\"{top}\" width=\"{}\" height=\"{}\"/>\
             <text text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            PLOT.0,
            PLOT.1,
            LEFT + PLOT.0 / 2.0,
            bottom + 34.0,
            self.axis
        );
        for (i, line) in self.lines.iter().enumerate() {
            line.draw(out, |point| (self.x(point.0), y(point.1)));
            line.legend(out, LEFT + PLOT.0 + RIGHT, top + 6.0 + i as f64 * LINE);
        }
    }
}

impl Line {
    fn style(&self) -> String {
        let dashed = if self.is_validation { " validation" } else { "" };
        format!("class=\"line{dashed}\" style=\"stroke:{}\"", self.colour)
    }

    fn draw(&self, out: &mut String, place: impl Fn(&(f64, f64)) -> (f64, f64)) {
        let points: Vec<String> =
            self.points.iter().map(&place).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(out, "<polyline {} points=\"{}\"/>", self.style(), points.join(" "));
        // A line of one point is none.
        if let [only] = &self.points[..] {
            let (x, y) = place(only);
            let _ = writeln!(
                out,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" style=\"fill:{}\"/>",
                self.colour
            );
        }
    }

    fn legend(&self, out: &mut String, x: f64, y: f64) {
        let label = escaped(&self.label);
        let last = self.points.last().map_or(f64::NAN, |point| point.1);
        let last = crate::bars::figure(last, 4);
        let _ = writeln!(
            out,
            "<polyline {} points=\"{x},{y} {},{y}\"/><text x=\"{}\" y=\"{}\">{label} {last}</text>",
            self.style(),
            x + 26.0,
            x + 32.0,
            y + 4.0
        );
    }
}

/// From values to a share of the height.
struct Scale {
    low: f64,
    high: f64,
    is_logarithmic: bool,
}

impl Scale {
    fn of(values: &[f64]) -> Scale {
        let low = values.iter().copied().fold(f64::MAX, f64::min);
        let high = values.iter().copied().fold(f64::MIN, f64::max);
        if low > high {
            return Scale { low: 0.0, high: 1.0, is_logarithmic: false };
        }
        if low > 0.0 && high > DECADES * low {
            let (low, high) = (10f64.powf(low.log10().floor()), 10f64.powf(high.log10().ceil()));
            return Scale { low, high, is_logarithmic: true };
        }
        // What lies between 0 and 1, as most metrics do, is not drawn beyond.
        let room = 0.05 * (high - low).max(1e-3 * high.abs()).max(1e-12);
        let (least, most) =
            (if low >= 0.0 { 0.0 } else { f64::MIN }, if high <= 1.0 { 1.0 } else { f64::MAX });
        Scale {
            low: (low - room).max(least),
            high: (high + room).min(most.max(high)),
            is_logarithmic: false,
        }
    }

    fn share(&self, value: f64) -> f64 {
        let share = match self.is_logarithmic {
            true => (value / self.low).ln() / (self.high / self.low).ln(),
            false => (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0),
        };
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.5 }
    }

    fn ticks(&self) -> Vec<f64> {
        if !self.is_logarithmic {
            return ticks(self.low, self.high, 6);
        }
        let (first, last) = (self.low.log10().round() as i32, self.high.log10().round() as i32);
        let every = ((last - first) / 8).max(0) as usize + 1;
        (first..=last).step_by(every).map(|power| 10f64.powi(power)).collect()
    }
}

/// About so many round numbers from one to another: steps of 1, 2 or 5 times a power of ten.
fn ticks(low: f64, high: f64, about: usize) -> Vec<f64> {
    let raw = (high - low) / about as f64;
    if !(raw.is_finite() && raw > 0.0) {
        return vec![low];
    }
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|m| m * power >= raw * 0.999).unwrap_or(10.0)
        * power;
    let first = (low / step).ceil();
    (0..=2 * about)
        .map(|i| (first + i as f64) * step)
        .take_while(|tick| *tick <= high * (1.0 + 1e-9))
        .collect()
}

/// At most [`POINTS`] of them, the first and the last among them.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let n = points.len();
    if n <= POINTS {
        return points;
    }
    (0..POINTS).map(|i| points[i * (n - 1) / (POINTS - 1)]).collect()
}

/// So many letters of a run's name are in the legend.
const NAME: usize = 19;

/// At most `width` letters of a text, those in the middle an ellipsis if some are missing.
fn middle_cut(text: &str, width: usize) -> String {
    let all: Vec<char> = text.chars().collect();
    if all.len() <= width {
        return text.to_owned();
    }
    let (first, last) = (width / 2, width - 1 - width / 2);
    all[..first].iter().chain(&['…']).chain(&all[all.len() - last..]).collect()
}

/// A text as HTML and SVG show it.
pub fn escaped(text: &str) -> String {
    let text = gradus::io::printable(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(losses: &[f64]) -> Vec<EpochLog> {
        let log = |(i, &loss): (usize, &f64)| EpochLog {
            epoch: i as u64 + 1,
            loss,
            val_loss: (i > 0).then_some(2.0 * loss),
            metrics: [("accuracy".to_owned(), 1.0 - loss.min(1.0))].into(),
            ..EpochLog::default()
        };
        losses.iter().enumerate().map(log).collect()
    }

    #[test]
    fn lines_lie_where_they_should() {
        let text = of_history(&history(&[0.9, 0.5, 0.1]));
        assert_eq!(text.matches("class=\"title\"").count(), 2, "loss and accuracy");
        let points = |class: &str| -> Vec<(f64, f64)> {
            let line = text
                .lines()
                .find(|l| l.starts_with(&format!("<polyline class=\"{class}\"")))
                .unwrap();
            let points = line.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
            let point =
                |p: &str| p.split_once(',').map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()));
            points.split(' ').filter_map(point).collect()
        };
        let (training, validation) = (points("line"), points("line validation"));
        assert_eq!((training.len(), validation.len()), (3, 2));
        assert_eq!(
            (training[0].0, training[2].0),
            (LEFT, LEFT + PLOT.0),
            "from the first epoch to the last"
        );
        assert!(training[0].1 < training[1].1 && training[1].1 < training[2].1, "downwards");
        assert_eq!(validation[0].0, training[1].0);
        assert!(validation[0].1 < training[0].1, "1 lies above 0.9");
        assert!(training.iter().chain(&validation).all(|p| (TOP..=TOP + PLOT.1).contains(&p.1)));
    }

    #[test]
    fn long_names_hide_no_part() {
        assert_eq!(middle_cut("resnet20-slim-photographs-2", 19), "resnet20-…ographs-2");
        assert_eq!(middle_cut("lenet-1", 19), "lenet-1");
        let history = history(&[0.9, 0.5]);
        let name = "a-run-with-a-name-that-has-no-end-at-all".to_owned();
        let text = draw(&[Run { name, loss: String::new(), history: &history }]);
        for part in ["training 0.5<", "validation 1<"] {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
    }

    #[test]
    fn accuracies_go_over_distances() {
        let lenet = (String::from("lenet"), vec![(0.0, 1.0), (0.1, 0.5), (0.2, 0.0)]);
        let text = of_distances("accuracy under pgd", "ε", vec![lenet]);
        let (right, bottom) = (LEFT + PLOT.0, TOP + PLOT.1);
        let line = format!(
            "{LEFT:.1},{TOP:.1} {:.1},{:.1} {right:.1},{bottom:.1}",
            LEFT + PLOT.0 / 2.0,
            TOP + PLOT.1 / 2.0
        );
        assert!(text.contains(&line), "{line} is not in {text}");
        for part in [">accuracy under pgd<", ">ε<", ">0.05<", ">lenet 0<"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(0.0, 1.0, 5), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(ticks(1.0, 15.0, 8), [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0]);
        let scale = Scale::of(&[0.003, 2.0]);
        assert!(scale.is_logarithmic);
        assert_eq!(scale.ticks(), [0.001, 0.01, 0.1, 1.0, 10.0]);
    }

    #[test]
    fn hostile_numbers_and_names_are_drawn() {
        let all = [f64::NAN, f64::INFINITY, f64::MAX, f64::MIN, 1e-320, 0.0];
        for numbers in [&all[..], &all[..1], &[3.0], &[], &[1e308, -1e308]] {
            let history = history(numbers);
            let text = draw(&[Run {
                name: "<a>&\u{1b}[2J".into(),
                loss: String::new(),
                history: &history,
            }]);
            assert!(
                text.ends_with("</svg>\n") && !text.contains("NaN") && !text.contains("inf,"),
                "{text}"
            );
            assert!(!text.contains('\u{1b}') && !text.contains("<a>"), "{text}");
        }
        let long = history(&vec![0.5; 5_000]);
        assert!(of_history(&long).len() < 200_000);
    }
}
