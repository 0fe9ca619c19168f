//! Showing: a plan as a table one can read.

use super::made::Plan;
use super::step::PlanStep;
use std::fmt;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "plan: {} steps, {} FLOP, {} moved, arena {}",
            self.steps.len() - self.prologue,
            Count(self.flops()),
            Bytes(self.bytes()),
            Bytes(self.arena_bytes() as u64)
        )?;
        if self.prologue > 0 {
            let kept = Bytes(self.kept_bytes() as u64);
            let steps = if self.prologue == 1 { "step runs" } else { "steps run" };
            write!(f, "; {} {steps} once, {kept} kept", self.prologue)?;
        }
        writeln!(f)?;
        let mut rows: Vec<[String; 6]> = vec![];
        list(&self.steps, "", &mut rows);
        let width = |column: usize, least: usize| {
            let widths = rows.iter().map(|row| row[column].chars().count());
            widths.max().unwrap_or(0).max(least)
        };
        let [step, output, flops, bytes, layer] =
            [width(5, 4), width(1, 6), width(2, 4), width(3, 5), width(4, 5)];
        // Of long names the op's end is left out, so that a line fits into a terminal.
        let rest = step + 1 + 2 + output + 2 + flops + 1 + bytes + 2 + layer;
        let op = width(0, 2).min(LINE.saturating_sub(rest).max(SHORTEST));
        let mut line = |row: [&str; 6]| {
            let name = match row[0].chars().count() > op {
                true => row[0].chars().take(op - 1).chain(['…']).collect(),
                false => row[0].to_owned(),
            };
            let line = format!(
                "{:>step$} {name:<op$}  {:<output$}  {:>flops$} {:>bytes$}  {}",
                row[5], row[1], row[2], row[3], row[4]
            );
            writeln!(f, "{}", line.trim_end())
        };
        line(["op", "output", "FLOP", "bytes", "layer", "step"])?;
        rows.iter().try_for_each(|row| line(row.each_ref().map(|t| &**t)))
    }
}

/// A row for each step, and below it, set in, for those that it runs.
fn list(steps: &[PlanStep], within: &str, rows: &mut Vec<[String; 6]>) {
    for (i, s) in steps.iter().enumerate() {
        let (flops, bytes) = (Count(s.flops).to_string(), Bytes(s.bytes).to_string());
        let indent = "  ".repeat(within.matches('.').count());
        let title = format!("{indent}{}", s.title());
        let number = format!("{within}{i}");
        rows.push([title, s.shape.to_string(), flops, bytes, s.layer(), number.clone()]);
        list(&s.body, &format!("{number}."), rows);
    }
}

/// Characters of a line of the table, if the op's name keeps as many as `SHORTEST`.
const LINE: usize = 100;
const SHORTEST: usize = 24;

/// A number with a decimal prefix.
struct Count(u64);
impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n >= 1_000_000_000 => write!(f, "{:.1} G", n as f64 / 1e9),
            n if n >= 1_000_000 => write!(f, "{:.1} M", n as f64 / 1e6),
            n if n >= 10_000 => write!(f, "{:.1} k", n as f64 / 1e3),
            n => write!(f, "{n}"),
        }
    }
}

/// A number of bytes with a binary prefix.
struct Bytes(u64);
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n >= 10 << 30 => write!(f, "{:.1} GiB", n as f64 / (1u64 << 30) as f64),
            n if n >= 1 << 20 => write!(f, "{:.1} MiB", n as f64 / (1u64 << 20) as f64),
            n if n >= 10 << 10 => write!(f, "{:.1} KiB", n as f64 / 1024.0),
            n => write!(f, "{n} B"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_prefixes() {
        let counts = [9_999, 10_000, 1_500_000, 2_500_000_000].map(|n| Count(n).to_string());
        assert_eq!(counts, ["9999", "10.0 k", "1.5 M", "2.5 G"]);
        let bytes = [4096, 20 << 10, 3 << 19, 2000 << 20].map(|n| Bytes(n).to_string());
        assert_eq!(bytes, ["4096 B", "20.0 KiB", "1.5 MiB", "2000.0 MiB"]);
    }
}
