//! Weights of recurrent layers of PyTorch and Keras for one of ours. The sums are the same everywhere; what differs is how matrices
//! lie, the order of a GRU's parts, what its update gate weighs, and how many biases there are.

use super::Origin;
use super::layout::read_as;
use gradus_io::{DType, Error, Kind, NamedArray, Result};
use gradus_nn::layers::{Recurrent, RecurrentCell};
use gradus_nn::{Layer, State, named_states};
use gradus_tensor::{GruReset, GruUpdate, Tensor};

/// The arrays of a recurrent layer of PyTorch or Keras as `layer` needs them, under its own names. What comes before the last `.` or
/// `/` of a file's names is passed over, but that one of Keras's names with `backward` is of the other direction.
///
/// | ours | PyTorch | Keras |
/// |---|---|---|
/// | `weight_ih_l0` | `weight_ih_l0`, turned | `kernel`, or `0` |
/// | `weight_hh_l0` | `weight_hh_l0`, turned | `recurrent_kernel`, or `1` |
/// | `bias_l0` | `bias_ih_l0 + bias_hh_l0` | `bias`, or `2`; the sum of its rows |
/// | `bias_hn_l0` | the last third of `bias_hh_l0` | that of the second row of `bias` |
/// | `weight_hr_l0` | `weight_hr_l0`, turned | |
///
/// A GRU's parts are r, z, n here and in PyTorch, z, r, n in Keras. The update gate weighs the old state in both; for a layer whose
/// gate weighs the new content its numbers change their sign, as σ(−x) = 1 − σ(x).
///
/// # Errors
/// When an array is missing, left over or of another shape, and when the file's reset gate works elsewhere than the layer's.
///
/// ```
/// use gradus_io::NamedArray;
/// use gradus_models::import::{Origin, import_recurrent};
/// use gradus_nn::{Init, layers::rnn};
/// let layer = rnn(1).build(2, &Init::new(0));
/// let array = |name: &str, shape: &[usize], values: &[f32]| NamedArray::from_f32(name, shape, values).unwrap();
/// let file = [
///     array("rnn.weight_ih_l0", &[1, 2], &[1.0, 2.0]),
///     array("rnn.weight_hh_l0", &[1, 1], &[3.0]),
///     array("rnn.bias_ih_l0", &[1], &[0.5]),
///     array("rnn.bias_hh_l0", &[1], &[0.25]),
/// ];
/// let ours = import_recurrent(&layer, Origin::PyTorch, &file).unwrap();
/// assert_eq!((&*ours[0].name, &ours[0].shape[..]), ("weight_ih_l0", &[2, 1][..]));
/// assert_eq!(ours[2].to_f32().unwrap(), [0.75]);
/// ```
pub fn import_recurrent(
    layer: &Recurrent,
    origin: Origin,
    arrays: &[NamedArray],
) -> Result<Vec<NamedArray>> {
    let mut file = File { layer, arrays, used: vec![false; arrays.len()] };
    let mut ours = vec![];
    for (name, state) in named_states(layer) {
        let State::Parameter(parameter) = state else { continue };
        let (part, place) = name.split_once("_l").expect("names end with the layer");
        let Some(value) = file.part(origin, part, place)? else {
            let what = format!("{name} has no counterpart in {origin:?}'s {}", layer.describe());
            return Err(mismatch(what));
        };
        let (found, expected) = (value.shape(), parameter.variable().shape());
        if found != expected {
            let what = format!("{name} is {found} in the file, expected {expected}");
            return Err(mismatch(what));
        }
        let data = value.to_vec::<f64>().into_iter().flat_map(f64::to_le_bytes).collect();
        let array = NamedArray::new(name, DType::F64, expected.to_vec(), data)?;
        ours.push(array.cast(read_as(parameter.variable().dtype()))?);
    }
    match file.used.iter().position(|used| !used) {
        Some(left) => {
            let what = format!("`{}` has no place in {}", arrays[left].name, layer.describe());
            Err(mismatch(what))
        }
        None => Ok(ours),
    }
}

fn mismatch(what: String) -> Error {
    Error::new(Kind::Mismatch, what)
}

/// A layer's arrays in a file.
struct File<'a> {
    layer: &'a Recurrent,
    arrays: &'a [NamedArray],
    used: Vec<bool>,
}

