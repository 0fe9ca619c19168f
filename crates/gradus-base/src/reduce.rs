//! `ReduceOp`: how a reduction combines values.

use crate::expr::Op;

/// How a reduction combines values.
///
/// ```
/// use gradus_base::ReduceOp;
/// assert_eq!((ReduceOp::Max.name(), ReduceOp::Prod.identity()), ("max", 1.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReduceOp {
    /// The sum; of nothing 0.
    Sum,
    /// The product; of nothing 1.
    Prod,
    /// The smallest, NaN if any is; of nothing ∞ or the largest integer.
    Min,
    /// The largest, NaN if any is; of nothing −∞ or the smallest integer.
    Max,
}

impl ReduceOp {
    /// `sum`, `prod`, `min`, `max`.
    pub fn name(self) -> &'static str {
        match self {
            ReduceOp::Sum => "sum",
            ReduceOp::Prod => "prod",
            ReduceOp::Min => "min",
            ReduceOp::Max => "max",
        }
    }
    /// The operation that combines two values.
    pub fn op(self) -> Op {
        match self {
            ReduceOp::Sum => Op::Add,
            ReduceOp::Prod => Op::Mul,
            ReduceOp::Min => Op::Min,
            ReduceOp::Max => Op::Max,
        }
    }
    /// The value of an empty reduction; integers take the nearest they have.
    pub fn identity(self) -> f64 {
        match self {
            ReduceOp::Sum => 0.0,
            ReduceOp::Prod => 1.0,
            ReduceOp::Min => f64::INFINITY,
            ReduceOp::Max => f64::NEG_INFINITY,
        }
    }
}
