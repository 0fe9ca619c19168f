//! The sizes that pictures in files have, which `data show` tells and a run remarks on.

use gradus::data::{Dataset, image_info, read_file};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// So many pictures are looked at for their sizes.
const LOOKED_AT: usize = 500;
/// The side at which pictures of several sizes are shown.
const PREVIEW: usize = 64;

/// What pictures in files are.
pub struct Found {
    /// How many have each height and width.
    sizes: BTreeMap<(usize, usize), usize>,
    grey: usize,
    looked_at: usize,
    all: usize,
}

impl Found {
    /// Looks at the pictures of data that lie in files, if they do: at most some hundred, spread over all. One that cannot be read is
    /// passed over.
    pub fn of(parts: &[&dyn Dataset]) -> Option<Found> {
        let files = parts.iter().flat_map(|part| (0..part.len()).filter_map(|i| part.file(i)));
        let mut files: Vec<&Path> = files.collect();
        // The same ones are looked at, however they are divided and shown.
        files.sort();
        files.dedup();
        if files.is_empty() {
            return None;
        }
        let some = files.len().min(LOOKED_AT);
        let mut found = Found { sizes: BTreeMap::new(), grey: 0, looked_at: 0, all: files.len() };
        for k in 0..some {
            let path = files[k * files.len() / some];
            // What cannot be read is told apart from this.
            let read =
                read_file(path).and_then(|bytes| image_info(&bytes, &path.display().to_string()));
            let Ok(info) = read else { continue };
            found.looked_at += 1;
            *found.sizes.entry(info.size).or_insert(0) += 1;
            found.grey += usize::from(!info.is_coloured);
        }
        Some(found)
    }

    pub fn is_mixed(&self) -> bool {
        self.sizes.len() > 1
    }

    /// The shape of each, if they are all of one size.
    pub fn shape(&self) -> Vec<usize> {
        let (height, width) = self.commonest();
        vec![if self.grey == self.looked_at { 1 } else { 3 }, height, width]
    }

    /// The side at which they are shown, if not at their own.
    pub fn shown_at(&self) -> Option<usize> {
        let large = self.sizes.keys().any(|&(height, width)| height.max(width) > 2 * PREVIEW);
        (self.is_mixed() || large).then_some(PREVIEW)
    }

    fn commonest(&self) -> (usize, usize) {
        self.sizes.iter().max_by_key(|(_, n)| **n).map_or((0, 0), |(size, _)| *size)
    }

    /// `20×30 to 480×640 pixels (height×width), most often 240×320 (12 of 20)`
    pub fn sizes(&self) -> String {
        let area = |size: &&(usize, usize)| size.0 * size.1;
        let text = |(height, width): (usize, usize)| format!("{height}×{width}");
        let common = self.commonest();
        let least = self.sizes.keys().min_by_key(area).copied().unwrap_or(common);
        let most = self.sizes.keys().max_by_key(area).copied().unwrap_or(common);
        match self.is_mixed() {
            false => format!("{} pixels (height×width)", text(common)),
            true => format!(
                "{} to {} pixels (height×width), most often {} ({} of {})",
                text(least),
                text(most),
                text(common),
                self.sizes[&common],
                self.looked_at
            ),
        }
    }

    /// `pictures of 20×30 to 480×640 pixels (height×width), most often 240×320 (12 of 20), 3 stored in grey and 17 in colours`
    pub fn text(&self) -> String {
        let colours = match self.grey {
            0 => "stored in colours".to_owned(),
            n if n == self.looked_at => "stored in grey".to_owned(),
            n => format!("{n} stored in grey and {} in colours", self.looked_at - n),
        };
        let some = match self.looked_at < self.all {
            true => format!(" (of {} that were looked at)", self.looked_at),
            false => String::new(),
        };
        format!("pictures of {}, {colours}{some}", self.sizes())
    }

    /// For `--json`.
    pub fn record(&self) -> Value {
        let size = |(&(height, width), n): (&(usize, usize), &usize)| json!({ "height": height, "width": width, "pictures": n });
        let sizes: Vec<Value> = self.sizes.iter().map(size).collect();
        json!({ "looked_at": self.looked_at, "grey": self.grey, "sizes": sizes })
    }
}
