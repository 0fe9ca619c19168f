//! Why weights do not fit a network: what is missing in the file, what is left over, what has another shape; each array by its
//! name, in ten lines at most.

use super::layout::Fit;
use super::{Match, OurLayer, TheirLayer, names};
use gradus_io::NamedArray;
use std::collections::HashSet;

/// Lines below the first.
const LINES: usize = 9;
/// Layers are not aligned if there are more pairs of them.
const PAIRS: usize = 100_000;

/// The message. `pairs` has the file's layer for each of ours, as far as their names told.
pub(super) fn describe(m: &Match<'_>, mut pairs: Vec<Option<usize>>, partial: bool) -> String {
    if !partial {
        align(m, &mut pairs);
    }
    let used: HashSet<usize> = pairs.iter().flatten().copied().collect();
    let mut found = Found::default();
    for (our, pair) in pairs.iter().enumerate() {
        match *pair {
            Some(their) => found.compare(m, our, their),
            None if partial => {}
            None => found.missing.push(Missing::Layer(&m.ours[our])),
        }
    }
    // Layers that are too many matter only where others are too few, or where their places decide.
    if !partial {
        let kept = |&i: &usize| !used.contains(&i) && !names::is_auxiliary(&m.theirs[i].name);
        found.layers.extend((0..m.theirs.len()).filter(kept).map(|i| &m.theirs[i]));
    }
    found.message()
}

