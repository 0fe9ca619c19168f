//! How long a table is trained on for which nobody says it: few rows make few batches, and a network learns by its steps.

use super::Settings;

/// Which of the settings follow from how many rows there are to train on: those that neither a recipe nor the command line states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BySize {
    /// The epochs.
    pub epochs: bool,
    /// The batch.
    pub batch: bool,
}

/// A multilayer perceptron learns tables of a few columns in about so many steps.
const STEPS: u64 = 1_200;
/// More epochs than these bring little but time.
const MOST_EPOCHS: u64 = 200;

/// The batch of few samples.
pub const SMALL_BATCH: usize = 8;

impl Settings {
    /// Takes small batches of few rows, and as many epochs as make [`STEPS`] steps; a run of many rows is as it was.
    pub fn suit_rows(&mut self, rows: usize) {
        // Who limits batches wants few steps.
        if self.limit_batches.is_some() || self.overfit_one_batch {
            return;
        }
        if self.by_size.batch {
            self.batch = match rows {
                ..=100 => self.batch.min(SMALL_BATCH),
                101..=1_000 => self.batch.min(16),
                _ => self.batch,
            };
        }
        if self.by_size.epochs {
            let batches = rows.div_ceil(self.batch.max(1));
            let steps = batches.div_ceil(self.training.accumulate.max(1)).max(1) as u64;
            self.epochs = self.epochs.max(STEPS.div_ceil(steps).min(MOST_EPOCHS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_rows_are_shown_more_often() {
        let suited = |rows: usize, by_size: BySize, change: fn(&mut Settings)| {
            let mut s = Settings::of_model("mlp").unwrap();
            s.by_size = by_size;
            change(&mut s);
            s.suit_rows(rows);
            (s.epochs, s.batch)
        };
        let all = BySize { epochs: true, batch: true };
        let rows = [10, 80, 120, 1_000, 4_000, 100_000];
        let found = rows.map(|rows| suited(rows, all, |_| {}));
        assert_eq!(found, [(200, 8), (120, 8), (150, 16), (20, 16), (15, 32), (15, 32)]);
        assert_eq!(suited(120, BySize::default(), |_| {}), (15, 32), "all was stated");
        assert_eq!(suited(120, BySize { epochs: true, batch: false }, |s| s.batch = 60), (200, 60));
        assert_eq!(suited(120, all, |s| s.limit_batches = Some(2)), (15, 32));
        assert_eq!(suited(120, all, |s| s.training.accumulate = 2), (200, 16));
    }
}
