//! What the chain makes of a picture: maps from kernel to kernel, as bytes for the eye, and how one pixel is computed.

use super::messages::{Colour, Image, Photo, Shown, Stage, Sum, Term};
use super::stage::chained;
use gradus::data::kernels::{Border, Map, byte, grey};
use gradus_base::words::figure;

/// The picture as it goes into the first kernel.
pub(super) fn map_of(photo: &Photo, is_grey: bool) -> Map {
    let (width, height) = (photo.width as usize, photo.height as usize);
    let (pixels, _) = photo.rgb.as_chunks::<3>();
    let mut values = Vec::with_capacity(if is_grey { 1 } else { 3 } * pixels.len());
    match is_grey {
        true => values.extend(pixels.iter().map(|&pixel| f64::from(grey(pixel)))),
        false => {
            (0..3).for_each(|c| values.extend(pixels.iter().map(|pixel| f64::from(pixel[c]))));
        }
    }
    Map { width, height, values }
}

/// The picture and what each kernel makes of it.
pub(super) fn maps(photo: &Photo, colour: Colour, stages: &[Stage], exact: bool) -> Vec<Map> {
    let mut maps = vec![map_of(photo, colour == Colour::Grey)];
    for (i, stage) in stages.iter().enumerate() {
        let mut next = stage.laid().sums(&maps[i], &stage.weights());
        if !exact && i + 1 < stages.len() {
            next.values.iter_mut().for_each(|value| *value = f64::from(byte(*value)));
        }
        maps.push(next);
    }
    maps
}

/// A sum as it is drawn.
fn drawn(value: f64, shown: Shown) -> u8 {
    byte(match shown {
        Shown::Cut => value,
        Shown::Absolute => value.abs(),
        Shown::Middle => 128.0 + value / 2.0,
    })
}

/// A map as it is drawn.
pub(super) fn image(map: &Map, shown: Shown) -> Image {
    Image {
        width: map.width as u32,
        height: map.height as u32,
        channels: map.channels() as u32,
        bytes: map.values.iter().map(|&value| drawn(value, shown)).collect(),
    }
}

/// Refuses a chain that leaves nothing of the picture.
pub(super) fn check(photo: &Photo, stages: &[Stage]) -> Result<(), String> {
    let mut size = [photo.width, photo.height].map(|len| len as usize);
    for (i, stage) in stages.iter().enumerate() {
        let next = size.map(|len| stage.laid().windows(len, stage.size as usize));
        if next.contains(&0) {
            let reach = stage.laid().reach(stage.size as usize);
            return Err(format!(
                "kernel {} reaches over {reach} pixels, and {}×{} are left: no window fits",
                i + 1,
                size[0],
                size[1]
            ));
        }
        size = next;
    }
    Ok(())
}

/// The one kernel of the whole chain, and what is to say of it.
pub(super) fn equal(stages: &[Stage], exact: bool) -> (Option<Stage>, String) {
    let (Some((first, rest)), false) = (stages.split_first(), stages.len() < 2) else {
        return (None, String::new());
    };
    if !exact {
        return (None, "Bytes go from kernel to kernel: what is cut off there makes the chain no sum any more, and no one kernel does the same.".into());
    }
    let one = rest.iter().try_fold(first.clone(), |all, next| chained(&all, next));
    let about = match &one {
        None => "One kernel could do the same, but it would be too large to be shown.".into(),
        Some(one) => {
            let (size, stride) = (one.size, one.stride);
            let step = if stride > 1 { format!(", {stride} pixels apart") } else { String::new() };
            let products: u32 = stages.iter().map(|stage| stage.size * stage.size).sum();
            format!(
                "All are sums, so one kernel of {size}×{size}{step} does what the chain does, except near the border: {} products in place of {products}.",
                size * size
            )
        }
    };
    (one, about)
}

/// How a pixel is computed; `at` is the column and the row of a pixel after the kernel, or before it.
pub(super) fn look(
    stage: (usize, &Stage),
    before: &Map,
    after: &Map,
    at: (bool, u32, u32),
    shown: Shown,
) -> Result<Sum, String> {
    let ((index, stage), (is_after, x, y)) = (stage, at);
    let (laid, size) = (stage.laid(), stage.size as usize);
    let map = if is_after { after } else { before };
    let (x, y) = (x as usize, y as usize);
    if x >= map.width || y >= map.height {
        return Err(format!("the pixel ({x}, {y}) of a picture of {}×{}", map.width, map.height));
    }
    // A pixel before the kernel stands for the window that it is in the middle of, or the nearest one.
    let middle = (laid.reach(size) - 1) / 2;
    let window = |at: usize, windows: usize| {
        let begin = (at + laid.around(size).0).saturating_sub(middle);
        if is_after { at } else { (begin / laid.stride).min(windows - 1) }
    };
    let (x, y) = (window(x, after.width), window(y, after.height));
    let is_black = laid.border == Border::Black
        && !(laid.is_inside(x, before.width, size) && laid.is_inside(y, before.height, size));
    let (mut terms, weights) = (vec![], stage.weights());
    for channel in 0..before.channels() {
        let slice = if stage.slices() > 1 { channel } else { 0 };
        for (i, j) in (0..size).flat_map(|i| (0..size).map(move |j| (i, j))) {
            let (row, column) = (laid.place(y, i, size), laid.place(x, j, size));
            let source = laid
                .border
                .source(row, before.height)
                .zip(laid.border.source(column, before.width));
            let pixel = match source {
                Some((row, column)) => Some(before.at(channel, row, column)),
                None if laid.border == Border::Black => None,
                None => Some(0.0),
            };
            terms.push(Term {
                x: column as i32,
                y: row as i32,
                pixel,
                weight: weights.at(slice, i, j),
            });
        }
    }
    let values: Vec<f64> = (0..after.channels()).map(|channel| after.at(channel, y, x)).collect();
    let bytes = values.iter().map(|&value| drawn(value, shown)).collect();
    let words = match is_black {
        true => {
            "Some pixels of this window are not there, so the sum is not known: it is drawn black."
                .into()
        }
        false => told(&terms, &values, stage),
    };
    let sums = if is_black { vec![] } else { values };
    Ok(Sum { stage: index as u32, x: x as u32, y: y as u32, terms, sums, bytes, words })
}

fn told(terms: &[Term], sums: &[f64], stage: &Stage) -> String {
    let count = stage.values.len();
    let sum = sums.iter().map(|sum| figure(*sum, 5)).collect::<Vec<_>>().join(", ");
    let pixels = terms.iter().filter_map(|term| term.pixel);
    let (low, high) =
        pixels.fold((f64::MAX, f64::MIN), |(low, high), pixel| (low.min(pixel), high.max(pixel)));
    let area = match high - low {
        spread if spread <= 12.0 => "in an even area",
        spread if spread <= 60.0 => "in a gentle change",
        _ => "on an edge",
    };
    let cut = match sums {
        [sum] if *sum < 0.0 => " It is below 0.",
        [sum] if *sum > 255.0 => " It is above 255, the brightest.",
        _ => "",
    };
    format!("{count} products add up to {sum} here, {area}.{cut}")
}
