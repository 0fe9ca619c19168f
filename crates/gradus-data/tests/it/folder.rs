//! Image files and folders of them.

use std::io::Cursor;
use std::path::Path;

use expect_test::expect;
use gradus_data::{Dataset, Fit, ImageFolder, ImageOptions, RawImage, Result, Skip, parse_image};
use image::{DynamicImage, ImageFormat, RgbImage};

use crate::{check_error, check_message};

const RGB: ImageOptions = ImageOptions { channels: 3, size: None, fit: Fit::Cover };
const GREY: ImageOptions = ImageOptions { channels: 1, size: None, fit: Fit::Cover };

/// Red grows to the right, green downwards.
fn picture(width: u32, height: u32) -> DynamicImage {
    let pixel = |x, y| image::Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, 7]);
    RgbImage::from_fn(width, height, pixel).into()
}

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn decode(bytes: &[u8], options: &ImageOptions) -> RawImage {
    parse_image(bytes, "a.png", options).unwrap()
}

#[test]
fn png_is_exact_and_planar() {
    let bytes = encode(&picture(4, 2), ImageFormat::Png);
    let image = decode(&bytes, &RGB);
    assert_eq!(image.shape, [3, 2, 4]);
    assert_eq!(image.pixels[..8], [0, 63, 127, 191, 0, 63, 127, 191]);
    assert_eq!(image.pixels[8..16], [0, 0, 0, 0, 127, 127, 127, 127]);
    assert_eq!(image.pixels[16..], [7; 8]);
    assert_eq!(decode(&bytes, &GREY).shape, [1, 2, 4]);
}

#[test]
fn jpeg_is_close() {
    let bytes = encode(&picture(32, 32), ImageFormat::Jpeg);
    let (image, exact) =
        (decode(&bytes, &RGB), decode(&encode(&picture(32, 32), ImageFormat::Png), &RGB));
    let worst = image.pixels.iter().zip(&exact.pixels).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst.unwrap() < 40, "{worst:?}");
}

#[test]
fn sizes_are_brought_to_the_wanted_one() {
    let bytes = encode(&picture(40, 20), ImageFormat::Png);
    let with = |fit| decode(&bytes, &ImageOptions { channels: 3, size: Some((10, 10)), fit });
    let (cover, stretch) = (with(Fit::Cover), with(Fit::Stretch));
    assert_eq!((cover.shape, stretch.shape), ([3, 10, 10], [3, 10, 10]));
    // Stretching keeps the whole range of red; covering cuts a quarter off on each side.
    assert!(stretch.pixels[0] < 20 && stretch.pixels[9] > 230, "{:?}", &stretch.pixels[..10]);
    assert!((60..80).contains(&cover.pixels[0]), "{:?}", &cover.pixels[..10]);
    for (w, h) in [(1, 1), (3, 50), (50, 3), (7, 5)] {
        let bytes = encode(&picture(w, h), ImageFormat::Png);
        let options = ImageOptions { channels: 1, size: Some((9, 4)), fit: Fit::Cover };
        assert_eq!(decode(&bytes, &options).shape, [1, 9, 4]);
    }
}

