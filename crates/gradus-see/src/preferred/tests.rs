//! Objectives are climbed, by steps that are right by hand, and what does not exist is named.

use super::*;
use gradus_nn::{Init, Sequential, layers::*};

fn subject() -> Subject {
    let model = Sequential::new([3, 8, 8], &Init::new(3))
        .add(conv2d(4, 3))
        .add(relu())
        .add(max_pool2d(2))
        .add(flatten())
        .add(dense(5));
    Subject::new(model.into()).normalized(&[0.4, 0.5, 0.6], &[0.2, 0.25, 0.3])
}

const SHAPE: [usize; 3] = [3, 8, 8];

#[test]
fn every_objective_is_climbed_by_pixels_and_by_waves() {
    let (subject, layer) = (subject(), || "conv1".to_owned());
    let objectives = [
        Objective::Class(vec![0, 3]),
        Objective::Channel { layer: layer(), units: vec![1] },
        Objective::Neuron { layer: layer(), units: vec![2], place: Some([0, 5]) },
        Objective::Direction { layer: layer(), weights: vec![1.0, -1.0, 0.0, 0.5], pictures: 2 },
        Objective::Caricature { layer: layer(), of: Tensor::randn([1, 3, 8, 8], 2).sigmoid() },
    ];
    for objective in objectives {
        for parameters in [Parameters::Pixels, Parameters::Waves] {
            let ascent = Ascent { steps: 30, parameters, ..Ascent::default() };
            let found = ascent.run(&subject, &SHAPE, &objective).unwrap();
            let end = found.values.iter().sum::<f64>() / found.values.len() as f64;
            assert!(end > found.history[0] + 0.05, "{objective:?} {parameters:?}: {found:?}");
            let pixels = found.pictures.to_vec::<f32>();
            assert!(pixels.iter().all(|x| (0.0..=1.0).contains(x)));
            // The same again, to the bit.
            let again = ascent.run(&subject, &SHAPE, &objective).unwrap();
            assert_eq!(again.pictures.to_vec::<f32>(), pixels);
        }
    }
}

/// A step by hand: along the gradient, as long as the rate says, from the mean on; in both types.
#[test]
fn a_step_goes_along_the_gradient() {
    for (dtype, near) in [(DType::F32, 1e-6), (DType::F64, 1e-12)] {
        let model = Sequential::new([1, 1, 2], &Init::new(0).of(dtype)).add(flatten());
        let model = model.add(dense(1).bias(false));
        let weight = &gradus_nn::parameters(&model)[0].1;
        let values = Tensor::from_slice(&[3.0, -4.0], [2, 1]).cast(dtype);
        weight.variable().set(&values).unwrap();
        let ascent = Ascent { steps: 1, rate: 0.1, noise: 0.0, ..Ascent::default() };
        let subject = Subject::new(model.into()).normalized(&[0.5], &[1.0]);
        let found = ascent.run(&subject, &[1, 1, 2], &Objective::Class(vec![0])).unwrap();
        // (3, −4) has root mean square √12.5.
        let expected = [0.5 + 0.3 / 12.5f64.sqrt(), 0.5 - 0.4 / 12.5f64.sqrt()];
        let pixels = found.pictures.cast(DType::F64).to_vec::<f64>();
        assert_eq!(found.pictures.dtype(), dtype);
        assert!(pixels.iter().zip(expected).all(|(a, b)| (a - b).abs() < near), "{pixels:?}");
        assert_eq!(found.history, [0.0]);
    }
}

#[test]
fn variation_keeps_pictures_smooth_and_diversity_apart() {
    let subject = subject();
    let units = Objective::Class(vec![1, 1, 1]);
    let plain = Ascent { steps: 40, ..Ascent::default() };
    let rough = |ascent: &Ascent| {
        let found = ascent.run(&subject, &SHAPE, &units).unwrap().pictures;
        let maps = subject.watched(&found, &["conv1"]).unwrap().layers.remove(0);
        (variation(&found).item(), likeness(&maps).item())
    };
    let (variation, likeness) = rough(&plain);
    let smooth = Ascent { total_variation: 100.0, ..plain.clone() };
    assert!(rough(&smooth).0 < 0.7 * variation, "{variation}");
    let apart = Ascent { diversity: Some(("conv1".into(), 100.0)), ..plain };
    assert!(rough(&apart).1 < likeness - 0.02, "{likeness}");
}

/// Two flat maps: Gram matrices [[1, 0], [0, 0]] and [[1, 1], [1, 1]], whose cosine is ½; and differences of 1 and 2.
#[test]
fn likeness_and_variation_by_hand() {
    let y = Tensor::from_slice(&[1.0, 0.0, 1.0, 1.0], [2, 2, 1]);
    assert!((likeness(&y).item() - 1.0).abs() < 1e-9);
    let x = Tensor::from_slice(&[0.0, 1.0, 3.0], [1, 1, 1, 3]);
    assert_eq!(variation(&x).item(), 2.5);
}

#[test]
fn what_does_not_exist_is_named() {
    let refused = |ascent: Ascent, objective: Objective| {
        ascent.run(&subject(), &SHAPE, &objective).unwrap_err().to_string()
    };
    let plain = Ascent::default;
    let unit = refused(plain(), Objective::Class(vec![5]));
    assert!(unit.contains("found unit 5, expected one below 5 of scores"), "{unit}");
    let layer = refused(plain(), Objective::Channel { layer: "cnv1".into(), units: vec![0] });
    assert!(layer.contains("the nearest of 5 are conv1"), "{layer}");
    let place = Objective::Neuron { layer: "conv1".into(), units: vec![0], place: Some([6, 0]) };
    let place = refused(plain(), place);
    assert!(place.contains("found place 6, 0, expected one in maps of conv1 [4, 6, 6]"), "{place}");
    let weights = Objective::Direction { layer: "conv1".into(), weights: vec![1.0], pictures: 1 };
    let weights = refused(plain(), weights);
    assert!(weights.contains("found 1 weights, expected 4"), "{weights}");
    let both = Ascent { parameters: Parameters::Waves, prior: PRIORS[0].1, ..plain() };
    assert!(refused(both, Objective::Class(vec![0])).contains("expected one of both"));
}
