//! What columns are taken for: texts become categories, values may be missing, what only counts the rows is left out.

use gradus_data::{
    ColumnForm, CsvOptions, Dataset, Filled, Missing, Result, Table, TabularDataset, means_of,
    parse_csv,
};
use std::sync::Arc;

fn parse(text: &str, options: &CsvOptions) -> Result<Table> {
    parse_csv(text.as_bytes(), "t.csv", options)
}

fn usual(text: &str) -> Table {
    parse(text, &CsvOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str, options: &CsvOptions) -> String {
    parse(text, options).unwrap_err().to_string()
}

#[test]
fn texts_become_categories() {
    let text = "town,area,label\nUlm,80,a\nBonn,95,b\nUlm,70,a\n";
    let table = usual(text);
    assert_eq!(table.names, ["town=Bonn", "town=Ulm", "area"]);
    assert_eq!(table.values, [0.0, 1.0, 80.0, 1.0, 0.0, 95.0, 0.0, 1.0, 70.0]);
    assert_eq!(
        table.remarks,
        [
            r#"column 1 ("town") holds texts: each of its 2 values ("Bonn", "Ulm") becomes a feature of 0 and 1"#
        ]
    );
    // Another file like it: other columns, in another order; by name.
    let like = |lenient| CsvOptions {
        features: vec!["town".into(), "area".into()],
        forms: table.forms.clone(),
        lenient,
        ..CsvOptions::default()
    };
    let other = parse("id,area,label,town\n7,1,a,Bonn\n8,2,b,Bonn\n", &like(false)).unwrap();
    assert_eq!(other.values, [1.0, 0.0, 1.0, 1.0, 0.0, 2.0]);
    let unknown = "town,area,label\nUlm,1,a\nOslo,2,b\n";
    assert_eq!(
        refused(unknown, &like(false)),
        r#"t.csv, line 3, column 1 ("town"): found "Oslo", expected a text that was learned: "Bonn", "Ulm""#
    );
    let passed = parse(unknown, &like(true)).unwrap();
    assert_eq!((passed.lines, passed.passed_over[0].0), (vec![2], 3));
    assert!(
        passed.passed_over[0].1.starts_with(r#"column 1 ("town"): found "Oslo", expected a text"#)
    );
    // Without a header by number.
    let bare = usual("Ulm,80,a\nBonn,95,b\n");
    assert_eq!(
        bare.forms[0],
        ColumnForm { name: "1".into(), categories: vec!["Bonn".into(), "Ulm".into()] }
    );
    assert_eq!((bare.names.len(), bare.width), (0, 3));
}

#[test]
fn columns_that_are_no_categories() {
    let rows = |cell: &dyn Fn(usize) -> String, n: usize| -> String {
        (0..n).map(|i| format!("{},{},{}\n", cell(i), i * i, ["x", "y"][i % 2])).collect()
    };
    let of = |cell: &dyn Fn(usize) -> String, n| {
        parse(&format!("a,b,label\n{}", rows(cell, n)), &CsvOptions::default())
    };
    let error = of(&|i| format!("{i} High St"), 30).unwrap_err().to_string();
    assert_eq!(
        error,
        r#"t.csv, line 2, column 1 ("a"): found "0 High St" and in all 30 different texts in 30 rows, expected a number, or at most 100 texts with several rows each; --drop a trains without the column"#
    );
    let error = of(&|i| format!("s{}", i % 101), 500).unwrap_err().to_string();
    assert!(error.contains("in all more than 100 different texts in 500 rows"), "{error}");
    assert_eq!(of(&|i| format!("s{}", i % 100), 500).unwrap().width, 101);
    // A number that is written badly makes no category of the others.
    let error = of(&|i| if i == 7 { "12 m".into() } else { i.to_string() }, 30).unwrap_err();
    assert!(error.to_string().contains(
        "line 9, column 1 (\"a\"): found \"12 m\", expected a number, as in 29 other rows; --drop a"
    ));
    let error = of(&|i| format!("${}", i % 3), 30).unwrap_err().to_string();
    assert!(error.contains("found \"$0\", expected a number: write 0"), "{error}");
    // One text in all rows tells nothing.
    let table = of(&|_| "same".into(), 30).unwrap();
    assert_eq!((table.width, table.left_out), (1, vec!["a".to_owned()]));
    // `none` is a value among texts, and nothing among numbers.
    let table = of(&|i| ["none", "some"][i % 2].into(), 30).unwrap();
    assert_eq!(table.forms[0].categories, ["none", "some"]);
    assert!(
        of(&|i| ["none", "7"][i % 2].into(), 30)
            .unwrap_err()
            .to_string()
            .contains("--missing drop")
    );
}

#[test]
fn columns_that_count_the_rows() {
    let rows: String = (0..9).map(|i| format!("{i},{},x\n", i * 7 % 5)).collect();
    let table = usual(&format!(",a,label\n{rows}"));
    assert_eq!((table.names.join(" "), table.left_out.join(" ")), ("a".into(), "1".into()));
    assert_eq!(table.remarks, [r#"column 1 has no name and counts the rows: it is left out"#]);
    let table = usual(&format!("id,a,label\n{rows}"));
    assert_eq!(table.names.join(" "), "id a");
    assert_eq!(
        table.remarks,
        [r#"column 1 ("id") counts the rows and is learned from; --drop id leaves it out"#]
    );
    // A gap, or a row that is there twice, and a column that begins anew.
    let nearly = |number: fn(u32) -> u32| {
        let rows: String = (0..40).map(|i| format!("{},{},x\n", number(i), i * 7 % 5)).collect();
        usual(&format!("id,a,label\n{rows}")).remarks.join(" ")
    };
    let told =
        r#"column 1 ("id") nearly counts the rows and is learned from; --drop id leaves it out"#;
    assert_eq!(nearly(|i| if i < 9 { i } else { i + 3 }), told);
    assert_eq!(nearly(|i| i.max(1)), told);
    assert_eq!((nearly(|i| i % 20), nearly(|i| i * 2)), (String::new(), String::new()));
    let bare = usual(&rows);
    assert!(bare.remarks[0].starts_with("column 1 counts the rows"), "{:?}", bare.remarks);
    let dropped = CsvOptions { leave_out: vec!["id".into()], ..CsvOptions::default() };
    assert_eq!(parse(&format!("id,a,label\n{rows}"), &dropped).unwrap().remarks.len(), 0);
    // A model of before may have learned from it.
    let features =
        CsvOptions { features: vec![String::new(), "a".into()], ..CsvOptions::default() };
    assert_eq!(parse(&format!(",a,label\n{rows}"), &features).unwrap().width, 2);
}

#[test]
fn missing_values() {
    for nothing in ["", "NA", "NaN", "nan", "?", "null", "NULL", "N/A", "n/a", "None"] {
        let text = format!("a,b,label\n1,2,x\n{nothing},4,y\n5,6,x\n");
        let with = |missing| CsvOptions { missing, ..CsvOptions::default() };
        let error = refused(&text, &with(Missing::Refuse));
        assert!(
            error.contains("line 3, column 1") && error.contains("--missing drop leaves"),
            "{error}"
        );
        assert!(error.contains("--missing mean puts the mean of the column there"), "{error}");
        let dropped = parse(&text, &with(Missing::Drop)).unwrap();
        assert_eq!(dropped.values, [1.0, 2.0, 5.0, 6.0], "{nothing}");
        assert_eq!(dropped.remarks, ["1 row with a missing value left out"]);
        let marked = parse(&text, &with(Missing::Mean)).unwrap();
        assert!(marked.values[2].is_nan() && marked.lines.len() == 3);
    }
    // A missing text takes the share of each: the mean of its features.
    let mean = CsvOptions { missing: Missing::Mean, ..CsvOptions::default() };
    let table = parse("t,label\nu,a\nv,b\n,a\nu,b\nu,a\n", &mean).unwrap();
    assert_eq!(table.remarks[1], "1 value missing in 5 rows: means stand for them");
    let set: Arc<dyn Dataset> = Arc::new(TabularDataset::new(table, "t.csv", None).unwrap());
    let means = means_of(&*set).unwrap();
    assert_eq!(means, [0.75, 0.25]);
    let filled = Filled::new(set.clone(), &means).unwrap();
    assert_eq!((filled.row(2), filled.row(0)), (Some(&[0.75, 0.25][..]), Some(&[1.0, 0.0][..])));
    assert_eq!(
        (0..5).map(|i| filled.key(i).unwrap()).collect::<Vec<_>>(),
        (0..5).map(|i| set.key(i).unwrap()).collect::<Vec<_>>()
    );
    // What is to be learned cannot be a mean.
    let error = refused("a,label\n1,x\n2,\n", &mean);
    assert_eq!(
        error,
        r#"t.csv, line 3, column 2 ("label"): found an empty field, expected a value; fill it in, or leave such rows out (--missing drop)"#
    );
    let target = CsvOptions { targets: vec!["y".into()], ..mean };
    assert!(
        refused("a,y\n1,2\n2,?\n", &target)
            .contains("column 2 (\"y\"): found \"?\", expected a value; fill")
    );
    assert!(
        refused("a,label\n,x\n", &CsvOptions { missing: Missing::Drop, ..CsvOptions::default() })
            .contains("found a missing value in every row")
    );
}
