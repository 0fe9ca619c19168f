//! Numbers to be learned instead of labels: read from files, carried through sets and loaders, and what is refused.

use expect_test::{Expect, expect};
use gradus_data::{
    CsvOptions, Dataset, LabelColumn, Loader, LoaderOptions, Normalization, OpenOptions,
    Relabelled, Result, Split, Subset, TabularDataset, Targets, TenCrop, fingerprint, open_path,
    parse_csv, target_of,
};
use std::sync::Arc;

use crate::check_message;

const BOATS: &str =
    "length,price,berths,age\n7.5,32000.25,4,12\n9,51000,6,8\n12.5,140000,8,3\n6,-500,2,30\n";

fn wanting(targets: &[&str]) -> CsvOptions {
    let targets = targets.iter().map(|&name| name.to_owned()).collect();
    CsvOptions { targets, ..CsvOptions::default() }
}

fn read(text: &str, options: &CsvOptions) -> Result<TabularDataset> {
    TabularDataset::new(parse_csv(text.as_bytes(), "boats.csv", options)?, "boats.csv", None)
}

#[test]
fn columns_by_name_and_by_number() {
    let set = read(BOATS, &wanting(&["price"])).unwrap();
    assert_eq!(set.targets(), Targets::Numbers(&["price".to_owned()]));
    assert_eq!((set.len(), set.shape(), set.classes().len()), (4, &[3][..], 0));
    assert_eq!(set.names(), ["length", "berths", "age"]);
    assert_eq!(set.row(1), Some(&[9.0, 6.0, 8.0][..]));
    assert_eq!((target_of(&set, 0), target_of(&set, 3)), (vec![32000.25], vec![-500.0]));
    assert_eq!((set.label(2), set.columns().unwrap().label.clone()), (0, None));
    // In the order asked for, the second by its number; a column called `4` would go before the fourth one.
    let two = read(BOATS, &wanting(&["age", "2"])).unwrap();
    assert_eq!(two.targets().names(), ["age", "price"]);
    assert_eq!(target_of(&two, 1), [8.0, 51000.0]);
    // Without a header the numbers are their names, and a column that a header would call a label is nothing special.
    let bare = read("1,20,300\n2,30,400\n", &wanting(&["3", "1"])).unwrap();
    assert_eq!((bare.targets().names(), bare.columns()), (&["3".into(), "1".into()][..], None));
    assert_eq!((target_of(&bare, 1), bare.row(1)), (vec![400.0, 2.0], Some(&[30.0][..])));
    let labelled = read("label,x\n3,1\n4,2\n", &wanting(&["x"])).unwrap();
    assert_eq!((labelled.names(), target_of(&labelled, 1)), (&["label".to_owned()][..], vec![2.0]));
    // More digits than an f32 has.
    let far = read("x,t\n1,1700000000.25\n", &wanting(&["t"])).unwrap();
    assert_eq!(target_of(&far, 0), [1_700_000_000.25]);
}

