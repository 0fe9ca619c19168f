//! Kernels by hand, against plain loops, and the formula of sizes.

use super::{Border, KERNELS, Laid, Map, Weights, byte, grey, named};

const BORDERS: [Border; 6] = [
    Border::Black,
    Border::Valid,
    Border::Zero,
    Border::Reflect,
    Border::Replicate,
    Border::Circular,
];

fn picture(width: usize, height: usize, channels: usize) -> Map {
    let values = (0..channels * height * width).map(|i| f64::from((i * 37 % 101) as u8)).collect();
    Map { width, height, values }
}

#[test]
fn the_named_kernels_by_hand() {
    let pixels = [10., 20., 30., 40., 55., 60., 70., 80., 99.];
    let picture = Map { width: 3, height: 3, values: pixels.to_vec() };
    let laid = Laid { stride: 1, dilation: 1, border: Border::Black };
    let expected = [
        ("identity", 55),
        ("blur", 51),    // 209/16 + 200/8 + 55/4 = 51.8125, cut off
        ("sharpen", 75), // 5·55 − 200
        ("outline", 31), // 8·55 − 409
        ("emboss", 255), // 313
        ("left-sobel", 0),
        ("right-sobel", 89), // 20 + 2·20 + 29
        ("top-sobel", 0),
        ("bottom-sobel", 249), // 60 + 2·60 + 69
    ];
    assert_eq!(
        expected.map(|(name, _)| name).to_vec(),
        KERNELS.iter().map(|k| k.0).collect::<Vec<_>>()
    );
    for (name, middle) in expected {
        let kernel = Weights::flat(3, named(name).unwrap());
        let bytes: Vec<u8> = laid.sums(&picture, &kernel).values.into_iter().map(byte).collect();
        assert_eq!(bytes, [0, 0, 0, 0, middle, 0, 0, 0, 0], "{name}");
    }
    assert_eq!(named("sobell"), None);
}

/// The definition, window by window.
fn plain(laid: Laid, picture: &Map, kernel: &Weights) -> Vec<f64> {
    let k = kernel.size;
    let [height, width] = [picture.height, picture.width].map(|len| laid.windows(len, k));
    let maps = if kernel.slices() > 1 { 1 } else { picture.channels() };
    let mut sums = vec![];
    for map in 0..maps {
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let mut sum = 0.0;
            let channels = if kernel.slices() > 1 { 0..kernel.slices() } else { map..map + 1 };
            let inside =
                laid.is_inside(y, picture.height, k) && laid.is_inside(x, picture.width, k);
            for channel in channels.filter(|_| inside || laid.border != Border::Black) {
                let slice = if kernel.slices() > 1 { channel } else { 0 };
                for (i, j) in (0..k).flat_map(|i| (0..k).map(move |j| (i, j))) {
                    let row = laid.border.source(laid.place(y, i, k), picture.height);
                    let column = laid.border.source(laid.place(x, j, k), picture.width);
                    let pixel = row
                        .zip(column)
                        .map_or(0.0, |(row, column)| picture.at(channel, row, column));
                    sum += kernel.at(slice, i, j) * pixel;
                }
            }
            sums.push(sum);
        }
    }
    sums
}

#[test]
fn every_size_stride_dilation_and_border_is_as_the_definition_says() {
    for (size, stride, dilation) in
        (1..=9).flat_map(|k| (1..4).flat_map(move |s| (1..4).map(move |d| (k, s, d))))
    {
        for (border, slices) in BORDERS.into_iter().flat_map(|b| [(b, 1), (b, 3)]) {
            let laid = Laid { stride, dilation, border };
            let values = (0..slices * size * size).map(|i| f64::from((i * 29 % 41) as u8) - 20.0);
            let kernel = Weights { size, values: values.collect() };
            let picture = picture(11, 9, 3);
            let sums = laid.sums(&picture, &kernel);
            assert_eq!(sums.values, plain(laid, &picture, &kernel), "{laid:?} {size} {slices}");
        }
    }
}

#[test]
fn sizes() {
    let valid = Laid { stride: 1, dilation: 1, border: Border::Valid };
    assert_eq!(valid.windows(7, 3), 5);
    assert_eq!(valid.windows(2, 3), 0);
    assert_eq!(valid.sums(&picture(2, 5, 1), &Weights::flat(3, vec![1.0; 9])).values, []);
    assert_eq!(Laid { stride: 2, ..valid }.windows(7, 3), 3);
    assert_eq!(Laid { dilation: 2, ..valid }.windows(7, 3), 3);
    let zero = Laid { border: Border::Zero, ..valid };
    assert_eq!((zero.around(3), zero.around(2), zero.windows(7, 2)), ((1, 1), (0, 1), 7));
}

#[test]
fn what_lies_beyond_the_border() {
    let row = |border: Border| (-4..8).map(|at| border.source(at, 3)).collect::<Vec<_>>();
    let some = |list: [usize; 12]| list.map(Some).to_vec();
    assert_eq!(row(Border::Reflect), some([0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]));
    assert_eq!(row(Border::Replicate), some([0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2]));
    assert_eq!(row(Border::Circular), some([2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1]));
    assert_eq!(row(Border::Zero).iter().flatten().count(), 3);
    assert_eq!(Border::Reflect.source(-5, 1), Some(0));
}

#[test]
fn grey_is_as_pictures_are_read() {
    let colours: Vec<[u8; 3]> =
        (0..=255u8).map(|i| [i, i.wrapping_mul(97), i.wrapping_mul(31)]).collect();
    let pixels: Vec<u8> = colours.iter().flatten().copied().collect();
    let picture = image::RgbImage::from_raw(16, 16, pixels).unwrap();
    let read = image::DynamicImage::from(picture).to_luma8().into_raw();
    assert_eq!(colours.into_iter().map(grey).collect::<Vec<_>>(), read);
}
