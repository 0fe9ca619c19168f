//! Letters for pictures: dots on a grid of 5 by 9, the lowest two rows for what hangs below the line. A line of them is made smoother before it is
//! drawn (Scale2x, twice), and as wide as its letters are.

/// Rows of dots of a letter.
const ROWS: usize = 9;
/// Columns that a blank takes.
const BLANK: usize = 4;
/// What a dot becomes on either side, after two doublings.
const FINER: usize = 4;

/// How large letters are.
#[derive(Clone, Copy, PartialEq)]
pub enum Letters {
    /// 12 pixels from top to bottom.
    Small,
    /// 18 pixels.
    Large,
}

impl Letters {
    /// Pixels from the top of the tallest to the bottom of the lowest.
    pub const fn height(self) -> usize {
        ROWS * FINER / self.finer_in_a_pixel()
    }
    /// Finer dots along a pixel's side.
    const fn finer_in_a_pixel(self) -> usize {
        match self {
            Letters::Small => 3,
            Letters::Large => 2,
        }
    }
    /// Pixels that a text is wide.
    pub fn width(self, text: &str) -> usize {
        (columns(text) * FINER).div_ceil(self.finer_in_a_pixel())
    }
    /// A text in the letters that there are; of one that is wider than `room` pixels the beginning, and dots.
    pub fn written(self, text: &str, room: usize) -> String {
        self.cut(text, room, |all, kept| (all[..kept].iter().collect(), String::new()))
    }
    /// The same, of one that is too wide the beginning and the end: names of files differ there.
    pub fn ends_of(self, text: &str, room: usize) -> String {
        self.cut(text, room, |all, kept| {
            let (first, last) = (kept / 2, kept - kept / 2);
            (all[..first].iter().collect(), all[all.len() - last..].iter().collect())
        })
    }
    /// The text, or as many of its letters as there is room for, as `parts` of that many puts them around dots.
    fn cut(
        self,
        text: &str,
        room: usize,
        parts: impl Fn(&[char], usize) -> (String, String),
    ) -> String {
        let drawn = |c: char| if glyph(c).is_some() { c } else { '-' };
        let all: Vec<char> = text.chars().map(drawn).collect();
        let whole: String = all.iter().collect();
        if self.width(&whole) <= room {
            return whole;
        }
        let around = |kept: usize| {
            let (before, after) = parts(&all, kept);
            format!("{before}…{after}")
        };
        // No letter is narrower than two columns.
        let most = all.len().min(room);
        let fits = |kept: &usize| self.width(&around(*kept)) <= room;
        (0..most).rev().find(fits).map_or(String::new(), around)
    }

    /// Calls with each pixel of a line that has ink, and how much of it: from 0 to 1.
    pub fn each_pixel(self, text: &str, mut pixel: impl FnMut(usize, usize, f64)) {
        let line = Line::of(text).doubled().doubled();
        let side = self.finer_in_a_pixel();
        for y in 0..self.height() {
            for x in 0..self.width(text) {
                let mut ink = 0;
                for (row, column) in
                    (0..side * side).map(|i| (y * side + i / side, x * side + i % side))
                {
                    ink += usize::from(line.dot(column as isize, row as isize));
                }
                if ink > 0 {
                    pixel(x, y, ink as f64 / (side * side) as f64);
                }
            }
        }
    }
}

/// Dots in rows.
struct Line {
    columns: usize,
    dots: Vec<bool>,
}

impl Line {
    fn of(text: &str) -> Line {
        let columns = columns(text);
        let mut dots = vec![false; columns * ROWS];
        let mut left = 0;
        for c in text.chars() {
            let (first, wide) = extent(c);
            for (row, bits) in glyph(c).into_iter().flatten().enumerate() {
                for column in 0..wide {
                    dots[row * columns + left + column] = bits >> (4 - first - column) & 1 == 1;
                }
            }
            left += wide + 1;
        }
        Line { columns, dots }
    }

    /// A dot; none beside the line.
    fn dot(&self, column: isize, row: isize) -> bool {
        let inside = (0..self.columns as isize).contains(&column) && row >= 0;
        inside && self.dots.get(row as usize * self.columns + column as usize) == Some(&true)
    }

