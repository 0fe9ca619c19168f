//! Bars, tables and numbers for terminals.

pub use gradus_base::words::{figure, grouped};

/// A bar of at most `width` cells for a share from 0 to 1, in eighths of a cell.
pub fn bar(share: f64, width: usize) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = (share.clamp(0.0, 1.0) * width as f64 * 8.0).round() as usize;
    let mut text = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        text.push(EIGHTHS[eighths % 8]);
    }
    text
}

/// `1 epoch`, `12 epochs`.
pub fn counted(n: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// Seconds as `4 s`, `3 min 20 s` or `2 h 5 min`.
pub fn duration(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        _ => format!("{} h {} min", s / 3600, s % 3600 / 60),
    }
}

/// Bytes with a binary prefix.
pub fn bytes(n: u64) -> String {
    match n {
        n if n >= 10 << 30 => format!("{:.1} GiB", n as f64 / (1u64 << 30) as f64),
        n if n >= 1 << 20 => format!("{:.1} MiB", n as f64 / (1u64 << 20) as f64),
        n if n >= 1 << 10 => format!("{:.1} KiB", n as f64 / 1024.0),
        n => format!("{n} B"),
    }
}

/// A loss or a score to four places, `0.9790`; a huge one to six digits.
pub fn four_places(x: f64) -> String {
    if x.abs() < 1e6 { format!("{x:.4}") } else { figure(x, 6) }
}

/// At most `width` characters of a text, the last an ellipsis if some are missing; control characters are shown as escapes.
pub fn shortened(text: &str, width: usize) -> String {
    let text = &*gradus::io::visible(text);
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_grow_by_eighths() {
        assert_eq!(bar(0.0, 4), "");
        assert_eq!(bar(0.5, 3), "█▌");
        assert_eq!(bar(2.0, 2), "██");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(101_770), "101,770");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(7), "7");
        let figures =
            [0.0625, 231_000.4, -1.5e12, 1e-7, 0.0, -0.0, 99_999.96].map(|x| figure(x, 6));
        assert_eq!(figures, ["0.0625", "231000", "-1.5e12", "1e-7", "0", "0", "100000"]);
        assert_eq!(figure(f64::NAN, 6), "NaN");
        let places = [0.07, -1e30, 123_456.78, f64::NAN, f64::INFINITY].map(four_places);
        assert_eq!(places, ["0.0700", "-1e30", "123456.7800", "NaN", "inf"]);
        assert_eq!(duration(3725.0), "1 h 2 min");
        assert_eq!(bytes(1536), "1.5 KiB");
    }
}
