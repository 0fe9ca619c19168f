//! Slices: where values of a whole batch are too large for a cache, a few samples go through all
//! the items that make and read such values, then the next few. What passes from one step to the
//! next is then still near, and takes the memory of a slice. Only plans that update nothing are
//! cut: gradients would read all of it again.

use super::collect::{Collected, Item, What};
use super::facts::{distinct_elements, fixed_items, is_constant, readers};
use crate::node::ViewOp;
use crate::rule::Meta;

/// By how much the weights, which each slice reads and perhaps transforms anew, are smaller than the slice at least.
const WEIGHTS: usize = 16;

/// Cuts what makes and reads far values of a batch into slices of samples, if there is such.
pub(crate) fn slice_batch(c: &mut Collected) {
    if c.updates.is_empty()
        && let Some(region) = Region::of(c)
    {
        region.write(c);
    }
}

/// The items to be computed slice by slice.
struct Region {
    inside: Vec<bool>,
    /// Of each input of an item in the region, whether a slice reads a slice of it or all of it.
    cuts: Vec<Vec<bool>>,
    /// Samples, and those of a slice.
    rows: usize,
    each: usize,
}

impl Region {
    fn of(c: &Collected) -> Option<Region> {
        let sizes = Sizes::of(c);
        let rows = c.items[sizes.far.iter().position(|&far| far)?].meta.shape[0];
        let limits = c.limits();
        let least = rows.div_ceil(limits.slices);
        let mut region = Region { inside: vec![], cuts: vec![], rows, each: least };
        // A path that leaves the region never comes back.
        let mut after: Vec<bool> = Vec::with_capacity(c.items.len());
        for (i, item) in c.items.iter().enumerate() {
            let reads = |set: &[bool]| item.inputs.iter().any(|&n| set[n]);
            let (follows, late) = (reads(&region.inside), reads(&after));
            let cuts = ((follows || sizes.far[i]) && !late).then(|| region.fitting(c, &sizes, i));
            let cuts = cuts.flatten();
            after.push(late || (follows && cuts.is_none()));
            region.inside.push(cuts.is_some());
            region.cuts.push(cuts.unwrap_or_default());
        }
        region.trim(c, &sizes);
        let members = || (0..c.items.len()).filter(|&i| region.inside[i]);
        let largest = members().map(|i| sizes.step(c, i, &region.cuts[i])).max()?;
        let each = (limits.near * rows / largest.max(1)).clamp(least, rows);
        let leaves = region.leaves(&c.items, &c.outputs);
        let all: usize = members().map(|i| sizes.own[i]).sum();
        let leaving: usize = members().filter(|&i| leaves[i]).map(|i| sizes.own[i]).sum();
        region.each = rows.div_ceil(rows.div_ceil(each));
        (region.each < rows && all >= 2 * leaving + limits.far).then_some(region)
    }

    /// How slices of item `i` read its inputs, if they are made of slices and not much else, and lie as the whole does.
    fn fitting(&self, c: &Collected, sizes: &Sizes, i: usize) -> Option<Vec<bool>> {
        let item = &c.items[i];
        let cuts = cuts(c, i)?;
        let inputs = || cuts.iter().zip(&item.inputs);
        let is_batch = |n: usize| c.items[n].meta.shape.first() == Some(&self.rows);
        if let What::Call(_, metas) = &item.what
            && !metas.iter().all(|m| m.shape.first() == Some(&self.rows))
        {
            return None;
        }
        let whole: usize =
            inputs().filter(|(cut, _)| !**cut).map(|(_, &n)| sizes.distinct[n]).sum();
        let own = sizes.step(c, i, &cuts) / self.rows * self.each;
        let fits = is_batch(i)
            && inputs().all(|(cut, &n)| !cut || is_batch(n))
            && (whole * WEIGHTS <= own || matches!(item.what, What::View(_)))
            && self.lies_alike(c, i, &cuts);
        fits.then_some(cuts)
    }

    /// Whether slices of item `i` lie in memory in no other way than the whole would.
    fn lies_alike(&self, c: &Collected, i: usize, cuts: &[bool]) -> bool {
        let item = &c.items[i];
        let What::Call(rule, metas) = &item.what else { return true };
        let inputs: Vec<Meta> = item.inputs.iter().map(|&n| c.items[n].meta).collect();
        let sliced: Vec<Meta> = (inputs.iter().zip(cuts))
            .map(|(&meta, &cut)| if cut { with_rows(meta, self.each) } else { meta })
            .collect();
        let results: Vec<Meta> = metas.iter().map(|&m| with_rows(m, self.each)).collect();
        let strategy = c.strategy(rule);
        let whole = strategy.layout_choices(&inputs, metas);
        strategy.layout_choices(&sliced, &results).iter().all(|l| whole.contains(l))
    }

