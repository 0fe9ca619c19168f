//! Counts, means and squares that are merged.

/// Elements whose sum is taken in their own type; longer sums go on in f64.
pub(super) const STRETCH: usize = 2048;

/// The count, the mean and the sum of squared distances from it of some numbers; merged as Chan, Golub & LeVeque 1983 do.
#[derive(Clone, Copy, Default)]
pub(super) struct Moments {
    pub(super) count: f64,
    pub(super) mean: f64,
    pub(super) squares: f64,
}

impl Moments {
    #[inline(always)]
    pub(super) fn merge(&mut self, other: Moments) {
        let count = self.count + other.count;
        let gap = other.mean - self.mean;
        self.mean += gap * (other.count / count);
        self.squares += other.squares + gap * gap * (self.count * other.count / count);
        self.count = count;
    }
}
