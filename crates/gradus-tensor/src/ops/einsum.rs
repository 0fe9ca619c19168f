//! einsum: sums of products over named axes, composed of matrix products.   [..], [..], … -> [..]

use crate::{Shape, Tensor};
use gradus_base::Error;

/// An axis's name: a letter, or the place of one that an ellipsis stands for, counted from the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Name {
    Letter(char),
    Hidden(usize),
}

/// A factor, and what its axes are called.
#[derive(Clone)]
struct Factor {
    x: Tensor,
    names: Vec<Name>,
}

impl Tensor {
    /// The sum of the factors' products over all axes whose names the result has not. A letter names an axis, `...` those that have no
    /// letter, which broadcast; a letter twice in one factor is its diagonal. Without `->` the result has the letters that are
    /// there once, in alphabetical order, behind the axes of the ellipses.
    ///
    /// **Shape** as the equation says. Factors are multiplied from left to right, as matrices where both have an axis that is summed.
    ///
    /// # Panics
    /// If the equation has not one part for each factor, names as many axes as a factor has not, gives the result an axis that is
    /// nowhere or twice, or sizes of one name differ.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (a, b) = (Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]), Tensor::from([[5.0f32, 6.0], [7.0, 8.0]]));
    /// assert_eq!(Tensor::einsum("ij,jk->ik", &[&a, &b]).to_vec::<f32>(), [19.0, 22.0, 43.0, 50.0]);
    /// assert_eq!(Tensor::einsum("ii", &[&a]).item(), 5.0); // the trace
    /// ```
    #[track_caller]
    pub fn einsum(equation: &str, factors: &[&Tensor]) -> Tensor {
        match read(equation, factors) {
            Ok((factors, result)) => contracted(factors, &result),
            Err(what) => {
                let what = format!("{:?}: {what}", printable(equation));
                Tensor::refuse(Error::value("einsum", what))
            }
        }
    }
}

/// At most so much of an equation goes into a message.
fn printable(equation: &str) -> String {
    equation.chars().take(80).collect()
}

type Read = (Vec<Factor>, Vec<Name>);

/// The equation's factors with one name for each axis and no name twice, and the result's names.
fn read(equation: &str, tensors: &[&Tensor]) -> std::result::Result<Read, String> {
    let equation: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (&*equation, None),
    };
    let parts: Vec<&str> = left.split(',').collect();
    if parts.len() != tensors.len() {
        return Err(format!("{} factors are named, {} are given", parts.len(), tensors.len()));
    }
    let mut factors = vec![];
    for (part, x) in parts.iter().zip(tensors) {
        let names = names(part, Some(x.rank()))?;
        if names.len() != x.rank() {
            return Err(format!("`{part}` names {} axes of {}", names.len(), x.shape()));
        }
        factors.push(diagonal(Factor { x: (*x).clone(), names })?);
    }
    let hidden = factors.iter().flat_map(|f| &f.names).filter_map(|n| match n {
        Name::Hidden(i) => Some(i + 1),
        Name::Letter(_) => None,
    });
    let hidden = hidden.max().unwrap_or(0);
    let result = match right {
        Some(right) => {
            let letters = right.replace("...", "").chars().count();
            names(right, right.contains("...").then_some(letters + hidden))?
        }
        None => {
            let all: Vec<char> = left.chars().filter(|c| c.is_ascii_alphabetic()).collect();
            let mut once: Vec<char> = all.clone();
            once.retain(|c| all.iter().filter(|d| *d == c).count() == 1);
            once.sort_unstable();
            let hidden = (0..hidden).rev().map(Name::Hidden);
            hidden.chain(once.into_iter().map(Name::Letter)).collect()
        }
    };
    for (i, name) in result.iter().enumerate() {
        if result[..i].contains(name) {
            return Err("the result has an axis twice".to_owned());
        }
        if !factors.iter().any(|f| f.names.contains(name)) {
            return Err("the result has an axis that no factor has".to_owned());
        }
    }
    same_sizes(&factors)?;
    Ok((factors, result))
}

/// The names in one part; an ellipsis stands for as many axes as are left of `rank`.
fn names(part: &str, rank: Option<usize>) -> std::result::Result<Vec<Name>, String> {
    let letters = |text: &str| -> std::result::Result<Vec<Name>, String> {
        let letter = |c: char| match c.is_ascii_alphabetic() {
            true => Ok(Name::Letter(c)),
            false => Err(format!("{c:?} is no letter")),
        };
        text.chars().map(letter).collect()
    };
    let Some((before, after)) = part.split_once("...") else { return letters(part) };
    let (mut names, after) = (letters(before)?, letters(after)?);
    let hidden = rank.unwrap_or(0).checked_sub(names.len() + after.len());
    let hidden = hidden.ok_or_else(|| format!("`{part}` names more axes than there are"))?;
    names.extend((0..hidden).rev().map(Name::Hidden));
    names.extend(after);
    Ok(names)
}

