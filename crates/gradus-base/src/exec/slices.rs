//! `Slices`: a kernel that is a function of slices.

use super::kernel::{Args, Kernel, Touches};
use crate::{DType, Element, Shape, View};
use std::marker::PhantomData;

/// Values of one kernel, inputs and outputs together, at most.
const MOST: usize = 16;

/// A kernel over dense values of one element type, as a function of slices: it cannot reach outside of them. What it says in place of
/// doing its work is reported as a bad value in the data.
///
/// ```
/// use gradus_base::exec::{Kernel, Slices};
/// let double = Slices::new([3], [3], |x: &[&[f32]], y: &mut [&mut [f32]]| {
///     y[0].iter_mut().zip(x[0]).for_each(|(y, x)| *y = x + x);
///     Ok(())
/// });
/// assert_eq!(double.touches().inputs(), [(0, 12)]);
/// ```
pub struct Slices<T, F> {
    lens: Vec<usize>,
    inputs: usize,
    touches: Touches,
    function: F,
    element: PhantomData<fn() -> T>,
}

impl<T, F> Slices<T, F>
where
    T: Element,
    F: Fn(&[&[T]], &mut [&mut [T]]) -> Result<(), String> + Send + Sync,
{
    /// The kernel of inputs and outputs of so many elements.
    ///
    /// # Panics
    /// If there are more than 16 of them, or they are booleans, of which not every byte is one.
    pub fn new<I, O>(inputs: I, outputs: O, function: F) -> Slices<T, F>
    where
        I: IntoIterator<Item = usize>,
        O: IntoIterator<Item = usize>,
    {
        assert!(T::DTYPE != DType::Bool, "slices of booleans");
        let mut lens: Vec<usize> = inputs.into_iter().collect();
        let inputs = lens.len();
        lens.extend(outputs);
        assert!(lens.len() <= MOST, "{} slices, at most {MOST} are possible", lens.len());
        let dense = |&len: &usize| (T::DTYPE, View::dense(Shape::from([len])));
        let touches =
            Touches::new(lens[..inputs].iter().map(dense), lens[inputs..].iter().map(dense));
        Slices { lens, inputs, touches, function, element: PhantomData }
    }
}

// SAFETY: the slices are what it touches, and every bit pattern is a number.
unsafe impl<T, F> Kernel for Slices<T, F>
where
    T: Element,
    F: Fn(&[&[T]], &mut [&mut [T]]) -> Result<(), String> + Send + Sync,
{
    unsafe fn launch(&self, args: &Args<'_>) {
        let (inputs, outputs) = self.lens.split_at(self.inputs);
        let mut x: [&[T]; MOST] = [&[]; MOST];
        for (i, &len) in inputs.iter().enumerate() {
            // SAFETY: the caller's pointers are valid for as many elements; inputs are only read.
            x[i] = unsafe { std::slice::from_raw_parts(args.input(i), len) };
        }
        let mut y: [&mut [T]; MOST] = std::array::from_fn(|_| &mut [][..]);
        for (i, &len) in outputs.iter().enumerate() {
            // SAFETY: as above; outputs overlap nothing.
            y[i] = unsafe { std::slice::from_raw_parts_mut(args.output(i), len) };
        }
        if let Err(what) = (self.function)(&x[..inputs.len()], &mut y[..outputs.len()]) {
            args.fail(|| what);
        }
    }

    fn touches(&self) -> &Touches {
        &self.touches
    }
}
