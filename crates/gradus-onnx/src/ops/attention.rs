//! Attention over keys and over states, and what goes with it.

use super::{Export, Op, one};
use crate::call::{Call, size_of};
use crate::export::{Extent, RuleUse, ValueRef, Writer};
use crate::{Error, Result};
use gradus_io::onnx::Attribute;
use gradus_tensor::{Attention, Conv, DType, Tensor};

pub(super) const OPS: &[(&str, Op)] = &[
    ("Attention", attention),
    ("CausalConvWithState", causal_conv),
    ("LinearAttention", linear_attention),
    ("RotaryEmbedding", rotary),
];

pub(super) const EXPORTS: &[(&str, Export)] = &[("scaled_dot_product_attention", write_attention)];

/// Its products and the softmax between them: the operator set that is written has no attention.
fn write_attention(w: &mut Writer<'_>, call: &RuleUse<'_>) -> Result<ValueRef> {
    if call.flag("mask")? || call.flag("lengths")? {
        // A softmax of nothing but −∞ is NaN there, where attention gives zeros.
        return Err(Error::new("has no counterpart in ONNX with a mask or with lengths"));
    }
    let [q, k, v] = [0, 1, 2].map(|i| w.value(&call.input(i)));
    let (q, k, v, dtype) = (q?, k?, v?, call.input(0).dtype());
    let rank = call.input(1).shape().rank() as i64;
    let turned = (0..rank - 2).chain([rank - 1, rank - 2]);
    let k = w.add("Transpose", &[k], vec![Attribute::ints("perm", turned)]);
    let scale = w.number(call.number("scale")?, dtype);
    let q = w.add("Mul", &[q, scale], vec![]);
    let mut scores = w.add("MatMul", &[q, k], vec![]);
    if call.flag("causal")? {
        let last = |sizes: Vec<Extent>| sizes[sizes.len() - 2];
        let (l, s) = (last(w.sizes(&call.input(0))?), last(w.sizes(&call.input(1))?));
        let (Extent::Fixed(l), Extent::Fixed(s)) = (l, s) else {
            return Err(Error::new("is causal over places whose number is the batch's"));
        };
        let ahead = w.literal(format!("ahead of [{l}, {s}] {dtype}"), || {
            let open = places(s, [1, s]).le(&places(l, [l, 1]));
            open_where(&open, dtype)
        });
        scores = w.add("Add", &[scores, ahead], vec![]);
    }
    let weights = w.add("Softmax", &[scores], vec![Attribute::int("axis", -1)]);
    Ok(w.add("MatMul", &[weights, v], vec![]))
}

/// [B, T, H·D] as [B, H, T, D].
fn heads(x: &Tensor, count: usize) -> Result<Tensor> {
    let s = x.shape();
    if s.rank() != 3 || count == 0 || !s[2].is_multiple_of(count) {
        return Err(Error::new(format!("{s} in {count} heads")));
    }
    Ok(x.reshape([s[0], s[1], count, s[2] / count]).permute([0, 2, 1, 3]))
}

/// [B, H, T, D] as [B, T, H·D].
fn joined(x: &Tensor) -> Tensor {
    let s = x.shape();
    x.permute([0, 2, 1, 3]).reshape([s[0], s[2], s[1] * s[3]])
}

/// Each head so many times in a row.
fn repeated(x: &Tensor, times: usize) -> Tensor {
    let s = x.shape();
    if times == 1 {
        return x.clone();
    }
    let wide = x.unsqueeze(2).broadcast_to([s[0], s[1], times, s[2], s[3]]);
    wide.reshape([s[0], s[1] * times, s[2], s[3]])
}

fn number(n: i64) -> Tensor {
    Tensor::scalar(n)
}

/// 0, 1, 2, … along an axis of two.
fn places(n: usize, shape: [usize; 2]) -> Tensor {
    Tensor::from_slice(&(0..n as i64).collect::<Vec<_>>(), shape)
}

