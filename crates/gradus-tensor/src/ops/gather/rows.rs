//! Rows that are chosen from a table: what is done to each row alone can be done to the table's rows, if these are fewer.
//!
//! With the rows `P` of the identity that ids name (`[M, V]`, one-hot):
//!
//! - `(P·E)·W = P·(E·W)`, a choice of the rows of `E·W`: `V` rows are multiplied, not `M`;
//! - `(P·E)ᵀ·dy = Eᵀ·(Pᵀ·dy)`, where `Pᵀ·dy` is a sum of rows by id (`scatter_add`);
//! - `Pᵀ·(dy·Wᵀ) = (Pᵀ·dy)·Wᵀ`.
//!
//! An embedding before a dense or a recurrent layer is the first, its gradients are the others. One-hot rows are the case without `E`.

use super::{Gather, ScatterAdd};
use crate::Tensor;
use gradus_graph::{Kind, Node, Setting, ViewOp, call_one};

/// The rows of a matrix `[M, K]` that are those of a table `[V, K]`, or of the identity.
struct Chosen {
    table: Option<Node>,
    /// `[M]`
    ids: Node,
    /// V
    of: usize,
}

impl Chosen {
    fn len(&self) -> usize {
        self.ids.shape().len()
    }
    /// Whether the table is shorter than what is chosen from it.
    fn saves(&self) -> bool {
        self.table.is_none() || self.of < self.len()
    }
}

/// A view that leaves the last axis as it is, with the shape it gives.
enum Lead<'a> {
    Reshape(&'a Node),
    Permute(&'a [usize]),
}

/// The view at the top of a node, if it only moves whole rows.
fn lead(x: &Node) -> Option<Lead<'_>> {
    if x.value().is_some() {
        return None;
    }
    let last = |n: &Node| n.shape().last().copied();
    match x.kind() {
        Kind::View(ViewOp::Reshape) if last(x)? == last(&x.inputs()[0])? && last(x)? > 0 => {
            Some(Lead::Reshape(x))
        }
        Kind::View(ViewOp::Permute(order)) if order.last() == Some(&(order.len() - 1)) => {
            Some(Lead::Permute(&order[..order.len() - 1]))
        }
        _ => None,
    }
}

/// The shape without its last axis.
fn leading(x: &Node) -> gradus_base::Shape {
    x.shape().without(x.shape().rank() - 1)
}

/// What a matrix's rows are chosen from, if they are and if that is shorter.
fn chosen(x: &Node) -> Option<Chosen> {
    let mut views = vec![];
    let mut at = x;
    while let Some(view) = lead(at) {
        views.push(view);
        at = &at.inputs()[0];
    }
    let mut found = rows(at)?;
    for view in views.iter().rev() {
        found.ids = match view {
            Lead::Reshape(x) => found.ids.reshape(leading(x)),
            Lead::Permute(order) => found.ids.permute(order),
        };
    }
    Some(found).filter(Chosen::saves)
}

/// A call's rule by name, with the axis it works on and its own inputs; `None` for what is computed already.
fn axis_of<'a>(x: &'a Node, name: &str) -> Option<(usize, &'a [Node])> {
    let Kind::Call(rule, _) = x.kind() else { return None };
    if x.value().is_some() || rule.name() != name {
        return None;
    }
    let axis = rule.settings()?.into_iter().find_map(|(name, setting)| match setting {
        Setting::Sizes(sizes) if name == "axis" => sizes.first().copied(),
        _ => None,
    });
    Some((axis?, x.inputs()))
}

/// The rows of a table, or one-hot rows: ones that are added to zeros.
fn rows(x: &Node) -> Option<Chosen> {
    if let Some((0, [table, ids])) = axis_of(x, "gather") {
        let fits = table.shape().rank() == 2 && ids.shape().rank() == 1;
        let of = table.shape()[0];
        return fits.then(|| Chosen { table: Some(table.clone()), ids: ids.clone(), of });
    }
    let (axis, [ones, ids]) = axis_of(x, "scatter_add")? else { return None };
    let one_each = ones.shape().last() == Some(&1) && axis + 1 == x.shape().rank();
    (one_each && ids.shape() == ones.shape() && is_one(ones)).then(|| Chosen {
        table: None,
        ids: ids.reshape(leading(ids)),
        of: x.shape()[axis],
    })
}

/// Whether a node says that it is 1 everywhere.
fn is_one(x: &Node) -> bool {
    match x.kind() {
        Kind::Pointwise(p) => p.expr.inputs() == 0 && p.expr.as_constant() == Some(1.0),
        Kind::View(_) => is_one(&x.inputs()[0]),
        _ => false,
    }
}

/// a·b by the rows that are fewer, where a's rows, or its columns, are chosen from a table.
pub(in crate::ops) fn product(a: &Node, b: &Node) -> Option<Node> {
    if a.shape().rank() != 2 {
        return None;
    }
    let dense = |n: &Node| Tensor::from_node(n.clone());
    if let Some(found) = chosen(a) {
        let table = match &found.table {
            Some(table) => dense(table).matmul(&dense(b)).0, // [V, N]
            None => b.clone(),
        };
        return Some(call_one(Gather { axis: 0 }, &[&table, &found.ids]));
    }
    let Kind::View(ViewOp::Permute(_)) = a.kind() else { return None };
    let found = chosen(&a.inputs()[0])?;
    let sums = sums_by_id(b, &found.ids, found.of); // [V, N]
    Some(match &found.table {
        Some(table) => dense(table).t().matmul(&Tensor(sums)).0,
        None => sums,
    })
}

