//! A picture, its mask and its boxes turn together.

use std::sync::Arc;

use expect_test::expect;
use gradus_data::{
    Affine, Augment, CenterCrop, ColorJitter, DType, FieldSpec, HorizontalFlip, InMemory, Motion,
    Normalization, Normalize, OnFields, Padding, PcaColor, RandomCrop, RandomResizedCrop,
    RecordBatch, RecordLoader, RecordOptions, Resize, Result, Rng, Sample, ScaleJitter, Transform,
    rng_for_augment,
};

use crate::check_message;

const SIDE: usize = 24;
const SAMPLES: usize = 40;

/// Pictures with a bright rectangle each, with a mask of it (of class 7) and a box about it.
fn rectangles() -> InMemory {
    let (mut pictures, mut masks, mut boxes) = (vec![], vec![], vec![]);
    for sample in 0..SAMPLES {
        let (top, left) = (6 + sample % 5, 7 + sample % 3);
        let (bottom, right) = (top + 4 + sample % 4, left + 6);
        boxes.push([left, top, right, bottom].map(|edge| edge as f32));
        for y in 0..SIDE {
            for x in 0..SIDE {
                let inside = (top..bottom).contains(&y) && (left..right).contains(&x);
                pictures.push(if inside { 1.0f32 } else { 0.0 });
                masks.push(if inside { 7i64 } else { 0 });
            }
        }
    }
    let three: Vec<f32> =
        pictures.chunks(SIDE * SIDE).flat_map(|plane| [plane, plane, plane].concat()).collect();
    InMemory::new()
        .field("x", &[3, SIDE, SIDE], &three)
        .and_then(|data| data.field("mask", &[SIDE, SIDE], &masks))
        .and_then(|data| data.ragged_rows("boxes", &[4], boxes))
        .and_then(|data| data.ragged("classes", vec![[7i64]; SAMPLES]))
        .unwrap()
}

fn padding() -> Vec<(gradus_data::Name, Padding)> {
    let empty = Padding { empty: true, ..Padding::default() };
    vec![("boxes".into(), empty), ("classes".into(), Padding::along("boxes"))]
}

fn changed(transforms: Vec<Arc<dyn Transform>>, epoch: u64) -> RecordBatch {
    let options = RecordOptions {
        batch_size: SAMPLES,
        seed: 5,
        workers: 0,
        transforms,
        padding: padding(),
        ..RecordOptions::default()
    };
    let loader = RecordLoader::new(rectangles(), options).unwrap();
    let batch = loader.epoch(epoch).next().unwrap().unwrap();
    (*batch).clone()
}

fn together(augment: impl Augment + 'static) -> OnFields {
    OnFields::new(augment, ["x"]).mask("mask").boxes("boxes", &["classes"])
}

/// How many pixels of the picture (above one half) and of its mask differ, of so many that are bright.
fn differing(batch: &RecordBatch) -> (usize, usize) {
    let (x, mask) = (batch.get("x").unwrap(), batch.get("mask").unwrap());
    let area = x.shape[2] * x.shape[3];
    assert_eq!(mask.shape, [SAMPLES, x.shape[2], x.shape[3]]);
    let (x, mask) = (x.values.as_slice::<f32>().unwrap(), mask.values.as_slice::<i64>().unwrap());
    let pairs = x.chunks(3 * area).flat_map(|picture| &picture[..area]).zip(mask);
    let off = pairs.clone().filter(|(x, mask)| (**x > 0.5) != (**mask == 7)).count();
    (off, pairs.filter(|(x, _)| **x > 0.5).count())
}

/// The largest distance of a box from the edges of what its mask shows.
fn farthest(batch: &RecordBatch) -> f32 {
    let (mask, boxes) = (batch.get("mask").unwrap(), batch.get("boxes").unwrap());
    let lengths = batch.get("lengths").unwrap().values.as_slice::<i64>().unwrap();
    let (h, w) = (mask.shape[1], mask.shape[2]);
    let masks = mask.values.as_slice::<i64>().unwrap().chunks(h * w);
    let boxes = boxes.values.as_slice::<f32>().unwrap().chunks(4);
    let mut farthest: f32 = 0.0;
    for ((mask, own), &length) in masks.zip(boxes).zip(lengths) {
        let bright: Vec<usize> = (0..h * w).filter(|&i| mask[i] == 7).collect();
        if bright.is_empty() || length == 0 {
            assert!(bright.len() < 4, "a box is gone only with its mask");
            continue;
        }
        let edges = |at: &dyn Fn(usize) -> usize| {
            let all = bright.iter().map(|&i| at(i));
            (all.clone().min().unwrap() as f32, all.max().unwrap() as f32 + 1.0)
        };
        let ((left, right), (top, bottom)) = (edges(&|i| i % w), edges(&|i| i / w));
        for (a, b) in own.iter().zip([left, top, right, bottom]) {
            farthest = farthest.max((a - b).abs());
        }
    }
    farthest
}

