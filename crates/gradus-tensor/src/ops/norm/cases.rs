//! What normalisations are checked with: sums over written-out groups.

use super::LocalResponse;
use crate::Tensor;
use crate::ops::{check, check_all};
use gradus_testkit::{Array, Case, Species};

/// Large enough that rounding errors of f32 stay those of the sums.
const EPS: f64 = 0.1;
const SHAPE: [usize; 3] = [4, 6, 5];

pub(crate) fn cases() -> Vec<Case> {
    let mut all = vec![batch_norm(), batch_norm_of_rows(), batch_norm_with()];
    all.extend(rides());
    all.extend([[0, 2, 1], [1, 2, 0]].map(batch_norm_lying));
    all.extend(grouped());
    all.extend([layer_norm(), rms_norm()]);
    all.extend(local_responses());
    all
}

/// x, w and b of so many channels.
fn affine(case: Case, shape: &[usize], channels: usize) -> Case {
    let case = case.input(shape, -2.0..2.0).species(Species::Reduction);
    case.input([channels], 0.5..1.5).input([channels], -1.0..1.0)
}

fn batch_norm() -> Case {
    let case = check_all("batch_norm", |x| {
        let (y, mean, variance) = x[0].batch_norm(&x[1], &x[2], EPS);
        vec![y, mean, variance]
    });
    let case = affine(case, &SHAPE, 6).empty_axis(None);
    case.refuses(&[&[0, 6, 5], &[6], &[6]], "batch_norm: a batch of shape [0, 6, 5] has no mean")
        .refuses(&[&[4, 6, 5], &[5], &[6]], "batch_norm: w must be [6] for x [4, 6, 5], found [5]")
        .oracles_of(|x| {
            let (y, mean, variance) = normalized(&x[0], |at| at[1]);
            let channels = [x[0].shape[1]];
            vec![per_channel(&y, x), Array::new(channels, mean), Array::new(channels, variance)]
        })
}

fn batch_norm_of_rows() -> Case {
    let case = check("batch_norm, of rows", |x| x[0].batch_norm(&x[1], &x[2], EPS).0);
    let case = affine(case, &[6, 3], 3).empty_axis(None);
    case.oracle_of(|x| per_channel(&normalized(&x[0], |at| at[1]).0, x))
}

