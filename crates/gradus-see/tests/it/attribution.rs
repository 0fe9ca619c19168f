//! What attributions promise: what they add up to, what they refuse, and what chance changes.

use super::without_gradient;
use gradus_nn::{Init, Sequential, layers::*};
use gradus_see::attribution::*;
use gradus_see::{Ascent, Objective, Subject};
use gradus_tensor::Tensor;

fn network(seed: u64) -> Subject {
    let model = Sequential::new([1, 8, 8], &Init::new(seed))
        .add(conv2d(4, 3))
        .add(relu())
        .add(conv2d(6, 3))
        .add(relu())
        .add(flatten())
        .add(dense(3));
    Subject::new(model.into()).normalized(&[0.5], &[0.25])
}

fn pictures() -> Tensor {
    Tensor::rand([3, 1, 8, 8], 5)
}

const CLASSES: [usize; 3] = [0, 2, 1];

/// The score of every set of squares, and each square's mean gain over all orders, by its definition.
#[test]
fn all_sets_tried_give_shapley_values() {
    let (subject, x) = (network(0), pictures().slice(0, ..1));
    let squares = grid([8, 8], 4).unwrap();
    let score = |set: usize| {
        let there = squares.labels.iter().map(|&k| (set >> k & 1) as f32).collect::<Vec<_>>();
        subject.scores(&(&x * Tensor::from_slice(&there, [1, 1, 8, 8]))).select(1, 2).item()
    };
    let scores: Vec<f64> = (0..16).map(score).collect();
    let factorial = |n: usize| (1..=n).product::<usize>() as f64;
    let shapley = |k: usize| {
        let without = (0..16usize).filter(|set| set >> k & 1 == 0);
        let weighed = without.map(|set| {
            let size = set.count_ones() as usize;
            let weight = factorial(size) * factorial(3 - size) / factorial(4);
            weight * (scores[set | 1 << k] - scores[set])
        });
        weighed.sum::<f64>()
    };
    let found = KernelShap::default().of(&subject, &x, 2, &squares).unwrap();
    for (k, value) in found.iter().enumerate() {
        assert!((value - shapley(k)).abs() < 1e-5, "square {k}: {value}, {}", shapley(k));
    }
    assert!((found.iter().sum::<f64>() - scores[15] + scores[0]).abs() < 1e-6);
}

/// Drawn sets come near, and nearer the more there are; too few do not tell squares apart.
#[test]
fn drawn_sets_come_near_shapley_values() {
    let (subject, x) = (network(0), pictures().slice(0, ..1));
    let squares = grid([8, 8], 2).unwrap();
    let off = |samples: usize, seed: u64| {
        let shap = |samples, seed| KernelShap { samples, seed, fill: 0.0 };
        let many = shap(20_000, 99).of(&subject, &x, 2, &squares).unwrap();
        let few = shap(samples, seed).of(&subject, &x, 2, &squares).unwrap();
        many.iter().zip(few).map(|(a, b)| (a - b).powi(2)).sum::<f64>()
    };
    assert!(off(4000, 1) < off(200, 1) / 4.0);
    let few = KernelShap { samples: 8, ..KernelShap::default() };
    let e = few.of(&subject, &x, 2, &squares).unwrap_err().to_string();
    assert!(e.starts_with("segments: 8 samples do not tell 15 segments apart"), "{e}");
}

#[test]
fn integrated_gradients_are_complete_where_they_are_many() {
    let (subject, x) = (network(1), pictures());
    // The gain of a class may be near 0, and any error large beside it.
    let error = |steps| {
        let how = IntegratedGradients { steps };
        let found = how.of(&subject, &x, &CLASSES, &Tensor::zeros([1, 1, 1, 1])).unwrap();
        let off = found.gain.iter().zip(&found.completeness).map(|(gain, off)| gain.abs() * off);
        off.sum::<f64>() / found.gain.iter().map(|gain| gain.abs()).sum::<f64>()
    };
    assert!(error(300) < 0.01, "{}", error(300));
    assert!(error(300) < error(2));
    let way = IntegratedGradients::default();
    assert!(way.of(&subject, &x, &CLASSES, &Tensor::zeros([2, 1, 8, 8])).is_err());
}

/// Of a linear network all of these are the same: the weights times the picture.
#[test]
fn a_linear_network_is_explained_alike_by_all() {
    let model = Sequential::new([1, 4, 4], &Init::new(3)).add(flatten()).add(dense(3));
    let (subject, x) = (Subject::new(model.into()), Tensor::rand([1, 1, 4, 4], 1));
    let plain = gradient_x_input(&subject, &x, &[1]).unwrap().to_vec::<f64>();
    let pixels = Segments::new(&(0..16).collect::<Vec<_>>(), [4, 4]).unwrap();
    let others = [
        IntegratedGradients { steps: 1 }.of(&subject, &x, &[1], &x.zeros_like()).unwrap().map,
        Occlusion { size: [1, 1], stride: [1, 1], fill: 0.0 }.of(&subject, &x, &[1]).unwrap(),
        SmoothGrad { samples: 2, ..SmoothGrad::default() }.of(&subject, &x, &[1]).unwrap() * &x,
        layer_relevance(&subject, &x, &[1], 1e-9).unwrap(),
        Tensor::from_slice(&KernelShap::default().of(&subject, &x, 1, &pixels).unwrap(), [16]),
    ];
    for (i, other) in others.iter().enumerate() {
        for (a, b) in plain.iter().zip(other.to_vec::<f64>()) {
            assert!((a - b).abs() < 1e-4, "method {i}: {a}, {b}");
        }
    }
}

