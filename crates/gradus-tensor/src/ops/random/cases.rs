//! What random numbers are checked with: the words of the stream that the key names, seed and step.

use crate::ops::check;
use crate::{DType, Key, Tensor};
use gradus_base::philox::Rng;
use gradus_testkit::{Array, Case};

/// Elements of a draw: a tile of counters and a rest.
const LEN: usize = 1031;

pub(crate) fn cases() -> Vec<Case> {
    let turn = std::f64::consts::TAU;
    vec![
        draw("rand", |key| key.uniform_of([LEN], DType::F64), |u| u),
        // Box & Muller: each pair of uniform numbers makes two normal ones.
        draw(
            "randn",
            |key| key.normal_of([LEN], DType::F64),
            move |[u, v]| {
                let radius = (-2.0 * (1.0 - u).ln()).sqrt();
                [radius * (turn * v).cos(), radius * (turn * v).sin()]
            },
        ),
        // The upper 53 of 64 bits, of which f64 holds no more.
        draw(
            "random_bits",
            |key| key.bits([LEN]).cast(DType::F64),
            |pair| {
                pair.map(|u| if u < 0.5 { u * 2f64.powi(64) } else { (u - 1.0) * 2f64.powi(64) })
            },
        ),
    ]
}

/// What `make` makes of each pair of uniform numbers.
fn draw(
    name: &str,
    op: impl Fn(&Key) -> Tensor + 'static,
    make: impl Fn([f64; 2]) -> [f64; 2] + 'static,
) -> Case {
    let case = check(name, move |x| op(&Key::of(&x[0]).stream(3))).typed([2], DType::I64, 0..1000);
    case.not_differentiable().dtypes(&[DType::F64]).empty_axis(None).oracle_of(move |x| {
        let mut stream = Rng::new(x[0].values[0] as u64, 3, x[0].values[1] as u32);
        let pairs = (0..LEN.div_ceil(2)).map(|_| make([stream.unit(), stream.unit()]));
        Array::new([LEN], pairs.flatten().take(LEN).collect::<Vec<f64>>())
    })
}
