//! The geometry of a convolution, and the one gathering loop that its forward pass and its data
//! gradient share.
//!
//! N batch, C in-channels, O out-channels, G groups; H W the input's height and width, P Q the
//! output's; R S the kernel's.

use gradus_base::Shape;

/// A 2-D convolution (cross-correlation, as everywhere in deep learning): x `[N, C, H, W]`, w
/// `[O, C/G, R, S]` → y `[N, O, P, Q]`. A 1-D convolution has height 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv2d {
    /// N.
    pub batch: usize,
    /// C, a multiple of `groups`.
    pub in_channels: usize,
    /// H.
    pub height: usize,
    /// W.
    pub width: usize,
    /// O, a multiple of `groups`.
    pub out_channels: usize,
    /// R, S.
    pub kernel: [usize; 2],
    /// Input pixels from one output pixel to the next, down and right; at least 1.
    pub stride: [usize; 2],
    /// Zeros before and after, for rows and for columns; a negative count crops. (A transposed
    /// convolution with output padding has that much less padding after.)
    pub padding: [[isize; 2]; 2],
    /// Input pixels from one kernel tap to the next; at least 1.
    pub dilation: [usize; 2],
    /// G: each out-channel sees C/G of the in-channels.
    pub groups: usize,
}

/// One of the three passes of a convolution. Each one's gradients are the other two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pass {
    /// y from x and w.
    Forward,
    /// dx from dy and w; also what a transposed convolution computes.
    DataGradient,
    /// dw from x and dy.
    WeightGradient,
}

impl Conv2d {
    /// P and Q: ⌊(size + padding − dilation·(kernel − 1) − 1) / stride⌋ + 1, or 0 if the kernel
    /// does not fit.
    pub fn output(&self) -> [usize; 2] {
        [self.height, self.width]
            .into_iter()
            .enumerate()
            .map(|(a, size)| {
                let padded = size as isize + self.padding[a][0] + self.padding[a][1];
                let padded = usize::try_from(padded).unwrap_or(0);
                let reach = self.dilation[a] * (self.kernel[a].max(1) - 1) + 1;
                if padded < reach { 0 } else { (padded - reach) / self.stride[a] + 1 }
            })
            .fold([0; 2], |[_, last], size| [last, size])
    }

    /// `[N, C, H, W]`.
    pub fn x_shape(&self) -> Shape {
        Shape::from([self.batch, self.in_channels, self.height, self.width])
    }

    /// `[O, C/G, R, S]`.
    pub fn w_shape(&self) -> Shape {
        let [r, s] = self.kernel;
        Shape::from([self.out_channels, self.in_channels / self.groups, r, s])
    }

    /// `[N, O, P, Q]`.
    pub fn y_shape(&self) -> Shape {
        let [p, q] = self.output();
        Shape::from([self.batch, self.out_channels, p, q])
    }

    /// Multiply-adds of any of the passes, those with padding counted too.
    pub fn macs(&self) -> u64 {
        self.y_shape().len() as u64 * (self.w_shape().len() / self.out_channels.max(1)) as u64
    }

    /// The forward pass as a gathering.
    pub(super) fn forward(&self) -> Gather {
        let [p, q] = self.output();
        let axis = |a: usize, source: usize, count: usize| Axis {
            taps: self.kernel[a],
            first_tap: 0,
            tap_step: 1,
            offset: -self.padding[a][0],
            offset_step: self.dilation[a] as isize,
            scale: self.stride[a],
            source,
            first: 0,
            step: 1,
            count,
        };
        let taps = self.kernel[0] * self.kernel[1];
        let (inner, outer) = self.group_channels();
        Gather {
            batch: self.batch,
            groups: self.groups,
            channels_in: inner,
            channels_out: outer,
            rows: axis(0, self.height, p),
            cols: axis(1, self.width, q),
            target: [p, q],
            weight: Weight {
                group: outer * inner * taps,
                output: inner * taps,
                input: taps,
                row: self.kernel[1],
            },
        }
    }

