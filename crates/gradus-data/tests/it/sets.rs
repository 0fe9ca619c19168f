//! The embedded digits, splits, normalisation, and the generated sets.

use std::collections::BTreeMap;

use expect_test::expect;
use gradus_data::{
    Dataset, ImageDataset, Normalization, Subset, labels_of, mnist_5k, mnist_5k_split,
    stratified_split, toy,
};
use proptest::prelude::*;

use crate::check_message;

fn counts(labels: impl IntoIterator<Item = i64>) -> BTreeMap<i64, usize> {
    labels.into_iter().fold(BTreeMap::new(), |mut counts, label| {
        *counts.entry(label).or_default() += 1;
        counts
    })
}

#[test]
fn embedded_digits() {
    let digits = mnist_5k().unwrap();
    assert_eq!((digits.len(), digits.shape()), (5000, &[1, 28, 28][..]));
    assert!(counts(digits.labels().iter().copied()).values().all(|&n| n == 500));
    let statistics = Normalization::of(&digits).unwrap();
    // The mean and deviation of all 60,000 training digits are 0.1307 and 0.3081.
    assert!((statistics.mean()[0] - 0.1307).abs() < 0.003, "{statistics:?}");
    assert!((statistics.std()[0] - 0.3081).abs() < 0.003, "{statistics:?}");
}

#[test]
fn the_split_of_the_digits_is_fixed() {
    let (train, test) = mnist_5k_split().unwrap();
    assert_eq!((train.len(), test.len()), (4000, 1000));
    assert!(counts(labels_of(&test)).values().all(|&n| n == 100));
    assert!(train.indices().iter().all(|i| test.indices().binary_search(i).is_err()));
    expect!["[2, 12, 19, 26, 33, 34, 35, 37, 39, 45, 48, 49]"]
        .assert_eq(&format!("{:?}", &test.indices()[..12]));
}

proptest! {
    #[test]
    fn splits_are_stratified(
        labels in prop::collection::vec(0i64..4, 0..60),
        share in 0.0f64..=1.0,
        seed: u64,
    ) {
        let held_out = (labels.len() as f64 * share) as usize;
        let (kept, held) = stratified_split(&labels, held_out, seed).unwrap();
        prop_assert_eq!(held.len(), held_out);
        let mut all = [&kept[..], &held[..]].concat();
        all.sort();
        prop_assert!(all.iter().copied().eq(0..labels.len()));
        let sizes = counts(labels.iter().copied());
        let got = counts(held.iter().map(|&i| labels[i]));
        for (label, size) in sizes {
            let fair = size as f64 * held_out as f64 / labels.len() as f64;
            let got = *got.get(&label).unwrap_or(&0) as f64;
            prop_assert!((got - fair).abs() < 1.0, "class {label}: {got} of {fair}");
        }
    }
}

#[test]
fn messages() {
    let classes = || vec!["a".to_string(), "b".into()];
    let new = |pixels: usize, labels: &[i64]| {
        ImageDataset::new("set", [1, 2, 2], vec![0; pixels], labels.to_vec(), classes())
    };
    check_message(
        new(7, &[0, 1]),
        expect!["set: images: found 7 bytes, expected 2 labels × 1×2×2, each size positive"],
    );
    check_message(new(8, &[0, 2]), expect!["set: sample 1 has label 2, expected 0..2 (2 classes)"]);
    check_message(
        new(8, &[-1, 0]),
        expect!["set: sample 0 has label -1, expected 0..2 (2 classes)"],
    );
    check_message(
        stratified_split(&[0, 1], 3, 0),
        expect!["held-out samples: found 3, expected at most 2, the number of samples"],
    );
    let wide = ImageDataset::new("wide", [1, 2, 3], vec![0; 6], vec![0], classes()).unwrap();
    check_message(
        new(8, &[0, 1]).unwrap().concat(&wide),
        expect![
            "wide: images: found shape [1, 2, 3] and 2 classes, expected [1, 2, 2] and 2 as in set"
        ],
    );
}

