//! Random cases: numbers, expressions, shapes and views.

use gradus_base::expr::Sym;
use gradus_base::{DType, Expr, Real, Shape, View, bf16, f16};

/// A small generator: xorshift64*.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.bits() >> 33) as usize % n
    }
    pub(crate) fn real(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// An expression of smooth operations whose values stay within a small range.
    pub(crate) fn expr(&mut self, inputs: usize, outputs: usize) -> Expr {
        Expr::trace(inputs, |x| {
            let mut v = x.to_vec();
            v.push(Sym::constant(0.75));
            for _ in 0..2 + self.below(10) {
                let (a, b) = (self.pick(&v), self.pick(&v));
                v.push(self.operation(a, b));
            }
            let n = v.len();
            (0..outputs).map(|_| v[n - 1 - self.below(n.min(4))]).collect()
        })
    }

    fn operation(&mut self, a: Sym, b: Sym) -> Sym {
        let c = Sym::constant;
        match self.below(14) {
            0 | 1 => (a + b) * c(0.5),
            2 => (a - b) * c(0.5),
            3 | 4 => (a * b).tanh(),
            5 => a / (c(2.0) + b * b),
            6 => a.min(b),
            7 => a.max(b),
            8 => (-(a * a)).exp(),
            9 => a.abs().ln_1p(),
            10 => a.sin() * b.cos(),
            11 => (a * b + c(4.0) * b.abs() + c(1.0)).abs().sqrt() * c(0.25),
            12 => a.erf() - b.atan() * c(0.25),
            _ => -a,
        }
    }

    /// A shape of rank up to 5, now and then with an axis of 0 or 1.
    pub(crate) fn shape(&mut self) -> Shape {
        let rank = self.below(6);
        let most = [2000, 600, 60, 18, 9, 6][rank];
        let sizes: Vec<usize> = (0..rank)
            .map(|_| match self.below(12) {
                0 => 1,
                1 if self.below(4) == 0 => 0,
                2 => 8,
                _ => 1 + self.below(most),
            })
            .collect();
        Shape::new(&sizes)
    }

    /// A view of that shape: permuted, sliced, turned, and with broadcast axes if allowed; and how many elements its
    /// buffer has.
    pub(crate) fn view(&mut self, shape: Shape, broadcast: bool) -> (View, usize) {
        let rank = shape.rank();
        let mut order: Vec<usize> = (0..rank).collect();
        if self.below(2) == 0 {
            for i in (1..rank).rev() {
                order.swap(i, self.below(i + 1));
            }
        }
        let (mut strides, mut offset, mut len) = ([0; gradus_base::MAX_RANK], 0, 1);
        let plain = self.below(2) == 0;
        for &axis in order.iter().rev() {
            if broadcast && self.below(4) == 0 {
                continue;
            }
            let step = if plain { 1 } else { 1 + self.below(8) / 6 };
            let stride = (len * step) as isize;
            let turned = !plain && self.below(6) == 0;
            if turned {
                offset += stride as usize * shape[axis].saturating_sub(1);
            }
            strides[axis] = if turned { -stride } else { stride };
            len *= step * shape[axis].max(1);
        }
        let lead = if plain { 0 } else { self.below(4) };
        (View { shape, strides, offset: offset + lead }, len + lead)
    }
}

/// A buffer of elements of some type.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Data {
    pub(crate) dtype: DType,
    pub(crate) bytes: Vec<u8>,
}

impl Data {
    pub(crate) fn new(dtype: DType, len: usize, mut value: impl FnMut() -> f64) -> Data {
        let mut d = Data { dtype, bytes: vec![0; len * dtype.size()] };
        (0..len).for_each(|i| d.set(i, value()));
        d
    }
    pub(crate) fn get(&self, i: usize) -> f64 {
        let p = self.bytes[i * self.dtype.size()..].as_ptr();
        // SAFETY: within the bytes, checked by the slice.
        unsafe {
            match self.dtype {
                DType::F32 => p.cast::<f32>().read_unaligned().into(),
                DType::F64 => p.cast::<f64>().read_unaligned(),
                DType::F16 => p.cast::<f16>().read_unaligned().to_f64(),
                DType::BF16 => p.cast::<bf16>().read_unaligned().to_f64(),
                DType::I32 => p.cast::<i32>().read_unaligned().into(),
                DType::I64 => p.cast::<i64>().read_unaligned() as f64,
                DType::U8 | DType::Bool => p.read().into(),
            }
        }
    }
    pub(crate) fn set(&mut self, i: usize, x: f64) {
        let p = self.bytes[i * self.dtype.size()..].as_mut_ptr();
        // SAFETY: within the bytes, checked by the slice.
        unsafe {
            match self.dtype {
                DType::F32 => p.cast::<f32>().write_unaligned(x as f32),
                DType::F64 => p.cast::<f64>().write_unaligned(x),
                DType::F16 => p.cast::<f16>().write_unaligned(f16::from_f64(x)),
                DType::BF16 => p.cast::<bf16>().write_unaligned(bf16::from_f64(x)),
                DType::I32 => p.cast::<i32>().write_unaligned(x as i32),
                DType::I64 => p.cast::<i64>().write_unaligned(x as i64),
                DType::U8 => p.write(x as u8),
                DType::Bool => p.write(u8::from(x != 0.0)),
            }
        }
    }
}
