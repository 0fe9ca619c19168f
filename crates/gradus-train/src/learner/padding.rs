//! What of padded inputs is there: which fields of a batch say so, whether they agree, and whether what they say can be.

use crate::Result;
use crate::batch::{Batch, Fields};
use gradus_base::Error;
use gradus_tensor::{DType, Tensor};

/// The names under which a batch says what of `x` is there; the first that it has is the one that counts.
const OF_INPUTS: [&str; 4] = ["lengths", "x.lengths", "mask", "x.mask"];
/// Those of what goes along with `x`: they must say the same.
const OF_OTHERS: [&str; 4] = ["t.lengths", "t.mask", "weights.lengths", "weights.mask"];
/// What is done about targets that are padded apart from the inputs.
pub(super) const REMEDY: &str =
    "pad x with lengths or a mask, and what has as many rows as x by Padding::along(\"x\")";

/// The field that says what of `x` is there, if there is one.
pub(super) fn of_inputs<'a>(fields: &Fields<'a>) -> Option<(&'static str, &'a Tensor)> {
    OF_INPUTS.iter().find_map(|name| Some((*name, fields.find(name)?)))
}

/// How many places of each of `x` are there, i64 `[B]`; `None` where nothing is padded.
pub(super) fn lengths(fields: &Fields<'_>) -> Option<Tensor> {
    let (_, told) = of_inputs(fields)?;
    Some(match told.dtype() {
        // Those that are there come before those that are not: `check` refuses other masks.
        DType::Bool => told.cast(DType::I64).sum(1), // [B, T] to [B]
        _ => told.clone(),
    })
}

/// The field of targets or weights that says what of them is there, if there is one.
pub(super) fn of_others(fields: &Fields<'_>) -> Option<&'static str> {
    OF_OTHERS.into_iter().find(|name| fields.find(name).is_some())
}

/// Refuses a batch whose fields do not say what of its inputs is there: a length beyond the places, a mask with gaps, targets that are
/// padded to lengths of their own, or that are padded without a word. Labels that do not count tell padding apart, too.
pub(super) fn check(batch: &Batch, labels_tell: bool) -> Result<()> {
    batch.check()?;
    check_inputs(batch)?;
    if batch.is_silent("t") && of_inputs(&batch.fields()).is_none() && !labels_tell {
        let what = format!(
            "t is padded, and no field says where; found {}, expected lengths or a mask: {REMEDY}",
            batch.fields().told(", ")
        );
        return Err(Error::value("padding", what).into());
    }
    Ok(())
}

/// Of [`check`] what is about the inputs, and what must go along with them.
pub(super) fn check_inputs(batch: &Batch) -> Result<()> {
    let fields = batch.fields();
    let Some((name, told)) = of_inputs(&fields) else { return Ok(()) };
    let x = batch.get("x")?;
    let Some(known) = read(name, told, "x", x)? else { return Ok(()) };
    if known.iter().all(|&length| length == 0) {
        let what = "found no place that is there in any sample, expected one at least";
        return Err(Error::value(name, what).into());
    }
    let others = OF_INPUTS.iter().chain(&OF_OTHERS).filter(|other| **other != name);
    for (other, told) in others.filter_map(|&other| Some((other, fields.find(other)?))) {
        let owner = other.strip_suffix(".lengths").or(other.strip_suffix(".mask")).unwrap_or("x");
        let owned = fields.find(owner).unwrap_or(x);
        let own = read(other, told, owner, owned)?.unwrap_or_default();
        if own != known {
            return Err(disagree(other, &own, name, &known).into());
        }
    }
    Ok(())
}

/// The lengths that a field tells; `None` where it is not one of lengths, which the model's pass says better.
fn read(name: &str, told: &Tensor, owner: &str, owned: &Tensor) -> Result<Option<Vec<i64>>> {
    let places = owned.shape().get(1).copied().unwrap_or(1);
    if name.ends_with("mask") {
        return Ok(Some(read_mask(name, told, owner, owned)?));
    }
    if told.dtype() != DType::I64 || told.rank() != 1 || owned.rank() < 2 {
        return Ok(None);
    }
    let lengths = told.try_to_vec::<i64>()?;
    match lengths.iter().position(|length| !(0..=places as i64).contains(length)) {
        None => Ok(Some(lengths)),
        Some(at) => {
            let what = format!(
                "found {} at sample {at}, expected 0..={places}, the places of {owner} {}",
                lengths[at],
                owned.shape()
            );
            Err(Error::value(name, what).into())
        }
    }
}

fn read_mask(name: &str, told: &Tensor, owner: &str, owned: &Tensor) -> Result<Vec<i64>> {
    let (shape, all) = (told.shape(), owned.shape());
    let fits = shape.rank() == 2 && all.rank() >= 2 && shape[..2] == all[..2];
    if told.dtype() != DType::Bool || !fits {
        let what = format!(
            "found {} {shape}, expected bool [B, T]: which places of {owner} {} {all} are there",
            told.dtype(),
            owned.dtype()
        );
        return Err(Error::shape(name, what).into());
    }
    let there = told.try_to_vec::<bool>()?;
    let rows = there.chunks_exact(shape[1].max(1));
    let mut lengths = Vec::with_capacity(shape[0]);
    for (sample, row) in rows.enumerate() {
        let length = row.iter().take_while(|there| **there).count();
        if let Some(later) = row[length..].iter().position(|there| *there) {
            let what = format!(
                "found a gap in sample {sample}: place {} is there, place {length} before it is not; expected all that is there \
                 before all padding",
                length + later
            );
            return Err(Error::value(name, what).into());
        }
        lengths.push(length as i64);
    }
    Ok(lengths)
}

fn disagree(name: &str, own: &[i64], counts: &str, known: &[i64]) -> Error {
    let at = (0..known.len()).find(|&i| own.get(i) != known.get(i)).unwrap_or(0);
    let found = own.get(at).map_or("none".to_owned(), i64::to_string);
    let what = format!(
        "found {found} at sample {at}, expected {} as {counts} says: {REMEDY}",
        known.get(at).copied().unwrap_or_default()
    );
    Error::value(name, what)
}
