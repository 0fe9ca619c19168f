//! Points as a table: columns x, y and label, one line a point.

use super::data::{self, EDGE, MOST_OWN};
use super::messages::Point;
use super::settings::{MOST_CLASSES, Problem, Settings};
use std::fmt::Write;

/// The longest file.
const LONGEST: usize = 512 << 10;

/// A line of the table: its number, and its cells.
type Row<'a> = (usize, Vec<&'a str>);

/// Points, and the settings with as many classes as the labels have. For regression labels are numbers. Otherwise −1 and 1, or any
/// few words or numbers, which become classes in their order. A column `part` says which points are `test`; without it chance does.
/// Points outside the square are brought into it by one scale.
///
/// # Errors
/// The line, what was found there, and what was expected.
pub(super) fn read(text: &str, settings: &Settings) -> Result<(Settings, Vec<Point>), String> {
    if text.len() > LONGEST {
        return Err(format!("the table has {} bytes, at most {LONGEST} are read", text.len()));
    }
    let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    let rows = lines.map(|(at, line)| (at + 1, line.trim())).filter(|(_, line)| !line.is_empty());
    let split = |line| match line {
        line if str::contains(line, ';') => ';',
        line if line.contains('\t') => '\t',
        _ => ',',
    };
    let mut rows: Vec<Row<'_>> = rows
        .map(|(at, line)| (at, line.split(split(line)).map(|cell| unquoted(cell.trim())).collect()))
        .collect();
    let Some((_, first)) = rows.first() else {
        return Err("the table is empty: lines of x, y and label are expected".into());
    };
    let (columns, part) = match first[..] {
        [x, ..] if x.parse::<f64>().is_err() => {
            let columns = header(first)?;
            let part = first.iter().position(|name| name.eq_ignore_ascii_case("part"));
            rows.remove(0);
            (columns, part)
        }
        _ => ([0, 1, 2], None),
    };
    if rows.is_empty() || rows.len() > MOST_OWN {
        return Err(format!("the table has {} points: 1 to {MOST_OWN} are expected", rows.len()));
    }
    let mut settings = settings.clone();
    let mut points = vec![];
    for (at, cells) in &rows {
        let [x, y] = [0, 1].map(|column| number(*at, cells, columns[column], ["x", "y"][column]));
        let is_test = part.is_some_and(|part| cells.get(part) == Some(&"test"));
        points.push(Point { x: x?, y: y?, label: 0.0, is_test });
    }
    let labels = labels(&rows, columns, &mut settings)?;
    points.iter_mut().zip(labels).for_each(|(point, label)| point.label = label);
    bring_in(&mut points);
    settings.take_own();
    if part.is_none() {
        data::split(&mut points, &settings);
    }
    Ok((settings, points))
}

fn unquoted(cell: &str) -> &str {
    cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')).unwrap_or(cell)
}

/// Which columns are x, y and label.
fn header(names: &[&str]) -> Result<[usize; 3], String> {
    let mut columns = [0; 3];
    for (to, wanted) in columns.iter_mut().zip(["x", "y", "label"]) {
        let found = names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
        *to = found.ok_or_else(|| {
            let names = names.join(", ");
            format!("line 1 names {names}: no column {wanted}; x, y and label are expected")
        })?;
    }
    Ok(columns)
}

fn cell<'a>(at: usize, cells: &[&'a str], column: usize) -> Result<&'a str, String> {
    cells
        .get(column)
        .copied()
        .ok_or_else(|| format!("line {at} has {} cells: x, y and label are expected", cells.len()))
}

fn number(at: usize, cells: &[&str], column: usize, name: &str) -> Result<f64, String> {
    let text = cell(at, cells, column)?;
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("line {at}: {name} is {:?}, a number is expected", shown(text)))
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Every row's label; sets how many classes there are.
fn labels(
    rows: &[Row<'_>],
    columns: [usize; 3],
    settings: &mut Settings,
) -> Result<Vec<f64>, String> {
    if settings.problem == Problem::Regression {
        let label = |(at, cells): &Row<'_>| {
            let number = number(*at, cells, columns[2], "label")?;
            super::points::label_of(number, settings).map_err(|what| format!("line {at}: {what}"))
        };
        return rows.iter().map(label).collect();
    }
    let mut names: Vec<&str> = vec![];
    for (at, cells) in rows {
        let name = cell(*at, cells, columns[2])?;
        if name.is_empty() {
            return Err(format!("line {at}: the label is empty"));
        }
        if !names.contains(&name) {
            names.push(name);
        }
        if names.len() > usize::from(MOST_CLASSES) {
            let name = shown(name);
            return Err(format!("line {at}: {name:?} is one class more than {MOST_CLASSES}"));
        }
    }
    if names.len() < 2 {
        return Err(format!(
            "all labels are {:?}: two classes at least are expected",
            shown(names[0])
        ));
    }
    let as_number = |name: &&str| name.parse::<f64>().ok();
    match names.iter().map(as_number).collect::<Option<Vec<_>>>() {
        Some(_) => {
            names.sort_by(|a, b| as_number(a).partial_cmp(&as_number(b)).unwrap_or(a.cmp(b)))
        }
        None => names.sort_unstable(),
    }
    settings.classes = names.len() as u8;
    let class = |(_, cells): &Row<'_>| {
        let class = names.iter().position(|name| *name == cells[columns[2]]).unwrap_or(0);
        match names.len() {
            2 => 2.0 * class as f64 - 1.0,
            _ => class as f64,
        }
    };
    Ok(rows.iter().map(class).collect())
}

