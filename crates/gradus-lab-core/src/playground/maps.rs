//! What units give over the square, as pictures.

use super::data::EDGE;
use super::messages::{Place, View};
use super::network::{Network, Output, class_of, features_at};

/// Samples that are computed at once: their columns stay in the cache.
const BLOCK: usize = 256;

impl Default for View {
    fn default() -> View {
        View {
            unit_side: 30,
            output_side: 100,
            shown: None,
            regions: false,
            lines: false,
            warp: None,
        }
    }
}

/// The coordinate of a pixel: the outermost ones lie on the square's edges.
pub(super) fn coordinate(pixel: usize, side: usize) -> f64 {
    -EDGE + 2.0 * EDGE * pixel as f64 / (side - 1) as f64
}

/// A number from −1 to 1 as a level, whose half from 128 on is of what is not negative.
pub(super) fn level(value: f64) -> u8 {
    if value.is_nan() {
        255
    } else if value < 0.0 {
        ((value + 1.0).max(0.0) * 128.0).min(127.0) as u8
    } else {
        128 + (value * 127.0).min(126.0) as u8
    }
}

/// Goes through a grid in blocks: the features' values, column by column, all seven and those in use, and where the block begins.
fn blocks(side: usize, used: &[usize], mut each: impl FnMut(usize, &[[f64; 7]], &mut Vec<f64>)) {
    let place = |at: usize| {
        let (row, column) = (at / side, at % side);
        features_at(coordinate(column, side), -coordinate(row, side))
    };
    let mut columns = vec![];
    for from in (0..side * side).step_by(BLOCK) {
        let values: Vec<_> = (from..(from + BLOCK).min(side * side)).map(place).collect();
        columns.clear();
        for &feature in used {
            columns.extend(values.iter().map(|values| values[feature]));
        }
        each(from, &values, &mut columns);
    }
}

/// Maps of all features and of every unit, one after the other.
pub(super) fn of_units(network: &Network, used: &[usize], side: usize) -> Vec<u8> {
    let units: usize = network.layers.iter().map(|layer| layer.units).sum();
    let pixels = side * side;
    let mut maps = vec![0; (7 + units) * pixels];
    blocks(side, used, |from, values, columns| {
        let count = values.len();
        for feature in 0..7 {
            let map = &mut maps[feature * pixels + from..][..count];
            map.iter_mut().zip(values).for_each(|(to, values)| *to = level(values[feature]));
        }
        network.forward_all(columns, count);
        let outputs = columns[used.len() * count..].chunks_exact(count);
        let is_softmax = network.output == Output::Softmax;
        let first_output = units - network.layers.last().map_or(0, |layer| layer.units);
        for (unit, values) in outputs.enumerate() {
            let map = &mut maps[(7 + unit) * pixels + from..][..count];
            let is_probability = is_softmax && unit >= first_output;
            for (to, y) in map.iter_mut().zip(values) {
                *to = level(if is_probability { 2.0 * y - 1.0 } else { *y });
            }
        }
    });
    maps
}

/// The large map: of a unit or a feature, or of the output.
pub(super) fn large(
    network: &Network,
    used: &[usize],
    side: usize,
    shown: Option<Place>,
) -> Vec<u8> {
    let mut map = vec![0; side * side];
    let last = network.layers.last().copied();
    let outputs = last.map_or(0, |layer| layer.units);
    blocks(side, used, |from, values, columns| {
        let count = values.len();
        let to = &mut map[from..from + count];
        if let Some(Place { column: 0, unit }) = shown {
            let of = |values: &[f64; 7]| values[usize::from(unit).min(6)];
            to.iter_mut().zip(values).for_each(|(to, values)| *to = level(of(values)));
            return;
        }
        network.forward_all(columns, count);
        match shown.and_then(|place| unit_of(network, place)) {
            Some((unit, is_output)) => {
                let of = &columns[(used.len() + unit) * count..][..count];
                let is_probability = is_output && network.output == Output::Softmax;
                for (to, y) in to.iter_mut().zip(of) {
                    *to = level(if is_probability { 2.0 * y - 1.0 } else { *y });
                }
            }
            None if outputs == 1 => {
                let of = &columns[columns.len() - count..];
                to.iter_mut().zip(of).for_each(|(to, y)| *to = level(*y));
            }
            None => {
                let from = columns.len() - outputs * count;
                let of = |k: usize, at: usize| columns[from + k * count + at];
                for (at, to) in to.iter_mut().enumerate() {
                    let outputs: Vec<f64> = (0..outputs).map(|k| of(k, at)).collect();
                    *to = class_level(network.output, &outputs);
                }
            }
        }
    });
    map
}

/// Which of all units a place is, and whether it is an output.
fn unit_of(network: &Network, place: Place) -> Option<(usize, bool)> {
    let column = usize::from(place.column).checked_sub(1)?;
    let layer = network.layers.get(column)?;
    let before: usize = network.layers[..column].iter().map(|layer| layer.units).sum();
    let unit = usize::from(place.unit);
    (unit < layer.units).then_some((before + unit, column + 1 == network.layers.len()))
}

/// 32 × the class + how sure the outputs are of it.
fn class_level(output: Output, outputs: &[f64]) -> u8 {
    if outputs.iter().any(|y| y.is_nan()) {
        return 255;
    }
    let class = class_of(outputs) as usize;
    let others = outputs.iter().enumerate().filter(|(k, _)| *k != class);
    let second = others.fold(f64::NEG_INFINITY, |most, (_, y)| if *y > most { *y } else { most });
    let sure = match output {
        Output::Softmax => {
            let chance = 1.0 / outputs.len() as f64;
            (outputs[class] - chance) / (1.0 - chance)
        }
        _ => 0.5 * (outputs[class] - second),
    };
    class as u8 * 32 + (sure * 32.0).clamp(0.0, 31.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_tell_signs_apart() {
        let levels = [-9.0, -1.0, -1e-12, 0.0, 1e-12, 1.0, 9.0, f64::NAN].map(level);
        assert_eq!(levels, [0, 0, 127, 128, 128, 254, 254, 255]);
        assert_eq!(level(f64::INFINITY), 254);
        assert!((0..2000).is_sorted_by_key(|i| level(f64::from(i) / 1000.0 - 1.0)));
    }
}
