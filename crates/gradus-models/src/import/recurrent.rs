//! Weights of recurrent layers of PyTorch and Keras for one of ours. The sums are the same everywhere; what differs is how matrices
//! lie, the order of a GRU's parts, what its update gate weighs, and how many biases there are.
//!
//! Gates are i, f, g, o in all LSTMs, and the update gate weighs the old state in PyTorch, Keras and cuDNN.

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
/// PyTorch's cells (`LSTMCell`) have the same names without `_l0`. Keras's layers for cuDNN (`CuDNNLSTM`, `CuDNNGRU`) are told by their bias, which is
/// two rows one after the other: each part of their kernels is an array of the shape `[I, units]` in which the elements of `[units, I]` lie in their
/// order, and each part of their recurrent kernels is turned.
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

/// What Keras calls a layer's arrays, and by their places.
const KERNEL: &[&str] = &["kernel", "0"];
const RECURRENT_KERNEL: &[&str] = &["recurrent_kernel", "1"];
const BIAS: &[&str] = &["bias", "2"];

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
        match part {
            "weight_ih" | "weight_hh" | "weight_hr" => {
                let own = self.of_pytorch(part, place)?;
                Ok(Some(self.expect_rank(own, part, 2)?.t()))
            }
            "bias" | "bias_hn" => {
                self.expect_reset(GruReset::After, "PyTorch's")?;
                let ih = self.of_pytorch("bias_ih", place)?;
                let hh = self.of_pytorch("bias_hh", place)?;
                self.bias(part, &ih, &hh).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// An array of PyTorch's. A cell is one layer in one direction, and has no need to say so.
    fn of_pytorch(&mut self, part: &str, place: &str) -> Result<Tensor> {
        let name = format!("{part}_l{place}");
        match place {
            "0" => self.named(&[&name, part], None),
            _ => self.named(&[&name], None),
        }
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
            "weight_ih" => {
                let in_their_order = |part: &Tensor| {
                    let [inputs, units] = [0, 1].map(|axis| part.size(axis));
                    part.reshape([units, inputs]).t()
                };
                self.of_keras(KERNEL, reverse, in_their_order)?
            }
            "weight_hh" => self.of_keras(RECURRENT_KERNEL, reverse, Tensor::t)?,
            "bias" | "bias_hn" => return self.keras_bias(part, reverse).map(Some),
            _ => return Ok(None),
        };
        Ok(Some(if self.gru().is_some() { swapped(&value) } else { value }))
    }

    /// A kernel of Keras's; `as_keras` makes of a part for cuDNN what it is elsewhere.
    fn of_keras(
        &mut self,
        names: &[&str],
        reverse: Option<bool>,
        as_keras: impl Fn(&Tensor) -> Tensor,
    ) -> Result<Tensor> {
        let own = self.named(names, reverse)?;
        let own = self.expect_rank(own, names[0], 2)?;
        let (count, width) = (self.parts(), own.size(1));
        if !self.is_for_cudnn(reverse)? || !width.is_multiple_of(count) {
            return Ok(own);
        }
        // A recurrent kernel of another form is refused by its shape, as it lies.
        let is_square = own.size(0) == width / count;
        if names == RECURRENT_KERNEL && !is_square {
            return Ok(own);
        }
        let parts = own.split(&vec![width / count; count], 1);
        let parts: Vec<Tensor> = parts.iter().map(as_keras).collect();
        Ok(Tensor::concat(&parts.iter().collect::<Vec<_>>(), 1))
    }

    /// Whether a layer of Keras's is one for cuDNN: its bias is two rows, one after the other.
    fn is_for_cudnn(&self, reverse: Option<bool>) -> Result<bool> {
        let [kernel, bias] = [KERNEL, BIAS].map(|names| self.find(names, reverse));
        let [kernel, bias] = [kernel?, bias?].map(|i| &self.arrays[i].shape[..]);
        Ok(matches!((kernel, bias), (&[_, width], &[len]) if Some(len) == width.checked_mul(2)))
    }

    fn keras_bias(&mut self, part: &str, reverse: Option<bool>) -> Result<Tensor> {
        let for_cudnn = self.is_for_cudnn(reverse)?;
        let own = self.named(BIAS, reverse)?;
        let rows = match own.rank() {
            1 if for_cudnn => own.reshape([2, own.len() / 2]),
            2 if self.gru().is_some() && own.size(0) == 2 => own,
            _ if self.gru().is_none() => return Ok(own),
            _ => {
                self.expect_reset(GruReset::Before, "the file's")?;
                return Ok(swapped(&self.expect_rank(own, "bias", 1)?));
            }
        };
        self.expect_reset(GruReset::After, "the file's")?;
        let [ih, hh] = [0, 1].map(|row| rows.select(0, row));
        match self.gru() {
            Some(_) => self.bias(part, &swapped(&ih), &swapped(&hh)),
            None => self.bias(part, &ih, &hh),
        }
    }

    /// How many parts the layer's weights have.
    fn parts(&self) -> usize {
        match self.layer.cell() {
            RecurrentCell::Rnn(_) => 1,
            RecurrentCell::Lstm(_) => 4,
            RecurrentCell::Gru(_) => 3,
        }
    }

    fn expect_rank(&self, found: Tensor, name: &str, rank: usize) -> Result<Tensor> {
        match found.rank() == rank {
            true => Ok(found),
            false => {
                let what =
                    format!("`{name}` is {} in the file, expected {rank} axes", found.shape());
                Err(mismatch(what))
            }
        }
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
            Some((_, GruUpdate::Chung)) if part != "bias_hn" => match thirds(&value) {
                Some([r, z, n]) => Tensor::concat(&[&r, &-&z, &n], -1),
                None => value,
            },
            _ => value,
        }
    }

    /// The array of one of these names, in f64; `backward` is the direction that the rest of the name says, where it says one.
    fn named(&mut self, names: &[&str], backward: Option<bool>) -> Result<Tensor> {
        let i = self.find(names, backward)?;
        self.used[i] = true;
        let wide = self.arrays[i].cast(DType::F64)?;
        wide.check()?;
        let values: Vec<f64> =
            wide.data.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        Ok(Tensor::from_slice(&values, wide.shape.as_slice()))
    }

    /// The place of the array of one of these names.
    fn find(&self, names: &[&str], backward: Option<bool>) -> Result<usize> {
        let fits = |array: &NamedArray| {
            let last = array.name.rsplit(['.', '/']).next().unwrap_or(&array.name);
            let last = last.trim_end_matches(":0");
            names.contains(&last)
                && backward.is_none_or(|backward| array.name.contains("backward") == backward)
        };
        let found: Vec<usize> = (0..self.arrays.len()).filter(|&i| fits(&self.arrays[i])).collect();
        match found[..] {
            [only] => Ok(only),
            _ => {
                let way = if backward == Some(true) { " with `backward` in its name" } else { "" };
                let count = found.len();
                let what = format!("{count} arrays are called `{}`{way}, expected one", names[0]);
                Err(mismatch(what))
            }
        }
    }
}

/// Three parts along the last axis, if there are three: what has not as many is refused by its shape.
fn thirds(x: &Tensor) -> Option<[Tensor; 3]> {
    let size = x.size(-1) / 3;
    let has_three = x.size(-1) == 3 * size;
    has_three.then(|| [0, 1, 2].map(|k| x.slice(-1, k * size..(k + 1) * size)))
}

/// Keras's z, r, n as r, z, n.
fn swapped(x: &Tensor) -> Tensor {
    match thirds(x) {
        Some([z, r, n]) => Tensor::concat(&[&r, &z, &n], -1),
        None => x.clone(),
    }
}
