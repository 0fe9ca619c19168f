//! CSV: round trips, detection of header and separator, and a message for everything that can be wrong.

use expect_test::expect;
use gradus_data::{CsvOptions, Dataset, LabelColumn, Result, TabularDataset, parse_csv, read_csv};
use proptest::prelude::*;

use crate::{check_error, check_message};

fn parse(text: &str) -> Result<TabularDataset> {
    parse_with(text, &CsvOptions::default())
}

fn parse_with(text: &str, options: &CsvOptions) -> Result<TabularDataset> {
    TabularDataset::new(parse_csv(text.as_bytes(), "t.csv", options)?, "t.csv", options.classes)
}

fn row(set: &TabularDataset, index: usize) -> Vec<f32> {
    let mut out = vec![0.0; set.shape()[0]];
    set.read(index, &mut out).unwrap();
    out
}

proptest! {
    #[test]
    fn round_trip(
        rows in prop::collection::vec(prop::collection::vec(-1e30f32..1e30, 3), 1..8),
        delimiter in prop::sample::select(vec![',', ';', '\t']),
        header: bool,
        quoted: bool,
    ) {
        let mut text = String::new();
        if header {
            text += &["a", "b", "c", "kind\r\n"].join(&delimiter.to_string());
        }
        for (i, row) in rows.iter().enumerate() {
            for value in row {
                text += &if quoted { format!("\"{value}\"") } else { value.to_string() };
                text.push(delimiter);
            }
            text += &format!("class {}\n", i % 2);
        }
        let table = parse_csv(text.as_bytes(), "t.csv", &CsvOptions::default()).unwrap();
        let values: Vec<f32> = table.values.iter().map(|&x| x as f32).collect();
        prop_assert_eq!(values, rows.concat());
        prop_assert_eq!(table.names.len(), if header { 3 } else { 0 });
        prop_assert_eq!(table.labels[0].as_str(), "class 0");
    }

    #[test]
    fn any_text_does_not_panic(text in "[0-9a-z,;\"\n .-]{0,60}") {
        let _ = parse(&text);
    }
}

#[test]
fn labels_and_header_are_found() {
    let iris = "sepal,petal,species\n5.1,3.5,setosa\n\n6.2,2.9,virginica\n5.0,3.0,setosa\n";
    let set = parse(iris).unwrap();
    assert_eq!(set.names(), ["sepal", "petal"]);
    assert_eq!(set.classes(), ["setosa", "virginica"]);
    assert_eq!((0..3).map(|i| set.label(i)).collect::<Vec<_>>(), [0, 1, 0]);
    assert_eq!(row(&set, 1), [6.2, 2.9]);

    let first = CsvOptions { label: LabelColumn::Index(0), ..CsvOptions::default() };
    let set = parse_with("10;1.5\n9;2.5\n", &first).unwrap();
    assert_eq!(set.classes(), ["9", "10"], "integers sort by value");
    assert_eq!((set.label(0), row(&set, 0)), (1, vec![1.5]));

    let named = CsvOptions { label: LabelColumn::Name("y".into()), ..CsvOptions::default() };
    let set = parse_with("\u{FEFF}y\t\"x, doubled \"\"quotes\"\"\"\n1\t2\n", &named).unwrap();
    assert_eq!(set.names(), ["x, doubled \"quotes\""]);

    let years = CsvOptions { header: Some(true), ..CsvOptions::default() };
    assert_eq!(parse_with("2024,2025\n1,2\n", &years).unwrap().names(), ["2024"]);

    let ten = CsvOptions { classes: Some(10), ..CsvOptions::default() };
    let set = parse_with("0.5,7\n", &ten).unwrap();
    assert_eq!((set.label(0), set.classes().len()), (7, 10));
}

