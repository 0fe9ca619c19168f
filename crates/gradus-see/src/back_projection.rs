//! What in a picture made a unit large: its activation sent back to the pixels, by the rule that is wanted at each ReLU.

use crate::Subject;
use crate::attribution::Rule;
use gradus_base::{Error, Result};
use gradus_tensor::{Tensor, gradients_by};

/// What is passed back through a ReLU. Through a max pool all go by its switches: to where the maximum was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backward {
    /// The derivative: what arrives, where the ReLU's input was positive.
    Gradient,
    /// What arrives, where it is positive itself, whatever the input was.   Zeiler & Fergus 2013, arXiv:1311.2901
    Deconvolution,
    /// Both: what arrives and is positive, where the input was.   Springenberg et al. 2014, arXiv:1412.6806
    Guided,
}

impl Backward {
    fn rule(self) -> Rule {
        match self {
            Backward::Gradient => Rule::Derivative,
            Backward::Deconvolution => Rule::Deconvnet,
            Backward::Guided => Rule::Guided,
        }
    }
}

impl Subject {
    /// Sends one unit of a layer back to the pixels of each picture: `units` and `places` (row by row in the unit's map) have one for
    /// each.
    ///
    /// **Shape** `[B, C, H, W]` → the same.
    ///
    /// # Errors
    /// When the layer does not exist, or has no such unit or place.
    ///
    /// **Paper** Zeiler & Fergus 2013, arXiv:1311.2901 §2.1; Springenberg et al. 2014, arXiv:1412.6806 §3.4
    pub fn sent_back(
        &self,
        x: &Tensor,
        layer: &str,
        units: &[usize],
        places: &[usize],
        rule: Backward,
    ) -> Result<Tensor> {
        let y = self.watched(x, &[layer])?.layers.remove(0);
        let (batch, count) = (x.size(0), y.shape().get(1).copied().unwrap_or(1));
        let area = y.len() / (batch * count).max(1);
        let fits =
            |all: &[usize], most: usize| all.len() == batch && all.iter().all(|at| *at < most);
        if !fits(units, count) || !fits(places, area) {
            let what = format!(
                "found units {units:?} at places {places:?}, expected one of each for {batch} pictures, below {count} and {area}"
            );
            return Err(Error::value("sent_back", what));
        }
        let mut chosen = vec![0f32; y.len()];
        for (b, (unit, place)) in units.iter().zip(places).enumerate() {
            chosen[(b * count + unit) * area + place] = 1.0;
        }
        let chosen = Tensor::from_slice(&chosen, y.shape()).cast(y.dtype());
        // The activation itself is what is sent: a unit that is negative is turned over.
        let sent = (&y * &chosen * y.stop_gradient()).sum(..);
        let found =
            gradients_by(&sent, std::slice::from_ref(x), |at| rule.rule().at(at))?.remove(0);
        Ok(found.unwrap_or_else(|| x.zeros_like()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_nn::{Init, Sequential, layers::*, parameters};

    /// Two pixels to two units to one: y = relu(w·x), z = v·y, by hand.
    fn subject(w: [f32; 4], v: [f32; 2]) -> Subject {
        let model = Sequential::new([1, 1, 2], &Init::new(0))
            .add(flatten())
            .add(dense(2).bias(false))
            .add(relu())
            .add(dense(1).bias(false));
        let all = parameters(&model);
        all[0].1.variable().set(&Tensor::from_slice(&w, [2, 2])).unwrap();
        all[1].1.variable().set(&Tensor::from_slice(&v, [2, 1])).unwrap();
        Subject::new(model.into())
    }

    #[test]
    fn rules_by_hand() {
        // y = relu([x0 + 2·x1, x0 − 3·x1]) at (1, 1): [3, 0]; z = −1·y0 + 4·y1 = −3.
        let subject = subject([1.0, 1.0, 2.0, -3.0], [-1.0, 4.0]);
        let x = Tensor::from_slice(&[1f32, 1.0], [1, 1, 1, 2]);
        assert_eq!(subject.scores(&x).item(), -3.0);
        let back = |layer: &str, unit, rule| {
            subject.sent_back(&x, layer, &[unit], &[0], rule).unwrap().to_vec::<f32>()
        };
        // From z, −3 is sent: to y it is 3 and −12. The derivative stops at y1, which is closed.
        assert_eq!(back("dense2", 0, Backward::Gradient), [3.0, 6.0]);
        assert_eq!(back("dense2", 0, Backward::Guided), [3.0, 6.0]);
        assert_eq!(back("dense2", 0, Backward::Deconvolution), [3.0, 6.0]);
        // Where y1 is wanted more, −(−12) goes through the closed unit by Zeiler's rule alone.
        let other = self::subject([1.0, 1.0, 2.0, -3.0], [1.0, 4.0]);
        let back = |rule| other.sent_back(&x, "dense2", &[0], &[0], rule).unwrap().to_vec::<f32>();
        // z = 3: to y 3 and 12; y0 gives [3, 6], y1 [12, −36].
        assert_eq!(back(Backward::Guided), [3.0, 6.0]);
        assert_eq!(back(Backward::Deconvolution), [15.0, -30.0]);
        let refused = other.sent_back(&x, "dense2", &[1], &[0], Backward::Guided).unwrap_err();
        assert!(refused.to_string().contains("below 1 and 1"), "{refused}");
    }

    /// Through a max pool it goes to where the maximum was.
    #[test]
    fn switches_are_kept() {
        let model = Sequential::new([1, 2, 4], &Init::new(0)).add(max_pool2d(2)).add(flatten());
        let subject = Subject::new(model.into());
        let x = Tensor::from_slice(&[0f32, 5.0, 1.0, 2.0, 3.0, 4.0, 8.0, 7.0], [1, 1, 2, 4]);
        let back = subject.sent_back(&x, "pool1", &[0], &[1], Backward::Deconvolution).unwrap();
        assert_eq!(back.to_vec::<f32>(), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 8.0, 0.0]);
    }
}
