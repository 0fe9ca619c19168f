//! The names that Node calls.
#![allow(unsafe_code)] // of an exported name only the linker knows that it is the only one

use crate::{CASES, work};
use std::cell::RefCell;

thread_local! {
    /// What the last case gave.
    static NUMBERS: RefCell<Vec<f64>> = const { RefCell::new(vec![]) };
}

/// Runs a case of [`CASES`]; gives how many numbers there are to [`number`].
#[unsafe(no_mangle)]
pub(crate) extern "C" fn run(case: usize) -> usize {
    NUMBERS.replace((CASES[case].run)());
    NUMBERS.with_borrow(Vec::len)
}

/// A number of the last case.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn number(i: usize) -> f64 {
    NUMBERS.with_borrow(|numbers| numbers[i])
}

/// Takes so many steps with a tiny network; gives the last loss.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn train(steps: usize) -> f64 {
    work::train(steps)
}

/// Multiplies matrices of n × n so many times; gives the sum of all elements.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn multiply(n: usize, times: usize) -> f64 {
    work::multiply(n, times)
}
