//! Texts that are dates: they are no names of anything, and no number is made of them.

/// Whether a text is a day, as `2024-08-15`, `15.08.2024` or `8/15/2024`, perhaps with a time behind it.
pub(super) fn is_date(text: &str) -> bool {
    let day = text.split(['T', ' ']).next().unwrap_or_default();
    let Some(between) = day.chars().find(|c| "-./".contains(*c)) else { return false };
    let parts: Vec<&str> = day.split(between).collect();
    let number = |part: &str, digits: std::ops::RangeInclusive<usize>| {
        let are_digits = digits.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        part.parse::<u32>().ok().filter(|_| are_digits)
    };
    let (year, month, day) = match parts[..] {
        [year, month, day] if year.len() == 4 => (year, month, day),
        // In America the month comes first.
        [day, month, year] if number(month, 1..=2).is_some_and(|n| n <= 12) => (year, month, day),
        [month, day, year] => (year, month, day),
        _ => return false,
    };
    let is_in =
        |part: &str, most: u32| number(part, 1..=2).is_some_and(|n| (1..=most).contains(&n));
    number(year, 4..=4).is_some() && is_in(month, 12) && is_in(day, 31)
}

#[cfg(test)]
mod tests {
    use super::is_date;

    #[test]
    fn days_in_any_order() {
        for text in ["2024-08-15", "15.08.2024", "08/15/2024", "1/5/2024", "2024-08-15T09:30"] {
            assert!(is_date(text), "{text}");
        }
        for text in ["2024-08", "10.0.0.1", "1.2.3", "2024-13-15", "15.08.24x", "555-1234", "", "a"]
        {
            assert!(!is_date(text), "{text}");
        }
    }
}
