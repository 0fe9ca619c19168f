//! What is said of an import: what of the file was not used, and what was not proven.

use super::Args;
use super::candidates::Candidates;
use super::check::Checked;
use crate::bars::counted;
use gradus::models::import::{Imported, names::is_auxiliary};

/// Names of so many layers are listed in what is not proven.
const LISTED: usize = 6;

/// Says which layers of the file have no place, and which of the network's the file lacks.
pub fn left_out(imported: &Imported) {
    let (heads, others): (Vec<&String>, Vec<&String>) =
        imported.left_out.iter().partition(|name| is_auxiliary(name));
    if !heads.is_empty() {
        say!(
            "passed over: {} of auxiliary heads, which only training uses",
            counted(heads.len() as u64, "layer")
        );
    }
    let missing = imported.missing.iter().collect();
    for (what, names) in [("left out", others), ("fresh", missing)] {
        if !names.is_empty() {
            let listed: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
            say!("{what} ({}): {}", names.len(), listed.join(", "));
        }
    }
}

/// What neither the file nor a check tells, each in a line: what was taken, and what else fits.
pub fn unproven(args: &Args, candidates: &Candidates, checked: &Checked) -> Vec<String> {
    let best = &candidates.all[checked.best];
    let taken = candidates.conventions(best);
    let others = |i: usize| -> Vec<String> {
        let mut others: Vec<String> = vec![];
        for &other in &checked.alike {
            let text = candidates.conventions(&candidates.all[other])[i].1.clone();
            if text != taken[i].1 && !others.contains(&text) {
                others.push(text);
            }
        }
        others
    };
    let mut lines = vec![];
    let origins = others(0);
    if !origins.is_empty() {
        lines.push(format!(
            "how square matrices lie: as in {}; as in {} they fit as well (--origin)",
            taken[0].1,
            origins.join(" and ")
        ));
    }
    lines.extend(order(args, candidates.imported(best), !others(1).is_empty()));
    let paddings = others(2);
    if !paddings.is_empty() {
        lines.push(format!(
            "where shortcuts put their zeros: {} was taken; {} fits as well (--shortcut-padding {})",
            taken[2].1,
            paddings.join(" and "),
            paddings[0]
        ));
    }
    let preparations = others(3);
    let is_picture = best.description.input.len() == 3;
    if !preparations.is_empty() {
        lines.push(format!(
            "how pictures are prepared: {} was taken; {} does as well",
            taken[3].1,
            preparations.join(" and ")
        ));
    } else if let Some(how) = best.preparation
        && args.preprocessing.is_none()
        && !checked.by_data
        && is_picture
    {
        let what = format!("how pictures are prepared: {} was taken", how.name);
        lines.push(match best.description.input[0] {
            3 => format!("{what}, the file does not say (--preprocessing)"),
            _ => format!("{what} (brightness from 0 to 1), the file does not say"),
        });
    }
    lines
}

/// What is not proven of the order of layers. `other` says whether another order fits as well.
fn order(args: &Args, imported: &Imported, other: bool) -> Option<String> {
    let names = &imported.exchangeable;
    // A check that was met tells equal layers apart, but for orders that met it both.
    if names.is_empty() || (args.checks() && !other) {
        return None;
    }
    let listed = names[..names.len().min(LISTED)].join(", ");
    let more = if names.len() > LISTED { ", …" } else { "" };
    let order =
        if imported.natural { "the order of the numbers in them" } else { "the file's order" };
    let also = match (other, imported.natural) {
        (false, _) => "",
        (true, true) => "; the file's own order fits as well",
        (true, false) => "; the order of the numbers in them fits as well",
    };
    Some(format!(
        "which of {} of equal shapes is which ({listed}{more}): their names are not known, {order} was taken{also}",
        counted(names.len() as u64, "layer")
    ))
}

/// Says it, and how it can be proven.
pub fn say(unproven: &[String], args: &Args) {
    if unproven.is_empty() {
        return;
    }
    say!("not proven:");
    unproven.iter().for_each(|line| say!("  {line}"));
    let data = "labelled samples, --check-data DIR";
    let outputs = "numbers of the original, --check-input X.npy --check-output Y.npy";
    match (args.check_input.is_some(), args.check_data.is_some()) {
        (true, true) => {}
        (true, false) => say!("they can be proven by {data}"),
        (false, true) => say!("they can be proven by {outputs}"),
        (false, false) => say!("they can be proven by {outputs}, or by {data}"),
    }
}