/// What moves pixels exactly moves picture, mask and box exactly; what lies between pixels is off by a part of one at edges.
#[test]
fn masks_and_boxes_go_where_the_picture_goes() {
    let exact: [OnFields; 3] = [
        together(HorizontalFlip),
        together(RandomCrop { height: 20, width: 22, padding: 3 }),
        together(CenterCrop { height: 19, width: 21 }),
    ];
    for augment in exact {
        let batch = changed(vec![Arc::new(augment)], 1);
        assert_eq!(differing(&batch).0, 0);
        assert_eq!(farthest(&batch), 0.0);
    }
    let between: [OnFields; 4] = [
        together(Affine { degrees: 0.0, shift: 4.0, scale: 0.2 }),
        together(Resize { size: 33 }),
        together(ScaleJitter { low: 20, high: SIDE, size: 20 }),
        together(RandomResizedCrop { area: (0.5, 1.0), ..RandomResizedCrop::new(24) }),
    ];
    for augment in between {
        let batch = changed(vec![Arc::new(augment)], 1);
        let (off, bright) = differing(&batch);
        assert!(off * 12 < bright, "{off} of {bright} pixels");
        assert!(farthest(&batch) < 1.0, "{}", farthest(&batch));
    }
    // Turned, the box is the upright one about the turned one.
    let batch =
        changed(vec![Arc::new(together(Affine { degrees: 30.0, shift: 2.0, scale: 0.1 }))], 1);
    let (off, bright) = differing(&batch);
    assert!(off * 12 < bright, "{off} of {bright} pixels");
    assert!(farthest(&batch) < 1.5, "{}", farthest(&batch));
}

#[test]
fn a_mask_gets_no_new_values() {
    let all: Vec<Arc<dyn Transform>> = vec![
        Arc::new(together(Affine { degrees: 90.0, shift: 6.0, scale: 0.3 })),
        Arc::new(together(RandomResizedCrop::new(17))),
        Arc::new(together(HorizontalFlip)),
    ];
    for epoch in 0..4 {
        let batch = changed(all.clone(), epoch);
        let mask = batch.get("mask").unwrap().values.as_slice::<i64>().unwrap();
        assert!(mask.contains(&7) && mask.iter().all(|class| [0, 7].contains(class)));
        let classes = batch.get("classes").unwrap().values.as_slice::<i64>().unwrap();
        let lengths = batch.get("lengths").unwrap().values.as_slice::<i64>().unwrap();
        assert!(classes.iter().zip(lengths).all(|(class, there)| *class == 7 * there));
    }
    // What comes from outside is what was asked for.
    let crop = RandomCrop { height: SIDE, width: SIDE, padding: SIDE };
    let ignored = OnFields::new(crop, ["x"]).mask_or("mask", -100.0);
    let batch = changed(vec![Arc::new(ignored)], 0);
    let mask = batch.get("mask").unwrap().values.as_slice::<i64>().unwrap();
    assert!([0, 7, -100].iter().all(|class| mask.contains(class)));
    assert!(mask.iter().all(|class| [0, 7, -100].contains(class)));
}

#[test]
fn a_box_outside_is_gone_with_its_row() {
    let crop = together(CenterCrop { height: 8, width: 2 });
    let data = InMemory::new()
        .field("x", &[1, 8, 8], &[0.5f32; 64])
        .and_then(|data| data.field("mask", &[1, 8, 8], &[1u8; 64]))
        .and_then(|data| {
            let boxes = [0.0f32, 0.0, 2.0, 8.0, 2.0, 1.0, 4.0, 3.0, 4.0, 0.0, 9.0, 9.0];
            data.ragged_rows("boxes", &[4], [boxes])
        })
        .and_then(|data| data.ragged_rows("classes", &[2], [[1i64, 1, 2, 2, 3, 3]]))
        .unwrap();
    let transforms: Vec<Arc<dyn Transform>> = vec![Arc::new(crop)];
    let options = RecordOptions { transforms, padding: padding(), ..RecordOptions::default() };
    let batch = RecordLoader::new(data, options).unwrap().epoch(0).next().unwrap().unwrap();
    let boxes = batch.get("boxes").unwrap();
    assert_eq!(boxes.values.as_slice(), Some(&[0.0f32, 1.0, 1.0, 3.0, 1.0, 0.0, 2.0, 8.0][..]));
    assert_eq!(batch.get("classes").unwrap().values.as_slice(), Some(&[2i64, 2, 3, 3][..]));
    assert_eq!(batch.get("mask").unwrap().shape, [1, 1, 8, 2]);
}