/// Pieces of a large batch give what single pictures give.
#[test]
fn a_batch_is_explained_as_its_pictures_are() {
    let (subject, x) = (network(2), Tensor::rand([130, 1, 8, 8], 8));
    let classes: Vec<usize> = (0..130).map(|i| i % 3).collect();
    let all = saliency(&subject, &x, &classes).unwrap();
    let cams = grad_cam(&subject, &x, &classes, "relu2").unwrap();
    for i in [0, 65, 129] {
        let one = x.slice(0, i..i + 1);
        let same = |batch: &Tensor, alone: Tensor| {
            let (a, b) = (batch.select(0, i).to_vec::<f64>(), alone.to_vec::<f64>());
            a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
        };
        assert!(same(&all, saliency(&subject, &one, &[i % 3]).unwrap()));
        assert!(same(&cams, grad_cam(&subject, &one, &[i % 3], "relu2").unwrap()));
    }
}

#[test]
fn random_weights_change_what_depends_on_them() {
    let x = pictures();
    let map = |seed| gradient_x_input(&network(seed), &x, &CLASSES).unwrap();
    assert!(sanity(&map(0), &map(1)).unwrap().correlation.abs() < 0.5);
    assert_eq!(sanity(&map(0), &map(0)).unwrap().correlation, 1.0);
}

#[test]
fn what_cannot_be_explained_is_refused_in_one_line() {
    let (subject, x) = (network(0), pictures());
    let said = |e: gradus_see::Error| e.to_string().lines().next().unwrap_or("").to_owned();
    let e = saliency(&subject, &x, &[0, 1, 3]).unwrap_err();
    assert_eq!(said(e), "class: found 3, the network has 3, 0 to 2");
    let e = saliency(&subject, &x, &[0]).unwrap_err();
    assert_eq!(said(e), "class: found 1 classes for pictures [3, 1, 8, 8], expected one for each");
    let e = grad_cam(&subject, &x, &CLASSES, "relu").unwrap_err();
    let nearest = "layer: found no layer \"relu\"; the nearest of 6 are relu1, relu2, conv1";
    assert_eq!(said(e), nearest);
    let e = neuron_gradient(&subject, &x, "conv2", 6).unwrap_err();
    assert_eq!(said(e), "unit: found unit 6, layer \"conv2\" has 6, 0 to 5");
    let patch = Occlusion { size: [9, 2], stride: [1, 1], fill: 0.0 };
    assert!(
        said(patch.of(&subject, &x, &CLASSES).unwrap_err())
            .starts_with("occlusion: found a patch of 9×2")
    );
    let gated = Sequential::new([4], &Init::new(0)).add(dense(4)).add(sigmoid()).add(dense(2));
    let e = layer_relevance(&Subject::new(gated.into()), &Tensor::ones([1, 4]), &[1], 1e-9);
    assert!(said(e.unwrap_err()).starts_with("sigmoid: relevances cannot cross it"));
}

/// Two halves of two colours are two groups of segments; none lies in both.
#[test]
fn superpixels_keep_to_colours() {
    let pixel = |i: usize| if i % 16 < 7 { 0.1f32 } else { 0.9 };
    let picture: Vec<f32> = (0..3 * 16 * 16).map(pixel).collect();
    let found = slic(&Tensor::from_slice(&picture, [3, 16, 16]), 8, 0.1).unwrap();
    assert!((4..=12).contains(&found.count), "{}", found.count);
    let side = |left: bool| {
        let of_side = (0..256).filter(|i| (i % 16 < 7) == left).map(|i| found.labels[i]);
        of_side.collect::<std::collections::BTreeSet<_>>()
    };
    assert!(side(true).is_disjoint(&side(false)));
    assert!(slic(&Tensor::ones([16, 16]), 8, 0.1).is_err());
}

/// Between pixels of a small map values go straight, and the border's stay.
#[test]
fn maps_are_enlarged_bilinearly() {
    let map = Tensor::from_slice(&[0.0f32, 4.0], [1, 1, 1, 2]);
    assert_eq!(enlarged(&map, [2, 4]).to_vec::<f32>(), [0.0, 1.0, 3.0, 4.0, 0.0, 1.0, 3.0, 4.0]);
}

/// Whoever asks for a gradient is told which op has none; who asks for scores only is answered.
#[test]
fn an_op_without_a_gradient_is_named() {
    let (subject, x) = (without_gradient(), Tensor::full([1, 1, 2, 2], 0.5));
    let named = |told: String| assert!(told.starts_with("floor: has no gradient"), "{told}");
    named(saliency(&subject, &x, &[1]).unwrap_err().to_string());
    let black = x.zeros_like();
    named(
        IntegratedGradients { steps: 4 }.of(&subject, &x, &[1], &black).err().unwrap().to_string(),
    );
    named(SmoothGrad::default().of(&subject, &x, &[1]).unwrap_err().to_string());
    let how = LayerAttribution::Conductance { steps: 4 };
    named(layer_attribution(&subject, &x, &[1], "dense1", how, &black).unwrap_err().to_string());
    let ascent = Ascent { steps: 2, ..Ascent::default() };
    named(ascent.run(&subject, &[1, 2, 2], &Objective::Class(vec![1])).err().unwrap().to_string());
    let patch = Occlusion { size: [1, 1], stride: [1, 1], fill: 0.0 };
    assert!(patch.of(&subject, &x, &[1]).is_ok());
}