/// 0 where a flag is set, −∞ where it is not.
fn open_where(flags: &Tensor, dtype: DType) -> Tensor {
    let zero = Tensor::full_of(flags.shape(), 0.0, dtype);
    flags.select_where(&zero, &zero.full_like(f64::NEG_INFINITY))
}

/// What is added to the products, −∞ where a query may not read; `None` where all is open.
fn bias(c: &Call<'_>, [queries, keys]: [usize; 2], wide: DType) -> Result<Option<Tensor>> {
    let mask = c.optional(3).map(|mask| {
        let given = mask.size(-1);
        let bias = match mask.dtype() {
            DType::Bool => open_where(mask, wide),
            _ => mask.cast(wide),
        };
        // A mask may end before the keys do: none is read there.
        let closed = gradus_tensor::PadMode::Constant(f64::NEG_INFINITY);
        bias.pad_with(-1, 0, keys.saturating_sub(given), closed)
    });
    let past = c.optional(4).map_or(0, |past| past.size(-2));
    let lens = c.optional(6).map(|lens| lens.cast(DType::I64).reshape([lens.len(), 1, 1, 1]));
    let mut parts: Vec<Tensor> = mask.into_iter().collect();
    // How far each query lies behind the key of its number.
    let offset = match &lens {
        Some(lens) if c.optional(4).is_none() => lens - &number(queries as i64),
        _ => number(past as i64),
    };
    let ahead = &places(keys, [1, keys]) - (places(queries, [queries, 1]) + offset);
    if c.int("is_causal", 0)? == 1 {
        parts.push(open_where(&ahead.le(&number(0)), wide));
    }
    let [left, right] = ["left_window_size", "right_window_size"].map(|name| c.int(name, -1));
    let (left, right) = (left?, right?);
    if left >= 0 {
        parts.push(open_where(&ahead.ge(&number(-left)), wide));
    }
    if right >= 0 {
        parts.push(open_where(&ahead.le(&number(right)), wide));
    }
    if let Some(lens) = &lens {
        parts.push(open_where(&places(keys, [1, keys]).lt(lens), wide));
    }
    Ok(parts.into_iter().reduce(|a, b| a + b))
}

/// softmax along the last axis; zeros for a query that may read nothing.
fn weights(scores: &Tensor, bias: Option<&Tensor>) -> Tensor {
    let Some(bias) = bias else { return scores.softmax(-1) };
    let bias = bias.broadcast_to(scores.shape());
    let none = bias.gt(f64::NEG_INFINITY).any(-1).logical_not().unsqueeze(-1);
    let none = none.broadcast_to(scores.shape());
    let zero = scores.zeros_like();
    none.select_where(&zero, &none.select_where(&zero, scores).softmax(-1))
}

