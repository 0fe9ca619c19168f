//! Augmentations on small images whose result can be seen.

use gradus_data::{
    Affine, Augment, CenterCrop, ColorJitter, HorizontalFlip, RandomCrop, rng_for_augment,
};

fn apply(augment: &dyn Augment, input: &[f32], shape: [usize; 3], sample: usize) -> Vec<f32> {
    let len = augment.output_shape(shape).unwrap().iter().product();
    let mut output = vec![f32::NAN; len];
    augment.apply(input, shape, &mut output, &mut rng_for_augment(1, 0, sample, 0));
    output
}

fn ramp(n: usize) -> Vec<f32> {
    (1..=n).map(|i| i as f32).collect()
}

#[test]
fn random_crops_are_windows_of_the_padded_image() {
    let (h, w, padding) = (3, 4, 2);
    let image = ramp(2 * h * w);
    let crop = RandomCrop { height: 2, width: 5, padding };
    let mut seen = std::collections::HashSet::new();
    for sample in 0..300 {
        let output = apply(&crop, &image, [2, h, w], sample);
        let window = |top: usize, left: usize| {
            let at = |c: usize, y: usize, x: usize| match (
                y.checked_sub(padding),
                x.checked_sub(padding),
            ) {
                (Some(y), Some(x)) if y < h && x < w => image[(c * h + y) * w + x],
                _ => 0.0,
            };
            let mut all = Vec::new();
            for c in 0..2 {
                for y in 0..2 {
                    all.extend((0..5).map(|x| at(c, top + y, left + x)));
                }
            }
            all
        };
        let places = (0..6).flat_map(|top| (0..4).map(move |left| (top, left)));
        seen.insert(places.into_iter().find(|&(t, l)| window(t, l) == output).expect("a window"));
    }
    // Of the 6 × 4 places, the 8 in the padding above and below look alike.
    assert_eq!(seen.len(), 17, "every place occurs");
}

#[test]
fn center_crop_takes_the_middle() {
    let crop = CenterCrop { height: 1, width: 2 };
    assert_eq!(apply(&crop, &ramp(12), [1, 3, 4], 0), [6.0, 7.0]);
    assert!(CenterCrop { height: 4, width: 2 }.output_shape([1, 3, 4]).is_err());
}

#[test]
fn half_of_the_images_are_mirrored() {
    let image = ramp(6);
    let mirrored = [3.0, 2.0, 1.0, 6.0, 5.0, 4.0];
    let outputs = (0..1000).map(|sample| apply(&HorizontalFlip, &image, [1, 2, 3], sample));
    let count = outputs
        .filter(|o| {
            o == &mirrored || {
                assert_eq!(o, &image);
                false
            }
        })
        .count();
    assert!((450..550).contains(&count), "{count}");
}

#[test]
fn affine_at_rest_is_the_identity() {
    let rest = Affine { degrees: 0.0, shift: 0.0, scale: 0.0 };
    assert_eq!(apply(&rest, &ramp(24), [2, 3, 4], 0), ramp(24));
}

#[test]
fn affine_moves_a_blob_by_at_most_its_amounts() {
    // The centre of mass of one bright pixel, far from the border, tells the shift.
    let mut image = vec![0.0; 15 * 15];
    image[7 * 15 + 7] = 1.0;
    let shift = Affine { degrees: 180.0, shift: 3.0, scale: 0.0 };
    let mut farthest: f32 = 0.0;
    for sample in 0..200 {
        let output = apply(&shift, &image, [1, 15, 15], sample);
        let mass: f32 = output.iter().sum();
        let moment = |of: fn(usize) -> usize| {
            output.iter().enumerate().map(|(i, x)| of(i) as f32 * x).sum::<f32>() / mass - 7.0
        };
        let (dy, dx) = (moment(|i| i / 15), moment(|i| i % 15));
        assert!(mass > 0.4 && dy.abs() < 3.6 && dx.abs() < 3.6, "{mass} {dy} {dx}");
        farthest = farthest.max(dy.abs());
    }
    assert!(farthest > 2.0, "{farthest}");
}

#[test]
fn color_jitter_stays_in_range_and_rests_at_zero() {
    let image: Vec<f32> = (0..48).map(|i| i as f32 / 47.0).collect();
    let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
    let rest = ColorJitter { brightness: 0.0, contrast: 0.0, saturation: 0.0 };
    assert!(close(&apply(&rest, &image, [3, 4, 4], 0), &image));
    let strong = ColorJitter { brightness: 0.9, contrast: 0.9, saturation: 0.9 };
    for sample in 0..50 {
        let output = apply(&strong, &image, [3, 4, 4], sample);
        assert!(output.iter().all(|x| (0.0..=1.0).contains(x)) && !close(&output, &image));
    }
    assert!(ColorJitter { brightness: 2.0, ..rest }.output_shape([3, 4, 4]).is_err());
}
