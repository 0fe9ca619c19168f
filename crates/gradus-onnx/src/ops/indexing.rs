//! Elements by indices: read, written and joined; what is true, and what is there once.

use super::moving::counted;
use super::{Op, one};
use crate::call::{Call, axis_of, size_of};
use crate::{Error, Result};
use gradus_tensor::{DType, Scatter, Tensor};

pub(super) const OPS: &[(&str, Op)] = &[
    ("Compress", compress),
    ("GatherND", |c| {
        let (x, ids) = (c.input(0)?, c.input(1)?);
        let batch = size_of(c.int("batch_dims", 0)?)?;
        one(x.gather_nd(&counted_tuples(x, ids, batch)?, batch))
    }),
    ("NonZero", non_zero),
    ("ReverseSequence", reverse_sequence),
    ("Scatter", scatter_elements),
    ("ScatterElements", scatter_elements),
    ("ScatterND", |c| {
        let (x, ids, updates) = (c.input(0)?, c.input(1)?, c.input(2)?);
        let how = reduction(&c.text("reduction", "none")?)?;
        one(x.scatter_nd(&counted_tuples(x, ids, 0)?, updates, how))
    }),
    ("TensorScatter", tensor_scatter),
    ("Unique", unique),
];

fn reduction(name: &str) -> Result<Scatter> {
    Ok(match name {
        "none" => Scatter::Replace,
        "add" => Scatter::Add,
        "mul" => Scatter::Mul,
        "max" => Scatter::Max,
        "min" => Scatter::Min,
        other => {
            let what = format!("reduction `{other}`; known are none, add, mul, max and min");
            return Err(Error::new(what));
        }
    })
}

/// Tuples of indices counted from 0: negative ones count from the end of their axis.
fn counted_tuples(x: &Tensor, ids: &Tensor, batch: usize) -> Result<Tensor> {
    let k = ids.shape().last().copied().unwrap_or(0);
    let sizes = x.shape().get(batch..batch + k).map(|s| s.iter().map(|&n| n as i64).collect());
    let sizes: Vec<i64> = sizes.ok_or_else(|| {
        Error::new(format!("tuples of {k} indices for {}, {batch} batch axes", x.shape()))
    })?;
    let ids = ids.cast(DType::I64);
    let from_end = &ids + Tensor::from_slice(&sizes, [k]);
    Ok(ids.lt(0.0).select_where(&from_end, &ids))
}

fn scatter_elements(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, ids, updates) = (c.input(0)?, c.input(1)?, c.input(2)?);
    let axis = axis_of(c.int("axis", 0)?, x.rank())?;
    let how = reduction(&c.text("reduction", "none")?)?;
    one(x.scatter(axis as isize, &counted(ids, x.shape()[axis]), updates, how))
}

/// How many there are depends on the elements, which must be known while the graph is built.
fn known<T: gradus_tensor::Element>(x: &Tensor) -> Result<Vec<T>> {
    x.try_to_vec::<T>().map_err(|e| {
        Error::new(format!("how much it gives depends on elements that are not known yet: {e}"))
    })
}

/// Where elements are not 0: a row of places for each axis.
fn non_zero(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let there = known::<bool>(&x.ne(&x.zeros_like()))?;
    let found: Vec<usize> = (0..there.len()).filter(|&i| there[i]).collect();
    let shape = x.shape();
    c.fits(&[shape.rank(), found.len()])?;
    let mut places = Vec::with_capacity(found.len() * shape.rank());
    for axis in 0..shape.rank() {
        let stride: usize = shape[axis + 1..].iter().product();
        places.extend(found.iter().map(|&i| (i / stride % shape[axis]) as i64));
    }
    one(Tensor::from_slice(&places, [shape.rank(), found.len()]))
}

/// The slices whose flag is set; without an axis elements of the flat input.
fn compress(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, flags) = (c.input(0)?, known::<bool>(c.input(1)?)?);
    let (x, axis) = match c.int_or_none("axis")? {
        Some(axis) => (x.clone(), axis_of(axis, x.rank())? as isize),
        None => (x.reshape([x.len()]), 0),
    };
    let chosen = |(i, &flag): (usize, &bool)| flag.then_some(i as i64);
    let chosen: Vec<i64> = flags.iter().enumerate().filter_map(chosen).collect();
    one(x.index_select(axis, &Tensor::from_slice(&chosen, [chosen.len()])))
}

