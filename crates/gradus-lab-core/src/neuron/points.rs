//! The points of the page, and the tables they begin with. Coordinates are whole hundredths, so that sums and signs are exact.

use crate::wire::Wire;

/// Parts that 1 has.
pub(super) const PARTS: f64 = 100.0;
/// The most points.
pub(super) const MOST: usize = 64;
/// The largest coordinate.
const FAR: f64 = 5.0;

/// A point and the answer wanted.
#[derive(Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    /// To the right, in hundredths.
    pub(super) x: i32,
    /// Upwards, in hundredths.
    pub(super) y: i32,
    /// Whether the answer is 1.
    pub(super) one: bool,
}

impl Point {
    /// The point nearest to a place.
    pub(super) fn at(x: f64, y: f64, one: bool) -> Result<Point, String> {
        for (name, value) in [("x", x), ("y", y)] {
            if !(-FAR..=FAR).contains(&value) {
                return Err(format!("a point at {name} = {value}: expected −{FAR} to {FAR}"));
            }
        }
        let whole = |value: f64| (value * PARTS).round() as i32;
        Ok(Point { x: whole(x), y: whole(y), one })
    }

    /// The input in hundredths: the constant is 100, or 0 without a bias.
    pub(super) fn input(self, bias: bool) -> [i64; 3] {
        [self.x.into(), self.y.into(), if bias { PARTS as i64 } else { 0 }]
    }

    /// The place in words.
    pub(super) fn place(self) -> String {
        format!("({}, {})", decimal(self.x.into()), decimal(self.y.into()))
    }
}

/// Hundredths as a short decimal.
pub(super) fn decimal(hundredths: i64) -> String {
    let text = format!("{}", hundredths.unsigned_abs() as f64 / PARTS);
    if hundredths < 0 { format!("−{text}") } else { text }
}

/// The tables by name: what 00, 01, 10 and 11 give.
const TABLES: [(&str, [bool; 4]); 4] = [
    ("and", [false, false, false, true]),
    ("or", [false, true, true, true]),
    ("nand", [true, true, true, false]),
    ("xor", [false, true, true, false]),
];

/// The name of points that are no table's.
pub(super) const OWN: &str = "own";

/// The points of a table; none for its own points.
pub(super) fn table(name: &str) -> Option<Vec<Point>> {
    if name == OWN {
        return Some(vec![]);
    }
    let (_, answers) = TABLES.iter().find(|(known, _)| *known == name)?;
    let corner = |(i, &one): (usize, &bool)| Point {
        x: if i / 2 == 1 { 100 } else { 0 },
        y: if i % 2 == 1 { 100 } else { 0 },
        one,
    };
    Some(answers.iter().enumerate().map(corner).collect())
}

/// Points as an address holds them: `0.5,1,1;-1,0,0`.
pub(super) fn read(text: &str) -> Result<Vec<Point>, String> {
    let one = |text: &str| {
        let wrong = || format!("point {text:?}: expected x,y and 0 or 1, as 0.5,-1,1");
        let [x, y, answer] = text.split(',').collect::<Vec<_>>()[..] else { return Err(wrong()) };
        let number = |text: &str| text.parse::<f64>().map_err(|_| wrong());
        let one = match answer {
            "0" => false,
            "1" => true,
            _ => return Err(wrong()),
        };
        Point::at(number(x)?, number(y)?, one)
    };
    let points: Vec<_> = text.split(';').filter(|text| !text.is_empty()).take(MOST + 1).collect();
    if points.len() > MOST {
        return Err(format!("more than {MOST} points"));
    }
    points.into_iter().map(one).collect()
}

/// What [`read`] reads.
pub(super) fn write(points: &[Point]) -> String {
    let one = |p: &Point| {
        format!("{},{},{}", f64::from(p.x) / PARTS, f64::from(p.y) / PARTS, u8::from(p.one))
    };
    points.iter().map(one).collect::<Vec<_>>().join(";")
}
