//! The memory order of weights in other programs, and the turn into ours: kernels `[O, I, H, W]`, dense
//! layers `[in, out]`.

use super::{OurLayer, TheirLayer};
use gradus_base::DType;
use gradus_io::{NamedArray, Result};

/// Whose conventions a file follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Kernels `[O, I, H, W]`, dense layers `[in, out]`: nothing is turned.
    #[default]
    Gradus,
    /// Kernels `[O, I, H, W]`, dense layers `[out, in]`.
    PyTorch,
    /// Kernels `[H, W, I, O]`, depthwise ones `[H, W, C, M]`, dense layers `[in, out]`, maps flattened as `[H, W, C]`.
    Keras,
    /// As PyTorch.
    Caffe,
}

impl Origin {
    /// The origin of a name users write.
    pub fn named(name: &str) -> Option<Origin> {
        Some(match name {
            "gradus" => Origin::Gradus,
            "pytorch" => Origin::PyTorch,
            "keras" => Origin::Keras,
            "caffe" => Origin::Caffe,
            _ => return None,
        })
    }
}

/// The type in which a file's arrays are read for a variable of `dtype`.
pub(super) fn read_as(dtype: DType) -> DType {
    match dtype {
        DType::F64 => DType::F64,
        _ => DType::F32,
    }
}

/// What a file's layer has for a part of ours.
pub(super) enum Fit<'t> {
    /// Nothing of its name.
    Missing,
    /// An array, and how it is turned.
    There(&'t NamedArray, Option<Turn>),
}

impl Fit<'_> {
    /// Its shape in our order.
    pub(super) fn shape(&self) -> Option<&[usize]> {
        match self {
            Fit::Missing => None,
            Fit::There(array, None) => Some(&array.shape),
            Fit::There(_, Some(turn)) => Some(&turn.into),
        }
    }

    /// The array in our order, under our name.
    pub(super) fn array(&self, name: String, dtype: DType) -> Option<Result<NamedArray>> {
        let Fit::There(array, turn) = self else { return None };
        let turned = turn.as_ref().map(|turn| turn.of(array));
        let cast = turned.as_ref().unwrap_or(array).cast(dtype);
        Some(cast.map(|array| NamedArray { name, ..array }))
    }
}

/// What a file's layer has for each part of ours.
pub(super) fn fit<'t>(
    ours: &OurLayer,
    theirs: &'t TheirLayer,
    origin: Origin,
    before: Option<&[usize; 3]>,
) -> Vec<Fit<'t>> {
    let part = |(part, _, shape): &(String, DType, Vec<usize>)| match find(part, theirs) {
        None => Fit::Missing,
        Some(array) if theirs.inputs_first.contains(&array.name) => Fit::There(array, None),
        Some(array) => Fit::There(array, Turn::new(shape, &array.shape, origin, before)),
    };
    ours.parts.iter().map(part).collect()
}

/// A layer's part by what other programs call it.
fn find<'t>(part: &str, theirs: &'t TheirLayer) -> Option<&'t NamedArray> {
    let norm = theirs.parts.len() > 2;
    let names: &[&str] = match part {
        "weight" if norm => &["weight", "gamma", "scale", "0"],
        "weight" => &["weight", "kernel", "depthwise_kernel", "embeddings", "W", "0"],
        "bias" => &["bias", "beta", "b", "1"],
        "running_mean" => &["running_mean", "moving_mean", "mean", "2"],
        "running_var" => &["running_var", "moving_variance", "moving_var", "var", "variance", "3"],
        other => return theirs.parts.iter().find(|array| array.name == other),
    };
    names.iter().find_map(|name| theirs.parts.iter().find(|array| array.name == *name))
}

/// Axes in another order, seen as sizes that may have been joined.
pub(super) struct Turn {
    from: Vec<usize>,
    axes: Vec<usize>,
    into: Vec<usize>,
}

