//! Drawings in MNIST's form, and pictures that fool.

use super::super::data::{Unusable, as_mnist};
use super::*;

/// A black block on white paper, or light on dark.
fn block(size: usize, rows: [usize; 2], columns: [usize; 2], paper: bool) -> Vec<u8> {
    let inside = |i: usize| {
        (rows[0]..rows[1]).contains(&(i / size)) && (columns[0]..columns[1]).contains(&(i % size))
    };
    (0..size * size).map(|i| if inside(i) == paper { 0 } else { 255 }).collect()
}

#[test]
fn a_block_becomes_twenty_pixels_tall_in_the_middle() {
    for paper in [false, true] {
        let drawing = block(200, [20, 120], [100, 150], paper);
        let pixels = as_mnist(&drawing, 200, 200).expect("a drawing");
        for (i, pixel) in pixels.iter().enumerate() {
            let inside = (4..24).contains(&(i / 28)) && (9..19).contains(&(i % 28));
            assert_eq!(*pixel, if inside { 255 } else { 0 }, "{i}");
        }
    }
}

#[test]
fn a_digit_of_the_data_stays_itself() {
    let mut same = 0;
    for test in 0..200 {
        let picture = digits().picture(digits().test[test]);
        let again = as_mnist(picture, 28, 28).expect("a drawing");
        let product = |a: &[u8], b: &[u8]| -> f64 {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let both = (product(&again, &again) * product(picture, picture)).sqrt();
        let alike = product(&again, picture) / both;
        same += usize::from(alike > 0.999);
    }
    // Where a rim is fainter than paper may be, the ink is a pixel smaller than MNIST had it.
    assert!(same >= 195, "{same} of 200");
}

#[test]
fn nothing_and_far_too_much_are_no_drawings() {
    assert_eq!(as_mnist(&[0; 100], 10, 10), Err(Unusable::Empty));
    assert_eq!(as_mnist(&[255; 100], 10, 10), Err(Unusable::Empty));
    assert_eq!(as_mnist(&[0; 100], 10, 11), Err(Unusable::Size));
    assert_eq!(as_mnist(&[0; 2000], 2000, 1), Err(Unusable::Size));
}

#[test]
fn an_attack_stays_within_epsilon_and_reaches_its_target() {
    let mut page = page();
    work(&mut page, 300);
    // A digit that is read rightly.
    let pictures = digits().test.iter().filter(|index| digits().label(**index) == 3);
    let of = |index: &u32| digits().picture(*index).to_vec();
    let pixels = pictures.map(of).find(|pixels| {
        let light: Vec<f32> = data::light(pixels).collect();
        largest(&page.network.predict(&light)) == 3
    });
    let pixels = pixels.expect("a three that is read as one");
    let mut attack = |epsilon| {
        let command = Command::Attack { pixels: pixels.clone(), target: 8, epsilon };
        match answer(&mut page, command) {
            Event::Attacked { change, before, after, steps, .. } => (change, before, after, steps),
            other => panic!("{other:?}"),
        }
    };
    let (change, before, after, steps) = attack(0.25);
    assert!(change.iter().all(|by| by.abs() <= 0.25 + 1e-6) && (1..=12).contains(&steps));
    assert_eq!((largest(&before), largest(&after)), (3, 8));
    let (change, before, after, steps) = attack(0.0);
    assert_eq!((before, steps, change.iter().all(|by| *by == 0.0)), (after, 0, true));
}