/// Rows summed by id where they are the rows of a product: the sums are multiplied.
pub(super) fn sums_of_product(x: &Node, ids: &Node, size: usize) -> Option<Node> {
    let (mut at, mut ids) = (x, ids.clone());
    if x.shape().rank() != 2 || ids.shape().rank() != 1 || size >= ids.shape().len() {
        return None;
    }
    while let Some(view) = lead(at) {
        let of = &at.inputs()[0];
        ids = match view {
            Lead::Reshape(_) => ids.reshape(leading(of)),
            Lead::Permute(order) => {
                let mut back = vec![0; order.len()];
                order.iter().enumerate().for_each(|(i, &axis)| back[axis] = i);
                ids.permute(&back)
            }
        };
        at = of;
    }
    let Kind::Call(rule, _) = at.kind() else { return None };
    if at.value().is_some() || rule.name() != "matmul" || at.shape().rank() != 2 {
        return None;
    }
    let [dy, w] = [0, 1].map(|i| &at.inputs()[i]);
    let sums = Tensor(sums_by_id(dy, &ids, size));
    Some(sums.matmul(&Tensor::from_node(w.clone())).0)
}

fn sums_by_id(x: &Node, ids: &Node, size: usize) -> Node {
    call_one(ScatterAdd { axis: 0, size }, &[x, ids])
}

#[cfg(test)]
mod tests {
    use crate::{DType, Key, Step, Tensor, compile, grad};
    use gradus_graph::{Device, PlanStep};

    const V: usize = 5;
    const M: usize = 24;

    fn ids() -> Tensor {
        Tensor::from_slice(&(0..M as i64).map(|i| i * i % V as i64).collect::<Vec<_>>(), [4, 6])
    }
    fn weights(shape: [usize; 2], seed: u64) -> Tensor {
        let x = Key::new(seed).normal_of(shape, DType::F64);
        Tensor::from_slice(&x.to_vec::<f64>(), shape)
    }

    /// The steps of a plan of these values, as (name, rows of the result).
    fn steps(f: impl Fn() -> Vec<Tensor> + Send + Sync + 'static) -> Vec<(String, usize)> {
        let mut step = compile(move |_: &[Tensor]| f().iter().fold(Step::new(), Step::read));
        let plan = step.plan(&[]).unwrap();
        let rows = |s: &PlanStep| s.shape.first().copied().unwrap_or(1);
        plan.steps().iter().map(|s| (s.name.clone(), rows(s))).collect()
    }

    /// The product of rows seen in four ways, its loss and the gradients for the table, the weights and the rows themselves.
    fn values(view: usize, table: &Tensor, w: &Tensor) -> Vec<Tensor> {
        let x = table.embedding(&ids()); // [4, 6, 3]
        let seen = match view {
            0 => x.clone(),
            1 => x.transpose(0, 1),
            2 => x.reshape([2, 2, 6, x.size(2)]).permute([2, 0, 1, 3]),
            _ => x.reshape([M, x.size(2)]),
        };
        let y = seen.matmul(w);
        let loss = (y.clone().sin() * (y.rank() as f64)).sum(..);
        let [dt, dw, dx] = grad(&loss, [table, w, &x]);
        vec![y, loss, dw, dx, dt]
    }

    #[test]
    fn the_table_is_multiplied_and_not_what_is_chosen_from_it() {
        let (table, w) = (weights([V, 3], 1), weights([3, 7], 2));
        for view in 0..4 {
            let of = [table.clone(), w.clone()];
            let plan = steps(move || {
                let mut v = values(view, &of[0], &of[1]);
                v.remove(3); // the rows' own gradient needs a product with all rows
                v
            });
            let products: Vec<usize> =
                plan.iter().filter(|(n, _)| n == "matmul").map(|s| s.1).collect();
            // E·W, Eᵀ·sums and sums·Wᵀ.
            assert_eq!(products.len(), 3, "view {view}: {plan:?}");
            assert!(products.iter().all(|&rows| rows <= V), "view {view}: {plan:?}");
            let by_rows = Device::Reference.scope(|| {
                values(view, &table, &w).iter().map(Tensor::to_vec::<f64>).collect::<Vec<_>>()
            });
            for (a, b) in values(view, &table, &w).iter().zip(by_rows) {
                let pairs = a.to_vec::<f64>().into_iter().zip(b);
                pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "view {view}: {a} and {b}"));
            }
        }
    }

    #[test]
    fn one_hot_rows_choose_the_weights_rows() {
        let w = Key::new(2).normal([V, 7]);
        let w = Tensor::from_slice(&w.to_vec::<f32>(), [V, 7]);
        let of = w.clone();
        let build = move || {
            let y = ids().transpose(0, 1).one_hot(V).matmul(&of);
            let [dw] = grad(&y.square().sum(..), [&of]);
            vec![y, dw]
        };
        let plan = steps(build.clone());
        assert!(plan.iter().all(|(name, _)| name != "matmul"), "{plan:?}");
        let by_rows = Device::Reference.scope(|| {
            let all = build();
            [all[0].to_vec::<f32>(), all[1].to_vec::<f32>()]
        });
        for (a, b) in build().iter().zip(by_rows) {
            let pairs = a.to_vec::<f32>().into_iter().zip(b);
            pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-4 * b.abs().max(1.0)));
        }
    }

    #[test]
    fn a_table_longer_than_what_is_chosen_is_left_alone() {
        let (table, w) = (weights([M + 1, 3], 1), weights([3, 7], 2));
        let plan = steps(move || vec![table.embedding(&ids()).matmul(&w)]);
        assert_eq!(plan.iter().find(|(n, _)| n == "matmul").unwrap().1, M, "{plan:?}");
    }
}
