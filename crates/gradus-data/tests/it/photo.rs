//! Augmentations of photographs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gradus_data::{
    Augment, Dataset, ImageDataset, Loader, LoaderOptions, PcaColor, RandomResizedCrop, Resize,
    ScaleJitter, TenCrop, rng_for_augment,
};

fn apply(augment: &dyn Augment, input: &[f32], shape: [usize; 3], sample: usize) -> Vec<f32> {
    let len = augment.output_shape(shape).unwrap().iter().product();
    let mut output = vec![f32::NAN; len];
    augment.apply(input, shape, &mut output, &mut rng_for_augment(1, 0, sample, 0));
    output
}

/// Red grows to the right from 0 to 1, green downwards, blue is even.
fn gradients(side: usize) -> Vec<f32> {
    let at = |i: usize| i as f32 / (side - 1) as f32;
    let mut image = vec![0.25; 3 * side * side];
    for y in 0..side {
        for x in 0..side {
            image[y * side + x] = at(x);
            image[side * side + y * side + x] = at(y);
        }
    }
    image
}

/// How much red and green grow over the result: the window's width and height as shares of the image's.
fn extent(output: &[f32], side: usize) -> [f32; 2] {
    let (red, green) = (&output[..side * side], &output[side * side..2 * side * side]);
    let grown = side as f32 / (side - 1) as f32;
    [(red[side - 1] - red[0]) * grown, (green[side * (side - 1)] - green[0]) * grown]
}

#[test]
fn scale_jitter_takes_windows_of_every_size() {
    let jitter = ScaleJitter { low: 32, high: 64, size: 28 };
    let image = gradients(64);
    let (mut least, mut most) = (1.0f32, 0.0f32);
    for sample in 0..200 {
        let output = apply(&jitter, &image, [3, 64, 64], sample);
        assert!(output.iter().all(|x| (0.0..=1.0).contains(x)));
        let [width, height] = extent(&output, 28);
        assert!((width - height).abs() < 0.02, "windows are squares: {width} {height}");
        (least, most) = (least.min(width), most.max(width));
    }
    // 28 of 64 at scale 64, 28 of 32 at scale 32.
    assert!(
        (least - 28.0 / 64.0).abs() < 0.03 && (most - 28.0 / 32.0).abs() < 0.05,
        "{least} {most}"
    );
    assert!(jitter.output_shape([3, 60, 64]).is_err());
    assert!(ScaleJitter { low: 20, high: 64, size: 28 }.output_shape([3, 64, 64]).is_err());
}

#[test]
fn resized_crops_have_the_area_and_aspect_asked_for() {
    let crop = RandomResizedCrop::new(16);
    let image = gradients(80);
    for sample in 0..200 {
        let output = apply(&crop, &image, [3, 80, 80], sample);
        let [width, height] = extent(&output, 16);
        let (area, aspect) = (width * height, width / height);
        assert!((0.06..1.1).contains(&area), "area {area}");
        assert!((0.7..1.45).contains(&aspect), "aspect {aspect}");
    }
    let wrong = RandomResizedCrop { area: (0.5, 1.5), ..crop };
    assert!(wrong.output_shape([3, 80, 80]).is_err());
}

/// Images whose colours vary along (1, 1, 0) only get only such colours added.
#[test]
fn colours_move_along_the_axes_of_the_data() {
    let mut pixels = vec![];
    for i in 0..64u32 {
        let value = (i * 4) as u8;
        pixels.extend([[value; 16], [value; 16], [77; 16]].concat());
    }
    let labels = vec![0; 64];
    let set = ImageDataset::new("colours", [3, 4, 4], pixels, labels, vec!["one".into()]).unwrap();
    let colour = PcaColor::of(&set, 1000, 0.1).unwrap();
    assert!(colour.spread[0] > 0.3 && colour.spread[1] < 1e-6, "{:?}", colour.spread);
    let image = vec![0.5; 48];
    let (mut sum, mut squares) = (0.0, 0.0);
    for sample in 0..500 {
        let output = apply(&colour, &image, [3, 4, 4], sample);
        let [r, g, b] = [0, 16, 32].map(|at| f64::from(output[at] - 0.5));
        assert!((r - g).abs() < 1e-6 && b.abs() < 1e-6, "{r} {g} {b}");
        assert!(output[..16].iter().all(|x| *x == output[0]));
        sum += r;
        squares += r * r;
    }
    let deviation = (squares / 500.0).sqrt();
    let want = 0.1 * colour.spread[0] / 2f64.sqrt();
    assert!(
        (deviation / want - 1.0).abs() < 0.15 && (sum / 500.0).abs() < want / 5.0,
        "{deviation} {want}"
    );
    assert!(colour.output_shape([1, 4, 4]).is_err());
}

