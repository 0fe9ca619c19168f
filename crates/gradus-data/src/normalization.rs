//! Zero mean and unit variance, channel by channel.

use crate::dataset::Dataset;
use crate::error::{DataError, Result};
use crate::target::target_of;

/// `(x - mean) / std` for each channel (the first axis of a sample).
///
/// Columns of a table may lie far from 0, such as times in seconds since 1970, of which an f32 holds 24 bits. Those are
/// centred before they are rounded: `((x - offset) as f32 - mean) / std`, `x - offset` in f64.
///
/// ```
/// use gradus_data::{CsvOptions, Normalization, TabularDataset, parse_csv};
/// let text = b"1700000000.25,a\n1700000000.75,b\n";
/// let set = TabularDataset::new(parse_csv(text, "t.csv", &CsvOptions::default())?, "t.csv", None)?;
/// let normalization = Normalization::of(&set)?;
/// let mut row = [0.0];
/// normalization.read(&set, 1, &mut row)?;
/// assert_eq!((row, normalization.offset()), ([1.0], &[1700000000.5][..]));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Normalization {
    /// Empty, or one for each channel.
    offset: Vec<f64>,
    mean: Vec<f32>,
    std: Vec<f32>,
}

impl Normalization {
    /// One mean and one positive standard deviation per channel, for pixels in `0..=1`.
    pub fn new(mean: &[f32], std: &[f32]) -> Result<Normalization> {
        let fits = mean.len() == std.len()
            && mean.iter().all(|m| m.is_finite())
            && std.iter().all(|s| s.is_finite() && *s > 0.0);
        if !fits {
            return Err(DataError::invalid(
                "normalization",
                format!("mean {mean:?}, std {std:?}"),
                "as many finite means as positive finite standard deviations",
            ));
        }
        Ok(Normalization { offset: vec![], mean: mean.to_vec(), std: std.to_vec() })
    }

    /// The same after subtracting an offset from each channel, in f64; an empty list is none.
    pub fn with_offset(self, offset: &[f64]) -> Result<Normalization> {
        let fits = offset.is_empty() || offset.len() == self.mean.len();
        if !fits || !offset.iter().all(|x| x.is_finite()) {
            let found = format!("{offset:?}");
            let expected = format!("a finite number for each of {} channels", self.mean.len());
            return Err(DataError::invalid("normalization: offset", found, expected));
        }
        Ok(Normalization { offset: offset.to_vec(), ..self })
    }

    /// Measures `dataset`, in f64 and in the order of its samples, so the result has the same bits everywhere.
    /// A constant channel gets standard deviation 1. What [`Dataset::row`] knows more exactly than f32 is centred before it is
    /// rounded: the offset is then the mean.
    pub fn of(dataset: &dyn Dataset) -> Result<Normalization> {
        match (0..dataset.len()).map(|i| dataset.row(i)).collect::<Option<Vec<_>>>() {
            Some(rows) if !rows.is_empty() => Ok(Normalization::of_rows(&rows)),
            _ => Normalization::of_rounded(dataset),
        }
    }

    /// Measures the numbers to be learned of `dataset`, which is not empty and has such.
    pub fn of_targets(dataset: &dyn Dataset) -> Normalization {
        let rows: Vec<Vec<f64>> = (0..dataset.len()).map(|i| target_of(dataset, i)).collect();
        Normalization::of_rows(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn of_rows(rows: &[&[f64]]) -> Normalization {
        let means = |term: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0.0; rows[0].len()];
            for row in rows {
                let columns = sums.iter_mut().zip(*row).enumerate();
                columns.for_each(|(c, (sum, &x))| *sum += term(c, x));
            }
            sums.iter_mut().for_each(|sum| *sum /= rows.len() as f64);
            sums
        };
        // Sums of what is left of a first guess lose no digits.
        let mut offset = means(&|c, x| x - rows[0][c]);
        offset.iter_mut().zip(rows[0]).for_each(|(mean, first)| *mean += first);
        let squares = means(&|c, x| (x - offset[c]).powi(2));
        let std = squares.iter().zip(&offset).map(|(square, mean)| match square.sqrt() {
            deviation if deviation <= 1e-12 * mean.abs() || deviation < 1e-30 => 1.0,
            deviation => deviation as f32,
        });
        Normalization { mean: vec![0.0; offset.len()], std: std.collect(), offset }
    }

