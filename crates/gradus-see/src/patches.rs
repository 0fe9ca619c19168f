//! Which pictures excite a unit most, and where in them.

use crate::{Subject, Traced};
use gradus_base::Result;
use gradus_nn::Field;
use gradus_tensor::{Compiled, DType, Step, Tensor, compile};

/// Where a unit was found to be large.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// How large.
    pub value: f64,
    /// The picture, counted from the first that was shown.
    pub picture: usize,
    /// The place in the unit's map, row by row; 0 where a unit is one number.
    pub place: usize,
}

/// The pictures that excite the units of some layers most, found while pictures pass by.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*};
/// use gradus_see::{Subject, TopPatches};
/// use gradus_tensor::Tensor;
/// let model = Sequential::new([1, 4, 4], &Init::new(0)).add(conv2d(2, 3)).add(flatten()).add(dense(3));
/// let mut top = TopPatches::new(&Subject::new(model.into()), &[1, 4, 4], &["conv1"], 2)?;
/// top.show(&Tensor::randn([5, 1, 4, 4], 1))?;
/// let peaks = top.peaks(0, 1);
/// assert!(peaks.len() == 2 && peaks[0].value >= peaks[1].value && peaks[0].place < 4);
/// # Ok::<(), gradus_see::Error>(())
/// ```
pub struct TopPatches {
    /// Of each layer its units' peaks, the largest first.
    peaks: Vec<Vec<Vec<Peak>>>,
    most: usize,
    shown: usize,
    step: Compiled<Traced>,
}

impl TopPatches {
    /// Of layers of a subject that takes pictures of this shape (without the batch): of each unit so many peaks, at most one in a picture.
    ///
    /// # Errors
    /// When a layer does not exist.
    pub fn new(
        subject: &Subject,
        picture: &[usize],
        layers: &[&str],
        most: usize,
    ) -> Result<TopPatches> {
        let known = subject.layers(picture)?;
        let mut peaks = vec![];
        for layer in layers {
            let shape = known.iter().find(|known| known.path == *layer);
            let shape = shape.ok_or_else(|| crate::subject::unknown_among(layer, &known))?;
            peaks.push(vec![vec![]; shape.units()]);
        }
        let subject = subject.clone();
        let layers: Vec<String> = layers.iter().map(|&layer| layer.to_owned()).collect();
        let step = compile(Box::new(move |args: &[Tensor]| {
            let names: Vec<&str> = layers.iter().map(String::as_str).collect();
            // Their names were looked up above.
            let watched = subject.watched(&args[0], &names).map_or(vec![], |found| found.layers);
            watched.iter().fold(Step::new(), |step, y| {
                let [batch, units] = [y.size(0), y.shape().get(1).copied().unwrap_or(1)];
                let maps = y.reshape([batch, units, y.len() / (batch * units).max(1)]);
                step.read(&maps.max(2).cast(DType::F64)).read(&maps.argmax(2))
            })
        }) as Traced);
        Ok(TopPatches { peaks, most, shown: 0, step })
    }

    /// Shows more pictures, `[B, C, H, W]`.
    ///
    /// # Errors
    /// When the network cannot take them.
    pub fn show(&mut self, x: &Tensor) -> Result<()> {
        let read = self.step.run(&[x])?;
        for (layer, peaks) in self.peaks.iter_mut().enumerate() {
            let units = peaks.len();
            let values = read.tensor(2 * layer).to_vec::<f64>();
            let places = read.tensor(2 * layer + 1).to_vec::<i64>();
            for (at, (&value, &place)) in values.iter().zip(&places).enumerate() {
                let picture = self.shown + at / units;
                let peak = Peak { value, picture, place: place as usize };
                keep(&mut peaks[at % units], peak, self.most);
            }
        }
        self.shown += x.size(0);
        Ok(())
    }

    /// How many pictures were shown.
    pub fn shown(&self) -> usize {
        self.shown
    }

    /// The peaks of a unit of the layer that was named so many places after the first, the largest first; of equal ones the earlier.
    ///
    /// # Panics
    /// If there is no such layer or unit.
    pub fn peaks(&self, layer: usize, unit: usize) -> &[Peak] {
        &self.peaks[layer][unit]
    }
}

/// Puts a peak among the largest so far. What is no number is none.
fn keep(best: &mut Vec<Peak>, peak: Peak, most: usize) {
    let is_full = best.len() == most;
    if peak.value.is_nan() || is_full && best.last().is_none_or(|last| peak.value <= last.value) {
        return;
    }
    let at = best.partition_point(|other| other.value >= peak.value);
    best.insert(at, peak);
    best.truncate(most);
}

