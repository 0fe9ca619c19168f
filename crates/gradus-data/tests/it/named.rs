//! Named sets and folders of data: where they are looked for, what layouts are known.

use std::path::{Path, PathBuf};

use expect_test::expect;
use gradus_data::{
    Dataset, Fit, Idx, ImageOptions, OpenOptions, Places, Result, SETS, Splits, encode_idx, named,
    open, open_path,
};

use crate::check_error;

fn options(places: Places) -> OpenOptions {
    let image = ImageOptions { channels: 1, size: Some((2, 2)), fit: Fit::Cover };
    OpenOptions { places, image, ..OpenOptions::from_environment() }
}

/// A set of three training and two test images; the label of each is `label`.
fn write_idx(folder: &Path, label: u8) {
    std::fs::create_dir_all(folder).unwrap();
    for (part, n) in [("train", 3), ("t10k", 2)] {
        let images = Idx { shape: vec![n, 2, 2], data: vec![9; 4 * n] };
        let labels = Idx { shape: vec![n], data: vec![label; n] };
        let write = |kind: &str, idx: &Idx| {
            std::fs::write(folder.join(format!("{part}-{kind}-ubyte")), encode_idx(idx)).unwrap();
        };
        write("images-idx3", &images);
        write("labels-idx1", &labels);
    }
}

#[test]
fn the_catalogue_is_well_formed() {
    for set in SETS {
        assert_eq!(named(set.name).unwrap().name, set.name);
        assert!(set.classes.len() >= 2 && !set.about.is_empty() && !set.licence.is_empty());
        for file in set.files {
            assert!(file.bytes > 0 && !file.mirrors.is_empty());
            assert!(file.mirrors.iter().all(|m| m.starts_with("http") && m.ends_with('/')));
            let hexadecimal = file.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            assert!(file.sha256.len() == 64 && hexadecimal, "{}", file.name);
        }
    }
}

#[test]
fn the_first_place_with_data_wins() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let some = |name: &str| Some(path(name));
    write_idx(&path("cache/mnist"), 2);
    let places = Places { explicit: None, gradus_data: some("data"), cache: some("cache") };
    let label = |places: &Places| {
        open("mnist", &options(places.clone())).map(|splits| splits.train.label(0))
    };
    assert_eq!(label(&places).unwrap(), 2, "the cache, while $GRADUS_DATA is empty");
    write_idx(&path("data/mnist"), 1);
    assert_eq!(label(&places).unwrap(), 1);
    write_idx(&path("mine"), 3);
    assert_eq!(label(&Places { explicit: some("mine"), ..places.clone() }).unwrap(), 3);
    let absent = Places { explicit: some("nowhere"), ..places };
    check_error(
        label(&absent),
        dir.path(),
        expect!["DIR/nowhere: found no train-images-idx3-ubyte[.gz], expected the data of mnist"],
    );
    check_error(
        open("minst", &options(absent)),
        dir.path(),
        expect![[
            r#"unknown data set "minst", expected a folder, a CSV file or one of: mnist-5k, mnist, fashion-mnist, cifar-10, imagenette-160"#
        ]],
    );
}

#[test]
fn the_embedded_set_needs_no_place() {
    let splits = open("mnist-5k", &options(Places::default())).unwrap();
    assert_eq!((splits.train.len(), splits.test.len()), (4000, 1000));
}