    /// As [`Normalization::of`], but of the numbers as f32.
    pub fn of_rounded(dataset: &dyn Dataset) -> Result<Normalization> {
        let shape = dataset.shape();
        let channels = shape.first().copied().unwrap_or(1);
        let item: usize = shape.iter().product();
        let area = item.checked_div(channels).unwrap_or(0);
        let mut sample = vec![0.0; item];
        let mut sums = vec![(0.0f64, 0.0f64); channels];
        for index in 0..dataset.len() {
            dataset.read(index, &mut sample)?;
            for (plane, (sum, squares)) in sample.chunks_exact(area.max(1)).zip(&mut sums) {
                let (s, q) = plane.iter().fold((0.0, 0.0), |(s, q), &x| {
                    let x = x as f64;
                    (s + x, q + x * x)
                });
                *sum += s;
                *squares += q;
            }
        }
        let count = ((dataset.len() * area) as f64).max(1.0);
        let mean = |sum: f64| sum / count;
        let std = |sum: f64, squares: f64| (squares / count - mean(sum).powi(2)).max(0.0).sqrt();
        Ok(Normalization {
            offset: vec![],
            mean: sums.iter().map(|&(sum, _)| mean(sum) as f32).collect(),
            std: sums
                .iter()
                .map(|&(sum, squares)| std(sum, squares) as f32)
                .map(|s| if s > 1e-6 { s } else { 1.0 })
                .collect(),
        })
    }

    /// What is subtracted before anything is rounded; empty for nothing.
    pub fn offset(&self) -> &[f64] {
        &self.offset
    }

    /// The means, of what is left after the offset.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// The standard deviations.
    pub fn std(&self) -> &[f32] {
        &self.std
    }

    /// Refuses a sample shape whose first axis has another size than this normalisation has channels.
    pub fn check(&self, shape: &[usize]) -> Result<()> {
        if shape.first() == Some(&self.mean.len()) {
            return Ok(());
        }
        Err(DataError::invalid(
            "normalization",
            format!("{} channels", self.mean.len()),
            format!("as many as the first axis of a sample of shape {shape:?}"),
        ))
    }

    /// Reads sample `index` of a data set, normalised, into `out`.
    pub fn read(&self, dataset: &dyn Dataset, index: usize, out: &mut [f32]) -> Result<()> {
        match dataset.row(index) {
            Some(row) => self.apply_row(row, out),
            None => {
                dataset.read(index, out)?;
                self.apply(out);
            }
        }
        Ok(())
    }

    /// Normalises a row of a table, a number for each channel.
    pub fn apply_row(&self, row: &[f64], out: &mut [f32]) {
        assert_eq!(row.len(), out.len(), "Normalization::apply_row: length of the output");
        if self.offset.is_empty() {
            out.iter_mut().zip(row).for_each(|(to, &x)| *to = x as f32);
        } else {
            let pairs = row.iter().zip(&self.offset);
            out.iter_mut().zip(pairs).for_each(|(to, (x, offset))| *to = (x - offset) as f32);
        }
        self.scale(out);
    }

    /// The number of a channel that is normalised to `x`: `x · std + mean + offset`.
    pub fn restore(&self, channel: usize, x: f64) -> f64 {
        let offset = self.offset.get(channel).copied().unwrap_or(0.0);
        x * f64::from(self.std[channel]) + f64::from(self.mean[channel]) + offset
    }

    /// Normalises one sample in place.
    pub fn apply(&self, sample: &mut [f32]) {
        let area = sample.len() / self.mean.len().max(1);
        if area > 0 && !self.offset.is_empty() {
            for (plane, &offset) in sample.chunks_exact_mut(area).zip(&self.offset) {
                plane.iter_mut().for_each(|x| *x = (f64::from(*x) - offset) as f32);
            }
        }
        self.scale(sample);
    }

    /// What follows the offset.
    fn scale(&self, sample: &mut [f32]) {
        let area = sample.len() / self.mean.len().max(1);
        if area == 0 {
            return;
        }
        for (plane, (&mean, &std)) in
            sample.chunks_exact_mut(area).zip(self.mean.iter().zip(&self.std))
        {
            let scale = 1.0 / std;
            for x in plane {
                *x = (*x - mean) * scale;
            }
        }
    }
}