    /// Takes out what neither makes a far value nor reads one nor leads to what does. A call's parts stay with it.
    fn trim(&mut self, c: &Collected, sizes: &Sizes) {
        let mut far: Vec<bool> = Vec::with_capacity(c.items.len());
        let mut touches: Vec<bool> = Vec::with_capacity(c.items.len());
        for (i, item) in c.items.iter().enumerate() {
            let reads = item.inputs.iter().any(|&n| far[n]);
            let seen = matches!(item.what, What::View(_) | What::Part(_));
            far.push(if seen { reads } else { sizes.far[i] });
            touches.push(!seen && (far[i] || reads));
        }
        let readers = readers(c);
        for i in (0..c.items.len()).rev() {
            self.inside[i] &= touches[i] || readers[i].iter().any(|&r| self.inside[r]);
        }
        for (i, item) in c.items.iter().enumerate() {
            if let What::Part(_) = item.what {
                self.inside[i] = self.inside[item.inputs[0]];
            }
        }
    }

    /// The items of the region that are wanted, or read outside of it.
    fn leaves(&self, items: &[Item], outputs: &[usize]) -> Vec<bool> {
        let mut leaves = vec![false; items.len()];
        outputs.iter().for_each(|&o| leaves[o] = self.inside[o]);
        for (_, item) in items.iter().enumerate().filter(|(i, _)| !self.inside[*i]) {
            item.inputs.iter().for_each(|&n| leaves[n] = self.inside[n]);
        }
        leaves
    }

    /// Writes the items anew: what does not need the region, the slices one after the other, what leaves them joined again, the
    /// rest.
    fn write(&self, c: &mut Collected) {
        let old = std::mem::take(&mut c.items);
        let leaves = self.leaves(&old, &c.outputs);
        let mut after = vec![false; old.len()];
        for (i, item) in old.iter().enumerate() {
            after[i] = !self.inside[i] && item.inputs.iter().any(|&n| self.inside[n] || after[n]);
        }
        let mut w = Writer { old: &old, items: vec![], place: vec![None; old.len()] };
        let (inside, all) = (|i: &usize| self.inside[*i], 0..old.len());
        all.clone().filter(|i| !inside(i) && !after[*i]).for_each(|i| w.keep(i));
        let starts: Vec<usize> = (0..self.rows).step_by(self.each).collect();
        let mut slices = vec![];
        for &start in &starts {
            let len = self.each.min(self.rows - start);
            let mut slice = Slice { start, len, place: vec![None; old.len()] };
            all.clone().filter(inside).for_each(|i| w.sliced(i, &self.cuts[i], &mut slice));
            slices.push(slice.place);
        }
        for i in all.clone().filter(|&i| leaves[i]) {
            let what = What::Assemble { axis: 0, pieces: starts.iter().map(|&s| (s, 1)).collect() };
            let inputs = slices.iter().filter_map(|place| place[i]).collect();
            w.place[i] = Some(w.push(Item { what, inputs, ..old[i].clone() }));
        }
        all.filter(|&i| after[i]).for_each(|i| w.keep(i));
        c.outputs.iter_mut().for_each(|o| *o = w.whole(*o));
        c.items = w.items;
    }
}

/// How large items are, in bytes.
struct Sizes {
    /// What is computed for an item itself: nothing for a view.
    own: Vec<usize>,
    /// What is there of an item, repetitions left out.
    distinct: Vec<usize>,
    /// Whether an item changes from run to run and comes from memory where it is read.
    far: Vec<bool>,
}

impl Sizes {
    fn of(c: &Collected) -> Sizes {
        let fixed = fixed_items(c, c.leaves_stay);
        let own = |(i, item): (usize, &Item)| match item.what {
            _ if fixed[i] || is_constant(c, i) => 0,
            What::Pointwise(_) | What::Reduce(..) | What::Call(..) | What::Assemble { .. } => {
                item.meta.shape.len() * item.meta.dtype.size()
            }
            _ => 0,
        };
        let own: Vec<usize> = c.items.iter().enumerate().map(own).collect();
        let distinct = c.items.iter().zip(distinct_elements(c));
        let distinct = distinct.map(|(item, len)| len * item.meta.dtype.size()).collect();
        let far = |(i, item): (usize, &Item)| own[i] >= c.limits().far && item.meta.shape[0] > 1;
        Sizes { far: c.items.iter().enumerate().map(far).collect(), own, distinct }
    }