#[test]
fn colours_touch_the_picture_only() {
    let plain = changed(vec![], 0);
    let jitter = ColorJitter { brightness: 0.5, contrast: 0.5, saturation: 0.5 };
    let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let pca = PcaColor { deviation: 0.1, spread: [1.0; 3], axes };
    for augment in [Arc::new(jitter) as Arc<dyn Augment>, Arc::new(pca)] {
        let batch = changed(vec![Arc::new(together(augment))], 0);
        assert_ne!(batch.get("x").unwrap(), plain.get("x").unwrap());
        for name in ["mask", "boxes", "classes"] {
            assert_eq!(batch.get(name).unwrap(), plain.get(name).unwrap());
        }
    }
}

#[test]
fn pictures_turn_by_one_draw() {
    let picture: Vec<f32> = (0..32).map(|i| i as f32).collect();
    let data = InMemory::new()
        .field("left", &[2, 4, 4], &picture)
        .and_then(|data| data.field("right", &[2, 4, 4], &picture))
        .and_then(|data| data.field("alone", &[2, 4, 4], &picture))
        .unwrap();
    let turn = || Affine { degrees: 40.0, shift: 2.0, scale: 0.4 };
    let transforms: Vec<Arc<dyn Transform>> = vec![
        Arc::new(OnFields::new(turn(), ["left", "right"])),
        Arc::new(OnFields::new(turn(), ["alone"])),
    ];
    let options = RecordOptions { transforms, ..RecordOptions::default() };
    let loader = RecordLoader::new(data, options).unwrap();
    for epoch in 0..5 {
        let batch = loader.epoch(epoch).next().unwrap().unwrap();
        let of = |name: &str| batch.get(name).unwrap().values.clone();
        assert_eq!(of("left"), of("right"));
        assert_ne!(of("left"), of("alone"));
    }
}

/// An augmentation's `motion` draws what its `apply` draws: afterwards the stream stands at the same place.
#[test]
fn motions_draw_what_they_say() {
    let all: [Arc<dyn Augment>; 9] = [
        Arc::new(Affine { degrees: 9.0, shift: 3.0, scale: 0.1 }),
        Arc::new(HorizontalFlip),
        Arc::new(RandomCrop { height: 9, width: 8, padding: 1 }),
        Arc::new(CenterCrop { height: 9, width: 8 }),
        Arc::new(RandomResizedCrop::new(7)),
        Arc::new(ScaleJitter { low: 8, high: 12, size: 8 }),
        Arc::new(Resize { size: 5 }),
        Arc::new(ColorJitter { brightness: 0.1, contrast: 0.1, saturation: 0.1 }),
        Arc::new(PcaColor { deviation: 0.1, spread: [1.0; 3], axes: [[1.0; 3]; 3] }),
    ];
    let (shape, input) = ([3, 12, 12], vec![0.5; 3 * 144]);
    for (at, augment) in all.iter().enumerate() {
        let mut output = vec![0.0; augment.output_shape(shape).unwrap().iter().product()];
        for sample in 0..20 {
            let mut applied = rng_for_augment(1, 2, sample, 0);
            let mut told = applied.clone();
            augment.apply(&input, shape, &mut output, &mut applied);
            let motion = augment.motion(shape, &mut told);
            assert_ne!(motion, Motion::Unknown, "augmentation {at}");
            // Colours are drawn, but move nothing.
            if motion != Motion::Still {
                assert_eq!(applied.next_u32(), told.next_u32(), "augmentation {at}");
            }
        }
    }
}

/// Doubles the tokens of `classes` and adds how many there are; keeps to what it says unless it is told otherwise.
struct Doubling(bool);

