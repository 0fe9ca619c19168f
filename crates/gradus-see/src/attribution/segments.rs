//! Segments of a picture: what surrogates put in or leave out as a whole.

use gradus_base::{Error, Result};
use gradus_tensor::Tensor;
use std::collections::HashMap;

/// Which segment each pixel of a picture belongs to, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segments {
    /// Row after row.
    pub labels: Vec<usize>,
    /// How many there are.
    pub count: usize,
    /// Height and width.
    pub size: [usize; 2],
}

impl Segments {
    /// Of labels of one's own; they are numbered in the order in which they are met.
    ///
    /// # Errors
    /// When there are not `height · width` labels.
    pub fn new(labels: &[usize], size: [usize; 2]) -> Result<Segments> {
        if labels.len() != size[0] * size[1] || labels.is_empty() {
            let what =
                format!("found {} labels for a picture of {}×{}", labels.len(), size[0], size[1]);
            return Err(Error::value("segments", what));
        }
        let mut numbers = HashMap::new();
        let mut number = |label: &usize| {
            let next = numbers.len();
            *numbers.entry(*label).or_insert(next)
        };
        let labels: Vec<usize> = labels.iter().map(&mut number).collect();
        Ok(Segments { labels, count: numbers.len(), size })
    }
}

/// Squares of so many pixels a side; those at the far borders may be smaller.
///
/// ```
/// use gradus_see::attribution::grid;
/// assert_eq!(grid([4, 6], 2)?.labels[..6], [0, 0, 1, 1, 2, 2]);
/// assert_eq!(grid([4, 6], 2)?.count, 6);
/// # Ok::<(), gradus_see::Error>(())
/// ```
///
/// # Errors
/// When the side is 0 or the picture is empty.
pub fn grid(size: [usize; 2], side: usize) -> Result<Segments> {
    let [height, width] = size;
    if side == 0 {
        return Err(Error::value("grid", "found squares of 0 pixels, expected at least 1"));
    }
    let across = width.div_ceil(side);
    let labels: Vec<usize> =
        (0..height * width).map(|i| i / width / side * across + i % width / side).collect();
    Segments::new(&labels, size)
}

/// Superpixels: about `count` segments of like colour, by k-means over colour and place (SLIC). `compactness` is how much a place counts beside a colour:
/// about 0.1 for pixels from 0 to 1.
///
/// **Shape** a picture `[C, H, W]`.
///
/// # Errors
/// When the picture has another rank, or no segment is asked for.
///
/// **Paper** Achanta et al. 2012, doi:10.1109/TPAMI.2012.120; in the picture's own colours, pieces cut off from their segment stay with it.
pub fn slic(picture: &Tensor, count: usize, compactness: f64) -> Result<Segments> {
    let &[channels, height, width] = &*picture.shape() else {
        let what = format!("found a picture {}, expected [C, H, W]", picture.shape());
        return Err(Error::shape("slic", what));
    };
    if count == 0 || picture.is_empty() {
        return Err(Error::value(
            "slic",
            "found no segments or pixels, expected at least one of each",
        ));
    }
    let values = picture.try_to_vec::<f64>()?;
    let area = height * width;
    let side = ((area as f64 / count as f64).sqrt()).max(1.0);
    let (down, across) =
        ((height as f64 / side).round().max(1.0), (width as f64 / side).round().max(1.0));
    let color = |place: usize, c: usize| values[c * area + place];
    // Each centre: place, then colours.
    let mut centres: Vec<Vec<f64>> = (0..down as usize * across as usize)
        .map(|k| {
            let (row, column) = (k / across as usize, k % across as usize);
            let y = (row as f64 + 0.5) * height as f64 / down;
            let x = (column as f64 + 0.5) * width as f64 / across;
            let place = (y as usize).min(height - 1) * width + (x as usize).min(width - 1);
            [y, x].into_iter().chain((0..channels).map(|c| color(place, c))).collect()
        })
        .collect();
    let mut labels = vec![0; area];
    for _ in 0..10 {
        let mut nearest = vec![f64::INFINITY; area];
        for (k, centre) in centres.iter().enumerate() {
            let rows = window(centre[0], side, height);
            for y in rows {
                for x in window(centre[1], side, width) {
                    let place = y * width + x;
                    let apart = (y as f64 - centre[0]).powi(2) + (x as f64 - centre[1]).powi(2);
                    let colours = (0..channels).map(|c| (color(place, c) - centre[2 + c]).powi(2));
                    let far = colours.sum::<f64>() + apart * (compactness / side).powi(2);
                    if far < nearest[place] {
                        (nearest[place], labels[place]) = (far, k);
                    }
                }
            }
        }
        centres = means(&labels, centres, &color, [channels, width]);
    }
    Segments::new(&labels, [height, width])
}

/// Where a centre looks for pixels: two sides around it.
fn window(centre: f64, side: f64, most: usize) -> std::ops::Range<usize> {
    let begin = (centre - 2.0 * side).max(0.0) as usize;
    begin..((centre + 2.0 * side).ceil() as usize + 1).min(most)
}

/// The mean place and colour of each segment; an empty one stays where it was.
fn means(
    labels: &[usize],
    before: Vec<Vec<f64>>,
    color: &impl Fn(usize, usize) -> f64,
    [channels, width]: [usize; 2],
) -> Vec<Vec<f64>> {
    let mut sums = vec![vec![0.0; 2 + channels]; before.len()];
    let mut counts = vec![0.0; before.len()];
    for (place, &k) in labels.iter().enumerate() {
        counts[k] += 1.0;
        sums[k][0] += (place / width) as f64;
        sums[k][1] += (place % width) as f64;
        for c in 0..channels {
            sums[k][2 + c] += color(place, c);
        }
    }
    let one = |((sum, count), before): ((Vec<f64>, f64), Vec<f64>)| match count {
        0.0 => before,
        count => sum.into_iter().map(|x| x / count).collect(),
    };
    sums.into_iter().zip(counts).zip(before).map(one).collect()
}
