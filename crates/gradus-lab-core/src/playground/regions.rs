//! Where a network of ReLU, leaky ReLU or linear units over X₁ and X₂ is linear, exactly: the square is cut by the line of each unit
//! of the first layer, each piece by the lines that the units of the next layer have there, and so on (Montúfar and others 2014,
//! arXiv:1402.1869). Other networks have the lines at which units' sums are zero, found on a grid.

use super::data::EDGE;
use super::lines;
use super::messages::Regions;
use super::network::{Network, Output, class_of};
use crate::exact::tanh;

/// The most regions that are looked for.
const MOST: usize = 4000;
/// A corner as near to a line as this lies on it.
const NEAR: f64 = 1e-9;

/// a·x + b·y + c.
pub(super) type Affine = [f64; 3];

/// A convex part of the square in which all units so far are linear.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) corners: Vec<[f64; 2]>,
    /// What the units of the column before give here.
    pub(super) outputs: Vec<Affine>,
}

/// A piece of a unit's line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) from: [f64; 2],
    pub(super) to: [f64; 2],
    pub(super) layer: u8,
    pub(super) unit: u8,
}

fn at(affine: Affine, [x, y]: [f64; 2]) -> f64 {
    affine[0] * x + affine[1] * y + affine[2]
}

impl Piece {
    /// The mean of the corners, which lies inside.
    fn middle(&self) -> [f64; 2] {
        let count = self.corners.len() as f64;
        [0, 1].map(|i| self.corners.iter().map(|corner| corner[i]).sum::<f64>() / count)
    }

    #[cfg(test)]
    pub(super) fn area(&self) -> f64 {
        let next = self.corners.iter().cycle().skip(1);
        let products = self.corners.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]);
        0.5 * products.sum::<f64>().abs()
    }
}

/// Both sides of a line, and where it enters and leaves; `None` if it misses the inside of the polygon.
type Cut = ([Vec<[f64; 2]>; 2], [[f64; 2]; 2]);

/// Cuts a convex polygon.
fn cut(corners: &[[f64; 2]], line: Affine) -> Option<Cut> {
    let length = (line[0] * line[0] + line[1] * line[1]).sqrt();
    if length < 1e-12 || !length.is_finite() {
        return None;
    }
    let distances: Vec<f64> = corners.iter().map(|corner| at(line, *corner) / length).collect();
    let side = |distance: f64| match distance {
        d if d > NEAR => 1,
        d if d < -NEAR => -1,
        _ => 0,
    };
    if !distances.iter().any(|d| side(*d) > 0) || !distances.iter().any(|d| side(*d) < 0) {
        return None;
    }
    let (mut above, mut below, mut ends) = (vec![], vec![], vec![]);
    for (i, corner) in corners.iter().enumerate() {
        let next = (i + 1) % corners.len();
        let (here, there) = (side(distances[i]), side(distances[next]));
        if here >= 0 {
            above.push(*corner);
        }
        if here <= 0 {
            below.push(*corner);
        }
        if here == 0 {
            ends.push(*corner);
        }
        if here * there < 0 {
            let part = distances[i] / (distances[i] - distances[next]);
            let crossing = [0, 1].map(|k| corner[k] + part * (corners[next][k] - corner[k]));
            above.push(crossing);
            below.push(crossing);
            ends.push(crossing);
        }
    }
    match ends[..] {
        [from, to] => Some(([above, below], [from, to])),
        _ => None,
    }
}

