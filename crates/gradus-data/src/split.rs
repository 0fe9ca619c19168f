//! Splitting a labelled set into two parts with the same share of every class.

use crate::error::{DataError, Result};
use crate::random::{Purpose, Rng};

/// Indices of a training and a held-out part, each ascending. The held-out part has exactly `held_out` samples, shared
/// among the classes in proportion to their size (largest remainders first, ties to the smaller label).
/// The draw depends on `labels`, `held_out` and `seed` only.
pub fn stratified_split(
    labels: &[i64],
    held_out: usize,
    seed: u64,
) -> Result<(Vec<usize>, Vec<usize>)> {
    if held_out > labels.len() {
        return Err(DataError::invalid(
            "held-out samples",
            held_out.to_string(),
            format!("at most {}, the number of samples", labels.len()),
        ));
    }
    let mut by_class = std::collections::BTreeMap::<i64, Vec<usize>>::new();
    for (index, &label) in labels.iter().enumerate() {
        by_class.entry(label).or_default().push(index);
    }
    let sizes: Vec<usize> = by_class.values().map(Vec::len).collect();
    let quotas = largest_remainders(&sizes, held_out);
    let (mut kept, mut held) = (Vec::new(), Vec::new());
    for ((&label, members), &quota) in by_class.iter_mut().zip(&quotas) {
        Rng::new(seed, Purpose::Split, 0, label as u64).shuffle(members);
        held.extend_from_slice(&members[..quota]);
        kept.extend_from_slice(&members[quota..]);
    }
    kept.sort_unstable();
    held.sort_unstable();
    Ok((kept, held))
}

/// Whole shares of `total`, proportional to `sizes`.
fn largest_remainders(sizes: &[usize], total: usize) -> Vec<usize> {
    let whole: usize = sizes.iter().sum();
    if whole == 0 {
        return vec![0; sizes.len()];
    }
    let product = |i: usize| sizes[i] as u128 * total as u128;
    let mut shares: Vec<usize> =
        (0..sizes.len()).map(|i| (product(i) / whole as u128) as usize).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(product(i) % whole as u128));
    let missing = total - shares.iter().sum::<usize>();
    for &i in &order[..missing] {
        shares[i] += 1;
    }
    shares
}