#[test]
fn normalization_gives_zero_mean_and_unit_variance() {
    let pixels: Vec<u8> =
        (0..2 * 2 * 8).map(|i| (i * i % 97) as u8 + 3 * (i as u8 / 8 % 2)).collect();
    let set = ImageDataset::new("set", [2, 2, 4], pixels, vec![0, 0], vec!["a".into()]).unwrap();
    let normalization = Normalization::of(&set).unwrap();
    let mut samples = [0.0; 32];
    for (index, sample) in samples.chunks_mut(16).enumerate() {
        set.read(index, sample).unwrap();
        normalization.apply(sample);
    }
    for channel in 0..2 {
        let of_channel: Vec<f32> =
            samples.chunks(8).skip(channel).step_by(2).flatten().copied().collect();
        let mean = of_channel.iter().sum::<f32>() / 16.0;
        let variance = of_channel.iter().map(|x| x * x).sum::<f32>() / 16.0;
        assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-4, "{mean} {variance}");
    }
    let grey = ImageDataset::new("grey", [1, 1, 2], vec![9; 2], vec![0], vec!["a".into()]).unwrap();
    assert_eq!(Normalization::of(&grey).unwrap().std(), [1.0], "a constant channel");
}

#[test]
fn generated_sets_are_seeded_and_balanced() {
    for name in toy::NAMES {
        let set = toy::generate(name, 300, 0.1, 4).unwrap();
        assert_eq!(set, toy::generate(name, 300, 0.1, 4).unwrap(), "{name}");
        if name != "moons" {
            assert_ne!(set, toy::generate(name, 300, 0.1, 5).unwrap(), "{name}");
        }
        assert_eq!(set.len(), 300);
        let counts = counts(labels_of(&set));
        assert_eq!(counts.len(), set.classes().len(), "{name}: {counts:?}");
        assert!(counts.values().all(|&n| n >= 60), "{name}: {counts:?}");
        assert!(set.points.iter().flatten().all(|x| x.is_finite()));
    }
    assert!(toy::generate("cube", 10, 0.0, 0).is_none());
    assert!(toy::NAMES.iter().all(|name| toy::generate(name, 0, 0.0, 0).unwrap().is_empty()));
}

#[test]
fn generated_sets_have_their_shapes() {
    let radius = |[x, y]: [f32; 2]| x.hypot(y);
    let circle = toy::circle(500, 0.0, 1);
    for (&point, &target) in circle.points.iter().zip(&circle.targets) {
        assert!(if target > 0.0 {
            radius(point) < 2.5
        } else {
            (3.5..5.0).contains(&radius(point))
        });
    }
    let xor = toy::xor(500, 0.0, 1);
    for (&[x, y], &target) in xor.points.iter().zip(&xor.targets) {
        assert!(x.abs() >= 0.3 && y.abs() >= 0.3 && (x * y >= 0.0) == (target > 0.0));
    }
    let plane = toy::plane(500, 0.0, 1);
    for (&[x, y], &target) in plane.points.iter().zip(&plane.targets) {
        assert!(((x + y) / 10.0 - target).abs() < 1e-6);
    }
    let bumps = toy::multi_gauss(2000, 0.0, 1);
    let near = |x: f32, y: f32| {
        let close = |p: &[f32; 2]| (p[0] - x).hypot(p[1] - y) < 0.3;
        bumps.targets[bumps.points.iter().position(close).unwrap()]
    };
    assert!(near(4.0, 2.5) > 0.8 && near(0.0, 2.5) < -0.8 && near(0.0, -2.5) > 0.8);
    let arms = toy::spiral3(100, 0.2, 1);
    assert_eq!((arms.points[0], labels_of(&arms)[250]), ([0.0, 0.0], 2));
    assert!((radius(arms.points[299]) - 1.0).abs() < 1e-6);
    let spiral = toy::spiral(100, 0.0, 1);
    let [a, b] = [spiral.points[30], spiral.points[80]];
    assert!((a[0] + b[0]).abs() < 1e-6 && (a[1] + b[1]).abs() < 1e-6, "arms face each other");
}

#[test]
fn subsets_map_indices() {
    let digits: std::sync::Arc<dyn Dataset> = std::sync::Arc::new(mnist_5k().unwrap());
    let subset = Subset::new(digits.clone(), vec![4999, 0]).unwrap();
    assert_eq!((subset.label(0), subset.label(1), subset.len()), (9, 0, 2));
    let (mut a, mut b) = (vec![0.0; 784], vec![1.0; 784]);
    subset.read(0, &mut a).unwrap();
    digits.read(4999, &mut b).unwrap();
    assert_eq!(a, b);
}