impl File<'_> {
    /// What becomes a part of ours; `place` is the layer and its direction, `0_reverse`. `None` where there is no such thing.
    fn part(&mut self, origin: Origin, part: &str, place: &str) -> Result<Option<Tensor>> {
        let value = match origin {
            Origin::Gradus => return self.named(&[&format!("{part}_l{place}")], None).map(Some),
            Origin::PyTorch | Origin::Caffe => self.pytorch(part, place)?,
            Origin::Keras => self.keras(part, place)?,
        };
        Ok(value.map(|value| self.weighing_as_ours(part, value)))
    }

    fn pytorch(&mut self, part: &str, place: &str) -> Result<Option<Tensor>> {
        let name = |part: &str| format!("{part}_l{place}");
        if let "weight_ih" | "weight_hh" | "weight_hr" = part {
            return Ok(Some(self.named(&[&name(part)], None)?.t()));
        }
        if part != "bias" && part != "bias_hn" {
            return Ok(None);
        }
        self.expect_reset(GruReset::After, "PyTorch's")?;
        let [ih, hh] = ["bias_ih", "bias_hh"].map(|part| self.named(&[&name(part)], None));
        self.bias(part, &ih?, &hh?).map(Some)
    }

    fn keras(&mut self, part: &str, place: &str) -> Result<Option<Tensor>> {
        let reverse = match place {
            "0" => Some(false),
            "0_reverse" => Some(true),
            _ => {
                let what = "a layer of Keras's is one layer, expected several here; a layer of ours for each can be imported";
                return Err(mismatch(what.into()));
            }
        };
        let value = match part {
            "weight_ih" => self.named(&["kernel", "0"], reverse)?,
            "weight_hh" => self.named(&["recurrent_kernel", "1"], reverse)?,
            "bias" | "bias_hn" => {
                let bias = self.named(&["bias", "2"], reverse)?;
                if self.gru().is_none() {
                    return Ok(Some(bias));
                }
                let after = if bias.rank() == 2 { GruReset::After } else { GruReset::Before };
                self.expect_reset(after, "the file's")?;
                match after {
                    GruReset::Before => bias,
                    GruReset::After => {
                        let [ih, hh] = [0, 1].map(|row| bias.select(0, row));
                        return self.bias(part, &swapped(&ih), &swapped(&hh)).map(Some);
                    }
                }
            }
            _ => return Ok(None),
        };
        Ok(Some(if self.gru().is_some() { swapped(&value) } else { value }))
    }

    /// The bias of all parts, or the one that a reset gate weighs, of those of the input and of the state.
    fn bias(&self, part: &str, ih: &Tensor, hh: &Tensor) -> Result<Tensor> {
        if ih.shape() != hh.shape() || ih.rank() != 1 {
            let what = format!(
                "the file's biases are {} and {}, expected a row each",
                ih.shape(),
                hh.shape()
            );
            return Err(mismatch(what));
        }
        if self.gru().is_none() {
            return Ok(ih + hh);
        }
        let (sums, own) = (hh.slice(0, ..hh.len() / 3 * 2), hh.slice(0, hh.len() / 3 * 2..));
        match part {
            "bias_hn" => Ok(own),
            _ => Ok(ih + Tensor::concat(&[&sums, &own.zeros_like()], 0)),
        }
    }

    fn gru(&self) -> Option<(GruReset, GruUpdate)> {
        if let RecurrentCell::Gru(gru) = self.layer.cell() {
            Some((gru.reset, gru.update))
        } else {
            None
        }
    }

    fn expect_reset(&self, found: GruReset, whose: &str) -> Result<()> {
        let word = |reset| if reset == GruReset::After { "after" } else { "before" };
        match self.gru() {
            Some((ours, _)) if ours != found => Err(mismatch(format!(
                "{whose} reset gate works {} the product, the layer's {} it; the layer can be made with reset(GruReset::{found:?})",
                word(found),
                word(ours)
            ))),
            _ => Ok(()),
        }
    }

    /// The update gate's numbers with the other sign, where ours weighs the new content.
    fn weighing_as_ours(&self, part: &str, value: Tensor) -> Tensor {
        match self.gru() {
            Some((_, GruUpdate::Chung)) if part != "bias_hn" => {
                let parts = thirds(&value);
                Tensor::concat(&[&parts[0], &-&parts[1], &parts[2]], -1)
            }
            _ => value,
        }
    }

    /// The array of one of these names, in f64; `backward` is the direction that the rest of the name says, where it says one.
    fn named(&mut self, names: &[&str], backward: Option<bool>) -> Result<Tensor> {
        let fits = |array: &NamedArray| {
            let last = array.name.rsplit(['.', '/']).next().unwrap_or(&array.name);
            let last = last.trim_end_matches(":0");
            names.contains(&last)
                && backward.is_none_or(|backward| array.name.contains("backward") == backward)
        };
        let mut found = (0..self.arrays.len()).filter(|&i| fits(&self.arrays[i]));
        let way = if backward == Some(true) { " with `backward` in its name" } else { "" };
        let (Some(i), None) = (found.next(), found.next()) else {
            let count = self.arrays.iter().filter(|array| fits(array)).count();
            let what = format!("{count} arrays are called `{}`{way}, expected one", names[0]);
            return Err(mismatch(what));
        };
        self.used[i] = true;
        let wide = self.arrays[i].cast(DType::F64)?;
        wide.check()?;
        let values: Vec<f64> =
            wide.data.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        Ok(Tensor::from_slice(&values, wide.shape.as_slice()))
    }
}

/// Three parts along the last axis, as far as it has three.
fn thirds(x: &Tensor) -> [Tensor; 3] {
    let size = x.size(-1) / 3;
    [0, 1, 2].map(|k| x.slice(-1, k * size..(k + 1) * size))
}

/// Keras's z, r, n as r, z, n.
fn swapped(x: &Tensor) -> Tensor {
    let [z, r, n] = thirds(x);
    Tensor::concat(&[&r, &z, &n], -1)
}
