//! How messages tell numbers and files: the same words everywhere.

use std::fs::FileType;

/// 12345678 as `12,345,678`.
///
/// ```
/// use gradus_base::words::grouped;
/// assert_eq!([7, 1_000, 101_770].map(grouped), ["7", "1,000", "101,770"]);
/// ```
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number to so many significant digits, in its shortest form: `0.0625`, `231000`, `1.5e12`.
///
/// ```
/// use gradus_base::words::figure;
/// assert_eq!([9.13, 0.0005, 231_000.4, 1e-7].map(|x| figure(x, 2)), ["9.1", "0.0005", "230000", "1e-7"]);
/// ```
pub fn figure(x: f64, digits: usize) -> String {
    if !x.is_finite() {
        return x.to_string();
    }
    let rounded: f64 =
        format!("{x:.*e}", digits.saturating_sub(1)).parse().expect("it was a number");
    match rounded.abs() {
        0.0 => "0".into(),
        size if (1e-4..1e9).contains(&size) => rounded.to_string(),
        _ => format!("{rounded:e}"),
    }
}

/// What lies at a path, if that is no regular file, which would be read without end, waited for or written through.
///
/// ```
/// let folder = std::fs::metadata(".").unwrap().file_type();
/// assert_eq!(gradus_base::words::kind_of(folder), "a folder");
/// ```
pub fn kind_of(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a named pipe";
        } else if kind.is_socket() {
            return "a socket";
        } else if kind.is_block_device() || kind.is_char_device() {
            return "a device";
        }
    }
    if kind.is_dir() {
        "a folder"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else {
        "no regular file"
    }
}