#[test]
fn image_messages() {
    let png = encode(&picture(16, 16), ImageFormat::Png);
    let jpeg = encode(&picture(64, 64), ImageFormat::Jpeg);
    let parse = |bytes: &[u8]| parse_image(bytes, "a.img", &RGB);
    check_message(
        parse(b""),
        expect!["a.img: found an empty file, expected a PNG, JPEG, GIF, BMP, TIFF or WebP"],
    );
    check_message(
        parse(b"%PDF-1.7"),
        expect![
            "a.img, byte 0: found bytes 25 50 44 46, expected a PNG, JPEG, GIF, BMP, TIFF or WebP"
        ],
    );
    check_message(
        parse(&png[..png.len() / 2]),
        expect!["a.img, byte 105: found the end of the file, expected the rest of the PNG"],
    );
    check_message(
        parse(&png[..20]),
        expect!["a.img, byte 20: found the end of the file, expected the rest of the PNG"],
    );
    check_message(
        parse(&jpeg[..jpeg.len() - 2]),
        expect!["a.img, byte 1182: found the end of the file, expected the rest of the JPEG"],
    );
    check_message(
        parse(&jpeg[..jpeg.len() / 2]),
        expect!["a.img, byte 592: found the end of the file, expected the rest of the JPEG"],
    );
    let mut huge = png.clone();
    huge[16..24].copy_from_slice(&[0x7F; 8]);
    let sum = crc(&huge[12..29]);
    huge[29..33].copy_from_slice(&sum.to_be_bytes());
    check_message(
        parse(&huge),
        expect![
            "a.img: found too large a picture, expected a whole PNG of at most 16384 pixels a side"
        ],
    );
    let two = ImageOptions { channels: 2, ..RGB };
    check_message(
        parse_image(&png, "a.png", &two),
        expect!["image channels: found 2, expected 1 or 3"],
    );
    let none = ImageOptions { size: Some((0, 3)), ..RGB };
    check_message(
        parse_image(&png, "a.png", &none),
        expect!["image size: found (0, 3), expected 1 to 16384 a side"],
    );
    for cut in 0..png.len() - 12 {
        assert!(parse(&png[..cut]).is_err(), "{cut} of {} bytes", png.len());
    }
    for cut in 0..jpeg.len() {
        assert!(parse(&jpeg[..cut]).is_err(), "{cut} of {} bytes", jpeg.len());
    }
}

/// PNG's check sum, to make a header that is hostile but valid.
fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn save(folder: &Path, name: &str, width: u32, height: u32) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, encode(&picture(width, height), ImageFormat::Png)).unwrap();
}

#[test]
fn a_folder_is_a_data_set() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["dog/b.png", "dog/a.PNG", "cat/z.png", ".hidden/x.png"] {
        save(dir.path(), name, 6, 4);
    }
    std::fs::write(dir.path().join("cat/notes.txt"), "not an image").unwrap();
    std::fs::write(dir.path().join("README"), "not a class").unwrap();
    let folder = ImageFolder::open(dir.path(), RGB).unwrap();
    assert_eq!(folder.classes(), ["cat", "dog"]);
    let names = (0..folder.len()).map(|i| folder.path(i).strip_prefix(dir.path()).unwrap());
    let expected = ["cat/z.png", "dog/a.PNG", "dog/b.png"].map(Path::new);
    assert_eq!(names.collect::<Vec<_>>(), expected);
    assert_eq!((0..3).map(|i| folder.label(i)).collect::<Vec<_>>(), [0, 1, 1]);

    let loaded = folder.load("pets").unwrap();
    let (mut lazy, mut eager) = (vec![0.0; 72], vec![1.0; 72]);
    folder.read(2, &mut lazy).unwrap();
    loaded.read(2, &mut eager).unwrap();
    assert_eq!(lazy, eager);
}

#[test]
fn folder_messages() {
    let dir = tempfile::tempdir().unwrap();
    let open = |name: &str| ImageFolder::open(&dir.path().join(name), RGB);
    let fails = |result: Result<ImageFolder>, expect| check_error(result, dir.path(), expect);
    fails(
        open("absent"),
        expect!["DIR/absent: cannot list the folder: No such file or directory (os error 2)"],
    );
    std::fs::create_dir_all(dir.path().join("empty")).unwrap();
    fails(
        open("empty"),
        expect!["DIR/empty: found no subfolders, expected one subfolder of images per class"],
    );
    std::fs::create_dir_all(dir.path().join("half/cat")).unwrap();
    std::fs::write(dir.path().join("half/cat/a.txt"), "").unwrap();
    fails(
        open("half"),
        expect![
            "DIR/half/cat: found 1 file, none of them an image, expected at least one picture: PNG, JPEG, GIF, BMP, TIFF or WebP"
        ],
    );
    save(dir.path(), "sizes/cat/a.png", 6, 4);
    save(dir.path(), "sizes/cat/b.png", 5, 4);
    check_error(
        open("sizes").unwrap().load("sizes"),
        dir.path(),
        expect![
            "DIR/sizes/cat/b.png: found an image of 4×5 pixels, expected 4×6 pixels as in a.png, or a size to resize to"
        ],
    );
    let rename = open("sizes").unwrap().rename_classes(&[]);
    fails(rename, expect!["class names: found 0 names, expected 1, one for each of cat"]);
    let sizes = open("sizes").unwrap();
    std::fs::write(dir.path().join("sizes/cat/b.png"), "oops").unwrap();
    check_error(
        sizes.load("sizes"),
        dir.path(),
        expect![
            "DIR/sizes/cat/b.png, byte 0: found bytes 6f 6f 70 73, expected a PNG, JPEG, GIF, BMP, TIFF or WebP; remove or replace the file, or go on without it (--skip-unreadable)"
        ],
    );
}

