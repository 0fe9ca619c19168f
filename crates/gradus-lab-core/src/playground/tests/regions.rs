//! Regions: their areas, their number beside a fine grid's, and the bound.

use super::run;
use crate::playground::data::EDGE;
use crate::playground::regions::{self, bound, pieces};
use std::collections::HashSet;

/// Which hidden units are above zero at a place.
fn pattern(run: &mut crate::playground::run::Run, x: f64, y: f64) -> Vec<bool> {
    let values = crate::playground::network::features_at(x, y);
    let input: Vec<f64> = run.used.iter().map(|feature| values[*feature]).collect();
    let (sums, _) = run.network.forward(&input);
    let hidden = &sums[1..sums.len() - 1];
    hidden.iter().flatten().map(|sum| *sum > 0.0).collect()
}

#[test]
fn random_networks_have_the_regions_of_a_fine_grid() {
    let (mut exact, mut seen) = (0, 0);
    for seed in 0..200 {
        let shape = ["2", "3", "8", "4,2", "3,3,3", "8,8", "2,5,4", "6,1,6"][seed % 8];
        let activation = ["relu", "leakyRelu"][seed / 8 % 2];
        // After a few epochs the lines lie in the square.
        let address = format!("seed={seed}&networkShape={shape}&activation={activation}");
        let mut run = run(&address, 3);
        let (found, lines, is_cut_off) = pieces(&run.network, &run.used).expect("linear pieces");
        assert!(!is_cut_off);
        let area: f64 = found.iter().map(|piece| piece.area()).sum();
        assert!((area - 4.0 * EDGE * EDGE).abs() < 1e-6, "{address}: {area}");
        assert!(found.len() as f64 <= bound(&run.network, &run.used), "{address}");
        let mut patterns = HashSet::new();
        for row in 0..120 {
            for column in 0..120 {
                let at = |i: usize| -EDGE + 2.0 * EDGE * (i as f64 + 0.37) / 120.0;
                patterns.insert(pattern(&mut run, at(column), at(row)));
            }
        }
        assert!(patterns.len() <= found.len(), "{address}: {} {}", patterns.len(), found.len());
        // Each region large enough to be met by the grid was met.
        let large = found.iter().filter(|piece| piece.area() > 0.2).count();
        assert!(large <= patterns.len(), "{address}");
        assert!(lines.len() + 1 >= found.len(), "{address}");
        exact += found.len();
        seen += patterns.len();
    }
    assert!(seen as f64 > 0.85 * exact as f64, "{seen} of {exact} regions are seen by a grid");
}

/// Lines in general position make as many regions as can be: 1 + n + n(n−1)/2.
#[test]
fn three_lines_make_seven_regions() {
    let mut run = run("networkShape=3&activation=relu", 0);
    // x + 1, y + 1, x + y − 1 and the output.
    run.network.state.numbers[..9].copy_from_slice(&[1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0]);
    run.network.state.numbers[9..].copy_from_slice(&[1.0, 1.0, 1.0, -2.0]);
    let drawn = regions::of(&run.network, &run.used, true, true);
    assert_eq!((drawn.is_exact, drawn.count, drawn.bound), (true, 7, 7.0));
    assert_eq!(drawn.sizes.len(), 7);
    assert_eq!(drawn.corners.len(), 2 * drawn.sizes.iter().map(|n| usize::from(*n)).sum::<usize>());
    // Every line is cut by the others: three by three and by three, and the output's own.
    assert!(drawn.line_layers.iter().filter(|layer| **layer == 0).count() == 6);
    assert!(drawn.line_layers.contains(&1));
}

#[test]
fn smooth_networks_have_lines_alone() {
    for address in ["activation=tanh", "activation=sigmoid", "activation=relu&xSquared=true"] {
        let run = run(address, 20);
        let drawn = regions::of(&run.network, &run.used, true, true);
        assert!(!drawn.is_exact && drawn.count == 0 && drawn.sizes.is_empty(), "{address}");
        assert!(!drawn.lines.is_empty(), "{address}");
    }
    // On the line the sum is zero.
    let mut run = run("activation=tanh", 20);
    let drawn = regions::of(&run.network, &run.used, false, true);
    let lines = drawn.lines.as_chunks::<4>().0.iter();
    for (line, (layer, unit)) in lines.zip(drawn.line_layers.iter().zip(&drawn.line_units)) {
        let (x, y) = (f64::from(line[0]), f64::from(line[1]));
        let (sums, _) = run.network.forward(&[x, y]);
        let sum = sums[usize::from(*layer) + 1][usize::from(*unit)];
        assert!(sum.abs() < 0.05, "{x} {y}: {sum}");
    }
}
