//! One table as many programs write it: whatever the separator, decimals, line ends and encoding, the values read are the same.

use gradus_data::{CsvOptions, Table, parse_csv};
use proptest::prelude::*;

fn parse(bytes: &[u8]) -> Table {
    parse_csv(bytes, "t.csv", &CsvOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn remarks(text: &str) -> String {
    parse(text.as_bytes()).remarks.join("\n")
}

/// How a table is written.
#[derive(Debug, Clone)]
struct Dialect {
    separator: &'static str,
    decimal_comma: bool,
    line_end: &'static str,
    quoted: bool,
    trailing: bool,
    comment: bool,
    excel: bool,
    header: bool,
    encoding: usize,
}

fn dialect() -> impl Strategy<Value = Dialect> {
    let separators = [",", ";", "\t", "|", "  "];
    (
        prop::sample::select(separators.to_vec()),
        any::<bool>(),
        prop::sample::select(vec!["\n", "\r\n", "\r"]),
        any::<[bool; 5]>(),
        0usize..5,
    )
        .prop_map(
            |(separator, comma, line_end, [quoted, trailing, comment, excel, header], encoding)| {
                let blanks = separator.starts_with(' ');
                Dialect {
                    separator,
                    decimal_comma: comma && separator != ",",
                    line_end,
                    quoted,
                    trailing: trailing && !blanks,
                    comment,
                    excel: excel && !blanks,
                    header,
                    encoding,
                }
            },
        )
}

fn write(d: &Dialect, rows: &[[f64; 3]]) -> Vec<u8> {
    let field = |text: String| if d.quoted { format!("\"{text}\"") } else { text };
    let number = |x: &f64| {
        let text = x.to_string();
        field(if d.decimal_comma { text.replace('.', ",") } else { text })
    };
    let end = if d.trailing { d.separator } else { "" };
    let mut lines = vec![];
    if d.excel {
        lines.push(format!("sep={}", d.separator));
    }
    if d.comment {
        lines.push("# made by some program of 2024".into());
    }
    if d.header {
        let names = ["a", "größe", "c", "label"].map(|name| field(name.into()));
        lines.push(names.join(d.separator) + end);
    }
    for (i, row) in rows.iter().enumerate() {
        let mut fields: Vec<String> = row.iter().map(number).collect();
        fields.push(field(["rot", "grün"][i % 2].into()));
        lines.push(fields.join(d.separator) + end);
    }
    let text = lines.join(d.line_end) + d.line_end;
    let utf_16 = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect();
    match d.encoding {
        0 => text.into_bytes(),
        1 => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        2 => [b"\xFF\xFE".to_vec(), utf_16(u16::to_le_bytes)].concat(),
        3 => [b"\xFE\xFF".to_vec(), utf_16(u16::to_be_bytes)].concat(),
        _ => text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect(),
    }
}

/// Numbers with a fraction, so that commas and points are seen.
fn table() -> impl Strategy<Value = Vec<[f64; 3]>> {
    let number = (-99_999i32..99_999).prop_map(|n| f64::from(n) / 8.0 + 0.0625);
    prop::collection::vec([number.clone(), number.clone(), number], 4..20)
}

proptest! {
    #[test]
    fn one_table_in_every_dialect(d in dialect(), rows in table()) {
        let read = parse(&write(&d, &rows));
        prop_assert_eq!(&read.values, &rows.concat());
        prop_assert_eq!(read.labels[..2].join(" "), "rot grün");
        let names = if d.header { vec!["a", "größe", "c"] } else { vec![] };
        prop_assert_eq!(read.names, names);
        let first = 1 + u64::from(d.excel) + u64::from(d.comment) + u64::from(d.header);
        prop_assert_eq!(read.lines[0], first);
        prop_assert_eq!(read.lines.last().unwrap() - first + 1, rows.len() as u64);
        // What is unusual is said.
        let said = read.remarks.join("\n");
        prop_assert_eq!(said.contains("decimal commas"), d.decimal_comma, "{}", said);
        prop_assert_eq!(said.contains("Windows-1252"), d.encoding == 4);
        prop_assert_eq!(said.contains("begin with #"), d.comment);
        prop_assert_eq!(said.contains("is left out: lines end"), d.trailing);
    }

    #[test]
    fn any_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = parse_csv(&bytes, "t.csv", &CsvOptions::default());
    }
}

#[test]
fn quotes_hold_line_breaks() {
    let table = parse(b"x,note,label\n1,\"two\nlines, \"\"quoted\"\"\",a\n2,\"three\r\n\r\nlines\",b\n3,\"two\nlines, \"\"quoted\"\"\",a\n");
    assert_eq!((table.lines, table.labels.join("")), (vec![2, 4, 7], "aba".into()));
    assert_eq!(table.forms[1].categories, ["three\r\n\r\nlines", "two\nlines, \"quoted\""]);
    assert_eq!(table.values, [1.0, 0.0, 1.0, 2.0, 1.0, 0.0, 3.0, 0.0, 1.0]);
    // A row that runs on by a quote is told as such.
    let error = parse_csv(b"x,y,label\n1,\"2,a\n3,4\",b,c,d\n", "t.csv", &CsvOptions::default());
    let error = error.unwrap_err().to_string();
    assert_eq!(
        error,
        "t.csv, line 2: found 5 columns in a row that goes on to line 3, by a quote, expected 3, as in the first line"
    );
}

#[test]
fn what_is_written_otherwise_is_said() {
    let commas = remarks("a;label\n1,5;x\n2;y\n");
    assert_eq!(commas, "numbers have decimal commas: 1,5 in line 2 is read as 1.5");
    // Cut at them rows would be of one length, too, but not of the header's.
    let row = |i: usize| format!("{},5;{};{};{}0,2\n", 40 + i, i % 4, ["Ulm", "Köln"][i % 2], i);
    let rows: String = (0..20).map(row).collect();
    let options = CsvOptions { targets: vec!["Miete".into()], ..CsvOptions::default() };
    let rent = format!("Größe;Zimmer;Ort;Miete\n{rows}");
    let rent = parse_csv(rent.as_bytes(), "t.csv", &options).unwrap();
    assert_eq!((rent.width, rent.values[0], rent.targets[1]), (4, 40.5, 10.2));
    // With points beside them they are something else, and refused.
    let both = parse_csv(b"a;b;label\n1,5;2.5;x\n", "t.csv", &CsvOptions::default()).unwrap_err();
    assert!(
        both.to_string().contains("column 1 (\"a\"): found \"1,5\", expected a number: write 1.5")
    );
    let r = "\"a\" \"b\" \"label\"\n\"1\" 0.5 2 \"x\"\n\"2\" 1.5 3 \"y\"\n\"7\" 2.5 4 \"x\"\n";
    assert!(remarks(r).starts_with("the header has a name less than the rows have fields"));
    let table = parse(r.as_bytes());
    assert_eq!((table.names.join(" "), table.values[..2].to_vec()), ("a b".into(), vec![0.5, 2.0]));
    // Numbers cut in two by decimal commas are no names of rows.
    let cut = parse_csv(b"a,label\n1,5,x\n1,7,y\n", "t.csv", &CsvOptions::default()).unwrap_err();
    assert_eq!(cut.to_string(), "t.csv, line 2: found 3 columns, expected 2, as in the first line");
    let void = parse(b"a,b,label\n1,2,x\n,,\n3,4,y\n,,\n");
    assert_eq!(
        (void.lines, void.remarks.join("")),
        (vec![2, 4], "2 rows without any value are passed over".into())
    );
    let savetxt = parse(b"# a,b,label\n1,2,0\n3,4,1\n5,6,0\n");
    assert_eq!((savetxt.names.join(" "), savetxt.lines.len()), ("a b".into(), 3));
    assert_eq!(savetxt.remarks.join(""), "line 1 begins with # and is taken for the header");
    let colours = parse(b"colour,x,label\n#ff0000,1,a\n#00ff00,2,b\n#ff0000,3,a\n#00ff00,4,a\n");
    assert_eq!(colours.forms[0].categories, ["#00ff00", "#ff0000"]);
    assert_eq!(parse(b"a, b, label\n1, 2, \"x, y\"\n3, 4, \"z\"\n").labels, ["x, y", "z"]);
}

#[test]
fn headers_of_numbers() {
    let rows = |header: &str, label: &str| {
        let rows: String = (0..12)
            .map(|i| format!("{}.5,{},0.25,{}\n", i % 5, i % 3, ["a", "b"][i % 2]))
            .collect();
        let rows = if label == "text" { rows } else { rows.replace(['a', 'b'], "7") };
        parse_csv(format!("{header}\n{rows}").as_bytes(), "t.csv", &CsvOptions::default())
    };
    for header in ["0,1,2,3", "1,2,3,4", "0,1,2,label", "2019,2020,2021,target", "0,1,2,label"] {
        let table = rows(header, "text").unwrap();
        assert_eq!((table.lines.len(), table.lines[0]), (12, 2), "{header}");
        assert!(
            table.remarks[0].contains(" is taken for the header; --header no takes it for a row")
        );
    }
    let asked = |result: gradus_data::Result<Table>| result.unwrap_err().to_string();
    for (header, label) in [
        ("0,1,2,colour", "text"),
        ("2019,2020,2021,2022", "text"),
        ("2019,2020,2021,2022", "number"),
        ("0.5,2,0.75,7", "text"),
    ] {
        let error = asked(rows(header, label));
        assert!(
            error.ends_with("expected names or a row, which --header yes or --header no tells"),
            "{error}"
        );
    }
    // Without numbers below, a class that comes again, or nothing that counts on: a row.
    for (first, label) in [("0,1,2,a", "text"), ("0.5,1,2,x", "text"), ("5,3,1,7", "number")] {
        assert_eq!(rows(first, label).unwrap().lines.len(), 13, "{first}");
    }
    let stated = CsvOptions { header: Some(false), ..CsvOptions::default() };
    assert_eq!(parse_csv(b"0,1,2,3\n1,2,3,4\n", "t.csv", &stated).unwrap().lines.len(), 2);
    let stated = CsvOptions { header: Some(true), ..CsvOptions::default() };
    assert_eq!(parse_csv(b"2019,2020\n1,2\n", "t.csv", &stated).unwrap().names, ["2019"]);
}

/// `2.008` beside `736` are whole numbers where semicolons are between fields; a decimal comma anywhere shows it, too, and what another
/// file showed holds on.
#[test]
fn points_between_thousands() {
    let read = |text: &str, decimal_comma: bool| {
        let options = CsvOptions { decimal_comma, ..CsvOptions::default() };
        let table = parse_csv(text.as_bytes(), "t.csv", &options).unwrap();
        (table.values, table.decimal_comma, table.remarks.join("\n"))
    };
    let (values, comma, said) = read("a;label\n2.008;x\n736;y\n", false);
    assert_eq!((values, comma), (vec![2008.0, 736.0], true));
    assert_eq!(said, "points are between thousands: 2.008 in line 2 is read as 2008");
    let (values, _, said) = read("a;b;label\n1,5;2.008;x\n-1.234.567,25;4500;y\n", false);
    assert_eq!(values, [1.5, 2008.0, -1_234_567.25, 4500.0]);
    assert!(said.contains("1,5 in line 2 is read as 1.5") && said.contains("2.008"), "{said}");
    // Known from another file, of a single row.
    assert_eq!(read("a;b;label\n6.200;0.125;x\n", false).0, [6.2, 0.125]);
    assert_eq!(read("a;label\n6.200;x\n", true).0, [6200.0]);
    // Decimal points are decimal points; where it cannot be told, it is said.
    assert_eq!(read("a;label\n2.008;x\n7.5;y\n", true).0, [2.008, 7.5]);
    assert_eq!(read("a,label\n2.008,x\n736,y\n", false).0, [2.008, 736.0]);
    let (values, comma, said) = read("a;label\n2.008;x\n4500;y\n", false);
    assert_eq!((values, comma), (vec![2.008, 4500.0], false));
    assert_eq!(
        said,
        "points are taken for decimal ones: 2.008 in line 2 is read as 2.008, not as 2008"
    );
}