/// What of a picture `[C, H, W]` a unit sees at a place (row, column) of its map, and its shape. Of what lies beside the picture
/// nothing is seen: that is `beside`.
pub fn patch(
    picture: &[f32],
    [channels, height, width]: [usize; 3],
    field: &Field,
    place: [usize; 2],
    beside: f32,
) -> (Vec<f32>, [usize; 3]) {
    // A unit that sees more than the picture sees all of it, and no more is to be shown.
    let side = |a: usize, size: usize| match field.sees[a] >= size {
        true => (0, size),
        false => (field.start[a] + (place[a] * field.jump[a]) as isize, field.sees[a]),
    };
    let ((top, high), (left, wide)) = (side(0, height), side(1, width));
    let at = |c: usize, y: usize, x: usize| {
        let (y, x) = (top + y as isize, left + x as isize);
        let inside = (0..height as isize).contains(&y) && (0..width as isize).contains(&x);
        if inside { picture[(c * height + y as usize) * width + x as usize] } else { beside }
    };
    let pixels =
        (0..channels * high * wide).map(|i| at(i / (high * wide), i / wide % high, i % wide));
    (pixels.collect(), [channels, high, wide])
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_nn::{Init, Sequential, layers::*};

    #[test]
    fn peaks_are_those_of_all_pictures_at_once() {
        let model = Sequential::new([1, 6, 6], &Init::new(2))
            .add(conv2d(3, 3))
            .add(relu())
            .add(flatten())
            .add(dense(4));
        let subject = Subject::new(model.into());
        let x = Tensor::randn([7, 1, 6, 6], 5);
        let mut top = TopPatches::new(&subject, &[1, 6, 6], &["conv1", "dense1"], 3).unwrap();
        for part in [0..3, 3..5, 5..7] {
            top.show(&x.slice(0, part)).unwrap();
        }
        assert_eq!(top.shown(), 7);
        let watched = subject.watched(&x, &["conv1", "dense1"]).unwrap().layers;
        for (layer, units) in [(0, 3), (1, 4)] {
            let all = watched[layer].to_vec::<f32>();
            let area = all.len() / (7 * units);
            for unit in 0..units {
                let map = |picture: usize| &all[(picture * units + unit) * area..][..area];
                let peak = |picture: usize| map(picture).iter().copied().fold(f32::MIN, f32::max);
                let mut order: Vec<usize> = (0..7).collect();
                order.sort_by(|&a, &b| peak(b).total_cmp(&peak(a)));
                let found = top.peaks(layer, unit);
                let pictures: Vec<usize> = found.iter().map(|peak| peak.picture).collect();
                assert_eq!(pictures, order[..3], "layer {layer}, unit {unit}");
                assert_eq!(map(order[0])[found[0].place], found[0].value as f32);
            }
        }
        let unknown = TopPatches::new(&subject, &[1, 6, 6], &["conv2"], 3).err().unwrap();
        assert!(unknown.to_string().contains("the nearest of 4 are conv1"), "{unknown}");
    }

    #[test]
    fn of_equal_peaks_the_earlier_stays_and_what_is_no_number_is_none() {
        let mut best = vec![];
        let peak = |value: f64, picture: usize| Peak { value, picture, place: 0 };
        for (picture, value) in [1.0, 3.0, f64::NAN, 3.0, 1.0, 2.0].into_iter().enumerate() {
            keep(&mut best, peak(value, picture), 3);
        }
        assert_eq!(best, [peak(3.0, 1), peak(3.0, 3), peak(2.0, 5)]);
    }

    /// The field of LeNet's first unit begins two pixels beside the picture.
    #[test]
    fn patches_are_cut_where_the_field_lies() {
        let picture: Vec<f32> = (0..16).map(|i| i as f32).collect();
        let field = Field { sees: [3, 3], jump: [2, 2], start: [-1, -1] };
        let cut = |place| patch(&picture, [1, 4, 4], &field, place, -1.0).0;
        assert_eq!(cut([0, 0]), [-1.0, -1.0, -1.0, -1.0, 0.0, 1.0, -1.0, 4.0, 5.0]);
        assert_eq!(cut([1, 1]), [5.0, 6.0, 7.0, 9.0, 10.0, 11.0, 13.0, 14.0, 15.0]);
        let whole = Field { sees: [9, 3], jump: [1, 1], start: [0, 0] };
        assert_eq!(patch(&picture, [1, 4, 4], &whole, [0, 1], 0.0).1, [1, 4, 3]);
    }
}
