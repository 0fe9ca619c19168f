//! Targets of gradus-data: IDX, images, CSV, CIFAR, folders.

use crate::readable;
use flate2::{Compression, write::GzEncoder};
use gradus_data::{
    Cifar100Labels, ColumnSummary, CsvOptions, Dataset, Decimal, Fit, ImageDataset, ImageOptions,
    LabelColumn, Missing, OpenOptions, Places, Result, Skip, TabularDataset, csv_texts, encode_idx,
    open_path, parse_cifar10, parse_cifar100, parse_csv, parse_idx, parse_image, summarize_csv,
    target_of,
};
use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

/// The value, or `None` after a look at the message.
fn accepted<T>(result: Result<T>) -> Option<T> {
    result.inspect_err(|error| readable(error)).ok()
}

/// A plain IDX file.
pub(crate) fn idx(bytes: &[u8]) -> bool {
    let Some(idx) = accepted(parse_idx(bytes, "x")) else { return false };
    assert_eq!(idx.shape.iter().product::<usize>(), idx.data.len());
    let again = parse_idx(&encode_idx(&idx), "x").expect("what was written is read");
    assert_eq!(again, idx);
    true
}

/// A compressed IDX file; and any bytes, compressed, are read as they are without compression.
pub(crate) fn idx_gzip(bytes: &[u8]) -> bool {
    const MAGIC: [u8; 2] = [0x1F, 0x8B];
    if bytes.starts_with(&MAGIC) {
        return idx(bytes);
    }
    let mut gzip = GzEncoder::new(vec![], Compression::fast());
    gzip.write_all(bytes).expect("memory can be written to");
    let packed = gzip.finish().expect("memory can be written to");
    let (plain, packed) = (accepted(parse_idx(bytes, "x")), accepted(parse_idx(&packed, "x")));
    assert_eq!(plain, packed);
    plain.is_some()
}

/// A PNG or JPEG, in its own size and in a wanted one, grey and coloured.
pub(crate) fn image(bytes: &[u8]) -> bool {
    let read = |channels, size, fit| {
        let options = ImageOptions { channels, size, fit };
        let image = accepted(parse_image(bytes, "x", &options))?;
        let [c, h, w] = image.shape;
        assert_eq!((c, image.pixels.len()), (channels, c * h * w));
        if let Some(size) = size {
            assert_eq!((h, w), size);
        }
        Some(image)
    };
    if read(3, None, Fit::Cover).is_none() {
        return false;
    }
    // What is wanted of an image cannot make it unreadable.
    read(1, Some((28, 28)), Fit::Cover).expect("it was read before");
    read(3, Some((9, 40)), Fit::Stretch).expect("it was read before");
    true
}

/// A table, by several options.
pub(crate) fn csv(bytes: &[u8]) -> bool {
    let options = |label, header, delimiter, classes| CsvOptions {
        label,
        header,
        delimiter,
        classes,
        ..CsvOptions::default()
    };
    let all = [
        CsvOptions::default(),
        options(LabelColumn::Index(0), Some(false), Some(b','), Some(3)),
        options(LabelColumn::Name("label".into()), None, None, None),
        options(LabelColumn::Auto, Some(true), Some(b';'), Some(1000)),
        CsvOptions { features: vec!["b".into(), "a".into()], ..CsvOptions::default() },
        CsvOptions { aside: Some("2".into()), ..CsvOptions::default() },
        CsvOptions { leave_out: vec!["1".into(), "b".into()], ..CsvOptions::default() },
        CsvOptions { targets: vec!["2".into(), "a".into()], ..CsvOptions::default() },
        CsvOptions { missing: Missing::Drop, header: Some(true), ..CsvOptions::default() },
        CsvOptions { lenient: true, ..CsvOptions::default() },
        CsvOptions { skip_unreadable: true, ..CsvOptions::default() },
        CsvOptions { decimal: Some(Decimal::Comma), ..CsvOptions::default() },
        CsvOptions { missing_values: vec!["-1".into(), "b".into()], ..CsvOptions::default() },
        CsvOptions {
            targets: vec!["1".into()],
            target_values: vec![0.0, 1.0],
            ..CsvOptions::default()
        },
    ];
    let mut any = false;
    for options in all {
        // What falls into rows is shown, whatever is refused of it.
        let summary = accepted(summarize_csv(bytes, "x", &options));
        if let Some(summary) = &summary {
            let cells = |c: &ColumnSummary| c.values + c.missing + c.unreadable + summary.misfits;
            assert!(summary.columns.iter().all(|column| cells(column) == summary.rows));
        }
        let Some(table) = accepted(parse_csv(bytes, "x", &options)) else { continue };
        any = true;
        let passes_over = options.lenient || options.skip_unreadable;
        assert!(summary.is_some_and(|summary| passes_over || summary.misfits == 0));
        let texts = csv_texts(bytes, "x", &options, None).expect("a table has texts");
        let lines: HashSet<u64> = texts.rows.iter().map(|row| row.0).collect();
        assert!(table.lines.iter().all(|line| lines.contains(line)));
        let (rows, targets) = (table.lines.len(), options.targets.len());
        assert_eq!(table.values.len(), rows * table.width);
        assert_eq!(table.labels.len(), if targets == 0 { rows } else { 0 });
        assert_eq!((table.targets.len(), table.target_names.len()), (rows * targets, targets));
        assert!(table.values.iter().all(|v| v.is_finite()));
        assert_eq!(table.width, table.forms.iter().map(|form| form.width()).sum::<usize>());
        // A label may be missing where rows are only to be predicted, and there may be no row at all.
        if options.lenient {
            continue;
        }
        assert!(table.names.is_empty() || table.names.len() == table.width);
        if let Some(set) = accepted(TabularDataset::new(table, "x", options.classes)) {
            check_labels(&set);
            let mut row = vec![0.0; set.shape()[0]];
            set.read(set.len() - 1, &mut row).expect("a row is in memory");
        }
    }
    any
}