    /// Four dots for each, the corners taken from two neighbours that agree: slants become smooth, right angles stay.
    fn doubled(&self) -> Line {
        let columns = 2 * self.columns;
        let mut dots = vec![false; 4 * self.dots.len()];
        for at in 0..self.dots.len() {
            let (column, row) = (at % self.columns, at / self.columns);
            let near =
                |right: isize, down: isize| self.dot(column as isize + right, row as isize + down);
            let (up, right, down, left) = (near(0, -1), near(1, 0), near(0, 1), near(-1, 0));
            let corner = |a: bool, b: bool, c: bool, d: bool| {
                if a == b && a != c && b != d { a } else { self.dots[at] }
            };
            let four = [
                corner(left, up, down, right),
                corner(up, right, left, down),
                corner(down, left, right, up),
                corner(right, down, up, left),
            ];
            let places = [(0, 0), (1, 0), (0, 1), (1, 1)];
            for (dot, (x, y)) in four.into_iter().zip(places) {
                dots[(2 * row + y) * columns + 2 * column + x] = dot;
            }
        }
        Line { columns, dots }
    }
}

/// Columns of dots that a text is wide, a blank one after each letter.
fn columns(text: &str) -> usize {
    text.chars().map(|c| extent(c).1 + 1).sum()
}

/// The first column of a letter that has a dot, and how many columns it takes.
fn extent(c: char) -> (usize, usize) {
    let all = glyph(c).unwrap_or_default().iter().fold(0, |all, row| all | row);
    match all {
        0 => (0, BLANK - 1),
        all => {
            let first = all.leading_zeros() as usize - 3;
            (first, 5 - first - all.trailing_zeros() as usize)
        }
    }
}

/// The rows of a letter from top to bottom, five bits each, the leftmost first.
fn glyph(c: char) -> Option<[u8; ROWS]> {
    if let Some((letter, accent)) = accented(c) {
        let mut rows = glyph(letter)?;
        if letter == 'i' {
            rows[..2].fill(0);
        }
        rows[0] |= accent[0];
        rows[1] |= accent[1];
        return Some(rows);
    }
    let found = GLYPHS.iter().find(|(letter, _)| *letter == c)?;
    let mut rows = [0; ROWS];
    rows[..found.1.len()].copy_from_slice(found.1);
    Some(rows)
}

/// A small letter with a mark above it, as that letter and the mark's rows.
fn accented(c: char) -> Option<(char, [u8; 2])> {
    const MARKS: &[(&str, &str, [u8; 2])] = &[
        ("äëïöü", "aeiou", [10, 0]),
        ("áéíóú", "aeiou", [2, 4]),
        ("àèìòù", "aeiou", [8, 4]),
        ("âêîôû", "aeiou", [4, 10]),
        ("ãñõ", "ano", [13, 22]),
        ("å", "a", [4, 4]),
    ];
    MARKS.iter().find_map(|(marked, plain, mark)| {
        let at = marked.chars().position(|other| other == c)?;
        plain.chars().nth(at).map(|letter| (letter, *mark))
    })
}

