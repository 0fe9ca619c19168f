//! Gradients in f32, which fast kernels compute, against those in f64, which differences have confirmed: of first and second
//! order, of kernel ops. (Pointwise ops are visited in both types far from 0, where it is harder.)

use crate::Array;
use crate::gradient::Probe;
use crate::session::Session;
use gradus_base::DType;

/// Rounding errors of a gradient relative to those of the value: it sums what the value has rounded.
const GROWTH: f64 = 20.0;
/// Gradients below this are compared absolutely.
const SMALL: f64 = 1e-2;

pub(crate) fn verify(session: &Session<'_>) -> Result<(), String> {
    let case = session.case;
    let dtypes = case.dtypes_under_test();
    let both = [DType::F64, DType::F32].iter().all(|dtype| dtypes.contains(dtype));
    if !case.differentiable || case.any_shape() || !both {
        return Ok(());
    }
    let mut probe = Probe::new(session, 0);
    probe.at = case.rounded(&probe.at, DType::F32);
    for order in [1, 2] {
        let slopes = |dtype| session.watch(&probe.slopes(order, dtype)?);
        let (want, got) = (slopes(DType::F64)?, slopes(DType::F32)?);
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            near(got, want, GROWTH * case.accepts(DType::F32)).map_err(|e| {
                format!("gradient of order {order} in f32, of float input {i}: {e}")
            })?;
        }
    }
    Ok(())
}

fn near(got: &Array, want: &Array, tolerance: f64) -> Result<(), String> {
    let size = want.values.iter().fold(SMALL, |most, w| most.max(w.abs()));
    let pairs = got.values.iter().zip(&want.values).enumerate();
    // A NaN is far from everything.
    let far = |(_, (got, want)): &(usize, (&f64, &f64))| {
        let close = (*got - *want).abs() <= tolerance * size;
        !close
    };
    match pairs.into_iter().find(far) {
        Some((i, (got, want))) => Err(format!(
            "element {i} is {got:e}, in f64 {want:e}: further apart than {tolerance:.0e} of {size:.2e}"
        )),
        None => Ok(()),
    }
}
