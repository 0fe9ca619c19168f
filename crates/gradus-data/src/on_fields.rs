//! An augmentation of pictures that their masks and boxes go along with.

use std::sync::Arc;

use gradus_base::{DType, Element, bf16, f16};

use crate::augment::Augment;
use crate::error::{DataError, Result, count};
use crate::field::{self, FieldSpec, Name};
use crate::motion::{Motion, Warp};
use crate::random::{Rng, rng_for_augment};
use crate::sample::Sample;
use crate::transform::Transform;

/// An augmentation of pictures, by the names of their fields, f32 `[C, H, W]`: all of one random draw. Masks and boxes go along by
/// the same draw; every other field stays as it is. A field that looks like a mask, `[H, W]` or `[1, H, W]` as large as the picture,
/// must be named where pixels move: as one that goes along, or as one that stays ([`OnFields::leaving`]).
///
/// ```
/// use gradus_data::{Affine, ColorJitter, HorizontalFlip, OnFields};
/// let turn = OnFields::new(Affine { degrees: 20.0, shift: 4.0, scale: 0.1 }, ["x"]).mask("mask");
/// let flip = OnFields::new(HorizontalFlip, ["left", "right"]).boxes("boxes", &["classes"]);
/// let colours = OnFields::new(ColorJitter { brightness: 0.2, contrast: 0.2, saturation: 0.0 }, ["x"]);
/// ```
#[derive(Clone)]
pub struct OnFields {
    augment: Arc<dyn Augment>,
    pictures: Vec<Name>,
    /// With what lies outside.
    masks: Vec<(Name, f64)>,
    /// With the fields that have a row for each box.
    boxes: Vec<(Name, Vec<Name>)>,
    /// What stays as it is, though it is as large as the pictures.
    leaving: Vec<Name>,
}

impl OnFields {
    /// Changes these pictures, which are of one height and width.
    pub fn new<N: Into<Name>>(
        augment: impl Augment + 'static,
        pictures: impl IntoIterator<Item = N>,
    ) -> OnFields {
        let pictures = pictures.into_iter().map(Into::into).collect();
        let augment = Arc::new(augment);
        OnFields { augment, pictures, masks: vec![], boxes: vec![], leaving: vec![] }
    }

    /// A mask of any type, `[H, W]` or `[C, H, W]`, goes along: by the nearest pixel, so that it gets no values but its own, and 0
    /// where the picture comes from outside.
    #[must_use]
    pub fn mask(self, name: impl Into<Name>) -> OnFields {
        self.mask_or(name, 0.0)
    }

    /// The same with another value for what comes from outside, such as that of pixels that do not count.
    #[must_use]
    pub fn mask_or(mut self, name: impl Into<Name>, outside: f64) -> OnFields {
        self.masks.push((name.into(), outside));
        self
    }

