//! What detectors need: nms, which of overlapping boxes to keep, and roi_align, boxes of a map brought to one size.
//!
//! How much there is to compute depends on the boxes, so these are read while the graph is built: they must be known by then.

use crate::{DType, Scatter, Tensor};
use gradus_base::{Error, Result};

/// Points that [`Tensor::roi_align`] reads at most: a box that is far too large is a mistake, and ends here and not in memory.
const MOST_POINTS: usize = 1 << 25;

/// How boxes are cut out and brought to one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoiAlign {
    /// Rows and columns of each result.
    pub size: [usize; 2],
    /// What the boxes' numbers are multiplied by to be places on the map.
    pub scale: f64,
    /// Points along each axis of a cell; 0 for as many as the cell has pixels.
    pub points: usize,
    /// Whether a pixel's middle is at one half, so that boxes are moved by it. Else boxes have at least one pixel.
    pub aligned: bool,
    /// Whether the largest share is taken instead of the mean.
    pub largest: bool,
}

/// The part of a box that an axis sees: where cells begin, how long they are, how many points each has.
struct Side {
    start: f64,
    cell: f64,
    points: usize,
}

/// A pixel that a point reads, and its share.
struct Tap {
    pixel: usize,
    share: f64,
}

impl RoiAlign {
    fn side(&self, low: f64, high: f64, cells: usize) -> Side {
        let offset = if self.aligned { 0.5 } else { 0.0 };
        let start = low * self.scale - offset;
        let mut len = high * self.scale - offset - start;
        if !self.aligned {
            len = len.max(1.0);
        }
        let cell = len / cells as f64;
        let points = if self.points > 0 { self.points } else { cell.ceil().max(0.0) as usize };
        Side { start, cell, points }
    }
}

impl Side {
    fn at(&self, cell: usize, point: usize) -> f64 {
        self.start + cell as f64 * self.cell + (point as f64 + 0.5) * self.cell / self.points as f64
    }
}

/// The two pixels around a place on an axis, none beyond a pixel's distance from the ends.
fn around(at: f64, size: usize) -> Option<[Tap; 2]> {
    if at.is_nan() || at < -1.0 || at > size as f64 {
        return None;
    }
    let at = at.clamp(0.0, size as f64 - 1.0);
    let low = at as usize;
    let t = at - low as f64;
    let high = (low + 1).min(size - 1);
    Some([Tap { pixel: low, share: 1.0 - t }, Tap { pixel: high, share: t }])
}

/// Pixels, shares and cells of every point, in order.
#[derive(Default)]
struct Points {
    pixels: Vec<i64>,
    shares: Vec<f64>,
    cells: Vec<i64>,
    /// Points of each cell.
    counts: Vec<f64>,
}