/// The label is where the header says so, else last, else where the options say.
#[test]
fn labels_in_any_column() {
    let labels = |text: &str| {
        let set = parse(text).unwrap();
        let labels: Vec<&str> =
            (0..set.len()).map(|i| &*set.classes()[set.label(i) as usize]).collect();
        (labels.join(" "), row(&set, 0))
    };
    let kaggle = "label,p0,p1\n7,1,0\n3,2,0\n7,3,0\n";
    assert_eq!(labels(kaggle), ("7 3 7".into(), vec![1.0, 0.0]));
    assert_eq!(labels("x,Class,y\n1,a,2\n3,b,4\n"), ("a b".into(), vec![1.0, 2.0]));
    assert_eq!(labels("target,x\n1,5\n"), ("1".into(), vec![5.0]));
    assert_eq!(labels("target,x,label\n1,5,2\n"), ("2".into(), vec![1.0, 5.0]), "label first");
    assert_eq!(labels("x,species\n1,a\n"), ("a".into(), vec![1.0]), "no such name: the last");
    assert_eq!(labels("1,2,b\n"), ("b".into(), vec![1.0, 2.0]), "no header: the last");
    let columns = parse(kaggle).unwrap().columns().cloned().unwrap();
    assert_eq!(
        (columns.features.join(" "), columns.label.as_deref()),
        ("p0 p1".into(), Some("label"))
    );
    assert_eq!(parse("1,2,b\n").unwrap().columns(), None);

    check_message(
        "0".parse::<LabelColumn>(),
        expect![[r#"label column: found "0", expected a column's name, or its number from 1"#]],
    );
    check_message(
        parse("species,x,y\nvirginica,1,2\n"),
        expect![[
            r#"t.csv, line 2, column 1 ("species"): found "virginica", expected a number: the label is taken to be in column 3 ("y"); --label names another column, --drop species trains without this one"#
        ]],
    );
}

/// Features by name come in the order asked for; what else there is, text too, is passed over.
#[test]
fn features_by_name() {
    let features = |names: &[&str], label| {
        let features = names.iter().map(|&name| name.to_owned()).collect();
        CsvOptions { features, label, ..CsvOptions::default() }
    };
    let text = "id,b,a,label\nx17,1,2,cat\nx18,3,4,dog\n";
    let parse = |options| parse_csv(text.as_bytes(), "t.csv", &options);
    let table = parse(features(&["a", "b"], LabelColumn::None)).unwrap();
    assert_eq!((table.names.join(" "), table.width), ("a b".into(), 2));
    assert_eq!((table.values, table.labels.len()), (vec![2.0, 1.0, 4.0, 3.0], 0));
    let table = parse(features(&["b"], LabelColumn::Auto)).unwrap();
    assert_eq!((table.values, table.labels), (vec![1.0, 3.0], vec!["cat".into(), "dog".into()]));
    check_message(
        parse(features(&["a", "c"], LabelColumn::Auto)),
        expect![[r#"t.csv: found the columns id, b, a, label, expected a feature column "c""#]],
    );
    check_message(
        parse(features(&["label"], LabelColumn::Auto)),
        expect![[r#"t.csv: found it as the label, expected a feature column "label""#]],
    );
    check_message(
        parse_csv(b"1,2\n", "t.csv", &features(&["a"], LabelColumn::Auto)),
        expect![[r#"t.csv: found no header, expected a feature column "a""#]],
    );
    let table = parse(features(&["a"], LabelColumn::None)).unwrap();
    check_message(
        TabularDataset::new(table, "t.csv", None),
        expect!["t.csv: found rows without labels, expected labels"],
    );
}

/// Prices, lengths and the like would each be a class of its own.
#[test]
fn measurements_are_no_classes() {
    let rows = |label: &dyn Fn(usize) -> String, n: usize| {
        let rows: Vec<String> = (0..n).map(|i| format!("{i},{}\n", label(i))).collect();
        parse(&format!("rooms,price\n{}", rows.concat()))
    };
    let pairs = rows(&|i| (150_000 + 7 * (i / 2)).to_string(), 150).unwrap();
    assert_eq!(pairs.classes().len(), 75, "two rows each");
    check_message(
        rows(&|i| (150_000 + 7 * i.min(147)).to_string(), 150),
        expect![[
            r#"t.csv: found 148 different labels in 150 rows (column "price"), expected classes with several rows each; --target price learns its numbers, --label names another column"#
        ]],
    );
    assert!(rows(&|i| format!("{}.5", i), 5).is_err(), "fractions, each another");
    assert!(rows(&|i| format!("{}.5", i % 2), 5).is_ok());
    assert!(rows(&|i| i.to_string(), 20).is_ok(), "a few rows to try something out");
    assert!(rows(&|i| format!("name {i}"), 21).is_err());
    let table = parse_csv(b"1,0.5\n2,0.25\n3,1.5\n", "t.csv", &CsvOptions::default()).unwrap();
    assert_eq!(table.labels, ["0.5", "0.25", "1.5"], "for regression");
}

/// What stands in rows of another length says nothing of the columns: neither a text where numbers are, nor another width.
#[test]
fn rows_of_another_length_are_left_out() {
    let text = "x,town,label\n1,Ulm,a\n2,Ulm\n3,Bonn,b\nKarl,4,Bonn,b\n5,Bonn,a\n";
    let skip = CsvOptions { skip_unreadable: true, ..CsvOptions::default() };
    let table = parse_csv(text.as_bytes(), "t.csv", &skip).unwrap();
    assert_eq!(
        (&table.lines[..], table.names.join(" ")),
        (&[2, 4, 6][..], "x town=Bonn town=Ulm".into())
    );
    let told: Vec<_> = table.unreadable.iter().map(|row| (row.line, &*row.why)).collect();
    assert_eq!(
        told,
        [
            (Some(3), "found 2 columns, expected 3, as in the first line"),
            (Some(5), "found 4 columns, expected 3, as in the first line"),
        ]
    );
    // With the names of rows, or separators at their ends, beside broken ones.
    let named = "a b label\nr1 1 2 x\nr2 3 4 y\nr3 5\nr4 6 7 x\n".replace(' ', ";");
    let table = parse_csv(named.as_bytes(), "t.csv", &skip).unwrap();
    assert_eq!(
        (table.values, table.unreadable[0].line),
        (vec![1.0, 2.0, 3.0, 4.0, 6.0, 7.0], Some(4))
    );
    // Most rows are so.
    let error = parse_csv(b"a,b,label\n1,2\n3,4\n5,6,x\n", "t.csv", &skip).unwrap_err().to_string();
    assert!(
        error.contains("found 2 of 3 rows with another number of fields, the first in line 2"),
        "{error}"
    );
}

#[test]
fn messages() {
    check_message(parse(""), expect!["t.csv: found no rows, expected at least one row"]);
    check_message(parse("\n \n"), expect!["t.csv: found no rows, expected at least one row"]);
    check_message(parse("a,b\n"), expect!["t.csv: found a header without rows, expected rows"]);
    check_message(
        parse("1\n2\n"),
        expect!["t.csv: found one column, expected a label column and at least one feature column"],
    );
    check_message(
        parse("x,y\n1,2\n\n3\n"),
        expect![
            "t.csv, line 4: found 1 column, expected 2, as in the first line; mend or remove the row, or go on without such rows (--skip-unreadable)"
        ],
    );
    check_message(
        parse("x,y\n1,2\n3,4,5\n"),
        expect![
            "t.csv, line 3: found 3 columns, expected 2, as in the first line; mend or remove the row, or go on without such rows (--skip-unreadable)"
        ],
    );
    check_message(
        parse("width,y\n1,2\n1.5m,0\n"),
        expect![[
            r#"t.csv, line 3, column 1 ("width"): found "1.5m", expected a number, as in 1 other row; --drop width trains without the column"#
        ]],
    );
    check_message(
        parse("1,2\nNaN,0\n"),
        expect![[
            r#"t.csv, line 2, column 1: found "NaN", expected a value; --missing drop leaves such rows out, --missing mean puts the mean of the column there, --drop 1 trains without it"#
        ]],
    );
    check_message(
        parse("width,y\n1,2\n3,0\nnan,0\n"),
        expect![[
            r#"t.csv, line 4, column 1 ("width"): found "nan", expected a value; --missing drop leaves such rows out, --missing mean puts the mean of the column there, --drop width trains without it"#
        ]],
    );
    check_message(
        parse("1,2\n1e999,0\n"),
        expect![[
            r#"t.csv, line 2, column 1: found "1e999", infinite as f32, expected a finite number"#
        ]],
    );
    check_message(
        parse("1,2\n,0\n"),
        expect![
            "t.csv, line 2, column 1: found an empty field, expected a value; --missing drop leaves such rows out, --missing mean puts the mean of the column there, --drop 1 trains without it"
        ],
    );
    check_message(
        parse("1,\"2\n3,4\n"),
        expect![[
            r#"t.csv, line 1: found a quote without its end in "1,\"2", expected a closing quote"#
        ]],
    );
    check_message(
        parse_csv(
            "é,2\n".as_bytes().iter().chain(b"\xFF,3\n").copied().collect::<Vec<_>>().as_slice(),
            "t.csv",
            &CsvOptions::default(),
        ),
        expect!["t.csv, byte 5 (line 2): found bytes that are not UTF-8, expected UTF-8 text"],
    );
    let label = |label| CsvOptions { label, ..CsvOptions::default() };
    check_message(
        parse_with("1,2\n", &label(LabelColumn::Index(2))),
        expect!["t.csv: label column: found column 3, expected at most 2, the last"],
    );
    check_message(
        parse_with("1,2\n", &label(LabelColumn::Name("y".into()))),
        expect![[
            r#"t.csv: label column: found name "y", expected a number, since there is no header"#
        ]],
    );
    check_message(
        parse_with("a,b\n1,2\n", &label(LabelColumn::Name("y".into()))),
        expect![[r#"t.csv: label column: found name "y", expected one of a, b"#]],
    );
    let three = CsvOptions { classes: Some(3), ..CsvOptions::default() };
    check_message(
        parse_with("1,2\n1,3\n", &three),
        expect!["t.csv: sample 1 has label 3, expected 0..3 (3 classes)"],
    );
    check_message(
        parse_with("1,2\n1,cat\n", &three),
        expect![[r#"t.csv, line 2: found "cat", expected a label in 0..3"#]],
    );
    // Names say which column is which.
    check_message(
        parse("x,y,x,kind\n1,2,3,a\n"),
        expect![[
            r#"t.csv, line 1: found columns 1 and 3 both called "x", expected a name for each"#
        ]],
    );
    check_message(
        parse("label,x,label\na,2,b\n"),
        expect![[
            r#"t.csv, line 1: found columns 1 and 3 both called "label", expected a name for each"#
        ]],
    );
    check_message(
        parse("\nClass,x,class\na,2,b\n"),
        expect![[
            r#"t.csv, line 2: found columns 1 and 3 both called "class", expected a name for each"#
        ]],
    );
    assert!(parse("x,X,label\n1,2,a\n").is_ok(), "two names");
    let long = format!("x,y\n{},1\n", "ab".repeat(500));
    check_message(
        parse(&long),
        expect![[
            r#"t.csv, line 2, column 1 ("x"): found "abababababababababababababababababababab"…, expected a number: the label is taken to be in column 2 ("y"); --label names another column, --drop x trains without this one"#
        ]],
    );
    let dir = tempfile::tempdir().unwrap();
    let absent = dir.path().join("absent.csv");
    check_error(
        read_csv(&absent, &CsvOptions::default()),
        dir.path(),
        expect!["DIR/absent.csv: cannot open the file: No such file or directory (os error 2)"],
    );
}
