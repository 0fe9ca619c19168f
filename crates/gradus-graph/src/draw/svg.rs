//! A drawing as SVG.

use super::labels::{LINE, Label, place};
use super::layout::{Layout, layout};
use super::{Class, Drawing, Item};
use std::fmt::Write;

const MARGIN: f64 = 16.0;
/// Between layers; more where labels need several lines.
const GAP: f64 = 36.0;
/// The width of a character of the title and of the smaller lines, on average.
const WIDE: f64 = 8.4;
const NARROW: f64 = 6.4;
/// That of a label's.
const SMALL: f64 = 5.2;

const STYLE: &str = "\
text{font-family:Helvetica,Arial,sans-serif;text-anchor:middle;fill:#222}\
.title{font-size:14px}.small{font-size:11px;fill:#666}.scope{font-size:10px;font-style:italic;fill:#888}\
.label{paint-order:stroke;stroke:#fff;stroke-width:3px}\
rect{stroke:#555;stroke-width:1}.wanted{stroke-width:2.5}\
.argument{fill:#cfe3f7}.variable{fill:#fbdcb4}.constant{fill:#e4e4e4}.op{fill:#fff}\
path{fill:none;stroke:#555;stroke-width:1.2;marker-end:url(#head)}";

impl Drawing {
    /// The picture as SVG.
    pub fn to_svg(&self) -> String {
        let widths: Vec<f64> = self.boxes.iter().map(Item::width).collect();
        let links: Vec<(usize, usize)> = self.arrows.iter().map(|a| (a.from, a.to)).collect();
        let places = layout(&widths, &links);
        let ends = self.ends(&places, &widths);
        let picture = places.width + 2.0 * MARGIN;
        let (labels, gaps) = self.labels(&places, &ends, picture);
        let (middles, heights, height) = self.rows(&places.layer, &gaps);
        let mut out = String::new();
        let (w, h) = (picture, height + MARGIN);
        let _ = writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w:.0}\" height=\"{h:.0}\" viewBox=\"0 0 {w:.0} {h:.0}\">\n\
             <style>{STYLE}</style>\n\
             <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
             orient=\"auto\"><polygon points=\"0,0 8,4 0,8\" fill=\"#555\"/></marker></defs>\n\
             <rect width=\"100%\" height=\"100%\" style=\"fill:#fff;stroke:none\"/>"
        );
        let at = |v: usize| (places.x[v] + MARGIN, middles[places.layer[v]]);
        for (i, a) in self.arrows.iter().enumerate() {
            let ((_, from), (_, to), (exit, port)) = (at(a.from), at(a.to), ends[i]);
            let mut points = vec![(exit, from - self.boxes[a.from].height() / 2.0)];
            for (step, lane) in places.lanes[i].iter().enumerate() {
                // Straight past the boxes of a row: it bends between rows only.
                let row = places.layer[a.from] + 1 + step;
                let half = heights[row] / 2.0;
                points.push((lane + MARGIN, middles[row] + half));
                points.push((lane + MARGIN, middles[row] - half));
            }
            points.push((port, to + self.boxes[a.to].height() / 2.0));
            arrow(&mut out, &points);
        }
        // Above all arrows, so that none strikes one through.
        for (i, (x, share)) in labels {
            let (row, text) = (places.layer[self.arrows[i].to], escaped(&self.arrows[i].label));
            let y = middles[row] + heights[row] / 2.0 + gaps[row] * (1.0 - share) + LINE / 4.0;
            let _ = writeln!(
                out,
                "<text class=\"scope label\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
            );
        }
        for (v, item) in self.boxes.iter().enumerate() {
            item.draw(&mut out, at(v), widths[v]);
        }
        out.push_str("</svg>\n");
        out
    }

    /// Where each arrow leaves its box, and where it enters the other.
    fn ends(&self, places: &Layout, widths: &[f64]) -> Vec<(f64, f64)> {
        let towards = |i: usize| {
            let lane = places.lanes[i].first().copied();
            lane.unwrap_or(places.x[self.arrows[i].to])
        };
        let (ports, exits) = (self.ports(), self.exits(towards));
        let at = |v: usize, share: f64| places.x[v] + MARGIN + share * 0.6 * widths[v];
        let arrows = self.arrows.iter().enumerate();
        arrows.map(|(i, a)| (at(a.from, exits[i]), at(a.to, ports[i]))).collect()
    }

    /// The labels by the numbers of their arrows, each with its middle and its share of the way up to the layer that its arrow goes to,
    /// and the room below each layer.
    fn labels(
        &self,
        places: &Layout,
        ends: &[(f64, f64)],
        picture: f64,
    ) -> (Vec<(usize, (f64, f64))>, Vec<f64>) {
        let rows = places.layer.iter().max().map_or(0, |m| m + 1);
        let mut by_row: Vec<Vec<usize>> = vec![vec![]; rows];
        let labelled = (0..self.arrows.len()).filter(|&i| !self.arrows[i].label.is_empty());
        labelled.for_each(|i| by_row[places.layer[self.arrows[i].to]].push(i));
        let (mut all, mut gaps) = (vec![], vec![0.0; rows]);
        for (row, arrows) in by_row.into_iter().enumerate().skip(1) {
            let label = |&i: &usize| Label {
                from: places.lanes[i].last().map_or(ends[i].0, |lane| lane + MARGIN),
                to: ends[i].1,
                width: self.arrows[i].label.chars().count() as f64 * SMALL,
            };
            let (found, lines) = place(&arrows.iter().map(label).collect::<Vec<_>>(), picture);
            gaps[row] = GAP.max((lines + 1) as f64 * LINE);
            all.extend(arrows.into_iter().zip(found));
        }
        (all, gaps)
    }

    /// Where each layer's middle is, how high it is, and the height of all; the last layer is at the top.
    fn rows(&self, layer: &[usize], gaps: &[f64]) -> (Vec<f64>, Vec<f64>, f64) {
        let rows = layer.iter().max().map_or(0, |m| m + 1);
        let mut heights = vec![0.0f64; rows];
        for (b, &l) in self.boxes.iter().zip(layer) {
            heights[l] = heights[l].max(b.height());
        }
        let mut y = MARGIN;
        let mut out = vec![0.0; rows];
        for row in (0..rows).rev() {
            out[row] = y + heights[row] / 2.0;
            y += heights[row] + gaps[row];
        }
        (out, heights, y)
    }

    /// Where each arrow enters its box, from −½ (left) to ½ (right): operands in order.
    fn ports(&self) -> Vec<f64> {
        let mut count = vec![0usize; self.boxes.len()];
        let numbers: Vec<usize> = self
            .arrows
            .iter()
            .map(|a| {
                count[a.to] += 1;
                count[a.to] - 1
            })
            .collect();
        let port = |(a, n): (&super::Arrow, usize)| (n as f64 + 0.5) / count[a.to] as f64 - 0.5;
        self.arrows.iter().zip(numbers).map(port).collect()
    }
}