impl Points {
    fn add_box(
        &mut self,
        roi: &RoiAlign,
        corners: &[f64],
        image: usize,
        size: [usize; 2],
    ) -> Result<()> {
        let columns = roi.side(corners[0], corners[2], roi.size[1]);
        let rows = roi.side(corners[1], corners[3], roi.size[0]);
        let each = rows.points.checked_mul(columns.points);
        let all = each.and_then(|n| n.checked_mul(roi.size[0])?.checked_mul(roi.size[1]));
        if all.is_none_or(|n| n + self.pixels.len() / 4 > MOST_POINTS) {
            let what = format!("the box {corners:?} needs more than {MOST_POINTS} points");
            return Err(Error::value("roi_align", what));
        }
        for cell in 0..roi.size[0] * roi.size[1] {
            let (r, c) = (cell / roi.size[1], cell % roi.size[1]);
            let number = self.counts.len() as i64;
            self.counts.push((rows.points * columns.points).max(1) as f64);
            for point in 0..rows.points * columns.points {
                let y = around(rows.at(r, point / columns.points), size[0]);
                let x = around(columns.at(c, point % columns.points), size[1]);
                let Some((y, x)) = y.zip(x) else {
                    // Beyond the map is 0, which the largest of a cell counts.
                    self.push(image * size[0] * size[1], 0.0, number);
                    continue;
                };
                for (y, x) in y.iter().flat_map(|y| x.iter().map(move |x| (y, x))) {
                    let pixel = (image * size[0] + y.pixel) * size[1] + x.pixel;
                    self.push(pixel, y.share * x.share, number);
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, pixel: usize, share: f64, cell: i64) {
        self.pixels.push(pixel as i64);
        self.shares.push(share);
        self.cells.push(cell);
    }
}

impl Tensor {
    /// Each box of a map at one size: a cell of the result is the mean of points that lie evenly in the cell's part of the box, each
    /// read between four pixels. He et al. 2017, arXiv:1703.06870; torchvision's `roi_align`.
    ///
    /// **Shape** `x [N, C, H, W]`, `boxes [K, 4]` as x₁, y₁, x₂, y₂ and `images i64 [K]`, the image of each → `[K, C, rows, columns]`.
    /// The map has gradients, boxes have none.
    ///
    /// # Panics
    /// If the shapes do not go together, the elements are no floats, an image is not there, a size is 0, the boxes cannot be computed
    /// yet, or one of them needs more points than fit.
    ///
    /// ```
    /// use gradus_tensor::{DType, RoiAlign, Tensor};
    /// let x = Tensor::arange(16).cast(DType::F32).reshape([1, 1, 4, 4]);
    /// let how = RoiAlign { size: [1, 1], scale: 1.0, points: 2, aligned: true, largest: false };
    /// let y = x.roi_align(&Tensor::from([[0.0f32, 0.0, 4.0, 4.0]]), &Tensor::from([0i64]), how);
    /// assert_eq!(y.item(), 7.5);
    /// ```
    #[track_caller]
    pub fn roi_align(&self, boxes: &Tensor, images: &Tensor, how: RoiAlign) -> Tensor {
        match self.aligned(boxes, images, how) {
            Ok(y) => y,
            Err(e) => Tensor::refuse(e),
        }
    }

    #[track_caller]
    fn aligned(&self, boxes: &Tensor, images: &Tensor, how: RoiAlign) -> Result<Tensor> {
        const OP: &str = "roi_align";
        Tensor::sound([self, boxes, images])?;
        let (s, b, i) = (self.shape(), boxes.shape(), images.shape());
        if s.rank() != 4 || b.rank() != 2 || b[1] != 4 || *i != b[..1] {
            return Err(Error::shape(OP, format!("x {s}, boxes {b}, images {i}")));
        }
        if s[2] * s[3] == 0 || how.size.contains(&0) {
            return Err(Error::shape(OP, format!("x {s} brought to {:?}", how.size)));
        }
        if !self.dtype().is_float() {
            return Err(Error::dtype(OP, format!("elements are {}", self.dtype())));
        }
        let corners = boxes.cast(DType::F64).try_to_vec::<f64>()?;
        let mut points = Points::default();
        for (corners, image) in corners.chunks_exact(4).zip(images.try_to_vec::<i64>()?) {
            let found = usize::try_from(image).ok().filter(|&n| n < s[0]);
            let what = || Error::value(OP, format!("image {image} of {}", s[0]));
            points.add_box(&how, corners, found.ok_or_else(what)?, [s[2], s[3]])?;
        }
        let (count, cells) = (points.pixels.len(), points.counts.len());
        let wide = self.dtype().compute();
        let rows = self.cast(wide).permute([0, 2, 3, 1]).reshape([s[0] * s[2] * s[3], s[1]]);
        let shares = Tensor::from_slice(&points.shares, [count, 1]).cast(wide);
        let parts = rows.index_select(0, &Tensor::from_slice(&points.pixels, [count])) * shares;
        let ids = Tensor::from_slice(&points.cells, [count, 1]);
        let y = if how.largest {
            let none = Tensor::full_of([cells, s[1]], f64::NEG_INFINITY, wide);
            let most = none.scatter_nd(&ids, &parts, Scatter::Max);
            most.gt(f64::NEG_INFINITY).select_where(&most, &most.zeros_like())
        } else {
            let sums = parts.scatter_add(0, &ids.broadcast_to([count, s[1]]), cells);
            sums / Tensor::from_slice(&points.counts, [cells, 1]).cast(wide)
        };
        let [h, w] = how.size;
        Ok(y.reshape([b[0], h, w, s[1]]).permute([0, 3, 1, 2]).cast(self.dtype()))
    }

    /// Which of these boxes to keep: the best, then the best that overlaps none that are kept by more than `iou` of both boxes' area,
    /// and so on. Of equal scores the earlier box comes first. torchvision's `nms`.
    ///
    /// **Shape** `boxes [K, 4]` as x₁, y₁, x₂, y₂, `scores [K]` → the places of those that are kept, i64, best first.
    ///
    /// # Panics
    /// If the shapes do not go together, or boxes or scores cannot be computed yet.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let boxes = Tensor::from([[0.0f32, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9], [5.0, 5.0, 6.0, 6.0]]);
    /// let kept = boxes.nms(&Tensor::from([0.5f32, 0.9, 0.1]), 0.5);
    /// assert_eq!(kept.to_vec::<i64>(), [1, 2]);
    /// ```
    #[track_caller]
    pub fn nms(&self, scores: &Tensor, iou: f64) -> Tensor {
        match kept(self, scores, iou) {
            Ok(kept) => Tensor::from_slice(&kept, [kept.len()]),
            Err(e) => Tensor::refuse(e),
        }
    }
}

fn kept(boxes: &Tensor, scores: &Tensor, iou: f64) -> Result<Vec<i64>> {
    Tensor::sound([boxes, scores])?;
    let (b, s) = (boxes.shape(), scores.shape());
    if b.rank() != 2 || b[1] != 4 || *s != b[..1] {
        return Err(Error::shape("nms", format!("boxes {b}, scores {s}")));
    }
    let corners = boxes.cast(DType::F64).try_to_vec::<f64>()?;
    let scores = scores.cast(DType::F64).try_to_vec::<f64>()?;
    let boxes: Vec<[f64; 4]> = corners.as_chunks::<4>().0.to_vec();
    let kept = suppressed(&boxes, &scores, iou, usize::MAX);
    Ok(kept.into_iter().map(|i| i as i64).collect())
}

/// The boxes that are kept, best first, at most so many. Corners may be given in any order.
#[doc(hidden)]
pub fn suppressed(boxes: &[[f64; 4]], scores: &[f64], iou: f64, most: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..boxes.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut kept: Vec<usize> = vec![];
    for i in order {
        if kept.len() == most {
            break;
        }
        if kept.iter().all(|&k| overlap(boxes[i], boxes[k]) <= iou) {
            kept.push(i);
        }
    }
    kept
}

/// The part of two boxes' area that is in both.
fn overlap(a: [f64; 4], b: [f64; 4]) -> f64 {
    let range = |b: [f64; 4], i: usize| (b[i].min(b[i + 2]), b[i].max(b[i + 2]));
    let area = |b: [f64; 4]| (b[2] - b[0]).abs() * (b[3] - b[1]).abs();
    let common = |i: usize| {
        let ((low, high), (other_low, other_high)) = (range(a, i), range(b, i));
        (high.min(other_high) - low.max(other_low)).max(0.0)
    };
    let both = common(0) * common(1);
    let either = area(a) + area(b) - both;
    if either > 0.0 { both / either } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{grad, try_build};

    #[test]
    fn nms_keeps_the_best_of_each_place() {
        let boxes = Tensor::from([
            [0.0f32, 0.0, 1.0, 1.0],
            [0.0, 0.1, 1.0, 1.1],
            [0.0, -0.1, 1.0, 0.9],
            [0.0, 10.0, 1.0, 11.0],
            [1.0, 11.1, 0.0, 10.1],
        ]);
        let scores = Tensor::from([0.9f32, 0.75, 0.6, 0.95, 0.5]);
        assert_eq!(boxes.nms(&scores, 0.5).to_vec::<i64>(), [3, 0]);
        assert_eq!(boxes.nms(&scores, 1.0).to_vec::<i64>(), [3, 0, 1, 2, 4]);
        let e = try_build(|| boxes.nms(&boxes, 0.5)).unwrap_err().to_string();
        assert!(e.starts_with("nms: boxes [5, 4], scores [5, 4]"), "{e}");
        assert!(Tensor::zeros([0, 4]).nms(&Tensor::zeros([0]), 0.5).is_empty());
    }

    /// Of a plane the mean over a box is the plane's height in the box's middle, and its gradient is shared out by area.
    #[test]
    fn boxes_of_a_plane() {
        let x = Tensor::arange(64).reshape([1, 1, 8, 8]).cast(DType::F64);
        let boxes = Tensor::from([[1.0f32, 1.0, 5.0, 3.0]]);
        let how = RoiAlign { size: [1, 2], scale: 1.0, points: 0, aligned: true, largest: false };
        let y = x.roi_align(&boxes, &Tensor::from([0i64]), how);
        // Middles of the halves: columns 1.5 and 3.5, row 1.5, as pixels count from their middles.
        assert_eq!(y.to_vec::<f64>(), [13.5, 15.5]);
        let [dx] = grad(&y.sum(..), [&x]);
        assert!((dx.sum(..).item() - 2.0).abs() < 1e-12);
        let far = RoiAlign { scale: 1e9, ..how };
        let e = try_build(|| x.roi_align(&boxes, &Tensor::from([0i64]), far)).unwrap_err();
        assert!(e.to_string().contains("needs more than"), "{e}");
        let e = try_build(|| x.roi_align(&boxes, &Tensor::from([1i64]), how)).unwrap_err();
        assert!(e.to_string().starts_with("roi_align: image 1 of 1"), "{e}");
    }
}