/// The first elements of each sequence turned round, as many as its length says.
fn reverse_sequence(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let time = axis_of(c.int("time_axis", 0)?, x.rank())?;
    let batch = axis_of(c.int("batch_axis", 1)?, x.rank())?;
    let lens = c.numbers(1)?.unwrap_or_default();
    let (steps, count) = (x.shape()[time], x.shape()[batch]);
    if time == batch || lens.len() != count {
        let what = format!("{} lengths for {}, axes {time} and {batch}", lens.len(), x.shape());
        return Err(Error::new(what));
    }
    if let Some(len) = lens.iter().find(|&&n| !(0..=steps as i64).contains(&n)) {
        return Err(Error::new(format!("a length of {len}; sequences have {steps} steps")));
    }
    let place =
        |t: usize, b: usize| if (t as i64) < lens[b] { lens[b] - 1 - t as i64 } else { t as i64 };
    let mut along = vec![1; x.rank()];
    (along[time], along[batch]) = (steps, count);
    let places: Vec<i64> = match time < batch {
        true => (0..steps * count).map(|i| place(i / count, i % count)).collect(),
        false => (0..steps * count).map(|i| place(i % steps, i / steps)).collect(),
    };
    let places = Tensor::from_slice(&places, along).broadcast_to(x.shape());
    one(x.gather(time as isize, &places))
}

/// New steps written into a cache, from each sequence's place on; a circular one begins again at its start.
fn tensor_scatter(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (cache, update) = (c.input(0)?, c.input(1)?);
    let axis = axis_of(c.int("axis", -2)?, cache.rank())?;
    let mode = c.text("mode", "linear")?;
    if !matches!(&*mode, "linear" | "circular") {
        return Err(Error::new(format!("mode `{mode}`; known are linear and circular")));
    }
    if axis == 0 || update.rank() != cache.rank() {
        return Err(Error::new(format!("{} into {}, axis {axis}", update.shape(), cache.shape())));
    }
    let (batch, steps, size) = (cache.shape()[0], update.shape()[axis], cache.shape()[axis]);
    let first = c.numbers(2)?.unwrap_or_else(|| vec![0; batch]);
    if first.len() != batch {
        return Err(Error::new(format!("{} places for a batch of {batch}", first.len())));
    }
    let mut places = vec![];
    for &first in &first {
        for step in 0..steps as i64 {
            let at = first.saturating_add(step);
            places.push(if mode == "circular" && size > 0 {
                at.rem_euclid(size as i64)
            } else {
                at
            });
        }
    }
    let mut along = vec![1; cache.rank()];
    (along[0], along[axis]) = (batch, steps);
    let ids = Tensor::from_slice(&places, along).broadcast_to(update.shape());
    one(cache.scatter(axis as isize, &ids, update, Scatter::Replace))
}

/// The elements, or the slices of an axis, that are there once; where each is first, where each element's is, and how often it is.
fn unique(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let sorted = c.int("sorted", 1)? == 1;
    let (x, axis) = match c.int_or_none("axis")? {
        Some(axis) => (x.clone(), axis_of(axis, x.rank())?),
        None => (x.reshape([x.len()]), 0),
    };
    let shape = x.shape();
    let [outer, size, inner] =
        [shape[..axis].iter().product::<usize>(), shape[axis], shape[axis + 1..].iter().product()];
    let values: Vec<Number> = match x.dtype().is_float() {
        true => known::<f64>(&x.cast(DType::F64))?.into_iter().map(Number::Real).collect(),
        false => known::<i64>(&x.cast(DType::I64))?.into_iter().map(Number::Whole).collect(),
    };
    let slice = |i: usize| {
        let place = move |o: usize| (0..inner).map(move |k| (o * size + i) * inner + k);
        (0..outer).flat_map(place).map(|at| values[at]).collect::<Vec<_>>()
    };
    let slices: Vec<Vec<Number>> = (0..size).map(slice).collect();
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&a, &b| slices[a].cmp(&slices[b]));
    let (mut firsts, mut group) = (Vec::<usize>::new(), vec![0usize; size]);
    for (n, &i) in order.iter().enumerate() {
        if n == 0 || slices[i] != slices[order[n - 1]] {
            firsts.push(i);
        }
        group[i] = firsts.len() - 1;
    }
    // The order of groups is that of their values, or of their first places.
    let mut places: Vec<usize> = (0..firsts.len()).collect();
    if !sorted {
        places.sort_by_key(|&g| firsts[g]);
    }
    let mut rank = vec![0; firsts.len()];
    places.iter().enumerate().for_each(|(n, &g)| rank[g] = n);
    let mut counts = vec![0i64; firsts.len()];
    group.iter().for_each(|&g| counts[rank[g]] += 1);
    let first: Vec<i64> = places.iter().map(|&g| firsts[g] as i64).collect();
    let inverse: Vec<i64> = group.iter().map(|&g| rank[g] as i64).collect();
    let row = |v: &[i64]| Tensor::from_slice(v, [v.len()]);
    let y = x.index_select(axis as isize, &row(&first));
    Ok(vec![y, row(&first), row(&inverse), row(&counts)])
}

/// An element that can be put in order.
#[derive(Clone, Copy)]
enum Number {
    Real(f64),
    Whole(i64),
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> std::cmp::Ordering {
        match (self, other) {
            // −0 is 0, and NaN is the largest and one number.
            (Number::Real(a), Number::Real(b)) => {
                a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
            }
            (Number::Whole(a), Number::Whole(b)) => a.cmp(b),
            (Number::Real(_), Number::Whole(_)) => std::cmp::Ordering::Less,
            (Number::Whole(_), Number::Real(_)) => std::cmp::Ordering::Greater,
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}
