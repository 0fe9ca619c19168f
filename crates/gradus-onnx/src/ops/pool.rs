//! Pooling over one or two axes.

use super::convolution::{Geometry, over_two};
use super::{Op, one};
use crate::call::Call;
use crate::{Error, Result};
use gradus_tensor::{DType, Pool, Tensor};

pub(super) const OPS: &[(&str, Op)] = &[
    ("AveragePool", mean_pool),
    ("GlobalAveragePool", |c| global(c, |x, axes| x.mean(axes))),
    ("GlobalLpPool", |c| {
        let p = c.int("p", 2)? as f64;
        global(c, |x, axes| x.abs().pow(p).sum(axes).pow(1.0 / p))
    }),
    ("GlobalMaxPool", |c| global(c, |x, axes| x.max(axes))),
    ("LpPool", lp_pool),
    ("MaxPool", max_pool),
];

fn global(c: &Call<'_>, f: impl FnOnce(&Tensor, Vec<isize>) -> Tensor) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let axes: Vec<isize> = (2..x.rank() as isize).collect();
    let kept = (2..x.rank()).fold(x.shape(), |shape, a| shape.with(a, 1));
    one(f(x, axes).reshape(kept))
}

fn windows(c: &Call<'_>, g: &Geometry) -> Result<Pool> {
    Ok(Pool {
        kernel: g.kernel,
        stride: g.stride,
        padding: g.pads,
        dilation: g.dilation,
        ceil: c.int("ceil_mode", 0)? == 1,
        count_include_pad: c.int("count_include_pad", 0)? == 1,
    })
}

/// Places count through the whole input: ((n·C + c)·H + h)·W + w.
fn max_pool(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let g = Geometry::of(c, x, None)?;
    let pool = windows(c, &g)?;
    let wide = x.dtype();
    let x = if wide.is_float() { x.clone() } else { x.cast(DType::F32) };
    if c.node.outputs.len() < 2 {
        return one(over_two(g.flat, &x, |x| x.max_pool2d(pool)).cast(wide));
    }
    if c.int("storage_order", 0)? == 1 {
        return Err(Error::new("places in column-major order are not given"));
    }
    let (y, places) = if g.flat { x.unsqueeze(2) } else { x.clone() }.max_pool2d_with_indices(pool);
    let plane: usize = x.shape()[2..].iter().product();
    let planes = x.shape()[0] * x.shape()[1];
    let first: Vec<i64> = (0..planes as i64).map(|i| i * plane as i64).collect();
    let first = Tensor::from_slice(&first, [x.shape()[0], x.shape()[1], 1, 1]);
    let places = places.cast(DType::I64) + first;
    let back = |t: Tensor| if g.flat { t.squeeze(2) } else { t };
    Ok(vec![back(y).cast(wide), back(places)])
}

fn mean_pool(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let g = Geometry::of(c, x, None)?;
    let pool = windows(c, &g)?;
    if pool.dilation != [1, 1] {
        return Err(Error::new(format!("dilations {:?}; a mean has none here", pool.dilation)));
    }
    one(over_two(g.flat, x, |x| x.mean_pool2d(pool)))
}

/// (Σ|x|^p)^(1/p) of each window: a mean times the window's size.
fn lp_pool(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let g = Geometry::of(c, x, None)?;
    let pool = Pool { count_include_pad: true, ..windows(c, &g)? };
    if pool.dilation != [1, 1] || pool.ceil {
        return Err(Error::new("dilations and ceil_mode are not there"));
    }
    let (p, size) = (c.int("p", 2)? as f64, (g.kernel[0] * g.kernel[1]) as f64);
    let sums = over_two(g.flat, &x.abs().pow(p), |x| x.mean_pool2d(pool)) * size;
    one(sums.pow(1.0 / p))
}
