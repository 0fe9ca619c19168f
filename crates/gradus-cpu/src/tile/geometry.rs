//! The geometry of a loop: its axes in memory order, adjacent ones merged, cut into tiles that may span several
//! short rows, and the walk from tile to tile.

use gradus_base::{DType, MAX_RANK, Shape, View};

/// An axis of a loop. Strides in bytes, one per view.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub(crate) size: usize,
    pub(crate) strides: Vec<isize>,
    pub(crate) reduced: bool,
}

/// The axes of a loop, innermost first, and each view's place of the first element relative to where its view has it
/// (axes that lead walks backwards are turned).
pub(crate) struct Axes {
    pub(crate) axes: Vec<Axis>,
    pub(crate) first: Vec<isize>,
}

impl Axes {
    /// The axes of `shape`, ordered by the strides of view number `lead`. No size may be 0.
    pub(crate) fn new(
        shape: Shape,
        views: &[(DType, View)],
        reduced: &[bool],
        lead: Option<usize>,
    ) -> Axes {
        let mut axes: Vec<Axis> = (0..shape.rank())
            .rev()
            .filter(|&a| shape[a] != 1)
            .map(|a| Axis {
                size: shape[a],
                strides: views.iter().map(|(d, v)| v.strides[a] * d.size() as isize).collect(),
                reduced: reduced.get(a).is_some_and(|&r| r),
            })
            .collect();
        let mut first = vec![0; views.len()];
        if let Some(lead) = lead {
            axes.iter_mut().filter(|a| a.strides[lead] < 0).for_each(|a| a.turn(&mut first));
            // Axes the leading view repeats along go outside.
            axes.sort_by_key(|a| (a.strides[lead] as usize).wrapping_sub(1));
        }
        let mut merged: Vec<Axis> = Vec::with_capacity(axes.len());
        for axis in axes {
            match merged.last_mut() {
                Some(inner) if inner.takes(&axis) => inner.size *= axis.size,
                _ => merged.push(axis),
            }
        }
        if merged.is_empty() {
            merged.push(Axis { size: 1, strides: vec![0; views.len()], reduced: false });
        }
        Axes { axes: merged, first }
    }
}

impl Axis {
    fn turn(&mut self, first: &mut [isize]) {
        for (first, stride) in first.iter_mut().zip(&mut self.strides) {
            *first += *stride * (self.size as isize - 1);
            *stride = -*stride;
        }
    }
    /// Whether `outer` continues this axis in every view.
    fn takes(&self, outer: &Axis) -> bool {
        let n = self.size as isize;
        self.reduced == outer.reduced
            && self.strides.iter().zip(&outer.strides).all(|(i, o)| i * n == *o)
    }
}

/// A loop over tiles. Strides in bytes, one per view.
#[derive(Clone, Debug)]
pub(crate) struct Loop {
    pub(crate) count: usize,
    pub(crate) strides: Vec<isize>,
    pub(crate) reduced: bool,
}

/// How a loop is cut into tiles: a tile takes the axes before `axes[full]` whole and `chunk` of that one.
pub(crate) struct Tiling {
    pub(crate) axes: Vec<Axis>,
    pub(crate) full: usize,
    pub(crate) chunk: usize,
    /// Elements of the whole axes.
    pub(crate) inner: usize,
    /// The loops over tiles, innermost first; the first is over the chunks.
    pub(crate) loops: Vec<Loop>,
}

impl Tiling {
    /// Tiles of at most `most` elements, multiples of `lanes` where that is to be had.
    pub(crate) fn new(axes: Vec<Axis>, most: usize, lanes: usize) -> Tiling {
        let (mut full, mut inner) = (0, 1);
        while full + 1 < axes.len() && inner * axes[full].size * 2 <= most {
            inner *= axes[full].size;
            full += 1;
        }
        let size = axes[full].size;
        let chunk = chunk(size, most / inner, lanes >> inner.trailing_zeros().min(lanes.ilog2()));
        let scaled = axes[full].strides.iter().map(|s| s * chunk as isize).collect();
        let reduced = axes[full].reduced;
        let mut loops = vec![Loop { count: size.div_ceil(chunk), strides: scaled, reduced }];
        loops.extend(axes[full + 1..].iter().map(|a| Loop {
            count: a.size,
            strides: a.strides.clone(),
            reduced: a.reduced,
        }));
        Tiling { axes, full, chunk, inner, loops }
    }

