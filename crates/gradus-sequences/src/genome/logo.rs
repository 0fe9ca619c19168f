//! Motifs that filters look for, as logos: at each place a stack of letters, as high as it is informative.   Schneider and Stephens 1990, Nucleic Acids
//! Research 18, 6097

use std::fmt::Write;

/// What a filter looks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Motif {
    /// Which filter.
    pub filter: usize,
    /// What is told above it: the class it speaks for, where it is met.
    pub title: String,
    /// How often A, C, G and T are at each place of the windows that excite it.
    pub shares: Vec<[f64; 4]>,
}

impl Motif {
    /// The information at each place, in bits: 2 − the entropy of the letters there.
    ///
    /// ```
    /// use gradus_sequences::genome::Motif;
    /// let motif = Motif { filter: 0, title: String::new(), shares: vec![[0.0, 0.0, 1.0, 0.0], [0.25; 4]] };
    /// assert_eq!(motif.bits(), [2.0, 0.0]);
    /// assert_eq!(motif.consensus(), "Gn");
    /// ```
    pub fn bits(&self) -> Vec<f64> {
        let entropy = |shares: &[f64; 4]| -> f64 {
            shares.iter().filter(|&&p| p > 0.0).map(|&p| -p * p.log2()).sum()
        };
        self.shares.iter().map(|shares| (2.0 - entropy(shares)).max(0.0)).collect()
    }

    /// The letters in a line: large where one is clearly the most frequent, small where it is so by half a bit, n where nothing is told.
    pub fn consensus(&self) -> String {
        let letter = |(shares, bits): (&[f64; 4], f64)| {
            let best = (0..4).rev().max_by(|&a, &b| shares[a].total_cmp(&shares[b])).unwrap_or(0);
            match bits {
                bits if bits >= 1.0 => char::from(BASES[best].0),
                bits if bits >= 0.4 => char::from(BASES[best].0.to_ascii_lowercase()),
                _ => 'n',
            }
        };
        self.shares.iter().zip(self.bits()).map(letter).collect()
    }
}

/// The letters, their colours as everybody draws them, and how wide each is in ems.
const BASES: [(u8, &str, f64); 4] = [
    (b'A', "#2a9d3a", 0.72),
    (b'C', "#2563c9", 0.72),
    (b'G', "#e6a100", 0.78),
    (b'T', "#cf2a2a", 0.61),
];
/// How high a capital is, in ems.
const CAPITAL: f64 = 0.72;
/// The room of a letter, and how high two bits are.
const WIDE: f64 = 22.0;
const HIGH: f64 = 74.0;
/// Logos side by side.
const COLUMNS: usize = 3;

/// All motifs on one page.
pub fn draw(title: &str, motifs: &[Motif]) -> String {
    let places = motifs.iter().map(|motif| motif.shares.len()).max().unwrap_or(1) as f64;
    let (across, down) = (places * WIDE + 46.0, HIGH + 62.0);
    let rows = motifs.len().div_ceil(COLUMNS).max(1);
    let columns = motifs.len().clamp(1, COLUMNS);
    let (width, height) = (columns as f64 * across + 10.0, rows as f64 * down + 34.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" font-family=\"Helvetica,Arial,sans-serif\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"12\" y=\"22\" font-size=\"15\" fill=\"#222\">{}</text>\n",
        escaped(title)
    );
    for (at, motif) in motifs.iter().enumerate() {
        let (left, top) =
            ((at % COLUMNS) as f64 * across + 34.0, (at / COLUMNS) as f64 * down + 54.0);
        let _ = writeln!(
            svg,
            "<text x=\"{left:.1}\" y=\"{:.1}\" font-size=\"11\" fill=\"#444\">{}</text>",
            top - 8.0,
            escaped(&motif.title)
        );
        axis(&mut svg, left, top, motif.shares.len());
        for (place, (shares, bits)) in motif.shares.iter().zip(motif.bits()).enumerate() {
            stack(&mut svg, left + place as f64 * WIDE, top + HIGH, shares, bits);
        }
    }
    svg + "</svg>\n"
}

/// The line below a logo with its places, and bits beside it.
fn axis(svg: &mut String, left: f64, top: f64, places: usize) {
    let right = left + places as f64 * WIDE;
    let bottom = top + HIGH;
    let _ = writeln!(
        svg,
        "<path d=\"M{left:.1} {top:.1}V{bottom:.1}H{right:.1}\" fill=\"none\" stroke=\"#999\"/>"
    );
    for (bits, y) in [(2, top), (1, top + HIGH / 2.0), (0, bottom)] {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"9\" fill=\"#777\" text-anchor=\"end\">{bits}</text>",
            left - 5.0,
            y + 3.0
        );
    }
    for place in 0..places {
        let x = left + (place as f64 + 0.5) * WIDE;
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" font-size=\"8\" fill=\"#999\" text-anchor=\"middle\">{}</text>",
            bottom + 11.0,
            place + 1
        );
    }
}

/// Letters above each other, the most frequent on top.
fn stack(svg: &mut String, left: f64, bottom: f64, shares: &[f64; 4], bits: f64) {
    let mut order = [0, 1, 2, 3];
    order.sort_by(|&a, &b| shares[a].total_cmp(&shares[b]));
    let mut y = bottom;
    for base in order {
        let height = shares[base] * bits / 2.0 * HIGH;
        if height < 0.6 {
            continue;
        }
        let (letter, colour, em) = BASES[base];
        // A letter of 10 pixels, stretched to its box.
        let (across, up) = ((WIDE - 2.0) / (10.0 * em), height / (10.0 * CAPITAL));
        let _ = writeln!(
            svg,
            "<text transform=\"translate({:.2} {y:.2}) scale({across:.3} {up:.3})\" font-size=\"10\" font-weight=\"bold\" fill=\"{colour}\">{}</text>",
            left + 1.0,
            char::from(letter)
        );
        y -= height;
    }
}

fn escaped(text: &str) -> String {
    crate::language::cells::escaped(text)
}