    /// What item `i` writes, and reads of inputs that are cut.
    fn step(&self, c: &Collected, i: usize, cuts: &[bool]) -> usize {
        let inputs = c.items[i].inputs.iter().zip(cuts).filter(|(_, cut)| **cut);
        self.own[i] + inputs.map(|(&n, _)| self.distinct[n]).sum::<usize>()
    }
}

/// Of each input of item `i`, whether a slice of the item along axis 0 is made of that slice of the input, or of all of it. `None`
/// if the item is not made of slices.
fn cuts(c: &Collected, i: usize) -> Option<Vec<bool>> {
    let item = &c.items[i];
    let all = || Some(vec![true; item.inputs.len()]);
    match &item.what {
        What::Pointwise(_) | What::Part(_) | What::View(ViewOp::Reshape) => all(),
        What::View(ViewOp::Permute(order)) if order.first() == Some(&0) => all(),
        What::View(ViewOp::Slice { axis, .. }) if *axis != 0 => all(),
        What::View(ViewOp::Expand) => {
            let (from, to) = (c.items[item.inputs[0]].meta.shape, item.meta.shape);
            Some(vec![from.rank() == to.rank() && from[0] == to[0]])
        }
        What::Assemble { axis, .. } if *axis != 0 => all(),
        What::Reduce(_, reduced) if reduced.first() == Some(&false) => all(),
        What::Call(rule, _) if !item.has_effect() => {
            let axes = rule.slices(0)?;
            let first = axes.iter().all(|a| a.is_none_or(|a| a == 0));
            first.then(|| axes.iter().map(Option::is_some).collect())
        }
        _ => None,
    }
}

fn with_rows(meta: Meta, rows: usize) -> Meta {
    Meta::new(meta.shape.with(0, rows), meta.dtype)
}

/// Some rows, and where they are of each old item.
struct Slice {
    start: usize,
    len: usize,
    place: Vec<Option<usize>>,
}

/// The items as they are written anew.
struct Writer<'a> {
    old: &'a [Item],
    items: Vec<Item>,
    /// Where all of an old item is.
    place: Vec<Option<usize>>,
}

impl Writer<'_> {
    fn push(&mut self, item: Item) -> usize {
        self.items.push(item);
        self.items.len() - 1
    }

    fn whole(&self, n: usize) -> usize {
        self.place[n].expect("written before what reads it")
    }

    /// An item as it was.
    fn keep(&mut self, i: usize) {
        let inputs = self.old[i].inputs.iter().map(|&n| self.whole(n)).collect();
        self.place[i] = Some(self.push(Item { inputs, ..self.old[i].clone() }));
    }

    /// A slice of an item, made of slices of the inputs that are cut.
    fn sliced(&mut self, i: usize, cuts: &[bool], slice: &mut Slice) {
        let item = &self.old[i];
        let mut inputs = Vec::with_capacity(cuts.len());
        for (&n, &cut) in item.inputs.iter().zip(cuts) {
            inputs.push(if cut { self.slice_of(n, slice) } else { self.whole(n) });
        }
        let what = match &item.what {
            What::Call(rule, metas) => {
                What::Call(rule.clone(), metas.iter().map(|&m| with_rows(m, slice.len)).collect())
            }
            what => what.clone(),
        };
        let meta = with_rows(item.meta, slice.len);
        slice.place[i] = Some(self.push(Item { what, inputs, meta, ..item.clone() }));
    }

    /// Where a slice of an item is: in the region, or made here of what lies outside.
    fn slice_of(&mut self, n: usize, slice: &mut Slice) -> usize {
        if let Some(place) = slice.place[n] {
            return place;
        }
        let item = &self.old[n];
        let (what, inputs) = match &item.what {
            // What is the same in every row is that in fewer rows too.
            What::Pointwise(p) if p.expr.inputs() == 0 => (item.what.clone(), vec![]),
            _ => {
                let op = ViewOp::Slice { axis: 0, start: slice.start, step: 1 };
                (What::View(op), vec![self.whole(n)])
            }
        };
        let meta = with_rows(item.meta, slice.len);
        let place = self.push(Item { what, inputs, meta, ..item.clone() });
        slice.place[n] = Some(place);
        place
    }
}
