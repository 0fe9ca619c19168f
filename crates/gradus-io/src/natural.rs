//! The order of names as people count: `layer2` comes before `layer10`.

use std::cmp::Ordering;

/// Compares names as people count: runs of digits by their numbers, all else letter by letter.
///
/// ```
/// use gradus_io::natural_order;
/// let mut names = ["block10.a", "block2.b", "block2.a", "block02.a", "block"];
/// names.sort_by(|a, b| natural_order(a, b));
/// assert_eq!(names, ["block", "block2.a", "block02.a", "block2.b", "block10.a"]);
/// ```
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    loop {
        let (Some(x), Some(y)) = (left.first(), right.first()) else {
            // Equal but for leading zeros: the plain order decides, so that names that differ are never equal.
            return left.len().cmp(&right.len()).then_with(|| a.len().cmp(&b.len()).then(a.cmp(b)));
        };
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (n, m) = (number(&mut left), number(&mut right));
            n.len().cmp(&m.len()).then(n.cmp(m))
        } else {
            (left, right) = (&left[1..], &right[1..]);
            x.cmp(y)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Takes the digits that a text starts with, without leading zeros: more of them are a larger number.
fn number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(len);
    *text = rest;
    &digits[digits.iter().take_while(|&&digit| digit == b'0').count()..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_total() {
        let names = ["", "0", "00", "1", "01", "a", "a0", "a00b", "a0b", "a10", "a9", "a9.b", "b"];
        for a in names {
            for b in names {
                assert_eq!(natural_order(a, b), natural_order(b, a).reverse(), "{a:?} {b:?}");
                assert_eq!(natural_order(a, b) == Ordering::Equal, a == b, "{a:?} {b:?}");
                for c in names {
                    let rises = natural_order(a, b).is_lt() && natural_order(b, c).is_lt();
                    assert!(!rises || natural_order(a, c).is_lt(), "{a:?} {b:?} {c:?}");
                }
            }
        }
        // A number of more digits than any type holds.
        assert!(natural_order(&"9".repeat(40), &format!("1{}", "0".repeat(40))).is_lt());
    }
}
