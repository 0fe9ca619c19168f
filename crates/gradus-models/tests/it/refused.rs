//! Networks for samples that they cannot be built for: one error each, and nothing unwinds for it.

use gradus_models::{Design, ZOO};
use gradus_nn::{Context, Init, Layer};
use gradus_tensor::{Tensor, try_build};

#[test]
fn no_network_unwinds_over_a_strange_sample() {
    let mut refused = 0;
    for entry in ZOO {
        for (input, classes) in [
            (&[][..], 10),
            (&[7], 10),
            (&[2, 3], 2),
            (&[1, 1, 1], 10),
            (&[3, 9, 4], 3),
            (&[0; 4], 0),
        ] {
            let mut went_on = false;
            let built = try_build(|| {
                let model = (entry.build)(&Design::new(input, classes), &Init::blank());
                let y = model.forward(&Tensor::zeros([2, 5]), &Context::eval());
                went_on = true;
                y
            });
            assert!(went_on, "{} on {input:?} unwound: {built:?}", entry.name);
            refused += usize::from(built.is_err());
        }
    }
    assert!(refused > ZOO.len(), "{refused}");
}
