//! Where an augmentation moves pixels to, so that masks and boxes go the same way.

/// What an augmentation does to the places of pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Motion {
    /// It is not said: nothing can go along with such an augmentation.
    Unknown,
    /// Pixels stay where they are; their values may change, such as colours.
    Still,
    /// Each pixel of the result is taken from this place.
    Moved(Warp),
}

/// Where pixel (row, column) of the result lies in the input: a linear map of both. Pixel 0's middle is at 0.
///
/// ```
/// use gradus_data::Warp;
/// let mirror = Warp { row: [1.0, 0.0, 0.0], column: [0.0, -1.0, 3.0] }; // of pictures that are 4 wide
/// assert_eq!(mirror.source(2.0, 0.0), (2.0, 3.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warp {
    /// The input's row is `row[0]·row + row[1]·column + row[2]`.
    pub row: [f64; 3],
    /// The input's column likewise.
    pub column: [f64; 3],
}

impl Warp {
    /// Rows and columns of the input that begin at these places of it, one for one.
    pub fn shift(top: f64, left: f64) -> Warp {
        Warp { row: [1.0, 0.0, top], column: [0.0, 1.0, left] }
    }

    /// Windows `(start, length)` along rows and columns, brought to sizes.
    pub fn windows(rows: (f64, f64), columns: (f64, f64), sizes: [usize; 2]) -> Warp {
        let along = |(start, length): (f64, f64), size: usize| {
            let scale = length / size as f64;
            (scale, start + 0.5 * scale - 0.5)
        };
        let ((down, top), (right, left)) = (along(rows, sizes[0]), along(columns, sizes[1]));
        Warp { row: [down, 0.0, top], column: [0.0, right, left] }
    }

    /// The place in the input of a place in the result.
    pub fn source(&self, row: f64, column: f64) -> (f64, f64) {
        let at = |[a, b, c]: [f64; 3]| a * row + b * column + c;
        (at(self.row), at(self.column))
    }

    /// The place in the result of a place in the input.
    fn target(&self, row: f64, column: f64) -> (f64, f64) {
        let ([a, b, e], [c, d, f]) = (self.row, self.column);
        let (y, x, determinant) = (row - e, column - f, a * d - b * c);
        ((d * y - b * x) / determinant, (a * x - c * y) / determinant)
    }

    /// A mask goes along: each pixel of the result is the nearest one of the input, so no value comes in that was not there;
    /// `outside` is what lies outside of it.
    pub(crate) fn nearest<T: Copy>(
        &self,
        input: &[T],
        [h, w]: [usize; 2],
        output: &mut [T],
        [height, width]: [usize; 2],
        outside: T,
    ) {
        let planes = input.chunks_exact(h * w).zip(output.chunks_exact_mut(height * width));
        for (from, to) in planes {
            for (at, to) in to.iter_mut().enumerate() {
                let (y, x) = self.source((at / width) as f64, (at % width) as f64);
                let (y, x) = ((y + 0.5).floor(), (x + 0.5).floor());
                let inside = y >= 0.0 && x >= 0.0 && y < h as f64 && x < w as f64;
                *to = if inside { from[y as usize * w + x as usize] } else { outside };
            }
        }
    }

    /// A box goes along: the smallest upright one about its four corners, as far as it lies in the result; `None` if nothing of it does.
    /// Boxes are (left, top, right, bottom), the edges of pixels: pixel 0 lies between 0 and 1.
    pub(crate) fn carry(
        &self,
        [left, top, right, bottom]: [f32; 4],
        sizes: [usize; 2],
    ) -> Option<[f32; 4]> {
        let corner = |y: f32, x: f32| {
            let (y, x) = self.target(f64::from(y) - 0.5, f64::from(x) - 0.5);
            [(y + 0.5), (x + 0.5)]
        };
        let corners =
            [corner(top, left), corner(top, right), corner(bottom, left), corner(bottom, right)];
        let side = |axis: usize| {
            let (low, high) =
                corners.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), c| {
                    (low.min(c[axis]), high.max(c[axis]))
                });
            let most = sizes[axis] as f64;
            (low.clamp(0.0, most) as f32, high.clamp(0.0, most) as f32)
        };
        let ((top, bottom), (left, right)) = (side(0), side(1));
        (top < bottom && left < right).then_some([left, top, right, bottom])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_where_the_source_comes_from() {
        let warp = Warp { row: [0.8, -0.6, 3.0], column: [0.6, 0.8, -1.5] };
        for (row, column) in [(0.0, 0.0), (5.0, 2.0), (-1.0, 7.5)] {
            let (y, x) = warp.source(row, column);
            let (again, there) = warp.target(y, x);
            assert!((again - row).abs() < 1e-12 && (there - column).abs() < 1e-12);
        }
    }

    #[test]
    fn boxes_are_clipped_and_those_outside_are_gone() {
        let crop = Warp::shift(2.0, 3.0);
        assert_eq!(crop.carry([1.0, 1.0, 5.0, 4.0], [4, 4]), Some([0.0, 0.0, 2.0, 2.0]));
        assert_eq!(crop.carry([0.0, 0.0, 3.0, 9.0], [4, 4]), None);
        // A quarter turn of a picture of 4×4: (row, column) comes from (column, 3 - row).
        let turn = Warp { row: [0.0, 1.0, 0.0], column: [-1.0, 0.0, 3.0] };
        assert_eq!(turn.carry([0.0, 1.0, 1.0, 3.0], [4, 4]), Some([1.0, 3.0, 3.0, 4.0]));
        // Half the size.
        let half = Warp::windows((0.0, 8.0), (0.0, 8.0), [4, 4]);
        assert_eq!(half.carry([2.0, 0.0, 8.0, 4.0], [4, 4]), Some([1.0, 0.0, 4.0, 2.0]));
    }
}
