//! Folders of pictures as people have them: other formats, folders in folders, parts by other names, files that are no pictures.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use gradus_data::{
    Dataset, Fit, ImageFolder, ImageOptions, OpenOptions, image_info, labels_of, open_path,
    parse_image,
};
use image::codecs::gif::GifEncoder;
use image::{DynamicImage, Frame, GrayImage, ImageFormat, Luma, Rgb, RgbImage};

const RGB: ImageOptions = ImageOptions { channels: 3, size: None, fit: Fit::Cover };

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Four colours that a GIF's palette holds exactly.
fn picture() -> DynamicImage {
    let colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 100, 50]];
    RgbImage::from_fn(12, 8, |x, y| Rgb(colours[((x / 6) + 2 * (y / 4)) as usize])).into()
}

fn save(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn every_format_gives_the_same_pixels() {
    let want = parse_image(&encode(&picture(), ImageFormat::Png), "a.png", &RGB).unwrap();
    for format in [ImageFormat::Bmp, ImageFormat::Gif, ImageFormat::Tiff, ImageFormat::WebP] {
        let bytes = encode(&picture(), format);
        assert_eq!(parse_image(&bytes, "a", &RGB).unwrap(), want, "{format:?}");
        let info = image_info(&bytes, "a").unwrap();
        assert_eq!((info.size, info.is_coloured), ((8, 12), true));
        for cut in [bytes.len() / 3, bytes.len() / 2] {
            assert!(parse_image(&bytes[..cut], "a", &RGB).is_err(), "{format:?} cut at {cut}");
        }
    }
    let grey = encode(&GrayImage::new(3, 2).into(), ImageFormat::Png);
    assert!(!image_info(&grey, "a").unwrap().is_coloured);
}

#[test]
fn what_follows_a_picture_is_none_of_its_business() {
    let jpeg = encode(&picture(), ImageFormat::Jpeg);
    let trailer =
        [b"MotionPhoto\xFF\xDA\x00\x08".as_slice(), &[7; 400], b"\xFF\xD8\xFF\xDA"].concat();
    let plain = parse_image(&jpeg, "a.jpg", &RGB).unwrap();
    assert_eq!(parse_image(&[&jpeg[..], &trailer].concat(), "a.jpg", &RGB).unwrap(), plain);
    // A whole picture inside a cut one, such as a camera's small copy, makes it no whole one.
    let small = encode(&GrayImage::new(8, 8).into(), ImageFormat::Jpeg);
    let head = [b"Exif\0\0", &small[..]].concat();
    let len = (head.len() as u16 + 2).to_be_bytes();
    let with_copy = [&jpeg[..2], b"\xFF\xE1", &len, &head, &jpeg[2..]].concat();
    assert_eq!(parse_image(&with_copy, "a.jpg", &RGB).unwrap(), plain);
    assert!(parse_image(&with_copy[..with_copy.len() - 40], "a.jpg", &RGB).is_err());
    // A PNG without its end mark.
    let png = encode(&picture(), ImageFormat::Png);
    let whole = parse_image(&png, "a.png", &RGB).unwrap();
    assert_eq!(parse_image(&png[..png.len() - 12], "a.png", &RGB).unwrap(), whole);
}

#[test]
fn pictures_are_known_by_what_they_hold() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let (png, jpeg) = (encode(&picture(), ImageFormat::Png), encode(&picture(), ImageFormat::Jpeg));
    for name in ["cat/a.JFIF", "cat/b.png", "cat/c"] {
        save(d, name, &jpeg);
    }
    save(d, "dog/a.PNG", &png);
    save(d, "dog/more/deep/b.bmp", &encode(&picture(), ImageFormat::Bmp));
    save(d, "dog/notes.TXT", b"BM is no bitmap here, by far");
    save(d, "dog/list.txt", b"x");
    save(d, "dog/empty.png", b"");
    save(d, "dog/.hidden.png", &png);
    save(d, "beside.png", &png);
    save(d, "README", b"about");
    let folder = ImageFolder::open(d, RGB).unwrap();
    assert_eq!(labels_of(&folder), [0, 0, 0, 1, 1]);
    (0..5).for_each(|i| folder.read(i, &mut [0.0; 3 * 8 * 12]).unwrap());
    assert_eq!(
        folder.remarks(),
        [
            "4 files are passed over, which hold no picture: .png (1), .txt (2), no ending (1)",
            "1 hidden entry is passed over",
            "1 picture beside the classes' folders is passed over",
            "1 picture in folders inside the classes' is of these classes",
        ]
    );
    assert_eq!(folder.left_out(), [".png (1)", ".txt (2)", "no ending (1)"]);
    let opened = open_path(d, &OpenOptions::from_environment()).unwrap();
    assert_eq!((opened.remarks.len(), opened.left_out.len()), (4, 3));
}

