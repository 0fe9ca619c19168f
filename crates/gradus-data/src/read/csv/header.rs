//! Whether the first line is a header or a row. Where that cannot be told, it is asked.

use super::LABEL_NAMES;
use super::survey::{Cell, Survey};

/// What the first line is.
#[derive(Debug, PartialEq)]
pub(super) enum FirstLine {
    Names,
    /// Names that are numbers.
    Numbers,
    Row,
    /// Either; why is said.
    Doubtful(&'static str),
}

/// Judges a first line by its fields and by what is below them.
pub(super) fn judge(first: &[String], below: &Survey) -> FirstLine {
    let kinds: Vec<Cell> = first.iter().map(|text| below.cell(text)).collect();
    let is_number = |kind: &Cell| matches!(kind, Cell::Number | Cell::Comma);
    let numbers: Vec<&String> = first
        .iter()
        .zip(&kinds)
        .filter(|(_, kind)| is_number(kind))
        .map(|(text, _)| text)
        .collect();
    if numbers.is_empty() {
        // A row of nothing but missing values is no header.
        let nothing = |(text, kind): (&String, &Cell)| *kind == Cell::Missing && !text.is_empty();
        return match first.iter().zip(&kinds).any(nothing) && first.len() > 1 && all_missing(&kinds)
        {
            true => FirstLine::Row,
            false => FirstLine::Names,
        };
    }
    let run = run_of(&numbers);
    if numbers.len() == first.len() {
        return of_numbers(first, below, run);
    }
    let texts = || (0..first.len()).filter(|&at| matches!(kinds[at], Cell::Text | Cell::Word));
    if texts().any(|at| LABEL_NAMES.iter().any(|name| name.eq_ignore_ascii_case(&first[at]))) {
        return FirstLine::Numbers;
    }
    let over = |at: usize, is: &dyn Fn(&super::survey::Column) -> bool| {
        below.columns.get(at).is_some_and(is)
    };
    let over_numbers =
        texts().any(|at| over(at, &|column| column.numbers > 0 && column.texts == 0));
    let recurs = |at: usize| over(at, &|column| column.values.contains(&first[at]));
    let repeated = |at: usize| over(at, &|column| 2 * column.values.len() as u64 <= column.texts);
    match run {
        Run::FromZero | Run::FromOne | Run::Years if over_numbers => FirstLine::Numbers,
        Run::FromZero | Run::Years if texts().all(|at| !recurs(at) && repeated(at)) => {
            FirstLine::Doubtful("what counts on, and a text that no other row has")
        }
        _ => FirstLine::Row,
    }
}

fn all_missing(kinds: &[Cell]) -> bool {
    kinds.iter().all(|kind| matches!(kind, Cell::Missing | Cell::Word))
}

/// A first line that holds nothing but numbers.
fn of_numbers(first: &[String], below: &Survey, run: Run) -> FirstLine {
    let over_texts = below.columns.iter().take(first.len()).any(|column| column.is_text());
    match run {
        Run::FromZero | Run::FromOne if over_texts && first.len() > 1 => FirstLine::Numbers,
        Run::FromZero | Run::FromOne if first.len() > 3 => FirstLine::Numbers,
        Run::FromZero | Run::FromOne if first.len() == 3 && below.rows > 3 => {
            FirstLine::Doubtful("numbers that count on")
        }
        Run::Years => FirstLine::Doubtful("numbers that count on"),
        _ if over_texts && first.len() > 1 => FirstLine::Doubtful("a number above texts"),
        _ => FirstLine::Row,
    }
}

/// Whole numbers that count on by 1.
#[derive(Clone, Copy, PartialEq)]
enum Run {
    FromZero,
    FromOne,
    Years,
    None,
}

fn run_of(numbers: &[&String]) -> Run {
    let whole: Option<Vec<i64>> = numbers.iter().map(|text| text.parse().ok()).collect();
    let whole = whole.unwrap_or_default();
    let counts_on = whole.windows(2).all(|pair| pair[1] == pair[0] + 1);
    match whole.first() {
        Some(0) if counts_on => Run::FromZero,
        Some(1) if counts_on => Run::FromOne,
        Some(1800..2200) if counts_on && whole.len() > 1 => Run::Years,
        _ => Run::None,
    }
}