/// A name that is there twice stays once, for the elements with both places equal.
fn diagonal(mut f: Factor) -> std::result::Result<Factor, String> {
    while let Some(second) = (0..f.names.len()).find(|&i| f.names[..i].contains(&f.names[i])) {
        let first = f.names.iter().position(|n| *n == f.names[second]).unwrap_or(0);
        let shape = f.x.shape();
        let size = shape[first];
        if shape[second] != size {
            return Err(format!("axes of one name have sizes {size} and {}", shape[second]));
        }
        // Both axes last, as one row of which every (size + 1)-th element is taken.
        let mut order: Vec<isize> = (0..shape.rank() as isize).collect();
        order.retain(|&a| a != first as isize && a != second as isize);
        let mut names: Vec<Name> = order.iter().map(|&a| f.names[a as usize]).collect();
        let kept: Vec<usize> = order.iter().map(|&a| shape[a as usize]).collect();
        names.push(f.names[first]);
        order.extend([first as isize, second as isize]);
        let row = f.x.permute(&order).reshape(Shape::new(&[&kept[..], &[size * size]].concat()));
        let places: Vec<i64> = (0..size as i64).map(|i| i * (size as i64 + 1)).collect();
        f = Factor { x: row.index_select(-1, &Tensor::from_slice(&places, [size])), names };
    }
    Ok(f)
}

/// Sizes of one letter are one size; those that ellipses stand for may be 1 as well.
fn same_sizes(factors: &[Factor]) -> std::result::Result<(), String> {
    let mut sizes: Vec<(Name, usize)> = vec![];
    for f in factors {
        for (&name, &size) in f.names.iter().zip(f.x.shape().iter()) {
            match sizes.iter_mut().find(|(n, _)| *n == name) {
                None => sizes.push((name, size)),
                Some((_, known)) if *known == size || size == 1 => {}
                Some((_, known)) if *known == 1 => *known = size,
                Some((_, known)) => {
                    return Err(format!("axes of one name have sizes {known} and {size}"));
                }
            }
        }
    }
    Ok(())
}

#[track_caller]
fn contracted(factors: Vec<Factor>, result: &[Name]) -> Tensor {
    let mut left = factors.into_iter();
    let Some(mut product) = left.next() else { return Tensor::poisoned() };
    let mut rest: Vec<Factor> = left.collect();
    while !rest.is_empty() {
        let next = rest.remove(0);
        let wanted = |n: &Name| result.contains(n) || rest.iter().any(|f| f.names.contains(n));
        let wanted: Vec<Name> =
            product.names.iter().chain(&next.names).copied().filter(|n| wanted(n)).collect();
        product = multiplied(product, next, &wanted);
    }
    let product = summed(product, result);
    ordered(&product, result)
}

/// Without the axes that nobody wants.
fn summed(f: Factor, wanted: &[Name]) -> Factor {
    let gone: Vec<isize> =
        (0..f.names.len()).filter(|&i| !wanted.contains(&f.names[i])).map(|i| i as isize).collect();
    if gone.is_empty() {
        return f;
    }
    let names = f.names.iter().copied().filter(|n| wanted.contains(n)).collect();
    // A sum has its elements' type.
    let x = f.x.sum(gone).cast(f.x.dtype());
    Factor { x, names }
}

/// The axes in an order, those that are missing of size 1.
fn ordered(f: &Factor, order: &[Name]) -> Tensor {
    let there: Vec<isize> = order
        .iter()
        .filter_map(|n| f.names.iter().position(|m| m == n))
        .map(|i| i as isize)
        .collect();
    let sizes: Vec<usize> = order
        .iter()
        .map(|n| f.names.iter().position(|m| m == n).map_or(1, |i| f.x.shape()[i]))
        .collect();
    f.x.permute(&there).reshape(Shape::new(&sizes))
}

