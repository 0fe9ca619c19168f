//! `gradus kernel` on an image small enough for a hand.

use super::{ok, ran};
use std::path::Path;
use tempfile::tempdir;

/// The middle pixel after a kernel; the border must be black.
fn middle(folder: &Path, kernel: &str) -> u8 {
    let path = ok(folder, &["kernel", "in.png", "--kernel", kernel]).out;
    let pixels = image::open(folder.join(path.trim_end())).unwrap().to_luma8().into_raw();
    assert!(pixels.iter().enumerate().all(|(i, &p)| i == 4 || p == 0), "{kernel}: {pixels:?}");
    pixels[4]
}

#[test]
fn kernels_by_hand() {
    let folder = tempdir().unwrap();
    let pixels = vec![10, 20, 30, 40, 55, 60, 70, 80, 99];
    image::GrayImage::from_raw(3, 3, pixels).unwrap().save(folder.path().join("in.png")).unwrap();
    let expected = [
        ("identity", 55),
        ("blur", 51),    // 209/16 + 200/8 + 55/4 = 51.8125, truncated
        ("sharpen", 75), // 5·55 − 200
        ("outline", 31), // 8·55 − 409
        ("emboss", 255), // 313, clamped
        ("left-sobel", 0),
        ("right-sobel", 89), // 20 + 2·20 + 29
        ("top-sobel", 0),
        ("bottom-sobel", 249), // 60 + 2·60 + 69
        ("sobel", 255),        // √(89² + 249²) = 264, clamped
        ("0 0 0, 0 .5 0, 0 0 0", 27),
        ("-1 0 0  0 0 0  0 0 1", 89),
    ];
    for (kernel, value) in expected {
        assert_eq!(middle(folder.path(), kernel), value, "{kernel}");
    }
}

#[test]
fn bad_kernels() {
    let folder = tempdir().unwrap();
    let try_kernel = |k: &str| ran(folder.path(), &["kernel", "in.png", "--kernel", k]);
    try_kernel("1 2 3").fails(2, &["found 3 numbers, expected 9"]);
    try_kernel("sobell").fails(2, &["unknown kernel \"sobell\"; did you mean \"sobel\"?"]);
    try_kernel("blur").fails(1, &["in.png: cannot read"]);
}