/// What a step does to the result is done where it is computed.
fn rides() -> Vec<Case> {
    type End = (&'static str, fn(&Tensor, &Tensor) -> Tensor, fn(f64, f64) -> f64);
    let ends: [End; 4] = [
        ("relu", |y, _| y.relu(), |y, _| y.max(0.0)),
        ("sum", |y, r| y + r, |y, r| y + r),
        ("sum, relu", |y, r| (y + r).relu(), |y, r| (y + r).max(0.0)),
        ("tanh", |y, r| (y * r).tanh(), |y, r| (y * r).tanh()),
    ];
    let ridden = ends.map(|(name, end, definition)| {
        let case = check(&format!("batch_norm + {name}"), move |x| {
            let y = x[0].batch_norm(&x[1], &x[2], EPS).0;
            end(&y, x.get(3).unwrap_or(&y))
        });
        let case = affine(case, &SHAPE, 6).empty_axis(None);
        let case = if name == "relu" { case } else { case.input(SHAPE, 0.5..1.5) };
        case.oracle_of(move |x| {
            let y = per_channel(&normalized(&x[0], |at| at[1]).0, x);
            Array::from_fn(SHAPE, |at| definition(y.at(at), x.get(3).map_or(0.0, |r| r.at(at))))
        })
    });
    ridden.into()
}

/// With a relu, of an x that lies in memory with its axes in this order.
fn batch_norm_lying(axes: [isize; 3]) -> Case {
    let mut inverse = [0; 3];
    axes.iter().enumerate().for_each(|(i, &a)| inverse[a as usize] = i as isize);
    let case = check(&format!("batch_norm + relu, lying {axes:?}"), move |x| {
        let stored = x[0].permute(axes) * 1.0;
        stored.permute(inverse).batch_norm(&x[1], &x[2], EPS).0.relu()
    });
    affine(case, &SHAPE, 6).empty_axis(None).oracle_of(|x| {
        let y = per_channel(&normalized(&x[0], |at| at[1]).0, x);
        Array::from_fn(SHAPE, |at| y.at(at).max(0.0))
    })
}

fn batch_norm_with() -> Case {
    let case = check("batch_norm_with", |x| x[0].batch_norm_with(&x[3], &x[4], &x[1], &x[2], EPS));
    let case = affine(case, &SHAPE, 6).input([6], -1.0..1.0).input([6], 0.5..2.0);
    case.empty_axis(None).empty(&[&[0, 6, 5], &[6], &[6], &[6], &[6]]).oracle_of(|x| {
        let unit = Array::from_fn(x[0].shape, |at| {
            let [mean, variance] = [3, 4].map(|i| x[i].values[at[1]]);
            (x[0].at(at) - mean) / (variance + EPS).sqrt()
        });
        per_channel(&unit, x)
    })
}

/// Group norm and instance norm: groups of channels of each sample.
fn grouped() -> [Case; 3] {
    type Norm = fn(&Tensor, &Tensor, &Tensor) -> Tensor;
    let norms: [(&str, usize, [usize; 3], Norm); 3] = [
        ("group_norm", 3, SHAPE, |x, w, b| x.group_norm(3, w, b, EPS)),
        ("group_norm, of many channels", 2, [2, 34, 3], |x, w, b| x.group_norm(2, w, b, EPS)),
        ("instance_norm", 6, SHAPE, |x, w, b| x.instance_norm(w, b, EPS)),
    ];
    norms.map(|(name, groups, [n, channels, l], op)| {
        let case = check(name, move |x| op(&x[0], &x[1], &x[2]));
        let case = affine(case, &[n, channels, l], channels).empty_axis(None);
        case.empty(&[&[0, channels, l], &[channels], &[channels]]).oracle_of(move |x| {
            let group = |at: &[usize]| at[0] * groups + at[1] / (channels / groups);
            per_channel(&normalized(&x[0], group).0, x)
        })
    })
}

fn layer_norm() -> Case {
    let case = check("layer_norm", |x| x[0].layer_norm(&x[1], &x[2], EPS));
    let case = affine(case, &[2, 3, 7], 7).empty_axis(None).empty(&[&[0, 3, 7], &[7], &[7]]);
    let says = "w and b must be x's last axes";
    case.refuses(&[&[2, 3, 7], &[6], &[6]], says).oracle_of(|x| {
        let y = normalized(&x[0], |at| at[0] * 3 + at[1]).0;
        Array::from_fn(y.shape, |at| y.at(at) * x[1].values[at[2]] + x[2].values[at[2]])
    })
}

fn rms_norm() -> Case {
    let case = check("rms_norm", |x| x[0].rms_norm(&x[1], EPS)).input([3, 7], -2.0..2.0);
    let case = case.input([7], 0.5..1.5).species(Species::Reduction).empty_axis(None);
    case.empty(&[&[0, 7], &[7]]).refuses(&[&[3, 7], &[6]], "rms_norm").oracle_of(|x| {
        Array::from_fn(x[0].shape, |at| {
            let square = |j: usize| x[0].at(&[at[0], j]).powi(2);
            let mean = (0..7).map(square).sum::<f64>() / 7.0;
            x[0].at(at) / (mean + EPS).sqrt() * x[1].values[at[1]]
        })
    })
}

/// Odd and even sizes, exponents with a formula of their own and others; and a single element, where an input's stand-in could
/// be the input itself.
fn local_responses() -> Vec<Case> {
    let rules = [
        ([2, 9, 4], 5, 0.75),
        ([2, 6, 3], 4, 0.5),
        ([2, 4, 3], 3, 1.0),
        ([1, 7, 5], 4, 1.3),
        ([1, 1, 1], 3, 0.75),
    ];
    let case = |(shape, size, beta): ([usize; 3], usize, f64)| {
        let rule = LocalResponse { size, scale: 0.3, beta, k: 2.0 };
        let name = format!("local_response_norm, of {size} to the {beta} in {}", shape[1]);
        let case = check(&name, move |x| x[0].local_response_norm(rule)).input(shape, 0.3..2.0);
        case.species(Species::Reduction).oracle_of(move |x| {
            Array::from_fn(x[0].shape, |at| {
                let channels =
                    at[1].saturating_sub(size / 2)..(at[1] + size - size / 2).min(shape[1]);
                let square = |c: usize| x[0].at(&[at[0], c, at[2]]).powi(2);
                let sum: f64 = channels.map(square).sum();
                x[0].at(at) * (rule.k + rule.scale * sum).powf(-beta)
            })
        })
    };
    rules.into_iter().map(case).collect()
}

/// (x − mean)/√(variance + ε) with the statistics of each group, and these.
fn normalized(x: &Array, group: impl Fn(&[usize]) -> usize) -> (Array, Vec<f64>, Vec<f64>) {
    let mut members: Vec<Vec<f64>> = vec![];
    Array::from_fn(x.shape, |at| {
        let g = group(at);
        members.resize(members.len().max(g + 1), vec![]);
        members[g].push(x.at(at));
        0.0
    });
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let means: Vec<f64> = members.iter().map(|values| mean(values)).collect();
    let square = |(values, m): (&Vec<f64>, &f64)| {
        mean(&values.iter().map(|x| (x - m).powi(2)).collect::<Vec<_>>())
    };
    let variances: Vec<f64> = members.iter().zip(&means).map(square).collect();
    let y = Array::from_fn(x.shape, |at| {
        let g = group(at);
        (x.at(at) - means[g]) / (variances[g] + EPS).sqrt()
    });
    (y, means, variances)
}

/// y·w + b, channel by channel.
fn per_channel(y: &Array, x: &[Array]) -> Array {
    Array::from_fn(y.shape, |at| y.at(at) * x[1].values[at[1]] + x[2].values[at[1]])
}
