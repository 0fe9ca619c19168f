//! A picture of what a model predicts against what is true: a point for each sample, a panel for each target.

use crate::paper::{DARK, Letters, Paper};
use gradus::io;

/// The side of the square of points, in pixels.
const SIDE: usize = 320;
/// The room around it: for numbers on the left, for lines of text above and below.
const LEFT: usize = 92;
const RIGHT: usize = 16;
const ROOM: usize = 36;
const PANEL: (usize, usize) = (LEFT + SIDE + RIGHT, SIDE + 2 * ROOM);
/// Least distance of a point's middle from the frame, so that no point is cut.
const INSET: usize = 6;
/// Panels side by side.
const ACROSS: usize = 3;
/// Panels at most.
pub const MOST: usize = 9;
/// The room for a line below all panels.
const FOOT: usize = 24;

const DIAGONAL: [u8; 3] = [214, 96, 60];
const POINT: [u8; 3] = [38, 92, 168];
/// How much of a pixel's brightness a point takes: where many lie it becomes dark.
const INK: f64 = 0.45;

/// One target: its name, and for each sample what is true and what is predicted.
pub struct Panel<'a> {
    /// The target's name.
    pub name: &'a str,
    /// True and predicted.
    pub pairs: Vec<(f64, f64)>,
}

/// A PNG of at most nine targets. True values run to the right, predicted ones upwards, both from the least to the greatest of either;
/// on the diagonal they are equal. Ends of the axes are written beside them, and the target above. Numbers that are not finite have
/// no place. If there are more targets, a line below says how many.
///
/// # Errors
/// When there is no target.
pub fn draw(panels: &[Panel<'_>]) -> io::Result<Vec<u8>> {
    let shown = &panels[..panels.len().min(MOST)];
    let (across, down) = (shown.len().min(ACROSS), shown.len().div_ceil(ACROSS));
    let more = panels.len() - shown.len();
    let foot = if more > 0 { FOOT } else { 0 };
    let mut paper = Paper::new(across * PANEL.0, down * PANEL.1 + foot);
    for (i, panel) in shown.iter().enumerate() {
        paper.panel(panel, (i % ACROSS * PANEL.0, i / ACROSS * PANEL.1));
    }
    if more > 0 {
        let text = format!("{more} more targets are not drawn");
        let left = (paper.width - Letters::Small.width(&text)) / 2;
        paper.text(&text, (left, down * PANEL.1), Letters::Small, DARK);
    }
    paper.to_png()
}

impl Paper {
    fn panel(&mut self, panel: &Panel<'_>, (left, top): (usize, usize)) {
        let (left, top) = (left + LEFT, top + ROOM);
        for i in 0..=SIDE {
            for (x, y) in [(i, 0), (i, SIDE), (0, i), (SIDE, i)] {
                self.put(left + x, top + y, DARK);
            }
            self.put(left + i, top + SIDE - i, DIAGONAL);
        }
        let finite = panel.pairs.iter().filter(|(t, p)| t.is_finite() && p.is_finite());
        let pairs: Vec<(f64, f64)> = finite.copied().collect();
        let all = || pairs.iter().flat_map(|&(t, p)| [t, p]);
        let (low, high) = (all().fold(f64::MAX, f64::min), all().fold(f64::MIN, f64::max));
        let (title, label) = (Letters::Large, Letters::Small);
        let name = title.written(panel.name, SIDE);
        let middle = |wide: usize| left + SIDE.saturating_sub(wide) / 2;
        self.text(&name, (middle(title.width(&name)), top - 26), title, DARK);
        if pairs.is_empty() {
            return;
        }
        // Halves do not overflow where the ends lie far apart.
        let place = |v: f64| match high > low {
            true => {
                let share = (v / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
                INSET + (share * (SIDE - 2 * INSET) as f64).round() as usize
            }
            false => SIDE / 2,
        };
        for &(t, p) in &pairs {
            self.point(left + place(t), top + SIDE - place(p));
        }
        let (least, greatest) = (figure(low), figure(high));
        let below = top + SIDE + 8;
        let before = |text: &str, edge: usize| edge.saturating_sub(label.width(text));
        let (low_at, high_at) = (top + SIDE - INSET - 4, top + INSET - 4);
        for (text, place) in [
            (&*least, (left, below)),
            (&*greatest, (before(&greatest, left + SIDE), below)),
            ("true", (middle(label.width("true")), below)),
            (&*least, (before(&least, left - 6), low_at)),
            (&*greatest, (before(&greatest, left - 6), high_at)),
        ] {
            self.text(text, place, label, DARK);
        }
        self.upright("predicted", left - 22, top + SIDE / 2, label);
    }

    /// A round point, whose ink adds up.
    fn point(&mut self, x: usize, y: usize) {
        for dy in 0..5 {
            for dx in 0..5 {
                let corner = [0, 4].contains(&dx) && [0, 4].contains(&dy);
                if !corner {
                    let (x, y) = ((x + dx).wrapping_sub(2), (y + dy).wrapping_sub(2));
                    self.ink(x, y, POINT, INK);
                }
            }
        }
    }
}

/// A number to five digits.
fn figure(x: f64) -> String {
    crate::bars::figure(x, 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The middle of the panel, of points at two ends and one off the diagonal.
    #[test]
    fn points_lie_where_they_should() {
        let mut paper = Paper::new(PANEL.0, PANEL.1);
        let pairs = vec![(0.0, 0.0), (10.0, 10.0), (2.5, 7.5), (f64::NAN, 1.0)];
        paper.panel(&Panel { name: "price", pairs }, (0, 0));
        let mut is_ink = |x: usize, y: usize| {
            let pixel = paper.pixel(LEFT + x, ROOM + y).unwrap();
            i32::from(pixel[2]) > i32::from(pixel[0]) + 40
        };
        let quarter = INSET + (SIDE - 2 * INSET) / 4;
        assert!(is_ink(quarter, quarter), "2.5 from the left, 7.5 from below");
        assert!(!is_ink(SIDE - quarter, SIDE - quarter), "not the other way round");
        let (low, high) = (INSET, SIDE - INSET);
        assert!(is_ink(low + 1, high) && is_ink(high - 1, low), "both ends");
        assert!((0..=SIDE).all(|i| !is_ink(i, 0) && !is_ink(SIDE, i)), "no point is on the frame");
        assert!(!is_ink(SIDE / 2, SIDE / 2), "the diagonal alone");
    }

    #[test]
    fn hostile_numbers_are_drawn() {
        let pairs = vec![(f64::MAX, f64::MIN), (1e-320, 0.0), (f64::INFINITY, 1.0)];
        let strange = Panel { name: "\u{1b}[2J ñ", pairs };
        let equal = Panel { name: "", pairs: vec![(3.0, 3.0)] };
        let nothing = Panel { name: "none", pairs: vec![] };
        for panel in [strange, equal, nothing] {
            assert!(draw(&[panel]).unwrap().starts_with(b"\x89PNG"));
        }
        assert!(draw(&[]).is_err());
    }

    /// Rows of dots below the panels, where there are more targets than panels.
    #[test]
    fn targets_that_are_not_drawn_are_counted() {
        let height = |targets: usize| {
            let panels = (0..targets).map(|_| Panel { name: "x", pairs: vec![(0.0, 1.0)] });
            let png = draw(&panels.collect::<Vec<_>>()).unwrap();
            u32::from_be_bytes(png[20..24].try_into().unwrap()) as usize
        };
        assert_eq!(height(MOST), 3 * PANEL.1);
        assert_eq!(height(MOST + 11), 3 * PANEL.1 + FOOT);
    }
}
