//! Which samples are held out: how many change sides when data change, what stays together, what is refused.

use std::collections::HashMap;
use std::path::Path;

use expect_test::expect;
use gradus_data::{
    Content, CsvOptions, Dataset, Fit, HoldOut, ImageOptions, Key, Normalization, OpenOptions,
    Places, Result, Split, Splits, TabularDataset, fingerprint, has_test_part, label_spelling,
    open_path, parse_csv,
};

use crate::{check_error, check_message};

/// Two measured numbers and a tossed label.
type Row = (f64, f64, &'static str);

fn rows(n: usize) -> Vec<Row> {
    let toss = |i: usize| ["head", "tail"][(i * i / 3) % 2];
    (0..n).map(|i| ((i * 7919 % 1009) as f64 / 8.0, i as f64 * 0.25, toss(i))).collect()
}

fn table(header: &str, lines: impl IntoIterator<Item = String>) -> TabularDataset {
    let lines: Vec<String> = lines.into_iter().collect();
    let text = format!("{header}\n{}\n", lines.join("\n"));
    let table = parse_csv(text.as_bytes(), "t.csv", &CsvOptions::default()).unwrap();
    TabularDataset::new(table, "t.csv", None).unwrap()
}

fn plain(rows: &[Row]) -> TabularDataset {
    table("x,t,label", rows.iter().map(|(x, t, label)| format!("{x},{t},{label}")))
}

/// The side of each sample, by what it holds; equal samples must be on one.
fn sides(set: &dyn Dataset, rule: &Split, held: HoldOut) -> HashMap<Key, bool> {
    let (kept, held) = rule.divide(set, held).unwrap();
    let mut sides = HashMap::new();
    for (indices, is_held) in [(kept, false), (held, true)] {
        for index in indices {
            let other = sides.insert(set.key(index).unwrap(), is_held);
            assert!(other.is_none_or(|other| other == is_held), "row {index} is on both sides");
        }
    }
    sides
}

/// How many of the samples in both are on different sides.
fn moved(before: &HashMap<Key, bool>, after: &HashMap<Key, bool>) -> usize {
    before.iter().filter(|&(key, side)| after.get(key).is_some_and(|other| other != side)).count()
}

/// Of 400 rows none changes sides when the file is sorted, doubled, extended or thinned out, when columns move or numbers are
/// written in another way. By position 134 of them do when it is sorted.
#[test]
fn no_row_moves() {
    let before = rows(400);
    let mut sorted = before.clone();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let changed = [
        ("sorted", sorted.clone()),
        ("doubled", [&before[..], &before[..]].concat()),
        ("extended", rows(500)),
        ("thinned", before.iter().step_by(3).copied().collect()),
    ];
    for held in [HoldOut::Test, HoldOut::Validation { share: 0.1, seed: 3 }] {
        let first = sides(&plain(&before), &Split::Hash, held);
        let share = first.values().filter(|&&side| side).count() as f64 / 400.0;
        let wanted = if held == HoldOut::Test { 0.2 } else { 0.1 };
        assert!(first.len() == 400 && (share - wanted).abs() < 0.05, "{share}");
        for (what, rows) in &changed {
            let after = sides(&plain(rows), &Split::Hash, held);
            let common = first.keys().filter(|key| after.contains_key(key)).count();
            assert_eq!(common, if *what == "thinned" { 134 } else { 400 });
            assert_eq!((*what, moved(&first, &after)), (*what, 0));
        }
        let lines = before.iter().map(|(x, t, label)| format!("{label},+0{t:.3},{x:e}"));
        let after = sides(&table("label,t,x", lines), &Split::Hash, held);
        assert!(first.keys().all(|key| after.contains_key(key)), "the keys are the same");
        assert_eq!(moved(&first, &after), 0, "columns moved");
    }
    let by_place = |rows: &[Row]| sides(&plain(rows), &Split::Position, HoldOut::Test);
    assert_eq!(moved(&by_place(&before), &by_place(&sorted)), 134, "the control");
    // Another seed draws another part.
    let drawn = |seed| HoldOut::Validation { share: 0.1, seed };
    let by_seed = |seed| sides(&plain(&before), &Split::Hash, drawn(seed));
    assert!(moved(&by_seed(3), &by_seed(4)) > 20);
}

/// Without a header, columns are known by their places, and the label says nothing of the side.
#[test]
fn keys_are_of_features() {
    let key = |text: &str| {
        let table = parse_csv(text.as_bytes(), "t.csv", &CsvOptions::default()).unwrap();
        TabularDataset::new(table, "t.csv", None).unwrap().key(0).unwrap()
    };
    assert_eq!(key("1,2,a\n"), key("1.0,0.2e1,b\n"));
    assert_ne!(key("1,2,a\n"), key("2,1,a\n"));
    assert_eq!(key("x,y,label\n1,2,a\n"), key("y,x,label\n2,1,a\n"));
    assert_ne!(key("x,y,label\n1,2,a\n"), key("x,z,label\n1,2,a\n"), "another column");
    assert_eq!(key("0,2,a\n"), key("-0,2,a\n"));
    // Numbers that are one number as f32.
    assert_ne!(key("1700000000.25,a\n"), key("1700000000.5,a\n"));
}

fn open(folder: &Path, name: &str, rule: &str) -> Result<Splits> {
    let image = ImageOptions { channels: 1, size: None, fit: Fit::Cover };
    let options = OpenOptions {
        image,
        places: Places::default(),
        split: Some(rule.parse()?),
        ..OpenOptions::from_environment()
    };
    open_path(&folder.join(name), &options)
}

fn values(set: &dyn Dataset, column: usize) -> Vec<f64> {
    (0..set.len()).map(|i| set.row(i).unwrap()[column]).collect()
}

#[test]
fn rules_for_tables() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let open = |rule: &str| open(dir.path(), "t.csv", rule);
    // Forty patients of five rows each, not one after the other; the days run backwards.
    let line = |i: usize| {
        let (day, month) = (28 - i % 28, 12 - i / 28);
        format!("{i},p{},2024-{month:02}-{day:02},{},{}\n", i * 7 % 40, 999 - i, i % 2)
    };
    let text: String = (0..200).map(line).collect();
    write("t.csv", &format!("x,patient,day,second,label\n{text}"));
    let numbers: String =
        (0..200).map(|i| format!("{i},p{},{},{}\n", i * 7 % 40, 999 - i, i % 2)).collect();
    write("n.csv", &format!("x,patient,second,label\n{numbers}"));
    let grouped = |rule: &str| crate::split::open(dir.path(), "n.csv", rule);

    let splits = grouped("group:patient").unwrap();
    assert_eq!(splits.train.columns().unwrap().features, ["x", "second"], "no feature");
    let patients = |set: &dyn Dataset| {
        let mut all: Vec<u32> = values(set, 0).iter().map(|&x| x as u32 * 7 % 40).collect();
        all.sort();
        all.dedup();
        all
    };
    let (kept, held) = (patients(&*splits.train), patients(&*splits.test));
    assert_eq!(kept.len() + held.len(), 40, "each patient is on one side");
    assert!((3..15).contains(&held.len()), "{held:?}");

    // The day says which are held out and is no feature; of the patient's 40 texts each is one.
    let by_day = open("time:day").unwrap();
    assert_eq!(by_day.train.shape(), [42], "{:?}", by_day.train.columns());
    write(
        "n.csv",
        &format!(
            "x,second,label\n{}",
            text.lines()
                .map(|line| {
                    let f: Vec<&str> = line.split(',').collect();
                    format!("{},{},{}\n", f[0], f[2], f[4])
                })
                .collect::<String>()
        ),
    );
    let splits = grouped("time:second").unwrap();
    let expected: Vec<f64> = (0..40).map(f64::from).collect();
    assert_eq!(values(&*splits.test, 0), expected, "the latest dates come first in the file");
    assert_eq!(splits.train.columns().unwrap().features, ["x"]);
    write(
        "n.csv",
        &format!(
            "x,second,label\n{}",
            (0..200).map(|i| format!("{i},{},{}\n", 999 - i / 50 * 50, i % 2)).collect::<String>()
        ),
    );
    let splits = grouped("time:second").unwrap();
    assert_eq!(values(&*splits.test, 0).len(), 50, "what is of one time stays together");
    let splits = grouped("time").unwrap();
    assert_eq!(values(&*splits.test, 0), (160..200).map(f64::from).collect::<Vec<_>>());

    let mixed = |rule: &str| crate::split::open(dir.path(), "m.csv", rule);
    write("m.csv", "x,day,label\n1,2024-01-02,a\n2,7,b\n3,8,a\n");
    check_message(
        mixed("time:day").map(|_| ()),
        expect![[
            r#"split by time: found "2024-01-02", expected numbers in all rows, or dates like 2024-01-31 in all"#
        ]],
    );
    // Spelled in two ways, a group is still one.
    let twice: String =
        (0..200).map(|i| format!("{i},{}{},{}\n", i % 40, [".0", ""][i % 3 % 2], i % 2)).collect();
    write("m.csv", &format!("x,patient,label\n{twice}"));
    let splits = mixed("group:patient").unwrap();
    let patient = |set: &dyn Dataset| -> std::collections::BTreeSet<u32> {
        values(set, 0).iter().map(|&x| x as u32 % 40).collect()
    };
    assert!(patient(&*splits.train).is_disjoint(&patient(&*splits.test)));
    assert!(!splits.test.is_empty());

    // Another file: its columns by name, its classes by name and spelling.
    write("test.csv", "label,second,x\n1.0,3,5\n01,3,6\n");
    let file = format!("file:{}", dir.path().join("test.csv").display());
    let splits = grouped(&file).unwrap();
    assert_eq!((splits.train.len(), splits.test.len(), splits.whole.is_none()), (200, 2, true));
    assert_eq!((values(&*splits.test, 0), splits.test.label(0)), (vec![5.0, 6.0], 1));
    assert_eq!(splits.test.classes(), ["0", "1"]);
    write("test.csv", "label,second,x\n1,3,5\n2,3,6\n2,3,7\n");
    check_error(
        grouped(&file),
        dir.path(),
        expect![[r#"DIR/test.csv: class: found "2" of 2 samples, expected one of 0, 1"#]],
    );
    check_error(
        grouped("group:label"),
        dir.path(),
        expect![[r#"DIR/n.csv: column "label": found it as the label, expected another column"#]],
    );
    check_error(
        grouped("group:sex"),
        dir.path(),
        expect![[
            r#"DIR/n.csv: column "sex": found no such column, expected one of x, second, label"#
        ]],
    );
    check_message(
        "groups:x".parse::<Split>(),
        expect![[
            r#"split: found "groups:x", expected hash, position, time, time:COLUMN, group:COLUMN or file:PATH"#
        ]],
    );
}

/// `n` pictures in each of two folders, all different; the names are those of `first` and the numbers after it.
fn save_pictures(folder: &Path, first: usize, n: usize) {
    for (class, grey) in [("dark", 0u8), ("light", 100)] {
        std::fs::create_dir_all(folder.join(class)).unwrap();
        for i in first..first + n {
            let pixel = |x, y| image::Luma([grey + ((x + y) * i as u32 % 90) as u8]);
            let picture = image::GrayImage::from_fn(9, 9, pixel);
            picture.save(folder.join(class).join(format!("{i:03}.png"))).unwrap();
        }
    }
}

/// Pictures are known by their files' bytes, whatever the files are called.
#[test]
fn rules_for_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let own = |splits: &Splits, rule| sides(&**splits.whole.as_ref().unwrap(), rule, HoldOut::Test);
    save_pictures(&dir.path().join("a"), 10, 30);
    let before = open(dir.path(), "a", "hash").unwrap();
    let first = own(&before, &Split::Hash);
    save_pictures(&dir.path().join("a"), 0, 10);
    std::fs::rename(dir.path().join("a/dark/010.png"), dir.path().join("a/dark/999.png")).unwrap();
    std::fs::copy(dir.path().join("a/dark/011.png"), dir.path().join("a/dark/998.png")).unwrap();
    let after = own(&open(dir.path(), "a", "hash").unwrap(), &Split::Hash);
    assert!(first.len() >= 55 && after.len() > first.len());
    assert_eq!(moved(&first, &after), 0);

    std::fs::write(dir.path().join("list.txt"), "dark/003.png\n\nlight/005.png\n").unwrap();
    let file = format!("file:{}", dir.path().join("list.txt").display());
    let splits = open(dir.path(), "a", &file).unwrap();
    assert_eq!((splits.train.len(), splits.test.len()), (79, 2));
    assert!(splits.test.file(1).unwrap().ends_with("light/005.png"));
    std::fs::write(dir.path().join("list.txt"), "dark/003.png\ndark/3.png\n").unwrap();
    check_error(
        open(dir.path(), "a", &file),
        dir.path(),
        expect![[
            r#"DIR/list.txt, line 2: found "dark/3.png", expected the path of a picture in DIR/a"#
        ]],
    );
    check_error(
        open(dir.path(), "a", "time"),
        dir.path(),
        expect![
            "split: found time for DIR/a, expected hash, position or file:LIST for a folder of pictures"
        ],
    );
    save_pictures(&dir.path().join("b/train"), 0, 2);
    save_pictures(&dir.path().join("b/test"), 3, 2);
    check_error(
        open(dir.path(), "b", "hash"),
        dir.path(),
        expect!["split: found hash for DIR/b, expected no rule: the data bring a test part"],
    );
    let path = |name: &str| dir.path().join(name).display().to_string();
    assert!(has_test_part("mnist-5k") && has_test_part(&path("b")) && !has_test_part(&path("a")));
}

#[test]
fn spellings_of_labels_are_one_class() {
    let set = table("x,label", ["1,1", "2,1.0", "3, 01", "4,2", "5,+2"].map(str::to_owned));
    assert_eq!(set.classes(), ["1", "2"]);
    assert_eq!((0..5).map(|i| set.label(i)).collect::<Vec<_>>(), [0, 0, 0, 1, 1]);
    assert_eq!(label_spelling(".50"), "0.5");
    assert_eq!(label_spelling("."), ".");
    assert_eq!(label_spelling("-"), "-");
    assert_eq!(label_spelling("-inf"), "-inf");
    assert_eq!(label_spelling("000"), "0");
    assert_eq!(label_spelling("1e400"), "1e400", "no number");
}

/// Times in seconds keep their fractions: rounded to f32 first, these would be two numbers 128 apart.
#[test]
fn large_offsets_are_centred_before_they_are_rounded() {
    let time = |i: usize| 1_700_000_000.0 + i as f64 * 0.25;
    let line = |i: usize| format!("{},{},5,{}", time(i), 3e-9 * i as f64, i % 2);
    let set = table("time,small,constant,label", (0..100).map(line));
    let n = Normalization::of(&set).unwrap();
    assert_eq!(n.offset()[0], time(0) + 0.25 * 49.5);
    let column = |c: usize| -> Vec<f32> {
        let mut row = [0.0; 3];
        let mut read = |i| {
            n.read(&set, i, &mut row).unwrap();
            row[c]
        };
        (0..100).map(&mut read).collect()
    };
    // Evenly spaced numbers of variance 1: (i − 49.5) / √833.25.
    for (i, (&a, &b)) in column(0).iter().zip(&column(1)).enumerate() {
        let expected = (i as f64 - 49.5) / 833.25f64.sqrt();
        assert!((f64::from(a) - expected).abs() < 1e-6, "{i}: {a}");
        assert!((f64::from(b) - expected).abs() < 1e-6, "{i}: {b}");
    }
    assert!(column(2).iter().all(|&x| x == 0.0));
    // As models of before read them: the control.
    let rounded = Normalization::of_rounded(&set).unwrap();
    let mut row = [0.0; 3];
    rounded.read(&set, 0, &mut row).unwrap();
    let first = row[0];
    rounded.read(&set, 50, &mut row).unwrap();
    assert_eq!(first, row[0]);
    check_message(
        rounded.with_offset(&[1.0]),
        expect![
            "normalization: offset: found [1.0], expected a finite number for each of 3 channels"
        ],
    );
}

/// Of more bytes than are to be read the files' names and sizes have to do.
#[test]
fn fingerprints_of_many_bytes() {
    let dir = tempfile::tempdir().unwrap();
    save_pictures(&dir.path().join("a"), 0, 3);
    let of = |most: u64| {
        let splits = open(dir.path(), "a", "position").unwrap();
        fingerprint(&[("all", &**splits.whole.as_ref().unwrap())], most).unwrap()
    };
    let (whole, sizes) = (of(1 << 20), of(100));
    assert_eq!((whole.content, sizes.content), (Content::Whole, Content::NamesAndSizes));
    assert_ne!(whole.ordered, sizes.ordered);
    let path = dir.path().join("a/dark/001.png");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(sizes, of(100));
    assert_ne!(whole.unordered, of(1 << 20).unordered);
    bytes.push(0);
    std::fs::write(&path, &bytes).unwrap();
    assert_ne!(sizes.unordered, of(100).unordered);
}
