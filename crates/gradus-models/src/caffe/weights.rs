//! A `.caffemodel`'s blobs as the network's weights, and back.

use super::{CaffeNet, Op};
use gradus_io::{Error, Kind, NamedArray, Result};
use std::collections::HashMap;

/// A layer's name, its type and its blobs.
pub type LayerBlobs<'n> = (&'n str, &'n str, Vec<NamedArray>);

impl CaffeNet {
    /// A file's blobs (`conv1.0`, `conv1.1`) as arrays under the network's names; also the file's layers that have no
    /// place in it.
    ///
    /// # Errors
    /// When a layer's blobs are missing, or have another shape; all that differs is listed.
    pub fn weights_of(&self, blobs: Vec<NamedArray>) -> Result<(Vec<NamedArray>, Vec<String>)> {
        let mut left: HashMap<String, NamedArray> =
            blobs.into_iter().map(|blob| (blob.name.clone(), blob)).collect();
        let (mut arrays, mut faults) = (vec![], vec![]);
        for step in &self.steps {
            let Op::Layer(layer) = &step.op else { continue };
            for (part, state) in gradus_nn::named_states(layer) {
                let shape = match state {
                    gradus_nn::State::Parameter(p) => p.variable().shape(),
                    gradus_nn::State::Buffer(v) => v.shape(),
                    gradus_nn::State::Child(_) => continue,
                };
                let name = format!("{}.{part}", step.name);
                let found = self.part(step, &part, &shape, &mut left);
                match found {
                    Ok(array) if array.shape == *shape => arrays.push(NamedArray { name, ..array }),
                    Ok(array) => faults.push(format!(
                        "{name}: the file has {:?}, the network {shape}",
                        array.shape
                    )),
                    Err(what) => faults.push(format!("{name}: {what}")),
                }
            }
        }
        if faults.is_empty() {
            let mut unused: Vec<String> = left
                .keys()
                .map(|name| name.rsplit_once('.').map_or(&**name, |n| n.0).to_owned())
                .collect();
            unused.sort();
            unused.dedup();
            // A normalisation's third blob is taken in, but not by a part of its own.
            unused.retain(|name| !self.steps.iter().any(|step| step.name == *name));
            return Ok((arrays, unused));
        }
        let more = faults.len().saturating_sub(8);
        faults.truncate(8);
        let end = if more > 0 { format!("\n  and {more} more") } else { String::new() };
        let what = format!("the weights are not this network's\n  {}{end}", faults.join("\n  "));
        Err(Error::new(Kind::Mismatch, what))
    }

    /// One part of a layer, in our order of elements.
    fn part(
        &self,
        step: &super::Step,
        part: &str,
        shape: &[usize],
        left: &mut HashMap<String, NamedArray>,
    ) -> std::result::Result<NamedArray, String> {
        let mut take = |layer: &str, number: usize| {
            let name = format!("{layer}.{number}");
            left.remove(&name).ok_or_else(|| format!("the file has no blob {name}"))
        };
        let constant = |value: f32| {
            let values = vec![value; shape.iter().product()];
            NamedArray::from_f32("", shape, &values).map_err(|e| e.to_string())
        };
        match (step.kind, part) {
            ("BatchNorm", "running_mean" | "running_var") => {
                let number = usize::from(part == "running_var");
                let sums = take(&step.name, number)?;
                // The third blob is how many batches the sums are of; it is read for both.
                let factor = left.get(&format!("{}.2", step.name)).and_then(NamedArray::to_f32);
                let factor = factor.and_then(|f| f.first().copied()).unwrap_or(1.0);
                let scale = if factor == 0.0 { 0.0 } else { 1.0 / factor };
                let sums_f32 = sums.to_f32().ok_or("a blob that is not f32")?;
                let values: Vec<f32> = sums_f32.iter().map(|x| x * scale).collect();
                NamedArray::from_f32("", sums.shape, &values).map_err(|e| e.to_string())
            }
            ("BatchNorm", "weight") => match &step.scale {
                Some(scale) => take(scale, 0),
                None => constant(1.0),
            },
            ("BatchNorm", _) => match &step.scale {
                Some(scale) => take(scale, 1).or_else(|_| constant(0.0)),
                None => constant(0.0),
            },
            ("InnerProduct", "weight") => {
                let blob = take(&step.name, 0)?;
                match blob.shape.len() {
                    2 => Ok(blob.permuted(&[1, 0])), // [in, out]
                    _ => Ok(blob),
                }
            }
            (_, "weight") => take(&step.name, 0),
            (_, _) => take(&step.name, 1),
        }
    }

    /// The network's present weights as blobs, a list for each layer that has some.
    ///
    /// # Errors
    /// When an array is missing among `arrays`, which are under the network's names.
    pub fn blobs_of(&self, arrays: &[NamedArray]) -> Result<Vec<LayerBlobs<'_>>> {
        let find = |layer: &str, part: &str| {
            let name = format!("{layer}.{part}");
            let array = arrays.iter().find(|array| array.name == name);
            array.cloned().ok_or_else(|| Error::value(format!("there is no array {name}")))
        };
        let mut layers: Vec<LayerBlobs<'_>> = vec![];
        for step in &self.steps {
            let Op::Layer(layer) = &step.op else { continue };
            let parts = gradus_nn::named_states(layer);
            let name = step.name.as_str();
            if step.kind == "BatchNorm" {
                let one = NamedArray::from_f32("", [1], &[1.0])?;
                let blobs = vec![find(name, "running_mean")?, find(name, "running_var")?, one];
                layers.push((name, step.kind, blobs));
                if let Some(scale) = &step.scale {
                    let blobs = vec![find(name, "weight")?, find(name, "bias")?];
                    layers.push((scale, "Scale", blobs));
                }
                continue;
            }
            let mut blobs = vec![];
            for (part, _) in parts {
                let array = find(name, &part)?;
                let turned = step.kind == "InnerProduct" && part == "weight";
                blobs.push(if turned { array.permuted(&[1, 0]) } else { array });
            }
            if !blobs.is_empty() {
                layers.push((name, step.kind, blobs));
            }
        }
        Ok(layers)
    }
}
