//! The CPU kernel of a pooling step: lanes of images or of channels in f32, plain loops else.
#![allow(unsafe_code)]

use super::cpu::{self, Tables};
use super::plain;
use super::rule::{Pooling, Work};
use super::{Order, Pool2d};
use crate::ops::conv2d::plain::{Number, Operand};
use crate::ops::lanes::Isa;
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_base::{DType, View};
use gradus_graph::{Layouts, Meta, Spec, Strategy};
use std::ops::Div;
use std::ptr::null;

/// A pooling on the CPU.
pub(super) struct OnCpu<'a>(pub &'a Pooling);

impl Strategy for OnCpu<'_> {
    /// Either lanes of images or lanes of channels, whichever the input lies in.
    fn layout_choices(&self, inputs: &[Meta], outputs: &[Meta]) -> Vec<Layouts> {
        if inputs[0].dtype != DType::F32 {
            return vec![Layouts::any(inputs.len(), outputs)];
        }
        let choice = |lanes: Order| {
            let axes = lanes.memory_order().to_vec();
            Layouts {
                inputs: vec![gradus_graph::Order::Axes(axes.clone()); inputs.len()],
                outputs: vec![axes; outputs.len()],
            }
        };
        let [batch, channels] = [inputs[0].shape[0], inputs[0].shape[1]];
        let first =
            if channels >= batch { Order::ChannelsInnermost } else { Order::BatchInnermost };
        let second = Order::ALL.into_iter().find(|&l| l != first).unwrap_or(first);
        vec![choice(first), choice(second)]
    }

    /// Where the maxima are matters to gradients only.
    fn may_skip(&self, output: usize) -> bool {
        self.0.work == Work::Max && output == 1
    }

    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel> {
        kernel(self.0.geometry(spec.inputs[0].view.shape), self.0.work, spec)
    }
}

struct Pooled {
    pool: Pool2d,
    work: Work,
    /// Which axis fills the lanes, and what the loops look up; `None` for plain loops.
    lanes: Option<(Order, Tables)>,
    dtype: DType,
    inputs: Vec<View>,
    /// Of a maximum also that of its places: with one axis, not four, if nobody reads them.
    outputs: Vec<View>,
    touches: Touches,
}

fn kernel(pool: Pool2d, work: Work, spec: &Spec) -> Box<dyn Kernel> {
    let inputs: Vec<View> = spec.inputs.iter().map(|s| s.view).collect();
    let outputs: Vec<View> = spec.outputs.iter().map(|s| s.view).collect();
    let dtype = spec.inputs[0].dtype;
    let fits = |order: &Order| {
        let want = gradus_graph::Order::Axes(order.memory_order().to_vec());
        inputs.iter().chain(&outputs).all(|v| v.shape.rank() != 4 || want.accepts(v))
    };
    let order = Order::ALL.into_iter().find(|o| dtype == DType::F32 && fits(o));
    let lanes = order.map(|order| (order, Tables::new(&pool, work)));
    Box::new(Pooled { pool, work, lanes, dtype, inputs, outputs, touches: spec.touches() })
}

// SAFETY: the geometry and the views come from the spec; the kernels touch no more. Indices come from `max`, or are the
// user's for an unpooling, which checks them first.
unsafe impl Kernel for Pooled {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        if matches!(self.work, Work::Pick | Work::Scatter) && !self.indices_fit(args) {
            return;
        }
        // SAFETY: the caller's pointers are valid for the views.
        unsafe {
            match (&self.lanes, self.dtype) {
                (Some((order, tables)), DType::F32) => self.fast(*order, tables, args),
                (None, DType::F64) => self.plain::<f64>(args),
                (None, DType::F32) => self.plain::<f32>(args),
                (_, dtype) => unreachable!("pools of {dtype} are cast"),
            }
        }
    }

    fn algorithm(&self) -> &str {
        match self.lanes {
            Some((Order::BatchInnermost, _)) => "batch lanes",
            Some((Order::ChannelsInnermost, _)) => "channel lanes",
            None => "plain loops",
        }
    }
}

impl Pooled {
    /// Reports an index outside the plane: one that a user made up.
    fn indices_fit(&self, args: &Args<'_>) -> bool {
        let view = &self.inputs[1];
        let (low, high) = view.reach();
        let plane = (self.pool.height * self.pool.width) as i32;
        // SAFETY: the views of this step are dense in some order, so all bytes between low and high are theirs.
        let all = unsafe {
            std::slice::from_raw_parts(args.input::<i32>(1).offset(low), (high - low) as usize)
        };
        match all.iter().find(|&&i| i < -1 || i >= plane) {
            Some(bad) => {
                args.fail(|| format!("index {bad} is outside a plane of {plane} pixels"));
                false
            }
            None => true,
        }
    }

    /// Whether a maximum's places are read.
    fn places(&self) -> bool {
        self.outputs[1].shape.rank() == 4
    }

    unsafe fn fast(&self, order: Order, tables: &Tables, args: &Args<'_>) {
        let (a, out) = (args.input::<f32>(0), args.output::<f32>(0));
        let indices = match self.work {
            Work::Max if self.places() => args.output::<i32>(1).cast_const(),
            Work::Max => null(),
            Work::Mean | Work::MeanGradient => null(),
            _ => args.input::<i32>(1),
        };
        let (x, y) = match self.work {
            Work::Max | Work::Pick | Work::Mean => (a, out.cast_const()),
            Work::Scatter | Work::MaxGradient | Work::MeanGradient => (out.cast_const(), a),
        };
        // SAFETY: as `launch`.
        unsafe { cpu::pool_planes(Isa::current(), tables, order.planes(&self.pool, x, y, indices)) }
    }

    unsafe fn plain<T: Number + PartialOrd + Div<Output = T>>(&self, args: &Args<'_>) {
        let a = Operand::new(args.input::<T>(0), &self.inputs[0]);
        let out = Operand::new(args.output::<T>(0).cast_const(), &self.outputs[0]);
        let indices = || Operand::new(args.input::<i32>(1), &self.inputs[1]);
        // SAFETY: as `launch`.
        unsafe {
            match self.work {
                Work::Max => {
                    let places =
                        || Operand::new(args.output::<i32>(1).cast_const(), &self.outputs[1]);
                    plain::max(&self.pool, a, out, self.places().then(places));
                }
                Work::Pick => plain::pick(&self.pool, a, indices(), out),
                Work::Scatter | Work::MaxGradient => plain::scatter(&self.pool, a, indices(), out),
                Work::Mean => plain::mean(&self.pool, a, out),
                Work::MeanGradient => plain::mean_gradient(&self.pool, a, out),
            }
        }
    }
}
