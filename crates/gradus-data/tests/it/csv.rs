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
        prop_assert_eq!(table.values, rows.concat());
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
        expect!["t.csv, line 4: found 1 column, expected 2, as in the first line"],
    );
    check_message(
        parse("x,y\n1,2\n3,4,5\n"),
        expect!["t.csv, line 3: found 3 columns, expected 2, as in the first line"],
    );
    check_message(
        parse("width,y\n1,2\n1.5m,0\n"),
        expect![[r#"t.csv, line 3, column 1 ("width"): found "1.5m", expected a number"#]],
    );
    check_message(
        parse("1,2\nNaN,0\n"),
        expect!["t.csv, line 2, column 1: found NaN, expected a finite number"],
    );
    check_message(
        parse("width,y\n1,2\n3,0\nnan,0\n"),
        expect![[r#"t.csv, line 4, column 1 ("width"): found NaN, expected a finite number"#]],
    );
    check_message(
        parse("1,2\n1e999,0\n"),
        expect![[
            r#"t.csv, line 2, column 1: found "1e999", infinite as f32, expected a finite number"#
        ]],
    );
    check_message(
        parse("1,2\n,0\n"),
        expect!["t.csv, line 2, column 1: found an empty field, expected a value"],
    );
    check_message(
        parse("1,\"2\n3,4\n"),
        expect![[
            r#"t.csv, line 1: found a quote without its end in "1,\"2", expected a closing quote"#
        ]],
    );
    check_message(
        parse_csv(b"1,2\n\xFF,3\n", "t.csv", &CsvOptions::default()),
        expect!["t.csv, byte 4: found bytes that are not UTF-8, expected UTF-8 text"],
    );
    let label = |label| CsvOptions { label, ..CsvOptions::default() };
    check_message(
        parse_with("1,2\n", &label(LabelColumn::Index(2))),
        expect!["t.csv: label column: found 2, expected below 2, the number of columns"],
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
    let long = format!("x,y\n{},1\n", "ab".repeat(500));
    check_message(
        parse(&long),
        expect![[
            r#"t.csv, line 2, column 1 ("x"): found "abababababababababababababababababababab"…, expected a number"#
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