impl Drawing {
    /// Where each arrow leaves its box, from −½ to ½: in the order of where they go, so that two do not lie on each other.
    fn exits(&self, towards: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut leaving: Vec<Vec<usize>> = vec![vec![]; self.boxes.len()];
        self.arrows.iter().enumerate().for_each(|(i, a)| leaving[a.from].push(i));
        let mut exits = vec![0.0; self.arrows.len()];
        for mut all in leaving {
            all.sort_by(|&a, &b| towards(a).total_cmp(&towards(b)));
            for (n, &i) in all.iter().enumerate() {
                exits[i] = (n as f64 + 0.5) / all.len() as f64 - 0.5;
            }
        }
        exits
    }
}

impl Item {
    /// The innermost layer, which is what there is room for.
    fn layer(&self) -> &str {
        innermost(&self.scope)
    }

    fn width(&self) -> f64 {
        let len = |text: &str, each: f64| text.chars().count() as f64 * each;
        let text =
            len(&self.title, WIDE).max(len(&self.meta, NARROW)).max(len(self.layer(), NARROW));
        text.max(34.0) + 18.0
    }

    fn height(&self) -> f64 {
        if self.scope.is_empty() { 42.0 } else { 55.0 }
    }

    fn draw(&self, out: &mut String, (x, y): (f64, f64), width: f64) {
        let class = match self.class {
            Class::Argument => "argument",
            Class::Variable => "variable",
            Class::Constant => "constant",
            Class::Op => "op",
        };
        let wanted = if self.wanted { " wanted" } else { "" };
        // Ops are rounded, values that come from outside have corners.
        let round = if self.class == Class::Op { 12 } else { 2 };
        let height = self.height();
        let (left, top) = (x - width / 2.0, y - height / 2.0);
        let _ = writeln!(
            out,
            "<rect class=\"{class}{wanted}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height}\" rx=\"{round}\"/>"
        );
        let lines = [
            ("title", 18.0, &*self.title),
            ("small", 33.0, &self.meta),
            ("scope", 47.0, self.layer()),
        ];
        for (style, down, text) in lines {
            if !text.is_empty() {
                let (y, text) = (top + down, escaped(text));
                let _ = writeln!(
                    out,
                    "<text class=\"{style}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
                );
            }
        }
    }
}

/// A curve through the points that leaves and arrives upright.
fn arrow(out: &mut String, points: &[(f64, f64)]) {
    let mut d = format!("M{:.1} {:.1}", points[0].0, points[0].1);
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let half = (y0 + y1) / 2.0;
        let _ = write!(d, " C{x0:.1} {half:.1} {x1:.1} {half:.1} {x1:.1} {y1:.1}");
    }
    let _ = writeln!(out, "<path d=\"{d}\"/>");
}

/// What comes after the last `/` between layers; one in brackets belongs to what a layer says of itself, as in `pool (MaxPool(3/2))`.
fn innermost(scope: &str) -> &str {
    let (mut depth, mut start) = (0usize, 0);
    for (at, c) in scope.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '/' if depth == 0 => start = at + 1,
            _ => {}
        }
    }
    &scope[start..]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::innermost;

    #[test]
    fn a_layer_keeps_the_strokes_in_its_brackets() {
        assert_eq!(innermost("stage1/pool (MaxPool(3/2))"), "pool (MaxPool(3/2))");
        assert_eq!(innermost("a (Conv2d(8@3×3/2, pad 1/1))/b (relu)"), "b (relu)");
        assert_eq!((innermost("dense1 (Dense(10))"), innermost("")), ("dense1 (Dense(10))", ""));
        assert_eq!(innermost("odd)/name"), "name");
    }
}
