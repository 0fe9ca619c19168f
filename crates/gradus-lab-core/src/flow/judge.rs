//! What ails a run, in the words of the training loop, and what may help.

use super::messages::{FlowCure, FlowRemark, FlowSettings as Settings};
use super::run::{LATELY, Seen, WINDOW};
use super::settings::{display, in_words};
use gradus::train::diagnosis::words::{self, DEAD, FACTOR, HUGE, IDLE, RISEN, SATURATED};
use gradus_base::words::figure;

/// A loss that is worse than any guess; three in a row will do.
const HOPELESS: f64 = 5.0;
/// A loss is flat that falls by less than this part.
const FLAT: f64 = 0.02;
/// Steps after which a flat loss is remarked on.
const PATIENCE: u32 = 100;

/// A layer by its number, the output's after all hidden ones.
fn layer(l: usize, settings: &Settings) -> String {
    if l == settings.depth as usize { "output".into() } else { format!("hidden{}", l + 1) }
}

/// All remarks on a run; one says so if nothing ails it.
pub(super) fn judge(settings: &Settings, seen: &Seen) -> Vec<FlowRemark> {
    let mut found = vec![];
    let mut remark = |ailment: &'static str, text: String| {
        let cures = cures(ailment, settings, seen);
        found.push(FlowRemark { ailment: ailment.into(), text, cures });
    };
    if seen.step == 0 {
        return vec![];
    }
    if seen.lost {
        for (ailment, text) in lost(settings, seen) {
            remark(ailment, text);
        }
        return found;
    }
    let mut explained = false;
    if seen.alike {
        explained = true;
        remark(
            "symmetric",
            "all units of a layer give the same, so they learn the same: nothing tells them apart, and hardly a gradient \
             passes. Random initial weights (He, Xavier) help."
                .into(),
        );
    }
    let dead = worst(&seen.dead(settings.width), |&n| n as f64);
    let is_much = |&(_, n): &(usize, usize)| n as f64 >= DEAD * f64::from(settings.width);
    if let Some((l, count)) = dead.filter(is_much).filter(|_| settings.function().dies) {
        explained = true;
        remark(
            "dead-units",
            words::dead_units(&layer(l, settings), count, settings.width as usize),
        );
    }
    if let Some((l, part)) = worst(&seen.levelled, |&part| part).filter(|w| w.1 >= SATURATED) {
        remark("saturated", words::saturated(&layer(l, settings), part));
    }
    if let Some((ailment, text)) = gradients(settings, seen, explained) {
        explained = true;
        remark(ailment, text);
    }
    if let Some(text) = risen(settings, seen) {
        remark("rate-too-high", text);
    } else if let Some(text) = slow(settings, seen).filter(|_| !explained) {
        remark("rate-too-low", text);
    }
    if found.is_empty() {
        found.push(FlowRemark {
            ailment: "fine".into(),
            text: fine(settings, seen),
            cures: vec![],
        });
    }
    found
}

/// Why a loss is no number any more, the likeliest cause first.
fn lost(settings: &Settings, seen: &Seen) -> Vec<(&'static str, String)> {
    let Some(&first) = seen.first.first() else {
        let large =
            format!("what the layers give is so large that the first loss is {}", seen.loss);
        return vec![("exploding", words::exploding(&large))];
    };
    let first = figure(first, 4);
    let lost = format!("is no longer a number: it was {first} at first and is {}", seen.loss);
    let text = words::rate_too_high(&lost, seen.step.into(), settings.rate);
    let mut all = vec![("rate-too-high", text)];
    if let Some(grown) = gradients(settings, seen, true) {
        let at = if starts_well(settings) { 1 } else { 0 };
        all.insert(at, grown);
    }
    all
}

/// Whether the weights start as suits the activation.
fn starts_well(settings: &Settings) -> bool {
    settings.init == settings.function().fitting() || settings.init == "orthogonal"
}

/// The layer in which something is largest.
fn worst<T: Copy>(of: &[T], size: impl Fn(&T) -> f64) -> Option<(usize, T)> {
    let all = of.iter().copied().enumerate();
    all.max_by(|a, b| size(&a.1).total_cmp(&size(&b.1)))
}

/// The two ends of the network and their gradients, in words.
fn ends(settings: &Settings, seen: &Seen) -> Option<(f64, String, String)> {
    let (&first, &last) = (seen.gradients.first()?, seen.gradients.last()?);
    let paths = format!("hidden1.weight and {}.weight", layer(settings.depth as usize, settings));
    Some((first / last, paths, format!("{} against {}", figure(first, 2), figure(last, 2))))
}

fn gradients(settings: &Settings, seen: &Seen, explained: bool) -> Option<(&'static str, String)> {
    let (ratio, paths, norms) = ends(settings, seen)?;
    // Behind units that are dead or alike no gradient arrives; that was said already.
    if ratio < 1.0 / FACTOR && !explained {
        return Some(("vanishing", words::vanishing(&paths, &norms)));
    }
    if ratio.is_finite() && ratio > FACTOR {
        return Some((
            "exploding",
            words::exploding(&format!("between {paths} their norms are {norms}")),
        ));
    }
    let pairs = seen.gradients.iter().zip(&seen.weights);
    let l =
        pairs.clone().position(|(gradient, weight)| *gradient > HUGE * weight && *weight > 0.0)?;
    let (gradient, weight) = (figure(seen.gradients[l], 2), figure(seen.weights[l], 2));
    let path = format!("{}.weight", layer(l, settings));
    Some((
        "exploding",
        words::exploding(&format!("that of {path} has norm {gradient}, {path} itself {weight}")),
    ))
}

