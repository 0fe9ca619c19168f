//! Where the labels of arrows go between two layers: on their arrows, in as few lines as keep them off each other.

/// The height of a line of labels, and the room between two in one.
pub(super) const LINE: f64 = 12.0;
const APART: f64 = 6.0;

/// The label of an arrow that comes up at `from` and goes on at `to`.
#[derive(Clone, Copy)]
pub(super) struct Label {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) width: f64,
}

impl Label {
    /// Where its middle is, at a share of the way up, in a picture of this width.
    fn at(&self, share: f64, picture: f64) -> f64 {
        let t = along(share);
        let x = self.from + (self.to - self.from) * t * t * (3.0 - 2.0 * t);
        let half = self.width / 2.0;
        x.min(picture - half).max(half)
    }
}

/// How far along an arrow's curve is so much of its way up.
fn along(share: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..30 {
        let t = (low + high) / 2.0;
        // The curve's handles are at half its height.
        let up = 1.5 * t * (1.0 - t) + t * t * t;
        if up < share { low = t } else { high = t }
    }
    (low + high) / 2.0
}

/// For each label the middle and the share of the way up, and how many lines there are.
pub(super) fn place(labels: &[Label], picture: f64) -> (Vec<(f64, f64)>, usize) {
    let mut lines = 1;
    loop {
        match in_lines(labels, lines, picture) {
            Some(places) => return (places, lines),
            None => lines += 1,
        }
    }
}

/// The same in so many lines, each label in the one that is free and nearest to the middle; `None` if they are too few.
fn in_lines(labels: &[Label], lines: usize, picture: f64) -> Option<Vec<(f64, f64)>> {
    let share = |line: usize| (line + 1) as f64 / (lines + 1) as f64;
    let mut by_middle: Vec<usize> = (0..lines).collect();
    by_middle.sort_by(|&a, &b| (share(a) - 0.5).abs().total_cmp(&(share(b) - 0.5).abs()));
    let mut order: Vec<usize> = (0..labels.len()).collect();
    let middle = |i: usize| labels[i].from + labels[i].to;
    order.sort_by(|&a, &b| middle(a).total_cmp(&middle(b)));
    let mut taken: Vec<Vec<(f64, f64)>> = vec![vec![]; lines];
    let mut places = vec![(0.0, 0.0); labels.len()];
    for i in order {
        let is_free = |&line: &usize| {
            let x = labels[i].at(share(line), picture);
            let apart = |&(other, width): &(f64, f64)| {
                (other - x).abs() >= (width + labels[i].width) / 2.0 + APART
            };
            taken[line].iter().all(apart)
        };
        // As many lines as labels are always enough.
        let line = by_middle.iter().copied().find(is_free)?;
        let x = labels[i].at(share(line), picture);
        taken[line].push((x, labels[i].width));
        places[i] = (x, share(line));
    }
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::{APART, Label, place};

    #[test]
    fn labels_lie_on_their_arrows_and_off_each_other() {
        let label = |from: f64, to: f64| Label { from, to, width: 50.0 };
        let (places, lines) = place(&[label(100.0, 200.0)], 400.0);
        assert_eq!((lines, places[0].1), (1, 0.5));
        assert!((places[0].0 - 150.0).abs() < 1e-3, "{places:?}");
        // Five arrows that run beside each other, and one far off.
        let mut all: Vec<Label> = (0..5).map(|i| label(100.0 + 9.0 * i as f64, 150.0)).collect();
        all.push(label(300.0, 310.0));
        let (places, lines) = place(&all, 400.0);
        assert!((2..=5).contains(&lines), "{lines}");
        for (i, a) in places.iter().enumerate() {
            let off = |b: &(f64, f64)| a.1 != b.1 || (a.0 - b.0).abs() >= 50.0 + APART;
            assert!(places[..i].iter().all(off), "{places:?}");
        }
        // At the edge it stays in the picture.
        assert_eq!(place(&[label(2.0, 4.0)], 400.0).0[0].0, 25.0);
        assert_eq!(place(&[], 400.0), (vec![], 1));
    }
}