/// softmax(scale·Q·Kᵀ + bias)·V with caches, grouped heads and a soft cap on the products.
fn attention(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let [q, k, v] = [c.input(0)?, c.input(1)?, c.input(2)?];
    let flat = q.rank() == 3;
    let count = |name: &str| -> Result<usize> { size_of(c.int(name, 0)?) };
    let (q, k, v) = match flat {
        true => {
            let own = count("kv_num_heads")?;
            (heads(q, count("q_num_heads")?)?, heads(k, own)?, heads(v, own)?)
        }
        false => (q.clone(), k.clone(), v.clone()),
    };
    if [&q, &k, &v].iter().any(|t| t.rank() != 4) {
        let what = format!("queries {}, keys {}, values {}", q.shape(), k.shape(), v.shape());
        return Err(Error::new(what + "; expected three or four axes each"));
    }
    let with_past = |now: &Tensor, i: usize| match c.optional(i) {
        Some(past) => Tensor::concat(&[past, now], 2),
        None => now.clone(),
    };
    let (k, v) = (with_past(&k, 4), with_past(&v, 5));
    let (own, shared) = (q.shape()[1], k.shape()[1]);
    if shared == 0 || !own.is_multiple_of(shared) {
        return Err(Error::new(format!("{own} heads of queries for {shared} of keys")));
    }
    let times = own / shared;
    let dtype = q.dtype();
    let wide = match c.int("softmax_precision", 0)? {
        11 => DType::F64,
        _ => dtype.compute(),
    };
    let scale = c.float("scale", 0.0)?;
    let scale = if scale == 0.0 { 1.0 / (q.size(-1) as f64).sqrt() } else { scale };
    let (queries, keys) = (q.size(2), k.size(2));
    c.fits(&[q.shape()[0], own, queries, keys])?;
    let product = (q.cast(wide) * scale).matmul(&repeated(&k, times).cast(wide).transpose(2, 3));
    let cap = c.float("softcap", 0.0)?;
    let capped = if cap > 0.0 { (&product / cap).tanh() * cap } else { product.clone() };
    let bias = bias(c, [queries, keys], wide)?;
    let biased = bias.as_ref().map_or_else(|| capped.clone(), |bias| &capped + bias);
    let weights = weights(&biased, bias.as_ref());
    let values = repeated(&v, times).cast(wide);
    let y = match cap > 0.0 {
        true => weights.matmul(&values),
        // Blocks of weights at a time: those above are made only where somebody asks for them.
        false => {
            let how = Attention { mask: bias, ..Attention::new().scale(scale) };
            q.cast(wide).scaled_dot_product_attention(
                &repeated(&k, times).cast(wide),
                &values,
                &how,
            )
        }
    };
    let y = y.cast(dtype);
    let seen = match c.int("qk_matmul_output_mode", 0)? {
        0 => product,
        1 => capped,
        2 => biased,
        3 => weights,
        mode => return Err(Error::new(format!("qk_matmul_output_mode {mode}; known are 0 to 3"))),
    };
    Ok(vec![if flat { joined(&y) } else { y }, k, v, seen.cast(dtype)])
}

/// Pairs of elements turned by angles, whose cosines and sines are given for each place.   Su et al. 2021, arXiv:2104.09864
fn rotary(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, cos, sin) = (c.input(0)?, c.input(1)?, c.input(2)?);
    let flat = x.rank() == 3;
    let x4 = if flat { heads(x, size_of(c.int("num_heads", 0)?)?)? } else { x.clone() };
    if x4.rank() != 4 {
        return Err(Error::new(format!("input {}; expected three or four axes", x.shape())));
    }
    let size = match size_of(c.int("rotary_embedding_dim", 0)?)? {
        0 => x4.size(3),
        size => size,
    };
    if size > x4.size(3) || size % 2 == 1 {
        return Err(Error::new(format!("{size} elements to turn of {}", x4.size(3))));
    }
    // [B, T, size/2] for each place, by its number if there are numbers; all heads alike.
    let angle = |t: &Tensor| -> Result<Tensor> {
        let picked = match c.optional(3) {
            Some(ids) => {
                let flat = ids.cast(DType::I64).reshape([ids.len()]);
                let (b, s) = (ids.shape()[0], ids.shape().get(1).copied().unwrap_or(1));
                t.index_select(0, &flat).reshape([b, s, t.size(-1)])
            }
            None => t.clone(),
        };
        match picked.rank() == 3 && picked.size(-1) == size / 2 {
            true => Ok(picked.unsqueeze(1)),
            false => Err(Error::new(format!("angles {} for {size} elements", picked.shape()))),
        }
    };
    let (cos, sin) = (angle(cos)?, angle(sin)?);
    let (turned, rest) = (x4.slice(3, ..size), x4.slice(3, size..));
    let interleaved = c.int("interleaved", 0)? == 1;
    let half = size / 2;
    let (a, b) = match interleaved {
        true => (turned.slice_step(3, 0, 2, half), turned.slice_step(3, 1, 2, half)),
        false => (turned.slice(3, ..half), turned.slice(3, half..)),
    };
    let (real, imaginary) = (&cos * &a - &sin * &b, sin * a + cos * b);
    let turned = match interleaved {
        true => Tensor::stack(&[&real, &imaginary], 4).reshape(turned.shape()),
        false => Tensor::concat(&[&real, &imaginary], 3),
    };
    let y = Tensor::concat(&[&turned, &rest], 3);
    one(if flat { joined(&y) } else { y })
}

