//! temporary
use crate::exec::{Args, Kernel};
use gradus_base::*;
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReduceOp {
    Sum,
    Prod,
    Min,
    Max,
}
impl ReduceOp {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Prod => "prod",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}
unsafe fn load(d: DType, p: *const u8, i: usize) -> f64 {
    unsafe {
        match d {
            DType::F32 => *p.cast::<f32>().add(i) as f64,
            DType::F64 => *p.cast::<f64>().add(i),
            DType::I32 => *p.cast::<i32>().add(i) as f64,
            DType::I64 => *p.cast::<i64>().add(i) as f64,
            DType::F16 => (*p.cast::<f16>().add(i)).to_f64(),
            DType::BF16 => (*p.cast::<bf16>().add(i)).to_f64(),
            _ => *p.add(i) as f64,
        }
    }
}
unsafe fn store(d: DType, p: *mut u8, i: usize, v: f64) {
    unsafe {
        match d {
            DType::F32 => *p.cast::<f32>().add(i) = v as f32,
            DType::F64 => *p.cast::<f64>().add(i) = v,
            DType::I32 => *p.cast::<i32>().add(i) = v as i32,
            DType::I64 => *p.cast::<i64>().add(i) = v as i64,
            DType::F16 => *p.cast::<f16>().add(i) = f16::from_f64(v),
            DType::BF16 => *p.cast::<bf16>().add(i) = bf16::from_f64(v),
            DType::U8 => *p.add(i) = v as u8,
            DType::Bool => *p.add(i) = (v != 0.0) as u8,
        }
    }
}
fn at(v: &View, i: usize) -> isize {
    let mut f = i;
    let mut p = 0;
    for a in (0..v.shape.rank()).rev() {
        p += (f % v.shape[a]) as isize * v.strides[a];
        f /= v.shape[a];
    }
    p
}
pub struct Pointwise {
    e: Expr,
    n: usize,
    i: Vec<(DType, View)>,
    o: Vec<(DType, View)>,
}
impl Pointwise {
    pub fn new(
        expr: &Expr,
        _c: DType,
        shape: Shape,
        i: &[(DType, View)],
        o: &[(DType, View)],
    ) -> Self {
        Self { e: expr.clone(), n: shape.len(), i: i.to_vec(), o: o.to_vec() }
    }
}
unsafe impl Kernel for Pointwise {
    unsafe fn run(&self, a: &Args<'_>) {
        unsafe {
            for k in 0..self.n {
                let x: Vec<f64> = self
                    .i
                    .iter()
                    .enumerate()
                    .map(|(j, (d, v))| {
                        load(*d, a.input::<u8>(j).offset(at(v, k) * d.size() as isize), 0)
                    })
                    .collect();
                let y = self.e.eval(&x);
                for (j, (d, v)) in self.o.iter().enumerate() {
                    store(*d, a.output::<u8>(j).offset(at(v, k) * d.size() as isize), 0, y[j]);
                }
            }
        }
    }
}
pub struct Reduce {
    e: Expr,
    op: ReduceOp,
    n: usize,
    i: Vec<(DType, View)>,
    o: (DType, View),
}
impl Reduce {
    pub fn new(
        expr: &Expr,
        _c: DType,
        op: ReduceOp,
        shape: Shape,
        _r: &[bool],
        i: &[(DType, View)],
        o: (DType, View),
    ) -> Self {
        Self { e: expr.clone(), op, n: shape.len(), i: i.to_vec(), o }
    }
}
unsafe impl Kernel for Reduce {
    unsafe fn run(&self, a: &Args<'_>) {
        unsafe {
            let (d, v) = &self.o;
            let mut m = std::collections::BTreeMap::new();
            {
                let mut sizes = v.shape;
                for x in 0..sizes.rank() {
                    if v.strides[x] == 0 {
                        sizes = sizes.with(x, 1);
                    }
                }
                let vv = View { shape: sizes, ..*v };
                for k in 0..sizes.len() {
                    m.insert(
                        at(&vv, k),
                        match self.op {
                            ReduceOp::Sum => 0.,
                            ReduceOp::Prod => 1.,
                            ReduceOp::Min => f64::INFINITY,
                            ReduceOp::Max => f64::NEG_INFINITY,
                        },
                    );
                }
            }
            for k in 0..self.n {
                let x: Vec<f64> = self
                    .i
                    .iter()
                    .enumerate()
                    .map(|(j, (d, v))| {
                        load(*d, a.input::<u8>(j).offset(at(v, k) * d.size() as isize), 0)
                    })
                    .collect();
                let y = self.e.eval(&x)[0];
                let s = m.get_mut(&at(v, k)).unwrap();
                *s = match self.op {
                    ReduceOp::Sum => *s + y,
                    ReduceOp::Prod => *s * y,
                    ReduceOp::Min => Real::min(*s, y),
                    ReduceOp::Max => Real::max(*s, y),
                };
            }
            for (p, s) in m {
                store(*d, a.output::<u8>(0).offset(p * d.size() as isize), 0, s);
            }
        }
    }
}
pub struct RowLoop {
    e: Expr,
    i: Vec<(DType, isize, isize)>,
}
impl RowLoop {
    pub fn new(expr: &Expr, _c: DType, i: &[(DType, isize, isize)]) -> Self {
        Self { e: expr.clone(), i: i.to_vec() }
    }
    pub unsafe fn apply(
        &self,
        inputs: &[*const u8],
        row: usize,
        col: usize,
        at: *mut u8,
        len: usize,
    ) {
        unsafe {
            for c in 0..len {
                let x: Vec<f64> = self
                    .i
                    .iter()
                    .enumerate()
                    .map(|(j, (d, rs, cs))| {
                        if j == 0 {
                            load(*d, at, c)
                        } else {
                            load(
                                *d,
                                inputs[j].offset(
                                    (row as isize * rs + (col + c) as isize * cs)
                                        * d.size() as isize,
                                ),
                                0,
                            )
                        }
                    })
                    .collect();
                store(self.i[0].0, at, c, self.e.eval(&x)[0]);
            }
        }
    }
}