const GLYPHS: &[(char, &[u8])] = &[
    (' ', &[]),
    ('0', &[14, 17, 19, 21, 25, 17, 14]),
    ('1', &[4, 12, 4, 4, 4, 4, 14]),
    ('2', &[14, 17, 1, 2, 4, 8, 31]),
    ('3', &[31, 2, 4, 2, 1, 17, 14]),
    ('4', &[2, 6, 10, 18, 31, 2, 2]),
    ('5', &[31, 16, 30, 1, 1, 17, 14]),
    ('6', &[6, 8, 16, 30, 17, 17, 14]),
    ('7', &[31, 1, 2, 4, 8, 8, 8]),
    ('8', &[14, 17, 17, 14, 17, 17, 14]),
    ('9', &[14, 17, 17, 15, 1, 2, 12]),
    ('.', &[0, 0, 0, 0, 0, 12, 12]),
    (',', &[0, 0, 0, 0, 0, 12, 4, 8]),
    (':', &[0, 0, 12, 12, 0, 12, 12]),
    (';', &[0, 0, 12, 12, 0, 12, 4, 8]),
    ('!', &[4, 4, 4, 4, 4, 0, 4]),
    ('?', &[14, 17, 1, 2, 4, 0, 4]),
    ('\'', &[4, 4, 8]),
    ('"', &[10, 10]),
    ('-', &[0, 0, 0, 14, 0, 0, 0]),
    ('+', &[0, 4, 4, 31, 4, 4, 0]),
    ('=', &[0, 0, 31, 0, 31, 0, 0]),
    ('*', &[0, 4, 21, 14, 21, 4, 0]),
    ('#', &[10, 10, 31, 10, 31, 10, 10]),
    ('&', &[12, 18, 20, 8, 21, 18, 13]),
    ('@', &[14, 17, 23, 21, 23, 16, 14]),
    ('_', &[0, 0, 0, 0, 0, 0, 0, 31]),
    ('%', &[24, 25, 2, 4, 8, 19, 3]),
    ('<', &[2, 4, 8, 16, 8, 4, 2]),
    ('>', &[8, 4, 2, 1, 2, 4, 8]),
    ('/', &[1, 1, 2, 4, 8, 16, 16]),
    ('\\', &[16, 16, 8, 4, 2, 1, 1]),
    ('|', &[4, 4, 4, 4, 4, 4, 4, 4]),
    ('(', &[2, 4, 8, 8, 8, 4, 2]),
    (')', &[8, 4, 2, 2, 2, 4, 8]),
    ('[', &[14, 8, 8, 8, 8, 8, 14]),
    (']', &[14, 2, 2, 2, 2, 2, 14]),
    ('~', &[0, 0, 0, 13, 22, 0, 0]),
    ('…', &[0, 0, 0, 0, 0, 0, 21]),
    ('×', &[0, 0, 10, 4, 10, 0, 0]),
    ('→', &[0, 4, 2, 31, 2, 4, 0]),
    ('✓', &[0, 1, 1, 2, 18, 12, 4]),
    ('✗', &[0, 17, 10, 4, 10, 17, 0]),
    ('A', &[14, 17, 17, 31, 17, 17, 17]),
    ('B', &[30, 17, 17, 30, 17, 17, 30]),
    ('C', &[14, 17, 16, 16, 16, 17, 14]),
    ('D', &[28, 18, 17, 17, 17, 18, 28]),
    ('E', &[31, 16, 16, 30, 16, 16, 31]),
    ('F', &[31, 16, 16, 30, 16, 16, 16]),
    ('G', &[14, 17, 16, 23, 17, 17, 15]),
    ('H', &[17, 17, 17, 31, 17, 17, 17]),
    ('I', &[14, 4, 4, 4, 4, 4, 14]),
    ('J', &[7, 2, 2, 2, 2, 18, 12]),
    ('K', &[17, 18, 20, 24, 20, 18, 17]),
    ('L', &[16, 16, 16, 16, 16, 16, 31]),
    ('M', &[17, 27, 21, 21, 17, 17, 17]),
    ('N', &[17, 17, 25, 21, 19, 17, 17]),
    ('O', &[14, 17, 17, 17, 17, 17, 14]),
    ('P', &[30, 17, 17, 30, 16, 16, 16]),
    ('Q', &[14, 17, 17, 17, 21, 18, 13]),
    ('R', &[30, 17, 17, 30, 20, 18, 17]),
    ('S', &[15, 16, 16, 14, 1, 1, 30]),
    ('T', &[31, 4, 4, 4, 4, 4, 4]),
    ('U', &[17, 17, 17, 17, 17, 17, 14]),
    ('V', &[17, 17, 17, 17, 17, 10, 4]),
    ('W', &[17, 17, 17, 21, 21, 21, 10]),
    ('X', &[17, 17, 10, 4, 10, 17, 17]),
    ('Y', &[17, 17, 17, 10, 4, 4, 4]),
    ('Z', &[31, 1, 2, 4, 8, 16, 31]),
    ('Ä', &[10, 0, 14, 17, 31, 17, 17]),
    ('Ö', &[10, 0, 14, 17, 17, 17, 14]),
    ('Ü', &[10, 0, 17, 17, 17, 17, 14]),
    ('ß', &[12, 18, 18, 20, 18, 17, 22]),
    ('a', &[0, 0, 14, 1, 15, 17, 15]),
    ('b', &[16, 16, 30, 17, 17, 17, 30]),
    ('c', &[0, 0, 14, 17, 16, 17, 14]),
    ('ç', &[0, 0, 14, 17, 16, 17, 14, 4, 8]),
    ('d', &[1, 1, 15, 17, 17, 17, 15]),
    ('e', &[0, 0, 14, 17, 31, 16, 14]),
    ('f', &[6, 8, 28, 8, 8, 8, 8]),
    ('g', &[0, 0, 15, 17, 17, 17, 15, 1, 14]),
    ('h', &[16, 16, 30, 17, 17, 17, 17]),
    ('i', &[4, 0, 12, 4, 4, 4, 14]),
    ('j', &[2, 0, 6, 2, 2, 2, 2, 18, 12]),
    ('k', &[16, 16, 18, 20, 24, 20, 18]),
    ('l', &[12, 4, 4, 4, 4, 4, 14]),
    ('m', &[0, 0, 26, 21, 21, 21, 21]),
    ('n', &[0, 0, 30, 17, 17, 17, 17]),
    ('o', &[0, 0, 14, 17, 17, 17, 14]),
    ('p', &[0, 0, 30, 17, 17, 17, 30, 16, 16]),
    ('q', &[0, 0, 15, 17, 17, 17, 15, 1, 1]),
    ('r', &[0, 0, 22, 24, 16, 16, 16]),
    ('s', &[0, 0, 15, 16, 14, 1, 30]),
    ('t', &[8, 8, 28, 8, 8, 8, 6]),
    ('u', &[0, 0, 17, 17, 17, 19, 13]),
    ('v', &[0, 0, 17, 17, 17, 10, 4]),
    ('w', &[0, 0, 17, 17, 21, 21, 10]),
    ('x', &[0, 0, 17, 10, 4, 10, 17]),
    ('y', &[0, 0, 17, 17, 17, 17, 15, 1, 14]),
    ('z', &[0, 0, 31, 2, 4, 8, 31]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_where_they_differ_least() {
        let letters = Letters::Small;
        assert_eq!(letters.written("Préis €", 320), "Préis -");
        let cut = letters.written(&"long".repeat(20), 120);
        assert!(cut.starts_with("longlong") && cut.ends_with('…'), "{cut}");
        assert!(letters.width(&cut) <= 120 && letters.width(&cut) > 110, "{cut}");
        let ends = letters.ends_of("a_folder_with_a_long_name/IMG_2041.png", 150);
        assert!(ends.starts_with("a_fo") && ends.ends_with("2041.png"), "{ends}");
        assert!(letters.width(&ends) <= 150, "{ends}");
        assert_eq!(
            (letters.written("ab", 3), letters.ends_of("", 3)),
            (String::new(), String::new())
        );
    }

    #[test]
    fn letters_are_as_wide_as_their_dots() {
        assert_eq!((extent('W'), extent('i'), extent(' ')), ((0, 5), (1, 3), (0, 3)));
        let widths = ["i", "W", "Wi"].map(|text| Letters::Large.width(text));
        assert_eq!(widths, [8, 12, 20]);
        let (mut ink, mut lowest) = (0.0, 0);
        Letters::Large.each_pixel("g", |_, y, share| {
            ink += share;
            lowest = lowest.max(y);
        });
        // A dot is four pixels; rounding corners takes from some and gives to others.
        let dots: u32 = glyph('g').unwrap().iter().map(|row| row.count_ones()).sum();
        assert!((ink - 4.0 * f64::from(dots)).abs() < 8.0, "{ink} {dots}");
        assert_eq!(lowest, Letters::Large.height() - 1);
    }

    /// All letters of a name are told apart, and so are small and capital ones.
    #[test]
    fn no_two_glyphs_are_one() {
        for (i, (a, rows)) in GLYPHS.iter().enumerate() {
            assert!(rows.len() <= ROWS && rows.iter().all(|row| *row < 32), "{a}");
            assert!(GLYPHS[..i].iter().all(|(b, other)| other != rows && a != b), "{a}");
        }
        assert!("äéîñüÄß".chars().all(|c| glyph(c).is_some()));
        assert_ne!(glyph('ä'), glyph('a'));
    }
}