/// 700 bytes cannot hold 256 million pixels, and none of their memory is asked for.
#[test]
fn headers_that_promise_too_much() {
    let mut bytes = encode(&picture(8, 8), ImageFormat::Jpeg);
    let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    bytes[frame + 5..][..4].copy_from_slice(&[0x3E, 0x80, 0x3E, 0x80]); // height and width: 16,000
    let error = parse_image(&bytes, "a.jpg", &RGB).unwrap_err().to_string();
    assert!(error.starts_with("a.jpg: found a header of 16000×16000 pixels in "), "{error}");
    assert!(error.ends_with(" bytes, expected a header that its data fill"), "{error}");
}

/// An EXIF segment that says how to turn the picture, put behind the JPEG's first marker.
fn with_orientation(jpeg: &[u8], value: u8) -> Vec<u8> {
    let tiff = [
        b"II*\0".as_slice(),
        &8u32.to_le_bytes(),
        &1u16.to_le_bytes(),
        &0x0112u16.to_le_bytes(),
        &3u16.to_le_bytes(),
        &1u32.to_le_bytes(),
        &u32::from(value).to_le_bytes(),
        &0u32.to_le_bytes(),
    ]
    .concat();
    let body = [b"Exif\0\0".as_slice(), &tiff].concat();
    let len = (body.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &len, &body, &jpeg[2..]].concat()
}

/// Red grows to the right; turned by a quarter it grows downwards, turned by a half to the left.
#[test]
fn pictures_of_a_turned_camera_are_turned_back() {
    let jpeg = encode(&picture(64, 32), ImageFormat::Jpeg);
    let red = |value: u8| {
        let image = decode(&with_orientation(&jpeg, value), &RGB);
        let [_, h, w] = image.shape;
        let at = |y: usize, x: usize| i32::from(image.pixels[y * w + x]);
        (h, w, at(0, w - 1) - at(0, 0), at(h - 1, 0) - at(0, 0))
    };
    let (h, w, right, down) = red(1);
    assert!((h, w) == (32, 64) && right > 200 && down.abs() < 30, "{right} {down}");
    let (h, w, right, down) = red(3);
    assert!((h, w) == (32, 64) && right < -200 && down.abs() < 30, "{right} {down}");
    let (h, w, right, down) = red(6);
    assert!((h, w) == (64, 32) && down > 200 && right.abs() < 30, "{right} {down}");
    assert_eq!((red(99).0, red(99).1), (32, 64), "nonsense turns nothing");
}

/// 16 bits and an alpha channel are brought to 8 bits and three colours.
#[test]
fn deep_and_transparent_pictures() {
    let deep = image::ImageBuffer::from_fn(3, 2, |x, _| image::Rgb([x as u16 * 0x7fff, 0x8000, 0]));
    let image = decode(&encode(&DynamicImage::ImageRgb16(deep), ImageFormat::Png), &RGB);
    assert_eq!((image.shape, &image.pixels[..3]), ([3, 2, 3], &[0, 127, 255][..]));
}

