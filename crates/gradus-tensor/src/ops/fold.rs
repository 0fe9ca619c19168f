//! unfold and fold: windows of an image as columns, and columns added up to an image.
//! [N, C, D..] <-> [N, C·∏kernel, windows]
//!
//! Each is the other's gradient; both move elements by places that are known beforehand.

use crate::{Shape, Tensor};
use gradus_base::{Error, Result};

/// Windows over some axes: the first of each list is for the first axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfold {
    /// Elements of a window.
    pub kernel: Vec<usize>,
    /// From one window to the next.
    pub stride: Vec<usize>,
    /// From one element of a window to the next.
    pub dilation: Vec<usize>,
    /// Zeros before and after.
    pub padding: Vec<[usize; 2]>,
}

impl Unfold {
    /// Windows with stride 1, without dilation or padding.
    pub fn new(kernel: &[usize]) -> Unfold {
        let ones = vec![1; kernel.len()];
        let padding = vec![[0, 0]; kernel.len()];
        Unfold { kernel: kernel.to_vec(), stride: ones.clone(), dilation: ones, padding }
    }

    /// Windows along each axis of sizes, padding counted.
    fn windows(&self, sizes: &[usize]) -> Option<Vec<usize>> {
        let lens = [self.kernel.len(), self.stride.len(), self.dilation.len(), self.padding.len()];
        if lens != [sizes.len(); 4] || [&self.kernel, &self.stride].iter().any(|l| l.contains(&0)) {
            return None;
        }
        let windows = |a: usize| {
            let reach = self.dilation[a].checked_mul(self.kernel[a] - 1)?.checked_add(1)?;
            let size = sizes[a].checked_add(self.padding[a][0])?.checked_add(self.padding[a][1])?;
            Some(size.checked_sub(reach)? / self.stride[a] + 1)
        };
        (0..sizes.len()).map(windows).collect()
    }

    /// For each element of each window, the place of its element in the padded image: first the elements of a window, then windows.
    fn places(&self, sizes: &[usize], windows: &[usize]) -> Vec<i64> {
        let mut places = vec![0i64];
        let padded = |a: usize| sizes[a] + self.padding[a][0] + self.padding[a][1];
        let mut walk = |counts: &[usize], steps: &[usize]| {
            for a in 0..counts.len() {
                let stride: usize = (a + 1..counts.len()).map(padded).product();
                let next = |&p: &i64| {
                    (0..counts[a])
                        .map(move |i| p + (i * steps[a] * stride) as i64)
                        .collect::<Vec<_>>()
                };
                places = places.iter().flat_map(next).collect();
            }
        };
        walk(&self.kernel, &self.dilation);
        walk(windows, &self.stride);
        places
    }

    fn refused(&self, op: &str, shape: &Shape) -> Error {
        Error::shape(op, format!("{self:?} of {shape}"))
    }
}

fn product(sizes: &[usize]) -> usize {
    sizes.iter().product()
}

