//! Occlusion: what the score loses where a patch of the picture is covered.

use super::slopes::{in_pieces, pieces};
use crate::Subject;
use gradus_base::{Error, Result};
use gradus_tensor::{Step, Tensor, compile};

/// A patch that is moved over the picture. Each pixel is given what the score loses while it is covered, the mean over the patches that cover it.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*};
/// use gradus_see::{Subject, attribution::Occlusion};
/// use gradus_tensor::Tensor;
/// let model = Sequential::new([1, 4, 4], &Init::new(0)).add(flatten()).add(dense(3));
/// let patch = Occlusion { size: [2, 2], stride: [2, 2], fill: 0.0 };
/// let map = patch.of(&Subject::new(model.into()), &Tensor::ones([1, 1, 4, 4]), &[1])?;
/// assert_eq!(*map.shape(), [1, 1, 4, 4]);
/// # Ok::<(), gradus_see::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Occlusion {
    /// The patch's height and width.
    pub size: [usize; 2],
    /// How far it is moved at a time.
    pub stride: [usize; 2],
    /// What covers the pixels.
    pub fill: f64,
}

impl Occlusion {
    /// Of each picture, for its class.
    ///
    /// **Shape** `x [B, C, H, W]`, a class for each picture → `[B, C, H, W]`, all channels alike.
    ///
    /// # Errors
    /// When a class does not exist, or the patch is empty or larger than the picture.
    ///
    /// **Paper** Zeiler & Fergus 2013, arXiv:1311.2901 §4.2.
    pub fn of(&self, subject: &Subject, x: &Tensor, classes: &[usize]) -> Result<Tensor> {
        let &[_, _, height, width] = &*x.shape() else {
            let what = format!("found pictures {}, expected [B, C, H, W]", x.shape());
            return Err(Error::shape("occlusion", what));
        };
        let ([rows, columns], [down, across]) = (self.size, self.stride);
        let fits = (1..=height).contains(&rows) && (1..=width).contains(&columns);
        if !fits || down == 0 || across == 0 {
            let what = format!(
                "found a patch of {rows}×{columns}, moved by {down} and {across}, on a picture of {height}×{width}; expected one that is not empty, fits and moves"
            );
            return Err(Error::value("occlusion", what));
        }
        subject.check_classes(x, classes)?;
        // A last patch at the border may be smaller.
        let places = |whole: usize, size: usize, stride: usize| {
            (0..=(whole - size).div_ceil(stride)).map(move |k| k * stride)
        };
        let patches: Vec<[usize; 4]> = places(height, rows, down)
            .flat_map(|top| {
                places(width, columns, across).map(move |left| {
                    [top, (top + rows).min(height), left, (left + columns).min(width)]
                })
            })
            .collect();
        let mut score = scorer(subject);
        let maps = classes.iter().enumerate().map(|(i, &class)| {
            let picture = x.slice(0, i..i + 1);
            let whole = score(&picture, class)?[0];
            let mut sum = vec![0.0; height * width];
            let mut times = vec![0.0; height * width];
            for (at, size) in pieces(&picture.broadcast_to(wide(x, patches.len()).as_slice())) {
                let some = &patches[at..(at + size).min(patches.len())];
                let left = score(&self.covered(&picture, some, size), class)?;
                for (patch, left) in some.iter().zip(left) {
                    for row in patch[0]..patch[1] {
                        for place in row * width + patch[2]..row * width + patch[3] {
                            sum[place] += whole - left;
                            times[place] += 1.0;
                        }
                    }
                }
            }
            let mean = |(sum, times): (f64, f64)| if times == 0.0 { 0.0 } else { sum / times };
            let map: Vec<f64> = sum.into_iter().zip(times).map(mean).collect();
            let map = Tensor::from_slice(&map, [1, 1, height, width]).cast(x.dtype());
            Ok(map.broadcast_to(picture.shape()))
        });
        let maps = maps.collect::<Result<Vec<_>>>()?;
        let all = Tensor::concat(&maps.iter().collect::<Vec<_>>(), 0);
        all.try_read()?;
        Ok(all)
    }

    /// The picture under each of the patches; behind the last one it is uncovered, until there are `count`.
    fn covered(&self, picture: &Tensor, patches: &[[usize; 4]], count: usize) -> Tensor {
        let (height, width) = (picture.size(2), picture.size(3));
        let mut open = vec![1.0; count * height * width];
        for (k, &[top, bottom, left, right]) in patches.iter().enumerate() {
            for row in top..bottom {
                let begin = (k * height + row) * width;
                open[begin + left..begin + right].fill(0.0);
            }
        }
        let open = Tensor::from_slice(&open, [count, 1, height, width]).cast(picture.dtype());
        picture * &open + (1.0 - &open) * self.fill
    }
}

/// The shape of `count` pictures.
fn wide(x: &Tensor, count: usize) -> Vec<usize> {
    let mut shape = x.shape().to_vec();
    shape[0] = count;
    shape
}

/// The score of one class for each picture of a batch, planned once for each size of batch.
pub(super) fn scorer(subject: &Subject) -> impl FnMut(&Tensor, usize) -> Result<Vec<f64>> + '_ {
    let mut step = compile(|args: &[Tensor]| Step::new().read(&subject.scores(&args[0])));
    move |x: &Tensor, class: usize| {
        in_pieces(&mut step, x, None)?[0].select(1, class).try_to_vec::<f64>()
    }
}