    /// Boxes go along, f32 `[T, 4]`: left, top, right and bottom edge in pixels. They are clipped to the picture; one of which nothing
    /// is left is gone, and so is its row of each field of `beside`, such as its class.
    #[must_use]
    pub fn boxes(mut self, name: impl Into<Name>, beside: &[&'static str]) -> OnFields {
        self.boxes.push((name.into(), beside.iter().map(|&name| name.into()).collect()));
        self
    }

    /// These fields stay as they are, though they are `[H, W]` or `[1, H, W]`, as large as the pictures: another picture, a table.
    ///
    /// ```
    /// use gradus_data::{HorizontalFlip, InMemory, OnFields, RecordLoader, RecordOptions};
    /// use std::sync::Arc;
    /// let new = |flip: OnFields| {
    ///     let pair = InMemory::new().field("x", &[1, 2, 2], &[0.5f32; 4])?.field("t", &[1, 2, 2], &[1.0f32; 4])?;
    ///     RecordLoader::new(pair, RecordOptions { transforms: vec![Arc::new(flip)], ..Default::default() })
    /// };
    /// assert!(new(OnFields::new(HorizontalFlip, ["x"])).is_err()); // is t what x is to become?
    /// assert!(new(OnFields::new(HorizontalFlip, ["x"]).mask("t")).is_ok());
    /// assert!(new(OnFields::new(HorizontalFlip, ["x"]).leaving(["t"])).is_ok());
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    #[must_use]
    pub fn leaving<N: Into<Name>>(mut self, names: impl IntoIterator<Item = N>) -> OnFields {
        self.leaving.extend(names.into_iter().map(Into::into));
        self
    }

    /// Every name, in the order in which they were said.
    fn names(&self) -> impl Iterator<Item = &Name> {
        let masks = self.masks.iter().map(|(name, _)| name);
        let boxes =
            self.boxes.iter().flat_map(|(name, beside)| std::iter::once(name).chain(beside));
        self.pictures.iter().chain(masks).chain(boxes).chain(&self.leaving)
    }

    fn wrong(&self, found: impl Into<String>, expected: impl Into<String>) -> DataError {
        let what = format!("augmentation of {}", self.pictures.join(", "));
        DataError::invalid(what, found, expected)
    }

    /// Refuses a field that is named twice.
    fn check_names(&self) -> Result<()> {
        let twice =
            self.names().enumerate().find(|(at, name)| self.names().take(*at).any(|n| n == *name));
        match twice {
            None => Ok(()),
            Some((_, name)) => {
                let expected = "once: as a picture, a mask, boxes, beside boxes, or left";
                Err(self.wrong(format!("the field {name} twice"), expected))
            }
        }
    }

    /// Refuses to leave a field behind that looks like a mask of these pictures.
    fn check_left(&self, fields: &[FieldSpec], [_, h, w]: [usize; 3]) -> Result<()> {
        for name in &self.leaving {
            field::find(fields, name)?;
        }
        let looks = |field: &&FieldSpec| {
            let shape = field.shape();
            !field.is_ragged() && (shape == [h, w] || shape == [1, h, w])
        };
        let left = |field: &&FieldSpec| looks(field) && !self.names().any(|n| n == field.name());
        match fields.iter().find(left) {
            None => Ok(()),
            Some(field) => Err(self.wrong(
                format!("{field}, as large as the picture, left behind"),
                format!("a choice: it goes along (mask) or stays (leaving([{:?}]))", field.name()),
            )),
        }
    }

    /// The shape of a picture, and that of the result.
    fn shapes(&self, field: &FieldSpec) -> Result<[[usize; 3]; 2]> {
        match *field.shape() {
            [c, h, w] if field.dtype() == DType::F32 && !field.is_ragged() => {
                Ok([[c, h, w], self.augment.output_shape([c, h, w])?])
            }
            _ => Err(field.wrong(field.to_string(), "a picture f32 [C, H, W] to augment")),
        }
    }

    /// Checks what goes along with pictures of these shapes before and after, and sets what the masks' are afterwards.
    fn follow(
        &self,
        fields: &mut [FieldSpec],
        shapes: [[usize; 3]; 2],
        motion: Motion,
    ) -> Result<()> {
        for (name, outside) in &self.masks {
            let field = &mut fields[field::find(fields, name)?];
            *field = mask_after(field, *outside, shapes)?;
        }
        for (name, beside) in &self.boxes {
            check_boxes(fields, name, beside)?;
        }
        match motion {
            Motion::Unknown if self.is_followed() => Err(self.wrong(
                "one that does not say how it moves pixels",
                "Augment::motion, for masks and boxes to go along",
            )),
            _ => Ok(()),
        }
    }

    /// Whether anything goes along with the pictures.
    fn is_followed(&self) -> bool {
        !(self.masks.is_empty() && self.boxes.is_empty())
    }
}

/// What a mask is when its picture has become another.
fn mask_after(
    field: &FieldSpec,
    outside: f64,
    [[_, h, w], [_, height, width]]: [[usize; 3]; 2],
) -> Result<FieldSpec> {
    let shape = match *field.shape() {
        _ if field.is_ragged() => None,
        [y, x] if [y, x] == [h, w] => Some(vec![height, width]),
        [c, y, x] if [y, x] == [h, w] => Some(vec![c, height, width]),
        _ => None,
    };
    let Some(shape) = shape else {
        let expected = format!("a mask [{h}, {w}] or [C, {h}, {w}], as large as the picture");
        return Err(field.wrong(field.to_string(), expected));
    };
    match field.dtype().number(outside) {
        Ok(_) => Ok(field.with_shape(&shape)),
        Err(error) => Err(field.wrong(error.what, "a value of the mask")),
    }
}

fn check_boxes(fields: &[FieldSpec], name: &Name, beside: &[Name]) -> Result<()> {
    let field = &fields[field::find(fields, name)?];
    if !(field.is_ragged() && field.dtype() == DType::F32 && field.shape() == [4]) {
        return Err(field.wrong(field.to_string(), "boxes f32 [T, 4]"));
    }
    for name in beside {
        let field = &fields[field::find(fields, name)?];
        if !field.is_ragged() {
            return Err(field.wrong(field.to_string(), "a row for each box, [T, ..]"));
        }
    }
    Ok(())
}

impl Transform for OnFields {
    fn output_fields(&self, fields: &[FieldSpec]) -> Result<Vec<FieldSpec>> {
        self.check_names()?;
        let mut after = fields.to_vec();
        let mut first: Option<[[usize; 3]; 2]> = None;
        for name in &self.pictures {
            let at = field::find(fields, name)?;
            let shapes = self.shapes(&fields[at])?;
            let [before, _] = *first.get_or_insert(shapes);
            if before[1..] != shapes[0][1..] {
                let expected =
                    format!("[C, {}, {}], as {} is", before[1], before[2], self.pictures[0]);
                return Err(fields[at].wrong(fields[at].to_string(), expected));
            }
            after[at] = fields[at].with_shape(&shapes[1]);
        }
        let Some(shapes) = first else {
            return Err(DataError::invalid("augmentation", "no picture", "at least one"));
        };
        let motion = self.augment.motion(shapes[0], &mut rng_for_augment(0, 0, 0, 0));
        self.follow(&mut after, shapes, motion)?;
        if motion != Motion::Still {
            self.check_left(fields, shapes[0])?;
        }
        Ok(after)
    }

