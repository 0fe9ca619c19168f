//! Touches: which steps write each buffer and read each variable, and so whether a variable's new
//! value may be written over it.

use super::super::lowered::{BufferView, Home, LoweredPlan};

/// The steps that write each buffer, and those that read each variable.
pub(super) struct Touches {
    writers: Vec<Vec<usize>>,
    readers: Vec<Vec<usize>>,
}

impl Touches {
    pub(super) fn of(plan: &LoweredPlan, variables: usize) -> Touches {
        let mut t =
            Touches { writers: vec![vec![]; plan.bufs.len()], readers: vec![vec![]; variables] };
        for (n, step) in plan.steps.iter().enumerate() {
            step.outputs.iter().for_each(|out| t.writers[out.buf].push(n));
            for value in step.reads() {
                if let Home::Variable(v) = plan.bufs[value.buf].home {
                    t.readers[v].push(n);
                }
            }
        }
        t
    }

    /// Whether the steps that write `buf` may write to variable `v` instead: from the first of them on, nothing reads the
    /// variable but they themselves, at the very elements they write, and each element is written once.
    pub(super) fn may_write(&self, plan: &LoweredPlan, v: usize, buf: usize) -> bool {
        let writers = self.writers.get(buf).map_or(&[][..], |w| w);
        let Some(&first) = writers.first() else { return false };
        let late = || self.readers[v].iter().filter(|&&t| t >= first);
        let bytes = |t: &usize| -> usize {
            let outs = plan.steps[*t].outputs.iter().filter(|o| o.buf == buf);
            outs.map(|o| o.view.shape.len() * o.dtype.size()).sum()
        };
        // All of it is written, so if that takes no more bytes than it has, nothing is written twice.
        let once = || writers.iter().map(bytes).sum::<usize>() == plan.bufs[buf].bytes;
        let in_place = |t: &usize| {
            let step = &plan.steps[*t];
            let reads = |i: &&BufferView| plan.bufs[i.buf].home == Home::Variable(v);
            step.outputs.iter().find(|o| o.buf == buf).is_some_and(|out| {
                let same =
                    |i: &BufferView| step.aligned() && i.view == out.view && i.dtype == out.dtype;
                step.inputs.iter().filter(reads).all(same)
            })
        };
        late().next().is_none() || once() && late().all(in_place)
    }
}