    /// Elements of a tile: of those before the last chunk, and of the last.
    pub(crate) fn lens(&self) -> [usize; 2] {
        let size = self.axes[self.full].size;
        let last = size - (size.div_ceil(self.chunk) - 1) * self.chunk;
        [self.inner * self.chunk, self.inner * last]
    }

    /// The axes of a tile with its extents.
    pub(crate) fn tile(&self) -> impl Iterator<Item = (usize, &Axis)> {
        let whole = self.axes[..self.full].iter().map(|a| (a.size, a));
        whole.chain([(self.chunk, &self.axes[self.full])])
    }

    /// Whether a view's elements of a tile follow each other in memory.
    pub(crate) fn is_contiguous(&self, view: usize, element: usize) -> bool {
        let mut expected = element as isize;
        self.tile().all(|(n, axis)| {
            let fits = n == 1 || axis.strides[view] == expected;
            expected *= n as isize;
            fits
        })
    }
    /// Whether a view has one element for a whole tile.
    pub(crate) fn is_constant(&self, view: usize) -> bool {
        self.tile().all(|(n, axis)| n == 1 || axis.strides[view] == 0)
    }
    /// Whether a view has one element for the whole loop.
    pub(crate) fn is_single(&self, view: usize) -> bool {
        self.axes.iter().all(|a| a.strides[view] == 0)
    }
}

/// A chunk of an axis: at most `most`, pieces of about equal size, multiples of `unit` if they fit.
fn chunk(size: usize, most: usize, unit: usize) -> usize {
    if size <= most {
        return size;
    }
    let even = size.div_ceil(size.div_ceil(most)).next_multiple_of(unit);
    if even <= most { even } else { (most - most % unit).max(1) }
}

/// The walk over the tiles of some loops, one counter each.
pub(crate) struct Walk<'a> {
    loops: &'a [Loop],
    at: [usize; MAX_RANK + 1],
}

impl<'a> Walk<'a> {
    /// Stands at tile `start`; adds its place to the offsets.
    pub(crate) fn new(loops: &'a [Loop], start: usize, offsets: &mut [isize]) -> Walk<'a> {
        let mut at = [0; MAX_RANK + 1];
        let mut rest = start;
        for (at, l) in at.iter_mut().zip(loops) {
            if rest == 0 {
                break;
            }
            *at = rest % l.count;
            rest /= l.count;
            for (offset, stride) in offsets.iter_mut().zip(&l.strides) {
                *offset += *at as isize * stride;
            }
        }
        Walk { loops, at }
    }
    /// The counter of loop `i`.
    #[inline(always)]
    pub(crate) fn at(&self, i: usize) -> usize {
        self.at[i]
    }
    /// Goes on to the next tile.
    #[inline(always)]
    pub(crate) fn step(&mut self, offsets: &mut [isize]) {
        for (at, l) in self.at.iter_mut().zip(self.loops) {
            *at += 1;
            let wraps = *at == l.count;
            let back = if wraps { l.count as isize - 1 } else { 0 };
            for (offset, stride) in offsets.iter_mut().zip(&l.strides) {
                *offset += if wraps { -back * stride } else { *stride };
            }
            if !wraps {
                return;
            }
            *at = 0;
        }
    }
}

/// The number of iterations of some loops.
pub(crate) fn count<'a>(loops: impl IntoIterator<Item = &'a Loop>) -> usize {
    loops.into_iter().map(|l| l.count).product()
}