fn check_labels(set: &dyn Dataset) {
    assert!(!set.is_empty());
    if !set.targets().names().is_empty() {
        let all = (0..set.len()).flat_map(|i| target_of(set, i));
        assert!(set.classes().is_empty() && all.into_iter().all(f64::is_finite));
        return;
    }
    let classes = set.classes().len() as i64;
    assert!((0..set.len()).all(|i| (0..classes).contains(&set.label(i))));
}

/// CIFAR's records, read as those of CIFAR-10 and of CIFAR-100.
pub(crate) fn cifar(bytes: &[u8]) -> bool {
    let whole = |set: ImageDataset, record: usize| {
        assert_eq!(set.len() * record, bytes.len());
        assert_eq!(set.pixels().len(), set.len() * 3072);
        check_labels(&set);
    };
    let [coarse, fine] = [Cifar100Labels::Coarse, Cifar100Labels::Fine];
    let all = [
        (parse_cifar10(bytes, "x"), 3073),
        (parse_cifar100(bytes, "x", coarse), 3074),
        (parse_cifar100(bytes, "x", fine), 3074),
    ];
    let sets = all.into_iter().filter_map(|(set, record)| Some((accepted(set)?, record)));
    sets.map(|(set, record)| whole(set, record)).count() > 0
}

/// The names of which [`folder`] makes its files and folders.
const NAMES: [&str; 16] = [
    "train-images-idx3-ubyte",
    "train-labels.idx1-ubyte",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte",
    "data_batch_1.bin",
    "test_batch.bin",
    "train/a/1.png",
    "train/b/2.JPG",
    "test/a/3.png",
    "val/b/4.jpeg",
    "a/5.png",
    "b/6.png",
    "a/notes.txt",
    ".hidden/7.png",
    "table.csv",
    "train/.keep",
];

/// A folder as users have them, found by its layout. The bytes are a list of files: the number of a name in [`NAMES`],
/// the length in two bytes, the content.
pub(crate) fn folder(bytes: &[u8]) -> bool {
    let root = tempfile::tempdir().expect("a folder for temporary files");
    let mut rest = bytes;
    while let Some((&[name, low, high], after)) = rest.split_first_chunk::<3>() {
        let len = usize::from(u16::from_le_bytes([low, high])).min(after.len());
        let (content, after) = after.split_at(len);
        write(&root.path().join(NAMES[usize::from(name) % NAMES.len()]), content);
        rest = after;
    }
    let options = OpenOptions {
        places: Places::default(),
        image: ImageOptions { channels: 1, size: None, fit: Fit::Cover },
        classes: vec![],
        csv: CsvOptions::default(),
        split: None,
        skip: Skip::default(),
    };
    // Without what cannot be read, all that is left can.
    let looking = OpenOptions { skip: Skip { look: true, known: vec![] }, ..options.clone() };
    if let Some(splits) = accepted(open_path(root.path(), &looking)) {
        let known = Skip { look: false, known: splits.unreadable.clone() };
        let again = open_path(root.path(), &OpenOptions { skip: known, ..options.clone() });
        let again = again.expect("what was left out is known");
        assert_eq!(again.train.len() + again.test.len(), splits.train.len() + splits.test.len());
    }
    let Some(splits) = accepted(open_path(root.path(), &options)) else { return false };
    for part in [splits.train, splits.test] {
        if part.is_empty() {
            continue;
        }
        check_labels(&*part);
        let mut sample = vec![0.0; part.shape().iter().product()];
        for i in 0..part.len() {
            accepted(part.read(i, &mut sample));
        }
    }
    true
}

fn write(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder");
    std::fs::write(path, content).expect("a file");
}
