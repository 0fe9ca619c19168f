//! Random numbers of a seed that is a text, as the original draws them: seedrandom's way from text to key, and the stream cipher RC4
//! of that key as numbers from 0 to 1. So the addresses of the original give its points and its first weights.

/// A stream of numbers.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: [u8; 256],
    i: u8,
    j: u8,
}

/// 2⁵², below which a number lacks bits; 2⁵³, from which on it has too many.
const SIGNIFICANT: f64 = 4_503_599_627_370_496.0;
const TOO_MANY: f64 = 2.0 * SIGNIFICANT;

impl Random {
    /// The stream of a seed.
    pub(super) fn new(seed: &str) -> Random {
        let mut key = vec![];
        let mut smear = 0u32;
        // The original's texts are of 16-bit units.
        for (at, unit) in seed.encode_utf16().enumerate() {
            let at = at & 255;
            if at == key.len() {
                key.push(0);
            }
            smear ^= u32::from(key[at]) * 19;
            key[at] = (smear.wrapping_add(u32::from(unit)) & 255) as u8;
        }
        if key.is_empty() {
            key.push(0);
        }
        let mut random = Random { state: std::array::from_fn(|i| i as u8), i: 0, j: 0 };
        let mut j = 0u8;
        for i in 0..256 {
            j = j.wrapping_add(key[i % key.len()]).wrapping_add(random.state[i]);
            random.state.swap(i, usize::from(j));
        }
        for _ in 0..256 {
            random.byte();
        }
        random
    }

    fn byte(&mut self) -> u8 {
        self.i = self.i.wrapping_add(1);
        let t = self.state[usize::from(self.i)];
        self.j = self.j.wrapping_add(t);
        self.state.swap(usize::from(self.i), usize::from(self.j));
        self.state[usize::from(t.wrapping_add(self.state[usize::from(self.i)]))]
    }

    /// From 0 up to 1.
    pub(super) fn next(&mut self) -> f64 {
        let mut numerator = (0..6).fold(0.0, |sum, _| sum * 256.0 + f64::from(self.byte()));
        let mut denominator = 281_474_976_710_656.0; // 256⁶
        let mut last = 0u32;
        while numerator < SIGNIFICANT {
            numerator = (numerator + f64::from(last)) * 256.0;
            denominator *= 256.0;
            last = u32::from(self.byte());
        }
        while numerator >= TOO_MANY {
            numerator /= 2.0;
            denominator /= 2.0;
            last >>= 1;
        }
        (numerator + f64::from(last)) / denominator
    }

    /// From a up to b.
    pub(super) fn between(&mut self, a: f64, b: f64) -> f64 {
        self.next() * (b - a) + a
    }

    /// Normally distributed, by Marsaglia's polar method.
    pub(super) fn normal(&mut self, mean: f64, variance: f64) -> f64 {
        loop {
            let (a, b) = (2.0 * self.next() - 1.0, 2.0 * self.next() - 1.0);
            let s = a * a + b * b;
            if s <= 1.0 {
                let wide = (-2.0 * crate::exact::ln(s) / s).sqrt() * a;
                return mean + variance.sqrt() * wide;
            }
        }
    }

    /// Mixes a list (Fisher and Yates).
    pub(super) fn shuffle<T>(&mut self, list: &mut [T]) {
        for count in (1..=list.len()).rev() {
            let index = (self.next() * count as f64) as usize;
            list.swap(count - 1, index);
        }
    }
}

/// The numbers that seedrandom's own page shows.
#[test]
fn numbers_are_those_of_seedrandom() {
    let mut random = Random::new("hello.");
    assert_eq!([random.next(), random.next()], [0.9282578795792454, 0.3752569768646784]);
}