/// If a point lies outside the square, all are moved and scaled alike until they fill five sixths of it.
fn bring_in(points: &mut [Point]) {
    if points.iter().all(|point| point.x.abs() <= EDGE && point.y.abs() <= EDGE) {
        return;
    }
    let range = |of: fn(&Point) -> f64| {
        let least = points.iter().map(of).fold(f64::INFINITY, f64::min);
        let most = points.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        (0.5 * least + 0.5 * most, 0.5 * most - 0.5 * least)
    };
    let ((x, width), (y, height)) = (range(|point| point.x), range(|point| point.y));
    let scale = match width.max(height) {
        0.0 => 0.0,
        half => 5.0 / half,
    };
    for point in points {
        (point.x, point.y) = ((point.x - x) * scale, (point.y - y) * scale);
    }
}

/// Points as such a table.
pub(super) fn write(points: &[Point]) -> String {
    let mut text = "x,y,label,part\n".to_owned();
    for Point { x, y, label, is_test } in points {
        let part = if *is_test { "test" } else { "train" };
        // Writing to a String does not fail.
        let _ = writeln!(text, "{x},{y},{label},{part}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read() {
        let classes = |text: &str| {
            let (settings, points) = read(text, &Settings::default()).expect(text);
            assert!(settings.is_own());
            (settings.classes, points.iter().map(|point| point.label).collect::<Vec<_>>())
        };
        assert_eq!(classes("1,2,-1\n2,3,1\n"), (2, vec![-1.0, 1.0]));
        assert_eq!(classes("x,y,label\n1,2,0\n2,3,1\n\n"), (2, vec![-1.0, 1.0]));
        assert_eq!(classes("label;X;y\nred;1;2\r\n\"blue\";2;3\n"), (2, vec![1.0, -1.0]));
        assert_eq!(classes("1 , 2, 10\n2,3,9\n2,3,2"), (3, vec![2.0, 1.0, 0.0]));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let points = crate::playground::run::Run::new(Settings::default(), vec![]).points();
        let (settings, read) = read(&write(&points), &Settings::default()).expect("a table");
        assert_eq!((settings.classes, read), (2, points));
    }

    #[test]
    fn points_outside_are_brought_in() {
        let (_, points) = read("0,0,a\n100,50,b\n", &Settings::default()).expect("a table");
        assert_eq!((points[0].x, points[0].y, points[1].x, points[1].y), (-5.0, -2.5, 5.0, 2.5));
    }

    #[test]
    fn mistakes_name_the_line() {
        let refusal = |text: &str| read(text, &Settings::default()).unwrap_err();
        let expected = [
            ("", "the table is empty: lines of x, y and label are expected"),
            ("1,2,3\n1,b,3\n", "line 2: y is \"b\", a number is expected"),
            ("1,2,3\n\n1,2\n", "line 3 has 2 cells: x, y and label are expected"),
            ("a,b,c\n1,2,3\n", "line 1 names a, b, c: no column x; x, y and label are expected"),
            ("1,2,1\n1,2,1\n", "all labels are \"1\": two classes at least are expected"),
            ("1,2,a\n1,2,\n", "line 2: the label is empty"),
            ("1,inf,a\n1,2,b\n", "line 1: y is \"inf\", a number is expected"),
            (
                "1,1,a\n1,1,b\n1,1,c\n1,1,d\n1,1,e\n1,1,f\n",
                "line 6: \"f\" is one class more than 5",
            ),
            ("x,y,label\n", "the table has 0 points: 1 to 5000 are expected"),
        ];
        for (text, what) in expected {
            assert_eq!(refusal(text), what);
        }
    }
}
