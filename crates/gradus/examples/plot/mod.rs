//! Pictures for the examples: panels with axes, decision regions, points, curves and a legend, as an SVG file that any browser shows.
#![allow(dead_code)] // each example draws some of it

use gradus::prelude::*;
use std::fmt::Write;
use std::path::PathBuf;

/// Colours that the colour-blind can tell apart (Okabe & Ito 2008), for classes and curves in turn.
const COLORS: [&str; 8] =
    ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#8C6D00"];
/// A panel's size in pixels, and what is left around it for its axes.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 62.0;
const TOP: f64 = 40.0;
const RIGHT: f64 = 16.0;
const BELOW: f64 = 52.0;
/// Cells of decision regions along an axis.
const CELLS: usize = 120;

/// A picture within axes.
pub(crate) struct Panel {
    title: String,
    x: [f64; 2],
    y: [f64; 2],
    labels: [String; 2],
    body: String,
    legend: Vec<(String, String)>,
}

impl Panel {
    /// Nothing yet, between these bounds.
    pub(crate) fn new(title: &str, x: [f64; 2], y: [f64; 2]) -> Panel {
        let labels = ["x₁", "x₂"].map(str::to_owned);
        let (body, legend) = (String::new(), vec![]);
        Panel { title: title.into(), x, y, labels, body, legend }
    }
    /// With other names at its axes.
    pub(crate) fn labels(mut self, x: &str, y: &str) -> Panel {
        self.labels = [x, y].map(str::to_owned);
        self
    }

    /// The plane in the colours of its classes; `class_of` says which of them each of these points has.
    pub(crate) fn regions(mut self, class_of: impl Fn(&[[f64; 2]]) -> Vec<usize>) -> Panel {
        let part = |i: usize| (i as f64 + 0.5) / CELLS as f64;
        let within = |[low, high]: [f64; 2], part: f64| low + part * (high - low);
        let place = |i: usize| [within(self.x, part(i % CELLS)), within(self.y, part(i / CELLS))];
        let classes = class_of(&(0..CELLS * CELLS).map(place).collect::<Vec<_>>());
        let [w, h] = [WIDTH / CELLS as f64, HEIGHT / CELLS as f64];
        for (row, classes) in classes.chunks(CELLS).enumerate() {
            let mut from = 0;
            for run in classes.chunk_by(|a, b| a == b) {
                let (x, y) = (LEFT + w * from as f64, TOP + HEIGHT - h * (row + 1) as f64);
                let (width, fill) = (w * run.len() as f64, color(run[0]));
                let _ = writeln!(
                    self.body,
                    r#"<rect x="{x:.2}" y="{y:.2}" width="{width:.2}" height="{h:.2}" fill="{fill}" opacity=".28" shape-rendering="crispEdges"/>"#
                );
                from += run.len();
            }
        }
        self
    }

    /// The plane in the colours of the classes that a model gives its points.
    pub(crate) fn regions_of(self, model: &dyn Layer) -> Panel {
        self.regions(|points| {
            let scores = model.forward(&Tensor::from(points).cast(DType::F32), &Context::eval());
            scores.argmax(1).to_vec::<i64>().into_iter().map(|class| class as usize).collect()
        })
    }

    /// Points of a class, each class with a mark of its own.
    pub(crate) fn points(mut self, name: &str, class: usize, points: &[[f64; 2]]) -> Panel {
        for &point in points {
            let [x, y] = self.place(point);
            self.body += &mark(class, x, y);
        }
        self.legend.push((name.into(), mark(class, 0.0, 0.0)));
        self
    }