#[test]
fn ten_crops_are_corners_middle_and_mirrors() {
    let pixels: Vec<u8> = (0..32).map(|i| i * 8).collect();
    let set = ImageDataset::new("two", [1, 4, 4], pixels, vec![0, 1], vec!["a".into(), "b".into()]);
    let views = TenCrop::new(Arc::new(set.unwrap()), 2).unwrap();
    assert_eq!((views.len(), views.shape()), (20, &[1, 2, 2][..]));
    assert_eq!((views.label(9), views.label(10)), (0, 1));
    let read = |index: usize| {
        let mut out = [0.0; 4];
        views.read(index, &mut out).unwrap();
        out.map(|x| (x * 255.0 / 8.0).round() as i32)
    };
    let found: Vec<_> = (0..10).map(read).collect();
    let want = [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15], [5, 6, 9, 10]];
    assert_eq!(found[..5], want);
    assert_eq!(found[5..], want.map(|[a, b, c, d]| [b, a, d, c]));
    assert_eq!(read(10), [16, 17, 20, 21]);
    assert!(TenCrop::new(Arc::new(views.clone()), 3).is_err());
}

/// A chain of them gives the same batches for any number of workers.
#[test]
fn batches_do_not_depend_on_workers() {
    let pixels: Vec<u8> = (0..20 * 3 * 32 * 32).map(|i| (i * 37 % 251) as u8).collect();
    let set =
        ImageDataset::new("noise", [3, 32, 32], pixels, vec![0; 20], vec!["a".into()]).unwrap();
    let set: Arc<dyn Dataset> = Arc::new(set);
    let colour = PcaColor::of(&*set, 10, 0.1).unwrap();
    let batches = |workers: usize| -> Vec<Vec<f32>> {
        let augment: Vec<Arc<dyn Augment>> = vec![
            Arc::new(ScaleJitter { low: 20, high: 32, size: 18 }),
            Arc::new(RandomResizedCrop::new(16)),
            Arc::new(colour.clone()),
        ];
        let options = LoaderOptions { batch_size: 4, workers, augment, ..LoaderOptions::default() };
        let loader = Loader::new(set.clone(), options).unwrap();
        loader.epoch(1).map(|b| b.unwrap().inputs.clone()).collect()
    };
    assert_eq!(batches(0), batches(3));
}

#[test]
fn resizing_keeps_the_picture() {
    let whole = gradients(8);
    let small = apply(&Resize { size: 4 }, &whole, [3, 8, 8], 0);
    assert_eq!(small.len(), 3 * 4 * 4);
    // Each new pixel is about the mean of the four it covers.
    for (i, found) in small.iter().enumerate() {
        let (c, y, x) = (i / 16, i / 4 % 4, i % 4);
        let of = |dy: usize, dx: usize| whole[(c * 8 + 2 * y + dy) * 8 + 2 * x + dx];
        let mean = (of(0, 0) + of(0, 1) + of(1, 0) + of(1, 1)) / 4.0;
        assert!((found - mean).abs() < 0.06, "{i}: {found} {mean}");
    }
    assert_eq!(apply(&Resize { size: 8 }, &whole, [3, 8, 8], 0), whole);
}

/// Two images, and how often one was read.
struct Counted([String; 1], AtomicUsize);

impl Dataset for Counted {
    fn len(&self) -> usize {
        2
    }
    fn shape(&self) -> &[usize] {
        &[1, 4, 4]
    }
    fn classes(&self) -> &[String] {
        &self.0
    }
    fn label(&self, _: usize) -> i64 {
        0
    }
    fn read(&self, index: usize, out: &mut [f32]) -> gradus_data::Result<()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        out.fill(index as f32);
        Ok(())
    }
}

/// Reading may be decoding, so an image is read once for its ten views.
#[test]
fn ten_crops_read_an_image_once() {
    let whole = Arc::new(Counted(["a".into()], AtomicUsize::new(0)));
    let views = TenCrop::new(whole.clone(), 2).unwrap();
    let mut out = [0.5; 4];
    for index in 0..20 {
        views.read(index, &mut out).unwrap();
        assert_eq!(out, [(index / 10) as f32; 4]);
    }
    assert_eq!(whole.1.load(Ordering::Relaxed), 2);
}