#[test]
fn of_an_animation_the_first_frame_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = vec![];
    let mut encoder = GifEncoder::new(&mut bytes);
    for level in [10, 200] {
        let frame = DynamicImage::from(GrayImage::from_pixel(4, 4, Luma([level]))).to_rgba8();
        encoder.encode_frame(Frame::new(frame)).unwrap();
    }
    drop(encoder);
    save(dir.path(), "a/moving.gif", &bytes);
    save(
        dir.path(),
        "b/still.gif",
        &encode(&RgbImage::from_pixel(4, 4, Rgb([10; 3])).into(), ImageFormat::Gif),
    );
    let folder = ImageFolder::open(dir.path(), RGB).unwrap();
    let [remark] = folder.remarks() else { panic!("{:?}", folder.remarks()) };
    assert!(
        remark.starts_with("1 picture of several frames, such as ")
            && remark.ends_with("moving.gif: the first frame is taken")
    );
    let mut pixels = [0.0; 48];
    folder.read(0, &mut pixels).unwrap();
    assert_eq!(pixels, [10.0 / 255.0; 48]);
}

#[test]
fn parts_may_lack_classes() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let png = encode(&picture(), ImageFormat::Png);
    for name in [
        "Train/cat/a.png",
        "Train/dog/a.png",
        "Train/emu/a.png",
        "valid/cat/v.png",
        "Test/emu/b.png",
        "Test/emu/c.png",
    ] {
        save(d, name, &png);
    }
    fs::create_dir(d.join("Test/cat")).unwrap();
    let opened = open_path(d, &OpenOptions::from_environment()).unwrap();
    assert_eq!((opened.train.len(), labels_of(&*opened.test)), (3, vec![2, 2]));
    assert_eq!(opened.test.classes(), ["cat", "dog", "emu"]);
    assert!(
        opened.remarks_on_training[0].starts_with("valid is not used, as Test is there to test on")
    );
    save(d, "Test/yak/a.png", &png);
    let error = open_path(d, &OpenOptions::from_environment()).err().unwrap().to_string();
    assert!(
        error.contains("Test: class: found \"yak\" of 1 sample, expected one of cat, dog, emu"),
        "{error}"
    );
}

/// A pipe would be waited for without end, and a device never ends.
#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused_unopened() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    save(d, "a/a.png", &encode(&picture(), ImageFormat::Png));
    let refused = |found: &str| {
        let error = ImageFolder::open(d, RGB).unwrap_err().to_string();
        assert!(
            error.ends_with(&format!(
                "a/z.png: found {found}, expected a regular file; remove it from the folder"
            )),
            "{error}"
        );
    };
    let path = d.join("a/z.png");
    std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    refused("a device");
    fs::remove_file(&path).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    refused("a socket");
    drop(socket);
    fs::remove_file(&path).unwrap();
    if std::process::Command::new("mkfifo").arg(&path).status().is_ok_and(|done| done.success()) {
        refused("a named pipe");
        let error = gradus_data::Key::of_file(&path).unwrap_err().to_string();
        assert!(error.contains("found a named pipe, expected a regular file"), "{error}");
        let csv = gradus_data::read_csv(&path, &Default::default()).unwrap_err().to_string();
        assert!(csv.contains("found a named pipe, expected a regular file"), "{csv}");
    }
    let zero = gradus_data::read_file(Path::new("/dev/zero")).unwrap_err().to_string();
    assert_eq!(zero, "/dev/zero: found a device, expected a regular file");
}