impl Transform for Doubling {
    fn output_fields(&self, fields: &[FieldSpec]) -> Result<Vec<FieldSpec>> {
        let count = FieldSpec::new("count", DType::I32, &[]);
        Ok(fields.iter().cloned().chain([count]).collect())
    }
    fn apply(&self, input: &Sample, output: &mut Sample, _: &mut Rng) -> Result<()> {
        let own = input.get::<i64>("classes")?;
        output.put(output.find("classes")?, &own.iter().map(|x| 2 * x).collect::<Vec<_>>())?;
        match self.0 {
            true => output.put(output.find("count")?, &[own.len() as i32]),
            false => Ok(()),
        }
    }
}

#[test]
fn a_transform_of_your_own_writes_what_it_changes() {
    let batch = changed(vec![Arc::new(Doubling(true)), Arc::new(together(HorizontalFlip))], 0);
    let plain = changed(vec![Arc::new(OnFields::new(HorizontalFlip, ["x"]).leaving(["mask"]))], 0);
    let of = |name: &str| batch.get(name).unwrap().values.clone();
    assert_eq!(of("classes"), vec![14i64; SAMPLES].into());
    assert_eq!(of("count"), vec![1i32; SAMPLES].into());
    // Another place in the list is another draw, and so another flip.
    assert_ne!(batch.get("x").unwrap(), plain.get("x").unwrap());
    let options = RecordOptions {
        transforms: vec![Arc::new(Doubling(false))],
        padding: padding(),
        ..RecordOptions::default()
    };
    let loader = RecordLoader::new(rectangles(), options).unwrap();
    check_message(
        loader.epoch(0).next().unwrap(),
        expect!["field count, sample 0: found nothing, expected count i32 []"],
    );
}

/// Does not say how it moves pixels.
struct Silent;

impl Augment for Silent {
    fn apply(&self, input: &[f32], _: [usize; 3], output: &mut [f32], _: &mut Rng) {
        output.copy_from_slice(input);
        output.reverse();
    }
}

/// Pictures, masks and two kinds of boxes, to be named.
fn named(transform: OnFields) -> Result<()> {
    let boxes = || vec![vec![0.0f32, 0.0, 2.0, 2.0]; 4];
    let data = InMemory::new()
        .field("x", &[1, 4, 4], &[0.5f32; 64])
        .and_then(|data| data.field("mask", &[4, 4], &[1u8; 64]))
        .and_then(|data| data.ragged_rows("boxes", &[4], boxes()))
        .and_then(|data| data.ragged_rows("more", &[4], boxes()))
        .and_then(|data| data.ragged("classes", vec![[1i64]; 4]))?;
    let empty = Padding { empty: true, ..Padding::default() };
    let padding = ["boxes", "more", "classes"].map(|name| (name.into(), empty.clone())).to_vec();
    let transforms: Vec<Arc<dyn Transform>> = vec![Arc::new(transform)];
    let options = RecordOptions { transforms, padding, ..RecordOptions::default() };
    RecordLoader::new(data, options)?.epoch(0).next().unwrap().map(|_| ())
}

