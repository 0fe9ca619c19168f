//! Where the time of a compiled step goes: a table of its slowest parts, and a trace for a browser's trace viewer.

use super::train::Planned;
use crate::bars::shortened;
use gradus::{PlanStep, Result};
use gradus_base::Buffer;
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// Rows of the table.
const TOP: usize = 15;
/// Characters of a line, and what its numbers and gaps take of them.
const LINE: usize = 100;
const NUMBERS: usize = 9 + 1 + 5 + 1 + 8 + 1 + 6 + 2 + 2 + 2;

/// One part of a step.
struct Part {
    name: String,
    layer: String,
    shape: String,
    at: String,
    flops: u64,
    bytes: u64,
    seconds: f64,
}

/// The mean times of a step's parts, in the order they run.
pub struct Profile {
    parts: Vec<Part>,
}

impl Profile {
    /// Takes steps for about `seconds` after a warm-up.
    ///
    /// # Errors
    /// When a step fails.
    pub fn of(planned: &mut dyn Planned, seconds: f64) -> Result<Profile> {
        let (program, values) = planned.program()?;
        let inputs: Vec<&Buffer> = values.iter().map(|value| &**value).collect();
        let mut parts: Vec<Part> = program.plan().steps().iter().map(Part::new).collect();
        let mut times = vec![Duration::ZERO; parts.len()];
        (0..3).try_for_each(|_| program.run_timed(&inputs, &mut times).map(drop))?;
        times.fill(Duration::ZERO);
        let (start, mut runs) = (Instant::now(), 0u32);
        while runs == 0 || start.elapsed().as_secs_f64() < seconds {
            program.run_timed(&inputs, &mut times)?;
            runs += 1;
        }
        for (part, time) in parts.iter_mut().zip(times) {
            part.seconds = time.as_secs_f64() / f64::from(runs);
        }
        Ok(Profile { parts })
    }

    fn total(&self) -> f64 {
        self.parts.iter().map(|part| part.seconds).sum()
    }

    /// The slowest parts, and the layers' sums.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let total = self.total();
        let share = |seconds: f64| 100.0 * seconds / total;
        let mut slowest: Vec<&Part> = self.parts.iter().collect();
        slowest.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        let shown = &slowest[..TOP.min(slowest.len())];
        let width = |of: fn(&Part) -> &str, title: &str| {
            shown.iter().map(|p| of(p).chars().count()).fold(title.len(), usize::max)
        };
        let (layer, shape) = (width(|p| &p.layer, "layer"), width(|p| &p.shape, "output"));
        // Of long names the part's end is left out, so that a line fits into a terminal.
        let part =
            width(|p| &p.name, "part").min(LINE.saturating_sub(NUMBERS + layer + shape).max(24));
        let head = ["µs", "%", "GFLOP/s", "GB/s", "part", "layer"];
        let [us, percent, speed, rate, name, path] = head;
        let _ = writeln!(
            text,
            "{us:>9} {percent:>5} {speed:>8} {rate:>6}  {name:<part$}  {path:<layer$}  output"
        );
        for p in shown {
            let _ = writeln!(
                text,
                "{:9.2} {:5.1} {:8.2} {:6.2}  {:<part$}  {:<layer$}  {}",
                p.seconds * 1e6,
                share(p.seconds),
                p.flops as f64 / p.seconds / 1e9,
                p.bytes as f64 / p.seconds / 1e9,
                shortened(&p.name, part),
                p.layer,
                p.shape,
            );
        }
        let rest: f64 = slowest.iter().skip(TOP).map(|part| part.seconds).sum();
        if slowest.len() > TOP {
            let (count, us) = (slowest.len() - TOP, rest * 1e6);
            let _ = writeln!(text, "{us:9.2} {:5.1}  {count} more parts", share(rest));
        }
        let _ = writeln!(text, "{:9.2} 100.0  in all", total * 1e6);
        let _ = writeln!(text, "\n{us:>9} {percent:>5}  {path}");
        for (layer, seconds) in self.layers() {
            let name = if layer.is_empty() { "(none)" } else { layer };
            let _ = writeln!(text, "{:9.2} {:5.1}  {name}", seconds * 1e6, share(seconds));
        }
        text
    }

    /// The layers in the order they first run, with their parts' time.
    fn layers(&self) -> Vec<(&str, f64)> {
        let mut sums: Vec<(&str, f64)> = vec![];
        for part in &self.parts {
            match sums.iter_mut().find(|(layer, _)| *layer == part.layer) {
                Some((_, sum)) => *sum += part.seconds,
                None => sums.push((&part.layer, part.seconds)),
            }
        }
        sums
    }

    /// One step in the Trace Event Format, each part as long as on average.
    pub fn trace(&self, name: &str) -> Value {
        let mut start = 0.0;
        let event = |part: &Part| {
            let micros = part.seconds * 1e6;
            let args = json!({
                "layer": part.layer, "shape": part.shape, "flops": part.flops,
                "bytes": part.bytes, "built_at": part.at,
            });
            let event = json!({
                "name": part.name, "cat": "step", "ph": "X", "pid": 1, "tid": 1,
                "ts": start, "dur": micros, "args": args,
            });
            start += micros;
            event
        };
        let events: Vec<Value> = self.parts.iter().map(event).collect();
        json!({ "traceEvents": events, "displayTimeUnit": "ns", "otherData": { "case": name } })
    }
}

impl Part {
    fn new(step: &PlanStep) -> Part {
        let file = step.at.file().rsplit('/').next().unwrap_or_default();
        Part {
            name: step.title(),
            layer: step.layer(),
            shape: step.shape.to_string(),
            at: format!("{file}:{}", step.at.line()),
            flops: step.flops,
            bytes: step.bytes,
            seconds: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::cases;

    #[test]
    fn parts_follow_each_other() {
        let case = cases().into_iter().find(|case| case.name == "train_tiny").unwrap();
        let profile = Profile::of(&mut *case.planned().unwrap().unwrap(), 0.01).unwrap();
        let trace = profile.trace("train_tiny");
        let events = trace["traceEvents"].as_array().unwrap();
        let end = |e: &Value| e["ts"].as_f64().unwrap() + e["dur"].as_f64().unwrap();
        assert!(
            events.windows(2).all(|w| (end(&w[0]) - w[1]["ts"].as_f64().unwrap()).abs() < 1e-6)
        );
        let total: f64 = profile.layers().iter().map(|(_, seconds)| seconds).sum();
        assert!((total - profile.total()).abs() < 1e-9);
        let table = profile.table();
        assert!(table.contains("dense1"), "{table}");
        assert!(table.lines().all(|line| line.chars().count() <= LINE), "{table}");
        // Every row has its output under the heading.
        let mut lines = table.lines();
        let head = lines.next().unwrap();
        let at = head.chars().count() - "output".len();
        let rows: Vec<&str> = lines.take_while(|line| line.contains('[')).collect();
        assert!(rows.iter().all(|row| row.chars().nth(at) == Some('[')), "{table}");
        assert!(rows.len() > 3 && table.contains("\n       µs     %  layer\n"), "{table}");
    }
}