    /// A curve through these points.
    pub(crate) fn curve(mut self, name: &str, kind: usize, points: &[[f64; 2]]) -> Panel {
        let all: Vec<String> = points
            .iter()
            .map(|&point| self.place(point))
            .map(|[x, y]| format!("{x:.1},{y:.1}"))
            .collect();
        let style = stroke(kind);
        let _ = writeln!(self.body, r#"<polyline points="{}" {style}/>"#, all.join(" "));
        if !name.is_empty() {
            let sample = format!(r#"<line x1="-9" y1="0" x2="9" y2="0" {style}/>"#);
            self.legend.push((name.into(), sample));
        }
        self
    }

    /// The line a·x₁ + b·x₂ + c = 0.
    pub(crate) fn line(self, name: &str, kind: usize, [a, b, c]: [f64; 3]) -> Panel {
        let [[x0, x1], [y0, y1]] = [self.x, self.y];
        let ends = match b.abs() >= a.abs() {
            true => [x0, x1].map(|x| [x, -(a * x + c) / b]),
            false => [y0, y1].map(|y| [-(b * y + c) / a, y]),
        };
        self.curve(name, kind, &ends)
    }

    /// A polygon.
    pub(crate) fn polygon(mut self, kind: usize, corners: &[[f64; 2]]) -> Panel {
        let all: Vec<String> = corners
            .iter()
            .map(|&corner| self.place(corner))
            .map(|[x, y]| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = writeln!(
            self.body,
            r##"<polygon points="{}" fill="{}" fill-opacity=".35" stroke="#333" stroke-width=".8"/>"##,
            all.join(" "),
            color(kind)
        );
        self
    }

    /// Where a point lies in the panel, in pixels.
    fn place(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let part = |v: f64, [low, high]: [f64; 2]| (v - low) / (high - low);
        [LEFT + WIDTH * part(x, self.x), TOP + HEIGHT * (1.0 - part(y, self.y))]
    }

    fn axes(&self) -> String {
        let mut svg = String::new();
        for v in ticks(self.x) {
            let [x, _] = self.place([v, self.y[0]]);
            let (y, below) = (TOP + HEIGHT, TOP + HEIGHT + 17.0);
            let text = told(v);
            let _ = writeln!(
                svg,
                r##"<path d="M{x:.1} {y}v4" stroke="#333"/><text x="{x:.1}" y="{below}" text-anchor="middle">{text}</text>"##
            );
        }
        for v in ticks(self.y) {
            let [_, y] = self.place([self.x[0], v]);
            let (left, at, text) = (LEFT - 7.0, y + 4.0, told(v));
            let _ = writeln!(
                svg,
                r##"<path d="M{LEFT} {y:.1}h-4" stroke="#333"/><text x="{left}" y="{at:.1}" text-anchor="end">{text}</text>"##
            );
        }
        let (middle, half) = (LEFT + WIDTH / 2.0, TOP + HEIGHT / 2.0);
        let [x, y] = [&self.labels[0], &self.labels[1]];
        let foot = TOP + HEIGHT + 37.0;
        let _ = writeln!(
            svg,
            r##"<rect x="{LEFT}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#333"/>
<text x="{middle}" y="{foot}" text-anchor="middle">{x}</text>
<text transform="translate(16 {half}) rotate(-90)" text-anchor="middle">{y}</text>
<text x="{middle}" y="24" text-anchor="middle" font-weight="bold">{}</text>"##,
            self.title
        );
        svg
    }

    /// Names and marks below the axes, two in a row.
    fn key(&self) -> String {
        let mut svg = String::new();
        for (i, (name, mark)) in self.legend.iter().enumerate() {
            let x = LEFT + 12.0 + WIDTH / 2.0 * (i % 2) as f64;
            let y = TOP + HEIGHT + BELOW + 8.0 + 20.0 * (i / 2) as f64;
            let _ = writeln!(
                svg,
                r#"<g transform="translate({x} {y})">{mark}<text x="16" y="4">{name}</text></g>"#
            );
        }
        svg
    }
}

/// Writes panels side by side into `pictures/NAME.svg` beside the program's own folders in `target`, and says where.
pub(crate) fn save(name: &str, panels: &[Panel]) {
    let wide = LEFT + WIDTH + RIGHT;
    let rows = panels.iter().map(|p| p.legend.len().div_ceil(2)).max().unwrap_or(0);
    let (width, height) =
        (wide * panels.len() as f64, TOP + HEIGHT + BELOW + 20.0 * rows as f64 + 6.0);
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="white"/>
<clipPath id="inside"><rect x="{LEFT}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}"/></clipPath>
"#
    );
    for (i, panel) in panels.iter().enumerate() {
        let _ = writeln!(
            svg,
            "<g transform=\"translate({} 0)\"><g clip-path=\"url(#inside)\">\n{}</g>\n{}{}</g>",
            wide * i as f64,
            panel.body,
            panel.axes(),
            panel.key()
        );
    }
    svg += "</svg>\n";
    let folder = folder();
    let path = folder.join(format!("{name}.svg"));
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, svg));
    written.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    println!("picture: {}", path.display());
}

/// `target/pictures`, as seen from where the program was started if that is above it.
fn folder() -> PathBuf {
    let program = std::env::current_exe().expect("a program that runs");
    let target = program.ancestors().nth(3).expect("target/PROFILE/examples/NAME").to_owned();
    let here = std::env::current_dir().unwrap_or_default();
    target.strip_prefix(&here).map(PathBuf::from).unwrap_or(target).join("pictures")
}

fn color(kind: usize) -> &'static str {
    COLORS[kind % COLORS.len()]
}

/// How curve `kind` is drawn: every second one dashed, so that they are told apart without colours, too.
fn stroke(kind: usize) -> String {
    let dashes = if kind % 2 == 1 { r#" stroke-dasharray="7 4""# } else { "" };
    format!(r#"fill="none" stroke="{}" stroke-width="2"{dashes}"#, color(kind))
}

/// A disc, a square or a triangle.
fn mark(class: usize, x: f64, y: f64) -> String {
    let style = format!(r#"fill="{}" stroke="white" stroke-width=".8""#, color(class));
    match class % 3 {
        0 => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.4\" {style}/>\n"),
        1 => {
            let (x, y) = (x - 4.0, y - 4.0);
            format!("<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"8\" height=\"8\" {style}/>\n")
        }
        _ => format!("<path d=\"M{x:.1} {:.1}l5 9h-10z\" {style}/>\n", y - 5.5),
    }
}

/// Round numbers between bounds, five or so.
fn ticks([low, high]: [f64; 2]) -> Vec<f64> {
    let rough = (high - low) / 5.0;
    let unit = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|n| n * unit).into_iter().find(|&s| s >= rough * 0.999);
    let step = step.unwrap_or(rough);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// A tick's number: 0.30000000000000004 as 0.3.
fn told(v: f64) -> String {
    format!("{}", (v * 1e6).round() / 1e6 + 0.0).replace('-', "−")
}