/// A matrix for each head that every step decays, corrects and adds to, and every query reads.
fn linear_attention(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (q, k, v) = (c.input(0)?, c.input(1)?, c.input(2)?);
    let dtype = q.dtype();
    let count = |name: &str| -> Result<usize> { size_of(c.int(name, 0)?) };
    let (queries, own) = (count("q_num_heads")?, count("kv_num_heads")?);
    if own == 0 || !queries.is_multiple_of(own) {
        return Err(Error::new(format!("{queries} heads of queries for {own} of keys")));
    }
    let rule = c.text("update_rule", "gated_delta")?;
    let (gated, corrected) = match &*rule {
        "linear" => (false, false),
        "gated" => (true, false),
        "delta" => (false, true),
        "gated_delta" => (true, true),
        other => {
            let what =
                format!("update_rule `{other}`; known are linear, gated, delta, gated_delta");
            return Err(Error::new(what));
        }
    };
    let wide = dtype.compute();
    let split = |x: &Tensor, n: usize| heads(&x.cast(wide), n);
    let (q, k, v) = (split(q, queries)?, split(k, own)?, split(v, own)?);
    let (batch, steps, size, width) = (q.size(0), q.size(2), k.size(3), v.size(3));
    let decay = if gated { Some(split(c.input(4)?, own)?.exp()) } else { None };
    // One for each head, or one for all.
    let beta = match corrected {
        true => {
            let beta = c.input(5)?;
            Some(split(beta, beta.size(-1))?)
        }
        false => None,
    };
    let scale = c.float("scale", 0.0)?;
    let scale = if scale == 0.0 { 1.0 / (size as f64).sqrt() } else { scale };
    let kept = c.optional(3).map_or(dtype, Tensor::dtype);
    let mut state = match c.optional(3) {
        Some(past) => past.cast(wide),
        None => Tensor::full_of([batch, own, size, width], 0.0, wide),
    };
    let step = |x: &Tensor, t: usize| x.slice(2, t..t + 1);
    let mut rows = vec![];
    for t in 0..steps {
        let key = step(&k, t).transpose(2, 3);
        let mut value = step(&v, t);
        if let Some(decay) = &decay {
            state *= step(decay, t).transpose(2, 3);
        }
        if let Some(beta) = &beta {
            let read = key.transpose(2, 3).matmul(&state);
            value = step(beta, t) * (value - read);
        }
        state += key * value;
        rows.push(step(&q, t).matmul(&repeated(&state, queries / own)) * scale);
    }
    let rows: Vec<&Tensor> = rows.iter().collect();
    let y = match rows.is_empty() {
        true => Tensor::full_of([batch, queries, 0, width], 0.0, wide),
        false => Tensor::concat(&rows, 2),
    };
    Ok(vec![joined(&y).cast(dtype), state.cast(kept)])
}

/// Each channel's convolution with the steps before; the last of them are kept for the next call.
fn causal_conv(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, w) = (c.input(0)?, c.input(1)?);
    if x.rank() != 3 || w.rank() != 3 || w.shape()[2] == 0 {
        return Err(Error::new(format!("input {}, weights {}", x.shape(), w.shape())));
    }
    let past = w.shape()[2] - 1;
    let padded = match c.optional(3) {
        Some(state) => Tensor::concat(&[state, x], 2),
        None => x.pad(2, past, 0),
    };
    let y = padded.conv1d(w, Conv::new().groups(x.shape()[1]));
    let y = match c.optional(2) {
        Some(bias) => y + bias.reshape([1, bias.len(), 1]),
        None => y,
    };
    let y = match &*c.text("activation", "none")? {
        "none" => y,
        "silu" | "swish" => y.cast(y.dtype().compute()).silu().cast(x.dtype()),
        other => {
            let what = format!("activation `{other}`; known are none, silu and swish");
            return Err(Error::new(what));
        }
    };
    Ok(vec![y, padded.slice(2, padded.size(2) - past..)])
}