/// Whatever colour lies under full transparency, white is seen; half-transparent black is a middle grey. 8 and 16 bits,
/// with colours and without.
#[test]
fn what_is_transparent_is_laid_on_white() {
    use image::{ImageBuffer, LumaA, Rgba};
    let alpha = |x: u32, most: u32| most * x / 2; // none, half, whole
    let pictures: [DynamicImage; 4] = [
        ImageBuffer::from_fn(3, 1, |x, _| Rgba([0, 200, 0, alpha(x, 255) as u8])).into(),
        ImageBuffer::from_fn(3, 1, |x, _| LumaA([0, alpha(x, 255) as u8])).into(),
        ImageBuffer::from_fn(3, 1, |x, _| Rgba([0, 51_400, 0, alpha(x, 65_535) as u16])).into(),
        ImageBuffer::from_fn(3, 1, |x, _| LumaA([0, alpha(x, 65_535) as u16])).into(),
    ];
    for picture in pictures {
        let image = decode(&encode(&picture, ImageFormat::Png), &RGB);
        assert_eq!(image.pixels[..3], [255, 128, 0], "red of {:?}", picture.color());
        let green = if picture.color().has_color() { [255, 228, 200] } else { [255, 128, 0] };
        assert_eq!(image.pixels[3..6], green, "green of {:?}", picture.color());
    }
    // The black of transparent pixels does not creep into their neighbours when a picture is made smaller.
    let half = ImageBuffer::from_fn(8, 8, |x, _| Rgba([0u8, 0, 0, if x < 4 { 0 } else { 255 }]));
    let small = ImageOptions { channels: 1, size: Some((2, 2)), fit: Fit::Stretch };
    let image = decode(&encode(&half.into(), ImageFormat::Png), &small);
    assert!(image.pixels[0] > 200 && image.pixels[1] < 55, "{:?}", image.pixels);
}

/// A cut file is noticed without decoding; a whole one, also without its end mark, is not refused.
#[test]
fn faults_are_seen_before_a_picture_is_decoded() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["cat/a.png", "cat/b.png"] {
        save(dir.path(), name, 60, 40);
    }
    let folder = ImageFolder::open(dir.path(), RGB).unwrap();
    let path = dir.path().join("cat/b.png");
    let whole = std::fs::read(&path).unwrap();
    folder.probe(1).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 12]).unwrap();
    folder.probe(1).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = folder.probe(1).unwrap_err().to_string();
    assert!(error.contains("cat/b.png, byte "), "{error}");
    assert!(
        error.ends_with("; remove or replace the file, or go on without it (--skip-unreadable)"),
        "{error}"
    );
    std::fs::write(&path, encode(&picture(60, 40), ImageFormat::Jpeg)).unwrap();
    folder.probe(1).unwrap();
    std::fs::write(&path, "").unwrap();
    assert!(folder.probe(1).is_err());
    folder.probe(0).unwrap();
}

/// What cannot be read is left out by name, and stays so where it is known, even if it can be read by then.
#[test]
fn pictures_that_cannot_be_read_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["cat/a.png", "cat/b.png", "dog/c.png"] {
        save(dir.path(), name, 60, 40);
    }
    let path = dir.path().join("cat/b.png");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let open = |skip: &Skip| ImageFolder::open_without(dir.path(), RGB, skip).unwrap();
    let looked = open(&Skip { look: true, known: vec![] });
    let found = looked.unreadable().to_vec();
    assert_eq!((looked.len(), found.len(), &*found[0].file), (2, 1, "cat/b.png"));
    assert!(found[0].why.ends_with("found the end of the file, expected the rest of the PNG"));
    assert!(!found[0].why.contains("Error"), "{}", found[0].why);
    std::fs::write(&path, whole).unwrap();
    let known = open(&Skip { look: false, known: found.clone() });
    assert_eq!((known.len(), known.unreadable()), (2, &found[..]));
    assert_eq!(open(&Skip::default()).len(), 3);
}

fn grey_of(row: &[u8]) -> DynamicImage {
    image::GrayImage::from_fn(row.len() as u32, 1, |x, _| image::Luma([row[x as usize]])).into()
}

