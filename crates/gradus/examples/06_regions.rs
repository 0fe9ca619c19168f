//! Fully connected layers cut space into regions; here the regions of ReLU networks are counted exactly.
//!
//! Unit j of the first layer cuts the plane along w_j·x + b_j = 0. Inside one piece the network is affine, so a unit of
//! the next layer cuts it along a straight line too: every unit splits the polygons that its line crosses. n lines make
//! 1 + n + n(n−1)/2 regions of the plane if none are parallel and no three meet, and never more.   Zaslavsky 1975

mod plot;

use gradus::Key;
use gradus::prelude::*;
use plot::{Panel, save};
use std::collections::HashSet;

/// w·x + b as [w1, w2, b].
type Affine = [f64; 3];

/// One layer's units as functions of its inputs: weights and a bias each.
type Units = Vec<(Vec<f64>, f64)>;

/// A convex piece of the plane, on which every unit of the layer before is affine.
struct Region {
    corners: Vec<[f64; 2]>,
    units: Vec<Affine>,
}

fn at(f: &Affine, [x, y]: [f64; 2]) -> f64 {
    f[0] * x + f[1] * y + f[2]
}

/// The parts of a convex polygon where f ≥ 0 and where f ≤ 0, if both have an area.
fn split(corners: &[[f64; 2]], f: &Affine) -> Option<[Vec<[f64; 2]>; 2]> {
    let mut parts = [vec![], vec![]];
    for (i, &p) in corners.iter().enumerate() {
        let q = corners[(i + 1) % corners.len()];
        let (fp, fq) = (at(f, p), at(f, q));
        if fp != 0.0 {
            parts[usize::from(fp < 0.0)].push(p);
        }
        if fp * fq < 0.0 || fp == 0.0 {
            let s = if fp == 0.0 { 0.0 } else { fp / (fp - fq) };
            let cut = [0, 1].map(|i| p[i] + s * (q[i] - p[i]));
            parts.iter_mut().for_each(|part| part.push(cut));
        }
    }
    parts.iter().all(|p| p.len() > 2).then_some(parts)
}

/// The regions that the layers cut the square of half-side `half` into.
fn regions(layers: &[Units], half: f64) -> Vec<Region> {
    let corners = vec![[-half, -half], [half, -half], [half, half], [-half, half]];
    let whole = Region { corners, units: vec![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] };
    let finer = |all: Vec<_>, layer| all.into_iter().flat_map(|r| cut(r, layer)).collect();
    layers.iter().fold(vec![whole], finer)
}

fn cut(region: Region, layer: &Units) -> Vec<Region> {
    // Each unit of this layer as a function of the point: the sum of what it reads.
    let sum = |(weights, bias): &(Vec<f64>, f64)| {
        let add = |f: Affine, (w, u): (&f64, &Affine)| [0, 1, 2].map(|i| f[i] + w * u[i]);
        weights.iter().zip(&region.units).fold([0.0, 0.0, *bias], add)
    };
    let sums: Vec<Affine> = layer.iter().map(sum).collect();
    let mut pieces = vec![region.corners];
    for f in &sums {
        let both = |p: Vec<_>| split(&p, f).map_or_else(|| vec![p], Vec::from);
        pieces = pieces.into_iter().flat_map(both).collect();
    }
    let relu = |corners: Vec<_>| {
        let on = |f: &Affine| at(f, centre(&corners)) > 0.0;
        let units = sums.iter().map(|f| if on(f) { *f } else { [0.0; 3] }).collect();
        Region { corners, units }
    };
    pieces.into_iter().map(relu).collect()
}

fn centre(corners: &[[f64; 2]]) -> [f64; 2] {
    [0, 1].map(|i| corners.iter().map(|c| c[i]).sum::<f64>() / corners.len() as f64)
}

/// Random layers of a network with two inputs, as `x·W + b`.
fn network(sizes: &[usize], seed: u64) -> Vec<(Tensor, Tensor)> {
    let key = Key::new(seed);
    let draw = |n: usize, shape: &[usize]| key.stream(n as u64).normal_of(shape, DType::F64);
    let layer = |(l, (&i, &o))| (draw(2 * l, &[i, o]), draw(2 * l + 1, &[o]));
    [2].iter().chain(sizes).zip(sizes).enumerate().map(layer).collect()
}

fn units((w, b): &(Tensor, Tensor)) -> Units {
    let columns = w.t().to_vec::<f64>();
    columns.chunks(w.size(0)).map(<[f64]>::to_vec).zip(b.to_vec::<f64>()).collect()
}

/// How many patterns of active units the network shows at the regions' centres. Two regions never share one.
fn patterns(net: &[(Tensor, Tensor)], all: &[Region]) -> usize {
    let points: Vec<f64> = all.iter().flat_map(|r| centre(&r.corners)).collect();
    let mut a = Tensor::from_slice(&points, [all.len(), 2]);
    let layer = |(w, b): &(Tensor, Tensor)| {
        a = (a.matmul(w) + b).relu();
        a.gt(0.0)
    };
    let layers: Vec<Tensor> = net.iter().map(layer).collect();
    let active = Tensor::concat(&layers.iter().collect::<Vec<_>>(), 1); // [regions, units]
    active.to_vec::<u8>().chunks(active.size(1)).collect::<HashSet<_>>().len()
}

fn main() {
    for sizes in [&[3][..], &[8], &[5, 4], &[4, 4, 4]] {
        let mut most = 0;
        // Each layer cuts each region at most as lines cut the plane; a single layer's cut it so, with probability 1.
        let bound: usize = sizes.iter().map(|n| 1 + n + n * (n - 1) / 2).product();
        for seed in 0..300 {
            let net = network(sizes, seed);
            // The square is so wide that every crossing of two lines lies within.
            let all = regions(&net.iter().map(units).collect::<Vec<_>>(), 1e5);
            let count = all.len();
            assert_eq!(patterns(&net, &all), count, "net {sizes:?}, seed {seed}");
            let fits = count == bound || sizes.len() > 1 && count < bound;
            assert!(fits, "net {sizes:?}, seed {seed}: {count} regions");
            most = most.max(count);
        }
        println!("hidden layers {sizes:?}: at most {most} regions in 300 networks, bound {bound}");
    }
    let near = |sizes: &[usize]| {
        let all = regions(&network(sizes, 3).iter().map(units).collect::<Vec<_>>(), 4.0);
        let title = format!("{sizes:?} ReLU units: {} regions in sight", all.len());
        let panel = Panel::new(&title, [-4.0, 4.0], [-4.0, 4.0]);
        all.iter().enumerate().fold(panel, |panel, (i, r)| panel.polygon(i, &r.corners))
    };
    save("regions", &[near(&[8]), near(&[5, 4]), near(&[4, 4, 4])]);
}