    fn apply(&self, input: &Sample, output: &mut Sample, rng: &mut Rng) -> Result<()> {
        let start = rng.clone();
        let mut shapes = [[0; 3]; 2];
        for name in &self.pictures {
            let at = input.find(name)?;
            shapes = self.shapes(&input.fields()[at])?;
            let out = output.room::<f32>(at, shapes[1].iter().product())?;
            // The same draw for each.
            *rng = start.clone();
            self.augment.apply(input.elements(at)?, shapes[0], out, rng);
        }
        if self.is_followed()
            && let Motion::Moved(warp) = self.augment.motion(shapes[0], &mut start.clone())
        {
            let [before, after] = shapes.map(|[_, h, w]| [h, w]);
            let along = Along { warp, before, after, input };
            for (name, outside) in &self.masks {
                along.mask(input.find(name)?, *outside, output)?;
            }
            for (name, beside) in &self.boxes {
                along.boxes(input.find(name)?, beside, output)?;
            }
        }
        Ok(())
    }
}

/// Masks and boxes on their way along with a picture.
struct Along<'a> {
    warp: Warp,
    /// Height and width of the picture, and of the result.
    before: [usize; 2],
    after: [usize; 2],
    input: &'a Sample,
}

impl Along<'_> {
    fn mask(&self, field: usize, outside: f64, output: &mut Sample) -> Result<()> {
        match self.input.fields()[field].dtype() {
            DType::F32 => self.typed::<f32>(field, outside, output),
            DType::F64 => self.typed::<f64>(field, outside, output),
            DType::F16 => self.typed::<f16>(field, outside, output),
            DType::BF16 => self.typed::<bf16>(field, outside, output),
            DType::I32 => self.typed::<i32>(field, outside, output),
            DType::I64 => self.typed::<i64>(field, outside, output),
            DType::U8 => self.typed::<u8>(field, outside, output),
            DType::Bool => self.typed::<bool>(field, outside, output),
        }
    }

    fn typed<T: Element>(&self, field: usize, outside: f64, output: &mut Sample) -> Result<()> {
        let (from, area) = (self.input.elements::<T>(field)?, |[h, w]: [usize; 2]| h * w);
        let planes = from.len() / area(self.before);
        let to = output.room::<T>(field, planes * area(self.after))?;
        self.warp.nearest(from, self.before, to, self.after, T::from_f64(outside));
        Ok(())
    }

    /// Writes the boxes that are left, and the rows beside them.
    fn boxes(&self, field: usize, beside: &[Name], output: &mut Sample) -> Result<()> {
        let input = self.input;
        let (boxes, _) = input.elements::<f32>(field)?.as_chunks::<4>();
        let carried = boxes.iter().map(|one| self.warp.carry(*one, self.after)).enumerate();
        let (rows, left): (Vec<usize>, Vec<[f32; 4]>) =
            carried.filter_map(|(row, one)| Some((row, one?))).unzip();
        for name in beside {
            let other = input.find(name)?;
            if input.length(other) != boxes.len() {
                let found = count(input.length(other), "row");
                let expected = format!("{}, one for each box", boxes.len());
                return Err(input.fields()[other].wrong_in(input.index(), found, expected));
            }
            output.take_rows(other, input, &rows)?;
        }
        output.put(field, left.as_flattened())
    }
}
