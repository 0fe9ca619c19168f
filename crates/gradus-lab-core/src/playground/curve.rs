//! Losses over the epochs, thinned as they grow.

use super::messages::Curve;

/// The most points that are kept.
const MOST: usize = 1000;

/// The losses so far: every so many epochs one point.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Losses {
    pub(super) curve: Curve,
    pub(super) stride: u32,
}

impl Losses {
    pub(super) fn new() -> Losses {
        Losses { curve: Curve::default(), stride: 1 }
    }

    /// Adds an epoch's.
    pub(super) fn push(&mut self, epoch: u32, train: f64, test: f64) {
        if !epoch.is_multiple_of(self.stride) {
            return;
        }
        self.curve.epochs.push(epoch);
        self.curve.train.push(train as f32);
        self.curve.test.push(test as f32);
        if self.curve.epochs.len() > MOST {
            self.stride *= 2;
            let stride = self.stride;
            self.retain(|epoch| epoch.is_multiple_of(stride));
        }
    }

    /// Forgets what came after an epoch.
    pub(super) fn forget_after(&mut self, last: u32) {
        self.retain(|epoch| epoch <= last);
    }

    fn retain(&mut self, wanted: impl Fn(u32) -> bool) {
        let Curve { epochs, train, test } = &mut self.curve;
        for losses in [train, test] {
            let mut at = epochs.iter();
            losses.retain(|_| at.next().is_some_and(|epoch| wanted(*epoch)));
        }
        epochs.retain(|epoch| wanted(*epoch));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_is_thinned_and_can_be_cut() {
        let mut losses = Losses::new();
        (0..=5000).for_each(|epoch| losses.push(epoch, f64::from(epoch), 0.0));
        let Curve { epochs, train, test } = &losses.curve;
        assert!(epochs.len() <= MOST && epochs.len() > MOST / 2 && test.len() == epochs.len());
        assert!(epochs.iter().zip(train).all(|(epoch, loss)| *epoch as f32 == *loss));
        assert_eq!((losses.stride, epochs[1]), (8, 8));
        losses.forget_after(100);
        assert_eq!(losses.curve.epochs.last(), Some(&96));
    }
}
