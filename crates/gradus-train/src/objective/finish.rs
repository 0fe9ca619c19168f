//! The end of a step that fewer batches came to than it takes: an epoch has ended.

use super::{Inner, Objective, require_rate};
use crate::task::Pace;
use gradus_base::Result;
use gradus_tensor::{Step, Tensor};

impl Objective {
    /// Ends a step that fewer batches came to than it takes, by the mean of their gradients; nothing where none is open.
    pub(crate) fn finish(&mut self, pace: &Pace<'_>) -> Result<()> {
        self.began = self.counters();
        if self.micro == 0 {
            return Ok(());
        }
        let rate = self.rate(pace);
        require_rate(rate)?;
        self.keep_pace(pace)?;
        self.write_arguments(rate);
        // Each was divided by how many a step takes.
        let share = self.inner.updater.accumulate as f64 / self.micro as f64;
        let share = Tensor::from([share]).cast(self.scalars.dtype());
        self.finish.run(&[&self.scalars, &share])?;
        (self.step, self.micro) = (self.step + 1, 0);
        Ok(())
    }

    /// Takes back what [`Objective::finish`] did ; nothing where none was open.
    pub(crate) fn unfinish(&mut self) {
        if self.counters() != self.began {
            self.set_counters(self.began);
            assert!(self.finish.undo(), "a step that was ended can be undone");
        }
    }
}

impl Inner {
    /// The update by what was kept of fewer batches than a step takes.
    pub(super) fn finish(&self, args: &[Tensor]) -> Step {
        let [scalars, share] = args else { unreachable!("it has both") };
        let share = share.select(0, 0);
        let mut moving = self.free();
        let mut traced = self.traced.lock();
        moving.retain(|(path, _)| !traced.unreached.contains(path));
        Step::new().updates(self.updater.finishing(&moving, &mut traced.slots, scalars, &share))
    }
}