#[test]
fn layouts() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let open = |name: &str| open_path(&path(name), &options(Places::default()));
    let fails = |result: Result<Splits>, expect| check_error(result, dir.path(), expect);

    write_idx(&path("idx"), 7);
    let splits = open("idx").unwrap();
    assert_eq!((splits.train.len(), splits.test.len(), splits.test.label(1)), (3, 2, 7));
    std::fs::remove_file(path("idx/t10k-labels-idx1-ubyte")).unwrap();
    fails(
        open("idx"),
        expect![
            "DIR/idx: found no t10k-labels-idx1-ubyte[.gz], expected four IDX files: train and t10k, images and labels"
        ],
    );

    std::fs::create_dir(path("cifar")).unwrap();
    let record = [&[4u8][..], &[1; 3072]].concat();
    for file in ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"] {
        std::fs::write(path(&format!("cifar/{file}.bin")), &record).unwrap();
    }
    fails(
        open("cifar"),
        expect![
            "DIR/cifar/test_batch.bin: cannot open the file: No such file or directory (os error 2)"
        ],
    );
    std::fs::write(path("cifar/test_batch.bin"), &record).unwrap();
    assert_eq!(open("cifar").unwrap().train.len(), 5);

    let rows: String = (0..10).map(|i| format!("{i}.5,{}\n", i % 2)).collect();
    std::fs::write(path("table.csv"), rows).unwrap();
    let splits = open("table.csv").unwrap();
    assert_eq!((splits.train.len(), splits.test.len()), (8, 2));
    assert_eq!(splits.whole.unwrap().len(), 10);

    for name in ["photos/train/cat", "photos/train/dog", "photos/val/cat"] {
        save_image(&path(name).join("1.png"));
    }
    // A part to test on may lack a class, but has none of its own.
    assert_eq!(open("photos").unwrap().test.classes(), ["cat", "dog"]);
    save_image(&path("photos/val/yak/1.png"));
    fails(
        open("photos"),
        expect![[r#"DIR/photos/val: class: found "yak" of 1 sample, expected one of cat, dog"#]],
    );
    std::fs::remove_dir_all(path("photos/val/yak")).unwrap();
    save_image(&path("photos/val/dog/1.png"));
    let splits = open("photos").unwrap();
    assert!(splits.whole.is_none(), "it has parts of its own");
    assert_eq!((splits.train.shape(), splits.test.classes()[1].as_str()), (&[1, 2, 2][..], "dog"));
    let splits = open("photos/train").unwrap();
    assert_eq!(splits.whole.unwrap().len(), 2, "class folders alone");
    assert!(splits.train.is_empty() || splits.test.is_empty(), "equal pictures are on one side");

    std::fs::create_dir(path("nothing")).unwrap();
    fails(
        open("nothing"),
        expect![
            "DIR/nothing: found no data in a known layout, expected a CSV file, or a folder of MNIST-like IDX files, CIFAR-10 binary files or class folders"
        ],
    );
    fails(
        open("absent"),
        expect![
            "DIR/absent: found nothing, expected a CSV file, or a folder of MNIST-like IDX files, CIFAR-10 binary files or class folders"
        ],
    );
}

fn save_image(path: &PathBuf) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::GrayImage::new(3, 3).save(path).unwrap();
}

/// The real Fashion-MNIST, where there is a copy.
#[test]
fn fashion_mnist_if_present() {
    let opened = open("fashion-mnist", &OpenOptions::from_environment());
    let Ok(splits) = opened else {
        eprintln!("skipped: {}", opened.err().unwrap());
        return;
    };
    assert_eq!((splits.train.len(), splits.test.len()), (60_000, 10_000));
    assert_eq!(splits.train.classes()[splits.train.label(0) as usize], "Ankle boot");
}

/// A download that was stopped between two files is not taken for the whole set.
#[test]
fn a_part_of_a_set_is_not_the_set() {
    let dir = tempfile::tempdir().unwrap();
    write_idx(&dir.path().join("mnist"), 1);
    std::fs::remove_file(dir.path().join("mnist/t10k-images-idx3-ubyte")).unwrap();
    let places = Places { cache: Some(dir.path().to_owned()), ..Places::default() };
    check_error(
        open("mnist", &options(places)),
        dir.path(),
        expect![
            "no copy of mnist found; looked in DIR/mnist; `gradus data fetch mnist` downloads it"
        ],
    );
}