impl Tensor {
    /// Every window of the axes behind the channels as a column, windows in order, the last axis fastest. PyTorch's `unfold`, of
    /// any number of axes.
    ///
    /// **Shape** `x [N, C, D..]` → `[N, C·∏kernel, windows]`. What lies in the padding is 0.
    ///
    /// # Panics
    /// If there is not one entry for each axis behind the channels, one is 0, or no window fits.
    ///
    /// ```
    /// use gradus_tensor::{Tensor, Unfold};
    /// let x = Tensor::from([[[1.0f32, 2.0, 3.0]]]);
    /// assert_eq!(x.unfold(&Unfold::new(&[2])).to_vec::<f32>(), [1.0, 2.0, 2.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn unfold(&self, windows: &Unfold) -> Tensor {
        let shape = self.shape();
        let counts = shape.get(2..).and_then(|sizes| windows.windows(sizes));
        let Some(counts) = counts else { return Tensor::refuse(windows.refused("unfold", &shape)) };
        let places = windows.places(&shape[2..], &counts);
        let padded = (2..)
            .zip(&windows.padding)
            .fold(self.clone(), |x, (axis, [before, after])| x.pad(axis, *before, *after));
        let pixels = product(&padded.shape()[2..]);
        let flat = padded.reshape([shape[0], shape[1], pixels]);
        let columns = flat.index_select(2, &Tensor::from_slice(&places, [places.len()]));
        columns.reshape([shape[0], shape[1] * product(&windows.kernel), product(&counts)])
    }

    /// Columns as [`Tensor::unfold`] makes them, put back into an image of these sizes; where windows overlap they are added up.
    /// PyTorch's `fold` and ONNX's `Col2Im`, of any number of axes.
    ///
    /// **Shape** `x [N, C·∏kernel, windows]` → `[N, C, sizes..]`.
    ///
    /// # Panics
    /// If the columns are not as many or as long as windows of the sizes, or elements are u8 or bool.
    ///
    /// ```
    /// use gradus_tensor::{Tensor, Unfold};
    /// let x = Tensor::from([[[1.0f32, 2.0], [2.0, 3.0]]]);
    /// assert_eq!(x.fold(&[3], &Unfold::new(&[2])).to_vec::<f32>(), [1.0, 4.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn fold(&self, sizes: &[usize], windows: &Unfold) -> Tensor {
        match self.folded(sizes, windows) {
            Ok(image) => image,
            Err(e) => Tensor::refuse(e),
        }
    }

    #[track_caller]
    fn folded(&self, sizes: &[usize], windows: &Unfold) -> Result<Tensor> {
        Tensor::sound([self])?;
        let shape = self.shape();
        let refused = || windows.refused("fold", &shape);
        let counts = windows.windows(sizes).ok_or_else(refused)?;
        let taps = product(&windows.kernel);
        let fits = shape.rank() == 3
            && shape[1].is_multiple_of(taps)
            && shape[2] == product(&counts)
            && !sizes.is_empty();
        if !fits {
            return Err(refused());
        }
        let (n, channels) = (shape[0], shape[1] / taps);
        let places = windows.places(sizes, &counts);
        let padded: Vec<usize> =
            sizes.iter().zip(&windows.padding).map(|(s, [a, b])| s + a + b).collect();
        let all = Shape::try_new(&[&[n, channels], &padded[..]].concat())?;
        // One list of places serves every row: elements go by their first axis.
        let rows = self.reshape([n * channels, places.len()]).transpose(0, 1);
        let ids = Tensor::from_slice(&places, [places.len(), 1]).broadcast_to(rows.shape());
        let sums = rows.scatter_add(0, &ids, product(&padded)).transpose(0, 1).reshape(all);
        Ok((2..)
            .zip(sizes.iter().zip(&windows.padding))
            .fold(sums, |y, (axis, (&size, pads))| y.slice(axis, pads[0]..pads[0] + size)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check;
    use crate::try_build;
    use gradus_testkit::{Array, Species};

    fn windows() -> Unfold {
        Unfold { stride: vec![2, 1], padding: vec![[1, 0], [0, 1]], ..Unfold::new(&[2, 2]) }
    }

    #[test]
    fn unfold() {
        let case = check("unfold", |x| x[0].unfold(&windows())).input([2, 3, 3, 2], -1.0..1.0);
        let case = case.empty_axis(None).oracle_of(|x| {
            Array::from_fn([2, 12, 4], |at| {
                let (c, i, j) = (at[1] / 4, at[1] / 2 % 2, at[1] % 2);
                let (row, column) = (at[2] / 2 * 2 + i, at[2] % 2 + j);
                if row == 0 || column == 2 { 0.0 } else { x[0].at(&[at[0], c, row - 1, column]) }
            })
        });
        case.run();
    }

    #[test]
    fn fold() {
        let case = check("fold", |x| x[0].fold(&[3, 2], &windows())).input([2, 12, 4], -1.0..1.0);
        let case = case.species(Species::Reduction).empty_axis(None).oracle_of(|x| {
            let mut y = Array::from_fn([2, 3, 3, 2], |_| 0.0);
            for (place, v) in x[0].values.iter().enumerate() {
                let (n, row, w) = (place / 48, place / 4 % 12, place % 4);
                let (c, i, j) = (row / 4, row / 2 % 2, row % 2);
                let (r, column) = (w / 2 * 2 + i, w % 2 + j);
                if r > 0 && column < 2 {
                    y.values[((n * 3 + c) * 3 + r - 1) * 2 + column] += v;
                }
            }
            y
        });
        case.run();
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let x = Tensor::zeros([1, 1, 3, 3]);
        let e = try_build(|| x.unfold(&Unfold::new(&[4, 1]))).unwrap_err().to_string();
        assert!(e.starts_with("unfold: Unfold { kernel: [4, 1]"), "{e}");
        let e = try_build(|| Tensor::zeros([1, 5, 2]).fold(&[3], &Unfold::new(&[2])));
        assert!(e.unwrap_err().to_string().contains("of [1, 5, 2]"));
    }
}
