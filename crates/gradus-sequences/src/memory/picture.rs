//! Curves over the steps of a sequence on a logarithmic scale, as SVG. No script, no font, no file beside it; light or dark as the reader's screen is.

use std::fmt::Write;

/// The part that lines are drawn in, and the room around it.
const PLOT: (f64, f64) = (560.0, 300.0);
const LEFT: f64 = 68.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 48.0;
const LEGEND: f64 = 190.0;
/// A line of the legend.
const LINE: f64 = 20.0;
/// What is smaller than so many powers of ten below the largest value lies on the lower edge.
const DECADES: i32 = 16;

/// Told apart by those who see no colours, too: from dark to light.
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a6761d", "#56b4e9"];

const STYLE: &str = "\
text{font:12px Helvetica,Arial,sans-serif;fill:#222}.title{font-size:14px;font-weight:bold}\
.paper{fill:#fff}.frame{fill:none;stroke:#777}.grid{stroke:#ddd}.line{fill:none;stroke-width:2}.dashed{stroke-dasharray:6 4}\
@media(prefers-color-scheme:dark){text{fill:#ddd}.paper{fill:#16181c}.frame{stroke:#999}.grid{stroke:#33373d}}";

/// A line.
pub(super) struct Curve {
    /// What it is called.
    pub(super) label: String,
    /// A value for each step from 1 on.
    pub(super) values: Vec<f64>,
    /// Whether it is drawn in dashes.
    pub(super) is_dashed: bool,
}

/// The lines in one frame, their names beside it.
pub(super) fn draw(title: &str, curves: &[Curve]) -> String {
    let (low, high) = decades(curves);
    let steps = curves.iter().map(|curve| curve.values.len()).max().unwrap_or(1);
    let right_of = |step: f64| LEFT + PLOT.0 * (step - 1.0) / (steps.max(2) - 1) as f64;
    let down_of = |exponent: f64| {
        let share = (f64::from(high) - exponent) / f64::from(high - low);
        TOP + PLOT.1 * share.clamp(0.0, 1.0)
    };
    let (width, height) = (LEFT + PLOT.0 + LEGEND, TOP + PLOT.1 + BOTTOM);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <style>{STYLE}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n\
         <text class=\"title\" x=\"{LEFT}\" y=\"{}\">{title}</text>\n",
        TOP - 16.0
    );
    // No more than nine marks, so that none touches the next.
    let between = ((high - low) / 8).max(1);
    for exponent in (low..=high).filter(|exponent| (high - exponent) % between == 0) {
        let (right, y) = (LEFT + PLOT.0, down_of(f64::from(exponent)));
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            y + 4.0,
            power(exponent)
        );
    }
    let foot = TOP + PLOT.1;
    for step in marks(steps) {
        let x = right_of(step as f64);
        let _ = writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{step}</text>",
            foot + 18.0
        );
    }
    let (middle, below) = (LEFT + PLOT.0 / 2.0, foot + 38.0);
    let _ = writeln!(out, "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">step</text>");
    for (at, curve) in curves.iter().enumerate() {
        let point = |(at, &value): (usize, &f64)| {
            let exponent = value.max(f64::MIN_POSITIVE).log10();
            format!("{:.1},{:.1}", right_of((at + 1) as f64), down_of(exponent))
        };
        let points: Vec<String> = curve.values.iter().enumerate().map(point).collect();
        let (colour, x) = (COLOURS[at % COLOURS.len()], LEFT + PLOT.0 + 18.0);
        let y = TOP + LINE * (at as f64 + 0.7);
        let class = if curve.is_dashed { "line dashed" } else { "line" };
        let _ = writeln!(
            out,
            "<polyline class=\"{class}\" stroke=\"{colour}\" points=\"{}\"/>\n\
             <line class=\"{class}\" stroke=\"{colour}\" x1=\"{x}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"/>\
             <text x=\"{}\" y=\"{}\">{}</text>",
            points.join(" "),
            x + 30.0,
            x + 38.0,
            y + 4.0,
            curve.label
        );
    }
    let _ = writeln!(
        out,
        "<rect class=\"frame\" x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\"/>\n</svg>",
        PLOT.0, PLOT.1
    );
    out
}

/// The powers of ten that all values lie between.
fn decades(curves: &[Curve]) -> (i32, i32) {
    let values = || curves.iter().flat_map(|curve| &curve.values).filter(|value| **value > 0.0);
    let high = values().fold(f64::MIN_POSITIVE, |a, &b| a.max(b)).log10().ceil() as i32;
    let low = values().fold(f64::MAX, |a, &b| a.min(b)).log10().floor() as i32;
    (low.clamp(high - DECADES, high - 1), high)
}

/// A power of ten in words: `10⁻³`.
fn power(exponent: i32) -> String {
    let raised = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => char::from_u32('⁰' as u32 + digit as u32 - '0' as u32).unwrap_or(digit),
    };
    match exponent {
        0 => "1".to_owned(),
        _ => format!("10{}", exponent.to_string().chars().map(raised).collect::<String>()),
    }
}

/// The first step, the last, and some between them.
fn marks(steps: usize) -> Vec<usize> {
    let each = steps.div_ceil(5).max(1);
    let mut all = vec![1];
    // The last mark must not touch the one before.
    all.extend((each..steps).step_by(each).filter(|step| *step > 1 && steps - step > each / 2));
    if steps > 1 {
        all.push(steps);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_where_their_powers_are_marked() {
        let curve = |values: Vec<f64>| Curve { label: "gru".into(), values, is_dashed: false };
        let svg = draw("Gradients", &[curve(vec![1e-4, 1e-2, 1.0])]);
        // Five marks from 1 down to 10⁻⁴, the line from the lowest on the left to the highest on the right.
        assert!(svg.contains(">10⁻⁴</text>") && svg.contains(">1</text>"), "{svg}");
        assert!(svg.contains("points=\"68.0,340.0 348.0,190.0 628.0,40.0\""), "{svg}");
        // Zeros and one value alone are drawn, too.
        let flat = draw("Gradients", &[curve(vec![0.0]), curve(vec![0.0, 2.0])]);
        assert!(flat.contains("points=\"68.0,340.0\"") && !flat.contains("NaN"), "{flat}");
        assert_eq!(marks(100), [1, 20, 40, 60, 80, 100]);
        assert_eq!((marks(1), marks(2), marks(7)), (vec![1], vec![1, 2], vec![1, 2, 4, 7]));
    }
}