impl Turn {
    /// How an array of the shape `theirs` becomes a part of the shape `ours`; `None` where there is nothing to turn.
    fn new(
        ours: &[usize],
        theirs: &[usize],
        origin: Origin,
        before: Option<&[usize; 3]>,
    ) -> Option<Turn> {
        let turn = |from: &[usize], axes: &[usize], into: Vec<usize>| {
            Some(Turn { from: from.to_vec(), axes: axes.to_vec(), into })
        };
        match (origin, ours.len(), theirs) {
            (Origin::PyTorch | Origin::Caffe, 2, &[out, inputs]) => {
                turn(theirs, &[1, 0], vec![inputs, out])
            }
            // Depthwise: channel c gives the maps c·M to c·M + M − 1, each from one channel.
            (Origin::Keras, 4, &[h, w, c, m]) if ours[1] == 1 && ours[0] == c * m => {
                turn(theirs, &[2, 3, 0, 1], vec![c * m, 1, h, w])
            }
            (Origin::Keras, 4, &[h, w, i, o]) => turn(theirs, &[3, 2, 0, 1], vec![o, i, h, w]),
            (Origin::Keras, 2, &[inputs, out]) => match *before? {
                [c, h, w] if c * h * w == inputs => {
                    turn(&[h, w, c, out], &[2, 0, 1, 3], vec![inputs, out])
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn of(&self, array: &NamedArray) -> NamedArray {
        let array = NamedArray { shape: self.from.clone(), ..array.clone() }.permuted(&self.axes);
        NamedArray { shape: self.into.clone(), ..array }
    }
}

/// Turns a network for BGR pictures into one for RGB, or back: swaps what the kernels of the layer `layer`
/// make of the first and the last of three channels. Whether there was such a layer.
pub fn swap_input_channels(arrays: &mut [NamedArray], layer: &str) -> bool {
    let name = format!("{layer}.weight");
    let Some(array) = arrays.iter_mut().find(|array| array.name == name) else { return false };
    let &[out, 3, h, w] = &array.shape[..] else { return false };
    let plane = h * w * array.dtype.size();
    for o in 0..out {
        let (first, rest) = array.data[o * 3 * plane..][..3 * plane].split_at_mut(plane);
        first.swap_with_slice(&mut rest[plane..]);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(shape: &[usize]) -> NamedArray {
        let len: usize = shape.iter().product();
        let values: Vec<f32> = (0..len).map(|i| i as f32).collect();
        NamedArray::from_f32("w", shape, &values).unwrap()
    }

    fn turn(
        ours: &[usize],
        array: &NamedArray,
        origin: Origin,
        before: Option<&[usize; 3]>,
    ) -> Option<NamedArray> {
        Turn::new(ours, &array.shape, origin, before).map(|turn| turn.of(array))
    }

    /// By the definition of each layout, element by element.
    #[test]
    fn keras_kernels_are_turned() {
        let from = array(&[2, 3, 4, 5]);
        let at = |h, w, i, o| (((h * 3 + w) * 4 + i) * 5 + o) as f32;
        let turned = turn(&[5, 4, 2, 3], &from, Origin::Keras, None).unwrap();
        let values = turned.to_f32().unwrap();
        let depthwise = turn(&[20, 1, 2, 3], &from, Origin::Keras, None).unwrap();
        let deep = depthwise.to_f32().unwrap();
        assert_eq!((&*turned.shape, &*depthwise.shape), (&[5, 4, 2, 3][..], &[20, 1, 2, 3][..]));
        for (h, w, i, o) in (0..120).map(|n| (n / 60, n / 20 % 3, n / 5 % 4, n % 5)) {
            assert_eq!(values[((o * 4 + i) * 2 + h) * 3 + w], at(h, w, i, o));
            assert_eq!(deep[((i * 5 + o) * 2 + h) * 3 + w], at(h, w, i, o));
        }
    }

    #[test]
    fn keras_dense_rows_follow_the_flattening() {
        let from = array(&[2 * 3 * 4, 2]); // [H W C, out]
        let turned = turn(&[24, 2], &from, Origin::Keras, Some(&[4, 2, 3])).unwrap();
        let values = turned.to_f32().unwrap();
        for (c, h, w) in (0..24).map(|n| (n / 6, n / 3 % 2, n % 3)) {
            let theirs = (h * 3 + w) * 4 + c;
            assert_eq!(values[2 * ((c * 2 + h) * 3 + w)], 2.0 * theirs as f32);
        }
        assert_eq!(turn(&[24, 2], &from, Origin::Keras, None), None);
    }

    #[test]
    fn channels_are_swapped() {
        let mut arrays = [NamedArray { name: "conv1.weight".into(), ..array(&[2, 3, 1, 2]) }];
        assert!(swap_input_channels(&mut arrays, "conv1"));
        let swapped = [4., 5., 2., 3., 0., 1., 10., 11., 8., 9., 6., 7.];
        assert_eq!(arrays[0].to_f32().unwrap(), swapped);
        assert!(!swap_input_channels(&mut arrays, "conv2"));
    }
}
