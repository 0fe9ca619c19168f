//! How much memory reading a file may take: packed data, shared data and nested data must not let a small file fill it.

/// Bytes that any file may unpack to.
const FREE: usize = 64 << 20;
/// Bytes that each byte of a file may become: f32 weights hardly shrink, and optimisers keep two more numbers of each.
const TIMES: usize = 4;

/// What a file may unpack to. Every reader of packed files takes one, so that 3 MB never become 6 GB.
///
/// ```
/// use gradus_io::Budget;
/// assert_eq!(Budget::default().bytes(1 << 20), (4 + 64) << 20);
/// // 1,000,000 f32 weights may come out of a file of any length.
/// assert_eq!(Budget::of_network(4_000_000).bytes(1_000), 16_000_000 + (64 << 20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The number of an archive's members.
    pub members: usize,
    /// Bytes of all that is unpacked; where nothing is said, four times the file's length and 64 MiB more.
    pub unpacked_bytes: Option<usize>,
    /// Bytes that a file may unpack to however short it is, where `unpacked_bytes` says nothing.
    pub at_least: usize,
}

impl Default for Budget {
    /// 65,535 members (what a plain zip holds), and what the file's length justifies.
    fn default() -> Budget {
        Budget { members: 65_535, unpacked_bytes: None, at_least: 0 }
    }
}

impl Budget {
    /// For the weights of a network of so many bytes: four times as many may be there, f64 or with an optimiser's state, and what the
    /// file's length justifies in any case.
    pub fn of_network(bytes: usize) -> Budget {
        let at_least = bytes.saturating_mul(TIMES).saturating_add(FREE);
        Budget { at_least, ..Budget::default() }
    }

    /// How many bytes a file of this length may unpack to.
    pub fn bytes(&self, file_len: usize) -> usize {
        let justified = file_len.saturating_mul(TIMES).saturating_add(FREE);
        self.unpacked_bytes.unwrap_or(justified.max(self.at_least))
    }
}