#[test]
fn what_cannot_be_targets() {
    let check = |text: &str, options: CsvOptions, message: Expect| {
        check_message(read(text, &options), message);
    };
    check(
        BOATS,
        wanting(&["prize"]),
        expect![[
            r#"boats.csv: target column: found name "prize", expected one of length, price, berths, age; did you mean "price"?"#
        ]],
    );
    check(
        BOATS,
        wanting(&["5"]),
        expect!["boats.csv: target column: found column 5, expected at most 4, the last"],
    );
    check(
        BOATS,
        wanting(&["price", "2"]),
        expect![[r#"boats.csv: target column: found "price" twice, expected each column once"#]],
    );
    check(
        "1,2\n",
        wanting(&["b"]),
        expect![[
            r#"boats.csv: target column: found name "b", expected a column's number, from 1 to 2, since there is no header"#
        ]],
    );
    check(
        "a,b\n1,2\n3,cheap\n",
        wanting(&["b"]),
        expect![[
            r#"boats.csv, line 3, column 2 ("b"): found "cheap", expected a number; texts are classes, which --label b learns"#
        ]],
    );
    check(
        "a,b\n1,2\n3,NaN\n",
        wanting(&["b"]),
        expect![[
            r#"boats.csv, line 3, column 2 ("b"): found "NaN", expected a value; fill it in, or leave such rows out (--missing drop)"#
        ]],
    );
    check(
        "a,b\n1,2\n3,\n",
        wanting(&["b"]),
        expect![[
            r#"boats.csv, line 3, column 2 ("b"): found an empty field, expected a value; fill it in, or leave such rows out (--missing drop)"#
        ]],
    );
    check(
        "a,b\n1,2\n3,1e39\n",
        wanting(&["b"]),
        expect![[
            r#"boats.csv, line 3, column 2 ("b"): found "1e39", infinite as f32, expected a finite number"#
        ]],
    );
    check(
        "a,b\n1,2\n",
        wanting(&["a", "b"]),
        expect![
            "boats.csv: found no column but the targets', expected at least one feature column"
        ],
    );
    let features = vec!["age".into(), "price".into()];
    check(
        BOATS,
        CsvOptions { features, ..wanting(&["price"]) },
        expect![[r#"boats.csv: found it as a target, expected a feature column "price""#]],
    );
    let aside = Some("price".into());
    check(
        BOATS,
        CsvOptions { aside, ..wanting(&["price"]) },
        expect![[r#"boats.csv: column "price": found it as a target, expected another column"#]],
    );
    let yes_or_no = CsvOptions { target_values: vec![1.0, 0.0], ..wanting(&["b"]) };
    check(
        "a,b\n1,0\n3,1.0\n4,2\n",
        yes_or_no,
        expect![[r#"boats.csv, line 4, column 2 ("b"): found "2", expected 1 or 0"#]],
    );
    // A label that is asked for, too, is an oversight of nobody: targets go before it.
    let both = CsvOptions { label: LabelColumn::Name("none".into()), ..wanting(&["b"]) };
    assert_eq!(read("a,b\n1,2\n", &both).unwrap().names(), ["a"]);
}

#[test]
fn sets_of_sets_have_the_same_targets() {
    let whole: Arc<dyn Dataset> = Arc::new(read(BOATS, &wanting(&["price", "age"])).unwrap());
    let some = Subset::new(whole.clone(), vec![3, 0]).unwrap();
    assert_eq!(some.targets().names(), ["price", "age"]);
    assert_eq!(
        (target_of(&some, 0), target_of(&some, 1)),
        (vec![-500.0, 30.0], vec![32000.25, 12.0])
    );
    let same = Relabelled::new(Arc::new(some), &[]).unwrap();
    assert_eq!((target_of(&same, 0), same.label(0)), (vec![-500.0, 30.0], 0));
    // What is to be learned is no part of a sample's key, but of what the data are.
    let of = |text: &str| read(text, &wanting(&["price"])).unwrap();
    let (one, other) = (of(BOATS), of(&BOATS.replace("51000", "51001")));
    assert_eq!(one.key(1).unwrap(), other.key(1).unwrap());
    let print = |set: &TabularDataset| fingerprint(&[("all", set)], 1 << 20).unwrap().unordered;
    assert_ne!(print(&one), print(&other));
    assert_ne!(print(&one), print(&read(BOATS, &wanting(&["age"])).unwrap()));
}

/// Pictures with a number each.
struct Heights(Vec<String>);

impl Dataset for Heights {
    fn len(&self) -> usize {
        3
    }
    fn shape(&self) -> &[usize] {
        &[1, 4, 4]
    }
    fn classes(&self) -> &[String] {
        &[]
    }
    fn label(&self, _: usize) -> i64 {
        0
    }
    fn targets(&self) -> Targets<'_> {
        Targets::Numbers(&self.0)
    }
    fn target(&self, index: usize, out: &mut [f64]) {
        out[0] = [1.5, f64::NAN, 3.0][index];
    }
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        out.fill(index as f32);
        Ok(())
    }
}

#[test]
fn batches_hold_normalised_targets() {
    let set: Arc<dyn Dataset> = Arc::new(read(BOATS, &wanting(&["price", "age"])).unwrap());
    for workers in [0, 2] {
        let options = LoaderOptions { batch_size: 3, workers, ..LoaderOptions::default() };
        let loader = Loader::new(set.clone(), options).unwrap();
        let batches: Vec<_> = loader.epoch(0).map(Result::unwrap).collect();
        assert_eq!(batches[0].targets, [32000.25, 12.0, 51000.0, 8.0, 140000.0, 3.0]);
        assert_eq!((batches[1].len(), &batches[1].targets[..]), (1, &[-500.0, 30.0][..]));
        assert!(batches[0].labels.is_empty() && !batches[0].is_empty());
    }
    let scale = Normalization::of_targets(&*set);
    let options = LoaderOptions {
        batch_size: 4,
        shuffle: true,
        targets: Some(scale.clone()),
        ..LoaderOptions::default()
    };
    let loader = Loader::new(set.clone(), options).unwrap();
    let batch = loader.epoch(0).next().unwrap().unwrap();
    for column in 0..2 {
        let all = || batch.targets.iter().skip(column).step_by(2).copied().map(f64::from);
        assert!(all().sum::<f64>().abs() < 1e-6, "mean 0");
        assert!((all().map(|x| x * x).sum::<f64>() / 4.0 - 1.0).abs() < 1e-6, "deviation 1");
        for (&index, x) in batch.indices.iter().zip(all()) {
            let own = target_of(&*set, index)[column];
            assert!((scale.restore(column, x) - own).abs() < 0.02, "{x} was {own}");
        }
    }
    let wrong = LoaderOptions {
        targets: Some(Normalization::new(&[0.0], &[1.0]).unwrap()),
        ..LoaderOptions::default()
    };
    check_message(
        Loader::new(set, wrong).map(drop),
        expect![
            "normalization: found 1 channels, expected as many as the first axis of a sample of shape [2]"
        ],
    );
    // Ten views of a picture have its number; a NaN ends the epoch before anything is learned of it.
    let heights: Arc<dyn Dataset> = Arc::new(Heights(vec!["height".into()]));
    let views = TenCrop::new(heights.clone(), 2).unwrap();
    assert_eq!((target_of(&views, 9), target_of(&views, 29)), (vec![1.5], vec![3.0]));
    let loader = Loader::new(heights, LoaderOptions::default()).unwrap();
    check_message(
        loader.epoch(0).next().unwrap().map(drop),
        expect![[
            r#"data set, sample 1: found NaN in its target "height", expected finite numbers"#
        ]],
    );
}

#[test]
fn files_are_divided_as_ever() {
    let folder = tempfile::tempdir().unwrap();
    let rows = |range: std::ops::Range<usize>| -> String {
        range.map(|i| format!("{i},{},{}\n", i % 7, 3 * i)).collect()
    };
    let path = folder.path().join("a.csv");
    std::fs::write(&path, format!("x,y,t\n{}", rows(0..50))).unwrap();
    // The same columns, in another order.
    let other = folder.path().join("b.csv");
    std::fs::write(&other, "t,y,x\n90,2,30\n").unwrap();
    let opened = |split: Split| {
        let options = OpenOptions {
            csv: wanting(&["3"]),
            split: Some(split),
            ..OpenOptions::from_environment()
        };
        open_path(&path, &options).unwrap()
    };
    for split in [Split::Hash, Split::Position, Split::Time(None)] {
        let splits = opened(split.clone());
        assert!(!splits.test.is_empty() && splits.train.len() + splits.test.len() == 50, "{split}");
        let mut x = [0.0; 2];
        splits.test.read(0, &mut x).unwrap();
        assert_eq!(target_of(&*splits.test, 0), [3.0 * f64::from(x[0])], "{split}");
    }
    let test = opened(Split::File(other)).test;
    assert_eq!((test.targets().names(), target_of(&*test, 0)), (&["t".to_owned()][..], vec![90.0]));
}