/// Pairs layers whose names told nothing by their order, such that most of their parts fit, and of those the closest names.
fn align(m: &Match<'_>, pairs: &mut [Option<usize>]) {
    let used: HashSet<usize> = pairs.iter().flatten().copied().collect();
    let ours: Vec<usize> = (0..pairs.len()).filter(|&i| pairs[i].is_none()).collect();
    let free = |&i: &usize| !used.contains(&i) && !names::is_auxiliary(&m.theirs[i].name);
    let theirs: Vec<usize> = (0..m.theirs.len()).filter(free).collect();
    if ours.len() * theirs.len() > PAIRS {
        return;
    }
    let worth: Vec<Vec<i64>> = ours
        .iter()
        .map(|&our| theirs.iter().map(|&their| worth(m, our, their)).collect())
        .collect();
    // best[i][j]: of our layers from i on and of theirs from j on.
    let mut best = vec![vec![0i64; theirs.len() + 1]; ours.len() + 1];
    for i in (0..ours.len()).rev() {
        for j in (0..theirs.len()).rev() {
            let both = best[i + 1][j + 1] + worth[i][j].max(0);
            best[i][j] = both.max(best[i + 1][j]).max(best[i][j + 1]);
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < ours.len() && j < theirs.len() {
        if worth[i][j] > 0 && best[i][j] == best[i + 1][j + 1] + worth[i][j] {
            pairs[ours[i]] = Some(theirs[j]);
            (i, j) = (i + 1, j + 1);
        } else if best[i][j] == best[i + 1][j] {
            i += 1;
        } else {
            j += 1;
        }
    }
}

/// How well a layer of the file fits one of ours.
fn worth(m: &Match<'_>, our: usize, their: usize) -> i64 {
    let layer = &m.ours[our];
    let of_part = |(fit, part): (&Fit<'_>, &(_, _, Vec<usize>))| match fit.shape() {
        Some(shape) if *shape == part.2[..] => 400,
        Some(shape) if shape.len() == part.2.len() => 100,
        _ => 0,
    };
    let parts: i64 = m.fit(our, their).iter().zip(&layer.parts).map(of_part).sum();
    // One part is right, or all are of another size only.
    match parts >= 400 || parts == 100 * layer.parts.len() as i64 {
        true => parts - distance(&layer.name, &m.theirs[their].name).min(90) as i64,
        false => 0,
    }
}

/// What does not fit.
#[derive(Default)]
struct Found<'a> {
    missing: Vec<Missing<'a>>,
    /// Layers of the file without a place, and arrays of layers that have one.
    layers: Vec<&'a TheirLayer>,
    arrays: Vec<(&'a TheirLayer, &'a NamedArray)>,
    different: Vec<String>,
}

/// What the file lacks.
enum Missing<'a> {
    Layer(&'a OurLayer),
    /// A part's name and shape, and the layer of the file that has the others.
    Part(String, &'a [usize], &'a TheirLayer),
}

impl<'a> Found<'a> {
    fn compare(&mut self, m: &Match<'a>, our: usize, their: usize) {
        let (ours, theirs) = (&m.ours[our], &m.theirs[their]);
        let fits = m.fit(our, their);
        for (fit, (part, _, shape)) in fits.iter().zip(&ours.parts) {
            let name = format!("{}.{part}", ours.name);
            match fit {
                Fit::Missing => self.missing.push(Missing::Part(name, shape, theirs)),
                Fit::There(array, _) if fit.shape() != Some(&shape[..]) => {
                    let file = full(theirs, array);
                    let turned = fit.shape().filter(|turned| **turned != *array.shape);
                    let how = turned.map_or(String::new(), |shape| format!(", turned {shape:?}"));
                    let found = format!("the file's `{file}` is {:?}{how}", array.shape);
                    self.different.push(format!("{name}: {found}, the network's {shape:?}"));
                }
                Fit::There(..) => {}
            }
        }
        let is_used = |array: &NamedArray| {
            fits.iter().any(|f| matches!(f, Fit::There(a, _) if std::ptr::eq(*a, array)))
        };
        let unused = theirs.parts.iter().filter(|array| !is_used(array));
        self.arrays.extend(unused.map(|array| (theirs, array)));
    }

    fn message(&self) -> String {
        let missing: Vec<String> = self.missing.iter().map(|m| self.missing_line(m)).collect();
        let arrays =
            self.arrays.iter().map(|(layer, a)| format!("{} {:?}", full(layer, a), a.shape));
        let layers = self.layers.iter().map(|layer| {
            let parts = layer.parts.iter().map(|a| format!("{} {:?}", a.name, a.shape));
            let parts = parts.collect::<Vec<_>>().join(", ");
            if layer.name.is_empty() { parts } else { format!("{}: {parts}", layer.name) }
        });
        let left: Vec<String> = arrays.chain(layers).collect();
        let sections = [
            ("missing in the file", missing),
            ("without a place in the network", left),
            ("different", self.different.clone()),
        ];
        let sections: Vec<_> = sections.iter().filter(|(_, lines)| !lines.is_empty()).collect();
        let mut text = "the weights are not this network's".to_owned();
        for ((title, lines), shown) in sections.iter().zip(shares(&sections)) {
            let first =
                if shown < lines.len() { format!(", the first {shown}") } else { String::new() };
            text += &format!("\n  {title} ({}{first}):", lines.len());
            lines[..shown].iter().for_each(|line| text += &format!("\n    {line}"));
        }
        text
    }

    fn missing_line(&self, missing: &Missing<'_>) -> String {
        match missing {
            Missing::Layer(layer) => {
                let parts = layer.parts.iter().map(|(part, _, shape)| format!("{part} {shape:?}"));
                let line = format!("{}: {}", layer.name, parts.collect::<Vec<_>>().join(", "));
                let named = self.layers.iter().filter(|l| !l.name.is_empty());
                let near = named.map(|l| (distance(&layer.name, &l.name), &l.name));
                match near.min().filter(|(d, _)| *d <= layer.name.len().div_ceil(2)) {
                    Some((_, other)) => format!("{line} (closest in the file: `{other}`)"),
                    None => line,
                }
            }
            Missing::Part(name, shape, layer) => match self.closest(name, shape) {
                Some(other) => format!("{name} {shape:?} (closest in the file: `{other}`)"),
                None => {
                    let parts: Vec<&str> = layer.parts.iter().map(|a| &*a.name).collect();
                    let has = parts.join(", ");
                    match &*layer.name {
                        "" => format!("{name} {shape:?} (the file has only {has})"),
                        their => format!("{name} {shape:?} (the file's `{their}` has only {has})"),
                    }
                }
            },
        }
    }

    /// The array that is left over and perhaps meant: of as many numbers, with the closest name.
    fn closest(&self, name: &str, shape: &[usize]) -> Option<String> {
        let of_layers = self.layers.iter().flat_map(|l| l.parts.iter().map(move |a| (*l, a)));
        let all = self.arrays.iter().copied().chain(of_layers);
        let size = |shape: &[usize]| shape.iter().product::<usize>();
        let same =
            all.filter(|(_, a)| a.shape.len() == shape.len() && size(&a.shape) == size(shape));
        let names = same.map(|(layer, a)| full(layer, a));
        names.min_by_key(|other| distance(name, other))
    }
}

/// How many lines of each section there is room for: one of each in turn, so that short sections leave room to long ones.
fn shares(sections: &[&(&str, Vec<String>)]) -> Vec<usize> {
    let mut shown = vec![0; sections.len()];
    let mut room = LINES.saturating_sub(sections.len());
    while room > 0 && shown.iter().zip(sections).any(|(n, (_, lines))| *n < lines.len()) {
        for (n, (_, lines)) in shown.iter_mut().zip(sections) {
            let more = usize::from(room > 0 && *n < lines.len());
            (*n, room) = (*n + more, room - more);
        }
    }
    shown
}

/// An array's name in the file.
fn full(layer: &TheirLayer, array: &NamedArray) -> String {
    match &*layer.name {
        "" => array.name.clone(),
        layer => format!("{layer}.{}", array.name),
    }
}

/// Insertions, deletions and replacements that make one name of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(100).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(100).enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (corner + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[b.len()]
}
