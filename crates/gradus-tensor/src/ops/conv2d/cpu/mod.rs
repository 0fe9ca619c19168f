//! The fast f32 algorithms.

pub(super) mod batch_lanes;
mod depthwise;
pub(super) mod implicit_gemm;
mod line;
mod tile;
pub(super) mod weights;
pub(super) mod winograd;

use super::geometry::Gather;

/// How many tasks a pass is cut into at least, if it can be; more balance better, fewer share more.
const TASKS: usize = 16;

/// Rows and columns of a task.
fn task_size(rows: usize, cols: usize) -> [usize; 2] {
    if rows == 0 || cols == 0 {
        return [1, 1];
    }
    let col_cuts = TASKS.div_ceil(rows).min(cols);
    [rows.div_ceil(2 * TASKS), cols.div_ceil(col_cuts)]
}

/// A cut of a gathering's target positions into tasks.
#[derive(Clone, Copy)]
struct Tasks {
    size: [usize; 2],
    across: usize,
    down: usize,
    count: [usize; 2],
}

impl Tasks {
    fn of(g: &Gather) -> Tasks {
        let count = [g.rows.count, g.cols.count];
        let size = task_size(count[0], count[1]);
        Tasks { size, down: count[0].div_ceil(size[0]), across: count[1].div_ceil(size[1]), count }
    }

    fn len(&self) -> usize {
        self.down * self.across
    }

    /// The rows and columns of a task.
    fn get(&self, task: usize) -> [std::ops::Range<usize>; 2] {
        let at = [task / self.across, task % self.across];
        [0, 1].map(|a| at[a] * self.size[a]..((at[a] + 1) * self.size[a]).min(self.count[a]))
    }
}