/// A grey picture is grey in three colours, a coloured one is as bright as the eye finds it.
#[test]
fn grey_and_colour_become_what_is_wanted() {
    let grey = image::GrayImage::from_fn(4, 2, |x, _| image::Luma([x as u8 * 60]));
    let image = decode(&encode(&grey.into(), ImageFormat::Png), &RGB);
    assert_eq!(image.shape, [3, 2, 4]);
    assert!(image.pixels.chunks(4).all(|row| row == [0, 60, 120, 180]), "{:?}", image.pixels);
    let image = decode(&encode(&grey_of(&[0, 7, 200, 255]), ImageFormat::Png), &GREY);
    assert_eq!(image.pixels, [0, 7, 200, 255]);
    // What Pillow 13 makes of these by convert("L").
    let colours: [([u8; 3], u8); 10] = [
        ([255, 0, 0], 76),
        ([0, 255, 0], 150),
        ([0, 0, 255], 29),
        ([255, 255, 0], 226),
        ([0, 255, 255], 179),
        ([255, 0, 255], 105),
        ([255, 255, 255], 255),
        ([1, 2, 3], 2),
        ([200, 100, 50], 124),
        ([13, 77, 211], 73),
    ];
    for (colour, grey) in colours {
        let all = |options: &ImageOptions, image: DynamicImage| {
            let mut pixels = decode(&encode(&image, ImageFormat::Png), options).pixels;
            pixels.dedup();
            pixels
        };
        let picture: DynamicImage = RgbImage::from_pixel(3, 2, image::Rgb(colour)).into();
        let sized = ImageOptions { size: Some((5, 4)), ..GREY };
        assert_eq!(all(&GREY, picture.clone()), [grey], "{colour:?}");
        assert_eq!(all(&sized, picture.clone()), [grey], "{colour:?} resized");
        // Of 16 bits and opaque it is the same; what is clear is white.
        assert_eq!(all(&GREY, picture.to_rgb16().into()), [grey], "{colour:?} of 16 bits");
        assert_eq!(all(&GREY, picture.to_rgba8().into()), [grey], "{colour:?} opaque");
    }
    let clear = image::RgbaImage::from_pixel(2, 2, image::Rgba([255, 0, 0, 0]));
    let image = decode(&encode(&clear.into(), ImageFormat::Png), &GREY);
    assert_eq!(image.pixels, [255; 4]);
    // 16 bits are rounded to 8, not cut: 0x01ff is 1.98 of 255.
    let fine = image::ImageBuffer::from_pixel(1, 1, image::Luma([0x01ffu16]));
    let image = decode(&encode(&fine.into(), ImageFormat::Png), &GREY);
    assert_eq!(image.pixels, [2]);
}

/// Cyan ink takes red away.
#[test]
fn four_inks_become_three_colours() {
    let image = decode(include_bytes!("../fixtures/cmyk.jpg"), &RGB);
    assert_eq!(image.shape, [3, 8, 16]);
    let at = |c: usize, x: usize| image.pixels[(c * 8 + 4) * 16 + x];
    assert!(at(0, 2) < 40 && at(1, 2) > 200 && at(2, 2) > 200, "{:?}", image.pixels);
    assert!((0..3).all(|c| at(c, 13) > 230), "{:?}", image.pixels);
}

/// What torchvision's evaluation makes of a lying and a standing picture: the shorter side 32, the middle 28 of it. Made by
/// `make_pictures.py`.
#[test]
fn photographs_are_cut_as_torchvision_cuts_them() {
    let fixture = |name: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/");
        std::fs::read(format!("{folder}{name}.png")).unwrap()
    };
    for name in ["lying", "standing"] {
        let square = ImageOptions { size: Some((32, 32)), ..RGB };
        let loaded = decode(&fixture(name), &square);
        let input: Vec<f32> = loaded.pixels.iter().map(|&p| p.into()).collect();
        let mut cut = vec![0.0; 3 * 28 * 28];
        let crop = gradus_data::CenterCrop { height: 28, width: 28 };
        let mut rng = gradus_data::rng_for_augment(0, 0, 0, 0);
        gradus_data::Augment::apply(&crop, &input, [3, 32, 32], &mut cut, &mut rng);
        let want = decode(&fixture(&format!("{name}-28")), &RGB);
        assert_eq!(want.shape, [3, 28, 28]);
        let apart = cut.iter().zip(&want.pixels).map(|(a, &b)| (a - f32::from(b)).abs());
        // The filters round once here, twice in Pillow.
        assert!(apart.fold(0.0, f32::max) <= 1.0, "{name}");
    }
}