#[test]
fn a_field_is_named_once() {
    let flip = |pictures: &[&'static str]| OnFields::new(HorizontalFlip, pictures.to_vec());
    check_message(
        named(flip(&["x"]).mask("mask").mask("mask")),
        expect![
            "augmentation of x: found the field mask twice, expected once: as a picture, a mask, boxes, beside boxes, or left"
        ],
    );
    let doubled = [
        (flip(&["x", "x"]), "x"),
        (flip(&["x"]).mask("x"), "x"),
        (flip(&["x"]).mask("mask").leaving(["mask"]), "mask"),
        (flip(&["x"]).mask("mask").boxes("boxes", &["boxes"]), "boxes"),
        (flip(&["x"]).mask("mask").boxes("boxes", &[]).boxes("boxes", &[]), "boxes"),
        (flip(&["x"]).boxes("boxes", &["classes"]).boxes("more", &["classes"]), "classes"),
        (flip(&["x"]).boxes("boxes", &["classes", "classes"]), "classes"),
    ];
    for (transform, name) in doubled {
        let error = named(transform).unwrap_err().to_string();
        assert!(error.contains(&format!("the field {name} twice")), "{error}");
    }
    let all = flip(&["x"]).mask("mask").boxes("boxes", &["classes"]).boxes("more", &[]);
    assert!(named(all).is_ok());
}

/// Where pixels move, nobody forgets a mask by accident.
#[test]
fn a_mask_that_is_left_behind_is_asked_for() {
    check_message(
        named(OnFields::new(HorizontalFlip, ["x"])),
        expect![[
            r#"augmentation of x: found mask u8 [4, 4], as large as the picture, left behind, expected a choice: it goes along (mask) or stays (leaving(["mask"]))"#
        ]],
    );
    assert!(named(OnFields::new(Silent, ["x"])).is_err());
    assert!(named(OnFields::new(HorizontalFlip, ["x"]).leaving(["mask"])).is_ok());
    // Colours move nothing.
    let jitter = ColorJitter { brightness: 0.1, contrast: 0.1, saturation: 0.0 };
    assert!(named(OnFields::new(jitter, ["x"])).is_ok());
    let error = named(OnFields::new(HorizontalFlip, ["x"]).mask("mask").leaving(["none"]));
    assert!(error.unwrap_err().to_string().contains("the name \"none\""));
}

#[test]
fn messages() {
    let new = |transform: OnFields| {
        let transforms: Vec<Arc<dyn Transform>> = vec![Arc::new(transform)];
        let options = RecordOptions { transforms, padding: padding(), ..RecordOptions::default() };
        RecordLoader::new(rectangles(), options).map(|_| ())
    };
    assert!(new(OnFields::new(Silent, ["x"]).leaving(["mask"])).is_ok());
    check_message(
        new(OnFields::new(Silent, ["x"]).mask("mask")),
        expect![
            "augmentation of x: found one that does not say how it moves pixels, expected Augment::motion, for masks and boxes to go along"
        ],
    );
    check_message(
        new(OnFields::new(HorizontalFlip, ["mask"])),
        expect!["field mask: found mask i64 [24, 24], expected a picture f32 [C, H, W] to augment"],
    );
    check_message(
        new(OnFields::new(HorizontalFlip, ["y"])),
        expect![[
            r#"field: found the name "y", expected one of x f32 [3, 24, 24], mask i64 [24, 24], boxes f32 [T, 4], classes i64 [T]"#
        ]],
    );
    check_message(
        new(OnFields::new(HorizontalFlip, [""; 0])),
        expect!["augmentation: found no picture, expected at least one"],
    );
    check_message(
        new(OnFields::new(HorizontalFlip, ["x"]).mask("classes")),
        expect![
            "field classes: found classes i64 [T], expected a mask [24, 24] or [C, 24, 24], as large as the picture"
        ],
    );
    check_message(
        new(OnFields::new(HorizontalFlip, ["x"]).mask_or("mask", 0.5)),
        expect![
            "field mask: found 0.5 is no i64, which holds whole numbers of 64 bits, expected a value of the mask"
        ],
    );
    check_message(
        new(OnFields::new(HorizontalFlip, ["x"]).boxes("mask", &[])),
        expect!["field mask: found mask i64 [24, 24], expected boxes f32 [T, 4]"],
    );
    check_message(
        new(OnFields::new(HorizontalFlip, ["x"]).boxes("boxes", &["mask"])),
        expect!["field mask: found mask i64 [24, 24], expected a row for each box, [T, ..]"],
    );
    check_message(
        new(OnFields::new(CenterCrop { height: 30, width: 2 }, ["x"])),
        expect!["crop: found a window of 30×2, expected at most 24×24 plus padding 0 a side"],
    );
    let grey = Normalization::new(&[0.5], &[0.5]).unwrap();
    let options = |field: &'static str| RecordOptions {
        transforms: vec![Arc::new(Normalize::new(field, grey.clone()))],
        padding: padding(),
        ..RecordOptions::default()
    };
    check_message(
        RecordLoader::new(rectangles(), options("x")),
        expect![
            "normalization: found 1 channels, expected as many as the first axis of a sample of shape [3, 24, 24]"
        ],
    );
    check_message(
        RecordLoader::new(rectangles(), options("mask")),
        expect!["field mask: found mask i64 [24, 24], expected f32 [C, ..] to normalise"],
    );
    let short = InMemory::new()
        .field("x", &[1, 2, 2], &[0.5f32; 4])
        .and_then(|data| data.ragged_rows("boxes", &[4], [[0.0f32; 8]]))
        .and_then(|data| data.ragged("classes", [[1i64]]))
        .unwrap();
    let own = RecordOptions {
        transforms: vec![Arc::new(
            OnFields::new(CenterCrop { height: 2, width: 2 }, ["x"]).boxes("boxes", &["classes"]),
        )],
        padding: padding(),
        ..RecordOptions::default()
    };
    check_message(
        RecordLoader::new(short, own).unwrap().epoch(0).next().unwrap(),
        expect!["field classes, sample 0: found 1 row, expected 2, one for each box"],
    );
}