/// That the loss rises.
fn risen(settings: &Settings, seen: &Seen) -> Option<String> {
    let mut first: Vec<f64> = seen.first.iter().take(3).copied().collect();
    first.sort_by(f64::total_cmp);
    let first = *first.get(1)?;
    let late = seen.last.iter().rev().take(10);
    let least = late.clone().copied().fold(f64::INFINITY, f64::min);
    let recent = seen.last.iter().sum::<f64>() / seen.last.len() as f64;
    let high = RISEN * first.max(f64::MIN_POSITIVE);
    let soon = seen.last.iter().rev().take(3).copied().fold(f64::INFINITY, f64::min);
    let is_risen =
        (late.len() == 10 && least > high) || (seen.step > 3 && soon > high.max(HOPELESS));
    is_risen.then(|| {
        let rises = format!("rises: it was {first:.3} at first and is about {recent:.3}");
        words::rate_too_high(&rises, seen.step.into(), settings.rate)
    })
}

/// That neither the loss nor the weights move.
fn slow(settings: &Settings, seen: &Seen) -> Option<String> {
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (early, late) = (mean(&seen.first), mean(&seen.last));
    let median = moved(seen)?;
    let is_slow = seen.step >= PATIENCE && (early - late).abs() < FLAT * early && median < IDLE;
    is_slow.then(|| {
        let flat =
            format!("{early:.4} in the first {WINDOW} steps, {late:.4} in the last {WINDOW}");
        words::rate_too_low(&flat, median, settings.rate)
    })
}

/// How much a step moves the weights of a middling layer, as a part of them.
fn moved(seen: &Seen) -> Option<f64> {
    let mut ratios = seen.ratios();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied()
}

/// By what power of ten a rate must grow for steps to move weights by a thousandth.
fn faster(seen: &Seen) -> f64 {
    let lacks = 1e-3 / moved(seen).unwrap_or(1e-4).max(1e-8);
    10f64.powi(lacks.log10().ceil().clamp(1.0, 5.0) as i32)
}

/// That all is well.
fn fine(settings: &Settings, seen: &Seen) -> String {
    let Some((_, paths, norms)) = ends(settings, seen) else { return String::new() };
    let most = seen.ratios().into_iter().fold(0.0, f64::max);
    let least = seen.ratios().into_iter().fold(f64::INFINITY, f64::min);
    format!(
        "nothing ails this run so far: between {paths} the gradients' norms are {norms}, and a step moves each layer's weights by {} \
         to {} of their size.",
        figure(least, 1),
        figure(most, 1)
    )
}

/// What may help, the likeliest first: of the changes that are known for an ailment, those that change something.
fn cures(ailment: &str, settings: &Settings, seen: &Seen) -> Vec<FlowCure> {
    let function = settings.function();
    let fitting = format!("init={}", function.fitting());
    let rate = |times: f64| format!("rate={}", figure(settings.rate * times, 3));
    let start = (!starts_well(settings)).then_some(fitting);
    let relu = function.level.is_some().then(|| "activation=relu&init=he".to_owned());
    let (norm, residual) = ("norm=on".to_owned(), "residual=on".to_owned());
    let all: Vec<String> = match ailment {
        "vanishing" if settings.init == "n01" => {
            [start, relu].into_iter().flatten().chain([norm, residual]).collect()
        }
        "vanishing" => relu.into_iter().chain([norm, residual]).chain(start).collect(),
        "exploding" => start.into_iter().chain([norm, "clip=1".to_owned()]).collect(),
        "dead-units" => vec![rate(0.1), "activation=leaky".into(), norm],
        "saturated" if starts_well(settings) => [rate(0.1), norm].into_iter().chain(relu).collect(),
        "saturated" => start.into_iter().chain([norm]).chain(relu).collect(),
        "symmetric" => start.into_iter().collect(),
        "rate-too-high" => vec![rate(0.1), "clip=1".into()],
        "rate-too-low" => vec![rate(faster(seen)), "optimizer=adam&rate=0.001".into()],
        _ => vec![],
    };
    let all = all.into_iter().filter_map(|change| {
        let next = settings.changed(&change).ok()?;
        let label = in_words(&settings.difference(&next));
        (next != *settings).then_some(FlowCure { label, change })
    });
    all.take(3).collect()
}

/// How a run differs from the first, in words.
pub(super) fn label(first: &Settings, other: &Settings) -> String {
    match first.difference(other).as_str() {
        "" => format!("{}, {}", display(&first.activation), display(&first.init)),
        change => format!("with {}", in_words(change)),
    }
}

/// The part of each hidden layer's units that do nothing: dead, or at a level.
pub(super) fn idle(settings: &Settings, seen: &Seen) -> Vec<f64> {
    if settings.function().level.is_some() || (seen.step as usize) < LATELY {
        return seen.levelled.clone();
    }
    seen.dead(settings.width).into_iter().map(|n| n as f64 / f64::from(settings.width)).collect()
}