/// The pieces, the lines that bound them, and whether there are more than are looked for; `None` for a network that is not piecewise
/// linear in x and y.
pub(super) fn pieces(network: &Network, used: &[usize]) -> Option<(Vec<Piece>, Vec<Line>, bool)> {
    let slopes = network.activation.pieces()?;
    if used.iter().any(|feature| *feature > 1) {
        return None;
    }
    let inputs = used.iter().map(|feature| [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]][*feature]);
    let square = vec![[-EDGE, -EDGE], [EDGE, -EDGE], [EDGE, EDGE], [-EDGE, EDGE]];
    let mut pieces = vec![Piece { corners: square, outputs: inputs.collect() }];
    let (mut lines, mut is_cut_off) = (vec![], false);
    let hidden = network.layers.len() - 1;
    for layer in 0..=hidden {
        let mut next = vec![];
        for piece in pieces {
            let sums = sums(network, layer, &piece.outputs);
            let mut parts = vec![piece.corners];
            // Of the outputs, where a single one changes its sign is a line, and no border of a region.
            let bends = layer < hidden && slopes[0] != slopes[1];
            for (unit, sum) in sums.iter().enumerate().filter(|_| bends || layer == hidden) {
                let mut smaller = vec![];
                for part in parts {
                    let room = next.len() + smaller.len() < MOST;
                    match cut(&part, *sum).filter(|_| room) {
                        Some((sides, [from, to])) if bends => {
                            smaller.extend(sides);
                            lines.push(Line { from, to, layer: layer as u8, unit: unit as u8 });
                        }
                        Some((_, [from, to])) if sums.len() == 1 => {
                            smaller.push(part);
                            lines.push(Line { from, to, layer: layer as u8, unit: unit as u8 });
                        }
                        _ => smaller.push(part),
                    }
                    is_cut_off |= !room;
                }
                parts = smaller;
            }
            for corners in parts {
                let mut piece = Piece { corners, outputs: sums.clone() };
                if layer < hidden {
                    let middle = piece.middle();
                    for output in &mut piece.outputs {
                        let slope = slopes[usize::from(at(*output, middle) > 0.0)];
                        *output = output.map(|number| number * slope);
                    }
                }
                next.push(piece);
            }
        }
        pieces = next;
    }
    Some((pieces, lines, is_cut_off))
}

/// The sums of a layer's units where its inputs are these.
fn sums(network: &Network, layer: usize, inputs: &[Affine]) -> Vec<Affine> {
    let place = network.layers[layer];
    let numbers = &network.state.numbers;
    let sum = |unit: usize| {
        let weights = &numbers[place.weights + unit * place.inputs..][..place.inputs];
        let start = [0.0, 0.0, numbers[place.biases + unit]];
        weights.iter().zip(inputs).fold(start, |sum, (w, input)| {
            [sum[0] + w * input[0], sum[1] + w * input[1], sum[2] + w * input[2]]
        })
    };
    (0..place.units).map(sum).collect()
}

/// The most regions that layers of such sizes can make: n lines cut a plane into 1 + n + n(n−1)/2 pieces at most, n points a line into
/// n + 1 (Zaslavsky 1975), and each piece may be cut so by every further layer.
pub(super) fn bound(network: &Network, used: &[usize]) -> f64 {
    if network.activation.pieces().is_none_or(|[below, above]| below == above) {
        return 1.0;
    }
    let mut dimensions = used.len().min(2);
    let hidden = &network.layers[..network.layers.len() - 1];
    hidden.iter().fold(1.0, |product, layer| {
        let n = layer.units as f64;
        let most = 1.0 + n + if dimensions > 1 { n * (n - 1.0) / 2.0 } else { 0.0 };
        dimensions = dimensions.min(layer.units);
        product * most
    })
}

/// What a page draws of them.
pub(super) fn of(network: &Network, used: &[usize], regions: bool, with_lines: bool) -> Regions {
    let mut drawn = Regions::default();
    let lines = match pieces(network, used) {
        Some((pieces, lines, is_cut_off)) => {
            drawn.is_exact = true;
            drawn.count = pieces.len() as u32;
            drawn.is_cut_off = is_cut_off;
            drawn.bound = bound(network, used);
            for piece in pieces.iter().filter(|_| regions) {
                drawn.corners.extend(piece.corners.iter().flatten().map(|at| *at as f32));
                drawn.sizes.push(piece.corners.len() as u16);
                drawn.values.push(value(network, piece) as f32);
            }
            lines
        }
        None => lines::on_a_grid(network, used),
    };
    for line in lines.iter().filter(|_| with_lines) {
        drawn.lines.extend([line.from, line.to].iter().flatten().map(|at| *at as f32));
        drawn.line_layers.push(line.layer);
        drawn.line_units.push(line.unit);
    }
    drawn
}

/// What the output is in the middle of a piece: a number, or a class.
fn value(network: &Network, piece: &Piece) -> f64 {
    let middle = piece.middle();
    let sums: Vec<f64> = piece.outputs.iter().map(|sum| at(*sum, middle)).collect();
    match (&sums[..], network.output) {
        ([z], Output::Linear) => *z,
        ([z], Output::Logistic) => tanh(0.5 * z),
        ([z], _) => tanh(*z),
        // The largest sum gives the largest output.
        _ => class_of(&sums),
    }
}