    /// The data gradient as gatherings, one for each phase of the stride: the pixels of dx that lie `stride` apart
    /// see the same taps, so each phase is a convolution of stride 1 over dy. Phases write disjoint pixels.
    pub(super) fn data_gradient(&self) -> impl Iterator<Item = Gather> + '_ {
        let [p, q] = self.output();
        let taps = self.kernel[0] * self.kernel[1];
        let (inner, outer) = self.group_channels();
        let phases = [0, 1].map(|a| self.stride[a].min([self.height, self.width][a]));
        (0..phases[0] * phases[1]).map(move |i| Gather {
            batch: self.batch,
            groups: self.groups,
            channels_in: outer,
            channels_out: inner,
            rows: self.phase(0, i / phases[1], self.height, p),
            cols: self.phase(1, i % phases[1], self.width, q),
            target: [self.height, self.width],
            weight: Weight {
                group: outer * inner * taps,
                output: taps,
                input: inner * taps,
                row: self.kernel[1],
            },
        })
    }

    /// C/G and O/G.
    fn group_channels(&self) -> (usize, usize) {
        (self.in_channels / self.groups, self.out_channels / self.groups)
    }

    /// Positions `phase + stride·u` of an axis of dx. Position h sees tap a where h + padding − a·dilation is a
    /// multiple of the stride: every (stride / gcd(stride, dilation))-th tap.
    fn phase(&self, a: usize, phase: usize, size: usize, source: usize) -> Axis {
        let (stride, dilation, kernel) = (self.stride[a], self.dilation[a], self.kernel[a]);
        let at = |tap: usize| phase as isize + self.padding[a][0] - (tap * dilation) as isize;
        let tap_step = stride / gcd(stride, dilation);
        let first = (0..kernel.min(tap_step)).find(|&tap| at(tap) % stride as isize == 0);
        Axis {
            taps: first.map_or(0, |first| (kernel - first).div_ceil(tap_step)),
            first_tap: first.unwrap_or(0),
            tap_step,
            offset: first.map_or(0, |first| at(first) / stride as isize),
            offset_step: -((tap_step * dilation / stride) as isize),
            scale: 1,
            source,
            first: phase,
            step: stride,
            count: (size - phase).div_ceil(stride),
        }
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Target[u, v] = Σ over channels and taps of weight · source, zero outside the source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gather {
    pub(super) batch: usize,
    pub(super) groups: usize,
    /// Source channels of a group.
    pub(super) channels_in: usize,
    /// Target channels of a group.
    pub(super) channels_out: usize,
    pub(super) rows: Axis,
    pub(super) cols: Axis,
    /// The target's height and width; `rows` and `cols` may cover a part of it.
    pub(super) target: [usize; 2],
    pub(super) weight: Weight,
}

/// Strides of the dense weights `[O, C/G, R, S]` as a gathering sees them; the kernel's columns are adjacent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weight {
    /// From one group to the next.
    pub(super) group: usize,
    /// From one target channel to the next.
    pub(super) output: usize,
    /// From one source channel to the next.
    pub(super) input: usize,
    /// From one row of taps to the next.
    pub(super) row: usize,
}

impl Gather {
    /// Taps that this gathering uses.
    pub(super) fn taps(&self) -> usize {
        self.rows.taps * self.cols.taps
    }

    /// Where the weight of (group, target channel, source channel, row tap, column tap) lies.
    pub(super) fn weight(&self, g: usize, o: usize, c: usize, [a, b]: [usize; 2]) -> usize {
        let w = &self.weight;
        let (r, s) = (self.rows.tap(a), self.cols.tap(b));
        g * w.group + o * w.output + c * w.input + r * w.row + s
    }
}

/// One axis of a gathering: target position `first + u·step` sees, through tap `first_tap + t·tap_step`, source
/// position `u·scale + offset + t·offset_step`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) taps: usize,
    first_tap: usize,
    tap_step: usize,
    pub(super) offset: isize,
    pub(super) offset_step: isize,
    pub(super) scale: usize,
    /// The source's size.
    pub(super) source: usize,
    pub(super) first: usize,
    pub(super) step: usize,
    /// How many target positions.
    pub(super) count: usize,
}

impl Axis {
    /// The kernel's index of the t-th tap used.
    pub(super) fn tap(&self, t: usize) -> usize {
        self.first_tap + t * self.tap_step
    }

    /// The target position of u.
    pub(super) fn target(&self, u: usize) -> usize {
        self.first + u * self.step
    }