/// Two factors' product, of which the wanted axes are left.
fn multiplied(a: Factor, b: Factor, wanted: &[Name]) -> Factor {
    let keep = |f: &Factor, other: &Factor| -> Vec<Name> {
        f.names.iter().copied().filter(|n| wanted.contains(n) || other.names.contains(n)).collect()
    };
    let (keep_a, keep_b) = (keep(&a, &b), keep(&b, &a));
    let (a, b) = (summed(a, &keep_a), summed(b, &keep_b));
    let size =
        |f: &Factor, n: &Name| f.names.iter().position(|m| m == n).map_or(1, |i| f.x.shape()[i]);
    let both: Vec<Name> = a.names.iter().copied().filter(|n| b.names.contains(n)).collect();
    let (batch, inner): (Vec<Name>, Vec<Name>) = both.into_iter().partition(|n| wanted.contains(n));
    let broadcasts = inner.iter().chain(&batch).any(|n| size(&a, n) != size(&b, n));
    let floats = a.x.dtype().is_float() && a.x.dtype() == b.x.dtype();
    if inner.is_empty() || broadcasts || !floats {
        let mut names: Vec<Name> = a.names.clone();
        names.extend(b.names.iter().copied().filter(|n| !a.names.contains(n)));
        let x = ordered(&a, &names) * ordered(&b, &names);
        return summed(Factor { x, names }, wanted);
    }
    let only = |f: &Factor, other: &Factor| -> Vec<Name> {
        f.names.iter().copied().filter(|n| !other.names.contains(n)).collect()
    };
    let (rows, columns) = (only(&a, &b), only(&b, &a));
    let count = |f: &Factor, names: &[Name]| names.iter().map(|n| size(f, n)).product::<usize>();
    let [n, m, k, p] =
        [count(&a, &batch), count(&a, &rows), count(&a, &inner), count(&b, &columns)];
    let left = ordered(&a, &[&batch[..], &rows, &inner].concat()).reshape([n, m, k]);
    let right = ordered(&b, &[&batch[..], &inner, &columns].concat()).reshape([n, k, p]);
    let sizes = batch.iter().chain(&rows).map(|n| size(&a, n));
    let sizes: Vec<usize> = sizes.chain(columns.iter().map(|n| size(&b, n))).collect();
    let x = left.matmul(&right).reshape(Shape::new(&sizes));
    Factor { x, names: [&batch[..], &rows, &columns].concat() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check;
    use crate::try_build;
    use gradus_testkit::{Array, Species};

    #[test]
    fn einsum() {
        let case = check("einsum", |x| Tensor::einsum("bij,bkj,k->ib", &[&x[0], &x[1], &x[2]]));
        let case = case.input([2, 3, 4], -1.0..1.0).input([2, 5, 4], -1.0..1.0);
        let case = case.input([5], -1.0..1.0).species(Species::Reduction).empty_axis(None);
        let case = case.oracle_of(|x| {
            Array::from_fn([3, 2], |at| {
                let pairs = (0..4).flat_map(|j| (0..5).map(move |k| [j, k]));
                let (i, b) = (at[0], at[1]);
                pairs.map(|[j, k]| x[0].at(&[b, i, j]) * x[1].at(&[b, k, j]) * x[2].at(&[k])).sum()
            })
        });
        case.run();
    }

    #[test]
    fn diagonals_ellipses_and_implied_results() {
        let a = Tensor::from([[1.0f64, 2.0], [3.0, 4.0]]);
        assert_eq!(Tensor::einsum("ii->i", &[&a]).to_vec::<f64>(), [1.0, 4.0]);
        assert_eq!(Tensor::einsum("ba", &[&a]).to_vec::<f64>(), [1.0, 3.0, 2.0, 4.0]);
        assert_eq!(
            Tensor::einsum("i,j->ij", &[&a.select(0, 0), &a.select(0, 1)]).to_vec::<f64>(),
            [3.0, 4.0, 6.0, 8.0]
        );
        let batched = Tensor::einsum("...ij,...jk->...ik", &[&a.reshape([1, 1, 2, 2]), &a]);
        assert_eq!(batched.shape().to_string(), "[1, 1, 2, 2]");
        assert_eq!(batched.to_vec::<f64>(), [7.0, 10.0, 15.0, 22.0]);
        assert_eq!(Tensor::einsum(" ... -> ", &[&a]).item(), 10.0);
        let whole = Tensor::from([[1i64, 2], [3, 4]]);
        assert_eq!(Tensor::einsum("ij,jk", &[&whole, &whole]).to_vec::<i64>(), [7, 10, 15, 22]);
    }

    #[test]
    fn broken_equations_are_refused() {
        let a = Tensor::ones([2, 3]);
        let refused = |e: &str, n: usize| {
            try_build(|| Tensor::einsum(e, &vec![&a; n])).unwrap_err().to_string()
        };
        assert!(refused("ij", 2).starts_with("einsum: \"ij\": 1 factors are named, 2 are given"));
        assert!(refused("ijk", 1).contains("`ijk` names 3 axes of [2, 3]"));
        assert!(refused("ii", 1).contains("axes of one name have sizes 2 and 3"));
        assert!(refused("ij->k", 1).contains("the result has an axis that no factor has"));
        assert!(refused("ij->ii", 1).contains("the result has an axis twice"));
        assert!(refused("i1", 1).contains("'1' is no letter"));
        assert!(refused("ij,jk", 2).contains("axes of one name have sizes 3 and 2"));
    }
}