    /// The source position that u sees through tap t; outside `0..source` there are zeros.
    #[inline(always)]
    pub(super) fn at(&self, u: usize, t: usize) -> isize {
        (u * self.scale) as isize + self.offset + t as isize * self.offset_step
    }

    /// The taps through which u sees the source.
    pub(super) fn seen(&self, u: usize) -> std::ops::Range<usize> {
        let (at, source, step) = (self.at(u, 0), self.source as isize, self.offset_step);
        // The first tap at or past a distance, walking forwards; taps not yet past it, walking backwards.
        let (from, to) = if step > 0 {
            (ceil_div(-at, step), ceil_div(source - at, step))
        } else {
            (ceil_div(at - source + 1, -step), at.div_euclid(-step) + 1)
        };
        let to = to.clamp(0, self.taps as isize);
        (from.clamp(0, to) as usize)..to as usize
    }

    /// The u that see the source through all of the taps `taps`.
    pub(super) fn interior(&self, taps: std::ops::Range<usize>) -> std::ops::Range<usize> {
        if taps.is_empty() {
            return 0..self.count;
        }
        let ends = [self.at(0, taps.start), self.at(0, taps.end - 1)];
        let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        let scale = self.scale as isize;
        let to = ceil_div(self.source as isize - high, scale).clamp(0, self.count as isize);
        let from = ceil_div(-low, scale).clamp(0, to);
        from as usize..to as usize
    }
}

/// ⌈a / b⌉ for b > 0.
fn ceil_div(a: isize, b: isize) -> isize {
    -(-a).div_euclid(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conv(
        size: usize,
        kernel: usize,
        stride: usize,
        padding: [isize; 2],
        dilation: usize,
    ) -> Conv2d {
        Conv2d {
            batch: 1,
            in_channels: 1,
            height: 1,
            width: size,
            out_channels: 1,
            kernel: [1, kernel],
            stride: [1, stride],
            padding: [[0, 0], padding],
            dilation: [1, dilation],
            groups: 1,
        }
    }

    #[test]
    fn output_follows_the_formula() {
        assert_eq!(conv(7, 3, 1, [0, 0], 1).output(), [1, 5]);
        assert_eq!(conv(28, 5, 1, [2, 2], 1).output(), [1, 28]);
        assert_eq!(conv(224, 7, 2, [3, 3], 1).output(), [1, 112]);
        assert_eq!(conv(3, 3, 1, [0, 0], 2).output(), [1, 0]);
    }

    /// (output, input, tap) triples of a pass, found by trying every tap; checks `seen` and `interior` on the way.
    fn triples(axis: Axis, backward: bool) -> Vec<[usize; 3]> {
        let mut found = Vec::new();
        for u in 0..axis.count {
            let inside = |&t: &usize| (0..axis.source as isize).contains(&axis.at(u, t));
            let tried: Vec<usize> = (0..axis.taps).filter(inside).collect();
            assert_eq!(axis.seen(u).collect::<Vec<_>>(), tried, "{axis:?}");
            let all = tried.len() == axis.taps;
            assert_eq!(axis.interior(0..axis.taps).contains(&u), all, "{axis:?}");
            found.extend(tried.iter().map(|&t| {
                let (target, source) = (axis.target(u), axis.at(u, t) as usize);
                let (output, input) = if backward { (source, target) } else { (target, source) };
                [output, input, axis.tap(t)]
            }));
        }
        found
    }

    #[test]
    fn the_two_passes_see_the_same_taps() {
        for i in 0..3000usize {
            let pick = |salt: usize, n: usize| (i * 7919 + salt * 104729) / (salt + 3) % n;
            let padding = [pick(4, 8) as isize - 2, pick(5, 8) as isize - 2];
            let c = conv(1 + pick(1, 9), 1 + pick(2, 5), 1 + pick(3, 4), padding, 1 + pick(6, 3));
            let mut forward = triples(c.forward().cols, false);
            let mut backward: Vec<_> =
                c.data_gradient().flat_map(|phase| triples(phase.cols, true)).collect();
            forward.sort_unstable();
            backward.sort_unstable();
            assert_eq!(forward, backward, "{c:?}");
        }
    }
}
